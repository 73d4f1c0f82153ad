//! What the tape knows of an operation: its name, its shape, its value, and its gradient in two forms.

use super::operations::{
    Absolute, Add, Broadcast, Broadcasting, Concatenate, Custom, CustomGradient, Divide, Elementwise, Elu,
    Erf, Exp, GatherRows, Gelu, GeluTanh, LeakyRelu, Ln, LogSoftmax, LogSumExp, MatrixProduct, Maximum,
    Minimum, Multiply, NormalCdf, NormalDensity, Pad, PickColumns, PlaceColumns, Power, Reduce, Relu,
    Reshape, Scale, ScatterRows, Share, Shift, Sigmoid, Sign, Silu, Slice, Softmax, Softplus, SquareRoot,
    SquaredDistances, Step, Subtract, Tanh, Transpose,
};
use super::pool::Pool;
use super::{Tape, Variable};
use crate::error::Result;
use crate::{Matrix, Scalar};

/// The values of an operation's inputs.
pub(super) struct Inputs<'a, T> {
    pub(super) values: &'a [Matrix<T>],
    pub(super) indices: &'a [usize],
}

impl<T> Clone for Inputs<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Inputs<'_, T> {}

impl<'a, T: Scalar> Inputs<'a, T> {
    pub(super) fn get(self, k: usize) -> &'a Matrix<T> {
        &self.values[self.indices[k]]
    }

    pub(super) fn shape(self, k: usize) -> (usize, usize) {
        self.get(k).shape()
    }

    pub(super) fn iter(self) -> impl Iterator<Item = &'a Matrix<T>> {
        self.indices.iter().map(move |&index| &self.values[index])
    }
}

/// What the gradient of an operation is computed from: inputs, result, and the gradient of the result.
pub(super) struct Pass<'a, T> {
    pub(super) inputs: Inputs<'a, T>,
    pub(super) out: &'a Matrix<T>,
    pub(super) dout: &'a Matrix<T>,
    pub(super) pool: &'a mut Pool<T>,
}

/// The same as variables, for a gradient that is recorded.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) inputs: &'a [Variable],
    pub(super) out: Variable,
    pub(super) dout: Variable,
}

/// An operation. `k` numbers its inputs; `dx` is the gradient of input k and is written, not added to.
pub(super) trait Rule<T: Scalar> {
    /// As errors call it.
    fn name(&self) -> &'static str;

    /// Whether its derivative is zero wherever it exists: then it counts as a constant.
    fn is_flat(&self) -> bool {
        false
    }

    /// The shape of the result, or why the inputs do not fit.
    fn shape(&self, inputs: Inputs<'_, T>) -> Result<(usize, usize)>;

    /// Writes the result.
    fn forward(&self, inputs: Inputs<'_, T>, pool: &mut Pool<T>, out: &mut Matrix<T>) -> Result<()>;

    /// Whether the gradient of input k is that of the result, entry by entry in the same order: then nothing is computed.
    fn passes_gradient(&self, _k: usize, _inputs: Inputs<'_, T>, _out: (usize, usize)) -> bool {
        false
    }

    /// Writes the gradient of input k.
    fn backward(&self, k: usize, pass: Pass<'_, T>, dx: &mut Matrix<T>) -> Result<()>;

    /// Records the gradient of input k in terms of other operations.
    fn record(&self, k: usize, call: Call<'_>, tape: &mut Tape<T>) -> Result<Variable>;
}

/// All operations.
#[derive(Clone)]
pub(super) enum Operation<T: Scalar> {
    Variable,
    Constant,
    Add(Broadcasting<Add>),
    Subtract(Broadcasting<Subtract>),
    Multiply(Broadcasting<Multiply>),
    Divide(Broadcasting<Divide>),
    Maximum(Broadcasting<Maximum>),
    Minimum(Broadcasting<Minimum>),
    Share(Broadcasting<Share>),
    Scale(Elementwise<Scale>),
    Shift(Elementwise<Shift>),
    Exp(Elementwise<Exp>),
    Ln(Elementwise<Ln>),
    Power(Elementwise<Power>),
    SquareRoot(Elementwise<SquareRoot>),
    Absolute(Elementwise<Absolute>),
    Sign(Elementwise<Sign>),
    Step(Elementwise<Step>),
    Relu(Elementwise<Relu>),
    LeakyRelu(Elementwise<LeakyRelu>),
    Silu(Elementwise<Silu>),
    Gelu(Elementwise<Gelu>),
    GeluTanh(Elementwise<GeluTanh>),
    Tanh(Elementwise<Tanh>),
    Sigmoid(Elementwise<Sigmoid>),
    Softplus(Elementwise<Softplus>),
    Elu(Elementwise<Elu>),
    Erf(Elementwise<Erf>),
    NormalCdf(Elementwise<NormalCdf>),
    NormalDensity(Elementwise<NormalDensity>),
    MatrixProduct(MatrixProduct),
    Transpose(Transpose),
    Reduce(Reduce),
    Broadcast(Broadcast),
    LogSumExp(LogSumExp),
    Softmax(Softmax),
    LogSoftmax(LogSoftmax),
    GatherRows(GatherRows),
    ScatterRows(ScatterRows),
    PickColumns(PickColumns),
    PlaceColumns(PlaceColumns),
    Concatenate(Concatenate),
    Slice(Slice),
    Pad(Pad),
    Reshape(Reshape),
    SquaredDistances(SquaredDistances),
    Custom(Custom<T>),
    CustomGradient(CustomGradient<T>),
}

impl<T: Scalar> Operation<T> {
    /// The rule of the operation; a variable and a constant have none.
    pub(super) fn rule(&self) -> Option<&dyn Rule<T>> {
        Some(match self {
            Operation::Variable | Operation::Constant => return None,
            Operation::Add(rule) => rule,
            Operation::Subtract(rule) => rule,
            Operation::Multiply(rule) => rule,
            Operation::Divide(rule) => rule,
            Operation::Maximum(rule) => rule,
            Operation::Minimum(rule) => rule,
            Operation::Share(rule) => rule,
            Operation::Scale(rule) => rule,
            Operation::Shift(rule) => rule,
            Operation::Exp(rule) => rule,
            Operation::Ln(rule) => rule,
            Operation::Power(rule) => rule,
            Operation::SquareRoot(rule) => rule,
            Operation::Absolute(rule) => rule,
            Operation::Sign(rule) => rule,
            Operation::Step(rule) => rule,
            Operation::Relu(rule) => rule,
            Operation::LeakyRelu(rule) => rule,
            Operation::Silu(rule) => rule,
            Operation::Gelu(rule) => rule,
            Operation::GeluTanh(rule) => rule,
            Operation::Tanh(rule) => rule,
            Operation::Sigmoid(rule) => rule,
            Operation::Softplus(rule) => rule,
            Operation::Elu(rule) => rule,
            Operation::Erf(rule) => rule,
            Operation::NormalCdf(rule) => rule,
            Operation::NormalDensity(rule) => rule,
            Operation::MatrixProduct(rule) => rule,
            Operation::Transpose(rule) => rule,
            Operation::Reduce(rule) => rule,
            Operation::Broadcast(rule) => rule,
            Operation::LogSumExp(rule) => rule,
            Operation::Softmax(rule) => rule,
            Operation::LogSoftmax(rule) => rule,
            Operation::GatherRows(rule) => rule,
            Operation::ScatterRows(rule) => rule,
            Operation::PickColumns(rule) => rule,
            Operation::PlaceColumns(rule) => rule,
            Operation::Concatenate(rule) => rule,
            Operation::Slice(rule) => rule,
            Operation::Pad(rule) => rule,
            Operation::Reshape(rule) => rule,
            Operation::SquaredDistances(rule) => rule,
            Operation::Custom(rule) => rule,
            Operation::CustomGradient(rule) => rule,
        })
    }

    /// As errors call it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Operation::Variable => "variable",
            Operation::Constant => "constant",
            other => other.rule().expect("only the leaves have no rule").name(),
        }
    }
}
