//! Writing records and matrices.

use super::super::error::{DataError, Origin, Result};
use super::super::write::create;
use super::CsvOptions;
use crate::{Matrix, Scalar};
use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes a matrix, one line for each row, with as few digits as read back to the same numbers.
///
/// `header` gives the columns' names, or none; the header option must say the same, so that the file reads back with
/// the options that wrote it.
///
/// # Errors
/// [`DataError::Io`] if the file cannot be written; [`DataError::Argument`] if the number of names is not the number of
/// columns, the header option disagrees, or nothing could be read back: no columns, or neither rows nor names.
///
/// # Examples
/// ```
/// use brenier::{Matrix, data::csv::{self, CsvOptions}};
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-write.csv", std::process::id()));
/// let cloud = Matrix::from_rows([[0.5, 1.0], [1e-300, 2.0]]);
/// let options = CsvOptions::default().header(true);
/// csv::write(&path, &cloud, Some(&["x", "y"]), &options)?;
/// assert_eq!(csv::read::<f64>(&path, &options)?.values, cloud);
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn write<T: Scalar>(
    path: impl AsRef<Path>,
    matrix: &Matrix<T>,
    header: Option<&[&str]>,
    options: &CsvOptions,
) -> Result<()> {
    check(matrix, header, options)?;
    let path = path.as_ref();
    lines(BufWriter::new(create(path)?), &path.into(), matrix, header, options.delimiter)
}

/// The same to any writer, which is flushed.
///
/// # Errors
/// As [`write`](fn@write).
///
/// # Examples
/// ```
/// use brenier::{Matrix, data::csv::{self, CsvOptions}};
/// let mut text = Vec::new();
/// csv::write_to(&mut text, &Matrix::from_rows([[0.1_f32, 1.0]]), None, &CsvOptions::default())?;
/// assert_eq!(text, b"0.1,1.0\n");
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn write_to<T: Scalar>(
    writer: impl Write,
    matrix: &Matrix<T>,
    header: Option<&[&str]>,
    options: &CsvOptions,
) -> Result<()> {
    check(matrix, header, options)?;
    lines(writer, &Origin::Stream, matrix, header, options.delimiter)
}

/// Writes records of text fields to any writer, which is flushed; fields are quoted where they must be.
///
/// # Errors
/// [`DataError::Io`] if the writer refuses; [`DataError::Argument`] for a delimiter that cannot be one and for a record
/// without fields, which no line can say.
///
/// # Examples
/// ```
/// use brenier::data::csv::{self, CsvOptions};
/// let mut text = Vec::new();
/// csv::write_records_to(&mut text, [["a,b", "say \"c\""]], &CsvOptions::default())?;
/// assert_eq!(text, b"\"a,b\",\"say \"\"c\"\"\"\n");
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn write_records_to<F: AsRef<str>>(
    mut writer: impl Write,
    records: impl IntoIterator<Item = impl IntoIterator<Item = F>>,
    options: &CsvOptions,
) -> Result<()> {
    options.check()?;
    let mut line = String::new();
    for (position, record) in records.into_iter().enumerate() {
        append_record(&mut line, record, options.delimiter);
        if line == "\n" {
            return Err(DataError::Argument {
                name: "records",
                value: format!("empty at {position}"),
                requirement: "each record has a field",
            });
        }
        put(&mut writer, &Origin::Stream, &mut line)?;
    }
    flush(&mut writer, &Origin::Stream)
}

fn check<T: Scalar>(matrix: &Matrix<T>, header: Option<&[&str]>, options: &CsvOptions) -> Result<()> {
    options.check()?;
    let argument = |name, value: String, requirement| Err(DataError::Argument { name, value, requirement });
    if options.header != header.is_some() {
        let value = options.header.to_string();
        return argument("the header option", value, "it must say whether there are names to write");
    }
    if let Some(names) = header.filter(|names| names.len() != matrix.columns()) {
        let value = format!("{} names for {} columns", names.len(), matrix.columns());
        return argument("header", value, "each column has one name");
    }
    if matrix.columns() == 0 || (matrix.rows() == 0 && header.is_none()) {
        let value = format!("{} x {}", matrix.rows(), matrix.columns());
        return argument(
            "matrix",
            value,
            "text without columns, or without rows and names, cannot be read back",
        );
    }
    Ok(())
}

fn lines<T: Scalar>(
    mut writer: impl Write,
    origin: &Origin,
    matrix: &Matrix<T>,
    header: Option<&[&str]>,
    delimiter: u8,
) -> Result<()> {
    let mut line = String::new();
    if let Some(names) = header {
        append_record(&mut line, names, delimiter);
        put(&mut writer, origin, &mut line)?;
    }
    // The debug form is the shortest that reads back, with an exponent where that is shorter; a delimiter that can stand
    // in a number must be fenced off.
    let quoted = b"+-.0123456789eEinfNa".contains(&delimiter);
    for row in 0..matrix.rows() {
        for (column, value) in matrix.row(row).iter().enumerate() {
            if column > 0 {
                line.push(char::from(delimiter));
            }
            let written = if quoted { write!(line, "\"{value:?}\"") } else { write!(line, "{value:?}") };
            written.expect("a string takes what is written to it");
        }
        line.push('\n');
        put(&mut writer, origin, &mut line)?;
    }
    flush(&mut writer, origin)
}

/// Appends the line of one record.
fn append_record<F: AsRef<str>>(line: &mut String, record: impl IntoIterator<Item = F>, delimiter: u8) {
    let mut fields = 0;
    for field in record {
        let field = field.as_ref();
        if fields > 0 {
            line.push(char::from(delimiter));
        }
        fields += 1;
        let special = |character| {
            matches!(character, '"' | '\r' | '\n' | '\u{feff}') || character == char::from(delimiter)
        };
        if field.contains(special) {
            line.push('"');
            line.push_str(&field.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(field);
        }
    }
    // Alone on its line, an empty field would be a blank line.
    if fields == 1 && line.is_empty() {
        line.push_str("\"\"");
    }
    line.push('\n');
}

fn put(writer: &mut impl Write, origin: &Origin, line: &mut String) -> Result<()> {
    let written = writer.write_all(line.as_bytes());
    line.clear();
    written.map_err(|reason| DataError::Io { operation: "write", origin: origin.clone(), reason })
}

fn flush(writer: &mut impl Write, origin: &Origin) -> Result<()> {
    writer.flush().map_err(|reason| DataError::Io { operation: "write", origin: origin.clone(), reason })
}

#[cfg(test)]
mod tests {
    use super::super::{Records, read_from};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_could_not_be_read_back_is_refused() {
        let refused = |rows, columns, header: Option<&[&str]>, option| {
            let options = CsvOptions::default().header(option);
            let result = write_to(Vec::new(), &Matrix::<f64>::zeros(rows, columns), header, &options);
            assert!(matches!(result, Err(DataError::Argument { .. })), "{rows} x {columns}: {result:?}");
        };
        refused(2, 0, None, false);
        refused(0, 2, None, false);
        refused(1, 2, Some(&["a"]), true);
        refused(1, 2, Some(&["a", "b"]), false);
        refused(1, 2, None, true);
        let nothing = write_records_to(Vec::new(), [Vec::<&str>::new()], &CsvOptions::default());
        assert!(matches!(nothing, Err(DataError::Argument { .. })));
    }

    proptest! {
        #[test]
        fn numbers_read_back_bit_for_bit(bits in prop::collection::vec(any::<(u64, u32)>(), 1..20), delimiter in prop::sample::select(b",; \t|e-.0N".to_vec())) {
            let options = CsvOptions::default().delimiter(delimiter);
            let wide: Vec<f64> = bits.iter().map(|&(bits, _)| f64::from_bits(bits)).collect();
            let narrow: Vec<f32> = bits.iter().map(|&(_, bits)| f32::from_bits(bits)).collect();
            let mut text = Vec::new();
            write_to(&mut text, &Matrix::from_vec(1, bits.len(), wide.clone()).unwrap(), None, &options).unwrap();
            let back = read_from::<f64>(&text[..], &options).unwrap().values.into_vec();
            prop_assert!(wide.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()));
            let mut text = Vec::new();
            write_to(&mut text, &Matrix::from_vec(bits.len(), 1, narrow.clone()).unwrap(), None, &options).unwrap();
            let back = read_from::<f32>(&text[..], &options).unwrap().values.into_vec();
            prop_assert!(narrow.iter().zip(&back).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()));
        }

        #[test]
        fn records_read_back(
            records in prop::collection::vec(prop::collection::vec("[a\", \r\né\u{feff}]{0,4}", 1..4), 0..6),
            delimiter in prop::sample::select(b",; a".to_vec()),
        ) {
            let options = CsvOptions::default().delimiter(delimiter);
            let mut text = Vec::new();
            write_records_to(&mut text, &records, &options).unwrap();
            let back: Vec<_> = Records::from_reader(&text[..], &options).unwrap().map(|record| record.unwrap().fields).collect();
            prop_assert_eq!(back, records);
        }

        #[test]
        fn any_bytes_give_an_answer(text in prop::collection::vec(prop::sample::select(b"ab1.,\"\r\n\xef\xbb\xbf\xff".to_vec()), 0..40)) {
            if let Ok(records) = Records::from_reader(&text[..], &CsvOptions::default()).unwrap().collect::<Result<Vec<_>>>() {
                prop_assert!(records.iter().all(|record| !record.fields.is_empty()));
            }
            let _ = read_from::<f64>(&text[..], &CsvOptions::default());
        }
    }
}
