//! CHUZR of the dual simplex: the row whose violation is largest in the norm of its steepest-edge weight.
//! Forrest & Goldfarb: *Steepest-edge simplex algorithms for linear programming*, Mathematical Programming 57 (1992).

use super::State;

/// Rows that are searched together: an exchange of a sparse problem changes a few of many thousands.
const GROUP: usize = 64;

/// Violations of the bounds of the basic variables, squared: 0 where they are within the tolerance. Of each group of rows the best one is
/// remembered until a violation or a weight of the group changes.
#[derive(Debug, Default)]
pub(super) struct Violations {
    squares: Vec<f64>,
    /// Square over weight of the best row of each group, and the row; 0 where none is violated.
    leaders: Vec<(f64, usize)>,
    /// Groups whose leader is to be found anew.
    stale: Vec<bool>,
}

impl Violations {
    /// All rows afresh.
    pub fn compute(&mut self, state: &State<'_, '_>) {
        self.squares.clear();
        for row in 0..state.rows {
            self.squares.push(square(state, row));
        }
        let groups = state.rows.div_ceil(GROUP);
        self.leaders.resize(groups, (0.0, 0));
        self.stale.clear();
        self.stale.resize(groups, true);
    }

    /// One row afresh; its weight may have changed as well.
    pub fn update(&mut self, state: &State<'_, '_>, row: usize) {
        self.squares[row] = square(state, row);
        self.stale[row / GROUP] = true;
    }

    /// Passes a row over until the next [`compute`](Self::compute).
    pub fn ban(&mut self, row: usize) {
        self.squares[row] = 0.0;
        self.stale[row / GROUP] = true;
    }

    /// The row to leave, or none when all are within their bounds. O(rows / 64 + rows of the groups that changed).
    pub fn choose(&mut self, weights: &[f64]) -> Option<usize> {
        let (mut best, mut chosen) = (0.0, None);
        for (group, stale) in self.stale.iter_mut().enumerate() {
            if std::mem::take(stale) {
                let first = group * GROUP;
                let end = (first + GROUP).min(self.squares.len());
                self.leaders[group] = leader(&self.squares[first..end], &weights[first..end], first);
            }
            let (merit, row) = self.leaders[group];
            if merit > best {
                (best, chosen) = (merit, Some(row));
            }
        }
        chosen
    }
}

/// The best row of a group that begins with row `first`.
fn leader(squares: &[f64], weights: &[f64], first: usize) -> (f64, usize) {
    let (mut best, mut leader) = (0.0, first);
    for (row, (&square, &weight)) in squares.iter().zip(weights).enumerate() {
        // A multiplication in place of a division: most rows fail here.
        if square > best * weight {
            (best, leader) = (square / weight, first + row);
        }
    }
    (best, leader)
}

fn square(state: &State<'_, '_>, row: usize) -> f64 {
    let value = state.basic_value[row];
    let violation = (state.basic_lower[row] - value).max(value - state.basic_upper[row]);
    if violation > state.primal_tolerance { violation * violation } else { 0.0 }
}
