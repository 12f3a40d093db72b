//! The values that keys hold.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::wire::codec::{Reader, Wire, WireError};

/// A value: a subset of JSON, so that the harness can turn its operations into values directly.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Absent; also what reading an unknown key gives.
    #[default]
    Nil,
    /// A number.
    Int(i64),
    /// Text.
    Str(String),
    /// A list. Shared, so that a read costs nothing however long the list is.
    #[serde(with = "shared_list")]
    List(Arc<Vec<Value>>),
}

impl Value {
    /// A list of these values.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Self {
        Value::List(Arc::new(items.into_iter().collect()))
    }

    /// About how many bytes the value takes when encoded.
    pub(crate) fn approximate_size(&self) -> usize {
        match self {
            Value::Nil | Value::Int(_) => 8,
            Value::Str(text) => 8 + text.len(),
            Value::List(items) => 8 + items.iter().map(Value::approximate_size).sum::<usize>(),
        }
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Int(n)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Str(text.to_owned())
    }
}

impl Wire for Value {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Value::Nil => out.push(0),
            Value::Int(n) => {
                out.push(1);
                n.put(out);
            }
            Value::Str(text) => {
                out.push(2);
                text.put(out);
            }
            Value::List(items) => {
                out.push(3);
                items.put(out);
            }
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.byte("value")? {
            0 => Ok(Value::Nil),
            1 => Ok(Value::Int(Wire::take(reader)?)),
            2 => Ok(Value::Str(Wire::take(reader)?)),
            3 => reader.nested(|reader| Ok(Value::List(Wire::take(reader)?))),
            tag => Err(WireError::Tag { what: "value", tag }),
        }
    }
}

/// `Arc<Vec<_>>` as a plain JSON array, without serde's `rc` feature.
mod shared_list {
    use super::{Arc, Value};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(items: &Arc<Vec<Value>>, to: S) -> Result<S::Ok, S::Error> {
        items.as_slice().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<Vec<Value>>, D::Error> {
        Vec::deserialize(from).map(Arc::new)
    }
}
