//! One generator after the other.

use checkers::Event;

use super::{Context, Generator, Next, Thread};

/// Each of these until it is done, without waiting for its operations to complete.
pub fn concat<G: Generator>(generators: Vec<G>) -> Concat<G> {
    let mut rest = generators;
    rest.reverse();
    Concat { current: rest.pop(), rest }
}

/// See [`concat()`].
#[derive(Clone, Debug)]
pub struct Concat<G> {
    current: Option<G>,
    /// Those to come, the next one last.
    rest: Vec<G>,
}

impl<G: Generator> Generator for Concat<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        while let Some(current) = &mut self.current {
            match current.next(ctx) {
                Next::Done => self.current = self.rest.pop(),
                next => return next,
            }
        }
        Next::Done
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        if let Some(current) = &mut self.current {
            current.update(thread, event);
        }
    }
}

/// One generator, and another when it is done. See [`then`](super::GeneratorExt::then).
#[derive(Clone, Debug)]
pub struct Then<A, B> {
    first: Option<A>,
    second: B,
}

impl<A: Generator, B: Generator> Then<A, B> {
    pub(super) fn new(first: A, second: B) -> Self {
        Then { first: Some(first), second }
    }
}

impl<A: Generator, B: Generator> Generator for Then<A, B> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        if let Some(first) = &mut self.first {
            match first.next(ctx) {
                Next::Done => self.first = None,
                next => return next,
            }
        }
        self.second.next(ctx)
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        match &mut self.first {
            Some(first) => first.update(thread, event),
            None => self.second.update(thread, event),
        }
    }
}

/// Each of these until it is done, with a barrier between: a phase begins when all threads are
/// idle, that is when every operation of the phase before has completed.
pub fn phases<G: Generator>(generators: Vec<G>) -> Concat<Synchronize<G>> {
    concat(
        generators
            .into_iter()
            .enumerate()
            .map(|(index, generator)| Synchronize { generator, begun: index == 0 })
            .collect(),
    )
}

/// Waits for all threads to be idle before it begins. See
/// [`synchronize`](super::GeneratorExt::synchronize).
#[derive(Clone, Debug)]
pub struct Synchronize<G> {
    generator: G,
    begun: bool,
}

impl<G: Generator> Synchronize<G> {
    pub(super) fn new(generator: G) -> Self {
        Synchronize { generator, begun: false }
    }
}

impl<G: Generator> Generator for Synchronize<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        if !self.begun {
            if ctx.free.len() < ctx.threads.len() {
                return Next::Pending(None);
            }
            self.begun = true;
        }
        self.generator.next(ctx)
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        if self.begun {
            self.generator.update(thread, event);
        }
    }
}

/// A generator made by `make`, another when that is done, and so on for ever.
///
/// One that is done at its first ask ends the cycle: it would be so for ever.
pub fn cycle<G, F>(make: F) -> Cycle<G, F>
where
    G: Generator,
    F: FnMut() -> G + Send,
{
    Cycle { make, current: None, left: None }
}

/// See [`cycle`].
#[derive(Clone, Debug)]
pub struct Cycle<G, F> {
    make: F,
    current: Option<G>,
    /// How many more may be made, if that is bounded.
    left: Option<u64>,
}

impl<G, F> Cycle<G, F> {
    /// Only this many rounds.
    #[must_use]
    pub fn times(mut self, rounds: u64) -> Self {
        self.left = Some(rounds);
        self
    }
}

impl<G, F> Generator for Cycle<G, F>
where
    G: Generator,
    F: FnMut() -> G + Send,
{
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        if let Some(current) = &mut self.current {
            match current.next(ctx) {
                Next::Done => self.current = None,
                next => return next,
            }
        }
        match &mut self.left {
            Some(0) => return Next::Done,
            Some(left) => *left -= 1,
            None => {}
        }
        match self.current.insert((self.make)()).next(ctx) {
            Next::Done => {
                self.current = None;
                self.left = Some(0);
                Next::Done
            }
            next => next,
        }
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        if let Some(current) = &mut self.current {
            current.update(thread, event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::simulate::{End, Response, Simulation};
    use super::super::testing::{calls, count, count_to, run};
    use super::super::{GeneratorExt, nothing, ops, repeat};
    use super::*;
    use crate::client::Op;

    #[test]
    fn concat_does_not_wait_for_completions() {
        let generator = concat(vec![count_to("a", 1), nothing().boxed(), count_to("b", 2)]);
        assert_eq!(calls(2, generator), ["0ms 0 a 1", "0ms 1 b 1", "10ms 0 b 2"]);
        assert_eq!(calls(2, count_to("a", 1).then(count_to("b", 1))), ["0ms 0 a 1", "0ms 1 b 1"]);
    }

    #[test]
    fn a_phase_waits_for_the_slowest_operation_of_the_one_before() {
        let mut generator = phases(vec![count_to("a", 3), count_to("b", 2), count_to("c", 1)]);
        let trace = Simulation::with_clients(2).run(&mut generator, |call, _| {
            Response::ok_after_ms(if call.op == &Op::new("a", 2) { 100 } else { 10 })
        });
        assert_eq!(
            trace.calls(),
            ["0ms 0 a 1", "0ms 1 a 2", "10ms 0 a 3", "100ms 0 b 1", "100ms 1 b 2", "110ms 0 c 1"]
        );
        assert_eq!(trace.end, End::Done);
    }

    #[test]
    fn a_barrier_opens_after_crashes_too() {
        let mut generator = phases(vec![count_to("a", 2), count_to("b", 2)]);
        let trace = Simulation::with_clients(2).run(&mut generator, |_, _| Response::info_after_ms(10));
        assert_eq!(trace.calls(), ["0ms 0 a 1", "0ms 1 a 2", "10ms 2 b 1", "10ms 3 b 2"]);
    }

    #[test]
    fn a_barrier_among_clients_does_not_wait_for_the_nemesis() {
        let clients = phases(vec![count_to("a", 1), count_to("b", 1)]).on_clients().boxed();
        let nemesis = ops([Op::new("kill", "n1")]).on_nemesis().boxed();
        let simulation = Simulation { nemesis: true, ..Simulation::with_clients(2) };
        let trace = simulation.run(&mut super::super::any(vec![clients, nemesis]), |call, _| {
            Response::ok_after_ms(if call.op.f == "kill" { 500 } else { 10 })
        });
        assert_eq!(trace.calls(), ["0ms 0 a 1", "10ms 1 b 1"]);
        assert_eq!(trace.time, 500_000_000);
    }

    #[test]
    fn a_time_limit_of_a_phase_is_counted_from_its_beginning() {
        let phase =
            |name| count(name).delay(Duration::from_millis(10)).time_limit(Duration::from_millis(25)).boxed();
        assert_eq!(
            calls(1, phases(vec![phase("a"), phase("b")])),
            ["0ms 0 a 1", "10ms 0 a 2", "20ms 0 a 3", "30ms 0 b 1", "40ms 0 b 2", "50ms 0 b 3"]
        );
    }

    #[test]
    fn a_cycle_begins_anew() {
        let generator = cycle(|| ops([Op::new("w", 1), Op::new("w", 2)])).limit(5);
        assert_eq!(
            calls(1, generator),
            ["0ms 0 w 1", "10ms 0 w 2", "20ms 0 w 1", "30ms 0 w 2", "40ms 0 w 1"]
        );
        assert_eq!(calls(1, cycle(|| repeat(Op::new("w", 1)).once()).times(2)), ["0ms 0 w 1", "10ms 0 w 1"]);
    }

    #[test]
    fn a_cycle_of_nothing_ends() {
        assert_eq!(run(1, cycle(nothing)).end, End::Done);
    }
}
