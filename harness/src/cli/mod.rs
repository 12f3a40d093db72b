//! The command line: what was typed, and help with what was typed wrong.

pub mod args;
pub mod nearest;
