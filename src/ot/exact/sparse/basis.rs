//! The basis of the sparse network simplex: a spanning tree whose potentials are kept by fragments.
//!
//! Nodes are the sources 0..n, the targets n..n+m and an artificial root n+m. Every node but the root keeps the arc to its
//! parent. The arc of a source points up (from the source to its parent, a target or the root), that of a target points
//! down. Flow that no real arc carries yet goes through the root.
//!
//! **One potential.** π = f at a source, -g at a target, 0 at the root: an arc from s to t of cost c has the reduced cost
//! c - π(s) + π(t), and moving a subtree adds one number to the π of all its nodes.
//!
//! **Fragments.** A pivot moves a subtree, with random weights often thousands of nodes. Here it costs O(fragments + path)
//! instead: at a rebuild the nodes are numbered in preorder and their potentials computed from the root; the whole tree
//! is one fragment. Taking an arc of the tree away cuts a fragment in two. Fragments stay connected, so the lower part is
//! a stretch of the preorder, less the stretches cut from it before: relabelling it is one scan of contiguous labels.
//! A moved subtree is a set of whole fragments, and π = base + offset of the fragment. After [`Basis::new`]'s limit of cuts
//! the basis is rebuilt, which also removes the rounding that has gathered.
//!
//! **Strongly feasible** (Cunningham 1976): every arc without flow points up. [`Basis::pivot`] keeps it so, and with integer flows
//! the simplex cannot cycle.
//!
//! A pivot costs O(length of the cycle + fragments + labels of the cut stretch), a rebuild O(n + m); memory is 60 bytes
//! a node.

use super::greedy::ArcFlow;

/// No node, no fragment.
const NONE: u32 = u32::MAX;

/// A node's place in the tree and the arc to its parent.
#[derive(Clone, Copy, Debug)]
struct Node {
    parent: u32,
    /// Number of nodes in the subtree, the node itself included.
    size: u32,
    /// Units of mass on the parent arc.
    flow: i64,
    /// Cost of the parent arc.
    cost: f64,
}

/// The potential of a node as of the rebuild, and its number in the preorder.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    base: f64,
    position: u32,
    /// One past the last position of the subtree that hung from the node at the rebuild.
    end: u32,
}

/// A connected part of the tree as it was at the rebuild.
#[derive(Clone, Copy, Debug)]
struct Fragment {
    /// The fragment above, and at which position of it this one hangs. Root's: [`NONE`].
    parent: u32,
    parent_position: u32,
    /// The position by which this fragment hangs.
    own_position: u32,
}

/// A spanning tree with flows and potentials.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    sources: usize,
    root: u32,
    nodes: Vec<Node>,
    places: Vec<Place>,
    /// The fragment of each position.
    labels: Vec<u16>,
    /// What the potentials of a fragment have moved since the rebuild.
    offsets: Vec<f64>,
    fragments: Vec<Fragment>,
    /// Which fragments a pivot moves: scratch.
    moved: Vec<Side>,
    largest_number_of_fragments: usize,
    /// First child and next sibling: scratch of the rebuild.
    first_child: Vec<u32>,
    next_sibling: Vec<u32>,
}

/// Where a fragment lies as seen from the leaving arc.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Side {
    Unknown,
    Stays,
    Moves,
}

/// What an entering arc meets.
struct Cycle {
    join: u32,
    room: i64,
    leaving: u32,
    leaving_on_source_side: bool,
}

impl Basis {
    /// All nodes hang from the root, by arcs that cost and carry nothing. Nodes with units must be given to [`Self::hang`] before the
    /// first [`Self::rebuild`], and so must all targets: their arcs point down.
    pub fn new(sources: usize, targets: usize) -> Self {
        let count = sources + targets + 1;
        let root = (count - 1) as u32;
        let lone = Node { parent: root, size: 1, flow: 0, cost: 0.0 };
        let mut nodes = vec![lone; count];
        nodes[root as usize].parent = NONE;
        // Cuts and marks cost O(fragments) a pivot, rebuilds O(nodes / fragments) a pivot.
        let largest_number_of_fragments = ((count as f64).sqrt() * 2.0) as usize;
        Self {
            sources,
            root,
            nodes,
            places: vec![Place::default(); count],
            labels: vec![0; count],
            offsets: Vec::new(),
            fragments: Vec::new(),
            moved: Vec::new(),
            largest_number_of_fragments: largest_number_of_fragments.clamp(64, 4096),
            first_child: vec![NONE; count],
            next_sibling: vec![NONE; count],
        }
    }

    /// The artificial root.
    pub fn root(&self) -> usize {
        self.root as usize
    }

    /// Makes `child`, whose parent was the root, a child of `parent`; sizes and potentials come with [`Self::rebuild`].
    pub fn hang(&mut self, child: usize, parent: usize, cost: f64, flow: i64) {
        let node = &mut self.nodes[child];
        (node.parent, node.cost, node.flow) = (parent as u32, cost, flow);
    }

    /// fᵢ.
    #[inline(always)]
    pub fn source_potential(&self, source: usize) -> f64 {
        self.potential(source)
    }

    /// gⱼ.
    #[inline(always)]
    pub fn target_potential(&self, target: usize) -> f64 {
        -self.potential(self.sources + target)
    }

    #[inline(always)]
    fn potential(&self, node: usize) -> f64 {
        let place = &self.places[node];
        place.base + self.offsets[self.labels[place.position as usize] as usize]
    }

    /// All f and all g.
    pub fn potentials(&self) -> (Vec<f64>, Vec<f64>) {
        let targets = self.nodes.len() - 1 - self.sources;
        (
            (0..self.sources).map(|source| self.source_potential(source)).collect(),
            (0..targets).map(|target| self.target_potential(target)).collect(),
        )
    }

    /// The real arcs of the tree, in the order of their lower nodes.
    pub fn arcs(&self) -> impl Iterator<Item = ArcFlow> + '_ {
        (0..self.nodes.len() - 1).filter(|&node| self.nodes[node].parent != self.root).map(|node| {
            let Node { parent, flow, cost, .. } = self.nodes[node];
            let parent = parent as usize;
            let (source, target) = if node < self.sources {
                (node, parent - self.sources)
            } else {
                (parent, node - self.sources)
            };
            ArcFlow { source: source as u32, target: target as u32, cost, units: flow }
        })
    }

    /// Units that go from sources through the root instead of over real arcs.
    pub fn artificial_flow(&self) -> i64 {
        self.artificial_supply().map(|(_, units)| units).sum()
    }

    /// The sources whose flow goes to the root, and how much of it.
    pub fn artificial_supply(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        self.artificial(0..self.sources)
    }

    /// The targets whose flow comes from the root, and how much of it.
    pub fn artificial_demand(&self) -> impl Iterator<Item = (u32, i64)> + '_ {
        let sources = self.sources as u32;
        self.artificial(self.sources..self.nodes.len() - 1).map(move |(node, units)| (node - sources, units))
    }

    fn artificial(&self, nodes: std::ops::Range<usize>) -> impl Iterator<Item = (u32, i64)> + '_ {
        nodes
            .filter(|&node| self.nodes[node].parent == self.root && self.nodes[node].flow > 0)
            .map(|node| (node as u32, self.nodes[node].flow))
    }

    /// Adds `amount` to the cost of every arc of the root that carries flow, and rebuilds.
    pub fn raise_artificial_costs(&mut self, amount: f64) {
        let root = self.root;
        for node in self.nodes.iter_mut().filter(|node| node.parent == root && node.flow > 0) {
            node.cost += amount;
        }
        self.rebuild();
    }

    /// Numbers the nodes in preorder; computes sizes and potentials anew; one fragment again.
    pub fn rebuild(&mut self) {
        self.first_child.fill(NONE);
        // Backwards, so that a node's children come in rising order.
        for index in (0..self.nodes.len() as u32 - 1).rev() {
            let parent = self.nodes[index as usize].parent as usize;
            self.next_sibling[index as usize] = self.first_child[parent];
            self.first_child[parent] = index;
        }
        let mut position = 0;
        let mut node = self.root;
        self.places[node as usize] = Place { base: 0.0, position: 0, end: 0 };
        loop {
            // Down, numbering on the way.
            let child = self.first_child[node as usize];
            if child != NONE {
                position += 1;
                let above = self.places[node as usize].base;
                let cost = self.nodes[child as usize].cost;
                let base = if (child as usize) < self.sources { above + cost } else { above - cost };
                self.places[child as usize] = Place { base, position, end: 0 };
                node = child;
                continue;
            }
            // Up, until there is a sibling.
            loop {
                let place = &mut self.places[node as usize];
                place.end = position + 1;
                self.nodes[node as usize].size = place.end - place.position;
                if node == self.root {
                    self.labels.fill(0);
                    self.offsets.clear();
                    self.offsets.push(0.0);
                    self.fragments.clear();
                    self.fragments.push(Fragment { parent: NONE, parent_position: 0, own_position: 0 });
                    return;
                }
                let sibling = self.next_sibling[node as usize];
                let parent = self.nodes[node as usize].parent;
                if sibling != NONE {
                    position += 1;
                    let above = self.places[parent as usize].base;
                    let cost = self.nodes[sibling as usize].cost;
                    let base = if (sibling as usize) < self.sources { above + cost } else { above - cost };
                    self.places[sibling as usize] = Place { base, position, end: 0 };
                    node = sibling;
                    break;
                }
                node = parent;
            }
        }
    }

    /// Brings the arc from `source` to `target` into the tree and takes another out. Returns the units pushed over it.
    pub fn pivot(&mut self, source: usize, target: usize, cost: f64, reduced_cost: f64) -> i64 {
        let (source, target) = (source as u32, (self.sources + target) as u32);
        let Cycle { join, room, leaving, leaving_on_source_side } = self.find_cycle(source, target);
        // The end of the entering arc that the leaving arc cuts off, and the other.
        let (inner, outer) = if leaving_on_source_side { (source, target) } else { (target, source) };
        // π of the moved side changes so that the entering arc's reduced cost c - π(s) + π(t) becomes zero.
        let shift = if leaving_on_source_side { reduced_cost } else { -reduced_cost };
        self.move_fragments(leaving, inner, outer, shift);
        let moved = self.nodes[leaving as usize].size;
        self.change_path(inner, join, room, leaving_on_source_side, moved, leaving);
        self.change_path_outside(outer, join, room, !leaving_on_source_side, moved);
        self.reroot(inner, leaving, outer, cost, room);
        if self.fragments.len() >= self.largest_number_of_fragments {
            self.rebuild();
        }
        room
    }

    /// Follows both ends of the entering arc up to where they meet, and finds the arc that gives way: of the arcs with the
    /// least flow among those that lose flow, the last on the cycle as seen from the join in the direction of the entering arc.
    #[inline(always)]
    fn find_cycle(&self, source: u32, target: u32) -> Cycle {
        let sources = self.sources as u32;
        let (mut left, mut right) = (source, target);
        let (mut left_node, mut right_node) = (self.nodes[left as usize], self.nodes[right as usize]);
        let (mut source_room, mut source_leaving) = (i64::MAX, NONE);
        let (mut target_room, mut target_leaving) = (i64::MAX, NONE);
        while left != right {
            // The smaller subtree cannot contain the other node.
            if left_node.size <= right_node.size {
                if left < sources && left_node.flow < source_room {
                    (source_room, source_leaving) = (left_node.flow, left);
                }
                left = left_node.parent;
                left_node = self.nodes[left as usize];
            } else {
                if right >= sources && right_node.flow <= target_room {
                    (target_room, target_leaving) = (right_node.flow, right);
                }
                right = right_node.parent;
                right_node = self.nodes[right as usize];
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

    /// Pushes `room` along the path from `node` to `join` on the side of the leaving arc, and takes the moved nodes off the
    /// sizes above that arc.
    #[inline(always)]
    fn change_path(&mut self, node: u32, join: u32, room: i64, source_side: bool, moved: u32, leaving: u32) {
        let mut index = node;
        let mut above_leaving = false;
        while index != join {
            let is_source = (index as usize) < self.sources;
            let node = &mut self.nodes[index as usize];
            node.flow += if is_source == source_side { -room } else { room };
            if above_leaving {
                node.size -= moved;
            }
            above_leaving |= index == leaving;
            index = node.parent;
        }
    }

    /// The same on the other side, whose sizes grow.
    #[inline(always)]
    fn change_path_outside(&mut self, node: u32, join: u32, room: i64, source_side: bool, moved: u32) {
        let mut index = node;
        while index != join {
            let is_source = (index as usize) < self.sources;
            let node = &mut self.nodes[index as usize];
            node.flow += if is_source == source_side { -room } else { room };
            node.size += moved;
            index = node.parent;
        }
    }

    /// Turns the subtree below `leaving` so that `inner` is at its top, and hangs it from `outer` by the entering arc.
    #[inline(always)]
    fn reroot(&mut self, inner: u32, leaving: u32, outer: u32, cost: f64, room: i64) {
        let total = self.nodes[leaving as usize].size;
        let mut index = inner;
        let mut old = self.nodes[index as usize];
        self.nodes[index as usize] = Node { parent: outer, size: total, flow: room, cost };
        while index != leaving {
            // The arc between the two now belongs to the upper of them, with what is not below the lower.
            let above = old.parent;
            let turned = Node { parent: index, size: total - old.size, flow: old.flow, cost: old.cost };
            old = std::mem::replace(&mut self.nodes[above as usize], turned);
            index = above;
        }
    }

    /// Cuts the fragments at the arc above `leaving`, hangs the cut part from `outer` by `inner`, and shifts its potentials.
    ///
    /// Called before the tree itself changes.
    #[inline(always)]
    fn move_fragments(&mut self, leaving: u32, inner: u32, outer: u32, shift: f64) {
        let above = self.nodes[leaving as usize].parent;
        let (below, above) = (self.places[leaving as usize], self.places[above as usize]);
        let label = self.labels[below.position as usize];
        if label == self.labels[above.position as usize] {
            // The later of the two in the preorder was the child at the rebuild.
            let child = if below.position > above.position { below } else { above };
            let cut = self.fragments.len() as u16;
            for entry in &mut self.labels[child.position as usize..child.end as usize] {
                *entry = if *entry == label { cut } else { *entry };
            }
            let offset = self.offsets[label as usize];
            self.offsets.push(offset);
            let stretch = child.position..child.end;
            for fragment in &mut self.fragments {
                if fragment.parent == u32::from(label) && stretch.contains(&fragment.parent_position) {
                    fragment.parent = u32::from(cut);
                }
            }
            // One of the two parts keeps the link upwards: the one that does not move.
            let link = self.fragments[label as usize];
            let lost = Fragment { parent: NONE, parent_position: 0, own_position: 0 };
            if child.position == below.position {
                self.fragments.push(lost);
            } else {
                self.fragments.push(link);
                self.fragments[label as usize] = lost;
            }
        }
        // Turn the links between the fragment that holds `inner` and the one that holds `leaving`.
        let (inner_position, outer_position) =
            (self.places[inner as usize].position, self.places[outer as usize].position);
        let first = u32::from(self.labels[inner_position as usize]);
        let last = u32::from(self.labels[below.position as usize]);
        let mut fragment = first;
        let mut link = Fragment {
            parent: u32::from(self.labels[outer_position as usize]),
            parent_position: outer_position,
            own_position: inner_position,
        };
        loop {
            let old = std::mem::replace(&mut self.fragments[fragment as usize], link);
            if fragment == last {
                break;
            }
            link = Fragment {
                parent: fragment,
                parent_position: old.own_position,
                own_position: old.parent_position,
            };
            fragment = old.parent;
        }
        self.shift_fragments(first, shift);
    }

    /// Adds `shift` to the offsets of `top` and of all fragments that hang from it.
    #[inline(always)]
    fn shift_fragments(&mut self, top: u32, shift: f64) {
        self.moved.clear();
        self.moved.resize(self.fragments.len(), Side::Unknown);
        self.moved[top as usize] = Side::Moves;
        // The root is the first of the preorder, so it is never cut away from the first fragment.
        self.moved[0] = Side::Stays;
        for start in 0..self.fragments.len() {
            let mut fragment = start;
            while self.moved[fragment] == Side::Unknown {
                fragment = self.fragments[fragment].parent as usize;
            }
            let side = self.moved[fragment];
            let mut fragment = start;
            while self.moved[fragment] == Side::Unknown {
                self.moved[fragment] = side;
                fragment = self.fragments[fragment].parent as usize;
            }
        }
        for (offset, &side) in self.offsets.iter_mut().zip(&self.moved) {
            *offset += if side == Side::Moves { shift } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests;
