//! Optimal transport as a linear program: ten sources, twenty sinks, Euclidean costs (sheet 10, exercise 1).
//!
//! `cargo run --release --example transport_lp [-- FOLDER]` solves it by the network simplex and, written out in the
//! forms of the sheet, by the general simplex. It prints the solution and every claim of the exercise beside what was
//! measured, and draws two plots into FOLDER (`target/plots` if none is given).

#[path = "../plot/mod.rs"]
#[allow(dead_code)] // Other examples use more of it.
mod plot;

mod claims;
mod drawings;
mod general_simplex;

use brenier::data;
use brenier::matrix::{Distance, Matrix, pairwise};
use brenier::ot::{Problem, exact};
use brenier::random::LegacyRandomState;
use std::error::Error;

const SOURCES: usize = 10;
const SINKS: usize = 20;
const DIMENSIONS: usize = 5;

/// What the exercise draws after `np.random.seed(42)`, in its order.
struct Exercise {
    source_masses: Vec<f64>,
    sink_masses: Vec<f64>,
    sources: Matrix<f64>,
    sinks: Matrix<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut random = LegacyRandomState::new(42);
    let normalised = |masses: Vec<f64>| -> Vec<f64> {
        let total: f64 = masses.iter().sum();
        masses.iter().map(|mass| mass / total).collect()
    };
    let (source_masses, sink_masses) = (random.random_array(SOURCES), random.random_array(SINKS));
    let exercise = Exercise {
        source_masses: normalised(source_masses),
        sink_masses: normalised(sink_masses),
        sources: random.rand(SOURCES, DIMENSIONS),
        sinks: random.rand(SINKS, DIMENSIONS),
    };
    let costs = pairwise(&exercise.sources, &exercise.sinks, Distance::Euclidean)?;
    let problem = Problem::from_costs(&costs)
        .with_source_weights(&exercise.source_masses)
        .with_target_weights(&exercise.sink_masses);
    let solution = exact::solve(&problem)?;

    println!("Transport cost: {:.3}", solution.cost());
    println!("with 12 digits: {:.12}    expected 0.670746835277", solution.cost());
    compare_with_published(&exercise, &costs, &solution)?;

    claims::straight_lines(&exercise, &costs);
    claims::linear_program(&exercise, &solution.plan);
    general_simplex::solve_as_given(&exercise, &costs, &solution)?;
    claims::plan_and_duals(&costs, &solution);
    general_simplex::solve_the_dual(&exercise, &costs, &solution)?;
    claims::exchange(&costs, &solution.plan);

    println!("\nCertificate, computed from plan and potentials alone:");
    println!("{}", solution.certificate);

    drawings::plan(&costs, &solution.plan)?;
    drawings::in_the_plane(&mut random, &exercise)
}

/// The arrays that NumPy, SciPy and POT computed, where they are at hand.
fn compare_with_published(
    exercise: &Exercise,
    costs: &Matrix<f64>,
    solution: &exact::Solution,
) -> Result<(), Box<dyn Error>> {
    if data::file("exercise10/plan.npy").is_none() {
        println!("{}", data::skipped("exercise10/plan.npy", "the exercise's own program makes it"));
        return Ok(());
    }
    let plan = solution.plan.to_matrix();
    let ours: [(&str, &[f64]); 8] = [
        ("mass_sources", &exercise.source_masses),
        ("mass_sinks", &exercise.sink_masses),
        ("coords_sources", exercise.sources.as_slice()),
        ("coords_sinks", exercise.sinks.as_slice()),
        ("cost_matrix", costs.as_slice()),
        ("plan", plan.as_slice()),
        ("dual_u", &solution.source_potentials),
        ("dual_v", &solution.target_potentials),
    ];
    println!("\nLargest difference from the published arrays:");
    for (name, ours) in ours {
        let Some(path) = data::file(&format!("exercise10/{name}.npy")) else {
            continue;
        };
        let theirs: Vec<f64> = match name {
            "mass_sources" | "mass_sinks" | "dual_u" | "dual_v" => data::npy::read_vector(path)?,
            _ => data::npy::read_matrix(path)?.into_vec(),
        };
        let difference = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        println!("  {name:14} {difference:.1e}");
    }
    Ok(())
}
