//! Sinkhorn's algorithm on ten sources and twenty sinks (the data of sheet 10, exercise 1): what ε does to the cost
//! and to the plan, and how fast the iterates converge.
//!
//! `cargo run --release --example sinkhorn_convergence [-- FOLDER]` prints the transport cost for four ε beside the expected one, with the
//! interval that is proved for the cost without entropy, and draws the errors and the plans into FOLDER (`target/plots` if none is given).

#[allow(dead_code)] // Other examples use more of it.
mod plot;

use brenier::matrix::{Distance, Matrix, pairwise};
use brenier::ot::progress::run_to_the_end;
use brenier::ot::sinkhorn::{self, Method, Options, Solution};
use brenier::ot::{Problem, exact};
use brenier::random::LegacyRandomState;
use plotters::prelude::*;
use std::error::Error;

const SOURCES: usize = 10;
const SINKS: usize = 20;
const DIMENSIONS: usize = 5;
/// ε, and ⟨C, P⟩ as the exercise's own program finds it.
const EXPECTED: [(f64, f64); 4] =
    [(0.5, 0.861284133707), (0.1, 0.715406249415), (0.05, 0.685799538086), (0.01, 0.671372665960)];
const EXPECTED_EXACT: f64 = 0.670746835277;
const TOLERANCE: f64 = 1e-12;

const METHODS: [(&str, Method, RGBColor); 3] = [
    ("plain", Method::Plain, plot::SOURCE),
    ("Anderson", Method::Anderson(5), plot::TARGET),
    ("accelerated", Method::Accelerated, RGBColor(44, 140, 60)),
];

fn main() -> Result<(), Box<dyn Error>> {
    // What the exercise draws after `np.random.seed(42)`, in its order.
    let mut random = LegacyRandomState::new(42);
    let normalised = |masses: Vec<f64>| -> Vec<f64> {
        let total: f64 = masses.iter().sum();
        masses.iter().map(|mass| mass / total).collect()
    };
    let source_masses = normalised(random.random_array(SOURCES));
    let sink_masses = normalised(random.random_array(SINKS));
    let (sources, sinks) = (random.rand(SOURCES, DIMENSIONS), random.rand(SINKS, DIMENSIONS));
    let costs = pairwise(&sources, &sinks, Distance::Euclidean)?;
    let problem =
        Problem::from_costs(&costs).with_source_weights(&source_masses).with_target_weights(&sink_masses);
    let exact = exact::solve(&problem)?;

    let solve = |epsilon: f64, method: Method| {
        let options =
            Options::new(epsilon).with_method(method).with_tolerance(TOLERANCE).with_max_iterations(100_000);
        sinkhorn::solve_with(&problem, &options, &mut run_to_the_end)
    };
    println!("The transport cost <C, P> of the entropic plan tends to the exact one with epsilon.");
    println!(
        "  exact:        {:.12}, expected {EXPECTED_EXACT:.12}, difference {:.1e}",
        exact.cost(),
        exact.cost() - EXPECTED_EXACT
    );
    println!("  epsilon       <C, P>           expected      difference    proved for the exact cost");
    let mut plans = Vec::new();
    let mut curves = Vec::new();
    for (epsilon, expected) in EXPECTED {
        let solutions: Vec<Solution<'_>> =
            METHODS.iter().map(|(_, method, _)| solve(epsilon, *method)).collect::<Result<_, _>>()?;
        let values = solutions[2].values();
        println!(
            "  {epsilon:<7}  {:.12}   {expected:.12}   {:>8.1e}    {:.9} to {:.9}",
            values.transport_cost,
            values.transport_cost - expected,
            values.cost_lower_bound,
            values.rounded_cost
        );
        plans.push((format!("epsilon = {epsilon}"), solutions[2].plan.to_matrix()));
        curves.push((epsilon, solutions.iter().map(|s| s.errors.clone()).collect::<Vec<_>>()));
    }
    plans.push(("exact".to_owned(), exact.plan.to_matrix()));

    println!("\nLooks at the cost matrix until the error of the marginals is below {TOLERANCE:e}:");
    println!("  epsilon  {:>12}{:>12}{:>12}", METHODS[0].0, METHODS[1].0, METHODS[2].0);
    for (epsilon, errors) in &curves {
        let count = |k: usize| errors[k].len();
        println!("  {epsilon:<7}  {:>12}{:>12}{:>12}", count(0), count(1), count(2));
    }
    println!(
        "  The error of plain iterations falls by about a constant factor (mean of the second half), worse the smaller epsilon is:"
    );
    for (epsilon, errors) in &curves {
        let plain = &errors[0];
        let (last, before) = (plain.len() - 1, plain.len() / 2);
        let rate = (plain[last] / plain[before]).powf(1.0 / (last - before) as f64);
        println!("  {epsilon:<7}  error times {rate:.4} an iteration");
    }

    let share = |(name, plan): &(String, Matrix<f64>)| {
        let positive = plan.as_slice().iter().filter(|&&mass| mass > 1e-6).count();
        let perplexity =
            (-plan.as_slice().iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>()).exp();
        println!("  {name:14} {positive:>4} entries above 1e-6, as spread as {perplexity:.1} equal ones");
    };
    println!("\nThe plan sharpens to a vertex of at most {} entries:", SOURCES + SINKS - 1);
    plans.iter().for_each(share);

    draw_errors(&curves)?;
    draw_plans(&plans)
}

/// The error of the marginals after each look at the costs, on logarithmic axes.
fn draw_errors(curves: &[(f64, Vec<Vec<f64>>)]) -> Result<(), Box<dyn Error>> {
    let path = plot::file("sinkhorn_errors.svg")?;
    let area = SVGBackend::new(&path, (1040, 760)).into_drawing_area();
    area.fill(&WHITE)?;
    for ((epsilon, errors), panel) in curves.iter().zip(area.split_evenly((2, 2))) {
        let longest = errors.iter().map(Vec::len).max().unwrap_or(1) as f64;
        let mut axes = ChartBuilder::on(&panel)
            .caption(format!("epsilon = {epsilon}"), ("sans-serif", 20))
            .margin(10)
            .x_label_area_size(40)
            .y_label_area_size(62)
            .build_cartesian_2d((1.0..1.2 * longest).log_scale(), (1e-13..2.0).log_scale())?;
        axes.configure_mesh()
            .light_line_style(WHITE)
            .x_desc("looks at the costs")
            .y_desc("L1 error of the marginals")
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| format!("{y:.0e}"))
            .axis_desc_style(("sans-serif", 15))
            .draw()?;
        for ((name, _, colour), errors) in METHODS.iter().zip(errors) {
            let points = errors.iter().enumerate().map(|(k, &error)| ((k + 1) as f64, error.max(1e-13)));
            let colour = *colour;
            axes.draw_series(LineSeries::new(points, colour.stroke_width(2)))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(2)));
        }
        axes.configure_series_labels()
            .position(SeriesLabelPosition::LowerLeft)
            .label_font(("sans-serif", 15))
            .background_style(WHITE.mix(0.9))
            .border_style(plot::LINE)
            .draw()?;
    }
    area.present()?;
    println!("\ndrawn: {}", path.display());
    Ok(())
}

/// The plans as colours, each on the scale of its largest entry.
fn draw_plans(plans: &[(String, Matrix<f64>)]) -> Result<(), Box<dyn Error>> {
    let path = plot::file("sinkhorn_plans.svg")?;
    let area = SVGBackend::new(&path, (1040, 560)).into_drawing_area();
    area.fill(&WHITE)?;
    for ((name, plan), panel) in plans.iter().zip(area.split_evenly((2, 3))) {
        let mut axes = ChartBuilder::on(&panel)
            .caption(name, ("sans-serif", 18))
            .margin(10)
            .x_label_area_size(30)
            .y_label_area_size(36)
            .build_cartesian_2d(-0.5..SINKS as f64 - 0.5, SOURCES as f64 - 0.5..-0.5)?;
        axes.configure_mesh()
            .disable_mesh()
            .x_labels(5)
            .y_labels(5)
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| format!("{y:.0}"))
            .x_desc("sink")
            .y_desc("source")
            .draw()?;
        let largest = plan.as_slice().iter().copied().fold(0.0, f64::max);
        let cells = (0..SOURCES).flat_map(|i| (0..SINKS).map(move |j| (i, j)));
        axes.draw_series(cells.map(|(i, j)| {
            // The root shows small masses too.
            let share = (plan[(i, j)] / largest).sqrt();
            let shade = |dark: u8| (255.0 + share * (f64::from(dark) - 255.0)) as u8;
            let RGBColor(red, green, blue) = plot::SOURCE;
            let colour = RGBColor(shade(red / 2), shade(green / 2), shade(blue));
            let (x, y) = (j as f64, i as f64);
            Rectangle::new([(x - 0.5, y - 0.5), (x + 0.5, y + 0.5)], colour.filled())
        }))?;
    }
    area.present()?;
    println!("drawn: {}", path.display());
    Ok(())
}
