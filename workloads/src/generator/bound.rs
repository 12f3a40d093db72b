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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::simulate::End;
    use super::super::testing::{calls, count, run};
    use super::super::{GeneratorExt, nothing, sleep};

    #[test]
    fn limit_counts_operations_of_all_threads() {
        assert_eq!(calls(2, count("a").limit(3)), ["0ms 0 a 1", "0ms 1 a 2", "10ms 0 a 3"]);
        assert_eq!(calls(2, count("a").once()), ["0ms 0 a 1"]);
        assert_eq!(run(1, count("a").limit(0)).end, End::Done);
    }

    #[test]
    fn a_time_limit_counts_from_the_first_ask() {
        let late = sleep(Duration::from_millis(50)).then(count("a").time_limit(Duration::from_millis(20)));
        assert_eq!(calls(1, late), ["50ms 0 a 1", "60ms 0 a 2"]);
    }

    #[test]
    fn a_time_limit_ends_on_the_dot_though_its_generator_waits() {
        let waits = sleep(Duration::from_secs(100)).time_limit(Duration::from_millis(30));
        assert_eq!(calls(1, waits.then(count("a").once())), ["30ms 0 a 1"]);
        let waits_for_an_event = nothing().synchronize().time_limit(Duration::from_millis(3));
        assert_eq!(run(1, waits_for_an_event).end, End::Done);
    }
}
