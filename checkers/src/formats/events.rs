//! From what a map in somebody's history says to an event of ours.

use std::collections::HashMap;

use super::FormatError;
use crate::event::{EventType, Extra, Process};
use crate::hash::FastHash;
use crate::history::{EventHead, History, HistoryBuilder, HistoryError, HistoryProblem, NameId, Rules};
use crate::tape::{ValueRef, ValueWriter};

/// Function of an operation that names none and whose value is a list: a transaction. Elle's
/// examples have such.
const TXN: &str = "txn";

/// Who, as far as the history says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Who {
    /// No process, or nil.
    #[default]
    Unsaid,
    /// This one.
    Known(Process),
}

/// What one map of a history says, but for the value, which is on the tape already.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    pub(crate) who: Who,
    pub(crate) event_type: Option<EventType>,
    pub(crate) f: Option<NameId>,
    pub(crate) time: Option<u64>,
    pub(crate) index: Option<i64>,
    pub(crate) node: Option<NameId>,
    pub(crate) value_is_list: bool,
    pub(crate) extra: Option<Box<Extra>>,
}

/// Why a map is not an event of the history.
#[derive(Debug)]
pub(crate) enum Refused {
    /// Something is missing or makes no sense.
    Reason(String),
    /// It breaks a rule.
    Rule(HistoryError),
}

impl From<HistoryError> for Refused {
    fn from(error: HistoryError) -> Self {
        Refused::Rule(error)
    }
}

/// Builds a history from other people's events.
pub(crate) struct Events {
    builder: HistoryBuilder,
    txn: Option<NameId>,
    last_time: u64,
    last_index: i64,
    /// Whether events so far said who; `None` before the first.
    said_who: Option<bool>,
    nameless: Nameless,
    /// Processes with several operations outstanding.
    overlapping: HashMap<Process, Overlap, FastHash>,
    /// The next process that is made up, counted down.
    made_up: u32,
}

/// See [`Events::overlap`].
struct Overlap {
    outstanding: Outstanding,
    /// Where it began, and why that is wrong unless all of it is completed.
    line: usize,
    error: HistoryError,
}

impl Events {
    pub(crate) fn new() -> Self {
        Events {
            builder: HistoryBuilder::new(Rules::LENIENT),
            txn: None,
            last_time: 0,
            last_index: -1,
            said_who: None,
            nameless: Nameless::default(),
            overlapping: HashMap::default(),
            made_up: Process::MAX_CLIENT,
        }
    }

    pub(crate) fn name(&mut self, text: &str) -> Result<NameId, HistoryError> {
        self.builder.name(text)
    }

    /// Writes the value of the next event, which begins anew.
    pub(crate) fn value(&mut self) -> ValueWriter<'_> {
        self.builder.value()
    }

    /// The value of the next event as far as it was written.
    pub(crate) fn written(&self) -> ValueRef<'_> {
        self.builder.written()
    }

    /// The history.
    pub(crate) fn finish(mut self) -> Result<History, FormatError> {
        match self.overlapping.drain().map(|(_, overlap)| overlap).min_by_key(|overlap| overlap.line) {
            Some(Overlap { line, error, .. }) => Err(FormatError::History { line, error }),
            None => Ok(self.builder.finish()),
        }
    }

    /// Ends an event, which stands in the line that `line` says.
    #[inline]
    pub(crate) fn push(&mut self, fields: Fields, line: impl FnOnce() -> usize) -> Result<(), Refused> {
        let Fields { who, event_type, f, time, index, node, value_is_list, extra } = fields;
        let Some(event_type) = event_type else {
            return reason("this operation has no `type`; it must be one of invoke, ok, fail and info");
        };
        let f = match f {
            Some(f) => f,
            None if value_is_list => self.txn()?,
            None => {
                return reason(
                    "this operation has no `f`, the function that was called; \
                     only a transaction, whose value is a list, may leave it out",
                );
            }
        };
        if let Some(index) = index.filter(|index| *index >= 0) {
            if index < self.last_index {
                return reason(format!(
                    "index {index} after index {}: operations must stand in the order in which they happened; \
                     sort them, or leave the indices out",
                    self.last_index
                ));
            }
            self.last_index = index;
        }
        let process = match who {
            Who::Known(process) => {
                if !process.is_nemesis() && self.said_who.replace(true) == Some(false) {
                    return self.some_say_who();
                }
                process
            }
            Who::Unsaid => {
                if self.said_who.replace(false) == Some(true) {
                    return self.some_say_who();
                }
                self.nameless.process(event_type, f, self.builder.written())?
            }
        };
        let process = match self.overlapping.is_empty() {
            true => process,
            false => self.overlapped(process, event_type, f)?,
        };
        let time = time.unwrap_or(self.last_time);
        self.last_time = time;
        let mut head = EventHead { time, process, event_type, f, node, extra };
        match self.builder.push_head(&mut head) {
            Err(error) => self.overlap(head, error, line()),
            Ok(()) => Ok(()),
        }
    }

    /// A process invokes again although its operation has no completion. Histories made by hand have
    /// that: there a process is but a name. It is accepted if in the end everything has its completion
    /// and it can always be told which; the operations are then processes of their own, so that no
    /// order is claimed but that of events. Otherwise a completion was lost, and that is an error.
    #[cold]
    fn overlap(&mut self, head: EventHead, error: HistoryError, line: usize) -> Result<(), Refused> {
        let HistoryProblem::StillOutstanding { process, outstanding: before } = error.problem else {
            return Err(error.into());
        };
        let (f, value) = self.builder.asked(before);
        let mut outstanding = Outstanding::default();
        if let Some(number) = process.number() {
            outstanding.invoked(number, question(f, value));
        }
        self.overlapping.insert(process, Overlap { outstanding, line, error });
        let process = self.overlapped(process, head.event_type, head.f)?;
        Ok(self.builder.push(EventHead { process, ..head })?)
    }

    /// The process that an event of an overlapping process is given.
    #[cold]
    fn overlapped(&mut self, process: Process, event_type: EventType, f: NameId) -> Result<Process, Refused> {
        let Some(overlap) = self.overlapping.get_mut(&process) else { return Ok(process) };
        let question = question(f, self.builder.written());
        if event_type == EventType::Invoke {
            let number = self.made_up;
            self.made_up = self.made_up.saturating_sub(1);
            overlap.outstanding.invoked(number, question);
            return client(number);
        }
        let number = overlap.outstanding.completed(&question).map_err(|count| {
            Refused::Reason(format!(
                "process {process} has {count} operations outstanding, and it cannot be told which of them this \
                 completes; a process has one operation at a time"
            ))
        })?;
        if overlap.outstanding.questions.is_empty() {
            self.overlapping.remove(&process);
        }
        client(number)
    }

    fn txn(&mut self) -> Result<NameId, HistoryError> {
        match self.txn {
            Some(txn) => Ok(txn),
            None => Ok(*self.txn.insert(self.builder.name(TXN)?)),
        }
    }

    fn some_say_who(&self) -> Result<(), Refused> {
        reason(
            "some operations have a `process` and some have none; \
             either all clients' operations name their process, or none does",
        )
    }
}

fn reason<T>(text: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::Reason(text.into()))
}

/// Operations of a history that does not say who: every operation is a process of its own, so that
/// nothing is claimed but the order of events, and a completion belongs to the one outstanding
/// operation to which it can belong. If there are several, nobody can tell, and it is refused.
#[derive(Default)]
struct Nameless {
    /// Outstanding ones by function.
    by_f: HashMap<NameId, Outstanding, FastHash>,
    next: u32,
    any_invocation: bool,
}

impl Nameless {
    fn process(&mut self, event_type: EventType, f: NameId, value: ValueRef<'_>) -> Result<Process, Refused> {
        if event_type == EventType::Invoke {
            let number = self.fresh();
            self.by_f.entry(f).or_default().invoked(number, question(f, value));
            self.any_invocation = true;
            return client(number);
        }
        if !self.any_invocation {
            return client(self.fresh());
        }
        match self.by_f.entry(f).or_default().completed(&question(f, value)) {
            Ok(number) => client(number),
            Err(0) => reason("this completes an operation that nobody has invoked"),
            Err(count) => reason(format!(
                "this operation has no `process`, and it cannot be told which of {count} outstanding ones \
                 it completes; give operations the number of their process"
            )),
        }
    }

    fn fresh(&mut self) -> u32 {
        let number = self.next;
        self.next = self.next.saturating_add(1);
        number
    }
}

/// Outstanding operations of which a completion says only what was asked.
#[derive(Default)]
struct Outstanding {
    by_question: HashMap<Vec<u8>, Vec<u32>, FastHash>,
    questions: HashMap<u32, Vec<u8>, FastHash>,
    /// Exclusive or of their numbers: where there is one, its number.
    sum: u32,
}

impl Outstanding {
    fn invoked(&mut self, number: u32, question: Vec<u8>) {
        self.by_question.entry(question.clone()).or_default().push(number);
        self.questions.insert(number, question);
        self.sum ^= number;
    }

    /// The operation that is completed, which is not outstanding any more.
    ///
    /// # Errors
    /// It may be none of them, or several. How many there are.
    fn completed(&mut self, question: &[u8]) -> Result<u32, usize> {
        let number = match (self.questions.len(), self.by_question.get(question).map(Vec::as_slice)) {
            // The one that it must be, whatever its value is.
            (1, _) => self.sum,
            (_, Some(&[number])) => number,
            (count, _) => return Err(count),
        };
        if let Some(question) = self.questions.remove(&number) {
            self.by_question.remove(&question);
        }
        self.sum ^= number;
        Ok(number)
    }
}

fn client(number: u32) -> Result<Process, Refused> {
    Process::client(number.into())
        .ok_or_else(|| Refused::Reason("too many operations without a process".into()))
}

/// What was asked, which an invocation and its completion both say: function and value, without the
/// results of reads in a transaction.
fn question(f: NameId, value: ValueRef<'_>) -> Vec<u8> {
    let mut asked = f.to_bytes().to_vec();
    let Some(micro_operations) = value.as_list() else {
        asked.extend_from_slice(value.as_bytes());
        return asked;
    };
    for micro_operation in micro_operations {
        match micro_operation.as_triple() {
            Some((f, key, _)) if matches!(f.as_str(), Some("r" | "rp")) => {
                asked.extend_from_slice(f.as_bytes());
                asked.extend_from_slice(key.as_bytes());
            }
            _ => asked.extend_from_slice(micro_operation.as_bytes()),
        }
    }
    asked
}
