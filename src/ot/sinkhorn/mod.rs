//! Entropic transport: the kernels that the exact solver warms up with.

// Blocks for solvers: what one solver leaves unused, another needs.
#![allow(dead_code, unused_imports)]

mod blocks;
mod fused;
mod kernels;

pub(crate) use blocks::CostBlocks;
pub(crate) use fused::Scaling;
