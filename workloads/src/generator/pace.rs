//! When: operations at a global rate, whatever the number of threads.
//!
//! Both paces keep a *timetable*, which begins at the first ask: an operation is due one gap after
//! the one before **was due**, not after it was emitted. Lateness of the caller therefore does
//! not add up, and the rate holds over any length of time.
//!
//! The rule for falling behind (no thread was free, or the generator beneath waited): the
//! timetable lags at most [`CATCH_UP`]; operations that were due longer ago are forgone. So after
//! an outage of any length, what comes at once is at most what was due in the last 100 ms.

use std::time::Duration;

use checkers::Event;
use rand::Rng;

use super::{Context, Generator, Next, Thread, earlier, nanoseconds};

/// How far a timetable may lag behind the clock; see the module.
pub const CATCH_UP: Duration = Duration::from_millis(100);

/// The mean interval between operations at this rate: `.stagger(per_second(1_000.0))`.
///
/// A rate that is not above zero never comes to its second operation.
pub fn per_second(rate: f64) -> Duration {
    Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX)
}

/// How long until the next operation is due, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gap {
    /// Always this.
    Fixed(u64),
    /// Uniform from 0 to twice this, as Jepsen's `stagger`: irregular enough to meet races, and
    /// without the long silences of an exponential.
    UniformAround(u64),
}

/// See [`stagger`](super::GeneratorExt::stagger) and [`delay`](super::GeneratorExt::delay).
#[derive(Clone, Debug)]
pub struct Paced<G> {
    generator: G,
    gap: Gap,
    due: Option<u64>,
}

impl<G: Generator> Paced<G> {
    pub(super) fn stagger(generator: G, mean: Duration) -> Self {
        Paced { generator, gap: Gap::UniformAround(nanoseconds(mean)), due: None }
    }

    pub(super) fn delay(generator: G, interval: Duration) -> Self {
        Paced { generator, gap: Gap::Fixed(nanoseconds(interval)), due: None }
    }
}

impl<G: Generator> Generator for Paced<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        let due = *self.due.get_or_insert(ctx.time);
        if ctx.time < due {
            // The end must not wait for an operation that will never be.
            return match self.generator.next(&mut ctx.with_nobody_free()) {
                Next::Done => Next::Done,
                Next::Pending(at) => Next::Pending(earlier(at, Some(due))),
                Next::Invoke(..) => unreachable!("a generator emitted although no thread is free"),
            };
        }
        let next = self.generator.next(ctx);
        if let Next::Invoke(..) = next {
            let gap = match self.gap {
                Gap::Fixed(interval) => interval,
                Gap::UniformAround(mean) => ctx.rng.random_range(0..=mean.saturating_mul(2)),
            };
            let oldest = ctx.time.saturating_sub(nanoseconds(CATCH_UP));
            self.due = Some(due.max(oldest).saturating_add(gap));
        }
        next
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        self.generator.update(thread, event);
    }
}
