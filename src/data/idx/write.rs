//! Writing bytes.

use super::super::array::check_length;
use super::super::error::{ArrayProblem, DataError, Origin, Result, array_error};
use super::super::write::{create, write_all};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::Path;

/// Writes bytes with any shape, last index fastest; compressed if the path ends in `.gz`.
///
/// # Errors
/// [`DataError::Io`] if the file cannot be written; [`ArrayProblem::Length`] if the shape does not
/// have as many elements, [`ArrayProblem::DimensionTooLarge`] and [`ArrayProblem::Dimensions`] if the format cannot say
/// it (2^32 in one dimension, 256 dimensions).
///
/// # Examples
/// ```
/// use brenier::data::idx;
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-write.gz", std::process::id()));
/// idx::write(&path, &[1, 2, 2], &[0, 1, 1, 0])?;
/// assert_eq!(std::fs::read(&path).unwrap()[..2], [0x1f, 0x8b]);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn write(path: impl AsRef<Path>, shape: &[usize], bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let start = header(shape, bytes.len())?;
    let file = create(path)?;
    let origin = path.into();
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz")) {
        let mut encoder = GzEncoder::new(file, Compression::default());
        put(&mut encoder, &origin, &start, bytes)?;
        let finished = encoder.finish();
        finished.map(drop).map_err(|reason| DataError::Io { operation: "write", origin, reason })
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
        return Err(array_error(ArrayProblem::Dimensions { expected, shape: shape.to_vec() }));
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
