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
        let mut claims = Claims {
            versions: vec![NONE; self.columns.versions.len()],
            empty: vec![NONE; keys],
            collisions: HashMap::default(),
        };
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
                        if txn.fate == Fate::Ok && known.appended == 0 && known.first_read != NONE {
                            self.claim(&mut claims, number, known.first_read);
                        }
                        if txn.fate == Fate::Ok
                            && !future
                            && self.writer(version) == number
                            && self.saw(known.most_read, version, &mut stray)
                        {
                            future = true;
                            self.future_read(notes, number, known.most_read, version);
                        }
                        known.last_append = at;
                        known.appended += 1;
                        known.appends += 1;
                    }
                    Mop::Read { read, .. } => {
                        if !internal && (known.base != NONE || known.appended > 0) {
                            internal = self.internal(notes, number, known, read);
                        }
                        if known.first_read == NONE {
                            known.first_read = read;
                            // What it read beside its own appends is what these were made on.
                            if txn.fate == Fate::Ok && known.appended > 0 && !internal {
                                self.claim(&mut claims, number, read);
                            }
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
        let mut collisions: Vec<_> = claims.collisions.into_iter().collect();
        collisions.sort_unstable();
        for ((key, last), txns) in collisions {
            let calls: Vec<u32> = txns.iter().take(4).map(|txn| self.call(*txn)).collect();
            let what =
                if last == NONE { "nothing".to_owned() } else { format!("it up to {}", self.value(last)) };
            let key = self.key(key);
            notes.note(LOST_UPDATE, Some(key.to_value()), &calls, |names| {
                format!(
                    "{} all read key {}, found {what}, their own appends apart, and appended to it: each but one \
                     missed an update",
                    names.join(", "),
                    quoted(key)
                )
            });
        }
    }

    /// The transaction appended to what it read of a key.
    fn claim(&self, claims: &mut Claims, txn: u32, read: u32) {
        let read = &self.columns.reads[read as usize];
        let slot = match read.last {
            _ if !read.compatible || self.versions.is_doubled(self.columns, read.last) => return,
            NONE => &mut claims.empty[read.key as usize],
            last => &mut claims.versions[last as usize],
        };
        if *slot == NONE {
            *slot = txn;
        } else {
            let first = *slot;
            let group = claims.collisions.entry((read.key, read.last)).or_insert_with(|| vec![first]);
            group.push(txn);
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
        let base = self.columns.reads.get(known.base as usize);
        // All that it has appended is at the end, and before it what was there the last time.
        let fine = found.own == known.appended && base.is_none_or(|base| base.content == found.content);
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

/// Who first read a version, or nothing of a key, and appended to it.
struct Claims {
    versions: Vec<u32>,
    empty: Vec<u32>,
    /// Those who did so in vain, with the first.
    collisions: HashMap<(u32, u32), Vec<u32>, FastHash>,
}

/// What the transaction at hand did with a key so far.
#[derive(Clone, Copy)]
struct Touched {
    txn: u32,
    /// Its last read of the key, and how many appends of its own came since.
    base: u32,
    appends: u32,
    last_append: u32,
    /// Its first read.
    first_read: u32,
    /// The longest of its reads.
    most_read: u32,
    /// How often it appended.
    appended: u32,
}

impl Touched {
    const NOTHING: Touched = Touched {
        txn: NONE,
        base: NONE,
        appends: 0,
        last_append: NONE,
        first_read: NONE,
        most_read: NONE,
        appended: 0,
    };
}

/// The elements of the stray read that was asked for last.
#[derive(Default)]
struct Contents {
    read: Option<u32>,
    elements: HashSet<u32, FastHash>,
}
