//! A counter: every read lies between what was certainly added and what may have been.
//!
//! After Jepsen's `checker/counter`. Operations are `add n` (also `increment` and `decrement`, by 1
//! without a value) and `read`. A read must answer at least the initial value plus all that it must
//! have seen (increments answered before it began) plus all decrements that it may have seen
//! (begun before it was answered, and not failed); at most, the other way round. Jepsen knows
//! increments only, and no decrement by `add` of a negative number.
//!
//! The bounds are what a linearizable counter must keep, and they are necessary, not sufficient:
//! within them a sum may still be impossible.

use std::collections::HashMap;

use super::findings::{Findings, valid_unless};
use super::shape::{Pace, Undecided, judged, misshapen, only, timed};
use crate::checker::{Budget, Checker};
use crate::event::EventType;
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::verdict::Judgement;

const ALGORITHM: &str = "counter";

/// Judges a counter by bounds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    /// What it holds before the first operation.
    pub initial: i64,
}

/// Sums of increments and of decrements (as a negative number).
#[derive(Clone, Copy, Default)]
struct Sums {
    up: i128,
    down: i128,
}

impl Sums {
    fn add(&mut self, n: i64) {
        if n >= 0 { self.up += i128::from(n) } else { self.down += i128::from(n) }
    }
}

impl Checker for Counter {
    fn name(&self) -> &str {
        "counter"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a counter", &["add", "increment", "decrement", "read"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

/// By how much the operation invoked at `call` changes the counter.
fn amount(history: &History, call: usize) -> Result<i64, DecodeError> {
    let event = history.event(call);
    let n = match event.value.as_int() {
        Some(n) => Some(n),
        None if event.value.is_nil() && event.f != "add" => Some(1),
        None => None,
    };
    let n = if event.f == "decrement" { n.and_then(i64::checked_neg) } else { n };
    n.ok_or_else(|| misshapen(history, call, "an integer"))
}

impl Counter {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        timed(history)?;
        let mut pace = Pace::new(budget);
        let read = history.f_number("read");
        let mut certain = Sums::default();
        let mut possible = Sums::default();
        // What was certain when the read of a process began.
        let mut began: HashMap<usize, Sums, FastHash> = HashMap::default();
        let mut findings = Findings::new(history);
        let (mut reads, mut adds) = (0_usize, 0_usize);
        let mut range: Option<(i64, i64)> = None;
        // The latest change before an event, for the evidence.
        let mut last_change = None;
        for (position, event) in history.events().enumerate() {
            if event.process.is_nemesis() {
                continue;
            }
            pace.did(1)?;
            let partner = history.partner(position);
            let fate = |at: Option<usize>| match at.map(|at| history.event(at).event_type) {
                Some(EventType::Ok) => Fate::Ok,
                Some(EventType::Fail) => Fate::Fail,
                _ => Fate::Info,
            };
            if Some(event.f_number) == read {
                match (event.event_type, partner) {
                    (EventType::Invoke, Some(_)) if fate(partner) == Fate::Ok => {
                        began.insert(position, certain);
                    }
                    (EventType::Ok, Some(call)) => {
                        let Some(known) = began.remove(&call) else { continue };
                        let answer = event
                            .value
                            .as_int()
                            .ok_or_else(|| misshapen(history, position, "an integer as its answer"))?;
                        reads += 1;
                        let initial = i128::from(self.initial);
                        let least = initial + known.up + possible.down;
                        let most = initial + possible.up + known.down;
                        let (low, high) = range.unwrap_or((answer, answer));
                        range = Some((low.min(answer), high.max(answer)));
                        let calls: Vec<usize> = last_change.into_iter().chain([call]).collect();
                        if i128::from(answer) < least {
                            findings.add("below-lower-bound", &calls, || {
                                let (from, to) = (history.origin(call), history.origin(position));
                                format!("the read from event {from} to {to} answers {answer}, but what was answered before it began, less all that may have been taken away, makes at least {least}")
                            });
                        } else if i128::from(answer) > most {
                            findings.add("above-upper-bound", &calls, || {
                                let (from, to) = (history.origin(call), history.origin(position));
                                format!("the read from event {from} to {to} answers {answer}, but all that was begun before its answer makes at most {most}")
                            });
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match event.event_type {
                EventType::Invoke if fate(partner) != Fate::Fail => {
                    adds += 1;
                    possible.add(amount(history, position)?);
                    last_change = Some(position);
                }
                EventType::Ok => {
                    if let Some(call) = partner {
                        certain.add(amount(history, call)?);
                    }
                }
                _ => {}
            }
        }
        let judgement = findings.conclude(ALGORITHM, || {
            let reason = if reads == 0 {
                Some("no read was answered with ok; nobody looked at the counter")
            } else if adds == 0 {
                Some("nothing was added that could be read")
            } else {
                None
            };
            valid_unless(ALGORITHM, reason.map(str::to_owned))
        });
        Ok(judgement.with("read_count", reads).with("add_count", adds).with("range", range))
    }
}
