//! Kills and pauses in force: who was struck by which step, and whether it still holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value as Json, json};

use super::{Healing, Injection};
use crate::nodes::cluster::futures_all;
use crate::nodes::{Cluster, NodeError};

/// Nodes by the step that struck them, each with the pid that it had then.
type Struck = Mutex<BTreeMap<u64, BTreeMap<String, i64>>>;

/// The process faults of all steps in force.
pub(super) struct Processes {
    cluster: Arc<Cluster>,
    killed: Struck,
    paused: Struck,
}

impl Processes {
    pub(super) fn new(cluster: Arc<Cluster>) -> Self {
        Processes { cluster, killed: Mutex::default(), paused: Mutex::default() }
    }

    /// SIGKILL; nodes without a running server are passed over.
    pub(super) async fn kill(&self, id: u64, nodes: &[String]) -> Injection {
        let (evidence, troubles) = split(futures_all(nodes.iter().map(|name| self.cluster.kill(name))).await);
        remember(&self.killed, id, &evidence);
        injection(evidence, troubles, "none of the nodes has a running server")
    }

    /// Starts what this step killed, and nothing that another one holds down.
    pub(super) async fn restart(&self, id: u64) -> Healing {
        let struck = forget(&self.killed, id);
        let started = futures_all(struck.keys().map(|name| self.cluster.start(name))).await;
        let (evidence, troubles) = split(started.into_iter().map(|result| result.map(Some)));
        healing(evidence, &troubles)
    }

    /// SIGSTOP; nodes that are stopped already, or have no running server, are passed over.
    pub(super) async fn pause(&self, id: u64, nodes: &[String]) -> Injection {
        let fresh: Vec<&String> = nodes.iter().filter(|name| holder(&self.paused, name).is_none()).collect();
        let (evidence, troubles) =
            split(futures_all(fresh.into_iter().map(|name| self.cluster.pause(name))).await);
        remember(&self.paused, id, &evidence);
        injection(evidence, troubles, "none of the nodes has a running server that is not stopped already")
    }

    /// SIGCONT to what this step stopped. Looks first: a server that was killed and started again
    /// meanwhile was not paused until now, and the evidence says so.
    pub(super) async fn resume(&self, id: u64) -> Healing {
        let struck = forget(&self.paused, id);
        let mut ended_early = Vec::new();
        for (name, pid) in &struck {
            match self.cluster.look(name).await {
                Some(look) if i64::from(look.pid) == *pid && look.stopped => {}
                Some(look) if i64::from(look.pid) == *pid => {
                    ended_early.push(json!({"node": name, "found": "running"}))
                }
                Some(_) => ended_early.push(json!({"node": name, "found": "restarted meanwhile"})),
                None => ended_early.push(json!({"node": name, "found": "killed meanwhile"})),
            }
        }
        let (evidence, troubles) =
            split(futures_all(struck.keys().map(|name| self.cluster.resume(name))).await);
        let mut healing = healing(evidence, &troubles);
        if !ended_early.is_empty() {
            healing.evidence["ended_early"] = json!(ended_early);
        }
        healing
    }

    /// Forgets every step; whoever calls this starts and resumes all nodes.
    pub(super) fn forget_all(&self) {
        for struck in [&self.killed, &self.paused] {
            struck.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }
}

type NodeResult = Result<Option<Json>, NodeError>;

fn split(results: impl IntoIterator<Item = NodeResult>) -> (Vec<Json>, Vec<String>) {
    let (mut evidence, mut troubles) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(found) => evidence.extend(found),
            Err(error) => troubles.push(error.to_string()),
        }
    }
    (evidence, troubles)
}

/// Installed if it took on at least one node, in doubt if it went wrong on any.
fn injection(evidence: Vec<Json>, troubles: Vec<String>, otherwise: &str) -> Injection {
    if !troubles.is_empty() {
        return Injection::Indeterminate(troubles.join("; "), json!({"nodes": evidence}));
    }
    if evidence.is_empty() {
        return Injection::Skipped(otherwise.to_owned());
    }
    Injection::Installed(json!({"nodes": evidence}))
}

fn healing(evidence: Vec<Json>, troubles: &[String]) -> Healing {
    let evidence = json!({"nodes": evidence});
    if troubles.is_empty() {
        Healing::done(evidence)
    } else {
        Healing::doubtful(&troubles.join("; "), evidence)
    }
}

fn remember(struck: &Struck, id: u64, evidence: &[Json]) {
    let nodes = evidence
        .iter()
        .filter_map(|found| Some((found["node"].as_str()?.to_owned(), found["pid"].as_i64()?)));
    struck.lock().unwrap_or_else(PoisonError::into_inner).insert(id, nodes.collect());
}

fn forget(struck: &Struck, id: u64) -> BTreeMap<String, i64> {
    struck.lock().unwrap_or_else(PoisonError::into_inner).remove(&id).unwrap_or_default()
}

/// The step that has struck this node, if one has.
fn holder(struck: &Struck, name: &str) -> Option<u64> {
    let struck = struck.lock().unwrap_or_else(PoisonError::into_inner);
    struck.iter().find(|(_, nodes)| nodes.contains_key(name)).map(|(id, _)| *id)
}
