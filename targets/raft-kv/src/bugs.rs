//! The seeded bugs: how this server can be told to be wrong.
//!
//! Every bug is off unless `--bug` names it. The rule that a bug breaks is broken at the place
//! where the rule lives, under a comment `BUG <name>`; this file only names and describes.

use std::fmt;
use std::str::FromStr;

/// A seeded bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bug {
    /// Term and vote are not written when a vote is asked for or granted.
    VoteNotPersisted,
    /// A leader commits entries of earlier terms by counting replicas (figure 8).
    CommitOldTermByCounting,
    /// A follower keeps its conflicting entries and takes only what lies beyond them.
    NoTruncateOnConflict,
    /// Whoever believes to be leader answers reads at once.
    LeaderReadsLocally,
    /// A leader answers a command when it has appended it to its own log.
    ReplyBeforeCommit,
    /// Votes are granted to candidates whose log lacks committed entries.
    NoLogUpToDateCheck,
    /// Sessions do not recognise a retried command.
    RetryExecutesTwice,
    /// Half of the members are enough to commit.
    MinorityCommits,
}

/// What there is to know about a [`Bug`].
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct BugInfo {
    /// The bug.
    pub bug: Bug,
    /// Its switch, as in `--bug raft.vote-not-persisted`.
    pub name: &'static str,
    /// What the server does wrong, in one sentence.
    pub summary: &'static str,
    /// Where this was seen for real, or which text warns of it.
    pub precedent: &'static str,
    /// The workload whose checker sees it.
    pub workload: &'static str,
    /// The faults that bring it out, in the nemesis' notation; empty if none is needed.
    pub faults: &'static str,
    /// Options of a run that brings it out, beside `--bug` and `--seed`.
    pub run: &'static str,
    /// What the checker should report.
    pub anomaly: &'static str,
    /// Whether a run without faults stays clean.
    pub needs_faults: bool,
}

/// All the bugs there are.
pub const CATALOGUE: &[BugInfo] = &[
    BugInfo {
        bug: Bug::VoteNotPersisted,
        name: "raft.vote-not-persisted",
        summary: "term and vote are not written when a vote is asked for or granted, so a restarted server votes twice in one term",
        precedent: "Raft §5.2 and figure 2 (persistent state); camunda/zeebe #1068 (two votes in one term)",
        workload: "set",
        faults: "coup",
        run: "--workload set --faults coup --fault-interval 1s --time-limit 25s",
        anomaly: "lost writes: logs with equal terms and different entries; acknowledged appends vanish",
        needs_faults: true,
    },
    BugInfo {
        bug: Bug::CommitOldTermByCounting,
        name: "raft.commit-old-term-by-counting",
        summary: "a leader commits entries of earlier terms by counting replicas, and starts its term without a no-op",
        precedent: "Raft §5.4.2 and figure 8; logcabin #44",
        workload: "set",
        faults: "partition:rolling",
        run: "--workload set --faults partition:rolling --fault-interval 5s --rate 100 --opt election-timeout=150ms --time-limit 55s",
        anomaly: "a committed and perhaps read entry is overwritten: lost write, non-monotonic read",
        needs_faults: true,
    },
    BugInfo {
        bug: Bug::NoTruncateOnConflict,
        name: "raft.no-truncate-on-conflict",
        summary: "a follower keeps entries that conflict with its leader's and acknowledges the leader's",
        precedent: "canonical/raft #470 and #483",
        workload: "set",
        faults: "partition:rolling",
        run: "--workload set --faults partition:rolling --fault-interval 3s --time-limit 30s",
        anomaly: "diverged replica: stale or lost values once the replica leads",
        needs_faults: true,
    },
    BugInfo {
        bug: Bug::LeaderReadsLocally,
        name: "raft.leader-reads-locally",
        summary: "whoever believes to be leader answers reads from its own state, and does not notice the loss of its quorum",
        precedent: "redisraft #19; etcd before linearizable reads (quorum=false)",
        workload: "register",
        faults: "partition:primaries",
        run: "--workload register --faults partition:primaries --fault-interval 2s --time-limit 20s",
        anomaly: "stale read",
        needs_faults: true,
    },
    BugInfo {
        bug: Bug::ReplyBeforeCommit,
        name: "raft.reply-before-commit",
        summary: "a leader acknowledges a command as soon as its own log has it",
        precedent: "Raft §5.3 (apply, then respond); asynchronous replication everywhere",
        workload: "register",
        faults: "partition:primaries",
        run: "--workload register --faults partition:primaries --fault-interval 2s --time-limit 10s",
        anomaly: "lost write; without faults: a read that misses an acknowledged write",
        needs_faults: false,
    },
    BugInfo {
        bug: Bug::NoLogUpToDateCheck,
        name: "raft.no-log-up-to-date-check",
        summary: "a vote is granted without comparing logs, so a lagging server becomes leader and overwrites committed entries",
        precedent: "Raft §5.4.1",
        workload: "set",
        faults: "partition:rolling",
        run: "--workload set --faults partition:rolling --fault-interval 3s --time-limit 30s",
        anomaly: "lost write",
        needs_faults: true,
    },
    BugInfo {
        bug: Bug::RetryExecutesTwice,
        name: "raft.retry-executes-twice",
        summary: "a retried command executes again, because sessions are not consulted",
        precedent: "Raft §8, thesis §6.3; FoundationDB commit_unknown_result; jetcd 0.8.2",
        workload: "set",
        faults: "partition:primaries,pause:primaries",
        run: "--workload set --faults partition:primaries,pause:primaries --fault-interval 1s --time-limit 20s",
        anomaly: "duplicate element, counter too high",
        needs_faults: true,
    },
    BugInfo {
        bug: Bug::MinorityCommits,
        name: "raft.minority-commits",
        summary: "n/2 servers are taken for a majority when committing, confirming reads and checking the quorum",
        precedent: "redisraft #17 (quorum from a wrong member count)",
        workload: "register",
        faults: "partition:primary-minority",
        run: "--workload register --faults partition:primary-minority --fault-interval 2s --time-limit 20s",
        anomaly: "split brain: lost writes and stale reads",
        needs_faults: true,
    },
];

impl Bug {
    /// The catalogue's entry.
    pub fn info(self) -> &'static BugInfo {
        // The catalogue is in the order of the enum; a test says so.
        &CATALOGUE[self as usize]
    }
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.info().name)
    }
}

/// A bug's name that the catalogue does not have.
#[derive(Debug, Clone, thiserror::Error)]
#[error("unknown bug {name:?}; known are {}", known())]
pub struct UnknownBug {
    name: String,
}

fn known() -> String {
    let names: Vec<_> = CATALOGUE.iter().map(|info| info.name).collect();
    names.join(", ")
}

impl FromStr for Bug {
    type Err = UnknownBug;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = CATALOGUE.iter().find(|info| info.name == name);
        found.map(|info| info.bug).ok_or_else(|| UnknownBug { name: name.to_owned() })
    }
}

/// The set of bugs that are switched on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bugs(u32);

impl Bugs {
    /// Whether `bug` is on.
    pub fn has(self, bug: Bug) -> bool {
        self.0 & (1 << bug as u32) != 0
    }

    /// The bugs that are on.
    pub fn iter(self) -> impl Iterator<Item = Bug> {
        let all = CATALOGUE.iter().map(|info| info.bug);
        all.filter(move |bug| self.has(*bug))
    }
}

impl FromIterator<Bug> for Bugs {
    fn from_iter<I: IntoIterator<Item = Bug>>(bugs: I) -> Self {
        Bugs(bugs.into_iter().fold(0, |set, bug| set | 1 << bug as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bug_is_found_by_its_name() {
        for (position, info) in CATALOGUE.iter().enumerate() {
            assert_eq!(info.bug as usize, position);
            assert_eq!(info.name.parse::<Bug>().ok(), Some(info.bug));
        }
        assert!("raft.nonsense".parse::<Bug>().is_err());
    }
}
