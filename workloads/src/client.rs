//! How the runner speaks to a system under test.

use async_trait::async_trait;
use checkers::{Name, Value};

/// An operation to invoke: what a generator emits and a client receives.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// Which function: `read`, `write`, `cas`.
    pub f: Name,
    /// Its argument.
    pub value: Value,
}

impl Op {
    /// An operation `f` with this argument.
    pub fn new(f: impl Into<Name>, value: impl Into<Value>) -> Self {
        Op { f: f.into(), value: value.into() }
    }
}

/// What became of a call, in Jepsen's three classes.
///
/// A client must be able to defend its `Fail`: the operation did not happen and never will.
/// Whatever it cannot defend is `Info`.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It happened, with this result.
    Ok(Value),
    /// It certainly did not happen: why.
    Fail(Value),
    /// It may have happened, or may yet: why.
    Info(Value),
}

/// One client process' connection to the system under test.
///
/// The runner opens one for each process, bounds each call in time, and drops the client when a
/// call ends in [`Outcome::Info`].
#[async_trait]
pub trait Client: Send {
    /// Performs one operation. May be dropped at any await; the outcome is then `info`.
    async fn invoke(&mut self, op: &Op) -> Outcome;

    /// The node that the last call spoke to, if it is not the one that the client was opened for.
    fn last_node(&self) -> Option<&Name> {
        None
    }
}
