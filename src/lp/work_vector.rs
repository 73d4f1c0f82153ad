//! The sparse work vector of the solver: an array of values and, while it is short, the list of its nonzeros.

/// A vector of fixed length. While `listed` holds, every nonzero is in `pattern` (without repetition; a listed entry may have become 0);
/// otherwise any entry may be nonzero and `pattern` means nothing.
#[derive(Debug, Clone)]
pub(super) struct WorkVector {
    pub values: Vec<f64>,
    pub pattern: Vec<u32>,
    pub listed: bool,
}

impl WorkVector {
    pub fn new(length: usize) -> Self {
        Self { values: vec![0.0; length], pattern: Vec::with_capacity(length), listed: true }
    }

    /// All zero again; O(nonzeros) while they are listed.
    pub fn clear(&mut self) {
        if self.listed && self.pattern.len() * 4 < self.values.len() {
            for &index in &self.pattern {
                self.values[index as usize] = 0.0;
            }
        } else {
            self.values.fill(0.0);
        }
        self.pattern.clear();
        self.listed = true;
    }

    /// Sets an entry that is not in the pattern yet.
    pub fn insert(&mut self, index: usize, value: f64) {
        self.values[index] = value;
        self.pattern.push(index as u32);
    }

    /// Lists the nonzeros, ascending where a scan was needed, and drops what is smaller than `tiny`.
    pub fn list(&mut self, tiny: f64) {
        if self.listed {
            let values = &mut self.values;
            self.pattern.retain(|&index| {
                let keep = values[index as usize].abs() >= tiny;
                if !keep {
                    values[index as usize] = 0.0;
                }
                keep
            });
        } else {
            self.pattern.clear();
            for (index, value) in self.values.iter_mut().enumerate() {
                if value.abs() >= tiny {
                    self.pattern.push(index as u32);
                } else {
                    *value = 0.0;
                }
            }
            self.listed = true;
        }
    }

    /// Nonzeros (as far as they are listed) as a share of the length.
    pub fn density(&self) -> f64 {
        let count = if self.listed { self.pattern.len() } else { self.values.len() };
        count as f64 / self.values.len().max(1) as f64
    }

    pub fn copy_from(&mut self, other: &Self) {
        self.clear();
        if other.listed {
            for &index in &other.pattern {
                self.values[index as usize] = other.values[index as usize];
            }
            self.pattern.extend_from_slice(&other.pattern);
        } else {
            self.values.copy_from_slice(&other.values);
            self.listed = false;
        }
    }
}
