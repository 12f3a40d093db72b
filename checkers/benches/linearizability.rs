//! How fast linearizability is judged.
//!
//! `cargo bench -p checkers --bench linearizability [-- WORDS]`: only rows that contain all words.
//! Histories are made here, the same on every machine; the etcd logs are looked for where the tests
//! look for them.

use checkers::linearizability::special::fifo_queue::{self, QueueAct, QueueOp};
use checkers::linearizability::special::{Span, Special};
use checkers::linearizability::{Answer, Linearizability, check_operations};
use checkers::model::{Call, Calls, Model};
use checkers::models::{CasRegister, PerKey, QueueInput, QueueOutput, Register, Stack};
use checkers::{Budget, Checker, History, Value};

#[path = "../tests/suite/corpus_path.rs"]
mod corpus_path;
mod measure;
#[path = "../tests/suite/simulate.rs"]
mod simulate;
#[path = "../tests/suite/text.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod text;

use measure::{Bench, Clock};
use simulate::{Plan, Random, make_stale, simulate};

fn main() {
    let bench = Bench::from_args();
    zones_one_key(&bench);
    zones_many_keys(&bench);
    queues(&bench);
    general(&bench);
    etcd(&bench);
}

/// One register, a million operations.
fn zones_one_key(bench: &Bench) {
    for cas in [false, true] {
        for clients in [5, 25, 100] {
            for info in [0, 1, 5] {
                let what = if cas { "cas" } else { "rw" };
                let name =
                    format!("zones, 1M operations, 1 key, {what}, {clients} clients, {info} % unanswered");
                let plan = Plan { clients, info, cas, ..Plan::register(1_000_000) };
                both(bench, Clock::Cpu, &name, plan, |history| {
                    check(&Linearizability::new(CasRegister::default()), history, 1)
                });
            }
        }
    }
    for operations in [1_000, 10_000, 100_000] {
        let name = format!("zones, {operations} operations, 1 key, rw, 10 clients");
        let plan = Plan { clients: 10, ..Plan::register(operations) };
        both(bench, Clock::Cpu, &name, plan, |history| check(&Linearizability::new(Register), history, 1));
    }
}

fn zones_many_keys(bench: &Bench) {
    for (threads, clock) in [(1, Clock::Cpu), (1, Clock::Wall), (2, Clock::Wall)] {
        let name = format!("zones, 1M operations, 1000 keys, 25 clients, {threads} threads");
        let plan = Plan { keys: 1000, clients: 25, ..Plan::register(1_000_000) };
        both(bench, clock, &name, plan, move |history| {
            check(&Linearizability::new(PerKey::new(CasRegister::default())), history, threads)
        });
    }
}

fn queues(bench: &Bench) {
    for operations in [1_000, 10_000, 100_000, 1_000_000] {
        for spoiled in [false, true] {
            let verdict = if spoiled { "invalid" } else { "valid" };
            bench.row(
                &format!("FIFO queue, {operations} operations, 10 clients, {verdict}"),
                operations,
                || {
                    let ops = queue(operations, spoiled);
                    move || match fifo_queue::check(&ops) {
                        Special::Valid => "valid".to_owned(),
                        Special::Invalid(found) => {
                            format!("invalid, {} operations quoted", found.operations.len())
                        }
                        Special::NotMine(why) => why.to_owned(),
                    }
                },
            );
        }
    }
}

/// A queue used by ten clients; its elements pass through in order. Spoiled: two of them do not.
fn queue(operations: usize, spoiled: bool) -> Vec<QueueOp> {
    let mut random = Random(7);
    let mut ops = Vec::with_capacity(operations);
    let mut holds = std::collections::VecDeque::new();
    let mut running: Vec<(usize, bool)> = Vec::new();
    let mut now = 0;
    while ops.len() < operations || !running.is_empty() {
        if ops.len() < operations && running.len() < 10 && random.percent(50) {
            let act = if random.percent(50) { QueueAct::Enqueue } else { QueueAct::Empty };
            running.push((ops.len(), false));
            ops.push(QueueOp { span: Span { call: now, ret: u32::MAX }, act, element: ops.len() as u64 });
            now += 1;
        } else if !running.is_empty() {
            let at = random.below(running.len() as u64) as usize;
            let (op, acted) = running[at];
            if acted {
                ops[op].span.ret = now;
                now += 1;
                running.swap_remove(at);
                continue;
            }
            running[at].1 = true;
            if ops[op].act == QueueAct::Enqueue {
                holds.push_back(ops[op].element);
            } else if let Some(element) = holds.pop_front() {
                ops[op].act = QueueAct::Dequeue;
                ops[op].element = element;
            }
        }
    }
    if spoiled {
        let got: Vec<usize> =
            (operations * 9 / 10..operations).filter(|&at| ops[at].act == QueueAct::Dequeue).collect();
        if let [first, .., last] = got[..] {
            let element = ops[first].element;
            ops[first].element = ops[last].element;
            ops[last].element = element;
        }
    }
    ops
}

/// The search alone.
fn general(bench: &Bench) {
    let search =
        |history: &History| check(&Linearizability::new(CasRegister::default()).general_only(), history, 1);
    for (clients, info, operations) in [
        (5, 0, 100_000),
        (5, 0, 1_000_000),
        (5, 1, 100_000),
        (5, 5, 10_000),
        (10, 0, 10_000),
        (5, 5, 1_000),
        (25, 5, 1_000),
        (25, 0, 1_000),
        (50, 1, 1_000),
    ] {
        for cas in [false, true] {
            let what = if cas { "cas" } else { "rw" };
            let name = format!(
                "search, {operations} operations, 1 key, {what}, {clients} clients, {info} % unanswered"
            );
            both(bench, Clock::Cpu, &name, Plan { clients, info, cas, ..Plan::register(operations) }, search);
        }
    }
    // Where the search itself is what takes time, two threads share it.
    for (clients, values) in [(5, 0), (10, 4), (20, 8)] {
        for threads in [1, 2] {
            let different =
                if values == 0 { "each value once".to_owned() } else { format!("{values} values") };
            let name = format!(
                "search in parts, 400000 operations, 1 key, {different}, {clients} clients, {threads} threads"
            );
            let plan = Plan { clients, values, ..Plan::register(400_000) };
            both(bench, Clock::Wall, &name, plan, move |history| {
                check(&Linearizability::new(CasRegister::default()).general_only(), history, threads)
            });
        }
    }
    for (operations, clients, different) in [
        (1_000, 5, 3),
        (10_000, 2, 3),
        (10_000, 3, 3),
        (10_000, 3, 1_000_000),
        (10_000, 5, 1_000_000),
        (100_000, 2, 3),
        (100_000, 3, 3),
        (100_000, 3, 1_000_000),
    ] {
        let name = format!(
            "search, {operations} operations on a stack of {different} different elements, {clients} clients"
        );
        bench.row(&name, operations, || {
            let calls = stack(operations, clients, different);
            let budget = Budget { max_steps: 20_000_000, ..Budget::default() };
            move || match check_operations(&Stack, calls.clone(), &budget) {
                Answer::Linearizable => "valid".to_owned(),
                Answer::NotLinearizable(_) => "invalid".to_owned(),
                Answer::Unknown { reason, longest_prefix, .. } => {
                    format!("unknown, {longest_prefix} operations passed: {reason}")
                }
            }
        });
    }
    let name = "search, 100000 operations, 10 keys, 10 clients";
    both(bench, Clock::Cpu, name, Plan { keys: 10, clients: 10, ..Plan::register(100_000) }, |history| {
        check(&Linearizability::new(PerKey::new(Register)).general_only(), history, 1)
    });
}

/// A stack whose elements nobody can tell apart, so that the search is what decides.
fn stack(operations: usize, clients: u64, different: u64) -> Calls<Stack> {
    let mut random = Random(11);
    let mut holds: Vec<Value> = Vec::new();
    let mut calls: Calls<Stack> = Vec::new();
    let mut running: Vec<(usize, bool)> = Vec::new();
    let mut now = 0;
    while calls.len() < operations || !running.is_empty() {
        now += 1;
        if calls.len() < operations && (running.len() as u64) < clients && random.percent(50) {
            let input = match holds.len() < 20 && random.percent(50) {
                true => QueueInput::Enqueue(Value::Int(random.below(different) as i64)),
                false => QueueInput::Dequeue,
            };
            running.push((calls.len(), false));
            calls.push(Call { call: now, ret: None, input, output: None });
        } else if !running.is_empty() {
            let at = random.below(running.len() as u64) as usize;
            let (call, acted) = running[at];
            if acted {
                calls[call].ret = Some(now);
                running.swap_remove(at);
                continue;
            }
            running[at].1 = true;
            calls[call].output = Some(match &calls[call].input {
                QueueInput::Enqueue(value) => {
                    holds.push(value.clone());
                    QueueOutput::Done
                }
                _ => holds.pop().map_or(QueueOutput::Empty, QueueOutput::Value),
            });
        }
    }
    calls
}

fn etcd(bench: &Bench) {
    let Some(corpus) = corpus_path::corpus() else {
        println!("{:>10}  etcd logs: not here", "-");
        return;
    };
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap_or_default();
    let names: Vec<&str> = index
        .lines()
        .filter(|row| row.contains("\tjepsen-log\t"))
        .filter_map(|row| row.split('\t').next())
        .collect();
    let logs: Vec<History> = names
        .iter()
        .filter_map(|name| std::fs::read_to_string(corpus.join(name)).ok())
        .map(|log| text::history(&log))
        .collect();
    let operations = logs.iter().map(|log| log.operations().count()).sum();
    let checker = Linearizability::new(CasRegister::default());
    bench.row(&format!("{} etcd logs", logs.len()), operations, || {
        || {
            for log in &logs {
                check(&checker, log, 1);
            }
            String::new()
        }
    });
    for (log, name) in logs.iter().zip(&names) {
        let name = name.rsplit('/').next().unwrap_or(name);
        bench.row(&format!("etcd log, {name}"), log.operations().count(), || || check(&checker, log, 1));
    }
}

fn check<M: Model>(checker: &Linearizability<M>, history: &History, threads: usize) -> String {
    let budget = Budget { max_steps: 20_000_000, threads, ..Budget::default() };
    let judgement = checker.check(history, &budget);
    let size =
        judgement.evidence.first().map(|e| format!(", {} quoted", e.positions().len())).unwrap_or_default();
    if std::env::var_os("SENTENCES").is_some() {
        judgement.evidence.iter().for_each(|evidence| println!("{}", evidence.sentence()));
    }
    format!("{} by {}, {} steps{size}", judgement.verdict, judgement.algorithm, judgement.details["steps"])
}

/// A valid history, and the same with one stale read.
fn both(bench: &Bench, clock: Clock, name: &str, plan: Plan, check: impl Fn(&History) -> String + Copy) {
    for (verdict, spoiled) in [("valid", false), ("invalid", true)] {
        bench.row_by(clock, &format!("{name}, {verdict}"), plan.operations, || {
            let history = simulate(plan);
            let history = if spoiled { make_stale(&history, 90).0 } else { history };
            move || check(&history)
        });
    }
}
