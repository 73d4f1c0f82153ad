//! A whole file in memory, plain or gzip, for formats of text that are parsed in one piece; and writing one.

use super::bytes::{ByteReader, open};
use super::error::{DataError, Origin, Result};
use super::write::replace;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::fs::File;
use std::io::{BufWriter, Cursor, Read, Write};
use std::path::Path;

/// Bytes that are asked for at a time.
const PIECE: usize = 256 * 1024;

/// The bytes of a file, unpacked if it begins as gzip does.
///
/// # Errors
/// [`DataError::Io`] if it cannot be read, [`DataError::Bytes`] if its compressed stream is damaged.
pub(crate) fn read_whole(path: &Path) -> Result<Vec<u8>> {
    let (file, _) = open(path)?;
    unpack(file, path.into())
}

/// The bytes of any reader, unpacked if they begin as gzip does. Memory grows with the bytes that come.
///
/// # Errors
/// As [`read_whole`].
pub(crate) fn read_whole_from(reader: impl Read) -> Result<Vec<u8>> {
    unpack(reader, Origin::Stream)
}

/// Writes a file as a whole or not at all, compressed if its name ends in `.gz`.
///
/// # Errors
/// [`DataError::Io`] if it cannot be written; what was there before still is then.
pub(crate) fn write_whole(path: &Path, text: &[u8]) -> Result<()> {
    let refused = |reason| DataError::Io { operation: "write", origin: path.into(), reason };
    let compressed = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
    replace(path, |writer: &mut BufWriter<File>| {
        if compressed {
            let mut encoder = GzEncoder::new(writer, Compression::default());
            encoder.write_all(text).and_then(|()| encoder.finish().map(drop)).map_err(refused)
        } else {
            writer.write_all(text).map_err(refused)
        }
    })
}

/// Writes to any writer and flushes it.
///
/// # Errors
/// [`DataError::Io`] if it refuses.
pub(crate) fn write_whole_to(mut writer: impl Write, text: &[u8]) -> Result<()> {
    let refused = |reason| DataError::Io { operation: "write", origin: Origin::Stream, reason };
    writer.write_all(text).and_then(|()| writer.flush()).map_err(refused)
}

fn unpack(mut reader: impl Read, origin: Origin) -> Result<Vec<u8>> {
    let mut start = [0; 2];
    let got = ByteReader::new(&mut reader, origin.clone(), None).fill(&mut start)?;
    let whole = Cursor::new(&start[..got]).chain(reader);
    if start == [0x1f, 0x8b] {
        drain(ByteReader::compressed(MultiGzDecoder::new(whole), origin))
    } else {
        drain(ByteReader::new(whole, origin, None))
    }
}

fn drain<R: Read>(mut reader: ByteReader<R>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let filled = bytes.len();
        bytes.resize(filled + PIECE, 0);
        let got = reader.fill(&mut bytes[filled..])?;
        if got < PIECE {
            bytes.truncate(filled + got);
            return Ok(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_packed_bytes_come_back_the_same() {
        let text: Vec<u8> = (0..600_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        assert_eq!(read_whole_from(&text[..]).unwrap(), text);
        let folder = std::env::temp_dir();
        for name in ["plain", "packed.gz"] {
            let path = folder.join(format!("brenier-whole-{}-{name}", std::process::id()));
            write_whole(&path, &text).unwrap();
            assert_eq!(read_whole(&path).unwrap(), text);
            assert_eq!(std::fs::metadata(&path).unwrap().len() < 100_000, name == "packed.gz");
            std::fs::remove_file(path).unwrap();
        }
        assert_eq!(read_whole_from(&b""[..]).unwrap(), b"");
        assert_eq!(read_whole_from(&b"\x1f"[..]).unwrap(), b"\x1f");
    }

    #[test]
    fn damage_is_reported() {
        let error = read_whole_from(&b"\x1f\x8b\x08"[..]).unwrap_err();
        assert!(error.to_string().contains("the compressed stream ends early"), "{error}");
        let error = read_whole(Path::new("/nowhere/at/all.mps")).unwrap_err();
        assert!(error.to_string().starts_with("cannot open /nowhere/at/all.mps: "), "{error}");
    }
}
