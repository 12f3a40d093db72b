//! What the queues, and the stack, have in common: one goes in, one comes out.

use crate::history::Fate;
use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::register::repeats_argument;
use crate::models::shape::{self, decoded};
use crate::tape::ValueRef;
use crate::value::Value;

/// What a client asks of a queue or a stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueInput {
    /// Take this in.
    Enqueue(Value),
    /// Give one out.
    Dequeue,
    /// Give out the largest. Only a [`PriorityQueue`](super::PriorityQueue) takes it.
    DequeueMax,
}

/// What a queue or a stack answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueOutput {
    /// To an enqueue: done.
    Done,
    /// To a dequeue: this.
    Value(Value),
    /// To a dequeue: there is none.
    Empty,
}

/// The functions' names, those of a stack with the others'.
pub(super) fn decode<M>(
    operation: &Recorded<'_>,
    model: &M,
    knows: &str,
) -> Result<Option<Decoded<M>>, DecodeError>
where
    M: Model<Input = QueueInput, Output = QueueOutput>,
{
    let takes_in = if knows.contains("push") { ["push", "push"] } else { ["enqueue", "insert"] };
    let f = operation.f;
    if takes_in.contains(&f) {
        if operation.argument.is_nil() || is_empty(operation.argument) {
            // A queue that answers with it could mean that it is empty.
            return Err(operation.bad_call(format!(
                "`{f}` of {}, which also says that there is nothing; give elements other values",
                operation.argument
            )));
        }
        repeats_argument(operation)?;
        let output = shape::is_ok(operation).then_some(QueueOutput::Done);
        let input = QueueInput::Enqueue(operation.argument.to_value());
        return Ok(if operation.fate == Fate::Fail { None } else { decoded(input, output) });
    }
    let names = knows.split('`').skip(1).step_by(2);
    if !names.into_iter().any(|name| name == f) {
        return Err(shape::unknown_function(operation, model.name(), knows));
    }
    let input = if f == "dequeue-max" { QueueInput::DequeueMax } else { QueueInput::Dequeue };
    shape::no_argument(operation, model.name())?;
    let output = shape::answer(operation)?.map(|answer| {
        if is_empty(answer) { QueueOutput::Empty } else { QueueOutput::Value(answer.to_value()) }
    });
    Ok(if operation.fate == Fate::Fail { None } else { decoded(input, output) })
}

/// Null, or "empty": there was nothing.
fn is_empty(answer: ValueRef<'_>) -> bool {
    answer.is_nil() || answer.as_str() == Some("empty")
}

/// Finding nothing changes nothing; and without an answer, it might as well not have happened.
pub(super) fn is_read_only(output: Option<&QueueOutput>) -> bool {
    matches!(output, Some(QueueOutput::Empty))
}

pub(super) fn describe(input: &QueueInput, output: Option<&QueueOutput>, verbs: [&str; 2]) -> String {
    let [takes_in, gives_out] = verbs;
    match (input, output) {
        (QueueInput::Enqueue(value), _) => format!("{takes_in} {value}"),
        (QueueInput::DequeueMax, Some(QueueOutput::Value(value))) => format!("{gives_out}-max {value}"),
        (QueueInput::DequeueMax, Some(_)) => format!("{gives_out}-max of nothing"),
        (QueueInput::DequeueMax, None) => format!("{gives_out}-max"),
        (QueueInput::Dequeue, Some(QueueOutput::Value(value))) => format!("{gives_out} {value}"),
        (QueueInput::Dequeue, Some(_)) => format!("{gives_out} of nothing"),
        (QueueInput::Dequeue, None) => gives_out.to_owned(),
    }
}

/// `position` is where a value must be to come out: `at the head of the queue`.
pub(super) fn requirement(
    input: &QueueInput,
    output: Option<&QueueOutput>,
    object: &str,
    position: &str,
) -> Option<String> {
    let position =
        if matches!(input, QueueInput::DequeueMax) { "the largest in the queue" } else { position };
    match (input, output) {
        (QueueInput::Enqueue(_), _) => None,
        (_, Some(QueueOutput::Value(value))) => Some(format!("taking out {value} needs it to be {position}")),
        (_, Some(_)) => Some(format!("finding nothing needs {object} to be empty")),
        (_, None) => Some(format!("to take effect, {object} must not be empty")),
    }
}
