//! Newton's method on the truncated model.
//!
//! With M the model at the present potentials, its rows summing to a, moving the target potentials by d (in units of ε) and taking the best
//! source potentials for it changes the dual by
//!
//! ```text
//! D(d) = Σ b̃ⱼ dⱼ - Σ aᵢ ln sᵢ,    sᵢ = (M e^d)ᵢ / aᵢ
//! ```
//!
//! concave, with gradient b̃ - q for qⱼ = e^dⱼ (Mᵀ ρ)ⱼ, ρᵢ = 1/sᵢ, and Hessian -(diag q - Qᵀ diag(1/a) Q) for Qᵢⱼ =
//! ρᵢ Mᵢⱼ e^dⱼ. b̃ is b plus what the model's q at 0 is off, so that the gradient there is that of the true dual.
//! Newton's direction comes from conjugate gradients, preconditioned (see [`super::preconditioner`]), to a tolerance
//! that tightens as the gradient falls (Dembo, Eisenstat and Steihaug 1982).

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
    let mut state = evaluate(model, a, &vec![0.0; m], &mut products);
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
        if slope.is_nan() || slope <= 0.0 {
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
            let mut next = evaluate(model, a, &d, &mut products);
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

fn evaluate(model: &mut TruncatedModel<'_>, a: &[f64], d: &[f64], products: &mut usize) -> State {
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
        if bend.is_nan() || bend <= 0.0 {
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

#[cfg(test)]
// Several vectors and a matrix are indexed alike.
#[allow(clippy::needless_range_loop)]
mod tests {
    use super::*;
    use crate::Matrix;
    use crate::matrix::{Distance, DistanceRows};
    use crate::ot::sinkhorn::Scaling;
    use crate::ot::sinkhorn::accelerated::model::{Blocks, Extraction, Rule};
    use crate::random::RandomStream;

    /// A plan, its model at a threshold, and what belongs to it.
    struct Setting {
        plan: Matrix<f64>,
        a: Vec<f64>,
        b: Vec<f64>,
        marginal: Vec<f64>,
    }

    fn with_model(threshold: f64, check: impl FnOnce(&Setting, &mut TruncatedModel<'_>)) {
        let (n, m) = (70, 90);
        let mut random = RandomStream::new(3);
        let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(n, 2), random.normal_matrix(m, 2));
        let costs =
            DistanceRows::<f64>::prepare("test", x.view(), y.view(), Distance::SquaredEuclidean, ["x", "y"])
                .unwrap();
        let (a, b) = (vec![1.0 / n as f64; n], vec![1.0 / m as f64; m]);
        let g: Vec<f64> = random.normal_matrix::<f64>(1, m).into_vec();
        let epsilon = 0.5;
        let mut scaling = Scaling::from_potentials(&vec![0.0; n], &g, &b, epsilon);
        let blocks = [Blocks::new(&[0, 20, 50, n]), Blocks::new(&[0, 32, 64, m])];
        let rule = Rule {
            least_by_row: a.iter().map(|a| threshold * a).collect(),
            least_by_column: b.iter().map(|b| threshold * b).collect(),
            row_blocks: &blocks[0],
            column_blocks: &blocks[1],
            capacity: n * m,
            inverse_scale: 1.0 / Scaling::<f64>::column_scale(),
        };
        let mut found: Vec<_> = (0..scaling.parts(&costs)).map(|_| Extraction::new(&rule)).collect();
        scaling.source_step(&costs, &a, epsilon, 1.0, &mut found);
        let marginal: Vec<f64> = scaling.columns().collect();
        let plan = Matrix::from_fn(n, m, |i, j| {
            a[i] * b[j] * (scaling.u[i] + (g[j] - costs.entry(i, j)) / epsilon).exp()
        });
        let mut model = TruncatedModel::new(found, [&blocks[0], &blocks[1]], &marginal).unwrap();
        check(&Setting { plan, a, b, marginal }, &mut model);
    }

    /// The model as a dense matrix, column by column.
    fn dense(model: &mut TruncatedModel<'_>) -> Matrix<f64> {
        let (n, m) = (model.rows(), model.columns());
        let mut dense = Matrix::zeros(n, m);
        let (mut t, mut out) = (vec![0.0; n], vec![0.0; m]);
        for j in 0..m {
            let mut unit = vec![0.0; m];
            unit[j] = 1.0;
            model.product(&unit, |_, t| t, &mut t, &mut out);
            for i in 0..n {
                dense[(i, j)] = t[i];
            }
        }
        dense
    }

    #[test]
    fn the_model_has_the_plans_marginals_and_its_large_entries() {
        for threshold in [1e-12, 1e-2, 0.3, 1e3] {
            with_model(threshold, |setting, model| {
                let (n, m) = setting.plan.shape();
                let matrix = dense(model);
                for i in 0..n {
                    let sum: f64 = matrix.row(i).iter().sum();
                    assert!((sum - setting.a[i]).abs() < 1e-6 * setting.a[i], "{threshold}: row {i}");
                }
                for j in 0..m {
                    let sum: f64 = matrix.column(j).sum();
                    assert!(
                        (sum - setting.marginal[j]).abs() < 1e-6 * setting.marginal[j],
                        "{threshold}: column {j}"
                    );
                }
                let least = threshold / 90.0;
                let mut kept = 0;
                for i in 0..n {
                    for j in 0..m {
                        let (entry, exact) = (matrix[(i, j)], setting.plan[(i, j)]);
                        if exact > least * 1.0001 {
                            kept += 1;
                            // The kept entry in single precision, and the rest's share on top of it.
                            assert!(entry >= exact * (1.0 - 1e-6), "{i} {j}");
                        }
                    }
                }
                assert!(kept <= model.nonzeros);
                if threshold == 1e-12 {
                    let error: f64 = matrix
                        .as_slice()
                        .iter()
                        .zip(setting.plan.as_slice())
                        .map(|(x, y)| (x - y).abs())
                        .sum();
                    assert!(error < 1e-6, "{error}");
                }
            });
        }
    }

    #[test]
    fn products_go_both_ways() {
        with_model(0.05, |_, model| {
            let matrix = dense(model);
            let (n, m) = matrix.shape();
            let mut random = RandomStream::new(9);
            let x = random.normal_matrix::<f64>(1, m).into_vec();
            let weights = random.normal_matrix::<f64>(1, n).into_vec();
            let (mut t, mut out) = (vec![0.0; n], vec![0.0; m]);
            model.product(&x, |i, t| weights[i] * t, &mut t, &mut out);
            for i in 0..n {
                let expected: f64 = matrix.row(i).iter().zip(&x).map(|(entry, x)| entry * x).sum();
                assert!((t[i] - expected).abs() < 1e-14);
            }
            for j in 0..m {
                let expected: f64 = (0..n).map(|i| matrix[(i, j)] * weights[i] * t[i]).sum();
                assert!((out[j] - expected).abs() < 1e-14);
            }
            let squares = model.weighted_squares(&vec![1.0; n]);
            for j in 0..m {
                let all: f64 = matrix.column(j).map(|entry| entry * entry).sum();
                assert!(squares[j] <= all * (1.0 + 1e-6));
            }
            let (rho, w) = (vec![2.0; n], vec![3.0; m]);
            let sums: f64 = model.block_sums(&rho, &w).iter().sum();
            let total: f64 = matrix.as_slice().iter().sum();
            assert!((sums - 6.0 * total).abs() < 1e-12);
        });
    }

    #[test]
    fn the_step_makes_the_models_columns_right() {
        for threshold in [1e-12, 0.05, 1e3] {
            with_model(threshold, |setting, model| {
                let matrix = dense(model);
                let effort = Effort { tolerance: 1e-12, newton_steps: 50, products: 5000, radius: 20.0 };
                let step = maximise(model, &setting.a, &setting.b, &setting.marginal, effort);
                assert!(!step.at_radius && step.products < 5000);
                // Columns of diag(ρ) M diag(e^d): b, but for what the model's own columns are off at zero.
                let t: Vec<f64> = (0..matrix.rows())
                    .map(|i| matrix.row(i).iter().zip(&step.shift).map(|(entry, d)| entry * d.exp()).sum())
                    .collect();
                for j in 0..matrix.columns() {
                    let column = |i: usize| matrix[(i, j)] * setting.a[i] / t[i];
                    let q: f64 = (0..matrix.rows()).map(|i| column(i) * step.shift[j].exp()).sum();
                    let at_zero: f64 = (0..matrix.rows())
                        .map(|i| matrix[(i, j)] * setting.a[i] / matrix.row(i).iter().sum::<f64>())
                        .sum();
                    let target = setting.b[j] - setting.marginal[j] + at_zero;
                    assert!((q - target).abs() < 1e-11, "{threshold} {j}: {q} {target}");
                }
            });
        }
    }
}
