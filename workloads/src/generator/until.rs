//! Ends that depend on what came back.

use checkers::{Event, EventType};

use super::by_thread::Outstanding;
use super::{Context, Generator, Next, Thread};

/// Until one of its own operations is `ok`. See [`until_ok`](super::GeneratorExt::until_ok).
#[derive(Clone, Debug)]
pub struct UntilOk<G> {
    generator: G,
    outstanding: Outstanding,
    done: bool,
}

impl<G: Generator> UntilOk<G> {
    pub(super) fn new(generator: G) -> Self {
        UntilOk { generator, outstanding: Outstanding::default(), done: false }
    }
}

impl<G: Generator> Generator for UntilOk<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        if self.done {
            return Next::Done;
        }
        let next = self.generator.next(ctx);
        if let Next::Invoke(thread, _) = next {
            self.outstanding.emitted(thread);
        }
        next
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        if self.outstanding.completes(thread, event) && event.event_type == EventType::Ok {
            self.done = true;
        }
        self.generator.update(thread, event);
    }
}

/// Until so many of its own operations in a row were not `ok`. See
/// [`until_failing`](super::GeneratorExt::until_failing).
#[derive(Clone, Debug)]
pub struct UntilFailing<G> {
    generator: G,
    outstanding: Outstanding,
    limit: u32,
    in_a_row: u32,
}

impl<G: Generator> UntilFailing<G> {
    pub(super) fn new(generator: G, limit: u32) -> Self {
        UntilFailing { generator, outstanding: Outstanding::default(), limit, in_a_row: 0 }
    }
}

impl<G: Generator> Generator for UntilFailing<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        if self.in_a_row >= self.limit {
            return Next::Done;
        }
        let next = self.generator.next(ctx);
        if let Next::Invoke(thread, _) = next {
            self.outstanding.emitted(thread);
        }
        next
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        // Once the limit is reached, a late `ok` of another thread must not begin it anew.
        if self.outstanding.completes(thread, event) && self.in_a_row < self.limit {
            self.in_a_row = if event.event_type == EventType::Ok { 0 } else { self.in_a_row + 1 };
        }
        self.generator.update(thread, event);
    }
}
