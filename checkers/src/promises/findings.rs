//! What a checker found wrong: counted by name, told in full only for the first few of a kind.

use std::collections::BTreeMap;

use super::shape::field;
use crate::event::EventType;
use crate::evidence::{Evidence, Finding, QuotedOperation};
use crate::history::{Fate, History};
use crate::tape::{ValueRef, View};
use crate::value::Value;
use crate::verdict::Judgement;

/// How many findings of one kind are told.
pub(super) const MAX_TOLD: usize = 16;
/// How many bytes a value may have on the tape to be quoted in full.
const MAX_QUOTED: usize = 240;

/// Findings, in the order in which they were made.
pub(super) struct Findings<'h> {
    history: &'h History,
    told: Vec<Evidence>,
    /// Names of problems, the most telling first, each with how often it was found.
    counts: Vec<(&'static str, usize)>,
}

impl<'h> Findings<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        Findings { history, told: Vec::new(), counts: Vec::new() }
    }

    /// Records a problem that the operations invoked at `calls` show.
    pub(super) fn add(&mut self, problem: &'static str, calls: &[usize], sentence: impl FnOnce() -> String) {
        self.add_about(problem, calls, &[], sentence);
    }

    /// The same, about values that may be deep in a long read: it is quoted with what it says of them.
    pub(super) fn add_about(
        &mut self,
        problem: &'static str,
        calls: &[usize],
        about: &[ValueRef<'_>],
        sentence: impl FnOnce() -> String,
    ) {
        let count = match self.counts.iter_mut().find(|(name, _)| *name == problem) {
            Some((_, count)) => count,
            None => {
                self.counts.push((problem, 0));
                &mut self.counts.last_mut().expect("it was pushed just now").1
            }
        };
        *count += 1;
        if *count > MAX_TOLD {
            return;
        }
        let mut calls = calls.to_vec();
        calls.sort_unstable();
        calls.dedup();
        self.told.push(Evidence::Finding(Finding {
            problem: problem.to_owned(),
            key: None,
            sentence: sentence(),
            steps: Vec::new(),
            operations: calls.into_iter().map(|call| quote(self.history, call, about)).collect(),
        }));
    }

    /// Adds the findings of `other` behind these.
    pub(super) fn append(&mut self, other: Findings<'h>) {
        self.told.extend(other.told);
        self.counts.extend(other.counts);
    }

    /// How often a problem was found.
    pub(super) fn count(&self, problem: &str) -> usize {
        self.counts.iter().find(|(name, _)| *name == problem).map_or(0, |(_, count)| *count)
    }

    /// `invalid` if anything was found, or else what `otherwise` says. Problems whose name is in
    /// `allowed` are told in the details and break nothing.
    pub(super) fn conclude_allowing(
        self,
        algorithm: &'static str,
        allowed: &[&str],
        otherwise: impl FnOnce() -> Judgement,
    ) -> Judgement {
        let is_allowed = |evidence: &Evidence| match evidence {
            Evidence::Finding(finding) => allowed.contains(&finding.problem.as_str()),
            _ => false,
        };
        let (tolerated, broken): (Vec<_>, Vec<_>) = self.told.into_iter().partition(is_allowed);
        let judgement = if broken.is_empty() { otherwise() } else { Judgement::invalid(algorithm, broken) };
        let errors: BTreeMap<&str, usize> = self.counts.iter().map(|(name, count)| (*name, *count)).collect();
        let total: usize =
            self.counts.iter().filter(|(name, _)| !allowed.contains(name)).map(|(_, count)| count).sum();
        let judgement = judgement.with("error_count", total);
        let judgement = if errors.is_empty() { judgement } else { judgement.with("errors", errors) };
        if tolerated.is_empty() {
            return judgement;
        }
        let sentences: Vec<&str> = tolerated.iter().map(Evidence::sentence).collect();
        judgement.with("tolerated", sentences)
    }

    /// `invalid` if anything was found, or else what `otherwise` says.
    pub(super) fn conclude(
        self,
        algorithm: &'static str,
        otherwise: impl FnOnce() -> Judgement,
    ) -> Judgement {
        debug_assert!(self.counts.is_empty() == self.told.is_empty());
        self.conclude_allowing(algorithm, &[], otherwise)
    }
}

/// `unknown` with this reason, or `valid` without one.
pub(super) fn valid_unless(algorithm: &'static str, reason: Option<String>) -> Judgement {
    match reason {
        Some(reason) => Judgement::unknown(algorithm, reason),
        None => Judgement::valid(algorithm),
    }
}

/// The operation invoked at `call`, with values that are too long for a person in short.
pub(super) fn quote(history: &History, call: usize, about: &[ValueRef<'_>]) -> QuotedOperation {
    let invocation = history.get(call);
    let completion = if history.completions_only() { Some(call) } else { history.partner(call) };
    let completion = completion.and_then(|at| Some((at, history.get(at)?)));
    let fate = match completion.map(|(_, event)| event.event_type) {
        Some(EventType::Ok) => Fate::Ok,
        Some(EventType::Fail) => Fate::Fail,
        _ => Fate::Info,
    };
    let process = invocation.and_then(|event| event.process.number()).unwrap_or(u32::MAX);
    let f = invocation.map(|event| event.f.to_string()).unwrap_or_default();
    let input = invocation.map(|event| brief(event.value, about)).unwrap_or_default();
    let output = completion.filter(|_| fate == Fate::Ok).map(|(_, event)| brief(event.value, about));
    let shown = output.as_ref().filter(|output| !output.is_nil() || input.is_nil()).unwrap_or(&input);
    let text = match shown {
        Value::Str(text) => format!("process {process}: {f} {text}"),
        other => format!("process {process}: {f} {other}"),
    };
    let ended = completion.filter(|_| fate != Fate::Info);
    QuotedOperation {
        call,
        ret: ended.map(|(at, _)| at),
        process,
        f,
        input,
        output,
        fate: fate.as_str().to_owned(),
        call_time: invocation.map_or(0, |event| event.time),
        ret_time: ended.map(|(_, event)| event.time),
        text,
    }
}

/// The value, or a summary of a long one: its size, and how often each value of `about` is in it.
fn brief(value: ValueRef<'_>, about: &[ValueRef<'_>]) -> Value {
    if value.as_bytes().len() <= MAX_QUOTED {
        return value.to_value();
    }
    match value.view() {
        View::List(items) => {
            // A list may be one half of a pair, [key, elements].
            let inner = value.as_pair().filter(|(key, _)| key.as_bytes().len() <= MAX_QUOTED);
            if let Some((key, elements)) = inner {
                return Value::pair(key.to_value(), brief(elements, about));
            }
            let mut summary = format!("{} elements", items.len());
            for wanted in about {
                let times = items.clone().filter(|item| has(*item, *wanted)).count();
                let shown = shorten(wanted);
                summary.push_str(&match times {
                    0 => format!(", without {shown}"),
                    1 => format!(", with {shown}"),
                    n => format!(", with {shown} {n} times"),
                });
            }
            summary.into()
        }
        View::Map(entries) => format!("{} entries", entries.len()).into(),
        _ => shorten(&value).into(),
    }
}

/// Whether an element is `wanted`, begins with it or has it as `val`: by these pairs and rows are known.
fn has(item: ValueRef<'_>, wanted: ValueRef<'_>) -> bool {
    let first = || item.as_list().and_then(|mut parts| parts.next());
    item == wanted || first().or_else(|| field(item, "val")).is_some_and(|part| part == wanted)
}

/// The first characters of a value, for messages.
pub(super) fn shorten(value: &ValueRef<'_>) -> String {
    const MAX_CHARS: usize = 80;
    // Converting a whole read only to cut it would make one message cost as much as a check.
    if value.as_bytes().len() > 64 * MAX_CHARS {
        return match value.view() {
            View::List(items) => format!("a list of {} elements", items.len()),
            View::Map(entries) => format!("a map of {} entries", entries.len()),
            View::Str(text) => text.chars().take(MAX_CHARS).chain("…".chars()).collect(),
            _ => "a long value".to_owned(),
        };
    }
    let text = value.to_string();
    if text.chars().count() <= MAX_CHARS {
        return text;
    }
    text.chars().take(MAX_CHARS).chain("…".chars()).collect()
}
