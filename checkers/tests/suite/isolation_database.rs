//! Histories of a simulated database, of the shape of Elle's generator: clients run transactions of
//! one to four micro-operations on ten keys, chosen exponentially, each retired after 32 writes.

use checkers::history::{EventHead, HistoryBuilder, Rules};
use checkers::transactions::history::Holds;
use checkers::{EventType, History, Process};

use crate::simulate::Random;

/// What the database promises.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Each transaction acts at one instant between its invocation and its completion.
    Serial,
    /// Each reads at one instant and commits at a later one, unless somebody else did.
    Snapshot,
}

/// What to simulate.
#[derive(Clone, Copy)]
pub struct Load {
    pub txns: usize,
    pub clients: usize,
    pub holds: Holds,
    pub mode: Mode,
    /// Percent that are never answered; all of them take effect.
    pub info: u64,
    /// Transactions of a process before its client goes on as another; 0: for ever.
    pub per_process: u64,
    /// Writes of a key before another takes its place.
    pub writes_per_key: u64,
    pub seed: u64,
}

impl Load {
    pub fn registers(txns: usize) -> Self {
        Load {
            txns,
            clients: 20,
            holds: Holds::Registers,
            mode: Mode::Serial,
            info: 0,
            per_process: 0,
            writes_per_key: 32,
            seed: 1,
        }
    }
}

#[derive(Clone)]
enum Mop {
    Read(u64, Vec<i64>),
    Write(u64, i64),
}

enum State {
    Idle,
    Begun(Vec<Mop>),
    Read { mops: Vec<Mop>, at: u64 },
    Done { mops: Vec<Mop>, kind: EventType },
}

/// A committed key: its value or list, and when it was last written.
#[derive(Clone, Default)]
struct Key {
    values: Vec<i64>,
    written: u64,
}

struct Database {
    load: Load,
    keys: Vec<Key>,
    clock: u64,
}

impl Database {
    fn read(&self, mops: &mut [Mop]) {
        for at in 0..mops.len() {
            let (done, rest) = mops.split_at_mut(at);
            if let Mop::Read(key, seen) = &mut rest[0] {
                *seen = self.keys.get(*key as usize).map(|key| key.values.clone()).unwrap_or_default();
                for mop in done.iter() {
                    if let Mop::Write(written, value) = mop
                        && written == key
                    {
                        self.put(seen, *value);
                    }
                }
            }
        }
    }

    fn put(&self, values: &mut Vec<i64>, value: i64) {
        if self.load.holds == Holds::Registers {
            values.clear();
        }
        values.push(value);
    }

    fn commit(&mut self, mops: &[Mop], since: u64) -> bool {
        let clash = mops.iter().any(|mop| match mop {
            Mop::Write(key, _) => self.keys.get(*key as usize).is_some_and(|key| key.written > since),
            Mop::Read(..) => false,
        });
        if clash {
            return false;
        }
        self.clock += 1;
        for mop in mops {
            if let Mop::Write(key, value) = mop {
                let at = *key as usize;
                if self.keys.len() <= at {
                    self.keys.resize(at + 1, Key::default());
                }
                let mut values = std::mem::take(&mut self.keys[at].values);
                self.put(&mut values, *value);
                self.keys[at] = Key { values, written: self.clock };
            }
        }
        true
    }
}

/// Runs it.
pub fn run(load: Load) -> History {
    let mut random = Random(load.seed);
    let mut builder = HistoryBuilder::new(Rules::STRICT);
    let f = builder.name("txn").unwrap();
    let mut pool: Vec<(u64, u64)> = (0..10).map(|key| (key, 0)).collect();
    let mut next_key = 10;
    let mut database = Database { load, keys: Vec::new(), clock: 0 };
    let mut clients: Vec<(u64, State)> =
        (0..load.clients as u64).map(|client| (client, State::Idle)).collect();
    let mut done = vec![0; load.clients];
    let (mut begun, mut ended, mut time) = (0, 0, 0);
    let mut emit = |process: u64, event_type, mops: &[Mop]| {
        write(&mut builder, load.holds, mops, event_type == EventType::Ok);
        let process = Process::client(process).unwrap();
        builder.push(EventHead { time, process, event_type, f, node: None, extra: None }).unwrap();
        time += 1;
    };
    while ended < load.txns {
        let at = random.below(load.clients as u64) as usize;
        let (process, state) = &mut clients[at];
        *state = match std::mem::replace(state, State::Idle) {
            State::Idle if begun == load.txns => State::Idle,
            State::Idle => {
                let mops: Vec<Mop> = (0..1 + random.below(4))
                    .map(|_| mop(&mut random, &mut pool, &mut next_key, load))
                    .collect();
                emit(*process, EventType::Invoke, &mops);
                begun += 1;
                State::Begun(mops)
            }
            State::Begun(mut mops) => {
                database.read(&mut mops);
                if load.mode == Mode::Snapshot {
                    State::Read { mops, at: database.clock }
                } else {
                    database.commit(&mops, u64::MAX);
                    let kind = if random.percent(load.info) { EventType::Info } else { EventType::Ok };
                    State::Done { mops, kind }
                }
            }
            State::Read { mops, at } => {
                let kind = if database.commit(&mops, at) { EventType::Ok } else { EventType::Fail };
                State::Done { mops, kind }
            }
            State::Done { mops, kind } => {
                emit(*process, kind, &mops);
                ended += 1;
                done[at] += 1;
                if kind == EventType::Info || load.per_process > 0 && done[at] == load.per_process {
                    *process += load.clients as u64;
                    done[at] = 0;
                }
                State::Idle
            }
        };
    }
    builder.finish()
}

fn mop(random: &mut Random, pool: &mut [(u64, u64)], next_key: &mut u64, load: Load) -> Mop {
    let choice = 1 + random.below(1023);
    let slot = &mut pool[choice.ilog2() as usize];
    if random.below(2) == 0 {
        return Mop::Read(slot.0, Vec::new());
    }
    slot.1 += 1;
    let (key, value) = *slot;
    if slot.1 >= load.writes_per_key {
        *slot = (*next_key, 0);
        *next_key += 1;
    }
    Mop::Write(key, value as i64)
}

fn write(builder: &mut HistoryBuilder, holds: Holds, mops: &[Mop], answered: bool) {
    use checkers::Value;
    let list: Vec<Value> = mops
        .iter()
        .map(|mop| {
            let (f, key, value) = match mop {
                Mop::Write(key, value) if holds == Holds::Lists => ("append", key, Value::Int(*value)),
                Mop::Write(key, value) => ("w", key, Value::Int(*value)),
                Mop::Read(key, _) if !answered => ("r", key, Value::Nil),
                Mop::Read(key, seen) if holds == Holds::Lists => {
                    ("r", key, Value::List(seen.iter().map(|value| Value::Int(*value)).collect()))
                }
                Mop::Read(key, seen) => ("r", key, seen.first().map_or(Value::Nil, |v| Value::Int(*v))),
            };
            Value::List(vec![Value::from(f), Value::Int(*key as i64), value].into())
        })
        .collect();
    builder.value().value(&Value::List(list.into())).unwrap();
}
