//! What clients ask the state machine to do, and what it answers.

use crate::machine::Value;
use crate::types::Index;
use crate::wire::codec::{Reader, Wire, WireError};

/// The id of a client session: the log index of the entry that opened it, hence unique.
pub type SessionId = Index;

/// The session of a command that wants no exactly-once guarantee: executed as often as it is sent.
pub const NO_SESSION: SessionId = 0;

/// A write. Reads do not go through the log.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Sets a key. Answers `Nil`.
    Put {
        /// The key.
        key: String,
        /// Its new value; `Nil` deletes it.
        value: Value,
    },
    /// Sets a key if it holds `from` (`Nil`: if it is absent). Answers `Nil`.
    Cas {
        /// The key.
        key: String,
        /// The value it must hold.
        from: Value,
        /// Its new value.
        to: Value,
    },
    /// Adds to the end of a list, creating the list. Answers the new length.
    Append {
        /// The key.
        key: String,
        /// The new last element.
        value: Value,
    },
    /// Removes a key. Answers `Nil`.
    Delete {
        /// The key.
        key: String,
    },
    /// Adds to a number, an absent key counting as 0. Answers the new number.
    Incr {
        /// The key.
        key: String,
        /// How much to add.
        delta: i64,
    },
}

/// A command with the session that makes a retry harmless (thesis §6.3).
#[derive(Debug, Clone, PartialEq)]
pub struct SessionCommand {
    /// The session, or [`NO_SESSION`].
    pub session: SessionId,
    /// Numbers a session's commands from 1; a retry carries the number of the original.
    pub seq: u64,
    /// The command itself.
    pub command: Command,
}

/// Why the state machine refused a command: it was executed, and changed nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// `cas` found another value.
    #[error("cas found {actual:?}")]
    CasMismatch {
        /// What the key held.
        actual: Value,
    },
    /// The key to delete does not exist.
    #[error("no such key")]
    NoSuchKey,
    /// `append` to something that is not a list, `incr` of something that is not a number.
    #[error("the value has another type")]
    WrongType,
    /// `incr` beyond 64 bits.
    #[error("the number would overflow")]
    Overflow,
}

/// What applying an entry gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Applied {
    /// The command's answer.
    Value(Value),
    /// The command was refused.
    Rejected(Rejection),
    /// A session was opened.
    Registered(SessionId),
    /// The session is unknown or was evicted: not executed now, maybe executed earlier.
    SessionExpired,
    /// The session has since executed a later command; this one's answer is forgotten.
    StaleSequence,
}

impl Wire for Command {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Command::Put { key, value } => {
                out.push(1);
                key.put(out);
                value.put(out);
            }
            Command::Cas { key, from, to } => {
                out.push(2);
                key.put(out);
                from.put(out);
                to.put(out);
            }
            Command::Append { key, value } => {
                out.push(3);
                key.put(out);
                value.put(out);
            }
            Command::Delete { key } => {
                out.push(4);
                key.put(out);
            }
            Command::Incr { key, delta } => {
                out.push(5);
                key.put(out);
                delta.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let tag = reader.byte("command")?;
        let key = String::take(reader)?;
        Ok(match tag {
            1 => Command::Put { key, value: Wire::take(reader)? },
            2 => Command::Cas { key, from: Wire::take(reader)?, to: Wire::take(reader)? },
            3 => Command::Append { key, value: Wire::take(reader)? },
            4 => Command::Delete { key },
            5 => Command::Incr { key, delta: Wire::take(reader)? },
            tag => {
                return Err(WireError::Tag { what: "command", tag });
            }
        })
    }
}

impl Wire for SessionCommand {
    fn put(&self, out: &mut Vec<u8>) {
        self.session.put(out);
        self.seq.put(out);
        self.command.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(SessionCommand {
            session: Wire::take(reader)?,
            seq: Wire::take(reader)?,
            command: Wire::take(reader)?,
        })
    }
}

impl Wire for Rejection {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Rejection::CasMismatch { actual } => {
                out.push(1);
                actual.put(out);
            }
            Rejection::NoSuchKey => out.push(2),
            Rejection::WrongType => out.push(3),
            Rejection::Overflow => out.push(4),
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match reader.byte("rejection")? {
            1 => Rejection::CasMismatch { actual: Wire::take(reader)? },
            2 => Rejection::NoSuchKey,
            3 => Rejection::WrongType,
            4 => Rejection::Overflow,
            tag => {
                return Err(WireError::Tag { what: "rejection", tag });
            }
        })
    }
}
