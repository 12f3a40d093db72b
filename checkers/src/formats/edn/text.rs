//! The syntax of EDN, from bytes onto a tape.
//!
//! What EDN has and a [`Value`](crate::Value) has not becomes the nearest thing: keywords, symbols and
//! characters are text without their mark, sets are sorted lists, a tag is dropped and its value kept,
//! a ratio is the text `2/3`. Numbers are never rounded: an integer beyond 64 bits is refused.

use std::borrow::Cow;

use crate::formats::json::text::{unicode_escape, utf8};
use crate::formats::source::{Parse, Stop, shortened, wrong};
use crate::tape::{EncodeError, ValueWriter};

/// Deepest nesting that is read; no operation comes near it.
pub(crate) const MAX_DEPTH: usize = 128;

const SPACE: u8 = 1;
const DELIMITER: u8 = 2;
const CONTROL: u8 = 4;

/// What a byte is outside of strings.
static CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        class[byte] = match byte as u8 {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | 12 => SPACE,
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'"' | b';' => DELIMITER,
            0..=31 | 127 => CONTROL,
            _ => 0,
        };
        byte += 1;
    }
    class
};

/// Bytes being parsed.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    pub(crate) at: usize,
    /// Whether nothing comes after `bytes`.
    ended: bool,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8], ended: bool) -> Self {
        Cursor { bytes, at: 0, ended }
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

    /// Passes white space, comments and discarded forms. Where only those are left it stops at the end.
    #[inline]
    pub(crate) fn skip(&mut self, depth: usize) -> Parse<()> {
        // Between most things stands one space or nothing.
        if let Some(byte) = self.bytes.get(self.at) {
            if CLASS[usize::from(*byte)] & SPACE == 0 && *byte != b';' && *byte != b'#' {
                return Ok(());
            }
        }
        self.skip_all(depth)
    }

    fn skip_all(&mut self, depth: usize) -> Parse<()> {
        let mut discards = 0_usize;
        loop {
            match self.bytes.get(self.at) {
                Some(byte) if CLASS[usize::from(*byte)] == SPACE => self.at += 1,
                Some(b';') => match self.bytes[self.at..].iter().position(|byte| *byte == b'\n') {
                    Some(end) => self.at += end + 1,
                    None if self.ended => self.at = self.bytes.len(),
                    None => return Err(Stop::More),
                },
                Some(b'#') => match self.bytes.get(self.at + 1) {
                    Some(b'_') => {
                        self.at += 2;
                        discards += 1;
                    }
                    None if !self.ended => return Err(Stop::More),
                    _ if discards > 0 => self.discard(&mut discards, depth)?,
                    _ => return Ok(()),
                },
                Some(_) if discards > 0 => self.discard(&mut discards, depth)?,
                Some(_) => return Ok(()),
                None if self.ended && discards > 0 => {
                    return self.wrong("`#_` discards what follows, and nothing does");
                }
                None if self.ended => return Ok(()),
                None => return Err(Stop::More),
            }
        }
    }

    fn discard(&mut self, discards: &mut usize, depth: usize) -> Parse<()> {
        let mut ignored = Vec::new();
        self.value(&mut ValueWriter::new(&mut ignored), depth)?;
        *discards -= 1;
        Ok(())
    }

    /// Passes the tags at which the cursor stands: `#jepsen.history.Op{…}` is the map.
    pub(crate) fn skip_tags(&mut self, depth: usize) -> Parse<()> {
        while let Some(b'#') = self.bytes.get(self.at) {
            match self.bytes.get(self.at + 1) {
                None => {
                    return if self.ended {
                        self.wrong("`#` at the end of the file")
                    } else {
                        Err(Stop::More)
                    };
                }
                Some(b'{' | b'#' | b':') => return Ok(()),
                Some(byte) if byte.is_ascii_alphabetic() => {
                    self.token()?;
                    self.skip(depth)?;
                }
                Some(_) => return self.wrong("`#` begins a tag, a set or `#_`; this is none of them"),
            }
        }
        Ok(())
    }

    /// Writes one value; the cursor stands on its first byte.
    pub(crate) fn value(&mut self, writer: &mut ValueWriter<'_>, depth: usize) -> Parse<()> {
        match self.peek()? {
            b'[' => self.list(writer, b']', depth),
            b'(' => self.list(writer, b')', depth),
            b'{' => self.map(writer, "", depth),
            b'"' => {
                let at = self.at;
                let text = self.string()?;
                self.encoded(at, writer.str(&text))
            }
            b'0'..=b'9' => self.number(writer),
            b':' => {
                let at = self.at;
                let text = self.keyword()?;
                self.encoded(at, writer.str(text))
            }
            b'#' => self.dispatched(writer, depth),
            b'\\' => self.character(writer),
            b'+' | b'-' => match self.bytes.get(self.at + 1) {
                Some(b'0'..=b'9') => self.number(writer),
                _ => self.symbol(writer),
            },
            _ => self.symbol(writer),
        }
    }

    fn list(&mut self, writer: &mut ValueWriter<'_>, end: u8, depth: usize) -> Parse<()> {
        let at = self.at;
        let depth = self.deeper(depth)?;
        self.at += 1;
        let list = writer.begin();
        let elements = self.elements(writer, end, depth)?;
        self.encoded(at, writer.end_list(list, elements))
    }

    /// Values up to `end`; returns how many.
    fn elements(&mut self, writer: &mut ValueWriter<'_>, end: u8, depth: usize) -> Parse<usize> {
        let mut elements = 0;
        loop {
            self.skip(depth)?;
            if self.peek()? == end {
                self.at += 1;
                return Ok(elements);
            }
            self.value(writer, depth)?;
            elements += 1;
        }
    }

    /// `namespace` is what keys without one get, as in `#:jepsen{:a 1}`.
    fn map(&mut self, writer: &mut ValueWriter<'_>, namespace: &str, depth: usize) -> Parse<()> {
        let at = self.at;
        let depth = self.deeper(depth)?;
        self.at += 1;
        let map = writer.begin();
        let mut entries = 0;
        loop {
            self.skip(depth)?;
            match self.peek()? {
                b'}' => break,
                b':' if !namespace.is_empty() => {
                    let key_at = self.at;
                    let key = self.keyword()?;
                    let key = match key.strip_prefix("_/") {
                        Some(bare) => bare.into(),
                        None if key.contains('/') => Cow::Borrowed(key),
                        None => format!("{namespace}/{key}").into(),
                    };
                    self.encoded(key_at, writer.str(&key))?;
                }
                _ => self.value(writer, depth)?,
            }
            self.skip(depth)?;
            if self.peek()? == b'}' {
                return self.wrong("a map ends behind a key without a value");
            }
            self.value(writer, depth)?;
            entries += 1;
        }
        self.at += 1;
        self.encoded(at, writer.end_map(map, entries))
    }

    pub(crate) fn deeper(&self, depth: usize) -> Parse<usize> {
        if depth >= MAX_DEPTH {
            return self
                .wrong(format!("more than {MAX_DEPTH} brackets are open; no operation nests so deep"));
        }
        Ok(depth + 1)
    }

    fn dispatched(&mut self, writer: &mut ValueWriter<'_>, depth: usize) -> Parse<()> {
        let at = self.at;
        let Some(next) = self.bytes.get(self.at + 1) else { return Err(Stop::More) };
        match next {
            b'{' => {
                let depth = self.deeper(depth)?;
                self.at += 2;
                let set = writer.begin();
                let elements = self.elements(writer, b'}', depth)?;
                self.encoded(at, writer.end_set(set, elements))
            }
            b'#' => {
                self.at += 2;
                let text = self.token()?;
                match text {
                    "Inf" => writer.float(f64::INFINITY),
                    "-Inf" => writer.float(f64::NEG_INFINITY),
                    "NaN" => writer.float(f64::NAN),
                    _ => return wrong(at, "`##` begins ##Inf, ##-Inf or ##NaN; this is none of them"),
                }
                Ok(())
            }
            b':' => {
                self.at += 1;
                let namespace = self.keyword()?;
                self.skip(depth)?;
                if self.peek()? != b'{' {
                    return self.wrong("`#:` and a namespace stand before a map; this is none");
                }
                self.map(writer, namespace, depth)
            }
            _ => {
                self.skip_tags(depth)?;
                // One tag behind the other needs no recursion, and then it is not a tag any more,
                // unless a set, a symbolic number or a map with a namespace follows.
                let deeper = self.deeper(depth)?;
                match self.peek()? {
                    b'#' => self.dispatched(writer, deeper),
                    b']' | b')' | b'}' => self.wrong("a tag stands before a value; here is none"),
                    _ => self.value(writer, deeper),
                }
            }
        }
    }

    /// Passes a token: what goes on until a space, a bracket, a quote or a semicolon.
    fn token(&mut self) -> Parse<&'a str> {
        let start = self.at;
        let mut at = start;
        loop {
            match self.bytes.get(at) {
                Some(byte) => match CLASS[usize::from(*byte)] {
                    0 => at += 1,
                    CONTROL => {
                        return wrong(
                            at,
                            format!("a byte {byte:#04x}, which no text has; is this a text file?"),
                        );
                    }
                    _ => break,
                },
                None if self.ended => break,
                None => return Err(Stop::More),
            }
        }
        self.at = at;
        utf8(start, &self.bytes[start..at])
    }

    /// A keyword without its colon.
    pub(crate) fn keyword(&mut self) -> Parse<&'a str> {
        let at = self.at;
        self.at += 1;
        let text = self.token()?;
        let text = text.strip_prefix(':').unwrap_or(text);
        if text.is_empty() {
            return wrong(at, "a colon without a name: a keyword is written `:name`");
        }
        Ok(text)
    }

    fn symbol(&mut self, writer: &mut ValueWriter<'_>) -> Parse<()> {
        let at = self.at;
        let byte = self.peek()?;
        match self.token()? {
            "nil" => writer.nil(),
            "true" => writer.bool(true),
            "false" => writer.bool(false),
            "" => {
                return wrong(
                    at,
                    format!(
                        "`{}` closes a bracket that is not open here; expected a value",
                        char::from(byte)
                    ),
                );
            }
            text if matches!(byte, b'\'' | b'`' | b'~' | b'@' | b'^') => {
                return wrong(at, format!("`{}` is Clojure and not EDN; expected a value", shortened(text)));
            }
            text => return self.encoded(at, writer.str(text)),
        }
        Ok(())
    }

    /// A string without its quotes.
    pub(crate) fn string(&mut self) -> Parse<Cow<'a, str>> {
        let start = self.at + 1;
        let Some(end) = find_quote(&self.bytes[start.min(self.bytes.len())..]) else {
            return Err(Stop::More);
        };
        let end = start + end;
        if self.bytes[end] == b'"' {
            let text = utf8(start, &self.bytes[start..end])?;
            self.at = end + 1;
            return Ok(text.into());
        }
        self.string_with_escapes(start)
    }

    fn string_with_escapes(&mut self, start: usize) -> Parse<Cow<'a, str>> {
        let mut text = String::new();
        let mut at = start;
        loop {
            let Some(length) = find_quote(&self.bytes[at..]) else { return Err(Stop::More) };
            text.push_str(utf8(at, &self.bytes[at..at + length])?);
            at += length;
            if self.bytes[at] == b'"' {
                self.at = at + 1;
                return Ok(text.into());
            }
            let Some(escaped) = self.bytes.get(at + 1) else { return Err(Stop::More) };
            text.push(match escaped {
                b'n' => '\n',
                b't' => '\t',
                b'r' => '\r',
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'"' | b'\\' | b'/' | b'\'' => char::from(*escaped),
                b'u' => {
                    let (character, length) = unicode_escape(self.bytes, self.ended, at)?;
                    text.push(character);
                    at += length;
                    continue;
                }
                _ => return wrong(at, "expected \\n, \\t, \\r, \\b, \\f, \\\", \\\\ or \\u and four digits behind a backslash"),
            });
            at += 2;
        }
    }

    fn character(&mut self, writer: &mut ValueWriter<'_>) -> Parse<()> {
        let at = self.at;
        // The character itself may be one that ends tokens: `\(`.
        let Some(first) = self.bytes.get(at + 1) else { return Err(Stop::More) };
        let start = at + 1;
        self.at = start + usize::from(CLASS[usize::from(*first)] & DELIMITER != 0);
        self.token()?;
        let text = utf8(start, &self.bytes[start..self.at])?;
        let named = match text {
            "newline" => "\n",
            "space" => " ",
            "tab" => "\t",
            "return" => "\r",
            "backspace" => "\u{8}",
            "formfeed" => "\u{c}",
            text => text,
        };
        let mut buffer = [0; 4];
        let named = match named.strip_prefix('u').filter(|digits| digits.len() == 4) {
            Some(digits) => match u32::from_str_radix(digits, 16).ok().and_then(char::from_u32) {
                Some(character) => &*character.encode_utf8(&mut buffer),
                None => named,
            },
            None => named,
        };
        if named.chars().count() != 1 {
            return wrong(at, format!("`\\{}` is not a character", shortened(text)));
        }
        self.encoded(at, writer.str(named))
    }

    #[inline]
    pub(crate) fn number(&mut self, writer: &mut ValueWriter<'_>) -> Parse<()> {
        let mut at = self.at;
        let mut n = 0_i64;
        // Up to 18 digits fit, whatever they are.
        let limit = at + 18;
        loop {
            match self.bytes.get(at) {
                Some(digit @ b'0'..=b'9') if at < limit => {
                    n = n * 10 + i64::from(digit - b'0');
                    at += 1;
                }
                Some(byte)
                    if CLASS[usize::from(*byte)] & (SPACE | DELIMITER) != 0
                        && at > self.at
                        && (self.bytes[self.at] != b'0' || at == self.at + 1) =>
                {
                    self.at = at;
                    writer.int(n);
                    return Ok(());
                }
                _ => return self.any_number(writer),
            }
        }
    }

    #[cold]
    fn any_number(&mut self, writer: &mut ValueWriter<'_>) -> Parse<()> {
        let at = self.at;
        let text = self.token()?;
        match Number::parse(text) {
            Ok(Number::Int(n)) => writer.int(n),
            Ok(Number::Float(x)) => writer.float(x),
            Ok(Number::Ratio(text)) => return self.encoded(at, writer.str(&text)),
            Err(reason) => return wrong(at, reason),
        }
        Ok(())
    }

    pub(crate) fn encoded(&self, at: usize, result: Result<(), EncodeError>) -> Parse<()> {
        match result {
            Ok(()) => Ok(()),
            Err(error) => wrong(at, error.to_string()),
        }
    }
}

/// Where the next quote or backslash is.
fn find_quote(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'))
}

/// A number that is not a short positive integer.
enum Number {
    Int(i64),
    Float(f64),
    Ratio(String),
}

/// So many digits name a float of their own.
const EXACT_DIGITS: usize = 15;

impl Number {
    fn parse(text: &str) -> Result<Number, String> {
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let negative = text.starts_with('-');
        let bad = || format!("`{}` is not a number", shortened(text));
        if let Some(digits) = unsigned.strip_prefix("0x").or(unsigned.strip_prefix("0X")) {
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(bad());
            }
            let n = i128::from_str_radix(digits, 16).unwrap_or(i128::MAX);
            return i64::try_from(if negative { -n } else { n })
                .map(Number::Int)
                .map_err(|_| too_large(text));
        }
        let integer = unsigned.strip_suffix('N').unwrap_or(unsigned);
        if is_digits(integer) {
            if integer.len() > 1 && integer.starts_with('0') {
                return Err(format!("the number `{}` begins with 0", shortened(text)));
            }
            return parse_int(negative, integer).map(Number::Int).ok_or_else(|| too_large(text));
        }
        if let Some((above, below)) = unsigned.split_once('/').filter(|(a, b)| is_digits(a) && is_digits(b)) {
            let (Some(above), Some(below)) = (parse_int(negative, above), parse_int(false, below)) else {
                return Err(too_large(text));
            };
            let divisor = greatest_divisor(above.unsigned_abs(), below.unsigned_abs()) as i64;
            return match (below, divisor) {
                (0, _) => Err(format!("`{}` divides by zero", shortened(text))),
                _ if below == divisor => Ok(Number::Int(above / below)),
                _ => Ok(Number::Ratio(format!("{}/{}", above / divisor, below / divisor))),
            };
        }
        let (float, exact) = match unsigned.strip_suffix('M') {
            Some(decimal) => (decimal, true),
            None => (unsigned, false),
        };
        if !is_float(float) {
            return Err(bad());
        }
        if exact {
            if is_digits(float) {
                return parse_int(negative, float).map(Number::Int).ok_or_else(|| too_large(text));
            }
            let mantissa = float.split(['e', 'E']).next().unwrap_or_default();
            let digits =
                mantissa.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
            if digits > EXACT_DIGITS {
                return Err(format!(
                    "the decimal `{}` would have to be rounded; write it as text",
                    shortened(text)
                ));
            }
        }
        match float.parse::<f64>() {
            Ok(x) if x.is_finite() => Ok(Number::Float(if negative { -x } else { x })),
            _ => Err(format!("the number `{}` is too large for a float; write it as text", shortened(text))),
        }
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Digits, maybe with a fraction, maybe with an exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (text, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    is_digits(whole) && (fraction.is_empty() || is_digits(fraction)) && is_digits(exponent)
}

fn parse_int(negative: bool, digits: &str) -> Option<i64> {
    let n: i128 = digits.parse().ok()?;
    i64::try_from(if negative { -n } else { n }).ok()
}

fn greatest_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.max(1)
}

pub(crate) fn too_large(text: &str) -> String {
    format!("the number {} does not fit in 64 bits; write it as text", shortened(text))
}
