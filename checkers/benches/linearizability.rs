//! How fast linearizability is judged, in milliseconds: the median of several runs.
//!
//! `cargo bench -p checkers`. The etcd logs are looked for where the tests look for them.

use std::time::Instant;

use checkers::linearizability::Linearizability;
use checkers::model::Model;
use checkers::models::{CasRegister, PerKey, Register};
use checkers::{Budget, Checker, History, jsonl};

#[path = "../tests/suite/corpus_path.rs"]
mod corpus_path;
#[path = "../tests/suite/simulate.rs"]
mod simulate;
#[path = "../tests/suite/text.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod text;

use simulate::{Plan, make_stale, simulate};

fn main() {
    let ten_keys = simulate(Plan { keys: 10, clients: 10, ..Plan::register(100_000) });
    let one_key = simulate(Plan::register(100_000));
    row("100k operations, 10 clients, 10 keys, valid", || check(PerKey::new(Register), &ten_keys));
    row("100k operations, 10 clients, 10 keys, invalid", {
        let (spoiled, _) = make_stale(&ten_keys, 90);
        move || check(PerKey::new(Register), &spoiled)
    });
    row("100k operations, 5 clients, 1 key, valid", || check(Register, &one_key));
    row("100k operations, 5 clients, 1 key, invalid", {
        let (spoiled, _) = make_stale(&one_key, 90);
        move || check(Register, &spoiled)
    });
    for (clients, info, operations) in
        [(5, 1, 100_000), (5, 5, 10_000), (10, 0, 10_000), (25, 0, 1_000), (50, 1, 1_000)]
    {
        for cas in [false, true] {
            let history = simulate(Plan { clients, info, cas, ..Plan::register(operations) });
            let what = if cas { "cas" } else { "rw" };
            let name = format!("{operations} operations, {clients} clients, 1 key, {info} % info, {what}");
            row(&format!("{name}, valid"), || check(CasRegister::default(), &history));
            let (spoiled, _) = make_stale(&history, 90);
            row(&format!("{name}, invalid"), || check(CasRegister::default(), &spoiled));
        }
    }
    etcd();
    let mut lines = Vec::new();
    for (index, event) in one_key.events().enumerate() {
        jsonl::write_event(&mut lines, index as u64, &event.to_event()).expect("values are JSON");
    }
    let mib = lines.len() as f64 / f64::from(1 << 20);
    row(&format!("reading {mib:.1} MiB of JSON lines, 200k events"), || {
        match jsonl::read(&lines[..], jsonl::TornTail::Refuse) {
            Ok(reading) => format!("{} events", reading.history.len()),
            Err(error) => error.to_string(),
        }
    });
}

fn check<M: Model>(model: M, history: &History) -> String {
    let judgement =
        Linearizability::new(model).check(history, &Budget { max_steps: 20_000_000, ..Budget::default() });
    format!("{}, {} steps", judgement.verdict, judgement.details["steps"])
}

fn etcd() {
    let Some(corpus) = corpus_path::corpus() else {
        println!("{:>10}  etcd logs: not here", "-");
        return;
    };
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap_or_default();
    let names =
        index.lines().filter(|row| row.contains("\tjepsen-log\t")).filter_map(|row| row.split('\t').next());
    let logs: Vec<History> = names
        .filter_map(|name| std::fs::read_to_string(corpus.join(name)).ok())
        .map(|log| text::history(&log))
        .collect();
    row(&format!("{} etcd logs", logs.len()), || {
        for log in &logs {
            check(CasRegister::default(), log);
        }
        String::new()
    });
    let slowest = |log: &History| {
        let begin = Instant::now();
        check(CasRegister::default(), log);
        begin.elapsed().as_secs_f64() * 1e3
    };
    let worst = logs.iter().map(slowest).fold(0.0, f64::max);
    println!("{worst:>10.2}  the slowest of them");
}

fn row(name: &str, mut work: impl FnMut() -> String) {
    let mut times = Vec::new();
    let mut result = String::new();
    let begin = Instant::now();
    while times.len() < 9 && (times.is_empty() || begin.elapsed().as_secs_f64() < 1.0) {
        let begin = Instant::now();
        result = work();
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!("{:>10.2}  {name}: {result}", times[times.len() / 2]);
}
