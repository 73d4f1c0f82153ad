//! Displacement interpolation, on the line and in the plane (tutorial 4, first part and its exercise).
//!
//! `cargo run --release --example displacement_interpolation [-- FOLDER]` prints the theory's claims beside what was
//! measured and draws the frames into FOLDER (`target/plots` if none is given).

mod plot;

use brenier::data::{self, ArrayData};
use brenier::matrix::{Distance, Matrix};
use brenier::ot::geodesic::{
    Bandwidth, KernelDensity, Normal, QuantilePath, interpolate, largest_target_map,
};
use brenier::ot::line::{LineProblem, wasserstein_distance};
use brenier::ot::plan::PlanEntry;
use brenier::ot::{Problem, TransportPlan, exact};
use brenier::random::LegacyRandomState;
use plotters::prelude::*;
use std::error::Error;

const TIMES: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
const POINTS: usize = 50;
/// The colour of what is on its way.
const BETWEEN: RGBColor = RGBColor(44, 140, 60);

fn main() -> Result<(), Box<dyn Error>> {
    on_the_line()?;
    in_the_plane()
}

/// N(0, 1) to N(5, 2²): the map is known, so is the distance.
fn on_the_line() -> Result<(), Box<dyn Error>> {
    let (source, target) = (Normal::new(0.0, 1.0)?, Normal::new(5.0, 2.0)?);
    let levels = QuantilePath::levels(500, 1e-6)?;
    let path = QuantilePath::between(|u| source.quantile(u), |u| target.quantile(u), &levels)?;
    let pairs = || path.source().iter().zip(path.target());

    println!("1. On the line: mu_0 = N(0, 1), mu_1 = N(5, 2^2), by 500 quantiles");
    let error = pairs().map(|(x, y)| (source.map_to(&target, *x) - y).abs()).fold(0.0, f64::max);
    println!("   Claim: T = F1^-1 o F0 is T(x) = 5 + 2x.");
    println!(
        "   Measured: T(0) = {}, T(1) = {}; the quantiles miss 5 + 2x by at most {error:.1e}.",
        source.map_to(&target, 0.0),
        source.map_to(&target, 1.0)
    );
    let whole = wasserstein_distance(&LineProblem::new(path.source(), path.target(), 2.0))?;
    println!(
        "   Claim: W2 = sqrt((5-0)^2 + (2-1)^2) = sqrt(26) = {:.6}.",
        source.wasserstein_distance(&target)
    );
    println!(
        "   Measured: {whole:.6} between the 500 quantiles: those at u = 1e-6 and 1 - 1e-6 get the weight 1/500 each, too much."
    );
    println!("   It tends to sqrt(26) with the number n of quantiles, at the middles u = (k + 1/2)/n:");
    for n in [500, 5_000, 50_000, 500_000] {
        let middles: Vec<f64> = (0..n).map(|k| (f64::from(k) + 0.5) / f64::from(n)).collect();
        let path = QuantilePath::between(|u| source.quantile(u), |u| target.quantile(u), &middles)?;
        let distance = wasserstein_distance(&LineProblem::new(path.source(), path.target(), 2.0))?;
        println!("     n = {n:6}: W2 = {distance:.7}, sqrt(26) - W2 = {:.1e}", 26.0_f64.sqrt() - distance);
    }
    println!(
        "   Claim: mu_t = N(5t, (1+t)^2), and W2(mu_0, mu_t) = t W2. The density is estimated by Gaussian kernels."
    );
    println!("      t     W2(mu_0, mu_t)     t W2        largest error of the density");
    let places: Vec<f64> = (0..500).map(|k| -5.0 + 18.0 * f64::from(k) / 499.0).collect();
    let mut frames = Vec::new();
    for t in TIMES {
        let frame = path.at(t)?;
        let part = wasserstein_distance(&LineProblem::new(path.source(), &frame, 2.0))?;
        let estimate = KernelDensity::new(&frame, Bandwidth::Scott)?.evaluate(&places);
        let exact = source.interpolate(&target, t)?;
        let error =
            places.iter().zip(&estimate).map(|(x, rho)| (rho - exact.density(*x)).abs()).fold(0.0, f64::max);
        println!(
            "     {t:.2}     {part:.9}      {:.9}   {error:.4} (of {:.4})",
            t * whole,
            exact.density(exact.mean())
        );
        frames.push((t, estimate));
    }
    draw_densities(&places, &frames, (source, target))
}

fn draw_densities(
    places: &[f64],
    frames: &[(f64, Vec<f64>)],
    (source, target): (Normal, Normal),
) -> Result<(), Box<dyn Error>> {
    let path = plot::file("displacement_1d.svg")?;
    {
        let area = SVGBackend::new(&path, (900, 520)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut axes = ChartBuilder::on(&area)
            .caption("Displacement interpolation from N(0, 1) to N(5, 2²)", ("sans-serif", 22))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(56)
            .build_cartesian_2d(-5.0..13.0, 0.0..0.45)?;
        axes.configure_mesh()
            .light_line_style(WHITE)
            .x_desc("x")
            .y_desc("density")
            .axis_desc_style(("sans-serif", 16))
            .draw()?;
        for (t, estimate) in frames {
            let mix = |from: u8, to: u8| (f64::from(from) * (1.0 - t) + f64::from(to) * t) as u8;
            let (from, to) = (plot::SOURCE, plot::TARGET);
            let colour = RGBColor(mix(from.0, to.0), mix(from.1, to.1), mix(from.2, to.2));
            let curve = places.iter().copied().zip(estimate.iter().copied());
            axes.draw_series(LineSeries::new(curve, colour.stroke_width(2)))?
                .label(format!("kernel estimate, t = {t:.2}"))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 24, y)], colour.stroke_width(2)));
        }
        for (k, t) in TIMES.into_iter().enumerate() {
            let exact = source.interpolate(&target, t)?;
            let curve = places.iter().map(|&x| (x, exact.density(x))).step_by(6);
            let series =
                axes.draw_series(curve.map(|point| Circle::new(point, 2, BLACK.mix(0.45).filled())))?;
            if k == 0 {
                series
                    .label("exact: N(5t, (1+t)²)")
                    .legend(|(x, y)| Circle::new((x + 12, y), 2, BLACK.mix(0.45).filled()));
            }
        }
        axes.configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .label_font(("sans-serif", 15))
            .background_style(WHITE.mix(0.9))
            .border_style(plot::LINE)
            .draw()?;
        area.present()?;
    }
    println!("   drawn: {}", path.display());
    Ok(())
}

/// Two clouds of 50 points: pairing them in the order of their first coordinate, and optimally.
fn in_the_plane() -> Result<(), Box<dyn Error>> {
    let mut random = LegacyRandomState::new(42);
    let source = random.randn(POINTS, 2).map(|z| z * 0.5);
    let target = random.randn(POINTS, 2).map(|z| z * 0.5 + 3.0);
    let problem = Problem::from_points(&source, &target, Distance::SquaredEuclidean);
    let solution = exact::solve(&problem)?;
    let permutation = largest_target_map(&solution.plan)?;

    println!("\n2. In the plane: 50 points around (0, 0), 50 around (3, 3) (NumPy's seed 42)");
    println!(
        "   Optimal plan: mean squared distance {:.12}, expected 18.821487393218 ({}).",
        solution.cost(),
        solution.certificate.status
    );
    let is_permutation = {
        let mut sorted = permutation.clone();
        sorted.sort_unstable();
        sorted.into_iter().eq(0..POINTS)
    };
    println!("   Claim: with equal weights the plan is a permutation, and arg max_j P_ij a map.");
    println!("   Measured: {} entries, a permutation: {is_permutation}.", solution.plan.entries().len());
    match data::file("exercise10/gauss2d_perm.npy") {
        None => println!(
            "   {}",
            data::skipped("exercise10/gauss2d_perm.npy", "the exercise's own program makes it")
        ),
        Some(path) => {
            let published: Vec<usize> = match data::npy::read(path)?.data() {
                ArrayData::I64(indices) => indices.iter().map(|&index| index as usize).collect(),
                _ => Vec::new(),
            };
            println!("   The permutation is the published one: {}.", published == permutation);
        }
    }

    let sorted = sorted_pairing(&source, &target)?;
    let routes = |plan: &TransportPlan| -> Vec<[(f64, f64); 2]> {
        let point = |points: &Matrix<f64>, row: usize| (points[(row, 0)], points[(row, 1)]);
        let entries = plan.entries().iter();
        entries.map(|entry| [point(&source, entry.source), point(&target, entry.target)]).collect()
    };
    let cost = |plan: &TransportPlan| -> f64 {
        let entries = plan.entries().iter().zip(routes(plan));
        entries.map(|(entry, [a, b])| entry.mass * ((a.0 - b.0).powi(2) + (a.1 - b.1).powi(2))).sum()
    };
    println!("   Pairing both clouds in the order of their first coordinate is no optimal map:");
    println!("     pairing     mean squared distance   crossing routes");
    let plans = [("sorted", &sorted), ("optimal", &solution.plan)];
    for (name, plan) in plans {
        println!("     {name:8}    {:.9}            {}", cost(plan), plot::crossings(&routes(plan)));
    }

    println!(
        "   Claim: along the optimal pairing W2(mu_0, mu_t) = t W2, along another it is less than its own length:"
    );
    println!("      t     sorted: W2(mu_0, mu_t)  t length      optimal: W2(mu_0, mu_t)  t W2");
    for t in TIMES {
        let mut row = format!("     {t:.2}");
        for (_, plan) in plans {
            let frame = interpolate(plan, &source, &target, t)?;
            let problem = Problem::from_points(&source, &frame.points, Distance::SquaredEuclidean);
            let distance = exact::transport_cost(&problem)?.sqrt();
            row += &format!("   {distance:.9}          {:.9}", t * cost(plan).sqrt());
        }
        println!("{row}");
    }
    draw_frames(&plans, &source, &target)
}

/// Both clouds in the order of their first coordinate.
fn sorted_pairing(source: &Matrix<f64>, target: &Matrix<f64>) -> brenier::error::Result<TransportPlan> {
    let order = |points: &Matrix<f64>| {
        let mut order: Vec<usize> = (0..POINTS).collect();
        order.sort_by(|&a, &b| points[(a, 0)].total_cmp(&points[(b, 0)]));
        order
    };
    let pairs = order(source).into_iter().zip(order(target));
    let entries = pairs.map(|(source, target)| PlanEntry { source, target, mass: 1.0 / POINTS as f64 });
    TransportPlan::new(POINTS, POINTS, entries.collect())
}

/// A row of panels for each pairing, a column for each time.
fn draw_frames(
    plans: &[(&str, &TransportPlan)],
    source: &Matrix<f64>,
    target: &Matrix<f64>,
) -> Result<(), Box<dyn Error>> {
    let all = |points: &Matrix<f64>| -> Vec<(f64, f64)> {
        (0..points.rows()).map(|row| (points[(row, 0)], points[(row, 1)])).collect()
    };
    let path = plot::file("displacement_2d.svg")?;
    {
        let area = SVGBackend::new(&path, (1400, 640)).into_drawing_area();
        area.fill(&WHITE)?;
        let title = "blue: µ₀, red: µ₁, green: µₜ = ((1-t) x + t y)# P, above for the sorted pairing, below for the optimal one";
        let area = area.titled(title, ("sans-serif", 20))?;
        let panels = area.split_evenly((plans.len(), TIMES.len()));
        let frames = plans.iter().flat_map(|plan| TIMES.map(|t| (plan, t)));
        for ((&(name, plan), t), panel) in frames.zip(panels) {
            let mut axes = ChartBuilder::on(&panel)
                .caption(format!("{name} pairing, t = {t:.2}"), ("sans-serif", 18))
                .margin(8)
                .x_label_area_size(24)
                .y_label_area_size(28)
                .build_cartesian_2d(-1.7..4.9, -1.7..4.9)?;
            axes.configure_mesh().disable_mesh().x_labels(6).y_labels(6).draw()?;
            let ends = plan.entries().iter().map(|entry| {
                let (i, j) = (entry.source, entry.target);
                [(source[(i, 0)], source[(i, 1)]), (target[(j, 0)], target[(j, 1)])]
            });
            plot::segments(&mut axes, ends, plot::LINE.mix(0.25).stroke_width(1))?;
            plot::points(&mut axes, all(source), 2, plot::SOURCE)?;
            plot::points(&mut axes, all(target), 2, plot::TARGET)?;
            let frame = interpolate(plan, source, target, t)?;
            plot::points(&mut axes, all(&frame.points), 4, BETWEEN)?;
        }
        area.present()?;
    }
    println!("   drawn: {}", path.display());
    Ok(())
}
