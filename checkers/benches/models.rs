//! How fast stores of text are judged, and other promises than linearizability measured, in
//! milliseconds of CPU time: the median of several runs.
//! `cargo bench -p checkers --bench models`.

use std::time::Instant;

use checkers::models::Kv;
use checkers::registry::{checker_by_name, linearizable_by_name, sequential_by_name};
use checkers::sequential::Scope;
use checkers::{Budget, Checker, History, Linearizability};

#[path = "../tests/suite/kv_store.rs"]
mod kv_store;
#[path = "../tests/suite/simulate.rs"]
mod simulate;

use kv_store::simulate_kv;
use simulate::{Plan, make_stale, simulate};

fn main() {
    for (operations, clients) in [(337, 10), (1_712, 50), (100_000, 50)] {
        for spoiled in [false, true] {
            let history = simulate_kv(operations, clients, 10, spoiled);
            let what = if spoiled { "invalid" } else { "valid" };
            let name = format!("kv, {operations} operations, {clients} clients, 10 keys, {what}");
            row(&name, &Linearizability::new(Kv::kv()), &history);
            row(&format!("{name}, by name"), &*linearizable_by_name("kv").expect("a model"), &history);
        }
    }
    for (clients, keys) in [(5, 0), (10, 10)] {
        let history = simulate(Plan { clients, keys, ..Plan::register(100_000) });
        let (stale, _) = make_stale(&history, 90);
        let model = if keys == 0 { "register" } else { "per-key-register" };
        let sequential = sequential_by_name(model, Scope::Whole).expect("a model");
        let staleness = checker_by_name("staleness").expect("a checker");
        let name = format!("100k operations, {clients} clients, {} keys", keys.max(1));
        row(&format!("sequential, {name}, linearizable"), &*sequential, &history);
        row(&format!("sequential, {name}, one stale read"), &*sequential, &stale);
        row(&format!("staleness, {name}, linearizable"), &*staleness, &history);
        row(&format!("staleness, {name}, one stale read"), &*staleness, &stale);
    }
}

fn row(name: &str, checker: &dyn Checker, history: &History) {
    let mut times = Vec::new();
    let mut result = String::new();
    let begin = Instant::now();
    let budget = Budget { max_steps: 20_000_000, ..Budget::default() };
    while times.len() < 9 && (times.is_empty() || begin.elapsed().as_secs_f64() < 1.0) {
        // CPU time comes in steps of some milliseconds.
        let (began, cpu) = (Instant::now(), cpu_ns());
        let mut count = 0;
        let mut judgement = checker.check(history, &budget);
        while began.elapsed().as_millis() < 60 {
            judgement = checker.check(history, &budget);
            count += 1;
        }
        times.push((cpu_ns() - cpu) as f64 / 1e6 / f64::from(count + 1));
        let steps = judgement.details.get("steps").map(|steps| format!(", {steps} steps"));
        result = format!("{}{} ({})", judgement.verdict, steps.unwrap_or_default(), judgement.algorithm);
    }
    times.sort_by(f64::total_cmp);
    println!("{:>10.2}  {name}: {result}", times[times.len() / 2]);
}

/// CPU time of this thread, ns.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}
