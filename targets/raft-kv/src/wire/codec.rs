//! The byte encoding that the network and the disk share.
//!
//! Integers are LEB128 varints (signed ones zigzagged), strings and lists carry a length. A
//! decoder never trusts a length: it allocates no more than the bytes that are really there.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::types::NodeId;

/// Deepest nesting of values that a decoder follows; a hostile frame must not overflow the stack.
pub const MAX_DEPTH: u32 = 8;

/// Bytes that are not what they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes end inside a value.
    #[error("the bytes end inside a {0}")]
    Short(&'static str),
    /// A tag that this version does not know.
    #[error("unknown {what} tag {tag}")]
    Tag {
        /// What was being decoded.
        what: &'static str,
        /// The byte found.
        tag: u8,
    },
    /// A value out of its range, such as a varint of more than 64 bits or text that is not UTF-8.
    #[error("invalid {0}")]
    Invalid(&'static str),
    /// Bytes are left over after the value.
    #[error("{0} bytes left over after the value")]
    Trailing(usize),
}

/// A cursor over bytes that are not trusted.
#[derive(Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    depth: u32,
}

impl<'a> Reader<'a> {
    /// A cursor at the first of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, depth: 0 }
    }

    /// How many bytes have not been read.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next byte.
    pub fn byte(&mut self, what: &'static str) -> Result<u8, WireError> {
        let (first, rest) = self.rest.split_first().ok_or(WireError::Short(what))?;
        self.rest = rest;
        Ok(*first)
    }

    /// The next `n` bytes.
    pub fn bytes(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.rest.split_at_checked(n).ok_or(WireError::Short(what))?;
        self.rest = rest;
        Ok(taken)
    }

    /// A length that cannot exceed the bytes that are left (every element has at least one).
    pub fn len(&mut self, what: &'static str) -> Result<usize, WireError> {
        let n = u64::take(self)?;
        match usize::try_from(n) {
            Ok(n) if n <= self.rest.len() => Ok(n),
            _ => Err(WireError::Short(what)),
        }
    }

    /// Runs `inner` one level deeper, or fails at [`MAX_DEPTH`].
    pub fn nested<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, WireError>,
    ) -> Result<T, WireError> {
        if self.depth == MAX_DEPTH {
            return Err(WireError::Invalid("nesting (too deep)"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Fails unless every byte has been read.
    pub fn finish(self) -> Result<(), WireError> {
        match self.rest.len() {
            0 => Ok(()),
            n => Err(WireError::Trailing(n)),
        }
    }
}

/// A value with a byte encoding. `put` then `take` gives the value back.
pub trait Wire: Sized {
    /// Appends the encoding to `out`.
    fn put(&self, out: &mut Vec<u8>);
    /// Decodes one value.
    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError>;
}

/// Encodes one value.
pub fn encode<T: Wire>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    value.put(&mut out);
    out
}

/// Decodes one value that must fill `bytes` exactly.
pub fn decode<T: Wire>(bytes: &[u8]) -> Result<T, WireError> {
    let mut reader = Reader::new(bytes);
    let value = T::take(&mut reader)?;
    reader.finish()?;
    Ok(value)
}

impl Wire for u64 {
    fn put(&self, out: &mut Vec<u8>) {
        let mut rest = *self;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = reader.byte("number")?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte may only carry the 64th bit.
            if shift == 63 && bits > 1 {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WireError::Invalid("number (more than 64 bits)"))
    }
}

impl Wire for i64 {
    fn put(&self, out: &mut Vec<u8>) {
        (((self << 1) ^ (self >> 63)) as u64).put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let raw = u64::take(reader)?;
        Ok((raw >> 1) as i64 ^ -((raw & 1) as i64))
    }
}

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.byte("flag")? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(WireError::Tag { what: "flag", tag }),
        }
    }
}

impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_bytes(), out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let len = reader.len("string")?;
        let bytes = reader.bytes(len, "string")?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(WireError::Invalid("string (not UTF-8)")),
        }
    }
}

impl Wire for Bytes {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self, out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let len = reader.len("bytes")?;
        Ok(Bytes::copy_from_slice(reader.bytes(len, "bytes")?))
    }
}

impl Wire for NodeId {
    fn put(&self, out: &mut Vec<u8>) {
        put_bytes(self.as_str().as_bytes(), out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let name = String::take(reader)?;
        name.parse().map_err(|_| WireError::Invalid("node name"))
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        bool::take(reader)?.then(|| T::take(reader)).transpose()
    }
}

impl<T: Wire> Wire for Arc<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        T::take(reader).map(Arc::new)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        for item in self {
            item.put(out);
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let len = reader.len("list")?;
        // A decoded item can be far larger than its one byte: grow as items really arrive.
        let mut items = Vec::with_capacity(len.min(64));
        for _ in 0..len {
            items.push(T::take(reader)?);
        }
        Ok(items)
    }
}

impl<K: Wire + Ord, V: Wire> Wire for BTreeMap<K, V> {
    fn put(&self, out: &mut Vec<u8>) {
        (self.len() as u64).put(out);
        for (key, value) in self {
            key.put(out);
            value.put(out);
        }
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let len = reader.len("map")?;
        let mut map = BTreeMap::new();
        for _ in 0..len {
            map.insert(K::take(reader)?, V::take(reader)?);
        }
        Ok(map)
    }
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    (bytes.len() as u64).put(out);
    out.extend_from_slice(bytes);
}
