//! A key-value store, one key at a time.

mod order;

use crate::history::{Fate, History};
use crate::linearizability::special::{Special, from_models};
use crate::model::{Call, DecodeError, Decoded, Effect, Foresight, Model, Recorded};
use crate::models::PerKey;
use crate::models::register::repeats_argument;
use crate::models::shape::{self, decoded};
use crate::models::text::Text;
use crate::tape::ValueRef;
use crate::value::Value;

/// A key-value store; every value is `[key, value]`. No operation touches two keys, so each key is
/// judged alone (see [`PerKey`]).
pub type Kv = PerKey<KvEntry>;

impl Kv {
    /// The model `kv`.
    pub fn kv() -> Self {
        PerKey::named(KvEntry, "kv")
    }
}

/// One key of a store; absent at first.
///
/// | function | value | answer |
/// |---|---|---|
/// | `get`, `read` | null | the value; null, or as Porcupine has it `""`, if it is absent |
/// | `put`, `write` | `v` | null or `v`; putting null is deleting |
/// | `append` | text | null or the text; to an absent key as to `""` |
/// | `delete` | null | null, or whether it was there |
/// | `cas` | `[from, to]` | null or the value; a `fail` says nothing |
/// | `increment` | `n`; null: 1 | null or the value; an absent key is 0 |
/// | `increment-and-get` | `n`; null: 1 | what it is after |
#[derive(Clone, Copy, Debug, Default)]
pub struct KvEntry;

/// What a key holds. Text that is appended to shares what it has in common with the text before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum KvValue {
    /// Nothing.
    #[default]
    Absent,
    /// Text.
    Text(Text),
    /// Anything else.
    Other(Value),
}

impl KvValue {
    fn new(value: ValueRef<'_>) -> Self {
        match value.to_value() {
            Value::Nil => KvValue::Absent,
            Value::Str(text) => KvValue::Text(Text::new(text)),
            other => KvValue::Other(other),
        }
    }
}

impl std::fmt::Display for KvValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KvValue::Absent => f.write_str("null"),
            KvValue::Text(text) => Value::from(text.to_string()).fmt(f),
            KvValue::Other(value) => value.fmt(f),
        }
    }
}

/// What a client asks of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KvInput {
    /// What does it hold?
    Get,
    /// Hold this.
    Put(KvValue),
    /// Hold this behind what you hold.
    Append(Text),
    /// Hold nothing.
    Delete,
    /// Hold `to` if you hold `from`.
    Cas {
        /// What it must hold.
        from: KvValue,
        /// What it shall hold.
        to: KvValue,
    },
    /// Hold so much more.
    Increment(i64),
}

/// What a key answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KvOutput {
    /// Done.
    Done,
    /// To a get: it holds this.
    Holds(KvValue),
    /// To a delete: whether it was there.
    Existed(bool),
    /// To an increment: it holds this now.
    Became(i64),
}

/// What a value is to those operations that are not possible on every value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    Neither,
}

impl KvInput {
    /// What the key may hold after it; `None` for nothing, or no other thing than before.
    fn leaves(&self) -> Option<Kind> {
        match self {
            KvInput::Get | KvInput::Delete => None,
            KvInput::Append(_) => Some(Kind::Text),
            KvInput::Increment(_) => Some(Kind::Number),
            KvInput::Put(value) | KvInput::Cas { to: value, .. } => match value {
                KvValue::Absent => None,
                KvValue::Text(_) => Some(Kind::Text),
                KvValue::Other(Value::Int(_)) => Some(Kind::Number),
                KvValue::Other(_) => Some(Kind::Neither),
            },
        }
    }

    /// By how much it can bring the key nearer to the largest number.
    fn size(&self) -> i128 {
        match self {
            KvInput::Increment(n) => i128::from(*n).abs(),
            KvInput::Put(KvValue::Other(Value::Int(n)))
            | KvInput::Cas { to: KvValue::Other(Value::Int(n)), .. } => i128::from(*n).abs(),
            _ => 0,
        }
    }
}

impl KvEntry {
    /// What the key holds after an increment, if it holds a number or nothing.
    fn sum(state: &KvValue, n: i64) -> Option<i64> {
        match state {
            KvValue::Absent => Some(n),
            KvValue::Other(Value::Int(was)) => was.checked_add(n),
            _ => None,
        }
    }
}

impl Model for KvEntry {
    type State = KvValue;
    type Input = KvInput;
    type Output = KvOutput;
    type Next = Option<KvValue>;

    fn name(&self) -> &str {
        "kv-entry"
    }

    fn initial(&self) -> KvValue {
        KvValue::Absent
    }

    fn step(&self, state: &KvValue, input: &KvInput, output: Option<&KvOutput>) -> Option<KvValue> {
        if !self.accepts(state, input, output) {
            return None;
        }
        Some(match input {
            KvInput::Get => state.clone(),
            KvInput::Put(value) => value.clone(),
            KvInput::Append(text) => KvValue::Text(match state {
                KvValue::Text(before) => before.and(text),
                _ => text.clone(),
            }),
            KvInput::Delete => KvValue::Absent,
            KvInput::Cas { to, .. } => to.clone(),
            KvInput::Increment(n) => KvValue::Other(Value::Int(Self::sum(state, *n)?)),
        })
    }

    fn accepts(&self, state: &KvValue, input: &KvInput, output: Option<&KvOutput>) -> bool {
        match (input, output) {
            (KvInput::Get, Some(KvOutput::Holds(value))) => match (state, value) {
                (KvValue::Absent, KvValue::Text(text)) => text.is_empty(),
                (state, value) => state == value,
            },
            (KvInput::Get | KvInput::Put(_), _) => true,
            (KvInput::Append(_), _) => matches!(state, KvValue::Absent | KvValue::Text(_)),
            (KvInput::Delete, Some(KvOutput::Existed(existed))) => (*state != KvValue::Absent) == *existed,
            (KvInput::Delete, _) => true,
            (KvInput::Cas { from, .. }, _) => from == state,
            (KvInput::Increment(n), Some(KvOutput::Became(new))) => Self::sum(state, *n) == Some(*new),
            (KvInput::Increment(n), _) => Self::sum(state, *n).is_some(),
        }
    }

    fn is_read_only(&self, input: &KvInput, output: Option<&KvOutput>) -> bool {
        match input {
            KvInput::Get => true,
            KvInput::Delete => matches!(output, Some(KvOutput::Existed(false))),
            KvInput::Cas { from, to } => from == to,
            // An increment by 0 makes 0 of nothing, and an append of "" makes "" of it.
            KvInput::Put(_) | KvInput::Append(_) | KvInput::Increment(_) => false,
        }
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        let argument = operation.argument;
        let done = || shape::is_ok(operation).then_some(KvOutput::Done);
        let (input, output) = match operation.f {
            "get" | "read" => {
                shape::no_argument(operation, self.name())?;
                let Some(answer) = shape::answer(operation)? else { return Ok(None) };
                (KvInput::Get, Some(KvOutput::Holds(KvValue::new(answer))))
            }
            "put" | "write" => {
                repeats_argument(operation)?;
                (KvInput::Put(KvValue::new(argument)), done())
            }
            "append" => {
                repeats_argument(operation)?;
                let KvValue::Text(text) = KvValue::new(argument) else {
                    return Err(operation.bad_call(format!(
                        "`append` to a key needs text, not {argument}; for lists, choose the workload list-append"
                    )));
                };
                (KvInput::Append(text), done())
            }
            "delete" => {
                shape::no_argument(operation, self.name())?;
                let existed = match shape::answer_or_nothing(operation, true)? {
                    None => done(),
                    Some(answer) => {
                        let existed = answer.as_bool();
                        let existed =
                            existed.ok_or_else(|| shape::bad_answer(operation, "null, true or false"))?;
                        Some(KvOutput::Existed(existed))
                    }
                };
                (KvInput::Delete, existed)
            }
            "cas" => {
                let Some((from, to)) = argument.as_pair() else {
                    return Err(
                        operation.bad_call(format!("a `cas` needs the value [from, to], not {argument}"))
                    );
                };
                repeats_argument(operation)?;
                (KvInput::Cas { from: KvValue::new(from), to: KvValue::new(to) }, done())
            }
            "increment" => {
                let n = shape::integer(operation, Some(1), i64::MIN)?;
                repeats_argument(operation)?;
                (KvInput::Increment(n), done())
            }
            "increment-and-get" => {
                let n = shape::integer(operation, Some(1), i64::MIN)?;
                let became = match shape::answer(operation)? {
                    None => None,
                    Some(answer) => {
                        let new =
                            answer.as_int().ok_or_else(|| shape::bad_answer(operation, "an integer"))?;
                        Some(KvOutput::Became(new))
                    }
                };
                (KvInput::Increment(n), became)
            }
            _ => {
                return Err(shape::unknown_function(
                    operation,
                    "kv",
                    "`get`, `put`, `append`, `delete`, `cas`, `increment` and `increment-and-get`",
                ));
            }
        };
        Ok(if operation.fate == Fate::Fail { None } else { decoded(input, output) })
    }

    /// Leaves out puts and deletes without an answer whose effect nobody can have noticed.
    ///
    /// Proof, for a key on which everything else that is in the history is a get, a put, or a
    /// delete that was not told what it deleted: such a call depends on nothing, so an execution in
    /// which the unanswered put of `v` took effect, and `v` was not read until the next put or
    /// delete, is an execution without it as well. If no get answers `v`, that is every execution.
    fn settle(&self, calls: &mut Vec<Call<KvInput, KvOutput>>) {
        let plain = |call: &Call<KvInput, KvOutput>| match &call.input {
            KvInput::Get | KvInput::Put(_) => true,
            KvInput::Delete => !matches!(call.output, Some(KvOutput::Existed(_))),
            _ => false,
        };
        if calls.iter().all(|call| call.ret.is_some()) || !calls.iter().all(plain) {
            return;
        }
        let absent = KvValue::Absent;
        let read: std::collections::HashSet<KvValue> = calls
            .iter()
            .filter_map(|call| match &call.output {
                // An absent key reads as "" too.
                Some(KvOutput::Holds(KvValue::Text(text))) if text.is_empty() => Some(absent.clone()),
                Some(KvOutput::Holds(value)) => Some(value.clone()),
                _ => None,
            })
            .collect();
        calls.retain(|call| {
            let leaves = match &call.input {
                KvInput::Put(KvValue::Text(text)) if text.is_empty() => &absent,
                KvInput::Put(value) => value,
                KvInput::Delete => &absent,
                _ => return true,
            };
            call.ret.is_some() || read.contains(leaves)
        });
    }

    /// Of a value that nobody wrote there is no need to try all orders.
    fn special(
        &self,
        calls: &[Call<KvInput, KvOutput>],
        _history: &History,
    ) -> Option<(&'static str, Special)> {
        from_models::made_up(order::made_up(calls)?)
    }

    fn foresight(&self, calls: &[Call<KvInput, KvOutput>]) -> Foresight<KvValue> {
        order::foresight(calls)
    }

    fn effect(&self, input: &KvInput, output: Option<&KvOutput>) -> Effect<KvValue> {
        match input {
            _ if self.is_read_only(input, output) => Effect::Nothing,
            KvInput::Put(value) | KvInput::Cas { to: value, .. } => Effect::Replaces(value.clone()),
            KvInput::Delete => Effect::Replaces(KvValue::Absent),
            KvInput::Get => Effect::Nothing,
            KvInput::Append(_) | KvInput::Increment(_) => Effect::Depends,
        }
    }

    fn tells_of(&self, input: &KvInput, output: Option<&KvOutput>, told: &mut Vec<KvValue>) {
        match (input, output) {
            (KvInput::Cas { from: value, .. }, _) | (KvInput::Get, Some(KvOutput::Holds(value))) => {
                told.push(value.clone());
                if matches!(value, KvValue::Text(text) if text.is_empty()) {
                    told.push(KvValue::Absent);
                }
            }
            (KvInput::Delete, _) => told.push(KvValue::Absent),
            _ => {}
        }
    }

    fn any_other(&self) -> Option<KvValue> {
        // Text is never held in this way.
        Some(KvValue::Other(Value::from("any other")))
    }

    /// That an append was possible says that the key held text or nothing, which is news only where it
    /// can have held something else; so with an increment.
    fn observes(&self, calls: &[Call<KvInput, KvOutput>]) -> bool {
        let leaves = |kinds: [Kind; 2]| {
            calls.iter().any(|call| call.input.leaves().is_some_and(|kind| kinds.contains(&kind)))
        };
        let mut appends = false;
        let mut increments = false;
        for Call { input, output, .. } in calls.iter().filter(|call| call.output.is_some()) {
            match (input, output) {
                (KvInput::Append(_), _) => appends = true,
                (KvInput::Increment(_), Some(KvOutput::Done)) => increments = true,
                _ if self.requirement(input, output.as_ref()).is_some() => return true,
                _ => {}
            }
        }
        let too_large = || calls.iter().map(|call| call.input.size()).sum::<i128>() > i128::from(i64::MAX);
        appends && leaves([Kind::Number, Kind::Neither])
            || increments && (leaves([Kind::Text, Kind::Neither]) || too_large())
    }

    fn describe(&self, input: &KvInput, output: Option<&KvOutput>) -> String {
        match (input, output) {
            (KvInput::Get, Some(KvOutput::Holds(value))) => format!("get {value}"),
            (KvInput::Get, _) => "get".to_owned(),
            (KvInput::Put(value), _) => format!("put {value}"),
            (KvInput::Append(text), _) => format!("append {}", Value::from(text.to_string())),
            (KvInput::Delete, Some(KvOutput::Existed(true))) => "delete what was there".to_owned(),
            (KvInput::Delete, Some(KvOutput::Existed(false))) => "delete nothing".to_owned(),
            (KvInput::Delete, _) => "delete".to_owned(),
            (KvInput::Cas { from, to }, _) => format!("cas from {from} to {to}"),
            (KvInput::Increment(n), Some(KvOutput::Became(new))) => format!("increment by {n} to {new}"),
            (KvInput::Increment(n), _) => format!("increment by {n}"),
        }
    }

    fn describe_state(&self, state: &KvValue) -> String {
        state.to_string()
    }

    fn object(&self) -> &str {
        "the key"
    }

    fn requirement(&self, input: &KvInput, output: Option<&KvOutput>) -> Option<String> {
        Some(match (input, output) {
            (KvInput::Get, Some(KvOutput::Holds(value))) => {
                format!("getting {value} needs the key to hold {value}")
            }
            (KvInput::Cas { from, to }, _) => {
                format!("a cas from {from} to {to} needs the key to hold {from}")
            }
            (KvInput::Delete, Some(KvOutput::Existed(existed))) => {
                let holds = if *existed { "hold something" } else { "hold nothing" };
                format!("a delete with the answer {existed} needs the key to {holds}")
            }
            (KvInput::Increment(n), Some(KvOutput::Became(new))) => {
                let was = i128::from(*new) - i128::from(*n);
                let nothing = if was == 0 { " or nothing" } else { "" };
                format!("incrementing by {n} to {new} needs the key to hold {was}{nothing}")
            }
            (KvInput::Increment(n), _) => {
                format!("incrementing by {n} needs the key to hold a number that can grow so, or nothing")
            }
            (KvInput::Append(_), _) => "appending needs the key to hold text or nothing".to_owned(),
            _ => return None,
        })
    }
}
