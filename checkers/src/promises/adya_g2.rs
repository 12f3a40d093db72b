//! G2 with predicates: of two inserts, each of which found nothing that matches, at most one commits.
//!
//! After Jepsen's `tests/adya` (Adya, Weak consistency, 1999, §3.2.3). The operation is `insert`
//! with the value `[key, [a, b]]`, of which one id is nil. Its transaction inserts the row only if a
//! predicate over the key finds none; if two are acknowledged for a key, both missed the other.

use super::findings::{Findings, shorten, valid_unless};
use super::shape::{NONE, Numbering, Pace, Undecided, judged, misshapen, only};
use crate::checker::{Budget, Checker};
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::verdict::Judgement;

const ALGORITHM: &str = "adya-g2";

/// Judges inserts that are guarded by a predicate.
#[derive(Clone, Copy, Debug, Default)]
pub struct AdyaG2;

#[derive(Clone, Copy)]
struct Key {
    attempts: u32,
    commits: u32,
    first: u32,
}

impl Checker for AdyaG2 {
    fn name(&self) -> &str {
        "adya-g2"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a table of guarded rows", &["insert"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

impl AdyaG2 {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        let mut pace = Pace::new(budget);
        let mut numbering = Numbering::of(history);
        let mut keys: Vec<Key> = Vec::new();
        let mut findings = Findings::new(history);
        for operation in history.operations().filter(|operation| operation.invocation.f == "insert") {
            pace.did(1)?;
            let Some((key, _)) = operation.invocation.value.as_pair() else {
                return Err(misshapen(history, operation.call, "the value [key, [a, b]]").into());
            };
            let number = numbering.number(key);
            keys.resize(numbering.len(), Key { attempts: 0, commits: 0, first: NONE });
            let known = &mut keys[number];
            known.attempts += 1;
            if operation.fate() != Fate::Ok {
                continue;
            }
            known.commits += 1;
            if known.commits == 1 {
                known.first = operation.call as u32;
                continue;
            }
            let first = known.first as usize;
            findings.add("g2", &[first, operation.call], || {
                format!(
                    "two inserts for the key {} were acknowledged, begun at events {} and {}, though each inserts only if there is none",
                    shorten(&key),
                    history.origin(first),
                    history.origin(operation.call)
                )
            });
        }
        let count = |belongs: fn(&Key) -> bool| keys.iter().filter(|key| belongs(key)).count();
        let counts = [
            ("key_count", keys.len()),
            ("legal_count", count(|key| key.commits == 1)),
            ("illegal_count", count(|key| key.commits > 1)),
        ];
        let contested = count(|key| key.attempts > 1 && key.commits > 0);
        let judgement = findings.conclude(ALGORITHM, || {
            let reason = "no key was inserted twice with an acknowledgement; nothing was at stake";
            valid_unless(ALGORITHM, (contested == 0).then(|| reason.to_owned()))
        });
        Ok(counts.into_iter().fold(judgement, |judgement, (name, n)| judgement.with(name, n)))
    }
}
