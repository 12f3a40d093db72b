//! Histories of events in lines: Porcupine's stores, our generator's registers, Jepsen's logs,
//! elle-cli's JSON, tables.

use checkers::formats::Format;
use checkers::{EventType, History, Process, Value};

use super::{one, read};
use crate::promises::oracle::{fate, random as events_of};
use crate::promises::rounds;
use crate::simulate::Random;

/// An event: process (nobody is the nemesis), type, function, value.
type Event = (Option<u32>, EventType, String, Value);

fn events(history: &History) -> Vec<Event> {
    history
        .events()
        .map(|event| (event.process.number(), event.event_type, event.f.to_string(), event.value.to_value()))
        .collect()
}

/// A random history of these functions, as events to be written; without faults.
fn history(
    random: &mut Random,
    functions: &[&'static str],
    mut value: impl FnMut(&mut Random, &str, EventType) -> Value,
) -> Vec<Event> {
    let count = 1 + random.below(8);
    let value = std::cell::RefCell::new(&mut value);
    let history = events_of(
        random,
        count,
        |random| {
            let f = one(random, functions);
            (f, (value.borrow_mut())(random, f, EventType::Invoke))
        },
        |random, f, _| {
            let fate = fate(random);
            (fate, (value.borrow_mut())(random, f, fate))
        },
    );
    events(&history).into_iter().filter(|event| event.0.is_some()).collect()
}

fn holds(random: &mut Random, format: Format, text: &str, expected: &[Event]) -> History {
    let history = read(random, format, text.as_bytes()).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    assert_eq!(events(&history), expected, "{format} of\n{text}");
    history
}

fn shuffled(random: &mut Random, mut parts: Vec<String>) -> Vec<String> {
    parts.sort_by_key(|_| random.next());
    parts
}

fn some_text(random: &mut Random) -> String {
    (0..random.below(5)).map(|_| one(random, &["x 0 1 y", "\"", "\\", " ", "ä", "7", ",", ""])).collect()
}

#[test]
fn porcupines_stores() {
    let mut random = Random(71);
    for _ in 0..rounds() {
        let mut keyed = Vec::new();
        let expected = history(&mut random, &["get", "put", "append"], |random, f, event_type| {
            let key = random.below(3).to_string();
            let none = f == "get" && event_type != EventType::Ok;
            let value = if none { Value::Nil } else { Value::from(some_text(random)) };
            Value::pair(key.as_str(), value)
        });
        for (process, event_type, f, value) in &expected {
            let (key, value) = value.as_pair().unwrap();
            let fields = vec![
                format!(":process {}", process.unwrap()),
                format!(":type :{}", event_type.as_str()),
                format!(":f :{f}"),
                format!(":key {key}"),
                // As JSON escapes it, EDN does: there are quotes and backslashes only.
                format!(":value {}", if value.is_nil() { "nil".to_owned() } else { value.to_string() }),
            ];
            keyed.push(format!("{{{}}}", shuffled(&mut random, fields).join(", ")));
        }
        holds(&mut random, Format::Kv, &keyed.join("\n"), &expected);
    }
}

#[test]
fn our_generators_registers() {
    let mut random = Random(73);
    for _ in 0..rounds() {
        let written = history(&mut random, &["read", "write", "cas"], |random, f, event_type| {
            let n = |random: &mut Random| Value::Int(random.below(4) as i64);
            let value = match f {
                "cas" => Value::pair(n(random), n(random)),
                "read" if event_type != EventType::Ok => Value::Nil,
                _ => n(random),
            };
            Value::pair(random.below(3) as i64, value)
        });
        let mut lines = vec!["{\"type\":\"meta\",\"workload\":\"rw\",\"k\":[]}".to_owned()];
        for (index, (process, event_type, f, value)) in written.iter().enumerate() {
            let (key, value) = value.as_pair().unwrap();
            let f = if f == "cas" { "cas" } else { &f[..1] };
            let fields = vec![
                format!("\"i\":{index}"),
                format!("\"t\": {}", 10 * index),
                format!("\"p\":{}", process.unwrap()),
                format!("\"type\":\"{}\"", event_type.as_str()),
                format!("\"f\":\"{f}\""),
                format!("\"k\":{key}"),
                format!("\"v\":{value}"),
            ];
            lines.push(format!("{{{}}}", shuffled(&mut random, fields).join(",")));
        }
        // 0 is what a register holds that nobody wrote.
        let nil = |value: &Value| if *value == Value::Int(0) { Value::Nil } else { value.clone() };
        let expected: Vec<Event> = written
            .into_iter()
            .map(|(process, event_type, f, value)| {
                let (key, value) = value.as_pair().unwrap();
                let value = match value.as_pair() {
                    Some((from, to)) => Value::pair(nil(from), nil(to)),
                    None => nil(value),
                };
                (process, event_type, f, Value::pair(key.clone(), value))
            })
            .collect();
        let history = holds(&mut random, Format::Histgen, &lines.join("\n"), &expected);
        assert!(history.events().zip(0..).all(|(event, at)| event.time == 10 * at));
    }
}

/// A value of a register, and in EDN.
fn register(random: &mut Random) -> (Value, &'static str) {
    one(
        random,
        &[
            (Value::Nil, "nil"),
            (Value::Int(3), "3"),
            (Value::Int(-7), "-7"),
            (Value::pair(1, 2), "[1 2]"),
            (Value::pair("k", Value::Nil), "[\"k\" nil]"),
            (Value::from("a b"), "\"a b\""),
            (Value::list([Value::Int(1), Value::Int(2)]), "#{2 1}"),
        ],
    )
}

#[test]
fn jepsens_logs() {
    let mut random = Random(79);
    for _ in 0..rounds() {
        let spelt = std::cell::RefCell::new(Vec::new());
        let written = history(&mut random, &["read", "write", "cas"], |random, _, event_type| {
            let (value, text) = register(random);
            let unhappy = matches!(event_type, EventType::Fail | EventType::Info);
            // Why it is none stands in the place of the value.
            let said = if unhappy && random.percent(50) {
                (Value::Nil, ":timed-out".to_owned(), Some(Value::from("timed-out")))
            } else if unhappy && random.percent(50) {
                (value, format!("{text}\t:no-leader"), Some(Value::from("no-leader")))
            } else {
                (value, text.to_owned(), None)
            };
            spelt.borrow_mut().push(said.clone());
            Value::list([said.0, said.1.into(), said.2.unwrap_or_default()])
        });
        let mut lines = Vec::new();
        let mut expected = Vec::new();
        let mut errors = Vec::new();
        for (process, event_type, f, said) in written {
            let said = said.as_list().unwrap();
            if random.percent(20) {
                lines.push(
                    one(&mut random, &["", "chatter", "12:00 n1 started 7", ":nemesis went", "1 2 3"])
                        .to_string(),
                );
            }
            let before = one(
                &mut random,
                &["", "INFO  jepsen.util - ", "2024-01-01 00:00:01,000{GMT}\tINFO\t[w 0] j: "],
            );
            let gap = one(&mut random, &["\t", " ", "   "]);
            let who = process.unwrap();
            let kind = event_type.as_str();
            let end = one(&mut random, &["", "", " ", "\r"]);
            lines.push(format!("{before}{who}{gap}:{kind}{gap}:{f}{gap}{}{end}", said[1].as_str().unwrap()));
            errors.push(Some(said[2].clone()).filter(|error| !error.is_nil()));
            expected.push((process, event_type, f, said[0].clone()));
        }
        let text = lines.join("\n");
        let history = holds(&mut random, Format::JepsenLog, &text, &expected);
        let found: Vec<Option<Value>> = history.events().map(|event| event.error().cloned()).collect();
        assert_eq!(found, errors, "{text}");
    }
}

#[test]
fn json_of_elle_cli() {
    let mut random = Random(83);
    for _ in 0..rounds() {
        let expected = history(&mut random, &["txn"], |random, _, event_type| {
            let micro = |random: &mut Random| {
                let key = Value::Int(random.below(3) as i64);
                if random.percent(50) {
                    return Value::list(["append".into(), key, Value::Int(random.below(9) as i64)]);
                }
                let list = (0..random.below(3)).map(|n| Value::Int(n as i64)).collect::<Vec<_>>();
                let seen = if event_type == EventType::Ok { Value::from(list) } else { Value::Nil };
                Value::list(["r".into(), key, seen])
            };
            Value::list((0..1 + random.below(3)).map(|_| micro(random)).collect::<Vec<_>>())
        });
        let stream = random.percent(50);
        let mut objects = Vec::new();
        for (index, (process, event_type, f, value)) in expected.iter().enumerate() {
            let mut fields = vec![
                format!("\"process\": {}", process.unwrap()),
                format!("\"type\":\"{}{}\"", one(&mut random, &["", ":"]), event_type.as_str()),
                format!(
                    "\"value\":{}",
                    value.to_string().replace(',', one(&mut random, &[",", " , ", ",\n"]))
                ),
            ];
            if random.percent(70) {
                fields.push(format!("\"f\":\"{f}\""));
            }
            if random.percent(50) {
                fields.push(format!("\"index\":{index}"));
                fields.push(format!("\"time\":{}", 5 * index));
            }
            objects.push(format!("{{{}}}", shuffled(&mut random, fields).join(", ")));
        }
        let text = if stream { objects.join("\n") } else { format!("[{}]", objects.join(",\n ")) };
        holds(&mut random, Format::Json, &text, &expected);
    }
}

/// A cell, quoted where it must be and sometimes where it need not be.
fn cell(random: &mut Random, text: &str) -> String {
    let must = text.contains([',', '"']) || text.trim() != text;
    match must || random.percent(20) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => format!("{text}{}", one(random, &["", "", " "])),
    }
}

/// What may stand in a cell, and what it means.
fn cell_value(random: &mut Random) -> (Value, &'static str) {
    match random.below(6) {
        0 => one(
            random,
            &[
                (Value::from("abc"), "abc"),
                (Value::from("a b"), "a b"),
                (Value::from("x, y"), "x, y"),
                (Value::from("007"), "007"),
                (Value::from("say \"x\" to"), "say \"x\" to"),
                (Value::from("2024-01-01"), "2024-01-01"),
            ],
        ),
        1 => (Value::Nil, ""),
        _ => register(random),
    }
}

/// Rows with the columns in a random order, and the header before them.
fn table(random: &mut Random, header: &[&str], rows: &[Vec<String>]) -> String {
    let mut order: Vec<usize> = (0..header.len()).collect();
    order.sort_by_key(|_| random.next());
    let head: Vec<String> =
        order.iter().map(|at| one(random, &[header[*at].to_owned(), header[*at].to_uppercase()])).collect();
    let mut text = head.join(",") + "\n";
    for row in rows {
        let cells: Vec<String> = order.iter().map(|at| cell(random, &row[*at])).collect();
        text.push_str(&cells.join(","));
        text.push_str(one(random, &["\n", "\r\n", "\n\n"]));
    }
    text
}

#[test]
fn tables_of_events() {
    let mut random = Random(89);
    for _ in 0..rounds() {
        let keyed = random.percent(50);
        let written = history(&mut random, &["read", "write"], |random, _, _| {
            let (key, value) = (random.below(3) as i64, cell_value(random));
            Value::list([Value::Int(key), value.0, value.1.into()])
        });
        let mut header = vec!["process", "type", "f", "value", "time", "error", "zone"];
        header.extend(keyed.then_some("key"));
        header[0] = one(&mut random, &["process", "client"]);
        header[2] = one(&mut random, &["f", "op"]);
        let mut rows = Vec::new();
        let mut expected = Vec::new();
        for (at, (process, event_type, f, said)) in written.into_iter().enumerate() {
            let said = said.as_list().unwrap();
            let mut row = vec![
                process.unwrap().to_string(),
                format!("{}{}", one(&mut random, &["", ":"]), event_type.as_str()),
                f.clone(),
                said[2].as_str().unwrap().to_owned(),
                at.to_string(),
                if event_type == EventType::Fail { "no, \"it\" is not".to_owned() } else { String::new() },
                "z1".into(),
            ];
            row.extend(keyed.then(|| said[0].to_string()));
            rows.push(row);
            let value = if keyed { Value::pair(said[0].clone(), said[1].clone()) } else { said[1].clone() };
            expected.push((process, event_type, f, value));
        }
        let text = table(&mut random, &header, &rows);
        let history = holds(&mut random, Format::Csv, &text, &expected);
        for (event, at) in history.events().zip(0..) {
            let error = (event.event_type == EventType::Fail).then(|| Value::from("no, \"it\" is not"));
            assert_eq!((event.time, event.error()), (at, error.as_ref()), "{text}");
            let other = &event.extra.unwrap().other;
            assert!(other.len() == 1 && other.values().all(|zone| *zone == "z1"), "{other:?}");
        }
    }
}

#[test]
fn tables_of_operations() {
    let mut random = Random(97);
    for _ in 0..rounds() {
        let count = 1 + random.below(6) as usize;
        // Points in time, in nanoseconds, the first of them far from the epoch.
        let seconds = random.percent(50);
        let base: i128 = if random.percent(50) { 1_700_000_000_123_456_789 } else { 0 };
        let clients = 1 + random.below(3) as usize;
        let mut free = vec![base; clients];
        struct Operation {
            process: Option<usize>,
            f: &'static str,
            said: (Value, &'static str),
            fate: EventType,
            start: i128,
            end: Option<i128>,
        }
        let anonymous = random.percent(20);
        let mut operations = Vec::new();
        for _ in 0..count {
            let client = random.below(clients as u64) as usize;
            let start = free[client] + random.below(4) as i128;
            let end = start + random.below(5) as i128;
            free[client] = end;
            let fate = fate(&mut random);
            operations.push(Operation {
                process: (!anonymous).then_some(client),
                f: one(&mut random, &["read", "write", "get", "cas"]),
                said: cell_value(&mut random),
                fate,
                start,
                end: (fate != EventType::Info || random.percent(50)).then_some(end),
            });
        }
        operations.sort_by_key(|_| random.next());
        let stamp = |random: &mut Random, ns: i128| match seconds {
            false => ns.to_string(),
            true => {
                let mut text = format!("{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000);
                while text.ends_with('0') && !text.ends_with(".0") && random.percent(50) {
                    text.pop();
                }
                text
            }
        };
        let mut rows = Vec::new();
        for op in &operations {
            let fate = if op.fate == EventType::Ok && random.percent(50) { "" } else { op.fate.as_str() };
            let mut row = vec![
                op.f.to_owned(),
                op.said.1.to_owned(),
                stamp(&mut random, op.start),
                op.end.map_or(String::new(), |end| stamp(&mut random, end)),
                fate.to_owned(),
            ];
            row.extend(op.process.map(|process| process.to_string()));
            rows.push(row);
        }
        let mut header = vec!["op", "value", "start", "end", "type"];
        header.extend((!anonymous).then_some("process"));
        let text = table(&mut random, &header, &rows);
        // The order of events: by time, starts before ends, then as the rows stand.
        let mut order: Vec<(i128, bool, usize)> = Vec::new();
        for (at, op) in operations.iter().enumerate() {
            order.push((op.start, false, at));
            order.extend(op.end.map(|end| (end, true, at)));
        }
        order.sort_unstable();
        let history = read(&mut random, Format::Csv, text.as_bytes())
            .unwrap_or_else(|error| panic!("{error}:\n{text}"));
        assert_eq!(history.len(), order.len(), "{text}");
        let mut called: Vec<Option<usize>> = vec![None; operations.len()];
        for (position, ((time, ends, at), event)) in order.into_iter().zip(history.events()).enumerate() {
            let op = &operations[at];
            let asks = matches!(op.f, "read" | "get");
            let value = if !ends && asks { Value::Nil } else { op.said.0.clone() };
            let event_type = if ends { op.fate } else { EventType::Invoke };
            let found = (i128::from(event.time), event.event_type, event.f.as_str(), event.value.to_value());
            assert_eq!(found, (time, event_type, op.f, value), "event {position} of\n{text}");
            // An end belongs to its own start, whoever did it.
            if ends {
                assert_eq!(history.partner(position), called[at], "event {position} of\n{text}");
            }
            called[at] = Some(position);
        }
        // Operations of one process that do not touch are its own, one after the other.
        for (at, one) in operations.iter().enumerate().filter(|(_, op)| op.process.is_some()) {
            let apart = |other: &Operation| {
                other.process != one.process
                    || other.end.is_some_and(|end| end < one.start)
                    || one.end.is_some_and(|end| end < other.start)
            };
            let alone = operations.iter().enumerate().all(|(other, op)| other == at || apart(op));
            let process = history.event(called[at].unwrap()).process;
            let own = Process::client(one.process.unwrap() as u64).unwrap();
            assert!(!alone || process == own, "{text}");
        }
    }
}
