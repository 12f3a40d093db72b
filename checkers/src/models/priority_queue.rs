//! A priority queue: the smallest comes out first, or the largest.

use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::multiset::{less, listed, more};
use crate::models::queue::{self, QueueInput, QueueOutput};
use crate::models::sharing::Shared;
use crate::value::Value;

/// A priority queue, empty at first.
///
/// | function | value | answer |
/// |---|---|---|
/// | `insert`, `enqueue` | `v`, or `[priority, v]` | null or the value |
/// | `dequeue`, `dequeue-min` | null | an element of the smallest priority; null or "empty" if there is none |
/// | `dequeue-max` | null | an element of the largest; the same |
///
/// The priority of `[priority, v]` is the first half, of any other value the value. Of several
/// elements with the same priority any may come out.
#[derive(Clone, Copy, Debug, Default)]
pub struct PriorityQueue;

fn priority(value: &Value) -> &Value {
    value.as_pair().map_or(value, |(priority, _)| priority)
}

/// By priority first: the key under which an element is kept, so that the smallest stands first.
type Ranked = (Value, Value);

fn ranked(value: &Value) -> Ranked {
    (priority(value).clone(), value.clone())
}

impl PriorityQueue {
    /// The elements that may come out next.
    fn candidates<'s>(state: &'s Shared<Ranked, u64>, input: &QueueInput) -> Vec<&'s Ranked> {
        let best = if matches!(input, QueueInput::DequeueMax) { state.last() } else { state.first() };
        let Some(((best, _), _)) = best else { return Vec::new() };
        state.iter().map(|(key, _)| key).filter(|(priority, _)| priority == best).collect()
    }
}

impl Model for PriorityQueue {
    /// The elements by priority, each with how often it is there.
    type State = Shared<Ranked, u64>;
    type Input = QueueInput;
    type Output = QueueOutput;
    type Next = Vec<Shared<Ranked, u64>>;

    fn name(&self) -> &str {
        "priority-queue"
    }

    fn initial(&self) -> Self::State {
        Shared::default()
    }

    fn step(&self, state: &Self::State, input: &QueueInput, output: Option<&QueueOutput>) -> Self::Next {
        if !self.accepts(state, input, output) {
            return Vec::new();
        }
        match (input, output) {
            (QueueInput::Enqueue(value), _) => vec![more(state, ranked(value))],
            (_, None) => Self::candidates(state, input).into_iter().map(|key| less(state, key)).collect(),
            (_, Some(QueueOutput::Value(value))) => vec![less(state, &ranked(value))],
            (_, Some(_)) => vec![state.clone()],
        }
    }

    fn accepts(&self, state: &Self::State, input: &QueueInput, output: Option<&QueueOutput>) -> bool {
        match (input, output) {
            (QueueInput::Enqueue(_), _) => true,
            (_, Some(QueueOutput::Value(value))) => {
                let best = if matches!(input, QueueInput::DequeueMax) { state.last() } else { state.first() };
                let best = best.is_some_and(|((best, _), _)| best == priority(value));
                best && state.get(&ranked(value)).is_some()
            }
            (_, Some(_)) => state.is_empty(),
            (_, None) => !state.is_empty(),
        }
    }

    fn is_read_only(&self, _input: &QueueInput, output: Option<&QueueOutput>) -> bool {
        queue::is_read_only(output)
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        queue::decode(operation, self, "`insert`, `enqueue`, `dequeue`, `dequeue-min` and `dequeue-max`")
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.heap_bytes()
    }

    fn describe(&self, input: &QueueInput, output: Option<&QueueOutput>) -> String {
        queue::describe(input, output, ["insert", "dequeue"])
    }

    fn describe_state(&self, state: &Self::State) -> String {
        listed(
            &state.iter().fold(Shared::default(), |bag, ((_, value), times)| bag.with(value.clone(), *times)),
        )
    }

    fn object(&self) -> &str {
        "the queue"
    }

    fn requirement(&self, input: &QueueInput, output: Option<&QueueOutput>) -> Option<String> {
        queue::requirement(input, output, self.object(), "the smallest in the queue")
    }
}
