//! The sending end of replication (§5.3), and how a leader keeps or loses its office.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::reads::Reads;
use super::{AppendResult, Envelope, Message, Persist, Raft, Role, Token};
use crate::api::{Failure, Response};
use crate::bugs::Bug;
use crate::machine::SessionCommand;
use crate::types::{Entry, Index, NodeId, Payload, Snapshot, Term};

/// Entries and bytes that one message carries at most.
const MAX_BATCH: (usize, usize) = (512, 512 << 10);

/// Entries that may be under way to one peer; then only heartbeats go, until it acknowledges.
const MAX_IN_FLIGHT: u64 = 8192;

/// What only a leader knows.
#[derive(Debug)]
pub(super) struct Leader {
    pub(super) peers: BTreeMap<NodeId, Peer>,
    /// The last index before this leader's own entries: it may count replicas only beyond.
    pub(super) inherited: Index,
    /// Who waits for which entry. All are of the leader's own term.
    pub(super) pending: BTreeMap<Index, Token>,
    pub(super) reads: Reads,
    pub(super) heartbeat_deadline: Duration,
}

/// What a leader knows about another member.
#[derive(Debug)]
pub(super) struct Peer {
    /// The next entry to send.
    pub(super) next: Index,
    /// The last entry known to be in its log, durably.
    pub(super) matched: Index,
    pub(super) state: PeerState,
    /// When it last answered in our term.
    pub(super) heard: Duration,
    /// The latest read confirmation round it answered.
    pub(super) round: u64,
}

#[derive(Debug)]
pub(super) enum PeerState {
    /// Searching where the logs agree: one message at a time.
    Probe { waiting: bool },
    /// The logs agree: messages follow each other without waiting.
    Replicate,
    /// It needs entries that we have only in a snapshot; `offset` of it arrived.
    Snapshot { snapshot: Snapshot, offset: u64 },
}

impl Raft {
    pub(super) fn become_leader(&mut self) {
        let inherited = self.log.last_index();
        self.leader = Some(self.config.id);
        self.role = Role::Leader(Box::new(Leader {
            peers: BTreeMap::new(),
            inherited,
            pending: BTreeMap::new(),
            reads: Reads::default(),
            heartbeat_deadline: self.now,
        }));
        self.log_role("won the election");
        self.sync_peers();
        // BUG raft.commit-old-term-by-counting: as in figure 8, a leader appends no entry of its
        // own, since it believes that it can commit those of others.
        if !self.config.bugs.has(Bug::CommitOldTermByCounting) {
            self.append_own(Payload::Noop);
        }
        self.on_heartbeat_time();
    }

    /// Makes the peers those of the members in force.
    pub(super) fn sync_peers(&mut self) {
        let (me, now, next) = (self.config.id, self.now, self.log.last_index() + 1);
        let members = self.members.current();
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        leader.peers.retain(|id, _| members.contains_key(id));
        for id in members.keys().filter(|id| **id != me) {
            leader.peers.entry(*id).or_insert(Peer {
                next,
                matched: 0,
                state: PeerState::Probe { waiting: false },
                heard: now,
                round: 0,
            });
        }
    }

    /// Appends an entry of our own term.
    pub(super) fn append_own(&mut self, payload: Payload) -> Index {
        let entry = Entry { index: self.log.last_index() + 1, term: self.hard.term, payload };
        let index = entry.index;
        self.append(entry.clone());
        match self.out.persist.last_mut() {
            Some(Persist::Entries(entries)) => entries.push(entry),
            _ => self.out.persist.push(Persist::Entries(vec![entry])),
        }
        index
    }

    pub(super) fn on_command(&mut self, token: Token, command: SessionCommand) {
        // BUG raft.reply-before-commit: the answer is what the command would do now, and goes out
        // before any other server has the entry.
        if self.config.bugs.has(Bug::ReplyBeforeCommit) && matches!(self.role, Role::Leader(_)) {
            let response = match self.machine.preview(&command.command) {
                Ok(value) => Response::Value(value),
                Err(rejection) => Response::Failed(Failure::Rejected(rejection)),
            };
            self.append_own(Payload::Command(Arc::new(command)));
            self.respond(token, response);
            return;
        }
        self.propose(token, Payload::Command(Arc::new(command)));
    }

    /// Appends an entry and answers when it is applied.
    pub(super) fn propose(&mut self, token: Token, payload: Payload) {
        let Role::Leader(leader) = &self.role else {
            self.fail(token, self.not_leader());
            return;
        };
        if leader.pending.len() >= self.config.max_pending {
            let reason = "too many requests are waiting".to_owned();
            self.fail(token, Failure::Unavailable(reason));
            return;
        }
        let index = self.append_own(payload);
        if let Role::Leader(leader) = &mut self.role {
            leader.pending.insert(index, token);
        }
    }

    /// Answers everybody who waits for a leader that is one no more.
    pub(super) fn dismiss(&mut self, leader: Leader) {
        for token in leader.pending.into_values() {
            let reason = "leadership was lost before the command was committed".to_owned();
            self.fail(token, Failure::Indefinite(reason));
        }
        let failure = self.not_leader();
        for token in leader.reads.into_tokens() {
            self.fail(token, failure.clone());
        }
    }

    pub(super) fn on_heartbeat_time(&mut self) {
        if !self.has_contact_with_quorum() {
            self.become_follower(self.hard.term, None, "lost contact with a majority");
            return;
        }
        let deadline = self.now + self.config.heartbeat_interval();
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        leader.heartbeat_deadline = deadline;
        leader.reads.round += 1;
        for peer in leader.peers.values_mut() {
            if let PeerState::Probe { waiting } = &mut peer.state {
                *waiting = false;
            }
        }
        let peers: Vec<NodeId> = leader.peers.keys().copied().collect();
        for id in peers {
            self.send_to(id, true);
        }
    }

    /// Check-quorum: a leader that nobody answers makes room (thesis §6.2).
    fn has_contact_with_quorum(&self) -> bool {
        // BUG raft.leader-reads-locally: a leader believes in itself until somebody tells it not
        // to, or its stale reads would end too soon to be seen.
        if self.config.bugs.has(Bug::LeaderReadsLocally) {
            return true;
        }
        let limit = self.config.election_timeout;
        self.agree(|peer| self.now <= peer.heard + limit)
    }

    /// Whether a quorum, ourselves included, satisfies `test`.
    pub(super) fn agree(&self, test: impl Fn(&Peer) -> bool) -> bool {
        let Role::Leader(leader) = &self.role else {
            return false;
        };
        let agreeing = leader.peers.values().filter(|peer| test(peer)).count();
        agreeing + usize::from(self.is_member()) >= self.commit_quorum()
    }

    /// Sends the peers what they do not have yet.
    pub(super) fn replicate(&mut self) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let peers: Vec<NodeId> = leader.peers.keys().copied().collect();
        for id in peers {
            while self.send_to(id, false) {}
        }
    }

    /// Sends one message to a peer, if there is something to say or `heartbeat` demands it.
    /// Returns whether there may be more to send.
    pub(super) fn send_to(&mut self, id: NodeId, heartbeat: bool) -> bool {
        let last = self.log.last_index();
        let (term, commit) = (self.hard.term, self.commit);
        let Role::Leader(leader) = &mut self.role else {
            return false;
        };
        let round = leader.reads.round;
        let mut bare = false;
        let Some(peer) = leader.peers.get_mut(&id) else {
            return false;
        };
        match &mut peer.state {
            PeerState::Snapshot { .. } if heartbeat => {
                self.send_chunk(id);
                return false;
            }
            PeerState::Snapshot { .. } => return false,
            PeerState::Probe { waiting: true } if !heartbeat => return false,
            // The entries are under way already; repeating them is for the next heartbeat.
            PeerState::Probe { waiting } => bare = std::mem::replace(waiting, true),
            PeerState::Replicate => {
                let in_flight = peer.next.saturating_sub(peer.matched + 1);
                let stuck = peer.next > last || in_flight >= MAX_IN_FLIGHT;
                if stuck && !heartbeat {
                    return false;
                }
            }
        }
        let prev_index = peer.next - 1;
        let Some(prev_term) = self.log.term(prev_index) else {
            self.start_snapshot(id);
            return false;
        };
        let room = (peer.matched + MAX_IN_FLIGHT).saturating_sub(prev_index) as usize;
        let count = if bare { 0 } else { MAX_BATCH.0.min(room) };
        let entries = self.log.slice(peer.next, count, MAX_BATCH.1);
        if matches!(peer.state, PeerState::Replicate) {
            // Optimistic: if the message is lost, the next heartbeat is refused and we go back.
            peer.next += entries.len() as u64;
        }
        let more = matches!(peer.state, PeerState::Replicate) && peer.next <= last;
        let message = Message::Append { term, prev_index, prev_term, entries, commit, round };
        self.out.send.push(Envelope { to: id, message });
        more
    }

    /// Notes that `from` answered. Whether the answer is to us as the leader of this term.
    pub(super) fn accept_reply(&mut self, from: NodeId, term: Term, round: u64) -> bool {
        self.observe_term(term);
        if term != self.hard.term {
            return false;
        }
        let now = self.now;
        let Role::Leader(leader) = &mut self.role else {
            return false;
        };
        let Some(peer) = leader.peers.get_mut(&from) else {
            return false;
        };
        peer.heard = now;
        if round > peer.round {
            peer.round = round;
            self.answer_reads();
        }
        true
    }

    pub(super) fn on_append_reply(&mut self, from: NodeId, result: AppendResult) {
        let last = self.log.last_index();
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let Some(peer) = leader.peers.get_mut(&from) else {
            return;
        };
        match result {
            AppendResult::Matched(index) => {
                let index = index.min(last);
                let news = index > peer.matched;
                peer.matched = peer.matched.max(index);
                peer.next = peer.next.max(peer.matched + 1);
                let done = match &peer.state {
                    PeerState::Snapshot { snapshot, .. } => index >= snapshot.meta.index,
                    _ => true,
                };
                if done {
                    peer.state = PeerState::Replicate;
                }
                if news {
                    self.advance_commit();
                }
            }
            AppendResult::Conflict { prev_index, term, first } => {
                let stale = match peer.state {
                    PeerState::Snapshot { .. } => true,
                    // Only the message under way can have been refused.
                    PeerState::Probe { .. } => prev_index + 1 != peer.next,
                    PeerState::Replicate => prev_index <= peer.matched,
                };
                if stale {
                    return;
                }
                // If we share the conflicting term, the logs agree at its end at the latest.
                let shared = term.and_then(|term| {
                    let end = self.log.last_at_most(term, prev_index.saturating_sub(1));
                    (self.log.term(end) == Some(term)).then_some(end + 1)
                });
                let next = shared.unwrap_or(first).min(prev_index);
                peer.next = next.max(peer.matched + 1);
                peer.state = PeerState::Probe { waiting: false };
            }
        }
    }
}
