//! A stack: last in, first out.

use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::queue::{self, QueueInput, QueueOutput};
use crate::models::shape;
use crate::models::sharing::Shared;
use crate::value::Value;

/// A stack, empty at first: `push v`, and `pop`, which answers the newest, or null or "empty" if
/// there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stack;

impl Model for Stack {
    /// The elements by their height.
    type State = Shared<u64, Value>;
    type Input = QueueInput;
    type Output = QueueOutput;
    type Next = Option<Shared<u64, Value>>;

    fn name(&self) -> &str {
        "stack"
    }

    fn initial(&self) -> Self::State {
        Shared::default()
    }

    fn step(&self, state: &Self::State, input: &QueueInput, output: Option<&QueueOutput>) -> Self::Next {
        if !self.accepts(state, input, output) {
            return None;
        }
        Some(match (input, state.last()) {
            (QueueInput::Enqueue(value), _) => state.with(state.len() as u64, value.clone()),
            (_, Some((top, _))) => state.without(top),
            (_, None) => state.clone(),
        })
    }

    fn accepts(&self, state: &Self::State, input: &QueueInput, output: Option<&QueueOutput>) -> bool {
        match (input, output) {
            (QueueInput::Enqueue(_), _) => true,
            (_, Some(QueueOutput::Value(value))) => state.last().is_some_and(|(_, top)| top == value),
            (_, Some(_)) => state.is_empty(),
            (_, None) => !state.is_empty(),
        }
    }

    fn is_read_only(&self, _input: &QueueInput, output: Option<&QueueOutput>) -> bool {
        queue::is_read_only(output)
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        queue::decode(operation, self, "`push` and `pop`")
    }

    fn describe(&self, input: &QueueInput, output: Option<&QueueOutput>) -> String {
        queue::describe(input, output, ["push", "pop"])
    }

    /// From the bottom to the top.
    fn describe_state(&self, state: &Self::State) -> String {
        shape::brackets(state.iter().map(|(_, value)| value.to_string()))
    }

    fn object(&self) -> &str {
        "the stack"
    }

    fn requirement(&self, input: &QueueInput, output: Option<&QueueOutput>) -> Option<String> {
        queue::requirement(input, output, self.object(), "on top of the stack")
    }
}
