//! A program of the size and the shape of Netlib's: what to make when, over thirty periods with stock between them.

use brenier::lp::{LinearProgram, Sense};
use brenier::random::RandomStream;

pub const PERIODS: usize = 30;
pub const PRODUCTS: usize = 5;

/// min of making, storing and overtime, where for each product and period stock before + made - stock after = demand, and for each period
/// the hours of what is made <= capacity + overtime: 180 rows, 330 columns.
pub struct Plan {
    pub program: LinearProgram,
}

impl Plan {
    pub fn new(seed: u64) -> Self {
        let mut stream = RandomStream::new(seed);
        let mut between = |low: f64, high: f64| low + (high - low) * stream.uniform::<f64>();
        let mut program = LinearProgram::new(Sense::Minimise);
        for _ in 0..PERIODS * PRODUCTS {
            program.add_row(between(5.0, 40.0), []).expect("a row");
        }
        for _ in 0..PERIODS {
            program.add_row(..=between(80.0, 120.0), []).expect("a row");
        }
        let mut plan = Self { program };
        let hours: Vec<f64> = (0..PRODUCTS).map(|_| between(0.5, 1.5)).collect();
        for period in 0..PERIODS {
            for (product, &hours) in hours.iter().enumerate() {
                let entries = [(plan.balance(product, period), 1.0), (plan.capacity(period), hours)];
                plan.program.add_column(between(3.0, 6.0), 0.0.., entries).expect("a column");
            }
        }
        for period in 0..PERIODS {
            for product in 0..PRODUCTS {
                let mut entries = vec![(plan.balance(product, period), -1.0)];
                if period + 1 < PERIODS {
                    entries.push((plan.balance(product, period + 1), 1.0));
                }
                plan.program.add_column(between(0.1, 0.5), 0.0..=30.0, entries).expect("a column");
            }
        }
        for period in 0..PERIODS {
            plan.program
                .add_column(between(4.0, 8.0), 0.0.., [(plan.capacity(period), -1.0)])
                .expect("a column");
        }
        plan
    }

    /// The row of what becomes of a product in a period.
    pub fn balance(&self, product: usize, period: usize) -> usize {
        period * PRODUCTS + product
    }

    /// The row of a period's hours.
    pub fn capacity(&self, period: usize) -> usize {
        PERIODS * PRODUCTS + period
    }

    /// How much of a product is made.
    pub fn made(&self, product: usize, period: usize) -> usize {
        period * PRODUCTS + product
    }

    /// How much of a product is in stock after a period.
    pub fn stock(&self, product: usize, period: usize) -> usize {
        PERIODS * PRODUCTS + period * PRODUCTS + product
    }

    /// The overtime of a period.
    pub fn overtime(&self, period: usize) -> usize {
        2 * PERIODS * PRODUCTS + period
    }
}
