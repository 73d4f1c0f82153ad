//! AVX2 and FMA: registers of 256 bits.
//!
//! Why the `unsafe` blocks below are sound: the intrinsics need the features AVX2 and FMA. The types of this file cannot be
//! named outside the crate, their fields are private, and inside the crate values of them are made only by kernels that
//! [`dispatch!`](crate::simd::dispatch) runs after it has checked for the features (and by tests that check themselves).
#![allow(unsafe_code)]

use super::lanes::{Lanes, Mask, Sealed, Simd, WordLanes};
use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

/// The AVX2 level.
#[derive(Clone, Copy)]
pub struct Avx2;

impl Simd for Avx2 {
    type F32 = F32x8;
    type F64 = F64x4;
    type U64 = U64x4;
}

/// Sixteen words, of which a window of eight selects the first `n` 32-bit lanes: all ones, then zeros.
static PARTIAL_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
/// The same for 64-bit lanes: a window of four.
static PARTIAL_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

macro_rules! avx2_lanes {
    ($register:ident, $mask:ident, $raw:ident, $element:ident, $bits:ident, $lanes:literal, mantissa $mantissa:literal,
     bias $bias:literal, partial $partial:ident, set $set:ident, set_words $set_words:ident, load $load:ident,
     store $store:ident, maskload $maskload:ident, maskstore $maskstore:ident, add $add:ident, sub $sub:ident,
     mul $mul:ident, div $div:ident, fmadd $fmadd:ident, min $min:ident, max $max:ident, sqrt $sqrt:ident,
     round $round:ident, and $and:ident, andnot $andnot:ident, or $or:ident, xor $xor:ident, cmp $cmp:ident,
     blend $blend:ident, movemask $movemask:ident, to_words $to_words:ident, from_words $from_words:ident,
     shift_left $shift_left:ident, shift_right $shift_right:ident) => {
        /// A register of floating-point lanes.
        #[derive(Clone, Copy)]
        pub struct $register($raw);

        /// A truth value for each lane: all bits one or all zero.
        #[derive(Clone, Copy)]
        pub struct $mask($raw);

        impl BitAnd for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitand(self, other: Self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $and(self.0, other.0) })
            }
        }
        impl BitOr for $mask {
            type Output = Self;
            #[inline(always)]
            fn bitor(self, other: Self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $or(self.0, other.0) })
            }
        }
        impl Not for $mask {
            type Output = Self;
            #[inline(always)]
            fn not(self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $xor(self.0, $from_words(_mm256_set1_epi32(-1))) })
            }
        }
        impl Mask for $mask {
            #[inline(always)]
            fn any(self) -> bool {
                // SAFETY: this type exists only where AVX2 does (module docs).
                unsafe { $movemask(self.0) != 0 }
            }
            #[inline(always)]
            fn all(self) -> bool {
                // SAFETY: this type exists only where AVX2 does (module docs).
                unsafe { $movemask(self.0) == (1 << $lanes) - 1 }
            }
        }

        impl Add for $register {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $add(self.0, other.0) })
            }
        }
        impl Sub for $register {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $sub(self.0, other.0) })
            }
        }
        impl Mul for $register {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $mul(self.0, other.0) })
            }
        }
        impl Div for $register {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $div(self.0, other.0) })
            }
        }
        impl Neg for $register {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $xor(self.0, $set(-0.0)) })
            }
        }

        impl $register {
            /// The mask of the first `count` lanes.
            #[inline(always)]
            fn first(count: usize) -> __m256i {
                assert!(count <= $lanes, "at most LANES elements");
                // SAFETY: AVX2 as above; the window starts at LANES - count and is LANES long, inside the array of
                // 2 * LANES words.
                unsafe { _mm256_loadu_si256($partial.as_ptr().add($lanes - count).cast()) }
            }
        }

        impl Sealed for $register {}

        impl Lanes for $register {
            type Element = $element;
            type Mask = $mask;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(value: $element) -> Self {
                // SAFETY: only kernels that run where AVX2 is call this (module docs).
                Self(unsafe { $set(value) })
            }
            #[inline(always)]
            fn load(source: &[$element]) -> Self {
                let source = &source[..$lanes];
                // SAFETY: AVX2 as above; the slice has LANES elements.
                Self(unsafe { $load(source.as_ptr()) })
            }
            #[inline(always)]
            fn store(self, target: &mut [$element]) {
                let target = &mut target[..$lanes];
                // SAFETY: AVX2 as above; the slice has LANES elements.
                unsafe { $store(target.as_mut_ptr(), self.0) }
            }
            #[inline(always)]
            fn load_partial(source: &[$element], fill: $element) -> Self {
                let mask = Self::first(source.len());
                // SAFETY: AVX2 as above; a masked load touches only the lanes of the mask, which lie in the slice.
                unsafe {
                    let lanes = $maskload(source.as_ptr(), mask);
                    Self($blend($set(fill), lanes, $from_words(mask)))
                }
            }
            #[inline(always)]
            fn store_partial(self, target: &mut [$element]) {
                let mask = Self::first(target.len());
                // SAFETY: AVX2 as above; a masked store touches only the lanes of the mask, which lie in the slice.
                unsafe { $maskstore(target.as_mut_ptr(), mask, self.0) }
            }
            #[inline(always)]
            fn load_f32(source: &[f32]) -> Self {
                Self::widened(source)
            }
            #[inline(always)]
            fn load_f64(source: &[f64]) -> Self {
                Self::narrowed(source)
            }

            #[inline(always)]
            fn mul_add(self, factor: Self, summand: Self) -> Self {
                // SAFETY: this type exists only where AVX2 and FMA do (module docs).
                Self(unsafe { $fmadd(self.0, factor.0, summand.0) })
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // The instruction gives its second operand where either is NaN.
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $min(self.0, other.0) })
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $max(self.0, other.0) })
            }
            #[inline(always)]
            fn abs(self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $andnot($set(-0.0), self.0) })
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                unsafe {
                    let bit = $set(-0.0);
                    Self($or($andnot(bit, self.0), $and(bit, sign.0)))
                }
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $sqrt(self.0) })
            }
            #[inline(always)]
            fn round(self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $round::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(self.0) })
            }

            #[inline(always)]
            fn lt(self, other: Self) -> $mask {
                // SAFETY: this type exists only where AVX2 does (module docs).
                $mask(unsafe { $cmp::<_CMP_LT_OQ>(self.0, other.0) })
            }
            #[inline(always)]
            fn le(self, other: Self) -> $mask {
                // SAFETY: this type exists only where AVX2 does (module docs).
                $mask(unsafe { $cmp::<_CMP_LE_OQ>(self.0, other.0) })
            }
            #[inline(always)]
            fn eq(self, other: Self) -> $mask {
                // SAFETY: this type exists only where AVX2 does (module docs).
                $mask(unsafe { $cmp::<_CMP_EQ_OQ>(self.0, other.0) })
            }
            #[inline(always)]
            fn select(mask: $mask, yes: Self, no: Self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $blend(no.0, yes.0, mask.0) })
            }

            #[inline(always)]
            fn shift_into_exponent(self) -> Self {
                // SAFETY: this type exists only where AVX2 does (module docs).
                Self(unsafe { $from_words($shift_left::<$mantissa>($to_words(self.0))) })
            }
            #[inline(always)]
            fn split_exponent(self) -> (Self, Self) {
                // A subnormal lane becomes normal first; a biased exponent becomes a number in the lowest bits of 2^mantissa.
                let lift = (2 * $bits::pow(2, $mantissa)) as $element;
                let subnormal = self.lt(Self::splat($element::MIN_POSITIVE));
                let normal = Self::select(subnormal, self * Self::splat(lift), self);
                let shifter = Self::splat(lift * 0.5);
                // SAFETY: this type exists only where AVX2 does (module docs).
                let (field, mantissa) = unsafe {
                    let exponent = $from_words($shift_right::<$mantissa>($to_words(normal.0)));
                    let fraction = $from_words($set_words((1 << $mantissa) - 1));
                    (Self($or(exponent, shifter.0)), Self($or($and(normal.0, fraction), $set(1.0))))
                };
                let bias = Self::select(
                    subnormal,
                    Self::splat($bias as $element + ($mantissa + 1) as $element),
                    Self::splat($bias as $element),
                );
                (mantissa, (field - shifter) - bias)
            }

            #[inline(always)]
            fn reduce_sum(self) -> $element {
                self.sum_of_halves()
            }
            #[inline(always)]
            fn reduce_min(self) -> $element {
                self.min_of_halves()
            }
            #[inline(always)]
            fn reduce_max(self) -> $element {
                self.max_of_halves()
            }
        }
    };
}

avx2_lanes!(F32x8, MaskF32x8, __m256, f32, u32, 8, mantissa 23, bias 127, partial PARTIAL_32, set _mm256_set1_ps,
    set_words _mm256_set1_epi32, load _mm256_loadu_ps, store _mm256_storeu_ps, maskload _mm256_maskload_ps,
    maskstore _mm256_maskstore_ps, add _mm256_add_ps, sub _mm256_sub_ps, mul _mm256_mul_ps, div _mm256_div_ps,
    fmadd _mm256_fmadd_ps, min _mm256_min_ps, max _mm256_max_ps, sqrt _mm256_sqrt_ps, round _mm256_round_ps,
    and _mm256_and_ps, andnot _mm256_andnot_ps, or _mm256_or_ps, xor _mm256_xor_ps, cmp _mm256_cmp_ps,
    blend _mm256_blendv_ps, movemask _mm256_movemask_ps, to_words _mm256_castps_si256,
    from_words _mm256_castsi256_ps, shift_left _mm256_slli_epi32, shift_right _mm256_srli_epi32);

avx2_lanes!(F64x4, MaskF64x4, __m256d, f64, u64, 4, mantissa 52, bias 1023, partial PARTIAL_64, set _mm256_set1_pd,
    set_words _mm256_set1_epi64x, load _mm256_loadu_pd, store _mm256_storeu_pd, maskload _mm256_maskload_pd,
    maskstore _mm256_maskstore_pd, add _mm256_add_pd, sub _mm256_sub_pd, mul _mm256_mul_pd, div _mm256_div_pd,
    fmadd _mm256_fmadd_pd, min _mm256_min_pd, max _mm256_max_pd, sqrt _mm256_sqrt_pd, round _mm256_round_pd,
    and _mm256_and_pd, andnot _mm256_andnot_pd, or _mm256_or_pd, xor _mm256_xor_pd, cmp _mm256_cmp_pd,
    blend _mm256_blendv_pd, movemask _mm256_movemask_pd, to_words _mm256_castpd_si256,
    from_words _mm256_castsi256_pd, shift_left _mm256_slli_epi64, shift_right _mm256_srli_epi64);

/// A reduction of eight `f32` lanes: halves of 8, 4 and 2, combined by `$four` (four lanes) and `$one` (the lowest lane).
macro_rules! reduce_f32 {
    ($name:ident, $four:ident, $one:ident) => {
        #[inline(always)]
        fn $name(self) -> f32 {
            // SAFETY: this type exists only where AVX2 does (module docs).
            unsafe {
                let four = $four(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
                let two = $four(four, _mm_movehl_ps(four, four));
                _mm_cvtss_f32($one(two, _mm_movehdup_ps(two)))
            }
        }
    };
}

/// A reduction of four `f64` lanes: halves of 4 and 2, combined by `$two` (two lanes) and `$one` (the lower lane).
macro_rules! reduce_f64 {
    ($name:ident, $two:ident, $one:ident) => {
        #[inline(always)]
        fn $name(self) -> f64 {
            // SAFETY: this type exists only where AVX2 does (module docs).
            unsafe {
                let two = $two(_mm256_castpd256_pd128(self.0), _mm256_extractf128_pd::<1>(self.0));
                _mm_cvtsd_f64($one(two, _mm_unpackhi_pd(two, two)))
            }
        }
    };
}

impl F32x8 {
    reduce_f32!(sum_of_halves, _mm_add_ps, _mm_add_ss);
    reduce_f32!(min_of_halves, _mm_min_ps, _mm_min_ss);
    reduce_f32!(max_of_halves, _mm_max_ps, _mm_max_ss);

    #[inline(always)]
    fn widened(source: &[f32]) -> Self {
        Self::load(source)
    }
    #[inline(always)]
    fn narrowed(source: &[f64]) -> Self {
        let source = &source[..8];
        // SAFETY: AVX2 as above; the slice has eight elements, of which each load reads four.
        unsafe {
            let low = _mm256_cvtpd_ps(_mm256_loadu_pd(source.as_ptr()));
            let high = _mm256_cvtpd_ps(_mm256_loadu_pd(source.as_ptr().add(4)));
            Self(_mm256_set_m128(high, low))
        }
    }
}

impl F64x4 {
    reduce_f64!(sum_of_halves, _mm_add_pd, _mm_add_sd);
    reduce_f64!(min_of_halves, _mm_min_pd, _mm_min_sd);
    reduce_f64!(max_of_halves, _mm_max_pd, _mm_max_sd);

    #[inline(always)]
    fn widened(source: &[f32]) -> Self {
        let source = &source[..4];
        // SAFETY: AVX2 as above; the slice has four elements.
        Self(unsafe { _mm256_cvtps_pd(_mm_loadu_ps(source.as_ptr())) })
    }
    #[inline(always)]
    fn narrowed(source: &[f64]) -> Self {
        Self::load(source)
    }
}

/// A register of 64-bit words.
#[derive(Clone, Copy)]
pub struct U64x4(__m256i);

impl BitAnd for U64x4 {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        // SAFETY: this type exists only where AVX2 does (module docs).
        Self(unsafe { _mm256_and_si256(self.0, other.0) })
    }
}
impl BitOr for U64x4 {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        // SAFETY: this type exists only where AVX2 does (module docs).
        Self(unsafe { _mm256_or_si256(self.0, other.0) })
    }
}
impl BitXor for U64x4 {
    type Output = Self;
    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        // SAFETY: this type exists only where AVX2 does (module docs).
        Self(unsafe { _mm256_xor_si256(self.0, other.0) })
    }
}

impl WordLanes for U64x4 {
    type F32 = F32x8;
    type F64 = F64x4;
    const LANES: usize = 4;

    #[inline(always)]
    fn splat(value: u64) -> Self {
        // SAFETY: only kernels that run where AVX2 is call this (module docs).
        Self(unsafe { _mm256_set1_epi64x(value.cast_signed()) })
    }
    #[inline(always)]
    fn load(source: &[u64]) -> Self {
        let source = &source[..4];
        // SAFETY: AVX2 as above; the slice has four words.
        Self(unsafe { _mm256_loadu_si256(source.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self, target: &mut [u64]) {
        let target = &mut target[..4];
        // SAFETY: AVX2 as above; the slice has four words.
        unsafe { _mm256_storeu_si256(target.as_mut_ptr().cast(), self.0) }
    }
    #[inline(always)]
    fn wrapping_add(self, other: Self) -> Self {
        // SAFETY: this type exists only where AVX2 does (module docs).
        Self(unsafe { _mm256_add_epi64(self.0, other.0) })
    }
    #[inline(always)]
    fn shift_left<const BITS: i32>(self) -> Self {
        // SAFETY: this type exists only where AVX2 does (module docs).
        Self(unsafe { _mm256_slli_epi64::<BITS>(self.0) })
    }
    #[inline(always)]
    fn shift_right<const BITS: i32>(self) -> Self {
        // SAFETY: this type exists only where AVX2 does (module docs).
        Self(unsafe { _mm256_srli_epi64::<BITS>(self.0) })
    }
    #[inline(always)]
    fn as_f32(self) -> F32x8 {
        // SAFETY: this type exists only where AVX2 does (module docs).
        F32x8(unsafe { _mm256_castsi256_ps(self.0) })
    }
    #[inline(always)]
    fn as_f64(self) -> F64x4 {
        // SAFETY: this type exists only where AVX2 does (module docs).
        F64x4(unsafe { _mm256_castsi256_pd(self.0) })
    }
}
