//! One operation: a map with the keys that Jepsen gives it.

use super::text::Cursor;
use crate::event::{EventType, Extra, Process};
use crate::formats::events::{Events, Fields, Refused, Who};
use crate::formats::source::{Parse, shortened, wrong};
use crate::history::NameId;
use crate::tape::{ValueRef, ValueWriter, View};

/// Whether operations name their key beside their value, as Porcupine's key-value histories do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyed {
    /// `:value ["k" 1]`, or no keys; a field `:key` means nothing.
    No,
    /// `:key "k" :value 1` is read as `:value ["k" 1]`.
    Yes,
}

/// Reads operations one after the other.
pub(crate) struct Operations {
    keyed: Keyed,
    fields: Fields,
    /// Values that do not go into the history's tape as they are.
    scratch: Vec<u8>,
    key: Vec<u8>,
}

/// Keys that have been seen, so that one that stands twice is noticed.
struct Seen(u16);

impl Seen {
    fn again(&mut self, key: Key) -> bool {
        let bit = 1 << key as u16;
        let again = self.0 & bit != 0;
        self.0 |= bit;
        again
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Type,
    Process,
    F,
    Value,
    Time,
    Index,
    Node,
    Error,
    Outcome,
    Evidence,
    Key,
}

impl Operations {
    pub(crate) fn new(keyed: Keyed) -> Self {
        Operations { keyed, fields: Fields::default(), scratch: Vec::new(), key: Vec::new() }
    }

    /// Ends the operation that was read.
    pub(crate) fn push(&mut self, events: &mut Events, line: impl FnOnce() -> usize) -> Result<(), Refused> {
        events.push(std::mem::take(&mut self.fields), line)
    }

    /// Reads the map on which the cursor stands.
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'_>, events: &mut Events) -> Parse<()> {
        self.fields = Fields::default();
        self.key.clear();
        // Whatever was written in an earlier attempt goes.
        events.value();
        let mut seen = Seen(0);
        cursor.at += 1;
        loop {
            cursor.skip(1)?;
            let at = cursor.at;
            let name = match cursor.peek()? {
                b'}' => break,
                b':' => cursor.keyword()?.into(),
                b'"' => cursor.string()?,
                _ => return cursor.wrong("expected a key of the operation, such as :type, or `}`"),
            };
            let key = match name.as_bytes() {
                b"type" => Key::Type,
                b"process" => Key::Process,
                b"f" => Key::F,
                b"value" => Key::Value,
                b"time" => Key::Time,
                b"index" => Key::Index,
                b"node" => Key::Node,
                b"error" => Key::Error,
                b"outcome" => Key::Outcome,
                b"evidence" => Key::Evidence,
                b"key" if self.keyed == Keyed::Yes => Key::Key,
                _ => {
                    cursor.skip(1)?;
                    self.scratch(cursor)?;
                    let other = &mut self.fields.extra.get_or_insert_default().other;
                    if other.insert(name.to_string(), ValueRef::new(&self.scratch).to_value()).is_some() {
                        return twice(at, &name);
                    }
                    continue;
                }
            };
            if seen.again(key) {
                return twice(at, &name);
            }
            cursor.skip(1)?;
            self.field(key, cursor, events)?;
        }
        cursor.at += 1;
        if self.keyed == Keyed::Yes && !self.key.is_empty() {
            self.put_key_before_value(cursor, events)?;
        }
        Ok(())
    }

    #[inline]
    fn field(&mut self, key: Key, cursor: &mut Cursor<'_>, events: &mut Events) -> Parse<()> {
        match key {
            Key::Type => self.fields.event_type = Some(self.event_type(cursor)?),
            Key::Process => self.fields.who = self.process(cursor)?,
            Key::F => self.fields.f = self.name(cursor, events)?,
            Key::Value => {
                self.fields.value_is_list = matches!(cursor.peek()?, b'[' | b'(');
                cursor.value(&mut events.value(), 1)?;
            }
            Key::Time => self.fields.time = self.time(cursor)?,
            Key::Index => {
                self.scratch(cursor)?;
                self.fields.index = ValueRef::new(&self.scratch).as_int();
            }
            Key::Node => match self.text(cursor)? {
                Some(node) => {
                    let at = cursor.at;
                    self.fields.node =
                        Some(events.name(&node).or_else(|error| wrong(at, error.to_string()))?);
                }
                None => self.other("node"),
            },
            Key::Error => {
                self.scratch(cursor)?;
                let error = ValueRef::new(&self.scratch);
                if !error.is_nil() {
                    self.extra().error = Some(error.to_value());
                }
            }
            Key::Outcome => match self.text(cursor)? {
                Some(outcome) => self.extra().outcome = Some(outcome),
                None => self.other("outcome"),
            },
            Key::Evidence => {
                self.scratch(cursor)?;
                self.extra().evidence =
                    Some(ValueRef::new(&self.scratch).to_value()).filter(|evidence| !evidence.is_nil());
            }
            Key::Key => {
                self.scratch(cursor)?;
                std::mem::swap(&mut self.scratch, &mut self.key);
            }
        }
        Ok(())
    }

    fn extra(&mut self) -> &mut Extra {
        self.fields.extra.get_or_insert_default()
    }

    /// Keeps what was read last as a field without a meaning.
    fn other(&mut self, name: &str) {
        let value = ValueRef::new(&self.scratch).to_value();
        if !value.is_nil() {
            self.extra().other.insert(name.to_owned(), value);
        }
    }

    fn scratch(&mut self, cursor: &mut Cursor<'_>) -> Parse<()> {
        self.scratch.clear();
        cursor.value(&mut ValueWriter::new(&mut self.scratch), 1)
    }

    /// A value, if it is text; otherwise it lies in `scratch`.
    fn text(&mut self, cursor: &mut Cursor<'_>) -> Parse<Option<String>> {
        self.scratch(cursor)?;
        Ok(ValueRef::new(&self.scratch).as_str().map(str::to_owned))
    }

    fn event_type(&mut self, cursor: &mut Cursor<'_>) -> Parse<EventType> {
        let at = cursor.at;
        let word = match cursor.peek()? {
            b':' => cursor.keyword()?.into(),
            b'"' => cursor.string()?,
            _ => return wrong(at, "expected the type: :invoke, :ok, :fail or :info"),
        };
        match word.as_bytes() {
            b"invoke" => Ok(EventType::Invoke),
            b"ok" => Ok(EventType::Ok),
            b"fail" => Ok(EventType::Fail),
            b"info" => Ok(EventType::Info),
            _ => wrong(at, format!("the type is :invoke, :ok, :fail or :info, not `{}`", shortened(&word))),
        }
    }

    #[inline]
    fn process(&mut self, cursor: &mut Cursor<'_>) -> Parse<Who> {
        let at = cursor.at;
        self.scratch(cursor)?;
        let value = ValueRef::new(&self.scratch);
        if let Some(process) = value.as_int().and_then(|n| Process::client(u64::try_from(n).ok()?)) {
            return Ok(Who::Known(process));
        }
        if value.is_nil() {
            return Ok(Who::Unsaid);
        }
        match value.as_str() {
            Some("nemesis") => Ok(Who::Known(Process::NEMESIS)),
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => {
                match text.parse().ok().and_then(Process::client) {
                    Some(process) => Ok(Who::Known(process)),
                    None => wrong(at, not_a_process(value)),
                }
            }
            _ => wrong(at, not_a_process(value)),
        }
    }

    fn name(&mut self, cursor: &mut Cursor<'_>, events: &mut Events) -> Parse<Option<NameId>> {
        let at = cursor.at;
        let text = match cursor.peek()? {
            b':' => cursor.keyword()?.into(),
            b'"' => cursor.string()?,
            _ => match self.text(cursor)? {
                Some(text) => text.into(),
                None if ValueRef::new(&self.scratch).is_nil() => return Ok(None),
                None => return wrong(at, "expected the function that was called, such as :read"),
            },
        };
        match events.name(&text) {
            Ok(name) => Ok(Some(name)),
            Err(error) => wrong(at, error.to_string()),
        }
    }

    /// Nanoseconds; what is before the run began is its beginning.
    fn time(&mut self, cursor: &mut Cursor<'_>) -> Parse<Option<u64>> {
        let at = cursor.at;
        self.scratch(cursor)?;
        let value = ValueRef::new(&self.scratch);
        match value.view() {
            View::Int(time) => Ok(Some(u64::try_from(time).unwrap_or(0))),
            View::Float(time) => Ok(Some(time as u64)),
            View::Nil => Ok(None),
            // `#inst "2014-…"`: a date, of which only the order counts, and that is the file's.
            View::Str(_) => Ok(None),
            _ => wrong(at, "expected the time, a number of nanoseconds"),
        }
    }

    fn put_key_before_value(&mut self, cursor: &Cursor<'_>, events: &mut Events) -> Parse<()> {
        self.scratch.clear();
        self.scratch.extend_from_slice(events.written().as_bytes());
        let mut writer = events.value();
        let pair = writer.begin();
        writer.copy(ValueRef::new(&self.key));
        writer.copy(ValueRef::new(&self.scratch));
        let ended = writer.end_list(pair, 2);
        cursor.encoded(cursor.at, ended)
    }
}

fn not_a_process(value: ValueRef<'_>) -> String {
    format!(
        "a process is a number from 0 to {} or :nemesis, not {}",
        Process::MAX_CLIENT,
        shortened(&value.to_string())
    )
}

fn twice<T>(at: usize, name: &str) -> Parse<T> {
    wrong(at, format!("the key `{}` stands twice in one operation", shortened(name)))
}
