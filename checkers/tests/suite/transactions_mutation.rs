//! One wrong answer in a large history that is otherwise right: found, and named.

use std::collections::BTreeMap;

use checkers::transactions::{ListAppend, RwRegister};
use checkers::{Budget, Checker, Event, EventType, History, Judgement, Process, Value, Verdict};

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }
}

/// Events of a database that executes each transaction at one instant, by ten clients. A key is left alone
/// after thirty writes.
fn simulate(random: &mut Random, txns: usize, lists: bool) -> Vec<Event> {
    let mut events = Vec::new();
    let mut held: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    let mut doing: Vec<Option<(Value, Option<Value>)>> = vec![None; 10];
    let (mut begun, mut writes) = (0, 0);
    while begun < txns || doing.iter().any(Option::is_some) {
        let client = random.below(10);
        let process = Process::client(client as u64).unwrap();
        let time = events.len() as u64 * 1000;
        match doing[client].take() {
            None if begun == txns => {}
            None => {
                let mops: Vec<Value> = (0..1 + random.below(4))
                    .map(|_| {
                        let key = Value::Int(writes / 90 * 3 + random.below(3) as i64);
                        if random.below(2) == 0 {
                            return Value::list(["r".into(), key, Value::Nil]);
                        }
                        writes += 1;
                        Value::list([if lists { "append" } else { "w" }.into(), key, Value::Int(writes)])
                    })
                    .collect();
                begun += 1;
                let mops = Value::list(mops);
                events.push(Event::new(time, process, EventType::Invoke, "txn", mops.clone()));
                doing[client] = Some((mops, None));
            }
            Some((mops, None)) => {
                let answers = mops.as_list().unwrap().iter().map(|mop| {
                    let mop = mop.as_list().unwrap();
                    let state = held.entry(mop[1].as_int().unwrap()).or_default();
                    if mop[0].as_str() == Some("r") {
                        let answer = if lists {
                            Value::list(state.clone())
                        } else {
                            state.last().cloned().unwrap_or_default()
                        };
                        return Value::list([mop[0].clone(), mop[1].clone(), answer]);
                    }
                    state.push(mop[2].clone());
                    Value::list(mop.to_vec())
                });
                let answers = Value::list(answers.collect::<Vec<_>>());
                doing[client] = Some((mops, Some(answers)));
            }
            Some((_, Some(answers))) => events.push(Event::new(time, process, EventType::Ok, "txn", answers)),
        }
    }
    events
}

/// Replaces the answer of one read, which `spoil` picks and changes; the position of its invocation.
fn spoil(events: &mut [Event], from: usize, spoil: impl Fn(&Value) -> Option<Value>) -> Option<usize> {
    for at in from..events.len() {
        if events[at].event_type != EventType::Ok {
            continue;
        }
        let mut mops = events[at].value.as_list().unwrap().to_vec();
        // One that reads and does nothing else, so that it is the answer alone that is wrong.
        let [mop] = &mut mops[..] else { continue };
        let parts = mop.as_list().unwrap().to_vec();
        if parts[0].as_str() != Some("r") {
            continue;
        }
        let Some(wrong) = spoil(&parts[2]) else { continue };
        *mop = Value::list([parts[0].clone(), parts[1].clone(), wrong]);
        events[at].value = Value::list(mops);
        let process = events[at].process;
        return (0..at).rev().find(|before| events[*before].process == process);
    }
    None
}

fn names(judgement: &Judgement, call: usize) -> bool {
    judgement.evidence.iter().any(|evidence| evidence.positions().contains(&call))
}

#[test]
fn a_wrong_answer_in_a_large_history_of_lists_is_found_and_named() {
    type Spoil = fn(&Value) -> Option<Value>;
    let ways: [(&str, Spoil); 5] = [
        ("nothing read", |list| list.as_list().filter(|list| list.len() >= 15).map(|_| Value::list([]))),
        ("old state read", |list| {
            list.as_list().filter(|list| list.len() >= 20).map(|list| Value::list(list[..4].to_vec()))
        }),
        ("two elements exchanged", |list| {
            let mut list = list.as_list().filter(|list| list.len() >= 8)?.to_vec();
            list.swap(2, 5);
            Some(Value::list(list))
        }),
        ("an element that nobody appended", |list| {
            let mut list = list.as_list().filter(|list| list.len() >= 8)?.to_vec();
            list[3] = Value::Int(1 << 40);
            Some(Value::list(list))
        }),
        ("an element twice", |list| {
            let mut list = list.as_list().filter(|list| list.len() >= 8)?.to_vec();
            list.push(list[7].clone());
            Some(Value::list(list))
        }),
    ];
    let mut random = Random(3);
    for round in 0..10 {
        let events = simulate(&mut random, 3000, true);
        let check = |events: &[Event]| {
            ListAppend::default().check(&History::new(events.iter().cloned()).unwrap(), &Budget::default())
        };
        let judgement = check(&events);
        assert_eq!(judgement.verdict, Verdict::Valid, "round {round}: {}", judgement.reason);
        for (what, way) in ways {
            let mut events = events.clone();
            let call = spoil(&mut events, 500 + random.below(3000), way).unwrap();
            let judgement = check(&events);
            assert_eq!(judgement.verdict, Verdict::Invalid, "round {round}, {what}");
            assert!(
                names(&judgement, call),
                "round {round}, {what}: {call} is not in {:?}",
                judgement.evidence
            );
        }
    }
}

#[test]
fn a_wrong_answer_in_a_large_history_of_registers_is_found_and_named() {
    let mut random = Random(4);
    for round in 0..10 {
        let events = simulate(&mut random, 3000, false);
        let check = |events: &[Event]| {
            let checker = RwRegister { wfr_keys: true, linearizable_keys: true, ..RwRegister::default() };
            checker.check(&History::new(events.iter().cloned()).unwrap(), &Budget::default())
        };
        let judgement = check(&events);
        assert_eq!(judgement.verdict, Verdict::Valid, "round {round}: {}", judgement.reason);
        type Spoil = fn(&Value) -> Option<Value>;
        let ways: [(&str, Spoil); 2] = [
            ("nobody wrote it", |held| held.as_int().map(|_| Value::Int(1 << 40))),
            ("as it was before all", |held| held.as_int().filter(|n| n % 90 > 40).map(|_| Value::Nil)),
        ];
        for (what, way) in ways {
            let mut events = events.clone();
            let call = spoil(&mut events, 500 + random.below(3000), way).unwrap();
            let judgement = check(&events);
            assert_eq!(judgement.verdict, Verdict::Invalid, "round {round}, {what}");
            let told = names(&judgement, call) || what != "nobody wrote it";
            assert!(told, "round {round}, {what}: {call} is not in {:?}", judgement.evidence);
        }
    }
}
