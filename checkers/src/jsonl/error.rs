//! What is wrong with a file.

use std::{fmt, io};

use super::MAX_LINE_BYTES;
use crate::history::HistoryError;

/// Why a file is not a history.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The operating system's word.
    Io {
        /// The line being read, from 1.
        line: usize,
        /// What it said.
        source: io::Error,
    },
    /// Not JSON, or not an event.
    Syntax {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What was expected, or what is wrong.
        reason: String,
    },
    /// Longer than [`MAX_LINE_BYTES`].
    LineTooLong {
        /// From 1.
        line: usize,
    },
    /// The last line has no line end.
    Truncated {
        /// From 1.
        line: usize,
        /// How many bytes there are of it.
        bytes: usize,
    },
    /// An index that is not the line's.
    Index {
        /// From 1.
        line: usize,
        /// The index found.
        index: u64,
        /// The index that belongs here.
        expected: u64,
    },
    /// Well-formed events that are not a history.
    History {
        /// From 1.
        line: usize,
        /// The rule broken.
        error: HistoryError,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Io { line, source } => write!(f, "line {line}: cannot be read: {source}"),
            ReadError::Syntax { line, column, reason } => write!(f, "line {line}, column {column}: {reason}"),
            ReadError::LineTooLong { line } => write!(
                f,
                "line {line}: longer than {} MiB; an event is far shorter, is this a history in JSON lines?",
                MAX_LINE_BYTES >> 20
            ),
            ReadError::Truncated { line, bytes } => write!(
                f,
                "line {line}: the file is cut off in the middle of this line ({bytes} bytes without a line end); \
                 remove the line to judge what precedes it"
            ),
            ReadError::Index { line, index, expected } => write!(
                f,
                "line {line}: index {index} where {expected} was expected; \
                 lines are missing, doubled or out of order"
            ),
            ReadError::History { line, error } => write!(f, "line {line}: {error}"),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReadError::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}
