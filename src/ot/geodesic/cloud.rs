//! Point clouds along a plan.

use super::check_time;
use super::quantiles::between;
use crate::error::{Error, Result};
use crate::matrix::{Matrix, MatrixView};
use crate::ot::plan::TransportPlan;
use crate::scalar::Scalar;

/// A point cloud with a mass at each point.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightedPoints<T> {
    /// (points, dimensions).
    pub points: Matrix<T>,
    /// The mass of each point.
    pub weights: Vec<f64>,
}

/// McCann's interpolation: for each entry of the plan a point `(1-t) xᵢ + t yⱼ` with its mass Pᵢⱼ, in the order of the entries.
///
/// A source whose mass is split becomes as many points, so with an optimal plan for the squared Euclidean cost these are
/// the geodesic, exactly, and there are at most n + m - 1 of them. `source`: (n, d), `target`: (m, d).
///
/// # Errors
/// [`Error::Shape`] if the clouds do not have the plan's sizes or the same dimension, [`Error::Argument`] if t is not in [0, 1],
/// [`Error::NotFiniteEntry`] for a coordinate that is NaN or infinite.
///
/// # Examples
/// ```
/// use brenier::ot::{Problem, exact, geodesic};
/// use brenier::matrix::Distance;
/// use brenier::Matrix;
///
/// let x = Matrix::from_rows([[0.0, 0.0]]);
/// let y = Matrix::from_rows([[4.0, 0.0], [0.0, 8.0]]);
/// let plan = exact::solve(&Problem::from_points(&x, &y, Distance::SquaredEuclidean))?.plan;
/// let quarter = geodesic::interpolate(&plan, &x, &y, 0.25)?;
/// assert_eq!(quarter.points, Matrix::from_rows([[1.0, 0.0], [0.0, 2.0]]));
/// assert_eq!(quarter.weights, [0.5, 0.5]);
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "displacement")]
#[doc(alias = "mccann")]
pub fn interpolate<'a, T: Scalar>(
    plan: &TransportPlan,
    source: impl Into<MatrixView<'a, T>>,
    target: impl Into<MatrixView<'a, T>>,
    t: f64,
) -> Result<WeightedPoints<T>> {
    let (source, target) = (source.into(), target.into());
    check_rows("geodesic::interpolate", "number of source points", plan.rows(), source.rows())?;
    check_rows("geodesic::interpolate", "number of target points", plan.columns(), target.rows())?;
    check_rows("geodesic::interpolate", "dimension of the target", source.columns(), target.columns())?;
    check_time(t)?;
    source.check_finite("source points")?;
    target.check_finite("target points")?;
    let entries = plan.entries();
    let points = Matrix::from_fn(entries.len(), source.columns(), |row, column| {
        let x = source.row(entries[row].source)[column].to_f64();
        let y = target.row(entries[row].target)[column].to_f64();
        T::from_f64(between(x, y, t))
    });
    Ok(WeightedPoints { points, weights: entries.iter().map(|entry| entry.mass).collect() })
}

/// The barycentric projection of a plan: `T(xᵢ) = Σⱼ Pᵢⱼ yⱼ / Σⱼ Pᵢⱼ`, where the mass of each source goes on average. (n, d)
///
/// Of all maps it is the closest to the plan in mean square; for a plan that is a map it is that map. `target`: (m, d).
///
/// # Errors
/// [`Error::Shape`] if `target` does not have the plan's number of targets, [`Error::ZeroRow`] for a source without mass,
/// [`Error::NotFiniteEntry`] for a coordinate that is NaN or infinite.
///
/// # Examples
/// ```
/// use brenier::ot::{TransportPlan, geodesic, plan::PlanEntry};
/// use brenier::Matrix;
/// let entry = |source, target, mass| PlanEntry { source, target, mass };
/// let plan = TransportPlan::new(2, 2, vec![entry(0, 0, 0.5), entry(1, 0, 0.125), entry(1, 1, 0.375)])?;
/// let map = geodesic::barycentric_projection(&plan, &Matrix::from_rows([[0.0], [4.0]]))?;
/// assert_eq!(map, Matrix::from_rows([[0.0], [3.0]]));
/// # Ok::<(), brenier::Error>(())
/// ```
#[doc(alias = "barycenter")]
#[doc(alias = "barycentre")]
pub fn barycentric_projection<'a, T: Scalar>(
    plan: &TransportPlan,
    target: impl Into<MatrixView<'a, T>>,
) -> Result<Matrix<T>> {
    let target = target.into();
    check_rows("geodesic::barycentric_projection", "number of target points", plan.columns(), target.rows())?;
    target.check_finite("target points")?;
    let dimensions = target.columns();
    let mut image = Matrix::zeros(plan.rows(), dimensions);
    let mut next = plan.entries();
    for row in 0..plan.rows() {
        let count = next.iter().take_while(|entry| entry.source == row).count();
        let (entries, rest) = next.split_at(count);
        next = rest;
        // Shares of the largest first, so that neither the sum nor the products can leave the range.
        let largest = entries.iter().map(|entry| entry.mass).fold(0.0, f64::max);
        if largest == 0.0 {
            return Err(Error::ZeroRow { what: "plan", row });
        }
        let total: f64 = entries.iter().map(|entry| entry.mass / largest).sum();
        for column in 0..dimensions {
            let mean: f64 = entries
                .iter()
                .map(|entry| entry.mass / largest / total * target.row(entry.target)[column].to_f64())
                .sum();
            image[(row, column)] = T::from_f64(mean);
        }
    }
    Ok(image)
}

/// The arg-max map of a plan: for each source the target that receives most of its mass, the first of equals.
///
/// For clouds of equal size with uniform weights an optimal plan at a vertex is a permutation and this is it.
///
/// # Errors
/// [`Error::ZeroRow`] for a source without mass: it goes nowhere. ([`TransportPlan::largest_targets`] says `None` instead.)
///
/// # Examples
/// ```
/// use brenier::ot::{Problem, exact, geodesic};
/// use brenier::Matrix;
/// let costs = Matrix::from_rows([[5.0, 1.0], [1.0, 5.0]]);
/// let plan = exact::solve(&Problem::from_costs(&costs))?.plan;
/// assert_eq!(geodesic::largest_target_map(&plan)?, [1, 0]);
/// # Ok::<(), brenier::Error>(())
/// ```
pub fn largest_target_map(plan: &TransportPlan) -> Result<Vec<usize>> {
    plan.largest_targets()
        .into_iter()
        .enumerate()
        .map(|(row, target)| target.ok_or(Error::ZeroRow { what: "plan", row }))
        .collect()
}

fn check_rows(operation: &'static str, what: &'static str, expected: usize, got: usize) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    Err(Error::Shape { operation, what, expected, got })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Distance;
    use crate::ot::{Problem, exact, plan::PlanEntry};
    use proptest::prelude::*;

    fn plan(rows: usize, columns: usize, entries: &[(usize, usize, f64)]) -> TransportPlan {
        let entries = entries.iter().map(|&(source, target, mass)| PlanEntry { source, target, mass });
        TransportPlan::new(rows, columns, entries.collect()).unwrap()
    }

    #[test]
    fn the_ends_are_the_clouds_bit_for_bit() {
        let plan = plan(2, 2, &[(0, 1, 0.5), (1, 0, 0.5)]);
        let (x, y) = (Matrix::from_rows([[0.1_f32], [0.7]]), Matrix::from_rows([[1e20], [3.3]]));
        assert_eq!(interpolate(&plan, &x, &y, 0.0).unwrap().points, x);
        let end = interpolate(&plan, &x, &y, 1.0).unwrap().points;
        assert_eq!(end, Matrix::from_rows([[3.3_f32], [1e20]]));
    }

    #[test]
    fn wrong_sizes_and_times_are_named() {
        let plan = plan(2, 1, &[(0, 0, 0.5), (1, 0, 0.5)]);
        let (x, y) = (Matrix::from_rows([[0.0], [1.0]]), Matrix::from_rows([[2.0]]));
        let plane = Matrix::from_rows([[2.0, 0.0]]);
        for result in [
            interpolate(&plan, &y, &y, 0.5),
            interpolate(&plan, &x, &x, 0.5),
            interpolate(&plan, &x, &plane, 0.5),
        ] {
            assert!(matches!(result, Err(Error::Shape { .. })));
        }
        for t in [-f64::EPSILON, 1.0 + f64::EPSILON, f64::NAN] {
            assert!(matches!(interpolate(&plan, &x, &y, t), Err(Error::Argument { name: "t", .. })));
        }
        assert!(matches!(barycentric_projection(&plan, &x), Err(Error::Shape { expected: 1, got: 2, .. })));
    }

    #[test]
    fn coordinates_that_are_not_finite_are_named() {
        let plan = plan(1, 2, &[(0, 0, 0.5), (0, 1, 0.5)]);
        let x = Matrix::from_rows([[0.0]]);
        let y = Matrix::from_rows([[1.0], [f64::INFINITY]]);
        // At t = 0 the product 0 * infinity would be NaN.
        for result in [interpolate(&plan, &x, &y, 0.0).map(|at| at.points), barycentric_projection(&plan, &y)]
        {
            assert!(matches!(result, Err(Error::NotFiniteEntry { what: "target points", row: 1, .. })));
        }
    }

    #[test]
    fn a_source_without_mass_has_no_image() {
        let plan = plan(3, 1, &[(0, 0, 0.5), (2, 0, 0.5)]);
        let expected = Error::ZeroRow { what: "plan", row: 1 };
        let y = Matrix::from_rows([[2.0]]);
        assert_eq!(barycentric_projection(&plan, &y).unwrap_err(), expected);
        assert_eq!(largest_target_map(&plan).unwrap_err(), expected);
    }

    #[test]
    fn projection_of_subnormal_masses_is_a_mean() {
        let least = f64::from_bits(1);
        let plan = plan(1, 2, &[(0, 0, least), (0, 1, least)]);
        let map = barycentric_projection(&plan, &Matrix::from_rows([[1.0], [4.0]])).unwrap();
        assert_eq!(map, Matrix::from_rows([[2.5]]));
    }

    /// The 2-Wasserstein distance of two weighted clouds, by the exact solver.
    fn distance(source: &WeightedPoints<f64>, target: &WeightedPoints<f64>) -> f64 {
        let problem = Problem::from_points(&source.points, &target.points, Distance::SquaredEuclidean)
            .with_source_weights(&source.weights)
            .with_target_weights(&target.weights);
        exact::transport_cost(&problem).unwrap().sqrt()
    }

    fn cloud(most: usize) -> impl Strategy<Value = WeightedPoints<f64>> {
        prop::collection::vec((-1.0..1.0_f64, -1.0..1.0_f64, 1..6_u32), 1..most).prop_map(|rows| {
            let total: f64 = rows.iter().map(|row| f64::from(row.2)).sum();
            WeightedPoints {
                points: Matrix::from_fn(rows.len(), 2, |i, k| if k == 0 { rows[i].0 } else { rows[i].1 }),
                weights: rows.iter().map(|row| f64::from(row.2) / total).collect(),
            }
        })
    }

    proptest! {
        #[test]
        fn speed_is_constant(x in cloud(14), y in cloud(14), s in 0.0..=1.0_f64, t in 0.0..=1.0_f64) {
            let problem = Problem::from_points(&x.points, &y.points, Distance::SquaredEuclidean)
                .with_source_weights(&x.weights)
                .with_target_weights(&y.weights);
            let plan = exact::solve(&problem).unwrap().plan;
            let at = |t: f64| interpolate(&plan, &x.points, &y.points, t).unwrap();
            prop_assert!(at(t).weights.len() < x.weights.len() + y.weights.len());
            let whole = distance(&x, &y);
            // Squared distances are below 8, so their sum is off by 1e-14 and its root, near zero, by 1e-7.
            let (measured, expected) = (distance(&at(s), &at(t)), (t - s).abs() * whole);
            prop_assert!((measured * measured - expected * expected).abs() <= 64.0 * f64::EPSILON * 8.0);
            // From one end as well.
            let from_start = distance(&x, &at(t));
            prop_assert!((from_start * from_start - (t * whole).powi(2)).abs() <= 64.0 * f64::EPSILON * 8.0);
        }

        #[test]
        fn projection_keeps_the_mean_and_never_costs_more(x in cloud(14), y in cloud(14)) {
            let problem = Problem::from_points(&x.points, &y.points, Distance::SquaredEuclidean)
                .with_source_weights(&x.weights)
                .with_target_weights(&y.weights);
            let solution = exact::solve(&problem).unwrap();
            let map = barycentric_projection(&solution.plan, &y.points).unwrap();
            let mut cost = 0.0;
            for k in 0..2 {
                let mean = |points: &Matrix<f64>, weights: &[f64]| -> f64 {
                    weights.iter().enumerate().map(|(i, w)| w * points[(i, k)]).sum()
                };
                prop_assert!((mean(&map, &x.weights) - mean(&y.points, &y.weights)).abs() <= 1e-14);
                for (i, weight) in x.weights.iter().enumerate() {
                    cost += weight * (x.points[(i, k)] - map[(i, k)]).powi(2);
                }
            }
            // Jensen's inequality.
            prop_assert!(cost <= solution.cost() + 64.0 * f64::EPSILON * 8.0);
        }
    }
}
