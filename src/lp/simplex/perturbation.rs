//! Seeded perturbation of costs and bounds: what keeps degenerate problems moving.

use super::{NONBASIC, State};
use crate::random::RandomStream;

impl State<'_, '_> {
    /// Moves every cost a little away from the tie it may be in, in the direction that keeps reduced costs right: by
    /// (1 + random) (|c| + 1) 5e-7 C, where C is the largest cost, or its fourth root above 100.
    pub(super) fn perturb_costs(&mut self, strength: f64, seed: u64) {
        let mut stream = RandomStream::new(seed);
        let mut largest = self.true_costs.iter().fold(0.0_f64, |largest, cost| largest.max(cost.abs()));
        if largest > 100.0 {
            largest = largest.sqrt().sqrt();
        }
        let ranged = (0..self.rows + self.columns)
            .filter(|&v| {
                self.true_lower[v] != self.true_upper[v]
                    && (self.true_upper[v] - self.true_lower[v]).is_finite()
            })
            .count();
        if (ranged as f64) < 0.01 * (self.rows + self.columns) as f64 {
            largest = largest.min(1.0);
        }
        let base = 5e-7 * largest * strength;
        for variable in 0..self.columns {
            let random = stream.uniform::<f64>();
            let (lower, upper) = (self.true_lower[variable], self.true_upper[variable]);
            let cost = self.true_costs[variable];
            let amount = (1.0 + random) * (cost.abs() + 1.0) * base;
            if lower == upper {
                continue;
            }
            self.costs[variable] += match (lower.is_finite(), upper.is_finite()) {
                (true, false) => amount,
                (false, true) => -amount,
                (true, true) if cost != 0.0 => amount.copysign(cost),
                _ => 0.0,
            };
        }
        for row in 0..self.rows {
            let variable = self.columns + row;
            let random = stream.uniform::<f64>();
            if self.true_lower[variable] != self.true_upper[variable] {
                self.costs[variable] += (0.5 - random) * 1e-12 * strength;
            }
        }
    }

    /// Goes back to the costs as given.
    pub(super) fn restore_costs(&mut self) {
        self.costs.copy_from_slice(&self.true_costs);
    }

    /// Widens the bounds a little, each by another amount: for the primal simplex.
    pub(super) fn perturb_bounds(&mut self, strength: f64, seed: u64) {
        let mut stream = RandomStream::new(seed ^ 0x9e37_79b9);
        for variable in 0..self.rows + self.columns {
            let random = stream.uniform::<f64>();
            let (lower, upper) = (self.lower[variable], self.upper[variable]);
            // Nonbasic fixed variables can neither move nor block.
            if lower == upper && self.place[variable] == NONBASIC {
                continue;
            }
            let amount = |bound: f64| 5e-7 * strength * (1.0 + random) * bound.abs().max(1.0);
            self.lower[variable] -= if lower.is_finite() { amount(lower) } else { 0.0 };
            self.upper[variable] += if upper.is_finite() { amount(upper) } else { 0.0 };
            if self.place[variable] == NONBASIC {
                let at_upper = self.direction[variable] == super::Direction::Down;
                self.settle(variable, at_upper);
            }
        }
        self.take_basic_bounds();
    }
}
