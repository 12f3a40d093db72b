//! A lock: never two who certainly hold it, and tokens that fence off those who held it before.
//!
//! Certainty is told by intervals: a client certainly holds the lock from the answer of its
//! `acquire` to the beginning of its `release`, or to the end of its lease, counted from the
//! *beginning* of the acquire, whichever is first. Two such intervals that overlap are a broken
//! lock; what lies outside of them proves nothing.
//!
//! Fencing is after M. Kleppmann, How to do distributed locking (2016): each grant has a token
//! larger than all before it, and a resource that has seen a token refuses smaller ones.
//!
//! | operation | value | answer |
//! |---|---|---|
//! | `acquire` | nil, or `{"lease_ms": n}` | nil, a token, or `{"token": n, "lease_ms": n}` |
//! | `release` | anything | anything |
//! | `use` (or `write`) | a token, or `{"token": n, …}` | `ok`: the resource accepted it; `fail`: refused |
//!
//! | problem | meaning |
//! |---|---|
//! | `two-holders` | an acquire was answered while another client certainly held the lock |
//! | `held-twice` | an acquire was answered to a client that certainly held it, and the lock is not reentrant |
//! | `token-reused` | two acquires were answered with one token |
//! | `token-not-increasing` | a token is smaller than one of an acquire that was answered before this one began |
//! | `stale-token-accepted` | the resource accepted a token after it had accepted a larger one |
//! | `unissued-token` | the resource accepted a token that no acquire was answered with (unless one is unanswered) |
//!
//! Several locks: lift it (`per-key-lock-safety`).

use std::collections::HashMap;

use super::findings::{Findings, valid_unless};
use super::shape::{Pace, Undecided, field, judged, misshapen, only, timed};
use crate::checker::{Budget, Checker};
use crate::event::{EventType, Process};
use crate::hash::FastHash;
use crate::history::History;
use crate::model::DecodeError;
use crate::tape::ValueRef;
use crate::verdict::Judgement;

const ALGORITHM: &str = "lock-safety";
const NS_PER_MS: u64 = 1_000_000;

/// Judges mutual exclusion and fencing.
#[derive(Clone, Copy, Debug, Default)]
pub struct LockSafety {
    /// Whether its holder may acquire it again.
    pub reentrant: bool,
    /// Whether a client may release what another one holds.
    pub anyone_releases: bool,
    /// The lease of acquires that name none, in milliseconds; without one a lock is held until
    /// it is released.
    pub lease_ms: Option<u64>,
}

/// Somebody who certainly holds the lock.
struct Hold {
    process: Process,
    call: usize,
    answered: usize,
    /// When the lease ends, ns.
    until: u64,
    /// How many times, of a reentrant lock.
    depth: u32,
    released: bool,
}

/// The largest token so far, and the operation that had it.
type Largest = Option<(i64, usize)>;

impl Checker for LockSafety {
    fn name(&self) -> &str {
        "lock-safety"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a lock", &["acquire", "release", "use", "write"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

fn token(value: ValueRef<'_>) -> Option<i64> {
    value.as_int().or_else(|| field(value, "token").or_else(|| field(value, "fence"))?.as_int())
}

impl LockSafety {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        timed(history)?;
        let mut pace = Pace::new(budget);
        let mut findings = Findings::new(history);
        let [acquire, release] = ["acquire", "release"].map(|f| history.f_number(f));
        let mut holds: Vec<Hold> = Vec::new();
        // The latest acquire of each process, in `holds`.
        let mut of_process: HashMap<Process, usize, FastHash> = HashMap::default();
        // Holds that may still be certain; those that ended are dropped when they are met.
        let mut live: Vec<usize> = Vec::new();
        let mut granted: HashMap<i64, usize, FastHash> = HashMap::default();
        let mut largest_granted: Largest = None;
        let mut largest_used: Largest = None;
        // What the largest token was when the operation invoked here began.
        let mut begun: HashMap<usize, Largest, FastHash> = HashMap::default();
        let mut used: Vec<(i64, usize)> = Vec::new();
        let (mut acquired, mut open_acquires) = (0_usize, 0_usize);
        for (position, event) in history.events().enumerate() {
            if event.process.is_nemesis() {
                continue;
            }
            pace.did(1)?;
            let f = Some(event.f_number);
            if event.event_type == EventType::Invoke {
                if f == release {
                    // From here it may have let go, whatever the answer is.
                    let own = of_process.get(&event.process).copied().filter(|at| !holds[*at].released);
                    let let_go = own.or_else(|| live.last().copied().filter(|_| self.anyone_releases));
                    if let Some(hold) = let_go.and_then(|at| holds.get_mut(at)) {
                        hold.depth = hold.depth.saturating_sub(1);
                        hold.released |= hold.depth == 0;
                    }
                    continue;
                }
                let largest = if f == acquire { largest_granted } else { largest_used };
                begun.insert(position, largest);
                let answered = history.partner(position).map(|at| history.event(at).event_type);
                if f == acquire && !matches!(answered, Some(EventType::Ok | EventType::Fail)) {
                    open_acquires += 1;
                }
                continue;
            }
            let Some(call) = history.partner(position).filter(|_| event.event_type == EventType::Ok) else {
                continue;
            };
            let invocation = history.event(call);
            let before = begun.remove(&call).flatten();
            let shown = history.origin(position);
            if f == release {
                continue;
            }
            if f != acquire {
                let number = token(event.value).or_else(|| token(invocation.value));
                let number = number.ok_or_else(|| misshapen(history, call, "a token or a map with one"))?;
                used.push((number, call));
                if let Some((larger, other)) = before.filter(|(larger, _)| *larger > number) {
                    findings.add("stale-token-accepted", &[other, call], || {
                        format!(
                            "token {number} was accepted at event {shown}, though {larger} had been accepted before, by the operation begun at event {}",
                            history.origin(other)
                        )
                    });
                }
                if largest_used.is_none_or(|(largest, _)| number > largest) {
                    largest_used = Some((number, call));
                }
                continue;
            }
            acquired += 1;
            if let Some(number) = token(event.value) {
                if let Some(other) = granted.insert(number, call) {
                    findings.add("token-reused", &[other, call], || {
                        format!("token {number} was given out at event {shown} again; the first acquire began at event {}", history.origin(other))
                    });
                }
                if let Some((larger, other)) = before.filter(|(larger, _)| *larger > number) {
                    findings.add("token-not-increasing", &[other, call], || {
                        format!(
                            "token {number} was given out at event {shown}, though {larger} had been given out before, to the acquire begun at event {}",
                            history.origin(other)
                        )
                    });
                }
                if largest_granted.is_none_or(|(largest, _)| number > largest) {
                    largest_granted = Some((number, call));
                }
            }
            let lease = field(event.value, "lease_ms").or_else(|| field(invocation.value, "lease_ms"));
            let lease = lease.and_then(|lease| u64::try_from(lease.as_int()?).ok()).or(self.lease_ms);
            let until = lease
                .map_or(u64::MAX, |lease| invocation.time.saturating_add(lease.saturating_mul(NS_PER_MS)));
            if event.time >= until {
                // Its lease may have ended before it learned that it had one.
                continue;
            }
            while let Some(hold) = live.last().map(|at| &holds[*at]) {
                if !hold.released && event.time < hold.until {
                    break;
                }
                live.pop();
            }
            if let Some(at) = live.last().copied() {
                let hold = &mut holds[at];
                if hold.process == event.process && self.reentrant {
                    hold.depth += 1;
                    hold.until = hold.until.max(until);
                    continue;
                }
                let (other, answered) = (hold.call, history.origin(hold.answered));
                let (problem, who) = if hold.process == event.process {
                    hold.released = true;
                    ("held-twice", "this process itself".to_owned())
                } else {
                    ("two-holders", format!("process {}", hold.process))
                };
                findings.add(problem, &[other, call], || {
                    let holder = event.process;
                    format!("process {holder} acquires the lock, answered at event {shown}, while {who} certainly holds it: acquired at event {answered}, and neither released nor expired since")
                });
            }
            let at = holds.len();
            holds.push(Hold {
                process: event.process,
                call,
                answered: position,
                until,
                depth: 1,
                released: false,
            });
            of_process.insert(event.process, at);
            live.push(at);
        }
        if open_acquires == 0 && !granted.is_empty() {
            for (number, call) in used.iter().filter(|(number, _)| !granted.contains_key(number)) {
                findings.add("unissued-token", &[*call], || {
                    format!(
                        "token {number}, accepted by the operation begun at event {}, was given to nobody",
                        history.origin(*call)
                    )
                });
            }
        }
        let judgement = findings.conclude(ALGORITHM, || {
            let reason = if acquired + used.len() == 0 {
                Some("nobody was given the lock")
            } else if acquired + used.len() == 1 {
                Some("the lock was given once only; nothing was at stake")
            } else {
                None
            };
            valid_unless(ALGORITHM, reason.map(str::to_owned))
        });
        Ok(judgement.with("acquired_count", acquired).with("use_count", used.len()))
    }
}
