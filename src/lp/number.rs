//! Numbers in the text formats: read as Fortran and C print them, written so that reading gives the same bits.

use std::fmt;

/// Bounds and right-hand sides from here on are infinite, in both formats.
pub(super) const INFINITE: f64 = 1e20;

/// The number that a text spells, if it spells one: `3`, `-.5`, `1.`, `2e-3`, Fortran's `1.D+03`, `inf` and `infinity` in any case.
/// A number beyond the range of `f64` is infinite.
pub(super) fn parse(text: &[u8]) -> Option<f64> {
    let unsigned = match text {
        [b'+' | b'-', rest @ ..] => rest,
        all => all,
    };
    if unsigned.eq_ignore_ascii_case(b"inf") || unsigned.eq_ignore_ascii_case(b"infinity") {
        return Some(if text[0] == b'-' { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    // What Rust reads beside numbers, infinities and NaN, begins with a letter.
    if !unsigned.first().is_some_and(|&first| first.is_ascii_digit() || first == b'.') {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?;
    match text.parse() {
        Ok(value) => Some(value),
        Err(_) if text.contains(['d', 'D']) => text.replace(['d', 'D'], "e").parse().ok(),
        Err(_) => None,
    }
}

/// A bound or right-hand side: infinite from [`INFINITE`] on.
pub(super) fn with_infinity(value: f64) -> f64 {
    if value.abs() >= INFINITE { f64::INFINITY.copysign(value) } else { value }
}

/// Prints a number with the fewest digits that give it back when read.
pub(super) struct Shortest(pub f64);

impl fmt::Display for Shortest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value) = *self;
        if value == 0.0 {
            formatter.write_str("0") // also for -0
        } else if (1e-4..1e15).contains(&value.abs()) {
            write!(formatter, "{value}")
        } else {
            write!(formatter, "{value:e}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_every_spelling() {
        for (text, value) in [
            ("3", 3.0),
            ("+3", 3.0),
            ("-.5", -0.5),
            ("1.", 1.0),
            ("-2.5E-3", -2.5e-3),
            ("1.D+03", 1000.0),
            ("1.5d-3", 1.5e-3),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("1e400", f64::INFINITY),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(value), "{text}");
        }
        for text in [
            "", "+", "-", ".", "nan", "NaN", "-nan", "e5", "1e", "1e+", "1 2", "0x10", "1_000", "--1", "1d",
            "d1", "infx", "1\u{e9}",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"1\xff"), None);
        assert_eq!(with_infinity(-1e20), f64::NEG_INFINITY);
        assert_eq!(with_infinity(9.9e19), 9.9e19);
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(value in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO) {
            let text = Shortest(value).to_string();
            prop_assert!(text.len() <= 24, "{}", text);
            prop_assert_eq!(parse(text.as_bytes()), Some(value));
        }
    }
}
