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
