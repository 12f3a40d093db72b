//! The order of versions of each register, from several sources, as far as it can be known.
//!
//! Each source is merged key by key unless the versions would then be in a circle, which is an anomaly of its
//! own; what it says of that key is left out.

use super::RwRegister;
use super::accesses::Accesses;
use crate::history::Fate;
use crate::transactions::consistency::Anomaly;
use crate::transactions::graph::{Adjacency, Digraph, Edges, WW};
use crate::transactions::history::{NONE, TxnHistory};
use crate::transactions::notes::{Notes, quoted_value};
use crate::transactions::orders::next_of_process;
use crate::transactions::scc::components;

const CYCLIC_VERSIONS: Anomaly = Anomaly::known("cyclic-versions");

/// Which version of a key precedes which. Nodes are versions and initial states.
#[derive(Debug)]
pub(super) struct VersionGraph {
    pub(super) order: Adjacency,
}

impl Digraph for Adjacency {
    fn vertices(&self) -> usize {
        self.sources()
    }
    #[inline]
    fn next(&self, vertex: u32, cursor: &mut u32) -> Option<u32> {
        let range = self.range(vertex);
        let at = range.start + *cursor as usize;
        *cursor += 1;
        (at < range.end).then(|| self.edge(at).0)
    }
}

/// Builds the graph from all sources that the options allow.
pub(super) fn version_graph(
    options: &RwRegister,
    history: &TxnHistory,
    accesses: &Accesses,
    notes: &mut Notes<'_>,
) -> VersionGraph {
    type Source = fn(&RwRegister, &TxnHistory, &Accesses, &mut Pairs<'_>);
    let sources: [(&str, bool, Source); 4] = [
        ("the transaction order that was given", !options.transaction_order.is_empty(), given_order),
        ("writes that follow reads in a transaction", options.wfr_keys, writes_follow_reads),
        ("the order of each process", options.sequential_keys, sequential),
        ("real time", options.linearizable_keys && !history.completions_only, linearizable),
    ];
    let nodes = accesses.nodes(history);
    let mut merged = Edges::default();
    let mut told = "the initial state".to_owned();
    for (name, wanted, source) in sources {
        if !wanted {
            continue;
        }
        let mut pairs = Pairs { accesses, edges: Edges::default() };
        source(options, history, accesses, &mut pairs);
        let mut new = pairs.edges;
        if new.from.is_empty() {
            continue;
        }
        let with = format!("{told} and {name}");
        let cyclic = cyclic_keys(history, accesses, &merged, &new, &with, notes);
        if !cyclic.is_empty() {
            let kept: Vec<bool> = new
                .to
                .iter()
                .map(|node| cyclic.binary_search(&key_of(history, accesses, *node)).is_err())
                .collect();
            retain(&mut new, &kept);
        }
        merged.append(new);
        told = with;
    }
    // Every version comes after the initial state. Where another version comes before, whose writer is known,
    // that follows from the two; it need not be said again.
    let mut follows = vec![false; nodes];
    for (from, to) in merged.from.iter().zip(&merged.to) {
        if !accesses.is_initial(*from) && accesses.writer[*from as usize] != NONE {
            follows[*to as usize] = true;
        }
    }
    for (node, version) in (0u32..).zip(&history.versions) {
        if !follows[node as usize] && !accesses.intermediate[node as usize] && accesses.is_certain(node) {
            merged.push(accesses.initial(version.key), node, WW);
        }
    }
    VersionGraph { order: Adjacency::new(nodes, &merged) }
}

fn key_of(history: &TxnHistory, accesses: &Accesses, node: u32) -> u32 {
    match history.versions.get(node as usize) {
        Some(version) => version.key,
        None => node - accesses.initial(0),
    }
}

fn retain(edges: &mut Edges, kept: &[bool]) {
    let mut at = 0;
    edges.from.retain(|_| (kept[at], at += 1).0);
    at = 0;
    edges.to.retain(|_| (kept[at], at += 1).0);
    at = 0;
    edges.label.retain(|_| (kept[at], at += 1).0);
}

/// Pairs of versions, the first before the second.
struct Pairs<'a> {
    accesses: &'a Accesses,
    edges: Edges,
}

impl Pairs<'_> {
    fn push(&mut self, from: u32, to: u32) {
        if from != to && self.accesses.is_certain(from) && self.accesses.is_certain(to) {
            self.edges.push(from, to, WW);
        }
    }
}

/// A transaction that reads a version and then writes another overwrites it.
fn writes_follow_reads(_: &RwRegister, _: &TxnHistory, accesses: &Accesses, pairs: &mut Pairs<'_>) {
    for access in &accesses.all {
        if access.read != NONE && access.write != NONE && !accesses.is_initial(access.read) {
            pairs.push(access.read, access.write);
        }
    }
}

/// A process never sees a key go back.
fn sequential(_: &RwRegister, history: &TxnHistory, accesses: &Accesses, pairs: &mut Pairs<'_>) {
    let next = next_of_process(&history.txns);
    // Where the accesses of each transaction begin.
    let mut begins = vec![0u32; history.txns.len() + 1];
    for access in &accesses.all {
        begins[access.txn as usize + 1] += 1;
    }
    for at in 0..history.txns.len() {
        begins[at + 1] += begins[at];
    }
    let mut first = vec![true; history.txns.len()];
    for next in next.iter().filter(|next| **next != NONE) {
        first[*next as usize] = false;
    }
    // The last access of each key by the process at hand.
    let mut last = vec![(NONE, NONE); history.keys.len()];
    for start in 0..history.txns.len() as u32 {
        if !first[start as usize] || history.txns[start as usize].fate != Fate::Ok {
            continue;
        }
        let mut txn = start;
        while txn != NONE && history.txns[txn as usize].fate == Fate::Ok {
            for access in &accesses.all[begins[txn as usize] as usize..begins[txn as usize + 1] as usize] {
                let (who, before) = std::mem::replace(&mut last[access.key as usize], (start, access.last()));
                if who == start {
                    pairs.push(before, access.first());
                }
            }
            txn = next[txn as usize];
        }
    }
}

/// What a transaction left precedes what one found that began after the first had completed. Only those that
/// touch the key, and of those only such that no third lies between.
fn linearizable(_: &RwRegister, history: &TxnHistory, accesses: &Accesses, pairs: &mut Pairs<'_>) {
    let by_key = accesses.by_key(history.keys.len());
    let mut completions: Vec<(u32, u32)> = Vec::new();
    // Completed accesses, by completion: position, and what was left.
    let mut before: Vec<(u32, u32)> = Vec::new();
    for key in 0..history.keys.len() as u32 {
        let rows = by_key.of(key);
        completions.clear();
        completions.extend(rows.iter().filter_map(|row| {
            let txn = &history.txns[accesses.all[*row as usize].txn as usize];
            (txn.fate == Fate::Ok).then_some((txn.ret, *row))
        }));
        completions.sort_unstable();
        before.clear();
        let mut completed = completions.iter().peekable();
        for row in rows {
            let access = &accesses.all[*row as usize];
            let call = history.txns[access.txn as usize].call;
            while let Some((ret, done)) = completed.next_if(|(ret, _)| *ret < call) {
                let done = &accesses.all[*done as usize];
                let called = history.txns[done.txn as usize].call;
                let passed = before.partition_point(|(ret, _)| *ret < called);
                before.drain(..passed);
                before.retain(|(_, left)| *left != done.last());
                before.push((*ret, done.last()));
            }
            for (_, left) in &before {
                pairs.push(*left, access.first());
            }
        }
    }
}

/// The order of transactions that the database itself has told.
fn given_order(options: &RwRegister, history: &TxnHistory, accesses: &Accesses, pairs: &mut Pairs<'_>) {
    let by_key = accesses.by_key(history.keys.len());
    let mut given = options.transaction_order.clone();
    given.sort_unstable();
    let mut writes: Vec<(i64, u32)> = Vec::new();
    for key in 0..history.keys.len() as u32 {
        writes.clear();
        writes.extend(by_key.of(key).iter().filter_map(|row| {
            let access = &accesses.all[*row as usize];
            let ret = history.txns[access.txn as usize].ret as usize;
            let at = given.binary_search_by_key(&ret, |(position, _)| *position).ok()?;
            (access.write != NONE).then_some((given[at].1, access.write))
        }));
        writes.sort_unstable();
        for pair in writes.windows(2) {
            pairs.push(pair[0].1, pair[1].1);
        }
    }
}

/// The keys, sorted, whose versions would be in a circle with the new edges.
fn cyclic_keys(
    history: &TxnHistory,
    accesses: &Accesses,
    merged: &Edges,
    new: &Edges,
    sources: &str,
    notes: &mut Notes<'_>,
) -> Vec<u32> {
    let nodes = accesses.nodes(history);
    let mut all = Edges::default();
    all.from = merged.from.iter().chain(&new.from).copied().collect();
    all.to = merged.to.iter().chain(&new.to).copied().collect();
    all.label = vec![WW; all.from.len()];
    // Nothing precedes the initial state, so an edge into it makes a circle with everything after it.
    let initial: Vec<usize> = (0..all.to.len()).filter(|at| accesses.is_initial(all.to[*at])).collect();
    for at in initial {
        all.push(all.to[at], all.from[at], WW);
    }
    let graph = Adjacency::new(nodes, &all);
    let mut cyclic = Vec::new();
    components(&graph, |members| {
        if members.len() > 1 {
            cyclic.push(members.to_vec());
        }
    });
    cyclic.sort_unstable_by_key(|members| members.iter().copied().min());
    let mut keys = Vec::new();
    for mut members in cyclic {
        members.sort_unstable();
        let key = key_of(history, accesses, members[0]);
        keys.push(key);
        let calls: Vec<u32> = members
            .iter()
            .filter_map(|node| Some(history.versions.get(*node as usize)?.writer))
            .filter(|writer| *writer != NONE)
            .take(8)
            .map(|writer| history.txns[writer as usize].call)
            .collect();
        let values: Vec<String> = members
            .iter()
            .take(8)
            .map(|node| history.value(*node).map_or("nil".to_owned(), |value| quoted_value(&value)))
            .collect();
        notes.note(CYCLIC_VERSIONS, Some(history.keys[key as usize].clone()), &calls, |_| {
            format!(
                "going by {sources}, the values {} of key {} each precede the others; if a single key need not be \
                 that consistent here, do not ask for that source",
                values.join(", "),
                quoted_value(&history.keys[key as usize]),
            )
        });
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}
