//! Bars and stripes: 30 patterns on 4 x 4 pixels, with the exact likelihood at hand.

use crate::plot;
use brenier::data::{self, PixelScale, idx};
use brenier::nn::rbm::{Sampler, TemperingOptions, Trainer, TrainingOptions};
use brenier::nn::{Parameters, Rbm};
use brenier::random::RandomStream;
use brenier::{Matrix, MatrixView};
use plotters::prelude::*;
use std::error::Error;
use std::ops::ControlFlow;

const FILE: &str = "rbm/bars-stripes-4x4-idx3-ubyte.gz";
const SIDE: usize = 4;
const HIDDEN: usize = 12;

/// The patterns of the file, or made here: rows or columns that are on.
fn patterns() -> Result<Matrix<f64>, Box<dyn Error>> {
    if let Some(path) = data::file(FILE) {
        let bytes = idx::images::<f64>(path, PixelScale::Bytes)?.pixels;
        return Ok(bytes.map(|pixel| if pixel > 0.0 { 1.0 } else { 0.0 }));
    }
    println!("{}", data::skipped(FILE, "none: it is generated"));
    println!("Generated instead: the same 30 patterns");
    let mut rows = Vec::new();
    for state in 0..1_usize << SIDE {
        rows.push((0..SIDE * SIDE).map(|pixel| (state >> (pixel / SIDE) & 1) as f64).collect::<Vec<_>>());
        if state != 0 && state + 1 != 1 << SIDE {
            rows.push((0..SIDE * SIDE).map(|pixel| (state >> (pixel % SIDE) & 1) as f64).collect());
        }
    }
    Ok(Matrix::try_from_rows(&rows)?)
}

/// The likelihood after some epochs.
type Curve = Vec<(f64, f64)>;

pub fn train(quick: bool) -> Result<(), Box<dyn Error>> {
    let data = patterns()?;
    let best = -(data.rows() as f64).ln();
    let marks: &[usize] = if quick { &[0, 100, 300, 600] } else { &[0, 100, 300, 1000, 3000, 10_000] };
    println!(
        "Bars and stripes, {} patterns, 16 x {HIDDEN} units: exact mean log-likelihood after epochs",
        data.rows()
    );
    let start = Rbm::random(SIDE * SIDE, HIDDEN, 0.1, &mut RandomStream::new(2))?;
    let tempered = TemperingOptions::default().with_chains(100).with_levels(8);
    let rates = (0.05, 0.005);
    // Persistent chains must keep up with the parameters, which they do at a lower rate only.
    let slow = (0.02, 0.0005);
    let data = data.view();
    let curves = [
        ("exact gradient", climb(&start, data, marks)?),
        ("CD-1", sample(&start, data, marks, rates, Sampler::ContrastiveDivergence { steps: 1 })?),
        ("CD-10", sample(&start, data, marks, rates, Sampler::ContrastiveDivergence { steps: 10 })?),
        ("PCD-1", sample(&start, data, marks, slow, Sampler::Persistent { chains: 500, steps: 1 })?),
        (
            "PCD-1, tempered",
            sample(&start, data, marks, slow, Sampler::Tempered { options: tempered, steps: 1 })?,
        ),
    ];
    print!("  epoch          ");
    for (epoch, _) in &curves[0].1 {
        print!("{epoch:>10}");
    }
    println!();
    for (name, curve) in &curves {
        print!("  {name:15}");
        for (_, likelihood) in curve {
            print!("{likelihood:10.4}");
        }
        println!();
    }
    println!("  best possible: -ln {} = {best:.4}\n", data.rows());
    draw(&curves, best)
}

/// Ascent with the exact gradient and momentum.
fn climb(start: &Rbm<f64>, data: MatrixView<'_, f64>, marks: &[usize]) -> Result<Curve, Box<dyn Error>> {
    let mut rbm = start.clone();
    let mut velocity = vec![0.0; rbm.parameters().len()];
    let mut curve = Vec::new();
    for epoch in 0..=marks[marks.len() - 1] {
        let answer = rbm.exact_gradient(data)?;
        if marks.contains(&epoch) {
            curve.push((epoch as f64, answer.log_likelihood));
        }
        for (velocity, slope) in velocity.iter_mut().zip(&answer.gradient) {
            *velocity = 0.9 * *velocity + 0.05 * slope;
        }
        for (parameter, step) in rbm.parameters_mut().iter_mut().zip(&velocity) {
            *parameter += step;
        }
    }
    Ok(curve)
}

/// Steps with a sampled gradient, whose rate falls from the first to the second.
fn sample(
    start: &Rbm<f64>,
    data: MatrixView<'_, f64>,
    marks: &[usize],
    (first, last): (f64, f64),
    sampler: Sampler,
) -> Result<Curve, Box<dyn Error>> {
    let mut rbm = start.clone();
    let mut curve = vec![(0.0, rbm.exact_log_likelihood(data)?)];
    let options = TrainingOptions::default()
        .with_epochs(marks[marks.len() - 1])
        .with_learning_rates(first, last)
        .with_momentum(0.9)
        .with_sampler(sampler);
    let mut trainer = Trainer::new(&rbm, options, RandomStream::new(3))?;
    let mut failure = None;
    trainer.train(&mut rbm, data, &mut |progress| {
        if marks.contains(&progress.epoch) {
            match progress.rbm.exact_log_likelihood(data) {
                Ok(likelihood) => curve.push((progress.epoch as f64, likelihood)),
                Err(error) => {
                    failure = Some(error);
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    })?;
    failure.map_or(Ok(curve), |error| Err(error.into()))
}

fn draw(curves: &[(&str, Curve)], best: f64) -> Result<(), Box<dyn Error>> {
    let path = plot::file("rbm_bars_and_stripes.svg")?;
    {
        let area = SVGBackend::new(&path, (640, 400)).into_drawing_area();
        area.fill(&WHITE)?;
        let last = curves[0].1[curves[0].1.len() - 1].0;
        let mut axes = ChartBuilder::on(&area)
            .caption("bars and stripes: exact log-likelihood", ("sans-serif", 18))
            .margin(10)
            .x_label_area_size(32)
            .y_label_area_size(48)
            .build_cartesian_2d(1.0..(last + 1.0).log10(), -12.0..best + 0.5)?;
        axes.configure_mesh().x_desc("lg (epochs + 1)").y_desc("nats").draw()?;
        let colours = [
            plot::SOURCE,
            plot::TARGET,
            RGBColor(44, 140, 60),
            RGBColor(150, 90, 180),
            RGBColor(200, 140, 30),
        ];
        for ((name, curve), colour) in curves.iter().zip(colours) {
            let points = curve.iter().skip(1).map(|(epoch, value)| ((epoch + 1.0).log10(), *value));
            axes.draw_series(LineSeries::new(points, colour.stroke_width(2)))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour));
        }
        axes.draw_series(LineSeries::new([(1.0, best), ((last + 1.0).log10(), best)], plot::LINE))?;
        axes.configure_series_labels().position(SeriesLabelPosition::LowerRight).draw()?;
        area.present()?;
    }
    println!("drawn: {}\n", path.display());
    Ok(())
}
