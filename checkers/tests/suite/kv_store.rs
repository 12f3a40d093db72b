//! Histories of a simulated key-value store whose values are text, of the shape of Porcupine's: gets,
//! puts and appends of unique words by clients that are nearly always waiting for an answer.

use std::collections::BinaryHeap;

use checkers::{Event, EventType, History, Process, Value};

use crate::simulate::Random;

enum Moment {
    Invoke,
    Act,
    Complete,
}

struct Doing {
    f: &'static str,
    key: usize,
    argument: Value,
    answer: Value,
}

/// So many operations by so many clients on so many keys. If `spoiled`, the last get that found
/// much answers without its last words, which certainly were there.
pub fn simulate_kv(operations: usize, clients: u64, keys: u64, spoiled: bool) -> History {
    let mut random = Random(11);
    let mut store = vec![String::new(); keys as usize];
    let mut doing: Vec<Option<Doing>> = (0..clients).map(|_| None).collect();
    let mut queue = BinaryHeap::new();
    let mut moments = Vec::new();
    let mut tie = 0;
    let mut at = |queue: &mut BinaryHeap<_>, moments: &mut Vec<_>, time: u64, client: u64, moment: Moment| {
        moments.push(Some((client, moment)));
        queue.push(std::cmp::Reverse((time, tie)));
        tie += 1;
    };
    for client in 0..clients {
        at(&mut queue, &mut moments, random.below(1_000), client, Moment::Invoke);
    }
    let mut events: Vec<Event> = Vec::with_capacity(operations * 2);
    let mut begun = 0;
    while let Some(std::cmp::Reverse((now, number))) = queue.pop() {
        let Some((client, moment)) = moments[number].take() else { continue };
        let who = Process::client(client).unwrap();
        match moment {
            Moment::Invoke if begun == operations => {}
            Moment::Invoke => {
                let key = random.below(keys) as usize;
                let word = Value::from(format!("x {client} {begun} y"));
                let (f, argument) = match random.below(10) {
                    0..=3 => ("get", Value::Nil),
                    _ if random.percent(90) => ("append", word),
                    _ => ("put", word),
                };
                begun += 1;
                events.push(Event::new(
                    now,
                    who,
                    EventType::Invoke,
                    f,
                    Value::pair(key as i64, argument.clone()),
                ));
                doing[client as usize] = Some(Doing { f, key, argument: argument.clone(), answer: argument });
                let latency = 200 + random.below(1_800);
                at(&mut queue, &mut moments, now + 1 + random.below(latency), client, Moment::Act);
                at(&mut queue, &mut moments, now + 2 + latency, client, Moment::Complete);
            }
            Moment::Act => {
                let Some(doing) = &mut doing[client as usize] else { continue };
                let held = &mut store[doing.key];
                match doing.f {
                    "get" => doing.answer = Value::from(held.as_str()),
                    "put" => *held = doing.argument.as_str().unwrap().to_owned(),
                    _ => held.push_str(doing.argument.as_str().unwrap()),
                }
            }
            Moment::Complete => {
                let Some(done) = doing[client as usize].take() else { continue };
                events.push(Event::new(
                    now,
                    who,
                    EventType::Ok,
                    done.f,
                    Value::pair(done.key as i64, done.answer),
                ));
                at(&mut queue, &mut moments, now + 1 + random.below(50), client, Moment::Invoke);
            }
        }
    }
    if spoiled {
        let found = events.iter_mut().rev().find(|event| {
            let text = event.value.as_pair().and_then(|(_, value)| value.as_str());
            event.event_type == EventType::Ok
                && event.f == "get"
                && text.is_some_and(|text| text.matches('x').count() > 22)
        });
        let event = found.expect("somebody found something");
        let (key, text) = event.value.as_pair().unwrap();
        let text = text.as_str().unwrap();
        let shorter = &text[..text.rmatch_indices('x').nth(15).unwrap().0];
        event.value = Value::pair(key.clone(), shorter);
    }
    History::new(events).unwrap()
}
