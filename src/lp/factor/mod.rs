//! The basis matrix B as a product of triangular factors, solved with and updated.
//!
//! B holds one column for each row: columns of the matrix A and of -I (the logicals). B = L R₁⁻¹ … R_k⁻¹ U, where L
//! and U come from Gaussian elimination and each R, the identity but for one row, from the exchange of a column by
//! Forrest and Tomlin, "Updated triangular factors of the basis to maintain sparsity in the product form simplex
//! method", Math. Program. 2 (1972).
//!
//! Nothing is permuted in memory: a pivot, its row, its column of B and the variable in it all bear the number of the pivot's row.
//! L and U are triangular in the order of the pivots, which is a list. An exchange crosses the old pivot out and appends the new one.
//!
//! Each factor is stored by columns and by rows, so that B x = b and Bᵀ y = c both skip zeros. Where few nonzeros come out, a search first
//! finds which ([`reach`]), and the cost is that of the arithmetic, not of the number of rows: Hall and McKinnon, "Hyper-sparsity in the
//! revised simplex method and how to exploit it", Comput. Optim. Appl. 32 (2005).

mod buckets;
mod build;
mod kernel;
mod lists;
mod reach;
mod solve;
#[cfg(test)]
mod tests;
mod update;

use super::sparse::SparseMatrix;
use buckets::NONE;
use build::Builder;
use lists::{Entry, Lists};
use reach::Reach;
use update::RowEtas;

/// Smaller results of an elimination or a solve are taken for 0.
const TINY: f64 = 1e-14;

/// No pivot is smaller.
const PIVOT_TOLERANCE: f64 = 1e-10;

/// A column that found no pivot: `removed` went out of the basis, the logical of `row` came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::lp) struct Replacement {
    pub row: usize,
    pub removed: usize,
}

/// The factors of a basis. All memory is kept from one factorisation to the next.
#[derive(Debug, Clone)]
pub(in crate::lp) struct Factor {
    rows: usize,
    lower: Lower,
    upper: Upper,
    etas: RowEtas,
    builder: Builder,
    reach: Reach,
    /// The entering column between L and U, and the leaving row between Uᵀ and Lᵀ, for the update.
    entering: Option<Vec<Entry>>,
    leaving: Option<(usize, Vec<Entry>)>,
    spare: [Vec<Entry>; 2],
    dense: Vec<f64>,
    /// Entries of U after the factorisation.
    upper_nonzeros: usize,
    /// Entries that solves have looked at for the sake of the updates.
    extra_work: f64,
    /// What a factorisation costs in the same measure, with the vectors that its caller computes afresh after it.
    renewal_work: f64,
}

/// L without its unit diagonal.
#[derive(Debug, Clone, Default)]
struct Lower {
    columns: Lists<Entry>,
    rows: Lists<Entry>,
    /// Pivots whose columns are not empty, in order.
    column_order: Vec<u32>,
    /// Pivots whose rows are not empty, in the reversed order.
    row_order: Vec<u32>,
    nonzeros: usize,
}

impl Lower {
    fn reset(&mut self, rows: usize) {
        self.columns.reset(rows);
        self.column_order.clear();
        self.nonzeros = 0;
    }

    /// The column of the next pivot.
    fn add(&mut self, pivot: usize, entries: &[Entry]) {
        if !entries.is_empty() {
            self.columns.lay(pivot, entries);
            self.column_order.push(pivot as u32);
            self.nonzeros += entries.len();
        }
    }

    /// Makes the rows from the columns.
    fn finish(&mut self, order: &[u32]) {
        let backwards = || order.iter().rev().copied();
        self.rows.transpose_of(&self.columns, backwards(), 0);
        self.row_order.clear();
        self.row_order.extend(backwards().filter(|&row| self.rows.length(row as usize) > 0));
    }
}

/// U, its diagonal apart.
#[derive(Debug, Clone, Default)]
struct Upper {
    columns: Lists<Entry>,
    rows: Lists<Entry>,
    diagonal: Vec<f64>,
    /// The pivots in their order, NONE where one was crossed out.
    order: Vec<u32>,
    /// Where each pivot stands in the order.
    slots: Vec<u32>,
    nonzeros: usize,
}

impl Upper {
    fn reset(&mut self, rows: usize) {
        self.columns.reset(rows);
        self.diagonal.resize(rows, 1.0);
        self.slots.resize(rows, NONE);
        self.order.clear();
        self.nonzeros = 0;
    }

    /// Appends a pivot to the order.
    fn add(&mut self, pivot: usize, diagonal: f64) {
        self.diagonal[pivot] = diagonal;
        self.slots[pivot] = self.order.len() as u32;
        self.order.push(pivot as u32);
    }

    /// The column of a pivot.
    fn add_column(&mut self, pivot: usize, entries: &[Entry]) {
        self.columns.lay(pivot, entries);
        self.nonzeros += entries.len();
    }

    /// Makes the rows from the columns, with room for what updates add.
    fn finish(&mut self) {
        self.rows.transpose_of(&self.columns, self.order.iter().copied(), 2);
    }
}

impl Factor {
    /// The factors of B = -I, the basis of all logicals.
    pub fn new(rows: usize) -> Self {
        let mut factor = Self {
            rows,
            lower: Lower::default(),
            upper: Upper::default(),
            etas: RowEtas::default(),
            builder: Builder::default(),
            reach: Reach::new(rows),
            entering: None,
            leaving: None,
            spare: [Vec::new(), Vec::new()],
            dense: vec![0.0; rows],
            upper_nonzeros: 0,
            extra_work: 0.0,
            renewal_work: 0.0,
        };
        let mut head: Vec<usize> = (0..rows).collect();
        factor.factorise(&SparseMatrix::from_triplets(rows, 0, []), &mut head, 0.1);
        factor
    }

    /// Factorises the basis that `head` names: j < n is column j of `matrix` (m x n), n + i is the logical of row i, whose column is -e_i.
    ///
    /// On return `head` is permuted so that `head[r]` is the variable that pivots on row r: a variable's position in
    /// the basis is its row. A pivot of the kernel is at least `threshold` times the largest entry of its column; no
    /// pivot is below 1e-10. Columns that find none, linearly dependent ones or those with entries that are not
    /// finite, are replaced by the logicals of the rows left, and reported.
    ///
    /// Costs O(m + nonzeros of B) for the triangular part, and the kernel about the arithmetic.
    ///
    /// # Panics
    /// If `head` has another length than there are rows, or names a variable that is not there.
    pub fn factorise(
        &mut self,
        matrix: &SparseMatrix,
        head: &mut [usize],
        threshold: f64,
    ) -> Vec<Replacement> {
        assert_eq!(head.len(), self.rows, "a basis has as many columns as rows");
        self.etas.clear();
        self.entering = None;
        self.leaving = None;
        self.extra_work = 0.0;
        let replacements = self.builder.run(matrix, head, threshold, &mut self.lower, &mut self.upper);
        self.upper_nonzeros = self.upper.nonzeros;
        // The caller solves with B and with Bᵀ, and multiplies with A.
        let afresh = 2 * self.nonzeros() + matrix.nonzeros() + matrix.columns();
        self.renewal_work = RENEWAL_WEIGHT * (self.builder.work + afresh) as f64;
        replacements
    }

    /// Exchanges of columns since the factorisation.
    pub fn updates(&self) -> usize {
        self.etas.count()
    }

    /// Entries stored, each triangle counted once.
    pub fn nonzeros(&self) -> usize {
        self.rows + self.lower.nonzeros + self.upper.nonzeros + self.etas.nonzeros()
    }

    /// Whether it is time to factorise anew: after so many exchanges, or when the solves have cost as much for the sake of the exchanges as
    /// a factorisation costs. (Where that cost grows linearly, this is when the average cost of an exchange is least.)
    pub fn should_refactorise(&self) -> bool {
        self.updates() >= MOST_UPDATES || self.extra_work > self.renewal_work
    }
}

/// Time that a factorisation takes for each entry it looks at, over that of a solve.
const RENEWAL_WEIGHT: f64 = 2.0;

/// Exchanges after which the factors are made anew in any case, for accuracy.
const MOST_UPDATES: usize = 100;
