//! Values that transactions derive from the largest so far go up with the database's timestamps.
//!
//! After CockroachDB's `monotonic` test. `add` inserts a row whose value is one more than the
//! largest there is, with the timestamp of its transaction, and is answered with the row: a map
//! with `val`, `sts` and perhaps `proc` (or `process`) and `node`. `read` is answered with all rows in the order of
//! `sts`. Rows may also be plain integers: then only their values are judged.
//!
//! Judged are the answered read that was invoked last and those that overlap it.
//!
//! | problem | meaning |
//! |---|---|
//! | `timestamp-order` | a row's timestamp is smaller than that of the row before it |
//! | `value-order` | a row's value is not larger than that of the row before it (of the same process, unless [`Monotonic::global`]) |
//! | `duplicated` | a value stands in one read twice |
//! | `lost` | a row whose add was answered before the read began is not there |
//! | `revived` | a row is there whose add failed, and no other add that had begun may have made it |
//!
//! An add without an answer may have made any row, unless it says which it asked for.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{NONE, Numbering, Pace, Undecided, elements, field, judged, misshapen, only, timed};
use crate::checker::{Budget, Checker};
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::tape::ValueRef;
use crate::verdict::Judgement;

const ALGORITHM: &str = "monotonic";

/// Judges that values and timestamps have one order.
#[derive(Clone, Copy, Debug)]
pub struct Monotonic {
    /// Whether values must go up over all processes, or only within each.
    pub global: bool,
}

impl Default for Monotonic {
    fn default() -> Self {
        Monotonic { global: true }
    }
}

impl Checker for Monotonic {
    fn name(&self) -> &str {
        "monotonic"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a table of rising values", &["add", "read"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

/// What of a row is judged.
#[derive(Clone, Copy)]
struct Row<'h> {
    value: ValueRef<'h>,
    stamp: Option<ValueRef<'h>>,
    process: Option<ValueRef<'h>>,
}

fn row(value: ValueRef<'_>) -> Option<Row<'_>> {
    if value.as_int().is_some() {
        return Some(Row { value, stamp: None, process: None });
    }
    let stamp = field(value, "sts").or_else(|| field(value, "ts"));
    let process = field(value, "proc").or_else(|| field(value, "process"));
    Some(Row { value: field(value, "val").filter(|value| value.as_int().is_some())?, stamp, process })
}

/// Compares timestamps: integers, or text with digits and perhaps a fraction, of any length.
fn compare(one: ValueRef<'_>, other: ValueRef<'_>) -> Option<Ordering> {
    if let (Some(one), Some(other)) = (one.as_int(), other.as_int()) {
        return Some(one.cmp(&other));
    }
    fn parts(text: &str) -> Option<(&str, &str)> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        (digits && !whole.is_empty()).then(|| (whole.trim_start_matches('0'), fraction.trim_end_matches('0')))
    }
    let text = |value: ValueRef<'_>| match value.as_str() {
        Some(text) => Some(text.to_owned()),
        None => value.as_int().map(|n| n.to_string()),
    };
    let (one, other) = (text(one)?, text(other)?);
    let ((one, one_fraction), (other, other_fraction)) = (parts(&one)?, parts(&other)?);
    Some(one.len().cmp(&other.len()).then(one.cmp(other)).then(one_fraction.cmp(other_fraction)))
}

#[derive(Clone, Copy)]
struct Added {
    /// The add that was answered first.
    call: u32,
    answered: u32,
    /// The first add that failed, and the first that did not.
    failed: u32,
    attempt: u32,
    met: u32,
}

impl Monotonic {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        timed(history)?;
        let mut pace = Pace::new(budget);
        let mut numbering = Numbering::of(history);
        let mut rows: Vec<Added> = Vec::new();
        let none = Added { call: NONE, answered: NONE, failed: NONE, attempt: NONE, met: NONE };
        // The first add that did not fail and that says nothing of its row.
        let mut untold = usize::MAX;
        let mut reads = Vec::new();
        for operation in history.operations() {
            pace.did(1)?;
            let fate = operation.fate();
            if operation.invocation.f == "read" {
                if let (Fate::Ok, Some(ret)) = (fate, operation.ret()) {
                    reads.push((operation.call, ret));
                }
                continue;
            }
            let call = operation.call;
            let told = operation.completion.filter(|(_, completion)| !completion.value.is_nil());
            let (at, shown) =
                told.map_or((call, operation.invocation.value), |(at, event)| (at, event.value));
            let value = match (row(shown), fate) {
                (Some(row), _) => row.value,
                (None, Fate::Ok) => return Err(misshapen(history, at, "a row with an integer `val`").into()),
                (None, Fate::Info) => {
                    untold = untold.min(call);
                    continue;
                }
                (None, Fate::Fail) => continue,
            };
            let number = numbering.number(value);
            rows.resize(numbering.len(), none);
            let row = &mut rows[number];
            let call = call as u32;
            match (fate, operation.ret()) {
                (Fate::Fail, _) => row.failed = row.failed.min(call),
                (fate, ret) => {
                    row.attempt = row.attempt.min(call);
                    let answered = ret.filter(|_| fate == Fate::Ok).map_or(NONE, |ret| ret as u32);
                    if answered < row.answered {
                        (row.call, row.answered) = (call, answered);
                    }
                }
            }
        }
        let Some(&(last_call, _)) = reads.last() else {
            return Ok(Judgement::unknown(
                ALGORITHM,
                "no read was answered with ok; nobody looked at the rows",
            ));
        };
        reads.retain(|(_, ret)| *ret > last_call);
        let mut findings = Findings::new(history);
        let mut length = 0;
        for (turn, (call, ret)) in reads.iter().enumerate() {
            let read = history.origin(*call);
            let calls = [*call];
            let mut before: Option<Row<'_>> = None;
            let mut of_process: HashMap<&[u8], Row<'_>, FastHash> = HashMap::default();
            for item in elements(history, *ret)? {
                pace.did(1)?;
                length += 1;
                let bad = || misshapen(history, *ret, "rows, each an integer or a map with an integer `val`");
                let this = row(item).ok_or_else(bad)?;
                let number = numbering.number(this.value);
                rows.resize(numbering.len(), none);
                let known = &mut rows[number];
                let value = || shorten(&this.value);
                if known.met == turn as u32 {
                    findings.add_about("duplicated", &calls, &[this.value], || {
                        format!("the read at event {read} has the value {} twice", value())
                    });
                } else if (known.failed as usize) < *ret && (known.attempt as usize).min(untold) > *ret {
                    findings.add_about("revived", &[known.failed as usize, *call], &[this.value], || {
                        format!("the read at event {read} has the value {}, whose add failed", value())
                    });
                }
                known.met = turn as u32;
                if let Some((stamp, previous)) = this.stamp.zip(before.and_then(|before| before.stamp)) {
                    match compare(previous, stamp) {
                        None => return Err(bad().into()),
                        Some(Ordering::Greater) => findings.add("timestamp-order", &calls, || {
                            format!(
                                "the read at event {read} has a row with timestamp {} behind one with {}",
                                shorten(&stamp),
                                shorten(&previous)
                            )
                        }),
                        _ => {}
                    }
                }
                let process = this.process.map_or(&[][..], |process| process.as_bytes());
                let compared = if self.global { before } else { of_process.insert(process, this) };
                if let Some(previous) =
                    compared.filter(|previous| previous.value.as_int() > this.value.as_int())
                {
                    let about = [previous.value, this.value];
                    findings.add_about("value-order", &calls, &about, || {
                        format!(
                            "the read at event {read} has the value {} behind {}, in the order of timestamps",
                            value(),
                            shorten(&previous.value)
                        )
                    });
                }
                before = Some(this);
            }
        }
        let mut unproved = 0;
        for (number, row) in
            rows.iter().enumerate().filter(|(_, row)| row.answered != NONE && row.met == NONE)
        {
            if row.answered > last_call as u32 {
                unproved += 1;
                continue;
            }
            let value = numbering.value(number);
            findings.add_about("lost", &[row.call as usize, last_call], &[value], || {
                format!(
                    "the value {} was added, answered at event {}, but the read at event {} lacks it",
                    shorten(&value),
                    history.origin(row.answered as usize),
                    history.origin(last_call)
                )
            });
        }
        let judgement = findings.conclude(ALGORITHM, || {
            let reason = if unproved > 0 {
                Some(format!(
                    "the last read began before {unproved} adds were answered; nobody looked for their rows"
                ))
            } else if length == 0 {
                Some("the last read has no rows, and no add was answered".to_owned())
            } else {
                None
            };
            valid_unless(ALGORITHM, reason)
        });
        Ok(judgement
            .with("row_count", length)
            .with("added_count", rows.iter().filter(|row| row.answered != NONE).count()))
    }
}
