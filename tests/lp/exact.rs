//! The oracle: a bounded simplex in exact rational arithmetic.
//!
//! Every number of a program is a float, thus a whole number times a power of two: rows, columns and costs are multiplied by powers of two
//! until all is whole. The tableau D·B⁻¹[I -A] is kept in integers by the division that always comes out even (Edmonds 1967, Bareiss
//! 1968), the values of the basic variables are worked out afresh in every step, Bland's rule chooses. Nothing is rounded, nothing tuned.

use crate::integer::{Integer, decompose};
use brenier::lp::{LinearProgram, Sense};
use std::cmp::Ordering;

/// What is true of a program.
#[derive(Debug, Clone, PartialEq)]
pub enum Truth {
    /// The optimum, an optimal x, and duals that prove it, all rounded once.
    Optimal { objective: f64, x: Vec<f64>, duals: Vec<f64> },
    /// Nothing is feasible, and these multipliers of the rows prove it; `None` where the bounds of a row or a column contradict each other.
    Infeasible { farkas: Option<Vec<f64>> },
    /// No bound for the objective, which improves along the ray from x.
    Unbounded { x: Vec<f64>, ray: Vec<f64> },
}

/// Solves a program exactly.
pub fn solve(program: &LinearProgram) -> Truth {
    let crossed = (0..program.columns()).any(|column| !program.column_bounds(column).is_consistent())
        || (0..program.rows()).any(|row| !program.row_bounds(row).is_consistent());
    if crossed {
        return Truth::Infeasible { farkas: None };
    }
    let scales = Scales::of(program);
    let mut simplex = Simplex::new(program, &scales);
    let (rows, columns) = (program.rows(), program.columns());

    let artificial: Vec<Integer> = (0..simplex.lower.len())
        .map(|variable| if variable < columns + rows { Integer::default() } else { Integer::one() })
        .collect();
    let ray = simplex.minimise(&artificial);
    assert!(ray.is_none(), "a sum of what is not negative has a bound");
    let values = simplex.values();
    if (columns + rows..values.len()).any(|variable| !values[variable].is_zero()) {
        return Truth::Infeasible { farkas: Some(simplex.duals(&scales, 0)) };
    }

    simplex.upper[columns + rows..].fill(Some(Integer::default()));
    let sign = if program.sense() == Sense::Minimise { 1.0 } else { -1.0 };
    let mut costs = vec![Integer::default(); simplex.lower.len()];
    for (column, cost) in program.costs().iter().enumerate() {
        costs[column] = Integer::of_scaled(sign * cost, scales.cost - scales.columns[column]);
    }
    let ray = simplex.minimise(&costs);

    let values = simplex.values();
    let unscaled = |list: &[Integer]| -> Vec<f64> {
        (0..columns).map(|column| list[column].ratio(&simplex.divisor, scales.columns[column])).collect()
    };
    let x = unscaled(&values);
    if let Some(ray) = ray {
        return Truth::Unbounded { x, ray: unscaled(&ray) };
    }
    let total =
        costs.iter().zip(&values).fold(Integer::default(), |sum, (cost, value)| sum.plus(&cost.times(value)));
    let objective = sign * total.ratio(&simplex.divisor, scales.cost) + program.objective_constant();
    let duals = simplex.duals(&scales, scales.cost).iter().map(|dual| sign * dual).collect();
    Truth::Optimal { objective, x, duals }
}

/// Exponents of 2 that make everything whole: of xⱼ, of the activity of row i, of the objective.
struct Scales {
    columns: Vec<i32>,
    rows: Vec<i32>,
    cost: i32,
}

impl Scales {
    fn of(program: &LinearProgram) -> Self {
        let needed =
            |value: f64| if value.is_finite() && value != 0.0 { -decompose(value).1 } else { i32::MIN };
        let or_none = |scale: i32| if scale == i32::MIN { 0 } else { scale };
        let columns: Vec<i32> = (0..program.columns())
            .map(|column| program.column_bounds(column))
            .map(|bounds| or_none(needed(bounds.lower).max(needed(bounds.upper))))
            .collect();
        let mut rows: Vec<i32> = (0..program.rows())
            .map(|row| program.row_bounds(row))
            .map(|bounds| needed(bounds.lower).max(needed(bounds.upper)))
            .collect();
        let mut cost = i32::MIN;
        for (column, &scale) in columns.iter().enumerate() {
            // a x = (a 2^-scale) (x 2^scale)
            for &(row, value) in program.column(column) {
                rows[row] = rows[row].max(needed(value).saturating_add(scale));
            }
            cost = cost.max(needed(program.costs()[column]).saturating_add(scale));
        }
        // A 0 needs nothing, and adding to "nothing" gave something near it.
        let far = |scale: i32| or_none(if scale < -100_000 { i32::MIN } else { scale });
        Self { columns, rows: rows.into_iter().map(far).collect(), cost: far(cost) }
    }
}

/// Where a variable is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Basic,
    AtLower,
    AtUpper,
    /// Without bounds, at 0.
    AtZero,
}

/// Variables: the columns, the activities of the rows, an artificial one for each row that the first point violates.
struct Simplex {
    columns: usize,
    rows: usize,
    lower: Vec<Option<Integer>>,
    upper: Vec<Option<Integer>>,
    places: Vec<Place>,
    basis: Vec<usize>,
    /// B⁻¹ times the equations, times the divisor; last the reduced costs, times the divisor.
    table: Vec<Vec<Integer>>,
    divisor: Integer,
}

impl Simplex {
    fn new(program: &LinearProgram, scales: &Scales) -> Self {
        let (rows, columns) = (program.rows(), program.columns());
        let bound = |value: f64, scale: i32| value.is_finite().then(|| Integer::of_scaled(value, scale));
        let (mut lower, mut upper) = (Vec::new(), Vec::new());
        let all = (0..columns).map(|column| (program.column_bounds(column), scales.columns[column]));
        for (bounds, scale) in all.chain((0..rows).map(|row| (program.row_bounds(row), scales.rows[row]))) {
            lower.push(bound(bounds.lower, scale));
            upper.push(bound(bounds.upper, scale));
        }
        let mut places: Vec<Place> = (0..columns + rows)
            .map(|variable| match (&lower[variable], &upper[variable]) {
                (Some(_), _) => Place::AtLower,
                (None, Some(_)) => Place::AtUpper,
                (None, None) => Place::AtZero,
            })
            .collect();

        // Activity - A x = 0.
        let mut table = vec![vec![Integer::default(); columns + rows]; rows];
        for (row, equation) in table.iter_mut().enumerate() {
            equation[columns + row] = Integer::one();
        }
        for (column, column_scale) in scales.columns.iter().enumerate() {
            for &(row, value) in program.column(column) {
                let scale = scales.rows[row] - column_scale;
                table[row][column] = Integer::of_scaled(-value, scale);
            }
        }
        let mut simplex = Self {
            columns,
            rows,
            lower,
            upper,
            places: places.clone(),
            basis: Vec::new(),
            table: Vec::new(),
            divisor: Integer::one(),
        };
        let start: Vec<Integer> = (0..columns).map(|column| simplex.nonbasic_value(column)).collect();
        let mut artificials = Vec::new();
        for (row, equation) in table.iter_mut().enumerate() {
            let activity = start
                .iter()
                .zip(&*equation)
                .fold(Integer::default(), |sum, (value, entry)| sum.minus(&value.times(entry)));
            let variable = columns + row;
            let below = simplex.lower[variable].as_ref().is_some_and(|lower| activity.compare(lower).is_lt());
            let above = simplex.upper[variable].as_ref().is_some_and(|upper| activity.compare(upper).is_gt());
            if !below && !above {
                places[variable] = Place::Basic;
                simplex.basis.push(variable);
                continue;
            }
            // The artificial variable is A x - upper, or lower - A x.
            places[variable] = if below { Place::AtLower } else { Place::AtUpper };
            if below {
                equation.iter_mut().for_each(|entry| *entry = entry.negated());
            }
            simplex.basis.push(columns + rows + artificials.len());
            artificials.push(row);
        }
        for &row in &artificials {
            for (other, equation) in table.iter_mut().enumerate() {
                equation.push(if other == row { Integer::one() } else { Integer::default() });
            }
            simplex.lower.push(Some(Integer::default()));
            simplex.upper.push(None);
            places.push(Place::Basic);
        }
        (simplex.places, simplex.table) = (places, table);
        simplex
    }

    fn nonbasic_value(&self, variable: usize) -> Integer {
        let bound = match self.places[variable] {
            Place::AtLower => &self.lower[variable],
            Place::AtUpper => &self.upper[variable],
            Place::AtZero | Place::Basic => &None,
        };
        bound.clone().unwrap_or_default()
    }

    /// All values, times the divisor.
    fn values(&self) -> Vec<Integer> {
        let nonbasic: Vec<Integer> =
            (0..self.places.len()).map(|variable| self.nonbasic_value(variable)).collect();
        let mut values: Vec<Integer> = nonbasic.iter().map(|value| value.times(&self.divisor)).collect();
        for (row, &basic) in self.basis.iter().enumerate() {
            values[basic] = nonbasic
                .iter()
                .zip(&self.table[row])
                .filter(|(value, entry)| !value.is_zero() && !entry.is_zero())
                .fold(Integer::default(), |sum, (value, entry)| sum.minus(&value.times(entry)));
        }
        values
    }

    /// The derivative of the objective by the activity of each row.
    fn duals(&self, scales: &Scales, cost_scale: i32) -> Vec<f64> {
        let reduced_costs = &self.table[self.rows];
        (0..self.rows)
            .map(|row| reduced_costs[self.columns + row].ratio(&self.divisor, cost_scale - scales.rows[row]))
            .collect()
    }

    /// Bland's rule to the end; a ray (times the divisor) if there is no minimum.
    fn minimise(&mut self, costs: &[Integer]) -> Option<Vec<Integer>> {
        self.table.truncate(self.rows);
        let reduced = (0..costs.len()).map(|variable| {
            let priced = self.basis.iter().zip(&self.table).filter(|&(&basic, _)| !costs[basic].is_zero());
            let paid = priced.fold(Integer::default(), |sum, (&basic, equation)| {
                sum.plus(&costs[basic].times(&equation[variable]))
            });
            costs[variable].times(&self.divisor).minus(&paid)
        });
        let reduced = reduced.collect();
        self.table.push(reduced);
        while let Some((entering, direction)) = self.entering() {
            let values = self.values();
            match self.leaving(entering, direction, &values) {
                None => return Some(self.ray(entering, direction)),
                Some(Leaving::Flip) => {
                    self.places[entering] = if direction > 0 { Place::AtUpper } else { Place::AtLower };
                }
                Some(Leaving::Row { row, to }) => {
                    self.places[self.basis[row]] = to;
                    self.places[entering] = Place::Basic;
                    self.pivot(row, entering);
                }
            }
        }
        None
    }

    /// The first variable that may move in a direction that improves the objective.
    fn entering(&self) -> Option<(usize, i32)> {
        let reduced_costs = &self.table[self.rows];
        (0..self.places.len()).find_map(|variable| {
            let fixed = self.lower[variable].is_some() && self.lower[variable] == self.upper[variable];
            let direction = -reduced_costs[variable].signum();
            let moves = match self.places[variable] {
                Place::Basic => false,
                Place::AtLower => direction > 0 && !fixed,
                Place::AtUpper => direction < 0 && !fixed,
                Place::AtZero => direction != 0,
            };
            moves.then_some((variable, direction))
        })
    }

    /// What stops it first; the variable of least index among equals.
    fn leaving(&self, entering: usize, direction: i32, values: &[Integer]) -> Option<Leaving> {
        // The step as a fraction, and the variable that it belongs to.
        let mut best: Option<(Integer, Integer, usize, Leaving)> = None;
        let mut offer = |numerator: Integer, denominator: Integer, variable: usize, leaving: Leaving| {
            let better = best.as_ref().is_none_or(|(other, under, index, _)| {
                let order = numerator.times(under).compare(&other.times(&denominator));
                order == Ordering::Less || (order == Ordering::Equal && variable < *index)
            });
            if better {
                best = Some((numerator, denominator, variable, leaving));
            }
        };
        if let (Some(lower), Some(upper)) = (&self.lower[entering], &self.upper[entering]) {
            offer(upper.minus(lower), Integer::one(), entering, Leaving::Flip);
        }
        for (row, &basic) in self.basis.iter().enumerate() {
            let entry = &self.table[row][entering];
            // The basic variable moves by -entry / divisor.
            let (bound, to) = match -direction * entry.signum() {
                0 => continue,
                1 => (&self.upper[basic], Place::AtUpper),
                _ => (&self.lower[basic], Place::AtLower),
            };
            if let Some(bound) = bound {
                let room = bound.times(&self.divisor).minus(&values[basic]).abs();
                offer(room, entry.abs(), basic, Leaving::Row { row, to });
            }
        }
        best.map(|(.., leaving)| leaving)
    }

    fn ray(&self, entering: usize, direction: i32) -> Vec<Integer> {
        let signed = |value: &Integer| if direction > 0 { value.clone() } else { value.negated() };
        let mut ray = vec![Integer::default(); self.places.len()];
        ray[entering] = signed(&self.divisor);
        for (row, &basic) in self.basis.iter().enumerate() {
            ray[basic] = signed(&self.table[row][entering]).negated();
        }
        ray
    }

    fn pivot(&mut self, row: usize, column: usize) {
        let pivot_row = self.table[row].clone();
        let pivot = &pivot_row[column];
        for (other, line) in self.table.iter_mut().enumerate() {
            if other == row {
                continue;
            }
            let factor = line[column].clone();
            for (entry, above) in line.iter_mut().zip(&pivot_row) {
                let mut sum = entry.times(pivot);
                if !factor.is_zero() && !above.is_zero() {
                    sum = sum.minus(&factor.times(above));
                }
                *entry = if sum.is_zero() { sum } else { sum.divided_exactly_by(&self.divisor) };
            }
        }
        self.divisor = pivot.clone();
        self.basis[row] = column;
        if self.divisor.signum() < 0 {
            self.divisor = self.divisor.negated();
            self.table.iter_mut().flatten().for_each(|entry| *entry = entry.negated());
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Leaving {
    /// The entering variable goes to its other bound.
    Flip,
    /// The basic variable of this row goes to this bound.
    Row { row: usize, to: Place },
}
