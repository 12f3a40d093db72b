//! A semaphore: a number of permits that are taken and given back.

use crate::history::Fate;
use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::register::repeats_argument;
use crate::models::shape::{self, decoded};

/// A semaphore with so many permits, all free at first. `acquire n` takes `n` (null: 1) if so many
/// are free, `release n` gives back `n` that were taken, by whomever.
#[derive(Clone, Debug)]
pub struct Semaphore {
    permits: u32,
    name: String,
}

impl Semaphore {
    /// A semaphore with so many permits.
    pub fn new(permits: u32) -> Self {
        Semaphore { permits, name: format!("semaphore-{permits}") }
    }
}

/// What a client asks of a semaphore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SemaphoreInput {
    /// Give me so many permits.
    Acquire(u32),
    /// Take back so many.
    Release(u32),
}

/// What a semaphore answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SemaphoreDone;

impl Model for Semaphore {
    /// How many permits are taken.
    type State = u32;
    type Input = SemaphoreInput;
    type Output = SemaphoreDone;
    type Next = Option<u32>;

    fn name(&self) -> &str {
        &self.name
    }

    fn initial(&self) -> u32 {
        0
    }

    fn step(&self, taken: &u32, input: &SemaphoreInput, _: Option<&SemaphoreDone>) -> Option<u32> {
        match input {
            SemaphoreInput::Acquire(n) => taken.checked_add(*n).filter(|&taken| taken <= self.permits),
            SemaphoreInput::Release(n) => taken.checked_sub(*n),
        }
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        let n = || {
            let n = shape::integer(operation, Some(1), 1)?;
            u32::try_from(n).map_err(|_| operation.bad_call(format!("{n} permits; no semaphore has so many")))
        };
        let input = match operation.f {
            "acquire" => SemaphoreInput::Acquire(n()?),
            "release" => SemaphoreInput::Release(n()?),
            _ => return Err(shape::unknown_function(operation, self.name(), "`acquire` and `release`")),
        };
        repeats_argument(operation)?;
        let output = shape::is_ok(operation).then_some(SemaphoreDone);
        Ok(if operation.fate == Fate::Fail { None } else { decoded(input, output) })
    }

    fn describe(&self, input: &SemaphoreInput, _: Option<&SemaphoreDone>) -> String {
        match input {
            SemaphoreInput::Acquire(n) => format!("acquire {n}"),
            SemaphoreInput::Release(n) => format!("release {n}"),
        }
    }

    fn describe_state(&self, taken: &u32) -> String {
        format!("{taken} of {} permits taken", self.permits)
    }

    fn object(&self) -> &str {
        "the semaphore"
    }

    fn requirement(&self, input: &SemaphoreInput, _: Option<&SemaphoreDone>) -> Option<String> {
        Some(match input {
            SemaphoreInput::Acquire(n) => format!("acquiring {n} needs {n} of {} permits free", self.permits),
            SemaphoreInput::Release(n) => format!("releasing {n} needs {n} permits taken"),
        })
    }
}
