//! Text that is appended to, as a state: an append shares all that was there before, and neither it
//! nor a comparison of different texts costs more for a longer one.
//!
//! A chain of pieces from the end to the beginning, with the polynomial hash of the whole modulo 2^64
//! (Karp and Rabin 1987), which does not depend on where the pieces end. Equal hashes are not taken
//! for equal texts: the bytes are compared, as far as the chains differ.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Any odd number that is not small.
const BASE: u64 = 0x9b1d_c0de_5eed_f00d;

/// See the module.
#[derive(Clone)]
pub struct Text {
    hash: u64,
    /// The base to the power of the length.
    power: u64,
    len: usize,
    /// `None` if and only if it is empty.
    last: Option<Arc<Piece>>,
}

struct Piece {
    text: Arc<str>,
    before: Option<Arc<Piece>>,
}

/// A chain may be long, so it is taken down link by link and not by recursion.
impl Drop for Piece {
    fn drop(&mut self) {
        let mut before = self.before.take();
        while let Some(mut piece) = before.and_then(Arc::into_inner) {
            before = piece.before.take();
        }
    }
}

impl Text {
    /// This text.
    pub fn new(text: Arc<str>) -> Self {
        let next = |hash: u64, byte| hash.wrapping_mul(BASE).wrapping_add(u64::from(byte) + 1);
        let hash = text.bytes().fold(0, next);
        let len = text.len();
        let power = BASE.wrapping_pow(len as u32);
        Text { hash, power, len, last: (len > 0).then(|| Arc::new(Piece { text, before: None })) }
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The text, if it was never put together.
    pub fn as_str(&self) -> Option<&str> {
        match &self.last {
            None => Some(""),
            Some(piece) => piece.before.is_none().then_some(&*piece.text),
        }
    }

    /// This text with another behind it.
    #[must_use]
    pub fn and(&self, other: &Text) -> Self {
        if self.is_empty() {
            return other.clone();
        }
        let mut last = self.last.clone();
        let mut pieces = Vec::new();
        let mut link = &other.last;
        while let Some(piece) = link {
            pieces.push(&piece.text);
            link = &piece.before;
        }
        for text in pieces.into_iter().rev() {
            last = Some(Arc::new(Piece { text: text.clone(), before: last }));
        }
        Text {
            hash: self.hash.wrapping_mul(other.power).wrapping_add(other.hash),
            power: self.power.wrapping_mul(other.power),
            len: self.len + other.len,
            last,
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        if self.hash != other.hash || self.len != other.len {
            return false;
        }
        let (mut one, mut other) = (self.last.as_ref(), other.last.as_ref());
        let mut ends = (one.map_or(0, |p| p.text.len()), other.map_or(0, |p| p.text.len()));
        while let (Some(a), Some(b)) = (one, other) {
            if Arc::ptr_eq(a, b) && ends.0 == ends.1 {
                return true;
            }
            let n = ends.0.min(ends.1);
            if a.text.as_bytes()[ends.0 - n..ends.0] != b.text.as_bytes()[ends.1 - n..ends.1] {
                return false;
            }
            ends = (ends.0 - n, ends.1 - n);
            if ends.0 == 0 {
                one = a.before.as_ref();
                ends.0 = one.map_or(0, |p| p.text.len());
            }
            if ends.1 == 0 {
                other = b.before.as_ref();
                ends.1 = other.map_or(0, |p| p.text.len());
            }
        }
        one.is_none() && other.is_none()
    }
}
impl Eq for Text {}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pieces = Vec::new();
        let mut link = &self.last;
        while let Some(piece) = link {
            pieces.push(&piece.text);
            link = &piece.before;
        }
        pieces.iter().rev().try_for_each(|piece| f.write_str(piece))
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        Text::new(text.into())
    }

    #[test]
    fn texts_are_equal_when_their_bytes_are_however_they_came_about() {
        let ways = [
            text("abcdef"),
            text("abc").and(&text("def")),
            text("a").and(&text("")).and(&text("bc")).and(&text("d")).and(&text("ef")),
            text("").and(&text("abcde").and(&text("f"))),
        ];
        for one in &ways {
            assert_eq!(one.to_string(), "abcdef");
            for other in &ways {
                assert_eq!(one, other);
                assert_ne!(one.and(&text("x")), other.and(&text("y")));
                assert_eq!(one.and(&text("x")), other.and(&text("x")));
            }
        }
        assert_ne!(text("ab").and(&text("c")), text("a").and(&text("cb")));
        assert_eq!(text(""), text("").and(&text("")));
        assert_ne!(text("\0"), text(""));
    }

    #[test]
    fn a_long_chain_is_taken_down_without_recursion() {
        let word = text("word ");
        let long = (0..300_000).fold(text(""), |long, _| long.and(&word));
        assert_eq!(long.len(), 1_500_000);
        drop(long);
    }
}
