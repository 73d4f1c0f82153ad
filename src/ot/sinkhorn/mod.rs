//! Entropic transport: the kernels that the exact solver warms up with.

mod blocks;
mod fused;
mod kernels;

pub(crate) use blocks::CostBlocks;
pub(crate) use fused::Scaling;
