//! Operations on logs in columns of small numbers, and the order of messages in each log.

use std::collections::HashMap;
use std::ops::Range;

use super::super::findings::{Findings, MAX_TOLD, shorten};
use super::super::shape::{Key, NONE, Pace, Undecided, entries, misshapen, word};
use crate::checker::Budget;
use crate::event::Process;
use crate::hash::FastHash;
use crate::history::{Fate, History, Operation};
use crate::model::DecodeError;
use crate::tape::{ValueRef, ValueWriter};
use crate::value::Value;

/// All operations that send, poll or choose partitions, in the order of their invocations.
pub(super) struct Operations<'h> {
    pub all: Vec<LogOperation>,
    pub sends: Vec<Part>,
    pub polls: Vec<Part>,
    pub messages: Vec<Message<'h>>,
    pub keys: Vec<Key<'h>>,
    key_numbers: HashMap<Key<'h>, u32, FastHash>,
    message_numbers: HashMap<(u32, &'h [u8]), u32, FastHash>,
}

pub(super) struct LogOperation {
    pub call: u32,
    /// Position of an `ok`, or [`NONE`].
    pub ret: u32,
    pub process: Process,
    pub fate: Fate,
    pub sends: Range<usize>,
    /// What it polled, whatever became of it.
    pub polls: Range<usize>,
    /// Keys whose partitions moved while it ran, sorted.
    pub rebalanced: Vec<u32>,
    /// The keys that it chose, of an `assign` or `subscribe` that did not fail.
    pub chosen: Option<Vec<u32>>,
    /// It polls, and nobody knows what it was told.
    pub swallowed: bool,
}

/// A message that was sent or polled.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub key: u32,
    pub message: u32,
    pub offset: Option<i64>,
}

pub(super) struct Message<'h> {
    pub key: u32,
    pub value: ValueRef<'h>,
    /// The operation that sent it and did not fail, and one that did.
    pub writer: Option<u32>,
    pub failed: Option<u32>,
    /// Somebody was told it, whatever became of the poll.
    pub polled: bool,
    /// The first `ok` that was told it.
    pub polled_ok: Option<u32>,
}

impl<'h> Operations<'h> {
    pub(super) fn read(history: &'h History, budget: &Budget<'_>) -> Result<Self, Undecided> {
        let mut pace = Pace::new(budget);
        let mut all = Operations {
            all: Vec::new(),
            sends: Vec::new(),
            polls: Vec::new(),
            messages: Vec::new(),
            keys: Vec::new(),
            key_numbers: HashMap::default(),
            message_numbers: HashMap::default(),
        };
        for operation in history.operations() {
            let before = all.polls.len();
            match operation.invocation.f.as_str() {
                "send" | "poll" | "txn" => all.transaction(history, &operation)?,
                "assign" | "subscribe" => all.choice(history, &operation)?,
                _ => {}
            }
            pace.did(1 + all.polls.len() - before)?;
        }
        Ok(all)
    }

    fn key(&mut self, value: ValueRef<'h>) -> u32 {
        let key = Key::of(value);
        let next = self.keys.len() as u32;
        let number = *self.key_numbers.entry(key).or_insert(next);
        if number == next {
            self.keys.push(key);
        }
        number
    }

    fn message(&mut self, key: u32, value: ValueRef<'h>) -> u32 {
        let next = self.messages.len() as u32;
        let number = *self.message_numbers.entry((key, value.as_bytes())).or_insert(next);
        if number == next {
            let message = Message { key, value, writer: None, failed: None, polled: false, polled_ok: None };
            self.messages.push(message);
        }
        number
    }

    fn choice(&mut self, history: &'h History, operation: &Operation<'h>) -> Result<(), DecodeError> {
        if operation.fate() == Fate::Fail {
            return Ok(());
        }
        let keys = operation.invocation.value.as_list();
        let keys = keys.ok_or_else(|| misshapen(history, operation.call, "a list of keys"))?;
        let mut chosen: Vec<u32> = keys.map(|key| self.key(key)).collect();
        // Who starts again from the beginning goes on from nowhere.
        let rewinds = operation.invocation.extra.is_some_and(|extra| {
            let rewinds = extra.other.get("seek-to-beginning?");
            rewinds.is_some_and(|rewinds| *rewinds != false && !rewinds.is_nil())
        });
        if rewinds {
            chosen.clear();
        }
        let (sends, polls) = (self.sends.len(), self.polls.len());
        self.all.push(LogOperation {
            call: operation.call as u32,
            ret: NONE,
            process: operation.process(),
            fate: operation.fate(),
            sends: sends..sends,
            polls: polls..polls,
            rebalanced: Vec::new(),
            chosen: Some(chosen),
            swallowed: false,
        });
        Ok(())
    }

    fn transaction(&mut self, history: &'h History, operation: &Operation<'h>) -> Result<(), DecodeError> {
        let fate = operation.fate();
        let number = self.all.len() as u32;
        let invoked = operation.invocation.value;
        // An answer repeats the parts with results; one without parts says nothing new.
        let answered = operation.completion.filter(|(_, event)| event.value.as_list().is_some());
        let (position, value) = answered.map_or((operation.call, invoked), |(at, event)| (at, event.value));
        let bad = || {
            misshapen(
                history,
                position,
                "a list of [\"send\", key, message] and [\"poll\", {key: [[offset, message], …]}]",
            )
        };
        let (first_send, first_poll) = (self.sends.len(), self.polls.len());
        let mut asked = invoked.as_list();
        let mut swallowed = false;
        for part in value.as_list().ok_or_else(bad)? {
            let asked = asked.as_mut().and_then(Iterator::next);
            let mut items = part.as_list().ok_or_else(bad)?;
            match (items.next().and_then(word), items.next(), items.next()) {
                (Some("send"), Some(key), Some(sent)) => {
                    // `[offset, message]`, unless the message itself is such a list.
                    let plain =
                        asked.and_then(|asked| asked.as_triple()).is_some_and(|(_, _, asked)| asked == sent);
                    let pair = sent.as_pair().filter(|_| !plain && answered.is_some());
                    let (offset, value) =
                        pair.map_or((None, sent), |(offset, value)| (offset.as_int(), value));
                    let key = self.key(key);
                    let message = self.message(key, value);
                    let known = &mut self.messages[message as usize];
                    if fate == Fate::Fail {
                        known.failed = known.failed.or(Some(number));
                    } else {
                        known.writer = known.writer.or(Some(number));
                    }
                    self.sends.push(Part { key, message, offset });
                }
                (Some("poll"), None, _) => swallowed |= fate == Fate::Info,
                (Some("poll"), Some(told), _) if told.is_nil() => swallowed |= fate == Fate::Info,
                (Some("poll"), Some(told), _) => {
                    for (key, told) in entries(told).ok_or_else(bad)? {
                        let key = self.key(key);
                        for pair in told.as_list().ok_or_else(bad)? {
                            let (offset, value) = pair.as_pair().ok_or_else(bad)?;
                            let message = self.message(key, value);
                            let known = &mut self.messages[message as usize];
                            known.polled = true;
                            known.polled_ok = known.polled_ok.or((fate == Fate::Ok).then_some(number));
                            self.polls.push(Part { key, message, offset: offset.as_int() });
                        }
                    }
                }
                _ => return Err(bad()),
            }
        }
        let rebalanced = self.rebalanced(operation);
        self.all.push(LogOperation {
            call: operation.call as u32,
            ret: if fate == Fate::Ok { operation.ret().map_or(NONE, |ret| ret as u32) } else { NONE },
            process: operation.process(),
            fate,
            sends: first_send..self.sends.len(),
            polls: first_poll..self.polls.len(),
            rebalanced,
            chosen: None,
            swallowed,
        });
        Ok(())
    }

    /// Invocations of the operation and of what shows that its sends count: without an answer of its
    /// own, that is a poll that has one of them.
    pub(super) fn shown(&self, number: u32) -> impl Iterator<Item = usize> + use<'_, 'h> {
        let operation = &self.all[number as usize];
        let sends = &self.sends[operation.sends.clone()];
        let polled = sends.iter().find_map(|part| self.messages[part.message as usize].polled_ok);
        let poll = polled.filter(|_| operation.fate == Fate::Info);
        let calls = [Some(operation.call), poll.map(|poll| self.all[poll as usize].call)];
        calls.into_iter().flatten().map(|call| call as usize)
    }

    /// The keys of the field `rebalance-log`, a list of maps with `keys`.
    fn rebalanced(&self, operation: &Operation<'_>) -> Vec<u32> {
        let Some(extra) = operation.completion_event().and_then(|event| event.extra) else {
            return Vec::new();
        };
        let moves = extra.other.get("rebalance-log").and_then(|log| log.as_list());
        let keys = moves.into_iter().flatten().filter_map(|moved| moved.get("keys")?.as_list()).flatten();
        let number = |key: &Value| {
            let mut tape = Vec::new();
            ValueWriter::new(&mut tape).value(key).ok()?;
            // As on the history's tape, so that it is the same key.
            self.key_numbers.get(&Key::of(ValueRef::new(&tape))).copied()
        };
        let mut keys: Vec<u32> = keys.filter_map(number).collect();
        keys.sort_unstable();
        keys
    }
}

/// Where messages stand in their logs.
pub(super) struct Log {
    pub of: Vec<Place>,
    /// Which messages certainly committed.
    pub committed: Vec<bool>,
}

/// Places among the known offsets of a key, or [`NONE`].
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub first: u32,
    pub last: u32,
    /// The first offset.
    pub offset: i64,
}

impl Place {
    /// The place, if there is one and only one.
    pub(super) fn only(&self) -> Option<i64> {
        (self.first != NONE && self.first == self.last).then_some(i64::from(self.first))
    }
}

impl Log {
    pub(super) fn build(history: &History, operations: &Operations<'_>, findings: &mut Findings<'_>) -> Self {
        let mut committed = vec![false; operations.messages.len()];
        // Key, offset, message, and who says so.
        let mut entries: Vec<(u32, i64, u32, u32)> = Vec::new();
        for (operation, number) in operations.all.iter().zip(0..) {
            let sends = &operations.sends[operation.sends.clone()];
            let shown = |part: &Part| operations.messages[part.message as usize].polled_ok.is_some();
            let certain = match operation.fate {
                Fate::Ok => true,
                Fate::Info => sends.iter().any(shown),
                Fate::Fail => false,
            };
            let told = operations.polls[operation.polls.clone()].iter();
            for part in told.chain(sends.iter().filter(|_| certain)) {
                if let Some(offset) = part.offset {
                    entries.push((part.key, offset, part.message, number));
                }
            }
            for part in sends.iter().filter(|_| certain) {
                committed[part.message as usize] = true;
            }
        }
        entries.sort_unstable();
        entries.dedup_by_key(|(key, offset, message, _)| (*key, *offset, *message));
        let none = Place { first: NONE, last: NONE, offset: 0 };
        let mut of = vec![none; operations.messages.len()];
        let mut teller: Vec<u32> = vec![NONE; operations.messages.len()];
        let mut before: Option<(u32, i64, u32, u32)> = None;
        let mut rank = 0;
        for entry in entries {
            let (key, offset, message, by_whom) = entry;
            let call_of = |number: u32| operations.all[number as usize].call as usize;
            let both = |one: u32, told: usize| -> Vec<usize> {
                // Only of what is told: an operation may have any number of sends.
                let two = [one, by_whom].into_iter().take(if told < MAX_TOLD { 2 } else { 0 });
                two.flat_map(|number| operations.shown(number)).collect()
            };
            let call = call_of(by_whom);
            let value = || shorten(&operations.messages[message as usize].value);
            let name = || operations.keys[key as usize];
            match before {
                Some((other, ..)) if other != key => rank = 0,
                Some((_, same, other, by)) if same == offset => {
                    let calls = both(by, findings.count("inconsistent-offsets"));
                    findings.add("inconsistent-offsets", &calls, || {
                        format!(
                            "offset {offset} of the key {} has {} by the operation at event {} and {} by the one at event {}",
                            name(),
                            shorten(&operations.messages[other as usize].value),
                            history.origin(call_of(by)),
                            value(),
                            history.origin(call)
                        )
                    });
                }
                Some(_) => rank += 1,
                None => {}
            }
            before = Some(entry);
            let place = &mut of[message as usize];
            if place.first == NONE {
                *place = Place { first: rank, last: rank, offset };
                teller[message as usize] = by_whom;
                continue;
            }
            if place.first == place.last {
                let (by, first) = (teller[message as usize], place.offset);
                let calls = both(by, findings.count("duplicate"));
                findings.add("duplicate", &calls, || {
                    format!(
                        "{} stands in the log of the key {} at offset {first}, by the operation at event {}, and at offset {offset}, by the one at event {}",
                        value(),
                        name(),
                        history.origin(call_of(by)),
                        history.origin(call)
                    )
                });
            }
            place.last = rank;
        }
        Log { of, committed }
    }
}
