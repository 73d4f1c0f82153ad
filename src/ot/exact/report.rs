//! What a solve did, stage by stage.

use crate::ot::progress::Progress;
use std::ops::ControlFlow;
use std::time::Instant;

/// A stage of a solve.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stage {
    /// Its name, as the observer hears it.
    pub name: &'static str,
    /// Wall time, over all its turns.
    pub seconds: f64,
    /// How many turns it had.
    pub turns: u32,
}

/// What a solve did: which way it took, the time of each stage, and what it counted.
///
/// Times differ from run to run; all else has the same bits for any number of threads.
///
/// # Examples
/// ```
/// use brenier::ot::{Problem, exact};
/// use brenier::Matrix;
/// let costs = Matrix::from_fn(60, 60, |i, j| ((7 * i + 3 * j) % 11) as f64);
/// let report = exact::solve(&Problem::from_costs(&costs))?.report;
/// assert_eq!(report.method, "plain simplex");
/// for stage in &report.stages {
///     println!("{:<24}{:>10.6} s", stage.name, stage.seconds);
/// }
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Report {
    /// "sorting", "plain simplex", "sparse simplex", or "sparse, then plain simplex" where the first did not get to the end.
    pub method: &'static str,
    /// In the order of their first turns.
    pub stages: Vec<Stage>,
    /// Pivots of the sparse simplex and of the plain one.
    pub sparse_pivots: u64,
    /// Pivots of the plain simplex.
    pub plain_pivots: u64,
    /// Pairs that the candidate sweep found worth a look.
    pub candidates: usize,
    /// Arcs of the sparse graph in the end.
    pub arcs: usize,
    /// How often arcs were added to it.
    pub rounds: u32,
    /// L1 error of a marginal of the entropic plan on the candidates, as a share of the mass: a third is ordinary, and no error of
    /// the answer. NaN without a warm start.
    pub warm_start_error: f64,
}

impl Report {
    /// Seconds over all stages.
    pub fn seconds(&self) -> f64 {
        self.stages.iter().map(|stage| stage.seconds).sum()
    }
}

/// The observer, the clock and the report of a solve that is under way.
pub(super) struct Monitor<'o> {
    observer: &'o mut dyn FnMut(&Progress) -> ControlFlow<()>,
    /// Whether the observer has asked to stop: it is not asked again.
    stopped: bool,
    /// Which stage is on, and since when.
    current: Option<(usize, Instant)>,
    pub report: Report,
}

impl<'o> Monitor<'o> {
    pub fn new(observer: &'o mut dyn FnMut(&Progress) -> ControlFlow<()>) -> Self {
        let report = Report { warm_start_error: f64::NAN, ..Report::default() };
        Self { observer, stopped: false, current: None, report }
    }

    /// Ends the present stage and begins the one of this name, again if it was on before.
    pub fn enter(&mut self, name: &'static str) {
        self.pause();
        let stages = &mut self.report.stages;
        let index = stages.iter().position(|stage| stage.name == name).unwrap_or_else(|| {
            stages.push(Stage { name, seconds: 0.0, turns: 0 });
            stages.len() - 1
        });
        stages[index].turns += 1;
        self.current = Some((index, Instant::now()));
    }

    /// Ends the present stage.
    pub fn pause(&mut self) {
        if let Some((index, since)) = self.current.take() {
            self.report.stages[index].seconds += since.elapsed().as_secs_f64();
        }
    }

    /// Tells the observer; a break now or before is a break for good.
    pub fn observe(&mut self, progress: &Progress) -> ControlFlow<()> {
        if !self.stopped {
            self.stopped = (self.observer)(progress).is_break();
        }
        if self.stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Tells the observer how far the present stage is. Whether to stop.
    pub fn told_to_stop(&mut self, iterations: u64, cost: f64, fraction: f64) -> bool {
        let stage = self.current.map_or("", |(index, _)| self.report.stages[index].name);
        self.observe(&Progress { stage, iterations, cost, residual: f64::NAN, fraction }).is_break()
    }
}
