//! A fenced lock: every acquisition answers a token larger than all before.

use crate::history::Fate;
use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::shape::{self, decoded};

/// A lock whose `acquire` answers a token, an integer; tokens grow. `release` may name the token
/// (as its value) that it gives back.
///
/// A token that nobody saw is taken to be the smallest it can have been: whatever could follow a
/// larger one can follow it too.
#[derive(Clone, Copy, Debug, Default)]
pub struct FencedLock;

/// What a client asks of a fenced lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FencedLockInput {
    /// Be mine.
    Acquire,
    /// Be free; whoever gives back names the token, or not.
    Release(Option<i64>),
}

/// What a fenced lock answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FencedLockOutput {
    /// To an acquire: yours, under this token.
    Token(i64),
    /// To a release: done.
    Done,
}

/// What is known of a fenced lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FencedLockState {
    /// Nobody has had it.
    Fresh,
    /// Free; the last token was this, or larger if nobody saw it.
    Free(i64),
    /// Held under this token.
    Held(i64),
    /// Held under a token that nobody saw: this, or a larger one.
    HeldUnseen(i64),
}

impl Model for FencedLock {
    type State = FencedLockState;
    type Input = FencedLockInput;
    type Output = FencedLockOutput;
    type Next = Option<FencedLockState>;

    fn name(&self) -> &str {
        "fenced-lock"
    }

    fn initial(&self) -> FencedLockState {
        FencedLockState::Fresh
    }

    fn step(
        &self,
        state: &FencedLockState,
        input: &FencedLockInput,
        output: Option<&FencedLockOutput>,
    ) -> Option<FencedLockState> {
        use FencedLockState::{Free, Fresh, Held, HeldUnseen};
        match (*state, *input) {
            (Fresh | Free(_), FencedLockInput::Acquire) => {
                let least = match *state {
                    Free(last) => last.checked_add(1)?,
                    _ => i64::MIN,
                };
                match output {
                    Some(FencedLockOutput::Token(token)) => (*token >= least).then_some(Held(*token)),
                    _ => Some(HeldUnseen(least)),
                }
            }
            (Held(token), FencedLockInput::Release(named)) => {
                named.is_none_or(|named| named == token).then_some(Free(token))
            }
            (HeldUnseen(least), FencedLockInput::Release(named)) => {
                named.is_none_or(|named| named >= least).then(|| Free(named.unwrap_or(least)))
            }
            _ => None,
        }
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        Ok(match operation.f {
            "acquire" | "lock" => {
                shape::no_argument(operation, self.name())?;
                let output = match shape::answer(operation)? {
                    None => None,
                    Some(token) => Some(FencedLockOutput::Token(
                        token
                            .as_int()
                            .ok_or_else(|| shape::bad_answer(operation, "its token, an integer"))?,
                    )),
                };
                if operation.fate == Fate::Fail { None } else { decoded(FencedLockInput::Acquire, output) }
            }
            "release" | "unlock" => {
                let named = match operation.argument {
                    nothing if nothing.is_nil() => None,
                    token => Some(token.as_int().ok_or_else(|| {
                        operation.bad_call(format!(
                            "a `release` has its token for a value, or null, not {token}; correct the history"
                        ))
                    })?),
                };
                let output = shape::is_ok(operation).then_some(FencedLockOutput::Done);
                let input = FencedLockInput::Release(named);
                if operation.fate == Fate::Fail { None } else { decoded(input, output) }
            }
            _ => return Err(shape::unknown_function(operation, self.name(), "`acquire` and `release`")),
        })
    }

    fn describe(&self, input: &FencedLockInput, output: Option<&FencedLockOutput>) -> String {
        match (input, output) {
            (FencedLockInput::Acquire, Some(FencedLockOutput::Token(token))) => {
                format!("acquire under token {token}")
            }
            (FencedLockInput::Acquire, _) => "acquire".to_owned(),
            (FencedLockInput::Release(Some(token)), _) => format!("release token {token}"),
            (FencedLockInput::Release(None), _) => "release".to_owned(),
        }
    }

    fn describe_state(&self, state: &FencedLockState) -> String {
        let some = |least: i64| {
            if least == i64::MIN {
                "an unseen token".to_owned()
            } else {
                format!("a token of at least {least}")
            }
        };
        match *state {
            FencedLockState::Fresh => "free, never held".to_owned(),
            FencedLockState::Free(i64::MIN) => "free after an unseen token".to_owned(),
            FencedLockState::Free(last) => format!("free after token {last}"),
            FencedLockState::Held(token) => format!("held under token {token}"),
            FencedLockState::HeldUnseen(least) => format!("held under {}", some(least)),
        }
    }

    fn object(&self) -> &str {
        "the lock"
    }

    fn requirement(&self, input: &FencedLockInput, output: Option<&FencedLockOutput>) -> Option<String> {
        Some(match (input, output) {
            (FencedLockInput::Acquire, Some(FencedLockOutput::Token(token))) => {
                format!(
                    "acquiring under token {token} needs the lock to be free and all tokens before to be smaller"
                )
            }
            (FencedLockInput::Acquire, _) => "acquiring needs the lock to be free".to_owned(),
            (FencedLockInput::Release(Some(token)), _) => {
                format!("releasing token {token} needs the lock to be held under it")
            }
            (FencedLockInput::Release(None), _) => "releasing needs the lock to be held".to_owned(),
        })
    }
}
