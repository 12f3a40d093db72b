//! The checker of sequential consistency.

use super::meter::{Meter, Spent};
use super::program::{Entries, EntriesOf, Program};
use super::rows::{Deed, Look, Rows, Unfit};
use super::saturate::{Cycle, Saturated, fits, saturate};
use super::search::{Found, search};
use super::text::Text;
use super::windows;
use super::witness::{Tried, try_order};
use crate::checker::{Budget, Checker};
use crate::evidence::{Evidence, Finding};
use crate::history::{Fate, History};
use crate::linearizability::special::{Special, register};
use crate::linearizability::{Answer, check_operations};
use crate::model::{Calls, DecodeError, Model};
use crate::models::{AnyModel, RegisterInput, RegisterOutput, Thing};
use crate::verdict::{Judgement, Verdict};

const LINEARIZABLE: &str = "just-in-time linearization";
const ZONES: &str = "zones";
const WITNESS: &str = "an order found without going back";
const SATURATION: &str = "saturation of forced orders";
const SEARCH: &str = "search over what each process has done";
/// How many steps for each operation two searches that take turns get at first, and how many more in all.
const FIRST_TURN: (u64, u64) = (2, 4096);
/// How much more they get with each turn.
const NEXT_TURN: u64 = 16;
/// Up to so many operations all that is forced is found out at once, instead of beginning where it looks bad.
const FEW: usize = 4_096;
/// Of more chains than these, and more numbers, it is found out for one stretch after the other.
const FEW_CHAINS: usize = 64;
const FEW_NUMBERS: usize = 1 << 24;
/// Around how many operations a contradiction is looked for.
const SUSPECTS: usize = 16;
/// How many objects' evidence a judgement carries.
const MAX_OBJECTS_TOLD: usize = 8;

/// What must be in one order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All operations.
    Whole,
    /// The operations of each key, for itself. That is less: keys may be in different orders.
    PerKey,
}

/// What an operation of a register did; see `rows.rs`.
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
        // A cas that failed may be an answer, and then it says something.
        let observed = all.calls().iter().any(|calls| self.model.observes(calls));
        if !observed && !history.operations().any(|operation| operation.fate() == Fate::Ok) {
            return Judgement::unknown(
                SEARCH,
                "no client operation was answered with ok; there is nothing to judge",
            );
        }
        if !observed {
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
        let mut meter = Meter::new(budget, budget.max_steps);
        let mut stopped = None;
        let mut evidence = Vec::new();
        let mut open = None;
        let mut algorithm = "";
        let (mut valid, mut invalid, total) = (0, 0, parts.len());
        let mut left = parts.len() as u64;
        for part in parts {
            // Whoever is cheap leaves more for the others.
            let fair = budget.max_steps.saturating_sub(meter.steps()) / left.max(1);
            left -= 1;
            let mut its = Meter::new(budget, fair);
            let known = match &stopped {
                Some(Spent(reason)) => Known::Open(SEARCH, String::clone(reason), 0),
                None => self.judge(history, &part, &Budget { max_steps: fair, ..*budget }, &mut its),
            };
            // With many keys it is asked here whether to stop: none may be large enough to ask.
            stopped = stopped.or(meter.step(its.steps().min(fair)).err());
            match known {
                Known::Valid(by) => {
                    valid += 1;
                    algorithm = if cost(by) > cost(algorithm) { by } else { algorithm };
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
            .with("steps", meter.steps().min(budget.max_steps))
    }
}

impl<M: Model> Sequential<M> {
    fn judge(
        &self,
        history: &History,
        part: &EntriesOf<M>,
        budget: &Budget<'_>,
        meter: &mut Meter<'_>,
    ) -> Known {
        let text = Text { model: &self.model, history, part };
        match self.registers.map(|look| Rows::new(part, look)) {
            Some(Ok(rows)) => {
                let mut placed = 0;
                let known = self.judge_registers(&text, &rows, budget, meter, &mut placed);
                known.unwrap_or_else(|Spent(reason)| Known::Open(SATURATION, reason, placed))
            }
            Some(Err(Unfit::MadeUp(op))) => Known::Invalid(SATURATION, Box::new(text.made_up(op))),
            Some(Err(Unfit::NotUnique)) | None => self.judge_any(&text, budget, meter),
        }
    }

    /// Registers whose values are written once each: first an order is looked for that needs no guess,
    /// then a contradiction, and only then is there a search.
    fn judge_registers(
        &self,
        text: &Text<'_, M>,
        rows: &Rows,
        budget: &Budget<'_>,
        meter: &mut Meter<'_>,
        placed: &mut usize,
    ) -> Result<Known, Spent> {
        let invalid = |cycle: &Cycle| Known::Invalid(SATURATION, Box::new(text.cycle(rows, cycle)));
        let suspects = match suspects(rows, meter)? {
            None => return Ok(Known::Valid(ZONES)),
            Some(suspects) => suspects,
        };
        let stuck = match try_order(rows, &[], &[], meter)? {
            Tried::Order => return Ok(Known::Valid(WITNESS)),
            Tried::Stuck(stuck, most) => {
                *placed = most;
                stuck
            }
        };
        let members: Vec<u32> = rows.certain().collect();
        let chains = windows::chains(rows, &members);
        let cheap = members.len().saturating_mul(chains) <= FEW_NUMBERS;
        let all_at_once = cheap || chains <= FEW_CHAINS && fits(members.len(), chains, meter.bytes);
        if members.len() > FEW {
            for suspects in [suspects, ends_of(&stuck)] {
                if let Some(cycle) = windows::around(rows, &suspects, meter)? {
                    return Ok(invalid(&cycle));
                }
            }
        }
        let saturated = match all_at_once {
            true => saturate(rows, &members, meter)?,
            false => windows::anywhere(rows, meter)?,
        };
        let forced = match saturated {
            Saturated::Open(forced) => forced,
            Saturated::Contradiction(cycle) => {
                // The same may follow from less.
                let ends: Vec<u32> = cycle.edges.iter().map(|edge| edge.from).collect();
                let smaller = match members.len() > FEW {
                    true => windows::around(rows, &ends_of(&ends), meter).ok().flatten(),
                    false => None,
                };
                return Ok(invalid(&smaller.unwrap_or(cycle)));
            }
        };
        // With what is forced, and by the clock, or by where each operation can stand.
        let mut ranks = vec![u32::MAX; rows.all.len()];
        members.iter().zip(&forced.rank).for_each(|(&row, &rank)| ranks[row as usize] = rank);
        for clock in [Vec::new(), ranks] {
            match try_order(rows, &forced.pairs, &clock, meter)? {
                Tried::Order => return Ok(Known::Valid(WITNESS)),
                Tried::Stuck(_, most) => *placed = most.max(*placed),
            }
        }
        let program = Program::of_rows(text.part, rows, &forced);
        let searched = search(&self.model, &program, budget.max_bytes, meter);
        Ok(match searched.found {
            Found::Order => Known::Valid(SEARCH),
            Found::None => Known::Invalid(SEARCH, Box::new(text.searched(&searched, budget))),
            Found::Spent(Spent(reason)) => Known::Open(SEARCH, reason, searched.furthest.max(*placed)),
        })
    }

    /// Anything: two searches take turns. One asks whether each object is linearizable, which is local, and
    /// stronger: if every object has an order that keeps real time, the whole has.
    fn judge_any(&self, text: &Text<'_, M>, budget: &Budget<'_>, meter: &mut Meter<'_>) -> Known {
        let part = text.part;
        let mut by = LINEARIZABLE;
        let mut may_be_linearizable = true;
        let mut open: Vec<Calls<M>> = part.calls();
        open.retain(|calls| match self.model.special(calls, text.history) {
            // Of several objects the last one's; of an object that is searched, the search.
            Some((name, Special::Valid)) => {
                by = name;
                false
            }
            Some((_, Special::Invalid(_))) => {
                may_be_linearizable = false;
                true
            }
            _ => true,
        });
        let program = Program::new(part);
        let (each, more) = FIRST_TURN;
        let mut turn = part.entries.len() as u64 * each + more;
        loop {
            turn = turn.min(budget.max_steps.saturating_sub(meter.steps()));
            if may_be_linearizable {
                may_be_linearizable = self.drop_linearizable(&mut open, turn, budget, meter);
                if open.is_empty() {
                    return Known::Valid(by);
                }
            }
            let rest = budget.max_steps.saturating_sub(meter.steps());
            let mut its = Meter::new(budget, turn.min(rest));
            let searched = search(&self.model, &program, budget.max_bytes, &mut its);
            let spent = meter.step(its.steps());
            match searched.found {
                Found::Order => return Known::Valid(SEARCH),
                Found::None => return Known::Invalid(SEARCH, Box::new(text.searched(&searched, budget))),
                Found::Spent(Spent(reason)) => {
                    let out_of_steps = reason == Spent::steps().0;
                    if !out_of_steps || turn >= rest || spent.is_err() {
                        let reason = spent.err().map_or(reason, |Spent(reason)| reason);
                        return Known::Open(SEARCH, reason, searched.furthest);
                    }
                }
            }
            turn = turn.saturating_mul(NEXT_TURN);
        }
    }

    /// Drops the objects that are linearizable, as far as that can be known in so many steps; whether all
    /// may still be.
    fn drop_linearizable(
        &self,
        open: &mut Vec<Calls<M>>,
        steps: u64,
        budget: &Budget<'_>,
        meter: &mut Meter<'_>,
    ) -> bool {
        let share = steps / open.len().max(1) as u64;
        let budget = Budget { max_steps: share, threads: 1, ..*budget };
        let mut may_be = true;
        open.retain(|calls| {
            if !may_be {
                return true;
            }
            let answer = check_operations(&self.model, calls.clone(), &budget);
            let (taken, stays) = match answer {
                Answer::Linearizable => (share.min(calls.len() as u64), false),
                Answer::NotLinearizable(_) => {
                    may_be = false;
                    (share.min(calls.len() as u64), true)
                }
                Answer::Unknown { .. } => (share, true),
            };
            // Whoever is told to stop is told so by the search as well.
            may_be &= meter.step(taken).is_ok();
            stays
        });
        may_be
    }
}

/// Which of the algorithms that confirmed keys is named: the one that had the most to do.
fn cost(algorithm: &str) -> usize {
    let known = ["", ZONES, LINEARIZABLE, WITNESS, SEARCH];
    known.iter().position(|known| *known == algorithm).unwrap_or(1)
}

/// Operations that contradict linearizability, as rows; `None` if all registers are linearizable.
fn suspects(rows: &Rows, meter: &mut Meter<'_>) -> Result<Option<Vec<u32>>, Spent> {
    let mut linearizable = true;
    let mut suspects: Vec<u32> = Vec::new();
    for register in rows.registers() {
        meter.spend(16 * register.len() as u64)?;
        let answer = register::check(&register);
        linearizable &= answer == Special::Valid;
        if let Special::Invalid(found) = answer {
            let row = |call: &u32| rows.all.binary_search_by_key(call, |row| row.span.call).ok();
            suspects.extend(found.operations.iter().filter_map(row).map(|row| row as u32));
        }
    }
    suspects.truncate(SUSPECTS);
    Ok((!linearizable).then_some(suspects))
}

/// The first and the last of them.
fn ends_of(rows: &[u32]) -> Vec<u32> {
    let mut rows = rows.to_vec();
    rows.sort_unstable();
    let half = SUSPECTS / 2;
    let last = rows.len().saturating_sub(half).max(half.min(rows.len()));
    let mut ends: Vec<u32> = rows[..half.min(rows.len())].to_vec();
    ends.extend(&rows[last..]);
    ends
}
