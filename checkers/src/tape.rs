//! Values written one after the other into bytes: how a [`History`](crate::History) stores what a
//! million operations carry, without an allocation for each.
//!
//! The encoding is canonical: two values are equal if and only if their bytes are. So a table of
//! keys or of written values hashes and compares bytes, and never builds a [`Value`].
//!
//! | first byte | what follows |
//! |---|---|
//! | 0, 1, 2 | nil, false, true |
//! | 3, 4, 5 | an integer in 2, 4, 8 bytes, little endian, where fewer do not suffice |
//! | 6 | a float in 8 bytes |
//! | 7, 8 | text: its length in 1 or 4 bytes, then UTF-8 |
//! | 9, 10 | a list: length in bytes and number of elements, each in 1 or in 4 bytes, then the elements |
//! | 11, 12 | a map: the same with entries, sorted by key |
//! | 48 and above | the integer that is 64 less: −16 to 191 |

use std::cmp::Ordering;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::formats::shortened;
use crate::value::{Float, Value};

const NIL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT_16: u8 = 3;
const INT_32: u8 = 4;
const INT_64: u8 = 5;
const FLOAT: u8 = 6;
const STR: u8 = 7;
const STR_LONG: u8 = 8;
const LIST: u8 = 9;
const LIST_LONG: u8 = 10;
const MAP: u8 = 11;
const MAP_LONG: u8 = 12;
const FIRST_INLINE: u8 = 48;
/// What the first byte of an inline integer is more than the integer.
const INLINE_BIAS: i64 = 64;
const SHORT_HEADER: usize = 3;
const LONG_HEADER: usize = 9;

/// 2^53: beyond it, not every integer is a float.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// A value where it lies on a tape. Equal if the values are equal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ValueRef<'t>(&'t [u8]);

/// Which kind of value, with its content. See [`ValueRef::view`].
#[derive(Clone, Debug)]
pub enum View<'t> {
    /// Absent.
    Nil,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A number with a fraction, or beyond 2^53.
    Float(f64),
    /// Text.
    Str(&'t str),
    /// A list.
    List(Items<'t>),
    /// Entries, sorted by key.
    Map(Entries<'t>),
}

impl ValueRef<'static> {
    /// Absent.
    pub const NIL: ValueRef<'static> = ValueRef(&[NIL]);
}

impl<'t> ValueRef<'t> {
    /// The value in `bytes`, which must be exactly one.
    pub(crate) fn new(bytes: &'t [u8]) -> Self {
        debug_assert!(bytes.is_empty() || length(bytes) == bytes.len());
        if bytes.is_empty() { ValueRef(&[NIL]) } else { ValueRef(bytes) }
    }

    /// The encoded value: equal for equal values, so it can stand for the value in a table.
    pub fn as_bytes(self) -> &'t [u8] {
        self.0
    }

    /// What it is.
    pub fn view(self) -> View<'t> {
        let bytes = self.0;
        match bytes[0] {
            FALSE => View::Bool(false),
            TRUE => View::Bool(true),
            FLOAT => View::Float(f64::from_le_bytes(fixed(bytes))),
            STR | STR_LONG => View::Str(self.as_str().unwrap_or_default()),
            LIST | LIST_LONG => self.as_list().map_or(View::Nil, View::List),
            MAP | MAP_LONG => self.as_map().map_or(View::Nil, View::Map),
            _ => self.as_int().map_or(View::Nil, View::Int),
        }
    }

    /// Whether it is absent.
    pub fn is_nil(self) -> bool {
        self.0[0] == NIL
    }

    /// The integer, if this is one.
    #[inline]
    pub fn as_int(self) -> Option<i64> {
        let bytes = self.0;
        match bytes[0] {
            tag if tag >= FIRST_INLINE => Some(i64::from(tag) - INLINE_BIAS),
            INT_16 => Some(i64::from(i16::from_le_bytes(fixed(bytes)))),
            INT_32 => Some(i64::from(i32::from_le_bytes(fixed(bytes)))),
            INT_64 => Some(i64::from_le_bytes(fixed(bytes))),
            _ => None,
        }
    }

    /// The text, if this is text.
    pub fn as_str(self) -> Option<&'t str> {
        let text = match self.0[0] {
            STR => &self.0[2..],
            STR_LONG => &self.0[5..],
            _ => return None,
        };
        std::str::from_utf8(text).ok()
    }

    /// The truth value, if this is one.
    pub fn as_bool(self) -> Option<bool> {
        match self.0[0] {
            FALSE => Some(false),
            TRUE => Some(true),
            _ => None,
        }
    }

    /// The elements, if this is a list.
    #[inline]
    pub fn as_list(self) -> Option<Items<'t>> {
        match self.0[0] {
            LIST => Some(Items { rest: &self.0[SHORT_HEADER..], left: u32::from(self.0[2]) }),
            LIST_LONG => {
                Some(Items { rest: &self.0[LONG_HEADER..], left: u32::from_le_bytes(fixed(&self.0[4..])) })
            }
            _ => None,
        }
    }

    /// The two halves of a list of length two.
    #[inline]
    pub fn as_pair(self) -> Option<(ValueRef<'t>, ValueRef<'t>)> {
        let mut items = self.as_list()?;
        if items.len() != 2 {
            return None;
        }
        Some((items.next()?, items.next()?))
    }

    /// The three parts of a list of length three.
    #[inline]
    pub fn as_triple(self) -> Option<(ValueRef<'t>, ValueRef<'t>, ValueRef<'t>)> {
        let mut items = self.as_list()?;
        if items.len() != 3 {
            return None;
        }
        Some((items.next()?, items.next()?, items.next()?))
    }

    /// The entries, sorted by key, if this is a map.
    pub fn as_map(self) -> Option<Entries<'t>> {
        let (rest, count) = match self.0[0] {
            MAP => (&self.0[SHORT_HEADER..], u32::from(self.0[2])),
            MAP_LONG => (&self.0[LONG_HEADER..], u32::from_le_bytes(fixed(&self.0[4..]))),
            _ => return None,
        };
        Some(Entries(Items { rest, left: count * 2 }))
    }

    /// The value of a key that is text, if this is a map that has it.
    pub fn get(self, key: &str) -> Option<ValueRef<'t>> {
        self.as_map()?.find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// A value that stands for itself.
    pub fn to_value(self) -> Value {
        match self.view() {
            View::Nil => Value::Nil,
            View::Bool(b) => Value::Bool(b),
            View::Int(n) => Value::Int(n),
            View::Float(x) => Value::Float(Float(x)),
            View::Str(text) => Value::Str(text.into()),
            View::List(items) => Value::List(items.map(ValueRef::to_value).collect()),
            View::Map(entries) => {
                Value::Map(entries.map(|(key, value)| (key.to_value(), value.to_value())).collect())
            }
        }
    }
}

impl PartialEq<Value> for ValueRef<'_> {
    fn eq(&self, other: &Value) -> bool {
        match (self.view(), other) {
            (View::Int(one), Value::Int(other)) => one == *other,
            (View::Str(one), Value::Str(other)) => *one == **other,
            (View::Nil, Value::Nil) => true,
            (View::Bool(one), Value::Bool(other)) => one == *other,
            (View::List(_) | View::Map(_) | View::Float(_), _) => self.to_value() == *other,
            _ => false,
        }
    }
}

/// Compact JSON, as a [`Value`] is written.
impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_value().fmt(f)
    }
}
impl fmt::Debug for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ValueRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.view() {
            View::Nil => serializer.serialize_unit(),
            View::Bool(b) => serializer.serialize_bool(b),
            View::Int(n) => serializer.serialize_i64(n),
            View::Float(x) => serializer.serialize_f64(x),
            View::Str(text) => serializer.serialize_str(text),
            View::List(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(&item)?;
                }
                seq.end()
            }
            View::Map(entries) => {
                let mut map = serializer.serialize_map(None)?;
                for (key, value) in entries {
                    match key.as_str() {
                        Some(text) => map.serialize_entry(text, &value)?,
                        // JSON has no other keys; EDN does, and a key must not be lost.
                        None => map.serialize_entry(&key.to_string(), &value)?,
                    }
                }
                map.end()
            }
        }
    }
}

/// The elements of a list, one after the other.
#[derive(Clone)]
pub struct Items<'t> {
    rest: &'t [u8],
    left: u32,
}

impl<'t> Iterator for Items<'t> {
    type Item = ValueRef<'t>;

    #[inline]
    fn next(&mut self) -> Option<ValueRef<'t>> {
        self.left = self.left.checked_sub(1)?;
        let (item, rest) = self.rest.split_at(length(self.rest));
        self.rest = rest;
        Some(ValueRef(item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}
impl ExactSizeIterator for Items<'_> {}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// The entries of a map, sorted by key.
#[derive(Clone)]
pub struct Entries<'t>(Items<'t>);

impl<'t> Iterator for Entries<'t> {
    type Item = (ValueRef<'t>, ValueRef<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        Some((self.0.next()?, self.0.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.0.len() / 2, Some(self.0.len() / 2))
    }
}
impl ExactSizeIterator for Entries<'_> {}

impl fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.clone()).finish()
    }
}

/// The `N` bytes behind the first.
#[inline]
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[1..=N]);
    out
}

/// How many bytes the first value in `bytes` has.
#[inline]
fn length(bytes: &[u8]) -> usize {
    match bytes[0] {
        tag if tag >= FIRST_INLINE => 1,
        INT_16 => 3,
        INT_32 => 5,
        INT_64 | FLOAT => 9,
        STR => 2 + usize::from(bytes[1]),
        STR_LONG => 5 + u32::from_le_bytes(fixed(bytes)) as usize,
        LIST | MAP => SHORT_HEADER + usize::from(bytes[1]),
        LIST_LONG | MAP_LONG => LONG_HEADER + u32::from_le_bytes(fixed(bytes)) as usize,
        _ => 1,
    }
}

/// The order of values, [`Value`]'s, without making any.
fn compare(one: ValueRef<'_>, other: ValueRef<'_>) -> Ordering {
    match (rank(one.0[0]), rank(other.0[0])) {
        (2, 2) => one.as_int().cmp(&other.as_int()),
        (4, 4) => text(one.0).cmp(text(other.0)),
        (5, 5) | (6, 6) => {
            let (mut one, mut other) = (items(one), items(other));
            loop {
                match (one.next(), other.next()) {
                    (Some(one), Some(other)) => match compare(one, other) {
                        Ordering::Equal => {}
                        order => return order,
                    },
                    (one, other) => return one.is_some().cmp(&other.is_some()),
                }
            }
        }
        (3, 3) => one.to_value().cmp(&other.to_value()),
        (1, 1) => one.as_bool().cmp(&other.as_bool()),
        (one, other) => one.cmp(&other),
    }
}

/// Where the kind of value with this first byte stands among the kinds.
fn rank(tag: u8) -> u8 {
    match tag {
        NIL => 0,
        FALSE | TRUE => 1,
        FLOAT => 3,
        STR | STR_LONG => 4,
        LIST | LIST_LONG => 5,
        MAP | MAP_LONG => 6,
        _ => 2,
    }
}

/// The bytes of a text.
fn text(bytes: &[u8]) -> &[u8] {
    if bytes[0] == STR { &bytes[2..] } else { &bytes[5..] }
}

/// What a list holds, or a map, keys and values in turns.
fn items(value: ValueRef<'_>) -> Items<'_> {
    match value.as_list() {
        Some(items) => items,
        None => value.as_map().map_or(Items { rest: &[], left: 0 }, |entries| entries.0),
    }
}

/// Writes values at the end of a tape.
///
/// A list is begun, its elements are written, and it is ended with their number; a map likewise,
/// with a key before each of its values.
#[derive(Debug)]
pub struct ValueWriter<'t> {
    bytes: &'t mut Vec<u8>,
}

/// A list or map that is begun and not yet ended.
#[derive(Debug)]
#[must_use = "what is begun must be ended"]
pub struct Begun(usize);

/// A map has one key twice, or a value is larger than 4 GiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// This key.
    KeyTwice(Value),
    /// Larger than 4 GiB.
    TooLarge,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EncodeError::KeyTwice(key) => {
                write!(f, "the key {} stands twice in one object", shortened(&key.to_string()))
            }
            EncodeError::TooLarge => f.write_str("a value larger than 4 GiB"),
        }
    }
}
impl std::error::Error for EncodeError {}

impl<'t> ValueWriter<'t> {
    /// A writer at the end of `bytes`.
    pub(crate) fn new(bytes: &'t mut Vec<u8>) -> Self {
        ValueWriter { bytes }
    }

    /// Absent.
    pub fn nil(&mut self) {
        self.bytes.push(NIL);
    }

    /// A truth value.
    pub fn bool(&mut self, b: bool) {
        self.bytes.push(if b { TRUE } else { FALSE });
    }

    /// An integer.
    #[inline]
    pub fn int(&mut self, n: i64) {
        if (i64::from(FIRST_INLINE) - INLINE_BIAS..=255 - INLINE_BIAS).contains(&n) {
            self.bytes.push((n + INLINE_BIAS) as u8);
        } else if let Ok(n) = i16::try_from(n) {
            self.bytes.push(INT_16);
            self.bytes.extend_from_slice(&n.to_le_bytes());
        } else if let Ok(n) = i32::try_from(n) {
            self.bytes.push(INT_32);
            self.bytes.extend_from_slice(&n.to_le_bytes());
        } else {
            self.bytes.push(INT_64);
            self.bytes.extend_from_slice(&n.to_le_bytes());
        }
    }

    /// A number. One without a fraction that a float holds exactly is the integer: some clients
    /// write 1 and are told 1.0, and that is the same number.
    pub fn float(&mut self, x: f64) {
        if x.fract() == 0.0 && x.abs() <= MAX_EXACT {
            return self.int(x as i64);
        }
        self.bytes.push(FLOAT);
        self.bytes.extend_from_slice(&x.to_le_bytes());
    }

    /// Text.
    ///
    /// # Errors
    /// It is larger than 4 GiB.
    pub fn str(&mut self, text: &str) -> Result<(), EncodeError> {
        self.text(text.as_bytes())
    }

    #[inline]
    fn text(&mut self, text: &[u8]) -> Result<(), EncodeError> {
        match u8::try_from(text.len()) {
            Ok(length) => self.bytes.extend_from_slice(&[STR, length]),
            Err(_) => {
                let length = u32::try_from(text.len()).map_err(|_| EncodeError::TooLarge)?;
                self.bytes.push(STR_LONG);
                self.bytes.extend_from_slice(&length.to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(text);
        Ok(())
    }

    /// Text of which it is known that it is ASCII, and so that it is text.
    ///
    /// # Errors
    /// As [`str`](Self::str).
    #[inline]
    pub(crate) fn ascii(&mut self, text: &[u8]) -> Result<(), EncodeError> {
        debug_assert!(text.is_ascii());
        self.text(text)
    }

    /// A value that lies on another tape.
    pub fn copy(&mut self, value: ValueRef<'_>) {
        self.bytes.extend_from_slice(value.as_bytes());
    }

    /// A list or a map, whose elements or entries are written next.
    pub fn begin(&mut self) -> Begun {
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; SHORT_HEADER]);
        Begun(at)
    }

    /// The list is complete, with so many elements.
    ///
    /// # Errors
    /// It is larger than 4 GiB.
    #[inline]
    pub fn end_list(&mut self, list: Begun, elements: usize) -> Result<(), EncodeError> {
        self.end(list.0, elements, LIST, LIST_LONG)
    }

    /// The map is complete, with so many entries, each a key and a value.
    ///
    /// # Errors
    /// A key stands twice, or it is larger than 4 GiB.
    pub fn end_map(&mut self, map: Begun, entries: usize) -> Result<(), EncodeError> {
        self.sort_entries(map.0 + SHORT_HEADER, entries)?;
        self.end(map.0, entries, MAP, MAP_LONG)
    }

    /// The elements of the list are a set: their order means nothing, and they are sorted.
    ///
    /// # Errors
    /// It is larger than 4 GiB.
    pub fn end_set(&mut self, set: Begun, elements: usize) -> Result<(), EncodeError> {
        let start = set.0 + SHORT_HEADER;
        let left = u32::try_from(elements).map_err(|_| EncodeError::TooLarge)?;
        let mut items: Vec<ValueRef<'_>> = Items { rest: &self.bytes[start..], left }.collect();
        if !items.is_sorted_by(|one, other| compare(*one, *other).is_le()) {
            items.sort_by(|one, other| compare(*one, *other));
            let sorted: Vec<u8> = items.iter().flat_map(|item| item.as_bytes()).copied().collect();
            self.bytes.truncate(start);
            self.bytes.extend_from_slice(&sorted);
        }
        self.end_list(set, elements)
    }

    /// Any value.
    ///
    /// # Errors
    /// It is larger than 4 GiB, or a map in it has one key twice.
    pub fn value(&mut self, value: &Value) -> Result<(), EncodeError> {
        match value {
            Value::Nil => self.nil(),
            Value::Bool(b) => self.bool(*b),
            Value::Int(n) => self.int(*n),
            Value::Float(x) => self.float(x.0),
            Value::Str(text) => self.str(text)?,
            Value::List(items) => {
                let list = self.begin();
                for item in items.iter() {
                    self.value(item)?;
                }
                self.end_list(list, items.len())?;
            }
            Value::Map(entries) => {
                let map = self.begin();
                for (key, value) in entries.iter() {
                    self.value(key)?;
                    self.value(value)?;
                }
                self.end_map(map, entries.len())?;
            }
        }
        Ok(())
    }

    fn end(&mut self, at: usize, count: usize, short: u8, long: u8) -> Result<(), EncodeError> {
        let content = self.bytes.len() - at - SHORT_HEADER;
        if let (Ok(length), Ok(count)) = (u8::try_from(content), u8::try_from(count)) {
            self.bytes[at..at + SHORT_HEADER].copy_from_slice(&[short, length, count]);
            return Ok(());
        }
        let length = u32::try_from(content).map_err(|_| EncodeError::TooLarge)?;
        let count =
            u32::try_from(count).ok().filter(|count| *count < u32::MAX / 2).ok_or(EncodeError::TooLarge)?;
        let grown = self.bytes.len() + LONG_HEADER - SHORT_HEADER;
        self.bytes.resize(grown, 0);
        self.bytes.copy_within(at + SHORT_HEADER..grown - (LONG_HEADER - SHORT_HEADER), at + LONG_HEADER);
        self.bytes[at] = long;
        self.bytes[at + 1..at + 5].copy_from_slice(&length.to_le_bytes());
        self.bytes[at + 5..at + 9].copy_from_slice(&count.to_le_bytes());
        Ok(())
    }

    /// Sorts the entries from `start` to the end by key.
    fn sort_entries(&mut self, start: usize, entries: usize) -> Result<(), EncodeError> {
        if entries < 2 {
            return Ok(());
        }
        let left = u32::try_from(entries * 2).map_err(|_| EncodeError::TooLarge)?;
        let mut all: Vec<(ValueRef<'_>, ValueRef<'_>)> =
            Entries(Items { rest: &self.bytes[start..], left }).collect();
        if all.windows(2).all(|pair| compare(pair[0].0, pair[1].0).is_lt()) {
            return Ok(());
        }
        all.sort_by(|one, other| compare(one.0, other.0));
        if let Some(twice) = all.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(EncodeError::KeyTwice(twice[0].0.to_value()));
        }
        let mut sorted = Vec::with_capacity(self.bytes.len() - start);
        for (key, value) in all {
            sorted.extend_from_slice(key.as_bytes());
            sorted.extend_from_slice(value.as_bytes());
        }
        self.bytes.truncate(start);
        self.bytes.append(&mut sorted);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        ValueWriter::new(&mut bytes).value(value).unwrap();
        bytes
    }

    fn samples() -> Vec<Value> {
        let mut samples = vec![
            Value::Nil,
            true.into(),
            false.into(),
            Value::Float(Float(1.5)),
            Value::Float(Float(f64::NAN)),
            "".into(),
            "read".into(),
            "x".repeat(255).into(),
            "ü".repeat(300).into(),
            Value::list([]),
            Value::pair("k1", 7),
            Value::list((0..300).map(Value::Int)),
            Value::list([Value::list((0..200).map(|n| Value::Int(n * 1000))), Value::Nil]),
        ];
        for n in [0, -16, -17, 191, 192, -32768, 32767, 32768, 1 << 31, i64::MAX, i64::MIN] {
            samples.push(Value::Int(n));
        }
        let map = |n: i64| (0..n).map(|i| (Value::from(format!("k{i:03}")), Value::Int(i)));
        samples.push(Value::Map(map(3).collect()));
        samples.push(Value::Map(map(300).collect()));
        samples
    }

    #[test]
    fn a_value_comes_back_as_it_was_written() {
        for value in samples() {
            let bytes = encoded(&value);
            assert_eq!(length(&bytes), bytes.len(), "{value}");
            let read = ValueRef::new(&bytes);
            assert_eq!(read.to_value(), value);
            assert!(read == value);
            let json = |value: &dyn erased::Json| value.json();
            assert_eq!(json(&read), json(&value));
        }
    }

    mod erased {
        pub(super) trait Json {
            fn json(&self) -> String;
        }
        impl<T: serde::Serialize> Json for T {
            fn json(&self) -> String {
                serde_json::to_string(self).unwrap()
            }
        }
    }

    #[test]
    fn values_are_equal_when_their_bytes_are() {
        let samples = samples();
        for one in &samples {
            for other in &samples {
                assert_eq!(encoded(one) == encoded(other), one == other, "{one} {other}");
            }
        }
        let entry = |key: &str, n| (Value::from(key), Value::Int(n));
        let one = Value::Map([entry("a", 1), entry("b", 2)].into());
        let other = Value::Map([entry("b", 2), entry("a", 1)].into());
        assert_eq!(encoded(&one), encoded(&other));
        assert_eq!(encoded(&Value::Float(Float(3.0))), encoded(&Value::Int(3)));
        let twice = Value::Map([entry("b", 2), entry("b", 3)].into());
        let error = ValueWriter::new(&mut Vec::new()).value(&twice).unwrap_err();
        assert_eq!(error.to_string(), "the key \"b\" stands twice in one object");
    }

    #[test]
    fn the_order_is_that_of_values() {
        let mut samples = samples();
        samples.push(Value::list([Value::Nil]));
        samples.push(Value::list([Value::Nil, Value::Int(1)]));
        samples.push(Value::Float(Float(-1.5)));
        samples.push(Value::from("reae"));
        samples.push(Value::Map([(Value::from("k000"), Value::Int(1))].into()));
        for one in &samples {
            for other in &samples {
                let (bytes, others) = (encoded(one), encoded(other));
                assert_eq!(compare(ValueRef(&bytes), ValueRef(&others)), one.cmp(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn a_set_is_sorted() {
        let mut bytes = Vec::new();
        let mut writer = ValueWriter::new(&mut bytes);
        let set = writer.begin();
        for n in [3, 1, 200] {
            writer.int(n);
        }
        writer.end_set(set, 3).unwrap();
        assert_eq!(ValueRef::new(&bytes).to_value(), Value::list([1, 3, 200].map(Value::Int)));
    }
}
