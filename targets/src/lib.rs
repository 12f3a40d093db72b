//! Systems under test: how to run each, and how to talk to it.
//!
//! Start at [`Target`]; [`all`] is the register of them.

pub mod raft_kv;
pub mod target;

use std::sync::Arc;

pub use target::{
    Bug, NodeAddress, NodeStatus, OptionError, ProcessSpec, Program, Target, TargetOption, TargetOptions,
};

/// Every target there is, in the order of the alphabet.
pub fn all() -> Vec<Arc<dyn Target>> {
    vec![Arc::new(raft_kv::RaftKv)]
}
