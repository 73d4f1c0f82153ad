//! Which column enters and which row leaves.

use super::table::Table;

/// Which variable with a negative reduced cost enters the basis. Where several could leave, the one with the least index does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PivotRule {
    /// The most negative reduced cost, the least index among equals: few steps as a rule, but it can cycle.
    Dantzig,
    /// The least index with a negative reduced cost: never cycles (Bland, *New finite pivoting rules for the simplex method*, 1977).
    #[default]
    Bland,
}

/// A reduced cost counts as negative below this share of the largest cost.
const COST_TOLERANCE: f64 = 1e-9;
/// Ratios within this share of each other are equal.
const RATIO_TOLERANCE: f64 = 1e-12;

impl PivotRule {
    /// The column to enter, if any improves the objective. Artificial ones never enter.
    pub(super) fn entering(self, table: &Table) -> Option<usize> {
        let tolerance = COST_TOLERANCE * table.cost_scale();
        let mut candidates =
            (0..table.real_columns()).filter(|&column| table.reduced_cost(column) < -tolerance);
        match self {
            Self::Bland => candidates.next(),
            // `min_by` keeps the first of equals.
            Self::Dantzig => {
                candidates.min_by(|&a, &b| table.reduced_cost(a).total_cmp(&table.reduced_cost(b)))
            }
        }
    }
}

/// The row to leave: of the smallest ratio, and of the least basic variable among equals.
pub(super) fn leaving(table: &Table, ratios: &[Option<f64>]) -> Option<usize> {
    let least = ratios.iter().flatten().copied().min_by(f64::total_cmp)?;
    let ties = (0..ratios.len())
        .filter(|&row| ratios[row].is_some_and(|ratio| ratio <= least + RATIO_TOLERANCE * least.abs()));
    ties.min_by_key(|&row| table.basic(row))
}
