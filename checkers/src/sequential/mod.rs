//! Sequential consistency: there is an order of all operations that keeps the order of each process
//! and in which every operation answers as the object should (Lamport 1979). Real time says nothing.
//!
//! Unlike linearizability it is not local: each key may be sequentially consistent, and the whole
//! not. So there are two checkers, of the whole and of each key.
//!
//! The cheapest is tried first, and the judgement names the one that answered. Of registers whose
//! values are written once each:
//! 1. What is linearizable is sequentially consistent; zones say whether it is, in n log n.
//! 2. An order that needs no guess (`witness.rs`), in n log n.
//! 3. The orders that the reads force (`saturate.rs`), first around where it looks bad
//!    (`windows.rs`). A cycle of them is a proof that there is no order.
//! 4. The order of 2 once more, with what is forced; then a bounded search over what each process has
//!    done so far, with the state (`search.rs`): the question is NP-complete (Gibbons and Korach 1997).
//!
//! Of anything else the near-linear checkers of linearizability, its search, and the search of 4, in turns.
//!
//! An operation without an answer may take effect at any time after what its process did before it,
//! or never.
//!
//! | file | what |
//! |---|---|
//! | `checker.rs` | **start here**: what is tried, in which order |
//! | `program.rs` | what each process did |
//! | `rows.rs` | the same of registers, as numbers: who found whose value |
//! | `witness.rs`, `saturate.rs`, `windows.rs`, `search.rs` | see above |
//! | `meter.rs` | what is left of the budget |
//! | `text.rs` | findings in words |

mod checker;
mod meter;
mod program;
mod rows;
mod saturate;
mod search;
mod text;
mod windows;
mod witness;

pub use checker::{Scope, Sequential};
