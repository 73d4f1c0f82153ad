//! NumPy's `.npy` files, versions 1.0 to 3.0.
//!
//! Read are the element types `f2 f4 f8`, `i1` to `i8`, `u1` to `u8` and `b1` in either byte order, arrays of any
//! number of dimensions (NumPy has at most 64) in C or Fortran order (given in C order either way). Written is
//! version 1.0, little-endian, in C order, byte for byte as NumPy writes it. Source: the description in
//! `numpy.lib.format`.
//!
//! A file must be whole: truncated data, bytes left over, a header that says what cannot be, or an element type that is
//! no real number is a [`DataError`] with the byte's position. Reading costs one pass, and memory for the elements
//! only once they are known to be there.
//!
//! # Examples
//! ```
//! use brenier::data::npy;
//! let mut file = Vec::new();
//! npy::write_to(&mut file, &[2, 2], &[1.0, 2.0, 3.0, 4.0])?;
//! let matrix = npy::read_from(&file[..])?.to_matrix::<f32>()?;
//! assert_eq!(matrix.row(1), [3.0, 4.0]);
//! # Ok::<(), brenier::data::DataError>(())
//! ```
//!
//! [`DataError`]: super::DataError

mod header;
mod literals;

use super::array::{Array, check_length};
use super::bytes::{ByteReader, element_count, open};
use super::element::Element;
use super::element::sealed::Encoding;
use super::error::{ArrayProblem, BytesProblem, Origin, Result, array_error};
use super::half::Half;
use super::write::{create, write_all};
use crate::{Matrix, Scalar};
use header::Header;
use literals::MOST_DIMENSIONS;
use std::io::{Read, Write};
use std::path::Path;

/// Reads a file, keeping the shape and the element type that it has.
///
/// # Errors
/// [`DataError::Io`](super::DataError) if the file cannot be read, [`DataError::Bytes`](super::DataError) if it is
/// not a whole `.npy` file of numbers.
///
/// # Examples
/// ```
/// use brenier::data::npy;
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-read.npy", std::process::id()));
/// npy::write_elements(&path, &[2, 1, 3], &[1_u8, 2, 3, 4, 5, 6])?;
/// let array = npy::read(&path)?;
/// assert_eq!((array.shape(), array.data().type_name()), (&[2, 1, 3][..], "u8"));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> Result<Array> {
    let path = path.as_ref();
    let (file, length) = open(path)?;
    read_array(ByteReader::new(file, path.into(), length))
}

/// Reads from any reader, to its end. Memory grows with the bytes that come, whatever the header says.
///
/// # Errors
/// As [`read`].
///
/// # Examples
/// ```
/// let mut file = Vec::new();
/// brenier::data::npy::write_to(&mut file, &[2], &[1.5_f32, 2.0])?;
/// let error = brenier::data::npy::read_from(&file[..130]).unwrap_err();
/// assert_eq!(error.to_string(), "the stream: byte 128: the file ends early: 8 bytes of data expected, 2 there");
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn read_from(reader: impl Read) -> Result<Array> {
    read_array(ByteReader::new(reader, Origin::Stream, None))
}

/// Reads a matrix of shape `(n, d)`, or `(n,)` as one column; elements convert as in [`Array::to_vec`].
///
/// # Errors
/// As [`read`] and [`Array::to_matrix`].
///
/// # Examples
/// ```
/// use brenier::data::npy;
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-read-matrix.npy", std::process::id()));
/// npy::write_vector(&path, &[0.5_f32, 2.0])?;
/// let cloud = npy::read_matrix::<f64>(&path)?;
/// assert_eq!((cloud.rows(), cloud.columns()), (2, 1));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn read_matrix<T: Scalar>(path: impl AsRef<Path>) -> Result<Matrix<T>> {
    let path = path.as_ref();
    read(path)?.into_matrix().map_err(|error| error.in_file(path))
}

/// Reads a vector of shape `(n,)`; elements convert as in [`Array::to_vec`].
///
/// # Errors
/// As [`read`] and [`Array::to_vec`]; [`ArrayProblem::Dimensions`] for any other shape.
///
/// # Examples
/// ```
/// use brenier::data::npy;
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-read-vector.npy", std::process::id()));
/// npy::write_elements(&path, &[3], &[1_i32, 2, 5])?;
/// assert_eq!(npy::read_vector::<f64>(&path)?, [1.0, 2.0, 5.0]);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn read_vector<T: Scalar>(path: impl AsRef<Path>) -> Result<Vec<T>> {
    let path = path.as_ref();
    let array = read(path)?;
    if array.shape().len() != 1 {
        return Err(array.dimensions("one dimension").in_file(path));
    }
    array.into_vec().map_err(|error| error.in_file(path))
}

/// Writes a matrix with shape `(rows, columns)`, as `<f4` or `<f8`.
///
/// # Errors
/// [`DataError::Io`](super::DataError) if the file cannot be written; what had been written of it is left there.
///
/// # Examples
/// ```
/// use brenier::{Matrix, data::npy};
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-write.npy", std::process::id()));
/// let plan = Matrix::from_rows([[0.25, 0.0], [0.25, 0.5]]);
/// npy::write(&path, &plan)?;
/// assert_eq!(npy::read_matrix::<f64>(&path)?, plan);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn write<T: Scalar>(path: impl AsRef<Path>, matrix: &Matrix<T>) -> Result<()> {
    write_scalars(path.as_ref(), &[matrix.rows(), matrix.columns()], matrix.as_slice())
}

/// Writes a vector with shape `(n,)`, as `<f4` or `<f8`.
///
/// # Errors
/// As [`write`](fn@write).
///
/// # Examples
/// ```
/// use brenier::data::npy;
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-write-vector.npy", std::process::id()));
/// npy::write_vector(&path, &[0.25_f32, 0.75])?;
/// assert_eq!(npy::read(&path)?.shape(), [2]);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn write_vector<T: Scalar>(path: impl AsRef<Path>, vector: &[T]) -> Result<()> {
    write_scalars(path.as_ref(), &[vector.len()], vector)
}

/// Writes elements of any type with any shape, in C order.
///
/// # Errors
/// As [`write`](fn@write), and [`ArrayProblem::Length`] if the shape does not have as many elements,
/// [`ArrayProblem::Dimensions`] if it has more than 64 dimensions.
///
/// # Examples
/// ```
/// use brenier::data::npy;
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-write-elements.npy", std::process::id()));
/// let permutation = [2_u64, 0, 1];
/// npy::write_elements(&path, &[3], &permutation)?;
/// assert_eq!(npy::read(&path)?.data().type_name(), "u64");
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn write_elements<E: Element>(path: impl AsRef<Path>, shape: &[usize], elements: &[E]) -> Result<()> {
    check_shape(shape, elements.len())?;
    let path = path.as_ref();
    let start = header::encode(E::DESCR, shape);
    write_all(create(path)?, &path.into(), &start, elements, |element, bytes| element.append_bytes(bytes))
}

/// The same to any writer, which is flushed.
///
/// # Errors
/// As [`write_elements`].
///
/// # Examples
/// ```
/// let mut file = Vec::new();
/// brenier::data::npy::write_to(&mut file, &[3], &[true, false, true])?;
/// assert_eq!(file.len(), 128 + 3);
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn write_to<E: Element>(writer: impl Write, shape: &[usize], elements: &[E]) -> Result<()> {
    check_shape(shape, elements.len())?;
    let start = header::encode(E::DESCR, shape);
    write_all(writer, &Origin::Stream, &start, elements, |element, bytes| element.append_bytes(bytes))
}

fn check_shape(shape: &[usize], length: usize) -> Result<()> {
    if shape.len() > MOST_DIMENSIONS {
        let expected = "at most 64 dimensions";
        return Err(array_error(ArrayProblem::Dimensions { expected, shape: shape.to_vec() }));
    }
    check_length(shape, length)
}

fn write_scalars<T: Scalar>(path: &Path, shape: &[usize], scalars: &[T]) -> Result<()> {
    let origin = path.into();
    // `T` is f32 or f64 and nothing else; the detour over f64 is exact for both.
    if size_of::<T>() == size_of::<f32>() {
        let start = header::encode(f32::DESCR, shape);
        write_all(create(path)?, &origin, &start, scalars, |value, bytes| {
            (value.to_f64() as f32).append_bytes(bytes)
        })
    } else {
        let start = header::encode(f64::DESCR, shape);
        write_all(create(path)?, &origin, &start, scalars, |value, bytes| value.to_f64().append_bytes(bytes))
    }
}

fn read_array<R: Read>(mut reader: ByteReader<R>) -> Result<Array> {
    let header = header::read(&mut reader)?;
    match header.kind {
        ('f', 2) => elements::<Half, R>(&mut reader, &header),
        ('f', 4) => elements::<f32, R>(&mut reader, &header),
        ('f', 8) => elements::<f64, R>(&mut reader, &header),
        ('i', 1) => elements::<i8, R>(&mut reader, &header),
        ('i', 2) => elements::<i16, R>(&mut reader, &header),
        ('i', 4) => elements::<i32, R>(&mut reader, &header),
        ('i', 8) => elements::<i64, R>(&mut reader, &header),
        ('u', 1) => elements::<u8, R>(&mut reader, &header),
        ('u', 2) => elements::<u16, R>(&mut reader, &header),
        ('u', 4) => elements::<u32, R>(&mut reader, &header),
        ('u', 8) => elements::<u64, R>(&mut reader, &header),
        ('b', 1) => elements::<bool, R>(&mut reader, &header),
        _ => {
            let (offset, type_name) = header.descr;
            Err(reader.error(offset, BytesProblem::UnsupportedType { type_name }))
        }
    }
}

fn elements<E: Element, R: Read>(reader: &mut ByteReader<R>, header: &Header) -> Result<Array> {
    let Some(count) = element_count(&header.shape, E::SIZE) else {
        let problem = BytesProblem::ShapeTooLarge { shape: header.shape.clone() };
        return Err(reader.error(header.shape_offset, problem));
    };
    let elements: Vec<E> = reader.last_elements(count, header.order)?;
    match header.fortran_order {
        false => Array::new(&header.shape, elements),
        true => Array::from_fortran_order(&header.shape, elements),
    }
}

#[cfg(test)]
mod tests;
