//! What our generator of register histories writes: JSON lines with short keys, after a line that
//! describes the whole.
//!
//! ```text
//! {"type":"meta","workload":"rw","ops":1000,"clients":5,"expect":"ok"}
//! {"i":0,"t":21069,"p":2,"type":"invoke","f":"r","k":0,"v":null}
//! {"i":1,"t":2697258,"p":2,"type":"ok","f":"r","k":0,"v":0}
//! ```
//! `r`, `w` and `cas` are `read`, `write` and `cas`; key and value are the pair `[k, v]`. 0 is what a
//! register holds that was never written, nil.

use std::io::BufRead;

use super::FormatError;
use super::events::{Events, Fields, Who};
use super::json::text::{Cursor, Dialect};
use super::operation::encoded;
use super::source::{Parse, Source, wrong};
use crate::event::{EventType, Process};
use crate::history::History;
use crate::tape::{ValueRef, ValueWriter};

/// Reads a history.
///
/// # Errors
/// The first line that is none of the format, or breaks a rule of histories.
pub fn read(input: impl BufRead) -> Result<History, FormatError> {
    let mut source = Source::new(input);
    let mut events = Events::new();
    while let Some((line, length)) = source.line()? {
        let parsed = if line.trim_ascii().is_empty() { Ok(None) } else { parse(line, &mut events) };
        match parsed {
            Ok(Some(fields)) => {
                let pushed = events.push(fields, || source.place(0).0);
                pushed.map_err(|refused| refused.at(&source, 0))?;
            }
            Ok(None) => {}
            Err(stop) => return Err(source.error(stop)),
        }
        source.consume(length);
    }
    events.finish()
}

/// Whether a line is the one that describes the whole.
pub(super) fn looks_like(line: &[u8]) -> bool {
    line.starts_with(b"{\"type\":\"meta\"") || line.starts_with(b"{\"i\":")
}

/// The fields of a line; `None` for the one that describes the whole.
fn parse(line: &[u8], events: &mut Events) -> Parse<Option<Fields>> {
    let mut cursor = Cursor::new(line, true, Dialect::FromEdn);
    let (mut key, mut value) = (Vec::new(), Vec::new());
    let mut scratch = Vec::new();
    let mut fields = Fields::default();
    let mut cas = false;
    cursor.skip();
    if cursor.peek()? != b'{' {
        return cursor.wrong("expected an event, such as {\"i\":0,\"t\":1,\"p\":2,\"type\":\"invoke\",\"f\":\"r\",\"k\":0,\"v\":null}");
    }
    cursor.at += 1;
    let mut first = true;
    while cursor.another(first, b'}')? {
        first = false;
        let name = cursor.key()?;
        cursor.skip();
        let at = cursor.at;
        let into = match &*name {
            "k" => &mut key,
            "v" => &mut value,
            _ => &mut scratch,
        };
        into.clear();
        cursor.value(&mut ValueWriter::new(into), 1)?;
        let scalar = ValueRef::new(&scratch);
        match &*name {
            "i" => fields.index = scalar.as_int(),
            "t" => fields.time = scalar.as_int().and_then(|time| u64::try_from(time).ok()),
            "p" => {
                let process = scalar.as_int().and_then(|n| Process::client(u64::try_from(n).ok()?));
                let Some(process) = process else { return wrong(at, "expected a process, a number from 0") };
                fields.who = Who::Known(process);
            }
            "type" => {
                fields.event_type = Some(match scalar.as_str() {
                    Some("meta") => return Ok(None),
                    Some("invoke") => EventType::Invoke,
                    Some("ok") => EventType::Ok,
                    Some("fail") => EventType::Fail,
                    Some("info") => EventType::Info,
                    _ => return wrong(at, "the type is invoke, ok, fail or info"),
                });
            }
            "f" => {
                let f = match scalar.as_str() {
                    Some("r") => "read",
                    Some("w") => "write",
                    Some("cas") => "cas",
                    _ => return wrong(at, "the function is r, w or cas"),
                };
                cas = f == "cas";
                fields.f = Some(events.name(f).or_else(|error| wrong(at, error.to_string()))?);
            }
            _ => {}
        }
    }
    cursor.skip();
    if !cursor.is_at_end() {
        return cursor.wrong("expected the end of the line");
    }
    if key.is_empty() || value.is_empty() {
        return wrong(0, "this event has no key `k`, or no value `v`");
    }
    let mut writer = events.value();
    let pair = writer.begin();
    writer.copy(ValueRef::new(&key));
    match ValueRef::new(&value).as_pair().filter(|_| cas) {
        Some((from, to)) => {
            let list = writer.begin();
            writer.copy(or_nil(from));
            writer.copy(or_nil(to));
            encoded(0, writer.end_list(list, 2))?;
        }
        None => writer.copy(or_nil(ValueRef::new(&value))),
    }
    encoded(0, writer.end_list(pair, 2))?;
    Ok(Some(fields))
}

fn or_nil(value: ValueRef<'_>) -> ValueRef<'_> {
    if value.as_int() == Some(0) { ValueRef::NIL } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_events() {
        let text = "{\"type\":\"meta\",\"ops\":2}\n\
                    {\"i\":0,\"t\":21,\"p\":2,\"type\":\"invoke\",\"f\":\"r\",\"k\":3,\"v\":null}\n\
                    {\"i\":1,\"t\":22,\"p\":4,\"type\":\"invoke\",\"f\":\"cas\",\"k\":3,\"v\":[0,1]}\n\
                    {\"i\":2,\"t\":23,\"p\":2,\"type\":\"ok\",\"f\":\"r\",\"k\":3,\"v\":0}\n";
        let history = read(text.as_bytes()).unwrap();
        let events: Vec<String> = history
            .events()
            .map(|event| {
                format!(
                    "{} {} {} {} {}",
                    event.time,
                    event.process,
                    event.event_type.as_str(),
                    event.f,
                    event.value
                )
            })
            .collect();
        assert_eq!(
            events,
            ["21 2 invoke read [3,null]", "22 4 invoke cas [3,[null,1]]", "23 2 ok read [3,null]"]
        );
        for (from, to, expected) in [
            ("\"p\":2", "\"p\":-2", "line 2, column 19: expected a process"),
            ("\"f\":\"r\"", "\"f\":\"x\"", "the function is r, w or cas"),
            ("\"k\":3,", "", "line 2, column 1: this event has no key `k`"),
            ("null}", "null} 1", "line 2, column 61: expected the end of the line"),
            ("\"i\":2", "\"i\":0", "line 4, column 1: index 0 after index 1"),
        ] {
            let error =
                read(text.replace(from, to).as_bytes()).map(|history| history.len()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\nshould contain\n{expected}");
        }
    }
}
