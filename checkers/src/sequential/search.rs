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

use std::collections::HashSet;
use std::hash::{Hash, Hasher};

use super::program::{After, Op, ProgramOf};
use crate::checker::Budget;
use crate::hash::FastHash;
use crate::model::Model;
use crate::models::Shared;

/// How many configurations pass between two questions whether to stop.
const ASK_EVERY: u64 = 1024;

/// How a search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is an order.
    Order,
    /// There is none.
    None,
    /// The budget ended first, for this reason.
    Spent(String),
}

/// What a search found.
#[derive(Clone, Debug)]
pub(super) struct Searched {
    pub(super) found: Found,
    /// Configurations visited.
    pub(super) steps: u64,
    /// The most operations that could be placed, of those that certainly took effect.
    pub(super) furthest: usize,
    /// The next operation of each process there.
    pub(super) blocked: Vec<u32>,
}

#[derive(Clone)]
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

struct Search<'p, M: Model> {
    model: &'p M,
    program: &'p ProgramOf<M>,
    initial: M::State,
    /// Chain and number of each operation that certainly took effect.
    place: Vec<(u32, u32)>,
}

/// Searches for an order of the program.
pub(super) fn search<M: Model>(
    model: &M,
    program: &ProgramOf<M>,
    budget: &Budget<'_>,
    steps: u64,
) -> Searched {
    let search = Search { model, program, initial: model.initial(), place: program.places() };
    search.run(budget, steps)
}

impl<M: Model> Search<'_, M> {
    fn run(&self, budget: &Budget<'_>, max_steps: u64) -> Searched {
        let program = self.program;
        let total: usize = program.chains.iter().map(Vec::len).sum();
        let mut result = Searched { found: Found::None, steps: 0, furthest: 0, blocked: Vec::new() };
        let mut visited: HashSet<Configuration<M::State>, FastHash> = HashSet::default();
        let each = size_of::<Configuration<M::State>>()
            + program.chains.len() * size_of::<u32>()
            + program.mays.len() / 8
            // What a change of a shared map adds.
            + 512;
        // Of each configuration on the way what is still to be tried from it, the last first.
        let mut stack: Vec<Vec<Configuration<M::State>>> = Vec::new();
        let mut waiting = 0;
        let mut next = Some(Configuration {
            done: vec![0; program.chains.len()].into(),
            used: vec![0; program.mays.len().div_ceil(64)].into(),
            states: Shared::default(),
            makers: Shared::default(),
        });
        loop {
            if let Some(mut configuration) = next.take() {
                self.place_reads(&mut configuration);
                let placed: usize = configuration.done.iter().map(|&n| n as usize).sum();
                if placed >= result.furthest {
                    result.furthest = placed;
                    result.blocked = self.heads(&configuration).map(|(_, op)| op).collect();
                }
                if placed == total {
                    result.found = Found::Order;
                    return result;
                }
                if visited.insert(configuration.clone()) {
                    result.steps += 1;
                    let ways = self.ways_on(&configuration);
                    waiting += ways.len();
                    stack.push(ways);
                }
                let stopped = result
                    .steps
                    .is_multiple_of(ASK_EVERY)
                    .then(|| budget.stop.and_then(|stop| stop()))
                    .flatten();
                let spent = stopped.or_else(|| {
                    if result.steps >= max_steps {
                        Some("the budget of steps is spent".to_owned())
                    } else if (visited.capacity() + waiting) * each > budget.max_bytes {
                        Some("the budget of memory is spent".to_owned())
                    } else {
                        None
                    }
                });
                if let Some(reason) = spent {
                    result.found = Found::Spent(reason);
                    return result;
                }
            }
            let Some(ways) = stack.last_mut() else { return result };
            match ways.pop() {
                Some(configuration) => {
                    waiting -= 1;
                    next = Some(configuration);
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

    fn accepts(&self, configuration: &Configuration<M::State>, op: u32) -> bool {
        let op = self.op(op);
        self.model.accepts(self.state(configuration, op.object), &op.input, op.output.as_ref())
    }

    fn place_reads(&self, configuration: &mut Configuration<M::State>) {
        loop {
            let mut placed = false;
            for at in 0..self.program.chains.len() {
                while let Some(&op) = self.program.chains[at].get(configuration.done[at] as usize)
                    && self.op(op).read_only
                    && self.ready(configuration, &self.program.after[op as usize])
                    && self.accepts(configuration, op)
                {
                    configuration.done[at] += 1;
                    placed = true;
                }
            }
            if !placed {
                return;
            }
        }
    }

    /// All that may come next, the most promising last: what lets go on the process whose next
    /// operation ended first, and else in the order of their ends.
    fn ways_on(&self, configuration: &Configuration<M::State>) -> Vec<Configuration<M::State>> {
        let urgent = self.heads(configuration).min_by_key(|(_, op)| self.op(*op).ret.unwrap_or(usize::MAX));
        let mut ways: Vec<(u8, usize, Configuration<M::State>)> = Vec::new();
        let mut push = |op: u32, after: Configuration<M::State>| {
            let helps = match urgent {
                Some((_, head)) if head == op => 0,
                Some((_, head)) if self.accepts(&after, head) && !self.accepts(configuration, head) => 1,
                _ if self.place[op as usize].0 == u32::MAX => 3,
                _ => 2,
            };
            ways.push((helps, self.op(op).ret.unwrap_or(usize::MAX), after));
        };
        for (chain, op) in self.heads(configuration) {
            if !self.op(op).read_only && self.ready(configuration, &self.program.after[op as usize]) {
                for mut after in self.steps(configuration, op) {
                    after.done[chain] += 1;
                    push(op, after);
                }
            }
        }
        for (at, may) in self.program.mays.iter().enumerate() {
            let used = |at: usize| configuration.used[at / 64] >> (at % 64) & 1 == 1;
            let first = may.same_before.is_none_or(|before| used(before as usize));
            if used(at) || !first || !self.ready(configuration, may.after.as_slice()) {
                continue;
            }
            for mut after in self.steps(configuration, may.op) {
                if after.states != configuration.states {
                    after.used[at / 64] |= 1 << (at % 64);
                    push(may.op, after);
                }
            }
        }
        ways.sort_by_key(|(helps, ret, _)| std::cmp::Reverse((*helps, *ret)));
        ways.into_iter().map(|(_, _, after)| after).collect()
    }

    /// The configurations after an operation took effect, but for its being counted as placed.
    fn steps(&self, configuration: &Configuration<M::State>, at: u32) -> Vec<Configuration<M::State>> {
        let op = self.op(at);
        if self.leaves_somebody_behind(configuration, at) {
            return Vec::new();
        }
        let state = self.state(configuration, op.object);
        let after = self.model.step(state, &op.input, op.output.as_ref());
        after
            .into_iter()
            .map(|state| Configuration {
                states: if state == self.initial {
                    configuration.states.without(&op.object)
                } else {
                    configuration.states.with(op.object, state)
                },
                makers: if self.program.readers[at as usize].is_empty() {
                    configuration.makers.without(&op.object)
                } else {
                    configuration.makers.with(op.object, at)
                },
                ..configuration.clone()
            })
            .collect()
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
