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
    /// Kept, since a process that crashes later would seem to begin anew.
    done: bool,
}

impl<G: Generator> Each<G> {
    fn new(scope: Scope, make: Box<dyn FnMut(Thread, Process) -> G + Send>) -> Self {
        Each { scope, make, slots: ByThread::default(), done: false }
    }
}

impl<G: Generator> Generator for Each<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        if self.done {
            return Next::Done;
        }
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
        self.done = ctx.threads.iter().all(done);
        if self.done { Next::Done } else { Next::Pending(wake) }
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        if let Some(Slot::Running(of, generator)) = self.slots.get_mut(thread)
            && (self.scope == Scope::Thread || *of == event.process)
        {
            generator.update(thread, event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::simulate::{End, Response, Simulation};
    use super::super::testing::{calls, count, run};
    use super::super::{GeneratorExt, phases};
    use super::*;

    #[test]
    fn each_thread_has_its_own() {
        assert_eq!(
            calls(2, each_thread(|_| count("a").limit(2))),
            ["0ms 0 a 1", "0ms 1 a 1", "10ms 0 a 2", "10ms 1 a 2"]
        );
    }

    #[test]
    fn the_maker_is_told_the_thread() {
        let generator =
            each_thread(|thread| count("a").limit(if thread == Thread::Client(1) { 2 } else { 0 }));
        assert_eq!(calls(3, generator), ["0ms 1 a 1", "10ms 1 a 2"]);
    }

    #[test]
    fn a_crash_begins_anew_for_a_process_but_not_for_a_thread() {
        // The first operation of each thread times out.
        let respond = |call: &super::super::simulate::Call<'_>| match call.process.number() {
            Some(0 | 1) => Response::info_after_ms(10),
            _ => Response::ok_after_ms(10),
        };
        let mut of_thread = each_thread(|_| count("a").limit(2));
        let trace = Simulation::with_clients(2).run(&mut of_thread, |call, _| respond(call));
        assert_eq!(trace.calls(), ["0ms 0 a 1", "0ms 1 a 1", "10ms 2 a 2", "10ms 3 a 2"]);

        let mut of_process = each_process(|_| count("a").limit(2));
        let trace = Simulation::with_clients(2).run(&mut of_process, |call, _| respond(call));
        assert_eq!(
            trace.calls(),
            ["0ms 0 a 1", "0ms 1 a 1", "10ms 2 a 1", "10ms 3 a 1", "20ms 2 a 2", "20ms 3 a 2"]
        );
    }

    #[test]
    fn numbers_of_processes_grow_by_the_concurrency() {
        let mut generator = count("a").limit(7);
        let trace = Simulation::with_clients(3).run(&mut generator, |call, _| match call.thread {
            Thread::Client(1) => Response::info_after_ms(10),
            _ => Response::ok_after_ms(10),
        });
        let processes: Vec<_> = trace.invocations().filter_map(|event| event.process.number()).collect();
        assert_eq!(processes, [0, 1, 2, 0, 4, 2, 0]);
        assert!(trace.history().is_ok(), "no process speaks after its info");
    }

    #[test]
    fn a_barrier_after_it_waits_for_all_threads() {
        let each = each_thread(|_| count("a").until_ok()).boxed();
        let mut generator = phases(vec![each, count("b").once().boxed()]);
        let trace = Simulation::with_clients(2).run(&mut generator, |call, _| {
            match (call.thread, call.op.value.as_int()) {
                (Thread::Client(1), Some(1..=3)) => Response::fail_after_ms(10),
                _ => Response::ok_after_ms(10),
            }
        });
        assert_eq!(trace.calls().last().unwrap(), "40ms 0 b 1");
    }

    #[test]
    fn threads_that_wait_do_not_hold_up_others() {
        let generator = each_thread(|thread| match thread {
            Thread::Client(0) => count("slow").delay(Duration::from_millis(50)).limit(2).boxed(),
            _ => count("fast").limit(2).boxed(),
        });
        let trace = run(2, generator);
        assert_eq!(trace.calls(), ["0ms 0 slow 1", "0ms 1 fast 1", "10ms 1 fast 2", "50ms 0 slow 2"]);
        assert_eq!(trace.end, End::Done);
    }
}
