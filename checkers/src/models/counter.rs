//! A counter: blind additions, and reads of the sum.

use crate::history::Fate;
use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::register::repeats_argument;
use crate::models::shape::{self, decoded};

/// A counter that begins at 0.
///
/// | function | value | answer |
/// |---|---|---|
/// | `add`, `increment`, `inc` | `n`; null: 1 | null or the value |
/// | `decrement`, `dec` | `n`; null: 1 | null or the value |
/// | `fetch-and-add` | `n`; null: 1 | what it was before |
/// | `add-and-fetch` | `n`; null: 1 | what it is after |
/// | `read` | null | what it is |
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter;

/// What a client asks of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterInput {
    /// What is it?
    Read,
    /// Be more by this.
    Add(i64),
}

/// What a counter answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CounterOutput {
    /// To an addition: done.
    Done,
    /// To a read: it is this. To an addition: it was this before.
    Was(i64),
    /// To an addition: it is this now.
    Became(i64),
}

impl Model for Counter {
    /// Wider than what is added, so that it cannot overflow.
    type State = i128;
    type Input = CounterInput;
    type Output = CounterOutput;
    type Next = Option<i128>;

    fn name(&self) -> &str {
        "counter"
    }

    fn initial(&self) -> i128 {
        0
    }

    fn step(&self, state: &i128, input: &CounterInput, output: Option<&CounterOutput>) -> Option<i128> {
        let after = match input {
            CounterInput::Read => *state,
            CounterInput::Add(n) => state + i128::from(*n),
        };
        let possible = match output {
            None | Some(CounterOutput::Done) => true,
            Some(CounterOutput::Was(n)) => *state == i128::from(*n),
            Some(CounterOutput::Became(n)) => after == i128::from(*n),
        };
        possible.then_some(after)
    }

    fn is_read_only(&self, input: &CounterInput, _output: Option<&CounterOutput>) -> bool {
        matches!(input, CounterInput::Read | CounterInput::Add(0))
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        let add = |sign: i64| {
            let n = shape::integer(operation, Some(1), i64::MIN + 1)?;
            Ok(CounterInput::Add(sign * n))
        };
        let seen = |operation: &Recorded<'_>| -> Result<Option<i64>, DecodeError> {
            shape::answer(operation)?
                .map(|n| n.as_int().ok_or_else(|| shape::bad_answer(operation, "an integer")))
                .transpose()
        };
        Ok(match operation.f {
            "read" => {
                shape::no_argument(operation, self.name())?;
                let Some(n) = seen(operation)? else { return Ok(None) };
                decoded(CounterInput::Read, Some(CounterOutput::Was(n)))
            }
            "add" | "increment" | "inc" | "decrement" | "dec" => {
                let input = add(if operation.f.starts_with('d') { -1 } else { 1 })?;
                repeats_argument(operation)?;
                match operation.fate {
                    Fate::Fail => None,
                    Fate::Ok => decoded(input, Some(CounterOutput::Done)),
                    Fate::Info => decoded(input, None),
                }
            }
            "fetch-and-add" | "add-and-fetch" => {
                let input = add(1)?;
                let output = seen(operation)?.map(|n| {
                    if operation.f == "fetch-and-add" {
                        CounterOutput::Was(n)
                    } else {
                        CounterOutput::Became(n)
                    }
                });
                if operation.fate == Fate::Fail { None } else { decoded(input, output) }
            }
            _ => {
                return Err(shape::unknown_function(
                    operation,
                    self.name(),
                    "`add`, `increment`, `decrement`, `read`, `fetch-and-add` and `add-and-fetch`",
                ));
            }
        })
    }

    fn describe(&self, input: &CounterInput, output: Option<&CounterOutput>) -> String {
        match (input, output) {
            (CounterInput::Read, Some(CounterOutput::Was(n) | CounterOutput::Became(n))) => {
                format!("read {n}")
            }
            (CounterInput::Read, _) => "read".to_owned(),
            (CounterInput::Add(n), Some(CounterOutput::Was(was))) => format!("add {n} to {was}"),
            (CounterInput::Add(n), Some(CounterOutput::Became(new))) => format!("add {n}, giving {new}"),
            (CounterInput::Add(n), _) => format!("add {n}"),
        }
    }

    fn describe_state(&self, state: &i128) -> String {
        state.to_string()
    }

    fn object(&self) -> &str {
        "the counter"
    }

    fn requirement(&self, input: &CounterInput, output: Option<&CounterOutput>) -> Option<String> {
        match (input, output) {
            (CounterInput::Read, Some(CounterOutput::Was(n) | CounterOutput::Became(n))) => {
                Some(format!("reading {n} needs the counter to be {n}"))
            }
            (CounterInput::Add(n), Some(CounterOutput::Was(was))) => {
                Some(format!("adding {n} to {was} needs the counter to be {was}"))
            }
            (CounterInput::Add(n), Some(CounterOutput::Became(new))) => {
                let was = i128::from(*new) - i128::from(*n);
                Some(format!("adding {n}, giving {new}, needs the counter to be {was}"))
            }
            _ => None,
        }
    }
}
