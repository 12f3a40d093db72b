//! What became of every element added to a set.
//!
//! After Jepsen's `checker/set-full`. Operations are `add x` and `read`, which answers with a list.
//! An element is *known* from the completion of its `ok` add, or of the first read that has it,
//! whichever was first. It is then
//!
//! - **lost** if some read lacks it that began after it was known and after every read that has
//!   it had ended;
//! - **stale** if it is not lost, but some read lacks it that began after it was known: it came
//!   back, or two overlapping reads disagree;
//! - **stable** if it was read and is not lost (so a stale element is stable as well);
//! - **never read** otherwise: no read could be expected to have it.
//!
//! An element is **duplicated** if one read has it twice, and **unexpected** if a read has it that
//! ended before anybody tried to add it, or that nobody did; an add with `fail` did not happen. An
//! add with `info` may take effect whenever it likes, or never, so it is expected by no read until
//! one has had it.
//!
//! A history in which an *answered* add was never read shows nothing of that element, so it is
//! `unknown` unless something else was broken.
//!
//! With `linearizable`, staleness is a violation, and so are reads that no order of adds explains
//! (see `order.rs`): all together are exactly linearizability.
//!
//! Jepsen orders reads by invocation, so of two overlapping last reads that disagree the order of
//! invocations decides whether an element is lost. Here that is stale, because the system may
//! still have it.

use std::collections::HashMap;

use crate::checker::{Budget, Checker};
use crate::evidence::{Evidence, QuotedOperation, SetElementEvidence};
use crate::hash::FastHash;
use crate::history::{Fate, History, Operation};
use crate::model::DecodeError;
use crate::stats::Latency;
use crate::tape::ValueRef;
use crate::value::Value;
use crate::verdict::Judgement;

mod order;

use order::Disorder;

/// Which algorithm answers.
const ALGORITHM: &str = "set-full";
/// How many elements of one fate are named, and have evidence.
const MAX_TOLD: usize = 16;
/// How many elements of a read pass between two questions whether to stop.
const ASK_EVERY: usize = 1 << 20;
/// No operation.
const NONE: u32 = u32::MAX;

/// Judges a set that only grows.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetFull {
    /// Whether a stale element breaks the promise.
    pub linearizable: bool,
}

/// What is known of one element. Positions are event positions, or [`NONE`].
struct Element {
    value: Value,
    /// The first attempt to add it that did not fail.
    attempt: u32,
    /// Invocation of the add that was answered first, and that answer.
    added: u32,
    answered: u32,
    /// When it was known: position and time of a completion.
    known: u32,
    known_time: u64,
    /// Invocation of the read with it that completed first, and that completion.
    first_present: u32,
    first_present_ret: u32,
    /// Invocation of the read with it that completed last, and that completion.
    last_present: u32,
    last_present_ret: u32,
    /// The read without it that was invoked last.
    last_absent: u32,
    last_absent_time: u64,
    /// The last read in which it was met, by number, and one that has it twice.
    met_in: u32,
    doubled_in: u32,
}

impl Element {
    fn new(value: Value) -> Self {
        Element {
            value,
            attempt: NONE,
            added: NONE,
            answered: NONE,
            known: NONE,
            known_time: 0,
            first_present: NONE,
            first_present_ret: NONE,
            last_present: NONE,
            last_present_ret: 0,
            last_absent: NONE,
            last_absent_time: 0,
            met_in: NONE,
            doubled_in: NONE,
        }
    }

    fn know(&mut self, position: usize, time: u64) {
        if position < self.known as usize {
            (self.known, self.known_time) = (position as u32, time);
        }
    }

    /// Invocation of the add that a person is shown.
    fn add(&self) -> u32 {
        if self.added == NONE { self.attempt } else { self.added }
    }

    /// Invocation of the operation by whose answer it was known.
    fn witness(&self) -> u32 {
        if self.known == self.answered { self.added } else { self.first_present }
    }

    fn seen(&self) -> bool {
        self.last_present != NONE
    }

    /// A read lacks it that should not have.
    fn missed(&self) -> bool {
        self.known != NONE && self.last_absent != NONE && self.last_absent > self.known
    }

    fn lost(&self) -> bool {
        self.missed() && (!self.seen() || self.last_absent > self.last_present_ret)
    }

    fn stale(&self) -> bool {
        self.missed() && !self.lost()
    }

    /// Its add was answered, and no read that could be expected to have it was.
    fn unproved(&self) -> bool {
        self.added != NONE && !self.seen() && !self.lost()
    }

    fn unexpected(&self) -> bool {
        // Without an attempt, `attempt` is beyond every position.
        self.seen() && self.first_present_ret < self.attempt
    }
}

/// All elements of a history, and where to find them.
struct Elements {
    all: Vec<Element>,
    by_value: HashMap<Box<[u8]>, u32, FastHash>,
    /// For numbers from 0 to below `direct`, which most workloads add: faster than the table.
    by_number: Vec<u32>,
    direct: i64,
}

impl Elements {
    fn of(history: &History) -> Self {
        // It may cost as much as the history itself, not more: there may be one of these for each key.
        let direct = (8 * history.len() as i64).min(1 << 22);
        Elements { all: Vec::new(), by_value: HashMap::default(), by_number: Vec::new(), direct }
    }

    fn index(&mut self, value: ValueRef<'_>) -> usize {
        let next = self.all.len() as u32;
        let slot = match value.as_int() {
            Some(n) if (0..self.direct).contains(&n) => {
                let n = n as usize;
                if n >= self.by_number.len() {
                    self.by_number.resize((n + 1).next_power_of_two(), NONE);
                }
                &mut self.by_number[n]
            }
            _ => match self.by_value.get(value.as_bytes()) {
                Some(&index) => return index as usize,
                None => self.by_value.entry(value.as_bytes().into()).or_insert(NONE),
            },
        };
        if *slot == NONE {
            *slot = next;
            self.all.push(Element::new(value.to_value()));
            return next as usize;
        }
        *slot as usize
    }
}

impl Checker for SetFull {
    fn name(&self) -> &str {
        if self.linearizable { "set-full-linearizable" } else { "set-full" }
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        let foreign = |operation: &Operation<'_>| {
            operation.fate() != Fate::Fail && !matches!(operation.invocation.f.as_str(), "add" | "read")
        };
        match history.operations().find(foreign) {
            None => Ok(()),
            Some(operation) => Err(DecodeError {
                position: history.origin(operation.call),
                problem: format!(
                    "a set has no `{}`, only `add` and `read`; choose the workload that this history is of",
                    operation.invocation.f
                ),
            }),
        }
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        if history.completions_only() {
            let reason = "the history has no invocations, so it does not say what came before what";
            return Judgement::unknown(ALGORITHM, reason);
        }
        match survey(history, self.linearizable, budget) {
            Ok(survey) => self.judge(history, &survey),
            Err(reason) => Judgement::unknown(ALGORITHM, reason),
        }
    }
}

/// What one walk through the operations found.
struct Survey {
    elements: Vec<Element>,
    reads: usize,
    /// Two reads, or a read and an add, that cannot be put in order; not looked for unless the set
    /// is to be linearizable.
    disorder: Option<Disorder>,
}

/// An answered read.
struct Read {
    call: u32,
    /// How many different elements it has.
    size: u32,
}

/// Goes through all operations. An error is a reason not to judge.
fn survey(history: &History, linearizable: bool, budget: &Budget<'_>) -> Result<Survey, String> {
    let mut elements = Elements::of(history);
    for operation in history.operations() {
        match (operation.invocation.f.as_str(), operation.fate()) {
            (_, Fate::Fail) | ("read", _) => {}
            ("add", fate) => {
                let index = elements.index(operation.invocation.value);
                let element = &mut elements.all[index];
                element.attempt = element.attempt.min(operation.call as u32);
                if let (Fate::Ok, Some((ret, completion))) = (fate, operation.completion) {
                    if (ret as u32) < element.answered {
                        (element.added, element.answered) = (operation.call as u32, ret as u32);
                    }
                    element.know(ret, completion.time);
                }
            }
            (f, _) => {
                return Err(format!(
                    "event {}: `set-full` knows `add` and `read`, not `{f}`; a set that does more needs another checker",
                    history.origin(operation.call)
                ));
            }
        }
    }
    let mut reads: Vec<Read> = Vec::new();
    let mut looked_at = 0;
    for operation in history.operations().filter(|op| op.invocation.f == "read" && op.fate() == Fate::Ok) {
        let size = take_read(history, &operation, reads.len() as u32, &mut elements)?;
        reads.push(Read { call: operation.call as u32, size });
        looked_at += size as usize + 1;
        if looked_at >= ASK_EVERY {
            looked_at = 0;
            if let Some(reason) = budget.stop.and_then(|stop| stop()) {
                return Err(format!("{reason} after {} reads", reads.len()));
            }
        }
    }
    find_last_absences(history, &reads, &mut elements);
    let count = reads.len();
    let disorder = if linearizable { order::find(history, reads, &mut elements, budget)? } else { None };
    Ok(Survey { elements: elements.all, reads: count, disorder })
}

/// How many different elements the read has.
fn take_read(
    history: &History,
    operation: &Operation<'_>,
    number: u32,
    elements: &mut Elements,
) -> Result<u32, String> {
    let Some((ret, completion)) = operation.completion else { return Ok(0) };
    let Some(list) = completion.value.as_list() else {
        let shown: String = completion.value.to_string().chars().take(80).collect();
        return Err(format!(
            "event {}: an answered `read` of a set needs a list of elements, not {shown}",
            history.origin(ret)
        ));
    };
    let call = operation.call as u32;
    let mut size = 0;
    for value in list {
        let index = elements.index(value);
        let element = &mut elements.all[index];
        if element.met_in == number {
            element.doubled_in = call;
            continue;
        }
        element.met_in = number;
        size += 1;
        element.know(ret, completion.time);
        if (ret as u32) < element.first_present_ret {
            (element.first_present, element.first_present_ret) = (call, ret as u32);
        }
        if ret as u32 > element.last_present_ret {
            (element.last_present, element.last_present_ret) = (call, ret as u32);
        }
    }
    Ok(size)
}

/// For each element the read without it that was invoked last. From the last read back only those are
/// asked about that all later reads have, so that it costs no more than the reads are long.
fn find_last_absences(history: &History, reads: &[Read], elements: &mut Elements) {
    let mut asked: Vec<u32> = (0..elements.all.len() as u32).collect();
    // Numbered beyond those by which reads were taken.
    for (turn, read) in (reads.len() as u32..).zip(reads.iter().rev()) {
        if asked.is_empty() {
            break;
        }
        for value in order::list(history, read.call) {
            let at = elements.index(value);
            elements.all[at].met_in = turn;
        }
        let time = history.event(read.call as usize).time;
        asked.retain(|at| {
            let element = &mut elements.all[*at as usize];
            let has = element.met_in == turn;
            if !has {
                (element.last_absent, element.last_absent_time) = (read.call, time);
            }
            has
        });
    }
}

impl SetFull {
    fn judge(&self, history: &History, survey: &Survey) -> Judgement {
        let Survey { elements, reads, disorder } = survey;
        let of = |belongs: fn(&Element) -> bool| -> Vec<&Element> {
            elements.iter().filter(|element| belongs(element)).collect()
        };
        let lost = of(Element::lost);
        let stale = of(Element::stale);
        let doubled = of(|element| element.doubled_in != NONE);
        let unexpected = of(Element::unexpected);
        let stable = of(|element| element.seen() && !element.lost() && element.attempt != NONE);
        let attempted = elements.iter().filter(|element| element.attempt != NONE).count();
        let unproved = elements.iter().filter(|element| element.unproved()).count();
        let never_read = of(|element| element.attempt != NONE && !element.seen() && !element.lost());

        let mut evidence = Vec::new();
        let mut accuse = |accused: &[&Element], problem: Problem| {
            let told = accused.iter().take(MAX_TOLD);
            evidence.extend(told.map(|element| Evidence::SetElement(problem.evidence(history, element))));
        };
        accuse(&lost, Problem::Lost);
        accuse(&unexpected, Problem::NeverAdded);
        accuse(&doubled, Problem::Duplicated);
        if self.linearizable {
            accuse(&stale, Problem::Stale);
        }
        evidence
            .extend(disorder.as_ref().map(|found| Evidence::SetElement(found.evidence(history, elements))));
        let judgement = if !evidence.is_empty() {
            Judgement::invalid(ALGORITHM, evidence)
        } else if *reads == 0 {
            Judgement::unknown(ALGORITHM, "no read was answered with ok; nobody looked at the set")
        } else if stable.is_empty() {
            let reason = format!("none of {attempted} elements was there to be read by any of {reads} reads");
            Judgement::unknown(ALGORITHM, reason)
        } else if unproved > 0 {
            let (were, they) =
                if unproved == 1 { ("element was", "it was") } else { ("elements were", "they were") };
            let reason = format!("{unproved} acknowledged {were} never looked for after {they} added");
            Judgement::unknown(ALGORITHM, reason)
        } else {
            Judgement::valid(ALGORITHM)
        };
        // How long after it was known an element was last missed.
        let mut stable_ns: Vec<u64> = stable
            .iter()
            .map(|element| {
                if element.missed() { element.last_absent_time.saturating_sub(element.known_time) } else { 0 }
            })
            .collect();
        let counts = [
            ("attempt_count", attempted),
            ("acknowledged_count", elements.iter().filter(|element| element.added != NONE).count()),
            ("read_count", *reads),
            ("stable_count", stable.len()),
            ("lost_count", lost.len()),
            ("stale_count", stale.len()),
            ("never_read_count", never_read.len()),
            ("duplicated_count", doubled.len()),
            ("unexpected_count", unexpected.len()),
        ];
        let judgement = counts.into_iter().fold(judgement, |judgement, (name, n)| judgement.with(name, n));
        let named = [
            ("lost", &lost),
            ("stale", &stale),
            ("never_read", &never_read),
            ("duplicated", &doubled),
            ("unexpected", &unexpected),
        ];
        let judgement = named.into_iter().fold(judgement, |judgement, (name, which)| {
            let values: Vec<&Value> = which.iter().take(MAX_TOLD).map(|element| &element.value).collect();
            judgement.with(name, values)
        });
        judgement.with("stable_latency", Latency::of(&mut stable_ns))
    }
}

/// The ways in which an element can break the promise.
#[derive(Clone, Copy)]
enum Problem {
    Lost,
    Stale,
    Duplicated,
    NeverAdded,
}

impl Problem {
    fn evidence(self, history: &History, element: &Element) -> SetElementEvidence {
        let Element { value, .. } = element;
        let add = element.add();
        let at = |position: u32| history.origin(position as usize);
        let (problem, sentence, calls) = match self {
            Problem::Lost => (
                "lost",
                format!(
                    "{value} was known to be in the set at event {}, but the last read, begun at event {}, lacks it",
                    at(element.known),
                    at(element.last_absent)
                ),
                vec![add, element.witness(), element.last_present, element.last_absent],
            ),
            Problem::Stale => (
                "stale",
                format!(
                    "{value} was known to be in the set at event {}, but the read that began at event {} lacks it",
                    at(element.known),
                    at(element.last_absent)
                ),
                vec![add, element.first_present, element.last_absent, element.last_present],
            ),
            Problem::Duplicated => (
                "duplicated",
                format!("the read at event {} has {value} twice", at(element.doubled_in)),
                vec![add, element.doubled_in],
            ),
            Problem::NeverAdded if element.attempt == NONE => (
                "never-added",
                format!("the read at event {} has {value}, which nobody added", at(element.first_present)),
                vec![element.first_present],
            ),
            Problem::NeverAdded => (
                "never-added",
                format!(
                    "the read at event {} has {value}, which nobody tried to add before event {}",
                    at(element.first_present),
                    at(element.attempt)
                ),
                vec![element.first_present, element.attempt],
            ),
        };
        about(history, value, problem, sentence, calls)
    }
}

/// Evidence about one element: the operations invoked at `calls`, without the missing ones.
fn about(
    history: &History,
    value: &Value,
    problem: &str,
    sentence: String,
    calls: Vec<u32>,
) -> SetElementEvidence {
    let mut calls: Vec<usize> =
        calls.into_iter().filter(|call| *call != NONE).map(|call| call as usize).collect();
    calls.sort_unstable();
    calls.dedup();
    SetElementEvidence {
        element: value.clone(),
        problem: problem.to_owned(),
        sentence,
        operations: calls.into_iter().map(|call| quote(history, call, value)).collect(),
    }
}

/// A read is quoted with what it says of the element: its list may have any length.
fn quote(history: &History, call: usize, element: &Value) -> QuotedOperation {
    let mut quoted = QuotedOperation::at(history, call, false);
    if let Some(list) = quoted.output.as_ref().and_then(Value::as_list) {
        let times = list.iter().filter(|value| *value == element).count();
        let has = match times {
            0 => format!("without {element}"),
            1 => format!("with {element}"),
            n => format!("with {element} {n} times"),
        };
        let summary = format!("{} elements, {has}", list.len());
        quoted.text = format!("process {}: read {summary}", quoted.process);
        quoted.output = Some(summary.into());
    }
    quoted
}
