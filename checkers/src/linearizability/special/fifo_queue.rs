//! A queue whose elements are all different: first in, first out.
//!
//! Henzinger, Sezgin and Vafeiadis ("Aspect-oriented linearizability proofs", 2013) show that a
//! complete history of such a queue is linearizable if and only if it has none of four patterns: an
//! element is got that was not put in, or before it was; it is got twice; the queue is said to be
//! empty while it certainly was not; and two elements come out in the wrong order: `x` was put in
//! before `y`, and `y` was got before `x`, or `x` never was. The first three are those of the
//! unordered queue (`bag.rs`). Here the fourth is found in one pass over the events: when the
//! enqueue of `y` is invoked, the latest invocation of a dequeue among the elements whose enqueue
//! has returned is known, and the dequeue of `y` must not have returned before it.
//!
//! An enqueue without an answer whose element nobody got is left out. If somebody did, it has no
//! return, and so comes before no other.
//!
//! Dequeues without an answer may have taken elements that nobody got. Such an element `x` must have
//! been taken by one that was invoked before the first return among the dequeues of elements put in
//! after `x`: a deadline. Each takes one, an earlier one is never worse, so it suffices to compare
//! the sorted deadlines with the sorted invocations. To have taken more can only help an answer
//! "empty": where one could be explained by that alone, it is not decided here which was taken when.

use super::bag::{Element, elements, emptiness, first_unknown};
use super::names::in_order;
use super::{Contradiction, NEVER, Sentence, Special};

pub use super::bag::{QueueAct, QueueOp};

/// How many operations of a list a sentence names.
const NAMED: usize = 8;

/// Whether operations on one queue are linearizable.
///
/// Not accepted: an element that is enqueued twice; answers "empty" where it depends on which
/// elements were taken by dequeues without an answer.
pub fn check(ops: &[QueueOp]) -> Special {
    match decide(ops) {
        Ok(()) => Special::Valid,
        Err(answer) => answer,
    }
}

fn decide(ops: &[QueueOp]) -> Result<(), Special> {
    let elements = elements(ops)?;
    let unknown = first_unknown(ops);
    let line = enqueues(&elements);
    if unknown == NEVER {
        overtaken(&elements, &line, true)?;
        return emptiness(ops, &elements, unknown);
    }
    overtaken(&elements, &line, false)?;
    takers(ops, &elements, &line)?;
    emptiness(ops, &elements, unknown)
}

/// Invocations (even) and returns (odd) of the enqueues, in order.
fn enqueues(elements: &[Element]) -> Vec<(u32, u32)> {
    let mut marks = Vec::with_capacity(elements.len() * 2);
    for (at, element) in elements.iter().enumerate() {
        marks.push((element.enqueue.call, at as u32 * 2));
        if element.enqueue.answered() {
            marks.push((element.enqueue.ret, at as u32 * 2 + 1));
        }
    }
    in_order(marks)
}

/// Whether an element overtook another one; `left`: also one that nobody got.
fn overtaken(elements: &[Element], line: &[(u32, u32)], left: bool) -> Result<(), Special> {
    let mut last: Option<&Element> = None;
    for (_, mark) in line {
        let element = &elements[*mark as usize / 2];
        if mark % 2 == 1 {
            let counts = left || element.was_got();
            if counts && last.is_none_or(|last| last.dequeue.call < element.dequeue.call) {
                last = Some(element);
            }
        } else if let Some(last) = last
            && element.dequeue.ret < last.dequeue.call
        {
            return Err(Special::Invalid(wrong_order(last, element)));
        }
    }
    Ok(())
}

fn wrong_order(first: &Element, second: &Element) -> Contradiction {
    let put_in = [first.enqueue.call, second.enqueue.call];
    let got = second.dequeue.call;
    let mut steps = vec![Sentence::new("{} had returned before {} was invoked", &put_in)];
    let finding = if first.was_got() {
        steps.push(Sentence::new("{} had returned before {} was invoked", &[got, first.dequeue.call]));
        Sentence::new(
            "{} got its element before {} got the one that was put in earlier",
            &[got, first.dequeue.call],
        )
    } else {
        steps.push(Sentence::new("{} got the second element, and nobody ever got the first", &[got]));
        Sentence::new(
            "{} passed over the element of {}, which was put in earlier and never taken out",
            &[got, put_in[0]],
        )
    };
    Contradiction::new(finding, steps)
}

/// Whether enough dequeues without an answer can have taken the elements that must be out of the way.
fn takers(ops: &[QueueOp], elements: &[Element], line: &[(u32, u32)]) -> Result<(), Special> {
    // The element whose dequeue returns first among those put in later.
    let mut first: Option<&Element> = None;
    let mut deadlines: Vec<(u32, u32, u32)> = Vec::new();
    for (_, mark) in line.iter().rev() {
        let element = &elements[*mark as usize / 2];
        if mark % 2 == 0 {
            if first.is_none_or(|first| element.dequeue.ret < first.dequeue.ret) {
                first = Some(element);
            }
        } else if let Some(first) = first
            && element.is_left()
            && first.was_got()
        {
            deadlines.push((first.dequeue.ret, element.enqueue.call, first.dequeue.call));
        }
    }
    deadlines.sort_unstable();
    let unknown = ops.iter().filter(|op| op.act == QueueAct::Unknown);
    let mut takers: Vec<u32> = unknown.map(|op| op.span.call).collect();
    takers.sort_unstable();
    for (index, (deadline, _, by)) in deadlines.iter().enumerate() {
        if takers.get(index).is_some_and(|taker| taker < deadline) {
            continue;
        }
        let passed: Vec<u32> = deadlines[..=index].iter().map(|(_, put_in, _)| *put_in).collect();
        let before: Vec<u32> = takers.into_iter().filter(|taker| taker < deadline).collect();
        let finding =
            "{} passed over elements that were put in earlier, and too few dequeues can have taken them";
        let mut steps = vec![
            Sentence::new("nobody got the elements of these, and each was overtaken until then: ", &[])
                .list(&passed, NAMED),
        ];
        steps.push(if before.is_empty() {
            Sentence::new("no dequeue without an answer was invoked before {} returned", &[*by])
        } else {
            Sentence::new("before {} returned, only these dequeues without an answer were invoked: ", &[*by])
                .list(&before, NAMED)
        });
        return Err(Special::Invalid(Contradiction::new(Sentence::new(finding, &[*by]), steps)));
    }
    Ok(())
}
