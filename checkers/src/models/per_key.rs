//! Several independent objects of one model, told apart by a key.

use crate::history::History;
use crate::linearizability::special::Special;
use crate::model::{Call, DecodeError, Decoded, Effect, Foresight, Model, Recorded, RegisterFamily};
use crate::tape::ValueRef;
use crate::value::Value;

/// A map from keys to objects of the model `M`; every value is `[key, value]`, as in Jepsen's
/// `independent`.
///
/// Linearizability is local (Herlihy and Wing 1990, §3.3): the whole is linearizable if and only
/// if every object is, so a state of this model is a state of one object.
#[derive(Clone, Debug)]
pub struct PerKey<M> {
    inner: M,
    name: String,
}

impl<M: Model> PerKey<M> {
    /// Objects of this model, one per key.
    pub fn new(inner: M) -> Self {
        let name = format!("per-key-{}", inner.name());
        PerKey { inner, name }
    }

    /// The same under a name of its own, for a model that is never used with one object.
    pub fn named(inner: M, name: &str) -> Self {
        PerKey { inner, name: name.to_owned() }
    }
}

impl<M: Model + Default> Default for PerKey<M> {
    fn default() -> Self {
        PerKey::new(M::default())
    }
}

impl<M: Model> Model for PerKey<M> {
    type State = M::State;
    type Input = M::Input;
    type Output = M::Output;
    type Next = M::Next;

    fn name(&self) -> &str {
        &self.name
    }

    fn initial(&self) -> M::State {
        self.inner.initial()
    }

    fn step(&self, state: &M::State, input: &M::Input, output: Option<&M::Output>) -> M::Next {
        self.inner.step(state, input, output)
    }

    fn accepts(&self, state: &M::State, input: &M::Input, output: Option<&M::Output>) -> bool {
        self.inner.accepts(state, input, output)
    }

    fn is_read_only(&self, input: &M::Input, output: Option<&M::Output>) -> bool {
        self.inner.is_read_only(input, output)
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        let Some((key, argument)) = operation.argument.as_pair() else {
            let inner = self.inner.name();
            let alone = if self.name.ends_with(inner) {
                format!("; with one object, choose `{inner}`")
            } else {
                String::new()
            };
            return Err(operation.bad_call(format!(
                "the model `{}` needs the value [key, value], not {}{alone}",
                self.name, operation.argument
            )));
        };
        // An `ok` may answer nothing (a write), but it may not answer for another key.
        let result = match operation.result {
            None => None,
            Some(result) if result.is_nil() => None,
            Some(result) => match result.as_pair() {
                Some((same, inner)) if same == key => Some(inner),
                _ => {
                    return Err(operation.bad_completion(format!(
                        "`{}` of key {key} must answer [{key}, value], not {result}; correct the history",
                        operation.f
                    )));
                }
            },
        };
        if operation.f == "read" && operation.result.is_some_and(ValueRef::is_nil) {
            return Err(operation.bad_completion(format!(
                "`read` of key {key} must answer [{key}, value], not null; correct the history"
            )));
        }
        let decoded = self.inner.decode(&Recorded { argument, result, key: Some(key), ..*operation })?;
        Ok(decoded.map(|Decoded { key: inner, input, output }| {
            let key = key.to_value();
            // Where the inner model has keys as well, both together name the object.
            let key = match inner {
                Some(inner) => Value::pair(key, inner),
                None => key,
            };
            Decoded { key: Some(key), input, output }
        }))
    }

    fn settle(&self, calls: &mut Vec<Call<M::Input, M::Output>>) {
        self.inner.settle(calls);
    }

    fn foresight(&self, calls: &[Call<M::Input, M::Output>]) -> Foresight<M::State> {
        self.inner.foresight(calls)
    }

    fn effect(&self, input: &M::Input, output: Option<&M::Output>) -> Effect<M::State> {
        self.inner.effect(input, output)
    }

    fn tells_of(&self, input: &M::Input, output: Option<&M::Output>, told: &mut Vec<M::State>) {
        self.inner.tells_of(input, output, told);
    }

    fn any_other(&self) -> Option<M::State> {
        self.inner.any_other()
    }

    fn heap_bytes(&self, state: &M::State) -> usize {
        self.inner.heap_bytes(state)
    }

    fn observes(&self, calls: &[Call<M::Input, M::Output>]) -> bool {
        self.inner.observes(calls)
    }

    fn register_family(&self) -> Option<RegisterFamily> {
        let one = self.inner.register_family()?;
        (!one.keyed).then_some(RegisterFamily { keyed: true, ..one })
    }

    fn special(
        &self,
        calls: &[Call<M::Input, M::Output>],
        history: &History,
    ) -> Option<(&'static str, Special)> {
        self.inner.special(calls, history)
    }

    fn describe(&self, input: &M::Input, output: Option<&M::Output>) -> String {
        self.inner.describe(input, output)
    }

    fn describe_state(&self, state: &M::State) -> String {
        self.inner.describe_state(state)
    }

    fn object(&self) -> &str {
        self.inner.object()
    }

    fn requirement(&self, input: &M::Input, output: Option<&M::Output>) -> Option<String> {
        self.inner.requirement(input, output)
    }
}
