//! Histories of a simulated register: valid by construction, with real concurrency.

use std::collections::BinaryHeap;

use checkers::{Event, EventType, History, Process, Value};

/// A small generator of numbers (SplitMix64): tests need the same histories on every machine.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
    pub fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}

/// What to simulate.
#[derive(Clone, Copy)]
pub struct Plan {
    pub operations: usize,
    pub clients: u64,
    /// 0: one register without a key.
    pub keys: u64,
    /// How many values there are; 0: each is written once.
    pub values: i64,
    pub cas: bool,
    /// Percent of the changing operations that are never answered; half of them take effect.
    pub info: u64,
    pub seed: u64,
}

impl Plan {
    /// Reads and unique writes of one register by five clients.
    pub fn register(operations: usize) -> Self {
        Plan { operations, clients: 5, keys: 0, values: 0, cas: false, info: 0, seed: 7 }
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    Invoke { client: u64 },
    Act { operation: usize },
    Complete { operation: usize },
}

struct Running {
    client: u64,
    process: u64,
    f: &'static str,
    key: usize,
    argument: Value,
    result: Value,
    kind: EventType,
    complete_at: u64,
}

/// Clients in a closed loop: think, invoke, take effect somewhere, complete.
pub fn simulate(plan: Plan) -> History {
    let mut random = Random(plan.seed);
    let mut registers = vec![Value::Nil; plan.keys.max(1) as usize];
    let mut queue = BinaryHeap::new();
    let mut processes: Vec<u64> = (0..plan.clients).collect();
    let mut next_process = plan.clients;
    let mut unique = 0;
    let mut running: Vec<Running> = Vec::new();
    let mut events = Vec::with_capacity(plan.operations * 2);
    for client in 0..plan.clients {
        queue.push(std::cmp::Reverse((random.below(20_000), client, Moment::Invoke { client })));
    }
    let mut tie = plan.clients;
    while let Some(std::cmp::Reverse((now, _, moment))) = queue.pop() {
        let mut plan_at = |at: u64, moment: Moment| {
            tie += 1;
            queue.push(std::cmp::Reverse((at, tie, moment)));
        };
        match moment {
            Moment::Invoke { client } => {
                if running.len() == plan.operations {
                    continue;
                }
                let key = random.below(registers.len() as u64) as usize;
                let mut fresh = |random: &mut Random| match plan.values {
                    0 => {
                        unique += 1;
                        Value::Int(unique)
                    }
                    values => Value::Int(random.below(values as u64) as i64),
                };
                let (f, argument) = match random.below(10) {
                    0..=4 => ("read", Value::Nil),
                    5..=6 if plan.cas => {
                        let from = registers[key].clone();
                        ("cas", Value::pair(from, fresh(&mut random)))
                    }
                    _ => ("write", fresh(&mut random)),
                };
                let lost = f != "read" && random.percent(plan.info);
                let latency = 2_000 + random.below(16_000);
                let acts_at = now + 1 + random.below(latency - 1);
                let operation = running.len();
                let kind = if lost { EventType::Info } else { EventType::Ok };
                let process = processes[client as usize];
                let complete_at = now + latency;
                events.push(event(now, process, EventType::Invoke, f, named(plan, key, argument.clone())));
                running.push(Running {
                    client,
                    process,
                    f,
                    key,
                    argument,
                    result: Value::Nil,
                    kind,
                    complete_at,
                });
                match (lost, random.percent(50)) {
                    (false, _) => plan_at(acts_at, Moment::Act { operation }),
                    (true, true) => plan_at(acts_at + random.below(100_000), Moment::Act { operation }),
                    (true, false) => {}
                }
                plan_at(complete_at, Moment::Complete { operation });
            }
            Moment::Act { operation } => {
                let doing = &mut running[operation];
                let register = &mut registers[doing.key];
                match doing.f {
                    "read" => doing.result = register.clone(),
                    "write" => {
                        *register = doing.argument.clone();
                        doing.result = doing.argument.clone();
                    }
                    _ => {
                        let (from, to) = doing.argument.as_pair().unwrap();
                        doing.result = doing.argument.clone();
                        if register == from {
                            *register = to.clone();
                        } else if doing.kind == EventType::Ok {
                            doing.kind = EventType::Fail;
                        }
                    }
                }
            }
            Moment::Complete { operation } => {
                let done = &running[operation];
                let value =
                    if done.kind == EventType::Ok { done.result.clone() } else { done.argument.clone() };
                let value = named(plan, done.key, value);
                events.push(event(done.complete_at, done.process, done.kind, done.f, value));
                if done.kind == EventType::Info {
                    processes[done.client as usize] = next_process;
                    next_process += 1;
                }
                plan_at(now + random.below(20_000), Moment::Invoke { client: done.client });
            }
        }
    }
    History::new(events).unwrap()
}

fn named(plan: Plan, key: usize, value: Value) -> Value {
    if plan.keys == 0 { value } else { Value::pair(key as i64, value) }
}

fn event(time: u64, process: u64, kind: EventType, f: &'static str, value: Value) -> Event {
    Event::new(time, Process::client(process).unwrap(), kind, f, value)
}

/// Makes one read near `share` percent of the history stale: it answers with a value that was
/// certainly overwritten before it began. Returns its call position.
///
/// Needs unique values: only then is an overwritten value certainly gone.
pub fn make_stale(history: &History, share: usize) -> (History, usize) {
    let mut events = history.events().map(|event| event.to_event()).collect::<Vec<_>>();
    let key_of = |value: &Value| value.as_pair().map(|(key, _)| key.clone());
    let inner = |value: &Value| value.as_pair().map_or(value.clone(), |(_, inner)| inner.clone());
    let start = events.len() * share / 100;
    for op in history.operations().filter(|op| op.call >= start && op.invocation.f == "read") {
        let Some((ret, completion)) = op.completion.filter(|(_, e)| e.event_type == EventType::Ok) else {
            continue;
        };
        let key = key_of(&completion.value.to_value());
        // Answered writes of the key that were over before the read began, the latest two with one
        // wholly before the other.
        let same = |e: &Event| e.event_type == EventType::Ok && e.f == "write" && key_of(&e.value) == key;
        let recent = op.call.saturating_sub(20_000);
        let Some(last) = (recent..op.call).rev().find(|&at| same(&events[at])) else { continue };
        let begun = history.partner(last).unwrap();
        let Some(stale) = (recent..begun).rev().find(|&at| same(&events[at])) else { continue };
        let value = inner(&events[stale].value);
        events[ret].value = match key {
            Some(key) => Value::pair(key, value),
            None => value,
        };
        return (History::new(events).unwrap(), op.call);
    }
    panic!("no read to spoil");
}
