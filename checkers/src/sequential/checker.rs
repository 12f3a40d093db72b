//! The checker of sequential consistency.

use super::program::{Entries, EntriesOf, Entry, Op, Program, ProgramOf};
use super::saturate::{Deed, Edge, Look, Saturated, Why, saturate};
use super::search::{Found, Searched, search};
use crate::checker::{Budget, Checker};
use crate::evidence::{Evidence, Finding};
use crate::history::{Fate, History};
use crate::linearizability::{Answer, check_operations};
use crate::model::{DecodeError, Model};
use crate::models::{AnyModel, RegisterInput, RegisterOutput, Thing};
use crate::value::Value;
use crate::verdict::{Judgement, Verdict};

const LINEARIZABLE: &str = "just-in-time linearization";
const SATURATION: &str = "saturation of forced orders";
const SEARCH: &str = "search over what each process has done";
/// How many steps the question may take whether the history is linearizable, as a share of all.
const LINEARIZABLE_SHARE: u64 = 4;
/// Up to so many operations, evidence of a search is made smaller.
const SMALL: usize = 64;
/// How many steps each attempt to make it smaller may take.
const SHRINK_STEPS: u64 = 20_000;
/// How many objects' evidence a judgement carries.
const MAX_OBJECTS_TOLD: usize = 8;
/// How many sentences and operations a piece of evidence carries.
const MAX_TOLD: usize = 64;

/// What must be in one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All operations.
    Whole,
    /// The operations of each key, for itself. That is less: keys may be in different orders.
    PerKey,
}

/// What an operation of a register did; see `saturate.rs`.
type LookOf<M> = Look<<M as Model>::Input, <M as Model>::Output>;

/// Judges whether a history is sequentially consistent with respect to a model.
#[derive(Clone, Debug)]
pub struct Sequential<M: Model> {
    model: M,
    scope: Scope,
    registers: Option<LookOf<M>>,
}

impl<M: Model> Sequential<M> {
    /// A checker against any model.
    pub fn new(model: M, scope: Scope) -> Self {
        Sequential { model, scope, registers: None }
    }
}

impl<M: Model<Input = RegisterInput, Output = RegisterOutput>> Sequential<M> {
    /// A checker against a model of registers that are null at first, or a cas-register; one or several.
    /// Orders that the reads force are found without a search.
    pub fn of_registers(model: M, scope: Scope) -> Self {
        Sequential { model, scope, registers: Some(Deed::of) }
    }
}

impl Sequential<AnyModel> {
    /// The same for one of these models that was chosen by its name.
    pub(crate) fn of_registers_by_name(model: AnyModel, scope: Scope) -> Self {
        let look = |input: &Thing, output: Option<&Thing>| match input.inmost() {
            Some(input) => Deed::of(input, output.and_then(Thing::inmost)),
            None => Deed::Other,
        };
        Sequential { model, scope, registers: Some(look) }
    }
}

/// What is known of one program.
enum Known {
    Valid(&'static str),
    Invalid(&'static str, Box<Finding>),
    Open(&'static str, String, usize),
}

impl<M: Model> Checker for Sequential<M> {
    fn name(&self) -> &str {
        match self.scope {
            Scope::Whole => "sequential",
            Scope::PerKey => "sequential-per-key",
        }
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        Entries::new(&self.model, history).map(|_| ())
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        let all = match Entries::new(&self.model, history) {
            Ok(all) => all,
            Err(error) => return Judgement::unknown(SEARCH, error.to_string()),
        };
        if !history.operations().any(|operation| operation.fate() == Fate::Ok) {
            return Judgement::unknown(
                SEARCH,
                "no client operation was answered with ok; there is nothing to judge",
            );
        }
        if !all.entries.iter().any(|entry| self.observes(&entry.op)) {
            return Judgement::unknown(
                SEARCH,
                "nothing was observed: no operation was answered as it could not always have been; any order \
                 explains that",
            );
        }
        let (operations, objects) = (all.entries.len(), all.keys.len());
        let parts = match self.scope {
            Scope::Whole => vec![all],
            Scope::PerKey => all.per_object(),
        };
        let mut steps = 0;
        let mut evidence = Vec::new();
        let mut open = None;
        let mut algorithm = LINEARIZABLE;
        let (mut valid, mut invalid, total) = (0, 0, parts.len());
        let mut left = parts.len() as u64;
        for part in parts {
            // Whoever is cheap leaves more for the others.
            let fair = budget.max_steps.saturating_sub(steps) / left.max(1);
            left -= 1;
            match self.judge(history, &part, &Budget { max_steps: fair, ..*budget }, &mut steps) {
                Known::Valid(by) => {
                    valid += 1;
                    algorithm = if by == LINEARIZABLE { algorithm } else { by };
                }
                Known::Invalid(by, finding) => {
                    invalid += 1;
                    if evidence.len() < MAX_OBJECTS_TOLD {
                        evidence.push((by, Evidence::Finding(*finding)));
                    }
                }
                Known::Open(by, reason, placed) => {
                    open.get_or_insert((by, reason, placed, part.keys[0].clone(), part.entries.len()));
                }
            }
        }
        let judgement = if let Some((by, _)) = evidence.first() {
            Judgement::invalid(*by, evidence.into_iter().map(|(_, evidence)| evidence).collect())
        } else if let Some((by, reason, placed, key, size)) = open {
            let which = match key {
                Some(key) if self.scope == Scope::PerKey => format!("key {key}: "),
                _ => String::new(),
            };
            let done = match self.scope {
                Scope::Whole => String::new(),
                Scope::PerKey => format!("; {valid} of {total} keys are sequentially consistent"),
            };
            Judgement::unknown(
                by,
                format!(
                    "{which}{reason} after an order of {placed} of {size} operations, no contradiction found{done}"
                ),
            )
        } else {
            Judgement::valid(algorithm)
        };
        let judgement = match (judgement.verdict, self.scope) {
            (Verdict::Valid, _) | (_, Scope::Whole) => judgement,
            _ => judgement.with("keys_valid", valid).with("keys_invalid", invalid),
        };
        judgement
            .with("model", self.model.name())
            .with("objects", objects)
            .with("operations", operations)
            .with("steps", steps)
    }
}

impl<M: Model> Sequential<M> {
    fn observes(&self, op: &Op<M::Input, M::Output>) -> bool {
        op.output.is_some() && self.model.requirement(&op.input, op.output.as_ref()).is_some()
    }

    fn judge(&self, history: &History, part: &EntriesOf<M>, budget: &Budget<'_>, steps: &mut u64) -> Known {
        // Local, and stronger: if every object has an order that keeps real time, the whole has.
        let share = budget.max_steps / LINEARIZABLE_SHARE / part.keys.len().max(1) as u64;
        let linearizable = |calls| {
            let budget = Budget { max_steps: share, threads: 1, ..*budget };
            matches!(check_operations(&self.model, calls, &budget), Answer::Linearizable)
        };
        if part.calls().into_iter().all(linearizable) {
            return Known::Valid(LINEARIZABLE);
        }
        let mut program = Program::new(part);
        let text = Text { checker: self, history, part };
        if let Some(look) = self.registers {
            match saturate(&mut program, look, budget.max_steps / LINEARIZABLE_SHARE) {
                Saturated::NotMine => program = Program::new(part),
                Saturated::Open => {}
                Saturated::MadeUp(op) => return Known::Invalid(SATURATION, Box::new(text.made_up(op))),
                Saturated::Cycle(cycle, premises) => {
                    return Known::Invalid(SATURATION, Box::new(text.cycle(&program, &cycle, &premises)));
                }
            }
        }
        let searched = search(&self.model, &program, budget, budget.max_steps);
        *steps += searched.steps;
        match searched.found {
            Found::Order => Known::Valid(SEARCH),
            Found::None => Known::Invalid(SEARCH, Box::new(text.searched(&searched, budget))),
            Found::Spent(reason) => Known::Open(SEARCH, reason, searched.furthest),
        }
    }

    /// As few operations as possible that still have no order. Reads may go; a change may only become
    /// one that may not have happened.
    fn smaller(&self, part: &EntriesOf<M>, budget: &Budget<'_>) -> EntriesOf<M> {
        let mut part = part.clone();
        let fails = |part: &EntriesOf<M>| {
            search(&self.model, &Program::new(part), budget, SHRINK_STEPS).found == Found::None
        };
        let mut at = part.entries.len();
        while at > 0 {
            at -= 1;
            let mut fewer = part.clone();
            if fewer.entries[at].op.read_only {
                fewer.entries.remove(at);
            } else if fewer.entries[at].certain {
                // It may then have answered anything, and what its process did later has no bond to it.
                fewer.entries[at].certain = false;
                fewer.entries[at].op.output = None;
            } else {
                continue;
            }
            if fails(&fewer) {
                part = fewer;
            }
        }
        // One that may not have happened and need not have: the search had no use for it.
        part
    }
}

/// Puts findings into words.
struct Text<'t, M: Model> {
    checker: &'t Sequential<M>,
    history: &'t History,
    part: &'t EntriesOf<M>,
}

impl<M: Model> Text<'_, M> {
    fn say(&self, entry: &Entry<M::Input, M::Output>) -> String {
        let op = &entry.op;
        let what = self.checker.model.describe(&op.input, op.output.as_ref());
        let key = self.part.keys[op.object as usize].as_ref().map(|key| format!(" of key {key}"));
        let process = entry.process.number().unwrap_or(u32::MAX);
        format!("process {process}'s {what}{} (event {})", key.unwrap_or_default(), op.call)
    }

    fn op(&self, op: u32) -> String {
        self.say(&self.part.entries[op as usize])
    }

    fn finding(&self, problem: &str, sentence: String, steps: Vec<String>, mut calls: Vec<usize>) -> Finding {
        calls.sort_unstable();
        calls.dedup();
        calls.truncate(MAX_TOLD);
        let mut finding = Finding::new(self.history, problem, sentence, &calls).because(steps);
        let mut keys = self.part.keys.iter();
        if let (Some(Some(key)), None) = (keys.next(), keys.next()) {
            let key: Value = key.clone();
            finding = finding.about(self.history, key, true);
        }
        finding
    }

    fn made_up(&self, op: u32) -> Finding {
        let sentence = format!("{} found a value that nobody wrote", self.op(op));
        let call = self.part.entries[op as usize].op.call;
        self.finding("made-up", sentence, Vec::new(), vec![call])
    }

    fn cycle(&self, program: &ProgramOf<M>, cycle: &[Edge], premises: &[Edge]) -> Finding {
        let why = |edge: &Edge| {
            let (from, to) = (self.op(edge.from), self.op(edge.to));
            match edge.why {
                Why::Process => {
                    format!("{from} comes before {to}: the same process did one and then the other")
                }
                Why::Reads => format!("{from} comes before {to}, which found what it left"),
                Why::FindsFirst => {
                    format!(
                        "{from} comes before {to}: it found what was there at first, and that is gone then"
                    )
                }
                Why::Overwritten { reader } => format!(
                    "{from} comes before {to}: it comes before {}, which found what the latter left",
                    self.op(reader)
                ),
                Why::StillRead { written } => format!(
                    "{from} comes before {to}: it found what {} left, which comes before {to}",
                    self.op(written)
                ),
            }
        };
        let mut steps: Vec<String> = premises.iter().take(MAX_TOLD).map(why).collect();
        if premises.len() > MAX_TOLD {
            steps.push(format!("{} more steps of this kind", premises.len() - MAX_TOLD));
        }
        steps.extend(cycle.iter().map(why));
        steps.push("so each of these comes before itself, and there is no order".to_owned());
        let around: Vec<String> = cycle.iter().map(|edge| self.op(edge.from)).collect();
        let sentence = format!(
            "no order keeps what each process did and explains what it saw: {} each come before the next, \
                     and the last before the first",
            around.join(", ")
        );
        let mut ops: Vec<u32> = Vec::new();
        for edge in cycle.iter().chain(premises) {
            let third = match edge.why {
                Why::Overwritten { reader: other } | Why::StillRead { written: other } => Some(other),
                _ => None,
            };
            ops.extend([Some(edge.from), Some(edge.to), third].into_iter().flatten());
        }
        ops.sort_unstable();
        ops.dedup();
        // What was never answered is part of the argument because somebody saw what it did.
        let mut at = 0;
        let mut took_effect = Vec::new();
        while let Some(&op) = ops.get(at) {
            at += 1;
            if !self.part.entries[op as usize].certain
                && let Some(&reader) = program.readers[op as usize].first()
            {
                took_effect.push(format!(
                    "{} was not answered, and took effect: {} found what it left",
                    self.op(op),
                    self.op(reader)
                ));
                if !ops.contains(&reader) {
                    ops.push(reader);
                }
            }
        }
        steps.splice(0..0, took_effect);
        let calls = ops.into_iter().map(|op| self.part.entries[op as usize].op.call).collect();
        self.finding("cycle", sentence, steps, calls)
    }

    fn searched(&self, searched: &Searched, budget: &Budget<'_>) -> Finding {
        let smaller = if self.part.entries.len() <= SMALL {
            self.checker.smaller(self.part, budget)
        } else {
            self.part.clone()
        };
        let mut processes: Vec<(u32, Vec<String>)> = Vec::new();
        for entry in &smaller.entries {
            let process = entry.process.number().unwrap_or(u32::MAX);
            let op = &entry.op;
            let mut what = self.checker.model.describe(&op.input, op.output.as_ref());
            if let Some(key) = &self.part.keys[op.object as usize] {
                what.push_str(&format!(" of key {key}"));
            }
            if !entry.certain {
                what.push_str(" (perhaps)");
            }
            match processes.iter_mut().find(|(known, _)| *known == process) {
                Some((_, did)) => did.push(what),
                None => processes.push((process, vec![what])),
            }
        }
        let mut steps: Vec<String> = Vec::new();
        if smaller.entries.len() <= SMALL {
            let did = |(process, did): &(u32, Vec<String>)| {
                format!("process {process} did: {}", did.join(", then "))
            };
            steps.extend(processes.iter().map(did));
            steps.push("all orders of these that keep what each process did were tried".to_owned());
        }
        for &op in searched.blocked.iter().take(MAX_TOLD) {
            let entry = &self.part.entries[op as usize].op;
            if let Some(needs) = self.checker.model.requirement(&entry.input, entry.output.as_ref()) {
                steps.push(format!(
                    "after the longest order, of {} operations, {} is next of its process: {needs}",
                    searched.furthest,
                    self.op(op)
                ));
            }
        }
        let (all, few) = (self.part.entries.len(), smaller.entries.len());
        let which = if few < all {
            format!("{few} of the {all} operations")
        } else {
            format!("the {all} operations")
        };
        let sentence = format!("no order of {which} keeps what each process did and explains what it saw");
        let calls = smaller.entries.iter().map(|entry| entry.op.call).collect();
        self.finding("no-order", sentence, steps, calls)
    }
}
