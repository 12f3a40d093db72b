//! A history of transactions in columns of small numbers, which every transaction checker reads.
//!
//! A transaction is an operation whose value is a list of micro-operations, as in Elle:
//! `["r", key, nil]` (answered with a value or a list), `["append", key, element]`, `["w", key, value]`.
//! Keys, and distinct values of a key, are numbered; a value in a list costs four bytes.

use std::ops::Range;

use super::numbering::Numbering;
use crate::event::{EventType, Process};
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::tape::{Items, ValueRef};
use crate::value::Value;

/// No transaction, no position, no version.
pub const NONE: u32 = u32::MAX;

/// Transactions in the order of their invocations.
#[derive(Clone, Debug, Default)]
pub struct TxnHistory {
    /// All of them, whatever became of them.
    pub txns: Vec<Txn>,
    /// The micro-operations of all transactions; see [`Txn::mops`].
    pub mops: Vec<Mop>,
    /// The contents of all lists that were read; see [`Mop::ReadList`].
    pub elements: Vec<u32>,
    /// The keys, by number.
    pub keys: Vec<Value>,
    /// Every distinct pair of key and value that somebody wrote or read, by number.
    pub versions: Vec<Version>,
    /// Versions that more than one micro-operation wrote (each once), with the transactions of
    /// the later writes.
    pub doubled: Vec<(u32, u32)>,
    /// The history says nothing of when: see [`History::completions_only`].
    pub completions_only: bool,
    /// The values of versions that are no small integers.
    values: Vec<Value>,
}

/// A transaction.
#[derive(Clone, Debug)]
pub struct Txn {
    /// Position of the invocation.
    pub call: u32,
    /// Position of the completion, of whatever kind; [`NONE`] without one.
    pub ret: u32,
    /// Who.
    pub process: Process,
    /// What became of it.
    pub fate: Fate,
    /// Its micro-operations: as completed if it is `ok`, as invoked otherwise (an `info` that was
    /// recorded with results says what it read, and keeps it).
    pub mops: Range<u32>,
}

/// A micro-operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mop {
    /// An append to a list, or a write of a register.
    Write {
        /// Number of the key.
        key: u32,
        /// What was written: a number of a [`Version`].
        version: u32,
    },
    /// A read of a register.
    ReadValue {
        /// Number of the key.
        key: u32,
        /// What it held; [`NONE`] for nil, the initial state.
        version: u32,
    },
    /// A read of a list.
    ReadList {
        /// Number of the key.
        key: u32,
        /// Which of [`TxnHistory::elements`]. Empty for nil and for the empty list.
        elements: Range<u32>,
    },
    /// A read whose answer nobody saw.
    ReadUnknown {
        /// Number of the key.
        key: u32,
    },
}

/// A value of a key; [`TxnHistory::value`] says which.
#[derive(Clone, Debug)]
pub struct Version {
    /// Number of the key.
    pub key: u32,
    /// The first transaction that writes it, of whatever fate; [`NONE`] if nobody does.
    pub writer: u32,
    /// An integer below [`FIRST_OTHER`], or what number among the other values it has.
    value: u32,
}

/// Where the numbers of values begin that are no small integers.
const FIRST_OTHER: u32 = 1 << 31;

/// What the keys hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Lists: `r` and `append`.
    Lists,
    /// Registers: `r` and `w`.
    Registers,
}

impl TxnHistory {
    /// The transactions of a history.
    ///
    /// # Errors
    /// The first event whose value is not a transaction on such keys.
    pub fn new(history: &History, holds: Holds) -> Result<Self, DecodeError> {
        let mut building = Building::default();
        building.out.completions_only = history.completions_only();
        building.out.txns.reserve(history.len() / 2);
        building.out.mops.reserve(history.len());
        walk(history, holds, &mut building)?;
        Ok(building.out)
    }

    /// Whether [`new`](Self::new) takes a history; that costs less than to build it.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn understands(history: &History, holds: Holds) -> Result<(), DecodeError> {
        walk(history, holds, &mut Nothing)
    }

    /// The value of a version; `None` if there is none of this number, as for [`NONE`].
    pub fn value(&self, version: u32) -> Option<Value> {
        let Version { value, .. } = self.versions.get(version as usize)?;
        match value.checked_sub(FIRST_OTHER) {
            None => Some(Value::Int(i64::from(*value))),
            Some(other) => self.values.get(other as usize).cloned(),
        }
    }

    /// The micro-operations of a transaction.
    pub fn mops_of(&self, txn: u32) -> &[Mop] {
        let Range { start, end } = self.txns[txn as usize].mops;
        &self.mops[start as usize..end as usize]
    }
}

impl Mop {
    /// The number of the key.
    pub fn key(&self) -> u32 {
        match self {
            Mop::Write { key, .. }
            | Mop::ReadValue { key, .. }
            | Mop::ReadList { key, .. }
            | Mop::ReadUnknown { key } => *key,
        }
    }
}

/// A value may be a list of a million elements.
fn shown(value: ValueRef<'_>) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn bad(position: usize, problem: String) -> DecodeError {
    DecodeError { position, problem }
}

/// The value of the event at `position` is no transaction.
pub(super) fn not_a_txn(position: usize, value: ValueRef<'_>) -> DecodeError {
    bad(position, format!("a transaction is a list of micro-operations, not {}", shown(value)))
}

/// Something in the transaction at `position` is no micro-operation.
pub(super) fn not_a_mop(position: usize, mop: ValueRef<'_>) -> DecodeError {
    bad(position, format!("a micro-operation is [function, key, value], not {}", shown(mop)))
}

/// Function, key and value of a micro-operation; a read may leave the value out.
pub(super) fn parts(mop: ValueRef<'_>) -> Option<(&str, ValueRef<'_>, ValueRef<'_>)> {
    if let Some((f, key, value)) = mop.as_triple() {
        return Some((f.as_str()?, key, value));
    }
    let (f, key) = mop.as_pair()?;
    (f.as_str()? == "r").then_some(("r", key, ValueRef::NIL))
}

/// A micro-operation as the history has it.
enum Step<'h> {
    Write(ValueRef<'h>),
    ReadValue(ValueRef<'h>),
    ReadList(Option<Items<'h>>),
    ReadUnknown,
}

/// Takes a history transaction by transaction.
trait Taker<'h> {
    fn step(&mut self, key: ValueRef<'h>, step: Step<'h>);
    /// All steps of the transaction were told.
    fn end(&mut self, call: u32, ret: u32, process: Process, fate: Fate);
}

/// Takes it and forgets it.
struct Nothing;

impl<'h> Taker<'h> for Nothing {
    #[inline]
    fn step(&mut self, _: ValueRef<'h>, _: Step<'h>) {}
    #[inline]
    fn end(&mut self, _: u32, _: u32, _: Process, _: Fate) {}
}

fn walk<'h>(history: &'h History, holds: Holds, taker: &mut impl Taker<'h>) -> Result<(), DecodeError> {
    for call in 0..history.len() {
        let invocation = history.brief(call);
        if invocation.process.is_nemesis() {
            continue;
        }
        let completion = match invocation.event_type {
            EventType::Invoke => history.partner(call).map(|at| (at, history.brief(at))),
            _ if history.completions_only() => Some((call, invocation)),
            _ => continue,
        };
        let fate = match completion.map(|(_, event)| event.event_type) {
            Some(EventType::Ok) => Fate::Ok,
            Some(EventType::Fail) => Fate::Fail,
            Some(EventType::Info | EventType::Invoke) | None => Fate::Info,
        };
        let (position, value) = match completion {
            Some((at, event)) if fate == Fate::Ok => (at, event.value),
            // An `info` that repeats nothing still did what was asked.
            Some((at, event)) if fate == Fate::Info && !event.value.is_nil() => (at, event.value),
            _ => (call, invocation.value),
        };
        let Some(mops) = value.as_list() else {
            return Err(not_a_txn(position, value));
        };
        for mop in mops {
            let Some((f, key, value)) = parts(mop) else {
                return Err(not_a_mop(position, mop));
            };
            taker.step(key, step(holds, fate, position, mop, f, value)?);
        }
        let ret = completion.map_or(NONE, |(at, _)| at as u32);
        taker.end(call as u32, ret, invocation.process, fate);
    }
    Ok(())
}

#[inline]
fn step<'h>(
    holds: Holds,
    fate: Fate,
    position: usize,
    mop: ValueRef<'h>,
    f: &str,
    value: ValueRef<'h>,
) -> Result<Step<'h>, DecodeError> {
    match (f, holds) {
        ("r", _) if fate != Fate::Ok && value.is_nil() => Ok(Step::ReadUnknown),
        ("r", Holds::Registers) => Ok(Step::ReadValue(value)),
        ("r", Holds::Lists) => match value.as_list() {
            None if !value.is_nil() => {
                Err(bad(position, format!("a read of a list answers with a list, not {}", shown(value))))
            }
            list => Ok(Step::ReadList(list)),
        },
        ("append", Holds::Lists) | ("w", Holds::Registers) if value.is_nil() => Err(bad(
            position,
            format!("{} writes nil, which is what nobody wrote; write a value", shown(mop)),
        )),
        ("append", Holds::Lists) | ("w", Holds::Registers) => Ok(Step::Write(value)),
        _ => {
            let functions = match holds {
                Holds::Lists => "`r` and `append`: list-append",
                Holds::Registers => "`r` and `w`: rw-register",
            };
            Err(bad(position, format!("the micro-operation {} is not one of {functions}", shown(mop))))
        }
    }
}

/// Takes it into columns.
#[derive(Default)]
struct Building<'h> {
    out: TxnHistory,
    /// Where the micro-operations of the transaction begin.
    first: u32,
    keys: Numbering<'h>,
    versions: Numbering<'h>,
}

impl<'h> Taker<'h> for Building<'h> {
    #[inline]
    fn step(&mut self, key: ValueRef<'h>, step: Step<'h>) {
        let (number, new) = self.keys.of(0, key);
        if new {
            self.out.keys.push(key.to_value());
        }
        let key = number;
        let made = match step {
            Step::ReadUnknown => Mop::ReadUnknown { key },
            Step::ReadValue(value) if value.is_nil() => Mop::ReadValue { key, version: NONE },
            Step::ReadValue(value) => Mop::ReadValue { key, version: self.version(key, value) },
            Step::ReadList(list) => {
                let start = self.out.elements.len() as u32;
                for element in list.into_iter().flatten() {
                    let version = self.version(key, element);
                    self.out.elements.push(version);
                }
                Mop::ReadList { key, elements: start..self.out.elements.len() as u32 }
            }
            Step::Write(value) => {
                let version = self.version(key, value);
                let txn = self.out.txns.len() as u32;
                let known = &mut self.out.versions[version as usize];
                if known.writer == NONE {
                    known.writer = txn;
                } else {
                    self.out.doubled.push((version, txn));
                }
                Mop::Write { key, version }
            }
        };
        self.out.mops.push(made);
    }

    #[inline]
    fn end(&mut self, call: u32, ret: u32, process: Process, fate: Fate) {
        let mops = self.first..self.out.mops.len() as u32;
        self.first = mops.end;
        self.out.txns.push(Txn { call, ret, process, fate, mops });
    }
}

impl<'h> Building<'h> {
    #[inline]
    fn version(&mut self, key: u32, value: ValueRef<'h>) -> u32 {
        let (number, new) = self.versions.of(key, value);
        if new {
            let small = value.as_int().and_then(|integer| u32::try_from(integer).ok());
            let value = small.filter(|integer| *integer < FIRST_OTHER).unwrap_or_else(|| {
                self.out.values.push(value.to_value());
                FIRST_OTHER + (self.out.values.len() as u32 - 1)
            });
            self.out.versions.push(Version { key, writer: NONE, value });
        }
        number
    }
}
