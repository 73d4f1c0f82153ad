//! Writing binary files: a header, then elements, piece by piece.

use super::error::{DataError, Origin, Result};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Elements whose bytes are gathered before they are written: some tens of kilobytes.
const PIECE: usize = 8192;

/// Creates a file, or empties the one that is there.
pub(super) fn create(path: &Path) -> Result<File> {
    File::create(path).map_err(|reason| DataError::Io { operation: "create", origin: path.into(), reason })
}

/// Writes a file as a whole or not at all: `fill` writes to a new file beside it, which then takes its name. On an
/// error the new file is gone and what was there before still is.
pub(super) fn replace(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let Some(name) = path.file_name() else {
        let reason = ErrorKind::InvalidInput.into();
        return Err(DataError::Io { operation: "create", origin: path.into(), reason });
    };
    let mut hidden = OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}-{number}.part", std::process::id()));
    let temporary = path.with_file_name(hidden);
    let refused = |operation| move |reason| DataError::Io { operation, origin: path.into(), reason };
    let written = File::create_new(&temporary).map_err(refused("create")).and_then(|file| {
        let mut writer = BufWriter::new(file);
        fill(&mut writer)?;
        let file = writer.into_inner().map_err(|error| refused("write")(error.into_error()))?;
        // On the disk before the name is, so that no crash leaves an empty file under it.
        file.sync_all().map_err(refused("write"))?;
        std::fs::rename(&temporary, path).map_err(refused("rename to"))
    });
    if written.is_err() {
        // The first error is the one to report; that nothing can be removed either does not add to it.
        let _ = std::fs::remove_file(&temporary);
    }
    written
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
