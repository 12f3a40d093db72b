//! What can be known beforehand of a register's writes and cas without an answer.
//!
//! Both rules are exact: they change no verdict. They matter because an operation that may act at
//! any time is a candidate at every later step of a search.
//!
//! **Nobody looks.** Let X be an unanswered write or cas that leaves `v`, where no answered read
//! returned `v`, and no other cas, answered or not, expects `v`. Take any execution in which X
//! takes effect. Until the next write or successful cas, the register holds `v`, and there is no
//! read in between, since it would have returned `v`; nor is the next change a cas, since that
//! would have expected `v`. So X can be left out of the execution. Left-out cas expect nothing
//! any more, which may set free others. The rule breaks down when a failed cas is taken for an
//! observation of *another* value than the one it expected: `v` may be that value. Then nothing
//! is left out.
//!
//! **Somebody looked.** Let `v` not be the first value, and X the only operation that can leave
//! `v`. If an answered read returned `v`, or a cas that certainly took effect expected it, X took
//! effect before that operation returned. A cas X known to have taken effect expected a value
//! itself, and so on.
//!
//! (Gibbons and Korach 1997 decide whole histories of unique values along such lines; with
//! repeated values the first rule holds as it stands, the second does not apply.)

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::hash::FastHash;
use crate::model::{Blindness, Call, Effect};
use crate::models::register::{RegisterInput, RegisterOutput, is_read_only};

type RegisterCall<V> = Call<RegisterInput<V>, RegisterOutput<V>>;

/// Leaves out unanswered operations that nobody can have noticed, and gives a `ret` to those that
/// somebody did.
pub(crate) fn settle<V: Clone + Eq + Hash>(initial: &V, calls: &mut Vec<RegisterCall<V>>) {
    // Reads without an answer say nothing; a cas from v to v without an answer does nothing.
    calls.retain(|call| call.ret.is_some() || !is_read_only(&call.input, call.output.as_ref()));
    if calls.iter().all(|call| call.ret.is_some()) {
        return;
    }
    leave_out_unnoticed(calls);
    date_noticed(initial, calls);
}

/// Values that at most one operation leaves, or for the first value none: once the register holds
/// another value, it never holds them again. With each the last invocation of a call that finds it.
pub(crate) fn last_needs<V: Clone + Eq + Hash>(initial: &V, calls: &[RegisterCall<V>]) -> Vec<(V, usize)> {
    let mut needs: HashMap<&V, usize, FastHash> = HashMap::default();
    for call in calls.iter().filter(|call| call.ret.is_some()) {
        if let Some(value) = finds(call) {
            let last = needs.entry(value).or_default();
            *last = call.call.max(*last);
        }
    }
    let mut makers: HashMap<&V, usize, FastHash> = HashMap::default();
    makers.insert(initial, 1);
    for value in calls.iter().filter_map(leaves) {
        *makers.entry(value).or_default() += 1;
    }
    let once = needs.into_iter().filter(|(value, _)| makers.get(value).is_some_and(|&n| n <= 1));
    once.map(|(value, last)| (value.clone(), last)).collect()
}

/// Writes are blind, and idle if nobody can find their value.
pub(crate) fn blind_and_idle<V: Clone + Eq + Hash>(calls: &[RegisterCall<V>]) -> Vec<Blindness> {
    // A failed cas that counts finds any value but one.
    let all_noticed = calls.iter().any(|call| call.output == Some(RegisterOutput::Mismatch));
    let found: HashSet<&V, FastHash> = calls.iter().filter_map(finds).collect();
    let blindness = |call: &RegisterCall<V>| match &call.input {
        RegisterInput::Write(value) if all_noticed || found.contains(value) => Blindness::Blind,
        RegisterInput::Write(_) => Blindness::Idle,
        _ => Blindness::Sees,
    };
    calls.iter().map(blindness).collect()
}

/// See [`Model::effect`](crate::model::Model::effect).
pub(crate) fn effect<V: Clone + Eq>(
    input: &RegisterInput<V>,
    output: Option<&RegisterOutput<V>>,
) -> Effect<V> {
    match input {
        _ if is_read_only(input, output) => Effect::Nothing,
        RegisterInput::Write(value) | RegisterInput::Cas { to: value, .. } => Effect::Replaces(value.clone()),
        RegisterInput::Read => Effect::Nothing,
    }
}

/// See [`Model::tells_of`](crate::model::Model::tells_of).
pub(crate) fn tells_of<V: Clone>(
    input: &RegisterInput<V>,
    output: Option<&RegisterOutput<V>>,
    told: &mut Vec<V>,
) {
    match (input, output) {
        (RegisterInput::Cas { from: value, .. }, _)
        | (RegisterInput::Read, Some(RegisterOutput::Holds(value))) => told.push(value.clone()),
        _ => {}
    }
}

/// The value that the operation leaves if it takes effect; `None` if it changes nothing.
fn leaves<V: Eq>(call: &RegisterCall<V>) -> Option<&V> {
    if is_read_only(&call.input, call.output.as_ref()) {
        return None;
    }
    match &call.input {
        RegisterInput::Write(value) => Some(value),
        RegisterInput::Cas { to, .. } => Some(to),
        RegisterInput::Read => None,
    }
}

/// The value that the operation finds if it takes effect.
fn finds<V: Eq>(call: &RegisterCall<V>) -> Option<&V> {
    match (&call.input, &call.output) {
        (RegisterInput::Read, Some(RegisterOutput::Holds(value))) => Some(value),
        (RegisterInput::Cas { .. }, Some(RegisterOutput::Mismatch)) => None,
        (RegisterInput::Cas { from, .. }, _) => Some(from),
        _ => None,
    }
}

fn leave_out_unnoticed<V: Clone + Eq + Hash>(calls: &mut Vec<RegisterCall<V>>) {
    if calls.iter().any(|call| call.output == Some(RegisterOutput::Mismatch)) {
        return;
    }
    let mut looks: HashMap<&V, usize, FastHash> = HashMap::default();
    for value in calls.iter().filter_map(finds) {
        *looks.entry(value).or_default() += 1;
    }
    let mut open: Vec<usize> = (0..calls.len()).filter(|&at| calls[at].ret.is_none()).collect();
    let mut left_out = vec![false; calls.len()];
    loop {
        let before = open.len();
        open.retain(|&at| {
            let noticed = leaves(&calls[at]).is_some_and(|v| looks.get(v).is_some_and(|&n| n > 0));
            if !noticed {
                left_out[at] = true;
                if let Some(count) = finds(&calls[at]).and_then(|v| looks.get_mut(v)) {
                    *count -= 1;
                }
            }
            noticed
        });
        if open.len() == before {
            break;
        }
    }
    let mut at = 0;
    calls.retain(|_| {
        at += 1;
        !left_out[at - 1]
    });
}

fn date_noticed<V: Clone + Eq + Hash>(initial: &V, calls: &mut [RegisterCall<V>]) {
    // For each value the only operation that leaves it, or None if there are several.
    let mut makers: HashMap<V, Option<usize>, FastHash> = HashMap::default();
    for (at, call) in calls.iter().enumerate() {
        if let Some(value) = leaves(call) {
            makers.entry(value.clone()).and_modify(|maker| *maker = None).or_insert(Some(at));
        }
    }
    let certain = calls.iter().filter(|call| call.ret.is_some());
    let mut seen: Vec<(V, usize)> =
        certain.filter_map(|call| Some((finds(call)?.clone(), call.ret?))).collect();
    // The earliest first, so that few dates are corrected.
    seen.sort_by_key(|(_, by)| std::cmp::Reverse(*by));
    while let Some((value, by)) = seen.pop() {
        let Some(&Some(maker)) = makers.get(&value) else { continue };
        let call = &mut calls[maker];
        // One that was answered has its own date. One invoked after it was seen is a violation,
        // which the search will find and explain.
        if value == *initial
            || call.output.is_some()
            || call.call > by
            || call.ret.is_some_and(|ret| ret <= by)
        {
            continue;
        }
        call.ret = Some(by);
        seen.extend(finds(&calls[maker]).cloned().map(|from| (from, by)));
    }
}
