//! Sheets of images.

use crate::plot;
use brenier::Matrix;
use plotters::prelude::*;
use std::error::Error;

/// Images along each side.
const SIDE: usize = 8;

/// How the numbers of an image are its pixels.
#[derive(Clone, Copy)]
pub enum Shape {
    /// So many rows and columns of grey.
    Grey(usize),
    /// Three images of so many rows and columns, red, green and blue.
    Colour(usize),
}

/// Draws the first images.
pub fn draw(name: &str, images: &Matrix<f32>, shape: Shape) -> Result<(), Box<dyn Error>> {
    let path = plot::file(name)?;
    let (Shape::Grey(side) | Shape::Colour(side)) = shape;
    let cell = side as i32 + 2;
    // Two units of the picture for a pixel.
    let extent = (2 * cell * SIDE as i32) as u32;
    {
        let root = SVGBackend::new(&path, (extent, extent)).into_drawing_area();
        root.fill(&WHITE)?;
        for (place, image) in images.iter_rows().take(SIDE * SIDE).enumerate() {
            let (down, right) = ((place / SIDE) as i32 * cell, (place % SIDE) as i32 * cell);
            for pixel in 0..side * side {
                let byte = |plane: usize| (255.0 * image[plane * side * side + pixel].clamp(0.0, 1.0)) as u8;
                let colour = match shape {
                    Shape::Grey(_) => RGBColor(255 - byte(0), 255 - byte(0), 255 - byte(0)),
                    Shape::Colour(_) => RGBColor(byte(0), byte(1), byte(2)),
                };
                if colour == WHITE {
                    continue;
                }
                let (y, x) = (2 * (down + (pixel / side) as i32), 2 * (right + (pixel % side) as i32));
                root.draw(&Rectangle::new([(x, y), (x + 2, y + 2)], colour.filled()))?;
            }
        }
        root.present()?;
    }
    println!("{}", path.display());
    Ok(())
}
