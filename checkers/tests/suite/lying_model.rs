//! A model with a mistake in what it tells the search beforehand: nobody else is accused.

use checkers::linearizability::{Answer, check_operations};
use checkers::model::{Call, DecodeError, Decoded, Model, Recorded};
use checkers::models::{Register, RegisterInput, RegisterOutput};
use checkers::{Budget, Checker, Linearizability, Value, Verdict};

use crate::text::history;

/// A register that claims its first state to be needed for ever.
#[derive(Debug)]
struct Lying;

impl Model for Lying {
    type State = Value;
    type Input = RegisterInput;
    type Output = RegisterOutput;
    type Next = Option<Value>;

    fn name(&self) -> &str {
        "lying"
    }
    fn initial(&self) -> Value {
        Register.initial()
    }
    fn step(&self, state: &Value, input: &RegisterInput, output: Option<&RegisterOutput>) -> Option<Value> {
        Register.step(state, input, output)
    }
    fn is_read_only(&self, input: &RegisterInput, output: Option<&RegisterOutput>) -> bool {
        Register.is_read_only(input, output)
    }
    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        let Some(Decoded { key, input, output }) = Register.decode(operation)? else { return Ok(None) };
        Ok(Some(Decoded { key, input, output }))
    }
    fn last_needs(&self, _calls: &[Call<RegisterInput, RegisterOutput>]) -> Vec<(Value, usize)> {
        vec![(Value::Nil, usize::MAX)]
    }
    fn describe(&self, input: &RegisterInput, output: Option<&RegisterOutput>) -> String {
        Register.describe(input, output)
    }
    fn describe_state(&self, state: &Value) -> String {
        Register.describe_state(state)
    }
    fn object(&self) -> &str {
        Register.object()
    }
    fn requirement(&self, input: &RegisterInput, output: Option<&RegisterOutput>) -> Option<String> {
        Register.requirement(input, output)
    }
}

#[test]
fn two_searches_that_disagree_accuse_nobody() {
    let history = history("0 :invoke :write 1\n0 :ok :write 1\n0 :invoke :read nil\n0 :ok :read 1");
    let judgement = Linearizability::new(Lying).check(&history, &Budget::default());
    assert_eq!(judgement.verdict, Verdict::Unknown, "{}", judgement.reason);
    assert_eq!(
        judgement.reason,
        "the two searches disagree; this is a bug of ours, please report it; 0 of 1 objects are linearizable"
    );
    let calls = Linearizability::new(Lying).objects(&history).unwrap().remove(0).calls;
    let answer = check_operations(&Lying, calls, &Budget::default());
    assert!(matches!(answer, Answer::Unknown { out_of_steps: false, .. }), "{answer:?}");
}
