//! How a server is to behave.

use std::str::FromStr;
use std::time::Duration;

use crate::bugs::Bugs;
use crate::types::NodeId;

/// Who answers reads, and how sure it must be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReadMode {
    /// The leader, after a round of heartbeats has confirmed it: linearizable (thesis §6.4).
    #[default]
    ReadIndex,
    /// The leader, from its own state: stale while another leader exists unnoticed.
    LeaderLocal,
    /// Whoever is asked, from its own state: stale by design.
    AnyNode,
}

impl FromStr for ReadMode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "read-index" => Ok(ReadMode::ReadIndex),
            "leader-local" => Ok(ReadMode::LeaderLocal),
            "any-node" => Ok(ReadMode::AnyNode),
            other => Err(format!("unknown read mode {other:?}; use read-index, leader-local or any-node")),
        }
    }
}

/// How a server is to behave.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its name.
    pub id: NodeId,
    /// Election timeout t: each wait is drawn from [t, 2t). Heartbeats go out every t/6.
    pub election_timeout: Duration,
    /// Who answers reads.
    pub read_mode: ReadMode,
    /// A snapshot is taken when this many entries have been applied since the last.
    pub snapshot_threshold: u64,
    /// Bytes of a snapshot that travel in one message.
    pub snapshot_chunk: usize,
    /// Requests that a leader holds unanswered at most; more are refused as unavailable.
    pub max_pending: usize,
    /// The bugs that are switched on.
    pub bugs: Bugs,
}

impl Config {
    /// The defaults for a server of this name.
    pub fn new(id: NodeId) -> Self {
        Config {
            id,
            election_timeout: Duration::from_millis(300),
            read_mode: ReadMode::ReadIndex,
            snapshot_threshold: 10_000,
            snapshot_chunk: 256 << 10,
            max_pending: 16_384,
            bugs: Bugs::default(),
        }
    }

    /// The pause between two heartbeats of a leader.
    pub fn heartbeat_interval(&self) -> Duration {
        self.election_timeout / 6
    }
}
