//! One operation: a map with the keys that Jepsen gives it, in whatever syntax, and a stream of them.

use std::borrow::Cow;
use std::io::Read;

use super::FormatError;
use super::events::{Events, Fields, Who};
use super::json::text::utf8;
use super::source::{Parse, Source, Stop, shortened, wrong};
use crate::event::{EventType, Extra, Process};
use crate::history::{History, NameId};
use crate::tape::{EncodeError, ValueRef, ValueWriter, View};

/// A syntax in which maps can be written: EDN and JSON.
pub(crate) trait Syntax<'a> {
    /// Parses `bytes`, behind which nothing comes if `ended`.
    fn new(bytes: &'a [u8], ended: bool) -> Self;

    /// Where the cursor stands.
    fn at(&self) -> usize;

    /// Whether there is nothing more.
    fn is_at_end(&self) -> bool;

    /// The byte at which the cursor stands.
    fn peek(&self) -> Parse<u8>;

    /// Passes a byte, which has been looked at.
    fn pass(&mut self);

    /// Passes what means nothing.
    fn skip(&mut self) -> Parse<()>;

    /// The bracket that closes a list which this one opens, if one does.
    fn closes(open: u8) -> Option<u8>;

    /// Whether another element follows in a list that `end` closes; passes what separates them, or
    /// the end. `first` is whether none was read yet.
    fn another(&mut self, first: bool, end: u8) -> Parse<bool>;

    /// The next key of a map, with the cursor on its value then; or nothing and the cursor behind the
    /// map. Nobody has looked whether it is UTF-8.
    fn key(&mut self, first: bool) -> Parse<Option<(usize, Cow<'a, [u8]>)>>;

    /// Passes a keyword or a string, if one stands here. Nobody has looked whether it is UTF-8.
    fn word(&mut self) -> Parse<Option<Cow<'a, [u8]>>>;

    /// Passes a short integer without a sign, if one stands here.
    fn integer(&mut self) -> Option<i64>;

    /// Writes one value, inside of so many brackets; the cursor stands on its first byte.
    fn value(&mut self, writer: &mut ValueWriter<'_>, depth: usize) -> Parse<()>;
}

/// Reads a list of operations, or one operation behind the other.
pub(crate) fn read_stream<S>(input: impl Read, keyed: Keyed) -> Result<History, FormatError>
where
    S: for<'a> SyntaxOf<'a>,
{
    let mut source = Source::new(input);
    let mut events = Events::new();
    let mut operations = Operations::new(keyed);
    let mut list = None;
    loop {
        let step = {
            let mut cursor = S::cursor(source.rest(), source.ended());
            let step = next(&mut cursor, &mut list, &mut operations, &mut events);
            step.map(|step| (step, cursor.at()))
        };
        match step {
            Ok((Step::Done, _)) => return events.finish(),
            Ok((Step::Bracket, at)) => source.consume(at),
            Ok((Step::Event(start), at)) => {
                let pushed = events.push(std::mem::take(&mut operations.fields), || source.place(start).0);
                pushed.map_err(|refused| refused.at(&source, start))?;
                source.consume(at);
            }
            Err(Stop::More) if !source.ended() => source.more()?,
            Err(stop) => return Err(source.error(stop)),
        }
    }
}

/// A syntax, whatever it is to parse.
pub(crate) trait SyntaxOf<'a> {
    type Cursor: Syntax<'a>;

    fn cursor(bytes: &'a [u8], ended: bool) -> Self::Cursor {
        Self::Cursor::new(bytes, ended)
    }
}

/// What stands next in a stream of operations.
pub(crate) enum Step {
    /// A bracket around the operations.
    Bracket,
    /// An operation, which begins here.
    Event(usize),
    /// The file ends.
    Done,
}

/// The list in which the operations stand.
pub(crate) struct List {
    /// What closes it.
    end: u8,
    /// Whether no operation of it was read.
    first: bool,
}

/// The next thing. A window that ends too early changes nothing.
pub(crate) fn next<'a>(
    cursor: &mut impl Syntax<'a>,
    list: &mut Option<List>,
    operations: &mut Operations,
    events: &mut Events,
) -> Parse<Step> {
    cursor.skip()?;
    match list {
        Some(open) => {
            if !cursor.another(open.first, open.end)? {
                *list = None;
                return Ok(Step::Bracket);
            }
        }
        None if cursor.is_at_end() => return Ok(Step::Done),
        None => {}
    }
    let start = cursor.at();
    match cursor.peek()? {
        b'{' => {
            operations.read(cursor, events)?;
            if let Some(list) = list {
                list.first = false;
            }
            Ok(Step::Event(start))
        }
        byte => match closing(cursor, byte) {
            Some(end) if list.is_none() => {
                cursor.pass();
                *list = Some(List { end, first: true });
                Ok(Step::Bracket)
            }
            _ => wrong(
                start,
                "expected an operation, such as {:type :invoke, :process 0, :f :read, :value nil}",
            ),
        },
    }
}

fn closing<'a, S: Syntax<'a>>(_: &S, open: u8) -> Option<u8> {
    S::closes(open)
}

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
    /// Functions that came early, so that few are looked up in a table.
    recent: Vec<(Box<[u8]>, NameId)>,
}

/// How many functions are remembered.
const RECENT: usize = 8;

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
        Operations {
            keyed,
            fields: Fields::default(),
            scratch: Vec::new(),
            key: Vec::new(),
            recent: Vec::new(),
        }
    }

    /// Reads the map on which the cursor stands.
    pub(crate) fn read<'a>(&mut self, cursor: &mut impl Syntax<'a>, events: &mut Events) -> Parse<()> {
        self.fields = Fields::default();
        self.key.clear();
        // Whatever was written in an earlier attempt goes.
        events.value();
        let mut seen = Seen(0);
        cursor.pass();
        let mut first = true;
        while let Some((at, name)) = cursor.key(first)? {
            first = false;
            let key = match &*name {
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
                    self.scratch(cursor)?;
                    let name = utf8(at, &name)?;
                    let other = &mut self.fields.extra.get_or_insert_default().other;
                    if other.insert(name.to_string(), ValueRef::new(&self.scratch).to_value()).is_some() {
                        return twice(at, name);
                    }
                    continue;
                }
            };
            if seen.again(key) {
                return twice(at, utf8(at, &name)?);
            }
            self.field(key, cursor, events)?;
        }
        if self.keyed == Keyed::Yes && !self.key.is_empty() {
            self.put_key_before_value(cursor, events)?;
        }
        Ok(())
    }

    #[inline]
    fn field<'a>(&mut self, key: Key, cursor: &mut impl Syntax<'a>, events: &mut Events) -> Parse<()> {
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
                self.fields.index = match cursor.integer() {
                    Some(index) => Some(index),
                    None => {
                        self.scratch(cursor)?;
                        ValueRef::new(&self.scratch).as_int()
                    }
                };
            }
            Key::Node => match self.text(cursor)? {
                Some(node) => {
                    let at = cursor.at();
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

    fn scratch<'a>(&mut self, cursor: &mut impl Syntax<'a>) -> Parse<()> {
        self.scratch.clear();
        cursor.value(&mut ValueWriter::new(&mut self.scratch), 1)
    }

    /// A value, if it is text; otherwise it lies in `scratch`.
    fn text<'a>(&mut self, cursor: &mut impl Syntax<'a>) -> Parse<Option<String>> {
        self.scratch(cursor)?;
        Ok(ValueRef::new(&self.scratch).as_str().map(str::to_owned))
    }

    fn event_type<'a>(&mut self, cursor: &mut impl Syntax<'a>) -> Parse<EventType> {
        let at = cursor.at();
        let Some(word) = cursor.word()? else {
            return wrong(at, "expected the type: invoke, ok, fail or info");
        };
        match word.strip_prefix(b":").unwrap_or(&word) {
            b"invoke" => Ok(EventType::Invoke),
            b"ok" => Ok(EventType::Ok),
            b"fail" => Ok(EventType::Fail),
            b"info" => Ok(EventType::Info),
            _ => wrong(
                at,
                format!("the type is invoke, ok, fail or info, not `{}`", shortened(utf8(at, &word)?)),
            ),
        }
    }

    #[inline]
    fn process<'a>(&mut self, cursor: &mut impl Syntax<'a>) -> Parse<Who> {
        let at = cursor.at();
        if let Some(number) = cursor.integer() {
            return match Process::client(number as u64) {
                Some(process) => Ok(Who::Known(process)),
                None => wrong(at, not_a_process(&number)),
            };
        }
        self.scratch(cursor)?;
        let value = ValueRef::new(&self.scratch);
        if let Some(process) = value.as_int().and_then(|n| Process::client(u64::try_from(n).ok()?)) {
            return Ok(Who::Known(process));
        }
        if value.is_nil() {
            return Ok(Who::Unsaid);
        }
        match value.as_str() {
            Some("nemesis" | ":nemesis") => Ok(Who::Known(Process::NEMESIS)),
            Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() => {
                match text.parse().ok().and_then(Process::client) {
                    Some(process) => Ok(Who::Known(process)),
                    None => wrong(at, not_a_process(&value)),
                }
            }
            _ => wrong(at, not_a_process(&value)),
        }
    }

    fn name<'a>(&mut self, cursor: &mut impl Syntax<'a>, events: &mut Events) -> Parse<Option<NameId>> {
        let at = cursor.at();
        let text = match cursor.word()? {
            Some(text) => text,
            None => match self.text(cursor)? {
                Some(text) => text.into_bytes().into(),
                None if ValueRef::new(&self.scratch).is_nil() => return Ok(None),
                None => return wrong(at, "expected the function that was called, such as :read"),
            },
        };
        if let Some((_, name)) = self.recent.iter().find(|(name, _)| **name == *text) {
            return Ok(Some(*name));
        }
        match events.name(utf8(at, &text)?) {
            Ok(name) => {
                if self.recent.len() < RECENT {
                    self.recent.push((text.into(), name));
                }
                Ok(Some(name))
            }
            Err(error) => wrong(at, error.to_string()),
        }
    }

    /// Nanoseconds; what is before the run began is its beginning.
    fn time<'a>(&mut self, cursor: &mut impl Syntax<'a>) -> Parse<Option<u64>> {
        let at = cursor.at();
        if let Some(time) = cursor.integer() {
            return Ok(Some(time as u64));
        }
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

    fn put_key_before_value<'a>(&mut self, cursor: &impl Syntax<'a>, events: &mut Events) -> Parse<()> {
        self.scratch.clear();
        self.scratch.extend_from_slice(events.written().as_bytes());
        let mut writer = events.value();
        let pair = writer.begin();
        writer.copy(ValueRef::new(&self.key));
        writer.copy(ValueRef::new(&self.scratch));
        encoded(cursor.at(), writer.end_list(pair, 2))
    }
}

/// What is written, or why it cannot be.
pub(crate) fn encoded(at: usize, result: Result<(), EncodeError>) -> Parse<()> {
    match result {
        Ok(()) => Ok(()),
        Err(error) => wrong(at, error.to_string()),
    }
}

fn not_a_process(value: &dyn std::fmt::Display) -> String {
    format!(
        "a process is a number from 0 to {} or nemesis, not {}",
        Process::MAX_CLIENT,
        shortened(&value.to_string())
    )
}

fn twice<T>(at: usize, name: &str) -> Parse<T> {
    wrong(at, format!("the key `{}` stands twice in one operation", shortened(name)))
}
