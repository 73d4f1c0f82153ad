//! The stack of what was done, from which the answer to the original problem is put together backwards.

use super::doubleton_equation::DoubletonEquation;
use super::duplicate_columns::MergedColumn;
use super::duplicate_rows::MergedRow;
use super::fixed_column::FixedColumn;
use super::forcing_row::ForcingRow;
use super::free_column_singleton::FreeColumnSingleton;
use super::singleton_row::SingletonRow;
use super::slack_column::SlackColumn;
use crate::lp::basis::BasisStatus;
use crate::lp::form::Point;
use std::ops::Range;

/// One reduction. A row that was merely left out needs no step: its dual is 0 and it is basic, as [`Steps::restore`] finds it.
#[derive(Debug, Clone)]
pub(super) enum Step {
    FixedColumn(FixedColumn),
    SingletonRow(SingletonRow),
    ForcingRow(ForcingRow),
    FreeColumnSingleton(FreeColumnSingleton),
    SlackColumn(SlackColumn),
    DoubletonEquation(DoubletonEquation),
    MergedRow(MergedRow),
    MergedColumn(MergedColumn),
    /// The interval of this row became a single value when a constant moved into both ends and they were rounded to one.
    CollapsedRow(usize),
}

/// The entries (index, value) of a line as it was at the time of a step.
#[derive(Debug, Clone)]
pub(super) struct Recorded(Range<usize>);

/// The steps in the order in which they were taken, and the lines that they recorded.
#[derive(Debug, Clone, Default)]
pub(super) struct Steps {
    list: Vec<Step>,
    entries: Vec<(u32, f64)>,
}

impl Steps {
    pub fn push(&mut self, step: Step) {
        self.list.push(step);
    }

    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    #[cfg(test)]
    pub fn list(&self) -> &[Step] {
        &self.list
    }

    /// Keeps a line.
    pub fn record(&mut self, entries: impl IntoIterator<Item = (usize, f64)>) -> Recorded {
        let start = self.entries.len();
        self.entries.extend(entries.into_iter().map(|(index, value)| (index as u32, value)));
        Recorded(start..self.entries.len())
    }

    /// A line that was kept.
    pub fn recorded(&self, line: &Recorded) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.entries[line.0.clone()].iter().map(|&(index, value)| (index as usize, value))
    }

    /// Σ aᵢ yᵢ over a line that was kept.
    pub fn product(&self, line: &Recorded, vector: &[f64]) -> f64 {
        self.recorded(line).map(|(index, value)| value * vector[index]).sum()
    }

    /// Undoes all steps, the last one first. `point` has the size of the original problem and holds what was found for the columns and rows
    /// that were left; every other row has the dual 0 and is basic. Before each step the point is optimal, with its basis, for the problem
    /// after the reduction; afterwards it is so for the problem before.
    pub fn restore(&self, point: &mut Point) {
        for step in self.list.iter().rev() {
            match step {
                Step::FixedColumn(step) => step.restore(self, point),
                Step::SingletonRow(step) => step.restore(point),
                Step::ForcingRow(step) => step.restore(self, point),
                Step::FreeColumnSingleton(step) => step.restore(self, point),
                Step::SlackColumn(step) => step.restore(self, point),
                Step::DoubletonEquation(step) => step.restore(self, point),
                Step::MergedRow(step) => step.restore(point),
                Step::MergedColumn(step) => step.restore(point),
                Step::CollapsedRow(row) => {
                    // Of the two ends, it stands at the one that its dual pushes at.
                    let status = &mut point.basis.rows[*row];
                    *status = End::of(*status, true, point.duals[*row]).map_or(*status, End::status);
                }
            }
        }
    }
}

/// One end of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Lower,
    Upper,
}

impl End {
    /// The end at which a nonbasic variable (or row) stands; `None` where it is basic or has no bound. Where the ends are one
    /// (`fixed`) it is the one that pushes back: the sign of the reduced cost (or dual) tells.
    pub fn of(status: BasisStatus, fixed: bool, reduced_cost: f64) -> Option<Self> {
        match status {
            BasisStatus::Basic | BasisStatus::Free => None,
            _ if fixed => Some(if reduced_cost >= 0.0 { Self::Lower } else { Self::Upper }),
            BasisStatus::AtLower => Some(Self::Lower),
            BasisStatus::AtUpper => Some(Self::Upper),
        }
    }

    /// The other end where a coefficient turns the interval around.
    pub fn times(self, coefficient: f64) -> Self {
        match (self, coefficient >= 0.0) {
            (Self::Lower, true) | (Self::Upper, false) => Self::Lower,
            (Self::Upper, true) | (Self::Lower, false) => Self::Upper,
        }
    }

    /// The other end.
    pub fn opposite(self) -> Self {
        match self {
            Self::Lower => Self::Upper,
            Self::Upper => Self::Lower,
        }
    }

    /// This end of an interval (lower, upper).
    pub fn of_bounds(self, (lower, upper): (f64, f64)) -> f64 {
        match self {
            Self::Lower => lower,
            Self::Upper => upper,
        }
    }

    /// The status of a nonbasic variable there.
    pub fn status(self) -> BasisStatus {
        match self {
            Self::Lower => BasisStatus::AtLower,
            Self::Upper => BasisStatus::AtUpper,
        }
    }
}
