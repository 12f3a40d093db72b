//! Counters that answer, and counters that do not.

use checkers::linearizability::special::counter::{self, Counter};
use checkers::linearizability::special::fetch_and_add::{self, FetchAndAdd};

use super::{Object, Op, Tally, cases, possible, simulate, tighten};
use crate::simulate::Random;

/// Whether it reads, and what it was told.
type Asked = (bool, Option<i64>);

struct Counting {
    count: i64,
    by: i64,
    answers: bool,
}

impl Object for Counting {
    type Op = Asked;

    fn ask(&mut self, random: &mut Random, _process: usize) -> Asked {
        (random.percent(45), None)
    }

    fn act(&mut self, op: &mut Asked, _process: usize) -> bool {
        self.count += if op.0 { 0 } else { self.by };
        op.1 = (op.0 || self.answers).then_some(self.count);
        true
    }

    fn lost(&mut self, op: &mut Asked) {
        op.1 = None;
    }
}

fn history(seed: u64, by: i64, answers: bool) -> Vec<Op<Asked>> {
    let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let mut ops = simulate(&mut Counting { count: 0, by, answers }, &mut random, 10, 8);
    ops.retain(|(span, (reads, _))| span.answered() || !reads);
    if ops.is_empty() {
        return ops;
    }
    let times = random.below(8);
    tighten(&mut ops, &mut random, times);
    if random.percent(25) {
        let at = random.below(ops.len() as u64) as usize;
        let change = [by, -by, 2 * by, 1][random.below(4) as usize];
        ops[at].1.1 = ops[at].1.1.map(|value| value + change);
    }
    ops
}

fn agree(by: i64, answers: bool) {
    let mut tally = Tally::default();
    for seed in 0..cases() {
        let ops = history(seed, by, answers);
        let truth = possible(0_i64, &ops, |state, (reads, told)| {
            let after = if *reads { *state } else { state + by };
            told.is_none_or(|told| told == after).then_some(after)
        });
        let (reads, increments): (Vec<_>, Vec<_>) = ops.iter().partition(|op| op.1.0);
        let reads = reads.into_iter().filter_map(|(span, (_, told))| Some((span, told?))).collect();
        let answer = if answers {
            let increments = increments.into_iter().map(|(span, (_, told))| (span, told)).collect();
            fetch_and_add::check(&FetchAndAdd { by, increments, reads })
        } else {
            let increments = increments.into_iter().map(|(span, _)| span).collect();
            counter::check(&Counter { by, increments, reads })
        };
        tally.compare(&answer, truth, &ops);
    }
    tally.is_balanced();
    assert_eq!(tally.not_mine, 0);
}

#[test]
fn counters_agree_with_brute_force() {
    agree(1, false);
    agree(-3, false);
}

#[test]
fn counters_that_answer_agree_with_brute_force() {
    agree(1, true);
    agree(2, true);
}
