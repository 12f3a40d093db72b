//! Failed compare-and-set as observations: where each of them may stand in an execution.
//!
//! In a given execution a failed cas may stand anywhere behind all that returned before it was
//! invoked and before all that was invoked after it had returned, except while the register holds
//! what it asked for. Taken in the order of invocation, each at the first place possible, they find
//! places in this execution if there are any: a later place is no better for whoever comes after.

use super::register::{Act, Block, Clusters, NONE, RegisterOp};
use super::register_proof as proof;
use super::{NEVER, Special};

/// Whether each failed cas has a place in one of the two executions that are known.
pub(super) fn place_failed(clusters: &Clusters<'_>, blocks: &[Block]) -> Result<(), Special> {
    let mut failed: Vec<&RegisterOp> =
        clusters.ops.iter().filter(|op| op.act == Act::FailedCas && op.span.answered()).collect();
    failed.sort_by_key(|op| op.span.call);
    if places(clusters, &clusters.order(blocks, |block| block.f.min(block.s)), &failed)
        || places(clusters, &clusters.order(blocks, |block| block.f.max(block.s)), &failed)
    {
        return Ok(());
    }
    match certainly_equal(clusters, &failed) {
        Some(contradiction) => Err(contradiction),
        None => Err(Special::NotMine("a failed cas has no place in the orders that were tried")),
    }
}

fn places(clusters: &Clusters<'_>, order: &[u32], failed: &[&RegisterOp]) -> bool {
    // A gap is where something else could be put in: gap `g` stands before the operation `g`.
    // The latest invocation before each gap, and the first return behind it: both ascend.
    let mut latest_call = Vec::with_capacity(order.len() + 1);
    let mut latest = 0;
    latest_call.push(0);
    for &at in order {
        latest = latest.max(clusters.ops[at as usize].span.call);
        latest_call.push(latest);
    }
    let mut first_ret = vec![NEVER; order.len() + 1];
    for (gap, &at) in order.iter().enumerate().rev() {
        first_ret[gap] = first_ret[gap + 1].min(clusters.ops[at as usize].span.ret);
    }
    // For each cluster the first gap in which its value is held, and the first in which no more.
    let mut held = vec![(NEVER, NEVER); clusters.all.len()];
    let mut now = 0;
    held[0].0 = 0;
    for (gap, &at) in order.iter().enumerate() {
        let op = &clusters.ops[at as usize];
        if op.makes()
            && let Some(cluster) = clusters.cluster_of(op.value)
        {
            held[now].1 = gap as u32 + 1;
            now = cluster as usize;
            held[now].0 = gap as u32 + 1;
        }
    }
    let mut by_return: Vec<usize> = (0..failed.len()).collect();
    by_return.sort_by_key(|&at| failed[at].span.ret);
    let mut returned = by_return.into_iter().peekable();
    let mut places: Vec<u32> = Vec::with_capacity(failed.len());
    let mut behind = 0;
    for op in failed {
        while let Some(at) = returned.next_if(|&at| failed[at].span.ret < op.span.call) {
            behind = behind.max(places[at]);
        }
        let first = first_ret.partition_point(|&ret| ret < op.span.call) as u32;
        let last = latest_call.partition_point(|&call| call <= op.span.ret) as u32 - 1;
        let mut place = first.max(behind);
        if let Some(cluster) = clusters.cluster_of(op.from) {
            let (begins, ends) = held[cluster as usize];
            if begins <= place && place < ends {
                place = ends;
            }
        }
        if place > last {
            return false;
        }
        places.push(place);
    }
    true
}

/// A failed cas that ran wholly while the register certainly held what it asked for.
fn certainly_equal(clusters: &Clusters<'_>, failed: &[&RegisterOp]) -> Option<Special> {
    // By cluster: the first return of who left or found the value, the last invocation of who found it.
    let mut stretch = vec![((NEVER, NONE), (0, NONE)); clusters.all.len()];
    stretch[0].0 = (0, NONE);
    let mut found = |value: u64, op: &RegisterOp, ends: bool, begins: bool| {
        if let Some(cluster) = clusters.cluster_of(value) {
            let (first, last) = &mut stretch[cluster as usize];
            if begins && op.span.ret < first.0 {
                *first = (op.span.ret, op.span.call);
            }
            if ends && op.span.call > last.0 {
                *last = (op.span.call, op.span.call);
            }
        }
    };
    for op in clusters.ops {
        if let Some(value) = op.reads() {
            found(value, op, true, true);
        } else if op.makes() && clusters.cluster_of(op.value).is_some_and(|c| clusters.all[c as usize].used) {
            found(op.value, op, false, true);
            if op.act == Act::Cas {
                found(op.from, op, true, false);
            }
        }
    }
    failed.iter().find_map(|op| {
        let (first, last) = stretch[clusters.cluster_of(op.from)? as usize];
        let during = (first.0 < op.span.call || first.1 == NONE && first.0 == 0) && op.span.ret < last.0;
        during.then(|| Special::Invalid(proof::failed_during(op.span.call, first.1, last.1)))
    })
}
