//! Pricing: the least reduced cost of each row, in one stream over the costs.
//!
//! The reduced cost of the pair (i, j) is Cᵢⱼ - fᵢ - gⱼ. Within a row fᵢ is constant, so the row's minimum is that of
//! Cᵢⱼ - gⱼ: a load, a subtraction and a minimum for each vector, without arc endpoints or states.
//!
//! A pair is a **violation** if fᵢ + gⱼ - Cᵢⱼ > τ (|Cᵢⱼ| + |fᵢ| + |gⱼ|) + ν. Rounding grows with the numbers at hand, so
//! the tolerance τ is relative to them, pair by pair. ν ([`rounding_of`]) is for potentials that should cancel to zero:
//! they are sums along paths of the tree, and carry the rounding of the largest number on their way. Rearranged,
//! Cᵢⱼ + τ|Cᵢⱼ| - (gⱼ - τ|gⱼ|) < fᵢ - τ|fᵢ| - ν: still one quantity for each column and one for each row, so the tolerance
//! costs one more multiply-add an entry ([`Rule`]).

use crate::matrix::MatrixView;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Mask, Simd};
use std::ops::Range;

/// The least priced entry of a row: the value and its column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RowMinimum {
    pub value: f64,
    pub column: u32,
}

impl RowMinimum {
    pub const NONE: Self = Self { value: f64::INFINITY, column: u32::MAX };
}

/// ν: sixteen roundings of the largest potential. Minus infinity, which hides a node, does not count.
pub(super) fn rounding_of(source_potentials: &[f64], target_potentials: &[f64]) -> f64 {
    let mut largest = 0.0_f64;
    for potentials in [source_potentials, target_potentials] {
        for potential in potentials {
            largest = if potential.is_finite() { largest.max(potential.abs()) } else { largest };
        }
    }
    16.0 * f64::EPSILON * largest
}

/// How a cost enters the price.
pub(super) trait Rule {
    /// The price of a cost before the column's part is taken away.
    fn price<L: Lanes<Element = f64>>(cost: L, tolerance: L) -> L;
}

/// C: for what wants the least reduced cost itself.
pub(super) struct Plain;

impl Rule for Plain {
    #[inline(always)]
    fn price<L: Lanes<Element = f64>>(cost: L, _: L) -> L {
        cost
    }
}

/// C + τ|C|: for what wants to know whether any pair is violated beyond its tolerance.
pub(super) struct Tolerant;

impl Rule for Tolerant {
    #[inline(always)]
    fn price<L: Lanes<Element = f64>>(cost: L, tolerance: L) -> L {
        cost.abs().mul_add(tolerance, cost)
    }
}

dispatch! {
    /// For each of `rows`, the least `price(C) - column_part` and where it is; of equals the first.
    ///
    /// `minima` takes the result for `rows`; columns are all of `costs`, whose first is called `first_column`. A minimum
    /// that stands in `minima` already is kept unless a smaller one is found. A column part of minus infinity hides its
    /// column. Reads each cost once and the best block of 64 again.
    pub(super) fn row_minima<T: Scalar, R: Rule>(
        costs: MatrixView<'_, T>,
        rows: Range<usize>,
        first_column: usize,
        column_parts: &[f64],
        tolerance: f64,
        minima: &mut [RowMinimum],
    ) = row_minima_kernel
}

/// Columns to a block: the search for the place of the minimum is over one block only.
const BLOCK: usize = 64;

#[inline(always)]
fn row_minima_kernel<S: Simd, T: Scalar, R: Rule>(
    costs: MatrixView<'_, T>,
    rows: Range<usize>,
    first_column: usize,
    column_parts: &[f64],
    tolerance: f64,
    minima: &mut [RowMinimum],
) {
    let lanes = <S::F64 as Lanes>::LANES;
    let tolerances = S::F64::splat(tolerance);
    let columns = costs.columns();
    let column_parts = &column_parts[..columns];
    for (row, minimum) in rows.zip(minima) {
        let row = costs.row(row);
        let mut best = minimum.value;
        let mut best_block = usize::MAX;
        let mut start = 0;
        while start + BLOCK <= columns {
            let costs = &row[start..start + BLOCK];
            let parts = &column_parts[start..start + BLOCK];
            // Four independent minima hide the latency.
            let mut least = [S::F64::splat(f64::INFINITY); 4];
            let mut k = 0;
            while k < BLOCK {
                for lane in 0..4 {
                    let cost = T::load_wide::<S::F64>(&costs[k + lane * lanes..]);
                    let price = R::price(cost, tolerances) - S::F64::load(&parts[k + lane * lanes..]);
                    least[lane] = least[lane].min(price);
                }
                k += 4 * lanes;
            }
            let least = least[0].min(least[1]).min(least[2].min(least[3]));
            if least.lt(S::F64::splat(best)).any() {
                best = least.reduce_min();
                best_block = start;
            }
            start += BLOCK;
        }
        // Where the minimum is: its block once more, with the same operations, so the same bits.
        if best_block != usize::MAX {
            let mut prices = [0.0; BLOCK];
            let costs = &row[best_block..best_block + BLOCK];
            let parts = &column_parts[best_block..best_block + BLOCK];
            let mut k = 0;
            while k < BLOCK {
                let cost = T::load_wide::<S::F64>(&costs[k..]);
                (R::price(cost, tolerances) - S::F64::load(&parts[k..])).store(&mut prices[k..]);
                k += lanes;
            }
            keep_least(&prices, first_column + best_block, minimum);
        }
        // The columns that do not fill a block, padded to one.
        if start < columns {
            let rest = columns - start;
            let mut prices = [0.0; BLOCK];
            let mut parts = [0.0; BLOCK];
            for k in 0..rest {
                prices[k] = row[start + k].to_f64();
                parts[k] = column_parts[start + k];
            }
            let mut k = 0;
            while k < rest {
                let cost = S::F64::load(&prices[k..]);
                (R::price(cost, tolerances) - S::F64::load(&parts[k..])).store(&mut prices[k..]);
                k += lanes;
            }
            keep_least(&prices[..rest], first_column + start, minimum);
        }
    }
}

/// Puts the first of the least prices into `minimum`, if it is less than what stands there.
#[inline(always)]
fn keep_least(prices: &[f64], first_column: usize, minimum: &mut RowMinimum) {
    for (k, &price) in prices.iter().enumerate() {
        if price < minimum.value {
            *minimum = RowMinimum { value: price, column: (first_column + k) as u32 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;
    use proptest::prelude::*;

    /// The plain loop that the kernel must agree with, to the bit under the plain rule.
    fn oracle<T: Scalar>(costs: &Matrix<T>, row: usize, parts: &[f64]) -> RowMinimum {
        let mut minimum = RowMinimum::NONE;
        for column in 0..costs.columns() {
            let value = costs[(row, column)].to_f64() - parts[column];
            if value < minimum.value {
                minimum = RowMinimum { value, column: column as u32 };
            }
        }
        minimum
    }

    proptest! {
        #[test]
        fn the_kernel_agrees_with_the_plain_loop(
            columns in 1_usize..300,
            seed in any::<u64>(),
            hidden in 0_usize..300,
        ) {
            // Few distinct values, so that ties abound.
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                ((state >> 59) as f64) - 16.0
            };
            let costs = Matrix::from_fn(3, columns, |_, _| next());
            let mut parts: Vec<f64> = (0..columns).map(|_| next()).collect();
            parts[hidden % columns] = f64::NEG_INFINITY;
            let narrow = Matrix::from_fn(3, columns, |row, column| costs[(row, column)] as f32);
            let mut minima = [RowMinimum::NONE; 3];
            row_minima::<f64, Plain>(costs.view(), 0..3, 0, &parts, 0.0, &mut minima);
            let mut narrow_minima = [RowMinimum::NONE; 3];
            row_minima::<f32, Plain>(narrow.view(), 0..3, 0, &parts, 0.0, &mut narrow_minima);
            for row in 0..3 {
                prop_assert_eq!(minima[row], oracle(&costs, row, &parts));
                prop_assert_eq!(narrow_minima[row], oracle(&narrow, row, &parts));
            }
        }

        #[test]
        fn the_tolerant_rule_adds_the_share_of_the_cost(columns in 1_usize..200, scale in -10.0..10.0_f64) {
            let costs = Matrix::from_fn(1, columns, |_, column| scale * (column as f64 - 7.3));
            let parts = vec![0.0; columns];
            let mut minima = [RowMinimum::NONE];
            row_minima::<f64, Tolerant>(costs.view(), 0..1, 0, &parts, 0.01, &mut minima);
            let expected = costs.row(0).iter().map(|c| c + 0.01 * c.abs()).fold(f64::INFINITY, f64::min);
            prop_assert!((minima[0].value - expected).abs() <= 2.0 * f64::EPSILON * expected.abs());
        }
    }
}
