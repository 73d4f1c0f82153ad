//! Ranges of the costs: the ratio test of the dual simplex, in both directions.

use super::optimal_basis::{LEAST_PIVOT, OptimalBasis, Stand};
use super::{CostRange, RangeEnd};
use crate::lp::work_vector::WorkVector;

/// How far a cost may go in one direction, and the variable that stops it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Reach {
    length: f64,
    ended_by: Option<usize>,
}

impl Reach {
    const ENDLESS: Self = Self { length: f64::INFINITY, ended_by: None };

    fn until(length: f64, variable: usize) -> Self {
        Self { length, ended_by: Some(variable) }
    }
}

impl OptimalBasis<'_> {
    /// The range of every cost, in the units and the sense of the program.
    pub fn cost_ranges(&mut self) -> Vec<CostRange> {
        let mut rho = WorkVector::new(self.form.rows());
        let mut pivot_row = WorkVector::new(self.columns());
        (0..self.columns())
            .map(|column| {
                let (down, up) = match self.stand[column] {
                    Stand::Basic { row } => {
                        self.pivot_row(row, &mut rho, &mut pivot_row);
                        self.reaches_of_basic(&rho, &pivot_row)
                    }
                    Stand::AtLower => (Reach::until(self.reduced[column], column), Reach::ENDLESS),
                    Stand::AtUpper => (Reach::ENDLESS, Reach::until(-self.reduced[column], column)),
                    Stand::Fixed => (Reach::ENDLESS, Reach::ENDLESS),
                    Stand::Free => (Reach::until(0.0, column), Reach::until(0.0, column)),
                };
                // A cost to maximise is the negative of the form's.
                let (down, up) = if self.sign > 0.0 { (down, up) } else { (up, down) };
                CostRange {
                    cost: self.program.costs()[column],
                    least: self.cost_end(column, down, -1.0),
                    largest: self.cost_end(column, up, 1.0),
                }
            })
            .collect()
    }

    fn cost_end(&self, column: usize, reach: Reach, direction: f64) -> RangeEnd {
        let unit = self.unit[column];
        let change = direction * reach.length * self.objective_unit / unit;
        let x = self.value[column] * unit;
        RangeEnd {
            value: self.program.costs()[column] + change,
            // An endless change of the cost of what is 0 changes nothing.
            objective: if x == 0.0 { self.objective } else { self.objective + change * x },
            ended_by: reach.ended_by.map(|variable| self.part(variable)),
        }
    }

    /// ρ = B⁻ᵀ e_row and α = Aᵀ ρ over the columns; over the logicals it is -ρ.
    fn pivot_row(&mut self, row: usize, rho: &mut WorkVector, pivot_row: &mut WorkVector) {
        rho.clear();
        rho.insert(row, 1.0);
        self.factor.btran(rho, 0.0);
        rho.list(f64::MIN_POSITIVE);
        pivot_row.clear();
        pivot_row.listed = false;
        for &row in &rho.pattern {
            for (column, value) in self.by_rows.column(row as usize) {
                pivot_row.values[column] += rho.values[row as usize] * value;
            }
        }
        pivot_row.list(LEAST_PIVOT);
    }

    /// How far the cost of a basic variable may go: the reduced costs become d - t α.
    fn reaches_of_basic(&self, rho: &WorkVector, pivot_row: &WorkVector) -> (Reach, Reach) {
        let columns =
            pivot_row.pattern.iter().map(|&column| (column as usize, pivot_row.values[column as usize]));
        let logicals =
            rho.pattern.iter().map(|&row| (self.columns() + row as usize, -rho.values[row as usize]));
        let (mut down, mut up) = (Reach::ENDLESS, Reach::ENDLESS);
        let (mut down_pivot, mut up_pivot) = (0.0, 0.0);
        for (variable, alpha) in columns.chain(logicals) {
            if alpha.abs() < LEAST_PIVOT {
                continue;
            }
            let length = (self.reduced[variable] / alpha).abs();
            let (stops_down, stops_up) = match self.stand[variable] {
                Stand::Basic { .. } | Stand::Fixed => continue,
                Stand::Free => (true, true),
                Stand::AtLower => (alpha < 0.0, alpha > 0.0),
                Stand::AtUpper => (alpha > 0.0, alpha < 0.0),
            };
            for (stops, reach, pivot) in
                [(stops_down, &mut down, &mut down_pivot), (stops_up, &mut up, &mut up_pivot)]
            {
                // Of several that stop it at once, the one with the largest pivot would enter.
                if stops && (length < reach.length || (length == reach.length && alpha.abs() > *pivot)) {
                    (*reach, *pivot) = (Reach::until(length, variable), alpha.abs());
                }
            }
        }
        (down, up)
    }
}
