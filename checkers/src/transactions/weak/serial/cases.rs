//! A refutation by cases: of two writes of a key one was first; if it was this one, a cycle, if it was the
//! other, a cycle too.
//!
//! For a few transactions alone, after the search has refuted them. Whatever follows from what is known is
//! put down first; where that does not suffice, a pair is chosen, and each of its two orders must be
//! refuted by itself. The pairs are tried until the proof needs as few levels of cases as possible
//! (iterative deepening).

use std::collections::BTreeSet;

use super::dag::Dag;
use super::polygraph::{Chain, Polygraph};
use super::solve::Forced;

/// Levels of cases at most; a person follows no more than eight cases.
const LEVELS: usize = 3;

/// Looks at nodes of the graph, for the whole proof.
const LOOKS: u64 = 20_000_000;

/// An order of two chains of writes.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// The other way round there would be a cycle.
    Follows(Forced),
    /// A case: it is supposed.
    Supposed { key: u32, before: Chain, after: Chain },
}

/// A part of the proof: what follows, and how it ends.
#[derive(Debug)]
pub(super) struct Case {
    /// What follows from what was before, in this order: numbers of [`Proof::steps`].
    pub follows: Vec<u32>,
    pub end: End,
}

/// How a part of a proof ends.
#[derive(Debug)]
pub(super) enum End {
    /// A pair that can have neither order.
    Neither(Forced, Forced),
    /// Two cases, each with what it supposes: a number of [`Proof::steps`].
    Cases(Box<[(u32, Case); 2]>),
}

/// A proof that no order of the writes has no cycle.
#[derive(Debug)]
pub(super) struct Proof {
    pub steps: Vec<Step>,
    pub all: Case,
}

/// A pair of chains: the key, and which of the graph's chains.
type Pair = (u32, usize, usize);

/// Seeks a proof; none may be found although there is one.
pub(super) fn prove(graph: &Polygraph) -> Option<Proof> {
    let mut pairs: Vec<Pair> = Vec::new();
    for (key, chains) in &graph.keys {
        for one in chains.clone() {
            pairs.extend((one + 1..chains.end).map(|other| (*key, one, other)));
        }
        if pairs.len() > 2_000 {
            return None;
        }
    }
    for levels in 0..=LEVELS {
        let dag = Dag::new(graph.nodes, &graph.edges, &graph.hint)?;
        let mut prover = Prover { graph, dag, steps: Vec::new() };
        if let Some(all) = prover.case(pairs.clone(), levels) {
            let (all, _) = simplify(&prover.steps, all);
            return Some(Proof { steps: prover.steps, all });
        }
        if prover.dag.steps > LOOKS {
            return None;
        }
    }
    None
}

struct Prover<'g> {
    graph: &'g Polygraph,
    dag: Dag,
    steps: Vec<Step>,
}

impl Prover<'_> {
    /// A refutation of what the graph has become, with so many levels of cases. The graph is left as it was.
    fn case(&mut self, mut pairs: Vec<Pair>, levels: usize) -> Option<Case> {
        let mut added = Vec::new();
        let case = self.refute(&mut pairs, levels, &mut added);
        self.take_back(added);
        case
    }

    fn refute(&mut self, pairs: &mut Vec<Pair>, levels: usize, added: &mut Vec<(u32, u32)>) -> Option<Case> {
        let mut follows = Vec::new();
        loop {
            let known = follows.len();
            let mut left = Vec::with_capacity(pairs.len());
            for (key, one, other) in pairs.drain(..) {
                let (one_chain, other_chain) = (self.graph.chains[one], self.graph.chains[other]);
                let forward = self.forced(key, one_chain, other_chain);
                let backward = self.forced(key, other_chain, one_chain);
                match (forward, backward) {
                    (Some(forward), Some(backward)) => {
                        return Some(Case { follows, end: End::Neither(forward, backward) });
                    }
                    (Some(forced), None) | (None, Some(forced)) => {
                        let (before, after) = (forced.before, forced.after);
                        follows.push(self.put(Step::Follows(forced), before, after, added));
                    }
                    (None, None) => left.push((key, one, other)),
                }
                if self.dag.steps > LOOKS {
                    return None;
                }
            }
            *pairs = left;
            if follows.len() == known {
                break;
            }
        }
        if levels == 0 {
            return None;
        }
        for at in 0..pairs.len() {
            let (key, one, other) = pairs[at];
            let mut rest = pairs.clone();
            rest.swap_remove(at);
            let Some(first) = self.supposed(key, (one, other), &rest, levels) else { continue };
            let Some(second) = self.supposed(key, (other, one), &rest, levels) else { continue };
            return Some(Case { follows, end: End::Cases(Box::new([first, second])) });
        }
        None
    }

    fn supposed(
        &mut self,
        key: u32,
        (one, other): (usize, usize),
        rest: &[Pair],
        levels: usize,
    ) -> Option<(u32, Case)> {
        if self.dag.steps > LOOKS {
            return None;
        }
        let (before, after) = (self.graph.chains[one], self.graph.chains[other]);
        let mut added = Vec::new();
        let step = self.put(Step::Supposed { key, before, after }, before, after, &mut added);
        let case = self.case(rest.to_vec(), levels - 1);
        self.take_back(added);
        Some((step, case?))
    }

    /// Why one chain is before another, if the other way round there would be a cycle.
    fn forced(&mut self, key: u32, before: Chain, after: Chain) -> Option<Forced> {
        let [follows, missed] = self.graph.edges_of(&after, &before);
        let mut way = self.dag.way(follows.1, follows.0, usize::MAX);
        if way.is_none() && missed != follows {
            way = self.dag.way(missed.1, missed.0, usize::MAX);
        }
        let (way, uses) = way?;
        Some(Forced { key, before, after, way, uses })
    }

    /// Adds a step and its edges; no cycle is closed, since that was looked at.
    fn put(&mut self, step: Step, before: Chain, after: Chain, added: &mut Vec<(u32, u32)>) -> u32 {
        let number = self.steps.len() as u32;
        self.steps.push(step);
        let edges = self.graph.edges_of(&before, &after);
        let distinct = if edges[0] == edges[1] { 1 } else { 2 };
        for (first, second) in &edges[..distinct] {
            if self.dag.add(*first, *second, number).is_ok() {
                added.push((*first, *second));
            }
        }
        number
    }

    fn take_back(&mut self, added: Vec<(u32, u32)>) {
        for (first, second) in added.into_iter().rev() {
            self.dag.undo(first, second);
        }
    }
}

/// Leaves out what is not needed: steps that no cycle uses, and cases of which one alone is a refutation.
/// Also the steps that are used, those of the part among them.
fn simplify(steps: &[Step], case: Case) -> (Case, BTreeSet<u32>) {
    let Case { mut follows, end } = case;
    let (end, mut needed) = match end {
        End::Neither(one, other) => {
            let uses = one.uses.iter().chain(&other.uses).copied().collect();
            (End::Neither(one, other), uses)
        }
        End::Cases(both) => {
            let [(one, first), (other, second)] = *both;
            let (first, mut uses) = simplify(steps, first);
            let (second, mut others) = simplify(steps, second);
            if !uses.remove(&one) {
                follows.extend(first.follows);
                (first.end, uses)
            } else if !others.remove(&other) {
                follows.extend(second.follows);
                (second.end, others)
            } else {
                uses.extend(others);
                (End::Cases(Box::new([(one, first), (other, second)])), uses)
            }
        }
    };
    // Steps use only those before them.
    for at in follows.iter().rev() {
        if needed.contains(at)
            && let Some(Step::Follows(forced)) = steps.get(*at as usize)
        {
            needed.extend(&forced.uses);
        }
    }
    follows.retain(|at| needed.contains(at));
    (Case { follows, end }, needed)
}

#[cfg(test)]
mod tests {
    use super::super::polygraph::{Keeps, Kind};
    use super::super::solve::{Attempt, Established, attempt};
    use super::*;
    use crate::checker::Budget;
    use crate::event::{Event, EventType, Process};
    use crate::history::History;
    use crate::transactions::history::{Holds, TxnHistory};
    use crate::transactions::weak::build::{Built, build};
    use crate::transactions::weak::meter::Meter;
    use crate::value::Value;

    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % n
        }
    }

    /// Reads, of a key from a transaction, and written keys.
    type Plan = (Vec<(u64, u64)>, Vec<u64>);

    /// A few transactions that read what any other wrote.
    fn any(random: &mut Random) -> Vec<Plan> {
        let count = 5 + random.below(4);
        let writes: Vec<Vec<u64>> =
            (0..count).map(|_| (0..3).filter(|_| random.below(2) == 0).collect()).collect();
        let mut read = |txn| {
            let (key, from) = (random.below(3), random.below(count));
            (from != txn && writes[from as usize].contains(&key)).then_some((key, from))
        };
        (0..count).map(|txn| (read(txn).into_iter().collect(), writes[txn as usize].clone())).collect()
    }

    /// Two pairs of writes of which no two orders go together, with a little left out or added.
    fn crossed(random: &mut Random) -> Vec<Plan> {
        let mut plan: Vec<Plan> =
            [vec![0, 2], vec![0, 3], vec![1, 4], vec![1, 5]].map(|writes| (Vec::new(), writes)).to_vec();
        plan.push((vec![(0, 0), (4, 2), (5, 3)], vec![]));
        plan.push((vec![(0, 1), (4, 2), (5, 3)], vec![]));
        plan.push((vec![(2, 0), (3, 1), (1, 2)], vec![]));
        plan.push((vec![(2, 0), (3, 1), (1, 3)], vec![]));
        for (reads, writes) in &mut plan {
            reads.retain(|_| random.below(30) > 0);
            if random.below(8) == 0 {
                writes.push(6);
            }
        }
        plan
    }

    /// All of them at the same time.
    fn history(plan: &[Plan]) -> History {
        let value = |txn: u64, key: u64| Value::Int((txn * 10 + key) as i64 + 1);
        let mop = |f: &str, key: u64, value| Value::list([f.into(), Value::Int(key as i64), value]);
        let mut events = Vec::new();
        for kind in [EventType::Invoke, EventType::Ok] {
            for (txn, (reads, writes)) in (0u64..).zip(plan) {
                let seen = |key, from| if kind == EventType::Ok { value(from, key) } else { Value::Nil };
                let reads = reads.iter().map(|(key, from)| mop("r", *key, seen(*key, *from)));
                let writes = writes.iter().map(|key| mop("w", *key, value(txn, *key)));
                let process = Process::client(txn).unwrap();
                let mops = Value::list(reads.chain(writes));
                events.push(Event::new(events.len() as u64, process, kind, "txn", mops));
            }
        }
        History::new(events).unwrap()
    }

    fn same(one: &Chain, other: &Chain) -> bool {
        (one.first, one.last) == (other.first, other.last)
    }

    /// Every step of a way is an edge that is known, or of a pair that was put down before.
    fn follows(graph: &Polygraph, scope: &[(u32, u32)], forced: &Forced) {
        let ends = graph.edges_of(&forced.after, &forced.before).map(|(first, second)| (second, first));
        let way = &forced.way;
        assert!(ends.contains(&(way[0], way[way.len() - 1])), "{forced:?}");
        for two in way.windows(2) {
            let edge = (two[0], two[1]);
            assert!(graph.edges.contains(&edge) || scope.contains(&edge), "{edge:?} of {forced:?}");
        }
    }

    fn verify(graph: &Polygraph, steps: &[Step], case: &Case, mut scope: Vec<(u32, u32)>) -> usize {
        for at in &case.follows {
            let Step::Follows(forced) = &steps[*at as usize] else { panic!("supposed out of place") };
            follows(graph, &scope, forced);
            scope.extend(graph.edges_of(&forced.before, &forced.after));
        }
        match &case.end {
            End::Neither(one, other) => {
                assert!(same(&one.before, &other.after) && same(&one.after, &other.before));
                follows(graph, &scope, one);
                follows(graph, &scope, other);
                1
            }
            End::Cases(both) => {
                let supposed = both.each_ref().map(|(at, _)| match &steps[*at as usize] {
                    Step::Supposed { before, after, .. } => (*before, *after),
                    Step::Follows(forced) => panic!("{forced:?} is not supposed"),
                });
                assert!(same(&supposed[0].0, &supposed[1].1) && same(&supposed[0].1, &supposed[1].0));
                let parts = both.iter().zip(supposed).map(|((_, part), (before, after))| {
                    let more = graph.edges_of(&before, &after);
                    verify(graph, steps, part, scope.iter().copied().chain(more).collect())
                });
                parts.sum()
            }
        }
    }

    #[test]
    fn a_proof_has_true_edges_alone_and_is_found_where_the_search_refutes() {
        let mut random = Random(5);
        let (mut by_cases, mut at_once, mut unproved) = (0, 0, 0);
        for round in 0..6_000 {
            let history = history(&if round % 4 < 2 { any(&mut random) } else { crossed(&mut random) });
            let txns = TxnHistory::new(&history, Holds::Registers).unwrap();
            let Built { committed, faults, .. } = build(&txns);
            assert_eq!(faults.count, 0);
            let kind = if round % 2 == 0 { Kind::Serial } else { Kind::Snapshot };
            let Ok(graph) = Polygraph::new(&committed, kind, Keeps::Nothing) else { continue };
            if Dag::new(graph.nodes, &graph.edges, &graph.hint).is_none() {
                continue;
            }
            let budget = Budget::default();
            let attempted = attempt(
                &committed,
                kind,
                Keeps::Nothing,
                &mut Meter::new(&budget),
                &mut Established::default(),
            );
            let proof = prove(&graph);
            match (attempted, proof) {
                (Attempt::Refuted(_), Some(proof)) => {
                    let cases = verify(&graph, &proof.steps, &proof.all, Vec::new());
                    if cases > 1 { by_cases += 1 } else { at_once += 1 }
                }
                (Attempt::Refuted(_), None) => unproved += 1,
                (Attempt::Proved, None) => {}
                (Attempt::Proved, Some(proof)) => panic!("round {round}: {proof:?}"),
                (Attempt::Stopped(reason), _) => panic!("{reason}"),
            }
        }
        assert!(by_cases > 100 && at_once > 50 && unproved == 0, "{by_cases} {at_once} {unproved}");
    }
}
