//! Many objects on several threads, with a budget for all, and an answer that does not depend on
//! which thread was faster.
//!
//! Objects are independent (P-compositionality; Horn and Kroening 2015), and cost very different
//! amounts. In each round every object that is still open gets the same allowance, in proportion
//! to its size; in the next round sixteen times as much. So an easy violation is found before a
//! hard object has eaten the budget, whichever comes first, and since a round is always finished,
//! the answer is the same on every run.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::problem::Problem;
use super::search::{Limits, Stop};
use super::solve::{Answer, Solved, not_begun, solve};
use crate::checker::Budget;
use crate::model::{Calls, Model};

/// Below this many calls a thread costs more than it gains.
const WORTH_A_THREAD: usize = 2_000;

/// What came of a search of many objects.
pub(super) struct Searched<M: Model> {
    /// For each object.
    pub(super) answers: Vec<Answer<M>>,
    pub(super) steps: u64,
    /// The algorithms that answered, in an order of their own.
    pub(super) by: Vec<&'static str>,
}

/// Answers for each of `objects`.
pub(super) fn solve_all<M: Model>(model: &M, objects: Vec<Calls<M>>, budget: &Budget<'_>) -> Searched<M> {
    let total: usize = objects.iter().map(Vec::len).sum();
    let all_threads = if total < WORTH_A_THREAD { 1 } else { budget.threads.max(1) };
    let threads = all_threads.min(objects.len().max(1));
    let objects: Vec<Mutex<Option<Calls<M>>>> = objects.into_iter().map(|c| Mutex::new(Some(c))).collect();
    // All explanations together may take as many steps as all searches.
    let explanation = budget.max_steps / objects.len().max(1) as u64;
    let problems = map(threads, objects.len(), |at| {
        let taken = objects[at].lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut calls = taken.unwrap_or_default();
        model.settle(&mut calls);
        Problem { explanation, ..Problem::new(model, calls) }
    });

    // One object that is alone, or nearly, is searched in parts.
    let for_parts = all_threads / threads;
    let bytes = budget.max_bytes / threads;
    let stopping = Stopping::new(budget.stop);
    let mut answers: Vec<Option<Answer<M>>> = problems.iter().map(|_| None).collect();
    let mut open: Vec<usize> = (0..problems.len()).collect();
    // The largest first: nobody waits for it at the end.
    open.sort_by_key(|&at| std::cmp::Reverse(problems[at].events.len()));
    let mut by = BTreeSet::new();
    let mut spent = 0_u64;
    let mut factor = 1_u64;
    while !open.is_empty() {
        let fair = budget.max_steps.saturating_sub(spent) / open.len() as u64;
        let allowance = |at: usize| ((problems[at].events.len() as u64 * 2 + 4096) * factor).min(fair);
        let solved: Vec<Solved<M>> = map(threads, open.len(), |index| {
            let (problem, steps) = (&problems[open[index]], allowance(open[index]));
            if let Some(reason) = stopping.before(problem.calls.len()) {
                return not_begun(problem, reason);
            }
            solve(problem, &Limits { steps, bytes, stop: budget.stop }, for_parts)
        });
        let capped = open.iter().all(|&at| allowance(at) == fair);
        let mut refuted = false;
        let mut stopped = false;
        let mut still_open = Vec::new();
        for (&at, solved) in open.iter().zip(solved) {
            spent += solved.steps;
            by.insert(solved.by);
            refuted |= matches!(solved.answer, Answer::NotLinearizable(_));
            match solved.answer {
                Answer::Unknown { out_of_steps: true, .. } => still_open.push(at),
                Answer::Unknown { .. } => stopped |= budget.stop.is_some_and(|stop| stop().is_some()),
                _ => {}
            }
            answers[at] = Some(solved.answer);
        }
        open = still_open;
        // One violation decides; and with nothing left, another round would end like this one.
        if refuted || stopped || capped || spent >= budget.max_steps {
            break;
        }
        factor = factor.saturating_mul(16);
    }
    let never = || Answer::Unknown { reason: "not begun".to_owned(), longest_prefix: 0, out_of_steps: true };
    let answers = answers.into_iter().map(|answer| answer.unwrap_or_else(never)).collect();
    Searched { answers, steps: spent, by: by.into_iter().collect() }
}

/// Asks between objects whether to stop, which none of them may be large enough to do.
pub(super) struct Stopping<'b> {
    stop: Stop<'b>,
    /// Operations since it was last asked.
    operations: AtomicUsize,
}

impl<'b> Stopping<'b> {
    /// How many operations pass between two questions.
    const EVERY: usize = 100_000;

    pub(super) fn new(stop: Stop<'b>) -> Self {
        Stopping { stop, operations: AtomicUsize::new(0) }
    }

    /// Why to stop, before an object with so many operations. Once there is a reason, every object is told.
    pub(super) fn before(&self, operations: usize) -> Option<String> {
        if self.operations.fetch_add(operations, Ordering::Relaxed) < Self::EVERY {
            return None;
        }
        let reason = self.stop.and_then(|stop| stop());
        if reason.is_none() {
            self.operations.store(operations, Ordering::Relaxed);
        }
        reason
    }
}

/// `work(0..count)`, on several threads, in the order of the numbers.
pub(super) fn map<T: Send>(threads: usize, count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if threads <= 1 || count <= 1 {
        return (0..count).map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::with_capacity(count));
    let worker = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return;
            }
            let result = work(at);
            results.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            // A thread that cannot be had is done without.
            let _ = std::thread::Builder::new().spawn_scoped(scope, worker);
        }
        worker();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}
