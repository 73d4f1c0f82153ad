//! The header of a `.npy` file: a signature, a version, a length, and a Python dictionary in that many bytes.
//!
//! ```text
//! 93 'NUMPY' | major minor | length: u16 (1.0) or u32 (2.0, 3.0), little-endian | {'descr': '<f8', …} spaces \n | data
//! ```
//! The dictionary has the keys `descr` (the element type), `fortran_order` and `shape`, in any order. Its literals are
//! read by hand: strings in either quotes, `True` and `False`, and tuples of whole numbers. Source: the format's
//! description in `numpy.lib.format`.

use super::super::bytes::ByteReader;
use super::super::element::ByteOrder;
use super::super::error::{BytesProblem, Result};
use std::io::Read;

const SIGNATURE: [u8; 6] = *b"\x93NUMPY";
const KEYS: [&str; 3] = ["descr", "fortran_order", "shape"];

/// The longest header that is read. One of real numbers has some hundred bytes; NumPy itself stops at 10,000.
const LONGEST: u64 = 1 << 20;

/// What a header says, and where it says it.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    /// Kind (`f`, `i`, `u`, `b`) and size in bytes of the elements.
    pub kind: (char, usize),
    /// The order of their bytes.
    pub order: ByteOrder,
    /// Whether the first index runs fastest.
    pub fortran_order: bool,
    /// The dimensions.
    pub shape: Vec<usize>,
    /// The byte at which the type stands, and the type as it is written.
    pub descr: (u64, String),
    /// The byte at which the shape stands.
    pub shape_offset: u64,
}

/// Reads a header; the reader then stands at the first byte of the data.
pub(super) fn read<R: Read>(reader: &mut ByteReader<R>) -> Result<Header> {
    let mut signature = [0; 6];
    let got = reader.fill(&mut signature)?;
    if signature[..got] != SIGNATURE[..got] || got == 0 {
        let found = signature[..got].to_vec();
        return Err(reader.error(
            0,
            BytesProblem::Signature {
                format: "a .npy",
                found,
            },
        ));
    }
    if got < SIGNATURE.len() {
        let (expected, got) = (SIGNATURE.len() as u64, got as u64);
        return Err(reader.error(
            0,
            BytesProblem::Truncated {
                what: "signature",
                expected,
                got,
            },
        ));
    }
    let mut version = [0; 2];
    reader.exact(&mut version, "version")?;
    let [major, minor] = version;
    let length_offset = reader.offset();
    let length = match version {
        [1, 0] => {
            let mut length = [0; 2];
            reader.exact(&mut length, "header length")?;
            u64::from(u16::from_le_bytes(length))
        }
        [2 | 3, 0] => {
            let mut length = [0; 4];
            reader.exact(&mut length, "header length")?;
            u64::from(u32::from_le_bytes(length))
        }
        _ => return Err(reader.error(length_offset - 2, BytesProblem::Version { major, minor })),
    };
    if length > LONGEST {
        return Err(reader.error(
            length_offset,
            BytesProblem::HeaderTooLong {
                length,
                limit: LONGEST,
            },
        ));
    }
    reader.check_remaining("header", length)?;
    let start = reader.offset();
    let mut text = vec![0; length as usize];
    reader.exact(&mut text, "header")?;
    if let Some(position) = text.iter().position(|byte| !byte.is_ascii()) {
        let problem = BytesProblem::NotAscii { byte: text[position] };
        return Err(reader.error(start + position as u64, problem));
    }
    parse(&text, start).map_err(|(position, problem)| reader.error(start + position as u64, problem))
}

/// A problem and its position in the header.
type Parsed<T> = std::result::Result<T, (usize, BytesProblem)>;

/// Reads the dictionary `text`, which begins at the byte `start` of the file.
fn parse(text: &[u8], start: u64) -> Parsed<Header> {
    let mut literals = Literals { text, position: 0 };
    let mut descr = None;
    let mut fortran_order = None;
    let mut shape = None;
    literals.punctuation(b'{', "'{' and a dictionary")?;
    while !literals.takes(b'}') {
        literals.skip_space();
        let position = literals.position;
        let key = literals.string("a key in quotes, or '}'")?;
        let Some(key) = KEYS.into_iter().find(|known| *known == key) else {
            return Err((position, BytesProblem::UnknownKey { key }));
        };
        literals.punctuation(b':', "':'")?;
        literals.skip_space();
        let value = literals.position;
        let repeated = match key {
            "descr" => descr.replace((value, literals.descr()?)).is_some(),
            "fortran_order" => fortran_order.replace(literals.boolean()?).is_some(),
            _ => shape.replace((value, literals.tuple()?)).is_some(),
        };
        if repeated {
            return Err((position, BytesProblem::DuplicateKey { key }));
        }
        if !literals.takes(b',') {
            literals.punctuation(b'}', "',' or '}'")?;
            break;
        }
    }
    literals.skip_space();
    if literals.position < text.len() {
        return Err(literals.syntax("the header's end"));
    }
    let missing = |key| (0, BytesProblem::MissingKey { key });
    let (descr_position, descr) = descr.ok_or(missing(KEYS[0]))?;
    let fortran_order = fortran_order.ok_or(missing(KEYS[1]))?;
    let (shape_position, shape) = shape.ok_or(missing(KEYS[2]))?;
    let Some((order, kind)) = element_type(&descr) else {
        return Err((descr_position, BytesProblem::UnsupportedType { type_name: descr }));
    };
    Ok(Header {
        kind,
        order,
        fortran_order,
        shape,
        descr: (start + descr_position as u64, descr),
        shape_offset: start + shape_position as u64,
    })
}

/// Byte order, kind and size of a type like `<f8`; none if it is not of that form.
fn element_type(descr: &str) -> Option<(ByteOrder, (char, usize))> {
    let mut characters = descr.chars();
    let order = characters.next()?;
    let kind = characters.next()?;
    let size = match characters.as_str() {
        "1" => 1,
        "2" => 2,
        "4" => 4,
        "8" => 8,
        _ => return None,
    };
    let order = match order {
        '<' => ByteOrder::Little,
        '>' => ByteOrder::Big,
        // "Not applicable": right for single bytes alone.
        '|' if size == 1 => ByteOrder::Little,
        _ => return None,
    };
    Some((order, (kind, size)))
}

/// A cursor over Python literals.
struct Literals<'a> {
    text: &'a [u8],
    position: usize,
}

impl Literals<'_> {
    fn skip_space(&mut self) {
        while matches!(
            self.text.get(self.position),
            Some(b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
        ) {
            self.position += 1;
        }
    }

    /// What stands at the cursor, for an error: at most 24 characters of it.
    fn syntax(&self, expected: &'static str) -> (usize, BytesProblem) {
        let end = self.text.len().min(self.position + 24);
        let found = match &self.text[self.position..end] {
            [] => "the header's end".to_owned(),
            found => String::from_utf8_lossy(found).trim_end().to_owned(),
        };
        (self.position, BytesProblem::Syntax { expected, found })
    }

    /// Skips spaces and this character, if it comes next.
    fn takes(&mut self, character: u8) -> bool {
        self.skip_space();
        let takes = self.text.get(self.position) == Some(&character);
        self.position += usize::from(takes);
        takes
    }

    fn punctuation(&mut self, character: u8, expected: &'static str) -> Parsed<()> {
        if self.takes(character) {
            Ok(())
        } else {
            Err(self.syntax(expected))
        }
    }

    /// A string in single or double quotes. None that NumPy writes for a number has an escape.
    fn string(&mut self, expected: &'static str) -> Parsed<String> {
        self.skip_space();
        let Some(quote @ (b'\'' | b'"')) = self.text.get(self.position).copied() else {
            return Err(self.syntax(expected));
        };
        let rest = &self.text[self.position + 1..];
        match rest
            .iter()
            .position(|&byte| byte == quote || matches!(byte, b'\\' | b'\n'))
        {
            Some(length) if rest[length] == quote => {
                self.position += length + 2;
                Ok(String::from_utf8_lossy(&rest[..length]).into_owned())
            }
            _ => Err(self.syntax("a string without escapes, closed by its quote")),
        }
    }

    /// The element type. A list describes a structure, which is refused here with the list's beginning as its name.
    fn descr(&mut self) -> Parsed<String> {
        if matches!(self.text.get(self.position), Some(b'[' | b'(')) {
            let (position, problem) = self.syntax("");
            let BytesProblem::Syntax { found, .. } = problem else {
                unreachable!("syntax gives a syntax problem")
            };
            return Err((
                position,
                BytesProblem::UnsupportedType {
                    type_name: format!("{found}…"),
                },
            ));
        }
        self.string("an element type in quotes")
    }

    fn boolean(&mut self) -> Parsed<bool> {
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
    fn tuple(&mut self) -> Parsed<Vec<usize>> {
        self.punctuation(b'(', "'(' and a tuple of dimensions")?;
        let mut dimensions = Vec::new();
        while !self.takes(b')') {
            dimensions.push(self.dimension()?);
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
        digits
            .parse()
            .map_err(|_| (start, BytesProblem::DimensionTooLarge { digits }))
    }
}

/// The bytes of a header as NumPy writes them, for elements in C order.
pub(super) fn encode(descr: &str, shape: &[usize]) -> Vec<u8> {
    let dimensions: Vec<String> = shape.iter().map(usize::to_string).collect();
    let tuple = match &dimensions[..] {
        [single] => format!("({single},)"),
        several => format!("({})", several.join(", ")),
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple}, }}");
    // NumPy leaves room for the first dimension to grow to 21 digits in place.
    if let Some(first) = dimensions.first() {
        text.push_str(&" ".repeat(21 - first.len()));
    }
    // The data begin at a multiple of 64 bytes; the text ends in a line feed.
    let padded = |fixed: usize| (fixed + text.len() + 1).next_multiple_of(64);
    let mut bytes = SIGNATURE.to_vec();
    let length = padded(10) - 10;
    match u16::try_from(length) {
        Ok(length) => {
            bytes.extend([1, 0]);
            bytes.extend(length.to_le_bytes());
        }
        // Only a shape of thousands of dimensions comes here.
        Err(_) => {
            bytes.extend([2, 0]);
            bytes.extend(((padded(12) - 12) as u32).to_le_bytes());
        }
    }
    bytes.extend(text.as_bytes());
    bytes.resize((bytes.len() + 1).next_multiple_of(64) - 1, b' ');
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> (usize, BytesProblem) {
        parse(text.as_bytes(), 10).unwrap_err()
    }

    #[test]
    fn python_s_liberties_are_read() {
        let expected = |text: &str| {
            let header = parse(text.as_bytes(), 10).unwrap();
            (header.kind, header.order, header.fortran_order, header.shape)
        };
        let same = (('f', 4), ByteOrder::Big, true, vec![3, 4]);
        assert_eq!(
            expected("{'descr': '>f4', 'fortran_order': True, 'shape': (3, 4), }  \n"),
            same
        );
        assert_eq!(
            expected(r#"{"shape":(3,4),"fortran_order":True,"descr":">f4"}"#),
            same
        );
        assert_eq!(
            expected("\n{ 'shape' :\t( 3L , 4 , ) ,\n'descr' : '>f4' , 'fortran_order' : True }"),
            same
        );
        let shape = |tuple: &str| {
            expected(&format!(
                "{{'descr':'|u1','fortran_order':False,'shape':{tuple}}}"
            ))
            .3
        };
        assert_eq!(shape("()"), [0_usize; 0]);
        assert_eq!(shape("( )"), [0_usize; 0]);
        assert_eq!(shape("(0,)"), [0]);
        assert_eq!(shape("(1,2,3,)"), [1, 2, 3]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let missing = |key| (0, BytesProblem::MissingKey { key });
        assert_eq!(
            problem("{'fortran_order': True, 'shape': (1,)}"),
            missing("descr")
        );
        assert_eq!(
            problem("{'descr': '<f8', 'shape': (1,)}"),
            missing("fortran_order")
        );
        assert_eq!(
            problem("{'descr': '<f8', 'fortran_order': False}"),
            missing("shape")
        );
        assert_eq!(problem("{}"), missing("descr"));
        assert_eq!(
            problem("{'descr': '<f8', 'descr': '<f8'}"),
            (17, BytesProblem::DuplicateKey { key: "descr" })
        );
        assert_eq!(
            problem("{'color': '<f8'}"),
            (1, BytesProblem::UnknownKey { key: "color".into() })
        );
        let types = [
            "|O", "<U5", "|S3", "<c16", "<M8[ns]", "|V4", "<f16", "=f8", "|f8", "f8", "float64", "", "<f",
            "é",
        ];
        for name in types {
            let (position, problem) = problem(&format!(
                "{{'descr': '{name}', 'fortran_order': False, 'shape': ()}}"
            ));
            assert_eq!(
                (position, problem),
                (
                    10,
                    BytesProblem::UnsupportedType {
                        type_name: name.into()
                    }
                )
            );
        }
        let structured =
            problem("{'descr': [('x', '<f8'), ('y', '<f8')], 'fortran_order': False, 'shape': (2,)}");
        assert!(
            matches!(structured, (10, BytesProblem::UnsupportedType { type_name }) if type_name.starts_with("[('x'"))
        );
    }

    #[test]
    fn broken_syntax_is_named_with_its_place() {
        let cases = [
            ("", 0, "'{' and a dictionary"),
            ("[1]", 0, "'{' and a dictionary"),
            ("{", 1, "a key in quotes, or '}'"),
            ("{'descr", 1, "a string without escapes, closed by its quote"),
            ("{'descr' '<f8'}", 9, "':'"),
            ("{'descr': <f8}", 10, "an element type in quotes"),
            (
                r"{'descr': '\x3cf8'}",
                10,
                "a string without escapes, closed by its quote",
            ),
            ("{'fortran_order': 1}", 18, "True or False"),
            ("{'fortran_order': Truest}", 22, "',' or '}'"),
            ("{'shape': 3}", 10, "'(' and a tuple of dimensions"),
            ("{'shape': [3]}", 10, "'(' and a tuple of dimensions"),
            ("{'shape': (3)}", 12, "',' (a tuple of one has a trailing comma)"),
            ("{'shape': (3,,)}", 13, "a whole number"),
            ("{'shape': (,)}", 11, "a whole number"),
            ("{'shape': (-1,)}", 11, "a whole number"),
            ("{'shape': (03,)}", 11, "a whole number"),
            (
                "{'shape': (3.0,)}",
                12,
                "',' (a tuple of one has a trailing comma)",
            ),
            ("{'shape': (3, 4", 15, "',' or ')'"),
            (
                "{'descr': '<f8', 'fortran_order': True, 'shape': (3,)} x",
                55,
                "the header's end",
            ),
        ];
        for (text, position, expected) in cases {
            let (got, problem) = problem(text);
            assert!(
                matches!(problem, BytesProblem::Syntax { expected: said, .. } if said == expected && got == position),
                "{text}: {got} {problem}"
            );
        }
        let digits = "99999999999999999999999";
        let large = BytesProblem::DimensionTooLarge {
            digits: digits.into(),
        };
        assert_eq!(problem(&format!("{{'shape': ({digits},)}}")), (11, large));
    }

    #[test]
    fn a_written_header_is_padded_and_reads_back() {
        let many = vec![1; 30_000];
        for shape in [&[][..], &[3], &[20, 5], &[2, 3, 4, 5], &[usize::MAX; 2], &many] {
            let bytes = encode("<f8", shape);
            assert_eq!(bytes.len() % 64, 0);
            assert_eq!(bytes.last(), Some(&b'\n'));
            let mut reader = ByteReader::new(&bytes[..], super::super::super::error::Origin::Stream, None);
            assert_eq!(read(&mut reader).unwrap().shape, shape);
            assert_eq!(reader.offset(), bytes.len() as u64);
        }
        let bytes = encode("<f8", &many);
        assert_eq!(bytes[6], 2);
        assert_eq!(bytes.len() % 64, 0);
    }
}
