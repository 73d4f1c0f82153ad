//! The names of the methods, of the exact solver and of the entropic one.

use crate::failure::Failure;
use brenier::ot::{exact, sinkhorn};

/// How many iterations Anderson's extrapolation remembers.
const ANDERSON_MEMORY: usize = 5;

/// The names of the methods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum MethodName {
    /// Exact: by size and distance, sparse from 800,000 pairs on (16 million unless Euclidean or its square). With --epsilon: accelerated
    Automatic,
    /// Exact: the simplex over all pairs. With --epsilon: Sinkhorn's iterations one after the other
    Plain,
    /// Exact: the simplex over candidate pairs after an entropic warm start; where it does not succeed, plain
    Sparse,
    /// With --epsilon: epsilon lowered step by step, and Newton's method on a truncated model
    Accelerated,
    /// With --epsilon: Sinkhorn's iterations with Anderson's extrapolation over five of them
    Anderson,
}

impl MethodName {
    /// The method of the exact solver.
    pub fn exact(self) -> Result<exact::Method, Failure> {
        match self {
            Self::Automatic => Ok(exact::Method::Automatic),
            Self::Plain => Ok(exact::Method::Plain),
            Self::Sparse => Ok(exact::Method::Sparse),
            Self::Accelerated | Self::Anderson => Err(Failure::Usage(format!(
                "--method {} is a method of the entropic solver: it needs --epsilon",
                self.name()
            ))),
        }
    }

    /// The method of the entropic solver.
    pub fn entropic(self) -> Result<sinkhorn::Method, Failure> {
        match self {
            Self::Automatic | Self::Accelerated => Ok(sinkhorn::Method::Accelerated),
            Self::Plain => Ok(sinkhorn::Method::Plain),
            Self::Anderson => Ok(sinkhorn::Method::Anderson(ANDERSON_MEMORY)),
            Self::Sparse => Err(Failure::Usage(
                "--method sparse is a method of the exact solver: it does not go with --epsilon".to_owned(),
            )),
        }
    }

    /// The method that the entropic solver takes, by its name.
    pub fn entropic_name(self) -> &'static str {
        match self {
            Self::Automatic => Self::Accelerated.name(),
            method => method.name(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Plain => "plain",
            Self::Sparse => "sparse",
            Self::Accelerated => "accelerated",
            Self::Anderson => "anderson",
        }
    }
}
