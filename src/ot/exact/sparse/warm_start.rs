//! The dense warm start: entropic potentials, from a coarse version of the problem to the whole.
//!
//! Each level has a quarter of the members of the next: means of four neighbours where the order is one of cells, else
//! every fourth. Almost all iterations are done where they cost almost nothing. The next level begins with the half-step of its
//! targets from the coarse sources, and needs few of its own: neighbours have similar potentials (Schmitzer 2019).
//!
//! The temperature at which to stop: potentials should tell the best dozens of columns of a row, so ε is about as large as the
//! reduced costs of these. In few dimensions that is the square of the distance over which a cloud has dozens of
//! points, mean cost · (20 / n)^(2/d); with many coordinates it does not depend on n.

use super::super::report::Monitor;
use super::ordering::DIMENSIONS_ORDERED;
use super::refine::Schedule;
use super::scaled::{Blocks, COARSENING, Members, ScaledProblem, Side};
use crate::ot::sinkhorn::{CostBlocks, Scaling};
use crate::scalar::Scalar;

/// Levels have at least this many members on each side.
const COARSEST: usize = 250;

/// Within about this many points of a cloud potentials are smoothed.
const POINTS_WITHIN: f32 = 20.0;

/// From this many points a side on a weak start costs more in the simplex than iterations do here.
const LARGE: usize = 15_000;

/// Potentials that miss the marginals by more than this share of the mass are no better than none.
const USELESS: f32 = 0.9;

/// Scaled potentials and the temperature that they belong to.
#[derive(Clone, Debug)]
pub(super) struct Potentials {
    pub f: Vec<f32>,
    pub g: Vec<f32>,
    pub epsilon: f32,
    /// L1 error of the column marginal in the last iteration.
    pub error: f32,
}

/// The levels of a problem.
pub(super) struct WarmStart<'s, 'a, T> {
    problem: &'s ScaledProblem<'s, 'a, T>,
    /// Coarser and coarser versions.
    levels: Vec<(Side, Side)>,
}

impl<'s, 'a, T: Scalar> WarmStart<'s, 'a, T> {
    pub fn new(problem: &'s ScaledProblem<'s, 'a, T>) -> Self {
        let mut levels: Vec<(Side, Side)> = Vec::new();
        loop {
            let (sources, targets) = levels
                .last()
                .map_or((&problem.sources, &problem.targets), |(sources, targets)| (sources, targets));
            if sources.len().min(targets.len()) < 4 * COARSEST {
                return Self { problem, levels };
            }
            let coarser = (sources.coarser(), targets.coarser());
            levels.push(coarser);
        }
    }

    /// The sides of a level; level 0 is the problem itself.
    fn sides(&self, level: usize) -> (&Side, &Side) {
        match level {
            0 => (&self.problem.sources, &self.problem.targets),
            _ => (&self.levels[level - 1].0, &self.levels[level - 1].1),
        }
    }

    /// Potentials of the whole problem. `None` where single precision cannot hold it. If the observer breaks, whatever there is.
    pub fn from_nothing(&self, monitor: &mut Monitor<'_>) -> Option<Potentials> {
        let coarsest = self.levels.len();
        let mean = self.mean_cost()?;
        let mut coarse_f: Vec<f32> = Vec::new();
        for level in (0..=coarsest).rev() {
            let (sources, targets) = self.sides(level);
            let blocks = self.problem.forward(sources, targets)?;
            let epsilon = self.epsilon(mean, level);
            let g = if level == coarsest {
                vec![0.0; targets.len()]
            } else {
                // The targets' half-step from the coarse sources.
                let coarse_sources = self.sides(level + 1).0;
                let across = self.problem.backward(coarse_sources, targets)?;
                let mut half = Scaling::from_potentials(
                    &vec![0.0; targets.len()],
                    &coarse_f,
                    &coarse_sources.weights,
                    epsilon,
                );
                half.source_half(&across, epsilon);
                half.source_potentials(epsilon)
            };
            let mut scaling =
                Scaling::from_potentials(&vec![0.0; sources.len()], &g, &targets.weights, epsilon);
            scaling.source_half(&blocks, epsilon);
            let iterations = self.iterations(level);
            let mut error = f32::INFINITY;
            for iteration in 0..iterations {
                error = scaling.iterate(&blocks, &sources.weights, &targets.weights, epsilon, 1.0);
                let share = (coarsest - level) as f64 + (iteration + 1) as f64 / iterations as f64;
                if monitor.told_to_stop(0, f64::NAN, share / (coarsest + 1) as f64) {
                    // The rest is not worth the wait: the half-steps alone bring the potentials to the last level.
                    break;
                }
            }
            coarse_f = scaling.source_potentials(epsilon);
            if level == 0 {
                let g = scaling.target_potentials(&targets.weights, epsilon);
                return finite(Potentials { f: coarse_f, g, epsilon, error });
            }
        }
        unreachable!("level 0 is the last")
    }

    /// Given potentials, with an iteration on the whole problem; a warm start from nothing if they are useless.
    pub fn improved(&self, g: Vec<f32>, monitor: &mut Monitor<'_>) -> Option<Potentials> {
        let (sources, targets) = self.sides(0);
        let blocks = self.problem.forward(sources, targets)?;
        let epsilon = self.epsilon(self.mean_cost()?, 0);
        let mut scaling = Scaling::from_potentials(&vec![0.0; sources.len()], &g, &targets.weights, epsilon);
        scaling.source_half(&blocks, epsilon);
        let error = scaling.iterate(&blocks, &sources.weights, &targets.weights, epsilon, 1.0);
        if error.is_nan() || error > USELESS {
            return self.from_nothing(monitor);
        }
        let (f, g) =
            (scaling.source_potentials(epsilon), scaling.target_potentials(&targets.weights, epsilon));
        finite(Potentials { f, g, epsilon, error }).or_else(|| self.from_nothing(monitor))
    }

    /// The mean cost of the coarsest level.
    fn mean_cost(&self) -> Option<f32> {
        let (sources, targets) = self.sides(self.levels.len());
        let mean = mean_cost(&self.problem.forward(sources, targets)?);
        (mean.is_finite() && mean > 0.0).then_some(mean)
    }

    /// The temperature of a level.
    fn epsilon(&self, mean: f32, level: usize) -> f32 {
        let (sources, targets) = self.sides(level);
        let count = sources.len().min(targets.len()) as f32;
        match &self.problem.sources.members {
            Members::Points(points) if points.columns() <= DIMENSIONS_ORDERED => {
                mean * (POINTS_WITHIN / count).powf(2.0 / points.columns() as f32).min(0.5)
            }
            _ => 0.02 * mean,
        }
    }

    /// The iterations of a level. The last has none if there are others: the half-step from the level before and Sinkhorn on the
    /// candidates do the same for less.
    fn iterations(&self, level: usize) -> usize {
        let coarsest = level == self.levels.len();
        match (coarsest, level, self.problem.in_cells) {
            (true, _, true) => 50,
            (true, _, false) => 30,
            (_, 0, _) => 0,
            (_, _, true) => 10,
            (_, _, false) => 6,
        }
    }
}

/// How to go on from a warm start at this temperature with Sinkhorn on the candidates.
pub(super) fn refinement<T: Scalar>(problem: &ScaledProblem<'_, '_, T>, epsilon: f32) -> Schedule {
    let e = |n: &str, d: f32| std::env::var(n).ok().and_then(|v| v.parse().ok()).unwrap_or(d);
    if problem.in_cells {
        let points = problem.sources.len().min(problem.targets.len());
        let iterations = if points < LARGE { 100 } else { 250 };
        Schedule {
            iterations: e("RI", iterations as f32) as usize,
            first_epsilon: epsilon,
            last_epsilon: 0.02 * epsilon,
            relaxation: 1.8,
        }
    } else {
        Schedule { iterations: 40, first_epsilon: epsilon, last_epsilon: 0.1 * epsilon, relaxation: 1.3 }
    }
}

/// The potentials, if they are numbers.
fn finite(potentials: Potentials) -> Option<Potentials> {
    let all = |values: &[f32]| values.iter().all(|value| value.is_finite());
    (all(&potentials.f) && all(&potentials.g)).then_some(potentials)
}

fn mean_cost<T: Scalar>(blocks: &Blocks<'_, '_, T>) -> f32 {
    let mut row = vec![0.0; blocks.columns()];
    let mut sum = 0.0;
    for index in 0..blocks.rows() {
        blocks.block_into(index..index + 1, 0..blocks.columns(), &mut row);
        sum += row.iter().map(|&cost| f64::from(cost)).sum::<f64>() / blocks.columns() as f64;
    }
    (sum / blocks.rows() as f64) as f32
}
