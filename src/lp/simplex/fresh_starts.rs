//! Fresh starts that follow one another without a step between them: a loop that makes too many is in trouble.

/// So many may follow one another.
const MOST_IDLE: usize = 10;

/// Counts the fresh starts since the last step.
#[derive(Debug)]
pub(super) struct FreshStarts {
    /// Steps that had been made at the last start.
    steps: u64,
    idle: usize,
}

impl FreshStarts {
    /// Begins to count; `steps` are those of other loops so far.
    pub fn new(steps: u64) -> Self {
        Self { steps, idle: 0 }
    }

    /// Takes note of a fresh start after so many steps.
    pub fn count(&mut self, steps: u64) {
        self.idle = if self.stepped(steps) { 0 } else { self.idle + 1 };
        self.steps = steps;
    }

    /// Whether more starts than is hopeful have brought no step.
    pub fn are_idle(&self) -> bool {
        self.idle > MOST_IDLE
    }

    /// Whether a step was made since the last start.
    pub fn stepped(&self, steps: u64) -> bool {
        steps != self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_eleventh_start_without_a_step_is_one_too_many() {
        let mut starts = FreshStarts::new(7);
        for _ in 0..10 {
            starts.count(7);
            assert!(!starts.are_idle());
        }
        assert!(!starts.stepped(7) && starts.stepped(8));
        starts.count(8);
        for _ in 0..10 {
            starts.count(8);
            assert!(!starts.are_idle());
        }
        starts.count(8);
        assert!(starts.are_idle());
        starts.count(9);
        assert!(!starts.are_idle(), "a step was made");
    }
}
