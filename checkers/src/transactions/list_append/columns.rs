//! The transactions of a list-append history in columns, read once from the tape.
//!
//! What was read is not stored again: a read is the bytes of its elements where they lie on the tape. As
//! equal values have equal bytes, one list is a prefix of another exactly when its bytes are.
//!
//! What a transaction has appended itself stands at the end of what it reads, and is taken off there. That
//! it saw its own appends says that they were made, not where among those of others they will be once
//! it has committed: versions are ordered as they are committed (Adya 1999, section 4.1), and until then
//! a database may keep appends aside, and put others before them. At read committed and below it may do so
//! although the transaction had looked; from snapshot isolation on the rest of such a read, which is what
//! others had appended, shows that an update was missed.

use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::tape::ValueRef;
use crate::transactions::history::{NONE, Txn, not_a_mop, not_a_txn, parts};
use crate::transactions::numbering::Numbering;

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
    /// How many elements, but for the last ones that the transaction has appended itself.
    pub(super) count: u32,
    /// How many those are; 0 also if the list does not end with all of them.
    pub(super) own: u32,
    /// The last of them: a version; [`NONE`] if there is none.
    pub(super) last: u32,
    /// Whether it is a prefix of the longest read of the key.
    pub(super) compatible: bool,
    /// The encoded list, all of it.
    pub(super) list: ValueRef<'h>,
    /// The encoded elements that count.
    pub(super) content: &'h [u8],
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
    /// What transactions without an answer are recorded to have read, with the micro-operation. It counts
    /// only if they took effect.
    tentative: Vec<(u32, Read<'h>)>,
    /// For each key the last append so far, the transaction, and how many of its appends there were.
    last_append: Vec<(u32, u32, u32)>,
    /// For each append the one before it by the same transaction to the key, or [`NONE`].
    append_before: Vec<u32>,
}

impl<'h> Columns<'h> {
    /// The transactions of a history.
    pub(super) fn new(history: &'h History) -> Result<Self, DecodeError> {
        let mut columns = Columns::default();
        let mut keys = Numbering::default();
        columns.txns.reserve(history.len() / 2);
        columns.mops.reserve(history.len());
        for operation in history.operations() {
            let fate = operation.fate();
            let (position, value) = match operation.completion {
                Some((at, event)) if fate == Fate::Ok => (at, event.value),
                Some((at, event))
                    if fate == Fate::Info && answers(event.value, operation.invocation.value) =>
                {
                    (at, event.value)
                }
                _ => (operation.call, operation.invocation.value),
            };
            let txn = columns.txns.len() as u32;
            let first = columns.mops.len() as u32;
            let mops = value.as_list().ok_or_else(|| not_a_txn(position, value))?;
            for mop in mops {
                let (f, key, value) = parts(mop).ok_or_else(|| not_a_mop(position, mop))?;
                let (number, new) = keys.of(0, key);
                if new {
                    columns.keys.push(key);
                    columns.last_append.push((NONE, NONE, 0));
                }
                columns.mop(position, txn, fate, number, (f, value, mop))?;
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
            "r" if fate == Fate::Fail || (fate == Fate::Info && value.is_nil()) => Mop::Unknown,
            "r" => {
                let Some(elements) = value.as_list().map(|list| list.len()).or(value.is_nil().then_some(0))
                else {
                    return bad(format!("a read of a list answers with a list, and {mop} does not"));
                };
                let read = self.reads.len() as u32;
                let (own, content) = self.without_own(txn, key, value);
                let (count, last) = (elements as u32 - own, NONE);
                let made = Read { txn, key, count, own, last, compatible: true, list: value, content };
                // What a transaction read that may have been rolled back proves nothing.
                if fate == Fate::Info {
                    self.tentative.push((self.mops.len() as u32, made));
                    Mop::Unknown
                } else {
                    self.reads.push(made);
                    Mop::Read { key, read }
                }
            }
            "append" if value.is_nil() => {
                return bad(format!("{mop} appends nil, which nobody could tell from nothing"));
            }
            "append" => {
                let version = self.versions.len() as u32;
                self.versions.push(Version { key, writer: txn, value });
                let last = &mut self.last_append[key as usize];
                let (before, count) = if last.1 == txn { (last.0, last.2) } else { (NONE, 0) };
                *last = (version, txn, count + 1);
                self.append_before.push(before);
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

    /// How many elements at the end of a list are the transaction's own, all that it has appended so far, and
    /// the encoded elements before those.
    fn without_own(&self, txn: u32, key: u32, list: ValueRef<'h>) -> (u32, &'h [u8]) {
        let whole = list.as_list().map_or(&[][..], |items| items.as_bytes());
        let (last, by, count) = self.last_append[key as usize];
        if by != txn {
            return (0, whole);
        }
        // A list that is shorter has not all of them, and is not worth a look at each.
        let Some(mut items) = list.as_list().filter(|items| items.len() >= count as usize) else {
            return (0, whole);
        };
        let (mut own, mut at) = (Vec::with_capacity(count as usize), last);
        while at != NONE {
            own.push(self.versions[at as usize].value);
            at = self.append_before[at as usize];
        }
        let foreign = items.len() - own.len();
        if foreign > 0 {
            items.nth(foreign - 1);
        }
        let content = &whole[..whole.len() - items.as_bytes().len()];
        let same = items.zip(own.iter().rev()).all(|(item, own)| item.as_bytes() == own.as_bytes());
        if same { (own.len() as u32, content) } else { (0, whole) }
    }

    /// Admits what transactions without an answer read, if `effective` says that somebody saw them take effect,
    /// and `last` what the last version of the read is; reads that go beyond all others tell nothing.
    pub(super) fn admit_tentative(
        &mut self,
        effective: impl Fn(&Self, u32) -> bool,
        last: impl Fn(&Self, &Read<'h>) -> Option<u32>,
    ) {
        for (mop, mut read) in std::mem::take(&mut self.tentative) {
            if effective(self, read.txn)
                && let Some(last) = last(self, &read)
            {
                read.last = last;
                self.mops[mop as usize] = Mop::Read { key: read.key, read: self.reads.len() as u32 };
                self.reads.push(read);
            }
        }
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

/// Whether the value of an `info` repeats the transaction that was asked for.
fn answers(value: ValueRef<'_>, asked: ValueRef<'_>) -> bool {
    match (value.as_list(), asked.as_list()) {
        (Some(value), Some(asked)) => value.len() == asked.len(),
        _ => false,
    }
}
