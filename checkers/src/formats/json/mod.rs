//! JSON: our own lines, and what others write.

#[cfg(feature = "jsonl")]
pub(crate) mod line;
pub(crate) mod text;

use std::borrow::Cow;
use std::io::BufRead;

use super::FormatError;
use super::operation::{Keyed, Syntax, SyntaxOf, read_stream};
use super::source::Parse;
use crate::history::History;
use crate::tape::ValueWriter;
use text::{Cursor, Dialect};

/// JSON as a syntax of operations.
struct Json;

impl<'a> SyntaxOf<'a> for Json {
    type Cursor = JsonOperations<'a>;
}

/// Reads a history that Jepsen or elle-cli could read if it were EDN: an array of objects or a
/// stream of them, with the keys, the leniency and the quirks of [`edn`](super::edn). In the values
/// of operations, keys of objects that are written as integers are integers: what the accounts of a
/// bank were before they were written as JSON, which has no such keys.
///
/// # Errors
/// The first place that is not JSON, not an operation, or breaks a rule of histories.
pub fn read(input: impl BufRead) -> Result<History, FormatError> {
    read_stream::<Json>(input, Keyed::No)
}

struct JsonOperations<'a>(Cursor<'a>);

impl<'a> Syntax<'a> for JsonOperations<'a> {
    fn new(bytes: &'a [u8], ended: bool) -> Self {
        JsonOperations(Cursor::new(bytes, ended, Dialect::FromEdn))
    }

    fn at(&self) -> usize {
        self.0.at
    }

    fn is_at_end(&self) -> bool {
        self.0.is_at_end()
    }

    fn peek(&self) -> Parse<u8> {
        self.0.peek()
    }

    fn pass(&mut self) {
        self.0.at += 1;
    }

    fn skip(&mut self) -> Parse<()> {
        self.0.skip();
        Ok(())
    }

    fn closes(open: u8) -> Option<u8> {
        (open == b'[').then_some(b']')
    }

    fn another(&mut self, first: bool, end: u8) -> Parse<bool> {
        self.0.another(first, end)
    }

    fn key(&mut self, first: bool) -> Parse<Option<(usize, Cow<'a, [u8]>)>> {
        if !self.0.another(first, b'}')? {
            return Ok(None);
        }
        let at = self.0.at;
        let key = self.0.key()?;
        self.0.skip();
        Ok(Some((at, bytes(key))))
    }

    fn word(&mut self) -> Parse<Option<Cow<'a, [u8]>>> {
        match self.0.peek()? {
            b'"' => Ok(Some(bytes(self.0.string()?))),
            _ => Ok(None),
        }
    }

    fn integer(&mut self) -> Option<i64> {
        self.0.short_integer().map(|n| n as i64)
    }

    fn value(&mut self, writer: &mut ValueWriter<'_>, depth: usize) -> Parse<()> {
        self.0.value(writer, depth)
    }
}

/// The bytes of a text.
pub(crate) fn bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}
