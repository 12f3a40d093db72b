//! Nodes: the machines, real or sandboxed, that servers run on.

pub mod cluster;
#[cfg(test)]
pub(crate) mod fake;
pub mod process;

pub use cluster::{Cluster, ClusterError, NodeError};
pub use process::{ProcessError, UnexpectedEnd};
