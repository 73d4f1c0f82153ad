//! Pairs drawn from an entropic plan.

use crate::error::{Error, Result};
use crate::matrix::{Distance, Matrix, MatrixView};
use crate::ot::exact;
use crate::ot::problem::Problem;
use crate::ot::progress::run_to_the_end;
use crate::ot::sinkhorn::{self, EntropicPlan, Options};
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// Whether a target may be drawn more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Replacement {
    /// Each source draws from its row of the plan, whatever the others drew.
    With,
    /// Each target once: sources draw one after the other, in random order, among the targets that are left.
    #[default]
    Without,
}

/// A target for each source, drawn from the entropic plan between two uniform clouds for the cost |x - y|².
///
/// With replacement, pair (i, j) has the chance Pᵢⱼ/Σⱼ Pᵢⱼ. Without, the result is a permutation: for ε → ∞ each is
/// equally likely, for ε → 0 it is the [exact one](super::exact_pairs). Sources whose row has nothing left among the
/// remaining targets (below the range of numbers) are paired with these exactly, after the others.
///
/// Cost: that of [`sinkhorn::solve_with`] (for training, a tolerance of 1e-3 is plenty) and one look at all pairs.
///
/// # Errors
/// As [`sinkhorn::solve_with`]; without replacement also [`Shape`](Error::Shape) for batches of different size, and as [`exact::assign`].
///
/// # Examples
/// ```
/// use brenier::ot::coupling::{self, Replacement};
/// use brenier::ot::sinkhorn::Options;
/// use brenier::random::RandomStream;
/// let mut random = RandomStream::new(42);
/// let (x, y) = (random.normal_matrix::<f32>(64, 2), random.normal_matrix::<f32>(64, 2));
/// let mut pairs = coupling::entropic_pairs(&x, &y, &Options::new(0.1), Replacement::Without, &mut random)?;
/// pairs.sort();
/// assert!(pairs.into_iter().eq(0..64));
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn entropic_pairs<'a, T: Scalar>(
    x: impl Into<MatrixView<'a, T>>,
    y: impl Into<MatrixView<'a, T>>,
    options: &Options,
    replacement: Replacement,
    random: &mut RandomStream,
) -> Result<Vec<usize>> {
    let (x, y) = (x.into(), y.into());
    if replacement == Replacement::Without && x.rows() != y.rows() {
        return Err(Error::Shape {
            operation: "pairs without replacement",
            what: "number of points of the second cloud",
            expected: x.rows(),
            got: y.rows(),
        });
    }
    let problem = Problem::from_points(x, y, Distance::SquaredEuclidean);
    let plan = sinkhorn::solve_with(&problem, options, &mut run_to_the_end)?.plan;
    match replacement {
        Replacement::With => sample_targets(&plan, random),
        Replacement::Without => {
            let (mut pairs, sources, targets) = draw_without_replacement(&plan, random);
            if !sources.is_empty() {
                let rows = |points: MatrixView<'_, T>, chosen: &[usize]| {
                    Matrix::from_fn(chosen.len(), points.columns(), |i, k| points.row(chosen[i])[k])
                };
                let left = exact::assign(&rows(x, &sources), &rows(y, &targets))?;
                sources.iter().zip(left).for_each(|(&source, target)| pairs[source] = targets[target]);
            }
            Ok(pairs)
        }
    }
}

/// A target for each source, drawn from its row of the plan, with replacement. The plan may be of any problem,
/// unbalanced too: each source draws once, whatever its mass is.
///
/// One word for each source, and one look at all pairs.
///
/// # Errors
/// [`ZeroRow`](Error::ZeroRow) for a source whose row of the plan is zero.
pub fn sample_targets(plan: &EntropicPlan<'_>, random: &mut RandomStream) -> Result<Vec<usize>> {
    let mut draws = vec![0.0_f64; plan.rows()];
    random.fill_uniform(&mut draws);
    let m = plan.columns();
    let parts = plan.fold(false, Vec::new, |targets: &mut Vec<Option<usize>>, block| {
        for (row, entries) in block.rows.zip(block.conditional.chunks_exact(m)) {
            targets.push(struck(entries, draws[row]));
        }
    });
    let targets: Option<Vec<usize>> = parts.iter().flatten().copied().collect();
    targets.ok_or_else(|| {
        let row = parts.iter().flatten().position(Option::is_none).expect("there is one");
        Error::ZeroRow { what: "the plan", row }
    })
}

/// Numbers whose sum is kept on the way to an index.
const GROUP: usize = 64;

/// The index that a point drawn from [0, 1) strikes where the entries lie in a row: entry k with the chance
/// entries[k]/Σ entries. `None` where all are zero.
fn struck(entries: &[f64], draw: f64) -> Option<usize> {
    let group_sum = |group: &[f64]| {
        let mut sums = [0.0; 4];
        for (k, entry) in group.iter().enumerate() {
            sums[k % 4] += entry;
        }
        (sums[0] + sums[1]) + (sums[2] + sums[3])
    };
    let total: f64 = entries.chunks(GROUP).map(group_sum).sum();
    if total.is_nan() || total <= 0.0 {
        return None;
    }
    let mut left = draw * total;
    let mut last = None;
    for (index, group) in entries.chunks(GROUP).enumerate() {
        let sum = group_sum(group);
        if left >= sum {
            if sum > 0.0 {
                last = Some(index);
            }
            left -= sum;
            continue;
        }
        for (k, &entry) in group.iter().enumerate() {
            if entry > 0.0 {
                if left < entry {
                    return Some(index * GROUP + k);
                }
                left -= entry;
            }
        }
        last = Some(index);
        break;
    }
    // Rounding went past the end: the last entry that is not zero, before it.
    let end = last.map_or(0, |index| ((index + 1) * GROUP).min(entries.len()));
    entries[..end].iter().rposition(|&entry| entry > 0.0)
}

/// Targets without repetition; the sources that could not draw, and the targets that nobody drew.
fn draw_without_replacement(
    plan: &EntropicPlan<'_>,
    random: &mut RandomStream,
) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
    let n = plan.rows();
    let order = random.permutation(n);
    let mut draws = vec![0.0_f64; n];
    random.fill_uniform(&mut draws);
    let mut is_free = vec![1.0; n];
    let mut pairs = vec![usize::MAX; n];
    let mut waiting = Vec::new();
    for (&source, &draw) in order.iter().zip(&draws) {
        let mut entries = plan.row(source);
        entries.iter_mut().zip(&is_free).for_each(|(entry, free)| *entry *= free);
        match struck(&entries, draw) {
            Some(target) => {
                pairs[source] = target;
                is_free[target] = 0.0;
            }
            None => waiting.push(source),
        }
    }
    let targets = (0..n).filter(|&target| is_free[target] > 0.0).collect();
    (pairs, waiting, targets)
}

#[cfg(test)]
mod tests {
    use super::struck;

    #[test]
    fn the_entry_under_the_draw_is_struck() {
        let entries: Vec<f64> = (0..200).map(|k| if k % 3 == 0 { 0.0 } else { 1.0 }).collect();
        let positive: Vec<usize> = (0..200).filter(|k| k % 3 != 0).collect();
        for (k, &index) in positive.iter().enumerate() {
            let draw = (k as f64 + 0.5) / positive.len() as f64;
            assert_eq!(struck(&entries, draw), Some(index));
        }
        assert_eq!(struck(&entries, 0.0), Some(1));
        assert_eq!(struck(&entries, 1.0), Some(199), "past the end by rounding");
        assert_eq!(struck(&[0.0; 70], 0.5), None);
        assert_eq!(struck(&[f64::MIN_POSITIVE, 0.0], 0.999), Some(0));
    }
}
