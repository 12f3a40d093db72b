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
const DUPLICATE_ELEMENTS: Anomaly = Anomaly::known("duplicate-elements");
const INCOMPATIBLE_ORDER: Anomaly = Anomaly::known("incompatible-order");
const DIRTY_UPDATE: Anomaly = Anomaly::known("dirty-update");
const GARBAGE_READ: Anomaly = Anomaly::known("garbage-read");
const DUPLICATE_APPENDS: Anomaly = Anomaly::known("duplicate-appends");
const LOST_APPEND: Anomaly = Anomaly::known("lost-append");

/// What all detectors look at.
pub(super) struct Scene<'s, 'h> {
    pub(super) columns: &'s Columns<'h>,
    pub(super) versions: &'s Versions,
    pub(super) strays: &'s Strays,
    /// For each append the one before it by the same transaction to the key, or [`NONE`].
    pub(super) own_before: Vec<u32>,
    /// For each version whether its transaction appended more to the key.
    pub(super) intermediate: Vec<bool>,
}

impl<'s, 'h> Scene<'s, 'h> {
    pub(super) fn new(columns: &'s Columns<'h>, versions: &'s Versions, strays: &'s Strays) -> Self {
        let mut own_before = vec![NONE; columns.mops.len()];
        let mut intermediate = vec![false; columns.versions.len()];
        let mut last = vec![NONE; columns.keys.len()];
        for (number, txn) in (0u32..).zip(&columns.txns) {
            for at in txn.mops.clone() {
                let Mop::Append { key, .. } = columns.mops[at as usize] else { continue };
                let before = std::mem::replace(&mut last[key as usize], at);
                if before == NONE || before < txn.mops.start {
                    continue;
                }
                own_before[at as usize] = before;
                if let Mop::Append { version, .. } = columns.mops[before as usize] {
                    // Another that appended the same and failed is not who was seen.
                    intermediate[version as usize] |= columns.versions[version as usize].writer == number;
                }
            }
        }
        Scene { columns, versions, strays, own_before, intermediate }
    }

    pub(super) fn call(&self, txn: u32) -> u32 {
        self.columns.txns[txn as usize].call
    }
    pub(super) fn key(&self, key: u32) -> ValueRef<'h> {
        self.columns.keys[key as usize]
    }
    pub(super) fn value(&self, version: u32) -> String {
        quoted(self.columns.versions[version as usize].value)
    }
    pub(super) fn writer(&self, version: u32) -> u32 {
        self.columns.versions[version as usize].writer
    }
    /// Who appended the version, if that is known and they failed.
    fn failed_writer(&self, version: u32) -> Option<u32> {
        Some(self.writer(version)).filter(|txn| *txn != NONE && self.columns.fate(*txn) == Fate::Fail)
    }

    /// Everything; `in_time` says whether the order of time matters.
    pub(super) fn all(&self, notes: &mut Notes<'_>, in_time: bool) {
        self.doubled(notes);
        self.odd_places(notes);
        self.stray_reads(notes);
        self.own_twice(notes);
        self.reversed_appends(notes);
        self.dirty_updates(notes);
        if in_time {
            self.lost_appends(notes);
        }
        self.within_transactions(notes);
    }

    fn doubled(&self, notes: &mut Notes<'_>) {
        for (version, other) in &self.versions.doubled {
            let (key, value) = (self.columns.versions[*version as usize].key, self.value(*version));
            let other = self.writer(*other);
            notes.note(DUPLICATE_APPENDS, Some(self.key(key).to_value()), &[self.call(other)], |names| {
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
            Oddity::Garbage => notes.note(GARBAGE_READ, Some(key.to_value()), &[reader], |names| {
                format!(
                    "{} read key {name} as {list}, with the element {value}, which nobody appended. Unless it was \
                     there before the history began, no execution at any isolation level explains that",
                    names[0]
                )
            }),
            Oddity::Failed => {
                let Some(writer) = self.failed_writer(version) else { return };
                notes.note(G1A, Some(key.to_value()), &[reader, self.call(writer)], |names| {
                    format!(
                        "{} read key {name} as {list}, with the element {value}, which {} appended; but that \
                         transaction failed",
                        names[0], names[1]
                    )
                });
            }
            Oddity::Repeated => notes.note(DUPLICATE_ELEMENTS, Some(key.to_value()), &[reader], |names| {
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
                notes.note(INCOMPATIBLE_ORDER, Some(key.to_value()), &calls, |names| {
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

    /// The first read of each key that has, before the reader's own appends at its end, an element that only the reader can
    /// have appended.
    fn own_twice(&self, notes: &mut Notes<'_>) {
        let repeatable: HashSet<u32, FastHash> =
            self.versions.doubled.iter().map(|(version, _)| *version).collect();
        // Of each key the last transaction that appended to it so far, and where.
        let mut last = vec![(NONE, NONE); self.columns.keys.len()];
        let mut told = HashSet::<u32, FastHash>::default();
        for (txn, row) in (0u32..).zip(&self.columns.txns) {
            for at in row.mops.clone() {
                let (key, read) = match self.columns.mops[at as usize] {
                    Mop::Append { key, .. } => {
                        last[key as usize] = (txn, at);
                        continue;
                    }
                    Mop::Read { key, read } => (key, &self.columns.reads[read as usize]),
                    Mop::Unknown => continue,
                };
                if read.own == 0 || !read.compatible || told.contains(&key) {
                    continue;
                }
                let mut own = if last[key as usize].0 == txn { last[key as usize].1 } else { NONE };
                while own != NONE {
                    if let Mop::Append { version, .. } = self.columns.mops[own as usize]
                        && self.versions.place[version as usize] < read.count
                        && !repeatable.contains(&version)
                        && told.insert(key)
                    {
                        self.odd_element(notes, Oddity::Repeated, version, read);
                    }
                    own = self.own_before[own as usize];
                }
            }
        }
    }

    /// Two elements in another order than one transaction appended them. No cycle shows that.
    fn reversed_appends(&self, notes: &mut Notes<'_>) {
        let mops =
            (0u32..).zip(&self.columns.txns).flat_map(|(txn, row)| row.mops.clone().map(move |at| (txn, at)));
        for (txn, at) in mops {
            let before = self.own_before[at as usize];
            if before == NONE {
                continue;
            }
            let (Mop::Append { key, version }, Mop::Append { version: earlier, .. }) =
                (self.columns.mops[at as usize], self.columns.mops[before as usize])
            else {
                continue;
            };
            let place = |version: u32| self.versions.place[version as usize];
            // Of what others may have appended as well, nothing is known.
            let known = |version: u32| place(version) != NONE && self.writer(version) == txn;
            if !known(version) || !known(earlier) || place(earlier) < place(version) {
                continue;
            }
            let reader = &self.columns.reads[self.versions.longest[key as usize] as usize];
            let name = self.key(key);
            let calls = [self.call(self.writer(version)), self.call(reader.txn)];
            notes.note(INCOMPATIBLE_ORDER, Some(name.to_value()), &calls, |names| {
                format!(
                    "{} appended {} to key {} and then {}, but {} read {}, in the opposite order",
                    names[0],
                    self.value(earlier),
                    quoted(name),
                    self.value(version),
                    names[1],
                    quoted(reader.list),
                )
            });
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
            notes.note(DIRTY_UPDATE, Some(key.to_value()), &calls, |names| {
                format!(
                    "{} appended {clean} to key {} on top of {dirty}, which {} appended; but that transaction failed",
                    names[1],
                    quoted(key),
                    names[0]
                )
            });
        }
    }

    /// Acknowledged appends that are gone, and not only unseen by a reader who sees the past: no read has the
    /// element, but the longest has one of a transaction that began after the append was acknowledged; or
    /// two transactions that began after it read the longest without it.
    fn lost_appends(&self, notes: &mut Notes<'_>) {
        if self.versions.unseen.is_empty() {
            return;
        }
        let keys = self.columns.keys.len();
        // For each key the two transactions that were invoked last among those that read the longest.
        let mut latest = vec![(NONE, NONE); keys];
        for (number, read) in (0u32..).zip(&self.columns.reads) {
            let longest = self.versions.longest[read.key as usize];
            let (last, before) = &mut latest[read.key as usize];
            let same = |other: u32| other != NONE && self.columns.reads[other as usize].txn == read.txn;
            if longest != NONE
                && read.compatible
                && read.count == self.columns.reads[longest as usize].count
                && !same(*last)
            {
                (*last, *before) = (number, *last);
            }
        }
        let read_somewhere: HashSet<u32, FastHash> = self.strays.values().flatten().copied().collect();
        // For each key the version whose writer was invoked last.
        let mut newest = vec![NONE; keys];
        for (key, _) in &self.versions.unseen {
            let newest = &mut newest[*key as usize];
            if *newest == NONE {
                let order = self.versions.order_of(*key).iter().copied();
                let written = order.filter(|v| self.writer(*v) != NONE && self.failed_writer(*v).is_none());
                *newest = written.max_by_key(|version| self.writer(*version)).unwrap_or(NONE);
            }
        }
        for (key, version) in &self.versions.unseen {
            let (last, before) = latest[*key as usize];
            let writer = self.writer(*version);
            if last == NONE || writer == NONE || read_somewhere.contains(version) {
                continue;
            }
            let txn = &self.columns.txns[writer as usize];
            if txn.fate != Fate::Ok || txn.ret == NONE || txn.call == txn.ret {
                continue;
            }
            let reader = &self.columns.reads[last as usize];
            let (name, value) = (self.key(*key), self.value(*version));
            let list = quoted(reader.list);
            let newest = newest[*key as usize];
            if newest != NONE && self.call(self.writer(newest)) > txn.ret {
                let calls = [txn.call, self.call(self.writer(newest)), self.call(reader.txn)];
                notes.note(LOST_APPEND, Some(name.to_value()), &calls, |names| {
                    format!(
                        "{}'s append of {value} to key {} was acknowledged before {} began, whose append of {} is in \
                         the longest list that anybody read, {list} (by {}); {value} is not",
                        names[0],
                        quoted(name),
                        names[1],
                        self.value(newest),
                        names[2],
                    )
                });
            } else if before != NONE
                && self.call(self.columns.reads[before as usize].txn).min(self.call(reader.txn)) > txn.ret
            {
                let other = self.call(self.columns.reads[before as usize].txn);
                notes.note(LOST_APPEND, Some(name.to_value()), &[txn.call, other, self.call(reader.txn)], |names| {
                    format!(
                        "{}'s append of {value} to key {} was acknowledged before {} and {} began, which both read \
                         {list}; no read is longer, and none has {value}",
                        names[0],
                        quoted(name),
                        names[1],
                        names[2],
                    )
                });
            }
        }
    }
}
