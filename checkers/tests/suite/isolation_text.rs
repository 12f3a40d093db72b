//! Small histories of transactions: written by hand, made at random.

use checkers::transactions::history::Holds;
use checkers::{Event, EventType, Fate, History, Process, Value};

use crate::simulate::Random;

/// A micro-operation. What was read: nothing, or for a register one value, or a list.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    R(u64, Vec<i64>),
    W(u64, i64),
}

/// A transaction of a session, with the time of its invocation and of its completion.
#[derive(Clone, Debug)]
pub struct Txn {
    pub session: usize,
    pub fate: Fate,
    pub ops: Vec<Op>,
    pub call: usize,
    pub ret: usize,
}

/// The same as a history that checkers read.
pub fn history(txns: &[Txn], holds: Holds) -> History {
    let length = txns.iter().map(|txn| txn.ret + 1).max().unwrap_or(0);
    let mut events: Vec<Option<Event>> = vec![None; length];
    for txn in txns {
        let process = Process::client(txn.session as u64).unwrap();
        let asked: Vec<Value> = txn.ops.iter().map(|op| value(op, holds, false)).collect();
        let answered: Vec<Value> = txn.ops.iter().map(|op| value(op, holds, true)).collect();
        let (kind, answered) = match txn.fate {
            Fate::Ok => (EventType::Ok, answered),
            Fate::Fail => (EventType::Fail, asked.clone()),
            Fate::Info => (EventType::Info, asked.clone()),
        };
        let event = |at, kind, value: Vec<Value>| {
            Event::new(at as u64, process, kind, "txn", Value::List(value.into()))
        };
        events[txn.call] = Some(event(txn.call, EventType::Invoke, asked));
        events[txn.ret] = Some(event(txn.ret, kind, answered));
    }
    History::new(events.into_iter().flatten()).unwrap()
}

fn value(op: &Op, holds: Holds, answered: bool) -> Value {
    let (f, key, value) = match (op, holds) {
        (Op::R(key, _), _) if !answered => ("r", key, Value::Nil),
        (Op::R(key, seen), Holds::Lists) => {
            ("r", key, Value::List(seen.iter().map(|value| Value::Int(*value)).collect()))
        }
        (Op::R(key, seen), _) => ("r", key, seen.first().map_or(Value::Nil, |value| Value::Int(*value))),
        (Op::W(key, value), Holds::Lists) => ("append", key, Value::Int(*value)),
        (Op::W(key, value), Holds::Registers) => ("w", key, Value::Int(*value)),
    };
    Value::List(vec![Value::from(f), Value::Int(*key as i64), value].into())
}

/// One line per session, `|` between transactions and `,` between micro-operations: `w x 1, r y -`;
/// lists are read as `r x 1 2`. `!` before a transaction says that it failed, `?` that it was never
/// answered. The transactions of a column run at the same time, after those of the column before.
pub fn by_hand(sessions: &str) -> Vec<Txn> {
    let rows: Vec<Vec<&str>> = sessions
        .lines()
        .map(str::trim)
        .filter(|row| !row.is_empty())
        .map(|row| row.split('|').collect())
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let mut txns = Vec::new();
    for column in 0..columns {
        for (session, row) in rows.iter().enumerate() {
            let Some(text) = row.get(column).map(|text| text.trim()).filter(|text| !text.is_empty()) else {
                continue;
            };
            let (fate, text) = match text.split_at(1) {
                ("!", rest) => (Fate::Fail, rest),
                ("?", rest) => (Fate::Info, rest),
                _ => (Fate::Ok, text),
            };
            let call = column * 2 * rows.len() + session;
            txns.push(Txn {
                session,
                fate,
                ops: text.split(',').map(op).collect(),
                call,
                ret: call + rows.len(),
            });
        }
    }
    txns
}

fn op(text: &str) -> Op {
    let words: Vec<&str> = text.split_whitespace().collect();
    let key = words[1].bytes().fold(0, |sum, byte| sum * 256 + u64::from(byte));
    let values = words[2..].iter().filter(|word| **word != "-").map(|word| word.parse().unwrap());
    match words[0] {
        "r" => Op::R(key, values.collect()),
        _ => Op::W(key, words[2].parse().unwrap()),
    }
}

/// What random histories are made of.
#[derive(Clone, Copy)]
pub struct Shape {
    pub sessions: usize,
    pub txns: usize,
    pub ops: usize,
    pub keys: u64,
    pub holds: Holds,
}

/// A random history: a few sessions, unique values, reads that are often plausible and sometimes not.
pub fn random(random: &mut Random, shape: Shape) -> Vec<Txn> {
    let mut txns: Vec<Txn> = Vec::new();
    let mut next_value = 1;
    let mut alive: Vec<usize> = (0..shape.sessions).collect();
    let mut next_session = shape.sessions;
    let mut open: Vec<usize> = Vec::new();
    let mut time = 0;
    let mut begun = 0;
    while begun < shape.txns || !open.is_empty() {
        let idle: Vec<usize> =
            alive.iter().copied().filter(|s| open.iter().all(|at| txns[*at].session != *s)).collect();
        let begin = begun < shape.txns && !idle.is_empty() && (open.is_empty() || random.below(2) == 0);
        if begin {
            let session = idle[random.below(idle.len() as u64) as usize];
            let ops = (0..1 + random.below(shape.ops as u64))
                .map(|_| {
                    let key = random.below(shape.keys);
                    if random.below(2) == 0 {
                        return Op::R(key, Vec::new());
                    }
                    next_value += 1;
                    Op::W(key, next_value - 1)
                })
                .collect();
            open.push(txns.len());
            txns.push(Txn { session, fate: Fate::Ok, ops, call: time, ret: 0 });
            begun += 1;
        } else {
            let at = open.swap_remove(random.below(open.len() as u64) as usize);
            txns[at].ret = time;
            txns[at].fate = match random.below(12) {
                0 => Fate::Fail,
                1 => Fate::Info,
                _ => Fate::Ok,
            };
            if txns[at].fate == Fate::Info {
                let session = txns[at].session;
                alive.retain(|other| *other != session);
                alive.push(next_session);
                next_session += 1;
            }
        }
        time += 1;
    }
    match shape.holds {
        Holds::Registers => answer_registers(random, &mut txns),
        Holds::Lists => answer_lists(random, &mut txns),
    }
    txns
}

fn answer_registers(random: &mut Random, txns: &mut [Txn]) {
    let before = txns.to_vec();
    for (at, txn) in txns.iter_mut().enumerate() {
        let mut own: Vec<(u64, i64)> = Vec::new();
        for op in &mut txn.ops {
            match op {
                Op::W(key, value) => own.push((*key, *value)),
                Op::R(key, seen) => {
                    let mine = own.iter().rev().find(|(k, _)| k == key).map(|(_, value)| *value);
                    if let Some(mine) = mine.filter(|_| random.below(40) != 0) {
                        *seen = vec![mine];
                        continue;
                    }
                    let odd = random.below(60) == 0;
                    let mut choices: Vec<Vec<i64>> = vec![vec![]];
                    for (other, from) in before.iter().enumerate() {
                        let mut written = from.ops.iter().filter_map(|op| match op {
                            Op::W(k, value) if k == key => Some(vec![*value]),
                            _ => None,
                        });
                        if odd {
                            choices.extend(written);
                        } else if other != at && from.fate != Fate::Fail {
                            choices.extend(written.next_back());
                        }
                    }
                    *seen = choices.swap_remove(random.below(choices.len() as u64) as usize);
                }
            }
        }
    }
}

fn answer_lists(random: &mut Random, txns: &mut [Txn]) {
    // The order in which appends land, near the order of time; reads see some length of it.
    let mut order: Vec<usize> = (0..txns.len()).filter(|at| txns[*at].fate != Fate::Fail).collect();
    for at in 1..order.len() {
        if random.below(3) == 0 {
            order.swap(at - 1, at);
        }
    }
    let mut lists: Vec<(u64, i64, usize)> = Vec::new();
    for at in order {
        if txns[at].fate == Fate::Info && random.below(2) == 0 {
            continue;
        }
        for op in &txns[at].ops {
            if let Op::W(key, value) = op {
                lists.push((*key, *value, at));
            }
        }
    }
    for (at, txn) in txns.iter_mut().enumerate() {
        let mut own: Vec<(u64, i64)> = Vec::new();
        for op in &mut txn.ops {
            match op {
                Op::W(key, value) => own.push((*key, *value)),
                Op::R(key, seen) => {
                    let all: Vec<i64> =
                        lists.iter().filter(|(k, _, by)| k == key && *by != at).map(|(_, v, _)| *v).collect();
                    let length = random.below(all.len() as u64 + 1) as usize;
                    *seen = all[..length].to_vec();
                    if random.below(80) == 0 {
                        seen.reverse();
                    }
                    if random.below(40) != 0 {
                        seen.extend(own.iter().filter(|(k, _)| k == key).map(|(_, v)| *v));
                    }
                }
            }
        }
    }
}
