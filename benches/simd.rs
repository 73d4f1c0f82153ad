//! The elementary functions and reductions over 4096 elements that stay in the first cache, one thread.
//!
//! Elements a second. Run at each level: `BRENIER_SIMD=portable cargo bench --bench simd`, then `avx2`, `avx512`.
//! The scalar loop over the standard library's functions is measured beside ours.
//!
//! The floor, if the vector units were the only limit: `exp` of `f32` takes 21 vector operations for 8 lanes with AVX2 and 15
//! for 16 lanes with AVX-512, besides one load and one store. At 2.5 GHz with three 256-bit or two 512-bit units that is
//! 2.9 and 5.3 G elements/s. The chain of dependent operations (about 45 cycles) keeps a core with small schedulers above it.
//!
//! Best of many short runs on one core of an AMD Zen 3 server that other work shared, G elements/s:
//!
//! | | AVX2 f32 | AVX2 f64 | portable f32 | portable f64 |
//! | --- | --- | --- | --- | --- |
//! | exp | 2.05 | 0.80 | 0.75 | 0.29 |
//! | exp2 | 2.46 | 0.87 | 0.87 | 0.31 |
//! | ln | 1.05 | 0.46 | 0.58 | 0.24 |
//! | tanh | 0.96 | 0.38 | 0.40 | 0.18 |
//! | sigmoid | 1.18 | 0.46 | 0.48 | 0.18 |
//! | log_sum_exp | 2.30 | 0.93 | 0.84 | 0.26 |

use brenier::Scalar;
use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use std::hint::black_box;

const COUNT: usize = 4096;

/// Arguments from -10 to 10, or from 0 to 10 for the logarithm.
fn arguments<T: Scalar>(low: f64) -> Vec<T> {
    (0..COUNT).map(|k| T::from_f64(low + (10.0 - low) * (k as f64 + 0.5) / COUNT as f64)).collect()
}

fn elementwise<T: Scalar>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    low: f64,
    ours: fn(&[T], &mut [T]) -> brenier::error::Result<()>,
    library: impl Fn(T) -> T,
) {
    let x = arguments::<T>(low);
    let mut out = x.clone();
    group.bench_function(format!("{name}/{}", T::NAME), |bencher| {
        bencher.iter(|| ours(black_box(&x), black_box(&mut out)));
    });
    group.bench_function(format!("{name}/{}/scalar", T::NAME), |bencher| {
        bencher.iter(|| {
            for (y, &x) in black_box(&mut out).iter_mut().zip(black_box(&x)) {
                *y = library(x);
            }
        });
    });
}

fn reductions<T: Scalar>(group: &mut BenchmarkGroup<'_, WallTime>) {
    let x = arguments::<T>(-10.0);
    let name = T::NAME;
    group.bench_function(format!("log_sum_exp/{name}"), |bencher| {
        bencher.iter(|| brenier::simd::log_sum_exp(black_box(&x)));
    });
    group.bench_function(format!("log_sum_exp/{name}/scalar"), |bencher| {
        bencher.iter(|| {
            let x = black_box(&x);
            let largest = x.iter().fold(f64::NEG_INFINITY, |largest, x| largest.max(x.to_f64()));
            largest + x.iter().map(|x| (x.to_f64() - largest).exp()).sum::<f64>().ln()
        });
    });
    group.bench_function(format!("sum/{name}"), |bencher| {
        bencher.iter(|| brenier::simd::sum(black_box(&x)));
    });
    group.bench_function(format!("dot/{name}"), |bencher| {
        bencher.iter(|| brenier::simd::dot(black_box(&x), black_box(&x)));
    });
    group.bench_function(format!("max/{name}"), |bencher| {
        bencher.iter(|| brenier::simd::max(black_box(&x)));
    });
}

fn all(criterion: &mut Criterion) {
    use brenier::simd::{exp_into, exp2_into, ln_into, sigmoid_into, tanh_into};
    let mut group = criterion.benchmark_group(format!("simd, {}", brenier::simd::level().name()));
    group.throughput(Throughput::Elements(COUNT as u64));
    elementwise::<f32>(&mut group, "exp", -10.0, exp_into, f32::exp);
    elementwise::<f64>(&mut group, "exp", -10.0, exp_into, f64::exp);
    elementwise::<f32>(&mut group, "exp2", -10.0, exp2_into, f32::exp2);
    elementwise::<f64>(&mut group, "exp2", -10.0, exp2_into, f64::exp2);
    elementwise::<f32>(&mut group, "ln", 0.0, ln_into, f32::ln);
    elementwise::<f64>(&mut group, "ln", 0.0, ln_into, f64::ln);
    elementwise::<f32>(&mut group, "tanh", -10.0, tanh_into, f32::tanh);
    elementwise::<f64>(&mut group, "tanh", -10.0, tanh_into, f64::tanh);
    elementwise::<f32>(&mut group, "sigmoid", -10.0, sigmoid_into, |x| 1.0 / (1.0 + (-x).exp()));
    elementwise::<f64>(&mut group, "sigmoid", -10.0, sigmoid_into, |x| 1.0 / (1.0 + (-x).exp()));
    reductions::<f32>(&mut group);
    reductions::<f64>(&mut group);
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_millis(700))
        .without_plots();
    targets = all
}
criterion_main!(benches);
