//! What clients say to servers, and what they are answered.

use super::codec::{Reader, Wire, WireError};
use crate::api::{Failure, Request, Response, RoleName, Status};

/// A request with the number that its answer will carry. A client may send many without waiting.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientFrame {
    /// Chosen by the client.
    pub id: u64,
    /// The request.
    pub request: Request,
}

/// The answer to the request of the same number. Answers may come in any order.
#[derive(Debug, Clone, PartialEq)]
pub struct ServerFrame {
    /// The request's number.
    pub id: u64,
    /// The answer.
    pub response: Response,
}

impl Wire for ClientFrame {
    fn put(&self, out: &mut Vec<u8>) {
        self.id.put(out);
        self.request.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(ClientFrame { id: Wire::take(reader)?, request: Wire::take(reader)? })
    }
}

impl Wire for ServerFrame {
    fn put(&self, out: &mut Vec<u8>) {
        self.id.put(out);
        self.response.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(ServerFrame { id: Wire::take(reader)?, response: Wire::take(reader)? })
    }
}

impl Wire for Request {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Request::RegisterClient => out.push(1),
            Request::Command(command) => {
                out.push(2);
                command.put(out);
            }
            Request::Get { key } => {
                out.push(3);
                key.put(out);
            }
            Request::Status => out.push(4),
            Request::AddServer { id, address } => {
                out.push(5);
                id.put(out);
                address.put(out);
            }
            Request::RemoveServer { id } => {
                out.push(6);
                id.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match reader.byte("request")? {
            1 => Request::RegisterClient,
            2 => Request::Command(Wire::take(reader)?),
            3 => Request::Get { key: Wire::take(reader)? },
            4 => Request::Status,
            5 => Request::AddServer { id: Wire::take(reader)?, address: Wire::take(reader)? },
            6 => Request::RemoveServer { id: Wire::take(reader)? },
            tag => {
                return Err(WireError::Tag { what: "request", tag });
            }
        })
    }
}

impl Wire for Response {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Response::Value(value) => {
                out.push(1);
                value.put(out);
            }
            Response::Registered { session } => {
                out.push(2);
                session.put(out);
            }
            Response::Status(status) => {
                out.push(3);
                status.put(out);
            }
            Response::Members(members) => {
                out.push(4);
                members.put(out);
            }
            Response::Failed(failure) => {
                out.push(5);
                failure.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match reader.byte("response")? {
            1 => Response::Value(Wire::take(reader)?),
            2 => Response::Registered { session: Wire::take(reader)? },
            3 => Response::Status(Box::new(Wire::take(reader)?)),
            4 => Response::Members(Wire::take(reader)?),
            5 => Response::Failed(Wire::take(reader)?),
            tag => {
                return Err(WireError::Tag { what: "response", tag });
            }
        })
    }
}

impl Wire for Failure {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Failure::NotLeader { hint, address } => {
                out.push(1);
                hint.put(out);
                address.put(out);
            }
            Failure::Rejected(rejection) => {
                out.push(2);
                rejection.put(out);
            }
            Failure::SessionExpired => out.push(3),
            Failure::StaleSequence => out.push(4),
            Failure::Unavailable(reason) => {
                out.push(5);
                reason.put(out);
            }
            Failure::Indefinite(reason) => {
                out.push(6);
                reason.put(out);
            }
            Failure::Malformed(reason) => {
                out.push(7);
                reason.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match reader.byte("failure")? {
            1 => Failure::NotLeader { hint: Wire::take(reader)?, address: Wire::take(reader)? },
            2 => Failure::Rejected(Wire::take(reader)?),
            3 => Failure::SessionExpired,
            4 => Failure::StaleSequence,
            5 => Failure::Unavailable(Wire::take(reader)?),
            6 => Failure::Indefinite(Wire::take(reader)?),
            7 => Failure::Malformed(Wire::take(reader)?),
            tag => {
                return Err(WireError::Tag { what: "failure", tag });
            }
        })
    }
}

impl Wire for RoleName {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(match self {
            RoleName::Follower => 1,
            RoleName::PreCandidate => 2,
            RoleName::Candidate => 3,
            RoleName::Leader => 4,
        });
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match reader.byte("role")? {
            1 => RoleName::Follower,
            2 => RoleName::PreCandidate,
            3 => RoleName::Candidate,
            4 => RoleName::Leader,
            tag => return Err(WireError::Tag { what: "role", tag }),
        })
    }
}

impl Wire for Status {
    fn put(&self, out: &mut Vec<u8>) {
        self.id.put(out);
        self.role.put(out);
        self.term.put(out);
        self.leader.put(out);
        self.leader_address.put(out);
        self.commit.put(out);
        self.applied.put(out);
        self.last_index.put(out);
        self.snapshot.put(out);
        self.members.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Status {
            id: Wire::take(reader)?,
            role: Wire::take(reader)?,
            term: Wire::take(reader)?,
            leader: Wire::take(reader)?,
            leader_address: Wire::take(reader)?,
            commit: Wire::take(reader)?,
            applied: Wire::take(reader)?,
            last_index: Wire::take(reader)?,
            snapshot: Wire::take(reader)?,
            members: Wire::take(reader)?,
        })
    }
}
