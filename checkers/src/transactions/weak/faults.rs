//! Reads that no level allows, because nothing that took part ever wrote such a value.
//!
//! These are the read-consistency axioms of Biswas and Enea ("On the complexity of checking
//! transactional consistency", OOPSLA 2019, section 2) as AWDIT (PLDI 2025) lists them, and what lists
//! add to them.

use super::super::history::TxnHistory;
use super::words::Words;
use crate::evidence::Finding;

/// What is wrong with a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// Nobody wrote the value: out of thin air.
    Garbage,
    /// Only an aborted transaction wrote it.
    Aborted,
    /// Its writer overwrote it before it ended.
    Intermediate,
    /// The reader itself wrote it, later.
    Future,
    /// The reader had written the key, and read something else than its last write.
    Internal,
    /// The list holds an element twice.
    Duplicate,
    /// What one transaction appended to the list does not stand together in it, in order.
    Split,
    /// Two reads of a list of which neither begins the other.
    Incompatible,
}

impl FaultKind {
    /// The name in the field.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Garbage => "garbage-read",
            FaultKind::Aborted => "aborted-read",
            FaultKind::Intermediate => "intermediate-read",
            FaultKind::Future => "future-read",
            FaultKind::Internal => "internal",
            FaultKind::Duplicate => "duplicate-elements",
            FaultKind::Split => "split-append",
            FaultKind::Incompatible => "incompatible-order",
        }
    }
}

/// A read that no level allows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fault {
    pub kind: FaultKind,
    /// The transaction that read.
    pub txn: u32,
    /// The key that it read.
    pub key: u32,
    /// The version that should not have been there; `NONE` for nil.
    pub version: u32,
    /// Another transaction that the matter concerns, if any: the writer, or the other reader.
    pub other: u32,
}

/// All faults are counted, the first few kept.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub count: u64,
    pub first: Vec<Fault>,
}

/// More pieces of evidence than a person reads.
const KEPT: usize = 16;

impl Faults {
    pub fn add(&mut self, fault: Fault) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(fault);
        }
    }
}

/// The fault as evidence.
pub(super) fn finding(words: &Words<'_>, fault: &Fault) -> Finding {
    let Fault { kind, txn, key, version, other } = *fault;
    let reader = words.txn(txn);
    let what = words.version(key, version);
    let mut about = vec![txn];
    let history: &TxnHistory = words.txns;
    if (other as usize) < history.txns.len() {
        about.push(other);
    }
    let writer = || words.txn(other);
    let sentence = match kind {
        FaultKind::Garbage => format!("{reader} read {what}, which nobody wrote"),
        FaultKind::Aborted => {
            format!("{reader} read {what}, which only {} wrote, and that one aborted", writer())
        }
        FaultKind::Intermediate => format!(
            "{reader} read {what} of {}, which wrote that key again before it ended: nobody should see \
             but the last",
            writer()
        ),
        FaultKind::Future => format!("{reader} read {what}, which it wrote itself only later"),
        FaultKind::Internal => format!(
            "{reader} had written key {} itself, and then read {what} instead of its own last write",
            words.key(key)
        ),
        FaultKind::Duplicate => {
            format!("{reader} read {what} twice in one list, but it was appended once")
        }
        FaultKind::Split => format!(
            "{reader} read a list of key {} in which what one transaction appended does not stand together in \
             its order: at {what}, of {}",
            words.key(key),
            writer()
        ),
        FaultKind::Incompatible => format!(
            "{reader} and {} read lists of key {} of which neither begins with the other: no order of \
             the appends explains both",
            writer(),
            words.key(key)
        ),
    };
    words.finding(kind.name(), sentence, &about, Some(key), Vec::new())
}
