//! From "no configuration passes this event" to a small proof.
//!
//! The search says at which return it ended. A sweep over the last few hundred events before it
//! gives all states that were possible at each of them. The proof is the shortest stretch of
//! events that fails from *every* state possible at its start, with all that is uncertain at its
//! edges granted: an operation that was in flight at the start may have taken effect before or
//! may take effect within, one that returns after the end likewise, and reads across an edge are
//! left out. Whatever still fails then fails in the whole history.
//!
//! Making a proof smaller by leaving out writes would be wrong: a read of the value left out
//! would be a new violation. Only reads are left out.

use super::bits::Bits;
use super::problem::{Place, Problem, Role};
use super::search::{CHECKPOINT, Limits, Possible, Stop};
use super::sweep::{Reached, Step, Sweep};
use crate::model::{Call, Calls, Model};

/// How many steps an explanation may take, apart from the search that it explains; but never more than
/// its object's share of the budget. Whoever gives a search few steps has a verdict that is explained
/// within as many again.
const STEPS: u64 = 400_000;
/// How many bytes its tables may hold.
const BYTES: usize = 256 << 20;
/// How many starts of a window are tried one by one before the strides grow.
const CLOSE_STARTS: usize = 96;
/// How many operations of the prefix, states, and ways on are kept.
const KEPT: usize = 64;
/// How many operations of each kind are named where there is no window.
const NEIGHBOURS: usize = 4;
/// The largest window from which reads are left out one by one.
const LEAN_WINDOW: usize = 256;

/// Why calls are not linearizable.
#[derive(Clone, Debug)]
pub struct Refutation<M: Model> {
    /// `call` of the first operation that cannot be placed: no order of the operations explains
    /// everything up to its return, and one explains everything before.
    ///
    /// If not `located`: the operation before whose return the longest prefix found ends.
    pub blocked: usize,
    /// Whether it is known where the history breaks, not only that it does. The search for it has
    /// bounds of its own. Within them it can happen that the place is found, but not the states
    /// and the window.
    pub located: bool,
    /// What it would need, in words, and what there is.
    pub why: String,
    /// How many operations the longest linearizable prefix has.
    pub prefix_length: usize,
    /// The last of them, at most 64, in an order that works.
    pub prefix: Vec<usize>,
    /// All states in which the object can be when `blocked` must be placed; at most 64.
    pub final_states: Vec<M::State>,
    /// What else could be placed then, from each of those states, and where it leads.
    pub ways_on: Vec<WayOn<M::State>>,
    /// The shortest stretch that fails from each of `window_start_states`. A call without `ret`
    /// may take effect or not: it never returned, or not within the window, or it was in flight
    /// when the window began. Empty if there was no time to look for it.
    pub window: Calls<M>,
    /// All states possible where the window begins.
    pub window_start_states: Vec<M::State>,
    /// Where there is no window: a few operations among which the reader should look. `blocked`, what was in flight
    /// with it, the last that had returned before it began, and the last after which, if they had come
    /// first, it would be possible.
    pub around: Calls<M>,
}

/// An operation that could be placed in a final state.
#[derive(Clone, Debug)]
pub struct WayOn<S> {
    /// The final state.
    pub from: S,
    /// `call` of the operation.
    pub call: usize,
    /// The states after it; none if it is impossible there.
    pub to: Vec<S>,
}

/// Explains why no configuration passes the event at `end`. `starts(layer)` gives all
/// configurations at a checkpoint at or before `layer`, and where that is; it must give the
/// beginning if asked for 0. It takes at most [`STEPS`] and [`Problem::explanation`] steps. Whoever is
/// told to stop has a smaller proof, not another verdict.
pub(super) fn explain<M: Model, B: Bits>(
    problem: &Problem<'_, M>,
    end: usize,
    stop: Stop<'_>,
    starts: impl Fn(usize) -> Possible<B, M::State>,
) -> Refutation<M> {
    let mut limits = Limits { steps: STEPS.min(problem.explanation), bytes: BYTES, stop };
    let mut refutation = bare(problem, end);
    let mut distance = CHECKPOINT / 4;
    loop {
        let start = starts(end.saturating_sub(distance));
        let from = start.layer();
        let last = from == 0;
        let Some(approach) = Approach::sweep(problem, start, end, &mut limits) else { break };
        approach.describe_end(&mut refutation);
        if let Some((window, states)) = approach.window(&mut limits) {
            refutation.window = window;
            refutation.window_start_states = states;
            break;
        }
        if last {
            break;
        }
        distance = (end - from).saturating_mul(4);
    }
    refutation
}

/// A refutation that knows only that there is a violation.
pub(super) fn unlocated<M: Model>(problem: &Problem<'_, M>, furthest: usize) -> Refutation<M> {
    Refutation {
        located: false,
        why: "no order of the operations explains all of them; where it breaks was not found within the \
              bounds of an explanation"
            .to_owned(),
        ..bare(problem, furthest.min(problem.events.len().saturating_sub(1)))
    }
}

/// What is known without any sweep, if it is known that no configuration passes the event at `end`.
pub(super) fn bare<M: Model>(problem: &Problem<'_, M>, end: usize) -> Refutation<M> {
    let blocked = problem.call(problem.events[end].call);
    Refutation {
        blocked: blocked.call,
        located: true,
        why: problem
            .model
            .requirement(&blocked.input, blocked.output.as_ref())
            .unwrap_or_else(|| "there is no state in which it is possible".to_owned()),
        prefix_length: problem.events[..end].iter().filter(|event| event.returns).count(),
        prefix: Vec::new(),
        final_states: Vec::new(),
        ways_on: Vec::new(),
        window: Vec::new(),
        window_start_states: Vec::new(),
        around: Vec::new(),
    }
}

/// See [`Refutation::around`].
pub(super) fn look_around<M: Model>(problem: &Problem<'_, M>, refutation: &mut Refutation<M>) {
    if !refutation.window.is_empty() {
        return;
    }
    let Ok(at) = problem.calls.binary_search_by_key(&refutation.blocked, |call| call.call) else { return };
    let (blocked, initial) = (at as u32, problem.model.initial());
    let (begins, ends) = (refutation.blocked, problem.calls[at].ret.unwrap_or(usize::MAX));
    let mut around = vec![blocked];
    let changing = (0..problem.calls.len() as u32)
        .rev()
        .filter(|&call| call != blocked && problem.roles[call as usize] != Role::Read);
    let (mut beside, mut before, mut makers) = (0, 0, 0);
    for call in changing {
        let Call { call: began, ret, .. } = problem.call(call);
        let returned_before = ret.is_some_and(|ret| ret < begins);
        let (kept, most) = match returned_before {
            true => (&mut before, NEIGHBOURS),
            false => (&mut beside, KEPT / 2),
        };
        let possible_after =
            || problem.step(&initial, call).into_iter().any(|state| problem.accepts(&state, blocked));
        if *kept < most && *began <= ends {
            *kept += 1;
            around.push(call);
        } else if makers < NEIGHBOURS && !problem.accepts(&initial, blocked) && possible_after() {
            makers += 1;
            around.push(call);
        }
    }
    around.sort_unstable();
    around.dedup();
    refutation.around = around.into_iter().map(|call| problem.call(call).clone()).collect();
}

/// The states possible before each event from `from` to `end`.
struct Approach<'p, 'm, M: Model, B> {
    problem: &'p Problem<'m, M>,
    from: usize,
    end: usize,
    states: Vec<Vec<M::State>>,
    sweep: Sweep<'p, 'm, M, B>,
}

impl<'p, 'm, M: Model, B: Bits> Approach<'p, 'm, M, B> {
    fn sweep(
        problem: &'p Problem<'m, M>,
        start: Possible<B, M::State>,
        end: usize,
        limits: &mut Limits<'_>,
    ) -> Option<Self> {
        let from = start.layer();
        let mut sweep = Sweep::from(problem, start).with_trail();
        let mut states = vec![distinct_states(&sweep.reached)];
        let stuck = loop {
            match sweep.step(limits) {
                Step::Passed => states.push(distinct_states(&sweep.reached)),
                Step::Stuck => break sweep.place.layer == end,
                Step::End | Step::Spent(_) => break false,
            }
        };
        limits.steps = limits.steps.saturating_sub(sweep.steps);
        stuck.then_some(Approach { problem, from, end, states, sweep })
    }

    fn describe_end(&self, refutation: &mut Refutation<M>) {
        let (problem, place, reached) = (self.problem, &self.sweep.place, &self.sweep.reached);
        let placed = |r: &Reached<B, M::State>| r.configuration.placed.len() + r.configuration.used.len();
        let Some(best) = reached.iter().rev().max_by_key(|r| placed(r)) else { return };
        let way = self.sweep.way(best.trail);
        let returned = problem.events[..self.end].iter().filter(|event| event.returns).count();
        refutation.prefix_length = returned + placed(best);
        refutation.prefix =
            way[way.len().saturating_sub(KEPT)..].iter().map(|&call| problem.call(call).call).collect();
        let states = distinct_states(reached);
        let blocked = problem.call(problem.events[self.end].call);
        let object = problem.model.object();
        refutation.why = match problem.model.requirement(&blocked.input, blocked.output.as_ref()) {
            Some(needs) => format!("{needs}, but it can only be {} there", self.list(&states)),
            None => format!("{object} can only be {} there", self.list(&states)),
        };
        refutation.ways_on = states
            .iter()
            .flat_map(|state| {
                let here = reached.iter().filter(move |r| r.configuration.state == *state);
                let mut open: Vec<u32> = here
                    .flat_map(|r| {
                        let mut slots = place.in_flight.without(&r.configuration.placed);
                        let slots = std::iter::from_fn(move || slots.pop()).map(|slot| place.occupant[slot]);
                        let mays = place.open_mays(problem, &r.configuration.used);
                        slots.chain(mays.map(|number| problem.mays[number])).collect::<Vec<_>>()
                    })
                    .collect();
                open.sort_unstable();
                open.dedup();
                open.into_iter().map(move |call| WayOn {
                    from: state.clone(),
                    call: problem.call(call).call,
                    to: problem.step(state, call).into_iter().collect(),
                })
            })
            .take(KEPT)
            .collect();
        refutation.final_states = states;
        refutation.final_states.truncate(KEPT);
    }

    fn list(&self, states: &[M::State]) -> String {
        let mut words: Vec<String> =
            states.iter().take(8).map(|state| self.problem.model.describe_state(state)).collect();
        if states.len() > 8 {
            words.push(format!("one of {} others", states.len() - 8));
        }
        match words.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, first)) => format!("{} or {last}", first.join(", ")),
            None => "nothing".to_owned(),
        }
    }

    /// The shortest window that fails, if it begins in this approach.
    fn window(&self, limits: &mut Limits<'_>) -> Option<(Calls<M>, Vec<M::State>)> {
        let blocked = self.problem.events[self.end].call;
        let latest = (self.from..self.end).rev().find(|&layer| self.problem.events[layer].call == blocked)?;
        let mut place = Place::<B>::start(self.problem);
        place.go_to(self.problem, latest);
        let mut start = latest;
        let mut stride = 1;
        let mut holds = latest + 1;
        let mut tried = 0;
        let found = loop {
            if let Some(window) = self.fails_from(&mut place, start, limits) {
                break window;
            }
            if start == self.from || limits.steps == 0 {
                return None;
            }
            holds = start;
            tried += 1;
            if tried >= CLOSE_STARTS {
                stride += stride / 4 + 1;
            }
            start = start.saturating_sub(stride).max(self.from);
        };
        let (window, start) = self.later_start(found, start, holds, &mut place, limits);
        let states = self.states[start - self.from].clone();
        let window = self.without_idle_reads(window, &states, limits);
        Some((window, states))
    }

    /// After a stride: a later start may fail as well.
    fn later_start(
        &self,
        mut window: Calls<M>,
        mut fails: usize,
        mut holds: usize,
        place: &mut Place<B>,
        limits: &mut Limits<'_>,
    ) -> (Calls<M>, usize) {
        while holds - fails > 1 {
            let middle = fails + (holds - fails) / 2;
            match self.fails_from(place, middle, limits) {
                Some(smaller) => (window, fails) = (smaller, middle),
                None => holds = middle,
            }
        }
        (window, fails)
    }

    /// The window that begins before the event at `start`, if it fails from all states there.
    fn fails_from(&self, place: &mut Place<B>, start: usize, limits: &mut Limits<'_>) -> Option<Calls<M>> {
        place.go_to(self.problem, start);
        let window = self.calls_from(place);
        fails(self.problem.model, &window, &self.states[start - self.from], limits).then_some(window)
    }

    fn calls_from(&self, place: &Place<B>) -> Calls<M> {
        let problem = self.problem;
        let free = |call: u32| {
            let mut call = problem.call(call).clone();
            call.ret = None;
            call
        };
        let mut window: Calls<M> = problem.mays[..place.mays].iter().map(|&call| free(call)).collect();
        let mut changing = place.in_flight.without(&place.reads);
        while let Some(slot) = changing.pop() {
            window.push(free(place.occupant[slot]));
        }
        let events = &problem.events[place.layer..=self.end];
        let mut returned: Vec<u32> = events.iter().filter(|e| e.returns).map(|e| e.call).collect();
        returned.sort_unstable();
        for event in events.iter().filter(|event| !event.returns) {
            let call = problem.call(event.call);
            // A return without an answer is one that was worked out, perhaps from reads outside.
            let returns = returned.binary_search(&event.call).is_ok() && call.output.is_some();
            if returns {
                window.push(call.clone());
            } else if problem.roles[event.call as usize] != Role::Read {
                window.push(free(event.call));
            }
        }
        window.sort_by_key(|call| call.call);
        window
    }

    fn without_idle_reads(
        &self,
        mut window: Calls<M>,
        states: &[M::State],
        limits: &mut Limits<'_>,
    ) -> Calls<M> {
        let model = self.problem.model;
        let blocked = self.problem.call(self.problem.events[self.end].call).call;
        if window.len() > LEAN_WINDOW {
            return window;
        }
        let mut at = 0;
        while at < window.len() {
            let call = &window[at];
            if call.call != blocked && model.is_read_only(&call.input, call.output.as_ref()) {
                let mut leaner = window.clone();
                leaner.remove(at);
                if fails(model, &leaner, states, limits) {
                    window = leaner;
                    continue;
                }
            }
            at += 1;
        }
        window
    }
}

/// Whether it is certain that no execution of `calls` begins in one of `states`.
pub(super) fn fails<M: Model>(
    model: &M,
    calls: &Calls<M>,
    states: &[M::State],
    limits: &mut Limits<'_>,
) -> bool {
    // A window is too small for its sweep to ask, and there may be thousands of them.
    if limits.stopped() {
        limits.steps = 0;
    }
    if limits.steps == 0 {
        return false;
    }
    let problem = Problem::new(model, calls.clone());
    let (stuck, steps) = match problem.bits_needed() {
        0..=64 => stuck::<M, u64>(&problem, states, limits),
        _ => stuck::<M, super::bits::Wide>(&problem, states, limits),
    };
    limits.steps = limits.steps.saturating_sub(steps.max(1));
    stuck
}

fn stuck<M: Model, B: Bits>(
    problem: &Problem<'_, M>,
    states: &[M::State],
    limits: &Limits<'_>,
) -> (bool, u64) {
    let mut sweep = Sweep::<M, B>::from_states(problem, states);
    let stuck = matches!(sweep.run(limits), Step::Stuck);
    (stuck, sweep.steps)
}

fn distinct_states<B, S: Clone + Eq + std::hash::Hash>(reached: &[Reached<B, S>]) -> Vec<S> {
    let mut seen = std::collections::HashSet::new();
    let states = reached.iter().map(|r| &r.configuration.state);
    states.filter(|state| seen.insert(*state)).cloned().collect()
}
