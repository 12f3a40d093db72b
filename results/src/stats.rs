//! The numbers of a run, as [`checkers`] computes them: nothing is counted here.

use checkers::History;
use checkers::availability::Availability;
use checkers::stats::Latency;
use serde::{Deserialize, Serialize};

/// The numbers of a run; in `results.json` one object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// Counts, latencies and errors.
    #[serde(flatten)]
    pub operations: checkers::stats::Stats,
    /// When, and where, the system answered.
    pub availability: Availability,
}

impl Stats {
    /// Computes them.
    pub fn of(history: &History) -> Self {
        Stats { operations: checkers::stats::Stats::of(history), availability: Availability::of(history) }
    }

    /// The function that succeeded most often, with the latency of its successes.
    pub fn busiest(&self) -> Option<(&str, Latency)> {
        let (f, outcomes) = self.operations.by_f.iter().max_by_key(|(_, outcomes)| outcomes.ok.count)?;
        Some((f, outcomes.ok.latency?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{history, writes};

    #[test]
    fn they_are_one_object_that_can_be_read_back() {
        let reads = r#"
{"time":1000000000,"process":7,"type":"invoke","f":"read","value":null}
{"time":1500000000,"process":7,"type":"info","f":"read","value":null,"error":["timeout",5],"node":"n1"}
"#;
        let stats = Stats::of(&history(&(writes(3, 1, 0) + reads)));
        assert_eq!(stats.busiest().map(|(f, latency)| (f, latency.p50_ms)), Some(("write", 1.0)));
        let json = serde_json::to_value(&stats).unwrap();
        let names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["all", "availability", "by_f", "duration_ms", "errors", "errors_omitted"]);
        assert_eq!(json["errors"][0]["error"], r#"["timeout",5]"#);
        assert_eq!(serde_json::from_value::<Stats>(json).unwrap(), stats);
        assert_eq!(Stats::default().busiest(), None);
    }
}
