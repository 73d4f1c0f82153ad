//! Domain adaptation: maps that are known, maps between points, and what labels do.

use brenier::matrix::Distance;
use brenier::ot::adaptation::{Adaptation, Options, OutOfSample, PlanKind, Sample, fit};
use brenier::ot::{Problem, Status, sinkhorn};
use brenier::random::RandomStream;
use brenier::{Error, Matrix};

/// A grid of 25 points, and the same turned by 0.1 and moved: no way is longer than half the spacing after the move, so the
/// cheapest plan takes each point to its own image.
fn turned_grid() -> (Matrix<f64>, Matrix<f64>) {
    let x =
        Matrix::from_fn(25, 2, |row, column| if column == 0 { (row / 5) as f64 } else { (row % 5) as f64 });
    let (sine, cosine) = 0.1_f64.sin_cos();
    let y = Matrix::from_fn(25, 2, |row, column| {
        let (u, v) = (x[(row, 0)] - 2.0, x[(row, 1)] - 2.0);
        if column == 0 { 7.0 + cosine * u - sine * v } else { -3.0 + sine * u + cosine * v }
    });
    (x, y)
}

fn largest_difference(a: &Matrix<f64>, b: &Matrix<f64>) -> f64 {
    assert_eq!(a.shape(), b.shape());
    a.as_slice().iter().zip(b.as_slice()).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
}

#[test]
fn a_rotation_and_translation_is_recovered() {
    let (x, y) = turned_grid();
    let (source, target) = (Sample::new(&x), Sample::new(&y));
    for plan in [PlanKind::Exact, PlanKind::Entropic] {
        let options = Options::default().with_plan(plan).with_epsilon(0.01);
        let adaptation = fit(&source, &target, &options).unwrap();
        assert!(adaptation.is_converged());
        // Of the entropic plan other targets get a mass of about exp(-0.6/0.01) and what the marginal error is.
        let tolerance = if plan == PlanKind::Exact { 1e-14 } else { 1e-4 };
        let tolerance = 10.0 * tolerance;
        assert!(largest_difference(&adaptation.images().unwrap(), &y) < tolerance, "{plan:?}");
        assert!(largest_difference(&adaptation.inverse_images().unwrap(), &x) < tolerance, "{plan:?}");
        assert!(largest_difference(&adaptation.transform(&x).unwrap(), &y) < tolerance, "{plan:?}");
        assert!(largest_difference(&adaptation.inverse_transform(&y).unwrap(), &x) < tolerance, "{plan:?}");
        // A point between: with its nearest neighbour, so half a spacing of the unturned grid.
        let nearest = options.with_out_of_sample(OutOfSample::NearestDisplacement);
        let moved =
            fit(&source, &target, &nearest).unwrap().transform(&Matrix::from_rows([[2.25, 2.0]])).unwrap();
        assert!(largest_difference(&moved, &Matrix::from_rows([[7.25, -3.0]])) < tolerance, "{plan:?}");
    }
}

/// Two clouds in the plane with unequal weights, one without any.
fn clouds() -> (Matrix<f64>, Matrix<f64>, Vec<f64>) {
    let mut random = RandomStream::new(11);
    let x: Matrix<f64> = random.normal_matrix(90, 2);
    let y = random.normal_matrix::<f64>(70, 2).map(|z| 0.5 * z + 1.0);
    let mut weights: Vec<f64> = (0..90).map(|_| 0.5 + random.uniform::<f64>()).collect();
    weights[5] = 0.0;
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= total);
    (x, y, weights)
}

#[test]
fn images_are_the_barycentric_projection_and_the_entropic_map_at_the_sources() {
    let (x, y, weights) = clouds();
    for distance in [Distance::SquaredEuclidean, Distance::Euclidean] {
        let solver = sinkhorn::Options::new(0.1).with_tolerance(1e-10);
        let options = Options::default()
            .with_distance(distance)
            .with_sinkhorn(solver.clone())
            .with_out_of_sample(OutOfSample::Potentials);
        let adaptation = fit(&Sample::new(&x).with_weights(&weights), &Sample::new(&y), &options).unwrap();
        let problem = Problem::from_points(&x, &y, distance).with_source_weights(&weights);
        let solution =
            sinkhorn::solve_with(&problem, &solver, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
        let images = adaptation.images().unwrap();
        // Both are averages of the same exponentials, of exponents below 100.
        let tolerance = 1000.0 * f64::EPSILON * 4.0;
        let projection = solution.plan.barycentric_projection(&y).unwrap();
        assert!(largest_difference(&images, &projection) < tolerance);
        assert!(largest_difference(&images, &adaptation.transform(&x).unwrap()) < tolerance);
        let back = adaptation.inverse_images().unwrap();
        assert!(largest_difference(&back, &adaptation.inverse_transform(&y).unwrap()) < tolerance);
        // By definition, from the dense plan.
        let plan = solution.plan.to_matrix();
        for j in 0..70 {
            let mass: f64 = plan.column(j).sum();
            for column in 0..2 {
                let mean: f64 = (0..90).map(|i| plan[(i, j)] / mass * x[(i, column)]).sum();
                assert!((back[(j, column)] - mean).abs() < tolerance);
            }
        }
        // f32 samples are the same samples.
        let narrow = |points: &Matrix<f64>| {
            Matrix::from_fn(points.rows(), 2, |row, column| points[(row, column)] as f32)
        };
        let (x32, y32) = (narrow(&x), narrow(&y));
        let single = fit(&Sample::new(&x32).with_weights(&weights), &Sample::new(&y32), &options).unwrap();
        // Coordinates below 4 are rounded to 2.4e-7; the map's slope is at most |y|²/(2 ε), about 40.
        assert!(largest_difference(&single.images().unwrap(), &images) < 1e-4);
    }
}

#[test]
fn the_entropic_map_is_smooth_and_monotone_between_the_sources() {
    let (x, y, weights) = clouds();
    let options = Options::default().with_epsilon(0.05);
    let adaptation = fit(&Sample::new(&x).with_weights(&weights), &Sample::new(&y), &options).unwrap();
    let mut random = RandomStream::new(12);
    let points: Matrix<f64> = random.normal_matrix(200, 2);
    let step = 1e-6;
    let near = points.map(|coordinate| coordinate + step);
    let (at, beside) = (adaptation.transform(&points).unwrap(), adaptation.transform(&near).unwrap());
    // DT = 2 Cov_w(y)/ε, and no variance is larger than a quarter of the squared diameter, here below 16.
    let slope = 2.0 * 4.0 / 0.05;
    for row in 0..200 {
        for other in 0..row {
            let product: f64 = (0..2)
                .map(|k| (at[(row, k)] - at[(other, k)]) * (points[(row, k)] - points[(other, k)]))
                .sum();
            assert!(product >= -1e-13, "the map is the gradient of a convex function: {product}");
        }
        for k in 0..2 {
            let difference = (at[(row, k)] - beside[(row, k)]).abs();
            assert!(difference <= slope * 2.0 * step + 1e-12, "{difference}");
        }
    }
    // Far away there is no underflow: the image is a target's, that of the hull that lies in this direction.
    let far = adaptation.transform(&Matrix::from_rows([[1e6, 0.0], [-1e6, 0.0]])).unwrap();
    let right = (0..70).map(|j| y[(j, 0)]).fold(f64::MIN, f64::max);
    let left = (0..70).map(|j| y[(j, 0)]).fold(f64::MAX, f64::min);
    assert_eq!((far[(0, 0)], far[(1, 0)]), (right, left));
}

#[test]
fn an_exact_plan_moves_along_with_the_nearest_or_to_the_cell_of_the_potentials() {
    let (x, y, weights) = clouds();
    let (source, target) = (Sample::new(&x).with_weights(&weights), Sample::new(&y));
    let options = Options::default().with_plan(PlanKind::Exact);
    let nearest = fit(&source, &target, &options).unwrap();
    assert_eq!(nearest.outcome().status, Status::Optimal);
    // The sixth source has no mass: no image, and nobody moves with it.
    assert_eq!(nearest.images(), Err(Error::ZeroRow { what: "exact plan", row: 5 }));
    let moved = nearest.transform(&x).unwrap();
    let image = |adaptation: &Adaptation, row: usize| {
        adaptation.transform(x.view().rows_range(row..row + 1)).unwrap()
    };
    assert_eq!(image(&nearest, 7).row(0), moved.row(7));
    let by_cells = fit(&source, &target, &options.with_out_of_sample(OutOfSample::Potentials)).unwrap();
    let cells = by_cells.transform(&x).unwrap();
    for row in 0..90 {
        assert!((0..70).any(|j| y.row(j) == cells.row(row)), "the image is a target");
    }
    // Targets are split between sources; the images back are averages of sources that the plan joins.
    assert_eq!(nearest.inverse_images().unwrap().shape(), (70, 2));
}

/// Two classes that overlap after a shift: sources of both, and targets with the truth.
fn two_classes(count: usize, seed: u64) -> (Matrix<f64>, Vec<i64>, Matrix<f64>, Vec<i64>) {
    let mut random = RandomStream::new(seed);
    let labels: Vec<i64> = (0..count).map(|row| if row % 2 == 0 { 3 } else { 8 }).collect();
    let mut cloud = |shift: [f64; 2], spread: f64| {
        let noise: Matrix<f64> = random.normal_matrix(count, 2);
        Matrix::from_fn(count, 2, |row, column| {
            let centre = if labels[row] == 3 { [0.0, 0.0] } else { [2.5, 0.0] };
            centre[column] + shift[column] + spread * noise[(row, column)]
        })
    };
    let (source, target) = (cloud([0.0, 0.0], 0.5), cloud([1.0, 1.5], 0.6));
    (source, labels.clone(), target, labels)
}

/// The share of the mass that goes from a class to targets of another.
fn crossing(adaptation: &Adaptation, truth: &[i64]) -> f64 {
    let (labels, shares) = adaptation.target_class_shares().unwrap();
    let wrong = |target: usize| -> f64 {
        labels
            .iter()
            .zip(shares.row(target))
            .filter(|(label, _)| **label != truth[target])
            .map(|(_, s)| s)
            .sum()
    };
    (0..truth.len()).map(wrong).sum::<f64>() / truth.len() as f64
}

#[test]
fn labels_of_the_sources_keep_classes_together() {
    for seed in [21, 22, 23, 24] {
        let (x, labels, y, truth) = two_classes(120, seed);
        let (source, target) = (Sample::new(&x).with_labels(&labels), Sample::new(&y));
        let options = Options::default().with_epsilon(2.0);
        let fitted = |plan| fit(&source, &target, &options.clone().with_plan(plan)).unwrap();
        let strengths = [0.0, 2.0, 8.0].map(|strength| fitted(PlanKind::ClassGroups { strength }));
        // Strength zero is the plan without the term, but for marginal errors of 1e-6.
        let [crossed, parted, most] = strengths.each_ref().map(|adaptation| crossing(adaptation, &truth));
        assert!((crossing(&fitted(PlanKind::Entropic), &truth) - crossed).abs() < 4e-6);
        // How far the classes mix in what a target receives, right or wrong: that is what the term is about.
        let mixture = |adaptation: &Adaptation| {
            let (_, shares) = adaptation.target_class_shares().unwrap();
            (0..120).map(|j| shares.row(j).iter().copied().fold(1.0, f64::min)).sum::<f64>() / 120.0
        };
        let mixtures = strengths.each_ref().map(mixture);
        println!(
            "seed {seed}: mass that crosses {crossed:.4}, {parted:.4}, {most:.4} at strength 0, 2, 8; mixture {mixtures:.4?}"
        );
        assert!(parted < crossed && most < crossed, "{crossed} {parted} {most}");
        assert!(mixtures[2] < mixtures[1] && mixtures[1] < mixtures[0], "{mixtures:?}");
        for adaptation in &strengths[1..] {
            // Majorisation: the objective does not rise but for the marginal errors of 1e-6, times costs below 100.
            let objectives = &adaptation.outcome().objectives;
            assert!(adaptation.is_converged(), "{:?}", adaptation.outcome());
            assert_eq!(objectives.len() as u64, adaptation.outcome().reweightings + 1);
            for pair in objectives.windows(2) {
                assert!(pair[1] <= pair[0] + 1e-4, "{objectives:?}");
            }
        }
        let predicted = strengths[1].predict_target_labels().unwrap();
        let shares = strengths[1].target_class_shares().unwrap().1;
        for (target, label) in predicted.into_iter().enumerate() {
            assert_eq!(label, if shares[(target, 0)] >= shares[(target, 1)] { 3 } else { 8 });
        }
    }
    // With a limit the status says so.
    let (x, labels, y, _) = two_classes(120, 21);
    let options = Options::default()
        .with_plan(PlanKind::ClassGroups { strength: 2.0 })
        .with_max_reweightings(1)
        .with_class_tolerance(0.0);
    let limited = fit(&Sample::new(&x).with_labels(&labels), &Sample::new(&y), &options).unwrap();
    assert_eq!((limited.outcome().status, limited.outcome().reweightings), (Status::IterationLimit, 1));
}

#[test]
fn known_labels_of_targets_forbid_pairs() {
    let (x, labels, y, truth) = two_classes(60, 22);
    // Every third target is known.
    let known: Vec<i64> =
        truth.iter().enumerate().map(|(j, &label)| if j % 3 == 0 { label } else { -1 }).collect();
    let source = Sample::new(&x).with_labels(&labels);
    let target = Sample::new(&y).with_labels(&known);
    for plan in [PlanKind::Entropic, PlanKind::Exact, PlanKind::ClassGroups { strength: 0.5 }] {
        // ε as a share of the mean cost is the same whatever labels add.
        let epsilon = sinkhorn::Epsilon::RelativeToMean(0.05);
        let options = Options::default().with_plan(plan).with_epsilon(epsilon);
        let adaptation = fit(&source, &target, &options).unwrap();
        let free = fit(&source, &Sample::new(&y), &options).unwrap();
        assert!((adaptation.epsilon() - free.epsilon()).abs() <= 1e-12 * free.epsilon());
        let (names, shares) = adaptation.target_class_shares().unwrap();
        for (j, &label) in known.iter().enumerate().filter(|(_, label)| **label >= 0) {
            let own = names.iter().position(|&name| name == label).unwrap();
            assert!(shares[(j, own)] > 1.0 - 1e-9, "{plan:?}: {}", shares[(j, own)]);
        }
        assert!(crossing(&adaptation, &truth) <= crossing(&free, &truth) + 1e-9, "{plan:?}");
    }
    // Sources of unknown class belong to no group and are forbidden nothing.
    let unknown = vec![-1; 60];
    let options = Options::default();
    let plain = fit(&Sample::new(&x), &Sample::new(&y), &options).unwrap();
    let unlabelled = fit(&Sample::new(&x).with_labels(&unknown), &target, &options).unwrap();
    assert_eq!(plain.images().unwrap(), unlabelled.images().unwrap());
    assert!(matches!(unlabelled.predict_target_labels(), Err(Error::Empty { .. })));
}

#[test]
fn bad_input_is_refused_with_its_place() {
    let (x, labels, y, _) = two_classes(10, 23);
    let (source, target) = (Sample::new(&x), Sample::new(&y));
    let options = Options::default();
    let refusal = |source: &Sample<'_, f64>, options: &Options| fit(source, &target, options).err().unwrap();
    for (name, broken) in [
        ("label_penalty", options.clone().with_label_penalty(f64::NAN)),
        ("label_penalty", options.clone().with_label_penalty(-1.0)),
        ("class_power", options.clone().with_class_power(1.0)),
        ("class_offset", options.clone().with_class_offset(0.0)),
        ("max_reweightings", options.clone().with_max_reweightings(0)),
        ("class_tolerance", options.clone().with_class_tolerance(-1.0)),
        ("strength", options.clone().with_plan(PlanKind::ClassGroups { strength: -0.5 })),
        ("epsilon", options.clone().with_epsilon(0.0)),
    ] {
        match refusal(&source, &broken) {
            Error::Argument { name: refused, .. } => assert_eq!(refused, name),
            other => panic!("{name}: {other}"),
        }
    }
    let what = "number of source labels";
    let error = refusal(&source.with_labels(&labels[..9]), &options);
    assert_eq!(error, Error::Shape { operation: "adaptation::fit", what, expected: 10, got: 9 });
    let grouped = options.clone().with_plan(PlanKind::ClassGroups { strength: 1.0 });
    assert_eq!(refusal(&source, &grouped), Error::Empty { what: "the set of known source labels" });
    assert!(matches!(refusal(&source.with_weights(&[0.1; 9]), &options), Error::Shape { .. }));
    let mut holed = x.clone();
    holed[(3, 1)] = f64::NAN;
    for options in [options.clone(), options.clone().with_plan(PlanKind::Exact), grouped] {
        match refusal(&Sample::new(&holed).with_labels(&labels), &options) {
            Error::NotFiniteEntry { what, row: 3, column: 1, .. } => assert_eq!(what, "source points"),
            other => panic!("{other}"),
        }
    }
    let adaptation = fit(&source, &target, &options).unwrap();
    assert!(matches!(
        adaptation.transform(&Matrix::<f64>::zeros(2, 3)),
        Err(Error::Shape { expected: 2, got: 3, .. })
    ));
    assert!(matches!(adaptation.transform(&holed), Err(Error::NotFiniteEntry { row: 3, column: 1, .. })));
    assert_eq!(adaptation.transform(&Matrix::<f64>::zeros(0, 2)).unwrap().shape(), (0, 2));
}
