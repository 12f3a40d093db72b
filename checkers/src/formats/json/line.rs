//! A line of `history.jsonl` as our recorder lays it out, straight onto a tape.
//!
//! Whatever else is JSON, and whatever is wrong, is left to serde_json, which then has the last word:
//! a line means the same on both ways.

use super::text::{Cursor, Dialect};
use crate::event::{EventType, Process};
use crate::history::{EventHead, HistoryBuilder, NameId};

/// Names that came last, so that few of them are looked up in a table.
#[derive(Default)]
pub(crate) struct RecentNames {
    names: Vec<(Box<str>, NameId)>,
}

/// How many names are remembered.
const RECENT: usize = 8;

impl RecentNames {
    #[inline]
    fn id(&mut self, text: &str, builder: &mut HistoryBuilder) -> Option<NameId> {
        for (name, id) in &self.names {
            if **name == *text {
                return Some(*id);
            }
        }
        let id = builder.name(text).ok()?;
        if self.names.len() < RECENT {
            self.names.push((text.into(), id));
        }
        Some(id)
    }
}

/// Reads the line with which `bytes` begins, with its line end: its value is written, and its head
/// and its length are returned. `None` if it is not plain, or does not end in `bytes`.
#[inline]
pub(crate) fn read(
    bytes: &[u8],
    index: u64,
    builder: &mut HistoryBuilder,
    names: &mut RecentNames,
) -> Option<(EventHead, usize)> {
    let mut line = Cursor::new(bytes, false, Dialect::Ours);
    if !line.passes(b"{\"index\":") || line.short_integer()? != index || !line.passes(b",\"time\":") {
        return None;
    }
    let time = line.short_integer()?;
    if !line.passes(b",\"process\":") {
        return None;
    }
    let process = match line.short_integer() {
        Some(number) => Process::client(number)?,
        None if line.passes(b"\"nemesis\"") => Process::NEMESIS,
        None => return None,
    };
    if !line.passes(b",\"type\":\"") {
        return None;
    }
    let event_type = match line.peek().ok()? {
        b'o' if line.passes(b"ok\"") => EventType::Ok,
        b'f' if line.passes(b"fail\"") => EventType::Fail,
        b'i' if line.passes(b"invoke\"") => EventType::Invoke,
        b'i' if line.passes(b"info\"") => EventType::Info,
        _ => return None,
    };
    if !line.passes(b",\"f\":") || line.peek().ok()? != b'"' {
        return None;
    }
    let f = names.id(&line.string().ok()?, builder)?;
    if !line.passes(b",\"value\":") {
        return None;
    }
    // Nesting that serde_json, which counts otherwise, takes for too deep is left to it.
    line.value(&mut builder.value(), 2).ok()?;
    let node = if line.passes(b",\"node\":") {
        if line.peek().ok()? != b'"' {
            return None;
        }
        Some(names.id(&line.string().ok()?, builder)?)
    } else {
        None
    };
    if !line.passes(b"}\n") {
        return None;
    }
    Some((EventHead { time, process, event_type, f, node, extra: None }, line.at))
}
