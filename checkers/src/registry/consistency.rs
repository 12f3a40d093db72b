//! What may be asked of a history beside the promise of one checker, by name.

use super::Listed;

/// What may be asked of the operations on the objects of a model; the first one, if nothing is said.
pub const OBJECT_CONSISTENCY: &[Listed] = &[
    Listed {
        name: "linearizable",
        summary: "each seems to take effect at one instant between call and answer",
    },
    Listed {
        name: "sequential",
        summary: "all in one order that keeps what each process did; times say nothing",
    },
    Listed { name: "sequential-per-key", summary: "the same for each key by itself, which is less" },
    Listed { name: "staleness", summary: "by how many writes and milliseconds reads are behind; a measure" },
];

/// The levels of isolation of transactions that are decided, the weaker before the stronger; those from
/// `snapshot-isolation` on by a bounded search. [`isolation_by_name`](super::isolation_by_name) has them.
pub const TRANSACTION_CONSISTENCY: &[Listed] = &[
    Listed {
        name: "read-your-writes",
        summary: "a session reads its own last write to a key, or a later one",
    },
    Listed { name: "monotonic-reads", summary: "what a session reads of a key never goes back" },
    Listed { name: "monotonic-writes", summary: "no write of a session is seen without its earlier ones" },
    Listed {
        name: "writes-follow-reads",
        summary: "no write is seen without what its session had read before",
    },
    Listed {
        name: "pram",
        summary: "each session sees the writes of every other in the order in which they were made",
    },
    Listed {
        name: "read-committed",
        summary: "whoever read from a transaction reads nothing that it overwrote",
    },
    Listed {
        name: "read-atomic",
        summary: "all or nothing of another transaction is seen, and all of the session",
    },
    Listed { name: "weak-causal", summary: "causes are seen before effects" },
    Listed {
        name: "causal-memory",
        summary: "the same, and each session has one order that explains all it saw",
    },
    Listed { name: "causal", summary: "the same, and all sessions have that order in common" },
    Listed {
        name: "snapshot-isolation",
        summary: "all reads are of one snapshot; of two writers of a key one saw the other",
    },
    Listed {
        name: "strong-session-snapshot-isolation",
        summary: "the same, and snapshots contain what the session did before",
    },
    Listed {
        name: "strong-snapshot-isolation",
        summary: "the same, and snapshots contain whatever had been answered before",
    },
    Listed { name: "serializable", summary: "some order of the transactions, one at a time, explains all" },
    Listed { name: "strong-session-serializable", summary: "one that keeps the order of each session" },
    Listed { name: "strict-serializable", summary: "one that keeps the order of time" },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::isolation_by_name;
    use crate::transactions::history::Holds;
    use crate::transactions::weak::Level;

    #[test]
    fn every_level_is_listed() {
        let listed: Vec<&str> = TRANSACTION_CONSISTENCY.iter().map(|listed| listed.name).collect();
        assert_eq!(listed, Level::all().map(Level::name).collect::<Vec<_>>());
        assert!(listed.iter().all(|level| isolation_by_name(level, Holds::Lists).is_some()));
    }
}
