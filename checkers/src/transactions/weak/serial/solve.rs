//! From known order to an answer: forced pairs first, then choices.

use super::super::super::history::NONE;
use super::super::committed::Committed;
use super::super::level::Level;
use super::super::meter::Meter;
use super::super::words::Words;
use super::super::{Decision, cycle};
use super::FORCED;
use super::dag::Dag;
use super::groups::{Ends, Groups, search_all};
use super::polygraph::{Chain, Clash, Keeps, Kind, Polygraph};
use super::refute;
use super::search::Choice;

/// Why one chain is before another: the other way round there would be a cycle.
#[derive(Clone, Debug)]
pub(super) struct Forced {
    pub key: u32,
    pub before: Chain,
    pub after: Chain,
    /// The way back that closes the cycle, and the forced pairs that it uses.
    pub way: Vec<u32>,
    pub uses: Vec<u32>,
}

/// Why there is no explanation.
pub(super) enum Refuted {
    /// Two wrote on top of one version.
    Clash(Clash),
    /// What is known is a cycle already.
    Known { graph: Polygraph, cycle: Vec<u32> },
    /// A pair is forced both ways.
    Forced { graph: Polygraph, forced: Vec<Forced>, last: Forced },
    /// The search found no choice; the transactions that it met.
    Searched { involved: Vec<u32>, conflicts: u64 },
}

/// How an attempt ended.
pub(super) enum Attempt {
    Proved,
    Refuted(Box<Refuted>),
    Stopped(String),
}

/// What was established, for whoever reads the judgement.
#[derive(Default)]
pub(crate) struct Established {
    /// Pairs of writes that follow from what was seen.
    pub forced: u64,
    /// Pairs left to choice.
    pub choices: u64,
    /// Dead ends of the search.
    pub conflicts: u64,
    /// Into how many groups that have nothing to do with each other the pairs fall.
    pub groups: u64,
    /// How many of them are open, and of the largest the nodes, keys and pairs.
    pub open: u64,
    pub largest: (Vec<u32>, Vec<u32>, u64),
    /// Keys with so many writes of unknown order that they were left out.
    pub too_large: Vec<u32>,
}

impl Established {
    /// What was established before the budget ended.
    fn in_words(&self, words: &Words<'_>, committed: &Committed<'_>) -> String {
        let mut text = format!(
            "sessions, reads and {} forced pairs of writes have no cycle, {} pairs were left to choose, {} choices              came to a dead end",
            self.forced, self.choices, self.conflicts
        );
        let named = |names: Vec<String>, all: usize| {
            let more = all - names.len();
            names.join(", ") + &if more > 0 { format!(" and {more} more") } else { String::new() }
        };
        let keys =
            |keys: &[u32]| named(keys.iter().take(NAMED).map(|key| words.key(*key)).collect(), keys.len());
        if self.groups > 1 {
            text += &format!(
                "; of {} groups of pairs that do not depend on each other {} have an order",
                self.groups,
                self.groups - self.open
            );
        }
        let (nodes, of_keys, pairs) = &self.largest;
        if self.open > 0 {
            let names = nodes.iter().take(NAMED).map(|node| words.txn(committed.txn[*node as usize]));
            text += &format!(
                "; open {} {pairs} pairs of writes of key {} by {} transactions ({})",
                if self.open == 1 { "are" } else { "are, in the largest of the others," },
                keys(of_keys),
                nodes.len(),
                named(names.collect(), nodes.len())
            );
        }
        if !self.too_large.is_empty() {
            text += &format!("; the order of the writes of key {} was not sought", keys(&self.too_large));
        }
        text
    }
}

/// How many keys and transactions of an open group are named.
const NAMED: usize = 4;

/// Decides one of these levels.
pub(crate) fn decide(
    words: &Words<'_>,
    committed: &Committed<'_>,
    level: Level,
    kind: Kind,
    keeps: Keeps,
    meter: &mut Meter<'_>,
) -> (Decision, Established) {
    let mut established = Established::default();
    let decision = match attempt(committed, kind, keeps, meter, &mut established) {
        Attempt::Proved => Decision::Holds,
        Attempt::Stopped(reason) => {
            Decision::Unknown(format!("{reason}; {}", established.in_words(words, committed)))
        }
        Attempt::Refuted(refuted) => {
            Decision::Broken(refute::finding(words, committed, level, kind, keeps, *refuted, meter))
        }
    };
    (decision, established)
}

/// Whether what is known at once, without any choice, is a serial order that keeps sessions. Of lists that is
/// usual, since their reads show the order of versions.
pub(crate) fn plainly_explained(committed: &Committed<'_>) -> bool {
    let Ok(graph) = Polygraph::new(committed, Kind::Serial, Keeps::Sessions) else { return false };
    // Single writes that nobody saw may come in any order.
    let free = |chain: &Chain| chain.first == chain.last && chain.readers == NONE;
    graph.keys.iter().all(|(_, chains)| graph.chains[chains.clone()].iter().all(free))
        && Dag::new(graph.nodes, &graph.edges, &graph.hint).is_some()
}

/// How many nodes a test of one pair looks at: what it misses is left to the search.
const LOOK: usize = 256;

/// Rounds of forcing at most; each forces what the one before made visible.
const ROUNDS: usize = 6;

pub(super) fn attempt(
    committed: &Committed<'_>,
    kind: Kind,
    keeps: Keeps,
    meter: &mut Meter<'_>,
    established: &mut Established,
) -> Attempt {
    let refuted = |refuted| Attempt::Refuted(Box::new(refuted));
    let graph = match Polygraph::new(committed, kind, keeps) {
        Ok(graph) => graph,
        Err(clash) => return refuted(Refuted::Clash(clash)),
    };
    if let Err(reason) = meter.may_hold(graph.nodes * 80 + graph.edges.len() * 24) {
        return Attempt::Stopped(reason);
    }
    let Some(mut dag) = Dag::new(graph.nodes, &graph.edges, &graph.hint) else {
        let cycle = known_cycle(&graph);
        return refuted(Refuted::Known { graph, cycle });
    };
    let mut forcing = Forcing {
        graph,
        dag,
        forced: Vec::new(),
        undecided: Vec::new(),
        bytes: 0,
        too_large: Vec::new(),
        no_room: None,
    };
    match forcing.run(meter) {
        Err(Stop::Budget(reason)) => {
            established.forced = forcing.forced.len() as u64;
            return Attempt::Stopped(reason);
        }
        Err(Stop::Both(last)) => {
            let Forcing { graph, forced, .. } = forcing;
            return refuted(Refuted::Forced { graph, forced, last: *last });
        }
        Ok(()) => {}
    }
    let Forcing { graph, forced, undecided, too_large, no_room, .. } = forcing;
    dag = forcing.dag;
    let choices: Vec<Choice> = undecided
        .iter()
        .map(|(one, other)| {
            let (one, other) = (&graph.chains[*one as usize], &graph.chains[*other as usize]);
            Choice { yes: graph.edges_of(one, other), no: graph.edges_of(other, one) }
        })
        .collect();
    established.forced = forced.len() as u64;
    established.choices = choices.len() as u64;
    established.too_large = too_large;
    let mut groups = Groups::default();
    let ends = search_all(&choices, &mut dag, meter, &mut established.conflicts, &mut groups);
    established.groups = groups.total;
    established.open = groups.open.len() as u64;
    match ends {
        Ends::Found => no_room.map_or(Attempt::Proved, Attempt::Stopped),
        Ends::Open(reason) => {
            established.largest = largest(&graph, &undecided, &groups);
            Attempt::Stopped(reason)
        }
        Ends::None(nodes) => {
            let mut involved: Vec<u32> = nodes.iter().filter_map(|node| graph.meaning(*node).ok()).collect();
            // A dead end leans on what was forced before it.
            for pair in forced.iter().take(100_000) {
                involved.extend([pair.before.last, pair.after.first]);
            }
            involved.sort_unstable();
            involved.dedup();
            refuted(Refuted::Searched { involved, conflicts: established.conflicts })
        }
    }
}

/// Of the largest open group the transactions at the ends of its chains, the keys, and how many pairs.
fn largest(graph: &Polygraph, undecided: &[(u32, u32)], groups: &Groups) -> (Vec<u32>, Vec<u32>, u64) {
    let Some(group) = groups.open.iter().max_by_key(|group| group.len()) else {
        return Default::default();
    };
    let (mut nodes, mut keys) = (Vec::new(), Vec::new());
    for at in group {
        let (one, other) = undecided[*at as usize];
        for chain in [one, other] {
            let Chain { first, last, .. } = graph.chains[chain as usize];
            nodes.extend([first, last]);
        }
        let key = graph.keys.partition_point(|(_, chains)| chains.end <= one as usize);
        keys.extend(graph.keys.get(key).map(|(key, _)| *key));
    }
    for all in [&mut nodes, &mut keys] {
        all.sort_unstable();
        all.dedup();
    }
    (nodes, keys, group.len() as u64)
}

/// The shortest cycle of what is known.
fn known_cycle(graph: &Polygraph) -> Vec<u32> {
    struct Known(Vec<Vec<u32>>);
    impl cycle::Before for Known {
        fn nodes(&self) -> usize {
            self.0.len()
        }
        fn next_before(&self, node: u32, cursor: &mut u32) -> Option<u32> {
            *cursor += 1;
            self.0[node as usize].get(*cursor as usize - 1).copied()
        }
    }
    let mut before = vec![Vec::new(); graph.nodes];
    for (first, second) in &graph.edges {
        before[*second as usize].push(*first);
    }
    let known = Known(before);
    let found = cycle::components(&known);
    match found.iter().min_by_key(|component| component.len()) {
        Some(component) => cycle::shortest(&known, component),
        // A node before itself.
        None => graph.edges.iter().find(|(a, b)| a == b).map(|(a, _)| vec![*a]).unwrap_or_default(),
    }
}

enum Stop {
    Budget(String),
    Both(Box<Forced>),
}

/// Bytes that a pair costs that is left to choose, until its search begins.
const PAIR: usize = 48;

/// Tries each pair both ways against what is known.
struct Forcing {
    graph: Polygraph,
    dag: Dag,
    forced: Vec<Forced>,
    undecided: Vec<(u32, u32)>,
    bytes: usize,
    /// Keys that were left out, and why. What the others refute is refuted.
    too_large: Vec<u32>,
    no_room: Option<String>,
}

impl Forcing {
    fn run(&mut self, meter: &mut Meter<'_>) -> Result<(), Stop> {
        let keys = std::mem::take(&mut self.graph.keys);
        let mut tables: Vec<Vec<bool>> = Vec::with_capacity(keys.len());
        let mut result = Ok(());
        'rounds: for round in 0..ROUNDS {
            let before = self.forced.len();
            for (number, (key, range)) in keys.iter().enumerate() {
                let count = range.len();
                if round == 0 {
                    // A pair that is left to choose costs much more than its entry here.
                    match meter.may_hold(self.bytes + count * count * PAIR / 2) {
                        Ok(()) => {
                            self.bytes += count * count;
                            tables.push(vec![false; count * count]);
                        }
                        Err(reason) => {
                            self.too_large.push(*key);
                            self.no_room = Some(reason);
                            tables.push(Vec::new());
                        }
                    }
                }
                if tables[number].is_empty() {
                    continue;
                }
                if let Err(stop) = self.key(*key, range.start, count, &mut tables[number], meter) {
                    result = Err(stop);
                    break 'rounds;
                }
            }
            if self.forced.len() == before {
                break;
            }
        }
        if result.is_ok() {
            for ((_, range), table) in keys.iter().zip(&tables).filter(|(_, table)| !table.is_empty()) {
                let count = range.len();
                for one in 0..count {
                    for other in one + 1..count {
                        if !table[one * count + other] && !table[other * count + one] {
                            self.undecided.push(((range.start + one) as u32, (range.start + other) as u32));
                        }
                    }
                }
                let held = self.bytes + self.undecided.len() * PAIR;
                meter.may_hold(held).map_err(Stop::Budget)?;
            }
        }
        self.graph.keys = keys;
        result
    }

    /// `table[a * count + b]`: chain `a` is before chain `b`.
    fn key(
        &mut self,
        key: u32,
        start: usize,
        count: usize,
        table: &mut [bool],
        meter: &mut Meter<'_>,
    ) -> Result<(), Stop> {
        let mut order: Vec<usize> = (0..count).collect();
        let place = |forcing: &Forcing, at: usize| {
            forcing.dag.place[forcing.graph.commit(forcing.graph.chains[start + at].first) as usize]
        };
        order.sort_by_key(|at| place(self, *at));
        for distance in 1..count {
            for low in 0..count - distance {
                let (a, b) = (order[low], order[low + distance]);
                if table[a * count + b] || table[b * count + a] {
                    continue;
                }
                meter.take(1).map_err(Stop::Budget)?;
                if distance > 1 {
                    let (after, under) = (order[low + 1], order[low + distance - 1]);
                    let through = |middle: usize| table[a * count + middle] && table[middle * count + b];
                    if through(after) || through(under) {
                        table[a * count + b] = true;
                        continue;
                    }
                }
                let steps = self.dag.steps;
                let (one, other) = (self.graph.chains[start + a], self.graph.chains[start + b]);
                if let Some((way, uses)) = self.contradiction(&other, &one, LOOK) {
                    table[a * count + b] = true;
                    self.force(Forced { key, before: one, after: other, way, uses })?;
                } else if let Some((way, uses)) = self.contradiction(&one, &other, LOOK) {
                    table[b * count + a] = true;
                    self.force(Forced { key, before: other, after: one, way, uses })?;
                }
                meter.take(self.dag.steps - steps).map_err(Stop::Budget)?;
            }
        }
        Ok(())
    }

    /// The way back if `before` were before `after`.
    fn contradiction(&mut self, before: &Chain, after: &Chain, limit: usize) -> Option<(Vec<u32>, Vec<u32>)> {
        let [follows, missed] = self.graph.edges_of(before, after);
        let way = self.dag.way(follows.1, follows.0, limit);
        if way.is_some() || missed == follows {
            return way;
        }
        self.dag.way(missed.1, missed.0, limit)
    }

    fn force(&mut self, forced: Forced) -> Result<(), Stop> {
        let label = FORCED + self.forced.len() as u32;
        let edges = self.graph.edges_of(&forced.before, &forced.after);
        let distinct = if edges[0] == edges[1] { 1 } else { 2 };
        let Forced { key, before, after, .. } = forced;
        self.bytes += forced.way.len() * 4 + 96;
        self.forced.push(forced);
        for (first, second) in &edges[..distinct] {
            if let Err((way, uses)) = self.dag.add(*first, *second, label) {
                return Err(Stop::Both(Box::new(Forced { key, before: after, after: before, way, uses })));
            }
        }
        Ok(())
    }
}

/// The forced pairs that some use, and those that they use, in an order in which each follows from
/// the ones before.
pub(super) fn needed(forced: &[Forced], roots: &[u32]) -> Vec<usize> {
    let mut needed = std::collections::BTreeSet::new();
    let mut left: Vec<u32> = roots.to_vec();
    while let Some(label) = left.pop() {
        if label == NONE || label < FORCED {
            continue;
        }
        let at = (label - FORCED) as usize;
        if at < forced.len() && needed.insert(at) {
            left.extend(&forced[at].uses);
        }
    }
    needed.into_iter().collect()
}
