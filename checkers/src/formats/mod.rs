//! Other people's histories, read into a [`History`](crate::History), and ours written for them.

pub mod edn;
pub(crate) mod events;
pub(crate) mod json;
mod source;

use std::io;

use thiserror::Error;

use crate::history::HistoryError;
pub use source::MAX_EVENT_BYTES;

/// Why a text is not a history.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The operating system's word.
    #[error("line {line}: cannot be read: {source}")]
    Io {
        /// The line being read, from 1.
        line: usize,
        /// What it said.
        source: io::Error,
    },
    /// Not in the format, or not an operation.
    #[error("line {line}, column {column}: {reason}")]
    Syntax {
        /// From 1.
        line: usize,
        /// From 1, in bytes.
        column: usize,
        /// What was expected, or what is wrong, and what to do.
        reason: String,
    },
    /// Longer than [`MAX_EVENT_BYTES`].
    #[error(
        "line {line}: an operation or a line longer than {} MiB begins here; is a bracket or a quote not closed?",
        MAX_EVENT_BYTES >> 20
    )]
    TooLong {
        /// From 1.
        line: usize,
    },
    /// The end of the file in the middle of something.
    #[error(
        "line {line}: the file ends in the middle of what begins here; \
         complete it, or remove it to judge what precedes it"
    )]
    CutOff {
        /// From 1.
        line: usize,
    },
    /// Well-formed operations that are not a history.
    #[error("line {line}: {error}")]
    History {
        /// Where the offending operation begins, from 1.
        line: usize,
        /// The rule broken.
        error: HistoryError,
    },
}
