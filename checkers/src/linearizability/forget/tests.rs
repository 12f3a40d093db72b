//! The search forgets at the slightest occasion in unit tests, and is held against a sweep of the whole.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::checker::Budget;
use crate::linearizability::{Answer, check_operations, fails_from};
use crate::model::{Call, Calls, Model};
use crate::models::{QueueInput, QueueOutput, Stack};
use crate::value::Value;

/// How often a sweep caught up.
pub(super) static CAUGHT_UP: AtomicUsize = AtomicUsize::new(0);

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// A stack of few different values used by a few clients; some pops are told of what is not on top, and some operations
/// are never answered.
fn calls(seed: u64) -> Calls<Stack> {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x57ac);
    let clients = 2 + random.below(3) as usize;
    let different = if random.below(3) == 0 { 1_000_000 } else { 1 + random.below(4) };
    let lost = random.below(3) * 2;
    let mut lie = random.below(2) * (60 + random.below(60));
    let mut stack: Vec<Value> = Vec::new();
    let mut calls: Calls<Stack> = Vec::new();
    let mut doing: Vec<Option<(usize, bool)>> = vec![None; clients];
    for position in 0..200 {
        let client = random.below(clients as u64) as usize;
        match doing[client] {
            None => {
                let input = match random.below(2) {
                    0 => QueueInput::Enqueue(Value::Int(random.below(different) as i64)),
                    _ => QueueInput::Dequeue,
                };
                calls.push(Call { call: position, ret: None, input, output: None });
                doing[client] = Some((calls.len() - 1, false));
            }
            Some((at, false)) => {
                calls[at].output = Some(match &calls[at].input {
                    QueueInput::Enqueue(value) => {
                        stack.push(value.clone());
                        QueueOutput::Done
                    }
                    QueueInput::Dequeue if lie > 0 && position as u64 > lie => {
                        lie = 0;
                        QueueOutput::Value(Value::Int(random.below(different) as i64))
                    }
                    _ => stack.pop().map_or(QueueOutput::Empty, QueueOutput::Value),
                });
                doing[client] = Some((at, true));
            }
            Some((at, true)) => {
                if random.below(100) < lost {
                    calls[at].output = None;
                } else {
                    calls[at].ret = Some(position);
                }
                doing[client] = None;
            }
        }
    }
    // Nobody was told of what was not answered.
    for call in &mut calls {
        if call.ret.is_none() {
            call.output = None;
        }
    }
    calls
}

#[test]
fn what_is_forgotten_was_not_needed() {
    let cases = if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { 20_000 } else { 2_000 };
    let mut tally = [0; 2];
    for seed in 0..cases {
        let calls = calls(seed);
        let slow = fails_from(&Stack, &calls, &[Stack.initial()], 100_000);
        let fails = match check_operations(&Stack, calls, &Budget::default()) {
            Answer::Linearizable => false,
            Answer::NotLinearizable(refutation) => {
                let states = &refutation.window_start_states;
                if !refutation.window.is_empty() {
                    assert_eq!(
                        fails_from(&Stack, &refutation.window, states, u64::MAX),
                        Some(true),
                        "{seed}"
                    );
                }
                true
            }
            Answer::Unknown { .. } => continue,
        };
        if let Some(slow) = slow {
            assert_eq!(fails, slow, "seed {seed}");
            tally[usize::from(slow)] += 1;
        }
    }
    assert!(tally.iter().all(|&count| count > cases / 10), "{tally:?}");
    assert!(CAUGHT_UP.load(Ordering::Relaxed) > cases as usize / 20, "{CAUGHT_UP:?}");
}
