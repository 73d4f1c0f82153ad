//! An array of any shape with the element type that its file gave it.

use super::bytes::element_count;
use super::element::Element;
use super::error::{ArrayProblem, Result, array_error};
use super::half::Half;
use crate::{Matrix, Scalar};
use std::any::Any;

/// The elements of an [`Array`], in the type that the file has.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant is its element type")]
pub enum ArrayData {
    F16(Vec<Half>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    Bool(Vec<bool>),
}

/// Evaluates an expression with the elements, whatever their type.
macro_rules! with_elements {
    ($data:expr, $elements:ident => $value:expr) => {
        match $data {
            ArrayData::F16($elements) => $value,
            ArrayData::F32($elements) => $value,
            ArrayData::F64($elements) => $value,
            ArrayData::I8($elements) => $value,
            ArrayData::I16($elements) => $value,
            ArrayData::I32($elements) => $value,
            ArrayData::I64($elements) => $value,
            ArrayData::U8($elements) => $value,
            ArrayData::U16($elements) => $value,
            ArrayData::U32($elements) => $value,
            ArrayData::U64($elements) => $value,
            ArrayData::Bool($elements) => $value,
        }
    };
}

pub(super) use with_elements;

impl ArrayData {
    /// The number of elements.
    pub fn len(&self) -> usize {
        with_elements!(self, elements => elements.len())
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of the element type: `f16`, `f32`, `i64`, `bool`, …
    pub fn type_name(&self) -> &'static str {
        fn name<E: Element>(_: &[E]) -> &'static str {
            E::NAME
        }
        with_elements!(self, elements => name(elements))
    }
}

/// An array as a file holds it: a shape of any number of dimensions and elements in C order (the last index runs
/// fastest), in the type that the file has.
///
/// # Examples
/// ```
/// use brenier::data::Array;
/// let array = Array::new(&[2, 3], vec![1_u8, 2, 3, 4, 5, 6])?;
/// assert_eq!(array.shape(), [2, 3]);
/// assert_eq!(array.to_matrix::<f64>()?.row(1), [4.0, 5.0, 6.0]);
/// # Ok::<(), brenier::data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    shape: Vec<usize>,
    data: ArrayData,
}

impl Array {
    /// An array of `elements`, in C order.
    ///
    /// # Errors
    /// [`ArrayProblem::Length`] if the product of `shape` is not the number of elements.
    pub fn new<E: Element>(shape: &[usize], elements: Vec<E>) -> Result<Self> {
        check_length(shape, elements.len())?;
        Ok(Self { shape: shape.to_vec(), data: E::into_data(elements) })
    }

    /// An array of `f32` or `f64`, whichever `T` is.
    ///
    /// # Errors
    /// [`ArrayProblem::Length`] if the product of `shape` is not the number of elements.
    ///
    /// # Examples
    /// ```
    /// use brenier::data::Array;
    /// assert_eq!(Array::from_scalars(&[2], &[1.0_f32, 2.0])?.data().type_name(), "f32");
    /// # Ok::<(), brenier::data::DataError>(())
    /// ```
    pub fn from_scalars<T: Scalar>(shape: &[usize], elements: &[T]) -> Result<Self> {
        // `T` is f32 or f64 and nothing else; the detour over f64 is exact for both.
        if size_of::<T>() == size_of::<f32>() {
            Self::new(shape, elements.iter().map(|value| value.to_f64() as f32).collect())
        } else {
            Self::new(shape, elements.iter().map(|value| value.to_f64()).collect())
        }
    }

    /// The same, from elements in Fortran order (the first index runs fastest): they are put into C order.
    pub(super) fn from_fortran_order<E: Element>(shape: &[usize], elements: Vec<E>) -> Result<Self> {
        check_length(shape, elements.len())?;
        Self::new(shape, c_order(shape, elements))
    }

    /// The dimensions; none for a single number.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements, in C order.
    pub fn data(&self) -> &ArrayData {
        &self.data
    }

    /// The elements, in C order.
    pub fn into_data(self) -> ArrayData {
        self.data
    }

    /// All elements as a vector of `f32` or `f64`, in C order, whatever the shape.
    ///
    /// Floating-point numbers are rounded to nearest, NaN and infinities stay what they are; integers must fit exactly;
    /// booleans are 0 and 1.
    ///
    /// # Errors
    /// - [`ArrayProblem::Inexact`] for the first integer that `T` cannot hold exactly (beyond 2^53 in `f64`, 2^24 in
    ///   `f32`, unless it ends in enough zero bits);
    /// - [`ArrayProblem::Range`] for the first finite number beyond the range of `T`.
    ///
    /// # Examples
    /// ```
    /// use brenier::data::Array;
    /// let array = Array::new(&[2], vec![1_i64, (1 << 53) + 1])?;
    /// let error = array.to_vec::<f64>().unwrap_err();
    /// assert_eq!(error.to_string(), "the array: element 1 is 9007199254740993, which f64 cannot hold exactly");
    /// # Ok::<(), brenier::data::DataError>(())
    /// ```
    pub fn to_vec<T: Scalar>(&self) -> Result<Vec<T>> {
        with_elements!(&self.data, elements => convert(elements))
    }

    /// The same, without a copy where the elements already have the type.
    ///
    /// # Errors
    /// As [`Array::to_vec`].
    pub fn into_vec<T: Scalar>(mut self) -> Result<Vec<T>> {
        let same_type = with_elements!(&mut self.data, elements => (elements as &mut dyn Any).downcast_mut::<Vec<T>>().map(std::mem::take));
        match same_type {
            Some(elements) => Ok(elements),
            None => self.to_vec(),
        }
    }

    /// A matrix: of shape `(n, d)` as it is, of shape `(n,)` as one column `n x 1`. Elements convert as in
    /// [`Array::to_vec`].
    ///
    /// # Errors
    /// [`ArrayProblem::Dimensions`] for any other number of dimensions, and those of [`Array::to_vec`].
    pub fn to_matrix<T: Scalar>(&self) -> Result<Matrix<T>> {
        let (rows, columns) = self.matrix_shape()?;
        matrix(rows, columns, self.to_vec()?)
    }

    /// The same, without a copy where the elements already have the type.
    ///
    /// # Errors
    /// As [`Array::to_matrix`].
    pub fn into_matrix<T: Scalar>(self) -> Result<Matrix<T>> {
        let (rows, columns) = self.matrix_shape()?;
        matrix(rows, columns, self.into_vec()?)
    }

    /// A matrix with one row for each index of the first dimension: images of shape `(n, height, width)` as
    /// `n x (height width)`. Elements convert as in [`Array::to_vec`].
    ///
    /// # Errors
    /// [`ArrayProblem::Dimensions`] for an array without dimensions, and those of [`Array::to_vec`].
    ///
    /// # Examples
    /// ```
    /// use brenier::data::Array;
    /// let images = Array::new(&[2, 2, 2], (0..8_u8).collect())?;
    /// assert_eq!(images.to_rows::<f32>()?.row(1), [4.0, 5.0, 6.0, 7.0]);
    /// # Ok::<(), brenier::data::DataError>(())
    /// ```
    pub fn to_rows<T: Scalar>(&self) -> Result<Matrix<T>> {
        let [rows, rest @ ..] = self.shape() else {
            return Err(self.dimensions("one dimension or more"));
        };
        // `Array::new` has checked the product without the zeros, so this one cannot overflow.
        matrix(*rows, rest.iter().product(), self.to_vec()?)
    }

    /// An error that names the shape.
    pub(super) fn dimensions(&self, expected: &'static str) -> super::DataError {
        array_error(ArrayProblem::Dimensions { expected, shape: self.shape.clone() })
    }

    fn matrix_shape(&self) -> Result<(usize, usize)> {
        match *self.shape() {
            [rows] => Ok((rows, 1)),
            [rows, columns] => Ok((rows, columns)),
            _ => Err(self.dimensions("one or two dimensions")),
        }
    }
}

/// Checks that `shape` has `length` elements.
pub(super) fn check_length(shape: &[usize], length: usize) -> Result<()> {
    if element_count(shape, 1) != Some(length) {
        return Err(array_error(ArrayProblem::Length { shape: shape.to_vec(), length }));
    }
    Ok(())
}

fn convert<E: Element, T: Scalar>(elements: &[E]) -> Result<Vec<T>> {
    let mut converted = Vec::with_capacity(elements.len());
    for (index, element) in elements.iter().enumerate() {
        converted.push(element.convert(index).map_err(array_error)?);
    }
    Ok(converted)
}

fn matrix<T: Scalar>(rows: usize, columns: usize, elements: Vec<T>) -> Result<Matrix<T>> {
    let length = elements.len();
    Matrix::from_vec(rows, columns, elements)
        .map_err(|_| array_error(ArrayProblem::Length { shape: vec![rows, columns], length }))
}

/// Elements in Fortran order, put into C order.
fn c_order<E: Element>(shape: &[usize], elements: Vec<E>) -> Vec<E> {
    // Dimensions of 1 move nothing.
    let shape: Vec<usize> = shape.iter().copied().filter(|&dimension| dimension != 1).collect();
    if shape.len() < 2 || elements.is_empty() {
        return elements;
    }
    let mut strides = Vec::with_capacity(shape.len());
    let mut stride = 1;
    for &dimension in &shape {
        strides.push(stride);
        stride *= dimension;
    }
    let last = shape.len() - 1;
    let mut index = vec![0; last];
    let mut ordered = Vec::with_capacity(elements.len());
    // `start` is where the row at `index` begins: the sum of index times stride.
    let mut start = 0;
    while ordered.len() < elements.len() {
        for column in 0..shape[last] {
            ordered.push(elements[start + column * strides[last]]);
        }
        for axis in (0..last).rev() {
            index[axis] += 1;
            start += strides[axis];
            if index[axis] < shape[axis] {
                break;
            }
            start -= index[axis] * strides[axis];
            index[axis] = 0;
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataError;

    fn problem<T>(result: Result<T>) -> ArrayProblem {
        match result {
            Err(DataError::Array { problem, .. }) => problem,
            _ => panic!("expected an error about the array"),
        }
    }

    #[test]
    fn fortran_order_is_undone() {
        // a[i, j, k] = 100 i + 10 j + k, written with the first index fastest.
        let shape = [2, 3, 1, 4];
        let mut fortran = Vec::new();
        let mut c = Vec::new();
        for k in 0..4 {
            for j in 0..3 {
                for i in 0..2 {
                    fortran.push(100 * i + 10 * j + k);
                }
            }
        }
        for i in 0..2 {
            for j in 0..3 {
                for k in 0..4 {
                    c.push(100 * i + 10 * j + k);
                }
            }
        }
        let array = Array::from_fortran_order(&shape, fortran).unwrap();
        assert_eq!(array.data(), &ArrayData::I32(c));
        assert_eq!(array.shape(), shape);
    }

    #[test]
    fn moving_out_keeps_the_allocation() {
        let elements = vec![1.5_f64, 2.5];
        let address = elements.as_ptr();
        let moved = Array::new(&[2], elements).unwrap().into_vec::<f64>().unwrap();
        assert_eq!(moved.as_ptr(), address);
        assert_eq!(Array::new(&[2], moved).unwrap().into_vec::<f32>().unwrap(), [1.5, 2.5]);
    }

    #[test]
    fn shapes_that_do_not_fit_are_errors() {
        let length = |shape: &[usize], length| ArrayProblem::Length { shape: shape.to_vec(), length };
        assert_eq!(problem(Array::new(&[2, 2], vec![0_u8; 3])), length(&[2, 2], 3));
        assert_eq!(problem(Array::new(&[usize::MAX, 2], vec![0_u8; 3])), length(&[usize::MAX, 2], 3));
        let cube = Array::new(&[1, 1, 1], vec![0_u8]).unwrap();
        let dimensions = ArrayProblem::Dimensions { expected: "one or two dimensions", shape: vec![1, 1, 1] };
        assert_eq!(problem(cube.to_matrix::<f32>()), dimensions);
        let number = Array::new(&[], vec![0_u8]).unwrap();
        assert!(matches!(problem(number.to_rows::<f32>()), ArrayProblem::Dimensions { .. }));
        assert!(matches!(problem(number.to_matrix::<f32>()), ArrayProblem::Dimensions { .. }));
    }

    #[test]
    fn one_dimension_is_one_column() {
        let matrix = Array::new(&[3], vec![true, false, true]).unwrap().to_matrix::<f64>().unwrap();
        assert_eq!((matrix.rows(), matrix.columns()), (3, 1));
        assert_eq!(matrix.as_slice(), [1.0, 0.0, 1.0]);
    }
}
