//! Anomalies as they are found, with the transactions that show them.

use super::consistency::{Anomaly, AnomalySet};
use crate::evidence::Finding;
use crate::history::History;
use crate::tape::ValueRef;

/// How many of one kind have evidence; the others are counted.
const MAX_TOLD: usize = 16;
/// How many characters of a value a sentence quotes.
const MAX_QUOTED: usize = 120;

/// Collects anomalies that are not cycles.
pub(super) struct Notes<'h> {
    history: &'h History,
    pub(super) found: AnomalySet,
    counts: Vec<(Anomaly, usize)>,
    pub(super) findings: Vec<(Anomaly, Finding)>,
}

impl<'h> Notes<'h> {
    pub(super) fn new(history: &'h History) -> Self {
        Notes { history, found: AnomalySet::default(), counts: Vec::new(), findings: Vec::new() }
    }

    /// An anomaly about `key`, shown by the transactions invoked at `calls`. The sentence is given their
    /// names, in that order: `T1` is the first of them in the history.
    pub(super) fn note(
        &mut self,
        anomaly: Anomaly,
        key: Option<ValueRef<'_>>,
        calls: &[u32],
        sentence: impl FnOnce(&[String]) -> String,
    ) {
        self.found.insert(anomaly);
        let at = match self.counts.iter().position(|(known, _)| *known == anomaly) {
            Some(at) => at,
            None => {
                self.counts.push((anomaly, 0));
                self.counts.len() - 1
            }
        };
        self.counts[at].1 += 1;
        if self.counts[at].1 > MAX_TOLD {
            return;
        }
        let mut sorted = calls.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let names: Vec<String> = calls
            .iter()
            .map(|call| format!("T{}", sorted.binary_search(call).unwrap_or_default() + 1))
            .collect();
        let calls: Vec<usize> = calls.iter().map(|call| *call as usize).collect();
        let mut finding = Finding::new(self.history, anomaly.name(), sentence(&names), &calls);
        finding.key = key.map(ValueRef::to_value);
        self.findings.push((anomaly, finding));
    }

    /// An anomaly that no transaction shows.
    pub(super) fn mark(&mut self, anomaly: Anomaly) {
        self.found.insert(anomaly);
    }

    /// How often each was found.
    pub(super) fn counts(&self) -> &[(Anomaly, usize)] {
        &self.counts
    }
}

/// A value in a sentence, which may be a list of a million elements: its end is what matters.
pub(super) fn quoted(value: ValueRef<'_>) -> String {
    match value.as_list() {
        Some(list) if list.len() > 16 => {
            let rest: Vec<String> = list.clone().skip(list.len() - 8).map(quoted).collect();
            format!("[… {} more …, {}]", list.len() - 8, rest.join(","))
        }
        _ => shortened(value.to_string()),
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
