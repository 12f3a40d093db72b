//! Frames: `length (u32, little endian) | version (u8) | body`. The length counts version and body.

use bytes::{Buf, Bytes, BytesMut};

use super::codec::{Wire, WireError};

/// The version of the protocol. A frame of another version is refused.
pub const FRAME_VERSION: u8 = 1;

/// Longest frame between a client and a server, in bytes. A long list must fit.
pub const MAX_CLIENT_FRAME: usize = 16 << 20;

/// Longest frame between two servers, in bytes. One entry of the largest size must fit.
pub const MAX_PEER_FRAME: usize = 32 << 20;

/// A stream that cannot be followed any further.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The frame is longer than allowed.
    #[error("a frame of {length} bytes, where {limit} are allowed")]
    TooLong {
        /// The announced length.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// The frame is empty.
    #[error("a frame without a version")]
    Empty,
    /// The frame is of a version that this build does not speak.
    #[error("protocol version {found}, where only {FRAME_VERSION} is spoken")]
    Version {
        /// The version found.
        found: u8,
    },
    /// The frame's body is not what it should be.
    #[error(transparent)]
    Body(#[from] WireError),
}

/// Appends `body` to `out` as one frame.
pub fn put_frame<T: Wire>(body: &T, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0, 0, 0, 0, FRAME_VERSION]);
    body.put(out);
    // Bodies are bounded far below 4 GiB by what a leader puts into one message.
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Takes the first frame's body off `buffer`, or `None` while it is incomplete.
///
/// Reserves nothing for a frame that was only announced: `buffer` grows with what arrives.
///
/// # Errors
/// The frame is too long, empty, or of another version.
pub fn next_frame(buffer: &mut BytesMut, limit: usize) -> Result<Option<Bytes>, FrameError> {
    let Some(prefix) = buffer.first_chunk::<4>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*prefix) as usize;
    if length > limit {
        return Err(FrameError::TooLong { length, limit });
    }
    if length == 0 {
        return Err(FrameError::Empty);
    }
    // The version is checked as soon as it is there: another protocol is refused at once.
    match buffer.get(4) {
        Some(&FRAME_VERSION) | None => {}
        Some(&found) => return Err(FrameError::Version { found }),
    }
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    buffer.advance(5);
    Ok(Some(buffer.split_to(length - 1).freeze()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codec;

    #[test]
    fn a_frame_arrives_in_pieces() {
        let mut bytes = Vec::new();
        put_frame(&"hello".to_owned(), &mut bytes);
        let mut buffer = BytesMut::new();
        for byte in &bytes[..bytes.len() - 1] {
            buffer.extend_from_slice(&[*byte]);
            assert_eq!(next_frame(&mut buffer, 100), Ok(None));
        }
        buffer.extend_from_slice(&bytes[bytes.len() - 1..]);
        let body = next_frame(&mut buffer, 100).ok().flatten().expect("a frame");
        assert_eq!(codec::decode::<String>(&body), Ok("hello".to_owned()));
        assert!(buffer.is_empty());
    }

    #[test]
    fn hostile_prefixes_are_refused() {
        let check = |bytes: &[u8]| next_frame(&mut BytesMut::from(bytes), 100);
        let (length, limit) = (u32::MAX as usize, 100);
        let too_long = Err(FrameError::TooLong { length, limit });
        assert_eq!(check(&[255, 255, 255, 255]), too_long);
        assert_eq!(check(&[0, 0, 0, 0]), Err(FrameError::Empty));
        assert_eq!(check(b"\x10\0\0\0G"), Err(FrameError::Version { found: b'G' }));
    }
}
