//! CHUZC of the dual simplex: the bound-flipping ratio test over groups of near-ties.
//!
//! As the dual step grows, reduced costs reach zero one after the other. A boxed variable may go through zero: it flips to its other bound,
//! and the slope of the dual objective falls by |α| (u - l). The step ends where the slope would turn negative. Near-ties (within the dual
//! tolerance, Harris) form a group, from which the largest pivot is taken. Maros: *Computational techniques of the simplex method* (2003);
//! Koberstein: *The dual simplex method, techniques for a fast and stable implementation* (2005).

use super::{Direction, NONBASIC, State};

/// A variable that may enter.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    variable: u32,
    /// α as it counts for the direction: positive.
    pivot: f64,
    /// |d|, a little below 0 where it has the wrong sign within the tolerance.
    reduced: f64,
    /// Their quotient, once it is needed.
    ratio: f64,
}

/// The choice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entering {
    pub variable: usize,
    /// α of the row.
    pub pivot: f64,
}

/// Room for the candidates and the flips of one iteration.
#[derive(Debug, Default)]
pub(super) struct RatioTest {
    candidates: Vec<Candidate>,
    groups: Vec<usize>,
    /// Variables that go to their other bound.
    pub flips: Vec<u32>,
}

impl RatioTest {
    /// Chooses the variable that enters for a row that lies `violation` outside its bound; `sign` is -1 where it lies below, 1 above.
    pub fn choose(&mut self, state: &State<'_, '_>, violation: f64, sign: f64) -> Option<Entering> {
        self.flips.clear();
        self.collect(state, sign);
        if self.candidates.is_empty() {
            return None;
        }
        let reached = self.reach(state, violation);
        self.group(state, violation, reached);
        let (group, place) = self.largest_pivot();
        let chosen = self.candidates[place];
        for candidate in &self.candidates[..self.groups[group]] {
            self.flips.push(candidate.variable);
        }
        // Members of the last group that the step passes flip as well, where they can: that keeps their sign right.
        let step = chosen.reduced.max(0.0) / chosen.pivot;
        for candidate in &self.candidates[self.groups[group]..self.groups[group + 1]] {
            let variable = candidate.variable as usize;
            if candidate.variable != chosen.variable
                && candidate.reduced < step * candidate.pivot - state.dual_tolerance
                && range(state, variable).is_finite()
            {
                self.flips.push(candidate.variable);
            }
        }
        let variable = chosen.variable as usize;
        let pivot = if variable < state.columns {
            state.row.values[variable]
        } else {
            -state.rho.values[variable - state.columns]
        };
        Some(Entering { variable, pivot })
    }

    /// Every nonbasic variable whose reduced cost falls.
    fn collect(&mut self, state: &State<'_, '_>, sign: f64) {
        self.candidates.clear();
        let least = match state.factor.updates() {
            0..10 => 1e-9,
            10..20 => 3e-8,
            _ => 1e-6,
        };
        for &column in &state.row.pattern {
            let variable = column as usize;
            self.consider(state, variable, sign * state.row.values[variable], least);
        }
        for &row in &state.rho.pattern {
            let variable = state.columns + row as usize;
            if state.place[variable] == NONBASIC {
                self.consider(state, variable, -sign * state.rho.values[row as usize], least);
            }
        }
    }

    #[inline]
    fn consider(&mut self, state: &State<'_, '_>, variable: usize, alpha: f64, least: f64) {
        let reduced = state.reduced[variable];
        let (pivot, reduced) = match state.direction[variable] {
            Direction::None => return,
            Direction::Up => (alpha, reduced),
            Direction::Down => (-alpha, -reduced),
            Direction::Both => (alpha.abs(), reduced * alpha.signum()),
        };
        // Numbers that left their range are no candidates.
        if pivot > least && pivot < f64::INFINITY && reduced.is_finite() {
            self.candidates.push(Candidate { variable: variable as u32, pivot, reduced, ratio: 0.0 });
        }
    }

    /// Moves to the front what a step can reach before the slope is used up, by steps that grow tenfold; answers how many there are.
    fn reach(&mut self, state: &State<'_, '_>, violation: f64) -> usize {
        let tolerance = state.dual_tolerance;
        let mut slope = violation;
        let mut reached = 0;
        let mut nearest = f64::INFINITY;
        for candidate in &self.candidates {
            nearest = nearest.min((candidate.reduced.max(0.0) + tolerance) / candidate.pivot);
        }
        let mut step = 10.0 * nearest + tolerance;
        loop {
            let mut beyond = f64::INFINITY;
            let first = reached;
            for place in first..self.candidates.len() {
                let candidate = self.candidates[place];
                if candidate.reduced <= step * candidate.pivot {
                    self.candidates.swap(reached, place);
                    reached += 1;
                    slope -= candidate.pivot * range(state, candidate.variable as usize);
                } else {
                    beyond = beyond.min((candidate.reduced + tolerance) / candidate.pivot);
                }
            }
            if slope < 0.0 || reached == self.candidates.len() {
                return reached;
            }
            step = (10.0 * step).max(beyond);
        }
    }

    /// Orders what is reached by ratio and cuts it into groups of near-ties, up to the group in which the slope turns
    /// negative. `groups` holds where each begins, and where the last one ends.
    fn group(&mut self, state: &State<'_, '_>, violation: f64, reached: usize) {
        let tolerance = state.dual_tolerance;
        let reached = &mut self.candidates[..reached];
        for candidate in reached.iter_mut() {
            candidate.ratio = candidate.reduced / candidate.pivot;
        }
        reached.sort_unstable_by(|a, b| a.ratio.total_cmp(&b.ratio).then(a.variable.cmp(&b.variable)));
        self.groups.clear();
        self.groups.push(0);
        let mut slope = violation;
        let mut end = 0;
        while end < reached.len() && slope >= 0.0 {
            // The longest step that takes no reduced cost of the group further than the tolerance to the wrong side. Who comes later in the
            // order and lies beyond it cannot shorten it.
            let mut step = f64::INFINITY;
            while end < reached.len() && reached[end].ratio <= step {
                let candidate = reached[end];
                step = step.min((candidate.reduced.max(0.0) + tolerance) / candidate.pivot);
                slope -= candidate.pivot * range(state, candidate.variable as usize);
                end += 1;
            }
            self.groups.push(end);
        }
    }

    /// The last group that has a pivot of decent size, and the place of its largest one. Ties go to the lowest variable.
    fn largest_pivot(&self) -> (usize, usize) {
        let last = self.groups[self.groups.len() - 1];
        let mut largest = 0.0_f64;
        for candidate in &self.candidates[..last] {
            largest = largest.max(candidate.pivot);
        }
        let decent = (0.1 * largest).min(1.0);
        let mut fallback = (0, 0, 0.0);
        for group in (0..self.groups.len() - 1).rev() {
            let mut place = self.groups[group];
            for next in self.groups[group] + 1..self.groups[group + 1] {
                let (a, b) = (self.candidates[next], self.candidates[place]);
                if a.pivot > b.pivot || (a.pivot == b.pivot && a.variable < b.variable) {
                    place = next;
                }
            }
            let pivot = self.candidates[place].pivot;
            if pivot >= decent {
                return (group, place);
            }
            if pivot > fallback.2 {
                fallback = (group, place, pivot);
            }
        }
        (fallback.0, fallback.1)
    }
}

fn range(state: &State<'_, '_>, variable: usize) -> f64 {
    state.upper[variable] - state.lower[variable]
}
