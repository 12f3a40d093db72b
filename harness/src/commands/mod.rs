//! The commands, one per file. Each returns how the program ends; none of them exits by itself.

pub mod bench;
pub mod check;
pub mod convert;
pub mod doctor;
pub mod list;
pub mod node;
pub mod report;
pub mod run;

use crate::exit::Exit;
use crate::say;

/// Says what is wrong, on standard error, in the form `error: …`.
pub(crate) fn complain(exit: Exit, error: &dyn std::fmt::Display) -> Exit {
    say::err(format_args!("error: {error}"));
    exit
}

/// Prints a JSON document on standard output.
pub(crate) fn print_json(value: &impl serde::Serialize) -> Exit {
    match serde_json::to_string_pretty(value) {
        Ok(text) => {
            say::out(text);
            Exit::Valid
        }
        Err(error) => complain(Exit::HarnessFailure, &format_args!("cannot write JSON: {error}")),
    }
}
