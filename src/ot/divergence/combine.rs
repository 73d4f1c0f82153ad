//! Three entropic problems, converged together.

use super::options::Options;
use super::symmetric::{SelfTransport, Symmetric};
use crate::error::Result;
use crate::matrix::{Distance, MatrixView};
use crate::ot::certificate::Status;
use crate::ot::problem::{Costs, Problem, sum};
use crate::ot::progress::Progress;
use crate::ot::sinkhorn::gradient::{self, PointGradients, centre};
use crate::ot::sinkhorn::{self, EntropicCosts, Precision, Solution, Values};
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// The Sinkhorn divergence, with the three problems that it is made of.
#[derive(Debug)]
#[non_exhaustive]
pub struct Divergence<'a> {
    /// S_ε(a, b), from the dual values. Where these have left the range of numbers it is not finite, the bounds are
    /// infinite, and the status is not [`Status::Converged`].
    pub value: f64,
    /// The divergence is not below this.
    pub lower_bound: f64,
    /// The divergence is not above this.
    pub upper_bound: f64,
    /// How far `value` may be from it: the longer of the two ways to the bounds.
    pub error_bound: f64,
    /// [`Status::Converged`] if the interval is as short as was asked; else what kept it from being so.
    pub status: Status,
    /// ε, in units of the cost: the same for all three.
    pub epsilon: f64,
    /// Between the two clouds.
    pub cross: Solution<'a>,
    /// What it is worth, with its bounds.
    pub cross_values: Values,
    /// Within the sources.
    pub source_self: SelfTransport<'a>,
    /// Within the targets.
    pub target_self: SelfTransport<'a>,
}

/// The observer, and whether it has asked to stop.
pub(super) struct Watch<'o> {
    observer: &'o mut dyn FnMut(&Progress) -> ControlFlow<()>,
    stopped: bool,
}

impl Watch<'_> {
    pub(super) fn look(&mut self, stage: &'static str, iterations: u64, residual: f64) -> bool {
        let progress = Progress { stage, iterations, cost: f64::NAN, residual, fraction: f64::NAN };
        self.stopped |= (self.observer)(&progress).is_break();
        self.stopped
    }
}

/// The gap of a term, with what rounding may have done to its two values; infinite where they have left the range,
/// since nothing is proved then.
fn gap(values: &Values, epsilon: f64, potentials: [&[f64]; 2], weights: [&[f64]; 2]) -> f64 {
    let size: f64 = potentials
        .iter()
        .zip(weights)
        .map(|(p, w)| p.iter().zip(w).map(|(p, w)| (p * w).abs()).sum::<f64>())
        .sum();
    // Compensated sums of products, of plan entries whose exponents are rounded to EPS times the potentials over ε.
    // Where ε is large, masses that are rounded to EPS are worth ε times as much.
    let entropic = epsilon * weights[0].iter().sum::<f64>().max(values.mass);
    let rounding =
        32.0 * f64::EPSILON * (size + entropic + values.transport_cost.abs() + values.dual_with_kl.abs());
    let gap = values.gap + rounding;
    if gap.is_finite() && values.dual_with_kl.is_finite() { gap.max(rounding) } else { f64::INFINITY }
}

fn self_gap(plan: &sinkhorn::EntropicPlan<'_>, values: &Values) -> f64 {
    let f = plan.source_potentials();
    gap(values, plan.epsilon(), [f, f], [plan.source_weights(); 2])
}

pub(super) fn solve<'a, T: Scalar>(
    problem: &Problem<'a, T>,
    [source_costs, target_costs]: [Costs<'a, T>; 2],
    options: &Options,
    observer: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
) -> Result<Divergence<'a>> {
    options.validate()?;
    let mut watch = Watch { observer, stopped: false };
    let mut transport = options.transport.clone();
    let observe = |watch: &mut Watch<'_>, transport: &sinkhorn::Options| {
        sinkhorn::solve_with(problem, transport, &mut |progress| {
            watch.stopped |= (watch.observer)(progress).is_break();
            if watch.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    };
    let mut cross = observe(&mut watch, &transport)?;
    let epsilon = cross.epsilon();
    let a = cross.plan.source_weights().to_vec();
    let mass = sum(a.iter().copied());
    // Masses that differ by rounding must not look like a divergence.
    let factor = mass / sum(cross.plan.target_weights().iter().copied());
    let b: Vec<f64> = cross.plan.target_weights().iter().map(|b| b * factor).collect();
    let limit = transport.max_iterations;
    let mut selves = Vec::with_capacity(2);
    for (costs, weights) in [(source_costs, a), (target_costs, b)] {
        let prepared = EntropicCosts::<f64>::prepare(costs, None, None, transport.bytes_kept)?;
        let mut symmetric = Symmetric::new(prepared, weights.clone(), epsilon);
        settle(&mut symmetric, costs, &weights, transport.tolerance, &options.transport, &mut watch)?;
        selves.push((symmetric, costs, weights));
    }

    let mut cross_values = cross.values();
    let mut self_values: Vec<Values> = selves.iter().map(|(own, ..)| own.plan().values()).collect();
    let mut tolerances = [transport.tolerance; 3];
    let (gaps, status) = loop {
        let gaps = [
            gap(
                &cross_values,
                epsilon,
                [cross.source_potentials(), cross.target_potentials()],
                [cross.plan.source_weights(), cross.plan.target_weights()],
            ),
            0.5 * self_gap(selves[0].0.plan(), &self_values[0]),
            0.5 * self_gap(selves[1].0.plan(), &self_values[1]),
        ];
        let wanted = options.accuracy * (cross_values.dual_with_kl.abs() + epsilon * mass);
        let together = gaps.iter().sum::<f64>();
        if together.is_finite() && together <= wanted {
            break (gaps, Status::Converged);
        }
        if watch.stopped {
            break (gaps, Status::Stopped);
        }
        // A term whose gap is more than its share goes on, if it can: one that met its tolerance.
        let statuses = [cross.status, selves[0].0.status, selves[1].0.status];
        let mut blocked = None;
        let mut improved = false;
        for term in 0..3 {
            if gaps[term] <= wanted / 3.0 {
                continue;
            }
            // An infinite gap is one of numbers beyond the range: a smaller tolerance would not mend it.
            let may_improve = tolerances[term] > 1e-16 && gaps[term].is_finite() && wanted.is_finite();
            if statuses[term] != Status::Converged || !may_improve {
                let why =
                    if statuses[term] == Status::Converged { Status::Inaccurate } else { statuses[term] };
                blocked = blocked.or(Some(why));
                continue;
            }
            // The gap falls with the marginal error.
            tolerances[term] *= (0.3 * wanted / 3.0 / gaps[term]).clamp(1e-4, 0.3);
            if term == 0 {
                let (f, g) = (cross.source_potentials().to_vec(), cross.target_potentials().to_vec());
                transport = transport.with_epsilon(epsilon).with_initial(f, g).with_tolerance(tolerances[0]);
                transport.max_iterations = limit.saturating_sub(cross.iterations).max(1);
                if transport.precision == Precision::Automatic {
                    transport.precision = Precision::Double;
                }
                let next = observe(&mut watch, &transport)?;
                let before = std::mem::replace(&mut cross, next);
                cross.iterations += before.iterations;
                cross.passes += before.passes;
                cross.errors.splice(0..0, before.errors);
                cross_values = cross.values();
            } else {
                let (own, costs, weights) = &mut selves[term - 1];
                settle(own, *costs, weights, tolerances[term], &options.transport, &mut watch)?;
                self_values[term - 1] = own.plan().values();
            }
            improved = true;
        }
        if !improved {
            break (gaps, blocked.expect("a term with too large a gap was either improved or could not be"));
        }
    };

    let mut selves = selves.into_iter().zip(self_values).map(|((own, ..), values)| own.finish(values));
    let (source_self, target_self) = (selves.next().expect("two sides"), selves.next().expect("two sides"));
    let halves = [source_self.values.dual_with_kl, target_self.values.dual_with_kl];
    let value = cross_values.dual_with_kl - 0.5 * (halves[0] + halves[1]);
    let (below, above) = (gaps[1] + gaps[2], gaps[0]);
    // Rounding may have put a dual value above the optimum too.
    let rounding = 32.0
        * f64::EPSILON
        * (cross_values.dual_with_kl.abs()
            + cross_values.transport_cost.abs()
            + halves[0].abs()
            + halves[1].abs()
            + epsilon * mass);
    let error_bound = below.max(above) + rounding;
    // A value that is no number bounds nothing, and infinity less infinity neither.
    let is_known = value.is_finite() && error_bound.is_finite();
    Ok(Divergence {
        value,
        lower_bound: if is_known { value - below - rounding } else { f64::NEG_INFINITY },
        upper_bound: if is_known { value + above + rounding } else { f64::INFINITY },
        error_bound: if is_known { error_bound } else { f64::INFINITY },
        status: if status == Status::Converged && !is_known { Status::Inaccurate } else { status },
        epsilon,
        cross,
        cross_values,
        source_self,
        target_self,
    })
}

/// Brings a self-problem to this tolerance: by the averaged fixed point, and where that does not get on, by the general solver.
fn settle<'a, T: Scalar>(
    own: &mut Symmetric<'a>,
    costs: Costs<'a, T>,
    weights: &[f64],
    tolerance: f64,
    options: &sinkhorn::Options,
    watch: &mut Watch<'_>,
) -> Result<()> {
    let limit = options.max_iterations;
    own.improve(tolerance, limit, watch);
    if own.status != Status::Inaccurate || own.iterations >= limit {
        return Ok(());
    }
    let (plan, reached) = (own.plan(), own.error);
    let before = plan.source_potentials().to_vec();
    let general = options
        .clone()
        .with_epsilon(plan.epsilon())
        .with_initial(before.clone(), before.clone())
        .with_tolerance(tolerance)
        .with_precision(Precision::Double)
        .with_max_iterations(limit - own.iterations);
    let problem = match costs {
        Costs::Matrix(matrix) => Problem::from_costs(matrix),
        Costs::Points { source, target, distance } => Problem::from_points(source, target, distance),
        Costs::Pairs { .. } => unreachable!("refused before"),
    };
    let problem = problem.with_source_weights(weights).with_target_weights(weights);
    let solution = sinkhorn::solve_with(&problem, &general, &mut |progress| {
        watch.stopped |= (watch.observer)(progress).is_break();
        if watch.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    own.iterations += solution.iterations;
    // The dual value is concave and symmetric: that of the mean is at least that of either.
    let pairs = solution.source_potentials().iter().zip(solution.target_potentials());
    let mean: Vec<f64> = pairs.map(|(f, g)| 0.5 * (f + g)).collect();
    own.restart(&mean);
    let used = own.iterations;
    own.improve(tolerance, used + 1, watch);
    if own.error > reached {
        own.restart(&before);
        own.error = reached;
        own.status = Status::Inaccurate;
    } else if own.status == Status::IterationLimit && solution.status != Status::Converged {
        own.status = solution.status;
    }
    Ok(())
}

impl Divergence<'_> {
    /// The derivatives with respect to the points of both clouds, by the envelope theorem: those of OT_ε(a, b) minus
    /// those of OT_ε(a, a), where a point is source and target at once, and the halves cancel. One look at all pairs
    /// of each problem.
    ///
    /// The points and the distance must be those of the problem.
    ///
    /// # Errors
    /// As [`Gradient::points`](crate::ot::sinkhorn::gradient::Gradient::points).
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// use brenier::matrix::Distance::SquaredEuclidean;
    /// use brenier::ot::{Problem, divergence};
    /// let x = Matrix::from_rows([[0.0], [1.0], [2.0]]);
    /// let y = Matrix::from_rows([[0.5], [1.5], [2.5]]);
    /// let divergence = divergence::solve(&Problem::from_points(&x, &y, SquaredEuclidean), 0.3)?;
    /// let gradient = divergence.point_gradients(&x, &y, SquaredEuclidean)?;
    /// for row in 0..3 {
    ///     assert!((gradient.source[(row, 0)] + 2.0 * 0.5 / 3.0).abs() < 1e-4); // every point moves by the shift
    /// }
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn point_gradients<'v, T: Scalar>(
        &self,
        x: impl Into<MatrixView<'v, T>>,
        y: impl Into<MatrixView<'v, T>>,
        distance: Distance,
    ) -> Result<PointGradients> {
        let (x, y) = (x.into(), y.into());
        let mut gradients = gradient::envelope(&self.cross.plan).points(x, y, distance)?;
        for (gradient, own, points) in
            [(&mut gradients.source, &self.source_self, x), (&mut gradients.target, &self.target_self, y)]
        {
            let own = gradient::envelope(&own.plan).points(points, points, distance)?;
            let halves = own.source.as_slice().iter().zip(own.target.as_slice());
            for (out, (first, second)) in gradient.as_mut_slice().iter_mut().zip(halves) {
                *out -= 0.5 * (first + second);
            }
        }
        Ok(gradients)
    }

    /// The derivatives with respect to the weights a (n) and b (m), by the envelope theorem: f - f_aa and g - g_bb, each
    /// shifted to sum to zero, as [`gradient`](crate::ot::sinkhorn::gradient) explains.
    pub fn weight_gradients(&self) -> [Vec<f64>; 2] {
        let side = |potentials: &[f64], own: &[f64]| {
            let mut gradient: Vec<f64> = potentials.iter().zip(own).map(|(f, own)| f - own).collect();
            centre(&mut gradient);
            gradient
        };
        [
            side(self.cross.source_potentials(), self.source_self.plan.source_potentials()),
            side(self.cross.target_potentials(), self.target_self.plan.source_potentials()),
        ]
    }

    /// The derivative with respect to an absolute ε: the same combination of the three KL(P | a bᵀ/M). Not positive or negative by itself.
    pub fn epsilon_gradient(&self) -> f64 {
        let halves = self.source_self.values.kl_divergence + self.target_self.values.kl_divergence;
        self.cross_values.kl_divergence - 0.5 * halves
    }
}
