//! One object: search, take the shorter way if there is one, fall back to the sweep when the cache is full, explain a violation.

use super::ahead::Ahead;
use super::bits::{Bits, Wide};
use super::couple::couple;
use super::explain::{Refutation, bare, explain, look_around, unlocated};
use super::forget::catch_up;
use super::parts;
use super::problem::Problem;
use super::search::{CHECKPOINT, Found, Limits, Patience, Possible, Search, Spent};
use super::sweep::{Step, Sweep};
use crate::model::Model;

/// The general algorithms: [depth first](super::search)…
pub(crate) const SEARCH: &str = "Wing-Gong-Lowe";
/// …and [breadth first](super::sweep).
pub(crate) const SWEEP: &str = "just-in-time linearization";
/// How many steps may be spent on finding where a history breaks that is known to be broken, beside
/// two for each of its events: enough to go through a history that is not too concurrent, and a part
/// of what the verdict may have cost.
const EXPLAIN_STEPS: u64 = 250_000;
/// The same for each part of the history that is looked at when that was not enough.
const LOCATE_STEPS: u64 = 30_000;

/// What is known of one object.
pub(super) struct Solved<M: Model> {
    pub(super) answer: Answer<M>,
    /// Steps taken, without those of an explanation.
    pub(super) steps: u64,
    /// Which algorithm answered.
    pub(super) by: &'static str,
}

/// Whether calls on one object are linearizable.
#[derive(Clone, Debug)]
pub enum Answer<M: Model> {
    /// They are.
    Linearizable,
    /// They are not.
    NotLinearizable(Box<Refutation<M>>),
    /// The budget ended first.
    Unknown {
        /// What ended.
        reason: String,
        /// How many operations the longest linearizable prefix found so far has.
        longest_prefix: usize,
        /// Whether more steps would help.
        out_of_steps: bool,
    },
}

/// How many events a search goes back before it asks whether the end of the history alone cannot be explained.
/// The next time it goes back eight times as far.
const PATIENCE: usize = if cfg!(test) { 6 } else { 2048 };
/// How much a search remembers before it asks what can be forgotten. If nothing can, twice as much.
const MEMORY: usize = if cfg!(test) { 4 << 10 } else { 16 << 20 };

/// The answer of whoever was told to stop before beginning.
pub(super) fn not_begun<M: Model>(problem: &Problem<'_, M>, reason: String) -> Solved<M> {
    Solved { answer: unknown(problem, Spent::Stopped(reason), 0), steps: 0, by: SEARCH }
}

/// Whether the calls of a problem are linearizable. Its parts are searched by so many threads.
pub(super) fn solve<M: Model>(problem: &Problem<'_, M>, limits: &Limits<'_>, threads: usize) -> Solved<M> {
    let mut solved = match problem.bits_needed() {
        0..=64 => solve_with::<M, u64>(problem, limits, threads),
        _ => solve_with::<M, Wide>(problem, limits, threads),
    };
    if let Answer::NotLinearizable(refutation) = &mut solved.answer {
        look_around(problem, refutation);
    }
    solved
}

fn solve_with<M: Model, B: Bits>(problem: &Problem<'_, M>, limits: &Limits<'_>, threads: usize) -> Solved<M> {
    let ahead = Ahead::of(problem);
    let (cuts, cutting) = parts::cuts::<M, B>(problem, limits);
    let rest = Limits { steps: limits.steps.saturating_sub(cutting), ..*limits };
    let steps = match parts::solve_parts(problem, ahead.as_ref(), &cuts, &rest, threads) {
        Ok(solved) => return Solved { steps: solved.steps + cutting, ..solved },
        Err(steps) => steps + cutting,
    };
    let begin: Possible<B, M::State> = Possible::first(problem);
    let whole = Part { known: &[begin], end: problem.events.len() };
    let rest = Limits { steps: limits.steps.saturating_sub(steps), ..*limits };
    let mut solved = solve_part(problem, ahead.as_ref(), &whole, &rest);
    solved.steps += steps;
    solved
}

/// A part of a history.
pub(super) struct Part<'c, B, S> {
    /// All that is possible at some places, the last of which is where the part begins.
    pub(super) known: &'c [Possible<B, S>],
    /// The event before which it ends.
    pub(super) end: usize,
}

impl<B: Bits, S: Clone> Part<'_, B, S> {
    fn begin(&self) -> &Possible<B, S> {
        &self.known[self.known.len() - 1]
    }

    /// The last place known that is not after `layer`.
    fn before(&self, layer: usize) -> Possible<B, S> {
        let last = self.known.iter().rev().find(|known| known.layer() <= layer);
        last.unwrap_or(&self.known[0]).clone()
    }

    fn search<'p, 'm, M: Model<State = S>>(
        &self,
        problem: &'p Problem<'m, M>,
        ahead: &'p Ahead<M>,
    ) -> Search<'p, 'm, M, B> {
        Search::from(problem, ahead, self.begin().clone(), self.end)
    }
}

/// Whether a part can be passed.
pub(super) fn solve_part<M: Model, B: Bits>(
    problem: &Problem<'_, M>,
    ahead: Option<&Ahead<M>>,
    part: &Part<'_, B, M::State>,
    limits: &Limits<'_>,
) -> Solved<M> {
    let Some(ahead) = ahead else {
        return judge_and_explain(problem, part, limits);
    };
    let mut search = part.search(problem, ahead);
    let found = match run(&mut search, problem, limits) {
        Ok(found) => found,
        Err(solved) => return solved,
    };
    let (steps, furthest) = (search.steps, search.furthest);
    drop(search);
    let rest = Limits { steps: limits.steps.saturating_sub(steps), ..*limits };
    match found {
        Found::Linearizable => Solved { answer: Answer::Linearizable, steps, by: SEARCH },
        Found::Stuck { .. } => {
            // It is decided. The explanation has an allowance of its own, so that a violation is
            // not less well explained for being found quickly.
            let most = EXPLAIN_STEPS + 2 * (part.end - part.begin().layer()) as u64;
            let most = most.min(problem.explanation);
            // Where most of the work was saved by knowing what comes, it is not done after all.
            let allowance = if ahead.foresees() { most.min(steps.saturating_mul(8) + 2_000) } else { most };
            let limits = Limits { steps: allowance, ..*limits };
            let answer = match judge_and_explain(problem, part, &limits).answer {
                Answer::NotLinearizable(refutation) => Answer::NotLinearizable(refutation),
                Answer::Unknown { .. } => {
                    Answer::NotLinearizable(Box::new(locate(problem, furthest, &limits)))
                }
                // One of them is wrong, and no system is to be blamed for that.
                Answer::Linearizable => Answer::Unknown {
                    reason: "the two searches disagree; this is a bug of ours, please report it".to_owned(),
                    longest_prefix: 0,
                    out_of_steps: false,
                },
            };
            Solved { answer, steps, by: SEARCH }
        }
        Found::Spent(Spent::Bytes) => sweep_part(problem, part, &rest, steps, furthest),
        Found::Spent(spent) => Solved { answer: unknown(problem, spent, furthest), steps, by: SEARCH },
    }
}

/// Runs a search. When it has gone far back, or remembers much, what is possible late in the
/// history may be found out in another way: then there is an answer, or the search goes on from there.
fn run<M: Model, B: Bits>(
    search: &mut Search<'_, '_, M, B>,
    problem: &Problem<'_, M>,
    limits: &Limits<'_>,
) -> Result<Found, Solved<M>> {
    search.patience = Patience { events: PATIENCE, bytes: MEMORY };
    loop {
        let (events, bytes) = match search.run(limits) {
            Found::Spent(Spent::Patience) => (search.patience.events, search.patience.bytes),
            found => return Ok(found),
        };
        let went_back = search.is_behind(events);
        let end = search.furthest;
        let known = search.behind(PATIENCE).and_then(|found| {
            let rest = Limits { steps: limits.steps.saturating_sub(search.steps), ..*limits };
            couple(problem, found, end, &rest)
        });
        match known {
            Some(known) if went_back => {
                let rest = Limits { steps: limits.steps.saturating_sub(search.steps), ..*limits };
                let (answer, steps) = known.finish(problem, search, &rest);
                search.steps += steps;
                if let Some(answer) = answer {
                    return Err(Solved { answer, steps: search.steps, by: SEARCH });
                }
                search.patience.events = events.saturating_mul(8);
            }
            Some(known) => {
                search.restart(known.into_possible());
            }
            None if went_back => search.patience.events = events.saturating_mul(8),
            None => {
                let rest = Limits { steps: limits.steps.saturating_sub(search.steps), ..*limits };
                let layer = search.furthest.saturating_sub(PATIENCE);
                let (possible, steps) = catch_up(problem, search, layer, &rest);
                search.steps += steps;
                match possible {
                    Some(possible) => search.restart(possible),
                    None => search.patience.bytes = bytes.saturating_mul(2),
                }
            }
        }
    }
}

/// Finds the first return that cannot be explained by halving: a prefix of a linearizable history
/// is linearizable, and one with lookahead is judged fast. All that could be said of states is
/// missing then.
fn locate<M: Model>(problem: &Problem<'_, M>, furthest: usize, limits: &Limits<'_>) -> Refutation<M> {
    // What was reached is a linearizable prefix; the whole is not.
    let (mut holds, mut fails) = (furthest, problem.events.len());
    while fails - holds > 1 {
        // To lay out a prefix takes time as well, not only to search it.
        if limits.stopped() {
            return unlocated(problem, furthest);
        }
        let middle = holds + (fails - holds) / 2;
        let mut calls = problem.prefix(middle);
        problem.model.settle(&mut calls);
        let prefix = Problem::new(problem.model, calls);
        match decide(&prefix, &Limits { steps: LOCATE_STEPS.min(problem.explanation), ..*limits }) {
            Some(true) => holds = middle,
            Some(false) => fails = middle,
            None => return unlocated(problem, furthest),
        }
    }
    bare(problem, fails - 1)
}

/// Whether calls are linearizable, if that can be known within the limits.
fn decide<M: Model>(problem: &Problem<'_, M>, limits: &Limits<'_>) -> Option<bool> {
    match problem.bits_needed() {
        0..=64 => decide_with::<M, u64>(problem, limits),
        _ => decide_with::<M, Wide>(problem, limits),
    }
}

fn decide_with<M: Model, B: Bits>(problem: &Problem<'_, M>, limits: &Limits<'_>) -> Option<bool> {
    let ahead = Ahead::of(problem).unwrap_or_else(Ahead::nothing);
    let begin = Possible::first(problem);
    let mut search = Search::<M, B>::from(problem, &ahead, begin, problem.events.len());
    match search.run(limits) {
        Found::Linearizable => Some(true),
        Found::Stuck { .. } => Some(false),
        Found::Spent(_) => None,
    }
}

/// Without lookahead.
fn judge_and_explain<M: Model, B: Bits>(
    problem: &Problem<'_, M>,
    part: &Part<'_, B, M::State>,
    limits: &Limits<'_>,
) -> Solved<M> {
    let nothing = Ahead::nothing();
    let mut search = part.search(problem, &nothing);
    let found = match run(&mut search, problem, limits) {
        Ok(found) => found,
        Err(solved) => return solved,
    };
    let (steps, furthest) = (search.steps, search.furthest);
    let answer = match found {
        Found::Linearizable => Answer::Linearizable,
        Found::Stuck { layer } => {
            Answer::NotLinearizable(Box::new(explain(problem, layer, limits.stop, |before| {
                let checkpoint = before / CHECKPOINT * CHECKPOINT;
                let kept = search.at_checkpoint(checkpoint);
                match search.base.layer() {
                    base if base < checkpoint && !kept.all.is_empty() => kept,
                    base if base <= before => search.base.clone(),
                    _ => part.before(before),
                }
            })))
        }
        Found::Spent(Spent::Bytes) => {
            drop(search);
            let rest = Limits { steps: limits.steps.saturating_sub(steps), ..*limits };
            return sweep_part(problem, part, &rest, steps, furthest);
        }
        Found::Spent(spent) => unknown(problem, spent, furthest),
    };
    Solved { answer, steps, by: SEARCH }
}

/// The search's cache is full: the sweep needs room for one event only, if more time.
fn sweep_part<M: Model, B: Bits>(
    problem: &Problem<'_, M>,
    part: &Part<'_, B, M::State>,
    limits: &Limits<'_>,
    steps_before: u64,
    furthest: usize,
) -> Solved<M> {
    let mut sweep = Sweep::from(problem, part.begin().clone());
    sweep.end = part.end;
    // The last two checkpoints, so that one is always some way behind.
    let mut behind: Vec<Possible<B, M::State>> = Vec::new();
    let answer = loop {
        let layer = sweep.place.layer;
        if layer > 0 && layer.is_multiple_of(CHECKPOINT) {
            if behind.len() == 2 {
                behind.remove(0);
            }
            behind.push(sweep.possible());
        }
        match sweep.step(limits) {
            Step::Passed => {}
            Step::End => break Answer::Linearizable,
            Step::Spent(spent) => break unknown(problem, spent, furthest.max(layer)),
            Step::Stuck => {
                break Answer::NotLinearizable(Box::new(explain(problem, layer, limits.stop, |before| {
                    let kept = behind.iter().rev().find(|kept| kept.layer() <= before);
                    kept.cloned().unwrap_or_else(|| part.before(before))
                })));
            }
        }
    };
    Solved { answer, steps: steps_before + sweep.steps, by: SWEEP }
}

fn unknown<M: Model>(problem: &Problem<'_, M>, spent: Spent, furthest: usize) -> Answer<M> {
    let returned = problem.events[..furthest].iter().filter(|event| event.returns).count();
    let out_of_steps = spent == Spent::Steps;
    let reason = match spent {
        Spent::Steps => "the budget of steps is spent".to_owned(),
        Spent::Bytes => "the budget of memory is spent".to_owned(),
        Spent::Patience => "the search went far back".to_owned(),
        Spent::Stopped(reason) => reason,
    };
    Answer::Unknown { reason, longest_prefix: returned, out_of_steps }
}
