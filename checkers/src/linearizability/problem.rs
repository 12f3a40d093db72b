//! The calls on one object, laid out for a search: a line of events, and a slot for each call in
//! flight.

use std::collections::HashMap;

use super::bits::Bits;
use crate::hash::FastHash;
use crate::model::{Call, Calls, Model};

/// No call.
pub(super) const NONE: u32 = u32::MAX;

/// What a search does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Returns, and changes no state: placed as soon as the state allows it.
    Read,
    /// Returns, and must be placed before it does.
    Must,
    /// Never returns: may be placed at any time, or never.
    May,
}

/// A call or a return of `call`, an index into [`Problem::calls`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) call: u32,
    pub(super) returns: bool,
}

/// What a call asks for, and what it was answered.
type Asked<'c, M> = (&'c <M as Model>::Input, Option<&'c <M as Model>::Output>);

/// See the module.
pub(super) struct Problem<'m, M: Model> {
    pub(super) model: &'m M,
    pub(super) calls: Calls<M>,
    pub(super) roles: Vec<Role>,
    /// For calls that return: a slot that is theirs while they are in flight. For the others:
    /// their number, in the order of invocation; it stays theirs.
    pub(super) slots: Vec<u32>,
    pub(super) events: Vec<Event>,
    /// The call of each number, of those that never return.
    pub(super) mays: Vec<u32>,
    /// The previous number that asks for the same thing, or [`NONE`]. Calls that never return and
    /// ask for the same cannot be told apart, so a search takes the earlier one first.
    pub(super) same_before: Vec<u32>,
    /// How many calls that return are in flight at most.
    pub(super) width: usize,
    /// How many steps an explanation of it may take at most, beside those of the search.
    pub(super) explanation: u64,
}

impl<'m, M: Model> Problem<'m, M> {
    pub(super) fn new(model: &'m M, mut calls: Calls<M>) -> Self {
        // An operation that changes nothing, and may not have happened, says nothing.
        calls.retain(|c| c.ret.is_some() || !model.is_read_only(&c.input, c.output.as_ref()));
        calls.sort_by_key(|call| call.call);
        let roles: Vec<Role> = calls.iter().map(|call| role(model, call)).collect();
        let events = line_up(&calls);
        let mut problem = Problem {
            model,
            slots: vec![NONE; calls.len()],
            mays: Vec::new(),
            same_before: Vec::new(),
            width: 0,
            explanation: u64::MAX,
            calls,
            roles,
            events,
        };
        problem.hand_out_slots();
        problem
    }

    fn hand_out_slots(&mut self) {
        let mut free: Vec<u32> = Vec::new();
        let mut last_same: HashMap<Asked<'_, M>, u32, FastHash> = HashMap::default();
        for event in &self.events {
            let at = event.call as usize;
            let call = &self.calls[at];
            if event.returns {
                free.push(self.slots[at]);
            } else if self.roles[at] == Role::May {
                let number = self.mays.len() as u32;
                self.slots[at] = number;
                self.mays.push(event.call);
                let before = last_same.insert((&call.input, call.output.as_ref()), number);
                self.same_before.push(before.unwrap_or(NONE));
            } else {
                self.slots[at] = free.pop().unwrap_or_else(|| {
                    self.width += 1;
                    self.width as u32 - 1
                });
            }
        }
    }

    /// The calls of the first `layer` events: what returns later may have taken effect or not. Dates
    /// that were worked out may rest on what comes later, and are taken back.
    pub(super) fn prefix(&self, layer: usize) -> Calls<M> {
        let mut calls: Vec<Option<Call<M::Input, M::Output>>> = vec![None; self.calls.len()];
        for event in &self.events[..layer] {
            let call = self.call(event.call);
            if !event.returns {
                calls[event.call as usize] = Some(Call { ret: None, ..call.clone() });
            } else if let Some(kept) = &mut calls[event.call as usize]
                && call.output.is_some()
            {
                kept.ret = call.ret;
            }
        }
        let says_something = |call: &Call<M::Input, M::Output>| {
            call.ret.is_some() || !self.model.is_read_only(&call.input, call.output.as_ref())
        };
        calls.into_iter().flatten().filter(says_something).collect()
    }

    /// How many bits a set over slots, or over calls that never return, needs.
    pub(super) fn bits_needed(&self) -> usize {
        self.width.max(self.mays.len())
    }

    pub(super) fn call(&self, at: u32) -> &Call<M::Input, M::Output> {
        &self.calls[at as usize]
    }

    /// The position of an event in the history.
    pub(super) fn position(&self, layer: usize) -> usize {
        let event = self.events[layer];
        let call = self.call(event.call);
        if event.returns { call.ret.unwrap_or(call.call).max(call.call) } else { call.call }
    }

    pub(super) fn accepts(&self, state: &M::State, at: u32) -> bool {
        let call = self.call(at);
        self.model.accepts(state, &call.input, call.output.as_ref())
    }

    pub(super) fn step(&self, state: &M::State, at: u32) -> M::Next {
        let call = self.call(at);
        self.model.step(state, &call.input, call.output.as_ref())
    }
}

fn role<M: Model>(model: &M, call: &Call<M::Input, M::Output>) -> Role {
    match call.ret {
        None => Role::May,
        Some(_) if model.is_read_only(&call.input, call.output.as_ref()) => Role::Read,
        Some(_) => Role::Must,
    }
}

/// Calls, which are sorted, and returns in their order. At one position calls come first (intervals are closed), and
/// returns of calls without an answer last: their dates were derived from those of others, whom
/// a blocked search should blame.
fn line_up<I, O>(calls: &[Call<I, O>]) -> Vec<Event> {
    let mut returns: Vec<(u64, u32)> = Vec::with_capacity(calls.len());
    for (at, call) in calls.iter().enumerate() {
        if let Some(ret) = call.ret {
            let key = (ret.max(call.call) as u64) << 1 | u64::from(call.output.is_none());
            returns.push((key, at as u32));
        }
    }
    returns.sort_unstable();
    let mut events = Vec::with_capacity(calls.len() + returns.len());
    let mut begun = 0;
    for (key, call) in returns {
        while calls.get(begun).is_some_and(|next| next.call as u64 <= key >> 1) {
            events.push(Event { call: begun as u32, returns: false });
            begun += 1;
        }
        events.push(Event { call, returns: true });
    }
    events.extend((begun..calls.len()).map(|call| Event { call: call as u32, returns: false }));
    events
}

/// A place in the line of events, with the calls in flight there.
#[derive(Clone)]
pub(super) struct Place<B> {
    /// How many events lie behind.
    pub(super) layer: usize,
    /// The call in each slot.
    pub(super) occupant: Vec<u32>,
    /// Slots of calls in flight that return.
    pub(super) in_flight: B,
    /// Those of them that change no state.
    pub(super) reads: B,
    /// How many calls that never return have been invoked.
    pub(super) mays: usize,
}

impl<B: Bits> Place<B> {
    pub(super) fn start<M: Model>(problem: &Problem<'_, M>) -> Self {
        let capacity = problem.bits_needed();
        Place {
            layer: 0,
            occupant: vec![NONE; problem.width],
            in_flight: B::empty(capacity),
            reads: B::empty(capacity),
            mays: 0,
        }
    }

    /// Past the next event.
    pub(super) fn forward<M: Model>(&mut self, problem: &Problem<'_, M>) {
        let event = problem.events[self.layer];
        self.layer += 1;
        self.pass(problem, event, !event.returns);
    }

    /// Before the previous event.
    pub(super) fn back<M: Model>(&mut self, problem: &Problem<'_, M>) {
        self.layer -= 1;
        let event = problem.events[self.layer];
        self.pass(problem, event, event.returns);
    }

    pub(super) fn go_to<M: Model>(&mut self, problem: &Problem<'_, M>, layer: usize) {
        while self.layer > layer {
            self.back(problem);
        }
        while self.layer < layer {
            self.forward(problem);
        }
    }

    fn pass<M: Model>(&mut self, problem: &Problem<'_, M>, event: Event, enters: bool) {
        let at = event.call as usize;
        let slot = problem.slots[at] as usize;
        let role = problem.roles[at];
        match (role, enters) {
            (Role::May, true) => self.mays += 1,
            (Role::May, false) => self.mays -= 1,
            (_, true) => {
                self.occupant[slot] = event.call;
                self.in_flight.insert(slot);
                if role == Role::Read {
                    self.reads.insert(slot);
                }
            }
            (_, false) => {
                self.in_flight.remove(slot);
                self.reads.remove(slot);
            }
        }
    }

    /// Numbers of the calls that never return which a configuration that has used `used` may take
    /// next.
    pub(super) fn open_mays<'s, M: Model>(
        &self,
        problem: &'s Problem<'_, M>,
        used: &'s B,
    ) -> impl Iterator<Item = usize> + use<'s, B, M> {
        (0..self.mays).filter(move |&number| {
            let before = problem.same_before[number];
            !used.contains(number) && (before == NONE || used.contains(before as usize))
        })
    }
}
