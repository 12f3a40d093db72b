//! The checker, and the same for operations that never were events.

use std::collections::HashMap;

use super::explain::fails;
use super::judge::{OneAnswer, Outcome, judge};
use super::registers::{self, OneRegister, Registers};
use super::rounds::{map, solve_all};
use super::search::Limits;
use super::solve::Answer;
use super::special::{Special, register};
use crate::checker::{Budget, Checker};
use crate::hash::FastHash;
use crate::history::{Fate, History, Operation};
use crate::model::{Call, Calls, DecodeError, Decoded, Model, Recorded};
use crate::value::Value;
use crate::verdict::Judgement;

/// The name of the general algorithm.
pub(super) const SEARCH: &str = "just-in-time linearization";
/// The name of the special one for registers.
const ZONES: &str = "zones";
/// Below this many calls a thread costs more than it gains.
const WORTH_A_THREAD: usize = 20_000;

/// Judges whether a history is linearizable with respect to a model.
///
/// Each object is given to the near-linear checker of its kind, if there is one (see
/// [`special`](super::special)), and to the general search if that one does not accept it. The
/// judgement's `algorithm` says which of them answered.
#[derive(Clone, Debug)]
pub struct Linearizability<M> {
    model: M,
    general_only: bool,
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
        Linearizability { model, general_only: false }
    }

    /// The same, with nothing but the general search: to compare the two.
    #[must_use]
    pub fn general_only(mut self) -> Self {
        self.general_only = true;
        self
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
            let Some((key, call)) = self.decode(&operation)? else { continue };
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

    #[allow(clippy::type_complexity, reason = "the parts have names elsewhere")]
    fn decode(
        &self,
        operation: &Operation<'_>,
    ) -> Result<Option<(Option<Value>, Call<M::Input, M::Output>)>, DecodeError> {
        let decoded = self.model.decode(&Recorded::new(operation))?;
        Ok(decoded.map(|Decoded { key, input, output }| {
            (key, Call { call: operation.call, ret: operation.ret(), input, output })
        }))
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
        let family = self.model.register_family().filter(|_| !self.general_only);
        match family.and_then(|family| registers::decode(history, family, budget.threads)) {
            Some(registers) => self.check_registers(history, &registers, budget),
            None => self.check_objects(history, budget),
        }
    }
}

impl<M: Model> Linearizability<M> {
    fn check_registers(&self, history: &History, all: &Registers<'_>, budget: &Budget<'_>) -> Judgement {
        if let Some(unknown) = nothing_to_judge(ZONES, all.answered, all.observed) {
            return unknown;
        }
        let operations: usize = all.registers.iter().map(|register| register.operations).sum();
        let threads = if operations < WORTH_A_THREAD { 1 } else { budget.threads };
        let answers = map(threads, all.registers.len(), |at| {
            let ops = all.registers[at].take();
            let answer = register::check(&ops);
            // What must be searched is decoded again, by the model.
            let left = match &answer {
                Special::NotMine(_) => ops.iter().map(|op| op.span.call).collect(),
                _ => Vec::new(),
            };
            (answer, left)
        });
        let mut left: Vec<Calls<M>> = Vec::new();
        let mut answers_of: Vec<Option<OneAnswer<M>>> = Vec::with_capacity(answers.len());
        for (answer, positions) in answers {
            answers_of.push(match answer {
                Special::Valid => Some(OneAnswer::Valid),
                Special::Invalid(contradiction) => Some(OneAnswer::Contradiction(contradiction)),
                Special::NotMine(_) => {
                    match self.decode_again(history, &positions) {
                        Ok(calls) => left.push(calls),
                        Err(error) => return Judgement::unknown(SEARCH, error.to_string()),
                    }
                    None
                }
            });
        }
        let named =
            all.registers.iter().map(|one: &OneRegister<'_>| (one.key.map(|k| k.to_value()), one.operations));
        self.search_the_rest(history, ZONES, named.collect(), answers_of, left, budget)
    }

    fn decode_again(&self, history: &History, positions: &[u32]) -> Result<Calls<M>, DecodeError> {
        let mut calls = Vec::with_capacity(positions.len());
        for &position in positions {
            let call = position as usize;
            let completion = history.partner(call).map(|at| (at, history.event(at)));
            let operation = Operation { call, invocation: history.event(call), completion };
            calls.extend(self.decode(&operation)?.map(|(_, call)| call));
        }
        Ok(calls)
    }

    fn check_objects(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        let objects = match self.objects(history) {
            Ok(objects) => objects,
            Err(error) => return Judgement::unknown(SEARCH, error.to_string()),
        };
        let answered = history.operations().any(|operation| operation.fate() == Fate::Ok);
        let observed = objects.iter().flat_map(|object| &object.calls).any(|call| self.observes(call));
        if let Some(unknown) = nothing_to_judge(SEARCH, answered, observed) {
            return unknown;
        }
        let operations: usize = objects.iter().map(|object| object.calls.len()).sum();
        let threads = if operations < WORTH_A_THREAD { 1 } else { budget.threads };
        let special = map(threads, objects.len(), |at| {
            if self.general_only { None } else { self.model.special(&objects[at].calls) }
        });
        let mut name = SEARCH;
        let mut named = Vec::with_capacity(objects.len());
        let mut left = Vec::new();
        let mut answers = Vec::with_capacity(objects.len());
        for (object, special) in objects.into_iter().zip(special) {
            named.push((object.key, object.calls.len()));
            let (algorithm, answer) = special.unwrap_or((SEARCH, Special::NotMine("")));
            name = if algorithm == SEARCH { name } else { algorithm };
            answers.push(match answer {
                Special::Valid => Some(OneAnswer::Valid),
                Special::Invalid(contradiction) => Some(OneAnswer::Contradiction(contradiction)),
                Special::NotMine(_) => {
                    left.push(object.calls);
                    None
                }
            });
        }
        self.search_the_rest(history, name, named, answers, left, budget)
    }

    /// Searches the objects that have no answer yet, unless one is refuted already.
    fn search_the_rest(
        &self,
        history: &History,
        special: &'static str,
        named: Vec<(Option<Value>, usize)>,
        answers: Vec<Option<OneAnswer<M>>>,
        left: Vec<Calls<M>>,
        budget: &Budget<'_>,
    ) -> Judgement {
        let decided = answers.iter().any(|answer| matches!(answer, Some(OneAnswer::Contradiction(_))));
        let by_search = left.len();
        let (searched, steps) =
            if decided || left.is_empty() { (Vec::new(), 0) } else { solve_all(&self.model, left, budget) };
        let algorithm = match (by_search, answers.len() - by_search) {
            (0, _) => special.into(),
            (_, 0) => SEARCH.into(),
            _ => format!("{special} + {SEARCH}").into(),
        };
        let mut searched = searched.into_iter();
        let operations: usize = named.iter().map(|(_, operations)| operations).sum();
        let not_begun = || Answer::Unknown {
            reason: "not searched, because another object is not linearizable".to_owned(),
            longest_prefix: 0,
            out_of_steps: false,
        };
        let outcomes: Vec<Outcome<M>> = named
            .into_iter()
            .zip(answers)
            .map(|((key, operations), answer)| {
                let answer = answer.unwrap_or_else(|| searched.next().unwrap_or_else(not_begun).into());
                Outcome { key, operations, answer }
            })
            .collect();
        judge(&self.model, history, algorithm, &outcomes)
            .with("model", self.model.name())
            .with("objects", outcomes.len())
            .with("operations", operations)
            .with("objects_searched", by_search)
            .with("steps", steps)
    }

    /// Whether a call says anything of the state: it was answered as it could not have been in
    /// every state.
    fn observes(&self, call: &Call<M::Input, M::Output>) -> bool {
        call.output.is_some() && self.model.requirement(&call.input, call.output.as_ref()).is_some()
    }
}

fn nothing_to_judge(algorithm: &'static str, answered: bool, observed: bool) -> Option<Judgement> {
    let reason = match (answered, observed) {
        (false, _) => "no client operation was answered with ok; there is nothing to judge",
        (true, false) => "nothing was observed: no read and no cas succeeded; any order explains that",
        (true, true) => return None,
    };
    Some(Judgement::unknown(algorithm, reason))
}
