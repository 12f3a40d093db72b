//! Anything that serde can serialize, as a [`Value`].

use std::fmt;

use serde::ser::{self, Serialize, Serializer};

use super::{Float, Value};

/// The value that `data` serializes to; what cannot be one (an integer beyond 64 bits, bytes) becomes
/// text. Fields that serialize to nothing are nil.
///
/// ```
/// use checkers::value::{Value, to_value};
/// assert_eq!(to_value(&[Some(1), None]), Value::list([Value::Int(1), Value::Nil]));
/// ```
pub fn to_value<T: Serialize + ?Sized>(data: &T) -> Value {
    data.serialize(ToValue).unwrap_or_else(|error| Value::from(error.0))
}

/// A map, written as an object of JSON would be, whose values are anything that serde can serialize.
#[macro_export]
macro_rules! object {
    ({$($key:literal : $value:expr),* $(,)?}) => {{
        #[allow(unused_mut)]
        let mut entries: Vec<($crate::Value, $crate::Value)> =
            vec![$(($crate::Value::from($key), $crate::value::to_value(&$value))),*];
        entries.sort();
        $crate::Value::Map(entries.into())
    }};
}

/// What an implementation of `Serialize` complains of.
#[derive(Debug)]
struct Unserializable(String);

impl fmt::Display for Unserializable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::error::Error for Unserializable {}
impl ser::Error for Unserializable {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Unserializable(message.to_string())
    }
}

struct ToValue;

/// A list in the making, perhaps the content of a variant.
struct List {
    variant: Option<&'static str>,
    items: Vec<Value>,
}

/// A map in the making, perhaps the content of a variant.
struct Map {
    variant: Option<&'static str>,
    key: Value,
    entries: Vec<(Value, Value)>,
}

impl Map {
    fn new(variant: Option<&'static str>) -> Self {
        Map { variant, key: Value::Nil, entries: Vec::new() }
    }
}

fn of_variant(variant: Option<&'static str>, content: Value) -> Value {
    match variant {
        None => content,
        Some(name) => Value::Map([(Value::from(name), content)].into()),
    }
}

impl Serializer for ToValue {
    type Ok = Value;
    type Error = Unserializable;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Map;
    type SerializeStruct = Map;
    type SerializeStructVariant = Map;

    fn serialize_bool(self, b: bool) -> Result<Value, Unserializable> {
        Ok(Value::Bool(b))
    }
    fn serialize_i8(self, n: i8) -> Result<Value, Unserializable> {
        Ok(Value::Int(n.into()))
    }
    fn serialize_i16(self, n: i16) -> Result<Value, Unserializable> {
        Ok(Value::Int(n.into()))
    }
    fn serialize_i32(self, n: i32) -> Result<Value, Unserializable> {
        Ok(Value::Int(n.into()))
    }
    fn serialize_i64(self, n: i64) -> Result<Value, Unserializable> {
        Ok(Value::Int(n))
    }
    fn serialize_u8(self, n: u8) -> Result<Value, Unserializable> {
        Ok(Value::Int(n.into()))
    }
    fn serialize_u16(self, n: u16) -> Result<Value, Unserializable> {
        Ok(Value::Int(n.into()))
    }
    fn serialize_u32(self, n: u32) -> Result<Value, Unserializable> {
        Ok(Value::Int(n.into()))
    }
    fn serialize_u64(self, n: u64) -> Result<Value, Unserializable> {
        Ok(i64::try_from(n).map_or_else(|_| Value::from(n.to_string()), Value::Int))
    }
    fn serialize_f32(self, x: f32) -> Result<Value, Unserializable> {
        self.serialize_f64(x.into())
    }
    fn serialize_f64(self, x: f64) -> Result<Value, Unserializable> {
        Ok(Value::Float(Float(x)))
    }
    fn serialize_char(self, c: char) -> Result<Value, Unserializable> {
        Ok(Value::from(c.to_string()))
    }
    fn serialize_str(self, text: &str) -> Result<Value, Unserializable> {
        Ok(Value::from(text))
    }
    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, Unserializable> {
        Ok(Value::list(bytes.iter().map(|byte| Value::Int((*byte).into()))))
    }
    fn serialize_none(self) -> Result<Value, Unserializable> {
        Ok(Value::Nil)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Unserializable> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<Value, Unserializable> {
        Ok(Value::Nil)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Unserializable> {
        Ok(Value::Nil)
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
    ) -> Result<Value, Unserializable> {
        Ok(Value::from(name))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Value, Unserializable> {
        value.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        value: &T,
    ) -> Result<Value, Unserializable> {
        Ok(of_variant(Some(name), value.serialize(ToValue)?))
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<List, Unserializable> {
        Ok(List { variant: None, items: Vec::new() })
    }
    fn serialize_tuple(self, length: usize) -> Result<List, Unserializable> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List, Unserializable> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<List, Unserializable> {
        Ok(List { variant: Some(name), items: Vec::new() })
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Map, Unserializable> {
        Ok(Map::new(None))
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Map, Unserializable> {
        Ok(Map::new(None))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Map, Unserializable> {
        Ok(Map::new(Some(name)))
    }
}

impl List {
    fn push<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Unserializable> {
        self.items.push(item.serialize(ToValue)?);
        Ok(())
    }
    fn close(self) -> Value {
        of_variant(self.variant, Value::List(self.items.into()))
    }
}

impl Map {
    fn push<T: Serialize + ?Sized>(&mut self, key: Value, value: &T) -> Result<(), Unserializable> {
        self.entries.push((key, value.serialize(ToValue)?));
        Ok(())
    }
    fn close(mut self) -> Value {
        self.entries.sort();
        of_variant(self.variant, Value::Map(self.entries.into()))
    }
}

/// The four kinds of list, and the three of map, differ for serde in the name of a method.
macro_rules! lists {
    ($($kind:ident :: $method:ident),*) => {$(
        impl ser::$kind for List {
            type Ok = Value;
            type Error = Unserializable;
            fn $method<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Unserializable> {
                self.push(item)
            }
            fn end(self) -> Result<Value, Unserializable> {
                Ok(self.close())
            }
        }
    )*};
}
lists!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

macro_rules! structs {
    ($($kind:ident),*) => {$(
        impl ser::$kind for Map {
            type Ok = Value;
            type Error = Unserializable;
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Unserializable> {
                self.push(Value::from(name), value)
            }
            fn end(self) -> Result<Value, Unserializable> {
                Ok(self.close())
            }
        }
    )*};
}
structs!(SerializeStruct, SerializeStructVariant);

impl ser::SerializeMap for Map {
    type Ok = Value;
    type Error = Unserializable;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unserializable> {
        self.key = key.serialize(ToValue)?;
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unserializable> {
        let key = std::mem::take(&mut self.key);
        self.push(key, value)
    }
    fn end(self) -> Result<Value, Unserializable> {
        Ok(self.close())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::{Value, to_value};

    #[derive(Serialize)]
    struct Line {
        name: &'static str,
        at: Option<u64>,
        kind: Kind,
        pair: (i32, f64),
    }

    #[derive(Serialize)]
    #[serde(rename_all = "kebab-case")]
    enum Kind {
        Plain,
        Tall { by: u8 },
    }

    #[test]
    fn a_value_is_what_json_would_be() {
        for kind in [Kind::Plain, Kind::Tall { by: 3 }] {
            let line = Line { name: "n1", at: Some(7), kind, pair: (-1, 0.5) };
            assert_eq!(to_value(&line).to_string(), serde_json::to_value(&line).unwrap().to_string());
        }
        assert_eq!(to_value(&u64::MAX), Value::from("18446744073709551615"));
        let object = object!({"b": 1, "a": [Some("x"), None]});
        assert_eq!(object.to_string(), r#"{"a":["x",null],"b":1}"#);
    }
}
