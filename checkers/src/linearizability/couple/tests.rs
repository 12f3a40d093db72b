//! The search takes the shorter way at the slightest occasion in unit tests, and is held against one that cannot.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::checker::{Budget, Checker};
use crate::evidence::Evidence;
use crate::linearizability::{Answer, Linearizability, check_operations, fails_from};
use crate::model::Model;
use crate::models::CasRegister;
use crate::value::Value;
use crate::verdict::Verdict;
use crate::{Event, EventType, History, Process};

/// How often two sweeps met.
pub(in crate::linearizability) static MET: AtomicUsize = AtomicUsize::new(0);

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// A register used by a few clients, in which some reads are sometimes told an old value. New values are mostly new.
pub(in crate::linearizability) fn history(seed: u64, moments: u64) -> History {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed);
    let clients = 2 + random.below(3);
    let moments = moments / 5 + random.below(moments - moments / 5);
    let repeats = random.below(3) * 5;
    let dies = random.below(4) == 0;
    let mut lie = random.below(2) * (moments / 2 + random.below(moments / 2));
    let mut doing: Vec<Option<(&'static str, Value, bool, Value)>> = vec![None; clients as usize];
    let mut register = Value::Nil;
    let mut old = vec![Value::Nil];
    let mut fresh = 100;
    let mut events = Vec::new();
    for time in 0..moments {
        let client = random.below(clients);
        let who = Process::client(client).unwrap();
        match doing[client as usize].take() {
            None => {
                fresh += 1;
                let value = Value::Int(if random.below(100) < repeats { 1 } else { fresh });
                let (f, argument) = match random.below(10) {
                    0..=4 => ("read", Value::Nil),
                    5..=8 => ("write", value),
                    _ => ("cas", Value::pair(register.clone(), value)),
                };
                events.push(Event::new(time, who, EventType::Invoke, f, argument.clone()));
                doing[client as usize] = Some((f, argument, false, Value::Nil));
            }
            Some((f, argument, false, _)) => {
                let mut answer = argument.clone();
                let mut done = true;
                match (f, argument.as_pair()) {
                    ("write", _) => register = argument.clone(),
                    ("cas", Some((from, to))) if *from == register => register = to.clone(),
                    ("cas", _) => done = false,
                    _ if lie > 0 && time >= lie => {
                        lie = 0;
                        answer = old[old.len() - 1 - random.below(old.len().min(4) as u64) as usize].clone();
                    }
                    _ => answer = register.clone(),
                }
                if old.last() != Some(&register) {
                    old.push(register.clone());
                }
                if f == "write" && dies && random.below(12) == 0 {
                    events.push(Event::new(time, who, EventType::Info, f, argument));
                } else if done {
                    doing[client as usize] = Some((f, argument, true, answer));
                } else {
                    events.push(Event::new(time, who, EventType::Fail, f, argument));
                }
            }
            Some((f, _, true, answer)) => events.push(Event::new(time, who, EventType::Ok, f, answer)),
        }
    }
    // Whoever died asks no more.
    let mut dead = BTreeSet::new();
    events.retain(|event| {
        let alive = !dead.contains(&event.process.number());
        if event.event_type == EventType::Info {
            dead.insert(event.process.number());
        }
        alive
    });
    History::new(events).unwrap()
}

#[test]
fn the_shorter_way_leads_to_the_same_place() {
    let cases = if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { 200_000 } else { 5_000 };
    let mut tally = [0; 2];
    for seed in 0..cases {
        let history = history(seed, 200);
        let model = CasRegister::default();
        let checker = Linearizability::new(model).general_only();
        let judgement = checker.check(&history, &Budget::default());
        let objects = checker.objects(&history).unwrap();
        let Some(object) = objects.into_iter().next() else { continue };
        let slow = fails_from(&model, &object.calls, &[model.initial()], u64::MAX).unwrap();
        match judgement.verdict {
            Verdict::Valid => assert!(!slow, "seed {seed}"),
            Verdict::Invalid => assert!(slow, "seed {seed}"),
            Verdict::Unknown => continue,
        }
        tally[usize::from(slow)] += 1;
        if !slow {
            continue;
        }
        // That model knows of no conceivable states, so this is explained from the beginning.
        let Answer::NotLinearizable(refutation) = check_operations(&model, object.calls, &Budget::default())
        else {
            panic!("seed {seed}")
        };
        let Some(Evidence::Linearizability(evidence)) = judgement.evidence.first() else {
            panic!("seed {seed}: {judgement:?}")
        };
        let texts = |states: &[Value]| -> BTreeSet<String> {
            states.iter().map(|state| model.describe_state(state)).collect()
        };
        assert_eq!(evidence.blocked, refutation.blocked, "seed {seed}");
        let found: BTreeSet<String> = evidence.final_states.iter().cloned().collect();
        assert_eq!(found, texts(&refutation.final_states), "seed {seed}");
        let starts: BTreeSet<String> = evidence.window_start_states.iter().cloned().collect();
        assert_eq!(starts, texts(&refutation.window_start_states), "seed {seed}");
        let calls = |window: Vec<usize>| window.into_iter().collect::<BTreeSet<usize>>();
        assert_eq!(
            calls(evidence.window.iter().map(|quoted| quoted.call).collect()),
            calls(refutation.window.iter().map(|call| call.call).collect()),
            "seed {seed}"
        );
    }
    assert!(tally.iter().all(|&count| count > cases / 8), "{tally:?}");
    assert!(MET.load(Ordering::Relaxed) > cases as usize / 20, "{MET:?}");
}
