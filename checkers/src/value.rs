//! Values that operations carry: what JSON and EDN can say, compact and cheap to share.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Index;
use std::sync::Arc;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

mod json;
mod serialize;

pub use serialize::to_value;

/// The argument or the result of an operation.
///
/// Lists and strings are reference-counted: a completion usually repeats the value of its
/// invocation, and a history of a million operations must not pay for it twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// Absent: an unread value, a register never written. JSON `null`.
    #[default]
    Nil,
    /// A truth value.
    Bool(bool),
    /// A 64-bit integer; larger ones are refused by the readers, never rounded.
    Int(i64),
    /// A number with a fraction. The readers make an [`Int`](Value::Int) of one without: some clients
    /// write 1 and are told 1.0, and that is the same number.
    Float(Float),
    /// Text.
    Str(Arc<str>),
    /// A sequence.
    List(Arc<[Value]>),
    /// Key and value pairs. The readers sort them by key: their order means nothing in JSON, and a
    /// store may answer in another one than it was asked in.
    Map(Arc<[(Value, Value)]>),
}

/// A floating-point number ordered and compared by [`f64::total_cmp`], so that values can be
/// keys of a map.
#[derive(Clone, Copy, Debug)]
pub struct Float(pub f64);

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Float {}
impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Float {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
impl Hash for Float {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl Value {
    /// A list of these values.
    pub fn list(values: impl IntoIterator<Item = Value>) -> Self {
        Value::List(values.into_iter().collect())
    }

    /// The pair `[key, value]`: how a workload over several keys names the one it means.
    pub fn pair(key: impl Into<Value>, value: impl Into<Value>) -> Self {
        Value::List(Arc::new([key.into(), value.into()]))
    }

    /// The two halves of a list of length two.
    pub fn as_pair(&self) -> Option<(&Value, &Value)> {
        match self.as_list()? {
            [first, second] => Some((first, second)),
            _ => None,
        }
    }

    /// The elements, if this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(values) => Some(values),
            _ => None,
        }
    }

    /// The integer, if this is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a key that is text, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let Value::Map(entries) = self else { return None };
        entries.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// Whether this is [`Value::Nil`].
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil)
    }
}

/// The value of a key of a map; nil where there is none.
impl Index<&str> for Value {
    type Output = Value;
    fn index(&self, key: &str) -> &Value {
        self.get(key).unwrap_or(&Value::Nil)
    }
}

impl PartialEq<str> for Value {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}
impl PartialEq<&str> for Value {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}
impl PartialEq<bool> for Value {
    fn eq(&self, other: &bool) -> bool {
        *self == Value::Bool(*other)
    }
}
macro_rules! equal_to_integers {
    ($($int:ty),*) => {$(
        impl PartialEq<$int> for Value {
            fn eq(&self, other: &$int) -> bool {
                i64::try_from(*other).is_ok_and(|n| self.as_int() == Some(n))
            }
        }
    )*};
}
equal_to_integers!(i32, i64, u32, u64, usize);

impl From<()> for Value {
    fn from((): ()) -> Self {
        Value::Nil
    }
}
impl From<i32> for Value {
    fn from(n: i32) -> Self {
        Value::Int(n.into())
    }
}
impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Int(n)
    }
}
impl From<bool> for Value {
    fn from(b: bool) -> Self {
        Value::Bool(b)
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Str(text.into())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Str(text.into())
    }
}
impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Value::List(values.into())
    }
}

/// Compact JSON, the form in which a person sees values in reports and messages.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        json::write(f, self)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Nil => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Int(n) => serializer.serialize_i64(*n),
            Value::Float(x) => serializer.serialize_f64(x.0),
            Value::Str(text) => serializer.serialize_str(text),
            Value::List(values) => {
                let mut seq = serializer.serialize_seq(Some(values.len()))?;
                for value in values.iter() {
                    seq.serialize_element(value)?;
                }
                seq.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries.iter() {
                    match key {
                        Value::Str(text) => map.serialize_entry(&**text, value)?,
                        // JSON has no other keys; EDN does, and a key must not be lost.
                        other => map.serialize_entry(&other.to_string(), value)?,
                    }
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

/// 2^53: beyond it, not every integer is a float.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value (null, true, false, a 64-bit integer, a number, text, a list or a map)")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }
    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Nil)
    }
    fn visit_bool<E: de::Error>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }
    fn visit_i64<E: de::Error>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Int(n))
    }
    fn visit_u64<E: de::Error>(self, n: u64) -> Result<Value, E> {
        i64::try_from(n).map(Value::Int).map_err(|_| too_large(n))
    }
    fn visit_f64<E: de::Error>(self, x: f64) -> Result<Value, E> {
        // serde_json turns integers beyond 64 bits into floats; two of them could become equal.
        if x.fract() == 0.0 && x.abs() >= 9_223_372_036_854_775_808.0 {
            return Err(too_large(x));
        }
        // Up to here every integer is a float of its own. This makes 0 of -0 as well.
        if x.fract() == 0.0 && x.abs() <= MAX_EXACT {
            return Ok(Value::Int(x as i64));
        }
        Ok(Value::Float(Float(x)))
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Str(text.into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values.into()))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            entries.push((Value::from(key), value));
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        if let Some(twice) = entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            let key = &twice[0].0;
            return Err(de::Error::custom(format_args!("the key {key} stands twice in one object")));
        }
        Ok(Value::Map(entries.into()))
    }
}

fn too_large<E: de::Error>(number: impl fmt::LowerExp) -> E {
    E::custom(format_args!("an integer as large as {number:e} does not fit in 64 bits; write it as text"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn objects_are_equal_whatever_the_order_of_their_keys() {
        assert_eq!(value(r#"{"a":1,"b":{"c":2,"d":3}}"#), value(r#"{"b":{"d":3,"c":2},"a":1}"#));
        assert_ne!(value(r#"{"a":1,"b":2}"#), value(r#"{"a":2,"b":1}"#));
        let error = serde_json::from_str::<Value>(r#"{"a":1,"b":2,"a":1}"#).unwrap_err().to_string();
        assert!(error.starts_with("the key \"a\" stands twice in one object"), "{error}");
    }

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for (text, n) in [
            ("1.0", 1),
            ("1e3", 1_000),
            ("-0", 0),
            ("-0.0", 0),
            ("9007199254740992.0", 1 << 53),
            ("-9007199254740992.0", -(1 << 53)),
        ] {
            assert_eq!(value(text), Value::Int(n), "{text}");
        }
        for text in ["1.5", "9007199254740994.0"] {
            assert!(matches!(value(text), Value::Float(_)), "{text}");
        }
    }
}
