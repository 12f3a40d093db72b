//! Words on standard output and standard error.
//!
//! `println!` panics when the reader has gone away, as `head` does. That must neither end a run
//! in the middle nor change its exit code, so nothing in this program uses it.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

/// A line on standard output.
pub fn out(line: impl Display) {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            err(format_args!("error: cannot write to standard output: {error}"));
        }
        _ => {}
    }
}

/// A line on standard error.
pub fn err(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
