//! The truncated model of a plan: its large entries one by one, the rest by blocks.
//!
//! A pass over all pairs shows the plan P of the potentials (u, v) to [`Extraction`] while its blocks are hot. Entries above
//! `threshold` min(aᵢ, bⱼ) are kept, at most (n + m)/threshold of them whatever n m is; of the others only the sums R over pairs of
//! blocks are, and the model spreads them in proportion to what is missing in each row and column:
//!
//! ```text
//! Mᵢⱼ = Kᵢⱼ + (drᵢ / Σ_I dr) R_IJ (dcⱼ / Σ_J dc)        for i in block I, j in block J
//! ```
//!
//! So a product with M costs one multiply-add for each entry kept, and no exponential. A truncation without the rest would lose the
//! weak couplings that decide how mass moves between clusters.

// Index loops over registers compile to straight code; iterators over arrays of them do not always.
#![allow(clippy::needless_range_loop)]

use crate::ot::sinkhorn::RowVisitor;
use crate::parallel;
use crate::scalar::{Scalar, Vectorised};
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Mask, Simd};

type Register<S, A> = <A as Vectorised>::Register<S>;

/// How a side is cut into blocks of neighbours.
pub(super) struct Blocks {
    /// Where they begin, and the number of points.
    starts: Vec<usize>,
    /// Which block a point is in.
    of: Vec<u32>,
}

impl Blocks {
    pub fn new(starts: &[usize]) -> Self {
        let mut of = Vec::new();
        for (block, range) in starts.windows(2).enumerate() {
            of.resize(range[1], block as u32);
        }
        Self { starts: starts.to_vec(), of }
    }

    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The block of a point.
    pub fn of(&self, point: usize) -> usize {
        self.of[point] as usize
    }

    /// The values summed over each block.
    pub fn sums(&self, values: impl Iterator<Item = f64>, sums: &mut [f64]) {
        sums.fill(0.0);
        for (value, &block) in values.zip(&self.of) {
            sums[block as usize] += value;
        }
    }
}

/// What the extraction is given.
pub(super) struct Rule<'b, A> {
    /// `threshold` aᵢ and `threshold` bⱼ.
    pub least_by_row: Vec<A>,
    pub least_by_column: Vec<A>,
    pub row_blocks: &'b Blocks,
    pub column_blocks: &'b Blocks,
    /// How many entries a part may keep.
    pub capacity: usize,
    /// What factors of rows are kept times.
    pub inverse_scale: A,
}

/// One part of the rows: what a pass found there.
pub(super) struct Extraction<'r, A> {
    rule: &'r Rule<'r, A>,
    part: Part,
    /// R of the row blocks that the part touches, from `first_block` on.
    first_block: usize,
    rests: Vec<f64>,
    /// Sums of the row at hand over the column blocks.
    sums: Vec<A>,
}

/// Kept entries of consecutive rows.
#[derive(Default)]
struct Part {
    first: usize,
    starts: Vec<usize>,
    columns: Vec<u32>,
    values: Vec<f32>,
    /// What is not kept of each row.
    deficits: Vec<f64>,
    overflowed: bool,
}

impl<'r, A: Scalar> Extraction<'r, A> {
    pub fn new(rule: &'r Rule<'r, A>) -> Self {
        let sums = vec![A::ZERO; rule.column_blocks.count()];
        Self { rule, part: Part::default(), first_block: 0, rests: Vec::new(), sums }
    }
}

impl<A: Scalar> RowVisitor<A> for Extraction<'_, A> {
    fn rows(&mut self, first: usize, exponentials: &[A], factors: &[A]) {
        let Self { rule, part, first_block, rests, sums } = self;
        let columns = rule.least_by_column.len();
        if part.starts.is_empty() {
            part.first = first;
            part.starts.push(0);
            *first_block = rule.row_blocks.of[first] as usize;
        }
        for (k, &factor) in factors.iter().enumerate() {
            let row = first + k;
            let block = rule.row_blocks.of[row] as usize - *first_block;
            rests.resize((block + 1) * sums.len(), 0.0);
            if part.overflowed {
                continue;
            }
            extract(
                &exponentials[k * columns..][..columns],
                factor * rule.inverse_scale,
                rule.least_by_row[row],
                &rule.least_by_column,
                &rule.column_blocks.starts,
                sums,
                &mut part.columns,
                &mut part.values,
            );
            part.overflowed = part.values.len() > rule.capacity;
            part.starts.push(part.values.len());
            let mut deficit = 0.0;
            for (rest, sum) in rests[block * sums.len()..].iter_mut().zip(&*sums) {
                *rest += sum.to_f64();
                deficit += sum.to_f64();
            }
            part.deficits.push(deficit);
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn extract_kernel<S: Simd, A: Scalar>(
    exponentials: &[A],
    factor: A,
    least_of_row: A,
    least_by_column: &[A],
    starts: &[usize],
    sums: &mut [A],
    columns: &mut Vec<u32>,
    values: &mut Vec<f32>,
) {
    let lanes = Register::<S, A>::LANES;
    let (scale, zero) = (Register::<S, A>::splat(factor), Register::<S, A>::constant(0.0));
    let row = Register::<S, A>::splat(least_of_row);
    let mut entries = [A::ZERO; 16];
    for (index, sum) in sums.iter_mut().enumerate() {
        let (start, end) = (starts[index], starts[index + 1]);
        let mut rest = zero;
        let mut at = start;
        while at < end {
            let here = lanes.min(end - at);
            let (entry, least) = if here == lanes {
                (Register::<S, A>::load(&exponentials[at..]), Register::<S, A>::load(&least_by_column[at..]))
            } else {
                (
                    Register::<S, A>::load_partial(&exponentials[at..end], A::ZERO),
                    Register::<S, A>::load_partial(&least_by_column[at..end], A::ONE),
                )
            };
            let entry = entry * scale;
            let least = least.min(row);
            let kept = least.lt(entry);
            rest = rest + Register::<S, A>::select(kept, zero, entry);
            if kept.any() {
                Register::<S, A>::select(kept, entry, zero).store(&mut entries[..lanes]);
                for k in 0..here {
                    let entry = entries[k];
                    if entry > A::ZERO {
                        columns.push((at + k) as u32);
                        values.push(entry.to_f64() as f32);
                    }
                }
            }
            at += lanes;
        }
        *sum = rest.reduce_sum();
    }
}

dispatch! {
    /// Appends the entries `factor * exponentials[j]` above min(`least_of_row`, `least_by_column[j]`), and gives the
    /// sums of the others over the blocks of columns that begin at `starts`.
    #[allow(clippy::too_many_arguments)]
    fn extract<A: Scalar>(
        exponentials: &[A],
        factor: A,
        least_of_row: A,
        least_by_column: &[A],
        starts: &[usize],
        sums: &mut [A],
        columns: &mut Vec<u32>,
        values: &mut Vec<f32>,
    ) = extract_kernel
}

/// The model M of a plan (n, m).
pub(super) struct TruncatedModel<'b> {
    parts: Vec<Part>,
    row_blocks: &'b Blocks,
    column_blocks: &'b Blocks,
    /// R / (Σ_I dr Σ_J dc): (row blocks, column blocks).
    rests: Vec<f64>,
    /// dc.
    column_deficits: Vec<f64>,
    rows: usize,
    columns: usize,
    /// Entries kept.
    pub nonzeros: usize,
    /// Σ over column blocks, room for products.
    by_column_block: Vec<f64>,
    by_row_block: Vec<f64>,
    partial: Vec<Partial>,
}

/// What a part adds up in a product.
struct Partial {
    columns: Vec<f64>,
    row_blocks: Vec<f64>,
}

impl<'b> TruncatedModel<'b> {
    /// From what a pass found, and the column sums q of the whole plan. `None` if there were too many entries.
    pub fn new<A: Scalar>(
        extractions: Vec<Extraction<'_, A>>,
        [row_blocks, column_blocks]: [&'b Blocks; 2],
        marginal: &[f64],
    ) -> Option<Self> {
        let rule = extractions.first()?.rule;
        let (rows, columns) = (rule.least_by_row.len(), rule.least_by_column.len());
        let mut rests = vec![0.0; row_blocks.count() * column_blocks.count()];
        let mut parts = Vec::with_capacity(extractions.len());
        for extraction in extractions {
            let from = extraction.first_block * column_blocks.count();
            for (sum, rest) in rests[from..].iter_mut().zip(&extraction.rests) {
                *sum += rest;
            }
            if extraction.part.overflowed {
                return None;
            }
            parts.push(extraction.part);
        }
        let mut column_deficits = marginal.to_vec();
        for part in &parts {
            for (&column, &value) in part.columns.iter().zip(&part.values) {
                column_deficits[column as usize] -= f64::from(value);
            }
        }
        // Below the rounding of the sums there is nothing.
        for (deficit, &mass) in column_deficits.iter_mut().zip(marginal) {
            *deficit = if *deficit > 1e-9 * mass { *deficit } else { 0.0 };
        }
        let mut by_row_block = vec![0.0; row_blocks.count()];
        for part in &parts {
            for (k, deficit) in part.deficits.iter().enumerate() {
                by_row_block[row_blocks.of[part.first + k] as usize] += deficit;
            }
        }
        let mut by_column_block = vec![0.0; column_blocks.count()];
        column_blocks.sums(column_deficits.iter().copied(), &mut by_column_block);
        for (rests, &row_sum) in rests.chunks_exact_mut(column_blocks.count()).zip(&by_row_block) {
            for (rest, &column_sum) in rests.iter_mut().zip(&by_column_block) {
                let product = row_sum * column_sum;
                *rest = if product > 0.0 { *rest / product } else { 0.0 };
            }
        }
        let nonzeros = parts.iter().map(|part| part.values.len()).sum();
        let partial = parts
            .iter()
            .map(|_| Partial { columns: vec![0.0; columns], row_blocks: vec![0.0; row_blocks.count()] })
            .collect();
        Some(Self {
            parts,
            row_blocks,
            column_blocks,
            rests,
            column_deficits,
            rows,
            columns,
            nonzeros,
            by_column_block,
            by_row_block,
            partial,
        })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// t = M x (n), then `out` = Mᵀ c for cᵢ = `weigh`(i, tᵢ): both with one look at the entries.
    pub fn product(
        &mut self,
        x: &[f64],
        weigh: impl Fn(usize, f64) -> f64 + Sync + Send,
        t: &mut [f64],
        out: &mut [f64],
    ) {
        let count = self.column_blocks.count();
        let shares = x.iter().zip(&self.column_deficits).map(|(x, deficit)| x * deficit);
        self.column_blocks.sums(shares, &mut self.by_column_block);
        for (rests, sum) in self.rests.chunks_exact(count).zip(&mut self.by_row_block) {
            *sum = rests.iter().zip(&self.by_column_block).map(|(rest, sum)| rest * sum).sum();
        }
        let by_row_block = &self.by_row_block;
        let block_of = &self.row_blocks.of;
        let mut work: Vec<(&Part, &mut Partial, &mut [f64])> = Vec::with_capacity(self.parts.len());
        let mut left = t;
        for (part, partial) in self.parts.iter().zip(&mut self.partial) {
            let (own, others) = left.split_at_mut(part.deficits.len());
            work.push((part, partial, own));
            left = others;
        }
        parallel::for_each_chunk_mut(&mut work, 1, |_, piece| {
            let (part, partial, t) = &mut piece[0];
            partial.columns.fill(0.0);
            partial.row_blocks.fill(0.0);
            for (k, t) in t.iter_mut().enumerate() {
                let row = part.first + k;
                let range = part.starts[k]..part.starts[k + 1];
                let (columns, values) = (&part.columns[range.clone()], &part.values[range]);
                let mut sums = [0.0; 4];
                let (mut column_groups, mut value_groups) = (columns.chunks_exact(4), values.chunks_exact(4));
                for (columns, values) in (&mut column_groups).zip(&mut value_groups) {
                    for lane in 0..4 {
                        sums[lane] += x[columns[lane] as usize] * f64::from(values[lane]);
                    }
                }
                for (&column, &value) in column_groups.remainder().iter().zip(value_groups.remainder()) {
                    sums[0] += x[column as usize] * f64::from(value);
                }
                let block = block_of[row] as usize;
                *t = (sums[0] + sums[1]) + (sums[2] + sums[3]) + part.deficits[k] * by_row_block[block];
                let weight = weigh(row, *t);
                for (&column, &value) in columns.iter().zip(values) {
                    partial.columns[column as usize] += weight * f64::from(value);
                }
                partial.row_blocks[block] += weight * part.deficits[k];
            }
        });
        // Mᵀ c of the rest: block by block, then column by column.
        self.by_column_block.fill(0.0);
        for (block, rests) in self.rests.chunks_exact(count).enumerate() {
            let weight: f64 = self.partial.iter().map(|partial| partial.row_blocks[block]).sum();
            for (sum, rest) in self.by_column_block.iter_mut().zip(rests) {
                *sum += weight * rest;
            }
        }
        for (column, out) in out.iter_mut().enumerate() {
            *out =
                self.column_deficits[column] * self.by_column_block[self.column_blocks.of[column] as usize];
        }
        for partial in &self.partial {
            for (out, column) in out.iter_mut().zip(&partial.columns) {
                *out += column;
            }
        }
    }

    /// Σᵢ Mᵢⱼ² wᵢ of the entries kept.
    pub fn weighted_squares(&self, weights: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.columns];
        for part in &self.parts {
            for k in 0..part.deficits.len() {
                let weight = weights[part.first + k];
                let range = part.starts[k]..part.starts[k + 1];
                for (&column, &value) in part.columns[range.clone()].iter().zip(&part.values[range]) {
                    sums[column as usize] += weight * f64::from(value) * f64::from(value);
                }
            }
        }
        sums
    }

    /// Σ ρᵢ Mᵢⱼ wⱼ over the pairs of each row block and column block: (row blocks, column blocks).
    pub fn block_sums(&self, rho: &[f64], weights: &[f64]) -> Vec<f64> {
        let count = self.column_blocks.count();
        let (mut by_row_block, mut by_column_block) = (vec![0.0; self.row_blocks.count()], vec![0.0; count]);
        let deficits = self.parts.iter().flat_map(|part| part.deficits.iter());
        self.row_blocks.sums(deficits.zip(rho).map(|(deficit, rho)| deficit * rho), &mut by_row_block);
        let shares = self.column_deficits.iter().zip(weights).map(|(deficit, weight)| deficit * weight);
        self.column_blocks.sums(shares, &mut by_column_block);
        let mut sums = self.rests.clone();
        for (sums, row) in sums.chunks_exact_mut(count).zip(&by_row_block) {
            sums.iter_mut().zip(&by_column_block).for_each(|(sum, column)| *sum *= row * column);
        }
        for part in &self.parts {
            for k in 0..part.deficits.len() {
                let row = part.first + k;
                let sums = &mut sums[self.row_blocks.of[row] as usize * count..][..count];
                let range = part.starts[k]..part.starts[k + 1];
                for (&column, &value) in part.columns[range.clone()].iter().zip(&part.values[range]) {
                    let column = column as usize;
                    sums[self.column_blocks.of[column] as usize] +=
                        rho[row] * f64::from(value) * weights[column];
                }
            }
        }
        sums
    }

    /// The blocks of rows and of columns.
    pub fn blocks(&self) -> [&'b Blocks; 2] {
        [self.row_blocks, self.column_blocks]
    }
}
