//! Random small programs of every kind that has made solvers fail, from seeded numbers. Coefficients are small whole
//! numbers times powers of two, so that floats hold them exactly and status and optimum are those of exact
//! arithmetic, not of rounded data.

use brenier::lp::{Bounds, LinearProgram, Sense};
use brenier::random::RandomStream;

/// What is random in a program.
struct Draw(RandomStream);

impl Draw {
    fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound).expect("the bound is positive")
    }

    /// A whole number from -size to size.
    fn whole(&mut self, size: u64) -> f64 {
        self.below(2 * size + 1) as f64 - size as f64
    }

    /// Whether something of this many per cent happens.
    fn per_cent(&mut self, per_cent: u64) -> bool {
        self.below(100) < per_cent
    }

    /// 2^k from about 1e-8 to 1e8.
    fn scale(&mut self) -> f64 {
        self.whole(27).exp2()
    }
}

/// Program `index` of the collection: [`unscaled`], in every other case with its rows, its columns or both scaled by
/// up to 1e±8 each. Status and optimum stay what they are.
pub fn program(index: u64) -> LinearProgram {
    let mut program = unscaled(index);
    let mut draw = Draw(RandomStream::new(0x1951).split(index));
    let scale = |bounds: Bounds, scale: f64| Bounds::between(bounds.lower * scale, bounds.upper * scale);
    if draw.per_cent(30) {
        for row in 0..program.rows() {
            let factor = draw.scale();
            for column in 0..program.columns() {
                let value = factor * program.coefficient(row, column);
                program.set_coefficient(row, column, value).unwrap();
            }
            program.set_row_bounds(row, scale(program.row_bounds(row), factor)).unwrap();
        }
    }
    if draw.per_cent(30) {
        for column in 0..program.columns() {
            let factor = draw.scale();
            for (row, value) in program.column(column).to_vec() {
                program.set_coefficient(row, column, factor * value).unwrap();
            }
            program.set_cost(column, factor * program.costs()[column]).unwrap();
            program.set_column_bounds(column, scale(program.column_bounds(column), 1.0 / factor)).unwrap();
        }
    }
    program
}

/// Up to 12 rows and 12 columns; variables free, boxed, fixed, with one bound or none; rows <=, >=, =, ranged and free; empty and repeated
/// rows and columns; degenerate, infeasible, unbounded; either sense.
pub fn unscaled(index: u64) -> LinearProgram {
    let mut draw = Draw(RandomStream::new(0x1947).split(index));
    let (rows, columns) = (1 + draw.below(12) as usize, 1 + draw.below(12) as usize);
    let size = [1, 3, 9][draw.below(3) as usize];
    let density = [20, 50, 100][draw.below(3) as usize];
    // A point that the bounds of the rows are laid around, or nothing to hold on to.
    let anchored = draw.per_cent(75);
    let degenerate = draw.per_cent(40);

    let bounds: Vec<Bounds> = (0..columns).map(|_| variable_bounds(&mut draw)).collect();
    let point: Vec<f64> = bounds.iter().map(|bounds| point_within(&mut draw, *bounds, degenerate)).collect();
    let mut matrix: Vec<Vec<f64>> = (0..rows)
        .map(|_| (0..columns).map(|_| if draw.per_cent(density) { draw.whole(size) } else { 0.0 }).collect())
        .collect();
    spoil(&mut draw, &mut matrix);
    let row_bounds: Vec<Bounds> = matrix
        .iter()
        .map(|row| {
            let activity = row.iter().zip(&point).map(|(entry, value)| entry * value).sum();
            constraint_bounds(&mut draw, if anchored { activity } else { 0.0 }, anchored, degenerate)
        })
        .collect();

    let mut costs: Vec<f64> =
        (0..columns).map(|_| if draw.per_cent(80) { draw.whole(9) } else { 0.0 }).collect();
    if draw.per_cent(60) {
        costs = bounded_costs(&mut draw, &matrix, &bounds, &row_bounds);
    }
    let sense = if draw.per_cent(50) { Sense::Minimise } else { Sense::Maximise };
    if sense == Sense::Maximise {
        costs.iter_mut().for_each(|cost| *cost = -*cost);
    }

    let mut program = LinearProgram::new(sense);
    program.set_objective_constant(draw.whole(20)).unwrap();
    for (&cost, &bounds) in costs.iter().zip(&bounds) {
        program.add_column(cost, bounds, []).unwrap();
    }
    for (row, &bounds) in matrix.iter().zip(&row_bounds) {
        let entries = row.iter().copied().enumerate().filter(|&(_, entry)| entry != 0.0);
        program.add_row(bounds, entries).unwrap();
    }
    program
}

fn variable_bounds(draw: &mut Draw) -> Bounds {
    let lower = draw.whole(5);
    match draw.below(100) {
        0..40 => Bounds::NON_NEGATIVE,
        40..50 => Bounds::at_least(lower),
        50..60 => Bounds::at_most(lower),
        60..80 => Bounds::between(lower, lower + 1.0 + draw.below(8) as f64),
        80..87 => Bounds::equal(lower),
        87..99 => Bounds::FREE,
        _ => Bounds::between(lower, lower - 1.0),
    }
}

/// A whole number within the bounds, on one of them if it is to be degenerate.
fn point_within(draw: &mut Draw, bounds: Bounds, degenerate: bool) -> f64 {
    let inside = if degenerate { 0.0 } else { draw.below(4) as f64 };
    match (bounds.lower.is_finite(), bounds.upper.is_finite()) {
        (true, true) => (bounds.lower + inside).min(bounds.upper),
        (true, false) => bounds.lower + inside,
        (false, true) => bounds.upper - inside,
        (false, false) => inside - 2.0,
    }
}

/// Bounds of a row: around the activity of a feasible point, or anywhere.
fn constraint_bounds(draw: &mut Draw, activity: f64, anchored: bool, degenerate: bool) -> Bounds {
    let room = if degenerate { 0.0 } else { draw.below(6) as f64 };
    let level = if anchored { activity } else { draw.whole(15) };
    match draw.below(100) {
        0..35 => Bounds::at_most(level + room),
        35..60 => Bounds::at_least(level - room),
        60..80 => Bounds::equal(level),
        80..95 => Bounds::between(level - room, level + draw.below(6) as f64),
        95..99 => Bounds::FREE,
        _ => Bounds::between(level + 1.0, level),
    }
}

/// Now and then an empty row, an empty column, a row or a column that repeats another or a multiple of it.
fn spoil(draw: &mut Draw, matrix: &mut [Vec<f64>]) {
    let (rows, columns) = (matrix.len(), matrix[0].len());
    if draw.per_cent(15) {
        matrix[draw.below(rows as u64) as usize].fill(0.0);
    }
    if draw.per_cent(15) {
        let column = draw.below(columns as u64) as usize;
        matrix.iter_mut().for_each(|row| row[column] = 0.0);
    }
    if draw.per_cent(25) {
        let [from, to] = [draw.below(rows as u64) as usize, draw.below(rows as u64) as usize];
        let factor = [1.0, 1.0, -1.0, 2.0][draw.below(4) as usize];
        matrix[to] = matrix[from].iter().map(|entry| factor * entry).collect();
    }
    if draw.per_cent(25) {
        let [from, to] = [draw.below(columns as u64) as usize, draw.below(columns as u64) as usize];
        let factor = [1.0, 1.0, -1.0, 2.0][draw.below(4) as usize];
        matrix.iter_mut().for_each(|row| row[to] = factor * row[from]);
    }
}

/// Costs Aᵀy + d with signs of y and d that the bounds allow, for a minimisation: the objective then has a bound.
fn bounded_costs(draw: &mut Draw, matrix: &[Vec<f64>], bounds: &[Bounds], row_bounds: &[Bounds]) -> Vec<f64> {
    let mut price = |bounds: Bounds, size: u64| {
        let value = draw.whole(size);
        match (bounds.lower.is_finite(), bounds.upper.is_finite()) {
            (true, true) => value,
            (true, false) => value.abs(),
            (false, true) => -value.abs(),
            (false, false) => 0.0,
        }
    };
    let mut costs: Vec<f64> = bounds.iter().map(|&bounds| price(bounds, 3)).collect();
    for (row, &bounds) in matrix.iter().zip(row_bounds) {
        let dual = price(bounds, 2);
        costs.iter_mut().zip(row).for_each(|(cost, entry)| *cost += dual * entry);
    }
    costs
}
