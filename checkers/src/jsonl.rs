//! `history.jsonl`: a JSON object per line, in the order of events.
//!
//! ```text
//! {"index":0,"time":3291485,"process":0,"type":"invoke","f":"write","value":["k1",7]}
//! {"index":1,"time":3565403,"process":0,"type":"ok","f":"write","value":["k1",7],"node":"n2"}
//! ```
//! Line *n* holds index *n* − 1, so an index names its line.

use std::fmt;
use std::io::{self, BufRead, Read};

use crate::event::{Event, EventType, Extra, Name, Process};
use crate::formats::json::line::{self as plain, RecentNames};
use crate::history::{History, HistoryBuilder, Rules};
use crate::value::Value;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

mod error;

pub use error::ReadError;

/// Longest line that is read, in bytes; what is longer is refused before it is held in memory.
pub const MAX_LINE_BYTES: usize = 16 << 20;

/// Longest part of a parser's reason that is told, in characters: it may quote the line.
const MAX_REASON: usize = 300;

/// Appends the line of `event` at `index`, with its line end, to `out`.
///
/// # Errors
/// Never with values that came from JSON; a serializer's error otherwise.
pub fn write_event(out: &mut Vec<u8>, index: u64, event: &Event) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Line { index, event })?;
    out.push(b'\n');
    Ok(())
}

struct Line<'a> {
    index: u64,
    event: &'a Event,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.event;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("index", &self.index)?;
        map.serialize_entry("time", &event.time)?;
        match event.process.number() {
            Some(number) => map.serialize_entry("process", &number)?,
            None => map.serialize_entry("process", "nemesis")?,
        }
        map.serialize_entry("type", &event.event_type)?;
        map.serialize_entry("f", event.f.as_str())?;
        map.serialize_entry("value", &event.value)?;
        if let Some(node) = &event.node {
            map.serialize_entry("node", node.as_str())?;
        }
        if let Some(extra) = &event.extra {
            if let Some(error) = &extra.error {
                map.serialize_entry("error", error)?;
            }
            if let Some(outcome) = &extra.outcome {
                map.serialize_entry("outcome", outcome)?;
            }
            if let Some(evidence) = &extra.evidence {
                map.serialize_entry("evidence", evidence)?;
            }
            for (key, value) in &extra.other {
                map.serialize_entry(key, value)?;
            }
        }
        map.end()
    }
}

/// What to do with a last line that has no line end: a writer was killed in the middle of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TornTail {
    /// An error: a file that somebody hands us must be whole.
    Refuse,
    /// Left out, and reported in [`Reading::torn_bytes`]: our own history after a crash.
    Drop,
}

/// What a reader found.
#[derive(Debug)]
pub struct Reading {
    /// The history.
    pub history: History,
    /// Length of a torn last line that was left out; 0 if there was none.
    pub torn_bytes: usize,
}

/// Reads a whole history.
///
/// # Errors
/// The first line that is not an event or breaks a rule of histories.
pub fn read(mut input: impl BufRead, torn_tail: TornTail) -> Result<Reading, ReadError> {
    let mut builder = HistoryBuilder::new(Rules::STRICT);
    let mut names = RecentNames::default();
    let mut buffer = Vec::new();
    let mut torn_bytes = 0;
    loop {
        read_plain_lines(&mut input, &mut builder, &mut names)?;
        let line = builder.len() + 1;
        buffer.clear();
        let limit = MAX_LINE_BYTES as u64 + 1;
        let read = (&mut input)
            .take(limit)
            .read_until(b'\n', &mut buffer)
            .map_err(|source| ReadError::Io { line, source })?;
        if read == 0 {
            break;
        }
        if buffer.last() != Some(&b'\n') {
            if read as u64 == limit {
                return Err(ReadError::LineTooLong { line });
            }
            match torn_tail {
                TornTail::Refuse => return Err(ReadError::Truncated { line, bytes: read }),
                TornTail::Drop => {
                    torn_bytes = read;
                    break;
                }
            }
        }
        let pushed = match plain::read(&buffer, line as u64 - 1, &mut builder, &mut names) {
            Some((head, _)) => builder.push(head),
            None => builder.push_event(&parse_line(&buffer, line)?),
        };
        pushed.map_err(|error| ReadError::History { line, error })?;
    }
    Ok(Reading { history: builder.finish(), torn_bytes })
}

/// Reads the plain lines that lie whole in the reader's buffer, up to the first one that is not.
fn read_plain_lines(
    input: &mut impl BufRead,
    builder: &mut HistoryBuilder,
    names: &mut RecentNames,
) -> Result<(), ReadError> {
    let bytes = match input.fill_buf() {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
        Err(source) => return Err(ReadError::Io { line: builder.len() + 1, source }),
    };
    let mut done = 0;
    while let Some((head, length)) = plain::read(&bytes[done..], builder.len() as u64, builder, names) {
        if length > MAX_LINE_BYTES {
            break;
        }
        let line = builder.len() + 1;
        builder.push(head).map_err(|error| ReadError::History { line, error })?;
        done += length;
    }
    input.consume(done);
    Ok(())
}

fn parse_line(text: &[u8], line: usize) -> Result<Event, ReadError> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let syntax = |error: serde_json::Error| {
        let reason = error.to_string();
        // serde_json adds its own position, which counts from the start of this line.
        let reason = reason.split(" at line ").next().unwrap_or(&reason);
        let reason: String = reason.chars().take(MAX_REASON).collect();
        ReadError::Syntax { line, column: error.column(), reason }
    };
    let (index, event) = EventSeed.deserialize(&mut json).map_err(syntax)?;
    json.end().map_err(syntax)?;
    let expected = line as u64 - 1;
    match index {
        Some(index) if index != expected => Err(ReadError::Index { line, index, expected }),
        _ => Ok(event),
    }
}

struct EventSeed;

impl<'de> DeserializeSeed<'de> for EventSeed {
    type Value = (Option<u64>, Event);
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for EventSeed {
    type Value = (Option<u64>, Event);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event: an object with time, process, type, f and value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut index, mut time, mut process, mut event_type) = (None, None, None, None);
        let (mut f, mut value, mut node) = (None, None, None);
        let mut extra: Option<Box<Extra>> = None;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Index => set(&mut index, "index", map.next_value::<Option<u64>>()?)?,
                Key::Time => set(&mut time, "time", map.next_value::<u64>()?)?,
                Key::Process => set(&mut process, "process", map.next_value_seed(ProcessSeed)?)?,
                Key::Type => set(&mut event_type, "type", map.next_value::<EventType>()?)?,
                Key::F => set(&mut f, "f", map.next_value_seed(NameSeed)?)?,
                Key::Value => set(&mut value, "value", map.next_value::<Value>()?)?,
                Key::Node => set(&mut node, "node", map.next_value_seed(NodeSeed)?)?,
                Key::Error => extra.get_or_insert_default().error = map.next_value::<Option<Value>>()?,
                Key::Outcome => extra.get_or_insert_default().outcome = map.next_value()?,
                Key::Evidence => extra.get_or_insert_default().evidence = map.next_value()?,
                Key::Other(name) => {
                    let value = map.next_value()?;
                    extra.get_or_insert_default().other.insert(name, value);
                }
            }
        }
        let missing = |field| move || de::Error::missing_field(field);
        let process: Process = process.ok_or_else(missing("process"))?;
        let event_type = event_type.ok_or_else(missing("type"))?;
        // Whoever forgot to record what a read was told must not be told that it was null.
        let may_say_nothing = process.is_nemesis() || matches!(event_type, EventType::Fail | EventType::Info);
        let value = match value {
            None if !may_say_nothing => {
                return Err(de::Error::custom(
                    "missing field `value`; write null if there is nothing to say",
                ));
            }
            value => value.unwrap_or_default(),
        };
        let event = Event {
            time: time.ok_or_else(missing("time"))?,
            process,
            event_type,
            f: f.ok_or_else(missing("f"))?,
            value,
            node: node.flatten(),
            extra,
        };
        Ok((index.flatten(), event))
    }
}

fn set<T, E: de::Error>(slot: &mut Option<T>, field: &'static str, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(field)),
    }
}

enum Key {
    Index,
    Time,
    Process,
    Type,
    F,
    Value,
    Node,
    Error,
    Outcome,
    Evidence,
    Other(String),
}

impl<'de> de::Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }
            fn visit_str<E: de::Error>(self, key: &str) -> Result<Key, E> {
                Ok(match key {
                    "index" => Key::Index,
                    "time" => Key::Time,
                    "process" => Key::Process,
                    "type" => Key::Type,
                    "f" => Key::F,
                    "value" => Key::Value,
                    "node" => Key::Node,
                    "error" => Key::Error,
                    "outcome" => Key::Outcome,
                    "evidence" => Key::Evidence,
                    other => Key::Other(other.to_owned()),
                })
            }
        }
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = Name;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name in quotes")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Name, E> {
        Ok(Name::from(text))
    }
}

struct NodeSeed;

impl<'de> DeserializeSeed<'de> for NodeSeed {
    type Value = Option<Name>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed {
    type Value = Option<Name>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node's name in quotes, or null")
    }
    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        NameSeed.deserialize(deserializer).map(Some)
    }
}

struct ProcessSeed;

impl<'de> DeserializeSeed<'de> for ProcessSeed {
    type Value = Process;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Process, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for ProcessSeed {
    type Value = Process;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a process: a number from 0 to {}, or \"nemesis\"", Process::MAX_CLIENT)
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Process, E> {
        Process::client(number).ok_or_else(|| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Process, E> {
        match text {
            "nemesis" => Ok(Process::NEMESIS),
            other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
        }
    }
}

/// Whether this looks like a history in JSON lines: its first line is an object with `process`.
pub fn looks_like(first_line: &[u8]) -> bool {
    #[derive(serde::Deserialize)]
    struct Sniff {
        #[serde(rename = "process")]
        _process: IgnoredAny,
    }
    serde_json::from_slice::<Sniff>(first_line).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"write","value":["k1",7]}
{"index":1,"time":2,"process":1,"type":"invoke","f":"read","value":["k1",null]}
{"index":2,"time":2,"process":"nemesis","type":"info","f":"kill","value":{"nodes":["n1"]},"outcome":"installed","evidence":{"pid":7}}
{"index":3,"time":3,"process":0,"type":"info","f":"write","value":["k1",7],"node":"n2","error":"timeout","trace":"x"}
"#;

    fn error_of(text: &str) -> String {
        read(text.as_bytes(), TornTail::Refuse).map(|r| r.history.len()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_read_is_written_again_to_the_letter() {
        let reading = read(GOOD.as_bytes(), TornTail::Refuse).unwrap();
        let mut out = Vec::new();
        for (index, event) in reading.history.events().enumerate() {
            write_event(&mut out, index as u64, &event.to_event()).unwrap();
        }
        assert_eq!(String::from_utf8(out).unwrap(), GOOD);
        assert_eq!(reading.history.operations().count(), 2);
    }

    #[test]
    fn a_bad_line_is_named_with_its_reason() {
        let (one, rest) = GOOD.split_once('\n').unwrap();
        let cases = [
            (format!("{one}\nnot json\n"), "line 2, column 2: expected ident"),
            (format!("{one}\n{one}\n"), "line 2: index 0 where 1 was expected"),
            (format!("{one}\n{}", &rest[..20]), "line 2: the file is cut off"),
            (one.replace("\"time\":1,", "") + "\n", "line 1, column 68: missing field `time`"),
            (one.replace(":0,\"type", ":-1,\"type") + "\n", "invalid type: integer `-1`, expected a process"),
            (one.replace('7', "99999999999999999999") + "\n", "does not fit in 64 bits"),
            (one.replace("\"invoke\"", "\"started\"") + "\n", "unknown variant `started`"),
            (
                GOOD.replace("\"time\":3", "\"time\":1"),
                "line 4: time 1 is before the previous event's 2; events must be in time order",
            ),
        ];
        for (text, expected) in cases {
            let error = error_of(&text);
            assert!(error.contains(expected), "{error}\nshould contain\n{expected}");
        }
    }

    /// Every line by itself, by the general way.
    fn read_generally(text: &[u8]) -> Result<Vec<Event>, ()> {
        let mut builder = HistoryBuilder::new(Rules::STRICT);
        for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            if line.last() != Some(&b'\n') {
                return Err(());
            }
            builder.push_event(&parse_line(line, number + 1).map_err(drop)?).map_err(drop)?;
        }
        Ok(builder.finish().events().map(|event| event.to_event()).collect())
    }

    #[test]
    fn a_plain_line_means_what_it_means_in_general() {
        let plain = GOOD.split_inclusive('\n').take(2).collect::<String>();
        let values = [
            "null",
            "true",
            "-0",
            "0",
            "00",
            "-1",
            "1.0",
            "1.5",
            "1e3",
            "123456789012345678",
            "9223372036854775807",
            "9223372036854775808",
            "\"\"",
            "\"a b\"",
            "\"\u{e9}\"",
            "\"\\u00e9\"",
            "\"\u{7f}\"",
            "[]",
            "[ ]",
            "[1,2]",
            "[1, 2 ]",
            "[1,]",
            "[1\n,2]",
            "{}",
            "{\"a\":1}",
            "{\"b\":1,\"a\":[{}]}",
            "{\"a\":1,\"a\":1}",
            "[1 2]",
            "nul",
            "x",
            "",
            "[[\"append\",1,2],[\"r\",3,[1,2]]]",
        ];
        let mut texts: Vec<Vec<u8>> =
            values.iter().map(|value| GOOD.replace("null", value).into_bytes()).collect();
        for depth in [125, 126, 127, 128] {
            let nested = "[".repeat(depth) + &"]".repeat(depth);
            texts.push(GOOD.replace("null", &nested).into_bytes());
        }
        for at in 0..plain.len() {
            for byte in b"\" ,:{}[]0a-\n\\\xff\0" {
                let mut replaced = plain.clone().into_bytes();
                replaced[at] = *byte;
                texts.push(replaced.clone());
                replaced.insert(at, plain.as_bytes()[at]);
                texts.push(replaced);
            }
            let mut shorter = plain.clone().into_bytes();
            shorter.remove(at);
            texts.push(shorter);
        }
        for text in texts {
            let general = read_generally(&text);
            // A small buffer cuts lines in two, and then they are read otherwise.
            for capacity in [1, 70, 1 << 16] {
                let input = io::BufReader::with_capacity(capacity, &text[..]);
                let found = read(input, TornTail::Refuse).map_err(drop);
                let found = found
                    .map(|found| found.history.events().map(|event| event.to_event()).collect::<Vec<_>>());
                assert_eq!(found, general, "{}", String::from_utf8_lossy(&text));
            }
        }
    }

    #[test]
    fn a_value_may_be_missing_only_where_it_says_nothing() {
        let line = |process: &str, kind: &str, value: &str| {
            format!(r#"{{"time":1,"process":{process},"type":"{kind}","f":"read"{value}}}"#) + "\n"
        };
        let (null, none) = (r#","value":null"#, "");
        let invoke = line("0", "invoke", null);
        for bad in [line("0", "invoke", none), invoke.clone() + &line("0", "ok", none)] {
            let error = error_of(&bad);
            let number = bad.lines().count();
            assert!(
                error.starts_with(&format!("line {number}, ")) && error.contains("missing field `value`"),
                "{error}"
            );
        }
        for kind in ["fail", "info"] {
            let reading = read((invoke.clone() + &line("0", kind, none)).as_bytes(), TornTail::Refuse);
            assert_eq!(reading.unwrap().history.len(), 2);
        }
        let reading = read(line("\"nemesis\"", "info", none).as_bytes(), TornTail::Refuse);
        assert_eq!(reading.unwrap().history.len(), 1);
    }

    #[test]
    fn a_torn_tail_is_dropped_only_on_request() {
        let torn = &GOOD[..GOOD.len() - 5];
        assert!(matches!(read(torn.as_bytes(), TornTail::Refuse), Err(ReadError::Truncated { line: 4, .. })));
        let reading = read(torn.as_bytes(), TornTail::Drop).unwrap();
        assert_eq!(reading.history.len(), 3);
        assert!(reading.torn_bytes > 0);
    }
}
