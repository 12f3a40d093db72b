//! The lattice of consistency models against everything that Elle says of it.

use std::collections::BTreeSet;

use checkers::transactions::consistency::{Anomaly, Model, boundary, ruled_out};
use serde_json::Value as Json;

use crate::corpus_path::corpus;

/// Those of our own, of which Elle knows nothing.
const OURS: [&str; 6] = [
    "garbage-read",
    "lost-append",
    "duplicate-appends",
    "duplicate-writes",
    "empty-transaction-graph",
    "cycle-search-incomplete",
];

fn strings(json: &Json) -> BTreeSet<String> {
    json.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn names(anomalies: impl Iterator<Item = Anomaly>) -> BTreeSet<String> {
    anomalies.map(|anomaly| anomaly.name().to_owned()).filter(|name| !OURS.contains(&&**name)).collect()
}

#[test]
fn the_lattice_agrees_with_every_entry_of_the_oracle() {
    let Some(corpus) = corpus() else {
        eprintln!("skipped: no corpus");
        return;
    };
    let text = std::fs::read_to_string(corpus.join("transactions/consistency-oracle.json")).unwrap();
    let oracle: Json = serde_json::from_str(&text).unwrap();

    for name in strings(&oracle["all-models"]) {
        assert!(Model::by_name(&name).is_some(), "{name}");
    }
    for (alias, canonical) in oracle["canonical-names"].as_object().unwrap() {
        assert_eq!(Model::by_name(alias).unwrap().canonical_name(), canonical);
    }
    for (canonical, friendly) in oracle["friendly-names"].as_object().unwrap() {
        assert_eq!(Model::by_name(canonical).unwrap().name(), friendly);
    }
    let implies = oracle["model-implies-all"].as_object().unwrap();
    assert_eq!(implies.len(), Model::all().count());
    for (name, implied) in implies {
        let ours: BTreeSet<String> = Model::by_name(name)
            .unwrap()
            .implies()
            .iter()
            .map(|model| model.canonical_name().to_owned())
            .collect();
        assert_eq!(ours, strings(implied), "what {name} implies");
    }
    for (name, prohibited) in oracle["prohibited-by"].as_object().unwrap() {
        let ours = names(Model::by_name(name).unwrap().proscribes().iter());
        assert_eq!(ours, strings(prohibited), "what {name} proscribes");
    }
    let anomalies = oracle["anomaly-implies-all"].as_object().unwrap();
    assert_eq!(anomalies.len() + OURS.len(), Anomaly::all().count());
    for (name, implied) in anomalies {
        let ours = names(Anomaly::by_name(name).unwrap().implies().iter());
        assert_eq!(ours, strings(implied), "what {name} implies");
    }
    for (name, expected) in oracle["anomaly-boundary"].as_object().unwrap() {
        let ours = boundary([Anomaly::by_name(name).unwrap()].into_iter().collect());
        let texts = |models: Vec<&str>| models.into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(texts(ours.not.names()), strings(&expected["not"]), "not, of {name}");
        assert_eq!(texts(ours.also_not.names()), strings(&expected["also-not"]), "also-not, of {name}");
    }
}

#[test]
fn what_several_anomalies_rule_out_is_what_one_of_them_does() {
    let all: Vec<Anomaly> = Anomaly::all().collect();
    for one in &all {
        for other in &all {
            let set = |anomalies: &[Anomaly]| ruled_out(anomalies.iter().copied().collect());
            assert_eq!(set(&[*one, *other]), set(&[*one]).union(set(&[*other])), "{one} and {other}");
        }
    }
}
