//! The log in memory, whose beginning a snapshot may have replaced.

use std::collections::VecDeque;

use crate::types::{Entry, Index, Payload, Term};

/// The entries after `base`, without gaps.
#[derive(Debug, Clone, Default)]
pub struct Log {
    base: Index,
    base_term: Term,
    entries: VecDeque<Entry>,
}

impl Log {
    /// A log that starts after `base` of `base_term`, with `entries` that follow it directly.
    pub fn new(base: (Index, Term), entries: Vec<Entry>) -> Self {
        Log { base: base.0, base_term: base.1, entries: entries.into() }
    }

    /// The last entry that this log does not have any more, with its term.
    pub fn base(&self) -> (Index, Term) {
        (self.base, self.base_term)
    }

    /// The index of the last entry.
    pub fn last_index(&self) -> Index {
        self.base + self.entries.len() as u64
    }

    /// The term of the last entry.
    pub fn last_term(&self) -> Term {
        self.entries.back().map_or(self.base_term, |e| e.term)
    }

    /// The entry at `index`, if the log has it.
    pub fn get(&self, index: Index) -> Option<&Entry> {
        let position = index.checked_sub(self.base + 1)?;
        self.entries.get(position as usize)
    }

    /// The term of the entry at `index`, known also for the base itself.
    pub fn term(&self, index: Index) -> Option<Term> {
        if index == self.base {
            return Some(self.base_term);
        }
        self.get(index).map(|e| e.term)
    }

    /// Adds an entry, whose index must be the next.
    pub fn push(&mut self, entry: Entry) {
        debug_assert_eq!(entry.index, self.last_index() + 1);
        self.entries.push_back(entry);
    }

    /// Removes `from` and everything after it.
    pub fn truncate_from(&mut self, from: Index) {
        let keep = from.saturating_sub(self.base + 1);
        self.entries.truncate(keep as usize);
    }

    /// Forgets the entries up to and including `index`.
    pub fn compact_to(&mut self, index: Index) {
        while self.base < index
            && let Some(first) = self.entries.pop_front()
        {
            self.base = first.index;
            self.base_term = first.term;
        }
    }

    /// Forgets everything; the log starts after `index` of `term`.
    pub fn reset(&mut self, index: Index, term: Term) {
        *self = Log::new((index, term), Vec::new());
    }

    /// Entries from `from` on: at most `max_count`, and about `max_bytes` but at least one.
    pub fn slice(&self, from: Index, max_count: usize, max_bytes: usize) -> Vec<Entry> {
        let start = from.saturating_sub(self.base + 1) as usize;
        let mut bytes = 0;
        let mut slice = Vec::new();
        for entry in self.entries.iter().skip(start).take(max_count) {
            bytes += entry.approximate_size();
            if bytes > max_bytes && !slice.is_empty() {
                break;
            }
            slice.push(entry.clone());
        }
        slice
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// The first index of the run of equal terms that `index` belongs to.
    pub fn first_of_term(&self, index: Index) -> Index {
        let term = self.term(index);
        let mut first = index;
        while first > self.base + 1 && self.term(first - 1) == term {
            first -= 1;
        }
        first
    }

    /// The last index at or before `limit` whose term is at most `term`.
    pub fn last_at_most(&self, term: Term, limit: Index) -> Index {
        let mut index = limit.min(self.last_index());
        while index > self.base && self.term(index).is_some_and(|t| t > term) {
            index -= 1;
        }
        index
    }
}

impl Entry {
    /// About how many bytes the entry takes when encoded.
    fn approximate_size(&self) -> usize {
        32 + match &self.payload {
            Payload::Noop | Payload::Register => 0,
            Payload::Command(command) => command.command.approximate_size(),
            Payload::Members(members) => 64 * members.len(),
        }
    }
}
