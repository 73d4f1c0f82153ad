//! The same bits from any number of threads.
#![cfg(feature = "parallel")]

use crate::problems::{Filling, Spread, Structure, clouds, matrix, shares, solved, units};
use crate::proof::same_answer;
use brenier::matrix::Distance;
use brenier::ot::Problem;
use brenier::ot::exact::{self, Method, Options, Solution};
use std::ops::ControlFlow;

/// The answers of pools of 1, 2, 3 and 5 threads are the same, to the last bit of everything but the clock.
fn assert_same_bits(solve: impl Fn() -> Solution + Sync) -> Solution {
    let in_pool = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(&solve)
    };
    let one = in_pool(1);
    for threads in [2, 3, 5] {
        assert!(same_answer(&one, &in_pool(threads)), "{threads} threads");
    }
    one
}

#[test]
fn clouds_and_matrices_give_the_same_bits_on_any_number_of_threads() {
    for (dimension, distance) in [(2, Distance::SquaredEuclidean), (20, Distance::Euclidean)] {
        let (x, y) = clouds(Structure::Normal, 1500, 1500, dimension, 71);
        let [a, b] = units(Spread::Random, 1500, 1500, 72).map(|units| shares(&units));
        let problem = Problem::from_points(&x, &y, distance).with_source_weights(&a).with_target_weights(&b);
        let solution = assert_same_bits(|| solved(&problem, Method::Sparse));
        assert_eq!((solution.certificate.is_optimal(), solution.report.method), (true, "sparse simplex"));
    }
    let costs = matrix(Filling::Uniform, 1200, 1200, 73);
    let solution = assert_same_bits(|| solved(&Problem::from_costs(&costs), Method::Sparse));
    assert_eq!((solution.certificate.is_optimal(), solution.report.method), (true, "sparse simplex"));
}

#[test]
fn costs_on_the_fly_give_the_same_bits_on_any_number_of_threads() {
    // More than 2^22 pairs: swept and screened in chunks.
    let (x, y) = clouds(Structure::Cube, 2100, 2000, 3, 74);
    let (x, y) = (x.map(|value| value as f32), y.map(|value| value as f32));
    let problem = Problem::from_points(&x, &y, Distance::Manhattan);
    let solution = assert_same_bits(|| solved(&problem, Method::Sparse));
    assert_eq!((solution.certificate.is_optimal(), solution.report.method), (true, "sparse simplex"));
}

#[test]
fn stopped_answers_have_the_same_bits_on_any_number_of_threads() {
    let (x, y) = clouds(Structure::Normal, 900, 1000, 2, 75);
    let problem = Problem::from_points(&x, &y, Distance::SquaredEuclidean);
    let options = Options::default().with_method(Method::Sparse);
    for call in [3, 40, 80] {
        assert_same_bits(|| {
            let mut calls = 0;
            let solution = exact::solve_with(&problem, &options, &mut |_| {
                calls += 1;
                if calls > call { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            solution.unwrap()
        });
    }
}
