//! CHUZR of the dual simplex: the row whose violation is largest in the norm of its steepest-edge weight.
//! Forrest & Goldfarb: *Steepest-edge simplex algorithms for linear programming*, Mathematical Programming 57 (1992).

use super::State;

/// Violations of the bounds of the basic variables, squared: 0 where they are within the tolerance.
#[derive(Debug, Default)]
pub(super) struct Violations {
    squares: Vec<f64>,
}

impl Violations {
    /// All rows afresh.
    pub fn compute(&mut self, state: &State<'_, '_>) {
        self.squares.clear();
        for row in 0..state.rows {
            self.squares.push(square(state, row));
        }
    }

    /// One row afresh.
    pub fn update(&mut self, state: &State<'_, '_>, row: usize) {
        self.squares[row] = square(state, row);
    }

    /// Passes a row over until the next [`compute`](Self::compute).
    pub fn ban(&mut self, row: usize) {
        self.squares[row] = 0.0;
    }

    /// The row to leave, or none when all are within their bounds.
    pub fn choose(&self, weights: &[f64]) -> Option<usize> {
        let mut chosen = None;
        let mut best = 0.0;
        for (row, (&square, &weight)) in self.squares.iter().zip(weights).enumerate() {
            // A multiplication in place of a division: most rows fail here.
            if square > best * weight {
                best = square / weight;
                chosen = Some(row);
            }
        }
        chosen
    }
}

fn square(state: &State<'_, '_>, row: usize) -> f64 {
    let value = state.basic_value[row];
    let violation = (state.basic_lower[row] - value).max(value - state.basic_upper[row]);
    if violation > state.primal_tolerance { violation * violation } else { 0.0 }
}
