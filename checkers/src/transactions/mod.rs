//! Histories of transactions, and the checkers of isolation.
//!
//! | module | what lives there |
//! |---|---|
//! | [`history`] | transactions in columns |
//! | [`consistency`] | models, anomalies, and what rules out what |
//! | [`list_append`] | lists that transactions read and append to |
//! | [`rw_register`] | registers that transactions read and write |
//! | [`closed_predicate`] | reads by predicate in a known universe |
//! | [`weak`] | levels decided completely, where every value is written once |
//!
//! A checker infers which transactions depend on which, in a graph with session and real-time order; a cycle
//! is an anomaly, named by its steps; an anomaly rules out models. After Adya's thesis and Elle.

pub mod closed_predicate;
mod columns;
pub mod consistency;
mod cycles;
mod explain;
mod graph;
pub mod history;
mod judge;
mod kinds;
mod lattice;
pub mod list_append;
mod notes;
mod numbering;
mod orders;
pub mod rw_register;
mod scc;
mod search;
pub mod weak;

pub use closed_predicate::ClosedPredicate;
pub use judge::Promise;
pub use list_append::ListAppend;
pub use rw_register::RwRegister;
pub use weak::{Isolation, Level};
