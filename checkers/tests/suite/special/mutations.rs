//! One lie in a large true history: it is found, and the evidence names it.

use std::collections::VecDeque;

use checkers::linearizability::special::Special;
use checkers::linearizability::special::counter::{self, Counter};
use checkers::linearizability::special::fenced_lock::{self, FencedLockOp};
use checkers::linearizability::special::fifo_queue::{self, QueueAct, QueueOp};
use checkers::linearizability::special::grow_only_set::{self, GrowOnlySet};
use checkers::linearizability::special::mutex::MutexOp;
use checkers::linearizability::special::set::{self, SetAct, SetOp};

use super::counters::Counting;
use super::locks::Lock;
use super::queues::Queue;
use super::sets::{Grow, Growing, Set};
use super::{Object, Op, simulate};
use crate::simulate::Random;

/// Some thousand operations; `lost` percent without an answer.
fn large<T: Object>(make: impl Fn(u64) -> T, most: u64, lost: u64) -> Vec<Op<T::Op>> {
    let mut histories = (1..).map(|seed| simulate(&mut make(seed), &mut Random(seed * 7919), most, lost));
    histories.find(|ops| ops.len() as u64 > most / 2).unwrap()
}

/// The first operation behind nine tenths of the history that is like this.
fn late<O>(ops: &[Op<O>], mut is: impl FnMut(&Op<O>) -> bool) -> usize {
    (ops.len() * 9 / 10..ops.len()).find(|&at| ops[at].0.answered() && is(&ops[at])).unwrap()
}

fn names(answer: &Special, lies: &[u32]) {
    let Special::Invalid(found) = answer else { panic!("{answer:?}") };
    assert!(lies.iter().any(|lie| found.operations.contains(lie)), "{lies:?} in {found:?}");
    assert!(found.operations.len() <= 12, "{found:?}");
}

#[test]
fn elements_that_change_places_are_found() {
    let queue = |seed| Queue { holds: VecDeque::new(), unique: 0, ordered: true, any: Random(seed) };
    let mut ops = large(queue, 20_000, 0);
    let check = |ops: &[Op<(QueueAct, u64)>]| {
        let typed: Vec<QueueOp> =
            ops.iter().map(|&(span, (act, element))| QueueOp { span, act, element }).collect();
        fifo_queue::check(&typed)
    };
    assert_eq!(check(&ops), Special::Valid);
    let one = late(&ops, |op| op.1.0 == QueueAct::Dequeue);
    let got = |at: &usize| ops[*at].1.0 == QueueAct::Dequeue;
    let other = (one + 50..ops.len()).find(got).unwrap();
    (ops[one].1.1, ops[other].1.1) = (ops[other].1.1, ops[one].1.1);
    names(&check(&ops), &[ops[one].0.call, ops[other].0.call]);
}

#[test]
fn an_element_that_was_overlooked_is_found() {
    let mut ops = large(|_| Set::default(), 20_000, 1);
    ops.retain(|(span, (act, _))| span.answered() || matches!(act, SetAct::Add | SetAct::Remove));
    let check = |ops: &[Op<(SetAct, u64)>]| {
        let typed: Vec<SetOp> =
            ops.iter().map(|&(span, (act, element))| SetOp { span, act, element }).collect();
        set::check(&typed)
    };
    assert_eq!(check(&ops), Special::Valid);
    let all = ops.clone();
    let lie = late(&ops, |op| {
        let of = |act: SetAct| all.iter().find(move |other| other.1 == (act, op.1.1));
        op.1.0 == SetAct::Found
            && of(SetAct::Remove).is_none()
            && of(SetAct::Add).is_some_and(|add| add.0.precedes(op.0))
    });
    ops[lie].1.0 = SetAct::Missed;
    names(&check(&ops), &[ops[lie].0.call]);
}

#[test]
fn a_read_that_lacks_an_element_is_found() {
    let mut ops = large(|_| Growing::default(), 1_000, 1);
    ops.retain(|(span, op)| span.answered() || matches!(op, Grow::Add(_)));
    let check = |ops: &[Op<Grow>]| {
        let mut typed = GrowOnlySet::default();
        for (span, op) in ops {
            match op {
                Grow::Add(element) => typed.adds.push((*span, *element)),
                Grow::Read(seen) => {
                    typed.reads.push((*span, seen.len() as u32));
                    typed.elements.extend(seen);
                }
            }
        }
        grow_only_set::check(&typed)
    };
    assert_eq!(check(&ops), Special::Valid);
    let lie = late(&ops, |op| matches!(op.1, Grow::Read(_)));
    if let Grow::Read(seen) = &mut ops[lie].1 {
        seen.pop_first();
    }
    names(&check(&ops), &[ops[lie].0.call]);
}

#[test]
fn a_count_too_high_is_found() {
    let mut ops = large(|_| Counting { count: 0, by: 1, answers: false }, 20_000, 1);
    ops.retain(|(span, (reads, _))| span.answered() || !reads);
    let check = |ops: &[Op<(bool, Option<i64>)>]| {
        let reads =
            ops.iter().filter_map(|(span, (reads, told))| reads.then_some((*span, (*told)?))).collect();
        let increments = ops.iter().filter(|op| !op.1.0).map(|op| op.0).collect();
        counter::check(&Counter { by: 1, increments, reads })
    };
    assert_eq!(check(&ops), Special::Valid);
    for change in [1_000_000, -3_000] {
        let mut spoiled = ops.clone();
        let lie = late(&spoiled, |op| op.1.0);
        spoiled[lie].1.1 = spoiled[lie].1.1.map(|told| told + change);
        names(&check(&spoiled), &[spoiled[lie].0.call]);
    }
}

#[test]
fn a_token_out_of_order_is_found() {
    let ops = large(|_| Lock::default(), 20_000, 0);
    let check = |ops: &[Op<(u32, bool, Option<i64>)>]| {
        let typed: Vec<FencedLockOp> = ops
            .iter()
            .map(|&(span, (process, acquires, token))| FencedLockOp {
                op: MutexOp { span, process, acquires },
                token: token.unwrap_or_default(),
            })
            .collect();
        fenced_lock::check(&typed)
    };
    assert_eq!(check(&ops), Special::Valid);
    let mut spoiled = ops.clone();
    let lie = late(&spoiled, |op| op.1.1);
    spoiled[lie].1.2 = Some(1_000_000_000);
    names(&check(&spoiled), &[spoiled[lie].0.call]);
}
