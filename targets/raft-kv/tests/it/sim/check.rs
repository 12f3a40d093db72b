//! What must always hold: Raft's properties (figure 3) and what clients may expect.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use raft_kv::api::RoleName;
use raft_kv::core::{Durable, Persist, Raft};
use raft_kv::machine::Value;
use raft_kv::types::{Entry, Index, NodeId, Term};

/// Which promise was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    ElectionSafety,
    LogMatching,
    LeaderCompleteness,
    StateMachineSafety,
    StaleRead,
    LostWrite,
    Duplicate,
    Liveness,
}

impl Broken {
    /// Whether a client could have noticed.
    pub fn is_visible(self) -> bool {
        matches!(self, Broken::StaleRead | Broken::LostWrite | Broken::Duplicate)
    }
}

#[derive(Debug)]
pub struct Violation {
    pub broken: Broken,
    pub what: String,
}

pub fn violation<T>(broken: Broken, what: String) -> Result<T, Violation> {
    Err(Violation { broken, what })
}

/// Watches the servers from inside.
#[derive(Default)]
pub struct Inside {
    leaders: BTreeMap<Term, NodeId>,
    /// Every entry ever in a log, with the term of the entry before it: by induction, two logs
    /// that share an entry share everything before it.
    entries: HashMap<(Index, Term), (Entry, Option<Term>)>,
    /// What was applied, with the highest term anybody was in at that time.
    applied: BTreeMap<Index, (Entry, Term)>,
    highest_term: Term,
}

impl Inside {
    /// Election safety and leader completeness.
    pub fn leads(&mut self, id: NodeId, raft: &Raft) -> Result<(), Violation> {
        let term = raft.term();
        self.highest_term = self.highest_term.max(term);
        if raft.role_name() != RoleName::Leader {
            return Ok(());
        }
        match self.leaders.insert(term, id) {
            Some(other) if other == id => return Ok(()),
            Some(other) => {
                let what = format!("{other} and {id} both lead term {term}");
                return violation(Broken::ElectionSafety, what);
            }
            None => {}
        }
        for (index, (entry, commit_term)) in &self.applied {
            let has = raft.log().term(*index);
            if *commit_term < term && *index > raft.log().base().0 && has != Some(entry.term) {
                let what = format!(
                    "{id} leads term {term} without entry {index} of term {}, committed in {commit_term}",
                    entry.term
                );
                return violation(Broken::LeaderCompleteness, what);
            }
        }
        Ok(())
    }

    /// Log matching, as `ops` are about to be written to `disk`.
    pub fn writes(&mut self, id: NodeId, disk: &Durable, ops: &[Persist]) -> Result<(), Violation> {
        // The terms of what `ops` have put in place so far; below is what `disk` has.
        let mut placed: BTreeMap<Index, Term> = BTreeMap::new();
        for op in ops {
            let entries = match op {
                Persist::HardState(_) => continue,
                Persist::Snapshot { base, tail, .. } => {
                    placed = tail.iter().map(|e| (e.index, e.term)).collect();
                    placed.insert(base.0, base.1);
                    continue;
                }
                Persist::Entries(entries) => entries,
            };
            for entry in entries {
                let before = entry.index - 1;
                let before = placed.get(&before).copied().or_else(|| disk.log.term(before));
                placed.insert(entry.index, entry.term);
                let key = (entry.index, entry.term);
                let known = self.entries.entry(key).or_insert((entry.clone(), before));
                if known.0 != *entry || known.1 != before {
                    let what = format!("{id} writes {entry:?} after {before:?}, but {known:?}");
                    return violation(Broken::LogMatching, what);
                }
            }
        }
        Ok(())
    }

    /// State-machine safety.
    pub fn applies(&mut self, id: NodeId, entries: &[Entry]) -> Result<(), Violation> {
        for entry in entries {
            let highest = self.highest_term;
            let known = self.applied.entry(entry.index).or_insert((entry.clone(), highest));
            if known.0 != *entry {
                let what = format!("{id} applies {entry:?}, another applied {:?}", known.0);
                return violation(Broken::StateMachineSafety, what);
            }
        }
        Ok(())
    }
}

/// Watches from outside: lists that clients append unique numbers to.
#[derive(Default)]
pub struct Outside {
    /// The longest list of each key that a finished read has returned.
    seen: BTreeMap<String, Vec<i64>>,
    /// Appends that were acknowledged.
    acked: BTreeMap<String, BTreeSet<i64>>,
}

/// What a read must at least return, given what had finished when it began.
pub struct Floor {
    key: String,
    length: usize,
    acked: BTreeSet<i64>,
}

impl Outside {
    pub fn appended(&mut self, key: &str, value: i64) {
        self.acked.entry(key.to_owned()).or_default().insert(value);
    }

    pub fn floor(&self, key: &str) -> Floor {
        Floor {
            key: key.to_owned(),
            length: self.seen.get(key).map_or(0, Vec::len),
            acked: self.acked.get(key).cloned().unwrap_or_default(),
        }
    }

    /// Judges a finished read.
    pub fn read(&mut self, floor: &Floor, value: &Value) -> Result<(), Violation> {
        let list = numbers(value);
        let key = &floor.key;
        let distinct: BTreeSet<i64> = list.iter().copied().collect();
        if distinct.len() < list.len() {
            return violation(Broken::Duplicate, format!("{key}: {list:?}"));
        }
        let seen = self.seen.entry(key.clone()).or_default();
        let shared = seen.len().min(list.len());
        if seen[..shared] != list[..shared] {
            let what = format!("{key}: {list:?} contradicts {seen:?}");
            return violation(Broken::LostWrite, what);
        }
        if let Some(lost) = floor.acked.iter().find(|v| !distinct.contains(v)) {
            // Seen by nobody since, or only not by this read: both wrong.
            let what = format!("{key}: acknowledged {lost} is not in {list:?}");
            return violation(Broken::StaleRead, what);
        }
        if list.len() < floor.length {
            let what = format!("{key}: {list:?} after {seen:?}");
            return violation(Broken::StaleRead, what);
        }
        if list.len() > seen.len() {
            *seen = list;
        }
        Ok(())
    }
}

fn numbers(value: &Value) -> Vec<i64> {
    let number = |item: &Value| match item {
        Value::Int(n) => *n,
        other => panic!("{other:?} in a list of numbers"),
    };
    match value {
        Value::Nil => Vec::new(),
        Value::List(items) => items.iter().map(number).collect(),
        other => panic!("{other:?} is not a list"),
    }
}
