//! Sinkhorn's iterations on a small dense problem, and what the way back needs of them.
//!
//! With the potentials in exponents of 2, f = u/(ε ln 2) and g = v/(ε ln 2), one iteration is
//!
//! ```text
//! f = log₂ μ - log₂ Σⱼ 2^(g - slope C)        g = log₂ ν - log₂ Σᵢ 2^(f - slope C)         two exponentials a pair
//! ```
//!
//! Between two such iterations in the log domain the potentials are held in a kernel K = 2^(f + g - slope C), and
//! only scalings a and b change:
//!
//! ```text
//! aᵢ = μ/(K b)ᵢ        bⱼ = ν/(Kᵀ a)ⱼ        P = a K b                                      two multiply-adds a pair
//! ```
//!
//! They are the same numbers but for rounding while the scalings stay within `range`: an entry of K that was flushed
//! to zero is below 2^-126 (`f32`), and with scalings within 2^±30 it is less than 2^-60 of the sum that it is
//! missing from. As soon as a scaling leaves the range, the iteration is thrown away and made in the log domain, and
//! a new *segment* begins with a new kernel (Schmitzer, *Stabilized sparse scaling algorithms for entropy regularized
//! transport problems*, 2019, section 3.1; Chizat, Peyré, Schmitzer, Vialard 2018). So the iterations are those of
//! the log domain, at the speed of the products.

use super::kernels::{self, PADDING, Scalings};
use crate::scalar::Scalar;

/// The powers of two that keep products of scalings and kernel entries normal numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range<T> {
    /// What a scaling of one is kept as: 2^40 for `f32`, 2^320 for `f64`. The smallest kernel entry times the
    /// smallest scaling is then normal.
    pub unit: T,
    /// unit⁻².
    pub unscale: T,
    /// unit².
    pub square: T,
    /// unit 2^-30 and unit 2^30 (`f32`), or 2^±240 (`f64`).
    pub ends: (T, T),
}

impl<T: Scalar> Range<T> {
    pub fn new() -> Self {
        let bits = T::MAX_EXPONENT + 1.0;
        let power = |exponent: f64| T::from_f64(exponent.exp2());
        let (unit, reach) = (bits * 5.0 / 16.0, bits * 15.0 / 64.0);
        Range {
            unit: power(unit),
            unscale: power(-2.0 * unit),
            square: power(2.0 * unit),
            ends: (power(unit - reach), power(unit + reach)),
        }
    }
}

/// A stretch of iterations with one kernel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    /// Its first iteration, which was made in the log domain; counted from 1.
    pub first: usize,
}

/// The memory of the iterations of one problem, n by m.
#[derive(Debug, Clone)]
pub(super) struct Iterations<T> {
    pub n: usize,
    pub m: usize,
    /// m, filled up.
    pub stride: usize,
    /// Places for scalings: all iterations, or two that take turns.
    slots: usize,
    /// (n, stride), zero beyond m.
    pub costs: Vec<T>,
    /// The kernel of the last segment: (n, stride).
    pub kernel: Vec<T>,
    /// a after each iteration: (slots, n).
    a: Vec<T>,
    /// b after each iteration: (slots, stride).
    b: Vec<T>,
    pub segments: Vec<Segment>,
    /// f of each segment: (segments, n), or of the last.
    f: Vec<T>,
    /// g of each segment: (segments, stride), or of the last.
    g: Vec<T>,
    /// g before the first iteration of each segment.
    g_before: Vec<T>,
    scratch: Vec<T>,
    pub range: Range<T>,
    /// 1/(ε ln 2).
    pub slope: T,
    /// K, the number of iterations made.
    pub done: usize,
}

/// Grows a buffer to `count` numbers at least.
pub(super) fn grow<T: Scalar>(buffer: &mut Vec<T>, count: usize) {
    if buffer.len() < count {
        buffer.resize(count, T::ZERO);
    }
}

impl<T: Scalar> Iterations<T> {
    pub fn new() -> Self {
        Iterations {
            n: 0,
            m: 0,
            stride: 0,
            slots: 0,
            costs: Vec::new(),
            kernel: Vec::new(),
            a: Vec::new(),
            b: Vec::new(),
            segments: Vec::new(),
            f: Vec::new(),
            g: Vec::new(),
            g_before: Vec::new(),
            scratch: Vec::new(),
            range: Range::new(),
            slope: T::ONE,
            done: 0,
        }
    }

    /// Makes room for a problem and its costs. Nothing is allocated for a shape that it has held.
    pub fn prepare(&mut self, n: usize, m: usize) {
        (self.n, self.m, self.stride) = (n, m, m.next_multiple_of(PADDING));
        grow(&mut self.costs, n * self.stride);
        grow(&mut self.kernel, n * self.stride);
        grow(&mut self.scratch, self.stride);
    }

    /// a after iteration `k` of the last run, times `range.unit`.
    pub fn a(&self, k: usize) -> &[T] {
        &self.a[k % self.slots * self.n..][..self.n]
    }

    /// b after iteration `k`, times `range.unit`; without meaning beyond m.
    pub fn b(&self, k: usize) -> &[T] {
        &self.b[k % self.slots * self.stride..][..self.stride]
    }

    /// f and g of a segment.
    pub fn potentials(&self, segment: usize) -> (&[T], &[T]) {
        let place = self.place(segment);
        (&self.f[place * self.n..][..self.n], &self.g[place * self.stride..][..self.stride])
    }

    /// g before the first iteration of a segment.
    pub fn potentials_before(&self, segment: usize) -> &[T] {
        &self.g_before[self.place(segment) * self.stride..][..self.stride]
    }

    /// Where the potentials of a segment lie: all in turn, or only the last.
    fn place(&self, segment: usize) -> usize {
        if self.slots > 2 { segment } else { 0 }
    }

    /// Iterates on the costs at hand from v = 0, at most `limit` times, until Σ |P 1 - μ| is below `tolerance`. With `keep` all
    /// iterations are kept for the way back.
    pub fn run(&mut self, slope: T, limit: usize, tolerance: f64, keep: bool) {
        // Three at least, so that what is kept is told from what is not.
        self.slots = if keep { limit.saturating_add(1).max(3) } else { 2 };
        self.slope = slope;
        self.segments.clear();
        self.done = 0;
        let weights = (self.weight(self.n) * self.range.square, self.weight(self.m) * self.range.square);
        self.begin_segment();
        while self.done < limit {
            let next = self.done + 1;
            self.make_room(next);
            let (residual, inside) = self.scaling_step(next, weights);
            if residual.to_f64() * self.range.unscale.to_f64() < tolerance {
                break;
            }
            if inside {
                self.done = next;
            } else {
                self.begin_segment();
            }
        }
    }

    /// Room for the scalings of an iteration. It grows with the iterations that are made, not with those that are allowed.
    fn make_room(&mut self, iteration: usize) {
        let slots = self.slots.min(iteration + 1);
        grow(&mut self.a, slots * self.n);
        grow(&mut self.b, slots * self.stride);
    }

    /// 1/count.
    pub fn weight(&self, count: usize) -> T {
        T::from_f64(1.0 / count as f64)
    }

    /// Tries iteration `next` in the scaling domain.
    fn scaling_step(&mut self, next: usize, weights: (T, T)) -> (T, bool) {
        let (n, stride) = (self.n, self.stride);
        let (before, after) = ((next - 1) % self.slots, next % self.slots);
        let (a_before, a) = two(&mut self.a, n, before, after);
        let (b_before, b) = two(&mut self.b, stride, before, after);
        let scalings = Scalings { a_before, b_before, a, b };
        kernels::scaling_pass(&self.kernel[..n * stride], self.m, weights, self.range.ends, scalings)
    }

    /// The next iteration in the log domain, and a kernel for those that follow.
    fn begin_segment(&mut self) {
        let (n, m, stride) = (self.n, self.m, self.stride);
        let segment = self.segments.len();
        self.segments.push(Segment { first: self.done + 1 });
        let (place, last) = (self.place(segment), self.place(segment.saturating_sub(1)));
        grow(&mut self.f, (place + 1) * n);
        grow(&mut self.g, (place + 1) * stride);
        grow(&mut self.g_before, (place + 1) * stride);
        // g of the iteration before, with the scalings put back; zero to begin with. So low beyond m that nothing is seen of it.
        for j in 0..stride {
            self.scratch[j] = if j >= m {
                -Self::nothing()
            } else if segment == 0 {
                T::ZERO
            } else {
                let b = self.b[self.done % self.slots * stride + j].to_f64();
                let exponent = (b / self.range.unit.to_f64()).log2();
                T::from_f64(self.g[last * stride + j].to_f64() + exponent)
            };
        }
        self.g_before[place * stride..][..stride].copy_from_slice(&self.scratch[..stride]);
        let logarithm = |count: usize| T::from_f64(-(count as f64).log2());
        let costs = &self.costs[..n * stride];
        let f = &mut self.f[place * n..][..n];
        let before = &self.g_before[place * stride..][..stride];
        kernels::source_half(costs, before, self.slope, logarithm(n), &mut self.scratch, f);
        let g = &mut self.g[place * stride..][..stride];
        kernels::target_half(costs, f, self.slope, logarithm(m), g);
        g[m..].fill(-Self::nothing());
        kernels::exponentials(costs, f, g, self.slope, &mut self.kernel[..n * stride]);
        self.done += 1;
        self.make_room(self.done);
        let slot = self.done % self.slots;
        self.a[slot * n..][..n].fill(self.range.unit);
        self.b[slot * stride..][..stride].fill(self.range.unit);
    }

    /// The kernel of a segment, again.
    pub fn restore_kernel(&mut self, segment: usize) {
        let (n, stride, place) = (self.n, self.stride, self.place(segment));
        let f = &self.f[place * n..][..n];
        let g = &self.g[place * stride..][..stride];
        let (costs, kernel) = (&self.costs[..n * stride], &mut self.kernel[..n * stride]);
        kernels::exponentials(costs, f, g, self.slope, kernel);
    }

    /// Larger than any exponent that is let in, and far from overflow.
    fn nothing() -> T {
        T::from_f64(T::MAX.to_f64() / 16.0)
    }

    /// Exponents up to here are rounded by a half at most. Beyond, what is left of 2^(f + g - slope C) is chance: a
    /// plan without mass and a gradient of zero would look like an answer.
    pub fn largest_exponent() -> f64 {
        1.0 / T::EPSILON.to_f64()
    }
}

/// Two rows of a matrix with `width` columns: one to read, another to write.
fn two<T>(data: &mut [T], width: usize, read: usize, write: usize) -> (&[T], &mut [T]) {
    if read < write {
        let (first, second) = data.split_at_mut(write * width);
        (&first[read * width..][..width], &mut second[..width])
    } else {
        let (first, second) = data.split_at_mut(read * width);
        (&second[..width], &mut first[write * width..][..width])
    }
}
