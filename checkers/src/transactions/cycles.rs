//! All cycles worth telling of a graph of transactions.
//!
//! For each strongly connected component one cycle of each of the severest kinds, as Elle does: a kind that
//! follows from one that was found is not sought. Both session and real-time order take part, and a cycle
//! is named by the weaker of the two that it needs.

use super::consistency::{Anomaly, AnomalySet, ruled_out};
use super::graph::{Component, Digraph, Graph, NONE, PASS, PROCESS, REALTIME};
use super::kinds::{ACYCLIC, KINDS, classify};
use super::scc::components;
use super::search::{Effort, Search, Step, has_cycle, simple_cycles};
use crate::checker::Budget;

/// A cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cycle {
    pub(super) anomaly: Anomaly,
    /// Each from a transaction to that of the next step, the last to the first.
    pub(super) steps: Vec<Step>,
    /// Whether some step of the session or of time joins two transactions that data orders as well. Elle
    /// names such a cycle by the data alone, which makes it one of another kind.
    pub(super) doubly_ordered: bool,
}

/// What was found in a graph.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    pub(super) cycles: Vec<Cycle>,
    /// Parts of the graph that should be acyclic and are not, where no cycle could be shown within the
    /// budget.
    pub(super) unshown: AnomalySet,
    /// How many strongly connected components there are, and how many transactions the largest has.
    pub(super) components: usize,
    pub(super) largest: usize,
}

/// How many cycles of one kind are kept, the shortest of those that come first.
const MAX_OF_A_KIND: usize = 16;

/// The cycles of `graph`.
pub(super) fn find(graph: &Graph, budget: &Budget<'_>) -> Found {
    let mut parts: Vec<Vec<u32>> = Vec::new();
    components(graph, |members| {
        if members.len() > 1 {
            parts.push(members.to_vec());
        }
    });
    if parts.is_empty() {
        return Found::default();
    }
    // In the order of the history.
    parts.sort_unstable_by_key(|members| members.iter().copied().min());
    let stop = || budget.stop.is_some_and(|stop| stop().is_some());
    let mut effort = Effort::new(budget.max_steps, &stop);
    let mut numbers = vec![NONE; graph.vertices()];
    let mut found = Found { components: parts.len(), ..Found::default() };
    for members in parts {
        let component = Component::new(graph, &members, &mut numbers);
        found.largest = found.largest.max(component.txns.len());
        in_component(&component, &mut effort, &mut found);
    }
    found
}

fn in_component(component: &Component, effort: &mut Effort<'_>, found: &mut Found) {
    let mut search = Search::new(component);
    let mut here = AnomalySet::default();
    for kind in &KINDS {
        if here.closed().contains(kind.anomaly) || !kind.possible(component.labels) {
            continue;
        }
        let cycle = search.shortest(kind, effort, |walk| {
            simple_cycles(walk)
                .into_iter()
                .filter_map(|steps| named(component, steps))
                .filter(|cycle| cycle.anomaly == kind.anomaly)
                // One that Elle would name differently only if there is no other.
                .map(|cycle| (cycle.steps.len() + if cycle.doubly_ordered { DOUBLY } else { 0 }, cycle))
                .min_by_key(|(length, _)| *length)
        });
        if let Some(cycle) = cycle {
            here.insert(kind.anomaly);
            let so_far = found.cycles.iter().filter(|other| other.anomaly == kind.anomaly).count();
            if so_far < MAX_OF_A_KIND {
                found.cycles.push(outside(component, cycle));
            }
        }
    }
    if search.incomplete {
        let mut out = ruled_out(here);
        for acyclic in &ACYCLIC {
            let Some(model) = acyclic.model() else { continue };
            if !out.contains(model) && has_cycle(component, acyclic) {
                found.unshown.insert(acyclic.anomaly);
                out = out.union(ruled_out([acyclic.anomaly].into_iter().collect()));
            }
        }
    }
}

/// What a cycle weighs more that is doubly ordered.
const DOUBLY: usize = 1 << 20;

/// The cycle with its name; `None` if a milder relation hides a severer one of the same two transactions,
/// for then it is another cycle, that is found by its own name.
fn named(component: &Component, steps: Vec<Step>) -> Option<Cycle> {
    let labels: Vec<u8> = steps.iter().map(|step| step.label).collect();
    let anomaly = classify(&labels)?;
    let severest: Vec<u8> = (0..steps.len())
        .map(|at| {
            let (from, to) = (steps[at].from, steps[(at + 1) % steps.len()].from);
            let direct = component.edges.out(from).filter(|(next, _)| *next == to).map(|(_, label)| label);
            direct.chain([labels[at]]).filter(|label| *label != PASS).min_by_key(|l| severity(*l))
        })
        .map(|label| label.unwrap_or(PASS))
        .collect();
    let by_data = classify(&severest);
    if by_data == Some(anomaly) {
        return Some(Cycle { anomaly, steps, doubly_ordered: false });
    }
    let needs_more = labels.iter().any(|label| label & (PROCESS | REALTIME) != 0);
    needs_more.then_some(Cycle { anomaly, steps, doubly_ordered: true })
}

/// The order in which Elle explains why one transaction precedes another.
fn severity(label: u8) -> u8 {
    use super::graph::{RW, RWP, WR, WRP, WW, WWP};
    [WW, WWP, WR, WRP, RW, RWP, PROCESS, REALTIME].iter().position(|known| *known == label).unwrap_or(8) as u8
}

/// The cycle with numbers of the whole graph, beginning with its first transaction.
fn outside(component: &Component, mut cycle: Cycle) -> Cycle {
    for step in &mut cycle.steps {
        step.from = component.txns[step.from as usize];
    }
    let first = (0..cycle.steps.len()).min_by_key(|at| cycle.steps[*at].from).unwrap_or(0);
    cycle.steps.rotate_left(first);
    cycle
}
