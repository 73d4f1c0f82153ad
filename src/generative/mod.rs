//! Generative models: networks that learn a distribution, with transport for a loss.
//!
//! Here the rooms [`nn`](crate::nn), [`ot`](crate::ot) and [`autodiff`](crate::autodiff), which do not know each other, meet.
//!
//! | file | |
//! | --- | --- |
//! | `generator` | [`SinkhornGenerator`]: a network trained so that what it makes of noise is near the data in the Sinkhorn loss; one step, and the loop |
//! | `samples` | where batches of data come from: [`Rows`] of a matrix, or drawn afresh |
//! | `sinkhorn_operation` | [`sinkhorn_loss`]: the Sinkhorn loss of two clouds as an operation of the tape |

mod generator;
mod samples;
mod sinkhorn_operation;

pub use generator::{
    GeneratorOptions, GeneratorProgress, GeneratorStep, GeneratorTraining, SinkhornGenerator, fit_generator,
    generate,
};
pub use samples::{Rows, SampleSource};
pub use sinkhorn_operation::sinkhorn_loss;
