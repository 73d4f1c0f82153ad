//! Random fills, in elements a second: `cargo bench --bench random`, or with a name such as `fill_normal_f32`.
//!
//! Floor: 500 M `f32` normals/s per core, in a buffer that stays in the L1 or L2 cache, with AVX2 or AVX-512. Measured on one
//! core of an AMD Zen 3 at 2.5 GHz (cycles per element, and elements/s of processor time, 64 KB of `f32`):
//!
//! | fill | AVX2 | portable (SSE2) |
//! | --- | --- | --- |
//! | `fill_bits` | 1.1, 2.3 G/s | 2.2, 1.2 G/s |
//! | `fill_uniform_f32`, `_f64` | 1.1, 2.2 G/s; 2.3, 1.1 G/s | 2.6, 1.0 G/s |
//! | `fill_normal_f32` | 3.7, 0.67 G/s | 7.8, 0.32 G/s |
//! | `fill_normal_f64` | 9.7, 0.26 G/s | 22, 0.12 G/s |
//! | `scalar_normal_f32` | 79, 0.03 G/s | |
//!
//! The sizes are 16 KB (L1), 256 KB (L2) and 64 MB (memory). One thread, unless `RAYON_NUM_THREADS` asks for more;
//! `BRENIER_SIMD=portable|avx2` caps the instruction set. `scalar_normal_f32` and `scalar_polar_f32` are what a loop over
//! single draws would give.

use brenier::random::{Categorical, LegacyRandomState, RandomStream};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rand::Rng;
use std::hint::black_box;

const BYTES: [(&str, usize); 3] = [("L1", 16 << 10), ("L2", 256 << 10), ("64MB", 64 << 20)];

/// One thread, unless `RAYON_NUM_THREADS` asks for more.
fn choose_threads() {
    #[cfg(feature = "parallel")]
    if std::env::var_os("RAYON_NUM_THREADS").is_none() {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1);
        pool.build_global().expect("no thread has started yet");
    }
}

/// Measures one fill at every size.
fn measure<I: Clone>(
    criterion: &mut Criterion,
    name: &str,
    zero: I,
    mut fill: impl FnMut(&mut RandomStream, &mut [I]),
) {
    let mut group = criterion.benchmark_group(name);
    for (label, bytes) in BYTES {
        let count = bytes / size_of::<I>();
        let mut buffer = vec![zero.clone(); count];
        let mut stream = RandomStream::new(1);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(label), |bencher| {
            bencher.iter(|| {
                fill(&mut stream, black_box(&mut buffer));
            });
        });
    }
    group.finish();
}

fn fills(criterion: &mut Criterion) {
    choose_threads();
    measure(criterion, "fill_bits", 0_u64, |stream, buffer| stream.fill_bits(buffer));
    measure(criterion, "fill_uniform_f32", 0.0_f32, |stream, buffer| stream.fill_uniform(buffer));
    measure(criterion, "fill_uniform_f64", 0.0_f64, |stream, buffer| stream.fill_uniform(buffer));
    measure(criterion, "fill_normal_f32", 0.0_f32, |stream, buffer| stream.fill_normal(buffer));
    measure(criterion, "fill_normal_f64", 0.0_f64, |stream, buffer| stream.fill_normal(buffer));
    measure(criterion, "memory_fill_f32", 0.0_f32, |_, buffer| buffer.fill(1.0));
}

/// Marsaglia's polar method with the second number kept, as a scalar library does it.
fn polar(generator: &mut impl Rng, kept: &mut Option<f32>) -> f32 {
    if let Some(normal) = kept.take() {
        return normal;
    }
    loop {
        let x = 2.0 * brenier::random::uniform::<f32>(generator) - 1.0;
        let y = 2.0 * brenier::random::uniform::<f32>(generator) - 1.0;
        let square = x * x + y * y;
        if square < 1.0 && square != 0.0 {
            let factor = (-2.0 * square.ln() / square).sqrt();
            *kept = Some(factor * y);
            return factor * x;
        }
    }
}

fn scalars(criterion: &mut Criterion) {
    let mut buffer = vec![0.0_f32; 4096];
    let mut group = criterion.benchmark_group("scalar");
    group.throughput(Throughput::Elements(buffer.len() as u64));
    let mut stream = RandomStream::new(1);
    group.bench_function("scalar_normal_f32", |bencher| {
        bencher.iter(|| black_box(&mut buffer).iter_mut().for_each(|x| *x = stream.normal()));
    });
    group.bench_function("scalar_polar_f32", |bencher| {
        let mut kept = None;
        bencher.iter(|| black_box(&mut buffer).iter_mut().for_each(|x| *x = polar(&mut stream, &mut kept)));
    });
    let mut generator = rand_xoshiro_stream();
    group.bench_function("scalar_uniform_f32_rand", |bencher| {
        bencher.iter(|| {
            black_box(&mut buffer).iter_mut().for_each(|x| *x = rand::RngExt::random(&mut generator))
        });
    });
    let mut legacy = LegacyRandomState::new(1);
    group.bench_function("legacy_standard_normal", |bencher| {
        bencher.iter(|| black_box(&mut buffer).iter_mut().for_each(|x| *x = legacy.standard_normal() as f32));
    });
    let weights: Vec<f64> = (1..=1000).map(f64::from).collect();
    let table = Categorical::new(&weights).expect("good weights");
    let mut indices = vec![0; 4096];
    group.bench_function("categorical_of_1000", |bencher| {
        bencher.iter(|| table.fill(&mut stream, black_box(&mut indices)));
    });
    group.finish();
}

/// The generator of the crate `rand_xoshiro` by itself.
fn rand_xoshiro_stream() -> impl Rng {
    <rand_xoshiro::Xoshiro256PlusPlus as rand::SeedableRng>::seed_from_u64(1)
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1))
        .sample_size(20);
    targets = fills, scalars
}
criterion_main!(benches);
