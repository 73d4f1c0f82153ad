//! The tableau simplex of the text books, for those who study: small dense problems, every step printable.
//!
//! ```text
//! min cᵀx  where  each row of A x is <=, = or >= its right-hand side,  x >= 0
//! ```
//!
//! Two phases (Dantzig, Orden and Wolfe 1955): a row with a negative right-hand side is negated; one that then has no
//! slack to begin with gets an artificial variable; phase 1 minimises the sum w of those, phase 2 the objective z.
//! The whole tableau B⁻¹[A I b] is updated in every step, O(rows · columns). It teaches and it checks; it is not made
//! to be fast, and rounding builds up in it. For real problems there is [`solve`](super::solve).
//!
//! [`PivotRule`] chooses the column: Dantzig's rule can cycle for ever on degenerate problems, which is seen and reported
//! ([`TableauStatus::Cycling`]); Bland's cannot.

mod rule;
mod step;
mod table;

pub use rule::PivotRule;
pub use step::{Step, TableauVariable};

use super::bounds::Bounds;
use super::error::{Error, Part, Result};
use crate::MatrixView;
use std::collections::BTreeSet;
use table::Table;

/// How a row compares with its right-hand side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// aᵢᵀx <= bᵢ.
    AtMost,
    /// aᵢᵀx = bᵢ.
    Equal,
    /// aᵢᵀx >= bᵢ.
    AtLeast,
}

/// How the tableau simplex ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableauStatus {
    /// No reduced cost is negative.
    Optimal,
    /// The least sum of the artificial variables is positive.
    Infeasible,
    /// A column with a negative reduced cost has no positive entry.
    Unbounded,
    /// A basis came back: the same steps would follow for ever.
    Cycling,
    /// The limit on steps was reached.
    StepLimit,
}

/// The answer of the tableau simplex.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TableauSolution {
    /// How it ended.
    pub status: TableauStatus,
    /// cᵀx; NaN where no feasible x was found.
    pub objective: f64,
    /// The variables, as the last tableau has them.
    pub x: Vec<f64>,
    /// The duals of the rows as given, read off below the slack and artificial columns: derivatives of the objective by the right-hand
    /// sides. Of an infeasible problem those of phase 1, which are a Farkas ray: [`check_farkas`](super::check_farkas) accepts it.
    pub duals: Vec<f64>,
    /// Of an unbounded problem, the direction in which x improves for ever.
    pub ray: Option<Vec<f64>>,
    /// Number of pivots, both phases together.
    pub pivots: usize,
}

/// A linear program in the form of the text books, to be solved by tableaux.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::lp::{PivotRule, Relation, TableauSimplex, TableauStatus};
/// // max 3 x + 5 y  where  x <= 4,  2 y <= 12,  3 x + 2 y <= 18  (Hillier and Lieberman's Wyndor Glass)
/// let rows = Matrix::from_rows([[1.0, 0.0], [0.0, 2.0], [3.0, 2.0]]);
/// let problem = TableauSimplex::new(&[-3.0, -5.0], &rows, &[Relation::AtMost; 3], &[4.0, 12.0, 18.0])?
///     .with_rule(PivotRule::Dantzig);
/// let mut steps = Vec::new();
/// let solution = problem.solve_with(|step| steps.push(step.to_string()));
/// assert_eq!(solution.status, TableauStatus::Optimal);
/// assert_eq!((solution.objective, solution.x.as_slice()), (-36.0, [2.0, 6.0].as_slice()));
/// assert_eq!(solution.duals, [0.0, -1.5, -1.0]);
/// assert_eq!(steps[1], "\
/// phase 2, tableau 2: x1 enters, s3 leaves
///      x1  x2  s1   s2  s3  rhs  ratio
/// s1    1   0   1    0   0    4      4
/// x2    0   1   0  0.5   0    6
/// s3  [3]   0   0   -1   1    6      2
/// -z   -3   0   0  2.5   0   30
/// ");
/// # Ok::<(), brenier::lp::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TableauSimplex {
    costs: Vec<f64>,
    /// The first tableau, without its objective.
    table: Table,
    relations: Vec<Relation>,
    rule: PivotRule,
    max_steps: usize,
}

impl TableauSimplex {
    /// A problem of costs c, rows A (rows x columns), their relations and their right-hand sides b.
    ///
    /// # Errors
    /// [`Error::Size`] if the parts do not fit, [`Error::Cost`], [`Error::Coefficient`] and [`Error::Bounds`] (of a row, for its right-hand
    /// side) for numbers that are not finite.
    pub fn new<'a>(
        costs: &[f64],
        rows: impl Into<MatrixView<'a, f64>>,
        relations: &[Relation],
        right_hand_sides: &[f64],
    ) -> Result<Self> {
        let rows = rows.into();
        for (what, expected, got) in [
            ("the costs", rows.columns(), costs.len()),
            ("the relations", rows.rows(), relations.len()),
            ("the right-hand sides", rows.rows(), right_hand_sides.len()),
        ] {
            if got != expected {
                return Err(Error::Size { what, expected, got });
            }
        }
        if let Some(column) = costs.iter().position(|cost| !cost.is_finite()) {
            return Err(Error::Cost { column, value: costs[column] });
        }
        for (row, (&side, &relation)) in right_hand_sides.iter().zip(relations).enumerate() {
            if let Some(column) = rows.row(row).iter().position(|value| !value.is_finite()) {
                return Err(Error::Coefficient { row, column, value: rows.row(row)[column] });
            }
            if !side.is_finite() {
                let Bounds { lower, upper } = match relation {
                    Relation::AtMost => Bounds::at_most(side),
                    Relation::Equal => Bounds::equal(side),
                    Relation::AtLeast => Bounds::at_least(side),
                };
                return Err(Error::Bounds { part: Part::Row, index: row, lower, upper });
            }
        }
        Ok(Self {
            costs: costs.to_vec(),
            table: Table::new(rows, relations, right_hand_sides),
            relations: relations.to_vec(),
            rule: PivotRule::default(),
            max_steps: 10_000,
        })
    }

    /// Chooses the pivot rule; [`PivotRule::Bland`] by default.
    pub fn with_rule(mut self, rule: PivotRule) -> Self {
        self.rule = rule;
        self
    }

    /// Sets the largest number of pivots; 10,000 by default.
    pub fn with_max_steps(mut self, max_steps: usize) -> Self {
        self.max_steps = max_steps;
        self
    }

    /// Solves it.
    pub fn solve(&self) -> TableauSolution {
        self.solve_with(|_| ())
    }

    /// Solves it and hands out every tableau on the way, with the choice that was made in it: to be printed, or kept as a history.
    pub fn solve_with(&self, mut watch: impl FnMut(Step)) -> TableauSolution {
        let mut table = self.table.clone();
        let mut pivots = 0;
        if table.artificials() > 0 {
            table.price_artificials();
            let end = self.improve(&mut table, 1, &mut pivots, &mut watch);
            if end != PhaseEnd::Optimal {
                // w is never unbounded, being a sum of what is not negative.
                let status = if end == PhaseEnd::StepLimit {
                    TableauStatus::StepLimit
                } else {
                    TableauStatus::Cycling
                };
                return self.answer(&table, status, 1, None, pivots);
            }
            if table.objective() > table.feasibility_tolerance() {
                return self.answer(&table, TableauStatus::Infeasible, 1, None, pivots);
            }
            pivots += table.drive_artificials_out(&self.table);
        }
        table.price(&self.costs);
        let (status, ray) = match self.improve(&mut table, 2, &mut pivots, &mut watch) {
            PhaseEnd::Optimal => (TableauStatus::Optimal, None),
            PhaseEnd::Unbounded(column) => {
                (TableauStatus::Unbounded, Some(table.ray(column, self.costs.len())))
            }
            PhaseEnd::Cycling => (TableauStatus::Cycling, None),
            PhaseEnd::StepLimit => (TableauStatus::StepLimit, None),
        };
        self.answer(&table, status, 2, ray, pivots)
    }

    /// Pivots until the phase ends.
    fn improve(
        &self,
        table: &mut Table,
        phase: u8,
        pivots: &mut usize,
        watch: &mut impl FnMut(Step),
    ) -> PhaseEnd {
        let mut seen = BTreeSet::new();
        for number in 1.. {
            let entering = self.rule.entering(table);
            let ratios = entering.map_or_else(|| vec![None; table.rows()], |column| table.ratios(column));
            let leaving = rule::leaving(table, &ratios);
            watch(Step::new(table, phase, number, entering, leaving, &ratios));
            let Some(column) = entering else { return PhaseEnd::Optimal };
            let Some(row) = leaving else { return PhaseEnd::Unbounded(column) };
            // The choice depends on which variables are basic alone, so that a basis seen before is a cycle.
            if !seen.insert(table.sorted_basis()) {
                return PhaseEnd::Cycling;
            }
            if *pivots == self.max_steps {
                return PhaseEnd::StepLimit;
            }
            table.pivot(row, column);
            *pivots += 1;
        }
        unreachable!("the loop counts without end")
    }

    fn answer(
        &self,
        table: &Table,
        status: TableauStatus,
        phase: u8,
        ray: Option<Vec<f64>>,
        pivots: usize,
    ) -> TableauSolution {
        TableauSolution {
            status,
            objective: if phase == 1 { f64::NAN } else { table.objective() },
            x: table.values(self.costs.len()),
            duals: table.duals(&self.relations, phase),
            ray,
            pivots,
        }
    }
}

/// How a phase ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PhaseEnd {
    Optimal,
    /// In this column.
    Unbounded(usize),
    Cycling,
    StepLimit,
}

#[cfg(test)]
mod tests;
