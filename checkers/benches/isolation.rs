//! How fast levels of isolation are decided: CPU time, and the most memory that the process held.
//!
//! `cargo bench -p checkers --bench isolation -- [transactions…]`; by default 10k, 100k and 1M. Peers
//! on the same class of machine, 1M transactions of this shape: AWDIT 2.1 s (read committed), 2.5 s
//! (read atomic), 4.0 s (causal).

use std::time::Instant;

use checkers::transactions::history::{Holds, TxnHistory};
use checkers::transactions::weak::{Isolation, Level};
use checkers::{Budget, History};

#[path = "../tests/suite/isolation_database.rs"]
mod isolation_database;
#[path = "../tests/suite/simulate.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod simulate;

use isolation_database::{Load, Mode, run};

fn main() {
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let sizes = if sizes.is_empty() { vec![10_000, 100_000, 1_000_000] } else { sizes };
    println!("{:>9}  {:>9}  {:>9}  {:<10}  what", "build ms", "check ms", "peak MiB", "verdict");
    for txns in sizes {
        let plain = run(Load::registers(txns));
        for level in [Level::ReadCommitted, Level::ReadAtomic, Level::Causal] {
            row(&format!("{txns} transactions"), &plain, Holds::Registers, level);
        }
        drop(plain);
        let unanswered = run(Load { info: 1, ..Load::registers(txns) });
        row(&format!("{txns} transactions, 1 % info"), &unanswered, Holds::Registers, Level::Causal);
        drop(unanswered);
        let lists = run(Load { holds: Holds::Lists, ..Load::registers(txns / 10) });
        row(&format!("{} transactions on lists", txns / 10), &lists, Holds::Lists, Level::Causal);
        let snapshot = run(Load { mode: Mode::Snapshot, ..Load::registers(txns) });
        row(&format!("{txns} transactions, snapshots"), &snapshot, Holds::Registers, Level::Causal);
    }
}

fn row(what: &str, history: &History, holds: Holds, level: Level) {
    let began = Instant::now();
    let Ok(txns) = TxnHistory::new(history, holds) else { return println!("not understood: {what}") };
    let built = began.elapsed();
    let began = Instant::now();
    let judgement = Isolation::new(level, holds).check_transactions(history, &txns, &Budget::default());
    println!(
        "{:>9.1}  {:>9.1}  {:>9}  {:<10}  {}: {what}",
        built.as_secs_f64() * 1e3,
        began.elapsed().as_secs_f64() * 1e3,
        peak_mib(),
        judgement.verdict.as_str(),
        level.name(),
    );
}

/// What the process has held at most, where the system says so.
fn peak_mib() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.map_or_else(|| "-".to_owned(), |kib| (kib / 1024).to_string())
}
