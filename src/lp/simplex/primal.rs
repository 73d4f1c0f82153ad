//! The primal simplex with Devex pricing: from any basis to feasibility (phase 1) and on to the optimum (phase 2).

use super::fresh_starts::FreshStarts;
use super::limits::Interruption;
use super::primal_ratio::{Blocking, PrimalRatioTest};
use super::{Direction, NONBASIC, State};
use crate::lp::options::Phase;
use crate::lp::work_vector::WorkVector;

/// How the loop ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum PrimalEnd {
    /// Feasible, and no reduced cost has the wrong sign, for the bounds at hand.
    Optimal,
    /// The sum of violations is at its least and not 0: the duals of phase 1 are in `buffer`.
    Infeasible,
    /// The entering variable can move without end in this direction; its column is in `column`.
    Unbounded { entering: usize, sign: f64 },
    /// Numbers went wrong more often than is hopeful.
    Trouble,
}

/// So many refused pivots before the loop gives up.
const PATIENCE: usize = 200;
/// Devex weights beyond this start anew.
const LARGEST_WEIGHT: f64 = 1e9;

/// What one iteration came to.
enum Step {
    Done,
    /// Factors must be made anew.
    Rebuild,
    /// The entering variable is not one after all.
    Refused,
    End(PrimalEnd),
}

impl State<'_, '_> {
    /// Primal simplex steps with the costs and bounds at hand.
    pub(super) fn primal_loop(&mut self, seed: u64) -> Result<PrimalEnd, Interruption> {
        let total = self.rows + self.columns;
        let mut weights = vec![1.0; total];
        let mut test = PrimalRatioTest::default();
        // Rates at which each basic variable counts in phase 1: -1 below its bounds, 1 above.
        let mut signs = vec![0.0; self.rows];
        let mut changes = WorkVector::new(self.rows);
        let mut banned = vec![false; total];
        let (mut refusals, mut perturbations) = (0, 0);
        let mut feasible_before = None;
        let mut starts = FreshStarts::new(self.limits.iterations);
        loop {
            self.refactorise();
            starts.count(self.limits.iterations);
            if starts.are_idle() {
                return Ok(PrimalEnd::Trouble);
            }
            if self.guard.has_returned() {
                perturbations += 1;
                if perturbations > 20 {
                    return Ok(PrimalEnd::Trouble);
                }
                self.perturb_bounds(perturbations as f64, seed + perturbations);
                self.guard.clear();
            }
            self.compute_primal();
            let infeasibility = self.primal_infeasibility();
            let feasible = infeasibility == 0.0;
            if feasible_before != Some(feasible) {
                weights.fill(1.0);
                feasible_before = Some(feasible);
            }
            if feasible {
                self.compute_dual();
            } else {
                for (row, sign) in signs.iter_mut().enumerate() {
                    *sign = self.side(row);
                }
                self.compute_dual_of_violations(&signs);
            }
            let phase = if feasible { Phase::Primal } else { Phase::PrimalFeasibility };
            if self.limits.report_is_due() {
                let objective = if feasible { self.objective() } else { f64::NAN };
                let dual = self.dual_infeasibility_in_place();
                self.limits.report(phase, objective, infeasibility, dual)?;
            }
            self.limits.look_at_clock()?;
            banned.fill(false);
            let mut any_banned = false;
            let end = loop {
                if self.factor.should_refactorise() || self.guard.has_returned() {
                    break None;
                }
                let Some(entering) = self.choose_by_devex(&weights, &banned) else {
                    break Some(if feasible { PrimalEnd::Optimal } else { PrimalEnd::Infeasible });
                };
                self.limits.step()?;
                match self.primal_step(entering, feasible, &mut weights, &mut signs, &mut changes, &mut test)
                {
                    Step::Done => {}
                    Step::Rebuild => break None,
                    Step::Refused => {
                        refusals += 1;
                        if refusals > PATIENCE {
                            return Ok(PrimalEnd::Trouble);
                        }
                        if !self.fresh {
                            self.threshold = (self.threshold * 1.5).min(0.5);
                            break None;
                        }
                        banned[entering] = true;
                        any_banned = true;
                    }
                    Step::End(end) => break Some(end),
                }
                if !feasible && self.primal_infeasibility() == 0.0 {
                    break None;
                }
            };
            match end {
                None => {}
                Some(_) if !self.fresh => {}
                // Flips leave the factors as they are, but not the violations: their duals are those from before.
                Some(PrimalEnd::Infeasible) if starts.stepped(self.limits.iterations) && !any_banned => {}
                // What could have entered was refused for its pivot: other bounds may do.
                Some(PrimalEnd::Optimal | PrimalEnd::Infeasible) if any_banned => {
                    refusals += 20;
                    if refusals > PATIENCE {
                        return Ok(PrimalEnd::Trouble);
                    }
                    self.perturb_bounds(1.0, seed + refusals as u64);
                }
                Some(end) => return Ok(end),
            }
        }
    }

    /// -1 for a basic variable below its bounds, 1 above, 0 within.
    fn side(&self, row: usize) -> f64 {
        if self.basic_value[row] < self.basic_lower[row] - self.primal_tolerance {
            -1.0
        } else if self.basic_value[row] > self.basic_upper[row] + self.primal_tolerance {
            1.0
        } else {
            0.0
        }
    }

    /// The nonbasic variable whose reduced cost has the wrong sign, and the largest square over its weight.
    fn choose_by_devex(&self, weights: &[f64], banned: &[bool]) -> Option<usize> {
        let (mut chosen, mut best) = (None, 0.0);
        for variable in 0..self.rows + self.columns {
            let reduced = self.reduced[variable];
            let violation = match self.direction[variable] {
                Direction::None => continue,
                Direction::Up => -reduced,
                Direction::Down => reduced,
                // Free variables go first: once basic they stay.
                Direction::Both => 1e3 * reduced.abs(),
            };
            if violation > self.dual_tolerance
                && violation * violation > best * weights[variable]
                && !banned[variable]
            {
                best = violation * violation / weights[variable];
                chosen = Some(variable);
            }
        }
        chosen
    }

    /// One step with a chosen entering variable.
    fn primal_step(
        &mut self,
        entering: usize,
        feasible: bool,
        weights: &mut [f64],
        signs: &mut [f64],
        changes: &mut WorkVector,
        test: &mut PrimalRatioTest,
    ) -> Step {
        self.solve_column(entering);
        // The reduced cost again, from its column: what was updated may have drifted.
        let mut reduced = if feasible { self.costs[entering] } else { 0.0 };
        for &row in &self.column.pattern {
            let row = row as usize;
            let cost = if feasible { self.costs[self.head[row]] } else { signs[row] };
            reduced -= cost * self.column.values[row];
        }
        let updated = std::mem::replace(&mut self.reduced[entering], reduced);
        if reduced.is_nan() || reduced.abs() < self.dual_tolerance || reduced * updated < 0.0 {
            return if self.fresh { Step::Refused } else { Step::Rebuild };
        }
        let sign = -reduced.signum();
        let range = self.upper[entering] - self.lower[entering];
        let blocking = if feasible {
            test.feasible(self, sign, range)
        } else {
            test.infeasible(self, sign, range, reduced.abs())
        };
        match blocking {
            Blocking::Nothing => {
                if !self.fresh {
                    Step::Rebuild
                } else if feasible {
                    Step::End(PrimalEnd::Unbounded { entering, sign })
                } else {
                    Step::Refused
                }
            }
            Blocking::Flip { step } => {
                self.move_basics(sign * step);
                self.settle(entering, sign > 0.0);
                self.guard.flip(entering);
                if !feasible {
                    self.count_changes(None, signs, changes);
                    self.apply_changes(changes);
                }
                Step::Done
            }
            Blocking::Row { row, step, at_upper } => {
                let pivot = self.column.values[row];
                self.solve_rho(row);
                let from_row = self.alpha_of(entering);
                if (pivot - from_row).abs() > 1e-7 * pivot.abs().min(from_row.abs()) {
                    return Step::Refused;
                }
                let mut step = step;
                if step < 0.0 {
                    // Beyond its bound within the tolerance: the bound gives way until the end.
                    let leaving = self.head[row];
                    let value = self.basic_value[row];
                    let bounds = if at_upper { &mut self.upper } else { &mut self.lower };
                    bounds[leaving] = value;
                    step = 0.0;
                }
                let entering_value = self.value[entering] + sign * step;
                self.move_basics(sign * step);
                if !feasible {
                    self.count_changes(Some(row), signs, changes);
                    self.apply_changes(changes);
                }
                self.pivot_duals(row, entering, pivot, weights);
                let leaving = self.head[row];
                let leaving_reduced = -self.reduced[entering] / pivot;
                let updated = self.exchange(row, entering, entering_value, at_upper, pivot);
                self.reduced[leaving] = leaving_reduced;
                signs[row] = 0.0;
                if updated { Step::Done } else { Step::Rebuild }
            }
        }
    }

    /// α of a variable in the row that `rho` belongs to.
    fn alpha_of(&self, variable: usize) -> f64 {
        if variable < self.columns {
            self.matrix.column(variable).map(|(row, value)| value * self.rho.values[row]).sum()
        } else {
            -self.rho.values[variable - self.columns]
        }
    }

    /// x_B when the entering variable moves.
    fn move_basics(&mut self, change: f64) {
        if change != 0.0 {
            for &row in &self.column.pattern {
                let row = row as usize;
                self.basic_value[row] -= change * self.column.values[row];
            }
        }
    }

    /// Reduced costs and Devex weights after an exchange. Needs `rho` of the row.
    fn pivot_duals(&mut self, row: usize, entering: usize, pivot: f64, weights: &mut [f64]) {
        self.by_rows.price(&self.rho, self.densities.row, &mut self.row);
        super::average(&mut self.densities.row, self.row.density());
        let step = self.reduced[entering] / pivot;
        let weight = weights[entering];
        let mut largest = 1.0_f64;
        for &column in &self.row.pattern {
            let variable = column as usize;
            let alpha = self.row.values[variable];
            self.reduced[variable] -= step * alpha;
            let ratio = alpha / pivot;
            weights[variable] = weights[variable].max(ratio * ratio * weight);
            largest = largest.max(weights[variable]);
        }
        for &index in &self.rho.pattern {
            let logical = self.columns + index as usize;
            if self.place[logical] == NONBASIC {
                let alpha = -self.rho.values[index as usize];
                self.reduced[logical] -= step * alpha;
                let ratio = alpha / pivot;
                weights[logical] = weights[logical].max(ratio * ratio * weight);
                largest = largest.max(weights[logical]);
            }
        }
        // It is asked for once more by the caller: the leaving variable's is -d / α.
        self.reduced[entering] = step * pivot;
        weights[self.head[row]] = (weight / (pivot * pivot)).max(1.0);
        if largest > LARGEST_WEIGHT {
            weights.fill(1.0);
        }
    }

    /// What the violated variables contribute to the costs of phase 1 has changed for some rows: their differences.
    /// The leaving row counts as within its bounds.
    fn count_changes(&self, leaving: Option<usize>, signs: &mut [f64], changes: &mut WorkVector) {
        changes.clear();
        for &row in &self.column.pattern {
            let row = row as usize;
            let side = if leaving == Some(row) { 0.0 } else { self.side(row) };
            if side != signs[row] {
                changes.insert(row, side - signs[row]);
                signs[row] = side;
            }
        }
    }

    /// Reduced costs of phase 1 after such changes.
    fn apply_changes(&mut self, changes: &mut WorkVector) {
        if changes.pattern.is_empty() {
            return;
        }
        self.factor.btran(changes, self.densities.rho);
        changes.list(super::TINY);
        self.by_rows.price(changes, 1.0, &mut self.row);
        for &column in &self.row.pattern {
            self.reduced[column as usize] -= self.row.values[column as usize];
        }
        for &row in &changes.pattern {
            let logical = self.columns + row as usize;
            if self.place[logical] == NONBASIC {
                self.reduced[logical] += changes.values[row as usize];
            }
        }
    }
}
