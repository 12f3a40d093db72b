//! One of several generators, operation by operation.

use checkers::Event;
use rand::Rng;

use super::{Context, Generator, Next, Thread, earlier};

/// Chooses at random for each operation, in proportion to the weights.
///
/// A generator that waits is passed over, and one that is done drops out; done when all are.
/// (Jepsen's blocks as long as the one that it chose waits.) Events go to all.
pub fn mix<G: Generator>(weighted: Vec<(u32, G)>) -> Mix<G> {
    let children: Vec<_> = weighted.into_iter().filter(|(weight, _)| *weight > 0).collect();
    let total = children.iter().map(|(weight, _)| u64::from(*weight)).sum();
    let tried = vec![false; children.len()];
    Mix { children, total, tried }
}

/// See [`mix`].
#[derive(Clone, Debug)]
pub struct Mix<G> {
    children: Vec<(u32, G)>,
    total: u64,
    /// Which children waited in this ask; kept to spare the allocation.
    tried: Vec<bool>,
}

impl<G: Generator> Mix<G> {
    /// The child in whose share of the untried weights `point` falls.
    fn child_at(&self, mut point: u64) -> usize {
        for (index, (weight, _)) in self.children.iter().enumerate() {
            if self.tried[index] {
                continue;
            }
            let weight = u64::from(*weight);
            if point < weight {
                return index;
            }
            point -= weight;
        }
        unreachable!("a point below the sum of the untried weights lies in one of them")
    }

    fn remove(&mut self, index: usize) {
        self.total -= u64::from(self.children[index].0);
        self.children.remove(index);
        self.tried.remove(index);
    }
}

impl<G: Generator> Generator for Mix<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        let mut untried = self.total;
        let mut wake = None;
        let mut waiting = false;
        while untried > 0 {
            let index = self.child_at(ctx.rng.random_range(0..untried));
            let weight = u64::from(self.children[index].0);
            match self.children[index].1.next(ctx) {
                Next::Invoke(thread, op) => {
                    if waiting {
                        self.tried.fill(false);
                    }
                    return Next::Invoke(thread, op);
                }
                Next::Pending(at) => {
                    wake = earlier(wake, at);
                    waiting = true;
                    self.tried[index] = true;
                }
                Next::Done => self.remove(index),
            }
            untried -= weight;
        }
        self.tried.fill(false);
        if self.children.is_empty() { Next::Done } else { Next::Pending(wake) }
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        for (_, child) in &mut self.children {
            child.update(thread, event);
        }
    }
}

/// Whatever any of them has to give now; done when all are. Events go to all.
///
/// Where several could emit, they take turns, so that none starves under a common pace.
pub fn any<G: Generator>(generators: Vec<G>) -> Any<G> {
    Any { children: generators, first: 0 }
}

/// See [`any`].
#[derive(Clone, Debug)]
pub struct Any<G> {
    children: Vec<G>,
    /// Whose turn it is to be asked first.
    first: usize,
}

impl<G: Generator> Generator for Any<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        let mut wake = None;
        let mut asked = 0;
        let mut index = self.first;
        while asked < self.children.len() {
            if index >= self.children.len() {
                index = 0;
            }
            match self.children[index].next(ctx) {
                Next::Invoke(thread, op) => {
                    self.first = index + 1;
                    return Next::Invoke(thread, op);
                }
                Next::Pending(at) => {
                    wake = earlier(wake, at);
                    asked += 1;
                    index += 1;
                }
                Next::Done => {
                    self.children.remove(index);
                    if index < self.first {
                        self.first -= 1;
                    }
                }
            }
        }
        if self.children.is_empty() { Next::Done } else { Next::Pending(wake) }
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        for child in &mut self.children {
            child.update(thread, event);
        }
    }
}

/// An operation of the one, then an operation of the other, in turn: a fault and its end. Done
/// when the one whose turn it is, is done. Events go to both.
pub fn flip_flop<A: Generator, B: Generator>(flip: A, flop: B) -> FlipFlop<A, B> {
    FlipFlop { flip, flop, turn: Turn::Flip }
}

#[derive(Clone, Copy, Debug)]
enum Turn {
    Flip,
    Flop,
    Over,
}

/// See [`flip_flop`].
#[derive(Clone, Debug)]
pub struct FlipFlop<A, B> {
    flip: A,
    flop: B,
    turn: Turn,
}

impl<A: Generator, B: Generator> Generator for FlipFlop<A, B> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        let (next, then) = match self.turn {
            Turn::Flip => (self.flip.next(ctx), Turn::Flop),
            Turn::Flop => (self.flop.next(ctx), Turn::Flip),
            Turn::Over => return Next::Done,
        };
        match next {
            Next::Invoke(..) => self.turn = then,
            Next::Done => self.turn = Turn::Over,
            Next::Pending(_) => {}
        }
        next
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        self.flip.update(thread, event);
        self.flop.update(thread, event);
    }
}
