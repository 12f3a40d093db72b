//! Histories of transactions, and the checkers of isolation.
//!
//! | module | what lives there |
//! |---|---|
//! | [`history`] | transactions in columns |
//! | [`consistency`] | models, anomalies, and what rules out what |
//! | [`list_append`] | lists that transactions read and append to |
//!
//! A checker infers which transactions depend on which, in a graph with session and real-time order; a cycle
//! is an anomaly, named by its steps; an anomaly rules out models. After Adya's thesis and Elle.

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
mod orders;
mod scc;
mod search;

pub use judge::Promise;
pub use list_append::ListAppend;
