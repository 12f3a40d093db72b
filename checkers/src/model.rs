//! Models: what an object should do, told one operation at a time.
//!
//! A model says which state follows a state when an operation takes effect there with the result
//! that the client saw. Everything about concurrency, time and uncertainty is the checker's.

use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::Arc;

use crate::event::Process;
use crate::history::{Fate, History, Operation};
use crate::linearizability::special::Special;
use crate::models::FailedCas;
use crate::tape::ValueRef;
use crate::value::Value;

/// The sequential behaviour of one object.
pub trait Model: Send + Sync {
    /// What the object holds.
    type State: Clone + Eq + Hash + Debug + Send + Sync;
    /// What a client asks for.
    type Input: Clone + Eq + Hash + Debug + Send + Sync;
    /// What a client is told.
    type Output: Clone + Eq + Hash + Debug + Send + Sync;
    /// The states that may follow a state: `Option` for a deterministic model, `Vec` for one that
    /// leaves the system a choice.
    type Next: IntoIterator<Item = Self::State>;

    /// The name by which a user chooses the model.
    fn name(&self) -> &str;

    /// What the object holds before the first operation.
    fn initial(&self) -> Self::State;

    /// The states in which the object can be after `input` took effect in `state` and answered
    /// `output`; none if that answer is impossible there.
    ///
    /// An `output` of `None` is an answer that nobody saw. The step then stands for the operation
    /// *taking effect*, whatever it answered; a way to do nothing need not be given, because an
    /// operation without an answer may always be left out.
    fn step(&self, state: &Self::State, input: &Self::Input, output: Option<&Self::Output>) -> Self::Next;

    /// Whether the operation leaves every state in which it is possible as it was.
    ///
    /// This must hold for *all* states: writing 3 is not read-only just because the register
    /// holds 3 already.
    fn is_read_only(&self, _input: &Self::Input, _output: Option<&Self::Output>) -> bool {
        false
    }

    /// Whether `step` has any result. Override it where that is cheaper to know than the result.
    fn accepts(&self, state: &Self::State, input: &Self::Input, output: Option<&Self::Output>) -> bool {
        self.step(state, input, output).into_iter().next().is_some()
    }

    /// The typed form of a recorded operation; `None` for one that says nothing about the object
    /// (a read without an answer, an operation that certainly failed).
    ///
    /// # Errors
    /// The model does not know the function, or its value has another shape.
    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError>;

    /// Makes the calls on one object easier to search without changing the answer.
    ///
    /// Allowed are only: to remove a call without `ret` that no execution needs, and to give a
    /// call a `ret`, or an earlier one, that every execution respects. The default does nothing,
    /// which is always right.
    fn settle(&self, _calls: &mut Vec<Call<Self::Input, Self::Output>>) {}

    /// States that cannot come back once they are left, each with the latest position at which a
    /// call is invoked that certainly takes effect and needs that state.
    ///
    /// A search gives up an execution that leaves such a state earlier. States that may come back,
    /// or that nobody needs, are left out; the default knows none, which is always right.
    fn last_needs(&self, _calls: &[Call<Self::Input, Self::Output>]) -> Vec<(Self::State, usize)> {
        Vec::new()
    }

    /// Which of `calls` are blind: possible in every state, with one and the same state after it,
    /// and which are idle: possible in every state, and no other call can take effect in, or answer
    /// with, the state after it unless it is blind or idle itself. An idle call in flight may be
    /// placed just before a blind or an idle one, where nobody notices it. The default knows none,
    /// which is always right.
    fn blind_and_idle(&self, _calls: &[Call<Self::Input, Self::Output>]) -> Vec<Blindness> {
        Vec::new()
    }

    /// Whether this is a register, so that its histories can be decided by
    /// [zones](crate::linearizability::special::register), and decoded at once.
    fn register_family(&self) -> Option<RegisterFamily> {
        None
    }

    /// Whether `calls`, all those on one object, say anything of it: some call was answered as it could
    /// not have been in every state to which these calls can lead. Where none was, any order explains
    /// them, and a verdict would mean nothing.
    fn observes(&self, calls: &[Call<Self::Input, Self::Output>]) -> bool {
        let says = |call: &Call<Self::Input, Self::Output>| {
            call.output.is_some() && self.requirement(&call.input, call.output.as_ref()).is_some()
        };
        calls.iter().any(says)
    }

    /// What a near-linear checker says of the calls on one object, with its name; `None` if there is
    /// none for these. See [`special`](crate::linearizability::special). Asked before
    /// [`settle`](Self::settle); the history tells processes by the calls' positions.
    fn special(
        &self,
        _calls: &[Call<Self::Input, Self::Output>],
        _history: &History,
    ) -> Option<(&'static str, Special)> {
        None
    }

    /// For each of `calls` the only state in which it can take effect in any execution of all of
    /// them, which must be one that cannot come back once it is left; `None` where that is not known.
    /// Empty, as the default is, if nothing is known at all.
    ///
    /// A search tries a call in no other state, and in that state no other call.
    fn only_from(&self, _calls: &[Call<Self::Input, Self::Output>]) -> Vec<Option<Self::State>> {
        Vec::new()
    }

    /// The three above at once, for models that learn them together, or more.
    fn foresight(&self, calls: &[Call<Self::Input, Self::Output>]) -> Foresight<Self::State> {
        Foresight {
            last_needs: self.last_needs(calls),
            blindness: self.blind_and_idle(calls),
            only_from: self.only_from(calls),
            hopeless: None,
        }
    }

    /// What the operation does to whatever state it finds. [`Effect::Depends`], the default, is always right.
    fn effect(&self, _input: &Self::Input, _output: Option<&Self::Output>) -> Effect<Self::State> {
        Effect::Depends
    }

    /// The states in which the operation, if its [effect](Self::effect) does not depend, is possible or impossible unlike in
    /// others; pushed onto `told`.
    fn tells_of(&self, _input: &Self::Input, _output: Option<&Self::Output>, _told: &mut Vec<Self::State>) {}

    /// A state that no operation leaves or tells of. It stands for all others of which none of the
    /// operations at hand tells. `None`, the default, if effects depend on states.
    ///
    /// An object whose operations replace its state soon forgets what it held, so that what is possible late in a history can
    /// be known without going through all that was possible before.
    fn any_other(&self) -> Option<Self::State> {
        None
    }

    /// About how many bytes a state holds outside of itself that it does not share with the state from which an operation led
    /// to it: what a search counts against its budget of memory.
    fn heap_bytes(&self, _state: &Self::State) -> usize {
        0
    }

    /// The operation in words, without the process: `read 7`.
    fn describe(&self, input: &Self::Input, output: Option<&Self::Output>) -> String;

    /// The state in words: `7`.
    fn describe_state(&self, state: &Self::State) -> String;

    /// What the object is called in sentences: `the register`.
    fn object(&self) -> &str;

    /// What the operation needs of the state, as half a sentence: `reading 7 needs the register
    /// to be 7`; `None` if it is possible in every state.
    fn requirement(&self, input: &Self::Input, output: Option<&Self::Output>) -> Option<String>;
}

/// Which kind of register a model is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterFamily {
    /// One for each key; every value is `[key, value]`.
    pub keyed: bool,
    /// Whether it knows `cas`, and what a failed one says.
    pub cas: Option<FailedCas>,
}

/// What a model knows beforehand of an execution of all calls; each field may be empty.
#[derive(Clone, Debug)]
pub struct Foresight<S> {
    /// See [`Model::last_needs`].
    pub last_needs: Vec<(S, usize)>,
    /// See [`Model::blind_and_idle`].
    pub blindness: Vec<Blindness>,
    /// See [`Model::only_from`].
    pub only_from: Vec<Option<S>>,
    /// Which states no execution of all calls comes through.
    pub hopeless: Option<Hopeless<S>>,
}

/// Whether it is certain that no execution of all calls at hand comes through a state. To say no is always right.
#[derive(Clone)]
pub struct Hopeless<S>(Arc<dyn Fn(&S) -> bool + Send + Sync>);

impl<S> Hopeless<S> {
    /// By this function.
    pub fn new(is: impl Fn(&S) -> bool + Send + Sync + 'static) -> Self {
        Hopeless(Arc::new(is))
    }

    /// Whether it is certain of `state`.
    pub fn is(&self, state: &S) -> bool {
        (self.0)(state)
    }
}

impl<S> Debug for Hopeless<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hopeless(..)")
    }
}

/// See [`Model::effect`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<S> {
    /// It leaves every state as it is.
    Nothing,
    /// It leaves this, whatever it found.
    Replaces(S),
    /// What it leaves depends on what it finds.
    Depends,
}

/// See [`Model::blind_and_idle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blindness {
    /// What it finds, or what it leaves, depends.
    Sees,
    /// It asks for nothing, and somebody may notice what it leaves.
    Blind,
    /// It asks for nothing, and nobody notices.
    Idle,
}

/// An operation as it stands in the history, with its key taken off where there was one.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'h> {
    /// Position of the invocation.
    pub call: usize,
    /// Position of the completion, of whatever kind.
    pub completion: Option<usize>,
    /// Who asked.
    pub process: Process,
    /// Which function.
    pub f: &'h str,
    /// Value of the invocation.
    pub argument: ValueRef<'h>,
    /// Value of the completion, of an `ok` only.
    pub result: Option<ValueRef<'h>>,
    /// What became of it.
    pub fate: Fate,
    /// The key that was taken off argument and result, if there was one.
    pub key: Option<ValueRef<'h>>,
}

impl<'h> Recorded<'h> {
    /// The operation as the history has it.
    pub fn new(operation: &Operation<'h>) -> Self {
        let fate = operation.fate();
        Recorded {
            call: operation.call,
            completion: operation.completion.map(|(at, _)| at),
            process: operation.process(),
            f: operation.invocation.f,
            argument: operation.invocation.value,
            result: operation.completion_event().filter(|_| fate == Fate::Ok).map(|event| event.value),
            fate,
            key: None,
        }
    }

    /// An error about the invocation.
    pub fn bad_call(&self, problem: impl Into<String>) -> DecodeError {
        DecodeError { position: self.call, problem: problem.into() }
    }

    /// An error about the completion.
    pub fn bad_completion(&self, problem: impl Into<String>) -> DecodeError {
        DecodeError { position: self.completion.unwrap_or(self.call), problem: problem.into() }
    }
}

/// An operation as its model understands it.
#[derive(Debug)]
pub struct Decoded<M: Model + ?Sized> {
    /// Which of several independent objects; `None` where there is one.
    pub key: Option<Value>,
    /// What was asked.
    pub input: M::Input,
    /// What was answered; `None` if nobody knows.
    pub output: Option<M::Output>,
}

/// A history that a model does not understand. It says nothing about the system under test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Position of the event, counted from 0: its `index`.
    pub position: usize,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "event {}: {}", self.position, self.problem)
    }
}
impl std::error::Error for DecodeError {}

/// A typed operation on one object. `a` comes before `b` in real time if `a.ret < b.call`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<I, O> {
    /// Position of the invocation. It also names the operation.
    pub call: usize,
    /// Position by which it had certainly taken effect. `None`: it may take effect at any time
    /// after `call`, or never.
    pub ret: Option<usize>,
    /// What was asked.
    pub input: I,
    /// What was answered; `None` if nobody knows.
    pub output: Option<O>,
}

/// The calls of a model.
pub type Calls<M> = Vec<Call<<M as Model>::Input, <M as Model>::Output>>;
