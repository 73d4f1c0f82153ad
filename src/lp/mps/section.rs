//! The sections of an MPS file.

use super::super::read_error::{ReadProblem, excerpt};
use super::fields::expected;

/// A section, named as its header is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Start,
    Name,
    ObjectiveSense,
    ObjectiveName,
    Rows,
    Columns,
    RightHandSides,
    Ranges,
    Bounds,
    End,
}

/// What other programs write into MPS files and a linear program does not have.
const UNSUPPORTED: [(&str, &str); 22] = [
    ("QUADOBJ", "a quadratic objective"),
    ("QMATRIX", "a quadratic objective"),
    ("QSECTION", "a quadratic objective"),
    ("QUADS", "a quadratic objective"),
    ("QCMATRIX", "a quadratic constraint"),
    ("CSECTION", "a cone"),
    ("CONES", "a cone"),
    ("SOS", "a special ordered set"),
    ("SOS1", "a special ordered set"),
    ("SOS2", "a special ordered set"),
    ("SETS", "a special ordered set"),
    ("INDICATORS", "an indicator constraint"),
    ("GENCONS", "a general constraint"),
    ("PWLOBJ", "a piecewise linear objective"),
    ("PWLNAM", "a piecewise linear objective"),
    ("PWLCON", "a piecewise linear constraint"),
    ("LAZYCONS", "a lazy constraint"),
    ("USERCUTS", "a user cut"),
    ("MODELCUTS", "a user cut"),
    ("SCENARIOS", "a scenario"),
    ("STOCH", "a stochastic program"),
    ("BRANCH", "a branching order"),
];

impl Section {
    /// The section that a header names.
    pub fn of_header(word: &[u8]) -> Result<Self, ReadProblem> {
        let known = [
            Self::Name,
            Self::ObjectiveSense,
            Self::ObjectiveName,
            Self::Rows,
            Self::Columns,
            Self::RightHandSides,
            Self::Ranges,
            Self::Bounds,
            Self::End,
        ];
        if let Some(section) =
            known.into_iter().find(|section| word.eq_ignore_ascii_case(section.name().as_bytes()))
        {
            return Ok(section);
        }
        match UNSUPPORTED.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes())) {
            Some(&(_, what)) => Err(ReadProblem::Unsupported { what, found: excerpt(word) }),
            None => Err(expected("the header of a section", word)),
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "the first lines",
            Self::Name => "NAME",
            Self::ObjectiveSense => "OBJSENSE",
            Self::ObjectiveName => "OBJNAME",
            Self::Rows => "ROWS",
            Self::Columns => "COLUMNS",
            Self::RightHandSides => "RHS",
            Self::Ranges => "RANGES",
            Self::Bounds => "BOUNDS",
            Self::End => "ENDATA",
        }
    }
}
