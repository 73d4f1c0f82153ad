//! Named tensors in one file: the safetensors format, read and written, without the crate of that name.
//!
//! A file is the length of its header (8 bytes, little-endian), the header (JSON: of each tensor the type, the shape
//! and the place of its bytes; and texts under `__metadata__`), and the tensors' elements, little-endian, in C order,
//! one after another without gap. Source: the format's description at <https://github.com/huggingface/safetensors>,
//! whose rules are checked to the letter: no gap, no overlap, no name twice, nothing after the end, a header of at
//! most 100 MB.
//!
//! | in the file | in memory |
//! | --- | --- |
//! | `F32`, `F64`, `F16`, integers, `BOOL` | the same, as an [`Array`] |
//! | `BF16` | `f32`, exactly; written as `F32` |
//! | 8-bit floats and smaller | an error |
//!
//! What is written depends on the tensors and texts alone, bit for bit: wide types first, then by name, as the
//! reference implementation does it. The header is padded with spaces so that the data are aligned to 8 bytes.

mod header;
mod json;

use super::array::{Array, ArrayData, with_elements};
use super::bytes::{ByteReader, open};
use super::element::sealed::Encoding;
use super::element::{ByteOrder, Element};
use super::error::{ArrayProblem, DataError, Origin, Result, array_error};
use super::half::Half;
use super::write::{replace, write_all};
use header::{Entry, Kind, METADATA};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::Path;

/// Tensors by their names, and texts.
///
/// # Examples
/// ```
/// use brenier::data::{Array, safetensors::SafeTensors};
/// let mut file = SafeTensors::default();
/// file.insert("layers.0.weight", Array::new(&[2, 2], vec![1.0_f32, 2.0, 3.0, 4.0])?)?;
/// file.metadata.insert("epochs".into(), "3".into());
/// let mut bytes = Vec::new();
/// file.write_to(&mut bytes)?;
/// let again = SafeTensors::read_from(&bytes[..])?;
/// assert_eq!(again, file);
/// assert_eq!(again.tensor("layers.0.weight").unwrap().shape(), [2, 2]);
/// # Ok::<(), brenier::data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SafeTensors {
    tensors: BTreeMap<String, Array>,
    /// Texts by their keys.
    pub metadata: BTreeMap<String, String>,
}

impl SafeTensors {
    /// Reads a file.
    ///
    /// # Errors
    /// [`DataError::Io`] if it cannot be read; [`DataError::Bytes`], with place and value, if it breaks a rule of the
    /// format or has an element type that is not read.
    ///
    /// # Examples
    /// ```
    /// use brenier::data::safetensors::SafeTensors;
    /// let hostile = [&8_u64.to_le_bytes()[..], b"{\"a\":[]}"].concat();
    /// let error = SafeTensors::read_from(&hostile[..]).unwrap_err();
    /// assert_eq!(error.to_string(), "the stream: byte 13: expected an object, '{', found \"[]}\"");
    /// ```
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let (file, length) = open(path)?;
        read_all(ByteReader::new(file, path.into(), length))
    }

    /// Reads from any reader, to its end. Memory grows with the bytes that come, whatever the header says.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from(reader: impl Read) -> Result<Self> {
        read_all(ByteReader::new(reader, Origin::Stream, None))
    }

    /// Writes a file, as a whole or not at all: to a new file beside it, which then takes its name.
    ///
    /// # Errors
    /// [`DataError::Io`] if it cannot be written; a file that was there before is then unchanged.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        replace(path, |writer| self.write_with(writer, &path.into()))
    }

    /// Writes to any writer, which is flushed.
    ///
    /// # Errors
    /// [`DataError::Io`] if the writer refuses.
    pub fn write_to(&self, writer: impl Write) -> Result<()> {
        self.write_with(writer, &Origin::Stream)
    }

    fn write_with(&self, mut writer: impl Write, origin: &Origin) -> Result<()> {
        let mut tensors: Vec<(&String, &Array)> = self.tensors.iter().collect();
        // Stable, so that names stay in order within a type.
        tensors.sort_by_key(|(_, array)| std::cmp::Reverse(Kind::of(array).0));
        let start = header::encode(&self.metadata, &tensors);
        write_all(&mut writer, origin, &start, &[] as &[u8], |_, _| ())?;
        for (_, array) in tensors {
            with_elements!(array.data(), elements => {
                write_all(&mut writer, origin, &[], elements, |element, bytes| element.append_bytes(bytes))?
            });
        }
        Ok(())
    }

    /// Adds a tensor, or replaces the one of this name, which is returned.
    ///
    /// # Errors
    /// [`DataError::Argument`] for the one name that the format keeps for itself, `__metadata__`.
    pub fn insert(&mut self, name: impl Into<String>, tensor: Array) -> Result<Option<Array>> {
        let name = name.into();
        if name == METADATA {
            let requirement = "the format keeps this name for itself";
            return Err(DataError::Argument { name: "name of a tensor", value: name, requirement });
        }
        Ok(self.tensors.insert(name, tensor))
    }

    /// The tensor of this name.
    pub fn tensor(&self, name: &str) -> Option<&Array> {
        self.tensors.get(name)
    }

    /// Takes out the tensor of this name.
    pub fn remove(&mut self, name: &str) -> Option<Array> {
        self.tensors.remove(name)
    }

    /// All tensors, in the order of their names.
    pub fn tensors(&self) -> impl ExactSizeIterator<Item = (&str, &Array)> {
        self.tensors.iter().map(|(name, array)| (name.as_str(), array))
    }

    /// Refuses tensors with NaN or infinities, which a file may have.
    ///
    /// # Errors
    /// [`ArrayProblem::NotFinite`] with the first such tensor by name, and element.
    ///
    /// # Examples
    /// ```
    /// use brenier::data::{Array, safetensors::SafeTensors};
    /// let mut file = SafeTensors::default();
    /// file.insert("bias", Array::new(&[2], vec![0.5, f64::NAN])?)?;
    /// assert_eq!(file.check_finite().unwrap_err().to_string(), "the array: element 1 of \"bias\" is NaN: it must be finite");
    /// # Ok::<(), brenier::data::DataError>(())
    /// ```
    pub fn check_finite(&self) -> Result<()> {
        for (name, array) in &self.tensors {
            let found = match array.data() {
                ArrayData::F32(values) => first_not_finite(values.iter().map(|&value| f64::from(value))),
                ArrayData::F64(values) => first_not_finite(values.iter().copied()),
                ArrayData::F16(values) => {
                    first_not_finite(values.iter().map(|value| f64::from(value.to_f32())))
                }
                _ => None,
            };
            if let Some((index, value)) = found {
                return Err(array_error(ArrayProblem::NotFinite { name: name.clone(), index, value }));
            }
        }
        Ok(())
    }
}

fn first_not_finite(values: impl Iterator<Item = f64>) -> Option<(usize, f64)> {
    values.enumerate().find(|(_, value)| !value.is_finite())
}

fn read_all<R: Read>(mut reader: ByteReader<R>) -> Result<SafeTensors> {
    let header = header::read(&mut reader)?;
    let mut tensors = BTreeMap::new();
    for entry in header.entries {
        let array = read_tensor(&mut reader, &entry)?;
        tensors.insert(entry.name, array);
    }
    reader.end()?;
    Ok(SafeTensors { tensors, metadata: header.metadata })
}

fn read_tensor<R: Read>(reader: &mut ByteReader<R>, entry: &Entry) -> Result<Array> {
    fn elements<E: Element, R: Read>(reader: &mut ByteReader<R>, entry: &Entry) -> Result<Array> {
        Array::new(&entry.shape, reader.elements::<E>(entry.count, ByteOrder::Little)?)
    }
    match entry.kind {
        Kind::Bool => elements::<bool, R>(reader, entry),
        Kind::U8 => elements::<u8, R>(reader, entry),
        Kind::I8 => elements::<i8, R>(reader, entry),
        Kind::I16 => elements::<i16, R>(reader, entry),
        Kind::U16 => elements::<u16, R>(reader, entry),
        Kind::F16 => elements::<Half, R>(reader, entry),
        Kind::Bf16 => {
            let words: Vec<u16> = reader.elements(entry.count, ByteOrder::Little)?;
            // A bfloat16 is the upper half of an f32.
            Array::new(
                &entry.shape,
                words.into_iter().map(|word| f32::from_bits(u32::from(word) << 16)).collect(),
            )
        }
        Kind::I32 => elements::<i32, R>(reader, entry),
        Kind::U32 => elements::<u32, R>(reader, entry),
        Kind::F32 => elements::<f32, R>(reader, entry),
        Kind::F64 => elements::<f64, R>(reader, entry),
        Kind::I64 => elements::<i64, R>(reader, entry),
        Kind::U64 => elements::<u64, R>(reader, entry),
    }
}

#[cfg(test)]
mod tests;
