//! Sets: hand-written cases, an oracle on small histories, and size.

use std::collections::HashSet;

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
            "one was read, another was never looked for",
            Unknown,
            Unknown,
            "",
            "0 :invoke :add 1\n0 :ok :add 1\n1 :invoke :read nil\n1 :ok :read [1]\n0 :invoke :add 2\n0 :ok :add 2\n1 :invoke :read nil\n1 :fail :read nil",
        ),
        (
            "never looked for, but another one was lost",
            Invalid,
            Invalid,
            "lost",
            "0 :invoke :add 1\n0 :ok :add 1\n1 :invoke :read nil\n1 :ok :read []\n0 :invoke :add 2\n0 :ok :add 2",
        ),
        (
            "two reads, neither a part of the other",
            Valid,
            Invalid,
            "incomparable",
            "0 :invoke :add 0\n1 :invoke :add 1\n2 :invoke :read nil\n3 :invoke :read nil\n2 :ok :read [0]\n3 :ok :read [1]\n0 :ok :add 0\n1 :ok :add 1",
        ),
        (
            "a long read has the later of two adds without the earlier",
            Valid,
            Invalid,
            "overtaken",
            "2 :invoke :read nil\n0 :invoke :add 0\n0 :ok :add 0\n0 :invoke :add 1\n0 :ok :add 1\n2 :ok :read [1]\n2 :invoke :read nil\n2 :ok :read [0 1]",
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
fn what_nobody_looked_for_is_counted() {
    let mut text = String::from("0 :invoke :add 0\n0 :ok :add 0\n1 :invoke :read nil\n1 :ok :read [0]");
    for x in 1..500 {
        text += &format!("\n0 :invoke :add {x}\n0 :ok :add {x}");
    }
    text += "\n1 :invoke :read nil\n1 :fail :read nil";
    for linearizable in [false, true] {
        let judgement = judge(&text, linearizable);
        assert_eq!(judgement.verdict, Verdict::Unknown);
        assert_eq!(judgement.reason, "499 acknowledged elements were never looked for after they were added");
    }
}

#[test]
fn reads_that_no_order_explains_are_named() {
    let judgement = judge(
        "0 :invoke :add 0\n1 :invoke :add 1\n2 :invoke :read nil\n3 :invoke :read nil\n2 :ok :read [0]\n3 :ok :read [1]",
        true,
    );
    assert_eq!(
        judgement.reason,
        "no order of the adds explains two reads: the one begun at event 2 has 0 without 1, \
         the one begun at event 3 has 1 without 0"
    );
    assert_eq!(judgement.evidence[0].positions(), [0, 1, 2, 3]);
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
            list: op
                .completion_event()
                .unwrap()
                .value
                .as_list()
                .unwrap()
                .map(|value| value.to_value())
                .collect(),
        })
        .collect();
    let adds = || history.operations().filter(|op| op.invocation.f == "add" && op.fate() != Fate::Fail);
    let mut invalid = false;
    let mut stable = false;
    let mut unproved = false;
    for x in (0..6).map(Value::Int) {
        let present: Vec<&Read> = reads.iter().filter(|read| read.list.contains(&x)).collect();
        let mine = || adds().filter(|op| op.invocation.value == x);
        invalid |= reads.iter().any(|read| read.list.iter().filter(|y| **y == x).count() > 1);
        invalid |= present.iter().any(|read| mine().all(|add| add.call > read.ret));
        let answered = mine().filter(|op| op.fate() == Fate::Ok).filter_map(|op| op.ret());
        let known = answered.chain(present.iter().map(|read| read.ret)).min();
        let mut missing =
            reads.iter().filter(|r| !r.list.contains(&x) && known.is_some_and(|at| at < r.call));
        let lost = missing.any(|absent| present.iter().all(|read| read.ret < absent.call));
        invalid |= lost;
        stable |= !lost && !present.is_empty() && mine().next().is_some();
        unproved |= mine().any(|op| op.fate() == Fate::Ok) && present.is_empty();
    }
    invalid |= linearizable && !some_order_explains(history);
    match (invalid, stable && !unproved) {
        (true, _) => Verdict::Invalid,
        (false, true) => Verdict::Valid,
        // Nothing is broken, but something was never looked for.
        (false, false) => Verdict::Unknown,
    }
}

/// Linearizability of a set that only grows, by all orders of all operations that count.
fn some_order_explains(history: &History) -> bool {
    struct Op {
        call: usize,
        /// None: it may not have happened.
        ret: Option<usize>,
        adds: u32,
        reads: Option<u32>,
    }
    let bit = |value: checkers::ValueRef<'_>| 1_u32 << value.as_int().unwrap();
    let ops: Vec<Op> = history
        .operations()
        .filter(|op| op.fate() == Fate::Ok || op.fate() == Fate::Info && op.invocation.f == "add")
        .map(|op| {
            let is_read = op.invocation.f == "read";
            let list = op.completion_event().and_then(|event| event.value.as_list());
            Op {
                call: op.call,
                ret: op.ret(),
                adds: if is_read { 0 } else { bit(op.invocation.value) },
                reads: is_read.then(|| list.unwrap().map(bit).fold(0, |set, x| set | x)),
            }
        })
        .collect();
    /// `done` names what has taken effect, and so what the set holds.
    fn possible(ops: &[Op], done: u32, failed: &mut HashSet<u32>) -> bool {
        let left = || (0..ops.len()).filter(|at| done & 1 << at == 0);
        if left().all(|at| ops[at].ret.is_none()) {
            return true;
        }
        let set = (0..ops.len()).filter(|at| done & 1 << at != 0).fold(0, |set, at| set | ops[at].adds);
        let found = !failed.contains(&done)
            && left().any(|at| {
                let op = &ops[at];
                let overtakes = left().any(|other| ops[other].ret.is_some_and(|ret| ret < op.call));
                !overtakes && op.reads.is_none_or(|read| read == set) && possible(ops, done | 1 << at, failed)
            });
        if !found {
            failed.insert(done);
        }
        found
    }
    possible(&ops, 0, &mut HashSet::new())
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

/// Operations that overlap much, and reads that are answered with anything.
fn crowded(random: &mut Random) -> History {
    let mut events: Vec<Event> = Vec::new();
    let mut busy: Vec<Option<Event>> = vec![None; 4];
    let mut alive = [0, 1, 2, 3];
    let elements = 2 + random.below(3);
    // What a snapshot would show, and what was tried.
    let (mut set, mut tried) = (0_u32, 0_u32);
    let honest = random.percent(50);
    for _ in 0..6 + random.below(15) {
        let at = random.below(4) as usize;
        let time = events.len() as u64;
        let process = Process::client(alive[at]).unwrap();
        let Some(invocation) = busy[at].take() else {
            let (f, value) = if random.percent(50) {
                let x = random.below(elements);
                tried |= 1 << x;
                ("add", Value::Int(x as i64))
            } else {
                ("read", Value::Nil)
            };
            let event = Event::new(time, process, EventType::Invoke, f, value);
            busy[at] = Some(event.clone());
            events.push(event);
            continue;
        };
        let kind = match random.below(12) {
            0 => EventType::Fail,
            1..=2 => EventType::Info,
            _ => EventType::Ok,
        };
        let mut value = invocation.value.clone();
        if invocation.f == "add" && kind != EventType::Fail {
            set |= 1 << value.as_int().unwrap();
        } else if kind == EventType::Ok {
            let noise = if honest && random.percent(80) { 0 } else { random.next() as u32 };
            let shown = (set ^ noise & random.next() as u32) & tried;
            value = Value::list((0..6).filter(|x| shown & 1 << x != 0).map(Value::Int));
        }
        events.push(Event::new(time, process, kind, invocation.f, value));
        alive[at] += if kind == EventType::Info { 10 } else { 0 };
    }
    History::new(events).unwrap()
}

#[test]
fn sets_are_linearizable_when_some_order_explains_them() {
    let mut tally = [0; 3];
    let mut problems = HashSet::new();
    for seed in 0..60_000 {
        let history = crowded(&mut Random(seed));
        let judgement = SetFull { linearizable: true }.check(&history, &Budget::default());
        // Nothing invalid but what no order explains, and the other way round.
        let explained = some_order_explains(&history);
        assert_eq!(
            judgement.verdict != Verdict::Invalid,
            explained,
            "{}\n{}",
            judgement.reason,
            lines(&history)
        );
        assert_eq!(judgement.verdict, by_definition(&history, true), "{}", lines(&history));
        tally[judgement.verdict as usize] += 1;
        for evidence in &judgement.evidence {
            let Evidence::SetElement(evidence) = evidence else { panic!() };
            problems.insert(evidence.problem.clone());
            if judgement.evidence.len() == 1 {
                problems.insert(format!("only {}", evidence.problem));
            }
        }
    }
    assert!(tally.iter().all(|&n| n > 5_000), "{tally:?}");
    // Each finding is needed: each is the only one somewhere.
    for problem in ["only lost", "only stale", "only incomparable", "only overtaken", "only never-added"] {
        assert!(problems.contains(problem), "{problem} is not among {problems:?}");
    }
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
