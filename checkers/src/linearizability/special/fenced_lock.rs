//! A lock whose `acquire` answers a fencing token: each token is greater than all before it.
//!
//! The tokens give the order of the sections, so it is enough to see whether that order, each
//! acquire followed by its release, keeps real time.

use super::mutex::{MutexOp, Section, sections};
use super::{Contradiction, Latest, Sentence, Span, Special};

/// An operation on a fenced lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FencedLockOp {
    /// When, who and what.
    pub op: MutexOp,
    /// Of an answered acquire: the token that it got.
    pub token: i64,
}

/// Whether operations on one lock, in the order of their invocations, are linearizable.
///
/// Not accepted: what [`mutex`](super::mutex::check) does not accept.
pub fn check(ops: &[FencedLockOp]) -> Special {
    let mut sections = match sections(ops.iter().enumerate().map(|(at, op)| (at as u32, &op.op))) {
        Ok(sections) => sections,
        Err(reason) => return Special::NotMine(reason),
    };
    sections.sort_by_key(|(at, _)| ops[*at as usize].token);
    for pair in sections.windows(2) {
        let [(one, first), (other, second)] = pair else { continue };
        let calls = [first.acquire.call, second.acquire.call];
        if ops[*one as usize].token == ops[*other as usize].token {
            let finding = Sentence::new("{} and {} got the same token", &calls);
            return Special::Invalid(Contradiction::new(finding, Vec::new()));
        }
        if first.release.is_none() {
            let finding =
                Sentence::new("{} got the lock although {} had never released it", &[calls[1], calls[0]]);
            let step = Sentence::new(
                "the greater token of {} says that it came later than {}",
                &[calls[1], calls[0]],
            );
            return Special::Invalid(Contradiction::new(finding, vec![step]));
        }
    }
    let mut latest = Latest::default();
    for (_, section) in &sections {
        let acquire = section.acquire;
        for span in std::iter::once(acquire).chain(section.release) {
            if let Err(later) = latest.append(span) {
                let holds = |(_, section): &&(u32, Section)| {
                    section.acquire.call == later
                        || section.release.is_some_and(|release| release.call == later)
                };
                let lower = sections.iter().find(holds).map_or(acquire, |(_, section)| section.acquire);
                return Special::Invalid(out_of_order(span, acquire, later, lower));
            }
        }
    }
    Special::Valid
}

/// `later` is of the section that begins with `lower`, and was invoked after `early`, of that which begins
/// with `acquire`, had returned.
fn out_of_order(early: Span, acquire: Span, later: u32, lower: Span) -> Contradiction {
    let mut steps =
        vec![Sentence::new("the token of {} is greater than that of {}", &[acquire.call, lower.call])];
    if later != lower.call {
        steps.push(Sentence::new("which its process gave back by {}", &[later]));
    }
    steps.push(Sentence::new("but {} had returned before {} was invoked", &[early.call, later]));
    let finding = Sentence::new(
        "the tokens are not in the order in which they were given: {} and {}",
        &[early.call, later],
    );
    Contradiction::new(finding, steps)
}
