//! What each transaction did to each register as others see it: its first access if that was a read, and its
//! last write.

use crate::history::Fate;
use crate::transactions::columns::{Grouped, group};
use crate::transactions::history::{Mop, NONE, TxnHistory};

/// A register that a transaction touched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) txn: u32,
    pub(super) key: u32,
    /// What it read there before it wrote; a node of the version graph, or [`NONE`] if it did not.
    pub(super) read: u32,
    /// What it wrote there last, or [`NONE`].
    pub(super) write: u32,
}

impl Access {
    /// What the register held when the transaction came to it, as far as it tells.
    pub(super) fn first(&self) -> u32 {
        if self.read == NONE { self.write } else { self.read }
    }
    /// What it left there.
    pub(super) fn last(&self) -> u32 {
        if self.write == NONE { self.read } else { self.write }
    }
}

/// All accesses, and who wrote what.
#[derive(Debug)]
pub(super) struct Accesses {
    /// In the order of transactions. Those of one without an answer only if some answered transaction read
    /// one of its writes: otherwise it may never have happened.
    pub(super) all: Vec<Access>,
    /// For each version the one transaction that may have written it, or one that failed to.
    pub(super) sole: Vec<u32>,
    /// For each version the one transaction that wrote it last to its key and took effect; else [`NONE`].
    pub(super) writer: Vec<u32>,
    /// For each version whether the transaction that wrote it wrote the key again.
    pub(super) intermediate: Vec<bool>,
    /// For each version whether it may have been written more than once.
    pub(super) doubled: Vec<bool>,
    /// How many versions there are; the initial state of key *k* is node *versions + k*.
    versions: u32,
}

impl Accesses {
    pub(super) fn new(history: &TxnHistory) -> Self {
        let count = history.versions.len();
        let intermediate = intermediate(history);
        let (sole, doubled) = sole_writers(history);
        // Transactions that took effect: answered, or seen.
        let mut effective: Vec<bool> = history.txns.iter().map(|txn| txn.fate == Fate::Ok).collect();
        for (reader, txn) in (0u32..).zip(&history.txns) {
            if txn.fate != Fate::Ok {
                continue;
            }
            for mop in history.mops_of(reader) {
                if let Mop::ReadValue { version, .. } = mop
                    && *version != NONE
                    && !intermediate[*version as usize]
                    && let Some(writer) = Some(sole[*version as usize]).filter(|w| *w != NONE && *w != reader)
                    && history.txns[writer as usize].fate == Fate::Info
                {
                    effective[writer as usize] = true;
                }
            }
        }
        let writer = (0..count)
            .map(|version| match sole[version] {
                NONE => NONE,
                writer if intermediate[version] || !effective[writer as usize] => NONE,
                writer => writer,
            })
            .collect();
        let mut out =
            Accesses { all: Vec::new(), sole, writer, intermediate, doubled, versions: count as u32 };
        out.collect(history, &effective);
        out
    }

    fn collect(&mut self, history: &TxnHistory, effective: &[bool]) {
        // Where in `all` the transaction at hand has the key.
        let mut at = vec![NONE; history.keys.len()];
        for (number, txn) in (0u32..).zip(&history.txns) {
            if !effective[number as usize] {
                continue;
            }
            let begins = self.all.len();
            for mop in history.mops_of(number) {
                let key = mop.key();
                let (read, write) = match mop {
                    Mop::Write { version, .. } => (NONE, *version),
                    // A nil that was not answered is the question, and no answer.
                    Mop::ReadValue { version, .. } if txn.fate == Fate::Ok || *version != NONE => {
                        (if *version == NONE { self.versions + key } else { *version }, NONE)
                    }
                    _ => continue,
                };
                let known = at[key as usize] as usize;
                if known >= begins && known < self.all.len() && self.all[known].key == key {
                    if write != NONE {
                        self.all[known].write = write;
                    }
                    continue;
                }
                at[key as usize] = self.all.len() as u32;
                self.all.push(Access { txn: number, key, read, write });
            }
        }
    }

    /// How many nodes the version graph has.
    pub(super) fn nodes(&self, history: &TxnHistory) -> usize {
        self.versions as usize + history.keys.len()
    }

    /// Whether the node is the initial state of a key.
    pub(super) fn is_initial(&self, node: u32) -> bool {
        node >= self.versions
    }

    /// The initial state of a key.
    pub(super) fn initial(&self, key: u32) -> u32 {
        self.versions + key
    }

    /// Accesses by key, in the order of invocations.
    pub(super) fn by_key(&self, keys: usize) -> Grouped {
        group(keys, self.all.iter().map(|access| access.key))
    }

    /// Accesses by what they read; one group beyond the nodes has those that read nothing.
    pub(super) fn by_read(&self, nodes: usize) -> Grouped {
        group(nodes + 1, self.all.iter().map(|access| access.read.min(nodes as u32)))
    }

    /// Whether a version may stand in the version graph: one that was written twice has no one place.
    pub(super) fn is_certain(&self, node: u32) -> bool {
        self.is_initial(node) || !self.doubled[node as usize]
    }
}

fn intermediate(history: &TxnHistory) -> Vec<bool> {
    let mut intermediate = vec![false; history.versions.len()];
    let mut last = vec![(NONE, NONE); history.keys.len()];
    for number in 0..history.txns.len() as u32 {
        for mop in history.mops_of(number) {
            let Mop::Write { key, version } = mop else { continue };
            let (who, before) = std::mem::replace(&mut last[*key as usize], (number, *version));
            if who == number && before != *version {
                intermediate[before as usize] = true;
            }
        }
    }
    intermediate
}

/// For each version the only transaction that may have written it; if all failed, the first of them. And
/// whether there are several that may have.
fn sole_writers(history: &TxnHistory) -> (Vec<u32>, Vec<bool>) {
    let mut sole: Vec<u32> = history.versions.iter().map(|version| version.writer).collect();
    let mut doubled = vec![false; sole.len()];
    let failed = |txn: u32| history.txns[txn as usize].fate == Fate::Fail;
    for (version, txn) in &history.doubled {
        let known = &mut sole[*version as usize];
        match *known {
            _ if failed(*txn) => {}
            NONE => {}
            first if failed(first) => *known = *txn,
            _ => {
                doubled[*version as usize] = true;
                *known = NONE;
            }
        }
    }
    (sole, doubled)
}
