//! The six fields of a data line, in fixed columns or split at blanks.

use super::super::read_error::{ReadProblem, excerpt};

/// How the fields of a line are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    Fixed,
    Free,
}

/// Code (kind of row or bound), name, name, number, name, number; empty where the line has none.
pub(super) type Fields<'a> = [&'a [u8]; 6];

/// The sections whose lines have fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldsOf {
    Rows,
    Columns,
    /// Right-hand sides and ranges.
    Sides,
    Bounds,
}

/// The columns of the fields, from 0: in the books 2-3, 5-12, 15-22, 25-36, 40-47 and 50-61.
const FIXED: [(usize, usize); 6] = [(1, 3), (4, 12), (14, 22), (24, 36), (39, 47), (49, 61)];

/// Splits a line at fixed columns. Names may have blanks inside; those around them do not belong to them. What lies
/// between the columns must be blank, but that the first number may be longer than its columns if nothing follows it.
pub(super) fn fixed(line: &[u8]) -> Result<Fields<'_>, ReadProblem> {
    if line.contains(&b'\t') {
        return Err(expected("blanks, no tabs, between fixed columns", line));
    }
    let line = line.trim_ascii_end();
    let mut fields = [&line[..0]; 6];
    let mut end_of_last = 0;
    for (place, (start, end)) in FIXED.into_iter().enumerate() {
        // Only a long number reaches beyond its columns, to the end of the line.
        let start = start.max(end_of_last);
        let gap = &line[end_of_last.min(line.len())..start.min(line.len())];
        if !gap.trim_ascii().is_empty() {
            return Err(expected("blanks between the fixed columns", line));
        }
        let mut end = end.max(start).min(line.len());
        if place == 3 && line.get(35..37).is_some_and(|pair| !pair.contains(&b' ')) {
            end = line.len(); // one long number; a blank inside makes it none
        }
        fields[place] = line[start.min(end)..end].trim_ascii();
        end_of_last = end;
    }
    if line.len() > end_of_last {
        return Err(expected("nothing after the last fixed column", &line[end_of_last..]));
    }
    Ok(fields)
}

/// Splits a line at blanks and tabs. Which fields are there follows from how many there are.
pub(super) fn free<'a>(
    line: &'a [u8],
    of: FieldsOf,
    is_column: impl Fn(&[u8]) -> bool,
) -> Result<Fields<'a>, ReadProblem> {
    let mut words = [&line[..0]; 6];
    let mut count = 0;
    for word in line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
        if count == words.len() {
            return Err(expected("at most six fields", line));
        }
        words[count] = word;
        count += 1;
    }
    let none = &line[..0];
    let [a, b, c, d, e, _] = words;
    match (of, count) {
        (FieldsOf::Rows, 2) => Ok([a, b, none, none, none, none]),
        (FieldsOf::Rows, _) => Err(expected("the kind of a row and its name", line)),
        (FieldsOf::Columns | FieldsOf::Sides, 3 | 5) => Ok([none, a, b, c, d, e]),
        (FieldsOf::Columns, _) => {
            Err(expected("a column, then one or two pairs of a row and a number", line))
        }
        (FieldsOf::Sides, 2 | 4) => Ok([none, none, a, b, c, d]),
        (FieldsOf::Sides, _) => {
            Err(expected("the name of the set or none, then one or two pairs of a row and a number", line))
        }
        (FieldsOf::Bounds, 2) => Ok([a, none, b, none, none, none]),
        // Kinds without a number may come with the name of the set and with a number that has no meaning.
        (FieldsOf::Bounds, 3) if needs_no_number(a) && is_column(c) => Ok([a, b, c, none, none, none]),
        (FieldsOf::Bounds, 3) => Ok([a, none, b, c, none, none]),
        (FieldsOf::Bounds, 4) => Ok([a, b, c, d, none, none]),
        (FieldsOf::Bounds, _) => {
            Err(expected("the kind of a bound, a set or none, a column and a number", line))
        }
    }
}

/// Whether a kind of bound says all by itself.
pub(super) fn needs_no_number(kind: &[u8]) -> bool {
    [&b"FR"[..], b"MI", b"PL", b"BV"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}

pub(super) fn expected(expected: &'static str, found: &[u8]) -> ReadProblem {
    ReadProblem::Expected { expected, found: excerpt(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(fields: Fields<'_>) -> [&str; 6] {
        fields.map(|field| std::str::from_utf8(field).unwrap())
    }

    #[test]
    fn fixed_columns_keep_blanks_inside_names() {
        let line = b"    DEDO3 11  OB1PNW20        .02466   DEDO3 1R           -1.";
        assert_eq!(texts(fixed(line).unwrap()), ["", "DEDO3 11", "OB1PNW20", ".02466", "DEDO3 1R", "-1."]);
        assert_eq!(
            texts(fixed(b" UP BND       X                   4.  ").unwrap()),
            ["UP", "BND", "X", "4.", "", ""]
        );
        assert_eq!(texts(fixed(b"  E R1").unwrap()), ["E", "R1", "", "", "", ""]);
        let long = b"    X         R         -1.2345678901234567e-300";
        assert_eq!(texts(fixed(long).unwrap()), ["", "X", "R", "-1.2345678901234567e-300", "", ""]);
    }

    #[test]
    fn what_lies_between_the_columns_must_be_blank() {
        for line in [&b" E R1 R2 R3"[..], b"    LONGNAME1 R", b"    X\tR", b"   X"] {
            assert!(fixed(line).is_err(), "{line:?}");
        }
        let beyond = [&b" "[..]; 61].concat();
        assert!(fixed(&[&beyond[..], b"X"].concat()).is_err());
        assert!(fixed(&beyond).is_ok());
    }

    #[test]
    fn free_fields_follow_from_their_number() {
        let free = |line: &'static str, of| texts(free(line.as_bytes(), of, |name| name == b"x").unwrap());
        assert_eq!(free(" N  cost", FieldsOf::Rows), ["N", "cost", "", "", "", ""]);
        assert_eq!(free("\tx cost 1", FieldsOf::Columns), ["", "x", "cost", "1", "", ""]);
        assert_eq!(free(" r 1 s 2", FieldsOf::Sides), ["", "", "r", "1", "s", "2"]);
        assert_eq!(free(" b r 1 s 2", FieldsOf::Sides), ["", "b", "r", "1", "s", "2"]);
        assert_eq!(free(" UP x 2", FieldsOf::Bounds), ["UP", "", "x", "2", "", ""]);
        assert_eq!(free(" UP b x 2", FieldsOf::Bounds), ["UP", "b", "x", "2", "", ""]);
        assert_eq!(free(" FR b x", FieldsOf::Bounds), ["FR", "b", "x", "", "", ""]);
        assert_eq!(free(" FR x 0", FieldsOf::Bounds), ["FR", "", "x", "0", "", ""]);
        assert_eq!(free(" FR x", FieldsOf::Bounds), ["FR", "", "x", "", "", ""]);
    }
}
