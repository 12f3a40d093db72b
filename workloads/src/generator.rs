//! Generators: pure state machines that say which operation comes next.
//!
//! A generator has neither clock nor randomness of its own: time, free threads and the seeded rng
//! come in through [`Context`], so that a schedule of ten minutes is tested in microseconds.
//! After Jepsen's `jepsen.generator` (pure generators).

use checkers::{Event, Process};
use rand_chacha::ChaCha8Rng;

use crate::client::Op;

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
    /// All threads that this generator may use, idle or not.
    pub threads: &'a [Thread],
    /// The process that a thread runs now.
    pub process_of: &'a dyn Fn(Thread) -> Process,
    /// The one source of chance.
    pub rng: &'a mut ChaCha8Rng,
}

/// A generator's answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// This thread, which is free, shall invoke this operation now.
    Invoke(Thread, Op),
    /// Nothing now; ask again at the time given (ns since the run began), or when an event came
    /// or a thread became free, whichever is first. `None`: only an event can change the answer.
    Pending(Option<u64>),
    /// Nothing, ever again.
    Done,
}

/// A source of operations.
pub trait Generator: Send {
    /// What comes next. Asked again with another context until it emits, waits or ends; an
    /// operation that is returned counts as invoked.
    fn next(&mut self, ctx: &mut Context<'_>) -> Next;

    /// Told of each invocation and completion in the order of the history.
    fn update(&mut self, _thread: Thread, _event: &Event) {}
}

impl<G: Generator + ?Sized> Generator for Box<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        (**self).next(ctx)
    }
    fn update(&mut self, thread: Thread, event: &Event) {
        (**self).update(thread, event);
    }
}
