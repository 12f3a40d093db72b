//! Histories that no client wrote: no checker panics, none of them says `valid` of nothing.

use checkers::history::{HistoryBuilder, Rules};
use checkers::registry::checker_by_name;
use checkers::{Budget, Event, EventType, History, Process, Value, Verdict};

use super::{rounds, script};
use crate::simulate::Random;
use crate::text::lines;

/// The checkers of this folder.
const PROMISES: &[&str] = &[
    "set",
    "set-full",
    "set-full-linearizable",
    "queue",
    "total-queue",
    "counter",
    "unique-ids",
    "bank",
    "long-fork",
    "causal",
    "causal-reverse",
    "comments",
    "adya-g2",
    "monotonic",
    "sequential-writes",
    "kafka",
    "lock-safety",
    "leader-election",
    "convergence",
    "durability",
    "atomic-commit",
    "watch",
    "staleness",
    "stats",
];

const FUNCTIONS: &[&str] = &[
    "read",
    "add",
    "write",
    "enqueue",
    "dequeue",
    "drain",
    "increment",
    "decrement",
    "generate",
    "transfer",
    "txn",
    "send",
    "poll",
    "assign",
    "subscribe",
    "crash",
    "acquire",
    "release",
    "use",
    "leader",
    "final-read",
    "commit",
    "vote",
    "outcome",
    "watch",
    "insert",
    "read-init",
];

const NAMES: &[&str] = &[
    "r",
    "w",
    "send",
    "poll",
    "from",
    "to",
    "amount",
    "val",
    "sts",
    "token",
    "lease_ms",
    "term",
    "leader",
    "node",
    "value",
    "revision",
    "events",
    "txn",
    "participant",
    "outcome",
    "vote",
    "committed",
    "aborted",
    "no",
    "-0",
    "007",
    "9223372036854775808",
    "",
];

fn scalar(random: &mut Random) -> Value {
    match random.below(8) {
        0 => Value::Nil,
        1 => Value::Bool(random.percent(50)),
        2 => Value::Int([i64::MIN, i64::MAX, -1, 1 << 40][random.below(4) as usize]),
        3 => serde_json::from_str("1.5").unwrap(),
        4 => NAMES[random.below(NAMES.len() as u64) as usize].into(),
        _ => Value::Int(random.below(4) as i64),
    }
}

fn value(random: &mut Random, depth: u64) -> Value {
    if depth == 0 || random.percent(30) {
        return scalar(random);
    }
    let count = random.below(4);
    if random.percent(65) {
        return Value::list((0..count).map(|_| value(random, depth - 1)));
    }
    let mut entries: Vec<(Value, Value)> =
        (0..count).map(|_| (scalar(random), value(random, depth - 1))).collect();
    entries.sort();
    entries.dedup_by(|one, other| one.0 == other.0);
    Value::Map(entries.into())
}

/// Functions are those of one checker, so that values are looked at.
fn history(random: &mut Random, functions: &[&str], rules: Rules) -> Option<History> {
    let mut builder = HistoryBuilder::new(rules);
    let mut running: Vec<Option<(&str, Value)>> = vec![None; 4];
    for time in 0..random.below(30) {
        let client = random.below(4) as usize;
        let who = Process::client(client as u64).unwrap();
        let (event_type, f, shown) = match running[client].take() {
            None if rules.completions_only && random.percent(90) => {
                (EventType::Ok, functions[random.below(functions.len() as u64) as usize], value(random, 4))
            }
            None => {
                let f = functions[random.below(functions.len() as u64) as usize];
                let asked = value(random, 4);
                running[client] = Some((f, asked.clone()));
                (EventType::Invoke, f, asked)
            }
            Some((f, asked)) => {
                let fate = [EventType::Ok, EventType::Ok, EventType::Ok, EventType::Fail, EventType::Info];
                let shown = if random.percent(40) { asked } else { value(random, 4) };
                (fate[random.below(5) as usize], f, shown)
            }
        };
        // What breaks a rule is left out.
        let _ = builder.push_event(&Event::new(time, who, event_type, f, shown));
    }
    Some(builder.finish())
}

#[test]
fn no_history_makes_a_checker_panic() {
    let mut random = Random(77);
    let names: Vec<String> =
        PROMISES.iter().flat_map(|name| [(*name).to_owned(), format!("per-key-{name}")]).collect();
    for round in 0..rounds() / 10 {
        for name in &names {
            let checker = checker_by_name(name).expect(name);
            let understood = |f: &&&str| {
                let lines = format!("0 invoke {f} [0,[0,null]]");
                checker.understands(&script(&lines)).is_ok() || name.contains("long-fork")
            };
            let functions: Vec<&str> = FUNCTIONS.iter().filter(understood).copied().collect();
            let functions = if functions.is_empty() { FUNCTIONS } else { &functions };
            let survives = Rules { completions_only: false, ..Rules::LENIENT };
            let rules = if random.percent(20) { Rules::LENIENT } else { survives };
            let Some(history) = history(&mut random, functions, rules) else { continue };
            let judge = || checker.check(&history, &Budget::default());
            let panicked = |_| panic!("{name} in round {round} at\n{}", lines(&history));
            let judgement =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(judge)).unwrap_or_else(panicked);
            assert_eq!(judgement.verdict == Verdict::Invalid, !judgement.evidence.is_empty(), "{name}");
            assert_eq!(judgement.verdict == Verdict::Valid, judgement.reason.is_empty(), "{name}");
            if checker.understands(&history).is_err() {
                assert_eq!(judgement.verdict, Verdict::Unknown, "{name} refuses\n{}", lines(&history));
            }
            let silent = history.operations().all(|operation| operation.fate() != checkers::Fate::Ok);
            assert!(!silent || judgement.verdict != Verdict::Valid, "{name} of\n{}", lines(&history));
            if round % 50 == 0 {
                assert_eq!(judgement, judge(), "{name} answers the same twice");
            }
        }
    }
}

#[test]
fn a_check_can_be_stopped() {
    let mut text = String::new();
    for n in 0..300_000 {
        text.push_str(&format!("0 invoke add {n}\n0 ok add {n}\n"));
    }
    text.push_str("0 invoke read\n0 ok read []");
    let history = script(&text);
    let stop = || Some("time limit of 1 s".to_owned());
    let budget = Budget { stop: Some(&stop), ..Budget::default() };
    for name in ["set", "counter", "convergence", "monotonic"] {
        let judgement = checker_by_name(name).unwrap().check(&history, &budget);
        assert_eq!(judgement.verdict, Verdict::Unknown, "{name}");
        assert!(judgement.reason.starts_with("time limit of 1 s after "), "{name}: {}", judgement.reason);
    }
    // Evidence of 300,000 lost elements is sixteen of them.
    let lost = checker_by_name("set").unwrap().check(&history, &Budget::default());
    assert_eq!((lost.evidence.len(), &lost.details["lost_count"]), (16, &300_000.into()));
}
