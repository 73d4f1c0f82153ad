//! Each reduction on the smallest problem that shows it, with the answer worked out by hand.

use super::{check, form, presolve};
use crate::lp::basis::BasisStatus::{AtLower, AtUpper, Basic, Free};
use crate::lp::form::{Form, Point};
use crate::lp::presolve::Presolved;
use crate::lp::{LinearProgram, Sense};

const INFINITY: f64 = f64::INFINITY;
const POSITIVE: (f64, f64) = (0.0, INFINITY);
const FREE: (f64, f64) = (-INFINITY, INFINITY);

/// The steps that a problem takes, all of it presolved away, and its optimum.
fn solved(
    rows: &[(&[f64], f64, f64)],
    costs: &[f64],
    bounds: &[(f64, f64)],
    objective: f64,
) -> (Vec<&'static str>, Point) {
    let original = form(rows, costs, bounds);
    let Presolved::Reduced(reduction) = presolve(&original) else { panic!("nothing was done") };
    assert_eq!((reduction.form.rows(), reduction.form.columns()), (0, 0), "what is left");
    let (steps, point) = check(&original, objective);
    (steps, point.expect("it was reduced"))
}

#[test]
fn empty_rows_and_columns() {
    let bounds = [(1.0, 5.0), (1.0, 5.0), (-5.0, -1.0), FREE];
    let (_, point) = solved(&[(&[0.0; 4], -1.0, 2.0)], &[1.0, -1.0, 0.0, 0.0], &bounds, -4.0);
    assert_eq!(point.x, [1.0, 5.0, -1.0, 0.0]);
    assert_eq!(point.basis.columns, [AtLower, AtUpper, AtUpper, Free]);
    assert_eq!(point.basis.rows, [Basic]);
}

#[test]
fn a_fixed_column_moves_into_the_bounds_of_its_rows() {
    // min x where x + 2 z >= 7, x - z <= 5, z = 2.
    let (_, point) = solved(
        &[(&[1.0, 2.0], 7.0, INFINITY), (&[1.0, -1.0], -INFINITY, 5.0)],
        &[1.0, 0.0],
        &[FREE, (2.0, 2.0)],
        3.0,
    );
    assert_eq!((point.x, point.duals), (vec![3.0, 2.0], vec![1.0, 0.0]));
    assert_eq!(point.reduced_costs, [0.0, -2.0]);
}

#[test]
fn a_singleton_row_gets_its_dual_back() {
    // min 3 x where -2 x <= -8, x <= 10: x = 4, and a unit more on the right costs -3/2.
    let (steps, point) = solved(&[(&[-2.0], -INFINITY, -8.0)], &[3.0], &[(0.0, 10.0)], 12.0);
    assert_eq!(steps, ["singleton row", "fixed column"]);
    assert_eq!((point.x, point.duals, point.reduced_costs), (vec![4.0], vec![-1.5], vec![0.0]));
    assert_eq!((point.basis.columns, point.basis.rows), (vec![Basic], vec![AtUpper]));
}

#[test]
fn a_column_at_its_own_bound_leaves_the_singleton_row_basic() {
    let (_, point) = solved(&[(&[2.0], 2.0, 8.0)], &[-1.0], &[(0.0, 3.0)], -3.0);
    assert_eq!((point.duals, point.reduced_costs), (vec![0.0], vec![-1.0]));
    assert_eq!((point.basis.columns, point.basis.rows), (vec![AtUpper], vec![Basic]));
}

#[test]
fn a_forcing_row_is_worth_what_its_most_demanding_column_asks_for() {
    // min -x - 5 y + z where x + 2 y - z <= -3 and z <= 3: x = y = 0, z = 3. -1 = y + d, -5 = 2 y + d: y = -5/2.
    let bounds = [POSITIVE, POSITIVE, (0.0, 3.0)];
    let (steps, point) = solved(&[(&[1.0, 2.0, -1.0], -INFINITY, -3.0)], &[-1.0, -5.0, 1.0], &bounds, 3.0);
    assert_eq!(steps[0], "forcing row");
    assert_eq!((point.x, point.duals), (vec![0.0, 0.0, 3.0], vec![-2.5]));
    assert_eq!(point.reduced_costs, [1.5, 0.0, -1.5]);
    assert_eq!((point.basis.columns, point.basis.rows), (vec![AtLower, Basic, AtUpper], vec![AtUpper]));
}

#[test]
fn a_redundant_row_is_worth_nothing() {
    let (_, point) = solved(&[(&[1.0, 1.0], -1.0, 2.0)], &[-1.0, 1.0], &[(0.0, 1.0), (0.0, 1.0)], -1.0);
    assert_eq!((point.x, point.duals), (vec![1.0, 0.0], vec![0.0]));
    assert_eq!(point.basis.rows, [Basic]);
}

#[test]
fn a_free_column_singleton_takes_its_row_along() {
    // min 2 x + 7 y where -x + 3 y >= 4, x free: the row is worth 2 / -1 < 0, which has no bound; with <= it is -2 and y costs 13.
    let rows: [(&[f64], f64, f64); 1] = [(&[-1.0, 3.0], -INFINITY, 4.0)];
    let (steps, point) = solved(&rows, &[2.0, 7.0], &[FREE, (1.0, 9.0)], 5.0);
    assert_eq!(steps[0], "free column singleton");
    assert_eq!((point.x, point.duals, point.reduced_costs), (vec![-1.0, 1.0], vec![-2.0], vec![0.0, 13.0]));
}

#[test]
fn bounds_that_the_row_implies_do_not_count() {
    // x = 10 - y - z lies in [4, 10], within its own bounds.
    let bounds = [(0.0, 20.0), (0.0, 3.0), (0.0, 3.0)];
    let (steps, point) = solved(&[(&[1.0, 1.0, 1.0], 10.0, 10.0)], &[2.0, 1.0, 3.0], &bounds, 17.0);
    assert_eq!(steps[0], "free column singleton");
    assert_eq!((point.x, point.duals), (vec![7.0, 3.0, 0.0], vec![2.0]));
}

#[test]
fn a_slack_with_a_cost_widens_its_equation() {
    // min s + 3 x + 3 y where x + y + s = 4, s <= 1, x + 2 y >= 1: s = 1, x + y = 3.
    let rows: [(&[f64], f64, f64); 2] = [(&[1.0, 1.0, 1.0], 4.0, 4.0), (&[1.0, 2.0, 0.0], 1.0, INFINITY)];
    let original = form(&rows, &[3.0, 3.0, 1.0], &[POSITIVE, POSITIVE, (0.0, 1.0)]);
    let (steps, point) = check(&original, 10.0);
    assert_eq!(steps[0], "slack column");
    let point = point.expect("it was reduced");
    assert_eq!((point.duals[0], point.reduced_costs[2], point.x[2]), (3.0, -2.0, 1.0));
}

#[test]
fn a_doubleton_equation_hands_a_bound_over() {
    // min x where x + 2 z = 10, z <= 3, both in x >= 0, z >= 0, x + z >= 1: x = 4 because of z, d_z = -2.
    let rows: [(&[f64], f64, f64); 2] = [(&[1.0, 2.0], 10.0, 10.0), (&[1.0, 1.0], 1.0, INFINITY)];
    let (steps, point) = solved(&rows, &[1.0, 0.0], &[POSITIVE, (0.0, 3.0)], 4.0);
    assert_eq!(steps[0], "doubleton equation");
    assert_eq!((point.x, point.duals), (vec![4.0, 3.0], vec![1.0, 0.0]));
    assert_eq!(point.reduced_costs, [0.0, -2.0]);
    assert_eq!((point.basis.columns, point.basis.rows), (vec![Basic, AtUpper], vec![AtLower, Basic]));
}

#[test]
fn a_column_that_only_helps_goes_to_its_bound() {
    // -x relaxes both rows and costs nothing: x = 2, for which nobody pays.
    let rows: [(&[f64], f64, f64); 2] =
        [(&[1.0, 1.0, 1.0], -INFINITY, 9.0), (&[-1.0, 1.0, 2.0], 1.0, INFINITY)];
    let original = form(&rows, &[0.0, 1.0, 1.0], &[(2.0, INFINITY), POSITIVE, POSITIVE]);
    let (steps, point) = check(&original, 1.5);
    assert_eq!(steps[0], "fixed column");
    assert_eq!(point.expect("it was reduced").x, [2.0, 0.0, 1.5]);
}

#[test]
fn a_column_whose_price_is_bounded_by_another_goes_to_its_bound() {
    // The first two columns supply the rows at a price of 2 and 3: the third one, at 6 for one of each, is never used.
    let rows: [(&[f64], f64, f64); 2] =
        [(&[1.0, 0.0, 1.0, 1.0], 4.0, 8.0), (&[0.0, 1.0, 1.0, -1.0], 5.0, 9.0)];
    let bounds = [POSITIVE, POSITIVE, POSITIVE, (1.0, 2.0)];
    let original = form(&rows, &[2.0, 3.0, 6.0, 1.0], &bounds);
    let (steps, point) = check(&original, 25.0);
    assert_eq!(steps[0], "fixed column");
    assert_eq!(point.expect("it was reduced").x, [3.0, 6.0, 0.0, 1.0]);
}

#[test]
fn the_tighter_of_two_equal_rows_gets_the_dual() {
    // x + y + w <= 4 as 2 x + 2 y + 2 w <= 6.
    let rows: [(&[f64], f64, f64); 3] = [
        (&[1.0, 1.0, 1.0], -INFINITY, 4.0),
        (&[-2.0, -2.0, -2.0], -6.0, INFINITY),
        (&[1.0, -1.0, 2.0], -1.0, 2.0),
    ];
    let original = form(&rows, &[-1.0, -1.0, -1.0], &[(0.0, 9.0); 3]);
    let (steps, point) = check(&original, -3.0);
    assert_eq!(steps[0], "merged row");
    assert_eq!(point.expect("it was reduced").duals, [0.0, 0.5, 0.0]);
}

#[test]
fn equal_columns_share_what_their_sum_is() {
    // s = x + 2 z, where z costs twice as much as x. min s + 3 w where s + w >= 7, s - w <= 5: s = 6, w = 1.
    let rows: [(&[f64], f64, f64); 2] =
        [(&[1.0, 2.0, 1.0], 7.0, INFINITY), (&[1.0, 2.0, -1.0], -INFINITY, 5.0)];
    let original = form(&rows, &[1.0, 2.0, 3.0], &[(0.0, 3.0), (0.0, 3.0), POSITIVE]);
    let (steps, point) = check(&original, 9.0);
    assert_eq!(steps, ["merged column"]);
    let point = point.expect("it was reduced");
    assert_eq!((point.x[0] + 2.0 * point.x[1], point.x[2]), (6.0, 1.0));
}

#[test]
fn contradictions_are_left_to_the_simplex() {
    let contradicts = |rows: &[(&[f64], f64, f64)], bounds: &[(f64, f64)]| {
        matches!(presolve(&form(rows, &vec![0.0; bounds.len()], bounds)), Presolved::Contradiction)
    };
    assert!(contradicts(&[(&[0.0], 1.0, 2.0)], &[POSITIVE]), "an empty row");
    assert!(contradicts(&[(&[1.0], 1.0, 2.0)], &[(3.0, 4.0)]), "a singleton row");
    assert!(contradicts(&[(&[1.0, 1.0], 9.0, INFINITY)], &[(3.0, 4.0), (3.0, 4.0)]), "an activity");
    assert!(contradicts(&[], &[(4.0, 3.0)]), "bounds");
    let twice: [(&[f64], f64, f64); 2] = [(&[1.0, 1.0, 1.0], 0.0, 1.0), (&[2.0, 2.0, 2.0], 4.0, 6.0)];
    assert!(contradicts(&twice, &[(-9.0, 9.0); 3]), "duplicate rows");
}

#[test]
fn what_has_no_optimum_is_left_alone() {
    // min -x where x - y <= 1 is unbounded: nothing that presolve does may give it an end.
    let rows: [(&[f64], f64, f64); 1] = [(&[1.0, -1.0], -INFINITY, 1.0)];
    match presolve(&form(&rows, &[-1.0, 0.0], &[POSITIVE, POSITIVE])) {
        Presolved::Unchanged => {}
        Presolved::Contradiction => panic!("it has a feasible point"),
        Presolved::Reduced(reduction) => {
            let left = &reduction.form;
            let runs_away = (0..left.columns()).any(|column| {
                left.costs[column] < 0.0 && left.column_upper[column] == INFINITY
                    || left.costs[column] > 0.0 && left.column_lower[column] == -INFINITY
            });
            assert!(runs_away, "{left:?}");
        }
    }
}

#[test]
fn an_empty_problem_stays_as_it_is() {
    assert!(matches!(presolve(&form(&[], &[], &[])), Presolved::Unchanged));
}

#[test]
fn numbers_that_overflow_are_left_to_the_simplex() {
    let rows: [(&[f64], f64, f64); 1] = [(&[1e-320], 1.0, INFINITY)];
    assert!(matches!(presolve(&form(&rows, &[1.0], &[POSITIVE])), Presolved::Contradiction));
    let rows: [(&[f64], f64, f64); 2] = [(&[1e300, 1.0, 1.0], -INFINITY, 1.0), (&[0.0, 1.0, 2.0], 1.0, 3.0)];
    let bounds = [(1e300, 1e300), POSITIVE, POSITIVE];
    assert!(matches!(presolve(&form(&rows, &[1.0; 3], &bounds)), Presolved::Contradiction));
}

#[test]
fn what_is_left_when_the_time_is_over_is_a_valid_problem() {
    // The clock is looked at before every 256th row, and over at the fourth look.
    let n = 2000;
    let mut program = LinearProgram::new(Sense::Minimise);
    for column in 0..n {
        program.add_column(1.0, .., []).unwrap();
        program.add_row(1.0, [(column, 1.0)]).unwrap();
    }
    let original = Form::new(&program);
    let looks = std::cell::Cell::new(0);
    let over = || {
        looks.set(looks.get() + 1);
        looks.get() > 3
    };
    let Presolved::Reduced(reduction) = crate::lp::presolve::presolve(&original, &over) else {
        panic!("nothing was done")
    };
    assert_eq!(reduction.form.rows(), n - 3 * 256);
}
