//! The numbers of a tableau: B⁻¹[A I b] and below it the reduced costs.

use super::Relation;
use super::step::TableauVariable;
use crate::{Matrix, MatrixView};

/// An entry counts as positive, and may be a pivot, above this share of the largest entry of its column.
const PIVOT_TOLERANCE: f64 = 1e-10;
/// An entry is a rounded 0 up to this share of the terms that cancelled in it.
const CANCELLATION: f64 = 1e-9;

/// Columns: the variables, the slacks (surpluses), the artificial variables, the right-hand side. Rows: the constraints, the objective.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub variables: Vec<TableauVariable>,
    /// (rows + 1) x (variables + 1); the corner is minus the objective.
    pub entries: Matrix<f64>,
    /// The basic variable of each row.
    basis: Vec<usize>,
    /// Rows whose sign was turned to make their right-hand side positive.
    negated: Vec<bool>,
    /// Number of variables that are not artificial.
    real: usize,
    /// Σ|b| of the problem and the largest of the costs priced last.
    side_scale: f64,
    cost_scale: f64,
}

impl Table {
    pub fn new(rows: MatrixView<'_, f64>, relations: &[Relation], sides: &[f64]) -> Self {
        let (m, n) = (rows.rows(), rows.columns());
        let negated: Vec<bool> = sides.iter().map(|&side| side < 0.0).collect();
        let slack = |row: usize| match relations[row] {
            Relation::AtMost => 1.0,
            Relation::Equal => 0.0,
            Relation::AtLeast => -1.0,
        };
        let sign = |row: usize| if negated[row] { -1.0 } else { 1.0 };
        let slacks: Vec<usize> = (0..m).filter(|&row| slack(row) != 0.0).collect();
        let artificials: Vec<usize> = (0..m).filter(|&row| sign(row) * slack(row) <= 0.0).collect();

        let mut variables: Vec<_> = (0..n).map(TableauVariable::Structural).collect();
        variables.extend(slacks.iter().map(|&row| TableauVariable::Slack(row)));
        variables.extend(artificials.iter().map(|&row| TableauVariable::Artificial(row)));

        let mut entries = Matrix::zeros(m + 1, variables.len() + 1);
        let mut basis = vec![0; m];
        for (row, &side) in sides.iter().enumerate() {
            for (column, &value) in rows.row(row).iter().enumerate() {
                entries[(row, column)] = sign(row) * value;
            }
            entries[(row, variables.len())] = sign(row) * side;
        }
        for (column, &variable) in variables.iter().enumerate() {
            let (row, value) = match variable {
                TableauVariable::Structural(_) => continue,
                TableauVariable::Slack(row) => (row, sign(row) * slack(row)),
                TableauVariable::Artificial(row) => (row, 1.0),
            };
            entries[(row, column)] = value;
            // Slacks come before artificial variables: where a row has both, its slack is negative and the artificial one is basic.
            basis[row] = column;
        }
        Self {
            variables,
            entries,
            basis,
            negated,
            real: n + slacks.len(),
            side_scale: sides.iter().map(|side| side.abs()).sum(),
            cost_scale: 1.0,
        }
    }

    pub fn rows(&self) -> usize {
        self.basis.len()
    }

    /// Number of columns that are not artificial.
    pub fn real_columns(&self) -> usize {
        self.real
    }

    pub fn artificials(&self) -> usize {
        self.variables.len() - self.real
    }

    pub fn basic(&self, row: usize) -> usize {
        self.basis[row]
    }

    pub fn sorted_basis(&self) -> Vec<usize> {
        let mut basis = self.basis.clone();
        basis.sort_unstable();
        basis
    }

    pub fn reduced_cost(&self, column: usize) -> f64 {
        self.entries[(self.rows(), column)]
    }

    pub fn right_hand_side(&self, row: usize) -> f64 {
        self.entries[(row, self.variables.len())]
    }

    pub fn objective(&self) -> f64 {
        0.0 - self.right_hand_side(self.rows())
    }

    pub fn cost_scale(&self) -> f64 {
        self.cost_scale
    }

    /// What the sum of the artificial variables may be and count as 0.
    pub fn feasibility_tolerance(&self) -> f64 {
        1e-9 * self.side_scale
    }

    /// Sets the objective of phase 1: the sum of the artificial variables.
    pub fn price_artificials(&mut self) {
        let costs: Vec<f64> =
            (0..self.variables.len()).map(|column| if column < self.real { 0.0 } else { 1.0 }).collect();
        self.price(&costs);
    }

    /// Sets the objective: costs of the first columns, 0 for the others. The basic ones are eliminated.
    pub fn price(&mut self, costs: &[f64]) {
        let objective = self.rows();
        self.entries.row_mut(objective).fill(0.0);
        self.entries.row_mut(objective)[..costs.len()].copy_from_slice(costs);
        for row in 0..objective {
            let cost = costs.get(self.basis[row]).copied().unwrap_or(0.0);
            self.subtract(cost, row, objective);
        }
        self.cost_scale = costs.iter().fold(0.0, |largest, cost| largest.max(cost.abs()));
    }

    /// Right-hand side by entry, in the rows where the entry is positive.
    pub fn ratios(&self, column: usize) -> Vec<Option<f64>> {
        let largest =
            (0..self.rows()).fold(0.0_f64, |largest, row| largest.max(self.entries[(row, column)].abs()));
        let ratio = |row| {
            let entry: f64 = self.entries[(row, column)];
            // Rounding may have made a right-hand side of 0 a little less.
            (entry > PIVOT_TOLERANCE * largest).then(|| self.right_hand_side(row).max(0.0) / entry)
        };
        (0..self.rows()).map(ratio).collect()
    }

    /// Makes the variable of a column basic in a row.
    pub fn pivot(&mut self, row: usize, column: usize) {
        let pivot = self.entries[(row, column)];
        self.entries.row_mut(row).iter_mut().for_each(|entry| *entry /= pivot);
        for other in 0..=self.rows() {
            if other != row {
                self.subtract(self.entries[(other, column)], row, other);
                self.entries[(other, column)] = 0.0;
            }
        }
        self.entries[(row, column)] = 1.0;
        self.basis[row] = column;
    }

    /// Subtracts a multiple of one row from another.
    fn subtract(&mut self, factor: f64, row: usize, other: usize) {
        if factor != 0.0 {
            for column in 0..=self.variables.len() {
                self.entries[(other, column)] -= factor * self.entries[(row, column)];
            }
        }
    }

    /// Pivots the artificial variables that are still basic, all at 0, out of the basis, and answers with the number of pivots. A row where
    /// that is not possible says 0 = 0 and stays as it is: it was redundant. `first` is the tableau that all began with.
    pub fn drive_artificials_out(&mut self, first: &Self) -> usize {
        let mut pivots = 0;
        for row in 0..self.rows() {
            if self.basis[row] < self.real {
                continue;
            }
            let rounding = CANCELLATION * self.largest_term(first, row);
            let size = |column: usize| self.entries[(row, column)].abs();
            // `max_by` keeps the last of equals, so the order is turned round for the first.
            let largest = (0..self.real).rev().max_by(|&a, &b| size(a).total_cmp(&size(b)));
            match largest {
                Some(column) if size(column) > rounding => {
                    self.pivot(row, column);
                    pivots += 1;
                }
                _ => self.entries.row_mut(row)[..self.real].fill(0.0),
            }
        }
        pivots
    }

    /// The largest term in the sums B⁻¹A that the entries of a row are: the columns of the first basis are now those of B⁻¹.
    fn largest_term(&self, first: &Self, row: usize) -> f64 {
        let largest = |other: usize| {
            first.entries.row(other)[..self.real]
                .iter()
                .fold(0.0_f64, |largest, entry| largest.max(entry.abs()))
        };
        let term = |other| self.entries[(row, first.basis[other])].abs() * largest(other);
        (0..self.rows()).map(term).fold(0.0, f64::max)
    }

    /// The first variables' values.
    pub fn values(&self, count: usize) -> Vec<f64> {
        let mut values = vec![0.0; count];
        for (row, &variable) in self.basis.iter().enumerate() {
            if variable < count {
                values[variable] = self.right_hand_side(row);
            }
        }
        values
    }

    /// The direction in which the first variables move when a column enters.
    pub fn ray(&self, entering: usize, count: usize) -> Vec<f64> {
        let mut ray = vec![0.0; count];
        if entering < count {
            ray[entering] = 1.0;
        }
        for (row, &variable) in self.basis.iter().enumerate() {
            if variable < count {
                ray[variable] = 0.0 - self.entries[(row, entering)];
            }
        }
        ray
    }

    /// The duals of the rows as given: minus the reduced cost of the slack, plus that of a surplus; for an equation from its artificial
    /// variable, whose cost is 1 in phase 1.
    pub fn duals(&self, relations: &[Relation], phase: u8) -> Vec<f64> {
        let mut duals = vec![0.0; self.rows()];
        for (column, &variable) in self.variables.iter().enumerate() {
            let reduced_cost = self.reduced_cost(column);
            match variable {
                TableauVariable::Structural(_) => {}
                TableauVariable::Slack(row) if relations[row] == Relation::AtMost => {
                    duals[row] = 0.0 - reduced_cost
                }
                TableauVariable::Slack(row) => duals[row] = reduced_cost,
                TableauVariable::Artificial(row) if relations[row] == Relation::Equal => {
                    let cost = if phase == 1 { 1.0 } else { 0.0 };
                    let sign = if self.negated[row] { -1.0 } else { 1.0 };
                    duals[row] = sign * (cost - reduced_cost);
                }
                TableauVariable::Artificial(_) => {}
            }
        }
        duals
    }
}
