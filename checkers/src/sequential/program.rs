//! What each process did, in its order.

use std::collections::HashMap;
use std::hash::Hash;

use super::rows::{FIRST, Rows};
use super::saturate::Forced;
use crate::event::Process;
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::{Call, DecodeError, Decoded, Model, Recorded};
use crate::value::Value;

/// An operation.
#[derive(Clone, Debug)]
pub(super) struct Op<I, O> {
    pub(super) call: usize,
    pub(super) ret: Option<usize>,
    /// Which object.
    pub(super) object: u32,
    pub(super) input: I,
    pub(super) output: Option<O>,
    pub(super) read_only: bool,
}

/// So many operations of that chain must have been placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct After {
    pub(super) chain: u32,
    pub(super) count: u32,
}

/// An operation that may take effect or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct May {
    pub(super) op: u32,
    pub(super) after: Option<After>,
    /// An earlier one of the same process position that asks the same of the same object: it is
    /// taken first, since nobody can tell them apart.
    pub(super) same_before: Option<u32>,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Program<I, O> {
    pub(super) ops: Vec<Op<I, O>>,
    /// The operations that certainly took effect, of each process in its order.
    pub(super) chains: Vec<Vec<u32>>,
    pub(super) mays: Vec<May>,
    /// How many objects there are.
    pub(super) objects: usize,
    /// Of each operation what must come before it, beside what its chain says.
    pub(super) after: Vec<Vec<After>>,
    /// Of each operation those that can only find what it leaves, and must be placed before the next
    /// change of the object. Known for registers with unique values only.
    pub(super) readers: Vec<Vec<u32>>,
    /// The same, of what each object holds at first.
    pub(super) first_readers: Vec<Vec<u32>>,
}

/// The program of a model.
pub(super) type ProgramOf<M> = Program<<M as Model>::Input, <M as Model>::Output>;

/// An operation, who did it, and whether it certainly took effect.
#[derive(Clone, Debug)]
pub(super) struct Entry<I, O> {
    pub(super) process: Process,
    pub(super) certain: bool,
    pub(super) op: Op<I, O>,
}

/// The operations of a history as the model sees them, and the keys of its objects.
#[derive(Clone, Debug)]
pub(super) struct Entries<I, O> {
    pub(super) entries: Vec<Entry<I, O>>,
    pub(super) keys: Vec<Option<Value>>,
}

/// The entries of a model.
pub(super) type EntriesOf<M> = Entries<<M as Model>::Input, <M as Model>::Output>;

impl<I: Clone + Eq + Hash, O: Clone> Entries<I, O> {
    pub(super) fn new<M: Model<Input = I, Output = O>>(
        model: &M,
        history: &History,
    ) -> Result<Self, DecodeError> {
        let mut all = Entries { entries: Vec::new(), keys: Vec::new() };
        let mut object_of: HashMap<Option<Value>, u32, FastHash> = HashMap::default();
        for operation in history.operations() {
            let Some(Decoded { key, input, output }) = model.decode(&Recorded::new(&operation))? else {
                continue;
            };
            let read_only = model.is_read_only(&input, output.as_ref());
            let certain = operation.fate() != Fate::Info;
            // What changes nothing and may not have happened says nothing.
            if !certain && read_only {
                continue;
            }
            let object = *object_of.entry(key.clone()).or_insert_with(|| {
                all.keys.push(key);
                all.keys.len() as u32 - 1
            });
            let op = Op { call: operation.call, ret: operation.ret(), object, input, output, read_only };
            all.entries.push(Entry { process: operation.process(), certain, op });
        }
        Ok(all)
    }

    /// Each object's operations alone.
    pub(super) fn per_object(self) -> Vec<Self> {
        let mut parts: Vec<Self> =
            self.keys.into_iter().map(|key| Entries { entries: Vec::new(), keys: vec![key] }).collect();
        for mut entry in self.entries {
            let object = std::mem::take(&mut entry.op.object);
            parts[object as usize].entries.push(entry);
        }
        parts
    }

    /// The calls of each object, with their times.
    pub(super) fn calls(&self) -> Vec<Vec<Call<I, O>>> {
        let mut calls: Vec<Vec<Call<I, O>>> = vec![Vec::new(); self.keys.len()];
        for Entry { op, .. } in &self.entries {
            calls[op.object as usize].push(Call {
                call: op.call,
                ret: op.ret,
                input: op.input.clone(),
                output: op.output.clone(),
            });
        }
        calls
    }
}

impl<I: Clone + Eq + Hash, O: Clone> Program<I, O> {
    pub(super) fn new(all: &Entries<I, O>) -> Self {
        let mut program = Program {
            ops: Vec::with_capacity(all.entries.len()),
            chains: Vec::new(),
            mays: Vec::new(),
            objects: all.keys.len(),
            after: Vec::new(),
            readers: Vec::new(),
            first_readers: Vec::new(),
        };
        let mut chain_of: HashMap<Process, u32, FastHash> = HashMap::default();
        for (op, entry) in all.entries.iter().enumerate() {
            program.ops.push(entry.op.clone());
            let known = chain_of.get(&entry.process).copied();
            if entry.certain {
                let chain = known.unwrap_or_else(|| {
                    program.chains.push(Vec::new());
                    program.chains.len() as u32 - 1
                });
                chain_of.insert(entry.process, chain);
                program.chains[chain as usize].push(op as u32);
            } else {
                let after =
                    known.map(|chain| After { chain, count: program.chains[chain as usize].len() as u32 });
                program.mays.push(May { op: op as u32, after, same_before: None });
            }
        }
        program.after = vec![Vec::new(); program.ops.len()];
        program.readers = vec![Vec::new(); program.ops.len()];
        program.first_readers = vec![Vec::new(); program.objects];
        program.pair_up_the_same();
        program
    }

    fn pair_up_the_same(&mut self) {
        let mut last: HashMap<(u32, &I, Option<After>), u32, FastHash> = HashMap::default();
        for at in 0..self.mays.len() {
            let may = self.mays[at];
            let op = &self.ops[may.op as usize];
            self.mays[at].same_before = last.insert((op.object, &op.input, may.after), at as u32);
        }
    }

    /// The same where it is known who found whose value. What was not answered took effect, and is a
    /// chain of its own, or is left out; who reads what, and what is forced, the search is told.
    pub(super) fn of_rows(all: &Entries<I, O>, rows: &Rows, forced: &Forced) -> Self {
        let mut program = Program::new(all);
        for may in std::mem::take(&mut program.mays) {
            if rows.all[may.op as usize].certain {
                program.chains.push(vec![may.op]);
                program.after[may.op as usize].extend(may.after);
            }
        }
        for (row, after) in rows.certain().zip(&forced.after) {
            program.after[row as usize].clone_from(after);
        }
        for row in rows.certain() {
            match rows.source(row) {
                Some(source) => program.readers[source as usize].push(row),
                None if rows.all[row as usize].finds == FIRST => {
                    program.first_readers[rows.all[row as usize].object as usize].push(row);
                }
                None => {}
            }
        }
        program
    }

    /// Chain and number of each operation that certainly took effect; no chain for the others.
    pub(super) fn places(&self) -> Vec<(u32, u32)> {
        let mut places = vec![(u32::MAX, 0); self.ops.len()];
        for (chain, ops) in self.chains.iter().enumerate() {
            for (number, &op) in ops.iter().enumerate() {
                places[op as usize] = (chain as u32, number as u32);
            }
        }
        places
    }
}
