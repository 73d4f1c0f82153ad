//! Matrices of numbers from text.

use super::super::error::{Result, TextProblem, excerpt};
use super::{CsvOptions, Record, Records};
use crate::{Matrix, Scalar};
use std::io::BufRead;
use std::path::Path;

/// A matrix of numbers, with the columns' names if the file has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Table<T> {
    /// The columns' names, where [`CsvOptions::header`] says that the file has them.
    pub header: Option<Vec<String>>,
    /// One row for each record.
    pub values: Matrix<T>,
}

/// Reads a matrix of numbers: one row for each record, one column for each field.
///
/// Numbers are decimal (`1`, `-2.5`, `6.02e23`, `inf`, `nan`), with spaces around them or not, and are rounded to the
/// nearest `T`. A file with a header and no other record gives a matrix without rows.
///
/// # Errors
/// [`DataError::Io`](crate::data::DataError), and [`DataError::Text`](crate::data::DataError) with line and column:
/// [`TextProblem::Empty`] for a file without records, [`TextProblem::FieldCount`] for records of different length,
/// [`TextProblem::Number`] for what is not a number, [`TextProblem::Range`] for a number beyond the range of `T`, and
/// what [`Records`] refuses.
///
/// # Examples
/// ```
/// use brenier::data::csv::{self, CsvOptions};
/// # let path = std::env::temp_dir().join(format!("brenier-doc-{}-read.csv", std::process::id()));
/// std::fs::write(&path, "0.5,1\n2,nought\n").unwrap();
/// let error = csv::read::<f64>(&path, &CsvOptions::default()).unwrap_err();
/// assert!(error.to_string().ends_with("line 2, column 2: \"nought\" is not a number"));
/// # std::fs::remove_file(path).unwrap();
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn read<T: Scalar>(path: impl AsRef<Path>, options: &CsvOptions) -> Result<Table<T>> {
    table(Records::open(path, options)?, options)
}

/// The same, from any buffered reader.
///
/// # Errors
/// As [`read`].
///
/// # Examples
/// ```
/// use brenier::data::csv::{self, CsvOptions};
/// let cloud = csv::read_from::<f64>(&b"0.5,1\n2,-3\n"[..], &CsvOptions::default())?.values;
/// assert_eq!(cloud.row(1), [2.0, -3.0]);
/// # Ok::<(), brenier::data::DataError>(())
/// ```
pub fn read_from<T: Scalar>(reader: impl BufRead, options: &CsvOptions) -> Result<Table<T>> {
    table(Records::from_reader(reader, options)?, options)
}

fn table<T: Scalar, R: BufRead>(mut records: Records<R>, options: &CsvOptions) -> Result<Table<T>> {
    let Some(first) = records.next().transpose()? else {
        return Err(records.error(1, 1, TextProblem::Empty));
    };
    let columns = first.fields.len();
    let mut values = Vec::new();
    let mut rows = 0;
    let header = if options.header {
        Some(first.fields)
    } else {
        append(&records, &first, columns, &mut values)?;
        rows = 1;
        None
    };
    while let Some(record) = records.next().transpose()? {
        append(&records, &record, columns, &mut values)?;
        rows += 1;
    }
    let values = Matrix::from_vec(rows, columns, values)
        .expect("each record appended as many values as there are columns");
    Ok(Table { header, values })
}

/// Appends the numbers of one record.
fn append<T: Scalar, R: BufRead>(
    records: &Records<R>,
    record: &Record,
    columns: usize,
    values: &mut Vec<T>,
) -> Result<()> {
    let got = record.fields.len();
    if got != columns {
        let problem = TextProblem::FieldCount { expected: columns, got };
        return Err(records.error(record.line, got.min(columns) + 1, problem));
    }
    for (position, field) in record.fields.iter().enumerate() {
        let value = number(field).map_err(|problem| records.error(record.line, position + 1, problem))?;
        values.push(value);
    }
    Ok(())
}

/// The number nearest to a decimal text.
fn number<T: Scalar>(field: &str) -> std::result::Result<T, TextProblem> {
    let text = field.trim_ascii();
    let parsed = if size_of::<T>() == size_of::<f32>() {
        // Through f64 the text would be rounded twice.
        text.parse::<f32>().map(f64::from)
    } else {
        text.parse::<f64>()
    };
    let Ok(value) = parsed else {
        return Err(TextProblem::Number { text: excerpt(field) });
    };
    // "inf" has no digits; an infinity from digits is an overflow.
    if value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(TextProblem::Range { text: excerpt(text), type_name: T::NAME });
    }
    Ok(T::from_f64(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataError;

    fn values<T: Scalar>(text: &str) -> Vec<T> {
        read_from::<T>(text.as_bytes(), &CsvOptions::default()).unwrap().values.into_vec()
    }

    fn problem(text: &str, options: &CsvOptions) -> (u64, usize, TextProblem) {
        match read_from::<f32>(text.as_bytes(), options) {
            Err(DataError::Text { line, column, problem, .. }) => (line, column, problem),
            other => panic!("expected an error of the text, got {other:?}"),
        }
    }

    #[test]
    fn numbers_are_read_to_the_last_bit() {
        assert_eq!(values::<f64>("0.1, -2.5 ,6.02e23\n"), [0.1, -2.5, 6.02e23]);
        assert_eq!(values::<f64>("\"1\",+1,1.\r\n"), [1.0; 3]);
        assert_eq!(values::<f64>("inf,-Infinity"), [f64::INFINITY, f64::NEG_INFINITY]);
        assert!(values::<f64>("nan")[0].is_nan());
        assert!(values::<f64>("-0")[0].is_sign_negative());
        // Just above the middle of 1 and 1 + 2^-23, by less than f64 sees: rounding twice would go down to 1.
        assert_eq!(values::<f32>("1.00000005960464477539062500001"), [1.0 + f32::EPSILON]);
    }

    #[test]
    fn headers_and_shapes() {
        let options = CsvOptions::default().header(true);
        let table = read_from::<f64>(&b"a,b\r\n1,2\r\n3,4\r\n\r\n"[..], &options).unwrap();
        assert_eq!(table.header.as_deref(), Some(&["a".to_owned(), "b".to_owned()][..]));
        assert_eq!(table.values, Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]));
        let names = read_from::<f64>(&b"a,b\n"[..], &options).unwrap().values;
        assert_eq!((names.rows(), names.columns()), (0, 2));
    }

    #[test]
    fn errors_name_line_and_column() {
        let plain = CsvOptions::default();
        assert_eq!(problem("", &plain), (1, 1, TextProblem::Empty));
        assert_eq!(problem("\n\n", &plain), (1, 1, TextProblem::Empty));
        assert_eq!(problem("1,2\n3\n", &plain), (2, 2, TextProblem::FieldCount { expected: 2, got: 1 }));
        assert_eq!(problem("1,2\n3,4,5\n", &plain), (2, 3, TextProblem::FieldCount { expected: 2, got: 3 }));
        assert_eq!(problem("1,2\n\n3,4\n", &plain), (2, 2, TextProblem::FieldCount { expected: 2, got: 1 }));
        let number = |text: &str| TextProblem::Number { text: text.into() };
        assert_eq!(problem("1,2\n3,x4\n", &plain), (2, 2, number("x4")));
        assert_eq!(problem("a,b\n1,2\n", &plain), (1, 1, number("a")));
        assert_eq!(problem("1,,2", &plain), (1, 2, number("")));
        assert_eq!(problem("0x10", &plain), (1, 1, number("0x10")));
        assert_eq!(problem("a,b\n1,2\n3,4 5", &plain.clone().header(true)), (3, 2, number("4 5")));
        let range = TextProblem::Range { text: "-1e39".into(), type_name: "f32" };
        assert_eq!(problem("1e38\n -1e39", &plain), (2, 1, range));
        let long = problem(&"y".repeat(1000), &plain).2.to_string();
        assert!(long.len() < 100, "{long}");
    }
}
