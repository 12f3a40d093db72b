//! Why operations on a register with unique values are not linearizable, from where the test failed.
//!
//! Nothing is searched: one pass finds the operations that bound the two blocks, or the chain.

use super::register::{Block, Clusters, NONE, RegisterOp};
use super::{Contradiction, NEVER, Sentence};

/// How many operations of a chain a sentence names.
const NAMED: usize = 6;

/// A value was found that nothing can have left.
pub(super) fn from_nowhere(clusters: &Clusters<'_>, at: u32) -> Contradiction {
    let op = &clusters.ops[at as usize];
    let call = op.span.call;
    let mut steps = took_effect(clusters, at);
    steps.push(Sentence::new(
        "no write or cas that may have happened leaves the value that {} found, and the register does not \
         hold it at first",
        &[call],
    ));
    Contradiction::new(Sentence::new("{} found a value that nothing had written", &[call]), steps)
}

/// Two cas replaced one and the same value.
pub(super) fn two_from_one(clusters: &Clusters<'_>, one: u32, other: u32) -> Contradiction {
    let calls = [clusters.ops[one as usize].span.call, clusters.ops[other as usize].span.call];
    let mut steps = took_effect(clusters, one);
    steps.extend(took_effect(clusters, other));
    let from = clusters.cluster_of(clusters.ops[one as usize].from).unwrap_or(0);
    steps.push(match clusters.all[from as usize].maker {
        NONE => Sentence::new("the register holds that value at first, and nothing brings it back", &[]),
        maker => Sentence::new("only {} leaves that value", &[clusters.ops[maker as usize].span.call]),
    });
    steps.push(Sentence::new(
        "whichever came first replaced the value, so the other cannot have found it",
        &[],
    ));
    Contradiction::new(Sentence::new("{} and {} replaced the same value", &calls), steps)
}

/// Some cas each need the value that another of them leaves.
pub(super) fn circle(clusters: &Clusters<'_>, blocks: &[Block]) -> Contradiction {
    let mut seen = vec![false; clusters.all.len()];
    for block in blocks {
        let mut next = Some(block.head);
        while let Some(at) = next {
            seen[at as usize] = true;
            next = clusters.next(at);
        }
    }
    let start = (0..clusters.all.len()).find(|&at| clusters.all[at].used && !seen[at]).unwrap_or(0);
    let mut calls = Vec::new();
    let mut next = Some(start as u32);
    while let Some(at) = next {
        let maker = clusters.all[at as usize].maker;
        if maker != NONE {
            calls.push(clusters.ops[maker as usize].span.call);
        }
        next = clusters.next(at).filter(|&next| next != start as u32);
    }
    Contradiction::new(
        Sentence::new("none of these can have been the first: ", &[]).list(&calls, NAMED),
        vec![
            Sentence::new("each found the value that only the one before it leaves: ", &[])
                .list(&calls, NAMED),
            Sentence::new("and the first of them found what the last one leaves", &[]),
        ],
    )
}

/// Something in cluster `at` of the block of `head` returned before something that must come earlier
/// was invoked.
pub(super) fn block(clusters: &Clusters<'_>, head: u32, at: u32) -> Contradiction {
    // The latest invocation before the offender, and where it stands.
    let (mut latest, mut stands) = (0, head);
    let mut next = Some(head);
    let mut offender = None;
    while let Some(here) = next {
        let cluster = &clusters.all[here as usize];
        if cluster.maker != NONE {
            let span = clusters.ops[cluster.maker as usize].span;
            if here == at && span.ret < latest {
                offender = Some(span.call);
                break;
            }
            if span.call > latest {
                (latest, stands) = (span.call, here);
            }
        }
        if here == at {
            break;
        }
        if cluster.last_call > latest {
            (latest, stands) = (cluster.last_call, here);
        }
        next = clusters.next(here);
    }
    let read = || clusters.returned_at(clusters.all[at as usize].first_ret);
    let early = offender.or_else(read).unwrap_or(latest);
    let mut steps = Vec::new();
    if stands == at {
        steps.push(Sentence::new("only {} leaves the value that {} found", &[latest, early]));
    } else {
        let chain = chain(clusters, stands, at);
        steps.push(
            Sentence::new("each of these found what only the one before it, or the first value, left: ", &[])
                .list(&chain, NAMED),
        );
        steps.push(Sentence::new(
            "so {} found or left a value that was gone when {} took effect, and must have come before it",
            &[latest, early],
        ));
    }
    steps.push(Sentence::new("but {} had returned before {} was invoked", &[early, latest]));
    Contradiction::new(
        Sentence::new(
            "{} cannot be explained: it found or left what was possible only after {}",
            &[early, latest],
        ),
        steps,
    )
}

/// Two values, or chains of them, each of which must have come first.
pub(super) fn two_blocks(clusters: &Clusters<'_>, one: &Block, other: &Block) -> Contradiction {
    let (late, other) = if one.s >= other.s { (one, other) } else { (other, one) };
    let (late, other) = (Stretch::of(clusters, late), Stretch::of(clusters, other));
    let mut steps = Vec::new();
    late.tell(&mut steps);
    other.tell(&mut steps);
    steps.push(match late.began {
        Some(began) => Sentence::new(
            "{} had returned before {} was invoked, so what is said first came before the other",
            &[began, other.lasted],
        ),
        None => Sentence::new("what the register holds at first came before the other", &[]),
    });
    if let Some(began) = other.began {
        steps.push(Sentence::new(
            "and {} had returned before {} was invoked, so the other had replaced it by then, for good",
            &[began, late.lasted],
        ));
    } else {
        steps.push(Sentence::new("and the other is what the register holds at first", &[]));
    }
    Contradiction::new(
        Sentence::new(
            "{} cannot be explained: the value that it found had been replaced before it was invoked",
            &[late.lasted],
        ),
        steps,
    )
}

/// A failed cas ran while the register certainly held what it asked for.
pub(super) fn failed_during(failed: u32, first: u32, last: u32) -> Contradiction {
    let begins = match first {
        NONE => Sentence::new("the register holds at first the value that {} asked for", &[failed]),
        first => Sentence::new(
            "the register had held the value that {} asked for when {} returned, before it was invoked",
            &[failed, first],
        ),
    };
    let ends = Sentence::new("{} found that value, and was invoked after {} had returned", &[last, failed]);
    let between = Sentence::new("the value is written once, so it was there all the time in between", &[]);
    let finding = "{} failed, although the register held what it asked for";
    Contradiction::new(Sentence::new(finding, &[failed]), vec![begins, ends, between])
}

/// For an operation without an answer: how it is known that it took effect.
fn took_effect(clusters: &Clusters<'_>, at: u32) -> Vec<Sentence> {
    let op = &clusters.ops[at as usize];
    let mut steps = Vec::new();
    if op.span.answered() {
        return steps;
    }
    let mut chain = Vec::new();
    let mut next = clusters.cluster_of(op.value);
    while let Some(here) = next {
        let cluster = &clusters.all[here as usize];
        if cluster.first_ret != NEVER {
            chain.extend(clusters.returned_at(cluster.first_ret));
            break;
        }
        let Some(cas) = clusters.ops.get(cluster.next as usize) else { break };
        chain.push(cas.span.call);
        if cas.span.answered() || chain.len() > NAMED * 4 {
            break;
        }
        next = clusters.next(here);
    }
    steps.push(
        Sentence::new(
            "{} was not answered, but took effect, since what it left was found: ",
            &[op.span.call],
        )
        .list(&chain, NAMED),
    );
    steps
}

/// The makers from the cluster behind `from` to the cluster `to`, which follows it.
fn chain(clusters: &Clusters<'_>, from: u32, to: u32) -> Vec<u32> {
    let mut calls = Vec::new();
    let mut next = Some(from);
    while let Some(at) = next.filter(|&at| at != to) {
        next = clusters.next(at);
        if let Some(next) = next {
            calls.push(clusters.ops[clusters.all[next as usize].maker as usize].span.call);
        }
    }
    calls
}

/// What a block shows: since when and how long a value, or a chain of them, was there.
struct Stretch {
    /// What left the first value; none if the register holds it at first.
    maker: Option<u32>,
    /// The operation that returned first: the value was there before. None if from the start.
    began: Option<u32>,
    /// The operation that was invoked last: the value was there after that.
    lasted: u32,
    /// Cas between the two.
    chain: Vec<u32>,
}

impl Stretch {
    fn of(clusters: &Clusters<'_>, block: &Block) -> Self {
        let op_where = |is: &dyn Fn(u32, u32) -> bool| {
            clusters.ops.iter().find(|op| {
                let counts = op.makes() || op.reads().is_some();
                counts && is(op.span.call, op.span.ret)
            })
        };
        let first = op_where(&|_, ret| block.f != NEVER && ret == block.f);
        let last = op_where(&|call, _| call == block.s);
        let cluster =
            |op: Option<&RegisterOp>| op.and_then(|op| clusters.cluster_of(op.value)).unwrap_or(block.head);
        let from_start = block.head == 0;
        let (begin, end) = (if from_start { 0 } else { cluster(first) }, cluster(last));
        // Whichever of the two stands first in the block.
        let mut here = Some(block.head);
        let mut begin_first = true;
        while let Some(at) = here.filter(|&at| at != begin) {
            if at == end {
                begin_first = false;
                break;
            }
            here = clusters.next(at);
        }
        let (from, to) = if begin_first { (begin, end) } else { (end, begin) };
        let maker = clusters.all[from as usize].maker;
        Stretch {
            maker: (maker != NONE).then(|| clusters.ops[maker as usize].span.call),
            began: first.filter(|_| !from_start).map(|op| op.span.call),
            lasted: last.map_or(block.s, |op| op.span.call),
            chain: chain(clusters, from, to),
        }
    }

    fn tell(&self, steps: &mut Vec<Sentence>) {
        let what = match self.maker {
            Some(maker) => Sentence::new("the value that only {} leaves", &[maker]),
            None => Sentence::new("the value that it holds at first", &[]),
        };
        let chained = if self.chain.is_empty() {
            what
        } else {
            what.and(", together with what followed it directly by cas, ", &[])
                .list(&self.chain, NAMED)
                .and(",", &[])
        };
        let told = Sentence::new("the register held once, for one stretch of time, ", &[]);
        let mut told = told.and_sentence(chained);
        if let Some(began) = self.began {
            told = told.and(": it began before {} returned", &[began]).and(", and", &[]);
        } else {
            told = told.and(": it", &[]);
        }
        steps.push(told.and(" ended after {} was invoked", &[self.lasted]));
    }
}

impl Clusters<'_> {
    /// The operation that returned there.
    fn returned_at(&self, ret: u32) -> Option<u32> {
        self.ops.iter().find(|op| op.span.ret == ret).map(|op| op.span.call)
    }
}
