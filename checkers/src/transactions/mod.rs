//! Histories of transactions, and the checkers of isolation.

pub mod consistency;
pub mod history;
mod lattice;
