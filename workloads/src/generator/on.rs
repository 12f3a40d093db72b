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
