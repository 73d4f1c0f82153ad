//! Two blobs around (2, 2) and (-2, -2): every loss, every way to differentiate it.

use crate::arguments::Arguments;
use crate::merit;
use crate::plot;
use brenier::generative::{GeneratorOptions, SampleSource, fit_generator, generate};
use brenier::nn::optim::{Adam, AdamOptions};
use brenier::nn::{Activation, Mlp};
use brenier::ot::sinkhorn::gradient::Loss;
use brenier::ot::sinkhorn::minibatch::{Differentiation, Options, SinkhornLoss};
use brenier::random::RandomStream;
use brenier::{Matrix, MatrixViewMut};
use plotters::prelude::*;
use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

const EPSILON: f64 = 0.1;
const BATCH: usize = 128;
const STEPS: u64 = 1000;
const NOISE: f32 = 0.3;

/// The data.
struct Blobs;

impl SampleSource<f32> for Blobs {
    fn dimension(&self) -> usize {
        2
    }

    fn draw(
        &mut self,
        stream: &mut RandomStream,
        mut batch: MatrixViewMut<'_, f32>,
    ) -> Result<(), brenier::Error> {
        for point in batch.iter_rows_mut() {
            let centre = if stream.below(2)? == 0 { 2.0 } else { -2.0 };
            point.iter_mut().for_each(|x| *x = centre + NOISE * stream.normal::<f32>());
        }
        Ok(())
    }
}

fn samples(count: usize, stream: &mut RandomStream) -> Result<Matrix<f32>, brenier::Error> {
    let mut samples = Matrix::zeros(count, 2);
    Blobs.draw(stream, samples.view_mut())?;
    Ok(samples)
}

pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let steps = if arguments.quick { STEPS / 2 } else { STEPS };
    let mut stream = RandomStream::new(13);
    let (held_out, others) = (samples(1000, &mut stream)?, samples(1000, &mut stream)?);
    println!(
        "Two blobs: 2-64-64-2 ReLU, batch {BATCH}, ε = {EPSILON}, Adam 1e-3, {steps} steps, 100 iterations at most"
    );
    println!(
        "Expected: the loss of a perfect generator is that between two batches of the data, the divergence that between two samples."
    );
    println!(
        "  loss       gradient   loss before   after   of the data   divergence before   after   of the data   within 3σ of a blob   at (2, 2)   ms a step"
    );
    let floor = merit::divergence(&held_out, &others, EPSILON)?;
    let mut drawn = None;
    for (name, loss) in
        [("dual", Loss::Dual), ("primal", Loss::EntropicPrimal), ("cost", Loss::TransportCost)]
    {
        for (way, differentiation, debiased) in [
            ("envelope", Differentiation::Envelope, false),
            ("unrolled", Differentiation::Unrolled, false),
            ("implicit", Differentiation::Implicit, false),
            ("debiased", Differentiation::Envelope, true),
        ] {
            // Where the two are the same function, once is enough.
            if loss != Loss::TransportCost && differentiation == Differentiation::Implicit
                || loss != Loss::Dual && debiased
            {
                continue;
            }
            let options = Options::new(EPSILON)
                .with_loss(loss)
                .with_differentiation(differentiation)
                .with_debiased(debiased);
            let mut stream = RandomStream::new(42);
            let of_data = {
                let mut loss = SinkhornLoss::new(options)?;
                let mut sum = 0.0;
                for _ in 0..20 {
                    sum += loss.value(&samples(BATCH, &mut stream)?, &samples(BATCH, &mut stream)?)?.value;
                }
                sum / 20.0
            };
            let mut network = Mlp::new(&[2, 64, 64, 2], Activation::Relu, &mut stream)?;
            let before = merit::divergence(&held_out, &generate(&network, 1000, &mut stream)?, EPSILON)?;
            let mut adam = Adam::new(AdamOptions::default().with_learning_rate(1e-3))?;
            let generator = GeneratorOptions::new(options).with_batch(BATCH).with_steps(steps);
            let started = Instant::now();
            let training =
                fit_generator(&mut network, &mut Blobs, &mut adam, &generator, &mut stream, &mut |_| {
                    ControlFlow::Continue(())
                })?;
            let milliseconds = 1e3 * started.elapsed().as_secs_f64() / training.steps.max(1) as f64;
            let points = generate(&network, 1000, &mut stream)?;
            let after = merit::divergence(&held_out, &points, EPSILON)?;
            let last = &training.losses[training.losses.len() - 50..];
            println!(
                "  {name:8}   {way}   {:11.3}   {:5.3}   {of_data:11.3}   {before:17.3}   {after:5.3}   {floor:11.3}   {:18.1}%   {:8.1}%   {milliseconds:9.2}",
                training.losses[0],
                last.iter().sum::<f64>() / last.len() as f64,
                100.0 * share(&points, |point| near(point, 2.0) || near(point, -2.0)),
                100.0 * share(&points, |point| point[0] + point[1] > 0.0),
            );
            if drawn.is_none() {
                drawn = Some(points);
            }
        }
    }
    draw(&held_out, &drawn.expect("one was trained"))
}

fn near(point: &[f32], centre: f32) -> bool {
    (point[0] - centre).hypot(point[1] - centre) < 3.0 * NOISE
}

fn share(points: &Matrix<f32>, is_so: impl Fn(&[f32]) -> bool) -> f64 {
    points.iter_rows().filter(|point| is_so(point)).count() as f64 / points.rows() as f64
}

fn draw(data: &Matrix<f32>, generated: &Matrix<f32>) -> Result<(), Box<dyn Error>> {
    let path = plot::file("wasserstein_generator_blobs.svg")?;
    {
        let root = SVGBackend::new(&path, (480, 480)).into_drawing_area();
        root.fill(&WHITE)?;
        let mut axes = ChartBuilder::on(&root).margin(10).build_cartesian_2d(-4.0..4.0, -4.0..4.0)?;
        for (points, colour) in [(data, plot::SOURCE), (generated, plot::TARGET)] {
            let places = points.iter_rows().take(400).map(|point| (f64::from(point[0]), f64::from(point[1])));
            plot::points(&mut axes, places, 2, colour)?;
        }
        root.present()?;
    }
    println!("data (blue) and generated points (red): {}", path.display());
    Ok(())
}
