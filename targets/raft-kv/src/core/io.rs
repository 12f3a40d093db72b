//! What goes into the core and what comes out of it.

use bytes::Bytes;

use crate::api::{Request, Response, RoleName};
use crate::types::{Entry, HardState, Index, NodeId, Snapshot, SnapshotMeta, Term};

/// Names a client's request until it is answered. The caller chooses it; the core gives it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Something that happened to a server.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Time passed. Due whenever `Raft::next_deadline` is reached.
    Tick,
    /// A message arrived. `from` is the server itself for messages it sent to itself.
    Message {
        /// The sender.
        from: NodeId,
        /// What it says.
        message: Message,
    },
    /// A client asks.
    Request {
        /// Comes back with the response.
        token: Token,
        /// The request.
        request: Request,
    },
    /// Everything up to and including this [`Outputs::batch`] is on stable storage.
    Persisted {
        /// The batch.
        batch: u64,
    },
}

/// What a server wants done. Empty fields are the normal case.
#[derive(Debug, Default)]
pub struct Outputs {
    /// To be written in this order and made durable, then reported as `Input::Persisted`.
    pub persist: Vec<Persist>,
    /// The number of this batch, increasing by one with each batch that persists something.
    pub batch: u64,
    /// Messages that may leave at once: a leader's entries travel while it writes them itself
    /// (thesis §10.2.1).
    pub send: Vec<Envelope>,
    /// Messages that promise something, so they may leave only when everything up to `batch` is
    /// durable. One may be addressed to the server itself: its own vote.
    pub send_when_durable: Vec<Envelope>,
    /// Entries that were applied, in order: for whoever checks that all servers apply the same.
    pub applied: Vec<Entry>,
    /// Answers to clients.
    pub responses: Vec<(Token, Response)>,
    /// What an operator would want to read in the log.
    pub events: Vec<Event>,
}

/// A message and where it goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The receiver.
    pub to: NodeId,
    /// The message.
    pub message: Message,
}

/// Something to be made durable.
#[derive(Debug, Clone, PartialEq)]
pub enum Persist {
    /// Replaces the stored term and vote.
    HardState(HardState),
    /// Appends entries; stored entries from the first one's index on are replaced.
    Entries(Vec<Entry>),
    /// Replaces the stored snapshot, and the stored log by `base` and `tail`.
    Snapshot {
        /// The new snapshot.
        snapshot: Snapshot,
        /// The last entry that the stored log does not have any more, with its term.
        base: (Index, Term),
        /// The entries after it.
        tail: Vec<Entry>,
    },
}

/// A message between servers. `term` is the sender's, except in `PreVote` and a granted
/// `PreVoteReply`, where it is the term that the sender would campaign in.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// "Would you vote for me?" Changes no state at the receiver (thesis §9.6).
    PreVote {
        /// The term of the election that would follow.
        term: Term,
        /// The sender's last entry.
        last_index: Index,
        /// Its term.
        last_term: Term,
    },
    /// The answer to `PreVote`.
    PreVoteReply {
        /// The term asked for if granted, the receiver's own if not.
        term: Term,
        /// Whether it would.
        granted: bool,
    },
    /// RequestVote (§5.2).
    Vote {
        /// The candidate's term.
        term: Term,
        /// The candidate's last entry.
        last_index: Index,
        /// Its term.
        last_term: Term,
    },
    /// The answer to `Vote`.
    VoteReply {
        /// The voter's term.
        term: Term,
        /// Whether it voted for the candidate.
        granted: bool,
    },
    /// AppendEntries (§5.3); without entries, a heartbeat.
    Append {
        /// The leader's term.
        term: Term,
        /// The entry before `entries`.
        prev_index: Index,
        /// Its term.
        prev_term: Term,
        /// The entries, in order and without gaps.
        entries: Vec<Entry>,
        /// What the leader knows to be committed.
        commit: Index,
        /// The leader's latest round of read confirmations (thesis §6.4).
        round: u64,
    },
    /// The answer to `Append`.
    AppendReply {
        /// The follower's term.
        term: Term,
        /// The round of the message answered.
        round: u64,
        /// What became of the entries.
        result: AppendResult,
    },
    /// A part of a snapshot (§7).
    Install {
        /// The leader's term.
        term: Term,
        /// What the snapshot stands for.
        meta: SnapshotMeta,
        /// Position of `data` in the encoded snapshot.
        offset: u64,
        /// Bytes of the whole encoded snapshot.
        total: u64,
        /// The part.
        data: Bytes,
        /// As in `Append`.
        round: u64,
    },
    /// The answer to `Install`.
    InstallReply {
        /// The follower's term.
        term: Term,
        /// The round of the message answered.
        round: u64,
        /// Index of the snapshot answered.
        index: Index,
        /// The offset of the part wanted next; `None` when nothing is missing any more.
        wanted: Option<u64>,
    },
}

/// A follower's verdict on an `Append`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AppendResult {
    /// The follower's log equals the leader's up to this index.
    Matched(Index),
    /// The follower has another entry than `prev`, or none.
    Conflict {
        /// The `prev_index` of the message refused.
        prev_index: Index,
        /// The term of the follower's entry there; `None` if its log is shorter.
        term: Option<Term>,
        /// Where that term starts in the follower's log, or the index after its last entry.
        first: Index,
    },
}

/// What an operator would want to read in the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The role, the term or the known leader changed.
    Role {
        /// The new role.
        role: RoleName,
        /// The term.
        term: Term,
        /// The known leader.
        leader: Option<NodeId>,
        /// Why.
        reason: &'static str,
    },
    /// The log was cut: entries from this index on conflicted with the leader's.
    Truncated {
        /// The first entry removed.
        from: Index,
        /// The commit index at that time.
        commit: Index,
    },
    /// A snapshot of the own state was taken.
    SnapshotTaken {
        /// Its last entry.
        index: Index,
        /// Its size in bytes.
        bytes: usize,
    },
    /// A leader began to send a snapshot.
    SnapshotSending {
        /// The receiver.
        to: NodeId,
        /// Its last entry.
        index: Index,
    },
    /// A leader's snapshot replaced the own state.
    SnapshotInstalled {
        /// Its last entry.
        index: Index,
        /// Its size in bytes.
        bytes: usize,
    },
    /// A leader's snapshot could not be decoded.
    SnapshotBroken {
        /// Its last entry.
        index: Index,
    },
    /// The members in force changed.
    Members {
        /// The entry that changed them.
        index: Index,
        /// The members.
        members: Vec<NodeId>,
    },
}
