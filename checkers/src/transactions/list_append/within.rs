//! What a transaction shows by itself: reads against its own earlier reads and appends, and against what it
//! appends later; and lost updates, which are transactions that read and then append.

use std::collections::{HashMap, HashSet};

use super::anomalies::Scene;
use super::columns::{Mop, Read};
use crate::hash::FastHash;
use crate::history::Fate;
use crate::transactions::consistency::Anomaly;
use crate::transactions::history::NONE;
use crate::transactions::notes::{Notes, quoted};

const G1B: Anomaly = Anomaly::known("G1b");
const INTERNAL: Anomaly = Anomaly::known("internal");
const FUTURE_READ: Anomaly = Anomaly::known("future-read");
const LOST_UPDATE: Anomaly = Anomaly::known("lost-update");

impl Scene<'_, '_> {
    /// What one transaction shows by itself, and lost updates, which are transactions that read and then
    /// appended.
    pub(super) fn within_transactions(&self, notes: &mut Notes<'_>) {
        let keys = self.columns.keys.len();
        let mut touched = vec![Touched::NOTHING; keys];
        // Who first read a version (or nothing of a key) and then appended; others do so in vain.
        let mut claimed = vec![NONE; self.columns.versions.len()];
        let mut claimed_empty = vec![NONE; keys];
        let mut collisions: HashMap<(u32, u32), Vec<u32>, FastHash> = HashMap::default();
        let mut stray = Contents::default();
        for (number, txn) in (0u32..).zip(&self.columns.txns) {
            if txn.fate == Fate::Fail {
                continue;
            }
            let (mut internal, mut future) = (false, false);
            for at in txn.mops.clone() {
                let mop = self.columns.mops[at as usize];
                let (Mop::Append { key, .. } | Mop::Read { key, .. }) = mop else { continue };
                let known = &mut touched[key as usize];
                if known.txn != number {
                    *known = Touched { txn: number, ..Touched::NOTHING };
                }
                match mop {
                    Mop::Append { version, .. } => {
                        if txn.fate == Fate::Ok && !known.appended && known.first_read != NONE {
                            let read = &self.columns.reads[known.first_read as usize];
                            let slot = match read.last {
                                _ if !read.compatible
                                    || self.versions.is_doubled(self.columns, read.last) =>
                                {
                                    None
                                }
                                NONE => Some(&mut claimed_empty[key as usize]),
                                last => Some(&mut claimed[last as usize]),
                            };
                            if let Some(slot) = slot {
                                if *slot == NONE {
                                    *slot = number;
                                } else {
                                    let first = *slot;
                                    let group =
                                        collisions.entry((key, read.last)).or_insert_with(|| vec![first]);
                                    group.push(number);
                                }
                            }
                        }
                        if txn.fate == Fate::Ok
                            && !future
                            && self.writer(version) == number
                            && self.saw(known.most_read, version, &mut stray)
                        {
                            future = true;
                            self.future_read(notes, number, known.most_read, version);
                        }
                        (known.appended, known.last_append) = (true, at);
                        known.appends += 1;
                    }
                    Mop::Read { read, .. } => {
                        if !internal && (known.base != NONE || known.appends > 0) {
                            internal = self.internal(notes, number, known, read);
                        }
                        if !known.appended && known.first_read == NONE {
                            known.first_read = read;
                        }
                        let reads = &self.columns.reads;
                        if known.most_read == NONE
                            || reads[known.most_read as usize].count < reads[read as usize].count
                        {
                            known.most_read = read;
                        }
                        (known.base, known.appends) = (read, 0);
                        self.intermediate(notes, &reads[read as usize]);
                    }
                    Mop::Unknown => {}
                }
            }
        }
        let mut collisions: Vec<_> = collisions.into_iter().collect();
        collisions.sort_unstable();
        for ((key, last), txns) in collisions {
            let calls: Vec<u32> = txns.iter().take(4).map(|txn| self.call(*txn)).collect();
            let what =
                if last == NONE { "nothing".to_owned() } else { format!("it up to {}", self.value(last)) };
            let key = self.key(key);
            notes.note(LOST_UPDATE, Some(key.to_value()), &calls, |names| {
                format!(
                    "{} all read key {}, found {what}, and then appended to it: each but one missed an update",
                    names.join(", "),
                    quoted(key)
                )
            });
        }
    }

    /// Whether the read has the version.
    fn saw(&self, read: u32, version: u32, stray: &mut Contents) -> bool {
        let Some(found) = self.columns.reads.get(read as usize) else { return false };
        if found.compatible {
            let place = self.versions.place[version as usize];
            return place != NONE && place < found.count;
        }
        if stray.read != Some(read) {
            let elements = self.strays.get(&read).map(|elements| elements.iter().copied().collect());
            *stray = Contents { read: Some(read), elements: elements.unwrap_or_default() };
        }
        stray.elements.contains(&version)
    }

    fn future_read(&self, notes: &mut Notes<'_>, txn: u32, read: u32, version: u32) {
        let read = &self.columns.reads[read as usize];
        let (key, value) = (self.key(read.key), self.value(version));
        notes.note(FUTURE_READ, Some(key.to_value()), &[self.call(txn)], |names| {
            format!(
                "{} read key {} as {}, with {value}, which it appended itself only afterwards",
                names[0],
                quoted(key),
                quoted(read.list)
            )
        });
    }

    /// Whether a read contradicts what its transaction had read or appended before.
    fn internal(&self, notes: &mut Notes<'_>, txn: u32, known: &Touched, read: u32) -> bool {
        let found = &self.columns.reads[read as usize];
        // What was appended since the last read, the last first.
        let mut appended = Vec::with_capacity(known.appends as usize);
        let mut at = known.last_append;
        while (appended.len() as u32) < known.appends
            && let Some(Mop::Append { version, .. }) = self.columns.mops.get(at as usize)
        {
            appended.push(*version);
            at = self.own_before[at as usize];
        }
        let own = known.appends as usize;
        let base = self.columns.reads.get(known.base as usize);
        let lengths = match base {
            Some(base) => base.count as usize + own == found.count as usize,
            None => own <= found.count as usize,
        };
        let kept = |base: &Read<'_>| match (base.list.as_list(), found.list.as_list()) {
            (Some(base), Some(list)) => list.as_bytes().starts_with(base.as_bytes()),
            (None, _) => true,
            (Some(base), None) => base.len() == 0,
        };
        let fine = lengths
            && (base.is_none_or(|base| (base.compatible && found.compatible) || kept(base)))
            && self.ends_with(read, &appended);
        if !fine {
            let key = self.key(found.key);
            let mut expected: Vec<String> =
                appended.iter().rev().map(|version| self.value(*version)).collect();
            expected.insert(0, base.map_or("…".to_owned(), |base| format!("all of {}", quoted(base.list))));
            notes.note(INTERNAL, Some(key.to_value()), &[self.call(txn)], |names| {
                format!(
                    "{} read key {} as {}, but from what it had read and appended itself it should have seen {}",
                    names[0],
                    quoted(key),
                    quoted(found.list),
                    expected.join(", ")
                )
            });
        }
        !fine
    }

    /// Whether the last elements of a read are these, the last first.
    fn ends_with(&self, read: u32, versions: &[u32]) -> bool {
        let found = &self.columns.reads[read as usize];
        let elements = match self.strays.get(&read) {
            Some(elements) => &elements[..],
            None => &self.versions.order_of(found.key)[..found.count as usize],
        };
        versions.len() <= elements.len()
            && elements.iter().rev().zip(versions).all(|(one, other)| one == other)
    }

    /// A read that ends with what its writer then appended to.
    fn intermediate(&self, notes: &mut Notes<'_>, read: &Read<'_>) {
        if read.last == NONE {
            return;
        }
        let writer = self.writer(read.last);
        if writer == NONE || writer == read.txn || !self.intermediate[read.last as usize] {
            return;
        }
        let (key, value) = (self.key(read.key), self.value(read.last));
        notes.note(G1B, Some(key.to_value()), &[self.call(read.txn), self.call(writer)], |names| {
            format!(
                "{} read key {} as {}, which ends with {value}; but {} then appended more to that key",
                names[0],
                quoted(key),
                quoted(read.list),
                names[1]
            )
        });
    }
}

/// What the transaction at hand did with a key so far.
#[derive(Clone, Copy)]
struct Touched {
    txn: u32,
    /// Its last read of the key, and how many appends of its own came since.
    base: u32,
    appends: u32,
    last_append: u32,
    /// Its first read, if it came before any append.
    first_read: u32,
    /// The longest of its reads.
    most_read: u32,
    appended: bool,
}

impl Touched {
    const NOTHING: Touched = Touched {
        txn: NONE,
        base: NONE,
        appends: 0,
        last_append: NONE,
        first_read: NONE,
        most_read: NONE,
        appended: false,
    };
}

/// The elements of the stray read that was asked for last.
#[derive(Default)]
struct Contents {
    read: Option<u32>,
    elements: HashSet<u32, FastHash>,
}
