//! Netlib's files as they are: their sizes, and that they survive both formats.

use brenier::data;
use brenier::lp::{self, LinearProgram};

/// Name, rows, columns and nonzeros of each problem, from the table beside the files.
pub fn table() -> Option<Vec<(String, [usize; 3])>> {
    let name = "optimal_values.tsv";
    let Some(path) = data::netlib_file(name) else {
        println!("{}", data::netlib_skipped(name));
        return None;
    };
    let text = std::fs::read_to_string(path).unwrap();
    let problem = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        (fields[0].to_owned(), [1, 2, 3].map(|field| fields[field].parse().unwrap()))
    };
    Some(text.lines().skip_while(|line| !line.starts_with("name\t")).skip(1).map(problem).collect())
}

pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(data::netlib_file(&format!("{name}.mps")).unwrap()).unwrap()
}

/// What of a program the solver sees, and its names.
fn assert_same(left: &LinearProgram, right: &LinearProgram, names: bool, what: &str) {
    assert_eq!(left.sense(), right.sense(), "{what}");
    assert_eq!(left.objective_constant(), right.objective_constant(), "{what}");
    assert_eq!(left.costs(), right.costs(), "{what}");
    assert_eq!(left.matrix(), right.matrix(), "{what}");
    for row in 0..left.rows() {
        assert_eq!(left.row_bounds(row), right.row_bounds(row), "{what}: row {row}");
        assert!(!names || left.row_name(row) == right.row_name(row), "{what}: row {row}");
    }
    for column in 0..left.columns() {
        assert_eq!(left.column_bounds(column), right.column_bounds(column), "{what}: column {column}");
        assert!(!names || left.column_name(column) == right.column_name(column), "{what}: column {column}");
    }
}

#[test]
fn sizes_agree_with_the_table() {
    let Some(table) = table() else { return };
    assert_eq!(table.len(), 40);
    for (name, size) in table {
        let file = lp::read_mps(data::netlib_file(&format!("{name}.mps")).unwrap()).unwrap();
        let program = file.program;
        assert_eq!([program.rows(), program.columns(), program.nonzeros()], size, "{name}");
        assert!(file.warnings.is_empty() && file.integer_columns.is_empty(), "{name}: {:?}", file.warnings);
    }
}

#[test]
fn every_file_survives_mps_to_the_bit() {
    let Some(table) = table() else { return };
    for (name, _) in table {
        let program = lp::read_mps_from(&bytes(&name)[..]).unwrap().program;
        let mut text = Vec::new();
        let warnings = lp::write_mps_to(&mut text, &program).unwrap();
        let again = lp::read_mps_from(&text[..]).unwrap();
        assert!(
            warnings.is_empty() && again.warnings.is_empty(),
            "{name}: {warnings:?} {:?}",
            again.warnings
        );
        assert_eq!(again.program, program, "{name}");
        let packed = std::env::temp_dir().join(format!("brenier-{}-{name}.mps.gz", std::process::id()));
        lp::write_mps(&packed, &program).unwrap();
        assert_eq!(lp::read_mps(&packed).unwrap().program, program, "{name}");
        std::fs::remove_file(packed).unwrap();
    }
}

#[test]
fn every_file_survives_the_lp_format_to_the_bit() {
    let Some(table) = table() else { return };
    for (name, _) in table {
        let program = lp::read_mps_from(&bytes(&name)[..]).unwrap().program;
        let mut text = Vec::new();
        let warnings = lp::write_lp_to(&mut text, &program).unwrap();
        let again = lp::read_lp_from(&text[..]).unwrap();
        assert!(again.warnings.is_empty(), "{name}: {:?}", again.warnings);
        assert_same(&again.program, &program, warnings.is_empty(), &name);
        // What was generated is writable: the second time nothing is replaced.
        let mut second = Vec::new();
        assert!(lp::write_lp_to(&mut second, &again.program).unwrap().is_empty(), "{name}");
        assert_eq!(lp::read_lp_from(&second[..]).unwrap().program, again.program, "{name}");
    }
}

#[test]
fn the_oddities_of_netlib() {
    if table().is_none() {
        return;
    }
    let read = |name: &str| lp::read_mps_from(&bytes(name)[..]).unwrap().program;
    assert_eq!(read("e226").objective_constant(), 7.113);
    let forplan = read("forplan");
    assert_eq!((forplan.row_name(1), forplan.column_name(0)), ("DEDO3 1R".into(), "DEDO3 11".into()));
    let blend = read("blend");
    assert_eq!((blend.name(), blend.row_bounds(64)), ("BLEND", lp::Bounds::at_most(23.26)));
}
