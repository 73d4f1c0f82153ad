//! Images and labels, as MNIST's files hold them.

use super::super::array::{Array, ArrayData};
use super::super::error::{ArrayProblem, Result, array_error};
use super::super::pixels::PixelScale;
use super::read;
use crate::{Matrix, Scalar};
use std::path::Path;

/// Images of one size, one in each row.
#[derive(Clone, Debug, PartialEq)]
pub struct Images<T> {
    /// `n x (height width)`, each image row after row.
    pub pixels: Matrix<T>,
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
}

/// Reads images: bytes of shape `(n, height, width)`.
///
/// # Errors
/// As [`read`]; [`ArrayProblem::Dimensions`] and [`ArrayProblem::ElementType`] for other shapes and types.
///
/// # Examples
/// ```
/// use brenier::data::{PixelScale, idx};
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-images.gz", std::process::id()));
/// idx::write(&path, &[2, 1, 2], &[0, 51, 102, 255])?;
/// let images = idx::images::<f32>(&path, PixelScale::Unit)?;
/// assert_eq!((images.height, images.width), (1, 2));
/// assert_eq!(images.pixels.row(1), [0.4, 1.0]);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn images<T: Scalar>(path: impl AsRef<Path>, scale: PixelScale) -> Result<Images<T>> {
    let path = path.as_ref();
    let array = read(path)?;
    let &[count, height, width] = array.shape() else {
        return Err(array.dimensions("three dimensions: images, height, width").in_file(path));
    };
    let mut pixels = Vec::new();
    scale.append(&bytes(array).map_err(|error| error.in_file(path))?, &mut pixels);
    let length = pixels.len();
    let pixels = Matrix::from_vec(count, height * width, pixels).map_err(|_| {
        array_error(ArrayProblem::Length { shape: vec![count, height, width], length }).in_file(path)
    })?;
    Ok(Images { pixels, height, width })
}

/// Reads labels: bytes of shape `(n,)`.
///
/// # Errors
/// As [`images`].
///
/// # Examples
/// ```
/// use brenier::data::idx;
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-labels.gz", std::process::id()));
/// idx::write(&path, &[3], &[5, 0, 4])?;
/// assert_eq!(idx::labels(&path)?, [5, 0, 4]);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn labels(path: impl AsRef<Path>) -> Result<Vec<u8>> {
    let path = path.as_ref();
    let array = read(path)?;
    if array.shape().len() != 1 {
        return Err(array.dimensions("one dimension").in_file(path));
    }
    bytes(array).map_err(|error| error.in_file(path))
}

fn bytes(array: Array) -> Result<Vec<u8>> {
    match array.into_data() {
        ArrayData::U8(bytes) => Ok(bytes),
        other => Err(array_error(ArrayProblem::ElementType { expected: "u8", got: other.type_name() })),
    }
}
