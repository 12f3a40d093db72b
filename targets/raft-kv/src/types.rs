//! Words that every module uses: node names, terms, entries, members.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::machine::SessionCommand;

/// A Raft term (§5.1): a logical clock that numbers elections. Term 0 is "before any election".
pub type Term = u64;

/// A position in the replicated log, counted from 1. Index 0 is "before the first entry".
pub type Index = u64;

/// Longest node name, in bytes. Names are kept inline so that a [`NodeId`] is `Copy`.
pub const MAX_NODE_NAME: usize = 31;

/// The name of a server, such as `n1`: 1 to [`MAX_NODE_NAME`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    // Zero-padded, so that the derived order is the order of the names.
    bytes: [u8; MAX_NODE_NAME],
    len: u8,
}

/// A node name that is empty or too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("node name {0:?} must have 1 to 31 bytes and no control character or '='")]
pub struct BadNodeName(String);

impl NodeId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        // The bytes come from a `&str` (see `from_str`), so this never falls back.
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or("?")
    }
}

impl FromStr for NodeId {
    type Err = BadNodeName;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let bad =
            name.is_empty() || name.len() > MAX_NODE_NAME || name.chars().any(|c| c.is_control() || c == '=');
        if bad {
            return Err(BadNodeName(name.chars().take(64).collect()));
        }
        let mut bytes = [0; MAX_NODE_NAME];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Ok(NodeId { bytes, len: name.len() as u8 })
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The voting members of a cluster, each with the address where its peers reach it.
pub type Members = BTreeMap<NodeId, String>;

/// What Raft must never forget (figure 2, "persistent state"), except the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HardState {
    /// The latest term this server has seen.
    pub term: Term,
    /// Whom this server voted for in `term`.
    pub vote: Option<NodeId>,
}

/// One entry of the replicated log.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Position in the log.
    pub index: Index,
    /// Term of the leader that created it.
    pub term: Term,
    /// What it does when it is applied.
    pub payload: Payload,
}

/// What an entry does when it is applied. Cheap to clone: an entry goes to every peer and the disk.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// Nothing: a new leader's first entry, so that it can commit what it inherited (§8).
    Noop,
    /// Opens a client session (thesis §6.3); the entry's index becomes its id.
    Register,
    /// A client's command.
    Command(Arc<SessionCommand>),
    /// The members from this entry on, committed or not (thesis §4.1).
    Members(Arc<Members>),
}

/// What a snapshot stands for (§7).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SnapshotMeta {
    /// The snapshot replaces all entries up to and including this one.
    pub index: Index,
    /// The term of that entry.
    pub term: Term,
    /// The members as of that entry.
    pub members: Members,
}

/// A snapshot: the encoded state machine, sessions included, after `meta.index`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    /// What it stands for.
    pub meta: SnapshotMeta,
    /// The encoded state machine.
    pub data: bytes::Bytes,
}
