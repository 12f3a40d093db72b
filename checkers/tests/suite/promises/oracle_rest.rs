//! As `oracle`, for rows in order, guarded inserts, ids, replicas and atomic commits.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use checkers::promises::{Convergence, Monotonic};
use checkers::registry::checker_by_name;
use checkers::{Event, EventType, Fate, History, Value};

use super::oracle::{Op, agree, agree_about, agree_with, fate, random};
use crate::simulate::Random;

type Found = BTreeSet<&'static str>;

fn map(entries: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let mut entries: Vec<(Value, Value)> =
        entries.into_iter().map(|(key, value)| (Value::from(key), value)).collect();
    entries.sort();
    Value::Map(entries.into())
}

fn get<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    let Value::Map(entries) = value else { return None };
    entries.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
}

/// One of some values that are written alike.
fn one_of(rng: &mut Random, values: &[Value]) -> Value {
    values[rng.below(values.len() as u64) as usize].clone()
}

fn rows(rng: &mut Random) -> History {
    // Value, stamp, process.
    let table: RefCell<Vec<(i64, i64, i64)>> = RefCell::default();
    let wild = rng.percent(40);
    let row = {
        let (bare, text) = (rng.percent(20), rng.percent(30));
        move |(value, stamp, process): (i64, i64, i64)| {
            let stamp = if text { Value::from(format!("{stamp}.0000000{stamp}")) } else { Value::Int(stamp) };
            let named = [("val", Value::Int(value)), ("sts", stamp), ("proc", Value::Int(process))];
            if bare { Value::Int(value) } else { map(named) }
        }
    };
    random(
        rng,
        8,
        |rng| match rng.below(10) {
            0..4 => ("read", Value::Nil),
            4 => ("add", row((rng.below(6) as i64, 550, 0))),
            _ => ("add", Value::Nil),
        },
        |rng, f, asked| {
            let mut table = table.borrow_mut();
            let fate = fate(rng);
            if f == "read" {
                let mut rows = table.clone();
                if wild && rng.percent(40) && rows.len() > 1 {
                    let at = rng.below(rows.len() as u64) as usize;
                    let taken = rows.remove(at);
                    match rng.below(3) {
                        0 => {}
                        1 => rows.push(taken),
                        _ => rows.insert(rng.below(at as u64 + 1) as usize, taken),
                    }
                }
                return (fate, Value::list(rows.into_iter().map(row)));
            }
            let next = table.iter().map(|row| row.0).max().unwrap_or(0) + 1;
            let value = if wild && rng.percent(15) { 1 + rng.below(5) as i64 } else { next };
            let stamp = table.last().map_or(500, |row| row.1 + 1) - i64::from(wild && rng.percent(10)) * 2;
            let added = (value, stamp, rng.below(2) as i64);
            let happens = match fate {
                EventType::Ok => !wild || rng.percent(95),
                EventType::Fail => wild && rng.percent(30),
                _ => rng.percent(50),
            };
            if happens && asked.is_nil() {
                table.push(added);
            }
            match fate {
                // It says nothing more than what was asked.
                _ if !asked.is_nil() => (fate, Value::Nil),
                EventType::Ok => (fate, row(added)),
                _ => (fate, if rng.percent(50) { row(added) } else { Value::Nil }),
            }
        },
    )
}

/// The definitions; `global` says whose values go up.
fn rows_by_definition(ops: &[Op], global: bool) -> Found {
    type Row = (i64, Option<Value>, Option<Value>);
    let row = |value: &Value| -> Option<Row> {
        if let Some(n) = value.as_int() {
            return Some((n, None, None));
        }
        Some((get(value, "val")?.as_int()?, get(value, "sts").cloned(), get(value, "proc").cloned()))
    };
    let mut found = Found::new();
    let Some(last) = ops.iter().filter(|op| op.ok("read")).max_by_key(|op| op.call) else { return found };
    let finals: Vec<&Op> = ops.iter().filter(|op| op.ok("read") && op.ret > last.call).collect();
    let added = |op: &Op| row(if op.output.is_nil() { &op.input } else { &op.output }).map(|row| row.0);
    let adds: Vec<(&Op, Option<i64>)> =
        ops.iter().filter(|op| op.f == "add").map(|op| (op, added(op))).collect();
    for read in &finals {
        let rows: Vec<Row> = read.list().iter().map(|value| row(value).unwrap()).collect();
        for (at, (value, ..)) in rows.iter().enumerate() {
            if rows[..at].iter().any(|(other, ..)| other == value) {
                found.insert("duplicated");
            }
            let begun = || adds.iter().filter(|(op, _)| op.call < read.ret);
            let failed = begun().any(|(op, of)| op.fate == Fate::Fail && *of == Some(*value));
            // An add that nobody heard of may have made any row.
            let may = begun().any(|(op, of)| op.fate != Fate::Fail && of.is_none_or(|of| of == *value));
            if failed && !may {
                found.insert("revived");
            }
        }
        // Both are written with as many digits, so that texts compare as numbers do.
        for pair in rows.windows(2) {
            if pair[0].1 > pair[1].1 {
                found.insert("timestamp-order");
            }
        }
        let of = |process: &Option<Value>| -> Vec<i64> {
            rows.iter().filter(|row| global || row.2 == *process).map(|row| row.0).collect()
        };
        if rows.iter().any(|row| of(&row.2).windows(2).any(|pair| pair[0] > pair[1])) {
            found.insert("value-order");
        }
    }
    for (op, value) in adds.iter().filter(|(op, _)| op.fate == Fate::Ok && op.ret < last.call) {
        let has = |read: &&Op| read.list().iter().any(|item| row(item).map(|row| row.0) == *value);
        assert!(value.is_some(), "{op:?}");
        if !finals.iter().any(has) {
            found.insert("lost");
        }
    }
    found
}

#[test]
fn monotonic() {
    agree("monotonic", rows, |ops, _| rows_by_definition(ops, true));
    agree_with(&Monotonic { global: false }, rows, |ops, _| rows_by_definition(ops, false));
}

#[test]
fn sequential_writes() {
    let history = |rng: &mut Random| {
        let wild = rng.percent(50);
        random(
            rng,
            6,
            |rng| (if rng.percent(60) { "read" } else { "write" }, Value::Int(rng.below(3) as i64)),
            |rng, f, key| match (fate(rng), f) {
                (EventType::Ok, "read") => {
                    let (count, found) = (rng.below(5), rng.below(5));
                    let row = |at: u64| {
                        let there = if wild && rng.percent(15) { at < found } else { at >= found };
                        if there { Value::from(format!("{key}_{at}")) } else { Value::Nil }
                    };
                    (
                        EventType::Ok,
                        Value::pair(key.clone(), Value::list((0..count).map(row).collect::<Vec<_>>())),
                    )
                }
                (fate, _) => (fate, key.clone()),
            },
        )
    };
    agree("sequential-writes", history, |ops, _| {
        let mut found = Found::new();
        for read in ops.iter().filter(|op| op.ok("read")) {
            let rows = read.list()[1].as_list().unwrap();
            // Those asked for later were written earlier.
            for later in 0..rows.len() {
                if !rows[later].is_nil() && rows[later..].iter().any(Value::is_nil) {
                    found.insert("out-of-order");
                }
            }
        }
        found
    });
}

#[test]
fn guarded_inserts() {
    let history = |rng: &mut Random| {
        let refuses = if rng.percent(60) { 80 } else { 30 };
        let keys: Vec<Value> = vec![1.into(), "1".into(), 2.into(), Value::list([Value::Int(1)]), Value::Nil];
        random(
            rng,
            6,
            |rng| {
                let (id, first) = (Value::Int(rng.below(9) as i64), rng.percent(50));
                let ids = if first { Value::pair(id, Value::Nil) } else { Value::pair(Value::Nil, id) };
                ("insert", Value::pair(one_of(rng, &keys), ids))
            },
            |rng, _, asked| match fate(rng) {
                EventType::Ok if rng.percent(refuses) => (EventType::Fail, asked.clone()),
                fate => (fate, if rng.percent(50) { asked.clone() } else { Value::Nil }),
            },
        )
    };
    agree("adya-g2", history, |ops, _| {
        let commits = |key: &Value| {
            ops.iter().filter(|op| op.ok("insert") && op.input.as_pair().unwrap().0 == key).count()
        };
        let g2 = ops.iter().any(|op| commits(op.input.as_pair().unwrap().0) > 1);
        Found::from_iter(g2.then_some("g2"))
    });
}

#[test]
fn unique_ids() {
    let history = |rng: &mut Random| {
        let spread = if rng.percent(50) { 30 } else { 8 };
        random(
            rng,
            6,
            |rng| ("generate", if rng.percent(80) { Value::Nil } else { Value::Int(3) }),
            |rng, _, asked| match fate(rng) {
                EventType::Ok => {
                    let n = rng.below(spread) as i64 - 2;
                    let kinds = [
                        Value::Int(n),
                        Value::from(n.to_string()),
                        Value::list([Value::Int(n)]),
                        Value::Int(n << 40),
                        map([("id", Value::Int(n))]),
                    ];
                    (EventType::Ok, one_of(rng, &kinds))
                }
                fate => (fate, if rng.percent(50) { asked.clone() } else { Value::Int(1) }),
            },
        )
    };
    agree("unique-ids", history, |ops, _| {
        let given = |id: &Value| ops.iter().filter(|op| op.ok("generate") && op.output == *id).count();
        let twice = ops.iter().any(|op| op.ok("generate") && given(&op.output) > 1);
        Found::from_iter(twice.then_some("duplicated"))
    });
}

/// The history, with a node at some of its events.
fn with_nodes(rng: &mut Random, history: &History) -> History {
    let mut events: Vec<Event> = history.events().map(|event| event.to_event()).collect();
    let share = [0, 50, 100][rng.below(3) as usize];
    for event in events.iter_mut().filter(|event| !event.process.is_nemesis()) {
        if rng.percent(share) {
            event.node = Some(["n0", "n1", "n2"][rng.below(3) as usize].into());
        }
    }
    History::new(&events).unwrap()
}

#[test]
fn replicas() {
    let history = |rng: &mut Random| {
        let (finals, wild) = (rng.percent(50), rng.percent(40));
        let left = std::cell::Cell::new(3 + rng.below(2));
        let history = random(
            rng,
            8,
            |rng| {
                left.set(left.get().saturating_sub(1));
                if left.get() > 0 && rng.percent(70) || rng.percent(8) {
                    return (if rng.percent(70) { "write" } else { "append" }, Value::Int(1));
                }
                (if finals && rng.percent(80) { "final-read" } else { "read" }, Value::Nil)
            },
            |rng, f, asked| match (fate(rng), f) {
                (EventType::Ok, "read" | "final-read") => {
                    let mut list = vec![Value::Int(1), Value::Int(2)];
                    if wild && rng.percent(15) {
                        list.swap(0, 1);
                    }
                    if (wild || left.get() > 0) && rng.percent(25) {
                        list.pop();
                    }
                    let list = Value::from(list);
                    let named = [
                        ("node", one_of(rng, &["n0".into(), "n1".into(), "n3".into()])),
                        ("value", list.clone()),
                    ];
                    (EventType::Ok, if rng.percent(40) { map(named) } else { list })
                }
                (fate, _) => (fate, asked.clone()),
            },
        );
        with_nodes(rng, &history)
    };
    let expected = |unordered: bool| {
        move |ops: &[Op], history: &History| {
            let is_read = |op: &Op| op.f == "read" || op.f == "final-read";
            let has_final = ops.iter().any(|op| op.f == "final-read");
            let updates: Vec<&Op> = ops.iter().filter(|op| !is_read(op) && op.fate != Fate::Fail).collect();
            let after = |read: &Op| {
                let over =
                    |op: &&&Op| if op.fate == Fate::Ok { op.ret < read.call } else { op.call < read.call };
                updates.iter().filter(over).count() == updates.len()
            };
            let wanted = if has_final { "final-read" } else { "read" };
            // In the order of invocation: the last one of each node stays.
            let mut last: BTreeMap<String, Value> = BTreeMap::new();
            for read in ops.iter().filter(|op| op.ok(wanted) && after(op)) {
                let event = history.event(read.ret);
                let (node, value) = match get(&read.output, "node").zip(get(&read.output, "value")) {
                    Some((node, value)) => (node.as_str().unwrap().to_owned(), value.clone()),
                    None => {
                        let node = event.node.or(history.event(read.call).node);
                        let node =
                            node.map_or_else(|| format!("process {}", read.process), |n| n.to_string());
                        (node, read.output.clone())
                    }
                };
                let mut list = value.as_list().unwrap().to_vec();
                if unordered {
                    list.sort();
                }
                last.insert(node, Value::from(list));
            }
            let differ = last.values().collect::<BTreeSet<_>>().len() > 1;
            let on_their_way = !has_final && updates.iter().any(|op| op.fate == Fate::Info);
            Found::from_iter((differ && !on_their_way).then_some("diverged"))
        }
    };
    agree("convergence", history, expected(false));
    agree_with(&Convergence { unordered: true }, history, expected(true));
}

#[test]
fn atomic_commits() {
    let history = |rng: &mut Random| {
        let wild = rng.percent(30);
        // How each transaction ends.
        let ends: Vec<bool> = (0..3).map(|_| rng.percent(60)).collect();
        let says = |rng: &mut Random, id: usize| {
            let lies = wild && rng.percent(20);
            let outcome = match (rng.below(6), ends[id] ^ lies) {
                (0, _) => "undecided",
                (_, true) => ["committed", "commit", ":committed"][rng.below(3) as usize],
                (_, false) => ["aborted", "abort"][rng.below(2) as usize],
            };
            map([
                ("txn", Value::Int(id as i64)),
                ("participant", format!("p{}", rng.below(3)).into()),
                ("outcome", outcome.into()),
            ])
        };
        let ends = &ends;
        random(
            rng,
            8,
            |rng| {
                let id = rng.below(3) as usize;
                let txn = ("txn", Value::Int(id as i64));
                match rng.below(4) {
                    0 if rng.percent(50) => ("commit", map([txn])),
                    0 => ("commit", txn.1),
                    1 => {
                        let no = !ends[id] && rng.percent(50) || wild && rng.percent(10);
                        let vote = if rng.percent(70) {
                            Value::from(if no { "no" } else { "yes" })
                        } else {
                            Value::Bool(!no)
                        };
                        let participant = ("participant", format!("p{}", rng.below(3)).into());
                        ("vote", map([txn, participant, ("vote", vote)]))
                    }
                    _ => ("outcome", Value::Nil),
                }
            },
            |rng, f, asked| match (fate(rng), f) {
                (EventType::Ok, "outcome") if rng.percent(50) => {
                    let id = rng.below(3) as usize;
                    (EventType::Ok, says(rng, id))
                }
                (EventType::Ok, "outcome") => {
                    let all: Vec<Value> = (0..rng.below(4)).map(|id| says(rng, id as usize % 3)).collect();
                    (EventType::Ok, Value::from(all))
                }
                (EventType::Ok, "commit") => {
                    let id = get(asked, "txn").unwrap_or(asked).as_int().unwrap() as usize;
                    let told = ends[id] ^ (wild && rng.percent(10));
                    (if told { EventType::Ok } else { EventType::Fail }, asked.clone())
                }
                (fate, _) => (fate, asked.clone()),
            },
        )
    };
    agree("atomic-commit", history, |ops, _| {
        let mut found = Found::new();
        let mut said: Vec<(i64, String, bool)> = Vec::new();
        for op in ops.iter().filter(|op| op.ok("outcome")) {
            let one = std::slice::from_ref(&op.output);
            for told in op.output.as_list().unwrap_or(one) {
                let text = |key| get(told, key).unwrap().as_str().unwrap().trim_start_matches(':').to_owned();
                let committed = match text("outcome").as_str() {
                    "undecided" => continue,
                    outcome => outcome.starts_with("commit"),
                };
                said.push((get(told, "txn").unwrap().as_int().unwrap(), text("participant"), committed));
            }
        }
        for id in 0..3 {
            let asks = |op: &&Op| {
                op.f == "commit" && get(&op.input, "txn").unwrap_or(&op.input).as_int() == Some(id)
            };
            let asked: Vec<&Op> = ops.iter().filter(asks).collect();
            let acknowledged = asked.iter().any(|op| op.fate == Fate::Ok);
            let refused = !asked.is_empty() && asked.iter().all(|op| op.fate == Fate::Fail);
            let no = |op: &Op| {
                let vote = get(&op.input, "vote").unwrap();
                let of = get(&op.input, "txn").unwrap().as_int();
                of == Some(id) && (vote.as_str() == Some("no") || *vote == Value::Bool(false))
            };
            let voted_no = ops.iter().filter(|op| op.ok("vote")).any(no);
            let by = |committed| said.iter().filter(move |said| said.0 == id && said.2 == committed);
            let (committed, aborted) = (by(true).count() > 0, by(false).count() > 0);
            // Who said both is told as that, and not as a split besides.
            if by(true).any(|one| by(false).any(|other| one.1 == other.1)) {
                found.insert("decision-changed");
            } else if committed && aborted {
                found.insert("split-decision");
            }
            if (committed || acknowledged) && voted_no {
                found.insert("committed-despite-no");
            }
            if acknowledged && aborted {
                found.insert("acknowledged-but-aborted");
            }
            if refused && committed {
                found.insert("refused-but-committed");
            }
        }
        found
    });
}

#[test]
fn aborted_events() {
    // Values are written again, and a failed write is tried again.
    let history = |rng: &mut Random| {
        let revision = std::cell::Cell::new(0);
        let written: RefCell<Vec<(i64, Value)>> = RefCell::default();
        random(
            rng,
            7,
            |rng| match rng.below(5) {
                0..3 => ("write", Value::Int(rng.below(3) as i64)),
                _ => ("watch", Value::Nil),
            },
            |rng, f, value| match (fate(rng), f) {
                (EventType::Ok, "watch") => {
                    let told =
                        written.borrow().iter().map(|(r, v)| Value::pair(*r, v.clone())).collect::<Vec<_>>();
                    // From the beginning, each time: what it replays is not asked here.
                    (EventType::Ok, Value::from(told))
                }
                (fate, "watch") => (fate, Value::Nil),
                (fate, _) => {
                    let fate = if rng.percent(25) { EventType::Fail } else { fate };
                    let happens = fate == EventType::Ok || rng.percent(30);
                    if happens {
                        revision.set(revision.get() + 1);
                        written.borrow_mut().push((revision.get(), value.clone()));
                    }
                    (fate, if fate == EventType::Ok { Value::Int(revision.get()) } else { Value::Nil })
                }
            },
        )
    };
    agree_about(
        checker_by_name("watch").unwrap().as_ref(),
        |problem| problem == "aborted-event",
        history,
        |ops, _| {
            let mut found = Found::new();
            for watch in ops.iter().filter(|op| op.ok("watch")) {
                for event in watch.list() {
                    let value = event.as_pair().unwrap().1;
                    let writes = || ops.iter().filter(|op| op.f == "write" && op.input == *value);
                    if writes().count() > 0 && writes().all(|op| op.fate == Fate::Fail) {
                        found.insert("aborted-event");
                    }
                }
            }
            found
        },
    );
}
