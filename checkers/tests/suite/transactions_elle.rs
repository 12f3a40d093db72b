//! Histories that Elle has judged: what it said, what we say, and why where that differs.

use std::path::Path;

use checkers::transactions::consistency::{Anomaly, Model};
use checkers::transactions::{ListAppend, Promise, RwRegister};
use checkers::{Budget, Checker, History, Judgement, Value, Verdict};

use crate::corpus_path::corpus;
use crate::small_edn::{Edn, history, terms};

/// A judgement as Elle's answers have it.
#[derive(Debug, PartialEq)]
struct Answer {
    verdict: Verdict,
    types: Vec<String>,
    not: Vec<String>,
    also_not: Option<Vec<String>>,
}

fn detail(judgement: &Judgement, name: &str) -> Vec<String> {
    match judgement.details.get(name) {
        Some(Value::List(all)) => all.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

fn ours(judgement: &Judgement, with_also_not: bool) -> Answer {
    Answer {
        verdict: judgement.verdict,
        types: detail(judgement, "anomaly-types"),
        not: detail(judgement, "not"),
        also_not: with_also_not.then(|| detail(judgement, "also-not")),
    }
}

fn elles(entry: &Edn, types: &str) -> Answer {
    let words = |key: &str| entry.get(key).map(Edn::words).unwrap_or_default();
    let also_not = entry.get("also-not").map(Edn::words);
    Answer {
        verdict: match entry.get("valid?") {
            Some(Edn::Bool(true)) => Verdict::Valid,
            Some(Edn::Bool(false)) => Verdict::Invalid,
            _ => Verdict::Unknown,
        },
        types: words(types),
        not: words("not"),
        also_not,
    }
}

fn promise(opts: &Edn) -> Promise {
    let words = |key: &str| opts.get(key).map(Edn::words).unwrap_or_default();
    let models = match opts.get("consistency-models") {
        None => Promise::default().models,
        Some(_) => words("consistency-models").iter().map(|name| Model::by_name(name).unwrap()).collect(),
    };
    let anomalies = words("anomalies").iter().map(|name| Anomaly::by_name(name).unwrap()).collect();
    Promise { models, anomalies }
}

fn judge(kind: &str, opts: &Edn, history: &History) -> Option<Judgement> {
    let promise = promise(opts);
    let budget = Budget::default();
    Some(match kind {
        "append" | "list-append" => ListAppend { promise }.check(history, &budget),
        "wr" | "rw-register" => {
            let asked = |key: &str| opts.get(key) == Some(&Edn::Bool(true));
            let transaction_order = match opts.get("transaction-order") {
                Some(Edn::Map(entries)) => entries
                    .iter()
                    .map(|(at, rank)| (at.int().unwrap() as usize, rank.int().unwrap()))
                    .collect(),
                _ => Vec::new(),
            };
            RwRegister {
                promise,
                wfr_keys: asked("wfr-keys?"),
                sequential_keys: asked("sequential-keys?"),
                linearizable_keys: asked("linearizable-keys?"),
                transaction_order,
            }
            .check(history, &budget)
        }
        _ => return None,
    })
}

fn load(folder: &Path, file: &str) -> Option<History> {
    std::fs::read_to_string(folder.join(file)).ok().map(|text| history(&text))
}

/// Where we differ, by file, and for those judged twice by the number of options: what we say instead.
fn differences() -> Vec<(&'static str, &'static str)> {
    vec![]
}

fn against(index: &Path, folder: &Path, kind_key: &str, types_key: &str) -> (usize, Vec<String>) {
    let text = std::fs::read_to_string(index).unwrap();
    let (mut judged, mut differing) = (0, Vec::new());
    for entry in terms(&text) {
        let file = entry.get("file").and_then(Edn::word).unwrap();
        let kind = entry.get(kind_key).and_then(Edn::word).unwrap();
        let empty = Edn::Map(Vec::new());
        let opts = entry.get("opts").unwrap_or(&empty);
        // The index of hand-made histories speaks of itself.
        if file == "expected-elle.edn" {
            continue;
        }
        let Some(history) = load(folder, file) else { continue };
        let Some(judgement) = judge(kind, opts, &history) else { continue };
        judged += 1;
        let mut theirs = elles(&entry, types_key);
        let mut own = ours(&judgement, theirs.also_not.is_some());
        // Elle says nothing of a history that keeps the promise.
        if theirs.verdict == Verdict::Valid && own.verdict == Verdict::Valid {
            (own.not, own.also_not) = (Vec::new(), None);
            theirs.also_not = None;
        }
        if own != theirs {
            differing.push(format!(
                "{file} {opts:?}\n   elle {theirs:?}\n   ours {own:?}\n   {}",
                judgement.reason
            ));
        }
    }
    (judged, differing)
}

#[test]
fn we_say_what_elle_says_or_why_not() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: no corpus");
        return;
    };
    let folder = corpus.join("transactions");
    let (unit, one) =
        against(&folder.join("elle-unit/index.edn"), &folder.join("elle-unit"), "kind", "anomaly-types");
    let (edge, other) =
        against(&folder.join("edge/expected-elle.edn"), &folder.join("edge"), "model", "types");
    let _ = differences();
    assert!(one.is_empty() && other.is_empty(), "{unit} {edge}\n{}\n{}", one.join("\n"), other.join("\n"));
}
