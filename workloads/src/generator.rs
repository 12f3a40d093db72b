//! Generators: pure state machines that say which operation comes next.
//!
//! A generator has neither clock nor randomness of its own: time, free threads and the seeded rng
//! come in through [`Context`], so that a schedule of ten minutes is tested in microseconds.
//! After Jepsen's `jepsen.generator` (pure generators).
//!
//! | module | what lives there |
//! |---|---|
//! | [`source`] | where operations begin: [`from_fn`], [`repeat`], [`ops`], [`sleep`], [`log`], [`nothing`] |
//! | [`ext`] | [`GeneratorExt`]: every combinator of one generator, as a method |
//! | [`choice`] | [`mix`], [`any`], [`flip_flop`] |
//! | [`sequence`] | [`concat()`], [`phases`], [`cycle`], barriers |
//! | [`bound`], [`until`] | ends: by number, by time, by what came back |
//! | [`pace`] | `stagger` and `delay`: when |
//! | [`on`], [`reserve`](mod@reserve), [`each`] | on which threads |
//! | [`adapt`] | `map`, `filter`, `inspect` |
//! | [`roster`] | threads, who is idle and which process each runs: for whoever runs a generator |
//! | [`simulate`] | runs a generator in virtual time |
//!
//! ```
//! use std::time::Duration;
//! use checkers::Value;
//! use workloads::Op;
//! use workloads::generator::{GeneratorExt, any, mix, ops, per_second, repeat};
//!
//! let load = mix(vec![(4, repeat(Op::new("read", Value::Nil))), (3, repeat(Op::new("write", 1)))])
//!     .stagger(per_second(1_000.0))
//!     .time_limit(Duration::from_secs(60));
//! let faults = ops([Op::new("kill", "n1"), Op::new("restart", "n1")]).delay(Duration::from_secs(10));
//! let whole = any(vec![load.on_clients().boxed(), faults.on_nemesis().boxed()]);
//! # let _ = whole;
//! ```

pub mod adapt;
pub mod bound;
mod by_thread;
pub mod choice;
pub mod each;
pub mod ext;
pub mod on;
pub mod pace;
pub mod reserve;
pub mod roster;
pub mod sequence;
pub mod simulate;
pub mod source;
#[cfg(test)]
mod testing;
pub mod until;

use checkers::{Event, Process};
use rand_chacha::ChaCha8Rng;

use crate::client::Op;

pub use choice::{any, flip_flop, mix};
pub use each::{each_process, each_thread};
pub use ext::GeneratorExt;
pub use pace::per_second;
pub use reserve::reserve;
pub use roster::Roster;
pub use sequence::{concat, cycle, phases};
pub use source::{from_fn, from_fn_while, log, nothing, ops, repeat, sleep};

/// A worker thread of the runner: 0 to `concurrency` − 1, or the nemesis' own.
///
/// A thread outlives the processes that it runs: after an `info` it goes on as a new process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Thread {
    /// A client worker.
    Client(u32),
    /// The nemesis.
    Nemesis,
}

/// What a generator may know when it is asked.
pub struct Context<'a> {
    /// Nanoseconds since the run began.
    pub time: u64,
    /// Threads that are idle now, in the order in which they became so (the longest idle first).
    pub free: &'a [Thread],
    /// All threads that this generator may use, idle or not. The same at every ask.
    pub threads: &'a [Thread],
    /// The process that a thread runs now.
    pub process_of: &'a dyn Fn(Thread) -> Process,
    /// The one source of chance.
    pub rng: &'a mut ChaCha8Rng,
}

impl Context<'_> {
    /// The same moment, seen by a generator that may use fewer threads.
    pub fn among<'b>(&'b mut self, free: &'b [Thread], threads: &'b [Thread]) -> Context<'b> {
        Context { time: self.time, free, threads, process_of: self.process_of, rng: self.rng }
    }

    /// The same moment with nobody free: nothing can be emitted, so that asking only shows
    /// whether a generator is done.
    pub fn with_nobody_free(&mut self) -> Context<'_> {
        Context {
            time: self.time,
            free: &[],
            threads: self.threads,
            process_of: self.process_of,
            rng: self.rng,
        }
    }

    /// This operation on the thread that has been idle longest, or a wait for one to become so.
    pub fn invoke_with(&mut self, op: impl FnOnce(&mut Self) -> Op) -> Next {
        match self.free.first() {
            Some(&thread) => Next::Invoke(thread, op(self)),
            None => Next::Pending(None),
        }
    }
}

/// A generator's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// This thread, which is free, shall invoke this operation now.
    Invoke(Thread, Op),
    /// Nothing now; ask again at the time given (ns since the run began, later than now), or when
    /// an event came or a thread became free, whichever is first. `None`: only an event can
    /// change the answer.
    Pending(Option<u64>),
    /// Nothing, ever again.
    Done,
}

/// A source of operations.
pub trait Generator: Send {
    /// What comes next. Asked again with another context until it emits, waits or ends; an
    /// operation that is returned counts as invoked. May be asked with nobody free, and then must
    /// not emit.
    fn next(&mut self, ctx: &mut Context<'_>) -> Next;

    /// Told of each invocation and completion in the order of the history; of the beginning and
    /// end of each fault too, whose events may both be `info`.
    fn update(&mut self, _thread: Thread, _event: &Event) {}
}

impl<G: Generator + ?Sized> Generator for &mut G {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        (**self).next(ctx)
    }
    fn update(&mut self, thread: Thread, event: &Event) {
        (**self).update(thread, event);
    }
}

impl<G: Generator + ?Sized> Generator for Box<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        (**self).next(ctx)
    }
    fn update(&mut self, thread: Thread, event: &Event) {
        (**self).update(thread, event);
    }
}

/// The earlier of two times to ask again; `None` is never.
fn earlier(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// A duration in the nanoseconds of [`Context::time`].
fn nanoseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
