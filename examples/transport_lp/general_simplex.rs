//! The transport problem as the general linear program of the sheet, solved without knowing that it is one of transport.

use super::{Exercise, SINKS, SOURCES};
use brenier::lp::{self, LinearProgram, Method, Options, Part, Sense, Solution};
use brenier::matrix::Matrix;
use brenier::ot::exact;

const METHODS: [(Method, &str); 2] = [(Method::Dual, "dual simplex"), (Method::Primal, "primal simplex")];

/// (b), (c) again: both forms, each by both methods, beside the network simplex.
pub fn solve_as_given(exercise: &Exercise, costs: &Matrix<f64>, network: &exact::Solution) -> lp::Result<()> {
    println!("\nThe same by the general simplex, which is told A, b and c only:");
    println!(
        "  form          method            cost             steps  support  |x - plan|  |duals - network's|  status"
    );
    let forms = [
        ("A x <= b", with_inequalities(exercise, costs)?),
        ("B x = (m, n)", with_equalities(exercise, costs)?),
    ];
    for (form, program) in &forms {
        for (method, name) in METHODS {
            let options = Options::default().with_method(method).with_presolve(false);
            let solution = lp::solve_with(program, &options, &mut lp::run_to_the_end)?;
            let support = solution.x.iter().filter(|mass| **mass > 1e-12).count();
            println!(
                "  {form:12}  {name:14}  {:.12}  {:6}  {support:7}  {:10.1e}  {:19.1e}  {}",
                solution.objective,
                solution.iterations,
                largest_difference(&solution.x, network.plan.to_matrix().as_slice()),
                difference_of_potentials(&potentials(&solution.duals), network),
                solution.status,
            );
        }
    }
    println!(
        "  expected: the cost 0.670746835277, 29 entries, the plan and (up to a constant) the duals of the network simplex."
    );

    let (_, program) = &forms[1];
    how_far_costs_may_move(program, &lp::solve(program)?)
}

/// The dual as a linear program of its own: its optimum is the primal one, and its duals are the plan.
pub fn solve_the_dual(exercise: &Exercise, costs: &Matrix<f64>, network: &exact::Solution) -> lp::Result<()> {
    println!(
        "  The dual built and solved as a linear program of {} free variables, {} rows:",
        SOURCES + SINKS,
        SOURCES * SINKS
    );
    let program = dual(exercise, costs)?;
    for (method, name) in METHODS {
        let options = Options::default().with_method(method).with_presolve(false);
        let solution = lp::solve_with(&program, &options, &mut lp::run_to_the_end)?;
        println!(
            "    {name:14}  {:.12} (expected 0.670746835277), from the primal optimum {:.1e}; its duals are the plan within {:.1e}",
            solution.objective,
            (solution.objective - network.cost()).abs(),
            largest_difference(&solution.duals, network.plan.to_matrix().as_slice()),
        );
    }
    Ok(())
}

/// min c.x  where  [B; -B] x <= [m, n; -m, -n],  x >= 0.
fn with_inequalities(exercise: &Exercise, costs: &Matrix<f64>) -> lp::Result<LinearProgram> {
    let mut program = variables(costs)?;
    for sign in [1.0, -1.0] {
        for (masses, entries) in marginals(exercise) {
            let row = entries.into_iter().map(|variable| (variable, sign));
            program.add_row(..=sign * masses, row)?;
        }
    }
    Ok(program)
}

/// min c.x  where  B x = (m, n),  x >= 0.
fn with_equalities(exercise: &Exercise, costs: &Matrix<f64>) -> lp::Result<LinearProgram> {
    let mut program = variables(costs)?;
    for (mass, entries) in marginals(exercise) {
        program.add_row(mass, entries.into_iter().map(|variable| (variable, 1.0)))?;
    }
    Ok(program)
}

/// max m.u + n.v  where  u_i + v_j <= C_ij.
fn dual(exercise: &Exercise, costs: &Matrix<f64>) -> lp::Result<LinearProgram> {
    let mut program = LinearProgram::new(Sense::Maximise);
    for &mass in exercise.source_masses.iter().chain(&exercise.sink_masses) {
        program.add_column(mass, .., [])?;
    }
    for i in 0..SOURCES {
        for j in 0..SINKS {
            program.add_row(..=costs[(i, j)], [(i, 1.0), (SOURCES + j, 1.0)])?;
        }
    }
    Ok(program)
}

/// x, the plan's rows one after the other, and c.
fn variables(costs: &Matrix<f64>) -> lp::Result<LinearProgram> {
    let mut program = LinearProgram::new(Sense::Minimise);
    for &cost in costs.as_slice() {
        program.add_column(cost, 0.0.., [])?;
    }
    Ok(program)
}

/// The rows of B: each mass with the variables that add up to it.
fn marginals(exercise: &Exercise) -> Vec<(f64, Vec<usize>)> {
    let sources = exercise.source_masses.iter().enumerate();
    let sinks = exercise.sink_masses.iter().enumerate();
    let rows = sources.map(|(i, &mass)| (mass, (0..SINKS).map(|j| i * SINKS + j).collect()));
    let columns = sinks.map(|(j, &mass)| (mass, (0..SOURCES).map(|i| i * SINKS + j).collect()));
    rows.chain(columns).collect()
}

/// u and v from the duals of either form: an equality's dual is the sum of those of its two inequalities, the second one negated.
fn potentials(duals: &[f64]) -> Vec<f64> {
    let (first, second) = duals.split_at(SOURCES + SINKS);
    first.iter().enumerate().map(|(row, dual)| dual - second.get(row).copied().unwrap_or(0.0)).collect()
}

/// Largest difference from the network simplex's potentials when the constant that may move from u to v is that of the first source.
fn difference_of_potentials(potentials: &[f64], network: &exact::Solution) -> f64 {
    let constant = potentials[0] - network.source_potentials[0];
    let sources = network.source_potentials.iter().map(|u| u + constant);
    let sinks = network.target_potentials.iter().map(|v| v - constant);
    largest_difference(potentials, &sources.chain(sinks).collect::<Vec<f64>>())
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

/// Sensitivity: the routes whose costs may change least before another plan is the best one.
fn how_far_costs_may_move(program: &LinearProgram, solution: &Solution) -> lp::Result<()> {
    let ranging = lp::ranging(program, solution)?;
    let mut used: Vec<usize> = (0..program.columns()).filter(|&route| solution.x[route] > 1e-12).collect();
    let room = |&route: &usize| {
        let range = ranging.costs[route];
        (range.largest.value - range.cost).min(range.cost - range.least.value)
    };
    used.sort_by(|a, b| room(a).total_cmp(&room(b)));
    println!(
        "  Sensitivity: the plan stays the best while one cost alone stays within its range. The three narrowest:"
    );
    for &route in &used[..3] {
        let range = ranging.costs[route];
        let entering = |end: lp::RangeEnd| match end.ended_by {
            Some((Part::Column, other)) => format!("then {:2} -> {:2} is used", other / SINKS, other % SINKS),
            _ => "no end".to_string(),
        };
        println!(
            "    {:2} -> {:2} costs {:.4}: from {:.4} ({}) to {:.4} ({})",
            route / SINKS,
            route % SINKS,
            range.cost,
            range.least.value,
            entering(range.least),
            range.largest.value,
            entering(range.largest),
        );
    }
    Ok(())
}
