//! One set that only grows: the workload for lost elements.
//!
//! After Jepsen's `set` and `set-full`. Operations: `add` with an integer, each at most once;
//! `read` with `null`, answered by the list of all elements in any order.

use std::time::Duration;

use checkers::stats::StatsChecker;
use checkers::{Checker, Name, SetFull, Value};
use rand::Rng;

use crate::client::Op;
use crate::generator::{Context, Generator, GeneratorExt, Next, each_thread, repeat};
use crate::workload::{Workload, WorkloadOptions};

/// Proportions and bounds of the workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetOptions {
    /// One in so many operations is a read, as long as the set is small. 0: none but the final
    /// ones.
    pub read_one_in: u32,
    /// How many elements reads may bring back for each element added, on average: once the set is
    /// larger than this allows, reads become rarer. The whole history then grows in proportion to
    /// the adds, where it would grow with their square.
    pub elements_read_per_add: u32,
    /// How often a client tries its final read.
    pub final_read_tries: u32,
    /// How long it waits between tries.
    pub final_read_pause: Duration,
}

impl Default for SetOptions {
    /// One in 20; 20 elements for each add, so that reads become rarer from 400 elements on. At
    /// 1,000 operations a second that is a read every 0.5 s after ten seconds, every 3 s after a
    /// minute.
    fn default() -> Self {
        SetOptions {
            read_one_in: 20,
            elements_read_per_add: 20,
            final_read_tries: 10,
            final_read_pause: Duration::from_secs(1),
        }
    }
}

/// The `set` workload.
#[derive(Debug, Default)]
pub struct Set {
    options: SetOptions,
}

impl Set {
    /// With these options.
    pub fn new(options: SetOptions) -> Self {
        Set { options }
    }
}

impl Workload for Set {
    fn name(&self) -> &'static str {
        "set"
    }

    fn summary(&self) -> &'static str {
        "adds unique elements to one set and reads it whole: is any lost?"
    }

    fn generator(&self, _options: &WorkloadOptions) -> Box<dyn Generator> {
        Box::new(SetGenerator {
            options: self.options.clone(),
            add: Name::from("add"),
            read: Op::new("read", Value::Nil),
            added: 0,
        })
    }

    /// A client of each node reads, until it succeeds or has tried often enough.
    fn final_generator(&self, options: &WorkloadOptions) -> Option<Box<dyn Generator>> {
        let SetOptions { final_read_tries, final_read_pause, .. } = self.options;
        let reads = each_thread(move |_| {
            repeat(Op::new("read", Value::Nil))
                .delay(final_read_pause)
                .limit(u64::from(final_read_tries))
                .until_ok()
        });
        Some(reads.on_threads(options.one_thread_per_node()).boxed())
    }

    fn checkers(&self) -> Vec<Box<dyn Checker>> {
        // A read that begins after an add was answered must have it: the targets that this
        // workload is for promise linearizability.
        vec![Box::new(SetFull { linearizable: true }), Box::new(StatsChecker)]
    }
}

struct SetGenerator {
    options: SetOptions,
    add: Name,
    read: Op,
    /// Elements handed out: 0 up to this.
    added: i64,
}

impl SetGenerator {
    /// One in how many operations is to be a read now.
    fn one_in(&self) -> u64 {
        let size = u64::try_from(self.added).unwrap_or(0);
        let affordable = size / u64::from(self.options.elements_read_per_add.max(1));
        affordable.max(u64::from(self.options.read_one_in))
    }
}

impl Generator for SetGenerator {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        ctx.invoke_with(|ctx| {
            if self.options.read_one_in > 0 && ctx.rng.random_range(0..self.one_in()) == 0 {
                return self.read.clone();
            }
            let element = self.added;
            self.added += 1;
            Op { f: self.add.clone(), value: Value::Int(element) }
        })
    }
}
