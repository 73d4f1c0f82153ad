//! Each kernel against plain loops in `f64`, at every level.

use super::columns::add_rows_kernel;
use super::lifted::{lifted_blocks_kernel, lifted_points_kernel, lifted_stored_kernel};
use super::natural::{exponentials_kernel, shifted_exponentials_kernel};
use super::updates::{update_columns_kernel, update_rows_kernel};
use super::*;
use crate::matrix::MatrixView;
use crate::simd::lanes::Simd;
use crate::simd::test_at_every_level;

/// Numbers between -1 and 1, the same for each call.
fn numbers<A: Scalar>(count: usize, seed: u64) -> Vec<A> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| A::from_f64(next())).collect()
}

fn close<A: Scalar>(got: A, expected: f64, relative: f64) -> bool {
    (got.to_f64() - expected).abs() <= relative * A::EPSILON.to_f64() * expected.abs()
}

/// Rows and their sums against plain loops in `f64`, for lengths through several registers and tails.
fn rows<S: Simd, A: Scalar>() {
    let limits = Limits::<A>::new();
    for columns in (1..40).chain([64, 65, 127]) {
        for count in [1, 3, 8] {
            let costs = numbers::<A>(count * columns, 1);
            let (u, v) = (numbers::<A>(count, 2), numbers::<A>(columns, 3));
            let inverse_epsilon = A::from_f64(4.0);
            let mut block = costs.clone();
            let mut sums = vec![A::NAN; count];
            exponentials_kernel::<S, A>(&mut block, &u, &v, inverse_epsilon, &mut sums);
            for row in 0..count {
                let mut expected_sum = 0.0;
                let mut largest = f64::NEG_INFINITY;
                let at = |column: usize| v[column].to_f64() - 4.0 * costs[row * columns + column].to_f64();
                for column in 0..columns {
                    let expected = (u[row].to_f64() + at(column)).exp();
                    // Exponents of at most 6, rounded twice or three times, and 2 units of the exponential.
                    assert!(close(block[row * columns + column], expected, 22.0), "{columns} {column}");
                    expected_sum += expected;
                    largest = largest.max(at(column));
                }
                // A sum adds at most a rounding for each of its terms in a lane.
                assert!(close(sums[row], expected_sum, 22.0 + columns as f64), "{columns}");
                let mut shifted = costs[row * columns..][..columns].to_vec();
                let (got, sum) =
                    shifted_exponentials_kernel::<S, A>(&mut shifted, &v, inverse_epsilon, limits);
                assert!((got.to_f64() - largest).abs() <= 10.0 * A::EPSILON.to_f64());
                let expected = expected_sum / (u[row].to_f64() + largest).exp();
                assert!(close(sum, expected, 42.0 + columns as f64), "{columns}: {sum} {expected}");
                assert!(shifted.iter().all(|&e| e <= A::ONE) && shifted.contains(&A::ONE));
            }
        }
    }
}

fn columns<S: Simd, A: Scalar>() {
    let limits = Limits::<A>::new();
    for length in (1..40).chain([100]) {
        for count in [0, 1, 3, 4, 7, 8, 9, 13, 21] {
            let block = numbers::<A>(count * length, 1);
            let factors = numbers::<A>(count, 2);
            let mut sums = numbers::<A>(length, 3);
            let before = sums.clone();
            add_rows_kernel::<S, A>(&block, &factors, &mut sums);
            for column in 0..length {
                let mut expected = before[column].to_f64();
                for row in 0..count {
                    expected += factors[row].to_f64() * block[row * length + column].to_f64();
                }
                let error = (sums[column].to_f64() - expected).abs();
                assert!(error <= (count * count) as f64 * A::EPSILON.to_f64(), "{count} {length}");
            }
        }
        let positive = |seed| -> Vec<A> {
            numbers::<A>(length, seed).iter().map(|x| x.abs() + A::from_f64(0.01)).collect()
        };
        let (sums, weights) = (positive(4), positive(5));
        let scaled: Vec<A> = sums.iter().map(|&sum| sum * limits.scale).collect();
        let before = numbers::<A>(length, 6);
        let mut v = before.clone();
        let omega = A::from_f64(1.5);
        let residual = update_columns_kernel::<S, A>(&scaled, &weights, omega, limits, &mut v);
        let mut expected_residual = 0.0;
        for column in 0..length {
            let (sum, weight) = (sums[column].to_f64(), weights[column].to_f64());
            expected_residual += (sum - weight).abs();
            let expected = before[column].to_f64() - 1.5 * (sum / weight).ln();
            // Of numbers below 8: the quotient, two units of the logarithm, a product and a difference.
            assert!((v[column].to_f64() - expected).abs() <= 40.0 * A::EPSILON.to_f64());
        }
        let error = (residual.to_f64() - expected_residual).abs();
        assert!(error <= length as f64 * 4.0 * A::EPSILON.to_f64());
    }
}

/// Factors are `scale` a e^t to the ends of what the limits accept, and never infinite there.
fn row_sums<S: Simd, A: Scalar>() {
    let limits = Limits::<A>::new();
    let largest = limits.largest_sum.to_f64();
    for relaxation in [1.0, 0.5, 1.5, 2.0] {
        for exponent in [-1.0, -0.7, -0.1, 0.0, 0.3, 1.0] {
            let sum = A::from_f64(largest.powf(exponent));
            assert!(limits.accept(sum));
            for (count, lift) in [(1, 0.0), (5, 3.0), (8, -20.0)] {
                let before = A::from_f64(lift * std::f64::consts::LN_2 + 0.25);
                let (mut u, mut factors) = (vec![before; count], vec![A::NAN; count]);
                let weights = vec![A::ONE; count];
                let lifts = vec![A::from_f64(lift); count];
                let omega = A::from_f64(relaxation);
                let sums = vec![sum; count];
                update_rows_kernel::<S, A>(&sums, &weights, &lifts, omega, limits, &mut u, &mut factors);
                let rest = before.to_f64() - lift * std::f64::consts::LN_2;
                let step = (1.0 - relaxation) * rest - relaxation * sum.to_f64().ln();
                for k in 0..count {
                    let expected = limits.scale.to_f64() * step.exp();
                    // m ln 2 is rounded: so is what is left of u.
                    let rounding = 8.0 + 4.0 * step.abs() + lift.abs();
                    assert!(factors[k].is_finite() && close(factors[k], expected, rounding));
                    let error = (u[k].to_f64() - (lift * std::f64::consts::LN_2 + step)).abs();
                    assert!(error <= 4.0 * A::EPSILON.to_f64() * (1.0 + step.abs() + lift.abs()));
                }
            }
        }
    }
    for refused in [A::ZERO, A::MIN_POSITIVE, A::MAX, A::INFINITY, A::NAN] {
        assert!(!limits.accept(refused));
    }
}

/// The lifted kernels against plain loops in `f64`, for lengths through groups, tails and several chunks.
fn lifted<S: Simd, A: Scalar>() {
    for count in (1..40).chain([64, 65, 127, 511, 513, 1100_usize]) {
        let padded = count.next_multiple_of(PADDING);
        let mut w = numbers::<A>(count, 3);
        w.resize(padded, A::from_f64(1e30));
        for rows in [1, 3] {
            let lifts: Vec<A> = (0..rows).map(|row| A::from_f64(row as f64 * 2.0 - 3.0)).collect();
            let check =
                |name: &str, block: &[A], sums: &[A], slope: f64, cost: &dyn Fn(usize, usize) -> f64| {
                    for row in 0..rows {
                        let mut sum = 0.0;
                        for column in 0..count {
                            let x = lifts[row].to_f64() - slope * cost(row, column) - w[column].to_f64();
                            // Exponents below 60 in magnitude, rounded a few times, and 2 units of the exponential.
                            let got = block[row * count + column];
                            assert!(
                                close(got, x.exp2(), 400.0),
                                "{name} ({row}, {column}) of {count}: {got} {x}"
                            );
                            sum += x.exp2();
                        }
                        // Blocks of a chunk are summed in a register of groups.
                        assert!(
                            close(sums[row], sum, 400.0 + count as f64),
                            "{name}, {count}: {} {sum}",
                            sums[row]
                        );
                    }
                };
            let columns = |slope: f64| Columns { w: &w, count, slope: A::from_f64(slope) };
            let costs = numbers::<A>(rows * count, 1);
            let mut block = costs.clone();
            let mut sums = vec![A::NAN; rows];
            lifted_blocks_kernel::<S, A>(columns(4.0), &lifts, &mut block, &mut sums);
            check("in place", &block, &sums, 4.0, &|row, column| costs[row * count + column].to_f64());
            let expected = (block.clone(), sums.clone());
            block.fill(A::NAN);
            let view = MatrixView::from_parts(&costs, rows, count, count);
            lifted_stored_kernel::<S, A>(view, columns(4.0), &lifts, &mut block, &mut sums);
            assert!(expected == (block.clone(), sums.clone()), "stored costs are no others");
            for dimension in DIMENSIONS {
                let (x, mut y) = (numbers::<A>(rows * dimension, 1), numbers::<A>(padded * dimension, 2));
                // A power of two scales without rounding.
                y.iter_mut().for_each(|y| *y *= A::from_f64(0.5));
                for is_root in [false, true] {
                    let (scale, slope) = (A::from_f64(0.5), if is_root { 0.5 } else { 0.25 });
                    block.fill(A::NAN);
                    lifted_points_kernel::<S, A>(
                        dimension,
                        is_root,
                        &x,
                        &y,
                        scale,
                        columns(slope),
                        &lifts,
                        &mut block,
                        &mut sums,
                    );
                    check(&format!("d = {dimension}"), &block, &sums, slope, &|row, column| {
                        let difference = |k: usize| {
                            x[row * dimension + k].to_f64() - 2.0 * y[k * padded + column].to_f64()
                        };
                        let square: f64 = (0..dimension).map(|k| difference(k).powi(2)).sum();
                        if is_root { square.sqrt() } else { square }
                    });
                }
            }
        }
    }
}

test_at_every_level! {
    lifted_rows_agree_with_plain_loops_f32 = lifted::<f32>;
    lifted_rows_agree_with_plain_loops_f64 = lifted::<f64>;
    rows_agree_with_plain_loops_f32 = rows::<f32>;
    rows_agree_with_plain_loops_f64 = rows::<f64>;
    columns_agree_with_plain_loops_f32 = columns::<f32>;
    columns_agree_with_plain_loops_f64 = columns::<f64>;
    factors_are_right_at_the_limits_f32 = row_sums::<f32>;
    factors_are_right_at_the_limits_f64 = row_sums::<f64>;
}
