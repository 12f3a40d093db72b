//! After the faults: does the system serve again?

use std::collections::BTreeSet;

use checkers::{Event, EventType};
use workloads::{Context, Generator, Next, Thread};

/// Passes a workload's operations through until every client thread has had an `ok`.
///
/// Each thread must, because each is at home on some node: one node that serves does not make a
/// system that serves.
pub struct UntilServing<G> {
    load: G,
    waiting: BTreeSet<Thread>,
    asked: BTreeSet<Thread>,
    served_at: Option<u64>,
}

impl<G: Generator> UntilServing<G> {
    /// Watches `threads` clients under this load.
    pub fn new(load: G, threads: u32) -> Self {
        UntilServing {
            load,
            waiting: (0..threads).map(Thread::Client).collect(),
            asked: BTreeSet::new(),
            served_at: None,
        }
    }

    /// When the last of the threads was served, ns since the run began; `None` if one was not.
    pub fn served_at(&self) -> Option<u64> {
        self.served_at
    }

    /// How many threads tried something and have not been served.
    pub fn refused(&self) -> usize {
        self.waiting.intersection(&self.asked).count()
    }

    /// How many threads had nothing to try: of those nothing is known.
    pub fn never_asked(&self) -> usize {
        self.waiting.difference(&self.asked).count()
    }
}

impl<G: Generator> Generator for UntilServing<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        if self.served_at.is_some() { Next::Done } else { self.load.next(ctx) }
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        self.load.update(thread, event);
        self.asked.insert(thread);
        if event.event_type == EventType::Ok && self.waiting.remove(&thread) && self.waiting.is_empty() {
            self.served_at = Some(event.time);
        }
    }
}
