//! The Mersenne Twister MT19937 (Matsumoto and Nishimura, ACM Trans. Model. Comput. Simul. 8, 1998), with the
//! initialisations of its 2002 edition. Period 2^19937 - 1; 2.5 KB of state; 32 bits at a time.

/// Words of state.
const N: usize = 624;
/// Distance to the word that a new word takes its lower part from.
const M: usize = 397;

/// The generator: the state and the place of the next word in it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct MersenneTwister {
    words: [u32; N],
    next: usize,
}

impl MersenneTwister {
    /// `init_genrand`: the state by a linear congruential recurrence from one word.
    pub(super) fn from_seed(seed: u32) -> Self {
        let mut words = [seed; N];
        for k in 1..N {
            let before = words[k - 1];
            words[k] = 1_812_433_253_u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(k as u32);
        }
        Self { words, next: N }
    }

    /// `init_by_array`: the state from a key of at least one word.
    pub(super) fn from_key(key: &[u32]) -> Self {
        let mut words = Self::from_seed(19_650_218).words;
        let mut k = 1;
        // Stepping past the end copies the last word to the front, as the published routine does.
        let advance = |words: &mut [u32; N], k: &mut usize| {
            *k += 1;
            if *k == N {
                words[0] = words[N - 1];
                *k = 1;
            }
        };
        for step in 0..N.max(key.len()) {
            let before = words[k - 1];
            let place = step % key.len();
            words[k] = (words[k] ^ (before ^ (before >> 30)).wrapping_mul(1_664_525))
                .wrapping_add(key[place])
                .wrapping_add(place as u32);
            advance(&mut words, &mut k);
        }
        for _ in 0..N - 1 {
            let before = words[k - 1];
            words[k] =
                (words[k] ^ (before ^ (before >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(k as u32);
            advance(&mut words, &mut k);
        }
        words[0] = 0x8000_0000;
        Self { words, next: N }
    }

    /// The next 32 bits.
    #[inline]
    pub(super) fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.renew();
        }
        let mut y = self.words[self.next];
        self.next += 1;
        // Tempering.
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }

    /// Replaces all words by the next ones of the recurrence.
    fn renew(&mut self) {
        for k in 0..N {
            let y = (self.words[k] & 0x8000_0000) | (self.words[(k + 1) % N] & 0x7fff_ffff);
            let twist = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.words[k] = self.words[(k + M) % N] ^ (y >> 1) ^ twist;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_authors() {
        // mt19937ar.out, for init_by_array({0x123, 0x234, 0x345, 0x456}).
        let mut generator = MersenneTwister::from_key(&[0x123, 0x234, 0x345, 0x456]);
        let words: [u32; 5] = std::array::from_fn(|_| generator.next_u32());
        assert_eq!(words, [1067595299, 955945823, 477289528, 4107218783, 4228976476]);
        // The C++ standard fixes the 10,000th word from the seed 5489.
        let mut generator = MersenneTwister::from_seed(5489);
        for _ in 0..9999 {
            generator.next_u32();
        }
        assert_eq!(generator.next_u32(), 4123659995);
    }
}
