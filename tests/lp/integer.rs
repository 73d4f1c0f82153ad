//! Integers of any size, as much of them as an exact simplex needs.

use std::cmp::Ordering;

/// An integer: sign and magnitude, the least significant 32 bits first, without zeros at the end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Integer {
    negative: bool,
    limbs: Vec<u32>,
}

impl Integer {
    pub fn one() -> Self {
        Self::from(1)
    }

    pub fn is_zero(&self) -> bool {
        self.limbs.is_empty()
    }

    /// -1, 0 or 1.
    pub fn signum(&self) -> i32 {
        match (self.is_zero(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    pub fn negated(&self) -> Self {
        Self::new(!self.negative, self.limbs.clone())
    }

    pub fn abs(&self) -> Self {
        Self::new(false, self.limbs.clone())
    }

    fn new(negative: bool, mut limbs: Vec<u32>) -> Self {
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
        Self { negative: negative && !limbs.is_empty(), limbs }
    }

    /// A value that is a whole number times 2^-scale.
    pub fn of_scaled(value: f64, scale: i32) -> Self {
        let (mantissa, exponent) = decompose(value);
        if mantissa == 0 {
            return Self::default();
        }
        let shift = exponent + scale;
        assert!(shift >= 0, "{value} is not a multiple of 2^{}", -scale);
        Self::from(mantissa).shifted_left(shift as usize)
    }

    fn shifted_left(&self, bits: usize) -> Self {
        let mut limbs = vec![0; bits / 32];
        let mut carry = 0;
        for &limb in &self.limbs {
            let wide = (u64::from(limb) << (bits % 32)) | carry;
            limbs.push(wide as u32);
            carry = wide >> 32;
        }
        limbs.push(carry as u32);
        Self::new(self.negative, limbs)
    }

    fn shifted_right(&self, bits: usize) -> Self {
        let whole = self.limbs.get(bits / 32..).unwrap_or_default();
        let bits = bits % 32;
        let limb = |place: usize| u64::from(whole.get(place).copied().unwrap_or(0));
        let limbs = (0..whole.len()).map(|place| (((limb(place + 1) << 32) | limb(place)) >> bits) as u32);
        Self::new(self.negative, limbs.collect())
    }

    pub fn plus(&self, other: &Self) -> Self {
        if self.negative == other.negative {
            return Self::new(self.negative, add(&self.limbs, &other.limbs));
        }
        match compare(&self.limbs, &other.limbs) {
            Ordering::Less => Self::new(other.negative, subtract(&other.limbs, &self.limbs)),
            _ => Self::new(self.negative, subtract(&self.limbs, &other.limbs)),
        }
    }

    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negated())
    }

    pub fn times(&self, other: &Self) -> Self {
        let mut limbs = vec![0_u32; self.limbs.len() + other.limbs.len()];
        for (place, &a) in self.limbs.iter().enumerate() {
            let mut carry = 0;
            for (offset, &b) in other.limbs.iter().enumerate() {
                let wide = u64::from(a) * u64::from(b) + u64::from(limbs[place + offset]) + carry;
                limbs[place + offset] = wide as u32;
                carry = wide >> 32;
            }
            limbs[place + other.limbs.len()] = carry as u32;
        }
        Self::new(self.negative != other.negative, limbs)
    }

    /// The quotient where nothing remains, from the least significant end (Jebelean, *An algorithm for exact division*, 1993).
    pub fn divided_exactly_by(&self, divisor: &Self) -> Self {
        let zeros = divisor.trailing_zeros();
        let (mut rest, divisor) = (self.shifted_right(zeros), divisor.shifted_right(zeros));
        let negative = rest.negative != divisor.negative;
        // Newton's iteration for the inverse of an odd number doubles the right bits: 3, 6, 12, 24, 48.
        let first = divisor.limbs[0];
        let inverse = (0..4)
            .fold(first, |inverse, _| inverse.wrapping_mul(2_u32.wrapping_sub(first.wrapping_mul(inverse))));
        let mut quotient = vec![0; (rest.limbs.len() + 1).saturating_sub(divisor.limbs.len())];
        for (place, limb) in quotient.iter_mut().enumerate() {
            let digit = rest.limbs[place].wrapping_mul(inverse);
            *limb = digit;
            let (mut carry, mut borrow) = (0, false);
            for offset in 0..rest.limbs.len() - place {
                let wide =
                    u64::from(digit) * u64::from(divisor.limbs.get(offset).copied().unwrap_or(0)) + carry;
                carry = wide >> 32;
                let (difference, under) = rest.limbs[place + offset].overflowing_sub(wide as u32);
                let (difference, under_again) = difference.overflowing_sub(u32::from(borrow));
                (rest.limbs[place + offset], borrow) = (difference, under || under_again);
            }
        }
        assert!(rest.limbs.iter().all(|&limb| limb == 0), "the division is not exact");
        Self::new(negative, quotient)
    }

    fn trailing_zeros(&self) -> usize {
        let place = self.limbs.iter().position(|&limb| limb != 0).expect("a divisor is not 0");
        32 * place + self.limbs[place].trailing_zeros() as usize
    }

    pub fn compare(&self, other: &Self) -> Ordering {
        self.minus(other).signum().cmp(&0)
    }

    /// The leading 64 bits as a float, and the exponent of 2 that belongs to it.
    fn leading(&self) -> (f64, i32) {
        let skipped = self.limbs.len().saturating_sub(3);
        let value = self.limbs[skipped..]
            .iter()
            .rev()
            .fold(0.0, |value, &limb| value * 4294967296.0 + f64::from(limb));
        (if self.negative { -value } else { value }, 32 * skipped as i32)
    }

    /// self / divisor · 2^-scale as a float, to a few units in the last place.
    pub fn ratio(&self, divisor: &Self, scale: i32) -> f64 {
        let ((a, a_exponent), (b, b_exponent)) = (self.leading(), divisor.leading());
        a / b * f64::from(a_exponent - b_exponent - scale).exp2()
    }
}

impl From<i64> for Integer {
    fn from(value: i64) -> Self {
        let size = value.unsigned_abs();
        Self::new(value < 0, vec![size as u32, (size >> 32) as u32])
    }
}

/// A finite float as odd mantissa and exponent of 2; 0 as (0, 0).
pub fn decompose(value: f64) -> (i64, i32) {
    assert!(value.is_finite(), "{value}");
    if value == 0.0 {
        return (0, 0);
    }
    let bits = value.to_bits();
    let (exponent, fraction) = (((bits >> 52) & 0x7ff) as i32, (bits & ((1 << 52) - 1)) as i64);
    let (mantissa, exponent) =
        if exponent == 0 { (fraction, -1074) } else { (fraction | (1 << 52), exponent - 1075) };
    let zeros = mantissa.trailing_zeros();
    let mantissa = mantissa >> zeros;
    (if value < 0.0 { -mantissa } else { mantissa }, exponent + zeros as i32)
}

fn compare(a: &[u32], b: &[u32]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.iter().rev().cmp(b.iter().rev()))
}

fn add(a: &[u32], b: &[u32]) -> Vec<u32> {
    let length = a.len().max(b.len());
    let limb = |list: &[u32], place: usize| u64::from(list.get(place).copied().unwrap_or(0));
    let mut carry = 0;
    let mut sum: Vec<u32> = (0..length)
        .map(|place| {
            let wide = limb(a, place) + limb(b, place) + carry;
            carry = wide >> 32;
            wide as u32
        })
        .collect();
    sum.push(carry as u32);
    sum
}

/// a - b where a >= b.
fn subtract(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut borrow = 0;
    a.iter()
        .enumerate()
        .map(|(place, &limb)| {
            let wide = i64::from(limb) - i64::from(b.get(place).copied().unwrap_or(0)) - borrow;
            borrow = i64::from(wide < 0);
            wide as u32
        })
        .collect()
}

#[test]
fn arithmetic_agrees_with_128_bits() {
    use brenier::random::RandomStream;
    let mut stream = RandomStream::new(1);
    let mut draw = || {
        let bits = stream.below(62).unwrap();
        let size = stream.below(1 << bits).unwrap() as i64;
        if stream.below(2).unwrap() == 0 { size } else { -size }
    };
    let wide = |value: i128| {
        let high = Integer::from((value >> 62) as i64).shifted_left(62);
        high.plus(&Integer::from((value & ((1 << 62) - 1)) as i64))
    };
    for _ in 0..20_000 {
        let (a, b, c) = (draw(), draw(), draw());
        let (big_a, big_b) = (Integer::from(a), Integer::from(b));
        let product = big_a.times(&big_b);
        assert_eq!(product, wide(i128::from(a) * i128::from(b)));
        assert_eq!(product.plus(&Integer::from(c)), wide(i128::from(a) * i128::from(b) + i128::from(c)));
        assert_eq!(product.minus(&Integer::from(c)), wide(i128::from(a) * i128::from(b) - i128::from(c)));
        assert_eq!(big_a.compare(&big_b), a.cmp(&b));
        if b != 0 {
            assert_eq!(product.divided_exactly_by(&big_b), big_a);
        }
        if a != 0 && b != 0 {
            assert_eq!(product.times(&product).divided_exactly_by(&product.times(&big_b)), big_a);
            approx::assert_relative_eq!(
                big_a.ratio(&big_b, 3),
                a as f64 / b as f64 / 8.0,
                max_relative = 1e-15
            );
        }
        assert_eq!(big_a.shifted_left(77).shifted_right(77), big_a);
    }
}

#[test]
fn floats_are_taken_apart_exactly() {
    for value in [0.0, 1.0, -0.1, 1e300, f64::MIN_POSITIVE, 5e-324, -6.0, 1e-8] {
        let (mantissa, exponent) = decompose(value);
        // Two factors, since 2^-1074 and 2^1000 are not far apart enough for one.
        assert_eq!(
            mantissa as f64 * f64::from(exponent / 2).exp2() * f64::from(exponent - exponent / 2).exp2(),
            value
        );
        assert!(mantissa == 0 || mantissa % 2 != 0);
    }
}
