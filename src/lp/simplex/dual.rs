//! The loop of the dual simplex, which both of its phases run through.

use super::choose_entering::{Entering, RatioTest};
use super::choose_leaving::Violations;
use super::fresh_starts::FreshStarts;
use super::limits::Interruption;
use super::{Direction, NONBASIC, State, TINY, average};
use crate::lp::options::Phase;
use crate::lp::work_vector::WorkVector;

/// How the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DualEnd {
    /// No basic variable is outside its bounds: optimal for the costs at hand.
    Optimal,
    /// Nothing can enter for this row: no x is feasible within the bounds at hand. `rho` is the row of B⁻¹.
    Infeasible { row: usize, below: bool },
    /// In phase 1: the reduced costs are right for the bounds as given.
    DualFeasible,
    /// Numbers went wrong more often than is hopeful.
    Trouble,
}

/// Steepest-edge weights are kept above this.
const LEAST_WEIGHT: f64 = 1e-4;
/// Row and column must agree on the pivot to this, relatively.
const PIVOT_AGREEMENT: f64 = 1e-7;
/// So many pivots in a row may be refused before the loop gives up.
const PATIENCE: usize = 200;

impl State<'_, '_> {
    /// Dual simplex steps until no basic variable is outside its bounds. Expects bounds, costs and statuses to be set.
    pub(super) fn dual_loop(&mut self, phase: Phase, seed: u64) -> Result<DualEnd, Interruption> {
        let mut violations = Violations::default();
        let mut test = RatioTest::default();
        let mut flips = WorkVector::new(self.rows);
        let mut refusals = 0;
        let mut perturbations = 0;
        let mut starts = FreshStarts::new(self.limits.iterations);
        loop {
            // A fresh start: factors, duals, values.
            self.refactorise();
            starts.count(self.limits.iterations);
            if starts.are_idle() {
                return Ok(DualEnd::Trouble);
            }
            if self.guard.has_returned() {
                // A basis came back: other costs break the tie.
                perturbations += 1;
                if perturbations > 20 {
                    return Ok(DualEnd::Trouble);
                }
                self.perturb_costs(perturbations as f64, seed + perturbations);
                self.guard.clear();
            }
            self.compute_dual();
            if phase == Phase::DualFeasibility {
                if self.dual_infeasibility() == 0.0 {
                    return Ok(DualEnd::DualFeasible);
                }
                self.set_auxiliary_bounds();
            } else {
                self.correct_duals();
            }
            self.compute_primal();
            violations.compute(self);
            if self.limits.report_is_due() {
                let (objective, primal) = (self.objective(), self.primal_infeasibility());
                let objective = if phase == Phase::DualFeasibility { f64::NAN } else { objective };
                let dual = if phase == Phase::DualFeasibility { self.dual_infeasibility() } else { 0.0 };
                self.limits.report(phase, objective, primal, dual)?;
            }
            self.limits.look_at_clock()?;

            let mut banned = 0;
            let verdict = loop {
                if self.factor.should_refactorise() || self.guard.has_returned() {
                    break None;
                }
                let Some(row) = violations.choose(&self.weights) else {
                    break Some(None);
                };
                self.solve_rho(row);
                // The weight is known now. Where the old one was far too large or small, another row may be better.
                let mut norm = 0.0;
                for &index in &self.rho.pattern {
                    norm += self.rho.values[index as usize] * self.rho.values[index as usize];
                }
                let estimate = std::mem::replace(&mut self.weights[row], norm);
                violations.update(self, row);
                if estimate < 0.25 * norm {
                    continue;
                }
                self.limits.step()?;
                self.by_rows.price(&self.rho, self.densities.row, &mut self.row);
                average(&mut self.densities.row, self.row.density());

                let below = self.basic_value[row] < self.basic_lower[row];
                let bound = if below { self.basic_lower[row] } else { self.basic_upper[row] };
                let (sign, violation) =
                    (if below { -1.0 } else { 1.0 }, (self.basic_value[row] - bound).abs());
                let Some(entering) = test.choose(self, violation, sign) else {
                    break if self.fresh { Some(Some((row, below))) } else { None };
                };
                self.solve_column(entering.variable);
                let pivot = self.column.values[row];
                let difference = (pivot - entering.pivot).abs();
                if difference > PIVOT_AGREEMENT * pivot.abs().min(entering.pivot.abs())
                    || pivot.is_nan()
                    || pivot.abs() <= 1e-11
                {
                    refusals += 1;
                    if refusals > PATIENCE {
                        return Ok(DualEnd::Trouble);
                    }
                    if self.factor.updates() > 0 {
                        self.threshold = (self.threshold * 1.5).min(0.5);
                        break None;
                    }
                    violations.ban(row);
                    banned += 1;
                    continue;
                }
                let updated =
                    self.dual_step(row, bound, below, entering, pivot, &mut violations, &test, &mut flips);
                if !updated {
                    break None;
                }
            };
            match verdict {
                None => {}
                Some(_) if !self.fresh => {} // once more with fresh factors
                Some(None) if banned > 0 => {
                    refusals += 20;
                    if refusals > PATIENCE {
                        return Ok(DualEnd::Trouble);
                    }
                    // Rows were passed over for their pivots: others may do with other costs.
                    self.perturb_costs(1.0 + refusals as f64, seed + refusals as u64);
                    self.threshold = 0.5;
                    self.fresh = false;
                }
                Some(None) => return Ok(DualEnd::Optimal),
                Some(Some((row, below))) => return Ok(DualEnd::Infeasible { row, below }),
            }
        }
    }

    /// One exchange: reduced costs, flips, values, weights, factors. Answers whether the factors could be updated.
    #[allow(clippy::too_many_arguments)]
    fn dual_step(
        &mut self,
        row: usize,
        bound: f64,
        below: bool,
        entering: Entering,
        pivot: f64,
        violations: &mut Violations,
        test: &RatioTest,
        flips: &mut WorkVector,
    ) -> bool {
        let variable = entering.variable;
        let leaving = self.head[row];
        // The dual step goes downhill: a reduced cost of the wrong sign within the tolerance is made 0 by a shift of its cost.
        let mut step = self.reduced[variable] / entering.pivot;
        if (below && step > 0.0) || (!below && step < 0.0) {
            self.costs[variable] -= self.reduced[variable];
            self.reduced[variable] = 0.0;
            step = 0.0;
        }
        if step != 0.0 {
            for &column in &self.row.pattern {
                self.reduced[column as usize] -= step * self.row.values[column as usize];
            }
            for &index in &self.rho.pattern {
                let logical = self.columns + index as usize;
                if self.place[logical] == NONBASIC {
                    self.reduced[logical] += step * self.rho.values[index as usize];
                }
            }
        }

        // τ = B⁻¹ ρ for the weights, before the factors change.
        self.tau.copy_from(&self.rho);
        self.factor.ftran(&mut self.tau, self.densities.tau);
        average(&mut self.densities.tau, self.tau.density());

        // Flips move the basic variables.
        if !test.flips.is_empty() {
            flips.clear();
            flips.listed = false;
            for &flipped in &test.flips {
                let flipped = flipped as usize;
                let old = self.value[flipped];
                let at_upper = self.direction[flipped] == Direction::Up;
                self.settle(flipped, at_upper);
                self.add_column(flips, flipped, old - self.value[flipped]);
            }
            flips.list(f64::MIN_POSITIVE);
            self.factor.ftran(flips, self.densities.flips);
            flips.list(TINY);
            average(&mut self.densities.flips, flips.density());
            for &index in &flips.pattern {
                let index = index as usize;
                self.basic_value[index] += flips.values[index];
                violations.update(self, index);
            }
        }

        let primal_step = (self.basic_value[row] - bound) / pivot;
        let entering_value = self.value[variable] + primal_step;
        let weight = self.weights[row];
        for place in 0..self.column.pattern.len() {
            let index = self.column.pattern[place] as usize;
            let alpha = self.column.values[index];
            self.basic_value[index] -= primal_step * alpha;
            let ratio = alpha / pivot;
            let updated = self.weights[index] + ratio * (ratio * weight - 2.0 * self.tau.values[index]);
            self.weights[index] = updated.max(LEAST_WEIGHT);
            violations.update(self, index);
        }
        let reduced_of_leaving = -step;
        let updated = self.exchange(row, variable, entering_value, !below, pivot);
        self.weights[row] = (weight / (pivot * pivot)).max(LEAST_WEIGHT);
        self.reduced[leaving] = reduced_of_leaving;
        violations.update(self, row);
        updated
    }
}
