//! The arguments of entropic transport: ε, and the arithmetic.

use brenier::ot::sinkhorn::{Epsilon, Options, Precision};
use clap::{Args, ValueEnum};

/// ε, as users give it.
#[derive(Args)]
pub struct EpsilonArguments {
    /// Strength of the entropic term, in units of the cost
    #[arg(long, value_name = "E", allow_negative_numbers = true, help_heading = "Regularisation")]
    epsilon: Option<f64>,

    /// E is a multiple of this cost
    #[arg(long, value_name = "COST", value_enum, requires = "epsilon", help_heading = "Regularisation")]
    epsilon_relative: Option<RelativeTo>,
}

/// What ε may be measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RelativeTo {
    /// The mean of all costs
    Mean,
    /// The median of all costs (of more than four million, of an even sample)
    Median,
}

impl EpsilonArguments {
    /// ε, if it was given.
    pub fn given(&self) -> Option<Epsilon> {
        let epsilon = self.epsilon?;
        Some(match self.epsilon_relative {
            None => Epsilon::Absolute(epsilon),
            Some(RelativeTo::Mean) => Epsilon::RelativeToMean(epsilon),
            Some(RelativeTo::Median) => Epsilon::RelativeToMedian(epsilon),
        })
    }

    /// ε, or the solver's default.
    pub fn given_or_default(&self) -> Epsilon {
        self.given().unwrap_or(Options::default().epsilon)
    }
}

/// ε in words: its value, and what it was measured by.
pub fn describe(epsilon: f64, given: Epsilon) -> String {
    match given {
        Epsilon::Absolute(_) => format!("epsilon {epsilon}"),
        Epsilon::RelativeToMean(factor) => format!("epsilon {epsilon:.6e}, {factor} of the mean cost"),
        Epsilon::RelativeToMedian(factor) => format!("epsilon {epsilon:.6e}, {factor} of the median cost"),
    }
}

/// The names of the arithmetics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PrecisionName {
    /// Single as far as it gets, then double (from f64 files by plain iterations and Anderson: double throughout)
    Automatic,
    /// f32 to the end
    Single,
    /// f64 from the beginning
    Double,
}

impl PrecisionName {
    /// As the solver names it.
    pub fn precision(self) -> Precision {
        match self {
            Self::Automatic => Precision::Automatic,
            Self::Single => Precision::Single,
            Self::Double => Precision::Double,
        }
    }
}
