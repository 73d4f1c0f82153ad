//! Sinkhorn on the candidates alone: from the temperature of the warm start down to where the plan is nearly a vertex.
//!
//! A dense iteration looks at all pairs; at low temperature all but some dozens of a row weigh nothing. Here an iteration costs
//! one exponential a candidate. Over-relaxed (Thibault, Chizat, Dossal and Papadakis 2021) a hundred iterations do what three
//! hundred do without, while ε falls geometrically.

use super::arcs::Candidates;
use crate::parallel::map_chunks;
use crate::simd::dispatch;
use crate::simd::exp::exp_flushed;
use crate::simd::lanes::{Lanes, Simd};
use std::ops::Range;

/// How the temperature falls, and how far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    pub iterations: usize,
    pub first_epsilon: f32,
    pub last_epsilon: f32,
    pub relaxation: f32,
}

/// A sparse problem whose potentials are to be refined.
pub(super) struct SparseScaling<'s> {
    pub candidates: &'s Candidates,
    /// Their scaled costs.
    pub costs: &'s [f32],
    pub source_weights: &'s [f32],
    pub target_weights: &'s [f32],
}

/// After how many iterations the candidates are judged, and by which error of the column marginal.
const ITERATIONS_TO_JUDGE: usize = 10;
const HOPELESS: f32 = 0.8;

/// The rows' part of one iteration.
struct RowWork<'w> {
    costs: &'w [f32],
    targets: &'w [u32],
    starts: &'w [u32],
    /// gⱼ + ε ln bⱼ.
    shifted: &'w [f32],
    f: &'w [f32],
    source_weights: &'w [f32],
    epsilon: f32,
    relaxation: f32,
}

impl SparseScaling<'_> {
    /// Refines f and g in place. `stop` is told the share done.
    ///
    /// The error after the first iterations says whether the candidates can carry a plan at all: it is Σ |qⱼ - bⱼ|, and should
    /// be below one. If it is above [`HOPELESS`] the answer is false, and the rest is not worth the time.
    pub fn run(
        &self,
        schedule: Schedule,
        f: &mut [f32],
        g: &mut [f32],
        stop: &mut dyn FnMut(f64) -> bool,
    ) -> (bool, f32) {
        let mut error = f32::NAN;
        let rows = f.len();
        let mut shifted = vec![0.0; g.len()];
        let logarithms: Vec<f32> = self.target_weights.iter().map(|weight| weight.ln()).collect();
        let steps = (schedule.iterations.max(2) - 1) as f32;
        for iteration in 0..schedule.iterations {
            let progress = iteration as f32 / steps;
            let epsilon =
                schedule.first_epsilon * (schedule.last_epsilon / schedule.first_epsilon).powf(progress);
            // The first steps plain: over-relaxation asks for a residual that is small already.
            let relaxation = if iteration < 3 { 1.0 } else { schedule.relaxation };
            for ((shifted, &g), &logarithm) in shifted.iter_mut().zip(&*g).zip(&logarithms) {
                *shifted = g + epsilon * logarithm;
            }
            let work = RowWork {
                costs: self.costs,
                targets: &self.candidates.targets,
                starts: &self.candidates.starts,
                shifted: &shifted,
                f,
                source_weights: self.source_weights,
                epsilon,
                relaxation,
            };
            let rows_per_chunk = rows.div_ceil(self.number_of_chunks());
            let chunks = map_chunks(rows, rows_per_chunk, |rows| {
                let mut new_f = vec![0.0; rows.len()];
                let mut sums = vec![0.0; g.len()];
                scale_rows(&work, rows, &mut new_f, &mut sums);
                (new_f, sums)
            });
            let mut total = vec![0.0; g.len()];
            let mut start = 0;
            for (new_f, sums) in chunks {
                f[start..start + new_f.len()].copy_from_slice(&new_f);
                start += new_f.len();
                for (total, part) in total.iter_mut().zip(sums) {
                    *total += part;
                }
            }
            for ((g, &sum), &weight) in g.iter_mut().zip(&total).zip(self.target_weights) {
                *g -= if sum > 0.0 { relaxation * epsilon * (sum / weight).ln() } else { -20.0 * epsilon };
            }
            if iteration + 1 == ITERATIONS_TO_JUDGE {
                error = total.iter().zip(self.target_weights).map(|(sum, weight)| (sum - weight).abs()).sum();
                if error.is_nan() || error > HOPELESS {
                    return (false, error);
                }
            }
            if stop(f64::from(progress)) {
                break;
            }
        }
        (true, error)
    }

    /// Threads pay where an iteration takes longer than to start them.
    fn number_of_chunks(&self) -> usize {
        if self.candidates.len() < 1 << 15 { 1 } else { 4 }
    }
}

dispatch! {
    /// One iteration's part of some rows: their new f, and their mass in each column.
    fn scale_rows(work: &RowWork<'_>, rows: Range<usize>, new_f: &mut [f32], sums: &mut [f32]) = scale_rows_kernel
}

/// Rows of a group: their potentials are gathered number by number before registers read them. Wide loads right after narrow stores
/// would wait for these to reach the cache.
const ROWS_PER_GROUP: usize = 16;

#[inline(always)]
fn scale_rows_kernel<S: Simd>(work: &RowWork<'_>, rows: Range<usize>, new_f: &mut [f32], sums: &mut [f32]) {
    let lanes = <S::F32 as Lanes>::LANES;
    let inverse = 1.0 / work.epsilon;
    let mut weights: Vec<f32> = Vec::new();
    let mut start = rows.start;
    while start < rows.end {
        let group = start..(start + ROWS_PER_GROUP).min(rows.end);
        weights.clear();
        for row in group.clone() {
            let entries = work.starts[row] as usize..work.starts[row + 1] as usize;
            let (targets, costs) = (&work.targets[entries.clone()], &work.costs[entries]);
            let first = weights.len();
            // What pads the last register weighs nothing.
            weights.resize(first + targets.len().next_multiple_of(lanes), f32::NEG_INFINITY);
            let weights = &mut weights[first..first + targets.len()];
            for k in 0..targets.len() {
                weights[k] = work.shifted[targets[k] as usize] - costs[k];
            }
        }
        let mut first = 0;
        for row in group.clone() {
            let targets = &work.targets[work.starts[row] as usize..work.starts[row + 1] as usize];
            let padded = targets.len().next_multiple_of(lanes);
            let weights = &mut weights[first..first + padded];
            first += padded;
            if padded == 0 {
                new_f[row - rows.start] = work.f[row];
                continue;
            }
            // Shifted by the largest, so that the sum lies between one and the number of candidates.
            let mut largest = S::F32::load(weights);
            let mut k = lanes;
            while k < padded {
                largest = largest.max(S::F32::load(&weights[k..]));
                k += lanes;
            }
            let largest = largest.reduce_max();
            let shift = S::F32::splat(largest);
            let factor = S::F32::splat(inverse);
            let mut sum = S::F32::splat(0.0);
            let mut k = 0;
            while k < padded {
                let value = exp_flushed((S::F32::load(&weights[k..]) - shift) * factor);
                sum = sum + value;
                value.store(&mut weights[k..]);
                k += lanes;
            }
            let sum = sum.reduce_sum();
            // The f that meets the row's mass, and where over-relaxation goes beyond it.
            let exact = -largest - work.epsilon * sum.ln();
            let relaxed = work.f[row] + work.relaxation * (exact - work.f[row]);
            // Far from the solution over-relaxation is not trusted.
            let relaxed = if (relaxed - exact).abs() <= 4.0 * work.epsilon { relaxed } else { exact };
            new_f[row - rows.start] = relaxed;
            let scale = work.source_weights[row] / sum * ((relaxed - exact) * inverse).exp();
            for k in 0..targets.len() {
                sums[targets[k] as usize] += weights[k] * scale;
            }
        }
        start = group.end;
    }
}

#[cfg(test)]
mod tests {
    use super::super::instances::{complete, on_any_threads};
    use super::*;
    use crate::random::RandomStream;

    /// A dense problem with costs in [0, 1), as candidates.
    struct Dense {
        rows: usize,
        columns: usize,
        graph: Candidates,
        costs: Vec<f32>,
        a: Vec<f32>,
        b: Vec<f32>,
    }

    impl Dense {
        fn new(rows: usize, columns: usize, seed: u64) -> Self {
            let mut random = RandomStream::new(seed);
            let costs: Vec<f32> = (0..rows * columns).map(|_| random.uniform()).collect();
            let graph = complete(rows, columns, &vec![0.0; rows * columns]);
            let mut weights = |count: usize| {
                let raw: Vec<f32> = (0..count).map(|_| 0.2 + random.uniform::<f32>()).collect();
                let sum: f32 = raw.iter().sum();
                raw.into_iter().map(|weight| weight / sum).collect::<Vec<f32>>()
            };
            let (a, b) = (weights(rows), weights(columns));
            Self { rows, columns, graph, costs, a, b }
        }

        fn scaling(&self) -> SparseScaling<'_> {
            SparseScaling {
                candidates: &self.graph,
                costs: &self.costs,
                source_weights: &self.a,
                target_weights: &self.b,
            }
        }

        /// The iteration in double precision, written down as it is defined.
        fn plain(&self, schedule: Schedule, f: &mut [f64], g: &mut [f64]) {
            for iteration in 0..schedule.iterations {
                let progress = iteration as f64 / (schedule.iterations.max(2) - 1) as f64;
                let (first, last) = (f64::from(schedule.first_epsilon), f64::from(schedule.last_epsilon));
                let epsilon = first * (last / first).powf(progress);
                let omega = if iteration < 3 { 1.0 } else { f64::from(schedule.relaxation) };
                let mut marginal = vec![0.0; self.columns];
                for (row, f) in f.iter_mut().enumerate() {
                    let exponent = |column: usize| {
                        (g[column] - f64::from(self.costs[row * self.columns + column])) / epsilon
                            + f64::from(self.b[column]).ln()
                    };
                    let largest = (0..self.columns).map(exponent).fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = (0..self.columns).map(|column| (exponent(column) - largest).exp()).sum();
                    let exact = -epsilon * (largest + sum.ln());
                    let relaxed = *f + omega * (exact - *f);
                    *f = if (relaxed - exact).abs() <= 4.0 * epsilon { relaxed } else { exact };
                    for (column, marginal) in marginal.iter_mut().enumerate() {
                        *marginal += f64::from(self.a[row]) * (*f / epsilon + exponent(column)).exp();
                    }
                }
                for ((g, marginal), &weight) in g.iter_mut().zip(marginal).zip(&self.b) {
                    *g -= omega * epsilon * (marginal / f64::from(weight)).ln();
                }
            }
        }

        /// L1 errors of the rows and the columns of the plan.
        fn errors(&self, f: &[f32], g: &[f32], epsilon: f32) -> [f64; 2] {
            let (mut of_rows, mut of_columns) = (vec![0.0; self.rows], vec![0.0; self.columns]);
            for row in 0..self.rows {
                for column in 0..self.columns {
                    let rest = f64::from(f[row]) + f64::from(g[column])
                        - f64::from(self.costs[row * self.columns + column]);
                    let mass = f64::from(self.a[row])
                        * f64::from(self.b[column])
                        * (rest / f64::from(epsilon)).exp();
                    of_rows[row] += mass;
                    of_columns[column] += mass;
                }
            }
            let distance = |sums: Vec<f64>, weights: &[f32]| {
                sums.iter().zip(weights).map(|(sum, &weight)| (sum - f64::from(weight)).abs()).sum()
            };
            [distance(of_rows, &self.a), distance(of_columns, &self.b)]
        }
    }

    #[test]
    fn it_is_the_iteration_in_double_precision() {
        for (rows, columns) in [(1, 1), (3, 50), (40, 33), (64, 64)] {
            for (relaxation, first_epsilon, last_epsilon) in
                [(1.0, 0.05, 0.05), (1.0, 0.2, 0.02), (1.5, 0.05, 0.05), (1.8, 0.1, 0.03)]
            {
                let dense = Dense::new(rows, columns, 7);
                let schedule = Schedule { iterations: 35, first_epsilon, last_epsilon, relaxation };
                let (mut f, mut g) = (vec![0.0; rows], vec![0.0; columns]);
                let (useful, error) = dense.scaling().run(schedule, &mut f, &mut g, &mut |_| false);
                assert!(useful && error < HOPELESS);
                let (mut exact_f, mut exact_g) = (vec![0.0; rows], vec![0.0; columns]);
                dense.plain(schedule, &mut exact_f, &mut exact_g);
                for (got, exact) in f.iter().zip(&exact_f).chain(g.iter().zip(&exact_g)) {
                    // Potentials of about one: some roundings each iteration, of which the last dozen count.
                    let allowed = 64.0 * f64::from(f32::EPSILON) * (1.0 + exact.abs());
                    let off = (f64::from(*got) - exact).abs();
                    assert!(off <= allowed, "{rows} x {columns}, ω {relaxation}: {got} for {exact}");
                }
            }
        }
    }

    #[test]
    fn long_runs_meet_both_marginals() {
        let dense = Dense::new(50, 60, 11);
        for relaxation in [1.0, 1.3, 1.8] {
            let schedule = Schedule { iterations: 200, first_epsilon: 0.05, last_epsilon: 0.05, relaxation };
            let (mut f, mut g) = (vec![0.0; 50], vec![0.0; 60]);
            dense.scaling().run(schedule, &mut f, &mut g, &mut |_| false);
            let [of_rows, of_columns] = dense.errors(&f, &g, 0.05);
            // Potentials of one in single precision over ε: 2.4e-6 each in relative mass, and some roundings.
            assert!(of_rows < 5e-5 && of_columns < 5e-5, "ω {relaxation}: {of_rows}, {of_columns}");
        }
    }

    #[test]
    fn the_same_bits_on_any_number_of_threads() {
        let dense = Dense::new(200, 200, 13);
        on_any_threads(|| {
            let (mut f, mut g) = (vec![0.0; 200], vec![0.0; 200]);
            let schedule =
                Schedule { iterations: 12, first_epsilon: 0.5, last_epsilon: 0.4, relaxation: 1.3 };
            let scaling = dense.scaling();
            assert_eq!(scaling.number_of_chunks(), 4);
            let (_, error) = scaling.run(schedule, &mut f, &mut g, &mut |_| false);
            [f, g, vec![error]].concat().into_iter().map(f32::to_bits).collect::<Vec<_>>()
        });
    }

    #[test]
    fn candidates_without_a_plan_are_hopeless() {
        let (a, b) = (vec![0.01; 100], vec![0.01; 100]);
        // All rows want the first column.
        let pairs: Vec<(u32, u32)> = (0..100).map(|row| (row, 0)).collect();
        let graph = Candidates::from_rows(100, &pairs, |_, _| 0.5);
        let scaling =
            SparseScaling { candidates: &graph, costs: &[0.5; 100], source_weights: &a, target_weights: &b };
        let schedule = Schedule { iterations: 40, first_epsilon: 0.1, last_epsilon: 0.1, relaxation: 1.0 };
        let (mut f, mut g) = (vec![0.0; 100], vec![0.0; 100]);
        let (useful, error) = scaling.run(schedule, &mut f, &mut g, &mut |_| false);
        assert!(!useful);
        // 0.99 too much in one column, 0.01 missing in each of 99.
        assert!((error - 1.98).abs() < 1e-3, "{error}");
        assert!(f.iter().chain(&g).all(|value| value.is_finite()));
    }

    #[test]
    fn a_column_that_nothing_reaches_is_lifted_until_it_is_seen() {
        let dense = Dense::new(30, 30, 17);
        let schedule = Schedule { iterations: 150, first_epsilon: 0.05, last_epsilon: 0.05, relaxation: 1.0 };
        let (mut f, mut g) = (vec![0.0; 30], vec![0.0; 30]);
        // Every exponential of it vanishes: a whole unit up with each iteration.
        g[4] = -25.0;
        let (useful, _) = dense.scaling().run(schedule, &mut f, &mut g, &mut |_| false);
        assert!(useful);
        let [of_rows, of_columns] = dense.errors(&f, &g, 0.05);
        assert!(of_rows < 1e-3 && of_columns < 1e-3, "{of_rows}, {of_columns}");
    }

    #[test]
    fn rows_without_candidates_keep_their_potential_and_the_observer_ends_it() {
        let dense = Dense::new(3, 4, 29);
        // The second row has no candidates.
        let pairs: Vec<(u32, u32)> = (0..8).map(|at| if at < 4 { (0, at) } else { (2, at - 4) }).collect();
        let graph = Candidates::from_rows(3, &pairs, |_, _| 0.0);
        let scaling = SparseScaling { candidates: &graph, costs: &dense.costs[..8], ..dense.scaling() };
        let schedule = Schedule { iterations: 40, first_epsilon: 0.1, last_epsilon: 0.1, relaxation: 1.0 };
        let (mut f, mut g) = (vec![0.0, 0.25, 0.0], vec![0.0; 4]);
        let mut told = Vec::new();
        let (useful, error) = scaling.run(schedule, &mut f, &mut g, &mut |share| {
            told.push(share);
            told.len() == 5
        });
        assert!(useful && error.is_nan(), "it ended before the candidates were judged");
        assert_eq!(told.len(), 5);
        assert_eq!(f[1], 0.25);
        assert!(f.iter().chain(&g).all(|value| value.is_finite()));
    }
}
