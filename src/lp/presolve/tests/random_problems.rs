//! Small random problems with a known optimum, in which chosen structures are planted.

use crate::lp::form::Form;
use crate::lp::sparse::SparseMatrix;
use crate::random::RandomStream;

/// What a row or a column is made to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plant {
    Nothing,
    EmptyRow,
    EmptyColumn,
    FixedColumn,
    SingletonRow,
    RedundantRow,
    ForcingRow,
    ColumnSingleton,
    DoubletonEquation,
    DuplicateRow,
    DuplicateColumn,
}

pub const PLANTS: [Plant; 11] = [
    Plant::Nothing,
    Plant::EmptyRow,
    Plant::EmptyColumn,
    Plant::FixedColumn,
    Plant::SingletonRow,
    Plant::RedundantRow,
    Plant::ForcingRow,
    Plant::ColumnSingleton,
    Plant::DoubletonEquation,
    Plant::DuplicateRow,
    Plant::DuplicateColumn,
];

/// Draws from a stream.
struct Dice(RandomStream);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0.below(bound as u64).expect("bound is positive") as usize
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.0.uniform::<f64>() < probability
    }

    fn small(&mut self) -> f64 {
        self.below(7) as f64 - 3.0
    }

    fn nonzero(&mut self) -> f64 {
        let value = 1.0 + self.below(3) as f64;
        if self.chance(0.5) { value } else { -value }
    }
}

/// Where the known optimum has a variable, or a row, in its interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Lower,
    Upper,
    Inside,
    Fixed,
}

/// A problem with an optimum and its value. Costs are Aᵀy + d of duals that fit the places of x and of the activities.
pub fn problem(seed: u64, rows: usize, columns: usize, plants: &[Plant]) -> (Form, f64) {
    let mut dice = Dice(RandomStream::new(seed));
    // Two or three entries in a column of a large problem.
    let density = (2.5 / rows as f64).min(0.5);
    let mut a: Vec<Vec<f64>> = (0..rows)
        .map(|_| (0..columns).map(|_| if dice.chance(density) { dice.nonzero() } else { 0.0 }).collect())
        .collect();
    let mut x: Vec<f64> = (0..columns).map(|_| dice.small()).collect();
    let mut column_places: Vec<Place> = (0..columns)
        .map(|_| match dice.below(8) {
            0..3 => Place::Lower,
            3..5 => Place::Upper,
            5..8 => Place::Inside,
            _ => Place::Fixed,
        })
        .collect();
    let mut column_boxed: Vec<bool> = (0..columns).map(|_| dice.chance(0.3)).collect();
    let mut row_places: Vec<Place> = (0..rows)
        .map(|_| match dice.below(5) {
            0 => Place::Lower,
            1 => Place::Upper,
            2 => Place::Inside,
            _ => Place::Fixed,
        })
        .collect();
    for &plant in plants {
        let (row, column, other) = (dice.below(rows), dice.below(columns), dice.below(columns));
        match plant {
            Plant::Nothing => {}
            Plant::EmptyRow => a[row].fill(0.0),
            Plant::EmptyColumn => a.iter_mut().for_each(|row| row[column] = 0.0),
            Plant::FixedColumn => column_places[column] = Place::Fixed,
            Plant::SingletonRow => {
                a[row].fill(0.0);
                a[row][column] = dice.nonzero();
            }
            Plant::RedundantRow => {
                column_boxed.fill(true);
                row_places[row] = Place::Inside;
            }
            Plant::ForcingRow => {
                for column in 0..columns {
                    column_places[column] = if a[row][column] > 0.0 { Place::Lower } else { Place::Upper };
                }
                row_places[row] = Place::Upper;
            }
            Plant::ColumnSingleton => {
                a.iter_mut().for_each(|row| row[column] = 0.0);
                a[row][column] = dice.nonzero();
            }
            Plant::DoubletonEquation => {
                a[row].fill(0.0);
                a[row][column] = dice.nonzero();
                a[row][other] = dice.nonzero();
                row_places[row] = Place::Fixed;
            }
            Plant::DuplicateRow => {
                let multiple = dice.nonzero();
                a[row] = a[dice.below(rows)].iter().map(|value| multiple * value).collect();
            }
            Plant::DuplicateColumn => {
                let multiple = dice.nonzero();
                a.iter_mut().for_each(|row| row[column] = multiple * row[other]);
                if dice.chance(0.7) {
                    column_places[column] = Place::Inside;
                    column_places[other] = Place::Inside;
                }
            }
        }
    }
    // Scales that are no powers of two bring rounding in.
    if dice.chance(0.3) {
        for row in &mut a {
            let scale = 0.1 + dice.0.uniform::<f64>();
            row.iter_mut().for_each(|value| *value *= scale);
        }
        x.iter_mut().for_each(|x| *x *= 0.1);
    }
    let boxes: Vec<bool> = (0..rows).map(|_| dice.chance(0.3)).collect();
    let (column_lower, column_upper, d) = intervals(&mut dice, &x, &column_places, &column_boxed);
    let matrix = SparseMatrix::from_triplets(
        rows,
        columns,
        (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))).filter_map(
            |(row, column)| {
                let value = a[row][column];
                (value != 0.0).then_some((row, column, value))
            },
        ),
    );
    let (row_lower, row_upper, y) = intervals(&mut dice, &matrix.times(&x), &row_places, &boxes);
    // A cost of mere rounding would make a problem unbounded that is meant to have an optimum.
    let costs: Vec<f64> = (0..columns)
        .map(|column| {
            let terms = || matrix.column(column).map(|(row, value)| value * y[row]).chain([d[column]]);
            let (cost, size) = (terms().sum::<f64>(), terms().map(f64::abs).sum::<f64>());
            if cost.abs() <= 1e-14 * size { 0.0 } else { cost }
        })
        .collect();
    let objective = costs.iter().zip(&x).map(|(c, x)| c * x).sum();
    (Form { matrix, costs, column_lower, column_upper, row_lower, row_upper }, objective)
}

/// Intervals that have the values at the places, and multipliers of the right signs. Boxed intervals have two ends.
fn intervals(
    dice: &mut Dice,
    values: &[f64],
    places: &[Place],
    boxed: &[bool],
) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let mut lower = Vec::new();
    let mut upper = Vec::new();
    let mut multipliers = Vec::new();
    for ((&value, &place), &boxed) in values.iter().zip(places).zip(boxed) {
        let room = |dice: &mut Dice| if boxed { 1.0 + dice.below(6) as f64 } else { f64::INFINITY };
        let half_open = dice.chance(0.5);
        let (below, above) = match place {
            Place::Lower => (0.0, room(dice)),
            Place::Upper => (room(dice), 0.0),
            Place::Fixed => (0.0, 0.0),
            Place::Inside if half_open => (1.0, room(dice)),
            Place::Inside => (room(dice), room(dice)),
        };
        let size = if dice.chance(0.6) { 1.0 + dice.below(4) as f64 } else { 0.0 };
        lower.push(value - below);
        upper.push(value + above);
        multipliers.push(match place {
            Place::Lower => size,
            Place::Upper => -size,
            Place::Inside => 0.0,
            Place::Fixed => size - 1.0,
        });
    }
    (lower, upper, multipliers)
}
