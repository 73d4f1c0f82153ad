//! Rows or columns sorted into buckets by their number of entries: linked lists, so that one is found, moved and removed in O(1).

/// No item, or an item in no bucket.
pub(super) const NONE: u32 = u32::MAX;

/// Items 0, 1, … each in at most one bucket. Within a bucket, the one that came last is first.
#[derive(Debug, Clone, Default)]
pub(super) struct Buckets {
    first: Vec<u32>,
    next: Vec<u32>,
    previous: Vec<u32>,
    /// The bucket of each item.
    bucket: Vec<u32>,
}

impl Buckets {
    /// Empties everything: `items` items in no bucket, buckets 0 to `largest`.
    pub fn reset(&mut self, items: usize, largest: usize) {
        for (list, length) in [
            (&mut self.first, largest + 1),
            (&mut self.next, items),
            (&mut self.previous, items),
            (&mut self.bucket, items),
        ] {
            list.clear();
            list.resize(length, NONE);
        }
    }

    /// Puts an item into a bucket, out of the one where it was.
    #[inline]
    pub fn put(&mut self, item: u32, bucket: usize) {
        if self.bucket[item as usize] == bucket as u32 {
            return;
        }
        self.remove(item);
        let first = self.first[bucket];
        self.next[item as usize] = first;
        self.previous[item as usize] = NONE;
        if first != NONE {
            self.previous[first as usize] = item;
        }
        self.first[bucket] = item;
        self.bucket[item as usize] = bucket as u32;
    }

    /// Takes an item out of its bucket, if it is in one.
    #[inline]
    pub fn remove(&mut self, item: u32) {
        let bucket = self.bucket[item as usize];
        if bucket == NONE {
            return;
        }
        let (next, previous) = (self.next[item as usize], self.previous[item as usize]);
        if previous == NONE {
            self.first[bucket as usize] = next;
        } else {
            self.next[previous as usize] = next;
        }
        if next != NONE {
            self.previous[next as usize] = previous;
        }
        self.bucket[item as usize] = NONE;
    }

    /// The items of a bucket.
    #[inline]
    pub fn items(&self, bucket: usize) -> impl Iterator<Item = u32> + '_ {
        let start = self.first[bucket];
        std::iter::successors((start != NONE).then_some(start), |&item| {
            let next = self.next[item as usize];
            (next != NONE).then_some(next)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_move_between_buckets() {
        let mut buckets = Buckets::default();
        buckets.reset(5, 3);
        (0..5).for_each(|item| buckets.put(item, 2));
        assert_eq!(buckets.items(2).collect::<Vec<_>>(), [4, 3, 2, 1, 0]);
        buckets.put(2, 3);
        buckets.put(4, 3);
        buckets.remove(0);
        buckets.remove(0);
        assert_eq!(buckets.items(2).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(buckets.items(3).collect::<Vec<_>>(), [4, 2]);
        assert_eq!(buckets.items(1).count(), 0);
    }
}
