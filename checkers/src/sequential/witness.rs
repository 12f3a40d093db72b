//! An order that explains everything, without ever going back: for registers whose values are written
//! once each.
//!
//! An operation may be next if what its process did before is placed, and what else must come before
//! it. Of those
//! - whoever finds what the register holds is placed at once: nothing is lost by it, since it changes
//!   nothing;
//! - a change whose value nobody finds is placed as soon as nobody is waiting for what the register
//!   holds: what comes later needs that no more;
//! - else the change is placed, of those whose register has nobody waiting, whose value was there
//!   first by the clock, if the clock could be believed: by the first return of whoever left it or found
//!   it. A history is mostly near to what is linearizable. Or by another clock, if there is one.
//!
//! But first come those without which somebody cannot go on who has yet to find what a register holds: the
//! fewer values are waited for at once, the fewer can be in each other's way.
//!
//! That takes operations times a logarithm. It finds no order where one would have to be guessed: then
//! it says who was still waiting.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::meter::{Meter, Spent};
use super::rows::{FIRST, NOTHING, Row, Rows};

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// There is an order.
    Order,
    /// These could not be placed, the next of each process; so many were.
    Stuck(Vec<u32>, usize),
}

/// Tries. `pairs` are known to be in this order in every order; `clock` says of each row when to place it,
/// or nothing.
pub(super) fn try_order(
    rows: &Rows,
    pairs: &[(u32, u32)],
    clock: &[u32],
    meter: &mut Meter<'_>,
) -> Result<Tried, Spent> {
    let mut witness = Witness::new(rows, pairs, clock, meter)?;
    let order = witness.order(meter)?;
    let certain = rows.certain().count();
    if order.len() == certain && explains(rows, &order) {
        return Ok(Tried::Order);
    }
    let ready = rows.certain().filter(|&row| witness.waits_for[row as usize] == 0);
    Ok(Tried::Stuck(ready.filter(|&row| !witness.placed[row as usize]).collect(), order.len()))
}

/// Whether an order of all that took effect keeps what each process did and explains what it found;
/// said once more, and plainly.
fn explains(rows: &Rows, order: &[u32]) -> bool {
    let processes = rows.all.iter().map(|row| row.process + 1).max().unwrap_or(0);
    let mut last: Vec<Option<u32>> = vec![None; processes as usize];
    let mut makers = vec![FIRST; rows.objects];
    order.iter().all(|&at| {
        let row = &rows.all[at as usize];
        let follows = last[row.process as usize].is_none_or(|last| last < at);
        let found = row.finds == NOTHING || row.finds == makers[row.object as usize];
        if row.answered {
            last[row.process as usize] = Some(at);
        }
        if row.leaves {
            makers[row.object as usize] = at;
        }
        follows && found && row.certain
    })
}

/// A change that may be next as soon as its register has nobody waiting, by its turn.
type Ready = Reverse<(u64, u32)>;

/// The turn of a change that nobody needs yet is behind all others.
const NOT_NEEDED: u64 = 1 << 32;

struct Witness<'r> {
    rows: &'r Rows,
    /// Of each operation those that wait for it, one list behind the other.
    starts: Vec<u32>,
    followers: Vec<u32>,
    /// How many it waits for.
    waits_for: Vec<u32>,
    /// When its value was there first, by the clock.
    clock: Vec<u32>,
    /// Of each value how many have yet to find it.
    left: Vec<u32>,
    /// The same, of each register's first value.
    first_left: Vec<u32>,
    /// Of each register who left what it holds.
    makers: Vec<u32>,
    /// Of each value those that may be next as soon as it is there, a list by links.
    waiting: Vec<u32>,
    next_waiting: Vec<u32>,
    first_waiting: Vec<u32>,
    /// Changes that look at nothing, by register.
    ready: Vec<BinaryHeap<Ready>>,
    /// Of registers that may have nobody waiting the first change that is ready.
    registers: BinaryHeap<Reverse<(u64, u32, u32)>>,
    /// Of each operation the one that its process did before it.
    before: Vec<u32>,
    /// Of each value those that find it, one list behind the other.
    reader_starts: Vec<u32>,
    readers: Vec<u32>,
    /// Whether somebody who waits needs it.
    needed: Vec<bool>,
    placed: Vec<bool>,
    /// To be placed now.
    now: Vec<u32>,
}

impl<'r> Witness<'r> {
    fn new(
        rows: &'r Rows,
        pairs: &[(u32, u32)],
        clock: &[u32],
        meter: &mut Meter<'_>,
    ) -> Result<Self, Spent> {
        let count = rows.all.len();
        meter.spend(16 * count as u64 + 4 * pairs.len() as u64)?;
        let before = before_in_its_process(rows);
        let mut waits_for = vec![0_u32; count];
        let mut starts = vec![0_u32; count + 2];
        let all = || {
            let chained = before.iter().enumerate().map(|(at, &before)| (before, at as u32));
            chained.filter(|(before, _)| *before != NOTHING).chain(pairs.iter().copied())
        };
        for (from, to) in all() {
            starts[from as usize + 2] += 1;
            waits_for[to as usize] += 1;
        }
        for at in 2..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut followers = vec![0; starts[count + 1] as usize];
        for (from, to) in all() {
            let place = &mut starts[from as usize + 1];
            followers[*place as usize] = to;
            *place += 1;
        }
        let mut witness = Witness {
            rows,
            starts,
            followers,
            waits_for,
            clock: rows.all.iter().map(|row| row.span.ret).collect(),
            left: vec![0; count],
            first_left: vec![0; rows.objects],
            makers: vec![FIRST; rows.objects],
            waiting: vec![NOTHING; count],
            next_waiting: vec![NOTHING; count],
            first_waiting: vec![NOTHING; rows.objects],
            ready: vec![BinaryHeap::new(); rows.objects],
            registers: BinaryHeap::new(),
            before,
            reader_starts: Vec::new(),
            readers: Vec::new(),
            needed: vec![false; count],
            placed: vec![false; count],
            now: Vec::new(),
        };
        for row in rows.all.iter().filter(|row| row.certain) {
            match row.finds {
                NOTHING => {}
                FIRST => witness.first_left[row.object as usize] += 1,
                source => {
                    let clock = &mut witness.clock[source as usize];
                    *clock = (*clock).min(row.span.ret);
                    witness.left[source as usize] += 1;
                }
            }
        }
        if !clock.is_empty() {
            witness.clock = clock.to_vec();
        }
        witness.list_readers();
        Ok(witness)
    }

    fn list_readers(&mut self) {
        let mut starts = vec![0_u32; self.rows.all.len() + 2];
        for (value, left) in self.left.iter().enumerate() {
            starts[value + 2] = starts[value + 1] + left;
        }
        let mut readers = vec![0; starts.last().copied().unwrap_or(0) as usize];
        for row in self.rows.certain() {
            if let Some(source) = self.rows.source(row) {
                let place = &mut starts[source as usize + 1];
                readers[*place as usize] = row;
                *place += 1;
            }
        }
        (self.reader_starts, self.readers) = (starts, readers);
    }

    fn order(&mut self, meter: &mut Meter<'_>) -> Result<Vec<u32>, Spent> {
        let mut order = Vec::new();
        for row in self.rows.certain() {
            if self.waits_for[row as usize] == 0 {
                self.may_be_next(row);
            }
        }
        loop {
            while let Some(row) = self.now.pop() {
                meter.spend(16)?;
                self.placed[row as usize] = true;
                self.place(row);
                order.push(row);
                self.somebody_waits(row, meter)?;
            }
            let Some(Reverse((_, object, row))) = self.registers.pop() else { return Ok(order) };
            meter.spend(4)?;
            if self.left(object) == 0 && self.first_ready(object).is_some_and(|(_, first)| first == row) {
                self.ready[object as usize].pop();
                self.now.push(row);
            }
        }
    }

    fn row(&self, row: u32) -> &'r Row {
        &self.rows.all[row as usize]
    }

    /// All that must come before it is placed.
    fn may_be_next(&mut self, row: u32) {
        let Row { object, finds, .. } = *self.row(row);
        if finds == NOTHING {
            let turn = self.turn(row);
            self.ready[object as usize].push(Reverse((turn, row)));
            self.announce(object);
        } else if finds == self.makers[object as usize] && !self.row(row).leaves {
            self.now.push(row);
        } else {
            let list = match finds {
                FIRST => &mut self.first_waiting[object as usize],
                source => &mut self.waiting[source as usize],
            };
            self.next_waiting[row as usize] = *list;
            *list = row;
            if finds == self.makers[object as usize] {
                self.announce(object);
            }
        }
    }

    /// How many have yet to find what the register holds.
    fn left(&self, object: u32) -> u32 {
        match self.makers[object as usize] {
            FIRST => self.first_left[object as usize],
            maker => self.left[maker as usize],
        }
    }

    /// The change of a register whose turn it is; some stand there twice, since they became needed.
    fn first_ready(&mut self, object: u32) -> Option<(u64, u32)> {
        let ready = &mut self.ready[object as usize];
        while let Some(&Reverse((turn, row))) = ready.peek() {
            if !self.placed[row as usize] {
                return Some((turn, row));
            }
            ready.pop();
        }
        None
    }

    fn turn(&self, row: u32) -> u64 {
        let clock = u64::from(self.clock[row as usize]);
        match (self.left[row as usize], self.needed[row as usize]) {
            (0, _) => 0,
            (_, true) => clock,
            (_, false) => NOT_NEEDED + clock,
        }
    }

    /// Those that find this value wait from now on: what they need is needed.
    fn somebody_waits(&mut self, maker: u32, meter: &mut Meter<'_>) -> Result<(), Spent> {
        let range =
            self.reader_starts[maker as usize] as usize..self.reader_starts[maker as usize + 1] as usize;
        let mut open: Vec<u32> = self.readers[range].to_vec();
        while let Some(row) = open.pop() {
            meter.spend(2)?;
            if self.placed[row as usize] || std::mem::replace(&mut self.needed[row as usize], true) {
                continue;
            }
            open.extend(Some(self.before[row as usize]).filter(|&before| before != NOTHING));
            open.extend(self.rows.source(row).filter(|&source| source != maker));
            let Row { object, finds, .. } = *self.row(row);
            if finds == NOTHING && self.waits_for[row as usize] == 0 {
                let turn = self.turn(row);
                self.ready[object as usize].push(Reverse((turn, row)));
                self.announce(object);
            }
        }
        Ok(())
    }

    /// Says what can be next of a register, if nobody has yet to find what it holds; or only the one that
    /// changes what it finds.
    fn announce(&mut self, object: u32) {
        match self.left(object) {
            0 => {
                if let Some((turn, row)) = self.first_ready(object) {
                    self.registers.push(Reverse((turn, object, row)));
                }
            }
            1 => {
                let list = match self.makers[object as usize] {
                    FIRST => &mut self.first_waiting[object as usize],
                    maker => &mut self.waiting[maker as usize],
                };
                let row = std::mem::replace(list, NOTHING);
                if row != NOTHING {
                    self.now.push(row);
                }
            }
            _ => {}
        }
    }

    fn place(&mut self, row: u32) {
        let Row { object, finds, leaves, .. } = *self.row(row);
        match finds {
            NOTHING => {}
            FIRST => self.first_left[object as usize] -= 1,
            source => self.left[source as usize] -= 1,
        }
        if leaves {
            self.makers[object as usize] = row;
            self.found_now(row);
        }
        self.announce(object);
        let followers = self.starts[row as usize] as usize..self.starts[row as usize + 1] as usize;
        for at in followers {
            let follower = self.followers[at];
            self.waits_for[follower as usize] -= 1;
            if self.waits_for[follower as usize] == 0 {
                self.may_be_next(follower);
            }
        }
    }

    /// Whoever was waiting for this value and changes nothing is next; the others go on waiting.
    fn found_now(&mut self, maker: u32) {
        let mut row = std::mem::replace(&mut self.waiting[maker as usize], NOTHING);
        while row != NOTHING {
            let next = self.next_waiting[row as usize];
            if self.row(row).leaves {
                self.next_waiting[row as usize] = self.waiting[maker as usize];
                self.waiting[maker as usize] = row;
            } else {
                self.now.push(row);
            }
            row = next;
        }
    }
}

/// Of each operation that took effect the one that its process did before it, or [`NOTHING`].
fn before_in_its_process(rows: &Rows) -> Vec<u32> {
    let processes = rows.all.iter().map(|row| row.process + 1).max().unwrap_or(0);
    let mut last = vec![NOTHING; processes as usize];
    let mut before = vec![NOTHING; rows.all.len()];
    for (at, row) in rows.all.iter().enumerate().filter(|(_, row)| row.certain) {
        before[at] = last[row.process as usize];
        if row.answered {
            last[row.process as usize] = at as u32;
        }
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checker::Budget;
    use crate::linearizability::special::Span;

    fn row(process: u32, finds: u32, leaves: bool, at: u32) -> Row {
        let span = Span { call: 2 * at, ret: 2 * at + 1 };
        Row { object: 0, process, finds, leaves, answered: true, certain: true, span }
    }

    fn tried(all: Vec<Row>) -> Tried {
        try_order(&Rows { all, objects: 1 }, &[], &[], &mut Meter::new(&Budget::default(), 1_000)).unwrap()
    }

    #[test]
    fn a_late_read_of_an_old_value_is_placed_where_it_was_there() {
        let late = vec![row(0, NOTHING, true, 0), row(0, NOTHING, true, 1), row(1, 0, false, 2)];
        assert_eq!(tried(late), Tried::Order);
    }

    #[test]
    fn two_changes_of_one_value_find_no_order() {
        let twice = vec![row(0, NOTHING, true, 0), row(1, 0, true, 1), row(2, 0, true, 2)];
        assert_eq!(tried(twice), Tried::Stuck(vec![1, 2], 1));
    }

    #[test]
    fn what_went_back_is_no_order() {
        let rows = |all| Rows { all, objects: 1 };
        let back = rows(vec![row(0, NOTHING, true, 0), row(0, 0, false, 1), row(1, FIRST, false, 2)]);
        assert!(explains(&back, &[2, 0, 1]));
        assert!(!explains(&back, &[0, 1, 2]) && !explains(&back, &[2, 1, 0]));
    }
}
