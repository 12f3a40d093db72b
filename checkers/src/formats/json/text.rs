//! The syntax of JSON, from bytes onto a tape.

use std::borrow::Cow;

use crate::formats::operation::encoded;
use crate::formats::source::{Parse, Stop, shortened, too_large, wrong};
use crate::tape::ValueWriter;

/// Deepest nesting that is read, as in serde_json.
pub(crate) const MAX_DEPTH: usize = 128;

/// What JSON leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Our own lines: whatever is not plain is left to serde_json, which reads it exactly as before.
    Ours,
    /// What was EDN before it was JSON: a key of a map that is written as an integer was one.
    FromEdn,
}

/// Bytes being parsed.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(crate) at: usize,
    /// Whether nothing comes after `bytes`.
    ended: bool,
    dialect: Dialect,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8], ended: bool, dialect: Dialect) -> Self {
        Cursor { bytes, at: 0, ended, dialect }
    }

    pub(crate) fn wrong<T>(&self, reason: impl Into<String>) -> Parse<T> {
        wrong(self.at, reason)
    }

    /// The byte at which the cursor stands.
    #[inline]
    pub(crate) fn peek(&self) -> Parse<u8> {
        match self.bytes.get(self.at) {
            Some(byte) => Ok(*byte),
            None => Err(Stop::More),
        }
    }

    /// Whether there is nothing more.
    pub(crate) fn is_at_end(&self) -> bool {
        self.ended && self.at >= self.bytes.len()
    }

    /// Passes white space; stops at the end, and at the end of one of our lines.
    #[inline]
    pub(crate) fn skip(&mut self) {
        loop {
            match self.bytes.get(self.at) {
                Some(b' ' | b'\r' | b'\t') => self.at += 1,
                Some(b'\n') if self.dialect != Dialect::Ours => self.at += 1,
                _ => return,
            }
        }
    }

    /// Whether `text` stands here; it is passed then.
    #[cfg(feature = "jsonl")]
    #[inline]
    pub(crate) fn passes(&mut self, text: &[u8]) -> bool {
        let stands = self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(text));
        if stands {
            self.at += text.len();
        }
        stands
    }

    /// Passes `byte`, which must stand here, after white space.
    #[inline]
    pub(crate) fn expect(&mut self, byte: u8, what: &str) -> Parse<()> {
        self.skip();
        if self.peek()? != byte {
            return self.wrong(format!("expected `{}`{what}", char::from(byte)));
        }
        self.at += 1;
        Ok(())
    }

    /// Whether another element follows in a list or object that `end` closes; passes the comma or the
    /// end. `first` is whether none was read yet.
    #[inline]
    pub(crate) fn another(&mut self, first: bool, end: u8) -> Parse<bool> {
        self.skip();
        let byte = self.peek()?;
        if byte == end {
            self.at += 1;
            return Ok(false);
        }
        if !first {
            if byte != b',' {
                return self.wrong(format!("expected `,` or `{}`", char::from(end)));
            }
            self.at += 1;
            self.skip();
        }
        Ok(true)
    }

    /// Writes one value; the cursor stands on its first byte.
    pub(crate) fn value(&mut self, writer: &mut ValueWriter<'_>, depth: usize) -> Parse<()> {
        let at = self.at;
        match self.peek()? {
            b'0'..=b'9' | b'-' => self.number(writer),
            b'[' => self.list(writer, depth),
            b'"' => match self.plain_string() {
                Some(text) => encoded(at, writer.ascii(text)),
                None => {
                    let text = self.string()?;
                    encoded(at, writer.str(&text))
                }
            },
            b'{' => self.map(writer, depth),
            _ => match self.word()? {
                b"null" => {
                    writer.nil();
                    Ok(())
                }
                b"true" => {
                    writer.bool(true);
                    Ok(())
                }
                b"false" => {
                    writer.bool(false);
                    Ok(())
                }
                _ => wrong(
                    at,
                    "expected a value: null, true, false, a number, a string in \"\", a list or an object",
                ),
            },
        }
    }

    fn word(&mut self) -> Parse<&'a [u8]> {
        let start = self.at;
        let length = self.bytes[start..].iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        self.at += length;
        if self.at == self.bytes.len() && !self.ended {
            return Err(Stop::More);
        }
        Ok(&self.bytes[start..self.at])
    }

    fn list(&mut self, writer: &mut ValueWriter<'_>, depth: usize) -> Parse<()> {
        let at = self.at;
        let depth = self.deeper(depth)?;
        self.at += 1;
        let list = writer.begin();
        let mut elements = 0;
        while self.another(elements == 0, b']')? {
            self.value(writer, depth)?;
            elements += 1;
        }
        encoded(at, writer.end_list(list, elements))
    }

    fn map(&mut self, writer: &mut ValueWriter<'_>, depth: usize) -> Parse<()> {
        let at = self.at;
        let depth = self.deeper(depth)?;
        self.at += 1;
        let map = writer.begin();
        let mut entries = 0;
        while self.another(entries == 0, b'}')? {
            let key_at = self.at;
            let key = self.key()?;
            match self.dialect {
                Dialect::FromEdn if written_as_integer(&key) => match key.parse() {
                    Ok(n) => writer.int(n),
                    Err(_) => encoded(key_at, writer.str(&key))?,
                },
                _ => encoded(key_at, writer.str(&key))?,
            }
            self.skip();
            self.value(writer, depth)?;
            entries += 1;
        }
        encoded(at, writer.end_map(map, entries))
    }

    /// A key and its colon.
    #[inline]
    pub(crate) fn key(&mut self) -> Parse<Cow<'a, str>> {
        if self.peek()? != b'"' {
            return self.wrong("expected a key in quotes");
        }
        let key = self.string()?;
        self.expect(b':', " behind the key")?;
        Ok(key)
    }

    fn deeper(&self, depth: usize) -> Parse<usize> {
        if depth >= MAX_DEPTH {
            return self
                .wrong(format!("more than {MAX_DEPTH} brackets are open; no operation nests so deep"));
        }
        Ok(depth + 1)
    }

    /// A string without its quotes, if it is ASCII without escapes and ends in the window. `None`
    /// leaves the cursor where it is.
    #[inline]
    pub(crate) fn plain_string(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at + 1..)?;
        for (length, byte) in rest.iter().enumerate() {
            match byte {
                b'"' => {
                    self.at += length + 2;
                    return Some(&rest[..length]);
                }
                b'\\' | 0..=31 | 128.. => return None,
                _ => {}
            }
        }
        None
    }

    /// A string without its quotes.
    pub(crate) fn string(&mut self) -> Parse<Cow<'a, str>> {
        let start = self.at + 1;
        let mut at = start;
        while let Some(byte) = self.bytes.get(at) {
            match byte {
                b'"' => {
                    let text = utf8(start, &self.bytes[start..at])?;
                    self.at = at + 1;
                    return Ok(text.into());
                }
                b'\\' if self.dialect != Dialect::Ours => return self.string_with_escapes(start),
                b'\\' | 0..=31 => break,
                _ => at += 1,
            }
        }
        match self.bytes.get(at) {
            None => Err(Stop::More),
            Some(byte) => wrong(at, format!("a byte {byte:#04x} in a string; is a quote missing?")),
        }
    }

    fn string_with_escapes(&mut self, start: usize) -> Parse<Cow<'a, str>> {
        let mut text = String::new();
        let mut at = start;
        loop {
            let Some(length) = self.bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=31))
            else {
                return Err(Stop::More);
            };
            text.push_str(utf8(at, &self.bytes[at..at + length])?);
            at += length;
            match self.bytes[at] {
                b'"' => {
                    self.at = at + 1;
                    return Ok(text.into());
                }
                b'\\' => {}
                byte => return wrong(at, format!("a byte {byte:#04x} in a string; is a quote missing?")),
            }
            let Some(escaped) = self.bytes.get(at + 1) else { return Err(Stop::More) };
            text.push(match escaped {
                b'n' => '\n',
                b't' => '\t',
                b'r' => '\r',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'"' | b'\\' | b'/' => char::from(*escaped),
                b'u' => {
                    let (character, length) = unicode_escape(self.bytes, self.ended, at)?;
                    text.push(character);
                    at += length;
                    continue;
                }
                _ => {
                    return wrong(
                        at,
                        "expected \\n, \\t, \\r, \\b, \\f, \\\", \\\\, \\/ or \\u and four digits behind a backslash",
                    );
                }
            });
            at += 2;
        }
    }

    /// An integer without a sign, of at most 18 digits; `None` leaves the cursor where it is.
    #[inline]
    pub(crate) fn short_integer(&mut self) -> Option<u64> {
        let start = self.at;
        let mut n = 0_u64;
        let mut at = start;
        while let Some(digit @ b'0'..=b'9') = self.bytes.get(at) {
            n = n.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            at += 1;
        }
        let digits = at - start;
        if digits == 0 || digits > 18 || (self.bytes[start] == b'0' && digits > 1) {
            return None;
        }
        // What follows decides whether this was an integer.
        if matches!(self.bytes.get(at), None | Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.at = at;
        Some(n)
    }

    #[inline]
    fn number(&mut self, writer: &mut ValueWriter<'_>) -> Parse<()> {
        match self.short_integer() {
            Some(n) => {
                writer.int(n as i64);
                Ok(())
            }
            None => self.any_number(writer),
        }
    }

    #[cold]
    fn any_number(&mut self, writer: &mut ValueWriter<'_>) -> Parse<()> {
        let start = self.at;
        let length = self.bytes[start..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
            .count();
        if start + length == self.bytes.len() && !self.ended {
            return Err(Stop::More);
        }
        let text = utf8(start, &self.bytes[start..start + length])?;
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        if is_number(unsigned) {
            if unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
                let Ok(n) = text.parse() else {
                    return wrong(start, too_large(text));
                };
                self.at += length;
                writer.int(n);
                return Ok(());
            }
            if self.dialect != Dialect::Ours {
                match text.parse::<f64>() {
                    Ok(x) if x.is_finite() => {
                        self.at += length;
                        writer.float(x);
                        return Ok(());
                    }
                    Ok(_) => {
                        return wrong(
                            start,
                            format!(
                                "the number {} is too large for a float; write it as text",
                                shortened(text)
                            ),
                        );
                    }
                    Err(_) => {}
                }
            }
        }
        wrong(start, format!("`{}` is not a number", shortened(text)))
    }
}

/// RFC 8259, §6, without the sign: digits that do not begin with a needless 0, maybe a point and digits,
/// maybe an exponent.
fn is_number(unsigned: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}

/// `12`, `-3`, but not `007`, `+1`, `-0`: what an integer is printed as.
fn written_as_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    match digits.as_bytes() {
        b"0" => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

pub(crate) fn utf8(at: usize, bytes: &[u8]) -> Parse<&str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => wrong(at + error.valid_up_to(), "this is not UTF-8 text"),
    }
}

/// `\u00e4` at `at`, or two of them for a character beyond 16 bits; and how many bytes that is.
pub(crate) fn unicode_escape(bytes: &[u8], ended: bool, at: usize) -> Parse<(char, usize)> {
    let digits = |at: usize| -> Parse<Option<u32>> {
        let Some(digits) = bytes.get(at + 2..at + 6) else {
            return if ended { Ok(None) } else { Err(Stop::More) };
        };
        let digits =
            std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        Ok(digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()))
    };
    let Some(first) = digits(at)? else { return wrong(at, "expected four digits behind \\u") };
    if let Some(character) = char::from_u32(first) {
        return Ok((character, 6));
    }
    if bytes.len() < at + 12 && !ended {
        return Err(Stop::More);
    }
    let second = if bytes.get(at + 6..at + 8) == Some(b"\\u") { digits(at + 6)? } else { None };
    let pair = second
        .and_then(|second| char::decode_utf16([first as u16, u16::try_from(second).ok()?]).next()?.ok());
    match pair {
        Some(character) if first < 0xdc00 => Ok((character, 12)),
        _ => wrong(at, "half a character: \\ud800 to \\udfff mean something only in pairs"),
    }
}
