//! Every version of every key, from the writes alone.

use std::collections::HashMap;

use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::tape::ValueRef;
use crate::transactions::history::{NONE, Txn, not_a_mop, not_a_txn};

/// What a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum State<'h> {
    /// Nothing yet.
    Unborn,
    /// Nothing any more.
    Dead,
    /// A value.
    Held(ValueRef<'h>),
}

impl std::fmt::Display for State<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            State::Unborn => f.write_str("unborn"),
            State::Dead => f.write_str("dead"),
            State::Held(value) => write!(f, "{value}"),
        }
    }
}

/// A condition on values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Predicate<'h> {
    /// Everything that exists.
    True,
    /// This value.
    Equals(ValueRef<'h>),
    /// Integers that leave this remainder.
    Modulo { modulus: i64, remainder: i64 },
}

impl<'h> Predicate<'h> {
    fn new(value: ValueRef<'h>) -> Option<Self> {
        if value.as_str() == Some("true") || value.as_bool() == Some(true) {
            return Some(Predicate::True);
        }
        if let Some((name, goal)) = value.as_pair() {
            return (name.as_str() == Some("=")).then_some(Predicate::Equals(goal));
        }
        let (name, modulus, remainder) = value.as_triple()?;
        let (modulus, remainder) = (modulus.as_int()?, remainder.as_int()?);
        (name.as_str() == Some("mod") && modulus > 0).then_some(Predicate::Modulo { modulus, remainder })
    }

    /// Whether what the key holds meets the condition.
    pub(super) fn matches(self, state: State<'_>) -> bool {
        match (state, self) {
            (State::Unborn | State::Dead, _) => false,
            (State::Held(_), Predicate::True) => true,
            (State::Held(value), Predicate::Equals(goal)) => value.as_bytes() == goal.as_bytes(),
            (State::Held(value), Predicate::Modulo { modulus, remainder }) => {
                value.as_int().is_some_and(|n| n.rem_euclid(modulus) == remainder)
            }
        }
    }
}

/// A micro-operation.
#[derive(Clone, Debug)]
pub(super) enum Mop<'h> {
    /// Insert, write or delete.
    Write { key: u32, state: State<'h> },
    /// A read of one key; nil is `None`.
    Read { key: u32, value: Option<ValueRef<'h>> },
    /// A read of all keys that meet a condition: what it found.
    ReadWhere { predicate: Predicate<'h>, found: Vec<(u32, ValueRef<'h>)>, text: ValueRef<'h> },
}

/// A version of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version<'h> {
    pub(super) state: State<'h>,
    /// Who made it; [`NONE`] for the state before all.
    pub(super) writer: u32,
}

/// The transactions and all versions of all keys.
#[derive(Debug, Default)]
pub(super) struct Universe<'h> {
    pub(super) txns: Vec<Txn>,
    /// The micro-operations of each answered transaction; of others their writes.
    pub(super) mops: Vec<Vec<Mop<'h>>>,
    pub(super) keys: Vec<ValueRef<'h>>,
    /// For each key first what was there at the beginning. If only one transaction changed the key, the order
    /// is known.
    pub(super) versions: Vec<Vec<Version<'h>>>,
    /// What failed transactions wrote, and what the initial one was asked to write.
    pub(super) others: HashMap<(u32, &'h [u8]), u32, FastHash>,
    /// Where the only version of a key with a state stands; [`NONE`] if there are several.
    places: HashMap<(u32, State<'h>), u32, FastHash>,
    numbers: HashMap<&'h [u8], u32, FastHash>,
    initial: Option<u32>,
}

impl<'h> Universe<'h> {
    pub(super) fn new(history: &'h History) -> Result<Self, DecodeError> {
        let mut universe = Universe::default();
        for operation in history.operations() {
            let fate = operation.fate();
            let (position, value) = match operation.completion {
                Some((at, event)) if fate == Fate::Ok => (at, event.value),
                _ => (operation.call, operation.invocation.value),
            };
            let txn = universe.txns.len() as u32;
            let is_initial = &**operation.invocation.f == "init";
            let mops = if is_initial {
                universe.initial(position, txn, fate, value, operation.invocation.value)?
            } else {
                universe.transaction(position, fate, value)?
            };
            universe.mops.push(mops);
            universe.txns.push(Txn {
                call: operation.call as u32,
                ret: operation.completion.map_or(NONE, |(at, _)| at as u32),
                process: operation.process(),
                fate,
                mops: 0..0,
            });
        }
        universe.collect();
        Ok(universe)
    }

    fn key(&mut self, key: ValueRef<'h>) -> u32 {
        let next = self.keys.len() as u32;
        let number = *self.numbers.entry(key.as_bytes()).or_insert(next);
        if number == next {
            self.keys.push(key);
        }
        number
    }

    /// The operation that sets up the universe, which is trusted to have done so before all else.
    fn initial(
        &mut self,
        position: usize,
        txn: u32,
        fate: Fate,
        value: ValueRef<'h>,
        asked: ValueRef<'h>,
    ) -> Result<Vec<Mop<'h>>, DecodeError> {
        let bad = |problem: &str| DecodeError { position, problem: problem.to_owned() };
        if self.initial.is_some() || txn > 0 {
            return Err(bad("`init` must be the first operation, and the only one of its kind"));
        }
        if fate != Fate::Ok {
            return Err(bad("`init` was not acknowledged, so nobody knows where the history begins"));
        }
        self.initial = Some(txn);
        for (key, value) in asked.as_map().into_iter().flatten() {
            let key = self.key(key);
            self.others.insert((key, value.as_bytes()), txn);
        }
        let entries = value.as_map().ok_or_else(|| bad("the value of `init` is a map of keys to values"))?;
        Ok(entries.map(|(key, value)| Mop::Write { key: self.key(key), state: State::Held(value) }).collect())
    }

    fn transaction(
        &mut self,
        position: usize,
        fate: Fate,
        value: ValueRef<'h>,
    ) -> Result<Vec<Mop<'h>>, DecodeError> {
        let mut mops = Vec::new();
        for mop in value.as_list().ok_or_else(|| not_a_txn(position, value))? {
            let mut parts = mop.as_list().ok_or_else(|| not_a_mop(position, mop))?;
            let (f, key, value) = (parts.next(), parts.next(), parts.next().unwrap_or(ValueRef::NIL));
            let (Some(f), Some(key)) = (f.and_then(ValueRef::as_str), key) else {
                return Err(not_a_mop(position, mop));
            };
            let wrong = |what: &str| DecodeError { position, problem: format!("{mop}: {what}") };
            match f {
                "insert" | "w" if value.is_nil() => return Err(wrong("nil cannot be written; use `delete`")),
                "insert" | "w" => mops.push(Mop::Write { key: self.key(key), state: State::Held(value) }),
                "delete" => mops.push(Mop::Write { key: self.key(key), state: State::Dead }),
                "r" if fate == Fate::Ok => {
                    mops.push(Mop::Read { key: self.key(key), value: (!value.is_nil()).then_some(value) });
                }
                "rp" if fate == Fate::Ok => {
                    let predicate = Predicate::new(key).ok_or_else(|| {
                        wrong("a predicate is `true`, [\"=\", value] or [\"mod\", m, remainder]")
                    })?;
                    let found = value.as_map().ok_or_else(|| wrong("a predicate read answers with a map"))?;
                    let found = found.map(|(key, value)| (self.key(key), value)).collect();
                    mops.push(Mop::ReadWhere { predicate, found, text: mop });
                }
                "r" | "rp" => {}
                _ => return Err(wrong("the functions are `insert`, `delete`, `w`, `r` and `rp`")),
            }
        }
        Ok(mops)
    }

    /// Gathers the versions of each key: what each transaction left there.
    fn collect(&mut self) {
        self.versions = vec![Vec::new(); self.keys.len()];
        for (txn, mops) in (0u32..).zip(&self.mops) {
            let fate = self.txns[txn as usize].fate;
            let mut last: HashMap<u32, State<'h>, FastHash> = HashMap::default();
            let mut order = Vec::new();
            for mop in mops {
                let Mop::Write { key, state } = mop else { continue };
                if fate == Fate::Fail {
                    if let State::Held(value) = state {
                        self.others.entry((*key, value.as_bytes())).or_insert(txn);
                    }
                    continue;
                }
                match last.insert(*key, *state) {
                    None => order.push(*key),
                    Some(State::Held(overwritten)) => {
                        self.others.entry((*key, overwritten.as_bytes())).or_insert(txn);
                    }
                    Some(_) => {}
                }
            }
            for key in order {
                let versions = &mut self.versions[key as usize];
                if versions.is_empty() && self.initial != Some(txn) {
                    versions.push(Version { state: State::Unborn, writer: NONE });
                }
                versions.push(Version { state: last[&key], writer: txn });
            }
        }
        for (key, versions) in (0u32..).zip(&self.versions) {
            for (place, version) in (0u32..).zip(versions) {
                self.places.entry((key, version.state)).and_modify(|place| *place = NONE).or_insert(place);
            }
        }
    }

    /// The versions of a key, and which of them may follow that at `place`, as far as is known.
    pub(super) fn after(&self, key: u32, place: usize) -> &[Version<'h>] {
        let versions = &self.versions[key as usize];
        // All follow the first; of several later ones the order is not known.
        if place == 0 && !versions.is_empty() { &versions[1..] } else { &[] }
    }

    /// Which version of the key a read has seen, if that can be told.
    pub(super) fn place(&self, key: u32, state: State<'h>) -> Option<usize> {
        self.places.get(&(key, state)).filter(|place| **place != NONE).map(|place| *place as usize)
    }

    /// Whether some version of the key has this state.
    pub(super) fn holds(&self, key: u32, state: State<'h>) -> bool {
        self.places.contains_key(&(key, state))
    }

    /// Whether this is what the transaction left in the key.
    pub(super) fn left(&self, txn: u32, key: u32, state: State<'h>) -> bool {
        let versions = &self.versions[key as usize];
        // Writers come in the order of their numbers, and each once.
        let at = versions.partition_point(|version| version.writer == NONE || version.writer < txn);
        versions.get(at).is_some_and(|version| version.writer == txn && version.state == state)
    }

    /// What a read of nil has seen: the state before or after all, if only one is possible. Where neither
    /// is, it must have been before the beginning.
    pub(super) fn absent(&self, key: u32) -> Option<State<'h>> {
        let versions = &self.versions[key as usize];
        let unborn = versions.first().is_none_or(|version| version.state == State::Unborn);
        let dead = self.places.contains_key(&(key, State::Dead));
        match (unborn, dead) {
            (true, true) => None,
            (false, true) => Some(State::Dead),
            _ => Some(State::Unborn),
        }
    }
}
