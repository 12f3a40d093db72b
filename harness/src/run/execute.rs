//! The phases of a run, from the first namespace to the last process.

use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use results::store::{RunDir, StoreError};
use serde_json::json;
use targets::NodeAddress;
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::LocalSet;
use workloads::generator::per_second;
use workloads::{Generator, GeneratorExt};

use super::interrupt::Interrupt;
use super::links::SandboxLinks;
use super::load::{Load, LoadError, LoadOptions};
use super::opener::TargetClients;
use super::progress::Progress;
use super::recovery::UntilServing;
use crate::nemesis::{Storm, storm};
use crate::net::Network;
use crate::nodes::cluster::Place;
use crate::nodes::{Cluster, ClusterError};
use crate::plan::Plan;
use crate::recorder::{Recorder, RecorderError};

/// Longest time for the final reads.
const FINAL_LIMIT: Duration = Duration::from_secs(30);
/// Stream of the seed's generator that the load draws from; the schedule has its own.
const LOAD_STREAM: u64 = 100;

/// What kept us from finishing a run: ours, never the system's.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// The cluster did not come up.
    #[error("deploying {target} failed: {source}")]
    Deploy {
        /// What was deployed.
        target: String,
        /// What failed.
        source: Box<ClusterError>,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The history.
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    /// The load loop.
    #[error("the load ended: {0}")]
    Load(#[from] LoadError),
    /// A runtime or a thread.
    #[error("cannot start the runtime: {0}")]
    Runtime(#[from] std::io::Error),
    /// A fault of ours that would not go away.
    #[error("the faults could not be healed: {0}")]
    Unhealed(String),
    /// A task of ours panicked.
    #[error("a task of the harness failed: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Runs the plan in the sandbox that the program is in, over a network that was made for it.
/// Everything observed goes to `recorder`.
///
/// # Errors
/// Trouble of ours. Whatever was recorded until then is in the history; the cluster is down in
/// any case.
pub fn execute(
    plan: &Plan,
    dir: &RunDir,
    network: Arc<Network>,
    recorder: &Arc<Recorder>,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Result<(), ExecuteError> {
    // Faults and server processes have a runtime of their own: a busy load must not delay them,
    // nor they the load.
    let storm_runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("nemesis")
        .enable_all()
        .build()?;
    let load_runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;

    let cluster = Arc::new(cluster(plan, dir, &network, recorder)?);
    let links = Arc::new(SandboxLinks::new(network, plan.nodes.clone()));
    let storm = Arc::new(Storm::new(Arc::clone(&cluster), links, Arc::clone(recorder)));
    progress.watch(Arc::clone(recorder), Arc::clone(&storm));

    let phases = Phases { plan, cluster: &cluster, storm: &storm, recorder, progress, interrupt };
    let result = LocalSet::new().block_on(&load_runtime, phases.run(storm_runtime.handle()));
    storm_runtime.block_on(cluster.teardown());
    result
}

fn cluster(
    plan: &Plan,
    dir: &RunDir,
    network: &Network,
    recorder: &Arc<Recorder>,
) -> Result<Cluster, ExecuteError> {
    let mut places = Vec::new();
    for (name, node) in plan.nodes.iter().zip(network.nodes()) {
        let address = NodeAddress {
            name: name.as_str().into(),
            peer: node.peer_addr().into(),
            client: node.ctl_addr().into(),
        };
        // Servers run in a directory of their own, so paths must not be relative to ours.
        let dir = std::path::absolute(dir.node_dir(name)?)?;
        places.push(Place { address, netns: Some(node.netns_fd().as_raw_fd()), dir });
    }
    let recorder = Arc::clone(recorder);
    let on_crash = Arc::new(move |node: &str, end: &crate::nodes::UnexpectedEnd, tail: &str| {
        tracing::warn!(node, pid = end.pid, status = end.status, "a server died by itself");
        let value = json!({"node": node, "pid": end.pid, "status": end.status, "log_tail": tail});
        storm::record(&recorder, "crash", value, None, None);
    });
    Ok(Cluster::new(Arc::clone(&plan.target), plan.options.clone(), places, on_crash))
}

struct Phases<'a> {
    plan: &'a Plan,
    cluster: &'a Arc<Cluster>,
    storm: &'a Arc<Storm>,
    recorder: &'a Arc<Recorder>,
    progress: &'a Progress,
    interrupt: &'a Interrupt,
}

impl Phases<'_> {
    async fn run(&self, storm_runtime: &tokio::runtime::Handle) -> Result<(), ExecuteError> {
        self.phase("deploy");
        let mut deploy = {
            let cluster = Arc::clone(self.cluster);
            storm_runtime.spawn(async move { cluster.deploy().await })
        };
        tokio::select! {
            deployed = &mut deploy => deployed?.map_err(|source| ExecuteError::Deploy {
                target: self.plan.target.name().to_owned(),
                source: Box::new(source),
            })?,
            () = self.interrupt.raised() => {
                // It holds the nodes that it starts; teardown wants them now.
                deploy.abort();
                let _ = deploy.await;
                return Ok(());
            }
        }

        let mut load = self.start_load();
        let workload_options = self.plan.workload_options();
        let workload = &self.plan.workload;

        self.phase("load");
        let (calm_down, calm) = watch::channel(false);
        let raging = {
            let (storm, schedule) = (Arc::clone(self.storm), self.plan.schedule.clone());
            storm_runtime.spawn(async move { storm.rage(schedule, calm).await })
        };
        let mut generator: Box<dyn Generator> = workload.generator(&workload_options);
        let end = self.recorder.now() + self.plan.time_limit.as_nanos() as u64;
        let loaded = if self.plan.rate > 0.0 {
            let mut paced = (&mut generator).stagger(per_second(self.plan.rate));
            load.run(&mut paced, Some(end), self.interrupt).await
        } else {
            load.run(&mut generator, Some(end), self.interrupt).await
        };
        let _ = calm_down.send(true);
        raging.await?;
        loaded?;

        self.phase("heal");
        let storm = Arc::clone(self.storm);
        let unhealed = storm_runtime.spawn(async move { storm.heal_all().await }).await?;
        for trouble in unhealed.ours.iter().chain(&unhealed.servers) {
            self.progress.say(&format!("healing: {trouble}"));
        }
        if !unhealed.ours.is_empty() {
            // The system must not be blamed for a world that we left broken.
            return Err(ExecuteError::Unhealed(unhealed.ours.join("; ")));
        }
        if self.interrupt.is_raised() {
            return Ok(());
        }

        self.phase("recovery");
        self.recover(&mut load, generator).await?;

        if let Some(mut reads) = workload.final_generator(&workload_options)
            && !self.interrupt.is_raised()
        {
            self.phase("final-reads");
            let end = self.recorder.now() + FINAL_LIMIT.as_nanos() as u64;
            load.run(&mut reads, Some(end), self.interrupt).await?;
        }
        // A run that was cut short has no end, and whoever judges it again must see that.
        if !self.interrupt.is_raised() {
            self.phase("done");
        }
        Ok(())
    }

    fn start_load(&self) -> Load {
        let mut rng = ChaCha8Rng::seed_from_u64(self.plan.seed);
        rng.set_stream(LOAD_STREAM);
        Load::start(
            LoadOptions {
                concurrency: self.plan.concurrency,
                nodes: self.cluster.addresses().iter().map(|address| address.name.clone()).collect(),
                op_timeout: self.plan.op_timeout,
            },
            Arc::clone(self.recorder),
            Arc::new(TargetClients {
                target: Arc::clone(&self.plan.target),
                cluster: self.cluster.addresses().to_vec(),
                options: self.plan.options.clone(),
            }),
            rng,
        )
    }

    /// The load goes on, as fast as it is answered, until every client was served, or the limit;
    /// what came of it is recorded.
    async fn recover(&self, load: &mut Load, generator: Box<dyn Generator>) -> Result<(), ExecuteError> {
        let clients = self.plan.concurrency;
        let mut until_serving = UntilServing::new(generator, clients);
        let began = self.recorder.now();
        let end = began + self.plan.recovery_limit.as_nanos() as u64;
        load.run(&mut until_serving, Some(end), self.interrupt).await?;
        if self.interrupt.is_raised() && until_serving.served_at().is_none() {
            return Ok(());
        }
        let now = self.recorder.now();
        let (recovered, at, reason) = match until_serving.served_at() {
            Some(at) => (Some(true), at, "every client was served again".to_owned()),
            None => match (until_serving.refused(), until_serving.never_asked()) {
                (0, unasked) => {
                    (None, now, format!("{unasked} of {clients} clients had no operation to try"))
                }
                (refused, _) => {
                    (Some(false), now, format!("{refused} of {clients} clients had no ok operation"))
                }
            },
        };
        let seconds = at.saturating_sub(began) as f64 / 1e9;
        let value = json!({"recovered": recovered, "seconds": seconds, "reason": reason});
        storm::record(self.recorder, "recovery", value, None, None);
        Ok(())
    }

    fn phase(&self, name: &str) {
        storm::record(self.recorder, "phase", json!({"phase": name}), None, None);
        self.progress.phase(name);
        tracing::info!(phase = name, "phase");
    }
}
