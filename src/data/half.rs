//! IEEE 754 binary16, by its bits: 1 sign, 5 exponent (bias 15), 10 fraction. Source: IEEE 754-2019, section 3.4.

/// A half-precision number, kept as its bits; every one of them is an `f32` exactly.
///
/// # Examples
/// ```
/// use brenier::data::Half;
/// assert_eq!(Half::from_bits(0x3c00).to_f32(), 1.0);
/// assert_eq!(Half::from_bits(0x0001).to_f32(), 2.0_f32.powi(-24)); // the smallest subnormal
/// assert_eq!(Half::from_bits(0xfc00).to_f32(), f32::NEG_INFINITY);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Half(u16);

impl Half {
    /// The number with these bits.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The bits.
    pub const fn to_bits(self) -> u16 {
        self.0
    }

    /// The number as an `f32`, exactly: subnormals, infinities and the sign of zero included. A NaN stays one, with its
    /// sign and payload.
    pub fn to_f32(self) -> f32 {
        let sign = u32::from(self.0 >> 15) << 31;
        let exponent = u32::from(self.0 >> 10) & 0x1f;
        let fraction = u32::from(self.0) & 0x3ff;
        let magnitude = match exponent {
            // A subnormal is its fraction in units of 2^-24: a small integer times a power of two, hence exact.
            0 => (fraction as f32 * f32::from_bits((127 - 24) << 23)).to_bits(),
            0x1f => 0xff << 23 | fraction << 13,
            _ => (exponent + 127 - 15) << 23 | fraction << 13,
        };
        f32::from_bits(sign | magnitude)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bit_patterns_have_their_value() {
        for bits in 0..=u16::MAX {
            let half = Half::from_bits(bits);
            let got = half.to_f32();
            // The definition, in f64: (-1)^s 2^(e-15) (1 + f/1024), and 2^-14 f/1024 for e = 0.
            let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
            let exponent = i32::from(bits >> 10 & 31);
            let fraction = f64::from(bits & 1023) / 1024.0;
            let expected = match exponent {
                0 => sign * 2_f64.powi(-14) * fraction,
                31 if fraction > 0.0 => f64::NAN,
                31 => sign * f64::INFINITY,
                _ => sign * 2_f64.powi(exponent - 15) * (1.0 + fraction),
            };
            if expected.is_nan() {
                assert!(got.is_nan(), "{bits:#06x}");
            } else {
                assert_eq!(f64::from(got).to_bits(), expected.to_bits(), "{bits:#06x}");
            }
            assert_eq!(got.is_sign_negative(), bits >> 15 == 1, "{bits:#06x}");
        }
    }
}
