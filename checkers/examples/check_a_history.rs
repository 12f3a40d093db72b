//! Check a history in ten lines: is this register linearizable?
//!
//! `cargo run -p checkers --example check_a_history`

use checkers::jsonl::{self, TornTail};
use checkers::models::Register;
use checkers::{Budget, Checker, Linearizability};

/// Two clients. The second reads 1, although the write of 2 was answered before it asked.
const HISTORY: &str = r#"
{"time":10,"process":0,"type":"invoke","f":"write","value":1}
{"time":20,"process":0,"type":"ok","f":"write","value":1}
{"time":30,"process":0,"type":"invoke","f":"write","value":2}
{"time":40,"process":0,"type":"ok","f":"write","value":2}
{"time":50,"process":1,"type":"invoke","f":"read","value":null}
{"time":60,"process":1,"type":"ok","f":"read","value":1}
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let history = jsonl::read(HISTORY.trim_start().as_bytes(), TornTail::Refuse)?.history;
    let judgement = Linearizability::new(Register).check(&history, &Budget::default());
    println!("{} ({}): {}", judgement.verdict, judgement.algorithm, judgement.reason);
    for evidence in &judgement.evidence {
        println!("operations {:?}: {}", evidence.positions(), evidence.sentence());
    }
    Ok(())
}
