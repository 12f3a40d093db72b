//! How fast sequential consistency is judged, and staleness measured.
//! `cargo bench -p checkers --bench sequential [-- WORDS]`: only rows that contain all words.
//!
//! Three kinds of histories: linearizable; one whose processes' clocks differ, so that it is sequentially
//! consistent and not linearizable; and the same in which a process went back.

use checkers::registry::sequential_by_name;
use checkers::sequential::Scope;
use checkers::staleness::Staleness;
use checkers::{Budget, Checker, History};

mod measure;
#[path = "../tests/suite/simulate.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod simulate;
#[path = "../tests/suite/skew.rs"]
mod skew;

use measure::Bench;
use simulate::{Plan, make_stale, simulate};
use skew::{go_back, skewed};

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

fn main() {
    let bench = Bench::from_args();
    for operations in SIZES {
        for (clients, keys) in [(5, 0), (25, 0), (10, 100)] {
            for info in [0, 1] {
                sequential(&bench, Plan { clients, keys, info, ..Plan::register(operations) });
            }
        }
    }
    let many = Plan { clients: 10, keys: 1_000, ..Plan::register(1_000_000) };
    row(&bench, "sequential-per-key, 1M operations, 1000 keys, valid", many, Scope::PerKey, |history| {
        skewed(&history, 100_000, 3)
    });
    for operations in SIZES {
        for (clients, keys) in [(5, 0), (10, 100)] {
            staleness(&bench, Plan { clients, keys, info: 1, ..Plan::register(operations) });
        }
    }
}

fn sequential(bench: &Bench, plan: Plan) {
    let Plan { operations, clients, keys, info, .. } = plan;
    let what =
        format!("{operations} operations, {} keys, {clients} clients, {info} % unanswered", keys.max(1));
    row(bench, &format!("sequential, {what}, linearizable"), plan, Scope::Whole, |history| history);
    row(bench, &format!("sequential, {what}, valid"), plan, Scope::Whole, |history| {
        skewed(&history, 100_000, 3)
    });
    row(bench, &format!("sequential, {what}, invalid"), plan, Scope::Whole, |history| {
        // Of few operations on many keys no two reads may suit.
        go_back(&history, 40).map_or(history.clone(), |(back, _)| skewed(&back, 100_000, 3))
    });
    // Whatever is written is one of five values, so that only the search can know.
    if operations <= 10_000 {
        let few = Plan { values: 5, ..plan };
        row(bench, &format!("sequential, {what}, repeated values"), few, Scope::Whole, |history| {
            skewed(&history, 100_000, 3)
        });
    }
}

fn row(bench: &Bench, name: &str, plan: Plan, scope: Scope, change: impl FnOnce(History) -> History) {
    let model = if plan.keys == 0 { "register" } else { "per-key-register" };
    let checker = sequential_by_name(model, scope).expect("a model");
    let budget = Budget { max_steps: 20_000_000, ..Budget::default() };
    bench.row(name, plan.operations, || {
        let history = change(simulate(plan));
        move || {
            let judgement = checker.check(&history, &budget);
            let steps = &judgement.details["steps"];
            format!("{} by {}, {steps} steps", judgement.verdict, judgement.algorithm)
        }
    });
}

fn staleness(bench: &Bench, plan: Plan) {
    let Plan { operations, clients, keys, .. } = plan;
    let what = format!("{operations} operations, {} keys, {clients} clients, 1 % unanswered", keys.max(1));
    for (which, spoiled, skew) in
        [("fresh", false, 0), ("one stale read", true, 0), ("clocks differ", false, 40_000)]
    {
        bench.row(&format!("staleness, {what}, {which}"), operations, || {
            let mut history = simulate(plan);
            if spoiled {
                history = make_stale(&history, 90).0;
            }
            if skew > 0 {
                history = skewed(&history, skew, 3);
            }
            move || {
                let judgement = Staleness::default().check(&history, &Budget::default());
                let detail =
                    |name: &str| judgement.details.get(name).map(ToString::to_string).unwrap_or_default();
                format!(
                    "{}, k {} to {}, {} ms",
                    judgement.verdict,
                    detail("k_at_least"),
                    detail("k_at_most"),
                    detail("stale_ms_max")
                )
            }
        });
    }
}
