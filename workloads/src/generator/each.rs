//! A generator of its own for each thread or process.

use checkers::{Event, Process};

use super::by_thread::ByThread;
use super::{Context, Generator, Next, Thread, earlier};

/// A generator made by `make` for each thread, which alone uses it; it stays with the thread when
/// a process crashes. Done when all are.
///
/// An ask costs a step for each free thread whose generator waits.
pub fn each_thread<G, F>(mut make: F) -> Each<G>
where
    G: Generator,
    F: FnMut(Thread) -> G + Send + 'static,
{
    Each::new(Scope::Thread, Box::new(move |thread, _| make(thread)))
}

/// A generator made by `make` for each process: as [`each_thread`], but a process that follows a
/// crashed one begins anew. Done when those of all present processes are.
pub fn each_process<G, F>(mut make: F) -> Each<G>
where
    G: Generator,
    F: FnMut(Process) -> G + Send + 'static,
{
    Each::new(Scope::Process, Box::new(move |_, process| make(process)))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    Thread,
    Process,
}

#[derive(Clone, Debug, Default)]
enum Slot<G> {
    #[default]
    Empty,
    Running(Process, G),
    Done(Process),
}

/// See [`each_thread`] and [`each_process`].
pub struct Each<G> {
    scope: Scope,
    make: Box<dyn FnMut(Thread, Process) -> G + Send>,
    slots: ByThread<Slot<G>>,
}

impl<G: Generator> Each<G> {
    fn new(scope: Scope, make: Box<dyn FnMut(Thread, Process) -> G + Send>) -> Self {
        Each { scope, make, slots: ByThread::default() }
    }
}

impl<G: Generator> Generator for Each<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        let mut wake = None;
        for &thread in ctx.free {
            let process = (ctx.process_of)(thread);
            let slot = self.slots.entry(thread);
            let fresh = match slot {
                Slot::Empty => true,
                Slot::Running(of, _) | Slot::Done(of) => self.scope == Scope::Process && *of != process,
            };
            if fresh {
                *slot = Slot::Running(process, (self.make)(thread, process));
            }
            let Slot::Running(_, generator) = slot else { continue };
            match generator.next(&mut ctx.among(&[thread], &[thread])) {
                Next::Invoke(thread, op) => return Next::Invoke(thread, op),
                Next::Pending(at) => wake = earlier(wake, at),
                Next::Done => *slot = Slot::Done(process),
            }
        }
        // A generator is only found done while its thread is idle: no operation of it is open.
        let done = |thread: &Thread| match self.slots.get(*thread) {
            Some(Slot::Done(of)) => self.scope == Scope::Thread || *of == (ctx.process_of)(*thread),
            _ => false,
        };
        if ctx.threads.iter().all(done) { Next::Done } else { Next::Pending(wake) }
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        if let Some(Slot::Running(of, generator)) = self.slots.get_mut(thread)
            && (self.scope == Scope::Thread || *of == event.process)
        {
            generator.update(thread, event);
        }
    }
}
