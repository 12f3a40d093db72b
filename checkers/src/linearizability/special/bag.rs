//! A queue without order: a multiset whose elements are all different. `dequeue` answers any element
//! that is there, or that there is none.
//!
//! An element is there from its enqueue to its dequeue. Whatever is not dequeued before it is
//! enqueued, nor twice, has two such moments; the elements do not depend on each other; so all that
//! can fail is an answer "empty". Between the return of its enqueue and the invocation of its dequeue
//! an element is there *certainly*. A dequeue can have found the queue empty if and only if at some
//! moment while it ran no element was there certainly: every element can be put outside of such
//! moments at once, in at the return of its enqueue and out at the invocation of its dequeue. (The
//! condition is VWit of Henzinger, Sezgin and Vafeiadis, "Aspect-oriented linearizability proofs",
//! 2013.)
//!
//! An enqueue without an answer whose element nobody got is left out. A dequeue without an answer may
//! have taken any element that nobody got, or none.

use super::names::{Names, in_order};
use super::{Contradiction, NEVER, Sentence, Span, Special};

/// How many operations of a chain a sentence names.
const NAMED: usize = 8;

/// What an operation on a queue does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueAct {
    /// Puts the element in.
    Enqueue,
    /// Answered with the element.
    Dequeue,
    /// A dequeue that answered that there is nothing.
    Empty,
    /// A dequeue without an answer.
    Unknown,
}

/// An operation on a queue. Elements are named by numbers: equal names mean equal elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueOp {
    /// When.
    pub span: Span,
    /// What.
    pub act: QueueAct,
    /// Which element.
    pub element: u64,
}

/// What became of an element.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element {
    pub(super) enqueue: Span,
    /// All [`NEVER`] if nobody got it.
    pub(super) dequeue: Span,
}

impl Element {
    pub(super) fn was_got(&self) -> bool {
        self.dequeue.ret != NEVER
    }

    /// Enqueued for certain, and nobody got it.
    pub(super) fn is_left(&self) -> bool {
        !self.was_got() && self.enqueue.answered()
    }
}

/// Whether operations on one unordered queue are linearizable.
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
    emptiness(ops, &elements, first_unknown(ops))
}

/// The first invocation of a dequeue without an answer, or [`NEVER`].
pub(super) fn first_unknown(ops: &[QueueOp]) -> u32 {
    let unknown = ops.iter().filter(|op| op.act == QueueAct::Unknown);
    unknown.map(|op| op.span.call).min().unwrap_or(NEVER)
}

/// All elements, unless one was got without having been enqueued, or twice.
pub(super) fn elements(ops: &[QueueOp]) -> Result<Vec<Element>, Special> {
    let enqueues = || ops.iter().filter(|op| op.act == QueueAct::Enqueue);
    let mut names = Names::of(enqueues().map(|op| op.element));
    let mut elements = Vec::with_capacity(ops.len() / 2);
    let nobody = Span { call: NEVER, ret: NEVER };
    for op in enqueues() {
        if !names.add(op.element, elements.len() as u32) {
            return Err(Special::NotMine("an element is enqueued twice"));
        }
        elements.push(Element { enqueue: op.span, dequeue: nobody });
    }
    for op in ops.iter().filter(|op| op.act == QueueAct::Dequeue && op.span.answered()) {
        let call = op.span.call;
        let Some(at) = names.get(op.element) else {
            let finding = Sentence::new("{} got an element that nothing had put in", &[call]);
            return Err(Special::Invalid(Contradiction::new(finding, Vec::new())));
        };
        let element = &mut elements[at as usize];
        if element.was_got() {
            let calls = [element.dequeue.call, call];
            let finding = Sentence::new("{} and {} got the same element", &calls);
            let step = Sentence::new("only {} put it in, once", &[element.enqueue.call]);
            return Err(Special::Invalid(Contradiction::new(finding, vec![step])));
        }
        if op.span.precedes(element.enqueue) {
            let finding =
                Sentence::new("{} got an element before {} put it in", &[call, element.enqueue.call]);
            let step = Sentence::new(
                "only {} put it in, and was invoked after {} had returned",
                &[element.enqueue.call, call],
            );
            return Err(Special::Invalid(Contradiction::new(finding, vec![step])));
        }
        element.dequeue = op.span;
    }
    Ok(elements)
}

/// Whether every answer "empty" has a moment at which no element was there certainly. Elements that
/// nobody got may have been taken from `unknown` on.
pub(super) fn emptiness(ops: &[QueueOp], elements: &[Element], unknown: u32) -> Result<(), Special> {
    let empties: Vec<Span> =
        ops.iter().filter(|op| op.act == QueueAct::Empty && op.span.answered()).map(|op| op.span).collect();
    if empties.is_empty() || covered(&empties, elements, NEVER).is_none() {
        return Ok(());
    }
    // Even if each element that nobody got was taken as early as can be.
    match covered(&empties, elements, unknown) {
        Some(empty) => Err(Special::Invalid(never_empty(empty, elements, unknown))),
        None => {
            Err(Special::NotMine("what unanswered dequeues took decides whether the queue was ever empty"))
        }
    }
}

/// Since when and until when an element was there certainly.
fn stay(element: &Element, unknown: u32) -> Option<(u32, u32)> {
    let until = if element.was_got() { element.dequeue.call } else { unknown };
    (element.enqueue.ret < until).then_some((element.enqueue.ret, until))
}

/// An answer "empty" that ran wholly while some element was there.
fn covered(empties: &[Span], elements: &[Element], unknown: u32) -> Option<Span> {
    const COMES: u32 = 0;
    const GOES: u32 = 1;
    const ANSWER: u32 = 2;
    let mut marks = Vec::with_capacity(elements.len() * 2 + empties.len());
    for (from, until) in elements.iter().filter_map(|element| stay(element, unknown)) {
        marks.push((from, COMES));
        // What is never taken, or taken by one of many that have no answer, goes at no position.
        if until != unknown {
            marks.push((until, GOES));
        }
    }
    let taken = elements.iter().filter(|e| !e.was_got() && stay(e, unknown).is_some()).count();
    for (at, empty) in empties.iter().enumerate() {
        marks.push((empty.ret, ANSWER + at as u32));
    }
    let mut there = 0_usize;
    // Nothing was there before the first event.
    let mut last_empty = 0;
    let mut unknown_took = false;
    for (position, what) in in_order(marks) {
        if !unknown_took && position > unknown {
            unknown_took = true;
            there -= taken;
            if there == 0 {
                last_empty = position;
            }
        }
        match what {
            COMES => {
                if there == 0 {
                    last_empty = position;
                }
                there += 1;
            }
            GOES => there -= 1,
            answer => {
                let empty = empties[(answer - ANSWER) as usize];
                if there > 0 && last_empty <= empty.call {
                    return Some(empty);
                }
            }
        }
    }
    None
}

/// The elements of which one or another was there as long as `empty` ran.
fn never_empty(empty: Span, elements: &[Element], unknown: u32) -> Contradiction {
    let mut stays: Vec<(u32, u32, &Element)> = elements
        .iter()
        .filter_map(|element| stay(element, unknown).map(|(from, until)| (from, until, element)))
        .collect();
    stays.sort_unstable_by_key(|(from, _, _)| *from);
    let mut chain: Vec<&Element> = Vec::new();
    let mut reached = empty.call;
    let mut next = stays.into_iter().peekable();
    while reached < empty.ret {
        let mut furthest: Option<(u32, &Element)> = None;
        while let Some((_, until, element)) = next.next_if(|(from, _, _)| *from < reached) {
            if until > reached && furthest.is_none_or(|(most, _)| until > most) {
                furthest = Some((until, element));
            }
        }
        let Some((until, element)) = furthest else { break };
        chain.push(element);
        reached = until;
    }
    let mut steps = Vec::new();
    let half = NAMED / 2;
    for (index, element) in chain.iter().enumerate() {
        if chain.len() > NAMED && (half..chain.len() - half).contains(&index) {
            if index == half {
                steps.push(Sentence::new(&format!("(and so on with {} others)", chain.len() - NAMED), &[]));
            }
            continue;
        }
        let put_in = element.enqueue.call;
        steps.push(if element.was_got() {
            Sentence::new(
                "the element of {} was in the queue until {} was invoked, at least",
                &[put_in, element.dequeue.call],
            )
        } else if unknown == NEVER {
            Sentence::new("the element of {} was never taken out", &[put_in])
        } else {
            Sentence::new(
                "the element of {} was in the queue until the first dequeue without an answer",
                &[put_in],
            )
        });
    }
    steps.push(Sentence::new("each was put in before the one before it was taken out", &[]));
    let finding = "{} found the queue empty, but it never was while that ran";
    Contradiction::new(Sentence::new(finding, &[empty.call]), steps)
}
