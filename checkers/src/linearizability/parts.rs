//! One object in parts, side by side.
//!
//! A long history is cut at quiet places. What is possible at a cut depends on all that came before, but
//! not for long: if from every conceivable configuration at the cut the same ones are reached a few
//! operations later, then those are all that is possible there, whatever came before; unless nothing is,
//! which the part before will say. So the history consists of parts that can be searched at the same
//! time, each from all that is possible where it begins, and it is linearizable if and only if each of
//! them can be passed. (With nothing in flight at a cut this is the splitting at quiescent points; a busy object has
//! few of those.)
//!
//! Where the parts begin depends on the history alone, not on the number of threads, nor does any
//! answer.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::ahead::Ahead;
use super::bits::Bits;
use super::couple::{Conceivable, Window, same};
use super::problem::{Place, Problem};
use super::rounds::map;
use super::search::{Configuration, Limits, Possible};
use super::solve::{Answer, Part, SEARCH, Solved, solve_part};
use super::sweep::{Reached, Step, Sweep};
use crate::hash::FastHash;
use crate::model::Model;

/// How many calls a part has, or some more.
const CALLS: usize = if cfg!(test) { 20 } else { 20_000 };
/// How many parts there are at most: each needs some memory.
const PARTS: usize = 64;
/// Among how many places a quiet one is looked for.
const QUIET_AMONG: usize = 256;
/// Within how many events after a cut it must be forgotten what was before.
const HORIZON: usize = 512;
/// How many steps may be taken for it: less than a part takes in itself.
const STEPS: u64 = 5_000;
/// From how many conceivable configurations it is tried.
const ROOTS: usize = 512;
/// How many bytes the configurations of one event may take meanwhile.
const BYTES: usize = 4 << 20;
/// After so many places in a row where it was in vain, the rest is one part.
const IN_VAIN: usize = 3;

/// Where parts begin, with all that is possible there.
pub(super) type Cuts<B, S> = Vec<Possible<B, S>>;

/// Cuts a long history; one that is short, or has no place to cut, has one part. And the steps that it took.
pub(super) fn cuts<M: Model, B: Bits>(
    problem: &Problem<'_, M>,
    limits: &Limits<'_>,
) -> (Cuts<B, M::State>, u64) {
    let events = problem.events.len();
    let parts = (problem.calls.len() / CALLS).min(PARTS);
    let mut cuts = vec![Possible::first(problem)];
    if parts < 2 || problem.model.any_other().is_none() {
        return (cuts, 0);
    }
    let mut windows: Vec<Window<B>> = Vec::new();
    let mut place = Place::<B>::start(problem);
    for part in 1..parts {
        let from = (events as u128 * part as u128 / parts as u128) as usize;
        place.go_to(problem, from.max(place.layer));
        let Some(quiet) = quiet(problem, &mut place) else { break };
        let end = (quiet.layer + HORIZON).min(events - 1);
        windows.push(Window { begin: quiet, end });
    }
    let Some(conceivable) = Conceivable::new(problem, &windows) else { return (cuts, 0) };
    let mut in_vain = 0;
    let mut steps = 0;
    for (at, window) in windows.iter().enumerate() {
        if in_vain == IN_VAIN || steps >= limits.steps || limits.stopped() {
            break;
        }
        let roots = conceivable.at(at, &window.begin, ROOTS);
        let cut =
            roots.and_then(|roots| meet(problem, window, roots, &conceivable.any_other, limits, &mut steps));
        in_vain = if cut.is_some() { 0 } else { in_vain + 1 };
        if let Some(cut) = cut
            && cuts.last().is_some_and(|last| last.layer() < cut.layer())
        {
            cuts.push(cut);
        }
    }
    (cuts, steps)
}

/// The place among the next ones at which the fewest calls are in flight. `None` if by then some were invoked that
/// never return: how many of them were used depends on the whole past.
fn quiet<M: Model, B: Bits>(problem: &Problem<'_, M>, place: &mut Place<B>) -> Option<Place<B>> {
    let mut best: Option<(usize, Place<B>)> = None;
    let end = (place.layer + QUIET_AMONG).min(problem.events.len());
    while place.layer < end && place.mays == 0 {
        let in_flight = place.in_flight.len();
        if best.as_ref().is_none_or(|(least, _)| in_flight < *least) {
            best = Some((in_flight, place.clone()));
        }
        if in_flight == 0 {
            break;
        }
        place.forward(problem);
    }
    best.map(|(_, place)| place)
}

/// The place within a window from which on it does not matter in which of `roots` the history was, and all
/// that is possible there.
fn meet<M: Model, B: Bits>(
    problem: &Problem<'_, M>,
    window: &Window<B>,
    roots: Vec<Configuration<B, M::State>>,
    any_other: &M::State,
    limits: &Limits<'_>,
    spent: &mut u64,
) -> Option<Possible<B, M::State>> {
    let place = &window.begin;
    let mut sweeps: Vec<Sweep<'_, '_, M, B>> = roots
        .into_iter()
        .map(|root| Sweep::from(problem, Possible { place: place.clone(), all: vec![root] }))
        .collect();
    let most = *spent + STEPS;
    for at in place.layer..window.end {
        let mut failed = limits.stopped();
        sweeps.retain_mut(|sweep| {
            if failed {
                return false;
            }
            let before = sweep.steps;
            let steps = before + most.saturating_sub(*spent);
            let step = sweep.step(&Limits { steps, bytes: BYTES, stop: limits.stop });
            *spent += sweep.steps - before;
            failed |= matches!(step, Step::Spent(_)) || *spent >= most;
            matches!(step, Step::Passed)
        });
        if failed {
            return None;
        }
        if !problem.events[at].returns {
            continue;
        }
        merge(&mut sweeps);
        if let [one] = &sweeps[..] {
            // What goes on from the state that stands for others is not all that goes on from those.
            let real = one.reached.iter().all(|reached| reached.configuration.state != *any_other);
            if real && one.place.mays == 0 {
                #[cfg(test)]
                tests::CUT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                return Some(one.possible());
            }
        }
    }
    None
}

/// Of sweeps that reached the same only one goes on.
fn merge<M: Model, B: Bits>(sweeps: &mut Vec<Sweep<'_, '_, M, B>>) {
    let mut alike: HashMap<u64, Vec<usize>, FastHash> = HashMap::default();
    let mut at = 0;
    while at < sweeps.len() {
        let others = alike.entry(fingerprint(&sweeps[at].reached)).or_default();
        if others.iter().any(|&other| same(&sweeps[other].reached, &sweeps[at].reached)) {
            sweeps.swap_remove(at);
        } else {
            others.push(at);
            at += 1;
        }
    }
}

/// A hash of a set, whatever its order.
fn fingerprint<B: Bits, S: Clone + Eq + Hash>(reached: &[Reached<B, S>]) -> u64 {
    let hash = FastHash::default();
    reached.iter().fold(0, |all, reached| hash.hash_one(&reached.configuration).wrapping_add(all))
}

/// Searches the parts between cuts. If that decides nothing: how many steps it took.
pub(super) fn solve_parts<M: Model, B: Bits>(
    problem: &Problem<'_, M>,
    ahead: Option<&Ahead<M>>,
    cuts: &Cuts<B, M::State>,
    limits: &Limits<'_>,
    threads: usize,
) -> Result<Solved<M>, u64> {
    if cuts.len() < 2 {
        return Err(0);
    }
    let threads = threads.clamp(1, cuts.len());
    let steps = limits.steps / cuts.len() as u64;
    let each = Limits { steps, bytes: limits.bytes / threads, ..*limits };
    let refuted = AtomicUsize::new(usize::MAX);
    let solved: Vec<Option<Solved<M>>> = map(threads, cuts.len(), |at| {
        // What comes after a part that cannot be passed is not asked for.
        if refuted.load(Ordering::Relaxed) < at {
            return None;
        }
        let end = cuts.get(at + 1).map_or(problem.events.len(), Possible::layer);
        let solved = solve_part(problem, ahead, &Part { known: &cuts[..=at], end }, &each);
        if matches!(solved.answer, Answer::NotLinearizable(_)) {
            refuted.fetch_min(at, Ordering::Relaxed);
        }
        Some(solved)
    });
    let mut steps = 0;
    let mut by = SEARCH;
    for solved in solved.into_iter().flatten() {
        steps += solved.steps;
        by = if by == SEARCH { solved.by } else { by };
        match solved.answer {
            Answer::Linearizable => {}
            Answer::NotLinearizable(_) => return Ok(Solved { steps, by, ..solved }),
            Answer::Unknown { .. } => return Err(steps),
        }
    }
    Ok(Solved { answer: Answer::Linearizable, steps, by })
}

#[cfg(test)]
mod tests;
