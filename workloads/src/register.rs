//! Registers, many of them one after the other: the workload for linearizability.
//!
//! After Jepsen's `linearizable-register`. Operations: `read` with `[key, null]`, `write` with
//! `[key, v]`, `cas` with `[key, [from, to]]`. A key that was never written reads `null`. An ok
//! `cas` or `write` answers with its argument, a `cas` that did not find `from` is a `fail`.
//!
//! Every value is written at most once to a key, so that a read names the write that it saw, and
//! checking takes time in proportion to the history.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use checkers::registry;
use checkers::stats::StatsChecker;
use checkers::{Checker, Event, EventType, Name, Value};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::client::Op;
use crate::generator::{Context, Generator, GeneratorExt, Next, Thread, each_thread, from_fn_while};
use crate::workload::{Workload, WorkloadOptions};

/// Proportions and sizes of the workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterOptions {
    /// Weight of reads. By default half of all operations: an anomaly that nobody reads is not
    /// seen, and each change should be seen by somebody.
    pub reads: u32,
    /// Weight of writes. By default 30 %: a write succeeds whatever the state, so that values move
    /// on even where every `cas` fails.
    pub writes: u32,
    /// Weight of `cas`. By default 20 %: one that succeeds orders two values for certain, but
    /// under contention many fail, and those say little.
    pub cas: u32,
    /// How many keys are in use at once. `None`: a fifth of the client threads, and at least two.
    /// So about five threads meet at a key, which is contention enough for races and little
    /// enough for a search; and two keys show an operation that went to the wrong one.
    pub active_keys: Option<usize>,
    /// After how many operations a key is retired, on average; each key draws its number from
    /// half to one and a half times this, so that keys do not all end together. What times out
    /// stays possible for ever, and this bounds how much of that gathers at a key.
    pub operations_per_key: u32,
    /// One in so many `cas` expects the value before the last one, on purpose: without contention
    /// every `cas` would succeed, and one that does not compare would pass. 0: never.
    pub stale_cas_one_in: u32,
    /// How many of the keys retired last are read at the end, with those in use. A write that a
    /// crash undoes shows only when it is read again.
    pub retired_keys_read: usize,
    /// A thread gives up its final reads after so many in a row that were not `ok`.
    pub final_read_tries: u32,
    /// The final reads end after this long in any case.
    pub final_time_limit: Duration,
}

impl Default for RegisterOptions {
    fn default() -> Self {
        RegisterOptions {
            reads: 5,
            writes: 3,
            cas: 2,
            active_keys: None,
            operations_per_key: 200,
            stale_cas_one_in: 8,
            retired_keys_read: 50,
            final_read_tries: 5,
            final_time_limit: Duration::from_secs(60),
        }
    }
}

/// The `register` workload.
#[derive(Debug, Default)]
pub struct Register {
    options: RegisterOptions,
    /// What the main phase leaves to the final one: the keys to read.
    last_keys: Arc<Mutex<LastKeys>>,
}

impl Register {
    /// With these options.
    pub fn new(options: RegisterOptions) -> Self {
        Register { options, last_keys: Arc::default() }
    }
}

impl Workload for Register {
    fn name(&self) -> &'static str {
        "register"
    }

    fn summary(&self) -> &'static str {
        "reads, writes and compare-and-set of single registers: is each linearizable?"
    }

    fn generator(&self, options: &WorkloadOptions) -> Box<dyn Generator> {
        let active = self.options.active_keys.unwrap_or((options.concurrency / 5).max(2) as usize).max(1);
        *lock(&self.last_keys) = LastKeys::default();
        Box::new(RegisterGenerator::new(self.options.clone(), active, Arc::clone(&self.last_keys)))
    }

    /// A client of each node reads each of the last keys once.
    fn final_generator(&self, options: &WorkloadOptions) -> Option<Box<dyn Generator>> {
        let last_keys = Arc::clone(&self.last_keys);
        let tries = self.options.final_read_tries;
        let reads = each_thread(move |_| {
            // Only now, when the main phase is over, is it known which they are.
            let mut keys = lock(&last_keys).all();
            from_fn_while(move |_| keys.pop_front().map(|key| Op::new("read", Value::pair(key, Value::Nil))))
                .until_failing(tries)
        });
        let one_per_node = options.one_thread_per_node();
        Some(reads.on_threads(one_per_node).time_limit(self.options.final_time_limit).boxed())
    }

    fn checkers(&self) -> Vec<Box<dyn Checker>> {
        let linearizable = registry::linearizable_by_name("per-key-cas-register");
        linearizable.into_iter().chain([Box::new(StatsChecker) as Box<dyn Checker>]).collect()
    }
}

/// The keys that the main phase used last. Changed once in the life of a key.
#[derive(Debug, Default)]
struct LastKeys {
    /// The oldest first.
    retired: VecDeque<Value>,
    active: Vec<Value>,
}

impl LastKeys {
    /// Those in use before the retired ones: they have more to tell, should time run out.
    fn all(&self) -> VecDeque<Value> {
        self.active.iter().chain(self.retired.iter().rev()).cloned().collect()
    }
}

/// A panic elsewhere does not make the keys wrong.
fn lock(keys: &Mutex<LastKeys>) -> std::sync::MutexGuard<'_, LastKeys> {
    keys.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A key in use.
#[derive(Debug)]
struct Key {
    number: u64,
    name: Value,
    /// `[key, null]`, which every read of it carries.
    read: Value,
    operations_left: u32,
    /// Values are 1, 2, 3, …: the last one that was handed out.
    last_written: i64,
    /// The value seen last in an `ok`, and the one before that; 0 for none.
    seen: i64,
    seen_before: i64,
}

impl Key {
    fn new(number: u64, operations: u32) -> Self {
        let name = Value::from(format!("r{number}"));
        let read = Value::pair(name.clone(), Value::Nil);
        Key { number, name, read, operations_left: operations, last_written: 0, seen: 0, seen_before: 0 }
    }

    fn fresh(&mut self) -> Value {
        self.last_written += 1;
        Value::Int(self.last_written)
    }

    fn saw(&mut self, value: i64) {
        if value != self.seen {
            self.seen_before = self.seen;
            self.seen = value;
        }
    }
}

struct RegisterGenerator {
    options: RegisterOptions,
    read: Name,
    write: Name,
    cas: Name,
    /// How many keys are in use at once.
    active: usize,
    keys: Vec<Key>,
    next_number: u64,
    last_keys: Arc<Mutex<LastKeys>>,
}

impl RegisterGenerator {
    fn new(mut options: RegisterOptions, active: usize, last_keys: Arc<Mutex<LastKeys>>) -> Self {
        if options.reads == 0 && options.writes == 0 && options.cas == 0 {
            options.reads = 1;
        }
        RegisterGenerator {
            options,
            read: Name::from("read"),
            write: Name::from("write"),
            cas: Name::from("cas"),
            active,
            keys: Vec::with_capacity(active),
            next_number: 0,
            last_keys,
        }
    }

    fn new_key(&mut self, rng: &mut ChaCha8Rng) -> Key {
        let mean = u64::from(self.options.operations_per_key.max(1));
        let operations = rng.random_range(mean.div_ceil(2)..=mean + mean / 2);
        let key = Key::new(self.next_number, u32::try_from(operations).unwrap_or(u32::MAX));
        self.next_number += 1;
        key
    }

    fn fill(&mut self, rng: &mut ChaCha8Rng) {
        while self.keys.len() < self.active {
            let key = self.new_key(rng);
            lock(&self.last_keys).active.push(key.name.clone());
            self.keys.push(key);
        }
    }

    /// Puts a new key in the place of the one at `index`.
    fn retire(&mut self, index: usize, rng: &mut ChaCha8Rng) {
        let key = self.new_key(rng);
        let mut last = lock(&self.last_keys);
        last.active[index] = key.name.clone();
        let retired = std::mem::replace(&mut self.keys[index], key);
        last.retired.push_back(retired.name);
        if last.retired.len() > self.options.retired_keys_read {
            last.retired.pop_front();
        }
    }

    fn op(&mut self, rng: &mut ChaCha8Rng) -> Op {
        self.fill(rng);
        let index = rng.random_range(0..self.keys.len());
        if self.keys[index].operations_left == 0 {
            self.retire(index, rng);
        }
        let RegisterOptions { reads, writes, cas, stale_cas_one_in, .. } = self.options;
        let total = u64::from(reads) + u64::from(writes) + u64::from(cas);
        let choice = rng.random_range(0..total);
        let key = &mut self.keys[index];
        key.operations_left -= 1;
        if choice < u64::from(reads) {
            return Op { f: self.read.clone(), value: key.read.clone() };
        }
        // What is to be expected: what was seen last; failing that, what may have been written.
        let mut from = if key.seen > 0 { key.seen } else { key.last_written };
        if from == 0 || choice < u64::from(reads) + u64::from(writes) {
            let value = key.fresh();
            return Op { f: self.write.clone(), value: Value::pair(key.name.clone(), value) };
        }
        if key.seen_before > 0 && stale_cas_one_in > 0 && rng.random_range(0..stale_cas_one_in) == 0 {
            from = key.seen_before;
        }
        let change = Value::pair(from, key.fresh());
        Op { f: self.cas.clone(), value: Value::pair(key.name.clone(), change) }
    }
}

impl Generator for RegisterGenerator {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        ctx.invoke_with(|ctx| self.op(ctx.rng))
    }

    fn update(&mut self, _thread: Thread, event: &Event) {
        if event.event_type != EventType::Ok {
            return;
        }
        let Some((key, value)) = event.value.as_pair() else { return };
        let seen = match value.as_pair() {
            Some((_, to)) => to.as_int(),
            None => value.as_int(),
        };
        let number = key.as_str().and_then(|name| name.strip_prefix('r')?.parse::<u64>().ok());
        if let (Some(seen), Some(number)) = (seen, number)
            && let Some(key) = self.keys.iter_mut().find(|key| key.number == number)
        {
            key.saw(seen);
        }
    }
}
