//! What a majority has is committed, and what is committed is applied (§5.3, §5.4.2).

use super::{Raft, Role};
use crate::api::{Failure, Response};
use crate::bugs::Bug;
use crate::machine::Applied;
use crate::types::{Index, Payload};

impl Raft {
    /// Commits what enough members have.
    pub(super) fn advance_commit(&mut self) {
        let Role::Leader(leader) = &self.role else {
            return;
        };
        let mut matched: Vec<Index> = leader.peers.values().map(|peer| peer.matched).collect();
        if self.is_member() {
            // We count ourselves only for what our own disk has (thesis §10.2.1).
            matched.push(self.disk.durable);
        }
        matched.sort_unstable_by(|a, b| b.cmp(a));
        let Some(&majority) = matched.get(self.commit_quorum() - 1) else {
            return;
        };
        // BUG raft.commit-old-term-by-counting: figure 8's mistake. Rightly, inherited entries
        // are committed only by an entry of our own that follows them (§5.4.2).
        let countable = majority > leader.inherited || self.config.bugs.has(Bug::CommitOldTermByCounting);
        if majority > self.commit && countable {
            self.commit_up_to(majority);
            self.launch_waiting_reads();
        }
    }

    /// Whether this leader knows everything that was committed before it (§8).
    pub(super) fn knows_committed(&self) -> bool {
        let Role::Leader(leader) = &self.role else {
            return false;
        };
        // BUG raft.commit-old-term-by-counting: there is no entry of our own to wait for.
        self.commit > leader.inherited || self.config.bugs.has(Bug::CommitOldTermByCounting)
    }

    /// Learns that everything up to `index` is committed, and applies it.
    pub(super) fn commit_up_to(&mut self, index: Index) {
        self.commit = self.commit.max(index);
        while self.applied < self.commit
            && let Some(entry) = self.log.get(self.applied + 1)
        {
            let is_members = matches!(entry.payload, Payload::Members(_));
            let applied = self.machine.apply(entry, self.config.bugs);
            self.out.applied.push(entry.clone());
            self.applied += 1;
            self.answer_pending(self.applied, is_members, applied);
        }
        if self.applied >= self.snapshot.meta.index + self.config.snapshot_threshold {
            self.take_snapshot();
        }
        self.leave_if_removed();
    }

    fn answer_pending(&mut self, index: Index, is_members: bool, applied: Applied) {
        let Role::Leader(leader) = &mut self.role else {
            return;
        };
        let Some(token) = leader.pending.remove(&index) else {
            return;
        };
        let response = match applied {
            _ if is_members => Response::Members(self.members.current().clone()),
            Applied::Value(value) => Response::Value(value),
            Applied::Registered(session) => Response::Registered { session },
            Applied::Rejected(rejection) => Response::Failed(Failure::Rejected(rejection)),
            Applied::SessionExpired => Response::Failed(Failure::SessionExpired),
            Applied::StaleSequence => Response::Failed(Failure::StaleSequence),
        };
        self.respond(token, response);
    }
}
