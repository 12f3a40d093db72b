//! One key: its writes, who read them, and by how much each read is stale.

use std::collections::HashMap;

use crate::hash::FastHash;
use crate::history::History;
use crate::model::Call;
use crate::models::{RegisterInput, RegisterOutput};
use crate::value::Value;

/// A write that took effect.
#[derive(Clone, Debug)]
pub(super) struct Write {
    /// Positions of invocation and of where it had certainly taken effect: its completion, or that of
    /// the first read that found it. Counted from 1; 0 is the first value.
    pub(super) call: usize,
    pub(super) ret: usize,
    /// Its reads, numbers into [`Register::reads`].
    pub(super) reads: Vec<u32>,
}

/// An answered read.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) call: usize,
    /// The write that it found, a number into [`Register::writes`].
    pub(super) write: u32,
}

/// The operations on one key. Write 0 is the first value, which nobody wrote.
#[derive(Clone, Debug)]
pub(super) struct Register {
    /// In the order of invocation.
    pub(super) writes: Vec<Write>,
    /// In the order of invocation.
    pub(super) reads: Vec<Read>,
}

/// Why a key cannot be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unmeasured {
    /// These two write the same value, or the first one writes the first value.
    Twice(usize, Option<usize>),
    /// This read found what nobody had begun to write when it ended.
    MadeUp(usize),
}

/// The position of an event as this module counts.
fn place(position: usize) -> usize {
    position + 1
}

/// Back to a position of the history.
pub(super) fn position(place: usize) -> usize {
    place.saturating_sub(1)
}

impl Register {
    pub(super) fn new(calls: &[Call<RegisterInput, RegisterOutput>]) -> Result<Self, Unmeasured> {
        let mut writes = vec![Write { call: 0, ret: 0, reads: Vec::new() }];
        let mut by_value: HashMap<&Value, u32, FastHash> = HashMap::default();
        by_value.insert(&Value::Nil, 0);
        for call in calls {
            let RegisterInput::Write(value) = &call.input else { continue };
            if let Some(other) = by_value.insert(value, writes.len() as u32) {
                let other = (other > 0).then(|| position(writes[other as usize].call));
                return Err(Unmeasured::Twice(call.call, other));
            }
            let ret = call.ret.map_or(usize::MAX, place);
            writes.push(Write { call: place(call.call), ret, reads: Vec::new() });
        }
        let mut reads = Vec::new();
        for call in calls {
            let (Some(RegisterOutput::Holds(value)), Some(ret)) = (&call.output, call.ret) else { continue };
            let write =
                by_value.get(value).copied().filter(|&write| writes[write as usize].call < place(ret));
            let Some(write) = write else { return Err(Unmeasured::MadeUp(call.call)) };
            let found = &mut writes[write as usize];
            found.reads.push(reads.len() as u32);
            found.ret = found.ret.min(place(ret));
            reads.push(Read { call: place(call.call), write });
        }
        // A write that may not have happened, and that nobody found, may be left out of any order.
        let mut number = vec![0; writes.len()];
        let mut kept = Vec::with_capacity(writes.len());
        for (at, write) in writes.into_iter().enumerate() {
            if write.ret < usize::MAX {
                number[at] = kept.len() as u32;
                kept.push(write);
            }
        }
        for read in &mut reads {
            read.write = number[read.write as usize];
        }
        Ok(Register { writes: kept, reads })
    }

    /// For each read the write that first had certainly overwritten what it found, if that was before
    /// the read began.
    pub(super) fn overwritten_by(&self) -> Vec<Option<u32>> {
        // Of the writes from each on, in the order of invocation, the one that returned first.
        let mut earliest: Vec<u32> = (0..self.writes.len() as u32).collect();
        for at in (0..self.writes.len().saturating_sub(1)).rev() {
            let later = earliest[at + 1];
            if self.writes[later as usize].ret < self.writes[at].ret {
                earliest[at] = later;
            }
        }
        let by = |read: &Read| {
            let found = self.writes[read.write as usize].ret;
            let next = self.writes.partition_point(|write| write.call <= found);
            let by = *earliest.get(next)?;
            (self.writes[by as usize].ret < read.call).then_some(by)
        };
        self.reads.iter().map(by).collect()
    }

    /// How many writes lie, for certain, between each read and the one that it found.
    pub(super) fn writes_between(&self) -> Vec<usize> {
        // Writes by when they returned; from the last one found back, those invoked later are counted.
        let mut by_ret: Vec<u32> = (0..self.writes.len() as u32).collect();
        by_ret.sort_unstable_by_key(|&at| self.writes[at as usize].ret);
        let mut rank = vec![0; self.writes.len()];
        for (at, &write) in by_ret.iter().enumerate() {
            rank[write as usize] = at;
        }
        let mut reads: Vec<usize> = (0..self.reads.len()).collect();
        let found = |at: &usize| self.writes[self.reads[*at].write as usize].ret;
        reads.sort_unstable_by_key(|at| std::cmp::Reverse(found(at)));
        let mut tree = vec![0_usize; self.writes.len() + 1];
        let mut counted = self.writes.len();
        let mut between = vec![0; self.reads.len()];
        for at in reads {
            while counted > 0 && self.writes[counted - 1].call > found(&at) {
                counted -= 1;
                let mut node = rank[counted] + 1;
                while node < tree.len() {
                    tree[node] += 1;
                    node += node & node.wrapping_neg();
                }
            }
            let begun = self.reads[at].call;
            let mut node = by_ret.partition_point(|&write| self.writes[write as usize].ret < begun);
            while node > 0 {
                between[at] += tree[node];
                node &= node - 1;
            }
        }
        between
    }
}

/// By how many ns the value that a read found had been overwritten when it began.
pub(super) fn stale_for(history: &History, read: &Read, overwritten: &Write) -> u64 {
    let time = |place: usize| history.get(position(place)).map_or(0, |event| event.time);
    time(read.call).saturating_sub(time(overwritten.ret))
}
