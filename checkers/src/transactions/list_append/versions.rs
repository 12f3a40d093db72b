//! The order of versions of each key: the longest list that an answered transaction read.

use std::collections::HashMap;

use super::columns::{Columns, Mop, Read, Version};
use crate::hash::FastHash;
use crate::history::Fate;
use crate::tape::ValueRef;
use crate::transactions::columns::{Grouped, group};
use crate::transactions::history::NONE;

/// The versions of all keys in order, and what is wrong with some.
#[derive(Debug, Default)]
pub(super) struct Versions {
    /// For each key where its versions begin in `order`.
    heads: Vec<u32>,
    /// The elements of the longest read of each key; those that stand twice, twice.
    order: Vec<u32>,
    /// For each version its first place in the order of its key, or [`NONE`].
    pub(super) place: Vec<u32>,
    /// For each key the longest read, or [`NONE`].
    pub(super) longest: Vec<u32>,
    /// The appends whose element is not in the order: key and version, by key.
    pub(super) unseen: Vec<(u32, u32)>,
    /// Versions from here on were appended by nobody.
    pub(super) garbage: u32,
    /// Elements that may have been appended more than once: the version, and the later append's.
    pub(super) doubled: Vec<(u32, u32)>,
    /// What a longest read has that it must not have: where reads must be looked at one by one.
    pub(super) odd: Vec<Odd>,
}

/// A strange place in the order of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Odd {
    pub(super) key: u32,
    pub(super) place: u32,
    pub(super) what: Oddity,
}

/// What is strange about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// Nobody appended the element.
    Garbage,
    /// Who appended it failed.
    Failed,
    /// It stands there more often than it was appended.
    Repeated,
}

impl Versions {
    /// The elements of the longest read of a key.
    pub(super) fn order_of(&self, key: u32) -> &[u32] {
        &self.order[self.heads[key as usize] as usize..self.heads[key as usize + 1] as usize]
    }

    /// The last version of a key.
    pub(super) fn tail(&self, key: u32) -> Option<u32> {
        let order = self.order_of(key);
        (0..order.len()).rev().find(|at| self.place[order[*at] as usize] == *at as u32).map(|at| order[at])
    }

    /// Whether several may have appended the version, so that it has no one place.
    pub(super) fn is_doubled(&self, columns: &Columns<'_>, version: u32) -> bool {
        version < self.garbage && columns.versions[version as usize].writer == NONE
    }

    /// Whether nobody appended the version.
    pub(super) fn is_garbage(&self, version: u32) -> bool {
        version != NONE && version >= self.garbage
    }
}

/// Integers below this are looked up in a table.
const SMALL: usize = 1 << 16;

/// The versions of one key by value: small integers in a table, others by their bytes.
#[derive(Default)]
struct Lookup<'h> {
    small: Vec<(u32, u32)>,
    round: u32,
    others: HashMap<&'h [u8], u32, FastHash>,
}

impl<'h> Lookup<'h> {
    fn clear(&mut self) {
        self.round += 1;
        if !self.others.is_empty() {
            self.others = HashMap::default();
        }
    }

    /// The version of this value; `make` says which if it is new.
    fn entry(&mut self, value: ValueRef<'h>, make: impl FnOnce() -> u32) -> u32 {
        match value.as_int().and_then(|n| usize::try_from(n).ok()).filter(|n| *n < SMALL) {
            Some(small) => {
                if self.small.len() <= small {
                    self.small.resize((small + 1).next_power_of_two(), (0, 0));
                }
                let slot = &mut self.small[small];
                if slot.0 != self.round {
                    *slot = (self.round, make());
                }
                slot.1
            }
            None => *self.others.entry(value.as_bytes()).or_insert_with(make),
        }
    }
}

/// Finds the orders. Reads learn their last version and whether they are a prefix; appends of one value
/// to one key get one version.
pub(super) fn resolve(columns: &mut Columns<'_>) -> Versions {
    let keys = columns.keys.len();
    let appended = columns.versions.len();
    let any_failed = columns.txns.iter().any(|txn| txn.fate == Fate::Fail);
    let mut out = Versions {
        longest: longest_reads(columns),
        garbage: appended as u32,
        place: vec![NONE; appended],
        ..Versions::default()
    };
    out.order.reserve(appended);
    let by_key = group(keys, columns.versions.iter().map(|version| version.key));
    let mut lookup = Lookup::default();
    // For an append of a value that was appended before, the version that stands for both.
    let mut same: HashMap<u32, u32, FastHash> = HashMap::default();
    out.heads.push(0);
    for key in 0..keys as u32 {
        lookup.clear();
        let mine = by_key.of(key);
        let doubled_before = out.doubled.len();
        for version in mine {
            let known = lookup.entry(columns.versions[*version as usize].value, || *version);
            if known != *version {
                out.doubled.push((known, *version));
                same.insert(*version, known);
            }
        }
        let copies = copies(columns, &out.doubled[doubled_before..]);
        let begins = out.order.len();
        let longest = out.longest[key as usize];
        if longest != NONE {
            let mut seen: HashMap<u32, u32, FastHash> = HashMap::default();
            let Read { list, count, .. } = columns.reads[longest as usize];
            for value in list.as_list().into_iter().flatten().take(count as usize) {
                let versions = &mut columns.versions;
                let version = lookup.entry(value, || {
                    versions.push(Version { key, writer: NONE, value });
                    versions.len() as u32 - 1
                });
                if version as usize >= out.place.len() {
                    out.place.push(NONE);
                }
                let place = (out.order.len() - begins) as u32;
                let known = &mut out.place[version as usize];
                if *known == NONE {
                    *known = place;
                    if version >= out.garbage {
                        out.odd.push(Odd { key, place, what: Oddity::Garbage });
                    }
                } else {
                    let seen = seen.entry(version).or_insert(1);
                    *seen += 1;
                    if *seen > copies.get(&version).map_or(1, |copies| copies.possible) {
                        out.odd.push(Odd { key, place, what: Oddity::Repeated });
                    }
                }
                out.order.push(version);
            }
        }
        out.heads.push(out.order.len() as u32);
        for version in mine {
            let seen = out.place[same.get(version).copied().unwrap_or(*version) as usize] != NONE;
            if !seen && columns.fate(columns.versions[*version as usize].writer) != Fate::Fail {
                out.unseen.push((key, *version));
            }
        }
        for (version, copies) in &copies {
            columns.versions[*version as usize].writer = copies.writer;
        }
        if any_failed {
            for (place, version) in (0u32..).zip(&out.order[begins..]) {
                let writer = columns.versions[*version as usize].writer;
                if writer != NONE
                    && out.place[*version as usize] == place
                    && columns.fate(writer) == Fate::Fail
                {
                    out.odd.push(Odd { key, place, what: Oddity::Failed });
                }
            }
        }
    }
    // A second append after one that failed is a retry, and no doubt.
    out.doubled.retain(|(known, _)| columns.versions[*known as usize].writer == NONE);
    if !same.is_empty() {
        for mop in &mut columns.mops {
            if let Mop::Append { version, .. } = mop {
                *version = same.get(version).copied().unwrap_or(*version);
            }
        }
    }
    place_reads(columns, &out);
    columns.admit_tentative(
        |columns, txn| {
            columns.mops_of(txn).iter().any(|mop| match mop {
                Mop::Append { version, .. } => out.place[*version as usize] != NONE,
                _ => false,
            })
        },
        |columns, read| {
            let longest = out.longest[read.key as usize];
            if read.count == 0 {
                return Some(NONE);
            }
            let known = columns.reads.get(longest as usize)?;
            let prefix = known.content.starts_with(read.content);
            prefix.then(|| out.order_of(read.key)[read.count as usize - 1])
        },
    );
    out
}

/// For each key its longest read, the first of those; [`NONE`] if all are empty.
fn longest_reads(columns: &Columns<'_>) -> Vec<u32> {
    let mut longest = vec![NONE; columns.keys.len()];
    for (number, read) in (0u32..).zip(&columns.reads) {
        let known = &mut longest[read.key as usize];
        if read.count > 0 && (*known == NONE || columns.reads[*known as usize].count < read.count) {
            *known = number;
        }
    }
    longest
}

/// Several appends of one value.
struct Copies {
    /// How many may have happened.
    possible: u32,
    /// The only one who may have written it; the first of those who failed if all did; else [`NONE`].
    writer: u32,
}

fn copies(columns: &Columns<'_>, doubled: &[(u32, u32)]) -> HashMap<u32, Copies, FastHash> {
    let mut copies: HashMap<u32, Copies, FastHash> = HashMap::default();
    let possible = |version: u32| columns.fate(columns.versions[version as usize].writer) != Fate::Fail;
    for (known, version) in doubled {
        let entry = copies.entry(*known).or_insert_with(|| Copies {
            possible: u32::from(possible(*known)),
            writer: columns.versions[*known as usize].writer,
        });
        if possible(*version) {
            entry.possible += 1;
            entry.writer =
                if entry.possible == 1 { columns.versions[*version as usize].writer } else { NONE };
        }
    }
    copies
}

/// Compares every read with the longest of its key.
fn place_reads(columns: &mut Columns<'_>, versions: &Versions) {
    for at in 0..columns.reads.len() {
        let read = columns.reads[at];
        if read.count == 0 {
            continue;
        }
        let longest = versions.longest[read.key as usize];
        // The read is a prefix of the order exactly when its bytes are.
        let compatible = columns.reads[longest as usize].content.starts_with(read.content);
        let read = &mut columns.reads[at];
        read.compatible = compatible;
        if compatible {
            read.last = versions.order_of(read.key)[read.count as usize - 1];
        }
    }
}

/// The elements of reads that contradict the order of their key, by number of the read.
pub(super) type Strays = HashMap<u32, Vec<u32>, FastHash>;

/// Resolves what incompatible reads have seen; what nobody appended becomes a version without writer.
pub(super) fn resolve_strays(columns: &mut Columns<'_>, versions: &mut Versions) -> Strays {
    let numbers: Vec<u32> =
        (0u32..).zip(&columns.reads).filter(|(_, read)| !read.compatible).map(|(number, _)| number).collect();
    let mut strays = Strays::default();
    if numbers.is_empty() {
        return strays;
    }
    let concerned: std::collections::HashSet<u32, FastHash> =
        numbers.iter().map(|number| columns.reads[*number as usize].key).collect();
    let mut known: HashMap<(u32, &[u8]), u32, FastHash> = HashMap::default();
    for (number, version) in (0u32..).zip(&columns.versions) {
        if concerned.contains(&version.key) {
            known.entry((version.key, version.value.as_bytes())).or_insert(number);
        }
    }
    for number in numbers {
        let read = columns.reads[number as usize];
        let mut elements = Vec::with_capacity(read.count as usize);
        for value in read.list.as_list().into_iter().flatten().take(read.count as usize) {
            let next = columns.versions.len() as u32;
            let version = *known.entry((read.key, value.as_bytes())).or_insert(next);
            if version == next {
                columns.versions.push(Version { key: read.key, writer: NONE, value });
                versions.place.push(NONE);
            }
            elements.push(version);
        }
        columns.reads[number as usize].last = elements.last().copied().unwrap_or(NONE);
        strays.insert(number, elements);
    }
    strays
}

/// Readers by the key whose last version they saw.
pub(super) fn readers_of_tails(columns: &Columns<'_>, versions: &Versions) -> Grouped {
    let keys = columns.keys.len();
    let mut concerned = vec![false; keys];
    for (key, _) in &versions.unseen {
        concerned[*key as usize] = true;
    }
    let tails: Vec<u32> = (0..keys as u32)
        .map(|key| if concerned[key as usize] { versions.tail(key).unwrap_or(NONE) } else { NONE })
        .collect();
    // One beyond the last key takes all others.
    group(
        keys + 1,
        columns.reads.iter().map(|read| {
            let key = read.key as usize;
            // Of an element that stands there more than once, only the longest read is sure to be at the last.
            let whole = || read.count as usize == versions.order_of(read.key).len();
            let at_tail = concerned[key]
                && (!versions.is_doubled(columns, read.last) || whole())
                && read.last == tails[key]
                && (read.count == 0) == (tails[key] == NONE);
            if at_tail { read.key } else { keys as u32 }
        }),
    )
}
