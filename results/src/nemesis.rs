//! What the nemesis did, read back from the history: faults, phases, crashes.
//!
//! The nemesis writes events of `process: "nemesis"`, `type: "info"`:
//!
//! | `f` | `value` | beside it |
//! |---|---|---|
//! | a fault class | `{"id":3,"action":"install","kind":"majority","nodes":["n1"]}` | `outcome` `installed`, `skipped` or `indeterminate`; `evidence` |
//! | the same class | `{"id":3,"action":"heal"}` | `outcome` `healed` or `indeterminate`; `evidence` |
//! | `phase` | `{"phase":"load"}` | |
//! | `crash` | `{"node":"n2","status":"signal 6","log_tail":"…"}` | |
//!
//! Why a fault was skipped or is in doubt stands in `evidence.reason`, or else in `error`.
//! Events of any other shape, as other tools write them, are kept as [`Mark`]s.

use checkers::{Event, History, Value};
use serde::{Deserialize, Serialize};

/// What became of an attempt to install a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was seen to be in force.
    Installed,
    /// It was not tried, or was refused; nothing changed.
    Skipped,
    /// Nobody knows. Also when no outcome was recorded: a fault counts only when it was seen.
    Indeterminate,
}

/// The end of a fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Heal {
    /// Position of the event.
    pub position: usize,
    /// When, ns.
    pub time: u64,
    /// Whether the fault was seen to be gone.
    pub healed: bool,
    /// Why it is in doubt.
    pub reason: Option<String>,
    /// What was looked at.
    pub evidence: Option<serde_json::Value>,
}

/// One attempt to install a fault, with its end.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Position of the event.
    pub position: usize,
    /// When, ns.
    pub time: u64,
    /// The number by which its heal names it.
    pub id: Option<i64>,
    /// `partition`, `kill`, `pause`, …
    pub class: String,
    /// The variety within the class: `majority`.
    pub kind: Option<String>,
    /// Nodes concerned.
    pub nodes: Vec<String>,
    /// Everything the event says of it.
    pub value: Value,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it was skipped or is in doubt.
    pub reason: Option<String>,
    /// What was looked at.
    pub evidence: Option<serde_json::Value>,
    /// Its end; absent if it was in force until the history ends.
    pub heal: Option<Heal>,
}

/// The beginning of a phase of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// Position of the event.
    pub position: usize,
    /// When, ns.
    pub time: u64,
    /// `load`, `heal`, `recovery`, `final-reads`, `done`.
    pub name: String,
}

/// A server that died by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crash {
    /// Position of the event.
    pub position: usize,
    /// When, ns.
    pub time: u64,
    /// Which node.
    pub node: String,
    /// How it ended: exit status or signal.
    pub status: String,
    /// The last lines of its log.
    pub log_tail: String,
}

/// A nemesis event of a shape that is not ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Position of the event.
    pub position: usize,
    /// When, ns.
    pub time: u64,
    /// Its function.
    pub f: String,
    /// Its value.
    pub value: Value,
}

/// Everything that happened beside the clients' operations, each list in the order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NemesisLog {
    /// Faults.
    pub attempts: Vec<Attempt>,
    /// Phases.
    pub phases: Vec<Phase>,
    /// Crashes.
    pub crashes: Vec<Crash>,
    /// The rest.
    pub marks: Vec<Mark>,
}

impl NemesisLog {
    /// Reads the nemesis' events of a history.
    pub fn of(history: &History) -> Self {
        let mut log = NemesisLog::default();
        for (position, event) in history.nemesis() {
            log.take(position, &event.to_event());
        }
        log
    }

    fn take(&mut self, position: usize, event: &Event) {
        let value = &event.value;
        let time = event.time;
        match (event.f.as_str(), text(value, "action").as_deref()) {
            ("phase", _) => {
                let name = text(value, "phase").unwrap_or_else(|| value.to_string());
                self.phases.push(Phase { position, time, name });
            }
            ("crash", None) => self.crashes.push(Crash {
                position,
                time,
                node: text(value, "node").unwrap_or_default(),
                status: text(value, "status").unwrap_or_default(),
                log_tail: text(value, "log_tail").unwrap_or_default(),
            }),
            (class, Some("install")) => self.attempts.push(Attempt {
                position,
                time,
                id: value.get("id").and_then(Value::as_int),
                class: class.to_owned(),
                kind: text(value, "kind"),
                nodes: nodes(value),
                value: value.clone(),
                outcome: outcome(event),
                reason: reason(event),
                evidence: evidence(event),
                heal: None,
            }),
            (class, Some("heal")) if self.heal(class, position, event) => {}
            (f, _) => self.marks.push(Mark { position, time, f: f.to_owned(), value: value.clone() }),
        }
    }

    /// Ends the fault that this event names; false if there is none.
    fn heal(&mut self, class: &str, position: usize, event: &Event) -> bool {
        let id = event.value.get("id").and_then(Value::as_int);
        let open = |attempt: &&mut Attempt| {
            attempt.class == class
                && attempt.id == id
                && attempt.heal.as_ref().is_none_or(|heal| !heal.healed)
        };
        let Some(attempt) = self.attempts.iter_mut().rev().find(open) else { return false };
        attempt.heal = Some(Heal {
            position,
            time: event.time,
            healed: outcome_word(event) == Some("healed"),
            reason: reason(event),
            evidence: evidence(event),
        });
        true
    }
}

fn outcome_word(event: &Event) -> Option<&str> {
    event.extra.as_ref()?.outcome.as_deref()
}

fn outcome(event: &Event) -> Outcome {
    match outcome_word(event) {
        Some("installed") => Outcome::Installed,
        Some("skipped") => Outcome::Skipped,
        _ => Outcome::Indeterminate,
    }
}

fn evidence(event: &Event) -> Option<serde_json::Value> {
    let evidence = event.extra.as_ref()?.evidence.as_ref().filter(|evidence| !evidence.is_nil())?;
    Some(serde_json::json!(evidence))
}

fn reason(event: &Event) -> Option<String> {
    let extra = event.extra.as_ref()?;
    let stated = extra.evidence.as_ref().and_then(|evidence| evidence.get("reason")?.as_str());
    stated.map(str::to_owned).or_else(|| extra.error.as_ref().map(plain))
}

/// Text as it is, anything else as JSON.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text(value: &Value, name: &str) -> Option<String> {
    value.get(name).filter(|found| !found.is_nil()).map(plain)
}

fn nodes(value: &Value) -> Vec<String> {
    match value.get("nodes") {
        Some(Value::List(nodes)) => nodes.iter().map(plain).collect(),
        Some(Value::Nil) | None => Vec::new(),
        Some(one) => vec![plain(one)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::history;

    #[test]
    fn a_heal_ends_the_fault_of_its_id_and_foreign_events_are_kept() {
        let log = NemesisLog::of(&history(
            r#"
{"time":1,"process":"nemesis","type":"info","f":"phase","value":{"phase":"load"}}
{"time":2,"process":"nemesis","type":"info","f":"kill","value":{"id":1,"action":"install","nodes":["n1"]},"outcome":"installed"}
{"time":3,"process":"nemesis","type":"info","f":"kill","value":{"id":2,"action":"install","nodes":"n2"},"outcome":"skipped","evidence":{"reason":"no such process"}}
{"time":4,"process":"nemesis","type":"info","f":"kill","value":{"id":1,"action":"heal"},"outcome":"indeterminate","error":"no answer"}
{"time":5,"process":"nemesis","type":"info","f":"kill","value":{"id":1,"action":"heal"},"outcome":"healed"}
{"time":6,"process":"nemesis","type":"info","f":"crash","value":{"node":"n3","status":"signal 6","log_tail":"oops"}}
{"time":7,"process":"nemesis","type":"info","f":"start-partition","value":["n1"]}
{"time":8,"process":"nemesis","type":"info","f":"kill","value":{"id":9,"action":"heal"},"outcome":"healed"}
"#,
        ));
        assert_eq!(log.phases[0].name, "load");
        let heal = log.attempts[0].heal.as_ref().unwrap();
        assert!(heal.healed && heal.time == 5);
        assert_eq!(log.attempts[1].nodes, ["n2"]);
        assert_eq!(log.attempts[1].reason.as_deref(), Some("no such process"));
        assert!(log.attempts[1].heal.is_none());
        assert_eq!(log.crashes[0].log_tail, "oops");
        assert_eq!(
            log.marks.iter().map(|mark| mark.f.as_str()).collect::<Vec<_>>(),
            ["start-partition", "kill"]
        );
    }

    #[test]
    fn a_fault_without_an_outcome_is_in_doubt() {
        let log = NemesisLog::of(&history(
            r#"{"time":2,"process":"nemesis","type":"info","f":"kill","value":{"id":1,"action":"install"}}"#,
        ));
        assert_eq!(log.attempts[0].outcome, Outcome::Indeterminate);
    }
}
