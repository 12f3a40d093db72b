//! The checkers against what their promises say word for word, on small random histories.

use std::collections::BTreeSet;

use checkers::registry::checker_by_name;
use checkers::{Budget, Checker, Event, EventType, Fate, History, Process, Value, Verdict};

use super::{evidence, problems, rounds};
use crate::simulate::Random;
use crate::text::lines;

/// An operation, as the definitions speak of it.
#[derive(Clone, Debug)]
pub struct Op {
    pub call: usize,
    /// Its end; infinite if it is unanswered.
    pub ret: usize,
    pub fate: Fate,
    pub f: String,
    pub input: Value,
    pub output: Value,
    pub process: Process,
}

pub fn operations(history: &History) -> Vec<Op> {
    let op = |operation: checkers::Operation<'_>| Op {
        call: operation.call,
        ret: operation.ret().unwrap_or(usize::MAX),
        fate: operation.fate(),
        f: operation.invocation.f.to_string(),
        input: operation.invocation.value.to_value(),
        output: operation.completion_event().map(|event| event.value.to_value()).unwrap_or_default(),
        process: operation.process(),
    };
    history.operations().map(op).collect()
}

impl Op {
    pub fn ok(&self, f: &str) -> bool {
        self.fate == Fate::Ok && self.f == f
    }
    pub fn may(&self, f: &str) -> bool {
        self.fate != Fate::Fail && self.f == f
    }
    pub fn list(&self) -> &[Value] {
        self.output.as_list().unwrap_or_default()
    }
    fn has(&self, value: &Value) -> bool {
        self.list().contains(value)
    }
}

/// A random interleaving of `count` operations by three processes, with faults among them. Some
/// operations have no completion at all, in the middle or at the end.
pub fn random(
    random: &mut Random,
    count: u64,
    mut invoke: impl FnMut(&mut Random) -> (&'static str, Value),
    mut answer: impl FnMut(&mut Random, &str, &Value) -> (EventType, Value),
) -> History {
    let mut events: Vec<Event> = Vec::new();
    let mut running: Vec<Option<(u64, &'static str, Value)>> = vec![None; 3];
    let (mut left, mut next) = (count, 3);
    let mut process: Vec<u64> = vec![0, 1, 2];
    while left > 0 || running.iter().any(Option::is_some) {
        let client = random.below(3) as usize;
        let time = events.len() as u64;
        if random.percent(3) {
            events.push(Event::new(time, Process::NEMESIS, EventType::Info, "kill", "n1"));
            continue;
        }
        let mut push = |process: u64, event_type, f: &str, value: Value| {
            events.push(Event::new(time, Process::client(process).unwrap(), event_type, f, value));
        };
        match running[client].take() {
            None if left > 0 => {
                left -= 1;
                let (f, value) = invoke(random);
                push(process[client], EventType::Invoke, f, value.clone());
                running[client] = Some((process[client], f, value));
            }
            None => {}
            Some((who, f, value)) => {
                let (event_type, output) = answer(random, f, &value);
                let heard_of = event_type != EventType::Info || random.percent(60);
                if heard_of {
                    push(who, event_type, f, output);
                }
                if event_type == EventType::Info {
                    process[client] = next;
                    next += 1;
                }
            }
        }
    }
    History::new(events).unwrap()
}

/// Compares the problems that a checker finds with those that the definitions give, and its
/// evidence with the history.
pub fn agree(
    checker: &str,
    history: impl FnMut(&mut Random) -> History,
    expected: impl Fn(&[Op], &History) -> BTreeSet<&'static str>,
) {
    agree_with(checker_by_name(checker).expect(checker).as_ref(), history, expected);
}

/// The same of a checker with options.
pub fn agree_with(
    checker: &dyn Checker,
    history: impl FnMut(&mut Random) -> History,
    expected: impl Fn(&[Op], &History) -> BTreeSet<&'static str>,
) {
    agree_about(checker, |_| true, history, expected);
}

/// The same, of those problems that are asked about.
pub fn agree_about(
    checker: &dyn Checker,
    asked: impl Fn(&str) -> bool,
    mut history: impl FnMut(&mut Random) -> History,
    expected: impl Fn(&[Op], &History) -> BTreeSet<&'static str>,
) {
    let name = checker.name();
    let mut random = Random(20_260 + name.len() as u64);
    let (mut bad, mut good) = (0, 0);
    for round in 0..rounds() {
        let history = history(&mut random);
        let judgement = checker.check(&history, &Budget::default());
        let found: BTreeSet<&str> =
            problems(&judgement).into_iter().filter(|problem| asked(problem)).collect();
        let expected = expected(&operations(&history), &history);
        assert_eq!(found, expected, "{name}, round {round}: {}\n{}", judgement.reason, lines(&history));
        evidence::is_true(checker, &history, &judgement);
        bad += usize::from(judgement.verdict == Verdict::Invalid);
        good += usize::from(judgement.verdict == Verdict::Valid);
    }
    assert!(bad > 10 && good > 10, "{name}: {bad} invalid, {good} valid; random histories should be both");
}

pub fn fate(random: &mut Random) -> EventType {
    match random.below(10) {
        0 => EventType::Fail,
        1 => EventType::Info,
        _ => EventType::Ok,
    }
}

/// A list of some of the numbers below `n`, most of them.
fn some(random: &mut Random, n: i64, share: u64) -> Value {
    let mut list: Vec<Value> = (0..n).filter(|_| random.percent(share)).map(Value::Int).collect();
    if random.percent(2) {
        list.extend(list.first().cloned());
    }
    Value::from(list)
}

#[test]
fn set() {
    let history = |rng: &mut Random| {
        let (share, mut next) = (if rng.percent(50) { 100 } else { 85 }, 0);
        random(
            rng,
            7,
            |rng| {
                if rng.percent(35) {
                    return ("read", Value::Nil);
                }
                next += i64::from(rng.percent(90));
                ("add", Value::Int(next % 4))
            },
            |rng, f, value| match (fate(rng), f) {
                (EventType::Ok, "read") => (EventType::Ok, some(rng, 4, share)),
                (fate, _) => (fate, value.clone()),
            },
        )
    };
    agree("set", history, |ops, _| {
        let mut found = BTreeSet::new();
        let Some(last) = ops.iter().filter(|op| op.ok("read")).max_by_key(|op| op.call) else { return found };
        let finals: Vec<&Op> = ops.iter().filter(|op| op.ok("read") && op.ret > last.call).collect();
        for read in &finals {
            for value in read.list() {
                if !ops.iter().any(|add| add.may("add") && add.input == *value && add.call < read.ret) {
                    found.insert("unexpected");
                }
                if read.list().iter().filter(|other| *other == value).count() > 1 {
                    found.insert("duplicated");
                }
            }
        }
        for add in ops.iter().filter(|op| op.ok("add") && op.ret < last.call) {
            if !finals.iter().any(|read| read.has(&add.input)) {
                found.insert("lost");
            }
        }
        found
    });
}

fn queue_history(rng: &mut Random) -> History {
    let mut next = 0;
    random(
        rng,
        8,
        |rng| {
            if rng.percent(45) {
                return (if rng.percent(25) { "drain" } else { "dequeue" }, Value::Nil);
            }
            next += i64::from(rng.percent(90));
            ("enqueue", Value::Int(next))
        },
        |rng, f, value| match (fate(rng), f) {
            (EventType::Ok, "dequeue") => (EventType::Ok, Value::Int(1 + rng.below(4) as i64)),
            (EventType::Ok, "drain") => (EventType::Ok, some(rng, 4, 25)),
            (fate, _) => (fate, value.clone()),
        },
    )
}

/// Elements that came out, each with the operation that had it, in the order of answers.
fn outs(ops: &[Op]) -> Vec<(Value, &Op)> {
    let mut outs: Vec<(Value, &Op)> = Vec::new();
    for op in ops {
        if op.ok("dequeue") {
            outs.push((op.output.clone(), op));
        } else if op.ok("drain") {
            outs.extend(op.list().iter().map(|value| (value.clone(), op)));
        }
    }
    outs.sort_by_key(|(_, op)| op.ret);
    outs
}

#[test]
fn queues() {
    let begun = |ops: &[Op], value: &Value, before: usize| {
        ops.iter().filter(|op| op.may("enqueue") && op.input == *value && op.call < before).count()
    };
    agree("queue", queue_history, |ops, _| {
        let outs = outs(ops);
        let mut found = BTreeSet::new();
        for (index, (value, op)) in outs.iter().enumerate() {
            let times = outs[..=index].iter().filter(|(other, _)| other == value).count();
            match begun(ops, value, op.ret) {
                0 => found.insert("unexpected"),
                n if n < times => found.insert("duplicated"),
                _ => false,
            };
        }
        found
    });
    agree("total-queue", queue_history, |ops, _| {
        let outs = outs(ops);
        let mut found = BTreeSet::new();
        if outs.iter().any(|(value, op)| begun(ops, value, op.ret) == 0) {
            found.insert("unexpected");
        }
        let looks = || ops.iter().filter(|op| op.ok("dequeue") || op.ok("drain"));
        let last = looks().map(|op| op.call).max().unwrap_or(0);
        let mut missing = 0;
        let values: BTreeSet<&Value> =
            ops.iter().filter(|op| op.f == "enqueue").map(|op| &op.input).collect();
        for value in values {
            let acks: Vec<&Op> = ops.iter().filter(|op| op.ok("enqueue") && op.input == *value).collect();
            let out = outs.iter().filter(|(other, _)| other == value).count();
            if acks.iter().any(|op| op.ret < last) {
                missing += acks.len().saturating_sub(out);
            }
        }
        let open = |f: &str| ops.iter().filter(|op| op.fate == Fate::Info && op.f == f).count();
        if missing > open("dequeue") && open("drain") == 0 {
            found.insert("lost");
        }
        found
    });
}

#[test]
fn counter() {
    let history = |rng: &mut Random| {
        let spread = if rng.percent(50) { 4 } else { 8 };
        random(
            rng,
            6,
            |rng| match rng.below(5) {
                0 | 1 => ("read", Value::Nil),
                2 => ("decrement", Value::Int(1)),
                _ => ("add", Value::Int(rng.below(4) as i64 - 1)),
            },
            |rng, f, value| match (fate(rng), f) {
                (EventType::Ok, "read") => (EventType::Ok, Value::Int(rng.below(spread) as i64 - 1)),
                (fate, _) => (fate, value.clone()),
            },
        )
    };
    agree("counter", history, |ops, _| {
        let mut found = BTreeSet::new();
        for read in ops.iter().filter(|op| op.ok("read")) {
            let (mut least, mut most) = (0, 0);
            for op in ops.iter().filter(|op| op.f != "read" && op.fate != Fate::Fail && op.call < read.ret) {
                let sign = if op.f == "decrement" { -1 } else { 1 };
                let n = sign * op.input.as_int().unwrap();
                // Every order of effects is between these: it must have happened, or it may have.
                let must = op.fate == Fate::Ok && op.ret < read.call;
                least += if must { n } else { n.min(0) };
                most += if must { n } else { n.max(0) };
            }
            let answer = read.output.as_int().unwrap();
            if answer < least {
                found.insert("below-lower-bound");
            } else if answer > most {
                found.insert("above-upper-bound");
            }
        }
        found
    });
}

#[test]
fn causal_reverse() {
    let history = |rng: &mut Random| {
        let (share, mut next) = (if rng.percent(50) { 95 } else { 75 }, -1);
        random(
            rng,
            7,
            |rng| {
                if rng.percent(40) {
                    return ("read", Value::Nil);
                }
                next += 1;
                ("write", Value::Int(next))
            },
            |rng, f, value| match (fate(rng), f) {
                (EventType::Ok, "read") => (EventType::Ok, some(rng, 5, share)),
                (EventType::Fail, "write") if rng.percent(70) => (EventType::Ok, value.clone()),
                (fate, _) => (fate, value.clone()),
            },
        )
    };
    agree("causal-reverse", history, |ops, _| {
        let mut found = BTreeSet::new();
        for read in ops.iter().filter(|op| op.ok("read")) {
            for value in read.list() {
                let writes = || ops.iter().filter(move |op| op.f == "write" && op.input == *value);
                if writes().count() > 0 && writes().all(|op| op.fate == Fate::Fail) {
                    found.insert("aborted-read");
                }
                for write in writes().filter(|op| op.fate != Fate::Fail) {
                    let missed =
                        |other: &Op| other.ok("write") && other.ret < write.call && !read.has(&other.input);
                    if ops.iter().any(missed) {
                        found.insert("causal-reverse");
                    }
                }
            }
        }
        found
    });
}

#[test]
fn long_fork() {
    let mop = |f: &str, key: i64, value: Value| Value::list([f.into(), Value::Int(key), value]);
    let history = |rng: &mut Random| {
        let mut keys = vec![0, 1, 2, 10, 11];
        random(
            rng,
            8,
            |rng| {
                if rng.percent(40) && !keys.is_empty() {
                    let key = keys.swap_remove(rng.below(keys.len() as u64) as usize);
                    return ("write", Value::list([mop("w", key, Value::Int(key))]));
                }
                let group: &[i64] = if rng.percent(70) { &[0, 1, 2] } else { &[10, 11] };
                ("read", Value::list(group.iter().map(|key| mop("r", *key, Value::Nil))))
            },
            |rng, f, value| match (fate(rng), f) {
                (EventType::Ok, "read") => {
                    let see = |read: &Value| {
                        let key = read.as_list().unwrap()[1].as_int().unwrap();
                        let seen = rng.percent(if key == 0 { 60 } else { 25 });
                        mop("r", key, if seen { Value::Int(key) } else { Value::Nil })
                    };
                    (EventType::Ok, Value::list(value.as_list().unwrap().iter().map(see).collect::<Vec<_>>()))
                }
                (EventType::Fail, "write") => (EventType::Info, value.clone()),
                (fate, _) => (fate, value.clone()),
            },
        )
    };
    let sees = |op: &Op| -> Vec<(Value, Value)> {
        let pair = |read: &Value| (read.as_list().unwrap()[1].clone(), read.as_list().unwrap()[2].clone());
        op.list().iter().map(pair).collect()
    };
    agree("long-fork", history, move |ops, _| {
        let mut found = BTreeSet::new();
        let reads: Vec<Vec<(Value, Value)>> = ops.iter().filter(|op| op.ok("read")).map(sees).collect();
        let written = |key: &Value| {
            let of =
                |op: &&Op| op.f == "write" && op.input.as_list().unwrap()[0].as_list().unwrap()[1] == *key;
            ops.iter().any(|op| of(&op))
        };
        let any = ops.iter().any(|op| op.f == "write");
        for one in &reads {
            for (key, value) in one {
                if any && !value.is_nil() && !written(key) {
                    found.insert("unwritten-value");
                }
            }
            for other in reads.iter().filter(|other| other[0].0 == one[0].0) {
                let more = |a: &[(Value, Value)], b: &[(Value, Value)]| {
                    a.iter().zip(b).any(|(a, b)| !a.1.is_nil() && b.1.is_nil())
                };
                if more(one, other) && more(other, one) {
                    found.insert("long-fork");
                }
            }
        }
        found
    });
}

#[test]
fn durability() {
    let history = |rng: &mut Random| {
        let (mut next, mut left) = (0, 5);
        random(
            rng,
            7,
            |rng| {
                left -= 1;
                if left < 0 || rng.percent(10) {
                    return ("read", Value::Nil);
                }
                next += i64::from(rng.percent(85));
                ("write", Value::Int(next))
            },
            |rng, f, value| match (fate(rng), f) {
                (EventType::Ok, "read") => {
                    let value = rng.below(6) as i64;
                    (EventType::Ok, if value == 0 { Value::Nil } else { Value::Int(value) })
                }
                (fate, _) => (fate, value.clone()),
            },
        )
    };
    agree("durability", history, |ops, _| {
        let mut found = BTreeSet::new();
        let quiet = |read: &Op| {
            let over = |write: &Op| {
                if write.fate == Fate::Ok { write.ret < read.call } else { write.call < read.call }
            };
            ops.iter().filter(|op| op.may("write")).all(over)
        };
        let reads: Vec<&Op> = ops.iter().filter(|op| op.ok("read") && quiet(op)).collect();
        let Some(last) = reads.iter().max_by_key(|op| op.call) else { return found };
        let finals: Vec<&&Op> = reads.iter().filter(|op| op.ret > last.call).collect();
        let fine = |read: &Op| {
            let between =
                |write: &Op| ops.iter().any(|op| op.ok("write") && op.call > write.ret && op.ret < read.call);
            ops.iter().any(|op| op.may("write") && op.input == read.output && !between(op))
                || (read.output.is_nil() && !ops.iter().any(|op| op.ok("write")))
        };
        if finals.iter().any(|read| fine(read)) {
            return found;
        }
        let value = &finals.iter().max_by_key(|read| read.call).unwrap().output;
        let of = |wanted: fn(&Op) -> bool| {
            ops.iter().any(|op| op.f == "write" && op.input == *value && wanted(op))
        };
        found.insert(if value.is_nil() || of(|op| op.fate != Fate::Fail) {
            "lost"
        } else if of(|op| op.fate == Fate::Fail) {
            "aborted-read"
        } else {
            "never-written"
        });
        found
    });
}
