//! `stormglass list`: what there is to choose from.

use checkers::registry::{CHECKERS, FORMATS, Listed, MODELS, OBJECT_CONSISTENCY, TRANSACTION_CONSISTENCY};
use checkers::transactions::consistency::{Anomaly, Model};
use serde_json::{Map, Value as Json, json};

use crate::cli::args::{ListArgs, Listing};
use crate::commands::print_json;
use crate::exit::Exit;
use crate::nemesis::FaultClass;
use crate::nemesis::fault::{COUP, COUP_SUMMARY};
use crate::say;

/// Everything that can be listed, in the order in which it is.
const ALL: [Listing; 8] = [
    Listing::Targets,
    Listing::Workloads,
    Listing::Faults,
    Listing::Bugs,
    Listing::Models,
    Listing::Checkers,
    Listing::Consistency,
    Listing::Formats,
];

/// A name, a sentence, and what more there is to say, as (label, text).
struct Entry {
    name: String,
    summary: String,
    more: Vec<(&'static str, String)>,
}

impl Entry {
    fn new(name: &str, summary: &str) -> Self {
        Entry { name: name.to_owned(), summary: summary.to_owned(), more: Vec::new() }
    }
    fn with(mut self, label: &'static str, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.more.push((label, text));
        }
        self
    }
}

/// Prints names and what they mean.
pub fn list(args: &ListArgs) -> Exit {
    let what = args.what.map_or_else(|| ALL.to_vec(), |one| vec![one]);
    if args.json {
        let listings = what.iter().map(|listing| (title(*listing).to_owned(), as_json(&entries(*listing))));
        return print_json(&listings.collect::<Map<String, Json>>());
    }
    for (i, listing) in what.iter().enumerate() {
        if what.len() > 1 {
            say::out(format_args!("{}{}", if i > 0 { "\n" } else { "" }, title(*listing).to_uppercase()));
        }
        for entry in entries(*listing) {
            say::out(format_args!("{:<22} {}", entry.name, entry.summary));
            for (label, text) in entry.more {
                say::out(format_args!("{:<22}   {label}: {text}", ""));
            }
        }
    }
    Exit::Valid
}

fn title(listing: Listing) -> &'static str {
    match listing {
        Listing::Targets => "targets",
        Listing::Workloads => "workloads",
        Listing::Faults => "faults",
        Listing::Bugs => "bugs",
        Listing::Models => "models",
        Listing::Checkers => "checkers",
        Listing::Consistency => "consistency",
        Listing::Formats => "formats",
    }
}

fn entries(listing: Listing) -> Vec<Entry> {
    match listing {
        Listing::Targets => targets::all()
            .iter()
            .map(|target| {
                let entry = Entry::new(target.name(), target.summary())
                    .with("workloads", target.workloads().join(", "));
                target.options().iter().fold(entry, |entry, option| {
                    entry.with("option", format!("{}: {}", option.name, option.summary))
                })
            })
            .collect(),
        Listing::Workloads => {
            workloads::all().iter().map(|e| Entry::new(e.name, (e.build)().summary())).collect()
        }
        Listing::Faults => FaultClass::ALL
            .iter()
            .map(|class| {
                Entry::new(class.name(), class.summary()).with("parameters", class.parameters().join(", "))
            })
            .chain([Entry::new(COUP, COUP_SUMMARY)])
            .collect(),
        Listing::Bugs => targets::all()
            .iter()
            .flat_map(|target| target.bugs().into_iter().map(|bug| (target.name(), bug)))
            .map(|(target, bug)| {
                Entry::new(bug.name, bug.summary)
                    .with("precedent", bug.precedent)
                    .with("workload", bug.workload)
                    .with("faults", bug.faults)
                    .with("anomaly", bug.anomaly)
                    .with("run", format!("stormglass run {target} --bug {} {}", bug.name, bug.run))
            })
            .collect(),
        Listing::Models => listed(MODELS).collect(),
        Listing::Checkers => listed(CHECKERS).collect(),
        Listing::Consistency => consistency(),
        Listing::Formats => listed(FORMATS).collect(),
    }
}

fn listed(all: &'static [Listed]) -> impl Iterator<Item = Entry> {
    all.iter().map(|listed| Entry::new(listed.name, listed.summary))
}

/// Of objects, of transactions by a decision, and of transactions by anomalies alone.
fn consistency() -> Vec<Entry> {
    let of = |all, what: &'static str| listed(all).map(move |entry| entry.with("of", what));
    let decided = |model: &Model| TRANSACTION_CONSISTENCY.iter().any(|level| level.name == model.name());
    let by_anomalies = Model::all().filter(|model| !decided(model) && !model.proscribes().is_empty());
    let by_anomalies = by_anomalies.map(|model| {
        let anomalies: Vec<&str> = model.proscribes().iter().map(Anomaly::name).collect();
        Entry::new(model.name(), "what none of its anomalies rules out")
            .with("of", "transactions, by anomalies")
            .with("anomalies", anomalies.join(", "))
    });
    of(OBJECT_CONSISTENCY, "objects, with --model")
        .chain(of(TRANSACTION_CONSISTENCY, "transactions"))
        .chain(by_anomalies)
        .collect()
}

fn as_json(entries: &[Entry]) -> Json {
    let one = |entry: &Entry| {
        let more: Vec<Json> = entry.more.iter().map(|(label, text)| json!({*label: text})).collect();
        json!({"name": entry.name, "summary": entry.summary, "more": more})
    };
    entries.iter().map(one).collect()
}
