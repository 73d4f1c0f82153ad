//! What the examples' plots share: where they go, colours, and segments between points.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use std::error::Error;
use std::path::PathBuf;

/// The sources.
pub const SOURCE: RGBColor = RGBColor(31, 119, 180);
/// The targets.
pub const TARGET: RGBColor = RGBColor(214, 39, 40);
/// Segments and outlines.
pub const LINE: RGBColor = RGBColor(110, 110, 110);

/// A chart with two axes.
pub type Axes<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// The file `name` in the folder for plots: the program's first argument that is no option, or `target/plots`.
pub fn file(name: &str) -> Result<PathBuf, Box<dyn Error>> {
    let folder = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'))
        .map_or_else(|| PathBuf::from("target/plots"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    Ok(folder.join(name))
}

/// Draws `points` as circles.
pub fn points(
    axes: &mut Axes<'_, '_>,
    points: impl IntoIterator<Item = (f64, f64)>,
    radius: u32,
    colour: RGBColor,
) -> Result<(), Box<dyn Error>> {
    let circles = points.into_iter().map(|point| Circle::new(point, radius, colour.mix(0.8).filled()));
    axes.draw_series(circles)?;
    Ok(())
}

/// Draws segments from each first to its second point.
pub fn segments(
    axes: &mut Axes<'_, '_>,
    segments: impl IntoIterator<Item = [(f64, f64); 2]>,
    style: ShapeStyle,
) -> Result<(), Box<dyn Error>> {
    let paths = segments.into_iter().map(|ends| PathElement::new(ends.to_vec(), style));
    axes.draw_series(paths)?;
    Ok(())
}

/// How many pairs of segments cross in a point inside both.
pub fn crossings(segments: &[[(f64, f64); 2]]) -> usize {
    // Twice the area of a triangle, positive if it turns left.
    let turn =
        |a: (f64, f64), b: (f64, f64), c: (f64, f64)| (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0);
    let cross = |[a, b]: [(f64, f64); 2], [c, d]: [(f64, f64); 2]| {
        turn(a, b, c) * turn(a, b, d) < 0.0 && turn(c, d, a) * turn(c, d, b) < 0.0
    };
    let count = |i: usize| segments[..i].iter().filter(|&&other| cross(segments[i], other)).count();
    (0..segments.len()).map(count).sum()
}
