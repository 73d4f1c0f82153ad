//! Linear programs: a sparse, bounded, revised simplex, dual and primal, whose every answer is checked on the data as given.
//!
//! ```text
//! min (or max)  cᵀx + c₀    where  L <= A x <= U,  l <= x <= u
//! ```
//!
//! [`LinearProgram`] holds the problem and can be edited between solves, [`solve`] answers with a [`Solution`]:
//! status, x, row activities, duals, reduced costs, [`Basis`], and a [`Certificate`] that shares no code with the
//! solver. An infeasible problem comes with a Farkas ray, an unbounded one with a ray of unbounded descent; both are
//! checked in the same way. Where rows contradict each other by no more than the tolerances (1e-7, relative to their
//! terms), both answers have a proof, and which one comes out depends on the way.
//!
//! Signs: a dual is the derivative of the objective by the right-hand side of its row, a reduced cost that by the
//! bound of its variable, for minimisation and for maximisation alike. So at the optimum c = Aᵀy + d.
//!
//! Beginning with a [`Basis`] ([`Options::with_basis`]), an edited program takes a few steps in place of a search; no
//! basis is too wrong to begin with. [`ranging`] says how far costs, right-hand sides and bounds may move before
//! another basis is optimal. Programs come from and go to files ([`read_mps`], [`read_lp`]), and [`TableauSimplex`]
//! shows every step of the text books' method on small problems.
//!
//! # Where things are
//!
//! | part | what it does |
//! | --- | --- |
//! | model, bounds, sparse | the program, built by rows and columns and edited; its matrix |
//! | mps, lp_format | text files, read and written |
//! | solve, verdict | the way from a program to an answer that stood the check; what is tried where it did not |
//! | presolve | makes the problem smaller, and its answer one of the problem as given, duals and basis included |
//! | simplex | scaling, the dual method (steepest edge, bound flipping) and the primal one (Devex), each in two phases |
//! | factor | the basis as L and U: Markowitz, hyper-sparse solves, Forrest and Tomlin's update |
//! | verify | the check: residuals, gap, Farkas rays and rays, from the data as given; shares no code with the rest |
//! | ranging | sensitivity of an optimum |
//! | tableau | the dense simplex of the text books, with Dantzig's and Bland's rules; the others do not use it |
//!
//! # Examples
//! ```
//! use brenier::lp::{self, LinearProgram, Sense, Status};
//! // max 3 x + 2 y  where  x + y <= 4,  x + 3 y <= 7,  0 <= x <= 3,  y >= 0
//! let mut program = LinearProgram::new(Sense::Maximise);
//! let x = program.add_column(3.0, 0.0..=3.0, [])?;
//! let y = program.add_column(2.0, 0.0.., [])?;
//! program.add_row(..=4.0, [(x, 1.0), (y, 1.0)])?;
//! program.add_row(..=7.0, [(x, 1.0), (y, 3.0)])?;
//! let solution = lp::solve(&program)?;
//! assert_eq!(solution.status, Status::Optimal);
//! assert_eq!(solution.objective, 11.0);
//! assert_eq!(solution.x, [3.0, 1.0]);
//! assert_eq!(solution.duals, [2.0, 0.0]); // one more unit of the first right-hand side earns 2
//! # Ok::<(), brenier::lp::Error>(())
//! ```

mod basis;
mod bounds;
mod error;
mod factor;
mod form;
mod lp_format;
mod model;
mod mps;
mod number;
mod options;
mod presolve;
mod program_file;
mod ranging;
mod read_error;
mod simplex;
mod solution;
mod solve;
mod sparse;
mod tableau;
mod verdict;
mod verify;
mod work_vector;
mod write_error;

pub use basis::{Basis, BasisStatus};
pub use bounds::Bounds;
pub use error::{Error, Part, Result};
pub use lp_format::{read_lp, read_lp_from, write_lp, write_lp_to};
pub use model::{LinearProgram, Sense};
pub use mps::{
    MpsFormat, read_basis, read_mps, read_mps_as, read_mps_from, read_mps_from_as, write_basis, write_mps,
    write_mps_to,
};
pub use options::{Method, Options, Phase, Progress, run_to_the_end};
pub use program_file::ProgramFile;
pub use ranging::{BoundRange, BoundRanges, CostRange, RangeEnd, Ranging, ranging};
pub use read_error::{ReadError, ReadProblem};
pub use solution::{Contradiction, Solution, Status};
pub use solve::{solve, solve_with};
pub use sparse::SparseMatrix;
pub use tableau::{
    PivotRule, Relation, Step, TableauSimplex, TableauSolution, TableauStatus, TableauVariable,
};
pub use verify::{
    Certificate, FarkasCertificate, RayCertificate, certify, check_contradiction, check_farkas, check_ray,
};
pub use write_error::WriteError;
