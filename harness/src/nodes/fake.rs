//! A system under test that is any program at all, to test what handles processes.

use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use checkers::Process;
use targets::{
    Bug, NodeAddress, NodeStatus, OptionError, ProcessSpec, Program, Target, TargetOption, TargetOptions,
};
use workloads::Client;

use super::cluster::{Cluster, OnCrash, Place};

/// What a [`FakeTarget`] runs when it shall just be there.
pub(crate) const IDLE: &[&str] = &["sleep", "600"];

/// A system whose servers are this command, and of which we say how it is.
pub(crate) struct FakeTarget {
    /// The program and its arguments.
    pub command: &'static [&'static str],
    /// Whether its servers say that they are there.
    pub answers: bool,
    /// Which node says that it is primary.
    pub primary: Option<&'static str>,
}

impl Default for FakeTarget {
    fn default() -> Self {
        FakeTarget { command: IDLE, answers: true, primary: Some("n1") }
    }
}

#[async_trait]
impl Target for FakeTarget {
    fn name(&self) -> &'static str {
        "fake"
    }
    fn summary(&self) -> &'static str {
        "any program"
    }
    fn workloads(&self) -> &'static [&'static str] {
        &["register"]
    }
    fn bugs(&self) -> Vec<Bug> {
        Vec::new()
    }
    fn options(&self) -> &'static [TargetOption] {
        &[]
    }
    fn validate(&self, _: &TargetOptions) -> Result<(), OptionError> {
        Ok(())
    }

    fn process(&self, _: &NodeAddress, _: &[NodeAddress], _: &Path, _: &TargetOptions) -> ProcessSpec {
        let (program, args) = self.command.split_first().expect("a program");
        ProcessSpec {
            program: Program::Path(program.into()),
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            env: Vec::new(),
        }
    }

    async fn status(&self, node: &NodeAddress) -> Result<NodeStatus, String> {
        if !self.answers {
            return Err("no answer".to_owned());
        }
        let primary = self.primary == Some(node.name.as_str());
        Ok(NodeStatus { primary, term: None, leader: None, applied: None })
    }

    async fn open(
        &self,
        _: &[NodeAddress],
        _: usize,
        _: Process,
        _: &TargetOptions,
    ) -> Result<Box<dyn Client>, String> {
        Err("nobody serves".to_owned())
    }
}

/// Servers that died by themselves: node, how, the end of the log.
pub(crate) type Crashes = Arc<Mutex<Vec<(String, String, String)>>>;

/// A cluster of `nodes` nodes in our own network, in folders below `dir`.
pub(crate) fn cluster(target: FakeTarget, nodes: usize, dir: &Path) -> (Arc<Cluster>, Crashes) {
    let crashes = Crashes::default();
    let on_crash: OnCrash = {
        let crashes = Arc::clone(&crashes);
        Arc::new(move |node, end, tail| {
            crashes.lock().unwrap().push((node.to_owned(), end.status.clone(), tail.to_owned()));
        })
    };
    let place = |number: usize| {
        let name = format!("n{number}");
        let (peer, client) = (Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into());
        let address = NodeAddress { name: name.as_str().into(), peer, client };
        Place { address, netns: None, dir: dir.join(name) }
    };
    let places = (1..=nodes).map(place).collect();
    (Arc::new(Cluster::new(Arc::new(target), TargetOptions::default(), places, on_crash)), crashes)
}
