//! The order that a level forces on transactions: sessions, reads, and what follows from them.
//!
//! Biswas and Enea (OOPSLA 2019, section 3) write every level as one axiom: if `t3` reads `x` from
//! `t1`, and `t2` also writes `x` and must be visible to `t3`, then `t2` is before `t1` in the
//! commit order. Levels differ in what must be visible, and for read committed, read atomic and
//! causal consistency that does not depend on the commit order: so the level holds if and only if
//! sessions, reads and forced pairs have no cycle. AWDIT (PLDI 2025) showed that a few pairs suffice,
//! those that the rest follows from.

use super::super::history::NONE;
use super::committed::{Committed, INIT};
use super::cycle::Before;

/// `t2` is before `t1`, because `t3` read `key` from `t1` and must see `t2`, which wrote it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Forced {
    /// What must be visible.
    pub t2: u32,
    /// What was read; [`INIT`] shows a violation by itself, since nothing is before that.
    pub t1: u32,
    /// Who read.
    pub t3: u32,
    /// What.
    pub key: u32,
}

/// Gets the forced pairs one by one.
pub(crate) trait Sink {
    /// Another one; pairs may come twice.
    fn forced(&mut self, forced: Forced);
}

/// Keeps the pairs, and the first that ends in the initial state.
#[derive(Default)]
pub(crate) struct Pairs {
    /// `(t2, t1)`.
    pub pairs: Vec<(u32, u32)>,
    /// The first read of the initial state by a transaction that must see a write.
    pub before_all: Option<Forced>,
}

impl Sink for Pairs {
    #[inline]
    fn forced(&mut self, forced: Forced) {
        if forced.t1 == INIT {
            self.before_all.get_or_insert(forced);
        } else if self.pairs.last() != Some(&(forced.t2, forced.t1)) {
            self.pairs.push((forced.t2, forced.t1));
        }
    }
}

/// Keeps the reasons of some pairs, the first of each.
pub(crate) struct Reasons {
    pub wanted: Vec<(u32, u32)>,
    pub found: Vec<Option<Forced>>,
}

impl Reasons {
    pub fn of(wanted: Vec<(u32, u32)>) -> Self {
        let found = vec![None; wanted.len()];
        Reasons { wanted, found }
    }
}

impl Sink for Reasons {
    fn forced(&mut self, forced: Forced) {
        if let Some(at) = self.wanted.iter().position(|pair| *pair == (forced.t2, forced.t1)) {
            self.found[at].get_or_insert(forced);
        }
    }
}

/// Sessions, reads and forced pairs as a graph.
pub(crate) struct Order<'c, 'a> {
    committed: &'c Committed<'a>,
    start: Vec<u32>,
    before: Vec<u32>,
}

impl<'c, 'a> Order<'c, 'a> {
    /// With these pairs, and those which the contents of lists prove.
    pub fn new(committed: &'c Committed<'a>, pairs: &[(u32, u32)]) -> Self {
        let nodes = committed.len();
        let known = committed.known.iter().map(|known| (known.before, known.after));
        let mut start = vec![0u32; nodes + 1];
        for (_, after) in pairs.iter().copied().chain(known.clone()) {
            start[after as usize + 1] += 1;
        }
        for node in 0..nodes {
            start[node + 1] += start[node];
        }
        let mut before = vec![0u32; pairs.len() + committed.known.len()];
        let mut next = start.clone();
        for (first, after) in pairs.iter().copied().chain(known) {
            let at = &mut next[after as usize];
            before[*at as usize] = first;
            *at += 1;
        }
        Order { committed, start, before }
    }
}

impl Before for Order<'_, '_> {
    fn nodes(&self) -> usize {
        self.committed.len()
    }

    #[inline]
    fn next_before(&self, node: u32, cursor: &mut u32) -> Option<u32> {
        let forced = &self.before[self.start[node as usize] as usize..self.start[node as usize + 1] as usize];
        loop {
            let at = *cursor as usize;
            *cursor += 1;
            if at == 0 {
                match self.committed.previous[node as usize] {
                    NONE => continue,
                    previous => return Some(previous),
                }
            }
            let at = at - 1;
            if let Some(before) = forced.get(at) {
                return Some(*before);
            }
            match read_from(self.committed, node, at - forced.len()) {
                Some(INIT) => {}
                other => return other,
            }
        }
    }
}

/// The writer that a node saw, by number; of registers the initial state may be among them.
#[inline]
pub(crate) fn read_from(committed: &Committed<'_>, node: u32, at: usize) -> Option<u32> {
    let reads = committed.read_range(node);
    if committed.seen_start.is_empty() {
        return committed.reads[reads].get(at).map(|read| read.from);
    }
    let seen = committed.seen_start[reads.start] as usize..committed.seen_start[reads.end] as usize;
    committed.seen[seen].get(at).copied()
}
