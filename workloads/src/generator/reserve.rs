//! Threads set apart for generators of their own.

use checkers::Event;

use super::by_thread::ByThread;
use super::{Context, Generator, Next, Thread, earlier};

/// The first `n` client threads for the first generator, the next for the second and so on; the
/// others, and the nemesis where it is not excluded, for `rest`. Done when all are.
///
/// Whoever has the longest idle thread is asked first, so that under a common pace each gets a
/// share by the number of its threads. A generator that is left without any thread is passed over
/// as done.
pub fn reserve<G: Generator>(reserved: Vec<(u32, G)>, rest: G) -> Reserve<G> {
    let mut groups = Vec::with_capacity(reserved.len() + 1);
    let mut sizes = Vec::with_capacity(reserved.len());
    for (size, generator) in reserved {
        sizes.push(size);
        groups.push(Group::new(generator));
    }
    groups.push(Group::new(rest));
    Reserve { sizes, groups, group_of: None, order: Vec::new() }
}

#[derive(Clone, Debug)]
struct Group<G> {
    generator: Option<G>,
    threads: Vec<Thread>,
    /// Which of them are free in this ask.
    free: Vec<Thread>,
}

impl<G> Group<G> {
    fn new(generator: G) -> Self {
        Group { generator: Some(generator), threads: Vec::new(), free: Vec::new() }
    }
}

/// See [`reserve`].
#[derive(Clone, Debug)]
pub struct Reserve<G> {
    sizes: Vec<u32>,
    groups: Vec<Group<G>>,
    /// Dealt out at the first ask.
    group_of: Option<ByThread<usize>>,
    /// In which order the groups are asked; kept to spare the allocation.
    order: Vec<usize>,
}

impl<G: Generator> Reserve<G> {
    fn deal_out(&mut self, threads: &[Thread]) -> ByThread<usize> {
        let rest = self.sizes.len();
        let mut group_of = ByThread::default();
        let mut places =
            self.sizes.iter().enumerate().flat_map(|(group, &size)| (0..size).map(move |_| group));
        for &thread in threads {
            let group = match thread {
                Thread::Client(_) => places.next().unwrap_or(rest),
                Thread::Nemesis => rest,
            };
            *group_of.entry(thread) = group;
            self.groups[group].threads.push(thread);
        }
        for group in &mut self.groups {
            if group.threads.is_empty() {
                group.generator = None;
            }
        }
        group_of
    }
}

impl<G: Generator> Generator for Reserve<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        let group_of = match self.group_of.take() {
            Some(group_of) => group_of,
            None => self.deal_out(ctx.threads),
        };
        self.order.clear();
        for group in &mut self.groups {
            group.free.clear();
        }
        for &thread in ctx.free {
            let index = group_of.get(thread).copied().unwrap_or(self.sizes.len());
            let free = &mut self.groups[index].free;
            if free.is_empty() {
                self.order.push(index);
            }
            free.push(thread);
        }
        self.group_of = Some(group_of);
        // The others cannot emit, but may say that they are done, or when to ask again.
        let busy = (0..self.groups.len()).filter(|index| self.groups[*index].free.is_empty());
        self.order.extend(busy);

        let mut wake = None;
        for &index in &self.order {
            let Group { generator, threads, free } = &mut self.groups[index];
            let Some(running) = generator else { continue };
            match running.next(&mut ctx.among(free, threads)) {
                Next::Invoke(thread, op) => return Next::Invoke(thread, op),
                Next::Pending(at) => wake = earlier(wake, at),
                Next::Done => *generator = None,
            }
        }
        match self.groups.iter().any(|group| group.generator.is_some()) {
            true => Next::Pending(wake),
            false => Next::Done,
        }
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        let group = self.group_of.as_ref().and_then(|group_of| group_of.get(thread));
        if let Some(generator) = group.and_then(|&index| self.groups[index].generator.as_mut()) {
            generator.update(thread, event);
        }
    }
}
