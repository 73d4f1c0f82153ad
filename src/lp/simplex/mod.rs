//! The revised simplex on the scaled problem: the state that its phases share.
//!
//! Every row i has a logical variable n + i, its activity, so that the constraints read A x - r = 0: the logical's
//! column is -eᵢ, its bounds are the row's. Of the n + m variables m are basic; B x_B = -N x_N gives their values, Bᵀ
//! y = c_B the duals, d = c - (A, -I)ᵀ y the reduced costs. The basic variable that pivots on row i stands at place i
//! of [`State::head`].

mod changes;
mod choose_entering;
mod choose_leaving;
mod driver;
mod dual;
mod dual_phase_one;
mod fresh_starts;
mod guard;
mod limits;
mod perturbation;
mod primal;
mod primal_ratio;
mod row_wise;
mod scaling;

pub(super) use driver::{Ending, Outcome, Settings, solve_form};
pub(super) use limits::{Interruption, Limits};
pub(super) use scaling::Scaling;

use super::basis::{Basis, BasisStatus};
use super::factor::Factor;
use super::form::Form;
use super::sparse::SparseMatrix;
use super::work_vector::WorkVector;
use guard::CyclingGuard;
use row_wise::RowWise;

/// Threshold of the pivoting in the factorisation; raised where the factors turn out to be inaccurate.
const THRESHOLD: f64 = 0.1;
/// Entries of solved vectors below this count as zero.
const TINY: f64 = 1e-14;

/// Which way a nonbasic variable may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// Basic, or fixed.
    None,
    /// At its lower bound.
    Up,
    /// At its upper bound.
    Down,
    /// Without bounds.
    Both,
}

/// Running averages of the densities of solved vectors, which choose between the loops of the factorisation.
#[derive(Debug, Clone)]
struct Densities {
    column: f64,
    rho: f64,
    row: f64,
    tau: f64,
    flips: f64,
}

fn average(density: &mut f64, new: f64) {
    *density = 0.95 * *density + 0.05 * new;
}

/// The state of the simplex.
struct State<'a, 'o> {
    rows: usize,
    columns: usize,
    matrix: &'a SparseMatrix,
    by_rows: RowWise,
    /// Bounds that the phase at hand works with (n + m of them).
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// Bounds as given, scaled.
    true_lower: Vec<f64>,
    true_upper: Vec<f64>,
    /// Costs that the phase at hand works with, perturbed and shifted.
    costs: Vec<f64>,
    /// Costs as given, scaled.
    true_costs: Vec<f64>,
    /// Values of the nonbasic variables.
    value: Vec<f64>,
    /// d of the nonbasic variables.
    reduced: Vec<f64>,
    direction: Vec<Direction>,
    /// Row of each basic variable; `NONBASIC` for the others.
    place: Vec<u32>,
    /// The basic variable of each row, its value and its bounds in the phase at hand.
    head: Vec<usize>,
    basic_value: Vec<f64>,
    basic_lower: Vec<f64>,
    basic_upper: Vec<f64>,
    /// Steepest-edge weights of the dual simplex, one for each row.
    weights: Vec<f64>,
    factor: Factor,
    threshold: f64,
    /// Whether the factors are those of `head` itself, without updates.
    fresh: bool,
    primal_tolerance: f64,
    dual_tolerance: f64,
    densities: Densities,
    limits: &'a mut Limits<'o>,
    guard: CyclingGuard,
    /// Work vectors: of length m, the last of length n.
    column: WorkVector,
    rho: WorkVector,
    tau: WorkVector,
    buffer: WorkVector,
    row: WorkVector,
    /// How often the factorisation had to put a logical in.
    repairs: usize,
}

const NONBASIC: u32 = u32::MAX;

impl<'a, 'o> State<'a, 'o> {
    fn new(form: &'a Form, basis: &Basis, limits: &'a mut Limits<'o>, seed: u64) -> Self {
        let (rows, columns) = (form.rows(), form.columns());
        let total = rows + columns;
        let join = |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().chain(b).copied().collect() };
        let lower = join(&form.column_lower, &form.row_lower);
        let upper = join(&form.column_upper, &form.row_upper);
        let mut costs = form.costs.clone();
        costs.resize(total, 0.0);
        let mut state = Self {
            rows,
            columns,
            matrix: &form.matrix,
            by_rows: RowWise::default(),
            true_lower: lower.clone(),
            true_upper: upper.clone(),
            lower,
            upper,
            true_costs: costs.clone(),
            costs,
            value: vec![0.0; total],
            reduced: vec![0.0; total],
            direction: vec![Direction::None; total],
            place: vec![NONBASIC; total],
            head: Vec::new(),
            basic_value: vec![0.0; rows],
            basic_lower: vec![0.0; rows],
            basic_upper: vec![0.0; rows],
            weights: vec![1.0; rows],
            factor: Factor::new(rows),
            threshold: THRESHOLD,
            fresh: false,
            primal_tolerance: 1e-7,
            dual_tolerance: 1e-7,
            densities: Densities { column: 0.0, rho: 0.0, row: 0.0, tau: 0.0, flips: 0.0 },
            limits,
            guard: CyclingGuard::new(total, seed),
            column: WorkVector::new(rows),
            rho: WorkVector::new(rows),
            tau: WorkVector::new(rows),
            buffer: WorkVector::new(rows),
            row: WorkVector::new(columns),
            repairs: 0,
        };
        state.load(basis);
        state
    }

    /// Begins with a basis, with the bounds at hand. One of the wrong size is completed or cut; the factorisation repairs what is singular.
    fn load(&mut self, basis: &Basis) {
        let total = self.rows + self.columns;
        let statuses: Vec<BasisStatus> = basis.columns.iter().chain(&basis.rows).copied().collect();
        let basic = (0..total).filter(|&variable| statuses[variable] == BasisStatus::Basic);
        self.head = basic.take(self.rows).collect();
        self.place.fill(NONBASIC);
        for &variable in &self.head {
            self.place[variable] = 0;
        }
        for row in 0..self.rows {
            if self.head.len() == self.rows {
                break;
            }
            if self.place[self.columns + row] == NONBASIC {
                self.place[self.columns + row] = 0;
                self.head.push(self.columns + row);
            }
        }
        for (variable, &status) in statuses.iter().enumerate() {
            if self.place[variable] == NONBASIC {
                self.settle(variable, status == BasisStatus::AtUpper);
            }
        }
        let place = &self.place;
        self.by_rows = RowWise::new(self.matrix, |column| place[column] != NONBASIC);
        self.weights.fill(1.0);
        self.fresh = false;
    }

    /// Puts a nonbasic variable at a bound: the upper one if asked for and there, else the lower one if there.
    fn settle(&mut self, variable: usize, at_upper: bool) {
        let (lower, upper) = (self.lower[variable], self.upper[variable]);
        let (value, direction) = if lower == upper {
            (lower, Direction::None)
        } else if upper.is_finite() && (at_upper || !lower.is_finite()) {
            (upper, Direction::Down)
        } else if lower.is_finite() {
            (lower, Direction::Up)
        } else {
            (0.0, Direction::Both)
        };
        self.value[variable] = value;
        self.direction[variable] = direction;
    }

    /// Takes the bounds that the arrays name for the basic variables too.
    fn take_basic_bounds(&mut self) {
        for row in 0..self.rows {
            self.basic_lower[row] = self.lower[self.head[row]];
            self.basic_upper[row] = self.upper[self.head[row]];
        }
    }

    /// Factorises the basis afresh, if it has been updated since; weights stay with their variables. Answers whether
    /// the basis was repaired.
    fn refactorise(&mut self) -> bool {
        if self.fresh {
            return false;
        }
        let total = self.rows + self.columns;
        let mut weights_of = vec![1.0; total];
        for row in 0..self.rows {
            weights_of[self.head[row]] = self.weights[row];
        }
        let replacements = self.factor.factorise(self.matrix, &mut self.head, self.threshold);
        for replacement in &replacements {
            let (out, logical) = (replacement.removed, self.columns + replacement.row);
            self.place[out] = NONBASIC;
            self.settle(out, false);
            if out < self.columns {
                self.by_rows.becomes_nonbasic(self.matrix, out);
            }
            self.direction[logical] = Direction::None;
            self.reduced[logical] = 0.0;
        }
        for row in 0..self.rows {
            let variable = self.head[row];
            self.place[variable] = row as u32;
            self.weights[row] = weights_of[variable];
            self.direction[variable] = Direction::None;
            self.reduced[variable] = 0.0;
        }
        self.take_basic_bounds();
        self.fresh = true;
        self.repairs += replacements.len();
        !replacements.is_empty()
    }

    /// x_B = -B⁻¹ N x_N, afresh.
    fn compute_primal(&mut self) {
        let mut right = std::mem::replace(&mut self.buffer, WorkVector::new(0));
        right.clear();
        right.listed = false;
        for variable in 0..self.rows + self.columns {
            if self.place[variable] == NONBASIC && self.value[variable] != 0.0 {
                self.add_column(&mut right, variable, -self.value[variable]);
            }
        }
        self.factor.ftran(&mut right, 1.0);
        self.basic_value.copy_from_slice(&right.values);
        self.buffer = right;
    }

    /// y = B⁻ᵀ c_B and d_N = c_N - Nᵀ y, afresh; y is left in `buffer`.
    fn compute_dual(&mut self) {
        let costs = std::mem::take(&mut self.costs);
        let basic_costs: Vec<f64> = self.head.iter().map(|&variable| costs[variable]).collect();
        self.reduce(&basic_costs, Some(&costs));
        self.costs = costs;
    }

    /// The same for the costs of phase 1 of the primal simplex: those of the basic variables are given, the others have none.
    fn compute_dual_of_violations(&mut self, basic_costs: &[f64]) {
        self.reduce(basic_costs, None);
    }

    fn reduce(&mut self, basic_costs: &[f64], costs: Option<&[f64]>) {
        let cost_of = |variable: usize| costs.map_or(0.0, |costs| costs[variable]);
        let mut duals = std::mem::replace(&mut self.buffer, WorkVector::new(0));
        duals.clear();
        duals.listed = false;
        duals.values.copy_from_slice(basic_costs);
        self.factor.btran(&mut duals, 1.0);
        for column in 0..self.columns {
            self.reduced[column] = if self.place[column] == NONBASIC {
                let (rows, values) = self.matrix.column_slices(column);
                let mut product = 0.0;
                for (&row, &value) in rows.iter().zip(values) {
                    product += value * duals.values[row as usize];
                }
                cost_of(column) - product
            } else {
                0.0
            };
        }
        for row in 0..self.rows {
            let logical = self.columns + row;
            self.reduced[logical] =
                if self.place[logical] == NONBASIC { cost_of(logical) + duals.values[row] } else { 0.0 };
        }
        self.buffer = duals;
    }

    /// Adds a multiple of a variable's column to a vector that is not listed.
    fn add_column(&self, vector: &mut WorkVector, variable: usize, factor: f64) {
        if variable < self.columns {
            let (rows, values) = self.matrix.column_slices(variable);
            for (&row, &value) in rows.iter().zip(values) {
                vector.values[row as usize] += factor * value;
            }
        } else {
            vector.values[variable - self.columns] -= factor;
        }
    }

    /// `column` = B⁻¹ of the variable's column, kept for the update.
    fn solve_column(&mut self, variable: usize) {
        self.column.clear();
        if variable < self.columns {
            for (row, value) in self.matrix.column(variable) {
                self.column.insert(row, value);
            }
        } else {
            self.column.insert(variable - self.columns, -1.0);
        }
        self.factor.ftran_entering(&mut self.column, self.densities.column);
        self.column.list(TINY);
        average(&mut self.densities.column, self.column.density());
    }

    /// `rho` = row of B⁻¹, kept for the update.
    fn solve_rho(&mut self, row: usize) {
        self.factor.btran_leaving(row, &mut self.rho, self.densities.rho);
        self.rho.list(TINY);
        average(&mut self.densities.rho, self.rho.density());
    }

    /// Exchanges the variable of a row for another one. `at_upper` says where the leaving one stays. Answers whether the factors could be
    /// updated; where they could not, they must be made anew before anything else.
    fn exchange(
        &mut self,
        row: usize,
        entering: usize,
        entering_value: f64,
        at_upper: bool,
        pivot: f64,
    ) -> bool {
        let leaving = self.head[row];
        self.guard.exchange(leaving, entering);
        self.settle(leaving, at_upper);
        self.place[leaving] = NONBASIC;
        if leaving < self.columns {
            self.by_rows.becomes_nonbasic(self.matrix, leaving);
        }
        self.head[row] = entering;
        self.place[entering] = row as u32;
        self.direction[entering] = Direction::None;
        self.reduced[entering] = 0.0;
        self.basic_value[row] = entering_value;
        self.basic_lower[row] = self.lower[entering];
        self.basic_upper[row] = self.upper[entering];
        if entering < self.columns {
            self.by_rows.becomes_basic(self.matrix, entering);
        }
        self.fresh = false;
        self.factor.update(row, pivot)
    }

    /// Σ of the violations of the bounds that the phase works with.
    fn primal_infeasibility(&self) -> f64 {
        let mut sum = 0.0;
        for row in 0..self.rows {
            let violation = (self.basic_lower[row] - self.basic_value[row])
                .max(self.basic_value[row] - self.basic_upper[row]);
            if violation > self.primal_tolerance {
                sum += violation;
            }
        }
        sum
    }

    /// By how much the reduced cost of a nonbasic variable has the wrong sign for where it may move within given bounds.
    fn dual_violation(reduced: f64, lower: f64, upper: f64, at_upper: bool) -> f64 {
        if lower == upper {
            0.0
        } else if lower.is_finite() && upper.is_finite() {
            if at_upper { reduced } else { -reduced }
        } else if lower.is_finite() {
            -reduced
        } else if upper.is_finite() {
            reduced
        } else {
            reduced.abs()
        }
    }

    /// Σ of the dual violations where no flip can help: of variables with fewer than two bounds, by the bounds as given.
    fn dual_infeasibility(&self) -> f64 {
        let mut sum = 0.0;
        for variable in 0..self.rows + self.columns {
            if self.place[variable] == NONBASIC {
                let (lower, upper) = (self.true_lower[variable], self.true_upper[variable]);
                if lower.is_finite() && upper.is_finite() {
                    continue;
                }
                let violation = Self::dual_violation(self.reduced[variable], lower, upper, false);
                if violation > self.dual_tolerance {
                    sum += violation;
                }
            }
        }
        sum
    }

    /// Σ of the dual violations where the variables are now.
    fn dual_infeasibility_in_place(&self) -> f64 {
        let mut sum = 0.0;
        for variable in 0..self.rows + self.columns {
            let reduced = self.reduced[variable];
            let violation = match self.direction[variable] {
                Direction::None => 0.0,
                Direction::Up => -reduced,
                Direction::Down => reduced,
                Direction::Both => reduced.abs(),
            };
            if violation > self.dual_tolerance {
                sum += violation;
            }
        }
        sum
    }

    /// cᵀx with the costs as given.
    fn objective(&self) -> f64 {
        let mut sum = 0.0;
        for column in 0..self.columns {
            let place = self.place[column];
            let value = if place == NONBASIC { self.value[column] } else { self.basic_value[place as usize] };
            sum += self.true_costs[column] * value;
        }
        sum
    }

    /// Goes back to the bounds as given: nonbasic variables stay at the bound they were at.
    fn restore_bounds(&mut self) {
        self.lower.copy_from_slice(&self.true_lower);
        self.upper.copy_from_slice(&self.true_upper);
        for variable in 0..self.rows + self.columns {
            if self.place[variable] == NONBASIC {
                self.settle(variable, self.direction[variable] == Direction::Down);
            }
        }
        self.take_basic_bounds();
    }

    /// The basis as it stands.
    fn basis(&self) -> Basis {
        let statuses: Vec<BasisStatus> = (0..self.rows + self.columns)
            .map(|variable| {
                let (lower, upper) = (self.true_lower[variable], self.true_upper[variable]);
                if self.place[variable] != NONBASIC {
                    BasisStatus::Basic
                } else if !lower.is_finite() && !upper.is_finite() {
                    BasisStatus::Free
                } else if upper.is_finite() && (self.value[variable] == upper && lower != upper) {
                    BasisStatus::AtUpper
                } else {
                    BasisStatus::AtLower
                }
            })
            .collect();
        let (columns, rows) = statuses.split_at(self.columns);
        Basis { columns: columns.to_vec(), rows: rows.to_vec() }
    }
}
