//! Whether evidence is true: what it quotes stands in the history, what it names it quotes, and the
//! operations that it quotes break the promise by themselves.

use std::collections::BTreeSet;

use checkers::evidence::QuotedOperation;
use checkers::history::{HistoryBuilder, Rules};
use checkers::promises::Bank;
use checkers::registry::checker_by_name;
use checkers::{Budget, Checker, EventRef, Evidence, History, Judgement, Operation, Value, Verdict};

use crate::text::lines;

/// Which other operations are needed to see that quoted ones break a promise.
enum Needs {
    /// None: the promise holds of every part of a history of which it holds.
    Nothing,
    /// Those of which the finding is about the sum or the order.
    Others(fn(&Operation<'_>) -> bool),
    /// So many that the part would be the whole.
    Everything,
}

fn needs(checker: &str, problem: &str) -> Needs {
    match (checker, problem) {
        // What a counter must show is the sum of all that was added.
        ("counter", _) => Needs::Others(|operation| operation.invocation.f != "read"),
        ("bank", "unexpected-key" | "unexplained-balance") => Needs::Everything,
        ("causal", _) => Needs::Everything,
        // One must know of a write somewhere to say that this was not written.
        ("long-fork", "unwritten-value") => Needs::Others(|operation| operation.invocation.f != "read"),
        // As of any token that was given out.
        ("lock-safety", "unissued-token") => Needs::Others(|operation| operation.invocation.f == "acquire"),
        ("kafka", "never-sent" | "unseen") => Needs::Everything,
        // Distances in the log are counted in what others sent.
        ("kafka", problem) if problem.contains("skip") || problem.contains("nonmonotonic") => {
            Needs::Everything
        }
        _ => Needs::Nothing,
    }
}

/// Panics unless all evidence of the judgement is true of the history.
pub fn is_true(checker: &dyn Checker, history: &History, judgement: &Judgement) {
    let (name, keyed) = match checker.name().strip_prefix("per-key-") {
        Some(name) => (name, true),
        None => (checker.name(), false),
    };
    for evidence in &judgement.evidence {
        let (problem, operations) = match evidence {
            Evidence::Finding(finding) => (&finding.problem, &finding.operations),
            Evidence::SetElement(element) => (&element.problem, &element.operations),
            other => panic!("{name} has evidence of another kind: {other:?}"),
        };
        let wrong = |what: &str| -> String {
            format!("{name}, {problem}: {what}\n{}\n{operations:#?}\n{}", evidence.sentence(), lines(history))
        };
        assert!(!operations.is_empty(), "{}", wrong("nothing is quoted"));
        let ascend = operations.windows(2).all(|pair| pair[0].call < pair[1].call);
        assert!(ascend, "{}", wrong("not in the order of the history"));
        for quoted in operations {
            if let Some(difference) = difference(history, quoted, keyed) {
                panic!("{}", wrong(&format!("event {}: {difference}", quoted.call)));
            }
        }
        let quoted: BTreeSet<usize> =
            operations.iter().flat_map(|op| [Some(op.call), op.ret]).flatten().collect();
        for event in events_named(evidence.sentence()) {
            assert!(quoted.contains(&event), "{}", wrong(&format!("names event {event}, unquoted")));
        }
        let others = match needs(name, problem) {
            Needs::Nothing => |_: &Operation<'_>| false,
            Needs::Others(others) => others,
            Needs::Everything => continue,
        };
        let kept = |operation: &Operation<'_>| quoted.contains(&operation.call) || others(operation);
        let part = part(history, kept);
        let again = if problem == "wrong-total" {
            let total = judgement.details["total"].as_int();
            Bank { total, ..Bank::default() }.check(&part, &Budget::default())
        } else {
            checker.check(&part, &Budget::default())
        };
        let found = super::problems(&again);
        assert!(
            again.verdict == Verdict::Invalid && found.contains(&problem.as_str()),
            "{}",
            wrong(&format!("what it quotes is {} by itself: {} {found:?}", again.verdict, again.reason))
        );
    }
}

/// The same of a checker in the registry.
pub fn is_true_of(checker: &str, history: &History, judgement: &Judgement) {
    is_true(checker_by_name(checker).expect(checker).as_ref(), history, judgement);
}

/// The operations that `kept` accepts, in their order.
fn part(history: &History, kept: impl Fn(&Operation<'_>) -> bool) -> History {
    let mut positions: Vec<usize> = history
        .operations()
        .filter(|operation| kept(operation))
        .flat_map(|operation| [Some(operation.call), operation.completion.map(|(at, _)| at)])
        .flatten()
        .collect();
    positions.sort_unstable();
    positions.dedup();
    let mut builder = HistoryBuilder::new(Rules::LENIENT);
    for position in positions {
        builder.push_event(&history.event(position).to_event()).expect("a part of a history is one");
    }
    builder.finish()
}

/// What a quoted operation says that the history does not.
fn difference(history: &History, quoted: &QuotedOperation, keyed: bool) -> Option<String> {
    let Some(call) = history.get(quoted.call) else { return Some("no such event".into()) };
    if call.process.is_nemesis() || !(call.is_invoke() || history.completions_only()) {
        return Some("no invocation of a client".into());
    }
    let end = if history.completions_only() { Some(quoted.call) } else { history.partner(quoted.call) };
    let end = end.map(|at| (at, history.event(at)));
    let fate = end.map_or("info", |(_, event)| event.event_type.as_str());
    let ended = end.filter(|_| fate != "info");
    let same = [
        ("process", Some(quoted.process) == call.process.number()),
        ("function", *call.f == *quoted.f),
        ("fate", quoted.fate == fate),
        ("end", quoted.ret == ended.map(|(at, _)| at)),
        ("time", quoted.call_time == call.time),
        ("time of its end", quoted.ret_time == ended.map(|(_, event)| event.time)),
        ("argument", tells(call, &quoted.input, keyed)),
    ];
    if let Some((what, _)) = same.iter().find(|(_, same)| !same) {
        return Some(format!("another {what}"));
    }
    let answer = end.filter(|_| fate == "ok");
    let told = match (answer, &quoted.output) {
        (Some((_, event)), Some(output)) => tells(event, output, keyed),
        (None, None) => true,
        _ => false,
    };
    (!told).then(|| "another answer".into())
}

/// Whether `told` is the value of the event, or true of it as a summary.
fn tells(event: EventRef<'_>, told: &Value, keyed: bool) -> bool {
    let mut value = event.value.to_value();
    if let (true, Some((_, inner))) = (keyed, value.as_pair()) {
        value = inner.clone();
    }
    summarizes(told, &value)
}

fn summarizes(told: &Value, value: &Value) -> bool {
    if told == value {
        return true;
    }
    // `[key, elements]` with the elements in short.
    if let (Some((key, told)), Some((same, inner))) = (told.as_pair(), value.as_pair()) {
        return key == same && summarizes(told, inner);
    }
    let (Some(told), Some(list)) = (told.as_str(), value.as_list()) else {
        let entries =
            |value: &Value| if let Value::Map(entries) = value { Some(entries.len()) } else { None };
        return entries(value).is_some_and(|n| told.as_str() == Some(&format!("{n} entries")));
    };
    let mut parts = told.split(", with");
    let length = parts.next().is_some_and(|size| size == format!("{} elements", list.len()));
    length
        && parts.all(|part| {
            let (element, times) = match part.strip_prefix("out ") {
                Some(element) => (element, 0),
                None => match part.trim().strip_suffix(" times").and_then(|part| part.rsplit_once(' ')) {
                    Some((element, n)) => (element, n.parse().expect("how often")),
                    None => (part.trim(), 1),
                },
            };
            let is = |item: &&Value| {
                // Known by its first part or by `val`, and written as evidence writes it.
                let parts = [Some(*item), item.as_list().and_then(<[_]>::first), item.get("val")];
                parts.into_iter().flatten().any(|part| format!("{part}") == element)
            };
            list.iter().filter(is).count() == times
        })
}

/// The numbers behind `event` and `events … and`, or `from event … to`.
fn events_named(sentence: &str) -> Vec<usize> {
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let number = |at: usize| -> Option<usize> {
        words.get(at)?.trim_matches(|c: char| !c.is_ascii_digit()).parse().ok()
    };
    let mut events = Vec::new();
    for (at, word) in words.iter().enumerate() {
        match *word {
            "event" => events.extend(number(at + 1)),
            "events" => events.extend([number(at + 1), number(at + 3)].into_iter().flatten()),
            _ => {}
        }
        if *word == "event" && at > 0 && words[at - 1] == "from" && words.get(at + 2) == Some(&"to") {
            events.extend(number(at + 3));
        }
    }
    events
}

#[test]
fn untrue_evidence_is_told() {
    let history = super::script("0 invoke generate\n0 ok generate 7\n1 invoke generate\n1 ok generate 7");
    let judgement = super::judge("unique-ids", &history);
    is_true_of("unique-ids", &history, &judgement);
    let lies = |change: &dyn Fn(&mut checkers::evidence::Finding)| {
        let mut lying = judgement.clone();
        let Evidence::Finding(finding) = &mut lying.evidence[0] else { panic!() };
        change(finding);
        let told = std::panic::catch_unwind(|| is_true_of("unique-ids", &history, &lying));
        assert!(told.is_err(), "{lying:?}");
    };
    lies(&|finding| finding.operations[0].output = Some(8.into()));
    lies(&|finding| finding.operations[0].call = 1);
    lies(&|finding| finding.operations[1].call = 9);
    lies(&|finding| finding.operations[1].process = 5);
    lies(&|finding| drop(finding.operations.pop()));
    lies(&|finding| finding.operations.clear());
    lies(&|finding| finding.operations.swap(0, 1));
    lies(&|finding| finding.sentence = "the read at event 77 is wrong".into());
    lies(&|finding| finding.operations[0].fate = "info".into());
}
