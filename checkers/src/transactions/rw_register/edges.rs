//! Dependencies between transactions on registers, and why each holds.

use super::accesses::Accesses;
use super::versions::VersionGraph;
use crate::transactions::explain::{Explain, Reason};
use crate::transactions::graph::{GraphBuilder, RW, WR, WW};
use crate::transactions::history::{Mop, NONE, TxnHistory};
use crate::transactions::notes::quoted_value;
use crate::value::Value;

/// Dependencies of one history.
pub(super) struct Dependencies<'s> {
    pub(super) history: &'s TxnHistory,
    pub(super) accesses: &'s Accesses,
    pub(super) versions: &'s VersionGraph,
}

impl Dependencies<'_> {
    /// Who wrote the version of this node, if that is known.
    fn writer(&self, node: u32) -> u32 {
        self.accesses.writer.get(node as usize).copied().unwrap_or(NONE)
    }

    /// All of them.
    pub(super) fn graph(&self) -> GraphBuilder {
        let mut graph = GraphBuilder::new(self.history.txns.len());
        let nodes = self.accesses.nodes(self.history);
        let by_read = self.accesses.by_read(nodes);
        let (mut readers, mut writers) = (Vec::new(), Vec::new());
        for node in 0..nodes as u32 {
            let own = self.writer(node);
            readers.clear();
            readers.extend(by_read.of(node).iter().map(|row| self.accesses.all[*row as usize].txn));
            if own != NONE {
                for reader in &readers {
                    graph.edge(own, *reader, WR);
                }
            }
            writers.clear();
            writers.extend(self.versions.order.out(node).map(|(next, _)| self.writer(next)));
            writers.retain(|writer| *writer != NONE);
            writers.sort_unstable();
            writers.dedup();
            if own != NONE {
                // Who read what it overwrote depends on the write as a reader first, as Elle has it.
                for writer in writers.iter().filter(|writer| readers.binary_search(writer).is_err()) {
                    graph.edge(own, *writer, WW);
                }
            }
            if self.accesses.is_certain(node) {
                graph.all_to_all(&readers, &writers, RW);
            }
        }
        graph
    }

    fn value(&self, node: u32) -> Option<Value> {
        self.history.value(node)
    }

    /// What the transaction read of the key before it wrote, as a node; and what it wrote last.
    fn access(&self, txn: u32, key: u32) -> (u32, u32) {
        let (mut read, mut write) = (NONE, NONE);
        for mop in self.history.mops_of(txn).iter().filter(|mop| mop.key() == key) {
            match mop {
                Mop::Write { version, .. } => write = *version,
                Mop::ReadValue { version, .. } if read == NONE && write == NONE => {
                    read = if *version == NONE { self.accesses.initial(key) } else { *version };
                }
                _ => {}
            }
        }
        (read, write)
    }
}

impl Explain for Dependencies<'_> {
    fn explain(&self, from: u32, to: u32, label: u8, a: &str, b: &str) -> Option<Reason> {
        self.history.mops_of(from).iter().find_map(|mop| {
            let key = mop.key();
            let (read, write) = self.access(from, key);
            let (found, wrote) = self.access(to, key);
            let follows = |node: u32| {
                node != NONE && wrote != NONE && self.versions.order.out(node).any(|(next, _)| next == wrote)
            };
            let name = &self.history.keys[key as usize];
            let (shown, text) = (quoted_value(name), |node: u32| self.value(node).map_or("nil".into(), |v| quoted_value(&v)));
            let reason = |one: u32, next: Option<u32>, text: String| {
                Some(Reason::of(name.clone(), self.value(one), next.and_then(|next| self.value(next)), text))
            };
            match label {
                WR if write != NONE && write == found => {
                    reason(write, None, format!("{a} wrote key {shown} = {}, which was read by {b}", text(write)))
                }
                WW if follows(write) => reason(
                    write,
                    Some(wrote),
                    format!(
                        "{a} set key {shown} to {}, and {b} set it to {}, which came later in the version order",
                        text(write),
                        text(wrote)
                    ),
                ),
                RW if follows(read) => reason(
                    read,
                    Some(wrote),
                    format!(
                        "{a} read key {shown} = {}, and {b} set it to {}, which came later in the version order",
                        text(read),
                        text(wrote)
                    ),
                ),
                _ => None,
            }
        })
    }
}
