//! A log: entries get offsets, from 0 on without gaps, and stay.

use crate::history::Fate;
use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::shape::{self, brackets, decoded};
use crate::models::sharing::Shared;
use crate::tape::ValueRef;
use crate::value::Value;

/// A log, empty at first. Offsets are counted from 0 and have no gaps.
///
/// | function | value | answer |
/// |---|---|---|
/// | `append`, `send` | `v` | `[v, offset]`; null or `v` if the offset is not known |
/// | `read` | offset | `[offset, v]`, or `[offset, null]` past the end |
/// | `range` | `[from, to]` | the entries from `from` to before `to`, as far as there are |
/// | `poll` | offset | `[[offset, v], …]`: some entries from there on without gaps, or none |
/// | `size` | null | how many entries there are |
#[derive(Clone, Copy, Debug, Default)]
pub struct Log;

/// What a client asks of a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogInput {
    /// Have this as the next entry.
    Append(Value),
    /// What have you from here to before there? A read is a range of one.
    Range(u64, u64),
    /// What have you from here on? Some of it suffices.
    Poll(u64),
    /// How many entries have you?
    Size,
}

/// What a log answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogOutput {
    /// To an append: done.
    Done,
    /// To an append: it has this offset. To a size: so many.
    Offset(u64),
    /// To a range or a poll: these, one after the other.
    Entries(Vec<Value>),
}

impl Model for Log {
    /// The entries by offset.
    type State = Shared<u64, Value>;
    type Input = LogInput;
    type Output = LogOutput;
    type Next = Option<Shared<u64, Value>>;

    fn name(&self) -> &str {
        "log"
    }

    fn initial(&self) -> Self::State {
        Shared::default()
    }

    fn step(&self, state: &Self::State, input: &LogInput, output: Option<&LogOutput>) -> Self::Next {
        self.accepts(state, input, output).then(|| match input {
            LogInput::Append(value) => state.with(state.len() as u64, value.clone()),
            _ => state.clone(),
        })
    }

    fn accepts(&self, state: &Self::State, input: &LogInput, output: Option<&LogOutput>) -> bool {
        let end = state.len() as u64;
        match (input, output) {
            (LogInput::Append(_) | LogInput::Size, Some(LogOutput::Offset(offset))) => *offset == end,
            (LogInput::Range(from, to), Some(LogOutput::Entries(entries))) => {
                let there = end.min(*to).saturating_sub(*from);
                entries.len() as u64 == there && has(state, *from, entries)
            }
            (LogInput::Poll(from), Some(LogOutput::Entries(entries))) => has(state, *from, entries),
            _ => true,
        }
    }

    fn is_read_only(&self, input: &LogInput, _output: Option<&LogOutput>) -> bool {
        !matches!(input, LogInput::Append(_))
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        Ok(match operation.f {
            "append" | "send" => {
                if operation.argument.is_nil() {
                    return Err(
                        operation.bad_call("an entry of null reads like the end; give entries other values")
                    );
                }
                let output = match shape::answer_or_nothing(operation, true)? {
                    None => shape::is_ok(operation).then_some(LogOutput::Done),
                    Some(answer) => {
                        let same = answer.as_pair().filter(|(value, _)| *value == operation.argument);
                        let offset = same.and_then(|(_, offset)| natural(offset));
                        let needs = "[value, offset], or its value or null if the offset is not known";
                        Some(LogOutput::Offset(offset.ok_or_else(|| shape::bad_answer(operation, needs))?))
                    }
                };
                let input = LogInput::Append(operation.argument.to_value());
                if operation.fate == Fate::Fail { None } else { decoded(input, output) }
            }
            "read" => {
                let Some(at) = natural(operation.argument) else {
                    return Err(operation.bad_call(format!(
                        "`read` of a log needs an offset, not {}; to read all, use `poll` 0",
                        operation.argument
                    )));
                };
                let Some(answer) = shape::answer(operation)? else { return Ok(None) };
                let same = answer.as_pair().filter(|(offset, _)| natural(*offset) == Some(at));
                let (_, value) =
                    same.ok_or_else(|| shape::bad_answer(operation, "[offset, value] or [offset, null]"))?;
                let entries = if value.is_nil() { Vec::new() } else { vec![value.to_value()] };
                decoded(LogInput::Range(at, at.saturating_add(1)), Some(LogOutput::Entries(entries)))
            }
            "range" => {
                let bounds = operation.argument.as_pair().and_then(|(a, b)| Some((natural(a)?, natural(b)?)));
                let Some((from, to)) = bounds else {
                    return Err(operation.bad_call(format!(
                        "`range` of a log needs the value [from, to], not {}; correct the history",
                        operation.argument
                    )));
                };
                let Some(answer) = shape::answer(operation)? else { return Ok(None) };
                let entries = answer.as_list().ok_or_else(|| shape::bad_answer(operation, "a list"))?;
                let entries = entries.map(ValueRef::to_value).collect();
                decoded(LogInput::Range(from, to), Some(LogOutput::Entries(entries)))
            }
            "poll" => {
                let Some(from) = natural(operation.argument) else {
                    return Err(operation.bad_call(format!(
                        "`poll` of a log needs an offset, not {}; correct the history",
                        operation.argument
                    )));
                };
                let Some(answer) = shape::answer(operation)? else { return Ok(None) };
                let bad = || shape::bad_answer(operation, "[[offset, value], …] from there on without gaps");
                let mut entries = Vec::new();
                for (entry, expected) in answer.as_list().ok_or_else(bad)?.zip(from..) {
                    let (offset, value) = entry.as_pair().ok_or_else(bad)?;
                    if natural(offset) != Some(expected) {
                        return Err(bad());
                    }
                    entries.push(value.to_value());
                }
                decoded(LogInput::Poll(from), Some(LogOutput::Entries(entries)))
            }
            "size" => {
                shape::no_argument(operation, self.name())?;
                let Some(answer) = shape::answer(operation)? else { return Ok(None) };
                let size = natural(answer).ok_or_else(|| shape::bad_answer(operation, "a number"))?;
                decoded(LogInput::Size, Some(LogOutput::Offset(size)))
            }
            _ => {
                return Err(shape::unknown_function(
                    operation,
                    self.name(),
                    "`append`, `send`, `read`, `range`, `poll` and `size`",
                ));
            }
        })
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.heap_bytes()
    }

    fn describe(&self, input: &LogInput, output: Option<&LogOutput>) -> String {
        let said = match output {
            Some(LogOutput::Offset(offset)) => format!(": {offset}"),
            Some(LogOutput::Entries(entries)) => {
                format!(": {}", brackets(entries.iter().map(Value::to_string)))
            }
            _ => String::new(),
        };
        match input {
            LogInput::Append(value) => format!("append {value}{said}"),
            LogInput::Range(from, to) if from.checked_add(1) == Some(*to) => format!("read {from}{said}"),
            LogInput::Range(from, to) => format!("range {from} to {to}{said}"),
            LogInput::Poll(from) => format!("poll from {from}{said}"),
            LogInput::Size => format!("size{said}"),
        }
    }

    fn describe_state(&self, state: &Self::State) -> String {
        brackets(state.iter().map(|(_, value)| value.to_string()))
    }

    fn object(&self) -> &str {
        "the log"
    }

    fn requirement(&self, input: &LogInput, output: Option<&LogOutput>) -> Option<String> {
        match (input, output) {
            (LogInput::Append(value), Some(LogOutput::Offset(offset))) => {
                Some(format!("appending {value} at {offset} needs the log to have {offset} entries"))
            }
            (LogInput::Size, Some(LogOutput::Offset(size))) => {
                Some(format!("a size of {size} needs the log to have {size} entries"))
            }
            // Nothing was asked for, or nothing need be told.
            (LogInput::Range(from, to), Some(LogOutput::Entries(entries)))
                if from >= to && entries.is_empty() =>
            {
                None
            }
            (LogInput::Poll(_), Some(LogOutput::Entries(entries))) if entries.is_empty() => None,
            (LogInput::Range(from, to), Some(LogOutput::Entries(entries))) => {
                let asked = to.saturating_sub(*from);
                let found = brackets(entries.iter().map(Value::to_string));
                Some(match entries.len() as u64 {
                    0 => format!("finding nothing at {from} needs the log to end before it"),
                    n if n == asked => format!("finding {found} needs the log to have them from {from} on"),
                    n if n < asked => {
                        format!(
                            "finding {found} and no more needs the log to have them from {from} on, and to end there"
                        )
                    }
                    n => format!("finding {n} entries where {asked} were asked for is impossible"),
                })
            }
            (LogInput::Poll(from), Some(LogOutput::Entries(entries))) => {
                let found = brackets(entries.iter().map(Value::to_string));
                Some(format!("finding {found} needs the log to have them from {from} on"))
            }
            _ => None,
        }
    }
}

fn natural(value: ValueRef<'_>) -> Option<u64> {
    u64::try_from(value.as_int()?).ok()
}

/// Whether these entries stand from `from` on.
fn has(state: &Shared<u64, Value>, from: u64, entries: &[Value]) -> bool {
    entries.iter().zip(from..).all(|(entry, at)| state.get(&at) == Some(entry))
}
