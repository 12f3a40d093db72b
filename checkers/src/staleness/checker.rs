//! The checker that measures.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::atomicity::{Atomicity, atomicity};
use super::register::{Read, Register, Unmeasured, position, stale_for};
use crate::checker::{Budget, Checker};
use crate::event::EventType;
use crate::evidence::{Evidence, Finding};
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::{Call, Calls, DecodeError, Model, Recorded};
use crate::models::{PerKey, Register as RegisterModel};
use crate::value::Value;
use crate::verdict::Judgement;

const ALGORITHM: &str = "k-atomicity from the end (LBT), with bounds";
/// The share of the budget that one key may take to find its k.
const STEPS_PER_KEY: u64 = 2_000_000;
/// How many findings a judgement carries.
const MAX_TOLD: usize = 8;
const NS_PER_MS: f64 = 1e6;

/// Measures how stale the reads of registers are, and judges that only against limits.
///
/// Without limits the verdict is `valid` and the figures are in the details; it is `invalid` all the
/// same if a read found what nobody had written, since that is no staleness.
#[derive(Clone, Copy, Debug, Default)]
pub struct Staleness {
    /// Every key must be k-atomic for this k: 1 is linearizable.
    pub max_k: Option<usize>,
    /// No read may find what had been overwritten for longer than so many ns when it began.
    pub max_stale_ns: Option<u64>,
}

/// One key, measured.
struct Measured {
    key: Option<Value>,
    k: Atomicity,
    /// Of the reads how many writes behind they are for certain, and for how many ns; each with the
    /// positions of the read, of the write that it found, and of one that overwrote it.
    worst_by_writes: Option<Stale>,
    worst_by_time: Option<Stale>,
}

/// A stale read.
#[derive(Clone, Debug)]
struct Stale {
    writes: usize,
    ns: u64,
    read: usize,
    found: Option<usize>,
    overwritten_by: Option<usize>,
}

impl Checker for Staleness {
    fn name(&self) -> &str {
        "staleness"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        registers(history).map(|_| ())
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        let keys = match registers(history) {
            Ok(keys) => keys,
            Err(error) => return Judgement::unknown(ALGORITHM, error.to_string()),
        };
        if history.completions_only() {
            let reason = "the history has no invocations, so it does not say what came before what";
            return Judgement::unknown(ALGORITHM, reason);
        }
        let answered = keys.iter().flat_map(|(_, calls)| calls).any(|call| call.ret.is_some());
        if !answered || !history.operations().any(|operation| operation.fate() == Fate::Ok) {
            return Judgement::unknown(
                ALGORITHM,
                "no read and no write was answered; there is nothing to measure",
            );
        }
        let mut measured = Vec::new();
        let mut made_up = Vec::new();
        let mut unmeasured = Vec::new();
        let mut all_ns: Vec<u64> = Vec::new();
        let mut left = budget.max_steps;
        let keyed = keys.iter().any(|(key, _)| key.is_some());
        for (key, calls) in keys {
            if let Some(reason) = budget.stop.and_then(|stop| stop()) {
                unmeasured.push((key, reason));
                continue;
            }
            match Register::new(&calls) {
                Ok(register) => {
                    let mut steps = left.min(STEPS_PER_KEY.max(calls.len() as u64 * 64));
                    let given = steps;
                    measured.push(measure(history, key, &register, &mut steps, &mut all_ns));
                    left -= given - steps;
                }
                Err(Unmeasured::MadeUp(read)) => made_up.push((key, read)),
                Err(Unmeasured::Twice(write, other)) => {
                    let other = other.map_or("what there is at first".to_owned(), |at| format!("event {at}"));
                    unmeasured.push((
                        key,
                        format!(
                            "the write at event {write} has the same value as {other}; values must be unique"
                        ),
                    ));
                }
            }
        }
        all_ns.sort_unstable();
        let figures = Figures { measured: &measured, all_ns: &all_ns };
        let judgement = self.verdict(history, keyed, &measured, &made_up, &unmeasured);
        figures.add_to(history, keyed, judgement)
    }
}

/// The calls on each key: of a register, or of one per key if every value is [key, value].
fn registers(history: &History) -> Result<CallsOf<RegisterModel>, DecodeError> {
    let mut clients = history.operations().map(|operation| operation.invocation.value);
    let decoded = if clients.all(|value| value.as_pair().is_some()) {
        decoded(&PerKey::new(RegisterModel), history)
    } else {
        decoded(&RegisterModel, history)
    };
    // In a part of a history an event is known by its place in the whole.
    decoded.map_err(|error| DecodeError { position: history.origin(error.position), ..error })
}

/// The calls on each key.
type CallsOf<M> = Vec<(Option<Value>, Calls<M>)>;

fn decoded<M: Model>(model: &M, history: &History) -> Result<CallsOf<M>, DecodeError> {
    let mut keys: CallsOf<M> = Vec::new();
    let mut by_key: HashMap<Option<Value>, usize, FastHash> = HashMap::default();
    for operation in history.operations() {
        let Some(decoded) = model.decode(&Recorded::new(&operation))? else { continue };
        let at = *by_key.entry(decoded.key).or_insert_with_key(|key| {
            keys.push((key.clone(), Vec::new()));
            keys.len() - 1
        });
        keys[at].1.push(Call {
            call: operation.call,
            ret: operation.ret(),
            input: decoded.input,
            output: decoded.output,
        });
    }
    Ok(keys)
}

fn measure(
    history: &History,
    key: Option<Value>,
    register: &Register,
    steps: &mut u64,
    all_ns: &mut Vec<u64>,
) -> Measured {
    let between = register.writes_between();
    let overwritten_by = register.overwritten_by();
    let mut worst_by_writes: Option<Stale> = None;
    let mut worst_by_time: Option<Stale> = None;
    for (at, read) in register.reads.iter().enumerate() {
        let by = overwritten_by[at].map(|by| &register.writes[by as usize]);
        let ns = by.map_or(0, |by| stale_for(history, read, by));
        all_ns.push(ns);
        if by.is_none() {
            continue;
        }
        let stale = stale(register, read, between[at], ns, overwritten_by[at]);
        if worst_by_writes.as_ref().is_none_or(|worst| (stale.writes, ns) > (worst.writes, worst.ns)) {
            worst_by_writes = Some(stale.clone());
        }
        if worst_by_time.as_ref().is_none_or(|worst| ns > worst.ns) {
            worst_by_time = Some(stale);
        }
    }
    Measured { key, k: atomicity(register, &between, steps), worst_by_writes, worst_by_time }
}

fn stale(register: &Register, read: &Read, writes: usize, ns: u64, by: Option<u32>) -> Stale {
    let call = |write: u32| position(register.writes[write as usize].call);
    Stale {
        writes,
        ns,
        read: position(read.call),
        found: (read.write > 0).then(|| call(read.write)),
        overwritten_by: by.map(call),
    }
}

impl Staleness {
    fn verdict(
        &self,
        history: &History,
        keyed: bool,
        measured: &[Measured],
        made_up: &[(Option<Value>, usize)],
        unmeasured: &[(Option<Value>, String)],
    ) -> Judgement {
        let finding = |problem: &str, key: &Option<Value>, sentence: String, calls: &[usize]| {
            let found = Finding::new(history, problem, sentence, calls);
            Evidence::Finding(match key {
                Some(key) => found.about(history, key.clone(), keyed),
                None => found,
            })
        };
        let mut evidence: Vec<Evidence> = Vec::new();
        for (key, read) in made_up {
            let sentence =
                format!("{} found what nobody had begun to write", say(history, *read, keyed, key));
            evidence.push(finding("made-up", key, sentence, &[*read]));
        }
        if let Some(limit) = self.max_k {
            let mut over: Vec<&Measured> = measured.iter().filter(|one| one.k.at_least > limit).collect();
            over.sort_by_key(|one| std::cmp::Reverse(one.k.at_least));
            for one in over {
                let worst = one.worst_by_writes.as_ref();
                let key =
                    one.key.as_ref().map(|key| format!("key {key}")).unwrap_or("the register".to_owned());
                let sentence = format!(
                    "{key} is not {limit}-atomic: in every order some read finds a value older than the last \
                     {limit}{}",
                    worst
                        .map(|worst| format!(". {}", worst.sentence(history, keyed, &one.key)))
                        .unwrap_or_default()
                );
                evidence.push(finding(
                    "not-k-atomic",
                    &one.key,
                    sentence,
                    &worst.map_or(vec![], Stale::calls),
                ));
            }
        }
        if let Some(limit) = self.max_stale_ns {
            let late = measured.iter().filter_map(|one| Some((one, one.worst_by_time.as_ref()?)));
            let mut late: Vec<_> = late.filter(|(_, worst)| worst.ns > limit).collect();
            late.sort_by_key(|(_, worst)| std::cmp::Reverse(worst.ns));
            for (one, worst) in late {
                evidence.push(finding(
                    "stale",
                    &one.key,
                    worst.sentence(history, keyed, &one.key),
                    &worst.calls(),
                ));
            }
        }
        if !evidence.is_empty() {
            let broken = evidence.len();
            evidence.truncate(MAX_TOLD);
            return Judgement::invalid(ALGORITHM, evidence).with("limits_broken", broken);
        }
        let doubt = measured.iter().find(|one| self.max_k.is_some_and(|limit| one.k.at_most > limit));
        if let Some((key, reason)) = unmeasured.first() {
            let key = key.as_ref().map(|key| format!("key {key}: ")).unwrap_or_default();
            return Judgement::unknown(ALGORITHM, format!("{key}{reason}"))
                .with("unmeasured", unmeasured.len());
        }
        if let Some(one) = doubt {
            let key = one.key.as_ref().map(|key| format!("key {key}: ")).unwrap_or_default();
            let reason = format!(
                "{key}the budget ended before the smallest k was known; it is from {} to {}",
                one.k.at_least, one.k.at_most
            );
            return Judgement::unknown(ALGORITHM, reason);
        }
        if measured.iter().all(|one| one.worst_by_time.is_none()) && self.observed(history) == 0 {
            return Judgement::unknown(ALGORITHM, "no read was answered; there is nothing to measure");
        }
        Judgement::valid(ALGORITHM)
    }

    fn observed(&self, history: &History) -> usize {
        let reads = history.operations().filter(|operation| operation.invocation.f == "read");
        reads
            .filter(|read| read.completion.is_some_and(|(_, event)| event.event_type == EventType::Ok))
            .count()
    }
}

impl Stale {
    fn calls(&self) -> Vec<usize> {
        [Some(self.read), self.found, self.overwritten_by].into_iter().flatten().collect()
    }

    fn sentence(&self, history: &History, keyed: bool, key: &Option<Value>) -> String {
        let read = say(history, self.read, keyed, key);
        let by = self.overwritten_by.map(|by| format!(" by {}", say(history, by, keyed, key)));
        format!(
            "{read} found what had been overwritten{} for {} ms, with {} writes between for certain",
            by.unwrap_or_default(),
            milliseconds(self.ns),
            self.writes
        )
    }
}

fn say(history: &History, call: usize, keyed: bool, key: &Option<Value>) -> String {
    let quoted = crate::evidence::QuotedOperation::at(history, call, keyed);
    let key = key.as_ref().map(|key| format!(" of key {key}")).unwrap_or_default();
    format!("{}{key} (event {call})", quoted.text)
}

/// To the microsecond.
fn milliseconds(ns: u64) -> f64 {
    (ns as f64 / NS_PER_MS * 1e3).round() / 1e3
}

/// The stalest read, as the details have it.
#[derive(Serialize)]
struct Worst {
    key: Option<Value>,
    read: usize,
    found_write: Option<usize>,
    overwritten_by: Option<usize>,
    writes_between: usize,
    stale_ms: f64,
    sentence: String,
}

struct Figures<'f> {
    measured: &'f [Measured],
    /// Of all reads, sorted.
    all_ns: &'f [u64],
}

impl Figures<'_> {
    fn add_to(&self, history: &History, keyed: bool, judgement: Judgement) -> Judgement {
        let mut keys_by_k: BTreeMap<String, usize> = BTreeMap::new();
        for Measured { k, .. } in self.measured {
            let name = if k.at_least == k.at_most {
                k.at_least.to_string()
            } else {
                format!("{} to {}", k.at_least, k.at_most)
            };
            *keys_by_k.entry(name).or_default() += 1;
        }
        let at_least = self.measured.iter().map(|one| one.k.at_least).max();
        let at_most = self.measured.iter().map(|one| one.k.at_most).max();
        let rank = |share: f64| {
            let at = (self.all_ns.len() as f64 * share).ceil() as usize;
            self.all_ns.get(at.saturating_sub(1)).map(|&ns| milliseconds(ns))
        };
        let worst = |by: fn(&Measured) -> Option<&Stale>, rank: fn(&Stale) -> (u64, u64)| {
            let all = self.measured.iter().filter_map(|one| Some((one, by(one)?)));
            let worst = all.max_by_key(|(_, stale)| rank(stale));
            worst.map(|(one, stale)| Worst {
                key: one.key.clone(),
                read: stale.read,
                found_write: stale.found,
                overwritten_by: stale.overwritten_by,
                writes_between: stale.writes,
                stale_ms: milliseconds(stale.ns),
                sentence: stale.sentence(history, keyed, &one.key),
            })
        };
        judgement
            .with("keys", self.measured.len())
            .with("reads", self.all_ns.len())
            .with("stale_reads", self.all_ns.iter().filter(|&&ns| ns > 0).count())
            .with("stale_ms_p50", rank(0.5))
            .with("stale_ms_p99", rank(0.99))
            .with("stale_ms_max", rank(1.0))
            .with("k_at_least", at_least)
            .with("k_at_most", at_most)
            .with("keys_by_k", keys_by_k)
            .with(
                "worst_by_time",
                worst(|one| one.worst_by_time.as_ref(), |stale| (stale.ns, stale.writes as u64)),
            )
            .with(
                "worst_by_writes",
                worst(|one| one.worst_by_writes.as_ref(), |stale| (stale.writes as u64, stale.ns)),
            )
    }
}
