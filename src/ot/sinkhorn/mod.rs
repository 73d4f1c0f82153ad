//! Entropic transport: the kernels that the exact solver warms up with.

mod blocks;
mod fused;
mod kernels;

pub(crate) use blocks::CostBlocks;
#[allow(unused_imports)] // Visitors are for the accelerated method.
pub(crate) use fused::RowVisitor;
pub(crate) use fused::Scaling;
