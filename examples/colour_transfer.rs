//! The colours of one picture given to another: domain adaptation of pixels as points of (red, green, blue).
//!
//! `cargo run --release --example colour_transfer [-- FOLDER] [--quick]` fits plans between samples of the pixels of
//! two pictures, moves all pixels by the maps that belong to them, prints how far the colours are from those wanted
//! before and after, and writes a sheet of the pictures into FOLDER (`target/plots` if none is given). The pictures
//! are mosaics of CIFAR-10 images (ships and deer); where these are missing, two that are drawn here.

#[allow(dead_code)] // Other examples use more of it.
mod plot;

use brenier::Matrix;
use brenier::data::{self, PixelScale, cifar};
use brenier::matrix::Distance;
use brenier::ot::adaptation::{Adaptation, Options, PlanKind, Sample, fit};
use brenier::ot::{Problem, exact};
use brenier::random::RandomStream;
use flate2::{Compression, Crc, write::ZlibEncoder};
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// Images of a mosaic on each side, and pixels of an image on each side.
const TILES: usize = 6;
const TILE: usize = 32;
const SIDE: usize = TILES * TILE;
/// ε as a share of the mean cost.
const EPSILON: f64 = 0.01;

/// SIDE x SIDE colours from 0 to 1, row after row: (pixels, 3).
type Picture = Matrix<f64>;

fn main() -> Result<(), Box<dyn Error>> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let count = if quick { 400 } else { 2000 };
    let (names, source, target) = pictures()?;
    println!(
        "{} with the colours of {}: {} pixels each, {count} of them to fit",
        names[0],
        names[1],
        SIDE * SIDE
    );

    let (x, y) = (sample(&source, count, 1)?, sample(&target, count, 2)?);
    // Other pixels than those of the fit (but for a few) tell how well all of them fit.
    let (fresh, wanted) = (sample(&source, count, 3)?, sample(&target, count, 4)?);
    let between = squared_distance(&sample(&target, count, 5)?, &wanted)?;

    println!(
        "\nSquared Wasserstein distance to the colours that are wanted (exact, {count} pixels that were not fitted):"
    );
    println!("  as it was            {:.6}", squared_distance(&fresh, &wanted)?);
    println!("  between two samples of the wanted colours, for comparison (sampling alone): {between:.6}");
    let mut sheet = vec![source.clone(), target.clone()];
    for (name, plan) in [("nearest displacement", PlanKind::Exact), ("entropic map", PlanKind::Entropic)] {
        let adaptation = fitted(name, plan, &x, &y)?;
        let began = Instant::now();
        let moved = adaptation.transform(&source)?;
        eprintln!("{name}: {} pixels moved in {:.2} s", SIDE * SIDE, began.elapsed().as_secs_f64());
        let outside = moved.as_slice().iter().filter(|c| !(0.0..=1.0).contains(*c)).count();
        println!(
            "  by {name:21}{:.6}    status {}, {:.2}% of the values outside [0, 1]",
            squared_distance(&adaptation.transform(&fresh)?, &wanted)?,
            adaptation.outcome().status,
            100.0 * outside as f64 / moved.as_slice().len() as f64
        );
        println!("     roughness           {:.4} (as it was: {:.4})", roughness(&moved), roughness(&source));
        sheet.push(moved);
        if plan == PlanKind::Entropic {
            // The same plan goes back: the other picture in the first one's colours.
            sheet.push(adaptation.inverse_transform(&target)?);
        }
    }
    println!(
        "  Roughness is the mean difference of neighbouring pixels: a map that tears colours apart raises it, one that blurs lowers it."
    );

    let path = plot::file("colour_transfer.png")?;
    write_sheet(&path, &sheet)?;
    println!("\nwritten: {}", path.display());
    println!(
        "  from the left: {}, {}, the first with the second's colours by nearest displacement and by the entropic map,",
        names[0], names[1]
    );
    println!("  and the second with the first's colours, by the same entropic plan back.");
    Ok(())
}

/// Some pixels, no place twice.
fn sample(picture: &Picture, count: usize, seed: u64) -> brenier::error::Result<Picture> {
    let chosen = RandomStream::new(seed).sample_without_replacement(picture.rows(), count)?;
    Ok(Matrix::from_fn(count, 3, |row, column| picture[(chosen[row], column)]))
}

/// The plan between two samples of colours.
fn fitted(name: &str, plan: PlanKind, x: &Picture, y: &Picture) -> Result<Adaptation, Box<dyn Error>> {
    let epsilon = brenier::ot::sinkhorn::Epsilon::RelativeToMean(EPSILON);
    let options = Options::default().with_plan(plan).with_epsilon(epsilon);
    let began = Instant::now();
    let adaptation = fit(&Sample::new(x), &Sample::new(y), &options)?;
    eprintln!("{name}: fitted in {:.2} s", began.elapsed().as_secs_f64());
    Ok(adaptation)
}

/// The exact squared Wasserstein distance of two samples of colours.
fn squared_distance(x: &Picture, y: &Picture) -> brenier::error::Result<f64> {
    exact::transport_cost(&Problem::from_points(x, y, Distance::SquaredEuclidean))
}

/// The mean absolute difference between a pixel's values and those of its right neighbour.
fn roughness(picture: &Picture) -> f64 {
    let mut total = 0.0;
    for row in 0..SIDE {
        for column in 1..SIDE {
            let (left, right) = (picture.row(row * SIDE + column - 1), picture.row(row * SIDE + column));
            total += left.iter().zip(right).map(|(a, b)| (a - b).abs()).sum::<f64>();
        }
    }
    total / (3 * SIDE * (SIDE - 1)) as f64
}

/// The two pictures with what is on them.
fn pictures() -> Result<([&'static str; 2], Picture, Picture), Box<dyn Error>> {
    let name = "cifar10/train-500.bin";
    let Some(path) = data::file(name) else {
        println!("{}", data::skipped(name, "https://www.cs.toronto.edu/~kriz/cifar.html"));
        println!("stand-in: two pictures drawn by this program");
        return Ok((["a drawn sea", "a drawn meadow"], drawn(sea), drawn(meadow)));
    };
    let batch = cifar::read_10::<f64>(path, PixelScale::Unit)?;
    let mosaic = |label: u8| -> Result<Picture, Box<dyn Error>> {
        let of_label: Vec<usize> = (0..batch.labels.len()).filter(|&k| batch.labels[k] == label).collect();
        if of_label.len() < TILES * TILES {
            return Err(
                format!("{} images of class {label}, {} are needed", of_label.len(), TILES * TILES).into()
            );
        }
        Ok(Matrix::from_fn(SIDE * SIDE, 3, |pixel, colour| {
            let (row, column) = (pixel / SIDE, pixel % SIDE);
            let image = of_label[(row / TILE) * TILES + column / TILE];
            batch.images[(image, colour * TILE * TILE + (row % TILE) * TILE + column % TILE)]
        }))
    };
    Ok((["ships (CIFAR-10)", "deer (CIFAR-10)"], mosaic(8)?, mosaic(4)?))
}

/// A picture from a function of the place, both coordinates from 0 to 1, with some grain.
fn drawn(colour: fn(f64, f64) -> [f64; 3]) -> Picture {
    let grain: Matrix<f64> = RandomStream::new(5).normal_matrix(SIDE * SIDE, 3);
    Matrix::from_fn(SIDE * SIDE, 3, |pixel, k| {
        let (row, column) = ((pixel / SIDE) as f64 / SIDE as f64, (pixel % SIDE) as f64 / SIDE as f64);
        (colour(row, column)[k] + 0.02 * grain[(pixel, k)]).clamp(0.0, 1.0)
    })
}

/// A sea under a sky with a sun.
fn sea(row: f64, column: f64) -> [f64; 3] {
    if (row - 0.25).hypot(column - 0.7) < 0.1 {
        return [0.98, 0.85, 0.45];
    }
    if row < 0.5 {
        return [0.35 + 0.7 * row, 0.55 + 0.5 * row, 0.9];
    }
    let wave = 0.08 * (60.0 * row + 4.0 * (9.0 * column).sin()).sin();
    [0.05 + wave, 0.25 + wave, 0.5 + wave]
}

/// A meadow with flowers under a yellow evening.
fn meadow(row: f64, column: f64) -> [f64; 3] {
    if row < 0.3 {
        return [0.95, 0.8 - 0.5 * row, 0.45 - 0.5 * row];
    }
    let flower = (40.0 * row).sin() * (37.0 * column).sin();
    if flower > 0.93 {
        return [0.85, 0.15, 0.2];
    }
    let blade = 0.1 * (90.0 * column + 6.0 * row).sin();
    [0.25 + blade, 0.5 + blade, 0.12]
}

/// Pictures side by side as a PNG file (W3C, third edition): 8 bits a colour, lines without a filter.
fn write_sheet(path: &Path, pictures: &[Picture]) -> Result<(), Box<dyn Error>> {
    const GAP: usize = 8;
    let width = pictures.len() * (SIDE + GAP) - GAP;
    let mut lines = Vec::with_capacity(SIDE * (1 + 3 * width));
    for row in 0..SIDE {
        lines.push(0);
        for (k, picture) in pictures.iter().enumerate() {
            if k > 0 {
                lines.extend([255; 3 * GAP]);
            }
            let pixels = (0..SIDE).flat_map(|column| picture.row(row * SIDE + column));
            // A value outside is shown as the nearest that there is.
            lines.extend(pixels.map(|value| (255.0 * value.clamp(0.0, 1.0)).round() as u8));
        }
    }
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&lines)?;
    let mut header = Vec::new();
    header.extend((width as u32).to_be_bytes());
    header.extend((SIDE as u32).to_be_bytes());
    // Depth 8, true colour, and the only compression, filter and order that there are.
    header.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in [(b"IHDR", header), (b"IDAT", packed.finish()?), (b"IEND", Vec::new())] {
        let mut check = Crc::new();
        check.update(kind);
        check.update(&content);
        file.extend((content.len() as u32).to_be_bytes());
        file.extend(kind);
        file.extend(&content);
        file.extend(check.sum().to_be_bytes());
    }
    Ok(std::fs::write(path, file)?)
}
