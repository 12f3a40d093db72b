//! The checkers and models by name, for whoever chooses them on a command line.

use crate::checker::Checker;
use crate::linearizability::Linearizability;
use crate::model::Model;
use crate::models::{
    CasRegister, Counter, FencedLock, FifoQueue, Kv, Log, MultiRegister, Multiset, Mutex, PerKey,
    PriorityQueue, Register, Semaphore, Set, Stack, UnorderedQueue, VersionedKv,
};
use crate::sequential::{Scope, Sequential};
use crate::set_full::SetFull;
use crate::staleness::Staleness;
use crate::stats::StatsChecker;

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
    Listed { name: "set-full", summary: "no element added to a set is lost, doubled or made up" },
    Listed {
        name: "set-full-linearizable",
        summary: "the same, and a read that begins after an add was answered has its element",
    },
    Listed { name: "staleness", summary: "by how many writes and milliseconds reads are behind; a measure" },
    Listed { name: "stats", summary: "counts, latencies and errors; every function got something through" },
];

/// All models for `linearizable`. Before each name may stand `per-key-`, for one object per key and
/// values that are [key, value]; the two that most histories need are listed.
pub const MODELS: &[Listed] = &[
    Listed { name: "register", summary: "`read` answers the last `write`" },
    Listed { name: "cas-register", summary: "a register with `cas` [from, to]" },
    Listed { name: "per-key-register", summary: "a register per key; every value is [key, value]" },
    Listed { name: "per-key-cas-register", summary: "a cas-register per key; every value is [key, value]" },
    Listed { name: "multi-register", summary: "several registers read and written at once, by `txn`" },
    Listed { name: "kv", summary: "`get`, `put`, `append`, `delete`, `cas`, `increment` of [key, value]" },
    Listed {
        name: "versioned-kv",
        summary: "a store with revisions, comparisons and transactions, as etcd's",
    },
    Listed { name: "mutex", summary: "`acquire` and `release`, by whomever" },
    Listed { name: "owned-mutex", summary: "a mutex that only the process which acquired it releases" },
    Listed { name: "semaphore-2", summary: "two permits; any other number may stand for 2" },
    Listed { name: "fenced-lock", summary: "a mutex whose `acquire` answers tokens that grow" },
    Listed { name: "set", summary: "`add`, `remove`, `contains` and `read` of elements" },
    Listed { name: "multiset", summary: "a set whose elements may be there more than once, with `count`" },
    Listed { name: "fifo-queue", summary: "`enqueue` and `dequeue`, in order" },
    Listed { name: "unordered-queue", summary: "`enqueue` and `dequeue`, in any order" },
    Listed { name: "priority-queue", summary: "`insert` and `dequeue` of the smallest, or of the largest" },
    Listed { name: "stack", summary: "`push` and `pop`" },
    Listed { name: "log", summary: "`append` at an offset, `read`, `range` and `poll` from one" },
    Listed { name: "counter", summary: "`add`, `read`, `fetch-and-add`" },
];

/// What to do with a model that is known by its name only.
pub trait WithModel {
    /// What comes of it.
    type Out;

    /// Does it.
    fn with<M: Model + Clone + 'static>(self, model: M) -> Self::Out;
}

/// Does something with the model of that name; `None` if there is none.
pub fn with_model<W: WithModel>(name: &str, work: W) -> Option<W::Out> {
    let (name, keyed) = match name.strip_prefix("per-key-") {
        Some(inner) => (inner, true),
        None => (name, false),
    };
    Some(match name {
        "register" if keyed => work.with(PerKey::new(Register)),
        "register" => work.with(Register),
        "cas-register" if keyed => work.with(PerKey::new(CasRegister::default())),
        "cas-register" => work.with(CasRegister::default()),
        "multi-register" => lifted(work, MultiRegister, keyed),
        "kv" => lifted(work, Kv::kv(), keyed),
        "versioned-kv" => lifted(work, VersionedKv, keyed),
        "mutex" => lifted(work, Mutex { owned: false }, keyed),
        "owned-mutex" => lifted(work, Mutex { owned: true }, keyed),
        "fenced-lock" => lifted(work, FencedLock, keyed),
        "set" => lifted(work, Set, keyed),
        "multiset" => lifted(work, Multiset, keyed),
        "fifo-queue" => lifted(work, FifoQueue, keyed),
        "unordered-queue" => lifted(work, UnorderedQueue, keyed),
        "priority-queue" => lifted(work, PriorityQueue, keyed),
        "stack" => lifted(work, Stack, keyed),
        "log" => lifted(work, Log, keyed),
        "counter" => lifted(work, Counter, keyed),
        _ => lifted(work, Semaphore::new(name.strip_prefix("semaphore-")?.parse().ok()?), keyed),
    })
}

/// One type for both, so that the search is compiled once for each model and not twice.
fn lifted<W: WithModel, M: Model + Clone + 'static>(work: W, model: M, keyed: bool) -> W::Out {
    work.with(if keyed { PerKey::new(model) } else { PerKey::one(model) })
}

/// A checker that needs no model; `None` for those that do, and for unknown names.
pub fn checker_by_name(name: &str) -> Option<Box<dyn Checker>> {
    Some(match name {
        "staleness" => Box::new(Staleness::default()),
        "stats" => Box::new(StatsChecker),
        "set-full" => Box::new(SetFull { linearizable: false }),
        "set-full-linearizable" => Box::new(SetFull { linearizable: true }),
        _ => return None,
    })
}

/// The checker of sequential consistency against a model, of the whole or of each key; `None` for an
/// unknown model.
pub fn sequential_by_name(model: &str, scope: Scope) -> Option<Box<dyn Checker>> {
    struct Boxed(Scope);
    impl WithModel for Boxed {
        type Out = Box<dyn Checker>;
        fn with<M: Model + Clone + 'static>(self, model: M) -> Box<dyn Checker> {
            Box::new(Sequential::new(model, self.0))
        }
    }
    // Of registers more is known than of a model in general.
    Some(match model {
        "register" => Box::new(Sequential::of_registers(Register, scope)),
        "cas-register" => Box::new(Sequential::of_registers(CasRegister::default(), scope)),
        "per-key-register" => Box::new(Sequential::of_registers(PerKey::new(Register), scope)),
        "per-key-cas-register" => {
            Box::new(Sequential::of_registers(PerKey::new(CasRegister::default()), scope))
        }
        _ => return with_model(model, Boxed(scope)),
    })
}

/// The checker of linearizability against a model; `None` for an unknown model. Whether the model
/// understands a history, [`Checker::understands`] tells.
pub fn linearizable_by_name(model: &str) -> Option<Box<dyn Checker>> {
    struct Boxed;
    impl WithModel for Boxed {
        type Out = Box<dyn Checker>;
        fn with<M: Model + Clone + 'static>(self, model: M) -> Box<dyn Checker> {
            Box::new(Linearizability::new(model))
        }
    }
    with_model(model, Boxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_exists_under_its_name() {
        for listed in MODELS {
            assert!(linearizable_by_name(listed.name).is_some(), "{}", listed.name);
            let lifted = format!("per-key-{}", listed.name.trim_start_matches("per-key-"));
            struct Name;
            impl WithModel for Name {
                type Out = String;
                fn with<M: Model + Clone + 'static>(self, model: M) -> String {
                    model.name().to_owned()
                }
            }
            assert_eq!(with_model(listed.name, Name).as_deref(), Some(listed.name));
            assert_eq!(with_model(&lifted, Name), Some(lifted));
        }
        let with_model = ["linearizable", "sequential", "sequential-per-key"];
        let alone = CHECKERS.iter().filter(|listed| !with_model.contains(&listed.name));
        for listed in alone {
            assert_eq!(checker_by_name(listed.name).unwrap().name(), listed.name);
        }
        assert!(linearizable_by_name("queue").is_none() && checker_by_name("queue").is_none());
        assert_eq!(Linearizability::new(PerKey::new(Register)).name(), "linearizable");
        assert_eq!(PerKey::new(Register).name(), "per-key-register");
    }
}
