//! Optimal transport.
//!
//! A [`Problem`] says what is to be moved: the costs C (a matrix, two point clouds and a distance, or two clouds and
//! a [`PairCost`] of one's own) and the weights a, b. Solvers take it and answer with a plan, potentials, a status,
//! and what they can prove.
//!
//! # The rooms
//! | room | for | answers with |
//! | --- | --- | --- |
//! | [`adaptation`] | carrying one sample onto another, and new points with it (domain adaptation) | a fitted map |
//! | [`barycentre`] | means of distributions: on a grid, on given points, or with points that move | weights, or points |
//! | [`coupling`] | pairing minibatches for flow matching | pairs: a permutation, or drawn from a plan |
//! | [`divergence`] | comparing two clouds by the debiased Sinkhorn divergence | its value between two bounds, gradients |
//! | [`exact`] | the cheapest plan, by the network simplex | a sparse plan, proved optimal over all pairs |
//! | [`gaussian`] | normal distributions: distance, map, geodesic, barycentre, entropic plan | closed forms |
//! | [`geodesic`] | moving along a plan: displacement interpolation | clouds, maps, densities |
//! | [`mod@line`] | numbers instead of points | the cheapest plan by sorting, proved |
//! | [`partial`] | moving a given share of the mass, exactly or with entropy | a plan, its certificate or bounds |
//! | [`sinkhorn`] | entropic plans of large clouds, and their [gradients](sinkhorn::gradient) | potentials, a streamed plan, bounds on the cost with and without entropy |
//! | [`sliced`] | comparing clouds of many coordinates by their projections | a mean with its standard error, gradients |
//! | [`unbalanced`] | masses that differ, or outliers that should stay behind | an entropic plan, its gap |
//!
//! What they share: [`problem`], [`plan`], [`certificate`], [`progress`].
//!
//! # Which one
//! The cost or the plan itself: [`exact`], up to tens of thousands of points a side, and [`mod@line`] in one
//! dimension. Something smooth to differentiate or to train on: [`sinkhorn`], or [`divergence`] where zero must mean
//! equal. Many comparisons of large clouds in many dimensions: [`sliced`].

pub mod adaptation;
pub mod barycentre;
pub mod certificate;
pub mod coupling;
pub mod divergence;
pub mod exact;
pub mod gaussian;
pub mod geodesic;
pub mod line;
mod ordering;
pub(crate) mod pair_cost;
pub mod partial;
pub mod plan;
pub mod problem;
pub mod progress;
pub mod sinkhorn;
pub mod sliced;
pub mod unbalanced;

pub use certificate::{Certificate, Status};
pub use pair_cost::{AnyPairCost, Pair, PairCost};
pub use plan::TransportPlan;
pub use problem::{Costs, Problem};
pub use progress::Progress;
