//! Histories that once took minutes or all memory: each is answered within a budget that a small machine has.

use checkers::models::CasRegister;
use checkers::transactions::{ClosedPredicate, ListAppend};
use checkers::{Budget, Checker, Event, EventType, History, Linearizability, Process, Value, Verdict};

fn client(number: u64) -> Process {
    Process::client(number).expect("small")
}

/// One client after the other: `f` with a value, and its answer.
fn one_by_one(operations: impl Iterator<Item = (&'static str, Value, Value)>) -> History {
    let events = operations.enumerate().flat_map(|(at, (f, asked, answered))| {
        let (process, time) = (client(at as u64), at as u64 * 2);
        [
            Event::new(time, process, EventType::Invoke, f, asked),
            Event::new(time + 1, process, EventType::Ok, f, answered),
        ]
    });
    History::new(events).expect("by the rules")
}

fn mop(f: &str, key: impl Into<Value>, value: Value) -> Value {
    Value::list([f.into(), key.into(), value])
}

/// Bursts of writes of few values, and quiet between them: nothing of a burst may be laid out in all its orders
/// only to see where the history could be cut.
#[test]
fn bursts_are_not_taken_apart_to_cut_a_history() {
    let mut events = Vec::new();
    for burst in 0..3_000_u64 {
        for kind in [EventType::Invoke, EventType::Ok] {
            for process in 0..20 {
                let time = events.len() as u64;
                let value = Value::Int(((burst + process) % 3) as i64);
                events.push(Event::new(time, client(process), kind, "write", value));
            }
        }
        let time = events.len() as u64;
        events.push(Event::new(time, client(0), EventType::Invoke, "read", Value::Nil));
        events.push(Event::new(time + 1, client(0), EventType::Ok, "read", Value::Int((burst % 3) as i64)));
    }
    let history = History::new(events).expect("by the rules");
    let judgement = Linearizability::new(CasRegister::default()).check(&history, &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Valid, "{}", judgement.reason);
    let Some(Value::Int(steps)) = judgement.details.get("steps") else { panic!("{judgement:?}") };
    assert!(*steps < 1_000_000, "{steps}");
}

/// A transaction that appends, and looks, a hundred thousand times.
#[test]
fn one_transaction_may_look_often_at_what_it_appended() {
    let mops = |seen: bool| {
        Value::list((0..200_000).map(|at| match at % 2 {
            0 => mop("append", 0, Value::Int(at)),
            _ if seen => mop("r", 0, Value::list([])),
            _ => mop("r", 0, Value::Nil),
        }))
    };
    let history = one_by_one([("txn", mops(false), mops(true))].into_iter());
    let judgement = ListAppend::default().check(&history, &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Invalid, "{}", judgement.reason);
}

/// Each of many reads of what was there at first comes before each of many writes.
#[test]
fn dependencies_of_everybody_on_everybody_are_counted_before_they_are_written_down() {
    let universe = checkers::object!({ "x": -1 });
    let init = std::iter::once(("init", universe.clone(), universe.clone()));
    let read = |found: Value| Value::list([Value::list(["rp".into(), "true".into(), found])]);
    let reads = (0..30_000).map(|_| ("txn", read(Value::Nil), read(universe.clone())));
    let writes = (0..30_000).map(|at| {
        let mops = Value::list([mop("w", "x", Value::Int(at))]);
        ("txn", mops.clone(), mops)
    });
    let history = one_by_one(init.chain(reads).chain(writes));
    let judgement = ClosedPredicate::default().check(&history, &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Unknown);
    assert!(judgement.reason.contains("memory"), "{}", judgement.reason);
}
