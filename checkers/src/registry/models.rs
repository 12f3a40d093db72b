//! The models by name.

use super::Listed;
use crate::models::{
    AnyModel, CasRegister, Counter, FencedLock, FifoQueue, Kv, Log, MultiRegister, Multiset, Mutex, PerKey,
    PriorityQueue, Register, Semaphore, Set, Stack, UnorderedQueue, VersionedKv,
};

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

/// The model of that name; `None` if there is none.
pub fn model_by_name(name: &str) -> Option<AnyModel> {
    match name.strip_prefix("per-key-") {
        // Once: a key of keys is a key.
        Some(inner) => Some(AnyModel::new(PerKey::new(one(inner)?))),
        None => one(name),
    }
}

fn one(name: &str) -> Option<AnyModel> {
    Some(match name {
        "register" => AnyModel::new(Register),
        "cas-register" => AnyModel::new(CasRegister::default()),
        "multi-register" => AnyModel::new(MultiRegister),
        "kv" => AnyModel::new(Kv::kv()),
        "versioned-kv" => AnyModel::new(VersionedKv),
        "mutex" => AnyModel::new(Mutex { owned: false }),
        "owned-mutex" => AnyModel::new(Mutex { owned: true }),
        "fenced-lock" => AnyModel::new(FencedLock),
        "set" => AnyModel::new(Set),
        "multiset" => AnyModel::new(Multiset),
        "fifo-queue" => AnyModel::new(FifoQueue),
        "unordered-queue" => AnyModel::new(UnorderedQueue),
        "priority-queue" => AnyModel::new(PriorityQueue),
        "stack" => AnyModel::new(Stack),
        "log" => AnyModel::new(Log),
        "counter" => AnyModel::new(Counter),
        _ => AnyModel::new(Semaphore::new(name.strip_prefix("semaphore-")?.parse().ok()?)),
    })
}
