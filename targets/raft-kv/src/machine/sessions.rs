//! Client sessions: a retried command executes exactly once (thesis §6.3).
//!
//! The table is part of the replicated state: every server evicts the same session at the same
//! index, or they would diverge.

use std::collections::BTreeMap;

use crate::machine::{Applied, Rejection, SessionId, Value};
use crate::types::Index;
use crate::wire::codec::{Reader, Wire, WireError};

/// How many sessions the table keeps; opening one more evicts the least recently used.
pub const MAX_SESSIONS: usize = 4096;

/// What the table says about a command that is about to be executed.
#[derive(Debug, PartialEq)]
pub enum Admission {
    /// Not seen yet: execute it.
    Execute,
    /// Seen: this is the answer it got.
    Answered(Applied),
}

#[derive(Debug, Clone, PartialEq)]
struct Session {
    last_seq: u64,
    last_answer: Result<Value, Rejection>,
    last_used: Index,
}

/// The open sessions.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sessions {
    by_id: BTreeMap<SessionId, Session>,
    /// Least recently used first. An entry touches one session at most, so indices are unique.
    by_use: BTreeMap<Index, SessionId>,
}

impl Sessions {
    /// Opens the session that the entry at `index` asks for.
    pub fn open(&mut self, index: Index) -> SessionId {
        if self.by_id.len() >= MAX_SESSIONS
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.by_id.remove(&oldest);
        }
        self.by_use.insert(index, index);
        let session = Session { last_seq: 0, last_answer: Ok(Value::Nil), last_used: index };
        self.by_id.insert(index, session);
        index
    }

    /// Whether the command `seq` of `id`, found at `index`, is to be executed.
    pub fn admit(&mut self, id: SessionId, seq: u64, index: Index) -> Admission {
        let Some(session) = self.by_id.get_mut(&id) else {
            return Admission::Answered(Applied::SessionExpired);
        };
        self.by_use.remove(&session.last_used);
        session.last_used = index;
        self.by_use.insert(index, id);
        if seq > session.last_seq {
            return Admission::Execute;
        }
        if seq < session.last_seq {
            return Admission::Answered(Applied::StaleSequence);
        }
        Admission::Answered(match session.last_answer.clone() {
            Ok(value) => Applied::Value(value),
            Err(rejection) => Applied::Rejected(rejection),
        })
    }

    /// Remembers the answer to the command `seq` of `id` for its retries.
    pub fn remember(&mut self, id: SessionId, seq: u64, answer: &Result<Value, Rejection>) {
        if let Some(session) = self.by_id.get_mut(&id) {
            session.last_seq = seq;
            session.last_answer = answer.clone();
        }
    }

    /// How many sessions are open.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether no session is open.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

impl Wire for Session {
    fn put(&self, out: &mut Vec<u8>) {
        self.last_seq.put(out);
        self.last_used.put(out);
        match &self.last_answer {
            Ok(value) => {
                out.push(0);
                value.put(out);
            }
            Err(rejection) => {
                out.push(1);
                rejection.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Session {
            last_seq: Wire::take(reader)?,
            last_used: Wire::take(reader)?,
            last_answer: match reader.byte("answer")? {
                0 => Ok(Wire::take(reader)?),
                1 => Err(Wire::take(reader)?),
                tag => {
                    return Err(WireError::Tag { what: "answer", tag });
                }
            },
        })
    }
}

impl Wire for Sessions {
    fn put(&self, out: &mut Vec<u8>) {
        self.by_id.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let by_id: BTreeMap<SessionId, Session> = Wire::take(reader)?;
        let by_use = by_id.iter().map(|(id, s)| (s.last_used, *id)).collect();
        Ok(Sessions { by_id, by_use })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_retry_gets_the_first_answer() {
        let mut sessions = Sessions::default();
        let id = sessions.open(1);
        assert_eq!(sessions.admit(id, 1, 2), Admission::Execute);
        sessions.remember(id, 1, &Ok(Value::Int(7)));
        let again = sessions.admit(id, 1, 3);
        assert_eq!(again, Admission::Answered(Applied::Value(Value::Int(7))));
    }

    #[test]
    fn the_least_recently_used_session_is_evicted() {
        let mut sessions = Sessions::default();
        for index in 1..=MAX_SESSIONS as u64 {
            sessions.open(index);
        }
        sessions.admit(1, 1, 1_000_000);
        sessions.open(1_000_001);
        assert_eq!(sessions.len(), MAX_SESSIONS);
        assert_eq!(sessions.admit(1, 1, 1_000_002), Admission::Execute);
        let expired = Admission::Answered(Applied::SessionExpired);
        assert_eq!(sessions.admit(2, 1, 1_000_003), expired);
    }
}
