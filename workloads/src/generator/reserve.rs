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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::simulate::{End, Response, Simulation};
    use super::super::testing::{calls, count, count_to, number_of, run};
    use super::super::{GeneratorExt, ops};
    use super::*;
    use crate::client::Op;

    #[test]
    fn each_generator_has_its_threads() {
        let generator = reserve(vec![(2, count_to("a", 3)), (1, count_to("b", 2))], count_to("c", 4));
        assert_eq!(
            calls(5, generator),
            [
                "0ms 0 a 1",
                "0ms 1 a 2",
                "0ms 2 b 1",
                "0ms 3 c 1",
                "0ms 4 c 2",
                "10ms 0 a 3",
                "10ms 2 b 2",
                "10ms 3 c 3",
                "10ms 4 c 4",
            ]
        );
    }

    #[test]
    fn slow_threads_of_one_do_not_slow_the_other() {
        let mut generator = reserve(vec![(3, count("slow").boxed())], count("fast").boxed())
            .time_limit(Duration::from_secs(1));
        let trace = Simulation::with_clients(5)
            .run(&mut generator, |call, _| Response::ok_after_ms(if call.op.f == "slow" { 500 } else { 10 }));
        assert_eq!((number_of(&trace, "slow"), number_of(&trace, "fast")), (6, 200));
    }

    #[test]
    fn under_a_common_pace_shares_go_by_threads() {
        let generator = reserve(vec![(3, count("a").boxed())], count("b").boxed());
        let trace = run(4, generator.stagger(Duration::from_millis(20)).limit(1_000));
        assert_eq!((number_of(&trace, "a"), number_of(&trace, "b")), (750, 250));
    }

    #[test]
    fn a_generator_without_threads_is_passed_over() {
        let trace = run(2, reserve(vec![(2, count_to("a", 2)), (3, count_to("b", 1))], count_to("c", 1)));
        assert_eq!((trace.calls(), trace.end), (vec!["0ms 0 a 1".into(), "0ms 1 a 2".into()], End::Done));
    }

    #[test]
    fn updates_go_to_the_owner_of_the_thread() {
        let tries = |name| count(name).until_ok().boxed();
        let mut generator = reserve(vec![(1, tries("a"))], tries("b"));
        let trace = Simulation::with_clients(2).run(&mut generator, |call, _| {
            match call.op.f == "a" || call.op == &Op::new("b", 3) {
                true => Response::ok_after_ms(10),
                false => Response::fail_after_ms(10),
            }
        });
        assert_eq!(trace.calls(), ["0ms 0 a 1", "0ms 1 b 1", "10ms 1 b 2", "20ms 1 b 3"]);
    }

    #[test]
    fn the_nemesis_belongs_to_the_rest() {
        let generator = reserve(vec![(1, count_to("a", 1))], ops([Op::new("kill", 1)]).boxed());
        let simulation = Simulation { nemesis: true, ..Simulation::with_clients(1) };
        let trace = simulation.run(&mut { generator }, |_, _| Response::ok_after_ms(1));
        assert_eq!(trace.timeline()[..2], ["0ms 0 invoke a 1", "0ms nemesis info kill 1"]);
    }
}
