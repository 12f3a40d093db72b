//! Sets, and ids.

use std::collections::BTreeSet;

use checkers::linearizability::special::grow_only_set::{self, GrowOnlySet};
use checkers::linearizability::special::set::{self, SetAct, SetOp};

use super::{Object, Op, Tally, cases, possible, simulate, tighten};
use crate::simulate::Random;

#[derive(Default)]
pub(super) struct Set {
    pub(super) holds: BTreeSet<u64>,
    pub(super) added: u64,
    pub(super) removed: BTreeSet<u64>,
}

impl Object for Set {
    type Op = (SetAct, u64);

    fn ask(&mut self, random: &mut Random, _process: usize) -> (SetAct, u64) {
        let some = 1 + random.below(self.added + 1);
        match random.below(10) {
            0..=2 => {
                self.added += 1;
                (SetAct::Add, self.added)
            }
            3..=4 if self.removed.insert(some) => (SetAct::Remove, some),
            _ => (SetAct::Missed, some),
        }
    }

    fn act(&mut self, op: &mut (SetAct, u64), _process: usize) -> bool {
        match op.0 {
            SetAct::Add => self.holds.insert(op.1),
            SetAct::Remove => self.holds.remove(&op.1),
            _ => {
                op.0 = if self.holds.contains(&op.1) { SetAct::Found } else { SetAct::Missed };
                true
            }
        };
        true
    }
}

pub(super) fn history(seed: u64, most: u64) -> Vec<Op<(SetAct, u64)>> {
    let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let mut ops = simulate(&mut Set::default(), &mut random, most, 8);
    ops.retain(|(span, (act, _))| span.answered() || matches!(act, SetAct::Add | SetAct::Remove));
    if ops.is_empty() {
        return ops;
    }
    let times = random.below(10);
    tighten(&mut ops, &mut random, times);
    if random.percent(25) {
        let at = random.below(ops.len() as u64) as usize;
        ops[at].1.0 = match ops[at].1.0 {
            SetAct::Found => SetAct::Missed,
            SetAct::Missed => SetAct::Found,
            other => other,
        };
    }
    if random.percent(5) {
        let at = random.below(ops.len() as u64) as usize;
        ops[at].1.1 = 1;
    }
    ops
}

#[test]
fn sets_agree_with_brute_force() {
    let mut tally = Tally::default();
    for seed in 0..cases() {
        let ops = history(seed, 11);
        let typed: Vec<SetOp> =
            ops.iter().map(|&(span, (act, element))| SetOp { span, act, element }).collect();
        let truth = possible(BTreeSet::new(), &ops, |state: &BTreeSet<u64>, (act, element)| {
            let mut after = state.clone();
            match act {
                SetAct::Add => _ = after.insert(*element),
                SetAct::Remove => _ = after.remove(element),
                SetAct::Found if !state.contains(element) => return None,
                SetAct::Missed if state.contains(element) => return None,
                _ => {}
            }
            Some(after)
        });
        tally.compare(&set::check(&typed), truth, &ops);
    }
    tally.is_balanced();
    assert!(tally.not_mine < cases() / 10);
}

#[derive(Default)]
pub(super) struct Growing {
    pub(super) holds: BTreeSet<u64>,
    pub(super) added: u64,
}

/// An element, or what a read returned.
#[derive(Clone, Debug)]
pub(super) enum Grow {
    Add(u64),
    Read(BTreeSet<u64>),
}

impl Object for Growing {
    type Op = Grow;

    fn ask(&mut self, random: &mut Random, _process: usize) -> Grow {
        self.added += 1;
        if random.percent(50) { Grow::Add(self.added) } else { Grow::Read(BTreeSet::new()) }
    }

    fn act(&mut self, op: &mut Grow, _process: usize) -> bool {
        match op {
            Grow::Add(element) => _ = self.holds.insert(*element),
            Grow::Read(seen) => *seen = self.holds.clone(),
        }
        true
    }
}

pub(super) fn growing(seed: u64, most: u64) -> Vec<Op<Grow>> {
    let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let mut ops = simulate(&mut Growing::default(), &mut random, most, 8);
    ops.retain(|(span, op)| span.answered() || matches!(op, Grow::Add(_)));
    if ops.is_empty() {
        return ops;
    }
    let times = random.below(8);
    tighten(&mut ops, &mut random, times);
    let (at, element) = (random.below(ops.len() as u64) as usize, 1 + random.below(10));
    if random.percent(25)
        && let Grow::Read(seen) = &mut ops[at].1
        && !seen.remove(&element)
    {
        seen.insert(element);
    }
    ops
}

#[test]
fn growing_sets_agree_with_brute_force() {
    let mut tally = Tally::default();
    for seed in 0..cases() {
        let ops = growing(seed, 10);
        let mut typed = GrowOnlySet::default();
        for (span, op) in &ops {
            match op {
                Grow::Add(element) => typed.adds.push((*span, *element)),
                Grow::Read(seen) => {
                    typed.reads.push((*span, seen.len() as u32));
                    typed.elements.extend(seen);
                }
            }
        }
        let truth = possible(BTreeSet::new(), &ops, |state: &BTreeSet<u64>, op| match op {
            Grow::Add(element) => Some(state.iter().copied().chain([*element]).collect()),
            Grow::Read(seen) => (seen == state).then(|| state.clone()),
        });
        tally.compare(&grow_only_set::check(&typed), truth, &ops);
    }
    tally.is_balanced();
    assert_eq!(tally.not_mine, 0);
}
