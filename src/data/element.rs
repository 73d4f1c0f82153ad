//! The element types that files hold, their bytes in either order, and their conversion to the crate's two.

use super::array::ArrayData;
use super::error::ArrayProblem;
use super::half::Half;
use crate::Scalar;

/// The order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    /// The least significant first.
    Little,
    /// The most significant first.
    Big,
}

/// An element type that data files hold: integers, booleans and floating-point numbers. Sealed.
pub trait Element: sealed::Encoding {
    /// The type's name as users write it.
    const NAME: &'static str;
}

pub(super) mod sealed {
    use super::*;

    /// The bytes of an element, and what it is as a floating-point number.
    pub trait Encoding: Copy + Default + 'static {
        /// Size in bytes.
        const SIZE: usize;
        /// NumPy's name of the type, little-endian.
        const DESCR: &'static str;

        /// The element with these bytes; none if no element has them.
        fn from_bytes(bytes: &[u8], order: ByteOrder) -> Option<Self>;
        /// Appends the bytes, little-endian.
        fn append_bytes(self, bytes: &mut Vec<u8>);
        /// Wraps the elements in their variant.
        fn into_data(elements: Vec<Self>) -> ArrayData;
        /// The element as a `T`; `index` is for the error.
        fn convert<T: Scalar>(self, index: usize) -> Result<T, ArrayProblem>;
    }
}

/// A floating-point element as a `T`, rounded to nearest; what is finite must stay finite.
#[inline]
fn convert_float<T: Scalar>(value: f64, index: usize) -> Result<T, ArrayProblem> {
    let converted = T::from_f64(value);
    if value.is_finite() && !converted.is_finite() {
        return Err(ArrayProblem::Range { index, value, type_name: T::NAME });
    }
    Ok(converted)
}

/// An integer element as a `T`, exactly or not at all. `as_float` is the integer rounded to `f64`.
#[inline]
fn convert_integer<T: Scalar>(value: i128, as_float: f64, index: usize) -> Result<T, ArrayProblem> {
    let converted = T::from_f64(as_float);
    // Comparing as integers: both roundings, to f64 and from there to T, must have kept the value.
    if converted.to_f64() as i128 != value {
        return Err(ArrayProblem::Inexact { index, value, type_name: T::NAME });
    }
    Ok(converted)
}

macro_rules! impl_element {
    ($($element:ident, $variant:ident, $descr:literal, $convert:expr;)*) => {$(
        impl Element for $element {
            const NAME: &'static str = stringify!($element);
        }
        impl sealed::Encoding for $element {
            const SIZE: usize = size_of::<$element>();
            const DESCR: &'static str = $descr;

            #[inline]
            fn from_bytes(bytes: &[u8], order: ByteOrder) -> Option<Self> {
                let bytes = bytes.try_into().ok()?;
                Some(match order {
                    ByteOrder::Little => $element::from_le_bytes(bytes),
                    ByteOrder::Big => $element::from_be_bytes(bytes),
                })
            }
            #[inline]
            fn append_bytes(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn into_data(elements: Vec<Self>) -> ArrayData {
                ArrayData::$variant(elements)
            }
            #[inline]
            fn convert<T: Scalar>(self, index: usize) -> Result<T, ArrayProblem> {
                $convert(self, index)
            }
        }
    )*};
}

impl_element! {
    f32, F32, "<f4", |value, index| convert_float(f64::from(value), index);
    f64, F64, "<f8", convert_float;
    i8, I8, "|i1", |value, index| convert_integer(i128::from(value), f64::from(value), index);
    i16, I16, "<i2", |value, index| convert_integer(i128::from(value), f64::from(value), index);
    i32, I32, "<i4", |value, index| convert_integer(i128::from(value), f64::from(value), index);
    i64, I64, "<i8", |value, index| convert_integer(i128::from(value), value as f64, index);
    u8, U8, "|u1", |value, index| convert_integer(i128::from(value), f64::from(value), index);
    u16, U16, "<u2", |value, index| convert_integer(i128::from(value), f64::from(value), index);
    u32, U32, "<u4", |value, index| convert_integer(i128::from(value), f64::from(value), index);
    u64, U64, "<u8", |value, index| convert_integer(i128::from(value), value as f64, index);
}

impl Element for bool {
    const NAME: &'static str = "bool";
}

impl sealed::Encoding for bool {
    const SIZE: usize = 1;
    const DESCR: &'static str = "|b1";

    fn from_bytes(bytes: &[u8], _: ByteOrder) -> Option<Self> {
        match bytes {
            [0] => Some(false),
            [1] => Some(true),
            _ => None,
        }
    }
    fn append_bytes(self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(self));
    }
    fn into_data(elements: Vec<Self>) -> ArrayData {
        ArrayData::Bool(elements)
    }
    fn convert<T: Scalar>(self, _: usize) -> Result<T, ArrayProblem> {
        Ok(if self { T::ONE } else { T::ZERO })
    }
}

impl Element for Half {
    const NAME: &'static str = "f16";
}

impl sealed::Encoding for Half {
    const SIZE: usize = 2;
    const DESCR: &'static str = "<f2";

    #[inline]
    fn from_bytes(bytes: &[u8], order: ByteOrder) -> Option<Self> {
        u16::from_bytes(bytes, order).map(Half::from_bits)
    }
    fn append_bytes(self, bytes: &mut Vec<u8>) {
        self.to_bits().append_bytes(bytes);
    }
    fn into_data(elements: Vec<Self>) -> ArrayData {
        ArrayData::F16(elements)
    }
    #[inline]
    fn convert<T: Scalar>(self, _: usize) -> Result<T, ArrayProblem> {
        Ok(T::from_f64(f64::from(self.to_f32())))
    }
}

#[cfg(test)]
mod tests {
    use super::sealed::Encoding;
    use super::*;

    #[test]
    fn integers_convert_exactly_or_not_at_all() {
        let limit = 1_i64 << 53;
        assert_eq!(limit.convert::<f64>(0), Ok(9_007_199_254_740_992.0));
        assert_eq!((limit + 2).convert::<f64>(0), Ok(9_007_199_254_740_994.0));
        let inexact = |index, value, type_name| ArrayProblem::Inexact { index, value, type_name };
        assert_eq!((limit + 1).convert::<f64>(5), Err(inexact(5, i128::from(limit) + 1, "f64")));
        assert_eq!((-limit - 1).convert::<f64>(5), Err(inexact(5, -i128::from(limit) - 1, "f64")));
        assert_eq!(i64::MIN.convert::<f64>(0), Ok(-(2.0_f64.powi(63))));
        assert_eq!(i64::MIN.convert::<f32>(0), Ok(-(2.0_f32.powi(63))));
        // Rounds up to 2^63 and 2^64, which the integer types do not hold: the comparison must not saturate.
        assert_eq!(i64::MAX.convert::<f64>(1), Err(inexact(1, i128::from(i64::MAX), "f64")));
        assert_eq!(u64::MAX.convert::<f64>(1), Err(inexact(1, i128::from(u64::MAX), "f64")));
        assert_eq!(16_777_216_u32.convert::<f32>(0), Ok(16_777_216.0));
        assert_eq!(16_777_217_u32.convert::<f32>(3), Err(inexact(3, 16_777_217, "f32")));
    }

    #[test]
    fn finite_numbers_stay_finite() {
        assert_eq!(f64::INFINITY.convert::<f32>(0), Ok(f32::INFINITY));
        assert!(f64::NAN.convert::<f32>(0).unwrap().is_nan());
        assert_eq!(0.1_f64.convert::<f32>(0), Ok(0.1));
        let problem = ArrayProblem::Range { index: 2, value: 1e300, type_name: "f32" };
        assert_eq!(1e300.convert::<f32>(2), Err(problem));
    }
}
