//! Histories of simple objects as comma-separated values, with a header that names the columns.
//!
//! With a column `type`, a row is an event, and the rows are in the order of events:
//!
//! ```text
//! process,type,f,value,time
//! 0,invoke,write,1,10
//! 0,ok,write,1,20
//! ```
//! With the columns `start` and `end`, a row is an operation, in whatever order:
//!
//! ```text
//! process,op,value,start,end
//! 0,write,1,10,20
//! 1,read,1,15,25
//! 0,cas,"[1 2]",30,
//! ```
//!
//! | column | meaning |
//! |---|---|
//! | `process` or `client` | a number, or `nemesis`. Without it every operation is a process of its own |
//! | `f` or `op` | the function |
//! | `value` | a number, `nil`, `[1 2]` or other EDN; all else is text. Empty is nil |
//! | `key` | optional: the value is then the pair `[key, value]` |
//! | `type` | `invoke`, `ok`, `fail` or `info`; in operations optional, and `ok` if it is empty |
//! | `time` | nanoseconds; optional |
//! | `start`, `end` | nanoseconds, or seconds if any of them has a fraction. An operation without an end was never answered. Where a start and an end are equal, the start comes first. An operation that begins when another one of its process begins or ends, or behind one that was never answered, is a process of its own |
//! | `index` | must rise |
//! | `node`, `error`, others | kept |
//!
//! A value that holds a comma, a quote or a space at its ends stands in quotes, and a quote in it is
//! doubled. A row is one line. An operation `read` or `get` has its result as the value, and asked for
//! nothing; all others have their argument.

use std::collections::{HashMap, HashSet};
use std::io::BufRead;

use super::FormatError;
use super::edn::text::Cursor;
use super::events::{Events, Fields, Who};
use super::operation::Syntax;
use super::source::{Source, shortened, too_large};
use crate::event::{EventType, Process};
use crate::hash::FastHash;
use crate::history::History;
use crate::tape::{ValueRef, ValueWriter};

mod stamp;

use stamp::{Stamp, Unit};

/// Reads a history.
///
/// # Errors
/// The first row that is none, or breaks a rule of histories.
pub fn read(input: impl BufRead) -> Result<History, FormatError> {
    let mut source = Source::new(input);
    let mut table = None;
    let mut line_number = 0;
    while let Some((line, length)) = source.line()? {
        line_number += 1;
        let at =
            |(column, reason): Wrong| FormatError::Syntax { line: line_number, column: column + 1, reason };
        if !line.trim_ascii().is_empty() {
            let cells = cells(line).map_err(at)?;
            match &mut table {
                None => table = Some(Table::new(&cells).map_err(|reason| at((0, reason)))?),
                Some(table) => table.row(&cells, line_number)?,
            }
        }
        source.consume(length);
    }
    table.map_or_else(|| Ok(History::default()), Table::finish)
}

/// Whether a line is a header of this format.
pub(super) fn looks_like(line: &[u8]) -> bool {
    cells(line).is_ok_and(|cells| cells.len() > 1 && Table::new(&cells).is_ok())
}

/// Column and reason.
type Wrong = (usize, String);

/// Where a cell begins, and what is in it.
type Cell = (usize, String);

fn cells(line: &[u8]) -> Result<Vec<Cell>, Wrong> {
    let text = std::str::from_utf8(line)
        .map_err(|error| (error.valid_up_to(), "this is not UTF-8 text".to_owned()))?;
    let mut cells = Vec::new();
    let mut at = 0;
    loop {
        let start = at + (text[at..].len() - text[at..].trim_start().len());
        if !text[start..].starts_with('"') {
            let end = text[at..].find(',').map_or(text.len(), |length| at + length);
            cells.push((start.min(end), text[at..end].trim().to_owned()));
            at = end;
        } else {
            let (cell, end) = quoted(text, start)?;
            cells.push((start, cell));
            at = end + (text[end..].len() - text[end..].trim_start().len());
        }
        match text.as_bytes().get(at) {
            None => return Ok(cells),
            Some(b',') => at += 1,
            Some(_) => return Err((at, "expected `,` behind the quote".into())),
        }
    }
}

fn quoted(text: &str, start: usize) -> Result<(String, usize), Wrong> {
    let mut cell = String::new();
    let mut at = start + 1;
    loop {
        let Some(length) = text[at..].find('"') else {
            return Err((start, "this quote is not closed in its line".into()));
        };
        cell.push_str(&text[at..at + length]);
        at += length + 1;
        if !text[at..].starts_with('"') {
            return Ok((cell, at));
        }
        cell.push('"');
        at += 1;
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Process,
    F,
    Value,
    Key,
    Type,
    Time,
    Start,
    End,
    Index,
    Node,
    Error,
    Other,
}

struct Table {
    names: Vec<String>,
    columns: Vec<Column>,
    /// Whether a row is an operation.
    operations: bool,
    events: Events,
    rows: Vec<Row>,
    /// That of starts and ends: seconds if any of them has a fraction.
    unit: Unit,
    /// The next process, where there is no column of them.
    made_up: u32,
    bytes: Vec<u8>,
}

/// An operation whose place in time is not known yet.
struct Row {
    line: usize,
    who: Who,
    f: crate::history::NameId,
    event_type: Option<EventType>,
    start: Stamp,
    end: Option<Stamp>,
    asked: Vec<u8>,
    told: Vec<u8>,
    extra: Option<Box<crate::Extra>>,
    node: Option<crate::history::NameId>,
}

impl Table {
    fn new(header: &[Cell]) -> Result<Self, String> {
        let names: Vec<String> = header.iter().map(|(_, name)| name.clone()).collect();
        let columns: Vec<Column> = names
            .iter()
            .map(|name| match &*name.trim_start_matches('\u{feff}').to_ascii_lowercase() {
                "process" | "client" => Column::Process,
                "f" | "op" => Column::F,
                "value" => Column::Value,
                "key" => Column::Key,
                "type" => Column::Type,
                "time" => Column::Time,
                "start" => Column::Start,
                "end" => Column::End,
                "index" => Column::Index,
                "node" => Column::Node,
                "error" => Column::Error,
                _ => Column::Other,
            })
            .collect();
        let has = |column| columns.contains(&column);
        for (at, column) in columns.iter().enumerate() {
            if *column != Column::Other && columns[..at].contains(column) {
                return Err(format!("two columns mean the same as `{}`", shortened(&names[at])));
            }
        }
        let operations = has(Column::Start) && has(Column::End);
        if !has(Column::F) || !(operations || has(Column::Type)) {
            return Err(
                "expected a header with the columns process,type,f,value or process,op,value,start,end"
                    .into(),
            );
        }
        Ok(Table {
            names,
            columns,
            operations,
            events: Events::new(),
            rows: Vec::new(),
            unit: Unit::Nanoseconds,
            made_up: 0,
            bytes: Vec::new(),
        })
    }

    fn row(&mut self, cells: &[Cell], line: usize) -> Result<(), FormatError> {
        let at = |(column, reason): Wrong| FormatError::Syntax { line, column: column + 1, reason };
        if cells.len() != self.columns.len() {
            let reason = format!("{} cells, but the header has {}", cells.len(), self.columns.len());
            return Err(at((0, reason)));
        }
        let mut row = Cells::default();
        for (position, cell) in cells.iter().enumerate() {
            self.cell(position, cell, &mut row).map_err(|reason| at((cell.0, reason)))?;
        }
        if row.f.is_empty() {
            return Err(at((0, "this row has no function".into())));
        }
        let f = self.events.name(&row.f).map_err(|error| FormatError::History { line, error })?;
        let node = match &row.node {
            Some(node) => Some(self.events.name(node).map_err(|error| FormatError::History { line, error })?),
            None => None,
        };
        if self.operations {
            return self.operation(row, f, node, line);
        }
        let value = self.pair(&row.key, &row.value).map_err(|reason| at((0, reason)))?;
        self.events.value().copy(ValueRef::new(&value));
        let fields = Fields {
            who: row.who,
            event_type: row.event_type,
            f: Some(f),
            time: row.time,
            index: row.index,
            node,
            value_is_list: false,
            extra: row.extra,
        };
        self.push(fields, line)
    }

    fn cell(&mut self, position: usize, cell: &Cell, row: &mut Cells) -> Result<(), String> {
        let text = &cell.1;
        let column = self.columns[position];
        if text.is_empty() && !matches!(column, Column::Key) {
            return Ok(());
        }
        match column {
            Column::Process => row.who = Who::Known(process(text)?),
            Column::F => row.f = text.strip_prefix(':').unwrap_or(text).to_owned(),
            Column::Value => row.value = self.value(text)?,
            Column::Key => row.key = Some(self.value(text)?),
            Column::Type => row.event_type = Some(event_type(text)?),
            Column::Time => row.time = Some(u64::try_from(whole(text)?).unwrap_or(0)),
            Column::Index => row.index = Some(whole(text)?),
            Column::Start => row.start = Some(self.stamp(text)?),
            Column::End => row.end = Some(self.stamp(text)?),
            Column::Node => row.node = Some(text.clone()),
            Column::Error => row.extra.get_or_insert_default().error = Some(text.as_str().into()),
            Column::Other => {
                let other = &mut row.extra.get_or_insert_default().other;
                other.insert(self.names[position].clone(), text.as_str().into());
            }
        }
        Ok(())
    }

    /// A value in EDN; text that is none, or only a name, is text.
    fn value(&mut self, text: &str) -> Result<Vec<u8>, String> {
        self.bytes.clear();
        let mut cursor = Cursor::new(text.as_bytes(), true);
        let whole = cursor
            .value(&mut ValueWriter::new(&mut self.bytes), 1)
            .and_then(|()| cursor.skip_space())
            .is_ok_and(|()| cursor.is_at_end());
        if !whole {
            // A number that is too large is not text: it would hide that nobody can read it.
            let digits = text.strip_prefix('-').unwrap_or(text);
            let number = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
            if !digits.is_empty() && number {
                return Err(too_large(text));
            }
            self.bytes.clear();
            ValueWriter::new(&mut self.bytes).str(text).map_err(|error| error.to_string())?;
        }
        Ok(self.bytes.clone())
    }

    fn stamp(&mut self, text: &str) -> Result<Stamp, String> {
        let (stamp, fraction) = Stamp::parse(text)?;
        if fraction {
            self.unit = Unit::Seconds;
        }
        Ok(stamp)
    }

    fn pair(&self, key: &Option<Vec<u8>>, value: &[u8]) -> Result<Vec<u8>, String> {
        let value = ValueRef::new(value);
        let mut bytes = Vec::new();
        let mut writer = ValueWriter::new(&mut bytes);
        match key {
            None => writer.copy(value),
            Some(key) => {
                let pair = writer.begin();
                writer.copy(ValueRef::new(key));
                writer.copy(value);
                writer.end_list(pair, 2).map_err(|error| error.to_string())?;
            }
        }
        Ok(bytes)
    }

    fn operation(
        &mut self,
        row: Cells,
        f: crate::history::NameId,
        node: Option<crate::history::NameId>,
        line: usize,
    ) -> Result<(), FormatError> {
        let wrong = |reason: String| FormatError::Syntax { line, column: 1, reason };
        let Some(start) = row.start else { return Err(wrong("this operation has no `start`".into())) };
        if row.event_type == Some(EventType::Invoke) {
            return Err(wrong("the type of an operation is ok, fail or info".into()));
        }
        let who = match row.who {
            Who::Known(process) => Who::Known(process),
            Who::Unsaid => {
                let number = self.made_up;
                self.made_up = self.made_up.saturating_add(1);
                let process = Process::client(number.into());
                Who::Known(process.ok_or_else(|| wrong("too many operations without a process".into()))?)
            }
        };
        let reads = matches!(&*row.f, "read" | "get" | "r");
        let told = self.pair(&row.key, &row.value).map_err(wrong)?;
        let asked = if reads { self.pair(&row.key, &[]).map_err(wrong)? } else { told.clone() };
        self.rows.push(Row {
            line,
            who,
            f,
            event_type: row.event_type,
            start,
            end: row.end,
            asked,
            told,
            extra: row.extra,
            node,
        });
        Ok(())
    }

    fn push(&mut self, fields: Fields, line: usize) -> Result<(), FormatError> {
        self.events.push(fields, || line).map_err(|refused| refused.in_line(line, 1))
    }

    fn finish(mut self) -> Result<History, FormatError> {
        let rows = std::mem::take(&mut self.rows);
        // At one time invocations come first: operations that touch overlap.
        let mut order: Vec<(Stamp, bool, usize)> = Vec::with_capacity(rows.len() * 2);
        for (at, row) in rows.iter().enumerate() {
            order.push((row.start, false, at));
            let Some(end) = row.end else { continue };
            if end < row.start {
                let reason = "this operation ends before it starts".into();
                return Err(FormatError::Syntax { line: row.line, column: 1, reason });
            }
            order.push((end, true, at));
        }
        order.sort_unstable();
        let mut rows: Vec<Row> = rows;
        let mut processes = Processes::of(&rows);
        for (time, completes, at) in order {
            processes.place(&mut rows, at, completes);
            let row = &mut rows[at];
            let (event_type, value) = match completes {
                false => (EventType::Invoke, &row.asked),
                true => (row.event_type.unwrap_or(EventType::Ok), &row.told),
            };
            self.events.value().copy(ValueRef::new(value));
            let fields = Fields {
                who: row.who,
                event_type: Some(event_type),
                f: Some(row.f),
                time: Some(time.nanoseconds(self.unit)),
                node: row.node,
                extra: if completes { row.extra.take() } else { None },
                ..Fields::default()
            };
            let line = row.line;
            self.push(fields, line)?;
        }
        self.events.finish()
    }
}

/// Who is in the middle of an operation, walking through time.
struct Processes {
    /// The row that each is at.
    busy: HashMap<Process, usize, FastHash>,
    named: HashSet<Process, FastHash>,
    /// The next one that is made up, counted down.
    made_up: u32,
}

impl Processes {
    fn of(rows: &[Row]) -> Self {
        let named = |row: &Row| match row.who {
            Who::Known(process) => Some(process),
            Who::Unsaid => None,
        };
        Processes {
            busy: HashMap::default(),
            named: rows.iter().filter_map(named).collect(),
            made_up: Process::MAX_CLIENT / 2,
        }
    }

    /// The row begins, or ends. A process that is at an operation without an end, or at one that begins or
    /// ends at this very time, is not asked to wait: the row is a process of its own, of which nothing
    /// is claimed but its times.
    fn place(&mut self, rows: &mut [Row], at: usize, ends: bool) {
        let Who::Known(mut process) = rows[at].who else { return };
        if ends {
            self.busy.remove(&process);
            return;
        }
        let before = self.busy.get(&process).map(|before| &rows[*before]);
        let start = rows[at].start;
        if before.is_some_and(|before| before.end.is_none_or(|end| end == start) || before.start == start) {
            let fresh = |number: u32| Process::client(number.into()).filter(|new| !self.named.contains(new));
            let found = (0..self.made_up).rev().find_map(fresh);
            process = found.unwrap_or(process);
            self.made_up = process.number().unwrap_or(0);
            rows[at].who = Who::Known(process);
        }
        self.busy.insert(process, at);
    }
}

/// The cells of a row by their meaning.
#[derive(Default)]
struct Cells {
    who: Who,
    f: String,
    value: Vec<u8>,
    key: Option<Vec<u8>>,
    event_type: Option<EventType>,
    time: Option<u64>,
    start: Option<Stamp>,
    end: Option<Stamp>,
    index: Option<i64>,
    node: Option<String>,
    extra: Option<Box<crate::Extra>>,
}

fn process(text: &str) -> Result<Process, String> {
    match text.strip_prefix(':').unwrap_or(text) {
        "nemesis" => Ok(Process::NEMESIS),
        number => number.parse().ok().and_then(Process::client).ok_or_else(|| {
            format!(
                "a process is a number from 0 to {} or nemesis, not `{}`",
                Process::MAX_CLIENT,
                shortened(text)
            )
        }),
    }
}

fn event_type(text: &str) -> Result<EventType, String> {
    match text.strip_prefix(':').unwrap_or(text) {
        "invoke" => Ok(EventType::Invoke),
        "ok" => Ok(EventType::Ok),
        "fail" => Ok(EventType::Fail),
        "info" => Ok(EventType::Info),
        _ => Err(format!("the type is invoke, ok, fail or info, not `{}`", shortened(text))),
    }
}

fn whole(text: &str) -> Result<i64, String> {
    super::sessions::number(text, "a whole number")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> Vec<String> {
        let history = read(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        history
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
            .collect()
    }

    #[test]
    fn a_row_is_an_event_or_an_operation() {
        assert_eq!(
            events(
                "process,type,f,value,time\n0,invoke,write,1,10\nnemesis,info,kill,\"n1, n2\",15\n0,ok,write,1,20\n"
            ),
            ["10 0 invoke write 1", "15 nemesis info kill \"n1, n2\"", "20 0 ok write 1"]
        );
        assert_eq!(
            events(
                "process, op, value, start, end\r\n1,read,1,20,25\r\n0,write,1,10,20\r\n\r\n0,cas,\"[1 2]\",30,\r\n"
            ),
            [
                "10 0 invoke write 1",
                "20 1 invoke read null",
                "20 0 ok write 1",
                "25 1 ok read 1",
                "30 0 invoke cas [1,2]"
            ]
        );
        assert_eq!(
            events("op,key,value,start,end,type\nput,k,\"a\"\"b c\",0.5,1,\nget,k,,1,2,info\n"),
            [
                "500000000 0 invoke put [\"k\",\"a\\\"b c\"]",
                "1000000000 1 invoke get [\"k\",null]",
                "1000000000 0 ok put [\"k\",\"a\\\"b c\"]",
                "2000000000 1 info get [\"k\",null]"
            ]
        );
        assert!(read(&b"\n"[..]).unwrap().is_empty());
        // What touches overlaps; what was never answered keeps nobody waiting; no digit is lost.
        let process = Process::MAX_CLIENT / 2 - 1;
        assert_eq!(
            events(
                "process,op,value,start,end\n0,w,007,1700000000.123456791,\n0,w,8,1700000000.1234567912,1700000001\n"
            ),
            [
                "1700000000123456791 0 invoke w \"007\"".to_owned(),
                format!("1700000000123456791 {process} invoke w 8"),
                format!("1700000001000000000 {process} ok w 8")
            ]
        );
        assert_eq!(events("process,op,value,start,end\n0,w,1,1,2\n0,w,1,2,3\n").len(), 4);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let header = "process,type,f,value\n";
        for (text, expected) in [
            ("a,b\n".into(), "line 1, column 1: expected a header with the columns process,type,f,value"),
            ("op,f,type\n".into(), "two columns mean the same as `f`"),
            (format!("{header}0,invoke,w\n"), "line 2, column 1: 3 cells, but the header has 4"),
            (format!("{header}x,invoke,w,1\n"), "line 2, column 1: a process is a number"),
            (format!("{header}0,begin,w,1\n"), "line 2, column 3: the type is invoke"),
            (format!("{header}0,invoke,,1\n"), "this row has no function"),
            (
                format!("{header}0,invoke,w,99999999999999999999\n"),
                "column 12: the number 99999999999999999999 does not fit",
            ),
            (format!("{header}0,invoke,w,\"1\n"), "column 12: this quote is not closed"),
            (format!("{header}0,invoke,w,\"1\"2\n"), "column 15: expected `,` behind the quote"),
            (format!("{header}0,ok,w,1\n0,invoke,w,1"), "line 3: process 0 invokes, but"),
            (
                "process,op,value,start,end\n0,w,1,2,1\n".into(),
                "line 2, column 1: this operation ends before it starts",
            ),
            ("process,op,value,start,end\n0,w,1,x,1\n".into(), "line 2, column 7: expected a time"),
            ("process,op,value,start,end\n0,w,1,1,5\n0,w,2,2,\n".into(), "line 3: process 0 invokes again"),
        ] {
            let error = read(text.as_bytes()).map(|history| history.len()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\nshould contain\n{expected}");
        }
    }
}
