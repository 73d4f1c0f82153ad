//! Parts of the parameters with a weight decay or a learning rate of their own.

use super::check_not_negative;
use crate::error::{Error, Result};
use std::ops::Range;

/// Some consecutive parameters that are treated differently: biases without weight decay, a layer that learns slower or not at all.
///
/// The range of a tensor is in [`TensorPlace::range`](crate::nn::TensorPlace).
///
/// # Examples
/// ```
/// use brenier::nn::optim::{Adam, AdamOptions, Optimiser, ParameterGroup};
/// // The last parameter is a bias: it does not decay.
/// let groups = [ParameterGroup::new(1..2).with_weight_decay(0.0)];
/// let mut adam = Adam::new(AdamOptions::adamw().with_weight_decay(0.5).with_groups(&groups))?;
/// let mut parameters = [1.0_f64, 1.0];
/// adam.step(&mut parameters, &[0.0, 0.0])?;
/// assert_eq!(parameters, [1.0 - 1e-3 * 0.5, 1.0]);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ParameterGroup {
    /// The parameters' places in the slice.
    pub range: Range<usize>,
    /// Their weight decay; `None` is that of the optimiser's options.
    pub weight_decay: Option<f64>,
    /// Their learning rate over that of the optimiser. Default 1; 0 freezes them.
    pub learning_rate_factor: f64,
}

impl ParameterGroup {
    /// A group that is treated like all others.
    pub fn new(range: Range<usize>) -> Self {
        Self { range, weight_decay: None, learning_rate_factor: 1.0 }
    }

    /// Sets the weight decay.
    pub fn with_weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = Some(weight_decay);
        self
    }

    /// Sets the learning rate over that of the optimiser.
    pub fn with_learning_rate_factor(mut self, factor: f64) -> Self {
        self.learning_rate_factor = factor;
        self
    }
}

/// Consecutive parameters that are treated alike.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segment {
    pub range: Range<usize>,
    pub weight_decay: f64,
    pub learning_rate_factor: f64,
}

/// Whether the groups are in order: sorted by their ranges, without overlap, with numbers that make sense.
pub(super) fn check_groups(groups: &[ParameterGroup]) -> Result<()> {
    let mut end = 0;
    for group in groups {
        if group.range.start < end || group.range.end < group.range.start {
            return Err(Error::Argument {
                name: "start of a parameter group",
                value: group.range.start as f64,
                requirement: "groups must be in order, without overlap, and their ranges must not be reversed",
            });
        }
        end = group.range.end;
        check_not_negative("learning-rate factor of a parameter group", group.learning_rate_factor)?;
        check_not_negative("weight decay of a parameter group", group.weight_decay.unwrap_or(0.0))?;
    }
    Ok(())
}

/// The groups and what lies between them, over `length` parameters.
pub(super) fn segments(
    operation: &'static str,
    groups: &[ParameterGroup],
    weight_decay: f64,
    length: usize,
) -> Result<Vec<Segment>> {
    let last = groups.last().map_or(0, |group| group.range.end);
    if last > length {
        return Err(Error::Shape {
            operation,
            what: "end of the last parameter group",
            expected: length,
            got: last,
        });
    }
    let mut segments = Vec::with_capacity(2 * groups.len() + 1);
    let mut start = 0;
    for group in groups {
        let between = start..group.range.start;
        segments.push(Segment { range: between, weight_decay, learning_rate_factor: 1.0 });
        segments.push(Segment {
            range: group.range.clone(),
            weight_decay: group.weight_decay.unwrap_or(weight_decay),
            learning_rate_factor: group.learning_rate_factor,
        });
        start = group.range.end;
    }
    segments.push(Segment { range: start..length, weight_decay, learning_rate_factor: 1.0 });
    segments.retain(|segment| !segment.range.is_empty());
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_cover_everything_in_order() {
        let groups = [
            ParameterGroup::new(2..4).with_weight_decay(0.0),
            ParameterGroup::new(4..5).with_learning_rate_factor(0.5),
        ];
        check_groups(&groups).unwrap();
        let segment =
            |range, weight_decay, learning_rate_factor| Segment { range, weight_decay, learning_rate_factor };
        assert_eq!(
            segments("step", &groups, 0.1, 9).unwrap(),
            [
                segment(0..2, 0.1, 1.0),
                segment(2..4, 0.0, 1.0),
                segment(4..5, 0.1, 0.5),
                segment(5..9, 0.1, 1.0)
            ]
        );
        assert_eq!(segments("step", &[], 0.1, 9).unwrap(), [segment(0..9, 0.1, 1.0)]);
        assert!(segments("step", &[], 0.1, 0).unwrap().is_empty());
        assert_eq!(
            segments("step", &groups, 0.1, 4).unwrap_err().to_string(),
            "step: end of the last parameter group is 5, expected 4"
        );
    }

    #[test]
    #[allow(clippy::reversed_empty_ranges)]
    fn groups_that_make_no_sense_are_refused() {
        for groups in [
            vec![ParameterGroup::new(2..4), ParameterGroup::new(3..5)],
            vec![ParameterGroup::new(4..2)],
            vec![ParameterGroup::new(0..2).with_weight_decay(-1.0)],
            vec![ParameterGroup::new(0..2).with_weight_decay(f64::NAN)],
            vec![ParameterGroup::new(0..2).with_learning_rate_factor(f64::INFINITY)],
        ] {
            assert!(matches!(check_groups(&groups), Err(Error::Argument { .. })), "{groups:?}");
        }
    }
}
