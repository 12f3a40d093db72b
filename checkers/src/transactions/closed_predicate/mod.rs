//! Reads by predicate, in a universe of keys that is known from the beginning.
//!
//! After Elle's `closed-predicate`, which has the idea: a predicate read says also something of the keys that
//! it did *not* return. If only one version of such a key fails the predicate, that is the version which the
//! read has seen. The first operation is `init`, with a map of keys to values; transactions have `["insert",
//! key, value]`, `["w", key, value]`, `["delete", key]`, `["r", key, value]` and `["rp", predicate, {key: value}]` with the
//! predicates `true`, `["=", value]` and `["mod", m, remainder]`.
//!
//! Unlike Elle's, the order of versions is not taken from the order of completions: the initial version
//! precedes all others, and of two later ones of a key nothing is concluded. Nor is a write of `w` left out
//! of write dependencies. Values that nobody wrote, or who wrote them failed, are anomalies.

use std::collections::HashSet;

use super::consistency::Anomaly;
use super::explain::{Explain, Reason};
use super::graph::{GraphBuilder, RW, RWP, WR, WRP, WW};
use super::history::NONE;
use super::judge::{Inferred, Promise, judge};
use super::notes::{Notes, quoted};
use crate::checker::{Budget, Checker};
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::tape::ValueRef;
use crate::verdict::Judgement;

mod universe;

use universe::{Mop, Predicate, State, Universe};

/// Which algorithm answers.
const ALGORITHM: &str = "closed-predicate";
/// What an edge takes while the graph is built.
const BYTES_AN_EDGE: u64 = 64;
const PREDICATE_READ_MISS: Anomaly = Anomaly::known("predicate-read-miss");
const GARBAGE_READ: Anomaly = Anomaly::known("garbage-read");
const G1A: Anomaly = Anomaly::known("G1a");

/// Judges transactions that read by predicate.
#[derive(Clone, Debug, Default)]
pub struct ClosedPredicate {
    /// What should hold.
    pub promise: Promise,
}

impl Checker for ClosedPredicate {
    fn name(&self) -> &str {
        "closed-predicate"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        Universe::new(history).map(|_| ())
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        let universe = match Universe::new(history) {
            Ok(universe) => universe,
            Err(error) => return Judgement::unknown(ALGORITHM, error.to_string()),
        };
        if let Some(reason) = too_much(&universe, budget) {
            return Judgement::unknown(ALGORITHM, reason);
        }
        let mut notes = Notes::new(history);
        let dependencies = Dependencies { universe: &universe };
        dependencies.anomalies(&mut notes);
        let mut graph = GraphBuilder::new(universe.txns.len());
        for to in 0..universe.txns.len() as u32 {
            dependencies.of(to, &mut |dependency| {
                graph.edge(dependency.from, dependency.to, dependency.label);
            });
        }
        let txns = &universe.txns;
        let inferred = Inferred { algorithm: ALGORITHM, history, txns, notes, graph, explain: &dependencies };
        judge(inferred, &self.promise, budget)
    }
}

/// Why the dependencies cannot be written down within the budget: a predicate read says something of every version,
/// and a read of what was there at first comes before all that was written later.
fn too_much(universe: &Universe<'_>, budget: &Budget<'_>) -> Option<&'static str> {
    let versions: u64 = universe.versions.iter().map(|versions| versions.len() as u64).sum();
    let (mut looks, mut edges) = (0_u64, 0_u64);
    let later =
        |key: u32, state: Option<State<'_>>| match state.map(|state| (universe.place(key, state), state)) {
            Some((Some(place), _)) => universe.after(key, place).len() as u64,
            _ => 1,
        };
    for mop in universe.mops.iter().flatten() {
        match mop {
            Mop::Write { .. } => edges = edges.saturating_add(1),
            Mop::Read { key, value } => {
                let state = value.map(State::Held).or_else(|| universe.absent(*key));
                edges = edges.saturating_add(later(*key, state));
            }
            Mop::ReadWhere { found, .. } => {
                looks = looks.saturating_add(versions + universe.keys.len() as u64);
                let found = found.iter().map(|(key, value)| later(*key, Some(State::Held(*value))));
                edges = found.fold(edges, u64::saturating_add).saturating_add(universe.keys.len() as u64);
            }
        }
    }
    if looks > budget.max_steps {
        return Some(
            "every predicate read says something of every version, and that is more than the budget allows",
        );
    }
    (edges.saturating_mul(BYTES_AN_EDGE) > budget.max_bytes as u64)
        .then_some("there are more dependencies than the budget of memory allows")
}

/// Dependencies of one history.
struct Dependencies<'s, 'h> {
    universe: &'s Universe<'h>,
}

/// One of them.
struct Dependency<'h> {
    from: u32,
    to: u32,
    label: u8,
    key: u32,
    state: State<'h>,
    next: Option<State<'h>>,
    /// The predicate read through which.
    through: Option<ValueRef<'h>>,
}

impl<'h> Dependencies<'_, 'h> {
    /// Calls `each` with all dependencies that follow from what the transaction did.
    fn of(&self, txn: u32, each: &mut dyn FnMut(Dependency<'h>)) {
        // What it reads where it wrote before is its own.
        let mut own = HashSet::<u32, FastHash>::default();
        for mop in &self.universe.mops[txn as usize] {
            match mop {
                Mop::Write { key, state } => {
                    own.insert(*key);
                    self.overwrites(txn, *key, *state, each);
                }
                Mop::Read { key, .. } if own.contains(key) => {}
                Mop::Read { key, value } => {
                    let state = value.map(State::Held).or_else(|| self.universe.absent(*key));
                    if let Some(state) = state {
                        self.sees(txn, *key, state, None, each);
                    }
                }
                Mop::ReadWhere { predicate, found, text } => {
                    let through = Some((*predicate, *text));
                    for (key, state) in self.version_set(*predicate, found) {
                        if own.contains(&key) {
                            continue;
                        }
                        self.sees(txn, key, state, through, each);
                    }
                    for (key, value) in found.iter().filter(|(key, _)| !own.contains(key)) {
                        self.misses_overwrite(txn, *key, State::Held(*value), *predicate, each);
                    }
                }
            }
        }
    }

    /// Who wrote the initial version precedes who wrote another.
    fn overwrites(&self, txn: u32, key: u32, state: State<'h>, each: &mut dyn FnMut(Dependency<'h>)) {
        if self.universe.txns[txn as usize].fate == Fate::Fail {
            return;
        }
        let versions = &self.universe.versions[key as usize];
        let Some(first) = versions.first().filter(|first| first.writer != NONE && first.writer != txn) else {
            return;
        };
        if self.universe.left(txn, key, state) {
            let (from, next) = (first.writer, Some(state));
            each(Dependency { from, to: txn, label: WW, key, state: first.state, next, through: None });
        }
    }

    /// The transaction has seen a state of a key, itself or through a predicate.
    fn sees(
        &self,
        txn: u32,
        key: u32,
        state: State<'h>,
        through: Option<(Predicate<'h>, ValueRef<'h>)>,
        each: &mut dyn FnMut(Dependency<'h>),
    ) {
        let (wr, rw) = if through.is_some() { (WRP, RWP) } else { (WR, RW) };
        let text = through.map(|(_, text)| text);
        let place = self.universe.place(key, state);
        let before_all = place.is_none() && state == State::Unborn;
        if let Some(version) = place.map(|place| self.universe.versions[key as usize][place])
            && version.writer != NONE
        {
            each(Dependency {
                from: version.writer,
                to: txn,
                label: wr,
                key,
                state,
                next: None,
                through: text,
            });
        }
        let later = match place {
            // A read of what was there before the beginning.
            None if before_all && through.is_none() => &self.universe.versions[key as usize][..],
            None => &[],
            Some(place) => self.universe.after(key, place),
        };
        // A read of a key goes before the next version, which may be any; one by predicate before every one
        // that changes whether the key meets it.
        let later = if before_all { &later[..later.len().min(1)] } else { later };
        for version in later.iter().filter(|version| version.writer != NONE) {
            if through
                .is_none_or(|(predicate, _)| predicate.matches(state) != predicate.matches(version.state))
            {
                let next = Some(version.state);
                each(Dependency {
                    from: txn,
                    to: version.writer,
                    label: rw,
                    key,
                    state,
                    next,
                    through: text,
                });
            }
        }
    }

    /// What a predicate read finds it reads, values and all: so it is before whoever overwrites that, also where
    /// the key meets the predicate before and after.
    fn misses_overwrite(
        &self,
        txn: u32,
        key: u32,
        state: State<'h>,
        predicate: Predicate<'h>,
        each: &mut dyn FnMut(Dependency<'h>),
    ) {
        let Some(place) = self.universe.place(key, state) else { return };
        for version in self.universe.after(key, place) {
            if version.writer != NONE && predicate.matches(state) == predicate.matches(version.state) {
                let (to, next) = (version.writer, Some(version.state));
                each(Dependency { from: txn, to, label: RW, key, state, next, through: None });
            }
        }
    }

    /// The versions that a predicate read has certainly seen: of the keys that it found, and of those others
    /// of which only one version fails the predicate.
    fn version_set(&self, predicate: Predicate<'h>, found: &[(u32, ValueRef<'h>)]) -> Vec<(u32, State<'h>)> {
        let mut set: Vec<(u32, State<'h>)> =
            found.iter().map(|(key, value)| (*key, State::Held(*value))).collect();
        let mut seen: Vec<u32> = found.iter().map(|(key, _)| *key).collect();
        seen.sort_unstable();
        for (key, versions) in (0u32..).zip(&self.universe.versions) {
            if seen.binary_search(&key).is_ok() || versions.is_empty() {
                continue;
            }
            let mut failing = versions.iter().filter(|version| !predicate.matches(version.state));
            if let (Some(only), None) = (failing.next(), failing.next()) {
                set.push((key, only.state));
            }
        }
        set
    }

    fn anomalies(&self, notes: &mut Notes<'_>) {
        for (txn, mops) in (0u32..).zip(&self.universe.mops) {
            let call = self.universe.txns[txn as usize].call;
            let mut own = HashSet::<u32, FastHash>::default();
            let mut own_values = HashSet::<(u32, &[u8]), FastHash>::default();
            for mop in mops {
                match mop {
                    Mop::Write { key, state } => {
                        own.insert(*key);
                        if let State::Held(value) = state {
                            own_values.insert((*key, value.as_bytes()));
                        }
                    }
                    // What it has written itself it may see, also if others wrote the same and failed.
                    Mop::Read { key, value: Some(value) }
                        if !own_values.contains(&(*key, value.as_bytes())) =>
                    {
                        self.unexplained(notes, call, *key, *value);
                    }
                    Mop::Read { .. } => {}
                    Mop::ReadWhere { predicate, found, text } => {
                        for (key, value) in found {
                            if !own_values.contains(&(*key, value.as_bytes())) {
                                self.unexplained(notes, call, *key, *value);
                            }
                        }
                        self.misses(notes, call, *predicate, found, &own, *text);
                    }
                }
            }
        }
    }

    /// A value that no transaction wrote which may have happened.
    fn unexplained(&self, notes: &mut Notes<'_>, call: u32, key: u32, value: ValueRef<'h>) {
        if self.universe.holds(key, State::Held(value)) {
            return;
        }
        let name = self.universe.keys[key as usize];
        match self.universe.others.get(&(key, value.as_bytes())) {
            None => notes.note(GARBAGE_READ, Some(name.to_value()), &[call], |names| {
                format!("{} read key {} as {}, which nobody wrote", names[0], quoted(name), quoted(value))
            }),
            Some(writer) if self.universe.txns[*writer as usize].fate == Fate::Fail => {
                let calls = [call, self.universe.txns[*writer as usize].call];
                notes.note(G1A, Some(name.to_value()), &calls, |names| {
                    format!(
                        "{} read key {} as {}, which {} wrote; but that transaction failed",
                        names[0],
                        quoted(name),
                        quoted(value),
                        names[1]
                    )
                });
            }
            Some(_) => {}
        }
    }

    /// Keys that a predicate read should have found, whichever version it saw.
    fn misses(
        &self,
        notes: &mut Notes<'_>,
        call: u32,
        predicate: Predicate<'h>,
        found: &[(u32, ValueRef<'h>)],
        own: &HashSet<u32, FastHash>,
        text: ValueRef<'h>,
    ) {
        let found: HashSet<u32, FastHash> = found.iter().map(|(key, _)| *key).collect();
        for (key, versions) in (0u32..).zip(&self.universe.versions) {
            if versions.is_empty()
                || !versions.iter().all(|version| predicate.matches(version.state))
                || found.contains(&key)
                || own.contains(&key)
            {
                continue;
            }
            let name = self.universe.keys[key as usize];
            let states: Vec<String> =
                versions.iter().take(8).map(|version| version.state.to_string()).collect();
            notes.note(PREDICATE_READ_MISS, Some(name.to_value()), &[call], |names| {
                format!(
                    "{}'s predicate read {} did not find key {}, although every version of it meets the predicate: {}",
                    names[0],
                    quoted(text),
                    quoted(name),
                    states.join(", ")
                )
            });
        }
    }
}

impl Explain for Dependencies<'_, '_> {
    fn explain(&self, from: u32, to: u32, label: u8, a: &str, b: &str) -> Option<Reason> {
        let mut told = None;
        for txn in [from, to] {
            self.of(txn, &mut |dependency| {
                if told.is_none() && (dependency.from, dependency.to, dependency.label) == (from, to, label) {
                    told = Some(dependency);
                }
            });
        }
        let Dependency { key, state, next, through, .. } = told?;
        let name = self.universe.keys[key as usize];
        let (key, through) = (quoted(name), through.map(quoted).unwrap_or_default());
        let after = next.map(|next| next.to_string()).unwrap_or_default();
        let text = match label {
            WW => format!("{a} set key {key} to {state}, which {b} overwrote with {after}"),
            WR => format!("{a} set key {key} to {state}, which was read by {b}"),
            RW => format!("{a} read key {key} as {state}, which was overwritten by {b} with {after}"),
            WRP => format!("{a} set key {key} to {state}, which {b}'s predicate read {through} has seen"),
            _ => format!(
                "{a}'s predicate read {through} saw key {key} as {state}, and {b} set it to {after}, which changed \
                 whether it meets the predicate"
            ),
        };
        let held = |state: State<'_>| match state {
            State::Held(value) => Some(value.to_value()),
            _ => None,
        };
        Some(Reason::of(name.to_value(), held(state), next.and_then(held), text))
    }
}
