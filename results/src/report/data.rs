//! Everything that the page shows, as one JSON value.

use std::collections::HashSet;

use checkers::{Evidence, Fate, History, Operation};
use serde_json::{Value, json};

use super::operations::{Clock, table};
use super::trim::{Limits, last_lines, script_json, trimmed, trimmed_text};
use super::{LogTail, ReportInput};
use crate::nemesis::{Attempt, NemesisLog};
use crate::run_results::RunResults;
use crate::stats::Stats;
use crate::text::visible;

/// Pieces of evidence shown for each checker.
const EVIDENCE_SHOWN: usize = 20;
/// Up to this many operations are drawn, with the context of a small window.
const DRAWN_WITH_CONTEXT: usize = 9;
/// Faults whose evidence is shown.
const FAULTS_WITH_EVIDENCE: usize = 400;
/// Faults, crashes and marks drawn, each.
const MARKS_SHOWN: usize = 5000;

/// Rows of a table of functions or nodes.
const ROWS_SHOWN: usize = 60;

const PROSE: Limits = Limits { characters: 2000, elements: 400 };
const SMALL: Limits = Limits { characters: 400, elements: 60 };

/// The data, fit to stand in a `<script>`.
pub(super) fn json(input: &ReportInput<'_>) -> String {
    script_json(&value(input))
}

fn value(input: &ReportInput<'_>) -> Value {
    let ReportInput { results, history, .. } = input;
    let clock = Clock::of(history);
    let log = NemesisLog::of(history);
    let ticks = |position: usize| clock.ticks(history, position);
    let evidence: Vec<&Evidence> = results.evidence().map(|(_, evidence)| evidence).collect();
    let last = history.len().checked_sub(1).map_or(0, ticks);
    let first = if history.is_empty() { 0 } else { ticks(0) };
    let bands: Vec<Value> = log
        .attempts
        .iter()
        .take(MARKS_SHOWN)
        .enumerate()
        .map(|(n, attempt)| {
            let from = ticks(attempt.position);
            let to = attempt.heal.as_ref().map(|heal| ticks(heal.position));
            band(attempt, from, to, n < FAULTS_WITH_EVIDENCE)
        })
        .collect();
    let mut data = json!({
        "title": visible(&results.title()),
        "verdict": results.verdict,
        "exit_code": results.exit_code,
        "reason": trimmed_text(&results.reason, PROSE.characters),
        // A number above 2^53 would be rounded by the reader.
        "seed": results.seed.map(|seed| seed.to_string()),
        "checkers": checkers(results, history),
        "coverage": trimmed(&json!(results.coverage), SMALL),
        "recovery": trimmed(&json!(results.recovery), PROSE),
        "stats": statistics(&results.stats),
        "plan": trimmed(&results.plan, PROSE),
        "schedule": input.schedule.map(|schedule| trimmed(schedule, PROSE)),
        "clock": {"tick_ns": clock.tick_ns, "timed": clock.timed, "first": first, "last": last},
        "events": history.len(),
        "operations": table(history, &evidence, clock),
        "bands": bands,
    });
    data["phases"] = log
        .phases
        .iter()
        .take(MARKS_SHOWN)
        .map(|phase| json!({"at": ticks(phase.position), "name": trimmed_text(&phase.name, 60)}))
        .collect();
    data["crashes"] = log
        .crashes
        .iter()
        .take(MARKS_SHOWN)
        .map(|crash| {
            json!({
                "at": ticks(crash.position),
                "position": crash.position,
                "node": trimmed_text(&crash.node, 60),
                "status": trimmed_text(&crash.status, 400),
                "log_tail": last_lines(&crash.log_tail, 16 << 10),
            })
        })
        .collect();
    data["marks"] = log
        .marks
        .iter()
        .take(MARKS_SHOWN)
        .map(|mark| {
            json!({
                "at": ticks(mark.position),
                "name": trimmed_text(&mark.f, 60),
                "value": trimmed_text(&mark.value.to_string(), 200),
            })
        })
        .collect();
    data["logs"] = input.logs.iter().map(log_json).collect();
    data["files"] = input.files.iter().map(|file| json!(file)).collect();
    data
}

/// The numbers as they are, but for long lists, and for those of each second: the charts draw
/// these from the operations.
fn statistics(stats: &Stats) -> Value {
    let Stats { operations, availability } = stats;
    let functions: Vec<Value> = operations
        .by_f
        .iter()
        .take(ROWS_SHOWN)
        .map(|(f, outcomes)| json!({"f": trimmed_text(f, 100), "outcomes": outcomes}))
        .collect();
    let nodes = &availability.nodes[..availability.nodes.len().min(ROWS_SHOWN)];
    json!({
        "duration_ms": operations.duration_ms,
        "all": operations.all,
        "by_f": functions,
        "functions_omitted": operations.by_f.len() - functions.len(),
        "errors": operations.errors.iter().map(|group| trimmed(&json!(group), SMALL)).collect::<Vec<_>>(),
        "errors_omitted": operations.errors_omitted,
        "availability": {
            "nodes": nodes.iter().map(|node| trimmed(&json!(node), SMALL)).collect::<Vec<_>>(),
            "nodes_omitted": availability.nodes.len() - nodes.len(),
            "served": availability.served,
            "longest_gap": availability.longest_gap,
            "unanswered": availability.unanswered,
        },
    })
}

fn log_json(log: &LogTail) -> Value {
    json!({"node": visible(&log.node), "file": log.file, "text": log.text, "cut": log.cut})
}

fn band(attempt: &Attempt, from: u64, to: Option<u64>, with_evidence: bool) -> Value {
    let shown = |evidence: &Option<Value>| {
        evidence.as_ref().filter(|_| with_evidence).map(|evidence| trimmed(evidence, SMALL))
    };
    let heal = attempt.heal.as_ref();
    json!({
        "position": attempt.position,
        "class": trimmed_text(&attempt.class, 60),
        "kind": attempt.kind.as_ref().map(|kind| trimmed_text(kind, 60)),
        "nodes": trimmed(&json!(attempt.nodes), SMALL),
        "value": with_evidence.then(|| trimmed(&json!(attempt.value), SMALL)),
        "outcome": attempt.outcome,
        "reason": attempt.reason.as_ref().map(|reason| trimmed_text(reason, 400)),
        "evidence": shown(&attempt.evidence),
        "from": from,
        "to": to,
        "healed": heal.map(|heal| heal.healed),
        "heal_reason": heal.and_then(|heal| heal.reason.as_ref()).map(|reason| trimmed_text(reason, 400)),
        "heal_evidence": heal.and_then(|heal| shown(&heal.evidence)),
    })
}

fn checkers(results: &RunResults, history: &History) -> Value {
    let checkers = results.checkers.0.iter().map(|(name, result)| {
        let evidence: Vec<Value> = result
            .evidence
            .iter()
            .take(EVIDENCE_SHOWN)
            .map(|evidence| shown_evidence(evidence, history))
            .collect();
        json!({
            "name": trimmed_text(name, 100),
            "verdict": result.verdict,
            "algorithm": trimmed_text(&result.algorithm, 100),
            "millis": result.millis,
            "reason": trimmed_text(&result.reason, PROSE.characters),
            "details": trimmed(&json!(result.details), SMALL),
            "evidence": evidence,
            "evidence_total": result.evidence.len(),
        })
    });
    checkers.collect()
}

/// Evidence as it is, but for a prefix that may be as long as the history: of it the page needs
/// only the part that lies in the window. The smallest window is often a single read, which says
/// little to a person, so the operations before it in the order that works come along as context.
fn shown_evidence(evidence: &Evidence, history: &History) -> Value {
    let shown = match evidence {
        Evidence::Linearizability(found) => {
            let window: HashSet<usize> = found.window.iter().map(|operation| operation.call).collect();
            let before: Vec<usize> =
                found.prefix.iter().copied().filter(|call| !window.contains(call)).collect();
            let room = DRAWN_WITH_CONTEXT.saturating_sub(window.len());
            let context = &before[before.len().saturating_sub(room)..];
            let mut short = found.clone();
            short.prefix.retain(|call| window.contains(call) || context.contains(call));
            let mut shown = json!(Evidence::Linearizability(short));
            if shown["prefix_length"].as_u64().is_none_or(|length| length == 0) {
                shown["prefix_length"] = found.prefix.len().into();
            }
            let keyed = found.key.is_some();
            shown["context"] = context.iter().filter_map(|call| quoted(history, *call, keyed)).collect();
            shown
        }
        other => json!(other),
    };
    trimmed(&shown, Limits { elements: 300, ..PROSE })
}

/// The operation invoked at this position, in the shape of a `QuotedOperation`.
fn quoted(history: &History, call: usize, keyed: bool) -> Option<Value> {
    let invocation = history.get(call)?;
    let completion = history.partner(call).map(|ret| (ret, history.event(ret)));
    let operation = Operation { call, invocation, completion };
    let unkeyed = |value: checkers::ValueRef<'_>| match value.as_pair() {
        Some((_, inner)) if keyed => inner.to_value(),
        _ => value.to_value(),
    };
    let fate = operation.fate();
    let input = unkeyed(invocation.value);
    let output = completion.filter(|_| fate == Fate::Ok).map(|(_, event)| unkeyed(event.value));
    let told = output.as_ref().unwrap_or(&input);
    let text = format!("process {}: {} {told}", invocation.process, invocation.f);
    Some(json!({
        "call": call,
        "ret": operation.ret(),
        "process": invocation.process.number(),
        "f": invocation.f.as_str(),
        "text": text,
        "input": input,
        "output": output,
        "fate": fate.as_str(),
        "call_time": invocation.time,
        "ret_time": operation.ret().map(|ret| history.event(ret).time),
    }))
}
