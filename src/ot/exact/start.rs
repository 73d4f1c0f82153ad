//! The starting tree: a feasible plan by a greedy rule, made into one strongly feasible spanning tree.
//!
//! No artificial arcs and no big M: every arc of the tree is a real one with its real cost, so no digits are lost to a
//! penalty and no phase is spent on driving artificial flow out.
//!
//! 1. Column duals vⱼ = minᵢ Cᵢⱼ take out what every source pays for a target anyway.
//! 2. Each source in turn sends what it has to the open target with the least Cᵢⱼ - vⱼ. A step closes a source or a
//!    target (or both), so the arcs form a forest.
//! 3. A step that closes both leaves the forest in pieces. Each piece but the last is hung, by its own source with the
//!    least Cᵢⱼ - vⱼ to a target elsewhere, below that target: an arc without flow that points up, as strong
//!    feasibility demands.

use super::costs::CostRows;
use super::masses::Masses;
use super::pricing::RowMinimum;
use super::tree::SpanningTree;
use crate::scalar::Scalar;

/// A strongly feasible tree that spans all nodes with mass.
pub(super) fn starting_tree<T: Scalar>(costs: &CostRows<'_, T>, masses: &Masses) -> SpanningTree {
    let reduced = column_minima(costs, masses);
    let flows = greedy(costs, masses, &reduced);
    hang_together(costs, masses, reduced, flows)
}

/// vⱼ = minᵢ Cᵢⱼ over the sources with mass; minus infinity for targets without, which hides them.
fn column_minima<T: Scalar>(costs: &CostRows<'_, T>, masses: &Masses) -> Vec<f64> {
    let columns = costs.columns();
    let mut minima = vec![f64::INFINITY; columns];
    let mut row_costs = vec![0.0; columns];
    for row in (0..costs.rows()).filter(|&row| masses.source[row] > 0) {
        costs.piece_into(row, 0..columns, &mut row_costs);
        for (minimum, &cost) in minima.iter_mut().zip(&row_costs) {
            *minimum = if cost < *minimum { cost } else { *minimum };
        }
    }
    for (minimum, &mass) in minima.iter_mut().zip(&masses.target) {
        if mass == 0 {
            *minimum = f64::NEG_INFINITY;
        }
    }
    minima
}

/// An arc of the starting plan.
struct Flow {
    source: usize,
    target: usize,
    units: i64,
}

fn greedy<T: Scalar>(costs: &CostRows<'_, T>, masses: &Masses, reduced: &[f64]) -> Vec<Flow> {
    let mut open = reduced.to_vec();
    let mut demand = masses.target.clone();
    let mut flows = Vec::with_capacity(masses.source.len() + masses.target.len());
    for source in 0..masses.source.len() {
        let mut supply = masses.source[source];
        while supply > 0 {
            let mut least = [RowMinimum::NONE];
            costs.row_minima(source, &open, &mut least);
            let target = least[0].column as usize;
            let units = supply.min(demand[target]);
            supply -= units;
            demand[target] -= units;
            if demand[target] == 0 {
                open[target] = f64::NEG_INFINITY;
            }
            flows.push(Flow {
                source,
                target,
                units,
            });
        }
    }
    flows
}

/// Union-find over the pieces of the forest.
struct Pieces {
    parent: Vec<u32>,
}

impl Pieces {
    fn find(&mut self, mut node: usize) -> usize {
        while self.parent[node] as usize != node {
            self.parent[node] = self.parent[self.parent[node] as usize];
            node = self.parent[node] as usize;
        }
        node
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.find(a), self.find(b));
        self.parent[a] = b as u32;
    }
}

/// Links the pieces and roots the tree.
///
/// Every piece but the root's has one link, from a source of its own into another piece. Links never close a cycle, so
/// following them from any piece ends in the one without: seen from the root, each link's source is the lower end.
fn hang_together<T: Scalar>(
    costs: &CostRows<'_, T>,
    masses: &Masses,
    reduced: Vec<f64>,
    mut flows: Vec<Flow>,
) -> SpanningTree {
    let (sources, targets) = (masses.source.len(), masses.target.len());
    let mut pieces = Pieces {
        parent: (0..(sources + targets) as u32).collect(),
    };
    for flow in &flows {
        pieces.join(flow.source, sources + flow.target);
    }
    // The source of a piece's first flow makes the link.
    let mut has_one = vec![false; sources + targets];
    let mut linking = Vec::new();
    for flow in &flows {
        let piece = pieces.find(flow.source);
        if !std::mem::replace(&mut has_one[piece], true) {
            linking.push(flow.source);
        }
    }
    // Flows come in the order of the sources, so the root is the first source with mass: its potential is zero.
    let mut reduced = reduced;
    for &source in &linking[1..] {
        let target = nearest_elsewhere(costs, source, &mut reduced, &mut pieces, sources);
        pieces.join(source, sources + target);
        flows.push(Flow {
            source,
            target,
            units: 0,
        });
    }
    grow(costs, sources, targets, linking[0], &flows)
}

/// The target outside the source's own piece with the least Cᵢⱼ - vⱼ.
fn nearest_elsewhere<T: Scalar>(
    costs: &CostRows<'_, T>,
    source: usize,
    reduced: &mut [f64],
    pieces: &mut Pieces,
    sources: usize,
) -> usize {
    // The nearest few targets by the fast kernel, hiding those that are of the same piece.
    const TRIES: usize = 8;
    let own = pieces.find(source);
    let mut hidden = Vec::with_capacity(TRIES);
    let mut found = None;
    while found.is_none() && hidden.len() < TRIES {
        let mut least = [RowMinimum::NONE];
        costs.row_minima(source, reduced, &mut least);
        let target = least[0].column as usize;
        if target >= reduced.len() {
            break;
        }
        if pieces.find(sources + target) == own {
            hidden.push((target, std::mem::replace(&mut reduced[target], f64::NEG_INFINITY)));
        } else {
            found = Some(target);
        }
    }
    for (target, value) in hidden {
        reduced[target] = value;
    }
    found.unwrap_or_else(|| {
        let mut row = vec![0.0; reduced.len()];
        costs.piece_into(source, 0..reduced.len(), &mut row);
        (0..reduced.len())
            .filter(|&target| reduced[target] > f64::NEG_INFINITY && pieces.find(sources + target) != own)
            .min_by(|&a, &b| (row[a] - reduced[a]).total_cmp(&(row[b] - reduced[b])))
            .expect("the root's piece lies elsewhere and has a target")
    })
}

/// The tree with the given arcs, hung from `root`.
fn grow<T: Scalar>(
    costs: &CostRows<'_, T>,
    sources: usize,
    targets: usize,
    root: usize,
    flows: &[Flow],
) -> SpanningTree {
    // The arcs at each node, as the stretches between consecutive `ends` of one list.
    let mut ends = vec![0_usize; sources + targets + 1];
    for flow in flows {
        ends[flow.source + 1] += 1;
        ends[sources + flow.target + 1] += 1;
    }
    for node in 0..sources + targets {
        ends[node + 1] += ends[node];
    }
    let mut at_node = vec![0_u32; 2 * flows.len()];
    let mut next = ends.clone();
    for (index, flow) in flows.iter().enumerate() {
        for node in [flow.source, sources + flow.target] {
            at_node[next[node]] = index as u32;
            next[node] += 1;
        }
    }
    let mut tree = SpanningTree::new(sources, targets, root);
    let mut stack = vec![(root, u32::MAX)];
    while let Some((node, above)) = stack.pop() {
        for &index in &at_node[ends[node]..ends[node + 1]] {
            if index != above {
                let flow = &flows[index as usize];
                let child = if node < sources {
                    sources + flow.target
                } else {
                    flow.source
                };
                tree.hang(child, node, costs.entry(flow.source, flow.target), flow.units);
                stack.push((child, index));
            }
        }
    }
    tree.refresh();
    tree
}
