//! Histories as Elle and Knossos read them.

use std::io::{self, Write};

use crate::event::EventRef;
use crate::history::History;
use crate::tape::{ValueRef, View};
use crate::value::Value;

/// Writes every event of `history` as a line of its own.
///
/// # Errors
/// Those of `out`.
pub fn write_history(out: &mut impl Write, history: &History) -> io::Result<()> {
    let mut line = Vec::new();
    for (index, event) in history.events().enumerate() {
        line.clear();
        write_event(&mut line, index as u64, &event)?;
        out.write_all(&line)?;
    }
    Ok(())
}

/// Appends the line of `event` at `index`, with its line end, to `out`.
///
/// Functions, types and the functions of micro-operations (`[:append 3 2]`) are keywords, because
/// Jepsen's checkers look for them as such. All other text is a string.
///
/// # Errors
/// Those of `out`.
pub fn write_event(out: &mut impl Write, index: u64, event: &EventRef<'_>) -> io::Result<()> {
    write!(out, "{{:index {index}, :type :{}, :process ", event.event_type.as_str())?;
    match event.process.number() {
        Some(number) => write!(out, "{number}")?,
        None => out.write_all(b":nemesis")?,
    }
    out.write_all(b", :f ")?;
    write_keyword(out, event.f)?;
    out.write_all(b", :value ")?;
    match event.value.as_list() {
        Some(items) if event.f == "txn" => {
            out.write_all(b"[")?;
            for (at, item) in items.enumerate() {
                if at > 0 {
                    out.write_all(b" ")?;
                }
                write_micro_operation(out, item)?;
            }
            out.write_all(b"]")?;
        }
        _ => write_value(out, event.value)?,
    }
    write!(out, ", :time {}", event.time)?;
    if let Some(node) = event.node {
        out.write_all(b", :node ")?;
        write_string(out, node)?;
    }
    if let Some(extra) = event.extra {
        if let Some(error) = &extra.error {
            out.write_all(b", :error ")?;
            write_owned(out, error)?;
        }
        if let Some(outcome) = &extra.outcome {
            out.write_all(b", :outcome ")?;
            write_string(out, outcome)?;
        }
        if let Some(evidence) = &extra.evidence {
            out.write_all(b", :evidence ")?;
            write_owned(out, evidence)?;
        }
        for (name, value) in &extra.other {
            out.write_all(b", ")?;
            write_keyword(out, name)?;
            out.write_all(b" ")?;
            write_owned(out, value)?;
        }
    }
    out.write_all(b"}\n")
}

/// `["r", 3, null]` as `[:r 3 nil]`.
fn write_micro_operation(out: &mut impl Write, value: ValueRef<'_>) -> io::Result<()> {
    let Some(parts) = value.as_list() else { return write_value(out, value) };
    out.write_all(b"[")?;
    for (at, part) in parts.enumerate() {
        if at > 0 {
            out.write_all(b" ")?;
        }
        match part.as_str() {
            Some(f) if at == 0 => write_keyword(out, f)?,
            _ => write_value(out, part)?,
        }
    }
    out.write_all(b"]")
}

/// A keyword, if the text can be one; otherwise a string.
fn write_keyword(out: &mut impl Write, text: &str) -> io::Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.?!*+<>=$&/".contains(&byte);
    if text.starts_with(|first: char| first.is_ascii_alphabetic())
        && !text.ends_with('/')
        && text.bytes().all(plain)
        && text.bytes().filter(|byte| *byte == b'/').count() <= 1
    {
        write!(out, ":{text}")
    } else {
        write_string(out, text)
    }
}

fn write_string(out: &mut impl Write, text: &str) -> io::Result<()> {
    out.write_all(b"\"")?;
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped: &[u8] = match byte {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            _ => continue,
        };
        out.write_all(&text.as_bytes()[done..at])?;
        out.write_all(escaped)?;
        done = at + 1;
    }
    out.write_all(&text.as_bytes()[done..])?;
    out.write_all(b"\"")
}

fn write_value(out: &mut impl Write, value: ValueRef<'_>) -> io::Result<()> {
    match value.view() {
        View::Nil => out.write_all(b"nil"),
        View::Bool(b) => write!(out, "{b}"),
        View::Int(n) => write!(out, "{n}"),
        View::Float(x) => write_float(out, x),
        View::Str(text) => write_string(out, text),
        View::List(items) => {
            out.write_all(b"[")?;
            for (at, item) in items.enumerate() {
                if at > 0 {
                    out.write_all(b" ")?;
                }
                write_value(out, item)?;
            }
            out.write_all(b"]")
        }
        View::Map(entries) => {
            out.write_all(b"{")?;
            for (at, (key, value)) in entries.enumerate() {
                if at > 0 {
                    out.write_all(b", ")?;
                }
                write_value(out, key)?;
                out.write_all(b" ")?;
                write_value(out, value)?;
            }
            out.write_all(b"}")
        }
    }
}

fn write_float(out: &mut impl Write, x: f64) -> io::Result<()> {
    match x {
        _ if x.is_nan() => out.write_all(b"##NaN"),
        f64::INFINITY => out.write_all(b"##Inf"),
        f64::NEG_INFINITY => out.write_all(b"##-Inf"),
        // With an exponent it is a float whatever its size.
        _ => write!(out, "{x:e}"),
    }
}

fn write_owned(out: &mut impl Write, value: &Value) -> io::Result<()> {
    let mut bytes = Vec::new();
    crate::tape::ValueWriter::new(&mut bytes).value(value).map_err(io::Error::other)?;
    write_value(out, ValueRef::new(&bytes))
}
