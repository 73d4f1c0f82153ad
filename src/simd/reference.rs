//! The elementary functions in double-double arithmetic, and errors in units in the last place: the oracle of the tests.

use crate::scalar::Scalar;
use std::sync::LazyLock;

/// `(high + low) * 2^exponent`, accurate to about 100 bits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Precise {
    high: f64,
    low: f64,
    exponent: i32,
}

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

fn two_product(a: f64, b: f64) -> (f64, f64) {
    let product = a * b;
    (product, a.mul_add(b, -product))
}

type Double = (f64, f64);

fn add(a: Double, b: Double) -> Double {
    let (high, low) = two_sum(a.0, b.0);
    let (low, rest) = two_sum(low, a.1 + b.1);
    let (high, low) = two_sum(high, low);
    two_sum(high, low + rest)
}

fn multiply(a: Double, b: Double) -> Double {
    let (high, low) = two_product(a.0, b.0);
    two_sum(high, low + (a.0 * b.1 + a.1 * b.0))
}

fn divide(a: Double, b: Double) -> Double {
    let first = a.0 / b.0;
    let rest = add(a, multiply(b, (-first, 0.0)));
    let second = rest.0 / b.0;
    let rest = add(rest, multiply(b, (-second, 0.0)));
    add(two_sum(first, second), (rest.0 / b.0, 0.0))
}

/// ln 2 to 160 bits, in three parts.
const LN_2: (f64, f64, f64) =
    (std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17, 5.707_708_438_416_212e-34);

static INVERSE_FACTORIALS: LazyLock<Vec<Double>> = LazyLock::new(|| {
    let mut values = vec![(1.0, 0.0)];
    for k in 1..28 {
        values.push(divide(values[k - 1], (k as f64, 0.0)));
    }
    values
});

/// `e^r` for `|r| < 1/2`, by Taylor's series: the 28th term is below 2^-120.
fn exp_of_rest(r: Double) -> Double {
    let coefficients = &*INVERSE_FACTORIALS;
    let mut value = coefficients[27];
    for k in (0..27).rev() {
        value = add(multiply(value, r), coefficients[k]);
    }
    value
}

fn exp_of(x: Double) -> Precise {
    let n = (x.0 / LN_2.0).round();
    let part = |c: f64| two_product(n, -c);
    let rest = add(add(x, part(LN_2.0)), add(part(LN_2.1), part(LN_2.2)));
    let (high, low) = exp_of_rest(rest);
    Precise { high, low, exponent: n as i32 }
}

fn plain(value: f64) -> Precise {
    Precise { high: value, low: 0.0, exponent: 0 }
}

/// `e^x`.
pub(crate) fn exp(x: f64) -> Precise {
    if x.is_nan() || x.abs() > 1e4 { plain(x.exp()) } else { exp_of((x, 0.0)) }
}

/// `2^x`.
pub(crate) fn exp2(x: f64) -> Precise {
    if x.is_nan() || x.abs() > 1e4 {
        return plain(x.exp2());
    }
    let n = x.round();
    let (high, low) = exp_of_rest(multiply((x - n, 0.0), (LN_2.0, LN_2.1)));
    Precise { high, low, exponent: n as i32 }
}

/// `ln x`: one Newton step from the library's logarithm, whose error it squares.
pub(crate) fn ln(x: f64) -> Precise {
    let estimate = x.ln();
    if !estimate.is_finite() {
        return plain(estimate);
    }
    if (x - 1.0).abs() < 0.1 {
        // Newton's residual would lose the relative accuracy: 2 atanh(s), s = (x - 1) / (x + 1) < 1/19, by its series.
        let s = divide((x - 1.0, 0.0), two_sum(x, 1.0));
        let square = multiply(s, s);
        let mut series = (0.0, 0.0);
        for k in (1..16).rev() {
            series = add(multiply(series, square), divide((2.0, 0.0), (f64::from(2 * k - 1), 0.0)));
        }
        let (high, low) = multiply(series, s);
        return Precise { high, low, exponent: 0 };
    }
    let inverse = exp_of((-estimate, 0.0));
    // x e^-y by halves of the exponent, so that nothing overflows: x itself is at most 2^1024 and at least 2^-1074.
    let half = inverse.exponent / 2;
    let scaled = x * 2_f64.powi(half) * 2_f64.powi(inverse.exponent - half);
    let ratio = multiply((inverse.high, inverse.low), (scaled, 0.0));
    let correction = add(ratio, (-1.0, 0.0));
    let (high, low) = add((estimate, 0.0), correction);
    Precise { high, low, exponent: 0 }
}

/// The hyperbolic tangent.
pub(crate) fn tanh(x: f64) -> Precise {
    if x.is_nan() || x.abs() > 30.0 {
        return plain(x.tanh());
    }
    if x.abs() < 1e-7 {
        // x - x^3 / 3: the next term is below 2^-95 of the first.
        let cube = x * x * x / 3.0;
        return Precise { high: x, low: -cube, exponent: 0 };
    }
    let e = exp_of((-2.0 * x.abs(), 0.0));
    let scale = 2_f64.powi(e.exponent);
    let e = (e.high * scale, e.low * scale);
    let (high, low) = divide(add((1.0, 0.0), (-e.0, -e.1)), add((1.0, 0.0), e));
    Precise { high: high.copysign(x), low: low * x.signum(), exponent: 0 }
}

/// `1 / (1 + e^-x)`.
pub(crate) fn sigmoid(x: f64) -> Precise {
    if x.is_nan() || x.abs() > 1e4 {
        return plain(1.0 / (1.0 + (-x).exp()));
    }
    let e = exp_of((-x.abs(), 0.0));
    let scale = 2_f64.powi(e.exponent.max(-400));
    let denominator = add((1.0, 0.0), (e.high * scale, e.low * scale));
    let (numerator, exponent) = if x < 0.0 { ((e.high, e.low), e.exponent) } else { ((1.0, 0.0), 0) };
    let (high, low) = divide(numerator, denominator);
    Precise { high, low, exponent }
}

/// `ln(1 + e^x)`, by the sum of the logarithm's series, `2 atanh(E / (2 + E))` with `E = e^-|x|`, and `max(x, 0)`.
pub(crate) fn softplus(x: f64) -> Precise {
    if x.is_nan() || x.abs() > 1e4 {
        return plain(x.max(0.0) + if x.is_nan() { x } else { 0.0 });
    }
    let e = exp_of((-x.abs(), 0.0));
    if x < 0.0 && e.exponent < -400 {
        // E - E^2 / 2, of which the second is out of sight.
        return e;
    }
    let scale = 2_f64.powi(e.exponent.max(-400));
    let e = (e.high * scale, e.low * scale);
    // s <= 1/3: the term with s^69 is below 2^-109.
    let s = divide(e, add((2.0, 0.0), e));
    let square = multiply(s, s);
    let mut series = (0.0, 0.0);
    for k in (1..36).rev() {
        series = add(multiply(series, square), divide((2.0, 0.0), (f64::from(2 * k - 1), 0.0)));
    }
    let (high, low) = add(multiply(series, s), (x.max(0.0), 0.0));
    Precise { high, low, exponent: 0 }
}

/// The error function, by `2 / sqrt(pi) e^(-x^2) sum 2^k x^(2k+1) / (2k+1)!!`, whose terms are all of one sign (Abramowitz and Stegun,
/// *Handbook of Mathematical Functions*, 7.1.6).
pub(crate) fn erf(x: f64) -> Precise {
    const TWO_OVER_ROOT_PI: Double = (std::f64::consts::FRAC_2_SQRT_PI, 1.533_545_961_316_588e-17);
    if x.is_nan() {
        return plain(x);
    }
    if x.abs() > 6.5 {
        return plain(x.signum());
    }
    if x.abs() < 1e-150 {
        let (high, low) = multiply((x, 0.0), TWO_OVER_ROOT_PI);
        // Subnormal results: scaled up first, so that the parts keep their digits.
        let lifted = multiply((x * 2_f64.powi(600), 0.0), TWO_OVER_ROOT_PI);
        return if x == 0.0 {
            Precise { high, low, exponent: 0 }
        } else {
            Precise { high: lifted.0, low: lifted.1, exponent: -600 }
        };
    }
    let square = two_product(x, x);
    let twice = (2.0 * square.0, 2.0 * square.1);
    let (mut term, mut sum) = ((x, 0.0), (x, 0.0));
    for k in 1..400 {
        term = divide(multiply(term, twice), (f64::from(2 * k + 1), 0.0));
        sum = add(sum, term);
        if term.0.abs() < 1e-34 * sum.0.abs() {
            break;
        }
    }
    let e = exp_of((-square.0, -square.1));
    let (high, low) = multiply(multiply(sum, (e.high, e.low)), TWO_OVER_ROOT_PI);
    Precise { high, low, exponent: e.exponent }
}

/// The distance of `got` from the value, in units of the last place that `T` has there; infinite for a wrong kind of number.
pub(crate) fn ulps<T: Scalar>(got: T, value: Precise) -> f64 {
    let got = got.to_f64();
    if value.high.is_nan() || got.is_nan() {
        return if value.high.is_nan() && got.is_nan() { 0.0 } else { f64::INFINITY };
    }
    if value.high.is_infinite() {
        return if got == value.high { 0.0 } else { f64::INFINITY };
    }
    if value.high == 0.0 {
        return if got == 0.0 { 0.0 } else { f64::INFINITY };
    }
    let (stored, largest) = if T::NAME == "f32" { (23, 127) } else { (52, 1023) };
    // The exponent of the value: frexp by the bits, its subnormal case by way of a normal number.
    let normal = if value.high.abs() < f64::MIN_POSITIVE { value.high * 2_f64.powi(60) } else { value.high };
    let lift = if normal == value.high { 0 } else { 60 };
    let exponent = ((normal.to_bits() >> 52) & 0x7ff) as i32 - 1023 - lift + value.exponent;
    if exponent > largest {
        return if got == f64::INFINITY.copysign(value.high) { 0.0 } else { f64::INFINITY };
    }
    let unit = (exponent - stored).max(1 - largest - stored);
    // Both in units of 2^unit, by two exact multiplications each: units below one are far from overflow.
    let in_units = |x: f64, exponent: i32| {
        let shift = exponent - unit;
        x * 2_f64.powi(shift / 2) * 2_f64.powi(shift - shift / 2)
    };
    // An overflow counts as the power of two that the format cannot hold.
    let reached = if got.is_infinite() { in_units(got.signum(), largest + 1) } else { in_units(got, 0) };
    ((reached - in_units(value.high, value.exponent)) - in_units(value.low, value.exponent)).abs()
}

/// A plain `f64` as the exact value of a function whose result has type `f32`.
pub(crate) fn exact_f64(value: f64) -> Precise {
    plain(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// High and low parts from 60 digits (mpmath), as hexadecimal bits.
    #[test]
    fn the_oracle_agrees_with_many_digits() {
        type Function = fn(f64) -> Precise;
        let table: &[(Function, f64, u64, u64)] = &[
            (exp, 0.1, 0x3ff1_aec7_b35a_00d4, 0xbc97_7d49_8b0e_382a),
            (exp, -0.7, 0x3fdf_c80d_b9dd_5542, 0x3c66_a929_66c1_fc73),
            (exp, 3.3, 0x403b_1cd5_e780_7b7b, 0xbcb0_2b27_a6c4_b23f),
            (exp, -45.6, 0x3bd2_8c01_9d35_e69b, 0xb867_d4c3_b88b_24fb),
            (exp, 300.5, 0x5b07_19c2_5b8f_5b4a, 0x574c_b141_2eb9_3c85),
            (exp, 1e-09, 0x3ff0_0000_0044_b830, 0xbc97_b444_af5c_26a7),
            (exp, -1e-05, 0x3fef_ffeb_0751_5653, 0x3c5a_6d17_a564_b029),
            (exp2, 0.1, 0x3ff1_25fb_ee25_0664, 0x3c85_75e7_2323_eb32),
            (exp2, -0.7, 0x3fe3_b2c4_7bff_8329, 0x3c5a_dbab_181c_1150),
            (exp2, 3.3, 0x4023_b2c4_7bff_8328, 0x3cb9_7be0_5b25_bb91),
            (exp2, -45.6, 0x3d15_1cb4_53b9_5366, 0x39ba_ba29_cf0d_df9c),
            (exp2, 300.5, 0x52b6_a09e_667f_3bcd, 0xcf5b_dd34_13b2_6456),
            (exp2, 1e-09, 0x3ff0_0000_002f_a1f9, 0x3c98_a689_4548_15bb),
            (exp2, -1e-05, 0x3fef_fff1_76b5_1217, 0xbc86_889b_3b76_cb32),
            (ln, 0.1, 0xc002_6bb1_bbb5_5515, 0xbca8_b752_b6b1_5c17),
            (ln, 0.707_106_781_186_547_5, 0xbfd6_2e42_fefa_39f1, 0x3c68_d8f9_57c3_d43c),
            (ln, 0.9999999999, 0xbddb_7ce0_0005_e728, 0xba74_e26c_2c41_bcdd),
            (ln, 1.0000001, 0x3e7a_d7f2_847b_6492, 0x3afd_7f4a_57fc_f3dd),
            (ln, 3.7, 0x3ff4_eeee_650a_e550, 0xbc97_cc34_3571_eabf),
            (ln, 1e300, 0x4085_9634_47f8_7fb5, 0x3d1a_bccc_0710_fcd4),
            (ln, 5e-324, 0xc087_4385_446d_71c3, 0xbd28_e569_fa8e_e781),
            (ln, 1e-310, 0xc086_4e69_394d_9508, 0xbd03_5918_fe61_c196),
            (tanh, 0.1, 0x3fb9_83d7_795f_413a, 0x3c50_562a_f1da_747b),
            (tanh, -0.7, 0xbfe3_56fb_17af_2e91, 0x3c80_17b3_7671_fc9f),
            (tanh, 3.3, 0x3fef_e9bd_f44f_7c03, 0x3c43_2392_19b1_aaa0),
            (tanh, -2.280_000_000_000_000_2, 0xbfef_565d_46fa_67ed, 0xbc7f_4533_60f1_5faf),
            (tanh, 15.025, 0x3fef_ffff_ffff_f9bc, 0x3c8f_9dfa_2abd_2d4c),
            (tanh, 1e-09, 0x3e11_2e0b_e826_d695, 0xba3a_68cd_9e98_5016),
            (tanh, -1e-05, 0xbee4_f8b5_88e0_6854, 0x3b81_4982_9348_0bd3),
            (sigmoid, 0.1, 0x3fe0_cca1_2729_afb8, 0xbc7c_eb94_e42d_87dc),
            (sigmoid, -0.7, 0x3fd5_3c69_5abc_d715, 0x3c63_e55c_4dab_ed96),
            (sigmoid, 3.3, 0x3fee_dc99_cf2c_9d4d, 0xbc87_0416_a284_8bb4),
            (sigmoid, -45.6, 0x3bd2_8c01_9d35_e69b, 0xb867_d773_b222_e40f),
            (sigmoid, 300.5, 0x3ff0_0000_0000_0000, 0x0000_0000_0000_0000),
            (sigmoid, 1e-09, 0x3fe0_0000_0022_5c18, 0xbc77_d929_6b00_1a69),
            (sigmoid, -1e-05, 0x3fdf_fff5_83a5_3b8f, 0xbc75_1935_d6cc_954f),
            (softplus, 0.1, 0x3fe7_d218_f1c8_904f, 0x3c86_1815_86ac_22ff),
            (softplus, -0.7, 0x3fd9_cdcc_db8a_a7eb, 0x3c71_7776_1350_2c98),
            (softplus, 3.3, 0x400a_b093_b909_1426, 0x3ca5_929f_ec01_19de),
            (softplus, -45.6, 0x3bd2_8c01_9d35_e69b, 0xb867_d61b_b557_0485),
            (softplus, 1e-09, 0x3fe6_2e42_ff3e_f21f, 0xbc74_d0cf_df22_db39),
            (softplus, 36.0, 0x4042_0000_0000_0000, 0x3cb0_b6c3_afdd_e063),
            (erf, 0.1, 0x3fbc_ca5e_a24f_b334, 0x3c31_12c8_facd_c19c),
            (erf, -0.7, 0xbfe5_b08c_2117_1646, 0xbc5b_06c2_12b5_7106),
            (erf, 0.999, 0x3fea_f400_3d2e_0fca, 0x3c84_d708_c55a_0b4c),
            (erf, 1.5, 0x3fee_ea55_5713_7ae0, 0xbc83_85e4_45f2_c96d),
            (erf, -2.8, 0xbfef_ff62_af99_0752, 0x3c8d_b54b_c218_afb4),
            (erf, 3.3, 0x3fef_fff9_9667_90c8, 0x3c83_b517_ec6c_0fff),
            (erf, 5.8, 0x3fef_ffff_ffff_fffe, 0xbc6f_2974_3351_1c9a),
            (erf, 1e-09, 0x3e13_62a9_ffc6_10dd, 0xba94_1dce_c667_8b79),
            (erf, 1e-200, 0x166b_a394_ce53_f796, 0x12ef_162d_235c_1b53),
        ];
        for &(function, x, high, low) in table {
            let value = function(x);
            let scale = 2_f64.powi(value.exponent);
            let (high, low) = (f64::from_bits(high), f64::from_bits(low));
            let difference = (value.high * scale - high) + (value.low * scale - low);
            assert!(difference.abs() <= 1e-24 * high.abs(), "of {x}: {value:?} differs by {difference:e}");
        }
        let one = exact_f64(1.0);
        assert_eq!(ulps(1.0 + f64::EPSILON, one), 1.0);
        assert_eq!(ulps(1.0_f32 - f32::EPSILON, one), 1.0);
        assert_eq!(ulps(f64::from_bits(3), exact_f64(5e-324)), 2.0);
        assert_eq!(ulps(f32::from_bits(3), exact_f64(f64::from(f32::from_bits(1)) * 1.5)), 1.5);
        assert_eq!(ulps(f32::INFINITY, exact_f64(f64::from(f32::MAX))), 1.0);
        assert_eq!(ulps(f32::NAN, one), f64::INFINITY);
    }
}
