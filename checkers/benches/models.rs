//! How fast stores of text are judged.
//! `cargo bench -p checkers --bench models`.

use checkers::models::Kv;
use checkers::registry::linearizable_by_name;
use checkers::{Budget, Checker, History, Linearizability};

#[path = "../tests/suite/kv_store.rs"]
mod kv_store;
mod measure;
#[path = "../tests/suite/simulate.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod simulate;

use kv_store::simulate_kv;
use measure::Bench;

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
