//! The elementary functions over slices, in place or into another slice.
//!
//! Each function applies one building block of this room to every element, two registers at a time, so that the chains of
//! dependent instructions of the two overlap; the last elements go through a partial register. An element's result depends
//! on that element alone (and on the level), not on its place. Nothing is allocated.

use super::dispatch;
use super::lanes::{Lanes, Simd};
use crate::error::{Error, Result};
use crate::scalar::Scalar;

/// A function of one register. A type, not a closure: inlining into the kernels is then certain.
trait Elementwise {
    /// The function.
    fn apply<L: Lanes>(x: L) -> L;
}

/// `F` of every element of `x`.
#[inline(always)]
fn map_in_place<S: Simd, T: Scalar, F: Elementwise>(x: &mut [T]) {
    let lanes = T::Register::<S>::LANES;
    let mut pairs = x.chunks_exact_mut(2 * lanes);
    for pair in &mut pairs {
        let (first, second) = pair.split_at_mut(lanes);
        let (a, b) = (T::Register::<S>::load(first), T::Register::<S>::load(second));
        F::apply(a).store(first);
        F::apply(b).store(second);
    }
    for rest in pairs.into_remainder().chunks_mut(lanes) {
        F::apply(T::Register::<S>::load_partial(rest, T::ONE)).store_partial(rest);
    }
}

/// `F` of every element of `x` to the same place of `out`, of the same length.
#[inline(always)]
fn map_into<S: Simd, T: Scalar, F: Elementwise>(x: &[T], out: &mut [T]) {
    let lanes = T::Register::<S>::LANES;
    let mut sources = x.chunks_exact(2 * lanes);
    let mut targets = out.chunks_exact_mut(2 * lanes);
    for (source, target) in (&mut sources).zip(&mut targets) {
        let a = T::Register::<S>::load(source);
        let b = T::Register::<S>::load(&source[lanes..]);
        F::apply(a).store(target);
        F::apply(b).store(&mut target[lanes..]);
    }
    let targets = targets.into_remainder().chunks_mut(lanes);
    for (source, target) in sources.remainder().chunks(lanes).zip(targets) {
        F::apply(T::Register::<S>::load_partial(source, T::ONE)).store_partial(target);
    }
}

/// The two functions of one building block: `$name` in place and `$into` from one slice to another.
macro_rules! elementwise {
    ($function:ident = $block:path, $(#[$doc:meta])* $name:ident, $(#[$into_doc:meta])* $into:ident) => {
        struct $function;

        impl Elementwise for $function {
            #[inline(always)]
            fn apply<L: Lanes>(x: L) -> L {
                $block(x)
            }
        }

        $(#[$doc])*
        pub fn $name<T: Scalar>(x: &mut [T]) {
            #[inline(always)]
            fn kernel<S: Simd, T: Scalar>(x: &mut [T]) {
                map_in_place::<S, T, $function>(x);
            }
            dispatch! { fn run<T: Scalar>(x: &mut [T]) = kernel }
            run(x);
        }

        $(#[$into_doc])*
        ///
        /// # Errors
        /// [`Error::Shape`] if the two slices differ in length.
        pub fn $into<T: Scalar>(x: &[T], out: &mut [T]) -> Result<()> {
            #[inline(always)]
            fn kernel<S: Simd, T: Scalar>(x: &[T], out: &mut [T]) {
                map_into::<S, T, $function>(x, out);
            }
            dispatch! { fn run<T: Scalar>(x: &[T], out: &mut [T]) = kernel }
            if x.len() != out.len() {
                return Err(Error::Shape {
                    operation: stringify!($into),
                    what: "the length of out",
                    expected: x.len(),
                    got: out.len(),
                });
            }
            run(x, out);
            Ok(())
        }
    };
}

elementwise! {
    Exp = super::exp::exp,
    /// `x[i] = e^x[i]`, within 2 units in the last place: subnormal results included, infinite where it overflows, NaN of NaN.
    ///
    /// # Examples
    /// ```
    /// let mut x = [0.0_f32, 1.0, -200.0, f32::INFINITY];
    /// brenier::simd::exp(&mut x);
    /// assert_eq!(x, [1.0, std::f32::consts::E, 0.0, f32::INFINITY]);
    /// ```
    exp,
    /// `out[i] = e^x[i]`: [`exp`] into another slice.
    exp_into
}

elementwise! {
    Exp2 = super::exp::exp2,
    /// `x[i] = 2^x[i]`, within 2 units in the last place: subnormal results included, infinite where it overflows, NaN of NaN.
    ///
    /// # Examples
    /// ```
    /// let mut x = [0.0, 10.0, -1074.0, 2000.0];
    /// brenier::simd::exp2(&mut x);
    /// assert_eq!(x, [1.0, 1024.0, 5e-324, f64::INFINITY]);
    /// ```
    exp2,
    /// `out[i] = 2^x[i]`: [`exp2`] into another slice.
    exp2_into
}

elementwise! {
    Ln = super::ln::ln,
    /// `x[i] = ln x[i]`, within 2 units in the last place: -infinity of either zero, NaN below zero and of NaN.
    ///
    /// # Examples
    /// ```
    /// let mut x = [1.0, 0.0, f64::INFINITY, 2.0];
    /// brenier::simd::ln(&mut x);
    /// assert_eq!(x, [0.0, f64::NEG_INFINITY, f64::INFINITY, std::f64::consts::LN_2]);
    /// ```
    ln,
    /// `out[i] = ln x[i]`: [`ln`] into another slice.
    ln_into
}

elementwise! {
    Tanh = super::tanh::tanh,
    /// `x[i] = tanh x[i]`, within 2 units in the last place; odd in every bit, so the sign of a zero stays.
    ///
    /// # Examples
    /// ```
    /// let mut x = [0.0_f32, 1e-30, -40.0];
    /// brenier::simd::tanh(&mut x);
    /// assert_eq!(x, [0.0, 1e-30, -1.0]);
    /// ```
    tanh,
    /// `out[i] = tanh x[i]`: [`tanh`] into another slice.
    tanh_into
}

elementwise! {
    Sigmoid = super::sigmoid::sigmoid,
    /// `x[i] = 1 / (1 + e^-x[i])`, within 2 units in the last place, for very negative arguments too.
    ///
    /// # Examples
    /// ```
    /// let mut x = [0.0, -800.0, 800.0];
    /// brenier::simd::sigmoid(&mut x);
    /// assert_eq!(x, [0.5, 0.0, 1.0]);
    /// ```
    sigmoid,
    /// `out[i] = 1 / (1 + e^-x[i])`: [`sigmoid`] into another slice.
    sigmoid_into
}

elementwise! {
    Softplus = super::softplus::softplus,
    /// `x[i] = ln(1 + e^x[i])`, within 2 units in the last place, for very negative arguments too.
    ///
    /// # Examples
    /// ```
    /// let mut x = [0.0, -800.0, 800.0];
    /// brenier::simd::softplus(&mut x);
    /// assert_eq!(x, [std::f64::consts::LN_2, 0.0, 800.0]);
    /// ```
    softplus,
    /// `out[i] = ln(1 + e^x[i])`: [`softplus`] into another slice.
    softplus_into
}

elementwise! {
    Erf = super::erf::erf,
    /// `x[i] = erf x[i]`, the error function, within 2 units in the last place; odd in every bit.
    ///
    /// # Examples
    /// ```
    /// let mut x = [0.0_f32, -0.5, 10.0];
    /// brenier::simd::erf(&mut x);
    /// assert_eq!(x, [0.0, -0.520_499_9, 1.0]);
    /// ```
    erf,
    /// `out[i] = erf x[i]`: [`erf`] into another slice.
    erf_into
}

#[cfg(test)]
mod tests {
    use super::super::reference::{self, Precise, exact_f64, ulps};
    use super::*;
    use crate::simd::test_at_every_level;
    use rand::{RngExt, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    /// The patterns of `f32` from `start` in steps of `step`, at most `count`.
    fn patterns(start: u64, step: u64, count: usize) -> Vec<f32> {
        (0..count as u64)
            .map(|k| start + k * step)
            .take_while(|&pattern| pattern <= u64::from(u32::MAX))
            .map(|pattern| f32::from_bits(pattern as u32))
            .collect()
    }

    /// The largest error of `F` over some patterns of `f32`, and where; the reference is the library's `f64`.
    #[inline(always)]
    fn worst_f32<S: Simd, F: Elementwise>(reference: fn(f64) -> f64, step: u64) -> (f64, f32) {
        const BLOCK: usize = 1 << 20;
        let mut worst = (0.0, 0.0);
        let mut start = 0;
        while start <= u64::from(u32::MAX) {
            let x = patterns(start, step, BLOCK);
            let mut y = x.clone();
            map_in_place::<S, f32, F>(&mut y);
            for (&x, &y) in x.iter().zip(&y) {
                let expected = reference(f64::from(x));
                // Most results are the nearest number: the exact distance is needed for the others only.
                if y == expected as f32 {
                    continue;
                }
                let error = ulps(y, exact_f64(expected));
                if error > worst.0 {
                    worst = (error, x);
                }
            }
            start += step * BLOCK as u64;
        }
        worst
    }

    /// Arguments of `f64`: random ones of the given range and of every exponent, the neighbours of one, special ones.
    fn arguments_f64(low: f64, high: f64) -> Vec<f64> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(7);
        let mut arguments = vec![0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX, -f64::MAX];
        for k in 1..200 {
            arguments.push(f64::from_bits(k));
            arguments.push(f64::from_bits(1.0_f64.to_bits() + k));
            arguments.push(f64::from_bits(1.0_f64.to_bits() - k));
        }
        for _ in 0..60_000 {
            arguments.push(rng.random_range(low..high));
            arguments.push(rng.random_range(-2.0..2.0));
            arguments.push(f64::from_bits(rng.random()));
            let exponent: i32 = rng.random_range(-70..4);
            arguments.push(rng.random_range(-2.0..2.0) * 2_f64.powi(exponent));
        }
        arguments
    }

    #[inline(always)]
    fn worst_f64<S: Simd, F: Elementwise>(reference: fn(f64) -> Precise, low: f64, high: f64) -> (f64, f64) {
        let x = arguments_f64(low, high);
        let mut y = x.clone();
        map_in_place::<S, f64, F>(&mut y);
        let mut worst = (0.0, 0.0);
        for (&x, &y) in x.iter().zip(&y) {
            let error = ulps(y, reference(x));
            if error > worst.0 {
                worst = (error, x);
            }
        }
        worst
    }

    fn logistic(x: f64) -> f64 {
        if x < 0.0 { x.exp() / (1.0 + x.exp()) } else { 1.0 / (1.0 + (-x).exp()) }
    }

    fn single_erf(x: f64) -> f64 {
        let mut x = [x];
        erf(&mut x);
        x[0]
    }

    /// Every pattern when `step` is one. All functions stay within the two units that they promise.
    #[inline(always)]
    fn accuracy_f32<S: Simd>(step: u64) {
        let level = std::any::type_name::<S>();
        let worst = [
            ("exp", worst_f32::<S, Exp>(f64::exp, step)),
            ("exp2", worst_f32::<S, Exp2>(f64::exp2, step)),
            ("ln", worst_f32::<S, Ln>(f64::ln, step)),
            ("tanh", worst_f32::<S, Tanh>(f64::tanh, step)),
            ("sigmoid", worst_f32::<S, Sigmoid>(logistic, step)),
            ("softplus", worst_f32::<S, Softplus>(|x| x.max(0.0) + (-x.abs()).exp().ln_1p(), step)),
            // The library has no error function: its own f64 version, which is tested against double-double below.
            ("erf", worst_f32::<S, Erf>(single_erf, step)),
        ];
        println!("{level}, step {step}: {worst:?}");
        assert!(worst.iter().all(|(_, (error, _))| *error <= 2.0), "{level}: {worst:?}");
    }

    #[inline(always)]
    fn sampled_f32<S: Simd>() {
        // 461 is prime, so that the low bits of the patterns vary: 9.3 million of them, all exponents.
        accuracy_f32::<S>(461);
    }

    #[inline(always)]
    fn exhaustive_f32<S: Simd>() {
        accuracy_f32::<S>(1);
    }

    #[inline(always)]
    fn sampled_f64<S: Simd>() {
        let level = std::any::type_name::<S>();
        let worst = [
            ("exp", worst_f64::<S, Exp>(reference::exp, -750.0, 712.0)),
            ("exp2", worst_f64::<S, Exp2>(reference::exp2, -1080.0, 1027.0)),
            ("ln", worst_f64::<S, Ln>(reference::ln, 0.5, 3.0)),
            ("tanh", worst_f64::<S, Tanh>(reference::tanh, -22.0, 22.0)),
            ("sigmoid", worst_f64::<S, Sigmoid>(reference::sigmoid, -750.0, 40.0)),
            ("softplus", worst_f64::<S, Softplus>(reference::softplus, -750.0, 40.0)),
            ("erf", worst_f64::<S, Erf>(reference::erf, -6.5, 6.5)),
        ];
        println!("{level}: {worst:?}");
        assert!(worst.iter().all(|(_, (error, _))| *error <= 2.0), "{level}: {worst:?}");
    }

    test_at_every_level! {
        errors_stay_below_two_units_f32 = sampled_f32;
        #[ignore = "all 2^32 arguments of seven functions take many minutes"]
        errors_stay_below_two_units_for_every_f32 = exhaustive_f32;
        errors_stay_below_two_units_f64 = sampled_f64;
    }

    /// The result of an element depends neither on its place nor on the length of the slice, and nothing else is written.
    #[test]
    fn every_length_gives_the_same_bits() {
        type InPlace<T> = fn(&mut [T]);
        type Into<T> = fn(&[T], &mut [T]) -> Result<()>;
        fn check<T: Scalar>() {
            let x: Vec<T> = (0..70).map(|k| T::from_f64(0.1 + 0.37 * f64::from(k))).collect();
            let in_place: [InPlace<T>; 7] = [exp, exp2, ln, tanh, sigmoid, softplus, erf];
            let into: [Into<T>; 7] =
                [exp_into, exp2_into, ln_into, tanh_into, sigmoid_into, softplus_into, erf_into];
            for (in_place, into) in in_place.into_iter().zip(into) {
                let mut single = x.clone();
                for element in single.chunks_mut(1) {
                    in_place(element);
                }
                for length in 0..x.len() {
                    let mut whole = x.clone();
                    in_place(&mut whole[..length]);
                    assert_eq!(whole[..length], single[..length]);
                    assert_eq!(whole[length..], x[length..]);
                    let mut out = vec![T::ZERO; length];
                    into(&x[..length], &mut out).unwrap();
                    assert_eq!(out, single[..length]);
                }
            }
        }
        check::<f32>();
        check::<f64>();
    }

    #[test]
    fn special_values_and_shapes() {
        let mut x = [f64::NAN, -0.0, -1.0, f64::NEG_INFINITY];
        ln(&mut x);
        assert!(x[0].is_nan() && x[1] == f64::NEG_INFINITY && x[2].is_nan() && x[3].is_nan());
        let mut x = [-0.0_f64, f64::NAN];
        tanh(&mut x);
        assert!(x[0].to_bits() == (-0.0_f64).to_bits() && x[1].is_nan());
        // Every NaN stays one, whatever its payload.
        let mut x = [f32::from_bits(0x7f80_0001), f32::from_bits(0xffff_ffff), f32::from_bits(0x7fc0_0123)];
        for function in [exp::<f32>, exp2, ln, tanh, sigmoid, softplus, erf] {
            let mut y = x;
            function(&mut y);
            assert!(y.iter().all(|y| y.is_nan()));
        }
        let error = exp_into(&x.clone(), &mut x[..2]).unwrap_err();
        assert_eq!(error.to_string(), "exp_into: the length of out is 2, expected 3");
    }
}
