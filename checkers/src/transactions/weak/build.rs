//! From a [`TxnHistory`] to what took part: who wrote what was read, and the reads that nothing
//! explains.

use std::collections::HashMap;

use super::super::history::{Mop, NONE, TxnHistory};
use super::committed::{Committed, INIT, Read, Sessions, Write};
use super::faults::{Fault, FaultKind, Faults};
use super::lists;
use crate::hash::FastHash;
use crate::history::Fate;

/// Several transactions may have written a version, in place of its writer.
pub(super) const SEVERAL: u32 = NONE - 1;

/// What took part, what is wrong with its reads, and what cannot be decided about them.
pub(crate) struct Built<'a> {
    pub committed: Committed<'a>,
    pub faults: Faults,
    /// Transactions that read a version which several may have written, with it. Such reads are
    /// left out: what is refuted without them is refuted.
    pub doubtful: Vec<(u32, u32)>,
}

/// Reads a history.
pub(crate) fn build(history: &TxnHistory) -> Built<'_> {
    let sources = Sources::new(history);
    let taking_part = sources.taking_part();
    let mut node_of = vec![NONE; history.txns.len()];
    let mut txn = Vec::with_capacity(history.txns.len());
    for (number, takes_part) in taking_part.iter().enumerate() {
        if *takes_part {
            node_of[number] = txn.len() as u32;
            txn.push(number as u32);
        }
    }
    let Sessions { session, previous, start, nodes, place } = Sessions::new(history, &node_of, txn.len());
    let mut made = Building {
        sources: &sources,
        node_of: &node_of,
        own: vec![(NONE, NONE); history.keys.len()],
        read_start: Vec::with_capacity(txn.len() + 1),
        reads: Vec::new(),
        write_start: Vec::with_capacity(txn.len() + 1),
        writes: Vec::new(),
        faults: Faults::default(),
        doubtful: Vec::new(),
        lists: lists::Reading::new(history),
    };
    for (node, number) in txn.iter().enumerate() {
        made.transaction(node as u32, *number);
    }
    made.read_start.push(made.reads.len() as u32);
    made.write_start.push(made.writes.len() as u32);
    let Building { read_start, reads, write_start, writes, mut faults, doubtful, lists, .. } = made;
    let mut committed = Committed {
        history,
        txn,
        session,
        previous,
        session_start: start,
        session_nodes: nodes,
        place,
        read_start,
        reads,
        write_start,
        writes,
        seen_start: Vec::new(),
        seen: Vec::new(),
        known: Vec::new(),
        ranks: Vec::new(),
    };
    lists.finish(&sources, &mut committed, &mut faults);
    Built { committed, faults, doubtful }
}

/// Where each version comes from.
pub(super) struct Sources<'a> {
    pub history: &'a TxnHistory,
    /// For each version the transaction that wrote it: not an aborted one if another may have;
    /// [`SEVERAL`], or [`NONE`].
    writer: Vec<u32>,
    /// Whether a transaction that did not abort wrote the version as its last to the key.
    last: Vec<bool>,
    /// Lists: what the same transaction had appended to the key just before.
    before: Vec<u32>,
}

impl<'a> Sources<'a> {
    fn new(history: &'a TxnHistory) -> Self {
        let mut writer: Vec<u32> = history.versions.iter().map(|version| version.writer).collect();
        let fate = |txn: u32| history.txns[txn as usize].fate;
        let mut candidates: HashMap<u32, Vec<u32>, FastHash> = HashMap::default();
        for (version, txn) in &history.doubled {
            candidates.entry(*version).or_default().push(*txn);
        }
        for (version, later) in candidates {
            let mut alive: Vec<u32> = later
                .into_iter()
                .chain([writer[version as usize]])
                .filter(|t| fate(*t) != Fate::Fail)
                .collect();
            alive.sort_unstable();
            alive.dedup();
            match alive[..] {
                [] => {}
                [one] => writer[version as usize] = one,
                _ => writer[version as usize] = SEVERAL,
            }
        }
        let mut last = vec![false; history.versions.len()];
        let mut latest: Vec<(u32, u32)> = vec![(NONE, NONE); history.keys.len()];
        let lists = history.mops.iter().any(|mop| matches!(mop, Mop::ReadList { .. }));
        let mut before = vec![NONE; if lists { history.versions.len() } else { 0 }];
        let mut keys: Vec<u32> = Vec::new();
        for (number, txn) in history.txns.iter().enumerate() {
            if txn.fate == Fate::Fail {
                continue;
            }
            keys.clear();
            for mop in history.mops_of(number as u32) {
                if let Mop::Write { key, version } = mop {
                    let slot = &mut latest[*key as usize];
                    if slot.0 != number as u32 {
                        keys.push(*key);
                    } else if lists {
                        before[*version as usize] = slot.1;
                    }
                    *slot = (number as u32, *version);
                }
            }
            for key in &keys {
                last[latest[*key as usize].1 as usize] = true;
            }
        }
        Sources { history, writer, last, before }
    }

    pub fn writer(&self, version: u32) -> u32 {
        self.writer[version as usize]
    }

    pub fn is_last(&self, version: u32) -> bool {
        self.last[version as usize]
    }

    /// What the same transaction had appended to the key just before; lists only.
    pub fn appended_before(&self, version: u32) -> u32 {
        self.before[version as usize]
    }

    pub fn fate(&self, txn: u32) -> Fate {
        self.history.txns[txn as usize].fate
    }

    /// Each transaction that is `ok`, and each `info` from which one that takes part read.
    fn taking_part(&self) -> Vec<bool> {
        let mut takes_part: Vec<bool> = self.history.txns.iter().map(|txn| txn.fate == Fate::Ok).collect();
        if self.history.txns.iter().all(|txn| txn.fate != Fate::Info) {
            return takes_part;
        }
        let mut to_read: Vec<u32> = Vec::new();
        for txn in 0..takes_part.len() as u32 {
            if self.fate(txn) == Fate::Ok {
                self.unanswered_seen_by(txn, &mut takes_part, &mut to_read);
            }
        }
        while let Some(txn) = to_read.pop() {
            self.unanswered_seen_by(txn, &mut takes_part, &mut to_read);
        }
        takes_part
    }

    fn unanswered_seen_by(&self, txn: u32, takes_part: &mut [bool], found: &mut Vec<u32>) {
        let mut saw = |version: u32| {
            let writer = self.writer(version);
            if writer < SEVERAL && self.fate(writer) == Fate::Info && !takes_part[writer as usize] {
                takes_part[writer as usize] = true;
                found.push(writer);
            }
        };
        for mop in self.history.mops_of(txn) {
            match mop {
                Mop::ReadValue { version, .. } if *version != NONE => saw(*version),
                Mop::ReadList { elements, .. } => {
                    self.history.elements[elements.start as usize..elements.end as usize]
                        .iter()
                        .for_each(|version| saw(*version));
                }
                _ => {}
            }
        }
    }
}

/// Reads of one transaction after the other.
struct Building<'s, 'a> {
    sources: &'s Sources<'a>,
    node_of: &'s [u32],
    /// For each key the last node that wrote it so far, and which of `writes` that is.
    own: Vec<(u32, u32)>,
    read_start: Vec<u32>,
    reads: Vec<Read>,
    write_start: Vec<u32>,
    writes: Vec<Write>,
    faults: Faults,
    doubtful: Vec<(u32, u32)>,
    lists: lists::Reading<'a>,
}

impl Building<'_, '_> {
    fn transaction(&mut self, node: u32, txn: u32) {
        self.read_start.push(self.reads.len() as u32);
        let first = self.writes.len();
        self.write_start.push(first as u32);
        self.lists.begin();
        for mop in self.sources.history.mops_of(txn) {
            match mop {
                Mop::Write { key, version } => {
                    let (owner, at) = self.own[*key as usize];
                    if owner == node {
                        self.writes[at as usize].version = *version;
                    } else {
                        self.own[*key as usize] = (node, self.writes.len() as u32);
                        self.writes.push(Write { key: *key, version: *version });
                    }
                    self.lists.append(*key, *version);
                }
                Mop::ReadValue { key, version } => self.register(node, txn, *key, *version),
                Mop::ReadList { key, elements } => {
                    let judged = self.lists.read(self.sources, txn, *key, elements.clone(), &mut self.faults);
                    match judged {
                        lists::Judged::From(writer) => {
                            let from = if writer == NONE { INIT } else { self.node_of[writer as usize] };
                            self.reads.push(Read { key: *key, from });
                            self.lists.keep(self.node_of, self.sources);
                        }
                        lists::Judged::Doubtful(version) => self.doubtful.push((txn, version)),
                        lists::Judged::Faulty => {}
                    }
                }
                Mop::ReadUnknown { .. } => {}
            }
        }
        self.writes[first..].sort_unstable_by_key(|write| write.key);
    }

    fn register(&mut self, node: u32, txn: u32, key: u32, version: u32) {
        let mut fault = |kind, other| self.faults.add(Fault { kind, txn, key, version, other });
        let (owner, at) = self.own[key as usize];
        let own = (owner == node).then(|| self.writes[at as usize].version);
        if own == Some(version) {
            return;
        }
        if version == NONE {
            match own {
                Some(_) => fault(FaultKind::Internal, NONE),
                None => self.reads.push(Read { key, from: INIT }),
            }
            return;
        }
        let writer = self.sources.writer(version);
        match writer {
            // Its own later write is impossible whoever else wrote it; but another may have.
            SEVERAL if own.is_some() => fault(FaultKind::Internal, NONE),
            SEVERAL => self.doubtful.push((txn, version)),
            NONE => fault(FaultKind::Garbage, NONE),
            _ if self.sources.fate(writer) == Fate::Fail => fault(FaultKind::Aborted, writer),
            _ if own.is_some() => fault(FaultKind::Internal, if writer == txn { NONE } else { writer }),
            _ if writer == txn => fault(FaultKind::Future, NONE),
            _ if !self.sources.is_last(version) => fault(FaultKind::Intermediate, writer),
            _ => self.reads.push(Read { key, from: self.node_of[writer as usize] }),
        }
    }
}
