//! The two element types of the crate, `f32` and `f64`, as one sealed trait.

use crate::matrix::{MatrixView, Product, multiply};
use crate::ot::pair_cost::{AnyPairCost, BlockCost};
use crate::simd::elementary::Elementary;
use crate::simd::lanes::{Lanes, Simd, WordLanes};
use std::cell::Cell;
use std::fmt::{Debug, Display};
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Neg, Sub, SubAssign};
use std::thread::LocalKey;

/// A real floating-point element: `f32` or `f64`. Sealed: no other type can implement it.
///
/// # Examples
/// ```
/// fn mean<T: brenier::Scalar>(values: &[T]) -> f64 {
///     values.iter().map(|value| value.to_f64()).sum::<f64>() / values.len() as f64
/// }
/// assert_eq!(mean(&[1.0_f32, 2.0]), 1.5);
/// ```
pub trait Scalar:
    Vectorised
    + Copy
    + Default
    + PartialEq
    + PartialOrd
    + Debug
    + Display
    + Send
    + Sync
    + 'static
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Positive infinity.
    const INFINITY: Self;
    /// The largest finite number.
    const MAX: Self;
    /// The smallest positive normal number.
    const MIN_POSITIVE: Self;
    /// Not a number.
    const NAN: Self;
    /// Distance from one to the next larger number.
    const EPSILON: Self;
    /// The type's name as users write it.
    const NAME: &'static str;

    /// Rounds an `f64` to this type (to nearest, ties to even; beyond the range, an infinity).
    fn from_f64(value: f64) -> Self;
    /// This value as an `f64`, exactly.
    fn to_f64(self) -> f64;
    /// Whether the value is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
}

/// Seals [`Scalar`] and says which register holds it at each SIMD level. Its module is private, so that user code
/// can neither implement it nor name a register type of a level that the machine lacks.
pub trait Vectorised: Elementary {
    /// The register of this element at the level `S`.
    type Register<S: Simd>: Lanes<Element = Self>;

    /// The matrix product of this element type.
    fn multiply(product: Product<'_, Self>);

    /// `function` with memory that this thread keeps from one call to the next. What it holds is whatever was left there.
    fn with_scratch<R>(which: Scratch, function: impl FnOnce(&mut Vec<Self>) -> R) -> R;

    /// The first `L::LANES` elements of `source` in double precision, exactly.
    fn load_wide<L: Lanes<Element = f64>>(source: &[Self]) -> L;

    /// The first `L::LANES` elements of `source` in the lanes' precision, exactly or rounded to nearest.
    fn load_as<L: Lanes>(source: &[Self]) -> L;

    /// The bits of a register of words, read as this element.
    fn from_words<S: Simd>(words: S::U64) -> Self::Register<S>;

    /// The same view if its elements are of this type.
    fn same_view<T: Vectorised>(view: MatrixView<'_, T>) -> Option<MatrixView<'_, Self>>;

    /// A cost in the arithmetic of this type.
    fn of_pair_cost(cost: AnyPairCost<'_>) -> &dyn BlockCost<Self>;

    /// The same view if its elements are single.
    fn single_view(view: MatrixView<'_, Self>) -> Option<MatrixView<'_, f32>>;

    /// The same view if its elements are double.
    fn double_view(view: MatrixView<'_, Self>) -> Option<MatrixView<'_, f64>>;
}

/// What memory that a thread keeps is for.
#[derive(Debug, Clone, Copy)]
pub enum Scratch {
    /// Packed factors of a product, while other threads work on it too.
    Factors,
    /// A block that this thread alone works on.
    Block,
}

/// `function` with the memory of a cell. A call inside of `function` (a thread that waits takes other work) finds an empty one.
fn with_kept<T, R>(
    cells: &'static LocalKey<[Cell<Vec<T>>; 2]>,
    which: Scratch,
    function: impl FnOnce(&mut Vec<T>) -> R,
) -> R {
    let mut memory = cells.with(|cells| cells[which as usize].take());
    let result = function(&mut memory);
    cells.with(|cells| cells[which as usize].set(memory));
    result
}

impl Vectorised for f32 {
    type Register<S: Simd> = S::F32;

    fn multiply(product: Product<'_, Self>) {
        multiply(product);
    }

    fn with_scratch<R>(which: Scratch, function: impl FnOnce(&mut Vec<Self>) -> R) -> R {
        thread_local!(static SCRATCH: [Cell<Vec<f32>>; 2] = const { [const { Cell::new(Vec::new()) }; 2] });
        with_kept(&SCRATCH, which, function)
    }

    #[inline(always)]
    fn load_wide<L: Lanes<Element = f64>>(source: &[Self]) -> L {
        L::load_f32(source)
    }

    #[inline(always)]
    fn load_as<L: Lanes>(source: &[Self]) -> L {
        L::load_f32(source)
    }

    #[inline(always)]
    fn from_words<S: Simd>(words: S::U64) -> S::F32 {
        words.as_f32()
    }

    fn same_view<T: Vectorised>(view: MatrixView<'_, T>) -> Option<MatrixView<'_, Self>> {
        T::single_view(view)
    }

    fn of_pair_cost(cost: AnyPairCost<'_>) -> &dyn BlockCost<Self> {
        cost.single
    }

    fn single_view(view: MatrixView<'_, Self>) -> Option<MatrixView<'_, f32>> {
        Some(view)
    }

    fn double_view(_: MatrixView<'_, Self>) -> Option<MatrixView<'_, f64>> {
        None
    }
}

impl Vectorised for f64 {
    type Register<S: Simd> = S::F64;

    fn multiply(product: Product<'_, Self>) {
        multiply(product);
    }

    fn with_scratch<R>(which: Scratch, function: impl FnOnce(&mut Vec<Self>) -> R) -> R {
        thread_local!(static SCRATCH: [Cell<Vec<f64>>; 2] = const { [const { Cell::new(Vec::new()) }; 2] });
        with_kept(&SCRATCH, which, function)
    }

    #[inline(always)]
    fn load_wide<L: Lanes<Element = f64>>(source: &[Self]) -> L {
        L::load(source)
    }

    #[inline(always)]
    fn load_as<L: Lanes>(source: &[Self]) -> L {
        L::load_f64(source)
    }

    #[inline(always)]
    fn from_words<S: Simd>(words: S::U64) -> S::F64 {
        words.as_f64()
    }

    fn same_view<T: Vectorised>(view: MatrixView<'_, T>) -> Option<MatrixView<'_, Self>> {
        T::double_view(view)
    }

    fn of_pair_cost(cost: AnyPairCost<'_>) -> &dyn BlockCost<Self> {
        cost.double
    }

    fn double_view(view: MatrixView<'_, Self>) -> Option<MatrixView<'_, f64>> {
        Some(view)
    }

    fn single_view(_: MatrixView<'_, Self>) -> Option<MatrixView<'_, f32>> {
        None
    }
}

macro_rules! impl_scalar {
    ($($element:ident),*) => {$(
        impl Scalar for $element {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const INFINITY: Self = $element::INFINITY;
            const MAX: Self = $element::MAX;
            const MIN_POSITIVE: Self = $element::MIN_POSITIVE;
            const NAN: Self = $element::NAN;
            const EPSILON: Self = $element::EPSILON;
            const NAME: &'static str = stringify!($element);

            #[inline(always)]
            fn from_f64(value: f64) -> Self {
                value as $element
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            #[inline(always)]
            fn is_finite(self) -> bool {
                $element::is_finite(self)
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                $element::sqrt(self)
            }
            #[inline(always)]
            fn abs(self) -> Self {
                $element::abs(self)
            }
        }
    )*};
}

impl_scalar!(f32, f64);
