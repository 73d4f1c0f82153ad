//! Optimal transport as a linear program: ten sources, twenty sinks, Euclidean costs (sheet 10, exercise 1).
//!
//! `cargo run --release --example transport_lp [-- FOLDER]` prints the solution and every claim of the exercise beside what was
//! measured, and draws two plots into FOLDER (`target/plots` if none is given).

mod plot;

use brenier::data;
use brenier::matrix::{Distance, Matrix, pairwise};
use brenier::ot::plan::PlanEntry;
use brenier::ot::{Problem, TransportPlan, exact};
use brenier::random::LegacyRandomState;
use plotters::prelude::*;
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

    straight_lines(&exercise, &costs);
    linear_program(&exercise, &solution.plan);
    plan_and_duals(&costs, &solution);
    exchange(&costs, &solution.plan);

    println!("\nCertificate, computed from plan and potentials alone:");
    println!("{}", solution.certificate);

    draw_plan(&costs, &solution.plan)?;
    in_the_plane(&mut random, &exercise)
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

/// (a) Going straight is cheapest: the triangle inequality.
fn straight_lines(exercise: &Exercise, costs: &Matrix<f64>) {
    let between_sinks = pairwise(&exercise.sinks, &exercise.sinks, Distance::Euclidean)
        .expect("the sinks are finite points of one dimension");
    let (mut least, mut count) = (f64::INFINITY, 0);
    for i in 0..SOURCES {
        for j in 0..SINKS {
            for via in (0..SINKS).filter(|&via| via != j) {
                least = least.min(costs[(i, via)] + between_sinks[(via, j)] - costs[(i, j)]);
                count += 1;
            }
        }
    }
    println!("\n(a) C_ij = |x_i - y_j| is the length of the straight line, the least of all paths.");
    println!("    Claim: every detour costs more, |x - z| + |z - y| >= |x - y|.");
    println!(
        "    Measured: {count} detours through a third point; the cheapest costs {least:.4} more than going straight."
    );
}

/// (b), (c) The linear program, in both forms, and how well the plan satisfies it.
fn linear_program(exercise: &Exercise, plan: &TransportPlan) {
    let worst = |marginal: Vec<f64>, masses: &[f64]| {
        marginal.iter().zip(masses).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
    };
    let rows = worst(plan.source_marginal(), &exercise.source_masses);
    let columns = worst(plan.target_marginal(), &exercise.sink_masses);
    let (equalities, variables) = (SOURCES + SINKS, SOURCES * SINKS);
    println!(
        "\n(b) The plan's rows, one after the other, are x; the costs likewise c: minimise c.x subject to"
    );
    println!("    sum_j P_ij = m_i for {SOURCES} sources and sum_i P_ij = n_j for {SINKS} sinks, x >= 0.");
    println!(
        "    With inequalities, each equality as two: [B; -B] x <= [m, n; -m, -n], A is {} x {variables}.",
        2 * equalities
    );
    println!(
        "(c) With equalities: B x = (m, n), B is {equalities} x {variables}, of rank {} as both sides have the same mass.",
        equalities - 1
    );
    println!(
        "    A vertex has at most {} positive entries; this plan has {}.",
        equalities - 1,
        plan.entries().len()
    );
    println!("    Largest |B x - (m, n)|: {rows:.1e} (sources), {columns:.1e} (sinks).");
}

/// The plan, the dual variables, and complementary slackness.
fn plan_and_duals(costs: &Matrix<f64>, solution: &exact::Solution) {
    let (u, v) = (&solution.source_potentials, &solution.target_potentials);
    let slack = |i: usize, j: usize| costs[(i, j)] - u[i] - v[j];
    println!("\nThe optimal plan, and the slack C_ij - u_i - v_j of its entries:");
    println!("  source   sink     mass       cost C_ij     slack");
    for entry in solution.plan.entries() {
        let (i, j) = (entry.source, entry.target);
        println!("  {i:4}   {j:4}     {:.6}   {:.6}     {:8.1e}", entry.mass, costs[(i, j)], slack(i, j));
    }
    let row =
        |values: &[f64]| values.iter().map(|value| format!("{value:8.4}")).collect::<Vec<_>>().join(" ");
    println!("\nThe dual: maximise m.u + n.v subject to u_i + v_j <= C_ij.");
    println!("  u = {}", row(u));
    for part in v.chunks(10) {
        println!("  v = {}", row(part));
    }
    let support: Vec<(usize, usize)> =
        solution.plan.entries().iter().map(|entry| (entry.source, entry.target)).collect();
    let on = support.iter().map(|&(i, j)| slack(i, j).abs()).fold(0.0, f64::max);
    let off = (0..SOURCES)
        .flat_map(|i| (0..SINKS).map(move |j| (i, j)))
        .filter(|pair| !support.contains(pair))
        .map(|(i, j)| slack(i, j))
        .fold(f64::INFINITY, f64::min);
    let certificate = &solution.certificate;
    println!(
        "  Claim: the optima are equal.    Measured: primal {:.12}, dual {:.12}.",
        certificate.primal_cost, certificate.dual_value
    );
    println!(
        "  Claim: mass moves only where the slack is zero.    Measured: at most {on:.1e} on the {} entries.",
        support.len()
    );
    println!(
        "  Off them the least slack is {off:.4} > 0 (expected 0.0076): the plan is the only optimal one."
    );
}

/// (d) No two entries of the plan gain by exchanging their sinks.
fn exchange(costs: &Matrix<f64>, plan: &TransportPlan) {
    let entries = plan.entries();
    let (mut least, mut count) = (f64::INFINITY, 0);
    for (k, first) in entries.iter().enumerate() {
        for second in &entries[k + 1..] {
            let (i, j, s, t) = (first.source, first.target, second.source, second.target);
            if i != s && j != t {
                least = least.min(costs[(i, t)] + costs[(s, j)] - costs[(i, j)] - costs[(s, t)]);
                count += 1;
            }
        }
    }
    println!(
        "\n(d) Claim: for any two routes of an optimal plan, C_ij + C_kl <= C_il + C_kj; crossing routes in the plane"
    );
    println!(
        "    would gain by exchanging their sinks (triangle inequality at the crossing), so there are none."
    );
    println!(
        "    Measured: {count} pairs of routes with different ends; exchanging never gains, the closest call costs {least:.4}."
    );
}

/// The same masses on points of the plane: routes that can be seen not to cross.
fn in_the_plane(random: &mut LegacyRandomState, exercise: &Exercise) -> Result<(), Box<dyn Error>> {
    let (sources, sinks) = (random.rand(SOURCES, 2), random.rand(SINKS, 2));
    let problem = Problem::from_points(&sources, &sinks, Distance::Euclidean)
        .with_source_weights(&exercise.source_masses)
        .with_target_weights(&exercise.sink_masses);
    let solution = exact::solve(&problem)?;
    let greedy = north_west_corner(&exercise.source_masses, &exercise.sink_masses)?;
    let point = |points: &Matrix<f64>, row: usize| (points[(row, 0)], points[(row, 1)]);
    let routes = |plan: &TransportPlan| -> Vec<[(f64, f64); 2]> {
        let entries = plan.entries().iter();
        entries.map(|entry| [point(&sources, entry.source), point(&sinks, entry.target)]).collect()
    };
    let cost = |plan: &TransportPlan| -> f64 {
        let length = |[a, b]: [(f64, f64); 2]| (a.0 - b.0).hypot(a.1 - b.1);
        let entries = plan.entries().iter().zip(routes(plan));
        entries.map(|(entry, route)| entry.mass * length(route)).sum()
    };
    println!("\nIn the plane, the same masses on random points (proved {}):", solution.certificate.status);
    let plans = [("optimal plan", &solution.plan), ("feasible plan", &greedy)];
    for (name, plan) in plans {
        let routes = routes(plan);
        println!(
            "  {name:14} cost {:.6}, {} routes, {} crossings",
            cost(plan),
            routes.len(),
            plot::crossings(&routes)
        );
    }

    let path = plot::file("transport_lp_routes.svg")?;
    let area = SVGBackend::new(&path, (1000, 520)).into_drawing_area();
    area.fill(&WHITE)?;
    for ((name, plan), panel) in plans.iter().zip(area.split_evenly((1, 2))) {
        let routes = routes(plan);
        let caption = format!("{name}: cost {:.3}, {} crossings", cost(plan), plot::crossings(&routes));
        let mut axes = ChartBuilder::on(&panel)
            .caption(caption, ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(40)
            .build_cartesian_2d(-0.05..1.05, -0.05..1.05)?;
        axes.configure_mesh()
            .disable_mesh()
            .x_labels(6)
            .y_labels(6)
            .x_desc("blue: sources, red: sinks, width: mass")
            .axis_desc_style(("sans-serif", 15))
            .draw()?;
        for (entry, route) in plan.entries().iter().zip(routes) {
            let width = 1 + (entry.mass * 60.0) as u32;
            plot::segments(&mut axes, [route], plot::LINE.mix(0.6).stroke_width(width))?;
        }
        plot::points(&mut axes, (0..SOURCES).map(|i| point(&sources, i)), 6, plot::SOURCE)?;
        plot::points(&mut axes, (0..SINKS).map(|j| point(&sinks, j)), 5, plot::TARGET)?;
    }
    area.present()?;
    println!("  drawn: {}", path.display());
    Ok(())
}

/// Some plan with the right marginals: sources in order fill sinks in order.
fn north_west_corner(sources: &[f64], sinks: &[f64]) -> brenier::error::Result<TransportPlan> {
    let mut entries = Vec::new();
    let (mut i, mut j, mut supply, mut demand) = (0, 0, sources[0], sinks[0]);
    loop {
        let mass = supply.min(demand);
        entries.push(PlanEntry { source: i, target: j, mass });
        (supply, demand) = (supply - mass, demand - mass);
        if supply <= demand {
            i += 1;
            let Some(&next) = sources.get(i) else { break };
            supply = next;
        } else {
            j += 1;
            let Some(&next) = sinks.get(j) else { break };
            demand = next;
        }
    }
    TransportPlan::new(sources.len(), sinks.len(), entries)
}

/// The cost matrix as colours, the plan's entries as discs.
fn draw_plan(costs: &Matrix<f64>, plan: &TransportPlan) -> Result<(), Box<dyn Error>> {
    let path = plot::file("transport_lp_plan.svg")?;
    {
        let area = SVGBackend::new(&path, (900, 520)).into_drawing_area();
        area.fill(&WHITE)?;
        let mut axes = ChartBuilder::on(&area)
            .caption("Costs (darker is dearer) and optimal plan (area of a disc: mass)", ("sans-serif", 20))
            .margin(12)
            .x_label_area_size(42)
            .y_label_area_size(50)
            .build_cartesian_2d(-0.5..SINKS as f64 - 0.5, SOURCES as f64 - 0.5..-0.5)?;
        let largest = costs.as_slice().iter().copied().fold(0.0, f64::max);
        let least = costs.as_slice().iter().copied().fold(f64::INFINITY, f64::min);
        let cells = (0..SOURCES).flat_map(|i| (0..SINKS).map(move |j| (i, j)));
        axes.draw_series(cells.map(|(i, j)| {
            let share = (costs[(i, j)] - least) / (largest - least);
            let shade = |light: f64, dark: f64| (light + share * (dark - light)) as u8;
            let colour = RGBColor(shade(250.0, 90.0), shade(252.0, 130.0), shade(255.0, 180.0));
            let (x, y) = (j as f64, i as f64);
            Rectangle::new([(x - 0.5, y - 0.5), (x + 0.5, y + 0.5)], colour.filled())
        }))?;
        axes.configure_mesh()
            .disable_mesh()
            .x_labels(SINKS)
            .y_labels(SOURCES)
            .x_label_formatter(&|x| format!("{x:.0}"))
            .y_label_formatter(&|y| format!("{y:.0}"))
            .x_desc("sink j")
            .y_desc("source i")
            .axis_desc_style(("sans-serif", 16))
            .draw()?;
        axes.draw_series(plan.entries().iter().map(|entry| {
            let radius = (entry.mass.sqrt() * 60.0).max(2.0) as u32;
            Circle::new((entry.target as f64, entry.source as f64), radius, plot::TARGET.mix(0.85).filled())
        }))?;
        area.present()?;
    }
    println!("\ndrawn: {}", path.display());
    Ok(())
}
