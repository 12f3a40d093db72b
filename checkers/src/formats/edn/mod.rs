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

mod number;
pub(crate) mod text;
mod write;

use std::io::BufRead;

pub use write::{write_event, write_history};

use super::FormatError;
use super::operation::{Keyed, SyntaxOf, read_stream};
use crate::history::History;
use text::Cursor;

/// EDN as a syntax of operations.
pub(crate) struct Edn;

impl<'a> SyntaxOf<'a> for Edn {
    type Cursor = Cursor<'a>;
}

/// Reads a history.
///
/// # Errors
/// The first place that is not EDN, not an operation, or breaks a rule of histories.
pub fn read(input: impl BufRead) -> Result<History, FormatError> {
    read_stream::<Edn>(input, Keyed::No)
}

#[cfg(test)]
mod tests;
