use super::super::instances::{cloud, with_clouds};
use super::super::side::COARSENING;
use super::*;
use crate::ot::exact::plain::first_cut;
use crate::ot::problem::Problem;
use crate::ot::sinkhorn::CostBlocks;
use crate::random::RandomStream;

const DISTANCES: [Distance; 10] = [
    Distance::SquaredEuclidean,
    Distance::Euclidean,
    Distance::Manhattan,
    Distance::Chebyshev,
    Distance::Cosine,
    Distance::Minkowski { p: 1.0 },
    Distance::Minkowski { p: 3.0 },
    Distance::MinkowskiPower { p: 0.5 },
    Distance::MinkowskiPower { p: 2.0 },
    Distance::MinkowskiPower { p: 3.5 },
];

/// The definition, in double precision.
fn distance_of(x: &[f64], y: &[f64], distance: Distance) -> f64 {
    let power_sum = |p: f64| x.iter().zip(y).map(|(x, y)| (x - y).abs().powf(p)).sum::<f64>();
    match distance {
        Distance::SquaredEuclidean => power_sum(2.0),
        Distance::Euclidean => power_sum(2.0).sqrt(),
        Distance::Manhattan => power_sum(1.0),
        Distance::Chebyshev => x.iter().zip(y).map(|(x, y)| (x - y).abs()).fold(0.0, f64::max),
        Distance::Minkowski { p } => power_sum(p).powf(1.0 / p),
        Distance::MinkowskiPower { p } => power_sum(p),
        Distance::Cosine => {
            let length = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
            0.5 * x.iter().zip(y).map(|(a, b)| (a / length(x) - b / length(y)).powi(2)).sum::<f64>()
        }
    }
}

/// How far a scaled cost may be off: coordinates of at most one are moved by u each, a difference by 2u. A power p multiplies that by
/// p times a difference's power p - 1, at most 2^(p-1); below one it is at most (2u)^p.
fn allowed(distance: Distance, dimension: usize) -> f64 {
    let u = 0.5 * f64::from(f32::EPSILON);
    let d = dimension as f64;
    let computing = |largest: f64| (d + 40.0) * u * largest;
    match distance {
        Distance::SquaredEuclidean => 8.0 * u * d + computing(4.0 * d),
        Distance::MinkowskiPower { p } if p < 1.0 => d * (2.0 * u).powf(p) + computing(2.0 * d),
        Distance::MinkowskiPower { p } => d * p * 2.0_f64.powf(p) * u + computing(2.0_f64.powf(p) * d),
        Distance::Cosine => 16.0 * u + computing(2.0),
        _ => 2.0 * d * u + computing(2.0 * d),
    }
}

fn block(costs: &impl CostBlocks<f32>) -> Matrix<f32> {
    let mut all = Matrix::zeros(costs.rows(), costs.columns());
    let shape = (costs.rows(), costs.columns());
    costs.block_into(0..shape.0, 0..shape.1, all.as_mut_slice());
    // Any piece has the same values.
    let (rows, columns) = (shape.0 / 3..shape.0, shape.1 / 4..shape.1 / 2 + 1);
    let mut piece = vec![f32::NAN; rows.len() * columns.len()];
    costs.block_into(rows.clone(), columns.clone(), &mut piece);
    for (at, &value) in piece.iter().enumerate() {
        let expected = all[(rows.start + at / columns.len(), columns.start + at % columns.len())];
        assert!((value - expected).abs() <= 4.0 * f32::EPSILON * (1.0 + expected.abs()));
    }
    all
}

fn units(count: usize, gap: usize) -> Vec<i64> {
    (0..count).map(|index| if index % gap == gap - 1 { 0 } else { 1 + index as i64 % 3 }).collect()
}

/// Who has mass, once each, with its share of it.
fn check_sides<T: Scalar>(scaled: &ScaledProblem<'_, '_, T>, supply: &[i64], demand: &[i64]) {
    for (units, order, side) in
        [(supply, &scaled.source_order, &scaled.sources), (demand, &scaled.target_order, &scaled.targets)]
    {
        let mut sorted = order.clone();
        sorted.sort_unstable();
        let with_mass: Vec<u32> =
            (0..units.len() as u32).filter(|&index| units[index as usize] > 0).collect();
        assert_eq!(sorted, with_mass, "what has no mass is left out");
        assert_eq!(side.len(), order.len());
        let total: i64 = units.iter().sum();
        for (&index, &weight) in order.iter().zip(&side.weights) {
            assert_eq!(weight, (units[index as usize] as f64 / total as f64) as f32);
        }
    }
}

#[test]
fn scaled_costs_of_points_are_the_costs_to_single_precision() {
    for distance in DISTANCES {
        for d in [1, 2, 3, 8, 9, 20, 64] {
            for (centre, other_centre, extent) in
                [(0.0, 0.0, 1.0), (5.0, -3.0, 1.0), (1e6, 1e6, 1.0), (0.0, 0.5e-7, 1e-7), (1e3, 2e3, 1e4)]
            {
                let (x, y) = (cloud(37, d, 1, centre, extent), cloud(45, d, 2, other_centre, 0.7 * extent));
                let (supply, demand) = (units(37, 5), units(45, 4));
                let looked = with_clouds([&x, &y], distance, [&supply, &demand], |_, scaled| {
                    check_sides(scaled, &supply, &demand);
                    assert_eq!(scaled.is_squared_euclidean(), distance == Distance::SquaredEuclidean);
                    let forward = block(&scaled.forward(&scaled.sources, &scaled.targets).unwrap());
                    let backward = block(&scaled.backward(&scaled.sources, &scaled.targets).unwrap());
                    for (row, (&source, r)) in
                        scaled.source_order.iter().zip(&scaled.source_shifts).enumerate()
                    {
                        for (column, (&target, s)) in
                            scaled.target_order.iter().zip(&scaled.target_shifts).enumerate()
                        {
                            let exact = distance_of(x.row(source as usize), y.row(target as usize), distance);
                            // The costs themselves, and shifts far larger than they are, are rounded in double precision.
                            let wide = 8.0 * d as f64 * f64::EPSILON * (exact + r.abs() + s.abs());
                            for c in [forward[(row, column)], backward[(column, row)]] {
                                let got = scaled.unit * f64::from(c) + r + s;
                                let off = (got - exact).abs();
                                assert!(
                                    off <= scaled.unit * allowed(distance, d) + wide,
                                    "{distance}, d = {d}, centre {centre}: {got} for {exact}"
                                );
                            }
                        }
                    }
                });
                assert!(looked.is_some(), "{distance}, d = {d}, centre {centre}");
            }
        }
    }
}

#[test]
fn coordinates_and_costs_are_of_ordinary_size() {
    for scale in [1e-120, 1e-3, 1.0, 1e120] {
        let (x, y) = (cloud(50, 3, 1, scale, scale), cloud(50, 3, 2, -scale, scale));
        let ones = [1; 50];
        let sizes = with_clouds([&x, &y], Distance::SquaredEuclidean, [&ones, &ones], |_, scaled| {
            let Members::Points(points) = &scaled.sources.members else { panic!("points") };
            let Members::Points(others) = &scaled.targets.members else { panic!("points") };
            let largest =
                points.as_slice().iter().chain(others.as_slice()).fold(0.0_f32, |a, b| a.max(b.abs()));
            assert_eq!(largest, 1.0, "the largest coordinate is one");
            // Each cloud has its own centre.
            for points in [points, others] {
                for axis in 0..3 {
                    let mean = (0..50).map(|row| f64::from(points[(row, axis)])).sum::<f64>() / 50.0;
                    assert!(mean.abs() <= f64::from(f32::EPSILON), "{mean}");
                }
            }
        });
        assert!(sizes.is_some(), "scale {scale}");
    }
}

#[test]
fn the_error_of_a_bounded_problem_is_within_its_bound() {
    for distance in [Distance::SquaredEuclidean, Distance::Euclidean] {
        for d in [1, 2, 3, 15, 16, 20, 64, 300] {
            for other_extent in [1.0, 1e-3, 1e-8] {
                let (x, y) = (cloud(60, d, 5, 0.0, 1.0), cloud(70, d, 6, 0.0, other_extent));
                let (ones, others) = ([1; 60], [1; 70]);
                with_clouds([&x, &y], distance, [&ones, &others], |costs, scaled| {
                    let (blocks, relative, absolute) = scaled.bounded().unwrap();
                    let computed = block(&blocks);
                    for (row, (&source, r)) in
                        scaled.source_order.iter().zip(&scaled.source_shifts).enumerate()
                    {
                        for (column, (&target, s)) in
                            scaled.target_order.iter().zip(&scaled.target_shifts).enumerate()
                        {
                            let exact = (costs.entry(source as usize, target as usize) - r - s) / scaled.unit;
                            let computed = f64::from(computed[(row, column)]);
                            let off = (computed - exact).abs();
                            assert!(
                                off <= relative * computed + absolute,
                                "{distance}, d = {d}: {computed} for {exact}"
                            );
                        }
                    }
                })
                .unwrap();
            }
        }
    }
}

#[test]
fn means_of_cells_keep_mass_and_centre() {
    let (x, y) = (cloud(203, 3, 1, 0.0, 1.0), cloud(101, 3, 2, 0.0, 1.0));
    let (supply, demand) = (units(203, 9), units(101, 6));
    with_clouds([&x, &y], Distance::Euclidean, [&supply, &demand], |_, scaled| {
        let coarser = scaled.sources.coarser();
        assert_eq!(coarser.len(), scaled.sources.len().div_ceil(COARSENING));
        let moments = |side: &Side| -> [f64; 4] {
            let Members::Points(points) = &side.members else { panic!("points") };
            let mut moments = [0.0; 4];
            for (row, &weight) in side.weights.iter().enumerate() {
                moments[3] += f64::from(weight);
                for axis in 0..3 {
                    moments[axis] += f64::from(weight) * f64::from(points[(row, axis)]);
                }
            }
            moments
        };
        for (before, after) in moments(&scaled.sources).into_iter().zip(moments(&coarser)) {
            // Sums of at most 203 terms below one, and means of four.
            assert!((before - after).abs() <= 16.0 * f64::from(f32::EPSILON), "{before} and {after}");
        }
    })
    .unwrap();
}

/// A matrix as it is and scaled, with the cut that a solver would begin with.
fn with_matrix<T: Scalar>(
    matrix: &Matrix<T>,
    [supply, demand]: [&[i64]; 2],
    look: impl FnOnce(&CostRows<'_, T>, &ScaledProblem<'_, '_, T>),
) -> Option<()> {
    let problem = Problem::from_costs(matrix);
    let mut costs = CostRows::new(&problem).unwrap();
    costs.cut = first_cut(&costs);
    let scaled = ScaledProblem::new(problem.costs(), &costs, supply, demand)?;
    check_sides(&scaled, supply, demand);
    look(&costs, &scaled);
    Some(())
}

/// c is what remains of the costs, to single precision; none is negative, and each row and column with mass has a zero.
fn check_matrix<T: Scalar>(costs: &CostRows<'_, T>, scaled: &ScaledProblem<'_, '_, T>) {
    let forward = block(&scaled.forward(&scaled.sources, &scaled.targets).unwrap());
    let backward = block(&scaled.backward(&scaled.sources, &scaled.targets).unwrap());
    let mut sum = 0.0;
    let mut zeros = vec![false; forward.rows() + forward.columns()];
    for (row, (&source, r)) in scaled.source_order.iter().zip(&scaled.source_shifts).enumerate() {
        for (column, (&target, s)) in scaled.target_order.iter().zip(&scaled.target_shifts).enumerate() {
            let cost = costs.entry(source as usize, target as usize);
            let c = forward[(row, column)];
            assert_eq!(c.to_bits(), backward[(column, row)].to_bits());
            assert!(c >= 0.0);
            zeros[row] |= c == 0.0;
            zeros[forward.rows() + column] |= c == 0.0;
            let rest = scaled.unit * f64::from(c);
            let rounding =
                f64::from(f32::EPSILON) * rest + 4.0 * f64::EPSILON * (cost.abs() + r.abs() + s.abs());
            assert!((rest + r + s - cost).abs() <= rounding, "{} for {cost}", rest + r + s);
            sum += f64::from(c);
        }
    }
    assert!(zeros.into_iter().all(|zero| zero));
    let mean = sum / (forward.rows() * forward.columns()) as f64;
    assert!((mean - 1.0).abs() < 1e-5, "the unit is the mean of what remains, not {mean} of it");
    // Some of the targets only, as the columns that got few candidates, or a coarser level: the same numbers.
    let some: Vec<u32> = (0..scaled.targets.len() as u32).step_by(3).collect();
    let side = scaled.targets.pick(&some);
    let (picked, turned) = (
        block(&scaled.forward(&scaled.sources, &side).unwrap()),
        block(&scaled.backward(&scaled.sources, &side).unwrap()),
    );
    for row in 0..forward.rows() {
        for (at, &column) in some.iter().enumerate() {
            assert_eq!(picked[(row, at)].to_bits(), forward[(row, column as usize)].to_bits());
            assert_eq!(turned[(at, row)].to_bits(), forward[(row, column as usize)].to_bits());
        }
    }
}

#[test]
fn scaled_costs_of_matrices_are_the_costs_to_single_precision() {
    for (rows, columns, gaps) in
        [(9, 11, [99, 99]), (40, 70, [7, 5]), (70, 1100, [99, 4]), (130, 30, [2, 99])]
    {
        for (low, high) in [(0.0, 1.0), (-1.0, 0.5), (1e6, 1e6 + 1.0), (-1e-9, 1e-9)] {
            let mut random = RandomStream::new(31);
            let wide = Matrix::from_fn(rows, columns, |_, _| low + (high - low) * random.uniform::<f64>());
            let narrow = Matrix::from_fn(rows, columns, |row, column| wide[(row, column)] as f32);
            let (supply, demand) = (units(rows, gaps[0]), units(columns, gaps[1]));
            with_matrix(&wide, [&supply, &demand], check_matrix).unwrap();
            with_matrix(&narrow, [&supply, &demand], check_matrix).unwrap();
        }
    }
}

#[test]
fn forbidden_pairs_do_not_swallow_the_others() {
    let mut random = RandomStream::new(37);
    let (supply, demand) = (units(50, 99), units(60, 7));
    for forbidden in [1e30, 1e300] {
        let matrix = Matrix::from_fn(50, 60, |row, column| {
            if (row * 7 + column * 3) % 5 == 0 { forbidden } else { random.uniform::<f64>() }
        });
        with_matrix(&matrix, [&supply, &demand], |costs, scaled| {
            assert!(costs.cut < 1e4, "cut at {}", costs.cut);
            check_matrix(costs, scaled);
        })
        .unwrap();
    }
}

#[test]
fn what_has_no_mass_does_not_set_the_unit() {
    let mut random = RandomStream::new(41);
    let supply = units(30, 99);
    let mut demand = units(30, 99);
    demand[5] = 0;
    // What no plan can use is far below all others, or far above.
    for odd in [-1e5, 1e5] {
        let matrix = Matrix::from_fn(30, 30, |_, column| {
            let cost = random.uniform::<f64>();
            if column == 5 { odd * cost } else { cost }
        });
        let looked = with_matrix(&matrix, [&supply, &demand], check_matrix);
        assert!(looked.is_some(), "a column of {odd} without mass");
    }
}

#[test]
fn what_single_precision_cannot_hold_is_refused() {
    let ones = [1; 4];
    // All points equal: there is no scale.
    let same = Matrix::from_fn(4, 2, |_, _| 0.5);
    assert!(with_clouds([&same, &same], Distance::Manhattan, [&ones, &ones], |_, _| ()).is_none());
    let flat = Matrix::from_fn(4, 4, |row, column| (row + 2 * column) as f64);
    assert!(with_matrix(&flat, [&ones, &ones], |_, _| ()).is_none(), "r + s is all there is");
}
