//! Whether some order of adds and reads explains a set that only grows.
//!
//! In such an order every read has all that the reads before it had, so the answered reads form a
//! chain by inclusion: sorted by size, each is a part of the next. An element enters between the
//! last read without it and the first read with it. Such an order keeps real time unless one
//! thing that must come earlier began after one that must come later had ended, and of these
//! - a read after a read that has less, an add after a read that has its element, and a read
//!   after an answered add that it lacks are found as lost, stale or unexpected elements;
//! - an add before which an answered add had ended whose element is missing from a read that has
//!   the later one is found here.
//!
//! Longer detours add nothing: what leads from an add through reads to another add leads there
//! through the last of those reads alone. Several adds of one element are one that begins with the
//! first and has ended when the first is answered. The tests compare this with all orders.

use super::{ASK_EVERY, Element, Elements, NONE, Read, about};
use crate::checker::Budget;
use crate::evidence::SetElementEvidence;
use crate::history::History;
use crate::tape::ValueRef;

/// What cannot be put in order. Elements are named by index, reads by invocation.
pub(super) enum Disorder {
    /// Two reads, of which neither is a part of the other.
    Incomparable { smaller: u32, larger: u32, only_smaller: usize, only_larger: usize },
    /// A read has `later` without `earlier`, which was in the set before anybody added `later`.
    Overtaken { read: u32, later: usize, earlier: usize },
}

/// The first disorder by size of reads. An error is a reason not to judge.
pub(super) fn find(
    history: &History,
    mut reads: Vec<Read>,
    elements: &mut Elements,
    budget: &Budget<'_>,
) -> Result<Option<Disorder>, String> {
    // A read that has something twice is a violation already, and its size is not its length.
    if elements.all.iter().any(|element| element.doubled_in != NONE) {
        return Ok(None);
    }
    reads.sort_unstable_by_key(|read| (read.size, read.call));
    // For each element the first read that has it, by number in this order.
    let mut first = vec![NONE; elements.all.len()];
    let mut looked_at = 0;
    for (number, read) in reads.iter().enumerate() {
        let mut old = 0;
        let mut newest = NONE as usize;
        for value in list(history, read.call) {
            let at = elements.index(value);
            match first[at] {
                NONE => (first[at], newest) = (number as u32, at),
                _ => old += 1,
            }
        }
        // So far all are parts of the one before, which therefore has all that was met.
        if let Some(before) = number.checked_sub(1).map(|before| &reads[before])
            && old != before.size
        {
            let only_smaller = only_in(history, before.call, read.call, elements);
            let (smaller, larger) = (before.call, read.call);
            return Ok(only_smaller.map(|only_smaller| Disorder::Incomparable {
                smaller,
                larger,
                only_smaller,
                only_larger: newest,
            }));
        }
        looked_at += read.size as usize;
        if looked_at >= ASK_EVERY {
            looked_at = 0;
            if let Some(reason) = budget.stop.and_then(|stop| stop()) {
                return Err(format!("{reason} after {number} reads were put in order"));
            }
        }
    }
    Ok(overtaken(&reads, &elements.all, &first))
}

/// An element that the read at `one` has and the read at `other` lacks.
fn only_in(history: &History, one: u32, other: u32, elements: &mut Elements) -> Option<usize> {
    let mut has = vec![false; elements.all.len()];
    for value in list(history, other) {
        has[elements.index(value)] = true;
    }
    list(history, one).map(|value| elements.index(value)).find(|&at| !has[at])
}

/// What the read invoked at `call` has.
pub(super) fn list(history: &History, call: u32) -> impl Iterator<Item = ValueRef<'_>> {
    let completion = history.partner(call as usize).map(|at| history.event(at));
    completion.and_then(|event| event.value.as_list()).into_iter().flatten()
}

/// `reads` form a chain, and `first` tells which of them has an element first.
fn overtaken(reads: &[Read], elements: &[Element], first: &[u32]) -> Option<Disorder> {
    // For each read, of the elements that it is the first to have: the one that was added last, and
    // the one that was known first. The last place is that of elements in no read.
    let mut added_last = vec![None; reads.len() + 1];
    let mut known_first = vec![None; reads.len() + 1];
    let (attempt, known) = (|at: usize| elements[at].attempt, |at: usize| elements[at].known);
    for (at, &number) in first.iter().enumerate() {
        let place = (number as usize).min(reads.len());
        // What nobody added is another violation.
        if attempt(at) != NONE {
            added_last[place] = added_last[place].into_iter().chain([at]).max_by_key(|&at| attempt(at));
        }
        known_first[place] = known_first[place].into_iter().chain([at]).min_by_key(|&at| known(at));
    }
    // What is missing from a read is what later ones are the first to have.
    let mut missing = vec![None; reads.len()];
    let mut earliest: Option<usize> = known_first[reads.len()];
    for number in (0..reads.len()).rev() {
        missing[number] = earliest;
        earliest = earliest.into_iter().chain(known_first[number]).min_by_key(|&at| known(at));
    }
    let mut latest: Option<usize> = None;
    for (number, read) in reads.iter().enumerate() {
        latest = latest.into_iter().chain(added_last[number]).max_by_key(|&at| attempt(at));
        if let (Some(later), Some(earlier)) = (latest, missing[number])
            && known(earlier) < attempt(later)
        {
            return Some(Disorder::Overtaken { read: read.call, later, earlier });
        }
    }
    None
}

impl Disorder {
    pub(super) fn evidence(&self, history: &History, elements: &[Element]) -> SetElementEvidence {
        let at = |position: u32| history.origin(position as usize);
        match *self {
            Disorder::Incomparable { smaller, larger, only_smaller, only_larger } => {
                let (first, second) = (at(smaller), at(larger));
                let (one, other) = (&elements[only_smaller].value, &elements[only_larger].value);
                let sentence = format!(
                    "no order of the adds explains two reads: the one begun at event {first} has {one} \
                     without {other}, the one begun at event {second} has {other} without {one}"
                );
                let calls = vec![elements[only_smaller].add(), elements[only_larger].add(), smaller, larger];
                about(history, one, "incomparable", sentence, calls)
            }
            Disorder::Overtaken { read, later, earlier } => {
                let (later, earlier) = (&elements[later], &elements[earlier]);
                let sentence = format!(
                    "the read begun at event {} has {}, which nobody tried to add before event {}, but \
                     lacks {}, which was known to be in the set at event {}",
                    at(read),
                    later.value,
                    at(later.attempt),
                    earlier.value,
                    at(earlier.known)
                );
                let calls = vec![earlier.add(), earlier.witness(), later.attempt, read];
                about(history, &earlier.value, "overtaken", sentence, calls)
            }
        }
    }
}
