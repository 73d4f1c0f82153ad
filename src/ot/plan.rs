//! Sparse transport plans.

use crate::error::{Error, Result};
use crate::matrix::Matrix;

/// One entry of a plan: `mass` goes from source `source` to target `target`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlanEntry {
    /// Index of the source.
    pub source: usize,
    /// Index of the target.
    pub target: usize,
    /// How much, more than zero.
    pub mass: f64,
}

/// A transport plan P: which mass goes where, as the list of its positive entries, sorted by source, then target.
///
/// A plan at a vertex of the transport polytope has at most n + m - 1 entries.
///
/// # Examples
/// ```
/// use brenier::ot::{Problem, exact};
/// use brenier::Matrix;
/// let costs = Matrix::from_rows([[0.0, 1.0], [1.0, 0.0]]);
/// let plan = exact::solve(&Problem::from_costs(&costs))?.plan;
/// assert_eq!(plan.entries().len(), 2);
/// assert_eq!(plan.to_matrix(), Matrix::from_rows([[0.5, 0.0], [0.0, 0.5]]));
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TransportPlan {
    rows: usize,
    columns: usize,
    entries: Vec<PlanEntry>,
}

impl TransportPlan {
    /// A plan from `rows` sources to `columns` targets; the entries are sorted, zero masses dropped, pairs named twice added up.
    ///
    /// # Errors
    /// [`Error::Argument`] for an index out of range, [`Error::NotFinite`] and [`Error::Negative`] for a mass, or a sum of
    /// masses of one pair, that is none.
    pub fn new(rows: usize, columns: usize, mut entries: Vec<PlanEntry>) -> Result<Self> {
        for (index, entry) in entries.iter().enumerate() {
            for (name, bound, got, requirement) in [
                ("index of a source", rows, entry.source, "it must be below the number of sources"),
                ("index of a target", columns, entry.target, "it must be below the number of targets"),
            ] {
                if got >= bound {
                    return Err(Error::Argument { name, value: got as f64, requirement });
                }
            }
            if !entry.mass.is_finite() {
                return Err(Error::NotFinite { what: "plan masses", index, value: entry.mass });
            }
            if entry.mass < 0.0 {
                return Err(Error::Negative { what: "plan masses", index, value: entry.mass });
            }
        }
        entries.retain(|entry| entry.mass > 0.0);
        entries.sort_by_key(|entry| (entry.source, entry.target));
        entries.dedup_by(|next, kept| {
            let same = (next.source, next.target) == (kept.source, kept.target);
            if same {
                kept.mass += next.mass;
            }
            same
        });
        if let Some(index) = entries.iter().position(|entry| !entry.mass.is_finite()) {
            return Err(Error::NotFinite { what: "summed plan masses", index, value: entries[index].mass });
        }
        Ok(Self { rows, columns, entries })
    }

    /// Number of sources.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of targets.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The positive entries, sorted by source, then target.
    pub fn entries(&self) -> &[PlanEntry] {
        &self.entries
    }

    /// The mass that leaves each source: Σⱼ Pᵢⱼ.
    pub fn source_marginal(&self) -> Vec<f64> {
        let mut marginal = vec![0.0; self.rows];
        self.entries.iter().for_each(|entry| marginal[entry.source] += entry.mass);
        marginal
    }

    /// The mass that reaches each target: Σᵢ Pᵢⱼ.
    pub fn target_marginal(&self) -> Vec<f64> {
        let mut marginal = vec![0.0; self.columns];
        self.entries.iter().for_each(|entry| marginal[entry.target] += entry.mass);
        marginal
    }

    /// The plan as a dense matrix: `rows * columns` numbers.
    pub fn to_matrix(&self) -> Matrix<f64> {
        let mut dense = Matrix::zeros(self.rows, self.columns);
        self.entries.iter().for_each(|entry| dense[(entry.source, entry.target)] = entry.mass);
        dense
    }

    /// The target that receives most of each source's mass (the first of equals), `None` for a source without mass.
    ///
    /// Where the plan is a permutation, this is it.
    pub fn largest_targets(&self) -> Vec<Option<usize>> {
        let mut best: Vec<Option<(usize, f64)>> = vec![None; self.rows];
        for entry in &self.entries {
            match best[entry.source] {
                Some((_, mass)) if mass >= entry.mass => {}
                _ => best[entry.source] = Some((entry.target, entry.mass)),
            }
        }
        best.into_iter().map(|best| best.map(|(target, _)| target)).collect()
    }
}
