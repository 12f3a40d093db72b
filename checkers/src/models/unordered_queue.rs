//! A queue that gives out its elements in any order.

use crate::history::History;
use crate::linearizability::special::{Special, from_models};
use crate::model::{Call, DecodeError, Decoded, Model, Recorded};
use crate::models::multiset::{less, listed, more};
use crate::models::queue::{self, QueueInput, QueueOutput};
use crate::models::sharing::Shared;
use crate::value::Value;

/// A queue in any order, empty at first, as Knossos' `unordered-queue`: `enqueue v`, and `dequeue`,
/// which answers one of the elements, or null or "empty" if there is none.
///
/// A dequeue without an answer may have taken any of them.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnorderedQueue;

impl Model for UnorderedQueue {
    /// The elements, each with how often it is there.
    type State = Shared<Value, u64>;
    type Input = QueueInput;
    type Output = QueueOutput;
    type Next = Vec<Shared<Value, u64>>;

    fn name(&self) -> &str {
        "unordered-queue"
    }

    fn initial(&self) -> Self::State {
        Shared::default()
    }

    fn step(&self, state: &Self::State, input: &QueueInput, output: Option<&QueueOutput>) -> Self::Next {
        match (input, output) {
            (QueueInput::Enqueue(value), _) => vec![more(state, value.clone())],
            (_, None) => state.iter().map(|(value, _)| less(state, value)).collect(),
            (_, Some(QueueOutput::Value(value))) if state.get(value).is_some() => vec![less(state, value)],
            (_, Some(QueueOutput::Empty)) if state.is_empty() => vec![state.clone()],
            _ => Vec::new(),
        }
    }

    fn accepts(&self, state: &Self::State, input: &QueueInput, output: Option<&QueueOutput>) -> bool {
        match (input, output) {
            (QueueInput::Enqueue(_), _) => true,
            (_, Some(QueueOutput::Value(value))) => state.get(value).is_some(),
            (_, Some(_)) => state.is_empty(),
            (_, None) => !state.is_empty(),
        }
    }

    fn is_read_only(&self, _input: &QueueInput, output: Option<&QueueOutput>) -> bool {
        queue::is_read_only(output)
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        queue::decode(operation, self, "`enqueue` and `dequeue`")
    }

    fn special(
        &self,
        calls: &[Call<QueueInput, QueueOutput>],
        _history: &History,
    ) -> Option<(&'static str, Special)> {
        from_models::unordered_queue(calls)
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.heap_bytes()
    }

    fn describe(&self, input: &QueueInput, output: Option<&QueueOutput>) -> String {
        queue::describe(input, output, ["enqueue", "dequeue"])
    }

    fn describe_state(&self, state: &Self::State) -> String {
        listed(state)
    }

    fn object(&self) -> &str {
        "the queue"
    }

    fn requirement(&self, input: &QueueInput, output: Option<&QueueOutput>) -> Option<String> {
        queue::requirement(input, output, self.object(), "in the queue")
    }
}
