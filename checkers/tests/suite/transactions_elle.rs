//! Histories that Elle has judged: what it said, what we say, and why where that differs.

use std::path::Path;

use checkers::formats::edn;
use checkers::transactions::consistency::{Anomaly, Model};
use checkers::transactions::{ClosedPredicate, ListAppend, Promise, RwRegister};
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
        "pred" => ClosedPredicate { promise }.check(history, &budget),
        _ => return None,
    })
}

/// Read as any user would; two of Elle's have a process with several operations outstanding, which is refused.
fn load(folder: &Path, file: &str) -> Option<History> {
    let text = std::fs::read_to_string(folder.join(file)).ok()?;
    let overlapping = ["append-007-unobserved-write-test.edn", "wr-077-checker-test.edn"].contains(&file);
    match edn::read(text.as_bytes()) {
        Ok(read) => Some(read),
        Err(error) => {
            assert!(overlapping, "{file}: {error}");
            Some(history(&text))
        }
    }
}

/// Where we differ from Elle.
struct Difference {
    file: &'static str,
    verdict: Verdict,
    types: &'static [&'static str],
    not: &'static [&'static str],
    why: &'static str,
}

const GARBAGE: &str = "a value is read that nobody wrote. Elle has no name for that: list-append fails an assertion, \
    rw-register ignores it. The history alone does not explain it at any level";
const SESSION: &str = "the two transactions of the cycle are of one process, so that the session order alone makes \
    the cycle, and strong session models fall too. Elle has either session or real-time order, never both";
const TWICE: &str = "one value is written by two transactions that both happened. Elle throws; we judge the rest, and \
    say unknown if nothing is wrong with that";

/// All of them, with the proof that ours is right.
const DIFFERENCES: &[Difference] = &[
    Difference {
        file: "append-047-sim-prefix-test.edn",
        verdict: Verdict::Invalid,
        types: &["G-single-item", "G0", "incompatible-order", "lost-update"],
        not: &["read-uncommitted"],
        why: "our search has no time-out; and transactions that saw the same elements of others beside their own appends \
            missed each other's",
    },
    Difference {
        file: "wr-053-lost-update-test.edn",
        verdict: Verdict::Invalid,
        types: &["garbage-read", "lost-update"],
        not: &["read-uncommitted"],
        why: GARBAGE,
    },
    Difference {
        file: "wr-055-checker-test.edn",
        verdict: Verdict::Invalid,
        types: &["garbage-read"],
        not: &["read-uncommitted"],
        why: GARBAGE,
    },
    Difference {
        file: "wr-075-checker-test.edn",
        verdict: Verdict::Invalid,
        types: &["G2-item"],
        not: &["read-uncommitted"],
        why: GARBAGE,
    },
    Difference {
        file: "wr-079-checker-test.edn",
        verdict: Verdict::Invalid,
        types: &["G-single-item", "garbage-read"],
        not: &["read-uncommitted"],
        why: GARBAGE,
    },
    Difference {
        file: "wr-081-scc-sort-bug-test.edn",
        verdict: Verdict::Invalid,
        types: &["G1c-process", "cyclic-versions", "garbage-read"],
        not: &["read-uncommitted"],
        why: SESSION,
    },
    Difference {
        file: "pred-085-g2-predicate-read-unseen-universe-write-test.edn",
        verdict: Verdict::Invalid,
        types: &["G-single-realtime", "G2"],
        not: &["serializable", "strong-snapshot-isolation"],
        why: "T2 < T1 by rwp, T1 < T2 by rwp and in real time. With the latter the cycle is G-single-realtime. Elle \
              explains each pair by data alone, so it can only say that some cycle exists; what is ruled out is \
              the same",
    },
    Difference {
        file: "append-duplicate-append.edn",
        verdict: Verdict::Unknown,
        types: &["duplicate-appends"],
        not: &[],
        why: TWICE,
    },
    Difference {
        file: "append-garbage-mid.edn",
        verdict: Verdict::Invalid,
        types: &["garbage-read"],
        not: &["read-uncommitted"],
        why: GARBAGE,
    },
    Difference {
        file: "append-garbage-read.edn",
        verdict: Verdict::Invalid,
        types: &["garbage-read"],
        not: &["read-uncommitted"],
        why: GARBAGE,
    },
    Difference {
        file: "append-incompatible-order.edn",
        verdict: Verdict::Invalid,
        types: &["G-single-item-process", "incompatible-order"],
        not: &["read-committed"],
        why: SESSION,
    },
    Difference {
        file: "append-internal.edn",
        verdict: Verdict::Invalid,
        types: &["G0-realtime", "internal", "lost-append"],
        not: &["read-atomic", "strong-read-uncommitted"],
        why: "the append of 1 was acknowledged before that of 2 began; the longest read has 2 and not 1",
    },
    Difference {
        file: "append-lost-append.edn",
        verdict: Verdict::Invalid,
        types: &["G-single-item-realtime", "G0-realtime", "lost-append"],
        not: &["strong-read-uncommitted"],
        why: "the same, by its name",
    },
    Difference {
        file: "append-stale-read-session.edn",
        verdict: Verdict::Invalid,
        types: &["G-single-item-process"],
        not: &["strong-session-snapshot-isolation"],
        why: SESSION,
    },
    Difference {
        file: "wr-duplicate-write.edn",
        verdict: Verdict::Unknown,
        types: &["duplicate-writes"],
        not: &[],
        why: TWICE,
    },
    Difference {
        file: "wr-g1c-via-info.edn",
        verdict: Verdict::Invalid,
        types: &["G1c"],
        not: &["read-committed"],
        why: "the transaction without an answer wrote what another read, so it happened, and its own recorded read \
              closes the cycle. Elle leaves out writes without an answer",
    },
    Difference {
        file: "wr-garbage-read.edn",
        verdict: Verdict::Invalid,
        types: &["garbage-read"],
        not: &["read-uncommitted"],
        why: GARBAGE,
    },
    Difference {
        file: "wr-internal.edn",
        verdict: Verdict::Invalid,
        types: &["empty-transaction-graph", "garbage-read", "internal"],
        not: &["read-uncommitted"],
        why: GARBAGE,
    },
];

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
        // Two of the hand-made index are Elle's own examples. One has no processes, and stands there twice.
        let elsewhere = folder.join("../elle");
        let here =
            if folder.join(file).exists() || file == "paper-example.edn" { folder } else { &elsewhere };
        let Some(history) = load(here, file) else { continue };
        let Some(judgement) = judge(kind, opts, &history) else { continue };
        judged += 1;
        let mut theirs = elles(&entry, types_key);
        let mut own = ours(&judgement, theirs.also_not.is_some());
        // Elle says nothing of a history that keeps the promise.
        if theirs.verdict == Verdict::Valid && own.verdict == Verdict::Valid {
            (own.not, own.also_not) = (Vec::new(), None);
            theirs.also_not = None;
        }
        if let Some(known) = DIFFERENCES.iter().find(|known| known.file == file && !known.why.is_empty()) {
            let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
            let (types, not) = (words(known.types), words(known.not));
            if theirs == own {
                differing.push(format!("{file}: no difference any more"));
            }
            theirs = Answer { verdict: known.verdict, types, not, also_not: None };
            own.also_not = None;
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
    assert!(unit >= 40 && edge >= 39, "{unit} and {edge} histories are not all");
    assert!(one.is_empty() && other.is_empty(), "{}\n{}", one.join("\n"), other.join("\n"));
}
