//! A history: events in the order in which they happened, validated once, with every completion
//! paired to its invocation.

use std::borrow::Borrow;

use crate::event::{Event, EventRef, EventType, Extra, Name, Process};
use crate::tape::ValueRef;

mod builder;
mod rules;

pub use builder::{EventHead, HistoryBuilder, NameId};
pub use rules::{HistoryError, HistoryProblem, Rules};

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
    /// Of a part of a history: where each event stands in the whole. Empty for a whole.
    origins: Vec<u32>,
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

    /// Where the event at `position` stands in the history that this is a part of; in a whole
    /// history that is `position`. What a person is told names events so.
    pub fn origin(&self, position: usize) -> usize {
        self.origins.get(position).map_or(position, |origin| *origin as usize)
    }

    /// This is a part of a history, with its events from these positions.
    pub(crate) fn part_from(self, origins: Vec<u32>) -> Self {
        History { origins, ..self }
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
