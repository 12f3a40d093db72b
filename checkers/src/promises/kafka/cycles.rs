//! Transactions that read from each other in a circle (G1c of Adya 1999).
//!
//! The graph has an edge from who sent a message to who polled it. It is asked for circles by
//! itself, then with the order of each process, then with real time, which goes through barriers:
//! a node per answer, each before the next, so that there are three edges per operation and not one per pair.
//! Strongly connected components are found by Tarjan's algorithm (1972), without recursion, and the
//! shortest circle through a node of each by breadth-first search.

use std::collections::{HashMap, VecDeque};

use super::super::findings::{Findings, MAX_TOLD, shorten};
use super::super::shape::NONE;
use super::log::Operations;
use crate::event::Process;
use crate::hash::FastHash;
use crate::history::{Fate, History};

/// Edges by the node that they leave.
struct Graph {
    starts: Vec<u32>,
    targets: Vec<u32>,
}

impl Graph {
    fn new(nodes: usize, edges: &[(u32, u32)]) -> Self {
        let mut starts = vec![0_u32; nodes + 1];
        for (from, _) in edges {
            starts[*from as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut ends = starts.clone();
        let mut targets = vec![0; edges.len()];
        for (from, to) in edges {
            let end = &mut ends[*from as usize];
            targets[*end as usize] = *to;
            *end += 1;
        }
        Graph { starts, targets }
    }

    fn nodes(&self) -> usize {
        self.starts.len() - 1
    }

    fn from(&self, node: u32) -> &[u32] {
        &self.targets[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }

    /// By node the number of its component, and the components of more than one node by number.
    fn components(&self) -> (Vec<u32>, Vec<Vec<u32>>) {
        let nodes = self.nodes();
        let mut component = vec![NONE; nodes];
        let mut large = Vec::new();
        let (mut order, mut low) = (vec![NONE; nodes], vec![0_u32; nodes]);
        let mut stack: Vec<u32> = Vec::new();
        let mut path: Vec<(u32, u32)> = Vec::new();
        let (mut next, mut count) = (0, 0);
        for root in 0..nodes as u32 {
            if order[root as usize] != NONE {
                continue;
            }
            path.push((root, 0));
            while let Some((node, edge)) = path.last_mut() {
                let (at, node) = (*node as usize, *node);
                if *edge == 0 {
                    (order[at], low[at]) = (next, next);
                    next += 1;
                    stack.push(node);
                }
                if let Some(target) = self.from(node).get(*edge as usize).copied() {
                    *edge += 1;
                    if order[target as usize] == NONE {
                        path.push((target, 0));
                    } else if component[target as usize] == NONE {
                        low[at] = low[at].min(order[target as usize]);
                    }
                    continue;
                }
                path.pop();
                if let Some((parent, _)) = path.last() {
                    let parent = *parent as usize;
                    low[parent] = low[parent].min(low[at]);
                }
                if low[at] == order[at] {
                    let mut members = Vec::new();
                    while let Some(member) = stack.pop() {
                        component[member as usize] = count;
                        members.push(member);
                        if member == node {
                            break;
                        }
                    }
                    if members.len() > 1 {
                        members.sort_unstable();
                        large.push(members);
                    }
                    count += 1;
                }
            }
        }
        large.sort_unstable();
        (component, large)
    }

    /// A shortest circle through `start`, which lies on one.
    fn circle(&self, start: u32, component: &[u32]) -> Vec<u32> {
        let mut came_from: HashMap<u32, u32, FastHash> = HashMap::default();
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            for target in self.from(node) {
                if *target == start {
                    let mut circle = vec![node];
                    let mut at = node;
                    while at != start {
                        let Some(before) = came_from.get(&at) else { break };
                        at = *before;
                        circle.push(at);
                    }
                    circle.reverse();
                    return circle;
                }
                if component[*target as usize] == component[start as usize] && !came_from.contains_key(target)
                {
                    came_from.insert(*target, node);
                    queue.push_back(*target);
                }
            }
        }
        Vec::new()
    }
}

/// Adds a finding for each group of transactions that read in a circle.
pub(super) fn find(history: &History, operations: &Operations<'_>, findings: &mut Findings<'_>) {
    let count = operations.all.len();
    let mut reads: Vec<(u32, u32)> = Vec::new();
    // By edge, a message that it stands for.
    let mut because: HashMap<(u32, u32), u32, FastHash> = HashMap::default();
    for (reader, operation) in operations.all.iter().enumerate() {
        if operation.fate != Fate::Ok {
            continue;
        }
        for poll in &operations.polls[operation.polls.clone()] {
            let writer = operations.messages[poll.message as usize].writer;
            if let Some(writer) = writer.filter(|writer| *writer as usize != reader) {
                let edge = (writer, reader as u32);
                because.entry(edge).or_insert_with(|| {
                    reads.push(edge);
                    poll.message
                });
            }
        }
    }
    let mut told = vec![false; count];
    let mut edges = reads;
    let mut nodes = count;
    for problem in ["G1c", "G1c-process", "G1c-realtime"] {
        if problem == "G1c-process" {
            edges.extend(of_processes(operations));
        } else if problem == "G1c-realtime" {
            nodes += real_time(operations, &mut edges);
        }
        let graph = Graph::new(nodes, &edges);
        let (component, large) = graph.components();
        for members in large {
            // A circle that needs less was told already.
            if members.iter().any(|node| (*node as usize) < count && told[*node as usize]) {
                continue;
            }
            for node in members.iter().filter(|node| (**node as usize) < count) {
                told[*node as usize] = true;
            }
            let short = findings.count(problem) < MAX_TOLD;
            let circle = if short { graph.circle(members[0], &component) } else { Vec::new() };
            let circle: Vec<u32> = circle.into_iter().filter(|node| (*node as usize) < count).collect();
            let calls: Vec<usize> =
                circle.iter().map(|node| operations.all[*node as usize].call as usize).collect();
            findings.add(problem, &calls, || sentence(history, operations, &circle, &because));
        }
    }
}

/// Each operation of a process is before its next.
fn of_processes(operations: &Operations<'_>) -> Vec<(u32, u32)> {
    let mut last: HashMap<Process, u32, FastHash> = HashMap::default();
    let mut edges = Vec::new();
    for (node, operation) in operations.all.iter().enumerate() {
        if operation.chosen.is_none() && operation.fate != Fate::Fail {
            let before = last.insert(operation.process, node as u32);
            // What was never answered may happen later than what its process did next.
            let before = before.filter(|before| operations.all[*before as usize].fate == Fate::Ok);
            edges.extend(before.map(|before| (before, node as u32)));
        }
    }
    edges
}

/// Adds what real time orders, and answers how many barriers that took.
fn real_time(operations: &Operations<'_>, edges: &mut Vec<(u32, u32)>) -> usize {
    let count = operations.all.len() as u32;
    let mut answered: Vec<(u32, u32)> =
        operations.all.iter().zip(0..).map(|(op, node)| (op.ret, node)).collect();
    answered.retain(|(ret, _)| *ret != NONE);
    answered.sort_unstable();
    for (index, (_, node)) in answered.iter().enumerate() {
        let barrier = count + index as u32;
        edges.push((*node, barrier));
        if index > 0 {
            edges.push((barrier - 1, barrier));
        }
    }
    for (operation, node) in operations.all.iter().zip(0..) {
        let before = answered.partition_point(|(ret, _)| *ret < operation.call) as u32;
        if before > 0 {
            edges.push((count + before - 1, node));
        }
    }
    answered.len()
}

fn sentence(
    history: &History,
    operations: &Operations<'_>,
    circle: &[u32],
    because: &HashMap<(u32, u32), u32, FastHash>,
) -> String {
    let at = |node: u32| history.origin(operations.all[node as usize].call as usize);
    let steps: Vec<String> = circle
        .iter()
        .enumerate()
        .map(|(index, node)| {
            let next = circle[(index + 1) % circle.len()];
            let (one, other) = (at(*node), at(next));
            match because.get(&(*node, next)) {
                Some(message) => {
                    let value = shorten(&operations.messages[*message as usize].value);
                    format!(
                        "the operation at event {one} sent {value}, which the one at event {other} polled"
                    )
                }
                None if operations.all[*node as usize].process == operations.all[next as usize].process => {
                    format!(
                        "the operation at event {one} comes before the one at event {other} in its process"
                    )
                }
                None => {
                    format!("the operation at event {one} was answered before the one at event {other} began")
                }
            }
        })
        .collect();
    steps.join("; ")
}
