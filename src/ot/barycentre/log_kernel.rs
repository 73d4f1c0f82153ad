//! Gibbs kernels in the log domain: `log Σᵢ exp(xᵢ - Cᵢⱼ/ε)` for many x at once, along one axis or several.
//!
//! # Fast and safe
//! A plain log-sum-exp takes an exponential for each pair. Here each line of x is shifted by its largest entry m, and
//! `m + log Σᵢ Kᵢⱼ exp(xᵢ - m)` is one exponential for each number and a matrix product with `K = exp(-C/ε)`. What underflows, in K, in
//! the exponential or in their product, is less than the smallest normal number, so n such terms cannot change a sum that is
//! above n MIN_POSITIVE / EPSILON by more than a rounding. Sums below that, and only those, are computed again, as a
//! log-sum-exp over all terms. So any ε gives full
//! accuracy, and a moderate one the speed of the product.

use super::exponentials::{exp_columns, exp_rows, log_columns, log_rows};
use crate::matrix::{Matrix, MatrixView, MatrixViewMut, Operation, gemm};
use crate::parallel;
use crate::simd::log_sum_exp;

/// Rows of one task where an axis is the innermost.
const ROWS: usize = 64;

/// Which index is summed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sum {
    /// Over the rows of the costs: the result has an entry for each column.
    OverRows,
    /// Over the columns.
    OverColumns,
}

/// The kernel of one axis.
#[derive(Debug)]
struct Axis {
    /// C/ε.
    scaled_costs: Matrix<f64>,
    /// exp(-C/ε), zero below the smallest normal number.
    kernel: Matrix<f64>,
}

/// A product of kernels, one for each axis of the arrays that it is applied to, the outermost first.
#[derive(Debug)]
pub(super) struct LogKernel {
    axes: Vec<Axis>,
}

impl LogKernel {
    /// The kernel of the costs `Σ_axes C_axis`, each divided by ε already.
    pub fn new(scaled_costs: Vec<Matrix<f64>>) -> Self {
        let axes = scaled_costs.into_iter().map(|scaled_costs| {
            let kernel = scaled_costs.map(|cost: f64| {
                let value = (-cost).exp();
                if value < f64::MIN_POSITIVE { 0.0 } else { value }
            });
            Axis { scaled_costs, kernel }
        });
        Self { axes: axes.collect() }
    }

    /// The lengths of the axes of the result, or, for the other direction, of the argument.
    fn shape(&self, sum: Sum) -> Vec<usize> {
        let length = |axis: &Axis| match sum {
            Sum::OverRows => axis.scaled_costs.columns(),
            Sum::OverColumns => axis.scaled_costs.rows(),
        };
        self.axes.iter().map(length).collect()
    }

    /// `out[j] = log Σᵢ exp(x[i] - Cᵢⱼ/ε)` for each of the arrays that `x` is made of, over all axes.
    pub fn apply(&self, x: &[f64], sum: Sum) -> Vec<f64> {
        let (before, after) = match sum {
            Sum::OverRows => (self.shape(Sum::OverColumns), self.shape(Sum::OverRows)),
            Sum::OverColumns => (self.shape(Sum::OverRows), self.shape(Sum::OverColumns)),
        };
        let arrays = x.len() / before.iter().product::<usize>();
        let mut current = x.to_vec();
        // The innermost axis first: those inside the current one have the result's lengths already.
        for (k, axis) in self.axes.iter().enumerate().rev() {
            let outer = arrays * before[..k].iter().product::<usize>();
            let inner = after[k + 1..].iter().product::<usize>();
            let mut next = vec![0.0; outer * after[k] * inner];
            if inner == 1 {
                parallel::for_each_chunk_mut(&mut next, ROWS * after[k], |start, out| {
                    let first = start / after[k];
                    let rows = out.len() / after[k];
                    axis.along_rows(&current[first * before[k]..(first + rows) * before[k]], sum, out);
                });
            } else {
                parallel::for_each_chunk_mut(&mut next, after[k] * inner, |start, out| {
                    let first = start / after[k] * before[k];
                    axis.along_columns(&current[first..first + before[k] * inner], inner, sum, out);
                });
            }
            current = next;
        }
        current
    }
}

impl Axis {
    /// Number of terms of a sum, and the logarithm of a sum above which what has underflowed does not matter.
    fn terms(&self, sum: Sum) -> (usize, f64) {
        let terms = match sum {
            Sum::OverRows => self.scaled_costs.rows(),
            Sum::OverColumns => self.scaled_costs.columns(),
        };
        (terms, (terms as f64 * (f64::MIN_POSITIVE / f64::EPSILON)).ln())
    }

    fn cost(&self, sum: Sum, from: usize, to: usize) -> f64 {
        match sum {
            Sum::OverRows => self.scaled_costs[(from, to)],
            Sum::OverColumns => self.scaled_costs[(to, from)],
        }
    }

    /// Each row of x is a line.
    fn along_rows(&self, x: &[f64], sum: Sum, out: &mut [f64]) {
        let (terms, safe) = self.terms(sum);
        let lines = x.len() / terms;
        let results = out.len() / lines;
        let (mut exponentials, mut largest) = (vec![0.0; x.len()], vec![0.0; lines]);
        exp_rows(x, terms, &mut exponentials, &mut largest);
        let operation = if sum == Sum::OverRows { Operation::Plain } else { Operation::Transpose };
        gemm(
            1.0,
            MatrixView::from_slice(&exponentials, lines, terms).expect("the task's rows"),
            Operation::Plain,
            &self.kernel,
            operation,
            0.0,
            MatrixViewMut::from_slice(out, lines, results).expect("the task's rows"),
        )
        .expect("the axis fits its arrays");
        log_rows(out, results, &largest);
        let mut summands = vec![0.0; terms];
        for ((out, x), &largest) in out.chunks_mut(results).zip(x.chunks(terms)).zip(&largest) {
            // A line of log 0 has only log 0 to give.
            if largest == f64::NEG_INFINITY {
                continue;
            }
            for (to, out) in out.iter_mut().enumerate() {
                if *out - largest < safe {
                    for (from, (summand, x)) in summands.iter_mut().zip(x).enumerate() {
                        *summand = x - self.cost(sum, from, to);
                    }
                    *out = log_sum_exp(&summands);
                }
            }
        }
    }

    /// Each column of x, `inner` of them, is a line.
    fn along_columns(&self, x: &[f64], inner: usize, sum: Sum, out: &mut [f64]) {
        let (terms, safe) = self.terms(sum);
        let results = out.len() / inner;
        let (mut exponentials, mut largest) = (vec![0.0; x.len()], vec![0.0; inner]);
        exp_columns(x, inner, &mut exponentials, &mut largest);
        let operation = if sum == Sum::OverRows { Operation::Transpose } else { Operation::Plain };
        gemm(
            1.0,
            &self.kernel,
            operation,
            MatrixView::from_slice(&exponentials, terms, inner).expect("the task's columns"),
            Operation::Plain,
            0.0,
            MatrixViewMut::from_slice(out, results, inner).expect("the task's columns"),
        )
        .expect("the axis fits its arrays");
        log_columns(out, inner, &largest);
        let mut summands = vec![0.0; terms];
        for (to, out) in out.chunks_mut(inner).enumerate() {
            for (column, (out, &largest)) in out.iter_mut().zip(&largest).enumerate() {
                if *out - largest < safe && largest > f64::NEG_INFINITY {
                    for (from, summand) in summands.iter_mut().enumerate() {
                        *summand = x[from * inner + column] - self.cost(sum, from, to);
                    }
                    *out = log_sum_exp(&summands);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::RandomStream;

    /// The definition, over all pairs of places.
    fn plain(costs: &[Matrix<f64>], x: &[f64], sum: Sum) -> Vec<f64> {
        let lengths = |rows: bool| -> Vec<usize> {
            costs.iter().map(|c| if rows { c.rows() } else { c.columns() }).collect()
        };
        let (from, to) = if sum == Sum::OverRows {
            (lengths(true), lengths(false))
        } else {
            (lengths(false), lengths(true))
        };
        let place = |mut flat: usize, shape: &[usize]| -> Vec<usize> {
            let mut place = vec![0; shape.len()];
            for (k, length) in shape.iter().enumerate().rev() {
                place[k] = flat % length;
                flat /= length;
            }
            place
        };
        let (sources, targets): (usize, usize) = (from.iter().product(), to.iter().product());
        let mut out = Vec::new();
        for array in x.chunks(sources) {
            for target in 0..targets {
                let terms: Vec<f64> = (0..sources)
                    .map(|source| {
                        let pairs = place(source, &from).into_iter().zip(place(target, &to));
                        let cost: f64 = pairs
                            .zip(costs)
                            .map(|((i, j), c)| if sum == Sum::OverRows { c[(i, j)] } else { c[(j, i)] })
                            .sum();
                        array[source] - cost
                    })
                    .collect();
                out.push(log_sum_exp(&terms));
            }
        }
        out
    }

    #[test]
    fn agrees_with_the_definition_for_any_size_of_costs() {
        let mut random = RandomStream::new(5);
        for (shape, arrays) in
            [(vec![(5, 9)], 3), (vec![(7, 3), (4, 6)], 2), (vec![(3, 4), (2, 2), (5, 3)], 70)]
        {
            for size in [0.1, 30.0, 700.0, 1e5] {
                let costs: Vec<Matrix<f64>> = shape
                    .iter()
                    .map(|&(rows, columns)| random.uniform_matrix::<f64>(rows, columns).map(|c| c * size))
                    .collect();
                for sum in [Sum::OverRows, Sum::OverColumns] {
                    let length: usize =
                        shape.iter().map(|&(r, c)| if sum == Sum::OverRows { r } else { c }).product();
                    let mut x: Vec<f64> =
                        (0..arrays * length).map(|_| size * (random.uniform::<f64>() - 0.5)).collect();
                    // Log 0 here and there, and a whole array of it.
                    x.iter_mut().step_by(3).for_each(|x| *x = f64::NEG_INFINITY);
                    x[..length].fill(f64::NEG_INFINITY);
                    let expected = plain(&costs, &x, sum);
                    let got = LogKernel::new(costs.clone()).apply(&x, sum);
                    assert_eq!(got.len(), expected.len());
                    // An exponent of size s has an error of s EPS, a kernel entry too, on each axis; and a few roundings.
                    let tolerance = 16.0 * f64::EPSILON * (1.0 + 3.0 * size);
                    for (got, expected) in got.iter().zip(&expected) {
                        assert!(
                            got == expected || (got - expected).abs() <= tolerance,
                            "{got} {expected} {size}"
                        );
                    }
                }
            }
        }
    }
}
