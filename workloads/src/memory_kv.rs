//! A linearizable store in memory, to test runners and checkers without a cluster; it can be told
//! to be wrong.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use checkers::Value;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::client::{Client, Op, Outcome};

/// What is wrong with a [`MemoryKv`]. Each is a probability from 0 to 1; nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MemoryFaults {
    /// A read shows the state before the last change: of the register, or of the set.
    pub stale_reads: f64,
    /// A `write` or an ok `cas` is acknowledged and not done.
    pub lost_writes: f64,
    /// An `add` is acknowledged and not done.
    pub lost_adds: f64,
    /// A `cas` does not compare.
    pub blind_cas: f64,
}

/// The operations of the workloads `register` and `set` on shared memory; each takes effect at
/// once. Its clients all see the same.
#[derive(Clone, Debug)]
pub struct MemoryKv {
    shared: Arc<Mutex<Store>>,
}

#[derive(Debug)]
struct Store {
    registers: HashMap<Value, Cell>,
    members: HashSet<Value>,
    /// The members in the order in which they came.
    set: Vec<Value>,
    faults: MemoryFaults,
    rng: ChaCha8Rng,
}

#[derive(Debug, Default)]
struct Cell {
    now: Value,
    before: Value,
}

impl Cell {
    fn set(&mut self, value: Value) {
        self.before = std::mem::replace(&mut self.now, value);
    }
}

impl Default for MemoryKv {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryKv {
    /// An empty store without faults.
    pub fn new() -> Self {
        Self::with_faults(MemoryFaults::default(), 0)
    }

    /// An empty store with faults, which the seed brings about.
    ///
    /// # Panics
    /// When a probability is not between 0 and 1.
    pub fn with_faults(faults: MemoryFaults, seed: u64) -> Self {
        let MemoryFaults { stale_reads, lost_writes, lost_adds, blind_cas } = faults;
        for probability in [stale_reads, lost_writes, lost_adds, blind_cas] {
            assert!((0.0..=1.0).contains(&probability), "{probability} is not a probability from 0 to 1");
        }
        let store = Store {
            registers: HashMap::new(),
            members: HashSet::new(),
            set: Vec::new(),
            faults,
            rng: ChaCha8Rng::seed_from_u64(seed),
        };
        MemoryKv { shared: Arc::new(Mutex::new(store)) }
    }

    /// A client of it.
    pub fn client(&self) -> MemoryClient {
        MemoryClient(self.clone())
    }

    /// Performs an operation. `fail` for a `cas` that finds another value, and for what is not an
    /// operation of the workloads.
    pub fn perform(&self, op: &Op) -> Outcome {
        let mut store = self.lock();
        match (&*op.f, op.value.as_pair()) {
            ("read", Some((key, _))) => store.read_register(key),
            ("write", Some((key, value))) => store.write(key, value, op),
            ("cas", Some((key, change))) => match change.as_pair() {
                Some((from, to)) => store.compare_and_set(key, from, to, op),
                None => unknown(op),
            },
            ("read", None) if op.value.is_nil() => store.read_set(),
            ("add", _) => store.add(op),
            _ => unknown(op),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unknown(op: &Op) -> Outcome {
    Outcome::Fail(Value::from(format!("no such operation: {} {}", op.f, op.value)))
}

impl Store {
    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.rng.random_bool(probability)
    }

    fn read_register(&mut self, key: &Value) -> Outcome {
        let stale = self.happens(self.faults.stale_reads);
        let cell = self.registers.get(key);
        let value = cell.map(|cell| if stale { &cell.before } else { &cell.now }).cloned();
        Outcome::Ok(Value::pair(key.clone(), value.unwrap_or_default()))
    }

    fn write(&mut self, key: &Value, value: &Value, op: &Op) -> Outcome {
        if !self.happens(self.faults.lost_writes) {
            self.registers.entry(key.clone()).or_default().set(value.clone());
        }
        Outcome::Ok(op.value.clone())
    }

    fn compare_and_set(&mut self, key: &Value, from: &Value, to: &Value, op: &Op) -> Outcome {
        let now = self.registers.get(key).map_or(&Value::Nil, |cell| &cell.now);
        if now != from && !self.happens(self.faults.blind_cas) {
            return Outcome::Fail(Value::from("the register has another value"));
        }
        self.write(key, to, op)
    }

    fn read_set(&mut self) -> Outcome {
        let missing = usize::from(self.happens(self.faults.stale_reads));
        let seen = self.set.len().saturating_sub(missing);
        Outcome::Ok(Value::list(self.set[..seen].iter().cloned()))
    }

    fn add(&mut self, op: &Op) -> Outcome {
        if !self.happens(self.faults.lost_adds) && self.members.insert(op.value.clone()) {
            self.set.push(op.value.clone());
        }
        Outcome::Ok(op.value.clone())
    }
}

/// A connection to a [`MemoryKv`].
#[derive(Clone, Debug)]
pub struct MemoryClient(MemoryKv);

#[async_trait]
impl Client for MemoryClient {
    async fn invoke(&mut self, op: &Op) -> Outcome {
        self.0.perform(op)
    }
}
