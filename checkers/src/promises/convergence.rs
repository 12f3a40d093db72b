//! Convergence: after the last update, once faults are healed, all replicas answer the same.
//!
//! Strong eventual consistency asks for it (Shapiro, Preguiça, Baquero, Zawirski: Conflict-free
//! replicated data types, 2011). Every operation that is neither `read` nor `final-read` is an update. The *final reads*
//! are the answered `final-read`s, in a history that has none the answered `read`s, that began
//! after the last update had begun and all answered ones had been answered. Of each node the last
//! one counts: the node of the event, or the field `node` of an answer `{"node": n, "value": v}`.
//!
//! Two nodes with different final reads have **diverged**. `final-read` is the word of a harness
//! that waited for recovery; without it an update that was never answered may still be on its way,
//! and then different answers are `unknown`. So is a history in which a node has no final read.
//!
//! Lists are compared without regard to their order with [`Convergence::unordered`], maps and sets
//! of EDN always.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{Pace, Undecided, field, judged, timed};
use crate::checker::{Budget, Checker};
use crate::history::{Fate, History};
use crate::tape::ValueRef;
use crate::verdict::Judgement;

const ALGORITHM: &str = "convergence";

/// Judges that replicas become equal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Convergence {
    /// The order of the elements of an answered list means nothing.
    pub unordered: bool,
}

impl Checker for Convergence {
    fn name(&self) -> &str {
        "convergence"
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

impl Convergence {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        timed(history)?;
        let mut pace = Pace::new(budget);
        let has_final = history.operations().any(|operation| operation.invocation.f == "final-read");
        let mut quiet_from = 0;
        let mut updates = 0_usize;
        let mut unanswered = 0_usize;
        for operation in history.operations() {
            pace.did(1)?;
            if matches!(operation.invocation.f.as_str(), "read" | "final-read")
                || operation.fate() == Fate::Fail
            {
                continue;
            }
            updates += 1;
            unanswered += usize::from(operation.fate() == Fate::Info);
            quiet_from = quiet_from.max(operation.ret().unwrap_or(operation.call));
        }
        let wanted = if has_final { "final-read" } else { "read" };
        // By node: the last final read, and what it answered.
        let mut last: BTreeMap<String, (usize, ValueRef<'_>)> = BTreeMap::new();
        let mut nodes: BTreeSet<String> = BTreeSet::new();
        for operation in history.operations() {
            let node = operation.completion.and_then(|(_, event)| event.node).or(operation.invocation.node);
            if let Some(node) = node.filter(|node| !nodes.contains(node.as_str())) {
                nodes.insert(node.as_str().to_owned());
            }
            let (Fate::Ok, Some((_, answer))) = (operation.fate(), operation.completion) else { continue };
            if operation.invocation.f != wanted || operation.call < quiet_from {
                continue;
            }
            let named = field(answer.value, "node").zip(field(answer.value, "value"));
            let (name, value) = match (named, node) {
                (Some((node, value)), _) => {
                    (node.as_str().map_or_else(|| shorten(&node), str::to_owned), value)
                }
                (None, Some(node)) => (node.as_str().to_owned(), answer.value),
                (None, None) => (format!("process {}", operation.process()), answer.value),
            };
            last.insert(name, (operation.call, value));
        }
        let content = |value: ValueRef<'_>| match value.as_list() {
            Some(items) if self.unordered => {
                let mut items: Vec<Vec<u8>> = items.map(|item| item.as_bytes().to_vec()).collect();
                items.sort_unstable();
                items.concat()
            }
            _ => value.as_bytes().to_vec(),
        };
        let mut findings = Findings::new(history);
        let mut differ = None;
        let mut reads = last.iter();
        if let Some((first, (first_call, first_value))) = reads.next() {
            let expected = content(*first_value);
            for (node, (call, value)) in reads {
                pace.did(value.as_bytes().len() / 8)?;
                if content(*value) == expected {
                    continue;
                }
                let sentence = || {
                    format!(
                        "{first} and {node} differ after the last update: {} against {}, read at events {} and {}",
                        shorten(first_value),
                        shorten(value),
                        history.origin(*first_call),
                        history.origin(*call)
                    )
                };
                if unanswered > 0 && !has_final {
                    differ.get_or_insert_with(sentence);
                } else {
                    findings.add("diverged", &[*first_call, *call], sentence);
                }
            }
        }
        let silent: Vec<&String> = nodes.iter().filter(|node| !last.contains_key(*node)).collect();
        let judgement = findings.conclude(ALGORITHM, || {
            let reason = if last.len() < 2 {
                Some("fewer than two nodes were read after the last update".to_owned())
            } else if updates == 0 {
                Some("nothing was updated".to_owned())
            } else if let Some(differ) = differ {
                Some(format!("{differ}; but {unanswered} unanswered updates may still be on their way"))
            } else {
                silent.first().map(|node| format!("{node} was not read after the last update"))
            };
            valid_unless(ALGORITHM, reason)
        });
        Ok(judgement.with("final_read_count", last.len()).with("update_count", updates))
    }
}
