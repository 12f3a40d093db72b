//! The run store: a folder per run, under a root that is never cleaned by us.
//!
//! | file | written | by |
//! |---|---|---|
//! | `plan.json`, `schedule.json` | before the run, whole | [`RunDir::write_plan`], [`RunDir::write_schedule`] |
//! | `history.jsonl` | while it goes on, appended | [`RunDir::create_history`] |
//! | `stormglass.log` | while it goes on, appended | [`RunDir::create_log`] |
//! | `nodes/<name>/…` | at teardown | [`RunDir::node_dir`] |
//! | `results.json`, `report.html`, `summary.md` | afterwards, whole | [`RunDir::write_results`], [`RunDir::write_file`] |

mod atomic;
mod error;
mod load;
mod time;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::run_results::RunResults;

pub use error::StoreError;
pub use load::StoredRun;

use atomic::{replace_link, write_whole};
use error::{At, at};

/// The names of the files of a run.
pub mod file {
    /// The validated plan, versions, kernel facts, the rerun command.
    pub const PLAN: &str = "plan.json";
    /// Which fault, when, for how long.
    pub const SCHEDULE: &str = "schedule.json";
    /// An event per line.
    pub const HISTORY: &str = "history.jsonl";
    /// What was found.
    pub const RESULTS: &str = "results.json";
    /// The same for a person.
    pub const REPORT: &str = "report.html";
    /// The same in short.
    pub const SUMMARY: &str = "summary.md";
    /// What the harness itself had to say.
    pub const LOG: &str = "stormglass.log";
    /// A folder with a folder per node.
    pub const NODES: &str = "nodes";
    /// The link to the youngest run.
    pub const LATEST: &str = "latest";
}

/// How often another name is tried when runs with one seed start in the same second.
const NAMES_TRIED: u32 = 1000;

/// The folder of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDir {
    path: PathBuf,
}

/// What names a run.
#[derive(Clone, Copy, Debug)]
pub struct RunName<'a> {
    /// The system under test: `raft-kv`.
    pub target: &'a str,
    /// What was done with it: `register`.
    pub workload: &'a str,
    /// The seed of every choice.
    pub seed: u64,
    /// When it began.
    pub began: SystemTime,
}

impl RunDir {
    /// Makes the folder `<root>/<target>-<workload>/<time>-<seed>` and points the `latest` links
    /// of the root and of `<target>-<workload>` at it.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn create(root: &Path, name: RunName<'_>) -> Result<Self, StoreError> {
        let kind = format!("{}-{}", safe_name(name.target), safe_name(name.workload));
        let parent = root.join(&kind);
        fs::create_dir_all(&parent).at("create the folder", &parent)?;
        let stem = format!("{}-{}", time::stamp(name.began), name.seed);
        let (folder, path) = claim(&parent, &stem)?;
        let nodes = path.join(file::NODES);
        fs::create_dir(&nodes).at("create the folder", &nodes)?;
        replace_link(&parent.join(file::LATEST), Path::new(&folder))?;
        replace_link(&root.join(file::LATEST), &Path::new(&kind).join(&folder))?;
        Ok(RunDir { path })
    }

    /// The folder of a run that exists. Links are followed, so that `runs/latest` can be given.
    ///
    /// # Errors
    /// If there is no such folder, or nothing of a run in it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let real = fs::canonicalize(path).at("open the run", path)?;
        let known = [file::PLAN, file::HISTORY, file::RESULTS];
        if !real.is_dir() || !known.iter().any(|name| real.join(name).exists()) {
            return Err(StoreError::NotARun { path: path.to_owned() });
        }
        Ok(RunDir { path: real })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the file of this name is, or would be.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Creates `history.jsonl` for a recorder, opened for appending.
    ///
    /// # Errors
    /// If it exists already, and what the operating system says.
    pub fn create_history(&self) -> Result<File, StoreError> {
        let path = self.join(file::HISTORY);
        let history = File::options().append(true).create_new(true).open(&path).at("create", &path)?;
        atomic::sync_dir(&self.path)?;
        Ok(history)
    }

    /// Opens `stormglass.log` for appending.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn create_log(&self) -> Result<File, StoreError> {
        let path = self.join(file::LOG);
        File::options().append(true).create(true).open(&path).at("create", &path)
    }

    /// The folder for what was collected from a node; made if need be.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn node_dir(&self, node: &str) -> Result<PathBuf, StoreError> {
        let path = self.join(file::NODES).join(safe_name(node));
        fs::create_dir_all(&path).at("create the folder", &path)?;
        Ok(path)
    }

    /// Writes `plan.json`.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn write_plan(&self, plan: &serde_json::Value) -> Result<(), StoreError> {
        self.write_json(file::PLAN, plan)
    }

    /// Writes `schedule.json`.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn write_schedule(&self, schedule: &serde_json::Value) -> Result<(), StoreError> {
        self.write_json(file::SCHEDULE, schedule)
    }

    /// Writes `results.json`.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn write_results(&self, results: &RunResults) -> Result<(), StoreError> {
        self.write_json(file::RESULTS, results)
    }

    /// Writes a file whole: a reader sees the old one or the new one, also after a power cut.
    ///
    /// # Errors
    /// What the operating system says, with the path.
    pub fn write_file(&self, name: &str, contents: &[u8]) -> Result<(), StoreError> {
        write_whole(&self.path, name, contents)
    }

    fn write_json(&self, name: &str, value: &impl serde::Serialize) -> Result<(), StoreError> {
        let mut text =
            serde_json::to_vec_pretty(value).map_err(io::Error::other).at("write", &self.join(name))?;
        text.push(b'\n');
        self.write_file(name, &text)
    }
}

/// Takes the first free name of `stem`, `stem-2`, `stem-3`, …
fn claim(parent: &Path, stem: &str) -> Result<(String, PathBuf), StoreError> {
    for attempt in 1..=NAMES_TRIED {
        let folder = if attempt == 1 { stem.to_owned() } else { format!("{stem}-{attempt}") };
        let path = parent.join(&folder);
        match fs::create_dir(&path) {
            Ok(()) => return Ok((folder, path)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(at("create the folder", &path, error)),
        }
    }
    let path = parent.join(stem);
    Err(at("create the folder", &path, io::Error::from(io::ErrorKind::AlreadyExists)))
}

/// The name as part of a path: letters, digits, `.`, `_` and `-`; never one that climbs.
fn safe_name(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = name.chars().take(100).map(keep).collect();
    if name.is_empty() || name.starts_with('.') { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests;
