//! A register in which every value is written once, with compare-and-set.
//!
//! Gibbons and Korach ("Testing shared memories", 1997, §4) decide reads and unique writes by
//! *zones*; this is their test, carried over to compare-and-set and to operations without an answer.
//!
//! **Clusters and blocks.** A value, the operation that leaves it and the reads that found it are a
//! *cluster*. The register holds the value for one stretch of time, so in an execution a cluster
//! stands in one piece: first the maker, then the reads. A cas from `a` to `b` is the maker of `b`,
//! and ends the stretch of `a`: the cluster of `b` stands right behind that of `a`. Clusters chained
//! so are a *block*. Within a block the order is given, up to that of the reads of one value, and is
//! compared with real time directly.
//!
//! **Blocks among each other.** Let `f` be the first return in a block, and `s` its last invocation.
//! Block X must stand before Y if and only if some operation of X returned before some of Y was
//! invoked, which is `f(X) < s(Y)`. An execution exists if and only if this has no cycle. Say it has
//! none of two blocks. Then it has none at all, because the order of `min(f, s)` is an execution:
//! let X be before Y there, and assume `f(Y) < s(X)`. With `min(f(X), s(X)) <= min(f(Y), s(Y))`, if
//! `f(X)` is the smaller one, then `f(X) < s(Y)`, and there is a cycle of two; if `s(X)` is, then
//! `s(X) <= f(Y)`, against the assumption. So it is enough to sort, and to compare each `f` with the
//! largest `s` before it. (`max(f, s)` is an execution by the same argument.)
//!
//! **No answer.** A write or cas without an answer whose value nobody found, neither a read nor a
//! cas that took effect, is left out: nothing in an execution needs it. One whose value was found
//! took effect, and has no return.
//!
//! **Failed cas** that count as observations ("it was not `from`") can only make an execution
//! impossible, so an invalid history without them is invalid. A valid one is confirmed by finding a
//! place for each of them in one of two executions; what is left is not decided here.

use super::names::Names;
use super::register_order::place_failed;
use super::register_proof as proof;
use super::{NEVER, Span, Special};

/// The name of the value that a register holds at first.
pub const INITIAL: u64 = 0;

/// No operation.
pub(super) const NONE: u32 = u32::MAX;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Found `value`.
    Read,
    /// Leaves `value`.
    Write,
    /// Found `from`, and leaves `value`.
    Cas,
    /// Found another value than `from`.
    FailedCas,
}

/// An operation on a register. Values are named by numbers: equal names mean equal values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterOp {
    /// When.
    pub span: Span,
    /// What.
    pub act: Act,
    /// What it found or leaves.
    pub value: u64,
    /// What a cas asked for.
    pub from: u64,
}

impl RegisterOp {
    /// The operation leaves its value, if it takes effect.
    pub(super) fn makes(&self) -> bool {
        match self.act {
            Act::Write => true,
            Act::Cas => self.from != self.value,
            Act::Read | Act::FailedCas => false,
        }
    }

    /// The value that it certainly found, and left as it was.
    pub(super) fn reads(&self) -> Option<u64> {
        match self.act {
            Act::Read | Act::Cas if self.span.answered() && !self.makes() => Some(self.value),
            _ => None,
        }
    }
}

/// A value with what is known of its stretch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cluster {
    /// What leaves the value; [`NONE`] for the first one.
    pub(super) maker: u32,
    /// The cas that took effect and replaced it, or [`NONE`].
    pub(super) next: u32,
    /// The first return among its reads, or [`NEVER`].
    pub(super) first_ret: u32,
    /// The last invocation among its reads, or 0, which nothing has returned before.
    pub(super) last_call: u32,
    /// Whether the register certainly held it.
    pub(super) used: bool,
}

/// A chain of clusters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Its first return.
    pub(super) f: u32,
    /// Its last invocation.
    pub(super) s: u32,
    /// Its first cluster.
    pub(super) head: u32,
}

/// The clusters of a history; the first one is that of the first value.
pub(super) struct Clusters<'o> {
    pub(super) ops: &'o [RegisterOp],
    pub(super) all: Vec<Cluster>,
    names: Names,
}

/// Whether operations on one register, in the order of their invocations, are linearizable.
///
/// Not accepted: a value that two operations leave, or one that leaves the first value again, even
/// if they were not answered; and failed cas for which no place is found, nor a contradiction.
pub fn check(ops: &[RegisterOp]) -> Special {
    match decide(ops) {
        Ok(()) => Special::Valid,
        Err(answer) => answer,
    }
}

/// The same as [`check`], and for a valid history an order of indices into `ops` that explains
/// everything, without operations that nobody noticed, and without failed cas.
pub fn explain(ops: &[RegisterOp]) -> Result<Vec<u32>, Special> {
    decide(ops)?;
    let clusters = Clusters::of(ops)?;
    let blocks = clusters.blocks()?;
    Ok(clusters.order(&blocks, |block| block.f.min(block.s)))
}

fn decide(ops: &[RegisterOp]) -> Result<(), Special> {
    let clusters = Clusters::of(ops)?;
    let blocks = clusters.blocks()?;
    clusters.compare(&blocks)?;
    if ops.iter().any(|op| op.act == Act::FailedCas) {
        return place_failed(&clusters, &blocks);
    }
    Ok(())
}

impl<'o> Clusters<'o> {
    fn of(ops: &'o [RegisterOp]) -> Result<Self, Special> {
        let first = Cluster { maker: NONE, next: NONE, first_ret: NEVER, last_call: 0, used: true };
        let mut names = Names::of(ops.iter().filter(|op| op.makes()).map(|op| op.value));
        let mut all = Vec::with_capacity(ops.len() / 2 + 1);
        all.push(first);
        for (at, op) in ops.iter().enumerate().filter(|(_, op)| op.makes()) {
            if op.value == INITIAL {
                return Err(Special::NotMine("the first value is written again"));
            }
            if !names.add(op.value, all.len() as u32) {
                return Err(Special::NotMine("a value is written twice"));
            }
            all.push(Cluster { maker: at as u32, used: op.span.answered(), ..first });
        }
        let mut clusters = Clusters { ops, all, names };
        clusters.add_reads()?;
        clusters.link()?;
        Ok(clusters)
    }

    pub(super) fn cluster_of(&self, value: u64) -> Option<u32> {
        if value == INITIAL { Some(0) } else { self.names.get(value) }
    }

    fn add_reads(&mut self) -> Result<(), Special> {
        for (at, op) in self.ops.iter().enumerate() {
            let Some(value) = op.reads() else { continue };
            let Some(cluster) = self.cluster_of(value) else {
                return Err(Special::Invalid(proof::from_nowhere(self, at as u32)));
            };
            let cluster = &mut self.all[cluster as usize];
            cluster.used = true;
            cluster.first_ret = cluster.first_ret.min(op.span.ret);
            cluster.last_call = cluster.last_call.max(op.span.call);
        }
        Ok(())
    }

    /// Chains the clusters of cas that took effect to those whose values they found, which were held
    /// therefore.
    fn link(&mut self) -> Result<(), Special> {
        let is_cas = |op: &RegisterOp| op.act == Act::Cas && op.makes();
        if !self.ops.iter().any(is_cas) {
            return Ok(());
        }
        for start in 1..self.all.len() {
            let mut at = start;
            // A cluster that was found used on the way back was linked then.
            while self.all[at].used {
                let maker = self.all[at].maker;
                let op = &self.ops[maker as usize];
                if !is_cas(op) {
                    break;
                }
                let Some(before) = self.cluster_of(op.from) else {
                    return Err(Special::Invalid(proof::from_nowhere(self, maker)));
                };
                let before = before as usize;
                if self.all[before].next == maker {
                    break;
                }
                if self.all[before].next != NONE {
                    return Err(Special::Invalid(proof::two_from_one(self, self.all[before].next, maker)));
                }
                self.all[before].next = maker;
                if self.all[before].used {
                    break;
                }
                self.all[before].used = true;
                at = before;
            }
        }
        Ok(())
    }

    /// The cluster that stands right behind one.
    pub(super) fn next(&self, cluster: u32) -> Option<u32> {
        let next = self.all[cluster as usize].next;
        (next != NONE).then(|| self.names.get(self.ops[next as usize].value)).flatten()
    }

    /// Whether a cluster's value was made out of another one.
    pub(super) fn is_linked(&self, cluster: u32) -> bool {
        let maker = self.all[cluster as usize].maker;
        maker != NONE && self.ops[maker as usize].act == Act::Cas
    }

    /// The blocks, each in order in itself.
    fn blocks(&self) -> Result<Vec<Block>, Special> {
        let mut blocks = Vec::with_capacity(self.all.len());
        let mut seen = 0;
        for head in 0..self.all.len() as u32 {
            if !self.all[head as usize].used || self.is_linked(head) {
                continue;
            }
            // What the register holds at first, it holds before anything returns.
            let mut block = Block { f: if head == 0 { 0 } else { NEVER }, s: 0, head };
            let mut next = Some(head);
            while let Some(at) = next {
                seen += 1;
                let cluster = &self.all[at as usize];
                if cluster.maker != NONE {
                    let span = self.ops[cluster.maker as usize].span;
                    if span.ret < block.s {
                        return Err(Special::Invalid(proof::block(self, head, at)));
                    }
                    block.f = block.f.min(span.ret);
                    block.s = block.s.max(span.call);
                }
                if cluster.first_ret < block.s {
                    return Err(Special::Invalid(proof::block(self, head, at)));
                }
                block.f = block.f.min(cluster.first_ret);
                block.s = block.s.max(cluster.last_call);
                next = self.next(at);
            }
            blocks.push(block);
        }
        if seen < self.all.iter().filter(|cluster| cluster.used).count() {
            return Err(Special::Invalid(proof::circle(self, &blocks)));
        }
        Ok(blocks)
    }

    /// Whether no two blocks must stand before each other.
    fn compare(&self, blocks: &[Block]) -> Result<(), Special> {
        let mut latest: Option<&Block> = None;
        for at in sorted(blocks, |block| block.f.min(block.s)) {
            let block = &blocks[at as usize];
            if let Some(latest) = latest
                && block.f < latest.s
            {
                return Err(Special::Invalid(proof::two_blocks(self, latest, block)));
            }
            if latest.is_none_or(|latest| latest.s < block.s) {
                latest = Some(block);
            }
        }
        Ok(())
    }

    /// The operations of all blocks, in the order of a key of the blocks.
    pub(super) fn order(&self, blocks: &[Block], key: impl Fn(&Block) -> u32) -> Vec<u32> {
        // Reads by cluster: where each one's begin, then the reads.
        let mut begin = vec![0_u32; self.all.len() + 1];
        let reads = || {
            let all = self.ops.iter().enumerate();
            all.filter_map(|(at, op)| Some((at as u32, self.cluster_of(op.reads()?)? as usize)))
        };
        for (_, cluster) in reads() {
            begin[cluster + 1] += 1;
        }
        for cluster in 0..self.all.len() {
            begin[cluster + 1] += begin[cluster];
        }
        let mut sorted_reads = vec![0; begin.last().copied().unwrap_or(0) as usize];
        let mut fill = begin.clone();
        for (read, cluster) in reads() {
            sorted_reads[fill[cluster] as usize] = read;
            fill[cluster] += 1;
        }
        let mut order = Vec::with_capacity(self.ops.len());
        for block in sorted(blocks, key) {
            let mut next = Some(blocks[block as usize].head);
            while let Some(at) = next {
                let maker = self.all[at as usize].maker;
                if maker != NONE {
                    order.push(maker);
                }
                let reads = begin[at as usize] as usize..begin[at as usize + 1] as usize;
                order.extend_from_slice(&sorted_reads[reads]);
                next = self.next(at);
            }
        }
        order
    }
}

/// Indices of the blocks by key. The block of the first value is the first.
fn sorted(blocks: &[Block], key: impl Fn(&Block) -> u32) -> impl Iterator<Item = u32> {
    let keyed = blocks.iter().enumerate();
    let mut keys: Vec<u64> = keyed.map(|(at, block)| u64::from(key(block)) << 32 | at as u64).collect();
    // The block of the first value stands first, whatever its key.
    if let Some(first) = keys.first_mut()
        && blocks[0].head == 0
    {
        *first = 0;
    }
    keys.sort_unstable();
    keys.into_iter().map(|key| key as u32)
}
