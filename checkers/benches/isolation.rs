//! How fast levels of isolation are decided, the decoding of the transactions included where nothing is said of it.
//!
//! `cargo bench -p checkers --bench isolation [-- WORDS]`: only rows that contain all words. Peers
//! on the same class of machine, 1M transactions of this shape: AWDIT 2.1 s (read committed), 2.5 s
//! (read atomic), 4.0 s (causal).

use checkers::transactions::history::{Holds, TxnHistory};
use checkers::transactions::weak::{Isolation, Level};
use checkers::{Budget, Checker, History};

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
    for txns in [10_000, 100_000, 1_000_000] {
        let plain = run(Load::registers(txns));
        for level in [Level::ReadCommitted, Level::ReadAtomic, Level::Causal] {
            row(&bench, &format!("{txns} transactions"), &plain, Holds::Registers, level);
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
