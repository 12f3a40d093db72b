//! From the typed calls of the models to the columns of the special checkers.
//!
//! `None` means that something was called which the checker does not know; the search does.

use std::collections::HashMap;

use super::counter::Counter;
use super::fenced_lock::FencedLockOp;
use super::fetch_and_add::FetchAndAdd;
use super::fifo_queue::{QueueAct, QueueOp};
use super::grow_only_set::GrowOnlySet;
use super::mutex::MutexOp;
use super::set::{SetAct, SetOp};
use super::{
    Contradiction, NEVER, Sentence, Span, Special, bag, counter, fenced_lock, fetch_and_add, fifo_queue,
    grow_only_set, mutex, set,
};
use crate::hash::FastHash;
use crate::history::History;
use crate::model::Call;
use crate::models::{
    CounterInput, CounterOutput, FencedLockInput, FencedLockOutput, MutexDone, MutexInput, QueueInput,
    QueueOutput, SetInput, SetOutput,
};
use crate::value::Value;

/// An answer with the name of whoever gave it.
type Named = Option<(&'static str, Special)>;

/// Names for values: equal names mean equal values.
#[derive(Default)]
struct Namer<'v>(HashMap<&'v Value, u64, FastHash>);

impl<'v> Namer<'v> {
    fn name(&mut self, value: &'v Value) -> u64 {
        match value {
            // Small integers name themselves, so that names stay close together.
            Value::Int(n) if (0..1 << 62).contains(n) => *n as u64,
            _ => {
                let new = 1 << 62 | self.0.len() as u64;
                *self.0.entry(value).or_insert(new)
            }
        }
    }
}

fn span<I, O>(call: &Call<I, O>) -> Option<Span> {
    let ret = call.ret.map_or(Some(NEVER), |ret| u32::try_from(ret).ok())?;
    Some(Span { call: u32::try_from(call.call).ok()?, ret })
}

fn process<I, O>(history: &History, call: &Call<I, O>) -> Option<u32> {
    history.get(call.call)?.process.number()
}

/// An operation that found what nobody wrote.
pub(crate) fn made_up<I, O>(call: &Call<I, O>) -> Named {
    let finding = Sentence::new("{} found what nobody had written", &[span(call)?.call]);
    Some(("values that nobody wrote", Special::Invalid(Contradiction::new(finding, Vec::new()))))
}

pub(crate) fn mutex(calls: &[Call<MutexInput, MutexDone>], history: &History) -> Named {
    let op = |call: &Call<MutexInput, MutexDone>| {
        let acquires = matches!(call.input, MutexInput::Acquire { .. });
        Some(MutexOp { span: span(call)?, process: process(history, call)?, acquires })
    };
    let ops: Option<Vec<MutexOp>> = calls.iter().map(op).collect();
    Some(("sections of a mutex", mutex::check(&ops?)))
}

pub(crate) fn fenced_lock(calls: &[Call<FencedLockInput, FencedLockOutput>], history: &History) -> Named {
    let mut ops = Vec::with_capacity(calls.len());
    // By process the token that it got last.
    let mut tokens: HashMap<u32, i64, FastHash> = HashMap::default();
    for call in calls {
        let (span, process) = (span(call)?, process(history, call)?);
        let token = match (call.input, call.output) {
            (FencedLockInput::Acquire, Some(FencedLockOutput::Token(token))) => {
                tokens.insert(process, token);
                token
            }
            (FencedLockInput::Acquire, _) if span.answered() => return None,
            (FencedLockInput::Acquire, _) => 0,
            // One that names another token than its own is for the search.
            (FencedLockInput::Release(named), _) => {
                let own = tokens.remove(&process)?;
                if named.is_some_and(|named| named != own) {
                    return None;
                }
                own
            }
        };
        let acquires = call.input == FencedLockInput::Acquire;
        ops.push(FencedLockOp { op: MutexOp { span, process, acquires }, token });
    }
    Some(("order of tokens", fenced_lock::check(&ops)))
}

fn queue_ops(calls: &[Call<QueueInput, QueueOutput>]) -> Option<Vec<QueueOp>> {
    let mut namer = Namer::default();
    let mut ops = Vec::with_capacity(calls.len());
    for call in calls {
        let (act, element) = match (&call.input, &call.output) {
            (QueueInput::Enqueue(value), _) => (QueueAct::Enqueue, namer.name(value)),
            (QueueInput::Dequeue, Some(QueueOutput::Value(value))) => (QueueAct::Dequeue, namer.name(value)),
            (QueueInput::Dequeue, Some(QueueOutput::Empty)) => (QueueAct::Empty, 0),
            (QueueInput::Dequeue, None) if call.ret.is_none() => (QueueAct::Unknown, 0),
            _ => return None,
        };
        ops.push(QueueOp { span: span(call)?, act, element });
    }
    Some(ops)
}

pub(crate) fn fifo_queue(calls: &[Call<QueueInput, QueueOutput>]) -> Named {
    Some(("order of elements", fifo_queue::check(&queue_ops(calls)?)))
}

pub(crate) fn unordered_queue(calls: &[Call<QueueInput, QueueOutput>]) -> Named {
    Some(("intervals of elements", bag::check(&queue_ops(calls)?)))
}

pub(crate) fn set(calls: &[Call<SetInput, SetOutput>]) -> Named {
    let mut namer = Namer::default();
    if calls.iter().any(|call| call.input == SetInput::Read) {
        let mut set = GrowOnlySet::default();
        for call in calls {
            match (&call.input, &call.output) {
                (SetInput::Add(element), None | Some(SetOutput::Done)) => {
                    set.adds.push((span(call)?, namer.name(element)));
                }
                (SetInput::Read, Some(SetOutput::Elements(elements))) => {
                    set.reads.push((span(call)?, u32::try_from(elements.len()).ok()?));
                    set.elements.extend(elements.iter().map(|(element, ())| namer.name(element)));
                }
                (SetInput::Read, None) if call.ret.is_none() => {}
                _ => return None,
            }
        }
        return Some(("inclusion of reads", grow_only_set::check(&set)));
    }
    let mut ops = Vec::with_capacity(calls.len());
    for call in calls {
        let (act, element) = match (&call.input, &call.output) {
            (SetInput::Add(element), None | Some(SetOutput::Done)) => (SetAct::Add, element),
            (SetInput::Remove(element), None | Some(SetOutput::Done)) => (SetAct::Remove, element),
            (SetInput::Contains(element), Some(SetOutput::Is(true))) => (SetAct::Found, element),
            (SetInput::Contains(element), Some(SetOutput::Is(false))) => (SetAct::Missed, element),
            (SetInput::Contains(_), None) if call.ret.is_none() => continue,
            _ => return None,
        };
        ops.push(SetOp { span: span(call)?, act, element: namer.name(element) });
    }
    Some(("intervals of elements", set::check(&ops)))
}

pub(crate) fn counter(calls: &[Call<CounterInput, CounterOutput>]) -> Named {
    let adds = || {
        calls
            .iter()
            .filter_map(|call| if let CounterInput::Add(n) = call.input { Some((n, call)) } else { None })
    };
    let by = adds().next().map_or(1, |(n, _)| n);
    if by == 0 || adds().any(|(n, _)| n != by) {
        return None;
    }
    let mut reads = Vec::new();
    for call in calls.iter().filter(|call| call.input == CounterInput::Read) {
        match call.output {
            Some(CounterOutput::Was(n) | CounterOutput::Became(n)) => reads.push((span(call)?, n)),
            _ if call.ret.is_none() => {}
            _ => return None,
        }
    }
    if adds().all(|(_, call)| matches!(call.output, None | Some(CounterOutput::Done))) {
        let increments: Option<Vec<Span>> = adds().map(|(_, call)| span(call)).collect();
        return Some((
            "increments by deadline",
            counter::check(&Counter { by, increments: increments?, reads }),
        ));
    }
    let mut increments = Vec::new();
    for (_, call) in adds() {
        let after = match call.output {
            Some(CounterOutput::Became(n)) => Some(n),
            Some(CounterOutput::Was(n)) => Some(n.checked_add(by)?),
            Some(CounterOutput::Done) => return None,
            None if call.ret.is_some() => return None,
            None => None,
        };
        increments.push((span(call)?, after));
    }
    Some(("order of answers", fetch_and_add::check(&FetchAndAdd { by, increments, reads })))
}
