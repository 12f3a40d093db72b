//! Check transactions: which isolation did the database keep?
//!
//! `cargo run -p checkers --example check_transactions`

use checkers::formats::{self, Format};
use checkers::transactions::history::Holds;
use checkers::transactions::{Isolation, Level, ListAppend, Promise};
use checkers::{Budget, Checker};

/// Write skew, in Jepsen's EDN: each transaction reads what the other appends to, and sees nothing.
const HISTORY: &str = "
{:index 0 :time 10 :type :invoke :process 0 :f :txn :value [[:r :x nil] [:append :y 1]]}
{:index 1 :time 11 :type :invoke :process 1 :f :txn :value [[:r :y nil] [:append :x 1]]}
{:index 2 :time 20 :type :ok :process 0 :f :txn :value [[:r :x []] [:append :y 1]]}
{:index 3 :time 21 :type :ok :process 1 :f :txn :value [[:r :y []] [:append :x 1]]}
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let history = formats::read(Format::Edn, HISTORY.as_bytes())?;
    for model in ["serializable", "snapshot-isolation"] {
        let promise = Promise::models(&[model])?;
        let judgement = ListAppend { promise }.check(&history, &Budget::default());
        println!("{model}: {}. {}", judgement.verdict, judgement.reason);
    }
    // Decided completely, whatever the anomalies are called.
    for level in [Level::Serializable, Level::SnapshotIsolation, Level::ReadAtomic] {
        let judgement = Isolation::new(level, Holds::Lists).check(&history, &Budget::default());
        println!("{}: {} ({})", level.name(), judgement.verdict, judgement.algorithm);
    }
    Ok(())
}
