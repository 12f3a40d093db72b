//! Promises that have a checker of their own, one per file, each near-linear in the size of the
//! history and of what its reads answered.
//!
//! Nothing here searches: a verdict follows from counting, sorting and comparing. Where no read was
//! answered, or nothing was at stake, the judgement is `unknown`. The names are those under which
//! [`registry`](crate::registry) has the checkers; any of them with `per-key-` before it judges each key of values
//! `[key, value]` apart (see [`PerKey`]), and [`Composition`] puts several together.
//!
//! | workload | checker | source |
//! |---|---|---|
//! | adds to a set, a final read | [`Set`] `set` | Jepsen, `checker/set` |
//! | adds and reads of a growing set | [`SetFull`] `set-full`, `set-full-linearizable` | Jepsen, `checker/set-full` |
//! | enqueues and dequeues in any order | [`Queue`] `queue` | Jepsen, `checker/queue` |
//! | the same, drained at the end | [`TotalQueue`] `total-queue` | Jepsen, `checker/total-queue` |
//! | increments, decrements, reads | [`Counter`] `counter` | Jepsen, `checker/counter` |
//! | a source of ids | [`UniqueIds`] `unique-ids` | Jepsen, `checker/unique-ids` |
//! | transfers between accounts, reads of all | [`Bank`] `bank` | Jepsen, `tests/bank` |
//! | single inserts, reads of groups of keys | [`LongFork`] `long-fork` | Jepsen, `tests/long-fork`; Sovran et al., SOSP 2011 |
//! | five operations in causal order, per key | [`Causal`] `causal` | Jepsen, `tests/causal` |
//! | inserts, reads of everything | [`CausalReverse`] `causal-reverse`, `comments` | Jepsen, `tests/causal-reverse`; CockroachDB's `comments` |
//! | pairs of inserts guarded by a predicate | [`AdyaG2`] `adya-g2` | Jepsen, `tests/adya`; Adya 1999 |
//! | rows with rising values and timestamps | [`Monotonic`] `monotonic` | CockroachDB's `monotonic` |
//! | rows written in sequence, read backwards | [`SequentialWrites`] `sequential-writes` | CockroachDB's `sequential` |
//! | sends to and polls of partitioned logs | [`Kafka`] `kafka` | Jepsen, `tests/kafka` |
//! | acquire, release, use of a fenced resource | [`LockSafety`] `lock-safety` | Kleppmann 2016 |
//! | asking nodes for their leader | [`LeaderElection`] `leader-election` | Ongaro and Ousterhout 2014, figure 3 |
//! | updates, final reads of every replica | [`Convergence`] `convergence` | Shapiro et al. 2011 |
//! | writes, final reads | [`Durability`] `durability` | Jepsen's final reads, for registers |
//! | commits, votes, outcomes | [`AtomicCommit`] `atomic-commit` | Bernstein, Hadzilacos, Goodman 1987, §7.3 |
//! | writes, watchers of them | [`Watch`] `watch` | etcd's watch guarantees; Jepsen's etcd `watch` |

mod adya_g2;
mod atomic_commit;
mod bank;
mod causal;
mod causal_reverse;
mod compose;
mod convergence;
mod counter;
mod durability;
mod findings;
mod kafka;
mod leader_election;
mod lock_safety;
mod long_fork;
mod monotonic;
mod per_key;
mod queue;
mod sequential_writes;
mod set;
mod set_full;
mod shape;
mod unique_ids;
mod watch;

pub use adya_g2::AdyaG2;
pub use atomic_commit::AtomicCommit;
pub use bank::Bank;
pub use causal::Causal;
pub use causal_reverse::CausalReverse;
pub use compose::Composition;
pub use convergence::Convergence;
pub use counter::Counter;
pub use durability::Durability;
pub use kafka::{Kafka, Subscription};
pub use leader_election::LeaderElection;
pub use lock_safety::LockSafety;
pub use long_fork::LongFork;
pub use monotonic::Monotonic;
pub use per_key::PerKey;
pub use queue::{Queue, TotalQueue};
pub use sequential_writes::SequentialWrites;
pub use set::Set;
pub use set_full::SetFull;
pub use unique_ids::UniqueIds;
pub use watch::Watch;
