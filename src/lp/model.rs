//! The problem, built by rows or by columns and edited between solves.

use super::basis::delete;
use super::bounds::Bounds;
use super::error::{Error, Part, Result};
use super::sparse::SparseMatrix;
use std::borrow::Cow;

/// Whether the objective is to be small or large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sense {
    /// As small as possible.
    #[default]
    Minimise,
    /// As large as possible.
    Maximise,
}

/// A linear program: min (or max) cᵀx + c₀ where every row's activity aᵢᵀx and every variable xⱼ lies within its bounds.
///
/// Rows may name columns that are there already, columns may name rows that are there already: so it is built by
/// rows, by columns, or by both. Coefficients given twice for the same place are summed, zeros are not stored. Bounds
/// that contradict each other are kept: the program is infeasible then.
///
/// # Examples
/// ```
/// use brenier::lp::{LinearProgram, Sense};
/// let mut program = LinearProgram::new(Sense::Minimise);
/// let row = program.add_row(2.0..=8.0, [])?;
/// let x = program.add_column(1.0, 0.0.., [(row, 1.0)])?;
/// program.add_row(.., [(x, 1.0), (x, 2.0)])?; // 3 x
/// assert_eq!((program.rows(), program.columns(), program.nonzeros()), (2, 1, 2));
/// assert_eq!(program.coefficient(1, x), 3.0);
/// # Ok::<(), brenier::lp::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LinearProgram {
    name: String,
    objective_name: String,
    sense: Sense,
    objective_constant: f64,
    costs: Vec<f64>,
    column_bounds: Vec<Bounds>,
    column_names: Vec<String>,
    /// (row, value) of each column, rows ascending.
    entries: Vec<Vec<(usize, f64)>>,
    row_bounds: Vec<Bounds>,
    row_names: Vec<String>,
}

impl LinearProgram {
    /// A program without rows and columns.
    pub fn new(sense: Sense) -> Self {
        Self { sense, ..Self::default() }
    }

    /// Adds a variable with its cost, bounds and coefficients (row, value), and answers with its index.
    ///
    /// # Errors
    /// [`Error::Cost`], [`Error::Bounds`], [`Error::Coefficient`] for numbers that have no meaning,
    /// [`Error::Missing`] for a row that is not there. Nothing is added then.
    pub fn add_column(
        &mut self,
        cost: f64,
        bounds: impl Into<Bounds>,
        entries: impl IntoIterator<Item = (usize, f64)>,
    ) -> Result<usize> {
        let (column, bounds) = (self.columns(), bounds.into());
        check_cost(column, cost)?;
        check_bounds(Part::Column, column, bounds)?;
        let mut list: Vec<(usize, f64)> = entries.into_iter().collect();
        for &(row, value) in &list {
            check_index(Part::Row, row, self.rows())?;
            check_coefficient(row, column, value)?;
        }
        list.sort_by_key(|&(row, _)| row);
        sum_duplicates(&mut list);
        if let Some(&(row, value)) = list.iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::Coefficient { row, column, value });
        }
        self.costs.push(cost);
        self.column_bounds.push(bounds);
        self.column_names.push(String::new());
        self.entries.push(list);
        Ok(column)
    }

    /// Adds a row with its bounds and coefficients (column, value), and answers with its index.
    ///
    /// # Errors
    /// [`Error::Bounds`] and [`Error::Coefficient`] for numbers that have no meaning, [`Error::Missing`] for a column that is not there.
    /// Nothing is added then.
    pub fn add_row(
        &mut self,
        bounds: impl Into<Bounds>,
        entries: impl IntoIterator<Item = (usize, f64)>,
    ) -> Result<usize> {
        let (row, bounds) = (self.rows(), bounds.into());
        check_bounds(Part::Row, row, bounds)?;
        let mut list: Vec<(usize, f64)> = entries.into_iter().collect();
        for &(column, value) in &list {
            check_index(Part::Column, column, self.columns())?;
            check_coefficient(row, column, value)?;
        }
        list.sort_by_key(|&(column, _)| column);
        sum_duplicates(&mut list);
        if let Some(&(column, value)) = list.iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::Coefficient { row, column, value });
        }
        for (column, value) in list {
            self.entries[column].push((row, value));
        }
        self.row_bounds.push(bounds);
        self.row_names.push(String::new());
        Ok(row)
    }

    /// Removes rows; those behind them move up.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such row. Nothing is removed then.
    pub fn delete_rows(&mut self, rows: &[usize]) -> Result<()> {
        rows.iter().try_for_each(|&row| check_index(Part::Row, row, self.rows()))?;
        let mut place = vec![Some(0); self.rows()];
        for &row in rows {
            place[row] = None;
        }
        let kept = place.iter_mut().flatten();
        kept.enumerate().for_each(|(new, place)| *place = new);
        for list in &mut self.entries {
            list.retain_mut(|(row, _)| match place[*row] {
                Some(new) => {
                    *row = new;
                    true
                }
                None => false,
            });
        }
        delete(&mut self.row_bounds, rows);
        delete(&mut self.row_names, rows);
        Ok(())
    }

    /// Removes columns; those behind them move up.
    ///
    /// # Errors
    /// [`Error::Missing`] if there is no such column. Nothing is removed then.
    pub fn delete_columns(&mut self, columns: &[usize]) -> Result<()> {
        columns.iter().try_for_each(|&column| check_index(Part::Column, column, self.columns()))?;
        delete(&mut self.costs, columns);
        delete(&mut self.column_bounds, columns);
        delete(&mut self.column_names, columns);
        delete(&mut self.entries, columns);
        Ok(())
    }

    /// Sets the sense.
    pub fn set_sense(&mut self, sense: Sense) {
        self.sense = sense;
    }

    /// Sets c₀.
    ///
    /// # Errors
    /// [`Error::ObjectiveConstant`] if it is not finite.
    pub fn set_objective_constant(&mut self, value: f64) -> Result<()> {
        if !value.is_finite() {
            return Err(Error::ObjectiveConstant { value });
        }
        self.objective_constant = value;
        Ok(())
    }

    /// Sets the cost of a variable.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Cost`].
    pub fn set_cost(&mut self, column: usize, cost: f64) -> Result<()> {
        check_index(Part::Column, column, self.columns())?;
        check_cost(column, cost)?;
        self.costs[column] = cost;
        Ok(())
    }

    /// Sets the bounds of a variable.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Bounds`].
    pub fn set_column_bounds(&mut self, column: usize, bounds: impl Into<Bounds>) -> Result<()> {
        let bounds = bounds.into();
        check_index(Part::Column, column, self.columns())?;
        check_bounds(Part::Column, column, bounds)?;
        self.column_bounds[column] = bounds;
        Ok(())
    }

    /// Sets the bounds of a row.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Bounds`].
    pub fn set_row_bounds(&mut self, row: usize, bounds: impl Into<Bounds>) -> Result<()> {
        let bounds = bounds.into();
        check_index(Part::Row, row, self.rows())?;
        check_bounds(Part::Row, row, bounds)?;
        self.row_bounds[row] = bounds;
        Ok(())
    }

    /// Sets a coefficient, in place of what was there; 0 removes it.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Coefficient`].
    pub fn set_coefficient(&mut self, row: usize, column: usize, value: f64) -> Result<()> {
        check_index(Part::Row, row, self.rows())?;
        check_index(Part::Column, column, self.columns())?;
        check_coefficient(row, column, value)?;
        let list = &mut self.entries[column];
        match (list.binary_search_by_key(&row, |&(row, _)| row), value == 0.0) {
            (Ok(place), true) => drop(list.remove(place)),
            (Ok(place), false) => list[place].1 = value,
            (Err(_), true) => {}
            (Err(place), false) => list.insert(place, (row, value)),
        }
        Ok(())
    }

    /// Names the program.
    pub fn set_name(&mut self, name: impl Into<String>) {
        self.name = name.into();
    }

    /// Names the objective.
    pub fn set_objective_name(&mut self, name: impl Into<String>) {
        self.objective_name = name.into();
    }

    /// Names a row.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn set_row_name(&mut self, row: usize, name: impl Into<String>) -> Result<()> {
        check_index(Part::Row, row, self.rows())?;
        self.row_names[row] = name.into();
        Ok(())
    }

    /// Names a column.
    ///
    /// # Errors
    /// [`Error::Missing`].
    pub fn set_column_name(&mut self, column: usize, name: impl Into<String>) -> Result<()> {
        check_index(Part::Column, column, self.columns())?;
        self.column_names[column] = name.into();
        Ok(())
    }

    /// The program's name; empty where it has none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The objective's name; empty where it has none.
    pub fn objective_name(&self) -> &str {
        &self.objective_name
    }

    /// Name of a row; `R1` and so on where it has none.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row_name(&self, row: usize) -> Cow<'_, str> {
        name_or(&self.row_names[row], 'R', row)
    }

    /// Name of a column; `C1` and so on where it has none.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn column_name(&self, column: usize) -> Cow<'_, str> {
        name_or(&self.column_names[column], 'C', column)
    }

    /// The first row of this name. O(rows).
    ///
    /// # Examples
    /// ```
    /// use brenier::lp::{LinearProgram, Sense};
    /// let mut program = LinearProgram::new(Sense::Minimise);
    /// program.add_row(1.0.., [])?;
    /// program.set_row_name(0, "protein")?;
    /// assert_eq!((program.row_index("protein"), program.row_index("fat")), (Some(0), None));
    /// # Ok::<(), brenier::lp::Error>(())
    /// ```
    pub fn row_index(&self, name: &str) -> Option<usize> {
        (0..self.rows()).find(|&row| self.row_name(row) == name)
    }

    /// The first column of this name. O(columns).
    pub fn column_index(&self, name: &str) -> Option<usize> {
        (0..self.columns()).find(|&column| self.column_name(column) == name)
    }

    /// Whether it minimises or maximises.
    pub fn sense(&self) -> Sense {
        self.sense
    }

    /// c₀.
    pub fn objective_constant(&self) -> f64 {
        self.objective_constant
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.row_bounds.len()
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.costs.len()
    }

    /// Number of coefficients.
    pub fn nonzeros(&self) -> usize {
        self.entries.iter().map(Vec::len).sum()
    }

    /// c.
    pub fn costs(&self) -> &[f64] {
        &self.costs
    }

    /// Bounds of a variable.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn column_bounds(&self, column: usize) -> Bounds {
        self.column_bounds[column]
    }

    /// Bounds of a row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn row_bounds(&self, row: usize) -> Bounds {
        self.row_bounds[row]
    }

    /// The coefficients (row, value) of a column, rows ascending.
    ///
    /// # Panics
    /// If there is no such column.
    pub fn column(&self, column: usize) -> &[(usize, f64)] {
        &self.entries[column]
    }

    /// One coefficient: 0 where none is stored. O(log of the column's length).
    ///
    /// # Panics
    /// If there is no such row or column.
    pub fn coefficient(&self, row: usize, column: usize) -> f64 {
        assert!(row < self.rows(), "row {row} of {}", self.rows());
        let list = &self.entries[column];
        list.binary_search_by_key(&row, |&(row, _)| row).map_or(0.0, |place| list[place].1)
    }

    /// A by columns; its transpose is A by rows.
    pub fn matrix(&self) -> SparseMatrix {
        SparseMatrix::from_columns(self.rows(), &self.entries)
    }

    /// cᵀx + c₀.
    ///
    /// # Errors
    /// [`Error::Size`].
    pub fn objective(&self, x: &[f64]) -> Result<f64> {
        self.check_size(x)?;
        Ok(self.costs.iter().zip(x).map(|(cost, x)| cost * x).sum::<f64>() + self.objective_constant)
    }

    /// A x.
    ///
    /// # Errors
    /// [`Error::Size`].
    pub fn row_activities(&self, x: &[f64]) -> Result<Vec<f64>> {
        self.check_size(x)?;
        let mut activities = vec![0.0; self.rows()];
        for (list, &x) in self.entries.iter().zip(x) {
            for &(row, value) in list {
                activities[row] += value * x;
            }
        }
        Ok(activities)
    }

    fn check_size(&self, x: &[f64]) -> Result<()> {
        if x.len() == self.columns() {
            Ok(())
        } else {
            Err(Error::Size { what: "x", expected: self.columns(), got: x.len() })
        }
    }
}

/// Sums neighbours that have the same index, and drops zeros.
fn sum_duplicates(list: &mut Vec<(usize, f64)>) {
    list.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    list.retain(|&(_, value)| value != 0.0);
}

fn name_or(name: &str, letter: char, index: usize) -> Cow<'_, str> {
    if name.is_empty() { format!("{letter}{}", index + 1).into() } else { name.into() }
}

fn check_index(part: Part, index: usize, count: usize) -> Result<()> {
    if index < count { Ok(()) } else { Err(Error::Missing { part, index, count }) }
}

fn check_cost(column: usize, cost: f64) -> Result<()> {
    if cost.is_finite() { Ok(()) } else { Err(Error::Cost { column, value: cost }) }
}

fn check_coefficient(row: usize, column: usize, value: f64) -> Result<()> {
    if value.is_finite() { Ok(()) } else { Err(Error::Coefficient { row, column, value }) }
}

fn check_bounds(part: Part, index: usize, Bounds { lower, upper }: Bounds) -> Result<()> {
    // Comparisons with NaN are false.
    if lower < f64::INFINITY && upper > f64::NEG_INFINITY {
        Ok(())
    } else {
        Err(Error::Bounds { part, index, lower, upper })
    }
}
