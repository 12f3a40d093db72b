//! Histories without time: AWDIT's text, Plume's text, dbcop's JSON and text.

use checkers::formats::Format;
use checkers::{EventType, Value};

use super::{one, read};
use crate::promises::rounds;
use crate::simulate::Random;

#[derive(Clone, Copy, Debug)]
struct Access {
    write: bool,
    key: i64,
    /// Nothing: what nobody wrote was read.
    value: Option<i64>,
}

#[derive(Clone, Debug)]
struct Transaction {
    accesses: Vec<Access>,
    aborted: bool,
}

type Sessions = Vec<Vec<Transaction>>;

/// `named` says whether there is a word for what nobody wrote; otherwise that is a read of 0.
fn sessions(random: &mut Random, aborts: bool, empty: bool) -> Sessions {
    let sign = if random.percent(50) { 1 } else { -1 };
    let access = |random: &mut Random| {
        let write = random.percent(50);
        let value = match random.below(8) {
            0 => 0,
            1 => one(random, &[i64::MAX, i64::MIN, -1]),
            n => n as i64,
        };
        let value = (write || random.percent(85)).then_some(value);
        Access { write, key: sign * random.below(4) as i64, value }
    };
    let transaction = |random: &mut Random| {
        let least = u64::from(!empty || random.percent(90));
        let accesses = (0..least + random.below(4)).map(|_| access(random)).collect();
        Transaction { accesses, aborted: aborts && random.percent(20) }
    };
    (0..1 + random.below(4))
        .map(|_| (0..1 + random.below(4)).map(|_| transaction(random)).collect())
        .collect()
}

type Expected = Vec<(u32, EventType, Value)>;

/// The events: a process for each session, in the order of the file.
fn expected(sessions: &Sessions, key: impl Fn(i64) -> Value, zero_is_initial: bool) -> Expected {
    let all = || sessions.iter().flatten().flat_map(|txn| &txn.accesses);
    let writes_zero =
        |key: i64| all().any(|access| access.write && access.key == key && access.value == Some(0));
    let mut events = Vec::new();
    for (session, transactions) in (0..).zip(sessions) {
        for Transaction { accesses, aborted } in transactions {
            if accesses.is_empty() {
                continue;
            }
            let value = |access: &Access| {
                let initial =
                    zero_is_initial && !access.write && access.value == Some(0) && !writes_zero(access.key);
                let shown = access.value.filter(|_| !initial).map_or(Value::Nil, Value::Int);
                Value::list([if access.write { "w".into() } else { "r".into() }, key(access.key), shown])
            };
            let event_type = if *aborted { EventType::Fail } else { EventType::Ok };
            events.push((session, event_type, Value::list(accesses.iter().map(value).collect::<Vec<_>>())));
        }
    }
    events
}

fn holds(random: &mut Random, format: Format, text: &str, expected: &Expected) {
    let history = read(random, format, text.as_bytes()).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let found: Expected = history
        .events()
        .map(|event| (event.process.number().unwrap(), event.event_type, event.value.to_value()))
        .collect();
    assert_eq!(found, *expected, "{format} of\n{text}");
    assert!(history.events().all(|event| event.f == "txn"));
    assert!(history.is_empty() || history.completions_only());
}

fn line_end(random: &mut Random) -> &'static str {
    one(random, &["\n", "\n", "\r\n", "\n\n", " \n"])
}

#[test]
fn awdit() {
    let mut random = Random(53);
    for _ in 0..rounds() {
        let mut sessions = sessions(&mut random, false, false);
        // There is no word for what nobody wrote.
        for access in sessions.iter_mut().flatten().flat_map(|txn| &mut txn.accesses) {
            access.value = access.value.or(Some(0));
        }
        let mut text = String::new();
        for (at, session) in sessions.iter().enumerate() {
            let end = line_end(&mut random);
            text.push_str(&if at > 0 {
                format!("{}{end}", "=".repeat(1 + random.below(6) as usize))
            } else {
                String::new()
            });
            for (at, txn) in session.iter().enumerate() {
                let end = line_end(&mut random);
                text.push_str(&if at > 0 {
                    format!("{}{end}", "-".repeat(1 + random.below(6) as usize))
                } else {
                    String::new()
                });
                for Access { write, key, value } in &txn.accesses {
                    let end = line_end(&mut random);
                    let space = one(&mut random, &[" ", "  ", "\t"]);
                    let f = if *write { "w" } else { "r" };
                    text.push_str(&format!("{f}{space}{key} {}{end}", value.unwrap()));
                }
            }
        }
        holds(&mut random, Format::Awdit, &text, &expected(&sessions, Value::Int, false));
    }
}

#[test]
fn plume() {
    let mut random = Random(59);
    for _ in 0..rounds() {
        let mut sessions = sessions(&mut random, true, false);
        // What was aborted stands by itself, and nobody knows what belonged together.
        for session in &mut sessions {
            let alone = |txn: Transaction| -> Vec<Transaction> {
                if !txn.aborted {
                    return vec![txn];
                }
                txn.accesses
                    .into_iter()
                    .map(|access| Transaction { accesses: vec![access], aborted: true })
                    .collect()
            };
            *session = session.drain(..).flat_map(alone).collect();
        }
        for access in sessions.iter_mut().flatten().flat_map(|txn| &mut txn.accesses) {
            access.value = access.value.or(Some(0));
        }
        let names: Vec<i64> = (0..sessions.len() as i64).map(|n| (n * 7 + 3) % 11).collect();
        let mut text = String::new();
        let mut id = 0;
        for (session, name) in sessions.iter().zip(&names) {
            for txn in session {
                id += 1;
                for Access { write, key, value } in &txn.accesses {
                    let (f, end) = (if *write { "w" } else { "r" }, line_end(&mut random));
                    let id = if txn.aborted { -1 } else { id };
                    let space = one(&mut random, &["", "", " "]);
                    text.push_str(&format!("{f}({key},{space}{},{name}{space},{id}){end}", value.unwrap()));
                }
            }
        }
        holds(&mut random, Format::Plume, &text, &expected(&sessions, Value::Int, true));
    }
}

#[test]
fn dbcop_json() {
    let mut random = Random(61);
    for _ in 0..rounds() {
        let sessions = sessions(&mut random, true, true);
        let event = |random: &mut Random, access: &Access| {
            let Access { write, key, value } = access;
            let version = value.map_or("null".to_owned(), |value| value.to_string());
            let space = one(random, &["", " ", "\n"]);
            match (random.below(3), write) {
                (0, true) => format!("[\"w\",{space}{key},{version}]"),
                (0, false) => format!("[\"r\",{key}{space},{version}]"),
                (1, _) if value.is_some() => {
                    format!(
                        "{{\"write\":{write},{space}\"variable\":{key},\"value\":{version},\"success\":true}}"
                    )
                }
                (_, true) => format!("{{\"Write\":{{\"variable\":{key},{space}\"version\":{version}}}}}"),
                (_, false) => format!("{{\"Read\":{{\"version\":{version},\"variable\":{key}}}}}"),
            }
        };
        let mut spelt = Vec::new();
        for session in &sessions {
            let mut transactions = Vec::new();
            for Transaction { accesses, aborted } in session {
                let events: Vec<String> = accesses.iter().map(|access| event(&mut random, access)).collect();
                let (word, events) = (one(&mut random, &["committed", "success"]), events.join(","));
                transactions.push(match (aborted, random.percent(20)) {
                    (false, true) => format!("{{\"events\":[{events}]}}"),
                    _ => format!("{{\"{word}\":{},\"events\":[{events}]}}", !aborted),
                });
            }
            spelt.push(format!("[{}]", transactions.join(" ,")));
        }
        let array = format!("[{}]", spelt.join(",\n"));
        let text = match random.below(3) {
            0 => array,
            1 => format!("{{\"params\":{{\"data\":[1]}},\"data\":{array},\"info\":\"x\"}}\n"),
            _ => format!("\n {{\"data\" : {array}}} "),
        };
        holds(&mut random, Format::DbcopJson, &text, &expected(&sessions, Value::Int, true));
    }
}

#[test]
fn dbcop_text() {
    let mut random = Random(67);
    for _ in 0..rounds() {
        let sessions = sessions(&mut random, true, true);
        let name = |key: i64| ["x", "y", "long_name", "ä", "-"][key.unsigned_abs() as usize];
        let mut text = String::new();
        for (at, session) in sessions.iter().enumerate() {
            if at > 0 {
                text.push_str("\n---\n");
            }
            for Transaction { accesses, aborted } in session {
                let events: Vec<String> = accesses
                    .iter()
                    .map(|Access { write, key, value }| match (write, value) {
                        (true, value) => format!("{}:={}", name(*key), value.unwrap()),
                        (false, Some(value)) => format!("{}=={value}", name(*key)),
                        (false, None) => format!("{}==?", name(*key)),
                    })
                    .collect();
                let space = one(&mut random, &[" ", "  ", "\t"]);
                text.push_str(&format!(
                    "{}[{}]{}",
                    one(&mut random, &["", " ", "\n", "// x [y]\n", "\n\n"]),
                    events.join(space),
                    if *aborted { "!" } else { "" }
                ));
                text.push_str(one(&mut random, &["", " ", "\n", " // [z:=1]\n"]));
                // A comment goes to the end of its line.
            }
        }
        let text = text.replace("]// x", "]\n// x").replace("!// x", "!\n// x");
        holds(&mut random, Format::DbcopText, &text, &expected(&sessions, |key| name(key).into(), true));
    }
}
