//! The checkers of single promises: hand-written cases, oracles, mutations, other people's histories.

use checkers::registry::checker_by_name;
use checkers::{Budget, Event, EventType, Evidence, History, Judgement, Process, Value, Verdict};

mod cases;
mod cases_beyond;
mod cases_found;
mod cases_kafka;
mod corpus;
mod differences;
pub mod evidence;
mod hostile;
mod mutation;
pub mod oracle;
mod oracle_beyond;
mod oracle_rest;
mod oracle_sets;

/// How many random histories a test tries.
pub fn rounds() -> u64 {
    if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { 100_000 } else { 5_000 }
}

/// Reads lines `process type f value`, the value as JSON (nil if absent), perhaps followed by `@node`
/// and by `+ms`, when it was.
pub fn script(text: &str) -> History {
    let mut events = Vec::new();
    let mut time = 0;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (line, at) = match line.rsplit_once(" +") {
            Some((line, ms)) => (line, ms.parse::<u64>().ok().map(|ms| ms * 1_000_000)),
            None => (line, None),
        };
        let (line, node) = line.rsplit_once(" @").map_or((line, None), |(line, node)| (line, Some(node)));
        let mut words = line.splitn(4, ' ');
        let process = words.next().and_then(|word| word.parse().ok()).expect("a process");
        let event_type = match words.next() {
            Some("invoke") => EventType::Invoke,
            Some("ok") => EventType::Ok,
            Some("fail") => EventType::Fail,
            Some("info") => EventType::Info,
            other => panic!("no such type: {other:?} in {line}"),
        };
        let f = words.next().expect("a function");
        let value: Value = words.next().map_or(Value::Nil, |json| {
            serde_json::from_str(json).unwrap_or_else(|error| panic!("{line}: {error}"))
        });
        time = at.unwrap_or(time + 1);
        let mut event = Event::new(time, Process::client(process).unwrap(), event_type, f, value);
        event.node = node.map(Into::into);
        events.push(event);
    }
    History::new(events).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

pub fn judge(checker: &str, history: &History) -> Judgement {
    checker_by_name(checker).expect(checker).check(history, &Budget::default())
}

/// The problems of all findings, in their order.
pub fn problems(judgement: &Judgement) -> Vec<&str> {
    let name = |evidence: &'_ Evidence| match evidence {
        Evidence::Finding(finding) => Some(finding.problem.clone()),
        _ => None,
    };
    judgement
        .evidence
        .iter()
        .map(|evidence| match evidence {
            Evidence::Finding(finding) => finding.problem.as_str(),
            Evidence::SetElement(element) => element.problem.as_str(),
            other => panic!("{:?}", name(other)),
        })
        .collect()
}

/// A case: its name, the verdict, the problem of the first finding (or a part of the reason of an
/// `unknown`), and the lines.
pub type Case<'a> = (&'a str, Verdict, &'a str, &'a str);

pub fn hold(checker: &str, cases: &[Case<'_>]) {
    for (name, verdict, problem, text) in cases {
        let judgement = judge(checker, &script(text));
        assert_eq!(
            judgement.verdict, *verdict,
            "{checker}, {name}: {} {:?}",
            judgement.reason, judgement.evidence
        );
        match verdict {
            Verdict::Valid => assert!(judgement.evidence.is_empty() && judgement.reason.is_empty()),
            Verdict::Unknown => {
                assert!(judgement.reason.contains(problem), "{checker}, {name}: {}", judgement.reason);
                assert!(!judgement.reason.is_empty());
            }
            Verdict::Invalid => {
                assert_eq!(problems(&judgement)[0], *problem, "{checker}, {name}: {}", judgement.reason);
                evidence::is_true_of(checker, &script(text), &judgement);
            }
        }
    }
    let nothing = judge(checker, &script(""));
    assert_eq!(nothing.verdict, Verdict::Unknown, "{checker} of nothing");
    let lines = "0 invoke no-such-function 1\n0 ok no-such-function 1";
    assert_ne!(judge(checker, &script(lines)).verdict, Verdict::Valid, "{checker} of something else");
}
