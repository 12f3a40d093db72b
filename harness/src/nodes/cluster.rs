//! The cluster: one server process per node, in the node's own network namespace.

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value as Json, json};
use targets::{NodeAddress, NodeStatus, Target, TargetOptions};
use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::process::{ProcessError, ServerProcess, UnexpectedEnd, describe_signal, log_tail};

/// How long a server may take from its start until it answers.
const READY_LIMIT: Duration = Duration::from_secs(15);
/// How often a starting server is asked.
const ASK_EVERY: Duration = Duration::from_millis(10);
/// How long a cluster may take until it has a primary that its nodes know.
const PRIMARY_LIMIT: Duration = Duration::from_secs(20);

/// What kept a node from doing what was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The process.
    #[error("node {node}: {source}")]
    Process {
        /// Which node.
        node: String,
        /// What went wrong.
        source: ProcessError,
    },
    /// The server ended before it answered.
    #[error("node {node}: the server ended while starting ({status}); the end of its log {log}:\n{tail}")]
    DiedAtStart {
        /// Which node.
        node: String,
        /// How it ended.
        status: String,
        /// Where the log is.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// The server runs and does not answer.
    #[error("node {node}: the server did not answer within {} s ({reason}); the end of its log {log}:\n{tail}", READY_LIMIT.as_secs())]
    NotReady {
        /// Which node.
        node: String,
        /// The last answer.
        reason: String,
        /// Where the log is.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
}

/// What kept the cluster from serving.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// One node.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// A directory of a node.
    #[error("cannot make the directory {path}: {source}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// The operating system's word.
        source: std::io::Error,
    },
    /// All nodes are up and none is primary.
    #[error("the cluster had no primary within {} s: {states}", PRIMARY_LIMIT.as_secs())]
    NoPrimary {
        /// What each node said.
        states: String,
    },
}

/// A place for one server.
#[derive(Clone, Debug)]
pub struct Place {
    /// Where it is reached.
    pub address: NodeAddress,
    /// The namespace it runs in, held open by the network; `None` for our own.
    pub netns: Option<RawFd>,
    /// Its folder in the run: the log, and `data/`.
    pub dir: PathBuf,
}

/// Called when a server dies by itself: node, end, last lines of its log.
pub type OnCrash = Arc<dyn Fn(&str, &UnexpectedEnd, &str) + Send + Sync>;

/// How a server process is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Its pid.
    pub pid: i32,
    /// Whether every thread of it is stopped.
    pub stopped: bool,
}

/// All nodes of a run.
pub struct Cluster {
    target: Arc<dyn Target>,
    options: TargetOptions,
    addresses: Vec<NodeAddress>,
    names: Vec<String>,
    nodes: Vec<Node>,
    on_crash: OnCrash,
}

struct Node {
    place: Place,
    /// Held while the node's process is started, killed, paused or resumed.
    server: Mutex<Option<ServerProcess>>,
}

impl Cluster {
    /// A cluster in these places, nothing started yet.
    pub fn new(
        target: Arc<dyn Target>,
        options: TargetOptions,
        places: Vec<Place>,
        on_crash: OnCrash,
    ) -> Self {
        let addresses: Vec<NodeAddress> = places.iter().map(|place| place.address.clone()).collect();
        Cluster {
            target,
            options,
            names: addresses.iter().map(|address| address.name.to_string()).collect(),
            addresses,
            nodes: places.into_iter().map(|place| Node { place, server: Mutex::new(None) }).collect(),
            on_crash,
        }
    }

    /// The names of the nodes, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where the nodes are.
    pub fn addresses(&self) -> &[NodeAddress] {
        &self.addresses
    }

    /// The system that runs on them.
    pub fn target(&self) -> &Arc<dyn Target> {
        &self.target
    }

    /// Options of the system.
    pub fn options(&self) -> &TargetOptions {
        &self.options
    }

    /// Starts every server, and waits until each answers and one is primary.
    ///
    /// # Errors
    /// The first node that does not come up, with the end of its log.
    pub async fn deploy(&self) -> Result<(), ClusterError> {
        for node in &self.nodes {
            let path = node.place.dir.join("data");
            std::fs::create_dir_all(&path)
                .map_err(|source| ClusterError::Directory { path: path.clone(), source })?;
        }
        for started in futures_all(self.names.iter().map(|name| self.start(name))).await {
            started?;
        }
        let deadline = Instant::now() + PRIMARY_LIMIT;
        loop {
            let statuses = self.statuses().await;
            if statuses.iter().any(|(_, status)| status.as_ref().is_ok_and(|s| s.primary)) {
                return Ok(());
            }
            for node in &self.nodes {
                node.refuse_dead().await?;
            }
            if Instant::now() >= deadline {
                let states: Vec<String> = statuses
                    .iter()
                    .map(|(name, status)| match status {
                        Ok(status) => format!("{name} {}", json!(status)),
                        Err(reason) => format!("{name} {reason}"),
                    })
                    .collect();
                return Err(ClusterError::NoPrimary { states: states.join("; ") });
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Starts the server of a node if it is not running, and waits until it answers. Returns
    /// evidence: the new pid, and how long it took.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(&self, name: &str) -> Result<Json, NodeError> {
        let Some(node) = self.node(name) else { return Ok(json!({"node": name, "unknown": true})) };
        let mut server = node.server.lock().await;
        if let Some(running) = server.as_ref().filter(|server| server.is_running()) {
            return Ok(json!({"node": name, "pid": running.pid(), "already_running": true}));
        }
        let began = Instant::now();
        let log = node.log();
        let spec = self.target.process(
            &node.place.address,
            &self.addresses,
            &node.place.dir.join("data"),
            &self.options,
        );
        let on_crash = {
            let (on_crash, name, log) = (Arc::clone(&self.on_crash), name.to_owned(), log.clone());
            move |end: UnexpectedEnd| on_crash(&name, &end, &log_tail(&log))
        };
        let process = ServerProcess::spawn(&spec, node.place.netns, &node.place.dir, &log, on_crash)
            .map_err(|source| NodeError::Process { node: name.to_owned(), source })?;
        let process = server.insert(process);
        loop {
            let answer = self.target.status(&node.place.address).await;
            let waited = began.elapsed();
            if let Some(status) = process.end() {
                return Err(node.died_at_start(status));
            }
            match answer {
                Ok(_) => {
                    let ready_ms = waited.as_millis() as u64;
                    return Ok(json!({"node": name, "pid": process.pid(), "answers_after_ms": ready_ms}));
                }
                Err(reason) if waited >= READY_LIMIT => {
                    let tail = log_tail(&log);
                    return Err(NodeError::NotReady { node: name.to_owned(), reason, log, tail });
                }
                Err(_) => tokio::time::sleep(ASK_EVERY).await,
            }
        }
    }

    /// Kills the server of a node. Evidence, or `None` if it was not running.
    ///
    /// # Errors
    /// When it will not die.
    pub async fn kill(&self, name: &str) -> Result<Option<Json>, NodeError> {
        let Some(node) = self.node(name) else { return Ok(None) };
        let mut server = node.server.lock().await;
        let Some(process) = server.as_mut().filter(|server| server.is_running()) else { return Ok(None) };
        let pid = process.pid();
        let status =
            process.kill().await.map_err(|s| NodeError::Process { node: name.to_owned(), source: s })?;
        // Another end than ours: it had died by itself a moment before, which is no kill.
        let ours = status == describe_signal(Signal::SIGKILL);
        Ok(ours.then(|| json!({"node": name, "pid": pid, "reaped": status})))
    }

    /// How a node's server is found now; `None` if it is not running.
    pub async fn look(&self, name: &str) -> Option<Look> {
        let server = self.node(name)?.server.lock().await;
        let process = server.as_ref().filter(|server| server.is_running())?;
        Some(Look { pid: process.pid(), stopped: process.is_stopped() })
    }

    /// Stops every thread of a node's server. Evidence, or `None` if it was not running.
    ///
    /// # Errors
    /// When a thread goes on.
    pub async fn pause(&self, name: &str) -> Result<Option<Json>, NodeError> {
        self.stop_or_continue(name, true).await
    }

    /// Lets a node's server go on. Evidence, or `None` if it is not running.
    ///
    /// # Errors
    /// When a thread stays stopped.
    pub async fn resume(&self, name: &str) -> Result<Option<Json>, NodeError> {
        self.stop_or_continue(name, false).await
    }

    async fn stop_or_continue(&self, name: &str, stop: bool) -> Result<Option<Json>, NodeError> {
        let Some(node) = self.node(name) else { return Ok(None) };
        let server = node.server.lock().await;
        let Some(process) = server.as_ref().filter(|server| server.is_running()) else { return Ok(None) };
        let threads = if stop { process.pause().await } else { process.resume().await };
        let threads = threads.map_err(|source| NodeError::Process { node: name.to_owned(), source })?;
        let state = if stop { "stopped" } else { "running" };
        Ok(Some(json!({"node": name, "pid": process.pid(), "threads": threads, "state": state})))
    }

    /// What each node says of itself, all asked at once.
    pub async fn statuses(&self) -> Vec<(String, Result<NodeStatus, String>)> {
        let asked = self
            .addresses
            .iter()
            .map(|address| async { (address.name.to_string(), self.target.status(address).await) });
        futures_all(asked).await
    }

    /// Kills every server; for the end of a run.
    pub async fn teardown(&self) {
        for result in futures_all(self.names.iter().map(|name| self.kill(name))).await {
            if let Err(error) = result {
                // The sandbox takes down what is left.
                tracing::warn!(%error, "at teardown");
            }
        }
    }

    fn node(&self, name: &str) -> Option<&Node> {
        self.names.iter().position(|other| other == name).and_then(|at| self.nodes.get(at))
    }
}

impl Node {
    fn log(&self) -> PathBuf {
        self.place.dir.join("server.log")
    }

    /// An error if the server was started and has ended.
    async fn refuse_dead(&self) -> Result<(), NodeError> {
        let end = self.server.lock().await.as_ref().and_then(ServerProcess::end);
        end.map_or(Ok(()), |status| Err(self.died_at_start(status)))
    }

    fn died_at_start(&self, status: String) -> NodeError {
        let log = self.log();
        let tail = log_tail(&log);
        NodeError::DiedAtStart { node: self.place.address.name.to_string(), status, log, tail }
    }
}

/// Runs futures side by side and gathers their results in order.
pub async fn futures_all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures_util::future::join_all(futures).await
}

#[cfg(test)]
mod tests;
