//! The staircase: the monotone path through the plan of two sorted sides.

/// One cell of the path, in sorted order of both sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::ot) struct Cell {
    pub source: usize,
    pub target: usize,
    /// The units of mass that the plan puts there, zero or more.
    pub units: i64,
}

/// The cells of the path from (0, 0) to (n-1, m-1), each one step of one side from the last: n + m - 1 cells.
///
/// At each cell the smaller of what is left on both sides is transported (the north-west corner rule). Points without mass
/// are on the path too, so that potentials can be carried along it to every point.
pub(in crate::ot) struct Staircase<S, U> {
    source_units: S,
    target_units: U,
    sources: usize,
    targets: usize,
    /// The current cell, `None` after the last.
    at: Option<(usize, usize)>,
    source_left: i64,
    target_left: i64,
}

impl<S: Fn(usize) -> i64, U: Fn(usize) -> i64> Staircase<S, U> {
    /// The path for sides of `sources` and `targets` points (at least one each), with equal sums of units.
    pub fn new(sources: usize, source_units: S, targets: usize, target_units: U) -> Self {
        let (source_left, target_left) = (source_units(0), target_units(0));
        Self { source_units, target_units, sources, targets, at: Some((0, 0)), source_left, target_left }
    }
}

impl<S: Fn(usize) -> i64, U: Fn(usize) -> i64> Iterator for Staircase<S, U> {
    type Item = Cell;

    #[inline]
    fn next(&mut self) -> Option<Cell> {
        let (source, target) = self.at?;
        let units = self.source_left.min(self.target_left);
        self.source_left -= units;
        self.target_left -= units;
        self.at = if self.source_left == 0 && source + 1 < self.sources {
            self.source_left = (self.source_units)(source + 1);
            Some((source + 1, target))
        } else if target + 1 < self.targets {
            // Either nothing is left to arrive here, or this is the last source and, the sums being equal, the same holds.
            self.target_left = (self.target_units)(target + 1);
            Some((source, target + 1))
        } else {
            None
        };
        Some(Cell { source, target, units })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cells(source: &[i64], target: &[i64]) -> Vec<Cell> {
        Staircase::new(source.len(), |i| source[i], target.len(), |j| target[j]).collect()
    }

    #[test]
    fn points_without_mass_are_on_the_path() {
        let path: Vec<_> = cells(&[0, 2, 0, 0], &[0, 1, 0, 1, 0])
            .iter()
            .map(|cell| (cell.source, cell.target, cell.units))
            .collect();
        assert_eq!(path.len(), 8);
        let massive: Vec<_> = path.into_iter().filter(|cell| cell.2 > 0).collect();
        assert_eq!(massive, [(1, 1, 1), (1, 3, 1)]);
    }

    proptest! {
        #[test]
        fn the_path_is_monotone_complete_and_has_the_marginals(
            source in prop::collection::vec(0..4_i64, 1..12), target in prop::collection::vec(0..4_i64, 1..12)
        ) {
            let (mut source, mut target) = (source, target);
            let (a, b): (i64, i64) = (source.iter().sum(), target.iter().sum());
            // The missing mass goes to the last or the first of the lighter side.
            if a < b { *source.last_mut().unwrap() += b - a } else { target[0] += a - b }
            let path = cells(&source, &target);
            prop_assert_eq!(path.len(), source.len() + target.len() - 1);
            for pair in path.windows(2) {
                let steps = (pair[1].source - pair[0].source, pair[1].target - pair[0].target);
                prop_assert!(steps == (1, 0) || steps == (0, 1));
            }
            for (i, &units) in source.iter().enumerate() {
                prop_assert_eq!(path.iter().filter(|c| c.source == i).map(|c| c.units).sum::<i64>(), units);
            }
            for (j, &units) in target.iter().enumerate() {
                prop_assert_eq!(path.iter().filter(|c| c.target == j).map(|c| c.units).sum::<i64>(), units);
            }
        }
    }
}
