//! What servers say to each other. Entries, members and snapshots look the same on disk.

use std::sync::Arc;

use super::codec::{Reader, Wire, WireError};
use crate::core::{AppendResult, Message};
use crate::types::{Entry, HardState, NodeId, Payload, SnapshotMeta};

/// The first frame of a connection: who dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The dialler.
    pub id: NodeId,
    /// Where the dialler's peers reach it.
    pub peer_address: String,
    /// Where its clients reach it.
    pub client_address: String,
}

/// A frame from the dialler to the server it dialled.
#[derive(Debug, Clone, PartialEq)]
pub enum PeerFrame {
    /// Who speaks; the first frame, and only that.
    Hello(Hello),
    /// A message of the protocol.
    Message(Message),
}

impl Wire for PeerFrame {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            PeerFrame::Hello(hello) => {
                out.push(0);
                hello.id.put(out);
                hello.peer_address.put(out);
                hello.client_address.put(out);
            }
            PeerFrame::Message(message) => {
                out.push(1);
                message.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.byte("peer frame")? {
            0 => Ok(PeerFrame::Hello(Hello {
                id: Wire::take(reader)?,
                peer_address: Wire::take(reader)?,
                client_address: Wire::take(reader)?,
            })),
            1 => Ok(PeerFrame::Message(Wire::take(reader)?)),
            tag => Err(WireError::Tag { what: "peer frame", tag }),
        }
    }
}

impl Wire for HardState {
    fn put(&self, out: &mut Vec<u8>) {
        self.term.put(out);
        self.vote.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(HardState { term: Wire::take(reader)?, vote: Wire::take(reader)? })
    }
}

impl Wire for Entry {
    fn put(&self, out: &mut Vec<u8>) {
        self.index.put(out);
        self.term.put(out);
        match &self.payload {
            Payload::Noop => out.push(0),
            Payload::Register => out.push(1),
            Payload::Command(command) => {
                out.push(2);
                command.put(out);
            }
            Payload::Members(members) => {
                out.push(3);
                members.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let index = u64::take(reader)?;
        if index == 0 {
            return Err(WireError::Invalid("entry index (0)"));
        }
        Ok(Entry {
            index,
            term: Wire::take(reader)?,
            payload: match reader.byte("payload")? {
                0 => Payload::Noop,
                1 => Payload::Register,
                2 => Payload::Command(Arc::take(reader)?),
                3 => Payload::Members(Arc::take(reader)?),
                tag => {
                    return Err(WireError::Tag { what: "payload", tag });
                }
            },
        })
    }
}

impl Wire for SnapshotMeta {
    fn put(&self, out: &mut Vec<u8>) {
        self.index.put(out);
        self.term.put(out);
        self.members.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(SnapshotMeta {
            index: Wire::take(reader)?,
            term: Wire::take(reader)?,
            members: Wire::take(reader)?,
        })
    }
}

impl Wire for AppendResult {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            AppendResult::Matched(index) => {
                out.push(0);
                index.put(out);
            }
            AppendResult::Conflict { prev_index, term, first } => {
                out.push(1);
                prev_index.put(out);
                term.put(out);
                first.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.byte("append result")? {
            0 => Ok(AppendResult::Matched(Wire::take(reader)?)),
            1 => Ok(AppendResult::Conflict {
                prev_index: Wire::take(reader)?,
                term: Wire::take(reader)?,
                first: Wire::take(reader)?,
            }),
            tag => Err(WireError::Tag { what: "append result", tag }),
        }
    }
}

impl Wire for Message {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Message::PreVote { term, last_index, last_term } => {
                put_vote(1, [term, last_index, last_term], out)
            }
            Message::PreVoteReply { term, granted } => put_grant(2, *term, *granted, out),
            Message::Vote { term, last_index, last_term } => put_vote(3, [term, last_index, last_term], out),
            Message::VoteReply { term, granted } => put_grant(4, *term, *granted, out),
            Message::Append { term, prev_index, prev_term, entries, commit, round } => {
                out.push(5);
                for number in [term, prev_index, prev_term, commit, round] {
                    number.put(out);
                }
                entries.put(out);
            }
            Message::AppendReply { term, round, result } => {
                out.push(6);
                term.put(out);
                round.put(out);
                result.put(out);
            }
            Message::Install { term, meta, offset, total, data, round } => {
                out.push(7);
                for number in [term, offset, total, round] {
                    number.put(out);
                }
                meta.put(out);
                data.put(out);
            }
            Message::InstallReply { term, round, index, wanted } => {
                out.push(8);
                for number in [term, round, index] {
                    number.put(out);
                }
                wanted.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let tag = reader.byte("message")?;
        let term = u64::take(reader)?;
        Ok(match tag {
            1 => Message::PreVote { term, last_index: Wire::take(reader)?, last_term: Wire::take(reader)? },
            2 => Message::PreVoteReply { term, granted: Wire::take(reader)? },
            3 => Message::Vote { term, last_index: Wire::take(reader)?, last_term: Wire::take(reader)? },
            4 => Message::VoteReply { term, granted: Wire::take(reader)? },
            5 => Message::Append {
                term,
                prev_index: Wire::take(reader)?,
                prev_term: Wire::take(reader)?,
                commit: Wire::take(reader)?,
                round: Wire::take(reader)?,
                entries: Wire::take(reader)?,
            },
            6 => Message::AppendReply { term, round: Wire::take(reader)?, result: Wire::take(reader)? },
            7 => Message::Install {
                term,
                offset: Wire::take(reader)?,
                total: Wire::take(reader)?,
                round: Wire::take(reader)?,
                meta: Wire::take(reader)?,
                data: Wire::take(reader)?,
            },
            8 => Message::InstallReply {
                term,
                round: Wire::take(reader)?,
                index: Wire::take(reader)?,
                wanted: Wire::take(reader)?,
            },
            tag => {
                return Err(WireError::Tag { what: "message", tag });
            }
        })
    }
}

fn put_vote(tag: u8, numbers: [&u64; 3], out: &mut Vec<u8>) {
    out.push(tag);
    for number in numbers {
        number.put(out);
    }
}

fn put_grant(tag: u8, term: u64, granted: bool, out: &mut Vec<u8>) {
    out.push(tag);
    term.put(out);
    granted.put(out);
}
