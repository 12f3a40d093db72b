//! Choosing an order for each pair that is left: conflict-driven search with a graph as its theory.
//!
//! The usual parts of a modern SAT solver (Marques-Silva and Sakallah 1999; Chaff 2001): a choice
//! that closes a cycle is a clause over the choices on the cycle, resolved back to the first unique
//! implication point. A pair is tried first as the order of the graph already has it, which
//! closes no cycle by itself.

use super::super::super::history::NONE;
use super::super::meter::Meter;
use super::FORCED;
use super::dag::Dag;

/// A pair to decide: the edges if it is true, and if it is false.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    pub yes: [(u32, u32); 2],
    pub no: [(u32, u32); 2],
}

/// How a search ended.
pub(crate) enum End {
    /// A choice for all pairs has no cycle.
    Found,
    /// None has one; the nodes of all cycles that showed it.
    None(Vec<u32>),
    /// The budget ended.
    Stopped(String),
}

/// A choice and its direction: twice the number, and one more if it is false.
type Lit = u32;

struct Search<'s> {
    choices: &'s [Choice],
    dag: &'s mut Dag,
    /// For each literal whether it is true.
    truth: Vec<bool>,
    level: Vec<u32>,
    reason: Vec<u32>,
    trail: Vec<Lit>,
    /// How many edges there were before each literal of the trail.
    edges_before: Vec<u32>,
    edges: Vec<(u32, u32)>,
    levels: Vec<u32>,
    head: usize,
    clauses: Vec<Vec<Lit>>,
    watched_by: Vec<Vec<u32>>,
    activity: Vec<f64>,
    bump: f64,
    heap: Heap,
    seen: Vec<bool>,
    /// Nodes of the graph that took part in a conflict.
    involved: Vec<bool>,
    bytes: usize,
    conflicts: u64,
}

/// Searches until an answer or the end of the budget. `conflicts` counts dead ends.
pub(crate) fn search(choices: &[Choice], dag: &mut Dag, meter: &mut Meter<'_>, conflicts: &mut u64) -> End {
    let count = choices.len();
    if let Err(reason) = meter.may_hold(count * 160) {
        return End::Stopped(reason);
    }
    let nodes = dag.place.len();
    let mut search = Search {
        choices,
        dag,
        truth: vec![false; 2 * count],
        level: vec![0; count],
        reason: vec![NONE; count],
        trail: Vec::with_capacity(count),
        edges_before: Vec::with_capacity(count),
        edges: Vec::new(),
        levels: Vec::new(),
        head: 0,
        clauses: Vec::new(),
        watched_by: vec![Vec::new(); 2 * count],
        activity: vec![0.0; count],
        bump: 1.0,
        heap: Heap::new(count),
        seen: vec![false; count],
        involved: vec![false; nodes],
        bytes: count * 160,
        conflicts: 0,
    };
    let end = search.run(meter);
    *conflicts += search.conflicts;
    if !matches!(end, End::Found) {
        search.take_all_back();
    }
    end
}

impl Search<'_> {
    fn run(&mut self, meter: &mut Meter<'_>) -> End {
        let mut restart_at = 200;
        let mut patience = 200;
        let mut counted = self.dag.steps;
        loop {
            let conflict = self.propagate();
            let steps = self.dag.steps - counted + 1;
            counted = self.dag.steps;
            if let Err(reason) = meter.take(steps).and_then(|()| meter.may_hold(self.bytes)) {
                return End::Stopped(reason);
            }
            if let Some(conflict) = conflict {
                self.conflicts += 1;
                if self.levels.is_empty() {
                    let nodes = 0..self.involved.len() as u32;
                    return End::None(nodes.filter(|node| self.involved[*node as usize]).collect());
                }
                self.learn(conflict);
                continue;
            }
            if self.conflicts >= restart_at {
                patience += patience / 2;
                restart_at = self.conflicts + patience;
                self.back_to(0);
                continue;
            }
            let Some(choice) = self.next_choice() else { return End::Found };
            self.levels.push(self.trail.len() as u32);
            let [(first, second), _] = self.choices[choice as usize].yes;
            let agrees = self.dag.place[first as usize] < self.dag.place[second as usize];
            self.assign(2 * choice + u32::from(!agrees), NONE);
        }
    }

    /// The graph is as it was.
    fn take_all_back(&mut self) {
        while let Some((first, second)) = self.edges.pop() {
            self.dag.undo(first, second);
        }
    }

    fn next_choice(&mut self) -> Option<u32> {
        while let Some(choice) = self.heap.pop(&self.activity) {
            if !self.truth[2 * choice as usize] && !self.truth[2 * choice as usize + 1] {
                return Some(choice);
            }
        }
        None
    }

    fn assign(&mut self, lit: Lit, reason: u32) {
        self.truth[lit as usize] = true;
        self.level[lit as usize / 2] = self.levels.len() as u32;
        self.reason[lit as usize / 2] = reason;
        self.trail.push(lit);
    }

    /// Follows all consequences; the clause that failed, all of whose literals are false.
    fn propagate(&mut self) -> Option<Vec<Lit>> {
        while self.head < self.trail.len() {
            let lit = self.trail[self.head];
            self.head += 1;
            self.edges_before.push(self.edges.len() as u32);
            let choice = &self.choices[lit as usize / 2];
            let edges = if lit & 1 == 0 { choice.yes } else { choice.no };
            let distinct = if edges[0] == edges[1] { 1 } else { 2 };
            for (first, second) in &edges[..distinct] {
                if let Err((nodes, labels)) = self.dag.add(*first, *second, lit) {
                    for node in nodes {
                        self.involved[node as usize] = true;
                    }
                    let mut clause: Vec<Lit> =
                        labels.iter().chain([&lit]).filter(|l| **l < FORCED).map(|l| l ^ 1).collect();
                    clause.sort_unstable();
                    clause.dedup();
                    return Some(clause);
                }
                self.edges.push((*first, *second));
            }
            if let Some(conflict) = self.watched(lit ^ 1) {
                return Some(conflict);
            }
        }
        None
    }

    /// Looks at the clauses that watch a literal which became false.
    fn watched(&mut self, lit: Lit) -> Option<Vec<Lit>> {
        let mut watchers = std::mem::take(&mut self.watched_by[lit as usize]);
        let mut kept = 0;
        let mut conflict = None;
        let mut at = 0;
        while at < watchers.len() {
            let number = watchers[at];
            at += 1;
            let clause = &mut self.clauses[number as usize];
            if clause[0] == lit {
                clause.swap(0, 1);
            }
            let other = clause[0];
            if self.truth[other as usize] {
                watchers[kept] = number;
                kept += 1;
                continue;
            }
            let instead = (2..clause.len()).find(|place| !self.truth[(clause[*place] ^ 1) as usize]);
            if let Some(place) = instead {
                clause.swap(1, place);
                self.watched_by[clause[1] as usize].push(number);
                continue;
            }
            watchers[kept] = number;
            kept += 1;
            if self.truth[(other ^ 1) as usize] {
                conflict = Some(clause.clone());
                while at < watchers.len() {
                    watchers[kept] = watchers[at];
                    kept += 1;
                    at += 1;
                }
            } else {
                self.assign(other, number);
            }
        }
        watchers.truncate(kept);
        self.watched_by[lit as usize] = watchers;
        conflict
    }

    fn learn(&mut self, conflict: Vec<Lit>) {
        let now = self.levels.len() as u32;
        let mut learned: Vec<Lit> = vec![0];
        let mut open = 0;
        let mut clause = conflict;
        let mut at = self.trail.len();
        let mut touched = Vec::new();
        loop {
            for lit in &clause {
                let choice = *lit as usize / 2;
                if self.seen[choice] || self.level[choice] == 0 {
                    continue;
                }
                self.seen[choice] = true;
                touched.push(choice);
                self.raise(choice as u32);
                if self.level[choice] == now {
                    open += 1;
                } else {
                    learned.push(*lit);
                }
            }
            let lit = loop {
                at -= 1;
                if self.seen[self.trail[at] as usize / 2] {
                    break self.trail[at];
                }
            };
            open -= 1;
            if open == 0 {
                learned[0] = lit ^ 1;
                break;
            }
            let reason = self.reason[lit as usize / 2];
            clause = self.clauses[reason as usize].iter().copied().filter(|other| *other != lit).collect();
        }
        for choice in touched {
            self.seen[choice] = false;
        }
        self.bump /= 0.95;
        let mut back = 0;
        for place in 1..learned.len() {
            let level = self.level[learned[place] as usize / 2];
            if level > back {
                back = level;
                learned.swap(1, place);
            }
        }
        self.back_to(back);
        let asserted = learned[0];
        if learned.len() == 1 {
            self.assign(asserted, NONE);
            return;
        }
        let number = self.clauses.len() as u32;
        self.watched_by[learned[0] as usize].push(number);
        self.watched_by[learned[1] as usize].push(number);
        self.bytes += learned.len() * 4 + 40;
        self.clauses.push(learned);
        self.assign(asserted, number);
    }

    fn raise(&mut self, choice: u32) {
        self.activity[choice as usize] += self.bump;
        if self.activity[choice as usize] > 1e100 {
            self.activity.iter_mut().for_each(|activity| *activity *= 1e-100);
            self.bump *= 1e-100;
        }
        self.heap.raised(choice, &self.activity);
    }

    fn back_to(&mut self, level: u32) {
        if self.levels.len() as u32 <= level {
            return;
        }
        let keep = self.levels[level as usize] as usize;
        for at in (keep..self.trail.len()).rev() {
            if at < self.edges_before.len() {
                let edges = self.edges_before[at] as usize;
                while self.edges.len() > edges {
                    if let Some((first, second)) = self.edges.pop() {
                        self.dag.undo(first, second);
                    }
                }
            }
            let lit = self.trail[at];
            self.truth[lit as usize] = false;
            self.heap.push(lit / 2, &self.activity);
        }
        self.edges_before.truncate(keep);
        self.trail.truncate(keep);
        self.levels.truncate(level as usize);
        self.head = keep;
    }
}

/// The choices that are left, the most active first; of equals the one that came first.
struct Heap {
    items: Vec<u32>,
    place: Vec<u32>,
}

impl Heap {
    fn new(count: usize) -> Self {
        Heap { items: (0..count as u32).collect(), place: (0..count as u32).collect() }
    }

    fn above(a: u32, b: u32, activity: &[f64]) -> bool {
        let (x, y) = (activity[a as usize], activity[b as usize]);
        x > y || x == y && a < b
    }

    fn pop(&mut self, activity: &[f64]) -> Option<u32> {
        let top = *self.items.first()?;
        let last = self.items.pop()?;
        self.place[top as usize] = NONE;
        if last != top {
            self.items[0] = last;
            self.place[last as usize] = 0;
            self.sink(0, activity);
        }
        Some(top)
    }

    fn push(&mut self, choice: u32, activity: &[f64]) {
        if self.place[choice as usize] == NONE {
            self.place[choice as usize] = self.items.len() as u32;
            self.items.push(choice);
            self.raised(choice, activity);
        }
    }

    fn raised(&mut self, choice: u32, activity: &[f64]) {
        let mut at = match self.place[choice as usize] {
            NONE => return,
            at => at as usize,
        };
        while at > 0 && Self::above(self.items[at], self.items[(at - 1) / 2], activity) {
            self.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    fn sink(&mut self, mut at: usize, activity: &[f64]) {
        loop {
            let mut best = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.items.len() && Self::above(self.items[child], self.items[best], activity) {
                    best = child;
                }
            }
            if best == at {
                return;
            }
            self.swap(at, best);
            at = best;
        }
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.items.swap(a, b);
        self.place[self.items[a] as usize] = a as u32;
        self.place[self.items[b] as usize] = b as u32;
    }
}
