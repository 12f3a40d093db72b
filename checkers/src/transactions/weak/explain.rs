//! Cycles in words: a sentence for each step, and for each forced pair why it is forced.

use std::collections::VecDeque;

use super::super::history::NONE;
use super::causal::next_cause;
use super::committed::{Committed, INIT};
use super::level::Level;
use super::order::Forced;
use super::words::Words;
use crate::evidence::Finding;

/// Puts proofs about nodes into words.
pub(crate) struct Explain<'e, 'a> {
    pub words: &'e Words<'a>,
    pub committed: &'e Committed<'a>,
    /// Whose idea of visibility counts.
    pub level: Level,
}

impl Explain<'_, '_> {
    /// A node by name.
    pub fn name(&self, node: u32) -> String {
        if node == INIT {
            "the initial state".to_owned()
        } else {
            self.words.txn(self.committed.txn[node as usize])
        }
    }

    /// `x = 3`, as a node last wrote it.
    pub fn wrote(&self, node: u32, key: u32) -> String {
        let version = match node {
            INIT => NONE,
            _ => self.committed.write_at(node, key).map_or(NONE, |at| self.committed.writes[at].version),
        };
        self.words.version(key, version)
    }

    /// The key by which a node read from another.
    fn read_key(&self, reader: u32, writer: u32) -> Option<u32> {
        let range = self.committed.read_range(reader);
        let direct = range.clone().find(|read| self.committed.reads[*read].from == writer);
        direct
            .or_else(|| range.clone().find(|read| self.committed.seen_by_read(*read).contains(&writer)))
            .map(|read| self.committed.reads[read].key)
    }

    /// Why sessions or reads order two nodes, if they do.
    pub fn cause(&self, first: u32, second: u32) -> Option<String> {
        if self.committed.in_session_before(first, second) {
            return Some(format!("{} is before {} in their session", self.name(first), self.name(second)));
        }
        let key = self.read_key(second, first)?;
        Some(format!("{} saw {} of {}", self.name(second), self.wrote(first, key), self.name(first)))
    }

    /// Why a list orders two nodes, if one does.
    pub fn known(&self, first: u32, second: u32) -> Option<String> {
        let known =
            self.committed.known.iter().find(|known| (known.before, known.after) == (first, second))?;
        let unseen = self.committed.rank(second, known.key) == u32::MAX;
        let how = if unseen { "which no read of that list shows" } else { "as reads of that list show" };
        Some(format!(
            "{} appended to {} before {}, {how}",
            self.name(first),
            self.words.key(known.key),
            self.name(second)
        ))
    }

    /// Why a pair is forced: the nodes that the reason speaks of, and the sentences.
    pub fn forced(&self, forced: &Forced, about: &mut Vec<u32>) -> String {
        let Forced { t2, t1, t3, key } = *forced;
        about.push(t3);
        let visible = self.visible(forced, about);
        format!(
            "{} is before {}: {} read {} although it must see {} of {}, since {visible}",
            self.name(t2),
            self.name(t1),
            self.name(t3),
            self.wrote(t1, key),
            self.wrote(t2, key),
            self.name(t2),
        )
    }

    fn visible(&self, forced: &Forced, about: &mut Vec<u32>) -> String {
        let Forced { t2, t3, .. } = *forced;
        if self.level == Level::ReadCommitted {
            let key = self.read_key(t3, t2).unwrap_or(forced.key);
            return format!("it had read {} of it before", self.wrote(t2, key));
        }
        if let Some(why) = self.cause(t2, t3) {
            return why;
        }
        let path = self.causal_path(t2, t3);
        about.extend(&path);
        let steps: Vec<String> = path.windows(2).filter_map(|pair| self.cause(pair[0], pair[1])).collect();
        steps.join(", and ")
    }

    /// The shortest way from a node to one that it caused, both ends included.
    pub fn causal_path(&self, first: u32, last: u32) -> Vec<u32> {
        let mut to = vec![NONE; self.committed.len()];
        let mut queue = VecDeque::from([last]);
        to[last as usize] = last;
        while let Some(node) = queue.pop_front() {
            if node == first {
                let mut path = vec![first];
                let mut at = first;
                while at != last {
                    at = to[at as usize];
                    path.push(at);
                }
                return path;
            }
            let mut cursor = 0;
            while let Some(before) = next_cause(self.committed, node, &mut cursor) {
                if to[before as usize] == NONE {
                    to[before as usize] = node;
                    queue.push_back(before);
                }
            }
        }
        vec![first, last]
    }

    /// A cycle: `step` says why each of these is before the next, the last before the first.
    pub fn cycle(
        &self,
        problem: &str,
        cycle: &[u32],
        mut step: impl FnMut(u32, u32, &mut Vec<u32>) -> String,
    ) -> Finding {
        let mut about = cycle.to_vec();
        let steps: Vec<String> =
            (0..cycle.len()).map(|at| step(cycle[at], cycle[(at + 1) % cycle.len()], &mut about)).collect();
        let names: Vec<String> = cycle.iter().take(6).map(|node| self.name(*node)).collect();
        let more = if cycle.len() > 6 { format!(" and {} more", cycle.len() - 6) } else { String::new() };
        let sentence = format!(
            "no order of transactions is {}: {}{more} would each have to be before the next, and the last \
             before the first",
            self.level.name(),
            names.join(", ")
        );
        self.finding(problem, sentence, &about, None, steps)
    }

    /// A read of the initial state by one that must see a write.
    pub fn before_all(&self, problem: &str, forced: &Forced) -> Finding {
        let Forced { t2, t3, key, .. } = *forced;
        let mut about = vec![t2, t3];
        let visible = self.visible(forced, &mut about);
        let sentence = format!(
            "{} read {}, the initial state, although it must see {} of {}",
            self.name(t3),
            self.wrote(INIT, key),
            self.wrote(t2, key),
            self.name(t2),
        );
        let steps = vec![
            format!("{} wrote {}", self.name(t2), self.wrote(t2, key)),
            format!("{} must see it, since {visible}", self.name(t3)),
            format!("{} read {}: nothing is before that", self.name(t3), self.wrote(INIT, key)),
        ];
        self.finding(problem, sentence, &about, Some(key), steps)
    }

    /// A finding about nodes.
    pub fn finding(
        &self,
        problem: &str,
        sentence: String,
        nodes: &[u32],
        key: Option<u32>,
        steps: Vec<String>,
    ) -> Finding {
        let txns: Vec<u32> = nodes
            .iter()
            .filter(|node| **node != INIT)
            .map(|node| self.committed.txn[*node as usize])
            .collect();
        self.words.finding(problem, sentence, &txns, key, steps)
    }
}
