//! Points in the order of a tree whose leaves are cells of neighbours: what the accelerated method's blocks are.
//!
//! A cell is halved at the median of its widest coordinate (Bentley 1975), or in a wide gap of it, so that no leaf holds points of two
//! clusters: the model of the plan takes the points of a leaf for one another where their masses are small.

use crate::matrix::MatrixView;

/// A side's order and its blocks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cells {
    /// Which point stands where.
    pub order: Vec<u32>,
    /// Where the blocks begin, and the number of points.
    pub starts: Vec<usize>,
}

/// Points of a leaf at most, where there are few points.
const LEAST_LEAF: usize = 32;

/// Leaves that points are cut into, gaps not counted.
const LEAVES: usize = 192;

/// Splits in gaps at most: outliers cut off one by one must not make a leaf of every point.
const GAP_SPLITS: usize = 64;

/// A gap counts if it is wider than this share of the cell, and this share of the whole cloud: small cells of any cloud have gaps.
const WIDE: f32 = 0.2;
const WIDE_IN_ALL: f32 = 0.02;

impl Cells {
    pub fn new(points: MatrixView<'_, f32>) -> Self {
        let count = points.rows();
        if points.columns() == 0 {
            return Self { order: (0..count as u32).collect(), starts: vec![0, count] };
        }
        let leaf = count.div_ceil(LEAVES).max(LEAST_LEAF);
        let mut order: Vec<u32> = (0..count as u32).collect();
        let mut starts = vec![0];
        let mut gaps = 0;
        let mut whole_extent = None;
        let whole = 0..count;
        let mut stack = Vec::from([whole]);
        while let Some(range) = stack.pop() {
            let cell = &mut order[range.clone()];
            let axis = widest_axis(points, cell);
            let coordinate = |point: u32| points.row(point as usize)[axis];
            cell.sort_unstable_by(|&a, &b| coordinate(a).total_cmp(&coordinate(b)).then(a.cmp(&b)));
            let extent = coordinate(cell[cell.len() - 1]) - coordinate(cell[0]);
            let whole_extent = *whole_extent.get_or_insert(extent);
            let widest = cell
                .windows(2)
                .enumerate()
                .map(|(k, pair)| (coordinate(pair[1]) - coordinate(pair[0]), k + 1))
                .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
            let split = match widest {
                Some((gap, at))
                    if gap > WIDE * extent && gap > WIDE_IN_ALL * whole_extent && gaps < GAP_SPLITS =>
                {
                    gaps += 1;
                    at
                }
                _ if cell.len() > leaf => cell.len() / 2,
                _ => {
                    starts.push(range.end);
                    continue;
                }
            };
            stack.push(range.start + split..range.end);
            stack.push(range.start..range.start + split);
        }
        Self { order, starts }
    }
}

/// The coordinate in which the points of the cell are furthest apart.
fn widest_axis(points: MatrixView<'_, f32>, cell: &[u32]) -> usize {
    let mut widest = (0, -1.0);
    for axis in 0..points.columns() {
        let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
        for &point in cell {
            let value = points.row(point as usize)[axis];
            (low, high) = (low.min(value), high.max(value));
        }
        if high - low > widest.1 {
            widest = (axis, high - low);
        }
    }
    widest.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;
    use crate::random::RandomStream;

    #[test]
    fn leaves_are_small_cover_everything_and_do_not_mix_clusters() {
        let noise: Matrix<f32> = RandomStream::new(1).normal_matrix(1000, 3);
        // Three clusters of uneven size.
        let cluster = |row: usize| {
            if row % 10 < 3 {
                0.0
            } else if row % 10 < 9 {
                50.0
            } else {
                90.0_f32
            }
        };
        let points = Matrix::from_fn(1000, 3, |row, axis| {
            noise[(row, axis)] + if axis == 1 { cluster(row) } else { 0.0 }
        });
        let cells = Cells::new(points.view());
        let mut sorted = cells.order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..1000).collect::<Vec<u32>>());
        assert_eq!((cells.starts[0], *cells.starts.last().unwrap()), (0, 1000));
        for leaf in cells.starts.windows(2) {
            assert!(leaf[0] < leaf[1] && leaf[1] - leaf[0] <= LEAST_LEAF);
            let members = &cells.order[leaf[0]..leaf[1]];
            assert!(members.iter().all(|&p| cluster(p as usize) == cluster(members[0] as usize)));
        }
    }

    #[test]
    fn equal_points_and_outliers_end_too() {
        assert_eq!(Cells::new(Matrix::from_fn(9, 2, |_, _| 1.0).view()).starts, [0, 9]);
        assert_eq!(Cells::new(Matrix::from_fn(1, 1, |_, _| 1.0).view()).starts, [0, 1]);
        let far = Matrix::from_fn(300, 1, |row, _| 3.0_f32.powi(row as i32 % 60));
        assert!(Cells::new(far.view()).starts.len() < 200);
    }
}
