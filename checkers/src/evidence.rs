//! Evidence: why a verdict is `invalid`, as data. Another crate draws it.

use serde::{Deserialize, Serialize};

use crate::event::EventType;
use crate::history::{Fate, History};
use crate::tape::ValueRef;
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
    /// A few operations that together break a rule; what most checkers have to show.
    Finding(Finding),
    /// Transactions that each had to come before the next, and the last before the first.
    TransactionCycle(TransactionCycle),
}

impl Evidence {
    /// The finding in one sentence that a person understands.
    pub fn sentence(&self) -> &str {
        match self {
            Evidence::Linearizability(e) => &e.sentence,
            Evidence::SetElement(e) => &e.sentence,
            Evidence::Finding(e) => &e.sentence,
            Evidence::TransactionCycle(e) => &e.sentence,
        }
    }

    /// Positions of the events that the evidence speaks of, in order.
    pub fn positions(&self) -> Vec<usize> {
        match self {
            Evidence::Linearizability(e) => e.window.iter().map(|op| op.call).collect(),
            Evidence::SetElement(e) => e.operations.iter().map(|op| op.call).collect(),
            Evidence::Finding(e) => e.operations.iter().map(|op| op.call).collect(),
            Evidence::TransactionCycle(e) => e.transactions.iter().map(|op| op.call).collect(),
        }
    }
}

impl Evidence {
    /// The same about the object `key` of a larger history, in which the event at each position
    /// stands where `origin` says.
    pub(crate) fn lifted(mut self, key: &Value, origin: impl Fn(usize) -> usize) -> Self {
        let lift = |operations: &mut [QuotedOperation]| {
            for quoted in operations {
                quoted.call = origin(quoted.call);
                quoted.ret = quoted.ret.map(&origin);
            }
        };
        match &mut self {
            Evidence::Linearizability(e) => {
                e.key = Some(key.clone());
                e.blocked = origin(e.blocked);
                for at in e.prefix.iter_mut().chain(&mut e.window_optional) {
                    *at = origin(*at);
                }
                lift(&mut e.window);
            }
            Evidence::SetElement(e) => {
                e.sentence = format!("key {key}: {}", e.sentence);
                lift(&mut e.operations);
            }
            Evidence::TransactionCycle(e) => {
                e.sentence = format!("key {key}: {}", e.sentence);
                lift(&mut e.transactions);
            }
            Evidence::Finding(e) => {
                e.key = Some(match e.key.take() {
                    Some(inner) => Value::pair(key.clone(), inner),
                    None => key.clone(),
                });
                e.sentence = format!("key {key}: {}", e.sentence);
                lift(&mut e.operations);
            }
        }
        self
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

impl QuotedOperation {
    /// The operation invoked at `call`, with its key taken off if it has one.
    ///
    /// A position that holds no invocation of a client is quoted as if it were one.
    pub fn at(history: &History, call: usize, keyed: bool) -> Self {
        let invocation = history.get(call);
        let completion = history.partner(call).map(|at| (at, history.event(at)));
        // An excerpt has completions alone; there each is quoted as if invoked at once.
        let completion =
            completion.or(invocation.filter(|event| !event.is_invoke()).map(|event| (call, event)));
        let fate = match completion.map(|(_, event)| event.event_type) {
            Some(EventType::Ok) => Fate::Ok,
            Some(EventType::Fail) => Fate::Fail,
            _ => Fate::Info,
        };
        let unkey = |value: ValueRef<'_>| match value.as_pair() {
            Some((_, inner)) if keyed => inner.to_value(),
            _ => value.to_value(),
        };
        let process = invocation.and_then(|event| event.process.number()).unwrap_or(u32::MAX);
        let f = invocation.map(|event| event.f.to_string()).unwrap_or_default();
        let input = invocation.map(|event| unkey(event.value)).unwrap_or_default();
        let output = completion.filter(|_| fate == Fate::Ok).map(|(_, event)| unkey(event.value));
        let shown = output.as_ref().filter(|output| !output.is_nil() || input.is_nil()).unwrap_or(&input);
        QuotedOperation {
            call,
            ret: completion.filter(|_| fate != Fate::Info).map(|(at, _)| at),
            process,
            text: format!("process {process}: {f} {shown}"),
            f,
            input,
            output,
            fate: fate.as_str().to_owned(),
            call_time: invocation.map_or(0, |event| event.time),
            ret_time: completion.filter(|_| fate != Fate::Info).map(|(_, event)| event.time),
        }
    }
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
    /// How many operations the longest linearizable prefix has.
    #[serde(default)]
    pub prefix_length: usize,
    /// Call positions of the last of them, at most 64, in an order that works.
    pub prefix: Vec<usize>,
    /// The states in which the object can be after the longest prefixes, written out.
    pub final_states: Vec<String>,
    /// For each way on from the final states, why it is impossible.
    pub steps: Vec<String>,
    /// The smallest window that still fails, with the states that it may begin in. If there are no such
    /// states, the budget of the explanation ended before one was found; these are then operations at
    /// and around the place where the history breaks, and no proof by themselves.
    pub window: Vec<QuotedOperation>,
    /// Call positions of those operations of the window that may take effect in it or not: without
    /// an answer, or answered after its end, or in flight when it begins.
    #[serde(default)]
    pub window_optional: Vec<usize>,
    /// How many operations of the window are not quoted, because there are too many; the first.
    #[serde(default)]
    pub window_omitted: usize,
    /// States possible at the start of the window, written out.
    pub window_start_states: Vec<String>,
}

/// A few operations that together break a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What is wrong, by its name in the field: `lost`, `wrong-total`, `zones-overlap`.
    pub problem: String,
    /// The object or key that it is about; absent where there is one.
    #[serde(default)]
    pub key: Option<Value>,
    /// The finding in one sentence that a person understands.
    pub sentence: String,
    /// The argument, a sentence per step; empty where the one sentence says all.
    #[serde(default)]
    pub steps: Vec<String>,
    /// The operations that show it, in the order of the history; as few as possible.
    pub operations: Vec<QuotedOperation>,
}

impl Finding {
    /// A finding about the operations invoked at `calls`, in any order.
    pub fn new(history: &History, problem: &str, sentence: String, calls: &[usize]) -> Self {
        let mut calls = calls.to_vec();
        calls.sort_unstable();
        calls.dedup();
        Finding {
            problem: problem.to_owned(),
            key: None,
            sentence,
            steps: Vec::new(),
            operations: calls.into_iter().map(|call| QuotedOperation::at(history, call, false)).collect(),
        }
    }

    /// The same, about the object `key`; `keyed` says whether values are `[key, value]`.
    #[must_use]
    pub fn about(mut self, history: &History, key: Value, keyed: bool) -> Self {
        for quoted in &mut self.operations {
            *quoted = QuotedOperation::at(history, quoted.call, keyed);
        }
        self.key = Some(key);
        self
    }

    /// The same, with an argument.
    #[must_use]
    pub fn because(mut self, steps: Vec<String>) -> Self {
        self.steps = steps;
        self
    }
}

/// Transactions in a circle: no order explains them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransactionCycle {
    /// Which kind of cycle: `G-single-item-realtime`.
    pub anomaly: String,
    /// The finding in one sentence that a person understands.
    pub sentence: String,
    /// The transactions in the order of the cycle; the sentences call them T1, T2, ….
    pub transactions: Vec<QuotedOperation>,
    /// Why each had to come before the next.
    pub steps: Vec<TransactionStep>,
}

/// Why one transaction of a cycle had to come before the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TransactionStep {
    /// Which of the transactions, counted from 0.
    pub from: usize,
    /// Before which.
    pub to: usize,
    /// `ww`, `wr`, `rw`, the same with `p` through a predicate, `process` or `realtime`.
    pub relation: String,
    /// The key through which the data orders them.
    pub key: Option<Value>,
    /// The version of it that was written or read.
    pub value: Option<Value>,
    /// The version that followed.
    pub next_value: Option<Value>,
    /// In words.
    pub sentence: String,
}

/// What went wrong with one element of a set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetElementEvidence {
    /// The element.
    pub element: Value,
    /// `lost`, `stale`, `duplicated`, `never-added`, `incomparable` or `overtaken`.
    pub problem: String,
    /// The finding in one sentence.
    pub sentence: String,
    /// The operations that show it: the add, the last read with it, the first read without it.
    pub operations: Vec<QuotedOperation>,
}
