//! Domain adaptation: carry one sample onto another by transport, and with it all points between.
//!
//! Two samples of the same things, measured differently: a classifier that was trained on the sources x (n, d) does not fit the
//! targets y (m, d). A plan P from one to the other says where each source belongs, and
//!
//! ```text
//! T(xᵢ) = Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ
//! ```
//!
//! moves the labelled sources into the targets' place (N. Courty, R. Flamary, D. Tuia, A. Rakotomamonjy, *Optimal transport for domain
//! adaptation*, 2017). [`fit`] finds the plan, [`Adaptation::images`] are the T(xᵢ), [`Adaptation::transform`] maps points that were not
//! in the sample, and the functions with `inverse` in their names go back.
//!
//! # Which plan
//!
//! | [`PlanKind`] | minimises | memory |
//! | --- | --- | --- |
//! | `Exact` | ⟨C, P⟩ | O(n + m) |
//! | `Entropic` | ⟨C, P⟩ + ε KL(P ∣ a bᵀ/M) | O(n + m) |
//! | `ClassGroups` | the same + η Σⱼ bⱼ Σ_c φ(share of class c in what yⱼ receives), φ(t) = (t + δ)^p | n m numbers while it fits |
//!
//! φ is concave, so a target that receives from one class costs less than one that receives from several: with labels
//! of the sources the classes do not mix (section 4.2 of Courty et al., with p = 1/2; there the groups are measured
//! by their mass, here by their share of the target, so that η does not depend on m). The minimum is approached from
//! above: φ is bounded by its tangents at the present shares, which is an entropic problem with costs C + η
//! φ'(share), and so on until the shares stay. The objective never rises; it is not convex, and the plan where it
//! ends is a local minimum.
//!
//! Where both sides have labels (a negative one is unknown), pairs of different known labels cost
//! [`label_penalty`](Options::label_penalty) times the largest cost more: the semi-supervised form. It takes n m numbers too.
//!
//! # New points
//!
//! | [`OutOfSample`] | T(x) | source |
//! | --- | --- | --- |
//! | `Potentials` | Σⱼ yⱼ wⱼ(x), w ∝ bⱼ exp((gⱼ - c(x, yⱼ))/ε), the entropic map; for an exact plan yⱼ of the least c(x, yⱼ) - gⱼ | A.-A. Pooladian, J. Niles-Weed, *Entropic estimation of optimal transport maps*, 2021; V. Seguy et al. 2018 |
//! | `NearestDisplacement` | x + T(xᵢ) - xᵢ for the nearest source xᵢ with mass | S. Ferradans, N. Papadakis, G. Peyré, J.-F. Aujol, *Regularized discrete optimal transport*, 2014 |
//!
//! The entropic map is smooth, and at a source it is that source's image; it is the default for entropic plans of
//! squared Euclidean costs. The displacement of the nearest jumps where the nearest changes; it is the default
//! elsewhere. For sources with a class the terms of the class are in their images, and not in the entropic map, as
//! the class of a new point is not known.
//!
//! Cost: fitting is what the plan costs; images and maps take n m (k m for k new points) distances and exponentials and 2 n m d flops.

mod classes;
mod fit;
mod fitted;
mod maps;
mod options;
mod sample;

pub use fit::{fit, fit_with};
pub use fitted::{Adaptation, Outcome};
pub use options::{Options, OutOfSample, PlanKind};
pub use sample::Sample;
