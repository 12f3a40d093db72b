//! Histories of mutexes and key-value stores with known verdicts, where the corpus is at hand.

use std::fs::File;
use std::io::BufReader;

use checkers::formats::{self, Format};
use checkers::registry::linearizable_by_name;
use checkers::{Budget, Verdict};

use crate::corpus_path::corpus;
use crate::kv_store::simulate_kv;

#[test]
fn stores_and_mutexes_are_judged_as_everybody_judges_them() {
    let Some(corpus) = corpus() else {
        println!("skipped: no corpus at ../shared/corpus beside the workspace, nor STORMGLASS_CORPUS");
        return;
    };
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap();
    let mut judged = 0;
    for row in index.lines() {
        let columns: Vec<&str> = row.split('\t').collect();
        let path = corpus.join(columns[0]);
        let (model, format) = match columns[1..3] {
            ["kv-edn-lines", _] => ("kv", Format::Kv),
            ["EDN", "mutex"] => ("mutex", Format::Edn),
            _ => continue,
        };
        let history = formats::read(format, BufReader::new(File::open(path).unwrap())).unwrap();
        let judgement = linearizable_by_name(model).unwrap().check(&history, &Budget::default());
        assert_eq!(judgement.verdict.as_str(), columns[3], "{}: {}", columns[0], judgement.reason);
        println!("{}: {} steps; {}", columns[0], judgement.details["steps"], judgement.reason);
        judged += 1;
    }
    assert!(judged >= 6, "the index names only {judged}");
}

#[test]
fn a_store_with_many_clients_is_judged_in_few_steps() {
    let check = |spoiled| {
        let history = simulate_kv(1_712, 50, 10, spoiled);
        let judgement = linearizable_by_name("kv").unwrap().check(&history, &Budget::default());
        println!("{}: {} steps; {}", judgement.verdict, judgement.details["steps"], judgement.reason);
        judgement
    };
    assert_eq!(check(false).verdict, Verdict::Valid);
    assert_eq!(check(true).verdict, Verdict::Invalid);
}
