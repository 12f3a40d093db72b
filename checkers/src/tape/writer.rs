//! Writing values on a tape.

use std::fmt;

use super::{
    Entries, FALSE, FIRST_INLINE, FLOAT, INLINE_BIAS, INT_16, INT_32, INT_64, Items, LIST, LIST_LONG,
    LONG_HEADER, MAP, MAP_LONG, NIL, SHORT_HEADER, STR, STR_LONG, TRUE, ValueRef,
};
use crate::value::Value;

/// 2^53: beyond it, not every integer is a float.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

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
            EncodeError::KeyTwice(key) => write!(f, "the key {key} stands twice in one object"),
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
        match u8::try_from(text.len()) {
            Ok(length) => self.bytes.extend_from_slice(&[STR, length]),
            Err(_) => {
                let length = u32::try_from(text.len()).map_err(|_| EncodeError::TooLarge)?;
                self.bytes.push(STR_LONG);
                self.bytes.extend_from_slice(&length.to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(text.as_bytes());
        Ok(())
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
        let mut items: Vec<Value> = Items { rest: &self.bytes[start..], left: u32::MAX.min(elements as u32) }
            .map(ValueRef::to_value)
            .collect();
        if !items.is_sorted() {
            items.sort();
            self.bytes.truncate(start);
            for item in &items {
                self.value(item)?;
            }
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
        let all: Vec<(ValueRef<'_>, ValueRef<'_>)> =
            Entries(Items { rest: &self.bytes[start..], left: (entries * 2) as u32 }).collect();
        let keys: Vec<Value> = all.iter().map(|(key, _)| key.to_value()).collect();
        if keys.windows(2).all(|pair| pair[0] < pair[1]) {
            return Ok(());
        }
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by(|one, other| keys[*one].cmp(&keys[*other]));
        if let Some(twice) = order.windows(2).find(|pair| keys[pair[0]] == keys[pair[1]]) {
            return Err(EncodeError::KeyTwice(keys[twice[0]].clone()));
        }
        let mut sorted = Vec::with_capacity(self.bytes.len() - start);
        for at in order {
            sorted.extend_from_slice(all[at].0.as_bytes());
            sorted.extend_from_slice(all[at].1.as_bytes());
        }
        self.bytes.truncate(start);
        self.bytes.append(&mut sorted);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::length;
    use super::*;
    use crate::value::Float;

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
