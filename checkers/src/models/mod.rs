//! The models, one per file.
//!
//! | name | functions and values | file |
//! |---|---|---|
//! | `register` | `read` → `v`, `write v` | `register.rs` |
//! | `cas-register` | also `cas [from, to]` | `cas_register.rs` |
//! | `multi-register` | `txn [["r", k, null], ["w", k, v]]`, `read [k, …]`, `write {k: v}` | `multi_register.rs` |
//! | `kv` | `[key, value]`: `get`, `put v`, `append text`, `delete`, `cas [from, to]`, `increment n` | `kv.rs` |
//! | `versioned-kv` | `get k`, `put [k, v]`, `delete k`, `cas [k, [from, to]]`, `txn {compare, then, else}`, with revisions | `versioned_kv.rs` |
//! | `mutex`, `owned-mutex` | `acquire`, `release` | `mutex.rs` |
//! | `semaphore-N` | `acquire n`, `release n` of N permits | `semaphore.rs` |
//! | `fenced-lock` | `acquire` → token, `release token` | `fenced_lock.rs` |
//! | `set` | `add v`, `remove v`, `contains v`, `read` → `[v, …]` | `set.rs` |
//! | `multiset` | the same, with repetitions; `count v` → `[v, n]` | `multiset.rs` |
//! | `fifo-queue` | `enqueue v`, `dequeue` → `v`, null or "empty" | `fifo_queue.rs` |
//! | `unordered-queue` | the same, in any order | `unordered_queue.rs` |
//! | `priority-queue` | `insert v` or `[priority, v]`, `dequeue`, `dequeue-max` | `priority_queue.rs` |
//! | `stack` | `push v`, `pop` → `v`, null or "empty" | `stack.rs` |
//! | `log` | `append v` → `[v, offset]`, `read o` → `[o, v]`, `range [from, to]`, `poll o`, `size` | `log.rs` |
//! | `counter` | `add n`, `decrement n`, `read`, `fetch-and-add n`, `add-and-fetch n` | `counter.rs` |
//! | `per-key-…` | any of them, one object per key, with `[key, value]` for a value | `per_key.rs` |
//!
//! What each function's values and answers are, the model's own documentation says. A `fail` did not
//! happen; an `info` may have, at any time since.

mod any_model;
mod cas_register;
mod counter;
mod fenced_lock;
mod fifo_queue;
mod indefinite;
mod kv;
mod log;
mod multi_register;
mod multiset;
mod mutex;
mod per_key;
mod priority_queue;
mod queue;
mod register;
mod semaphore;
mod set;
mod shape;
mod sharing;
mod stack;
mod text;
mod unordered_queue;
mod versioned_kv;

pub use any_model::{AnyModel, AnyNext, Thing};
pub use cas_register::{CasRegister, FailedCas};
pub use counter::{Counter, CounterInput, CounterOutput};
pub use fenced_lock::{FencedLock, FencedLockInput, FencedLockOutput, FencedLockState};
pub use fifo_queue::{FifoQueue, FifoState};
pub use kv::{Kv, KvEntry, KvInput, KvOutput, KvValue};
pub use log::{Log, LogInput, LogOutput};
pub use multi_register::{Access, MultiRegister, ValuesRead};
pub use multiset::{Multiset, MultisetInput, MultisetOutput};
pub use mutex::{Mutex, MutexDone, MutexInput};
pub use per_key::PerKey;
pub use priority_queue::PriorityQueue;
pub use queue::{QueueInput, QueueOutput};
pub use register::{Register, RegisterInput, RegisterOutput};
pub use semaphore::{Semaphore, SemaphoreDone, SemaphoreInput};
pub use set::{Set, SetInput, SetOutput};
pub use sharing::Shared;
pub use stack::Stack;
pub use text::Text;
pub use unordered_queue::UnorderedQueue;
pub use versioned_kv::VersionedKv;
