//! Presolve: takes out of a problem what can be decided without a simplex, and puts the answer together again afterwards, with
//! duals and a basis.
//!
//! The reductions follow Andersen and Andersen, "Presolving in linear programming", Mathematical Programming 71 (1995): empty, singleton,
//! redundant and forcing rows; fixed, empty, dominated and duplicate columns; free, implied free and slack columns of one row; equations of
//! two columns; duplicate rows. Rows and columns wait in queues and are looked at again when something about them has changed, until
//! nothing changes any more (or for a fixed number of passes). Each pass is linear in the nonzeros that it looks at, and what is not
//! (equations of two columns, columns of one row) has an allowance of work.
//!
//! Bounds that other rows merely imply are never written into the problem: they would become active without a way back. What is
//! written (a bound from a row with one column, say) is recorded as a step, and a column that ends at such a bound hands its reduced cost
//! back to where the bound came from.
//!
//! A reduction that takes the sign of a reduced cost for granted holds for problems that have an optimum. So if the smaller problem turns
//! out infeasible or unbounded, the original one is infeasible or unbounded, but not necessarily in the same way.

mod activity;
mod dominated_columns;
mod doubleton_equation;
mod duplicate_columns;
mod duplicate_rows;
mod duplicates;
mod fixed_column;
mod forcing_row;
mod free_column_singleton;
mod lines;
mod singleton_row;
mod slack_column;
mod steps;
#[cfg(test)]
mod tests;
mod working_problem;

use super::basis::{Basis, BasisStatus};
use super::form::{Form, Point};
use steps::{End, Steps};
use working_problem::{NoFeasiblePoint, WorkingProblem, is_narrow};

/// How often the queues are worked off, and how often duplicates are looked for.
const PASSES: usize = 30;
const SEARCHES_FOR_DUPLICATES: usize = 3;
/// The clock is looked at before every so many rows or columns.
const LINES_BETWEEN_LOOKS: usize = 256;

/// What became of a problem.
#[derive(Debug, Clone)]
pub(in crate::lp) enum Presolved {
    /// Nothing could be taken out.
    Unchanged,
    /// A smaller problem and the way back.
    Reduced(Box<Reduction>),
    /// It seems to have no feasible point (presolve has no proof for that), or its numbers overflow: it has to be solved as it is.
    Contradiction,
}

/// A smaller problem, perhaps without rows or columns, and the way back from its optimum.
#[derive(Debug, Clone)]
pub(in crate::lp) struct Reduction {
    /// The smaller problem.
    pub form: Form,
    /// The indices that its rows and its columns have in the original.
    rows: Vec<usize>,
    columns: Vec<usize>,
    steps: Steps,
}

/// Makes a problem smaller, until nothing more can be taken out or the time is over: it is a valid problem at any moment.
pub(in crate::lp) fn presolve(form: &Form, time_is_over: &dyn Fn() -> bool) -> Presolved {
    let mut problem = WorkingProblem::new(form);
    if reduce(&mut problem, time_is_over).is_err() {
        return Presolved::Contradiction;
    }
    let (smaller, rows, columns) = problem.remainder();
    if !has_sound_numbers(&smaller) {
        return Presolved::Contradiction;
    }
    if problem.steps.is_empty() && rows.len() == form.rows() {
        return Presolved::Unchanged;
    }
    Presolved::Reduced(Box::new(Reduction { form: smaller, rows, columns, steps: problem.steps }))
}

/// Whether no cost, bound or coefficient has become NaN or infinite.
fn has_sound_numbers(form: &Form) -> bool {
    let bounds = |lower: &[f64], upper: &[f64]| {
        lower.iter().all(|&lower| lower < f64::INFINITY)
            && upper.iter().all(|&upper| upper > f64::NEG_INFINITY)
    };
    bounds(&form.column_lower, &form.column_upper)
        && bounds(&form.row_lower, &form.row_upper)
        && form.costs.iter().all(|cost| cost.is_finite())
        && (0..form.columns())
            .all(|column| form.matrix.column_slices(column).1.iter().all(|value| value.is_finite()))
}

fn reduce(problem: &mut WorkingProblem, time_is_over: &dyn Fn() -> bool) -> Result<(), NoFeasiblePoint> {
    let crossed = |lower: &[f64], upper: &[f64]| lower.iter().zip(upper).any(|(lower, upper)| lower > upper);
    if crossed(&problem.column_lower, &problem.column_upper)
        || crossed(&problem.row_lower, &problem.row_upper)
    {
        return Err(NoFeasiblePoint);
    }
    for _ in 0..SEARCHES_FOR_DUPLICATES {
        for _ in 0..PASSES {
            for (count, row) in problem.row_queue.take().into_iter().enumerate() {
                if count.is_multiple_of(LINES_BETWEEN_LOOKS) && time_is_over() {
                    return Ok(());
                }
                reduce_row(problem, row)?;
            }
            for (count, column) in problem.column_queue.take().into_iter().enumerate() {
                if count.is_multiple_of(LINES_BETWEEN_LOOKS) && time_is_over() {
                    return Ok(());
                }
                reduce_column(problem, column);
            }
            if problem.row_queue.is_empty()
                && problem.column_queue.is_empty()
                && !dominated_columns::fix_dominated(problem)
            {
                break;
            }
        }
        let rows_merged = duplicate_rows::merge(problem)?;
        let columns_merged = duplicate_columns::merge(problem);
        if !rows_merged && !columns_merged {
            break;
        }
    }
    Ok(())
}

fn reduce_row(problem: &mut WorkingProblem, row: usize) -> Result<(), NoFeasiblePoint> {
    if !problem.row_alive[row] {
        return Ok(());
    }
    problem.rows.compact(row, &problem.column_alive);
    if problem.row_counts[row] == 1 {
        return singleton_row::into_bounds(problem, row);
    }
    // An empty row has the activity 0: it is redundant or impossible.
    forcing_row::compare_with_activity(problem, row)?;
    if problem.row_alive[row] && problem.row_counts[row] == 2 {
        doubleton_equation::aggregate(problem, row)?;
    }
    Ok(())
}

fn reduce_column(problem: &mut WorkingProblem, column: usize) {
    if !problem.column_alive[column] {
        return;
    }
    problem.columns.compact(column, &problem.row_alive);
    problem.queue_rows_if_bounds_moved(column);
    let known = fixed_column::fix_if_known(problem, column);
    if known || problem.column_counts[column] != 1 {
        return;
    }
    let row_length = problem.column(column).map(|(row, _)| problem.row_counts[row]).sum();
    if problem.spend(row_length) && !free_column_singleton::substitute(problem, column) {
        slack_column::absorb(problem, column);
    }
}

impl Reduction {
    /// The optimum of the original problem from one of the smaller problem: x, activities, duals, reduced costs, and a basis (as many basic
    /// rows and columns as there are rows). Activities and reduced costs are computed afresh. O(nonzeros).
    pub fn postsolve(&self, original: &Form, point: Point) -> Point {
        let mut whole = Point {
            x: vec![0.0; original.columns()],
            duals: vec![0.0; original.rows()],
            reduced_costs: vec![0.0; original.columns()],
            basis: Basis {
                columns: vec![BasisStatus::AtLower; original.columns()],
                rows: vec![BasisStatus::Basic; original.rows()],
            },
            ..Point::default()
        };
        for (place, &column) in self.columns.iter().enumerate() {
            whole.x[column] = point.x[place];
            whole.reduced_costs[column] = point.reduced_costs[place];
            whole.basis.columns[column] = point.basis.columns[place];
        }
        for (place, &row) in self.rows.iter().enumerate() {
            whole.duals[row] = point.duals[place];
            whole.basis.rows[row] = point.basis.rows[place];
        }
        self.steps.restore(&mut whole);
        whole.activities = original.matrix.times(&whole.x);
        let priced = original.matrix.transpose_times(&whole.duals);
        for (column, reduced_cost) in whole.reduced_costs.iter_mut().enumerate() {
            let status = &mut whole.basis.columns[column];
            *reduced_cost = match status {
                BasisStatus::Basic => 0.0,
                _ => original.costs[column] - priced[column],
            };
            let bounds = (original.column_lower[column], original.column_upper[column]);
            *status = of_pushed_end(*status, bounds, *reduced_cost);
        }
        for (row, status) in whole.basis.rows.iter_mut().enumerate() {
            *status =
                of_pushed_end(*status, (original.row_lower[row], original.row_upper[row]), whole.duals[row]);
        }
        whole
    }
}

/// The status of a nonbasic row or column at the end of a narrow interval that the sign of its dual or reduced cost fits.
fn of_pushed_end(status: BasisStatus, bounds: (f64, f64), reduced_cost: f64) -> BasisStatus {
    let pushed = bounds.0 < bounds.1 && is_narrow(bounds);
    match End::of(status, true, reduced_cost) {
        Some(end) if pushed => end.status(),
        _ => status,
    }
}
