//! The transactions of a list-append history in columns, read once from the tape.
//!
//! What was read is not stored again: a read is the bytes of its elements where they lie on the tape. As
//! equal values have equal bytes, one list is a prefix of another exactly when its bytes are.

use std::collections::HashMap;

use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::tape::ValueRef;
use crate::transactions::history::{NONE, Txn, not_a_mop, not_a_txn, parts};

/// A micro-operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mop {
    /// Appends a version to a key.
    Append { key: u32, version: u32 },
    /// Reads a key; the number is that of the read.
    Read { key: u32, read: u32 },
    /// Reads a key, and nobody saw the answer.
    Unknown,
}

/// A read of a list by an answered transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read<'h> {
    pub(super) txn: u32,
    pub(super) key: u32,
    /// How many elements.
    pub(super) count: u32,
    /// The last of them: a version; [`NONE`] if there is none.
    pub(super) last: u32,
    /// Whether it is a prefix of the longest read of the key.
    pub(super) compatible: bool,
    /// The encoded list.
    pub(super) list: ValueRef<'h>,
}

/// An element of a key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version<'h> {
    pub(super) key: u32,
    /// Who appends it; [`NONE`] if nobody does, or if it could be one of several.
    pub(super) writer: u32,
    pub(super) value: ValueRef<'h>,
}

/// The history in columns.
#[derive(Debug, Default)]
pub(super) struct Columns<'h> {
    pub(super) txns: Vec<Txn>,
    pub(super) mops: Vec<Mop>,
    pub(super) keys: Vec<ValueRef<'h>>,
    pub(super) versions: Vec<Version<'h>>,
    pub(super) reads: Vec<Read<'h>>,
}

impl<'h> Columns<'h> {
    /// The transactions of a history.
    pub(super) fn new(history: &'h History) -> Result<Self, DecodeError> {
        let mut columns = Columns::default();
        let mut keys: HashMap<&'h [u8], u32, FastHash> = HashMap::default();
        columns.txns.reserve(history.len() / 2);
        columns.mops.reserve(history.len());
        for operation in history.operations() {
            let fate = operation.fate();
            let (position, value) = match operation.completion {
                Some((at, event)) if fate == Fate::Ok => (at, event.value),
                _ => (operation.call, operation.invocation.value),
            };
            let txn = columns.txns.len() as u32;
            let first = columns.mops.len() as u32;
            let mops = value.as_list().ok_or_else(|| not_a_txn(position, value))?;
            for mop in mops {
                let (f, key, value) = parts(mop).ok_or_else(|| not_a_mop(position, mop))?;
                let next = keys.len() as u32;
                let key = match keys.entry(key.as_bytes()) {
                    std::collections::hash_map::Entry::Occupied(known) => *known.get(),
                    std::collections::hash_map::Entry::Vacant(new) => {
                        columns.keys.push(key);
                        *new.insert(next)
                    }
                };
                columns.mop(position, txn, fate, key, (f, value, mop))?;
            }
            let mops = first..columns.mops.len() as u32;
            let ret = operation.completion.map_or(NONE, |(at, _)| at as u32);
            let (call, process) = (operation.call as u32, operation.process());
            columns.txns.push(Txn { call, ret, process, fate, mops });
        }
        Ok(columns)
    }

    fn mop(
        &mut self,
        position: usize,
        txn: u32,
        fate: Fate,
        key: u32,
        (f, value, mop): (&str, ValueRef<'h>, ValueRef<'h>),
    ) -> Result<(), DecodeError> {
        let bad = |problem| Err(DecodeError { position, problem });
        let made = match f {
            // What a transaction read that may have been rolled back proves nothing.
            "r" if fate != Fate::Ok => Mop::Unknown,
            "r" => {
                let Some(elements) = value.as_list().map(|list| list.len()).or(value.is_nil().then_some(0))
                else {
                    return bad(format!("a read of a list answers with a list, and {mop} does not"));
                };
                let read = self.reads.len() as u32;
                let (count, last) = (elements as u32, NONE);
                self.reads.push(Read { txn, key, count, last, compatible: true, list: value });
                Mop::Read { key, read }
            }
            "append" if value.is_nil() => {
                return bad(format!("{mop} appends nil, which nobody could tell from nothing"));
            }
            "append" => {
                let version = self.versions.len() as u32;
                self.versions.push(Version { key, writer: txn, value });
                Mop::Append { key, version }
            }
            _ => {
                return bad(format!(
                    "the micro-operation {mop} is not one of list-append; those are `r` and `append`"
                ));
            }
        };
        self.mops.push(made);
        Ok(())
    }

    /// The micro-operations of a transaction.
    pub(super) fn mops_of(&self, txn: u32) -> &[Mop] {
        let mops = &self.txns[txn as usize].mops;
        &self.mops[mops.start as usize..mops.end as usize]
    }

    /// What became of a transaction.
    pub(super) fn fate(&self, txn: u32) -> Fate {
        self.txns[txn as usize].fate
    }
}
