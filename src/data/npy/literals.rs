//! The Python literals of a header: strings, booleans and tuples of whole numbers, read by hand.

use super::super::error::{BytesProblem, excerpt};

/// The most dimensions that an array has in NumPy 2 (`NPY_MAXDIMS`).
pub(super) const MOST_DIMENSIONS: usize = 64;

/// A problem and its position in the header.
pub(super) type Parsed<T> = std::result::Result<T, (usize, BytesProblem)>;

/// A cursor over Python literals.
pub(super) struct Literals<'a> {
    text: &'a [u8],
    /// The next byte to read.
    pub position: usize,
}

impl<'a> Literals<'a> {
    /// Stands at the start of `text`.
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, position: 0 }
    }

    /// Skips spaces and line breaks.
    pub(super) fn skip_space(&mut self) {
        while matches!(self.text.get(self.position), Some(b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')) {
            self.position += 1;
        }
    }

    /// What stands at the cursor, for an error.
    fn rest(&self) -> String {
        excerpt(String::from_utf8_lossy(&self.text[self.position..]).trim_end())
    }

    /// The error that something else stands at the cursor.
    pub(super) fn syntax(&self, expected: &'static str) -> (usize, BytesProblem) {
        let found = match self.rest() {
            nothing if nothing.is_empty() => "the header's end".to_owned(),
            found => found,
        };
        (self.position, BytesProblem::Syntax { expected, found })
    }

    /// Skips spaces and this character, if it comes next.
    pub(super) fn takes(&mut self, character: u8) -> bool {
        self.skip_space();
        let takes = self.text.get(self.position) == Some(&character);
        self.position += usize::from(takes);
        takes
    }

    /// Skips spaces and this character, which must come next.
    pub(super) fn punctuation(&mut self, character: u8, expected: &'static str) -> Parsed<()> {
        if self.takes(character) { Ok(()) } else { Err(self.syntax(expected)) }
    }

    /// A string in single or double quotes. None that NumPy writes for a number has an escape.
    pub(super) fn string(&mut self, expected: &'static str) -> Parsed<String> {
        self.skip_space();
        let Some(quote @ (b'\'' | b'"')) = self.text.get(self.position).copied() else {
            return Err(self.syntax(expected));
        };
        let rest = &self.text[self.position + 1..];
        match rest.iter().position(|&byte| byte == quote || matches!(byte, b'\\' | b'\n')) {
            Some(length) if rest[length] == quote => {
                self.position += length + 2;
                Ok(String::from_utf8_lossy(&rest[..length]).into_owned())
            }
            _ => Err(self.syntax("a string without escapes, closed by its quote")),
        }
    }

    /// The element type. A list describes a structure, which is refused here with the list's beginning as its name.
    pub(super) fn descr(&mut self) -> Parsed<String> {
        if matches!(self.text.get(self.position), Some(b'[' | b'(')) {
            let type_name = self.rest();
            return Err((self.position, BytesProblem::UnsupportedType { type_name }));
        }
        self.string("an element type in quotes")
    }

    /// A boolean.
    pub(super) fn boolean(&mut self) -> Parsed<bool> {
        let rest = &self.text[self.position..];
        for (word, value) in [(&b"True"[..], true), (b"False", false)] {
            if rest.starts_with(word) {
                self.position += word.len();
                return Ok(value);
            }
        }
        Err(self.syntax("True or False"))
    }

    /// A tuple of whole numbers: `()`, `(3,)`, `(3, 4)`, `(3, 4,)`. `(3)` is a number in Python, not a tuple.
    pub(super) fn tuple(&mut self) -> Parsed<Vec<usize>> {
        self.punctuation(b'(', "'(' and a tuple of dimensions")?;
        let mut dimensions = Vec::new();
        while !self.takes(b')') {
            let dimension = self.dimension()?;
            if dimensions.len() == MOST_DIMENSIONS {
                let limit = MOST_DIMENSIONS;
                return Err((self.position, BytesProblem::TooManyDimensions { limit }));
            }
            dimensions.push(dimension);
            if self.takes(b',') {
                continue;
            }
            if dimensions.len() == 1 {
                return Err(self.syntax("',' (a tuple of one has a trailing comma)"));
            }
            self.punctuation(b')', "',' or ')'")?;
            break;
        }
        Ok(dimensions)
    }

    fn dimension(&mut self) -> Parsed<usize> {
        self.skip_space();
        let rest = &self.text[self.position..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        // Python writes no leading zeros and refuses to read them.
        if length == 0 || (length > 1 && rest[0] == b'0') {
            return Err(self.syntax("a whole number"));
        }
        let digits = String::from_utf8_lossy(&rest[..length]).into_owned();
        let start = self.position;
        self.position += length;
        // Python 2 wrote large numbers with an L.
        if self.text.get(self.position) == Some(&b'L') {
            self.position += 1;
        }
        digits.parse().map_err(|_| (start, BytesProblem::DimensionTooLarge { digits: excerpt(&digits) }))
    }
}
