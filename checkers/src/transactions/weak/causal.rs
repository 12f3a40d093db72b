//! Causal consistency: whatever a transaction saw, and whatever that saw, is visible to it, and all
//! agree on one order. Biswas and Enea, axiom "Causal"; Bouajjani et al. (POPL 2017) call it causal
//! convergence, CCv, and its violations CyclicCO, WriteCOInitRead and CyclicCF.
//!
//! As AWDIT (PLDI 2025, section 3): for a read of `x` from `t1`, in each chain of the past the last
//! writer of `x`. Beyond it: chains are not sessions but whatever happened one after the other (a
//! client that goes on under a new number after an unanswered transaction extends the old chain
//! as soon as somebody saw that), a clock lives only until its last reader was done, and a pair that
//! causality itself already orders is not written down.

use super::super::history::NONE;
use super::committed::{Committed, INIT};
use super::meter::Meter;
use super::order::{Forced, Sink, read_from};

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

/// Vector clocks of those nodes that somebody still has to look at.
struct Clocks {
    /// Node to its clock; [`NONE`] if it has none, or none any more.
    slot: Vec<u32>,
    free: Vec<u32>,
    slots: usize,
    width: usize,
    entries: Vec<u32>,
}

impl Clocks {
    fn of(&self, node: u32) -> &[u32] {
        match self.slot[node as usize] {
            NONE => &[],
            slot => &self.entries[slot as usize * self.width..(slot as usize + 1) * self.width],
        }
    }

    fn keep(&mut self, node: u32, clock: &[u32], meter: &Meter<'_>) -> Result<(), String> {
        if clock.len() > self.width {
            let width = clock.len().next_power_of_two().max(16);
            meter.may_hold(self.slots * width * 4)?;
            let mut wider = vec![0; self.slots * width];
            for slot in 0..self.slots {
                let old = &self.entries[slot * self.width..(slot + 1) * self.width];
                wider[slot * width..slot * width + self.width].copy_from_slice(old);
            }
            (self.entries, self.width) = (wider, width);
        }
        let slot = match self.free.pop() {
            Some(slot) => slot as usize,
            None => {
                self.slots += 1;
                meter.may_hold(self.slots * self.width * 4)?;
                self.entries.resize(self.slots * self.width, 0);
                self.slots - 1
            }
        };
        let row = &mut self.entries[slot * self.width..(slot + 1) * self.width];
        row[..clock.len()].copy_from_slice(clock);
        row[clock.len()..].fill(0);
        self.slot[node as usize] = slot as u32;
        Ok(())
    }

    fn drop(&mut self, node: u32) {
        let slot = std::mem::replace(&mut self.slot[node as usize], NONE);
        if slot != NONE {
            self.free.push(slot);
        }
    }
}

/// From here on a node rather takes over the chain of a session that goes on than open another one.
const MANY_CHAINS: usize = 64;

struct Chains<'c, 'a> {
    committed: &'c Committed<'a>,
    clocks: Clocks,
    /// How many have yet to look at a node's clock.
    lookers: Vec<u32>,
    /// How long each chain is.
    length: Vec<u32>,
    /// The chain that a session was last in.
    chain_of: Vec<u32>,
    /// The session that last extended each chain.
    owner: Vec<u32>,
    /// How many nodes of each session are still to come.
    left: Vec<u32>,
    links: Vec<Link>,
    heads: Vec<Head>,
    head_of_key: Vec<u32>,
    clock: Vec<u32>,
    /// Only pairs that contradict causality are wanted; then the place of each node is kept, and
    /// all clocks.
    weak: bool,
    chain_and_place: Vec<(u32, u32)>,
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
    run(committed, sink, meter, false)
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
    run(committed, sink, meter, true)
}

fn run(
    committed: &Committed<'_>,
    sink: &mut impl Sink,
    meter: &mut Meter<'_>,
    weak: bool,
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
        clocks: Clocks { slot: vec![NONE; nodes], free: Vec::new(), slots: 0, width: 0, entries: Vec::new() },
        lookers,
        length: Vec::new(),
        chain_of: vec![NONE; committed.sessions() as usize],
        owner: Vec::new(),
        left: (0..committed.sessions()).map(|session| committed.session(session).len() as u32).collect(),
        links: Vec::new(),
        heads: Vec::new(),
        head_of_key: vec![NONE; committed.history.keys.len()],
        clock: Vec::new(),
        weak,
        chain_and_place: vec![(0, u32::MAX); if weak { nodes } else { 0 }],
    };
    for node in order {
        let steps = chains.node(node, sink, meter).map_err(Stop::Budget)?;
        meter.take(steps).map_err(Stop::Budget)?;
    }
    Ok(())
}

impl Chains<'_, '_> {
    fn node(&mut self, t3: u32, sink: &mut impl Sink, meter: &Meter<'_>) -> Result<u64, String> {
        let committed = self.committed;
        let mut steps = 1;
        self.left[committed.session[t3 as usize] as usize] -= 1;
        self.clock.clear();
        self.clock.resize(self.length.len(), 0);
        let mut cursor = 0;
        while let Some(before) = next_cause(committed, t3, &mut cursor) {
            let row = self.clocks.of(before);
            steps += row.len() as u64 / 8 + 1;
            for (mine, theirs) in self.clock.iter_mut().zip(row) {
                *mine = (*mine).max(*theirs);
            }
        }
        for read in committed.reads_of(t3) {
            steps += self.read(t3, read.key, read.from, sink);
        }
        if self.lookers[t3 as usize] > 0 {
            if !committed.writes_of(t3).is_empty() {
                self.extend(t3);
            }
            self.clocks.keep(t3, &self.clock, meter)?;
        }
        let mut cursor = 0;
        while let Some(before) = next_cause(committed, t3, &mut cursor) {
            let lookers = &mut self.lookers[before as usize];
            *lookers -= 1;
            if *lookers == 0 && !self.weak {
                self.clocks.drop(before);
            }
        }
        Ok(steps)
    }

    /// In each chain the last writer of what was read.
    fn read(&mut self, t3: u32, key: u32, t1: u32, sink: &mut impl Sink) -> u64 {
        let mut steps = 1;
        let mut head = self.head_of_key[key as usize];
        let known = if t1 == INIT { &[] } else { self.clocks.of(t1) };
        while head != NONE {
            let Head { chain, link, next } = self.heads[head as usize];
            head = next;
            steps += 1;
            let bound = self.clock[chain as usize];
            if bound == 0 {
                continue;
            }
            let mut at = link;
            while at != NONE && self.links[at as usize].place > bound {
                let Link { jump, before, .. } = self.links[at as usize];
                at = if jump != NONE && self.links[jump as usize].place > bound { jump } else { before };
                steps += 1;
            }
            if at == NONE {
                continue;
            }
            let Link { node: t2, place, forced_before, .. } = self.links[at as usize];
            let follows = known.get(chain as usize).is_some_and(|seen| *seen >= place);
            if follows || t2 == t1 || t1 != INIT && forced_before == t1 {
                continue;
            }
            self.links[at as usize].forced_before = t1;
            if self.weak && !self.contradicts(t2, t1, key) {
                continue;
            }
            sink.forced(Forced { t2, t1, t3, key });
        }
        steps
    }

    /// Whether what was read is older than what is visible, by causality or by a list.
    fn contradicts(&self, t2: u32, t1: u32, key: u32) -> bool {
        if t1 == INIT || self.committed.lists() && self.committed.rank(t2, key) > self.committed.rank(t1, key)
        {
            return true;
        }
        let (chain, place) = self.chain_and_place[t1 as usize];
        self.clocks.of(t2).get(chain as usize).is_some_and(|seen| *seen >= place)
    }

    /// Puts a node, all of whose past is in the clock, at the end of a chain.
    fn extend(&mut self, node: u32) {
        let session = self.committed.session[node as usize] as usize;
        let fits = |chain: u32| self.clock[chain as usize] == self.length[chain as usize];
        let chain = match self.chain_of[session] {
            chain if chain != NONE && fits(chain) => chain,
            _ => self.other_chain(fits).unwrap_or_else(|| {
                self.length.push(0);
                self.owner.push(NONE);
                self.clock.push(0);
                self.length.len() as u32 - 1
            }),
        };
        self.chain_of[session] = chain;
        self.owner[chain as usize] = session as u32;
        self.length[chain as usize] += 1;
        let place = self.length[chain as usize];
        self.clock[chain as usize] = place;
        if self.weak {
            self.chain_and_place[node as usize] = (chain, place);
        }
        for write in self.committed.writes_of(node) {
            let link = self.links.len() as u32;
            let mut at = self.head_of_key[write.key as usize];
            while at != NONE && self.heads[at as usize].chain != chain {
                at = self.heads[at as usize].next;
            }
            let before = if at == NONE { NONE } else { self.heads[at as usize].link };
            if at == NONE {
                let next = self.head_of_key[write.key as usize];
                self.head_of_key[write.key as usize] = self.heads.len() as u32;
                self.heads.push(Head { chain, link, next });
            } else {
                self.heads[at as usize].link = link;
            }
            let (jump, depth) = self.further_back(before);
            self.links.push(Link { node, place, before, jump, depth, forced_before: NONE });
        }
    }

    /// A chain of another session that a node can go on with: one that has ended. Whoever takes over the
    /// chain of a session that goes on drives that one to take over a third, and all clocks grow; it is
    /// done only once there are many chains.
    fn other_chain(&self, fits: impl Fn(u32) -> bool) -> Option<u32> {
        let mut of_others = (0..self.length.len() as u32).filter(|chain| fits(*chain));
        let ended = |chain: &u32| self.left[self.owner[*chain as usize] as usize] == 0;
        let first = of_others.next()?;
        if ended(&first) {
            return Some(first);
        }
        of_others.find(ended).or((self.length.len() >= MANY_CHAINS).then_some(first))
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
