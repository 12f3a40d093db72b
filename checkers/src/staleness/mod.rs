//! How stale: for a register that is not linearizable, by how many writes and by how many
//! milliseconds its reads are behind.
//!
//! A history is *k-atomic* if its operations can be put in an order that keeps real time and in which
//! every read finds one of the last `k` writes before it; 1-atomic is linearizable (Aiyer, Alvisi and
//! Bazzi 2005). The smallest `k` of each key is found exactly for 1 and 2 and, within a budget,
//! beyond; else as a lower and an upper bound (`atomicity.rs`).
//!
//! A read is stale by the time from when what it found had certainly been overwritten to when it was
//! invoked (`register.rs`).
//!
//! Needs `read` and `write` of values that are written once per key, alone or as [key, value].

mod atomicity;
mod checker;
mod register;

pub use checker::Staleness;
