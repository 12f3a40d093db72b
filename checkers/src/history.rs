//! A history: events in the order in which they happened, validated once, with every completion
//! paired to its invocation.

use std::collections::HashMap;

use thiserror::Error;

use crate::event::{Event, EventType, Process};

/// Marks a position without a partner in [`History::partners`].
const NONE: u32 = u32::MAX;

/// A validated history.
///
/// Built from [`Event`]s by [`History::new`]; what breaks the rules is an error, never a verdict:
/// times do not decrease, a client process has one operation outstanding, a completion has an
/// invocation of the same function, and no process speaks after an `info`.
#[derive(Clone, Debug, Default)]
pub struct History {
    events: Vec<Event>,
    /// For an invocation the position of its completion, for a completion that of its invocation.
    partners: Vec<u32>,
}

/// Why events are not a history.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{problem}")]
pub struct HistoryError {
    /// Position of the offending event, counted from 0.
    pub position: usize,
    /// What is wrong with it.
    pub problem: HistoryProblem,
}

/// The rules of a history, broken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HistoryProblem {
    /// Time ran backwards.
    #[error("time {time} is before the previous event's {previous}; events must be in time order")]
    TimeDecreases {
        /// This event's time, ns.
        time: u64,
        /// The time before it, ns.
        previous: u64,
    },
    /// A second invocation while one is outstanding.
    #[error(
        "process {process} invokes again although its operation at event {outstanding} has no completion; \
         a process has one operation at a time"
    )]
    StillOutstanding {
        /// Who.
        process: Process,
        /// Position of the outstanding invocation.
        outstanding: usize,
    },
    /// A completion out of nothing.
    #[error("process {process} completes an operation that it has not invoked")]
    NotInvoked {
        /// Who.
        process: Process,
    },
    /// A completion of another function.
    #[error("process {process} completes `{completed}` but had invoked `{invoked}` at event {invocation}")]
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
    #[error(
        "process {process} invokes again after its `info` at event {info}; \
         its worker must go on as a new process"
    )]
    AfterInfo {
        /// Who.
        process: Process,
        /// Position of the `info`.
        info: usize,
    },
    /// Beyond what positions can count.
    #[error("the history has more than {} events", NONE - 1)]
    TooLong,
}

enum Doing {
    Idle,
    Outstanding(u32),
    Dead(u32),
}

impl History {
    /// Validates `events` and pairs them.
    ///
    /// # Errors
    /// The first event that breaks a rule, with its position.
    pub fn new(mut events: Vec<Event>) -> Result<Self, HistoryError> {
        // A vector that grew holds up to twice what it needs, and a history lives long.
        events.shrink_to_fit();
        let err = |position, problem| Err(HistoryError { position, problem });
        if events.len() >= NONE as usize {
            return err(NONE as usize, HistoryProblem::TooLong);
        }
        let mut partners = vec![NONE; events.len()];
        let mut doing: HashMap<Process, Doing> = HashMap::new();
        let mut previous = 0;
        for (position, event) in events.iter().enumerate() {
            let time = event.time;
            if time < previous {
                return err(position, HistoryProblem::TimeDecreases { time, previous });
            }
            previous = time;
            let process = event.process;
            if process.is_nemesis() {
                continue;
            }
            let state = doing.entry(process).or_insert(Doing::Idle);
            match (event.event_type, &*state) {
                (EventType::Invoke, Doing::Idle) => *state = Doing::Outstanding(position as u32),
                (EventType::Invoke, Doing::Outstanding(at)) => {
                    let outstanding = *at as usize;
                    return err(position, HistoryProblem::StillOutstanding { process, outstanding });
                }
                (EventType::Invoke, Doing::Dead(at)) => {
                    return err(position, HistoryProblem::AfterInfo { process, info: *at as usize });
                }
                (_, Doing::Idle | Doing::Dead(_)) => {
                    return err(position, HistoryProblem::NotInvoked { process });
                }
                (completion, Doing::Outstanding(at)) => {
                    let invocation = *at as usize;
                    if events[invocation].f != event.f {
                        return err(
                            position,
                            HistoryProblem::OtherFunction {
                                process,
                                invoked: events[invocation].f.to_string(),
                                completed: event.f.to_string(),
                                invocation,
                            },
                        );
                    }
                    partners[invocation] = position as u32;
                    partners[position] = invocation as u32;
                    *state = match completion {
                        EventType::Info => Doing::Dead(position as u32),
                        _ => Doing::Idle,
                    };
                }
            }
        }
        Ok(History { events, partners })
    }

    /// All events, clients' and nemesis'; the position is the index.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Position of the completion of the invocation at `position`, or of the invocation of the
    /// completion there.
    pub fn partner(&self, position: usize) -> Option<usize> {
        match self.partners.get(position) {
            Some(&NONE) | None => None,
            Some(&partner) => Some(partner as usize),
        }
    }

    /// The client operations, in the order of their invocations.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        self.events.iter().enumerate().filter_map(|(call, invocation)| {
            if invocation.process.is_nemesis() || !invocation.is_invoke() {
                return None;
            }
            let completion = self.partner(call).map(|at| (at, &self.events[at]));
            Some(Operation { call, invocation, completion })
        })
    }

    /// The nemesis' events with their positions.
    pub fn nemesis(&self) -> impl Iterator<Item = (usize, &Event)> {
        self.events.iter().enumerate().filter(|(_, event)| event.process.is_nemesis())
    }
}

/// What became of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// It happened, between invocation and completion.
    Ok,
    /// It did not happen.
    Fail,
    /// Unanswered, or answered with `info`: at any time after the invocation, or never.
    Info,
}

impl Fate {
    /// The word in which histories and evidence say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Fate::Ok => "ok",
            Fate::Fail => "fail",
            Fate::Info => "info",
        }
    }
}

/// An invocation with its completion, if it has one.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'h> {
    /// Position of the invocation.
    pub call: usize,
    /// The invocation.
    pub invocation: &'h Event,
    /// Position of the completion, and the completion.
    pub completion: Option<(usize, &'h Event)>,
}

impl<'h> Operation<'h> {
    /// What became of it. An operation that the history leaves open is [`Fate::Info`].
    pub fn fate(&self) -> Fate {
        match self.completion.map(|(_, event)| event.event_type) {
            Some(EventType::Ok) => Fate::Ok,
            Some(EventType::Fail) => Fate::Fail,
            Some(EventType::Info | EventType::Invoke) | None => Fate::Info,
        }
    }

    /// Who.
    pub fn process(&self) -> Process {
        self.invocation.process
    }

    /// Position at which it had certainly ended; `None` if it may act for ever.
    pub fn ret(&self) -> Option<usize> {
        match self.completion {
            Some((at, event)) if event.event_type != EventType::Info => Some(at),
            _ => None,
        }
    }

    /// The completing event, `ok`, `fail` or `info`.
    pub fn completion_event(&self) -> Option<&'h Event> {
        self.completion.map(|(_, event)| event)
    }
}
