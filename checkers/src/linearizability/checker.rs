//! The checker, and the same for operations that never were events.

use std::collections::HashMap;

use super::explain::fails;
use super::judge::{OneAnswer, Outcome, judge};
use super::named_register::NamedRegister;
use super::registers::{self, OneRegister, Registers};
use super::rounds::{Searched, Stopping, map, solve_all};
use super::search::Limits;
use super::solve::{Answer, SEARCH};
use super::special::{Special, register};
use crate::checker::{Budget, Checker};
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::{Call, Calls, DecodeError, Decoded, Model, Recorded};
use crate::value::Value;
use crate::verdict::Judgement;

/// Of a history of completions alone.
const TIMELESS: &str = "the history has no invocations, so it does not say what came before what";
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
    let mut searched = solve_all(model, vec![calls], budget);
    searched.answers.pop().unwrap_or(Answer::Linearizable)
}

/// Whether no execution of `calls` begins in one of `states`: what a [`Refutation`](super::Refutation) claims of its
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
        let family = self.model.register_family();
        if family.is_some_and(|family| registers::decode(history, family, 1).is_some()) {
            return Ok(());
        }
        self.objects(history).map(|_| ())
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        if history.completions_only() {
            return Judgement::unknown(SEARCH, TIMELESS);
        }
        let family = self.model.register_family();
        match family.and_then(|family| registers::decode(history, family, budget.threads)) {
            Some(registers) => self.check_registers(history, &registers, budget),
            None => self.check_objects(history, budget),
        }
    }
}

impl<M: Model> Linearizability<M> {
    fn check_registers(&self, history: &History, all: &Registers<'_>, budget: &Budget<'_>) -> Judgement {
        let first = if self.general_only { SEARCH } else { ZONES };
        if let Some(unknown) = nothing_to_judge(first, all.answered, all.observed) {
            return unknown;
        }
        let operations: usize = all.registers.iter().map(|register| register.operations).sum();
        let threads = if operations < WORTH_A_THREAD { 1 } else { budget.threads };
        // What is not given to its special checker then, the search is given, which asks as well.
        let stopping = Stopping::new(budget.stop);
        let answers = map(threads, all.registers.len(), |at| {
            let ops = all.registers[at].take();
            let answer = match self.general_only || stopping.before(ops.len()).is_some() {
                true => Special::NotMine("only the search is asked"),
                false => register::check(&ops),
            };
            let left = match &answer {
                Special::NotMine(_) => NamedRegister::calls(&ops),
                _ => Vec::new(),
            };
            Asked { special: answer, left }
        });
        let named =
            all.registers.iter().map(|one: &OneRegister<'_>| (one.key.map(|k| k.to_value()), one.operations));
        let model = NamedRegister { registers: all };
        search_the_rest(&model, history, ZONES, named.collect(), answers, budget)
            .with("model", self.model.name())
    }

    fn check_objects(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        let objects = match self.objects(history) {
            Ok(objects) => objects,
            Err(error) => return Judgement::unknown(SEARCH, error.to_string()),
        };
        let answered = history.operations().any(|operation| operation.fate() == Fate::Ok);
        let observed = objects.iter().any(|object| self.model.observes(&object.calls));
        if let Some(unknown) = nothing_to_judge(SEARCH, answered, observed) {
            return unknown;
        }
        let operations: usize = objects.iter().map(|object| object.calls.len()).sum();
        let threads = if operations < WORTH_A_THREAD { 1 } else { budget.threads };
        // What is not given to its special checker then, the search is given, which asks as well.
        let stopping = Stopping::new(budget.stop);
        let special = map(threads, objects.len(), |at| {
            let calls = &objects[at].calls;
            match self.general_only || stopping.before(calls.len()).is_some() {
                true => None,
                false => self.model.special(calls, history),
            }
        });
        let mut name = SEARCH;
        let mut named = Vec::with_capacity(objects.len());
        let mut answers = Vec::with_capacity(objects.len());
        for (object, special) in objects.into_iter().zip(special) {
            named.push((object.key, object.calls.len()));
            let (algorithm, special) =
                special.unwrap_or((SEARCH, Special::NotMine("there is none for this model")));
            name = if algorithm == SEARCH { name } else { algorithm };
            answers.push(Asked { special, left: object.calls });
        }
        search_the_rest(&self.model, history, name, named, answers, budget).with("model", self.model.name())
    }
}

/// What a special checker said of one object, and the calls, if they may have to be searched.
struct Asked<M: Model> {
    special: Special,
    left: Calls<M>,
}

/// Searches the objects that have no answer yet, unless one is refuted already.
fn search_the_rest<M: Model>(
    model: &M,
    history: &History,
    special: &'static str,
    named: Vec<(Option<Value>, usize)>,
    asked: Vec<Asked<M>>,
    budget: &Budget<'_>,
) -> Judgement {
    let mut left: Vec<Calls<M>> = Vec::new();
    let mut answers: Vec<Option<OneAnswer<M>>> = Vec::with_capacity(asked.len());
    for asked in asked {
        answers.push(match asked.special {
            Special::Valid => Some(OneAnswer::Valid),
            Special::Invalid(contradiction) => Some(OneAnswer::Contradiction(contradiction)),
            Special::NotMine(_) => {
                left.push(asked.left);
                None
            }
        });
    }
    let decided = answers.iter().any(|answer| matches!(answer, Some(OneAnswer::Contradiction(_))));
    let by_search = left.len();
    let nothing = Searched { answers: Vec::new(), steps: 0, by: Vec::new() };
    let searched = if decided || left.is_empty() { nothing } else { solve_all(model, left, budget) };
    let searches = if searched.by.is_empty() { SEARCH.to_owned() } else { searched.by.join(" + ") };
    let algorithm = match (by_search, answers.len() - by_search) {
        (0, _) => special.into(),
        (_, 0) => searches.into(),
        _ => format!("{special} + {searches}").into(),
    };
    let steps = searched.steps;
    let mut searched = searched.answers.into_iter();
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
    judge(model, history, algorithm, &outcomes)
        .with("objects", outcomes.len())
        .with("operations", operations)
        .with("objects_searched", by_search)
        .with("steps", steps)
}

fn nothing_to_judge(algorithm: &'static str, answered: bool, observed: bool) -> Option<Judgement> {
    // A cas that failed may be an answer, and then it says something.
    let reason = match (answered || observed, observed) {
        (false, _) => "no client operation was answered with ok; there is nothing to judge",
        (true, false) => "nothing was observed: no read and no cas succeeded; any order explains that",
        (true, true) => return None,
    };
    Some(Judgement::unknown(algorithm, reason))
}
