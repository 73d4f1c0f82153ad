//! Maps of points by potentials, or along with their nearest neighbour, block by block.
//!
//! With v = g/ε + ln b the entropic map is an average of values zⱼ (the targets themselves, or whatever is known of them):
//!
//! ```text
//! T(x) = Σⱼ zⱼ wⱼ / Σⱼ wⱼ    wⱼ = exp(vⱼ - c(x, yⱼ)/ε - maxₖ(vₖ - c(x, yₖ)/ε))
//! ```
//!
//! The largest weight is one whatever the potentials are: nothing under- or overflows. 2^16 costs at a time, and one dispatch for them.

// Index loops over registers compile to straight code; iterators over arrays of them do not always.
#![allow(clippy::needless_range_loop)]

use crate::error::Result;
use crate::matrix::{Distance, DistanceRows, Matrix, MatrixView, Operation, gemm};
use crate::parallel::map_chunks;
use crate::scalar::{Scalar, Vectorised};
use crate::simd::dispatch;
use crate::simd::exp::exp_flushed;
use crate::simd::lanes::{Lanes, Simd};

/// Costs of a block: 512 KiB, what second-level caches hold.
const BLOCK_ENTRIES: usize = 1 << 16;

/// What takes points to their images: the other side's points, with the potentials.
pub(super) struct Cloud<'c> {
    /// y: (m, d).
    pub points: &'c Matrix<f64>,
    /// b, of which zeros take no part.
    pub weights: &'c [f64],
    /// g.
    pub potentials: &'c [f64],
    pub distance: Distance,
}

/// The operation that errors name.
const OPERATION: &str = "adaptation";

impl Cloud<'_> {
    /// Visits the costs (rows, m) from the points to this cloud block by block; results in order.
    fn blocks<R: Send>(
        &self,
        points: &Matrix<f64>,
        visit: impl Fn(usize, &mut [f64]) -> Vec<R> + Sync + Send,
    ) -> Result<Vec<R>> {
        let names = ["points", "points of the sample"];
        let rows =
            DistanceRows::<f64>::prepare(OPERATION, points.view(), self.points.view(), self.distance, names)?;
        let columns = self.points.rows();
        let at_once = (BLOCK_ENTRIES / columns).clamp(1, 32);
        let parts = map_chunks(points.rows(), at_once, |part| {
            let mut costs = vec![0.0; part.len() * columns];
            rows.rows_into(part.clone(), 0..columns, &mut costs);
            visit(part.start, &mut costs)
        });
        Ok(parts.into_iter().flatten().collect())
    }

    /// Σⱼ zⱼ wⱼ(x)/Σⱼ wⱼ(x) for each point x and the values z: (m, k). `add` adds to the costs of a point what it pays beside.
    pub fn soft_map(
        &self,
        points: &Matrix<f64>,
        values: &Matrix<f64>,
        epsilon: f64,
        add: impl Fn(usize, &mut [f64]) + Sync + Send,
    ) -> Result<Matrix<f64>> {
        let v: Vec<f64> =
            self.potentials.iter().zip(self.weights).map(|(g, &b)| g / epsilon + b.ln()).collect();
        let (columns, k) = values.shape();
        let images = self.blocks(points, |first, block| {
            for (row, costs) in block.chunks_exact_mut(columns).enumerate() {
                add(first + row, costs);
            }
            let count = block.len() / columns;
            let mut sums = vec![0.0; count];
            soft_rows(block, &v, 1.0 / epsilon, &mut sums);
            let weights = MatrixView::from_parts(block, count, columns, columns);
            let mut product = Matrix::zeros(count, k);
            gemm(1.0, weights, Operation::Plain, values, Operation::Plain, 0.0, product.view_mut())
                .expect("shapes were checked");
            for (image, sum) in product.as_mut_slice().chunks_exact_mut(k.max(1)).zip(sums) {
                image.iter_mut().for_each(|coordinate| *coordinate /= sum);
            }
            product.into_vec()
        })?;
        Matrix::from_vec(points.rows(), k, images)
    }

    /// The point of the cloud with the least c(x, yⱼ) - gⱼ for each x, the first of equals.
    pub fn hard_map(&self, points: &Matrix<f64>) -> Result<Vec<usize>> {
        let columns = self.points.rows();
        self.blocks(points, |_, block| {
            block
                .chunks_exact(columns)
                .map(|costs| {
                    let (mut best, mut least) = (0, f64::INFINITY);
                    for j in 0..columns {
                        let slack = costs[j] - self.potentials[j];
                        if slack < least && self.weights[j] > 0.0 {
                            (best, least) = (j, slack);
                        }
                    }
                    best
                })
                .collect()
        })
    }
}

/// Registers of partial results that a loop keeps: enough to hide the latency of an addition.
const STRANDS: usize = 4;

#[inline(always)]
fn soft_rows_kernel<S: Simd, A: Scalar>(block: &mut [A], v: &[A], inverse_epsilon: A, sums: &mut [A]) {
    type Register<S, A> = <A as Vectorised>::Register<S>;
    let lanes = Register::<S, A>::LANES;
    let slope = Register::<S, A>::splat(-inverse_epsilon);
    let lowest = -A::INFINITY;
    for (row, costs) in block.chunks_exact_mut(v.len()).enumerate() {
        let mut strands = [Register::<S, A>::splat(lowest); STRANDS];
        for (k, (part, v)) in costs.chunks_mut(lanes).zip(v.chunks(lanes)).enumerate() {
            let x = Register::<S, A>::load_partial(part, A::ZERO)
                .mul_add(slope, Register::<S, A>::load_partial(v, lowest));
            x.store_partial(part);
            strands[k % STRANDS] = strands[k % STRANDS].max(x);
        }
        let shift = strands[0].max(strands[1]).max(strands[2].max(strands[3])).reduce_max();
        let shift = Register::<S, A>::splat(shift);
        let mut strands = [Register::<S, A>::constant(0.0); STRANDS];
        for (k, part) in costs.chunks_mut(lanes).enumerate() {
            let e = exp_flushed(Register::<S, A>::load_partial(part, lowest) - shift);
            e.store_partial(part);
            strands[k % STRANDS] = strands[k % STRANDS] + e;
        }
        sums[row] = ((strands[0] + strands[1]) + (strands[2] + strands[3])).reduce_sum();
    }
}

dispatch! {
    /// Costs become exp(vⱼ - Cᵢⱼ/ε - xᵢ) with xᵢ the largest of its row's exponents, and `sums` their row sums, from one to m.
    fn soft_rows<A: Scalar>(block: &mut [A], v: &[A], inverse_epsilon: A, sums: &mut [A]) = soft_rows_kernel
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::RandomStream;
    use crate::simd::test_at_every_level;

    /// One row after the other with the standard library's exponential.
    fn plain(block: &mut [f64], v: &[f64], epsilon: f64) -> Vec<f64> {
        block
            .chunks_exact_mut(v.len())
            .map(|row| {
                row.iter_mut().zip(v).for_each(|(cost, v)| *cost = v - *cost / epsilon);
                let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                row.iter_mut().for_each(|x| *x = (*x - largest).exp());
                row.iter().sum()
            })
            .collect()
    }

    fn soft_rows_are_those_of_the_definition<S: Simd>() {
        let mut random = RandomStream::new(3);
        for columns in [1, 2, 3, 7, 8, 9, 31, 64, 65] {
            for epsilon in [1.0, 1e-3] {
                let costs: Matrix<f64> = random.uniform_matrix(5, columns);
                let mut v = vec![0.0; columns];
                random.fill_normal(&mut v);
                if columns > 2 {
                    v[1] = f64::NEG_INFINITY;
                }
                let (mut expected, mut got) = (costs.clone(), costs);
                let expected_sums = plain(expected.as_mut_slice(), &v, epsilon);
                let mut sums = vec![0.0; 5];
                soft_rows_kernel::<S, f64>(got.as_mut_slice(), &v, 1.0 / epsilon, &mut sums);
                // Exponents of size 1/ε have roundings of EPS/ε.
                let tolerance = 8.0 * f64::EPSILON * (1.0 + 4.0 / epsilon);
                for (got, expected) in got.as_slice().iter().zip(expected.as_slice()) {
                    assert!((got - expected).abs() <= tolerance, "{got} {expected}");
                }
                for (got, expected) in sums.iter().zip(&expected_sums) {
                    assert!((1.0..=columns as f64).contains(got));
                    assert!((got - expected).abs() <= tolerance * columns as f64, "{got} {expected}");
                }
            }
        }
    }

    test_at_every_level! {
        every_level_computes_soft_rows = soft_rows_are_those_of_the_definition;
    }

    #[cfg(feature = "parallel")]
    #[test]
    fn maps_have_the_same_bits_for_any_number_of_threads() {
        let mut random = RandomStream::new(4);
        let (x, y): (Matrix<f64>, Matrix<f64>) = (random.normal_matrix(300, 3), random.normal_matrix(70, 3));
        let mut potentials = vec![0.0; 70];
        random.fill_normal(&mut potentials);
        let weights = [1.0; 70];
        let cloud = Cloud {
            points: &y,
            weights: &weights,
            potentials: &potentials,
            distance: Distance::SquaredEuclidean,
        };
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| (cloud.soft_map(&x, &y, 0.1, |_, _| {}).unwrap(), cloud.hard_map(&x).unwrap()))
        };
        assert_eq!(run(1), run(3));
    }
}
