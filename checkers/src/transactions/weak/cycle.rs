//! Whether an order exists, and the shortest cycle if not.

use std::collections::VecDeque;

use super::super::history::NONE;

/// A directed graph that can say what must come before a node.
pub(crate) trait Before {
    /// How many nodes there are.
    fn nodes(&self) -> usize;
    /// The next node before `node`; `cursor` begins at 0 and is the graph's own afterwards.
    fn next_before(&self, node: u32, cursor: &mut u32) -> Option<u32>;
}

/// The strongly connected components of more than one node, by Tarjan's algorithm (SIAM J. Comput.
/// 1972) on a stack of our own.
pub(crate) fn components(graph: &impl Before) -> Vec<Vec<u32>> {
    let nodes = graph.nodes();
    let mut found = Vec::new();
    // 0: not seen; u32::MAX: in a component already; else its number, from 1.
    let mut number = vec![0u32; nodes];
    let mut stack: Vec<u32> = Vec::new();
    let mut path: Vec<(u32, u32, u32)> = Vec::new();
    let mut next = 1;
    for root in 0..nodes as u32 {
        if number[root as usize] != 0 {
            continue;
        }
        number[root as usize] = next;
        path.push((root, 0, next));
        stack.push(root);
        next += 1;
        while let Some((node, cursor, low)) = path.last_mut() {
            if let Some(before) = graph.next_before(*node, cursor) {
                match number[before as usize] {
                    0 => {
                        number[before as usize] = next;
                        path.push((before, 0, next));
                        stack.push(before);
                        next += 1;
                    }
                    u32::MAX => {}
                    other => *low = (*low).min(other),
                }
                continue;
            }
            let (node, low) = (*node, *low);
            path.pop();
            if let Some((_, _, parent)) = path.last_mut() {
                *parent = (*parent).min(low);
            }
            if number[node as usize] == low {
                let begins = stack.iter().rposition(|other| *other == node).unwrap_or(0);
                if stack.len() - begins > 1 {
                    found.push(stack[begins..].to_vec());
                }
                for member in stack.drain(begins..) {
                    number[member as usize] = u32::MAX;
                }
            }
        }
    }
    found
}

/// How many edges a search for a short cycle looks at.
const LOOKS: usize = 4_000_000;

/// The shortest cycle in a component, in the order of its edges: each node is before the next, the
/// last before the first. In a large component the shortest through the nodes tried, at least one.
pub(crate) fn shortest(graph: &impl Before, component: &[u32]) -> Vec<u32> {
    let mut local = vec![NONE; graph.nodes()];
    for (at, node) in component.iter().enumerate() {
        local[*node as usize] = at as u32;
    }
    let mut best: Vec<u32> = Vec::new();
    let mut looks = 0;
    let mut from = vec![NONE; component.len()];
    let mut reached = vec![NONE; component.len()];
    let mut queue = VecDeque::new();
    for start in 0..component.len() as u32 {
        if looks > LOOKS && !best.is_empty() || best.len() == 2 {
            break;
        }
        queue.clear();
        queue.push_back((start, 1));
        reached[start as usize] = start;
        'search: while let Some((at, length)) = queue.pop_front() {
            if !best.is_empty() && length >= best.len() {
                break;
            }
            let node = component[at as usize];
            let mut cursor = 0;
            while let Some(before) = graph.next_before(node, &mut cursor) {
                looks += 1;
                let other = local[before as usize];
                if other == NONE {
                    continue;
                }
                if other == start {
                    best.clear();
                    let mut step = at;
                    loop {
                        best.push(component[step as usize]);
                        if step == start {
                            break;
                        }
                        step = from[step as usize];
                    }
                    break 'search;
                }
                if reached[other as usize] != start {
                    reached[other as usize] = start;
                    from[other as usize] = at;
                    queue.push_back((other, length + 1));
                }
            }
        }
    }
    // `best` goes from the last node found to the start, and each was before the one it came from.
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Lists(Vec<Vec<u32>>);

    impl Before for Lists {
        fn nodes(&self) -> usize {
            self.0.len()
        }
        fn next_before(&self, node: u32, cursor: &mut u32) -> Option<u32> {
            *cursor += 1;
            self.0[node as usize].get(*cursor as usize - 1).copied()
        }
    }

    #[test]
    fn components_and_the_shortest_cycle_are_found() {
        let graph = Lists(vec![vec![1], vec![2], vec![3, 4], vec![0], vec![2], vec![0]]);
        let found = components(&graph);
        assert_eq!(found.len(), 1);
        let mut members = found[0].clone();
        members.sort_unstable();
        assert_eq!(members, [0, 1, 2, 3, 4]);
        let mut cycle = shortest(&graph, &found[0]);
        cycle.sort_unstable();
        assert_eq!(cycle, [2, 4]);
        assert!(components(&Lists(vec![vec![1], vec![2], vec![]])).is_empty());
    }

    #[test]
    fn each_node_of_a_cycle_is_before_the_next() {
        let graph = Lists(vec![vec![2], vec![0], vec![1]]);
        let cycle = shortest(&graph, &components(&graph)[0]);
        assert_eq!(cycle.len(), 3);
        for (at, node) in cycle.iter().enumerate() {
            let next = cycle[(at + 1) % cycle.len()];
            assert!(graph.0[next as usize].contains(node), "{cycle:?}");
        }
    }
}
