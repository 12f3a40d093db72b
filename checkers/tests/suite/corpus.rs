//! Recorded histories with known verdicts, where the corpus is at hand.

use checkers::formats::Format;
use checkers::models::CasRegister;
use checkers::{Budget, Checker, Linearizability};

use crate::corpus_path::corpus;
use crate::formats_corpus::read;

/// In these every operation failed. Knossos calls that linearizable; nothing was observed, we say.
const NOTHING_OBSERVED: [&str; 2] = ["mongodb-v0-ack-rollback-9.edn", "mongodb-v0-ack-rollback-10.edn"];

#[test]
fn registers_are_judged_as_everybody_judges_them() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus at ../shared/corpus beside the workspace, nor STORMGLASS_CORPUS");
        return;
    };
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let mut judged = 0;
    let mut wrong = Vec::new();
    for row in index.lines() {
        let columns: Vec<&str> = row.split('\t').collect();
        let format = match (columns[1], columns[2]) {
            ("jepsen-log", "cas-register") => Format::JepsenLog,
            ("EDN", "cas-register") => Format::Edn,
            ("JSON", "cas-register") => Format::Json,
            _ => continue,
        };
        let history = match read(&corpus.join(columns[0]), format) {
            Ok(history) => history,
            Err(error) => {
                wrong.push(format!("{}: {error}", columns[0]));
                continue;
            }
        };
        let judgement = Linearizability::new(CasRegister::default()).check(&history, &Budget::default());
        judged += 1;
        let nothing = NOTHING_OBSERVED.iter().any(|name| columns[0].ends_with(name));
        let expected = if nothing { "unknown" } else { columns[3] };
        if judgement.verdict.as_str() != expected {
            let (verdict, reason) = (judgement.verdict, judgement.reason);
            wrong.push(format!("{}: {verdict} instead of {expected}: {reason}", columns[0]));
        }
    }
    assert!(judged > 100, "the index names only {judged} histories of registers");
    assert!(wrong.is_empty(), "{} of {judged}:\n{}", wrong.len(), wrong.join("\n"));
}
