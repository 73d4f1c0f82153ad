//! From the forest of a plan to one strongly feasible tree.
//!
//! A step of a greedy rule that closes a source and a target at once leaves the arcs in pieces. Every piece but the
//! root's gets one link, from a source of its own into another piece. Links never close a cycle, so following them from
//! any piece ends in the one without: seen from the root, each link's source is the lower end. So the link points up, as
//! strong feasibility demands of an arc without flow.

use super::super::costs::CostRows;
use super::super::flows::{Flow, Pieces};
use super::super::masses::Masses;
use super::super::pricing::RowMinimum;
use super::tree::SpanningTree;
use crate::scalar::Scalar;

/// Links the pieces and roots the tree at the first source with mass. Each link is the cheapest above the averages of
/// its targets (minus infinity hides a target), or, without averages, one to the piece that comes before in `flows`.
pub(in crate::ot::exact) fn hang_together<T: Scalar>(
    costs: &CostRows<'_, T>,
    masses: &Masses,
    mut column_means: Option<&mut [f64]>,
    mut flows: Vec<Flow>,
) -> SpanningTree {
    let (sources, targets) = (masses.source.len(), masses.target.len());
    let mut pieces = Pieces::new(sources + targets);
    for flow in &flows {
        pieces.join(flow.source, sources + flow.target);
    }
    // The source of a piece's first flow makes the link.
    let mut has_one = vec![false; sources + targets];
    let mut linking = Vec::new();
    let mut before = flows[0].target;
    for flow in &flows {
        let piece = pieces.find(flow.source);
        if !std::mem::replace(&mut has_one[piece], true) {
            linking.push((flow.source, before));
        }
        before = flow.target;
    }
    // The first source with mass is the root: its potential is zero.
    let root = (0..sources).find(|&source| masses.source[source] > 0).expect("there is mass");
    let root_piece = pieces.find(root);
    linking.retain(|&(source, _)| pieces.find(source) != root_piece);
    for (source, before) in linking {
        let target = match &mut column_means {
            Some(means) => nearest_elsewhere(costs, source, means, &mut pieces, sources),
            None => before,
        };
        pieces.join(source, sources + target);
        flows.push(Flow { source, target, units: 0 });
    }
    grow(costs, sources, targets, root, &flows)
}

/// The target outside the source's own piece with the least Cᵢⱼ above its average.
fn nearest_elsewhere<T: Scalar>(
    costs: &CostRows<'_, T>,
    source: usize,
    column_means: &mut [f64],
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
        costs.row_minima(source, column_means, &mut least);
        let target = least[0].column as usize;
        if target >= column_means.len() {
            break;
        }
        if pieces.find(sources + target) == own {
            hidden.push((target, std::mem::replace(&mut column_means[target], f64::NEG_INFINITY)));
        } else {
            found = Some(target);
        }
    }
    for (target, value) in hidden {
        column_means[target] = value;
    }
    found.unwrap_or_else(|| {
        let mut row = vec![0.0; column_means.len()];
        costs.piece_into(source, 0..column_means.len(), &mut row);
        (0..column_means.len())
            .filter(|&target| {
                column_means[target] > f64::NEG_INFINITY && pieces.find(sources + target) != own
            })
            .min_by(|&a, &b| (row[a] - column_means[a]).total_cmp(&(row[b] - column_means[b])))
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
                let child = if node < sources { sources + flow.target } else { flow.source };
                tree.hang(child, node, costs.entry(flow.source, flow.target), flow.units);
                stack.push((child, index));
            }
        }
    }
    tree.refresh();
    tree
}
