//! The plan: what was typed, validated. A run that begins has nothing left to refuse.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value as Json, json};
use targets::{Target, TargetOptions};
use thiserror::Error;
use workloads::{Workload, WorkloadOptions};

use crate::cli::args::{Concurrency, RunArgs};
use crate::cli::nearest::did_you_mean;
use crate::nemesis::fault::UnknownFault;
use crate::nemesis::grudge::GrudgeError;
use crate::nemesis::schedule::ScheduleError;
use crate::nemesis::{FaultClass, FaultSpec, Schedule, ScheduleOptions};

/// The version of `plan.json` that this program writes.
pub const FORMAT: u32 = 1;
/// More clients than this would measure the machine, not the system.
const MAX_CONCURRENCY: u32 = 10_000;

/// Everything that a run needs to know, checked.
pub struct Plan {
    /// The system under test.
    pub target: Arc<dyn Target>,
    /// The load.
    pub workload: Arc<dyn Workload>,
    /// The nodes' names: `n1` to `nN`.
    pub nodes: Vec<String>,
    /// Number of client threads.
    pub concurrency: u32,
    /// Operations per second over all clients; 0 for no limit.
    pub rate: f64,
    /// How long the load lasts.
    pub time_limit: Duration,
    /// Fault classes that the run must show to have had.
    pub fault_classes: Vec<FaultClass>,
    /// The same for those narrowed to a shape or an aim, as `class:kind`.
    pub fault_kinds: Vec<String>,
    /// The faults over time.
    pub schedule: Schedule,
    /// The seed.
    pub seed: u64,
    /// Seeded bugs and the target's options.
    pub options: TargetOptions,
    /// Longest time of one call.
    pub op_timeout: Duration,
    /// Longest time to recovery.
    pub recovery_limit: Duration,
    /// Longest time for the checkers.
    pub check_limit: Duration,
    /// Where runs are stored.
    pub out: PathBuf,
    /// The command that runs this plan again.
    pub rerun: String,
    faults_typed: Option<String>,
    fault_interval: Duration,
}

/// Why there is no plan.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PlanError {
    /// A name that nothing has.
    #[error("unknown {what} `{given}`{hint}; there are: {known}")]
    Unknown {
        /// What it should have been.
        what: &'static str,
        /// What was given.
        given: String,
        /// `, did you mean …`.
        hint: String,
        /// What there is.
        known: String,
    },
    /// A combination or a number that makes no sense.
    #[error("{0}")]
    Bad(String),
    /// A fault.
    #[error("--faults: {0}")]
    Fault(#[from] UnknownFault),
    /// A grudge.
    #[error("--grudge: {0}")]
    Grudge(#[from] GrudgeError),
    /// A schedule.
    #[error("--schedule: {0}")]
    Schedule(#[from] ScheduleError),
}

impl PlanError {
    /// An unknown name, with the names there are.
    pub fn unknown(what: &'static str, given: &str, known: &[&str]) -> Self {
        PlanError::Unknown {
            what,
            given: given.to_owned(),
            hint: did_you_mean(given, known),
            known: known.join(", "),
        }
    }
}

/// The target of this name.
///
/// # Errors
/// An unknown name, with the names there are.
pub fn target_by_name(name: &str) -> Result<Arc<dyn Target>, PlanError> {
    let all = targets::all();
    let known: Vec<&str> = all.iter().map(|target| target.name()).collect();
    let unknown = PlanError::unknown("target", name, &known);
    all.iter().find(|target| target.name() == name).cloned().ok_or(unknown)
}

/// The workload of this name.
///
/// # Errors
/// An unknown name, with the names there are.
pub fn workload_by_name(name: &str) -> Result<Arc<dyn Workload>, PlanError> {
    let known: Vec<&str> = workloads::all().iter().map(|entry| entry.name).collect();
    let entry = workloads::by_name(name).ok_or_else(|| PlanError::unknown("workload", name, &known))?;
    Ok(Arc::from((entry.build)()))
}

impl Plan {
    /// Validates what was typed. `seed` is used where none was typed.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    pub fn new(args: &RunArgs, program: &str, drawn_seed: u64) -> Result<Self, PlanError> {
        let bad = |sentence: String| Err(PlanError::Bad(sentence));
        let target = target_by_name(&args.target)?;
        let workload = match &args.workload {
            Some(name) => {
                let workload = workload_by_name(name)?;
                if !target.workloads().contains(&workload.name()) {
                    return Err(PlanError::unknown("workload of this target", name, target.workloads()));
                }
                workload
            }
            None => workload_by_name(target.workloads().first().copied().unwrap_or_default())?,
        };
        if args.nodes == 0 {
            return bad("--nodes 0: a cluster needs at least one node; 3 or 5 are usual".to_owned());
        }
        if args.nodes > crate::net::address::MAX_NODES {
            return bad(format!(
                "--nodes {}: at most {} are possible",
                args.nodes,
                crate::net::address::MAX_NODES
            ));
        }
        let nodes: Vec<String> = (1..=args.nodes).map(|n| format!("n{n}")).collect();
        let concurrency = match args.concurrency {
            Concurrency::Clients(count) => u64::from(count),
            Concurrency::PerNode(count) => u64::from(count) * args.nodes as u64,
        };
        let concurrency = match u32::try_from(concurrency) {
            Ok(count) if count <= MAX_CONCURRENCY => count,
            _ => {
                return bad(format!(
                    "--concurrency: {concurrency} clients; at most {MAX_CONCURRENCY} make sense"
                ));
            }
        };
        if !args.rate.is_finite() || args.rate < 0.0 {
            return bad(format!("--rate {}: operations per second, or 0 for no limit", args.rate));
        }
        let options = target_options(target.as_ref(), args, args.seed.unwrap_or(drawn_seed))?;
        let seed = options.seed;
        let mut fault_kinds = Vec::new();
        let (fault_classes, schedule) = match &args.schedule {
            Some(path) => {
                let schedule = Schedule::read(path, &nodes)?;
                (schedule.classes(), schedule)
            }
            None => {
                let faults = fault_specs(args, &nodes)?;
                let narrowed: Vec<_> = faults.iter().filter_map(FaultSpec::narrowed).collect();
                let mut classes: Vec<FaultClass> =
                    faults.iter().flat_map(FaultSpec::classes).copied().collect();
                classes.sort();
                classes.dedup();
                let schedule = Schedule::draw(
                    &ScheduleOptions {
                        faults,
                        interval: args.fault_interval,
                        time_limit: args.time_limit,
                        at_elections: args.at_elections,
                    },
                    &nodes,
                    seed,
                );
                let drawn = |class: FaultClass, kind: Option<&str>| {
                    let steps = schedule.steps.iter().map(|step| &step.fault);
                    steps.into_iter().any(|f| f.class() == class && kind.is_none_or(|kind| f.kind() == kind))
                };
                let asked = classes.iter().map(|class| (*class, None));
                let asked = asked.chain(narrowed.iter().map(|(class, kind)| (*class, Some(*kind))));
                if let Some((class, kind)) = asked.into_iter().find(|(class, kind)| !drawn(*class, *kind)) {
                    let kind = kind.map(|kind| format!(":{kind}")).unwrap_or_default();
                    return bad(format!(
                        "--time-limit {:?} leaves no room for {class}{kind} with --fault-interval {:?}; \
                         take a longer time or a shorter interval",
                        args.time_limit, args.fault_interval
                    ));
                }
                fault_kinds = narrowed.iter().map(|(class, kind)| format!("{class}:{kind}")).collect();
                (classes, schedule)
            }
        };
        Ok(Plan {
            target,
            workload,
            nodes,
            concurrency,
            rate: args.rate,
            time_limit: args.time_limit,
            fault_classes,
            fault_kinds,
            schedule,
            seed,
            options,
            op_timeout: args.op_timeout,
            recovery_limit: args.recovery_limit,
            check_limit: args.check_limit,
            out: args.out.clone(),
            rerun: rerun(args, program, seed),
            faults_typed: args.faults.clone(),
            fault_interval: args.fault_interval,
        })
    }

    /// What the workload is told.
    pub fn workload_options(&self) -> WorkloadOptions {
        WorkloadOptions { concurrency: self.concurrency, nodes: self.nodes.len() as u32 }
    }

    /// `plan.json`: the plan, versions, the state of the sources, facts of the kernel.
    pub fn record(&self, network: &str, sandbox: &Json) -> Json {
        let ms = |time: Duration| time.as_millis() as u64;
        json!({
            "format": FORMAT,
            "target": self.target.name(),
            "workload": self.workload.name(),
            "nodes": self.nodes,
            "concurrency": self.concurrency,
            "rate": self.rate,
            "time_limit_ms": ms(self.time_limit),
            "faults": self.fault_classes,
            "fault_kinds": self.fault_kinds,
            "faults_typed": self.faults_typed,
            "fault_interval_ms": ms(self.fault_interval),
            "bugs": self.options.bugs,
            "options": self.options.options.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(),
            "op_timeout_ms": ms(self.op_timeout),
            "recovery_limit_ms": ms(self.recovery_limit),
            "check_limit_ms": ms(self.check_limit),
            "seed": self.seed,
            "rerun": self.rerun,
            "versions": {"stormglass": env!("CARGO_PKG_VERSION")},
            "git": crate::surroundings::git(),
            "kernel": crate::surroundings::kernel(),
            "network": network,
            "sandbox": sandbox,
        })
    }
}

fn target_options(target: &dyn Target, args: &RunArgs, seed: u64) -> Result<TargetOptions, PlanError> {
    let bugs = target.bugs();
    let known: Vec<&str> = bugs.iter().map(|bug| bug.name).collect();
    for bug in &args.bug {
        if !known.contains(&bug.as_str()) {
            return Err(PlanError::unknown("bug", bug, &known));
        }
    }
    let known: Vec<&str> = target.options().iter().map(|option| option.name).collect();
    let mut options = Vec::new();
    for text in &args.opt {
        let Some((name, value)) = text.split_once('=') else {
            return Err(PlanError::Bad(format!(
                "--opt {text}: write name=value; there are: {}",
                known.join(", ")
            )));
        };
        if !known.contains(&name) {
            return Err(PlanError::unknown("option of this target", name, &known));
        }
        options.push((name.to_owned(), value.to_owned()));
    }
    let options = TargetOptions { bugs: args.bug.clone(), options, seed, op_timeout: args.op_timeout };
    target.validate(&options).map_err(|error| PlanError::Bad(format!("--opt {error}")))?;
    Ok(options)
}

/// The faults asked for. With none typed, all that a cluster of this size can have.
fn fault_specs(args: &RunArgs, nodes: &[String]) -> Result<Vec<FaultSpec>, PlanError> {
    let all = || FaultClass::ALL.into_iter().map(|class| class.name().parse::<FaultSpec>());
    let mut specs = match args.faults.as_deref().map(str::trim) {
        None if !args.grudge.is_empty() => Vec::new(),
        None | Some("all") => all()
            .filter(|spec| !matches!(spec, Ok(FaultSpec::AnyPartition)) || nodes.len() > 1)
            .collect::<Result<Vec<_>, _>>()?,
        Some("none") => Vec::new(),
        Some(list) => {
            let names: Vec<&str> = list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
            if names.is_empty() {
                return Err(PlanError::Bad("--faults: no fault is named; write `none` for none".to_owned()));
            }
            if let Some(alone) = names.iter().find(|name| ["none", "all"].contains(name)) {
                return Err(PlanError::Bad(format!("--faults {list}: `{alone}` cannot be one of several")));
            }
            names.into_iter().map(str::parse).collect::<Result<Vec<FaultSpec>, _>>()?
        }
    };
    for grudge in &args.grudge {
        grudge.validate(nodes)?;
        specs.push(FaultSpec::Custom(grudge.clone()));
    }
    for spec in &specs {
        let least = spec.least_nodes();
        if nodes.len() < least {
            let name = if let FaultSpec::Partition(kind) = spec { kind.name() } else { "any" };
            return Err(PlanError::Bad(format!(
                "--faults: a partition ({name}) needs at least {least} nodes; there are {}",
                nodes.len()
            )));
        }
    }
    Ok(specs)
}

/// The command line that does the same again: what was typed, with the seed.
fn rerun(args: &RunArgs, program: &str, seed: u64) -> String {
    let mut words = vec![program.to_owned(), "run".to_owned(), args.target.clone()];
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    if let Some(workload) = &args.workload {
        option("--workload", workload.clone());
    }
    option("--nodes", args.nodes.to_string());
    match args.concurrency {
        Concurrency::Clients(count) => option("--concurrency", count.to_string()),
        Concurrency::PerNode(count) => option("--concurrency", format!("{count}n")),
    }
    option("--rate", args.rate.to_string());
    option("--time-limit", format!("{}ms", args.time_limit.as_millis()));
    match &args.schedule {
        Some(path) => option("--schedule", path.display().to_string()),
        None => {
            if let Some(faults) = &args.faults {
                option("--faults", faults.clone());
            }
            for grudge in &args.grudge {
                option("--grudge", grudge.to_string());
            }
            option("--fault-interval", format!("{}ms", args.fault_interval.as_millis()));
        }
    }
    option("--op-timeout", format!("{}ms", args.op_timeout.as_millis()));
    option("--recovery-limit", format!("{}ms", args.recovery_limit.as_millis()));
    for bug in &args.bug {
        option("--bug", bug.clone());
    }
    for opt in &args.opt {
        option("--opt", opt.clone());
    }
    if args.out != Path::new("runs") {
        option("--out", args.out.display().to_string());
    }
    option("--seed", seed.to_string());
    if args.at_elections {
        words.push("--at-elections".to_owned());
    }
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ")
}

/// The word as a shell reads it back.
fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
