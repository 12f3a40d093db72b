//! A workload: its operations, its generator, and the checkers that its history goes to.

use checkers::Checker;

use crate::generator::{Generator, Thread};

/// What a workload is told of the run.
#[derive(Clone, Debug)]
pub struct WorkloadOptions {
    /// Number of client threads.
    pub concurrency: u32,
    /// Number of nodes. The client thread `t` speaks to node `t` mod `nodes`.
    pub nodes: u32,
}

impl WorkloadOptions {
    /// Which threads are the first to speak to their node: enough to ask every node once.
    pub fn one_thread_per_node(&self) -> impl Fn(Thread) -> bool + Send + 'static {
        let nodes = self.nodes.max(1);
        move |thread| matches!(thread, Thread::Client(number) if number < nodes)
    }
}

/// A kind of load with the promise that it puts to the test.
pub trait Workload: Send + Sync {
    /// The name by which it is chosen: `register`.
    fn name(&self) -> &'static str;

    /// One sentence for `stormglass list workloads`.
    fn summary(&self) -> &'static str;

    /// An endless source of operations for the main phase; the runner bounds rate and time.
    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator>;

    /// Operations after the faults are healed and the recovery window has passed, such as final
    /// reads by a client of each node; must end by itself. `None` if the workload needs none.
    fn final_generator(&self, _options: &WorkloadOptions) -> Option<Box<dyn Generator>> {
        None
    }

    /// The checkers that decide whether the promise was kept.
    fn checkers(&self) -> Vec<Box<dyn Checker>>;
}
