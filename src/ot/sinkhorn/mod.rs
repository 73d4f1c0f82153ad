//! Entropic transport: the kernels that the exact solver warms up with.

mod blocks;

pub(crate) use blocks::CostBlocks;
