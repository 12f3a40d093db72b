//! From anomalies to a judgement.

use super::consistency::{Anomaly, AnomalySet, Boundary, Model, all_that_imply, boundary, ruled_out};
use super::cycles::{Found, find};
use super::explain::{Explain, tell};
use super::graph::GraphBuilder;
use super::history::{Txn, parts};
use super::notes::Notes;
use super::orders::Orders;
use crate::checker::Budget;
use crate::evidence::Evidence;
use crate::history::{Fate, History, Operation};
use crate::tape::ValueRef;
use crate::verdict::{Judgement, Verdict};

const EMPTY: Anomaly = Anomaly::known("empty-transaction-graph");
const INCOMPLETE: Anomaly = Anomaly::known("cycle-search-incomplete");

/// What a database promised: models, or single anomalies that must not occur.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// Models that should hold.
    pub models: Vec<Model>,
    /// Anomalies that should not occur, nor any that is a case of one, whatever the models say.
    pub anomalies: Vec<Anomaly>,
}

impl Default for Promise {
    /// Strict serializability.
    fn default() -> Self {
        Promise { models: Model::by_name("strict-serializable").into_iter().collect(), anomalies: Vec::new() }
    }
}

impl Promise {
    /// These models, by any of their names.
    ///
    /// # Errors
    /// The first name that is none.
    pub fn models(names: &[&str]) -> Result<Self, String> {
        let named = |name: &&str| Model::by_name(name).ok_or_else(|| (*name).to_owned());
        Ok(Promise { models: names.iter().map(named).collect::<Result<_, _>>()?, anomalies: Vec::new() })
    }

    /// Everything that would break it.
    pub fn proscribes(&self) -> AnomalySet {
        let named = all_that_imply(self.anomalies.iter().copied().collect());
        self.models.iter().fold(named, |set, model| set.union(model.proscribes()))
    }

    /// Its models of which no anomaly is known: nothing that a checker finds can show that they do not hold.
    pub fn beyond_judging(&self) -> Vec<Model> {
        self.models.iter().copied().filter(|model| model.proscribes().is_empty()).collect()
    }

    /// Whether some model or anomaly of it is about the order of time.
    pub(super) fn is_about_time(&self) -> bool {
        self.needs("-realtime")
    }

    fn needs(&self, suffix: &str) -> bool {
        self.proscribes().iter().any(|anomaly| anomaly.name().ends_with(suffix))
    }
}

/// The orders that the promise is about.
pub(super) fn orders(promise: &Promise, txns: &[Txn], history: &History) -> Orders {
    let (sessions, realtime) = (promise.needs("-process"), promise.is_about_time());
    Orders::new(txns, history.len(), history.completions_only(), sessions || realtime, realtime)
}

/// Everything that a checker has inferred.
pub(super) struct Inferred<'s, 'h> {
    pub(super) algorithm: &'static str,
    pub(super) history: &'h History,
    pub(super) txns: &'s [Txn],
    pub(super) notes: Notes<'h>,
    pub(super) graph: GraphBuilder,
    pub(super) explain: &'s dyn Explain,
}

/// Searches the graph for cycles and says what the history shows of the promise.
pub(super) fn judge(inferred: Inferred<'_, '_>, promise: &Promise, budget: &Budget<'_>) -> Judgement {
    let Inferred { algorithm, history, txns, mut notes, graph, explain } = inferred;
    let beyond = beyond(promise);
    if promise.proscribes().is_empty() {
        let nothing = "no model and no anomaly was asked for, so there is no promise to judge";
        return Judgement::unknown(algorithm, beyond.unwrap_or_else(|| nothing.to_owned()));
    }
    let orders = orders(promise, txns, history);
    if graph.is_empty() && orders.is_empty() {
        notes.mark(EMPTY);
    }
    let graph = graph.finish(orders.process_next, orders.after);
    let mut found = find(&graph, budget);
    drop(graph);
    if !found.unshown.is_empty() {
        notes.mark(INCOMPLETE);
    }
    drop_what_adds_nothing(&mut found, notes.found);
    let all = found.cycles.iter().fold(notes.found.union(found.unshown), |mut set, cycle| {
        set.insert(cycle.anomaly);
        set
    });
    let prohibited = promise.proscribes();
    let bad = all.intersection(prohibited);
    let doubts: Vec<Anomaly> = all.iter().filter(|anomaly| anomaly.is_doubt()).collect();
    let reportable = doubts.iter().fold(bad, |mut set, doubt| {
        set.insert(*doubt);
        set
    });

    let mut evidence: Vec<(bool, usize, Evidence)> = Vec::new();
    for (anomaly, finding) in notes.findings.drain(..) {
        let weight = finding.operations.len();
        evidence.push((!prohibited.contains(anomaly), weight, Evidence::Finding(finding)));
    }
    for cycle in &found.cycles {
        let told = tell(history, txns, explain, cycle);
        let asked = prohibited.contains(cycle.anomaly);
        evidence.push((!asked, cycle.steps.len(), Evidence::TransactionCycle(told)));
    }
    evidence.sort_by_key(|(other, weight, _)| (*other, *weight));
    let evidence: Vec<Evidence> = evidence.into_iter().map(|(_, _, evidence)| evidence).collect();

    let mut judgement = if !bad.is_empty() {
        let mut judgement = Judgement::invalid(algorithm, evidence);
        if judgement.evidence.is_empty() {
            judgement.reason = format!("a cycle exists that breaks the promise: {}", names(bad).join(", "));
        }
        judgement
    } else if let Some(doubt) = doubts.first() {
        Judgement { evidence, ..Judgement::unknown(algorithm, doubtful(*doubt)) }
    } else if !somebody_read(history) {
        Judgement { evidence, ..Judgement::unknown(algorithm, NOTHING_READ) }
    } else if let Some(beyond) = beyond {
        Judgement { evidence, ..Judgement::unknown(algorithm, beyond) }
    } else {
        Judgement { evidence, ..Judgement::valid(algorithm) }
    };
    if judgement.verdict == Verdict::Valid && !all.is_empty() {
        judgement.reason = format!("found {}, which this promise allows", names(all).join(", "));
    }
    let Boundary { not, also_not } = boundary(all);
    judgement = judgement
        .with("anomaly-types", names(reportable))
        .with("not", not.names())
        .with("also-not", also_not.names())
        .with("transactions", txns.len());
    if all != reportable {
        judgement = judgement
            .with("allowed-anomaly-types", names(all.iter().filter(|a| !reportable.contains(*a)).collect()));
    }
    if found.components > 0 {
        judgement = judgement
            .with("strongly-connected-components", found.components)
            .with("largest-component", found.largest);
    }
    for (anomaly, count) in notes.counts() {
        judgement = judgement.with(&format!("count-{anomaly}"), *count);
    }
    judgement
}

/// What can be said of models that no anomaly rules out.
fn beyond(promise: &Promise) -> Option<String> {
    let models: Vec<&str> = promise.beyond_judging().into_iter().map(Model::name).collect();
    (!models.is_empty()).then(|| {
        format!(
            "no anomaly is known that rules out {}, so this checker cannot tell whether it holds; the levels of \
             `transactions::weak` and the checkers of single objects may",
            models.join(", ")
        )
    })
}

/// What can be said where nobody looked.
pub(super) const NOTHING_READ: &str =
    "no transaction that was answered read anything; any order explains that";

/// Whether an answered transaction read something: without one, nothing was observed of the database.
pub(super) fn somebody_read(history: &History) -> bool {
    let reads = |mop: ValueRef<'_>| parts(mop).is_some_and(|(f, ..)| f == "r" || f == "rp");
    let ok = |operation: &Operation<'_>| operation.fate() == Fate::Ok;
    let mut answers = history.operations().filter(ok).filter_map(|operation| operation.completion);
    answers.any(|(_, event)| event.value.as_list().is_some_and(|mut mops| mops.any(reads)))
}

fn names(anomalies: AnomalySet) -> Vec<&'static str> {
    let mut names: Vec<&str> = anomalies.iter().map(Anomaly::name).collect();
    names.sort_unstable();
    names
}

fn doubtful(anomaly: Anomaly) -> &'static str {
    match anomaly.name() {
        "empty-transaction-graph" => "no transaction depends on another, so the history shows nothing",
        "cycle-search-incomplete" => "the budget ended before every kind of cycle had been sought",
        _ => {
            "values were written more than once, so who read from whom cannot be told; write each value once"
        }
    }
}

/// A cycle with a step that both data and time or session demand has a severer name through the latter
/// only if that rules out more than everything else that was found; and what is known to be cyclic needs
/// no mention if a cycle shows it.
fn drop_what_adds_nothing(found: &mut Found, others: AnomalySet) {
    let firm = found.cycles.iter().filter(|cycle| !cycle.doubly_ordered).fold(others, |mut set, cycle| {
        set.insert(cycle.anomaly);
        set
    });
    let out = ruled_out(firm);
    let adds = |anomaly: Anomaly| {
        ruled_out([anomaly].into_iter().collect()).iter().any(|model| !out.contains(model))
    };
    found.cycles.retain(|cycle| !cycle.doubly_ordered || firm.contains(cycle.anomaly) || adds(cycle.anomaly));
    found.unshown = found.unshown.iter().filter(|anomaly| adds(*anomaly)).collect();
}
