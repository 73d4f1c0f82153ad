//! AVX-512 (F, DQ, VL and BW): registers of 512 bits.
//!
//! Why the `unsafe` blocks below are sound: the intrinsics need those features. The types of this file cannot be named
//! outside the crate, their fields are private, and inside the crate values of them are made only by kernels that
//! [`dispatch!`](crate::simd::dispatch) runs after it has checked for the features (and by tests that check themselves).
#![allow(unsafe_code)]

use super::lanes::{Lanes, Mask, Sealed, Simd, WordLanes};
use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

/// The AVX-512 level.
#[derive(Clone, Copy)]
pub struct Avx512;

impl Simd for Avx512 {
    type F32 = F32x16;
    type F64 = F64x8;
    type U64 = U64x8;
}

macro_rules! avx512_lanes {
    ($register:ident, $mask:ident, $raw:ident, $element:ident, $mask_bits:ident, $lanes:literal, mantissa $mantissa:literal,
     set $set:ident, load $load:ident, store $store:ident, mask_load $mask_load:ident, mask_store $mask_store:ident,
     add $add:ident, sub $sub:ident, mul $mul:ident, div $div:ident, fmadd $fmadd:ident, min $min:ident,
     max $max:ident, sqrt $sqrt:ident, round $round:ident, and $and:ident, andnot $andnot:ident, or $or:ident,
     xor $xor:ident, cmp $cmp:ident, blend $blend:ident, scalef $scalef:ident, getexp $getexp:ident,
     getmant $getmant:ident, to_words $to_words:ident, from_words $from_words:ident, shift_left $shift_left:ident) => {
        /// A register of floating-point lanes.
        #[derive(Clone, Copy)]
        pub struct $register($raw);

        /// A truth value for each lane, one bit each.
        #[derive(Clone, Copy)]
        pub struct $mask($mask_bits);

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
                self.0 != 0
            }
            #[inline(always)]
            fn all(self) -> bool {
                self.0 == $mask_bits::MAX
            }
        }

        impl Add for $register {
            type Output = Self;
            #[inline(always)]
            fn add(self, other: Self) -> Self {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $add(self.0, other.0) })
            }
        }
        impl Sub for $register {
            type Output = Self;
            #[inline(always)]
            fn sub(self, other: Self) -> Self {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $sub(self.0, other.0) })
            }
        }
        impl Mul for $register {
            type Output = Self;
            #[inline(always)]
            fn mul(self, other: Self) -> Self {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $mul(self.0, other.0) })
            }
        }
        impl Div for $register {
            type Output = Self;
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $div(self.0, other.0) })
            }
        }
        impl Neg for $register {
            type Output = Self;
            #[inline(always)]
            fn neg(self) -> Self {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $xor(self.0, $set(-0.0)) })
            }
        }

        impl $register {
            /// The mask of the first `count` lanes.
            #[inline(always)]
            fn first(count: usize) -> $mask_bits {
                assert!(count <= $lanes, "at most LANES elements");
                ((1_u32 << count) - 1) as $mask_bits
            }
        }

        impl Sealed for $register {}

        impl Lanes for $register {
            type Element = $element;
            type Mask = $mask;
            const LANES: usize = $lanes;

            #[inline(always)]
            fn splat(value: $element) -> Self {
                // SAFETY: only kernels that run where AVX-512 is call this (module docs).
                Self(unsafe { $set(value) })
            }
            #[inline(always)]
            fn load(source: &[$element]) -> Self {
                let source = &source[..$lanes];
                // SAFETY: AVX-512 as above; the slice has LANES elements.
                Self(unsafe { $load(source.as_ptr()) })
            }
            #[inline(always)]
            fn store(self, target: &mut [$element]) {
                let target = &mut target[..$lanes];
                // SAFETY: AVX-512 as above; the slice has LANES elements.
                unsafe { $store(target.as_mut_ptr(), self.0) }
            }
            #[inline(always)]
            fn load_partial(source: &[$element], fill: $element) -> Self {
                let mask = Self::first(source.len());
                // SAFETY: AVX-512 as above; a masked load touches only the lanes of the mask, which lie in the slice.
                Self(unsafe { $mask_load($set(fill), mask, source.as_ptr()) })
            }
            #[inline(always)]
            fn store_partial(self, target: &mut [$element]) {
                let mask = Self::first(target.len());
                // SAFETY: AVX-512 as above; a masked store touches only the lanes of the mask, which lie in the slice.
                unsafe { $mask_store(target.as_mut_ptr(), mask, self.0) }
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
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $fmadd(self.0, factor.0, summand.0) })
            }
            #[inline(always)]
            fn min(self, other: Self) -> Self {
                // The instruction gives its second operand where either is NaN.
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $min(self.0, other.0) })
            }
            #[inline(always)]
            fn max(self, other: Self) -> Self {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $max(self.0, other.0) })
            }
            #[inline(always)]
            fn abs(self) -> Self {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $andnot($set(-0.0), self.0) })
            }
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                unsafe {
                    let bit = $set(-0.0);
                    Self($or($andnot(bit, self.0), $and(bit, sign.0)))
                }
            }
            #[inline(always)]
            fn sqrt(self) -> Self {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $sqrt(self.0) })
            }
            #[inline(always)]
            fn round(self) -> Self {
                // A control of 8 rounds to a whole number, to nearest even, and raises no inexact flag.
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $round::<8>(self.0) })
            }

            #[inline(always)]
            fn lt(self, other: Self) -> $mask {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                $mask(unsafe { $cmp::<_CMP_LT_OQ>(self.0, other.0) })
            }
            #[inline(always)]
            fn le(self, other: Self) -> $mask {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                $mask(unsafe { $cmp::<_CMP_LE_OQ>(self.0, other.0) })
            }
            #[inline(always)]
            fn eq(self, other: Self) -> $mask {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                $mask(unsafe { $cmp::<_CMP_EQ_OQ>(self.0, other.0) })
            }
            #[inline(always)]
            fn select(mask: $mask, yes: Self, no: Self) -> Self {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $blend(mask.0, no.0, yes.0) })
            }

            #[inline(always)]
            fn shift_into_exponent(self) -> Self {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $from_words($shift_left::<$mantissa>($to_words(self.0))) })
            }
            #[inline(always)]
            fn split_exponent(self) -> (Self, Self) {
                // Both instructions know subnormal numbers.
                // SAFETY: this type exists only where AVX-512 does (module docs).
                unsafe {
                    let mantissa = $getmant::<_MM_MANT_NORM_1_2, _MM_MANT_SIGN_SRC>(self.0);
                    (Self(mantissa), Self($getexp(self.0)))
                }
            }
            #[inline(always)]
            fn scale_by_power_of_two(self, n: Self) -> Self {
                // SAFETY: this type exists only where AVX-512 does (module docs).
                Self(unsafe { $scalef(self.0, n.0) })
            }
            #[inline(always)]
            fn scale_unit_by_power_of_two(self, n: Self) -> Self {
                self.scale_by_power_of_two(n)
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

avx512_lanes!(F32x16, MaskF32x16, __m512, f32, u16, 16, mantissa 23, set _mm512_set1_ps, load _mm512_loadu_ps,
    store _mm512_storeu_ps, mask_load _mm512_mask_loadu_ps, mask_store _mm512_mask_storeu_ps, add _mm512_add_ps,
    sub _mm512_sub_ps, mul _mm512_mul_ps, div _mm512_div_ps, fmadd _mm512_fmadd_ps, min _mm512_min_ps,
    max _mm512_max_ps, sqrt _mm512_sqrt_ps, round _mm512_roundscale_ps, and _mm512_and_ps,
    andnot _mm512_andnot_ps, or _mm512_or_ps, xor _mm512_xor_ps, cmp _mm512_cmp_ps_mask,
    blend _mm512_mask_blend_ps, scalef _mm512_scalef_ps, getexp _mm512_getexp_ps, getmant _mm512_getmant_ps,
    to_words _mm512_castps_si512, from_words _mm512_castsi512_ps, shift_left _mm512_slli_epi32);

avx512_lanes!(F64x8, MaskF64x8, __m512d, f64, u8, 8, mantissa 52, set _mm512_set1_pd, load _mm512_loadu_pd,
    store _mm512_storeu_pd, mask_load _mm512_mask_loadu_pd, mask_store _mm512_mask_storeu_pd, add _mm512_add_pd,
    sub _mm512_sub_pd, mul _mm512_mul_pd, div _mm512_div_pd, fmadd _mm512_fmadd_pd, min _mm512_min_pd,
    max _mm512_max_pd, sqrt _mm512_sqrt_pd, round _mm512_roundscale_pd, and _mm512_and_pd,
    andnot _mm512_andnot_pd, or _mm512_or_pd, xor _mm512_xor_pd, cmp _mm512_cmp_pd_mask,
    blend _mm512_mask_blend_pd, scalef _mm512_scalef_pd, getexp _mm512_getexp_pd, getmant _mm512_getmant_pd,
    to_words _mm512_castpd_si512, from_words _mm512_castsi512_pd, shift_left _mm512_slli_epi64);

/// A reduction of sixteen `f32` lanes: halves of 16, 8, 4 and 2, each combined by the operation of its width.
macro_rules! reduce_f32 {
    ($name:ident, $eight:ident, $four:ident, $one:ident) => {
        #[inline(always)]
        fn $name(self) -> f32 {
            // SAFETY: this type exists only where AVX-512 does (module docs).
            unsafe {
                let eight = $eight(_mm512_castps512_ps256(self.0), _mm512_extractf32x8_ps::<1>(self.0));
                let four = $four(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
                let two = $four(four, _mm_movehl_ps(four, four));
                _mm_cvtss_f32($one(two, _mm_movehdup_ps(two)))
            }
        }
    };
}

/// A reduction of eight `f64` lanes: halves of 8, 4 and 2, each combined by the operation of its width.
macro_rules! reduce_f64 {
    ($name:ident, $four:ident, $two:ident, $one:ident) => {
        #[inline(always)]
        fn $name(self) -> f64 {
            // SAFETY: this type exists only where AVX-512 does (module docs).
            unsafe {
                let four = $four(_mm512_castpd512_pd256(self.0), _mm512_extractf64x4_pd::<1>(self.0));
                let two = $two(_mm256_castpd256_pd128(four), _mm256_extractf128_pd::<1>(four));
                _mm_cvtsd_f64($one(two, _mm_unpackhi_pd(two, two)))
            }
        }
    };
}

impl F32x16 {
    reduce_f32!(sum_of_halves, _mm256_add_ps, _mm_add_ps, _mm_add_ss);
    reduce_f32!(min_of_halves, _mm256_min_ps, _mm_min_ps, _mm_min_ss);
    reduce_f32!(max_of_halves, _mm256_max_ps, _mm_max_ps, _mm_max_ss);

    #[inline(always)]
    fn widened(source: &[f32]) -> Self {
        Self::load(source)
    }
    #[inline(always)]
    fn narrowed(source: &[f64]) -> Self {
        let source = &source[..16];
        // SAFETY: AVX-512 as above; the slice has sixteen elements, of which each load reads eight.
        unsafe {
            let low = _mm512_cvtpd_ps(_mm512_loadu_pd(source.as_ptr()));
            let high = _mm512_cvtpd_ps(_mm512_loadu_pd(source.as_ptr().add(8)));
            Self(_mm512_insertf32x8::<1>(_mm512_castps256_ps512(low), high))
        }
    }
}

impl F64x8 {
    reduce_f64!(sum_of_halves, _mm256_add_pd, _mm_add_pd, _mm_add_sd);
    reduce_f64!(min_of_halves, _mm256_min_pd, _mm_min_pd, _mm_min_sd);
    reduce_f64!(max_of_halves, _mm256_max_pd, _mm_max_pd, _mm_max_sd);

    #[inline(always)]
    fn widened(source: &[f32]) -> Self {
        let source = &source[..8];
        // SAFETY: AVX-512 as above; the slice has eight elements.
        Self(unsafe { _mm512_cvtps_pd(_mm256_loadu_ps(source.as_ptr())) })
    }
    #[inline(always)]
    fn narrowed(source: &[f64]) -> Self {
        Self::load(source)
    }
}

/// A register of 64-bit words.
#[derive(Clone, Copy)]
pub struct U64x8(__m512i);

impl BitAnd for U64x8 {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        // SAFETY: this type exists only where AVX-512 does (module docs).
        Self(unsafe { _mm512_and_si512(self.0, other.0) })
    }
}
impl BitOr for U64x8 {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        // SAFETY: this type exists only where AVX-512 does (module docs).
        Self(unsafe { _mm512_or_si512(self.0, other.0) })
    }
}
impl BitXor for U64x8 {
    type Output = Self;
    #[inline(always)]
    fn bitxor(self, other: Self) -> Self {
        // SAFETY: this type exists only where AVX-512 does (module docs).
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }
}

impl WordLanes for U64x8 {
    type F32 = F32x16;
    type F64 = F64x8;
    const LANES: usize = 8;

    #[inline(always)]
    fn splat(value: u64) -> Self {
        // SAFETY: only kernels that run where AVX-512 is call this (module docs).
        Self(unsafe { _mm512_set1_epi64(value.cast_signed()) })
    }
    #[inline(always)]
    fn load(source: &[u64]) -> Self {
        let source = &source[..8];
        // SAFETY: AVX-512 as above; the slice has eight words.
        Self(unsafe { _mm512_loadu_si512(source.as_ptr().cast()) })
    }
    #[inline(always)]
    fn store(self, target: &mut [u64]) {
        let target = &mut target[..8];
        // SAFETY: AVX-512 as above; the slice has eight words.
        unsafe { _mm512_storeu_si512(target.as_mut_ptr().cast(), self.0) }
    }
    #[inline(always)]
    fn wrapping_add(self, other: Self) -> Self {
        // SAFETY: this type exists only where AVX-512 does (module docs).
        Self(unsafe { _mm512_add_epi64(self.0, other.0) })
    }
    #[inline(always)]
    fn shift_left<const BITS: i32>(self) -> Self {
        const { assert!(BITS >= 0 && BITS < 64) };
        // The intrinsic takes its constant as u32, which a generic i32 cannot become: the register form is folded to it.
        // SAFETY: this type exists only where AVX-512 does (module docs).
        Self(unsafe { _mm512_sll_epi64(self.0, _mm_cvtsi32_si128(BITS)) })
    }
    #[inline(always)]
    fn shift_right<const BITS: i32>(self) -> Self {
        const { assert!(BITS >= 0 && BITS < 64) };
        // SAFETY: this type exists only where AVX-512 does (module docs).
        Self(unsafe { _mm512_srl_epi64(self.0, _mm_cvtsi32_si128(BITS)) })
    }
    #[inline(always)]
    fn as_f32(self) -> F32x16 {
        // SAFETY: this type exists only where AVX-512 does (module docs).
        F32x16(unsafe { _mm512_castsi512_ps(self.0) })
    }
    #[inline(always)]
    fn as_f64(self) -> F64x8 {
        // SAFETY: this type exists only where AVX-512 does (module docs).
        F64x8(unsafe { _mm512_castsi512_pd(self.0) })
    }
}
