//! The simplex of the text books, tableau after tableau: a problem of two products, one that needs phase 1, and one that cycles for ever.
//!
//! `cargo run --release --example simplex_by_hand` prints every step with the variable that enters, the one that leaves and the pivot in
//! brackets, and in the end what the sparse simplex says to the same problems.

use brenier::Matrix;
use brenier::lp::{self, LinearProgram, PivotRule, Relation, Sense, TableauSimplex, TableauStatus};

/// min c.x where each row of A x compares with b, x >= 0.
struct Problem {
    costs: Vec<f64>,
    rows: Matrix<f64>,
    relations: Vec<Relation>,
    right: Vec<f64>,
}

fn main() -> lp::Result<()> {
    println!("1. Two products (Hillier and Lieberman's Wyndor Glass Co.): max 3 x1 + 5 x2");
    println!(
        "   where x1 <= 4, 2 x2 <= 12, 3 x1 + 2 x2 <= 18, by minimising the negative. Dantzig's rule:\n"
    );
    let glass = Problem {
        costs: vec![-3.0, -5.0],
        rows: Matrix::from_rows([[1.0, 0.0], [0.0, 2.0], [3.0, 2.0]]),
        relations: vec![Relation::AtMost; 3],
        right: vec![4.0, 12.0, 18.0],
    };
    show(&glass, PivotRule::Dantzig, -36.0)?;
    println!("   Bland's rule takes the first column that improves, here the longer way around:\n");
    show(&glass, PivotRule::Bland, -36.0)?;

    println!(
        "2. Two phases: min 2 x1 + 3 x2 where x1 + x2 = 10, x1 + 3 x2 >= 20, x1 / 2 + x2 / 4 <= 4 (Winston's Bevco)."
    );
    println!("   Where no slack can begin, artificial variables do; phase 1 drives their sum w to 0:\n");
    let drinks = Problem {
        costs: vec![2.0, 3.0],
        rows: Matrix::from_rows([[1.0, 1.0], [1.0, 3.0], [0.5, 0.25]]),
        relations: vec![Relation::Equal, Relation::AtLeast, Relation::AtMost],
        right: vec![10.0, 20.0, 4.0],
    };
    show(&drinks, PivotRule::Bland, 25.0)?;

    println!(
        "3. Beale's example (1955): degenerate, so that steps of length 0 follow one another. Dantzig's rule comes back to"
    );
    println!("   where it was, and would go round for ever:\n");
    let beale = Problem {
        costs: vec![-0.75, 20.0, -0.5, 6.0],
        rows: Matrix::from_rows([[0.25, -8.0, -1.0, 9.0], [0.5, -12.0, -0.5, 3.0], [0.0, 0.0, 1.0, 0.0]]),
        relations: vec![Relation::AtMost; 3],
        right: vec![0.0, 0.0, 1.0],
    };
    let cycling = show(&beale, PivotRule::Dantzig, -1.25)?;
    assert_eq!(cycling, TableauStatus::Cycling);
    println!("   Bland's rule cannot cycle:\n");
    show(&beale, PivotRule::Bland, -1.25)?;
    Ok(())
}

/// Prints all tableaux and the answer, and beside it that of the sparse simplex.
fn show(problem: &Problem, rule: PivotRule, expected: f64) -> lp::Result<TableauStatus> {
    let tableaux = TableauSimplex::new(&problem.costs, &problem.rows, &problem.relations, &problem.right)?
        .with_rule(rule);
    let solution = tableaux.solve_with(|step| println!("{step}"));
    let sparse = lp::solve(&as_linear_program(problem)?)?;
    let vector =
        |values: &[f64]| values.iter().map(|value| format!("{value:.4}")).collect::<Vec<_>>().join(", ");
    match solution.status {
        TableauStatus::Optimal => {
            println!("   optimal after {} pivots: {:.4}", solution.pivots, solution.objective)
        }
        TableauStatus::Cycling => {
            println!("   the first tableau is back after {} pivots: a cycle", solution.pivots)
        }
        status => println!("   {status:?} after {} pivots", solution.pivots),
    }
    println!(
        "   expected {expected:.4}; the sparse simplex finds {:.4} in {} steps",
        sparse.objective, sparse.iterations
    );
    if solution.status == TableauStatus::Optimal {
        println!("   x     = {}; sparse: {}", vector(&solution.x), vector(&sparse.x));
        println!("   duals = {}; sparse: {}", vector(&solution.duals), vector(&sparse.duals));
    }
    println!();
    Ok(solution.status)
}

fn as_linear_program(problem: &Problem) -> lp::Result<LinearProgram> {
    let mut program = LinearProgram::new(Sense::Minimise);
    for &cost in &problem.costs {
        program.add_column(cost, 0.0.., [])?;
    }
    for (row, (&relation, &right)) in problem.relations.iter().zip(&problem.right).enumerate() {
        let entries = problem.rows.row(row).iter().copied().enumerate();
        match relation {
            Relation::AtMost => program.add_row(..=right, entries)?,
            Relation::Equal => program.add_row(right, entries)?,
            Relation::AtLeast => program.add_row(right.., entries)?,
        };
    }
    Ok(program)
}
