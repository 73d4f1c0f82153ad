//! Displacement interpolation: the shortest path between two distributions.
//!
//! If P is an optimal plan from μ₀ to μ₁ for the squared Euclidean cost, then moving every unit of its mass along a straight line
//! at constant speed gives the measures μₜ = ((1-t) x + t y)# P. They are a geodesic of the 2-Wasserstein distance:
//! `W₂(μₛ, μₜ) = |t - s| W₂(μ₀, μ₁)`. (R. J. McCann, "A convexity principle for interacting gases", 1997; Villani, "Topics in
//! Optimal Transportation", section 5.1. For the cost |x - y|^p with the Euclidean norm and p > 1 the same path is a geodesic of Wₚ.)
//!
//! | of | use |
//! | --- | --- |
//! | two distributions on the line, by their quantile functions | [`QuantilePath`], with [`Normal`], [`SampleQuantiles`] or any closure |
//! | two point clouds, by a plan | [`interpolate`]; as maps: [`barycentric_projection`], [`largest_target_map`] |
//! | the density of numbers, for drawing | [`KernelDensity`] |

mod cloud;
mod density;
mod normal;
mod quantiles;

pub use cloud::{WeightedPoints, barycentric_projection, interpolate, largest_target_map};
pub use density::{Bandwidth, KernelDensity};
pub use normal::{Normal, standard_normal_quantile};
pub use quantiles::{QuantilePath, SampleQuantiles};

use crate::error::{Error, Result};

/// Refuses a time outside [0, 1].
fn check_time(t: f64) -> Result<()> {
    if (0.0..=1.0).contains(&t) {
        return Ok(());
    }
    Err(Error::Argument {
        name: "t",
        value: t,
        requirement: "the time of an interpolation must lie between 0 and 1",
    })
}
