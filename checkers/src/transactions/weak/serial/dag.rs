//! A graph without cycles that grows and shrinks, with a topological order kept up to date.
//!
//! The algorithm of Pearce and Kelly (ACM JEA 2006): an edge that agrees with the order costs nothing;
//! one that does not moves only what lies between its ends.

use std::collections::{BinaryHeap, VecDeque};

use super::super::super::history::NONE;

/// See the module.
pub(crate) struct Dag {
    out: Vec<Vec<(u32, u32)>>,
    into: Vec<Vec<u32>>,
    /// The place of each node in the order.
    pub place: Vec<u32>,
    mark: Vec<u32>,
    from: Vec<(u32, u32)>,
    marks: u32,
    /// Nodes looked at, ever.
    pub steps: u64,
}

impl Dag {
    /// The graph of these edges, each of which bears no label; ties in the order go by `hint`. `None` if
    /// there is a cycle.
    pub fn new(nodes: usize, edges: &[(u32, u32)], hint: &[u32]) -> Option<Self> {
        let mut out: Vec<Vec<(u32, u32)>> = vec![Vec::new(); nodes];
        let mut into: Vec<Vec<u32>> = vec![Vec::new(); nodes];
        for (first, second) in edges {
            out[*first as usize].push((*second, NONE));
            into[*second as usize].push(*first);
        }
        let mut waits: Vec<u32> = into.iter().map(|before| before.len() as u32).collect();
        let mut ready: BinaryHeap<std::cmp::Reverse<(u32, u32)>> = (0..nodes as u32)
            .filter(|node| waits[*node as usize] == 0)
            .map(|node| std::cmp::Reverse((hint[node as usize], node)))
            .collect();
        let mut place = vec![0; nodes];
        let mut placed = 0;
        while let Some(std::cmp::Reverse((_, node))) = ready.pop() {
            place[node as usize] = placed;
            placed += 1;
            for (after, _) in &out[node as usize] {
                let wait = &mut waits[*after as usize];
                *wait -= 1;
                if *wait == 0 {
                    ready.push(std::cmp::Reverse((hint[*after as usize], *after)));
                }
            }
        }
        let mark = vec![0; nodes];
        let from = vec![(NONE, NONE); nodes];
        (placed as usize == nodes).then_some(Dag { out, into, place, mark, from, marks: 0, steps: 0 })
    }

    /// What is before a node, by number.
    pub fn before(&self, node: u32, at: usize) -> Option<u32> {
        self.into[node as usize].get(at).copied()
    }

    /// The shortest way from one node to another: its nodes, both ends included, and the labels of its
    /// edges. None either if there is none among the nearest `limit` nodes.
    pub fn way(&mut self, start: u32, end: u32, limit: usize) -> Option<(Vec<u32>, Vec<u32>)> {
        if start == end {
            return Some((vec![start], Vec::new()));
        }
        self.forward(start, end, limit, None)
    }

    fn forward(
        &mut self,
        start: u32,
        end: u32,
        mut limit: usize,
        mut all: Option<&mut Vec<u32>>,
    ) -> Option<(Vec<u32>, Vec<u32>)> {
        let bound = self.place[end as usize];
        if self.place[start as usize] > bound {
            return None;
        }
        self.marks += 1;
        self.mark[start as usize] = self.marks;
        let mut queue = VecDeque::from([start]);
        while let Some(node) = queue.pop_front() {
            self.steps += 1;
            if limit == 0 {
                return None;
            }
            limit -= 1;
            if let Some(all) = &mut all {
                all.push(node);
            }
            for (after, label) in &self.out[node as usize] {
                if self.place[*after as usize] > bound || self.mark[*after as usize] == self.marks {
                    continue;
                }
                self.mark[*after as usize] = self.marks;
                self.from[*after as usize] = (node, *label);
                if *after == end {
                    return Some(self.back(start, end));
                }
                queue.push_back(*after);
            }
        }
        None
    }

    fn back(&self, start: u32, end: u32) -> (Vec<u32>, Vec<u32>) {
        let (mut nodes, mut labels) = (vec![end], Vec::new());
        let mut at = end;
        while at != start {
            let (before, label) = self.from[at as usize];
            if label != NONE {
                labels.push(label);
            }
            nodes.push(before);
            at = before;
        }
        nodes.reverse();
        (nodes, labels)
    }

    /// Adds an edge.
    ///
    /// # Errors
    /// It closes a cycle, and is not added: the nodes on the way back, and the labels of its edges.
    pub fn add(&mut self, first: u32, second: u32, label: u32) -> Result<(), (Vec<u32>, Vec<u32>)> {
        if first == second {
            return Err((vec![first], Vec::new()));
        }
        if self.place[first as usize] > self.place[second as usize] {
            let mut after = Vec::new();
            if let Some(way) = self.forward(second, first, usize::MAX, Some(&mut after)) {
                return Err(way);
            }
            self.reorder(first, second, after);
        }
        self.out[first as usize].push((second, label));
        self.into[second as usize].push(first);
        Ok(())
    }

    fn reorder(&mut self, first: u32, second: u32, mut after: Vec<u32>) {
        let bound = self.place[second as usize];
        self.marks += 1;
        self.mark[first as usize] = self.marks;
        let mut before = vec![first];
        let mut done = 0;
        while done < before.len() {
            let node = before[done];
            done += 1;
            self.steps += 1;
            for other in &self.into[node as usize] {
                if self.place[*other as usize] > bound && self.mark[*other as usize] != self.marks {
                    self.mark[*other as usize] = self.marks;
                    before.push(*other);
                }
            }
        }
        let place = &mut self.place;
        before.sort_unstable_by_key(|node| place[*node as usize]);
        after.sort_unstable_by_key(|node| place[*node as usize]);
        let mut places: Vec<u32> = before.iter().chain(&after).map(|node| place[*node as usize]).collect();
        places.sort_unstable();
        for (node, at) in before.iter().chain(&after).zip(places) {
            place[*node as usize] = at;
        }
    }

    /// Takes back the edge added last of those that are left.
    pub fn undo(&mut self, first: u32, second: u32) {
        self.out[first as usize].pop();
        self.into[second as usize].pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_keep_the_order_and_cycles_are_told() {
        let hint: Vec<u32> = (0..6).collect();
        let mut dag = Dag::new(6, &[(0, 1), (4, 5)], &hint).unwrap();
        dag.add(5, 0, 7).unwrap();
        assert!(dag.place[4] < dag.place[5] && dag.place[5] < dag.place[0] && dag.place[0] < dag.place[1]);
        let (nodes, labels) = dag.add(1, 4, 8).unwrap_err();
        assert_eq!((nodes, labels), (vec![4, 5, 0, 1], vec![7]));
        dag.undo(5, 0);
        dag.add(1, 4, 8).unwrap();
        assert!(dag.place[1] < dag.place[4]);
        assert!(Dag::new(2, &[(0, 1), (1, 0)], &hint).is_none());
    }
}
