//! Several promises of one history, each key by itself.
//!
//! `cargo run -p checkers --example several_promises`

use checkers::formats::{self, Format};
use checkers::promises::{Composition, PerKey};
use checkers::{Budget, Checker, SetFull, registry};

/// Two sets, `[key, value]`; of set 2 the acknowledged element 7 is never read again.
const HISTORY: &str = "
{:index 0 :time 1 :type :invoke :process 0 :f :add :value [1 5]}
{:index 1 :time 2 :type :ok :process 0 :f :add :value [1 5]}
{:index 2 :time 3 :type :invoke :process 1 :f :add :value [2 7]}
{:index 3 :time 4 :type :ok :process 1 :f :add :value [2 7]}
{:index 4 :time 5 :type :invoke :process 0 :f :read :value [1 nil]}
{:index 5 :time 6 :type :ok :process 0 :f :read :value [1 [5]]}
{:index 6 :time 7 :type :invoke :process 1 :f :read :value [2 nil]}
{:index 7 :time 8 :type :ok :process 1 :f :read :value [2 []]}
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let history = formats::read(Format::Edn, HISTORY.as_bytes())?;
    let stats = registry::checker_by_name("stats").ok_or("the registry has it")?;
    let all = Composition::new("all")
        .with_named("sets", Box::new(PerKey::new(Box::new(SetFull::default()))))
        .with_named("stats", stats);
    for (name, judgement) in all.judgements(&history, &Budget::default()) {
        println!("{name}: {}. {}", judgement.verdict, judgement.reason);
    }
    // The worst of them is the verdict of all.
    println!("together: {}", all.check(&history, &Budget::default()).verdict);
    Ok(())
}
