//! The bounds of a row: its kind, its right-hand side and its range.

use super::super::bounds::Bounds;
use super::super::number::with_infinity;

/// What a row is compared with. The numbers come with the lines on which they stand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sides {
    pub kind: Kind,
    pub right_hand_side: Option<(f64, u64)>,
    pub range: Option<(f64, u64)>,
}

/// The kinds of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Free,
    AtMost,
    AtLeast,
    Equal,
}

impl Kind {
    pub fn of(code: &[u8]) -> Option<Self> {
        match code {
            b"N" | b"n" => Some(Self::Free),
            b"L" | b"l" => Some(Self::AtMost),
            b"G" | b"g" => Some(Self::AtLeast),
            b"E" | b"e" => Some(Self::Equal),
            _ => None,
        }
    }
}

impl Sides {
    pub fn new(kind: Kind) -> Self {
        Self { kind, right_hand_side: None, range: None }
    }

    /// The line of the last number, for errors.
    pub fn line(&self) -> u64 {
        self.range.or(self.right_hand_side).map_or(0, |(_, line)| line)
    }

    /// The bounds. They may have no meaning (a lower one of ∞) where the numbers are infinite.
    pub fn bounds(&self) -> Bounds {
        let side = self.right_hand_side.map_or(0.0, |(value, _)| value);
        let range = self.range.map(|(value, _)| value);
        match (self.kind, range) {
            (Kind::Free, _) => Bounds::FREE,
            (Kind::AtMost, None) => Bounds::at_most(side),
            (Kind::AtMost, Some(range)) => Bounds::between(with_infinity(side - range.abs()), side),
            (Kind::AtLeast, None) => Bounds::at_least(side),
            (Kind::AtLeast, Some(range)) => Bounds::between(side, with_infinity(side + range.abs())),
            (Kind::Equal, None) => Bounds::equal(side),
            (Kind::Equal, Some(range)) if range < 0.0 => Bounds::between(with_infinity(side + range), side),
            (Kind::Equal, Some(range)) => Bounds::between(side, with_infinity(side + range)),
        }
    }
}
