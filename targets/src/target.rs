//! What a system under test is to the harness: how to run it, how to ask it, how to talk to it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use checkers::{Name, Process};
use serde::Serialize;
use thiserror::Error;
use workloads::Client;

/// Where a node is.
#[derive(Clone, Debug)]
pub struct NodeAddress {
    /// `n1`, `n2`, …
    pub name: Name,
    /// Its address for other nodes: the network that the nemesis breaks.
    pub peer: IpAddr,
    /// Its address for clients and control.
    pub client: IpAddr,
}

/// Which program to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// This very binary, in its server mode.
    Own,
    /// A program on the machine.
    Path(PathBuf),
}

/// A server process, as data.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    /// What to run.
    pub program: Program,
    /// Its arguments.
    pub args: Vec<String>,
    /// Additions to its environment.
    pub env: Vec<(String, String)>,
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    /// Whether it claims to be primary (leader).
    pub primary: bool,
    /// The term or epoch of the claim, where there is one.
    pub term: Option<u64>,
    /// Whom it takes for primary, if it knows one.
    pub leader: Option<String>,
    /// How far it has applied, where there is such a thing.
    pub applied: Option<u64>,
}

/// A seeded bug: a documented way to be wrong.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Bug {
    /// The name for `--bug`.
    pub name: &'static str,
    /// What is wrong, in one sentence.
    pub summary: &'static str,
    /// Where it really happened.
    pub precedent: &'static str,
    /// The workload that exposes it.
    pub workload: &'static str,
    /// The faults that expose it, as `--faults` takes them.
    pub faults: &'static str,
    /// Options of a run that brings it out, beside `--bug` and `--seed`.
    pub run: &'static str,
    /// The anomaly that is expected.
    pub anomaly: &'static str,
}

/// Options of a target, chosen with `--bug` and `--opt`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TargetOptions {
    /// Seeded bugs.
    pub bugs: Vec<String>,
    /// The target's own options, as `name=value`.
    pub options: Vec<(String, String)>,
    /// Seed of the run; servers draw their own chances from it.
    pub seed: u64,
    /// After this long the runner takes a call for indefinite.
    pub op_timeout: Duration,
}

/// An option that a target understands.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TargetOption {
    /// The name before the `=`.
    pub name: &'static str,
    /// What it does, its values and its default.
    pub summary: &'static str,
}

/// Why options are refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct OptionError {
    /// What is wrong, and what would be right.
    pub reason: String,
}

/// A system under test.
#[async_trait]
pub trait Target: Send + Sync {
    /// The name by which it is chosen: `raft-kv`.
    fn name(&self) -> &'static str;

    /// One sentence for `stormglass list targets`.
    fn summary(&self) -> &'static str;

    /// Workloads that make sense with it, the default one first.
    fn workloads(&self) -> &'static [&'static str];

    /// Its seeded bugs.
    fn bugs(&self) -> Vec<Bug>;

    /// Its own options.
    fn options(&self) -> &'static [TargetOption];

    /// Checks values of `--opt` before anything starts. Names were checked by the caller.
    ///
    /// # Errors
    /// A value that makes no sense, with those that would.
    fn validate(&self, options: &TargetOptions) -> Result<(), OptionError>;

    /// The server process of one node.
    fn process(
        &self,
        node: &NodeAddress,
        cluster: &[NodeAddress],
        data_dir: &Path,
        options: &TargetOptions,
    ) -> ProcessSpec;

    /// Asks a node how it is. Must end within a second or so.
    ///
    /// # Errors
    /// In words, when it does not answer.
    async fn status(&self, node: &NodeAddress) -> Result<NodeStatus, String>;

    /// Opens a client for `process`, at home on `cluster[home]`.
    ///
    /// # Errors
    /// In words, when no connection can be had.
    async fn open(
        &self,
        cluster: &[NodeAddress],
        home: usize,
        process: Process,
        options: &TargetOptions,
    ) -> Result<Box<dyn Client>, String>;
}
