//! Snapshot isolation and serializability by bounded search.

mod cases;
mod dag;
mod groups;
mod polygraph;
mod refute;
mod search;
mod solve;

pub(crate) use dag::Dag;
pub(crate) use polygraph::{Keeps, Kind};
pub(crate) use solve::{decide, plainly_explained};

/// Labels from here on are of pairs that were forced before any choice; below they are literals.
const FORCED: u32 = 1 << 31;
