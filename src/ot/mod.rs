//! Optimal transport.
//!
//! A [`Problem`] says what is to be moved: the costs C (a matrix, or two point clouds and a distance) and the weights a, b.
//! Solvers take it and answer with a plan, potentials and a [`Certificate`].

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
