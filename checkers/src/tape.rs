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

use std::fmt;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::value::{Float, Value};

mod writer;

pub use writer::{Begun, EncodeError, ValueWriter};

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

impl<'t> Items<'t> {
    /// The encoded elements that are left, one after the other. A list begins with the elements of
    /// another exactly when its bytes begin with those of the other.
    pub(crate) fn as_bytes(&self) -> &'t [u8] {
        self.rest
    }
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
