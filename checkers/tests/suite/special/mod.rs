//! The near-linear checkers against a brute force, on small histories that are valid by construction
//! and then spoiled a little.

use std::collections::HashSet;
use std::fmt::Debug;
use std::hash::Hash;

use checkers::linearizability::special::{Contradiction, NEVER, Span, Special};

use crate::simulate::Random;

mod counters;
mod locks;
mod queues;
mod registers;
mod sets;

/// How many cases a comparison has.
pub fn cases() -> u64 {
    if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { 100_000 } else { 5_000 }
}

/// An operation of a small history.
pub type Op<O> = (Span, O);

/// Whether some order of the answered operations and some of the others is possible.
pub fn possible<S: Clone + Eq + Hash, O>(
    initial: S,
    ops: &[Op<O>],
    step: impl Fn(&S, &O) -> Option<S>,
) -> bool {
    let must: u32 = ops.iter().enumerate().filter(|(_, op)| op.0.answered()).map(|(at, _)| 1 << at).sum();
    let mut seen: HashSet<(u32, S)> = HashSet::new();
    let mut open = vec![(0_u32, initial)];
    while let Some((done, state)) = open.pop() {
        if done & must == must {
            return true;
        }
        if !seen.insert((done, state.clone())) {
            continue;
        }
        for (at, (span, op)) in ops.iter().enumerate().filter(|(at, _)| done >> at & 1 == 0) {
            let overtakes =
                ops.iter().enumerate().any(|(o, other)| done >> o & 1 == 0 && other.0.precedes(*span));
            if at < 32
                && !overtakes
                && let Some(after) = step(&state, op)
            {
                open.push((done | 1 << at, after));
            }
        }
    }
    false
}

/// What a simulated object does.
pub trait Object {
    type Op: Clone + Debug;
    /// What a process asks for next.
    fn ask(&mut self, random: &mut Random, process: usize) -> Self::Op;
    /// Takes effect, and answers. False if it cannot yet.
    fn act(&mut self, op: &mut Self::Op, process: usize) -> bool;
    /// The answer never came.
    fn lost(&mut self, _op: &mut Self::Op) {}
}

/// Up to `most` operations by up to four processes, in the order of their invocations.
pub fn simulate<T: Object>(object: &mut T, random: &mut Random, most: u64, lost: u64) -> Vec<Op<T::Op>> {
    let count = 1 + random.below(most) as usize;
    let mut ops: Vec<Op<T::Op>> = Vec::new();
    let mut free: Vec<usize> = (0..1 + random.below(4) as usize).collect();
    let mut next_process = free.len();
    // Operation, process, whether it has acted.
    let mut running: Vec<(usize, usize, bool)> = Vec::new();
    let mut now = 0;
    let mut idle = 0;
    while idle < 100 && (ops.len() < count || !running.is_empty()) {
        idle += 1;
        let begins = ops.len() < count && !free.is_empty() && (running.is_empty() || random.percent(45));
        if begins {
            let process = free.swap_remove(random.below(free.len() as u64) as usize);
            running.push((ops.len(), process, false));
            ops.push((Span { call: now, ret: NEVER }, object.ask(random, process)));
            (now, idle) = (now + 1, 0);
        } else if !running.is_empty() {
            let at = random.below(running.len() as u64) as usize;
            let (op, process, acted) = running[at];
            if !acted && random.percent(lost) {
                if random.percent(50) {
                    object.act(&mut ops[op].1, process);
                }
                object.lost(&mut ops[op].1);
                running.swap_remove(at);
                free.push(next_process);
                next_process += 1;
            } else if !acted {
                running[at].2 = object.act(&mut ops[op].1, process);
                idle = if running[at].2 { 0 } else { idle };
            } else {
                ops[op].0.ret = now;
                (now, idle) = (now + 1, 0);
                running.swap_remove(at);
                free.push(process);
            }
        }
    }
    for (op, _, _) in running {
        object.lost(&mut ops[op].1);
    }
    ops
}

/// Makes some operations shorter: where an invocation stands just before a return, they change places.
pub fn tighten<O>(ops: &mut [Op<O>], random: &mut Random, times: u64) {
    for _ in 0..times {
        let at = random.below(ops.len() as u64 * 2) as u32;
        let call = ops.iter().position(|op| op.0.call == at);
        let ret = ops.iter().position(|op| op.0.ret == at + 1);
        if let (Some(call), Some(ret)) = (call, ret)
            && call != ret
        {
            ops[call].0.call += 1;
            ops[ret].0.ret -= 1;
        }
    }
    ops.sort_by_key(|op| op.0.call);
}

/// How often each answer was right.
#[derive(Debug, Default)]
pub struct Tally {
    pub valid: u64,
    pub invalid: u64,
    pub not_mine: u64,
}

impl Tally {
    /// Compares one answer with the truth.
    pub fn compare<O: Debug>(&mut self, answer: &Special, truth: bool, ops: &[Op<O>]) {
        match answer {
            Special::Valid => {
                assert!(truth, "valid, but there is no order:\n{}", lines(ops));
                self.valid += 1;
            }
            Special::Invalid(found) => {
                assert!(!truth, "invalid, but there is an order:\n{found:#?}\n{}", lines(ops));
                reads_well(found, ops);
                self.invalid += 1;
            }
            Special::NotMine(_) => self.not_mine += 1,
        }
    }

    /// Both answers were frequent.
    pub fn is_balanced(&self) {
        let all = self.valid + self.invalid + self.not_mine;
        println!("{self:?}");
        assert!(self.valid > all / 10 && self.invalid > all / 20, "{self:?}");
    }
}

/// The evidence names operations of the history, few of them.
fn reads_well<O: Debug>(found: &Contradiction, ops: &[Op<O>]) {
    assert!(!found.operations.is_empty(), "{}", lines(ops));
    for call in &found.operations {
        assert!(ops.iter().any(|op| op.0.call == *call), "{call}: {found:?}\n{}", lines(ops));
    }
    assert!(found.operations.len() <= 12);
}

fn lines<O: Debug>(ops: &[Op<O>]) -> String {
    ops.iter().map(|(span, op)| format!("{:>3} {:>10} {op:?}\n", span.call, span.ret as i32)).collect()
}
