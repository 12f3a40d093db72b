//! How values are told apart and numbered, and what is said of one that has another shape.

use std::collections::HashMap;

use super::findings::shorten;
use crate::checker::Budget;
use crate::hash::FastHash;
use crate::history::{Fate, History, Operation};
use crate::model::DecodeError;
use crate::tape::{Items, ValueRef};
use crate::verdict::Judgement;

/// No number, no position.
pub(super) const NONE: u32 = u32::MAX;

/// Why there is no judgement.
pub(super) enum Undecided {
    /// The history is not of the kind that the checker knows.
    Shape(DecodeError),
    /// The budget ended.
    Stopped(String),
}

impl From<DecodeError> for Undecided {
    fn from(error: DecodeError) -> Self {
        Undecided::Shape(error)
    }
}

/// The judgement, or `unknown` with the reason why there is none.
pub(super) fn judged(algorithm: &'static str, result: Result<Judgement, Undecided>) -> Judgement {
    match result {
        Ok(judgement) => judgement,
        Err(Undecided::Shape(error)) => Judgement::unknown(algorithm, error.to_string()),
        Err(Undecided::Stopped(reason)) => Judgement::unknown(algorithm, reason),
    }
}

/// An error about the event at `position`.
pub(super) fn refuse(history: &History, position: usize, problem: impl Into<String>) -> DecodeError {
    DecodeError { position: history.origin(position), problem: problem.into() }
}

/// An error about the value of the event at `position`: what was needed in its place.
pub(super) fn misshapen(history: &History, position: usize, needed: &str) -> DecodeError {
    let event = history.event(position);
    let shown = shorten(&event.value);
    refuse(history, position, format!("`{}` needs {needed}, not {shown}", event.f))
}

/// Whether every operation that may have happened is one of `functions`.
pub(super) fn only(history: &History, object: &str, functions: &[&str]) -> Result<(), DecodeError> {
    let known: Vec<u16> = functions.iter().filter_map(|f| history.f_number(f)).collect();
    let foreign = |operation: &Operation<'_>| {
        !known.contains(&operation.invocation.f_number) && operation.fate() != Fate::Fail
    };
    match history.operations().find(foreign) {
        None => Ok(()),
        Some(operation) => {
            let names: Vec<String> = functions.iter().map(|f| format!("`{f}`")).collect();
            let problem = format!(
                "{object} has no `{}`, only {}; choose the checker that this history is for",
                operation.invocation.f,
                names.join(", ")
            );
            Err(refuse(history, operation.call, problem))
        }
    }
}

/// Whether the history says when operations began, which an excerpt without invocations does not.
pub(super) fn timed(history: &History) -> Result<(), Undecided> {
    if history.completions_only() {
        let reason = "the history has no invocations, so it does not say what came before what";
        return Err(Undecided::Stopped(reason.to_owned()));
    }
    Ok(())
}

/// Asks from time to time whether to go on.
pub(super) struct Pace<'b> {
    budget: &'b Budget<'b>,
    done: usize,
    asked: usize,
}

impl<'b> Pace<'b> {
    /// How much is done between two questions.
    const STRIDE: usize = 1 << 18;

    pub(super) fn new(budget: &'b Budget<'b>) -> Self {
        Pace { budget, done: 0, asked: 0 }
    }

    /// So much more was done.
    pub(super) fn did(&mut self, work: usize) -> Result<(), Undecided> {
        self.done += work;
        if self.done - self.asked < Self::STRIDE {
            return Ok(());
        }
        self.asked = self.done;
        match self.budget.stop.and_then(|stop| stop()) {
            Some(reason) => Err(Undecided::Stopped(format!("{reason} after {} values", self.done))),
            None => Ok(()),
        }
    }
}

/// Numbers for values, dense from 0, in the order in which they are met.
pub(super) struct Numbering<'h> {
    /// Non-negative integers below this are looked up by index.
    direct: i64,
    values: Vec<ValueRef<'h>>,
    by_value: HashMap<&'h [u8], u32, FastHash>,
    /// For small integers, which most workloads use: faster than the table.
    by_integer: Vec<u32>,
}

impl<'h> Numbering<'h> {
    /// For values of this history.
    pub(super) fn of(history: &'h History) -> Self {
        // The table of integers may cost as much as the history itself, not more.
        let direct = (8 * history.len() as i64).min(1 << 22);
        Numbering { direct, values: Vec::new(), by_value: HashMap::default(), by_integer: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The value with this number.
    pub(super) fn value(&self, number: usize) -> ValueRef<'h> {
        self.values[number]
    }

    /// The number of the value, if it was met.
    pub(super) fn find(&self, value: ValueRef<'_>) -> Option<usize> {
        let number = match value.as_int() {
            Some(n) if (0..self.direct).contains(&n) => *self.by_integer.get(n as usize)?,
            _ => *self.by_value.get(value.as_bytes())?,
        };
        (number != NONE).then_some(number as usize)
    }

    /// The number of the value, a new one if it was not met before.
    pub(super) fn number(&mut self, value: ValueRef<'h>) -> usize {
        let next = self.values.len() as u32;
        let slot = match value.as_int() {
            Some(n) if (0..self.direct).contains(&n) => {
                let n = n as usize;
                if n >= self.by_integer.len() {
                    self.by_integer.resize((n + 1).next_power_of_two(), NONE);
                }
                &mut self.by_integer[n]
            }
            _ => self.by_value.entry(value.as_bytes()).or_insert(NONE),
        };
        if *slot == NONE {
            *slot = next;
            self.values.push(value);
        }
        *slot as usize
    }
}

/// The elements of an answer that is a list; Jepsen's sets are read as lists.
pub(super) fn elements<'h>(history: &'h History, position: usize) -> Result<Items<'h>, DecodeError> {
    let value = history.event(position).value;
    value.as_list().ok_or_else(|| misshapen(history, position, "a list of elements as its answer"))
}

/// Entries of a map, or of a list of pairs.
pub(super) fn entries<'h>(value: ValueRef<'h>) -> Option<Vec<(ValueRef<'h>, ValueRef<'h>)>> {
    match value.as_map() {
        Some(entries) => Some(entries.collect()),
        None => value.as_list()?.map(ValueRef::as_pair).collect(),
    }
}

/// A key of an account or a partition. In JSON it is text where EDN has an integer, so text that
/// is an integer's is that integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Key<'h> {
    Int(i64),
    /// Whatever else, as it is encoded.
    Other(&'h [u8]),
}

impl<'h> Key<'h> {
    pub(super) fn of(value: ValueRef<'h>) -> Self {
        let integer = value.as_int().or_else(|| {
            let text = value.as_str()?;
            let n: i64 = text.parse().ok()?;
            // `+7` and `007` are names of their own.
            let plain = text == "0" || !text.trim_start_matches('-').starts_with(['0', '+']);
            (plain && !text.starts_with('+')).then_some(n)
        });
        integer.map_or(Key::Other(value.as_bytes()), Key::Int)
    }
}

impl std::fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Key::Int(n) => n.fmt(f),
            Key::Other(bytes) => f.write_str(&shorten(&ValueRef::new(bytes))),
        }
    }
}

/// A field of a map by name, however keywords are written.
pub(super) fn field<'h>(value: ValueRef<'h>, name: &str) -> Option<ValueRef<'h>> {
    let mut entries = value.as_map()?;
    let named = |key: ValueRef<'_>| key.as_str().is_some_and(|key| key.trim_start_matches(':') == name);
    entries.find(|(key, _)| named(*key)).map(|(_, value)| value)
}

/// Text without the colon that a keyword may have kept.
pub(super) fn word<'h>(value: ValueRef<'h>) -> Option<&'h str> {
    value.as_str().map(|text| text.strip_prefix(':').unwrap_or(text))
}
