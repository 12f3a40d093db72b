//! A model that is chosen while the program runs.
//!
//! A search is compiled for each model that it is used with, which makes it fast and the library
//! large. Behind this one, all models that are known by their names share one compiled search: a
//! state, what is asked and what is answered are pointers, compared and hashed by what they hold.

use std::any::Any;
use std::fmt::{self, Debug};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::history::History;
use crate::linearizability::special::Special;
use crate::model::{
    Call, Calls, DecodeError, Decoded, Effect, Foresight, Hopeless, Model, Recorded, RegisterFamily,
};

/// Any model.
#[derive(Clone)]
pub struct AnyModel(Arc<dyn Erased>);

/// A state, an input or an output of some model.
#[derive(Clone)]
pub struct Thing(Arc<dyn ErasedThing>);

/// The calls of an [`AnyModel`].
type AnyCall = Call<Thing, Thing>;

/// The states after a step.
#[derive(Debug)]
pub enum AnyNext {
    /// At most one, as most models have it.
    One(Option<Thing>),
    /// Whatever a non-deterministic model allows.
    Many(std::vec::IntoIter<Thing>),
}

impl Iterator for AnyNext {
    type Item = Thing;

    fn next(&mut self) -> Option<Thing> {
        match self {
            AnyNext::One(state) => state.take(),
            AnyNext::Many(states) => states.next(),
        }
    }
}

trait ErasedThing: Send + Sync {
    fn as_any(&self) -> &dyn Any;
    fn is(&self, other: &dyn Any) -> bool;
    fn hash_into(&self, hasher: &mut dyn Hasher);
    fn debug(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<T: Eq + Hash + Debug + Send + Sync + 'static> ErasedThing for T {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn is(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<T>().is_some_and(|other| self == other)
    }
    fn hash_into(&self, mut hasher: &mut dyn Hasher) {
        self.hash(&mut hasher);
    }
    fn debug(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(self, f)
    }
}

impl Thing {
    fn new(thing: impl Eq + Hash + Debug + Send + Sync + 'static) -> Self {
        Thing(Arc::new(thing))
    }

    /// What it holds, if that is a `T`. The things of one model are; those of another are none of
    /// its states.
    fn get<T: 'static>(&self) -> Option<&T> {
        (*self.0).as_any().downcast_ref()
    }

    /// The same, behind however many pointers: a model with keys may stand before another one that
    /// was chosen by name.
    pub(crate) fn inmost<T: 'static>(&self) -> Option<&T> {
        self.get().or_else(|| self.get::<Thing>()?.inmost())
    }
}

impl PartialEq for Thing {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || (*self.0).is((*other.0).as_any())
    }
}
impl Eq for Thing {}
impl Hash for Thing {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (*self.0).hash_into(state);
    }
}
impl Debug for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (*self.0).debug(f)
    }
}

trait Erased: Send + Sync {
    fn name(&self) -> &str;
    fn initial(&self) -> Thing;
    fn step(&self, state: &Thing, input: &Thing, output: Option<&Thing>) -> AnyNext;
    fn is_read_only(&self, input: &Thing, output: Option<&Thing>) -> bool;
    fn accepts(&self, state: &Thing, input: &Thing, output: Option<&Thing>) -> bool;
    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<AnyModel>>, DecodeError>;
    fn settle(&self, calls: &mut Vec<AnyCall>);
    fn foresight(&self, calls: &[AnyCall]) -> Foresight<Thing>;
    fn effect(&self, input: &Thing, output: Option<&Thing>) -> Effect<Thing>;
    fn tells_of(&self, input: &Thing, output: Option<&Thing>, told: &mut Vec<Thing>);
    fn any_other(&self) -> Option<Thing>;
    fn heap_bytes(&self, state: &Thing) -> usize;
    fn observes(&self, calls: &[AnyCall]) -> bool;
    fn register_family(&self) -> Option<RegisterFamily>;
    fn special(&self, calls: &[AnyCall], history: &History) -> Option<(&'static str, Special)>;
    fn describe(&self, input: &Thing, output: Option<&Thing>) -> String;
    fn describe_state(&self, state: &Thing) -> String;
    fn object(&self) -> &str;
    fn requirement(&self, input: &Thing, output: Option<&Thing>) -> Option<String>;
}

struct Behind<M>(M);

impl<M: Model + 'static> Behind<M> {
    fn typed(calls: &[AnyCall]) -> Calls<M> {
        let typed = |call: &AnyCall| {
            Some(Call {
                call: call.call,
                ret: call.ret,
                input: call.input.get::<M::Input>()?.clone(),
                output: call.output.as_ref().and_then(|output| output.get::<M::Output>()).cloned(),
            })
        };
        calls.iter().filter_map(typed).collect()
    }

    fn erased(calls: Calls<M>) -> Vec<AnyCall> {
        let erased = |call: Call<M::Input, M::Output>| Call {
            call: call.call,
            ret: call.ret,
            input: Thing::new(call.input),
            output: call.output.map(Thing::new),
        };
        calls.into_iter().map(erased).collect()
    }
}

/// The typed forms of what a call asks and was answered.
macro_rules! with_types {
    ($input:ident, $output:ident, $otherwise:expr) => {
        let Some($input) = $input.get::<M::Input>() else { return $otherwise };
        let $output = $output.and_then(|output| output.get::<M::Output>());
    };
}

impl<M: Model + 'static> Erased for Behind<M> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn initial(&self) -> Thing {
        Thing::new(self.0.initial())
    }

    fn step(&self, state: &Thing, input: &Thing, output: Option<&Thing>) -> AnyNext {
        with_types!(input, output, AnyNext::One(None));
        let Some(state) = state.get::<M::State>() else { return AnyNext::One(None) };
        let mut next = self.0.step(state, input, output).into_iter();
        match (next.next(), next.next()) {
            (one, None) => AnyNext::One(one.map(Thing::new)),
            (one, two) => {
                let all: Vec<Thing> = one.into_iter().chain(two).chain(next).map(Thing::new).collect();
                AnyNext::Many(all.into_iter())
            }
        }
    }

    fn is_read_only(&self, input: &Thing, output: Option<&Thing>) -> bool {
        with_types!(input, output, false);
        self.0.is_read_only(input, output)
    }

    fn accepts(&self, state: &Thing, input: &Thing, output: Option<&Thing>) -> bool {
        with_types!(input, output, false);
        state.get::<M::State>().is_some_and(|state| self.0.accepts(state, input, output))
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<AnyModel>>, DecodeError> {
        let decoded = self.0.decode(operation)?;
        Ok(decoded.map(|Decoded { key, input, output }| Decoded {
            key,
            input: Thing::new(input),
            output: output.map(Thing::new),
        }))
    }

    fn settle(&self, calls: &mut Vec<AnyCall>) {
        let mut typed = Self::typed(calls);
        self.0.settle(&mut typed);
        *calls = Self::erased(typed);
    }

    fn foresight(&self, calls: &[AnyCall]) -> Foresight<Thing> {
        let Foresight { last_needs, blindness, only_from, hopeless } = self.0.foresight(&Self::typed(calls));
        Foresight {
            last_needs: last_needs.into_iter().map(|(state, at)| (Thing::new(state), at)).collect(),
            blindness,
            only_from: only_from.into_iter().map(|state| state.map(Thing::new)).collect(),
            hopeless: hopeless.map(|hopeless| {
                Hopeless::new(move |state: &Thing| state.get().is_some_and(|state| hopeless.is(state)))
            }),
        }
    }

    fn effect(&self, input: &Thing, output: Option<&Thing>) -> Effect<Thing> {
        with_types!(input, output, Effect::Depends);
        match self.0.effect(input, output) {
            Effect::Nothing => Effect::Nothing,
            Effect::Replaces(state) => Effect::Replaces(Thing::new(state)),
            Effect::Depends => Effect::Depends,
        }
    }

    fn tells_of(&self, input: &Thing, output: Option<&Thing>, told: &mut Vec<Thing>) {
        let Some(input) = input.get::<M::Input>() else { return };
        let output = output.and_then(|output| output.get::<M::Output>());
        let mut typed = Vec::new();
        self.0.tells_of(input, output, &mut typed);
        told.extend(typed.into_iter().map(Thing::new));
    }

    fn any_other(&self) -> Option<Thing> {
        self.0.any_other().map(Thing::new)
    }

    fn heap_bytes(&self, state: &Thing) -> usize {
        let outside = state.get().map_or(0, |state| self.0.heap_bytes(state));
        // Behind the pointer stand its two counts as well.
        outside + size_of::<M::State>() + 2 * size_of::<usize>()
    }

    fn observes(&self, calls: &[AnyCall]) -> bool {
        self.0.observes(&Self::typed(calls))
    }

    fn register_family(&self) -> Option<RegisterFamily> {
        self.0.register_family()
    }

    fn special(&self, calls: &[AnyCall], history: &History) -> Option<(&'static str, Special)> {
        self.0.special(&Self::typed(calls), history)
    }

    fn describe(&self, input: &Thing, output: Option<&Thing>) -> String {
        with_types!(input, output, format!("{input:?}"));
        self.0.describe(input, output)
    }

    fn describe_state(&self, state: &Thing) -> String {
        state.get::<M::State>().map_or_else(String::new, |state| self.0.describe_state(state))
    }

    fn object(&self) -> &str {
        self.0.object()
    }

    fn requirement(&self, input: &Thing, output: Option<&Thing>) -> Option<String> {
        let output = output.and_then(|output| output.get::<M::Output>());
        self.0.requirement(input.get::<M::Input>()?, output)
    }
}

impl AnyModel {
    /// This model, behind a pointer.
    pub fn new(model: impl Model + 'static) -> Self {
        AnyModel(Arc::new(Behind(model)))
    }
}

impl Debug for AnyModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyModel").field(&self.0.name()).finish()
    }
}

impl Model for AnyModel {
    type State = Thing;
    type Input = Thing;
    type Output = Thing;
    type Next = AnyNext;

    fn name(&self) -> &str {
        self.0.name()
    }
    fn initial(&self) -> Thing {
        self.0.initial()
    }
    fn step(&self, state: &Thing, input: &Thing, output: Option<&Thing>) -> AnyNext {
        self.0.step(state, input, output)
    }
    fn is_read_only(&self, input: &Thing, output: Option<&Thing>) -> bool {
        self.0.is_read_only(input, output)
    }
    fn accepts(&self, state: &Thing, input: &Thing, output: Option<&Thing>) -> bool {
        self.0.accepts(state, input, output)
    }
    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        self.0.decode(operation)
    }
    fn settle(&self, calls: &mut Vec<AnyCall>) {
        self.0.settle(calls);
    }
    fn foresight(&self, calls: &[AnyCall]) -> Foresight<Thing> {
        self.0.foresight(calls)
    }
    fn effect(&self, input: &Thing, output: Option<&Thing>) -> Effect<Thing> {
        self.0.effect(input, output)
    }
    fn tells_of(&self, input: &Thing, output: Option<&Thing>, told: &mut Vec<Thing>) {
        self.0.tells_of(input, output, told);
    }
    fn any_other(&self) -> Option<Thing> {
        self.0.any_other()
    }
    fn heap_bytes(&self, state: &Thing) -> usize {
        self.0.heap_bytes(state)
    }

    fn observes(&self, calls: &[AnyCall]) -> bool {
        self.0.observes(calls)
    }
    fn register_family(&self) -> Option<RegisterFamily> {
        self.0.register_family()
    }
    fn special(&self, calls: &[AnyCall], history: &History) -> Option<(&'static str, Special)> {
        self.0.special(calls, history)
    }
    fn describe(&self, input: &Thing, output: Option<&Thing>) -> String {
        self.0.describe(input, output)
    }
    fn describe_state(&self, state: &Thing) -> String {
        self.0.describe_state(state)
    }
    fn object(&self) -> &str {
        self.0.object()
    }
    fn requirement(&self, input: &Thing, output: Option<&Thing>) -> Option<String> {
        self.0.requirement(input, output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;
    use crate::models::Register;
    use crate::models::RegisterInput as Input;
    use crate::models::RegisterOutput as Output;

    #[test]
    fn a_model_behind_a_pointer_is_the_same_model() {
        let any = AnyModel::new(Register);
        let (write, done) = (Thing::new(Input::Write(Value::Int(7))), Thing::new(Output::<Value>::Done));
        let after: Vec<Thing> = any.step(&any.initial(), &write, Some(&done)).collect();
        assert_eq!(after, [Thing::new(Value::Int(7))]);
        let read = Thing::new(Input::<Value>::Read);
        for (seen, possible) in [(7, true), (8, false)] {
            let output = Thing::new(Output::Holds(Value::Int(seen)));
            assert_eq!(any.accepts(&after[0], &read, Some(&output)), possible);
        }
        assert_eq!(any.describe(&write, Some(&done)), "write 7");
        assert_ne!(Thing::new(7_i64), Thing::new(7_i32), "things of two models are not the same");
    }
}
