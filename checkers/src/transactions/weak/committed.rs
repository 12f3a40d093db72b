//! What a history says happened: the transactions that take part, their sessions, and who read
//! from whom. Every algorithm of this room works on this.
//!
//! An `ok` transaction takes part. A `fail` does not: it aborted. An `info` takes part if one that
//! does read from it; otherwise it may as well not have happened, and leaving it out is never worse
//! for any level, because nothing follows it in its session and nobody saw it.
//!
//! A session is what a process does up to an `info`; what a process does after one (old versions of
//! Jepsen record that) is another session, because the unanswered transaction may act later.

use std::collections::HashMap;
use std::ops::Range;

use super::super::history::{NONE, TxnHistory};
use crate::event::Process;
use crate::hash::FastHash;
use crate::history::Fate;

/// The initial state, where a transaction is expected: who read nil read from it.
pub(crate) const INIT: u32 = NONE;

/// A read that another transaction must explain. Reads of a transaction's own writes are not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// The number of the key.
    pub key: u32,
    /// The node that wrote what was read (of a list: its last element), or [`INIT`].
    pub from: u32,
}

/// The last write of a transaction to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    /// The number of the key.
    pub key: u32,
    /// The number of the version.
    pub version: u32,
}

/// An order between two nodes that the contents of a list prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KnownOrder {
    pub before: u32,
    pub after: u32,
    pub key: u32,
}

/// The transactions that take part, numbered in the order of their invocations: nodes.
pub(crate) struct Committed<'a> {
    pub history: &'a TxnHistory,
    /// Node to transaction.
    pub txn: Vec<u32>,
    /// Node to session.
    pub session: Vec<u32>,
    /// Node to the node before it in its session, or [`NONE`].
    pub previous: Vec<u32>,
    /// Session to its first place in `session_nodes`.
    pub session_start: Vec<u32>,
    /// All nodes, session by session.
    pub session_nodes: Vec<u32>,
    /// Node to its place in `session_nodes`: comparable within a session.
    pub place: Vec<u32>,
    pub read_start: Vec<u32>,
    pub reads: Vec<Read>,
    pub write_start: Vec<u32>,
    /// Of each node, sorted by key.
    pub writes: Vec<Write>,
    /// Lists: for each read where its `seen` begin. Registers: empty.
    pub seen_start: Vec<u32>,
    /// Lists: the nodes whose elements were in the list.
    pub seen: Vec<u32>,
    /// Lists: the order of appends that follows from the reads.
    pub known: Vec<KnownOrder>,
    /// Lists: for each of `writes` its place among the versions of the key, from 1; `u32::MAX` for
    /// what nobody read, which comes after all that was. Registers: empty.
    pub ranks: Vec<u32>,
}

impl<'a> Committed<'a> {
    /// How many take part.
    pub fn len(&self) -> usize {
        self.txn.len()
    }

    /// The reads of a node.
    pub fn reads_of(&self, node: u32) -> &[Read] {
        &self.reads[self.read_range(node)]
    }

    /// Which of `reads` are a node's.
    pub fn read_range(&self, node: u32) -> Range<usize> {
        self.read_start[node as usize] as usize..self.read_start[node as usize + 1] as usize
    }

    /// The last writes of a node, sorted by key.
    pub fn writes_of(&self, node: u32) -> &[Write] {
        &self.writes[self.write_range(node)]
    }

    /// Which of `writes` are a node's.
    pub fn write_range(&self, node: u32) -> Range<usize> {
        self.write_start[node as usize] as usize..self.write_start[node as usize + 1] as usize
    }

    /// Which of `writes` is a node's of this key.
    pub fn write_at(&self, node: u32, key: u32) -> Option<usize> {
        let range = self.write_range(node);
        let writes = &self.writes[range.clone()];
        let at = if writes.len() <= 8 {
            writes.iter().position(|write| write.key == key)
        } else {
            writes.binary_search_by_key(&key, |write| write.key).ok()
        };
        at.map(|at| range.start + at)
    }

    /// Whether a node writes a key.
    pub fn writes_key(&self, node: u32, key: u32) -> bool {
        self.write_at(node, key).is_some()
    }

    /// The nodes that a read saw something of: one for a register, all writers of elements for a list.
    pub fn seen_by_read(&self, read: usize) -> &[u32] {
        if self.seen_start.is_empty() {
            return match &self.reads[read].from {
                &INIT => &[],
                from => std::slice::from_ref(from),
            };
        }
        &self.seen[self.seen_start[read] as usize..self.seen_start[read + 1] as usize]
    }

    /// The nodes of a session in order.
    pub fn session(&self, session: u32) -> &[u32] {
        let session = session as usize;
        &self.session_nodes[self.session_start[session] as usize..self.session_start[session + 1] as usize]
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> u32 {
        self.session_start.len() as u32 - 1
    }

    /// Whether one node is before another in their session.
    pub fn in_session_before(&self, first: u32, second: u32) -> bool {
        self.session[first as usize] == self.session[second as usize]
            && self.place[first as usize] < self.place[second as usize]
    }

    /// The place of a node's write among the versions of the key; lists only. 0 for [`INIT`].
    pub fn rank(&self, node: u32, key: u32) -> u32 {
        match node {
            INIT => 0,
            _ => self.write_at(node, key).map_or(0, |at| self.ranks[at]),
        }
    }

    /// Whether the contents of a list already prove that one version was before another.
    pub fn known_before(&self, first: u32, second: u32, key: u32) -> bool {
        self.lists() && self.rank(first, key) < self.rank(second, key)
    }

    /// Whether these are lists, whose reads prove an order of versions.
    pub fn lists(&self) -> bool {
        !self.seen_start.is_empty()
    }

    /// Some of the nodes alone. Reads from the others are left out, so that what has no explanation
    /// then, has none at all; the order of lists is kept. `nodes` ascend.
    pub fn part(&self, nodes: &[u32]) -> Committed<'a> {
        let number = |node: u32| nodes.binary_search(&node).ok().map(|at| at as u32);
        let mut part = Committed {
            history: self.history,
            txn: nodes.iter().map(|node| self.txn[*node as usize]).collect(),
            session: Vec::new(),
            previous: vec![NONE; nodes.len()],
            session_start: vec![0],
            session_nodes: Vec::new(),
            place: vec![0; nodes.len()],
            read_start: vec![0],
            reads: Vec::new(),
            write_start: vec![0],
            writes: Vec::new(),
            seen_start: Vec::new(),
            seen: Vec::new(),
            known: Vec::new(),
            ranks: Vec::new(),
        };
        let mut sessions: Vec<u32> = nodes.iter().map(|node| self.session[*node as usize]).collect();
        sessions.sort_unstable();
        sessions.dedup();
        for node in nodes {
            let session = sessions.partition_point(|other| *other < self.session[*node as usize]);
            part.session.push(session as u32);
            for read in self.reads_of(*node) {
                if let Some(from) = if read.from == INIT { Some(INIT) } else { number(read.from) } {
                    part.reads.push(Read { key: read.key, from });
                }
            }
            part.writes.extend(self.writes_of(*node));
            part.ranks.extend(self.ranks.get(self.write_range(*node)).unwrap_or_default());
            part.read_start.push(part.reads.len() as u32);
            part.write_start.push(part.writes.len() as u32);
        }
        if self.lists() {
            part.seen_start = vec![0; part.reads.len() + 1];
        }
        for session in 0..sessions.len() as u32 {
            let mut previous = NONE;
            for node in 0..nodes.len() as u32 {
                if part.session[node as usize] == session {
                    part.place[node as usize] = part.session_nodes.len() as u32;
                    part.previous[node as usize] = std::mem::replace(&mut previous, node);
                    part.session_nodes.push(node);
                }
            }
            part.session_start.push(part.session_nodes.len() as u32);
        }
        part
    }

    /// For each key, which of `writes` are of it: where each key begins, and the nodes.
    pub fn writers_by_key(&self) -> (Vec<u32>, Vec<u32>) {
        let mut start = vec![0u32; self.history.keys.len() + 1];
        for write in &self.writes {
            start[write.key as usize + 1] += 1;
        }
        for key in 1..start.len() {
            start[key] += start[key - 1];
        }
        let mut next = start.clone();
        let mut nodes = vec![0u32; self.writes.len()];
        for node in 0..self.len() as u32 {
            for write in self.writes_of(node) {
                nodes[next[write.key as usize] as usize] = node;
                next[write.key as usize] += 1;
            }
        }
        (start, nodes)
    }
}

/// The sessions of the transactions that take part.
pub(super) struct Sessions {
    pub session: Vec<u32>,
    pub previous: Vec<u32>,
    pub start: Vec<u32>,
    pub nodes: Vec<u32>,
    pub place: Vec<u32>,
}

impl Sessions {
    /// Of the transactions `txn`, in the order of their invocations. An `info` that does not take
    /// part ends its session too.
    pub fn new(history: &TxnHistory, node_of: &[u32], nodes: usize) -> Self {
        let mut session = vec![0u32; nodes];
        let mut previous = vec![NONE; nodes];
        // The session and the last node of each process.
        let mut now: HashMap<Process, (u32, u32), FastHash> = HashMap::default();
        let mut sizes: Vec<u32> = Vec::new();
        for (txn, node) in history.txns.iter().zip(node_of) {
            let entry = now.entry(txn.process).or_insert((NONE, NONE));
            if *node != NONE {
                if entry.0 == NONE {
                    entry.0 = sizes.len() as u32;
                    sizes.push(0);
                }
                session[*node as usize] = entry.0;
                previous[*node as usize] = entry.1;
                sizes[entry.0 as usize] += 1;
                entry.1 = *node;
            }
            if txn.fate == Fate::Info {
                *entry = (NONE, NONE);
            }
        }
        let mut start = Vec::with_capacity(sizes.len() + 1);
        let mut total = 0;
        for size in &sizes {
            start.push(total);
            total += size;
        }
        start.push(total);
        let mut next = start.clone();
        let mut in_order = vec![0u32; nodes];
        let mut place = vec![0u32; nodes];
        for node in 0..nodes {
            let at = &mut next[session[node] as usize];
            in_order[*at as usize] = node as u32;
            place[node] = *at;
            *at += 1;
        }
        Sessions { session, previous, start, nodes: in_order, place }
    }
}
