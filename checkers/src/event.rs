//! Events: what the recorder writes, one per invocation, completion and fault.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::tape::ValueRef;
use crate::value::Value;

/// A short name that occurs again and again: a function (`read`) or a node (`n2`).
///
/// One pointer wide, because every event of a history carries two of them.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Arc<Box<str>>);

impl Name {
    /// The text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Name(Arc::new(text.into()))
    }
}
impl From<String> for Name {
    fn from(text: String) -> Self {
        Name(Arc::new(text.into()))
    }
}
impl Deref for Name {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}
impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}
impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}
impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}
impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

/// Who invokes: a client process, or the nemesis.
///
/// A client process is a single thread of control: it has at most one operation outstanding, and
/// after an `info` completion it is never heard of again.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Process(u32);

impl Process {
    /// The injector of faults. Its events bracket faults and are not operations.
    pub const NEMESIS: Process = Process(u32::MAX);
    /// The largest number a client process can have.
    pub const MAX_CLIENT: u32 = u32::MAX - 1;

    /// The client process of this number; `None` above [`Process::MAX_CLIENT`].
    pub fn client(number: u64) -> Option<Self> {
        u32::try_from(number).ok().filter(|n| *n <= Self::MAX_CLIENT).map(Process)
    }

    /// The number of a client process; `None` for the nemesis.
    pub fn number(self) -> Option<u32> {
        (self != Self::NEMESIS).then_some(self.0)
    }

    /// Whether this is the nemesis.
    pub fn is_nemesis(self) -> bool {
        self == Self::NEMESIS
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            Some(number) => write!(f, "{number}"),
            None => f.write_str("nemesis"),
        }
    }
}
impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({self})")
    }
}

/// What an event says of its operation; Jepsen's meaning exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventType {
    /// The operation begins.
    Invoke,
    /// It happened.
    Ok,
    /// It certainly did not happen, and never will.
    Fail,
    /// It may have happened, may happen at any later time, or never.
    Info,
}

impl EventType {
    /// The word in which histories say it.
    pub fn as_str(self) -> &'static str {
        match self {
            EventType::Invoke => "invoke",
            EventType::Ok => "ok",
            EventType::Fail => "fail",
            EventType::Info => "info",
        }
    }
}

/// One line of a history, on its own: what a recorder writes and a generator sees. A
/// [`History`](crate::History) keeps its events more densely, and shows them as [`EventRef`]s.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Nanoseconds since the run began, on a monotonic clock.
    pub time: u64,
    /// Who.
    pub process: Process,
    /// What of the operation.
    pub event_type: EventType,
    /// Which function of the system: `read`, `write`, `partition`.
    pub f: Name,
    /// Argument of an invocation, result of an `ok`.
    pub value: Value,
    /// The node that the client spoke to.
    pub node: Option<Name>,
    /// What few events have, kept apart so that the many stay small.
    pub extra: Option<Box<Extra>>,
}

/// The rare parts of an [`Event`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extra {
    /// Why a `fail` or an `info` is one.
    pub error: Option<Value>,
    /// Of a fault: `installed`, `skipped` or `indeterminate`.
    pub outcome: Option<String>,
    /// Of a fault: what was looked at to know the outcome.
    pub evidence: Option<Value>,
    /// Fields of other people's histories that mean nothing to us and are kept all the same.
    pub other: BTreeMap<String, Value>,
}

impl Event {
    /// An event with neither node nor extras.
    pub fn new(
        time: u64,
        process: Process,
        event_type: EventType,
        f: impl Into<Name>,
        value: impl Into<Value>,
    ) -> Self {
        Event { time, process, event_type, f: f.into(), value: value.into(), node: None, extra: None }
    }

    /// Whether this begins a client operation.
    pub fn is_invoke(&self) -> bool {
        self.event_type == EventType::Invoke
    }

    /// Why it failed or is indefinite, if that was recorded.
    pub fn error(&self) -> Option<&Value> {
        self.extra.as_ref()?.error.as_ref()
    }
}

/// An event where it lies in a [`History`](crate::History). Its index is its position there.
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'h> {
    /// Nanoseconds since the run began, on a monotonic clock.
    pub time: u64,
    /// Who.
    pub process: Process,
    /// What of the operation.
    pub event_type: EventType,
    /// Which function of the system.
    pub f: &'h Name,
    /// The number of the function: two events of a history have one number if they have one function.
    pub f_number: u16,
    /// Argument of an invocation, result of an `ok`.
    pub value: ValueRef<'h>,
    /// The node that the client spoke to.
    pub node: Option<&'h Name>,
    /// What few events have.
    pub extra: Option<&'h Extra>,
}

impl<'h> EventRef<'h> {
    /// The event on its own.
    pub fn to_event(&self) -> Event {
        Event {
            time: self.time,
            process: self.process,
            event_type: self.event_type,
            f: self.f.clone(),
            value: self.value.to_value(),
            node: self.node.cloned(),
            extra: self.extra.map(|extra| Box::new(extra.clone())),
        }
    }

    /// Whether this begins a client operation.
    pub fn is_invoke(&self) -> bool {
        self.event_type == EventType::Invoke
    }

    /// Why it failed or is indefinite, if that was recorded.
    pub fn error(&self) -> Option<&'h Value> {
        self.extra?.error.as_ref()
    }
}
