//! A history: events in the order in which they happened, validated once, with every completion
//! paired to its invocation.

use std::borrow::Borrow;
use std::collections::HashMap;

use thiserror::Error;

use crate::event::{Event, EventRef, EventType, Extra, Name, Process};
use crate::formats::shortened;
use crate::hash::FastHash;
use crate::tape::{EncodeError, ValueRef, ValueWriter};

/// Marks a position without a partner in [`History::partners`].
const NONE: u32 = u32::MAX;
/// No node, in [`Head::node`].
const NO_NAME: u16 = u16::MAX;
/// Below these bits of [`Head::place`] is an offset.
const TYPE_SHIFT: u32 = 62;
const HAS_EXTRA: u64 = 1 << 61;
const OFFSET: u64 = HAS_EXTRA - 1;

/// A validated history.
///
/// Built from [`Event`]s by [`History::new`], or event by event by a [`HistoryBuilder`]; what breaks
/// the [`Rules`] is an error, never a verdict.
///
/// Kept densely: an event is 28 bytes and its value on a tape (see [`crate::tape`]), so that a
/// history of ten million transactions fits in the memory of a small machine.
#[derive(Clone, Debug, Default)]
pub struct History {
    heads: Vec<Head>,
    /// For an invocation the position of its completion, for a completion that of its invocation.
    partners: Vec<u32>,
    /// The values, in the order of events.
    tape: Vec<u8>,
    /// Names of functions and nodes.
    names: Vec<Name>,
    /// What few events have, in the order of events.
    extras: Vec<(u32, Extra)>,
    completions_only: bool,
}

/// All of an event that has a fixed size.
#[derive(Clone, Copy, Debug)]
struct Head {
    time: u64,
    /// From the top: type, 2 bits; whether it has an extra, 1 bit; where its value begins on the tape.
    place: u64,
    process: Process,
    f: u16,
    node: u16,
}

/// The rules that events must keep to be a history. One outstanding operation per process, and
/// completions of the function that was invoked, are demanded of everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Time may run backwards: in Jepsen's histories only the order of events counts.
    pub time_may_decrease: bool,
    /// A process may go on after an `info`, as a new one would. Old versions of Jepsen recorded that.
    pub process_survives_info: bool,
    /// There may be no invocations at all: an excerpt which keeps only what happened, and says
    /// nothing of when. See [`History::completions_only`].
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
    /// An invocation where so far there were only completions.
    #[error(
        "process {process} invokes, but the events before are completions without invocations; \
         a history has all of its invocations, or none"
    )]
    SuddenInvocation {
        /// Who.
        process: Process,
    },
    /// Beyond what positions can count.
    #[error("the history has more than {} events", NONE - 1)]
    TooLong,
    /// Beyond what any system has.
    #[error("more than {} different names of functions and nodes; is this a history?", NO_NAME - 1)]
    TooManyNames,
    /// A value that cannot be stored.
    #[error("{0}")]
    Value(EncodeError),
}

enum Doing {
    Idle,
    Outstanding(u32),
    Dead(u32),
}

/// All of an event but its value, which is written before.
#[derive(Clone, Debug)]
pub struct EventHead {
    /// Nanoseconds since the run began.
    pub time: u64,
    /// Who.
    pub process: Process,
    /// What of the operation.
    pub event_type: EventType,
    /// Which function.
    pub f: NameId,
    /// The node that the client spoke to.
    pub node: Option<NameId>,
    /// What few events have.
    pub extra: Option<Box<Extra>>,
}

/// A name that a [`HistoryBuilder`] knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NameId(u16);

impl NameId {
    pub(crate) fn to_bytes(self) -> [u8; 2] {
        self.0.to_le_bytes()
    }
}

/// Builds a history event by event: the value of an event first, then its head.
///
/// ```
/// use checkers::history::{EventHead, HistoryBuilder, Rules};
/// use checkers::{EventType, Process};
///
/// let mut builder = HistoryBuilder::new(Rules::STRICT);
/// let f = builder.name("write")?;
/// for (time, event_type) in [(1, EventType::Invoke), (5, EventType::Ok)] {
///     builder.value().int(7);
///     let process = Process::client(0).unwrap();
///     builder.push(EventHead { time, process, event_type, f, node: None, extra: None })?;
/// }
/// assert_eq!(builder.finish().operations().count(), 1);
/// # Ok::<(), checkers::HistoryError>(())
/// ```
pub struct HistoryBuilder {
    history: History,
    rules: Rules,
    /// Where the value of the next event begins.
    begun: usize,
    doing: HashMap<Process, Doing, FastHash>,
    ids: HashMap<Box<str>, NameId, FastHash>,
    previous_time: u64,
    any_invocation: bool,
}

impl HistoryBuilder {
    /// A history without events.
    pub fn new(rules: Rules) -> Self {
        HistoryBuilder {
            history: History::default(),
            rules,
            begun: 0,
            doing: HashMap::default(),
            ids: HashMap::default(),
            previous_time: 0,
            any_invocation: false,
        }
    }

    /// How many events there are: the position of the next.
    pub fn len(&self) -> usize {
        self.history.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.history.is_empty()
    }

    /// The id of a name, the same for the same name.
    ///
    /// # Errors
    /// [`HistoryProblem::TooManyNames`]
    pub fn name(&mut self, text: &str) -> Result<NameId, HistoryError> {
        if let Some(id) = self.ids.get(text) {
            return Ok(*id);
        }
        let number = self.history.names.len();
        if number >= usize::from(NO_NAME) {
            return Err(self.error(HistoryProblem::TooManyNames));
        }
        let id = NameId(number as u16);
        self.history.names.push(Name::from(text));
        self.ids.insert(text.into(), id);
        Ok(id)
    }

    /// Writes the value of the next event; whatever was written for it before is dropped. An event
    /// without one has nil.
    pub fn value(&mut self) -> ValueWriter<'_> {
        self.history.tape.truncate(self.begun);
        ValueWriter::new(&mut self.history.tape)
    }

    /// The value of the next event, as far as it was written; only between values is it one.
    pub(crate) fn written(&self) -> ValueRef<'_> {
        ValueRef::new(&self.history.tape[self.begun..])
    }

    /// Function and value of an earlier event.
    pub(crate) fn asked(&self, position: usize) -> (NameId, ValueRef<'_>) {
        let history = &self.history;
        let head = &history.heads[position];
        let ends = history.heads.get(position + 1).map_or(self.begun, |next| (next.place & OFFSET) as usize);
        (NameId(head.f), ValueRef::new(&history.tape[(head.place & OFFSET) as usize..ends]))
    }

    /// Ends an event.
    ///
    /// # Errors
    /// It breaks one of the rules. The event is not in the history then.
    pub fn push(&mut self, mut head: EventHead) -> Result<(), HistoryError> {
        self.push_head(&mut head)
    }

    /// As [`push`](Self::push). Takes the extra out of the head, unless it fails.
    pub(crate) fn push_head(&mut self, head: &mut EventHead) -> Result<(), HistoryError> {
        let position = self.len();
        if position >= NONE as usize - 1 {
            return Err(self.error(HistoryProblem::TooLong));
        }
        let EventHead { time, process, event_type, f, node, .. } = *head;
        let previous = self.previous_time;
        if time < previous && !self.rules.time_may_decrease {
            return Err(self.error(HistoryProblem::TimeDecreases { time, previous }));
        }
        let partner = if process.is_nemesis() { NONE } else { self.pair(process, event_type, f.0)? };
        self.previous_time = time;
        if partner != NONE {
            self.history.partners[partner as usize] = position as u32;
        }
        self.history.partners.push(partner);
        let has_extra = if head.extra.is_some() { HAS_EXTRA } else { 0 };
        if let Some(extra) = head.extra.take() {
            self.history.extras.push((position as u32, *extra));
        }
        self.history.heads.push(Head {
            time,
            place: (event_type as u64) << TYPE_SHIFT | has_extra | self.begun as u64,
            process,
            f: f.0,
            node: node.map_or(NO_NAME, |node| node.0),
        });
        self.begun = self.history.tape.len();
        Ok(())
    }

    /// Adds an event that exists on its own.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`HistoryProblem::Value`].
    pub fn push_event(&mut self, event: &Event) -> Result<(), HistoryError> {
        if let Err(error) = self.value().value(&event.value) {
            return Err(self.error(HistoryProblem::Value(error)));
        }
        let head = EventHead {
            time: event.time,
            process: event.process,
            event_type: event.event_type,
            f: self.name(&event.f)?,
            node: event.node.as_ref().map(|node| self.name(node)).transpose()?,
            extra: event.extra.clone(),
        };
        self.push(head)
    }

    /// The history.
    pub fn finish(self) -> History {
        let mut history = self.history;
        // A vector that grew holds up to twice what it needs, and a history lives long.
        history.tape.truncate(self.begun);
        history.tape.shrink_to_fit();
        history.heads.shrink_to_fit();
        history.partners.shrink_to_fit();
        history
    }

    /// The position of the invocation that this completes; [`NONE`] for an invocation.
    fn pair(&mut self, process: Process, event_type: EventType, f: u16) -> Result<u32, HistoryError> {
        let position = self.len() as u32;
        let doing = self.doing.entry(process).or_insert(Doing::Idle);
        let problem = match (event_type, &*doing) {
            (EventType::Invoke, Doing::Outstanding(at)) => {
                HistoryProblem::StillOutstanding { process, outstanding: *at as usize }
            }
            (EventType::Invoke, Doing::Dead(at)) if !self.rules.process_survives_info => {
                HistoryProblem::AfterInfo { process, info: *at as usize }
            }
            (EventType::Invoke, _) if self.history.completions_only => {
                HistoryProblem::SuddenInvocation { process }
            }
            (EventType::Invoke, _) => {
                *doing = Doing::Outstanding(position);
                self.any_invocation = true;
                return Ok(NONE);
            }
            (_, Doing::Idle | Doing::Dead(_)) => {
                if self.rules.completions_only && !self.any_invocation {
                    self.history.completions_only = true;
                    return Ok(NONE);
                }
                HistoryProblem::NotInvoked { process }
            }
            (completion, &Doing::Outstanding(at)) => {
                let invoked = self.history.heads[at as usize].f;
                if invoked == f {
                    *doing = match completion {
                        EventType::Info => Doing::Dead(position),
                        _ => Doing::Idle,
                    };
                    return Ok(at);
                }
                HistoryProblem::OtherFunction {
                    process,
                    invoked: shortened(&self.history.names[usize::from(invoked)]),
                    completed: shortened(&self.history.names[usize::from(f)]),
                    invocation: at as usize,
                }
            }
        };
        Err(self.error(problem))
    }

    fn error(&self, problem: HistoryProblem) -> HistoryError {
        HistoryError { position: self.len(), problem }
    }
}

impl History {
    /// Validates `events` by [`Rules::STRICT`] and pairs them.
    ///
    /// # Errors
    /// The first event that breaks a rule, with its position.
    pub fn new(events: impl IntoIterator<Item = impl Borrow<Event>>) -> Result<Self, HistoryError> {
        let mut builder = HistoryBuilder::new(Rules::STRICT);
        for event in events {
            builder.push_event(event.borrow())?;
        }
        Ok(builder.finish())
    }

    /// All events, clients' and nemesis'; the position is the index.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = EventRef<'_>> + ExactSizeIterator {
        (0..self.len()).map(|position| self.event(position))
    }

    /// The event at `position`, which must be below [`len`](Self::len).
    #[inline]
    pub fn event(&self, position: usize) -> EventRef<'_> {
        let head = &self.heads[position];
        let begins = (head.place & OFFSET) as usize;
        let ends =
            self.heads.get(position + 1).map_or(self.tape.len(), |next| (next.place & OFFSET) as usize);
        EventRef {
            time: head.time,
            process: head.process,
            event_type: match head.place >> TYPE_SHIFT {
                0 => EventType::Invoke,
                1 => EventType::Ok,
                2 => EventType::Fail,
                _ => EventType::Info,
            },
            f: &self.names[usize::from(head.f)],
            f_number: head.f,
            value: ValueRef::new(&self.tape[begins..ends]),
            node: self.names.get(usize::from(head.node)),
            extra: if head.place & HAS_EXTRA == 0 { None } else { self.extra(position) },
        }
    }

    /// The event at `position`, if there is one.
    pub fn get(&self, position: usize) -> Option<EventRef<'_>> {
        (position < self.len()).then(|| self.event(position))
    }

    fn extra(&self, position: usize) -> Option<&Extra> {
        let at = self.extras.binary_search_by_key(&(position as u32), |(at, _)| *at).ok()?;
        Some(&self.extras[at].1)
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty()
    }

    /// Whether no client event is an invocation: an excerpt that says what happened and not when.
    /// It has no real-time order, and its [`operations`](Self::operations) are the completions.
    pub fn completions_only(&self) -> bool {
        self.completions_only
    }

    /// The number that events of the function `f` have in [`EventRef::f_number`]; `None` if there
    /// is no such event.
    pub fn f_number(&self, f: &str) -> Option<u16> {
        self.names.iter().position(|name| name == f).map(|at| at as u16)
    }

    /// Position of the completion of the invocation at `position`, or of the invocation of the
    /// completion there.
    #[inline]
    pub fn partner(&self, position: usize) -> Option<usize> {
        match self.partners.get(position) {
            Some(&NONE) | None => None,
            Some(&partner) => Some(partner as usize),
        }
    }

    /// The client operations, in the order of their invocations.
    pub fn operations(&self) -> impl Iterator<Item = Operation<'_>> {
        self.heads.iter().enumerate().filter_map(|(call, head)| {
            if head.process.is_nemesis() {
                return None;
            }
            if head.place >> TYPE_SHIFT == EventType::Invoke as u64 {
                let completion = self.partner(call).map(|at| (at, self.event(at)));
                return Some(Operation { call, invocation: self.event(call), completion });
            }
            self.completions_only.then(|| {
                let event = self.event(call);
                Operation { call, invocation: event, completion: Some((call, event)) }
            })
        })
    }

    /// The nemesis' events with their positions.
    pub fn nemesis(&self) -> impl Iterator<Item = (usize, EventRef<'_>)> {
        self.events().enumerate().filter(|(_, event)| event.process.is_nemesis())
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
    pub invocation: EventRef<'h>,
    /// Position of the completion, and the completion.
    pub completion: Option<(usize, EventRef<'h>)>,
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
    pub fn completion_event(&self) -> Option<EventRef<'h>> {
        self.completion.map(|(_, event)| event)
    }
}
