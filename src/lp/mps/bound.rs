//! The bounds of a column, gathered line by line.

use super::super::bounds::Bounds;
use super::super::number::with_infinity;
use super::super::read_error::ReadProblem;
use super::fields::expected;

/// What BOUNDS has said of a column so far.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct ColumnBounds {
    lower: Option<f64>,
    upper: Option<f64>,
    pub integer: bool,
}

impl ColumnBounds {
    pub fn new(integer: bool) -> Self {
        Self { integer, ..Self::default() }
    }

    /// Takes in one line; whether it takes something back that an earlier one said. The kinds that need no number ignore it.
    pub fn set(&mut self, kind: &[u8], number: &[u8], value: Option<f64>) -> Result<bool, ReadProblem> {
        let value = || value.map(with_infinity).ok_or_else(|| not_a_number(number));
        let kind_in_capitals = kind.to_ascii_uppercase();
        let (lower, upper, integer) = match &kind_in_capitals[..] {
            b"LO" => (Some(value()?), None, false),
            b"UP" => (None, Some(value()?), false),
            b"FX" => (Some(value()?), Some(value()?), false),
            b"FR" => (Some(f64::NEG_INFINITY), Some(f64::INFINITY), false),
            b"MI" => (Some(f64::NEG_INFINITY), None, false),
            b"PL" => (None, Some(f64::INFINITY), false),
            b"BV" => (Some(0.0), Some(1.0), true),
            b"LI" => (Some(value()?), None, true),
            b"UI" => (None, Some(value()?), true),
            b"SC" | b"SI" | b"SN" => {
                let found = String::from_utf8_lossy(kind).into_owned();
                return Err(ReadProblem::Unsupported { what: "a semi-continuous variable", found });
            }
            _ => return Err(expected("a kind of bound: LO, UP, FX, FR, MI, PL, BV, LI or UI", kind)),
        };
        let refused = |requirement| {
            Err(ReadProblem::Range { text: String::from_utf8_lossy(number).into_owned(), requirement })
        };
        if lower == Some(f64::INFINITY) {
            return refused("infinite: a lower bound may be minus infinity only");
        }
        if upper == Some(f64::NEG_INFINITY) {
            return refused("infinite: an upper bound may be plus infinity only");
        }
        let again = (lower.is_some() && self.lower.is_some()) || (upper.is_some() && self.upper.is_some());
        self.lower = lower.or(self.lower);
        self.upper = upper.or(self.upper);
        self.integer |= integer;
        Ok(again)
    }

    /// Whether nothing has been said.
    pub fn is_open(self) -> bool {
        self.lower.is_none() && self.upper.is_none()
    }

    /// Whether there is a negative upper bound alone, which takes the lower bound of 0 away.
    pub fn opens_downwards(self) -> bool {
        self.lower.is_none() && self.upper.is_some_and(|upper| upper < 0.0)
    }

    /// The bounds, with what holds where nothing was said.
    pub fn resolved(self) -> Bounds {
        let lower = if self.opens_downwards() { f64::NEG_INFINITY } else { 0.0 };
        Bounds::between(self.lower.unwrap_or(lower), self.upper.unwrap_or(f64::INFINITY))
    }
}

fn not_a_number(number: &[u8]) -> ReadProblem {
    if number.is_empty() {
        return expected("a number", number);
    }
    ReadProblem::Number { text: String::from_utf8_lossy(number).into_owned() }
}
