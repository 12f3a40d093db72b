//! The rules of a history, and what breaks them.

use std::fmt;

use super::{NO_NAME, NONE};
use crate::event::Process;
use crate::tape::EncodeError;

/// The rules that events must keep to be a history. One outstanding operation per process, and
/// completions of the function that was invoked, are demanded of everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Time may run backwards: in Jepsen's histories only the order of events counts.
    pub time_may_decrease: bool,
    /// A process may go on after an `info`, as a new one would. Old versions of Jepsen recorded that.
    pub process_survives_info: bool,
    /// There may be no invocations at all: an excerpt which keeps only what happened, and says
    /// nothing of when. See [`History::completions_only`](super::History::completions_only).
    pub completions_only: bool,
}

impl Rules {
    /// For what our own recorder writes.
    pub const STRICT: Rules =
        Rules { time_may_decrease: false, process_survives_info: false, completions_only: false };
    /// For other people's histories.
    pub const LENIENT: Rules =
        Rules { time_may_decrease: true, process_survives_info: true, completions_only: true };
}

/// Why events are not a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryError {
    /// Position of the offending event, counted from 0.
    pub position: usize,
    /// What is wrong with it.
    pub problem: HistoryProblem,
}

/// The rules of a history, broken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HistoryProblem {
    /// Time ran backwards.
    TimeDecreases {
        /// This event's time, ns.
        time: u64,
        /// The time before it, ns.
        previous: u64,
    },
    /// A second invocation while one is outstanding.
    StillOutstanding {
        /// Who.
        process: Process,
        /// Position of the outstanding invocation.
        outstanding: usize,
    },
    /// A completion out of nothing.
    NotInvoked {
        /// Who.
        process: Process,
    },
    /// A completion of another function.
    OtherFunction {
        /// Who.
        process: Process,
        /// Function of the invocation.
        invoked: String,
        /// Function of the completion.
        completed: String,
        /// Position of the invocation.
        invocation: usize,
    },
    /// An invocation by a dead process.
    AfterInfo {
        /// Who.
        process: Process,
        /// Position of the `info`.
        info: usize,
    },
    /// An invocation where so far there were only completions.
    SuddenInvocation {
        /// Who.
        process: Process,
    },
    /// Beyond what positions can count.
    TooLong,
    /// Beyond what any system has.
    TooManyNames,
    /// A value that cannot be stored.
    Value(EncodeError),
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.problem.fmt(f)
    }
}
impl std::error::Error for HistoryError {}

impl fmt::Display for HistoryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HistoryProblem::TimeDecreases { time, previous } => {
                write!(
                    f,
                    "time {time} is before the previous event's {previous}; events must be in time order"
                )
            }
            HistoryProblem::StillOutstanding { process, outstanding } => write!(
                f,
                "process {process} invokes again although its operation at event {outstanding} has no completion; \
                 a process has one operation at a time"
            ),
            HistoryProblem::NotInvoked { process } => {
                write!(f, "process {process} completes an operation that it has not invoked")
            }
            HistoryProblem::OtherFunction { process, invoked, completed, invocation } => write!(
                f,
                "process {process} completes `{completed}` but had invoked `{invoked}` at event {invocation}"
            ),
            HistoryProblem::AfterInfo { process, info } => write!(
                f,
                "process {process} invokes again after its `info` at event {info}; \
                 its worker must go on as a new process"
            ),
            HistoryProblem::SuddenInvocation { process } => write!(
                f,
                "process {process} invokes, but the events before are completions without invocations; \
                 a history has all of its invocations, or none"
            ),
            HistoryProblem::TooLong => write!(f, "the history has more than {} events", NONE - 1),
            HistoryProblem::TooManyNames => write!(
                f,
                "more than {} different names of functions and nodes; is this a history?",
                NO_NAME - 1
            ),
            HistoryProblem::Value(error) => error.fmt(f),
        }
    }
}
impl std::error::Error for HistoryProblem {}
