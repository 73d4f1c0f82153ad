//! What `brenier lp` says at its end.

use super::Arguments;
use crate::failure::Failure;
use crate::report::{self, SolverReport};
use brenier::lp::{
    self, Certificate, Contradiction, LinearProgram, Options, Part, ProgramFile, Sense, Solution, Status,
};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

/// The answer, and how it came about.
pub struct Answer<'a> {
    pub arguments: &'a Arguments,
    pub options: &'a Options,
    pub file: &'a ProgramFile,
    pub solution: &'a Solution,
    pub solving: Duration,
    pub started: Instant,
    pub threads: usize,
    pub stopped_by: Option<&'static str>,
}

impl Answer<'_> {
    /// Prints the object or the table.
    pub fn report(&self) -> Result<(), Failure> {
        let certificate = &self.solution.certificate;
        // Objective and bound say nothing where there is no optimum.
        let bounds = match self.solution.status {
            Status::Infeasible | Status::Unbounded => [f64::NAN; 2],
            _ => [certificate.dual_objective, self.gap().unwrap_or(f64::NAN)],
        };
        let report = SolverReport {
            status: self.solution.status.name(),
            objective: ("objective", self.objective()),
            bounds: Some(bounds),
            iterations: self.solution.iterations,
            solving: self.solving,
            started: self.started,
            threads: self.threads,
        };
        let warnings = self.warnings();
        if self.arguments.run.json {
            return report::print_object(report.to_json(self.details(&warnings)?));
        }
        if self.arguments.run.quiet {
            return Ok(());
        }
        let mut lines = vec![("problem", self.problem())];
        lines.extend(warnings.into_iter().map(|warning| ("warning", warning)));
        lines.push(("status", self.status()?));
        lines.extend(self.proof());
        lines.push((
            "steps",
            format!("{} of the {} simplex", self.solution.iterations, self.arguments.how.name()),
        ));
        let Arguments { solution, basis_out, .. } = self.arguments;
        for (what, path) in
            [("solution", solution.as_deref()), ("basis", basis_out.as_deref()), ("ranging", self.ranging())]
        {
            lines.extend(path.map(|path| (what, format!("written to {}", path.display()))));
        }
        lines.push(("time", report.effort()));
        report::print(report::table(&lines).trim_end())
    }

    fn program(&self) -> &LinearProgram {
        &self.file.program
    }

    /// Where the ranges went: there are none but at an optimum.
    fn ranging(&self) -> Option<&Path> {
        self.arguments.ranging.as_deref().filter(|_| self.solution.status == Status::Optimal)
    }

    /// The value that x has, where x means something.
    fn objective(&self) -> f64 {
        if self.solution.status == Status::Unbounded { f64::NAN } else { self.solution.objective }
    }

    /// What the reader found doubtful, and what of the file is not solved.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.file.warnings.clone();
        let count = self.file.integer_columns.len();
        if count > 0 {
            warnings.push(format!(
                "{count} columns are integer in the file: this is the relaxation, without that condition"
            ));
        }
        if let (Some(path), None) = (&self.arguments.ranging, self.ranging()) {
            let path = path.display();
            warnings.push(format!(
                "there are no ranges but at an optimum: {path} was not written, an older one stays"
            ));
        }
        warnings
    }

    fn details(&self, warnings: &[String]) -> Result<Value, Failure> {
        let (program, certificate) = (self.program(), &self.solution.certificate);
        let name = |path: Option<&Path>| path.map(|path| path.to_string_lossy().into_owned());
        Ok(json!({
            "primal_residual": certificate.primal_residual,
            "dual_residual": certificate.dual_residual,
            "complementarity": certificate.complementarity,
            "gap_relative": certificate.gap_relative,
            "contradiction": self.contradiction()?,
            "ray": self.ray()?,
            "stopped_by": self.stopped_by,
            "version": env!("CARGO_PKG_VERSION"),
            "name": program.name(),
            "sense": if program.sense() == Sense::Maximise { "maximise" } else { "minimise" },
            "rows": program.rows(),
            "columns": program.columns(),
            "nonzeros": program.nonzeros(),
            "integer_columns": self.file.integer_columns.len(),
            "method": self.arguments.how.name(),
            "presolve": self.options.presolve,
            "scaling": self.options.scaling,
            "warnings": warnings,
            "solution": name(self.arguments.solution.as_deref()),
            "basis_in": name(self.arguments.basis_in.as_deref()),
            "basis_out": name(self.arguments.basis_out.as_deref()),
            "ranging": name(self.ranging()),
        }))
    }

    /// What proves infeasibility.
    fn contradiction(&self) -> Result<Value, Failure> {
        Ok(match &self.solution.contradiction {
            None => Value::Null,
            Some(Contradiction::Bounds { part, index }) => {
                json!({ "kind": "bounds", "part": part.to_string(), "name": self.name(*part, *index) })
            }
            Some(Contradiction::Farkas(multipliers)) => {
                let proof = lp::check_farkas(self.program(), multipliers)?;
                json!({ "kind": "farkas", "verified": proof.verified, "margin": proof.margin, "residual": proof.residual })
            }
        })
    }

    /// What proves that the objective has no bound.
    fn ray(&self) -> Result<Value, Failure> {
        let Some(ray) = &self.solution.ray else { return Ok(Value::Null) };
        let proof = lp::check_ray(self.program(), &self.solution.x, ray)?;
        Ok(
            json!({ "verified": proof.verified, "improvement": proof.improvement, "residual": proof.residual }),
        )
    }

    fn problem(&self) -> String {
        let program = self.program();
        let name = match program.name() {
            "" => self.arguments.program.display().to_string(),
            name => name.to_owned(),
        };
        let sense = if program.sense() == Sense::Maximise { "maximise" } else { "minimise" };
        format!(
            "{name}: {sense}, {} rows, {} columns, {} coefficients",
            program.rows(),
            program.columns(),
            program.nonzeros()
        )
    }

    /// How it ended, in words.
    fn status(&self) -> Result<String, Failure> {
        Ok(match self.solution.status {
            Status::Optimal => format!("optimal: {:.12e}", self.solution.objective),
            Status::Infeasible => match &self.solution.contradiction {
                Some(Contradiction::Bounds { part, index }) => {
                    let bounds = match part {
                        Part::Row => self.program().row_bounds(*index),
                        Part::Column => self.program().column_bounds(*index),
                    };
                    format!(
                        "infeasible: {part} {} must be at least {} and at most {}",
                        self.name(*part, *index),
                        bounds.lower,
                        bounds.upper
                    )
                }
                Some(Contradiction::Farkas(multipliers)) => {
                    let count = multipliers.iter().filter(|multiplier| **multiplier != 0.0).count();
                    let margin = lp::check_farkas(self.program(), multipliers)?.margin;
                    format!(
                        "infeasible: a sum of {count} rows contradicts the bounds (Farkas, relative margin {margin:.1e})"
                    )
                }
                None => "infeasible".to_owned(),
            },
            Status::Unbounded => match &self.solution.ray {
                Some(ray) => {
                    let count = ray.iter().filter(|rate| **rate != 0.0).count();
                    format!("unbounded: along a ray of {count} columns from a feasible point")
                }
                None => "unbounded".to_owned(),
            },
            Status::Inaccurate => "inaccurate: what was found does not stand the check".to_owned(),
            status => match self.stopped_by {
                Some(by) => format!("{status} ({by}), with {}", self.at_hand()),
                None => format!("{status}, with {}", self.at_hand()),
            },
        })
    }

    /// What a stopped solver has.
    fn at_hand(&self) -> String {
        let objective = self.solution.objective;
        if self.solution.certificate.is_feasible(Certificate::TOLERANCE) {
            format!("a feasible x: {objective:.12e}")
        } else {
            format!("an x that is not feasible: {objective:.12e}")
        }
    }

    /// The lines of what was checked on the program as given.
    fn proof(&self) -> Vec<(&'static str, String)> {
        if matches!(self.solution.status, Status::Infeasible | Status::Unbounded) {
            return Vec::new();
        }
        let certificate = &self.solution.certificate;
        let residual = |value: f64, worst: Option<(Part, usize)>| {
            let place = worst.map(|(part, index)| format!(" ({part} {})", self.name(part, index)));
            format!("{value:.1e}{}", place.unwrap_or_default())
        };
        vec![
            ("primal residual", residual(certificate.primal_residual, certificate.primal_worst)),
            ("dual residual", residual(certificate.dual_residual, certificate.dual_worst)),
            ("complementarity", format!("{:.1e}", certificate.complementarity)),
            (
                "dual value",
                match self.gap() {
                    Some(gap) => format!("{:.12e}, gap {gap:.1e}", certificate.dual_objective),
                    None => format!("{:.12e}", certificate.dual_objective),
                },
            ),
        ]
    }

    /// By how much the objective of x is worse than that of the duals. Of a solver that was stopped it says something
    /// only where x and the duals are feasible.
    fn gap(&self) -> Option<f64> {
        let certificate = &self.solution.certificate;
        let tolerance = Certificate::TOLERANCE;
        let ended = matches!(self.solution.status, Status::Optimal | Status::Inaccurate);
        let feasible = certificate.is_feasible(tolerance) && certificate.dual_relative <= tolerance;
        (ended || feasible).then_some(certificate.gap)
    }

    fn name(&self, part: Part, index: usize) -> String {
        match part {
            Part::Row => self.program().row_name(index).into_owned(),
            Part::Column => self.program().column_name(index).into_owned(),
        }
    }
}
