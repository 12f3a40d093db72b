//! Durability: what was acknowledged is there at the end, or something written later.
//!
//! Operations on one register are `write x` (nil deletes), `read` and `final-read`, answered with
//! the value; for several registers lift it (`per-key-durability`). The final reads are the answered
//! `final-read`s, or in a history without them the answered `read`s that began after every write had begun and
//! every answered one had been answered. Judged are the one that was invoked last and those
//! that overlap it: what one of them answers was there.
//!
//! A value may be read if some write of it did not fail and no acknowledged write came wholly
//! between that write and the read; nil also if nothing was acknowledged before. Otherwise the
//! latest acknowledged write is **lost**; a value that nobody wrote is **never-written**, one
//! whose writes all failed an **aborted-read**.

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{Numbering, Pace, Undecided, judged, only, timed};
use crate::checker::{Budget, Checker};
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::tape::ValueRef;
use crate::verdict::Judgement;

const ALGORITHM: &str = "durability";

/// Judges that acknowledged writes survive.
#[derive(Clone, Copy, Debug, Default)]
pub struct Durability;

#[derive(Clone, Copy, Default)]
struct Written {
    /// Of the write with the latest end: its invocation and its end, infinite if unanswered.
    latest: Option<(usize, usize)>,
    failed: Option<usize>,
}

impl Checker for Durability {
    fn name(&self) -> &str {
        "durability"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a durable register", &["write", "read", "final-read"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

impl Durability {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        timed(history)?;
        let mut pace = Pace::new(budget);
        let has_final = history.operations().any(|operation| operation.invocation.f == "final-read");
        let mut quiet_from = 0;
        for operation in history.operations().filter(|operation| operation.invocation.f == "write") {
            if operation.fate() != Fate::Fail {
                quiet_from = quiet_from.max(operation.ret().unwrap_or(operation.call));
            }
        }
        let wanted = if has_final { "final-read" } else { "read" };
        let mut reads: Vec<(usize, usize)> = history
            .operations()
            .filter(|operation| operation.invocation.f == wanted && operation.fate() == Fate::Ok)
            .filter(|operation| has_final || operation.call >= quiet_from)
            .filter_map(|operation| Some((operation.call, operation.ret()?)))
            .collect();
        let Some(&(last_call, last_ret)) = reads.last() else {
            return Ok(Judgement::unknown(
                ALGORITHM,
                "no read was answered after the last write; nobody looked",
            ));
        };
        reads.retain(|(_, ret)| *ret > last_call);
        let first_call = reads.iter().map(|(call, _)| *call).min().unwrap_or(last_call);
        let end = reads.iter().map(|(_, ret)| *ret).max().unwrap_or(last_ret);
        let mut numbering = Numbering::of(history);
        let mut written: Vec<Written> = Vec::new();
        // The acknowledged write before the reads that began last.
        let mut barrier: Option<(usize, usize)> = None;
        let mut acknowledged = 0_usize;
        for operation in history.operations().filter(|operation| operation.invocation.f == "write") {
            pace.did(1)?;
            let (call, value) = (operation.call, operation.invocation.value);
            let number = numbering.number(value);
            written.resize(numbering.len(), Written::default());
            let known = &mut written[number];
            let ret = match (operation.fate(), operation.ret()) {
                (Fate::Fail, _) => {
                    known.failed = known.failed.or(Some(call));
                    continue;
                }
                (Fate::Ok, Some(ret)) => ret,
                _ => usize::MAX,
            };
            if call < end && known.latest.is_none_or(|(_, latest)| ret > latest) {
                known.latest = Some((call, ret));
            }
            if ret != usize::MAX {
                acknowledged += 1;
                if ret < first_call {
                    // Operations come in the order of invocation.
                    barrier = Some((call, ret));
                }
            }
        }
        let mut findings = Findings::new(history);
        let of =
            |value: ValueRef<'_>| numbering.find(value).map(|number| written[number]).unwrap_or_default();
        let acceptable = |(_, ret): &(usize, usize)| {
            let value = history.event(*ret).value;
            let by_write = of(value).latest;
            by_write.is_some_and(|(_, ended)| barrier.is_none_or(|(call, _)| ended >= call))
                || (value.is_nil() && barrier.is_none())
        };
        if !reads.iter().any(acceptable) {
            let value = history.event(last_ret).value;
            let (shown, read) = (shorten(&value), history.origin(last_call));
            let known = of(value);
            let behind = barrier.filter(|_| value.is_nil() || known.latest.is_some());
            if let Some((call, answered)) = behind {
                let calls: Vec<usize> =
                    known.latest.into_iter().map(|(call, _)| call).chain([call, last_call]).collect();
                let lost = history.event(call).value;
                findings.add("lost", &calls, || {
                    format!(
                        "{} was written, answered at event {}, but the final read at event {read} has {shown}",
                        shorten(&lost),
                        history.origin(answered)
                    )
                });
            } else if let Some(failed) = known.failed {
                findings.add("aborted-read", &[failed, last_call], || {
                    format!("the final read at event {read} has {shown}, whose write failed")
                });
            } else {
                findings.add("never-written", &[last_call], || {
                    format!("the final read at event {read} has {shown}, which nobody wrote")
                });
            }
        }
        let judgement = findings.conclude(ALGORITHM, || {
            let reason =
                barrier.is_none().then(|| "no write was acknowledged before the final read".to_owned());
            valid_unless(ALGORITHM, reason)
        });
        Ok(judgement.with("acknowledged_count", acknowledged).with("final_read_count", reads.len()))
    }
}
