//! Long forks: two reads, of which one sees the first of two writes without the second, and the
//! other the second without the first.
//!
//! After Jepsen's `tests/long-fork`; parallel snapshot isolation allows them, snapshot isolation
//! does not (Sovran, Power, Aguilera, Li: Transactional storage for geo-replicated systems, SOSP
//! 2011, §3.2). Values are transactions: a write `[["w", k, v]]`, each key written once, or a read
//! of a group of keys `[["r", k1, v1], …]`.
//!
//! Since a key goes from nil to its value once, the reads of one group of keys must form a chain:
//! of any two, one sees all that the other does. Sorted by how much they see, each need only be
//! compared with the next: O(r log r) for r reads, where Jepsen compares all pairs.
//!
//! | problem | meaning |
//! |---|---|
//! | `long-fork` | two reads of a group that see what the other one misses |
//! | `unwritten-value` | a read sees a value that nobody wrote to this key (only asked if the history has writes) |
//! | `aborted-read` | a read sees a value whose write failed |
//!
//! A key that is written twice, or read with two values, says nothing of forks; such groups are
//! left out, and the judgement is `unknown` unless another group is wrong.

use std::collections::HashMap;

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{NONE, Numbering, Pace, Undecided, judged, refuse, word};
use crate::checker::{Budget, Checker};
use crate::hash::FastHash;
use crate::history::{Fate, History, Operation};
use crate::model::DecodeError;
use crate::tape::ValueRef;
use crate::verdict::Judgement;

const ALGORITHM: &str = "long-fork";

/// Judges groups of keys that are written once.
#[derive(Clone, Copy, Debug, Default)]
pub struct LongFork {
    /// How many keys a read must have; any number if absent.
    pub group_size: Option<usize>,
}

/// A transaction as this checker knows it.
enum Txn<'h> {
    Write(ValueRef<'h>, ValueRef<'h>),
    Read(Vec<(ValueRef<'h>, ValueRef<'h>)>),
}

impl Checker for LongFork {
    fn name(&self) -> &str {
        "long-fork"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        let mut operations = history.operations().filter(|operation| operation.fate() != Fate::Fail);
        operations.try_for_each(|operation| parse(history, &operation).map(|_| ()))
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

fn parse<'h>(history: &'h History, operation: &Operation<'h>) -> Result<Txn<'h>, DecodeError> {
    let (position, event) = match operation.completion {
        Some(completion) if operation.fate() == Fate::Ok => completion,
        _ => (operation.call, operation.invocation),
    };
    let bad = || {
        let shown = shorten(&event.value);
        let problem =
            format!("long-fork knows one write [[\"w\", k, v]] or reads [[\"r\", k, v], …], not {shown}");
        refuse(history, position, problem)
    };
    let mut reads = Vec::new();
    let items = event.value.as_list().ok_or_else(bad)?;
    let count = items.len();
    for item in items {
        let (f, key, value) = item.as_triple().ok_or_else(bad)?;
        match word(f) {
            Some("r") => reads.push((key, value)),
            Some("w") if count == 1 => return Ok(Txn::Write(key, value)),
            _ => return Err(bad()),
        }
    }
    if reads.is_empty() { Err(bad()) } else { Ok(Txn::Read(reads)) }
}

#[derive(Clone, Copy)]
struct Key<'h> {
    /// The write that did not fail, and how many there are.
    write: Option<(usize, ValueRef<'h>)>,
    writes: u32,
    failed: Option<(usize, ValueRef<'h>)>,
    /// The value with which it was read first.
    seen: Option<ValueRef<'h>>,
    /// It was written twice, or read with two values.
    ambiguous: bool,
}

struct Read {
    call: usize,
    /// The keys that it sees, sorted.
    sees: Vec<u32>,
}

impl LongFork {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        let mut pace = Pace::new(budget);
        let mut numbering = Numbering::of(history);
        let mut keys: Vec<Key<'_>> = Vec::new();
        let none = Key { write: None, writes: 0, failed: None, seen: None, ambiguous: false };
        let mut reads = Vec::new();
        for operation in history.operations() {
            let fate = operation.fate();
            let txn = match parse(history, &operation) {
                Ok(txn) => txn,
                Err(_) if fate == Fate::Fail => continue,
                Err(error) => return Err(error.into()),
            };
            match txn {
                Txn::Write(key, value) => {
                    pace.did(1)?;
                    let number = numbering.number(key);
                    keys.resize(numbering.len(), none);
                    let key = &mut keys[number];
                    if fate == Fate::Fail {
                        key.failed = key.failed.or(Some((operation.call, value)));
                    } else {
                        key.write = key.write.or(Some((operation.call, value)));
                        key.writes += 1;
                    }
                }
                Txn::Read(txn) if fate == Fate::Ok => {
                    pace.did(txn.len())?;
                    reads.push((operation.call, txn));
                }
                Txn::Read(_) => {}
            }
        }
        let any_write = keys.iter().any(|key| key.writes > 0);
        // Reads by the keys that they ask for.
        let mut groups: HashMap<Vec<u32>, Vec<Read>, FastHash> = HashMap::default();
        let mut order: Vec<Vec<u32>> = Vec::new();
        let mut strange = Findings::new(history);
        let (mut early, mut late) = (0_usize, 0_usize);
        for (call, txn) in &reads {
            let mut asks: Vec<u32> = Vec::with_capacity(txn.len());
            let mut sees = Vec::new();
            for (key, value) in txn {
                let number = numbering.number(*key);
                keys.resize(numbering.len(), none);
                asks.push(number as u32);
                if value.is_nil() {
                    continue;
                }
                sees.push(number as u32);
                let known = &mut keys[number];
                known.ambiguous |= known.seen.is_some_and(|seen| seen != *value);
                known.seen = Some(*value);
                let (key, shown) = (shorten(key), shorten(value));
                let read = history.origin(*call);
                match (known.write, known.failed) {
                    (Some((_, written)), _) if written == *value || known.writes > 1 => {}
                    (_, Some((failed, written))) if written == *value => {
                        strange.add("aborted-read", &[failed, *call], || {
                            format!("the read at event {read} sees {shown} in {key}, whose write failed")
                        });
                    }
                    _ if any_write => strange.add("unwritten-value", &[*call], || {
                        format!("the read at event {read} sees {shown} in {key}, which nobody wrote")
                    }),
                    _ => {}
                }
            }
            asks.sort_unstable();
            asks.dedup();
            sees.sort_unstable();
            sees.dedup();
            if let Some(size) = self.group_size.filter(|size| *size != asks.len()) {
                let problem = format!("this read has {} keys, but a group has {size}", asks.len());
                return Err(refuse(history, *call, problem).into());
            }
            early += usize::from(sees.is_empty());
            late += usize::from(sees.len() == asks.len());
            let group = groups.entry(asks).or_insert_with_key(|asks| {
                order.push(asks.clone());
                Vec::new()
            });
            group.push(Read { call: *call, sees });
        }
        let mut findings = Findings::new(history);
        let (mut compared, mut ambiguous) = (0_usize, NONE);
        for asks in &order {
            let Some(mut group) = groups.remove(asks) else { continue };
            let unclear = |key: &&u32| keys[**key as usize].ambiguous || keys[**key as usize].writes > 1;
            if let Some(key) = asks.iter().find(unclear) {
                ambiguous = ambiguous.min(*key);
                continue;
            }
            compared += usize::from(group.len() > 1 && asks.len() > 1);
            pace.did(group.len())?;
            group.sort_by_key(|read| read.sees.len());
            for pair in group.windows(2) {
                let [less, more] = pair else { continue };
                let Some(one) = less.sees.iter().find(|key| more.sees.binary_search(key).is_err()) else {
                    continue;
                };
                let Some(other) = more.sees.iter().find(|key| less.sees.binary_search(key).is_err()) else {
                    continue;
                };
                let mut calls = vec![less.call, more.call];
                calls.extend(
                    [one, other].iter().filter_map(|key| keys[**key as usize].write).map(|(call, _)| call),
                );
                let name = |key: &u32| shorten(&numbering.value(*key as usize));
                findings.add("long-fork", &calls, || {
                    let (first, second) = (history.origin(less.call), history.origin(more.call));
                    let (one, other) = (name(one), name(other));
                    format!("the read at event {first} sees the write of {one} and not that of {other}; the read at event {second} sees that of {other} and not that of {one}")
                });
            }
        }
        let forks = findings.count("long-fork");
        let unclear = (ambiguous != NONE).then(|| {
            let key = shorten(&numbering.value(ambiguous as usize));
            format!("the key {key} has more than one value over time, and this check needs keys that are written once")
        });
        findings.append(strange);
        let judgement = findings.conclude(ALGORITHM, || {
            let nothing = || {
                let reason = "no two answered reads looked at the same two or more keys";
                (compared == 0).then(|| reason.to_owned())
            };
            valid_unless(ALGORITHM, unclear.or_else(nothing))
        });
        let judgement = judgement.with("read_count", reads.len()).with("early_read_count", early);
        Ok(judgement.with("late_read_count", late).with("group_count", order.len()).with("fork_count", forks))
    }
}
