//! Vector clocks that share what they have in common.
//!
//! A clock says for each chain up to which place it is known. It is a tree of blocks: the entries of
//! [`WIDTH`] chains are a leaf, [`WIDTH`] blocks are a node. Blocks are never changed while two hold
//! them (Driscoll et al., "Making data structures persistent", 1989), so a clock that takes over another
//! costs nothing, one that differs in an entry costs a block for each level, and two that are joined
//! cost as much as they differ in. With up to [`WIDTH`] chains a clock is one block.

use super::super::history::NONE;

/// Entries of a block.
pub(super) const WIDTH: usize = 32;

/// Bits of a chain's number that say which entry of a block.
const BITS: u32 = WIDTH.trailing_zeros();

type Block = [u32; WIDTH];

/// A clock: its uppermost block, and how many levels there are below. Block 0 is empty, and nobody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Clock {
    root: u32,
    height: u32,
}

impl Clock {
    /// The clock that knows nothing.
    pub const EMPTY: Clock = Clock { root: 0, height: 0 };
}

/// Where all clocks are.
pub(super) struct Clocks {
    blocks: Vec<Block>,
    /// How many hold each block, and which of its entries are not 0, a bit each.
    holders: Vec<u32>,
    masks: Vec<u32>,
    free: Vec<u32>,
    /// Blocks looked at, ever.
    pub steps: u64,
}

impl Clocks {
    pub fn new() -> Self {
        Clocks { blocks: vec![[0; WIDTH]], holders: vec![1], masks: vec![0], free: Vec::new(), steps: 0 }
    }

    /// How many bytes all of them hold.
    pub fn bytes(&self) -> usize {
        self.blocks.len() * (size_of::<Block>() + 12)
    }

    /// Up to where the clock knows a chain; 0 for nothing of it.
    #[inline]
    pub fn place(&self, clock: Clock, chain: u32) -> u32 {
        let mut block = &self.blocks[clock.root as usize];
        if chain >> BITS == 0 && clock.height == 0 {
            return block[chain as usize];
        }
        if u64::from(chain) >> (BITS * (clock.height + 1)) != 0 {
            return 0;
        }
        for level in (1..=clock.height).rev() {
            block = &self.blocks[block[slot(chain, level)] as usize];
        }
        block[slot(chain, 0)]
    }

    /// One holder less.
    #[inline]
    pub fn drop(&mut self, clock: Clock) {
        self.release(clock.root, clock.height);
    }

    /// The clock with a chain known up to a place, if it was not known further.
    pub fn with(&mut self, mut clock: Clock, chain: u32, place: u32) -> Clock {
        while u64::from(chain) >> (BITS * (clock.height + 1)) != 0 {
            if clock.root != 0 {
                let above = self.make([0; WIDTH], 0);
                self.set(above, 0, clock.root);
                clock.root = above;
            }
            clock.height += 1;
        }
        clock.root = self.put(clock.root, clock.height, chain, place);
        clock
    }

    /// The first clock with all that the second knows. The first is used up, the second is not.
    pub fn join(&mut self, mut clock: Clock, other: Clock) -> Clock {
        while clock.height < other.height {
            if clock.root != 0 {
                let above = self.make([0; WIDTH], 0);
                self.set(above, 0, clock.root);
                clock.root = above;
            }
            clock.height += 1;
        }
        clock.root = self.join_blocks(clock.root, clock.height, other.root, other.height);
        clock
    }

    /// Tells of the chains that the first clock knows further than the second, and up to where, until
    /// `each` has enough.
    pub fn ahead(&self, clock: Clock, other: Clock, each: &mut impl FnMut(u32, u32) -> bool) -> bool {
        let mut other = other;
        while other.height > clock.height {
            other = Clock { root: self.blocks[other.root as usize][0], height: other.height - 1 };
        }
        self.ahead_of(clock.root, clock.height, other.root, other.height, 0, each)
    }

    fn ahead_of(
        &self,
        one: u32,
        height: u32,
        other: u32,
        other_height: u32,
        first: u32,
        each: &mut impl FnMut(u32, u32) -> bool,
    ) -> bool {
        if one == 0 || one == other && height == other_height {
            return true;
        }
        let (a, b) = (&self.blocks[one as usize], &self.blocks[other as usize]);
        let mut left = self.masks[one as usize];
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            let chain = first + ((at as u32) << (BITS * height));
            let more = if height == 0 {
                a[at] <= b[at] || each(chain, a[at])
            } else if height == other_height {
                self.ahead_of(a[at], height - 1, b[at], height - 1, chain, each)
            } else {
                // The other is lower: it knows of the first part alone.
                let (under, under_height) = if at == 0 { (other, other_height) } else { (0, height - 1) };
                self.ahead_of(a[at], height - 1, under, under_height, chain, each)
            };
            if !more {
                return false;
            }
        }
        true
    }

    fn put(&mut self, block: u32, height: u32, chain: u32, place: u32) -> u32 {
        let block = self.own(block, height);
        let at = slot(chain, height);
        if height == 0 {
            let entry = self.blocks[block as usize][at].max(place);
            self.set(block, at, entry);
        } else {
            let under = std::mem::take(&mut self.blocks[block as usize][at]);
            let under = self.put(under, height - 1, chain, place);
            self.set(block, at, under);
        }
        block
    }

    fn join_blocks(&mut self, one: u32, height: u32, other: u32, other_height: u32) -> u32 {
        if other == 0 || one == other && height == other_height {
            return one;
        }
        self.steps += 1;
        if height > other_height {
            let one = self.own(one, height);
            let under = std::mem::take(&mut self.blocks[one as usize][0]);
            let under = self.join_blocks(under, height - 1, other, other_height);
            self.set(one, 0, under);
            return one;
        }
        if one == 0 {
            self.hold(other);
            return other;
        }
        if height == 0 { self.join_leaves(one, other) } else { self.join_nodes(one, height, other) }
    }

    fn join_leaves(&mut self, one: u32, other: u32) -> u32 {
        let (a, b) = (&self.blocks[one as usize], &self.blocks[other as usize]);
        let (mut more, mut less) = (false, false);
        for at in 0..WIDTH {
            more |= a[at] > b[at];
            less |= a[at] < b[at];
        }
        // Of two that are equal the older one, so that in the end all hold the same.
        if !less && (more || one < other) {
            return one;
        }
        if !more {
            self.hold(other);
            self.release(one, 0);
            return other;
        }
        let one = self.own(one, 0);
        let theirs = self.blocks[other as usize];
        for (mine, theirs) in self.blocks[one as usize].iter_mut().zip(theirs) {
            *mine = (*mine).max(theirs);
        }
        self.masks[one as usize] |= self.masks[other as usize];
        one
    }

    fn join_nodes(&mut self, mut one: u32, height: u32, other: u32) -> u32 {
        let (a, b) = (&self.blocks[one as usize], &self.blocks[other as usize]);
        let mut left = self.masks[other as usize] & differing(a, b);
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            let (mine, theirs) = (self.blocks[one as usize][at], self.blocks[other as usize][at]);
            if self.holders[one as usize] == 1 {
                self.blocks[one as usize][at] = 0;
                let joined = self.join_blocks(mine, height - 1, theirs, height - 1);
                self.set(one, at, joined);
                continue;
            }
            self.hold(mine);
            let joined = self.join_blocks(mine, height - 1, theirs, height - 1);
            if joined != mine {
                one = self.own(one, height);
                self.set(one, at, joined);
            }
            // Either the entry that was replaced, or the second hold of the one that stays.
            self.release(mine, height - 1);
        }
        if self.blocks[one as usize] == self.blocks[other as usize] {
            self.hold(other);
            self.release(one, height);
            return other;
        }
        one
    }

    /// Changes an entry of a block that nobody else holds; none becomes 0.
    fn set(&mut self, block: u32, at: usize, entry: u32) {
        self.blocks[block as usize][at] = entry;
        self.masks[block as usize] |= 1 << at;
    }

    fn make(&mut self, block: Block, mask: u32) -> u32 {
        self.steps += 1;
        match self.free.pop() {
            Some(at) => {
                self.blocks[at as usize] = block;
                self.holders[at as usize] = 1;
                self.masks[at as usize] = mask;
                at
            }
            None => {
                self.blocks.push(block);
                self.holders.push(1);
                self.masks.push(mask);
                self.blocks.len() as u32 - 1
            }
        }
    }

    /// The block, or a copy of it, that nobody else holds.
    fn own(&mut self, block: u32, height: u32) -> u32 {
        if block != 0 && self.holders[block as usize] == 1 {
            return block;
        }
        let (copy, mut left) = (self.blocks[block as usize], self.masks[block as usize]);
        let made = self.make(copy, left);
        if block != 0 {
            while height > 0 && left != 0 {
                self.holders[copy[left.trailing_zeros() as usize] as usize] += 1;
                left &= left - 1;
            }
            self.holders[block as usize] -= 1;
        }
        made
    }

    fn hold(&mut self, block: u32) {
        if block != 0 {
            self.holders[block as usize] += 1;
        }
    }

    fn release(&mut self, block: u32, height: u32) {
        if block == 0 {
            return;
        }
        let holders = &mut self.holders[block as usize];
        *holders -= 1;
        if *holders > 0 {
            return;
        }
        self.free.push(block);
        let mut left = self.masks[block as usize];
        while height > 0 && left != 0 {
            let under = self.blocks[block as usize][left.trailing_zeros() as usize];
            left &= left - 1;
            self.release(under, height - 1);
        }
    }
}

/// A bit for each entry in which two blocks differ.
fn differing(a: &Block, b: &Block) -> u32 {
    let mut bits = 0;
    for at in 0..WIDTH {
        bits |= u32::from(a[at] != b[at]) << at;
    }
    bits
}

fn slot(chain: u32, level: u32) -> usize {
    (chain >> (BITS * level)) as usize % WIDTH
}

/// A clock and what its owner adds to it: its own place in its chain.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    /// What the owner has seen.
    pub seen: Clock,
    /// [`NONE`] if nobody needs to tell the owner from what it has seen.
    pub chain: u32,
    pub place: u32,
}

impl Stamp {
    /// Nothing.
    pub const NOTHING: Stamp = Stamp { seen: Clock::EMPTY, chain: NONE, place: 0 };

    /// Whether the owner has seen a place, or is it.
    pub fn knows(&self, clocks: &Clocks, chain: u32, place: u32) -> bool {
        self.chain == chain && self.place >= place || clocks.place(self.seen, chain) >= place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// A few clocks, changed at random, beside plain maps.
    #[test]
    fn clocks_are_maps_and_nothing_is_lost_or_leaked() {
        let mut state = 7u64;
        let mut below = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % n
        };
        let mut clocks = Clocks::new();
        let mut all: Vec<(Clock, BTreeMap<u32, u32>)> = vec![(Clock::EMPTY, BTreeMap::new()); 8];
        for round in 0..20_000 {
            let (at, other) = (below(8) as usize, below(8) as usize);
            // Numbers of chains get larger: clocks of different heights meet.
            let range = [20, 40, 2_000, 100_000][round / 5_000];
            match below(4) {
                0 | 1 => {
                    let (chain, place) = (below(range) as u32, 1 + below(50) as u32);
                    all[at].0 = clocks.with(all[at].0, chain, place);
                    let entry = all[at].1.entry(chain).or_insert(0);
                    *entry = place.max(*entry);
                }
                2 => {
                    let (theirs, map) = all[other].clone();
                    all[at].0 = clocks.join(all[at].0, theirs);
                    for (chain, place) in map {
                        let entry = all[at].1.entry(chain).or_insert(0);
                        *entry = place.max(*entry);
                    }
                }
                _ => {
                    let copy = (clocks.join(Clock::EMPTY, all[other].0), all[other].1.clone());
                    clocks.drop(all[at].0);
                    all[at] = copy;
                    if below(6) == 0 {
                        clocks.drop(all[at].0);
                        all[at] = (Clock::EMPTY, BTreeMap::new());
                    }
                }
            }
            let (clock, map) = &all[at];
            for _ in 0..4 {
                let chain = below(range) as u32;
                assert_eq!(clocks.place(*clock, chain), map.get(&chain).copied().unwrap_or(0));
            }
            let (theirs, their_map) = &all[other];
            let mut told = BTreeMap::new();
            clocks.ahead(*clock, *theirs, &mut |chain, place| {
                told.insert(chain, place);
                true
            });
            let expected: BTreeMap<u32, u32> = map
                .iter()
                .filter(|(chain, place)| their_map.get(chain).is_none_or(|theirs| theirs < place))
                .map(|(chain, place)| (*chain, *place))
                .collect();
            assert_eq!(told, expected, "round {round}");
        }
        for (clock, _) in all {
            clocks.drop(clock);
        }
        assert_eq!(clocks.free.len() + 1, clocks.blocks.len());
    }
}
