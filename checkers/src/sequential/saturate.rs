//! Registers whose values are written once each: who reads what is known, and that forces orders.
//!
//! If a read finds what W wrote, then every other write that comes before the read comes before W,
//! and the read comes before every write that comes after W. These are applied until nothing new
//! follows (the saturation of Gibbons and Korach 1997, §4, and of Biswas and Enea 2019 for histories
//! of transactions). What is forced holds in every order; so a cycle shows that there is none. The
//! reverse does not hold: deciding it is NP-complete, and the search goes on from here.
//!
//! How far an operation reaches back is kept as one number per process, so that a round costs
//! operations times processes.

use std::collections::HashMap;
use std::hash::Hash;

use super::program::{After, Program};
use crate::hash::FastHash;
use crate::models::{RegisterInput, RegisterOutput};
use crate::value::Value;

/// Above so many numbers the clocks are not kept.
const MAX_CLOCKS: usize = 1 << 27;
/// How many operations of a cycle are tried as the beginning of a shorter one.
const STARTS: usize = 64;
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

/// What the forced orders say.
#[derive(Clone, Debug)]
pub(super) enum Saturated {
    /// The values are not unique, or something else is known of them: nothing.
    NotMine,
    /// No contradiction; the program knows what comes before what.
    Open,
    /// This operation found what nobody wrote.
    MadeUp(u32),
    /// A cycle, and the edges from which its own follow, each behind those that it follows from.
    Cycle(Vec<Edge>, Vec<Edge>),
}

/// What an operation of a register did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// It found this.
    Found(Value),
    /// It left this.
    Left(Value),
    /// It found the one and left the other.
    Changed(Value, Value),
    /// Something of which nothing follows here: a failed cas, or one that changes nothing.
    Other,
}

/// How to know what an operation did.
pub(super) type Look<I, O> = fn(&I, Option<&O>) -> Deed;

impl Deed {
    pub(super) fn of(input: &RegisterInput, output: Option<&RegisterOutput>) -> Self {
        match (input, output) {
            (RegisterInput::Read, Some(RegisterOutput::Holds(value))) => Deed::Found(value.clone()),
            (RegisterInput::Write(value), _) => Deed::Left(value.clone()),
            (RegisterInput::Cas { from, to }, output)
                if from != to && output != Some(&RegisterOutput::Mismatch) =>
            {
                Deed::Changed(from.clone(), to.clone())
            }
            _ => Deed::Other,
        }
    }

    fn finds(&self) -> Option<&Value> {
        match self {
            Deed::Found(value) | Deed::Changed(value, _) => Some(value),
            _ => None,
        }
    }

    fn leaves(&self) -> Option<&Value> {
        match self {
            Deed::Left(value) | Deed::Changed(_, value) => Some(value),
            _ => None,
        }
    }
}

/// What is forced in the program. `work` is how many steps it may take.
pub(super) fn saturate<I: Clone + Eq + Hash, O: Clone>(
    program: &mut Program<I, O>,
    look: Look<I, O>,
    work: u64,
) -> Saturated {
    let deeds: Vec<Deed> = program.ops.iter().map(|op| look(&op.input, op.output.as_ref())).collect();
    let Some(sources) = Sources::new(program, &deeds) else { return Saturated::NotMine };
    let took_effect = sources.took_effect(program);
    program.certainly(&took_effect);
    let places = program.places();
    for (op, source) in sources.source.iter().enumerate() {
        if *source == Source::Nobody && places[op].0 != u32::MAX {
            return Saturated::MadeUp(op as u32);
        }
    }
    let mut graph = Graph::new(program, &sources, &deeds, places);
    graph.saturate(work)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// It looks at nothing.
    None,
    /// It found the first value.
    First,
    /// It found what nobody wrote.
    Nobody,
    /// It found what this operation wrote.
    Op(u32),
}

/// Who found whose value, by operation.
struct Sources {
    source: Vec<Source>,
}

impl Sources {
    /// `None` if two operations leave the same value in one register, or one leaves the first value, or
    /// a failed cas says what a register was not.
    fn new<I, O>(program: &Program<I, O>, deeds: &[Deed]) -> Option<Self> {
        let mut makers: HashMap<(u32, &Value), u32, FastHash> = HashMap::default();
        for (at, (op, deed)) in program.ops.iter().zip(deeds).enumerate() {
            if *deed == Deed::Other {
                return None;
            }
            if let Some(value) = deed.leaves()
                && (value.is_nil() || makers.insert((op.object, value), at as u32).is_some())
            {
                return None;
            }
        }
        let source = program.ops.iter().zip(deeds).map(|(op, deed)| match deed.finds() {
            None => Source::None,
            Some(Value::Nil) => Source::First,
            Some(value) => makers.get(&(op.object, value)).map_or(Source::Nobody, |&maker| Source::Op(maker)),
        });
        Some(Sources { source: source.collect() })
    }

    /// Of the optional operations, those whose value somebody found who certainly took effect.
    fn took_effect<I, O>(&self, program: &Program<I, O>) -> Vec<bool> {
        let may_of: HashMap<u32, usize, FastHash> =
            program.mays.iter().enumerate().map(|(at, may)| (may.op, at)).collect();
        let mut took_effect = vec![false; program.mays.len()];
        let mut certain: Vec<u32> = program.chains.iter().flatten().copied().collect();
        while let Some(op) = certain.pop() {
            if let Source::Op(source) = self.source[op as usize]
                && let Some(&may) = may_of.get(&source)
                && !std::mem::replace(&mut took_effect[may], true)
            {
                certain.push(source);
            }
        }
        took_effect
    }
}

struct Graph<'p, I, O> {
    program: &'p mut Program<I, O>,
    places: Vec<(u32, u32)>,
    /// In the order in which they were found: each follows from some before it.
    edges: Vec<Edge>,
    /// By operation.
    out: Vec<Vec<u32>>,
    /// For each register and chain the numbers of those operations that change it, in their order.
    writes: HashMap<(u32, u32), Vec<u32>, FastHash>,
    /// The reader, or the source, of each pair, of those that found somebody's value.
    reads: Vec<(u32, u32)>,
    /// For each operation and chain how many of the chain come before it, or are it.
    clocks: Vec<u32>,
}

impl<'p, I, O> Graph<'p, I, O> {
    fn new(
        program: &'p mut Program<I, O>,
        sources: &Sources,
        deeds: &[Deed],
        places: Vec<(u32, u32)>,
    ) -> Self {
        let count = program.ops.len();
        let mut graph = Graph {
            places,
            edges: Vec::new(),
            out: vec![Vec::new(); count],
            writes: HashMap::default(),
            reads: Vec::new(),
            clocks: Vec::new(),
            program,
        };
        let chains = graph.program.chains.clone();
        let mut first_write: HashMap<(u32, u32), u32, FastHash> = HashMap::default();
        for (at, chain) in chains.iter().enumerate() {
            for pair in chain.windows(2) {
                graph.add(pair[0], pair[1], Why::Process);
            }
            for after in graph.program.after[chain[0] as usize].clone() {
                let before = chains[after.chain as usize][after.count as usize - 1];
                graph.add(before, chain[0], Why::Process);
            }
            for (number, &op) in chain.iter().enumerate() {
                let object = graph.program.ops[op as usize].object;
                if deeds[op as usize].leaves().is_some() {
                    graph.writes.entry((object, at as u32)).or_default().push(number as u32);
                    first_write.entry((object, at as u32)).or_insert(op);
                }
            }
        }
        for op in chains.iter().flatten().copied() {
            let object = graph.program.ops[op as usize].object;
            match sources.source[op as usize] {
                Source::Op(source) => {
                    graph.add(source, op, Why::Reads);
                    graph.reads.push((op, source));
                    graph.program.readers[source as usize].push(op);
                }
                Source::First => graph.program.first_readers[object as usize].push(op),
                Source::None | Source::Nobody => {}
            }
        }
        graph.first_values_come_first(&first_write);
        graph
    }

    /// Whoever found the first value comes before all changes. The last of each chain suffices, and
    /// for each chain its first change.
    fn first_values_come_first(&mut self, first_write: &HashMap<(u32, u32), u32, FastHash>) {
        for object in 0..self.program.objects as u32 {
            let readers = self.program.first_readers[object as usize].clone();
            if readers.is_empty() {
                continue;
            }
            let readers = self.last_of_each_chain(&readers);
            for chain in 0..self.program.chains.len() as u32 {
                let Some(&write) = first_write.get(&(object, chain)) else { continue };
                for &reader in &readers {
                    let (place, first) = (self.places[reader as usize], self.places[write as usize]);
                    // In one chain, one that comes before needs no edge.
                    if reader != write && (place.0 != chain || place > first) {
                        self.add(reader, write, Why::FindsFirst);
                    }
                }
            }
        }
    }

    fn last_of_each_chain(&self, ops: &[u32]) -> Vec<u32> {
        let mut last: Vec<u32> = ops.to_vec();
        last.sort_by_key(|&op| self.places[op as usize]);
        last.reverse();
        last.dedup_by_key(|op| self.places[*op as usize].0);
        last
    }

    fn add(&mut self, from: u32, to: u32, why: Why) {
        self.out[from as usize].push(self.edges.len() as u32);
        self.edges.push(Edge { from, to, why });
    }

    fn saturate(&mut self, work: u64) -> Saturated {
        let chains = self.program.chains.len();
        let nodes: usize = self.program.chains.iter().map(Vec::len).sum();
        let clocks_fit = self.program.ops.len().saturating_mul(chains) <= MAX_CLOCKS;
        let mut left = work;
        loop {
            let (order, complete) = self.order(nodes);
            if !complete {
                return self.cycle();
            }
            if !clocks_fit {
                return Saturated::Open;
            }
            self.count(&order);
            let cost = ((nodes + self.edges.len()) * chains.max(1)) as u64;
            let before = self.edges.len();
            if left >= cost {
                self.follow();
            }
            left = left.saturating_sub(cost);
            if self.edges.len() == before {
                break;
            }
        }
        self.tell();
        Saturated::Open
    }

    /// The operations in an order that keeps all edges, as far as there is one.
    fn order(&self, nodes: usize) -> (Vec<u32>, bool) {
        let mut incoming = vec![0_u32; self.program.ops.len()];
        for edge in &self.edges {
            incoming[edge.to as usize] += 1;
        }
        let all = self.program.chains.iter().flatten().copied();
        let mut order: Vec<u32> = all.filter(|&op| incoming[op as usize] == 0).collect();
        let mut next = 0;
        while let Some(&op) = order.get(next) {
            next += 1;
            for &edge in &self.out[op as usize] {
                let to = self.edges[edge as usize].to;
                incoming[to as usize] -= 1;
                if incoming[to as usize] == 0 {
                    order.push(to);
                }
            }
        }
        let complete = order.len() == nodes;
        (order, complete)
    }

    fn clock(&self, op: u32) -> &[u32] {
        let chains = self.program.chains.len();
        &self.clocks[op as usize * chains..][..chains]
    }

    fn count(&mut self, order: &[u32]) {
        let chains = self.program.chains.len();
        self.clocks.clear();
        self.clocks.resize(self.program.ops.len() * chains, 0);
        for &op in order {
            let (chain, number) = self.places[op as usize];
            let from = op as usize * chains;
            self.clocks[from + chain as usize] = self.clocks[from + chain as usize].max(number + 1);
            for &edge in &self.out[op as usize] {
                let to = self.edges[edge as usize].to as usize * chains;
                for at in 0..chains {
                    self.clocks[to + at] = self.clocks[to + at].max(self.clocks[from + at]);
                }
            }
        }
    }

    fn before(&self, one: u32, other: u32) -> bool {
        let (chain, number) = self.places[one as usize];
        one != other && self.clock(other)[chain as usize] > number
    }

    /// The last change of `object` in `chain` that comes before `op` and is not it.
    fn last_write_before(&self, object: u32, chain: u32, op: u32) -> Option<u32> {
        let (own, number) = self.places[op as usize];
        let reach = if own == chain { number } else { self.clock(op)[chain as usize] };
        let writes = self.writes.get(&(object, chain))?;
        let at = writes.partition_point(|&write| write < reach).checked_sub(1)?;
        Some(self.program.chains[chain as usize][writes[at] as usize])
    }

    /// Adds what follows from what is known.
    fn follow(&mut self) {
        let mut new: Vec<Edge> = Vec::new();
        let chains = self.program.chains.len() as u32;
        for &(reader, source) in &self.reads {
            let object = self.program.ops[reader as usize].object;
            for chain in 0..chains {
                if let Some(write) = self.last_write_before(object, chain, reader)
                    && write != source
                    && !self.before(write, source)
                {
                    new.push(Edge { from: write, to: source, why: Why::Overwritten { reader } });
                }
            }
        }
        let last_readers: Vec<Vec<u32>> =
            self.program.readers.iter().map(|readers| self.last_of_each_chain(readers)).collect();
        for (&(object, at), writes) in &self.writes {
            for &number in writes {
                let write = self.program.chains[at as usize][number as usize];
                for chain in 0..chains {
                    let Some(written) = self.last_write_before(object, chain, write) else { continue };
                    for &reader in &last_readers[written as usize] {
                        if reader != write && !self.before(reader, write) {
                            new.push(Edge { from: reader, to: write, why: Why::StillRead { written } });
                        }
                    }
                }
            }
        }
        // The table has no order, and the evidence must be the same on every run.
        new.sort_by_key(|edge| (edge.from, edge.to));
        new.dedup_by_key(|edge| (edge.from, edge.to));
        for edge in new {
            self.add(edge.from, edge.to, edge.why);
        }
    }

    /// Writes what is known into the program.
    fn tell(&mut self) {
        for chain in 0..self.program.chains.len() {
            let mut known = vec![0; self.program.chains.len()];
            for at in 0..self.program.chains[chain].len() {
                let op = self.program.chains[chain][at];
                let mut after = Vec::new();
                for (other, count) in self.clock(op).iter().enumerate() {
                    if other != chain && *count > known[other] {
                        known[other] = *count;
                        after.push(After { chain: other as u32, count: *count });
                    }
                }
                self.program.after[op as usize] = after;
            }
        }
    }

    /// A short cycle, and what its edges follow from.
    fn cycle(&self) -> Saturated {
        let mut shortest = self.path_around(self.on_a_cycle());
        let starts: Vec<u32> =
            shortest.iter().take(STARTS).map(|&edge| self.edges[edge as usize].from).collect();
        for start in starts {
            let path = self.path_around(start);
            if path.len() < shortest.len() {
                shortest = path;
            }
        }
        let cycle = shortest;
        let mut premises: Vec<u32> = Vec::new();
        let mut open = cycle.clone();
        while let Some(at) = open.pop().filter(|_| premises.len() < PREMISES) {
            let edge = self.edges[at as usize];
            let premise = match edge.why {
                Why::Overwritten { reader } => self.path(edge.from, reader, at as usize),
                Why::StillRead { written } => self.path(written, edge.to, at as usize),
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
        let edges = |numbers: Vec<u32>| numbers.into_iter().map(|at| self.edges[at as usize]).collect();
        Saturated::Cycle(edges(cycle), edges(premises))
    }

    /// An operation on a cycle, if there is one: whatever the order does not reach has something
    /// before it that it does not reach either, and going back ends in a circle.
    fn on_a_cycle(&self) -> u32 {
        let nodes: usize = self.program.chains.iter().map(Vec::len).sum();
        let mut knotted = vec![true; self.program.ops.len()];
        for op in self.order(nodes).0 {
            knotted[op as usize] = false;
        }
        let mut before = vec![u32::MAX; self.program.ops.len()];
        for edge in self.edges.iter().rev() {
            if knotted[edge.from as usize] && knotted[edge.to as usize] {
                before[edge.to as usize] = edge.from;
            }
        }
        let mut seen = vec![false; self.program.ops.len()];
        let mut all = self.program.chains.iter().flatten().copied();
        let mut at = all.find(|&op| knotted[op as usize]).unwrap_or_default();
        while !std::mem::replace(&mut seen[at as usize], true) {
            at = before[at as usize];
        }
        at
    }

    fn path_around(&self, op: u32) -> Vec<u32> {
        self.path(op, op, self.edges.len()).unwrap_or_default()
    }

    /// The shortest way from one operation to another, or around, by the first `edges` edges.
    fn path(&self, from: u32, to: u32, edges: usize) -> Option<Vec<u32>> {
        let mut came_by: HashMap<u32, u32, FastHash> = HashMap::default();
        let mut reached = vec![from];
        let mut next = 0;
        while let Some(&op) = reached.get(next) {
            next += 1;
            for &edge in self.out[op as usize].iter().take_while(|&&edge| (edge as usize) < edges) {
                let there = self.edges[edge as usize].to;
                if there != from && came_by.contains_key(&there) || there == from && to != from {
                    continue;
                }
                came_by.insert(there, edge);
                if there == to {
                    let mut way = Vec::new();
                    let mut at = to;
                    loop {
                        let edge = came_by[&at];
                        way.push(edge);
                        at = self.edges[edge as usize].from;
                        if at == from {
                            way.reverse();
                            return Some(way);
                        }
                    }
                }
                reached.push(there);
            }
        }
        None
    }
}
