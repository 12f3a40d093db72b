//! As `oracle`, for locks, elections, watches, banks and partitioned logs.

use std::collections::{BTreeMap, BTreeSet};

use checkers::{EventType, Fate, History, Value};

use super::oracle::{Op, agree, fate, random};
use crate::simulate::Random;

type Found = BTreeSet<&'static str>;

#[test]
fn locks() {
    let history = |rng: &mut Random| {
        let (mut next, tokens) = (0, rng.percent(50));
        let careful = rng.percent(60);
        random(
            rng,
            7,
            |rng| match rng.below(7) {
                0..3 => ("acquire", Value::Nil),
                3..5 => ("release", Value::Nil),
                _ if tokens => ("use", Value::Int(1 + rng.below(if careful { 2 } else { 4 }) as i64)),
                _ => ("release", Value::Nil),
            },
            |rng, f, value| match (fate(rng), f) {
                (EventType::Ok, "acquire") if rng.percent(if careful { 40 } else { 20 }) => {
                    (EventType::Fail, value.clone())
                }
                (EventType::Ok, "acquire") => {
                    next += i64::from(rng.percent(90));
                    let token = if rng.percent(10) { next - 1 } else { next };
                    (EventType::Ok, if tokens { Value::Int(token) } else { Value::Nil })
                }
                (fate, _) => (fate, value.clone()),
            },
        )
    };
    agree("lock-safety", history, |ops, _| {
        let mut found = Found::new();
        let acquires: Vec<&Op> = ops.iter().filter(|op| op.ok("acquire")).collect();
        for one in &acquires {
            for other in acquires.iter().filter(|other| other.ret > one.ret) {
                let lets_go = |op: &Op| {
                    // A second acquire of one process was told already; it goes on from there.
                    let ends = op.f == "release" || op.ok("acquire") && op.ret != one.ret;
                    let at = if op.f == "release" { op.call } else { op.ret };
                    op.process == one.process && ends && at > one.ret && at < other.ret
                };
                if !ops.iter().any(lets_go) {
                    found.insert(if one.process == other.process { "held-twice" } else { "two-holders" });
                }
                if let Some((before, after)) = one.output.as_int().zip(other.output.as_int()) {
                    if before == after {
                        found.insert("token-reused");
                    }
                    if one.ret < other.call && before > after {
                        found.insert("token-not-increasing");
                    }
                }
            }
        }
        let open = ops.iter().any(|op| op.f == "acquire" && op.fate == Fate::Info);
        let any_token = acquires.iter().any(|op| op.output.as_int().is_some());
        for used in ops.iter().filter(|op| op.ok("use")) {
            if ops
                .iter()
                .any(|op| op.ok("use") && op.ret < used.call && op.input.as_int() > used.input.as_int())
            {
                found.insert("stale-token-accepted");
            }
            if !open && any_token && !acquires.iter().any(|op| op.output == used.input) {
                found.insert("unissued-token");
            }
        }
        found
    });
}

#[test]
fn elections() {
    let history = |rng: &mut Random| {
        let spread = 1 + rng.below(3);
        random(
            rng,
            5,
            |_| ("leader", Value::Nil),
            |rng, _, _| {
                let node = rng.below(2);
                let term = 1 + rng.below(spread);
                let leader = match rng.below(8) {
                    0 => Value::Nil,
                    1 => "n9".into(),
                    _ => format!("n{term}").into(),
                };
                let entry = |key: &str, value: Value| (Value::from(key), value);
                let map = [
                    entry("leader", leader),
                    entry("node", Value::Int(node as i64)),
                    entry("term", Value::Int(term as i64)),
                ];
                (fate(rng), Value::Map(map.into()))
            },
        )
    };
    let get = |op: &Op, key: &str| match &op.output {
        Value::Map(entries) => entries.iter().find(|(name, _)| name.as_str() == Some(key)).unwrap().1.clone(),
        other => panic!("{other}"),
    };
    agree("leader-election", history, |ops, _| {
        let mut found = Found::new();
        for one in ops.iter().filter(|op| op.fate == Fate::Ok) {
            for other in ops.iter().filter(|op| op.fate == Fate::Ok) {
                let both = |key| (get(one, key), get(other, key));
                let ((a, b), (before, after)) = (both("leader"), both("term"));
                if before == after && a != b && !a.is_nil() && !b.is_nil() {
                    found.insert("two-leaders");
                }
                if get(one, "node") == get(other, "node") && one.ret < other.call && before > after {
                    found.insert("term-decreased");
                }
            }
        }
        found
    });
}

#[test]
fn watches() {
    let history = |rng: &mut Random| {
        let mut revision = 0;
        let wild = rng.percent(30);
        random(
            rng,
            6,
            |rng| if rng.percent(40) { ("write", Value::Nil) } else { ("watch", Value::Nil) },
            |rng, f, value| match (fate(rng), f) {
                (EventType::Ok, "write") => {
                    revision += 1;
                    (EventType::Ok, Value::Int(revision))
                }
                (EventType::Ok, _) => {
                    let from = rng.below(3) as i64;
                    let mut list: Vec<Value> = (from + 1..=from + rng.below(4) as i64)
                        .filter(|_| !wild || rng.percent(80))
                        .map(|revision| Value::pair(revision, Value::Nil))
                        .collect();
                    if wild && rng.percent(30) && list.len() > 1 {
                        let at = rng.below(list.len() as u64) as usize;
                        let event = list.remove(at);
                        list.push(event.clone());
                        list.extend(Some(event).filter(|_| rng.percent(30)));
                    }
                    (EventType::Ok, Value::from(list))
                }
                (fate, "watch") => (fate, value.clone()),
                (_, _) => (EventType::Info, value.clone()),
            },
        )
    };
    let revisions = |op: &Op| -> Vec<i64> {
        op.list().iter().map(|event| event.as_pair().unwrap().0.as_int().unwrap()).collect()
    };
    agree("watch", history, |ops, _| {
        let mut found = Found::new();
        let watches: Vec<&Op> = ops.iter().filter(|op| op.ok("watch")).collect();
        let mut known: BTreeSet<i64> =
            ops.iter().filter(|op| op.ok("write")).map(|op| op.output.as_int().unwrap()).collect();
        known.extend(watches.iter().flat_map(|op| revisions(op)));
        for watch in &watches {
            let told = revisions(watch);
            let earlier = watches.iter().filter(|op| op.process == watch.process && op.ret < watch.call);
            let last = earlier.flat_map(|op| revisions(op)).max();
            if told.iter().enumerate().any(|(index, revision)| told[..index].iter().max() == Some(revision)) {
                found.insert("duplicated");
            }
            for (index, revision) in told.iter().enumerate() {
                let before = told[..index].iter().max();
                if before.is_some_and(|before| before > revision) {
                    found.insert("out-of-order");
                }
                if before.is_none() && last.is_some_and(|last| last >= *revision) {
                    found.insert("replayed");
                }
            }
            // What it was told that is new, from the smallest to the largest, must be all that there is.
            let new: BTreeSet<i64> =
                told.iter().copied().filter(|r| last.is_none_or(|last| *r > last)).collect();
            let Some((first, end)) = new.first().zip(new.last()) else { continue };
            if last.is_some_and(|last| known.range(last + 1..*first).next().is_some()) {
                found.insert("gap-after-resume");
            }
            if known.range(first..=end).any(|revision| !new.contains(revision)) {
                found.insert("gap");
            }
        }
        found
    });
}

#[test]
fn banks() {
    let transfer = |from: i64, to: i64| {
        let entry = |key: &str, n: i64| (Value::from(key), Value::Int(n));
        Value::Map([entry("amount", 1), entry("from", from), entry("to", to)].into())
    };
    let balances = |list: &[i64]| {
        let pairs = list.iter().enumerate().map(|(account, n)| (Value::Int(account as i64), Value::Int(*n)));
        Value::Map(pairs.collect())
    };
    let history = |rng: &mut Random| {
        let first = std::cell::Cell::new(true);
        let wild = rng.percent(30);
        random(
            rng,
            6,
            |rng| {
                if first.get() || rng.percent(50) {
                    return ("read", Value::Nil);
                }
                let from = rng.below(3) as i64;
                ("transfer", transfer(from, (from + 1 + rng.below(2) as i64) % 3))
            },
            |rng, f, value| match (fate(rng), f) {
                (EventType::Ok, "read") => {
                    let mut list = [1, 1, 1];
                    if !first.get() && rng.percent(60) {
                        let from = rng.below(3) as usize;
                        list[from] -= 1;
                        list[(from + 1) % 3] += i64::from(!wild || rng.percent(70));
                        if wild && rng.percent(30) {
                            list[from] -= 1;
                            list[(from + 2) % 3] += 1;
                        }
                    }
                    first.set(false);
                    (EventType::Ok, balances(&list))
                }
                (fate, _) => (fate, value.clone()),
            },
        )
    };
    let read = |op: &Op| -> Vec<i64> {
        match &op.output {
            Value::Map(entries) => entries.iter().map(|(_, n)| n.as_int().unwrap()).collect(),
            other => panic!("{other}"),
        }
    };
    agree("bank", history, |ops, _| {
        let mut found = Found::new();
        let mut reads: Vec<&Op> = ops.iter().filter(|op| op.ok("read")).collect();
        reads.sort_by_key(|op| op.ret);
        let sums: Vec<i64> = reads.iter().map(|op| read(op).iter().sum()).collect();
        // The most frequent, the first of several.
        let frequency = |sum: i64| sums.iter().filter(|other| **other == sum).count();
        let Some(total) = sums.iter().copied().rev().max_by_key(|sum| frequency(*sum)) else { return found };
        let transfers: Vec<(usize, i64, i64)> = ops
            .iter()
            .filter(|op| op.may("transfer"))
            .map(|op| match &op.input {
                Value::Map(entries) => {
                    (op.call, entries[1].1.as_int().unwrap(), entries[2].1.as_int().unwrap())
                }
                other => panic!("{other}"),
            })
            .collect();
        let initial = Some(reads[0]).filter(|first| transfers.iter().all(|(call, ..)| *call > first.ret));
        for (op, sum) in reads.iter().zip(&sums) {
            let list = read(op);
            if *sum != total {
                found.insert("wrong-total");
            } else if list.iter().any(|n| *n < 0) {
                found.insert("negative-value");
            } else if let Some(initial) = initial {
                let begun: Vec<_> = transfers.iter().filter(|(call, ..)| *call < op.ret).collect();
                let reachable = |account: usize, wanted: i64| {
                    (0..1_u32 << begun.len()).any(|choice| {
                        let chosen = begun.iter().enumerate().filter(|(at, _)| choice >> at & 1 == 1);
                        let moved: i64 = chosen
                            .map(|(_, (_, from, to))| {
                                i64::from(*to == account as i64) - i64::from(*from == account as i64)
                            })
                            .sum();
                        read(initial)[account] + moved == wanted
                    })
                };
                if (0..list.len()).any(|account| !reachable(account, list[account])) {
                    found.insert("unexplained-balance");
                }
            }
        }
        found
    });
}

/// A part of an operation on logs: whether it is a poll, the offset if known, and the message.
type Part = (bool, Option<i64>, i64);

fn parts(value: &Value) -> Vec<Part> {
    let mut parts = Vec::new();
    for part in value.as_list().unwrap_or_default() {
        let part = part.as_list().unwrap();
        if part[0].as_str() == Some("send") {
            let (offset, message) = match part[2].as_pair() {
                Some((offset, message)) => (offset.as_int(), message.as_int()),
                None => (None, part[2].as_int()),
            };
            parts.push((false, offset, message.unwrap()));
        } else if let Some(Value::Map(keys)) = part.get(1) {
            for pair in keys[0].1.as_list().unwrap() {
                let (offset, message) = pair.as_pair().unwrap();
                parts.push((true, offset.as_int(), message.as_int().unwrap()));
            }
        }
    }
    parts
}

fn logs(rng: &mut Random) -> History {
    let send = |sent: Value| Value::list(["send".into(), Value::Int(0), sent]);
    let poll = |told: Vec<Value>| {
        Value::list(["poll".into(), Value::Map([(Value::Int(0), Value::from(told))].into())])
    };
    let mut next = 0;
    let wild = rng.percent(40);
    random(
        rng,
        6,
        |rng| match rng.below(4) {
            0 => ("poll", Value::list([Value::list(["poll".into()])])),
            1 => {
                next += 1;
                ("txn", Value::list([send(Value::Int(next)), Value::list(["poll".into()])]))
            }
            _ => {
                next += 2;
                ("send", Value::list([send(Value::Int(next - 1)), send(Value::Int(next))]))
            }
        },
        |rng, _, asked| {
            let fate = fate(rng);
            let mut list = Vec::new();
            for part in asked.as_list().unwrap() {
                let part = part.as_list().unwrap();
                if part[0].as_str() == Some("send") {
                    let message = part[2].as_int().unwrap();
                    let offset = message - i64::from(wild && rng.percent(15));
                    let known = rng.percent(85);
                    list.push(send(if known { Value::pair(offset, message) } else { part[2].clone() }));
                } else if fate == EventType::Ok || rng.percent(50) {
                    let from = if wild { rng.below(4) as i64 } else { 0 };
                    let messages = from + 1..=from + rng.below(4) as i64;
                    let told = messages.filter(|_| !wild || rng.percent(90)).map(|m| Value::pair(m, m));
                    list.push(poll(told.collect()));
                } else {
                    list.push(Value::list(["poll".into()]));
                }
            }
            (fate, Value::from(list))
        },
    )
}

#[test]
fn kafka() {
    agree("kafka", logs, |ops, _| {
        let mut found = Found::new();
        // What was never answered says what it asked.
        let told = |op: &Op| parts(if op.output.is_nil() { &op.input } else { &op.output });
        let all: Vec<(&Op, Vec<Part>)> = ops.iter().map(|op| (op, told(op))).collect();
        let sender = |message: i64, fail: bool| {
            all.iter().find(|(op, parts)| {
                (op.fate == Fate::Fail) == fail && parts.iter().any(|(poll, _, m)| !poll && *m == message)
            })
        };
        let polled = |message: i64, ok: bool| {
            all.iter().any(|(op, parts)| {
                (!ok || op.fate == Fate::Ok) && parts.iter().any(|(poll, _, m)| *poll && *m == message)
            })
        };
        let certain = |op: &Op, parts: &[Part]| match op.fate {
            Fate::Ok => true,
            Fate::Info => parts.iter().any(|(poll, _, m)| !poll && polled(*m, true)),
            Fate::Fail => false,
        };
        // The log: offset and messages.
        let mut log: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for (op, parts) in &all {
            for (poll, offset, message) in parts {
                if let Some(offset) = offset.filter(|_| *poll || certain(op, parts)) {
                    log.entry(offset).or_default().insert(*message);
                }
            }
        }
        let offsets = |message: i64| -> Vec<usize> {
            log.values().enumerate().filter(|(_, at)| at.contains(&message)).map(|(rank, _)| rank).collect()
        };
        let messages: BTreeSet<i64> =
            all.iter().flat_map(|(_, parts)| parts.iter().map(|(.., m)| *m)).collect();
        if log.values().any(|at| at.len() > 1) {
            found.insert("inconsistent-offsets");
        }
        if messages.iter().any(|message| offsets(*message).len() > 1) {
            found.insert("duplicate");
        }
        let furthest =
            messages.iter().filter(|m| polled(**m, false)).filter_map(|m| offsets(*m).first().copied()).max();
        for (op, parts) in &all {
            for (poll, _, message) in parts {
                let lost = !poll && certain(op, parts) && !polled(*message, false);
                if lost
                    && offsets(*message).last().is_some_and(|last| furthest.is_some_and(|far| *last <= far))
                {
                    found.insert("lost-write");
                }
                if *poll && op.fate == Fate::Ok {
                    match (sender(*message, false), sender(*message, true)) {
                        (Some((writer, _)), _) if writer.call == op.call => {
                            found.insert("precommitted-read");
                        }
                        (None, Some(_)) => {
                            found.insert("G1a");
                        }
                        (None, None)
                            if all
                                .iter()
                                .any(|(op, p)| op.fate != Fate::Fail && p.iter().any(|(poll, ..)| !poll)) =>
                        {
                            found.insert("never-sent");
                        }
                        _ => {}
                    }
                }
            }
        }
        let distance = |one: i64, next: i64| match (&offsets(one)[..], &offsets(next)[..]) {
            _ if one == next => 0,
            ([one], [next]) => *next as i64 - *one as i64,
            _ => 1,
        };
        let of = |at: usize, polls: bool| -> Vec<i64> {
            all[at].1.iter().filter(|(poll, ..)| *poll == polls).map(|(.., m)| *m).collect()
        };
        for (at, (op, _)) in all.iter().enumerate() {
            for polls in [true, false] {
                let own = of(at, polls);
                if !polls && op.fate == Fate::Fail || own.is_empty() {
                    continue;
                }
                for pair in own.windows(2) {
                    match (distance(pair[0], pair[1]), polls) {
                        (n, true) if n > 1 => found.insert("int-poll-skip"),
                        (n, true) if n < 1 => found.insert("int-nonmonotonic-poll"),
                        (n, false) if n < 1 => found.insert("int-nonmonotonic-send"),
                        _ => false,
                    };
                }
                let counts = |other: &&usize| {
                    let fate = all[**other].0.fate;
                    let same = all[**other].0.process == op.process && !of(**other, polls).is_empty();
                    same && if polls { fate == Fate::Ok } else { fate != Fate::Fail }
                };
                let before: Vec<usize> = (0..at).collect();
                let Some(before) = before.iter().rev().find(counts) else { continue };
                match (distance(*of(*before, polls).last().unwrap(), own[0]), polls) {
                    (n, true) if n > 1 => found.insert("poll-skip"),
                    (n, true) if n < 1 => found.insert("nonmonotonic-poll"),
                    (n, false) if n < 1 => found.insert("nonmonotonic-send"),
                    _ => false,
                };
            }
        }
        // Circles, by reachability.
        let n = all.len();
        let mut told = vec![false; n];
        for (level, problem) in ["G1c", "G1c-process", "G1c-realtime"].into_iter().enumerate() {
            let edge = |a: usize, b: usize| {
                let ((one, _), (other, parts)) = (&all[a], &all[b]);
                let reads = parts
                    .iter()
                    .any(|(poll, _, m)| *poll && sender(*m, false).is_some_and(|(w, _)| w.call == one.call));
                let reads = a != b && other.fate == Fate::Ok && reads;
                let next =
                    one.fate == Fate::Ok && other.fate != Fate::Fail && one.process == other.process && a < b;
                let time = one.fate == Fate::Ok && one.ret < other.call;
                reads || level >= 1 && next || level >= 2 && time
            };
            let mut reach: Vec<Vec<bool>> = (0..n).map(|a| (0..n).map(|b| edge(a, b)).collect()).collect();
            for via in 0..n {
                for a in 0..n {
                    for b in 0..n {
                        reach[a][b] |= reach[a][via] && reach[via][b];
                    }
                }
            }
            let circle = |a: usize| (0..n).filter(|b| reach[a][*b] && reach[*b][a]).collect::<Vec<_>>();
            for a in 0..n {
                let members = circle(a);
                if !members.is_empty() && members.iter().all(|member| !told[*member]) {
                    found.insert(problem);
                    members.iter().for_each(|member| told[*member] = true);
                }
            }
        }
        found
    });
}
