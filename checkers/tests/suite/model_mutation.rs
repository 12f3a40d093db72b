//! For each model one known violation in a large history of an object that works: the verdict changes, and
//! the evidence is about it.

use checkers::registry::linearizable_by_name;
use checkers::{Budget, Event, EventType, History, Process, Value, Verdict};

use crate::plain::*;
use crate::plain_stores::*;
use crate::simulate::Random;

/// An operation and its answer.
type Deed = (&'static str, Value, Value);

/// What is done by one client while all others are quiet, from this state on: all but the last is true, and
/// after that the last is impossible, whatever order the operations before had, and whatever unanswered
/// ones still do.
type Lie = fn(&State) -> Option<Vec<Deed>>;

struct Running {
    process: u64,
    client: usize,
    f: &'static str,
    argument: Value,
    answer: Option<Value>,
}

/// So many operations by so many clients, `lost` percent of them without an answer; and, if there is a lie, the
/// positions of what was done to tell it, behind four fifths.
fn large(
    plain: &Plain,
    clients: usize,
    operations: usize,
    lost: u64,
    lie: Option<Lie>,
) -> (History, Vec<usize>) {
    let mut random = Random(11);
    let mut state = (plain.initial)().swap_remove(0);
    let mut events: Vec<Event> = Vec::new();
    let mut free: Vec<(usize, u64)> = (0..clients).map(|client| (client, client as u64)).collect();
    let mut next_process = clients as u64;
    let mut busy: Vec<Running> = Vec::new();
    let mut late: Vec<Running> = Vec::new();
    let mut begun = 0;
    let mut lie = lie;
    let mut told = Vec::new();
    let push = |events: &mut Vec<Event>, process: u64, kind: EventType, f: &str, value: Value| {
        events.push(Event::new(events.len() as u64, Process::client(process).unwrap(), kind, f, value));
    };
    while begun < operations || !busy.is_empty() {
        let draining = lie.is_some() && begun >= operations * 4 / 5;
        if draining
            && busy.is_empty()
            && let Some(deeds) = lie.and_then(|lie| lie(&state))
        {
            for (f, argument, answer) in deeds {
                told.push(events.len());
                push(&mut events, next_process, EventType::Invoke, f, argument.clone());
                push(&mut events, next_process, EventType::Ok, f, answer.clone());
                let outcomes = (plain.apply)(&state, next_process, f, &argument);
                // The last one finds no way in which it could have gone.
                match outcomes.into_iter().find(|(_, truth)| *truth == answer) {
                    Some((after, _)) => state = after,
                    None => assert!(std::mem::take(&mut lie).is_some(), "{f} {argument} is not possible"),
                }
            }
            assert!(lie.is_none(), "no lie was told");
            next_process += 1;
            continue;
        }
        if !late.is_empty() && random.percent(5) {
            let gone = late.swap_remove(random.below(late.len() as u64) as usize);
            act(&mut random, plain, &mut state, &gone);
        }
        // While the others end, nobody begins; if the state does not suit, one does.
        let begins =
            !free.is_empty() && begun < operations && (busy.is_empty() || !draining && random.percent(50));
        if begins {
            let (client, process) = free.swap_remove(random.below(free.len() as u64) as usize);
            begun += 1;
            let (f, argument) = (plain.propose)(&mut random);
            push(&mut events, process, EventType::Invoke, f, argument.clone());
            busy.push(Running { process, client, f, argument, answer: None });
            continue;
        }
        let at = random.below(busy.len() as u64) as usize;
        if busy[at].answer.is_none() && random.percent(50) {
            busy[at].answer = act(&mut random, plain, &mut state, &busy[at]);
            continue;
        }
        let mut running = busy.swap_remove(at);
        if random.percent(lost) {
            push(&mut events, running.process, EventType::Info, running.f, running.argument.clone());
            free.push((running.client, next_process));
            next_process += 1;
            if running.answer.is_none() {
                late.push(running);
            }
            continue;
        }
        if running.answer.is_none() {
            running.answer = act(&mut random, plain, &mut state, &running);
        }
        let (kind, value) = match running.answer {
            None => (EventType::Fail, running.argument),
            Some(answer) => (EventType::Ok, answer),
        };
        push(&mut events, running.process, kind, running.f, value);
        free.push((running.client, running.process));
    }
    assert!(lie.is_none(), "{}: no lie was told", plain.model);
    (History::new(events).unwrap(), told)
}

fn act(random: &mut Random, plain: &Plain, state: &mut State, doing: &Running) -> Option<Value> {
    let mut outcomes = (plain.apply)(state, doing.process, doing.f, &doing.argument);
    if outcomes.is_empty() {
        return None;
    }
    let (after, answer) = outcomes.swap_remove(random.below(outcomes.len().min(3) as u64) as usize);
    *state = after;
    Some(answer)
}

fn is_found(plain: &Plain, operations: usize, lost: u64, lie: Lie) {
    is_found_among(plain, 6, operations, lost, lie);
}

fn is_found_among(plain: &Plain, clients: usize, operations: usize, lost: u64, lie: Lie) {
    let checker = linearizable_by_name(plain.model).unwrap();
    let budget = Budget { max_steps: 5_000_000, ..Budget::default() };
    let (truth, _) = large(plain, clients, operations, lost, None);
    let judgement = checker.check(&truth, &budget);
    assert_eq!(judgement.verdict, Verdict::Valid, "{}: {}", plain.model, judgement.reason);
    let (spoiled, told) = large(plain, clients, operations, lost, Some(lie));
    let judgement = checker.check(&spoiled, &budget);
    assert_eq!(judgement.verdict, Verdict::Invalid, "{}: {}", plain.model, judgement.reason);
    let named = judgement.evidence[0].positions();
    assert!(
        told.iter().any(|call| named.contains(call)),
        "{}: {told:?} in {named:?}: {}",
        plain.model,
        judgement.reason
    );
    assert!(named.len() < 100, "{}: {} operations", plain.model, named.len());
}

/// A value that nobody ever writes.
fn strange() -> Value {
    int(77)
}

#[test]
fn counters_and_locks() {
    is_found(&COUNTER, 10_000, 1, |state| {
        Some(vec![("read", NIL, int(number(state, 0))), ("read", NIL, int(number(state, 0) + 1_000_000))])
    });
    is_found(&MUTEX, 10_000, 0, |state| (!state.is_empty()).then(|| vec![("acquire", NIL, NIL)]));
    is_found(&MUTEX, 10_000, 0, |state| state.is_empty().then(|| vec![("release", NIL, NIL)]));
    is_found(&OWNED_MUTEX, 10_000, 0, |state| (!state.is_empty()).then(|| vec![("release", NIL, NIL)]));
    is_found(&SEMAPHORE, 10_000, 0, |state| (number(state, 0) == 1).then(|| vec![("acquire", int(2), NIL)]));
    is_found(&SEMAPHORE, 10_000, 0, |state| (number(state, 0) == 0).then(|| vec![("release", int(1), NIL)]));
    is_found(&FENCED_LOCK, 10_000, 0, |state| {
        (number(state, 1) == 0).then(|| vec![("acquire", NIL, int(number(state, 0)))])
    });
    is_found(&FENCED_LOCK, 10_000, 0, |state| {
        (number(state, 1) == 1).then(|| vec![("release", int(number(state, 0) - 1), NIL)])
    });
}

#[test]
fn sets() {
    is_found(&SET, 10_000, 0, |state| {
        Some(vec![
            ("read", NIL, Value::list(state.clone())),
            ("contains", int(0), Value::Bool(!state.contains(&int(0)))),
        ])
    });
    is_found(&SET, 4_000, 1, |_| Some(vec![("contains", strange(), Value::Bool(true))]));
    is_found(&MULTISET, 4_000, 0, |state| {
        let times = state.iter().filter(|element| **element == int(1)).count() as i64;
        Some(vec![("count", int(1), Value::pair(int(1), times + 1))])
    });
    is_found(&MULTISET, 4_000, 1, |_| Some(vec![("remove", strange(), Value::Bool(true))]));
}

/// The same with elements of which hardly two are the same: of few values, who took out what is a riddle.
fn of_unique_values(plain: &Plain) -> Plain {
    Plain {
        propose: |random| {
            let takes_in = random.percent(50);
            if takes_in { ("enqueue", int(random.below(1 << 40) as i64)) } else { ("dequeue", NIL) }
        },
        ..*plain
    }
}

#[test]
fn queues_and_stacks() {
    let empty = |state: &State| (state.len() > 1).then(|| vec![("dequeue", NIL, Value::from("empty"))]);
    let strange = |_: &State| Some(vec![("dequeue", NIL, strange())]);
    for plain in [of_unique_values(&FIFO_QUEUE), of_unique_values(&UNORDERED_QUEUE)] {
        is_found(&plain, 10_000, 0, empty);
        is_found(&plain, 10_000, 0, strange);
    }
    // What was enqueued last, while there is more.
    is_found(&of_unique_values(&FIFO_QUEUE), 10_000, 0, |state| {
        (!state.is_empty()).then(|| vec![("enqueue", int(7), NIL), ("dequeue", NIL, int(7))])
    });
    let stack = Plain {
        propose: |random| {
            if random.percent(50) { ("push", int(random.below(1 << 40) as i64)) } else { ("pop", NIL) }
        },
        ..STACK
    };
    // There is no near-linear checker of stacks, and orders of pushes are many.
    is_found_among(&stack, 3, 300, 0, |_| Some(vec![("push", int(7), NIL), ("pop", NIL, int(8))]));
    // The larger one of two priorities, while the smaller one is there.
    let ranked = Plain {
        propose: |random| match random.below(4) {
            0..=1 => ("insert", int(random.below(1 << 40) as i64)),
            2 => ("dequeue-min", NIL),
            _ => ("dequeue-max", NIL),
        },
        ..PRIORITY_QUEUE
    };
    is_found(&ranked, 4_000, 0, |state| {
        let [first, .., last] = &state[..] else { return None };
        (first != last).then(|| vec![("dequeue-min", NIL, worst(state))])
    });
}

/// An element of the largest priority.
fn worst(state: &State) -> Value {
    let priority = |value: &Value| value.as_pair().map_or(value.clone(), |(priority, _)| priority.clone());
    state.iter().max_by_key(|value| priority(value)).unwrap().clone()
}

#[test]
fn logs_and_stores() {
    let log = Plain {
        propose: |random| match random.below(10) {
            0..=1 => ("append", small(random)),
            2..=8 => ("read", int(random.below(400) as i64)),
            _ => ("size", NIL),
        },
        ..LOG
    };
    is_found(&log, 3_000, 0, |state| Some(vec![("size", NIL, int(state.len() as i64 - 1))]));
    is_found(&log, 3_000, 1, |state| {
        let last = state.len() as i64 - 1;
        Some(vec![("read", int(last - 9), Value::pair(int(last - 9), strange()))])
    });
    let strange_value =
        |_: &State| Some(vec![("get", Value::pair(0_i64, NIL), Value::pair(0_i64, strange()))]);
    is_found(&KV, 10_000, 0, strange_value);
    is_found(&UNIQUE_APPENDS, 4_000, 1, strange_value);
    is_found(&KV, 10_000, 0, |_| {
        let put = Value::pair(1_i64, int(5));
        let append = Value::pair(1_i64, Value::from("b"));
        Some(vec![("put", put, NIL), ("append", append, NIL)])
    });
    is_found(&MULTI_REGISTER, 10_000, 0, |_| {
        let write = Value::list(["w".into(), "x".into(), int(1)]);
        let read = |value: Value| Value::list(["r".into(), "x".into(), value]);
        let asked = Value::list([write.clone(), read(NIL)]);
        let told = Value::list([write, read(strange())]);
        Some(vec![("txn", asked, told)])
    });
    is_found(&VERSIONED_KV, 10_000, 0, |state| {
        let revision = |n: i64| Value::Map([(Value::from("revision"), int(number(state, 0) + n))].into());
        let put = |value: i64| Value::pair("a", int(value));
        Some(vec![("put", put(1), revision(1)), ("put", put(2), revision(1))])
    });
}
