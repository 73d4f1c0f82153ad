//! Plans in units of mass, as the solvers hand them to each other.
//!
//! A plan whose arcs form a forest is fixed by its arcs. So a start is a list of arcs in some order: each takes what its source
//! still has and its target still wants. Every step closes one of the two, whatever the order, so the result is a
//! forest; and in an order that begins with the leaves it is the plan that the arcs came from.

use super::masses::Masses;
use crate::ot::plan::PlanEntry;

/// Flow from a source to a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Flow {
    pub source: usize,
    pub target: usize,
    pub units: i64,
}

/// Union-find over the nodes of a forest.
pub(super) struct Pieces {
    parent: Vec<u32>,
}

impl Pieces {
    pub fn new(nodes: usize) -> Self {
        Self { parent: (0..nodes as u32).collect() }
    }

    pub fn find(&mut self, mut node: usize) -> usize {
        while self.parent[node] as usize != node {
            self.parent[node] = self.parent[self.parent[node] as usize];
            node = self.parent[node] as usize;
        }
        node
    }

    pub fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[a] = b as u32;
    }
}

/// Serves the arcs in their order, then what is left from the sources in theirs to the targets in theirs, whatever it costs.
pub(super) fn served_in_order(masses: &Masses, arcs: impl IntoIterator<Item = (usize, usize)>) -> Vec<Flow> {
    let (mut supply, mut demand) = (masses.source.clone(), masses.target.clone());
    let mut flows = Vec::with_capacity(supply.len() + demand.len());
    for (source, target) in arcs {
        let units = supply[source].min(demand[target]);
        if units > 0 {
            supply[source] -= units;
            demand[target] -= units;
            flows.push(Flow { source, target, units });
        }
    }
    let mut target = 0;
    for (source, supply) in supply.iter_mut().enumerate() {
        while *supply > 0 {
            while demand[target] == 0 {
                target += 1;
            }
            let units = (*supply).min(demand[target]);
            *supply -= units;
            demand[target] -= units;
            flows.push(Flow { source, target, units });
        }
    }
    flows
}

/// The arcs of a plan, or of a forest within it if it has cycles (the heaviest arcs first), in an order that begins with the leaves.
pub(super) fn in_order_of_leaves(
    sources: usize,
    targets: usize,
    entries: impl IntoIterator<Item = PlanEntry>,
) -> Vec<(usize, usize)> {
    let mut entries: Vec<PlanEntry> = entries.into_iter().collect();
    entries.sort_by(|a, b| b.mass.total_cmp(&a.mass).then((a.source, a.target).cmp(&(b.source, b.target))));
    let mut pieces = Pieces::new(sources + targets);
    let arcs: Vec<[usize; 2]> = entries
        .into_iter()
        .map(|entry| [entry.source, sources + entry.target])
        .filter(|&[source, target]| {
            let apart = pieces.find(source) != pieces.find(target);
            if apart {
                pieces.join(source, target);
            }
            apart
        })
        .collect();
    // How many arcs each node has left, and the exclusive or of their numbers: with one left, that is its number.
    let mut degree = vec![0_usize; sources + targets];
    let mut number = vec![0_usize; sources + targets];
    for (index, arc) in arcs.iter().enumerate() {
        for &node in arc {
            degree[node] += 1;
            number[node] ^= index;
        }
    }
    let mut leaves: Vec<usize> = (0..sources + targets).filter(|&node| degree[node] == 1).collect();
    let mut order = Vec::with_capacity(arcs.len());
    while let Some(leaf) = leaves.pop() {
        if degree[leaf] != 1 {
            continue;
        }
        let index = number[leaf];
        let [source, target] = arcs[index];
        order.push((source, target - sources));
        for node in [source, target] {
            degree[node] -= 1;
            number[node] ^= index;
            if degree[node] == 1 {
                leaves.push(node);
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_vertex_is_found_again_from_its_arcs(
            supply in prop::collection::vec(1_i64..9, 1..20),
            cuts in prop::collection::vec(1_i64..9, 1..20),
            seed in any::<u64>(),
        ) {
            // Demands with the same sum, and the plan that serves all in order: a vertex.
            let total: i64 = supply.iter().sum();
            let mut demand = Vec::new();
            let mut left = total;
            for cut in cuts {
                let units = cut.min(left);
                if units > 0 {
                    demand.push(units);
                    left -= units;
                }
            }
            if left > 0 {
                demand.push(left);
            }
            let (n, m) = (supply.len(), demand.len());
            let masses = Masses::of_units(supply, demand);
            let vertex = served_in_order(&masses, []);
            // In any order of the entries.
            let mut entries: Vec<PlanEntry> = vertex
                .iter()
                .map(|flow| PlanEntry { source: flow.source, target: flow.target, mass: flow.units as f64 })
                .collect();
            entries.sort_by_key(|entry| (entry.source as u64 * 31 + entry.target as u64).wrapping_mul(seed | 1));
            let mut again = served_in_order(&masses, in_order_of_leaves(n, m, entries));
            again.sort_by_key(|flow| (flow.source, flow.target));
            prop_assert_eq!(again, vertex);
        }
    }
}
