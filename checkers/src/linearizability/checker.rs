//! The checker, and the same for operations that never were events.

use std::collections::HashMap;

use super::explain::{Refutation, fails};
use super::report::report;
use super::rounds::solve_all;
use super::search::Limits;
use super::solve::Answer;
use crate::checker::{Budget, Checker};
use crate::evidence::Evidence;
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::{Call, Calls, DecodeError, Decoded, Model, Recorded};
use crate::value::Value;
use crate::verdict::Judgement;

/// Which algorithm answers.
const ALGORITHM: &str = "just-in-time linearization";
/// How many objects' evidence a judgement carries, and how many open ones it names.
const MAX_OBJECTS_TOLD: usize = 8;

/// Judges whether a history is linearizable with respect to a model.
#[derive(Clone, Debug)]
pub struct Linearizability<M> {
    model: M,
}

/// The calls on one object.
#[derive(Clone, Debug)]
pub struct Object<M: Model> {
    /// Its key; `None` where there is one object.
    pub key: Option<Value>,
    /// Its calls, in the order of invocation.
    pub calls: Calls<M>,
}

impl<M: Model> Linearizability<M> {
    /// A checker against `model`.
    pub fn new(model: M) -> Self {
        Linearizability { model }
    }

    /// The history as the model sees it: one list of calls per object, in the order in which the
    /// objects are first used.
    ///
    /// # Errors
    /// The first event that the model does not understand. The history says nothing then about
    /// the system; whoever chose the model must choose another.
    pub fn objects(&self, history: &History) -> Result<Vec<Object<M>>, DecodeError> {
        let mut objects: Vec<Object<M>> = Vec::new();
        let mut by_key: HashMap<Option<Value>, usize, FastHash> = HashMap::default();
        for operation in history.operations() {
            let Some(Decoded { key, input, output }) = self.model.decode(&Recorded::new(&operation))? else {
                continue;
            };
            let call = Call { call: operation.call, ret: operation.ret(), input, output };
            match by_key.get(&key) {
                Some(&at) => objects[at].calls.push(call),
                None => {
                    by_key.insert(key.clone(), objects.len());
                    objects.push(Object { key, calls: vec![call] });
                }
            }
        }
        Ok(objects)
    }
}

/// Whether `calls` on one object are linearizable. `steps`, bytes and stop are bounded by the
/// budget; an answer that it cuts short is [`Answer::Unknown`].
///
/// Calls may be in any order; two must not have the same `call` position. A call without `ret`
/// is optional. Nothing else is checked: a `ret` before its `call` counts as one at its `call`.
pub fn check_operations<M: Model>(model: &M, calls: Calls<M>, budget: &Budget<'_>) -> Answer<M> {
    let (mut answers, _) = solve_all(model, vec![calls], budget);
    answers.pop().unwrap_or(Answer::Linearizable)
}

/// Whether no execution of `calls` begins in one of `states`: what a [`Refutation`] claims of its
/// window. `None` if `steps` did not suffice to know.
pub fn fails_from<M: Model>(model: &M, calls: &Calls<M>, states: &[M::State], steps: u64) -> Option<bool> {
    let mut limits = Limits { steps, bytes: usize::MAX, stop: None };
    let fails = fails(model, calls, states, &mut limits);
    (fails || limits.steps > 0).then_some(fails)
}

impl<M: Model> Checker for Linearizability<M> {
    fn name(&self) -> &str {
        "linearizable"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        self.objects(history).map(|_| ())
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        let objects = match self.objects(history) {
            Ok(objects) => objects,
            Err(error) => return Judgement::unknown(ALGORITHM, error.to_string()),
        };
        if !history.operations().any(|operation| operation.fate() == Fate::Ok) {
            return Judgement::unknown(
                ALGORITHM,
                "no client operation was answered with ok; there is nothing to judge",
            );
        }
        if !objects.iter().flat_map(|object| &object.calls).any(|call| self.observes(call)) {
            return Judgement::unknown(
                ALGORITHM,
                "nothing was observed: no read and no cas succeeded; any order explains that",
            );
        }
        let operations: usize = objects.iter().map(|object| object.calls.len()).sum();
        let (keys, calls): (Vec<_>, Vec<_>) = objects.into_iter().map(|o| (o.key, o.calls)).unzip();
        let sizes: Vec<usize> = calls.iter().map(Vec::len).collect();
        let (answers, steps) = solve_all(&self.model, calls, budget);
        let keys: Vec<Key<'_>> =
            keys.iter().zip(sizes).map(|(key, operations)| Key { key: key.as_ref(), operations }).collect();
        self.judge(history, &keys, &answers)
            .with("model", self.model.name())
            .with("objects", keys.len())
            .with("operations", operations)
            .with("steps", steps)
    }
}

/// An object, without its calls.
struct Key<'k> {
    key: Option<&'k Value>,
    operations: usize,
}

impl<M: Model> Linearizability<M> {
    /// Whether a call says anything of the state: it was answered as it could not have been in
    /// every state.
    fn observes(&self, call: &Call<M::Input, M::Output>) -> bool {
        call.output.is_some() && self.model.requirement(&call.input, call.output.as_ref()).is_some()
    }

    fn judge(&self, history: &History, keys: &[Key<'_>], answers: &[Answer<M>]) -> Judgement {
        let mut refuted: Vec<(Option<&Value>, &Refutation<M>)> = Vec::new();
        let mut open = Vec::new();
        for (key, answer) in keys.iter().zip(answers) {
            match answer {
                Answer::Linearizable => {}
                Answer::NotLinearizable(refutation) => refuted.push((key.key, refutation)),
                Answer::Unknown { reason, longest_prefix, .. } => open.push((key, reason, *longest_prefix)),
            }
        }
        let done = keys.len() - open.len() - refuted.len();
        let name = |key: Option<&Value>| key.and_then(|key| serde_json::to_value(key).ok());
        let still_open: Vec<serde_json::Value> = open
            .iter()
            .take(MAX_OBJECTS_TOLD)
            .map(|(key, _, longest_prefix)| {
                serde_json::json!({
                    "key": name(key.key),
                    "operations": key.operations,
                    "longest_prefix": longest_prefix,
                })
            })
            .collect();
        let judgement = if !refuted.is_empty() {
            // The violation that shows first comes first.
            refuted.sort_by_key(|(_, refutation)| refutation.blocked);
            let told = refuted.iter().take(MAX_OBJECTS_TOLD);
            let evidence = told
                .map(|(key, refutation)| {
                    Evidence::Linearizability(report(&self.model, history, *key, refutation))
                })
                .collect();
            Judgement::invalid(ALGORITHM, evidence).with("objects_invalid", refuted.len())
        } else if let Some((key, reason, longest_prefix)) = open.first() {
            let after = match longest_prefix {
                0 => String::new(),
                n => format!(" after a linearizable prefix of {n} of {} operations", key.operations),
            };
            let which = key.key.map(|key| format!("key {key}: ")).unwrap_or_default();
            Judgement::unknown(
                ALGORITHM,
                format!("{which}{reason}{after}; {done} of {} objects are linearizable", keys.len()),
            )
        } else {
            return Judgement::valid(ALGORITHM);
        };
        judgement.with("objects_linearizable", done).with("objects_open", open.len()).with("open", still_open)
    }
}
