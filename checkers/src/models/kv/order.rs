//! What the gets of a key say of the order of its appends.
//!
//! Let every put and append of text have an argument of its own, none of which begins another one,
//! and let there be no cas and no increment. What a get answers is then one argument after the other
//! in one way only, and each was written there by its one operation: from the last put, delete or
//! the beginning on, in that order. So of each append but the first the get says exactly what the key
//! held before it. And since an operation takes effect once, a text that was there does not come back
//! once it is left.

use std::collections::HashMap;

use super::{KvInput, KvOutput, KvValue};
use crate::hash::FastHash;
use crate::model::{Blindness, Call, Foresight};
use crate::models::text::Text;
use crate::value::Value;

type KvCall = Call<KvInput, KvOutput>;

/// What is known of each call.
struct Known {
    /// The only thing that the key can have held when it took effect.
    only_from: Vec<Option<KvValue>>,
    /// Whether what it wrote is part of what some get answered.
    seen: Vec<bool>,
}

/// `None` if nothing can be said.
fn known(calls: &[KvCall]) -> Option<Known> {
    let arguments = Arguments::new(calls)?;
    let mut only_from: Vec<Option<KvValue>> = vec![None; calls.len()];
    let mut seen = vec![false; calls.len()];
    // How far the last text was read: a get mostly answers what an earlier one did, and more.
    let mut known: &str = "";
    let mut built = Text::new("".into());
    for call in calls {
        let Some(KvOutput::Holds(KvValue::Text(text))) = &call.output else { continue };
        let text = text.as_str()?;
        if !text.starts_with(known) {
            (known, built) = ("", Text::new("".into()));
        }
        let mut at = known.len();
        while at < text.len() {
            // Not made of what was written: the search will say so.
            let Some((length, writer, argument)) = arguments.at(&text[at..]) else { break };
            seen[writer] = true;
            if at > 0 && matches!(calls[writer].input, KvInput::Append(_)) && only_from[writer].is_none() {
                only_from[writer] = Some(KvValue::Text(built.clone()));
            }
            built = built.and(argument);
            at += length;
        }
        known = &text[..at];
    }
    Some(Known { only_from, seen })
}

/// A get that was answered what nobody can have written by then, whatever the order: a thing that is neither
/// text nor made by increments and that no put or cas before its end leaves; or a text that is not made of
/// arguments, where it can only be.
pub(super) fn made_up(calls: &[KvCall]) -> Option<&KvCall> {
    let mut left: HashMap<&KvValue, usize, FastHash> = HashMap::default();
    let mut increments = false;
    for call in calls {
        match &call.input {
            KvInput::Put(value) | KvInput::Cas { to: value, .. } => {
                let first = left.entry(value).or_insert(call.call);
                *first = call.call.min(*first);
            }
            KvInput::Increment(_) => increments = true,
            _ => {}
        }
    }
    let arguments = Arguments::new(calls);
    let made_of_arguments = |text: &str| {
        let Some(arguments) = &arguments else { return true };
        let mut at = 0;
        while at < text.len() {
            let Some((length, ..)) = arguments.at(&text[at..]) else { return false };
            at += length;
        }
        true
    };
    let mut known = "";
    calls.iter().find(|call| match (&call.output, call.ret) {
        (Some(KvOutput::Holds(KvValue::Other(Value::Int(_)))), _) if increments => false,
        (Some(KvOutput::Holds(value @ KvValue::Other(_))), Some(ret)) => {
            left.get(value).is_none_or(|first| *first > ret)
        }
        (Some(KvOutput::Holds(KvValue::Text(text))), _) => {
            let Some(text) = text.as_str() else { return false };
            // A get mostly answers what an earlier one did, and more.
            let rest = text.strip_prefix(known).unwrap_or(text);
            let made = made_of_arguments(rest);
            if made {
                known = text;
            }
            !made
        }
        _ => false,
    })
}

/// See [`Model::foresight`](crate::model::Model::foresight).
pub(super) fn foresight(calls: &[KvCall]) -> Foresight<KvValue> {
    let Some(known) = known(calls) else {
        return Foresight {
            last_needs: Vec::new(),
            blindness: Vec::new(),
            only_from: Vec::new(),
            hopeless: None,
        };
    };
    Foresight {
        last_needs: last_needs(calls, &known),
        blindness: blind_and_idle(calls, &known),
        only_from: known.only_from,
        hopeless: None,
    }
}

/// Puts and deletes are blind, if no delete was told whether there was something. What is part of no answer is idle:
/// in the state after it, and after whatever is appended to it, only gets that answer it, and appends
/// that such gets show, could tell; there are none. That needs every append to be possible in every
/// state, so that the key must never hold anything but text.
fn blind_and_idle(calls: &[KvCall], known: &Known) -> Vec<Blindness> {
    let only_text = calls.iter().all(|call| !matches!(call.input, KvInput::Put(KvValue::Other(_))));
    let counted = calls.iter().any(|call| matches!(call.output, Some(KvOutput::Existed(_))));
    if !only_text || counted {
        return Vec::new();
    }
    let blindness = calls.iter().zip(&known.seen).map(|(call, seen)| match &call.input {
        KvInput::Put(KvValue::Text(_)) | KvInput::Append(_) if !seen => Blindness::Idle,
        KvInput::Put(_) | KvInput::Delete => Blindness::Blind,
        _ => Blindness::Sees,
    });
    blindness.collect()
}

/// Texts that cannot come back, with the latest invocation of a call that certainly takes effect and
/// needs the key to hold that text.
fn last_needs(calls: &[KvCall], known: &Known) -> Vec<(KvValue, usize)> {
    let mut needs: HashMap<&KvValue, usize, FastHash> = HashMap::default();
    for (call, before) in calls.iter().zip(&known.only_from) {
        let needed = match (&call.output, before) {
            (Some(KvOutput::Holds(value @ KvValue::Text(text))), _) if !text.is_empty() => value,
            (_, Some(before)) => before,
            _ => continue,
        };
        if call.ret.is_some() {
            let last = needs.entry(needed).or_default();
            *last = call.call.max(*last);
        }
    }
    needs.into_iter().map(|(value, last)| (value.clone(), last)).collect()
}

/// The arguments of puts and appends, sorted, with the number of the call and the text again.
struct Arguments<'c>(Vec<(&'c str, usize, &'c Text)>);

impl<'c> Arguments<'c> {
    /// `None` if they are not as the module says.
    fn new(calls: &'c [KvCall]) -> Option<Self> {
        let mut arguments = Vec::new();
        for (at, call) in calls.iter().enumerate() {
            match &call.input {
                KvInput::Put(KvValue::Text(text)) | KvInput::Append(text) => {
                    arguments.push((text.as_str().filter(|text| !text.is_empty())?, at, text));
                }
                KvInput::Cas { .. } | KvInput::Increment(_) => return None,
                KvInput::Get | KvInput::Delete | KvInput::Put(_) => {}
            }
        }
        arguments.sort_unstable_by_key(|&(text, at, _)| (text, at));
        // One that begins another one begins the next in this order.
        let apart = arguments.windows(2).all(|pair| !pair[1].0.starts_with(pair[0].0));
        apart.then_some(Arguments(arguments))
    }

    /// The argument with which `text` begins: the last one that is not greater, or none.
    fn at(&self, text: &str) -> Option<(usize, usize, &'c Text)> {
        let after = self.0.partition_point(|&(argument, ..)| argument <= text);
        let (argument, at, whole) = self.0[after.checked_sub(1)?];
        text.starts_with(argument).then_some((argument.len(), at, whole))
    }
}
