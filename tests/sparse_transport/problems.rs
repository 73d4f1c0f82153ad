//! Transport problems of many structures, from seeded numbers.

use brenier::matrix::Distance;
use brenier::ot::Problem;
use brenier::ot::exact::{self, Method, Options, Solution};
use brenier::ot::progress::run_to_the_end;
use brenier::{Matrix, Scalar};

/// A fixed stream of numbers (xorshift64, Marsaglia 2003).
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        let mut numbers = Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        // Seeds that differ in few bits need some steps to part.
        for _ in 0..8 {
            numbers.uniform();
        }
        numbers
    }

    /// In (0, 1).
    pub fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    /// From 0 to `count - 1`.
    pub fn below(&mut self, count: usize) -> usize {
        (self.uniform() * count as f64) as usize
    }

    /// Of variance one (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub fn permutation(&mut self, count: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..count).collect();
        (1..count).rev().for_each(|k| order.swap(k, self.below(k + 1)));
        order
    }
}

/// How a pair of clouds is built.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Structure {
    Normal,
    Cube,
    AllEqual,
    PairsOfEqual,
    SameCloud,
    Grid,
    Collinear,
    FarClusters(f64),
    Cauchy,
    /// Far from the origin beside its extent: differences keep few digits.
    Shifted(f64),
    /// In units of this size.
    Scaled(f64),
}

pub const STRUCTURES: [Structure; 13] = [
    Structure::Normal,
    Structure::Cube,
    Structure::AllEqual,
    Structure::PairsOfEqual,
    Structure::SameCloud,
    Structure::Grid,
    Structure::Collinear,
    Structure::FarClusters(1e6),
    Structure::FarClusters(1e9),
    Structure::Cauchy,
    Structure::Shifted(1e6),
    Structure::Scaled(1e-90),
    Structure::Scaled(1e90),
];

pub const DISTANCES: [Distance; 8] = [
    Distance::SquaredEuclidean,
    Distance::Euclidean,
    Distance::Manhattan,
    Distance::Chebyshev,
    Distance::Minkowski { p: 3.0 },
    Distance::Cosine,
    Distance::MinkowskiPower { p: 0.5 },
    Distance::MinkowskiPower { p: 3.0 },
];

fn cloud(structure: Structure, points: usize, dimension: usize, numbers: &mut Numbers) -> Matrix<f64> {
    let mut cloud = Matrix::from_fn(points, dimension, |_, _| numbers.normal());
    for i in 0..points {
        let along = numbers.normal();
        for k in 0..dimension {
            cloud[(i, k)] = match structure {
                Structure::Normal | Structure::SameCloud => cloud[(i, k)],
                Structure::Cube => numbers.uniform(),
                Structure::AllEqual => 0.5 + k as f64,
                Structure::PairsOfEqual => cloud[(i - i % 2, k)],
                Structure::Grid => numbers.below(5) as f64,
                Structure::Collinear => (1.0 + k as f64) * along,
                Structure::FarClusters(apart) => {
                    cloud[(i, k)] + if k == 0 && i % 2 == 0 { apart } else { 0.0 }
                }
                Structure::Shifted(by) => cloud[(i, k)] + by,
                Structure::Scaled(unit) => cloud[(i, k)] * unit,
                Structure::Cauchy => (std::f64::consts::PI * (numbers.uniform() - 0.5)).tan(),
            };
        }
    }
    cloud
}

/// Two clouds: `n` and `m` points of some dimension.
pub fn clouds(
    structure: Structure,
    n: usize,
    m: usize,
    dimension: usize,
    seed: u64,
) -> (Matrix<f64>, Matrix<f64>) {
    let mut numbers = Numbers::new(seed);
    let x = cloud(structure, n, dimension, &mut numbers);
    let y = match structure {
        // As many points of the same cloud, in another order, as there are.
        Structure::SameCloud => {
            let order = numbers.permutation(n);
            Matrix::from_fn(m, dimension, |j, k| x[(order[j % n], k)])
        }
        _ => cloud(structure, m, dimension, &mut numbers),
    };
    (x, y)
}

/// The costs of two clouds, from the definitions of the distances.
pub fn costs_of<T: Scalar>(x: &Matrix<T>, y: &Matrix<T>, distance: Distance) -> Matrix<f64> {
    let row = |matrix: &Matrix<T>, i: usize| -> Vec<f64> {
        let row: Vec<f64> = matrix.row(i).iter().map(|value| value.to_f64()).collect();
        let length = row.iter().map(|value| value * value).sum::<f64>().sqrt();
        match distance {
            Distance::Cosine => row.iter().map(|value| value / length).collect(),
            _ => row,
        }
    };
    let rows: Vec<Vec<f64>> = (0..x.rows()).map(|i| row(x, i)).collect();
    let columns: Vec<Vec<f64>> = (0..y.rows()).map(|j| row(y, j)).collect();
    Matrix::from_fn(x.rows(), y.rows(), |i, j| {
        let differences = || rows[i].iter().zip(&columns[j]).map(|(x, y)| (x - y).abs());
        match distance {
            Distance::SquaredEuclidean => differences().map(|d| d * d).sum(),
            Distance::Euclidean => differences().map(|d| d * d).sum::<f64>().sqrt(),
            Distance::Manhattan => differences().sum(),
            Distance::Chebyshev => differences().fold(0.0, f64::max),
            Distance::Cosine => 0.5 * differences().map(|d| d * d).sum::<f64>(),
            Distance::Minkowski { p } => {
                // In units of the largest difference: the root of a large number would carry the rounding of 1 / p in its exponent.
                let unit = differences().fold(f64::MIN_POSITIVE, f64::max);
                unit * differences().map(|d| (d / unit).powf(p)).sum::<f64>().powf(1.0 / p)
            }
            Distance::MinkowskiPower { p } => differences().map(|d| d.powf(p)).sum(),
            _ => unreachable!("not among the tested distances"),
        }
    })
}

/// How a cost matrix is filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Filling {
    Uniform,
    Integers,
    Negative,
    LowRank,
    Metric,
    RankOne,
    Constant,
    /// A third of the pairs costs 1e30; the pairs (i, i modulo m) and (j modulo n, j) do not.
    Forbidden,
    HeavyTails,
}

pub const FILLINGS: [Filling; 9] = [
    Filling::Uniform,
    Filling::Integers,
    Filling::Negative,
    Filling::LowRank,
    Filling::Metric,
    Filling::RankOne,
    Filling::Constant,
    Filling::Forbidden,
    Filling::HeavyTails,
];

pub fn matrix(filling: Filling, n: usize, m: usize, seed: u64) -> Matrix<f64> {
    let mut numbers = Numbers::new(seed);
    let mut factor = |count: usize| Matrix::from_fn(count, 3, |_, _| numbers.normal());
    let (u, v) = (factor(n), factor(m));
    Matrix::from_fn(n, m, |i, j| match filling {
        Filling::Uniform => numbers.uniform(),
        Filling::Integers => numbers.below(6) as f64,
        Filling::Negative => -numbers.uniform() - 1.0,
        Filling::LowRank => (0..3).map(|k| u[(i, k)] * v[(j, k)]).sum(),
        Filling::Metric => (0..3).map(|k| (u[(i, k)] - v[(j, k)]).powi(2)).sum::<f64>().sqrt(),
        Filling::RankOne => u[(i, 0)] * v[(j, 0)],
        Filling::Constant => 7.0,
        Filling::Forbidden if i != j % n && j != i % m && numbers.below(3) == 0 => 1e30,
        Filling::Forbidden => numbers.uniform(),
        Filling::HeavyTails => (20.0 * numbers.normal()).exp(),
    })
}

/// How mass is spread over a side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spread {
    Uniform,
    Random,
    Integers,
    WithZeros,
    OneHeavy,
    Tiny,
}

pub const SPREADS: [Spread; 6] =
    [Spread::Uniform, Spread::Random, Spread::Integers, Spread::WithZeros, Spread::OneHeavy, Spread::Tiny];

/// Whole numbers of units for both sides, equal in sum.
pub fn units(spread: Spread, n: usize, m: usize, seed: u64) -> [Vec<i64>; 2] {
    let mut numbers = Numbers::new(seed ^ 0xA5A5);
    if spread == Spread::Uniform {
        return [vec![m as i64; n], vec![n as i64; m]];
    }
    [n, m].map(|count| {
        let heavy = numbers.below(count);
        let raw: Vec<f64> = (0..count)
            .map(|k| match spread {
                Spread::Random => numbers.uniform(),
                Spread::Integers => 1.0 + numbers.below(5) as f64,
                Spread::WithZeros if k != heavy && numbers.below(3) == 0 => 0.0,
                Spread::OneHeavy if k == heavy => 999.0 * count as f64,
                Spread::Tiny if k % 2 == 0 && k != heavy => 1e-12,
                _ => 0.5 + numbers.uniform(),
            })
            .collect();
        let total = match spread {
            Spread::Integers => 60_i64 * 61,
            // Weights that are not multiples of one power of two.
            Spread::Random => 1_000_000_000_000_007,
            // Each of the tiny ones still counts.
            Spread::Tiny => 1 << 56,
            _ => 1 << 46,
        };
        let sum: f64 = raw.iter().sum();
        let mut units: Vec<i64> = raw.iter().map(|share| (share / sum * total as f64) as i64).collect();
        // What rounding left over goes to the largest, so that zeros stay zeros.
        let left = total - units.iter().sum::<i64>();
        *units.iter_mut().max().expect("there is a point") += left;
        units
    })
}

/// The answer of one of the two simplexes.
pub fn solved<T: Scalar>(problem: &Problem<'_, T>, method: Method) -> Solution {
    solved_with(problem, &Options::default().with_method(method))
}

pub fn solved_with<T: Scalar>(problem: &Problem<'_, T>, options: &Options) -> Solution {
    exact::solve_with(problem, options, &mut run_to_the_end).unwrap()
}

/// Units as weights that sum to about one.
pub fn shares(units: &[i64]) -> Vec<f64> {
    let total: i64 = units.iter().sum();
    units.iter().map(|&units| units as f64 / total as f64).collect()
}
