//! Linear programs: the Netlib problems, solved from the program in memory without and with presolve, and read from their files.
//!
//! `cargo bench --bench lp`; a part of them by `cargo bench --bench lp -- 'without presolve/25fv47'`. The files are
//! looked for in the folder that `BRENIER_NETLIB` names, or in `../shared/netlib` beside the crate's sources.
//! `benches/peers/lp.py` times other solvers on the same files.

use brenier::data::{netlib_file, netlib_skipped};
use brenier::lp::{self, LinearProgram, Options};
use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::Duration;

/// The problems beside the one that the folder is known by: every MPS file there, by name.
fn problems() -> Vec<(String, PathBuf)> {
    let Some(folder) = netlib_file("afiro.mps").and_then(|path| path.parent().map(PathBuf::from)) else {
        println!("{}", netlib_skipped("afiro.mps"));
        return Vec::new();
    };
    let entries = folder.read_dir().expect("a folder that a file was found in");
    let mut problems: Vec<(String, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_name()?.to_str()?.strip_suffix(".mps")?.to_owned();
            Some((name, path))
        })
        .collect();
    problems.sort();
    problems
}

fn lp(criterion: &mut Criterion) {
    let problems = problems();
    let programs: Vec<(&str, LinearProgram)> = problems
        .iter()
        .map(|(name, path)| (&**name, lp::read_mps(path).expect("a file that can be read").program))
        .collect();
    for (group, presolve) in [("without presolve", false), ("with presolve", true)] {
        let mut group = criterion.benchmark_group(group);
        group
            .sampling_mode(SamplingMode::Flat)
            .sample_size(10)
            .warm_up_time(Duration::from_millis(100))
            .measurement_time(Duration::from_millis(500));
        let options = Options::default().with_presolve(presolve);
        for (name, program) in &programs {
            group.bench_function(*name, |bencher| {
                bencher.iter(|| {
                    let solution = lp::solve_with(black_box(program), &options, &mut lp::run_to_the_end);
                    black_box(solution.expect("options that make sense"))
                });
            });
        }
        group.finish();
    }
    let mut group = criterion.benchmark_group("read");
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(500));
    for (name, path) in &problems {
        let bytes = std::fs::read(path).expect("a file that can be read");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| lp::read_mps_from(black_box(&*bytes)).expect("a file that was read before"));
        });
    }
    group.finish();
}

criterion_group!(benches, lp);
criterion_main!(benches);
