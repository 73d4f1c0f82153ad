//! Sorting the projections of a cloud: into as many equal cells as there are numbers, then within the cells.
//!
//! Projections of a cloud are spread over their range, so most cells get a few numbers, and an insertion sort puts those in
//! order: linear time, where comparing takes log n steps that no processor predicts. Cells with many numbers (outliers and
//! clusters make some) are sorted by the library first, so no input takes more than n log n. With it the whole
//! estimate of `benches/sliced.rs` (10,000 points) takes 0.6 of the time that it takes with the sort of keys that
//! [`line`](super::super::line) uses for millions, where cells are far apart in memory.

use crate::error::Result;
use crate::ot::line::order::{sort, sort_indexed};
use crate::scalar::Scalar;

/// Fewer numbers are sorted by comparing; more than `MOST` cells no longer fit the second-level cache.
const LEAST: usize = 64;
const MOST: usize = 1 << 16;

/// A cell with more numbers than this is sorted by the library.
const CROWD: usize = 32;

/// The coordinates in ascending order.
pub(super) fn sorted<T: Scalar>(what: &'static str, x: &[T]) -> Result<Vec<f64>> {
    let Some(cells) = Cells::new(x) else {
        return sort(what, x);
    };
    let mut out = vec![0.0; x.len()];
    // Minus zero becomes zero, as in the other sort.
    let starts = cells.scatter(|k, place| out[place] = x[k].to_f64() + 0.0);
    for cell in crowded(&starts) {
        out[cell].sort_unstable_by(f64::total_cmp);
    }
    insertion_sort(&mut out, |&value| value);
    Ok(out)
}

/// The coordinates in ascending order, each with where it stood; equal ones in their given order.
pub(super) fn sorted_with_places<T: Scalar>(what: &'static str, x: &[T]) -> Result<Vec<(f64, u32)>> {
    let Some(cells) = Cells::new(x).filter(|_| x.len() <= MOST) else {
        let sorted = sort_indexed(what, x)?;
        return Ok(sorted
            .coordinates
            .into_iter()
            .zip(sorted.indices.into_iter().map(|k| k as u32))
            .collect());
    };
    let mut out = vec![(0.0, 0); x.len()];
    let starts = cells.scatter(|k, place| out[place] = (x[k].to_f64() + 0.0, k as u32));
    for cell in crowded(&starts) {
        out[cell].sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    insertion_sort(&mut out, |pair| pair.0);
    Ok(out)
}

/// The cell of each number.
struct Cells {
    cells: Vec<u32>,
    count: usize,
}

impl Cells {
    /// None where cells are of no use: few numbers or very many, no spread, or one that is not finite.
    fn new<T: Scalar>(x: &[T]) -> Option<Self> {
        let count = x.len();
        if !(LEAST..=MOST).contains(&count) {
            return None;
        }
        let (mut low, mut high, mut finite) = (x[0], x[0], true);
        for &x in x {
            low = if x < low { x } else { low };
            high = if x > high { x } else { high };
            finite &= x.is_finite();
        }
        let (low, high) = (low.to_f64(), high.to_f64());
        let scale = count as f64 / (high - low);
        if !finite || !scale.is_finite() || scale <= 0.0 {
            return None;
        }
        // Each rounding is monotone: a larger number is never in a lower cell.
        let cell = |x: &T| (((x.to_f64() - low) * scale) as u32).min(count as u32 - 1);
        Some(Self { cells: x.iter().map(cell).collect(), count })
    }

    /// Calls `put` with each number's index and its place in the order of cells; where each cell starts.
    fn scatter(&self, mut put: impl FnMut(usize, usize)) -> Vec<u32> {
        // Shifted by two: after the counts are summed, entry c + 1 is the place of the next number of cell c, and in the end
        // its end, the start of cell c + 1.
        let mut places = vec![0_u32; self.count + 2];
        for &cell in &self.cells {
            places[cell as usize + 2] += 1;
        }
        for cell in 2..places.len() {
            places[cell] += places[cell - 1];
        }
        for (k, &cell) in self.cells.iter().enumerate() {
            let place = &mut places[cell as usize + 1];
            put(k, *place as usize);
            *place += 1;
        }
        places.truncate(self.count + 1);
        places
    }
}

/// The cells with many numbers.
fn crowded(starts: &[u32]) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let cells = starts.windows(2).map(|ends| ends[0] as usize..ends[1] as usize);
    cells.filter(|cell| cell.len() > CROWD)
}

/// Sorts what is nearly in order, keeping equal ones in theirs.
#[inline(always)]
fn insertion_sort<I: Copy>(items: &mut [I], value: impl Fn(&I) -> f64) {
    for k in 1..items.len() {
        let item = items[k];
        let mut place = k;
        while place > 0 && value(&items[place - 1]) > value(&item) {
            items[place] = items[place - 1];
            place -= 1;
        }
        items[place] = item;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::random::RandomStream;

    #[test]
    fn the_order_is_that_of_the_other_sort() {
        let mut random = RandomStream::new(1);
        for count in [1, 63, 64, 65, 1000, 5000] {
            let normal: Vec<f64> = (0..count).map(|_| random.normal()).collect();
            let ties: Vec<f64> = normal.iter().map(|x| (x * 3.0).round() * 0.5).collect();
            let outlier: Vec<f64> =
                normal.iter().enumerate().map(|(k, x)| if k == 7 { 1e300 } else { *x }).collect();
            let wide: Vec<f64> =
                normal.iter().map(|x| x * 1e308).map(|x| x.clamp(f64::MIN, f64::MAX)).collect();
            let tiny: Vec<f64> = normal.iter().map(|x| x * 1e-310).collect();
            let offset: Vec<f64> = normal.iter().map(|x| 1e15 + x).collect();
            for x in [normal, ties, outlier, wide, tiny, offset, vec![2.0; count]] {
                let expected = sort_indexed("x", &x).unwrap();
                assert_eq!(sorted("x", &x).unwrap(), expected.coordinates);
                let pairs = sorted_with_places("x", &x).unwrap();
                assert!(pairs.iter().map(|pair| pair.0).eq(expected.coordinates.iter().copied()));
                assert!(pairs.iter().map(|pair| pair.1 as usize).eq(expected.indices.iter().copied()));
                let narrow: Vec<f32> = x.iter().map(|&x| x as f32).filter(|x| x.is_finite()).collect();
                let expected = sort("x", &narrow).unwrap();
                assert_eq!(sorted("x", &narrow).unwrap(), expected);
            }
        }
    }

    #[test]
    fn the_first_bad_number_is_named() {
        let mut x = vec![1.0; 200];
        x[150] = f64::NAN;
        x[170] = f64::INFINITY;
        let error = sorted("x", &x).unwrap_err();
        assert!(matches!(error, Error::NotFinite { what: "x", index: 150, .. }));
        assert!(sorted_with_places("x", &x).is_err());
    }
}
