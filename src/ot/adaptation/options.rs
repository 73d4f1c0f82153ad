//! What a caller may set.

use crate::error::{Error, Result};
use crate::matrix::Distance;
use crate::ot::sinkhorn;

/// Which plan carries one sample onto the other.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum PlanKind {
    /// The cheapest.
    Exact,
    /// The entropic one of [`Options::sinkhorn`].
    #[default]
    Entropic,
    /// The entropic one in which classes of sources keep apart.
    ClassGroups {
        /// η, in units of the cost.
        strength: f64,
    },
}

/// Where points go that were not in the sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OutOfSample {
    /// By the potentials for an entropic plan without classes and the squared Euclidean distance, else with the nearest source.
    #[default]
    Automatic,
    /// By the potentials: the entropic map, or for an exact plan the target of the least c(x, yⱼ) - gⱼ.
    Potentials,
    /// By the displacement of the nearest point of the sample.
    NearestDisplacement,
}

/// Options of [`fit`](super::fit).
///
/// # Examples
/// ```
/// use brenier::ot::adaptation::{Options, PlanKind};
/// let options = Options::default().with_epsilon(0.1).with_plan(PlanKind::ClassGroups { strength: 1.0 });
/// assert_eq!(options.max_reweightings, 20);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// The cost of moving a point onto another. Default: squared Euclidean.
    pub distance: Distance,
    /// Which plan. Default: entropic.
    pub plan: PlanKind,
    /// Where new points go.
    pub out_of_sample: OutOfSample,
    /// ε and the rest of the entropic solver's options. An ε relative to the mean or median cost is measured by the costs
    /// without what labels add.
    pub sinkhorn: sinkhorn::Options,
    /// What pairs of different known labels cost more, as a multiple of the largest cost. Default 10.
    pub label_penalty: f64,
    /// p of the class term, above 0 and below 1. Default 1/2.
    pub class_power: f64,
    /// δ of the class term: it bounds the slope of φ at zero. Default 1e-3.
    pub class_offset: f64,
    /// How often the class term is bounded anew at most. Default 20.
    pub max_reweightings: u64,
    /// The change of the classes' shares, Σ over classes and targets as a share of the mass, at which that ends. Default 1e-3.
    pub class_tolerance: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            distance: Distance::SquaredEuclidean,
            plan: PlanKind::default(),
            out_of_sample: OutOfSample::default(),
            sinkhorn: sinkhorn::Options::default(),
            label_penalty: 10.0,
            class_power: 0.5,
            class_offset: 1e-3,
            max_reweightings: 20,
            class_tolerance: 1e-3,
        }
    }
}

impl Options {
    /// Sets the cost.
    pub fn with_distance(mut self, distance: Distance) -> Self {
        self.distance = distance;
        self
    }

    /// Sets which plan.
    pub fn with_plan(mut self, plan: PlanKind) -> Self {
        self.plan = plan;
        self
    }

    /// Sets where new points go.
    pub fn with_out_of_sample(mut self, out_of_sample: OutOfSample) -> Self {
        self.out_of_sample = out_of_sample;
        self
    }

    /// Sets the entropic solver's options.
    pub fn with_sinkhorn(mut self, sinkhorn: sinkhorn::Options) -> Self {
        self.sinkhorn = sinkhorn;
        self
    }

    /// Sets ε.
    pub fn with_epsilon(mut self, epsilon: impl Into<sinkhorn::Epsilon>) -> Self {
        self.sinkhorn.epsilon = epsilon.into();
        self
    }

    /// Sets what pairs of different known labels cost more, as a multiple of the largest cost.
    pub fn with_label_penalty(mut self, label_penalty: f64) -> Self {
        self.label_penalty = label_penalty;
        self
    }

    /// Sets p of the class term.
    pub fn with_class_power(mut self, class_power: f64) -> Self {
        self.class_power = class_power;
        self
    }

    /// Sets δ of the class term.
    pub fn with_class_offset(mut self, class_offset: f64) -> Self {
        self.class_offset = class_offset;
        self
    }

    /// Sets how often the class term is bounded anew at most.
    pub fn with_max_reweightings(mut self, max_reweightings: u64) -> Self {
        self.max_reweightings = max_reweightings;
        self
    }

    /// Sets the change of the classes' shares at which reweighting ends.
    pub fn with_class_tolerance(mut self, class_tolerance: f64) -> Self {
        self.class_tolerance = class_tolerance;
        self
    }

    /// Refuses what has no meaning.
    pub(super) fn validate(&self) -> Result<()> {
        self.distance.check()?;
        let strength = match self.plan {
            PlanKind::ClassGroups { strength } => strength,
            _ => 0.0,
        };
        for (name, value, accepted, requirement) in [
            ("strength", strength, strength >= 0.0, "it must not be negative"),
            ("label_penalty", self.label_penalty, self.label_penalty >= 0.0, "it must not be negative"),
            (
                "class_power",
                self.class_power,
                self.class_power > 0.0 && self.class_power < 1.0,
                "it must lie between 0 and 1",
            ),
            ("class_offset", self.class_offset, self.class_offset > 0.0, "it must be positive"),
            (
                "max_reweightings",
                self.max_reweightings as f64,
                self.max_reweightings > 0,
                "it must be 1 at least",
            ),
            ("class_tolerance", self.class_tolerance, self.class_tolerance >= 0.0, "it must not be negative"),
        ] {
            if !accepted || !value.is_finite() {
                let requirement = if value.is_finite() { requirement } else { "it must be finite" };
                return Err(Error::Argument { name, value, requirement });
            }
        }
        Ok(())
    }
}
