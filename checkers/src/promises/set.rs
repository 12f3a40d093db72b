//! A set to which elements were added and which was read at the end: nothing acknowledged is lost,
//! nothing is made up.
//!
//! After Jepsen's `checker/set`. Operations are `add x` and `read`, answered with a list. The
//! *final read* is the answered read that was invoked last, together with those that overlap it:
//! what one of them has was there. An element is then
//!
//! - **lost** if its add was answered before the final read began, and no final read has it;
//! - **unexpected** if a final read has it, and every attempt to add it failed, or came later, or
//!   there was none;
//! - **duplicated** if one final read has it twice;
//! - *recovered* (a count, no problem) if it was read, and no attempt to add it was answered.
//!
//! Jepsen forgives elements whose only add failed, and does not see duplicates; `fail` means that
//! an operation did not happen, and a set has an element once, so both are problems here. Elements
//! whose add was answered after the final read began were never looked for: then the judgement is
//! `unknown` unless something else is wrong.

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{NONE, Numbering, Pace, Undecided, elements, judged, only, timed};
use crate::checker::{Budget, Checker};
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::verdict::Judgement;

const ALGORITHM: &str = "set";

/// Judges a set by its final read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Set;

#[derive(Clone)]
struct Element {
    /// The first attempt that did not fail, and the first that did.
    attempt: u32,
    failed: u32,
    /// The answered add that was answered first: invocation and answer.
    added: u32,
    answered: u32,
    /// A final read with it, by invocation.
    seen: u32,
    /// The last final read in which it was met, by number.
    met: u32,
}

impl Checker for Set {
    fn name(&self) -> &str {
        "set"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a set", &["add", "read"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

impl Set {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        timed(history)?;
        let mut pace = Pace::new(budget);
        let mut numbering = Numbering::of(history);
        let mut all: Vec<Element> = Vec::new();
        let none =
            Element { attempt: NONE, failed: NONE, added: NONE, answered: NONE, seen: NONE, met: NONE };
        let mut reads = Vec::new();
        for operation in history.operations() {
            pace.did(1)?;
            let call = operation.call as u32;
            if operation.invocation.f == "read" {
                if let (Fate::Ok, Some(ret)) = (operation.fate(), operation.ret()) {
                    reads.push((operation.call, ret));
                }
                continue;
            }
            let number = numbering.number(operation.invocation.value);
            all.resize(numbering.len(), none.clone());
            let element = &mut all[number];
            match operation.fate() {
                Fate::Fail => element.failed = element.failed.min(call),
                Fate::Info => element.attempt = element.attempt.min(call),
                Fate::Ok => {
                    element.attempt = element.attempt.min(call);
                    let answered = operation.ret().map_or(NONE, |ret| ret as u32);
                    if answered < element.answered {
                        (element.added, element.answered) = (call, answered);
                    }
                }
            }
        }
        let Some(&(last_call, _)) = reads.last() else {
            return Ok(Judgement::unknown(
                ALGORITHM,
                "no read was answered with ok; nobody looked at the set",
            ));
        };
        let attempted = all.len();
        reads.retain(|(_, ret)| *ret > last_call);
        let mut findings = Findings::new(history);
        let at = |position: u32| history.origin(position as usize);
        for (turn, (call, ret)) in reads.iter().enumerate() {
            for value in elements(history, *ret)? {
                pace.did(1)?;
                let number = numbering.number(value);
                all.resize(numbering.len(), none.clone());
                let element = &mut all[number];
                if element.met == turn as u32 {
                    findings.add_about("duplicated", &[*call], &[value], || {
                        let read = history.origin(*call);
                        format!("the final read at event {read} has {} twice", shorten(&value))
                    });
                    continue;
                }
                element.met = turn as u32;
                element.seen = element.seen.min(*call as u32);
                if (*ret as u32) < element.attempt && element.seen == *call as u32 {
                    let shown = shorten(&value);
                    let read = history.origin(*call);
                    let (calls, why) = match (element.failed, element.attempt) {
                        (NONE, NONE) => (vec![*call], "which nobody added".to_owned()),
                        (NONE, later) => (
                            vec![*call, later as usize],
                            format!("which nobody tried to add before event {}", at(later)),
                        ),
                        (failed, _) => {
                            (vec![failed as usize, *call], "which was not added: its add failed".to_owned())
                        }
                    };
                    findings.add_about("unexpected", &calls, &[value], || {
                        format!("the final read at event {read} has {shown}, {why}")
                    });
                }
            }
        }
        let first_call = reads.iter().map(|(call, _)| *call).min().unwrap_or(last_call) as u32;
        let mut unproved = 0;
        for (number, element) in all.iter().enumerate() {
            if element.seen != NONE || element.answered == NONE {
                continue;
            }
            if element.answered > first_call {
                unproved += 1;
                continue;
            }
            let value = numbering.value(number);
            findings.add_about("lost", &[element.added as usize, last_call], &[value], || {
                format!(
                    "{} was added, answered at event {}, but the final read, begun at event {}, lacks it",
                    shorten(&value),
                    at(element.answered),
                    history.origin(last_call)
                )
            });
        }
        let count =
            |belongs: &dyn Fn(&Element) -> bool| all.iter().filter(|element| belongs(element)).count();
        let ok = count(&|element| element.seen != NONE && element.attempt != NONE);
        let recovered =
            count(&|element| element.seen != NONE && element.attempt != NONE && element.added == NONE);
        let acknowledged = count(&|element| element.added != NONE);
        let counts = [
            ("attempt_count", attempted),
            ("acknowledged_count", acknowledged),
            ("ok_count", ok),
            ("lost_count", findings.count("lost")),
            ("unexpected_count", findings.count("unexpected")),
            ("duplicated_count", findings.count("duplicated")),
            ("recovered_count", recovered),
        ];
        let judgement = findings.conclude(ALGORITHM, || {
            let reason = if unproved > 0 {
                Some(format!("the final read began before {unproved} adds were answered; nobody looked for their elements"))
            } else if ok == 0 {
                Some(format!("none of {attempted} elements was there to be read by the final read"))
            } else {
                None
            };
            valid_unless(ALGORITHM, reason)
        });
        Ok(counts.into_iter().fold(judgement, |judgement, (name, n)| judgement.with(name, n)))
    }
}
