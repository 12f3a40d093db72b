//! All that is possible late in a history, without going through all that was possible before.
//!
//! Two sweeps go side by side from one place: one from a configuration that a search came through, the other
//! from every conceivable one, with any state that somebody may ask for and any of the calls in flight
//! placed. What can really be is always between the two: the first only finds what can be,
//! the second finds all that can be, and more. A register soon forgets: after a few writes and
//! reads the two have the same configurations, and from there on it is known exactly what can be. (Propp
//! and Wilson 1996, "coupling from the past", sample the end of a process in this way.)
//!
//! If the sweep then ends at an event that nothing passes, the history is refuted and explained, and
//! the search need not go back to the beginning to see that nothing else was possible. Whatever was
//! remembered of the time before can be forgotten, so that a long search needs no more memory than a short
//! one. Quiescent places, where nothing is in flight, are the simplest case of this, but a busy
//! object has none.

use std::collections::HashSet;

use super::bits::Bits;
use super::explain::explain;
use super::problem::{Place, Problem};
use super::search::{Configuration, Limits};
use super::solve::{Answer, Configurations, first};
use super::sweep::{Reached, Step, Sweep};
use crate::hash::FastHash;
use crate::model::Model;

/// How many configurations the second sweep may begin with.
const MOST: usize = 1 << 14;
/// How many steps the two may take until they meet.
const STEPS: u64 = 200_000;
/// How many events pass between two places that are remembered for the explanation, and how many of them are.
const EVERY: usize = 64;
const KEPT: usize = 64;

/// All configurations possible at a place.
pub(super) struct Known<'p, 'm, M: Model, B> {
    sweep: Sweep<'p, 'm, M, B>,
}

/// What can be known from a place on at which a search was in `configuration`; `None` if the two
/// sweeps do not meet before the event at `end`.
pub(super) fn couple<'p, 'm, M: Model, B: Bits>(
    problem: &'p Problem<'m, M>,
    layer: usize,
    configuration: Configuration<B, M::State>,
    end: usize,
    limits: &Limits<'_>,
) -> Option<Known<'p, 'm, M, B>> {
    let limits = Limits { steps: limits.steps.min(STEPS), ..*limits };
    let all = conceivable(problem, layer, end)?;
    let mut all = Sweep::new(problem, layer, all, false);
    let mut real = Sweep::new(problem, layer, vec![configuration], false);
    while real.place.layer < end {
        if same(&real.reached, &all.reached) {
            #[cfg(test)]
            tests::MET.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            return Some(Known { sweep: real });
        }
        if !matches!(real.step(&limits), Step::Passed) || !matches!(all.step(&limits), Step::Passed) {
            return None;
        }
    }
    None
}

/// Every configuration that is conceivable at a place before the event at `end`.
fn conceivable<M: Model, B: Bits>(
    problem: &Problem<'_, M>,
    layer: usize,
    end: usize,
) -> Option<Vec<Configuration<B, M::State>>> {
    let (from, to) = (problem.position(layer), problem.position(end));
    let mut place = Place::<B>::start(problem);
    place.go_to(problem, layer);
    let mut in_flight = place.in_flight.clone();
    let slots: Vec<usize> = std::iter::from_fn(|| in_flight.pop()).collect();
    if slots.len() as u32 >= MOST.ilog2() {
        return None;
    }
    let states = problem.model.conceivable(&problem.calls, from, to)?;
    if states.len() << slots.len() > MOST {
        return None;
    }
    let capacity = problem.bits_needed();
    let mut all = Vec::with_capacity(states.len() << slots.len());
    for state in states {
        // What can be placed at once is.
        let read = |slot: usize| place.reads.contains(slot) && problem.accepts(&state, place.occupant[slot]);
        let always = slots.iter().enumerate().filter(|&(_, &slot)| read(slot));
        let always = always.fold(0_usize, |set, (bit, _)| set | 1 << bit);
        for set in (0..1_usize << slots.len()).filter(|set| set & always == always) {
            let mut placed = B::empty(capacity);
            for (bit, &slot) in slots.iter().enumerate() {
                if set >> bit & 1 == 1 {
                    placed.insert(slot);
                }
            }
            // Whoever has used none of the calls that never return can do what any other can.
            all.push(Configuration { placed, used: B::empty(capacity), state: state.clone() });
        }
    }
    Some(all)
}

fn same<B: Bits, S: Clone + Eq + std::hash::Hash>(some: &[Reached<B, S>], all: &[Reached<B, S>]) -> bool {
    if some.len() != all.len() {
        return false;
    }
    let known: HashSet<&Configuration<B, S>, FastHash> = some.iter().map(|r| &r.configuration).collect();
    let others: HashSet<&Configuration<B, S>, FastHash> = all.iter().map(|r| &r.configuration).collect();
    known == others
}

impl<M: Model, B: Bits> Known<'_, '_, M, B> {
    /// The place, and all that is possible there.
    pub(super) fn into_all(self) -> (usize, Vec<Configuration<B, M::State>>) {
        (self.sweep.place.layer, self.sweep.reached.into_iter().map(|r| r.configuration).collect())
    }

    /// Whether the history can be explained to its end, if that can be known within the limits; and the steps
    /// that it took.
    pub(super) fn finish(
        mut self,
        problem: &Problem<'_, M>,
        limits: &Limits<'_>,
    ) -> (Option<Answer<M>>, u64) {
        let mut behind: Vec<(usize, Configurations<M, B>)> = Vec::new();
        let mut next = 0;
        loop {
            let layer = self.sweep.place.layer;
            if layer >= next {
                if behind.len() == KEPT {
                    behind.remove(0);
                }
                behind.push((layer, self.sweep.reached.iter().map(|r| r.configuration.clone()).collect()));
                next = layer + EVERY;
            }
            match self.sweep.step(limits) {
                Step::Passed => {}
                Step::End => return (Some(Answer::Linearizable), self.sweep.steps),
                Step::Spent(_) => return (None, self.sweep.steps),
                Step::Stuck => {
                    let refutation = explain(problem, layer, limits.stop, |before| {
                        let kept = behind.iter().rev().find(|(at, _)| *at <= before);
                        kept.cloned().unwrap_or_else(|| (0, vec![first(problem)]))
                    });
                    return (Some(Answer::NotLinearizable(Box::new(refutation))), self.sweep.steps);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
