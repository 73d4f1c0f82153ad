//! Cholesky's factors of small symmetric matrices.

/// L with A = L Lᵀ, row after row.
pub(super) struct Cholesky {
    factor: Vec<f64>,
    size: usize,
}

impl Cholesky {
    /// The factors of A (size, size), of which the lower half is read; `None` if A is not positive definite.
    pub fn new(mut a: Vec<f64>, size: usize) -> Option<Self> {
        for i in 0..size {
            let (above, rest) = a.split_at_mut(i * size);
            let row = &mut rest[..=i];
            for j in 0..i {
                let other = &above[j * size..][..=j];
                let product: f64 = row[..j].iter().zip(&other[..j]).map(|(x, y)| x * y).sum();
                row[j] = (row[j] - product) / other[j];
            }
            let square = row[i] - row[..i].iter().map(|x| x * x).sum::<f64>();
            if !(square > 0.0 && square.is_finite()) {
                return None;
            }
            row[i] = square.sqrt();
        }
        Some(Self { factor: a, size })
    }

    /// Replaces y by the x with A x = y.
    pub fn solve(&self, y: &mut [f64]) {
        let row = |i: usize| &self.factor[i * self.size..][..=i];
        for i in 0..self.size {
            let known: f64 = row(i)[..i].iter().zip(&y[..i]).map(|(l, y)| l * y).sum();
            y[i] = (y[i] - known) / row(i)[i];
        }
        for i in (0..self.size).rev() {
            y[i] /= row(i)[i];
            let last = y[i];
            for (y, l) in y[..i].iter_mut().zip(&row(i)[..i]) {
                *y -= last * l;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solves_what_it_factored() {
        for size in 1..12 {
            let x: Vec<f64> = (0..size).map(|k| (k as f64 * 1.7).sin()).collect();
            let entry =
                |i: usize, j: usize| 1.0 / (1.0 + i as f64 + j as f64) + if i == j { 1.0 } else { 0.0 };
            let a: Vec<f64> = (0..size * size).map(|k| entry(k / size, k % size)).collect();
            let mut y: Vec<f64> = (0..size).map(|i| (0..size).map(|j| entry(i, j) * x[j]).sum()).collect();
            Cholesky::new(a, size).unwrap().solve(&mut y);
            for (y, x) in y.iter().zip(&x) {
                assert!((y - x).abs() < 1e-14);
            }
        }
        assert!(Cholesky::new(vec![1.0, 0.0, 2.0, 1.0], 2).is_none());
    }
}
