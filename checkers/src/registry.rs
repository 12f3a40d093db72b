//! The checkers, models, consistency levels and formats by name, each with a line of what it is, for
//! whoever chooses them on a command line: the one place from which they are listed.

use crate::checker::Checker;
use crate::linearizability::Linearizability;
use crate::models::{CasRegister, PerKey};
use crate::promises;
use crate::sequential::{Scope, Sequential};
use crate::staleness::Staleness;
use crate::stats::StatsChecker;
use crate::transactions;
use crate::transactions::history::Holds;
use crate::transactions::weak::{Isolation, Level};

mod consistency;
mod formats;
mod models;

pub use consistency::{OBJECT_CONSISTENCY, TRANSACTION_CONSISTENCY};
pub use formats::FORMATS;
pub use models::{MODELS, model_by_name};

/// A name and what it stands for, in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What a user types.
    pub name: &'static str,
    /// What it is.
    pub summary: &'static str,
}

/// All checkers.
pub const CHECKERS: &[Listed] = &[
    Listed {
        name: "linearizable",
        summary: "every operation seems to take effect at one instant between call and answer; needs a model",
    },
    Listed {
        name: "sequential",
        summary: "all operations in one order that keeps what each process did; needs a model",
    },
    Listed {
        name: "sequential-per-key",
        summary: "the same for each key by itself, which is less; needs a model",
    },
    Listed { name: "staleness", summary: "by how many writes and milliseconds reads are behind; a measure" },
    Listed { name: "set-full", summary: "no element added to a set is lost, doubled or made up" },
    Listed {
        name: "set-full-linearizable",
        summary: "the same, and a read that begins after an add was answered has its element",
    },
    Listed {
        name: "set",
        summary: "the final read has every acknowledged element and none that was made up",
    },
    Listed { name: "queue", summary: "what is dequeued was enqueued, and comes out once" },
    Listed { name: "total-queue", summary: "every acknowledged enqueue is dequeued or drained at the end" },
    Listed { name: "counter", summary: "every read lies between what was added and what may have been" },
    Listed { name: "unique-ids", summary: "no id is given out twice" },
    Listed { name: "bank", summary: "transfers never change the sum of all balances" },
    Listed { name: "long-fork", summary: "no two reads see two writes in opposite orders" },
    Listed { name: "causal", summary: "a register's reads and writes keep their causal order" },
    Listed { name: "causal-reverse", summary: "no write is seen without one that had ended before it began" },
    Listed { name: "comments", summary: "the same, by its name in CockroachDB's tests" },
    Listed { name: "adya-g2", summary: "of two inserts guarded by one predicate at most one commits" },
    Listed { name: "monotonic", summary: "values go up in the order of their transactions' timestamps" },
    Listed { name: "sequential-writes", summary: "the writes of one client are seen in their order" },
    Listed { name: "kafka", summary: "partitioned logs lose, double, reorder and skip nothing" },
    Listed { name: "lock-safety", summary: "never two holders of a lock; tokens fence off the earlier ones" },
    Listed { name: "leader-election", summary: "at most one leader a term, and terms never go back" },
    Listed { name: "convergence", summary: "after the last update all replicas answer the same" },
    Listed { name: "durability", summary: "what was acknowledged is there in the final reads" },
    Listed { name: "atomic-commit", summary: "all participants of a transaction decide the same, once" },
    Listed { name: "watch", summary: "watchers are told every change once, in order" },
    Listed {
        name: "list-append",
        summary: "transactions that read and append to lists: Elle's anomalies, strictly serializable",
    },
    Listed { name: "rw-register", summary: "transactions that read and write registers: the same" },
    Listed {
        name: "closed-predicate",
        summary: "transactions that read by predicate in a known universe: the same",
    },
    Listed { name: "stats", summary: "counts, latencies and errors; every function got something through" },
];

/// A checker that needs no model; `None` for those that do, and for unknown names. `per-key-` before a
/// name judges each key of values `[key, value]` apart.
pub fn checker_by_name(name: &str) -> Option<Box<dyn Checker>> {
    if let Some(inner) = name.strip_prefix("per-key-") {
        // Once: a key of keys is a key.
        let inner = checker_by_name(inner).filter(|_| !inner.starts_with("per-key-"))?;
        return Some(Box::new(promises::PerKey::new(inner)));
    }
    Some(match name {
        "stats" => Box::new(StatsChecker),
        "staleness" => Box::new(Staleness::default()),
        "set-full" => Box::new(promises::SetFull { linearizable: false }),
        "set-full-linearizable" => Box::new(promises::SetFull { linearizable: true }),
        "list-append" => Box::new(transactions::ListAppend::default()),
        "rw-register" => Box::new(transactions::RwRegister::default()),
        "closed-predicate" => Box::new(transactions::ClosedPredicate::default()),
        "set" => Box::new(promises::Set),
        "queue" => Box::new(promises::Queue),
        "total-queue" => Box::new(promises::TotalQueue::default()),
        "counter" => Box::new(promises::Counter::default()),
        "unique-ids" => Box::new(promises::UniqueIds),
        "bank" => Box::new(promises::Bank::default()),
        "long-fork" => Box::new(promises::LongFork::default()),
        "causal" => Box::new(promises::Causal),
        "causal-reverse" => Box::new(promises::CausalReverse::CAUSAL_REVERSE),
        "comments" => Box::new(promises::CausalReverse::COMMENTS),
        "adya-g2" => Box::new(promises::AdyaG2),
        "monotonic" => Box::new(promises::Monotonic::default()),
        "sequential-writes" => Box::new(promises::SequentialWrites),
        "kafka" => Box::new(promises::Kafka::default()),
        "lock-safety" => Box::new(promises::LockSafety::default()),
        "leader-election" => Box::new(promises::LeaderElection),
        "convergence" => Box::new(promises::Convergence::default()),
        "durability" => Box::new(promises::Durability),
        "atomic-commit" => Box::new(promises::AtomicCommit),
        "watch" => Box::new(promises::Watch),
        _ => return None,
    })
}

/// The checker of sequential consistency against a model, of the whole or of each key; `None` for an
/// unknown model.
pub fn sequential_by_name(model: &str, scope: Scope) -> Option<Box<dyn Checker>> {
    let registers = ["register", "cas-register"].contains(&model.trim_start_matches("per-key-"));
    let model = model_by_name(model)?;
    Some(Box::new(if registers {
        Sequential::of_registers_by_name(model, scope)
    } else {
        Sequential::new(model, scope)
    }))
}

/// The checker of linearizability against a model; `None` for an unknown model. Whether the model
/// understands a history, [`Checker::understands`] tells.
pub fn linearizable_by_name(model: &str) -> Option<Box<dyn Checker>> {
    // Searched most, so it has a search of its own; each takes the compiler ten seconds.
    Some(match model {
        "cas-register" => Box::new(Linearizability::new(CasRegister::default())),
        "per-key-cas-register" => Box::new(Linearizability::new(PerKey::new(CasRegister::default()))),
        _ => Box::new(Linearizability::new(model_by_name(model)?)),
    })
}

/// The checker of a level of isolation; `None` for an unknown level. [`Level::all`] lists them.
pub fn isolation_by_name(level: &str, holds: Holds) -> Option<Box<dyn Checker>> {
    Some(Box::new(Isolation::new(Level::by_name(level)?, holds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;

    #[test]
    fn what_is_listed_exists_under_its_name() {
        for listed in MODELS {
            assert!(linearizable_by_name(listed.name).is_some(), "{}", listed.name);
            let lifted = format!("per-key-{}", listed.name.trim_start_matches("per-key-"));
            for name in [listed.name, &lifted] {
                assert_eq!(model_by_name(name).unwrap().name(), name);
            }
        }
        let with_model = ["linearizable", "sequential", "sequential-per-key"];
        let alone = CHECKERS.iter().filter(|listed| !with_model.contains(&listed.name));
        for listed in alone {
            assert_eq!(checker_by_name(listed.name).unwrap().name(), listed.name);
        }
        assert!(linearizable_by_name("queue").is_none() && checker_by_name("no-such").is_none());
        assert_eq!(checker_by_name("per-key-bank").unwrap().name(), "per-key-bank");
        assert!(checker_by_name("per-key-per-key-bank").is_none() && checker_by_name("per-key-").is_none());
    }
}
