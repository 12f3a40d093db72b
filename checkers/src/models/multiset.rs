//! A multiset: elements are there any number of times.

use std::hash::Hash;

use crate::history::Fate;
use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::set::yes_or_no;
use crate::models::shape::{self, decoded};
use crate::models::sharing::Shared;
use crate::value::Value;

/// A multiset, empty at first.
///
/// | function | value | answer |
/// |---|---|---|
/// | `add` | `v` | null or `v` |
/// | `remove` | `v` | null or `v`: nothing, or one of them is taken out; or whether there was one |
/// | `contains` | `v` | `true`, `false` or `[v, true]` |
/// | `count` | `v` | how many there are, as `[v, n]` |
/// | `read` | null | a list of all, in any order |
#[derive(Clone, Copy, Debug, Default)]
pub struct Multiset;

/// What a client asks of a multiset.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MultisetInput {
    /// Have one more of this.
    Add(Value),
    /// Have one less of this, if there is one.
    Remove(Value),
    /// Have you this?
    Contains(Value),
    /// How often have you this?
    Count(Value),
    /// What have you?
    Read,
}

/// What a multiset answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MultisetOutput {
    /// To an add or a remove: done.
    Done,
    /// To a remove or contains: whether it was there.
    Is(bool),
    /// To a count: so often.
    Times(u64),
    /// To a read: these, so often.
    Elements(Shared<Value, u64>),
}

impl Model for Multiset {
    type State = Shared<Value, u64>;
    type Input = MultisetInput;
    type Output = MultisetOutput;
    type Next = Option<Shared<Value, u64>>;

    fn name(&self) -> &str {
        "multiset"
    }

    fn initial(&self) -> Self::State {
        Shared::default()
    }

    fn step(
        &self,
        state: &Self::State,
        input: &MultisetInput,
        output: Option<&MultisetOutput>,
    ) -> Self::Next {
        self.accepts(state, input, output).then(|| match input {
            MultisetInput::Add(element) => more(state, element.clone()),
            MultisetInput::Remove(element) => less(state, element),
            _ => state.clone(),
        })
    }

    fn accepts(&self, state: &Self::State, input: &MultisetInput, output: Option<&MultisetOutput>) -> bool {
        match (input, output) {
            (MultisetInput::Remove(e) | MultisetInput::Contains(e), Some(MultisetOutput::Is(there))) => {
                state.get(e).is_some() == *there
            }
            (MultisetInput::Count(e), Some(MultisetOutput::Times(n))) => state.get(e).unwrap_or(&0) == n,
            (MultisetInput::Read, Some(MultisetOutput::Elements(elements))) => elements == state,
            _ => true,
        }
    }

    fn is_read_only(&self, input: &MultisetInput, output: Option<&MultisetOutput>) -> bool {
        match input {
            MultisetInput::Add(_) => false,
            MultisetInput::Remove(_) => matches!(output, Some(MultisetOutput::Is(false))),
            _ => true,
        }
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        let element = operation.argument.to_value();
        Ok(match operation.f {
            "add" => {
                let output = match shape::answer_or_nothing(operation, true)? {
                    Some(_) => return Err(shape::bad_answer(operation, "null or its value")),
                    None => shape::is_ok(operation).then_some(MultisetOutput::Done),
                };
                (operation.fate != Fate::Fail).then_some(Decoded {
                    key: None,
                    input: MultisetInput::Add(element),
                    output,
                })
            }
            "remove" => {
                let output = match yes_or_no(operation, true)? {
                    Some(there) => Some(MultisetOutput::Is(there)),
                    None => shape::is_ok(operation).then_some(MultisetOutput::Done),
                };
                (operation.fate != Fate::Fail).then_some(Decoded {
                    key: None,
                    input: MultisetInput::Remove(element),
                    output,
                })
            }
            "contains" => match yes_or_no(operation, false)? {
                Some(there) => decoded(MultisetInput::Contains(element), Some(MultisetOutput::Is(there))),
                None => None,
            },
            "count" => {
                let Some(answer) = shape::answer(operation)? else { return Ok(None) };
                let times = answer.as_pair().filter(|(e, _)| *e == operation.argument);
                let times = times.and_then(|(_, n)| u64::try_from(n.as_int()?).ok());
                let times = times.ok_or_else(|| shape::bad_answer(operation, "[element, number]"))?;
                decoded(MultisetInput::Count(element), Some(MultisetOutput::Times(times)))
            }
            "read" => {
                shape::no_argument(operation, self.name())?;
                let Some(answer) = shape::answer(operation)? else { return Ok(None) };
                let elements = answer.as_list().ok_or_else(|| shape::bad_answer(operation, "a list"))?;
                let elements =
                    elements.fold(Shared::default(), |bag, element| more(&bag, element.to_value()));
                decoded(MultisetInput::Read, Some(MultisetOutput::Elements(elements)))
            }
            _ => {
                return Err(shape::unknown_function(
                    operation,
                    self.name(),
                    "`add`, `remove`, `contains`, `count` and `read`",
                ));
            }
        })
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.heap_bytes()
    }

    fn describe(&self, input: &MultisetInput, output: Option<&MultisetOutput>) -> String {
        let result = match output {
            Some(MultisetOutput::Is(result)) => format!(": {result}"),
            Some(MultisetOutput::Times(n)) => format!(": {n}"),
            _ => String::new(),
        };
        match (input, output) {
            (MultisetInput::Add(element), _) => format!("add {element}"),
            (MultisetInput::Remove(element), _) => format!("remove {element}{result}"),
            (MultisetInput::Contains(element), _) => format!("contains {element}{result}"),
            (MultisetInput::Count(element), _) => format!("count {element}{result}"),
            (MultisetInput::Read, Some(MultisetOutput::Elements(bag))) => format!("read {}", listed(bag)),
            (MultisetInput::Read, _) => "read".to_owned(),
        }
    }

    fn describe_state(&self, state: &Self::State) -> String {
        listed(state)
    }

    fn object(&self) -> &str {
        "the multiset"
    }

    fn requirement(&self, input: &MultisetInput, output: Option<&MultisetOutput>) -> Option<String> {
        match (input, output) {
            (MultisetInput::Remove(e) | MultisetInput::Contains(e), Some(MultisetOutput::Is(there))) => {
                let what = if matches!(input, MultisetInput::Remove(_)) { "removing" } else { "asking for" };
                let has = if *there { "to have it" } else { "not to have it" };
                Some(format!("{what} {e} with the answer {there} needs the multiset {has}"))
            }
            (MultisetInput::Count(e), Some(MultisetOutput::Times(n))) => {
                Some(format!("counting {e} {n} times needs the multiset to have it {n} times"))
            }
            (MultisetInput::Read, Some(MultisetOutput::Elements(bag))) => {
                Some(format!("reading {0} needs the multiset to be {0}", listed(bag)))
            }
            _ => None,
        }
    }
}

/// The bag with one more of an element.
pub(super) fn more<K: Clone + Ord + Hash>(bag: &Shared<K, u64>, element: K) -> Shared<K, u64> {
    let times = bag.get(&element).copied().unwrap_or(0);
    bag.with(element, times + 1)
}

/// The bag with one less of an element, if there is one.
pub(super) fn less<K: Clone + Ord + Hash>(bag: &Shared<K, u64>, element: &K) -> Shared<K, u64> {
    match bag.get(element) {
        Some(&times) if times > 1 => bag.with(element.clone(), times - 1),
        _ => bag.without(element),
    }
}

/// `{1 2×3}`: the element 2 is there three times.
pub(super) fn listed(bag: &Shared<Value, u64>) -> String {
    shape::braces(bag.iter().map(|(element, times)| match times {
        1 => element.to_string(),
        n => format!("{element}×{n}"),
    }))
}
