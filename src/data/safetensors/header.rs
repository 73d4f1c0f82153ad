//! The header of a safetensors file: names, types, shapes and places of the tensors, and texts.

use super::json::{Cursor, Problem, append_string};
use crate::data::array::Array;
use crate::data::bytes::{ByteReader, element_count};
use crate::data::error::{BytesProblem, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

/// The longest header that is read, as in the reference implementation.
const LONGEST: u64 = 100_000_000;

/// Bytes of a header that are read at a time.
const PIECE: u64 = 64 * 1024;

/// The name under which a header keeps its texts.
pub(super) const METADATA: &str = "__metadata__";

/// The element types of the format that are read, in the order in which files have them: the reference
/// implementation's, from wide to narrow when read backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Bool,
    U8,
    I8,
    I16,
    U16,
    F16,
    Bf16,
    I32,
    U32,
    F32,
    F64,
    I64,
    U64,
}

impl Kind {
    const ALL: [(Self, &'static str, usize); 13] = [
        (Self::Bool, "BOOL", 1),
        (Self::U8, "U8", 1),
        (Self::I8, "I8", 1),
        (Self::I16, "I16", 2),
        (Self::U16, "U16", 2),
        (Self::F16, "F16", 2),
        (Self::Bf16, "BF16", 2),
        (Self::I32, "I32", 4),
        (Self::U32, "U32", 4),
        (Self::F32, "F32", 4),
        (Self::F64, "F64", 8),
        (Self::I64, "I64", 8),
        (Self::U64, "U64", 8),
    ];

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, its_name, _)| *its_name == name).map(|(kind, _, _)| kind)
    }

    /// The type of an array in memory, and its name and size in files.
    pub(super) fn of(array: &Array) -> (Self, &'static str, usize) {
        let name = array.data().type_name();
        let found = Self::ALL.into_iter().find(|(_, its_name, _)| its_name.eq_ignore_ascii_case(name));
        found.expect("every element type of an array has its name here")
    }

    fn size(self) -> usize {
        let found = Self::ALL.into_iter().find(|(kind, _, _)| *kind == self);
        found.map_or(0, |(_, _, size)| size)
    }
}

/// What a header says of one tensor.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub name: String,
    pub kind: Kind,
    pub shape: Vec<usize>,
    pub count: usize,
    start: u64,
    end: u64,
    // Where its name stands in the header.
    position: usize,
}

/// A header that was checked: its tensors follow each other without gap, from the first byte after it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    pub metadata: BTreeMap<String, String>,
    pub entries: Vec<Entry>,
}

/// Reads a header up to the first byte of the data.
pub(super) fn read<R: Read>(reader: &mut ByteReader<R>) -> Result<Header> {
    let mut length = [0; 8];
    reader.exact(&mut length, "the header's length")?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST {
        return Err(reader.error(0, BytesProblem::HeaderTooLong { length, limit: LONGEST }));
    }
    reader.check_remaining("header", length)?;
    let start = reader.offset();
    let mut bytes = Vec::new();
    // Piece by piece: memory grows with what comes, not with what is claimed.
    while (bytes.len() as u64) < length {
        let piece = PIECE.min(length - bytes.len() as u64) as usize;
        let before = bytes.len();
        bytes.resize(before + piece, 0);
        reader.exact(&mut bytes[before..], "header")?;
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let valid = error.valid_up_to();
        reader.error(start + valid as u64, BytesProblem::NotUtf8 { valid_up_to: valid })
    })?;
    parse(text).map_err(|(position, problem)| reader.error(start + position as u64, problem))
}

/// The header in `text`.
fn parse(text: &str) -> std::result::Result<Header, Problem> {
    let mut cursor = Cursor::new(text);
    // The format's description: the header begins with '{', and may end with spaces.
    if !text.starts_with('{') {
        return Err(cursor.expected("an object, '{'"));
    }
    let mut metadata = None;
    let mut entries = Vec::new();
    let mut names = BTreeSet::new();
    cursor.object(|cursor, name, position| {
        if name == METADATA {
            if metadata.is_some() {
                return Err((position, BytesProblem::DuplicateName { name }));
            }
            metadata = Some(texts(cursor)?);
            return Ok(());
        }
        if !names.insert(name.clone()) {
            return Err((position, BytesProblem::DuplicateName { name }));
        }
        entries.push(tensor(cursor, name, position)?);
        Ok(())
    })?;
    cursor.end()?;
    entries.sort_by_key(|entry| (entry.start, entry.end));
    let mut expected = 0;
    for entry in &entries {
        if entry.start != expected {
            let (name, start, end) = (entry.name.clone(), entry.start, entry.end);
            return Err((entry.position, BytesProblem::TensorPlace { name, start, end, expected }));
        }
        expected = entry.end;
    }
    Ok(Header { metadata: metadata.unwrap_or_default(), entries })
}

/// The texts of `__metadata__`.
fn texts(cursor: &mut Cursor<'_>) -> std::result::Result<BTreeMap<String, String>, Problem> {
    let mut texts = BTreeMap::new();
    cursor.object(|cursor, key, position| {
        let value = cursor.string("a text in quotation marks")?;
        match texts.insert(key.clone(), value) {
            None => Ok(()),
            Some(_) => Err((position, BytesProblem::DuplicateName { name: key })),
        }
    })?;
    Ok(texts)
}

/// Type, shape and place of one tensor.
fn tensor(cursor: &mut Cursor<'_>, name: String, position: usize) -> std::result::Result<Entry, Problem> {
    let (mut kind, mut shape, mut offsets) = (None, None, None);
    cursor.object(|cursor, key, position| {
        let twice = |key| Err((position, BytesProblem::DuplicateKey { key }));
        match key.as_str() {
            "dtype" if kind.is_some() => return twice("dtype"),
            "dtype" => {
                let name = cursor.string("a type in quotation marks")?;
                let unknown = (
                    position,
                    BytesProblem::UnsupportedType { type_name: crate::data::error::excerpt(&name) },
                );
                kind = Some(Kind::from_name(&name).ok_or(unknown)?);
            }
            "shape" if shape.is_some() => return twice("shape"),
            "shape" => shape = Some(cursor.integers()?),
            "data_offsets" if offsets.is_some() => return twice("data_offsets"),
            "data_offsets" => {
                let pair = cursor.integers()?;
                let [start, end] = pair[..] else {
                    let found = format!("{} numbers", pair.len());
                    return Err((position, BytesProblem::Syntax { expected: "two offsets", found }));
                };
                offsets = Some((start, end));
            }
            _ => return Err((position, BytesProblem::UnknownKey { key })),
        }
        Ok(())
    })?;
    let missing = |key| (position, BytesProblem::MissingKey { key });
    let kind = kind.ok_or(missing("dtype"))?;
    let wide = shape.ok_or(missing("shape"))?;
    let (start, end) = offsets.ok_or(missing("data_offsets"))?;
    let shape: Option<Vec<usize>> = wide.iter().map(|&dimension| usize::try_from(dimension).ok()).collect();
    let count = shape.as_ref().and_then(|shape| element_count(shape, kind.size()));
    let (Some(shape), Some(count)) = (shape, count) else {
        let shape =
            wide.into_iter().map(|dimension| usize::try_from(dimension).unwrap_or(usize::MAX)).collect();
        return Err((position, BytesProblem::ShapeTooLarge { shape }));
    };
    let expected = (count * kind.size()) as u64;
    if end.checked_sub(start) != Some(expected) {
        return Err((position, BytesProblem::TensorSize { name, start, end, expected }));
    }
    Ok(Entry { name, kind, shape, count, start, end, position })
}

/// The header's bytes, its length in front, for tensors in the order in which their data follow.
pub(super) fn encode(metadata: &BTreeMap<String, String>, tensors: &[(&String, &Array)]) -> Vec<u8> {
    use std::fmt::Write;
    let mut text = String::from("{");
    if !metadata.is_empty() {
        append_string(METADATA, &mut text);
        text.push_str(":{");
        for (index, (key, value)) in metadata.iter().enumerate() {
            text.push_str(if index > 0 { "," } else { "" });
            append_string(key, &mut text);
            text.push(':');
            append_string(value, &mut text);
        }
        text.push_str(if tensors.is_empty() { "}" } else { "}," });
    }
    let mut start = 0;
    for (index, (name, array)) in tensors.iter().enumerate() {
        text.push_str(if index > 0 { "," } else { "" });
        append_string(name, &mut text);
        let (_, kind, size) = Kind::of(array);
        let shape: Vec<String> = array.shape().iter().map(usize::to_string).collect();
        let (shape, end) = (shape.join(","), start + array.data().len() * size);
        write!(text, ":{{\"dtype\":\"{kind}\",\"shape\":[{shape}],\"data_offsets\":[{start},{end}]}}")
            .expect("writing to a string cannot fail");
        start = end;
    }
    text.push('}');
    // Spaces to a multiple of eight, so that the data that follow are aligned.
    let length = text.len().next_multiple_of(8);
    let mut bytes = (length as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes.resize(8 + length, b' ');
    bytes
}
