//! The basis of the network simplex: a spanning tree of the bipartite graph, with flows, costs and potentials.
//!
//! Nodes 0..n are the sources, n..n+m the targets. Each node but the root keeps the arc to its parent: its cost and its
//! flow. All arcs lead from a source to a target, so the arc of a source points up, the arc of a target points down.
//!
//! The tree is kept **strongly feasible** (Cunningham 1976): every arc without flow points up, towards the root. The
//! leaving rule of [`SpanningTree::pivot`] preserves that, and with integer flows it rules out cycling: each degenerate
//! pivot lowers the potentials of the subtree that it moves, in the same sense every time.
//!
//! A pivot costs O(depth + size of the smaller side of the cut); memory is 40 bytes and a potential a node.

/// No node.
const NONE: u32 = u32::MAX;

/// A node's place in the tree. Apart from the rest, because walking a subtree touches nothing else: 16 bytes a node.
#[derive(Clone, Copy, Debug)]
struct Links {
    parent: u32,
    first_child: u32,
    next_sibling: u32,
    previous_sibling: u32,
}

/// The arc between a node and its parent, and the size of what hangs from it.
#[derive(Clone, Copy, Debug)]
struct ParentArc {
    cost: f64,
    /// Units of mass.
    flow: i64,
    /// Number of nodes in the subtree, the node itself included.
    size: u32,
}

/// An arc of the basis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::ot::exact) struct Arc {
    pub source: usize,
    pub target: usize,
    pub cost: f64,
    pub flow: i64,
}

/// A spanning tree with its flows and potentials.
#[derive(Clone, Debug)]
pub(in crate::ot::exact) struct SpanningTree {
    sources: usize,
    root: u32,
    links: Vec<Links>,
    parent_arcs: Vec<ParentArc>,
    /// f, then g: fᵢ + gⱼ = Cᵢⱼ on every arc of the tree.
    potentials: Vec<f64>,
}

impl SpanningTree {
    /// `sources + targets` nodes without arcs; `root` is to be the root.
    pub fn new(sources: usize, targets: usize, root: usize) -> Self {
        let nodes = sources + targets;
        Self {
            sources,
            root: root as u32,
            links: vec![
                Links { parent: NONE, first_child: NONE, next_sibling: NONE, previous_sibling: NONE };
                nodes
            ],
            parent_arcs: vec![ParentArc { cost: 0.0, flow: 0, size: 1 }; nodes],
            potentials: vec![0.0; nodes],
        }
    }

    /// Hangs `child` under `parent` while the tree is being built; sizes and potentials come with [`Self::refresh`].
    pub fn hang(&mut self, child: usize, parent: usize, cost: f64, flow: i64) {
        self.parent_arcs[child].cost = cost;
        self.parent_arcs[child].flow = flow;
        self.attach(child as u32, parent as u32);
    }

    /// f: one for each source.
    pub fn source_potentials(&self) -> &[f64] {
        &self.potentials[..self.sources]
    }

    /// g: one for each target.
    pub fn target_potentials(&self) -> &[f64] {
        &self.potentials[self.sources..]
    }

    /// Whether the node is part of the tree (nodes without mass are not).
    fn spans(&self, node: usize) -> bool {
        node as u32 == self.root || self.links[node].parent != NONE
    }

    /// The arcs of the tree, in the order of their lower nodes.
    pub fn arcs(&self) -> impl Iterator<Item = Arc> + '_ {
        (0..self.links.len()).filter(|&node| self.links[node].parent != NONE).map(|node| {
            let (source, target) = self.ends(node);
            let ParentArc { cost, flow, .. } = self.parent_arcs[node];
            Arc { source, target, cost, flow }
        })
    }

    /// Source and target of the arc between a node and its parent.
    fn ends(&self, node: usize) -> (usize, usize) {
        let parent = self.links[node].parent as usize;
        if node < self.sources { (node, parent - self.sources) } else { (parent, node - self.sources) }
    }

    /// Replaces every arc's cost, then the potentials.
    pub fn set_costs(&mut self, cost: impl Fn(usize, usize) -> f64) {
        for node in 0..self.links.len() {
            if self.links[node].parent != NONE {
                let (source, target) = self.ends(node);
                self.parent_arcs[node].cost = cost(source, target);
            }
        }
        self.refresh();
    }

    /// Computes sizes and potentials anew from the arcs. What the pivots update carries the rounding of every update;
    /// this carries that of one path.
    pub fn refresh(&mut self) {
        self.potentials[self.root as usize] = 0.0;
        let mut order = Vec::with_capacity(self.links.len());
        order.push(self.root);
        let mut head = 0;
        while head < order.len() {
            let node = order[head];
            head += 1;
            let mut child = self.links[node as usize].first_child;
            while child != NONE {
                self.potentials[child as usize] =
                    self.parent_arcs[child as usize].cost - self.potentials[node as usize];
                order.push(child);
                child = self.links[child as usize].next_sibling;
            }
        }
        for &node in &order {
            self.parent_arcs[node as usize].size = 1;
        }
        for &node in order.iter().skip(1).rev() {
            let size = self.parent_arcs[node as usize].size;
            self.parent_arcs[self.links[node as usize].parent as usize].size += size;
        }
        debug_assert_eq!(order.len(), (0..self.links.len()).filter(|&node| self.spans(node)).count());
    }

    /// Lets the arc from `source` to `target` enter the basis, pushes as much flow round its cycle as fits, and lets the
    /// arc that blocks leave. `reduced_cost` is C - f - g of the entering arc. Returns the units of flow pushed.
    pub fn pivot(&mut self, source: usize, target: usize, cost: f64, reduced_cost: f64) -> i64 {
        let entering_source = source as u32;
        let entering_target = (target + self.sources) as u32;
        let cycle = self.cycle(entering_source, entering_target);
        if cycle.room > 0 {
            self.push(entering_source, cycle.join, cycle.room, true);
            self.push(entering_target, cycle.join, cycle.room, false);
        }
        let (inner, outer) = match cycle.leaving_on_source_side {
            true => (entering_source, entering_target),
            false => (entering_target, entering_source),
        };
        let leaving = cycle.leaving;
        let moved = self.parent_arcs[leaving as usize].size;

        // The cut takes `moved` nodes from every node above it and hangs them below `outer`; above the join both cancel.
        let mut above = self.links[leaving as usize].parent;
        while above != cycle.join {
            self.parent_arcs[above as usize].size -= moved;
            above = self.links[above as usize].parent;
        }
        let mut above = outer;
        while above != cycle.join {
            self.parent_arcs[above as usize].size += moved;
            above = self.links[above as usize].parent;
        }
        self.detach(leaving);

        // fᵢ + gⱼ moves by the reduced cost across the cut: on the side that hangs, or the other way round on the rest.
        let total = self.parent_arcs[self.root as usize].size;
        let sign = if inner == entering_source { reduced_cost } else { -reduced_cost };
        if 2 * moved <= total {
            self.shift(leaving, sign);
        } else {
            self.shift(self.root, -sign);
        }
        self.reroot(inner, leaving, moved);
        self.parent_arcs[inner as usize].cost = cost;
        self.parent_arcs[inner as usize].flow = cycle.room;
        self.attach(inner, outer);
        cycle.room
    }

    /// The cycle that the entering arc closes: where its two paths join, how much flow fits, which arc blocks.
    ///
    /// Of several blocking arcs the last one leaves, seen from the join in the direction of the flow. That is the rule
    /// that keeps the tree strongly feasible.
    #[inline(always)]
    fn cycle(&self, source: u32, target: u32) -> Cycle {
        let sources = self.sources as u32;
        // Flow runs against the arcs of sources on the source's path, and of targets on the target's path.
        let (mut source_room, mut source_leaving) = (i64::MAX, NONE);
        let (mut target_room, mut target_leaving) = (i64::MAX, NONE);
        let (mut left, mut right) = (source, target);
        while left != right {
            let (left_arc, right_arc) = (&self.parent_arcs[left as usize], &self.parent_arcs[right as usize]);
            // The smaller subtree cannot contain the other node, so its root is below the join.
            if left_arc.size < right_arc.size {
                if left < sources && left_arc.flow < source_room {
                    (source_room, source_leaving) = (left_arc.flow, left);
                }
                left = self.links[left as usize].parent;
            } else {
                if right >= sources && right_arc.flow <= target_room {
                    (target_room, target_leaving) = (right_arc.flow, right);
                }
                right = self.links[right as usize].parent;
            }
        }
        let leaving_on_source_side = source_room < target_room;
        Cycle {
            join: left,
            room: source_room.min(target_room),
            leaving: if leaving_on_source_side { source_leaving } else { target_leaving },
            leaving_on_source_side,
        }
    }

    /// Adds `flow` along the path from `node` up to `join`; the arcs of sources lose it on the source's side and gain it
    /// on the target's, those of targets the other way round.
    #[inline(always)]
    fn push(&mut self, mut node: u32, join: u32, flow: i64, source_side: bool) {
        while node != join {
            let is_source = (node as usize) < self.sources;
            self.parent_arcs[node as usize].flow += if is_source == source_side { -flow } else { flow };
            node = self.links[node as usize].parent;
        }
    }

    /// Adds `amount` to the potentials of the sources below `top` and takes it from those of the targets.
    #[inline(always)]
    fn shift(&mut self, top: u32, amount: f64) {
        let sources = self.sources as u32;
        let mut node = top;
        loop {
            self.potentials[node as usize] += if node < sources { amount } else { -amount };
            let first_child = self.links[node as usize].first_child;
            if first_child != NONE {
                node = first_child;
                continue;
            }
            while node != top && self.links[node as usize].next_sibling == NONE {
                node = self.links[node as usize].parent;
            }
            if node == top {
                return;
            }
            node = self.links[node as usize].next_sibling;
        }
    }

    /// Turns the detached subtree below `old_top`, of `total` nodes, so that `new_top` is at its top.
    #[inline(always)]
    fn reroot(&mut self, new_top: u32, old_top: u32, total: u32) {
        let mut node = new_top;
        let mut above = if node == old_top { NONE } else { self.links[node as usize].parent };
        let mut turned = self.parent_arcs[node as usize];
        if above != NONE {
            self.detach(node);
        }
        self.parent_arcs[node as usize].size = total;
        while above != NONE {
            let next = if above == old_top { NONE } else { self.links[above as usize].parent };
            if next != NONE {
                self.detach(above);
            }
            // The arc between the two now belongs to the other of them, with what is not below the first.
            let size = total - turned.size;
            let old = std::mem::replace(&mut self.parent_arcs[above as usize], ParentArc { size, ..turned });
            self.attach(above, node);
            turned = old;
            node = above;
            above = next;
        }
    }

    /// Takes `node` out of its parent's children.
    #[inline(always)]
    fn detach(&mut self, node: u32) {
        let Links { parent, next_sibling, previous_sibling, .. } = self.links[node as usize];
        if previous_sibling == NONE {
            self.links[parent as usize].first_child = next_sibling;
        } else {
            self.links[previous_sibling as usize].next_sibling = next_sibling;
        }
        if next_sibling != NONE {
            self.links[next_sibling as usize].previous_sibling = previous_sibling;
        }
    }

    /// Makes `node` the first child of `parent`.
    #[inline(always)]
    fn attach(&mut self, node: u32, parent: u32) {
        let sibling = self.links[parent as usize].first_child;
        if sibling != NONE {
            self.links[sibling as usize].previous_sibling = node;
        }
        self.links[parent as usize].first_child = node;
        let links = &mut self.links[node as usize];
        links.parent = parent;
        links.previous_sibling = NONE;
        links.next_sibling = sibling;
    }
}

/// What an entering arc meets.
struct Cycle {
    join: u32,
    room: i64,
    leaving: u32,
    leaving_on_source_side: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    impl SpanningTree {
        /// Every invariant, from first principles.
        pub(in crate::ot::exact) fn assert_consistent(&self, supply: &[i64], demand: &[i64]) {
            let mut balance: Vec<i64> =
                supply.iter().copied().chain(demand.iter().map(|units| -units)).collect();
            for arc in self.arcs() {
                balance[arc.source] -= arc.flow;
                balance[self.sources + arc.target] += arc.flow;
                assert!(arc.flow >= 0);
                let (f, g) = (self.source_potentials()[arc.source], self.target_potentials()[arc.target]);
                assert_eq!(f + g, arc.cost, "integer costs leave no rounding");
            }
            assert!(balance.iter().all(|&units| units == 0), "{balance:?}");
            assert_eq!(self.arcs().count() + 1, self.links.len());
            let mut sizes = vec![1_u32; self.links.len()];
            for start in 0..self.links.len() {
                let mut node = self.links[start].parent;
                let mut steps = 0;
                while node != NONE {
                    sizes[node as usize] += 1;
                    node = self.links[node as usize].parent;
                    steps += 1;
                    assert!(steps <= self.links.len(), "the parents run in a circle");
                }
                // Strongly feasible: an arc without flow points up.
                let is_root = self.links[start].parent == NONE;
                assert!(is_root || self.parent_arcs[start].flow > 0 || start < self.sources);
            }
            for (arc, size) in self.parent_arcs.iter().zip(sizes) {
                assert_eq!(arc.size, size);
            }
        }
    }
}
