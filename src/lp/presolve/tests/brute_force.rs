//! The reference: an optimum by trying every basis, and the check of a point with its basis. Dense, for a few rows and columns.

use crate::lp::basis::{Basis, BasisStatus};
use crate::lp::form::{Form, Point};

const TOLERANCE: f64 = 1e-8;

/// Column of [A, -I]: of a variable, or of the activity of a row. Together they satisfy A x - r = 0.
fn column(form: &Form, index: usize) -> Vec<f64> {
    let mut dense = vec![0.0; form.rows()];
    match index.checked_sub(form.columns()) {
        Some(row) => dense[row] = -1.0,
        None => form.matrix.column(index).for_each(|(row, value)| dense[row] = value),
    }
    dense
}

fn bounds(form: &Form, index: usize) -> (f64, f64) {
    match index.checked_sub(form.columns()) {
        Some(row) => (form.row_lower[row], form.row_upper[row]),
        None => (form.column_lower[index], form.column_upper[index]),
    }
}

fn cost(form: &Form, index: usize) -> f64 {
    form.costs.get(index).copied().unwrap_or(0.0)
}

/// Solves B x = b by elimination with complete pivoting of rows; `None` where B is singular.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let n = right.len();
    for step in 0..n {
        let pivot = (step..n).max_by(|&i, &k| matrix[i][step].abs().total_cmp(&matrix[k][step].abs()))?;
        if matrix[pivot][step].abs() < 1e-9 {
            return None;
        }
        matrix.swap(step, pivot);
        right.swap(step, pivot);
        for row in step + 1..n {
            let factor = matrix[row][step] / matrix[step][step];
            let (above, below) = matrix.split_at_mut(row);
            for (value, pivot) in below[0][step..].iter_mut().zip(&above[step][step..]) {
                *value -= factor * pivot;
            }
            right[row] -= factor * right[step];
        }
    }
    for step in (0..n).rev() {
        for place in step + 1..n {
            right[step] -= matrix[step][place] * right[place];
        }
        right[step] /= matrix[step][step];
    }
    Some(right)
}

/// The values of the basic variables (in the order of `basic`) with the others at `values`, and the duals. `None` if singular.
fn basic_solution(form: &Form, basic: &[usize], values: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
    let m = form.rows();
    let columns: Vec<Vec<f64>> = basic.iter().map(|&index| column(form, index)).collect();
    let transposed = (0..m).map(|row| columns.iter().map(|column| column[row]).collect()).collect();
    let mut right = vec![0.0; m];
    for index in (0..values.len()).filter(|index| !basic.contains(index)) {
        for (row, value) in column(form, index).iter().enumerate() {
            right[row] -= value * values[index];
        }
    }
    let x = solve(transposed, right)?;
    let y = solve(columns, basic.iter().map(|&index| cost(form, index)).collect())?;
    Some((x, y))
}

fn reduced_cost(form: &Form, index: usize, duals: &[f64]) -> f64 {
    cost(form, index) - column(form, index).iter().zip(duals).map(|(a, y)| a * y).sum::<f64>()
}

/// An optimum with its basis; `None` if no basis is optimal (the problem is infeasible or unbounded).
pub fn optimum(form: &Form) -> Option<Point> {
    let (m, total) = (form.rows(), form.rows() + form.columns());
    let mut basic: Vec<usize> = (0..m).collect();
    loop {
        if let Some(point) = optimum_at(form, &basic, total) {
            return Some(point);
        }
        // The next subset of m indices in lexicographic order.
        let place = (0..m).rev().find(|&place| basic[place] < total - m + place)?;
        basic[place] += 1;
        for next in place + 1..m {
            basic[next] = basic[next - 1] + 1;
        }
    }
}

fn optimum_at(form: &Form, basic: &[usize], total: usize) -> Option<Point> {
    let (_, duals) = basic_solution(form, basic, &vec![0.0; total])?;
    let mut choices: Vec<Vec<(f64, BasisStatus)>> = Vec::new();
    for index in 0..total {
        if basic.contains(&index) {
            choices.push(vec![(0.0, BasisStatus::Basic)]);
            continue;
        }
        let d = reduced_cost(form, index, &duals);
        let (lower, upper) = bounds(form, index);
        let mut choice = Vec::new();
        if lower.is_finite() && (d >= -TOLERANCE || lower == upper) {
            choice.push((lower, BasisStatus::AtLower));
        }
        if upper.is_finite() && d <= TOLERANCE && lower != upper {
            choice.push((upper, BasisStatus::AtUpper));
        }
        if lower.is_infinite() && upper.is_infinite() && d.abs() <= TOLERANCE {
            choice.push((0.0, BasisStatus::Free));
        }
        choices.push(choice);
    }
    let combinations: usize = choices.iter().map(Vec::len).product();
    for combination in 0..combinations {
        let mut rest = combination;
        let picked: Vec<(f64, BasisStatus)> = choices
            .iter()
            .map(|choice| {
                let pick = choice[rest % choice.len()];
                rest /= choice.len();
                pick
            })
            .collect();
        let mut values: Vec<f64> = picked.iter().map(|pick| pick.0).collect();
        let (x, _) = basic_solution(form, basic, &values)?;
        basic.iter().zip(x).for_each(|(&index, x)| values[index] = x);
        let feasible = (0..total).all(|index| {
            let (lower, upper) = bounds(form, index);
            lower - TOLERANCE <= values[index] && values[index] <= upper + TOLERANCE
        });
        if feasible {
            let n = form.columns();
            let statuses: Vec<BasisStatus> = picked.iter().map(|pick| pick.1).collect();
            return Some(Point {
                x: values[..n].to_vec(),
                activities: values[n..].to_vec(),
                reduced_costs: (0..n).map(|index| reduced_cost(form, index, &duals)).collect(),
                duals,
                basis: Basis { columns: statuses[..n].to_vec(), rows: statuses[n..].to_vec() },
            });
        }
    }
    None
}

/// Asserts that a point is optimal, with everything that belongs to it, and that its basis says so.
pub fn assert_optimal(form: &Form, point: &Point, objective: f64) {
    let (m, n) = (form.rows(), form.columns());
    let close = |a: f64, b: f64| (a - b).abs() <= 1e-6 * (1.0 + a.abs().max(b.abs()));
    let value: f64 = form.costs.iter().zip(&point.x).map(|(c, x)| c * x).sum();
    assert!(close(value, objective), "objective {value}, expected {objective}");

    let values: Vec<f64> = point.x.iter().chain(&point.activities).copied().collect();
    let statuses: Vec<BasisStatus> = point.basis.columns.iter().chain(&point.basis.rows).copied().collect();
    let activities = form.matrix.times(&point.x);
    for index in 0..n + m {
        let d = reduced_cost(form, index, &point.duals);
        if index < n {
            assert!(close(d, point.reduced_costs[index]), "reduced cost {index}: {d}");
        } else {
            assert!(close(values[index], activities[index - n]), "activity {}", index - n);
        }
        let (lower, upper) = bounds(form, index);
        let value = values[index];
        let slack = 1e-6 * (1.0 + value.abs());
        assert!(lower - slack <= value && value <= upper + slack, "{index}: {value} in [{lower}, {upper}]");
        match statuses[index] {
            BasisStatus::Basic => assert!(d.abs() <= 1e-6, "{index} is basic, d = {d}"),
            BasisStatus::AtLower => assert!(close(value, lower), "{index} at lower {lower}: {value}"),
            BasisStatus::AtUpper => assert!(close(value, upper), "{index} at upper {upper}: {value}"),
            BasisStatus::Free => {
                assert!(lower.is_infinite() && upper.is_infinite() && value == 0.0, "{index} free: {value}");
            }
        }
        if lower != upper && statuses[index] != BasisStatus::Basic {
            let fits = match statuses[index] {
                BasisStatus::AtLower => d >= -1e-6,
                BasisStatus::AtUpper => d <= 1e-6,
                _ => d.abs() <= 1e-6,
            };
            assert!(fits, "{index} {:?} has d = {d}", statuses[index]);
        }
    }
    let basic: Vec<usize> = (0..n + m).filter(|&index| statuses[index] == BasisStatus::Basic).collect();
    assert_eq!(basic.len(), m, "basic rows and columns");
    let (x, y) = basic_solution(form, &basic, &values).expect("the basis is singular");
    for (&index, x) in basic.iter().zip(x) {
        assert!(close(x, values[index]), "the basis has {x} for {index}, the point {}", values[index]);
    }
    for (row, y) in y.into_iter().enumerate() {
        assert!(
            close(y, point.duals[row]),
            "the basis has the dual {y} for row {row}, the point {}",
            point.duals[row]
        );
    }
}
