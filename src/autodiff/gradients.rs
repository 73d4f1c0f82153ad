//! The backward pass on the tape: gradients as variables, to be differentiated again, and the products that follow from them.

use super::rule::{Call, Operation};
use super::{Tape, Variable};
use crate::Scalar;
use crate::error::{Error, Result};

impl<T: Scalar> Tape<T> {
    /// Records the gradients of a loss (1, 1) with respect to `wanted`, in that order: variables like all others, of which gradients
    /// can be taken again. `wanted` may be results of operations. Where the loss does not depend on one, its gradient is zeros.
    ///
    /// Only the branches between `wanted` and the loss are computed. Where the numbers alone are needed, [`backward`](Self::backward)
    /// is faster and needs less memory.
    ///
    /// # Errors
    /// [`Error::ForeignVariable`]; [`Error::Shapes`] if the loss is not one number; [`Error::NoGradient`] for a constant in `wanted`, and
    /// on the way through a [custom operation](super::CustomOperation) that cannot be differentiated (again).
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, autodiff::Tape};
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.variable(&Matrix::from_rows([[2.0]]));
    /// let y = tape.power(x, 3.0)?;
    /// let first = tape.gradients(y, &[x])?[0];
    /// let second = tape.gradients(first, &[x])?[0];
    /// assert_eq!(tape.scalar(first)?, 12.0); // 3 x^2
    /// assert_eq!(tape.scalar(second)?, 12.0); // 6 x
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn gradients(&mut self, loss: Variable, wanted: &[Variable]) -> Result<Vec<Variable>> {
        let shape = self.values[self.index("gradients", loss)?].shape();
        if shape != (1, 1) {
            return Err(Error::Shapes { operation: "gradients", left: shape, right: (1, 1) });
        }
        let one = self.filled(1, 1, T::ONE)?;
        self.record_backward("gradients", &[(loss, one)], wanted)
    }

    /// Records the gradients of the inner product of `output` with `seed`, of the same shape, with respect to `wanted`: `Jᵀ seed`, one
    /// backward pass. If `seed` is a variable, the results depend on it too (linearly).
    ///
    /// # Errors
    /// As [`gradients`](Self::gradients); [`Error::Shapes`] if `seed` and `output` differ in shape.
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, autodiff::Tape};
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.variable(&Matrix::from_rows([[1.0, 2.0]]));
    /// let y = tape.square(x)?;
    /// let seed = tape.constant(&Matrix::from_rows([[10.0, 1.0]]));
    /// let product = tape.vector_jacobian_product(y, seed, &[x])?[0];
    /// assert_eq!(tape.value(product)?.row(0), [20.0, 4.0]);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[doc(alias = "vjp")]
    pub fn vector_jacobian_product(
        &mut self,
        output: Variable,
        seed: Variable,
        wanted: &[Variable],
    ) -> Result<Vec<Variable>> {
        self.record_backward("vector_jacobian_product", &[(output, seed)], wanted)
    }

    /// Records the derivative of `output` along `tangents`, a direction for each of `inputs` and of its shape: `J tangents`, of the
    /// shape of `output`.
    ///
    /// It is the gradient of a gradient: `Jᵀ u` is linear in u, so differentiating its inner product with the tangents with respect to
    /// u gives `J tangents`. Cost: two backward passes, of which the second runs through the first.
    ///
    /// # Errors
    /// As [`gradients`](Self::gradients); [`Error::Shapes`] if a tangent has another shape than its input, or their numbers differ.
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, autodiff::Tape};
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.variable(&Matrix::from_rows([[1.0, 2.0]]));
    /// let y = tape.square(x)?;
    /// let tangent = tape.constant(&Matrix::from_rows([[1.0, -1.0]]));
    /// let product = tape.jacobian_vector_product(y, &[x], &[tangent])?;
    /// assert_eq!(tape.value(product)?.row(0), [2.0, -4.0]);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[doc(alias = "jvp")]
    pub fn jacobian_vector_product(
        &mut self,
        output: Variable,
        inputs: &[Variable],
        tangents: &[Variable],
    ) -> Result<Variable> {
        const NAME: &str = "jacobian_vector_product";
        self.check_pairs(NAME, inputs, tangents)?;
        let shape = self.values[self.index(NAME, output)?].shape();
        let mut zeros = self.pool.take(shape);
        zeros.fill(T::ZERO);
        let seed = self.push(Operation::Variable, self.edges.len(), zeros);
        let products = self.record_backward(NAME, &[(output, seed)], inputs)?;
        let pairs: Vec<_> = products.into_iter().zip(tangents.iter().copied()).collect();
        Ok(self.record_backward(NAME, &pairs, &[seed])?[0])
    }

    /// Records the product of the Hessian of a loss (1, 1) in `inputs` with `directions`, one for each input and of
    /// its shape: the change of the gradient along the direction, without the Hessian.
    ///
    /// Cost: two backward passes, of which the second runs through the first (Pearlmutter, *Fast exact multiplication by the Hessian*,
    /// 1994).
    ///
    /// # Errors
    /// As [`gradients`](Self::gradients); [`Error::Shapes`] if a direction has another shape than its input, or their numbers differ.
    ///
    /// # Examples
    /// ```
    /// use brenier::{Matrix, autodiff::Tape};
    /// let mut tape = Tape::<f64>::new();
    /// let x = tape.variable(&Matrix::from_rows([[1.0, 2.0]]));
    /// let cube = tape.power(x, 3.0)?;
    /// let loss = tape.sum(cube)?; // its Hessian is the diagonal matrix of 6 x
    /// let direction = tape.constant(&Matrix::from_rows([[1.0, 10.0]]));
    /// let product = tape.hessian_vector_product(loss, &[x], &[direction])?[0];
    /// assert_eq!(tape.value(product)?.row(0), [6.0, 120.0]);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    #[doc(alias = "hvp")]
    pub fn hessian_vector_product(
        &mut self,
        loss: Variable,
        inputs: &[Variable],
        directions: &[Variable],
    ) -> Result<Vec<Variable>> {
        const NAME: &str = "hessian_vector_product";
        self.check_pairs(NAME, inputs, directions)?;
        let first = self.gradients(loss, inputs)?;
        let pairs: Vec<_> = first.into_iter().zip(directions.iter().copied()).collect();
        self.record_backward(NAME, &pairs, inputs)
    }

    /// Refuses lists that do not pair up.
    fn check_pairs(&self, operation: &'static str, inputs: &[Variable], others: &[Variable]) -> Result<()> {
        if inputs.len() != others.len() {
            let what = "number of directions";
            return Err(Error::Shape { operation, what, expected: inputs.len(), got: others.len() });
        }
        for (&input, &other) in inputs.iter().zip(others) {
            let left = self.values[self.index(operation, input)?].shape();
            let right = self.values[self.index(operation, other)?].shape();
            if left != right {
                return Err(Error::Shapes { operation, left, right });
            }
        }
        Ok(())
    }

    /// Records the gradients of the sum of the inner products of outputs with their seeds.
    fn record_backward(
        &mut self,
        name: &'static str,
        seeds: &[(Variable, Variable)],
        wanted: &[Variable],
    ) -> Result<Vec<Variable>> {
        let mut last = 0;
        for &(output, seed) in seeds {
            let index = self.index(name, output)?;
            let (left, right) = (self.values[index].shape(), self.values[self.index(name, seed)?].shape());
            if left != right {
                return Err(Error::Shapes { operation: name, left, right });
            }
            last = last.max(index);
        }
        let mut first = last + 1;
        for &x in wanted {
            let index = self.index(name, x)?;
            if !self.nodes[index].needs_gradient {
                let reason = "a gradient was asked for in what depends on no variable (or by steps alone)";
                return Err(Error::NoGradient { operation: name, reason });
            }
            first = first.min(index);
        }
        // Which nodes depend on a wanted one: those from `first` on.
        let mut depends = vec![false; (last + 1).saturating_sub(first)];
        for &x in wanted {
            if x.index <= last {
                depends[x.index - first] = true;
            }
        }
        for index in first..=last {
            let node = &self.nodes[index];
            let through =
                self.edges[node.edges.clone()].iter().any(|&input| input >= first && depends[input - first]);
            depends[index - first] |= node.needs_gradient && through;
        }
        let mut gradients: Vec<Option<Variable>> = vec![None; depends.len()];
        for &(output, seed) in seeds {
            if output.index >= first && depends[output.index - first] {
                self.add_recorded(&mut gradients[output.index - first], seed)?;
            }
        }
        let mut inputs = Vec::new();
        for index in (first..=last).rev() {
            let Some(dout) = gradients[index - first] else { continue };
            let node = &self.nodes[index];
            let edges = node.edges.clone();
            let operation = node.operation.clone();
            let Some(rule) = operation.rule() else { continue };
            inputs.clear();
            inputs.extend(self.edges[edges].iter().map(|&input| self.variable_at(input)));
            let call = Call { inputs: &inputs, out: self.variable_at(index), dout };
            for (k, input) in inputs.iter().enumerate() {
                if input.index >= first && depends[input.index - first] {
                    let part = rule.record(k, call, self)?;
                    self.add_recorded(&mut gradients[input.index - first], part)?;
                }
            }
        }
        let mut results = Vec::with_capacity(wanted.len());
        for &x in wanted {
            let found = if x.index <= last { gradients[x.index - first] } else { None };
            results.push(match found {
                Some(gradient) => gradient,
                None => {
                    let (rows, columns) = self.values[x.index].shape();
                    self.filled(rows, columns, T::ZERO)?
                }
            });
        }
        Ok(results)
    }

    fn add_recorded(&mut self, gradient: &mut Option<Variable>, part: Variable) -> Result<()> {
        *gradient = Some(match *gradient {
            None => part,
            Some(sum) => self.add(sum, part)?,
        });
        Ok(())
    }
}
