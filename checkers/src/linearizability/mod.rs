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
//! | `parts.rs` | a long history of one object in parts, side by side |
//! | `solve.rs` | one object, or a part of it |
//! | `problem.rs`, `bits.rs` | its calls as a line of events with slots |
//! | `search.rs`, `ahead.rs` | depth first, with a cache: the judge |
//! | `sweep.rs` | breadth first: all that is possible at an event |
//! | `couple.rs`, `forget.rs` | what is exactly known late in a history, so that the rest can be forgotten |
//! | `explain.rs` | from a violation to evidence |
//! | `judge.rs`, `report.rs` | from answers and evidence to a judgement |
//!
//! # Two algorithms, one space
//!
//! Both walk through the same configurations: a place in the line of events, the calls in flight there that have
//! taken effect, and the state. *Wing–Gong–Lowe* goes depth first and remembers where it was, so a
//! linearizable history costs it little more than its length; *just-in-time linearization* (Lowe 2017) goes breadth first, keeps the
//! configurations of one event alone, and so needs no more memory for a long history than for a short one. The
//! first begins. When it remembers much, the second finds out all that is possible late in the history, if that is
//! cheap, so that the first goes on from there with an empty memory; when its memory is full, the second takes over; and
//! what has to be explained, it explains. The judgement names who answered.
//!
//! (Wing and Gong's search keeps the *set of all calls* that have taken effect. Since a call can take effect only while it is
//! in flight, the place of the first return that is still to be explained stands for all but those in
//! flight, and each such return allows exactly what Lowe's just-in-time rule allows.)

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
pub(crate) mod solve;
pub mod special;
mod sweep;

pub use checker::{Linearizability, Object, check_operations, fails_from};
pub use explain::{Refutation, WayOn};
pub use solve::Answer;
