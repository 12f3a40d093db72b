//! A Raft key-value store that is put under test: written to be right, and able to be wrong.
//!
//! It serves strings, numbers and lists under string keys, linearizably, from a cluster of servers
//! that survive crashes, partitions and restarts. With `--bug NAME` a server breaks one rule of
//! Raft on purpose, so that a test harness can show that it notices.
//!
//! The map, from the inside out:
//!
//! - [`types`]: terms, entries, members: the words.
//! - [`machine`]: the replicated state: keys and values, commands, client sessions.
//! - [`api`]: what clients ask and are answered, and which failures are definite.
//! - [`core`]: **start here.** Raft without I/O: inputs in, outputs out.
//! - [`bugs`]: the seeded bugs.
//! - [`wire`]: all of this as bytes. `PROTOCOL.md` has it in prose.
//! - [`storage`]: the files of one server.
//! - [`server`]: the process around the core: sockets, disk, clock.
//! - [`client`]: one connection to one server.

pub mod api;
pub mod bugs;
pub mod client;
pub mod core;
pub mod machine;
pub mod server;
pub mod storage;
pub mod types;
pub mod wire;
