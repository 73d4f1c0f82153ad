//! A training step again and again: memory, and bits at any number of threads.

use brenier::Matrix;
use brenier::autodiff::{Axis, Tape, Variable};
use brenier::matrix::Operation;

/// A step with most kinds of operations.
fn some_step(tape: &mut Tape<f32>, rows: usize) -> Vec<Variable> {
    let x = tape.constant(&Matrix::from_fn(rows, 70, |i, j| ((i * 31 + j * 17) % 23) as f32 * 0.08 - 0.9));
    let w = tape.variable(&Matrix::from_fn(90, 70, |i, j| ((i * 13 + j * 7) % 19) as f32 * 0.02 - 0.18));
    let b = tape.variable(&Matrix::from_fn(1, 90, |_, j| j as f32 * 0.01));
    let product = tape.matmul_with(x, Operation::Plain, w, Operation::Transpose).unwrap();
    let sum = tape.add(product, b).unwrap();
    let h = tape.silu(sum).unwrap();
    let distances = tape.squared_distances(x, w).unwrap();
    let wide = tape.matmul(distances, w).unwrap();
    let soft = tape.softmax(wide, Axis::Columns).unwrap();
    let entropy = tape.log_sum_exp(h, Axis::Rows).unwrap();
    let ratio = tape.divide(soft, entropy).unwrap();
    let square = tape.square(ratio).unwrap();
    let loss = tape.mean(square).unwrap();
    tape.backward(loss).unwrap();
    let mut results = vec![loss];
    results.extend(tape.gradients(loss, &[w, b]).unwrap());
    results
}

#[test]
fn a_second_step_allocates_no_matrix() {
    let mut tape = Tape::<f32>::new();
    some_step(&mut tape, 40);
    tape.clear();
    let first = tape.buffers_allocated();
    assert!(first > 10);
    for _ in 0..3 {
        some_step(&mut tape, 40);
        tape.clear();
        assert_eq!(tape.buffers_allocated(), first);
    }
    // What comes out does not depend on what lay in the buffers.
    let results = some_step(&mut tape, 40);
    let mut fresh = Tape::new();
    let expected = some_step(&mut fresh, 40);
    for (&got, &expected) in results.iter().zip(&expected) {
        assert_eq!(tape.value(got).unwrap(), fresh.value(expected).unwrap());
    }
    tape.release_memory();
}

#[cfg(feature = "parallel")]
#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut tape = Tape::<f32>::new();
            let results = some_step(&mut tape, 1500);
            results.iter().map(|&x| tape.value(x).unwrap().to_matrix()).collect::<Vec<_>>()
        })
    };
    let expected = with(1);
    for threads in [2, 3] {
        assert!(with(threads) == expected, "{threads} threads");
    }
}
