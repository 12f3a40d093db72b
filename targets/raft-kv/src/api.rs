//! What a client can ask and what a server answers, independent of how it travels.
//!
//! [`Failure::definite`] is the only place that says whether a failed request may still take
//! effect.

use serde::Serialize;

use crate::machine::{Command, Rejection, SessionCommand, SessionId, Value};
use crate::types::{Index, Members, NodeId, SnapshotMeta, Term};

/// A client's request.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Opens a session.
    RegisterClient,
    /// A write.
    Command(SessionCommand),
    /// A read, by default linearizable.
    Get {
        /// The key.
        key: String,
    },
    /// What this server knows about itself; answered by every server at once.
    Status,
    /// Adds one voting member.
    AddServer {
        /// Its name.
        id: NodeId,
        /// Where its peers reach it.
        address: String,
    },
    /// Removes one voting member.
    RemoveServer {
        /// Its name.
        id: NodeId,
    },
}

impl Request {
    /// A command outside of any session: executed as often as it is sent.
    pub fn plain(command: Command) -> Self {
        Request::Command(SessionCommand { session: crate::machine::NO_SESSION, seq: 0, command })
    }
}

/// A server's answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Response {
    /// The command was executed, or this is what the key holds.
    Value(Value),
    /// The session is open.
    Registered {
        /// Its id.
        session: SessionId,
    },
    /// What the server knows about itself.
    Status(Box<Status>),
    /// The membership change is committed; these are the members.
    Members(Members),
    /// It did not work, or may not have.
    Failed(Failure),
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// This server does not lead, so it did nothing.
    #[error("not the leader; ask {hint:?} at {address:?}")]
    NotLeader {
        /// Who leads, as far as this server knows.
        hint: Option<NodeId>,
        /// The leader's client address, if this server has heard it.
        address: Option<String>,
    },
    /// Executed, and refused without changing anything.
    #[error("rejected: {0}")]
    Rejected(Rejection),
    /// The session is unknown or evicted. This attempt did nothing, but an earlier attempt of the
    /// same command, made while the session lived, may have.
    #[error("the session has expired")]
    SessionExpired,
    /// The session has executed a later command since: whether this one was, is forgotten.
    #[error("the session has executed a later command")]
    StaleSequence,
    /// Never entered the log.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// Entered the log of a leader that then lost its leadership.
    #[error("indefinite: {0}")]
    Indefinite(String),
    /// The request made no sense.
    #[error("malformed request: {0}")]
    Malformed(String),
}

impl Failure {
    /// Whether it is certain that *this attempt* changed nothing and never will.
    pub fn definite(&self) -> bool {
        match self {
            Failure::NotLeader { .. }
            | Failure::Rejected(_)
            | Failure::SessionExpired
            | Failure::Unavailable(_)
            | Failure::Malformed(_) => true,
            Failure::StaleSequence | Failure::Indefinite(_) => false,
        }
    }
}

/// What a server is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// Follows a leader, or waits for one.
    Follower,
    /// Asks whether it could win an election (thesis §9.6).
    PreCandidate,
    /// Asks for votes.
    Candidate,
    /// Leads its term.
    Leader,
}

impl std::fmt::Display for RoleName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            RoleName::Follower => "follower",
            RoleName::PreCandidate => "pre-candidate",
            RoleName::Candidate => "candidate",
            RoleName::Leader => "leader",
        })
    }
}

/// What a server knows about itself and its cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Its name.
    pub id: NodeId,
    /// Its role.
    pub role: RoleName,
    /// Its term.
    pub term: Term,
    /// Who leads that term, if known.
    pub leader: Option<NodeId>,
    /// The leader's client address, if known.
    pub leader_address: Option<String>,
    /// The highest entry known to be committed.
    pub commit: Index,
    /// The highest entry applied.
    pub applied: Index,
    /// The last entry of its log.
    pub last_index: Index,
    /// What its latest snapshot stands for; index 0 if there is none.
    pub snapshot: SnapshotMeta,
    /// The members it acts upon.
    pub members: Members,
}
