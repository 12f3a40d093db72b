//! Findings in words.

use super::meter::Meter;
use super::program::{EntriesOf, Entry, Program};
use super::rows::Rows;
use super::saturate::{Cycle, Edge, Why};
use super::search::{Found, Searched, search};
use crate::checker::Budget;
use crate::evidence::Finding;
use crate::history::History;
use crate::model::Model;
use crate::value::Value;

/// Up to so many operations, evidence of a search is made smaller.
const SMALL: usize = 64;
/// How many steps each attempt to make it smaller may take.
const SHRINK_STEPS: u64 = 20_000;
/// How many sentences and operations a piece of evidence carries.
const MAX_TOLD: usize = 64;

/// Puts findings into words.
pub(super) struct Text<'t, M: Model> {
    pub(super) model: &'t M,
    pub(super) history: &'t History,
    pub(super) part: &'t EntriesOf<M>,
}

impl<M: Model> Text<'_, M> {
    fn say(&self, entry: &Entry<M::Input, M::Output>) -> String {
        let op = &entry.op;
        let what = self.model.describe(&op.input, op.output.as_ref());
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

    pub(super) fn made_up(&self, op: u32) -> Finding {
        let sentence = format!("{} found a value that nobody wrote", self.op(op));
        let call = self.part.entries[op as usize].op.call;
        self.finding("made-up", sentence, Vec::new(), vec![call])
    }

    pub(super) fn cycle(&self, rows: &Rows, cycle: &Cycle) -> Finding {
        let Cycle { edges: cycle, premises } = cycle;
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
            let finds = |row: &u32| rows.source(*row) == Some(op);
            if !self.part.entries[op as usize].certain
                && let Some(reader) = rows.certain().find(finds)
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

    /// That a search found no order. It may be repeated to say it with fewer operations.
    pub(super) fn searched(&self, searched: &Searched, budget: &Budget<'_>) -> Finding {
        let smaller = if self.part.entries.len() <= SMALL { self.smaller(budget) } else { self.part.clone() };
        let mut processes: Vec<(u32, Vec<String>)> = Vec::new();
        for entry in &smaller.entries {
            let process = entry.process.number().unwrap_or(u32::MAX);
            let op = &entry.op;
            let mut what = self.model.describe(&op.input, op.output.as_ref());
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
            if let Some(needs) = self.model.requirement(&entry.input, entry.output.as_ref()) {
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

    /// As few operations as possible that still have no order. Reads may go; a change may only become
    /// one that may not have happened.
    fn smaller(&self, budget: &Budget<'_>) -> EntriesOf<M> {
        let mut part = self.part.clone();
        // As with every explanation, all attempts together take no more than the verdict may.
        let mut left = budget.max_steps;
        let mut fails = |part: &EntriesOf<M>| {
            let mut meter = Meter::new(budget, left.min(SHRINK_STEPS));
            let searched = search(self.model, &Program::new(part), budget.max_bytes, &mut meter);
            left = left.saturating_sub(meter.steps());
            if meter.ask().is_err() {
                left = 0;
            }
            searched.found == Found::None
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
