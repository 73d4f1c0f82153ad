//! The level that every target has: the crate `wide`, which picks its instructions at compile time. No `unsafe`.

use super::lanes::{Lanes, Mask, Sealed, Simd, WordLanes};
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};
use wide::bytemuck::cast;

/// The portable level.
#[derive(Clone, Copy)]
pub struct Portable;

impl Simd for Portable {
    type F32 = F32x8;
    type F64 = F64x4;
    type U64 = U64x4;
}

macro_rules! portable_lanes {
    ($register:ident, $mask:ident, $wide:ident, $words:ident, $element:ident, $bits:ident, $lanes:literal,
     mantissa $mantissa:literal, bias $bias:literal) => {
        /// A register of floating-point lanes.
        #[derive(Clone, Copy)]
        pub struct $register(wide::$wide);

        /// A truth value for each lane: all bits one or all zero.
        #[derive(Clone, Copy)]
        pub struct $mask(wide::$wide);

        impl BitAnd for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitand(self, other: Self) -> Self {
                Self(self.0 & other.0)
            }
        }
        impl BitOr for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
        impl Not for $mask {
            type Output = Self;
            #[inline(always)]
            fn not(self) -> Self {
                Self(!self.0)
            }
        }
        impl Mask for $mask {
            #[inline(always)]
            fn any(self) -> bool {
                self.0.any()
            }
            #[inline(always)]
            fn all(self) -> bool {
                self.0.all()
            }
        }

        impl Add for $register {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }
        impl Sub for $register {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }
        impl Mul for $register {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                Self(self.0 * other.0)
            }
        }
        impl Div for $register {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                Self(self.0 / other.0)
            }
        }
        impl Neg for $register {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }

        impl Sealed for $register {}

        impl Lanes for $register {
            type Element = $element;
            type Mask = $mask;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(value: $element) -> Self {
                Self(wide::$wide::splat(value))
            }
            #[inline(always)]
            fn load(source: &[$element]) -> Self {
                let lanes: [$element; $lanes] =
                    source[..$lanes].try_into().expect("a slice of LANES elements");
                Self(wide::$wide::from(lanes))
            }
            #[inline(always)]
            fn store(self, target: &mut [$element]) {
                target[..$lanes].copy_from_slice(&self.0.to_array());
            }
            #[inline(always)]
            fn load_partial(source: &[$element], fill: $element) -> Self {
                let mut lanes = [fill; $lanes];
                lanes[..source.len()].copy_from_slice(source);
                Self(wide::$wide::from(lanes))
            }
            #[inline(always)]
            fn store_partial(self, target: &mut [$element]) {
                let length = target.len();
                target.copy_from_slice(&self.0.to_array()[..length]);
            }
            #[inline(always)]
            fn load_f32(source: &[f32]) -> Self {
                let source = &source[..$lanes];
                let mut lanes = [0.0; $lanes];
                for k in 0..$lanes {
                    lanes[k] = source[k] as $element;
                }
                Self(wide::$wide::from(lanes))
            }
            #[inline(always)]
            fn load_f64(source: &[f64]) -> Self {
                let source = &source[..$lanes];
                let mut lanes = [0.0; $lanes];
                for k in 0..$lanes {
                    lanes[k] = source[k] as $element;
                }
                Self(wide::$wide::from(lanes))
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, summand: Self) -> Self {
                Self(self.0.mul_add(factor.0, summand.0))
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                Self(self.0.simd_lt(other.0).bitselect(self.0, other.0))
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                Self(other.0.simd_lt(self.0).bitselect(self.0, other.0))
            }
            #[inline(always)]
            fn abs(self) -> Self {
                Self(self.0.abs())
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                Self(self.0.abs() | (sign.0 & wide::$wide::splat(-0.0)))
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                Self(self.0.sqrt())
            }
            #[inline(always)]
            fn round(self) -> Self {
                // The SSE2 path of `wide` loses the sign of a zero.
                Self(self.0.round_ties_even()).copysign(self)
            }

            #[inline(always)]
            fn lt(self, other: Self) -> $mask {
                $mask(self.0.simd_lt(other.0))
            }
            #[inline(always)]
            fn le(self, other: Self) -> $mask {
                $mask(self.0.simd_le(other.0))
            }
            #[inline(always)]
            fn eq(self, other: Self) -> $mask {
                $mask(self.0.simd_eq(other.0))
            }
            #[inline(always)]
            fn select(mask: $mask, yes: Self, no: Self) -> Self {
                Self(mask.0.bitselect(yes.0, no.0))
            }

            #[inline(always)]
            fn shift_into_exponent(self) -> Self {
                let bits: wide::$words = cast(self.0);
                Self(cast(bits << $mantissa))
            }
            #[inline(always)]
            fn split_exponent(self) -> (Self, Self) {
                // A subnormal lane becomes normal first; a biased exponent becomes a number in the lowest bits of 2^mantissa.
                let lift = (2 * $bits::pow(2, $mantissa)) as $element;
                let subnormal = self.0.simd_lt(wide::$wide::splat($element::MIN_POSITIVE));
                let normal = subnormal.bitselect(self.0 * wide::$wide::splat(lift), self.0);
                let bits: wide::$words = cast(normal);
                let shifter = wide::$wide::splat(lift * 0.5);
                let field: wide::$wide = cast((bits >> $mantissa) | cast::<_, wide::$words>(shifter));
                let bias = subnormal.bitselect(
                    wide::$wide::splat($bias as $element + ($mantissa + 1) as $element),
                    wide::$wide::splat($bias as $element),
                );
                let fraction = bits & wide::$words::splat((1 << $mantissa) - 1);
                let one: wide::$words = cast(wide::$wide::splat(1.0));
                (Self(cast(fraction | one)), Self((field - shifter) - bias))
            }

            #[inline(always)]
            fn reduce_sum(self) -> $element {
                halves(self.0.to_array(), |a, b| a + b)
            }
            #[inline(always)]
            fn reduce_min(self) -> $element {
                halves(self.0.to_array(), |a, b| if a < b { a } else { b })
            }
            #[inline(always)]
            fn reduce_max(self) -> $element {
                halves(self.0.to_array(), |a, b| if b < a { a } else { b })
            }
        }
    };
}

/// Folds an array by combining its upper half into its lower, until one element is left.
#[inline(always)]
fn halves<T: Copy, const N: usize>(mut lanes: [T; N], combine: impl Fn(T, T) -> T) -> T {
    let mut half = N / 2;
    while half > 0 {
        for k in 0..half {
            lanes[k] = combine(lanes[k], lanes[k + half]);
        }
        half /= 2;
    }
    lanes[0]
}

portable_lanes!(F32x8, MaskF32x8, f32x8, u32x8, f32, u32, 8, mantissa 23, bias 127);
portable_lanes!(F64x4, MaskF64x4, f64x4, u64x4, f64, u64, 4, mantissa 52, bias 1023);

/// A register of 64-bit words.
#[derive(Clone, Copy)]
pub struct U64x4(wide::u64x4);

impl BitAnd for U64x4 {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}
impl BitOr for U64x4 {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
impl BitXor for U64x4 {
    type Output = Self;
    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

impl WordLanes for U64x4 {
    type F32 = F32x8;
    type F64 = F64x4;
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(value: u64) -> Self {
        Self(wide::u64x4::splat(value))
    }
    #[inline(always)]
    fn load(source: &[u64]) -> Self {
        let lanes: [u64; 4] = source[..4].try_into().expect("a slice of four words");
        Self(wide::u64x4::from(lanes))
    }
    #[inline(always)]
    fn store(self, target: &mut [u64]) {
        target[..4].copy_from_slice(&self.0.to_array());
    }
    #[inline(always)]
    fn wrapping_add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
    #[inline(always)]
    fn shift_left<const BITS: i32>(self) -> Self {
        Self(self.0 << BITS)
    }
    #[inline(always)]
    fn shift_right<const BITS: i32>(self) -> Self {
        Self(self.0 >> BITS)
    }
    #[inline(always)]
    fn as_f32(self) -> F32x8 {
        // A big-endian machine keeps the high half of a word first.
        let words = if cfg!(target_endian = "big") { (self.0 << 32) | (self.0 >> 32) } else { self.0 };
        F32x8(cast(words))
    }
    #[inline(always)]
    fn as_f64(self) -> F64x4 {
        F64x4(cast(self.0))
    }
}
