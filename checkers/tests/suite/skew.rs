//! Histories that no clock orders: what each process did is as it was, and when is not.

use std::collections::HashMap;

use checkers::{Event, EventType, History, Process, Value};

use crate::simulate::Random;

/// The same with the events of each process shifted by up to so many ns, each process by as much. An order
/// that explained the history explains this one.
pub fn skewed(history: &History, most_ns: u64, seed: u64) -> History {
    let mut random = Random(seed);
    let mut shifts: HashMap<Process, u64> = HashMap::new();
    let mut events: Vec<Event> = history.events().map(|event| event.to_event()).collect();
    for event in &mut events {
        event.time += *shifts.entry(event.process).or_insert_with(|| random.below(most_ns));
    }
    events.sort_by_key(|event| event.time);
    History::new(events).unwrap()
}

/// Exchanges what two reads of one process found, behind so many hundredths of the history: it finds first what
/// another process wrote second. Needs values that are written once. The positions of both reads; `None` if no process did.
pub fn go_back(history: &History, share: usize) -> Option<(History, [usize; 2])> {
    let mut events: Vec<Event> = history.events().map(|event| event.to_event()).collect();
    let mut writes: HashMap<Value, (Process, usize)> = HashMap::new();
    for op in history.operations().filter(|op| op.invocation.f == "write" && op.ret().is_some()) {
        writes.insert(op.invocation.value.to_value(), (op.process(), op.call));
    }
    // By process and key: the last read, what it found, and where.
    let mut last: HashMap<(Process, Option<Value>), (Value, usize, usize)> = HashMap::new();
    let mut found = None;
    for op in history.operations().filter(|op| op.call >= events.len() * share / 100) {
        let Some((ret, completion)) = op.completion.filter(|(_, event)| event.event_type == EventType::Ok)
        else {
            continue;
        };
        if op.invocation.f != "read" {
            continue;
        }
        let value = completion.value.to_value();
        let key = value.as_pair().map(|(key, _)| key.clone());
        let place = (op.process(), key);
        if let Some((before, call, ret_before)) = last.get(&place)
            && let (Some(one), Some(two)) = (writes.get(before), writes.get(&value))
            && one.0 == two.0
            && one.0 != op.process()
            && one.1 < two.1
        {
            found = Some(([*call, op.call], [*ret_before, ret]));
            break;
        }
        last.insert(place, (value, op.call, ret));
    }
    let (calls, [one, two]) = found?;
    let value = std::mem::take(&mut events[one].value);
    events[one].value = std::mem::replace(&mut events[two].value, value);
    Some((History::new(events).unwrap(), calls))
}
