//! Ranges of the bounds of rows and variables: the ratio test of the primal simplex, in both directions.

use super::optimal_basis::{OptimalBasis, Stand};
use super::{BoundRange, BoundRanges, RangeEnd};
use crate::lp::work_vector::WorkVector;

impl OptimalBasis<'_> {
    /// The ranges of the bounds of every variable, then of every row, in the units and the sense of the program.
    pub fn bound_ranges(&mut self) -> Vec<BoundRanges> {
        let mut column = WorkVector::new(self.form.rows());
        (0..self.stand.len())
            .map(|variable| {
                let stand = self.stand[variable];
                let active = (!matches!(stand, Stand::Basic { .. } | Stand::Free)).then(|| {
                    self.column_of(variable, &mut column);
                    self.active_range(variable, &column)
                });
                let lower = || self.slack_range(variable, false);
                let upper = || self.slack_range(variable, true);
                match stand {
                    Stand::Fixed => BoundRanges { lower: active, upper: active },
                    Stand::AtLower => BoundRanges { lower: active, upper: upper() },
                    Stand::AtUpper => BoundRanges { lower: lower(), upper: active },
                    Stand::Basic { .. } | Stand::Free => BoundRanges { lower: lower(), upper: upper() },
                }
            })
            .collect()
    }

    /// The bound that a nonbasic variable stands at. `column` is B⁻¹ of its column: a step t makes x_B - t B⁻¹ a.
    fn active_range(&self, variable: usize, column: &WorkVector) -> BoundRange {
        let range = self.upper[variable] - self.lower[variable];
        let rate = self.sign * self.reduced[variable] * self.objective_unit / self.unit[variable];
        let end = |direction: f64| {
            // The bound itself cannot pass the other one.
            let towards_other = match self.stand[variable] {
                Stand::AtLower => direction > 0.0,
                Stand::AtUpper => direction < 0.0,
                _ => false,
            };
            let (mut length, mut ended_by) = (f64::INFINITY, None);
            if towards_other && range.is_finite() {
                (length, ended_by) = (range, Some(variable));
            }
            let mut largest = 0.0;
            for &row in &column.pattern {
                let row = row as usize;
                let alpha = column.values[row];
                let basic = self.head[row];
                let grows = direction * alpha < 0.0;
                let room = if grows {
                    self.upper[basic] - self.value[basic]
                } else {
                    self.value[basic] - self.lower[basic]
                };
                let ratio = room.max(0.0) / alpha.abs();
                // Of several that stop it at once, the one with the largest pivot would leave.
                if ratio < length || (ratio == length && ratio.is_finite() && alpha.abs() > largest) {
                    (length, ended_by, largest) = (ratio, Some(basic), alpha.abs());
                }
            }
            let change = direction * length * self.unit[variable];
            let at_upper = self.stand[variable] == Stand::AtUpper;
            // Where the bounds meet they are the same to the last bit.
            let meets_other = ended_by == Some(variable);
            let value = if meets_other {
                self.bound(variable, !at_upper)
            } else {
                self.bound(variable, at_upper) + change
            };
            RangeEnd {
                value,
                objective: if rate == 0.0 { self.objective } else { self.objective + change * rate },
                ended_by: ended_by.map(|variable| self.part(variable)),
            }
        };
        BoundRange {
            bound: self.bound(variable, self.stand[variable] == Stand::AtUpper),
            // 0 without a sign.
            rate: rate + 0.0,
            least: end(-1.0),
            largest: end(1.0),
        }
    }

    /// A bound that the variable's value does not need: it may go away for ever, or come until it meets the value.
    fn slack_range(&self, variable: usize, is_upper: bool) -> Option<BoundRange> {
        let bound = self.bound(variable, is_upper);
        let value = self.value[variable] * self.unit[variable];
        let end = |value: f64| RangeEnd {
            value,
            objective: self.objective,
            ended_by: value.is_finite().then(|| self.part(variable)),
        };
        // Both bounds of a fixed variable that is basic: it could move neither way.
        let is_fixed = self.lower[variable] == self.upper[variable];
        let (least, largest) = match (is_fixed, is_upper) {
            (true, _) => (bound, bound),
            (false, true) => (value.min(bound), f64::INFINITY),
            (false, false) => (f64::NEG_INFINITY, value.max(bound)),
        };
        bound.is_finite().then(|| BoundRange { bound, rate: 0.0, least: end(least), largest: end(largest) })
    }

    /// A bound in the program's units.
    fn bound(&self, variable: usize, is_upper: bool) -> f64 {
        let bounds = if is_upper { &self.upper } else { &self.lower };
        bounds[variable] * self.unit[variable]
    }
}
