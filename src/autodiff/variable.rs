//! A handle to a node of a tape.

/// A matrix on a [`Tape`](super::Tape): a number, to be copied and passed around freely.
///
/// It is valid on the tape that made it until that tape is [cleared](super::Tape::clear). Afterwards, and on every other tape, it is
/// refused with [`Error::ForeignVariable`](crate::Error::ForeignVariable): it carries the number of the recording it belongs to, which
/// no other recording of the program has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Variable {
    pub(super) index: usize,
    pub(super) epoch: u64,
}

impl Variable {
    /// Its place on the tape, counted from zero in the order of recording.
    pub fn index(self) -> usize {
        self.index
    }
}
