//! AWDIT's format for tests: a line for each access, `w KEY VALUE` or `r KEY VALUE`; a line of dashes
//! between the transactions of a session, a line of equals signs between sessions.
//!
//! ```text
//! w 0 1
//! -----
//! w 0 2
//! =====
//! r 0 2
//! ```
//! There is no time, only the order in a session. Keys and values are integers. A value that nobody
//! wrote is one that nobody wrote, 0 too: AWDIT's own files write the initial values.

use std::io::BufRead;

use super::FormatError;
use super::sessions::{Access, Sessions, TransactionId, Zero, number};
use super::source::Source;
use crate::history::History;

/// Reads a history.
///
/// # Errors
/// The first line that is none of the format.
pub fn read(input: impl BufRead) -> Result<History, FormatError> {
    let mut source = Source::new(input);
    let mut sessions = Sessions::default();
    let (mut line_number, mut session, mut session_is_empty) = (0, 0_u32, true);
    let mut transaction: Option<TransactionId> = None;
    while let Some((line, length)) = source.line()? {
        line_number += 1;
        match parse(line).map_err(|reason| FormatError::Syntax { line: line_number, column: 1, reason })? {
            Line::Empty => {}
            Line::Transaction => transaction = None,
            Line::Session => {
                transaction = None;
                session = session.saturating_add(u32::from(!session_is_empty));
                session_is_empty = true;
            }
            Line::Access(access) => {
                session_is_empty = false;
                let transaction = match transaction {
                    Some(transaction) => transaction,
                    None => *transaction.insert(sessions.begin(session, line_number)?),
                };
                sessions.access(transaction, access);
            }
        }
        source.consume(length);
    }
    sessions.finish(Zero::IsAValue)
}

/// Whether a line is one of this format.
pub(super) fn looks_like(line: &[u8]) -> bool {
    matches!(parse(line), Ok(Line::Access(_)))
}

enum Line {
    Empty,
    Access(Access),
    Transaction,
    Session,
}

fn parse(line: &[u8]) -> Result<Line, String> {
    let line = line.trim_ascii();
    match line {
        b"" => return Ok(Line::Empty),
        _ if line.iter().all(|byte| *byte == b'-') => return Ok(Line::Transaction),
        _ if line.iter().all(|byte| *byte == b'=') => return Ok(Line::Session),
        _ => {}
    }
    let expected = "expected `w KEY VALUE`, `r KEY VALUE`, a line of dashes or a line of equals signs";
    let text = std::str::from_utf8(line).map_err(|_| "this is not UTF-8 text".to_owned())?;
    let mut words = text.split_ascii_whitespace();
    let (Some(kind @ ("r" | "w")), Some(key), Some(value), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(expected.into());
    };
    Ok(Line::Access(Access {
        write: kind == "w",
        key: number(key, "a key")?,
        value: Some(number(value, "a value")?),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_and_transactions() {
        let history =
            read(&b"w 0 1\n-----\nw 0 2\n\n=====\r\n=\nr 0 2\nw 1 1\n===\n\n--\nr 0 1\nr 1 1"[..]).unwrap();
        let events: Vec<String> =
            history.events().map(|event| format!("{} {}", event.process, event.value)).collect();
        assert_eq!(
            events,
            [
                r#"0 [["w",0,1]]"#,
                r#"0 [["w",0,2]]"#,
                r#"1 [["r",0,2],["w",1,1]]"#,
                r#"2 [["r",0,1],["r",1,1]]"#
            ]
        );
        assert!(history.completions_only());
        for (text, expected) in [
            ("w 0 1\nx 1 2\n", "line 2, column 1: expected `w KEY VALUE`"),
            ("w 0 1 2\n", "expected `w KEY VALUE`"),
            ("w a 1\n", "expected a key, a number, not `a`"),
            ("w 0 99999999999999999999\n", "does not fit in 64 bits"),
        ] {
            let error = read(text.as_bytes()).map(|history| history.len()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\nshould contain\n{expected}");
        }
    }
}
