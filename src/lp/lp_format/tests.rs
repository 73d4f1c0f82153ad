//! Every case of the format with a little text of its own.

use super::super::bounds::Bounds;
use super::super::model::{LinearProgram, Sense};
use super::super::program_file::ProgramFile;
use super::super::read_error::{ReadError, ReadProblem};
use super::*;
use proptest::prelude::*;

const INFINITY: f64 = f64::INFINITY;

fn read(text: &str) -> ProgramFile {
    read_lp_from(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused(text: &str) -> (u64, &'static str, ReadProblem) {
    match read_lp_from(text.as_bytes()) {
        Err(ReadError::Text { line, section, problem, .. }) => (line, section, problem),
        other => panic!("{other:?}\n{text}"),
    }
}

/// The rows of a text: bounds and coefficients of x, y, z.
fn rows(text: &str) -> Vec<(Bounds, [f64; 3])> {
    let program = read(&format!("min 0 x + 0 y + 0 z\nst\n{text}\nend")).program;
    let coefficients = |row| [0, 1, 2].map(|column| program.coefficient(row, column));
    (0..program.rows()).map(|row| (program.row_bounds(row), coefficients(row))).collect()
}

fn bounds(text: &str) -> [Bounds; 2] {
    let program = read(&format!("min x + y\nst\nbounds\n{text}\nend")).program;
    [0, 1].map(|column| program.column_bounds(column))
}

#[test]
fn a_whole_file() {
    let text = "\\Problem name: a test
\\ a comment
Maximize
 profit: 3 x + 2.5e1 y - z + 10 \\ behind a line
Subject To
 one: x + y <= 4
 two: -5 <= x - 2 y
   + z <= 8
 x + y + z >= 1
Bounds
 x <= 3
 -1 <= y <= 4
 z free
General
 y
End
";
    let ProgramFile { program, integer_columns, warnings } = read(text);
    assert_eq!((program.name(), program.objective_name()), ("a test", "profit"));
    assert_eq!(program.sense(), Sense::Maximise);
    assert_eq!((program.costs(), program.objective_constant()), (&[3.0, 25.0, -1.0][..], 10.0));
    assert_eq!(
        (program.row_name(0), program.row_name(1), program.row_name(2)),
        ("one".into(), "two".into(), "R3".into())
    );
    assert_eq!(program.row_bounds(1), Bounds::between(-5.0, 8.0));
    assert_eq!(program.column(1), [(0, 1.0), (1, -2.0), (2, 1.0)]);
    assert_eq!(program.column_bounds(0), Bounds::between(0.0, 3.0));
    assert_eq!(program.column_bounds(1), Bounds::between(-1.0, 4.0));
    assert_eq!(program.column_bounds(2), Bounds::FREE);
    assert_eq!(integer_columns, [1]);
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(read(&text.replace('\n', "\r\n")).program, program);
}

#[test]
fn words_in_all_spellings() {
    for (word, sense) in [
        ("min", Sense::Minimise),
        ("Minimize", Sense::Minimise),
        ("MINIMISE", Sense::Minimise),
        ("max", Sense::Maximise),
        ("MAXIMIZE", Sense::Maximise),
        ("maximise", Sense::Maximise),
    ] {
        for rows in ["Subject To", "subject  to", "ST", "s.t.", "st.", "such that", "SUCH THAT"] {
            let program = read(&format!("{word}\nx\n{rows} c: x >= 1\nBOUNDS x <= 2\nEND")).program;
            assert_eq!((program.sense(), program.rows()), (sense, 1), "{word} {rows}");
            assert_eq!(program.column_bounds(0), Bounds::between(0.0, 2.0));
        }
    }
    for word in ["General", "generals", "gen", "Integer", "integers", "INT"] {
        let file = read(&format!("min x + y\n{word}\ny x\nend"));
        assert_eq!(file.integer_columns, [0, 1]);
        assert_eq!(file.program.column_bounds(0), Bounds::NON_NEGATIVE);
    }
    for word in ["Binary", "binaries", "BIN"] {
        let file = read(&format!("min x + y\n{word} y\nend"));
        assert_eq!(file.integer_columns, [1]);
        assert_eq!(file.program.column_bounds(1), Bounds::between(0.0, 1.0));
    }
}

#[test]
fn coefficients_in_all_spellings() {
    for (text, expected) in [
        ("3 x >= 0", 3.0),
        ("3x >= 0", 3.0),
        ("-x >= 0", -1.0),
        ("- x >= 0", -1.0),
        ("+ 2.5e3 x >= 0", 2500.0),
        ("2e1x >= 0", 20.0),
        (".5x >= 0", 0.5),
        ("5.x >= 0", 5.0),
        ("2E-1 x >= 0", 0.2),
        ("- -2 x >= 0", 2.0),
        ("3\n x >= 0", 3.0),
        ("x + 2 x >= 0", 3.0),
    ] {
        assert_eq!(rows(text), [(Bounds::at_least(0.0), [expected, 0.0, 0.0])], "{text}");
    }
    // `2ex` is 2 times ex, `2e1` a number, `e1` a name.
    let program = read("min 2ex + 3 e1 + 2e1 + 2e+ y\nend").program;
    assert_eq!((program.columns(), program.objective_constant()), (4, 20.0));
    assert_eq!(program.costs(), [2.0, 3.0, 2.0, 1.0]);
    assert_eq!(program.column_name(2), "e");
}

#[test]
fn rows_in_all_spellings() {
    let xy = [1.0, 1.0, 0.0];
    for (text, bounds) in [
        ("x + y <= 8", Bounds::at_most(8.0)),
        ("x + y < 8", Bounds::at_most(8.0)),
        ("x + y =< 8", Bounds::at_most(8.0)),
        ("x + y => -8", Bounds::at_least(-8.0)),
        ("x + y > 8", Bounds::at_least(8.0)),
        ("x + y = 8", Bounds::equal(8.0)),
        ("x + y == 8", Bounds::equal(8.0)),
        ("-5 <= x + y <= 8", Bounds::between(-5.0, 8.0)),
        ("8 >= x + y >= -5", Bounds::between(-5.0, 8.0)),
        ("8 <= x + y <= -5", Bounds::between(8.0, -5.0)),
        ("5 >= x + y", Bounds::at_most(5.0)),
        ("5 <= x\n + y", Bounds::at_least(5.0)),
        ("R: 5 = x + y", Bounds::equal(5.0)),
        ("x + y + 3 <= 8", Bounds::at_most(5.0)),
        ("x + 2 y - 3 <= y + 8 - 1", Bounds::at_most(10.0)),
        ("-5 <= x + y + 1 <= 8", Bounds::between(-6.0, 7.0)),
        ("x + y >= -infinity", Bounds::FREE),
        ("x + y <= 1e30", Bounds::FREE),
        ("-inf <= x + y <= 4", Bounds::at_most(4.0)),
        ("0 z + x + y <= 4", Bounds::at_most(4.0)),
    ] {
        assert_eq!(rows(text), [(bounds, xy)], "{text}");
    }
    // A row ends with the line of its right side, with a label, with a section.
    assert_eq!(rows("x >= 2\n-y + z <= 3\n z <= 1").len(), 3);
    assert_eq!(rows("x >= 2\n y + z <= 3").len(), 2);
    assert_eq!(rows("a: x >= 2 b: y + z <= 3 c: x = y").len(), 3);
    assert_eq!(rows("x\n>=\n2\ny <= 2").len(), 2);
    // A row without variables: 0 <= 0 · x <= 4 is what a number on the left says.
    assert_eq!(
        rows("empty: 0 x <= 4\n another: 0 <= 4"),
        [(Bounds::at_most(4.0), [0.0; 3]), (Bounds::at_most(4.0), [0.0; 3])]
    );
}

#[test]
fn bounds_in_all_spellings() {
    for (text, expected) in [
        ("x >= -5", Bounds::at_least(-5.0)),
        ("-5 <= x", Bounds::at_least(-5.0)),
        ("x <= 4", Bounds::between(0.0, 4.0)),
        ("4 >= x", Bounds::between(0.0, 4.0)),
        ("-1 <= x <= 4", Bounds::between(-1.0, 4.0)),
        ("4 >= x >= -1", Bounds::between(-1.0, 4.0)),
        ("x = 3", Bounds::equal(3.0)),
        ("3 = x", Bounds::equal(3.0)),
        ("x free", Bounds::FREE),
        ("x FREE", Bounds::FREE),
        ("x >= -inf", Bounds::FREE),
        ("-Infinity <= x <= +4", Bounds::at_most(4.0)),
        ("-inf <= x <= inf", Bounds::FREE),
        ("-1e20 <= x <= 1e30", Bounds::FREE),
        ("x >= 1\nx <= 4", Bounds::between(1.0, 4.0)),
        ("x <= -4", Bounds::between(0.0, -4.0)),
    ] {
        assert_eq!(bounds(text), [expected, Bounds::NON_NEGATIVE], "{text}");
        assert_eq!(bounds(&format!("{text}\n y <= 7"))[1].upper, 7.0);
    }
    let warnings = |text: &str| read(&format!("min x\nbounds\n{text}\nend")).warnings;
    assert_eq!(warnings("x <= 4\nx <= 5"), ["line 4: \"x\" has this bound already: the last one holds"]);
    assert_eq!(warnings("x <= -4").len(), 1);
    assert_eq!(warnings("0 <= x <= -4").len(), 0);
}

#[test]
fn names_with_the_format_s_letters_and_like_its_words() {
    let program =
        read("min\n a!\"#$%&(),;?@_'`{}~.9 + Free + max + such\nst\n st: Free + bounds\n + gen >= 1\nend")
            .program;
    assert_eq!(program.column_name(0), "a!\"#$%&(),;?@_'`{}~.9");
    assert_eq!((program.columns(), program.row_name(0)), (6, "st".into()));
    // Without a sign before it a word at the beginning of a line is the format's, unless it is compared.
    let program = read("min bounds\nst\nbounds >= 1\nbounds\nbounds <= 4\nend").program;
    assert_eq!((program.columns(), program.rows()), (1, 1));
    assert_eq!(program.column_bounds(0), Bounds::between(0.0, 4.0));
}

#[test]
fn errors_name_line_section_and_text() {
    for (text, line, section, message) in [
        ("", 1, "the first lines", "the file ends before Minimize or Maximize"),
        ("x + y", 1, "the first lines", "expected Minimize or Maximize, found \"x\""),
        (
            "min\n x\nst\n x <= 3, y <= 1\nend",
            4,
            "Subject To",
            "expected a name that does not begin with a comma or a bracket and is not NaN, found \", y <= 1\"",
        ),
        ("min\n x\nst\n x >= 1\n", 5, "Subject To", "the file ends before End"),
        ("min\n x + \nst\n", 3, "the objective", "expected a number or a name behind the sign, found \"st\""),
        (
            "min\n x y\nend",
            2,
            "the objective",
            "expected a term with its sign, or the section Subject To, found \"y\"",
        ),
        (
            "min\n x + [ x ^2 ] / 2\nend",
            2,
            "the objective",
            "a quadratic term (\"[ x ^2 ] / 2\") cannot be read",
        ),
        ("min\n x ^ 2\nend", 2, "the objective", "a quadratic term (\"^ 2\") cannot be read"),
        (
            "min\n x\nst\n x\nend",
            5,
            "Subject To",
            "expected a comparison (<=, >=, =), or a term with its sign, found \"end\"",
        ),
        ("min\n x\nst\n c: x >= \nend", 5, "Subject To", "expected a number or a name, found \"end\""),
        ("min\n x\nst\n c: x >= 1\n c: x <= 2\nend", 5, "Subject To", "the row \"c\" stands a second time"),
        (
            "min\n x\nst\n 1 <= x >= 2\nend",
            4,
            "Subject To",
            "expected two comparisons of the same direction, found \">=\"",
        ),
        ("min\n x\nst\n x <= 1 <= 2\nend", 4, "Subject To", "expected one comparison only"),
        (
            "min\n x\nst\n 1 <= x <= y\nend",
            4,
            "Subject To",
            "expected no variables behind the second comparison",
        ),
        ("min\n x\nst\n x <= -1e20\nend", 4, "Subject To", "row 0 has the bounds"),
        ("min\n x\nst\n x >= inf - inf\nend", 4, "Subject To", "row 0 has the bounds"),
        ("min\n x\nst\n 1e400 x >= 1\nend", 4, "Subject To", "1e400 is too large for a coefficient"),
        ("min\n 1e308 x + 1e308 x\nend", 2, "the objective", "the cost of column 0 is inf"),
        ("min\n x + inf\nend", 2, "the objective", "the constant of the objective is inf"),
        ("min\n x\nst\n 2 inf >= 1\nend", 4, "Subject To", "expected the name of a variable, found \"inf\""),
        (
            "min\n x\nst\n x * 2 >= 1\nend",
            4,
            "Subject To",
            "expected a name, a number, a sign or a comparison, found \"* 2 >= 1\"",
        ),
        ("min\n x\nst\n .. >= 1\nend", 4, "Subject To", "\".\" is not a number"),
        ("min\n x\nbounds\n y <= 1\nend", 4, "Bounds", "there is no column \"y\""),
        ("min\n x\nbounds\n x <= y\nend", 4, "Bounds", "expected a number, found \"y\""),
        ("min\n x\nbounds\n 1 <= 2\nend", 4, "Bounds", "expected the name of a variable, found \"2\""),
        ("min\n x\nbounds\n x >= inf\nend", 4, "Bounds", "column 0 has the bounds"),
        ("min\n x\ngeneral\n y\nend", 4, "General", "there is no column \"y\""),
        ("min\n x\nbinary\n 3\nend", 4, "Binary", "expected the name of a variable, found \"3\""),
        ("min\n x\nst\nst\nend", 4, "Subject To", "section \"st\" stands a second time"),
        ("min\n x\nsemi-continuous\n x\nend", 3, "the objective", "a semi-continuous variable"),
        ("min\n x\nsos\n x\nend", 3, "the objective", "a special ordered set"),
        ("min\n x\nlazy constraints\n x\nend", 3, "the objective", "a lazy constraint"),
        ("min\n x\u{e9}\nend", 2, "the objective", "expected a name, a number, a sign or a comparison"),
    ] {
        let (got_line, got_section, problem) = refused(text);
        assert_eq!((got_line, got_section), (line, section), "{problem}\n{text}");
        assert!(problem.to_string().starts_with(message), "{problem}\n{text}");
    }
    assert_eq!(read("min x\nend\n\\ comment\nmore").warnings, ["line 2: what stands after End is not read"]);
}

/// Writes and reads again.
fn through(program: &LinearProgram) -> (ProgramFile, Vec<String>, String) {
    let mut text = Vec::new();
    let warnings = write_lp_to(&mut text, program).unwrap();
    let text = String::from_utf8(text).unwrap();
    (read(&text), warnings, text)
}

#[test]
fn all_bounds_survive_writing() {
    let mut program = LinearProgram::new(Sense::Maximise);
    program.set_name("all of it");
    program.set_objective_name("gain");
    program.set_objective_constant(-0.1).unwrap();
    let numbers = [-INFINITY, -2.5, -0.1, 0.0, 1.0 / 3.0, 7.0, INFINITY];
    for lower in &numbers[..6] {
        for upper in &numbers[1..] {
            let column = program.add_column(lower.max(-1.0), *lower..=*upper, []).unwrap();
            program.set_column_name(column, format!("x{column}")).unwrap();
            let terms = if column.is_multiple_of(5) { vec![] } else { vec![(column, 0.1), (0, -3.0)] };
            let row = program.add_row(*lower..=*upper, terms).unwrap();
            program.set_row_name(row, format!("r{row}")).unwrap();
        }
    }
    let (file, warnings, text) = through(&program);
    assert_eq!(file.program, program, "{text}");
    assert!(warnings.is_empty() && file.warnings.is_empty(), "{warnings:?} {:?}", file.warnings);
    assert!(text.lines().all(|line| line.len() < 200));
}

#[test]
fn names_that_cannot_stand_are_replaced() {
    let mut program = LinearProgram::new(Sense::Minimise);
    for name in ["x", "3x", "e5", "e", "free", "C2", "", "x", ".a", "a b", "end", "a*b", "ex"] {
        let column = program.add_column(1.0, 0.0.., []).unwrap();
        program.set_column_name(column, name).unwrap();
    }
    program.set_objective_name("1");
    let (file, warnings, text) = through(&program);
    let names: Vec<String> = (0..13).map(|column| file.program.column_name(column).into_owned()).collect();
    let expected = ["x", "C2_", "C3", "C4", "C5", "C2", "C7", "C8", "C9", "C10", "C11", "C12", "ex"];
    assert_eq!(names, expected, "{text}");
    assert_eq!(warnings.len(), 2);
    assert!(warnings[0].starts_with("9 of 13 column names cannot stand in an LP file"), "{warnings:?}");
    assert_eq!(file.program.objective_name(), "");
}

#[test]
fn a_program_without_columns() {
    let mut program = LinearProgram::new(Sense::Minimise);
    program.set_objective_constant(2.0).unwrap();
    program.add_row(-1.0..=4.0, []).unwrap();
    program.add_row(3.0.., []).unwrap();
    let (file, _, text) = through(&program);
    assert_eq!((file.program.objective_constant(), file.program.columns()), (2.0, 0), "{text}");
    assert_eq!(
        (file.program.row_bounds(0), file.program.row_bounds(1)),
        (Bounds::between(-1.0, 4.0), Bounds::at_least(3.0))
    );
}

proptest! {
    #[test]
    fn any_text_of_the_format_s_words_is_read_or_refused(
        words in proptest::collection::vec(prop::sample::select(vec![
            "min", "max", "st", "subject to", "bounds", "general", "binary", "end", "x", "y", "free", "inf", "e1", "2e1x", "a:", ":", "+", "-", "<=", ">=",
            "=", "3", "1e30", "1e400", ".", "[", "\\", "\n", "\n", "\n", " ", "=<", "semi", "\u{e9}",
        ]), 0..60),
        start in any::<bool>(),
    ) {
        let text = format!("{}{}", if start { "min\n" } else { "" }, words.join(" "));
        let _ = read_lp_from(text.as_bytes());
    }
}
