//! Not linearizable: what is it then, and how far off?
//!
//! `cargo run -p checkers --example weaker_promises`

use checkers::formats::{self, Format};
use checkers::models::Register;
use checkers::sequential::{Scope, Sequential};
use checkers::{Budget, Checker, Linearizability, Staleness};

/// Process 1 reads the old value 3 ms after the new one was acknowledged.
const HISTORY: &str = "
{:index 0 :time 1000000 :type :invoke :process 0 :f :write :value 1}
{:index 1 :time 2000000 :type :ok :process 0 :f :write :value 1}
{:index 2 :time 3000000 :type :invoke :process 0 :f :write :value 2}
{:index 3 :time 4000000 :type :ok :process 0 :f :write :value 2}
{:index 4 :time 7000000 :type :invoke :process 1 :f :read :value nil}
{:index 5 :time 8000000 :type :ok :process 1 :f :read :value 1}
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let history = formats::read(Format::Edn, HISTORY.as_bytes())?;
    let linearizable = Linearizability::new(Register).check(&history, &Budget::default());
    println!("linearizable: {}. {}", linearizable.verdict, linearizable.reason);
    // One order that keeps what each process did suffices; times say nothing.
    let sequential = Sequential::of_registers(Register, Scope::Whole).check(&history, &Budget::default());
    println!("sequential: {} ({})", sequential.verdict, sequential.algorithm);
    // Two versions and 3 ms are tolerated; the measure is told in any case.
    let staleness = Staleness { max_k: Some(2), max_stale_ns: Some(3_000_000) };
    let judgement = staleness.check(&history, &Budget::default());
    println!("staleness: {}", judgement.verdict);
    for (name, value) in &judgement.details {
        println!("  {name}: {value}");
    }
    Ok(())
}
