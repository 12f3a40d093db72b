//! Single-server membership changes (thesis chapter 4, with the erratum of 2015).
//!
//! A new member votes from the entry that adds it on; there is no learner phase before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Event, Log, Raft, Role, Token};
use crate::api::{Failure, Response};
use crate::types::{Index, Members, NodeId, Payload, SnapshotMeta};

/// Who the members were at which entry; the last one counts, committed or not.
#[derive(Debug)]
pub(super) struct MemberHistory {
    base: Arc<Members>,
    changes: BTreeMap<Index, Arc<Members>>,
}

impl MemberHistory {
    /// The members of a snapshot and of the log that follows it.
    pub(super) fn new(meta: &SnapshotMeta, log: &Log) -> Self {
        let after = log.iter().filter(|entry| entry.index > meta.index);
        let changes = after.filter_map(|entry| match &entry.payload {
            Payload::Members(members) => Some((entry.index, members.clone())),
            _ => None,
        });
        MemberHistory { changes: changes.collect(), base: Arc::new(meta.members.clone()) }
    }

    pub(super) fn current(&self) -> &Members {
        self.changes.values().next_back().unwrap_or(&self.base)
    }

    pub(super) fn at(&self, index: Index) -> &Members {
        let mut until = self.changes.range(..=index);
        until.next_back().map_or(&self.base, |(_, members)| members)
    }

    pub(super) fn push(&mut self, index: Index, members: Arc<Members>) {
        self.changes.insert(index, members);
    }

    /// Takes back the changes from `from` on; whether there were any.
    pub(super) fn truncate_from(&mut self, from: Index) -> bool {
        !self.changes.split_off(&from).is_empty()
    }

    fn last_change(&self) -> Index {
        self.changes.keys().next_back().copied().unwrap_or(0)
    }
}

impl Raft {
    pub(super) fn add_server(&mut self, token: Token, id: NodeId, address: String) {
        let mut members = self.members.current().clone();
        members.insert(id, address);
        self.change_members(token, members);
    }

    pub(super) fn remove_server(&mut self, token: Token, id: NodeId) {
        let mut members = self.members.current().clone();
        members.remove(&id);
        self.change_members(token, members);
    }

    fn change_members(&mut self, token: Token, members: Members) {
        if !matches!(self.role, Role::Leader(_)) {
            self.fail(token, self.not_leader());
            return;
        }
        if members == *self.members.current() && self.members.last_change() <= self.commit {
            self.respond(token, Response::Members(members));
            return;
        }
        let refusal = if members.is_empty() {
            Some("the last member cannot be removed")
        } else if self.commit < self.members.last_change() {
            Some("another membership change is under way")
        } else if !self.has_committed_own_entry() {
            // The erratum: a change by a leader that has committed nothing can overlap with one
            // that a former leader began, and their majorities need not meet.
            Some("the leader has not committed an entry of its term yet")
        } else {
            None
        };
        if let Some(reason) = refusal {
            self.fail(token, Failure::Unavailable(reason.to_owned()));
            return;
        }
        self.propose(token, Payload::Members(Arc::new(members)));
        self.sync_peers();
    }

    fn has_committed_own_entry(&self) -> bool {
        match &self.role {
            Role::Leader(leader) => self.commit > leader.inherited,
            _ => false,
        }
    }

    /// A leader that was removed manages the cluster until that is committed (thesis §4.2.2).
    pub(super) fn leave_if_removed(&mut self) {
        let leads = matches!(self.role, Role::Leader(_));
        if leads && !self.is_member() && self.members.last_change() <= self.commit {
            self.become_follower(self.hard.term, None, "was removed from the cluster");
        }
    }

    pub(super) fn log_members(&mut self, index: Index) {
        let members = self.members.current().keys().copied().collect();
        self.out.events.push(Event::Members { index, members });
    }
}
