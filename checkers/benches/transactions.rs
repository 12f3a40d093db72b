//! CPU time, memory and throughput of the transaction checkers.
//!
//! `cargo bench -p checkers --bench transactions [-- list|register|strict N …]`. Histories are made in memory in
//! the shape of Elle's own generator: 20 processes, 1 to 4 micro-operations, half of them reads, 10 active
//! keys chosen exponentially, a key retired after 32 writes, each transaction executed at one instant
//! between call and answer. Elle's figures for such histories: 100,000 list-append transactions 5 to 7
//! CPU-s, 1,000,000 64 to 77 CPU-s and 5 to 12 GB; rw-register with linearizable keys 65 CPU-s for 10,000.

use std::collections::HashMap;
use std::time::Duration;

use checkers::history::{EventHead, HistoryBuilder, Rules};
use checkers::transactions::{ListAppend, Promise, RwRegister};
use checkers::{Budget, Checker, EventType, History, Process};

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 11
    }
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

#[derive(Clone, Copy)]
enum Mop {
    Read(u32),
    Write(u32, u32),
}

struct Shape {
    txns: usize,
    processes: usize,
    lists: bool,
}

/// A strictly serializable history.
fn simulate(shape: &Shape) -> History {
    let Shape { txns, processes, lists } = *shape;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut builder = HistoryBuilder::new(Rules::STRICT);
    let f = builder.name("txn").unwrap();
    let mut pool: Vec<u32> = (0..10).collect();
    let mut next_key = 10;
    let mut writes: HashMap<u32, u32> = HashMap::new();
    let mut length: HashMap<u32, u32> = HashMap::new();
    // Lists hold 1, 2, …: what a key holds is its length, but for the order of concurrent appends.
    let mut contents: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut doing: Vec<Option<(Vec<Mop>, Option<Vec<Vec<u32>>>)>> = vec![None; processes];
    let (mut started, mut done, mut time) = (0, 0, 0u64);
    let w = if lists { "append" } else { "w" };
    while done < txns {
        let process = random.below(processes as u64) as usize;
        let (event_type, mops, results) = match doing[process].take() {
            None if started >= txns => continue,
            None => {
                started += 1;
                let count = 1 + random.below(4);
                let mut mops = Vec::new();
                for _ in 0..count {
                    // Key i of the pool with probability proportional to 2^i.
                    let i = (64 - (1 + random.below(1023)).leading_zeros() - 1) as usize;
                    let key = pool[i];
                    if random.below(2) == 0 {
                        mops.push(Mop::Read(key));
                    } else {
                        let written = writes.entry(key).or_insert(0);
                        *written += 1;
                        mops.push(Mop::Write(key, *written));
                        if *written >= 32 {
                            pool[i] = next_key;
                            next_key += 1;
                        }
                    }
                }
                doing[process] = Some((mops.clone(), None));
                (EventType::Invoke, mops, None)
            }
            Some((mops, None)) => {
                let mut results = Vec::new();
                for mop in &mops {
                    match *mop {
                        Mop::Read(key) => results.push(contents.get(&key).cloned().unwrap_or_default()),
                        Mop::Write(key, value) => {
                            let held = contents.entry(key).or_default();
                            if !lists {
                                held.clear();
                            }
                            held.push(value);
                            let length = length.entry(key).or_insert(0);
                            *length += 1;
                            results.push(Vec::new());
                        }
                    }
                }
                doing[process] = Some((mops, Some(results)));
                continue;
            }
            Some((mops, Some(results))) => {
                done += 1;
                (EventType::Ok, mops, Some(results))
            }
        };
        time += 1_000_000;
        let mut value = builder.value();
        let all = value.begin();
        for (at, mop) in mops.iter().enumerate() {
            let triple = value.begin();
            match *mop {
                Mop::Write(key, element) => {
                    value.str(w).unwrap();
                    value.int(key.into());
                    value.int(element.into());
                }
                Mop::Read(key) => {
                    value.str("r").unwrap();
                    value.int(key.into());
                    match results.as_ref().map(|results| &results[at]) {
                        None => value.nil(),
                        Some(held) if !lists => held.last().map_or((), |last| value.int((*last).into())),
                        Some(held) => {
                            let list = value.begin();
                            for element in held {
                                value.int((*element).into());
                            }
                            value.end_list(list, held.len()).unwrap();
                        }
                    }
                    if !lists && results.as_ref().is_some_and(|results| results[at].is_empty()) {
                        value.nil();
                    }
                }
            }
            value.end_list(triple, 3).unwrap();
        }
        value.end_list(all, mops.len()).unwrap();
        let process = Process::client(process as u64).unwrap();
        builder.push(EventHead { time, process, event_type, f, node: None, extra: None }).unwrap();
    }
    builder.finish()
}

fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    let ticks: u64 = fields.iter().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// A line of `/proc/self/status`, in MB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) / 1024
}

fn row(name: &str, shape: &Shape, checker: &dyn Checker) {
    let history = simulate(shape);
    let held = memory("VmRSS");
    // The high-water mark is that of the check alone.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let rounds = (200_000 / shape.txns).max(1);
    let before = cpu();
    let mut verdict = None;
    for _ in 0..rounds {
        verdict = Some(checker.check(&history, &Budget::default()));
    }
    let spent = (cpu() - before) / rounds as u32;
    let verdict = verdict.unwrap();
    println!(
        "{name:34} {:>10} txns {:>9.4} CPU-s {:>11.0} txns/s   history {held:>5} MB, peak {:>5} MB   {}",
        shape.txns,
        spent.as_secs_f64(),
        shape.txns as f64 / spent.as_secs_f64().max(1e-4),
        memory("VmHWM"),
        verdict.verdict,
    );
    assert!(verdict.reason.is_empty(), "{}", verdict.reason);
}

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000, 1_000_000];
    }
    let kinds: Vec<&String> =
        arguments.iter().filter(|argument| argument.parse::<usize>().is_err()).collect();
    let wanted = |name: &str| kinds.is_empty() || kinds.iter().any(|kind| name.contains(kind.as_str()));
    let serializable = || Promise::models(&["serializable"]).unwrap();
    for txns in sizes {
        let lists = Shape { txns, processes: 20, lists: true };
        let registers = Shape { txns, processes: 20, lists: false };
        let crowd = Shape { txns, processes: 1000, lists: true };
        if wanted("list-append") {
            row("list-append, strict serializable", &lists, &ListAppend::default());
            row("list-append, serializable", &lists, &ListAppend { promise: serializable() });
            row("list-append, 1000 processes", &crowd, &ListAppend::default());
        }
        if wanted("rw-register") {
            let keys = RwRegister { wfr_keys: true, linearizable_keys: true, ..RwRegister::default() };
            row("rw-register, no options", &registers, &RwRegister::default());
            row("rw-register, linearizable keys", &registers, &keys);
        }
    }
}
