//! Sequential consistency: there is an order of all operations that keeps the order of each process
//! and in which every operation answers as the object should (Lamport 1979). Real time says nothing.
//!
//! Unlike linearizability it is not local: each key may be sequentially consistent, and the whole
//! not. So there are two checkers, of the whole and of each key.
//!
//! Three things are tried, the cheapest first, and the judgement names the one that answered:
//! 1. What is linearizable is sequentially consistent.
//! 2. Of registers whose values are written once each: the orders that the reads force
//!    (`saturate.rs`). A cycle of them is a proof that there is none.
//! 3. A bounded search over what each process has done so far, with the state (`search.rs`).
//!
//! An operation without an answer may take effect at any time after what its process did before it,
//! or never.

mod checker;
mod program;
mod saturate;
mod search;

pub use checker::{Scope, Sequential};
