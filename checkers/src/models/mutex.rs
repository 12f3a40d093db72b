//! A mutex: `acquire` and `release`.

use crate::history::Fate;
use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::shape;

/// A lock that one holds at a time; free at first.
///
/// `acquire` takes it if it is free, `release` frees it if it is held; values say nothing. As in
/// Knossos' `mutex` whoever releases need not be who acquired, unless it is `owned`: then a release
/// by another process than the holder is a violation.
///
/// Choose `owned` only if a client that lost an answer cannot release under its next number what it
/// acquired under its last: in a history, a process ends with an `info`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mutex {
    /// Only the process that acquired may release.
    pub owned: bool,
}

/// What a client asks of a mutex. `by` is the process, or 0 where nobody asks who it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MutexInput {
    /// Be mine.
    Acquire {
        /// Who asks.
        by: u32,
    },
    /// Be free.
    Release {
        /// Who asks.
        by: u32,
    },
}

/// What a mutex answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MutexDone;

impl Model for Mutex {
    /// Who holds it.
    type State = Option<u32>;
    type Input = MutexInput;
    type Output = MutexDone;
    type Next = Option<Option<u32>>;

    fn name(&self) -> &str {
        if self.owned { "owned-mutex" } else { "mutex" }
    }

    fn initial(&self) -> Option<u32> {
        None
    }

    fn step(&self, state: &Option<u32>, input: &MutexInput, _: Option<&MutexDone>) -> Option<Option<u32>> {
        match (*state, *input) {
            (None, MutexInput::Acquire { by }) => Some(Some(by)),
            (Some(holder), MutexInput::Release { by }) if holder == by => Some(None),
            _ => None,
        }
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        let by = if self.owned { operation.process.number().unwrap_or(u32::MAX) } else { 0 };
        let input = match operation.f {
            "acquire" | "lock" => MutexInput::Acquire { by },
            "release" | "unlock" => MutexInput::Release { by },
            _ => return Err(shape::unknown_function(operation, self.name(), "`acquire` and `release`")),
        };
        let output = shape::is_ok(operation).then_some(MutexDone);
        Ok((operation.fate != Fate::Fail).then_some(Decoded { key: None, input, output }))
    }

    fn describe(&self, input: &MutexInput, _: Option<&MutexDone>) -> String {
        match input {
            MutexInput::Acquire { .. } => "acquire".to_owned(),
            MutexInput::Release { .. } => "release".to_owned(),
        }
    }

    fn describe_state(&self, state: &Option<u32>) -> String {
        match state {
            None => "free".to_owned(),
            Some(holder) if self.owned => format!("held by process {holder}"),
            Some(_) => "held".to_owned(),
        }
    }

    fn object(&self) -> &str {
        "the mutex"
    }

    fn requirement(&self, input: &MutexInput, _: Option<&MutexDone>) -> Option<String> {
        Some(match input {
            MutexInput::Acquire { .. } => "acquiring needs the mutex to be free".to_owned(),
            MutexInput::Release { by } if self.owned => {
                format!("a release by process {by} needs the mutex to be held by it")
            }
            MutexInput::Release { .. } => "releasing needs the mutex to be held".to_owned(),
        })
    }
}
