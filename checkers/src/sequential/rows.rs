//! Registers whose values are written once each, as numbers: who did what, and who found whose value.

use std::collections::HashMap;

use super::program::Entries;
use crate::event::Process;
use crate::hash::FastHash;
use crate::linearizability::special::register::{Act, INITIAL, RegisterOp};
use crate::linearizability::special::{NEVER, Span};
use crate::models::{RegisterInput, RegisterOutput};
use crate::value::Value;

/// It looks at nothing.
pub(super) const NOTHING: u32 = u32::MAX;
/// It found the first value.
pub(super) const FIRST: u32 = u32::MAX - 1;
/// It found what nobody wrote.
const NOBODY: u32 = u32::MAX - 2;

/// What an operation of a register did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// It found this.
    Found(Value),
    /// It left this.
    Left(Value),
    /// It found the one and left the other.
    Changed(Value, Value),
    /// Something of which nothing follows here: a failed cas.
    Other,
}

/// How to know what an operation did.
pub(super) type Look<I, O> = fn(&I, Option<&O>) -> Deed;

impl Deed {
    pub(super) fn of(input: &RegisterInput, output: Option<&RegisterOutput>) -> Self {
        match (input, output) {
            (RegisterInput::Read, Some(RegisterOutput::Holds(value))) => Deed::Found(value.clone()),
            (RegisterInput::Write(value), _) => Deed::Left(value.clone()),
            (RegisterInput::Cas { .. }, Some(RegisterOutput::Mismatch)) => Deed::Other,
            (RegisterInput::Cas { from, to }, _) if from == to => Deed::Found(from.clone()),
            (RegisterInput::Cas { from, to }, _) => Deed::Changed(from.clone(), to.clone()),
            _ => Deed::Other,
        }
    }

    fn finds(&self) -> Option<&Value> {
        match self {
            Deed::Found(value) | Deed::Changed(value, _) => Some(value),
            _ => None,
        }
    }

    fn leaves(&self) -> Option<&Value> {
        match self {
            Deed::Left(value) | Deed::Changed(_, value) => Some(value),
            _ => None,
        }
    }
}

/// An operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) object: u32,
    /// A number for its process.
    pub(super) process: u32,
    /// The row that left what it found; or [`FIRST`], [`NOTHING`].
    pub(super) finds: u32,
    /// Whether it leaves a value of its own.
    pub(super) leaves: bool,
    /// Whether it was answered: what its process does next comes after it.
    pub(super) answered: bool,
    /// Whether it took effect: it was answered, or one that took effect found what it left. Of the
    /// others nothing is found by anybody, so that an order with them is one without them.
    pub(super) certain: bool,
    pub(super) span: Span,
}

/// The operations in the order of their invocations.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) all: Vec<Row>,
    /// How many registers there are.
    pub(super) objects: usize,
}

/// What keeps a history from being made of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// Two operations leave the same value in one register, or one leaves the first value, or a failed
    /// cas says what a register was not.
    NotUnique,
    /// This operation, which took effect, found what nobody wrote.
    MadeUp(u32),
}

impl Rows {
    pub(super) fn new<I, O>(part: &Entries<I, O>, look: Look<I, O>) -> Result<Self, Unfit> {
        let deeds: Vec<Deed> =
            part.entries.iter().map(|entry| look(&entry.op.input, entry.op.output.as_ref())).collect();
        let mut makers: HashMap<(u32, &Value), u32, FastHash> = HashMap::default();
        let mut processes: HashMap<Process, u32, FastHash> = HashMap::default();
        for (at, (entry, deed)) in part.entries.iter().zip(&deeds).enumerate() {
            if *deed == Deed::Other {
                return Err(Unfit::NotUnique);
            }
            if let Some(value) = deed.leaves()
                && (value.is_nil() || makers.insert((entry.op.object, value), at as u32).is_some())
            {
                return Err(Unfit::NotUnique);
            }
        }
        let rows = part.entries.iter().zip(&deeds).map(|(entry, deed)| {
            let op = &entry.op;
            let new = processes.len() as u32;
            Row {
                object: op.object,
                process: *processes.entry(entry.process).or_insert(new),
                finds: match deed.finds() {
                    None => NOTHING,
                    Some(Value::Nil) => FIRST,
                    Some(value) => makers.get(&(op.object, value)).copied().unwrap_or(NOBODY),
                },
                leaves: deed.leaves().is_some(),
                answered: entry.certain,
                certain: entry.certain,
                span: Span { call: op.call as u32, ret: op.ret.map_or(NEVER, |ret| ret as u32) },
            }
        });
        let mut rows = Rows { all: rows.collect(), objects: part.keys.len() };
        rows.took_effect();
        match rows.all.iter().position(|row| row.certain && row.finds == NOBODY) {
            Some(row) => Err(Unfit::MadeUp(row as u32)),
            None => Ok(rows),
        }
    }

    fn took_effect(&mut self) {
        for at in 0..self.all.len() {
            let mut row = self.all[at];
            // What it found was left by one that took effect, and so on.
            while row.certain && row.finds < NOBODY && !self.all[row.finds as usize].certain {
                let source = row.finds as usize;
                self.all[source].certain = true;
                row = self.all[source];
            }
        }
    }

    /// The numbers of those that took effect.
    pub(super) fn certain(&self) -> impl Iterator<Item = u32> {
        (0..self.all.len() as u32).filter(|&row| self.all[row as usize].certain)
    }

    /// The row whose value this one found, if it is a row.
    pub(super) fn source(&self, row: u32) -> Option<u32> {
        Some(self.all[row as usize].finds).filter(|&finds| finds < NOBODY)
    }

    /// Of each register its operations, for the test whether they are linearizable. Makers name values.
    pub(super) fn registers(&self) -> Vec<Vec<RegisterOp>> {
        let mut registers: Vec<Vec<RegisterOp>> = vec![Vec::new(); self.objects];
        let name = |maker: u32| if maker < NOBODY { u64::from(maker) + 1 } else { INITIAL };
        for (at, row) in self.all.iter().enumerate().filter(|(_, row)| row.certain) {
            let (act, value) = match (row.leaves, row.finds) {
                (true, NOTHING) => (Act::Write, name(at as u32)),
                (true, _) => (Act::Cas, name(at as u32)),
                (false, finds) => (Act::Read, name(finds)),
            };
            let op = RegisterOp { span: row.span, act, value, from: name(row.finds) };
            registers[row.object as usize].push(op);
        }
        registers
    }
}
