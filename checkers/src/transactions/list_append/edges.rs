//! Dependencies between transactions of a list-append history, and why each holds.
//!
//! As Elle infers them. The versions of a key are ordered as its longest read has them; an append that no
//! read has comes after all of those. *ww*: from the append before. *wr*: from the append of the last
//! element that was read. *rw*: from whoever read up to the element before, to the append.

use super::columns::{Columns, Mop};
use super::versions::{Versions, readers_of_tails};
use crate::history::Fate;
use crate::tape::ValueRef;
use crate::transactions::explain::{Explain, Reason};
use crate::transactions::graph::{GraphBuilder, RW, WR, WW};
use crate::transactions::history::NONE;
use crate::transactions::notes::quoted;

/// Dependencies of one history.
pub(super) struct Dependencies<'s, 'h> {
    pub(super) columns: &'s Columns<'h>,
    pub(super) versions: &'s Versions,
}

impl Dependencies<'_, '_> {
    /// Who may have appended the version, if that is known.
    fn writer(&self, version: u32) -> Option<u32> {
        let writer = self.columns.versions[version as usize].writer;
        (writer != NONE && self.columns.fate(writer) != Fate::Fail).then_some(writer)
    }

    /// All of them.
    pub(super) fn graph(&self) -> GraphBuilder {
        let mut graph = GraphBuilder::new(self.columns.txns.len());
        // For each version the writer of the next, which is what its readers missed.
        let mut next_writer = vec![NONE; self.columns.versions.len()];
        let mut first_writer = vec![NONE; self.columns.keys.len()];
        for key in 0..self.columns.keys.len() as u32 {
            let mut before: Option<u32> = None;
            for (place, version) in (0u32..).zip(self.versions.order_of(key)) {
                if self.versions.place[*version as usize] != place {
                    continue;
                }
                let writer = self.writer(*version).unwrap_or(NONE);
                match before {
                    None => first_writer[key as usize] = writer,
                    Some(before) => {
                        next_writer[before as usize] = writer;
                        if let (Some(one), true) = (self.writer(before), writer != NONE) {
                            graph.edge(one, writer, WW);
                        }
                    }
                }
                before = Some(*version);
            }
        }
        for read in &self.columns.reads {
            let missed = match read.last {
                NONE => first_writer[read.key as usize],
                last => {
                    if let Some(writer) = self.writer(last) {
                        graph.edge(writer, read.txn, WR);
                    }
                    next_writer[last as usize]
                }
            };
            if missed != NONE {
                graph.edge(read.txn, missed, RW);
            }
        }
        self.unseen(&mut graph);
        graph
    }

    /// Appends that no read has come after everything that reads have, in no known order.
    fn unseen(&self, graph: &mut GraphBuilder) {
        let unseen = &self.versions.unseen;
        if unseen.is_empty() {
            return;
        }
        let readers = readers_of_tails(self.columns, self.versions);
        let (mut sources, mut targets) = (Vec::new(), Vec::new());
        for appends in unseen.chunk_by(|one, other| one.0 == other.0) {
            let key = appends[0].0;
            targets.clear();
            targets.extend(appends.iter().filter_map(|(_, version)| self.writer(*version)));
            targets.sort_unstable();
            targets.dedup();
            sources.clear();
            sources.extend(readers.of(key).iter().map(|read| self.columns.reads[*read as usize].txn));
            sources.dedup();
            graph.all_to_all(&sources, &targets, RW);
            if let Some(last) = self.versions.tail(key).and_then(|tail| self.writer(tail)) {
                for target in &targets {
                    graph.edge(last, *target, WW);
                }
            }
        }
    }

    /// The version before one, if it is not the first.
    fn before(&self, key: u32, version: u32) -> Option<u32> {
        match self.versions.place[version as usize] {
            NONE => self.versions.tail(key),
            place => {
                let order = self.versions.order_of(key);
                let earlier =
                    (0..place).rev().find(|at| self.versions.place[order[*at as usize] as usize] == *at);
                earlier.map(|at| order[at as usize])
            }
        }
    }

    fn value(&self, version: u32) -> ValueRef<'_> {
        self.columns.versions[version as usize].value
    }
}

impl Explain for Dependencies<'_, '_> {
    fn explain(&self, from: u32, to: u32, label: u8, a: &str, b: &str) -> Option<Reason> {
        self.columns.mops_of(to).iter().find_map(|mop| match (label, *mop) {
            (WR, Mop::Read { key, read }) => {
                let last = self.columns.reads[read as usize].last;
                if last == NONE || self.writer(last) != Some(from) {
                    return None;
                }
                let (name, value) = (self.columns.keys[key as usize], self.value(last));
                let text = format!("{b} observed {a}'s append of {} to key {}", quoted(value), quoted(name));
                Some(Reason::new(name, Some(value), None, text))
            }
            (WW, Mop::Append { key, version }) => {
                let before = self.before(key, version).filter(|before| self.writer(*before) == Some(from))?;
                let (name, one, next) =
                    (self.columns.keys[key as usize], self.value(before), self.value(version));
                let text = format!(
                    "{b} appended {} after {a} appended {} to key {}",
                    quoted(next),
                    quoted(one),
                    quoted(name)
                );
                Some(Reason::new(name, Some(one), Some(next), text))
            }
            (RW, Mop::Append { key, version }) => {
                let before = self.before(key, version).unwrap_or(NONE);
                let saw = |mop: &Mop| {
                    matches!(mop, Mop::Read { key: other, read }
                        if *other == key && self.columns.reads[*read as usize].last == before)
                };
                self.columns.mops_of(from).iter().find(|mop| saw(mop))?;
                let (name, next) = (self.columns.keys[key as usize], self.value(version));
                let text = match before {
                    NONE => format!(
                        "{a} observed the initial (nil) state of key {}, which {b} created by appending {}",
                        quoted(name),
                        quoted(next)
                    ),
                    _ => format!(
                        "{a} did not observe {b}'s append of {} to key {}",
                        quoted(next),
                        quoted(name)
                    ),
                };
                let one = (before != NONE).then(|| self.value(before));
                Some(Reason::new(name, one, Some(next), text))
            }
            _ => None,
        })
    }
}
