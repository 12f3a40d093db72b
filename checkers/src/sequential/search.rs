//! The search: depth first over what each process has done, with a cache of what has been visited.
//!
//! A configuration is how far each process is, which of the optional operations were used, and the
//! objects' states. Two rules lose no execution:
//! - A read that is its process' next operation and possible is placed at once: whatever goes on
//!   from here with it later can go on with it here, since it changes nothing.
//! - Of optional operations that nobody can tell apart the earlier one is taken first.
//!
//! Where it is known who reads what (registers of unique values), a value is not left before all who
//! read it have: it does not come back.
//!
//! A step is a configuration. One of many processes costs more than one of few: what is looked at to
//! find the ways on is counted as well.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::meter::{Meter, Spent};
use super::program::{After, Op, ProgramOf};
use crate::hash::FastHash;
use crate::model::Model;
use crate::models::Shared;

/// No optional operation.
const NONE: u32 = u32::MAX;

/// How a search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is an order.
    Order,
    /// There is none.
    None,
    /// The budget ended first.
    Spent(Spent),
}

/// What a search found.
#[derive(Clone, Debug)]
pub(super) struct Searched {
    pub(super) found: Found,
    /// The most operations that could be placed, of those that certainly took effect.
    pub(super) furthest: usize,
    /// The next operation of each process there.
    pub(super) blocked: Vec<u32>,
}

struct Configuration<S> {
    /// How many operations of each chain are placed.
    done: Box<[u32]>,
    /// A bit for each optional operation.
    used: Box<[u64]>,
    /// What the objects hold that were changed.
    states: Shared<u32, S>,
    /// The operation that left what each object holds.
    makers: Shared<u32, u32>,
}

/// The makers follow from the rest: they are known only where a state has one maker.
impl<S: Eq> PartialEq for Configuration<S> {
    fn eq(&self, other: &Self) -> bool {
        self.done == other.done && self.used == other.used && self.states == other.states
    }
}
impl<S: Eq> Eq for Configuration<S> {}

impl<S> Hash for Configuration<S> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.done.hash(state);
        self.used.hash(state);
        self.states.hash(state);
    }
}

/// A way on from a configuration.
struct Way<S> {
    op: u32,
    /// Its number among the optional operations, or [`NONE`].
    may: u32,
    /// What its object holds then.
    state: S,
}

/// A configuration on the way, with what is still to be tried from it, the last first.
struct Frame<S> {
    configuration: Rc<Configuration<S>>,
    ways: Vec<Way<S>>,
}

struct Search<'p, M: Model> {
    model: &'p M,
    program: &'p ProgramOf<M>,
    initial: M::State,
    /// Chain and number of each operation that certainly took effect.
    place: Vec<(u32, u32)>,
    /// Whether some operation must wait for those of another chain.
    waits: bool,
}

/// Searches for an order of the program, with so many bytes at most.
pub(super) fn search<M: Model>(
    model: &M,
    program: &ProgramOf<M>,
    max_bytes: usize,
    meter: &mut Meter<'_>,
) -> Searched {
    let waits = program.after.iter().any(|after| !after.is_empty());
    let search = Search { model, program, initial: model.initial(), place: program.places(), waits };
    let mut searched = Searched { found: Found::None, furthest: 0, blocked: Vec::new() };
    searched.found = match search.run(max_bytes, meter, &mut searched) {
        Ok(true) => Found::Order,
        Ok(false) => Found::None,
        Err(spent) => Found::Spent(spent),
    };
    searched
}

impl<M: Model> Search<'_, M> {
    fn run(&self, max_bytes: usize, meter: &mut Meter<'_>, told: &mut Searched) -> Result<bool, Spent> {
        let program = self.program;
        let total: usize = program.chains.iter().map(Vec::len).sum();
        let mut visited: HashSet<Rc<Configuration<M::State>>, FastHash> = HashSet::default();
        let each = size_of::<Configuration<M::State>>()
            + program.chains.len() * size_of::<u32>()
            + program.mays.len() / 8
            // What a change of a shared map adds.
            + 512;
        let mut stack: Vec<Frame<M::State>> = Vec::new();
        let mut waiting = 0;
        let mut next = Some(Configuration {
            done: vec![0; program.chains.len()].into(),
            used: vec![0; program.mays.len().div_ceil(64)].into(),
            states: Shared::default(),
            makers: Shared::default(),
        });
        loop {
            if let Some(mut configuration) = next.take() {
                let placed = self.place_reads(&mut configuration, meter)?;
                if placed >= told.furthest {
                    told.furthest = placed;
                    told.blocked = self.heads(&configuration).map(|(_, op)| op).collect();
                }
                if placed == total {
                    return Ok(true);
                }
                let configuration = Rc::new(configuration);
                if visited.insert(configuration.clone()) {
                    let ways = self.ways_on(&configuration);
                    waiting += ways.len();
                    meter.step(1)?;
                    meter.spend((program.chains.len() + program.mays.len() + 4 * ways.len()) as u64)?;
                    stack.push(Frame { configuration, ways });
                }
                if visited.capacity() * each + waiting * size_of::<Way<M::State>>() > max_bytes {
                    return Err(Spent::memory());
                }
            }
            let Some(frame) = stack.last_mut() else { return Ok(false) };
            match frame.ways.pop() {
                Some(way) => {
                    waiting -= 1;
                    next = Some(self.along(&frame.configuration, way));
                }
                None => {
                    stack.pop();
                }
            }
        }
    }

    /// The next operation of each chain that has one.
    fn heads(&self, configuration: &Configuration<M::State>) -> impl Iterator<Item = (usize, u32)> {
        let chains = self.program.chains.iter().enumerate();
        chains.filter_map(|(at, chain)| Some((at, *chain.get(configuration.done[at] as usize)?)))
    }

    fn state<'c>(&'c self, configuration: &'c Configuration<M::State>, object: u32) -> &'c M::State {
        configuration.states.get(&object).unwrap_or(&self.initial)
    }

    fn op(&self, op: u32) -> &Op<M::Input, M::Output> {
        &self.program.ops[op as usize]
    }

    fn ready(&self, configuration: &Configuration<M::State>, after: &[After]) -> bool {
        after.iter().all(|after| configuration.done[after.chain as usize] >= after.count)
    }

    fn possible(&self, state: &M::State, op: &Op<M::Input, M::Output>) -> bool {
        self.model.accepts(state, &op.input, op.output.as_ref())
    }

    /// How many operations are placed then.
    fn place_reads(
        &self,
        configuration: &mut Configuration<M::State>,
        meter: &mut Meter<'_>,
    ) -> Result<usize, Spent> {
        loop {
            let mut placed = 0;
            for at in 0..self.program.chains.len() {
                while let Some(&op) = self.program.chains[at].get(configuration.done[at] as usize)
                    && self.op(op).read_only
                    && self.ready(configuration, &self.program.after[op as usize])
                    && self.possible(self.state(configuration, self.op(op).object), self.op(op))
                {
                    configuration.done[at] += 1;
                    placed += 1;
                }
            }
            meter.spend(self.program.chains.len() as u64 + placed)?;
            // Only where somebody waits for another can the next round place more.
            if placed == 0 || !self.waits {
                return Ok(configuration.done.iter().map(|&n| n as usize).sum());
            }
        }
    }

    /// All that may come next, the most promising last: what lets go on the process whose next
    /// operation ended first, and else in the order of their ends.
    fn ways_on(&self, configuration: &Configuration<M::State>) -> Vec<Way<M::State>> {
        let urgent = self.heads(configuration).min_by_key(|(_, op)| self.op(*op).ret.unwrap_or(usize::MAX));
        let waits =
            |head: u32| !self.possible(self.state(configuration, self.op(head).object), self.op(head));
        let urgent = urgent.map(|(_, head)| (head, waits(head)));
        let mut ways: Vec<(u8, usize, Way<M::State>)> = Vec::new();
        let mut push = |way: Way<M::State>| {
            let op = self.op(way.op);
            let suits =
                |head: u32| op.object == self.op(head).object && self.possible(&way.state, self.op(head));
            let helps = match urgent {
                Some((head, _)) if head == way.op => 0,
                Some((head, true)) if suits(head) => 1,
                _ if self.place[way.op as usize].0 == u32::MAX => 3,
                _ => 2,
            };
            ways.push((helps, op.ret.unwrap_or(usize::MAX), way));
        };
        for (_, op) in self.heads(configuration) {
            if !self.op(op).read_only && self.ready(configuration, &self.program.after[op as usize]) {
                let states = self.states_after(configuration, op);
                states.for_each(|state| push(Way { op, may: NONE, state }));
            }
        }
        for (number, may) in self.program.mays.iter().enumerate() {
            let used = |at: usize| configuration.used[at / 64] >> (at % 64) & 1 == 1;
            let first = may.same_before.is_none_or(|before| used(before as usize));
            if used(number) || !first || !self.ready(configuration, may.after.as_slice()) {
                continue;
            }
            let held = self.state(configuration, self.op(may.op).object);
            for state in self.states_after(configuration, may.op).filter(|state| state != held) {
                push(Way { op: may.op, may: number as u32, state });
            }
        }
        ways.sort_by_key(|(helps, ret, _)| std::cmp::Reverse((*helps, *ret)));
        ways.into_iter().map(|(_, _, way)| way).collect()
    }

    /// What the object of an operation can hold after it; nothing if it cannot be next.
    fn states_after(
        &self,
        configuration: &Configuration<M::State>,
        at: u32,
    ) -> impl Iterator<Item = M::State> {
        let next = (!self.leaves_somebody_behind(configuration, at)).then(|| {
            let op = self.op(at);
            self.model.step(self.state(configuration, op.object), &op.input, op.output.as_ref())
        });
        next.into_iter().flatten()
    }

    fn along(&self, from: &Configuration<M::State>, way: Way<M::State>) -> Configuration<M::State> {
        let object = self.op(way.op).object;
        let mut done = from.done.clone();
        let mut used = from.used.clone();
        match way.may {
            NONE => done[self.place[way.op as usize].0 as usize] += 1,
            may => used[may as usize / 64] |= 1 << (may % 64),
        }
        Configuration {
            done,
            used,
            states: if way.state == self.initial {
                from.states.without(&object)
            } else {
                from.states.with(object, way.state)
            },
            makers: if self.program.readers[way.op as usize].is_empty() {
                from.makers.without(&object)
            } else {
                from.makers.with(object, way.op)
            },
        }
    }

    /// Whether somebody else still has to find what the object holds, and never could afterwards.
    fn leaves_somebody_behind(&self, configuration: &Configuration<M::State>, at: u32) -> bool {
        let object = self.op(at).object;
        let readers = match configuration.makers.get(&object) {
            Some(&maker) => &self.program.readers[maker as usize],
            // Nobody who is waited for made it, or nobody made it yet.
            None if configuration.states.get(&object).is_none() => {
                &self.program.first_readers[object as usize]
            }
            None => return false,
        };
        readers.iter().any(|&reader| {
            let (chain, number) = self.place[reader as usize];
            reader != at && chain != u32::MAX && configuration.done[chain as usize] <= number
        })
    }
}
