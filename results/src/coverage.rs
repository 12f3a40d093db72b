//! Coverage: whether the run put the system to the test at all.
//!
//! A run whose faults never took effect, or whose clients got almost nothing through, says
//! nothing about the system, however valid its history.

use checkers::{Fate, History};
use serde::{Deserialize, Serialize};

use crate::nemesis::{Attempt, NemesisLog, Outcome};

/// Reasons kept for each fault class; the rest repeat them.
const REASONS_KEPT: usize = 8;

/// Whether a valid history means anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CoverageVerdict {
    /// Enough was tried.
    Sufficient,
    /// Too little happened to conclude anything good from it.
    Thin,
}

/// How many client operations ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationCounts {
    /// Happened.
    pub ok: u64,
    /// Did not happen.
    pub fail: u64,
    /// May have happened; those never answered among them.
    pub info: u64,
}

impl OperationCounts {
    /// Counts a history's operations.
    pub fn of(history: &History) -> Self {
        let mut counts = Self::default();
        for operation in history.operations() {
            match operation.fate() {
                Fate::Ok => counts.ok += 1,
                Fate::Fail => counts.fail += 1,
                Fate::Info => counts.info += 1,
            }
        }
        counts
    }

    /// All of them.
    pub fn total(self) -> u64 {
        self.ok + self.fail + self.info
    }
}

/// What became of the faults of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultCoverage {
    /// `partition`, `kill`, `pause`, …
    pub class: String,
    /// Whether the plan asked for it.
    pub requested: bool,
    /// Attempts that were seen to take effect.
    pub installed: u64,
    /// Attempts that changed nothing.
    pub skipped: u64,
    /// Attempts of which nobody knows.
    pub indeterminate: u64,
    /// Faults that were seen to be gone again.
    pub healed: u64,
    /// Why attempts were skipped or are in doubt; distinct, in the order of appearance.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// What was looked at for one of those installed.
    #[serde(default)]
    pub evidence_sample: Option<serde_json::Value>,
}

/// What a run must have done for a valid history to count.
#[derive(Clone, Debug, PartialEq)]
pub struct Demands {
    /// Fault classes that the plan asked for.
    pub faults: Vec<String>,
    /// Fewest operations that must have succeeded.
    pub ok_operations: u64,
    /// Smallest share of operations that must have succeeded.
    pub ok_share: f64,
}

impl Demands {
    /// What is demanded of a run of ours with these fault classes.
    pub fn of_run(faults: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Demands { faults: faults.into_iter().map(Into::into).collect(), ok_operations: 20, ok_share: 0.01 }
    }

    /// What is demanded of a history that somebody hands us: that there is something in it.
    pub fn of_file() -> Self {
        Demands { faults: Vec::new(), ok_operations: 1, ok_share: 0.0 }
    }
}

/// What was tried, and whether it was enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Whether it was enough.
    pub verdict: CoverageVerdict,
    /// One sentence: what is too thin, or what was tried.
    pub reason: String,
    /// Client operations.
    pub operations: OperationCounts,
    /// Faults by class: those requested in their order, then others that happened.
    pub faults: Vec<FaultCoverage>,
}

impl Coverage {
    /// Computes it from what was recorded and what was asked for.
    pub fn of(history: &History, demands: &Demands) -> Self {
        let operations = OperationCounts::of(history);
        let faults = faults(&NemesisLog::of(history), &demands.faults);
        let lacks = lacks(operations, &faults, demands);
        let (verdict, reason) = if lacks.is_empty() {
            (CoverageVerdict::Sufficient, tried(operations, &faults))
        } else {
            (CoverageVerdict::Thin, format!("{}.", lacks.join("; ")))
        };
        Coverage { verdict, reason, operations, faults }
    }
}

fn faults(log: &NemesisLog, requested: &[String]) -> Vec<FaultCoverage> {
    let mut faults: Vec<FaultCoverage> = Vec::new();
    let mut slot = |class: &str, asked: bool| match faults.iter().position(|fault| fault.class == class) {
        Some(at) => at,
        None => {
            faults.push(FaultCoverage {
                class: class.to_owned(),
                requested: asked,
                installed: 0,
                skipped: 0,
                indeterminate: 0,
                healed: 0,
                reasons: Vec::new(),
                evidence_sample: None,
            });
            faults.len() - 1
        }
    };
    requested.iter().for_each(|class| {
        slot(class, true);
    });
    let slots: Vec<usize> = log.attempts.iter().map(|attempt| slot(&attempt.class, false)).collect();
    for (attempt, at) in log.attempts.iter().zip(slots) {
        faults[at].count(attempt);
    }
    faults
}

impl FaultCoverage {
    fn count(&mut self, attempt: &Attempt) {
        match attempt.outcome {
            Outcome::Installed => self.installed += 1,
            Outcome::Skipped => self.skipped += 1,
            Outcome::Indeterminate => self.indeterminate += 1,
        }
        if attempt.outcome == Outcome::Installed && self.evidence_sample.is_none() {
            self.evidence_sample.clone_from(&attempt.evidence);
        }
        if attempt.outcome != Outcome::Installed {
            self.note(attempt.reason.as_deref());
        }
        if let Some(heal) = &attempt.heal {
            if heal.healed {
                self.healed += 1;
            } else {
                self.note(heal.reason.as_deref());
            }
        }
    }

    fn note(&mut self, reason: Option<&str>) {
        if let Some(reason) = reason
            && self.reasons.len() < REASONS_KEPT
            && !self.reasons.iter().any(|known| known == reason)
        {
            self.reasons.push(reason.to_owned());
        }
    }
}

/// What is missing, a clause for each.
fn lacks(operations: OperationCounts, faults: &[FaultCoverage], demands: &Demands) -> Vec<String> {
    let mut lacks = Vec::new();
    let OperationCounts { ok, .. } = operations;
    let total = operations.total();
    if total == 0 {
        lacks.push("no client operation was recorded".to_owned());
    } else if ok == 0 {
        lacks.push(format!("none of the {total} client operations succeeded"));
    } else if ok < demands.ok_operations {
        lacks.push(format!(
            "only {ok} of {total} client operations succeeded; at least {} must",
            demands.ok_operations
        ));
    } else if (ok as f64) < demands.ok_share * total as f64 {
        lacks.push(format!(
            "only {:.2} % of {total} client operations succeeded; at least {} % must",
            100.0 * ok as f64 / total as f64,
            100.0 * demands.ok_share
        ));
    }
    for fault in faults.iter().filter(|fault| fault.requested && fault.installed == 0) {
        lacks.push(never_installed(fault));
    }
    if let Some(first) = lacks.first_mut() {
        let head = first.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
        *first = head + &first.chars().skip(1).collect::<String>();
    }
    lacks
}

fn never_installed(fault: &FaultCoverage) -> String {
    let class = &fault.class;
    let because = fault.reasons.first().map(|reason| format!(" ({reason})")).unwrap_or_default();
    match (fault.skipped, fault.indeterminate) {
        (0, 0) => format!("the fault `{class}` was requested but never tried"),
        (_, 0) => format!("the fault `{class}` was requested but never took effect: skipped{because}"),
        _ => format!("the fault `{class}` was requested but never seen to take effect{because}"),
    }
}

fn tried(operations: OperationCounts, faults: &[FaultCoverage]) -> String {
    let OperationCounts { ok, .. } = operations;
    let installed: Vec<String> = faults
        .iter()
        .filter(|fault| fault.installed > 0)
        .map(|fault| format!("{} {}×", fault.class, fault.installed))
        .collect();
    let under = if installed.is_empty() { "no faults".to_owned() } else { installed.join(", ") };
    format!("{ok} of {} operations succeeded under {under}.", operations.total())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{history, writes};

    fn fault(time: u64, class: &str, id: u64, action: &str, outcome: &str, evidence: &str) -> String {
        format!(
            r#"{{"time":{time},"process":"nemesis","type":"info","f":"{class}","value":{{"id":{id},"action":"{action}"}},"outcome":"{outcome}","evidence":{evidence}}}"#
        ) + "\n"
    }

    #[test]
    fn thinness_is_said_in_a_sentence() {
        use CoverageVerdict::{Sufficient, Thin};
        let end = 1_000_000_000_000;
        let skipped = fault(end, "clock", 1, "install", "skipped", r#"{"reason":"no time namespace"}"#);
        let doubtful = fault(end, "clock", 1, "install", "indeterminate", "{}");
        let cases: [(String, &[&str], CoverageVerdict, &str); 8] = [
            (String::new(), &[], Thin, "No client operation was recorded."),
            (writes(0, 3, 2), &[], Thin, "None of the 5 client operations succeeded."),
            (writes(19, 0, 0), &[], Thin, "Only 19 of 19 client operations succeeded; at least 20 must."),
            (
                writes(20, 3000, 0),
                &[],
                Thin,
                "Only 0.66 % of 3020 client operations succeeded; at least 1 % must.",
            ),
            (writes(30, 0, 0), &["kill"], Thin, "The fault `kill` was requested but never tried."),
            (
                writes(30, 0, 0) + &skipped,
                &["clock"],
                Thin,
                "The fault `clock` was requested but never took effect: skipped (no time namespace).",
            ),
            (
                writes(30, 0, 0) + &doubtful,
                &["clock"],
                Thin,
                "The fault `clock` was requested but never seen to take effect.",
            ),
            (writes(30, 1, 1), &[], Sufficient, "30 of 32 operations succeeded under no faults."),
        ];
        for (lines, requested, verdict, reason) in cases {
            let coverage = Coverage::of(&history(&lines), &Demands::of_run(requested.iter().copied()));
            assert_eq!((coverage.verdict, coverage.reason.as_str()), (verdict, reason));
        }
    }

    #[test]
    fn a_file_of_somebody_else_needs_only_something_to_judge() {
        let coverage = Coverage::of(&history(&writes(2, 9, 0)), &Demands::of_file());
        assert_eq!(coverage.verdict, CoverageVerdict::Sufficient);
        assert_eq!(
            Coverage::of(&history(&writes(0, 9, 0)), &Demands::of_file()).verdict,
            CoverageVerdict::Thin
        );
    }

    #[test]
    fn attempts_are_counted_by_class_requested_first() {
        let end = 1_000_000_000_000;
        let lines = writes(30, 0, 0)
            + &fault(end, "kill", 1, "install", "installed", r#"{"pid":7}"#)
            + &fault(end, "kill", 1, "heal", "healed", "{}")
            + &fault(end, "kill", 2, "install", "skipped", r#"{"reason":"already dead"}"#)
            + &fault(end, "kill", 3, "install", "skipped", r#"{"reason":"already dead"}"#)
            + &fault(end, "partition", 4, "install", "installed", r#"{"dropped":12}"#)
            + &fault(end, "partition", 4, "heal", "indeterminate", r#"{"reason":"no answer"}"#);
        let coverage = Coverage::of(&history(&lines), &Demands::of_run(["partition", "kill"]));
        let [partition, kill] = &coverage.faults[..] else { panic!("two classes: {:?}", coverage.faults) };
        assert_eq!((partition.class.as_str(), partition.installed, partition.healed), ("partition", 1, 0));
        assert_eq!(partition.reasons, ["no answer"]);
        assert_eq!((kill.installed, kill.skipped, kill.healed), (1, 2, 1));
        assert_eq!(kill.reasons, ["already dead"]);
        assert_eq!(kill.evidence_sample, Some(serde_json::json!({"pid": 7})));
        assert_eq!(coverage.reason, "30 of 30 operations succeeded under partition 1×, kill 1×.");
    }
}
