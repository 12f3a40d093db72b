//! Ends by number and by time.

use checkers::Event;

use super::{Context, Generator, Next, Thread, earlier};

/// At most so many operations. See [`limit`](super::GeneratorExt::limit).
#[derive(Clone, Debug)]
pub struct Limit<G> {
    generator: G,
    left: u64,
}

impl<G: Generator> Limit<G> {
    pub(super) fn new(generator: G, operations: u64) -> Self {
        Limit { generator, left: operations }
    }
}

impl<G: Generator> Generator for Limit<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        if self.left == 0 {
            return Next::Done;
        }
        let next = self.generator.next(ctx);
        if let Next::Invoke(..) = next {
            self.left -= 1;
        }
        next
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        self.generator.update(thread, event);
    }
}

/// Ends at a time. See [`time_limit`](super::GeneratorExt::time_limit).
#[derive(Clone, Debug)]
pub struct TimeLimit<G> {
    generator: G,
    duration: u64,
    end: Option<u64>,
}

impl<G: Generator> TimeLimit<G> {
    pub(super) fn new(generator: G, nanoseconds: u64) -> Self {
        TimeLimit { generator, duration: nanoseconds, end: None }
    }
}

impl<G: Generator> Generator for TimeLimit<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        let end = *self.end.get_or_insert(ctx.time.saturating_add(self.duration));
        if ctx.time >= end {
            return Next::Done;
        }
        match self.generator.next(ctx) {
            // Whoever waits for the end must be told when it comes.
            Next::Pending(at) => Next::Pending(earlier(at, Some(end))),
            next => next,
        }
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        self.generator.update(thread, event);
    }
}
