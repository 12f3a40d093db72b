//! Strongly connected components, without recursion.
//!
//! Tarjan's algorithm (SIAM J. Comput. 1972) in Pearce's form ("A space-efficient algorithm for finding
//! strongly connected components", IPL 2016), which needs one number for each vertex.

use super::graph::Digraph;

struct Frame {
    vertex: u32,
    cursor: u32,
    root: bool,
}

/// Calls `each` with the vertices of every component, those that nothing leads out of first. The answer
/// has a number for each vertex: the same for those of one component, and never smaller along an edge.
pub(super) fn components(graph: &impl Digraph, mut each: impl FnMut(&[u32])) -> Vec<u32> {
    let count = graph.vertices();
    // 0: not seen. While open, when it was seen or the earliest open one it reaches; afterwards the
    // number of its component, which is larger than any of an open one.
    let mut number = vec![0u32; count];
    let mut open: Vec<u32> = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let mut seen = 1u32;
    let mut component = u32::MAX;
    for start in 0..count as u32 {
        if number[start as usize] != 0 {
            continue;
        }
        number[start as usize] = seen;
        seen += 1;
        frames.push(Frame { vertex: start, cursor: 0, root: true });
        while let Some(frame) = frames.last_mut() {
            let vertex = frame.vertex as usize;
            if let Some(next) = graph.next(frame.vertex, &mut frame.cursor) {
                match number[next as usize] {
                    0 => {
                        number[next as usize] = seen;
                        seen += 1;
                        frames.push(Frame { vertex: next, cursor: 0, root: true });
                    }
                    reached if reached < number[vertex] => {
                        number[vertex] = reached;
                        frame.root = false;
                    }
                    _ => {}
                }
                continue;
            }
            let done = frame.vertex;
            let root = frame.root;
            frames.pop();
            let own = number[vertex];
            if root {
                let first = open
                    .iter()
                    .rposition(|other| number[*other as usize] < own)
                    .map_or(0, |before| before + 1);
                open.push(done);
                let members = &open[first..];
                for member in members {
                    number[*member as usize] = component;
                }
                seen -= members.len() as u32;
                component -= 1;
                each(members);
                open.truncate(first);
            } else {
                open.push(done);
            }
            let reached = number[vertex];
            if let Some(parent) = frames.last_mut()
                && reached < number[parent.vertex as usize]
            {
                number[parent.vertex as usize] = reached;
                parent.root = false;
            }
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Matrix(Vec<Vec<bool>>);
    impl Digraph for Matrix {
        fn vertices(&self) -> usize {
            self.0.len()
        }
        fn next(&self, vertex: u32, cursor: &mut u32) -> Option<u32> {
            let row = &self.0[vertex as usize];
            let at = (*cursor as usize..row.len()).find(|to| row[*to])?;
            *cursor = at as u32 + 1;
            Some(at as u32)
        }
    }

    #[test]
    fn two_are_together_when_each_reaches_the_other() {
        let mut state = 7u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        for _ in 0..5_000 {
            let n = 1 + random() as usize % 8;
            let density = 1 + random() % 4;
            let matrix: Vec<Vec<bool>> =
                (0..n).map(|_| (0..n).map(|_| random() % 8 < density).collect()).collect();
            let mut reach = matrix.clone();
            for k in 0..n {
                for i in 0..n {
                    for j in 0..n {
                        reach[i][j] |= reach[i][k] && reach[k][j];
                    }
                }
            }
            let mut sizes = 0;
            let number = components(&Matrix(matrix.clone()), |members| sizes += members.len());
            assert_eq!(sizes, n);
            for i in 0..n {
                for j in 0..n {
                    let together = i == j || (reach[i][j] && reach[j][i]);
                    assert_eq!(number[i] == number[j], together, "{matrix:?}");
                    assert!(!matrix[i][j] || number[i] <= number[j], "{matrix:?}");
                }
            }
        }
    }
}
