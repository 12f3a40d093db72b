//! A set: elements are there or not.

use crate::history::{Fate, History};
use crate::linearizability::special::{Special, from_models};
use crate::model::{Call, DecodeError, Decoded, Model, Recorded};
use crate::models::shape::{self, decoded};
use crate::models::sharing::Shared;
use crate::value::Value;

/// A set, empty at first.
///
/// | function | value | answer |
/// |---|---|---|
/// | `add` | `v` | null or `v`; or whether it was new, as `true`, `false` or `[v, true]` |
/// | `remove` | `v` | the same: whether it was there |
/// | `contains` | `v` | `true`, `false` or `[v, true]` |
/// | `read` | null | a list of all elements, in any order |
#[derive(Clone, Copy, Debug, Default)]
pub struct Set;

/// What a client asks of a set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetInput {
    /// Have this.
    Add(Value),
    /// Have it no more.
    Remove(Value),
    /// Have you this?
    Contains(Value),
    /// What have you?
    Read,
}

/// What a set answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetOutput {
    /// To an add or a remove: done.
    Done,
    /// To an add: whether it was new. To a remove or contains: whether it was there.
    Is(bool),
    /// To a read: these.
    Elements(Shared<Value, ()>),
}

impl Model for Set {
    type State = Shared<Value, ()>;
    type Input = SetInput;
    type Output = SetOutput;
    type Next = Option<Shared<Value, ()>>;

    fn name(&self) -> &str {
        "set"
    }

    fn initial(&self) -> Self::State {
        Shared::default()
    }

    fn step(&self, state: &Self::State, input: &SetInput, output: Option<&SetOutput>) -> Self::Next {
        self.accepts(state, input, output).then(|| match input {
            SetInput::Add(element) if state.get(element).is_none() => state.with(element.clone(), ()),
            SetInput::Remove(element) => state.without(element),
            _ => state.clone(),
        })
    }

    fn accepts(&self, state: &Self::State, input: &SetInput, output: Option<&SetOutput>) -> bool {
        match (input, output) {
            (SetInput::Add(element), Some(SetOutput::Is(new))) => state.get(element).is_none() == *new,
            (SetInput::Remove(element) | SetInput::Contains(element), Some(SetOutput::Is(there))) => {
                state.get(element).is_some() == *there
            }
            (SetInput::Read, Some(SetOutput::Elements(elements))) => elements == state,
            _ => true,
        }
    }

    fn is_read_only(&self, input: &SetInput, output: Option<&SetOutput>) -> bool {
        match input {
            SetInput::Read | SetInput::Contains(_) => true,
            // One that was not new, or not there.
            SetInput::Add(_) | SetInput::Remove(_) => matches!(output, Some(SetOutput::Is(false))),
        }
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        let element = operation.argument.to_value();
        let input = match operation.f {
            "add" => SetInput::Add(element),
            "remove" => SetInput::Remove(element),
            "contains" => SetInput::Contains(element),
            "read" => {
                shape::no_argument(operation, self.name())?;
                let Some(answer) = shape::answer(operation)? else { return Ok(None) };
                let elements = answer.as_list().ok_or_else(|| shape::bad_answer(operation, "a list"))?;
                let mut set = Shared::default();
                for element in elements {
                    let element = element.to_value();
                    if set.get(&element).is_some() {
                        return Err(operation.bad_completion(format!(
                            "a set was read with {element} twice in it; for elements that may be there more \
                             than once, choose `multiset`"
                        )));
                    }
                    set = set.with(element, ());
                }
                return Ok(decoded(SetInput::Read, Some(SetOutput::Elements(set))));
            }
            _ => {
                return Err(shape::unknown_function(
                    operation,
                    self.name(),
                    "`add`, `remove`, `contains` and `read`",
                ));
            }
        };
        let output = yes_or_no(operation, operation.f != "contains")?;
        Ok(match (operation.fate, output) {
            (Fate::Fail, _) => None,
            (Fate::Ok, None) => decoded(input, Some(SetOutput::Done)),
            (_, output) => decoded(input, output.map(SetOutput::Is)),
        })
    }

    fn special(
        &self,
        calls: &[Call<SetInput, SetOutput>],
        _history: &History,
    ) -> Option<(&'static str, Special)> {
        from_models::set(calls)
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.heap_bytes()
    }

    fn describe(&self, input: &SetInput, output: Option<&SetOutput>) -> String {
        let result = match output {
            Some(SetOutput::Is(result)) => format!(": {result}"),
            _ => String::new(),
        };
        match (input, output) {
            (SetInput::Add(element), _) => format!("add {element}{result}"),
            (SetInput::Remove(element), _) => format!("remove {element}{result}"),
            (SetInput::Contains(element), _) => format!("contains {element}{result}"),
            (SetInput::Read, Some(SetOutput::Elements(set))) => format!("read {}", listed(set)),
            (SetInput::Read, _) => "read".to_owned(),
        }
    }

    fn describe_state(&self, state: &Self::State) -> String {
        listed(state)
    }

    fn object(&self) -> &str {
        "the set"
    }

    fn requirement(&self, input: &SetInput, output: Option<&SetOutput>) -> Option<String> {
        let (what, element, there) = match (input, output) {
            (SetInput::Read, Some(SetOutput::Elements(set))) => {
                return Some(format!("reading {0} needs the set to be {0}", listed(set)));
            }
            (SetInput::Add(element), Some(SetOutput::Is(new))) => ("adding", element, !new),
            (SetInput::Remove(element), Some(SetOutput::Is(there))) => ("removing", element, *there),
            (SetInput::Contains(element), Some(SetOutput::Is(there))) => ("asking for", element, *there),
            _ => return None,
        };
        let result = matches!(output, Some(SetOutput::Is(true)));
        let has = if there { "to have it" } else { "not to have it" };
        Some(format!("{what} {element} with the answer {result} needs the set {has}"))
    }
}

/// An answer that is a truth value, alone or beside the argument. Null, and where `may_repeat` the
/// argument itself, are none.
pub(super) fn yes_or_no(operation: &Recorded<'_>, may_repeat: bool) -> Result<Option<bool>, DecodeError> {
    let Some(answer) = shape::answer_or_nothing(operation, may_repeat)? else { return Ok(None) };
    let beside = answer.as_pair().filter(|(element, _)| *element == operation.argument);
    let result = beside.and_then(|(_, result)| result.as_bool()).or_else(|| answer.as_bool());
    match result {
        // Of an element that is itself a truth value, nobody can tell.
        Some(result) if beside.is_some() || operation.argument.as_bool().is_none() => Ok(Some(result)),
        Some(_) if may_repeat && answer == operation.argument => Ok(None),
        Some(_) => Err(shape::bad_answer(operation, "[element, true] or [element, false]")),
        None if may_repeat => Err(shape::bad_answer(operation, "null, its value, true or false")),
        None => Err(shape::bad_answer(operation, "true or false")),
    }
}

/// `{1 2 3}`, and how many more.
fn listed(set: &Shared<Value, ()>) -> String {
    shape::braces(set.iter().map(|(element, ())| element.to_string()))
}
