//! Each kernel against plain loops in `f64`, at every level.

use super::PADDING;
use super::cotangent_pass::{Cotangents, cotangent_pass_kernel};
use super::distances::squared_distances_kernel;
use super::exponentials::exponentials_kernel;
use super::half_steps::{source_half_kernel, target_half_kernel};
use super::plan::{Cotangent, plan_kernel, weigh_kernel};
use super::scaling_pass::{Scalings, scaling_pass_kernel};
use crate::scalar::Scalar;
use crate::simd::lanes::Simd;
use crate::simd::test_at_every_level;

/// Numbers between -1 and 1 that look random.
fn numbers<A: Scalar>(count: usize, seed: usize) -> Vec<A> {
    (0..count).map(|k| A::from_f64(((k * 37 + seed * 101 + 11) as f64 * 0.7).sin())).collect()
}

fn assert_near<A: Scalar>(got: &[A], expected: &[f64], bound: f64, what: &str) {
    assert_eq!(got.len(), expected.len());
    for (k, (got, expected)) in got.iter().zip(expected).enumerate() {
        let error = (got.to_f64() - expected).abs();
        assert!(error <= bound, "{what} {} {k}: {got} and {expected}", A::NAME);
    }
}

/// Every kernel against the same formula in plain loops and double precision. Sums have at most 40 terms, which are at most about 4.
fn against_plain_loops<S: Simd, A: Scalar>() {
    for (n, m, d) in [(1_usize, 1_usize, 1_usize), (3, 16, 2), (8, 17, 3), (21, 40, 5)] {
        let stride = m.next_multiple_of(PADDING);
        let bound = 400.0 * A::EPSILON.to_f64();
        let wide = |values: &[A]| -> Vec<f64> { values.iter().map(|x| x.to_f64()).collect() };
        let points: Vec<A> = numbers(n * d, 1);
        let coordinates: Vec<A> = numbers(d * stride, 2);
        let mut costs = vec![A::NAN; n * stride];
        let largest = squared_distances_kernel::<S, A>(&points, &coordinates, d, stride, &mut costs).to_f64();
        let (x, y) = (wide(&points), wide(&coordinates));
        let distance =
            |i: usize, j: usize| -> f64 { (0..d).map(|k| (x[i * d + k] - y[k * stride + j]).powi(2)).sum() };
        let expected: Vec<f64> = (0..n * stride).map(|k| distance(k / stride, k % stride)).collect();
        assert_near(&costs, &expected, bound, "costs");
        assert_eq!(largest, wide(&costs).into_iter().fold(0.0, f64::max));

        let c = wide(&costs);
        let slope = 1.5;
        let (low, logarithm) = (A::from_f64(-1e30), A::from_f64(-3.0));
        let mut g: Vec<A> = numbers(stride, 3);
        g[m..].fill(low);
        let (mut f, mut scratch) = (vec![A::NAN; n], vec![A::NAN; stride]);
        source_half_kernel::<S, A>(&costs, &g, A::from_f64(slope), logarithm, &mut scratch, &mut f);
        let expected: Vec<f64> = (0..n)
            .map(|i| {
                let terms = (0..m).map(|j| (g[j].to_f64() - slope * c[i * stride + j]).exp2());
                -3.0 - terms.sum::<f64>().log2()
            })
            .collect();
        assert_near(&f, &expected, bound, "source half");
        let mut after = vec![A::NAN; stride];
        target_half_kernel::<S, A>(&costs, &f, A::from_f64(slope), logarithm, &mut after);
        let expected: Vec<f64> = (0..stride)
            .map(|j| {
                let terms = (0..n).map(|i| (f[i].to_f64() - slope * c[i * stride + j]).exp2());
                -3.0 - terms.sum::<f64>().log2()
            })
            .collect();
        assert_near(&after, &expected, bound, "target half");
        let mut kernel = vec![A::NAN; n * stride];
        exponentials_kernel::<S, A>(&costs, &f, &g, A::from_f64(slope), &mut kernel);
        let exponential =
            |i: usize, j: usize| (f[i].to_f64() + g[j].to_f64() - slope * c[i * stride + j]).exp2();
        let expected: Vec<f64> = (0..n * stride).map(|k| exponential(k / stride, k % stride)).collect();
        assert_near(&kernel, &expected, bound, "exponentials");

        let k = wide(&kernel);
        let row_sum =
            |z: &dyn Fn(usize) -> f64, i: usize| -> f64 { (0..m).map(|j| k[i * stride + j] * z(j)).sum() };
        let column_sum =
            |z: &dyn Fn(usize) -> f64, j: usize| -> f64 { (0..n).map(|i| k[i * stride + j] * z(i)).sum() };
        let a_before: Vec<A> = numbers::<A>(n, 4).iter().map(|&x| x + A::from_f64(2.0)).collect();
        let b_before: Vec<A> = numbers::<A>(stride, 5).iter().map(|&x| x + A::from_f64(2.0)).collect();
        let (mut a, mut b) = (vec![A::NAN; n], vec![A::NAN; stride]);
        let ends = (A::from_f64(1e-9), A::from_f64(1e9));
        let half = A::from_f64(0.5);
        let scalings = Scalings { a_before: &a_before, b_before: &b_before, a: &mut a, b: &mut b };
        let (residual, inside) = scaling_pass_kernel::<S, A>(&kernel, m, (half, half), ends, scalings);
        let before = |j: usize| b_before[j].to_f64();
        let expected: Vec<f64> = (0..n).map(|i| 0.5 / row_sum(&before, i)).collect();
        let relative = |values: &[f64]| bound * values.iter().fold(1.0, |x: f64, y| x.max(*y));
        assert_near(&a, &expected, relative(&expected), "a");
        let own = |i: usize| a[i].to_f64();
        let expected: Vec<f64> = (0..m).map(|j| 0.5 / column_sum(&own, j)).collect();
        assert_near(&b[..m], &expected, relative(&expected), "b");
        let errors = (0..n).map(|i| (a_before[i].to_f64() * row_sum(&before, i) - 0.5).abs());
        assert!(inside && (residual.to_f64() - errors.sum::<f64>()).abs() <= 40.0 * bound);
        let scalings = Scalings { a_before: &a_before, b_before: &b_before, a: &mut a, b: &mut b };
        let narrow = (A::from_f64(1e-9), A::from_f64(1e-8));
        assert!(!scaling_pass_kernel::<S, A>(&kernel, m, (half, half), narrow, scalings).1);

        let mut z: Vec<A> = numbers(stride, 6);
        z[m..].fill(A::ZERO);
        let du_before: Vec<A> = numbers(n, 7);
        let (mut du, mut w, mut columns) = (du_before.clone(), vec![A::NAN; n], vec![A::NAN; stride]);
        let pass =
            Cotangents { a: &a_before, z: &z, du: &mut du, w: &mut w, columns: &mut columns, unscale: half };
        cotangent_pass_kernel::<S, A>(&kernel, A::from_f64(3.0), pass);
        let of_z = |j: usize| z[j].to_f64();
        let slopes: Vec<f64> =
            (0..n).map(|i| du_before[i].to_f64() - 0.5 * a_before[i].to_f64() * row_sum(&of_z, i)).collect();
        assert_near(&du, &slopes, bound, "du");
        let weights: Vec<f64> = (0..n).map(|i| 1.5 * a_before[i].to_f64() * slopes[i]).collect();
        assert_near(&w, &weights, 10.0 * bound, "w");
        let sums: Vec<f64> = (0..m).map(|j| column_sum(&|i| 2.0 * weights[i], j)).collect();
        assert_near(&columns[..m], &sums, 100.0 * bound, "columns");

        let (mut p, mut rows) = (vec![A::NAN; n * stride], vec![A::NAN; n]);
        let cost =
            plan_kernel::<S, A>(&kernel, &costs, &a_before, &b_before, half, &mut p, &mut rows, &mut columns);
        let entry = |i: usize, j: usize| 0.5 * a_before[i].to_f64() * k[i * stride + j] * before(j);
        let expected: Vec<f64> = (0..n * stride).map(|k| entry(k / stride, k % stride)).collect();
        assert_near(&p, &expected, bound, "plan");
        let total: f64 = expected.iter().zip(&c).map(|(p, c)| p * c).sum();
        assert!((cost - total).abs() <= 100.0 * bound * (1.0 + total));
        let (alpha, beta): (Vec<A>, Vec<A>) = (numbers(n, 8), numbers(stride, 9));
        let mut dcosts = vec![A::NAN; n * stride];
        let cotangent = Cotangent { rows: &alpha, columns: &beta, factor: half };
        weigh_kernel::<S, A>(&p, &costs, cotangent, &mut dcosts, &mut rows, &mut columns);
        let term = |i: usize, j: usize| {
            entry(i, j) * (alpha[i].to_f64() + beta[j].to_f64() + 0.5 * c[i * stride + j])
        };
        let expected: Vec<f64> =
            (0..n * stride).map(|k| entry(k / stride, k % stride) - term(k / stride, k % stride)).collect();
        assert_near(&dcosts, &expected, 10.0 * bound, "weighed");
        let expected: Vec<f64> = (0..n).map(|i| (0..m).map(|j| term(i, j)).sum()).collect();
        assert_near(&rows, &expected, 100.0 * bound, "sums of rows");
    }
}

test_at_every_level! {
    kernels_agree_with_plain_loops_f32 = against_plain_loops::<f32>;
    kernels_agree_with_plain_loops_f64 = against_plain_loops::<f64>;
}
