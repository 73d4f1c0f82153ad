//! One pass over the rows: products with a direction, a coefficient from each, and the sum of the rows by these coefficients.
//!
//! ```text
//! s_i = x_i · w + b,   c_i = c(s_i),   g = Σ_i c_i x_i,   h = Σ_i c_i
//! ```
//! With `c = u_i (σ(s_i) - y_i)` that is the gradient of a logistic loss, with `c = u_i s_i` a product with its
//! Hessian. x: (rows, columns), w, g: (columns).
//!
//! # One pass over memory
//! Four rows are taken at a time, so that four share each load of w and of g. The loop over the columns that
//! multiplies the next four rows by w also adds the last four, which now lie in the cache, to g: their second reading
//! costs nothing while the first of the others waits for memory. `4 rows columns` flops for `rows columns` numbers
//! read.
//!
//! # Threads and accuracy
//! Rows are cut into at most [`CHUNKS`] chunks by the shape alone. Each has a g of its own; they are added in order.
//! A product is a sum over `columns / LANES` terms in each lane: its error is at most
//! `(columns / LANES + LANES) EPSILON |x_i| |w|`, by the arithmetic `A`, whatever the type `T` of the data.

use crate::matrix::MatrixView;
use crate::parallel;
use crate::scalar::Scalar;
use crate::simd::dispatch;
use crate::simd::lanes::{Lanes, Simd};
use crate::simd::sigmoid::sigmoid;

/// Rows that share the loads of w and g.
const BLOCK: usize = 4;
/// The most chunks that the rows are cut into.
const CHUNKS: usize = 16;
/// Numbers in a chunk, at least: some ten microseconds of work.
const CHUNK_NUMBERS: usize = 1 << 15;

/// Where the partial g begins in its place, and what the places are multiples of. Rows of 4096 numbers, like all
/// large memory, tend to begin at the same offset in a page; a g that begins there too fights with eight rows for the
/// eight ways of the first cache. A quarter of a page aside it does not: 0.61 instead of 0.83 ms a pass.
const SKEW: usize = 256;
const PAGE: usize = 1024;

/// How the coefficient of a row comes from its product.
#[derive(Clone, Copy)]
pub(super) enum Coefficient<'a, A> {
    /// `-y u σ(-y s)` with the label y = ±1 and the weight u: the derivative of `u ln(1 + e^(-y s))`, exact to the
    /// last places in the tail too.
    Residual {
        /// +1 or -1.
        signs: &'a [A],
        /// Weights of the rows.
        weights: &'a [A],
    },
    /// `u s`.
    Scaled {
        /// u.
        factors: &'a [A],
    },
}

/// The rows of a matrix, to pass over many times. All memory is here.
pub(super) struct RowPass<'a, T, A> {
    x: MatrixView<'a, T>,
    /// Rows of a chunk.
    chunk: usize,
    /// A place for each chunk: unused up to the skew, then g and h.
    partial: Vec<A>,
    /// s of each row after a pass.
    pub products: Vec<A>,
}

/// Rows of a chunk: by the shape alone, a multiple of the block.
fn chunk_rows(rows: usize, columns: usize) -> usize {
    let enough = CHUNK_NUMBERS.div_ceil(columns.max(1));
    rows.div_ceil(CHUNKS).max(enough).next_multiple_of(BLOCK)
}

/// Numbers between the places of two chunks.
fn place(columns: usize) -> usize {
    (SKEW + columns + 1).next_multiple_of(PAGE)
}

impl<'a, T: Scalar, A: Scalar> RowPass<'a, T, A> {
    /// Memory for passes over these rows; at least one row and one column.
    pub(super) fn new(x: MatrixView<'a, T>) -> Self {
        let chunk = chunk_rows(x.rows(), x.columns());
        let chunks = x.rows().div_ceil(chunk);
        Self {
            x,
            chunk,
            partial: vec![A::ZERO; chunks * place(x.columns())],
            products: vec![A::ZERO; x.rows()],
        }
    }

    /// One pass: writes s to `products` and g to `gradient`; gives h.
    pub(super) fn run(
        &mut self,
        direction: &[A],
        offset: A,
        coefficient: Coefficient<'_, A>,
        gradient: &mut [A],
    ) -> A {
        let (x, chunk) = (self.x, self.chunk);
        assert!(direction.len() == x.columns() && gradient.len() == x.columns(), "one number a column");
        let (place, used) = (place(x.columns()), SKEW..SKEW + x.columns() + 1);
        parallel::for_each_pair_of_chunks_mut(
            &mut self.partial,
            place,
            &mut self.products,
            chunk,
            |index, partial, products| {
                let (first, partial) = (index * chunk, &mut partial[used.clone()]);
                let rows = x.rows_range(first..first + products.len());
                pass(rows, direction, offset, coefficient.rows(first, products.len()), products, partial);
            },
        );
        let mut sum = A::ZERO;
        gradient.fill(A::ZERO);
        for partial in self.partial.chunks_exact(place) {
            let partial = &partial[used.clone()];
            for (total, &part) in gradient.iter_mut().zip(partial) {
                *total += part;
            }
            sum += partial[x.columns()];
        }
        sum
    }

    /// `g = Σ c_i x_i` for given c.
    pub(super) fn combine(&mut self, coefficients: &[A], gradient: &mut [A]) {
        let (x, chunk) = (self.x, self.chunk);
        assert!(
            coefficients.len() == x.rows() && gradient.len() == x.columns(),
            "one number a row, a column"
        );
        let place = place(x.columns());
        parallel::for_each_chunk_mut(&mut self.partial, place, |start, partial| {
            let first = start / place * chunk;
            let rows = first..(first + chunk).min(x.rows());
            combine(x.rows_range(rows.clone()), &coefficients[rows], &mut partial[SKEW..]);
        });
        gradient.fill(A::ZERO);
        for partial in self.partial.chunks_exact(place) {
            for (total, &part) in gradient.iter_mut().zip(&partial[SKEW..]) {
                *total += part;
            }
        }
    }
}

/// `out_i = x_i · w + b` for every row, in the arithmetic `A`.
pub(super) fn products_into<T: Scalar, A: Scalar>(
    x: MatrixView<'_, T>,
    direction: &[A],
    offset: A,
    out: &mut [A],
) {
    let chunk = chunk_rows(x.rows(), x.columns());
    parallel::for_each_chunk_mut(out, chunk, |first, out| {
        products(x.rows_range(first..first + out.len()), direction, offset, out);
    });
}

impl<'a, A: Scalar> Coefficient<'a, A> {
    /// The same for some of the rows.
    fn rows(self, first: usize, count: usize) -> Self {
        match self {
            Coefficient::Residual { signs, weights } => {
                Coefficient::Residual { signs: &signs[first..][..count], weights: &weights[first..][..count] }
            }
            Coefficient::Scaled { factors } => Coefficient::Scaled { factors: &factors[first..][..count] },
        }
    }

    /// The coefficients of at most a block of rows from `at` on; zeros after them.
    #[inline(always)]
    fn block<L: Lanes<Element = A>>(&self, at: usize, products: &[A]) -> [A; BLOCK] {
        let mut out = [A::ZERO; BLOCK];
        let count = products.len();
        // A register may have fewer lanes than a block has rows.
        for start in (0..count).step_by(L::LANES) {
            let end = (start + L::LANES).min(count);
            let s = L::load_partial(&products[start..end], A::ZERO);
            let c = match self {
                Coefficient::Residual { signs, weights } => {
                    let sign = L::load_partial(&signs[at + start..at + end], A::ONE);
                    let weight = L::load_partial(&weights[at + start..at + end], A::ZERO);
                    -(sign * weight) * sigmoid(-(sign * s))
                }
                Coefficient::Scaled { factors } => {
                    L::load_partial(&factors[at + start..at + end], A::ZERO) * s
                }
            };
            c.store_partial(&mut out[start..end]);
        }
        out
    }
}

/// Four rows from `at` on; where there are fewer, the last one stands in for the others.
#[inline(always)]
fn block<'a, T: Scalar>(x: MatrixView<'a, T>, at: usize, columns: usize) -> [&'a [T]; BLOCK] {
    let last = x.rows() - 1;
    [
        &x.row(at)[..columns],
        &x.row((at + 1).min(last))[..columns],
        &x.row((at + 2).min(last))[..columns],
        &x.row((at + 3).min(last))[..columns],
    ]
}

/// The products of four rows with w.
#[inline(always)]
fn dots<L: Lanes, T: Scalar>(rows: [&[T]; BLOCK], direction: &[L::Element]) -> [L::Element; BLOCK]
where
    L::Element: Scalar,
{
    let lanes = L::LANES;
    let columns = direction.len();
    let mut sums = [L::constant(0.0); BLOCK];
    let whole = columns / lanes * lanes;
    let mut at = 0;
    while at < whole {
        let w = L::load(&direction[at..at + lanes]);
        for k in 0..BLOCK {
            sums[k] = T::load_as::<L>(&rows[k][at..at + lanes]).mul_add(w, sums[k]);
        }
        at += lanes;
    }
    let mut out = [L::Element::ZERO; BLOCK];
    for k in 0..BLOCK {
        out[k] = sums[k].reduce_sum();
        for j in whole..columns {
            out[k] += L::Element::from_f64(rows[k][j].to_f64()) * direction[j];
        }
    }
    out
}

/// `g += Σ c_k x_k` over four rows.
#[inline(always)]
fn add<L: Lanes, T: Scalar>(rows: [&[T]; BLOCK], c: [L::Element; BLOCK], gradient: &mut [L::Element])
where
    L::Element: Scalar,
{
    let lanes = L::LANES;
    let columns = gradient.len();
    let factors = [L::splat(c[0]), L::splat(c[1]), L::splat(c[2]), L::splat(c[3])];
    let whole = columns / lanes * lanes;
    let mut at = 0;
    while at < whole {
        let mut g = L::load(&gradient[at..at + lanes]);
        for k in 0..BLOCK {
            g = T::load_as::<L>(&rows[k][at..at + lanes]).mul_add(factors[k], g);
        }
        g.store(&mut gradient[at..at + lanes]);
        at += lanes;
    }
    add_rest::<L, T>(rows, c, gradient, whole);
}

/// The columns of [`add`] that do not fill a register.
#[inline(always)]
fn add_rest<L: Lanes, T: Scalar>(
    rows: [&[T]; BLOCK],
    c: [L::Element; BLOCK],
    gradient: &mut [L::Element],
    whole: usize,
) where
    L::Element: Scalar,
{
    for j in whole..gradient.len() {
        for k in 0..BLOCK {
            gradient[j] += c[k] * L::Element::from_f64(rows[k][j].to_f64());
        }
    }
}

/// [`dots`] of the next four rows and [`add`] of the last four, in one loop over the columns.
#[inline(always)]
fn dots_and_add<L: Lanes, T: Scalar>(
    next: [&[T]; BLOCK],
    direction: &[L::Element],
    last: [&[T]; BLOCK],
    c: [L::Element; BLOCK],
    gradient: &mut [L::Element],
) -> [L::Element; BLOCK]
where
    L::Element: Scalar,
{
    let lanes = L::LANES;
    let columns = direction.len();
    let gradient = &mut gradient[..columns];
    let factors = [L::splat(c[0]), L::splat(c[1]), L::splat(c[2]), L::splat(c[3])];
    let mut sums = [L::constant(0.0); BLOCK];
    let whole = columns / lanes * lanes;
    let mut at = 0;
    while at < whole {
        let w = L::load(&direction[at..at + lanes]);
        let mut g = L::load(&gradient[at..at + lanes]);
        for k in 0..BLOCK {
            sums[k] = T::load_as::<L>(&next[k][at..at + lanes]).mul_add(w, sums[k]);
            g = T::load_as::<L>(&last[k][at..at + lanes]).mul_add(factors[k], g);
        }
        g.store(&mut gradient[at..at + lanes]);
        at += lanes;
    }
    let mut out = [L::Element::ZERO; BLOCK];
    for k in 0..BLOCK {
        out[k] = sums[k].reduce_sum();
        for j in whole..columns {
            out[k] += L::Element::from_f64(next[k][j].to_f64()) * direction[j];
        }
    }
    add_rest::<L, T>(last, c, gradient, whole);
    out
}

#[inline(always)]
fn pass_kernel<S: Simd, T: Scalar, A: Scalar>(
    x: MatrixView<'_, T>,
    direction: &[A],
    offset: A,
    coefficient: Coefficient<'_, A>,
    products: &mut [A],
    partial: &mut [A],
) {
    let columns = direction.len();
    let (gradient, sum) = partial.split_at_mut(columns);
    gradient.fill(A::ZERO);
    sum[0] = A::ZERO;
    let count = products.len();
    let mut last = block(x, 0, columns);
    let mut c = [A::ZERO; BLOCK];
    for at in (0..count).step_by(BLOCK) {
        let next = block(x, at, columns);
        let dots = if at == 0 {
            dots::<A::Register<S>, T>(next, direction)
        } else {
            dots_and_add::<A::Register<S>, T>(next, direction, last, c, gradient)
        };
        let here = at..(at + BLOCK).min(count);
        for k in 0..here.len() {
            products[at + k] = offset + dots[k];
        }
        c = coefficient.block::<A::Register<S>>(at, &products[here]);
        for c in c {
            sum[0] += c;
        }
        last = next;
    }
    add::<A::Register<S>, T>(last, c, gradient);
}

dispatch! {
    /// One chunk of a pass: s of its rows to `products`, g and h of them to `partial`.
    fn pass<T: Scalar, A: Scalar>(
        x: MatrixView<'_, T>,
        direction: &[A],
        offset: A,
        coefficient: Coefficient<'_, A>,
        products: &mut [A],
        partial: &mut [A],
    ) = pass_kernel
}

#[inline(always)]
fn products_kernel<S: Simd, T: Scalar, A: Scalar>(
    x: MatrixView<'_, T>,
    direction: &[A],
    offset: A,
    out: &mut [A],
) {
    for at in (0..out.len()).step_by(BLOCK) {
        let dots = dots::<A::Register<S>, T>(block(x, at, direction.len()), direction);
        for k in 0..(out.len() - at).min(BLOCK) {
            out[at + k] = offset + dots[k];
        }
    }
}

dispatch! {
    /// The products of a chunk of rows with w.
    fn products<T: Scalar, A: Scalar>(x: MatrixView<'_, T>, direction: &[A], offset: A, out: &mut [A]) = products_kernel
}

#[inline(always)]
fn combine_kernel<S: Simd, T: Scalar, A: Scalar>(
    x: MatrixView<'_, T>,
    coefficients: &[A],
    partial: &mut [A],
) {
    let columns = x.columns();
    let gradient = &mut partial[..columns];
    gradient.fill(A::ZERO);
    for at in (0..coefficients.len()).step_by(BLOCK) {
        let mut c = [A::ZERO; BLOCK];
        let here = &coefficients[at..(at + BLOCK).min(coefficients.len())];
        c[..here.len()].copy_from_slice(here);
        add::<A::Register<S>, T>(block(x, at, columns), c, gradient);
    }
}

dispatch! {
    /// The rows of a chunk, added up by their coefficients.
    fn combine<T: Scalar, A: Scalar>(x: MatrixView<'_, T>, coefficients: &[A], partial: &mut [A]) = combine_kernel
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;
    use crate::random::RandomStream;
    use crate::simd::test_at_every_level;

    /// The same in plain loops of f64.
    fn plain(x: &Matrix<f64>, w: &[f64], b: f64, c: impl Fn(usize, f64) -> f64) -> (Vec<f64>, Vec<f64>, f64) {
        let products: Vec<f64> =
            x.iter_rows().map(|row| b + row.iter().zip(w).map(|(x, w)| x * w).sum::<f64>()).collect();
        let mut gradient = vec![0.0; w.len()];
        let mut sum = 0.0;
        for (i, row) in x.iter_rows().enumerate() {
            let c = c(i, products[i]);
            sum += c;
            gradient.iter_mut().zip(row).for_each(|(g, x)| *g += c * x);
        }
        (products, gradient, sum)
    }

    fn agrees<S: Simd, T: Scalar>() {
        let mut stream = RandomStream::new(5);
        for (rows, columns) in [(1, 1), (3, 7), (4, 8), (5, 33), (9, 70), (37, 129)] {
            let x: Matrix<T> = stream.normal_matrix(rows, columns);
            let w: Vec<T> = stream.normal_matrix(1, columns).into_vec();
            let signs: Vec<T> = (0..rows).map(|i| T::from_f64(if i % 3 == 0 { 1.0 } else { -1.0 })).collect();
            let weights: Vec<T> = stream.uniform_matrix(1, rows).into_vec();
            let wide: Vec<f64> = w.iter().map(|w| w.to_f64()).collect();
            let (mut products, mut partial) = (vec![T::ZERO; rows], vec![T::NAN; columns + 1]);
            for scaled in [false, true] {
                let coefficient = match scaled {
                    false => Coefficient::Residual { signs: &signs, weights: &weights },
                    true => Coefficient::Scaled { factors: &weights },
                };
                let half = T::from_f64(0.5);
                pass_kernel::<S, T, T>(x.view(), &w, half, coefficient, &mut products, &mut partial);
                let (expected, gradient, sum) = plain(&x.cast(), &wide, 0.5, |i, s| {
                    let (y, u) = (signs[i].to_f64(), weights[i].to_f64());
                    if scaled { u * s } else { -y * u / (1.0 + (y * s).exp()) }
                });
                // Sums of at most 130 products of numbers of size one to some: generous by a few units.
                let tolerance = T::EPSILON.to_f64() * 4.0 * (columns * rows) as f64;
                for (got, expected) in products.iter().zip(&expected) {
                    assert!((got.to_f64() - expected).abs() < tolerance);
                }
                for (got, expected) in partial.iter().zip(gradient.iter().chain([&sum])) {
                    assert!((got.to_f64() - expected).abs() < tolerance, "{got} {expected}");
                }
                let given: Vec<T> = (0..rows).map(|i| weights[i] * products[i]).collect();
                if scaled {
                    combine_kernel::<S, T, T>(x.view(), &given, &mut partial);
                    for (got, expected) in partial.iter().zip(&gradient) {
                        assert!((got.to_f64() - expected).abs() < tolerance);
                    }
                }
                products_kernel::<S, T, T>(x.view(), &w, half, &mut products);
                for (got, expected) in products.iter().zip(&expected) {
                    assert!((got.to_f64() - expected).abs() < tolerance);
                }
            }
        }
    }

    test_at_every_level! {
        a_pass_is_the_plain_sums_f32 = agrees::<f32>;
        a_pass_is_the_plain_sums_f64 = agrees::<f64>;
    }

    #[test]
    fn chunks_and_strides_change_nothing_but_the_rounding() {
        let mut stream = RandomStream::new(6);
        let x: Matrix<f32> = stream.normal_matrix(1003, 517);
        let view = x.submatrix(0..1003, 3..503);
        let w: Vec<f64> = stream.normal_matrix(1, 500).into_vec();
        let factors: Vec<f64> = stream.uniform_matrix(1, 1003).into_vec();
        let mut pass = RowPass::<f32, f64>::new(view);
        assert!(pass.partial.len() > 8 * 501, "several chunks");
        let mut gradient = vec![0.0; 500];
        let sum = pass.run(&w, 0.25, Coefficient::Scaled { factors: &factors }, &mut gradient);
        let (products, expected, expected_sum) =
            plain(&view.to_matrix().cast(), &w, 0.25, |i, s| factors[i] * s);
        // 500 and 1003 terms of size one to some: far below this.
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(sum, expected_sum));
        assert!(pass.products.iter().zip(&products).all(|(a, b)| close(*a, *b)));
        assert!(gradient.iter().zip(&expected).all(|(a, b)| close(*a, *b)));
        let given: Vec<f64> = products.iter().zip(&factors).map(|(s, u)| s * u).collect();
        pass.combine(&given, &mut gradient);
        assert!(gradient.iter().zip(&expected).all(|(a, b)| close(*a, *b)));
        let mut out = vec![0.0; 1003];
        products_into(view, &w, 0.25, &mut out);
        assert_eq!(out, pass.products);
    }
}
