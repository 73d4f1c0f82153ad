//! A reader that knows where it is: every error of a binary format names the byte at which it stands.
//!
//! Nothing here believes a header: where the file's length is known, a claim is checked against it before anything is
//! allocated; where it is not (a pipe, a compressed stream), elements are read piece by piece, so that memory grows
//! with the bytes that came and not with those that were promised.

use super::element::{ByteOrder, Element};
use super::error::{BytesProblem, DataError, Origin, Result};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Bytes that are read at a time: large enough that the system call does not count, small enough for the L2 cache.
const PIECE: usize = 64 * 1024;

/// A reader with its position, its name for errors and, where known, its length.
pub(super) struct ByteReader<R> {
    reader: R,
    origin: Origin,
    offset: u64,
    length: Option<u64>,
    compressed: bool,
}

/// Opens a file; its length is known if it is a regular one (a pipe or a device has none, and the files in which a
/// system shows its state say 0).
pub(super) fn open(path: &Path) -> Result<(File, Option<u64>)> {
    let refused = |reason| DataError::Io { operation: "open", origin: path.into(), reason };
    let file = File::open(path).map_err(refused)?;
    let metadata = file.metadata().map_err(refused)?;
    let length = Some(metadata.len()).filter(|&length| metadata.is_file() && length > 0);
    Ok((file, length))
}

impl<R: Read> ByteReader<R> {
    /// Reads from the start of `reader`, which has `length` bytes if that is known.
    pub(super) fn new(reader: R, origin: Origin, length: Option<u64>) -> Self {
        Self { reader, origin, offset: 0, length, compressed: false }
    }

    /// Reads what a decompressor gives: its complaints are errors of the data, not of the system.
    pub(super) fn compressed(reader: R, origin: Origin) -> Self {
        Self { reader, origin, offset: 0, length: None, compressed: true }
    }

    /// The position of the next byte.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// An error at the byte `offset`.
    pub(super) fn error(&self, offset: u64, problem: BytesProblem) -> DataError {
        DataError::Bytes { origin: self.origin.clone(), offset, problem }
    }

    /// Reads until `buffer` is full or the data end; the number of bytes read.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => {
                    filled += count;
                    self.offset += count as u64;
                }
                Err(reason) if reason.kind() == ErrorKind::Interrupted => {}
                // The decompressor's own complaints carry no code of the system.
                Err(reason) if self.compressed && reason.raw_os_error().is_none() => {
                    let reason = match reason.kind() {
                        ErrorKind::UnexpectedEof => "the compressed stream ends early".to_owned(),
                        _ => reason.to_string(),
                    };
                    return Err(self.error(self.offset, BytesProblem::Compression { reason }));
                }
                Err(reason) => {
                    return Err(DataError::Io { operation: "read", origin: self.origin.clone(), reason });
                }
            }
        }
        Ok(filled)
    }

    /// Fills `buffer` with the bytes of `what`, or says how many there were.
    pub(super) fn exact(&mut self, buffer: &mut [u8], what: &'static str) -> Result<()> {
        let start = self.offset;
        let got = self.fill(buffer)?;
        if got < buffer.len() {
            let expected = buffer.len() as u64;
            return Err(self.error(start, BytesProblem::Truncated { what, expected, got: got as u64 }));
        }
        Ok(())
    }

    /// Checks a claim about the bytes still to come, where the length is known.
    pub(super) fn check_remaining(&self, what: &'static str, expected: u64) -> Result<()> {
        let Some(length) = self.length else { return Ok(()) };
        let got = length.saturating_sub(self.offset);
        if got < expected {
            return Err(self.error(self.offset, BytesProblem::Truncated { what, expected, got }));
        }
        Ok(())
    }

    /// Reads `count` elements, the last of the file: bytes left over are an error.
    pub(super) fn last_elements<E: Element>(&mut self, count: usize, order: ByteOrder) -> Result<Vec<E>> {
        let expected = count as u64 * E::SIZE as u64;
        self.check_remaining("data", expected)?;
        if let Some(length) = self.length {
            let extra = length.saturating_sub(self.offset) - expected;
            if extra > 0 {
                return Err(
                    self.error(self.offset + expected, BytesProblem::TrailingBytes { extra: Some(extra) })
                );
            }
        }
        let elements = self.elements(count, order)?;
        self.end()?;
        Ok(elements)
    }

    /// Reads `count` elements. More may follow.
    pub(super) fn elements<E: Element>(&mut self, count: usize, order: ByteOrder) -> Result<Vec<E>> {
        let expected = count as u64 * E::SIZE as u64;
        self.check_remaining("data", expected)?;
        let start = self.offset;
        let mut elements = match self.length {
            Some(_) => Vec::with_capacity(count),
            None => Vec::new(),
        };
        let mut piece = vec![0; PIECE.min(usize::try_from(expected).unwrap_or(PIECE))];
        while elements.len() < count {
            let wanted = (count - elements.len()).min(PIECE / E::SIZE) * E::SIZE;
            let got = self.fill(&mut piece[..wanted])?;
            for bytes in piece[..got].chunks_exact(E::SIZE) {
                let element = E::from_bytes(bytes, order);
                let Some(element) = element else {
                    let index = elements.len() as u64;
                    let problem = BytesProblem::Boolean { index, value: bytes[0] };
                    return Err(self.error(start + index * E::SIZE as u64, problem));
                };
                elements.push(element);
            }
            if got < wanted {
                let got = self.offset - start;
                return Err(self.error(start, BytesProblem::Truncated { what: "data", expected, got }));
            }
        }
        Ok(elements)
    }

    /// Checks that nothing follows.
    pub(super) fn end(&mut self) -> Result<()> {
        let end = self.offset;
        if self.fill(&mut [0])? > 0 {
            return Err(self.error(end, BytesProblem::TrailingBytes { extra: None }));
        }
        Ok(())
    }
}

/// The number of elements of a shape, if its bytes can be counted and addressed.
///
/// Dimensions of zero are left out of the check first: what they are multiplied with must be countable too, as NumPy asks.
pub(super) fn element_count(shape: &[usize], element_size: usize) -> Option<usize> {
    let mut count = 1_usize;
    for &dimension in shape.iter().filter(|&&dimension| dimension > 0) {
        count = count.checked_mul(dimension)?;
    }
    let bytes = count.checked_mul(element_size)?;
    // No vector is larger than isize::MAX bytes.
    if bytes > isize::MAX as usize {
        return None;
    }
    Some(if shape.contains(&0) { 0 } else { count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_checked() {
        assert_eq!(element_count(&[], 8), Some(1));
        assert_eq!(element_count(&[3, 4], 8), Some(12));
        assert_eq!(element_count(&[3, 0], 8), Some(0));
        assert_eq!(element_count(&[usize::MAX, 0], 8), None);
        assert_eq!(element_count(&[1 << 33, 1 << 33], 1), None);
        assert_eq!(element_count(&[usize::MAX / 2 + 1], 1), None);
    }

    #[test]
    fn a_reader_that_dribbles_gives_the_same_elements() {
        struct Dribble<'a>(&'a [u8]);
        impl Read for Dribble<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let count = self.0.len().min(buffer.len()).min(3);
                buffer[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        let bytes: Vec<u8> = (0..40_000_u32).flat_map(u32::to_be_bytes).collect();
        let mut reader = ByteReader::new(Dribble(&bytes), Origin::Stream, None);
        let elements: Vec<u32> = reader.last_elements(40_000, ByteOrder::Big).unwrap();
        assert!(elements.into_iter().eq(0..40_000));
    }

    #[test]
    fn the_system_s_refusals_keep_their_reason() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("unplugged"))
            }
        }
        let mut reader = ByteReader::new(Broken, Origin::Stream, None);
        let error = reader.end().unwrap_err();
        assert_eq!(error.to_string(), "cannot read the stream: unplugged");
    }
}
