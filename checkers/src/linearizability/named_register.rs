//! A register whose values are names: what the search works on where a history was decoded into
//! columns. It is the registers of [`models`](crate::models), with numbers for values.

use super::registers::Registers;
use super::special::register::{Act, INITIAL, RegisterOp};
use crate::model::{Blindness, Call, DecodeError, Decoded, Effect, Model, Recorded};
use crate::models::indefinite;
use crate::models::register::{self, RegisterInput, RegisterOutput};
use crate::value::Value;

/// The name of no value.
const NOBODYS: u64 = u64::MAX;

/// See the module.
#[derive(Clone, Copy)]
pub(super) struct NamedRegister<'r, 'h> {
    pub(super) registers: &'r Registers<'h>,
}

type Input = RegisterInput<u64>;
type Output = RegisterOutput<u64>;

impl NamedRegister<'_, '_> {
    /// Columns as typed calls.
    pub(super) fn calls(ops: &[RegisterOp]) -> Vec<Call<Input, Output>> {
        let call = |op: &RegisterOp| {
            let answered = op.span.answered();
            let done = answered.then_some(RegisterOutput::Done);
            let (input, output) = match op.act {
                Act::Read => (RegisterInput::Read, answered.then_some(RegisterOutput::Holds(op.value))),
                Act::Write => (RegisterInput::Write(op.value), done),
                Act::Cas => (RegisterInput::Cas { from: op.from, to: op.value }, done),
                Act::FailedCas => {
                    (RegisterInput::Cas { from: op.from, to: op.value }, Some(RegisterOutput::Mismatch))
                }
            };
            let ret = answered.then_some(op.span.ret as usize);
            Call { call: op.span.call as usize, ret, input, output }
        };
        ops.iter().map(call).collect()
    }

    fn input(&self, input: &Input) -> RegisterInput {
        match input {
            RegisterInput::Read => RegisterInput::Read,
            RegisterInput::Write(value) => RegisterInput::Write(self.value(*value)),
            RegisterInput::Cas { from, to } => {
                RegisterInput::Cas { from: self.value(*from), to: self.value(*to) }
            }
        }
    }

    fn output(&self, output: &Output) -> RegisterOutput {
        match output {
            RegisterOutput::Holds(value) => RegisterOutput::Holds(self.value(*value)),
            RegisterOutput::Done => RegisterOutput::Done,
            RegisterOutput::Mismatch => RegisterOutput::Mismatch,
        }
    }

    fn value(&self, name: u64) -> Value {
        self.registers.value(name)
    }
}

impl Model for NamedRegister<'_, '_> {
    type State = u64;
    type Input = Input;
    type Output = Output;
    type Next = Option<u64>;

    fn name(&self) -> &str {
        "register"
    }

    fn initial(&self) -> u64 {
        INITIAL
    }

    fn step(&self, state: &u64, input: &Input, output: Option<&Output>) -> Option<u64> {
        register::step(state, input, output)
    }

    fn accepts(&self, state: &u64, input: &Input, output: Option<&Output>) -> bool {
        register::accepts(state, input, output)
    }

    fn is_read_only(&self, input: &Input, output: Option<&Output>) -> bool {
        register::is_read_only(input, output)
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        Err(operation.bad_call("a history is decoded by its own model"))
    }

    fn settle(&self, calls: &mut Vec<Call<Input, Output>>) {
        indefinite::settle(&INITIAL, calls);
    }

    fn last_needs(&self, calls: &[Call<Input, Output>]) -> Vec<(u64, usize)> {
        indefinite::last_needs(&INITIAL, calls)
    }

    fn blind_and_idle(&self, calls: &[Call<Input, Output>]) -> Vec<Blindness> {
        indefinite::blind_and_idle(calls)
    }

    fn effect(&self, input: &Input, output: Option<&Output>) -> Effect<u64> {
        indefinite::effect(input, output)
    }

    fn tells_of(&self, input: &Input, output: Option<&Output>, told: &mut Vec<u64>) {
        indefinite::tells_of(input, output, told);
    }

    fn any_other(&self) -> Option<u64> {
        Some(NOBODYS)
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> String {
        register::describe(&self.input(input), output.map(|output| self.output(output)).as_ref())
    }

    fn describe_state(&self, state: &u64) -> String {
        self.value(*state).to_string()
    }

    fn object(&self) -> &str {
        "the register"
    }

    fn requirement(&self, input: &Input, output: Option<&Output>) -> Option<String> {
        register::requirement(&self.input(input), output.map(|output| self.output(output)).as_ref())
    }
}
