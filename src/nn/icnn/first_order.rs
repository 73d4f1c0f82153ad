//! Evaluation, the forward pass and its backward pass, the gradient in x and its product with a direction.

use super::Icnn;
use super::passes;
use super::quadratic;
use super::workspace::{Chain, IcnnWorkspace, LayerMemory, resized, write_tail};
use crate::Scalar;
use crate::error::Result;
use crate::matrix::{Matrix, MatrixView, MatrixViewMut, Operation, gemm};
use crate::nn::activation::passes::Kept;
use crate::nn::linear::product::{self, view};
use crate::nn::{
    DIRECTION, INPUT_GRADIENT, OUTPUT_GRADIENT, Parameters, check_batch, check_gradient, check_shape,
};

/// The first `columns` numbers of rows that begin `stride` apart.
pub(super) fn columns_of<T: Scalar>(
    rows: &[T],
    batch: usize,
    columns: usize,
    stride: usize,
) -> MatrixView<'_, T> {
    MatrixView::new(rows, batch, columns, stride).expect("whole rows")
}

/// `out = input Vᵀ` into the first columns of longer rows. input: (batch, inp), V: (out, inp).
pub(super) fn product_into<T: Scalar>(
    input: MatrixView<'_, T>,
    weight: &[T],
    target: &mut [T],
    [out, stride]: [usize; 2],
) {
    let target = MatrixViewMut::new(target, input.rows(), out, stride).expect("whole rows");
    let weight = view(weight, input.columns());
    gemm(T::ONE, input, Operation::Plain, weight, Operation::Transpose, T::ZERO, target)
        .expect("checked shapes");
}

/// Writes the rows of a column of numbers.
pub(super) fn copy_column<T: Scalar>(source: MatrixView<'_, T>, target: &mut [T]) {
    for (target, source) in target.iter_mut().zip(source.column(0)) {
        *target = source;
    }
}

impl<T: Scalar> Icnn<T> {
    /// `y(x)`, (batch, 1), in new memory. [`evaluate`](Self::evaluate) reuses it.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn apply<'a>(&self, x: impl Into<MatrixView<'a, T>>) -> Result<Matrix<T>> {
        Ok(self.evaluate(x, &mut IcnnWorkspace::new())?.to_matrix())
    }

    /// The map `∇y(x)`, (batch, inputs), in new memory. [`input_gradient`](Self::input_gradient) reuses it.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    ///
    /// # Examples
    /// ```
    /// use brenier::Matrix;
    /// use brenier::nn::IcnnOptions;
    /// use brenier::random::RandomStream;
    /// let potential = IcnnOptions::near_identity(2, &[8, 8]).build::<f64>(&mut RandomStream::new(2))?;
    /// let x = Matrix::from_rows([[1.0, -2.0]]);
    /// let y = potential.gradient(&x)?;
    /// assert!((y[(0, 0)] - 1.0).abs() < 0.05 && (y[(0, 1)] + 2.0).abs() < 0.05);
    /// # Ok::<(), brenier::Error>(())
    /// ```
    pub fn gradient<'a>(&self, x: impl Into<MatrixView<'a, T>>) -> Result<Matrix<T>> {
        let x = x.into();
        let mut workspace = IcnnWorkspace::new();
        self.forward(x, &mut workspace)?;
        let mut gradient = Matrix::zeros(x.rows(), self.inputs);
        self.input_gradient(&mut workspace, gradient.view_mut())?;
        Ok(gradient)
    }

    /// `y(x)`, (batch, 1), and nothing kept for a backward pass.
    ///
    /// # Errors
    /// As [`forward`](Self::forward).
    pub fn evaluate<'a, 'w>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        workspace: &'w mut IcnnWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        self.forward_keeping(x.into(), workspace, Kept::Nothing)
    }

    /// `y(x)`, (batch, 1); the workspace keeps inputs and slopes of the layers for a pass that follows. x: (batch, inputs).
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape) for a wrong number of columns, [`Error::Empty`](crate::Error::Empty) for
    /// an empty batch, [`Error::NotFiniteEntry`](crate::Error::NotFiniteEntry) for NaN or infinity in x,
    /// [`Error::NotFinite`](crate::Error::NotFinite) in the parameters, [`Error::Negative`](crate::Error::Negative)
    /// for a weight that a step made negative ([`project`](Self::project) was forgotten).
    pub fn forward<'a, 'w>(
        &self,
        x: impl Into<MatrixView<'a, T>>,
        workspace: &'w mut IcnnWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        self.forward_keeping(x.into(), workspace, Kept::Slope)
    }

    /// The forward pass, with what later passes need.
    pub(super) fn forward_keeping<'w>(
        &self,
        x: MatrixView<'_, T>,
        workspace: &'w mut IcnnWorkspace<T>,
        kept: Kept,
    ) -> Result<MatrixView<'w, T>> {
        check_batch("Icnn::forward", "columns of the input", x, self.inputs)?;
        x.check_finite("the input of a convex network")?;
        workspace.begin(self, x, kept)?;
        let batch = x.rows();
        resized(&mut workspace.output, batch);
        for (index, layer) in self.layers.iter().enumerate() {
            let (before, after) = workspace.layers.split_at_mut(index + 1);
            let memory = &mut before[index];
            let input = view(&memory.input[..batch * layer.columns], layer.columns);
            let weight = &workspace.packed[layer.packed.clone()];
            match self.layers.get(index + 1) {
                Some(next) => {
                    let shape = [layer.out, next.columns];
                    let z = &mut after[0].input[..batch * next.columns];
                    product_into(input, weight, z, shape);
                    let derivatives = resized(&mut memory.derivatives, batch * layer.out * kept.count());
                    layer.curve.forward(z, shape, derivatives, kept);
                }
                None => product_into(input, weight, &mut workspace.output[..batch], [1, 1]),
            }
        }
        let first = &workspace.layers[0].input[..batch * self.layers[0].columns];
        let shape = [self.inputs, self.layers[0].columns];
        quadratic::forward(self.strong_convexity(), first, shape, &mut workspace.output[..batch]);
        workspace.batch = batch;
        Ok(view(&workspace.output[..batch], 1))
    }

    /// From `dy`, the gradient of a loss in y (batch, 1), adds the gradient in the parameters to `gradient` and writes that
    /// in x (batch, inputs) to `dx` where it is given. Belongs to the last [`forward`](Self::forward) through this workspace.
    ///
    /// ```text
    /// q_L+1 = dy,  q_(l-1) = (q_l W_l) f'(s_(l-1)),  [dW, dA, db]_l += q_lᵀ [z_(l-1), x, 1],  dx = Σ_l q_l A_l + α dy x
    /// ```
    ///
    /// # Errors
    /// [`Error::NoForwardPass`](crate::Error::NoForwardPass), [`Error::Shape`](crate::Error::Shape) if shapes do not fit.
    pub fn backward<'a>(
        &self,
        dy: impl Into<MatrixView<'a, T>>,
        workspace: &mut IcnnWorkspace<T>,
        gradient: &mut [T],
        dx: Option<MatrixViewMut<'_, T>>,
    ) -> Result<()> {
        const OPERATION: &str = "Icnn::backward";
        let dy = dy.into();
        workspace.check(OPERATION, self, Kept::Slope)?;
        check_gradient(OPERATION, self.parameters().len(), gradient)?;
        let batch = workspace.batch;
        check_shape(OPERATION, OUTPUT_GRADIENT, (batch, 1), dy.shape())?;
        if let Some(dx) = &dx {
            check_shape(OPERATION, INPUT_GRADIENT, (batch, self.inputs), dx.shape())?;
        }
        copy_column(dy, resized(&mut workspace.output_gradient, batch));
        self.chain(workspace, false);
        resized(&mut workspace.packed_gradient, self.packed_len()).fill(T::ZERO);
        self.add_weight_gradient(workspace, |memory| &memory.input);
        workspace.unpack_gradient(self, gradient);
        let columns = self.layers[0].columns;
        let x = &workspace.layers[0].input[..batch * columns];
        let (dy, shape) = (&workspace.output_gradient[..batch], [self.inputs, columns]);
        let dalpha = quadratic::backward(x, shape, dy);
        self.convexity.add_gradient(dalpha, &self.parameters, self.non_negativity, gradient);
        if let Some(mut dx) = dx {
            let sum = &mut workspace.input_gradient[..batch * self.inputs];
            quadratic::backward_input(self.strong_convexity(), x, shape, dy, sum);
            dx.copy_from(view(sum, self.inputs))?;
        }
        Ok(())
    }

    /// The map: writes `g = ∇y(x)` for every sample, (batch, inputs). Belongs to the last [`forward`](Self::forward)
    /// through this workspace.
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    pub fn input_gradient(
        &self,
        workspace: &mut IcnnWorkspace<T>,
        mut g: MatrixViewMut<'_, T>,
    ) -> Result<()> {
        const OPERATION: &str = "Icnn::input_gradient";
        workspace.check(OPERATION, self, Kept::Slope)?;
        let batch = workspace.batch;
        check_shape(OPERATION, INPUT_GRADIENT, (batch, self.inputs), g.shape())?;
        self.chain_of_map(workspace);
        let columns = self.layers[0].columns;
        let sum = &mut workspace.input_gradient[..batch * self.inputs];
        let x = &workspace.layers[0].input[..batch * columns];
        let alpha = self.strong_convexity();
        quadratic::backward_input(alpha, x, [self.inputs, columns], &workspace.output_gradient, sum);
        g.copy_from(view(sum, self.inputs))
    }

    /// The chain of the map, whatever the workspace has, and its part of the gradient in x.
    pub(super) fn chain_of_map(&self, workspace: &mut IcnnWorkspace<T>) {
        if workspace.chain == Chain::Map {
            return self.sum_input_gradient(workspace);
        }
        let batch = workspace.batch;
        resized(&mut workspace.output_gradient, batch).fill(T::ONE);
        self.chain(workspace, workspace.kept == Kept::Curvature);
        workspace.chain = Chain::Map;
    }

    /// From the gradient in the output those in all pre-activations, layer by layer down, and that in x.
    fn chain(&self, workspace: &mut IcnnWorkspace<T>, second_order: bool) {
        let (batch, kept) = (workspace.batch, workspace.kept.count());
        workspace.chain = Chain::Other;
        for (index, layer) in self.layers.iter().enumerate().rev() {
            let (before, after) = workspace.layers.split_at_mut(index + 1);
            let memory = &mut before[index];
            let q = match self.layers.get(index + 1) {
                Some(next) => {
                    let shape = [layer.out, next.columns];
                    let q = &mut after[0].chain[..batch * next.columns];
                    let bent = if second_order { batch * layer.out } else { 0 };
                    let bent = resized(&mut memory.bent, bent);
                    passes::chain(q, bent, &memory.derivatives, kept, shape);
                    columns_of(q, batch, layer.out, next.columns)
                }
                None => view(&workspace.output_gradient[..batch], 1),
            };
            let chain = resized(&mut memory.chain, batch * layer.columns);
            product::backward_input(q, &workspace.packed[layer.packed.clone()], chain, layer.columns);
        }
        self.sum_input_gradient(workspace);
    }

    /// Adds `q_lᵀ rows_l` to the packed gradient of every layer, with the chain as it stands and rows made like the layer's input.
    pub(super) fn add_weight_gradient(
        &self,
        workspace: &mut IcnnWorkspace<T>,
        rows: impl Fn(&LayerMemory<T>) -> &[T],
    ) {
        let batch = workspace.batch;
        for (index, layer) in self.layers.iter().enumerate() {
            let q = match self.layers.get(index + 1) {
                Some(next) => columns_of(&workspace.layers[index + 1].chain, batch, layer.out, next.columns),
                None => view(&workspace.output_gradient[..batch], 1),
            };
            let rows = &rows(&workspace.layers[index])[..batch * layer.columns];
            let target = &mut workspace.packed_gradient[layer.packed.clone()];
            product::backward_weight(q, view(rows, layer.columns), target);
        }
    }

    /// The gradient in x without the quadratic term: the columns of x in the chain, summed over the layers in order.
    fn sum_input_gradient(&self, workspace: &mut IcnnWorkspace<T>) {
        let batch = workspace.batch;
        let sum = resized(&mut workspace.input_gradient, batch * self.inputs);
        sum.fill(T::ZERO);
        for (layer, memory) in self.layers.iter().zip(&workspace.layers) {
            add_input_columns(&memory.chain, [layer.hidden, layer.columns], self.inputs, sum);
        }
    }

    /// `<∇y(x), w>` for every sample: the derivative of y along w. w: (batch, inputs), result: (batch, 1). Belongs to the last
    /// [`forward`](Self::forward) through this workspace.
    ///
    /// # Errors
    /// As [`backward`](Self::backward).
    pub fn jacobian_vector_product<'a, 'w>(
        &self,
        w: impl Into<MatrixView<'a, T>>,
        workspace: &'w mut IcnnWorkspace<T>,
    ) -> Result<MatrixView<'w, T>> {
        const OPERATION: &str = "Icnn::jacobian_vector_product";
        let w = w.into();
        workspace.check(OPERATION, self, Kept::Slope)?;
        let batch = workspace.batch;
        check_shape(OPERATION, DIRECTION, (batch, self.inputs), w.shape())?;
        self.tangents(w, workspace);
        let last = self.layers.len() - 1;
        let alpha = self.strong_convexity();
        let columns = self.layers[0].columns;
        let memory = resized(&mut workspace.scratch, batch);
        memory.copy_from_slice(&workspace.layers[last].tangent_before[..batch]);
        let x = workspace.layers[0].input.chunks_exact(columns);
        for ((sum, x), w) in memory.iter_mut().zip(x).zip(w.iter_rows()) {
            for (&x, &w) in x.iter().zip(w) {
                *sum += alpha * x * w;
            }
        }
        Ok(view(memory, 1))
    }

    /// The tangents of all layers along w.
    pub(super) fn tangents(&self, w: MatrixView<'_, T>, workspace: &mut IcnnWorkspace<T>) {
        let (batch, kept) = (workspace.batch, workspace.kept.count());
        for (index, layer) in self.layers.iter().enumerate() {
            let (before, after) = workspace.layers.split_at_mut(index + 1);
            let memory = &mut before[index];
            let tangent = resized(&mut memory.tangent, batch * layer.columns);
            write_tail(w, T::ZERO, tangent, [layer.hidden, layer.columns]);
            let before = resized(&mut memory.tangent_before, batch * layer.out);
            let weight = &workspace.packed[layer.packed.clone()];
            product_into(view(tangent, layer.columns), weight, before, [layer.out; 2]);
            if let Some(next) = self.layers.get(index + 1) {
                let target = resized(&mut after[0].tangent, batch * next.columns);
                passes::tangent(before, &memory.derivatives, kept, target, [layer.out, next.columns]);
            }
        }
    }

    /// Whether these are the inputs and the hidden widths of the network.
    pub(super) fn has_shape(&self, shape: &[usize]) -> bool {
        shape.len() == self.layers.len()
            && shape[0] == self.inputs
            && self.layers[1..].iter().zip(&shape[1..]).all(|(layer, &width)| layer.hidden == width)
    }
}

/// Adds the columns of x of rows made like a layer's input to `sum`, (batch, inputs).
pub(super) fn add_input_columns<T: Scalar>(
    rows: &[T],
    [first, stride]: [usize; 2],
    inputs: usize,
    sum: &mut [T],
) {
    for (sum, row) in sum.chunks_exact_mut(inputs).zip(rows.chunks_exact(stride)) {
        for (sum, &value) in sum.iter_mut().zip(&row[first..]) {
            *sum += value;
        }
    }
}
