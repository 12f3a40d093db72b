//! What Jepsen logs: `jepsen.log`, `history.txt`, and the logs among Porcupine's tests.
//!
//! ```text
//! INFO  jepsen.util - 0  :invoke  :read  nil
//! INFO  jepsen.util - 2  :invoke  :write  4
//! INFO  jepsen.util - 0  :ok  :read  nil
//! INFO  jepsen.util - 2  :info  :write  :timed-out
//! ```
//! An operation is a process, a type, a function, a value in EDN and maybe an error, with anything
//! before; lines without these are chatter and are passed over. A keyword in the place of the value of
//! a `:fail` or an `:info` says why it is one, and is the error. There is no time: only the order counts.

use std::io::BufRead;

use super::FormatError;
use super::edn::text::Cursor;
use super::events::{Events, Fields, Who};
use super::operation::{Syntax, encoded};
use super::source::{Parse, Source, Stop, Wrong, wrong};
use crate::event::{EventType, Process};
use crate::history::History;
use crate::tape::{ValueRef, ValueWriter};
use crate::value::Value;

/// Reads a history.
///
/// # Errors
/// The first operation that is none, or breaks a rule of histories; that no line is an operation.
pub fn read(input: impl BufRead) -> Result<History, FormatError> {
    let mut source = Source::new(input);
    let mut events = Events::new();
    let mut number = 0;
    let mut nothing_but_chatter = false;
    while let Some((line, length)) = source.line()? {
        number += 1;
        let at = |stop| error(stop, number);
        match Logged::find(line).map_err(at)? {
            Some(logged) => {
                let fields = logged.read(&mut events).map_err(at)?;
                events.push(fields, || number).map_err(|refused| refused.at(&source, 0))?;
                nothing_but_chatter = false;
            }
            None => nothing_but_chatter |= events.is_empty() && !line.trim_ascii().is_empty(),
        }
        source.consume(length);
    }
    if nothing_but_chatter {
        let reason =
            "no line is an operation, such as `0\t:invoke\t:read\tnil`; is this a log of Jepsen?".into();
        return Err(FormatError::Syntax { line: 1, column: 1, reason });
    }
    events.finish()
}

/// Whether a line is an operation.
pub(super) fn looks_like(line: &[u8]) -> bool {
    matches!(Logged::find(line), Ok(Some(_)))
}

fn error(stop: Stop, line: usize) -> FormatError {
    match stop {
        Stop::More => FormatError::CutOff { line },
        Stop::Wrong(wrong) => {
            let Wrong { offset, reason } = *wrong;
            FormatError::Syntax { line, column: offset + 1, reason }
        }
    }
}

/// An operation in a line.
struct Logged<'a> {
    line: &'a [u8],
    process: Process,
    event_type: EventType,
    f: &'a str,
    /// Where value and error begin.
    rest: usize,
}

impl<'a> Logged<'a> {
    fn find(line: &'a [u8]) -> Parse<Option<Self>> {
        let mut at = 0;
        let mut before = None;
        while let Some((start, end)) = word(line, at) {
            at = end;
            let process = before.replace(process(&line[start..end]));
            let Some(Some(process)) = process else { continue };
            let event_type = match &line[start..end] {
                b":invoke" => EventType::Invoke,
                b":ok" => EventType::Ok,
                b":fail" => EventType::Fail,
                b":info" => EventType::Info,
                _ => continue,
            };
            let Some((start, end)) = word(line, end) else {
                return wrong(line.len(), "the function that was called is missing");
            };
            let f = super::json::text::utf8(start, &line[start..end])?;
            let f = f.strip_prefix(':').unwrap_or(f);
            return Ok(Some(Logged { line, process, event_type, f, rest: end }));
        }
        Ok(None)
    }

    fn read(&self, events: &mut Events) -> Parse<Fields> {
        let f = events.name(self.f).or_else(|error| wrong(0, error.to_string()))?;
        let mut fields = Fields {
            who: Who::Known(self.process),
            event_type: Some(self.event_type),
            f: Some(f),
            ..Fields::default()
        };
        // A keyword is where a value should be.
        let unhappy = matches!(self.event_type, EventType::Fail | EventType::Info);
        let word = word(self.line, self.rest);
        let mut cursor = Cursor::new(self.line, true);
        cursor.pass_to(self.rest);
        let instead = unhappy && word.is_some_and(|(start, _)| self.line[start] == b':');
        if self.process.is_nemesis() {
            // A fault is described in whatever way, up to a tab.
            let start = word.map_or(self.line.len(), |(start, _)| start);
            let length = self.line[start..].iter().position(|byte| *byte == b'\t');
            let text = &self.line[start..length.map_or(self.line.len(), |length| start + length)];
            match (text.is_empty(), edn(text)) {
                (true, _) => events.value().nil(),
                (_, Some(bytes)) => events.value().copy(ValueRef::new(&bytes)),
                (_, None) => encoded(start, events.value().str(&String::from_utf8_lossy(text)))?,
            }
            cursor.pass_to(start + text.len());
        } else if instead {
            events.value().nil();
        } else {
            value(&mut cursor, &mut events.value())?;
        }
        if let Some(error) = self.error(&cursor).filter(|error| !error.is_nil()) {
            fields.extra.get_or_insert_default().error = Some(error);
        }
        Ok(fields)
    }

    /// What stands behind the value: EDN, or else the text as it is.
    fn error(&self, cursor: &Cursor<'_>) -> Option<Value> {
        let rest = self.line[cursor.at()..].trim_ascii();
        if rest.is_empty() {
            return None;
        }
        Some(match edn(rest) {
            Some(bytes) => ValueRef::new(&bytes).to_value(),
            None => String::from_utf8_lossy(rest).into_owned().into(),
        })
    }
}

/// The value that `text` is as a whole.
fn edn(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut cursor = Cursor::new(text, true);
    value(&mut cursor, &mut ValueWriter::new(&mut bytes)).and_then(|()| cursor.skip_space()).ok()?;
    cursor.is_at_end().then_some(bytes)
}

/// A value, or nothing, which is nil.
fn value(cursor: &mut Cursor<'_>, writer: &mut ValueWriter<'_>) -> Parse<()> {
    cursor.skip_space()?;
    if cursor.is_at_end() {
        writer.nil();
        return Ok(());
    }
    cursor.value(writer, 0)
}

/// Where the next word begins and ends.
fn word(line: &[u8], from: usize) -> Option<(usize, usize)> {
    let start = from + line[from..].iter().position(|byte| !byte.is_ascii_whitespace())?;
    let length = line[start..].iter().position(u8::is_ascii_whitespace).unwrap_or(line.len() - start);
    Some((start, start + length))
}

fn process(word: &[u8]) -> Option<Process> {
    match word {
        b":nemesis" | b"nemesis" => Some(Process::NEMESIS),
        _ if word.iter().all(u8::is_ascii_digit) => {
            Process::client(std::str::from_utf8(word).ok()?.parse().ok()?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_found_among_chatter() {
        let log = "2024-01-01 00:00:00,123{GMT}\tINFO\t[main] jepsen.core: Running test:\n\
                   2024-01-01 00:00:01,000{GMT}\tINFO\t[jepsen worker 0] jepsen.util: 0\t:invoke\t:cas\t[1 2]\n\
                   \n\
                   INFO  jepsen.util - :nemesis\t:info\t:start\t[:isolated {\"n1\" #{\"n2\"}}]\n\
                   INFO  jepsen.util - :nemesis\t:info\t:start\tCut off #<Foo>\n\
                   INFO  jepsen.util - 0   :info   :cas    :timed-out\n\
                   12\t:invoke\t:read\tnil\r\n\
                   12\t:ok\t:read\t7\t\n\
                   12\t:invoke\t:read\n\
                   12\t:fail\t:read\tnil\tconnection refused: n1\n";
        let history = read(log.as_bytes()).unwrap();
        let lines: Vec<String> = history
            .events()
            .map(|event| {
                format!("{} {} {} {}", event.process, event.event_type.as_str(), event.f, event.value)
            })
            .collect();
        assert_eq!(
            lines,
            [
                "0 invoke cas [1,2]",
                "nemesis info start [\"isolated\",{\"n1\":[\"n2\"]}]",
                "nemesis info start \"Cut off #<Foo>\"",
                "0 info cas null",
                "12 invoke read null",
                "12 ok read 7",
                "12 invoke read null",
                "12 fail read null",
            ]
        );
        assert_eq!(history.event(3).error(), Some(&Value::from("timed-out")));
        assert_eq!(history.event(7).error(), Some(&Value::from("connection refused: n1")));
        assert!(read(&b""[..]).unwrap().is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (log, expected) in [
            ("hello\nworld\n", "line 1, column 1: no line is an operation"),
            ("a 1 :invoke :w [1\n", "line 1: the file ends in the middle"),
            ("x\na 1 :invoke :w 007\n", "line 2, column 16: the number `007` begins with 0"),
            ("1 :invoke", "line 1, column 10: the function that was called is missing"),
            ("1 :ok :w 1\n1 :invoke :w 2", "process 1 invokes, but the events before are completions"),
            (
                "1 :invoke :w 1\n1 :invoke :w 2\n",
                "line 2: process 1 invokes again although its operation at event 0",
            ),
        ] {
            let error = read(log.as_bytes()).map(|history| history.len()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\nshould contain\n{expected}");
        }
    }
}
