//! Watches: every watcher is told every change once, in order, also across a resumption.
//!
//! The promises of etcd's watch API (ordered, unique, reliable, atomic, resumable, bookmarkable),
//! and the final logs that Jepsen's etcd `watch` workload compares. Operations:
//!
//! | operation | value | answer |
//! |---|---|---|
//! | `write` | the value | the revision that it made, or `{"revision": r, "value": v}`, or `[r, v]` |
//! | `watch` | nil, or `{"from": r}`: the first revision that is wanted | the events so far, `[[r, v], …]` in the order in which they came, or `{"events": […], "to": r}`: nothing up to `r` is still to come |
//!
//! A watcher is a process; its next watch goes on behind what it saw, unless `from` says otherwise. A revision is
//! one event; if a transaction changes several keys at one revision, its event has them all.
//!
//! | problem | meaning |
//! |---|---|
//! | `out-of-order` | a revision behind a larger one, in one answer |
//! | `duplicated` | a revision twice in one answer |
//! | `replayed` | a revision that the watcher had seen before it resumed, or that is smaller than the wanted one |
//! | `gap` | a revision is missing that lies between two that were told in one answer, or is not past `to` |
//! | `gap-after-resume` | the same, between two answers, or between the wanted revision and the first |
//! | `disagreement` | two operations give one revision different values |
//! | `aborted-event` | an event of a value all of whose writes failed |
//!
//! A revision exists if a write was answered with it, or if some watcher saw it.

use std::collections::HashMap;

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{Pace, Undecided, field, judged, misshapen, only, timed};
use crate::checker::{Budget, Checker};
use crate::event::Process;
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::tape::ValueRef;
use crate::verdict::Judgement;

const ALGORITHM: &str = "watch";

/// Judges what watchers are told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Watch;

/// An answered watch.
struct Answer<'h> {
    call: usize,
    process: Process,
    from: Option<i64>,
    to: Option<i64>,
    events: Vec<(i64, ValueRef<'h>)>,
}

impl Checker for Watch {
    fn name(&self) -> &str {
        "watch"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a watched store", &["write", "watch"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

fn revision(value: ValueRef<'_>) -> Option<i64> {
    let paired = || value.as_pair().and_then(|(revision, _)| revision.as_int());
    value.as_int().or_else(|| field(value, "revision")?.as_int()).or_else(paired)
}

fn answer(history: &History, call: usize, ret: usize) -> Result<Answer<'_>, DecodeError> {
    let value = history.event(ret).value;
    let bad = || misshapen(history, ret, "events [[revision, value], …] as its answer");
    let list = field(value, "events").unwrap_or(value).as_list().ok_or_else(bad)?;
    let events: Option<Vec<_>> =
        list.map(|event| event.as_pair().and_then(|(r, v)| Some((r.as_int()?, v)))).collect();
    let bound = |of: ValueRef<'_>, name| field(of, name).and_then(|bound| bound.as_int());
    let invocation = history.event(call);
    Ok(Answer {
        call,
        process: invocation.process,
        from: bound(invocation.value, "from").or_else(|| invocation.value.as_int()),
        to: bound(value, "to"),
        events: events.ok_or_else(bad)?,
    })
}

/// All revisions that exist, in order, each with its value and who told of it first.
struct Known<'h> {
    revisions: Vec<i64>,
    by_revision: HashMap<i64, (ValueRef<'h>, usize), FastHash>,
}

impl<'h> Known<'h> {
    /// Somebody says that a revision exists; two must not disagree on its value.
    fn tell(
        &mut self,
        history: &History,
        revision: i64,
        value: ValueRef<'h>,
        call: usize,
        findings: &mut Findings<'_>,
    ) {
        let (other, teller) = *self.by_revision.entry(revision).or_insert((value, call));
        if other != value {
            findings.add("disagreement", &[teller, call], || {
                format!(
                    "revision {revision} is {} by the operation at event {} and {} by the one at event {}",
                    shorten(&other),
                    history.origin(teller),
                    shorten(&value),
                    history.origin(call)
                )
            });
        }
    }

    /// The first revision in `from..to`, and who told of it.
    fn first_in(&self, from: i64, to: i64) -> Option<(i64, usize)> {
        let at = self.revisions.partition_point(|revision| *revision < from);
        let revision = *self.revisions.get(at).filter(|revision| **revision < to)?;
        Some((revision, self.by_revision.get(&revision)?.1))
    }
}

impl Watch {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        timed(history)?;
        let mut pace = Pace::new(budget);
        let mut findings = Findings::new(history);
        let mut answers = Vec::new();
        let mut known = Known { revisions: Vec::new(), by_revision: HashMap::default() };
        // By value, its first write if all of them failed.
        let mut failed: HashMap<&[u8], Option<usize>, FastHash> = HashMap::default();
        let mut writes = 0_usize;
        for operation in history.operations() {
            let fate = operation.fate();
            let invoked = operation.invocation.value;
            match (operation.invocation.f.as_str(), operation.completion) {
                ("write", Some((at, completion))) if fate == Fate::Ok => {
                    writes += 1;
                    failed.insert(invoked.as_bytes(), None);
                    let bad = || misshapen(history, at, "the revision as its answer");
                    let revision = revision(completion.value).ok_or_else(bad)?;
                    known.tell(history, revision, invoked, operation.call, &mut findings);
                }
                ("write", _) => {
                    let write = failed.entry(invoked.as_bytes()).or_insert(Some(operation.call));
                    *write = write.filter(|_| fate == Fate::Fail);
                }
                ("watch", Some((at, _))) if fate == Fate::Ok => {
                    let answer = answer(history, operation.call, at)?;
                    pace.did(answer.events.len() + 1)?;
                    answers.push((at, answer));
                }
                _ => {}
            }
        }
        for (_, answer) in &answers {
            for (revision, value) in &answer.events {
                known.tell(history, *revision, *value, answer.call, &mut findings);
            }
        }
        known.revisions = known.by_revision.keys().copied().collect();
        known.revisions.sort_unstable();
        // Where each watcher goes on: behind this revision, told by this operation.
        let mut seen: HashMap<Process, (i64, usize), FastHash> = HashMap::default();
        answers.sort_by_key(|(at, _)| *at);
        for (_, answer) in &answers {
            pace.did(answer.events.len() + 1)?;
            let before = seen.get(&answer.process).copied();
            let start = answer.from.or(before.map(|(last, _)| last.saturating_add(1)));
            self.judge_answer(history, answer, start, before, &known, &failed, &mut findings);
            let last = answer.events.iter().map(|(revision, _)| *revision).chain(answer.to).max();
            let further =
                |last: &i64| answer.from.is_some() || before.is_none_or(|(before, _)| *last > before);
            if let Some(last) = last.filter(further) {
                seen.insert(answer.process, (last, answer.call));
            }
        }
        let told: usize = answers.iter().map(|(_, answer)| answer.events.len()).sum();
        let judgement = findings.conclude(ALGORITHM, || {
            let reason = if answers.is_empty() {
                Some("no watch was answered")
            } else if told == 0 {
                Some("no watcher was told any event")
            } else {
                None
            };
            valid_unless(ALGORITHM, reason.map(str::to_owned))
        });
        let judgement = judgement.with("watch_count", answers.len()).with("event_count", told);
        Ok(judgement.with("write_count", writes).with("revision_count", known.revisions.len()))
    }

    #[allow(clippy::too_many_arguments)]
    fn judge_answer(
        &self,
        history: &History,
        answer: &Answer<'_>,
        start: Option<i64>,
        before: Option<(i64, usize)>,
        known: &Known<'_>,
        failed: &HashMap<&[u8], Option<usize>, FastHash>,
        findings: &mut Findings<'_>,
    ) {
        let call = answer.call;
        let shown = history.origin(call);
        // The operation that says where this one goes on, if it does not say so itself.
        let went_on_from = before.map(|(_, call)| call).filter(|_| answer.from.is_none());
        let mut last: Option<i64> = None;
        for (revision, value) in &answer.events {
            let revision = *revision;
            if let Some(Some(write)) = failed.get(value.as_bytes()) {
                findings.add("aborted-event", &[*write, call], || {
                    format!("the watch at event {shown} is told of {}, whose write failed", shorten(value))
                });
            }
            match last {
                Some(last) if revision == last => findings.add("duplicated", &[call], || {
                    format!("the watch at event {shown} is told of revision {revision} twice")
                }),
                Some(last) if revision < last => findings.add("out-of-order", &[call], || {
                    format!("the watch at event {shown} is told of revision {revision} behind {last}")
                }),
                None if start.is_some_and(|start| revision < start) => {
                    let calls: Vec<usize> = went_on_from.into_iter().chain([call]).collect();
                    let start = start.unwrap_or_default();
                    findings.add("replayed", &calls, || {
                        format!("the watch at event {shown}, which goes on from revision {start}, is told of revision {revision} again")
                    });
                }
                _ => {}
            }
            last = last.max(Some(revision));
        }
        // What is missing is asked apart from the order in which the others came.
        let mut told: Vec<i64> = answer.events.iter().map(|(revision, _)| *revision).collect();
        told.retain(|revision| start.is_none_or(|start| *revision >= start));
        told.sort_unstable();
        told.dedup();
        let mut next = start;
        let mut last: Option<i64> = None;
        for revision in told {
            if let Some((missing, teller)) = next.and_then(|next| known.first_in(next, revision)) {
                let problem = if last.is_none() { "gap-after-resume" } else { "gap" };
                let calls = [Some(teller), went_on_from.filter(|_| last.is_none()), Some(call)];
                let calls: Vec<usize> = calls.into_iter().flatten().collect();
                findings.add(problem, &calls, || {
                    let told = match (last, before) {
                        (Some(last), _) => format!("told of the revisions {last} and {revision}"),
                        (None, Some((before, _))) => {
                            format!("told of revision {revision} first, after its watcher had come to {before}")
                        }
                        (None, None) => format!("told of revision {revision} first"),
                    };
                    format!(
                        "the watch at event {shown} is {told}, but not of {missing} before it, known from the operation at event {}",
                        history.origin(teller)
                    )
                });
            }
            last = Some(revision);
            next = Some(revision.saturating_add(1));
        }
        let promised = answer.to.zip(next).and_then(|(to, next)| known.first_in(next, to.saturating_add(1)));
        if let Some((missing, teller)) = promised {
            let calls = [Some(teller), went_on_from.filter(|_| last.is_none()), Some(call)];
            let calls: Vec<usize> = calls.into_iter().flatten().collect();
            findings.add("gap", &calls, || {
                format!("the watch at event {shown} says that nothing is to come up to revision {}, but was not told of {missing}", answer.to.unwrap_or_default())
            });
        }
    }
}
