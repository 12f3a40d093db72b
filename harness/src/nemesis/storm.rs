//! The storm: carries out a schedule. Each fault is observed to have worked before it is recorded
//! as installed, and observed to be gone after healing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use checkers::{Event, EventType, Extra, Process, Value};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::fault::{Aim, Fault};
use super::grudge::{Grudge, PartitionKind};
use super::schedule::{Schedule, Step, Trigger};
use crate::nodes::Cluster;
use crate::nodes::cluster::futures_all;
use crate::recorder::Recorder;

/// How often the cluster is asked while a step waits for its trigger.
const LOOK_FOR_TRIGGER_EVERY: Duration = Duration::from_millis(10);

/// How long a rolling partition leaves a new primary in peace: long enough to replicate what it
/// inherited, which is when figure 8 of the Raft paper happens.
const ROLL_AFTER: Duration = Duration::from_millis(400);

/// What changes the network between nodes, and looks at it.
pub trait Links: Send + Sync {
    /// Puts exactly this grudge into force, and probes every link.
    ///
    /// # Errors
    /// In words, when the links could not be changed.
    fn impose(&self, grudge: &Grudge) -> Result<LinkCheck, String>;
}

/// What probes found after a grudge was put into force.
#[derive(Clone, Debug)]
pub struct LinkCheck {
    /// Whether every link was found as the grudge says.
    pub holds: bool,
    /// What was found.
    pub evidence: Json,
}

/// What became of an injection. DESIGN §4.3.
#[derive(Clone, Debug, PartialEq)]
enum Installed {
    Installed(Json),
    Skipped(String),
    Indeterminate(String, Json),
}

/// Carries out faults on a cluster.
pub struct Storm {
    cluster: Arc<Cluster>,
    links: Arc<dyn Links>,
    recorder: Arc<Recorder>,
    /// Partitions in force by step; what is imposed is all of them together.
    grudges: Mutex<BTreeMap<u64, Grudge>>,
    /// Faults in force, in words, for the status line.
    in_force: Mutex<BTreeMap<u64, String>>,
}

impl Storm {
    /// A storm over this cluster, calm so far.
    pub fn new(cluster: Arc<Cluster>, links: Arc<dyn Links>, recorder: Arc<Recorder>) -> Self {
        Storm { cluster, links, recorder, grudges: Mutex::default(), in_force: Mutex::default() }
    }

    /// Faults in force now, in words.
    pub fn in_force(&self) -> Vec<String> {
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// Carries out the schedule from now on until `calm` turns true, then heals what is in force.
    /// Ends when every step has ended.
    pub async fn rage(self: Arc<Self>, schedule: Schedule, calm: watch::Receiver<bool>) {
        let began = tokio::time::Instant::now();
        let mut steps = JoinSet::new();
        for step in schedule.steps {
            let (storm, calm) = (Arc::clone(&self), calm.clone());
            steps.spawn(async move { storm.carry_out(step, began, calm).await });
        }
        while let Some(ended) = steps.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a step of the schedule failed");
                self.note("nemesis-error", json!({"error": error.to_string()}), None, None);
            }
        }
    }

    /// Lifts every fault there may be: links open, processes running and not stopped. Records
    /// what was found, and returns what is still not right.
    pub async fn heal_all(&self) -> Vec<String> {
        let mut troubles = Vec::new();
        self.grudges.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let links = match self.links.impose(&Grudge::default()) {
            Ok(check) => {
                if !check.holds {
                    troubles.push("links are still blocked after healing".to_owned());
                }
                check.evidence
            }
            Err(reason) => {
                troubles.push(format!("links cannot be opened: {reason}"));
                json!({"error": reason})
            }
        };
        let names = self.cluster.names();
        for resumed in futures_all(names.iter().map(|name| self.cluster.resume(name))).await {
            if let Err(error) = resumed {
                troubles.push(error.to_string());
            }
        }
        let mut processes = Vec::new();
        for started in futures_all(names.iter().map(|name| self.cluster.start(name))).await {
            match started {
                Ok(evidence) => processes.push(evidence),
                Err(error) => troubles.push(error.to_string()),
            }
        }
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let outcome = if troubles.is_empty() { "healed" } else { "indeterminate" };
        let evidence = json!({"links": links, "processes": processes, "troubles": troubles});
        self.note("heal", json!({"action": "heal", "kind": "everything"}), Some(outcome), Some(evidence));
        troubles
    }

    async fn carry_out(&self, step: Step, began: tokio::time::Instant, mut calm: watch::Receiver<bool>) {
        tokio::select! {
            () = tokio::time::sleep_until(began + Duration::from_millis(step.at_ms)) => {}
            _ = calm.wait_for(|calm| *calm) => return,
        }
        if *calm.borrow() {
            return;
        }
        if let Some(trigger) = step.after {
            let seen = tokio::select! {
                seen = tokio::time::timeout(Duration::from_millis(step.for_ms), self.await_trigger(trigger)) => seen.is_ok(),
                _ = calm.wait_for(|calm| *calm) => false,
            };
            if !seen {
                let reason = "no new primary was seen in the time of this step".to_owned();
                self.report_install(&step, &step.fault, &Installed::Skipped(reason));
                return;
            }
        }
        let fault = self.resolve(step.id, step.fault.clone()).await;
        let installed = self.inject(step.id, &fault).await;
        let words = format!("{} {}", fault.class(), fault.kind());
        if !matches!(installed, Installed::Skipped(_)) {
            self.in_force.lock().unwrap_or_else(PoisonError::into_inner).insert(step.id, words);
        }
        self.report_install(&step, &fault, &installed);
        if matches!(installed, Installed::Skipped(_)) {
            return;
        }
        let lasts = Duration::from_millis(step.for_ms);
        let moves = tokio::select! {
            moves = self.last(&step, &fault, lasts) => moves,
            _ = calm.wait_for(|calm| *calm) => 0,
        };
        let healed = self.heal(step.id, &fault).await;
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner).remove(&step.id);
        let mut value = describe(step.id, "heal", &fault);
        if moves > 0 {
            value["moves"] = json!(moves);
        }
        let (outcome, evidence) = match healed {
            Ok(evidence) => ("healed", evidence),
            Err((reason, evidence)) => ("indeterminate", because(&reason, evidence)),
        };
        self.note(fault.class().name(), value, Some(outcome), Some(evidence));
    }

    /// Finds out what could not be known before: who is primary.
    async fn resolve(&self, id: u64, fault: Fault) -> Fault {
        match fault {
            Fault::Partition { kind, grudge: None } => {
                let grudge = self.grudge_around(&self.primaries().await, &kind, id);
                Fault::Partition { kind, grudge: Some(grudge) }
            }
            Fault::Kill { aim, nodes: None } => Fault::Kill { aim, nodes: Some(self.aimed_at(aim).await) },
            Fault::Pause { aim, nodes: None } => Fault::Pause { aim, nodes: Some(self.aimed_at(aim).await) },
            known => known,
        }
    }

    /// The nodes that an aim means now, if it depends on who is primary.
    async fn aimed_at(&self, aim: Aim) -> Vec<String> {
        let primaries = self.primaries().await;
        match aim {
            Aim::Followers => {
                self.cluster.names().iter().filter(|name| !primaries.contains(name)).cloned().collect()
            }
            _ => primaries,
        }
    }

    /// The grudge of a kind that depends on who is primary. `turn` changes the company.
    fn grudge_around(&self, primaries: &[String], kind: &str, turn: u64) -> Grudge {
        let names = self.cluster.names();
        match PartitionKind::named(kind) {
            Some(PartitionKind::PrimaryMinority | PartitionKind::Rolling) => {
                let mut order = names.to_vec();
                // The schedule fixes the id, so that a replay draws the same company.
                order.shuffle(&mut ChaCha8Rng::seed_from_u64(turn));
                // More primaries than a minority holds: one of them, and the others stay outside.
                let few = if primaries.len() > (names.len() - 1) / 2 { &primaries[..1] } else { primaries };
                Grudge::minority_around(few, &order)
            }
            _ => Grudge::isolate(primaries, names),
        }
    }

    async fn primaries(&self) -> Vec<String> {
        let claims = self.cluster.statuses().await.into_iter();
        claims.filter(|(_, status)| status.as_ref().is_ok_and(|s| s.primary)).map(|(name, _)| name).collect()
    }

    async fn await_trigger(&self, trigger: Trigger) {
        let Trigger::NewPrimary = trigger;
        let before = self.claims().await;
        self.new_claim(&before).await;
    }

    /// Who says that it is primary, and in which term.
    async fn claims(&self) -> BTreeSet<(String, Option<u64>)> {
        let statuses = self.cluster.statuses().await.into_iter();
        let claims = statuses.filter_map(|(name, status)| {
            let status = status.ok().filter(|status| status.primary)?;
            Some((name, status.term))
        });
        claims.collect()
    }

    /// Waits until a node claims what nobody claimed `before`, and returns it.
    async fn new_claim(&self, before: &BTreeSet<(String, Option<u64>)>) -> String {
        loop {
            if let Some((name, _)) = self.claims().await.difference(before).next() {
                return name.clone();
            }
            tokio::time::sleep(LOOK_FOR_TRIGGER_EVERY).await;
        }
    }

    /// Lets a fault last. A rolling partition moves meanwhile; how often, is returned.
    async fn last(&self, step: &Step, fault: &Fault, lasts: Duration) -> u64 {
        if fault.kind() != PartitionKind::Rolling.name() {
            tokio::time::sleep(lasts).await;
            return 0;
        }
        let mut moves = 0;
        let _ = tokio::time::timeout(lasts, async {
            loop {
                let before = self.claims().await;
                let new = self.new_claim(&before).await;
                tokio::time::sleep(ROLL_AFTER).await;
                moves += 1;
                let grudge = self.grudge_around(&[new], fault.kind(), step.id * 1000 + moves);
                if let Err(reason) = self.impose(step.id, Some(grudge)) {
                    tracing::warn!(reason, "a rolling partition could not move");
                }
            }
        })
        .await;
        moves
    }

    async fn inject(&self, id: u64, fault: &Fault) -> Installed {
        match fault {
            Fault::Partition { grudge, .. } => {
                let grudge = grudge.clone().unwrap_or_default();
                if grudge.is_empty() {
                    return Installed::Skipped("no node says that it is primary".to_owned());
                }
                match self.impose(id, Some(grudge)) {
                    Ok(check) if check.holds => Installed::Installed(check.evidence),
                    Ok(check) => Installed::Indeterminate(
                        "probes found links other than the grudge says".to_owned(),
                        check.evidence,
                    ),
                    Err(reason) => Installed::Indeterminate(reason, Json::Null),
                }
            }
            Fault::Kill { nodes, .. } => {
                let nodes = nodes.as_deref().unwrap_or_default();
                gather(futures_all(nodes.iter().map(|name| self.cluster.kill(name))).await)
            }
            Fault::Pause { nodes, .. } => {
                let nodes = nodes.as_deref().unwrap_or_default();
                gather(futures_all(nodes.iter().map(|name| self.cluster.pause(name))).await)
            }
        }
    }

    async fn heal(&self, id: u64, fault: &Fault) -> Result<Json, (String, Json)> {
        match fault {
            Fault::Partition { .. } => match self.impose(id, None) {
                Ok(check) if check.holds => Ok(check.evidence),
                Ok(check) => Err(("probes found links other than they should be".to_owned(), check.evidence)),
                Err(reason) => Err((reason, Json::Null)),
            },
            Fault::Kill { nodes, .. } => {
                let nodes = nodes.as_deref().unwrap_or_default();
                let started = futures_all(nodes.iter().map(|name| self.cluster.start(name))).await;
                gather_healed(started.into_iter().map(|result| result.map(Some)))
            }
            Fault::Pause { nodes, .. } => {
                let nodes = nodes.as_deref().unwrap_or_default();
                gather_healed(futures_all(nodes.iter().map(|name| self.cluster.resume(name))).await)
            }
        }
    }

    /// Adds or removes one step's grudge, and imposes what all of them together say.
    fn impose(&self, id: u64, grudge: Option<Grudge>) -> Result<LinkCheck, String> {
        // Held throughout: two partitions that begin together must not undo one another.
        let mut grudges = self.grudges.lock().unwrap_or_else(PoisonError::into_inner);
        match grudge {
            Some(grudge) => grudges.insert(id, grudge),
            None => grudges.remove(&id),
        };
        let mut all = Grudge::default();
        for grudge in grudges.values() {
            all.merge(grudge);
        }
        self.links.impose(&all)
    }

    fn report_install(&self, step: &Step, fault: &Fault, installed: &Installed) {
        let value = describe(step.id, "install", fault);
        let (outcome, evidence) = match installed {
            Installed::Installed(evidence) => ("installed", evidence.clone()),
            Installed::Skipped(reason) => ("skipped", because(reason, Json::Null)),
            Installed::Indeterminate(reason, evidence) => {
                ("indeterminate", because(reason, evidence.clone()))
            }
        };
        self.note(fault.class().name(), value, Some(outcome), Some(evidence));
    }

    fn note(&self, f: &str, value: Json, outcome: Option<&str>, evidence: Option<Json>) {
        record(&self.recorder, f, value, outcome, evidence);
    }
}

/// Records an event of the nemesis.
pub fn record(recorder: &Recorder, f: &str, value: Json, outcome: Option<&str>, evidence: Option<Json>) {
    let value: Value = serde_json::from_value(value).unwrap_or_default();
    let mut event = Event::new(0, Process::NEMESIS, EventType::Info, f, value);
    if outcome.is_some() || evidence.is_some() {
        let outcome = outcome.map(str::to_owned);
        event.extra = Some(Box::new(Extra { outcome, evidence, ..Extra::default() }));
    }
    recorder.record(event);
}

fn describe(id: u64, action: &str, fault: &Fault) -> Json {
    let mut value = json!({"id": id, "action": action, "kind": fault.kind()});
    match fault {
        Fault::Partition { grudge, .. } => value["grudge"] = json!(grudge),
        Fault::Kill { nodes, .. } | Fault::Pause { nodes, .. } => value["nodes"] = json!(nodes),
    }
    value
}

/// Evidence with the reason of a doubt, where the reader of histories looks for it.
fn because(reason: &str, mut evidence: Json) -> Json {
    if evidence.is_null() {
        evidence = json!({});
    }
    evidence["reason"] = json!(reason);
    evidence
}

type NodeResult = Result<Option<Json>, crate::nodes::NodeError>;

/// A process fault over several nodes: installed if it took on at least one, in doubt if it went
/// wrong on any.
fn gather(results: Vec<NodeResult>) -> Installed {
    let (evidence, troubles) = split(results);
    if !troubles.is_empty() {
        return Installed::Indeterminate(troubles.join("; "), json!({"nodes": evidence}));
    }
    if evidence.is_empty() {
        return Installed::Skipped("none of the nodes has a running server".to_owned());
    }
    Installed::Installed(json!({"nodes": evidence}))
}

fn gather_healed(results: impl IntoIterator<Item = NodeResult>) -> Result<Json, (String, Json)> {
    let (evidence, troubles) = split(results);
    let evidence = json!({"nodes": evidence});
    if troubles.is_empty() { Ok(evidence) } else { Err((troubles.join("; "), evidence)) }
}

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

#[cfg(test)]
mod tests;
