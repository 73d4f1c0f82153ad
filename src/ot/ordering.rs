//! Points of few coordinates in the order of a k-d tree: neighbours in space become neighbours in memory.
//!
//! The cloud is halved at the median of its widest coordinate, and the halves again, down to single points (Bentley 1975).
//! Runs of consecutive points are then compact cells, which is what the coarser levels of the warm start need, and
//! the best candidates of neighbouring rows lie in the same stretch of the columns. O(n log² n).

use crate::matrix::MatrixView;

/// Clouds with more coordinates than this are left in their order: cells of 2^d corners are no longer compact.
pub(crate) const DIMENSIONS_ORDERED: usize = 8;

/// The indices of the points, those of a cell next to each other.
pub(crate) fn in_cells(points: MatrixView<'_, f32>) -> Vec<u32> {
    let mut order: Vec<u32> = (0..points.rows() as u32).collect();
    if points.columns() <= DIMENSIONS_ORDERED {
        let whole = 0..order.len();
        let mut stack = Vec::from([whole]);
        while let Some(range) = stack.pop() {
            if range.len() <= 2 {
                continue;
            }
            let cell = &mut order[range.clone()];
            let axis = widest_axis(points, cell);
            let middle = cell.len() / 2;
            let coordinate = |&point: &u32| points.row(point as usize)[axis];
            cell.select_nth_unstable_by(middle, |a, b| {
                coordinate(a).total_cmp(&coordinate(b)).then(a.cmp(b))
            });
            stack.push(range.start..range.start + middle);
            stack.push(range.start + middle..range.end);
        }
    }
    order
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

    /// The sum over runs of 16 points of the sides of their bounding boxes.
    fn extent_of_runs(points: &Matrix<f32>, order: &[u32]) -> f32 {
        let mut sum = 0.0;
        for run in order.chunks(16) {
            for axis in 0..points.columns() {
                let values = || run.iter().map(|&point| points[(point as usize, axis)]);
                sum += values().fold(f32::MIN, f32::max) - values().fold(f32::MAX, f32::min);
            }
        }
        sum
    }

    #[test]
    fn runs_of_points_are_compact() {
        let points: Matrix<f32> = RandomStream::new(1).normal_matrix(1000, 3);
        let order = in_cells(points.view());
        let mut sorted = order.clone();
        sorted.sort_unstable();
        let given: Vec<u32> = (0..1000).collect();
        assert_eq!(sorted, given, "a permutation");
        // 63 cells of the cloud are about a quarter as wide as the cloud itself.
        assert!(extent_of_runs(&points, &order) < 0.5 * extent_of_runs(&points, &given));
    }

    #[test]
    fn equal_points_and_many_coordinates_are_no_trouble() {
        assert_eq!(in_cells(Matrix::from_fn(9, 2, |_, _| 1.0).view()).len(), 9);
        assert_eq!(in_cells(Matrix::zeros(0, 2).view()), []);
        let wide: Matrix<f32> = RandomStream::new(2).normal_matrix(50, DIMENSIONS_ORDERED + 1);
        assert_eq!(in_cells(wide.view()), (0..50).collect::<Vec<u32>>());
    }
}
