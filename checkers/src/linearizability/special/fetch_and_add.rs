//! A counter whose increments are of one size and answer what it counts after them; also with reads.
//! It begins at 0.
//!
//! The answers give the order. An increment without an answer may stand in a place that no answer
//! names; what has a place behind must not have returned before it was invoked. Places further back
//! ask for less, so the missing places, ascending, take the increments without an answer in the order
//! of their invocations.

use super::{Contradiction, Latest, NEVER, Sentence, Span, Special};

/// What was done to one counter.
#[derive(Clone, Debug, Default)]
pub struct FetchAndAdd {
    /// How much each increment adds; not 0.
    pub by: i64,
    /// Increments, with what they answered: the count after them.
    pub increments: Vec<(Span, Option<i64>)>,
    /// Answered reads.
    pub reads: Vec<(Span, i64)>,
}

/// Whether the operations are linearizable.
///
/// Not accepted: increments that returned without an answer.
pub fn check(counter: &FetchAndAdd) -> Special {
    match decide(counter) {
        Ok(()) => Special::Valid,
        Err(answer) => answer,
    }
}

fn decide(counter: &FetchAndAdd) -> Result<(), Special> {
    if counter.by == 0 {
        return Err(Special::NotMine("increments of nothing"));
    }
    let rank = |span: Span, value: i64, least: i64| {
        let rank = value.checked_div(counter.by).filter(|_| value.checked_rem(counter.by) == Some(0));
        rank.filter(|rank| *rank >= least).ok_or_else(|| {
            let finding = Sentence::new("{} answered what no number of increments adds up to", &[span.call]);
            Special::Invalid(Contradiction::new(finding, Vec::new()))
        })
    };
    // Increments stand before the reads of their rank.
    let mut order: Vec<(i64, bool, Span)> =
        Vec::with_capacity(counter.increments.len() + counter.reads.len());
    let mut unanswered: Vec<u32> = Vec::new();
    for &(span, answer) in &counter.increments {
        match answer {
            Some(value) if span.answered() => order.push((rank(span, value, 1)?, false, span)),
            _ if span.answered() => return Err(Special::NotMine("an increment returned without an answer")),
            _ => unanswered.push(span.call),
        }
    }
    for &(span, value) in &counter.reads {
        order.push((rank(span, value, 0)?, true, span));
    }
    order.sort_by_key(|(rank, reads, span)| (*rank, *reads, span.call));
    let mut latest = Latest::default();
    let mut previous: Option<(i64, Span)> = None;
    for &(rank, reads, span) in &order {
        if let Err(later) = latest.append(span) {
            let finding = Sentence::new("{} and {} answered in the wrong order", &[span.call, later]);
            let steps = vec![
                Sentence::new("by its answer, {} came before {}", &[later, span.call]),
                Sentence::new("but {} had returned before {} was invoked", &[span.call, later]),
            ];
            return Err(Special::Invalid(Contradiction::new(finding, steps)));
        }
        if let Some((_, twin)) = previous.filter(|(same, _)| *same == rank && !reads) {
            let finding = Sentence::new("{} and {} were told the same count", &[twin.call, span.call]);
            return Err(Special::Invalid(Contradiction::new(finding, Vec::new())));
        }
        previous = Some((rank, span));
    }
    missing(&order, unanswered)
}

/// Whether the increments without an answer can fill the places that no answer names.
fn missing(order: &[(i64, bool, Span)], mut unanswered: Vec<u32>) -> Result<(), Special> {
    // The first return from each place on.
    let mut first_ret = vec![Span { call: NEVER, ret: NEVER }; order.len() + 1];
    for (at, (_, _, span)) in order.iter().enumerate().rev() {
        first_ret[at] = if span.ret < first_ret[at + 1].ret { *span } else { first_ret[at + 1] };
    }
    unanswered.sort_unstable();
    let mut takers = unanswered.into_iter();
    let mut filled = 0;
    for (at, (rank, reads, _)) in order.iter().enumerate() {
        // A read needs its own rank filled, an increment fills it.
        let up_to = if *reads { *rank } else { *rank - 1 };
        while filled < up_to {
            let by = first_ret[at];
            if takers.next().is_none_or(|taker| by.ret < taker) {
                let finding = Sentence::new("{} counts an increment that there cannot have been", &[by.call]);
                let step = Sentence::new(
                    "too few increments without an answer had been invoked when it returned to explain the \
                     numbers below it that nobody was told",
                    &[],
                );
                return Err(Special::Invalid(Contradiction::new(finding, vec![step])));
            }
            filled += 1;
        }
        filled = filled.max(*rank);
    }
    Ok(())
}
