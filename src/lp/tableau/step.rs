//! A tableau as it is printed.

use super::table::Table;
use std::fmt;

/// A variable of a tableau. Printed as text books do, counting from 1: x1, s1, a1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableauVariable {
    /// The variable of this column of the problem.
    Structural(usize),
    /// The slack or surplus of this row.
    Slack(usize),
    /// The artificial variable of this row.
    Artificial(usize),
}

impl fmt::Display for TableauVariable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (letter, index) = match self {
            Self::Structural(index) => ('x', index),
            Self::Slack(index) => ('s', index),
            Self::Artificial(index) => ('a', index),
        };
        // `pad` so that widths are kept.
        formatter.pad(&format!("{letter}{}", index + 1))
    }
}

/// One tableau and the choice that was made in it. [`Display`](fmt::Display) prints it: the basic variables on the left, the ratios of the
/// ratio test on the right, the pivot in brackets, and below the line of the reduced costs with minus the objective.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// 1 (sum of the artificial variables) or 2 (the objective).
    pub phase: u8,
    /// Which tableau of its phase, from 1.
    pub number: usize,
    /// The variables of the columns.
    pub variables: Vec<TableauVariable>,
    /// The basic variable of each row.
    pub basis: Vec<TableauVariable>,
    /// The rows of the tableau and last the reduced costs; the last entry of each row is its right-hand side, that of
    /// the last row minus the objective.
    pub entries: Vec<Vec<f64>>,
    /// The variable that enters; `None` if the tableau is optimal.
    pub entering: Option<TableauVariable>,
    /// The variable that leaves; `None` if the tableau is optimal or the objective unbounded.
    pub leaving: Option<TableauVariable>,
    /// For each row its ratio of right-hand side and entry, where the entry is positive.
    pub ratios: Vec<Option<f64>>,
}

impl Step {
    pub(super) fn new(
        table: &Table,
        phase: u8,
        number: usize,
        entering: Option<usize>,
        leaving: Option<usize>,
        ratios: &[Option<f64>],
    ) -> Self {
        let basis: Vec<_> = (0..table.rows()).map(|row| table.variables[table.basic(row)]).collect();
        Self {
            phase,
            number,
            variables: table.variables.clone(),
            entries: table.entries.iter_rows().map(<[f64]>::to_vec).collect(),
            entering: entering.map(|column| table.variables[column]),
            leaving: leaving.map(|row| basis[row]),
            ratios: ratios.to_vec(),
            basis,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "phase {}, tableau {}: ", self.phase, self.number)?;
        match (self.entering, self.leaving) {
            (Some(entering), Some(leaving)) => writeln!(formatter, "{entering} enters, {leaving} leaves")?,
            (Some(entering), None) => writeln!(formatter, "{entering} could grow for ever: unbounded")?,
            (None, _) => writeln!(formatter, "no reduced cost is negative")?,
        }

        let mut lines: Vec<Vec<String>> = Vec::with_capacity(self.basis.len() + 2);
        let mut heading = vec![String::new()];
        heading.extend(self.variables.iter().map(|variable| variable.to_string()));
        heading.extend(["rhs".into(), "ratio".into()]);
        lines.push(heading);
        for (row, entries) in self.entries.iter().enumerate() {
            let name = match self.basis.get(row) {
                Some(variable) => variable.to_string(),
                None => if self.phase == 1 { "-w" } else { "-z" }.into(),
            };
            let mut line = vec![name];
            for (column, &entry) in entries.iter().enumerate() {
                let pivot = self.leaving.is_some()
                    && self.basis.get(row) == self.leaving.as_ref()
                    && self.variables.get(column) == self.entering.as_ref();
                line.push(if pivot { format!("[{}]", number(entry)) } else { number(entry) });
            }
            line.push(self.ratios.get(row).copied().flatten().map_or_else(String::new, number));
            lines.push(line);
        }

        let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
        for line in &lines {
            let mut text = format!("{:<1$}", line[0], widths[0]);
            for (cell, width) in line.iter().zip(&widths).skip(1) {
                text.push_str(&format!("  {cell:>width$}"));
            }
            writeln!(formatter, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

/// A number in few characters: four decimals, without zeros at the end; very large and very small ones with an exponent.
fn number(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) {
        return format!("{value:.3e}");
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}
