//! The tape: nodes, their values, and the memory they reuse.

use super::Variable;
use super::pool::Pool;
use super::rule::{Inputs, Operation};
use crate::error::{Error, Result};
use crate::{Matrix, MatrixView, Scalar};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers the recordings of the program, so that no two have the same number. Nothing else depends on it.
static RECORDINGS: AtomicU64 = AtomicU64::new(0);

/// A recording of matrix operations, from which gradients are computed. See the [module](super) for how it is used.
///
/// Values are computed at once, when an operation is recorded. The tape owns them; [`clear`](Self::clear) forgets the recording and keeps
/// the memory for the next one.
///
/// # Examples
/// ```
/// use brenier::Matrix;
/// use brenier::autodiff::Tape;
///
/// // The mean of (x w - y)^2, and its gradient in w.
/// let mut tape = Tape::<f64>::new();
/// let x = tape.constant(&Matrix::from_rows([[1.0, 2.0], [3.0, 4.0]]));
/// let y = tape.constant(&Matrix::from_rows([[1.0], [2.0]]));
/// let w = tape.variable(&Matrix::from_rows([[0.5], [0.5]]));
/// let prediction = tape.matmul(x, w)?;
/// let error = tape.subtract(prediction, y)?;
/// let square = tape.square(error)?;
/// let loss = tape.mean(square)?;
/// assert_eq!(tape.scalar(loss)?, 1.25);
/// tape.backward(loss)?;
/// assert_eq!(tape.gradient(w)?, Matrix::from_rows([[5.0], [7.0]]).view());
/// # Ok::<(), brenier::Error>(())
/// ```
pub struct Tape<T: Scalar> {
    pub(super) epoch: u64,
    pub(super) nodes: Vec<Node<T>>,
    pub(super) values: Vec<Matrix<T>>,
    /// The inputs of all nodes, node after node.
    pub(super) edges: Vec<usize>,
    /// What the last backward pass left: the gradients of the variables.
    pub(super) gradients: Vec<Option<Matrix<T>>>,
    pub(super) pool: Pool<T>,
}

/// An operation on the tape.
pub(super) struct Node<T: Scalar> {
    pub(super) operation: Operation<T>,
    /// Its inputs among the edges.
    pub(super) edges: Range<usize>,
    /// Whether it depends on a variable in a way that has a derivative.
    pub(super) needs_gradient: bool,
}

/// The first entry on a tape that is not finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NotFinite {
    /// The operation that gave it (`variable` and `constant` for what was put in).
    pub operation: &'static str,
    /// Its result.
    pub variable: Variable,
    /// Row of the first such entry.
    pub row: usize,
    /// Its column.
    pub column: usize,
    /// The entry.
    pub value: f64,
}

impl std::fmt::Display for NotFinite {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { operation, variable, row, column, value } = self;
        write!(formatter, "{operation} (node {}) gave {value} at [{row}, {column}]", variable.index)
    }
}

impl<T: Scalar> std::fmt::Debug for Tape<T> {
    /// The number of nodes and of gradients, not their entries.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gradients = self.gradients.iter().flatten().count();
        formatter.debug_struct("Tape").field("nodes", &self.len()).field("gradients", &gradients).finish()
    }
}

impl<T: Scalar> Default for Tape<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Scalar> Tape<T> {
    /// An empty tape.
    pub fn new() -> Self {
        Self {
            epoch: RECORDINGS.fetch_add(1, Ordering::Relaxed),
            nodes: Vec::new(),
            values: Vec::new(),
            edges: Vec::new(),
            gradients: Vec::new(),
            pool: Pool::new(),
        }
    }

    /// Copies a matrix onto the tape, to differentiate with respect to.
    pub fn variable<'a>(&mut self, matrix: impl Into<MatrixView<'a, T>>) -> Variable {
        self.leaf(Operation::Variable, matrix.into())
    }

    /// Copies a matrix onto the tape that has no gradient: what depends on constants alone is skipped by every backward pass.
    pub fn constant<'a>(&mut self, matrix: impl Into<MatrixView<'a, T>>) -> Variable {
        self.leaf(Operation::Constant, matrix.into())
    }

    /// A constant (rows, columns) matrix with `value` everywhere.
    ///
    /// # Errors
    /// [`Error::Argument`] if the entries do not fit into the address space.
    pub fn filled(&mut self, rows: usize, columns: usize, value: T) -> Result<Variable> {
        let mut matrix = self.pool.try_take((rows, columns))?;
        matrix.fill(value);
        Ok(self.push(Operation::Constant, self.edges.len(), matrix))
    }

    /// The value of a variable as a constant: what follows has no gradient through it (`detach` in PyTorch).
    ///
    /// # Errors
    /// [`Error::ForeignVariable`].
    pub fn detach(&mut self, x: Variable) -> Result<Variable> {
        let index = self.index("detach", x)?;
        let copy = self.pool.copy(&self.values[index]);
        Ok(self.push(Operation::Constant, self.edges.len(), copy))
    }

    /// The matrix that a variable stands for.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`].
    pub fn value(&self, x: Variable) -> Result<MatrixView<'_, T>> {
        Ok(self.values[self.index("value", x)?].view())
    }

    /// The number in a (1, 1) matrix: a loss.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`]; [`Error::Shapes`] for another shape.
    pub fn scalar(&self, x: Variable) -> Result<T> {
        let value = &self.values[self.index("scalar", x)?];
        match value.as_slice() {
            [number] => Ok(*number),
            _ => Err(Error::Shapes { operation: "scalar", left: value.shape(), right: (1, 1) }),
        }
    }

    /// Rows and columns of a variable.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`].
    pub fn shape(&self, x: Variable) -> Result<(usize, usize)> {
        Ok(self.values[self.index("shape", x)?].shape())
    }

    /// Number of nodes: variables, constants and operations, those of recorded gradients included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether nothing is recorded.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Forgets the recording and keeps its memory for the next one. All variables so far become invalid.
    pub fn clear(&mut self) {
        self.epoch = RECORDINGS.fetch_add(1, Ordering::Relaxed);
        self.recycle_gradients();
        self.nodes.clear();
        self.edges.clear();
        // The last buffers go first: the next recording takes its first matrices from the top.
        while let Some(matrix) = self.values.pop() {
            self.pool.put(matrix);
        }
    }

    /// Gives the memory that no value is in back to the system.
    pub fn release_memory(&mut self) {
        self.pool.release();
    }

    /// How many buffers for matrices were allocated in the tape's life. A step of the same shapes as one before adds none.
    pub fn buffers_allocated(&self) -> usize {
        self.pool.allocations()
    }

    /// The first operation, in the order of recording, whose result has an entry that is NaN or infinite, with the entry; `None` if all
    /// are finite. Operations let such numbers through without a check: here is where they came from. One pass over all values.
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, autodiff::Tape};
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.variable(&Matrix::from_rows([[1.0, 0.0]]));
    /// let logarithm = tape.ln(x)?;
    /// let sum = tape.sum(logarithm)?;
    /// assert_eq!(tape.scalar(sum)?, f64::NEG_INFINITY);
    /// let found = tape.first_not_finite().expect("ln 0");
    /// assert_eq!(found.to_string(), "ln (node 1) gave -inf at [0, 1]");
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn first_not_finite(&self) -> Option<NotFinite> {
        self.values.iter().zip(&self.nodes).enumerate().find_map(|(index, (matrix, node))| {
            let error = matrix.view().check_finite("").err()?;
            let Error::NotFiniteEntry { row, column, value, .. } = error else { return None };
            let variable = self.variable_at(index);
            Some(NotFinite { operation: node.operation.name(), variable, row, column, value })
        })
    }

    /// The place of a variable on this tape.
    pub(super) fn index(&self, operation: &'static str, x: Variable) -> Result<usize> {
        if x.epoch != self.epoch || x.index >= self.nodes.len() {
            return Err(Error::ForeignVariable { operation, index: x.index });
        }
        Ok(x.index)
    }

    /// The variable at a place of this tape.
    pub(super) fn variable_at(&self, index: usize) -> Variable {
        Variable { index, epoch: self.epoch }
    }

    /// Records an operation.
    pub(super) fn apply(&mut self, operation: Operation<T>, inputs: &[Variable]) -> Result<Variable> {
        let start = self.add_edges(operation.name(), inputs)?;
        match self.compute(&operation, start) {
            Ok(out) => Ok(self.push(operation, start, out)),
            Err(error) => {
                self.edges.truncate(start);
                Err(error)
            }
        }
    }

    /// Appends the inputs of the next node, and says where they start.
    pub(super) fn add_edges(&mut self, operation: &'static str, inputs: &[Variable]) -> Result<usize> {
        let start = self.edges.len();
        for &input in inputs {
            match self.index(operation, input) {
                Ok(index) => self.edges.push(index),
                Err(error) => {
                    self.edges.truncate(start);
                    return Err(error);
                }
            }
        }
        Ok(start)
    }

    /// The value of an operation of the last edges.
    fn compute(&mut self, operation: &Operation<T>, start: usize) -> Result<Matrix<T>> {
        let inputs = Inputs { values: &self.values, indices: &self.edges[start..] };
        let rule = operation.rule().expect("leaves are not computed");
        let mut out = self.pool.try_take(rule.shape(inputs)?)?;
        if let Err(error) = rule.forward(inputs, &mut self.pool, &mut out) {
            self.pool.put(out);
            return Err(error);
        }
        Ok(out)
    }

    /// Appends a node whose inputs are the last edges, from `start` on.
    pub(super) fn push(&mut self, operation: Operation<T>, start: usize, value: Matrix<T>) -> Variable {
        let edges = start..self.edges.len();
        let needs_gradient = match operation.rule() {
            None => matches!(operation, Operation::Variable),
            Some(rule) => {
                !rule.is_flat()
                    && self.edges[edges.clone()].iter().any(|&input| self.nodes[input].needs_gradient)
            }
        };
        self.nodes.push(Node { operation, edges, needs_gradient });
        self.values.push(value);
        self.variable_at(self.nodes.len() - 1)
    }

    fn leaf(&mut self, operation: Operation<T>, matrix: MatrixView<'_, T>) -> Variable {
        let mut copy = self.pool.take(matrix.shape());
        copy.view_mut().copy_from(matrix).expect("the shape of the view");
        self.push(operation, self.edges.len(), copy)
    }

    /// Takes back the memory of the last backward pass.
    pub(super) fn recycle_gradients(&mut self) {
        for matrix in self.gradients.drain(..).flatten() {
            self.pool.put(matrix);
        }
    }
}
