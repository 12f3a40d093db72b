//! Queues, ordered and not, of unique elements.

use std::collections::VecDeque;

use checkers::linearizability::special::fifo_queue::{QueueAct, QueueOp};
use checkers::linearizability::special::{Special, check_bag, fifo_queue};

use super::{Object, Op, Tally, cases, possible, simulate, tighten};
use crate::simulate::Random;

struct Queue {
    holds: VecDeque<u64>,
    unique: u64,
    ordered: bool,
    any: Random,
}

type Asked = (QueueAct, u64);

impl Object for Queue {
    type Op = Asked;

    fn ask(&mut self, random: &mut Random, _process: usize) -> Asked {
        if random.percent(50) {
            self.unique += 1;
            return (QueueAct::Enqueue, self.unique);
        }
        (QueueAct::Unknown, 0)
    }

    fn act(&mut self, op: &mut Asked, _process: usize) -> bool {
        if op.0 == QueueAct::Enqueue {
            self.holds.push_back(op.1);
            return true;
        }
        let at = if self.ordered || self.holds.is_empty() {
            0
        } else {
            self.any.below(self.holds.len() as u64) as usize
        };
        *op = self.holds.remove(at).map_or((QueueAct::Empty, 0), |element| (QueueAct::Dequeue, element));
        true
    }

    fn lost(&mut self, op: &mut Asked) {
        if op.0 != QueueAct::Enqueue {
            *op = (QueueAct::Unknown, 0);
        }
    }
}

fn step(ordered: bool, state: &[u64], (act, element): &Asked) -> Vec<Vec<u64>> {
    let without = |at: usize| {
        let mut rest = state.to_vec();
        rest.remove(at);
        rest
    };
    match act {
        QueueAct::Enqueue => vec![[state, &[*element]].concat()],
        QueueAct::Empty => state.is_empty().then(Vec::new).into_iter().collect(),
        QueueAct::Dequeue => {
            let at = state.iter().position(|other| other == element);
            at.filter(|at| !ordered || *at == 0).map(without).into_iter().collect()
        }
        QueueAct::Unknown if ordered => state.first().map(|_| without(0)).into_iter().collect(),
        QueueAct::Unknown => (0..state.len()).map(without).collect(),
    }
}

/// As `possible`, for steps with a choice: each choice is an operation of its own.
fn truth(ordered: bool, ops: &[Op<Asked>]) -> bool {
    if ordered {
        return possible(Vec::new(), ops, |state: &Vec<u64>, op| step(true, state, op).pop());
    }
    // Without order, an unanswered dequeue is told what it took: all assignments are tried.
    let unknown: Vec<usize> = (0..ops.len()).filter(|&at| ops[at].1.0 == QueueAct::Unknown).collect();
    let elements: Vec<u64> =
        ops.iter().filter(|op| op.1.0 == QueueAct::Enqueue).map(|op| op.1.1).chain([0]).collect();
    (0..elements.len().pow(unknown.len() as u32)).any(|mut choice| {
        let mut told = ops.to_vec();
        for &at in &unknown {
            told[at].1 = (QueueAct::Dequeue, elements[choice % elements.len()]);
            choice /= elements.len();
        }
        possible(Vec::new(), &told, |state: &Vec<u64>, op| step(false, state, op).pop())
    })
}

fn history(seed: u64, ordered: bool, lost: u64) -> Vec<Op<Asked>> {
    let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let any = Random(seed);
    // What is simulated without order is often wrong for a queue.
    let mut queue = Queue { holds: VecDeque::new(), unique: 0, ordered: ordered && seed % 4 != 0, any };
    let mut ops = simulate(&mut queue, &mut random, 9, lost);
    let times = random.below(8);
    tighten(&mut ops, &mut random, times);
    if random.percent(15) {
        let at = random.below(ops.len() as u64) as usize;
        if ops[at].1.0 != QueueAct::Enqueue && ops[at].0.answered() {
            ops[at].1 = match random.below(4) {
                0 => (QueueAct::Empty, 0),
                _ => (QueueAct::Dequeue, 1 + random.below(5)),
            };
        }
    }
    if random.percent(5) {
        let at = random.below(ops.len() as u64) as usize;
        if ops[at].1.0 == QueueAct::Enqueue {
            ops[at].1.1 = 1;
        }
    }
    ops
}

fn agree(ordered: bool, lost: u64) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..cases() {
        let ops = history(seed, ordered, lost);
        let typed: Vec<QueueOp> =
            ops.iter().map(|&(span, (act, element))| QueueOp { span, act, element }).collect();
        let answer = if ordered { fifo_queue::check(&typed) } else { check_bag(&typed) };
        tally.compare(&answer, truth(ordered, &ops), &ops);
    }
    tally.is_balanced();
    tally
}

#[test]
fn answered_queues_agree_with_brute_force() {
    let tally = agree(true, 0);
    assert!(tally.not_mine < cases() / 20, "{tally:?}");
}

#[test]
fn queues_agree_with_brute_force() {
    let tally = agree(true, 10);
    assert!(tally.not_mine < cases() / 10, "{tally:?}");
}

#[test]
fn unordered_queues_agree_with_brute_force() {
    let tally = agree(false, 8);
    assert!(tally.not_mine < cases() / 10, "{tally:?}");
}

#[test]
fn an_element_that_is_passed_over_is_named() {
    let op = |call, act, element| QueueOp {
        span: checkers::linearizability::special::Span { call, ret: call + 1 },
        act,
        element,
    };
    let ops = [op(0, QueueAct::Enqueue, 7), op(2, QueueAct::Enqueue, 8), op(4, QueueAct::Dequeue, 8)];
    let Special::Invalid(found) = fifo_queue::check(&ops) else { panic!() };
    assert_eq!(
        found.finding.write(|at| format!("#{at}")),
        "#4 passed over the element of #0, which was put in earlier and never taken out"
    );
}
