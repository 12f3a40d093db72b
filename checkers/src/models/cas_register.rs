//! A register with compare-and-set.

use crate::history::Fate;
use crate::model::{Blindness, Call, DecodeError, Decoded, Model, Recorded, RegisterFamily};
use crate::models::indefinite;
use crate::models::register::{self, RegisterInput, RegisterOutput};
use crate::value::Value;

/// A register with `read`, `write v` and `cas [from, to]`. It holds [`Value::Nil`] until it is
/// written. An `ok` cas found `from` and left `to`.
#[derive(Clone, Copy, Debug, Default)]
pub struct CasRegister {
    /// What a `fail` of a cas says.
    pub failed_cas: FailedCas,
}

/// What a `fail` of a cas says of the register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailedCas {
    /// Nothing: it did not happen, for whatever reason. Jepsen's meaning.
    #[default]
    SaysNothing,
    /// It took place and found another value than `from`. Porcupine's meaning; only for clients
    /// that report every other failure otherwise.
    SawOtherValue,
}

impl Model for CasRegister {
    type State = Value;
    type Input = RegisterInput;
    type Output = RegisterOutput;
    type Next = Option<Value>;

    fn name(&self) -> &str {
        "cas-register"
    }

    fn initial(&self) -> Value {
        Value::Nil
    }

    fn step(&self, state: &Value, input: &RegisterInput, output: Option<&RegisterOutput>) -> Option<Value> {
        register::step(state, input, output)
    }

    fn accepts(&self, state: &Value, input: &RegisterInput, output: Option<&RegisterOutput>) -> bool {
        register::accepts(state, input, output)
    }

    fn is_read_only(&self, input: &RegisterInput, output: Option<&RegisterOutput>) -> bool {
        register::is_read_only(input, output)
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        match (operation.f, operation.fate) {
            ("read", _) => register::read(operation, "per-key-cas-register"),
            ("write", Fate::Fail) => Ok(None),
            ("write", _) => register::write(operation).map(Some),
            ("cas", fate) => {
                let Some((from, to)) = operation.argument.as_pair() else {
                    return Err(operation.bad_call(format!(
                        "a `cas` needs the value [from, to], not {}; with several keys, choose `per-key-cas-register`",
                        operation.argument
                    )));
                };
                // What looks like one of several keys had better not be judged as one register.
                if operation.key.is_none() && (from.as_list().is_some() || to.as_list().is_some()) {
                    return Err(operation.bad_call(format!(
                        "a `cas` of one register has the value [from, to] without lists in it, not {}; \
                         with several keys, choose `per-key-cas-register`",
                        operation.argument
                    )));
                }
                register::repeats_argument(operation)?;
                let output = match fate {
                    Fate::Fail if self.failed_cas == FailedCas::SaysNothing => return Ok(None),
                    Fate::Ok => Some(RegisterOutput::Done),
                    Fate::Fail => Some(RegisterOutput::Mismatch),
                    Fate::Info => None,
                };
                let input = RegisterInput::Cas { from: from.to_value(), to: to.to_value() };
                Ok(Some(Decoded { key: None, input, output }))
            }
            (f, _) => Err(operation.bad_call(format!(
                "the model `cas-register` knows `read`, `write` and `cas`, not `{f}`; choose a model that does"
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
        Some(RegisterFamily { keyed: false, cas: Some(self.failed_cas) })
    }

    fn describe(&self, input: &RegisterInput, output: Option<&RegisterOutput>) -> String {
        register::describe(input, output)
    }

    fn describe_state(&self, state: &Value) -> String {
        state.to_string()
    }

    fn object(&self) -> &str {
        "the register"
    }

    fn requirement(&self, input: &RegisterInput, output: Option<&RegisterOutput>) -> Option<String> {
        register::requirement(input, output)
    }
}
