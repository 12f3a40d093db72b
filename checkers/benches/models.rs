//! How fast stores of text are judged, and other promises than linearizability measured.
//! `cargo bench -p checkers --bench models`.

use checkers::models::Kv;
use checkers::registry::{checker_by_name, linearizable_by_name, sequential_by_name};
use checkers::sequential::Scope;
use checkers::{Budget, Checker, History, Linearizability};

#[path = "../tests/suite/kv_store.rs"]
mod kv_store;
mod measure;
#[path = "../tests/suite/simulate.rs"]
mod simulate;

use kv_store::simulate_kv;
use measure::Bench;
use simulate::{Plan, make_stale, simulate};

fn main() {
    let bench = Bench::from_args();
    for (operations, clients) in [(337, 10), (1_712, 50), (100_000, 50)] {
        for spoiled in [false, true] {
            let history = simulate_kv(operations, clients, 10, spoiled);
            let what = if spoiled { "invalid" } else { "valid" };
            let name = format!("kv, {operations} operations, {clients} clients, 10 keys, {what}");
            row(&bench, &name, &Linearizability::new(Kv::kv()), &history);
            row(
                &bench,
                &format!("{name}, by name"),
                &*linearizable_by_name("kv").expect("a model"),
                &history,
            );
        }
    }
    for (clients, keys) in [(5, 0), (10, 10)] {
        let history = simulate(Plan { clients, keys, ..Plan::register(100_000) });
        let (stale, _) = make_stale(&history, 90);
        let model = if keys == 0 { "register" } else { "per-key-register" };
        let sequential = sequential_by_name(model, Scope::Whole).expect("a model");
        let staleness = checker_by_name("staleness").expect("a checker");
        let name = format!("100k operations, {clients} clients, {} keys", keys.max(1));
        row(&bench, &format!("sequential, {name}, linearizable"), &*sequential, &history);
        row(&bench, &format!("sequential, {name}, one stale read"), &*sequential, &stale);
        row(&bench, &format!("staleness, {name}, linearizable"), &*staleness, &history);
        row(&bench, &format!("staleness, {name}, one stale read"), &*staleness, &stale);
    }
}

fn row(bench: &Bench, name: &str, checker: &dyn Checker, history: &History) {
    let budget = Budget { max_steps: 20_000_000, ..Budget::default() };
    bench.row(name, history.operations().count(), || {
        || {
            let judgement = checker.check(history, &budget);
            let steps = judgement.details.get("steps").map(|steps| format!(", {steps} steps"));
            format!("{}{} ({})", judgement.verdict, steps.unwrap_or_default(), judgement.algorithm)
        }
    });
}
