//! Other people's histories, read into a [`History`], and ours written for them.
//!
//! | [`Format`] | name | written by | module |
//! |---|---|---|---|
//! | `Jsonl` | `jsonl` | our own recorder | [`crate::jsonl`] |
//! | `Edn` | `edn` | Jepsen, Knossos, Elle | [`edn`] |
//! | `Json` | `json` | who writes such histories without Clojure: elle-cli | [`json`] |
//! | `JepsenLog` | `jepsen-log` | Jepsen's loggers; the etcd logs of Porcupine | [`jepsen_log`] |
//! | `Kv` | `porcupine-kv` | Porcupine's key-value tests | [`kv`] |
//! | `Histgen` | `histgen` | our generator of register histories | [`histgen`] |
//! | `Awdit` | `awdit` | AWDIT's `test` format | [`awdit`] |
//! | `Plume` | `plume` | Plume, PolySI, AWDIT | [`plume`] |
//! | `DbcopJson` | `dbcop-json` | dbcop | [`dbcop`] |
//! | `DbcopText` | `dbcop-text` | dbcop | [`dbcop`] |
//! | `Csv` | `csv` | whoever has a spreadsheet | [`csv`] |
//!
//! [`detect`] tells them apart by the first bytes. A reader takes any [`BufRead`], holds no more of it
//! than [`MAX_EVENT_BYTES`], and says of a bad file the line, the column, what was expected and what to
//! do. Nothing is guessed: what a history does not say, the verdict does not rest on.
//!
//! ```
//! use checkers::formats;
//!
//! let text = b"{:process 0, :type :invoke, :f :read, :value nil}\n{:process 0, :type :ok, :f :read, :value 7}";
//! let format = formats::detect(text, "history.edn").unwrap();
//! let history = formats::read(format, &text[..])?;
//! assert_eq!(history.len(), 2);
//! # Ok::<(), checkers::formats::FormatError>(())
//! ```

pub mod awdit;
pub mod csv;
pub mod dbcop;
pub mod edn;
pub(crate) mod events;
pub mod histgen;
pub mod jepsen_log;
pub mod json;
pub mod kv;
mod operation;
pub mod plume;
mod sessions;
mod source;

use std::fmt;
use std::io::{self, BufRead};
use std::str::FromStr;

use crate::history::{History, HistoryError};
#[cfg(feature = "jsonl")]
use crate::jsonl;
pub use source::MAX_EVENT_BYTES;
pub(crate) use source::shortened;

/// In which way a history is written. See the [module](self).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Our own `history.jsonl`.
    Jsonl,
    /// Jepsen's EDN.
    Edn,
    /// The same as JSON.
    Json,
    /// Jepsen's log.
    JepsenLog,
    /// Porcupine's key-value histories.
    Kv,
    /// Our generator's.
    Histgen,
    /// AWDIT's text.
    Awdit,
    /// Plume's text.
    Plume,
    /// dbcop's JSON.
    DbcopJson,
    /// dbcop's text.
    DbcopText,
    /// Comma-separated values.
    Csv,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 11] = [
        Format::Jsonl,
        Format::Edn,
        Format::Json,
        Format::JepsenLog,
        Format::Kv,
        Format::Histgen,
        Format::Awdit,
        Format::Plume,
        Format::DbcopJson,
        Format::DbcopText,
        Format::Csv,
    ];

    /// The name by which a user chooses it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Jsonl => "jsonl",
            Format::Edn => "edn",
            Format::Json => "json",
            Format::JepsenLog => "jepsen-log",
            Format::Kv => "porcupine-kv",
            Format::Histgen => "histgen",
            Format::Awdit => "awdit",
            Format::Plume => "plume",
            Format::DbcopJson => "dbcop-json",
            Format::DbcopText => "dbcop-text",
            Format::Csv => "csv",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no [`Format`]'s.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoSuchFormat {
    /// The name.
    pub name: String,
}

impl FromStr for Format {
    type Err = NoSuchFormat;

    fn from_str(name: &str) -> Result<Self, NoSuchFormat> {
        Format::ALL
            .into_iter()
            .find(|format| format.name() == name)
            .ok_or_else(|| NoSuchFormat { name: name.into() })
    }
}

/// How many bytes of a file [`detect`] wants to see; more do no good.
pub const DETECT_BYTES: usize = 64 << 10;

/// The format of a file of which these are the first bytes, [`DETECT_BYTES`] of them or the whole.
/// The name of the file, which may be empty, decides only where the bytes do not. `None` if nothing
/// fits.
pub fn detect(first_bytes: &[u8], file_name: &str) -> Option<Format> {
    let bytes = first_bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(first_bytes);
    let bytes = &bytes[..bytes.len().min(DETECT_BYTES)];
    let first_line = || bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    let Some(line) = first_line().map(<[u8]>::trim_ascii) else { return by_name(file_name) };
    match line[0] {
        b'{' | b'[' | b'(' | b';' | b'#' => detect_nested(bytes, line),
        _ if awdit::looks_like(line) => Some(Format::Awdit),
        _ if plume::looks_like(line) => Some(Format::Plume),
        _ if csv::looks_like(line) => Some(Format::Csv),
        _ if line.starts_with(b"//") => Some(Format::DbcopText),
        // A log begins with chatter.
        _ if bytes.split(|byte| *byte == b'\n').any(jepsen_log::looks_like) => Some(Format::JepsenLog),
        _ => by_name(file_name),
    }
}

/// What begins with a bracket or an EDN comment.
fn detect_nested(bytes: &[u8], line: &[u8]) -> Option<Format> {
    if dbcop::looks_like(line) {
        return Some(Format::DbcopText);
    }
    // The first bytes that mean something: brackets, and the first key or value behind them.
    let text = skip_comments(bytes);
    let brackets = text
        .iter()
        .take_while(|byte| matches!(byte, b'[' | b'{' | b'(') || byte.is_ascii_whitespace())
        .count();
    let (opening, rest) = text.split_at(brackets);
    let opening: Vec<u8> = opening.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let json_key = rest.first() == Some(&b'"') && key_has_colon(rest);
    match &opening[..] {
        [b'[', b'[', ..] => Some(Format::DbcopJson),
        [b'{'] if json_key && histgen::looks_like(line) => Some(Format::Histgen),
        [b'{'] if json_key && has_sessions(bytes) => Some(Format::DbcopJson),
        // Ours has a time and a process in every line, and no spaces between its lines.
        [b'{']
            if json_key
                && looks_like_jsonl(line)
                && contains(line, b"\"time\"")
                && contains(line, b"\"value\"") =>
        {
            Some(Format::Jsonl)
        }
        [b'{'] | [b'[', b'{'] if json_key => Some(Format::Json),
        [b'[' | b'(', ..] | [b'{', ..] | [] => {
            let first_map = text.split(|byte| *byte == b'}').next().unwrap_or_default();
            let porcupine = contains(first_map, b":key ") && !contains(first_map, b":time ");
            Some(if porcupine { Format::Kv } else { Format::Edn })
        }
        _ => None,
    }
}

#[cfg(feature = "jsonl")]
fn looks_like_jsonl(line: &[u8]) -> bool {
    jsonl::looks_like(line)
}
#[cfg(not(feature = "jsonl"))]
fn looks_like_jsonl(line: &[u8]) -> bool {
    line.ends_with(b"}")
}

fn skip_comments(mut bytes: &[u8]) -> &[u8] {
    loop {
        bytes = bytes.trim_ascii_start();
        match (bytes.first(), bytes.iter().position(|byte| *byte == b'\n')) {
            (Some(b';'), Some(end)) => bytes = &bytes[end..],
            _ => return bytes,
        }
    }
}

/// Whether a colon and a value of JSON follow the string with which `bytes` begin.
fn key_has_colon(bytes: &[u8]) -> bool {
    let Some(end) = bytes[1..].iter().position(|byte| *byte == b'"') else { return false };
    let Some(value) = bytes[end + 2..].trim_ascii_start().strip_prefix(b":") else { return false };
    // In EDN a keyword may stand behind a string.
    match value.trim_ascii_start() {
        [] | [b'"' | b'-' | b'[' | b'{' | b'0'..=b'9', ..] => true,
        value => [&b"true"[..], b"false", b"null"].iter().any(|word| value.starts_with(word)),
    }
}

/// Whether an array of arrays is somewhere the value of `data`.
fn has_sessions(bytes: &[u8]) -> bool {
    contains(bytes, b"\"data\"") && (contains(bytes, b"\"params\"") || contains(bytes, b"\"events\""))
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn by_name(file_name: &str) -> Option<Format> {
    let (_, extension) = file_name.rsplit_once('.')?;
    match extension {
        "jsonl" => Some(Format::Jsonl),
        "edn" => Some(Format::Edn),
        "json" => Some(Format::Json),
        "log" => Some(Format::JepsenLog),
        "hist" => Some(Format::DbcopText),
        "csv" => Some(Format::Csv),
        _ => None,
    }
}

/// Reads a history.
///
/// # Errors
/// The first place at which the text is not in the format, or breaks a rule of histories.
pub fn read(format: Format, input: impl BufRead) -> Result<History, FormatError> {
    match format {
        #[cfg(feature = "jsonl")]
        Format::Jsonl => Ok(jsonl::read(input, jsonl::TornTail::Refuse)?.history),
        // Lines of JSON are JSON, told with less care for what our recorder promises.
        #[cfg(not(feature = "jsonl"))]
        Format::Jsonl => json::read(input),
        Format::Edn => edn::read(input),
        Format::Json => json::read(input),
        Format::JepsenLog => jepsen_log::read(input),
        Format::Kv => kv::read(input),
        Format::Histgen => histgen::read(input),
        Format::Awdit => awdit::read(input),
        Format::Plume => plume::read(input),
        Format::DbcopJson => dbcop::read_json(input),
        Format::DbcopText => dbcop::read_text(input),
        Format::Csv => csv::read(input),
    }
}

/// Why a text is not a history.
#[derive(Debug)]
#[non_exhaustive]
pub enum FormatError {
    /// The operating system's word.
    Io {
        /// The line being read, from 1.
        line: usize,
        /// What it said.
        source: io::Error,
    },
    /// Not in the format, or not an operation.
    Syntax {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
        /// What was expected, or what is wrong, and what to do.
        reason: String,
    },
    /// Longer than [`MAX_EVENT_BYTES`].
    TooLong {
        /// From 1.
        line: usize,
    },
    /// The end of the file in the middle of something.
    CutOff {
        /// From 1.
        line: usize,
    },
    /// Well-formed operations that are not a history.
    History {
        /// Where the offending operation begins, from 1.
        line: usize,
        /// The rule broken.
        error: HistoryError,
    },
    /// What the reader of our own lines says.
    #[cfg(feature = "jsonl")]
    Jsonl(jsonl::ReadError),
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatError::Io { line, source } => write!(f, "line {line}: cannot be read: {source}"),
            FormatError::Syntax { line, column, reason } => {
                write!(f, "line {line}, column {column}: {reason}")
            }
            FormatError::TooLong { line } => write!(
                f,
                "line {line}: an operation or a line longer than {} MiB begins here; is a bracket or a quote not closed?",
                MAX_EVENT_BYTES >> 20
            ),
            FormatError::CutOff { line } => write!(
                f,
                "line {line}: the file ends in the middle of what begins here; \
                 complete it, or remove it to judge what precedes it"
            ),
            FormatError::History { line, error } => write!(f, "line {line}: {error}"),
            #[cfg(feature = "jsonl")]
            FormatError::Jsonl(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for FormatError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            FormatError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(feature = "jsonl")]
impl From<jsonl::ReadError> for FormatError {
    fn from(error: jsonl::ReadError) -> Self {
        FormatError::Jsonl(error)
    }
}

impl fmt::Display for NoSuchFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Format::ALL.map(Format::name).join(", ");
        write!(f, "there is no format `{}`; there are {known}", self.name)
    }
}
impl std::error::Error for NoSuchFormat {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_detected_by_its_first_bytes() {
        for (text, name, format) in [
            (
                "{\"index\":0,\"time\":1,\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"value\":null}\n",
                "",
                Format::Jsonl,
            ),
            (
                "\u{feff}{\"process\":0,\"type\":\"invoke\",\"f\":\"read\",\"value\":null}\n",
                "x.edn",
                Format::Json,
            ),
            ("\n[{\"process\":0,\"type\":\"invoke\"}", "", Format::Json),
            ("[\n {\"type\" : \"invoke\"}", "", Format::Json),
            ("{\"type\":\"meta\",\"ops\":3}\n", "", Format::Histgen),
            ("{:type :invoke}", "x.json", Format::Edn),
            ("; a comment\n\n[{:type :invoke}", "", Format::Edn),
            ("({:type :invoke})", "", Format::Edn),
            ("{\"type\" :invoke}", "", Format::Edn),
            ("#jepsen.history.Op{:type :invoke}", "", Format::Edn),
            ("[]", "", Format::Edn),
            ("{:process 0, :type :invoke, :f :get, :key \"7\", :value nil}", "c.txt", Format::Kv),
            ("INFO  jepsen.util - 0\t:invoke\t:read\tnil\n", "", Format::JepsenLog),
            ("chatter\nmore\n0\t:invoke\t:read\tnil\n", "", Format::JepsenLog),
            ("w 0 1\n", "", Format::Awdit),
            ("\nr(1,2,3,4)\n", "", Format::Plume),
            ("[[{\"events\":[]}]]", "", Format::DbcopJson),
            ("{\"params\":{\"id\":0},\"data\":[[", "", Format::DbcopJson),
            ("[x:=1 y==?]!\n", "", Format::DbcopText),
            ("// x\n", "", Format::DbcopText),
            ("process,type,f,value\n", "", Format::Csv),
            ("start, end, op\n", "", Format::Csv),
            ("", "a.log", Format::JepsenLog),
            ("\n \n", "a.jsonl", Format::Jsonl),
            ("hello", "a.csv", Format::Csv),
        ] {
            assert_eq!(detect(text.as_bytes(), name), Some(format), "{text}");
        }
        assert_eq!(detect(b"hello", "world"), None);
        assert_eq!(detect(b"", ""), None);
        assert_eq!(detect(b"{", "x"), Some(Format::Edn));
    }

    #[test]
    fn a_format_has_a_name() {
        for format in Format::ALL {
            assert_eq!(format.name().parse(), Ok(format));
        }
        let error = "xml".parse::<Format>().unwrap_err().to_string();
        assert!(error.starts_with("there is no format `xml`; there are jsonl, edn,"), "{error}");
    }
}
