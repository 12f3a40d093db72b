//! The search: depth first, just in time, with a cache of what has been visited.
//!
//! Wing and Gong (1993) try orders; Lowe ("Testing for linearizability", 2017) adds a cache of
//! visited configurations, and linearizes *just in time*: nothing is placed until the return of an
//! operation demands that it has been. A configuration is therefore a place in the line of events
//! with the operations *in flight* there that have been placed already, and the state: as small as
//! the concurrency, not as the history.
//!
//! Three things are done at once, because nothing is lost by it:
//! - A read that the state allows is placed as soon as it is invoked or the state arises. In any
//!   execution that goes on from here with the read later, it can be moved to here: it changes no
//!   state, is possible in this one, and whatever had to precede it has returned, so is placed.
//! - Of two configurations with the same place, state and placed operations, the one that has used
//!   fewer of the operations that never return can do whatever the other can. Only it is kept.
//! - Operations that never return and ask for the same are taken in the order of invocation.
//!
//! A search may also look [ahead](super::ahead). Then it decides, and one that does not explains.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::ahead::Ahead;
use super::bits::{Antichain, Bits, covered};
use super::problem::{Place, Problem, Role};
use crate::hash::FastHash;
use crate::model::{Blindness, Model};

/// Every so many events all configurations are cached, not only blocked ones, so that those at
/// these places can be asked for afterwards.
pub(super) const CHECKPOINT: usize = 512;

/// How many steps, or events, pass between two questions whether to stop.
const ASK_EVERY: u64 = 4096;

/// Among how many places in a row one with few calls in flight is looked for.
const QUIET_AMONG: usize = 64;

/// See [`Budget::stop`](crate::checker::Budget::stop).
pub(super) type Stop<'b> = Option<&'b (dyn Fn() -> Option<String> + Sync)>;

/// What one search may use.
#[derive(Clone, Copy)]
pub(super) struct Limits<'b> {
    pub(super) steps: u64,
    pub(super) bytes: usize,
    pub(super) stop: Stop<'b>,
}

impl Limits<'_> {
    /// Whether it is time to stop.
    pub(super) fn stopped(&self) -> bool {
        self.stop.is_some_and(|stop| stop().is_some())
    }
}

/// Why a search ended before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    Steps,
    Bytes,
    /// See [`Search::patience`]; the search can go on.
    Patience,
    Stopped(String),
}

/// A state with what has been placed on the way to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Configuration<B, S> {
    /// Slots in flight that have been placed.
    pub(super) placed: B,
    /// Calls that never return which have been used.
    pub(super) used: B,
    pub(super) state: S,
}

impl<B: Bits, S> Possible<B, S> {
    /// Before the first event.
    pub(super) fn first<M: Model<State = S>>(problem: &Problem<'_, M>) -> Self {
        let empty = B::empty(problem.bits_needed());
        let first = Configuration { placed: empty.clone(), used: empty, state: problem.model.initial() };
        Possible { place: Place::start(problem), all: vec![first] }
    }

    pub(super) fn layer(&self) -> usize {
        self.place.layer
    }
}

/// How a search ended.
pub(super) enum Found {
    /// Its end is reached.
    Linearizable,
    /// No configuration passes the event at `layer`.
    Stuck {
        layer: usize,
    },
    Spent(Spent),
}

struct Frame<B, S> {
    layer: usize,
    configuration: Configuration<B, S>,
    /// Slots still to be tried; the blocked one first, whatever its number.
    slots: B,
    blocked_first: Option<usize>,
    /// Numbers still to be tried.
    mays: B,
    /// Found to lead to a state that suits the blocked operation; tried before all.
    suits: Option<Choice>,
}

#[derive(Clone, Copy)]
enum Choice {
    Slot(usize),
    May(usize),
}

/// The visited configurations: place, placed slots and state, with the smallest sets of used calls.
type Visited<B, S> = HashMap<(u32, B, S), Antichain<B>, FastHash>;

/// All that is possible at a place.
#[derive(Clone)]
pub(super) struct Possible<B, S> {
    pub(super) place: Place<B>,
    pub(super) all: Vec<Configuration<B, S>>,
}

/// A search through one problem, or through a part of it.
pub(super) struct Search<'p, 'm, M: Model, B> {
    problem: &'p Problem<'m, M>,
    pub(super) ahead: &'p Ahead<M>,
    /// Where it began.
    pub(super) base: Possible<B, M::State>,
    /// How many steps had been taken then.
    pub(super) steps_at_base: u64,
    /// The event before which it is at its end.
    pub(super) end: usize,
    place: Place<B>,
    visited: Visited<B, M::State>,
    stack: Vec<Frame<B, M::State>>,
    /// Successors, beyond the first, of operations that leave the system a choice.
    alternatives: Vec<(usize, Configuration<B, M::State>)>,
    /// Bytes that cached sets hold outside of the table.
    outside: usize,
    /// How many of those that it may begin at are left.
    roots: usize,
    /// Where to go on after a stall.
    next: Option<Configuration<B, M::State>>,
    /// How many events behind the furthest, and with how many bytes, it stalls, to ask whether there is
    /// a shorter way: see [`couple`](super::couple).
    pub(super) patience: Patience,
    /// Configurations visited.
    pub(super) steps: u64,
    /// The furthest event that blocked, or the end.
    pub(super) furthest: usize,
}

/// See [`Search::patience`].
#[derive(Clone, Copy)]
pub(super) struct Patience {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

impl<'p, 'm, M: Model, B: Bits> Search<'p, 'm, M, B> {
    /// A search from all that is possible at a place to the event at `end`. One that does not look ahead reaches all
    /// that is possible, until it succeeds.
    pub(super) fn from(
        problem: &'p Problem<'m, M>,
        ahead: &'p Ahead<M>,
        begin: Possible<B, M::State>,
        end: usize,
    ) -> Self {
        let mut search = Search {
            problem,
            ahead,
            base: Possible { place: begin.place.clone(), all: Vec::new() },
            steps_at_base: 0,
            end,
            roots: 0,
            next: None,
            patience: Patience { events: usize::MAX, bytes: usize::MAX },
            place: begin.place.clone(),
            visited: HashMap::default(),
            stack: Vec::new(),
            alternatives: Vec::new(),
            outside: 0,
            steps: 0,
            furthest: begin.layer(),
        };
        search.restart(begin);
        search
    }

    /// Searches from its beginning, or from where it stalled.
    pub(super) fn run(&mut self, limits: &Limits<'_>) -> Found {
        let mut asked = self.steps;
        let mut events = 0;
        while let Some(configuration) = self.next.take() {
            let from = self.place.layer;
            match self.advance(configuration) {
                Advance::End => {
                    self.furthest = self.end;
                    return Found::Linearizable;
                }
                Advance::Blocked(configuration) => self.visit(configuration),
                Advance::Known => {}
            }
            events += (self.place.layer - from) as u64;
            if self.steps + events >= asked + ASK_EVERY {
                asked = self.steps + events;
                if let Some(reason) = limits.stop.and_then(|stop| stop()) {
                    return Found::Spent(Spent::Stopped(reason));
                }
            }
            if self.steps >= limits.steps {
                return Found::Spent(Spent::Steps);
            }
            let bytes = self.bytes();
            if bytes > limits.bytes {
                return Found::Spent(Spent::Bytes);
            }
            self.next = self.choose();
            let impatient = self.is_behind(self.patience.events) || bytes > self.patience.bytes;
            if impatient && self.next.is_some() {
                return Found::Spent(Spent::Patience);
            }
        }
        Found::Stuck { layer: self.furthest }
    }

    /// Whether it has gone back by more than so many events.
    pub(super) fn is_behind(&self, events: usize) -> bool {
        self.furthest.saturating_sub(self.place.layer) > events
    }

    /// A configuration on the way to the current one, at least so many events behind the furthest, at a place where few
    /// calls are in flight; with that place.
    pub(super) fn behind(&self, distance: usize) -> Option<Possible<B, M::State>> {
        let latest = self.furthest.saturating_sub(distance);
        let after = self.stack.partition_point(|frame| frame.layer <= latest);
        let mut place = self.place.clone();
        let mut best: Option<(usize, &Frame<B, M::State>)> = None;
        for frame in self.stack[..after].iter().rev().take(QUIET_AMONG) {
            place.go_to(self.problem, frame.layer);
            let in_flight = place.in_flight.len();
            if best.is_none_or(|(least, _)| in_flight < least) {
                best = Some((in_flight, frame));
            }
        }
        best.map(|(_, frame)| {
            place.go_to(self.problem, frame.layer);
            Possible { place, all: vec![frame.configuration.clone()] }
        })
    }

    /// Forgets everything, and goes on from there.
    pub(super) fn restart(&mut self, base: Possible<B, M::State>) {
        self.visited = HashMap::default();
        self.stack = Vec::new();
        self.alternatives = Vec::new();
        self.outside = 0;
        self.roots = base.all.len();
        self.base = base;
        self.steps_at_base = self.steps;
        self.place = self.base.place.clone();
        self.next = self.choose();
    }

    /// All that is possible at a checkpoint, if the search was complete, or nothing.
    pub(super) fn at_checkpoint(&self, layer: usize) -> Possible<B, M::State> {
        let here = self.visited.iter().filter(|((at, _, _), _)| *at as usize == layer);
        let all = here.flat_map(|((_, placed, state), antichain)| {
            antichain.sets().iter().map(|used| Configuration {
                placed: placed.clone(),
                used: used.clone(),
                state: state.clone(),
            })
        });
        let mut place = self.base.place.clone();
        place.go_to(self.problem, layer);
        Possible { place, all: all.collect() }
    }

    fn bytes(&self) -> usize {
        let entry = size_of::<((u32, B, M::State), Antichain<B>)>() + 1;
        // A table keeps one slot in eight free, and doubles.
        self.visited.capacity() * entry * 8 / 7
            + self.stack.capacity() * size_of::<Frame<B, M::State>>()
            + self.ahead.last_needs.capacity() * (size_of::<(M::State, usize)>() + 1) * 8 / 7
            + self.outside
    }

    /// Passes events as long as they ask for nothing that is not placed.
    fn advance(&mut self, mut configuration: Configuration<B, M::State>) -> Advance<B, M::State> {
        let problem = self.problem;
        self.place_reads(&mut configuration);
        loop {
            if self.place.layer == self.end {
                return Advance::End;
            }
            let event = problem.events[self.place.layer];
            let at = event.call as usize;
            let slot = problem.slots[at] as usize;
            if event.returns && !configuration.placed.contains(slot) {
                return Advance::Blocked(configuration);
            }
            let checkpoint = self.place.layer > 0 && self.place.layer.is_multiple_of(CHECKPOINT);
            if checkpoint && !self.remember(&configuration) {
                return Advance::Known;
            }
            if event.returns {
                configuration.placed.remove(slot);
            } else if problem.roles[at] == Role::Read && problem.accepts(&configuration.state, event.call) {
                configuration.placed.insert(slot);
            }
            self.place.forward(problem);
        }
    }

    fn place_reads(&self, configuration: &mut Configuration<B, M::State>) {
        let mut reads = self.place.reads.without(&configuration.placed);
        while let Some(slot) = reads.pop() {
            if self.problem.accepts(&configuration.state, self.place.occupant[slot]) {
                configuration.placed.insert(slot);
            }
        }
    }

    /// Caches a configuration at the current place; false if it, or a better one, was cached.
    fn remember(&mut self, configuration: &Configuration<B, M::State>) -> bool {
        self.steps += 1;
        let key = (self.place.layer as u32, configuration.placed.clone(), configuration.state.clone());
        match self.visited.entry(key) {
            Entry::Vacant(entry) => {
                self.outside += configuration.placed.heap_bytes() + configuration.used.heap_bytes();
                self.outside += self.problem.model.heap_bytes(&configuration.state);
                entry.insert(Antichain::One(configuration.used.clone()));
                true
            }
            Entry::Occupied(mut entry) => {
                let new = !covered(entry.get_mut(), &configuration.used);
                if new {
                    self.outside += size_of::<B>() + configuration.used.heap_bytes();
                }
                new
            }
        }
    }

    /// Puts a blocked configuration on the stack with all its ways on, unless it is known.
    fn visit(&mut self, configuration: Configuration<B, M::State>) {
        self.furthest = self.furthest.max(self.place.layer);
        if !self.remember(&configuration) {
            return;
        }
        let problem = self.problem;
        // All that could be placed here leaves the state.
        let here = problem.position(self.place.layer);
        if self.ahead.last_needs.get(&configuration.state).is_some_and(|&last| last > here) {
            return;
        }
        // A read in flight that is not placed is impossible in this state.
        let mut slots = self.place.in_flight.without(&configuration.placed).without(&self.place.reads);
        let mut mays = B::empty(problem.bits_needed());
        for number in self.place.open_mays(problem, &configuration.used) {
            mays.insert(number);
        }
        if !self.ahead.only_from.is_empty() {
            match self.now_or_never(&slots, &configuration.state) {
                Turn::Nobodys(possible) => slots = possible,
                Turn::Of(slot) => {
                    slots = B::empty(problem.bits_needed());
                    slots.insert(slot);
                    mays = B::empty(problem.bits_needed());
                }
                Turn::OfSeveral => return,
            }
        }
        let blocked = problem.events[self.place.layer].call;
        let slot = problem.slots[blocked as usize] as usize;
        let first = slots.contains(slot).then_some(slot);
        let mut frame =
            Frame { layer: self.place.layer, blocked_first: first, suits: None, slots, mays, configuration };
        if first.is_none() || !problem.accepts(&frame.configuration.state, blocked) {
            frame.suits = self.what_suits(&frame, blocked);
        }
        self.stack.push(frame);
    }

    /// Of the calls in flight those that can be tried in a state, or the one that must be next
    /// because the state does not come back.
    fn now_or_never(&self, slots: &B, state: &M::State) -> Turn<B> {
        let mut possible = slots.clone();
        let mut turn = None;
        let mut rest = slots.clone();
        while let Some(slot) = rest.pop() {
            match self.ahead.only_from.get(self.place.occupant[slot] as usize) {
                Some(Some(only)) if only != state => possible.remove(slot),
                Some(Some(_)) if turn.replace(slot).is_some() => return Turn::OfSeveral,
                _ => {}
            }
        }
        turn.map_or(Turn::Nobodys(possible), Turn::Of)
    }

    /// An operation after which the blocked one is possible. Only the order of trials depends on
    /// it, not what is tried.
    fn what_suits(&self, frame: &Frame<B, M::State>, blocked: u32) -> Option<Choice> {
        let problem = self.problem;
        let leads_there = |call: u32| {
            let after = problem.step(&frame.configuration.state, call);
            after.into_iter().any(|state| problem.accepts(&state, blocked))
        };
        let mut slots = frame.slots.clone();
        while let Some(slot) = slots.pop() {
            if leads_there(self.place.occupant[slot]) {
                return Some(Choice::Slot(slot));
            }
        }
        let mut mays = frame.mays.clone();
        while let Some(number) = mays.pop() {
            if leads_there(problem.mays[number]) {
                return Some(Choice::May(number));
            }
        }
        None
    }

    /// The next configuration to go on from, at its place; `None` when all is tried.
    fn choose(&mut self) -> Option<Configuration<B, M::State>> {
        let problem = self.problem;
        loop {
            let depth = self.stack.len();
            if self.alternatives.last().is_some_and(|(at, _)| *at >= depth) {
                // A frame stays on the stack until its alternatives are used up, so they are the
                // top frame's.
                let (_, configuration) = self.alternatives.pop()?;
                self.place.go_to(problem, self.stack.last()?.layer);
                return Some(configuration);
            }
            let Some(frame) = self.stack.last_mut() else {
                self.roots = self.roots.checked_sub(1)?;
                self.place.go_to(problem, self.base.layer());
                return Some(self.base.all[self.roots].clone());
            };
            self.place.go_to(problem, frame.layer);
            let Some(choice) = frame.next_choice() else {
                self.stack.pop();
                continue;
            };
            let mut after = frame.configuration.clone();
            let call = match choice {
                Choice::Slot(slot) => {
                    after.placed.insert(slot);
                    self.place.occupant[slot]
                }
                Choice::May(number) => {
                    after.used.insert(number);
                    problem.mays[number]
                }
            };
            if let Some(Some(only)) = self.ahead.only_from.get(call as usize)
                && *only != frame.configuration.state
            {
                continue;
            }
            if self.ahead.blindness.get(call as usize).is_some_and(|b| *b != Blindness::Sees) {
                let mut others = self.place.in_flight.without(&after.placed).without(&self.place.reads);
                while let Some(slot) = others.pop() {
                    let other = self.place.occupant[slot] as usize;
                    if self.ahead.blindness.get(other) == Some(&Blindness::Idle) {
                        after.placed.insert(slot);
                    }
                }
            }
            let hopeless = |state: &M::State| self.ahead.hopeless.as_ref().is_some_and(|h| h.is(state));
            let mut states =
                problem.step(&frame.configuration.state, call).into_iter().filter(|state| !hopeless(state));
            let Some(first) = states.next() else { continue };
            for state in states {
                self.alternatives.push((depth, Configuration { state, ..after.clone() }));
            }
            if matches!(choice, Choice::May(_)) && first == after.state {
                // Nothing gained, and one operation less to go on with.
                continue;
            }
            after.state = first;
            return Some(after);
        }
    }
}

impl<B: Bits, S> Frame<B, S> {
    fn next_choice(&mut self) -> Option<Choice> {
        match self.suits.take() {
            Some(Choice::Slot(slot)) => {
                self.slots.remove(slot);
                return Some(Choice::Slot(slot));
            }
            Some(Choice::May(number)) => {
                self.mays.remove(number);
                return Some(Choice::May(number));
            }
            None => {}
        }
        if let Some(slot) = self.blocked_first.take()
            && self.slots.contains(slot)
        {
            self.slots.remove(slot);
            return Some(Choice::Slot(slot));
        }
        self.slots.pop().map(Choice::Slot).or_else(|| self.mays.pop().map(Choice::May))
    }
}

/// Whose turn it is in a state that does not come back.
enum Turn<B> {
    /// Nobody's in particular; these may be tried.
    Nobodys(B),
    /// Only this slot's.
    Of(usize),
    /// That of several, of which only one can have it.
    OfSeveral,
}

enum Advance<B, S> {
    /// All events are passed.
    End,
    /// The next event returns what is not placed.
    Blocked(Configuration<B, S>),
    /// Visited before.
    Known,
}
