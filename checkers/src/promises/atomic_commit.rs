//! Atomic commit: all participants of a transaction decide the same, and what is decided stays.
//!
//! The properties AC1 to AC3 of atomic commitment (Bernstein, Hadzilacos, Goodman: Concurrency control
//! and recovery, 1987, §7.3). Operations:
//!
//! | operation | value | meaning |
//! |---|---|---|
//! | `commit` | id, or `{"txn": id, …}` | a client asks for it: `ok` is committed, `fail` aborted |
//! | `vote` | `{"txn": id, "participant": p, "vote": "yes" or "no"}` | `ok`: the participant voted so |
//! | `outcome` | answered with `{"txn": id, "participant": p, "outcome": o}` or a list of them | what a participant says: `committed`, `aborted`, or anything else for undecided |
//!
//! Without `participant` it is the event's node.
//!
//! | problem | meaning |
//! |---|---|
//! | `split-decision` | one participant committed and another one aborted (AC1) |
//! | `decision-changed` | one participant said both (AC2) |
//! | `committed-despite-no` | it was committed although a participant had voted no (AC3) |
//! | `acknowledged-but-aborted` | the client was told that it is committed, and a participant aborted |
//! | `refused-but-committed` | every client that asked was told that it is aborted, and a participant committed |

use std::collections::HashMap;

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{Numbering, Pace, Undecided, field, judged, misshapen, only, word};
use crate::checker::{Budget, Checker};
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::tape::ValueRef;
use crate::verdict::Judgement;

const ALGORITHM: &str = "atomic-commit";

/// Judges decisions of distributed transactions.
#[derive(Clone, Copy, Debug, Default)]
pub struct AtomicCommit;

/// What is known of a transaction: operations by invocation.
#[derive(Clone, Default)]
struct Txn {
    acknowledged: Option<usize>,
    refused: Option<usize>,
    /// A client asked for it that was not refused.
    maybe: bool,
    voted_no: Option<(usize, String)>,
    /// The first who committed, and the first who aborted.
    committed: Option<(usize, String)>,
    aborted: Option<(usize, String)>,
    answers: usize,
    told: bool,
}

impl Checker for AtomicCommit {
    fn name(&self) -> &str {
        "atomic-commit"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a commit protocol", &["commit", "vote", "outcome"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

impl AtomicCommit {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        let mut pace = Pace::new(budget);
        let mut numbering = Numbering::of(history);
        let mut txns: Vec<Txn> = Vec::new();
        // The first decision that a participant told of a transaction.
        let mut first: HashMap<(usize, String), (bool, usize), FastHash> = HashMap::default();
        let mut findings = Findings::new(history);
        for operation in history.operations() {
            pace.did(1)?;
            let call = operation.call;
            let fate = operation.fate();
            let node = operation.completion.and_then(|(_, event)| event.node).or(operation.invocation.node);
            let participant = |value: ValueRef<'_>| match (field(value, "participant"), node) {
                (Some(name), _) => name.as_str().map_or_else(|| shorten(&name), str::to_owned),
                (None, Some(node)) => node.as_str().to_owned(),
                (None, None) => "an unnamed participant".to_owned(),
            };
            let invoked = operation.invocation.value;
            match operation.invocation.f.as_str() {
                "commit" => {
                    let number = numbering.number(field(invoked, "txn").unwrap_or(invoked));
                    txns.resize(numbering.len(), Txn::default());
                    match fate {
                        Fate::Ok => txns[number].acknowledged = Some(call),
                        Fate::Fail => txns[number].refused = Some(call),
                        Fate::Info => {}
                    }
                    txns[number].maybe |= fate != Fate::Fail;
                }
                "vote" if fate == Fate::Ok => {
                    let bad = || misshapen(history, call, "{\"txn\": id, \"participant\": p, \"vote\": v}");
                    let number = numbering.number(field(invoked, "txn").ok_or_else(bad)?);
                    txns.resize(numbering.len(), Txn::default());
                    let answered = operation.completion.and_then(|(_, event)| field(event.value, "vote"));
                    let vote = answered.or_else(|| field(invoked, "vote")).ok_or_else(bad)?;
                    if word(vote) == Some("no") || vote.as_bool() == Some(false) {
                        txns[number].voted_no = Some((call, participant(invoked)));
                    }
                }
                "outcome" if fate == Fate::Ok => {
                    let Some((at, answer)) = operation.completion else { continue };
                    let bad = || {
                        misshapen(
                            history,
                            at,
                            "{\"txn\": id, \"participant\": p, \"outcome\": o}, or a list of them,",
                        )
                    };
                    let several = answer.value.as_list();
                    let all: Vec<ValueRef<'_>> =
                        several.map_or_else(|| vec![answer.value], Iterator::collect);
                    for value in all {
                        pace.did(1)?;
                        let id = field(value, "txn").or_else(|| field(invoked, "txn")).ok_or_else(bad)?;
                        let number = numbering.number(id);
                        txns.resize(numbering.len(), Txn::default());
                        let txn = &mut txns[number];
                        let outcome = field(value, "outcome").ok_or_else(bad)?;
                        let committed = match word(outcome) {
                            Some("committed" | "commit") => true,
                            Some("aborted" | "abort") => false,
                            _ => continue,
                        };
                        let who = participant(value);
                        txn.answers += 1;
                        let decided = if committed { &mut txn.committed } else { &mut txn.aborted };
                        if decided.is_none() {
                            *decided = Some((call, who.clone()));
                        }
                        let (before, told) = *first.entry((number, who.clone())).or_insert((committed, call));
                        if before != committed && !txn.told {
                            txn.told = true;
                            let name = |committed| if committed { "committed" } else { "aborted" };
                            findings.add("decision-changed", &[told, call], || {
                                format!(
                                    "{who} said that the transaction {} is {} when asked at event {}, and that it is {} when asked at event {}",
                                    shorten(&id),
                                    name(before),
                                    history.origin(told),
                                    name(committed),
                                    history.origin(call)
                                )
                            });
                        }
                    }
                }
                _ => {}
            }
        }
        for (number, txn) in txns.iter().enumerate() {
            let id = || shorten(&numbering.value(number));
            if let (Some((commit, one)), Some((abort, other)), false) =
                (&txn.committed, &txn.aborted, txn.told)
            {
                findings.add("split-decision", &[*commit, *abort], || {
                    format!("the transaction {} is committed by {one} and aborted by {other}", id())
                });
            }
            let committed = txn.committed.as_ref().map(|(call, _)| *call).or(txn.acknowledged);
            if let (Some(commit), Some((vote, who))) = (committed, &txn.voted_no) {
                findings.add("committed-despite-no", &[*vote, commit], || {
                    format!("the transaction {} is committed although {who} voted no", id())
                });
            }
            if let (Some(told), Some((abort, who))) = (txn.acknowledged, &txn.aborted) {
                findings.add("acknowledged-but-aborted", &[told, *abort], || {
                    format!("the client of the transaction {} was told that it is committed, but {who} aborted it", id())
                });
            }
            if let (Some(told), Some((commit, who))) = (txn.refused.filter(|_| !txn.maybe), &txn.committed) {
                findings.add("refused-but-committed", &[told, *commit], || {
                    format!("the client of the transaction {} was told that it is aborted, but {who} committed it", id())
                });
            }
        }
        let answers: usize = txns.iter().map(|txn| txn.answers).sum();
        let judgement = findings.conclude(ALGORITHM, || {
            valid_unless(ALGORITHM, (answers == 0).then(|| "no participant told a decision".to_owned()))
        });
        Ok(judgement.with("transaction_count", txns.len()).with("outcome_count", answers))
    }
}
