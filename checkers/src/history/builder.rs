//! Building a history event by event, validated and paired on the way.

use std::collections::HashMap;

use super::{
    HAS_EXTRA, Head, History, HistoryError, HistoryProblem, NO_NAME, NONE, OFFSET, Rules, TYPE_SHIFT,
};
use crate::event::{Event, EventType, Extra, Name, Process};
use crate::hash::FastHash;
use crate::tape::{ValueRef, ValueWriter};

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
                    invoked: self.history.names[usize::from(invoked)].to_string(),
                    completed: self.history.names[usize::from(f)].to_string(),
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
