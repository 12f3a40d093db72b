//! A stack: last in, first out.

use std::collections::HashMap;

use crate::hash::FastHash;
use crate::model::{Call, DecodeError, Decoded, Foresight, Hopeless, Model, Recorded};
use crate::models::queue::{self, QueueInput, QueueOutput};
use crate::models::shape;
use crate::models::sharing::Shared;
use crate::value::Value;

/// A stack, empty at first: `push v`, and `pop`, which answers the newest, or null or "empty" if
/// there is none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stack;

/// How many elements below the top are looked at.
const DEEP: u64 = 64;

/// When elements are popped.
struct Elements {
    /// For each element the first position at which somebody asks for what turns out to be one like it.
    asked: HashMap<Value, usize, FastHash>,
    /// The position by which it was popped, of those that are pushed once and certainly popped.
    popped: HashMap<Value, usize, FastHash>,
    /// The first position at which somebody asks who is never answered.
    asked_unanswered: usize,
}

impl Elements {
    fn of(calls: &[Call<QueueInput, QueueOutput>]) -> Self {
        let mut pushed: HashMap<&Value, usize, FastHash> = HashMap::default();
        let mut asked: HashMap<Value, usize, FastHash> = HashMap::default();
        let mut popped: HashMap<Value, usize, FastHash> = HashMap::default();
        let mut asked_unanswered = usize::MAX;
        for call in calls {
            match (&call.input, &call.output) {
                (QueueInput::Enqueue(value), _) => *pushed.entry(value).or_default() += 1,
                (_, Some(QueueOutput::Value(value))) => {
                    let first = asked.entry(value.clone()).or_insert(usize::MAX);
                    *first = call.call.min(*first);
                    if let Some(ret) = call.ret {
                        let by = popped.entry(value.clone()).or_insert(usize::MAX);
                        *by = ret.min(*by);
                    }
                }
                (_, None) => asked_unanswered = asked_unanswered.min(call.call),
                _ => {}
            }
        }
        popped.retain(|value, _| pushed.get(value) == Some(&1));
        Elements { asked, popped, asked_unanswered }
    }

    /// Whether what is on top cannot be popped before something below it must be.
    fn cannot_be_popped(&self, state: &Shared<u64, Value>) -> bool {
        let Some((&top, value)) = state.last() else { return false };
        let asked = self.asked.get(value).copied().unwrap_or(usize::MAX).min(self.asked_unanswered);
        let below = (top.saturating_sub(DEEP)..top).filter_map(|height| state.get(&height));
        below.filter_map(|value| self.popped.get(value)).any(|&by| by < asked)
    }
}

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

    /// Of two elements on the stack the upper is popped first. So if the lower one was certainly popped before
    /// anybody asked for what can be the upper one, nothing goes on from there.
    fn foresight(&self, calls: &[Call<QueueInput, QueueOutput>]) -> Foresight<Self::State> {
        let elements = Elements::of(calls);
        let hopeless = Hopeless::new(move |state: &Self::State| elements.cannot_be_popped(state));
        Foresight {
            last_needs: Vec::new(),
            blindness: Vec::new(),
            only_from: Vec::new(),
            hopeless: Some(hopeless),
        }
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.heap_bytes()
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
