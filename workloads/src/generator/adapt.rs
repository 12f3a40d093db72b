//! Operations changed, left out, or looked at on their way.

use checkers::Event;

use super::{Context, Generator, Next, Thread};
use crate::client::Op;

/// See [`map`](super::GeneratorExt::map).
#[derive(Clone, Debug)]
pub struct Map<G, F> {
    generator: G,
    change: F,
}

impl<G, F> Map<G, F> {
    pub(super) fn new(generator: G, change: F) -> Self {
        Map { generator, change }
    }
}

impl<G: Generator, F: FnMut(Op) -> Op + Send> Generator for Map<G, F> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        match self.generator.next(ctx) {
            Next::Invoke(thread, op) => Next::Invoke(thread, (self.change)(op)),
            next => next,
        }
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        self.generator.update(thread, event);
    }
}

/// How many operations in a row a filter drops before it lets the caller go on.
const MAX_DROPS: u32 = 10_000;
/// How long it then waits, in nanoseconds.
const DROP_PAUSE: u64 = 1_000_000;

/// See [`filter`](super::GeneratorExt::filter).
#[derive(Clone, Debug)]
pub struct Filter<G, F> {
    generator: G,
    keep: F,
}

impl<G, F> Filter<G, F> {
    pub(super) fn new(generator: G, keep: F) -> Self {
        Filter { generator, keep }
    }
}

impl<G: Generator, F: FnMut(&Op) -> bool + Send> Generator for Filter<G, F> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        for _ in 0..MAX_DROPS {
            match self.generator.next(ctx) {
                Next::Invoke(_, op) if !(self.keep)(&op) => {}
                next => return next,
            }
        }
        Next::Pending(Some(ctx.time.saturating_add(DROP_PAUSE)))
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        self.generator.update(thread, event);
    }
}

/// See [`inspect`](super::GeneratorExt::inspect).
#[derive(Clone, Debug)]
pub struct Inspect<G, F> {
    generator: G,
    look: F,
}

impl<G, F> Inspect<G, F> {
    pub(super) fn new(generator: G, look: F) -> Self {
        Inspect { generator, look }
    }
}

impl<G: Generator, F: FnMut(u64, Thread, &Op) + Send> Generator for Inspect<G, F> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        let next = self.generator.next(ctx);
        if let Next::Invoke(thread, op) = &next {
            (self.look)(ctx.time, *thread, op);
        }
        next
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        self.generator.update(thread, event);
    }
}
