//! Sets of small numbers, as wide as a history needs.

use std::fmt::Debug;
use std::hash::Hash;

/// A set of numbers below a capacity fixed when it is made.
pub(super) trait Bits: Clone + Eq + Hash + Debug + Send + Sync {
    fn empty(capacity: usize) -> Self;
    fn contains(&self, at: usize) -> bool;
    fn insert(&mut self, at: usize);
    fn remove(&mut self, at: usize);
    fn is_subset(&self, other: &Self) -> bool;
    /// The members of `self` that `other` has not.
    fn without(&self, other: &Self) -> Self;
    /// Takes out the smallest member.
    fn pop(&mut self) -> Option<usize>;
    /// How many members.
    fn len(&self) -> usize;
    /// Bytes outside of the value itself.
    fn heap_bytes(&self) -> usize;
}

macro_rules! word_bits {
    ($word:ty) => {
        impl Bits for $word {
            fn empty(_capacity: usize) -> Self {
                0
            }
            fn contains(&self, at: usize) -> bool {
                self >> at & 1 == 1
            }
            fn insert(&mut self, at: usize) {
                *self |= 1 << at;
            }
            fn remove(&mut self, at: usize) {
                *self &= !(1 << at);
            }
            fn is_subset(&self, other: &Self) -> bool {
                self & !other == 0
            }
            fn without(&self, other: &Self) -> Self {
                self & !other
            }
            fn pop(&mut self) -> Option<usize> {
                let at = (*self != 0).then(|| self.trailing_zeros() as usize)?;
                *self &= *self - 1;
                Some(at)
            }
            fn len(&self) -> usize {
                self.count_ones() as usize
            }
            fn heap_bytes(&self) -> usize {
                0
            }
        }
    };
}
word_bits!(u64);

/// Any number of bits.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Wide(Box<[u64]>);

impl Bits for Wide {
    fn empty(capacity: usize) -> Self {
        Wide(vec![0; capacity.div_ceil(64)].into())
    }
    fn contains(&self, at: usize) -> bool {
        self.0[at / 64].contains(at % 64)
    }
    fn insert(&mut self, at: usize) {
        self.0[at / 64].insert(at % 64);
    }
    fn remove(&mut self, at: usize) {
        self.0[at / 64].remove(at % 64);
    }
    fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a.is_subset(b))
    }
    fn without(&self, other: &Self) -> Self {
        Wide(self.0.iter().zip(&other.0).map(|(a, b)| a.without(b)).collect())
    }
    fn pop(&mut self) -> Option<usize> {
        let word = self.0.iter().position(|word| *word != 0)?;
        self.0[word].pop().map(|at| word * 64 + at)
    }
    fn len(&self) -> usize {
        self.0.iter().map(Bits::len).sum()
    }
    fn heap_bytes(&self) -> usize {
        self.0.len() * 8
    }
}

/// Whether some set of an antichain is a subset of `new`; if none is, `new` joins it.
///
/// The sets are those of optional operations used up on the way to one configuration: whoever
/// used fewer can do all that the others can.
pub(super) fn covered<B: Bits>(antichain: &mut Antichain<B>, new: &B) -> bool {
    match antichain {
        Antichain::One(old) if old.is_subset(new) => true,
        Antichain::One(old) if new.is_subset(old) => {
            *old = new.clone();
            false
        }
        Antichain::One(old) => {
            *antichain = Antichain::Many(vec![old.clone(), new.clone()]);
            false
        }
        Antichain::Many(all) => {
            if all.iter().any(|old| old.is_subset(new)) {
                return true;
            }
            all.retain(|old| !new.is_subset(old));
            all.push(new.clone());
            false
        }
    }
}

/// Sets none of which contains another.
#[derive(Debug)]
pub(super) enum Antichain<B> {
    One(B),
    Many(Vec<B>),
}

impl<B> Antichain<B> {
    pub(super) fn sets(&self) -> &[B] {
        match self {
            Antichain::One(one) => std::slice::from_ref(one),
            Antichain::Many(all) => all,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behaves_as_a_set<B: Bits>(capacity: usize) {
        let mut set = B::empty(capacity);
        let members: Vec<usize> = (0..capacity).step_by(7).collect();
        for &at in &members {
            set.insert(at);
        }
        assert_eq!(set.len(), members.len());
        let mut most = set.clone();
        most.remove(7);
        assert!(most.is_subset(&set) && !set.is_subset(&most));
        assert_eq!(set.without(&most).pop(), Some(7));
        let popped: Vec<usize> = std::iter::from_fn(|| set.pop()).collect();
        assert_eq!(popped, members);
    }

    #[test]
    fn every_width_is_a_set() {
        behaves_as_a_set::<u64>(64);
        behaves_as_a_set::<Wide>(1000);
    }

    #[test]
    fn an_antichain_keeps_the_smallest_sets() {
        let mut chain = Antichain::One(0b110_u64);
        assert!(covered(&mut chain, &0b111));
        assert!(!covered(&mut chain, &0b001));
        assert!(!covered(&mut chain, &0b010), "smaller than the first");
        assert_eq!(chain.sets(), [0b001, 0b010]);
    }
}
