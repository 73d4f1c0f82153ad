//! The vocabulary of the kernels: [`Simd`] is an instruction set, [`Lanes`] one of its floating-point registers.
//!
//! The traits are public inside a private module: user code cannot name a level, so it cannot make a register of one
//! that the machine lacks. That is what makes the safe methods of the x86 registers sound. `Lanes` and `Mask` are
//! exported, so that a user can write a function that is generic over them (a [`PairCost`](crate::ot::PairCost)):
//! such a function gets its type parameter from a kernel that [`dispatch!`] runs, which is where the level has been
//! checked for, and there is no other way to one. `Simd` stays private.

use super::elementary::Elementary;
use std::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

/// An instruction set: which registers it has. Kernels are generic over it and are instantiated by [`dispatch!`].
///
/// [`dispatch!`]: crate::simd::dispatch
pub trait Simd: Copy + Send + Sync + 'static {
    /// A register of `f32`.
    type F32: Lanes<Element = f32>;
    /// A register of `f64`: half as many lanes as `F32`.
    type F64: Lanes<Element = f64>;
    /// A register of `u64` with as many lanes as `F64`.
    type U64: WordLanes<F32 = Self::F32, F64 = Self::F64>;
}

/// A truth value for each lane.
pub trait Mask: Copy + BitAnd<Output = Self> + BitOr<Output = Self> + Not<Output = Self> {
    /// Whether any lane is true.
    fn any(self) -> bool;
    /// Whether all lanes are true.
    fn all(self) -> bool;
}

/// Seals [`Lanes`].
pub trait Sealed {}

/// A register of floating-point lanes: what a kernel is written in. It is sealed, and its implementations have no names outside the crate.
///
/// Slices are bounds-checked once for each call: `load` and `store` panic on a slice shorter than `LANES`, and
/// `load_partial` and `store_partial` on one that is longer.
pub trait Lanes:
    Sealed
    + Copy
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
{
    /// What a lane holds.
    type Element: Elementary;
    /// What a comparison gives.
    type Mask: Mask;
    /// Number of lanes.
    const LANES: usize;

    /// `value` in every lane.
    fn splat(value: Self::Element) -> Self;
    /// The first `LANES` elements of `source`.
    fn load(source: &[Self::Element]) -> Self;
    /// Writes the lanes over the first `LANES` elements of `target`.
    fn store(self, target: &mut [Self::Element]);
    /// All of `source` (at most `LANES` elements), then `fill`. Reads nothing past the end of `source`.
    fn load_partial(source: &[Self::Element], fill: Self::Element) -> Self;
    /// Writes the first lanes over all of `target` (at most `LANES` elements).
    fn store_partial(self, target: &mut [Self::Element]);
    /// The first `LANES` numbers of `source`, widened exactly or rounded to nearest.
    fn load_f32(source: &[f32]) -> Self;
    /// The first `LANES` numbers of `source`, rounded to nearest where the lanes are narrower.
    fn load_f64(source: &[f64]) -> Self;

    /// `self * factor + summand`, rounded once where the level has fused multiply-add, else twice.
    fn mul_add(self, factor: Self, summand: Self) -> Self;
    /// The lane-wise smaller; where either is NaN, `other`.
    fn min(self, other: Self) -> Self;
    /// The lane-wise larger; where either is NaN, `other`.
    fn max(self, other: Self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// The magnitude of `self` with the sign of `sign` (zeros and NaN have one too).
    fn copysign(self, sign: Self) -> Self;
    /// Square root, correctly rounded.
    fn sqrt(self) -> Self;
    /// Nearest integer, ties to even.
    fn round(self) -> Self;

    /// `self < other` (false where either is NaN).
    fn lt(self, other: Self) -> Self::Mask;
    /// `self <= other` (false where either is NaN).
    fn le(self, other: Self) -> Self::Mask;
    /// `self == other` (false where either is NaN).
    fn eq(self, other: Self) -> Self::Mask;
    /// Lane by lane, `yes` where `mask` is true, else `no`.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// The lane's bits shifted left by the width of the mantissa field: its lowest bits become sign and exponent.
    fn shift_into_exponent(self) -> Self;
    /// `(m, e)` with `self = m * 2^e` and `m` in [1, 2), for finite positive lanes, subnormal ones included.
    fn split_exponent(self) -> (Self, Self);

    /// Sum of the lanes, in a fixed order (pairwise halves).
    fn reduce_sum(self) -> Self::Element;
    /// Smallest lane; unspecified if one is NaN.
    fn reduce_min(self) -> Self::Element;
    /// Largest lane; unspecified if one is NaN.
    fn reduce_max(self) -> Self::Element;

    /// The first `LANES` elements of `source`; where there are fewer, all of them, then `fill`.
    #[inline(always)]
    fn load_up_to(source: &[Self::Element], fill: Self::Element) -> Self {
        // The branch is foreseen; a masked access costs several times a plain one on some processors.
        if source.len() >= Self::LANES { Self::load(source) } else { Self::load_partial(source, fill) }
    }
    /// Writes the lanes over the first `LANES` elements of `target`; where there are fewer, the first lanes over all of them.
    #[inline(always)]
    fn store_up_to(self, target: &mut [Self::Element]) {
        if target.len() >= Self::LANES {
            self.store(target);
        } else {
            self.store_partial(target);
        }
    }

    /// `value`, rounded to the lane's type, in every lane.
    #[inline(always)]
    fn constant(value: f64) -> Self {
        Self::splat(Self::Element::rounded_from(value))
    }
    /// Nearest integer, ties to even, for lanes of magnitude below `2^(mantissa bits - 1)`: an addition and a subtraction,
    /// which is cheaper than [`round`](Self::round) on most machines. NaN stays NaN.
    #[inline(always)]
    fn round_small(self) -> Self {
        let shifter = Self::splat(Self::Element::ROUND_SHIFTER);
        (self + shifter) - shifter
    }
    /// `2^n` for an integer-valued `n` from `-MAX_EXPONENT` to `MAX_EXPONENT + 1`: its two ends give zero and infinity.
    #[inline(always)]
    fn power_of_two(n: Self) -> Self {
        // The sum leaves the biased exponent in the lowest bits of the mantissa.
        (n + Self::splat(Self::Element::EXPONENT_SHIFTER)).shift_into_exponent()
    }
    /// `self * 2^n` for an integer-valued `n` of any size, rounded once: overflows to infinity, underflows to subnormals.
    #[inline(always)]
    fn scale_by_power_of_two(self, n: Self) -> Self {
        // Three factors reach every result from every argument. The last factor takes as much of a negative n as it can:
        // if an earlier product already rounds, it is subnormal, and the last factor 2^-MAX_EXPONENT+1 turns it into zero,
        // which is then also the correctly rounded result.
        let largest = Self::Element::MAX_EXPONENT;
        let smallest = Self::constant(1.0 - largest);
        let largest = Self::constant(largest);
        let last = n.max(smallest).min(largest);
        let rest = n - last;
        let middle = rest.max(smallest).min(largest);
        let first = (rest - middle).max(smallest).min(largest);
        self * Self::power_of_two(first) * Self::power_of_two(middle) * Self::power_of_two(last)
    }
    /// `self * 2^n`, rounded once, for `|self|` in [1/2, 2] or NaN and an integer-valued `n` of magnitude at most
    /// `2 * MAX_EXPONENT - 2`: the final step of an exponential, right into the subnormals and to infinity.
    #[inline(always)]
    fn scale_unit_by_power_of_two(self, n: Self) -> Self {
        // 2^n is the product of two normal powers; the first product is normal, so only the second rounds. The sum with the
        // shifter rounds n / 2 to an integer and leaves its biased exponent in the lowest bits.
        let shifter = Self::splat(Self::Element::EXPONENT_SHIFTER);
        let shifted = n.mul_add(Self::constant(0.5), shifter);
        let rest = n - (shifted - shifter);
        self * shifted.shift_into_exponent() * Self::power_of_two(rest)
    }
    /// `self * 2^n` for an integer-valued `n` where both `2^n` and the result are normal numbers: exact.
    #[inline(always)]
    fn scale_by_power_of_two_normal(self, n: Self) -> Self {
        self * Self::power_of_two(n)
    }
}

/// A register of 64-bit words, for random bits.
pub trait WordLanes:
    Copy + Send + Sync + BitAnd<Output = Self> + BitOr<Output = Self> + BitXor<Output = Self>
{
    /// The `f32` register of the same size.
    type F32: Lanes<Element = f32>;
    /// The `f64` register of the same size.
    type F64: Lanes<Element = f64>;
    /// Number of lanes.
    const LANES: usize;

    /// `value` in every lane.
    fn splat(value: u64) -> Self;
    /// The first `LANES` words of `source`.
    fn load(source: &[u64]) -> Self;
    /// Writes the lanes over the first `LANES` words of `target`.
    fn store(self, target: &mut [u64]);
    /// Sum modulo 2^64.
    fn wrapping_add(self, other: Self) -> Self;
    /// Shift left by `BITS`, zeros in.
    fn shift_left<const BITS: i32>(self) -> Self;
    /// Shift right by `BITS`, zeros in.
    fn shift_right<const BITS: i32>(self) -> Self;
    /// The same bits, read as twice as many `f32` (the low half of a word first).
    fn as_f32(self) -> Self::F32;
    /// The same bits, read as `f64`.
    fn as_f64(self) -> Self::F64;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scalar::Scalar;
    use crate::simd::test_at_every_level;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    /// Numbers of every size and kind: the special ones, then random bits of the whole range.
    fn numbers<T: Scalar>() -> Vec<T> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut numbers = vec![0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 2.5, -2.5, 1e-40, -1e-310, 5e-324, 1e-45];
        numbers.extend([f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE]);
        numbers.extend([
            f64::from(f32::MAX),
            f64::from(f32::MIN_POSITIVE),
            f64::from(f32::from_bits(0x007f_ffff)),
        ]);
        for _ in 0..2000 {
            numbers.push(f64::from(f32::from_bits(rng.random())));
            numbers.push(f64::from_bits(rng.random()));
            numbers.push(rng.random_range(-100.0..100.0));
        }
        numbers.into_iter().map(T::from_f64).collect()
    }

    /// The bits of a number, with one pattern for every NaN.
    fn bits<T: Scalar>(value: T) -> u64 {
        let value = value.to_f64();
        if value.is_nan() { u64::MAX } else { value.to_bits() }
    }

    /// `vector` lane by lane against `scalar` on all pairs of neighbours at several distances.
    #[inline(always)]
    fn compare<L: Lanes<Element: Scalar>>(
        name: &str,
        vector: impl Fn(L, L) -> L,
        scalar: impl Fn(L::Element, L::Element) -> L::Element,
    ) {
        let numbers = numbers::<L::Element>();
        for distance in [0, 1, 2, 7, 19, 500] {
            let mut others = numbers.clone();
            others.rotate_left(distance);
            for (x, y) in numbers.chunks_exact(L::LANES).zip(others.chunks_exact(L::LANES)) {
                let mut out = vec![L::Element::ZERO; L::LANES];
                vector(L::load(x), L::load(y)).store(&mut out);
                for k in 0..L::LANES {
                    let expected = scalar(x[k], y[k]);
                    assert_eq!(
                        bits(out[k]),
                        bits(expected),
                        "{name}({}, {}): {} not {expected}",
                        x[k],
                        y[k],
                        out[k]
                    );
                }
            }
        }
    }

    fn arithmetic<S: Simd, T: Scalar>() {
        type L<S, T> = <T as crate::scalar::Vectorised>::Register<S>;
        compare::<L<S, T>>("add", |x, y| x + y, |x, y| x + y);
        compare::<L<S, T>>("sub", |x, y| x - y, |x, y| x - y);
        compare::<L<S, T>>("mul", |x, y| x * y, |x, y| x * y);
        compare::<L<S, T>>("div", |x, y| x / y, |x, y| x / y);
        compare::<L<S, T>>("neg", |x, _| -x, |x, _| -x);
        compare::<L<S, T>>("abs", |x, _| x.abs(), |x, _| x.abs());
        compare::<L<S, T>>("sqrt", |x, _| x.sqrt(), |x, _| x.sqrt());
        compare::<L<S, T>>("min", |x, y| x.min(y), |x, y| if x < y { x } else { y });
        compare::<L<S, T>>("max", |x, y| x.max(y), |x, y| if y < x { x } else { y });
        let of = |value: f64| T::from_f64(value);
        compare::<L<S, T>>("round", |x, _| x.round(), move |x, _| of(x.to_f64().round_ties_even()));
        compare::<L<S, T>>("copysign", |x, y| x.copysign(y), move |x, y| of(x.to_f64().copysign(y.to_f64())));
        compare::<L<S, T>>(
            "lt",
            |x, y| <L<S, T>>::select(x.lt(y), x, y + y),
            |x, y| if x < y { x } else { y + y },
        );
        compare::<L<S, T>>(
            "le",
            |x, y| <L<S, T>>::select(!x.le(y), x, y + y),
            |x, y| if x <= y { y + y } else { x },
        );
        compare::<L<S, T>>(
            "eq",
            |x, y| <L<S, T>>::select(x.eq(y) | (x.lt(y) & x.lt(-y)), x, y + y),
            |x, y| if x == y || (x < y && x < -y) { x } else { y + y },
        );
        compare::<L<S, T>>(
            "round_small",
            |x, _| {
                <L<S, T>>::select(x.abs().lt(<L<S, T>>::constant(1e6)), x, <L<S, T>>::constant(0.5))
                    .round_small()
            },
            move |x, _| {
                // The sum with the shifter does not keep the sign of a zero.
                of(if x.abs() < of(1e6) { x.to_f64().round_ties_even() + 0.0 } else { 0.0 })
            },
        );
        // Either rounding of the product may be seen: the level decides.
        let (x, y, z) = (of(1.0) + T::EPSILON, of(1.0) - T::EPSILON, of(-1.0));
        let mut out = vec![T::ZERO; <L<S, T>>::LANES];
        <L<S, T>>::splat(x).mul_add(<L<S, T>>::splat(y), <L<S, T>>::splat(z)).store(&mut out);
        assert!(out.iter().all(|&r| r == T::ZERO || r == -T::EPSILON * T::EPSILON), "{out:?}");
    }

    fn memory<S: Simd, T: Scalar>() {
        type L<S, T> = <T as crate::scalar::Vectorised>::Register<S>;
        let lanes = <L<S, T>>::LANES;
        let counting: Vec<T> = (0..lanes).map(|k| T::from_f64(k as f64 + 1.0)).collect();
        let minus = T::from_f64(-1.0);
        for count in 0..=lanes {
            let register = <L<S, T>>::load_partial(&counting[..count], minus);
            let mut out = vec![T::ZERO; lanes + 1];
            register.store(&mut out);
            assert_eq!(out[..count], counting[..count]);
            assert!(out[count..lanes].iter().all(|&x| x == minus));
            assert_eq!(out[lanes], T::ZERO);
            let mut out = vec![T::ZERO; lanes + 1];
            <L<S, T>>::load(&counting).store_partial(&mut out[..count]);
            assert_eq!(out[..count], counting[..count]);
            assert!(out[count..].iter().all(|&x| x == T::ZERO));
        }
        let singles: Vec<f32> = (0..lanes).map(|k| 0.1 + k as f32).collect();
        let doubles: Vec<f64> = (0..lanes).map(|k| 0.1 + k as f64).collect();
        let mut out = vec![T::ZERO; lanes];
        <L<S, T>>::load_f32(&singles).store(&mut out);
        assert!(out.iter().zip(&singles).all(|(x, &y)| *x == T::from_f64(f64::from(y))));
        <L<S, T>>::load_f64(&doubles).store(&mut out);
        assert!(out.iter().zip(&doubles).all(|(x, &y)| *x == T::from_f64(y)));
    }

    fn reductions<S: Simd, T: Scalar>() {
        type L<S, T> = <T as crate::scalar::Vectorised>::Register<S>;
        let numbers: Vec<T> = numbers::<T>().into_iter().filter(|x| x.is_finite()).collect();
        for part in numbers.chunks_exact(<L<S, T>>::LANES) {
            let register = <L<S, T>>::load(part);
            let mut halves = part.to_vec();
            while halves.len() > 1 {
                let (low, high) = halves.split_at(halves.len() / 2);
                halves = low.iter().zip(high).map(|(&x, &y)| x + y).collect();
            }
            assert_eq!(bits(register.reduce_sum()), bits(halves[0]));
            assert_eq!(
                register.reduce_min(),
                part.iter().copied().fold(T::INFINITY, |x, y| if y < x { y } else { x })
            );
            assert_eq!(
                register.reduce_max(),
                part.iter().copied().fold(-T::INFINITY, |x, y| if y > x { y } else { x })
            );
            assert!(register.eq(register).all() && !register.lt(register).any());
            let one = <L<S, T>>::load_partial(&part[..1], T::INFINITY);
            let infinite = one.eq(<L<S, T>>::splat(T::INFINITY));
            assert!(infinite.any() && !infinite.all() && !(!infinite).all());
        }
    }

    /// `2^n` as a product of two, exact in f64 wherever f32 is concerned.
    fn exact_scaling(x: f64, n: i32) -> f64 {
        // Multiply in an order that rounds at most once: all the way up first, then down in one step where that is possible.
        let half = n / 2;
        x * 2_f64.powi(half) * 2_f64.powi(n - half)
    }

    fn exponents<S: Simd, T: Scalar>() {
        type L<S, T> = <T as crate::scalar::Vectorised>::Register<S>;
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(3);
        let lanes = <L<S, T>>::LANES;
        let largest = T::MAX_EXPONENT as i32;
        let mut out = vec![T::ZERO; lanes];
        let mut exponents = vec![T::ZERO; lanes];
        let positive: Vec<T> =
            numbers::<T>().into_iter().map(T::abs).filter(|x| x.is_finite() && *x > T::ZERO).collect();
        for part in positive.chunks_exact(lanes) {
            let (mantissa, exponent) = <L<S, T>>::load(part).split_exponent();
            mantissa.store(&mut out);
            exponent.store(&mut exponents);
            for k in 0..lanes {
                let (m, e) = (out[k].to_f64(), exponents[k].to_f64());
                assert!((1.0..2.0).contains(&m) && e == e.round(), "{} = {m} * 2^{e}", part[k]);
                assert_eq!(exact_scaling(m, e as i32), part[k].to_f64(), "{m} * 2^{e}");
            }
            // Back again, and to any other exponent: the result of one correctly rounded multiplication.
            mantissa.scale_by_power_of_two(exponent).store(&mut exponents);
            assert_eq!(exponents, part);
            let n = rng.random_range(-5 * largest..5 * largest);
            <L<S, T>>::load(part).scale_by_power_of_two(<L<S, T>>::constant(f64::from(n))).store(&mut out);
            for k in 0..lanes {
                let expected = correctly_scaled(part[k], n);
                assert_eq!(bits(out[k]), bits(expected), "{} * 2^{n}: {} not {expected}", part[k], out[k]);
            }
        }
        for n in 2 - 2 * largest..=2 * largest - 2 {
            let x: Vec<T> = (0..lanes).map(|_| T::from_f64(rng.random_range(0.5..2.0))).collect();
            let register = <L<S, T>>::load(&x);
            register.scale_unit_by_power_of_two(<L<S, T>>::constant(f64::from(n))).store(&mut out);
            for k in 0..lanes {
                assert_eq!(bits(out[k]), bits(correctly_scaled(x[k], n)), "{} * 2^{n}", x[k]);
            }
            if n > 1 - largest && n < largest {
                register.scale_by_power_of_two_normal(<L<S, T>>::constant(f64::from(n))).store(&mut out);
                for k in 0..lanes {
                    assert_eq!(bits(out[k]), bits(correctly_scaled(x[k], n)), "{} * 2^{n}", x[k]);
                }
            }
        }
        <L<S, T>>::power_of_two(<L<S, T>>::constant(-T::MAX_EXPONENT)).store(&mut out);
        assert!(out.iter().all(|&x| bits(x) == 0));
        <L<S, T>>::power_of_two(<L<S, T>>::constant(T::MAX_EXPONENT + 1.0)).store(&mut out);
        assert!(out.iter().all(|&x| x == T::INFINITY));
    }

    /// `x * 2^n` rounded once, by integer arithmetic on the significand.
    fn correctly_scaled<T: Scalar>(x: T, n: i32) -> T {
        let stored = if T::NAME == "f32" { 23 } else { 52 };
        let least = 1 - T::MAX_EXPONENT as i32 - stored;
        // x = significand * 2^exponent with 53 significant bits.
        let wide = x.to_f64();
        let field = (wide.to_bits() >> 52) as i32;
        let fraction = wide.to_bits() & ((1 << 52) - 1);
        let (significand, exponent) = match field {
            0 => (fraction, -1074),
            _ => (fraction | (1 << 52), field - 1075),
        };
        let (mut significand, mut exponent) = (u128::from(significand) << 60, exponent + n - 60);
        // Bring the lowest bit to the place of the result's last one: subnormal results have fewer bits.
        let length = 128 - significand.leading_zeros() as i32;
        let shift = (length - (stored + 1)).max(least - exponent);
        if shift > 127 {
            return T::ZERO;
        }
        if shift > 0 {
            let (rest, half) = (significand & ((1 << shift) - 1), 1 << (shift - 1));
            significand >>= shift;
            exponent += shift;
            if rest > half || (rest == half && significand & 1 == 1) {
                significand += 1;
            }
        }
        if exponent + stored > 2 * T::MAX_EXPONENT as i32 {
            return T::INFINITY;
        }
        // At most 54 bits times a power of two whose halves are normal: f64 is exact, and T holds the result or overflows.
        T::from_f64(exact_scaling(significand as f64, exponent))
    }

    fn words<S: Simd>() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(4);
        let lanes = S::U64::LANES;
        assert_eq!((lanes, 2 * lanes), (S::F64::LANES, S::F32::LANES));
        let x: Vec<u64> = (0..lanes).map(|_| rng.random()).collect();
        let y: Vec<u64> = (0..lanes).map(|_| rng.random()).collect();
        let mut out = vec![0; lanes];
        let mut check = |register: S::U64, expected: fn(u64, u64) -> u64| {
            register.store(&mut out);
            for k in 0..lanes {
                assert_eq!(out[k], expected(x[k], y[k]));
            }
        };
        let (a, b) = (S::U64::load(&x), S::U64::load(&y));
        check(a & b, |x, y| x & y);
        check(a | b, |x, y| x | y);
        check(a ^ b, |x, y| x ^ y);
        check(a.wrapping_add(b), u64::wrapping_add);
        check(a.shift_left::<17>(), |x, _| x << 17);
        check(a.shift_right::<41>(), |x, _| x >> 41);
        check(a.shift_right::<0>(), |x, _| x);
        check(S::U64::splat(u64::MAX) ^ a, |x, _| !x);
        let mut singles = vec![0.0; 2 * lanes];
        a.as_f32().store(&mut singles);
        let mut doubles = vec![0.0; lanes];
        a.as_f64().store(&mut doubles);
        for k in 0..lanes {
            assert_eq!(doubles[k].to_bits(), x[k]);
            assert_eq!(singles[2 * k].to_bits(), x[k] as u32);
            assert_eq!(singles[2 * k + 1].to_bits(), (x[k] >> 32) as u32);
        }
    }

    test_at_every_level! {
        arithmetic_matches_scalars_f32 = arithmetic::<f32>;
        arithmetic_matches_scalars_f64 = arithmetic::<f64>;
        loads_and_stores_keep_to_the_slice_f32 = memory::<f32>;
        loads_and_stores_keep_to_the_slice_f64 = memory::<f64>;
        reductions_go_by_halves_f32 = reductions::<f32>;
        reductions_go_by_halves_f64 = reductions::<f64>;
        powers_of_two_are_exact_or_rounded_once_f32 = exponents::<f32>;
        powers_of_two_are_exact_or_rounded_once_f64 = exponents::<f64>;
        words_match_integers = words;
    }
}
