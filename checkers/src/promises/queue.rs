//! Queues whose order is not judged: what comes out was put in, and what was put in comes out.
//!
//! After Jepsen's `checker/queue` and `checker/total-queue`. Operations are `enqueue x`; `dequeue`,
//! answered with an element (nil, or `fail`, if there is none); `drain`, answered with a list of
//! all that was left. Elements should be unique.
//!
//! | problem | of | meaning |
//! |---|---|---|
//! | `unexpected` | both | dequeued, though nobody tried to enqueue it before |
//! | `duplicated` | queue | dequeued more often than anybody tried to enqueue it before |
//! | `lost` | total-queue | an enqueue was answered, and nobody dequeued the element |
//!
//! `queue` needs no drain. `total-queue` needs a history that ends with one: an element whose
//! enqueue was answered after the last dequeue or drain began was never looked for, and then the
//! judgement is `unknown`. Duplicates are told by `total-queue` and break nothing, as in Jepsen:
//! many queues promise delivery at least once.
//!
//! A dequeue without an answer may have taken an element, a drain any number of them. Jepsen counts
//! such elements as lost, and refuses histories with such drains; here no more than what
//! unanswered dequeues cannot have taken is lost, and otherwise the judgement is `unknown`.
//! [`TotalQueue::redelivers`] says that the system gives unacknowledged elements back.

use super::findings::{Findings, MAX_TOLD, shorten, valid_unless};
use super::shape::{NONE, Numbering, Pace, Undecided, elements, judged, only, timed};
use crate::checker::{Budget, Checker};
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::tape::{Items, ValueRef};
use crate::verdict::Judgement;

const FUNCTIONS: &[&str] = &["enqueue", "dequeue", "drain"];

/// Judges that every dequeued element was enqueued before, once for each time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Queue;

/// Judges that every acknowledged element is dequeued, and none that was never enqueued.
#[derive(Clone, Copy, Debug, Default)]
pub struct TotalQueue {
    /// A dequeue without an answer takes nothing: the system waits for an acknowledgement and
    /// delivers again.
    pub redelivers: bool,
}

#[derive(Clone, Copy)]
struct Element {
    /// The first attempt that did not fail, and the first that did.
    attempt: u32,
    failed: u32,
    attempts: u32,
    /// How many enqueues were answered; the one that was answered first, and that answer.
    acks: u32,
    acked: u32,
    answered: u32,
    /// How many times it came out, and the dequeue that had it first and last.
    out: u32,
    first_out: u32,
    last_out: u32,
}

struct Survey<'h> {
    numbering: Numbering<'h>,
    all: Vec<Element>,
    /// The answered dequeue or drain that was invoked last.
    last_look: u32,
    dequeued: usize,
    /// Unanswered dequeues and drains.
    open_dequeues: usize,
    open_drains: usize,
}

/// Walks through the events; `strict` reports a second time out as a problem at once.
fn survey<'h>(
    history: &'h History,
    findings: &mut Findings<'_>,
    strict: bool,
    budget: &Budget<'_>,
) -> Result<Survey<'h>, Undecided> {
    let none = Element {
        attempt: NONE,
        failed: NONE,
        attempts: 0,
        acks: 0,
        acked: NONE,
        answered: NONE,
        out: 0,
        first_out: NONE,
        last_out: NONE,
    };
    let mut survey = Survey {
        numbering: Numbering::of(history),
        all: Vec::new(),
        last_look: NONE,
        dequeued: 0,
        open_dequeues: 0,
        open_drains: 0,
    };
    // Attempts first: a later one is part of the sentence about an element that came out too early.
    let mut outs = Vec::new();
    for operation in history.operations() {
        let call = operation.call as u32;
        let f = operation.invocation.f;
        if f == "enqueue" {
            let number = survey.numbering.number(operation.invocation.value);
            survey.all.resize(survey.numbering.len(), none);
            let element = &mut survey.all[number];
            match operation.fate() {
                Fate::Fail => element.failed = element.failed.min(call),
                fate => {
                    element.attempts += 1;
                    element.attempt = element.attempt.min(call);
                    if let (Fate::Ok, Some(ret)) = (fate, operation.ret()) {
                        element.acks += 1;
                        if (ret as u32) < element.answered {
                            (element.acked, element.answered) = (call, ret as u32);
                        }
                    }
                }
            }
            continue;
        }
        match (operation.fate(), operation.ret()) {
            (Fate::Ok, Some(ret)) => {
                survey.last_look = call;
                outs.push((ret, operation.call, f == "drain"));
            }
            (Fate::Info, _) if f == "drain" => survey.open_drains += 1,
            (Fate::Info, _) => survey.open_dequeues += 1,
            _ => {}
        }
    }
    outs.sort_unstable();
    // How many attempts on each element were begun, walking through answers in their order.
    let mut begun: Vec<u32> = vec![0; survey.all.len()];
    let mut position = 0;
    let mut pace = Pace::new(budget);
    let enqueue = history.f_number("enqueue");
    for (ret, call, drain) in outs {
        while position < ret {
            let event = history.event(position);
            if event.is_invoke() && !event.process.is_nemesis() && Some(event.f_number) == enqueue {
                let failed = history
                    .partner(position)
                    .is_some_and(|at| history.event(at).event_type == crate::event::EventType::Fail);
                if let (false, Some(number)) = (failed, survey.numbering.find(event.value)) {
                    begun[number] += 1;
                }
            }
            position += 1;
        }
        let value = history.event(ret).value;
        let values: Vec<_> = if drain {
            elements(history, ret)?.collect()
        } else if value.is_nil() {
            Vec::new()
        } else {
            vec![value]
        };
        pace.did(values.len() + 1)?;
        for value in values {
            survey.dequeued += 1;
            let number = survey.numbering.number(value);
            survey.all.resize(survey.numbering.len(), none);
            begun.resize(survey.numbering.len(), 0);
            let element = &mut survey.all[number];
            let previous = element.last_out;
            element.out += 1;
            element.first_out = element.first_out.min(call as u32);
            element.last_out = call as u32;
            if element.out <= begun[number] {
                continue;
            }
            let at = |position: u32| history.origin(position as usize);
            let shown = shorten(&value);
            if begun[number] == 0 {
                let (calls, why) = match (element.failed, element.attempt) {
                    (NONE, NONE) => (vec![call], "which nobody enqueued".to_owned()),
                    (NONE, later) => (
                        vec![call, later as usize],
                        format!("which nobody tried to enqueue before event {}", at(later)),
                    ),
                    (failed, _) => (
                        vec![failed as usize, call],
                        "which is not in the queue: its enqueue failed".to_owned(),
                    ),
                };
                findings.add_about("unexpected", &calls, &[value], || {
                    format!(
                        "the {} at event {} has {shown}, {why}",
                        history.event(call).f,
                        history.origin(call)
                    )
                });
            } else if strict {
                let attempt = element.attempt as usize;
                findings.add_about("duplicated", &[attempt, previous as usize, call], &[value], || {
                    format!(
                        "{shown} comes out at event {} for time {}, but only {} had been begun to put it in",
                        history.origin(ret),
                        element.out,
                        if begun[number] == 1 {
                            "one enqueue".to_owned()
                        } else {
                            format!("{} enqueues", begun[number])
                        }
                    )
                });
            }
        }
    }
    Ok(survey)
}

impl Survey<'_> {
    fn counts(&self) -> [(&'static str, usize); 5] {
        let count = |belongs: &dyn Fn(&Element) -> bool| self.all.iter().filter(|e| belongs(e)).count();
        [
            ("attempt_count", self.all.iter().map(|e| e.attempts as usize).sum()),
            ("acknowledged_count", self.all.iter().map(|e| e.acks as usize).sum()),
            ("ok_count", self.dequeued),
            ("duplicated_count", count(&|e| e.attempts > 0 && e.out > e.attempts)),
            ("recovered_count", count(&|e| e.attempts > 0 && e.acks == 0 && e.out > 0)),
        ]
    }
}

impl Checker for Queue {
    fn name(&self) -> &str {
        "queue"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a queue", FUNCTIONS)
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        const ALGORITHM: &str = "queue";
        let judge = || {
            self.understands(history)?;
            timed(history)?;
            let mut findings = Findings::new(history);
            let survey = survey(history, &mut findings, true, budget)?;
            let judgement = findings.conclude(ALGORITHM, || {
                let reason = (survey.dequeued == 0).then(|| "nothing was dequeued".to_owned());
                valid_unless(ALGORITHM, reason)
            });
            Ok(survey.counts().into_iter().fold(judgement, |judgement, (name, n)| judgement.with(name, n)))
        };
        judged(ALGORITHM, judge())
    }
}

impl Checker for TotalQueue {
    fn name(&self) -> &str {
        "total-queue"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a queue", FUNCTIONS)
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(TOTAL, self.judge(history, budget))
    }
}

const TOTAL: &str = "total-queue";
/// How many operations on one element are quoted at most.
const MAX_QUOTED: usize = 32;

/// Of an element that came out, if not as often as it went in: all that it came out of, and one
/// enqueue more than these, unless they are too many to be read.
fn one_more_in_than_out(history: &History, value: ValueRef<'_>, element: &Element) -> Vec<usize> {
    let mut enqueues = vec![element.acked as usize];
    let mut outs = Vec::new();
    if element.out as usize > MAX_QUOTED / 2 {
        return outs;
    }
    for operation in history.operations().filter(|operation| operation.fate() == Fate::Ok) {
        let Some((_, answer)) = operation.completion else { continue };
        if operation.invocation.f == "enqueue" {
            let wanted = enqueues.len() <= element.out as usize && operation.call != element.acked as usize;
            if wanted && operation.invocation.value == value {
                enqueues.push(operation.call);
            }
            continue;
        }
        let drained = |list: Items<'_>| list.into_iter().any(|item| item == value);
        let has = match answer.value.as_list().filter(|_| operation.invocation.f == "drain") {
            Some(list) => drained(list),
            None => answer.value == value,
        };
        outs.extend(has.then_some(operation.call));
    }
    outs.extend(enqueues);
    outs
}

impl TotalQueue {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        timed(history)?;
        let mut findings = Findings::new(history);
        let survey = survey(history, &mut findings, false, budget)?;
        // Elements that nobody dequeued, in the order in which they were met.
        let mut missing = Vec::new();
        let mut never_looked = 0;
        for (number, element) in survey.all.iter().enumerate() {
            if element.acks == 0 || element.out >= element.acks {
                continue;
            }
            if survey.last_look == NONE || element.answered > survey.last_look {
                never_looked += 1;
            } else {
                missing.push((number, (element.acks - element.out) as usize));
            }
        }
        let missing_count: usize = missing.iter().map(|(_, n)| n).sum();
        let (may_have_taken, drains) =
            if self.redelivers { (0, 0) } else { (survey.open_dequeues, survey.open_drains) };
        let lost_for_certain = drains == 0 && missing_count > may_have_taken;
        if lost_for_certain {
            for (number, _) in &missing {
                let element = &survey.all[*number];
                let value = survey.numbering.value(*number);
                let look = survey.last_look as usize;
                let mut calls = vec![element.acked as usize, look];
                if element.out > 0 && findings.count("lost") < MAX_TOLD {
                    calls.extend(one_more_in_than_out(history, value, element));
                }
                findings.add_about("lost", &calls, &[value], || {
                    let shown = shorten(&value);
                    let added = history.origin(element.answered as usize);
                    let look = history.origin(look);
                    let mut sentence = if element.out == 0 {
                        format!("{shown} was enqueued, answered at event {added}, and no dequeue or drain had it, the last of them begun at event {look}")
                    } else {
                        format!("{shown} was enqueued {} times, but came out {} times only", element.acks, element.out)
                    };
                    if may_have_taken > 0 {
                        sentence.push_str(&format!(
                            "; {missing_count} elements are missing so, and {may_have_taken} unanswered dequeues cannot have taken them all"
                        ));
                    }
                    sentence
                });
            }
        }
        let lost = if lost_for_certain { missing_count - may_have_taken } else { 0 };
        let unexpected = findings.count("unexpected");
        let judgement = findings.conclude(TOTAL, || {
            let reason = if survey.dequeued == 0 && missing_count == 0 {
                Some("nothing was dequeued".to_owned())
            } else if missing_count > 0 && drains > 0 {
                Some(format!("{missing_count} elements never came out, but a drain without an answer may have had them"))
            } else if missing_count > 0 {
                Some(format!("{missing_count} elements never came out, but {may_have_taken} dequeues without an answer may have had them"))
            } else if never_looked > 0 {
                Some(format!("{never_looked} elements were enqueued after the last dequeue or drain began; nobody looked for them"))
            } else {
                None
            };
            valid_unless(TOTAL, reason)
        });
        let judgement = judgement.with("lost_count", lost).with("unexpected_count", unexpected);
        Ok(survey.counts().into_iter().fold(judgement, |judgement, (name, n)| judgement.with(name, n)))
    }
}
