//! Registers with unique values, with cas, failed cas, and no answers.

use checkers::linearizability::special::register::{Act, INITIAL, RegisterOp, check, explain};
use checkers::linearizability::special::{Span, Special};

use super::{Object, Op, Tally, cases, possible, simulate, tighten};
use crate::simulate::Random;

#[derive(Clone, Copy)]
struct Register {
    holds: u64,
    unique: u64,
    cas: bool,
    failed: bool,
    /// 0: values are unique.
    values: u64,
}

type Asked = (Act, u64, u64);

impl Register {
    fn fresh(&mut self, random: &mut Random) -> u64 {
        self.unique += 1;
        if self.values == 0 { self.unique } else { random.below(self.values) }
    }
}

impl Object for Register {
    type Op = Asked;

    fn ask(&mut self, random: &mut Random, _process: usize) -> Asked {
        match random.below(if self.cas { 12 } else { 8 }) {
            0..=4 => (Act::Read, 0, 0),
            5..=7 => (Act::Write, self.fresh(random), 0),
            _ => {
                let from = if random.percent(75) { self.holds } else { random.below(self.unique + 1) };
                (Act::Cas, self.fresh(random), from)
            }
        }
    }

    fn act(&mut self, (act, value, from): &mut Asked, _process: usize) -> bool {
        match act {
            Act::Read => *value = self.holds,
            Act::Write => self.holds = *value,
            Act::Cas if self.holds == *from => self.holds = *value,
            _ => *act = Act::FailedCas,
        }
        true
    }

    fn lost(&mut self, (act, ..): &mut Asked) {
        if *act == Act::FailedCas {
            *act = Act::Cas;
        }
    }
}

fn history(random: &mut Random, register: Register, most: u64) -> Vec<Op<Asked>> {
    let mut ops = simulate(&mut { register }, random, most, 12);
    if !register.failed {
        ops.retain(|(_, (act, ..))| *act != Act::FailedCas);
    }
    ops.retain(|(span, (act, ..))| span.answered() || *act != Act::Read);
    if ops.is_empty() {
        return ops;
    }
    let times = random.below(6);
    tighten(&mut ops, random, times);
    if random.percent(30) {
        let at = random.below(ops.len() as u64) as usize;
        let other = random.below(ops.len() as u64 + 1);
        if ops[at].1.0 == Act::Read {
            ops[at].1.1 = other;
        }
    }
    ops
}

fn typed(ops: &[Op<Asked>]) -> Vec<RegisterOp> {
    ops.iter().map(|&(span, (act, value, from))| RegisterOp { span, act, value, from }).collect()
}

fn step(state: &u64, (act, value, from): &Asked) -> Option<u64> {
    match act {
        Act::Read => (state == value).then_some(*state),
        Act::Write => Some(*value),
        Act::Cas => (state == from).then_some(*value),
        Act::FailedCas => (state != from).then_some(*state),
    }
}

fn agree(register: Register, most: u64) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..cases() {
        let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let ops = history(&mut random, register, most);
        let truth = possible(INITIAL, &ops, step);
        let typed = typed(&ops);
        let answer = check(&typed);
        tally.compare(&answer, truth, &ops);
        if answer == Special::Valid {
            is_an_order(&typed, &explain(&typed).unwrap());
        }
    }
    tally.is_balanced();
    tally
}

/// Everything that was answered, but failed cas, stands in the order; it keeps real time, and each
/// operation is possible where it stands.
fn is_an_order(ops: &[RegisterOp], order: &[u32]) {
    let placed: Vec<&RegisterOp> = order.iter().map(|&at| &ops[at as usize]).collect();
    let mut state = INITIAL;
    for (at, op) in placed.iter().enumerate() {
        state = step(&state, &(op.act, op.value, op.from)).expect("each is possible");
        let overtaken = placed[at..].iter().find(|later| later.span.precedes(op.span));
        assert_eq!(overtaken, None);
    }
    for op in ops.iter().filter(|op| op.span.answered() && op.act != Act::FailedCas) {
        assert!(placed.iter().any(|placed| placed.span == op.span));
    }
}

const UNIQUE: Register = Register { holds: INITIAL, unique: 0, cas: false, failed: false, values: 0 };

#[test]
fn reads_and_writes_agree_with_brute_force() {
    let tally = agree(UNIQUE, 9);
    assert_eq!(tally.not_mine, 0);
}

#[test]
fn cas_agrees_with_brute_force() {
    let tally = agree(Register { cas: true, ..UNIQUE }, 10);
    assert_eq!(tally.not_mine, 0);
}

#[test]
fn failed_cas_that_tell_agree_with_brute_force() {
    let tally = agree(Register { cas: true, failed: true, ..UNIQUE }, 10);
    println!("{tally:?}");
    assert!(tally.not_mine < cases() / 50, "too much is left undecided: {tally:?}");
}

#[test]
fn repeated_values_are_not_accepted() {
    let mut tally = Tally::default();
    for seed in 0..cases() {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let register = Register { cas: true, failed: seed % 2 == 0, values: 4, ..UNIQUE };
        let ops = history(&mut random, register, 10);
        let truth = possible(INITIAL, &ops, step);
        tally.compare(&check(&typed(&ops)), truth, &ops);
    }
    assert!(tally.not_mine > cases() / 4 && tally.valid > 0 && tally.invalid > 0, "{tally:?}");
}

#[test]
fn the_argument_is_the_one_that_a_person_would_give() {
    let op = |call, ret, act, value| RegisterOp { span: Span { call, ret }, act, value, from: 0 };
    let stale =
        [op(0, 1, Act::Write, 5), op(2, 3, Act::Write, 6), op(4, 5, Act::Read, 6), op(6, 7, Act::Read, 5)];
    let Special::Invalid(found) = check(&stale) else { panic!() };
    let told =
        |sentence: &checkers::linearizability::special::Sentence| sentence.write(|at| format!("#{at}"));
    let steps: Vec<String> = found.steps.iter().map(told).collect();
    assert_eq!(
        told(&found.finding),
        "#6 cannot be explained: the value that it found had been replaced before it was invoked"
    );
    assert_eq!(
        steps,
        [
            "the register held once, for one stretch of time, the value that only #0 leaves: \
             it began before #0 returned, and ended after #6 was invoked",
            "the register held once, for one stretch of time, the value that only #2 leaves: \
             it began before #2 returned, and ended after #4 was invoked",
            "#0 had returned before #4 was invoked, so what is said first came before the other",
            "and #2 had returned before #6 was invoked, so the other had replaced it by then, for good",
        ]
    );
    assert_eq!(found.operations, [0, 2, 4, 6]);
}
