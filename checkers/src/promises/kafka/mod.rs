//! Partitioned logs, such as Kafka: what was sent is polled, once, in one order, without gaps.
//!
//! After Jepsen's `tests/kafka`. Operations are `send`, `poll` and `txn`, whose values are lists of
//! `["send", key, message]`, answered with `["send", key, [offset, message]]`, and `["poll"]`,
//! answered with `["poll", {key: [[offset, message], …]}]`; `assign` and `subscribe` with a list of keys; `crash`
//! and `debug-topic-partitions`, which say nothing. Messages are unique within a key. An operation with several parts is a
//! transaction.
//!
//! A message *certainly committed* if its send is `ok`, or if an `ok` poll has some message of its
//! transaction. The log of a key has the offsets of those, and all that anybody polled (pollers
//! are told only what is safe, whatever becomes of their own transaction). Gaps between known
//! offsets mean nothing, since markers of transactions take some; so distances are counted in known offsets.
//!
//! | problem | meaning |
//! |---|---|
//! | `inconsistent-offsets` | one offset has two messages |
//! | `duplicate` | one message has two offsets |
//! | `lost-write` | a message certainly committed, a later one was polled by somebody, and nobody polled it |
//! | `unseen` | it certainly committed, nobody polled it, nor a later one (only asked with [`Kafka::complete`]) |
//! | `G1a` | a poll has a message whose send failed |
//! | `never-sent` | a poll has a message that nobody sent |
//! | `precommitted-read` | a transaction polls what it sent itself |
//! | `int-poll-skip`, `int-nonmonotonic-poll` | within one operation a poll jumps over a message, or does not go forward |
//! | `poll-skip`, `nonmonotonic-poll` | the same between two operations of a process that stays assigned to the key |
//! | `int-send-skip`, `int-nonmonotonic-send` | within one operation, two sends to a key have others between them, or do not go forward |
//! | `nonmonotonic-send` | a process sends to a key at a smaller offset than before |
//! | `G1c`, `G1c-process`, `G1c-realtime` | transactions read from each other in a circle, alone, with the order of processes, or with real time |
//!
//! As in Jepsen `int-send-skip` is told and breaks nothing (transactions interleave), nor do
//! `poll-skip` and `nonmonotonic-poll` where consumers `subscribe`, since the system moves partitions among
//! them. G0 is not looked for: Kafka does not isolate writes.
//!
//! Unlike in Jepsen, `unseen` alone is no problem unless the history is said to be complete, but
//! `unknown`; and where consumers subscribe, a poll that was never answered may have taken what nobody else saw, so
//! `lost-write` is `unknown` too.

use super::findings::{Findings, MAX_TOLD, shorten, valid_unless};
use super::shape::{Undecided, judged, only, timed};
use crate::checker::{Budget, Checker};
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::verdict::Judgement;

mod cycles;
mod log;
mod order;

use log::{Log, Operations};

const ALGORITHM: &str = "kafka";
const FUNCTIONS: &[&str] = &["send", "poll", "txn", "assign", "subscribe", "crash", "debug-topic-partitions"];

/// Judges a partitioned log.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kafka {
    /// How consumers get their partitions; if absent, `subscribe` if the history has it.
    pub subscription: Option<Subscription>,
    /// The history ends with polls of everything, so that what nobody polled is not there.
    pub complete: bool,
}

/// How consumers get their partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// They choose them.
    Assign,
    /// The system distributes them, and may do so again at any time.
    Subscribe,
}

impl Checker for Kafka {
    fn name(&self) -> &str {
        "kafka"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a log", FUNCTIONS)
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

impl Kafka {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        timed(history)?;
        let operations = Operations::read(history, budget)?;
        let subscribes = match self.subscription {
            Some(subscription) => subscription == Subscription::Subscribe,
            None => history.operations().any(|operation| operation.invocation.f == "subscribe"),
        };
        let mut findings = Findings::new(history);
        let log = Log::build(history, &operations, &mut findings);
        let missing = self.missing(history, &operations, &log, subscribes, &mut findings);
        reads(history, &operations, &mut findings);
        order::within(history, &operations, &log, &mut findings);
        order::between(history, &operations, &log, &mut findings);
        cycles::find(history, &operations, &mut findings);
        let mut allowed = vec!["int-send-skip"];
        if subscribes {
            allowed.extend(["poll-skip", "nonmonotonic-poll"]);
        }
        let polled = operations.polls.len();
        let judgement = findings.conclude_allowing(ALGORITHM, &allowed, || {
            let reason = if operations.messages.is_empty() {
                Some("nothing was sent or polled".to_owned())
            } else if polled == 0 {
                Some("nothing was polled; nobody looked at the logs".to_owned())
            } else {
                missing.reason
            };
            valid_unless(ALGORITHM, reason)
        });
        let judgement =
            judgement.with("message_count", operations.messages.len()).with("polled_count", polled);
        let judgement = judgement.with("key_count", operations.keys.len());
        Ok(judgement.with("unseen_count", missing.unseen).with("maybe_lost_count", missing.maybe_lost))
    }

    /// Messages that certainly committed, and that nobody polled.
    fn missing(
        &self,
        history: &History,
        operations: &Operations<'_>,
        log: &Log,
        subscribes: bool,
        findings: &mut Findings<'_>,
    ) -> Missing {
        // The furthest that anybody polled of each key, and who.
        let mut furthest: Vec<Option<(u32, u32)>> = vec![None; operations.keys.len()];
        for operation in &operations.all {
            for poll in &operations.polls[operation.polls.clone()] {
                let rank = log.of[poll.message as usize].first;
                let bound = &mut furthest[poll.key as usize];
                if rank != super::shape::NONE && bound.is_none_or(|(furthest, _)| rank > furthest) {
                    *bound = Some((rank, operation.call));
                }
            }
        }
        let swallowed = subscribes && operations.all.iter().any(|operation| operation.swallowed);
        let (mut unseen, mut maybe_lost) = (0, 0);
        for (number, message) in operations.messages.iter().enumerate() {
            if message.polled || !log.committed[number] {
                continue;
            }
            let Some(writer) = message.writer else { continue };
            let shown = || shorten(&message.value);
            let key = || operations.keys[message.key as usize].to_string();
            let place = &log.of[number];
            let passed = furthest[message.key as usize]
                .filter(|(bound, _)| place.last != super::shape::NONE && place.last <= *bound);
            let shows = operations.shown(writer);
            let writer = operations.all[writer as usize].call as usize;
            let Some((_, reader)) = passed else {
                unseen += 1;
                if self.complete {
                    findings.add("unseen", &[writer], || {
                        let sent = history.origin(writer);
                        format!("{} was sent to the key {} by the operation at event {sent}, and nobody polled it", shown(), key())
                    });
                }
                continue;
            };
            if swallowed {
                maybe_lost += 1;
                continue;
            }
            let told = findings.count("lost-write") < MAX_TOLD;
            let calls: Vec<usize> = shows.take(if told { 2 } else { 0 }).chain([reader as usize]).collect();
            findings.add_about("lost-write", &calls, &[message.value], || {
                format!(
                    "{} was sent to the key {} by the operation at event {}, at offset {}; the operation at event {} polled a later offset, and nobody polled this one",
                    shown(),
                    key(),
                    history.origin(writer),
                    place.offset,
                    history.origin(reader as usize)
                )
            });
        }
        let reason = if maybe_lost > 0 {
            Some(format!(
                "{maybe_lost} messages were passed over by everybody, but polls without an answer may have had them"
            ))
        } else if unseen > 0 && !self.complete {
            Some(format!("{unseen} acknowledged messages were never polled, and nobody polled as far"))
        } else {
            None
        };
        Missing { unseen, maybe_lost, reason }
    }
}

struct Missing {
    unseen: usize,
    maybe_lost: usize,
    /// Why the judgement cannot be `valid`.
    reason: Option<String>,
}

/// Polls of what was not, or not yet, there to be polled.
fn reads(history: &History, operations: &Operations<'_>, findings: &mut Findings<'_>) {
    let any_send = operations.messages.iter().any(|message| message.writer.is_some());
    for operation in operations.all.iter().filter(|operation| operation.fate == Fate::Ok) {
        let call = operation.call as usize;
        let shown = history.origin(call);
        for poll in &operations.polls[operation.polls.clone()] {
            let message = &operations.messages[poll.message as usize];
            let what = || {
                let key = operations.keys[poll.key as usize];
                format!("the operation at event {shown} polls {} of the key {key}", shorten(&message.value))
            };
            match (message.writer, message.failed) {
                (Some(writer), _) => {
                    if operations.all[writer as usize].call == operation.call {
                        findings.add("precommitted-read", &[call], || {
                            format!("{}, which it sent itself", what())
                        });
                    }
                }
                (None, Some(failed)) => {
                    let failed = operations.all[failed as usize].call as usize;
                    findings.add_about("G1a", &[failed, call], &[message.value], || {
                        format!("{}, whose send failed", what())
                    });
                }
                // An excerpt of polls only says nothing of who sent.
                (None, None) if any_send => {
                    findings.add_about("never-sent", &[call], &[message.value], || {
                        format!("{}, which nobody sent", what())
                    });
                }
                (None, None) => {}
            }
        }
    }
}
