//! Evidence: why a verdict is `invalid`, as data. Another crate draws it.

use serde::{Deserialize, Serialize};

use crate::value::Value;

/// A proof that a promise was broken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Evidence {
    /// No order of these operations explains what was seen.
    Linearizability(LinearizabilityEvidence),
    /// An element of a set met a bad end.
    SetElement(SetElementEvidence),
}

impl Evidence {
    /// The finding in one sentence that a person understands.
    pub fn sentence(&self) -> &str {
        match self {
            Evidence::Linearizability(e) => &e.sentence,
            Evidence::SetElement(e) => &e.sentence,
        }
    }

    /// Positions of the events that the evidence speaks of, in order.
    pub fn positions(&self) -> Vec<usize> {
        match self {
            Evidence::Linearizability(e) => e.window.iter().map(|op| op.call).collect(),
            Evidence::SetElement(e) => e.operations.iter().map(|op| op.call).collect(),
        }
    }
}

/// An operation as evidence quotes it: enough to read the argument without the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuotedOperation {
    /// Position of the invocation in the history.
    pub call: usize,
    /// Position of the completion; absent when it may act for ever.
    pub ret: Option<usize>,
    /// Who, as the history names it.
    pub process: u32,
    /// Which function.
    pub f: String,
    /// Argument, without the key.
    pub input: Value,
    /// Result, without the key, of an `ok`.
    pub output: Option<Value>,
    /// `ok`, `fail` or `info`.
    pub fate: String,
    /// When it was invoked, ns since the run began.
    pub call_time: u64,
    /// When it completed, ns; absent when it never did.
    pub ret_time: Option<u64>,
    /// In words: `process 3 read 7`.
    pub text: String,
}

/// A part of a history of one object that no sequential execution explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinearizabilityEvidence {
    /// The object: the key whose sub-history fails; absent when there is one object.
    pub key: Option<Value>,
    /// The finding in one sentence.
    pub sentence: String,
    /// Call position of the first operation that cannot be placed.
    pub blocked: usize,
    /// Call positions of the longest linearizable prefix, in an order that works.
    pub prefix: Vec<usize>,
    /// The states in which the object can be after the longest prefixes, written out.
    pub final_states: Vec<String>,
    /// For each way on from the final states, why it is impossible.
    pub steps: Vec<String>,
    /// The smallest window that still fails, with the states that it may begin in.
    pub window: Vec<QuotedOperation>,
    /// States possible at the start of the window, written out.
    pub window_start_states: Vec<String>,
}

/// What went wrong with one element of a set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetElementEvidence {
    /// The element.
    pub element: Value,
    /// `lost`, `stale`, `duplicated` or `never-added`.
    pub problem: String,
    /// The finding in one sentence.
    pub sentence: String,
    /// The operations that show it: the add, the last read with it, the first read without it.
    pub operations: Vec<QuotedOperation>,
}
