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
use super::super::error::{BytesProblem, Result, excerpt};
use super::literals::{Literals, Parsed};
use std::io::Read;

const SIGNATURE: [u8; 6] = *b"\x93NUMPY";
const KEYS: [&str; 3] = ["descr", "fortran_order", "shape"];

/// The longest header that is read: the longest that version 1.0 can say. NumPy itself stops at 10,000 bytes.
const LONGEST: u64 = 1 << 16;

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
        return Err(reader.error(0, BytesProblem::Signature { format: "a .npy", found }));
    }
    if got < SIGNATURE.len() {
        let (expected, got) = (SIGNATURE.len() as u64, got as u64);
        return Err(reader.error(0, BytesProblem::Truncated { what: "signature", expected, got }));
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
        return Err(reader.error(length_offset, BytesProblem::HeaderTooLong { length, limit: LONGEST }));
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

/// Reads the dictionary `text`, which begins at the byte `start` of the file.
fn parse(text: &[u8], start: u64) -> Parsed<Header> {
    let mut literals = Literals::new(text);
    let mut descr = None;
    let mut fortran_order = None;
    let mut shape = None;
    literals.punctuation(b'{', "'{' and a dictionary")?;
    while !literals.takes(b'}') {
        literals.skip_space();
        let position = literals.position;
        let key = literals.string("a key in quotes, or '}'")?;
        let Some(key) = KEYS.into_iter().find(|known| *known == key) else {
            return Err((position, BytesProblem::UnknownKey { key: excerpt(&key) }));
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
        return Err((descr_position, BytesProblem::UnsupportedType { type_name: excerpt(&descr) }));
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

/// The bytes of a header as NumPy writes them, for elements in C order and at most 64 dimensions.
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
    // The data begin at a multiple of 64 bytes, after at least one space, and the text ends in a line feed. With at most
    // 64 dimensions it is far shorter than version 1.0 can say.
    let padded = ((SIGNATURE.len() + 4 + text.len() + 1) / 64 + 1) * 64;
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([1, 0]);
    bytes.extend(((padded - SIGNATURE.len() - 4) as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.resize(padded - 1, b' ');
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::literals::MOST_DIMENSIONS;
    use super::*;
    use crate::data::Origin;

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
        assert_eq!(expected("{'descr': '>f4', 'fortran_order': True, 'shape': (3, 4), }  \n"), same);
        assert_eq!(expected(r#"{"shape":(3,4),"fortran_order":True,"descr":">f4"}"#), same);
        assert_eq!(
            expected("\n{ 'shape' :\t( 3L , 4 , ) ,\n'descr' : '>f4' , 'fortran_order' : True }"),
            same
        );
        let shape =
            |tuple: &str| expected(&format!("{{'descr':'|u1','fortran_order':False,'shape':{tuple}}}")).3;
        assert_eq!(shape("()"), [0_usize; 0]);
        assert_eq!(shape("( )"), [0_usize; 0]);
        assert_eq!(shape("(0,)"), [0]);
        assert_eq!(shape("(1,2,3,)"), [1, 2, 3]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let missing = |key| (0, BytesProblem::MissingKey { key });
        assert_eq!(problem("{'fortran_order': True, 'shape': (1,)}"), missing("descr"));
        assert_eq!(problem("{'descr': '<f8', 'shape': (1,)}"), missing("fortran_order"));
        assert_eq!(problem("{'descr': '<f8', 'fortran_order': False}"), missing("shape"));
        assert_eq!(problem("{}"), missing("descr"));
        assert_eq!(
            problem("{'descr': '<f8', 'descr': '<f8'}"),
            (17, BytesProblem::DuplicateKey { key: "descr" })
        );
        assert_eq!(problem("{'color': '<f8'}"), (1, BytesProblem::UnknownKey { key: "color".into() }));
        let types = [
            "|O", "<U5", "|S3", "<c16", "<M8[ns]", "|V4", "<f16", "=f8", "|f8", "f8", "float64", "", "<f",
            "é",
        ];
        for name in types {
            let (position, problem) =
                problem(&format!("{{'descr': '{name}', 'fortran_order': False, 'shape': ()}}"));
            assert_eq!((position, problem), (10, BytesProblem::UnsupportedType { type_name: name.into() }));
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
            (r"{'descr': '\x3cf8'}", 10, "a string without escapes, closed by its quote"),
            ("{'fortran_order': 1}", 18, "True or False"),
            ("{'fortran_order': Truest}", 22, "',' or '}'"),
            ("{'shape': 3}", 10, "'(' and a tuple of dimensions"),
            ("{'shape': [3]}", 10, "'(' and a tuple of dimensions"),
            ("{'shape': (3)}", 12, "',' (a tuple of one has a trailing comma)"),
            ("{'shape': (3,,)}", 13, "a whole number"),
            ("{'shape': (,)}", 11, "a whole number"),
            ("{'shape': (-1,)}", 11, "a whole number"),
            ("{'shape': (03,)}", 11, "a whole number"),
            ("{'shape': (3.0,)}", 12, "',' (a tuple of one has a trailing comma)"),
            ("{'shape': (3, 4", 15, "',' or ')'"),
            ("{'descr': '<f8', 'fortran_order': True, 'shape': (3,)} x", 55, "the header's end"),
        ];
        for (text, position, expected) in cases {
            let (got, problem) = problem(text);
            assert!(
                matches!(problem, BytesProblem::Syntax { expected: said, .. } if said == expected && got == position),
                "{text}: {got} {problem}"
            );
        }
        let digits = "99999999999999999999999";
        let large = BytesProblem::DimensionTooLarge { digits: digits.into() };
        assert_eq!(problem(&format!("{{'shape': ({digits},)}}")), (11, large));
        let many = "1,".repeat(MOST_DIMENSIONS + 1);
        let limit = MOST_DIMENSIONS;
        assert!(
            matches!(problem(&format!("{{'shape': ({many})}}")), (_, BytesProblem::TooManyDimensions { limit: got }) if got == limit)
        );
        // However long the text of a hostile file, the message is short.
        let long = "9".repeat(60_000);
        for text in [
            format!("{{'shape': ({long},)}}"),
            format!("{{'{long}': 1}}"),
            format!("{{'descr': {long}"),
            format!("{{'descr': [{long}"),
        ] {
            assert!(problem(&text).1.to_string().len() < 200);
        }
    }

    #[test]
    fn a_written_header_is_padded_and_reads_back() {
        let many = [usize::MAX; MOST_DIMENSIONS];
        for shape in [&[][..], &[3], &[20, 5], &[2, 3, 4, 5], &[usize::MAX; 2], &many] {
            let bytes = encode("<f8", shape);
            assert_eq!(bytes.len() % 64, 0);
            assert_eq!(bytes.last(), Some(&b'\n'));
            let mut reader = ByteReader::new(&bytes[..], Origin::Stream, None);
            assert_eq!(read(&mut reader).unwrap().shape, shape);
            assert_eq!(reader.offset(), bytes.len() as u64);
        }
    }
}
