//! Causal consistency: whatever a transaction saw, and whatever that saw, is visible to it, and all
//! agree on one order. Biswas and Enea, axiom "Causal"; Bouajjani et al. (POPL 2017) call it causal
//! convergence, CCv, and its violations CyclicCO, WriteCOInitRead and CyclicCF.
//!
//! As AWDIT (PLDI 2025, section 3): for a read of `x` from `t1`, in each chain of the past the last
//! writer of `x`. Beyond it: chains are not sessions but whatever happened one after the other (a
//! client that goes on under a new number after an unanswered transaction extends the old chain
//! as soon as somebody saw that), a clock lives only until its last reader was done, clocks share what
//! they have in common, and a pair that causality itself already orders is not written down. So many
//! sessions of a few transactions each cost little more than a few long ones.

use std::collections::{HashMap, VecDeque};

use super::super::history::NONE;
use super::clocks::{Clock, Clocks, Stamp};
use super::committed::{Committed, INIT};
use super::meter::Meter;
use super::order::{Forced, Sink, read_from};
use crate::hash::FastHash;

/// Why there are no pairs.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Sessions and reads have a cycle.
    Cycle,
    /// The budget ended.
    Budget(String),
}

/// An order in which whatever a node saw or follows is before it; `None` if there is a cycle.
pub(crate) fn causal_order(committed: &Committed<'_>) -> Option<Vec<u32>> {
    let nodes = committed.len();
    let mut state = vec![0u8; nodes];
    let mut order = Vec::with_capacity(nodes);
    let mut path: Vec<(u32, u32)> = Vec::new();
    for root in 0..nodes as u32 {
        if state[root as usize] != 0 {
            continue;
        }
        state[root as usize] = 1;
        path.push((root, 0));
        while let Some((node, cursor)) = path.last_mut() {
            let Some(before) = next_cause(committed, *node, cursor) else {
                state[*node as usize] = 2;
                order.push(*node);
                path.pop();
                continue;
            };
            match state[before as usize] {
                0 => {
                    state[before as usize] = 1;
                    path.push((before, 0));
                }
                1 => return None,
                _ => {}
            }
        }
    }
    Some(order)
}

/// What a node follows or saw, one after the other.
#[inline]
pub(crate) fn next_cause(committed: &Committed<'_>, node: u32, cursor: &mut u32) -> Option<u32> {
    loop {
        let at = *cursor;
        *cursor += 1;
        let before = match at {
            0 => committed.previous[node as usize],
            _ => read_from(committed, node, at as usize - 1)?,
        };
        if before != NONE {
            return Some(before);
        }
    }
}

/// A write in a chain.
#[derive(Clone, Copy)]
struct Link {
    node: u32,
    /// Its place in the chain, from 1.
    place: u32,
    /// The write to the same key before it in the chain.
    before: u32,
    /// One further back, so that a search takes logarithmic time (Myers 1983).
    jump: u32,
    depth: u32,
    /// The last node that it was forced before.
    forced_before: u32,
}

/// The last write to a key in a chain.
#[derive(Clone, Copy)]
struct Head {
    chain: u32,
    link: u32,
    next: u32,
}

/// The chains with writes of a key, as a list.
#[derive(Clone, Copy)]
struct Heads {
    first: u32,
    count: u32,
}

/// Keys with more chains than this have them in a map as well.
const FEW_HEADS: u32 = 32;

/// A chain whose session goes on is taken over only if there are so many: whoever loses its chain
/// drives its session to take over a third, and all clocks grow.
const MANY_CHAINS: usize = 64;

/// How many chains of sessions that ended a node looks at before it opens a new one.
const LOOKS: usize = 16;

/// How many of the nodes that a node saw it looks at for a chain to go on with.
const CAUSES: u32 = 8;

/// No longer end of a chain is taken off.
const TAIL: usize = 64;

/// One after the other, each after all before it.
#[derive(Clone, Copy)]
struct Chain {
    length: u32,
    /// Up to where somebody but the owner has looked at it.
    shown: u32,
    /// The session that last extended it.
    owner: u32,
    /// That session has ended, and the chain is among [`Chains::ended`].
    ended: bool,
}

struct Chains<'c, 'a> {
    committed: &'c Committed<'a>,
    clocks: Clocks,
    stamps: Vec<Stamp>,
    /// How many have yet to look at a node's clock.
    lookers: Vec<u32>,
    chains: Vec<Chain>,
    /// Those whose session ended: the next one to be offered first.
    ended: VecDeque<u32>,
    /// The chain that a session was last in.
    chain_of: Vec<u32>,
    /// How many nodes of each session are still to come.
    left: Vec<u32>,
    /// Sessions that were in more than one chain.
    moved: Vec<bool>,
    links: Vec<Link>,
    heads: Vec<Head>,
    heads_of_key: Vec<Heads>,
    /// Which of `heads` is of this key and chain, for keys with many.
    head_of: HashMap<(u32, u32), u32, FastHash>,
    /// What the node at hand has seen.
    seen: Clock,
    /// Chains that the node at hand knows further than what it reads, and their heads.
    ahead: Vec<(u32, u32)>,
    /// Only pairs that contradict causality are wanted; then all clocks are kept.
    weak: bool,
    /// See [`force_and_tell`].
    told: Option<&'c mut Vec<bool>>,
}

/// Every pair that causal consistency forces, up to those that follow from others.
///
/// # Errors
/// There is a cycle without them, or the budget ended.
pub(crate) fn force(
    committed: &Committed<'_>,
    sink: &mut impl Sink,
    meter: &mut Meter<'_>,
) -> Result<(), Stop> {
    run(committed, sink, meter, false, None)
}

/// As [`force`]; and says of which sessions a read tells more of what an earlier one had seen, or that the
/// initial state was read too late. For all others the pairs say also what their own orders must be:
/// what is before a transaction of such a session, with the pairs of its own reads, is what causality has
/// before it, so that its order of causal memory is part of the common one.
///
/// # Errors
/// As [`force`].
pub(crate) fn force_and_tell(
    committed: &Committed<'_>,
    sink: &mut impl Sink,
    meter: &mut Meter<'_>,
) -> Result<Vec<bool>, Stop> {
    let mut told = vec![false; committed.sessions() as usize];
    run(committed, sink, meter, false, Some(&mut told))?;
    Ok(told)
}

/// Those pairs alone that contradict causality, or a list, by themselves.
///
/// # Errors
/// As [`force`].
pub(crate) fn force_weak(
    committed: &Committed<'_>,
    sink: &mut impl Sink,
    meter: &mut Meter<'_>,
) -> Result<(), Stop> {
    run(committed, sink, meter, true, None)
}

fn run<'c>(
    committed: &'c Committed<'_>,
    sink: &mut impl Sink,
    meter: &mut Meter<'_>,
    weak: bool,
    told: Option<&'c mut Vec<bool>>,
) -> Result<(), Stop> {
    let order = causal_order(committed).ok_or(Stop::Cycle)?;
    let nodes = committed.len();
    let mut lookers = vec![0u32; nodes];
    for node in 0..nodes as u32 {
        let mut cursor = 0;
        while let Some(before) = next_cause(committed, node, &mut cursor) {
            lookers[before as usize] += 1;
        }
    }
    let mut chains = Chains {
        committed,
        clocks: Clocks::new(),
        stamps: vec![Stamp::NOTHING; nodes],
        lookers,
        chains: Vec::new(),
        ended: VecDeque::new(),
        chain_of: vec![NONE; committed.sessions() as usize],
        left: (0..committed.sessions()).map(|session| committed.session(session).len() as u32).collect(),
        moved: vec![false; committed.sessions() as usize],
        links: Vec::new(),
        heads: Vec::new(),
        heads_of_key: vec![Heads { first: NONE, count: 0 }; committed.history.keys.len()],
        head_of: HashMap::default(),
        seen: Clock::EMPTY,
        ahead: Vec::new(),
        weak,
        told,
    };
    let (total, mut done) = (order.len(), 0);
    for node in order {
        let steps = chains.node(node, sink);
        meter.take(steps).and_then(|()| meter.may_hold(chains.bytes())).map_err(|reason| {
            Stop::Budget(format!("{reason}; what {done} of {total} transactions saw has been looked at"))
        })?;
        done += 1;
    }
    Ok(())
}

impl Chains<'_, '_> {
    fn bytes(&self) -> usize {
        let heads = self.heads.len() * size_of::<Head>() + self.head_of.len() * 24;
        self.clocks.bytes() + self.links.len() * size_of::<Link>() + heads
    }

    fn node(&mut self, t3: u32, sink: &mut impl Sink) -> u64 {
        let committed = self.committed;
        let mut steps = 1;
        let before_blocks = self.clocks.steps;
        let mut cursor = 0;
        while let Some(before) = next_cause(committed, t3, &mut cursor) {
            let Stamp { seen, chain, place } = self.stamps[before as usize];
            steps += 1;
            if chain != NONE {
                if committed.session[before as usize] != committed.session[t3 as usize] {
                    let known = &mut self.chains[chain as usize];
                    known.shown = known.shown.max(place);
                }
                if self.clocks.place(self.seen, chain) >= place {
                    continue;
                }
            }
            // Nobody else will look at it: then it need not be copied.
            let last = self.seen == Clock::EMPTY && self.lookers[before as usize] == 1;
            self.seen = if last && !self.weak && self.told.is_none() {
                std::mem::replace(&mut self.stamps[before as usize].seen, Clock::EMPTY)
            } else {
                self.clocks.join(self.seen, seen)
            };
            if chain != NONE {
                self.seen = self.clocks.with(self.seen, chain, place);
            }
        }
        for read in committed.reads_of(t3) {
            steps += self.read(t3, read.key, read.from, sink);
        }
        let seen = std::mem::replace(&mut self.seen, Clock::EMPTY);
        if self.lookers[t3 as usize] > 0 {
            self.stamps[t3 as usize].seen = seen;
            if !committed.writes_of(t3).is_empty() {
                self.extend(t3);
            }
        } else {
            self.clocks.drop(seen);
        }
        self.end_of_session(committed.session[t3 as usize] as usize);
        let mut cursor = 0;
        while let Some(before) = next_cause(committed, t3, &mut cursor) {
            let lookers = &mut self.lookers[before as usize];
            *lookers -= 1;
            if *lookers == 0 && !self.weak {
                let stamp = &mut self.stamps[before as usize];
                let seen = std::mem::replace(&mut stamp.seen, Clock::EMPTY);
                self.clocks.drop(seen);
            }
        }
        steps + (self.clocks.steps - before_blocks) * 4
    }

    /// The chain of a session whose last node has come may be gone on with.
    fn end_of_session(&mut self, session: usize) {
        self.left[session] -= 1;
        let chain = self.chain_of[session];
        if self.left[session] == 0 && chain != NONE {
            let known = &mut self.chains[chain as usize];
            if known.owner == session as u32 && !known.ended {
                known.ended = true;
                self.ended.push_back(chain);
            }
        }
    }

    /// In each chain the last writer of what was read.
    fn read(&mut self, t3: u32, key: u32, t1: u32, sink: &mut impl Sink) -> u64 {
        let Heads { first, count } = self.heads_of_key[key as usize];
        let known = if t1 == INIT { Stamp::NOTHING } else { self.stamps[t1 as usize] };
        let mut steps = 1;
        if count > FEW_HEADS && self.few_ahead(key, known.seen, count as usize / 2) {
            let ahead = std::mem::take(&mut self.ahead);
            for (head, bound) in &ahead {
                let Head { chain, link, .. } = self.heads[*head as usize];
                steps += self.last_writer((t3, key, t1), (chain, link, *bound), &known, sink);
            }
            steps += ahead.len() as u64;
            self.ahead = ahead;
            return steps;
        }
        let mut head = first;
        while head != NONE {
            let Head { chain, link, next } = self.heads[head as usize];
            head = next;
            steps += 1;
            let bound = self.clocks.place(self.seen, chain);
            if bound > 0 {
                steps += self.last_writer((t3, key, t1), (chain, link, bound), &known, sink);
            }
        }
        steps
    }

    /// Gathers the chains with writes of the key that the node at hand knows further than a clock, unless
    /// those it knows further are more than `limit`.
    fn few_ahead(&mut self, key: u32, known: Clock, limit: usize) -> bool {
        let Chains { clocks, seen, ahead, head_of, .. } = self;
        ahead.clear();
        let mut looks = 0;
        clocks.ahead(*seen, known, &mut |chain, bound| {
            looks += 1;
            if let Some(head) = head_of.get(&(key, chain)) {
                ahead.push((*head, bound));
            }
            looks <= limit
        })
    }

    fn last_writer(
        &mut self,
        (t3, key, t1): (u32, u32, u32),
        (chain, link, bound): (u32, u32, u32),
        known: &Stamp,
        sink: &mut impl Sink,
    ) -> u64 {
        let mut steps = 0;
        let mut at = link;
        while at != NONE && self.links[at as usize].place > bound {
            let Link { jump, before, .. } = self.links[at as usize];
            at = if jump != NONE && self.links[jump as usize].place > bound { jump } else { before };
            steps += 1;
        }
        if at == NONE {
            return steps;
        }
        let Link { node: t2, place, forced_before, .. } = self.links[at as usize];
        if t2 == t1 || t1 != INIT && known.knows(&self.clocks, chain, place) {
            return steps;
        }
        if self.told.is_some() {
            self.tell(t3, t1, (chain, place), known);
        }
        if t1 != INIT && forced_before == t1 {
            return steps;
        }
        self.links[at as usize].forced_before = t1;
        if !self.weak || self.contradicts(t2, t1, key) {
            sink.forced(Forced { t2, t1, t3, key });
        }
        steps
    }

    /// Whether the session had seen `t1` before, and only now learns of a writer that is before it.
    fn tell(&mut self, t3: u32, t1: u32, (chain, place): (u32, u32), known: &Stamp) {
        let (committed, clocks) = (self.committed, &self.clocks);
        let previous = committed.previous[t3 as usize];
        let more = t1 == INIT
            || previous != NONE && {
                let before = &self.stamps[previous as usize];
                let first = committed.previous[previous as usize] == NONE;
                before.knows(clocks, known.chain, known.place)
                    && !(first && before.knows(clocks, chain, place))
            };
        if let Some(told) = &mut self.told {
            told[committed.session[t3 as usize] as usize] |= more;
        }
    }

    /// Whether what was read is older than what is visible, by causality or by a list.
    fn contradicts(&self, t2: u32, t1: u32, key: u32) -> bool {
        if t1 == INIT || self.committed.lists() && self.committed.rank(t2, key) > self.committed.rank(t1, key)
        {
            return true;
        }
        let Stamp { chain, place, .. } = self.stamps[t1 as usize];
        chain != NONE && self.stamps[t2 as usize].knows(&self.clocks, chain, place)
    }

    /// Puts a node, all of whose past is in its clock, at the end of a chain.
    fn extend(&mut self, node: u32) {
        let session = self.committed.session[node as usize] as usize;
        let chain = self.chain_for(node, session);
        let before = std::mem::replace(&mut self.chain_of[session], chain);
        self.moved[session] |= before != NONE && before != chain;
        let known = &mut self.chains[chain as usize];
        if known.owner != session as u32 {
            (known.owner, known.ended, known.shown) = (session as u32, false, known.length);
        }
        known.length += 1;
        let place = known.length;
        let stamp = &mut self.stamps[node as usize];
        (stamp.chain, stamp.place) = (chain, place);
        for write in self.committed.writes_of(node) {
            self.link(node, write.key, chain, place);
        }
    }

    fn link(&mut self, node: u32, key: u32, chain: u32, place: u32) {
        let link = self.links.len() as u32;
        let Heads { first, count } = self.heads_of_key[key as usize];
        let at = self.head(key, chain);
        let before = if at == NONE { NONE } else { self.heads[at as usize].link };
        if at == NONE {
            let made = self.heads.len() as u32;
            self.heads.push(Head { chain, link, next: first });
            self.heads_of_key[key as usize] = Heads { first: made, count: count + 1 };
            if count == FEW_HEADS {
                // From now on the map has them all.
                let mut each = made;
                while each != NONE {
                    let Head { chain, next, .. } = self.heads[each as usize];
                    self.head_of.insert((key, chain), each);
                    each = next;
                }
            } else if count > FEW_HEADS {
                self.head_of.insert((key, chain), made);
            }
        } else {
            self.heads[at as usize].link = link;
        }
        let (jump, depth) = self.further_back(before);
        self.links.push(Link { node, place, before, jump, depth, forced_before: NONE });
    }

    /// The chain of the session, or one of another session that the node has seen all of, or a new one.
    fn chain_for(&mut self, node: u32, session: usize) -> u32 {
        let Stamp { seen, .. } = self.stamps[node as usize];
        let own = self.chain_of[session];
        if own != NONE && self.fits(seen, own) {
            return own;
        }
        let many = self.chains.len() >= MANY_CHAINS;
        let mut cursor = 0;
        while cursor < CAUSES
            && let Some(before) = next_cause(self.committed, node, &mut cursor)
        {
            let Stamp { chain, place, .. } = self.stamps[before as usize];
            if let Some(known) = self.chains.get(chain as usize)
                && known.length == place
                && (known.ended || many)
            {
                return chain;
            }
        }
        for _ in 0..LOOKS.min(self.ended.len()) {
            let Some(chain) = self.ended.pop_front() else { break };
            if !self.chains[chain as usize].ended {
                continue;
            }
            self.forget_unseen(chain);
            if self.fits(seen, chain) {
                return chain;
            }
            self.ended.push_back(chain);
        }
        self.chains.push(Chain { length: 0, shown: 0, owner: NONE, ended: false });
        self.chains.len() as u32 - 1
    }

    /// Takes off the end of a chain, whose session has ended, what nobody else has looked at or will: else
    /// nobody could ever go on with it. Clocks that knew of it were the session's own, and are gone; so
    /// the session must have been in this chain alone.
    fn forget_unseen(&mut self, chain: u32) {
        let committed = self.committed;
        let Chain { length, shown, owner, .. } = self.chains[chain as usize];
        if shown == length || self.moved[owner as usize] {
            return;
        }
        let nodes = committed.session(owner);
        let unseen = |node: &&u32| {
            let stamp = &self.stamps[**node as usize];
            stamp.chain == NONE || stamp.place > shown
        };
        let first = nodes.len() - nodes.iter().rev().take(TAIL).take_while(unseen).count();
        if nodes.len() - first == TAIL || nodes[first..].iter().any(|node| self.lookers[*node as usize] > 0) {
            return;
        }
        for node in nodes[first..].iter().rev().filter(|node| self.stamps[**node as usize].chain == chain) {
            for write in committed.writes_of(*node) {
                let head = self.head(write.key, chain);
                if let Some(head) = self.heads.get_mut(head as usize)
                    && let Some(link) = self.links.get(head.link as usize)
                {
                    head.link = link.before;
                }
            }
        }
        self.chains[chain as usize].length = shown;
    }

    /// Which of `heads` is of a key and chain.
    fn head(&self, key: u32, chain: u32) -> u32 {
        let Heads { first, count } = self.heads_of_key[key as usize];
        if count > FEW_HEADS {
            return self.head_of.get(&(key, chain)).copied().unwrap_or(NONE);
        }
        let mut at = first;
        while at != NONE && self.heads[at as usize].chain != chain {
            at = self.heads[at as usize].next;
        }
        at
    }

    fn fits(&self, seen: Clock, chain: u32) -> bool {
        self.clocks.place(seen, chain) == self.chains[chain as usize].length
    }

    fn further_back(&self, before: u32) -> (u32, u32) {
        let Some(link) = self.links.get(before as usize) else { return (NONE, 0) };
        let far = self.links.get(link.jump as usize);
        let farther = far.and_then(|far| self.links.get(far.jump as usize));
        let jump = match (far, farther) {
            (Some(far), Some(farther)) if link.depth - far.depth == far.depth - farther.depth => far.jump,
            _ => before,
        };
        (jump, link.depth + 1)
    }
}
