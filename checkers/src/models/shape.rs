//! What the decoders of the models have in common.

use crate::history::Fate;
use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::tape::ValueRef;

/// An operation on the one object of a model.
pub(super) fn decoded<M: Model>(input: M::Input, output: Option<M::Output>) -> Option<Decoded<M>> {
    Some(Decoded { key: None, input, output })
}

/// What an operation whose answer says something was answered; `None` if it was not. With a key
/// taken off, an `ok` must still answer for that key.
pub(super) fn answer<'h>(operation: &Recorded<'h>) -> Result<Option<ValueRef<'h>>, DecodeError> {
    match (operation.fate, operation.result) {
        (Fate::Ok, None) => {
            let key = operation.key.unwrap_or(ValueRef::NIL);
            Err(operation.bad_completion(format!(
                "`{}` of key {key} must answer [{key}, value], not null; correct the history",
                operation.f
            )))
        }
        (Fate::Ok, some) => Ok(some),
        _ => Ok(None),
    }
}

/// Whether it was answered that it happened.
pub(super) fn is_ok(operation: &Recorded<'_>) -> bool {
    operation.fate == Fate::Ok
}

/// An integer argument of at least `least`, with a `default` for null.
pub(super) fn integer(
    operation: &Recorded<'_>,
    default: Option<i64>,
    least: i64,
) -> Result<i64, DecodeError> {
    let argument = operation.argument;
    let given = if argument.is_nil() { default } else { argument.as_int() };
    given.filter(|&n| n >= least).ok_or_else(|| {
        let bound = if least == i64::MIN { String::new() } else { format!(" of at least {least}") };
        operation.bad_call(format!(
            "`{}` needs an integer{bound}{}, not {argument}; correct the history",
            operation.f,
            if default.is_some() { " or null" } else { "" },
        ))
    })
}

/// An argument that must be absent: with one, the history means several objects.
pub(super) fn no_argument(operation: &Recorded<'_>, model: &str) -> Result<(), DecodeError> {
    if operation.argument.is_nil() {
        return Ok(());
    }
    if let Some(key) = operation.key {
        return Err(operation.bad_call(format!(
            "a `{}` of key {key} has the value [{key}, null], not [{key}, {}]; correct the history",
            operation.f, operation.argument
        )));
    }
    Err(operation.bad_call(format!(
        "`{}` has the value null, not {}; with several objects, choose `per-key-{model}`",
        operation.f, operation.argument
    )))
}

/// A function that the model does not know.
pub(super) fn unknown_function(operation: &Recorded<'_>, model: &str, knows: &str) -> DecodeError {
    operation.bad_call(format!(
        "the model `{model}` knows {knows}, not `{}`; choose a model that does",
        operation.f
    ))
}

/// An answer of another shape than the function has.
pub(super) fn bad_answer(operation: &Recorded<'_>, needs: &str) -> DecodeError {
    let answered = operation.result.unwrap_or(ValueRef::NIL);
    operation.bad_completion(format!(
        "`{}` with {} must answer {needs}, not {answered}; correct the history",
        operation.f, operation.argument
    ))
}

/// What an operation was answered that may be answered with nothing, too: with null, or, where it
/// `may_repeat`, with its own argument.
pub(super) fn answer_or_nothing<'h>(
    operation: &Recorded<'h>,
    may_repeat: bool,
) -> Result<Option<ValueRef<'h>>, DecodeError> {
    if !may_repeat {
        return answer(operation);
    }
    let said = operation.result.filter(|result| !result.is_nil() && *result != operation.argument);
    Ok(said.filter(|_| is_ok(operation)))
}

/// How many elements of a state are written out.
const LISTED: usize = 16;

/// `{1 2 3}`; of many elements the first.
pub(super) fn braces(elements: impl Iterator<Item = String>) -> String {
    enclosed("{", elements, "}")
}

/// `[1 2 3]`; of many elements the first.
pub(super) fn brackets(elements: impl Iterator<Item = String>) -> String {
    enclosed("[", elements, "]")
}

fn enclosed(open: &str, mut elements: impl Iterator<Item = String>, close: &str) -> String {
    let mut words: Vec<String> = elements.by_ref().take(LISTED).collect();
    let more = elements.count();
    if more > 0 {
        words.push(format!("… {more} more"));
    }
    format!("{open}{}{close}", words.join(" "))
}
