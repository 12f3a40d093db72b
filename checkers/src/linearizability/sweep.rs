//! The sweep: breadth first, all configurations of one event after another.
//!
//! It holds no more than the configurations of one event, and knows *all* of them, which is what
//! an explanation needs. Lowe 2017 calls it the just-in-time graph search. The depth-first
//! [`search`](super::search) is faster where a history is linearizable.

use std::collections::HashMap;

use super::bits::{Antichain, Bits, covered};
use super::problem::{NONE, Place, Problem, Role};
use super::search::{Configuration, Limits, Possible, Spent};
use crate::hash::FastHash;
use crate::model::{Hopeless, Model};

/// How many sets can be compared in the time of a step.
const COMPARISONS_A_STEP: u64 = 16;
/// How many steps pass between two questions whether to stop.
const ASK_EVERY: u64 = 4096;

/// A configuration and, if a trail is kept, how it came about.
#[derive(Clone, Debug)]
pub(super) struct Reached<B, S> {
    pub(super) configuration: Configuration<B, S>,
    /// Index into the trail, or [`NONE`].
    pub(super) trail: u32,
}

/// A placement: `call`, after those of the trail up to `before`.
#[derive(Clone, Copy, Debug)]
struct Footstep {
    call: u32,
    before: u32,
}

/// What came of one event.
pub(super) enum Step {
    /// It is behind.
    Passed,
    /// There was none before its end.
    End,
    /// No configuration passes it; [`Sweep::reached`] holds all that came up to it.
    Stuck,
    Spent(Spent),
}

/// A sweep through one problem.
pub(super) struct Sweep<'p, 'm, M: Model, B> {
    problem: &'p Problem<'m, M>,
    pub(super) place: Place<B>,
    /// The event before which it ends.
    pub(super) end: usize,
    /// States that it does not enter; then it does not reach all that is possible, but all that matters.
    pub(super) hopeless: Option<&'p Hopeless<M::State>>,
    /// All configurations at the place, smallest first in what they used.
    pub(super) reached: Vec<Reached<B, M::State>>,
    trail: Option<Vec<Footstep>>,
    pub(super) steps: u64,
    asked: u64,
}

impl<'p, 'm, M: Model, B: Bits> Sweep<'p, 'm, M, B> {
    /// From all that is possible somewhere.
    pub(super) fn from(problem: &'p Problem<'m, M>, begin: Possible<B, M::State>) -> Self {
        let reached = begin.all.into_iter().map(|configuration| Reached { configuration, trail: NONE });
        let (reached, end) = (reached.collect(), problem.events.len());
        Sweep { problem, place: begin.place, end, hopeless: None, reached, trail: None, steps: 0, asked: 0 }
    }

    /// The same, with a memory of the way.
    #[must_use]
    pub(super) fn with_trail(mut self) -> Self {
        self.trail = Some(Vec::new());
        self
    }

    /// From these states at the beginning.
    pub(super) fn from_states(problem: &'p Problem<'m, M>, states: &[M::State]) -> Self {
        let mut begin = Possible::first(problem);
        let first = begin.all.swap_remove(0);
        begin.all.extend(states.iter().map(|state| Configuration { state: state.clone(), ..first.clone() }));
        Sweep::from(problem, begin)
    }

    /// The place, and all that is possible there.
    pub(super) fn possible(&self) -> Possible<B, M::State> {
        let all = self.reached.iter().map(|reached| reached.configuration.clone());
        Possible { place: self.place.clone(), all: all.collect() }
    }

    /// The same, without a copy.
    pub(super) fn into_possible(self) -> Possible<B, M::State> {
        let all = self.reached.into_iter().map(|reached| reached.configuration);
        Possible { place: self.place, all: all.collect() }
    }

    /// Passes events until something ends it.
    pub(super) fn run(&mut self, limits: &Limits<'_>) -> Step {
        loop {
            match self.step(limits) {
                Step::Passed => {}
                other => return other,
            }
        }
    }

    /// Passes one event.
    pub(super) fn step(&mut self, limits: &Limits<'_>) -> Step {
        let problem = self.problem;
        if self.place.layer == self.end {
            return Step::End;
        }
        let event = problem.events[self.place.layer];
        let at = event.call as usize;
        let slot = problem.slots[at] as usize;
        self.steps += self.reached.len() as u64;
        if event.returns {
            let in_the_way = self.reached.iter().any(|r| !r.configuration.placed.contains(slot));
            if in_the_way {
                match self.place_returning(slot, limits) {
                    Step::Passed => {}
                    other => return other,
                }
            }
            for reached in &mut self.reached {
                reached.configuration.placed.remove(slot);
            }
        } else if problem.roles[at] == Role::Read {
            for index in 0..self.reached.len() {
                if problem.accepts(&self.reached[index].configuration.state, event.call) {
                    self.reached[index].configuration.placed.insert(slot);
                    self.reached[index].trail = self.footstep(event.call, self.reached[index].trail);
                }
            }
        }
        self.place.forward(problem);
        self.over(limits).map_or(Step::Passed, Step::Spent)
    }

    /// The calls placed on the way to `trail`, in their order, since the sweep began.
    pub(super) fn way(&self, mut trail: u32) -> Vec<u32> {
        let mut way = Vec::new();
        while let Some(step) = self.trail.as_ref().and_then(|steps| steps.get(trail as usize)) {
            way.push(step.call);
            trail = step.before;
        }
        way.reverse();
        way
    }

    fn footstep(&mut self, call: u32, before: u32) -> u32 {
        match &mut self.trail {
            Some(steps) => {
                steps.push(Footstep { call, before });
                steps.len() as u32 - 1
            }
            None => NONE,
        }
    }

    /// Replaces the configurations by all that follow from them, or are them, and have `slot`
    /// placed. If there are none: by all that were tried.
    fn place_returning(&mut self, slot: usize, limits: &Limits<'_>) -> Step {
        let problem = self.problem;
        let mut known = Known::default();
        let mut tried: Vec<Reached<B, M::State>> = Vec::new();
        for reached in std::mem::take(&mut self.reached) {
            if known.is_new(&reached.configuration) {
                tried.push(reached);
            }
        }
        let mut through = Vec::new();
        let mut next = 0;
        while next < tried.len() {
            let from = tried[next].clone();
            next += 1;
            self.steps += 1;
            if from.configuration.placed.contains(slot) {
                through.push(from);
                continue;
            }
            let hopeless = self.hopeless;
            let enters = |state: &M::State| hopeless.is_none_or(|hopeless| !hopeless.is(state));
            let mut choices: Vec<(u32, Configuration<B, M::State>)> = Vec::new();
            let mut slots =
                self.place.in_flight.without(&from.configuration.placed).without(&self.place.reads);
            while let Some(slot) = slots.pop() {
                let call = self.place.occupant[slot];
                for state in problem.step(&from.configuration.state, call).into_iter().filter(enters) {
                    let mut after = Configuration { state, ..from.configuration.clone() };
                    after.placed.insert(slot);
                    choices.push((call, after));
                }
            }
            for number in self.place.open_mays(problem, &from.configuration.used) {
                let call = problem.mays[number];
                for state in problem.step(&from.configuration.state, call) {
                    if state != from.configuration.state && enters(&state) {
                        let mut after = Configuration { state, ..from.configuration.clone() };
                        after.used.insert(number);
                        choices.push((call, after));
                    }
                }
            }
            // What costs time is a step: one configuration may lead to a hundred others.
            self.steps += choices.len() as u64;
            for (call, mut configuration) in choices {
                let reads = self.reads_possible(&configuration);
                for &(slot, _) in &reads {
                    configuration.placed.insert(slot);
                }
                if known.is_new(&configuration) {
                    known.outside += problem.model.heap_bytes(&configuration.state);
                    let mut trail = self.footstep(call, from.trail);
                    for &(_, read) in &reads {
                        trail = self.footstep(read, trail);
                    }
                    tried.push(Reached { configuration, trail });
                }
            }
            self.steps += std::mem::take(&mut known.compared) / COMPARISONS_A_STEP;
            if let Some(spent) = self.over(limits) {
                return Step::Spent(spent);
            }
            if known.bytes() > limits.bytes {
                return Step::Spent(Spent::Bytes);
            }
        }
        if through.is_empty() {
            self.reached = tried;
            return Step::Stuck;
        }
        self.reached = through;
        Step::Passed
    }

    fn reads_possible(&self, configuration: &Configuration<B, M::State>) -> Vec<(usize, u32)> {
        let mut reads = self.place.reads.without(&configuration.placed);
        std::iter::from_fn(|| reads.pop())
            .map(|slot| (slot, self.place.occupant[slot]))
            .filter(|&(_, call)| self.problem.accepts(&configuration.state, call))
            .collect()
    }

    fn over(&mut self, limits: &Limits<'_>) -> Option<Spent> {
        if self.steps >= limits.steps {
            return Some(Spent::Steps);
        }
        if self.trail.as_ref().is_some_and(|steps| steps.len() * size_of::<Footstep>() > limits.bytes) {
            return Some(Spent::Bytes);
        }
        if self.steps >= self.asked + ASK_EVERY {
            self.asked = self.steps;
            return limits.stop.and_then(|stop| stop()).map(Spent::Stopped);
        }
        None
    }
}

/// The configurations of one event that have been seen, as in the search's cache.
struct Known<B, S> {
    seen: HashMap<(B, S), Antichain<B>, FastHash>,
    outside: usize,
    /// How many sets were looked at since somebody asked.
    compared: u64,
}

impl<B, S> Default for Known<B, S> {
    fn default() -> Self {
        Known { seen: HashMap::default(), outside: 0, compared: 0 }
    }
}

impl<B: Bits, S: Clone + Eq + std::hash::Hash> Known<B, S> {
    fn is_new(&mut self, configuration: &Configuration<B, S>) -> bool {
        let mut new = true;
        self.seen
            .entry((configuration.placed.clone(), configuration.state.clone()))
            .and_modify(|antichain| {
                self.compared += antichain.sets().len() as u64;
                new = !covered(antichain, &configuration.used);
            })
            .or_insert_with(|| Antichain::One(configuration.used.clone()));
        if new {
            self.outside += configuration.used.heap_bytes() + configuration.placed.heap_bytes();
        }
        new
    }

    fn bytes(&self) -> usize {
        // The configurations are held once more in the list of those tried.
        2 * (self.seen.capacity() * size_of::<((B, S), Antichain<B>)>() + self.outside)
    }
}
