//! Recorded histories with known verdicts, where the corpus is at hand.

use checkers::models::CasRegister;
use checkers::{Budget, Checker, Linearizability};

use crate::corpus_path::corpus;
use crate::text;

#[test]
fn the_etcd_logs_are_judged_as_everybody_judges_them() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus at ../shared/corpus beside the workspace, nor STORMGLASS_CORPUS");
        return;
    };
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let mut judged = 0;
    let mut wrong = Vec::new();
    for row in index.lines().filter(|row| row.contains("\tjepsen-log\t")) {
        let columns: Vec<&str> = row.split('\t').collect();
        let Ok(log) = std::fs::read_to_string(corpus.join(columns[0])) else { continue };
        let judgement =
            Linearizability::new(CasRegister::default()).check(&text::history(&log), &Budget::default());
        judged += 1;
        if judgement.verdict.as_str() != columns[3] {
            wrong.push(format!("{}: {} instead of {}", columns[0], judgement.verdict, columns[3]));
        }
    }
    assert!(judged > 0, "the index names no logs");
    assert!(wrong.is_empty(), "{} of {judged}:\n{}", wrong.len(), wrong.join("\n"));
}
