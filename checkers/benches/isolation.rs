//! How fast levels of isolation are decided, the decoding of the transactions included where nothing is said of it.
//!
//! `cargo bench -p checkers --bench isolation [-- WORDS]`: only rows that contain all words. Peers
//! on the same class of machine, 1M transactions of this shape: AWDIT 2.1 s (read committed), 2.5 s
//! (read atomic), 4.0 s (causal).

use checkers::transactions::history::{Holds, TxnHistory};
use checkers::transactions::weak::{Isolation, Level};
use checkers::{Budget, Checker, Event, EventType, History, Process, Value};

#[path = "../tests/suite/isolation_database.rs"]
mod isolation_database;
mod measure;
#[path = "../tests/suite/simulate.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod simulate;

use isolation_database::{Load, Mode, run};
use measure::Bench;

fn main() {
    let bench = Bench::from_args();
    crowds(&bench);
    for txns in [10_000, 100_000, 1_000_000, 10_000_000] {
        let plain = run(Load::registers(txns));
        for level in [Level::ReadCommitted, Level::ReadAtomic, Level::Causal] {
            row(&bench, &format!("{txns} transactions"), &plain, Holds::Registers, level);
        }
        if txns > 1_000_000 {
            continue;
        }
        for level in [Level::Pram, Level::WeakCausal, Level::MonotonicReads, Level::WritesFollowReads] {
            row(&bench, &format!("{txns} transactions"), &plain, Holds::Registers, level);
        }
        if txns <= 100_000 {
            for level in [Level::StrictSerializable, Level::Serializable, Level::SnapshotIsolation] {
                row(&bench, &format!("{txns} transactions"), &plain, Holds::Registers, level);
            }
        }
        drop(plain);
        for info in [1, 5] {
            let unanswered = run(Load { info, ..Load::registers(txns) });
            for level in [Level::ReadCommitted, Level::ReadAtomic, Level::Causal] {
                let what = format!("{txns} transactions, {info} % unanswered");
                row(&bench, &what, &unanswered, Holds::Registers, level);
            }
        }
        let lists = run(Load { holds: Holds::Lists, ..Load::registers(txns / 10) });
        row(&bench, &format!("{} transactions on lists", txns / 10), &lists, Holds::Lists, Level::Causal);
        let snapshot = run(Load { mode: Mode::Snapshot, ..Load::registers(txns) });
        row(&bench, &format!("{txns} transactions, snapshots"), &snapshot, Holds::Registers, Level::Causal);
        if txns <= 100_000 {
            for level in [Level::SnapshotIsolation, Level::Serializable] {
                row(&bench, &format!("{txns} transactions, snapshots"), &snapshot, Holds::Registers, level);
            }
        }
    }
}

/// Many sessions of a few transactions each.
fn crowds(bench: &Bench) {
    let base = Load::registers(200_000);
    for (what, holds, load) in [
        ("20k lists, each append a session", Holds::Lists, Load { txns: 20_000, clients: 20_000, ..base }),
        ("200k, 20 at a time, 2 a session", Holds::Registers, Load { per_process: 2, ..base }),
        (
            "200k, 1k at a time, 2 a session",
            Holds::Registers,
            Load { per_process: 2, clients: 1_000, ..base },
        ),
        (
            "200k, all at once, 2 a session",
            Holds::Registers,
            Load { per_process: 2, clients: 100_000, ..base },
        ),
        ("200k, 1k at a time", Holds::Registers, Load { clients: 1_000, ..base }),
        (
            "20k, all at once, 2 a session, hot keys",
            Holds::Registers,
            Load { txns: 20_000, per_process: 2, clients: 10_000, writes_per_key: 100_000, ..base },
        ),
    ] {
        if !wanted(bench, what) {
            continue;
        }
        let history = run(Load { holds, ..load });
        for level in Level::all().filter(|level| level.is_polynomial()) {
            row(bench, what, &history, holds, level);
        }
    }
    let what = "20k appends at once to one list, 20 reads";
    if wanted(bench, what) {
        let history = one_list(20_000, 20);
        for level in Level::all().filter(|level| level.is_polynomial()) {
            row(bench, what, &history, Holds::Lists, level);
        }
    }
}

/// Whether any level is to be measured on it.
fn wanted(bench: &Bench, what: &str) -> bool {
    Level::all().any(|level| bench.wants(&format!("{}: {what}", level.name())))
}

/// So many sessions append to one list at the same time, once each; then others read it.
fn one_list(appends: u64, reads: u64) -> History {
    let list = |mop: Vec<Value>| Value::list([Value::list(mop)]);
    let append = |at: u64| list(vec!["append".into(), "x".into(), Value::Int(at as i64)]);
    let all = Value::list((0..appends).map(|at| Value::Int(at as i64)));
    let mut events = Vec::new();
    let mut push = |process, kind, value| {
        let process = Process::client(process).expect("a small number");
        events.push(Event::new(events.len() as u64, process, kind, "txn", value));
    };
    for kind in [EventType::Invoke, EventType::Ok] {
        (0..appends).for_each(|at| push(at, kind, append(at)));
    }
    for reader in appends..appends + reads {
        push(reader, EventType::Invoke, list(vec!["r".into(), "x".into(), Value::Nil]));
        push(reader, EventType::Ok, list(vec!["r".into(), "x".into(), all.clone()]));
    }
    History::new(events).expect("every invocation is answered")
}

fn row(bench: &Bench, what: &str, history: &History, holds: Holds, level: Level) {
    let name = format!("{}: {what}", level.name());
    let count = history.operations().count();
    let budget = Budget::default();
    bench.row(&name, count, || {
        || {
            let judgement = Isolation::new(level, holds).check(history, &budget);
            judgement.verdict.as_str().to_owned()
        }
    });
    if matches!(level, Level::ReadCommitted | Level::ReadAtomic | Level::Causal) {
        bench.row(&format!("{name}, decoded before"), count, || {
            let txns = TxnHistory::new(history, holds).expect("it is made of transactions");
            let isolation = Isolation::new(level, holds);
            move || {
                isolation.check_transactions(history, &txns, &Budget::default()).verdict.as_str().to_owned()
            }
        });
    }
}
