use super::super::greedy::{basis_of, greedy_plan};
use super::super::instances::{complete, divided, integer_costs};
use super::*;
use crate::random::RandomStream;
use proptest::prelude::*;

impl Basis {
    /// Checks everything that can be said about a basis, from first principles.
    ///
    /// `rounding` is how far a potential may be from the sum of the costs on its way to the root: zero with integer costs.
    pub(in super::super) fn assert_sound(&self, supply: &[i64], demand: &[i64], rounding: f64) {
        let (sources, root) = (self.sources, self.root as usize);
        assert_eq!((sources, root), (supply.len(), supply.len() + demand.len()));
        assert_eq!(self.nodes[root].parent, NONE);
        let depths = self.depths();

        // A bipartite tree: the root's side is neither.
        let mut sizes = vec![1_u32; root + 1];
        let mut balance = vec![0_i64; root + 1];
        let mut order: Vec<usize> = (0..root).collect();
        order.sort_by_key(|&node| std::cmp::Reverse(depths[node]));
        for &node in &order {
            let Node { parent, flow, .. } = self.nodes[node];
            let parent = parent as usize;
            assert!(
                parent == root || (parent < sources) != (node < sources),
                "arc between {node} and {parent}"
            );
            assert!(flow >= 0, "flow {flow} of node {node}");
            assert!(flow > 0 || node < sources, "the arc of target {node} points down and carries nothing");
            sizes[parent] += sizes[node];
            let out = if node < sources { flow } else { -flow };
            balance[node] += out;
            balance[parent] -= out;
        }
        for node in 0..=root {
            assert_eq!(self.nodes[node].size, sizes[node], "size of node {node}");
            let wanted = match node {
                _ if node < sources => supply[node],
                _ if node < root => -demand[node - sources],
                _ => 0,
            };
            assert_eq!(balance[node], wanted, "what leaves node {node}");
        }
        let artificial: i64 = (sources..root)
            .filter(|&node| self.nodes[node].parent as usize == root)
            .map(|node| self.nodes[node].flow)
            .sum();
        assert_eq!(self.artificial_flow(), artificial, "through the root, in and out");

        // Potentials: costs summed up from the root.
        let mut potentials = vec![0.0; root + 1];
        for &node in order.iter().rev() {
            let Node { parent, cost, .. } = self.nodes[node];
            let above: f64 = potentials[parent as usize];
            potentials[node] = if node < sources { above + cost } else { above - cost };
            let got = self.potential(node);
            assert!((got - potentials[node]).abs() <= rounding, "potential of node {node}: {got}");
        }
        self.assert_fragments_sound();
    }

    /// Fragments are connected parts of the tree, and their links are the arcs between them.
    fn assert_fragments_sound(&self) {
        let label = |node: usize| self.labels[self.places[node].position as usize] as usize;
        let root = self.root as usize;
        let count = self.fragments.len();
        assert!(count < self.largest_number_of_fragments.max(2), "{count} fragments");
        assert_eq!(self.offsets.len(), count);
        assert_eq!(label(root), 0);
        assert_eq!(self.fragments[0].parent, NONE);
        let mut links = 0;
        for node in 0..root {
            let parent = self.nodes[node].parent as usize;
            if label(node) != label(parent) {
                links += 1;
                let fragment = self.fragments[label(node)];
                assert_eq!(fragment.parent as usize, label(parent));
                assert_eq!(fragment.own_position, self.places[node].position);
                assert_eq!(fragment.parent_position, self.places[parent].position);
            }
        }
        assert_eq!(links, count - 1, "a fragment that is not connected");
        let mut seen = vec![false; root + 1];
        self.places.iter().for_each(|place| seen[place.position as usize] = true);
        assert!(seen.into_iter().all(|seen| seen), "positions are a permutation");
    }

    /// How many arcs there are from each node to the root, which must be reached.
    fn depths(&self) -> Vec<u32> {
        (0..self.nodes.len())
            .map(|node| {
                let (mut at, mut depth) = (node, 0);
                while at != self.root as usize {
                    at = self.nodes[at].parent as usize;
                    depth += 1;
                    assert!((depth as usize) < self.nodes.len(), "node {node} does not hang from the root");
                }
                depth
            })
            .collect()
    }

    /// With a rebuild after so many fragments.
    fn with_fragments(mut self, limit: usize) -> Self {
        self.largest_number_of_fragments = limit;
        self
    }

    fn has_arc(&self, source: usize, target: usize) -> bool {
        let node = self.sources + target;
        self.nodes[source].parent as usize == node || self.nodes[node].parent as usize == source
    }

    /// What the flow costs, that through the root included.
    fn cost(&self) -> f64 {
        self.nodes[..self.root as usize].iter().map(|node| node.flow as f64 * node.cost).sum()
    }
}

/// Every node at the root, with what it has.
fn star(supply: &[i64], demand: &[i64], cost: f64) -> Basis {
    let mut basis = Basis::new(supply.len(), demand.len());
    let root = basis.root();
    for (node, &units) in supply.iter().chain(demand).enumerate() {
        basis.hang(node, root, cost, units);
    }
    basis.rebuild();
    basis
}

/// Any arc that is not in the tree, violated or not: the invariants hold whatever enters.
fn pivot_on_any(basis: &mut Basis, costs: &[f64], columns: usize, random: &mut RandomStream) {
    let rows = costs.len() / columns;
    let at = random.below(costs.len() as u64).unwrap() as usize;
    let (source, target) = (at / columns % rows, at % columns);
    if !basis.has_arc(source, target) {
        let cost = costs[at];
        let reduced = cost - basis.source_potential(source) - basis.target_potential(target);
        let before = basis.cost();
        let units = basis.pivot(source, target, cost, reduced);
        assert!(basis.has_arc(source, target));
        // What a pivot changes is units times the reduced cost; all are integers far below 2^53.
        assert_eq!(basis.cost(), before + units as f64 * reduced);
    }
}

#[test]
fn every_pivot_on_any_arc_leaves_a_sound_basis() {
    for (rows, columns, limit, heaviest) in
        [(1, 1, 2, 3), (1, 7, 3, 3), (7, 1, 2, 3), (5, 6, 2, 2), (6, 6, 3, 1), (11, 8, 5, 9), (25, 30, 64, 2)]
    {
        for seed in 0..6 {
            let mut random = RandomStream::new(seed);
            let (supply, demand) = divided(rows, columns, heaviest, &mut random);
            let costs = integer_costs(rows * columns, 4, &mut random);
            let mut basis = star(&supply, &demand, 5.0).with_fragments(limit);
            basis.assert_sound(&supply, &demand, 0.0);
            for _ in 0..400 {
                pivot_on_any(&mut basis, &costs, columns, &mut random);
                basis.assert_sound(&supply, &demand, 0.0);
            }
            let potentials = basis.potentials();
            basis.rebuild();
            basis.assert_sound(&supply, &demand, 0.0);
            assert_eq!(basis.potentials(), potentials, "a rebuild changes no potential");
        }
    }
}

#[test]
fn a_cycle_of_equal_flows_is_left_by_the_arc_that_keeps_the_tree_strongly_feasible() {
    // All masses one: every pivot on an assignment's tree is degenerate, or changes a whole unit.
    let mut random = RandomStream::new(5);
    let (supply, demand) = (vec![1; 20], vec![1; 20]);
    let costs = integer_costs(400, 3, &mut random);
    let mut basis = star(&supply, &demand, 2.0).with_fragments(4);
    let mut degenerate = 0;
    for _ in 0..3000 {
        let cost = basis.cost();
        pivot_on_any(&mut basis, &costs, 20, &mut random);
        degenerate += u32::from(basis.cost() == cost);
        basis.assert_sound(&supply, &demand, 0.0);
    }
    assert!(degenerate > 300, "{degenerate} of 3000 pivots moved nothing");
}

#[test]
fn the_price_of_artificial_flow_goes_up_where_there_is_flow() {
    let mut random = RandomStream::new(8);
    let (supply, demand) = divided(9, 7, 4, &mut random);
    let costs = integer_costs(63, 5, &mut random);
    let mut basis = star(&supply, &demand, 3.0).with_fragments(3);
    for round in 0..200 {
        pivot_on_any(&mut basis, &costs, 7, &mut random);
        if round % 10 == 0 {
            let at_root = |basis: &Basis| -> Vec<(i64, f64)> {
                let of_root = |node: &&Node| node.parent == basis.root;
                basis.nodes.iter().filter(of_root).map(|node| (node.flow, node.cost)).collect()
            };
            let before = at_root(&basis);
            basis.raise_artificial_costs(2.0);
            basis.assert_sound(&supply, &demand, 0.0);
            let raised: Vec<_> =
                before.iter().map(|&(flow, cost)| (flow, cost + if flow > 0 { 2.0 } else { 0.0 })).collect();
            assert_eq!(at_root(&basis), raised);
        }
    }
}

#[test]
fn the_arcs_are_those_of_the_tree_and_carry_what_does_not_go_through_the_root() {
    let mut random = RandomStream::new(13);
    let (supply, demand) = divided(12, 9, 5, &mut random);
    let costs = integer_costs(108, 7, &mut random);
    let mut basis = star(&supply, &demand, 100.0);
    for _ in 0..300 {
        pivot_on_any(&mut basis, &costs, 9, &mut random);
        let mut arcs = 0;
        let mut carried = 0;
        for arc in basis.arcs() {
            assert!(basis.has_arc(arc.source as usize, arc.target as usize));
            assert_eq!(arc.cost, costs[arc.source as usize * 9 + arc.target as usize]);
            arcs += 1;
            carried += arc.units;
        }
        let at_root = basis.nodes.iter().filter(|node| node.parent == basis.root).count();
        assert_eq!(arcs + at_root, 21);
        // Every unit from a source crosses an arc of the cut between sources and targets, or the root; one that goes back
        // and forth would need a cycle.
        assert_eq!(carried + basis.artificial_flow(), supply.iter().sum::<i64>());
    }
}

#[test]
fn potentials_gather_no_more_rounding_than_the_moves_between_two_rebuilds() {
    let mut random = RandomStream::new(21);
    let (supply, demand) = divided(40, 40, 1000, &mut random);
    let costs: Vec<f64> = (0..1600).map(|_| random.uniform::<f64>() - 0.3).collect();
    let mut basis = star(&supply, &demand, 1.0).with_fragments(16);
    for _ in 0..2000 {
        let at = random.below(1600).unwrap() as usize;
        let (source, target) = (at / 40, at % 40);
        if !basis.has_arc(source, target) {
            let reduced = costs[at] - basis.source_potential(source) - basis.target_potential(target);
            basis.pivot(source, target, costs[at], reduced);
        }
        // Paths have at most 80 arcs of cost one at most; 80 additions on the way down and four for each of 16 moves.
        basis.assert_sound(&supply, &demand, (80.0 + 64.0) * f64::EPSILON * 80.0);
    }
}

/// Pivots on the most violated pair until there is none; how many it took.
fn solve_by_most_violated(
    basis: &mut Basis,
    costs: &[f64],
    columns: usize,
    mut check: impl FnMut(&Basis),
) -> usize {
    let rows = costs.len() / columns;
    for pivots in 0.. {
        let (f, g) = basis.potentials();
        let reduced = |at: &usize| costs[*at] - f[at / columns] - g[at % columns];
        let at = (0..rows * columns).min_by(|a, b| reduced(a).total_cmp(&reduced(b))).unwrap();
        if reduced(&at) >= 0.0 {
            return pivots;
        }
        assert!(pivots < 50 * (rows + columns) + 1000, "it goes on and on");
        basis.pivot(at / columns, at % columns, costs[at], reduced(&at));
        check(basis);
    }
    unreachable!("the loop is left from within")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pivots_from_a_greedy_basis_end_at_the_optimum_however_many_ties_there_are(
        rows in 1_usize..14,
        columns in 1_usize..14,
        heaviest in 1_i64..4,
        levels in 1_u64..4,
        limit in 2_usize..12,
        seed in any::<u64>(),
    ) {
        let mut random = RandomStream::new(seed);
        let (supply, demand) = divided(rows, columns, heaviest, &mut random);
        let costs = integer_costs(rows * columns, levels, &mut random);
        let graph = complete(rows, columns, &costs);
        let (f, g) = (vec![0.0; rows], vec![0.0; columns]);
        // Some arcs only, so that there is artificial flow.
        let some = graph.best(&f, &g, 1);
        let plan = greedy_plan(&some, &[], &f, &g, supply.clone(), demand.clone());
        let mut basis = basis_of(&plan, &f, &g, 1000.0).with_fragments(limit);
        basis.assert_sound(&supply, &demand, 0.0);
        solve_by_most_violated(&mut basis, &costs, columns, |basis| {
            basis.assert_sound(&supply, &demand, 0.0);
        });
        prop_assert_eq!(basis.artificial_flow(), 0);
        // Optimal by duality, in integers: f and g are feasible, and worth as much as the plan costs.
        let (f, g) = basis.potentials();
        for (at, cost) in costs.iter().enumerate() {
            prop_assert!(f[at / columns] + g[at % columns] <= *cost);
        }
        let primal: f64 = basis.arcs().map(|arc| arc.units as f64 * arc.cost).sum();
        let dual: f64 = supply.iter().zip(&f).chain(demand.iter().zip(&g)).map(|(&u, p)| u as f64 * p).sum();
        prop_assert_eq!(primal, dual);
    }
}
