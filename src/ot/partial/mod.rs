//! Partial transport: a given mass s, no more, at the least cost.
//!
//! ```text
//! min  <C, P>                        over P >= 0,  P 1 <= a,  Pᵀ 1 <= b,  Σ Pᵢⱼ = s
//! max  λ s + Σ aᵢfᵢ + Σ bⱼgⱼ         over f <= 0,  g <= 0,  fᵢ + gⱼ + λ <= Cᵢⱼ
//! ```
//!
//! What is left where it is costs nothing, so outliers and parts without a counterpart stay behind (Caffarelli and
//! McCann, *Free boundaries in optimal transport and Monge-Ampère obstacle problems*, 2010; Figalli 2010). λ is the
//! price of one more unit of mass. The two sides need not have the same mass; s may be anything from zero to the
//! smaller of them.
//!
//! * [`solve`]: exactly, through the [exact solver](crate::ot::exact) with a certificate of this linear program.
//! * [`entropic`]: with entropy, streamed, O(n + m) memory.
//!
//! # Exactly
//! A dummy target takes the mass that sources keep, M(a) - s, and a dummy source fills the targets' rest, M(b) - s,
//! both at no cost (Chapel, Alaya and Gasso, *Partial optimal transport with applications on positive-unlabeled
//! learning*, 2020). Then s is transported between real points exactly if nothing goes from dummy to dummy. That
//! needs no big number: if that arc carried mass at a cost of A, some real pair (i, j) would carry mass too, and i →
//! dummy → j for both instead would save Cᵢⱼ + A. So any A > -min C will do, and the one taken is of the size of the
//! cheap costs. With potentials F, G of the extended problem, f = F + G_dummy, g = G + F_dummy and λ = -F_dummy -
//! G_dummy are those of the partial one. A dummy without mass is left out, so s = M(a) = M(b) is the balanced
//! problem. The extended costs are a matrix in `f64`.
//!
//! # Examples
//! Two of three points have a counterpart:
//! ```
//! use brenier::matrix::Distance;
//! use brenier::ot::{Problem, partial};
//! use brenier::Matrix;
//!
//! let x = Matrix::from_rows([[0.0], [1.0], [9.0]]);
//! let y = Matrix::from_rows([[0.5], [1.5], [-70.0]]);
//! let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
//!     .with_source_weights(&[1.0, 1.0, 1.0])
//!     .with_target_weights(&[1.0, 1.0, 1.0]);
//! let solution = partial::solve(&problem, 2.0)?;
//! assert_eq!(solution.cost(), 0.5);
//! assert_eq!(solution.plan.target_marginal(), [1.0, 1.0, 0.0]);
//! assert!(solution.certificate.is_optimal());
//! # Ok::<(), brenier::Error>(())
//! ```

mod certificate;
mod entropic;
mod exact;
mod level;
mod values;

pub use certificate::Certificate;
pub use entropic::{EntropicSolution, entropic, entropic_with};
pub use exact::{Solution, solve, solve_with};
pub use values::Values;

use crate::error::{Error, Result};
use crate::ot::unbalanced::Side;

/// The mass to transport, and whether it is all of the source's and all of the target's. One that is more than there
/// is by what rounding of the weights explains is all there is.
pub(super) fn checked_mass(mass: f64, [source, target]: &[Side; 2]) -> Result<(f64, [bool; 2])> {
    let most = source.mass.min(target.mass);
    let rounding = source.tolerance.max(target.tolerance);
    let refused =
        |requirement| Err(Error::Argument { name: "the mass to transport", value: mass, requirement });
    if mass.is_nan() || mass < 0.0 {
        return refused("it must not be negative");
    }
    if mass > most * (1.0 + rounding) {
        return refused("it must not be more than the mass of either side");
    }
    // The sides' sums may differ by rounding where both are meant to be transported whole.
    let clamped = mass.min(most);
    let is_all = [source, target].map(|side| clamped == most && side.mass <= most * (1.0 + rounding));
    Ok((clamped, is_all))
}
