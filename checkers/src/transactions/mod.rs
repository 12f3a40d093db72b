//! Histories of transactions, and the checkers of isolation.

pub mod consistency;
mod graph;
pub mod history;
mod kinds;
mod lattice;
mod scc;
mod search;
