//! Histories of transactions, and the checkers of isolation.

pub mod history;
pub mod weak;
