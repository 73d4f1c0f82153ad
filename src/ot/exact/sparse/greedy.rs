//! The starting basis: a greedy plan over the candidates, hung from the artificial root.
//!
//! 1. Candidates in the order of their reduced cost; each takes what its source still has and its target still wants. A step
//!    closes one of the two, so the arcs with flow form a forest, and each of its trees has at most one node that is open.
//! 2. A tree with an open node hangs from the root by that node: what is left flows through the root, at the price of the node's potential
//!    and a penalty. The other trees hang by their first source, without flow, at the price of its potential. So
//!    the potentials of the start are those of the warm start, up to the reduced costs of the arcs with flow, and no far
//!    link spoils them.

use super::arcs::{Candidates, NewArc};
use super::basis::Basis;

/// Flow over an arc, in the numbering of the sweeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ArcFlow {
    pub source: u32,
    pub target: u32,
    pub cost: f64,
    pub units: i64,
}

/// What the greedy rule found, and what it left.
pub(super) struct GreedyPlan {
    pub flows: Vec<ArcFlow>,
    /// Units that are still at each source, or missing at each target.
    pub supply: Vec<i64>,
    pub demand: Vec<i64>,
}

/// Serves the arcs in `first` in their order, then the candidates in the order of their reduced costs Cᵢⱼ - fᵢ - gⱼ (equals: in
/// the order of the rows).
pub(super) fn greedy_plan(
    candidates: &Candidates,
    first: &[NewArc],
    f: &[f64],
    g: &[f64],
    mut supply: Vec<i64>,
    mut demand: Vec<i64>,
) -> GreedyPlan {
    // A sort key and the entry's number in one word; single precision is enough for an order of arrival.
    let mut order = Vec::with_capacity(candidates.len());
    let mut rows = Vec::with_capacity(candidates.len());
    for (source, &f) in f.iter().enumerate() {
        for entry in candidates.row(source) {
            let reduced = candidates.costs[entry] - f - g[candidates.targets[entry] as usize];
            order.push(u64::from(sortable(reduced as f32)) << 32 | entry as u64);
            rows.push(source as u32);
        }
    }
    order.sort_unstable();
    let ordered = order.into_iter().map(|key| {
        let entry = key as u32 as usize;
        (rows[entry], candidates.targets[entry], candidates.costs[entry])
    });
    let mut flows = Vec::with_capacity(supply.len() + demand.len());
    for (source, target, cost) in first.iter().copied().chain(ordered) {
        let units = supply[source as usize].min(demand[target as usize]);
        if units > 0 {
            supply[source as usize] -= units;
            demand[target as usize] -= units;
            flows.push(ArcFlow { source, target, cost, units });
        }
    }
    GreedyPlan { flows, supply, demand }
}

/// Bits that sort as the numbers do.
fn sortable(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 0 { bits | 1 << 31 } else { !bits }
}

/// The basis of a plan whose arcs form a forest with at most one open node to a tree.
pub(super) fn basis_of(plan: &GreedyPlan, f: &[f64], g: &[f64], penalty: f64) -> Basis {
    let (sources, targets) = (f.len(), g.len());
    let nodes = sources + targets;
    // The arcs at each node, as the stretches between consecutive starts of one list.
    let mut starts = vec![0_u32; nodes + 1];
    for flow in &plan.flows {
        starts[flow.source as usize + 1] += 1;
        starts[sources + flow.target as usize + 1] += 1;
    }
    for node in 0..nodes {
        starts[node + 1] += starts[node];
    }
    let mut at_node = vec![0_u32; 2 * plan.flows.len()];
    let mut next = starts.clone();
    for (index, flow) in plan.flows.iter().enumerate() {
        for node in [flow.source as usize, sources + flow.target as usize] {
            at_node[next[node] as usize] = index as u32;
            next[node] += 1;
        }
    }
    let mut basis = Basis::new(sources, targets);
    let root = basis.root();
    let mut hung = vec![false; nodes];
    let mut stack = Vec::new();
    let open = |node: usize| if node < sources { plan.supply[node] } else { plan.demand[node - sources] };
    let potential = |node: usize| if node < sources { f[node] } else { g[node - sources] };
    // The open nodes first: each is the top of its tree. Then what is left hangs by its first source.
    for top in (0..nodes).filter(|&node| open(node) > 0).chain(0..sources) {
        if hung[top] {
            continue;
        }
        hung[top] = true;
        let left = open(top);
        basis.hang(top, root, potential(top) + if left > 0 { penalty } else { 0.0 }, left);
        stack.push(top);
        while let Some(node) = stack.pop() {
            for &index in &at_node[starts[node] as usize..starts[node + 1] as usize] {
                let flow = &plan.flows[index as usize];
                let child =
                    if node < sources { sources + flow.target as usize } else { flow.source as usize };
                if !hung[child] {
                    hung[child] = true;
                    basis.hang(child, node, flow.cost, flow.units);
                    stack.push(child);
                }
            }
        }
    }
    basis.rebuild();
    basis
}

#[cfg(test)]
mod tests {
    use super::super::instances::{complete, divided, integer_costs};
    use super::*;
    use crate::ot::exact::flows::Pieces;
    use crate::random::RandomStream;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn the_plan_is_a_forest_with_at_most_one_open_node_to_a_tree(
            rows in 1_usize..30,
            columns in 1_usize..30,
            heaviest in 1_i64..6,
            per_row in 1_usize..5,
            with_first in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let mut random = RandomStream::new(seed);
            let (supply, demand) = divided(rows, columns, heaviest, &mut random);
            let costs = integer_costs(rows * columns, 9, &mut random);
            let f = integer_costs(rows, 5, &mut random);
            let g = integer_costs(columns, 5, &mut random);
            let graph = complete(rows, columns, &costs).best(&f, &g, per_row);
            let first: Vec<NewArc> = (0..if with_first { rows } else { 0 })
                .map(|_| {
                    let at = random.below((rows * columns) as u64).unwrap() as usize;
                    ((at / columns) as u32, (at % columns) as u32, costs[at])
                })
                .collect();
            let plan = greedy_plan(&graph, &first, &f, &g, supply.clone(), demand.clone());

            let (mut left, mut missing) = (supply.clone(), demand.clone());
            let mut pieces = Pieces::new(rows + columns);
            for flow in &plan.flows {
                let (source, target) = (flow.source as usize, flow.target as usize);
                prop_assert!(flow.units > 0);
                prop_assert_eq!(flow.cost, costs[source * columns + target]);
                left[source] -= flow.units;
                missing[target] -= flow.units;
                prop_assert!(pieces.find(source) != pieces.find(rows + target), "a cycle");
                pieces.join(source, rows + target);
            }
            prop_assert_eq!(&left, &plan.supply);
            prop_assert_eq!(&missing, &plan.demand);
            let mut open = vec![0; rows + columns];
            for (node, &units) in left.iter().chain(&missing).enumerate() {
                prop_assert!(units >= 0);
                open[pieces.find(node)] += u32::from(units > 0);
            }
            prop_assert!(open.into_iter().all(|open| open <= 1));
            // Nothing that the graph allows is left undone.
            for (row, &left) in left.iter().enumerate() {
                for entry in graph.row(row) {
                    prop_assert!(left == 0 || missing[graph.targets[entry] as usize] == 0);
                }
            }
            // In the order of the reduced costs: an arc is full for want of what better arcs took.
            let reduced = |flow: &ArcFlow| flow.cost - f[flow.source as usize] - g[flow.target as usize];
            let after_first = plan.flows.iter().skip_while(|flow| {
                first.iter().any(|arc| (arc.0, arc.1) == (flow.source, flow.target))
            });
            prop_assert!(after_first.map(reduced).is_sorted());

            let basis = basis_of(&plan, &f, &g, 50.0);
            basis.assert_sound(&supply, &demand, 0.0);
            prop_assert_eq!(basis.artificial_flow(), left.iter().sum::<i64>());
            prop_assert_eq!(basis.arcs().count(), plan.flows.len());
        }
    }

    #[test]
    fn keys_sort_as_numbers_do() {
        let numbers =
            [f32::NEG_INFINITY, -1e30, -1.0, -1e-40, -0.0, 0.0, 1e-40, 0.5, 1.0, 1e30, f32::INFINITY];
        assert!(numbers.map(sortable).is_sorted());
        assert_eq!(numbers.map(sortable).len(), numbers.len());
    }

    #[test]
    fn potentials_of_the_start_are_those_of_the_warm_start_where_flow_is_tight() {
        // f and g that are tight on the diagonal, which serves all: no reduced cost spoils them.
        let (f, g) = ([1.0, 3.0, 2.0], [4.0, 0.0, 7.0]);
        let costs: Vec<f64> =
            (0..9).map(|at| f[at / 3] + g[at % 3] + if at / 3 == at % 3 { 0.0 } else { 1.0 }).collect();
        let plan = greedy_plan(&complete(3, 3, &costs), &[], &f, &g, vec![2, 5, 1], vec![2, 5, 1]);
        let basis = basis_of(&plan, &f, &g, 50.0);
        assert_eq!(basis.potentials(), (f.to_vec(), g.to_vec()));
    }
}
