//! The levels of isolation that this room decides, by name.

/// A promise about which transactions a transaction sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Level {
    /// A session reads its own last write to a key or a later one.
    ReadYourWrites,
    /// What a session reads of a key never goes back.
    MonotonicReads,
    /// Nobody sees a write of a session without the earlier ones of that session.
    MonotonicWrites,
    /// Nobody sees a write without those that its session had read before.
    WritesFollowReads,
    /// Each session sees the writes of every other in the order in which that one made them.
    Pram,
    /// No transaction, once it has read from one, reads what that one overwrote.
    ReadCommitted,
    /// A transaction sees all or nothing of another, and all of its session.
    ReadAtomic,
    /// Causes are seen before effects; sessions need not agree on anything else.
    WeakCausal,
    /// The same, and each session has one order that explains all it saw.
    CausalMemory,
    /// The same, and all sessions have that order in common; what AWDIT calls causal consistency.
    Causal,
    /// Every transaction reads from a snapshot, and of two that write one key one saw the other.
    SnapshotIsolation,
    /// The same, and snapshots contain what the session did before.
    StrongSessionSnapshotIsolation,
    /// The same, and snapshots contain whatever had been answered before.
    StrongSnapshotIsolation,
    /// Some order of the transactions, one at a time, explains all.
    Serializable,
    /// One that keeps the order of each session.
    StrongSessionSerializable,
    /// One that keeps the order of time.
    StrictSerializable,
}

/// Every level with its names, the first of which is the one of results.
const NAMES: &[(Level, &[&str])] = &[
    (Level::ReadYourWrites, &["read-your-writes"]),
    (Level::MonotonicReads, &["monotonic-reads"]),
    (Level::MonotonicWrites, &["monotonic-writes"]),
    (Level::WritesFollowReads, &["writes-follow-reads"]),
    (Level::Pram, &["pram"]),
    (Level::ReadCommitted, &["read-committed"]),
    (Level::ReadAtomic, &["read-atomic"]),
    (Level::WeakCausal, &["weak-causal"]),
    (Level::CausalMemory, &["causal-memory"]),
    (Level::Causal, &["causal", "causal-convergence"]),
    (Level::SnapshotIsolation, &["snapshot-isolation"]),
    (Level::StrongSessionSnapshotIsolation, &["strong-session-snapshot-isolation"]),
    (Level::StrongSnapshotIsolation, &["strong-snapshot-isolation"]),
    (Level::Serializable, &["serializable"]),
    (Level::StrongSessionSerializable, &["strong-session-serializable"]),
    (Level::StrictSerializable, &["strict-serializable", "strong-serializable"]),
];

impl Level {
    /// All of them, the weaker before the stronger.
    pub fn all() -> impl Iterator<Item = Level> {
        NAMES.iter().map(|(level, _)| *level)
    }

    /// The level of this name.
    pub fn by_name(name: &str) -> Option<Level> {
        NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(level, _)| *level)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(level, _)| *level == self).map_or("", |(_, names)| names[0])
    }

    /// The levels that hold whenever this one does, those next to it.
    pub fn implies(self) -> &'static [Level] {
        match self {
            Level::ReadYourWrites
            | Level::MonotonicReads
            | Level::MonotonicWrites
            | Level::WritesFollowReads
            | Level::ReadCommitted
            | Level::SnapshotIsolation => &[],
            Level::WeakCausal => &[Level::ReadYourWrites],
            Level::Pram => &[Level::ReadYourWrites, Level::MonotonicReads, Level::MonotonicWrites],
            Level::ReadAtomic => &[Level::ReadCommitted],
            Level::CausalMemory => &[Level::Pram, Level::WritesFollowReads, Level::WeakCausal],
            Level::Causal => &[
                Level::ReadAtomic,
                Level::WeakCausal,
                Level::MonotonicReads,
                Level::MonotonicWrites,
                Level::WritesFollowReads,
            ],
            Level::StrongSessionSnapshotIsolation => {
                &[Level::SnapshotIsolation, Level::Causal, Level::CausalMemory]
            }
            Level::StrongSnapshotIsolation => &[Level::StrongSessionSnapshotIsolation],
            Level::Serializable => &[Level::SnapshotIsolation],
            Level::StrongSessionSerializable => &[Level::Serializable, Level::StrongSessionSnapshotIsolation],
            Level::StrictSerializable => &[Level::StrongSessionSerializable, Level::StrongSnapshotIsolation],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_its_name() {
        for level in Level::all() {
            assert_eq!(Level::by_name(level.name()), Some(level));
        }
        assert_eq!(Level::by_name("causal-convergence"), Some(Level::Causal));
        assert_eq!(Level::by_name("chaos"), None);
    }
}
