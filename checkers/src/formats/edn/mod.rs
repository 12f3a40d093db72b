//! Jepsen's histories: `history.edn`, the histories of Knossos, Elle and elle-cli.
//!
//! ```text
//! {:type :invoke, :f :txn, :value [[:r 3 nil] [:append 3 2]], :process 0, :time 3291485317, :index 0}
//! {:type :ok, :f :txn, :value [[:r 3 [1]] [:append 3 2]], :process 0, :time 3292000000, :index 1}
//! {:process :nemesis, :type :info, :f :start-partition, :value :majority, :time 5000000000, :index 2}
//! ```
//! A vector of maps or a stream of maps, laid out in whatever way. What is made of it:
//!
//! | there | here |
//! |---|---|
//! | keywords, symbols, characters | text without the mark; a namespace stays: `:a/b` is `a/b` |
//! | `nil`, `true`, numbers, strings, vectors, lists, maps | the same |
//! | a set | a list, sorted |
//! | a tagged value, `#inst "…"`, `#jepsen.history.Op{…}` | the value without its tag |
//! | a ratio | `4/2` is 2, `2/3` is the text `2/3` |
//! | an integer beyond 64 bits, a decimal beyond 15 digits | an error; never rounded |
//! | `:process :nemesis` | the nemesis, whose events are not operations |
//! | no `:process`, or nil, in the whole history | every operation a process of its own; a completion belongs to the one outstanding operation of its function that asked the same. If that is not one, it is an error: nothing is guessed |
//! | no `:f` | `txn`, if the value is a list |
//! | no `:index`, a gap, a negative one | nothing; the order is that of the file. An index that goes back is an error |
//! | no `:time` | that of the event before |
//! | a process that goes on after `:info` | accepted, as a new one would |
//! | completions without any invocation | [`History::completions_only`](crate::History::completions_only) |
//! | `:error`, other keys | [`Extra`](crate::Extra) |

mod operation;
pub(crate) mod text;
mod write;

use std::io::BufRead;

pub use write::{write_event, write_history};

use super::FormatError;
use super::events::{Events, Refused};
use super::source::{Parse, Source, Stop};
use crate::history::History;
pub(crate) use operation::Keyed;
use operation::Operations;
use text::Cursor;

/// Reads a history.
///
/// # Errors
/// The first place that is not EDN, not an operation, or breaks a rule of histories.
pub fn read(input: impl BufRead) -> Result<History, FormatError> {
    read_keyed(input, Keyed::No)
}

pub(crate) fn read_keyed(input: impl BufRead, keyed: Keyed) -> Result<History, FormatError> {
    let mut source = Source::new(input);
    let mut events = Events::new();
    let mut operations = Operations::new(keyed);
    let mut open = None;
    loop {
        let step = {
            let mut cursor = Cursor::new(source.rest(), source.ended());
            let step = next(&mut cursor, &mut open, &mut operations, &mut events);
            step.map(|step| (step, cursor.at))
        };
        match step {
            Ok((Step::Done, _)) => return events.finish(),
            Ok((Step::Bracket, at)) => source.consume(at),
            Ok((Step::Event(start), at)) => {
                match operations.push(&mut events, || source.place(start).0) {
                    Ok(()) => {}
                    Err(Refused::Rule(error)) => {
                        return Err(FormatError::History { line: source.place(start).0, error });
                    }
                    Err(Refused::Reason(reason)) => {
                        let (line, column) = source.place(start);
                        return Err(FormatError::Syntax { line, column, reason });
                    }
                }
                source.consume(at);
            }
            Err(Stop::More) if !source.ended() => source.more()?,
            Err(stop) => return Err(source.error(stop)),
        }
    }
}

enum Step {
    /// A bracket around the operations.
    Bracket,
    /// An operation, which begins here.
    Event(usize),
    /// The file ends.
    Done,
}

/// The next thing; `open` is the bracket that closes the vector in which the operations stand.
fn next(
    cursor: &mut Cursor<'_>,
    open: &mut Option<u8>,
    operations: &mut Operations,
    events: &mut Events,
) -> Parse<Step> {
    cursor.skip(0)?;
    if cursor.is_at_end() {
        return match open {
            None => Ok(Step::Done),
            Some(_) => Err(Stop::More),
        };
    }
    cursor.skip_tags(0)?;
    let start = cursor.at;
    match (cursor.peek()?, *open) {
        (b'{', _) => {
            operations.read(cursor, events)?;
            Ok(Step::Event(start))
        }
        (b'[', None) => Ok(bracket(cursor, open, Some(b']'))),
        (b'(', None) => Ok(bracket(cursor, open, Some(b')'))),
        (byte, Some(end)) if byte == end => Ok(bracket(cursor, open, None)),
        _ => cursor.wrong("expected an operation, such as {:type :invoke, :process 0, :f :read, :value nil}"),
    }
}

fn bracket(cursor: &mut Cursor<'_>, open: &mut Option<u8>, now: Option<u8>) -> Step {
    *open = now;
    cursor.at += 1;
    Step::Bracket
}

#[cfg(test)]
mod tests;
