//! The receiving end of replication (§5.3).

use super::{AppendResult, Event, Message, Persist, Raft};
use crate::bugs::Bug;
use crate::types::{Entry, Index, NodeId, Payload, Term};

impl Raft {
    /// Whether `from` leads our term, or a later one that we then enter.
    pub(super) fn accept_leader(&mut self, from: NodeId, term: Term) -> bool {
        if term < self.hard.term {
            return false;
        }
        let new_term = term > self.hard.term;
        // A right cluster has no second leader in our own term. One with seeded bugs may; then
        // the one who hears of the other gives way.
        self.become_follower(term, Some(from), "follows a leader");
        if new_term {
            self.save_hard_state();
        }
        self.leader_contact = Some(self.now);
        self.reset_election_timer();
        true
    }

    pub(super) fn on_append(
        &mut self,
        from: NodeId,
        prev: (Index, Term),
        entries: Vec<Entry>,
        commit: Index,
        round: u64,
    ) {
        let last_new = prev.0.saturating_add(entries.len() as u64);
        if let Some(conflict) = self.conflict_at(prev) {
            self.reply_append(from, round, conflict);
            return;
        }
        self.take_entries(entries);
        // A heartbeat proves nothing about what follows `prev`, hence `last_new`.
        self.commit_up_to(commit.min(last_new));
        self.reply_append(from, round, AppendResult::Matched(last_new));
    }

    /// Tells a deposed leader our term.
    pub(super) fn refuse_append(&mut self, from: NodeId, prev_index: Index, round: u64) {
        let first = self.log.last_index() + 1;
        let refusal = AppendResult::Conflict { prev_index, term: None, first };
        self.reply_append(from, round, refusal);
    }

    /// How our log contradicts that `prev` is in it, with a hint where to look (end of §5.3).
    fn conflict_at(&self, prev: (Index, Term)) -> Option<AppendResult> {
        let (prev_index, prev_term) = prev;
        // Before the base everything is in a snapshot, hence committed, hence equal.
        if prev_index < self.log.base().0 {
            return None;
        }
        let term = self.log.term(prev_index);
        let first = match term {
            Some(term) if term == prev_term => return None,
            Some(_) => self.log.first_of_term(prev_index),
            None => self.log.last_index() + 1,
        };
        Some(AppendResult::Conflict { prev_index, term, first })
    }

    /// Appends what the log does not have yet, after cutting off what contradicts it.
    fn take_entries(&mut self, entries: Vec<Entry>) {
        let base = self.log.base().0;
        let mut new = Vec::new();
        for entry in entries {
            if entry.index <= base {
                continue;
            }
            match self.log.term(entry.index) {
                Some(term) if term == entry.term => continue,
                // BUG raft.no-truncate-on-conflict: what is there, stays.
                Some(_) if self.config.bugs.has(Bug::NoTruncateOnConflict) => continue,
                Some(_) => self.truncate_from(entry.index),
                None => {}
            }
            if entry.index == self.log.last_index() + 1 {
                self.append(entry.clone());
                new.push(entry);
            }
        }
        if !new.is_empty() {
            self.out.persist.push(Persist::Entries(new));
        }
    }

    /// Adds an entry to the log in memory; members count from here on (thesis §4.1).
    pub(super) fn append(&mut self, entry: Entry) {
        if let Payload::Members(members) = &entry.payload {
            self.members.push(entry.index, members.clone());
            self.log_members(entry.index);
        }
        self.log.push(entry);
    }

    fn truncate_from(&mut self, from: Index) {
        self.out.events.push(Event::Truncated { from, commit: self.commit });
        self.log.truncate_from(from);
        self.disk.durable = self.disk.durable.min(from - 1);
        if self.members.truncate_from(from) {
            self.log_members(from - 1);
        }
    }

    fn reply_append(&mut self, to: NodeId, round: u64, result: AppendResult) {
        let term = self.hard.term;
        let reply = Message::AppendReply { term, round, result };
        self.promise(to, reply);
    }
}
