//! What is wrong with single reads and appends, without any graph.
//!
//! G1a, G1b: Adya's aborted and intermediate reads. `internal`: Cerone's INT. `dirty-update`,
//! `duplicate-elements`, `incompatible-order`, `future-read`, `lost-update`: as Elle has them. Each is
//! reported once for a key or a transaction.

use std::collections::{HashMap, HashSet};

use super::columns::{Columns, Mop, Read};
use super::versions::{Odd, Oddity, Strays, Versions};
use crate::hash::FastHash;
use crate::history::Fate;
use crate::tape::ValueRef;
use crate::transactions::consistency::Anomaly;
use crate::transactions::history::NONE;
use crate::transactions::notes::{Notes, quoted};

const G1A: Anomaly = Anomaly::known("G1a");
const G1B: Anomaly = Anomaly::known("G1b");
const INTERNAL: Anomaly = Anomaly::known("internal");
const FUTURE_READ: Anomaly = Anomaly::known("future-read");
const DUPLICATE_ELEMENTS: Anomaly = Anomaly::known("duplicate-elements");
const INCOMPATIBLE_ORDER: Anomaly = Anomaly::known("incompatible-order");
const DIRTY_UPDATE: Anomaly = Anomaly::known("dirty-update");
const LOST_UPDATE: Anomaly = Anomaly::known("lost-update");
const GARBAGE_READ: Anomaly = Anomaly::known("garbage-read");
const DUPLICATE_APPENDS: Anomaly = Anomaly::known("duplicate-appends");
const LOST_APPEND: Anomaly = Anomaly::known("lost-append");

/// What all detectors look at.
pub(super) struct Scene<'s, 'h> {
    pub(super) columns: &'s Columns<'h>,
    pub(super) versions: &'s Versions,
    pub(super) strays: &'s Strays,
    /// For each version the one that the same transaction appended to the key before, or [`NONE`].
    pub(super) own_before: Vec<u32>,
    /// For each version whether its transaction appended more to the key.
    pub(super) intermediate: Vec<bool>,
}

impl<'s, 'h> Scene<'s, 'h> {
    pub(super) fn new(columns: &'s Columns<'h>, versions: &'s Versions, strays: &'s Strays) -> Self {
        let mut own_before = vec![NONE; columns.versions.len()];
        let mut intermediate = vec![false; columns.versions.len()];
        let mut last = vec![(NONE, NONE); columns.keys.len()];
        for (number, txn) in (0u32..).zip(&columns.txns) {
            for at in txn.mops.clone() {
                let Mop::Append { key, version } = columns.mops[at as usize] else { continue };
                let (who, before) = std::mem::replace(&mut last[key as usize], (number, version));
                if who == number && before != version {
                    own_before[version as usize] = before;
                    intermediate[before as usize] = true;
                }
            }
        }
        Scene { columns, versions, strays, own_before, intermediate }
    }

    fn call(&self, txn: u32) -> u32 {
        self.columns.txns[txn as usize].call
    }
    fn key(&self, key: u32) -> ValueRef<'h> {
        self.columns.keys[key as usize]
    }
    fn value(&self, version: u32) -> String {
        quoted(self.columns.versions[version as usize].value)
    }
    fn writer(&self, version: u32) -> u32 {
        self.columns.versions[version as usize].writer
    }
    /// Who appended the version, if that is known and they failed.
    fn failed_writer(&self, version: u32) -> Option<u32> {
        Some(self.writer(version)).filter(|txn| *txn != NONE && self.columns.fate(*txn) == Fate::Fail)
    }

    /// Everything.
    pub(super) fn all(&self, notes: &mut Notes<'_>) {
        self.doubled(notes);
        self.odd_places(notes);
        self.stray_reads(notes);
        self.dirty_updates(notes);
        self.lost_appends(notes);
        self.within_transactions(notes);
    }

    fn doubled(&self, notes: &mut Notes<'_>) {
        for (version, other) in &self.versions.doubled {
            let (key, value) = (self.columns.versions[*version as usize].key, self.value(*version));
            let other = self.writer(*other);
            notes.note(DUPLICATE_APPENDS, Some(self.key(key)), &[self.call(other)], |names| {
                format!(
                    "{} appended {value} to key {}, as another had before: whose append a read saw cannot be \
                     told, so nothing was concluded from it; append each value once",
                    names[0],
                    quoted(self.key(key)),
                )
            });
        }
    }

    /// The first read of each key that reaches up to a strange place in its order.
    fn odd_places(&self, notes: &mut Notes<'_>) {
        if self.versions.odd.is_empty() {
            return;
        }
        let mut first: HashMap<(u32, u8), (Odd, u32), FastHash> = HashMap::default();
        let kind = |what| match what {
            Oddity::Garbage => 0u8,
            Oddity::Failed => 1,
            Oddity::Repeated => 2,
        };
        for odd in &self.versions.odd {
            first.entry((odd.key, kind(odd.what))).or_insert((*odd, NONE));
        }
        for (number, read) in (0u32..).zip(&self.columns.reads) {
            for what in 0..3 {
                let Some((odd, seen)) = first.get_mut(&(read.key, what)) else { continue };
                if *seen == NONE && read.compatible && read.count > odd.place {
                    *seen = number;
                }
            }
        }
        let mut all: Vec<&(Odd, u32)> = first.values().filter(|(_, read)| *read != NONE).collect();
        all.sort_unstable_by_key(|(odd, read)| (*read, odd.place));
        for (odd, read) in all {
            let version = self.versions.order_of(odd.key)[odd.place as usize];
            self.odd_element(notes, odd.what, version, &self.columns.reads[*read as usize]);
        }
    }

    fn odd_element(&self, notes: &mut Notes<'_>, what: Oddity, version: u32, read: &Read<'_>) {
        let key = self.key(read.key);
        let reader = self.call(read.txn);
        let (list, value, name) = (quoted(read.list), self.value(version), quoted(key));
        match what {
            Oddity::Garbage => notes.note(GARBAGE_READ, Some(key), &[reader], |names| {
                format!(
                    "{} read key {name} as {list}, with the element {value}, which nobody appended. Unless it was \
                     there before the history began, no execution at any isolation level explains that",
                    names[0]
                )
            }),
            Oddity::Failed => {
                let Some(writer) = self.failed_writer(version) else { return };
                notes.note(G1A, Some(key), &[reader, self.call(writer)], |names| {
                    format!(
                        "{} read key {name} as {list}, with the element {value}, which {} appended; but that \
                         transaction failed",
                        names[0], names[1]
                    )
                });
            }
            Oddity::Repeated => notes.note(DUPLICATE_ELEMENTS, Some(key), &[reader], |names| {
                format!(
                    "{} read key {name} as {list}, with the element {value} more often than it was appended",
                    names[0]
                )
            }),
        }
    }

    /// Reads that are no prefix of the longest of their key.
    fn stray_reads(&self, notes: &mut Notes<'_>) {
        if self.strays.is_empty() {
            return;
        }
        let mut told = HashSet::<u32, FastHash>::default();
        let mut numbers: Vec<u32> = self.strays.keys().copied().collect();
        numbers.sort_unstable();
        let repeatable: HashSet<u32, FastHash> =
            self.versions.doubled.iter().map(|(version, _)| *version).collect();
        for number in numbers {
            let read = &self.columns.reads[number as usize];
            let longest = &self.columns.reads[self.versions.longest[read.key as usize] as usize];
            if told.insert(read.key) {
                let key = self.key(read.key);
                let calls = [self.call(read.txn), self.call(longest.txn)];
                notes.note(INCOMPATIBLE_ORDER, Some(key), &calls, |names| {
                    format!(
                        "{} read key {} as {} and {} read it as {}: neither is a prefix of the other, so there is no \
                         one order of appends",
                        names[0],
                        quoted(key),
                        quoted(read.list),
                        names[1],
                        quoted(longest.list),
                    )
                });
            }
            let elements = &self.strays[&number];
            let mut seen = HashSet::<u32, FastHash>::default();
            let mut once = [true; 3];
            for version in elements {
                if once[0] && self.versions.is_garbage(*version) {
                    once[0] = false;
                    self.odd_element(notes, Oddity::Garbage, *version, read);
                }
                if once[1] && self.failed_writer(*version).is_some() {
                    once[1] = false;
                    self.odd_element(notes, Oddity::Failed, *version, read);
                }
                if !seen.insert(*version) && once[2] && !repeatable.contains(version) {
                    once[2] = false;
                    self.odd_element(notes, Oddity::Repeated, *version, read);
                }
            }
        }
    }

    /// In the order of a key, an element of a transaction that failed under one of a transaction that did not.
    fn dirty_updates(&self, notes: &mut Notes<'_>) {
        for odd in self.versions.odd.iter().filter(|odd| odd.what == Oddity::Failed) {
            let order = self.versions.order_of(odd.key);
            let Some(failed) = self.failed_writer(order[odd.place as usize]) else { continue };
            // The next that is certain: of those without an answer nobody knows.
            let next = order[odd.place as usize + 1..].iter().find(|version| {
                self.writer(**version) != NONE && self.columns.fate(self.writer(**version)) != Fate::Info
            });
            let Some(next) = next.filter(|next| self.columns.fate(self.writer(**next)) == Fate::Ok) else {
                continue;
            };
            let key = self.key(odd.key);
            let calls = [self.call(failed), self.call(self.writer(*next))];
            let (dirty, clean) = (self.value(order[odd.place as usize]), self.value(*next));
            notes.note(DIRTY_UPDATE, Some(key), &calls, |names| {
                format!(
                    "{} appended {clean} to key {} on top of {dirty}, which {} appended; but that transaction failed",
                    names[1],
                    quoted(key),
                    names[0]
                )
            });
        }
    }

    /// Acknowledged appends that the longest read lacks, although it began later.
    fn lost_appends(&self, notes: &mut Notes<'_>) {
        if self.versions.unseen.is_empty() {
            return;
        }
        // For each key the read that was invoked last among the longest.
        let mut latest = self.versions.longest.clone();
        for (number, read) in (0u32..).zip(&self.columns.reads) {
            let known = &mut latest[read.key as usize];
            if *known != NONE && read.compatible && read.count == self.columns.reads[*known as usize].count {
                *known = number;
            }
        }
        let read_somewhere: HashSet<u32, FastHash> = self.strays.values().flatten().copied().collect();
        for (key, version) in &self.versions.unseen {
            let read = latest[*key as usize];
            let writer = self.writer(*version);
            if read == NONE || writer == NONE || read_somewhere.contains(version) {
                continue;
            }
            let read = &self.columns.reads[read as usize];
            let (txn, reader) = (&self.columns.txns[writer as usize], &self.columns.txns[read.txn as usize]);
            if txn.fate != Fate::Ok || txn.ret == NONE || txn.ret >= reader.call || txn.call == txn.ret {
                continue;
            }
            let (name, value) = (self.key(*key), self.value(*version));
            notes.note(LOST_APPEND, Some(name), &[txn.call, reader.call], |names| {
                format!(
                    "{}'s append of {value} to key {} was acknowledged before {} began, which read {}; no read is \
                     longer, and none has {value}",
                    names[0],
                    quoted(name),
                    names[1],
                    quoted(read.list)
                )
            });
        }
    }

    /// What one transaction shows by itself, and lost updates, which are transactions that read and then
    /// appended.
    fn within_transactions(&self, notes: &mut Notes<'_>) {
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
                                _ if !read.compatible => None,
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
                        if txn.fate == Fate::Ok && !future && self.saw(known.most_read, version, &mut stray) {
                            future = true;
                            self.future_read(notes, number, known.most_read, version);
                        }
                        (known.appended, known.last_append) = (true, version);
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
            notes.note(LOST_UPDATE, Some(key), &calls, |names| {
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
        notes.note(FUTURE_READ, Some(key), &[self.call(txn)], |names| {
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
        let mut version = known.last_append;
        while (appended.len() as u32) < known.appends && version != NONE {
            appended.push(version);
            version = self.own_before[version as usize];
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
            notes.note(INTERNAL, Some(key), &[self.call(txn)], |names| {
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
        notes.note(G1B, Some(key), &[self.call(read.txn), self.call(writer)], |names| {
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
