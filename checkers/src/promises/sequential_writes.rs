//! The writes of one client become visible in their order.
//!
//! After CockroachDB's `sequential` test. `write k` inserts the rows k₀ … kₙ in this order, in a
//! transaction each; `read k` asks for them in the opposite order, kₙ first, and answers
//! `[k, [row or nil, …]]` in the order in which it asked. Once a row was found, those asked for
//! later were written earlier and must be there too: a nil behind a row is **out-of-order**.

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{Pace, Undecided, judged, misshapen, only};
use crate::checker::{Budget, Checker};
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::verdict::Judgement;

const ALGORITHM: &str = "sequential-writes";

/// Judges the order in which a client's writes are seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct SequentialWrites;

impl Checker for SequentialWrites {
    fn name(&self) -> &str {
        "sequential-writes"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a table of rows in sequence", &["write", "read"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

impl SequentialWrites {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        let mut pace = Pace::new(budget);
        let mut findings = Findings::new(history);
        let (mut none, mut some, mut all) = (0_usize, 0_usize, 0_usize);
        for operation in history.operations().filter(|operation| operation.invocation.f == "read") {
            let (Fate::Ok, Some(ret)) = (operation.fate(), operation.ret()) else { continue };
            let bad = || misshapen(history, ret, "the answer [key, rows, the last written first]");
            let (key, rows) = operation
                .completion
                .and_then(|(_, event)| event.value.as_pair())
                .and_then(|(key, rows)| Some((key, rows.as_list()?)))
                .ok_or_else(bad)?;
            pace.did(rows.len() + 1)?;
            let count = rows.len();
            let found = rows.clone().filter(|row| !row.is_nil()).count();
            match found {
                0 => none += 1,
                n if n == count => all += 1,
                _ => some += 1,
            }
            let first_found = rows.clone().position(|row| !row.is_nil()).unwrap_or(count);
            let gap = rows.skip(first_found).position(|row| row.is_nil()).map(|at| at + first_found);
            if let Some(gap) = gap {
                findings.add("out-of-order", &[operation.call], || {
                    format!(
                        "the read answered at event {} finds row {} of the key {}, but not row {}, which was written before it",
                        history.origin(ret),
                        count - 1 - first_found,
                        shorten(&key),
                        count - 1 - gap
                    )
                });
            }
        }
        let bad = findings.count("out-of-order");
        let judgement = findings.conclude(ALGORITHM, || {
            let reason = if none + some + all == 0 {
                Some("no read was answered with ok")
            } else if some + all == 0 {
                Some("no read found any row")
            } else {
                None
            };
            valid_unless(ALGORITHM, reason.map(str::to_owned))
        });
        let judgement = judgement.with("none_count", none).with("some_count", some);
        Ok(judgement.with("all_count", all).with("bad_count", bad))
    }
}
