//! Registers whose values are written once each: who reads what is known, and that forces orders.
//!
//! If a read finds what W wrote, then every other write that comes before the read comes before W,
//! and the read comes before every write that comes after W. These are applied until nothing new
//! follows (the saturation of Gibbons and Korach 1997, §4, and of Biswas and Enea 2019 for histories
//! of transactions). What is forced holds in every order; so a cycle shows that there is none. The
//! reverse does not hold: deciding it is NP-complete, and the search goes on from here.
//!
//! It may be asked of a part of the operations, in which everybody's source is who is there: an order
//! of all, without the others, is one of the part, since whoever is left still finds the last write
//! before it. A change whose own source is missing counts as a write that looks at nothing.
//!
//! How far an operation reaches back is kept as one number per process, so that a round costs
//! operations times processes.

use std::collections::HashMap;

use super::meter::{Meter, Spent};
use super::program::After;
use super::rows::{FIRST, NOTHING, Rows};
use crate::hash::FastHash;

/// Above so many numbers the clocks are not kept, whatever the budget.
const MAX_CLOCKS: usize = 1 << 27;
/// The part of the budget's bytes that they may take, each four: as much again goes with what is told of them.
const SHARE: usize = 8;
/// How many operations of a cycle are tried as the beginning of a shorter one.
const STARTS: usize = 16;
/// How many edges are explained from which those of a cycle follow.
const PREMISES: usize = 128;

/// Why one operation comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The same process did it before.
    Process,
    /// It found what that one wrote.
    Reads,
    /// It found the register as it was at first, and the other one changed it.
    FindsFirst,
    /// `from` comes before `reader`, which found what `to` wrote.
    Overwritten { reader: u32 },
    /// `from` found what `written` wrote, which comes before `to`.
    StillRead { written: u32 },
}

/// `from` comes before `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) why: Why,
}

/// What the forced orders say; operations are rows.
#[derive(Clone, Debug)]
pub(super) enum Saturated {
    /// No contradiction.
    Open(Forced),
    /// There is one.
    Contradiction(Cycle),
}

/// A cycle, and the edges from which its own follow, each behind those that it follows from.
#[derive(Clone, Debug)]
pub(super) struct Cycle {
    pub(super) edges: Vec<Edge>,
    pub(super) premises: Vec<Edge>,
}

/// What is forced.
#[derive(Clone, Debug)]
pub(super) struct Forced {
    /// Pairs of which the one comes before the other, beside what processes say.
    pub(super) pairs: Vec<(u32, u32)>,
    /// Of each operation that was asked about, in their order: how far other processes must be.
    pub(super) after: Vec<Vec<After>>,
    /// Of each of them where in an order it stands if it stands in the middle of where it can: between as
    /// many as come before it and as many as come after it.
    pub(super) rank: Vec<u32>,
}

/// Whether what is forced among so many operations of so many chains can be found out.
pub(super) fn fits(operations: usize, chains: usize, bytes: usize) -> bool {
    operations.saturating_mul(chains) <= MAX_CLOCKS.min(bytes / 4 / SHARE * 2)
}

/// What is forced among these operations, which took effect; in the order of their invocations.
pub(super) fn saturate(rows: &Rows, members: &[u32], meter: &mut Meter<'_>) -> Result<Saturated, Spent> {
    Graph::new(rows, members, meter)?.saturate(meter)
}

/// The edges by where they begin.
#[derive(Default)]
struct Out {
    starts: Vec<u32>,
    edges: Vec<u32>,
}

impl Out {
    fn new(count: usize, edges: &[Edge]) -> Self {
        let mut starts = vec![0_u32; count + 2];
        for edge in edges {
            starts[edge.from as usize + 2] += 1;
        }
        for at in 2..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut numbers = vec![0; edges.len()];
        for (number, edge) in edges.iter().enumerate() {
            let place = &mut starts[edge.from as usize + 1];
            numbers[*place as usize] = number as u32;
            *place += 1;
        }
        Out { starts, edges: numbers }
    }

    /// In the order in which they were found.
    fn of(&self, op: u32) -> &[u32] {
        &self.edges[self.starts[op as usize] as usize..self.starts[op as usize + 1] as usize]
    }
}

/// Operations are their places among the members.
struct Graph<'r> {
    rows: &'r Rows,
    members: Vec<u32>,
    chains: Vec<Vec<u32>>,
    /// Chain and number of each operation.
    places: Vec<(u32, u32)>,
    /// In the order in which they were found: each follows from some before it.
    edges: Vec<Edge>,
    out: Out,
    /// Of each register the chains that change it, with the numbers of the changes, in their order.
    writes: HashMap<u32, Vec<(u32, Vec<u32>)>, FastHash>,
    /// The reader, and the source, of each pair.
    reads: Vec<(u32, u32)>,
    /// Of each operation those that found what it left, the last of each chain.
    last_readers: Vec<Vec<u32>>,
    /// For each operation and chain how many of the chain come before it, or are it.
    clocks: Vec<u32>,
}

impl<'r> Graph<'r> {
    fn new(rows: &'r Rows, members: &[u32], meter: &mut Meter<'_>) -> Result<Self, Spent> {
        let count = members.len();
        meter.spend(8 * count as u64)?;
        let mut graph = Graph {
            rows,
            members: members.to_vec(),
            chains: Vec::new(),
            places: vec![(0, 0); count],
            edges: Vec::new(),
            out: Out::default(),
            writes: HashMap::default(),
            reads: Vec::new(),
            last_readers: vec![Vec::new(); count],
            clocks: Vec::new(),
        };
        graph.line_up();
        graph.who_changes();
        graph.who_found_what();
        Ok(graph)
    }

    /// A chain for each process, and one for each operation that was not answered.
    fn line_up(&mut self) {
        let mut chain_of: HashMap<u32, u32, FastHash> = HashMap::default();
        let mut alone: Vec<(u32, Option<u32>)> = Vec::new();
        for at in 0..self.members.len() as u32 {
            let row = &self.rows.all[self.members[at as usize] as usize];
            let known = chain_of.get(&row.process).copied();
            if row.answered {
                let chain = known.unwrap_or_else(|| {
                    chain_of.insert(row.process, self.chains.len() as u32);
                    self.chains.push(Vec::new());
                    self.chains.len() as u32 - 1
                });
                let chain = &mut self.chains[chain as usize];
                if let Some(&before) = chain.last() {
                    self.edges.push(Edge { from: before, to: at, why: Why::Process });
                }
                chain.push(at);
            } else {
                alone.push((at, known.and_then(|chain| self.chains[chain as usize].last().copied())));
            }
        }
        for (at, before) in alone {
            self.edges.extend(before.map(|from| Edge { from, to: at, why: Why::Process }));
            self.chains.push(vec![at]);
        }
        for (chain, ops) in self.chains.iter().enumerate() {
            for (number, &op) in ops.iter().enumerate() {
                self.places[op as usize] = (chain as u32, number as u32);
            }
        }
    }

    fn who_changes(&mut self) {
        for (chain, ops) in self.chains.iter().enumerate() {
            for (number, &op) in ops.iter().enumerate() {
                let row = &self.rows.all[self.members[op as usize] as usize];
                if !row.leaves {
                    continue;
                }
                let chains = self.writes.entry(row.object).or_default();
                match chains.last_mut() {
                    Some((last, numbers)) if *last == chain as u32 => numbers.push(number as u32),
                    _ => chains.push((chain as u32, vec![number as u32])),
                }
            }
        }
    }

    fn who_found_what(&mut self) {
        let mut first_readers: Vec<(u32, u32)> = Vec::new();
        for at in 0..self.members.len() as u32 {
            let row = &self.rows.all[self.members[at as usize] as usize];
            match row.finds {
                NOTHING => {}
                FIRST => first_readers.push((row.object, at)),
                source => {
                    let Ok(source) = self.members.binary_search(&source) else { continue };
                    let source = source as u32;
                    self.edges.push(Edge { from: source, to: at, why: Why::Reads });
                    self.reads.push((at, source));
                    self.last_readers[source as usize].push(at);
                }
            }
        }
        for at in 0..self.last_readers.len() {
            let readers = std::mem::take(&mut self.last_readers[at]);
            self.last_readers[at] = self.last_of_each_chain(readers);
        }
        first_readers.sort_unstable();
        for readers in first_readers.chunk_by(|one, other| one.0 == other.0) {
            let object = readers[0].0;
            let readers = self.last_of_each_chain(readers.iter().map(|(_, reader)| *reader).collect());
            self.first_values_come_first(object, &readers);
        }
    }

    /// Whoever found the first value comes before all changes. The last of each chain suffices, and
    /// for each chain its first change.
    fn first_values_come_first(&mut self, object: u32, readers: &[u32]) {
        for (chain, numbers) in self.writes.get(&object).into_iter().flatten() {
            let write = self.chains[*chain as usize][numbers[0] as usize];
            for &reader in readers {
                // In one chain, one that comes before needs no edge.
                if reader != write
                    && (self.places[reader as usize].0 != *chain
                        || self.places[reader as usize].1 > numbers[0])
                {
                    self.edges.push(Edge { from: reader, to: write, why: Why::FindsFirst });
                }
            }
        }
    }

    fn last_of_each_chain(&self, mut ops: Vec<u32>) -> Vec<u32> {
        if ops.len() > 1 {
            ops.sort_unstable_by_key(|&op| std::cmp::Reverse(self.places[op as usize]));
            ops.dedup_by_key(|op| self.places[*op as usize].0);
        }
        ops
    }

    fn saturate(mut self, meter: &mut Meter<'_>) -> Result<Saturated, Spent> {
        let fits = fits(self.members.len(), self.chains.len(), meter.bytes);
        loop {
            meter.spend(4 * (self.members.len() + self.edges.len()) as u64)?;
            self.out = Out::new(self.members.len(), &self.edges);
            let order = self.order();
            if order.len() < self.members.len() {
                let cycle = self.cycle(&order, meter);
                return Ok(Saturated::Contradiction(cycle));
            }
            if !fits {
                break;
            }
            self.count(&order, meter)?;
            let before = self.edges.len();
            self.follow(meter)?;
            if self.edges.len() == before {
                break;
            }
        }
        let (after, rank) = if fits { (self.told(meter)?, self.ranks(meter)?) } else { Default::default() };
        let row = |op: u32| self.members[op as usize];
        let pairs = self.edges.iter().filter(|edge| !matches!(edge.why, Why::Process | Why::Reads));
        let pairs = pairs.map(|edge| (row(edge.from), row(edge.to))).collect();
        Ok(Saturated::Open(Forced { pairs, after, rank }))
    }

    /// The operations in an order that keeps all edges, as far as there is one.
    fn order(&self) -> Vec<u32> {
        let mut incoming = vec![0_u32; self.members.len()];
        for edge in &self.edges {
            incoming[edge.to as usize] += 1;
        }
        let all = 0..self.members.len() as u32;
        let mut order: Vec<u32> = all.filter(|&op| incoming[op as usize] == 0).collect();
        let mut next = 0;
        while let Some(&op) = order.get(next) {
            next += 1;
            for &edge in self.out.of(op) {
                let to = self.edges[edge as usize].to;
                incoming[to as usize] -= 1;
                if incoming[to as usize] == 0 {
                    order.push(to);
                }
            }
        }
        order
    }

    fn clock(&self, op: u32) -> &[u32] {
        let chains = self.chains.len();
        &self.clocks[op as usize * chains..][..chains]
    }

    fn count(&mut self, order: &[u32], meter: &mut Meter<'_>) -> Result<(), Spent> {
        let chains = self.chains.len();
        self.clocks.clear();
        self.clocks.resize(self.members.len() * chains, 0);
        for &op in order {
            let (chain, number) = self.places[op as usize];
            let from = op as usize * chains;
            self.clocks[from + chain as usize] = self.clocks[from + chain as usize].max(number + 1);
            let out = self.out.of(op);
            meter.spend(((out.len() + 1) * chains) as u64 / 4 + 4)?;
            for &edge in out {
                let to = self.edges[edge as usize].to as usize * chains;
                let (low, high) = self.clocks.split_at_mut(from.max(to));
                let (one, other) = if from < to {
                    (&low[from..from + chains], &mut high[..chains])
                } else {
                    (&high[..chains], &mut low[to..to + chains])
                };
                for (mine, known) in other.iter_mut().zip(one) {
                    *mine = (*mine).max(*known);
                }
            }
        }
        Ok(())
    }

    fn before(&self, one: u32, other: u32) -> bool {
        let (chain, number) = self.places[one as usize];
        one != other && self.clock(other)[chain as usize] > number
    }

    /// The last change of its register in each chain that comes before `op` and is not it.
    fn last_writes_before(&self, op: u32) -> impl Iterator<Item = u32> {
        let (own, number) = self.places[op as usize];
        let clock = self.clock(op);
        let object = self.rows.all[self.members[op as usize] as usize].object;
        let writes = self.writes.get(&object).into_iter().flatten();
        writes.filter_map(move |(chain, writes)| {
            let reach = if own == *chain { number } else { clock[*chain as usize] };
            let at = writes.partition_point(|&write| write < reach).checked_sub(1)?;
            Some(self.chains[*chain as usize][writes[at] as usize])
        })
    }

    /// Adds what follows from what is known.
    fn follow(&mut self, meter: &mut Meter<'_>) -> Result<(), Spent> {
        let mut new: Vec<Edge> = Vec::new();
        for &(reader, source) in &self.reads {
            let mut looked_at = 4;
            for write in self.last_writes_before(reader) {
                looked_at += 4;
                if write != source && !self.before(write, source) {
                    new.push(Edge { from: write, to: source, why: Why::Overwritten { reader } });
                }
            }
            meter.spend(looked_at)?;
        }
        for write in 0..self.members.len() as u32 {
            if !self.rows.all[self.members[write as usize] as usize].leaves {
                continue;
            }
            let mut looked_at = 4;
            for written in self.last_writes_before(write) {
                let readers = &self.last_readers[written as usize];
                looked_at += 4 + readers.len() as u64;
                for &reader in readers {
                    if reader != write && !self.before(reader, write) {
                        new.push(Edge { from: reader, to: write, why: Why::StillRead { written } });
                    }
                }
            }
            meter.spend(looked_at)?;
        }
        new.sort_by_key(|edge| (edge.from, edge.to));
        new.dedup_by_key(|edge| (edge.from, edge.to));
        self.edges.append(&mut new);
        Ok(())
    }

    /// See [`Forced::after`].
    fn told(&self, meter: &mut Meter<'_>) -> Result<Vec<Vec<After>>, Spent> {
        let mut all = vec![Vec::new(); self.members.len()];
        for (chain, ops) in self.chains.iter().enumerate() {
            let mut known = vec![0; self.chains.len()];
            for &op in ops {
                meter.spend(known.len() as u64 + 4)?;
                for (other, count) in self.clock(op).iter().enumerate() {
                    if other != chain && *count > known[other] {
                        known[other] = *count;
                        all[op as usize].push(After { chain: other as u32, count: *count });
                    }
                }
            }
        }
        Ok(all)
    }

    /// See [`Forced::rank`].
    fn ranks(&self, meter: &mut Meter<'_>) -> Result<Vec<u32>, Spent> {
        let count = self.members.len();
        meter.spend((count * self.chains.len()) as u64)?;
        let mut ranks: Vec<i64> =
            (0..count as u32).map(|op| self.clock(op).iter().map(|&n| i64::from(n)).sum()).collect();
        for (chain, ops) in self.chains.iter().enumerate() {
            for others in &self.chains {
                meter.spend((ops.len() + others.len()) as u64)?;
                // The first of the others that comes after the operation.
                let mut first = 0;
                for (number, &op) in ops.iter().enumerate() {
                    while others.get(first).is_some_and(|&other| self.clock(other)[chain] as usize <= number)
                    {
                        first += 1;
                    }
                    ranks[op as usize] -= (others.len() - first) as i64;
                }
            }
        }
        Ok(ranks.into_iter().map(|rank| (rank + count as i64).clamp(0, i64::from(u32::MAX)) as u32).collect())
    }

    /// A short cycle, and what its edges follow from, as far as there is time.
    fn cycle(&self, order: &[u32], meter: &mut Meter<'_>) -> Cycle {
        let mut ways = Ways::new(self);
        let mut cycle = ways.shortest(self.on_a_cycle(order));
        let starts: Vec<u32> =
            cycle.iter().take(STARTS).map(|&edge| self.edges[edge as usize].from).collect();
        for start in starts {
            if meter.spend(self.members.len() as u64).is_err() {
                break;
            }
            let other = ways.shortest(start);
            if other.len() < cycle.len() {
                cycle = other;
            }
        }
        let mut premises: Vec<u32> = Vec::new();
        let mut open = cycle.clone();
        while let Some(at) = open.pop().filter(|_| premises.len() < PREMISES) {
            if meter.spend(self.members.len() as u64).is_err() {
                break;
            }
            let edge = self.edges[at as usize];
            let premise = match edge.why {
                Why::Overwritten { reader } => ways.way(edge.from, reader, at),
                Why::StillRead { written } => ways.way(written, edge.to, at),
                _ => None,
            };
            for edge in premise.unwrap_or_default() {
                if !premises.contains(&edge) && !cycle.contains(&edge) {
                    premises.push(edge);
                    open.push(edge);
                }
            }
        }
        premises.sort_unstable();
        Cycle { edges: self.as_rows(&cycle), premises: self.as_rows(&premises) }
    }

    fn as_rows(&self, numbers: &[u32]) -> Vec<Edge> {
        let row = |op: u32| self.members[op as usize];
        let edges = numbers.iter().map(|&number| {
            let Edge { from, to, why } = self.edges[number as usize];
            let why = match why {
                Why::Overwritten { reader } => Why::Overwritten { reader: row(reader) },
                Why::StillRead { written } => Why::StillRead { written: row(written) },
                why => why,
            };
            Edge { from: row(from), to: row(to), why }
        });
        edges.collect()
    }

    /// An operation on a cycle: whatever the order does not reach has something before it that it does
    /// not reach either, and going back ends in a circle.
    fn on_a_cycle(&self, order: &[u32]) -> u32 {
        let mut knotted = vec![true; self.members.len()];
        for &op in order {
            knotted[op as usize] = false;
        }
        let mut before = vec![u32::MAX; self.members.len()];
        for edge in self.edges.iter().rev() {
            if knotted[edge.from as usize] && knotted[edge.to as usize] {
                before[edge.to as usize] = edge.from;
            }
        }
        let mut seen = vec![false; self.members.len()];
        let mut at = knotted.iter().position(|&knotted| knotted).unwrap_or_default();
        while !std::mem::replace(&mut seen[at], true) {
            at = before[at] as usize;
        }
        at as u32
    }
}

/// Looks for ways along edges.
struct Ways<'g, 'r> {
    graph: &'g Graph<'r>,
    /// By which edge each operation was reached.
    came_by: Vec<u32>,
    reached: Vec<u32>,
}

impl<'g, 'r> Ways<'g, 'r> {
    fn new(graph: &'g Graph<'r>) -> Self {
        Ways { graph, came_by: vec![u32::MAX; graph.members.len()], reached: Vec::new() }
    }

    /// The shortest way around.
    fn shortest(&mut self, op: u32) -> Vec<u32> {
        self.way(op, op, u32::MAX).unwrap_or_default()
    }

    /// The shortest way from one operation to another, or around, by edges below this number.
    fn way(&mut self, from: u32, to: u32, below: u32) -> Option<Vec<u32>> {
        for op in self.reached.drain(..) {
            self.came_by[op as usize] = u32::MAX;
        }
        let graph = self.graph;
        let mut next = 0;
        let mut op = from;
        loop {
            for &edge in graph.out.of(op).iter().take_while(|&&edge| edge < below) {
                let there = graph.edges[edge as usize].to;
                if self.came_by[there as usize] != u32::MAX || there == from && to != from {
                    continue;
                }
                self.came_by[there as usize] = edge;
                self.reached.push(there);
                if there == to {
                    return Some(self.back(from, to));
                }
            }
            op = *self.reached.get(next)?;
            next += 1;
        }
    }

    fn back(&self, from: u32, to: u32) -> Vec<u32> {
        let mut way = Vec::new();
        let mut at = to;
        loop {
            let edge = self.came_by[at as usize];
            way.push(edge);
            at = self.graph.edges[edge as usize].from;
            if at == from {
                way.reverse();
                return way;
            }
        }
    }
}
