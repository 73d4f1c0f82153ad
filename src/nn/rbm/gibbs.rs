//! Block Gibbs sampling: all hidden units given the visible ones, then all visible units given the hidden ones, for many chains at once.
//!
//! A step leaves the machine's distribution as it is, and every state can follow every other: so the chains converge to it, fast where the
//! weights are small, and very slowly between modes that are far apart (then see [`Tempering`](super::Tempering)).

use super::layers::{Path, draw_hidden};
use super::model::Rbm;
use crate::error::Result;
use crate::matrix::{Matrix, MatrixView};
use crate::random::RandomStream;
use crate::scalar::Scalar;

/// Markov chains of a machine, each in a row, with the memory that their steps need.
///
/// The chains belong to no machine: they can follow one that is being trained. Nothing is allocated in a step.
///
/// # Examples
/// ```
/// use brenier::nn::{Rbm, rbm::Chains};
/// use brenier::random::RandomStream;
/// let mut rbm = Rbm::<f64>::zeros(4, 2)?;
/// rbm.visible_bias_mut()[1] = 3.0;
/// let mut chains = Chains::new(&rbm, 2000, RandomStream::new(1))?;
/// chains.advance(&rbm, 1)?;
/// let mean: f64 = chains.visible().column(1).sum::<f64>() / 2000.0;
/// assert!((mean - 1.0 / (1.0 + (-3.0_f64).exp())).abs() < 0.03);
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Chains<T> {
    visible: Matrix<T>,
    messages: Matrix<T>,
    means: Matrix<T>,
    hidden: Matrix<T>,
    noise: Vec<T>,
    base: Vec<T>,
    scales: Vec<T>,
    stream: RandomStream,
}

impl<T: Scalar> Chains<T> {
    /// `count` chains that start from fair coins, or from N(0, σ²) for real units.
    ///
    /// # Errors
    /// [`Error::Empty`](crate::Error::Empty) without chains.
    pub fn new(rbm: &Rbm<T>, count: usize, mut stream: RandomStream) -> Result<Self> {
        if count == 0 {
            return Err(crate::Error::Empty { what: "chains" });
        }
        // Given a machine without weights the draw does not depend on the hidden units.
        let blank = match rbm.units() {
            super::VisibleUnits::Gaussian { variances } => {
                Rbm::zeros(rbm.visible(), 1)?.with_gaussian_visible(variances)?
            }
            super::VisibleUnits::Bernoulli => Rbm::zeros(rbm.visible(), 1)?,
        };
        let start = blank.sample_visible(&Matrix::zeros(count, 1), &mut stream)?;
        Self::starting_from(rbm, &start, stream)
    }

    /// Chains that start from given visible rows: (chains, visible).
    ///
    /// # Errors
    /// As [`Rbm::free_energy`].
    pub fn starting_from<'a>(
        rbm: &Rbm<T>,
        visible: impl Into<MatrixView<'a, T>>,
        stream: RandomStream,
    ) -> Result<Self> {
        let visible = visible.into();
        rbm.check_visible("Chains::starting_from", "visible", visible)?;
        let count = visible.rows();
        Ok(Self {
            visible: visible.to_matrix(),
            messages: if rbm.scaling().is_some() { visible.to_matrix() } else { Matrix::zeros(0, 0) },
            means: Matrix::zeros(rbm.hidden(), count),
            hidden: Matrix::zeros(count, rbm.hidden()),
            noise: vec![T::ZERO; count * rbm.hidden().max(rbm.visible())],
            base: vec![T::ZERO; rbm.visible()],
            scales: vec![T::ONE; count],
            stream,
        })
    }

    /// `steps` block Gibbs steps of every chain. Cost of one: 4 chains visible hidden flops.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) if the machine has other sizes than the one that the chains were made for.
    pub fn advance(&mut self, rbm: &Rbm<T>, steps: usize) -> Result<()> {
        check_sizes("Chains::advance", rbm, self.visible.columns(), self.hidden.columns())?;
        let path = Path { base: &self.base, scales: &self.scales };
        for _ in 0..steps {
            let messages = if rbm.scaling().is_some() {
                if self.messages.is_empty() {
                    self.messages = self.visible.clone();
                }
                self.messages.as_mut_slice().copy_from_slice(self.visible.as_slice());
                rbm.scale_messages(self.messages.as_mut_slice());
                self.messages.view()
            } else {
                self.visible.view()
            };
            rbm.hidden_means(messages, path.scales, self.means.view_mut());
            draw_hidden(self.means.view(), &mut self.stream, &mut self.noise, &mut self.hidden);
            let visible = self.visible.view_mut();
            rbm.draw_visible(self.hidden.view(), path, &mut self.stream, &mut self.noise, visible);
        }
        Ok(())
    }

    /// The visible units now: (chains, visible).
    pub fn visible(&self) -> MatrixView<'_, T> {
        self.visible.view()
    }

    /// The hidden units from which the visible ones were drawn: (chains, hidden). Zeros before the first step.
    pub fn hidden(&self) -> MatrixView<'_, T> {
        self.hidden.view()
    }
}

/// Refuses a machine of other sizes.
pub(super) fn check_sizes<T: Scalar>(
    operation: &'static str,
    rbm: &Rbm<T>,
    visible: usize,
    hidden: usize,
) -> Result<()> {
    if rbm.visible() != visible {
        return Err(super::model::shape(operation, "number of visible units", visible, rbm.visible()));
    }
    if rbm.hidden() != hidden {
        return Err(super::model::shape(operation, "number of hidden units", hidden, rbm.hidden()));
    }
    Ok(())
}
