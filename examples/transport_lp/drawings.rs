//! The plan over the costs, and routes in the plane that can be seen not to cross.

use super::{Exercise, SINKS, SOURCES, plot};
use brenier::matrix::{Distance, Matrix};
use brenier::ot::plan::PlanEntry;
use brenier::ot::{Problem, TransportPlan, exact};
use brenier::random::LegacyRandomState;
use plotters::prelude::*;
use std::error::Error;

/// The same masses on points of the plane: routes that can be seen not to cross.
pub fn in_the_plane(random: &mut LegacyRandomState, exercise: &Exercise) -> Result<(), Box<dyn Error>> {
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
pub fn plan(costs: &Matrix<f64>, plan: &TransportPlan) -> Result<(), Box<dyn Error>> {
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
