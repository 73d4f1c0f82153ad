//! Ranges against text books, and against what solves at their ends, inside and outside them say.

use crate::netlib;
use brenier::lp::{
    self, BasisStatus, BoundRange, Bounds, CostRange, Error, LinearProgram, Options, Part, RangeEnd, Sense,
    Solution, Status,
};
use brenier::random::RandomStream;

fn assert_close(found: f64, expected: f64, what: &str) {
    let tolerance = 1e-9 * expected.abs().max(1.0);
    assert!(
        found == expected || (found - expected).abs() <= tolerance,
        "{what}: {found}, expected {expected}"
    );
}

fn assert_range(least: RangeEnd, largest: RangeEnd, expected: (f64, f64), what: &str) {
    assert_close(least.value, expected.0, what);
    assert_close(largest.value, expected.1, what);
    assert_eq!(least.ended_by.is_some(), expected.0.is_finite(), "{what}");
    assert_eq!(largest.ended_by.is_some(), expected.1.is_finite(), "{what}");
}

fn assert_cost(range: CostRange, expected: (f64, f64)) {
    assert_range(range.least, range.largest, expected, "cost");
}

fn assert_bound(range: Option<BoundRange>, rate: f64, expected: (f64, f64)) {
    let range = range.expect("there is a bound");
    assert_close(range.rate, rate, "rate");
    assert_range(range.least, range.largest, expected, "bound");
}

const ENDLESS: f64 = f64::INFINITY;

/// max c x where A x <= b, x >= 0.
fn of_text_book(costs: &[f64], rows: &[(&[f64], f64)]) -> LinearProgram {
    let mut program = LinearProgram::new(Sense::Maximise);
    for &cost in costs {
        program.add_column(cost, 0.0.., []).expect("a column");
    }
    for &(row, right) in rows {
        program.add_row(..=right, row.iter().copied().enumerate()).expect("a row");
    }
    program
}

/// Winston: *Operations Research*, sections 5.1 and 6.3 (Giapetto): max 3 x + 2 y.
#[test]
fn giapetto() {
    let rows: [(&[f64], f64); 3] = [(&[2.0, 1.0], 100.0), (&[1.0, 1.0], 80.0), (&[1.0, 0.0], 40.0)];
    let program = of_text_book(&[3.0, 2.0], &rows);
    let solution = lp::solve(&program).expect("a program");
    let ranging = lp::ranging(&program, &solution).expect("optimal");
    assert_cost(ranging.costs[0], (2.0, 4.0));
    assert_cost(ranging.costs[1], (1.5, 3.0));
    assert_bound(ranging.rows[0].upper, 1.0, (80.0, 120.0));
    assert_bound(ranging.rows[1].upper, 1.0, (60.0, 100.0));
    assert_bound(ranging.rows[2].upper, 0.0, (20.0, ENDLESS));
    assert_eq!(ranging.rows[0].lower, None);
    // Lumber of 120: x = 40, y = 40, and the third row is met.
    let end = ranging.rows[0].upper.expect("a bound").largest;
    assert_close(end.objective, 200.0, "objective");
    assert_eq!(end.ended_by, Some((Part::Row, 2)));
    // A cost of 4 makes the first row's direction a tie: its second row's slack enters.
    assert_eq!(ranging.costs[0].largest.ended_by, Some((Part::Row, 1)));
    assert_eq!(ranging.costs[0].least.ended_by, Some((Part::Row, 0)));
    assert_close(ranging.costs[0].least.objective, 160.0, "objective");

    // The third row as a bound of the variable.
    let mut program = of_text_book(&[3.0, 2.0], &rows[..2]);
    program.set_column_bounds(0, 0.0..=40.0).expect("bounds");
    let solution = lp::solve(&program).expect("a program");
    let ranging = lp::ranging(&program, &solution).expect("optimal");
    assert_bound(ranging.columns[0].upper, 0.0, (20.0, ENDLESS));
    assert_bound(ranging.columns[0].lower, 0.0, (-ENDLESS, 20.0));
    assert_bound(ranging.rows[0].upper, 1.0, (80.0, 120.0));
    assert_eq!(ranging.rows[0].upper.expect("a bound").largest.ended_by, Some((Part::Column, 0)));
}

/// Winston: *Operations Research*, sections 4.5 and 6.3 (Dakota): the second variable stays 0.
#[test]
fn dakota() {
    let rows: [(&[f64], f64); 3] =
        [(&[8.0, 6.0, 1.0], 48.0), (&[4.0, 2.0, 1.5], 20.0), (&[2.0, 1.5, 0.5], 8.0)];
    let program = of_text_book(&[60.0, 30.0, 20.0], &rows);
    let solution = lp::solve(&program).expect("a program");
    let ranging = lp::ranging(&program, &solution).expect("optimal");
    assert_cost(ranging.costs[0], (56.0, 80.0));
    assert_cost(ranging.costs[1], (-ENDLESS, 35.0));
    assert_cost(ranging.costs[2], (15.0, 22.5));
    assert_eq!(ranging.costs[1].largest.ended_by, Some((Part::Column, 1)));
    assert_close(ranging.costs[1].least.objective, 280.0, "the cost of what is not made");
    assert_bound(ranging.rows[0].upper, 0.0, (24.0, ENDLESS));
    assert_bound(ranging.rows[1].upper, 10.0, (16.0, 24.0));
    assert_bound(ranging.rows[2].upper, 10.0, (20.0 / 3.0, 10.0));
    // A table made all the same costs its reduced cost, 5, until chairs or desks are out.
    assert_bound(ranging.columns[1].lower, -5.0, (-4.0, 1.6));
}

#[test]
fn equalities_ranged_rows_free_rows_and_boxes() {
    // min x + 2 y + 3 z  where  x + y + z = 4,  1 <= x - y <= 2,  y - z free,  0 <= x <= 2.5,  y >= 0,  0 <= z <= 5
    let mut program = LinearProgram::new(Sense::Minimise);
    let x = program.add_column(1.0, 0.0..=2.5, []).expect("a column");
    let y = program.add_column(2.0, 0.0.., []).expect("a column");
    let z = program.add_column(3.0, 0.0..=5.0, []).expect("a column");
    program.add_row(4.0, [(x, 1.0), (y, 1.0), (z, 1.0)]).expect("a row");
    program.add_row(1.0..=2.0, [(x, 1.0), (y, -1.0)]).expect("a row");
    program.add_row(.., [(y, 1.0), (z, -1.0)]).expect("a row");
    let solution = lp::solve(&program).expect("a program");
    assert_eq!(solution.x, [2.5, 1.5, 0.0]);
    // There x - y = 1 meets its bound: a tie. Loosened, it does not.
    program.set_row_bounds(1, 0.5..=2.0).expect("bounds");
    let solution = lp::solve(&program).expect("a program");
    assert_eq!(solution.x, [2.5, 1.5, 0.0]);
    let ranging = lp::ranging(&program, &solution).expect("optimal");
    // y is basic with the first row: d_x = 1 - 2 = -1 at the upper bound, d_z = 3 - 2 = 1 at the lower one.
    assert_cost(ranging.costs[x], (-ENDLESS, 2.0));
    assert_cost(ranging.costs[y], (1.0, 3.0));
    assert_cost(ranging.costs[z], (2.0, ENDLESS));
    // The equality: both bounds move together, until x - y leaves its bounds.
    assert_bound(ranging.rows[0].lower, 2.0, (3.0, 4.5));
    assert_eq!(ranging.rows[0].lower, ranging.rows[0].upper);
    // The ranged row has slack on both sides.
    assert_bound(ranging.rows[1].lower, 0.0, (-ENDLESS, 1.0));
    assert_bound(ranging.rows[1].upper, 0.0, (1.0, ENDLESS));
    assert_eq!((ranging.rows[2].lower, ranging.rows[2].upper), (None, None));
    // x's upper bound: down until x - y = 0.5, up until x - y = 2. Its lower one may come up to its value.
    assert_bound(ranging.columns[x].upper, -1.0, (2.25, 3.0));
    assert_bound(ranging.columns[x].lower, 0.0, (-ENDLESS, 2.5));
    // z: up until x - y = 2, down until x - y = 0.5.
    assert_bound(ranging.columns[z].lower, 1.0, (-0.5, 1.0));
    assert_bound(ranging.columns[z].upper, 0.0, (0.0, ENDLESS));
    assert_bound(ranging.columns[y].lower, 0.0, (-ENDLESS, 1.5));
    assert_eq!(ranging.columns[y].upper, None);
}

#[test]
fn a_bound_does_not_pass_the_other_one() {
    // max x where 1 <= x <= 3, and a row that has nothing to do with it.
    let mut program = LinearProgram::new(Sense::Maximise);
    program.add_column(1.0, 1.0..=3.0, []).expect("a column");
    let solution = lp::solve(&program).expect("a program");
    let ranging = lp::ranging(&program, &solution).expect("optimal");
    assert_bound(ranging.columns[0].upper, 1.0, (1.0, ENDLESS));
    assert_eq!(ranging.columns[0].upper.expect("a bound").least.objective, 1.0);
    assert_eq!(ranging.columns[0].upper.expect("a bound").largest.objective, ENDLESS);
    assert_cost(ranging.costs[0], (0.0, ENDLESS));
    assert_eq!(ranging.costs[0].largest.objective, ENDLESS);
}

#[test]
fn wrong_solutions_are_refused() {
    let rows: [(&[f64], f64); 2] = [(&[1.0, 1.0], 4.0), (&[1.0, 3.0], 6.0)];
    let mut program = of_text_book(&[3.0, 2.0], &rows);
    let solution = lp::solve(&program).expect("a program");
    assert!(lp::ranging(&program, &solution).is_ok());

    let mut stopped = solution.clone();
    stopped.status = Status::IterationLimit;
    let expected = Error::NotOptimal { operation: "ranging", status: "iteration_limit" };
    assert_eq!(lp::ranging(&program, &stopped), Err(expected));

    let mut too_many = solution.clone();
    too_many.basis.columns.fill(BasisStatus::Basic);
    too_many.basis.rows.fill(BasisStatus::Basic);
    assert!(matches!(lp::ranging(&program, &too_many), Err(Error::Size { expected: 2, got: 4, .. })));

    // Both columns of a basis along the same line.
    let mut parallel = of_text_book(&[3.0, 2.0], &[(&[1.0, 2.0], 4.0), (&[2.0, 4.0], 6.0)]);
    let mut singular = solution.clone();
    singular.basis.columns.fill(BasisStatus::Basic);
    singular.basis.rows.fill(BasisStatus::AtUpper);
    assert!(matches!(
        lp::ranging(&parallel, &singular),
        Err(Error::SingularBasis { part: Part::Column, .. })
    ));
    parallel.add_column(1.0, 0.0.., []).expect("a column");
    assert!(matches!(lp::ranging(&parallel, &solution), Err(Error::Size { expected: 3, got: 2, .. })));

    // The program was edited since: its optimum is elsewhere.
    program.set_cost(1, 20.0).expect("a cost");
    assert!(matches!(lp::ranging(&program, &solution), Err(Error::BasisNotOptimal { .. })));
}

/// A number of [-size, size], or a small integer where ties are wanted.
fn number(stream: &mut RandomStream, size: f64, integer: bool) -> f64 {
    let number = size * (2.0 * stream.uniform::<f64>() - 1.0);
    if integer { number.round() } else { number }
}

/// A feasible program with rows and columns of all kinds; with integers it has many ties.
fn random_program(stream: &mut RandomStream, integer: bool) -> LinearProgram {
    let sense = if stream.uniform::<f64>() < 0.5 { Sense::Minimise } else { Sense::Maximise };
    let mut program = LinearProgram::new(sense);
    let columns = 2 + (stream.uniform::<f64>() * 6.0) as usize;
    let rows = 1 + (stream.uniform::<f64>() * 6.0) as usize;
    let mut inside = Vec::new();
    let bounds_around = |stream: &mut RandomStream, value: f64, kinds: f64| {
        let (down, up) = (number(stream, 2.0, integer).abs(), number(stream, 2.0, integer).abs());
        match (stream.uniform::<f64>() * kinds) as usize {
            0 | 1 => Bounds::between(value - down, value + up),
            2 => Bounds::at_least(value - down),
            3 => Bounds::at_most(value + up),
            4 => Bounds::equal(value),
            _ => Bounds::FREE,
        }
    };
    for _ in 0..columns {
        let value = number(stream, 3.0, integer);
        let bounds = bounds_around(stream, value, 6.0);
        program.add_column(number(stream, 5.0, integer), bounds, []).expect("a column");
        inside.push(value);
    }
    for _ in 0..rows {
        let row: Vec<f64> = (0..columns)
            .map(|_| if stream.uniform::<f64>() < 0.7 { number(stream, 4.0, integer) } else { 0.0 })
            .collect();
        let activity = row.iter().zip(&inside).map(|(a, x)| a * x).sum();
        let bounds = bounds_around(stream, activity, 6.0);
        program
            .add_row(bounds, row.into_iter().enumerate().filter(|(_, value)| *value != 0.0))
            .expect("a row");
    }
    program
}

/// How far the basic variables and the reduced costs are from the next tie.
fn margins(program: &LinearProgram, solution: &Solution) -> (f64, f64) {
    let (mut primal, mut dual) = (f64::INFINITY, f64::INFINITY);
    let mut look = |status: BasisStatus, bounds: Bounds, value: f64, reduced: f64| {
        if status == BasisStatus::Basic {
            primal = primal.min(value - bounds.lower).min(bounds.upper - value);
        } else if !bounds.is_fixed() {
            dual = dual.min(reduced.abs());
        }
    };
    for column in 0..program.columns() {
        let bounds = program.column_bounds(column);
        look(solution.basis.columns[column], bounds, solution.x[column], solution.reduced_costs[column]);
    }
    for row in 0..program.rows() {
        let bounds = program.row_bounds(row);
        look(solution.basis.rows[row], bounds, solution.row_activities[row], solution.duals[row]);
    }
    (primal, dual)
}

/// What became of the claims about one range.
#[derive(Default, Debug)]
struct Count {
    inside: usize,
    outside: usize,
}

/// What is claimed of one number of a program.
struct Claim<'a> {
    program: &'a LinearProgram,
    number: f64,
    ends: [RangeEnd; 2],
    objective: f64,
    /// d objective / d number within the range.
    rate: f64,
    /// The side of the straight line on which the objective goes on beyond the ends: 1 above, -1 below; on it where there are ties.
    side: f64,
    has_no_ties: bool,
    /// Puts another number into the program; false if that has no meaning.
    set: &'a dyn Fn(&mut LinearProgram, f64) -> bool,
}

impl Claim<'_> {
    /// Solves with the number moved inside of its range and beyond the ends.
    fn check(&self, count: &mut Count) {
        for (end, direction) in self.ends.iter().zip([-1.0, 1.0]) {
            assert!(
                direction * (end.value - self.number) >= 0.0,
                "{} lies outside of its range, {end:?}",
                self.number
            );
            let last = if end.value.is_finite() { end.value } else { self.number + direction * 10.0 };
            for at in [self.number + 0.5 * (last - self.number), last] {
                count.inside += usize::from(self.holds_inside(at, *end));
            }
            if end.value.is_finite() {
                let at = end.value + 0.1 * direction * end.value.abs().max(1.0);
                count.outside += usize::from(self.holds_outside(at));
            }
        }
    }

    fn predicted(&self, at: f64) -> f64 {
        self.objective + self.rate * (at - self.number)
    }

    fn solve_at(&self, at: f64) -> Option<Solution> {
        let mut changed = self.program.clone();
        (self.set)(&mut changed, at).then(|| lp::solve(&changed).expect("a program"))
    }

    /// The objective is on the line, and at the end what the end says.
    fn holds_inside(&self, at: f64, end: RangeEnd) -> bool {
        let Some(found) = self.solve_at(at) else { return false };
        let ends = self.ends;
        assert_eq!(found.status, Status::Optimal, "at {at} inside of {ends:?}");
        let predicted = self.predicted(at);
        let scale = 1e-7 * predicted.abs().max(1.0);
        assert!(
            (found.objective - predicted).abs() <= scale,
            "{} at {at}: expected {predicted}",
            found.objective
        );
        if at == end.value {
            assert!((end.objective - predicted).abs() <= scale, "{end:?}: expected {predicted}");
        }
        true
    }

    /// The objective has left the line, or there is none any more. Answers whether that could be asked for.
    fn holds_outside(&self, at: f64) -> bool {
        let Some(found) = self.solve_at(at) else { return false };
        if found.status == Status::Optimal {
            let difference = self.side * (found.objective - self.predicted(at));
            let least = if self.has_no_ties { 1e-9 } else { -1e-7 * self.objective.abs().max(1.0) };
            assert!(
                difference > least,
                "at {at} outside of {:?} the objective is still {}",
                self.ends,
                found.objective
            );
        }
        self.has_no_ties
    }
}

/// Bounds of which one has moved; equal ones move together.
fn moved(bounds: Bounds, is_upper: bool, bound: f64) -> Bounds {
    match (bounds.is_fixed(), is_upper) {
        (true, _) => Bounds::equal(bound),
        (false, false) => Bounds { lower: bound, ..bounds },
        (false, true) => Bounds { upper: bound, ..bounds },
    }
}

/// Every range of random programs: linear inside, and another basis outside.
fn check_random(integer: bool, programs: u64) -> Count {
    let mut count = Count::default();
    for seed in 0..programs {
        let mut stream = RandomStream::new(seed + 1000 * u64::from(integer));
        let program = random_program(&mut stream, integer);
        let solution = lp::solve(&program).expect("a program");
        if solution.status != Status::Optimal {
            assert_eq!(solution.status, Status::Unbounded, "it was made feasible ");
            continue;
        }
        let ranging = lp::ranging(&program, &solution).expect("optimal");
        let (primal, dual) = margins(&program, &solution);
        // Beyond the range of a cost the optimum is better than the old basis, beyond that of a bound worse.
        let better = if program.sense() == Sense::Minimise { -1.0 } else { 1.0 };
        let objective = solution.objective;
        for (column, range) in ranging.costs.iter().enumerate() {
            Claim {
                program: &program,
                number: range.cost,
                ends: [range.least, range.largest],
                objective,
                rate: solution.x[column],
                side: better,
                has_no_ties: primal > 1e-2,
                set: &|program, cost| program.set_cost(column, cost).is_ok(),
            }
            .check(&mut count);
        }
        let columns = ranging.columns.iter().enumerate().map(|(index, ranges)| (Part::Column, index, ranges));
        let rows = ranging.rows.iter().enumerate().map(|(index, ranges)| (Part::Row, index, ranges));
        for (part, index, ranges) in columns.chain(rows) {
            let bounds = match part {
                Part::Column => program.column_bounds(index),
                Part::Row => program.row_bounds(index),
            };
            assert_eq!(ranges.lower.is_some(), bounds.lower.is_finite());
            assert_eq!(ranges.upper.is_some(), bounds.upper.is_finite());
            for (range, is_upper) in [(ranges.lower, false), (ranges.upper, true)] {
                let Some(range) = range else { continue };
                Claim {
                    program: &program,
                    number: range.bound,
                    ends: [range.least, range.largest],
                    objective,
                    rate: range.rate,
                    side: -better,
                    has_no_ties: dual > 1e-2,
                    set: &|program, bound| {
                        let changed = moved(bounds, is_upper, bound);
                        match part {
                            Part::Column => program.set_column_bounds(index, changed).is_ok(),
                            Part::Row => program.set_row_bounds(index, changed).is_ok(),
                        }
                    },
                }
                .check(&mut count);
            }
        }
    }
    count
}

#[test]
fn the_objective_is_linear_inside_and_another_basis_is_optimal_outside() {
    let count = check_random(false, 300);
    assert!(count.inside > 3000 && count.outside > 1500, "{count:?}");
}

#[test]
fn ranges_of_degenerate_bases_hold_too() {
    let count = check_random(true, 300);
    assert!(count.inside > 1000, "{count:?}");
}

#[test]
fn maximising_the_negative_mirrors_the_ranges() {
    for seed in 0..100 {
        let program = random_program(&mut RandomStream::new(seed), false);
        let mut mirrored = program.clone();
        mirrored.set_sense(if program.sense() == Sense::Minimise {
            Sense::Maximise
        } else {
            Sense::Minimise
        });
        for column in 0..program.columns() {
            mirrored.set_cost(column, -program.costs()[column]).expect("a cost");
        }
        let (solution, reflected) =
            (lp::solve(&program).expect("one"), lp::solve(&mirrored).expect("another"));
        assert_eq!(solution.status, reflected.status);
        if solution.status != Status::Optimal {
            continue;
        }
        let ranging = lp::ranging(&program, &solution).expect("optimal");
        let mirror = lp::ranging(&mirrored, &reflected).expect("optimal");
        for (range, mirror) in ranging.costs.iter().zip(&mirror.costs) {
            assert_eq!(
                (range.least.value, range.largest.value),
                (-mirror.largest.value, -mirror.least.value)
            );
            assert_eq!(range.least.ended_by, mirror.largest.ended_by);
            assert_eq!(range.least.objective, -mirror.largest.objective);
        }
        let pairs = ranging.rows.iter().zip(&mirror.rows).chain(ranging.columns.iter().zip(&mirror.columns));
        for (ranges, mirror) in pairs {
            for (range, mirror) in [(ranges.lower, mirror.lower), (ranges.upper, mirror.upper)] {
                let (Some(range), Some(mirror)) = (range, mirror) else { continue };
                assert_eq!(
                    (range.least.value, range.largest.value),
                    (mirror.least.value, mirror.largest.value)
                );
                assert_eq!(range.rate, -mirror.rate);
            }
        }
    }
}

#[test]
fn scales_of_many_sizes_change_nothing() {
    // Giapetto again in units of 2^±30: the ranges in the new units are those in the old ones.
    let rows: [(&[f64], f64); 3] = [(&[2.0, 1.0], 100.0), (&[1.0, 1.0], 80.0), (&[1.0, 0.0], 40.0)];
    let program = of_text_book(&[3.0, 2.0], &rows);
    let (row_units, column_units) =
        ([2.0_f64.powi(20), 2.0_f64.powi(-30), 1.0], [2.0_f64.powi(-10), 2.0_f64.powi(25)]);
    let mut scaled = LinearProgram::new(Sense::Maximise);
    for (column, unit) in column_units.iter().enumerate() {
        scaled.add_column(program.costs()[column] * unit, 0.0.., []).expect("a column");
    }
    for (&(row, right), unit) in rows.iter().zip(&row_units) {
        let entries: Vec<(usize, f64)> =
            (0..2).map(|column| (column, row[column] * unit * column_units[column])).collect();
        scaled.add_row(..=right * unit, entries).expect("a row");
    }
    let plain = lp::ranging(&program, &lp::solve(&program).expect("a program")).expect("optimal");
    let other = lp::ranging(&scaled, &lp::solve(&scaled).expect("a program")).expect("optimal");
    for ((plain, other), unit) in plain.costs.iter().zip(&other.costs).zip(column_units) {
        assert_close(other.least.value / unit, plain.least.value, "cost");
        assert_close(other.largest.value / unit, plain.largest.value, "cost");
    }
    for ((plain, other), unit) in plain.rows.iter().zip(&other.rows).zip(row_units) {
        let (plain, other) = (plain.upper.expect("a bound"), other.upper.expect("a bound"));
        assert_close(other.least.value / unit, plain.least.value, "right-hand side");
        assert_close(other.largest.value / unit, plain.largest.value, "right-hand side");
        assert_close(other.rate * unit, plain.rate, "rate");
    }
}

#[test]
fn costs_of_any_size_count() {
    let rows: [(&[f64], f64); 3] = [(&[2.0, 1.0], 100.0), (&[1.0, 1.0], 80.0), (&[1.0, 0.0], 40.0)];
    for unit in [1e-200, 1e-20, 1e-12, 1e-6, 1e6, 1e20] {
        let program = of_text_book(&[3.0 * unit, 2.0 * unit], &rows);
        for presolve in [false, true] {
            let options = Options::default().with_presolve(presolve);
            let solution = lp::solve_with(&program, &options, &mut lp::run_to_the_end).expect("a program");
            assert_eq!((solution.status, solution.x.as_slice()), (Status::Optimal, [20.0, 60.0].as_slice()));
            assert_close(solution.objective / unit, 180.0, "objective");
            assert_close(solution.duals[0] / unit, 1.0, "dual");
            let ranging = lp::ranging(&program, &solution).expect("optimal");
            assert_close(ranging.costs[0].least.value / unit, 2.0, "cost");
            assert_close(ranging.costs[0].largest.value / unit, 4.0, "cost");
            let right = ranging.rows[0].upper.expect("a bound");
            assert_close(right.rate / unit, 1.0, "rate");
            assert_close(right.largest.value, 120.0, "right-hand side");
            assert_close(right.largest.objective / unit, 200.0, "objective");
        }
    }
}

#[test]
fn nothing_to_range() {
    let program = LinearProgram::new(Sense::Minimise);
    let ranging = lp::ranging(&program, &lp::solve(&program).expect("a program")).expect("optimal");
    assert!(ranging.costs.is_empty() && ranging.rows.is_empty() && ranging.columns.is_empty());
}

/// Netlib: the ranges are there for every problem, and at their ends the objective is what they say.
#[test]
fn ranges_of_netlib_hold() {
    for (name, program) in netlib::feasible() {
        let solution = lp::solve(&program).expect("a program");
        let ranging = lp::ranging(&program, &solution).unwrap_or_else(|error| panic!("{name}: {error}"));
        let options = Options::default().with_basis(solution.basis.clone());
        let expect = |changed: &LinearProgram, end: RangeEnd, what: &str, index: usize| {
            let found = lp::solve_with(changed, &options, &mut lp::run_to_the_end).expect("a program");
            assert_eq!(found.status, Status::Optimal, "{name}, {what} {index} at {end:?}");
            let difference = (found.objective - end.objective).abs();
            let scale = 1e-6 * end.objective.abs().max(1.0);
            assert!(difference <= scale, "{name}, {what} {index}: {} at {end:?}", found.objective);
        };
        for column in (0..program.columns()).step_by(program.columns() / 10 + 1) {
            let range = ranging.costs[column];
            assert!(range.least.value <= range.cost && range.cost <= range.largest.value);
            for end in [range.least, range.largest] {
                if end.value.is_finite() {
                    let mut changed = program.clone();
                    changed.set_cost(column, end.value).expect("a cost");
                    expect(&changed, end, "cost", column);
                }
            }
        }
        for row in (0..program.rows()).step_by(program.rows() / 10 + 1) {
            let (bounds, ranges) = (program.row_bounds(row), ranging.rows[row]);
            for (range, is_upper) in [(ranges.lower, false), (ranges.upper, true)] {
                let Some(range) = range else { continue };
                for end in [range.least, range.largest] {
                    if end.value.is_finite() {
                        let mut changed = program.clone();
                        changed.set_row_bounds(row, moved(bounds, is_upper, end.value)).expect("bounds");
                        expect(&changed, end, "row", row);
                    }
                }
            }
        }
    }
}
