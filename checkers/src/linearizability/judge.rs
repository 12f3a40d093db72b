//! From the answers for each object to a judgement.

use std::borrow::Cow;

use super::explain::Refutation;
use super::report::{report, report_contradiction};
use super::solve::Answer;
use super::special::Contradiction;
use crate::evidence::Evidence;
use crate::history::History;
use crate::model::Model;
use crate::value::Value;
use crate::verdict::Judgement;

/// How many objects' evidence a judgement carries, and how many open ones it names.
const MAX_OBJECTS_TOLD: usize = 8;

/// An object, without its calls, and what became of it.
pub(super) struct Outcome<M: Model> {
    pub(super) key: Option<Value>,
    pub(super) operations: usize,
    pub(super) answer: OneAnswer<M>,
}

/// What is known of one object.
pub(super) enum OneAnswer<M: Model> {
    Valid,
    /// Refuted by a special checker.
    Contradiction(Contradiction),
    /// Refuted by the search.
    Refutation(Box<Refutation<M>>),
    Unknown {
        reason: String,
        longest_prefix: usize,
    },
}

impl<M: Model> From<Answer<M>> for OneAnswer<M> {
    fn from(answer: Answer<M>) -> Self {
        match answer {
            Answer::Linearizable => OneAnswer::Valid,
            Answer::NotLinearizable(refutation) => OneAnswer::Refutation(refutation),
            Answer::Unknown { reason, longest_prefix, .. } => OneAnswer::Unknown { reason, longest_prefix },
        }
    }
}

pub(super) fn judge<M: Model>(
    model: &M,
    history: &History,
    algorithm: Cow<'static, str>,
    outcomes: &[Outcome<M>],
) -> Judgement {
    let mut refuted: Vec<(usize, &Outcome<M>)> = Vec::new();
    let mut open = Vec::new();
    for outcome in outcomes {
        match &outcome.answer {
            OneAnswer::Valid => {}
            OneAnswer::Contradiction(contradiction) => {
                let last = contradiction.operations.last().map_or(0, |&call| call as usize);
                refuted.push((last, outcome));
            }
            OneAnswer::Refutation(refutation) => refuted.push((refutation.blocked, outcome)),
            OneAnswer::Unknown { reason, longest_prefix } => open.push((outcome, reason, *longest_prefix)),
        }
    }
    let done = outcomes.len() - open.len() - refuted.len();
    let still_open: Vec<Value> = open
        .iter()
        .take(MAX_OBJECTS_TOLD)
        .map(|(outcome, _, longest_prefix)| {
            crate::object!({
                "key": outcome.key,
                "operations": outcome.operations,
                "longest_prefix": longest_prefix,
            })
        })
        .collect();
    let judgement = if !refuted.is_empty() {
        // The violation that shows first comes first.
        refuted.sort_by_key(|(at, _)| *at);
        let told = refuted.iter().take(MAX_OBJECTS_TOLD);
        let evidence = told.filter_map(|(_, outcome)| evidence(model, history, outcome)).collect();
        Judgement::invalid(algorithm, evidence).with("objects_invalid", refuted.len())
    } else if let Some((outcome, reason, longest_prefix)) = open.first() {
        let after = match longest_prefix {
            0 => String::new(),
            n => format!(" after a linearizable prefix of {n} of {} operations", outcome.operations),
        };
        let which = outcome.key.as_ref().map(|key| format!("key {key}: ")).unwrap_or_default();
        Judgement::unknown(
            algorithm,
            format!("{which}{reason}{after}; {done} of {} objects are linearizable", outcomes.len()),
        )
    } else {
        return Judgement::valid(algorithm);
    };
    judgement.with("objects_linearizable", done).with("objects_open", open.len()).with("open", still_open)
}

fn evidence<M: Model>(model: &M, history: &History, outcome: &Outcome<M>) -> Option<Evidence> {
    let key = outcome.key.as_ref();
    match &outcome.answer {
        OneAnswer::Contradiction(found) => Some(Evidence::Finding(report_contradiction(history, key, found))),
        OneAnswer::Refutation(found) => Some(Evidence::Linearizability(report(model, history, key, found))),
        OneAnswer::Valid | OneAnswer::Unknown { .. } => None,
    }
}
