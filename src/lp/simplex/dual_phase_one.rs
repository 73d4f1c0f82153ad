//! Phase 1 of the dual simplex: the same loop on an auxiliary problem whose bounds are boxes.
//!
//! A variable with a lower bound only gets [0, 1], with an upper one only [-1, 0], a free one [-1000, 1000], a boxed
//! one [0, 0]. Every reduced cost is right in a box, and the objective is minus the sum of those that would be wrong
//! in the bounds as given: at an optimum of 0 there are none. Koberstein & Suhl: *Progress in the dual simplex method
//! for large scale LP problems*, Computational Optimization and Applications 37 (2007).

use super::{NONBASIC, State};

/// The box of a free variable: it leaves the basis last.
const FREE_BOX: f64 = 1000.0;

impl State<'_, '_> {
    /// Sets the boxes, each nonbasic variable at the end that its reduced cost asks for.
    pub(super) fn set_auxiliary_bounds(&mut self) {
        for variable in 0..self.rows + self.columns {
            let (lower, upper) =
                (self.true_lower[variable].is_finite(), self.true_upper[variable].is_finite());
            (self.lower[variable], self.upper[variable]) = match (lower, upper) {
                (true, true) => (0.0, 0.0),
                (true, false) => (0.0, 1.0),
                (false, true) => (-1.0, 0.0),
                (false, false) => (-FREE_BOX, FREE_BOX),
            };
            if self.place[variable] == NONBASIC {
                self.settle(variable, self.reduced[variable] < 0.0);
            }
        }
        self.take_basic_bounds();
    }
}
