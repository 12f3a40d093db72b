//! A register in a fixed causal order of five operations: read-init, write 1, read, write 2, read.
//!
//! After Jepsen's `tests/causal`, one history per key (lift it with `per-key-causal`). Each
//! operation may carry `position`, a token of where it stands, and `link`, the position that its
//! client had seen before it (`init` for the first): both are fields of the completion.
//!
//! | problem | meaning |
//! |---|---|
//! | `broken-link` | an operation was linked to another position than the one before it |
//! | `unexpected-write` | a write of another value than the next one: the client broke the order |
//! | `wrong-initial-value` | the first read-init has not 0 |
//! | `wrong-value` | a read has neither nil nor the value that must be there |
//!
//! Jepsen drops unanswered operations, and so calls a read of an unanswered write wrong; here such
//! a write may show, once, at any later time.

use std::collections::HashSet;

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{Undecided, judged, misshapen, only, timed};
use crate::checker::{Budget, Checker};
use crate::event::EventRef;
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::value::Value;
use crate::verdict::Judgement;

const ALGORITHM: &str = "causal";

/// Judges a causal register.
#[derive(Clone, Copy, Debug, Default)]
pub struct Causal;

impl Checker for Causal {
    fn name(&self) -> &str {
        "causal"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a causal register", &["read-init", "read", "write"])
    }

    fn check(&self, history: &History, _: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history))
    }
}

/// A field that Jepsen's causal clients add to an event.
fn extra(event: EventRef<'_>, name: &str) -> Value {
    event.extra.and_then(|extra| extra.other.get(name)).cloned().unwrap_or_default()
}

impl Causal {
    fn judge(&self, history: &History) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        timed(history)?;
        // Answers in their order, and unanswered writes from when they were begun.
        let mut steps: Vec<(usize, usize, bool)> = Vec::new();
        for operation in history.operations() {
            match (operation.fate(), operation.ret()) {
                (Fate::Ok, Some(ret)) => steps.push((ret, operation.call, true)),
                (Fate::Info, _) if operation.invocation.f == "write" => {
                    steps.push((operation.call, operation.call, false));
                }
                _ => {}
            }
        }
        steps.sort_unstable();
        let mut findings = Findings::new(history);
        let (mut value, mut counter) = (0_i64, 0_i64);
        // Unanswered writes that have not shown yet, and how many there were.
        let mut maybe: HashSet<i64, FastHash> = HashSet::default();
        let mut unanswered = 0_i64;
        let mut before: Option<usize> = None;
        let mut last_position = Value::Nil;
        let mut reads = 0;
        for (at, call, answered) in steps {
            let event = history.event(at);
            let origin = history.origin(at);
            let number = if event.value.is_nil() { history.event(call).value } else { event.value };
            if !answered {
                let written = number.as_int().ok_or_else(|| misshapen(history, call, "an integer"))?;
                maybe.insert(written);
                unanswered += 1;
                continue;
            }
            let calls: Vec<usize> = before.into_iter().chain([call]).collect();
            let link = extra(event, "link");
            let initial = link.as_str().is_some_and(|link| link.trim_start_matches(':') == "init");
            if !initial && link != last_position {
                findings.add("broken-link", &calls, || {
                    format!("the operation answered at event {origin} is linked to position {link}, but the one before it stands at {last_position}")
                });
            }
            last_position = extra(event, "position");
            before = Some(call);
            if event.f == "write" {
                let written = number.as_int().ok_or_else(|| misshapen(history, at, "an integer"))?;
                // A client that got no answer may go on with the next number.
                if !(counter + 1..=counter + 1 + unanswered).contains(&written) {
                    let expected = counter + 1;
                    findings.add("unexpected-write", &calls, || {
                        format!(
                            "the write answered at event {origin} writes {written}, but {expected} is next"
                        )
                    });
                }
                counter = counter.max(written);
                value = written;
                continue;
            }
            reads += 1;
            let seen = event.value;
            let is_first = event.f == "read-init" && counter == 0 && unanswered == 0;
            if seen.as_int() == Some(value) || (seen.is_nil() && !is_first) {
                continue;
            }
            if let Some(written) = seen.as_int().filter(|seen| maybe.remove(seen)) {
                value = written;
                continue;
            }
            let shown = shorten(&seen);
            if is_first {
                findings.add("wrong-initial-value", &calls, || {
                    format!("the first read, answered at event {origin}, has {shown}, not 0")
                });
            } else {
                findings.add("wrong-value", &calls, || {
                    format!(
                        "the read answered at event {origin} has {shown}, but {value} is what came before it"
                    )
                });
            }
        }
        let judgement = findings.conclude(ALGORITHM, || {
            valid_unless(ALGORITHM, (reads == 0).then(|| "no read was answered with ok".to_owned()))
        });
        Ok(judgement.with("read_count", reads).with("last_value", value))
    }
}
