//! The combinators of one generator, as methods.

use std::time::Duration;

use super::adapt::{Filter, Inspect, Map};
use super::bound::{Limit, TimeLimit};
use super::on::On;
use super::pace::Paced;
use super::sequence::{Synchronize, Then};
use super::until::{UntilFailing, UntilOk};
use super::{Generator, Thread, nanoseconds};
use crate::client::Op;

/// What can be made of any generator. Read from left to right: what is applied later is outside.
pub trait GeneratorExt: Generator + Sized {
    /// At most so many operations.
    fn limit(self, operations: u64) -> Limit<Self> {
        Limit::new(self, operations)
    }

    /// One operation.
    fn once(self) -> Limit<Self> {
        self.limit(1)
    }

    /// Ends when this time has passed since it was first asked. What is outstanding then is not
    /// waited for.
    fn time_limit(self, duration: Duration) -> TimeLimit<Self> {
        TimeLimit::new(self, nanoseconds(duration))
    }

    /// Operations at random intervals, uniform from 0 to twice `mean`, over all threads together.
    /// See [`pace`](super::pace) for what happens when it falls behind.
    fn stagger(self, mean: Duration) -> Paced<Self> {
        Paced::stagger(self, mean)
    }

    /// Operations at this interval, over all threads together. See [`pace`](super::pace) for what
    /// happens when it falls behind.
    fn delay(self, interval: Duration) -> Paced<Self> {
        Paced::delay(self, interval)
    }

    /// And `next` when this is done. There is no barrier (Jepsen's `then` has one): say
    /// `.then(next.synchronize())` or [`phases`](super::phases) for that.
    fn then<B: Generator>(self, next: B) -> Then<Self, B> {
        Then::new(self, next)
    }

    /// Begins when all threads are idle.
    fn synchronize(self) -> Synchronize<Self> {
        Synchronize::new(self)
    }

    /// Ends when one of its own operations is `ok`. With several threads it goes on emitting
    /// until then; `.limit(n).until_ok()` bounds the tries.
    fn until_ok(self) -> UntilOk<Self> {
        UntilOk::new(self)
    }

    /// Ends when `limit` of its own operations in a row were not `ok`: gives up.
    fn until_failing(self, limit: u32) -> UntilFailing<Self> {
        UntilFailing::new(self, limit)
    }

    /// Each operation changed. Events are not changed back.
    fn map<F: FnMut(Op) -> Op + Send>(self, change: F) -> Map<Self, F> {
        Map::new(self, change)
    }

    /// Only the operations of which `keep` is true. For the generator beneath, one that is left
    /// out counts as invoked all the same. A filter that keeps nothing does not hang the caller:
    /// it pauses for a millisecond after 10,000 operations.
    fn filter<F: FnMut(&Op) -> bool + Send>(self, keep: F) -> Filter<Self, F> {
        Filter::new(self, keep)
    }

    /// Shows each operation, with its time and thread, to `look`.
    fn inspect<F: FnMut(u64, Thread, &Op) + Send>(self, look: F) -> Inspect<Self, F> {
        Inspect::new(self, look)
    }

    /// Only on the clients' threads.
    fn on_clients(self) -> On<Self> {
        On::clients(self)
    }

    /// Only on the nemesis' thread.
    fn on_nemesis(self) -> On<Self> {
        On::nemesis(self)
    }

    /// Only on the threads of which `these` is true; it must always say the same of a thread.
    fn on_threads(self, these: impl Fn(Thread) -> bool + Send + 'static) -> On<Self> {
        On::threads(self, these)
    }

    /// Of no particular type, so that it can stand in a list with others.
    fn boxed(self) -> Box<dyn Generator>
    where
        Self: 'static,
    {
        Box::new(self)
    }
}

impl<G: Generator> GeneratorExt for G {}
