//! Potentials along the staircase, and why they are feasible everywhere.
//!
//! **Lemma.** Let C satisfy the Monge condition, `C[i,j] + C[i+1,j+1] <= C[i,j+1] + C[i+1,j]`, and let f, g be such that
//! `f_i + g_j = C[i,j]` on the cells of a path from (0, 0) to (n-1, m-1) in steps (1, 0) and (0, 1). Then
//! `f_i + g_j <= C[i,j]` for all pairs.
//!
//! *Proof.* The residual `r[i,j] = C[i,j] - f_i - g_j` is Monge too, since sums of a row part and a column part cancel in
//! the condition, and zero on the path. The condition for neighbours adds up to the one for any rows i < i' and columns
//! j < j'. Take a pair (i, j) to the right of the path. The path leaves row i downwards at some column k < j, so the
//! condition for rows i, i+1 and columns k, j reads `0 + r[i+1,j] <= r[i,j] + 0`. Hence r does not grow from (i, j) down
//! column j until the path is met, where it is zero. To the left of the path the same holds with rows and columns exchanged. ∎
//!
//! For a convex h, `C[i,j] = h(x_i - y_j)` with both sides sorted is Monge: with s = x_(i+1) - x_i >= 0 the difference
//! `h(d + s) - h(d)` does not decrease in d, and d = x_i - y_j does not increase in j. (G. Monge 1781; A. J. Hoffman, "On
//! simple linear programming problems", 1963.)
//!
//! In floating point the potentials are carried along the path in twice the precision, since each is a sum of up to n + m
//! costs with changing signs, and the result is checked ([`super::minima`]).

use super::order::Sorted;
use super::power::Power;
use super::staircase::Cell;

/// A running sum in twice the working precision.
#[derive(Debug, Clone, Copy, Default)]
struct RunningSum {
    high: f64,
    low: f64,
}

impl RunningSum {
    fn add<const N: usize>(&mut self, terms: [f64; N]) {
        for term in terms {
            let sum = self.high + term;
            let part = sum - self.high;
            self.low += (self.high - (sum - part)) + (term - part);
            self.high = sum;
        }
    }

    fn value(self) -> f64 {
        self.high + self.low
    }
}

/// Potentials f, g in sorted order with `f_i + g_j = h(x_i - y_j)` on the path, and `f[anchor] = 0`.
///
/// They are carried from the anchor's first cell outwards, so that rounding far away leaves no trace near the anchor.
pub(super) fn potentials_along(
    mut path: impl Iterator<Item = Cell>,
    source: &Sorted,
    target: &Sorted,
    power: Power,
    anchor: usize,
) -> (Vec<f64>, Vec<f64>) {
    let (n, m) = (source.coordinates.len(), target.coordinates.len());
    let mut before = Vec::new();
    for cell in path.by_ref() {
        before.push(cell);
        if cell.source == anchor {
            break;
        }
    }
    let mut last = before[before.len() - 1];
    let start = Potentials::at(last, source, target, power);

    let (mut f, mut g) = (vec![0.0; n], vec![0.0; m]);
    g[last.target] = start.g.value();
    let mut potentials = start;
    for pair in before.windows(2).rev() {
        potentials.advance(pair[1], pair[0]);
        f[pair[0].source] = potentials.f.value();
        g[pair[0].target] = potentials.g.value();
    }
    let mut potentials = start;
    for cell in path {
        potentials.advance(last, cell);
        f[cell.source] = potentials.f.value();
        g[cell.target] = potentials.g.value();
        last = cell;
    }
    (f, g)
}

/// The potentials of the current cell of the path.
#[derive(Clone, Copy)]
struct Potentials<'a> {
    source: &'a Sorted,
    target: &'a Sorted,
    power: Power,
    f: RunningSum,
    g: RunningSum,
}

impl<'a> Potentials<'a> {
    /// At a cell, with f = 0.
    fn at(cell: Cell, source: &'a Sorted, target: &'a Sorted, power: Power) -> Self {
        let (f, g) = (RunningSum::default(), RunningSum::default());
        let mut start = Self { source, target, power, f, g };
        let (x, y) = start.point(cell);
        start.g.add(power.cost_terms(x, y));
        start
    }

    fn point(&self, cell: Cell) -> (f64, f64) {
        (self.source.coordinates[cell.source], self.target.coordinates[cell.target])
    }

    /// One step along the path, in either direction: the potential of the side that moved follows the cost.
    fn advance(&mut self, from: Cell, to: Cell) {
        let (before, after) = (self.point(from), self.point(to));
        let (moved, stayed) =
            if to.source != from.source { (&mut self.f, &self.g) } else { (&mut self.g, &self.f) };
        match self.power.small_increment(before, after) {
            Some(increment) => moved.add([increment]),
            // The new cost less the other potential. Where the cost is only known rounded this also takes back
            // what small increments have drifted from it, against a change of the cost that is far larger.
            None => {
                *moved = RunningSum::default();
                moved.add(self.power.cost_terms(after.0, after.1));
                moved.add([-stayed.high, -stayed.low]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_sum_keeps_what_a_plain_one_loses() {
        let mut sum = RunningSum::default();
        sum.add([1e16]);
        (0..1000).for_each(|_| sum.add([0.1]));
        sum.add([-1e16]);
        // A plain sum gives 0: the spacing of numbers is 2 there.
        assert!((sum.value() - 100.0).abs() < 1000.0 * 100.0 * f64::EPSILON);
    }
}
