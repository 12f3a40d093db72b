//! Ids that a system gives out are distinct.
//!
//! After Jepsen's `checker/unique-ids`. The operation is `generate`, answered with an id of any
//! kind. Two answers with one id are **duplicated**.

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{Numbering, Pace, Undecided, judged, misshapen, only};
use crate::checker::{Budget, Checker};
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::verdict::Judgement;

const ALGORITHM: &str = "unique-ids";

/// Judges that no id is given out twice.
#[derive(Clone, Copy, Debug, Default)]
pub struct UniqueIds;

impl Checker for UniqueIds {
    fn name(&self) -> &str {
        "unique-ids"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a source of ids", &["generate"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

impl UniqueIds {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        let mut pace = Pace::new(budget);
        let mut numbering = Numbering::of(history);
        // By number of the id, who was given it first.
        let mut first: Vec<usize> = Vec::new();
        let mut findings = Findings::new(history);
        let (mut attempted, mut acknowledged) = (0_usize, 0_usize);
        for operation in history.operations() {
            pace.did(1)?;
            attempted += 1;
            let (Fate::Ok, Some((ret, completion))) = (operation.fate(), operation.completion) else {
                continue;
            };
            if completion.value.is_nil() {
                return Err(misshapen(history, ret, "an id as its answer").into());
            }
            acknowledged += 1;
            let number = numbering.number(completion.value);
            if number == first.len() {
                first.push(operation.call);
                continue;
            }
            let before = first[number];
            findings.add("duplicated", &[before, operation.call], || {
                format!(
                    "the id {} was given out twice: to the operation begun at event {} and to the one at event {}",
                    shorten(&completion.value),
                    history.origin(before),
                    history.origin(operation.call)
                )
            });
        }
        let duplicated = findings.count("duplicated");
        let judgement = findings.conclude(ALGORITHM, || {
            valid_unless(ALGORITHM, (acknowledged == 0).then(|| "no id was given out".to_owned()))
        });
        let judgement = judgement.with("attempted_count", attempted).with("acknowledged_count", acknowledged);
        Ok(judgement.with("duplicated_count", duplicated))
    }
}
