//! The models' histories by their near-linear checkers and by the search alone: one verdict.

use checkers::linearizability::special::fifo_queue::QueueAct;
use checkers::linearizability::special::set::SetAct;
use checkers::model::Model;
use checkers::models::{Counter, FencedLock, FifoQueue, Mutex, Set, UnorderedQueue};
use checkers::{Budget, Checker, Event, EventType, History, Linearizability, Process, Value, Verdict};

use super::sets::Grow;
use super::{Op, cases, counters, locks, queues, sets};
use crate::text::lines;

/// Function, argument, result; who, if that matters.
type Told = (&'static str, Value, Value, Option<u32>);

fn history<O>(ops: &[Op<O>], tell: impl Fn(&O) -> Told) -> History {
    let mut events: Vec<(u32, Event)> = Vec::new();
    for (number, (span, op)) in ops.iter().enumerate() {
        let (f, argument, result, who) = tell(op);
        let process = Process::client(u64::from(who.unwrap_or(number as u32))).unwrap();
        let event = |at: u32, kind, value| (at, Event::new(u64::from(at), process, kind, f, value));
        events.push(event(span.call, EventType::Invoke, argument));
        if span.answered() {
            events.push(event(span.ret, EventType::Ok, result));
        }
    }
    events.sort_by_key(|(at, _)| *at);
    History::new(events.into_iter().map(|(_, event)| event)).unwrap()
}

/// How often the near-linear checker answered, and with which verdicts.
fn agree<M: Model + Clone>(model: M, histories: impl Iterator<Item = History>) {
    let (mut special, mut valid, mut invalid) = (0, 0, 0);
    for history in histories {
        let checker = Linearizability::new(model.clone());
        let budget = Budget { max_steps: 20_000, ..Budget::default() };
        let fast = checker.check(&history, &budget);
        let search = checker.general_only().check(&history, &budget);
        if search.verdict == Verdict::Unknown {
            continue;
        }
        assert_eq!(fast.verdict, search.verdict, "{}\n{}\n{}", fast.reason, search.reason, lines(&history));
        special += u64::from(fast.algorithm != search.algorithm);
        valid += u64::from(fast.verdict == Verdict::Valid);
        invalid += u64::from(fast.verdict == Verdict::Invalid);
    }
    println!("{}: {special} by the special checker, {valid} valid, {invalid} invalid", model.name());
    assert!(special > (valid + invalid) / 2 && valid > 0 && invalid > 0, "{special} {valid} {invalid}");
}

/// Small ones, and some of a thousand operations.
fn sizes() -> impl Iterator<Item = (u64, u64)> {
    (0..cases() / 5).map(|seed| (seed, 9)).chain((0..cases() / 600).map(|seed| (seed + 1_000_000, 1_000)))
}

#[test]
fn queues_by_either_way() {
    let tell = |(act, element): &queues::Asked| match act {
        QueueAct::Enqueue => ("enqueue", Value::from(*element as i64), Value::Nil, None),
        QueueAct::Dequeue => ("dequeue", Value::Nil, Value::from(*element as i64), None),
        QueueAct::Empty | QueueAct::Unknown => ("dequeue", Value::Nil, Value::from("empty"), None),
    };
    for ordered in [true, false] {
        let histories = sizes().map(|(seed, most)| history(&queues::history(seed, ordered, 3, most), tell));
        if ordered {
            agree(FifoQueue, histories);
        } else {
            agree(UnorderedQueue, histories);
        }
    }
}

#[test]
fn locks_by_either_way() {
    let tell = |(process, acquires, token): &locks::Asked| {
        let f = if *acquires { "acquire" } else { "release" };
        (f, Value::Nil, token.map_or(Value::Nil, Value::from), Some(*process))
    };
    let mute = |op: &locks::Asked| (tell(op).0, Value::Nil, Value::Nil, tell(op).3);
    let ops = |(seed, most)| locks::history(seed, if seed % 4 == 0 { 10 } else { 0 }, most);
    agree(Mutex { owned: false }, sizes().map(|size| history(&ops(size), mute)));
    agree(Mutex { owned: true }, sizes().map(|size| history(&ops(size), mute)));
    agree(FencedLock, sizes().map(|size| history(&ops(size), tell)));
}

#[test]
fn sets_by_either_way() {
    let tell = |(act, element): &(SetAct, u64)| {
        let element = Value::from(*element as i64);
        match act {
            SetAct::Add => ("add", element, Value::Nil, None),
            SetAct::Remove => ("remove", element, Value::Nil, None),
            SetAct::Found => ("contains", element, Value::from(true), None),
            SetAct::Missed => ("contains", element, Value::from(false), None),
        }
    };
    agree(Set, sizes().map(|(seed, most)| history(&sets::history(seed, most), tell)));
    let tell = |op: &Grow| match op {
        Grow::Add(element) => ("add", Value::from(*element as i64), Value::Nil, None),
        Grow::Read(seen) => {
            ("read", Value::Nil, Value::list(seen.iter().map(|e| Value::from(*e as i64))), None)
        }
    };
    agree(Set, sizes().map(|(seed, most)| history(&sets::growing(seed, most), tell)));
}

#[test]
fn counters_by_either_way() {
    for answers in [false, true] {
        let tell = move |(reads, told): &counters::Asked| {
            let f = match (reads, answers) {
                (true, _) => "read",
                (false, true) => "add-and-fetch",
                (false, false) => "add",
            };
            let argument = if *reads { Value::Nil } else { Value::from(2) };
            (f, argument, told.map_or(Value::Nil, Value::from), None)
        };
        agree(Counter, sizes().map(|(seed, most)| history(&counters::history(seed, 2, answers, most), tell)));
    }
}
