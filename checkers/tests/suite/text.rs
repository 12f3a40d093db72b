//! Histories written as Jepsen's log lines: process, type, function, value.

use checkers::{Event, EventType, History, Process, Value};

/// Reads lines such as `3 :ok :read 7` or `INFO  jepsen.util - 3\t:ok\t:cas\t[1 2]`. A value may
/// be `nil`, a number, `[a b]` or, for a key, `k [a b]` written `[k [a b]]`. A process goes on
/// under a new number after `:info`, as in Jepsen since 0.1; older logs reuse it.
pub fn history(text: &str) -> History {
    let mut events: Vec<Event> = Vec::new();
    let mut alias: Vec<u64> = (0..64).collect();
    let mut next = 64;
    let mut outstanding = [false; 64];
    for line in text.lines() {
        let line = line.strip_prefix("INFO  jepsen.util - ").unwrap_or(line).trim();
        let mut words = line.split_whitespace();
        let (Some(process), Some(kind), Some(f)) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let Ok(process) = process.parse::<usize>() else { continue };
        let value = words.collect::<Vec<_>>().join(" ");
        let event_type = match kind {
            ":invoke" => EventType::Invoke,
            ":ok" => EventType::Ok,
            ":fail" => EventType::Fail,
            ":info" => EventType::Info,
            other => panic!("no such type: {other}"),
        };
        if event_type == EventType::Invoke && outstanding[process] {
            // Logged by a Jepsen that lost the completion: the process went on all the same.
            alias[process] = next;
            next += 1;
        }
        outstanding[process] = event_type == EventType::Invoke;
        let who = Process::client(alias[process]).unwrap();
        events.push(Event::new(events.len() as u64, who, event_type, &f[1..], edn(&value)));
        if event_type == EventType::Info {
            alias[process] = next;
            next += 1;
        }
    }
    History::new(events).unwrap()
}

fn edn(text: &str) -> Value {
    // `:timed-out` is what an `:info` answers.
    let json = if text.is_empty() || text.starts_with(':') { "null" } else { text };
    let json = json.replace("nil", "null").replace(' ', ",");
    serde_json::from_str(&json).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The lines of a history, for a person.
pub fn lines(history: &History) -> String {
    let mut out = Vec::new();
    for (index, event) in history.events().enumerate() {
        checkers::jsonl::write_event(&mut out, index as u64, &event.to_event()).unwrap();
    }
    String::from_utf8(out).unwrap()
}
