//! What a caller may set.

use crate::error::{Error, Result};
use crate::ot::sinkhorn::{self, Epsilon};

/// Options of the Sinkhorn divergence.
///
/// # Examples
/// ```
/// use brenier::ot::divergence::Options;
/// use brenier::ot::sinkhorn::Epsilon;
/// let options = Options::new(Epsilon::RelativeToMedian(0.05)).with_accuracy(1e-9);
/// assert_eq!(options.transport.max_iterations, 10_000);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// How the problem between the clouds is solved. Its tolerance is where all three begin: they go on below it as
    /// far as the accuracy needs. Its limit on iterations holds for each of them.
    pub transport: sinkhorn::Options,
    /// The length of the certain interval at which to end, over |OT_ε(a, b)| + ε M. Default 1e-6.
    pub accuracy: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { transport: sinkhorn::Options::default(), accuracy: 1e-6 }
    }
}

impl Options {
    /// The defaults with this ε.
    pub fn new(epsilon: impl Into<Epsilon>) -> Self {
        Self { transport: sinkhorn::Options::new(epsilon), ..Self::default() }
    }

    /// Sets how the problem between the clouds is solved.
    pub fn with_transport(mut self, transport: sinkhorn::Options) -> Self {
        self.transport = transport;
        self
    }

    /// Sets the length of the certain interval.
    pub fn with_accuracy(mut self, accuracy: f64) -> Self {
        self.accuracy = accuracy;
        self
    }

    pub(super) fn validate(&self) -> Result<()> {
        if !(self.accuracy > 0.0 && self.accuracy < 1.0) {
            let requirement = "it must be above 0 and below 1";
            return Err(Error::Argument { name: "accuracy", value: self.accuracy, requirement });
        }
        Ok(())
    }
}
