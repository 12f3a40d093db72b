//! The graph of transactions: who must come before whom, and why.
//!
//! Vertices are dense numbers: first the transactions, then *hubs*, then one *barrier* for each
//! transaction. An edge has one label; between hubs and barriers it is [`PASS`], which is no step.
//!
//! **Real time.** A transaction precedes every one that was invoked after it had completed. Written out,
//! these are as many edges as transactions times clients. As transactions are numbered in the order of
//! invocation, those that come after a completion are a suffix of them; so barrier *j* stands for "all
//! from *j* on", has an edge to transaction *j* and one to barrier *j* + 1, and a transaction has one
//! edge to the barrier of the first that was invoked after it completed. That is three edges for each
//! transaction, whatever the concurrency, and none of them is stored.
//!
//! **Hubs** do the same where many readers of one version precede many writers of the next:
//! see [`GraphBuilder::all_to_all`].

use std::ops::Range;

/// No vertex.
pub(super) const NONE: u32 = u32::MAX;

/// Not a step: from a hub or a barrier on.
pub(super) const PASS: u8 = 0;
/// The second overwrote what the first wrote.
pub(super) const WW: u8 = 1;
/// The second read what the first wrote.
pub(super) const WR: u8 = 2;
/// The second overwrote what the first read.
pub(super) const RW: u8 = 4;
/// As [`WW`], through a predicate.
pub(super) const WWP: u8 = 8;
/// The first wrote what the second's predicate saw.
pub(super) const WRP: u8 = 16;
/// The second changed what the first's predicate saw.
pub(super) const RWP: u8 = 32;
/// The same process, one after the other.
pub(super) const PROCESS: u8 = 64;
/// The first had completed when the second was invoked.
pub(super) const REALTIME: u8 = 128;

/// Something that strongly connected components can be sought in.
pub(super) trait Digraph {
    /// How many vertices, numbered from 0.
    fn vertices(&self) -> usize;
    /// The successor of `vertex` at or after `cursor`, which is moved behind it.
    fn next(&self, vertex: u32, cursor: &mut u32) -> Option<u32>;
}

/// Edges out of each vertex, one after the other.
#[derive(Debug, Default)]
pub(super) struct Adjacency {
    heads: Vec<u32>,
    targets: Vec<u32>,
    labels: Vec<u8>,
}

impl Adjacency {
    /// From unordered edges; counting sort by source.
    pub(super) fn new(vertices: usize, edges: &Edges) -> Self {
        let mut heads = vec![0u32; vertices + 1];
        for from in &edges.from {
            heads[*from as usize + 1] += 1;
        }
        for at in 0..vertices {
            heads[at + 1] += heads[at];
        }
        let mut targets = vec![0u32; edges.from.len()];
        let mut labels = vec![0u8; edges.from.len()];
        let mut place = heads.clone();
        for ((from, to), label) in edges.from.iter().zip(&edges.to).zip(&edges.label) {
            let at = &mut place[*from as usize];
            targets[*at as usize] = *to;
            labels[*at as usize] = *label;
            *at += 1;
        }
        Adjacency { heads, targets, labels }
    }

    pub(super) fn range(&self, vertex: u32) -> Range<usize> {
        self.heads[vertex as usize] as usize..self.heads[vertex as usize + 1] as usize
    }

    /// Targets and labels of the edges out of a vertex.
    pub(super) fn out(&self, vertex: u32) -> impl Iterator<Item = (u32, u8)> {
        let range = self.range(vertex);
        self.targets[range.clone()].iter().copied().zip(self.labels[range].iter().copied())
    }

    #[inline]
    pub(super) fn edge(&self, at: usize) -> (u32, u8) {
        (self.targets[at], self.labels[at])
    }

    pub(super) fn len(&self) -> usize {
        self.targets.len()
    }
}

/// Edges in no order.
#[derive(Debug, Default)]
pub(super) struct Edges {
    pub(super) from: Vec<u32>,
    pub(super) to: Vec<u32>,
    pub(super) label: Vec<u8>,
}

impl Edges {
    #[inline]
    pub(super) fn push(&mut self, from: u32, to: u32, label: u8) {
        self.from.push(from);
        self.to.push(to);
        self.label.push(label);
    }
}

/// Collects edges between transactions.
#[derive(Debug)]
pub(super) struct GraphBuilder {
    txns: u32,
    hubs: u32,
    edges: Edges,
}

/// Below this many edges, all pairs are written out.
const FEW_PAIRS: usize = 64;

impl GraphBuilder {
    pub(super) fn new(txns: usize) -> Self {
        GraphBuilder { txns: txns as u32, hubs: 0, edges: Edges::default() }
    }

    /// An edge, but for one from a transaction to itself.
    #[inline]
    pub(super) fn edge(&mut self, from: u32, to: u32, label: u8) {
        if from != to {
            self.edges.push(from, to, label);
        }
    }

    /// Whether there is no edge.
    pub(super) fn is_empty(&self) -> bool {
        self.edges.from.is_empty()
    }

    /// An edge from each of `sources` to each of `targets` but itself; neither has a transaction twice.
    ///
    /// When the pairs are many, two chains of hubs stand for "all targets from the i-th on" and "all up to
    /// the i-th". A source that is itself the i-th target goes to those before and those after it, so that
    /// nothing gets a way to itself: it would look like a cycle.
    pub(super) fn all_to_all(&mut self, sources: &[u32], targets: &[u32], label: u8) {
        let pairs = sources.len().saturating_mul(targets.len());
        if pairs <= FEW_PAIRS.max(4 * (sources.len() + targets.len())) {
            for from in sources {
                for to in targets {
                    self.edge(*from, *to, label);
                }
            }
            return;
        }
        let mut place: Vec<(u32, u32)> = targets.iter().copied().zip(0..).collect();
        place.sort_unstable();
        let count = targets.len() as u32;
        let suffix = self.txns + self.hubs;
        let prefix = suffix + count;
        self.hubs += 2 * count;
        for (at, to) in targets.iter().enumerate() {
            let at = at as u32;
            self.edges.push(suffix + at, *to, PASS);
            self.edges.push(prefix + at, *to, PASS);
            if at + 1 < count {
                self.edges.push(suffix + at, suffix + at + 1, PASS);
                self.edges.push(prefix + at + 1, prefix + at, PASS);
            }
        }
        for from in sources {
            match place.binary_search_by_key(from, |(txn, _)| *txn) {
                Err(_) => self.edges.push(*from, suffix, label),
                Ok(found) => {
                    let at = place[found].1;
                    if at + 1 < count {
                        self.edges.push(*from, suffix + at + 1, label);
                    }
                    if at > 0 {
                        self.edges.push(*from, prefix + at - 1, label);
                    }
                }
            }
        }
    }

    /// The graph. `process_next` has for each transaction the next of its process, `after` the first that
    /// was invoked after it had completed, or [`NONE`]; either may be empty.
    pub(super) fn finish(self, process_next: Vec<u32>, after: Vec<u32>) -> Graph {
        let stored = (self.txns + self.hubs) as usize;
        let data = Adjacency::new(stored, &self.edges);
        Graph { txns: self.txns, hubs: self.hubs, data, process_next, after }
    }
}

/// All relations between the transactions of a history.
#[derive(Debug)]
pub(super) struct Graph {
    txns: u32,
    hubs: u32,
    data: Adjacency,
    process_next: Vec<u32>,
    after: Vec<u32>,
}

impl Graph {
    fn first_barrier(&self) -> u32 {
        self.txns + self.hubs
    }

    /// Whether the vertex is a transaction.
    pub(super) fn is_txn(&self, vertex: u32) -> bool {
        vertex < self.txns
    }

    /// How many edges are stored.
    pub(super) fn stored_edges(&self) -> usize {
        self.data.len()
    }

    /// Calls `each` with every edge out of `vertex`, those of processes too.
    fn each_edge(&self, vertex: u32, mut each: impl FnMut(u32, u8)) {
        let first_barrier = self.first_barrier();
        if vertex >= first_barrier {
            let at = vertex - first_barrier;
            each(at, PASS);
            if at + 1 < self.txns {
                each(vertex + 1, PASS);
            }
            return;
        }
        for (to, label) in self.data.out(vertex) {
            each(to, label);
        }
        if self.is_txn(vertex) {
            if let Some(next) = self.process_next.get(vertex as usize).filter(|next| **next != NONE) {
                each(*next, PROCESS);
            }
            if let Some(after) = self.after.get(vertex as usize).filter(|after| **after != NONE) {
                each(first_barrier + *after, REALTIME);
            }
        }
    }
}

impl Digraph for Graph {
    fn vertices(&self) -> usize {
        let barriers = if self.after.is_empty() { 0 } else { self.txns };
        (self.first_barrier() + barriers) as usize
    }

    /// Edges of a process are left out where real time says the same.
    #[inline]
    fn next(&self, vertex: u32, cursor: &mut u32) -> Option<u32> {
        let first_barrier = self.first_barrier();
        let at = *cursor;
        *cursor += 1;
        if vertex >= first_barrier {
            let txn = vertex - first_barrier;
            return match at {
                0 => Some(txn),
                1 if txn + 1 < self.txns => Some(vertex + 1),
                _ => None,
            };
        }
        let range = self.data.range(vertex);
        let degree = (range.end - range.start) as u32;
        if at < degree {
            return Some(self.data.targets[range.start + at as usize]);
        }
        if at > degree || !self.is_txn(vertex) {
            return None;
        }
        let (table, base) =
            if self.after.is_empty() { (&self.process_next, 0) } else { (&self.after, first_barrier) };
        table.get(vertex as usize).filter(|to| **to != NONE).map(|to| base + *to)
    }
}

/// The part of a graph that lies within one strongly connected component, with numbers of its own:
/// first the transactions, then the rest.
#[derive(Debug)]
pub(super) struct Component {
    /// The transactions, in order.
    pub(super) txns: Vec<u32>,
    pub(super) vertices: usize,
    pub(super) edges: Adjacency,
    /// All labels that occur.
    pub(super) labels: u8,
}

impl Component {
    /// `members` of `graph`; `numbers` is as long as the graph has vertices, all [`NONE`], and is so
    /// again afterwards.
    pub(super) fn new(graph: &Graph, members: &[u32], numbers: &mut [u32]) -> Self {
        let mut members = members.to_vec();
        members.sort_unstable();
        let txns: Vec<u32> = members.iter().copied().filter(|vertex| graph.is_txn(*vertex)).collect();
        for (number, vertex) in members.iter().enumerate() {
            numbers[*vertex as usize] = number as u32;
        }
        let mut edges = Edges::default();
        let mut labels = 0;
        for (number, vertex) in members.iter().enumerate() {
            graph.each_edge(*vertex, |to, label| {
                let to = numbers[to as usize];
                if to != NONE {
                    labels |= label;
                    edges.push(number as u32, to, label);
                }
            });
        }
        for vertex in &members {
            numbers[*vertex as usize] = NONE;
        }
        let vertices = members.len();
        Component { txns, vertices, edges: Adjacency::new(vertices, &edges), labels }
    }

    /// Whether the vertex is a transaction.
    #[inline]
    pub(super) fn is_txn(&self, vertex: u32) -> bool {
        (vertex as usize) < self.txns.len()
    }
}
