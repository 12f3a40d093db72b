//! The storm: carries out a schedule. Each fault is observed to have worked before it is recorded
//! as installed, and observed to be gone after healing.
//!
//! | module | what lives there |
//! |---|---|
//! | `aim` | who is primary when a fault begins |
//! | `partitions` | grudges in force, imposed together |
//! | `processes` | kills and pauses in force, and whether they still hold |

mod aim;
mod partitions;
mod processes;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use checkers::{Event, EventType, Extra, Process, Value};
use serde_json::{Value as Json, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::fault::Fault;
use super::grudge::{Grudge, PartitionKind};
use super::schedule::{Schedule, Step, Trigger};
use crate::nodes::Cluster;
use crate::nodes::cluster::futures_all;
use crate::recorder::Recorder;
use partitions::Partitions;
use processes::Processes;

/// How long a rolling partition leaves a new primary in peace: enough to replicate what it
/// inherited, and too short for much of its own, which is when figure 8 of the Raft paper happens.
const ROLL_AFTER: Duration = Duration::from_millis(4);

/// How long after a fault found nobody to strike it is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(50);

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
enum Injection {
    Installed(Json),
    Skipped(String),
    Indeterminate(String, Json),
}

/// What became of a healing.
#[derive(Clone, Debug, PartialEq)]
struct Healing {
    /// Why it is in doubt, if it is.
    doubt: Option<String>,
    evidence: Json,
}

impl Healing {
    fn done(evidence: Json) -> Self {
        Healing { doubt: None, evidence }
    }
    fn doubtful(doubt: &str, evidence: Json) -> Self {
        Healing { doubt: Some(doubt.to_owned()), evidence }
    }
}

/// What was still not right after everything was healed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unhealed {
    /// Links still blocked, processes still stopped: our trouble.
    pub ours: Vec<String>,
    /// Servers that do not come up: the system's.
    pub servers: Vec<String>,
}

/// Carries out faults on a cluster.
pub struct Storm {
    cluster: Arc<Cluster>,
    recorder: Arc<Recorder>,
    partitions: Partitions,
    processes: Processes,
    /// Faults in force, in words, for the status line.
    in_force: Mutex<BTreeMap<u64, String>>,
}

impl Storm {
    /// A storm over this cluster, calm so far.
    pub fn new(cluster: Arc<Cluster>, links: Arc<dyn Links>, recorder: Arc<Recorder>) -> Self {
        Storm {
            partitions: Partitions::new(links),
            processes: Processes::new(Arc::clone(&cluster)),
            cluster,
            recorder,
            in_force: Mutex::default(),
        }
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
    pub async fn heal_all(&self) -> Unhealed {
        let mut unhealed = Unhealed::default();
        let links = match self.partitions.end_all() {
            Ok(check) => {
                if !check.holds {
                    unhealed.ours.push("links are still blocked after healing".to_owned());
                }
                check.evidence
            }
            Err(reason) => {
                unhealed.ours.push(format!("links cannot be opened: {reason}"));
                json!({"error": reason})
            }
        };
        self.processes.forget_all();
        let names = self.cluster.names();
        for resumed in futures_all(names.iter().map(|name| self.cluster.resume(name))).await {
            unhealed.ours.extend(resumed.err().map(|error| error.to_string()));
        }
        let mut running = Vec::new();
        for started in futures_all(names.iter().map(|name| self.cluster.start(name))).await {
            match started {
                Ok(evidence) => running.push(evidence),
                Err(error) => unhealed.servers.push(error.to_string()),
            }
        }
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let healed = unhealed == Unhealed::default();
        let outcome = if healed { "healed" } else { "indeterminate" };
        let troubles: Vec<&String> = unhealed.ours.iter().chain(&unhealed.servers).collect();
        let evidence = json!({"links": links, "processes": running, "troubles": troubles});
        self.note("heal", json!({"action": "heal", "kind": "everything"}), Some(outcome), Some(evidence));
        unhealed
    }

    async fn carry_out(&self, step: Step, began: tokio::time::Instant, mut calm: watch::Receiver<bool>) {
        tokio::select! {
            () = tokio::time::sleep_until(began + Duration::from_millis(step.at_ms)) => {}
            _ = calm.wait_for(|calm| *calm) => return,
        }
        if *calm.borrow() {
            return;
        }
        // A step that waits for something ends when it would have ended without waiting, so that
        // it never runs into the next of its class.
        let end = tokio::time::Instant::now() + Duration::from_millis(step.for_ms);
        if let Some(Trigger::NewPrimary) = step.after {
            let seen = tokio::select! {
                seen = tokio::time::timeout_at(end, self.await_new_primary()) => seen.is_ok(),
                _ = calm.wait_for(|calm| *calm) => false,
            };
            if !seen {
                let reason = "no new primary was seen in the time of this step".to_owned();
                self.report_install(&step, &step.fault, Injection::Skipped(reason));
                return;
            }
        }
        let half = end - Duration::from_millis(step.for_ms / 2);
        let (fault, injection) = self.try_until(half, &step, &calm).await;
        let in_vain = matches!(injection, Injection::Skipped(_));
        if !in_vain {
            let words = format!("{} {}", fault.class(), fault.kind());
            self.in_force.lock().unwrap_or_else(PoisonError::into_inner).insert(step.id, words);
        }
        self.report_install(&step, &fault, injection);
        if in_vain {
            return;
        }
        tokio::select! {
            () = self.last_until(end, &step, &fault) => {}
            _ = calm.wait_for(|calm| *calm) => {}
        }
        let healing = self.heal(step.id, &fault).await;
        self.in_force.lock().unwrap_or_else(PoisonError::into_inner).remove(&step.id);
        let (outcome, evidence) = match healing.doubt {
            None => ("healed", healing.evidence),
            Some(doubt) => ("indeterminate", json!({"reason": doubt, "found": healing.evidence})),
        };
        let value = describe(step.id, "heal", &fault);
        self.note(fault.class().name(), value, Some(outcome), Some(evidence));
    }

    /// Injects, and tries again until `deadline` while there is nobody to strike: with every server
    /// down for another fault, or an election going on, there will be somebody soon.
    async fn try_until(
        &self,
        deadline: tokio::time::Instant,
        step: &Step,
        calm: &watch::Receiver<bool>,
    ) -> (Fault, Injection) {
        loop {
            let fault = aim::resolve(&self.cluster, step.id, step.fault.clone()).await;
            let injection = self.inject(step.id, &fault).await;
            let in_vain = matches!(injection, Injection::Skipped(_));
            if !in_vain || *calm.borrow() || tokio::time::Instant::now() >= deadline {
                return (fault, injection);
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
    }

    async fn await_new_primary(&self) {
        let before = aim::claims(&self.cluster).await;
        aim::new_primary(&self.cluster, &before).await;
    }

    /// Lets a fault last. A rolling partition moves meanwhile, and each move is recorded.
    async fn last_until(&self, end: tokio::time::Instant, step: &Step, fault: &Fault) {
        match fault {
            Fault::Partition { kind, grudge: Some(first) } if kind == PartitionKind::Rolling.name() => {
                let _ = tokio::time::timeout_at(end, self.roll(step, kind, first)).await;
            }
            _ => tokio::time::sleep_until(end).await,
        }
    }

    /// Moves a partition to each new primary, for as long as it is polled.
    async fn roll(&self, step: &Step, kind: &str, first: &Grudge) {
        let mut cut_off = first.smaller_side();
        for turn in 1.. {
            let before = aim::claims(&self.cluster).await;
            let new = aim::new_primary(&self.cluster, &before).await;
            tokio::time::sleep(ROLL_AFTER).await;
            // Its company comes from those who elected it: whoever was cut off comes back with
            // what it wrote meanwhile, and has the others' votes to win.
            let names = self.cluster.names();
            let grudge = aim::grudge_around(&[new], names, kind, step.id * 1000 + turn, &cut_off);
            cut_off = grudge.smaller_side();
            let value = json!({"id": step.id, "action": "move", "kind": kind, "grudge": grudge});
            let (outcome, evidence) = match self.partitions.shift(step.id, grudge) {
                Ok(check) if check.holds => ("installed", check.evidence),
                Ok(check) => ("indeterminate", check.evidence),
                Err(reason) => ("indeterminate", json!({"reason": reason})),
            };
            self.note("partition-move", value, Some(outcome), Some(evidence));
        }
    }

    async fn inject(&self, id: u64, fault: &Fault) -> Injection {
        let nobody = || Injection::Skipped("no node says that it is primary".to_owned());
        match fault {
            Fault::Partition { grudge, .. } => match grudge.clone().unwrap_or_default() {
                grudge if grudge.is_empty() => nobody(),
                grudge => self.partitions.begin(id, grudge),
            },
            Fault::Kill { nodes, .. } => match nodes.as_deref().unwrap_or_default() {
                [] => nobody(),
                nodes => self.processes.kill(id, nodes).await,
            },
            Fault::Pause { nodes, .. } => match nodes.as_deref().unwrap_or_default() {
                [] => nobody(),
                nodes => self.processes.pause(id, nodes).await,
            },
        }
    }

    async fn heal(&self, id: u64, fault: &Fault) -> Healing {
        match fault {
            Fault::Partition { .. } => self.partitions.end(id),
            Fault::Kill { .. } => self.processes.restart(id).await,
            Fault::Pause { .. } => self.processes.resume(id).await,
        }
    }

    fn report_install(&self, step: &Step, fault: &Fault, injection: Injection) {
        let (outcome, evidence) = match injection {
            Injection::Installed(evidence) => ("installed", evidence),
            Injection::Skipped(reason) => ("skipped", json!({"reason": reason})),
            Injection::Indeterminate(reason, found) => {
                ("indeterminate", json!({"reason": reason, "found": found}))
            }
        };
        let value = describe(step.id, "install", fault);
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
        event.extra = Some(Box::new(Extra {
            outcome,
            evidence: evidence.as_ref().map(checkers::value::to_value),
            ..Extra::default()
        }));
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

#[cfg(test)]
mod tests;
