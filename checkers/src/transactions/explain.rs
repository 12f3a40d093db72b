//! Cycles as evidence: every step with its reason, as Elle tells them.

use super::cycles::Cycle;
use super::graph::{PROCESS, REALTIME, RW, RWP, WR, WRP, WW, WWP};
use super::history::{NONE, Txn};
use crate::evidence::{QuotedOperation, TransactionCycle, TransactionStep};
use crate::history::History;
use crate::tape::ValueRef;
use crate::value::Value;

/// Why one transaction precedes another.
pub(super) struct Reason {
    key: Option<Value>,
    value: Option<Value>,
    next: Option<Value>,
    text: String,
}

impl Reason {
    pub(super) fn new(
        key: ValueRef<'_>,
        value: Option<ValueRef<'_>>,
        next: Option<ValueRef<'_>>,
        text: String,
    ) -> Self {
        Self::of(key.to_value(), value.map(ValueRef::to_value), next.map(ValueRef::to_value), text)
    }

    pub(super) fn of(key: Value, value: Option<Value>, next: Option<Value>, text: String) -> Self {
        Reason { key: Some(key), value, next, text }
    }
}

/// Whoever inferred the edges can say why.
pub(super) trait Explain {
    /// Why there is an edge with this label, in a sentence in which the transactions are called `a` and `b`.
    fn explain(&self, from: u32, to: u32, label: u8, a: &str, b: &str) -> Option<Reason>;
}

/// The name of a relation.
fn relation(label: u8) -> &'static str {
    match label {
        WW => "ww",
        WR => "wr",
        RW => "rw",
        WWP => "wwp",
        WRP => "wrp",
        RWP => "rwp",
        PROCESS => "process",
        _ => "realtime",
    }
}

/// The cycle as evidence.
pub(super) fn tell(
    history: &History,
    txns: &[Txn],
    explain: &dyn Explain,
    cycle: &Cycle,
) -> TransactionCycle {
    let count = cycle.steps.len();
    let steps: Vec<TransactionStep> = (0..count)
        .map(|at| {
            let (from, to) = (cycle.steps[at].from, cycle.steps[(at + 1) % count].from);
            let label = cycle.steps[at].label;
            let (a, b) = (format!("T{}", at + 1), format!("T{}", (at + 1) % count + 1));
            let (one, other) = (&txns[from as usize], &txns[to as usize]);
            let reason = match label {
                PROCESS => plain(format!("process {} executed {a} before {b}", one.process)),
                REALTIME => plain(in_time(history, one, other, &a, &b)),
                _ => explain
                    .explain(from, to, label, &a, &b)
                    .unwrap_or_else(|| plain(format!("{a} precedes {b} ({})", relation(label)))),
            };
            let sentence = if at + 1 == count && count > 1 {
                format!("However, {a} < {b}, because {}: a contradiction!", reason.text)
            } else {
                format!("{a} < {b}, because {}.", reason.text)
            };
            TransactionStep {
                from: at,
                to: (at + 1) % count,
                relation: relation(label).to_owned(),
                key: reason.key,
                value: reason.value,
                next_value: reason.next,
                sentence,
            }
        })
        .collect();
    let transactions = cycle
        .steps
        .iter()
        .map(|step| QuotedOperation::at(history, txns[step.from as usize].call as usize, false))
        .collect();
    let relations: Vec<&str> = steps.iter().map(|step| &*step.relation).collect();
    let sentence = format!(
        "{}: {count} transactions in a cycle ({}), so there is no order in which they could have happened. {}",
        cycle.anomaly,
        relations.join(", "),
        steps.iter().map(|step| &*step.sentence).collect::<Vec<_>>().join(" ")
    );
    TransactionCycle { anomaly: cycle.anomaly.name().to_owned(), sentence, transactions, steps }
}

fn plain(text: String) -> Reason {
    Reason { key: None, value: None, next: None, text }
}

fn in_time(history: &History, one: &Txn, other: &Txn, a: &str, b: &str) -> String {
    let time = |position: u32| history.get(position as usize).map(|event| event.time);
    let after = (one.ret != NONE)
        .then(|| Some(time(other.call)?.saturating_sub(time(one.ret)?)))
        .flatten()
        .filter(|nanoseconds| *nanoseconds > 0)
        .map_or("before".to_owned(), |ns| format!("{:.6} s before", ns as f64 / 1e9));
    let (ended, began) = (history.origin(one.ret as usize), history.origin(other.call as usize));
    format!("{a} completed at event {ended}, {after} {b} was invoked at event {began}")
}
