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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::GeneratorExt;
    use super::super::testing::{calls, count};
    use super::*;

    #[test]
    fn map_changes_operations() {
        let generator = count("a").map(|op| Op::new("b", op.value)).limit(2);
        assert_eq!(calls(1, generator), ["0ms 0 b 1", "10ms 0 b 2"]);
    }

    #[test]
    fn filter_leaves_out_and_counts_what_it_leaves_out() {
        let even = |op: &Op| op.value.as_int().is_some_and(|n| n % 2 == 0);
        assert_eq!(calls(1, count("a").filter(even).limit(2)), ["0ms 0 a 2", "10ms 0 a 4"]);
        assert_eq!(calls(1, count("a").limit(2).filter(even)), ["0ms 0 a 2"]);
    }

    #[test]
    fn a_filter_that_keeps_nothing_does_not_hang() {
        let generator = count("a").filter(|_| false).time_limit(Duration::from_millis(5));
        assert_eq!(calls(1, generator.then(count("b").once())), ["5ms 0 b 1"]);
    }

    #[test]
    fn inspect_shows_what_goes_by() {
        let (send, seen) = std::sync::mpsc::channel();
        let generator = count("a").inspect(move |time, thread, op| {
            send.send(format!("{time} {thread:?} {}", op.value)).unwrap();
        });
        assert_eq!(calls(2, generator.limit(2)).len(), 2);
        assert_eq!(seen.iter().collect::<Vec<_>>(), ["0 Client(0) 1", "0 Client(1) 2"]);
    }
}
