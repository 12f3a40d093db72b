//! `results.json`: what a run found, whole.

use std::fmt;
use std::time::Duration;

use checkers::{Evidence, Judgement, Verdict};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::compose::Overall;
use crate::coverage::Coverage;
use crate::stats::Stats;

/// The version of the formats that this crate writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Everything in `results.json`.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct RunResults {
    /// Version of the format: [`FORMAT`].
    pub format: u32,
    /// The verdict of the whole.
    pub verdict: Verdict,
    /// What the program exits with.
    pub exit_code: u8,
    /// One sentence: why this verdict and this code.
    pub reason: String,
    /// Each checker's answer, in the order in which they were asked.
    #[serde(default)]
    pub checkers: CheckerResults,
    /// What was tried.
    pub coverage: Coverage,
    /// Counts, latencies, errors, availability.
    #[serde(default)]
    pub stats: Stats,
    /// Whether the system served again after the faults.
    #[serde(default)]
    pub recovery: Recovery,
    /// The seed of every choice of ours; absent for a history that somebody hands us.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The plan as the harness validated it; `null` without one.
    ///
    /// The report and the summary look for these fields, and do without those that are absent:
    /// `target`, `workload`, `rerun` (the exact command, as text), `versions` (object),
    /// `kernel` (text or object), `git` (text or object).
    #[serde(default)]
    pub plan: serde_json::Value,
}

/// The parts of [`RunResults`] that a run brings along; the rest follows from them.
#[derive(Clone, Debug, PartialEq)]
pub struct RunFindings {
    /// The verdict composed from what follows.
    pub overall: Overall,
    /// Each checker's answer.
    pub checkers: CheckerResults,
    /// What was tried.
    pub coverage: Coverage,
    /// The numbers.
    pub stats: Stats,
    /// Whether the system served again.
    pub recovery: Recovery,
    /// The run's seed.
    pub seed: Option<u64>,
    /// The validated plan.
    pub plan: serde_json::Value,
}

impl From<RunFindings> for RunResults {
    fn from(findings: RunFindings) -> Self {
        let RunFindings { overall, checkers, coverage, stats, recovery, seed, plan } = findings;
        let Overall { verdict, exit_code, reason } = overall;
        RunResults {
            format: FORMAT,
            verdict,
            exit_code,
            reason,
            checkers,
            coverage,
            stats,
            recovery,
            seed,
            plan,
        }
    }
}

impl RunResults {
    /// A text field of the plan.
    pub fn plan_text(&self, field: &str) -> Option<&str> {
        self.plan.get(field)?.as_str()
    }

    /// The command that runs this again, as the plan states it.
    pub fn rerun(&self) -> Option<&str> {
        self.plan_text("rerun")
    }

    /// What was run: `raft-kv register`, or as much of it as the plan says.
    pub fn title(&self) -> String {
        let parts: Vec<&str> =
            ["target", "workload"].iter().filter_map(|field| self.plan_text(field)).collect();
        if parts.is_empty() { "History".to_owned() } else { parts.join(" · ") }
    }

    /// All evidence with the name of the checker that found it.
    pub fn evidence(&self) -> impl Iterator<Item = (&str, &Evidence)> {
        self.checkers.0.iter().flat_map(|(name, result)| result.evidence.iter().map(|e| (name.as_str(), e)))
    }
}

/// A checker's answer as it is stored.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct CheckerResult {
    /// Its verdict.
    pub verdict: Verdict,
    /// Which algorithm answered.
    pub algorithm: String,
    /// How long it took, milliseconds.
    pub millis: u64,
    /// One sentence: why. Empty only for a plain `valid`.
    #[serde(default)]
    pub reason: String,
    /// What proves an `invalid`.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// Whatever else was measured.
    #[serde(default)]
    pub details: serde_json::Map<String, serde_json::Value>,
}

impl CheckerResult {
    /// A judgement and the time that it took.
    pub fn new(judgement: Judgement, took: Duration) -> Self {
        let Judgement { verdict, algorithm, reason, evidence, details } = judgement;
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let details = details.iter().map(|(name, value)| (name.clone(), serde_json::json!(value))).collect();
        CheckerResult { verdict, algorithm: algorithm.into_owned(), millis, reason, evidence, details }
    }
}

/// Checkers' answers by name, in the order given; an object in JSON.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckerResults(pub Vec<(String, CheckerResult)>);

impl FromIterator<(String, CheckerResult)> for CheckerResults {
    fn from_iter<I: IntoIterator<Item = (String, CheckerResult)>>(results: I) -> Self {
        CheckerResults(results.into_iter().collect())
    }
}

impl Serialize for CheckerResults {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, result) in &self.0 {
            map.serialize_entry(name, result)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for CheckerResults {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = CheckerResults;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of checkers' answers by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<CheckerResults, A::Error> {
                let mut results = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    results.push(entry);
                }
                Ok(CheckerResults(results))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Whether the system served again once all faults were lifted.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Recovery {
    /// Whether it did; absent when nobody looked.
    pub recovered: Option<bool>,
    /// How long it took, or how long was waited in vain; seconds.
    #[serde(default)]
    pub seconds: Option<f64>,
    /// One sentence about it.
    #[serde(default)]
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::{Trouble, compose};
    use crate::coverage::Demands;
    use crate::testing::{history, writes};

    #[test]
    fn the_file_has_these_fields_and_keeps_the_checkers_order() {
        let history = history(&writes(30, 0, 0));
        let checkers: CheckerResults = ["zebra", "aardvark"]
            .map(|name| {
                (name.to_owned(), CheckerResult::new(Judgement::valid("a"), Duration::from_millis(7)))
            })
            .into_iter()
            .collect();
        let coverage = Coverage::of(&history, &Demands::of_run([] as [&str; 0]));
        let recovery = Recovery::default();
        let results = RunResults::from(RunFindings {
            overall: compose(&checkers, &coverage, &recovery, &Trouble::None),
            checkers,
            coverage,
            stats: Stats::of(&history),
            recovery,
            seed: Some(7),
            plan: serde_json::json!({"target": "raft-kv"}),
        });
        let text = serde_json::to_string(&results).unwrap();
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        assert_eq!(
            object.keys().map(String::as_str).collect::<Vec<_>>(),
            [
                "checkers",
                "coverage",
                "exit_code",
                "format",
                "plan",
                "reason",
                "recovery",
                "seed",
                "stats",
                "verdict"
            ]
        );
        assert!(text.find("zebra") < text.find("aardvark"));
        assert_eq!(serde_json::from_str::<RunResults>(&text).unwrap(), results);
    }
}
