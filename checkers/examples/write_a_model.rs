//! Write a model: a light switch that tells, when it is toggled, whether it is on now.
//!
//! `cargo run -p checkers --example write_a_model`

use checkers::history::Fate;
use checkers::model::{DecodeError, Decoded, Model, Recorded};
use checkers::{Budget, Checker, Event, EventType, History, Linearizability, Process, Value};

/// Off at first. `toggle` answers whether it is on now.
struct Switch;

/// There is one thing to ask.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Toggle;

impl Model for Switch {
    type State = bool;
    type Input = Toggle;
    type Output = bool;
    // One state follows, or none if the answer is impossible. `Vec<bool>` would leave a choice.
    type Next = Option<bool>;

    fn name(&self) -> &str {
        "switch"
    }

    fn initial(&self) -> bool {
        false
    }

    fn step(&self, on: &bool, _: &Toggle, output: Option<&bool>) -> Option<bool> {
        let on = !on;
        // Nobody saw the answer, or it is the right one.
        (output.is_none_or(|told| *told == on)).then_some(on)
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        if operation.f != "toggle" {
            return Err(operation.bad_call(format!("a switch has `toggle`, not `{}`", operation.f)));
        }
        let output = match (operation.fate, operation.result.and_then(|result| result.as_bool())) {
            (Fate::Fail, _) => return Ok(None), // it did not happen
            (Fate::Info, _) => None,            // it may have happened, and nobody knows the answer
            (Fate::Ok, Some(on)) => Some(on),
            (Fate::Ok, None) => return Err(operation.bad_completion("`toggle` answers true or false")),
        };
        Ok(Some(Decoded { key: None, input: Toggle, output }))
    }

    // How evidence speaks of it.
    fn describe(&self, _: &Toggle, output: Option<&bool>) -> String {
        match output {
            Some(on) => format!("toggle, now {}", self.describe_state(on)),
            None => "toggle".to_owned(),
        }
    }

    fn describe_state(&self, on: &bool) -> String {
        if *on { "on" } else { "off" }.to_owned()
    }

    fn object(&self) -> &str {
        "the switch"
    }

    fn requirement(&self, _: &Toggle, output: Option<&bool>) -> Option<String> {
        output.map(|on| format!("it needs the switch to be {}", self.describe_state(&!on)))
    }
}

fn main() -> Result<(), checkers::HistoryError> {
    let client = |number| Process::client(number).expect("a small number");
    let event =
        |time, process, event_type, value| Event::new(time, client(process), event_type, "toggle", value);
    // Two clients toggle one after the other, and both are told that it is on.
    let history = History::new([
        event(1, 0, EventType::Invoke, Value::Nil),
        event(2, 0, EventType::Ok, true.into()),
        event(3, 1, EventType::Invoke, Value::Nil),
        event(4, 1, EventType::Ok, true.into()),
    ])?;
    let judgement = Linearizability::new(Switch).check(&history, &Budget::default());
    println!("{}: {}", judgement.verdict, judgement.reason);
    Ok(())
}
