//! The operations of a history as columns, and the lanes in which they are drawn.

use std::collections::{BTreeSet, HashMap, HashSet};

use checkers::{EventType, Evidence, Fate, History, Operation, Value};
use serde_json::json;

use super::columns::Column;
use super::trim::trimmed_text;
use crate::nemesis::plain;

/// Above this many operations a sample is drawn.
pub(super) const DRAWN: usize = 300_000;
/// Windows of evidence that span more operations than this are sampled like the rest.
const WINDOW_KEPT: usize = 50_000;
/// What all values together may take, in characters; each is shortened accordingly.
const VALUES_BUDGET: usize = 4_000_000;

/// How time is told in the page.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    /// Nanoseconds per tick.
    pub(super) tick_ns: u64,
    /// Whether the history has times at all; if not, positions stand for them.
    pub(super) timed: bool,
}

impl Clock {
    /// Microseconds, or nanoseconds for histories that last no longer than a few milliseconds.
    pub(super) fn of(history: &History) -> Self {
        let time = |event: Option<checkers::EventRef<'_>>| event.map_or(0, |event| event.time);
        let (first, last) = (time(history.events().next()), time(history.events().next_back()));
        Clock { tick_ns: if last < 10_000_000 { 1 } else { 1000 }, timed: first < last || history.len() < 2 }
    }

    /// The time of the event at this position, in ticks.
    pub(super) fn ticks(self, history: &History, position: usize) -> u64 {
        if self.timed { history.event(position).time / self.tick_ns } else { position as u64 }
    }
}

/// The table of operations as the page reads it.
pub(super) fn table(history: &History, evidence: &[&Evidence], clock: Clock) -> serde_json::Value {
    let total = history.operations().count();
    let chosen = Chosen::new(history, evidence, total);
    let lanes = Lanes::of(history);
    let keyed = is_keyed(history);
    let shown = total.clamp(1, DRAWN);
    let mut columns = Columns::new((VALUES_BUDGET / shown).clamp(24, 240), keyed);
    let mut kept = 0u64;
    for (number, operation) in history.operations().enumerate() {
        if chosen.contains(number, &operation) {
            columns.take(history, &operation, lanes.of[&number_of(&operation)], clock);
            kept += 1;
        }
    }
    columns.finish(json!({
        "count": kept,
        "total": total,
        "sampled": (kept as usize) < total,
        "lanes": lanes.count,
        "keyed": keyed,
    }))
}

fn number_of(operation: &Operation<'_>) -> u32 {
    operation.process().number().unwrap_or(u32::MAX)
}

/// Whether every operation's value is a pair of a key and something else.
fn is_keyed(history: &History) -> bool {
    let mut any = false;
    let all = history.operations().all(|operation| {
        any = true;
        operation
            .invocation
            .value
            .as_pair()
            .is_some_and(|(key, _)| key.as_str().is_some() || key.as_int().is_some())
    });
    any && all
}

/// Which operations are drawn.
struct Chosen {
    share: f64,
    quoted: HashSet<usize>,
    windows: Vec<(usize, usize)>,
}

impl Chosen {
    fn new(history: &History, evidence: &[&Evidence], total: usize) -> Self {
        let mut chosen =
            Chosen { share: DRAWN as f64 / total.max(1) as f64, quoted: HashSet::new(), windows: Vec::new() };
        for evidence in evidence {
            let positions = evidence.positions();
            let end = |call: &usize| history.partner(*call).unwrap_or(*call);
            if let (Some(first), Some(last)) = (positions.iter().min(), positions.iter().map(end).max())
                && last - first <= 2 * WINDOW_KEPT
            {
                chosen.windows.push((*first, last));
            }
            chosen.quoted.extend(positions);
        }
        chosen
    }

    fn contains(&self, number: usize, operation: &Operation<'_>) -> bool {
        let uniform = (number as f64 * self.share).floor() < ((number + 1) as f64 * self.share).floor();
        self.share >= 1.0
            || uniform
            || self.quoted.contains(&operation.call)
            || self.windows.iter().any(|(first, last)| (*first..=*last).contains(&operation.call))
    }
}

/// Processes packed into lanes: a process that dies makes room for one that is born later, as the
/// worker behind them goes on.
struct Lanes {
    of: HashMap<u32, u64>,
    count: u64,
}

impl Lanes {
    fn of(history: &History) -> Self {
        let mut lanes = Lanes { of: HashMap::new(), count: 0 };
        let mut free = BTreeSet::new();
        for event in history.events() {
            let Some(process) = event.process.number() else { continue };
            if event.event_type == EventType::Info {
                free.extend(lanes.of.get(&process));
            } else if !lanes.of.contains_key(&process) {
                let lane = free.pop_first().unwrap_or_else(|| {
                    lanes.count += 1;
                    lanes.count - 1
                });
                lanes.of.insert(process, lane);
            }
        }
        lanes.sort();
        lanes
    }

    /// Orders the lanes by the lowest number of their processes, as a reader expects them.
    fn sort(&mut self) {
        let mut first = vec![u32::MAX; self.count as usize];
        for (process, lane) in &self.of {
            let known = &mut first[*lane as usize];
            *known = (*known).min(*process);
        }
        let mut order: Vec<usize> = (0..first.len()).collect();
        order.sort_unstable_by_key(|lane| first[*lane]);
        let mut rank = vec![0; order.len()];
        for (place, lane) in order.into_iter().enumerate() {
            rank[lane] = place as u64;
        }
        self.of.values_mut().for_each(|lane| *lane = rank[*lane as usize]);
    }
}

/// Distinct texts, numbered.
#[derive(Default)]
struct Dictionary {
    numbers: HashMap<String, u64>,
    texts: Vec<serde_json::Value>,
}

impl Dictionary {
    fn number(&mut self, text: String) -> u64 {
        if let Some(number) = self.numbers.get(&text) {
            return *number;
        }
        let number = self.texts.len() as u64;
        self.texts.push(text.clone().into());
        self.numbers.insert(text, number);
        number
    }
}

#[derive(Default)]
struct Columns {
    value_length: usize,
    keyed: bool,
    call: Column,
    ret: Column,
    process: Column,
    lane: Column,
    function: Column,
    outcome: Column,
    start: Column,
    duration: Column,
    key: Column,
    input: Column,
    output: Column,
    error: Column,
    node: Column,
    functions: Dictionary,
    keys: Dictionary,
    values: Dictionary,
    errors: Dictionary,
    nodes: Dictionary,
}

impl Columns {
    fn new(value_length: usize, keyed: bool) -> Self {
        Columns { value_length, keyed, ..Columns::default() }
    }

    fn take(&mut self, history: &History, operation: &Operation<'_>, lane: u64, clock: Clock) {
        let invocation = operation.invocation;
        let ret = operation.completion.map(|(at, _)| at);
        let start = clock.ticks(history, operation.call);
        self.call.push_rising(operation.call as u64);
        self.ret.push_option(ret.map(|ret| (ret - operation.call) as u64));
        self.process.push(u64::from(number_of(operation)));
        self.lane.push(lane);
        self.function.push(self.functions.number(trimmed_text(invocation.f, 60)));
        self.outcome.push(match operation.fate() {
            Fate::Ok => 0,
            Fate::Fail => 1,
            Fate::Info => 2,
        });
        self.start.push_rising(start);
        self.duration.push_option(ret.map(|ret| clock.ticks(history, ret).saturating_sub(start)));

        let (key, input) = self.split(&invocation.value.to_value());
        self.key.push_option(key);
        self.input.push(input);
        let completion = operation.completion_event();
        // A result is told only by an `ok`; the others repeat the argument.
        let output = completion
            .filter(|event| event.event_type == EventType::Ok)
            .map(|event| self.split(&event.value.to_value()).1);
        self.output.push_option(output);
        let error = completion.and_then(|event| event.error());
        self.error.push_option(error.map(|error| self.errors.number(trimmed_text(&plain(error), 200))));
        let node = completion.and_then(|event| event.node).or(invocation.node);
        self.node.push_option(node.map(|node| self.nodes.number(trimmed_text(node, 60))));
    }

    /// Key and value of a keyed history, by their numbers.
    fn split(&mut self, value: &Value) -> (Option<u64>, u64) {
        match value.as_pair() {
            Some((key, value)) if self.keyed => {
                let key = self.keys.number(trimmed_text(&plain(key), 80));
                (Some(key), self.text(value))
            }
            _ => (None, self.text(value)),
        }
    }

    fn text(&mut self, value: &Value) -> u64 {
        let text = match value {
            Value::Nil => String::new(),
            Value::Str(text) => format!("{:?}", trimmed_text(text, self.value_length)),
            other => trimmed_text(&other.to_string(), self.value_length),
        };
        self.values.number(text)
    }

    fn finish(self, mut table: serde_json::Value) -> serde_json::Value {
        table["columns"] = json!({
            "call": self.call.base64(),
            "ret": self.ret.base64(),
            "process": self.process.base64(),
            "lane": self.lane.base64(),
            "f": self.function.base64(),
            "outcome": self.outcome.base64(),
            "start": self.start.base64(),
            "duration": self.duration.base64(),
            "key": self.key.base64(),
            "input": self.input.base64(),
            "output": self.output.base64(),
            "error": self.error.base64(),
            "node": self.node.base64(),
        });
        table["dictionaries"] = json!({
            "f": self.functions.texts,
            "key": self.keys.texts,
            "value": self.values.texts,
            "error": self.errors.texts,
            "node": self.nodes.texts,
        });
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::history;

    #[test]
    fn a_dead_process_makes_room_for_the_next() {
        let lines = r#"
{"time":1,"process":1,"type":"invoke","f":"read","value":null}
{"time":2,"process":0,"type":"invoke","f":"read","value":null}
{"time":3,"process":0,"type":"info","f":"read","value":null}
{"time":4,"process":2,"type":"invoke","f":"read","value":null}
{"time":5,"process":1,"type":"ok","f":"read","value":null}
{"time":6,"process":3,"type":"invoke","f":"read","value":null}
"#;
        let lanes = Lanes::of(&history(lines));
        assert_eq!([0, 1, 2, 3].map(|process| lanes.of[&process]), [0, 1, 0, 2]);
        assert_eq!(lanes.count, 3);
    }

    #[test]
    fn values_are_split_only_when_all_are_keyed() {
        let keyed = r#"{"time":1,"process":0,"type":"invoke","f":"cas","value":["k",[1,2]]}"#;
        assert!(is_keyed(&history(keyed)));
        let transaction =
            r#"{"time":1,"process":0,"type":"invoke","f":"txn","value":[["append",3,1],["r",3,null]]}"#;
        assert!(!is_keyed(&history(transaction)));
        let both =
            format!("{keyed}\n{}", r#"{"time":2,"process":1,"type":"invoke","f":"read","value":null}"#);
        assert!(!is_keyed(&history(&both)));
    }

    #[test]
    fn a_history_without_times_is_told_by_position() {
        let lines = r#"
{"time":0,"process":0,"type":"invoke","f":"read","value":null}
{"time":0,"process":0,"type":"ok","f":"read","value":3}
"#;
        let history = history(lines);
        let clock = Clock::of(&history);
        assert!(!clock.timed);
        assert_eq!(clock.ticks(&history, 1), 1);
    }
}
