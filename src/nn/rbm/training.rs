//! Training by stochastic gradient ascent of the log-likelihood, `<v h>_data - <v h>_model`.
//!
//! A step of CD-1 at batch B is four products of 2 B visible hidden flops (the last, of twice that, counts for two):
//! `p₀ = sigmoid(b + W v₀)`, `v₁ ~ P(v | h₀)` with h₀ drawn from p₀, `p₁ = sigmoid(b + W v₁)`, and `W += (η/B) [p₀, -p₁] [v₀; v₁]`, one
//! product with inner length 2 B that is added straight into the weights. Between them are single passes over the layers: bias, logistic
//! function and draw are fused. `<v h>_model` takes v as drawn and for h its probability (Hinton 2012, section 3).
//!
//! Random numbers are fills of the stream, batches are permutations: nothing depends on threads. Nothing is allocated
//! in a step after the first, but for what the threads need. On one core of Zen 3 a step of 784 x 256 at batch 64
//! runs at about nine tenths of the rate of its products alone (`benches/rbm.rs`).

use super::gibbs::check_sizes;
use super::kernels;
use super::layers::{Path, draw_hidden};
use super::model::Rbm;
use super::options::{Sampler, TrainingOptions, TrainingProgress, TrainingReport, TrainingStatus};
use super::tempering::Tempering;
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView, MatrixViewMut, Operation, gemm};
use crate::nn::Parameters;
use crate::random::RandomStream;
use crate::scalar::Scalar;
use std::ops::ControlFlow;

/// Estimates the gradient of a machine, and makes the steps: options, chains, and the memory of a step.
///
/// # Examples
/// ```
/// use brenier::{Matrix, nn::Rbm};
/// use brenier::nn::rbm::{Trainer, TrainingOptions};
/// use brenier::random::RandomStream;
/// use std::ops::ControlFlow;
/// let data = Matrix::from_rows([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]);
/// let stream = RandomStream::new(3);
/// let mut rbm = Rbm::random(4, 3, 0.01, &mut stream.split(0))?;
/// let options = TrainingOptions::default().with_epochs(2000).with_batch(2).with_learning_rate(0.1);
/// let before = rbm.exact_log_likelihood(&data)?;
/// let mut trainer = Trainer::new(&rbm, options, stream.split(1))?;
/// trainer.train(&mut rbm, &data, &mut |_| ControlFlow::Continue(()))?;
/// let after = rbm.exact_log_likelihood(&data)?; // at best ln(1/2) = -0.69
/// assert!(before < -2.7 && after > -1.0, "{before} {after}");
/// # Ok::<(), brenier::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trainer<T> {
    options: TrainingOptions,
    stream: RandomStream,
    shape: (usize, usize),
    /// [v₀; v₁] as messages v/σ²: (batch + chains, visible).
    visible: Vec<T>,
    /// [p₀, -p₁ batch/chains]: (hidden, batch + chains).
    hidden: Vec<T>,
    /// The drawn h: (chains, hidden). Those of persistent chains are kept.
    drawn: Matrix<T>,
    noise: Vec<T>,
    base: Vec<T>,
    scales: Vec<T>,
    visible_sums: Vec<T>,
    hidden_sums: Vec<T>,
    /// Sums over a layer for each sample and chain, for the centred gradient.
    visible_totals: Vec<T>,
    hidden_totals: Vec<T>,
    /// The last step, for momentum: as the parameters.
    velocity: Vec<T>,
    persistent: bool,
    /// Whether the machine at hand has real visible units.
    gaussian: bool,
    tempering: Option<Tempering<T>>,
    steps: u64,
}

impl<T: Scalar> Trainer<T> {
    /// A trainer of machines of this one's sizes. Persistent chains start from fair coins.
    ///
    /// # Errors
    /// [`Error::Argument`] for options out of their ranges.
    pub fn new(rbm: &Rbm<T>, options: TrainingOptions, mut stream: RandomStream) -> Result<Self> {
        options.check()?;
        let (visible, hidden) = (rbm.visible(), rbm.hidden());
        let drawn = match &options.sampler {
            Sampler::Persistent { chains, .. } => {
                let mut drawn = Matrix::try_zeros(*chains, hidden)?;
                stream.fill_uniform(drawn.as_mut_slice());
                drawn.map(|u: T| if u < T::from_f64(0.5) { T::ONE } else { T::ZERO })
            }
            _ => Matrix::zeros(0, hidden),
        };
        let tempering = match &options.sampler {
            Sampler::Tempered { options, .. } => Some(Tempering::new(rbm, options, stream.split(0))?),
            _ => None,
        };
        Ok(Self {
            persistent: matches!(options.sampler, Sampler::Persistent { .. }),
            gaussian: rbm.is_gaussian(),
            velocity: if options.momentum > 0.0 { vec![T::ZERO; rbm.parameters().len()] } else { Vec::new() },
            options,
            stream,
            shape: (visible, hidden),
            visible: Vec::new(),
            hidden: Vec::new(),
            drawn,
            noise: Vec::new(),
            base: vec![T::ZERO; visible],
            scales: Vec::new(),
            visible_sums: vec![T::ZERO; visible],
            hidden_sums: vec![T::ZERO; hidden],
            visible_totals: Vec::new(),
            hidden_totals: Vec::new(),
            tempering,
            steps: 0,
        })
    }

    /// All epochs over `data` (samples, visible), in batches of a new random order each. The observer is called after
    /// each epoch and can stop.
    ///
    /// # Errors
    /// [`Error::Shape`] for a machine or data of other sizes, and as [`Rbm::free_energy`] for the data. That the parameters run away is a
    /// [status](TrainingStatus::Diverged).
    ///
    /// # Examples
    /// See [`Trainer`].
    pub fn train<'a>(
        &mut self,
        rbm: &mut Rbm<T>,
        data: impl Into<MatrixView<'a, T>>,
        observer: &mut dyn FnMut(&TrainingProgress<'_, T>) -> ControlFlow<()>,
    ) -> Result<TrainingReport> {
        let data = data.into();
        check_sizes("Trainer::train", rbm, self.shape.0, self.shape.1)?;
        rbm.check_visible("Trainer::train", "data", data)?;
        let batch = self.options.batch.min(data.rows());
        let (first, last) = (self.options.learning_rate, self.options.final_learning_rate);
        let all = (self.options.epochs as f64 * data.rows().div_ceil(batch) as f64).max(2.0);
        let mut order: Vec<usize> = (0..data.rows()).collect();
        let mut steps = 0;
        for epoch in 0..self.options.epochs {
            self.stream.shuffle(&mut order);
            let mut rate = first;
            for rows in order.chunks(batch) {
                rate = first + (last - first) * (steps as f64 / (all - 1.0));
                self.gather(rbm, data, rows.iter().copied());
                self.phases(rbm, rows.len())?;
                if let Err(layer) = self.update(rbm, rows.len(), rate) {
                    let status = TrainingStatus::Diverged { epoch, step: steps, layer };
                    return Ok(TrainingReport { status, epochs: epoch, steps });
                }
                steps += 1;
            }
            let progress = TrainingProgress { epoch: epoch + 1, steps, learning_rate: rate, rbm };
            if observer(&progress).is_break() {
                return Ok(TrainingReport { status: TrainingStatus::Stopped, epochs: epoch + 1, steps });
            }
        }
        Ok(TrainingReport { status: TrainingStatus::Finished, epochs: self.options.epochs, steps })
    }

    /// One step on one batch (samples, visible), with the first learning rate of the options. Cost: 10 batch visible hidden flops for CD-1.
    ///
    /// # Errors
    /// As [`train`](Self::train), and [`Error::Argument`] if sums over the batch are not finite: the machine is then as it was.
    pub fn step<'a>(&mut self, rbm: &mut Rbm<T>, batch: impl Into<MatrixView<'a, T>>) -> Result<()> {
        let batch = batch.into();
        self.prepare(rbm, batch)?;
        let rate = self.options.learning_rate;
        self.update(rbm, batch.rows(), rate).map_err(|_| diverged())
    }

    /// Adds the estimated gradient of the **negative** mean log-likelihood of the batch to `gradient`, in the order
    /// of the parameters: what an optimiser of this crate takes. Weight decay, momentum and offsets of the options
    /// play no part; persistent chains move on.
    ///
    /// # Errors
    /// As [`step`](Self::step); [`Error::Shape`] if `gradient` is not as long as the parameters.
    pub fn accumulate_gradient<'a>(
        &mut self,
        rbm: &Rbm<T>,
        batch: impl Into<MatrixView<'a, T>>,
        gradient: &mut [T],
    ) -> Result<()> {
        let batch = batch.into();
        if gradient.len() != rbm.parameters().len() {
            let (expected, got) = (rbm.parameters().len(), gradient.len());
            let operation = "Trainer::accumulate_gradient";
            return Err(Error::Shape { operation, what: "length of the gradient", expected, got });
        }
        self.prepare(rbm, batch)?;
        self.sums(batch.rows()).map_err(|_| diverged())?;
        let alpha = T::from_f64(-1.0 / batch.rows() as f64);
        self.add_gradient(gradient, batch.rows(), alpha, T::ONE);
        Ok(())
    }

    /// Steps made since the trainer was made.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Checks the batch and computes both phases.
    fn prepare(&mut self, rbm: &Rbm<T>, batch: MatrixView<'_, T>) -> Result<()> {
        check_sizes("Trainer::step", rbm, self.shape.0, self.shape.1)?;
        rbm.check_visible("Trainer::step", "batch", batch)?;
        self.gather(rbm, batch, 0..batch.rows());
        self.phases(rbm, batch.rows())
    }

    /// Number of chains for a batch.
    fn chains(&self, batch: usize) -> usize {
        match &self.options.sampler {
            Sampler::ContrastiveDivergence { .. } => batch,
            Sampler::Persistent { chains, .. } => *chains,
            Sampler::Tempered { options, .. } => options.chains,
        }
    }

    /// Copies a batch in and makes room for its step.
    fn gather(&mut self, rbm: &Rbm<T>, data: MatrixView<'_, T>, rows: impl ExactSizeIterator<Item = usize>) {
        let (visible, hidden) = self.shape;
        let batch = rows.len();
        let chains = self.chains(batch);
        self.gaussian = rbm.is_gaussian();
        let both = batch + chains;
        let grow = |buffer: &mut Vec<T>, length: usize, value: T| {
            if buffer.len() < length {
                buffer.resize(length, value);
            }
        };
        grow(&mut self.visible, both * visible, T::ZERO);
        grow(&mut self.hidden, both * hidden, T::ZERO);
        grow(&mut self.noise, chains * visible.max(hidden), T::ZERO);
        grow(&mut self.scales, both, T::ONE);
        if self.drawn.rows() != chains {
            // The vector of the larger of two alternating batches is used again.
            let mut drawn = std::mem::take(&mut self.drawn).into_vec();
            drawn.resize(chains * hidden, T::ZERO);
            self.drawn = Matrix::from_vec(chains, hidden, drawn).expect("resized");
        }
        for (target, row) in self.visible.chunks_exact_mut(visible).zip(rows) {
            target.copy_from_slice(data.row(row));
        }
        rbm.scale_messages(&mut self.visible[..batch * visible]);
    }

    /// Positive and negative phase: fills `visible` and `hidden`.
    fn phases(&mut self, rbm: &Rbm<T>, batch: usize) -> Result<()> {
        let (width, units) = self.shape;
        let chains = self.drawn.rows();
        let both = batch + chains;
        let mut hidden = full_view(&mut self.hidden, units, both);
        let (positive, negative) = self.visible.split_at_mut(batch * width);
        let negative = &mut negative[..chains * width];
        let data = MatrixView::from_slice(positive, batch, width).expect("the batch");
        rbm.hidden_means(data, &self.scales[..batch], hidden.reborrow().submatrix(0..units, 0..batch));

        let scales = &self.scales[..chains];
        if let (Some(tempering), Sampler::Tempered { steps, .. }) =
            (&mut self.tempering, &self.options.sampler)
        {
            tempering.advance(rbm, *steps)?;
            for (target, row) in negative.chunks_exact_mut(width).zip(tempering.visible_rows()) {
                target.copy_from_slice(row);
            }
            rbm.scale_messages(negative);
            let messages = MatrixView::from_slice(negative, chains, width).expect("the chains");
            rbm.hidden_means(messages, scales, hidden.submatrix(0..units, batch..both));
            return Ok(());
        }
        let steps = match &self.options.sampler {
            Sampler::ContrastiveDivergence { steps } | Sampler::Persistent { steps, .. } => *steps,
            Sampler::Tempered { steps, .. } => *steps,
        };
        if !self.persistent {
            let means = hidden.as_view().submatrix(0..units, 0..batch);
            draw_hidden(means, &mut self.stream, &mut self.noise, &mut self.drawn);
        }
        for step in 0..steps {
            let path = Path { base: &self.base, scales };
            let target = full_view(negative, chains, width);
            rbm.draw_visible(self.drawn.view(), path, &mut self.stream, &mut self.noise, target);
            rbm.scale_messages(negative);
            let messages = MatrixView::from_slice(negative, chains, width).expect("the chains");
            rbm.hidden_means(messages, scales, hidden.reborrow().submatrix(0..units, batch..both));
            if self.persistent || step + 1 < steps {
                let means = hidden.as_view().submatrix(0..units, batch..both);
                draw_hidden(means, &mut self.stream, &mut self.noise, &mut self.drawn);
            }
        }
        Ok(())
    }

    /// The sums for the biases; weighs the negative phase with -batch/chains. Says which layer is not finite any more.
    fn sums(&mut self, batch: usize) -> std::result::Result<(), &'static str> {
        let (width, units) = self.shape;
        let chains = self.drawn.rows();
        let both = batch + chains;
        let factor = T::from_f64(-(batch as f64) / chains as f64);
        let visible = MatrixView::from_slice(&self.visible[..both * width], both, width).expect("the batch");
        kernels::signed_column_sums(visible, batch, factor, &mut self.visible_sums);
        let hidden = full_view(&mut self.hidden, units, both);
        kernels::signed_row_sums(hidden, batch, factor, &mut self.hidden_sums);
        // What is added to the weights is at most as large as the sum of the visible units: below this it cannot overflow.
        let limit = T::MAX.sqrt();
        // False for NaN too.
        let good = |sums: &[T]| sums.iter().filter(|sum| sum.abs() < limit).count() == sums.len();
        if !good(&self.visible_sums) {
            return Err("visible");
        }
        // Bits are at most one; real numbers may cancel in a sum and not in the gradient of the weights.
        if self.gaussian && !good(&self.visible[..both * width]) {
            return Err("visible");
        }
        if good(&self.hidden_sums) { Ok(()) } else { Err("hidden") }
    }

    /// `target = beta target + alpha Σ gradient` over the batch, for all parameters.
    fn add_gradient(&self, target: &mut [T], batch: usize, alpha: T, beta: T) {
        let (width, units) = self.shape;
        let both = batch + self.drawn.rows();
        let (weight, biases) = target.split_at_mut(width * units);
        let hidden = MatrixView::from_slice(&self.hidden[..both * units], units, both).expect("the batch");
        let visible = MatrixView::from_slice(&self.visible[..both * width], both, width).expect("the batch");
        let weight = MatrixViewMut::from_slice(weight, units, width).expect("the weights");
        gemm(alpha, hidden, Operation::Plain, visible, Operation::Plain, beta, weight)
            .expect("shapes that fit");
        let (visible, hidden) = biases.split_at_mut(width);
        for (biases, sums) in [(visible, &self.visible_sums), (hidden, &self.hidden_sums)] {
            for (bias, sum) in biases.iter_mut().zip(sums) {
                *bias = *bias * beta + alpha * *sum;
            }
        }
    }

    /// Turns the gradient that was added to `target` into the centred one: with G the gradient of the weights, g and
    /// c those of the visible and the hidden bias, weights get `G - λ gᵀ - c μᵀ =: D` for G, and the biases
    /// `g - λ Σ_j D_ji` and `c - μ Σ_i D_ji`: the ascent of the same likelihood in the parameters of
    /// `E = … - Σ (v - μ) W (h - λ)`.
    fn centre(&mut self, target: &mut [T], batch: usize, alpha: T) {
        let (mu, lambda) = self.options.offsets;
        if mu == 0.0 && lambda == 0.0 {
            return;
        }
        let (mu, lambda) = (T::from_f64(mu), T::from_f64(lambda));
        let (width, units) = self.shape;
        let both = batch + self.drawn.rows();
        let (visible, hidden) = (&self.visible[..both * width], &self.hidden[..both * units]);
        // Sums of G over either index come from sums over one layer: no second look at the weights.
        self.visible_totals.clear();
        self.visible_totals.extend(visible.chunks_exact(width).map(total));
        self.hidden_totals.clear();
        self.hidden_totals.resize(both, T::ZERO);
        for row in hidden.chunks_exact(both) {
            for (sum, value) in self.hidden_totals.iter_mut().zip(row) {
                *sum += *value;
            }
        }
        let (weight, biases) = target.split_at_mut(width * units);
        let (visible_bias, hidden_bias) = biases.split_at_mut(width);
        let (all_visible, all_hidden) = (total(&self.visible_sums), total(&self.hidden_sums));
        let [width, units] = [width, units].map(|count| T::from_f64(count as f64));
        for (row, sum) in weight.chunks_exact_mut(self.shape.0).zip(&self.hidden_sums) {
            for (value, other) in row.iter_mut().zip(&self.visible_sums) {
                *value += -alpha * (lambda * *other + mu * *sum);
            }
        }
        for ((bias, row), sum) in hidden_bias.iter_mut().zip(hidden.chunks_exact(both)).zip(&self.hidden_sums)
        {
            let product = crate::simd::dot(row, &self.visible_totals).expect("equal lengths");
            *bias += -alpha * mu * (product - lambda * all_visible - mu * width * *sum);
        }
        for (row, factor) in visible.chunks_exact(self.shape.0).zip(&self.hidden_totals) {
            let factor = -alpha * lambda * *factor;
            for (bias, value) in visible_bias.iter_mut().zip(row) {
                *bias += factor * *value;
            }
        }
        for (bias, sum) in visible_bias.iter_mut().zip(&self.visible_sums) {
            *bias += alpha * lambda * (lambda * units * *sum + mu * all_hidden);
        }
    }

    /// Makes the step, or says which layer is not finite and leaves the machine as it is.
    fn update(&mut self, rbm: &mut Rbm<T>, batch: usize, rate: f64) -> std::result::Result<(), &'static str> {
        self.sums(batch)?;
        let alpha = T::from_f64(rate / batch as f64);
        let weights = self.shape.0 * self.shape.1;
        let decay = rate * self.options.weight_decay;
        if decay > 0.0 {
            let kept = T::from_f64(1.0 - decay);
            for weight in &mut rbm.parameters_mut()[..weights] {
                *weight *= kept;
            }
        }
        if self.velocity.is_empty() {
            self.add_gradient(rbm.parameters_mut(), batch, alpha, T::ONE);
            self.centre(rbm.parameters_mut(), batch, alpha);
        } else {
            let mut velocity = std::mem::take(&mut self.velocity);
            self.add_gradient(&mut velocity, batch, alpha, T::from_f64(self.options.momentum));
            self.centre(&mut velocity, batch, alpha);
            for (parameter, step) in rbm.parameters_mut().iter_mut().zip(&velocity) {
                *parameter += *step;
            }
            self.velocity = velocity;
        }
        self.steps += 1;
        Ok(())
    }
}

fn total<T: Scalar>(values: &[T]) -> T {
    crate::simd::sum(values)
}

fn full_view<T: Scalar>(data: &mut [T], rows: usize, columns: usize) -> MatrixViewMut<'_, T> {
    MatrixViewMut::from_slice(&mut data[..rows * columns], rows, columns).expect("cut to size")
}

fn diverged() -> Error {
    Error::Argument {
        name: "sum over the batch",
        value: f64::NAN,
        requirement: "it must be finite (lower the learning rate)",
    }
}
