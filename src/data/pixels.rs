//! From the bytes of pixels to numbers.

use crate::Scalar;

/// The numbers that the bytes 0 to 255 of an image become.
///
/// # Examples
/// ```
/// use brenier::data::PixelScale;
/// assert_eq!(PixelScale::Bytes.number::<f32>(255), 255.0);
/// assert_eq!(PixelScale::Unit.number::<f32>(255), 1.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PixelScale {
    /// 0 to 255, as they are.
    Bytes,
    /// 0 to 1: the byte divided by 255.
    #[default]
    Unit,
}

impl PixelScale {
    /// The number that one byte becomes, correctly rounded.
    pub fn number<T: Scalar>(self, byte: u8) -> T {
        match self {
            Self::Bytes => T::from_f64(f64::from(byte)),
            // Rounding the quotient to f64 first does no harm: f64 has more than twice the digits of f32 and two more
            // (S. Figueroa, "When is double rounding innocuous?", 1995).
            Self::Unit => T::from_f64(f64::from(byte) / 255.0),
        }
    }

    /// Appends the numbers of `bytes`.
    pub(super) fn append<T: Scalar>(self, bytes: &[u8], numbers: &mut Vec<T>) {
        let mut table = [T::ZERO; 256];
        for byte in 0..=u8::MAX {
            table[usize::from(byte)] = self.number(byte);
        }
        numbers.reserve(bytes.len());
        for &byte in bytes {
            numbers.push(table[usize::from(byte)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_are_correctly_rounded() {
        for byte in 0..=255_u8 {
            assert_eq!(PixelScale::Unit.number::<f32>(byte), f32::from(byte) / 255.0);
            assert_eq!(PixelScale::Unit.number::<f64>(byte), f64::from(byte) / 255.0);
        }
    }
}
