//! Cycles of small random graphs against all that there are.

use std::collections::BTreeSet;

use super::*;
use crate::transactions::graph::{GraphBuilder, RW, RWP, WR, WW};

/// A small deterministic generator.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn cases() -> usize {
    if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { 100_000 } else { 5_000 }
}

/// Every kind of every simple cycle.
fn all_kinds(vertices: u32, edges: &[(u32, u32, u8)]) -> AnomalySet {
    fn extend(
        path: &mut Vec<(u32, u8)>,
        at: u32,
        edges: &[(u32, u32, u8)],
        found: &mut BTreeSet<&'static str>,
    ) {
        let start = path.first().map_or(at, |(first, _)| *first);
        for (from, to, label) in edges.iter().filter(|(from, _, _)| *from == at) {
            path.push((*from, *label));
            if *to == start {
                let labels: Vec<u8> = path.iter().map(|(_, label)| *label).collect();
                found.extend(classify(&labels).map(Anomaly::name));
            } else if *to > start && path.iter().all(|(seen, _)| seen != to) {
                extend(path, *to, edges, found);
            }
            path.pop();
        }
    }
    let mut found = BTreeSet::new();
    for start in 0..vertices {
        extend(&mut Vec::new(), start, edges, &mut found);
    }
    found.into_iter().filter_map(Anomaly::by_name).collect()
}

#[test]
fn what_is_ruled_out_is_what_all_cycles_rule_out() {
    let mut random = Random(1);
    let (mut cyclic, mut severe) = (0, 0);
    for case in 0..cases() {
        let vertices = 2 + random.below(5) as u32;
        let labels: &[u8] = match case % 4 {
            0 => &[WW, WR, RW],
            1 => &[RW, RW, WW, PROCESS],
            2 => &[RW, RWP, WR, REALTIME],
            _ => &[WW, WR, RW, RW, RWP, PROCESS, REALTIME],
        };
        let count = 1 + random.below(u64::from(vertices) * 2);
        let mut edges = BTreeSet::new();
        for _ in 0..count {
            let (from, to) = (random.below(vertices.into()) as u32, random.below(vertices.into()) as u32);
            let label = labels[random.below(labels.len() as u64) as usize];
            // Neither session nor time goes back.
            let forward = label & (PROCESS | REALTIME) == 0 || from < to;
            if from != to && forward {
                edges.insert((from, to, label));
                // What is in order in a session is so in time, if there is time.
                if label == PROCESS && labels.contains(&REALTIME) {
                    edges.insert((from, to, REALTIME));
                }
            }
        }
        let edges: Vec<(u32, u32, u8)> = edges.into_iter().collect();
        let mut builder = GraphBuilder::new(vertices as usize);
        for (from, to, label) in &edges {
            builder.edge(*from, *to, *label);
        }
        let found = find(&builder.finish(Vec::new(), Vec::new()), &Budget::default());
        let all = all_kinds(vertices, &edges);
        let ours: AnomalySet = found.cycles.iter().map(|cycle| cycle.anomaly).collect();
        assert!(found.unshown.is_empty());
        assert_eq!(ruled_out(ours), ruled_out(all), "{edges:?}\nours {ours:?}\nall {all:?}");
        for cycle in &found.cycles {
            let count = cycle.steps.len();
            for at in 0..count {
                let step = (cycle.steps[at].from, cycle.steps[(at + 1) % count].from, cycle.steps[at].label);
                assert!(edges.contains(&step), "{cycle:?} in {edges:?}");
            }
            let labels: Vec<u8> = cycle.steps.iter().map(|step| step.label).collect();
            assert_eq!(classify(&labels), Some(cycle.anomaly));
        }
        cyclic += usize::from(!ours.is_empty());
        severe += usize::from(ours.iter().count() > 1);
        // With next to no budget the names are fewer, but what cannot hold is still known.
        let little = Budget { max_steps: 1 + random.below(20), ..Budget::default() };
        let mut builder = GraphBuilder::new(vertices as usize);
        for (from, to, label) in &edges {
            builder.edge(*from, *to, *label);
        }
        let found = find(&builder.finish(Vec::new(), Vec::new()), &little);
        let ours =
            found.cycles.iter().map(|cycle| cycle.anomaly).collect::<AnomalySet>().union(found.unshown);
        let ours = ruled_out(ours);
        for acyclic in &ACYCLIC {
            let model = acyclic.model().unwrap();
            assert!(!ruled_out(all).contains(model) || ours.contains(model), "{model} {edges:?}");
        }
    }
    assert!(cyclic > cases() / 4 && severe > cases() / 50, "{cyclic} {severe}");
}

#[test]
fn hubs_join_all_sources_to_all_targets_and_nobody_to_itself() {
    let mut random = Random(2);
    for _ in 0..300 {
        let txns = 40;
        let pick = |random: &mut Random| -> Vec<u32> {
            let one_of = 1 + random.below(3);
            (0..txns).filter(|_| random.below(one_of) == 0).collect()
        };
        let (sources, mut targets) = (pick(&mut random), pick(&mut random));
        targets.reverse();
        let mut builder = GraphBuilder::new(txns as usize);
        builder.all_to_all(&sources, &targets, RW);
        let graph = builder.finish(Vec::new(), Vec::new());
        for from in 0..txns {
            // Everything that one step and any number of hubs lead to.
            let mut reached = BTreeSet::new();
            let mut front = vec![from];
            let mut seen = BTreeSet::new();
            while let Some(vertex) = front.pop() {
                let mut cursor = 0;
                while let Some(to) = graph.next(vertex, &mut cursor) {
                    if graph.is_txn(to) {
                        reached.insert(to);
                    } else if seen.insert(to) {
                        front.push(to);
                    }
                }
            }
            let expected: BTreeSet<u32> = if sources.contains(&from) {
                targets.iter().copied().filter(|to| *to != from).collect()
            } else {
                BTreeSet::new()
            };
            assert_eq!(reached, expected, "from {from}: {sources:?} to {targets:?}");
        }
    }
}
