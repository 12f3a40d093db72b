//! Leader election: at most one leader a term, and no node's term goes back.
//!
//! Election safety is the first of Raft's properties (Ongaro and Ousterhout, In search of an
//! understandable consensus algorithm, 2014, figure 3). The operation is `leader` (or `status`):
//! somebody asks a node what it believes. The answer is `{"term": t, "leader": l, "node": n}`, or a
//! list of such, one per node that was asked; `leader` is nil for a node that knows none, `node` is the
//! event's if absent.
//!
//! | problem | meaning |
//! |---|---|
//! | `two-leaders` | two nodes were named leader of one term |
//! | `term-decreased` | a node has a smaller term than an answer told that had come before this question |
//!
//! No answer names a leader: `unknown`.

use std::collections::HashMap;

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{Pace, Undecided, field, judged, misshapen, only, timed};
use crate::checker::{Budget, Checker};
use crate::event::EventType;
use crate::hash::FastHash;
use crate::history::History;
use crate::model::DecodeError;
use crate::tape::ValueRef;
use crate::verdict::Judgement;

const ALGORITHM: &str = "leader-election";

/// Judges elections by what nodes say of their leader.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeaderElection;

impl Checker for LeaderElection {
    fn name(&self) -> &str {
        "leader-election"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "an election", &["leader", "status"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

/// What a node believes.
struct Belief<'h> {
    node: Vec<u8>,
    name: String,
    term: i64,
    leader: Option<ValueRef<'h>>,
}

fn belief<'h>(value: ValueRef<'h>, asked: Option<&str>) -> Option<Belief<'h>> {
    let term = field(value, "term")?.as_int()?;
    let leader = field(value, "leader").filter(|leader| !leader.is_nil());
    let (node, name) = match (field(value, "node").filter(|node| !node.is_nil()), asked) {
        (Some(node), _) => match node.as_str() {
            Some(text) => (text.as_bytes().to_vec(), text.to_owned()),
            None => (node.as_bytes().to_vec(), shorten(&node)),
        },
        (None, Some(asked)) => (asked.as_bytes().to_vec(), asked.to_owned()),
        (None, None) => (Vec::new(), String::new()),
    };
    Some(Belief { node, name, term, leader })
}

#[derive(Default)]
struct Node {
    /// The largest term that was told so far, and by which operation.
    told: Option<(i64, usize)>,
    /// Every new largest term, with the position of the answer and its operation.
    records: Vec<(usize, i64, usize)>,
}

impl LeaderElection {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        timed(history)?;
        let mut pace = Pace::new(budget);
        let mut findings = Findings::new(history);
        let mut leaders: HashMap<i64, (ValueRef<'_>, usize), FastHash> = HashMap::default();
        let mut nodes: HashMap<Vec<u8>, Node, FastHash> = HashMap::default();
        let mut answers = 0_usize;
        for (position, event) in history.events().enumerate() {
            if event.process.is_nemesis() || event.event_type != EventType::Ok {
                continue;
            }
            let Some(call) = history.partner(position) else { continue };
            answers += 1;
            let asked = event.node.or(history.event(call).node).map(|node| node.as_str());
            let bad = || {
                misshapen(history, position, "{\"term\": t, \"leader\": l, \"node\": n}, or a list of them,")
            };
            let several = event.value.as_list();
            let beliefs: Vec<ValueRef<'_>> = several.map_or_else(|| vec![event.value], Iterator::collect);
            for value in beliefs {
                pace.did(1)?;
                let belief = belief(value, asked).ok_or_else(bad)?;
                let (term, shown) = (belief.term, history.origin(position));
                if let Some(leader) = belief.leader {
                    let (other, first) = *leaders.entry(term).or_insert((leader, call));
                    if other != leader {
                        findings.add("two-leaders", &[first, call], || {
                            format!(
                                "term {term} has two leaders: {} by the answer to event {}, and {} by the one at event {shown}",
                                shorten(&other),
                                history.origin(first),
                                shorten(&leader)
                            )
                        });
                    }
                }
                if belief.node.is_empty() {
                    continue;
                }
                let node = nodes.entry(belief.node).or_default();
                // The largest term that was told before this question was asked.
                let before = node.records.partition_point(|(answered, ..)| *answered < call);
                if let Some((_, larger, other)) = before.checked_sub(1).map(|at| node.records[at]) {
                    if larger > term {
                        findings.add("term-decreased", &[other, call], || {
                            format!(
                                "{} tells term {term} at event {shown}, though it had told {larger} before, asked at event {}",
                                belief.name,
                                history.origin(other)
                            )
                        });
                    }
                }
                if node.told.is_none_or(|(told, _)| term > told) {
                    node.told = Some((term, call));
                    node.records.push((position, term, call));
                }
            }
        }
        let judgement = findings.conclude(ALGORITHM, || {
            let reason = leaders.is_empty().then(|| "no answer names a leader".to_owned());
            valid_unless(ALGORITHM, reason)
        });
        let judgement = judgement.with("answer_count", answers).with("node_count", nodes.len());
        Ok(judgement.with("term_count", leaders.len()))
    }
}
