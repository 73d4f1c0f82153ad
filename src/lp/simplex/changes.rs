//! Making reduced costs right where rounding, or a new start, left them wrong.

use super::{Direction, NONBASIC, State};

impl State<'_, '_> {
    /// Boxed variables with the wrong sign go to their other bound; the costs of others are shifted so that the sign is right.
    pub(super) fn correct_duals(&mut self) {
        for variable in 0..self.rows + self.columns {
            if self.place[variable] != NONBASIC {
                continue;
            }
            let reduced = self.reduced[variable];
            let (lower, upper) = (self.lower[variable], self.upper[variable]);
            let wrong = match self.direction[variable] {
                Direction::None => false,
                Direction::Up => reduced < -self.dual_tolerance,
                Direction::Down => reduced > self.dual_tolerance,
                Direction::Both => reduced.abs() > self.dual_tolerance,
            };
            if !wrong {
                continue;
            }
            if lower.is_finite() && upper.is_finite() {
                self.settle(variable, self.direction[variable] == Direction::Up);
            } else {
                self.costs[variable] -= reduced;
                self.reduced[variable] = 0.0;
            }
        }
    }
}
