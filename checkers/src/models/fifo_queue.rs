//! A queue: first in, first out.

use std::hash::{Hash, Hasher};

use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::queue::{self, QueueInput, QueueOutput};
use crate::models::shape;
use crate::models::sharing::Shared;
use crate::value::Value;

/// A queue, empty at first: `enqueue v`, and `dequeue`, which answers the oldest, or null or
/// "empty" if there is none.
///
/// A dequeue without an answer that took effect took the oldest: in a given state there is no
/// choice.
#[derive(Clone, Copy, Debug, Default)]
pub struct FifoQueue;

/// The elements, oldest first. Two are equal if they have the same elements, whatever went through
/// them before.
#[derive(Clone, Debug, Default)]
pub struct FifoState {
    /// By the number of the enqueue.
    items: Shared<u64, Value>,
    /// The number of the next enqueue.
    next: u64,
}

impl FifoState {
    fn iter(&self) -> impl Iterator<Item = &Value> {
        self.items.iter().map(|(_, value)| value)
    }
}

impl PartialEq for FifoState {
    fn eq(&self, other: &Self) -> bool {
        if self.items.len() != other.items.len() {
            return false;
        }
        if self.next == other.next { self.items == other.items } else { self.iter().eq(other.iter()) }
    }
}
impl Eq for FifoState {}

/// Of the two ends and the length: the same for equal states, and cheap.
impl Hash for FifoState {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.items.len());
        self.items.first().map(|(_, value)| value).hash(state);
        // Behind the head, those at distances which double.
        let mut distance = 1;
        while let Some(value) = self.next.checked_sub(distance).and_then(|at| self.items.get(&at)) {
            value.hash(state);
            distance *= 2;
        }
    }
}

impl Model for FifoQueue {
    type State = FifoState;
    type Input = QueueInput;
    type Output = QueueOutput;
    type Next = Option<FifoState>;

    fn name(&self) -> &str {
        "fifo-queue"
    }

    fn initial(&self) -> FifoState {
        FifoState::default()
    }

    fn step(&self, state: &FifoState, input: &QueueInput, output: Option<&QueueOutput>) -> Self::Next {
        if !self.accepts(state, input, output) {
            return None;
        }
        Some(match (input, state.items.first()) {
            (QueueInput::Enqueue(value), _) => {
                FifoState { items: state.items.with(state.next, value.clone()), next: state.next + 1 }
            }
            (_, Some((first, _))) => FifoState { items: state.items.without(first), next: state.next },
            (_, None) => state.clone(),
        })
    }

    fn accepts(&self, state: &FifoState, input: &QueueInput, output: Option<&QueueOutput>) -> bool {
        match (input, output) {
            (QueueInput::Enqueue(_), _) => true,
            (_, Some(QueueOutput::Value(value))) => {
                state.items.first().is_some_and(|(_, first)| first == value)
            }
            (_, Some(_)) => state.items.is_empty(),
            (_, None) => !state.items.is_empty(),
        }
    }

    fn is_read_only(&self, _input: &QueueInput, output: Option<&QueueOutput>) -> bool {
        queue::is_read_only(output)
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        queue::decode(operation, self, "`enqueue` and `dequeue`")
    }

    fn describe(&self, input: &QueueInput, output: Option<&QueueOutput>) -> String {
        queue::describe(input, output, ["enqueue", "dequeue"])
    }

    fn describe_state(&self, state: &FifoState) -> String {
        shape::brackets(state.iter().map(Value::to_string))
    }

    fn object(&self) -> &str {
        "the queue"
    }

    fn requirement(&self, input: &QueueInput, output: Option<&QueueOutput>) -> Option<String> {
        queue::requirement(input, output, self.object(), "at the head of the queue")
    }
}
