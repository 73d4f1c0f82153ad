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

mod images;
mod write;

use super::array::Array;
use super::bytes::{ByteReader, element_count, open};
use super::element::{ByteOrder, Element};
use super::error::{BytesProblem, Origin, Result};
use flate2::read::MultiGzDecoder;
pub use images::{Images, images, labels};
use std::io::{Cursor, Read};
use std::path::Path;
pub use write::{write, write_to};

/// Reads a file of any shape and type.
///
/// # Errors
/// [`DataError::Io`](super::DataError) if the file cannot be read, [`DataError::Bytes`](super::DataError) if it is not
/// a whole IDX file; of a compressed file the offset counts unpacked bytes.
///
/// # Examples
/// ```
/// use brenier::data::idx;
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-read.idx", std::process::id()));
/// idx::write(&path, &[2, 2], &[0, 1, 1, 0])?;
/// assert_eq!(idx::read(&path)?.to_matrix::<f64>()?.row(1), [1.0, 0.0]);
/// # std::fs::remove_file(path).unwrap();
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
        let problem = BytesProblem::Signature { format: "an IDX", found: start[..got].to_vec() };
        return Err(reader.error(0, problem));
    }
    if got < start.len() {
        return Err(
            reader.error(0, BytesProblem::Truncated { what: "signature", expected: 4, got: got as u64 })
        );
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
        _ => Err(reader.error(2, BytesProblem::UnsupportedType { type_name: format!("{code:#04x}") })),
    }
}

fn elements<E: Element, R: Read>(reader: &mut ByteReader<R>, shape: &[usize]) -> Result<Array> {
    let Some(count) = element_count(shape, E::SIZE) else {
        return Err(reader.error(4, BytesProblem::ShapeTooLarge { shape: shape.to_vec() }));
    };
    Array::new(shape, reader.last_elements::<E>(count, ByteOrder::Big)?)
}

#[cfg(test)]
mod tests;
