//! Lists side by side in one piece of memory, each of which may grow and shrink: columns or rows of a sparse matrix that changes.

/// One entry of a sparse column (index = row) or row (index = column).
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Entry {
    pub index: u32,
    pub value: f64,
}

/// Where a list lies.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    start: usize,
    length: u32,
    capacity: u32,
}

impl Span {
    fn range(self) -> std::ops::Range<usize> {
        self.start..self.start + self.length as usize
    }
}

/// A fixed number of lists. One that outgrows its room moves to the end; when half of the memory has been left behind like this, all
/// lists close up.
#[derive(Debug, Clone, Default)]
pub(super) struct Lists<E> {
    spans: Vec<Span>,
    storage: Vec<E>,
    /// The memory that the lists move to when they close up.
    spare: Vec<E>,
    /// Room in `storage` that no list owns.
    wasted: usize,
}

/// Room left behind that is not worth closing up.
const SMALL: usize = 1024;

impl<E: Copy + Default> Lists<E> {
    /// Makes `count` empty lists; keeps the memory.
    pub fn reset(&mut self, count: usize) {
        self.spans.clear();
        self.spans.resize(count, Span::default());
        self.storage.clear();
        self.wasted = 0;
    }

    /// The entries of a list.
    #[inline]
    pub fn get(&self, list: usize) -> &[E] {
        &self.storage[self.spans[list].range()]
    }

    /// The entries of a list, to change.
    #[inline]
    pub fn get_mut(&mut self, list: usize) -> &mut [E] {
        &mut self.storage[self.spans[list].range()]
    }

    /// Number of entries of a list.
    #[inline]
    pub fn length(&self, list: usize) -> usize {
        self.spans[list].length as usize
    }

    /// Replaces a list by these entries; its old room is left behind.
    pub fn lay(&mut self, list: usize, entries: &[E]) {
        let (start, length) = (self.storage.len(), entries.len() as u32);
        self.storage.extend_from_slice(entries);
        self.wasted += self.spans[list].capacity as usize;
        self.spans[list] = Span { start, length, capacity: length };
    }

    /// Replaces a list by an empty one with room for `capacity` entries.
    pub fn reserve(&mut self, list: usize, capacity: usize) {
        self.wasted += self.spans[list].capacity as usize;
        self.spans[list] = Span { start: self.storage.len(), length: 0, capacity: capacity as u32 };
        self.storage.resize(self.storage.len() + capacity, E::default());
    }

    /// Appends an entry, in O(1) on the average.
    #[inline]
    pub fn push(&mut self, list: usize, entry: E) {
        if self.spans[list].length == self.spans[list].capacity {
            self.move_to_the_end(list);
        }
        let span = &mut self.spans[list];
        self.storage[span.start + span.length as usize] = entry;
        span.length += 1;
    }

    /// Removes the entry at a place; the last one takes it.
    #[inline]
    pub fn swap_remove(&mut self, list: usize, place: usize) {
        let span = &mut self.spans[list];
        span.length -= 1;
        let last = self.storage[span.start + span.length as usize];
        self.storage[span.start + place] = last;
    }

    /// Shortens a list.
    #[inline]
    pub fn truncate(&mut self, list: usize, length: usize) {
        self.spans[list].length = self.spans[list].length.min(length as u32);
    }

    /// Closes the lists up where much room has been left behind. Not called by [`lay`](Self::lay), so that what is laid stays put.
    pub fn tidy(&mut self) {
        if self.wasted <= SMALL.max(self.storage.len() / 2) {
            return;
        }
        self.spare.clear();
        for span in &mut self.spans {
            let room = span.start..span.start + span.capacity as usize;
            span.start = self.spare.len();
            self.spare.extend_from_slice(&self.storage[room]);
        }
        std::mem::swap(&mut self.storage, &mut self.spare);
        self.wasted = 0;
    }

    #[cold]
    fn move_to_the_end(&mut self, list: usize) {
        self.tidy();
        let span = &mut self.spans[list];
        let capacity = 2 * span.length as usize + 4;
        let start = self.storage.len();
        self.storage.extend_from_within(span.range());
        self.storage.resize(start + capacity, E::default());
        self.wasted += span.capacity as usize;
        span.start = start;
        span.capacity = capacity as u32;
    }
}

impl Lists<u32> {
    /// Removes a number from a list, if it is there.
    #[inline]
    pub fn remove(&mut self, list: usize, number: u32) {
        if let Some(place) = self.get(list).iter().position(|&other| other == number) {
            self.swap_remove(list, place);
        }
    }
}

impl Lists<Entry> {
    /// Removes the entry of an index from a list, if it is there, and says how many entries were looked at.
    #[inline]
    pub fn remove(&mut self, list: usize, index: u32) -> usize {
        match self.get(list).iter().position(|entry| entry.index == index) {
            Some(place) => {
                self.swap_remove(list, place);
                place + 1
            }
            None => self.length(list),
        }
    }

    /// Makes these lists the transpose of `columns`, each with some room to grow. The lists lie in memory in the given order, which must
    /// name each that is not empty.
    pub fn transpose_of(&mut self, columns: &Self, order: impl Iterator<Item = u32>, slack: usize) {
        self.reset(columns.spans.len());
        for span in &columns.spans {
            for entry in &columns.storage[span.range()] {
                self.spans[entry.index as usize].capacity += 1;
            }
        }
        let mut start = 0;
        for list in order {
            let span = &mut self.spans[list as usize];
            if span.capacity > 0 {
                span.capacity += slack as u32;
                span.start = start;
                start += span.capacity as usize;
            }
        }
        self.storage.resize(start, Entry::default());
        for (column, span) in columns.spans.iter().enumerate() {
            for entry in &columns.storage[span.range()] {
                let target = &mut self.spans[entry.index as usize];
                self.storage[target.start + target.length as usize] =
                    Entry { index: column as u32, value: entry.value };
                target.length += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_grow_move_and_close_up() {
        let mut lists = Lists::<u32>::default();
        lists.reset(40);
        let mut plain = vec![Vec::new(); 40];
        for step in 0..20_000_u32 {
            let list = (step.wrapping_mul(2_654_435_761) >> 7) as usize % 40;
            if step % 7 == 3 && !plain[list].is_empty() {
                let number = plain[list][step as usize % plain[list].len()];
                lists.remove(list, number);
                let place = plain[list].iter().position(|&other| other == number).expect("it is there");
                plain[list].swap_remove(place);
            } else if step % 997 == 5 {
                lists.lay(list, &[step, step + 1]);
                plain[list] = vec![step, step + 1];
                lists.tidy();
            } else {
                lists.push(list, step);
                plain[list].push(step);
            }
        }
        for (list, plain) in plain.iter().enumerate() {
            assert_eq!(lists.get(list), plain);
        }
    }
}
