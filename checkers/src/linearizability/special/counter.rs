//! A counter with increments of one size, which answer nothing, and reads. It begins at 0.
//!
//! A read of `k` increments stands where exactly `k` of them have taken effect. Reads sorted by what
//! they read stand in this order, and leave *gaps* between different numbers: before the first, and
//! so on, and behind the last. How many increments go into each gap but the last is given. An
//! increment must be in a gap behind all reads that returned before it was invoked, and before all
//! that were invoked after it had returned: a range of gaps. So this is a schedule of unit jobs with
//! a release and a deadline each into slots of exact capacity, and the earliest deadline first is
//! optimal. Increments that must come one before the other never need to be swapped: both ends of
//! the range of the earlier one are no later, so if they stand the wrong way they can be exchanged.
//!
//! An increment without an answer may be left out, and has no deadline.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Contradiction, NEVER, Sentence, Span, Special};

/// How many operations of a list a sentence names.
const NAMED: usize = 6;

/// What was done to one counter.
#[derive(Clone, Debug, Default)]
pub struct Counter {
    /// How much each increment adds; not 0.
    pub by: i64,
    /// Increments.
    pub increments: Vec<Span>,
    /// Answered reads.
    pub reads: Vec<(Span, i64)>,
}

/// Whether the operations are linearizable. Every counter of this kind is accepted.
pub fn check(counter: &Counter) -> Special {
    match decide(counter) {
        Ok(()) => Special::Valid,
        Err(answer) => answer,
    }
}

/// Reads by the number of increments that they saw, and the gap before each.
struct Reads {
    /// How many increments, ascending: the gap `i` is before reads of `counts[i]`.
    counts: Vec<i64>,
    /// In the order of returns: the return, and the largest index into `counts` up to there.
    by_return: Vec<(u32, usize)>,
    /// In the order of invocations: the invocation, and the smallest index from there.
    by_call: Vec<(u32, usize)>,
}

fn decide(counter: &Counter) -> Result<(), Special> {
    if counter.by == 0 {
        return Err(Special::NotMine("increments of nothing"));
    }
    let mut reads = Vec::with_capacity(counter.reads.len());
    for &(span, value) in &counter.reads {
        let count =
            value.checked_div(counter.by).filter(|n| *n >= 0 && value.checked_rem(counter.by) == Some(0));
        let Some(count) = count else {
            let finding = Sentence::new("{} read what no number of increments adds up to", &[span.call]);
            return Err(Special::Invalid(Contradiction::new(finding, Vec::new())));
        };
        reads.push((count, span));
    }
    reads.sort_by_key(|(count, span)| (*count, span.call));
    let mut last: Option<(i64, Span)> = None;
    for &(count, span) in &reads {
        if let Some((_, last)) = last.filter(|(less, last)| *less < count && span.ret < last.call) {
            let finding = Sentence::new("{} read less than {} before it", &[last.call, span.call]);
            let step = Sentence::new(
                "{} had returned before {} was invoked, and nothing counts down",
                &[span.call, last.call],
            );
            return Err(Special::Invalid(Contradiction::new(finding, vec![step])));
        }
        if last.is_none_or(|(_, last)| last.call < span.call) {
            last = Some((count, span));
        }
    }
    fill(counter, &Reads::new(&reads), &reads)
}

impl Reads {
    fn new(reads: &[(i64, Span)]) -> Self {
        let mut counts: Vec<i64> = reads.iter().map(|(count, _)| *count).collect();
        counts.dedup();
        let group = |count: i64| counts.partition_point(|other| *other < count);
        let mut by_return: Vec<(u32, usize)> = reads.iter().map(|(n, span)| (span.ret, group(*n))).collect();
        by_return.sort_unstable();
        for at in 1..by_return.len() {
            by_return[at].1 = by_return[at].1.max(by_return[at - 1].1);
        }
        let mut by_call: Vec<(u32, usize)> = reads.iter().map(|(n, span)| (span.call, group(*n))).collect();
        by_call.sort_unstable();
        for at in (1..by_call.len()).rev() {
            by_call[at - 1].1 = by_call[at - 1].1.min(by_call[at].1);
        }
        Reads { counts, by_return, by_call }
    }

    /// The first and the last gap in which an increment can be.
    fn range(&self, span: Span) -> (usize, usize) {
        let before = self.by_return.partition_point(|(ret, _)| *ret < span.call);
        let release = before.checked_sub(1).map_or(0, |at| self.by_return[at].1 + 1);
        let after = self.by_call.partition_point(|(call, _)| *call < span.ret);
        let deadline = self.by_call.get(after).map_or(self.counts.len(), |(_, group)| *group);
        (release, deadline)
    }
}

fn fill(counter: &Counter, reads: &Reads, sorted: &[(i64, Span)]) -> Result<(), Special> {
    let mut increments: Vec<(usize, usize)> =
        counter.increments.iter().map(|&span| reads.range(span)).collect();
    if let Some(&(release, deadline)) = increments.iter().find(|(release, deadline)| release > deadline) {
        let (from, to) = (reads.counts[release - 1], reads.counts[deadline]);
        return Err(Special::Invalid(too_many(counter, sorted, Some(from), to)));
    }
    increments.sort_unstable();
    let mut open: BinaryHeap<Reverse<usize>> = BinaryHeap::new();
    let mut next = increments.into_iter().peekable();
    // For each gap the latest deadline among what was put into it.
    let mut slack: Vec<usize> = Vec::with_capacity(reads.counts.len());
    let mut before = 0;
    for (gap, &count) in reads.counts.iter().enumerate() {
        while let Some((_, deadline)) = next.next_if(|(release, _)| *release <= gap) {
            open.push(Reverse(deadline));
        }
        if count - before > open.len() as i64 {
            return Err(Special::Invalid(too_few(counter, sorted, count)));
        }
        let mut latest = 0;
        for _ in before..count {
            latest = open.pop().map_or(0, |Reverse(deadline)| deadline);
        }
        slack.push(latest);
        if open.peek().is_some_and(|Reverse(deadline)| *deadline <= gap) {
            // The last gap that had to take what could have waited until after this one.
            let from = slack.iter().rposition(|deadline| *deadline > gap);
            return Err(Special::Invalid(too_many(counter, sorted, from.map(|at| reads.counts[at]), count)));
        }
        before = count;
    }
    Ok(())
}

fn too_few(counter: &Counter, reads: &[(i64, Span)], least: i64) -> Contradiction {
    let many = reads.iter().filter(|(count, _)| *count >= least);
    let read = many.min_by_key(|(_, span)| span.ret).map_or(Span { call: 0, ret: NEVER }, |(_, span)| *span);
    let invoked = counter.increments.iter().filter(|span| span.call < read.ret).count();
    Contradiction::new(
        Sentence::new("{} read more than had been added", &[read.call]),
        vec![Sentence::new(
            &format!("only {invoked} increments had been invoked when {{}} returned"),
            &[read.call],
        )],
    )
}

fn too_many(counter: &Counter, reads: &[(i64, Span)], from: Option<i64>, to: i64) -> Contradiction {
    let above = from.map(|from| reads.iter().filter(move |(count, _)| *count >= from));
    let first = above.and_then(|above| above.min_by_key(|(_, span)| span.ret)).map(|(_, span)| *span);
    let below = reads.iter().filter(|(count, _)| *count <= to);
    let second =
        below.max_by_key(|(_, span)| span.call).map_or(Span { call: NEVER, ret: NEVER }, |(_, span)| *span);
    let between: Vec<u32> = counter
        .increments
        .iter()
        .filter(|span| first.is_none_or(|first| first.ret < span.call) && span.ret < second.call)
        .map(|span| span.call)
        .collect();
    let what = format!("these {} increments ran wholly ", between.len());
    let told = match first {
        Some(first) => Sentence::new(
            &format!("{what}after {{}} had returned and before {{}} was invoked: "),
            &[first.call, second.call],
        ),
        None => Sentence::new(&format!("{what}before {{}} was invoked: "), &[second.call]),
    };
    Contradiction::new(
        Sentence::new("{} read less than had been added", &[second.call]),
        vec![told.list(&between, NAMED), Sentence::new("it does not count all of them", &[])],
    )
}
