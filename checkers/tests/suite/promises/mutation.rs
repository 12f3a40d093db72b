//! One violation in a large valid history: the verdict flips, and the evidence names the operation.

use checkers::{Event, EventType, Evidence, History, Process, Value, Verdict};

use super::{judge, problems};
use crate::simulate::Random;

const OPERATIONS: usize = 6_000;

struct Running {
    process: u64,
    f: &'static str,
    input: Value,
    /// What it answered, once it took effect.
    output: Option<Value>,
}

/// A history of six clients of a correct system: each operation takes effect at one instant
/// between its two events. Two in a hundred are never answered, and half of those do nothing.
/// Then those of `end` are done one by one.
fn simulate<S>(
    mut state: S,
    mut invoke: impl FnMut(&mut Random, &mut S, u64) -> (&'static str, Value),
    mut act: impl FnMut(&mut S, &'static str, &Value, u64) -> Value,
    end: &[&'static str],
    unanswered: &[&'static str],
) -> Vec<Event> {
    let mut random = Random(11);
    let mut events: Vec<Event> = Vec::new();
    let mut clients: Vec<Option<Running>> = (0..6).map(|_| None).collect();
    let mut processes: Vec<u64> = (0..6).collect();
    let mut started = 0;
    let push = |events: &mut Vec<Event>, process: u64, event_type, f: &'static str, value: Value| {
        let time = events.len() as u64 * 1_000;
        events.push(Event::new(time, Process::client(process).unwrap(), event_type, f, value));
    };
    while started < OPERATIONS || clients.iter().any(Option::is_some) {
        let client = random.below(6) as usize;
        match &mut clients[client] {
            None if started < OPERATIONS => {
                started += 1;
                let process = processes[client];
                let (f, input) = invoke(&mut random, &mut state, process);
                push(&mut events, process, EventType::Invoke, f, input.clone());
                clients[client] = Some(Running { process, f, input, output: None });
            }
            None => {}
            Some(running) if unanswered.contains(&running.f) && random.percent(2) => {
                if random.percent(50) && running.output.is_none() {
                    act(&mut state, running.f, &running.input, running.process);
                }
                push(&mut events, running.process, EventType::Info, running.f, running.input.clone());
                clients[client] = None;
                processes[client] = 100 + events.len() as u64;
            }
            Some(Running { output: Some(output), process, f, .. }) => {
                push(&mut events, *process, EventType::Ok, f, output.clone());
                clients[client] = None;
            }
            Some(running) => {
                running.output = Some(act(&mut state, running.f, &running.input, running.process));
            }
        }
    }
    for f in end {
        push(&mut events, 99, EventType::Invoke, f, Value::Nil);
        let output = act(&mut state, f, &Value::Nil, 99);
        push(&mut events, 99, EventType::Ok, f, output);
    }
    events
}

/// The answers `ok` of `f`, by position, that `wanted` accepts; one from the middle on.
fn answer(events: &[Event], f: &str, wanted: impl Fn(&Value) -> bool) -> usize {
    let is = |at: &usize| {
        let event = &events[*at];
        event.event_type == EventType::Ok && event.f == *f && wanted(&event.value)
    };
    (events.len() / 2..events.len()).find(is).expect("an answer to change")
}

/// The history is valid; after `change` of the answer at a position it is not, with this problem,
/// and the evidence names the operation.
fn flips(checker: &str, events: &[Event], problem: &str, at: usize, change: impl FnOnce(&mut Value)) {
    let valid = History::new(events).unwrap();
    let judgement = judge(checker, &valid);
    assert_eq!(
        judgement.verdict,
        Verdict::Valid,
        "{checker}: {} {:?}",
        judgement.reason,
        judgement.evidence.first()
    );
    let mut events = events.to_vec();
    change(&mut events[at].value);
    let history = History::new(&events).unwrap();
    let judgement = judge(checker, &history);
    assert_eq!(judgement.verdict, Verdict::Invalid, "{checker}, {problem}: {}", judgement.reason);
    assert!(problems(&judgement).contains(&problem), "{checker}: {:?}", problems(&judgement));
    let call = history.partner(at).unwrap();
    let named = |evidence: &Evidence| evidence.positions().contains(&call);
    assert!(judgement.evidence.iter().any(named), "{checker}: {:?}", judgement.evidence);
    super::evidence::is_true_of(checker, &history, &judgement);
    // Evidence stays small, however long the reads are.
    let size = serde_json::to_string(&judgement.evidence).unwrap().len();
    assert!(size < 2_000 * judgement.evidence.len().max(1), "{checker}: {size} bytes");
}

fn list(value: &mut Value, change: impl FnOnce(&mut Vec<Value>)) {
    let mut items = value.as_list().unwrap().to_vec();
    change(&mut items);
    *value = Value::from(items);
}

#[test]
fn sets_and_comments() {
    let grow = |write: &'static str, reads: u64| {
        simulate(
            (0_i64, Vec::<Value>::new()),
            move |rng, (next, _), _| {
                if rng.below(1_000) < reads {
                    return ("read", Value::Nil);
                }
                *next += 1;
                (write, Value::Int(*next))
            },
            |(_, set), f, value, _| {
                if f == "read" {
                    return Value::from(set.clone());
                }
                set.push(value.clone());
                value.clone()
            },
            &["read"],
            &[write],
        )
    };
    let events = grow("add", 0);
    let last = events.len() - 1;
    flips("set", &events, "lost", last, |read| list(read, |items| drop(items.remove(3_000))));
    flips("set", &events, "unexpected", last, |read| list(read, |items| items.push(Value::Int(-1))));
    flips("set", &events, "duplicated", last, |read| list(read, |items| items.push(items[70].clone())));
    flips("set-full", &events, "duplicated", last, |read| list(read, |items| items.push(items[70].clone())));
    let events = grow("write", 10);
    let at = answer(&events, "read", |_| true);
    for name in ["comments", "causal-reverse"] {
        flips(name, &events, "causal-reverse", at, |read| list(read, |items| drop(items.remove(100))));
    }
}

#[test]
fn queues() {
    let events = simulate(
        (0_i64, std::collections::VecDeque::<Value>::new()),
        |rng, (next, _), _| {
            if rng.percent(40) {
                return ("dequeue", Value::Nil);
            }
            *next += 1;
            ("enqueue", Value::Int(*next))
        },
        |(_, queue), f, value, _| match f {
            "enqueue" => {
                queue.push_back(value.clone());
                value.clone()
            }
            "dequeue" => queue.pop_front().unwrap_or_default(),
            _ => Value::from(queue.drain(..).collect::<Vec<_>>()),
        },
        &["drain"],
        &["enqueue"],
    );
    let at = answer(&events, "dequeue", |value| !value.is_nil());
    let drain = events.len() - 1;
    flips("queue", &events, "unexpected", at, |value| *value = Value::Int(-7));
    flips("total-queue", &events, "unexpected", at, |value| *value = Value::Int(-7));
    flips("queue", &events, "duplicated", at, |value| *value = Value::Int(1));
    flips("total-queue", &events, "lost", drain, |value| list(value, |items| drop(items.pop())));
    let twice = History::new({
        let mut events = events.clone();
        list(&mut events[drain].value, |items| items.push(items[0].clone()));
        events
    });
    let judgement = judge("total-queue", &twice.unwrap());
    assert_eq!((judgement.verdict, &judgement.details["duplicated_count"]), (Verdict::Valid, &1.into()));
}

#[test]
fn counters_ids_and_banks() {
    let events = simulate(
        0_i64,
        |rng, _, _| match rng.below(3) {
            0 => ("read", Value::Nil),
            _ => ("add", Value::Int(rng.below(9) as i64 - 3)),
        },
        |sum, f, value, _| {
            *sum += value.as_int().unwrap_or(0);
            if f == "read" { Value::Int(*sum) } else { value.clone() }
        },
        &["read"],
        &["add"],
    );
    let at = answer(&events, "read", |_| true);
    let shift = |by: i64| move |value: &mut Value| *value = Value::Int(value.as_int().unwrap() + by);
    flips("counter", &events, "above-upper-bound", at, shift(2_000));
    flips("counter", &events, "below-lower-bound", at, shift(-2_000));
    let events = simulate(
        0_i64,
        |_, _, _| ("generate", Value::Nil),
        |next, _, _, _| {
            *next += 1;
            Value::Int(*next)
        },
        &[],
        &["generate"],
    );
    let at = answer(&events, "generate", |_| true);
    let first = events.iter().find(|event| event.event_type == EventType::Ok).unwrap().value.clone();
    flips("unique-ids", &events, "duplicated", at, |value| *value = first);
    let account = |n: u64| Value::from(n.to_string());
    let events = simulate(
        (vec![10_i64; 8], false),
        |rng, (_, begun), _| {
            if rng.percent(50) || !std::mem::replace(begun, true) {
                return ("read", Value::Nil);
            }
            let entry = |key: &str, n: u64| (Value::from(key), Value::Int(n as i64));
            let (from, by) = (rng.below(8), 1 + rng.below(7));
            let entries =
                [entry("amount", 1 + rng.below(5)), entry("from", from), entry("to", (from + by) % 8)];
            ("transfer", Value::Map(entries.into()))
        },
        |(balances, _), f, value, _| {
            if f == "read" {
                let entries = balances.iter().zip(0..).map(|(n, at)| (account(at), Value::Int(*n)));
                return Value::Map(entries.collect());
            }
            let Value::Map(entries) = value else { return Value::Nil };
            let [amount, from, to] = [0, 1, 2].map(|at: usize| entries[at].1.as_int().unwrap());
            if balances[from as usize] >= amount {
                balances[from as usize] -= amount;
                balances[to as usize] += amount;
            }
            value.clone()
        },
        &["read"],
        &["transfer"],
    );
    let at = answer(&events, "read", |_| true);
    let change = |change: fn(&mut Vec<(Value, Value)>)| {
        move |value: &mut Value| {
            let Value::Map(entries) = value else { panic!() };
            let mut list = entries.to_vec();
            change(&mut list);
            *value = Value::Map(list.into());
        }
    };
    flips("bank", &events, "wrong-total", at, change(|list| list[3].1 = Value::Int(1_000)));
    flips("bank", &events, "nil-balance", at, change(|list| list[3].1 = Value::Nil));
    flips("bank", &events, "unexpected-key", at, change(|list| list.push(("99".into(), Value::Int(0)))));
    let negative = change(|list| {
        for (at, n) in [(0, -5), (1, 85)] {
            list[at].1 = Value::Int(n);
        }
        list[2..].iter_mut().for_each(|(_, n)| *n = Value::Int(0));
    });
    flips("bank", &events, "negative-value", at, negative);
}

#[test]
fn forks_and_durability() {
    let mop = |f: &str, key: i64, value: Value| Value::list([f.into(), Value::Int(key), value]);
    let events = simulate(
        (0_i64, std::collections::HashSet::<i64>::new()),
        |rng, (next, _), _| {
            if rng.percent(50) && *next > 2 {
                let key = (rng.below(*next as u64) / 2 * 2) as i64;
                return ("read", Value::list([mop("r", key, Value::Nil), mop("r", key + 1, Value::Nil)]));
            }
            *next += 1;
            ("write", Value::list([mop("w", *next - 1, Value::Int(1))]))
        },
        |(_, written), f, value, _| {
            let keys: Vec<i64> = value
                .as_list()
                .unwrap()
                .iter()
                .map(|mop| mop.as_list().unwrap()[1].as_int().unwrap())
                .collect();
            if f == "write" {
                written.insert(keys[0]);
                return value.clone();
            }
            let seen = |key: &i64| if written.contains(key) { Value::Int(1) } else { Value::Nil };
            Value::list(keys.iter().map(|key| mop("r", *key, seen(key))))
        },
        &[],
        &["write"],
    );
    // Two reads of one group: if one saw the first only, the other is made to see the second only.
    let saw = |value: &Value, which: [bool; 2]| {
        let mops = value.as_list().unwrap();
        mops.len() == 2 && (0..2).all(|at| mops[at].as_list().unwrap()[2].is_nil() != which[at])
    };
    let keys = |value: &Value| value.as_list().unwrap()[0].as_list().unwrap()[1].clone();
    let reads: Vec<usize> = (0..events.len())
        .filter(|at| events[*at].event_type == EventType::Ok && events[*at].f == *"read")
        .collect();
    let half = reads.iter().filter(|at| saw(&events[**at].value, [true, false]));
    let mut pair = half.filter_map(|one| {
        let rival = |at: &&usize| **at != *one && keys(&events[**at].value) == keys(&events[*one].value);
        reads.iter().filter(|at| saw(&events[**at].value, [true, true])).find(rival)
    });
    let at = *pair.next_back().expect("a group that was read twice");
    flips("long-fork", &events, "long-fork", at, |value| {
        list(value, |mops| mops[0] = mop("r", mops[0].as_list().unwrap()[1].as_int().unwrap(), Value::Nil));
    });
    let events = simulate(
        (0_i64, Value::Nil),
        |_, (next, _), _| {
            *next += 1;
            ("write", Value::Int(*next))
        },
        |(_, register), f, value, _| {
            if f == "write" {
                *register = value.clone();
            }
            register.clone()
        },
        &["final-read"],
        &["write"],
    );
    let last = events.len() - 1;
    flips("durability", &events, "lost", last, |value| *value = Value::Int(3_000));
    flips("durability", &events, "never-written", last, |value| *value = Value::Int(-1));
}

#[test]
fn locks_and_watches() {
    // A lock with leases is not simulated; here a lock is given when it is free, and refused else.
    let mut random = Random(5);
    let (mut events, mut holder, mut token) = (Vec::new(), None, 0);
    for _ in 0..OPERATIONS {
        let client = random.below(4);
        let time = events.len() as u64;
        let mut both = |f: &str, answer: EventType, value: Value| {
            let who = Process::client(client).unwrap();
            events.push(Event::new(time, who, EventType::Invoke, f, Value::Nil));
            events.push(Event::new(time, who, answer, f, value));
        };
        if holder == Some(client) {
            both("release", EventType::Ok, Value::Nil);
            holder = None;
        } else if holder.is_none() {
            token += 1;
            holder = Some(client);
            both("acquire", EventType::Ok, Value::Int(token));
        } else {
            both("acquire", EventType::Fail, Value::Nil);
        }
    }
    let at = answer(&events, "acquire", |_| true);
    flips("lock-safety", &events, "token-not-increasing", at, |value| *value = Value::Int(0));
    flips("lock-safety", &events, "token-reused", at, |value| *value = Value::Int(7));
    let mut two = events.clone();
    let refused = (events.len() / 2..).find(|at| events[*at].event_type == EventType::Fail).unwrap();
    (two[refused].event_type, two[refused].value) = (EventType::Ok, Value::Int(1_000_000));
    let judgement = judge("lock-safety", &History::new(&two).unwrap());
    assert_eq!(problems(&judgement)[0], "two-holders");
    assert!(judgement.evidence[0].positions().contains(&(refused - 1)));

    let events = simulate(
        (Vec::<Value>::new(), std::collections::HashMap::<u64, usize>::new()),
        |rng, _, _| {
            if rng.percent(30) { ("watch", Value::Nil) } else { ("write", Value::Int(rng.below(99) as i64)) }
        },
        |(log, seen), f, value, process| {
            if f == "write" {
                log.push(value.clone());
                return Value::Int(log.len() as i64);
            }
            let from = seen.insert(process, log.len()).unwrap_or(0);
            Value::list((from..log.len()).map(|at| Value::pair(at as i64 + 1, log[at].clone())))
        },
        &["watch"],
        &["write"],
    );
    let at = answer(&events, "watch", |value| value.as_list().unwrap().len() > 3);
    flips("watch", &events, "gap", at, |value| list(value, |items| drop(items.remove(1))));
    flips("watch", &events, "gap-after-resume", at, |value| list(value, |items| drop(items.remove(0))));
    flips("watch", &events, "out-of-order", at, |value| list(value, |items| items.swap(1, 2)));
    flips("watch", &events, "duplicated", at, |value| list(value, |items| items.insert(1, items[1].clone())));
    flips("watch", &events, "disagreement", at, |value| {
        list(value, |items| items[1] = Value::pair(items[1].as_pair().unwrap().0.clone(), -1));
    });
}

#[test]
fn logs() {
    let events = simulate(
        (0_i64, vec![Vec::<Value>::new(); 3], std::collections::HashMap::<(u64, usize), usize>::new()),
        |rng, (next, ..), _| {
            if rng.percent(40) {
                return ("poll", Value::list([Value::list(["poll".into()])]));
            }
            *next += 1;
            let key = Value::Int(rng.below(3) as i64);
            ("send", Value::list([Value::list(["send".into(), key, Value::Int(*next)])]))
        },
        |(_, logs, seen), f, value, process| {
            let part = value.as_list().map(|parts| parts[0].as_list().unwrap()).unwrap_or_default();
            if f == "send" {
                let log = &mut logs[part[1].as_int().unwrap() as usize];
                log.push(part[2].clone());
                let sent = Value::pair(2 * log.len() as i64 - 2, part[2].clone());
                return Value::list([Value::list(["send".into(), part[1].clone(), sent])]);
            }
            let told = logs.iter().enumerate().map(|(key, log)| {
                let from = seen.insert((process, key), log.len()).unwrap_or(0);
                let pairs = (from..log.len()).map(|at| Value::pair(2 * at as i64, log[at].clone()));
                (Value::Int(key as i64), Value::list(pairs))
            });
            Value::list([Value::list(["poll".into(), Value::Map(told.collect())])])
        },
        &["poll"],
        &["send"],
    );
    // The messages of key 0 in a poll.
    let polled = |value: &Value| match &value.as_list().unwrap()[0].as_list().unwrap()[1] {
        Value::Map(keys) => keys[0].1.as_list().unwrap().to_vec(),
        other => panic!("{other}"),
    };
    let change = |change: fn(&mut Vec<Value>)| {
        move |value: &mut Value| {
            let mut messages = polled(value);
            change(&mut messages);
            let Value::Map(keys) = &value.as_list().unwrap()[0].as_list().unwrap()[1] else { panic!() };
            let mut keys = keys.to_vec();
            keys[0].1 = Value::from(messages);
            *value = Value::list([Value::list(["poll".into(), Value::Map(keys.into())])]);
        }
    };
    let at = answer(&events, "poll", |value| polled(value).len() > 3);
    flips("kafka", &events, "int-poll-skip", at, change(|messages| drop(messages.remove(1))));
    flips("kafka", &events, "poll-skip", at, change(|messages| drop(messages.remove(0))));
    flips("kafka", &events, "int-nonmonotonic-poll", at, change(|messages| messages.swap(1, 2)));
    flips(
        "kafka",
        &events,
        "inconsistent-offsets",
        at,
        change(|messages| {
            messages[1] = Value::pair(messages[1].as_pair().unwrap().0.clone(), -1);
        }),
    );
    flips(
        "kafka",
        &events,
        "duplicate",
        at,
        change(|messages| {
            messages[1] = Value::pair(1, messages[1].as_pair().unwrap().1.clone());
        }),
    );
}
