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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::simulate::{End, Simulation};
    use super::super::testing::{calls, count, count_to, number_of, run};
    use super::super::{GeneratorExt, nothing, ops, repeat};
    use super::*;
    use crate::client::Op;

    #[test]
    fn mix_keeps_to_the_weights() {
        let trace = run(
            5,
            mix(vec![
                (5, count("a").boxed()),
                (3, count("b").boxed()),
                (2, count("c").boxed()),
                (0, count("d").boxed()),
            ])
            .limit(10_000),
        );
        let numbers = ["a", "b", "c", "d"].map(|f| number_of(&trace, f));
        assert_eq!(numbers, [5026, 2982, 1992, 0]);
    }

    #[test]
    fn mix_goes_on_until_all_are_done() {
        let trace = run(1, mix(vec![(9, count_to("a", 3)), (1, count_to("b", 2)), (1, nothing().boxed())]));
        assert_eq!((number_of(&trace, "a"), number_of(&trace, "b"), trace.end), (3, 2, End::Done));
    }

    #[test]
    fn mix_is_not_held_up_by_one_that_waits() {
        let slow = count("slow").delay(Duration::from_secs(1)).boxed();
        let trace =
            run(1, mix(vec![(100, slow), (1, count("fast").boxed())]).time_limit(Duration::from_secs(3)));
        assert_eq!((number_of(&trace, "slow"), number_of(&trace, "fast")), (3, 297));
    }

    #[test]
    fn weights_of_the_others_hold_while_one_waits() {
        let waits = count("never").synchronize().boxed();
        let rest = mix(vec![(4, waits), (3, count("b").boxed()), (1, count("c").boxed())]).limit(4_001);
        // The barrier never opens: a first operation keeps a thread busy.
        let mut generator = ops([Op::new("hang", 0)]).then(rest);
        let trace = Simulation::with_clients(3).run(&mut generator, |call, _| {
            let ms = if call.op.f == "hang" { 10_000_000 } else { 1 };
            super::super::simulate::Response::ok_after_ms(ms)
        });
        assert_eq!(number_of(&trace, "never"), 0);
        let b = number_of(&trace, "b");
        assert!((2_900..3_100).contains(&b), "{b} of 4001 should be three quarters");
    }

    #[test]
    fn any_takes_turns() {
        let generator = any(vec![count_to("a", 9), count_to("b", 1), count_to("c", 2)]).limit(6);
        assert_eq!(
            calls(1, generator),
            ["0ms 0 a 1", "10ms 0 b 1", "20ms 0 c 1", "30ms 0 a 2", "40ms 0 c 2", "50ms 0 a 3"]
        );
    }

    #[test]
    fn any_starves_nobody_under_a_common_pace() {
        let all = (0..5).map(|_| count("x")).map(GeneratorExt::boxed);
        let named = all
            .zip(["a", "b", "c", "d", "e"])
            .map(|(g, name)| g.map(move |op| Op::new(name, op.value)).boxed());
        let trace = run(3, any(named.collect()).stagger(Duration::from_millis(5)).limit(1_000));
        assert_eq!(["a", "b", "c", "d", "e"].map(|f| number_of(&trace, f)), [200; 5]);
    }

    #[test]
    fn any_waits_for_the_earliest() {
        let late = count("late").delay(Duration::from_millis(30)).boxed();
        let soon = count("soon").delay(Duration::from_millis(20)).boxed();
        assert_eq!(
            calls(2, any(vec![late, soon]).limit(5)),
            ["0ms 0 late 1", "0ms 1 soon 1", "20ms 0 soon 2", "30ms 1 late 2", "40ms 0 soon 3"]
        );
    }

    #[test]
    fn flip_flop_alternates_and_ends_with_either() {
        let start = repeat(Op::new("start", 1));
        let stop = ops([Op::new("stop", 1), Op::new("stop", 2)]);
        assert_eq!(
            calls(1, flip_flop(start, stop)),
            ["0ms 0 start 1", "10ms 0 stop 1", "20ms 0 start 1", "30ms 0 stop 2", "40ms 0 start 1"]
        );
    }
}
