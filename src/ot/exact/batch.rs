//! Many problems at once.

use super::{Options, Solution, solve_with};
use crate::error::Result;
use crate::ot::problem::Problem;
use crate::ot::progress::run_to_the_end;
use crate::parallel::map_chunks;
use crate::scalar::Scalar;

/// Solves many problems, one to a thread: the answers in the order of the problems, each as [`solve_with`] gives it.
///
/// The answers have the same bits for any number of threads. Memory: that of the answers, and of as many solves as there are
/// threads.
///
/// # Errors
/// Each problem has its own: those of [`solve_with`]. One that fails does not stop the others.
///
/// # Examples
/// ```
/// use brenier::ot::{Problem, exact};
/// use brenier::Matrix;
/// let costs: Vec<Matrix<f64>> =
///     (1..=8).map(|k| Matrix::from_fn(20, 20, |i, j| ((i * k + j) % 7) as f64)).collect();
/// let problems: Vec<Problem<'_, f64>> = costs.iter().map(Problem::from_costs).collect();
/// let solutions = exact::solve_batch(&problems, &exact::Options::default());
/// for solution in solutions {
///     assert!(solution?.certificate.is_optimal());
/// }
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn solve_batch<T: Scalar>(problems: &[Problem<'_, T>], options: &Options) -> Vec<Result<Solution>> {
    map_chunks(problems.len(), 1, |index| solve_with(&problems[index.start], options, &mut run_to_the_end))
}
