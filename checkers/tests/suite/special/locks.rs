//! Mutexes and fenced locks.

use checkers::linearizability::special::fenced_lock::{self, FencedLockOp};
use checkers::linearizability::special::mutex::{self, MutexOp};

use super::{Object, Op, Tally, cases, possible, simulate, tighten};
use crate::simulate::Random;

/// Process, whether it acquires, and the token that it got.
type Asked = (u32, bool, Option<i64>);

#[derive(Default)]
struct Lock {
    held: bool,
    token: i64,
    /// Processes that acquired and were told so, or asked to release and were not.
    inside: Vec<usize>,
    broken: u64,
}

impl Object for Lock {
    type Op = Asked;

    fn ask(&mut self, random: &mut Random, process: usize) -> Asked {
        let inside = self.inside.iter().position(|other| *other == process);
        let releases = if random.percent(self.broken) { random.percent(50) } else { inside.is_some() };
        if let Some(at) = inside.filter(|_| releases) {
            self.inside.swap_remove(at);
        }
        (process as u32, !releases, None)
    }

    fn act(&mut self, op: &mut Asked, process: usize) -> bool {
        if op.1 {
            if self.held {
                return false;
            }
            self.token += 1 + self.token % 2;
            op.2 = Some(self.token);
            self.inside.push(process);
        }
        self.held = op.1;
        true
    }
}

fn history(seed: u64, broken: u64) -> Vec<Op<Asked>> {
    let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let mut ops = simulate(&mut Lock { broken, ..Lock::default() }, &mut random, 10, 8);
    let times = random.below(8);
    tighten(&mut ops, &mut random, times);
    // An operation that was waiting for ever is answered all the same.
    if random.percent(25) {
        let end = ops.len() as u32 * 2;
        let waiting: Vec<usize> = (0..ops.len()).filter(|&at| !ops[at].0.answered()).collect();
        if let Some(&at) = waiting.get(random.below(3) as usize) {
            ops[at].0.ret = end;
            if ops[at].1.1 {
                ops[at].1.2 = Some(1 + random.below(6) as i64);
            }
        }
    }
    ops
}

#[test]
fn mutexes_agree_with_brute_force() {
    let mut tally = Tally::default();
    for seed in 0..cases() {
        let ops = history(seed, if seed % 4 == 0 { 10 } else { 0 });
        let typed: Vec<MutexOp> =
            ops.iter().map(|&(span, (process, acquires, _))| MutexOp { span, process, acquires }).collect();
        // Anybody may release.
        let truth = possible(false, &ops, |held, (_, acquires, _)| (held != acquires).then_some(*acquires));
        tally.compare(&mutex::check(&typed), truth, &ops);
    }
    tally.is_balanced();
    assert!(tally.not_mine < cases() / 5);
}

#[test]
fn fenced_locks_agree_with_brute_force() {
    let mut tally = Tally::default();
    for seed in 0..cases() {
        let ops = history(seed, if seed % 4 == 0 { 10 } else { 0 });
        let typed: Vec<FencedLockOp> = ops
            .iter()
            .map(|&(span, (process, acquires, token))| FencedLockOp {
                op: MutexOp { span, process, acquires },
                token: token.unwrap_or_default(),
            })
            .collect();
        let answered: Vec<bool> = ops.iter().map(|op| op.0.answered()).collect();
        let numbered: Vec<_> =
            ops.iter().zip(answered).map(|((span, op), sure)| (*span, (*op, sure))).collect();
        let truth = possible((false, 0), &numbered, |(held, last), ((_, acquires, token), sure)| {
            let token = if *sure { *token } else { None };
            let grows = !acquires || token.is_none_or(|token| token > *last);
            (held != acquires && grows).then(|| (*acquires, token.unwrap_or(*last)))
        });
        tally.compare(&fenced_lock::check(&typed), truth, &ops);
    }
    tally.is_balanced();
}
