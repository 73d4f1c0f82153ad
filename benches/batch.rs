//! Many small problems at once, one to a thread: `exact::solve_batch` on 256 problems of 128 x 128.
//!
//! `cargo bench --bench batch`; one thread: `RAYON_NUM_THREADS=1 cargo bench --bench batch`. It makes its problems (normal
//! clouds in the plane, one unit apart in each coordinate, squared Euclidean costs) and prints the median of nine calls.
//! `cargo bench --bench batch -- FOLDER` solves what is there instead: costs.npy of shape (problems, n, m), and for weights that are
//! not uniform a.npy (problems, n) and b.npy (problems, m), all `f64`. It prints one JSON object about a single call:
//! `status` ("optimal" if all are), `cost` and `gap` as lists, `seconds`, `peak_memory_bytes`. That is how `benches/peers` calls it.
//!
//! Floors:
//! - Each problem's costs are read four times at least: check, start, pricing, proof. 256 * 128 * 128 * 8 bytes = 34 MB, from
//!   memory once (3 ms at 10 GB/s); a problem's 131 kB then stay in the second cache, so three more cost 3 ms at most.
//! - From a greedy start a problem takes some 800 pivots, each a cycle and a subtree of ten or twenty nodes. At 100 ns each, with
//!   the search for them free of charge, 256 * 800 pivots take 20 ms.
//!
//! Threads share nothing but the costs' bandwidth, so two should take half the time of one.

// The module's tests belong to the command.
#[allow(dead_code, unused_imports)]
#[path = "../src/bin/brenier/memory.rs"]
mod memory;

use brenier::Matrix;
use brenier::data::npy;
use brenier::matrix::{Distance, MatrixView, pairwise};
use brenier::ot::exact::{Options, Solution, solve_batch};
use brenier::ot::{Problem, Status};
use brenier::random::RandomStream;
use std::error::Error;
use std::path::Path;
use std::time::Instant;

/// Problems of equal size: costs (problems * n, m), weights (problems, n) and (problems, m).
struct Batch {
    costs: Matrix<f64>,
    weights: Option<[Matrix<f64>; 2]>,
    /// n.
    sources: usize,
}

impl Batch {
    fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let array = npy::read(folder.join("costs.npy"))?;
        let [problems, sources, targets] = *array.shape() else {
            return Err(format!("costs.npy has shape {:?}, expected (problems, n, m)", array.shape()).into());
        };
        if [problems, sources, targets].contains(&0) {
            return Err(format!("costs.npy has shape {:?}: there is nothing to solve", array.shape()).into());
        }
        let costs = Matrix::from_vec(problems * sources, targets, array.into_vec()?)?;
        let weights = if folder.join("a.npy").exists() {
            let read = |name: &str, count: usize| -> Result<Matrix<f64>, Box<dyn Error>> {
                let weights = npy::read_matrix(folder.join(name))?;
                match (weights.rows(), weights.columns()) == (problems, count) {
                    true => Ok(weights),
                    false => Err(format!("{name} is not of shape ({problems}, {count})").into()),
                }
            };
            Some([read("a.npy", sources)?, read("b.npy", targets)?])
        } else {
            None
        };
        Ok(Self { costs, weights, sources })
    }

    /// Normal clouds in the plane.
    fn generated(problems: usize, points: usize, has_weights: bool) -> Self {
        let mut stream = RandomStream::new(0);
        let mut costs = Matrix::zeros(problems * points, points);
        for problem in 0..problems {
            let x = stream.normal_matrix(points, 2);
            let y = stream.normal_matrix(points, 2).map(|y: f64| y + 1.0);
            let pairs = pairwise(&x, &y, Distance::SquaredEuclidean).expect("finite points");
            for row in 0..points {
                costs.row_mut(problem * points + row).copy_from_slice(pairs.row(row));
            }
        }
        let mut weights = || {
            let mut weights = Matrix::zeros(problems, points);
            for problem in 0..problems {
                stream.fill_uniform(weights.row_mut(problem));
                let mass: f64 = weights.row(problem).iter().sum();
                weights.row_mut(problem).iter_mut().for_each(|weight| *weight /= mass);
            }
            weights
        };
        Self { weights: has_weights.then(|| [weights(), weights()]), costs, sources: points }
    }

    /// The solutions, and the seconds that they took.
    fn solve(&self) -> Result<(Vec<Solution>, f64), brenier::Error> {
        let size = self.sources * self.costs.columns();
        let problems: Vec<Problem<'_, f64>> = self
            .costs
            .as_slice()
            .chunks_exact(size)
            .enumerate()
            .map(|(index, costs)| {
                let costs = MatrixView::from_slice(costs, self.sources, self.costs.columns())?;
                let problem = Problem::from_costs(costs);
                Ok(match &self.weights {
                    Some([a, b]) => {
                        problem.with_source_weights(a.row(index)).with_target_weights(b.row(index))
                    }
                    None => problem,
                })
            })
            .collect::<Result<_, brenier::Error>>()?;
        let started = Instant::now();
        let answers = solve_batch(&problems, &Options::default());
        let seconds = started.elapsed().as_secs_f64();
        Ok((answers.into_iter().collect::<Result<_, _>>()?, seconds))
    }
}

/// The object about a call; what is not finite or not known is null.
fn to_json(solutions: &[Solution], seconds: f64) -> String {
    let number = |value: f64| if value.is_finite() { format!("{value:?}") } else { "null".to_owned() };
    let list = |value: fn(&Solution) -> f64| -> String {
        solutions.iter().map(|solution| number(value(solution))).collect::<Vec<_>>().join(",")
    };
    let is_solved = |solution: &&Solution| solution.certificate.status == Status::Optimal;
    let status = solutions.iter().find(|solution| !is_solved(solution)).unwrap_or(&solutions[0]);
    format!(
        "{{\"status\":\"{}\",\"cost\":[{}],\"gap\":[{}],\"seconds\":{seconds:?},\"peak_memory_bytes\":{}}}",
        status.certificate.status.name(),
        list(|solution| solution.certificate.primal_cost),
        list(|solution| solution.certificate.gap),
        memory::peak_bytes().map_or("null".to_owned(), |bytes| bytes.to_string()),
    )
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(folder) = arguments.iter().find(|argument| !argument.starts_with("--")) {
        let (solutions, seconds) = Batch::read(Path::new(folder))?.solve()?;
        println!("{}", to_json(&solutions, seconds));
        return Ok(());
    }
    // `cargo bench` says so; anything else only tries whether it runs.
    let (problems, points, calls) =
        if arguments.iter().any(|argument| argument == "--bench") { (256, 128, 9) } else { (4, 16, 1) };
    for has_weights in [false, true] {
        let batch = Batch::generated(problems, points, has_weights);
        let mut times = Vec::new();
        for _ in 0..calls {
            times.push(batch.solve()?.1);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "batch: {problems} problems of {points} x {points}, {} weights: {:.2} ms [{:.2} to {:.2}]",
            if has_weights { "random" } else { "uniform" },
            1e3 * times[calls / 2],
            1e3 * times[0],
            1e3 * times[calls - 1],
        );
    }
    Ok(())
}
