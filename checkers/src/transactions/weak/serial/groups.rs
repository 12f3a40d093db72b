//! Choices that have nothing to do with each other are made apart.
//!
//! Take the graph of all that is known with both orders of every pair that is left to choose. A cycle that
//! some choice closes lies in one of its strongly connected components; so whether there is a choice without
//! a cycle is a question about each component alone. A part that needs exponential time then does not keep
//! the others from an answer.

use super::super::super::history::NONE;
use super::super::cycle::{Before, components};
use super::super::meter::Meter;
use super::dag::Dag;
use super::search::{Choice, End, search};

/// How the search of all groups ended.
pub(super) enum Ends {
    /// All of them have an order.
    Found,
    /// One has none; the nodes of all cycles that showed it.
    None(Vec<u32>),
    /// Some are open, and why.
    Open(String),
}

/// What became of the groups.
#[derive(Default)]
pub(super) struct Groups {
    /// How many there are.
    pub total: u64,
    /// Those without an answer, as numbers of choices.
    pub open: Vec<Vec<u32>>,
}

/// Known edges and both orders of each pair.
struct Both<'g> {
    dag: &'g Dag,
    start: Vec<u32>,
    before: Vec<u32>,
}

impl<'g> Both<'g> {
    fn new(dag: &'g Dag, choices: &[Choice]) -> Self {
        let nodes = dag.place.len();
        let edges = || choices.iter().flat_map(|choice| choice.yes.into_iter().chain(choice.no));
        let mut start = vec![0u32; nodes + 1];
        edges().for_each(|(_, after)| start[after as usize + 1] += 1);
        for node in 0..nodes {
            start[node + 1] += start[node];
        }
        let mut next = start.clone();
        let mut before = vec![0; choices.len() * 4];
        for (first, after) in edges() {
            before[next[after as usize] as usize] = first;
            next[after as usize] += 1;
        }
        Both { dag, start, before }
    }
}

impl Before for Both<'_> {
    fn nodes(&self) -> usize {
        self.start.len() - 1
    }

    fn next_before(&self, node: u32, cursor: &mut u32) -> Option<u32> {
        let at = *cursor as usize;
        *cursor += 1;
        let chosen = &self.before[self.start[node as usize] as usize..self.start[node as usize + 1] as usize];
        chosen.get(at).copied().or_else(|| self.dag.before(node, at - chosen.len()))
    }
}

/// The choices of each group, the smallest group first.
fn groups(dag: &Dag, choices: &[Choice]) -> Vec<Vec<u32>> {
    let both = Both::new(dag, choices);
    let found = components(&both);
    let mut group_of = vec![NONE; both.nodes()];
    for (number, component) in (0u32..).zip(&found) {
        component.iter().for_each(|node| group_of[*node as usize] = number);
    }
    let mut groups = vec![Vec::new(); found.len()];
    for (number, choice) in (0u32..).zip(choices) {
        // Each order leads from one chain to the other, so all ends are in one component.
        let group = group_of[choice.yes[0].0 as usize];
        if let Some(group) = groups.get_mut(group as usize) {
            group.push(number);
        }
    }
    groups.retain(|group| !group.is_empty());
    groups.sort_by_key(Vec::len);
    groups
}

/// Searches group after group. Each gets an equal part of what is left of the budget, and what it does not
/// need is for the others.
pub(super) fn search_all(
    choices: &[Choice],
    dag: &mut Dag,
    meter: &mut Meter<'_>,
    conflicts: &mut u64,
    groups_found: &mut Groups,
) -> Ends {
    if choices.is_empty() {
        return Ends::Found;
    }
    if let Err(reason) = meter.may_hold(choices.len() * 48 + dag.place.len() * 40) {
        return Ends::Open(reason);
    }
    let mut left = groups(dag, choices);
    groups_found.total = left.len() as u64;
    let mut given = 0;
    let mut why = meter.ended();
    while !left.is_empty() {
        let share = meter.left() / left.len() as u64;
        if share <= given {
            break;
        }
        given = share;
        let mut open = Vec::new();
        let mut queue = left.into_iter();
        while let Some(group) = queue.next() {
            let budget = meter.part(meter.left() / (queue.len() as u64 + 1));
            let mut own = Meter::new(&budget);
            let these: Vec<Choice> = group.iter().map(|at| choices[*at as usize]).collect();
            match search(&these, dag, &mut own, conflicts) {
                End::Found => {}
                End::None(nodes) => return Ends::None(nodes),
                End::Stopped(reason) => {
                    // The end of a part is the end of the whole, in the eyes of whoever gave the budget.
                    why = if own.left() == 0 { meter.ended() } else { reason };
                    open.push(group);
                }
            }
            if let Err(reason) = meter.take(own.steps).and_then(|()| meter.ask()) {
                open.extend(queue);
                if open.is_empty() {
                    return Ends::Found;
                }
                groups_found.open = open;
                return Ends::Open(reason);
            }
        }
        left = open;
    }
    groups_found.open = left;
    if groups_found.open.is_empty() { Ends::Found } else { Ends::Open(why) }
}
