//! Levels of isolation by brute force: every subset of the unanswered transactions, every order.
//!
//! Written from the definitions, without any of the shortcuts of the checkers.

use std::collections::BTreeMap;

use checkers::Fate;
use checkers::transactions::history::Holds;
use checkers::transactions::weak::Level;

use crate::isolation_text::{Op, Txn};

/// A read from other transactions: at which micro-operation, of which key, whose writes were seen,
/// and whose was the last of them.
struct Read {
    at: usize,
    key: u64,
    seen: u32,
    from: Option<usize>,
    list: Vec<i64>,
}

/// For each key the order of its versions, by who wrote them.
type Versions = BTreeMap<u64, Vec<usize>>;

struct World<'a> {
    txns: Vec<&'a Txn>,
    holds: Holds,
    reads: Vec<Vec<Read>>,
    /// For each transaction those before it in its session.
    session: Vec<u32>,
    /// For each transaction those that had been answered before it began.
    answered: Vec<u32>,
    /// For each transaction those it saw.
    saw: Vec<u32>,
}

/// Whether a level holds.
pub fn holds(txns: &[Txn], holds: Holds, level: Level) -> bool {
    let unanswered: Vec<usize> = (0..txns.len()).filter(|at| txns[*at].fate == Fate::Info).collect();
    (0..1u32 << unanswered.len()).any(|chosen| {
        let happened = |at: &usize| match unanswered.iter().position(|other| other == at) {
            Some(bit) => chosen >> bit & 1 == 1,
            None => txns[*at].fate == Fate::Ok,
        };
        let txns: Vec<&Txn> = (0..txns.len()).filter(happened).map(|at| &txns[at]).collect();
        World::new(txns, holds).is_some_and(|world| world.keeps(level))
    })
}

impl<'a> World<'a> {
    /// `None` if a read cannot be explained by whole transactions that happened.
    fn new(txns: Vec<&'a Txn>, holds: Holds) -> Option<Self> {
        let before = |test: &dyn Fn(&Txn, &Txn) -> bool| -> Vec<u32> {
            let all = |at: usize| {
                (0..txns.len()).filter(|other| test(txns[*other], txns[at])).fold(0, |s, o| s | 1 << o)
            };
            (0..txns.len()).map(all).collect()
        };
        let session = before(&|a, b| a.session == b.session && a.call < b.call);
        let answered = before(&|a, b| a.fate == Fate::Ok && a.ret < b.call);
        let mut world = World { saw: vec![0; txns.len()], reads: Vec::new(), session, answered, txns, holds };
        for at in 0..world.txns.len() {
            let reads = world.reads_of(at)?;
            world.saw[at] = reads.iter().fold(0, |saw, read| saw | read.seen);
            world.reads.push(reads);
        }
        Some(world)
    }

    fn writes(&self, at: usize, key: u64) -> Vec<i64> {
        let ops = self.txns[at].ops.iter();
        ops.filter_map(|op| match op {
            Op::W(k, value) if *k == key => Some(*value),
            _ => None,
        })
        .collect()
    }

    fn writes_key(&self, at: usize, key: u64) -> bool {
        !self.writes(at, key).is_empty()
    }

    fn reads_of(&self, txn: usize) -> Option<Vec<Read>> {
        let mut own: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
        let mut reads = Vec::new();
        for (at, op) in self.txns[txn].ops.iter().enumerate() {
            let (key, seen) = match op {
                Op::W(key, value) => {
                    own.entry(*key).or_default().push(*value);
                    continue;
                }
                Op::R(_, _) if self.txns[txn].fate != Fate::Ok => continue,
                Op::R(key, seen) => (*key, seen),
            };
            let mine = own.get(&key).cloned().unwrap_or_default();
            let list = match self.holds {
                Holds::Registers if mine.last() == seen.first() && !mine.is_empty() => continue,
                Holds::Registers if !mine.is_empty() => return None,
                Holds::Registers => seen.clone(),
                Holds::Lists => seen.strip_suffix(&mine[..])?.to_vec(),
            };
            let writer = |value: &i64| {
                (0..self.txns.len()).find(|other| *other != txn && self.writes(*other, key).contains(value))
            };
            let mut saw = 0;
            for value in &list {
                saw |= 1 << writer(value)?;
            }
            let from = match list.last() {
                Some(last) => Some(writer(last).filter(|from| self.writes(*from, key).last() == Some(last))?),
                None => None,
            };
            reads.push(Read { at, key, seen: saw, from, list });
        }
        Some(reads)
    }

    fn keeps(&self, level: Level) -> bool {
        let everybody: Vec<usize> = (0..self.txns.len()).collect();
        let causes = closure(&union(&self.session, &self.saw));
        let sessions: Vec<usize> = {
            let mut all: Vec<usize> = self.txns.iter().map(|txn| txn.session).collect();
            all.sort_unstable();
            all.dedup();
            all
        };
        match level {
            Level::ReadCommitted | Level::ReadAtomic | Level::Causal => {
                some_order(&everybody, &mut |order| {
                    respects(order, &causes) && self.lists_agree(order) && self.axiom(order, level, &causes)
                })
            }
            Level::Serializable | Level::StrongSessionSerializable | Level::StrictSerializable => {
                some_order(&everybody, &mut |order| {
                    let kept = match level {
                        Level::Serializable => true,
                        Level::StrongSessionSerializable => respects(order, &self.session),
                        _ => respects(order, &union(&self.session, &self.answered)),
                    };
                    kept && self.one_by_one(order)
                })
            }
            Level::SnapshotIsolation
            | Level::StrongSessionSnapshotIsolation
            | Level::StrongSnapshotIsolation => {
                some_order(&everybody, &mut |order| self.snapshots(order, level))
            }
            Level::Pram | Level::CausalMemory => self.some_versions(&mut |versions| {
                sessions.iter().all(|session| {
                    let mut before = match level {
                        Level::Pram => self.session.clone(),
                        _ => causes.clone(),
                    };
                    self.add_versions(&mut before, versions);
                    some_order(&everybody, &mut |order| {
                        respects(order, &before) && self.session_explained(order, *session)
                    })
                })
            }),
            Level::WeakCausal => self.some_versions(&mut |versions| {
                let mut all = causes.clone();
                self.add_versions(&mut all, versions);
                acyclic(&closure(&all)) && self.weakly_causal(&causes, versions)
            }),
            _ => self.some_versions(&mut |versions| {
                sessions.iter().all(|session| {
                    let mut keys: Vec<u64> = self.reads.iter().flatten().map(|read| read.key).collect();
                    keys.sort_unstable();
                    keys.dedup();
                    keys.iter().all(|key| self.guaranteed(level, *session, *key, versions))
                })
            }),
        }
    }

    /// Whether every list that was read is the appends in this order, up to a transaction's last.
    fn lists_agree(&self, order: &[usize]) -> bool {
        self.holds == Holds::Registers
            || self.reads.iter().flatten().all(|read| {
                let mut list = Vec::new();
                for at in order {
                    if list.len() < read.list.len() {
                        list.extend(self.writes(*at, read.key));
                    }
                }
                list == read.list
            })
    }

    fn axiom(&self, order: &[usize], level: Level, causes: &[u32]) -> bool {
        let place = places(order);
        (0..self.txns.len()).all(|t3| {
            self.reads[t3].iter().all(|read| {
                (0..self.txns.len()).all(|t2| {
                    let visible = match level {
                        Level::ReadCommitted => {
                            self.reads[t3].iter().any(|r| r.at < read.at && r.seen >> t2 & 1 == 1)
                        }
                        Level::ReadAtomic => (self.session[t3] | self.saw[t3]) >> t2 & 1 == 1,
                        _ => causes[t3] >> t2 & 1 == 1,
                    };
                    let overwritten = || read.from.is_some_and(|t1| t1 == t2 || place[t2] < place[t1]);
                    !visible || t2 == t3 || !self.writes_key(t2, read.key) || overwritten()
                })
            })
        })
    }

    fn apply(&self, state: &mut BTreeMap<u64, Vec<i64>>, at: usize) {
        for op in &self.txns[at].ops {
            if let Op::W(key, value) = op {
                let held = state.entry(*key).or_default();
                if self.holds == Holds::Registers {
                    held.clear();
                }
                held.push(*value);
            }
        }
    }

    fn reads_this(&self, state: &BTreeMap<u64, Vec<i64>>, at: usize) -> bool {
        self.reads[at].iter().all(|read| state.get(&read.key).unwrap_or(&Vec::new()) == &read.list)
    }

    fn one_by_one(&self, order: &[usize]) -> bool {
        let mut state = BTreeMap::new();
        order.iter().all(|at| {
            let explained = self.reads_this(&state, *at);
            self.apply(&mut state, *at);
            explained
        })
    }

    /// Every transaction's reads are of the state after some prefix of the commits before its own,
    /// and nobody who committed since wrote what it writes.
    fn snapshots(&self, order: &[usize], level: Level) -> bool {
        let place = places(order);
        let mut states = vec![BTreeMap::new()];
        for at in order {
            let mut state = states.last().cloned().unwrap_or_default();
            self.apply(&mut state, *at);
            states.push(state);
        }
        order.iter().enumerate().all(|(committed, at)| {
            let must_follow = match level {
                Level::SnapshotIsolation => 0,
                Level::StrongSessionSnapshotIsolation => self.session[*at],
                _ => self.session[*at] | self.answered[*at],
            };
            let earliest = (0..order.len()).filter(|o| must_follow >> o & 1 == 1).map(|o| place[o] + 1).max();
            let ops = &self.txns[*at].ops;
            (earliest.unwrap_or(0)..=committed).any(|snapshot| {
                self.reads_this(&states[snapshot], *at)
                    && order[snapshot..committed].iter().all(|other| {
                        ops.iter().all(|op| !matches!(op, Op::W(key, _) if self.writes_key(*other, *key)))
                    })
            })
        })
    }

    fn session_explained(&self, order: &[usize], session: usize) -> bool {
        let mut state = BTreeMap::new();
        order.iter().all(|at| {
            let explained = self.txns[*at].session != session || self.reads_this(&state, *at);
            self.apply(&mut state, *at);
            explained
        })
    }

    /// Lists have one order of versions per key, which some assignment must provide; registers none.
    fn some_versions(&self, test: &mut dyn FnMut(&Versions) -> bool) -> bool {
        let mut chosen = BTreeMap::new();
        if self.holds == Holds::Registers {
            return test(&chosen);
        }
        let mut keys: Vec<u64> = self
            .txns
            .iter()
            .flat_map(|txn| &txn.ops)
            .map(|op| match op {
                Op::R(key, _) | Op::W(key, _) => *key,
            })
            .collect();
        keys.sort_unstable();
        keys.dedup();
        self.choose_versions(&keys, &mut chosen, test)
    }

    fn choose_versions(
        &self,
        keys: &[u64],
        chosen: &mut Versions,
        test: &mut dyn FnMut(&Versions) -> bool,
    ) -> bool {
        let Some((key, rest)) = keys.split_first() else { return test(chosen) };
        let writers: Vec<usize> = (0..self.txns.len()).filter(|at| self.writes_key(*at, *key)).collect();
        some_order(&writers, &mut |order| {
            let agrees = self.reads.iter().flatten().filter(|read| read.key == *key).all(|read| {
                let mut list = Vec::new();
                for at in order {
                    if list.len() < read.list.len() {
                        list.extend(self.writes(*at, *key));
                    }
                }
                list == read.list
            });
            if !agrees {
                return false;
            }
            chosen.insert(*key, order.to_vec());
            self.choose_versions(rest, chosen, test)
        })
    }

    /// What reads prove of the versions: those that somebody saw come in their order, the others after.
    fn add_versions(&self, before: &mut [u32], versions: &Versions) {
        for (key, order) in versions {
            let reads = || self.reads.iter().flatten().filter(|read| read.key == *key);
            for (place, first) in order.iter().enumerate() {
                if reads().any(|read| read.seen >> first & 1 == 1) {
                    for second in &order[place + 1..] {
                        before[*second] |= 1 << first;
                    }
                }
            }
        }
    }

    fn weakly_causal(&self, causes: &[u32], versions: &Versions) -> bool {
        (0..self.txns.len()).all(|t3| {
            self.reads[t3].iter().all(|read| {
                (0..self.txns.len()).all(|t2| {
                    if causes[t3] >> t2 & 1 == 0 || !self.writes_key(t2, read.key) || read.from == Some(t2) {
                        return true;
                    }
                    let Some(t1) = read.from else { return false };
                    let place = |at| versions.get(&read.key).and_then(|o| o.iter().position(|x| *x == at));
                    causes[t2] >> t1 & 1 == 0 && place(t2) <= place(t1)
                })
            })
        })
    }

    /// Whether a session may have one order of the versions of a key under a session guarantee.
    fn guaranteed(&self, level: Level, session: usize, key: u64, versions: &Versions) -> bool {
        let count = self.txns.len();
        let bit = |set: u32, at: usize| set >> at & 1 == 1;
        let writers: Vec<usize> = (0..count).filter(|at| self.writes_key(*at, key)).collect();
        // For each transaction what it or its session had read when it wrote.
        let had_read: Vec<u32> = (0..count)
            .map(|at| {
                (0..count).filter(|o| *o == at || bit(self.session[at], *o)).fold(0, |s, o| s | self.saw[o])
            })
            .collect();
        let mut before = vec![0u32; count];
        for at in &writers {
            before[*at] |= match level {
                Level::MonotonicWrites => self.session[*at],
                Level::WritesFollowReads => had_read[*at] & !(1 << *at),
                Level::ReadYourWrites if self.txns[*at].session == session && versions.is_empty() => {
                    self.session[*at]
                }
                _ => 0,
            };
        }
        let only = versions.get(&key).map(|order| BTreeMap::from([(key, order.clone())]));
        self.add_versions(&mut before, &only.unwrap_or_default());
        for t3 in (0..count).filter(|at| self.txns[*at].session == session) {
            for read in self.reads[t3].iter().filter(|read| read.key == key) {
                let earlier = (0..count).filter(|o| bit(self.session[t3], *o));
                let visible = match level {
                    Level::ReadYourWrites => self.session[t3],
                    Level::MonotonicReads => {
                        let same = self.reads[t3].iter().filter(|r| r.at < read.at);
                        earlier.fold(0, |s, o| s | self.saw[o]) | same.fold(0, |s, r| s | r.seen)
                    }
                    Level::MonotonicWrites => {
                        (0..count).filter(|o| bit(self.saw[t3], *o)).fold(0, |s, o| s | self.session[o])
                    }
                    _ => (0..count).filter(|o| bit(self.saw[t3], *o)).fold(0, |s, o| s | had_read[o]),
                };
                // A session that had seen its own future is not excused from seeing it again.
                let counts = |t2: usize| t2 != t3 || level == Level::MonotonicReads;
                for t2 in writers.iter().filter(|t2| bit(visible, **t2) && counts(**t2)) {
                    match read.from {
                        None => return false,
                        Some(t1) if t1 != *t2 => before[t1] |= 1 << t2,
                        Some(_) => {}
                    }
                }
            }
        }
        some_order(&writers, &mut |order| {
            let place = places_in(order, count);
            order.iter().all(|at| writers.iter().all(|o| !bit(before[*at], *o) || place[*o] < place[*at]))
        })
    }
}

fn union(a: &[u32], b: &[u32]) -> Vec<u32> {
    a.iter().zip(b).map(|(a, b)| a | b).collect()
}

fn closure(before: &[u32]) -> Vec<u32> {
    let mut all = before.to_vec();
    for middle in 0..all.len() {
        for at in 0..all.len() {
            if all[at] >> middle & 1 == 1 {
                all[at] |= all[middle];
            }
        }
    }
    all
}

fn acyclic(closed: &[u32]) -> bool {
    closed.iter().enumerate().all(|(at, before)| before >> at & 1 == 0)
}

fn places(order: &[usize]) -> Vec<usize> {
    places_in(order, order.len())
}

fn places_in(order: &[usize], count: usize) -> Vec<usize> {
    let mut place = vec![usize::MAX; count];
    for (index, at) in order.iter().enumerate() {
        place[*at] = index;
    }
    place
}

fn respects(order: &[usize], before: &[u32]) -> bool {
    let mut done = 0u32;
    order.iter().all(|at| {
        let all = before[*at] & !done == 0;
        done |= 1 << at;
        all
    })
}

/// Whether some order of `items` passes.
fn some_order(items: &[usize], test: &mut dyn FnMut(&[usize]) -> bool) -> bool {
    fn go(items: &mut Vec<usize>, from: usize, test: &mut dyn FnMut(&[usize]) -> bool) -> bool {
        if from == items.len() {
            return test(items);
        }
        for at in from..items.len() {
            items.swap(from, at);
            let found = go(items, from + 1, test);
            items.swap(from, at);
            if found {
                return true;
            }
        }
        false
    }
    go(&mut items.to_vec(), 0, test)
}
