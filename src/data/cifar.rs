//! The binary files of CIFAR-10 and CIFAR-100: records without a header.
//!
//! ```text
//! CIFAR-10:  label (0..10)                          | 1024 red | 1024 green | 1024 blue bytes     3073 a record
//! CIFAR-100: coarse label (0..20), label (0..100)   | the same                                    3074 a record
//! ```
//! Each colour is 32 x 32, row after row. Source: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images"
//! (2009), and the description beside the files.

use super::bytes::open;
use super::error::{BytesProblem, DataError, Origin, Result};
use super::pixels::PixelScale;
use crate::{Matrix, Scalar};
use std::io::Read;
use std::path::Path;

/// Bytes of one image: 3 colours of 32 x 32.
pub const PIXELS: usize = 3 * 32 * 32;

/// Labelled images, one in each row.
#[derive(Clone, Debug, PartialEq)]
pub struct Cifar<T> {
    /// The class of each image: below 10, or 100.
    pub labels: Vec<u8>,
    /// CIFAR-100's coarse class of each image, below 20; empty for CIFAR-10.
    pub coarse_labels: Vec<u8>,
    /// `n x 3072`: in each row the red, the green and the blue image, each 32 x 32, row after row.
    pub images: Matrix<T>,
}

/// Reads a CIFAR-10 file such as `data_batch_1.bin`.
///
/// # Errors
/// [`DataError::Io`] if the file cannot be read; [`DataError::Bytes`] if it is empty ([`BytesProblem::Empty`]), has a
/// part of a record at its end ([`BytesProblem::PartialRecord`]) or a label that is no class
/// ([`BytesProblem::Label`]).
///
/// # Examples
/// ```no_run
/// use brenier::data::{PixelScale, cifar};
/// let batch = cifar::read_10::<f32>("data_batch_1.bin", PixelScale::Unit)?;
/// println!("{} images", batch.images.rows());
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn read_10<T: Scalar>(path: impl AsRef<Path>, scale: PixelScale) -> Result<Cifar<T>> {
    let path = path.as_ref();
    read_records(open(path)?.0, path.into(), &[10], scale)
}

/// The same from any reader, to its end.
///
/// # Errors
/// As [`read_10`].
///
/// # Examples
/// ```
/// use brenier::data::{PixelScale, cifar};
/// let frog = [vec![6], vec![255; cifar::PIXELS]].concat();
/// let batch = cifar::read_10_from::<f32>(&frog[..], PixelScale::Unit)?;
/// assert_eq!(batch.labels, [6]);
/// assert_eq!(batch.images.row(0), [1.0; cifar::PIXELS]);
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn read_10_from<T: Scalar>(reader: impl Read, scale: PixelScale) -> Result<Cifar<T>> {
    read_records(reader, Origin::Stream, &[10], scale)
}

/// Reads a CIFAR-100 file such as `train.bin`.
///
/// # Errors
/// As [`read_10`], with 20 coarse and 100 fine classes.
///
/// # Examples
/// ```no_run
/// use brenier::data::{PixelScale, cifar};
/// let images = cifar::read_100::<f32>("train.bin", PixelScale::Unit)?;
/// println!("the first is of class {} in {}", images.labels[0], images.coarse_labels[0]);
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn read_100<T: Scalar>(path: impl AsRef<Path>, scale: PixelScale) -> Result<Cifar<T>> {
    let path = path.as_ref();
    read_records(open(path)?.0, path.into(), &[20, 100], scale)
}

/// The same from any reader, to its end.
///
/// # Errors
/// As [`read_100`].
///
/// # Examples
/// ```
/// use brenier::data::{PixelScale, cifar};
/// let record = [vec![19, 99], vec![0; cifar::PIXELS]].concat();
/// let images = cifar::read_100_from::<f32>(&record[..], PixelScale::Bytes)?;
/// assert_eq!((&images.coarse_labels[..], &images.labels[..]), (&[19][..], &[99][..]));
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn read_100_from<T: Scalar>(reader: impl Read, scale: PixelScale) -> Result<Cifar<T>> {
    read_records(reader, Origin::Stream, &[20, 100], scale)
}

/// Reads records that begin with one label below each of `classes`, the finest last.
fn read_records<T: Scalar>(
    mut reader: impl Read,
    origin: Origin,
    classes: &[u8],
    scale: PixelScale,
) -> Result<Cifar<T>> {
    // No header promises a size here: what is there is read.
    let mut bytes = Vec::new();
    if let Err(reason) = reader.read_to_end(&mut bytes) {
        return Err(DataError::Io { operation: "read", origin, reason });
    }
    let error = |offset: usize, problem| {
        Err(DataError::Bytes { origin: origin.clone(), offset: offset as u64, problem })
    };
    let record = classes.len() + PIXELS;
    let remainder = bytes.len() % record;
    if remainder > 0 {
        return error(bytes.len() - remainder, BytesProblem::PartialRecord { record, remainder });
    }
    if bytes.is_empty() {
        return error(0, BytesProblem::Empty);
    }
    let count = bytes.len() / record;
    let mut labels = vec![Vec::with_capacity(count); classes.len()];
    let mut pixels = Vec::with_capacity(count * PIXELS);
    for (position, bytes) in bytes.chunks_exact(record).enumerate() {
        for (column, &classes) in classes.iter().enumerate() {
            let label = bytes[column];
            if label >= classes {
                let problem = BytesProblem::Label { record: position, label, classes };
                return error(position * record + column, problem);
            }
            labels[column].push(label);
        }
        scale.append(&bytes[classes.len()..], &mut pixels);
    }
    let images = Matrix::from_vec(count, PIXELS, pixels).expect("each record appended its pixels");
    let fine = labels.pop().expect("each format has labels");
    Ok(Cifar { labels: fine, coarse_labels: labels.pop().unwrap_or_default(), images })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(result: Result<Cifar<f32>>) -> (u64, BytesProblem) {
        match result {
            Err(DataError::Bytes { offset, problem, .. }) => (offset, problem),
            other => panic!("expected an error of the format, got {other:?}"),
        }
    }

    fn ten(bytes: &[u8]) -> (u64, BytesProblem) {
        problem(read_10_from(bytes, PixelScale::Unit))
    }

    #[test]
    fn records_become_rows() {
        let pixels: Vec<u8> = (0..PIXELS).map(|k| (k % 251) as u8).collect();
        let file = [&[9][..], &pixels, &[0], &[255; PIXELS]].concat();
        let batch = read_10_from::<f64>(&file[..], PixelScale::Bytes).unwrap();
        assert_eq!(batch.labels, [9, 0]);
        assert!(batch.coarse_labels.is_empty());
        assert!(batch.images.row(0).iter().zip(&pixels).all(|(&number, &byte)| number == f64::from(byte)));
        assert_eq!(batch.images.row(1), [255.0; PIXELS]);
        let file = [&[19, 99][..], &pixels].concat();
        let hundred = read_100_from::<f32>(&file[..], PixelScale::Unit).unwrap();
        assert_eq!((hundred.coarse_labels, hundred.labels), (vec![19], vec![99]));
        assert_eq!(hundred.images[(0, 250)], 250.0 / 255.0);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_record() {
        assert_eq!(ten(&[]), (0, BytesProblem::Empty));
        let two = vec![1; 2 * 3073];
        assert_eq!(ten(&two[1..]), (3073, BytesProblem::PartialRecord { record: 3073, remainder: 3072 }));
        assert_eq!(ten(&two[..3074]), (3073, BytesProblem::PartialRecord { record: 3073, remainder: 1 }));
        let mut wrong = two.clone();
        wrong[3073] = 10;
        assert_eq!(ten(&wrong), (3073, BytesProblem::Label { record: 1, label: 10, classes: 10 }));
        let hundred = |start: [u8; 2]| {
            problem(read_100_from(&[&start[..], &[0; PIXELS]].concat()[..], PixelScale::Unit))
        };
        assert_eq!(hundred([20, 0]), (0, BytesProblem::Label { record: 0, label: 20, classes: 20 }));
        assert_eq!(hundred([0, 100]), (1, BytesProblem::Label { record: 0, label: 100, classes: 100 }));
    }
}
