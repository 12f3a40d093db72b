//! A search remembers what it visited, and so holds the more the longer a history is. But once all that
//! is possible at a later place is known, what lies before it can be forgotten.
//!
//! [`couple`](super::couple) learns that for objects that soon forget. This is for all others: a sweep goes from
//! the last place at which all was known to one not far behind the furthest that the search came to.
//! It may take some times the steps that the search took for the same events. Where it needs more,
//! because there is much that is possible and the search was lucky, memory is what it costs.

use super::bits::Bits;
use super::problem::Problem;
use super::search::{Limits, Possible, Search};
use super::sweep::{Step, Sweep};
use crate::model::Model;

/// How many steps the sweep may take for each of the search's.
const STEPS_FOR_A_STEP: u64 = 2;
/// How many configurations may be possible at the place.
const MOST: usize = 1 << 12;

/// All that is possible at `layer`, if the sweep there is worth its time; and the steps that it took.
pub(super) fn catch_up<M: Model, B: Bits>(
    problem: &Problem<'_, M>,
    search: &Search<'_, '_, M, B>,
    layer: usize,
    limits: &Limits<'_>,
) -> (Option<Possible<B, M::State>>, u64) {
    let base = &search.base;
    if layer <= base.layer() {
        return (None, 0);
    }
    let events = (layer - base.layer()) as u64;
    let steps = (search.steps - search.steps_at_base).saturating_mul(STEPS_FOR_A_STEP) + 2 * events;
    let bytes = search.patience.bytes.min(limits.bytes);
    let limits = Limits { steps: steps.min(limits.steps), bytes, stop: limits.stop };
    let mut sweep = Sweep::from(problem, base.clone());
    sweep.end = layer;
    sweep.hopeless = search.ahead.hopeless.as_ref();
    let step = sweep.run(&limits);
    let steps = sweep.steps;
    // It is not stuck where the search came by.
    let arrived = matches!(step, Step::End) && sweep.reached.len() <= MOST;
    #[cfg(test)]
    if arrived {
        tests::CAUGHT_UP.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    (arrived.then(|| sweep.into_possible()), steps)
}

#[cfg(test)]
mod tests;
