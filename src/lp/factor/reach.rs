//! Which entries of a sparse triangular system's solution can be nonzero, and in which order to compute them: a depth-first search.
//!
//! Solving T x = b by columns, x_p ≠ 0 changes the entries in the list of p. So the nonzeros of x are what can be reached from those of b
//! along the lists, and each must be computed after all that reach it: the reversed order in which the search leaves them.
//! Gilbert and Peierls, "Sparse partial pivoting in time proportional to arithmetic operations", SIAM J. Sci. Stat. Comput. 9 (1988).

use super::lists::{Entry, Lists};

/// The search and its memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Reach {
    marked: Vec<bool>,
    /// Nodes on the way from the root, each with the number of its entries looked at.
    stack: Vec<(u32, u32)>,
    /// What was reached, each behind all that it reaches.
    order: Vec<u32>,
}

impl Reach {
    pub fn new(nodes: usize) -> Self {
        Self { marked: vec![false; nodes], stack: Vec::new(), order: Vec::new() }
    }

    /// Finds what the roots reach, unless that is more than `limit` nodes: false then.
    pub fn find(&mut self, lists: &Lists<Entry>, roots: impl Iterator<Item = u32>, limit: usize) -> bool {
        self.order.clear();
        for root in roots {
            if !self.marked[root as usize] {
                self.search(lists, root);
                if self.order.len() > limit {
                    break;
                }
            }
        }
        for &node in &self.order {
            self.marked[node as usize] = false;
        }
        self.order.len() <= limit
    }

    /// What was found: each node before all that it reaches.
    pub fn order(&self) -> impl Iterator<Item = u32> + '_ {
        self.order.iter().rev().copied()
    }

    fn search(&mut self, lists: &Lists<Entry>, root: u32) {
        let (mut node, mut looked_at) = (root, 0);
        self.marked[root as usize] = true;
        loop {
            let list = lists.get(node as usize);
            let child =
                list[looked_at as usize..].iter().position(|child| !self.marked[child.index as usize]);
            if let Some(place) = child {
                let child = list[looked_at as usize + place].index;
                self.marked[child as usize] = true;
                if lists.length(child as usize) == 0 {
                    self.order.push(child);
                    looked_at += place as u32 + 1;
                } else {
                    self.stack.push((node, looked_at + place as u32 + 1));
                    (node, looked_at) = (child, 0);
                }
            } else {
                self.order.push(node);
                match self.stack.pop() {
                    Some(parent) => (node, looked_at) = parent,
                    None => break,
                }
            }
        }
    }
}
