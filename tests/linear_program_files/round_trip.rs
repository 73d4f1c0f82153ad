//! Random programs through both formats.

use brenier::lp::{self, Bounds, LinearProgram, Sense};
use proptest::prelude::*;

/// Numbers of every size that both formats hold: beyond 1e20 bounds are infinite.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-8_i32..=8).prop_map(|value| f64::from(value) / 2.0),
        -1e3..1e3,
        (-1.0..1.0, -300_i32..19).prop_map(|(digits, power)| digits * 10_f64.powi(power)),
    ]
}

/// Bounds; those of rows do not contradict each other, and both finite only where their difference is exact.
fn bounds(of_row: bool) -> impl Strategy<Value = Bounds> {
    let two = (-20_i32..20, -20_i32..20).prop_map(move |(a, b)| {
        let (a, b) = if of_row { (a.min(b), a.max(b)) } else { (a, b) };
        Bounds::between(f64::from(a) / 4.0, f64::from(b) / 4.0)
    });
    prop_oneof![
        Just(Bounds::FREE),
        Just(Bounds::NON_NEGATIVE),
        number().prop_map(Bounds::at_least),
        number().prop_map(Bounds::at_most),
        number().prop_map(Bounds::equal),
        two,
    ]
}

fn program() -> impl Strategy<Value = LinearProgram> {
    let columns = proptest::collection::vec((number(), bounds(false)), 0..8);
    let rows = proptest::collection::vec(
        (bounds(true), proptest::collection::vec((0_usize..8, number()), 0..6)),
        0..8,
    );
    (any::<bool>(), number(), columns, rows).prop_map(|(maximise, constant, columns, rows)| {
        let mut program = LinearProgram::new(if maximise { Sense::Maximise } else { Sense::Minimise });
        program.set_name("random");
        program.set_objective_name("objective");
        program.set_objective_constant(constant).unwrap();
        for (cost, bounds) in columns {
            let column = program.add_column(cost, bounds, []).unwrap();
            program.set_column_name(column, format!("x{column}")).unwrap();
        }
        for (bounds, entries) in rows {
            let mut seen = [false; 8];
            let entries = entries.into_iter().filter(|&(column, value)| {
                value != 0.0 && column < program.columns() && !std::mem::replace(&mut seen[column], true)
            });
            let entries: Vec<(usize, f64)> = entries.collect();
            let row = program.add_row(bounds, entries).unwrap();
            program.set_row_name(row, format!("r{row}")).unwrap();
        }
        program
    })
}

proptest! {
    #[test]
    fn random_programs_survive_mps(program in program(), blanks in any::<bool>()) {
        let mut program = program;
        if blanks && program.rows() > 0 {
            program.set_row_name(0, "a b").unwrap(); // fixed columns
            program.set_objective_name("cost");
        }
        let mut text = Vec::new();
        let warnings = lp::write_mps_to(&mut text, &program).unwrap();
        let again = lp::read_mps_from(&text[..]).unwrap();
        prop_assert!(warnings.is_empty() && again.warnings.is_empty(), "{:?} {:?}", warnings, again.warnings);
        prop_assert_eq!(again.program, program);
    }

    #[test]
    fn random_programs_survive_the_lp_format(program in program()) {
        let mut text = Vec::new();
        let warnings = lp::write_lp_to(&mut text, &program).unwrap();
        let again = lp::read_lp_from(&text[..]).unwrap();
        prop_assert!(warnings.is_empty() && again.warnings.is_empty(), "{:?} {:?}", warnings, again.warnings);
        prop_assert_eq!(again.program, program);
    }

    /// The far bound of any row with two bounds is right to the rounding of its difference.
    #[test]
    fn ranges_are_right_to_a_rounding(lower in number(), size in 0.0..1e3) {
        let mut program = LinearProgram::new(Sense::Minimise);
        let upper = lower + size;
        program.add_row(lower..=upper, []).unwrap();
        let mut text = Vec::new();
        let warnings = lp::write_mps_to(&mut text, &program).unwrap();
        let read = lp::read_mps_from(&text[..]).unwrap().program.row_bounds(0);
        let off = (read.lower - lower).abs().max((read.upper - upper).abs());
        prop_assert!(off <= 2.0 * f64::EPSILON * (upper - lower).max(lower.abs()));
        prop_assert_eq!(warnings.is_empty(), off == 0.0);
    }
}
