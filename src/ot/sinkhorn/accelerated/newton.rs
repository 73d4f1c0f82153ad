//! Newton's method on the truncated model.
//!
//! With M the model at the present potentials, its rows summing to a, moving the target potentials by d (in units of ε) and taking the best
//! source potentials for it changes the dual by
//!
//! ```text
//! D(d) = Σ b̃ⱼ dⱼ - Σ aᵢ ln sᵢ,    sᵢ = (M e^d)ᵢ / aᵢ
//! ```
//!
//! concave, with gradient b̃ - q for qⱼ = e^dⱼ (Mᵀ ρ)ⱼ, ρᵢ = 1/sᵢ, and Hessian -(diag q - Qᵀ diag(1/a) Q) for Qᵢⱼ = ρᵢ Mᵢⱼ e^dⱼ. b̃ is b plus what the model's q
//! at 0 is off, so that the gradient there is that of the true dual. Newton's direction comes from conjugate gradients, preconditioned
//! (see [`super::preconditioner`]), to a tolerance that tightens as the gradient falls (Dembo, Eisenstat and Steihaug 1982).

use super::model::TruncatedModel;
use super::preconditioner::Preconditioner;

/// How far to go.
#[derive(Clone, Copy)]
pub(super) struct Effort {
    /// The gradient's L1 norm at which to end.
    pub tolerance: f64,
    pub newton_steps: usize,
    /// Products with the model.
    pub products: usize,
    /// No entry of d grows beyond this: further away the model says nothing.
    pub radius: f64,
}

/// What came of it.
pub(super) struct Step {
    /// d: (m).
    pub shift: Vec<f64>,
    /// The gradient's L1 norm over that at the beginning.
    pub reduction: f64,
    /// Whether an entry of d reached the radius.
    pub at_radius: bool,
    /// Products with the model: each looks at every entry kept twice.
    pub products: usize,
}

/// The model at some d.
struct State {
    d: Vec<f64>,
    /// e^d.
    weights: Vec<f64>,
    /// M e^d.
    t: Vec<f64>,
    q: Vec<f64>,
    objective: f64,
}

pub(super) fn maximise(
    model: &mut TruncatedModel<'_>,
    a: &[f64],
    b: &[f64],
    marginal: &[f64],
    effort: Effort,
) -> Step {
    let m = model.columns();
    let mut products = 0;
    let mut state = evaluate(model, a, &vec![0.0; m], b, &mut products);
    // b̃: the gradient at zero is b - marginal, exactly.
    let target: Vec<f64> = (0..m).map(|j| b[j] - marginal[j] + state.q[j]).collect();
    state.objective = objective(&state, a, &target);
    let mut gradient = vec![0.0; m];
    slope_of(&target, &state.q, b, &mut gradient);
    let first = l1(&gradient);
    let mut error = first;
    let mut at_radius = false;
    let mut ridge = 1e-9;
    for _ in 0..effort.newton_steps {
        if error <= effort.tolerance || products >= effort.products || first == 0.0 {
            break;
        }
        let forcing = error.max(0.5 * effort.tolerance / error);
        let direction =
            direction(model, a, b, &state, &gradient, forcing, effort.products, ridge, &mut products);
        let slope: f64 = gradient.iter().zip(&direction).map(|(g, x)| g * x).sum();
        if !(slope > 0.0) {
            break;
        }
        let mut length = 1.0;
        let mut accepted = None;
        for _ in 0..8 {
            let mut clipped = false;
            let d: Vec<f64> = state
                .d
                .iter()
                .zip(&direction)
                .map(|(d, x)| {
                    let moved = d + length * x;
                    clipped |= moved.abs() > effort.radius;
                    moved.clamp(-effort.radius, effort.radius)
                })
                .collect();
            let mut next = evaluate(model, a, &d, &target, &mut products);
            next.objective = objective(&next, a, &target);
            // Rounding of sums near one must not stop a step that is right.
            if next.objective >= state.objective + 1e-4 * length * slope - 1e-15 {
                accepted = Some((next, clipped));
                break;
            }
            length *= 0.5;
        }
        let Some((next, clipped)) = accepted else {
            // Columns that hardly depend on others went too far: hold all back a little.
            ridge *= 1e3;
            if ridge > 1.0 {
                break;
            }
            continue;
        };
        at_radius = clipped;
        state = next;
        slope_of(&target, &state.q, b, &mut gradient);
        let before = error;
        error = l1(&gradient);
        if clipped && error > 0.7 * before {
            break;
        }
    }
    Step { shift: state.d, reduction: if first > 0.0 { error / first } else { 0.0 }, at_radius, products }
}

/// b̃ - q. Its sum, which is rounding, is taken out: the dual does not change with constants.
fn slope_of(target: &[f64], q: &[f64], b: &[f64], gradient: &mut [f64]) {
    for (g, (b, q)) in gradient.iter_mut().zip(target.iter().zip(q)) {
        *g = b - q;
    }
    let excess: f64 = gradient.iter().sum();
    gradient.iter_mut().zip(b).for_each(|(g, b)| *g -= excess * b);
}

fn l1(values: &[f64]) -> f64 {
    values.iter().map(|value| value.abs()).sum()
}

fn evaluate(model: &mut TruncatedModel<'_>, a: &[f64], d: &[f64], _: &[f64], products: &mut usize) -> State {
    *products += 1;
    let weights: Vec<f64> = d.iter().map(|d| d.exp()).collect();
    let (mut t, mut q) = (vec![0.0; model.rows()], vec![0.0; model.columns()]);
    model.product(&weights, |i, t| if t > 0.0 { a[i] / t } else { 0.0 }, &mut t, &mut q);
    q.iter_mut().zip(&weights).for_each(|(q, weight)| *q *= weight);
    State { d: d.to_vec(), weights, t, q, objective: f64::NAN }
}

fn objective(state: &State, a: &[f64], target: &[f64]) -> f64 {
    let linear: f64 = target.iter().zip(&state.d).map(|(b, d)| b * d).sum();
    let logs: f64 = a.iter().zip(&state.t).map(|(&a, &t)| if t > 0.0 { a * (t / a).ln() } else { 0.0 }).sum();
    linear - logs
}

/// x with H x = gradient, nearly.
#[allow(clippy::too_many_arguments)]
fn direction(
    model: &mut TruncatedModel<'_>,
    a: &[f64],
    b: &[f64],
    state: &State,
    gradient: &[f64],
    forcing: f64,
    most_products: usize,
    ridge: f64,
    products: &mut usize,
) -> Vec<f64> {
    let m = gradient.len();
    // H x = q x - w Mᵀ (ρ²/a) M (w x), with ρ/s = a/t² (t = a s).
    let curvature: Vec<f64> =
        a.iter().zip(&state.t).map(|(&a, &t)| if t > 0.0 { a / t / t } else { 0.0 }).collect();
    let preconditioner =
        Preconditioner::new(model, a, b, &state.t, &state.weights, &state.q, &curvature, ridge);
    let tolerance = forcing.clamp(1e-4, 0.1);
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let mut x = vec![0.0; m];
    let mut residual = gradient.to_vec();
    let mut z = vec![0.0; m];
    preconditioner.apply(&residual, &mut z);
    let mut rho = dot(&residual, &z);
    let target = tolerance * tolerance * rho;
    let mut p = z.clone();
    let (mut weighted, mut t, mut image) = (vec![0.0; m], vec![0.0; a.len()], vec![0.0; m]);
    while *products < most_products {
        weighted.iter_mut().zip(p.iter().zip(&state.weights)).for_each(|(y, (p, w))| *y = p * w);
        model.product(&weighted, |i, t| curvature[i] * t, &mut t, &mut image);
        *products += 1;
        for j in 0..m {
            image[j] = state.q[j] * p[j] - state.weights[j] * image[j] + ridge * b[j] * p[j];
        }
        let bend: f64 = p.iter().zip(&image).map(|(p, h)| p * h).sum();
        if !(bend > 0.0) {
            break;
        }
        let step = rho / bend;
        for j in 0..m {
            x[j] += step * p[j];
            residual[j] -= step * image[j];
        }
        preconditioner.apply(&residual, &mut z);
        let next = dot(&residual, &z);
        if next <= target {
            break;
        }
        let beta = next / rho;
        rho = next;
        for j in 0..m {
            p[j] = z[j] + beta * p[j];
        }
    }
    x
}
