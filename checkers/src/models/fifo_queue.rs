//! A queue: first in, first out.

use std::hash::{BuildHasher, Hash, Hasher};

use crate::hash::FastHash;
use crate::history::History;
use crate::linearizability::special::{Special, from_models};
use crate::model::{Call, DecodeError, Decoded, Model, Recorded};
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
    /// Of all elements, as a polynomial modulo 2^64 (Karp and Rabin 1987), so that it can follow both
    /// ends; queues that differ in the middle alone must not look alike to a search.
    digest: u64,
}

/// Any odd number that is not small.
const BASE: u64 = 0x9b1d_c0de_5eed_f00d;

impl FifoState {
    fn iter(&self) -> impl Iterator<Item = &Value> {
        self.items.iter().map(|(_, value)| value)
    }

    fn and(&self, value: &Value) -> Self {
        let digest = self.digest.wrapping_mul(BASE).wrapping_add(digest_of(value));
        FifoState { items: self.items.with(self.next, value.clone()), next: self.next + 1, digest }
    }

    /// Without the oldest element, which is this one, enqueued under this number.
    fn without(&self, number: &u64, value: &Value) -> Self {
        let weight = BASE.wrapping_pow(self.items.len() as u32 - 1);
        let digest = self.digest.wrapping_sub(digest_of(value).wrapping_mul(weight));
        FifoState { items: self.items.without(number), next: self.next, digest }
    }
}

impl PartialEq for FifoState {
    fn eq(&self, other: &Self) -> bool {
        if self.items.len() != other.items.len() || self.digest != other.digest {
            return false;
        }
        if self.next == other.next { self.items == other.items } else { self.iter().eq(other.iter()) }
    }
}
impl Eq for FifoState {}

/// The same for equal states, and cheap.
impl Hash for FifoState {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.items.len());
        state.write_u64(self.digest);
    }
}

fn digest_of(value: &Value) -> u64 {
    FastHash::default().hash_one(value)
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
            (QueueInput::Enqueue(value), _) => state.and(value),
            (_, Some((number, first))) => state.without(number, first),
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

    fn special(
        &self,
        calls: &[Call<QueueInput, QueueOutput>],
        _history: &History,
    ) -> Option<(&'static str, Special)> {
        from_models::fifo_queue(calls)
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.items.heap_bytes()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_that_differ_anywhere_have_different_hashes_and_equal_ones_the_same() {
        let of = |values: &[i64]| {
            values.iter().fold(FifoState::default(), |queue, value| queue.and(&Value::Int(*value)))
        };
        let hash = |queue: &FifoState| FastHash::default().hash_one(queue);
        // All queues of eight elements out of three: 6,561.
        let mut seen = std::collections::HashSet::new();
        for number in 0..3_i64.pow(8) {
            let values: Vec<i64> = (0..8).map(|place| number / 3_i64.pow(place) % 3).collect();
            let queue = of(&values);
            assert!(seen.insert(hash(&queue)), "{values:?}");
            // The same after another element went through.
            let (longer, first) = (of(&[&[7], &values[..]].concat()), Value::Int(7));
            let same = longer.without(&0, &first);
            assert!(same == queue && hash(&same) == hash(&queue), "{values:?}");
        }
    }
}
