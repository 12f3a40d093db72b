//! The text format of Plume and PolySI, which AWDIT reads too: a line for each access,
//! `w(KEY,VALUE,SESSION,TRANSACTION)` or `r(KEY,VALUE,SESSION,TRANSACTION)`.
//!
//! ```text
//! w(0,1,0,0)
//! r(0,1,1,1)
//! w(0,7,1,-1)
//! ```
//! There is no time, only the order in a session: that of the transactions' first lines. What
//! transaction −1 did was aborted; nobody knows what belonged together, so each access is an aborted
//! transaction by itself. Reading 0 is reading the initial state, unless the history writes 0 to that key.

use std::collections::HashMap;
use std::io::BufRead;

use super::FormatError;
use super::sessions::{Access, Sessions, TransactionId, Zero, number};
use super::source::{Source, shortened};
use crate::hash::FastHash;
use crate::history::History;

/// The transaction of what was aborted.
const ABORTED: i64 = -1;

/// Reads a history.
///
/// # Errors
/// The first line that is none of the format.
pub fn read(input: impl BufRead) -> Result<History, FormatError> {
    let mut source = Source::new(input);
    let mut sessions = Sessions::default();
    let mut numbers: HashMap<i64, u32, FastHash> = HashMap::default();
    let mut transactions: HashMap<(i64, i64), TransactionId, FastHash> = HashMap::default();
    let mut line_number = 0;
    while let Some((line, length)) = source.line()? {
        line_number += 1;
        let parsed =
            parse(line).map_err(|reason| FormatError::Syntax { line: line_number, column: 1, reason })?;
        source.consume(length);
        let Some(Line { access, session, transaction }) = parsed else { continue };
        let next = numbers.len() as u32;
        let number = *numbers.entry(session).or_insert(next);
        let id = match transactions.get(&(session, transaction)) {
            Some(id) => *id,
            None => {
                let id = sessions.begin(number, line_number)?;
                if transaction == ABORTED {
                    sessions.abort(id);
                } else {
                    transactions.insert((session, transaction), id);
                }
                id
            }
        };
        sessions.access(id, access);
    }
    sessions.finish(Zero::IsInitial)
}

/// Whether a line is one of this format.
pub(super) fn looks_like(line: &[u8]) -> bool {
    matches!(parse(line), Ok(Some(_)))
}

struct Line {
    access: Access,
    session: i64,
    transaction: i64,
}

fn parse(line: &[u8]) -> Result<Option<Line>, String> {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(line).map_err(|_| "this is not UTF-8 text".to_owned())?;
    let bad = || {
        format!("expected `w(KEY,VALUE,SESSION,TRANSACTION)` or the same with `r`, not `{}`", shortened(text))
    };
    let (kind, rest) = text.split_at_checked(1).ok_or_else(bad)?;
    let inner = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).ok_or_else(bad)?;
    let mut parts = inner.split(',').map(str::trim);
    let (Some(key), Some(value), Some(session), Some(transaction), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(bad());
    };
    let write = match kind {
        "w" => true,
        "r" => false,
        _ => return Err(bad()),
    };
    let access = Access { write, key: number(key, "a key")?, value: Some(number(value, "a value")?) };
    let session = number(session, "a session")?;
    Ok(Some(Line { access, session, transaction: number(transaction, "a transaction")? }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_and_transactions() {
        let text =
            "w(0,1,5,10)\nr(0,0,7,11)\nr(1,0,7,11)\nw(1,0,5,10)\nw(0,7,7,-1)\nw(0,8,7,-1)\nr(0,1,7,12)\n\n";
        let history = read(text.as_bytes()).unwrap();
        let events: Vec<String> = history
            .events()
            .map(|event| format!("{} {} {}", event.process, event.event_type.as_str(), event.value))
            .collect();
        assert_eq!(
            events,
            [
                r#"0 ok [["w",0,1],["w",1,0]]"#,
                r#"1 ok [["r",0,null],["r",1,0]]"#,
                r#"1 fail [["w",0,7]]"#,
                r#"1 fail [["w",0,8]]"#,
                r#"1 ok [["r",0,1]]"#,
            ]
        );
        assert!(history.completions_only());
        for (text, expected) in [
            ("w(0,1,5)\n", "line 1, column 1: expected `w(KEY,VALUE,SESSION,TRANSACTION)`"),
            ("\nx(0,1,5,1)\n", "line 2, column 1: expected `w(KEY"),
            ("w(a,1,5,1)\n", "expected a key, a number, not `a`"),
            ("w(0,1,5,99999999999999999999)\n", "does not fit in 64 bits"),
            ("ü", "expected `w(KEY"),
        ] {
            let error = read(text.as_bytes()).map(|history| history.len()).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\nshould contain\n{expected}");
        }
    }
}
