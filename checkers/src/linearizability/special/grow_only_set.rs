//! A set with `add` and reads of everything in it, to which every element is added once.
//!
//! Nothing is ever removed, so of two reads one contains the other. Sorted by inclusion they give the
//! order: before each read the adds of what it has and those before it have not, and behind the last
//! one the adds that nobody saw. What is left is to compare that order with real time.
//!
//! An add without an answer whose element nobody saw is left out.

use std::collections::HashSet;

use super::names::Names;
use super::{Contradiction, NEVER, Sentence, Span, Special};

/// What was done to one set.
#[derive(Clone, Debug, Default)]
pub struct GrowOnlySet {
    /// Adds, each with the name of its element.
    pub adds: Vec<(Span, u64)>,
    /// Answered reads, each with how many elements it returned.
    pub reads: Vec<(Span, u32)>,
    /// What the reads returned, one after the other.
    pub elements: Vec<u64>,
}

/// The first return and the last invocation among operations whose order does not matter.
#[derive(Clone, Copy)]
struct Stage {
    first: Span,
    last: Span,
}

impl Stage {
    const EMPTY: Stage =
        Stage { first: Span { call: NEVER, ret: NEVER }, last: Span { call: 0, ret: NEVER } };

    fn add(&mut self, span: Span) {
        if span.ret < self.first.ret {
            self.first = span;
        }
        if span.call >= self.last.call {
            self.last = span;
        }
    }
}

/// Whether the operations are linearizable.
///
/// Not accepted: an element that is added twice, or that a read returned twice.
pub fn check(set: &GrowOnlySet) -> Special {
    match decide(set) {
        Ok(()) => Special::Valid,
        Err(answer) => answer,
    }
}

fn decide(set: &GrowOnlySet) -> Result<(), Special> {
    let mut names = Names::of(set.adds.iter().map(|(_, element)| *element));
    for (at, (_, element)) in set.adds.iter().enumerate() {
        if !names.add(*element, at as u32) {
            return Err(Special::NotMine("an element is added twice"));
        }
    }
    // Each read as numbers of adds.
    let mut lists: Vec<(Span, Vec<u32>)> = Vec::with_capacity(set.reads.len());
    let mut rest = set.elements.iter();
    for (span, count) in &set.reads {
        let list: Option<Vec<u32>> = rest.by_ref().take(*count as usize).map(|&e| names.get(e)).collect();
        let Some(list) = list else {
            let finding = Sentence::new("{} returned an element that nothing had added", &[span.call]);
            return Err(Special::Invalid(Contradiction::new(finding, Vec::new())));
        };
        lists.push((*span, list));
    }
    lists.sort_by_key(|(span, list)| (list.len(), span.call));
    // By add: the last read, counted from 1, in which it was seen, and the stage at which it appears.
    let mut seen = vec![0_u32; set.adds.len()];
    let mut appears = vec![NEVER; set.adds.len()];
    let mut stages: Vec<Stage> = Vec::new();
    for (index, (span, list)) in lists.iter().enumerate() {
        let now = index as u32 + 1;
        let larger = index == 0 || lists[index - 1].1.len() < list.len();
        if larger {
            // One stage for adds, one for reads.
            stages.extend([Stage::EMPTY, Stage::EMPTY]);
        }
        let stage = stages.len() - 2;
        for &add in list {
            if seen[add as usize] == now {
                return Err(Special::NotMine("a read returned an element twice"));
            }
            seen[add as usize] = now;
            if appears[add as usize] == NEVER {
                appears[add as usize] = stage as u32;
                stages[stage].add(set.adds[add as usize].0);
            }
        }
        if let Some((before, smaller)) = index.checked_sub(1).map(|at| &lists[at])
            && let Some(&lost) = smaller.iter().find(|&&add| seen[add as usize] != now)
        {
            let known: HashSet<u32> = smaller.iter().copied().collect();
            let new = list.iter().find(|add| !known.contains(add)).copied();
            return Err(Special::Invalid(incomparable(set, *before, lost, *span, new)));
        }
        stages[stage + 1].add(*span);
    }
    let mut unseen = Stage::EMPTY;
    for (add, (span, _)) in set.adds.iter().enumerate() {
        if appears[add] == NEVER && span.answered() {
            unseen.add(*span);
        }
    }
    stages.push(unseen);
    let mut last: Option<Span> = None;
    for stage in &stages {
        if let Some(last) = last
            && stage.first.ret < last.call
        {
            return Err(Special::Invalid(out_of_order(stage.first, last)));
        }
        if stage.last.call > last.map_or(0, |last| last.call) {
            last = Some(stage.last);
        }
    }
    Ok(())
}

fn incomparable(set: &GrowOnlySet, one: Span, lost: u32, other: Span, new: Option<u32>) -> Contradiction {
    let add = |at: u32| set.adds[at as usize].0.call;
    let mut steps = vec![Sentence::new(
        "{} returned the element of {}, and {} did not",
        &[one.call, add(lost), other.call],
    )];
    if let Some(new) = new {
        steps.push(Sentence::new(
            "{} returned the element of {}, and {} did not",
            &[other.call, add(new), one.call],
        ));
    }
    steps.push(Sentence::new("nothing is ever removed, so whichever came later should have both", &[]));
    Contradiction::new(Sentence::new("{} and {} contradict each other", &[one.call, other.call]), steps)
}

fn out_of_order(early: Span, late: Span) -> Contradiction {
    Contradiction::new(
        Sentence::new("{} cannot be explained together with {}", &[early.call, late.call]),
        vec![
            Sentence::new(
                "by what the reads returned, in which each contains the one before it, {} comes after {}",
                &[early.call, late.call],
            ),
            Sentence::new("but {} had returned before {} was invoked", &[early.call, late.call]),
        ],
    )
}
