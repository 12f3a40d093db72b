//! Histories of mutexes and key-value stores with known verdicts, where the corpus is at hand.

use std::fs::File;
use std::io::BufReader;

use checkers::formats::edn;
use checkers::registry::linearizable_by_name;
use checkers::{Budget, Event, EventType, History, Process, Value, Verdict};

use crate::corpus_path::corpus;
use crate::kv_store::simulate_kv;

/// Lines as `{:process 9, :type :invoke, :f :append, :key "0", :value "x 9 0 y"}`.
fn key_value(text: &str) -> History {
    let mut events: Vec<Event> = Vec::new();
    for line in text.lines() {
        let field = |name: &str| {
            let at = line.find(name)? + name.len();
            let rest = line[at..].trim_start();
            match rest.strip_prefix('"') {
                Some(text) => Some(Value::from(&text[..text.find('"')?])),
                None => Some(match &rest[..rest.find([',', '}'])?] {
                    "nil" => Value::Nil,
                    word => Value::from(word.trim_start_matches(':')),
                }),
            }
        };
        let word = |name: &str| field(name).unwrap().as_str().unwrap().to_owned();
        let kind = match word(":type").as_str() {
            "invoke" => EventType::Invoke,
            _ => EventType::Ok,
        };
        let value = Value::pair(field(":key").unwrap(), field(":value").unwrap());
        let process = Process::client(word(":process").parse().unwrap()).unwrap();
        events.push(Event::new(events.len() as u64, process, kind, word(":f").as_str(), value));
    }
    History::new(events).unwrap()
}

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
        let (model, history) = match columns[1..3] {
            ["kv-edn-lines", _] => ("kv", key_value(&std::fs::read_to_string(path).unwrap())),
            ["EDN", "mutex"] => ("mutex", edn::read(BufReader::new(File::open(path).unwrap())).unwrap()),
            _ => continue,
        };
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
