//! Histories of dbcop, in JSON and in its text format.
//!
//! ```text
//! [[{"events":[{"Write":{"variable":0,"version":1}}],"committed":true}],
//!  [{"events":[["r",0,1],["w",1,2]],"committed":true}]]
//! ```
//! JSON: an array of sessions, alone or as `data` of an object; a session is an array of transactions.
//! An event is an object `Read` or `Write`, a triple `["r",KEY,VERSION]`, or, as the first dbcop wrote,
//! `{"write":true,"variable":0,"value":1,"success":true}`.
//!
//! ```text
//! // a comment
//! [x:=1 y==?] [x==1]!
//! ---
//! [y:=2]
//! ```
//! Text: transactions in brackets, `:=` writes and `==` reads, `==?` reads what nobody wrote; `!` marks
//! one that did not commit; a line of dashes stands between sessions.
//!
//! There is no time, only the order in a session. Reading version 0 is reading what nobody wrote,
//! unless the history writes 0 to that key. The first dbcop's binary files (bincode) are not read.

use std::collections::HashMap;
use std::io::BufRead;

use super::FormatError;
use super::json::text::{Cursor, Dialect};
use super::sessions::{Access, Sessions, TransactionId, Zero, number};
use super::source::{Parse, Source, Stop, shortened, wrong};
use crate::hash::FastHash;
use crate::history::History;
use crate::tape::{ValueRef, ValueWriter};

/// Reads a history in JSON.
///
/// # Errors
/// The first place that is not JSON, or not a session, a transaction or an event.
pub fn read_json(input: impl BufRead) -> Result<History, FormatError> {
    let mut source = Source::new(input);
    let mut reader =
        JsonReader { sessions: Sessions::default(), place: Place::Start, wrapped: false, session: 0 };
    let mut line = 1;
    loop {
        let mut cursor = Cursor::new(source.rest(), source.ended(), Dialect::FromEdn);
        match reader.step(&mut cursor, line) {
            Ok(()) => {
                let at = cursor.at;
                line += source.rest()[..at].iter().filter(|byte| **byte == b'\n').count();
                source.consume(at);
                if matches!(reader.place, Place::End) {
                    return reader.sessions.finish(Zero::IsInitial);
                }
            }
            Err(Stop::More) if !source.ended() => source.more()?,
            Err(stop) => return Err(source.error(stop)),
        }
    }
}

/// Between which things the reader stands.
#[derive(Clone, Copy, Debug)]
enum Place {
    Start,
    /// In the object around the sessions.
    Wrapper {
        first: bool,
    },
    Sessions {
        first: bool,
    },
    Session {
        first: bool,
    },
    /// Behind everything but white space.
    Tail,
    End,
}

struct JsonReader {
    sessions: Sessions,
    place: Place,
    wrapped: bool,
    session: u32,
}

impl JsonReader {
    /// Passes one thing. A window that ends too early changes nothing.
    fn step(&mut self, cursor: &mut Cursor<'_>, line: usize) -> Parse<()> {
        cursor.skip();
        self.place = match self.place {
            Place::Start => match cursor.peek()? {
                b'[' => {
                    cursor.at += 1;
                    Place::Sessions { first: true }
                }
                b'{' => {
                    cursor.at += 1;
                    self.wrapped = true;
                    Place::Wrapper { first: true }
                }
                _ => return cursor.wrong("expected the array of sessions, or an object with it as `data`"),
            },
            Place::Wrapper { first } => {
                if !cursor.another(first, b'}')? {
                    Place::Tail
                } else {
                    let key = cursor.key()?;
                    cursor.skip();
                    if key == "data" && cursor.peek()? == b'[' {
                        cursor.at += 1;
                        Place::Sessions { first: true }
                    } else {
                        cursor.value(&mut ValueWriter::new(&mut Vec::new()), 1)?;
                        Place::Wrapper { first: false }
                    }
                }
            }
            Place::Sessions { first } => {
                if cursor.another(first, b']')? {
                    if cursor.peek()? != b'[' {
                        return cursor.wrong("expected a session: an array of transactions");
                    }
                    cursor.at += 1;
                    Place::Session { first: true }
                } else if self.wrapped {
                    Place::Wrapper { first: false }
                } else {
                    Place::Tail
                }
            }
            Place::Session { first } => {
                if cursor.another(first, b']')? {
                    self.transaction(cursor, line)?;
                    Place::Session { first: false }
                } else {
                    self.session = self.session.saturating_add(1);
                    Place::Sessions { first: false }
                }
            }
            Place::Tail | Place::End => {
                if !cursor.is_at_end() {
                    cursor.peek()?;
                    return cursor.wrong("expected the end of the file behind the sessions");
                }
                Place::End
            }
        };
        Ok(())
    }

    fn transaction(&mut self, cursor: &mut Cursor<'_>, line: usize) -> Parse<()> {
        let at = cursor.at;
        let mut bytes = Vec::new();
        cursor.value(&mut ValueWriter::new(&mut bytes), 3)?;
        let value = ValueRef::new(&bytes);
        let Some(events) = value.get("events").and_then(ValueRef::as_list) else {
            return wrong(at, "expected a transaction: an object with the list `events`");
        };
        let mut accesses = Vec::with_capacity(events.len());
        let mut failed_writes = Vec::new();
        for event in events {
            let Some((access, success)) = access(event) else {
                return wrong(
                    at,
                    format!(
                        "`{}` is no event; expected {{\"Read\":{{\"variable\":0,\"version\":1}}}}, the same with `Write`, \
                         or [\"r\",0,1]; numbers fit in 64 bits",
                        shortened(&event.to_string())
                    ),
                );
            };
            match (success, access.write) {
                (true, _) => accesses.push(access),
                (false, true) => failed_writes.push(access),
                // What a read that failed was told is nothing.
                (false, false) => {}
            }
        }
        let committed = ["committed", "success"].into_iter().find_map(|key| value.get(key));
        let committed = committed.is_none_or(|committed| committed.as_bool() != Some(false));
        // Only a whole transaction is added, since a window may end in the middle of one.
        self.add(&accesses, committed, line)
            .and_then(|()| self.add(&failed_writes, false, line))
            .or_else(|_| wrong(at, "too many transactions"))
    }

    fn add(&mut self, accesses: &[Access], committed: bool, line: usize) -> Result<(), FormatError> {
        if accesses.is_empty() {
            return Ok(());
        }
        let id = self.sessions.begin(self.session, line)?;
        if !committed {
            self.sessions.abort(id);
        }
        for access in accesses {
            self.sessions.access(id, *access);
        }
        Ok(())
    }
}

/// What an event does, and whether it succeeded.
fn access(event: ValueRef<'_>) -> Option<(Access, bool)> {
    if let Some((kind, key, version)) = event.as_triple() {
        let write = match kind.as_str()? {
            "r" => false,
            "w" => true,
            _ => return None,
        };
        return Some((accessed(write, key, version)?, true));
    }
    if let Some(write) = event.get("write") {
        let accessed = accessed(write.as_bool()?, event.get("variable")?, event.get("value")?)?;
        let success = event.get("success").is_none_or(|success| success.as_bool() != Some(false));
        return Some((accessed, success));
    }
    let (write, fields) = match (event.get("Write"), event.get("Read")) {
        (Some(fields), None) => (true, fields),
        (None, Some(fields)) => (false, fields),
        _ => return None,
    };
    Some((accessed(write, fields.get("variable")?, fields.get("version")?)?, true))
}

fn accessed(write: bool, key: ValueRef<'_>, version: ValueRef<'_>) -> Option<Access> {
    let value = match version.as_int() {
        Some(version) => Some(version),
        None if version.is_nil() && !write => None,
        None => return None,
    };
    Some(Access { write, key: key.as_int()?, value })
}

/// Reads a history in text.
///
/// # Errors
/// The first line that is none of the format.
pub fn read_text(input: impl BufRead) -> Result<History, FormatError> {
    let mut source = Source::new(input);
    let mut reader = TextReader::default();
    let mut line_number = 0;
    while let Some((line, length)) = source.line()? {
        line_number += 1;
        let read = reader.line(line, line_number);
        if let Err((column, reason)) = read {
            return Err(FormatError::Syntax { line: line_number, column: column + 1, reason });
        }
        source.consume(length);
    }
    reader.sessions.finish(Zero::IsInitial)
}

#[derive(Default)]
struct TextReader {
    sessions: Sessions,
    keys: HashMap<Box<str>, i64, FastHash>,
    session: u32,
}

impl TextReader {
    fn line(&mut self, line: &[u8], number: usize) -> Result<(), (usize, String)> {
        let text = std::str::from_utf8(line)
            .map_err(|error| (error.valid_up_to(), "this is not UTF-8 text".to_owned()))?;
        let text = text.trim_end();
        if !text.is_empty() && text.bytes().all(|byte| byte == b'-') {
            self.session = self.session.saturating_add(1);
            return Ok(());
        }
        let mut at = 0;
        loop {
            at += text[at..].len() - text[at..].trim_start().len();
            let rest = &text[at..];
            if rest.is_empty() || rest.starts_with("//") {
                return Ok(());
            }
            let Some(inner) = rest.strip_prefix('[') else {
                return Err((at, "expected a transaction in brackets, such as [x:=1 y==2]".into()));
            };
            let Some(length) = inner.find(']') else {
                return Err((at, "the bracket of this transaction is not closed in its line".into()));
            };
            let transaction =
                self.sessions.begin(self.session, number).map_err(|error| (at, error.to_string()))?;
            self.events(&inner[..length], transaction).map_err(|reason| (at, reason))?;
            at += length + 2;
            if text[at..].starts_with('!') {
                self.sessions.abort(transaction);
                at += 1;
            }
        }
    }

    fn events(&mut self, text: &str, transaction: TransactionId) -> Result<(), String> {
        for event in text.split_ascii_whitespace() {
            let (write, (name, version)) = match (event.split_once(":="), event.split_once("==")) {
                (Some(parts), None) => (true, parts),
                (None, Some(parts)) => (false, parts),
                _ => return Err(format!("`{}` is no event; expected x:=1, x==1 or x==?", shortened(event))),
            };
            let value = match version {
                "?" if !write => None,
                _ => Some(self::number(version, "a version")?),
            };
            let key = match self.keys.get(name) {
                Some(key) => *key,
                None => {
                    let key = self.sessions.names() as i64;
                    self.sessions.name(name);
                    self.keys.insert(name.into(), key);
                    key
                }
            };
            self.sessions.access(transaction, Access { write, key, value });
        }
        Ok(())
    }
}

/// Whether a line is one of the text format.
pub(super) fn looks_like(line: &[u8]) -> bool {
    let mut reader = TextReader::default();
    line.trim_ascii_start().starts_with(b"[") && reader.line(line, 1).is_ok() && !reader.keys.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(history: &History) -> Vec<String> {
        assert!(history.completions_only());
        let event = |event: crate::EventRef<'_>| {
            format!("{} {} {}", event.process, event.event_type.as_str(), event.value)
        };
        history.events().map(event).collect()
    }

    #[test]
    fn json_of_every_age() {
        let sessions = r#"[[{"events":[{"Write":{"variable":0,"version":1}},{"Read":{"variable":1,"version":null}}],"committed":true},
            {"events":[],"committed":true}, {"events":[["w",0,7]],"committed":false}],
            [], [{"events":[["r",0,1],["r",1,0],{"write":false,"variable":2,"value":3,"success":false},
              {"write":true,"variable":2,"value":4,"success":false},{"write":true,"variable":2,"value":5,"success":true}],"success":true}]]"#;
        for text in [
            sessions.to_owned(),
            format!("{{\"params\":{{\"id\":[0]}},\"data\":{sessions},\"end\":\"x\"}}\n"),
        ] {
            assert_eq!(
                events(&read_json(text.as_bytes()).unwrap()),
                [
                    r#"0 ok [["w",0,1],["r",1,null]]"#,
                    r#"0 fail [["w",0,7]]"#,
                    r#"2 ok [["r",0,1],["r",1,null],["w",2,5]]"#,
                    r#"2 fail [["w",2,4]]"#,
                ]
            );
        }
        for (text, expected) in [
            ("1", "line 1, column 1: expected the array of sessions"),
            ("[1]", "column 2: expected a session"),
            ("[[1]]", "column 3: expected a transaction"),
            ("[[\n{\"events\":[1]}]]", "line 2, column 1: `1` is no event"),
            ("[[{\"events\":[[\"w\",0,99999999999999999999]]}]]", "does not fit in 64 bits"),
            ("[[]", "the file ends in the middle"),
            ("[[]] x", "column 6: expected the end of the file"),
        ] {
            let error = read_json(text.as_bytes()).map(|history| history.len()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\nshould contain\n{expected}");
        }
    }

    #[test]
    fn text_with_names() {
        let text = "// sessions\n[x:=1 y:=2] [y==2 x:=3]! // both\n---\n\n  [x==1 y==0 z==?]\n";
        assert_eq!(
            events(&read_text(text.as_bytes()).unwrap()),
            [
                r#"0 ok [["w","x",1],["w","y",2]]"#,
                r#"0 fail [["r","y",2],["w","x",3]]"#,
                r#"1 ok [["r","x",1],["r","y",null],["r","z",null]]"#,
            ]
        );
        for (text, expected) in [
            ("[x:=1\n", "line 1, column 1: the bracket of this transaction is not closed"),
            ("\n[x:=1] x\n", "line 2, column 8: expected a transaction in brackets"),
            ("[x=1]", "`x=1` is no event"),
            ("[x:=?]", "expected a version, a number, not `?`"),
        ] {
            let error = read_text(text.as_bytes()).map(|history| history.len()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\nshould contain\n{expected}");
        }
    }
}
