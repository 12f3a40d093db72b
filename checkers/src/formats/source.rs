//! Text as it comes from a file: a window that moves, so that a file is never held as a whole.

use std::cell::Cell;
use std::io::Read;

use super::FormatError;

/// Longest piece of text, an event or a line, that is read: what is longer is refused before more of
/// it is held in memory.
pub const MAX_EVENT_BYTES: usize = 64 << 20;

/// How much is read at once.
const WINDOW: usize = 512 << 10;

/// A window on the input. A parser works on [`rest`](Self::rest); where that ends in the middle of
/// something it asks for [`more`](Self::more) and begins the thing again. The window doubles then,
/// so beginning again costs no more than reading once.
pub(crate) struct Source<R> {
    input: R,
    window: Vec<u8>,
    /// Begins what is not consumed.
    at: usize,
    /// Ends what is filled.
    filled: usize,
    ended: bool,
    /// Up to where lines are counted, which is never beyond what is consumed.
    counted: Cell<Place>,
}

/// A place in the window, and where in the text it is.
#[derive(Clone, Copy, Default)]
struct Place {
    at: usize,
    /// Lines that end before it.
    lines: usize,
    /// Bytes of its line that lie before it.
    column: usize,
}

impl<R: Read> Source<R> {
    pub(crate) fn new(input: R) -> Self {
        Source { input, window: Vec::new(), at: 0, filled: 0, ended: false, counted: Cell::default() }
    }

    /// What is there and not consumed.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.window[self.at..self.filled]
    }

    /// Whether nothing comes after [`rest`](Self::rest).
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// The first `bytes` of the rest are done with.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.filled);
    }

    /// Passes the mark with which some editors begin a file.
    fn skip_byte_order_mark(&mut self) {
        if self.rest().starts_with(b"\xef\xbb\xbf") {
            self.consume(3);
        }
    }

    /// Puts more behind the rest. Call only if it has not [`ended`](Self::ended).
    pub(crate) fn more(&mut self) -> Result<(), FormatError> {
        let begins = self.window.is_empty();
        self.forget_consumed();
        if self.filled > MAX_EVENT_BYTES {
            let (line, _) = self.place(0);
            return Err(FormatError::TooLong { line });
        }
        if self.filled * 2 >= self.window.len() {
            self.window.resize((self.window.len() * 2).max(WINDOW), 0);
        }
        while self.filled < self.window.len() {
            match self.input.read(&mut self.window[self.filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(source) => {
                    let (line, _) = self.place(self.filled);
                    return Err(FormatError::Io { line, source });
                }
            }
        }
        if begins {
            self.skip_byte_order_mark();
        }
        Ok(())
    }

    /// Line and column, each from 1, of the byte at `offset` in the rest.
    pub(crate) fn place(&self, offset: usize) -> (usize, usize) {
        let place = self.here().advanced(&self.window[..(self.at + offset).min(self.filled)]);
        (place.lines + 1, place.column + 1)
    }

    /// Where the rest begins. What was counted is not counted again.
    fn here(&self) -> Place {
        let here = self.counted.get().advanced(&self.window[..self.at]);
        self.counted.set(here);
        here
    }

    /// The rest's first line: without its end, and how many bytes it has with it; `None` at the end.
    pub(crate) fn line(&mut self) -> Result<Option<(&[u8], usize)>, FormatError> {
        let mut searched = 0;
        loop {
            if let Some(end) = self.rest()[searched..].iter().position(|byte| *byte == b'\n') {
                let end = searched + end;
                return Ok(Some((trim_return(&self.rest()[..end]), end + 1)));
            }
            searched = self.rest().len();
            if self.ended {
                let rest = self.rest();
                return Ok((!rest.is_empty()).then(|| (trim_return(rest), rest.len())));
            }
            self.more()?;
        }
    }

    fn forget_consumed(&mut self) {
        self.counted.set(Place { at: 0, ..self.here() });
        self.window.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        self.at = 0;
    }
}

impl Place {
    /// The place at the end of `window`, which begins where the place's window does.
    fn advanced(self, window: &[u8]) -> Place {
        let bytes = window.get(self.at..).unwrap_or_default();
        // Sums of bytes are what a compiler makes fast.
        let ends = |chunk: &[u8]| usize::from(chunk.iter().map(|byte| u8::from(*byte == b'\n')).sum::<u8>());
        let lines = bytes.chunks(usize::from(u8::MAX)).map(ends).sum::<usize>();
        let column = match bytes.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => bytes.len() - end - 1,
            None => self.column + bytes.len(),
        };
        Place { at: self.at + bytes.len(), lines: self.lines + lines, column }
    }
}

fn trim_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Why a parser stopped.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The window ends in the middle.
    More,
    /// The text is not what it should be.
    Wrong(Box<Wrong>),
}

/// See [`Stop::Wrong`].
#[derive(Debug)]
pub(crate) struct Wrong {
    /// Where in the parsed bytes.
    pub(crate) offset: usize,
    /// What was expected, or what is wrong.
    pub(crate) reason: String,
}

pub(crate) type Parse<T> = Result<T, Stop>;

pub(crate) fn wrong<T>(offset: usize, reason: impl Into<String>) -> Parse<T> {
    Err(Stop::Wrong(Box::new(Wrong { offset, reason: reason.into() })))
}

impl<R: Read> Source<R> {
    /// The error that `stop` is; [`Stop::More`] where nothing more comes is a file cut off.
    pub(crate) fn error(&self, stop: Stop) -> FormatError {
        match stop {
            Stop::More => {
                let (line, _) = self.place(0);
                FormatError::CutOff { line }
            }
            Stop::Wrong(wrong) => {
                let (line, column) = self.place(wrong.offset);
                FormatError::Syntax { line, column, reason: wrong.reason }
            }
        }
    }
}

/// The beginning of a text of which nobody wants to see all.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What is said of a number that is no [`i64`].
pub(crate) fn too_large(text: &str) -> String {
    format!("the number {} does not fit in 64 bits; write it as text", shortened(text))
}
