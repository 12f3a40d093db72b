//! Reads that no write can have overtaken: ReadIndex (thesis §6.4).
//!
//! A read notes the commit index, waits until a majority has answered a message sent *after* the
//! read arrived, and is answered from a state that has applied that index. This leader applies
//! what it commits at once, so the last wait is none.

use std::collections::VecDeque;

use super::{Raft, ReadMode, Role, Token};
use crate::api::{Failure, Response};
use crate::bugs::Bug;

#[derive(Debug)]
struct Read {
    token: Token,
    key: String,
}

/// The reads that a leader has not answered.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// The number of the latest round of messages. Every message carries it, every reply echoes it.
    pub(super) round: u64,
    /// Not in a round yet.
    waiting: Vec<Read>,
    /// Answered when a majority has answered the round.
    launched: VecDeque<(u64, Vec<Read>)>,
}

impl Reads {
    /// Everybody who waits.
    pub(super) fn into_tokens(self) -> impl Iterator<Item = Token> {
        let launched = self.launched.into_iter().flat_map(|(_, reads)| reads);
        launched.chain(self.waiting).map(|read| read.token)
    }

    fn len(&self) -> usize {
        let launched: usize = self.launched.iter().map(|(_, reads)| reads.len()).sum();
        self.waiting.len() + launched
    }
}

impl Raft {
    pub(super) fn on_get(&mut self, token: Token, key: String) {
        let bug = self.config.bugs.has(Bug::LeaderReadsLocally);
        let max_pending = self.config.max_pending;
        let Role::Leader(leader) = &mut self.role else {
            if self.config.read_mode == ReadMode::AnyNode {
                self.answer_read(Read { token, key });
            } else {
                self.fail(token, self.not_leader());
            }
            return;
        };
        // BUG raft.leader-reads-locally: nobody is asked whether we still lead.
        if bug || self.config.read_mode != ReadMode::ReadIndex {
            self.answer_read(Read { token, key });
        } else if leader.reads.len() >= max_pending {
            let reason = "too many reads are waiting".to_owned();
            self.fail(token, Failure::Unavailable(reason));
        } else {
            leader.reads.waiting.push(Read { token, key });
        }
    }

    /// Starts a round for the reads that have none, unless one is under way: the next then
    /// carries them all. (A lost round is repeated by the next heartbeat.)
    pub(super) fn launch_reads(&mut self) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        if !leader.reads.waiting.is_empty() && leader.reads.launched.is_empty() {
            self.launch_waiting_reads();
        }
    }

    pub(super) fn launch_waiting_reads(&mut self) {
        if !self.knows_committed() {
            return;
        }
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        if leader.reads.waiting.is_empty() {
            return;
        }
        leader.reads.round += 1;
        let reads = std::mem::take(&mut leader.reads.waiting);
        leader.reads.launched.push_back((leader.reads.round, reads));
        let peers: Vec<_> = leader.peers.keys().copied().collect();
        for id in peers {
            self.send_to(id, true);
        }
        // A cluster of one is its own majority.
        self.answer_reads();
    }

    /// Answers the reads whose round a majority has answered.
    pub(super) fn answer_reads(&mut self) {
        loop {
            let Role::Leader(leader) = &self.role else {
                return;
            };
            let Some(&(round, _)) = leader.reads.launched.front() else {
                return;
            };
            if !self.agree(|peer| peer.round >= round) {
                return;
            }
            let Role::Leader(leader) = &mut self.role else {
                return;
            };
            let Some((_, reads)) = leader.reads.launched.pop_front() else {
                return;
            };
            for read in reads {
                self.answer_read(read);
            }
        }
    }

    fn answer_read(&mut self, read: Read) {
        let value = self.machine.get(&read.key);
        self.respond(read.token, Response::Value(value));
    }
}
