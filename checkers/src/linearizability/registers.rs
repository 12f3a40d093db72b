//! Histories of registers, straight from the tape into the columns of the [zones
//! test](super::special::register), without a typed call for each operation.
//!
//! It understands what the models `register`, `cas-register` and their `per-key` forms understand, as
//! long as it is written in the usual way. Whatever is unusual, or wrong, is left to the models, which
//! accept it or say what is wrong with it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::rounds::map;
use super::special::register::{Act, INITIAL, RegisterOp};
use super::special::{NEVER, Span};
use crate::event::{EventRef, EventType};
use crate::hash::FastHash;
use crate::history::History;
use crate::model::RegisterFamily;
use crate::models::FailedCas;
use crate::tape::ValueRef;

/// Below this many events a thread costs more than it gains.
const WORTH_A_THREAD: usize = 20_000;
/// Integers as keys below this are found in a table.
const NEAR_KEYS: i64 = 1 << 20;
/// Marks the name of a value that is not a small integer.
const NAMED: u64 = 1 << 63;
/// The largest integer that is its own name, but for one.
const LARGEST_PLAIN: i64 = i64::MAX - 1;

/// A history as operations on registers.
pub(super) struct Registers<'h> {
    /// The registers, in the order in which they are first used.
    pub(super) registers: Vec<OneRegister<'h>>,
    /// Whether some client operation was answered with ok.
    pub(super) answered: bool,
    /// Whether some operation found something.
    pub(super) observed: bool,
}

/// The operations on one register, in pieces.
pub(super) struct OneRegister<'h> {
    /// Its key; `None` where there is one register.
    pub(super) key: Option<ValueRef<'h>>,
    pieces: Mutex<Vec<Vec<RegisterOp>>>,
    /// How many operations.
    pub(super) operations: usize,
}

impl OneRegister<'_> {
    /// The operations in the order of their invocations; they can be taken once.
    pub(super) fn take(&self) -> Vec<RegisterOp> {
        let mut pieces =
            std::mem::take(&mut *self.pieces.lock().unwrap_or_else(PoisonError::into_inner)).into_iter();
        let mut all = pieces.next().unwrap_or_default();
        for mut piece in pieces {
            all.append(&mut piece);
        }
        all
    }
}

/// What one thread made of a part of the events.
struct Part<'h> {
    keys: Vec<ValueRef<'h>>,
    ops: Vec<Vec<RegisterOp>>,
    answered: bool,
    observed: bool,
    /// Some values are no small integers: their names mean nothing in another part.
    named: bool,
}

/// The history as registers; `None` if anything in it is unusual.
pub(super) fn decode(history: &History, family: RegisterFamily, threads: usize) -> Option<Registers<'_>> {
    if history.completions_only() {
        return None;
    }
    let decoder = Decoder {
        history,
        family,
        read: history.f_number("read"),
        write: history.f_number("write"),
        cas: history.f_number("cas").filter(|_| family.cas.is_some()),
    };
    let threads = threads.min(history.len() / WORTH_A_THREAD).max(1);
    let range = |at: usize| history.len() * at / threads..history.len() * (at + 1) / threads;
    let parts: Vec<Option<Part<'_>>> = map(threads, threads, |at| decoder.part(range(at)));
    let parts: Option<Vec<Part<'_>>> = parts.into_iter().collect();
    let mut parts = parts?;
    if parts.len() > 1 && parts.iter().any(|part| part.named) {
        parts = vec![decoder.part(0..history.len())?];
    }
    Some(merge(parts, family.keyed))
}

fn merge(parts: Vec<Part<'_>>, keyed: bool) -> Registers<'_> {
    let mut all = Registers { registers: Vec::new(), answered: false, observed: false };
    let mut table = Keys::default();
    for part in parts {
        all.answered |= part.answered;
        all.observed |= part.observed;
        for (key, ops) in part.keys.into_iter().zip(part.ops) {
            let at = table.number(key) as usize;
            if at == all.registers.len() {
                let pieces = Mutex::new(Vec::new());
                all.registers.push(OneRegister { key: keyed.then_some(key), pieces, operations: 0 });
            }
            let register = &mut all.registers[at];
            register.operations += ops.len();
            register.pieces.get_mut().unwrap_or_else(PoisonError::into_inner).push(ops);
        }
    }
    all
}

/// Numbers for keys, in the order of their first use.
#[derive(Default)]
struct Keys<'h> {
    near: Vec<u32>,
    far: HashMap<&'h [u8], u32, FastHash>,
    count: u32,
}

impl<'h> Keys<'h> {
    fn number(&mut self, key: ValueRef<'h>) -> u32 {
        let new = self.count;
        let number = match key.as_int() {
            Some(n @ 0..NEAR_KEYS) => {
                let n = n as usize;
                if self.near.len() <= n {
                    self.near.resize(n + 1, NEVER);
                }
                if self.near[n] == NEVER {
                    self.near[n] = new;
                }
                self.near[n]
            }
            _ => *self.far.entry(key.as_bytes()).or_insert(new),
        };
        self.count += u32::from(number == new);
        number
    }
}

/// Names for values: equal names mean equal values.
#[derive(Default)]
struct ValueNames<'h>(HashMap<&'h [u8], u64, FastHash>);

impl<'h> ValueNames<'h> {
    fn name(&mut self, value: ValueRef<'h>) -> u64 {
        if value.is_nil() {
            return INITIAL;
        }
        match value.as_int() {
            Some(n @ 0..=LARGEST_PLAIN) => n as u64 + 1,
            _ => {
                let new = NAMED | self.0.len() as u64;
                *self.0.entry(value.as_bytes()).or_insert(new)
            }
        }
    }
}

struct Decoder<'h> {
    history: &'h History,
    family: RegisterFamily,
    read: Option<u16>,
    write: Option<u16>,
    cas: Option<u16>,
}

impl<'h> Decoder<'h> {
    /// The operations that are invoked in a range of the events; `None` if anything is unusual.
    fn part(&self, range: Range<usize>) -> Option<Part<'h>> {
        let mut part =
            Part { keys: Vec::new(), ops: Vec::new(), answered: false, observed: false, named: false };
        let mut keys = Keys::default();
        let mut names = ValueNames::default();
        let room = if self.family.keyed { 0 } else { range.len() / 2 + 1 };
        for call in range {
            let invocation = self.history.event(call);
            if invocation.event_type != EventType::Invoke || invocation.process.is_nemesis() {
                continue;
            }
            let completion = self.history.partner(call).map(|at| (at, self.history.event(at)));
            part.answered |= completion.is_some_and(|(_, event)| event.event_type == EventType::Ok);
            let key = if self.family.keyed { invocation.value.as_pair()?.0 } else { ValueRef::NIL };
            let Some(op) = self.operation(call, invocation, completion, &mut names)? else { continue };
            part.observed |= op.span.answered() && op.act != Act::Write;
            let at = keys.number(key) as usize;
            if at == part.ops.len() {
                part.keys.push(key);
                part.ops.push(Vec::with_capacity(room));
            }
            part.ops[at].push(op);
        }
        part.named = !names.0.is_empty();
        Some(part)
    }

    /// One operation: `None` if it is unusual, `Some(None)` if it says nothing.
    #[inline]
    fn operation(
        &self,
        call: usize,
        invocation: EventRef<'h>,
        completion: Option<(usize, EventRef<'h>)>,
        names: &mut ValueNames<'h>,
    ) -> Option<Option<RegisterOp>> {
        let (fate, ret) = match completion {
            Some((at, event)) if event.event_type == EventType::Ok => (EventType::Ok, at as u32),
            Some((at, event)) if event.event_type == EventType::Fail => (EventType::Fail, at as u32),
            _ => (EventType::Info, NEVER),
        };
        let result = completion.map_or(ValueRef::NIL, |(_, event)| event.value);
        let argument = if self.family.keyed { invocation.value.as_pair()?.1 } else { invocation.value };
        let span = Span { call: call as u32, ret };
        let f = Some(invocation.f_number);
        if f == self.read {
            if !argument.is_nil() {
                return None;
            }
            if fate != EventType::Ok {
                return Some(None);
            }
            let found = if self.family.keyed {
                let (key, found) = result.as_pair()?;
                (key == invocation.value.as_pair()?.0).then_some(found)?
            } else {
                result
            };
            return Some(Some(RegisterOp { span, act: Act::Read, value: names.name(found), from: INITIAL }));
        }
        // Some systems answer a change with nothing.
        if fate == EventType::Ok && !result.is_nil() && result != invocation.value {
            return None;
        }
        if f == self.write {
            let write = || RegisterOp { span, act: Act::Write, value: names.name(argument), from: INITIAL };
            return Some((fate != EventType::Fail).then(write));
        }
        if f == self.cas {
            let (from, to) = argument.as_pair()?;
            if !self.family.keyed && (from.as_list().is_some() || to.as_list().is_some()) {
                return None;
            }
            let act = match (fate, self.family.cas?) {
                (EventType::Fail, FailedCas::SaysNothing) => return Some(None),
                (EventType::Fail, FailedCas::SawOtherValue) => Act::FailedCas,
                _ => Act::Cas,
            };
            return Some(Some(RegisterOp { span, act, value: names.name(to), from: names.name(from) }));
        }
        None
    }
}
