//! How fast linearizability is judged: the median of several runs in milliseconds of CPU time, the
//! peak of memory allocated, the history's included, and throughput.
//!
//! `cargo bench -p checkers --bench linearizability [-- WORDS]`: only rows that contain all words.
//! Histories are made here, the same on every machine; the etcd logs are looked for where the tests
//! look for them.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use checkers::linearizability::Linearizability;
use checkers::linearizability::special::fifo_queue::{self, QueueAct, QueueOp};
use checkers::linearizability::special::{Span, Special};
use checkers::model::Model;
use checkers::models::{CasRegister, PerKey, Register};
use checkers::{Budget, Checker, History};

#[path = "../tests/suite/corpus_path.rs"]
mod corpus_path;
#[path = "../tests/suite/simulate.rs"]
mod simulate;
#[path = "../tests/suite/text.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod text;

use simulate::{Plan, Random, make_stale, simulate};

fn main() {
    let bench = Bench { words: std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect() };
    println!("{:>10} {:>8} {:>10}  {:<66} verdict", "CPU ms", "peak MB", "kop/s", "row");
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
                bench.both(&name, plan, |history| {
                    check(&Linearizability::new(CasRegister::default()), history, 1)
                });
            }
        }
    }
    for operations in [1_000, 10_000, 100_000] {
        let name = format!("zones, {operations} operations, 1 key, rw, 10 clients");
        let plan = Plan { clients: 10, ..Plan::register(operations) };
        bench.both(&name, plan, |history| check(&Linearizability::new(Register), history, 1));
    }
}

fn zones_many_keys(bench: &Bench) {
    for threads in [1, 2] {
        let clock = if threads == 1 { "" } else { " (wall time)" };
        let name = format!("zones, 1M operations, 1000 keys, 25 clients, {threads} threads{clock}");
        let plan = Plan { keys: 1000, clients: 25, ..Plan::register(1_000_000) };
        bench.both(&name, plan, move |history| {
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
            bench.both(&name, Plan { clients, info, cas, ..Plan::register(operations) }, search);
        }
    }
    let name = "search, 100000 operations, 10 keys, 10 clients";
    bench.both(name, Plan { keys: 10, clients: 10, ..Plan::register(100_000) }, |history| {
        check(&Linearizability::new(PerKey::new(Register)).general_only(), history, 1)
    });
}

fn etcd(bench: &Bench) {
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
    let worst = logs.iter().max_by_key(|log| {
        let begin = cpu_ns();
        check(&checker, log, 1);
        cpu_ns() - begin
    });
    if let Some(worst) = worst {
        bench.row("the slowest etcd log", worst.operations().count(), || || check(&checker, worst, 1));
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

struct Bench {
    words: Vec<String>,
}

impl Bench {
    /// A valid history, and the same with one stale read.
    fn both(&self, name: &str, plan: Plan, check: impl Fn(&History) -> String + Copy) {
        for (verdict, spoiled) in [("valid", false), ("invalid", true)] {
            self.row(&format!("{name}, {verdict}"), plan.operations, || {
                let history = simulate(plan);
                let history = if spoiled { make_stale(&history, 90).0 } else { history };
                move || check(&history)
            });
        }
    }

    fn row<W: FnMut() -> String>(&self, name: &str, operations: usize, prepare: impl FnOnce() -> W) {
        if !self.words.iter().all(|word| name.contains(word.as_str())) {
            return;
        }
        let wall = name.contains("wall");
        let mut work = prepare();
        // From here on the peak is that of the check, and of what was prepared.
        PEAK.store(LIVE.load(Ordering::Relaxed), Ordering::Relaxed);
        let mut times = Vec::new();
        let mut result = String::new();
        let begin = Instant::now();
        while times.len() < 25 && (times.len() < 3 || begin.elapsed().as_secs_f64() < 1.0) {
            let (began, cpu) = (Instant::now(), cpu_ns());
            // CPU time comes in steps of some milliseconds: what is short is done until it adds up.
            let mut count = 0;
            while count == 0 || !wall && began.elapsed().as_millis() < 60 {
                result = work();
                count += 1;
            }
            let used = if wall { began.elapsed().as_nanos() as u64 } else { cpu_ns() - cpu };
            times.push(used as f64 / 1e6 / f64::from(count));
            if begin.elapsed().as_secs_f64() > 20.0 {
                break;
            }
        }
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        println!(
            "{median:>10.3} {:>8} {:>10.0}  {name:<66} {result}",
            PEAK.load(Ordering::Relaxed) >> 20,
            operations as f64 / median.max(1e-6)
        );
    }
}

/// CPU time of this thread, ns.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Counts bytes, because a heap that was once larger keeps its pages.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

impl Counting {
    fn grew(bytes: usize) {
        let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if live > PEAK.load(Ordering::Relaxed) {
            PEAK.fetch_max(live, Ordering::Relaxed);
        }
    }
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::grew(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Counting::grew(layout.size());
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
    }
    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        Counting::grew(size);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
