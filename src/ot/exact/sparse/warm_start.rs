//! The dense warm start: entropic potentials, from a coarse version of the problem to the whole.
//!
//! Each level has a quarter of the members of the next: means of four neighbours where the order is one of cells, else
//! every fourth. Almost all iterations are done where they cost almost nothing. The next level begins with the half-step of its
//! targets from the coarse sources, and needs few of its own: neighbours have similar potentials (Schmitzer 2019).
//!
//! The temperature: potentials should tell the best dozens of columns of a row, so a row of the plan should spread over about as
//! many. That is measured on a sample of rows, so it adapts to the dimension of the data, its clusters and the distance.

use super::super::report::Monitor;
use super::super::{Method, Options, solve_with};
use super::blocks::Blocks;
use super::refine::Schedule;
use super::scaled::ScaledProblem;
use super::side::{COARSENING, Members, Side};
use crate::matrix::Matrix;
use crate::ot::problem::Problem;
use crate::ot::progress::run_to_the_end;
use crate::ot::sinkhorn::{CostBlocks, Scaling};
use crate::scalar::Scalar;

/// A side is not made coarser than this many members.
const COARSEST: usize = 125;

/// Pairs of the coarsest level up to which their costs are kept.
const PAIRS_KEPT: usize = 1 << 21;

/// Over how many columns a row of the plan is to spread: as many as it gets candidates.
const SPREAD: f32 = 30.0;

/// The temperature to begin with, and the least and the largest, in mean costs. With many coordinates costs concentrate about
/// their mean, and the rule of [`WarmStart::temperature`] alone would leave the plan too far from a vertex.
const FIRST_EPSILON: f32 = 0.1;
const SMALLEST_EPSILON: f32 = 1e-6;
const LARGEST_EPSILON: f32 = 0.02;

/// What the iterations of a coarser level may cost, in looks at all pairs.
const SHARE_OF_A_LEVEL: f64 = 0.33;

/// Iterations over all pairs where the candidates turned out not to carry a plan.
const MORE_ITERATIONS: usize = 10;

/// Rows that are looked at for the temperature.
const ROWS_SAMPLED: usize = 33;

/// From this many points a side on a weak start costs more in the simplex than iterations do here.
const LARGE: usize = 15_000;

/// Given potentials that miss the marginals by more than this share of the mass are no better than none, by less than this share as good as
/// those of a solved problem (whose entropic plan misses them too, at any temperature above zero).
const USELESS: f32 = 0.9;
const GOOD: f32 = 0.5;

/// Scaled potentials and the temperature that they belong to.
#[derive(Clone, Debug)]
pub(super) struct Potentials {
    pub f: Vec<f32>,
    pub g: Vec<f32>,
    pub epsilon: f32,
    /// L1 error of the column marginal in the last iteration.
    pub error: f32,
    /// Whether they were given and are good: to be taken as they are.
    pub is_trusted: bool,
}

/// The levels of a problem.
pub(super) struct WarmStart<'s, 'a, T> {
    problem: &'s ScaledProblem<'s, 'a, T>,
    /// Coarser and coarser versions.
    levels: Vec<(Side, Side)>,
    /// The mean cost of the coarsest.
    mean: f32,
}

impl<'s, 'a, T: Scalar> WarmStart<'s, 'a, T> {
    /// `None` where single precision cannot hold the problem.
    pub fn new(problem: &'s ScaledProblem<'s, 'a, T>) -> Option<Self> {
        let mut levels: Vec<(Side, Side)> = Vec::new();
        loop {
            let (sources, targets) = levels
                .last()
                .map_or((&problem.sources, &problem.targets), |(sources, targets)| (sources, targets));
            if sources.len().max(targets.len()) < 4 * COARSEST {
                let mean = mean_cost(&problem.forward(sources, targets)?);
                // The least temperature, and a fiftieth of it in the sparse Sinkhorn, must be ordinary numbers.
                let least = SMALLEST_EPSILON * mean * 0.01;
                return (mean.is_finite() && least >= f32::MIN_POSITIVE).then_some(Self {
                    problem,
                    levels,
                    mean,
                });
            }
            // Each side for itself: one may be a hundred times as large as the other.
            let coarser = |side: &Side| if side.len() < 4 * COARSEST { side.clone() } else { side.coarser() };
            let coarser = (coarser(sources), coarser(targets));
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

    /// Potentials of the whole problem. `None` where single precision cannot hold it. If the observer breaks, zeros.
    pub fn unaided(&self, monitor: &mut Monitor<'_>) -> Option<Potentials> {
        let coarsest = self.levels.len();
        let mut coarse = self.coarsest(monitor)?;
        for level in (0..coarsest).rev() {
            let share = (coarsest - level) as f64 / (coarsest + 1) as f64;
            if monitor.told_to_stop(0, f64::NAN, share) {
                return Some(self.none());
            }
            let (sources, targets) = self.sides(level);
            let blocks = self.problem.forward(sources, targets)?;
            // The targets' half-step from the coarse sources, at about the temperature of this level.
            let epsilon = coarse.epsilon * self.cooling();
            let coarse_sources = self.sides(level + 1).0;
            let across = self.problem.backward(coarse_sources, targets)?;
            let zeros = vec![0.0; targets.len()];
            let mut half = Scaling::from_potentials(&zeros, &coarse.f, &coarse_sources.weights, epsilon);
            half.source_half(&across, epsilon);
            let g = half.source_potentials(epsilon);
            // In the order of cells a source begins with the potential of its cell, from which the iteration finds its way.
            let f = match self.problem.in_cells {
                true => {
                    let members = if coarse.f.len() < sources.len() { COARSENING } else { 1 };
                    (0..sources.len()).map(|source| coarse.f[source / members]).collect()
                }
                false => vec![0.0; sources.len()],
            };
            let epsilon = self.temperature(&blocks, &g);
            coarse = Potentials { f, g, epsilon, error: f32::NAN, is_trusted: false };
            let iterations = match level {
                0 => self.last_iterations(),
                _ => self.iterations(level),
            };
            if iterations > 0 {
                self.iterate(&blocks, level, iterations, &mut coarse, &mut |_| {
                    monitor.told_to_stop(0, f64::NAN, share)
                });
            }
        }
        finite(coarse)
    }

    /// What the temperature of a level is, about, as a share of that of the coarser one: reduced costs grow with the
    /// square of the distance, and a level has [`COARSENING`] times as many points in the same room.
    fn cooling(&self) -> f32 {
        match &self.problem.sources.members {
            Members::Points(points) if self.problem.in_cells => {
                (COARSENING as f32).powf(-2.0 / points.columns() as f32)
            }
            _ => 1.0,
        }
    }

    /// Iterations of a coarser level: they may cost a third of one look at all pairs of the problem, and are six at least.
    fn iterations(&self, level: usize) -> usize {
        let pairs = |level| {
            let (sources, targets) = self.sides(level);
            sources.len() as f64 * targets.len() as f64
        };
        ((SHARE_OF_A_LEVEL * pairs(0) / pairs(level)) as usize).clamp(6, 80)
    }

    /// Iterations over all pairs of the whole problem. Potentials of squared distances are smooth, and those of the level before
    /// serve the points between as well: none. With others, rows of the plan are long and thin, and go their own ways.
    fn last_iterations(&self) -> usize {
        if self.problem.is_squared_euclidean() { 0 } else { 3 }
    }

    /// Potentials that say nothing.
    fn none(&self) -> Potentials {
        let zeros = |side: &Side| vec![0.0; side.len()];
        let (sources, targets) = self.sides(0);
        Potentials {
            f: zeros(sources),
            g: zeros(targets),
            epsilon: self.mean,
            error: f32::NAN,
            is_trusted: false,
        }
    }

    /// Potentials after more iterations over all pairs.
    pub fn more(&self, mut potentials: Potentials, monitor: &mut Monitor<'_>) -> Option<Potentials> {
        let (sources, targets) = self.sides(0);
        let blocks = self.problem.forward(sources, targets)?;
        self.iterate(&blocks, 0, MORE_ITERATIONS, &mut potentials, &mut |_| {
            monitor.told_to_stop(0, f64::NAN, f64::NAN)
        });
        finite(potentials)
    }

    /// Potentials of the coarsest level: those of its exact solution, smoothed. Sinkhorn alone is slow to find how much mass
    /// goes from one cluster to another, and the simplex over some hundred points takes milliseconds.
    fn coarsest(&self, monitor: &mut Monitor<'_>) -> Option<Potentials> {
        let level = self.levels.len();
        let (sources, targets) = self.sides(level);
        // Looked at dozens of times, so they are kept: a few megabytes at most where both sides are of that size.
        let blocks = self.problem.forward(sources, targets)?;
        let blocks = match sources.len() * targets.len() <= PAIRS_KEPT {
            true => blocks.kept(),
            false => blocks,
        };
        let mut potentials = Potentials {
            f: vec![0.0; sources.len()],
            g: vec![0.0; targets.len()],
            epsilon: FIRST_EPSILON * self.mean,
            error: f32::NAN,
            is_trusted: false,
        };
        let mut stop = |_| monitor.told_to_stop(0, f64::NAN, 0.0);
        let exact = match &blocks {
            // Without a coarser level that would be the problem itself.
            Blocks::Kept(costs) if level > 0 => exact_potentials(costs, &sources.weights, &targets.weights),
            _ => None,
        };
        match exact {
            Some([f, g]) => (potentials.f, potentials.g) = (f, g),
            None => self.iterate(&blocks, level, 30, &mut potentials, &mut stop),
        }
        potentials.epsilon = self.temperature(&blocks, &potentials.g);
        self.iterate(&blocks, level, 20, &mut potentials, &mut stop);
        Some(potentials)
    }

    /// Sinkhorn's iterations on a level.
    fn iterate(
        &self,
        blocks: &Blocks<'_, '_, T>,
        level: usize,
        iterations: usize,
        potentials: &mut Potentials,
        stop: &mut dyn FnMut(usize) -> bool,
    ) {
        let (sources, targets) = self.sides(level);
        let Potentials { f, g, epsilon, error, .. } = potentials;
        let mut scaling = Scaling::from_potentials(f, g, &targets.weights, *epsilon);
        for iteration in 0..iterations {
            *error = scaling.iterate(blocks, &sources.weights, &targets.weights, *epsilon, 1.0);
            if stop(iteration) {
                break;
            }
        }
        *f = scaling.source_potentials(*epsilon);
        *g = scaling.target_potentials(&targets.weights, *epsilon);
    }

    /// The temperature at which a row of the plan spreads over about as many columns as a row gets candidates: the median over some
    /// rows of the ε for which (Σ w)² / Σ w² is that number, w the row's weights.
    fn temperature(&self, blocks: &Blocks<'_, '_, T>, g: &[f32]) -> f32 {
        let columns = g.len();
        let spread = SPREAD.min(0.25 * columns as f32).max(1.5);
        let largest = if self.problem.in_cells { 0.5 * self.mean } else { LARGEST_EPSILON * self.mean };
        let count = ROWS_SAMPLED.min(blocks.rows());
        let mut row = vec![0.0; columns];
        let mut found: Vec<f32> = (0..count)
            .map(|k| {
                let index = k * blocks.rows() / count;
                blocks.block_into(index..index + 1, 0..columns, &mut row);
                let mut least = f32::INFINITY;
                for (cost, g) in row.iter_mut().zip(g) {
                    *cost -= g;
                    least = least.min(*cost);
                }
                let (mut low, mut high) = (SMALLEST_EPSILON * self.mean, largest);
                // Halving the logarithm of the ratio fourteen times leaves a few per cent.
                for _ in 0..14 {
                    let epsilon = (low * high).sqrt();
                    let (mut sum, mut squares) = (0.0, 0.0);
                    for cost in &row {
                        let exponent = (least - cost) / epsilon;
                        if exponent > -15.0 {
                            let weight = exponent.exp();
                            sum += weight;
                            squares += weight * weight;
                        }
                    }
                    if sum * sum > spread * squares { high = epsilon } else { low = epsilon }
                }
                high
            })
            .collect();
        found.sort_unstable_by(f32::total_cmp);
        found[count / 2]
    }

    /// Given potentials, judged by an iteration on the whole problem: taken as they are if they are good, with that iteration if they
    /// are middling; a warm start of its own if they are useless.
    pub fn judged(&self, g: Vec<f32>, monitor: &mut Monitor<'_>) -> Option<Potentials> {
        let (sources, targets) = self.sides(0);
        let blocks = self.problem.forward(sources, targets)?;
        let epsilon = self.temperature(&blocks, &g);
        let mut scaling = Scaling::from_potentials(&vec![0.0; sources.len()], &g, &targets.weights, epsilon);
        scaling.source_half(&blocks, epsilon);
        let error = scaling.iterate(&blocks, &sources.weights, &targets.weights, epsilon, 1.0);
        if error.is_nan() || error > USELESS {
            return self.unaided(monitor);
        }
        let f = scaling.source_potentials(epsilon);
        let is_trusted = error < GOOD;
        let g = if is_trusted { g } else { scaling.target_potentials(&targets.weights, epsilon) };
        finite(Potentials { f, g, epsilon, error, is_trusted }).or_else(|| self.unaided(monitor))
    }
}

/// Potentials of the exact solution over all pairs, by the plain simplex. `None` where single precision spoils the problem.
fn exact_potentials(costs: &Matrix<f32>, source: &[f32], target: &[f32]) -> Option<[Vec<f32>; 2]> {
    let problem = Problem::from_costs(costs).with_source_weights(source).with_target_weights(target);
    let options = Options::default().with_method(Method::Plain);
    let solution = solve_with(&problem, &options, &mut run_to_the_end).ok()?;
    let narrow = |potentials: Vec<f64>| potentials.into_iter().map(|value| value as f32).collect();
    Some([narrow(solution.source_potentials), narrow(solution.target_potentials)])
}

/// How to go on from a warm start at this temperature with Sinkhorn on the candidates.
pub(super) fn refinement<T: Scalar>(problem: &ScaledProblem<'_, '_, T>, epsilon: f32) -> Schedule {
    if problem.in_cells {
        let points = problem.sources.len().min(problem.targets.len());
        let iterations = if points < LARGE { 100 } else { 250 };
        Schedule { iterations, first_epsilon: epsilon, last_epsilon: 0.02 * epsilon, relaxation: 1.8 }
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

#[cfg(test)]
mod tests {
    use super::super::super::costs::CostRows;
    use super::super::instances::{cloud, with_clouds};
    use super::*;
    use crate::Matrix;
    use crate::matrix::Distance;
    use crate::ot::problem::Problem;
    use crate::ot::progress::run_to_the_end;
    use crate::random::RandomStream;

    /// L1 error of the column marginal of the plan whose rows g makes right, in double precision.
    fn column_error<T: Scalar>(problem: &ScaledProblem<'_, '_, T>, potentials: &Potentials) -> f64 {
        let blocks = problem.forward(&problem.sources, &problem.targets).unwrap();
        let epsilon = f64::from(potentials.epsilon);
        let (a, b) = (&problem.sources.weights, &problem.targets.weights);
        let mut row = vec![0.0; b.len()];
        let mut marginal = vec![0.0; b.len()];
        for (index, &weight) in a.iter().enumerate() {
            blocks.block_into(index..index + 1, 0..b.len(), &mut row);
            let exponents: Vec<f64> = (0..b.len())
                .map(|k| (f64::from(potentials.g[k]) - f64::from(row[k])) / epsilon + f64::from(b[k]).ln())
                .collect();
            let largest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = exponents.iter().map(|exponent| (exponent - largest).exp()).sum();
            for (marginal, exponent) in marginal.iter_mut().zip(&exponents) {
                *marginal += f64::from(weight) * (exponent - largest).exp() / sum;
            }
        }
        marginal.iter().zip(b).map(|(marginal, &weight)| (marginal - f64::from(weight)).abs()).sum()
    }

    fn is_finite(potentials: &Potentials) -> bool {
        potentials.f.iter().chain(&potentials.g).all(|value| value.is_finite()) && potentials.epsilon > 0.0
    }

    /// The error from nothing, and after more iterations. Shares of the mass; two is the worst.
    fn errors<T: Scalar>(problem: &ScaledProblem<'_, '_, T>) -> Option<[f64; 2]> {
        let mut observer = run_to_the_end;
        let mut monitor = Monitor::new(&mut observer);
        let start = WarmStart::new(problem)?;
        let first = start.unaided(&mut monitor)?;
        assert!(is_finite(&first));
        let before = column_error(problem, &first);
        let more = start.more(first, &mut monitor)?;
        assert!(is_finite(&more) && !more.error.is_nan());
        Some([before, column_error(problem, &more)])
    }

    fn units(count: usize, total: i64) -> Vec<i64> {
        (0..count as i64)
            .map(|index| total / count as i64 + i64::from(index < total % count as i64))
            .collect()
    }

    #[test]
    fn ordinary_clouds_begin_near_the_marginals() {
        // The last: how large an error is ordinary at the start, after a level of a quarter of the points. Levels of many coordinates are
        // samples, and say less.
        for (distance, d, n, m, ordinary) in [
            (Distance::SquaredEuclidean, 2, 1200, 1300, 0.4),
            (Distance::SquaredEuclidean, 3, 300, 400, 1e-3),
            (Distance::SquaredEuclidean, 20, 1100, 1000, 1.0),
            (Distance::Euclidean, 2, 1100, 1050, 0.3),
            (Distance::Manhattan, 3, 600, 1100, 0.1),
            (Distance::Cosine, 5, 400, 480, 1e-3),
        ] {
            let (x, y) = (cloud(n, d, 1, 0.0, 1.0), cloud(m, d, 2, 0.5, 1.5));
            let (supply, demand) = (units(n, 5000), units(m, 5000));
            let [first, more] =
                with_clouds([&x, &y], distance, [&supply, &demand], |_, scaled| errors(scaled))
                    .unwrap()
                    .unwrap();
            assert!(first < ordinary && more < 0.1, "{distance}, d = {d}: {first}, {more}");
        }
    }

    #[test]
    fn a_matrix_begins_near_the_marginals() {
        let mut random = RandomStream::new(3);
        for (n, m) in [(300, 200), (1100, 1000)] {
            let matrix = Matrix::from_fn(n, m, |_, _| random.uniform::<f32>() - 0.5);
            let problem = Problem::from_costs(&matrix);
            let costs = CostRows::new(&problem).unwrap();
            let (supply, demand) = (units(n, 3000), units(m, 3000));
            let scaled = ScaledProblem::new(problem.costs(), &costs, &supply, &demand).unwrap();
            let [first, more] = errors(&scaled).unwrap();
            assert!(first < 0.05 && more < 1e-4, "{n} x {m}: {first}, {more}");
        }
    }

    #[test]
    fn given_potentials_are_taken_or_left_out() {
        let (x, y) = (cloud(500, 2, 1, 0.0, 1.0), cloud(500, 2, 2, 0.5, 1.5));
        let ones = vec![1; 500];
        with_clouds([&x, &y], Distance::Euclidean, [&ones, &ones], |_, scaled| {
            let mut observer = run_to_the_end;
            let mut monitor = Monitor::new(&mut observer);
            let start = WarmStart::new(scaled).unwrap();
            let unaided = start.unaided(&mut monitor).unwrap();
            let again = start.judged(unaided.g.clone(), &mut monitor).unwrap();
            // Good enough to be taken as they are.
            assert!(again.is_trusted);
            assert_eq!(again.g, unaided.g);
            // Useless ones: all mass would go to one target.
            let mut useless = vec![0.0; 500];
            useless[7] = 1e3;
            let instead = start.judged(useless, &mut monitor).unwrap();
            assert_eq!((instead.f, instead.g), (unaided.f, unaided.g));
        })
        .unwrap();
    }

    #[test]
    fn hostile_clouds_give_numbers_or_nothing() {
        for distance in
            [Distance::SquaredEuclidean, Distance::Euclidean, Distance::Manhattan, Distance::Cosine]
        {
            for d in [1, 2, 20] {
                let plain = |seed| cloud(150, d, seed, 0.0, 1.0);
                let far = |seed| {
                    let mut points = plain(seed);
                    points.row_mut(0).fill(1e9);
                    points
                };
                let clouds = [
                    (plain(1), plain(1)),
                    (cloud(150, d, 1, 1e8, 1.0), cloud(150, d, 2, -1e8, 1.0)),
                    (far(1), plain(2)),
                    (far(1), far(2)),
                    (cloud(150, d, 1, 1.0, 1e-12), plain(2)),
                    // Two clusters of one point each, or all but one at the same place.
                    (
                        Matrix::from_fn(150, d, |row, k| (row % 2 + k + 1) as f64),
                        Matrix::from_fn(150, d, |row, k| (row % 3 + k + 1) as f64),
                    ),
                    (
                        Matrix::from_fn(150, d, |row, k| if row == 17 { 3.0 } else { 1.0 + k as f64 }),
                        Matrix::from_fn(150, d, |_, k| 1.0 + k as f64),
                    ),
                    (cloud(150, d, 1, 0.0, 1e-60), cloud(150, d, 2, 0.0, 1e-60)),
                ];
                for (x, y) in &clouds {
                    // Almost all mass at one point, and masses from 1 to 10^12.
                    let heavy: Vec<i64> =
                        (0..150).map(|index| if index == 5 { 1 << 50 } else { 1 }).collect();
                    let spread: Vec<i64> = (0..150).map(|index| 10_i64.pow(index % 13)).collect();
                    for sides in [[&heavy, &heavy], [&heavy, &spread], [&spread, &heavy]] {
                        let sides: [&[i64]; 2] = [sides[0], sides[1]];
                        let found =
                            with_clouds([x, y], distance, sides, |_, scaled| errors(scaled)).flatten();
                        if let Some([first, more]) = found {
                            // At most all mass in the wrong place.
                            assert!(first <= 2.001 && more <= 2.001, "{first}, {more}");
                        }
                    }
                }
            }
        }
    }
}
