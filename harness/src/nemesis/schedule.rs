//! Schedules: which fault, when, for how long. Pure and seeded; stored with the run, and given
//! back with `--schedule` to be replayed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::fault::{Aim, Fault, FaultClass, FaultSpec};
use super::grudge::{GrudgeError, PartitionKind};

/// The version of `schedule.json` that this program writes.
pub const FORMAT: u32 = 1;
/// More steps than this are a mistake, not a schedule.
const MAX_STEPS: usize = 100_000;

/// Stream of the seed for patterns; those of the classes are small numbers.
const PATTERN_STREAM: u64 = 50;
/// How long after the primary was cut off the others are killed, ms.
const COUP_KILLS_AFTER_MS: u64 = 30;
/// How long they are down, ms.
const COUP_DOWN_MS: u64 = 100;

/// Faults over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Version of the format: [`FORMAT`].
    pub format: u32,
    /// The steps, in the order of their beginnings.
    pub steps: Vec<Step>,
}

/// One fault, from injection to healing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Names the fault in the history.
    pub id: u64,
    /// When it begins, ms since the load began.
    pub at_ms: u64,
    /// How long it lasts, ms.
    pub for_ms: u64,
    /// Waits, from `at_ms` on, for this to be seen; if it is not within `for_ms`, the step is
    /// skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Trigger>,
    /// What happens.
    pub fault: Fault,
}

/// Something to be seen in the cluster before a fault begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trigger {
    /// A node says that it is primary that did not say so, or said so in an older term, when the
    /// step began to wait.
    NewPrimary,
}

/// Why a schedule cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The file cannot be read.
    #[error("cannot read the schedule {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's word.
        source: std::io::Error,
    },
    /// Not a schedule.
    #[error("{path}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, column and reason.
        source: serde_json::Error,
    },
    /// From a later version.
    #[error(
        "{path}: format {found} is newer than {FORMAT}, the newest that this version reads; use a newer stormglass"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: u32,
    },
    /// A grudge that cannot be.
    #[error("{path}: step {id}: {source}")]
    Grudge {
        /// The file.
        path: PathBuf,
        /// The step.
        id: u64,
        /// What is wrong.
        source: GrudgeError,
    },
    /// A step that cannot be.
    #[error("{path}: step {id}: {reason}")]
    Step {
        /// The file.
        path: PathBuf,
        /// The step.
        id: u64,
        /// What is wrong, and the fix.
        reason: String,
    },
    /// Too many steps.
    #[error("{path}: {count} steps; at most {MAX_STEPS} make sense")]
    TooLong {
        /// The file.
        path: PathBuf,
        /// How many.
        count: usize,
    },
}

/// What a schedule is drawn from.
#[derive(Clone, Debug)]
pub struct ScheduleOptions {
    /// What may happen.
    pub faults: Vec<FaultSpec>,
    /// Mean time between the beginnings of faults of one class is about 1.3 of these.
    pub interval: Duration,
    /// How long the load lasts; every fault ends before.
    pub time_limit: Duration,
    /// Faults begin when a new primary is seen, rather than by the clock alone.
    pub at_elections: bool,
}

impl Schedule {
    /// Draws a schedule. Each class has a track of its own, so that classes overlap in time and
    /// one class never overlaps itself.
    pub fn draw(options: &ScheduleOptions, nodes: &[String], seed: u64) -> Self {
        let mut steps = Vec::new();
        let limit = options.time_limit.as_millis() as u64;
        let interval = (options.interval.as_millis() as u64).max(10);
        for (track, specs) in tracks(&options.faults) {
            // A stream of its own for each track: asking for kills does not change the partitions.
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            rng.set_stream(track);
            let mut at = rng.random_range(interval / 5..=interval);
            let mut deck: Vec<&FaultSpec> = Vec::new();
            loop {
                // Each kind that was asked for has its turn before any comes again.
                if deck.is_empty() {
                    deck = specs.clone();
                    deck.shuffle(&mut rng);
                }
                let Some(spec) = deck.pop() else { break };
                let hold = rng.random_range(interval * 2 / 5..=interval * 6 / 5).max(1);
                // The last fault of a run is cut short rather than left out.
                let hold = hold.min(limit.saturating_sub(at));
                if hold < interval / 5 || steps.len() >= MAX_STEPS {
                    break;
                }
                let fault = spec.draw(nodes, &mut rng);
                let after = options.at_elections.then_some(Trigger::NewPrimary);
                steps.push(Step { id: 0, at_ms: at, for_ms: hold, after, fault });
                if *spec == FaultSpec::Coup {
                    let fault = Fault::Kill { aim: Aim::Followers, nodes: None };
                    let at_ms = at + COUP_KILLS_AFTER_MS;
                    steps.push(Step { id: 0, at_ms, for_ms: COUP_DOWN_MS, after, fault });
                }
                at += hold + rng.random_range(interval / 5..=interval * 4 / 5);
            }
        }
        steps.sort_by_key(|step| step.at_ms);
        for (id, step) in steps.iter_mut().enumerate() {
            step.id = id as u64;
        }
        Schedule { format: FORMAT, steps }
    }

    /// Reads a schedule that a run stored or a person wrote, and checks it against the cluster.
    ///
    /// # Errors
    /// File, line and reason.
    pub fn read(path: &Path, nodes: &[String]) -> Result<Self, ScheduleError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScheduleError::Read { path: path.to_owned(), source })?;
        let schedule: Schedule = serde_json::from_str(&text)
            .map_err(|source| ScheduleError::Parse { path: path.to_owned(), source })?;
        schedule.validate(path, nodes)?;
        Ok(schedule)
    }

    /// Classes that occur.
    pub fn classes(&self) -> Vec<FaultClass> {
        let mut classes: Vec<_> = self.steps.iter().map(|step| step.fault.class()).collect();
        classes.sort();
        classes.dedup();
        classes
    }

    fn validate(&self, path: &Path, nodes: &[String]) -> Result<(), ScheduleError> {
        let path = || path.to_owned();
        if self.format > FORMAT {
            return Err(ScheduleError::Newer { path: path(), found: self.format });
        }
        if self.steps.len() > MAX_STEPS {
            return Err(ScheduleError::TooLong { path: path(), count: self.steps.len() });
        }
        let mut ids = std::collections::HashSet::new();
        for step in &self.steps {
            let id = step.id;
            let bad = |reason: String| Err(ScheduleError::Step { path: path(), id, reason });
            if !ids.insert(id) {
                return bad("a second step with this id; give each its own".to_owned());
            }
            match &step.fault {
                Fault::Partition { grudge: Some(grudge), .. } => grudge
                    .validate(nodes)
                    .map_err(|source| ScheduleError::Grudge { path: path(), id, source })?,
                Fault::Partition { grudge: None, kind }
                    if !PartitionKind::named(kind).is_some_and(PartitionKind::depends_on_primaries) =>
                {
                    return bad(format!(
                        "a partition of kind `{kind}` needs a `grudge`; only those around primaries have none"
                    ));
                }
                Fault::Kill { aim, nodes: None } | Fault::Pause { aim, nodes: None }
                    if !aim.depends_on_primaries() =>
                {
                    return bad(format!(
                        "aim `{}` needs `nodes`; only those around primaries have none",
                        aim.name()
                    ));
                }
                Fault::Kill { nodes: Some(named), .. } | Fault::Pause { nodes: Some(named), .. } => {
                    if let Some(name) = named.iter().find(|name| !nodes.contains(name)) {
                        return bad(format!(
                            "the node `{name}` does not exist; there are {}",
                            nodes.join(", ")
                        ));
                    }
                    if named.is_empty() {
                        return bad("`nodes` is empty: nothing would happen".to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// What shares a track does not overlap: partitions, kills, pauses, and each pattern by itself.
fn tracks(faults: &[FaultSpec]) -> Vec<(u64, Vec<&FaultSpec>)> {
    let is_pattern = |spec: &&FaultSpec| spec.classes().len() > 1;
    let mut tracks: Vec<(u64, Vec<&FaultSpec>)> = FaultClass::ALL
        .into_iter()
        .map(|class| {
            let specs = faults.iter().filter(|spec| !is_pattern(spec) && spec.classes() == [class]);
            (1 + class as u64, specs.collect())
        })
        .collect();
    tracks.push((PATTERN_STREAM, faults.iter().filter(is_pattern).collect()));
    tracks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(n: usize) -> Vec<String> {
        (1..=n).map(|i| format!("n{i}")).collect()
    }

    fn options(faults: &[&str]) -> ScheduleOptions {
        ScheduleOptions {
            faults: faults.iter().map(|f| f.parse().unwrap()).collect(),
            interval: Duration::from_secs(5),
            time_limit: Duration::from_secs(30),
            at_elections: false,
        }
    }

    #[test]
    fn the_seed_fixes_everything_and_classes_do_not_disturb_one_another() {
        let both = Schedule::draw(&options(&["partition", "kill"]), &nodes(5), 7);
        assert_eq!(both, Schedule::draw(&options(&["partition", "kill"]), &nodes(5), 7));
        assert_ne!(both, Schedule::draw(&options(&["partition", "kill"]), &nodes(5), 8));
        let kills = |s: &Schedule| -> Vec<Step> {
            let kills = s.steps.iter().filter(|s| s.fault.class() == FaultClass::Kill).cloned();
            kills.map(|step| Step { id: 0, ..step }).collect()
        };
        assert_eq!(kills(&both), kills(&Schedule::draw(&options(&["kill"]), &nodes(5), 7)));
    }

    #[test]
    fn each_class_occurs_ends_in_time_and_never_overlaps_itself() {
        for seed in 0..200 {
            for n in 2..8 {
                let schedule = Schedule::draw(&options(&["partition", "kill", "pause"]), &nodes(n), seed);
                for class in FaultClass::ALL {
                    let mut end = 0;
                    let steps: Vec<_> = schedule.steps.iter().filter(|s| s.fault.class() == class).collect();
                    assert!(steps.len() >= 2, "{class} only {} times with seed {seed}", steps.len());
                    for step in steps {
                        assert!(step.at_ms >= end);
                        end = step.at_ms + step.for_ms;
                        assert!(end <= 30_000);
                    }
                }
            }
        }
    }

    #[test]
    fn what_was_stored_is_read_back_and_nonsense_is_explained() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("schedule.json");
        let schedule = Schedule::draw(&options(&["partition", "kill", "pause"]), &nodes(5), 3);
        std::fs::write(&path, serde_json::to_string_pretty(&schedule).unwrap()).unwrap();
        assert_eq!(Schedule::read(&path, &nodes(5)).unwrap(), schedule);

        let step = |fault: &str| {
            format!(r#"{{"format":1,"steps":[{{"id":4,"at_ms":1,"for_ms":1,"fault":{fault}}}]}}"#)
        };
        let cases = [
            ("{".to_owned(), "line 1 column 1"),
            (r#"{"format":9,"steps":[]}"#.to_owned(), "format 9 is newer than 1"),
            (step(r#"{"class":"kill","aim":"one","nodes":["n9"]}"#), "step 4: the node `n9` does not exist"),
            (step(r#"{"class":"kill","aim":"one"}"#), "aim `one` needs `nodes`"),
            (
                step(r#"{"class":"partition","kind":"custom","grudge":{"n1":["n7"]}}"#),
                "step 4: the grudge names the node `n7`",
            ),
            (step(r#"{"class":"melt"}"#), "unknown variant `melt`"),
        ];
        for (text, expected) in cases {
            std::fs::write(&path, text).unwrap();
            let error = Schedule::read(&path, &nodes(5)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\nshould contain\n{expected}");
        }
    }
}
