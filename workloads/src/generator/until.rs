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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::simulate::{Response, Simulation};
    use super::super::testing::count;
    use super::super::{GeneratorExt, any};

    /// Ok from the third operation on.
    fn third_time(call: &super::super::simulate::Call<'_>) -> Response {
        match call.op.value.as_int() {
            Some(1) => Response::fail_after_ms(10),
            Some(2) => Response::info_after_ms(10),
            _ => Response::ok_after_ms(10),
        }
    }

    #[test]
    fn until_ok_goes_on_through_fail_and_info() {
        let trace =
            Simulation::with_clients(1).run(&mut count("read").until_ok(), |call, _| third_time(call));
        assert_eq!(trace.calls(), ["0ms 0 read 1", "10ms 0 read 2", "20ms 1 read 3"]);
    }

    #[test]
    fn until_ok_with_a_limit_gives_up() {
        let mut generator = count("read").limit(2).until_ok();
        let trace = Simulation::with_clients(1).run(&mut generator, |call, _| third_time(call));
        assert_eq!(trace.calls(), ["0ms 0 read 1", "10ms 0 read 2"]);
    }

    #[test]
    fn until_ok_is_not_ended_by_an_ok_of_somebody_else() {
        let tries = count("try").delay(Duration::from_millis(30)).until_ok().limit(3).boxed();
        let others =
            count("other").delay(Duration::from_millis(1)).time_limit(Duration::from_millis(90)).boxed();
        let trace = Simulation::with_clients(2).run(&mut any(vec![tries, others]), |call, _| {
            if call.op.f == "try" { Response::fail_after_ms(1) } else { Response::ok_after_ms(1) }
        });
        assert_eq!(super::super::testing::number_of(&trace, "try"), 3);
    }

    #[test]
    fn until_failing_counts_only_failures_in_a_row() {
        let mut generator = count("read").until_failing(2);
        let trace = Simulation::with_clients(1).run(&mut generator, |call, _| match call.op.value.as_int() {
            Some(1 | 3 | 4) => Response::fail_after_ms(10),
            _ => Response::ok_after_ms(10),
        });
        assert_eq!(trace.calls(), ["0ms 0 read 1", "10ms 0 read 2", "20ms 0 read 3", "30ms 0 read 4"]);
    }
}
