//! The little JSON that a header is made of: objects, strings, arrays of whole numbers.
//!
//! The caller asks for what must stand next and nothing else is taken, so a hostile header can neither nest deeply
//! nor smuggle other values in. Source: RFC 8259.

use crate::data::error::{BytesProblem, excerpt};

/// A place in a header, and what is wrong there.
pub(super) type Problem = (usize, BytesProblem);

/// Reads a text from its start to its end.
pub(super) struct Cursor<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Cursor<'a> {
    /// At the start.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }

    /// The error that something else should stand here.
    pub(super) fn expected(&self, expected: &'static str) -> Problem {
        // The position is that of a whole character but where a byte of a string was refused.
        let found = self.text.get(self.position..).map_or(String::new(), excerpt);
        (self.position, BytesProblem::Syntax { expected, found })
    }

    /// Takes `byte` if it is the next one after white space.
    pub(super) fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    /// Takes `byte`, which must come next.
    pub(super) fn expect(&mut self, byte: u8, name: &'static str) -> Result<(), Problem> {
        if self.take(byte) { Ok(()) } else { Err(self.expected(name)) }
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<(), Problem> {
        self.skip_space();
        if self.position == self.text.len() { Ok(()) } else { Err(self.expected("the end of the header")) }
    }

    /// The members of an object: `member` is called after each key and its colon, with the key and its position.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, String, usize) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        self.expect(b'{', "an object, '{'")?;
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            self.skip_space();
            let start = self.position;
            let key = self.string("a key in quotation marks")?;
            self.expect(b':', "a colon")?;
            member(self, key, start)?;
            if self.take(b'}') {
                return Ok(());
            }
            self.expect(b',', "',' or '}'")?;
        }
    }

    /// An array of whole numbers.
    pub(super) fn integers(&mut self) -> Result<Vec<u64>, Problem> {
        self.expect(b'[', "an array, '['")?;
        let mut integers = Vec::new();
        if self.take(b']') {
            return Ok(integers);
        }
        loop {
            integers.push(self.integer()?);
            if self.take(b']') {
                return Ok(integers);
            }
            self.expect(b',', "',' or ']'")?;
        }
    }

    fn integer(&mut self) -> Result<u64, Problem> {
        self.skip_space();
        let rest = &self.text[self.position..];
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let digits = &rest[..length];
        if digits.is_empty() || (length > 1 && digits.starts_with('0')) {
            return Err(self.expected("a whole number"));
        }
        let too_large = |_| (self.position, BytesProblem::DimensionTooLarge { digits: excerpt(digits) });
        let value = digits.parse().map_err(too_large)?;
        self.position += length;
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            return Err(self.expected("the end of a whole number"));
        }
        Ok(value)
    }

    /// A string with its escapes undone.
    pub(super) fn string(&mut self, name: &'static str) -> Result<String, Problem> {
        self.expect(b'"', name)?;
        let mut value = String::new();
        loop {
            let rest = &self.text[self.position..];
            // Everything up to the next byte that means something is taken whole.
            let plain =
                rest.bytes().take_while(|&byte| byte != b'"' && byte != b'\\' && byte >= b' ').count();
            value.push_str(&rest[..plain]);
            self.position += plain;
            match self.peek() {
                Some(b'"') => {
                    self.position += 1;
                    return Ok(value);
                }
                Some(b'\\') => {
                    self.position += 1;
                    value.push(self.escaped()?);
                }
                _ => return Err(self.expected("the rest of a string")),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Problem> {
        let byte = self.peek();
        let value = match byte {
            Some(b'"' | b'\\' | b'/') => byte.map_or('/', char::from),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.position += 1;
                return self.code_point();
            }
            _ => return Err(self.expected("an escape that JSON has")),
        };
        self.position += 1;
        Ok(value)
    }

    /// After `\u`: four digits, or two times four for a character beyond 16 bits.
    fn code_point(&mut self) -> Result<char, Problem> {
        let first = self.four_digits()?;
        let value = if (0xd800..0xdc00).contains(&first) {
            if !self.text[self.position..].starts_with("\\u") {
                return Err(self.expected("the second half of a surrogate pair"));
            }
            self.position += 2;
            let second = self.four_digits()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.expected("the second half of a surrogate pair"));
            }
            0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
        } else {
            first
        };
        char::from_u32(value).ok_or_else(|| self.expected("a character"))
    }

    fn four_digits(&mut self) -> Result<u32, Problem> {
        let digits = self.text.get(self.position..self.position + 4);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(value) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
            return Err(self.expected("four hexadecimal digits"));
        };
        self.position += 4;
        Ok(value)
    }
}

/// Appends a string in quotation marks, with the escapes that serde_json writes.
pub(super) fn append_string(value: &str, out: &mut String) {
    use std::fmt::Write;
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                write!(out, "\\u{:04x}", u32::from(control)).expect("writing to a string cannot fail")
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_undone() {
        let mut cursor = Cursor::new(r#" "a\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00z" "#);
        assert_eq!(cursor.string("").unwrap(), "a\"\\/\u{8}\u{c}\n\r\té😀z");
        cursor.end().unwrap();
        for bad in [
            r#""open"#,
            r#""\x""#,
            r#""\u12""#,
            r#""\ud800""#,
            r#""\ud800\u0041""#,
            r#""\udc00""#,
            "\"\n\"",
            r#""\"#,
            r#""\u+123""#,
            r#""\uééé""#,
        ] {
            assert!(Cursor::new(bad).string("").is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_are_whole() {
        assert_eq!(Cursor::new("[ 0 , 12,18446744073709551615 ]").integers().unwrap(), [0, 12, u64::MAX]);
        assert!(Cursor::new("[]").integers().unwrap().is_empty());
        for bad in
            ["[-1]", "[1.0]", "[1e3]", "[01]", "[18446744073709551616]", "[1,]", "[1 2]", "[", "[[1]]", "1"]
        {
            assert!(Cursor::new(bad).integers().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn strings_come_back(value in ".{0,30}") {
            let mut text = String::new();
            append_string(&value, &mut text);
            let mut cursor = Cursor::new(&text);
            prop_assert_eq!(cursor.string("").unwrap(), value);
            prop_assert!(cursor.end().is_ok());
        }

        #[test]
        fn nothing_panics(text in ".{0,60}", structured in r#"[\[\]{}",:0-9\\ua-f ]{0,60}"#) {
            for text in [text, structured] {
                let _ = Cursor::new(&text).string("");
                let _ = Cursor::new(&text).integers();
                let _ = Cursor::new(&text).object(|cursor, _, _| cursor.integers().map(|_| ()));
            }
        }
    }
}
