//! Sets: hand-written cases, an oracle on small histories, and size.

use checkers::{
    Budget, Checker, Event, EventType, Evidence, Fate, History, Judgement, Process, SetFull, Value, Verdict,
};

use crate::simulate::Random;
use crate::text::{history, lines};

fn judge(text: &str, linearizable: bool) -> Judgement {
    SetFull { linearizable }.check(&history(text), &Budget::default())
}

#[test]
fn verdicts_are_a_persons() {
    use Verdict::{Invalid, Unknown, Valid};
    // The last column: the problem of the first evidence, eventually and linearizably.
    let cases: &[(&str, Verdict, Verdict, &str, &str)] = &[
        ("nobody read", Unknown, Unknown, "", "0 :invoke :add 1\n0 :ok :add 1"),
        ("there", Valid, Valid, "", "0 :invoke :add 1\n0 :ok :add 1\n0 :invoke :read nil\n0 :ok :read [1]"),
        (
            "lost",
            Invalid,
            Invalid,
            "lost",
            "0 :invoke :add 1\n0 :ok :add 1\n0 :invoke :read nil\n0 :ok :read []",
        ),
        (
            "seen, then lost",
            Invalid,
            Invalid,
            "lost",
            "0 :invoke :add 1\n0 :info :add 1\n1 :invoke :read nil\n1 :ok :read [1]\n1 :invoke :read nil\n1 :ok :read []",
        ),
        (
            "late",
            Valid,
            Invalid,
            "stale",
            "0 :invoke :add 1\n0 :ok :add 1\n0 :invoke :read nil\n0 :ok :read []\n0 :invoke :read nil\n0 :ok :read [1]",
        ),
        (
            "the read began before the add was answered",
            Unknown,
            Unknown,
            "",
            "1 :invoke :read nil\n0 :invoke :add 1\n0 :ok :add 1\n1 :ok :read []",
        ),
        (
            "an unanswered add need not show",
            Unknown,
            Unknown,
            "",
            "0 :invoke :add 1\n0 :info :add 1\n1 :invoke :read nil\n1 :ok :read []",
        ),
        (
            "an unanswered add may show late",
            Valid,
            Valid,
            "",
            "0 :invoke :add 1\n0 :info :add 1\n1 :invoke :read nil\n1 :ok :read []\n1 :invoke :read nil\n1 :ok :read [1]",
        ),
        (
            "a failed add must not show",
            Invalid,
            Invalid,
            "never-added",
            "0 :invoke :add 1\n0 :fail :add 1\n0 :invoke :read nil\n0 :ok :read [1]",
        ),
        (
            "unless it was tried again",
            Valid,
            Valid,
            "",
            "0 :invoke :add 1\n0 :fail :add 1\n0 :invoke :add 1\n0 :ok :add 1\n0 :invoke :read nil\n0 :ok :read [1]",
        ),
        (
            "read before it was added",
            Invalid,
            Invalid,
            "never-added",
            "1 :invoke :read nil\n1 :ok :read [1]\n0 :invoke :add 1\n0 :ok :add 1",
        ),
        (
            "twice in one read",
            Invalid,
            Invalid,
            "duplicated",
            "0 :invoke :add 1\n0 :ok :add 1\n0 :invoke :read nil\n0 :ok :read [1 1]",
        ),
        (
            "overlapping last reads disagree",
            Valid,
            Invalid,
            "stale",
            "0 :invoke :add 1\n0 :ok :add 1\n1 :invoke :read nil\n2 :invoke :read nil\n2 :ok :read []\n1 :ok :read [1]",
        ),
        (
            "reads without an answer say nothing",
            Unknown,
            Unknown,
            "",
            "0 :invoke :add 1\n0 :ok :add 1\n1 :invoke :read nil\n1 :info :read nil\n2 :invoke :read nil\n2 :fail :read nil",
        ),
        (
            "not a set",
            Unknown,
            Unknown,
            "",
            "0 :invoke :add 1\n0 :ok :add 1\n0 :invoke :remove 1\n0 :ok :remove 1",
        ),
    ];
    for (name, eventual, linear, problem, text) in cases {
        for (linearizable, expected) in [(false, *eventual), (true, *linear)] {
            let judgement = judge(text, linearizable);
            assert_eq!(judgement.verdict, expected, "{name}: {}", judgement.reason);
            if expected == Verdict::Invalid {
                let Evidence::SetElement(evidence) = &judgement.evidence[0] else { panic!("{name}") };
                assert_eq!(evidence.problem, *problem, "{name}");
            }
        }
    }
}

#[test]
fn evidence_quotes_reads_without_their_lists() {
    let judgement = judge(
        "0 :invoke :add 1\n0 :ok :add 1\n0 :invoke :add 2\n0 :ok :add 2\n0 :invoke :read nil\n0 :ok :read [1 2]\n1 :invoke :read nil\n1 :ok :read [2]",
        false,
    );
    assert_eq!(
        judgement.reason,
        "1 was known to be in the set at event 1, but the last read, begun at event 6, lacks it"
    );
    let Evidence::SetElement(evidence) = &judgement.evidence[0] else { panic!() };
    let texts: Vec<&str> = evidence.operations.iter().map(|quoted| quoted.text.as_str()).collect();
    assert_eq!(
        texts,
        ["process 0: add 1", "process 0: read 2 elements, with 1", "process 1: read 1 elements, without 1"]
    );
}

/// The definitions, literally, over all pairs of elements and reads.
fn by_definition(history: &History, linearizable: bool) -> Verdict {
    struct Read {
        call: usize,
        ret: usize,
        list: Vec<Value>,
    }
    let reads: Vec<Read> = history
        .operations()
        .filter(|op| op.invocation.f == "read" && op.fate() == Fate::Ok)
        .map(|op| Read {
            call: op.call,
            ret: op.ret().unwrap(),
            list: op.completion_event().unwrap().value.as_list().unwrap().to_vec(),
        })
        .collect();
    let adds = || history.operations().filter(|op| op.invocation.f == "add" && op.fate() != Fate::Fail);
    let mut invalid = false;
    let mut stable = false;
    for x in (0..6).map(Value::Int) {
        let present: Vec<&Read> = reads.iter().filter(|read| read.list.contains(&x)).collect();
        let mine = || adds().filter(|op| op.invocation.value == x);
        invalid |= reads.iter().any(|read| read.list.iter().filter(|y| **y == x).count() > 1);
        invalid |= present.iter().any(|read| mine().all(|add| add.call > read.ret));
        let answered = mine().filter(|op| op.fate() == Fate::Ok).filter_map(|op| op.ret());
        let known = answered.chain(present.iter().map(|read| read.ret)).min();
        let missing = reads.iter().filter(|r| !r.list.contains(&x) && known.is_some_and(|at| at < r.call));
        let missing: Vec<&Read> = missing.collect();
        let lost = missing.iter().any(|absent| present.iter().all(|read| read.ret < absent.call));
        invalid |= lost || linearizable && !missing.is_empty();
        stable |= !lost && !present.is_empty() && mine().next().is_some();
    }
    match (invalid, stable) {
        (true, _) => Verdict::Invalid,
        (false, true) => Verdict::Valid,
        (false, false) => Verdict::Unknown,
    }
}

#[test]
fn small_sets_agree_with_the_definitions() {
    let mut tally = [0; 3];
    for seed in 0..20_000 {
        let mut random = Random(seed);
        let mut events: Vec<Event> = Vec::new();
        let mut busy: Vec<Option<Event>> = vec![None; 3];
        let mut alive = [0, 1, 2];
        let mut set: Vec<Value> = Vec::new();
        for _ in 0..6 + random.below(10) {
            let at = random.below(3) as usize;
            let time = events.len() as u64;
            let process = Process::client(alive[at]).unwrap();
            let Some(invocation) = busy[at].take() else {
                let (f, value) = if random.percent(50) {
                    ("add", Value::Int(random.below(6) as i64))
                } else {
                    ("read", Value::Nil)
                };
                let event = Event::new(time, process, EventType::Invoke, f, value);
                busy[at] = Some(event.clone());
                events.push(event);
                continue;
            };
            let kind = [
                EventType::Ok,
                EventType::Ok,
                EventType::Ok,
                EventType::Ok,
                EventType::Fail,
                EventType::Info,
            ][random.below(6) as usize];
            let mut value = invocation.value.clone();
            if invocation.f == "add" && kind != EventType::Fail {
                set.push(value.clone());
                set.dedup();
            } else if kind == EventType::Ok {
                let mut list = set.clone();
                if !random.percent(5) {
                    list.sort();
                    list.dedup();
                }
                if random.percent(20) && !list.is_empty() {
                    list.remove(random.below(list.len() as u64) as usize);
                }
                value = Value::list(list);
            }
            events.push(Event::new(time, process, kind, invocation.f, value));
            alive[at] += if kind == EventType::Info { 10 } else { 0 };
        }
        let history = History::new(events).unwrap();
        for linearizable in [false, true] {
            let judgement = SetFull { linearizable }.check(&history, &Budget::default());
            let expected = by_definition(&history, linearizable);
            assert_eq!(judgement.verdict, expected, "{}\n{}", judgement.reason, lines(&history));
            tally[expected as usize] += 1;
        }
    }
    assert!(tally.iter().all(|&n| n > 2_000), "{tally:?}");
}

#[test]
fn many_elements_and_growing_reads_take_no_time() {
    let client = |n| Process::client(n).unwrap();
    let mut events = Vec::new();
    let mut set = Vec::new();
    for x in 0..50_000 {
        let time = events.len() as u64 * 1_000;
        events.push(Event::new(time, client(0), EventType::Invoke, "add", x));
        events.push(Event::new(time + 500, client(0), EventType::Ok, "add", x));
        set.push(Value::Int(x));
        if x % 200 == 199 {
            let time = events.len() as u64 * 1_000;
            events.push(Event::new(time, client(1), EventType::Invoke, "read", Value::Nil));
            events.push(Event::new(
                time + 500,
                client(1),
                EventType::Ok,
                "read",
                Value::list(set.iter().cloned()),
            ));
        }
    }
    let begin = std::time::Instant::now();
    let history = History::new(events).unwrap();
    let judgement = SetFull { linearizable: true }.check(&history, &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Valid, "{}", judgement.reason);
    assert_eq!(judgement.details["stable_count"], 50_000);
    assert!(begin.elapsed().as_secs() < 10, "{:?}", begin.elapsed());
}
