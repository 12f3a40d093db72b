//! How fast transactions are judged by dependency cycles.
//!
//! `cargo bench -p checkers --bench transactions [-- WORDS]`: only rows that contain all words. Histories are made in memory in
//! the shape of Elle's own generator: 20 processes, 1 to 4 micro-operations, half of them reads, 10 active
//! keys chosen exponentially, a key retired after 32 writes, each transaction executed at one instant
//! between call and answer. Elle's figures for such histories: 100,000 list-append transactions 5 to 7
//! CPU-s, 1,000,000 64 to 77 CPU-s and 5 to 12 GB; rw-register with linearizable keys 65 CPU-s for 10,000.

use std::collections::HashMap;

use checkers::history::{EventHead, HistoryBuilder, Rules};
use checkers::transactions::{ListAppend, Promise, RwRegister};
use checkers::{Budget, Checker, EventType, History, Process, Verdict};

mod measure;

use measure::Bench;

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
    /// Reads are made at one instant and writes at a later one: lost updates, and much else.
    torn: bool,
}

/// A transaction between call and answer.
struct Doing {
    mops: Vec<Mop>,
    /// What each micro-operation left its key at, once that is known.
    results: Option<Vec<Vec<u32>>>,
    applied: bool,
}

fn apply(mops: &[Mop], lists: bool, contents: &mut HashMap<u32, Vec<u32>>) {
    for mop in mops {
        if let Mop::Write(key, value) = *mop {
            let held = contents.entry(key).or_default();
            if !lists {
                held.clear();
            }
            held.push(value);
        }
    }
}

/// A history of a database that executes each transaction at one instant, or, if `torn`, at two.
fn simulate(shape: &Shape) -> History {
    let Shape { txns, processes, lists, torn } = *shape;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut builder = HistoryBuilder::new(Rules::STRICT);
    let f = builder.name("txn").unwrap();
    let mut pool: Vec<u32> = (0..10).collect();
    let mut next_key = 10;
    let mut writes: HashMap<u32, u32> = HashMap::new();
    let mut contents: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut doing: Vec<Option<Doing>> = (0..processes).map(|_| None).collect();
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
                doing[process] = Some(Doing { mops: mops.clone(), results: None, applied: false });
                (EventType::Invoke, mops, None)
            }
            Some(Doing { mops, results: None, .. }) => {
                let mut own: HashMap<u32, Vec<u32>> = HashMap::new();
                let mut results = Vec::new();
                for mop in &mops {
                    let (Mop::Read(key) | Mop::Write(key, _)) = *mop;
                    let view =
                        own.entry(key).or_insert_with(|| contents.get(&key).cloned().unwrap_or_default());
                    if let Mop::Write(_, value) = *mop {
                        if !lists {
                            view.clear();
                        }
                        view.push(value);
                    }
                    results.push(view.clone());
                }
                if !torn {
                    apply(&mops, lists, &mut contents);
                }
                doing[process] = Some(Doing { mops, results: Some(results), applied: !torn });
                continue;
            }
            Some(Doing { mops, results, applied: false }) => {
                apply(&mops, lists, &mut contents);
                doing[process] = Some(Doing { mops, results, applied: true });
                continue;
            }
            Some(Doing { mops, results, .. }) => {
                done += 1;
                (EventType::Ok, mops, results)
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

fn row(bench: &Bench, name: &str, shape: &Shape, checker: &dyn Checker) {
    let name = format!("{name}, {} transactions", shape.txns);
    bench.row(&name, shape.txns, || {
        let history = simulate(shape);
        move || {
            let judged = checker.check(&history, &Budget::default());
            assert_eq!(judged.verdict == Verdict::Valid, !shape.torn, "{}", judged.reason);
            let types = judged.details.get("anomaly-types").filter(|_| shape.torn);
            format!("{} {}", judged.verdict, types.map(ToString::to_string).unwrap_or_default())
        }
    });
}

fn main() {
    let bench = Bench::from_args();
    let serializable = || Promise::models(&["serializable"]).expect("a model");
    for txns in [10_000, 100_000, 1_000_000, 10_000_000] {
        let lists = Shape { txns, processes: 20, lists: true, torn: false };
        let registers = Shape { txns, processes: 20, lists: false, torn: false };
        let crowd = Shape { txns, processes: 1000, lists: true, torn: false };
        let torn = Shape { txns, processes: 20, lists: true, torn: true };
        let keys = RwRegister { wfr_keys: true, linearizable_keys: true, ..RwRegister::default() };
        row(&bench, "list-append, strict serializable", &lists, &ListAppend::default());
        row(&bench, "rw-register, linearizable keys", &registers, &keys);
        if txns <= 1_000_000 {
            row(&bench, "list-append, reads and writes apart", &torn, &ListAppend::default());
            row(&bench, "list-append, serializable", &lists, &ListAppend { promise: serializable() });
            row(&bench, "list-append, 1000 processes", &crowd, &ListAppend::default());
            row(&bench, "rw-register, no options", &registers, &RwRegister::default());
        }
    }
}
