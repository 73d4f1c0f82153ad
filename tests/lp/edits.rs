//! Edits between solves: beginning with the old basis the answer is the one from scratch, in fewer steps; and no
//! basis is too wrong to begin with.

use crate::netlib;
use crate::plan::{PERIODS, PRODUCTS, Plan};
use brenier::lp::{
    self, Basis, BasisStatus, Contradiction, Error, LinearProgram, Method, Options, Sense, Solution, Status,
};
use brenier::random::RandomStream;

const METHODS: [Method; 2] = [Method::Dual, Method::Primal];

fn solve(program: &LinearProgram, method: Method, basis: Option<&Basis>) -> Solution {
    let mut options = Options::default().with_method(method).with_presolve(false);
    if let Some(basis) = basis {
        options = options.with_basis(basis.clone());
    }
    lp::solve_with(program, &options, &mut lp::run_to_the_end).expect("a program and a basis that fits")
}

/// Solves from a basis and from scratch, by both methods: the same answer.
fn agree(program: &LinearProgram, basis: &Basis) -> [(Solution, Solution); 2] {
    METHODS.map(|method| {
        let (warm, cold) = (solve(program, method, Some(basis)), solve(program, method, None));
        assert_eq!(warm.status, cold.status, "{method:?}");
        if cold.status == Status::Optimal {
            let difference = (warm.objective - cold.objective).abs();
            let scale = cold.objective.abs().max(1.0);
            assert!(difference <= 1e-9 * scale, "{method:?}: {} and {}", warm.objective, cold.objective);
            assert_eq!(warm.basis.basic(), program.rows());
        }
        (warm, cold)
    })
}

/// The same after a small change: optimal, and in no more steps than from scratch. Answers with the new basis.
fn repaired(program: &LinearProgram, basis: &Basis) -> Basis {
    let [(dual, _), _] = agree(program, basis).map(|(warm, cold)| {
        assert_eq!(warm.status, Status::Optimal);
        assert!(
            warm.iterations <= cold.iterations,
            "{} steps, {} from scratch",
            warm.iterations,
            cold.iterations
        );
        (warm, cold)
    });
    dual.basis
}

fn optimal(program: &LinearProgram) -> Solution {
    let solution = solve(program, Method::Dual, None);
    assert_eq!(solution.status, Status::Optimal);
    solution
}

#[test]
fn nothing_changed_takes_no_step() {
    for seed in 0..3 {
        let plan = Plan::new(seed);
        let basis = optimal(&plan.program).basis;
        for (warm, _) in agree(&plan.program, &basis) {
            assert_eq!(warm.iterations, 0);
        }
    }
}

#[test]
fn costs() {
    let mut plan = Plan::new(0);
    let mut basis = optimal(&plan.program).basis;
    let mut stream = RandomStream::new(1);
    for _ in 0..15 {
        let column = stream.below(plan.program.columns() as u64).expect("columns") as usize;
        let cost = plan.program.costs()[column] * (0.8 + 0.4 * stream.uniform::<f64>());
        plan.program.set_cost(column, cost).expect("a cost");
        basis = repaired(&plan.program, &basis);
    }
}

#[test]
fn right_hand_sides() {
    let mut plan = Plan::new(1);
    let mut basis = optimal(&plan.program).basis;
    let mut stream = RandomStream::new(2);
    for _ in 0..15 {
        let row = stream.below(plan.program.rows() as u64).expect("rows") as usize;
        let bounds = plan.program.row_bounds(row);
        let factor = 0.8 + 0.4 * stream.uniform::<f64>();
        let changed = lp::Bounds { lower: bounds.lower * factor, upper: bounds.upper * factor };
        plan.program.set_row_bounds(row, changed).expect("bounds");
        basis = repaired(&plan.program, &basis);
    }
}

#[test]
fn bounds() {
    let mut plan = Plan::new(2);
    let mut basis = optimal(&plan.program).basis;
    for period in 0..15 {
        let column = plan.stock(period % PRODUCTS, 2 * period);
        let limits = if period % 3 == 0 { 3.0..=12.0 } else { 0.0..=1.0 + period as f64 };
        plan.program.set_column_bounds(column, limits).expect("bounds");
        basis = repaired(&plan.program, &basis);
    }
}

#[test]
fn coefficients() {
    let mut plan = Plan::new(3);
    let mut basis = optimal(&plan.program).basis;
    for period in 0..15 {
        let (row, column) = (plan.capacity(period), plan.made(period % PRODUCTS, period));
        let hours = plan.program.coefficient(row, column);
        plan.program.set_coefficient(row, column, 1.1 * hours).expect("a coefficient");
        basis = repaired(&plan.program, &basis);
    }
    // A coefficient that was not there, and one that goes away.
    plan.program.set_coefficient(plan.capacity(3), plan.stock(0, 3), 0.1).expect("a coefficient");
    plan.program.set_coefficient(plan.capacity(4), plan.made(1, 4), 0.0).expect("a coefficient");
    repaired(&plan.program, &basis);
}

#[test]
fn cuts() {
    let mut plan = Plan::new(4);
    // Room enough in the stock to make up for what is cut.
    for (product, period) in
        (0..PRODUCTS).flat_map(|product| (0..PERIODS).map(move |period| (product, period)))
    {
        plan.program.set_column_bounds(plan.stock(product, period), 0.0..=100.0).expect("bounds");
    }
    let mut solution = optimal(&plan.program);
    for period in 5..20 {
        // What two periods make of a product is cut by a tenth.
        let pair = [plan.made(period % PRODUCTS, period), plan.made(period % PRODUCTS, period + 1)];
        let made: f64 = pair.iter().map(|&column| solution.x[column]).sum();
        plan.program.add_row(..=0.9 * made, pair.map(|column| (column, 1.0))).expect("a row");
        let basis = repaired(&plan.program, &solution.basis);
        solution = solve(&plan.program, Method::Dual, Some(&basis));
        assert_eq!(solution.iterations, 0);
    }
}

#[test]
fn new_columns() {
    let mut plan = Plan::new(5);
    let mut basis = optimal(&plan.program).basis;
    for period in 0..15 {
        // Buying a product in place of making it.
        let price = 4.0 + (period % 5) as f64;
        let row = plan.balance(period % PRODUCTS, period);
        plan.program.add_column(price, 0.0..=20.0, [(row, 1.0)]).expect("a column");
        basis = repaired(&plan.program, &basis);
    }
}

#[test]
fn deleted_rows_and_columns() {
    let mut plan = Plan::new(6);
    let mut basis = optimal(&plan.program).basis;
    for round in 0..6 {
        // The last rows and columns first, so that those before keep their places.
        let period = PERIODS - 1 - round;
        let rows = [plan.capacity(period)];
        plan.program.delete_rows(&rows).expect("rows");
        basis.delete_rows(&rows);
        basis = repaired(&plan.program, &basis);
        let columns = [plan.overtime(period)];
        plan.program.delete_columns(&columns).expect("columns");
        basis.delete_columns(&columns);
        basis = repaired(&plan.program, &basis);
    }
    // Basic columns and nonbasic rows leave the basis of a wrong size.
    let columns: Vec<usize> = (0..plan.program.columns())
        .filter(|&column| basis.columns[column] == BasisStatus::Basic)
        .step_by(9)
        .collect();
    plan.program.delete_columns(&columns).expect("columns");
    basis.delete_columns(&columns);
    assert_ne!(basis.basic(), plan.program.rows());
    agree(&plan.program, &basis);
    let rows: Vec<usize> =
        (0..plan.program.rows()).filter(|&row| basis.rows[row] != BasisStatus::Basic).step_by(7).collect();
    plan.program.delete_rows(&rows).expect("rows");
    basis.delete_rows(&rows);
    assert_ne!(basis.basic(), plan.program.rows());
    agree(&plan.program, &basis);
}

#[test]
fn there_and_back_again() {
    let mut plan = Plan::new(7);
    let first = optimal(&plan.program);
    // A demand that cannot be met: without overtime in the first period.
    let (balance, overtime) = (plan.balance(0, 0), plan.overtime(0));
    let demand = plan.program.row_bounds(balance);
    plan.program.set_row_bounds(balance, 1e4).expect("bounds");
    plan.program.set_column_bounds(overtime, 0.0).expect("bounds");
    let pairs = agree(&plan.program, &first.basis);
    for (warm, _) in &pairs {
        assert_eq!(warm.status, Status::Infeasible);
        assert!(matches!(warm.contradiction, Some(Contradiction::Farkas(_))));
    }
    plan.program.set_row_bounds(balance, demand).expect("bounds");
    plan.program.set_column_bounds(overtime, 0.0..).expect("bounds");
    for (infeasible, _) in &pairs {
        for (warm, _) in agree(&plan.program, &infeasible.basis) {
            assert!((warm.objective - first.objective).abs() <= 1e-9 * first.objective);
        }
    }
    // Overtime that earns: no end.
    let cost = plan.program.costs()[overtime];
    plan.program.set_cost(overtime, -1.0).expect("a cost");
    let pairs = agree(&plan.program, &first.basis);
    plan.program.set_cost(overtime, cost).expect("a cost");
    for (unbounded, _) in &pairs {
        assert_eq!(unbounded.status, Status::Unbounded);
        for (warm, _) in agree(&plan.program, &unbounded.basis) {
            assert!((warm.objective - first.objective).abs() <= 1e-9 * first.objective);
        }
    }
    // Bounds that contradict each other, and back.
    plan.program.set_column_bounds(overtime, 2.0..=1.0).expect("bounds");
    let crossed = solve(&plan.program, Method::Dual, Some(&first.basis));
    assert!(matches!(crossed.contradiction, Some(Contradiction::Bounds { .. })));
    plan.program.set_column_bounds(overtime, 0.0..).expect("bounds");
    assert_eq!(repaired(&plan.program, &crossed.basis).basic(), plan.program.rows());
}

#[test]
fn the_sense_turns_around() {
    let mut plan = Plan::new(8);
    for column in 0..plan.program.columns() {
        let bounds = plan.program.column_bounds(column);
        plan.program.set_column_bounds(column, bounds.lower..=bounds.upper.min(500.0)).expect("bounds");
    }
    let basis = optimal(&plan.program).basis;
    plan.program.set_sense(Sense::Maximise);
    agree(&plan.program, &basis);
}

#[test]
fn wrong_bases_end_right() {
    use BasisStatus::{AtLower, AtUpper, Basic, Free};
    let plan = Plan::new(9);
    let program = &plan.program;
    let (rows, columns) = (program.rows(), program.columns());
    let of = |column: BasisStatus, row: BasisStatus| Basis {
        columns: vec![column; columns],
        rows: vec![row; rows],
    };
    let mut bases = vec![
        of(Basic, Basic),
        of(Basic, AtLower),
        of(AtLower, AtLower),
        of(AtUpper, AtUpper),
        of(Free, Free),
        of(AtUpper, Basic),
        Basis::default(),
    ];
    // Singular: a column twice would be; here those of one row alone, and both of a balance.
    let mut singular = of(AtLower, AtLower);
    singular.columns[..rows].fill(Basic);
    bases.push(singular);
    // That of another problem, which has fewer rows and columns.
    let mut smaller = plan.program.clone();
    let gone: Vec<usize> = (rows / 2..rows).collect();
    smaller.delete_rows(&gone).expect("rows");
    let gone: Vec<usize> = (columns / 2..columns).collect();
    smaller.delete_columns(&gone).expect("columns");
    let other = solve(&smaller, Method::Dual, None);
    bases.push(other.basis);
    // Anything at all.
    let mut stream = RandomStream::new(3);
    for _ in 0..20 {
        let mut random = |count: usize| -> Vec<BasisStatus> {
            (0..count)
                .map(|_| [Basic, AtLower, AtUpper, Free][stream.below(4).expect("four") as usize])
                .collect()
        };
        bases.push(Basis { columns: random(columns), rows: random(rows) });
    }
    for basis in &bases {
        for (warm, _) in agree(program, basis) {
            assert_eq!(warm.status, Status::Optimal);
        }
    }
    // One that knows more than there is has no meaning.
    let larger = Options::default().with_basis(of(AtLower, Basic));
    let refused = lp::solve_with(&smaller, &larger, &mut lp::run_to_the_end);
    assert!(matches!(refused, Err(Error::Size { what: "rows of the basis", .. })));
}

/// Gilmore and Gomory's column generation: patterns are priced by a knapsack until none is worth more than a roll.
/// Chvátal: *Linear Programming* (1983), chapter 13: rolls of 100 inches, finals of 45, 36, 31 and 14; 452.25 rolls.
#[test]
fn cutting_stock() {
    let (roll, widths, demands) = (100, [45, 36, 31, 14], [97.0, 610.0, 395.0, 211.0]);
    for method in METHODS {
        let mut master = LinearProgram::new(Sense::Minimise);
        for demand in demands {
            master.add_row(demand.., []).expect("a row");
        }
        for (row, width) in widths.iter().enumerate() {
            master.add_column(1.0, 0.0.., [(row, f64::from(roll / width))]).expect("a column");
        }
        let mut solution = solve(&master, method, None);
        let mut patterns = 0;
        loop {
            let (worth, pattern) =
                knapsack(roll as usize, &widths.map(|width| width as usize), &solution.duals);
            if worth <= 1.0 + 1e-9 {
                break;
            }
            let entries = pattern
                .iter()
                .enumerate()
                .filter(|(_, count)| **count > 0.0)
                .map(|(row, count)| (row, *count));
            master.add_column(1.0, 0.0.., entries).expect("a column");
            patterns += 1;
            assert!(patterns < 50, "a pattern came back");
            let next = solve(&master, method, Some(&solution.basis));
            assert!(next.objective <= solution.objective + 1e-9);
            assert!(next.iterations <= 4, "{} steps for one column", next.iterations);
            solution = next;
        }
        assert!((solution.objective - 452.25).abs() < 1e-9, "{}", solution.objective);
        assert!(patterns > 0);
        // The duals are feasible for all patterns: what they are worth bounds the rolls from below.
        let bound: f64 = solution.duals.iter().zip(demands).map(|(dual, demand)| dual * demand).sum();
        assert!((bound - solution.objective).abs() < 1e-9);
    }
}

/// The most valuable pattern that fits on a roll.
fn knapsack(roll: usize, widths: &[usize], values: &[f64]) -> (f64, Vec<f64>) {
    let mut best = vec![(0.0, None); roll + 1];
    for length in 1..=roll {
        best[length] = (best[length - 1].0, None);
        for (item, &width) in widths.iter().enumerate() {
            if width <= length && best[length - width].0 + values[item] > best[length].0 {
                best[length] = (best[length - width].0 + values[item], Some(item));
            }
        }
    }
    let mut pattern = vec![0.0; widths.len()];
    let mut length = roll;
    while length > 0 {
        match best[length].1 {
            Some(item) => {
                pattern[item] += 1.0;
                length -= widths[item];
            }
            None => length -= 1,
        }
    }
    (best[roll].0, pattern)
}

/// A long life: forty edits of all kinds, each followed by a solve with the basis before.
#[test]
fn many_edits_in_turn() {
    let mut plan = Plan::new(10);
    let program = &mut plan.program;
    let mut basis = optimal(program).basis;
    let mut stream = RandomStream::new(4);
    let (mut warm_steps, mut cold_steps) = (0, 0);
    for round in 0..40 {
        let (rows, columns) = (program.rows() as u64, program.columns() as u64);
        let row = stream.below(rows).expect("rows") as usize;
        let column = stream.below(columns).expect("columns") as usize;
        let factor = 0.5 + stream.uniform::<f64>();
        match round % 8 {
            0 => program.set_cost(column, program.costs()[column] * factor).expect("a cost"),
            1 => program.set_column_bounds(column, 0.0..=50.0 * factor).expect("bounds"),
            2 => {
                let bounds = program.row_bounds(row);
                let changed = lp::Bounds { lower: bounds.lower * factor, upper: bounds.upper * factor };
                program.set_row_bounds(row, changed).expect("bounds");
            }
            3 => {
                let entries = (0..5).map(|step| ((column + 7 * step) % columns as usize, 1.0));
                program.add_row(..=200.0 * factor, entries).expect("a row");
            }
            4 => {
                let entries = (0..3).map(|step| ((row + 11 * step) % rows as usize, 1.0));
                program.add_column(3.0 * factor, 0.0..=10.0, entries).expect("a column");
            }
            5 => {
                program.delete_rows(&[row]).expect("a row");
                basis.delete_rows(&[row]);
            }
            6 => {
                program.delete_columns(&[column]).expect("a column");
                basis.delete_columns(&[column]);
            }
            _ => program.set_coefficient(row, column, factor).expect("a coefficient"),
        }
        let [(warm, cold), _] = agree(program, &basis);
        (warm_steps, cold_steps) = (warm_steps + warm.iterations, cold_steps + cold.iterations);
        basis = warm.basis;
    }
    assert!(10 * warm_steps < cold_steps, "{warm_steps} steps, {cold_steps} from scratch");
}

/// Netlib: after a small change of some costs, or of some bounds, the old basis is the better start.
#[test]
fn netlib_after_small_changes() {
    for (name, program) in netlib::feasible() {
        let solution = optimal(&program);
        let mut stream = RandomStream::new(5);
        let mut some = |count: usize| -> Vec<usize> {
            (0..3).map(|_| stream.below(count as u64).expect("some") as usize).collect()
        };
        let mut dearer = program.clone();
        for column in some(program.columns()) {
            dearer.set_cost(column, 1.01 * program.costs()[column]).expect("a cost");
        }
        let mut narrower = program.clone();
        for row in some(program.rows()) {
            let bounds = program.row_bounds(row);
            let changed = lp::Bounds { lower: 1.01 * bounds.lower, upper: 1.01 * bounds.upper };
            narrower.set_row_bounds(row, changed).expect("bounds");
        }
        for (changed, what) in [(dearer, "costs"), (narrower, "bounds")] {
            for (warm, cold) in agree(&changed, &solution.basis) {
                let (warm, cold) = (warm.iterations, cold.iterations);
                assert!(warm <= cold, "{name}, {what}: {warm} steps, {cold} from scratch");
            }
        }
    }
}
