//! Systems under test: how to run each, and how to talk to it.
//!
//! Start at [`Target`]; [`all`] is the register of them.

pub mod target;

pub use target::{
    Bug, NodeAddress, NodeStatus, OptionError, ProcessSpec, Program, Target, TargetOption, TargetOptions,
};
