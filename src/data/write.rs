//! Writing binary files: a header, then elements, piece by piece.

use super::error::{DataError, Origin, Result};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Elements whose bytes are gathered before they are written: some tens of kilobytes.
const PIECE: usize = 8192;

/// Creates a file, or empties the one that is there.
pub(super) fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|reason| DataError::Io { operation: "create", origin: path.into(), reason })
}

/// Writes `start`, then the bytes that `append` gives for each element, and flushes.
pub(super) fn write_all<E>(
    mut writer: impl Write,
    origin: &Origin,
    start: &[u8],
    elements: &[E],
    append: impl Fn(&E, &mut Vec<u8>),
) -> Result<()> {
    let refused = |reason| DataError::Io { operation: "write", origin: origin.clone(), reason };
    writer.write_all(start).map_err(refused)?;
    let mut bytes = Vec::new();
    for piece in elements.chunks(PIECE) {
        bytes.clear();
        for element in piece {
            append(element, &mut bytes);
        }
        writer.write_all(&bytes).map_err(refused)?;
    }
    writer.flush().map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_the_file() {
        let error = create(Path::new("/nowhere/at/all.npy")).unwrap_err();
        assert!(error.to_string().starts_with("cannot create /nowhere/at/all.npy: "), "{error}");

        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let error =
            write_all(Full, &Origin::Stream, b"start", &[0_u8], |&element, bytes| bytes.push(element));
        assert!(matches!(error, Err(DataError::Io { operation: "write", .. })));
    }
}
