//! A register: `read` answers what the last `write` wrote.

use crate::history::Fate;
use crate::model::{Blindness, Call, DecodeError, Decoded, Model, Recorded, RegisterFamily};
use crate::models::indefinite;
use crate::tape::ValueRef;
use crate::value::Value;

/// A register with `read` and `write v`. It holds [`Value::Nil`] until it is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Register;

/// What a client asks of a register.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegisterInput {
    /// What does it hold?
    Read,
    /// Hold this.
    Write(Value),
    /// Hold `to` if you hold `from`. Only a [`CasRegister`](super::CasRegister) takes it.
    Cas {
        /// What it must hold.
        from: Value,
        /// What it shall hold.
        to: Value,
    },
}

/// What a register answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegisterOutput {
    /// To a read: it holds this.
    Holds(Value),
    /// To a write or a cas: done.
    Done,
    /// To a cas: it holds something else.
    Mismatch,
}

impl Model for Register {
    type State = Value;
    type Input = RegisterInput;
    type Output = RegisterOutput;
    type Next = Option<Value>;

    fn name(&self) -> &str {
        "register"
    }

    fn initial(&self) -> Value {
        Value::Nil
    }

    fn step(&self, state: &Value, input: &RegisterInput, output: Option<&RegisterOutput>) -> Option<Value> {
        step(state, input, output)
    }

    fn accepts(&self, state: &Value, input: &RegisterInput, output: Option<&RegisterOutput>) -> bool {
        accepts(state, input, output)
    }

    fn is_read_only(&self, input: &RegisterInput, output: Option<&RegisterOutput>) -> bool {
        is_read_only(input, output)
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        match (operation.f, operation.fate) {
            ("read", _) => read(operation, "per-key-register"),
            ("write", Fate::Fail) => Ok(None),
            ("write", _) => write(operation).map(Some),
            (f, _) => Err(operation.bad_call(format!(
                "the model `register` knows `read` and `write`, not `{f}`; choose a model that does"
            ))),
        }
    }

    fn settle(&self, calls: &mut Vec<Call<RegisterInput, RegisterOutput>>) {
        indefinite::settle(&self.initial(), calls);
    }

    fn last_needs(&self, calls: &[Call<RegisterInput, RegisterOutput>]) -> Vec<(Value, usize)> {
        indefinite::last_needs(&self.initial(), calls)
    }

    fn blind_and_idle(&self, calls: &[Call<RegisterInput, RegisterOutput>]) -> Vec<Blindness> {
        indefinite::blind_and_idle(calls)
    }

    fn register_family(&self) -> Option<RegisterFamily> {
        Some(RegisterFamily { keyed: false, cas: None })
    }

    fn describe(&self, input: &RegisterInput, output: Option<&RegisterOutput>) -> String {
        describe(input, output)
    }

    fn describe_state(&self, state: &Value) -> String {
        state.to_string()
    }

    fn object(&self) -> &str {
        "the register"
    }

    fn requirement(&self, input: &RegisterInput, output: Option<&RegisterOutput>) -> Option<String> {
        requirement(input, output)
    }
}

/// A read, `None` unless it was answered. One with an argument is refused: it names a key, and
/// reads of several keys taken for reads of one register would look like a violation.
pub(super) fn read<M>(operation: &Recorded<'_>, per_key: &str) -> Result<Option<Decoded<M>>, DecodeError>
where
    M: Model<Input = RegisterInput, Output = RegisterOutput>,
{
    match (operation.argument, operation.key) {
        (argument, _) if argument.is_nil() => {}
        (argument, None) => {
            return Err(operation.bad_call(format!(
                "a `read` of one register has the value null, not {argument}; with several keys, choose `{per_key}`"
            )));
        }
        (argument, Some(key)) => {
            return Err(operation.bad_call(format!(
                "a `read` of key {key} has the value [{key}, null], not [{key}, {argument}]; correct the history"
            )));
        }
    }
    if operation.fate != Fate::Ok {
        return Ok(None);
    }
    let value = operation.result.map(ValueRef::to_value).unwrap_or_default();
    let output = Some(RegisterOutput::Holds(value));
    Ok(Some(Decoded { key: None, input: RegisterInput::Read, output }))
}

/// A write, answered or not.
pub(super) fn write<M>(operation: &Recorded<'_>) -> Result<Decoded<M>, DecodeError>
where
    M: Model<Input = RegisterInput, Output = RegisterOutput>,
{
    repeats_argument(operation)?;
    let output = (operation.fate == Fate::Ok).then_some(RegisterOutput::Done);
    Ok(Decoded { key: None, input: RegisterInput::Write(operation.argument.to_value()), output })
}

/// Refuses an `ok` which answers something else than was asked: nobody knows then what was
/// written. Some systems answer with nothing, which is as good.
pub(super) fn repeats_argument(operation: &Recorded<'_>) -> Result<(), DecodeError> {
    let (f, argument) = (operation.f, operation.argument);
    match operation.result {
        Some(result) if !result.is_nil() && result != argument => Err(operation.bad_completion(format!(
            "`{f}` was invoked with {argument} at event {}, and its `ok` has {result}; \
             an `ok` must repeat the value or have null, correct the history",
            operation.call
        ))),
        _ => Ok(()),
    }
}

pub(super) fn step(state: &Value, input: &RegisterInput, output: Option<&RegisterOutput>) -> Option<Value> {
    if !accepts(state, input, output) {
        return None;
    }
    Some(match (input, output) {
        (RegisterInput::Write(value), _) => value.clone(),
        (RegisterInput::Cas { to, .. }, None | Some(RegisterOutput::Done)) => to.clone(),
        _ => state.clone(),
    })
}

pub(super) fn accepts(state: &Value, input: &RegisterInput, output: Option<&RegisterOutput>) -> bool {
    match (input, output) {
        (RegisterInput::Read, Some(RegisterOutput::Holds(value))) => value == state,
        (RegisterInput::Cas { from, .. }, Some(RegisterOutput::Mismatch)) => from != state,
        // Without an answer: to take effect it must have found what it looked for.
        (RegisterInput::Cas { from, .. }, _) => from == state,
        (RegisterInput::Read | RegisterInput::Write(_), _) => true,
    }
}

pub(super) fn is_read_only(input: &RegisterInput, output: Option<&RegisterOutput>) -> bool {
    match (input, output) {
        (RegisterInput::Read, _) | (RegisterInput::Cas { .. }, Some(RegisterOutput::Mismatch)) => true,
        (RegisterInput::Cas { from, to }, _) => from == to,
        (RegisterInput::Write(_), _) => false,
    }
}

pub(super) fn describe(input: &RegisterInput, output: Option<&RegisterOutput>) -> String {
    match (input, output) {
        (RegisterInput::Read, Some(RegisterOutput::Holds(value))) => format!("read {value}"),
        (RegisterInput::Read, _) => "read".to_owned(),
        (RegisterInput::Write(value), _) => format!("write {value}"),
        (RegisterInput::Cas { from, to }, Some(RegisterOutput::Mismatch)) => {
            format!("failed cas from {from} to {to}")
        }
        (RegisterInput::Cas { from, to }, _) => format!("cas from {from} to {to}"),
    }
}

pub(super) fn requirement(input: &RegisterInput, output: Option<&RegisterOutput>) -> Option<String> {
    match (input, output) {
        (RegisterInput::Read, Some(RegisterOutput::Holds(value))) => {
            Some(format!("reading {value} needs the register to be {value}"))
        }
        (RegisterInput::Cas { from, to }, Some(RegisterOutput::Mismatch)) => {
            Some(format!("a failed cas from {from} to {to} needs the register not to be {from}"))
        }
        (RegisterInput::Cas { from, to }, _) => {
            Some(format!("a cas from {from} to {to} needs the register to be {from}"))
        }
        _ => None,
    }
}
