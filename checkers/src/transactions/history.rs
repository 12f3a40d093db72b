//! A history of transactions in columns of small numbers, which every transaction checker reads.
//!
//! A transaction is an operation whose value is a list of micro-operations, as in Elle:
//! `["r", key, nil]` (answered with a value or a list), `["append", key, element]`, `["w", key, value]`.
//! Keys, and distinct values of a key, are numbered; a value in a list costs four bytes.

use std::collections::HashMap;
use std::ops::Range;

use crate::event::Process;
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::tape::ValueRef;
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

/// A value of a key.
#[derive(Clone, Debug)]
pub struct Version {
    /// Number of the key.
    pub key: u32,
    /// The value. Small integers take no memory of their own.
    pub value: Value,
    /// The first transaction that writes it, of whatever fate; [`NONE`] if nobody does.
    pub writer: u32,
    /// That micro-operation, an index into [`TxnHistory::mops`].
    pub mop: u32,
}

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
        let mut building = Building {
            holds,
            out: TxnHistory::default(),
            keys: HashMap::default(),
            versions: HashMap::default(),
        };
        building.out.completions_only = history.completions_only();
        for operation in history.operations() {
            let fate = operation.fate();
            let (position, value) = match operation.completion {
                Some((at, event)) if fate == Fate::Ok => (at, event.value),
                // An `info` that repeats nothing still did what was asked.
                Some((at, event)) if fate == Fate::Info && !event.value.is_nil() => (at, event.value),
                _ => (operation.call, operation.invocation.value),
            };
            let first = building.out.mops.len() as u32;
            let txn = building.out.txns.len() as u32;
            let Some(mops) = value.as_list() else {
                return Err(not_a_txn(position, value));
            };
            for mop in mops {
                building.mop(position, txn, fate, mop)?;
            }
            let mops = first..building.out.mops.len() as u32;
            let ret = operation.completion.map_or(NONE, |(at, _)| at as u32);
            building.out.txns.push(Txn {
                call: operation.call as u32,
                ret,
                process: operation.process(),
                fate,
                mops,
            });
        }
        Ok(building.out)
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

struct Building<'h> {
    holds: Holds,
    out: TxnHistory,
    keys: HashMap<&'h [u8], u32, FastHash>,
    versions: HashMap<(u32, &'h [u8]), u32, FastHash>,
}

impl<'h> Building<'h> {
    fn mop(&mut self, position: usize, txn: u32, fate: Fate, mop: ValueRef<'h>) -> Result<(), DecodeError> {
        let Some((f, key, value)) = parts(mop) else {
            return Err(not_a_mop(position, mop));
        };
        let key = self.key(key);
        let at = self.out.mops.len() as u32;
        let made = match (f, self.holds) {
            ("r", _) if fate == Fate::Ok || !value.is_nil() => self.read(position, key, value)?,
            ("r", _) => Mop::ReadUnknown { key },
            ("append", Holds::Lists) | ("w", Holds::Registers) => {
                if value.is_nil() {
                    return Err(bad(
                        position,
                        format!("{} writes nil, which is what nobody wrote; write a value", shown(mop)),
                    ));
                }
                let version = self.version(key, value);
                let known = &mut self.out.versions[version as usize];
                if known.writer == NONE {
                    (known.writer, known.mop) = (txn, at);
                } else {
                    self.out.doubled.push((version, txn));
                }
                Mop::Write { key, version }
            }
            _ => {
                let functions = match self.holds {
                    Holds::Lists => "`r` and `append`: list-append",
                    Holds::Registers => "`r` and `w`: rw-register",
                };
                return Err(bad(
                    position,
                    format!("the micro-operation {} is not one of {functions}", shown(mop)),
                ));
            }
        };
        self.out.mops.push(made);
        Ok(())
    }

    fn read(&mut self, position: usize, key: u32, value: ValueRef<'h>) -> Result<Mop, DecodeError> {
        match self.holds {
            Holds::Registers if value.is_nil() => Ok(Mop::ReadValue { key, version: NONE }),
            Holds::Registers => Ok(Mop::ReadValue { key, version: self.version(key, value) }),
            Holds::Lists => {
                let start = self.out.elements.len() as u32;
                if !value.is_nil() {
                    let Some(list) = value.as_list() else {
                        return Err(bad(
                            position,
                            format!("a read of a list answers with a list, not {}", shown(value)),
                        ));
                    };
                    for element in list {
                        let version = self.version(key, element);
                        self.out.elements.push(version);
                    }
                }
                Ok(Mop::ReadList { key, elements: start..self.out.elements.len() as u32 })
            }
        }
    }

    fn key(&mut self, key: ValueRef<'h>) -> u32 {
        let next = self.keys.len() as u32;
        let number = *self.keys.entry(key.as_bytes()).or_insert(next);
        if number == next {
            self.out.keys.push(key.to_value());
        }
        number
    }

    fn version(&mut self, key: u32, value: ValueRef<'h>) -> u32 {
        let next = self.versions.len() as u32;
        let number = *self.versions.entry((key, value.as_bytes())).or_insert(next);
        if number == next {
            self.out.versions.push(Version { key, value: value.to_value(), writer: NONE, mop: NONE });
        }
        number
    }
}
