//! How everything looks as bytes. The prose is in `PROTOCOL.md`.
//!
//! `codec` encodes values, `frame` cuts a stream into frames, `peer` is what servers say to each
//! other, `client` what clients say to servers and what they are answered.

mod client;
pub mod codec;
mod frame;
mod peer;

pub use client::{ClientFrame, ServerFrame};
pub use frame::{FRAME_VERSION, FrameError, MAX_CLIENT_FRAME, MAX_PEER_FRAME, next_frame, put_frame};
pub use peer::{Hello, PeerFrame};
