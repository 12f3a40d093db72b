//! The shortest closed walk of a kind within a strongly connected component.
//!
//! Breadth first over (vertex, state of an automaton) with a visited set: polynomial, the same on every
//! machine. The automaton knows whether the extra relation that the kind needs has been used, and whether
//! the last step was an anti-dependency. Hubs and barriers are passed at no cost.
//!
//! Whether there is such a walk at all follows from strongly connected components of the part of the graph
//! (for [`Mode::Nonadjacent`]: of its product with the automaton) that the kind may use; only for
//! [`Mode::Single`] every anti-dependency must be tried, bounded by the topological order of the rest.

use super::graph::{Component, Digraph, NONE, PASS};
use super::kinds::{Acyclic, Kind, Mode};
use super::scc::components;

/// A step of a cycle: from a transaction to the next, for the reason that the label names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) from: u32,
    pub(super) label: u8,
}

/// The extra relation was used, or none is needed.
const SATISFIED: u8 = 1;
/// The last step was an anti-dependency, and the next must not be one.
const AFTER_ANTI: u8 = 2;
const STATES: u32 = 4;

/// After a cycle was found, how many edges may be looked at to find a shorter one.
const EFFORT: u64 = 1 << 22;

/// What bounds the search over all components.
pub(super) struct Effort<'s> {
    /// Edges that may still be looked at.
    left: u64,
    /// Edges looked at since `stop` was asked.
    unasked: u64,
    stop: &'s dyn Fn() -> bool,
}

/// After how many edges it is asked whether to stop.
const ASK_EVERY: u64 = 1 << 16;

impl<'s> Effort<'s> {
    /// At most `edges` edges are looked at, and none after `stop` says so.
    pub(super) fn new(edges: u64, stop: &'s dyn Fn() -> bool) -> Self {
        Effort { left: edges, unasked: 0, stop }
    }

    fn spend(&mut self, edges: u64) -> bool {
        self.unasked += edges;
        if self.unasked >= ASK_EVERY {
            self.unasked = 0;
            if (self.stop)() {
                self.left = 0;
            }
        }
        let enough = self.left >= edges;
        self.left = if enough { self.left - edges } else { 0 };
        enough
    }
}

/// A component with only some labels; vertices doubled where anti-dependencies must not be adjacent.
struct Part<'c> {
    of: &'c Component,
    base: u8,
    anti: u8,
    adjacent: bool,
}

impl Digraph for Part<'_> {
    fn vertices(&self) -> usize {
        if self.adjacent { self.of.vertices } else { 2 * self.of.vertices }
    }

    fn next(&self, vertex: u32, cursor: &mut u32) -> Option<u32> {
        let (at, after_anti) = if self.adjacent { (vertex, 0) } else { (vertex / 2, vertex % 2) };
        let range = self.of.edges.range(at);
        while range.start + (*cursor as usize) < range.end {
            let (to, label) = self.of.edges.edge(range.start + *cursor as usize);
            *cursor += 1;
            let state = match label {
                PASS => after_anti,
                label if label & self.base != 0 => 0,
                label if label & self.anti != 0 && after_anti == 0 => u32::from(!self.adjacent),
                _ => continue,
            };
            return Some(if self.adjacent { to } else { 2 * to + state });
        }
        None
    }
}

/// Whether the part of the component that a model wants acyclic is not.
pub(super) fn has_cycle(component: &Component, acyclic: &Acyclic) -> bool {
    let Acyclic { base, anti, adjacent, .. } = *acyclic;
    let part = Part { of: component, base, anti, adjacent };
    let mut found = false;
    components(&part, |members| found |= members.len() > 1);
    found
}

/// Searches one component; its tables serve for all kinds.
pub(super) struct Search<'c> {
    of: &'c Component,
    /// For each vertex and state the round in which it was reached.
    reached: Vec<u32>,
    /// From which vertex and state, by which label.
    parent: Vec<(u32, u8)>,
    round: u32,
    /// Whether the effort ended before every question was answered.
    pub(super) incomplete: bool,
}

/// An edge to begin with.
struct Start {
    from: u32,
    to: u32,
    label: u8,
}

impl<'c> Search<'c> {
    pub(super) fn new(of: &'c Component) -> Self {
        Search { of, reached: Vec::new(), parent: Vec::new(), round: 0, incomplete: false }
    }

    /// Calls `accept` with closed walks of this kind, shorter ones later, until it is content or there is
    /// none; answers the last with which it was.
    pub(super) fn shortest<T>(
        &mut self,
        kind: &Kind,
        effort: &mut Effort<'_>,
        accept: impl Fn(&[Step]) -> Option<(usize, T)>,
    ) -> Option<T> {
        let starts = self.starts(kind);
        if starts.is_empty() {
            return None;
        }
        // Where the anti-dependency is followed by none, the way back follows the topological order.
        let order = (kind.mode == Mode::Single).then(|| {
            let part = Part { of: self.of, base: kind.base | kind.extra, anti: 0, adjacent: true };
            components(&part, |_| {})
        });
        let mut best: Option<(usize, T)> = None;
        let mut extra_effort = EFFORT;
        for start in starts {
            let limit = best.as_ref().map_or(usize::MAX, |(length, _)| *length);
            if limit <= 2 || (best.is_some() && extra_effort == 0) {
                break;
            }
            let mut looked = 0;
            let bound = if best.is_some() { extra_effort } else { effort.left };
            let walk = self.walk(kind, &start, order.as_deref(), limit, bound, &mut looked);
            if best.is_some() {
                extra_effort = extra_effort.saturating_sub(looked);
            }
            if !effort.spend(looked + 1) {
                self.incomplete |= best.is_none();
                break;
            }
            if let Some((length, made)) = walk.as_deref().and_then(&accept)
                && length < limit
            {
                best = Some((length, made));
            }
        }
        best.map(|(_, made)| made)
    }

    /// The edges with which a closed walk of this kind may begin.
    fn starts(&self, kind: &Kind) -> Vec<Start> {
        let adjacent = !matches!(kind.mode, Mode::Single | Mode::Nonadjacent);
        let part = Part { of: self.of, base: kind.base | kind.extra, anti: kind.anti, adjacent };
        let number = components(&part, |_| {});
        let mut starts = Vec::new();
        // Components with a step of the extra relation in them.
        let mut with_extra = Vec::new();
        let states = if adjacent { 1 } else { 2 };
        for vertex in 0..part.vertices() as u32 {
            let (from, state) = (vertex / states, vertex % states);
            for (to, label) in self.of.edges.out(from) {
                let after = match label {
                    PASS => continue,
                    label if label & part.base != 0 => 0,
                    label if label & part.anti != 0 && state == 0 => states - 1,
                    _ => continue,
                };
                let inside = number[(to * states + after) as usize];
                if number[vertex as usize] != inside {
                    continue;
                }
                if label & kind.extra != 0 {
                    with_extra.push(inside);
                }
                if label & kind.first() != 0 {
                    starts.push((inside, Start { from, to, label }));
                }
            }
        }
        if kind.extra != 0 {
            with_extra.sort_unstable();
            with_extra.dedup();
            starts.retain(|(inside, _)| with_extra.binary_search(inside).is_ok());
        }
        let mut starts: Vec<Start> = starts.into_iter().map(|(_, start)| start).collect();
        starts.dedup_by_key(|start| (start.from, start.to, start.label));
        starts
    }

    /// The shortest closed walk of this kind that begins with `start` and has fewer than `limit` steps.
    fn walk(
        &mut self,
        kind: &Kind,
        start: &Start,
        order: Option<&[u32]>,
        limit: usize,
        bound: u64,
        looked: &mut u64,
    ) -> Option<Vec<Step>> {
        let home = start.from;
        let beyond = |vertex: u32| order.is_some_and(|order| order[vertex as usize] > order[home as usize]);
        if beyond(start.to) {
            return None;
        }
        if self.reached.is_empty() {
            self.reached = vec![0; self.of.vertices * STATES as usize];
            self.parent = vec![(NONE, 0); self.of.vertices * STATES as usize];
        }
        self.round += 1;
        let track = kind.mode == Mode::Nonadjacent;
        let satisfied = kind.extra == 0 || start.label & kind.extra != 0;
        let first = u8::from(satisfied) * SATISFIED + u8::from(track) * AFTER_ANTI;
        let mut front = vec![start.to * STATES + u32::from(first)];
        self.reached[front[0] as usize] = self.round;
        self.parent[front[0] as usize] = (NONE, start.label);
        let mut behind: Vec<u32> = Vec::new();
        let mut length = 1;
        while !front.is_empty() && length + 1 < limit {
            let mut at = 0;
            while let Some(&node) = front.get(at) {
                at += 1;
                let (vertex, state) = (node / STATES, (node % STATES) as u8);
                if *looked > bound {
                    return None;
                }
                for (to, label) in self.of.edges.out(vertex) {
                    *looked += 1;
                    let next = match label {
                        PASS => state,
                        label if label & kind.extra != 0 => SATISFIED,
                        label if label & kind.base != 0 => state & !AFTER_ANTI,
                        label if label & kind.anti == 0 || kind.mode == Mode::Single => continue,
                        _ if track && state & AFTER_ANTI != 0 => continue,
                        _ if track => state | AFTER_ANTI,
                        _ => state,
                    };
                    if beyond(to) {
                        continue;
                    }
                    let made = to * STATES + u32::from(next);
                    if self.reached[made as usize] == self.round {
                        continue;
                    }
                    self.reached[made as usize] = self.round;
                    self.parent[made as usize] = (node, label);
                    if to == home && next == SATISFIED {
                        return Some(self.path(home, made));
                    }
                    if label == PASS { front.push(made) } else { behind.push(made) }
                }
            }
            std::mem::swap(&mut front, &mut behind);
            behind.clear();
            length += 1;
        }
        None
    }

    /// The steps from `home` to the vertex and state `last`, without hubs and barriers.
    fn path(&self, home: u32, last: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut node = last;
        loop {
            let (parent, label) = self.parent[node as usize];
            if parent == NONE {
                steps.push(Step { from: home, label });
                break;
            }
            if label != PASS {
                steps.push(Step { from: parent / STATES, label });
            }
            node = parent;
        }
        steps.reverse();
        steps
    }
}

/// The simple cycles that a closed walk consists of.
pub(super) fn simple_cycles(walk: &[Step]) -> Vec<Vec<Step>> {
    let mut cycles = Vec::new();
    let mut path: Vec<Step> = Vec::new();
    for step in walk {
        if let Some(at) = path.iter().position(|earlier| earlier.from == step.from) {
            cycles.push(path.split_off(at));
        }
        path.push(*step);
    }
    cycles.push(path);
    cycles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_is_cut_where_it_meets_itself() {
        let walk: Vec<Step> = [1, 2, 3, 2, 4].map(|from| Step { from, label: from as u8 }).into();
        let cycles: Vec<Vec<u32>> =
            simple_cycles(&walk).iter().map(|cycle| cycle.iter().map(|step| step.from).collect()).collect();
        assert_eq!(cycles, [vec![2, 3], vec![1, 2, 4]]);
    }
}
