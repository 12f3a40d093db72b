//! Linearizability (Herlihy and Wing 1990): every operation seems to take effect at one instant
//! between its invocation and its completion.
//!
//! An operation with `info`, or without a completion, may take effect at any time after its
//! invocation, or never. One with `fail` did not. `a` precedes `b` if its completion stands before
//! `b`'s invocation in the history; times are not looked at.
//!
//! | file | what |
//! |---|---|
//! | `checker.rs` | **start here**: histories in, judgements out |
//! | `special/` | near-linear checkers, asked first |
//! | `registers.rs`, `named_register.rs` | from the tape to the columns of one of them, and on to the search |
//! | `rounds.rs` | objects side by side, with one budget |
//! | `solve.rs` | one object |
//! | `problem.rs`, `bits.rs` | its calls as a line of events with slots |
//! | `search.rs` | depth first, with a cache: the judge |
//! | `couple.rs` | what is exactly known late in a history, without going back to its beginning |
//! | `sweep.rs` | breadth first: all that is possible at an event |
//! | `explain.rs` | from a violation to evidence |
//! | `judge.rs`, `report.rs` | from answers and evidence to a judgement |
//!
//! # What is not done
//!
//! **One object is searched by one thread.** Splitting its history at quiescent places, and searching
//! the parts from every state that they could begin in, is not done: a register under five busy
//! clients takes 0.25 µs an operation, and a violation now costs hardly more than none; where it takes long (many
//! clients, repeated values) there are no quiescent places. That is an argument, not a measurement. Objects are searched side by side.
//!
//! **Wing, Gong and Lowe's search without the just-in-time restriction is not an alternative.** Tried
//! on FIFO queues of three repeated values with three and five clients, 100 to 300 operations, five histories
//! of each kind, 100,000 steps for each search, it decided as many histories as this one of those that are linearizable, and
//! one more of 10 of those that are not. Where elements differ, queues have their own checker. Stacks and sets were not tried.

mod ahead;
mod bits;
mod checker;
mod couple;
mod explain;
mod forget;
mod judge;
mod named_register;
mod parts;
mod problem;
mod registers;
mod report;
mod rounds;
mod search;
mod solve;
pub mod special;
mod sweep;

pub use checker::{Linearizability, Object, check_operations, fails_from};
pub use explain::{Refutation, WayOn};
pub use solve::Answer;
