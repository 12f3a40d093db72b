//! The histories of elle-cli's `jepsen` and `custom` folders, with the verdicts of the index.

use checkers::Verdict::{Invalid, Unknown, Valid};
use checkers::formats::Format;
use checkers::promises::{Bank, LongFork};
use checkers::registry::checker_by_name;
use checkers::{Budget, Checker, Verdict};

use super::problems;
use crate::corpus_path::corpus;
use crate::formats_corpus::read;

#[test]
fn the_corpus_has_the_expected_verdicts() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus at ../shared/corpus beside the workspace, nor STORMGLASS_CORPUS");
        return;
    };
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let mut differ = Vec::new();
    let mut seen = 0;
    for row in index.lines().skip(1) {
        let columns: Vec<&str> = row.split('\t').collect();
        let [file, format, model, expected, ..] = columns[..] else { panic!("{row}") };
        if !(file.starts_with("jepsen-cli/jepsen/") || file.starts_with("jepsen-cli/custom/")) {
            continue;
        }
        seen += 1;
        let format = if format == "EDN" { Format::Edn } else { Format::Json };
        let history = read(&corpus.join(file), format).unwrap_or_else(|error| panic!("{file}: {error}"));
        let checker: Box<dyn Checker> = match (model, file) {
            // elle-cli is told the size of a group by a flag.
            ("long-fork", _) => Box::new(LongFork { group_size: Some(3) }),
            // As is this: it has another total than elle-cli's default.
            ("bank", "jepsen-cli/jepsen/bank-neg.edn") => {
                Box::new(Bank { total: Some(30), ..Bank::default() })
            }
            _ => checker_by_name(model).expect(model),
        };
        checker.understands(&history).unwrap_or_else(|error| panic!("{file}: {error}"));
        let judgement = checker.check(&history, &Budget::default());
        if judgement.verdict.as_str() != expected {
            let first = if judgement.verdict == Invalid { problems(&judgement)[0] } else { "" };
            differ.push((file.to_owned(), judgement.verdict, first.to_owned(), judgement.reason));
        }
    }
    assert_eq!(seen, 12, "files of the index");
    // Where we differ, and why we are right.
    let known: &[(&str, Verdict, &str)] = &[
        // elle-cli has no verdict; 430 is read without 425, which was acknowledged before it began.
        ("jepsen-cli/custom/comments.edn", Invalid, "causal-reverse"),
        // 287 adds, and no read: nobody looked at the counter. Jepsen finds no wrong read, and says valid.
        ("jepsen-cli/jepsen/counter.edn", Unknown, ""),
        ("jepsen-cli/jepsen/counter.json", Unknown, ""),
    ];
    for (file, verdict, problem, reason) in &differ {
        let expected = known.iter().find(|(known, ..)| known == file);
        assert_eq!(expected.map(|(_, v, p)| (v, *p)), Some((verdict, problem.as_str())), "{file}: {reason}");
    }
    assert_eq!(differ.len(), known.len());
}

#[test]
fn what_a_person_is_told_of_them() {
    let Some(corpus) = corpus() else { return };
    let told = |model: &str, file: &str| {
        let format = if file.ends_with("json") { Format::Json } else { Format::Edn };
        let history = read(&corpus.join("jepsen-cli").join(file), format).unwrap();
        let judgement = checker_by_name(model).unwrap().check(&history, &Budget::default());
        (judgement.verdict, judgement.reason)
    };
    assert_eq!(
        told("bank", "jepsen/bank-negative-balances.json"),
        (Invalid, "the read answered at event 3 has the balance -1 for the account 7".to_owned())
    );
    assert_eq!(
        told("comments", "custom/comments.edn"),
        (
            Invalid,
            "the read at event 0 sees 430, whose write began at event 3, but not 425, whose write was answered at event 2"
                .to_owned()
        )
    );
    assert_eq!(
        told("long-fork", "jepsen/long-fork.edn"),
        (
            Invalid,
            "the read at event 0 sees the write of 1 and not that of 2; the read at event 2 sees that of 2 and not that of 1"
                .to_owned()
        )
    );
    let (verdict, reason) = told("bank", "jepsen/bank-tidb.edn");
    assert!(verdict == Invalid && reason.contains("in all"), "{reason}");
    // A set is judged by its last read alone, with the same end.
    assert_eq!(told("set", "jepsen/set_full.edn").0, Invalid);
    // One account is not another: the wrong checker says so.
    assert_eq!(told("counter", "jepsen/bank.edn").0, Unknown);
    assert_eq!(told("set-full", "jepsen/set.edn").0, Valid);
}
