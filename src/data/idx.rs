//! IDX files, the format of MNIST, plain or compressed with gzip.
//!
//! ```text
//! 00 00 | type | number of dimensions | each dimension: u32, big-endian | elements, big-endian, last index fastest
//! ```
//! Types: `08` u8, `09` i8, `0b` i16, `0c` i32, `0d` f32, `0e` f64. Compression is known by its first two bytes, not by
//! the file's name, and may come in several members. As in [`npy`](super::npy), a file must be whole and nothing may
//! follow its elements. Source: the description at the foot of Y. LeCun's MNIST page.
//!
//! # Examples
//! ```
//! use brenier::data::idx;
//! let mut file = Vec::new();
//! idx::write_to(&mut file, &[2, 1, 3], &[0, 51, 255, 1, 2, 3])?;
//! let array = idx::read_from(&file[..])?;
//! assert_eq!(array.to_rows::<f32>()?.row(0), [0.0, 51.0, 255.0]);
//! # Ok::<(), brenier::data::DataError>(())
//! ```

use super::array::{Array, ArrayData, check_length};
use super::bytes::{ByteReader, element_count, open};
use super::element::{ByteOrder, Element};
use super::error::{ArrayProblem, BytesProblem, Origin, Result, array_error};
use super::pixels::PixelScale;
use super::write::{create, write_all};
use crate::{Matrix, Scalar};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::io::{Cursor, Read, Write};
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

/// Reads a file of any shape and type.
///
/// # Errors
/// [`DataError::Io`](super::DataError) if the file cannot be read, [`DataError::Bytes`](super::DataError) if it is not
/// a whole IDX file; of a compressed file the offset counts unpacked bytes.
///
/// # Examples
/// ```no_run
/// let array = brenier::data::idx::read("ising6x6-idx3-ubyte.gz")?;
/// println!("{:?} of {}", array.shape(), array.data().type_name());
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn read(path: impl AsRef<Path>) -> Result<Array> {
    let path = path.as_ref();
    let (file, length) = open(path)?;
    read_any(file, path.into(), length)
}

/// Reads from any reader, plain or compressed, to its end. Memory grows with the bytes that come, whatever the header
/// says.
///
/// # Errors
/// As [`read`].
pub fn read_from(reader: impl Read) -> Result<Array> {
    read_any(reader, Origin::Stream, None)
}

/// Reads images: bytes of shape `(n, height, width)`.
///
/// # Errors
/// As [`read`]; [`ArrayProblem::Dimensions`] and [`ArrayProblem::ElementType`] for other shapes and types.
///
/// # Examples
/// ```no_run
/// use brenier::data::{PixelScale, idx};
/// let images = idx::images::<f32>("train-images-idx3-ubyte.gz", PixelScale::Unit)?;
/// println!("{} images of {} x {}", images.pixels.rows(), images.height, images.width);
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn images<T: Scalar>(path: impl AsRef<Path>, scale: PixelScale) -> Result<Images<T>> {
    let path = path.as_ref();
    let array = read(path)?;
    let &[count, height, width] = array.shape() else {
        return Err(array
            .dimensions("three dimensions: images, height, width")
            .in_file(path));
    };
    let mut pixels = Vec::new();
    scale.append(&bytes(array).map_err(|error| error.in_file(path))?, &mut pixels);
    let length = pixels.len();
    let pixels = Matrix::from_vec(count, height * width, pixels).map_err(|_| {
        array_error(ArrayProblem::Length {
            shape: vec![count, height, width],
            length,
        })
        .in_file(path)
    })?;
    Ok(Images {
        pixels,
        height,
        width,
    })
}

/// Reads labels: bytes of shape `(n,)`.
///
/// # Errors
/// As [`images`].
///
/// # Examples
/// ```no_run
/// let labels = brenier::data::idx::labels("train-labels-idx1-ubyte.gz")?;
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

/// Writes bytes with any shape, last index fastest; compressed if the path ends in `.gz`.
///
/// # Errors
/// [`DataError::Io`](super::DataError) if the file cannot be written; [`ArrayProblem::Length`] if the shape does not
/// have as many elements, [`ArrayProblem::DimensionTooLarge`] and [`ArrayProblem::Dimensions`] if the format cannot say
/// it (2^32 in one dimension, 256 dimensions).
///
/// # Examples
/// ```no_run
/// brenier::data::idx::write("samples-idx3-ubyte.gz", &[1, 2, 2], &[0, 1, 1, 0])?;
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn write(path: impl AsRef<Path>, shape: &[usize], bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let start = header(shape, bytes.len())?;
    let file = create(path)?;
    let origin = path.into();
    if path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("gz"))
    {
        let mut encoder = GzEncoder::new(file, Compression::default());
        put(&mut encoder, &origin, &start, bytes)?;
        let finished = encoder.finish();
        finished.map(drop).map_err(|reason| super::DataError::Io {
            operation: "write",
            origin,
            reason,
        })
    } else {
        put(file, &origin, &start, bytes)
    }
}

/// The same to any writer, uncompressed; it is flushed.
///
/// # Errors
/// As [`write`](fn@write).
pub fn write_to(writer: impl Write, shape: &[usize], bytes: &[u8]) -> Result<()> {
    put(writer, &Origin::Stream, &header(shape, bytes.len())?, bytes)
}

fn put(writer: impl Write, origin: &Origin, start: &[u8], bytes: &[u8]) -> Result<()> {
    write_all(writer, origin, start, bytes, |&byte, piece| piece.push(byte))
}

fn header(shape: &[usize], length: usize) -> Result<Vec<u8>> {
    check_length(shape, length)?;
    let Ok(dimensions) = u8::try_from(shape.len()) else {
        let expected = "at most 255 dimensions";
        return Err(array_error(ArrayProblem::Dimensions {
            expected,
            shape: shape.to_vec(),
        }));
    };
    let mut bytes = vec![0, 0, 0x08, dimensions];
    for &dimension in shape {
        let Ok(word) = u32::try_from(dimension) else {
            return Err(array_error(ArrayProblem::DimensionTooLarge { dimension }));
        };
        bytes.extend(word.to_be_bytes());
    }
    Ok(bytes)
}

fn bytes(array: Array) -> Result<Vec<u8>> {
    match array.into_data() {
        ArrayData::U8(bytes) => Ok(bytes),
        other => Err(array_error(ArrayProblem::ElementType {
            expected: "u8",
            got: other.type_name(),
        })),
    }
}

/// Reads plain or compressed data, whichever the first two bytes say.
fn read_any(reader: impl Read, origin: Origin, length: Option<u64>) -> Result<Array> {
    let mut start = [0; 2];
    let mut reader = reader;
    let got = ByteReader::new(&mut reader, origin.clone(), None).fill(&mut start)?;
    let whole = Cursor::new(&start[..got]).chain(reader);
    if start == [0x1f, 0x8b] {
        read_array(ByteReader::compressed(MultiGzDecoder::new(whole), origin))
    } else {
        read_array(ByteReader::new(whole, origin, length))
    }
}

fn read_array<R: Read>(mut reader: ByteReader<R>) -> Result<Array> {
    let mut start = [0; 4];
    let got = reader.fill(&mut start)?;
    if got == 0 || start[..got.min(2)].iter().any(|&byte| byte != 0) {
        let problem = BytesProblem::Signature {
            format: "an IDX",
            found: start[..got].to_vec(),
        };
        return Err(reader.error(0, problem));
    }
    if got < start.len() {
        return Err(reader.error(
            0,
            BytesProblem::Truncated {
                what: "signature",
                expected: 4,
                got: got as u64,
            },
        ));
    }
    let [_, _, code, dimensions] = start;
    let mut shape = Vec::with_capacity(usize::from(dimensions));
    for _ in 0..dimensions {
        let mut word = [0; 4];
        reader.exact(&mut word, "dimension")?;
        shape.push(u32::from_be_bytes(word) as usize);
    }
    match code {
        0x08 => elements::<u8, R>(&mut reader, &shape),
        0x09 => elements::<i8, R>(&mut reader, &shape),
        0x0b => elements::<i16, R>(&mut reader, &shape),
        0x0c => elements::<i32, R>(&mut reader, &shape),
        0x0d => elements::<f32, R>(&mut reader, &shape),
        0x0e => elements::<f64, R>(&mut reader, &shape),
        _ => Err(reader.error(
            2,
            BytesProblem::UnsupportedType {
                type_name: format!("{code:#04x}"),
            },
        )),
    }
}

fn elements<E: Element, R: Read>(reader: &mut ByteReader<R>, shape: &[usize]) -> Result<Array> {
    let Some(count) = element_count(shape, E::SIZE) else {
        return Err(reader.error(
            4,
            BytesProblem::ShapeTooLarge {
                shape: shape.to_vec(),
            },
        ));
    };
    Array::new(shape, reader.last_elements::<E>(count, ByteOrder::Big)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataError;
    use proptest::prelude::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn problem(bytes: &[u8]) -> (u64, BytesProblem) {
        let streamed = read_from(bytes);
        let known = read_any(bytes, Origin::Stream, Some(bytes.len() as u64));
        assert!(streamed.is_err());
        match known {
            Err(DataError::Bytes { offset, problem, .. }) => (offset, problem),
            other => panic!("expected an error of the format, got {other:?}"),
        }
    }

    fn compression(bytes: &[u8]) -> String {
        match problem(bytes).1 {
            BytesProblem::Compression { reason } => reason,
            other => panic!("expected an error of the compression, got {other}"),
        }
    }

    #[test]
    fn every_type_is_read() {
        let data = |code: u8, bytes: &[u8]| {
            let file = [&[0, 0, code, 1, 0, 0, 0, 2], bytes].concat();
            assert_eq!(
                read_from(&gzip(&file)[..]).unwrap(),
                read_from(&file[..]).unwrap()
            );
            read_from(&file[..]).unwrap().into_data()
        };
        assert_eq!(data(0x08, &[1, 255]), ArrayData::U8(vec![1, 255]));
        assert_eq!(data(0x09, &[1, 255]), ArrayData::I8(vec![1, -1]));
        assert_eq!(data(0x0b, &[0, 1, 255, 254]), ArrayData::I16(vec![1, -2]));
        assert_eq!(
            data(0x0c, &[0, 0, 0, 1, 255, 255, 255, 254]),
            ArrayData::I32(vec![1, -2])
        );
        assert_eq!(
            data(0x0d, &[63, 128, 0, 0, 192, 32, 0, 0]),
            ArrayData::F32(vec![1.0, -2.5])
        );
        let double = [0.1_f64.to_be_bytes(), 1e300_f64.to_be_bytes()].concat();
        assert_eq!(data(0x0e, &double), ArrayData::F64(vec![0.1, 1e300]));
        assert_eq!(read_from(&[0, 0, 8, 0, 7][..]).unwrap().shape(), [0_usize; 0]);
    }

    #[test]
    fn headers_that_lie_are_errors() {
        let signature = |found: &[u8]| BytesProblem::Signature {
            format: "an IDX",
            found: found.to_vec(),
        };
        assert_eq!(problem(b""), (0, signature(b"")));
        assert_eq!(problem(b"\x00\x01\x08\x01"), (0, signature(b"\x00\x01\x08\x01")));
        assert_eq!(problem(b"\x93N"), (0, signature(b"\x93N")));
        assert_eq!(
            problem(b"\x00\x00\x08"),
            (
                0,
                BytesProblem::Truncated {
                    what: "signature",
                    expected: 4,
                    got: 3
                }
            )
        );
        for code in [0x00, 0x07, 0x0a, 0x0f, 0xff] {
            let type_name = format!("{code:#04x}");
            assert_eq!(
                problem(&[0, 0, code, 0, 0]),
                (2, BytesProblem::UnsupportedType { type_name })
            );
        }
        let dimension = BytesProblem::Truncated {
            what: "dimension",
            expected: 4,
            got: 3,
        };
        assert_eq!(problem(&[0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0]), (8, dimension));
        let short = BytesProblem::Truncated {
            what: "data",
            expected: 4,
            got: 3,
        };
        assert_eq!(problem(&[0, 0, 8, 1, 0, 0, 0, 4, 1, 2, 3]), (8, short));
        assert_eq!(
            problem(&[0, 0, 8, 1, 0, 0, 0, 1, 1, 2]),
            (9, BytesProblem::TrailingBytes { extra: Some(1) })
        );
        let four_billion = [255; 4];
        let promise = [&[0, 0, 0x0e, 1][..], &four_billion, &[1, 2]].concat();
        let expected = u64::from(u32::MAX) * 8;
        assert_eq!(
            problem(&promise),
            (
                8,
                BytesProblem::Truncated {
                    what: "data",
                    expected,
                    got: 2
                }
            )
        );
        let squared = [&[0, 0, 8, 2][..], &four_billion, &four_billion].concat();
        assert!(matches!(
            problem(&squared),
            (4, BytesProblem::ShapeTooLarge { .. })
        ));
    }

    #[test]
    fn compressed_data_must_be_whole_too() {
        let plain = [&[0, 0, 8, 1, 0, 0, 0, 9][..], b"some data"].concat();
        let packed = gzip(&plain);
        let several = [gzip(&plain[..3]), gzip(&[]), gzip(&plain[3..])].concat();
        assert_eq!(
            read_from(&several[..]).unwrap().into_data(),
            ArrayData::U8(b"some data".to_vec())
        );
        for length in 2..packed.len() {
            assert_eq!(
                compression(&packed[..length]),
                "the compressed stream ends early",
                "cut at {length}"
            );
        }
        let mut damaged = packed.clone();
        let checksum = packed.len() - 8;
        damaged[checksum] ^= 1;
        assert!(!compression(&damaged).is_empty());
        assert!(!compression(&[&packed[..], b"junk"].concat()).is_empty());
        assert_eq!(
            problem(&gzip(&[&plain[..], b"!"].concat())),
            (17, BytesProblem::TrailingBytes { extra: None })
        );
        assert_eq!(
            problem(&[packed, gzip(b"!")].concat()),
            (17, BytesProblem::TrailingBytes { extra: None })
        );
        let short = BytesProblem::Truncated {
            what: "data",
            expected: 9,
            got: 8,
        };
        assert_eq!(problem(&gzip(&plain[..16])), (8, short));
    }

    #[test]
    fn images_and_labels_must_be_bytes_of_their_shape() {
        let path = |name: &str| std::env::temp_dir().join(format!("brenier-{}-{name}", std::process::id()));
        for name in ["idx", "idx.gz"] {
            let path = path(name);
            write(&path, &[2, 1, 2], &[0, 51, 102, 255]).unwrap();
            assert_eq!(
                std::fs::read(&path).unwrap().starts_with(&[0x1f, 0x8b]),
                name.ends_with("gz")
            );
            let found = images::<f32>(&path, PixelScale::Unit).unwrap();
            assert_eq!(found.pixels, Matrix::from_rows([[0.0, 0.2], [0.4, 1.0]]));
            assert_eq!((found.height, found.width), (1, 2));
            assert_eq!(
                images::<f64>(&path, PixelScale::Bytes).unwrap().pixels.row(1),
                [102.0, 255.0]
            );
            let error = labels(&path).unwrap_err().to_string();
            assert!(
                error.ends_with("the array has shape [2, 1, 2]; expected one dimension"),
                "{error}"
            );
            assert!(error.contains(name), "{error}");
            std::fs::remove_file(path).unwrap();
        }
        let path = path("signed");
        std::fs::write(&path, [0, 0, 9, 1, 0, 0, 0, 1, 200]).unwrap();
        assert!(
            labels(&path)
                .unwrap_err()
                .to_string()
                .ends_with("the elements are i8; expected u8")
        );
        assert!(images::<f32>(&path, PixelScale::Unit).is_err());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn shapes_that_the_format_cannot_say_are_refused() {
        let refused = |shape: &[usize], bytes: &[u8]| match write_to(Vec::new(), shape, bytes) {
            Err(DataError::Array { problem, .. }) => problem,
            other => panic!("expected an error about the array, got {other:?}"),
        };
        assert!(matches!(refused(&[2], &[1]), ArrayProblem::Length { .. }));
        assert!(matches!(
            refused(&[1; 256], &[1]),
            ArrayProblem::Dimensions { .. }
        ));
        let dimension = 1 << 32;
        assert_eq!(
            refused(&[0, dimension], &[]),
            ArrayProblem::DimensionTooLarge { dimension }
        );
    }

    proptest! {
        #[test]
        fn bytes_come_back(shape in prop::collection::vec(0_usize..4, 0..4), seed in any::<u8>()) {
            let length = shape.iter().product();
            let bytes: Vec<u8> = (0..length).map(|k: usize| seed.wrapping_mul(37).wrapping_add(k as u8)).collect();
            let mut file = Vec::new();
            write_to(&mut file, &shape, &bytes).unwrap();
            for packed in [file.clone(), gzip(&file)] {
                let array = read_from(&packed[..]).unwrap();
                prop_assert_eq!(array.shape(), &shape[..]);
                prop_assert_eq!(array.into_data(), ArrayData::U8(bytes.clone()));
            }
        }
    }
}
