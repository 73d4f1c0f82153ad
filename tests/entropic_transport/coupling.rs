//! Minibatch couplings: permutations, least costs, and laws.

use brenier::matrix::Distance;
use brenier::ot::coupling::{self, Coupler, Coupling, Replacement};
use brenier::ot::progress::run_to_the_end;
use brenier::ot::sinkhorn::{self, Options};
use brenier::ot::{Problem, exact};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};

fn clouds(n: usize, m: usize, seed: u64) -> (Matrix<f64>, Matrix<f64>) {
    let mut random = RandomStream::new(seed);
    (random.normal_matrix(n, 2), random.normal_matrix(m, 2))
}

fn squared(x: &Matrix<f64>, y: &Matrix<f64>, i: usize, j: usize) -> f64 {
    x.row(i).iter().zip(y.row(j)).map(|(x, y)| (x - y) * (x - y)).sum()
}

fn is_permutation(pairs: &[usize]) -> bool {
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    sorted.into_iter().eq(0..pairs.len())
}

#[test]
fn exact_pairs_are_a_permutation_of_least_cost() {
    for (n, seed) in [(1, 1), (2, 2), (37, 3), (256, 4)] {
        let (x, y) = clouds(n, n, seed);
        let pairs = coupling::exact_pairs(&x, &y).unwrap();
        assert!(is_permutation(&pairs));
        let cost = pairs.iter().enumerate().map(|(i, &j)| squared(&x, &y, i, j)).sum::<f64>() / n as f64;
        let optimum = exact::solve(&Problem::from_points(&x, &y, Distance::SquaredEuclidean)).unwrap().cost();
        assert!((cost - optimum).abs() <= 1e-14 * n as f64 * optimum, "{cost} {optimum}");
    }
}

#[test]
fn a_plan_is_resampled_with_as_little_noise_as_can_be() {
    let (x, y) = clouds(20, 33, 7);
    let a: Vec<f64> = (0..20).map(|i| if i == 3 { 0.0 } else { (1 + i % 4) as f64 }).collect();
    let total: f64 = a.iter().sum();
    let b = vec![total / 33.0; 33];
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean)
        .with_source_weights(&a)
        .with_target_weights(&b);
    let plan = exact::solve(&problem).unwrap().plan;
    let mut random = RandomStream::new(8);
    let count = 100;
    let mut sums = Matrix::<f64>::zeros(20, 33);
    let repeats = 2000;
    for _ in 0..repeats {
        let pairs = coupling::sample_plan(&plan, count, &mut random).unwrap();
        assert_eq!((pairs.sources.len(), pairs.targets.len()), (count, count));
        let mut counts = Matrix::<f64>::zeros(20, 33);
        for (&i, &j) in pairs.sources.iter().zip(&pairs.targets) {
            counts[(i, j)] += 1.0;
        }
        for entry in plan.entries() {
            let expected = entry.mass / total * count as f64;
            let got = counts[(entry.source, entry.target)];
            assert!(got > expected - 1.0 - 1e-9 && got < expected + 1.0 + 1e-9, "{got} {expected}");
            sums[(entry.source, entry.target)] += got;
            counts[(entry.source, entry.target)] = 0.0;
        }
        assert!(counts.as_slice().iter().all(|&count| count == 0.0), "pairs that the plan does not have");
    }
    for entry in plan.entries() {
        let expected = entry.mass / total * count as f64;
        let mean = sums[(entry.source, entry.target)] / repeats as f64;
        // A count varies by less than one half (between floor and ceiling): the mean by 0.5/sqrt(repeats), five times
        // of which is never seen.
        assert!((mean - expected).abs() < 2.5 / (repeats as f64).sqrt(), "{mean} {expected}");
    }
}

#[test]
fn targets_are_drawn_from_the_rows_of_the_plan() {
    let (n, m) = (6, 70);
    let (x, y) = clouds(n, m, 11);
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let plan = sinkhorn::solve(&problem, 1.0).unwrap().plan;
    let dense = plan.to_matrix();
    let mut counts = Matrix::<f64>::zeros(n, m);
    let mut random = RandomStream::new(12);
    let draws = 20_000;
    for _ in 0..draws {
        for (i, j) in coupling::sample_targets(&plan, &mut random).unwrap().into_iter().enumerate() {
            counts[(i, j)] += 1.0;
        }
    }
    for i in 0..n {
        let mass: f64 = dense.row(i).iter().sum();
        let expected = |j: usize| dense[(i, j)] / mass * draws as f64;
        // Cells that expect fewer than five are taken together.
        let (mut statistic, mut cells, mut rest) = (0.0, 0, [0.0; 2]);
        for j in 0..m {
            if expected(j) >= 5.0 {
                statistic += (counts[(i, j)] - expected(j)).powi(2) / expected(j);
                cells += 1;
            } else {
                rest = [rest[0] + counts[(i, j)], rest[1] + expected(j)];
            }
        }
        if rest[1] >= 5.0 {
            statistic += (rest[0] - rest[1]).powi(2) / rest[1];
            cells += 1;
        }
        // Chi-square with k degrees of freedom: mean k, deviation sqrt(2k); five deviations with this seed would mean a wrong law.
        let freedom = (cells - 1) as f64;
        assert!(statistic < freedom + 5.0 * (2.0 * freedom).sqrt(), "{statistic} for {freedom}");
    }
}

#[test]
fn epsilon_leads_from_the_exact_pairs_to_independent_ones() {
    let (x, y) = clouds(48, 48, 13);
    let exact = coupling::exact_pairs(&x, &y).unwrap();
    let small = Options::new(2e-4).with_max_iterations(200_000).with_tolerance(1e-4);
    let mut random = RandomStream::new(14);
    for replacement in [Replacement::With, Replacement::Without] {
        let pairs = coupling::entropic_pairs(&x, &y, &small, replacement, &mut random).unwrap();
        let same = pairs.iter().zip(&exact).filter(|(a, b)| a == b).count();
        assert!(same >= 44, "{same} of 48 pairs are the exact ones");
    }
    // Independent: with replacement each of the 3 x 3 pairs has the chance of a ninth, without each of the 6 permutations a sixth.
    let (x, y) = clouds(3, 3, 15);
    let large = Options::new(1e6);
    let (mut pairs_seen, mut permutations_seen) = ([0; 9], std::collections::HashMap::new());
    let draws = 3000;
    for _ in 0..draws {
        for (i, j) in coupling::entropic_pairs(&x, &y, &large, Replacement::With, &mut random)
            .unwrap()
            .into_iter()
            .enumerate()
        {
            pairs_seen[3 * i + j] += 1;
        }
        let pairs = coupling::entropic_pairs(&x, &y, &large, Replacement::Without, &mut random).unwrap();
        assert!(is_permutation(&pairs));
        *permutations_seen.entry(pairs).or_insert(0) += 1;
    }
    let within = |count: i32, chance: f64| {
        let deviation = (draws as f64 * chance * (1.0 - chance)).sqrt();
        (f64::from(count) - draws as f64 * chance).abs() < 5.0 * deviation
    };
    assert!(pairs_seen.iter().all(|&count| within(count, 1.0 / 3.0)), "{pairs_seen:?}");
    assert_eq!(permutations_seen.len(), 6);
    assert!(permutations_seen.values().all(|&count| within(count, 1.0 / 6.0)), "{permutations_seen:?}");
}

#[test]
fn sources_with_nothing_left_are_paired_all_the_same() {
    // Epsilon so small that rows see one target each, of which several want the same: a plan far from converged.
    let (x, y) = clouds(40, 40, 16);
    let options = Options::new(1e-6).with_max_iterations(1).with_method(sinkhorn::Method::Plain);
    let pairs =
        coupling::entropic_pairs(&x, &y, &options, Replacement::Without, &mut RandomStream::new(1)).unwrap();
    assert!(is_permutation(&pairs));
}

#[test]
fn a_coupler_pairs_batches_and_repeats_itself() {
    let (x, y) = clouds(50, 50, 17);
    let entropic = |replacement| Coupling::Entropic { options: Options::new(0.3), replacement };
    for coupling in [
        Coupling::Identity,
        Coupling::Independent,
        Coupling::Exact,
        entropic(Replacement::With),
        entropic(Replacement::Without),
    ] {
        let mut coupler = Coupler::new(coupling.clone());
        let first = coupler.couple(&x, &y, &mut RandomStream::new(3)).unwrap();
        for (i, &j) in first.indices.iter().enumerate() {
            assert_eq!(first.targets.row(i), y.row(j));
        }
        if coupling != entropic(Replacement::With) {
            assert!(is_permutation(first.indices), "{coupling:?}");
        }
        let first = first.indices.to_vec();
        assert_eq!(coupler.couple(&x, &y, &mut RandomStream::new(3)).unwrap().indices, first);
        if coupling != entropic(Replacement::With) {
            let refused = coupler.couple(&x, &y.rows_range(0..49).to_matrix(), &mut RandomStream::new(3));
            assert!(matches!(refused, Err(Error::Shape { .. })), "{coupling:?}");
        }
    }
    assert_eq!(
        Coupler::<f64>::new(Coupling::Identity).couple(&x, &y, &mut RandomStream::new(3)).unwrap().indices,
        (0..50).collect::<Vec<_>>()
    );
}

#[cfg(feature = "parallel")]
#[test]
fn the_pairs_do_not_depend_on_the_number_of_threads() {
    let (x, y) = clouds(700, 700, 18);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            [Replacement::With, Replacement::Without].map(|replacement| {
                let options = Options::new(0.2).with_tolerance(1e-3);
                coupling::entropic_pairs(&x, &y, &options, replacement, &mut RandomStream::new(5)).unwrap()
            })
        })
    };
    assert_eq!(run(1), run(3));
}

#[test]
fn a_row_without_mass_has_no_target() {
    let costs = Matrix::from_rows([[0.0, 1.0], [1e30, 1e30]]);
    let options = brenier::ot::unbalanced::Options::new(0.1, 1.0);
    let solution =
        brenier::ot::unbalanced::solve_with(&Problem::from_costs(&costs), &options, &mut run_to_the_end)
            .unwrap();
    let refused = coupling::sample_targets(&solution.plan, &mut RandomStream::new(1));
    assert!(matches!(refused, Err(Error::ZeroRow { row: 1, .. })), "{refused:?}");
}
