//! Reading a run back: what there is of it, and a sentence about what is missing.

use std::fs::{self, File};
use std::io::{self, BufReader};

use checkers::History;
use checkers::jsonl::{self, TornTail};

use super::error::{At, StoreError};
use super::{RunDir, file};
use crate::run_results::{FORMAT, RunResults};

/// What there is of a run.
#[derive(Debug)]
pub struct StoredRun {
    /// `plan.json`.
    pub plan: Option<serde_json::Value>,
    /// `schedule.json`.
    pub schedule: Option<serde_json::Value>,
    /// `history.jsonl`.
    pub history: Option<History>,
    /// Length of a line at the end of the history that was never finished, and is left out.
    pub torn_bytes: usize,
    /// `results.json`.
    pub results: Option<RunResults>,
}

impl StoredRun {
    /// One sentence about what is missing; `None` for a run that came to its end.
    pub fn incomplete(&self) -> Option<String> {
        let absent: Vec<&str> = [
            (file::PLAN, self.plan.is_none()),
            (file::HISTORY, self.history.is_none()),
            (file::RESULTS, self.results.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, absent)| absent.then_some(name))
        .collect();
        let mut clauses = Vec::new();
        if !absent.is_empty() {
            clauses.push(format!("{} {} missing", absent.join(" and "), plural(absent.len())));
        }
        if self.torn_bytes > 0 {
            clauses.push(format!(
                "the last line of history.jsonl was never finished ({} bytes, left out)",
                self.torn_bytes
            ));
        }
        (!clauses.is_empty()).then(|| format!("The run is incomplete: {}.", clauses.join("; ")))
    }
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

impl RunDir {
    /// Reads everything there is.
    ///
    /// # Errors
    /// Of a file that is there and cannot be read, is damaged, or is of a newer format.
    pub fn load(&self) -> Result<StoredRun, StoreError> {
        let (history, torn_bytes) = self.read_history()?.map_or((None, 0), |(h, torn)| (Some(h), torn));
        Ok(StoredRun {
            plan: self.read_json(file::PLAN)?,
            schedule: self.read_json(file::SCHEDULE)?,
            history,
            torn_bytes,
            results: self.read_results()?,
        })
    }

    /// Reads `results.json`; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read, is damaged, or is of a newer format.
    pub fn read_results(&self) -> Result<Option<RunResults>, StoreError> {
        let Some(value) = self.read_json(file::RESULTS)? else { return Ok(None) };
        // The order of the checkers is lost in a `Value`, hence the second reading.
        drop(value);
        let path = self.join(file::RESULTS);
        let text = fs::read(&path).at("read", &path)?;
        let results = serde_json::from_slice(&text)
            .map_err(|error| StoreError::Damaged { path, reason: error.to_string() })?;
        Ok(Some(results))
    }

    /// Reads `history.jsonl`, with the length of a torn last line; `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be read or is no history.
    pub fn read_history(&self) -> Result<Option<(History, usize)>, StoreError> {
        let path = self.join(file::HISTORY);
        let opened = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.at("read", &path)?,
        };
        match jsonl::read(BufReader::with_capacity(1 << 20, opened), TornTail::Drop) {
            Ok(reading) => Ok(Some((reading.history, reading.torn_bytes))),
            Err(source) => Err(StoreError::History { path, source }),
        }
    }

    /// Reads a JSON file and refuses a newer `format`; `None` if there is no such file.
    fn read_json(&self, name: &str) -> Result<Option<serde_json::Value>, StoreError> {
        let path = self.join(name);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read.at("read", &path)?,
        };
        let value: serde_json::Value = match serde_json::from_slice(&text) {
            Ok(value) => value,
            Err(error) => return Err(StoreError::Damaged { path, reason: error.to_string() }),
        };
        match value.get("format").and_then(serde_json::Value::as_u64) {
            Some(found) if found > u64::from(FORMAT) => {
                Err(StoreError::NewerFormat { path, found, supported: FORMAT })
            }
            _ => Ok(Some(value)),
        }
    }
}
