//! Every case of the format with a little text of its own.

use super::super::bounds::Bounds;
use super::super::model::{LinearProgram, Sense};
use super::super::program_file::ProgramFile;
use super::super::read_error::{ReadError, ReadProblem};
use super::*;

const INFINITY: f64 = f64::INFINITY;

/// A file with two columns x, y, rows l, g, e and the objective, and more sections behind.
fn with(sections: &str) -> String {
    format!("NAME t\nROWS\n N cost\n L l\n G g\n E e\nCOLUMNS\n x cost 1 l 1\n y g 1 e 1\n{sections}ENDATA\n")
}

fn read(text: &str) -> ProgramFile {
    read_mps_from(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn refused(text: &str) -> (u64, &'static str, ReadProblem) {
    match read_mps_from(text.as_bytes()) {
        Err(ReadError::Text { line, section, problem, .. }) => (line, section, problem),
        other => panic!("{other:?}\n{text}"),
    }
}

fn column_bounds(lines: &str) -> (Bounds, Bounds, usize) {
    let file = read(&with(&format!("BOUNDS\n{lines}")));
    (file.program.column_bounds(0), file.program.column_bounds(1), file.warnings.len())
}

fn row_bounds(sections: &str) -> [Bounds; 3] {
    let program = read(&with(sections)).program;
    [0, 1, 2].map(|row| program.row_bounds(row))
}

#[test]
fn names_and_coefficients() {
    let ProgramFile { program, integer_columns, warnings } = read(&with(""));
    assert_eq!((program.name(), program.objective_name()), ("t", "cost"));
    assert_eq!((program.rows(), program.columns(), program.nonzeros()), (3, 2, 3));
    assert_eq!((program.row_name(2), program.column_name(1)), ("e".into(), "y".into()));
    assert_eq!(program.costs(), [1.0, 0.0]);
    assert_eq!(program.coefficient(2, 1), 1.0);
    assert_eq!(program.sense(), Sense::Minimise);
    assert!(integer_columns.is_empty() && warnings.is_empty(), "{warnings:?}");
    assert_eq!(row_bounds(""), [Bounds::at_most(0.0), Bounds::at_least(0.0), Bounds::equal(0.0)]);
    assert_eq!(program.column_bounds(0), Bounds::NON_NEGATIVE);
}

#[test]
fn fixed_columns_with_blanks_in_names_and_a_blank_set() {
    let text = "NAME          FORPLAN  (FORPLAN1)
ROWS
 N  OB J
 E  DEDO3 1R
  L R O W
COLUMNS
    DEDO3 11  OB J            .02466   DEDO3 1R           -1.
    DEDO3 12  R O W             -2.5
RHS
              DEDO3 1R            4.   R O W             2.D1
BOUNDS
 UP           DEDO3 11            3.
ENDATA
";
    let program = read(text).program;
    assert_eq!((program.name(), program.objective_name()), ("FORPLAN", "OB J"));
    assert_eq!(program.column_name(1), "DEDO3 12");
    assert_eq!(program.costs(), [0.02466, 0.0]);
    assert_eq!(program.row_bounds(0), Bounds::equal(4.0));
    assert_eq!(program.row_bounds(1), Bounds::at_most(20.0));
    assert_eq!(program.column_bounds(0), Bounds::between(0.0, 3.0));
    assert!(read_mps_from_as(text.as_bytes(), MpsFormat::Free).is_err());
    assert_eq!(read_mps_from_as(text.as_bytes(), MpsFormat::Fixed).unwrap().program, program);
}

#[test]
fn free_fields_with_tabs_long_names_and_no_set() {
    let text = "NAME\nROWS\n\tN\ta_long_objective\n L\tanother_long_name\nCOLUMNS\n\tx\ta_long_objective\t1\tanother_long_name\t2\nRHS\n another_long_name 5\nENDATA";
    let program = read(text).program;
    assert_eq!((program.name(), program.row_name(0)), ("", "another_long_name".into()));
    assert_eq!(program.row_bounds(0), Bounds::at_most(5.0));
    let fixed = read_mps_from_as(text.as_bytes(), MpsFormat::Fixed).unwrap_err();
    assert!(fixed.to_string().contains("line 3, in ROWS: expected blanks, no tabs"), "{fixed}");
}

#[test]
fn carriage_returns_comments_blank_lines_and_what_follows_the_end() {
    let text = with("* comment\n\n   \nRHS\n R l 2\n").replace('\n', "\r\n");
    let file = read(&text);
    assert_eq!(file.program, read(&with("RHS\n R l 2\n")).program);
    let file = read(&format!("\u{feff}* first\n{}\u{1a}", with("")));
    assert!(file.warnings.is_empty());
    let file = read(&format!("{}more\n", with("")));
    assert_eq!(file.warnings, ["line 10: what stands after ENDATA is not read"]);
}

#[test]
fn the_right_hand_side_of_the_objective_is_minus_the_constant() {
    assert_eq!(read(&with("RHS\n R cost -7.113 l 2\n")).program.objective_constant(), 7.113);
    assert_eq!(read(&with("RHS\n R cost 2\n")).program.objective_constant(), -2.0);
    assert_eq!(refused(&with("RHS\n R cost inf\n")).0, 11);
}

#[test]
fn ranges_reach_up_from_g_down_from_l_and_both_ways_from_e() {
    let sides = "RHS\n R l 4 g 1\n R e 3\n";
    let ranges = |range: &str| row_bounds(&format!("{sides}RANGES\n S l {range} g {range}\n S e {range}\n"));
    let expected = [Bounds::between(1.5, 4.0), Bounds::between(1.0, 3.5)];
    assert_eq!(ranges("2.5"), [expected[0], expected[1], Bounds::between(3.0, 5.5)]);
    assert_eq!(ranges("-2.5"), [expected[0], expected[1], Bounds::between(0.5, 3.0)]);
    assert_eq!(ranges("0"), [4.0, 1.0, 3.0].map(Bounds::equal));
    assert_eq!(ranges("1e30"), [Bounds::at_most(4.0), Bounds::at_least(1.0), Bounds::at_least(3.0)]);
    // Ranges may come first.
    let early = row_bounds(&format!("RANGES\n S l 2.5\n{sides}"));
    assert_eq!(early[0], expected[0]);
}

#[test]
fn every_kind_of_bound() {
    for (line, bounds) in [
        ("UP", Bounds::between(0.0, 4.0)),
        ("LO", Bounds::at_least(4.0)),
        ("FX", Bounds::equal(4.0)),
        ("FR", Bounds::FREE),
        ("MI", Bounds::FREE),
        ("PL", Bounds::NON_NEGATIVE),
        ("BV", Bounds::between(0.0, 1.0)),
        ("LI", Bounds::at_least(4.0)),
        ("UI", Bounds::between(0.0, 4.0)),
        ("up", Bounds::between(0.0, 4.0)),
    ] {
        assert_eq!(column_bounds(&format!(" {line} B x 4\n")), (bounds, Bounds::NON_NEGATIVE, 0), "{line}");
        assert_eq!(column_bounds(&format!(" {line} x 4\n")).0, bounds, "{line}");
    }
    assert_eq!(column_bounds(" FR B x\n MI y\n").0, Bounds::FREE);
    assert_eq!(column_bounds(" MI B x\n UP B x 4\n"), (Bounds::at_most(4.0), Bounds::NON_NEGATIVE, 0));
    let file = read(&with("BOUNDS\n BV B y\n UI B x 7\n"));
    assert_eq!(file.integer_columns, [0, 1]);
}

#[test]
fn an_upper_bound_alone() {
    assert_eq!(column_bounds(" UP B x 0\n"), (Bounds::equal(0.0), Bounds::NON_NEGATIVE, 0));
    assert_eq!(column_bounds(" UP B x -3\n"), (Bounds::at_most(-3.0), Bounds::NON_NEGATIVE, 1));
    // A lower bound that is said holds, wherever it stands; the program is infeasible then.
    assert_eq!(
        column_bounds(" UP B x -3\n LO B x 0\n"),
        (Bounds::between(0.0, -3.0), Bounds::NON_NEGATIVE, 0)
    );
    assert_eq!(column_bounds(" LO B x -5\n UP B x -3\n").0, Bounds::between(-5.0, -3.0));
}

#[test]
fn large_numbers_are_infinite_in_bounds_and_right_hand_sides_only() {
    assert_eq!(column_bounds(" UP B x 1e30\n LO B y -1E+20\n").0, Bounds::NON_NEGATIVE);
    assert_eq!(column_bounds(" UP B x Infinity\n LO B y -inf\n").1, Bounds::FREE);
    assert_eq!(column_bounds(" UP B x 9.9e19\n").0, Bounds::between(0.0, 9.9e19));
    assert_eq!(row_bounds("RHS\n R l 1e20 g -1e31\n")[..2], [Bounds::FREE, Bounds::FREE]);
    let (line, section, problem) = refused(&with("BOUNDS\n LO B x 1e20\n"));
    assert_eq!((line, section), (11, "BOUNDS"));
    assert!(problem.to_string().starts_with("1e20 is infinite: a lower bound"), "{problem}");
    assert_eq!(refused(&with("BOUNDS\n UP B x -1e20\n")).0, 11);
    assert_eq!(refused(&with("RHS\n R e 1e20\n")).0, 11);
    assert_eq!(refused(&with("RHS\n R l -1e20\n")).0, 11);
    let (line, section, _) = refused(&with("RHS\n R l 1e20\nRANGES\n S l 4\n"));
    assert_eq!((line, section), (13, "RANGES"));
    let text = with("").replace("x cost 1", "x cost 1e400");
    assert!(matches!(refused(&text), (8, "COLUMNS", ReadProblem::Range { .. })));
    let text = with("").replace("x cost 1", "x cost 1e30");
    assert_eq!(read(&text).program.costs()[0], 1e30);
}

#[test]
fn the_sense_in_all_spellings() {
    for word in ["MAX", "MAXIMIZE", "MAXIMISE", "max", "Maximize"] {
        for between in ["\n    ", "\n", "    ", "\n* comment\n  "] {
            let text = with("").replace("ROWS", &format!("OBJSENSE{between}{word}\nROWS"));
            assert_eq!(read(&text).program.sense(), Sense::Maximise, "{text}");
        }
    }
    let text = with("").replace("ROWS", "OBJSENSE\n    MIN\nROWS");
    assert_eq!(read(&text).program.sense(), Sense::Minimise);
    let (line, section, problem) = refused(&with("").replace("ROWS", "OBJSENSE\nROWS"));
    assert_eq!((line, section), (3, "OBJSENSE"));
    assert_eq!(problem.to_string(), "expected MAX or MIN, found \"ROWS\"");
}

#[test]
fn several_n_rows_and_the_name_of_the_objective() {
    let text = "NAME\nROWS\n N a\n N b\n L c\nCOLUMNS\n x a 1 b 2\n x c 3\nENDATA\n";
    let program = read(text).program;
    assert_eq!((program.objective_name(), program.row_name(0), program.rows()), ("a", "b".into(), 2));
    assert_eq!((program.costs()[0], program.coefficient(0, 0)), (1.0, 2.0));
    assert_eq!(program.row_bounds(0), Bounds::FREE);
    for place in ["ROWS", "COLUMNS"] {
        for header in ["OBJNAME\n  b", "OBJNAME b"] {
            let program = read(&text.replace(place, &format!("{header}\n{place}"))).program;
            assert_eq!((program.objective_name(), program.row_name(0)), ("b", "a".into()));
            assert_eq!(program.costs()[0], 2.0);
        }
    }
    assert!(matches!(
        refused(&text.replace("ROWS", "OBJNAME\n  c\nROWS")).2,
        ReadProblem::Unknown { part: "N row for the objective", .. }
    ));
    let file = read(&text.replace(" N ", " G "));
    assert_eq!(file.warnings, ["line 6: there is no N row: the objective is 0"]);
    let file = read(&text.replace("ENDATA", "RHS\n R b 4\nRANGES\n S a 2\nENDATA"));
    assert_eq!(file.warnings.len(), 2);
}

#[test]
fn integer_markers() {
    for layout in ["    M1 'MARKER' 'INTORG'", "    M1        'MARKER'                 'INTORG'"] {
        let text = format!(
            "NAME\nROWS\n N c\nCOLUMNS\n    x         c         1\n{layout}\n    y         c         1\n    z         c         1\n    M2        'MARKER'                 'INTEND'\n    w         c         1\nBOUNDS\n PL BOUND     z\nENDATA\n"
        );
        let ProgramFile { program, integer_columns, warnings } = read(&text);
        assert_eq!(integer_columns, [1, 2]);
        assert_eq!(program.column_bounds(1), Bounds::between(0.0, 1.0));
        assert_eq!(program.column_bounds(2), Bounds::NON_NEGATIVE);
        assert_eq!(warnings, ["1 integer columns have no bounds: they lie in [0, 1]"]);
    }
    let open = with("").replace("COLUMNS\n", "COLUMNS\n M 'MARKER' 'INTORG'\n");
    assert_eq!(read(&open).warnings.len(), 2);
    let (line, section, problem) = refused(&open.replace("INTORG", "INTORGE"));
    assert_eq!((line, section), (8, "COLUMNS"));
    assert_eq!(problem.to_string(), "expected 'INTORG' or 'INTEND', found \"'INTORGE'\"");
    assert!(matches!(refused(&open.replace("INTORG", "SOSORG")).2, ReadProblem::Unsupported { .. }));
}

#[test]
fn what_stands_twice() {
    let text = with("").replace(" y g 1", " x l 4 cost 3\n y g 1");
    let file = read(&text);
    assert_eq!((file.program.coefficient(0, 0), file.program.costs()[0]), (5.0, 4.0));
    assert_eq!(file.warnings.len(), 2);
    assert!(file.warnings[0].starts_with("line 9: column \"x\" has another coefficient in row \"l\""));
    for (text, line, section) in [
        (with("").replace(" G g", " G g\n L g"), 6, "ROWS"),
        (with("").replace(" y g 1 e 1", " y g 1\n x e 1"), 10, "COLUMNS"),
        (with("RHS\n R l 1\n R l 1\n"), 12, "RHS"),
        (with("RHS\n R cost 1 cost 1\n"), 11, "RHS"),
        (with("RANGES\n R l 1 l 1\n"), 11, "RANGES"),
        (with("RHS\n R l 1\nRHS\n"), 12, "RHS"),
    ] {
        let (got_line, got_section, problem) = refused(&text);
        assert_eq!((got_line, got_section), (line, section), "{problem}");
        assert!(matches!(problem, ReadProblem::Repeated { .. }));
    }
    assert_eq!(column_bounds(" UP B x 4\n UP B x 5\n"), (Bounds::between(0.0, 5.0), Bounds::NON_NEGATIVE, 1));
    let overflow = with("").replace("x cost 1 l 1", "x l 1e308 l 1e308\n x l 1e308");
    assert!(matches!(refused(&overflow), (8, "COLUMNS", ReadProblem::Program(_))));
}

#[test]
fn of_several_sets_the_first_is_used() {
    let file = read(&with(
        "RHS\n A l 1\n B l 2 g 3\n A g 4\n B e 1\nRANGES\n C l 1\n D g 1\nBOUNDS\n UP E x 1\n UP F x 2\n",
    ));
    assert_eq!(file.program.row_bounds(0), Bounds::between(0.0, 1.0));
    assert_eq!(file.program.row_bounds(1), Bounds::at_least(4.0));
    assert_eq!(file.program.column_bounds(0), Bounds::between(0.0, 1.0));
    assert_eq!(file.warnings.len(), 3);
    assert_eq!(file.warnings[0], "line 12: RHS has another set \"B\": only the first, \"A\", is used");
}

#[test]
fn names_like_headers_and_numbers() {
    let text = "NAME ROWS\nROWS\n N ENDATA\n L RHS\n G 1\nCOLUMNS\n BOUNDS ENDATA 1 RHS 2\n 7 1 3\nRHS\n COLUMNS RHS 4 1 5\nBOUNDS\n UP RANGES BOUNDS 6\n FR RANGES 7\nENDATA\n";
    let program = read(text).program;
    assert_eq!(
        (program.name(), program.objective_name(), program.row_name(0)),
        ("ROWS", "ENDATA", "RHS".into())
    );
    assert_eq!(program.row_bounds(1), Bounds::at_least(5.0));
    assert_eq!(program.coefficient(1, 1), 3.0);
    assert_eq!(program.column_bounds(0), Bounds::between(0.0, 6.0));
    assert_eq!(program.column_bounds(1), Bounds::FREE);
}

#[test]
fn empty_sections() {
    let file = read("ROWS\nCOLUMNS\nRHS\nRANGES\nBOUNDS\nENDATA\n");
    assert_eq!((file.program.rows(), file.program.columns(), file.warnings.len()), (0, 0, 1));
    let file = read("NAME\nROWS\n N c\n E r\nCOLUMNS\nENDATA");
    assert_eq!((file.program.rows(), file.program.columns()), (1, 0));
}

#[test]
fn errors_name_line_section_and_text() {
    for (text, line, section, message) in [
        (with("").replace("ENDATA\n", ""), 10, "COLUMNS", "the file ends before ENDATA"),
        (String::new(), 1, "the first lines", "the file ends before ENDATA"),
        (
            "ENDATA\n".into(),
            1,
            "the first lines",
            "expected the section COLUMNS before this one, found \"ENDATA\"",
        ),
        ("\0\0".into(), 1, "the first lines", "expected the header of a section, found \"\\0\\0\""),
        (" x y 1\n".into(), 1, "the first lines", "expected the header of a section, found \"x y 1\""),
        (with("").replace("x cost 1", "x cost 1,5"), 8, "COLUMNS", "\"1,5\" is not a number"),
        (with("").replace("x cost 1", "x cost NaN"), 8, "COLUMNS", "\"NaN\" is not a number"),
        (with("").replace("x cost 1", "x price 1"), 8, "COLUMNS", "there is no row \"price\""),
        (
            with("").replace("N cost", "X cost"),
            3,
            "ROWS",
            "expected the kind of a row: N, L, G or E, found \"X\"",
        ),
        (
            with("").replace("ROWS", "ROWS of it"),
            2,
            "ROWS",
            "expected nothing after the header of a section, found \"of it\"",
        ),
        (with("RHS\n R none 1\n"), 11, "RHS", "there is no row \"none\""),
        (with("RHS\n R l 1 g\n"), 11, "RHS", "there is no row \"R\""),
        (with("RANGES\n R l one\n"), 11, "RANGES", "\"one\" is not a number"),
        (with("BOUNDS\n UP B z 1\n"), 11, "BOUNDS", "there is no column \"z\""),
        (
            with("BOUNDS\n XX B x 1\n"),
            11,
            "BOUNDS",
            "expected a kind of bound: LO, UP, FX, FR, MI, PL, BV, LI or UI, found \"XX\"",
        ),
        (with("BOUNDS\n SC B x 1\n"), 11, "BOUNDS", "a semi-continuous variable (\"SC\") cannot be read"),
        (with("BOUNDS\n UP B x\n"), 11, "BOUNDS", ""),
        (with("QUADOBJ\n x x 1\n"), 10, "COLUMNS", "a quadratic objective (\"QUADOBJ\") cannot be read"),
        (with("SOS\n"), 10, "COLUMNS", "a special ordered set (\"SOS\") cannot be read"),
        (with("INDICATORS\n"), 10, "COLUMNS", "an indicator constraint (\"INDICATORS\") cannot be read"),
        (with("HELLO\n"), 10, "COLUMNS", "expected the header of a section, found \"HELLO\""),
        ("RHS\n".into(), 1, "the first lines", "expected the section COLUMNS before this one, found \"RHS\""),
    ] {
        let (got_line, got_section, problem) = refused(&text);
        assert_eq!((got_line, got_section), (line, section), "{problem}\n{text}");
        assert!(problem.to_string().starts_with(message), "{problem}\n{text}");
    }
    let error = read_mps_from(&b"NAME\nROWS\n N c\xff\nCOLUMNS\nENDATA\n"[..]).unwrap_err();
    assert_eq!(error.to_string(), "the stream: line 3, in ROWS: the name \"c\u{fffd}\" is not UTF-8");
}

#[test]
fn a_file_is_named_in_its_error() {
    let path = std::env::temp_dir().join(format!("brenier-mps-{}-cut.mps", std::process::id()));
    std::fs::write(&path, "NAME\nROWS\n").unwrap();
    let error = read_mps(&path).unwrap_err().to_string();
    assert_eq!(error, format!("{}: line 3, in ROWS: the file ends before ENDATA", path.display()));
    std::fs::remove_file(path).unwrap();
}

/// Writes and reads again.
fn through(program: &LinearProgram) -> (ProgramFile, Vec<String>, String) {
    let mut text = Vec::new();
    let warnings = write_mps_to(&mut text, program).unwrap();
    let text = String::from_utf8(text).unwrap();
    (read(&text), warnings, text)
}

#[test]
fn all_bounds_survive_writing() {
    let mut program = LinearProgram::new(Sense::Maximise);
    program.set_name("all");
    program.set_objective_name("gain");
    program.set_objective_constant(-0.1).unwrap();
    let numbers = [-INFINITY, -2.5, -0.25, 0.0, 0.375, 7.0, INFINITY]; // with exact differences
    for lower in &numbers[..6] {
        for upper in &numbers[1..] {
            let column = program.add_column(lower.max(-1.0), *lower..=*upper, []).unwrap();
            program.set_column_name(column, format!("x{column}")).unwrap();
            if lower <= upper {
                let row = program.add_row(*lower..=*upper, [(column, 0.1), (0, 3.0)]).unwrap();
                program.set_row_name(row, format!("r{row}")).unwrap();
            }
        }
    }
    let (file, warnings, text) = through(&program);
    assert_eq!(file.program, program, "{text}");
    assert!(warnings.is_empty() && file.warnings.is_empty(), "{warnings:?} {:?}", file.warnings);
}

#[test]
fn names_decide_how_it_is_written() {
    let mut program = LinearProgram::new(Sense::Minimise);
    let x = program.add_column(1.0 / 3.0, ..=-1e-300, []).unwrap();
    let row = program.add_row(1.0..=1.5, [(x, -1.0 / 3.0)]).unwrap();
    program.set_row_name(row, "a b").unwrap();
    program.set_column_name(x, "x").unwrap();
    program.set_objective_name("cost");
    let (file, _, text) = through(&program);
    assert_eq!(file.program, program, "{text}");
    assert!(read_mps_from_as(text.as_bytes(), MpsFormat::Free).is_err());

    let error = |program: &LinearProgram| write_mps_to(Vec::new(), program).unwrap_err().to_string();
    program.set_column_name(x, "longer than it").unwrap();
    assert!(
        error(&program).starts_with("column 0 has the name \"longer than it\": since some names have blanks")
    );
    program.set_column_name(x, "tab\t").unwrap();
    assert!(error(&program).starts_with("column 0 has the name \"tab\\t\": a name must have no line feeds"));
    program.set_column_name(x, "x").unwrap();
    let second = program.add_column(0.0, 0.0.., []).unwrap();
    program.set_column_name(second, "x").unwrap();
    assert!(error(&program).starts_with("column 1 has the name \"x\": another row (or the objective)"));
    program.set_column_name(second, "y").unwrap();
    program.set_name("two words");
    assert!(error(&program).starts_with("the program has the name \"two words\""));
    program.set_name("");
    program.set_column_bounds(second, 0.0..=1e20).unwrap();
    assert!(error(&program).starts_with("column 1 has the bounds 0 and 100000000000000000000: in the file"));
}

#[test]
fn a_range_that_no_difference_gives_back_is_told() {
    let mut program = LinearProgram::new(Sense::Minimise);
    let (lower, upper) = (-0.7, 0.600_000_000_000_000_1);
    program.add_row(lower..=upper, []).unwrap();
    let (file, warnings, _) = through(&program);
    let read = file.program.row_bounds(0);
    assert_eq!(read.upper, upper);
    assert!((read.lower - lower).abs() <= f64::EPSILON);
    assert_eq!(warnings.is_empty(), read.lower == lower);
    assert_eq!(file.program.objective_name(), "OBJ");
}
