//! Restriction to some of the threads.

use checkers::Event;

use super::{Context, Generator, Next, Thread};

/// Which threads.
enum Among {
    Clients,
    Nemesis,
    Those(Box<dyn Fn(Thread) -> bool + Send>),
}

impl Among {
    fn contains(&self, thread: Thread) -> bool {
        match self {
            Among::Clients => thread != Thread::Nemesis,
            Among::Nemesis => thread == Thread::Nemesis,
            Among::Those(these) => these(thread),
        }
    }

    /// Those of `threads` that are among these, in the same order; copied to `copy` only where
    /// they are not a part of the slice as they stand.
    fn select<'a>(&self, threads: &'a [Thread], copy: &'a mut Vec<Thread>) -> &'a [Thread] {
        let nemesis = || threads.iter().position(|thread| *thread == Thread::Nemesis);
        match (self, threads) {
            // The nemesis rests for seconds between faults, so it is usually idle longest.
            (Among::Clients, [Thread::Nemesis, clients @ ..]) => return clients,
            (Among::Clients, [clients @ .., Thread::Nemesis]) => return clients,
            (Among::Clients, _) if nemesis().is_none() => return threads,
            (Among::Nemesis, _) => {
                return if nemesis().is_some() { &[Thread::Nemesis] } else { &[] };
            }
            _ => {}
        }
        copy.clear();
        copy.extend(threads.iter().copied().filter(|thread| self.contains(*thread)));
        copy
    }
}

/// See [`on_clients`](super::GeneratorExt::on_clients),
/// [`on_nemesis`](super::GeneratorExt::on_nemesis) and
/// [`on_threads`](super::GeneratorExt::on_threads).
pub struct On<G> {
    generator: G,
    among: Among,
    threads: Option<Vec<Thread>>,
    /// Kept to spare the allocation.
    free: Vec<Thread>,
}

impl<G: Generator> On<G> {
    fn new(generator: G, among: Among) -> Self {
        On { generator, among, threads: None, free: Vec::new() }
    }

    pub(super) fn clients(generator: G) -> Self {
        Self::new(generator, Among::Clients)
    }

    pub(super) fn nemesis(generator: G) -> Self {
        Self::new(generator, Among::Nemesis)
    }

    pub(super) fn threads(generator: G, these: impl Fn(Thread) -> bool + Send + 'static) -> Self {
        Self::new(generator, Among::Those(Box::new(these)))
    }
}

impl<G: Generator> Generator for On<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        let among = &self.among;
        let threads = self.threads.get_or_insert_with(|| {
            ctx.threads.iter().copied().filter(|thread| among.contains(*thread)).collect()
        });
        let free = among.select(ctx.free, &mut self.free);
        self.generator.next(&mut ctx.among(free, threads))
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        if self.among.contains(thread) {
            self.generator.update(thread, event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::simulate::{Response, Simulation};
    use super::super::testing::{calls, count, count_to};
    use super::super::{GeneratorExt, any};
    use super::*;

    #[test]
    fn clients_and_nemesis_each_keep_to_their_threads() {
        let load = count("a").delay(Duration::from_millis(10)).limit(4).on_clients().boxed();
        let faults = count("kill").delay(Duration::from_millis(15)).limit(2).on_nemesis().boxed();
        let simulation = Simulation { nemesis: true, ..Simulation::with_clients(2) };
        let trace = simulation.run(&mut any(vec![faults, load]), |_, _| Response::ok_after_ms(5));
        assert_eq!(
            trace.timeline(),
            [
                "0ms nemesis info kill 1",
                "0ms 0 invoke a 1",
                "5ms nemesis info kill 1",
                "5ms 0 ok a 1",
                "10ms 1 invoke a 2",
                "15ms 1 ok a 2",
                "15ms nemesis info kill 2",
                "20ms nemesis info kill 2",
                "20ms 0 invoke a 3",
                "25ms 0 ok a 3",
                "30ms 1 invoke a 4",
                "35ms 1 ok a 4",
            ]
        );
    }

    #[test]
    fn any_threads_can_be_chosen() {
        let odd = |thread| matches!(thread, Thread::Client(n) if n % 2 == 1);
        assert_eq!(calls(4, count("a").on_threads(odd).limit(3)), ["0ms 1 a 1", "0ms 3 a 2", "10ms 1 a 3"]);
    }

    #[test]
    fn a_barrier_within_sees_only_its_threads() {
        let first = |thread| thread == Thread::Client(0);
        let within = super::super::phases(vec![count_to("a", 1), count_to("b", 1)]).on_threads(first).boxed();
        let mut generator =
            any(vec![count_to("hang", 1).on_threads(|t| t == Thread::Client(1)).boxed(), within]);
        let trace = Simulation::with_clients(2).run(&mut generator, |call, _| {
            Response::ok_after_ms(if call.op.f == "hang" { 1_000 } else { 10 })
        });
        assert_eq!(trace.calls(), ["0ms 1 hang 1", "0ms 0 a 1", "10ms 0 b 1"]);
    }

    #[test]
    fn selection_keeps_the_order_wherever_the_nemesis_stands() {
        let (a, b, n) = (Thread::Client(1), Thread::Client(0), Thread::Nemesis);
        for free in [vec![n, a, b], vec![a, n, b], vec![a, b, n], vec![a, b]] {
            let mut copy = Vec::new();
            assert_eq!(Among::Clients.select(&free, &mut copy), [a, b]);
            let nemesis: &[Thread] = if free.contains(&n) { &[n] } else { &[] };
            assert_eq!(Among::Nemesis.select(&free, &mut copy), nemesis);
            let one = Among::Those(Box::new(move |thread| thread == b));
            assert_eq!(one.select(&free, &mut copy), [b]);
        }
    }
}
