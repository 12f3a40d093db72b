//! Causal reverse: a write is seen without another one that had ended before it began.
//!
//! After Jepsen's `tests/causal-reverse` and CockroachDB's `comments`, which are one check: strict
//! serializability forbids it, serializability alone does not. Operations are `write x`, each x once, and `read`,
//! answered with all that was written so far.
//!
//! What a read that sees x must see is what was acknowledged before the write of x began. Of all
//! the writes that a read sees, the one that began last demands the most, and the demands of the
//! others are parts of its own. So a read is right if it has as many of the first n acknowledged
//! writes as there are: O(n log n) for all writes, then linear in the size of the reads, where
//! Jepsen builds a set for each write.
//!
//! | problem | meaning |
//! |---|---|
//! | `causal-reverse` | a read sees a write, and not one that was acknowledged before that began |
//! | `aborted-read` | a read sees a write that failed |
//!
//! Elements that nobody wrote are counted and break nothing: the table may not have been empty.

use std::collections::HashSet;

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{NONE, Numbering, Pace, Undecided, elements, judged, only, timed};
use crate::checker::{Budget, Checker};
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::verdict::Judgement;

/// Judges the order in which writes become visible.
#[derive(Clone, Copy, Debug)]
pub struct CausalReverse {
    name: &'static str,
}

impl CausalReverse {
    /// Under Jepsen's name.
    pub const CAUSAL_REVERSE: CausalReverse = CausalReverse { name: "causal-reverse" };
    /// Under the name that CockroachDB's test and elle-cli give it.
    pub const COMMENTS: CausalReverse = CausalReverse { name: "comments" };
}

impl Default for CausalReverse {
    fn default() -> Self {
        Self::CAUSAL_REVERSE
    }
}

#[derive(Clone, Copy)]
struct Write {
    /// The first write of the value that did not fail, and the first that did.
    call: u32,
    failed: u32,
    /// Its answer, and its place among the answers.
    ret: u32,
    rank: u32,
    /// The last read in which it was met, by number.
    met: u32,
}

impl Checker for CausalReverse {
    fn name(&self) -> &str {
        self.name
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a table of comments", &["write", "read"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(self.name, self.judge(history, budget))
    }
}

impl CausalReverse {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        timed(history)?;
        let mut pace = Pace::new(budget);
        let mut numbering = Numbering::of(history);
        let mut writes: Vec<Write> = Vec::new();
        let none = Write { call: NONE, failed: NONE, ret: NONE, rank: NONE, met: NONE };
        for operation in history.operations().filter(|operation| operation.invocation.f == "write") {
            let call = operation.call as u32;
            let number = numbering.number(operation.invocation.value);
            writes.resize(numbering.len(), none);
            let write = &mut writes[number];
            match (operation.fate(), operation.ret()) {
                (Fate::Fail, _) => write.failed = write.failed.min(call),
                (fate, ret) => {
                    // Of several writes of one value the first to begin demands the least, and
                    // the first to be answered is the first that can be demanded.
                    write.call = write.call.min(call);
                    if let (Fate::Ok, Some(ret)) = (fate, ret) {
                        write.ret = write.ret.min(ret as u32);
                    }
                }
            }
        }
        // Acknowledged writes in the order of their answers.
        let mut answered: Vec<u32> =
            (0..writes.len() as u32).filter(|number| writes[*number as usize].ret != NONE).collect();
        answered.sort_unstable_by_key(|number| writes[*number as usize].ret);
        let answers: Vec<u32> = answered.iter().map(|number| writes[*number as usize].ret).collect();
        for (rank, number) in answered.iter().enumerate() {
            writes[*number as usize].rank = rank as u32;
        }
        let mut findings = Findings::new(history);
        let (mut reads, mut demanding) = (0_usize, 0_usize);
        let mut foreign: HashSet<&[u8], FastHash> = HashSet::default();
        for operation in history.operations().filter(|operation| operation.invocation.f == "read") {
            let (Fate::Ok, Some(ret)) = (operation.fate(), operation.ret()) else { continue };
            let call = operation.call;
            let turn = reads as u32;
            reads += 1;
            let list = elements(history, ret)?;
            pace.did(list.len() + 1)?;
            let mut seen = Vec::with_capacity(list.len());
            for value in list {
                let Some(number) = numbering.find(value) else {
                    foreign.insert(value.as_bytes());
                    continue;
                };
                let write = &mut writes[number];
                if write.met == turn {
                    continue;
                }
                write.met = turn;
                if write.call == NONE {
                    let failed = write.failed as usize;
                    findings.add_about("aborted-read", &[failed, call], &[value], || {
                        let read = history.origin(call);
                        format!("the read at event {read} sees {}, whose write failed", shorten(&value))
                    });
                    continue;
                }
                seen.push(number);
            }
            // The write that began last demands all that was answered before it began.
            let Some(last) = seen.iter().copied().max_by_key(|number| writes[*number].call) else { continue };
            let demanded = answers.partition_point(|answer| *answer < writes[last].call);
            demanding += usize::from(demanded > 0);
            let have = seen.iter().filter(|number| (writes[**number].rank as usize) < demanded).count();
            if have == demanded {
                continue;
            }
            let missing = demanded - have;
            // Looking for the missing one costs as much as there are writes: only for what is told.
            let told = findings.count("causal-reverse") < super::findings::MAX_TOLD;
            let absent = |number: &&u32| told && writes[**number as usize].met != turn;
            let first = answered[..demanded].iter().find(absent).copied().unwrap_or(answered[0]) as usize;
            let (earlier, later) = (writes[first], writes[last]);
            let about = [numbering.value(last), numbering.value(first)];
            findings.add_about(
                "causal-reverse",
                &[earlier.call as usize, later.call as usize, call],
                &about,
                || {
                    let at = |position: u32| history.origin(position as usize);
                    let more = if missing > 1 { format!(" ({missing} are missing so)") } else { String::new() };
                    format!(
                        "the read at event {} sees {}, whose write began at event {}, but not {}, whose write was answered at event {}{more}",
                        history.origin(call),
                        shorten(&about[0]),
                        at(later.call),
                        shorten(&about[1]),
                        at(earlier.ret),
                    )
                },
            );
        }
        let judgement = findings.conclude(self.name, || {
            let reason = if reads == 0 {
                Some("no read was answered with ok")
            } else if demanding == 0 {
                Some("no read saw a write that began after another one had been answered")
            } else {
                None
            };
            valid_unless(self.name, reason.map(str::to_owned))
        });
        let judgement = judgement.with("read_count", reads).with("write_count", writes.len());
        Ok(judgement.with("foreign_count", foreign.len()))
    }
}
