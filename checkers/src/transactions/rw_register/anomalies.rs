//! What is wrong with single reads and writes of registers, without any graph.

use std::collections::HashMap;

use super::accesses::Accesses;
use crate::hash::FastHash;
use crate::history::Fate;
use crate::transactions::consistency::Anomaly;
use crate::transactions::history::{Mop, NONE, TxnHistory};
use crate::transactions::notes::{Notes, quoted_value};

const G1A: Anomaly = Anomaly::known("G1a");
const G1B: Anomaly = Anomaly::known("G1b");
const INTERNAL: Anomaly = Anomaly::known("internal");
const LOST_UPDATE: Anomaly = Anomaly::known("lost-update");
const GARBAGE_READ: Anomaly = Anomaly::known("garbage-read");
const DUPLICATE_WRITES: Anomaly = Anomaly::known("duplicate-writes");

/// What all detectors look at.
pub(super) struct Scene<'s> {
    pub(super) history: &'s TxnHistory,
    pub(super) accesses: &'s Accesses,
}

impl Scene<'_> {
    fn call(&self, txn: u32) -> u32 {
        self.history.txns[txn as usize].call
    }
    fn key(&self, key: u32) -> String {
        quoted_value(&self.history.keys[key as usize])
    }
    fn value(&self, version: u32) -> String {
        match self.history.value(version) {
            Some(value) => quoted_value(&value),
            None => "nil".to_owned(),
        }
    }

    /// Everything.
    pub(super) fn all(&self, notes: &mut Notes<'_>) {
        self.doubled(notes);
        let mut state = vec![(NONE, NONE); self.history.keys.len()];
        for (number, txn) in (0u32..).zip(&self.history.txns) {
            if txn.fate != Fate::Ok {
                continue;
            }
            let mut internal = false;
            for mop in self.history.mops_of(number) {
                let (key, version) = match mop {
                    Mop::Write { key, version } => (*key, *version),
                    Mop::ReadValue { key, version } => {
                        let (who, held) = state[*key as usize];
                        if who == number && held != *version && !internal {
                            internal = true;
                            self.internal(notes, number, *key, held, *version);
                        }
                        self.read(notes, number, *key, *version);
                        (*key, *version)
                    }
                    _ => continue,
                };
                state[key as usize] = (number, version);
            }
        }
        self.lost_updates(notes);
    }

    fn note(
        &self,
        notes: &mut Notes<'_>,
        anomaly: Anomaly,
        key: u32,
        txns: &[u32],
        sentence: impl FnOnce(&[String]) -> String,
    ) {
        let calls: Vec<u32> = txns.iter().map(|txn| self.call(*txn)).collect();
        notes.note(anomaly, Some(self.history.keys[key as usize].clone()), &calls, sentence);
    }

    fn doubled(&self, notes: &mut Notes<'_>) {
        for (version, txn) in &self.history.doubled {
            if !self.accesses.doubled[*version as usize]
                || self.history.txns[*txn as usize].fate == Fate::Fail
            {
                continue;
            }
            let known = &self.history.versions[*version as usize];
            self.note(notes, DUPLICATE_WRITES, known.key, &[known.writer, *txn], |names| {
                format!(
                    "{} and {} both wrote {} to key {}: whose write a read saw cannot be told, so nothing was \
                     concluded from it; write each value once",
                    names[0],
                    names[1],
                    self.value(*version),
                    self.key(known.key)
                )
            });
        }
    }

    fn internal(&self, notes: &mut Notes<'_>, txn: u32, key: u32, held: u32, read: u32) {
        self.note(notes, INTERNAL, key, &[txn], |names| {
            format!(
                "{} read key {} as {}, although it had itself read or written {} there just before",
                names[0],
                self.key(key),
                self.value(read),
                self.value(held)
            )
        });
    }

    fn read(&self, notes: &mut Notes<'_>, txn: u32, key: u32, version: u32) {
        let Some(known) = self.history.versions.get(version as usize) else { return };
        if known.writer == NONE {
            return self.note(notes, GARBAGE_READ, key, &[txn], |names| {
                format!(
                    "{} read key {} as {}, which nobody wrote. Unless it was there before the history began, no \
                     execution at any isolation level explains that",
                    names[0],
                    self.key(key),
                    self.value(version)
                )
            });
        }
        if self.accesses.doubled[version as usize] {
            return;
        }
        let writer = self.accesses.sole[version as usize];
        if self.history.txns[writer as usize].fate == Fate::Fail {
            self.note(notes, G1A, key, &[txn, writer], |names| {
                format!(
                    "{} read key {} as {}, which {} wrote; but that transaction failed",
                    names[0],
                    self.key(key),
                    self.value(version),
                    names[1]
                )
            });
        }
        if writer != txn && self.accesses.intermediate[version as usize] {
            self.note(notes, G1B, key, &[txn, writer], |names| {
                format!(
                    "{} read key {} as {}, which {} wrote and then overwrote itself",
                    names[0],
                    self.key(key),
                    self.value(version),
                    names[1]
                )
            });
        }
    }

    /// Transactions that found the same value and then overwrote it: all but one did so in vain.
    fn lost_updates(&self, notes: &mut Notes<'_>) {
        let nodes = self.accesses.nodes(self.history);
        let mut claimed = vec![NONE; nodes];
        let mut collisions: HashMap<u32, Vec<u32>, FastHash> = HashMap::default();
        for access in &self.accesses.all {
            if access.read == NONE
                || access.write == NONE
                || !self.accesses.is_certain(access.read)
                || self.history.txns[access.txn as usize].fate != Fate::Ok
            {
                continue;
            }
            let first = &mut claimed[access.read as usize];
            if *first == NONE {
                *first = access.txn;
            } else {
                collisions.entry(access.read).or_insert_with(|| vec![*first]).push(access.txn);
            }
        }
        let mut collisions: Vec<_> = collisions.into_iter().collect();
        collisions.sort_unstable();
        for (node, txns) in collisions {
            let key = match self.history.versions.get(node as usize) {
                Some(version) => version.key,
                None => node - self.accesses.initial(0),
            };
            let some: Vec<u32> = txns.into_iter().take(4).collect();
            self.note(notes, LOST_UPDATE, key, &some, |names| {
                format!(
                    "{} all read key {} as {} and then wrote it: each but one missed an update",
                    names.join(", "),
                    self.key(key),
                    self.value(node)
                )
            });
        }
    }
}
