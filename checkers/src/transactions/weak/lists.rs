//! What reads of lists prove: the order of the appends.
//!
//! A key has one sequence of versions, each of which is the one before with an element more; a
//! read of a list is a read of the version that its last element made, and shows every append before
//! it. So what the longest read of a key shows is the order of these appends, every other read
//! must begin it, and an append that nobody saw comes after it. What a transaction reads of its own
//! appends is its own business: they are taken off the end, and may land elsewhere.

use std::ops::Range;

use super::super::history::{Mop, NONE, TxnHistory};
use super::build::{SEVERAL, Sources};
use super::committed::{Committed, KnownOrder};
use super::faults::{Fault, FaultKind, Faults};
use crate::history::Fate;

/// What a read of a list says.
pub(super) enum Judged {
    /// It read the version that this transaction made last, or the initial state.
    From(u32),
    /// It holds a version that several may have written.
    Doubtful(u32),
    /// It breaks a rule.
    Faulty,
}

/// Reads lists, in the order of transactions.
pub(super) struct Reading<'a> {
    history: &'a TxnHistory,
    /// The appends of the transaction at hand: version, and the one before to the same key.
    appends: Vec<(u32, u32)>,
    /// For each key the last of `appends`, with the number of the transaction.
    last: Vec<(u32, u32)>,
    number: u32,
    /// For each version the last read that held it.
    held: Vec<u32>,
    count: u32,
    /// The foreign part of each read that was kept, with its key.
    kept: Vec<(u32, Range<u32>)>,
    /// The reader of each.
    readers: Vec<u32>,
    current: (u32, u32, Range<u32>),
    seen_start: Vec<u32>,
    seen: Vec<u32>,
    any: bool,
}

impl<'a> Reading<'a> {
    pub fn new(history: &'a TxnHistory) -> Self {
        Reading {
            history,
            appends: Vec::new(),
            last: Vec::new(),
            number: 0,
            held: Vec::new(),
            count: 0,
            kept: Vec::new(),
            readers: Vec::new(),
            current: (0, 0, 0..0),
            seen_start: Vec::new(),
            seen: Vec::new(),
            any: false,
        }
    }

    /// Another transaction begins.
    pub fn begin(&mut self) {
        self.appends.clear();
        self.number += 1;
    }

    /// It appends.
    pub fn append(&mut self, key: u32, version: u32) {
        if self.last.is_empty() {
            self.last = vec![(0, NONE); self.history.keys.len()];
        }
        let before = self.last_append(key);
        self.last[key as usize] = (self.number, self.appends.len() as u32);
        self.appends.push((version, before));
    }

    fn last_append(&self, key: u32) -> u32 {
        match self.last.get(key as usize) {
            Some((number, at)) if *number == self.number => *at,
            _ => NONE,
        }
    }

    /// It reads.
    pub fn read(
        &mut self,
        sources: &Sources<'_>,
        txn: u32,
        key: u32,
        elements: Range<u32>,
        faults: &mut Faults,
    ) -> Judged {
        self.any = true;
        if self.held.is_empty() {
            self.held = vec![0; self.history.versions.len()];
        }
        self.count += 1;
        let all = &self.history.elements[elements.start as usize..elements.end as usize];
        let mut foreign = all.len();
        let mut own = self.last_append(key);
        let mut fault = |kind, version, other| {
            faults.add(Fault { kind, txn, key, version, other });
            Judged::Faulty
        };
        while own != NONE {
            let (version, before) = self.appends[own as usize];
            if foreign == 0 || all[foreign - 1] != version {
                let instead = if foreign == 0 { NONE } else { all[foreign - 1] };
                return fault(FaultKind::Internal, instead, NONE);
            }
            self.held[version as usize] = self.count;
            foreign -= 1;
            own = before;
        }
        let all = &all[..foreign];
        let mut doubtful = NONE;
        for version in all {
            if std::mem::replace(&mut self.held[*version as usize], self.count) == self.count {
                return fault(FaultKind::Duplicate, *version, NONE);
            }
            let writer = sources.writer(*version);
            match writer {
                NONE => return fault(FaultKind::Garbage, *version, NONE),
                SEVERAL => doubtful = *version,
                _ if sources.fate(writer) == Fate::Fail => {
                    return fault(FaultKind::Aborted, *version, writer);
                }
                _ if writer == txn => return fault(FaultKind::Future, *version, NONE),
                _ => {}
            }
        }
        if doubtful != NONE {
            return Judged::Doubtful(doubtful);
        }
        self.current = (txn, key, elements.start..elements.start + foreign as u32);
        match all.last() {
            None => Judged::From(NONE),
            Some(last) if !sources.is_last(*last) => {
                fault(FaultKind::Intermediate, *last, sources.writer(*last))
            }
            Some(last) => Judged::From(sources.writer(*last)),
        }
    }

    /// The read just judged counts.
    pub fn keep(&mut self, node_of: &[u32], sources: &Sources<'_>) {
        let (txn, key, range) = self.current.clone();
        self.seen_start.push(self.seen.len() as u32);
        let mut last = NONE;
        for version in &self.history.elements[range.start as usize..range.end as usize] {
            let node = node_of[sources.writer(*version) as usize];
            if node != last {
                self.seen.push(node);
                last = node;
            }
        }
        self.kept.push((key, range));
        self.readers.push(txn);
    }

    /// The order of versions, when everything was read.
    pub fn finish(mut self, sources: &Sources<'_>, committed: &mut Committed<'_>, faults: &mut Faults) {
        if !self.any {
            return;
        }
        self.seen_start.push(self.seen.len() as u32);
        let keys = self.history.keys.len();
        let mut longest: Vec<u32> = vec![NONE; keys];
        for (at, (key, range)) in self.kept.iter().enumerate() {
            let best = &mut longest[*key as usize];
            if *best == NONE || self.kept[*best as usize].1.len() < range.len() {
                *best = at as u32;
            }
        }
        let elements = |range: &Range<u32>| &self.history.elements[range.start as usize..range.end as usize];
        for (at, (key, range)) in self.kept.iter().enumerate() {
            let best = longest[*key as usize] as usize;
            let whole = elements(&self.kept[best].1);
            if whole.get(..range.len()) != Some(elements(range)) {
                let (txn, other) = (self.readers[at], self.readers[best]);
                let kind = FaultKind::Incompatible;
                faults.add(Fault { kind, txn, key: *key, version: NONE, other });
            }
        }
        let mut rank = vec![u32::MAX; self.history.versions.len()];
        let mut last_node = vec![NONE; keys];
        let mut writer_of = vec![NONE; self.history.versions.len()];
        for (node, txn) in committed.txn.iter().enumerate() {
            for mop in self.history.mops_of(*txn) {
                if let Mop::Write { version, .. } = mop {
                    writer_of[*version as usize] = node as u32;
                }
            }
        }
        for key in 0..keys {
            let best = longest[key];
            if best == NONE {
                continue;
            }
            let mut before = NONE;
            let whole = elements(&self.kept[best as usize].1);
            for (at, version) in whole.iter().enumerate() {
                let neighbour = at.checked_sub(1).map_or(NONE, |left| whole[left]);
                let expected = sources.appended_before(*version);
                let cut = neighbour != NONE && expected == NONE && !sources.is_last(neighbour);
                if cut || expected != NONE && expected != neighbour {
                    let other = sources.writer(*version);
                    let (kind, txn) = (FaultKind::Split, self.readers[best as usize]);
                    faults.add(Fault { kind, txn, key: key as u32, version: *version, other });
                }
                rank[*version as usize] = at as u32 + 1;
                let node = writer_of[*version as usize];
                if before != NONE && node != NONE && before != node {
                    committed.known.push(KnownOrder { before, after: node, key: key as u32 });
                }
                before = node;
            }
            last_node[key] = before;
        }
        committed.ranks = committed.writes.iter().map(|write| rank[write.version as usize]).collect();
        for node in 0..committed.len() as u32 {
            for at in committed.write_range(node) {
                let key = committed.writes[at].key;
                let before = last_node[key as usize];
                if committed.ranks[at] == u32::MAX && before != NONE && before != node {
                    committed.known.push(KnownOrder { before, after: node, key });
                }
            }
        }
        committed.seen_start = self.seen_start;
        committed.seen = self.seen;
    }
}
