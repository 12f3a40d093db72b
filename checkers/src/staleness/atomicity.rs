//! The smallest k for which a register is k-atomic.
//!
//! The order is built from its end (LBT: Golab, Hurwitz and Li, "On the k-atomicity-verification
//! problem", ICDCS 2013, §3). A write may be the last of those that are left if it does not precede
//! another one. Reads that begin after it ended come behind it; of those, each that found an older
//! write demands that one within the next k − 1. When no demand is left, an *epoch* is complete: what
//! remains lacks some writes together with all their reads, and is k-atomic if the whole is, so the
//! epoch need never be undone. For k up to 2 a demand leaves no choice, so that only the first write
//! of an epoch must be guessed: of several, all are tried so many steps, then twice as many, until
//! one succeeds or all have failed. The cost is then that of the shortest, times how many writes are
//! in flight. Beyond 2 the choices within an epoch are searched, within a budget.
//!
//! Before that, bounds: of two orders, by invocation and by return, the better one; and how many
//! writes lie between a read and what it found for certain.

use super::register::Register;

/// How many steps an epoch may take at first.
const FIRST_TRY: u64 = 64;

/// The smallest k, or what is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Atomicity {
    /// It is at least this.
    pub(super) at_least: usize,
    /// It is at most this.
    pub(super) at_most: usize,
}

/// Measures a register. `steps` is what is left of the budget and is reduced by what it took.
pub(super) fn atomicity(register: &Register, between: &[usize], steps: &mut u64) -> Atomicity {
    let at_most = by_order(register, |at| register.writes[at].ret);
    let at_most = at_most.min(by_order(register, |at| register.writes[at].call));
    let at_least = 1 + between.iter().copied().max().unwrap_or(0);
    let mut known = Atomicity { at_least: at_least.min(at_most), at_most };
    while known.at_least < known.at_most {
        match Search::new(register, known.at_least).run(steps) {
            Some(true) => known.at_most = known.at_least,
            Some(false) => known.at_least += 1,
            None => break,
        }
    }
    known
}

/// The k of the order of writes by `key`, with every read as early as may be: behind what it found,
/// and behind all writes that ended before it began. What a read between them would demand, they
/// demand already, since a write ends before its reads do.
fn by_order(register: &Register, key: impl Fn(usize) -> usize) -> usize {
    let mut order: Vec<usize> = (0..register.writes.len()).collect();
    order.sort_by_key(|&at| key(at));
    let mut number = vec![0; order.len()];
    for (place, &at) in order.iter().enumerate() {
        number[at] = place;
    }
    let mut by_ret: Vec<usize> = (0..order.len()).collect();
    by_ret.sort_by_key(|&at| register.writes[at].ret);
    // The last of the writes that returned first, for each number of them.
    let mut last = Vec::with_capacity(by_ret.len());
    for &at in &by_ret {
        last.push(number[at].max(last.last().copied().unwrap_or(0)));
    }
    let k = register.reads.iter().map(|read| {
        let ended = by_ret.partition_point(|&at| register.writes[at].ret < read.call);
        let own = number[read.write as usize];
        let behind = ended.checked_sub(1).map_or(own, |at| last[at].max(own));
        behind - own + 1
    });
    k.max().unwrap_or(1)
}

/// Numbers in an order, of which some are left. Taken out and put back in the reverse order.
struct Left {
    before: Vec<u32>,
    after: Vec<u32>,
}

impl Left {
    /// `order` holds each number below its length once. The end is that length.
    fn new(order: &[u32]) -> Self {
        let end = order.len();
        let mut left = Left { before: vec![0; end + 1], after: vec![0; end + 1] };
        let mut last = end as u32;
        for &at in order {
            left.before[at as usize] = last;
            left.after[last as usize] = at;
            last = at;
        }
        left.before[end] = last;
        left.after[last as usize] = end as u32;
        left
    }

    fn last(&self) -> Option<u32> {
        self.before(self.before.len() as u32 - 1)
    }

    fn before(&self, at: u32) -> Option<u32> {
        let before = self.before[at as usize];
        ((before as usize) < self.before.len() - 1).then_some(before)
    }

    fn take_out(&mut self, at: u32) {
        let (before, after) = (self.before[at as usize], self.after[at as usize]);
        self.after[before as usize] = after;
        self.before[after as usize] = before;
    }

    fn put_back(&mut self, at: u32) {
        let (before, after) = (self.before[at as usize], self.after[at as usize]);
        self.after[before as usize] = at;
        self.before[after as usize] = at;
    }
}

/// What was taken out.
#[derive(Clone, Copy)]
enum Taken {
    Write(u32),
    Read(u32),
}

/// A write that must be among the next so many.
#[derive(Clone, Copy)]
struct Demand {
    write: u32,
    within: usize,
}

/// A place in an epoch.
struct Frame {
    /// What may come next, the last first.
    choices: Vec<u32>,
    demands: Vec<Demand>,
    /// How much had been taken out.
    taken: usize,
}

enum Epoch {
    Complete,
    Impossible,
    OutOfSteps,
}

struct Search<'r> {
    register: &'r Register,
    k: usize,
    /// By invocation.
    reads: Left,
    /// By invocation.
    writes: Left,
    /// By return.
    returns: Left,
    read_gone: Vec<bool>,
    taken: Vec<Taken>,
}

impl<'r> Search<'r> {
    fn new(register: &'r Register, k: usize) -> Self {
        let numbers = |n: usize| (0..n as u32).collect::<Vec<_>>();
        let mut by_ret = numbers(register.writes.len());
        by_ret.sort_by_key(|&at| register.writes[at as usize].ret);
        Search {
            register,
            k,
            reads: Left::new(&numbers(register.reads.len())),
            writes: Left::new(&numbers(register.writes.len())),
            returns: Left::new(&by_ret),
            read_gone: vec![false; register.reads.len()],
            taken: Vec::new(),
        }
    }

    /// Whether the register is k-atomic; `None` if the steps did not suffice.
    fn run(&mut self, steps: &mut u64) -> Option<bool> {
        while self.writes.last().is_some() {
            let mut open = self.candidates();
            let mut limit = FIRST_TRY;
            'epoch: loop {
                let mut still_open = Vec::new();
                for &first in &open {
                    if *steps == 0 {
                        return None;
                    }
                    match self.epoch(first, limit.min(*steps), steps) {
                        Epoch::Complete => break 'epoch,
                        Epoch::Impossible => {}
                        Epoch::OutOfSteps => still_open.push(first),
                    }
                }
                if still_open.is_empty() {
                    return Some(false);
                }
                open = still_open;
                limit = limit.saturating_mul(2);
            }
            self.taken.clear();
        }
        Some(true)
    }

    /// The writes that do not precede another one that is left, those that returned last first.
    fn candidates(&self) -> Vec<u32> {
        let Some(newest) = self.writes.last() else { return Vec::new() };
        let begun = self.register.writes[newest as usize].call;
        let all = std::iter::successors(self.returns.last(), |&at| self.returns.before(at));
        // The newest itself may, since it returned after it was invoked; the first value likewise.
        let may = |at: &u32| *at == newest || self.register.writes[*at as usize].ret > begun;
        all.take_while(may).collect()
    }

    fn epoch(&mut self, first: u32, limit: u64, steps: &mut u64) -> Epoch {
        let mark = self.taken.len();
        let mut used = 0;
        let mut stack = vec![Frame { choices: vec![first], demands: Vec::new(), taken: mark }];
        while let Some(frame) = stack.last_mut() {
            let taken = frame.taken;
            let Some(write) = frame.choices.pop() else {
                stack.pop();
                continue;
            };
            let demands = frame.demands.clone();
            self.undo(taken);
            if used >= limit {
                self.undo(mark);
                return Epoch::OutOfSteps;
            }
            used += 1;
            *steps = steps.saturating_sub(1);
            let Some(demands) = self.place(write, demands) else { continue };
            if demands.is_empty() {
                return Epoch::Complete;
            }
            let choices = self.choices(&demands);
            stack.push(Frame { choices, demands, taken: self.taken.len() });
        }
        self.undo(mark);
        Epoch::Impossible
    }

    /// What may be placed next, the best last.
    fn choices(&self, demands: &[Demand]) -> Vec<u32> {
        // Demands are sorted by urgency. If so many are due as there is room for, nothing else fits.
        let full = demands.iter().enumerate().find(|(at, demand)| demand.within == at + 1);
        let candidates = self.candidates();
        let urgent = &demands[..full.map_or(demands.len(), |(at, _)| at + 1)];
        let mut choices: Vec<u32> = Vec::new();
        if full.is_none() {
            let demanded = |write: &u32| demands.iter().any(|demand| demand.write == *write);
            choices.extend(candidates.iter().rev().copied().filter(|write| !demanded(write)));
        }
        choices.extend(urgent.iter().rev().map(|demand| demand.write).filter(|w| candidates.contains(w)));
        choices
    }

    /// Places a write before all that were placed so far; the demands then, or `None` if one cannot
    /// be met.
    fn place(&mut self, at: u32, mut demands: Vec<Demand>) -> Option<Vec<Demand>> {
        self.writes.take_out(at);
        self.returns.take_out(at);
        self.taken.push(Taken::Write(at));
        demands.retain(|demand| demand.write != at);
        for demand in &mut demands {
            demand.within -= 1;
        }
        let register = self.register;
        let write = &register.writes[at as usize];
        for &read in &write.reads {
            self.take_read(read);
        }
        while let Some(read) = self.reads.last()
            && register.reads[read as usize].call > write.ret
        {
            self.take_read(read);
            let write = register.reads[read as usize].write;
            if !demands.iter().any(|demand| demand.write == write) {
                demands.push(Demand { write, within: self.k - 1 });
                // More than there is room for: no need to look on.
                if demands.len() >= self.k {
                    return None;
                }
            }
        }
        demands.sort_by_key(|demand| (demand.within, demand.write));
        let room = demands.iter().enumerate().all(|(at, demand)| demand.within > at);
        room.then_some(demands)
    }

    fn take_read(&mut self, read: u32) {
        if !self.read_gone[read as usize] {
            self.read_gone[read as usize] = true;
            self.reads.take_out(read);
            self.taken.push(Taken::Read(read));
        }
    }

    fn undo(&mut self, mark: usize) {
        while self.taken.len() > mark {
            match self.taken.pop() {
                Some(Taken::Read(read)) => {
                    self.reads.put_back(read);
                    self.read_gone[read as usize] = false;
                }
                Some(Taken::Write(write)) => {
                    self.returns.put_back(write);
                    self.writes.put_back(write);
                }
                None => {}
            }
        }
    }
}
