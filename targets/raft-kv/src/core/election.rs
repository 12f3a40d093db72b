//! Who leads: pre-vote (thesis §9.6), votes (§5.2) and the log that a candidate must have (§5.4.1).

use std::collections::BTreeSet;

use super::{Message, Raft, Role};
use crate::bugs::Bug;
use crate::types::{HardState, Index, NodeId, Term};

/// A log's last entry as elections compare it: by term, then by length.
type LastEntry = (Term, Index);

impl Raft {
    pub(super) fn on_election_timeout(&mut self) {
        self.reset_election_timer();
        if !self.is_member() {
            // Not yet added, or removed: nobody may vote for us.
            return;
        }
        self.leader = None;
        self.role = Role::PreCandidate { grants: BTreeSet::from([self.config.id]) };
        self.log_role("election timeout");
        let (last_term, last_index) = self.last_entry();
        let term = self.hard.term + 1;
        self.ask_peers(&Message::PreVote { term, last_index, last_term });
        self.count_pre_votes();
    }

    pub(super) fn on_pre_vote(&mut self, from: NodeId, term: Term, theirs: LastEntry) {
        let granted = !self.leader_is_alive() && self.could_vote(from, term, theirs);
        let term = if granted { term } else { self.hard.term };
        self.promise(from, Message::PreVoteReply { term, granted });
    }

    pub(super) fn on_pre_vote_reply(&mut self, from: NodeId, term: Term, granted: bool) {
        if !granted {
            self.observe_term(term);
            return;
        }
        if term == self.hard.term + 1
            && let Role::PreCandidate { grants } = &mut self.role
        {
            grants.insert(from);
            self.count_pre_votes();
        }
    }

    pub(super) fn on_vote(&mut self, from: NodeId, term: Term, theirs: LastEntry) {
        let before = self.hard;
        if term > self.hard.term {
            self.become_follower(term, None, "saw a candidate of a higher term");
        }
        let granted = term == self.hard.term && self.could_vote(from, term, theirs);
        if granted {
            self.hard.vote = Some(from);
            self.reset_election_timer();
        }
        // BUG raft.vote-not-persisted: the vote, and the term it came with, stay in memory.
        if self.hard != before && !self.config.bugs.has(Bug::VoteNotPersisted) {
            self.save_hard_state();
        }
        let term = self.hard.term;
        self.promise(from, Message::VoteReply { term, granted });
    }

    pub(super) fn on_vote_reply(&mut self, from: NodeId, term: Term, granted: bool) {
        self.observe_term(term);
        if granted
            && term == self.hard.term
            && let Role::Candidate { grants } = &mut self.role
        {
            grants.insert(from);
            self.count_votes();
        }
    }

    /// Follows a term that a reply showed to be higher than ours.
    pub(super) fn observe_term(&mut self, term: Term) {
        if term > self.hard.term {
            self.become_follower(term, None, "saw a higher term");
            self.save_hard_state();
        }
    }

    /// Whether a leader was heard so recently that an election would only disturb it.
    fn leader_is_alive(&self) -> bool {
        if matches!(self.role, Role::Leader(_)) {
            return true;
        }
        let limit = self.config.election_timeout;
        self.leader.is_some() && self.leader_contact.is_some_and(|at| self.now < at + limit)
    }

    /// Whether `candidate` could have our vote in `term`.
    fn could_vote(&self, candidate: NodeId, term: Term, theirs: LastEntry) -> bool {
        let free = match self.hard.vote {
            _ if term > self.hard.term => true,
            _ if term < self.hard.term => false,
            Some(vote) => vote == candidate,
            None => true,
        };
        // BUG raft.no-log-up-to-date-check: any log will do.
        let log_is_fit = theirs >= self.last_entry() || self.config.bugs.has(Bug::NoLogUpToDateCheck);
        free && log_is_fit
    }

    fn last_entry(&self) -> LastEntry {
        (self.log.last_term(), self.log.last_index())
    }

    fn count_pre_votes(&mut self) {
        if let Role::PreCandidate { grants } = &self.role
            && self.is_election_quorum(grants)
        {
            self.campaign();
        }
    }

    fn campaign(&mut self) {
        self.hard = HardState { term: self.hard.term + 1, vote: Some(self.config.id) };
        // BUG raft.vote-not-persisted: the vote for ourselves stays in memory.
        if !self.config.bugs.has(Bug::VoteNotPersisted) {
            self.save_hard_state();
        }
        self.role = Role::Candidate { grants: BTreeSet::new() };
        self.reset_election_timer();
        self.log_role("won the pre-vote");
        let (last_term, last_index) = self.last_entry();
        let term = self.hard.term;
        self.ask_peers(&Message::Vote { term, last_index, last_term });
        // Our own vote comes back to us when it is durable, and counts only then.
        let own = Message::VoteReply { term, granted: true };
        self.promise(self.config.id, own);
    }

    fn count_votes(&mut self) {
        if let Role::Candidate { grants } = &self.role
            && self.is_election_quorum(grants)
        {
            self.become_leader();
        }
    }

    fn is_election_quorum(&self, grants: &BTreeSet<NodeId>) -> bool {
        let members = self.members.current();
        let granted = grants.iter().filter(|id| members.contains_key(id)).count();
        granted > members.len() / 2
    }

    fn ask_peers(&mut self, message: &Message) {
        let me = self.config.id;
        let peers: Vec<NodeId> = self.members.current().keys().copied().collect();
        for peer in peers.into_iter().filter(|id| *id != me) {
            self.promise(peer, message.clone());
        }
    }
}
