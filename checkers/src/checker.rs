//! What every checker is, and what bounds it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::history::History;
use crate::model::DecodeError;
use crate::verdict::Judgement;

/// Judges one promise from a history alone.
pub trait Checker: Send + Sync {
    /// The name under which results are filed: `linearizable`, `set-full`.
    fn name(&self) -> &str;

    /// Whether the history is of a kind that this checker can judge. One that is not would be judged
    /// `unknown`; a command line had better refuse it.
    ///
    /// # Errors
    /// The first event that it does not understand.
    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        let _ = history;
        Ok(())
    }

    /// The judgement. Must return within the budget, with `unknown` if it ends first.
    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement;
}

/// Runs a checker; a panic in it is `unknown`, never a verdict about the system under test.
pub fn check_guarded(checker: &dyn Checker, history: &History, budget: &Budget<'_>) -> Judgement {
    catch_unwind(AssertUnwindSafe(|| checker.check(history, budget))).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Judgement::unknown("none", format!("the checker `{}` itself failed: {message}", checker.name()))
    })
}

/// Bounds on a search. The library has no clock: whoever has one says when time is up, through
/// [`Budget::stop`].
#[derive(Clone, Copy)]
pub struct Budget<'a> {
    /// How many states a search may visit, over all keys. Evidence for a violation may take as many again.
    pub max_steps: u64,
    /// How many bytes the caches of a search may hold, over all keys.
    pub max_bytes: usize,
    /// How many threads may work at once; at least 1.
    pub threads: usize,
    /// Asked every few thousand steps: the reason to stop now (`time limit of 60 s`), if any.
    pub stop: Option<&'a (dyn Fn() -> Option<String> + Sync)>,
}

impl Default for Budget<'_> {
    /// One thread, a thousand million steps, 2 GiB, no stop.
    fn default() -> Self {
        Budget { max_steps: 1_000_000_000, max_bytes: 2 << 30, threads: 1, stop: None }
    }
}
