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

use std::collections::{HashMap, HashSet};

use super::bits::Bits;
use super::explain::explain;
use super::problem::{Place, Problem};
use super::search::{Configuration, Limits, Possible, Search};
use super::solve::Answer;
use super::sweep::{Reached, Step, Sweep};
use crate::hash::FastHash;
use crate::model::{Effect, Model};

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
    found: Possible<B, M::State>,
    end: usize,
    limits: &Limits<'_>,
) -> Option<Known<'p, 'm, M, B>> {
    let limits = Limits { steps: limits.steps.min(STEPS), ..*limits };
    let windows = [Window { begin: found.place.clone(), end }];
    let all = Conceivable::new(problem, &windows)?.at(0, &found.place, MOST)?;
    let mut all = Sweep::from(problem, Possible { place: found.place.clone(), all });
    let mut real = Sweep::from(problem, found);
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

/// From a place to the event before which it ends.
pub(super) struct Window<B> {
    pub(super) begin: Place<B>,
    pub(super) end: usize,
}

/// What can be conceived of some places without knowing what came before.
pub(super) struct Conceivable<'p, 'm, M: Model> {
    problem: &'p Problem<'m, M>,
    /// The state that stands for others.
    pub(super) any_other: M::State,
    /// For each place the states of which somebody tells between there and some end, if they may have been left before.
    /// `None` where some operation's effect depends on what it finds.
    states: Vec<Option<Vec<M::State>>>,
}

impl<'p, 'm, M: Model> Conceivable<'p, 'm, M> {
    /// Of the places at which windows begin. `None` if the model's operations do not replace states.
    pub(super) fn new<B: Bits>(problem: &'p Problem<'m, M>, windows: &[Window<B>]) -> Option<Self> {
        let any_other = problem.model.any_other()?;
        let told: Vec<Option<Vec<M::State>>> = windows.iter().map(|window| told(problem, window)).collect();
        // The position after which a state can be there.
        let mut since: HashMap<&M::State, usize, FastHash> =
            told.iter().flatten().flatten().map(|state| (state, usize::MAX)).collect();
        let mut any_since = usize::MAX;
        for call in &problem.calls {
            match problem.model.effect(&call.input, call.output.as_ref()) {
                Effect::Nothing => {}
                Effect::Depends => any_since = any_since.min(call.call),
                Effect::Replaces(state) if state == any_other => return None,
                Effect::Replaces(state) => {
                    if let Some(since) = since.get_mut(&state) {
                        *since = call.call.min(*since);
                    }
                }
            }
        }
        let initial = problem.model.initial();
        let mut states = Vec::with_capacity(windows.len());
        for (told, window) in told.iter().zip(windows) {
            let layer = window.begin.layer;
            let now = problem.events.get(layer).map_or(usize::MAX, |_| problem.position(layer));
            states.push(told.clone().map(|mut told| {
                told.retain(|state| since[state] <= now || any_since <= now || *state == initial);
                told.push(any_other.clone());
                told
            }));
        }
        Some(Conceivable { problem, any_other, states })
    }

    /// Every configuration that is conceivable at a place, which is that of the window of this number; `None` if they are
    /// more than `most`.
    pub(super) fn at<B: Bits>(
        &self,
        window: usize,
        place: &Place<B>,
        most: usize,
    ) -> Option<Vec<Configuration<B, M::State>>> {
        let problem = self.problem;
        let states = self.states[window].as_ref()?;
        let mut in_flight = place.in_flight.clone();
        let slots: Vec<usize> = std::iter::from_fn(|| in_flight.pop()).collect();
        if slots.len() as u32 > most.ilog2() || states.len() << slots.len() > most {
            return None;
        }
        let capacity = problem.bits_needed();
        let mut all = Vec::with_capacity(states.len() << slots.len());
        for state in states {
            // What can be placed at once is.
            let read =
                |slot: usize| place.reads.contains(slot) && problem.accepts(state, place.occupant[slot]);
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
}

/// The states of which operations tell that may take effect within a window, each once; `None` if
/// the effect of one of them depends on what it finds.
fn told<M: Model, B: Bits>(problem: &Problem<'_, M>, window: &Window<B>) -> Option<Vec<M::State>> {
    let place = &window.begin;
    let mut in_flight = place.in_flight.clone();
    let in_flight = std::iter::from_fn(|| in_flight.pop()).map(|slot| place.occupant[slot]);
    let mays = problem.mays[..place.mays].iter().copied();
    let end = (window.end + 1).min(problem.events.len());
    let invoked = problem.events[place.layer..end].iter().filter(|event| !event.returns);
    let mut told = Vec::new();
    for at in in_flight.chain(mays).chain(invoked.map(|event| event.call)) {
        let call = problem.call(at);
        if problem.model.effect(&call.input, call.output.as_ref()) == Effect::Depends {
            return None;
        }
        problem.model.tells_of(&call.input, call.output.as_ref(), &mut told);
    }
    let mut seen: HashSet<M::State, FastHash> = HashSet::default();
    told.retain(|state| seen.insert(state.clone()));
    Some(told)
}

pub(super) fn same<B: Bits, S: Clone + Eq + std::hash::Hash>(
    some: &[Reached<B, S>],
    all: &[Reached<B, S>],
) -> bool {
    if some.len() != all.len() {
        return false;
    }
    let known: HashSet<&Configuration<B, S>, FastHash> = some.iter().map(|r| &r.configuration).collect();
    let others: HashSet<&Configuration<B, S>, FastHash> = all.iter().map(|r| &r.configuration).collect();
    known == others
}

impl<M: Model, B: Bits> Known<'_, '_, M, B> {
    /// The place, and all that is possible there.
    pub(super) fn into_possible(self) -> Possible<B, M::State> {
        self.sweep.into_possible()
    }

    /// Whether the history can be explained to the end of the search, if that can be known within the limits; and
    /// the steps that it took.
    pub(super) fn finish(
        mut self,
        problem: &Problem<'_, M>,
        search: &Search<'_, '_, M, B>,
        limits: &Limits<'_>,
    ) -> (Option<Answer<M>>, u64) {
        self.sweep.end = search.end;
        let mut behind: Vec<Possible<B, M::State>> = Vec::new();
        let mut next = 0;
        loop {
            let layer = self.sweep.place.layer;
            if layer >= next {
                if behind.len() == KEPT {
                    behind.remove(0);
                }
                behind.push(self.sweep.possible());
                next = layer + EVERY;
            }
            match self.sweep.step(limits) {
                Step::Passed => {}
                Step::End => return (Some(Answer::Linearizable), self.sweep.steps),
                Step::Spent(_) => return (None, self.sweep.steps),
                Step::Stuck => {
                    let refutation = explain(problem, layer, limits.stop, |before| {
                        let kept = behind.iter().rev().find(|kept| kept.layer() <= before);
                        let known = kept.or(Some(&search.base).filter(|base| base.layer() <= before));
                        known.cloned().unwrap_or_else(|| Possible::first(problem))
                    });
                    return (Some(Answer::NotLinearizable(Box::new(refutation))), self.sweep.steps);
                }
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
