//! When: operations at a global rate, whatever the number of threads.
//!
//! Both paces keep a *timetable*, which begins at the first ask: an operation is due one gap after
//! the one before **was due**, not after it was emitted. Lateness of the caller therefore does
//! not add up, and the rate holds over any length of time.
//!
//! The rule for falling behind (no thread was free, or the generator beneath waited): the
//! timetable lags at most [`CATCH_UP`]; operations that were due longer ago are forgone. So after
//! an outage of any length, what comes at once is at most what was due in the last 100 ms.

use std::time::Duration;

use checkers::Event;
use rand::Rng;

use super::{Context, Generator, Next, Thread, earlier, nanoseconds};

/// How far a timetable may lag behind the clock; see the module.
pub const CATCH_UP: Duration = Duration::from_millis(100);

/// The mean interval between operations at this rate: `.stagger(per_second(1_000.0))`.
///
/// A rate that is not above zero never comes to its second operation.
pub fn per_second(rate: f64) -> Duration {
    Duration::try_from_secs_f64(1.0 / rate).unwrap_or(Duration::MAX)
}

/// How long until the next operation is due, in nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Gap {
    /// Always this.
    Fixed(u64),
    /// Uniform from 0 to twice this, as Jepsen's `stagger`: irregular enough to meet races, and
    /// without the long silences of an exponential.
    UniformAround(u64),
}

/// See [`stagger`](super::GeneratorExt::stagger) and [`delay`](super::GeneratorExt::delay).
#[derive(Clone, Debug)]
pub struct Paced<G> {
    generator: G,
    gap: Gap,
    due: Option<u64>,
}

impl<G: Generator> Paced<G> {
    pub(super) fn stagger(generator: G, mean: Duration) -> Self {
        Paced { generator, gap: Gap::UniformAround(nanoseconds(mean)), due: None }
    }

    pub(super) fn delay(generator: G, interval: Duration) -> Self {
        Paced { generator, gap: Gap::Fixed(nanoseconds(interval)), due: None }
    }
}

impl<G: Generator> Generator for Paced<G> {
    fn next(&mut self, ctx: &mut Context<'_>) -> Next {
        let due = *self.due.get_or_insert(ctx.time);
        if ctx.time < due {
            // The end must not wait for an operation that will never be.
            return match self.generator.next(&mut ctx.with_nobody_free()) {
                Next::Done => Next::Done,
                Next::Pending(at) => Next::Pending(earlier(at, Some(due))),
                Next::Invoke(..) => unreachable!("a generator emitted although no thread is free"),
            };
        }
        let next = self.generator.next(ctx);
        if let Next::Invoke(..) = next {
            let gap = match self.gap {
                Gap::Fixed(interval) => interval,
                Gap::UniformAround(mean) => ctx.rng.random_range(0..=mean.saturating_mul(2)),
            };
            let oldest = ctx.time.saturating_sub(nanoseconds(CATCH_UP));
            self.due = Some(due.max(oldest).saturating_add(gap));
        }
        next
    }

    fn update(&mut self, thread: Thread, event: &Event) {
        self.generator.update(thread, event);
    }
}

#[cfg(test)]
mod tests {
    use super::super::simulate::{Response, Simulation, Trace};
    use super::super::testing::{calls, count};
    use super::super::{GeneratorExt, ops, sleep};
    use super::*;

    const TEN_MINUTES: Duration = Duration::from_secs(600);

    /// Ten minutes at 1,000 operations a second, with a runner that wakes up to 2 ms too late.
    fn ten_minutes(mut generator: impl Generator) -> Trace {
        let simulation = Simulation {
            max_operations: u64::MAX,
            wakes_late_by: Duration::from_millis(2),
            ..Simulation::with_clients(20)
        };
        simulation.run(&mut generator, |_, rng| Response::ok_after_ms(rng.random_range(1..=10)))
    }

    #[test]
    fn delay_spaces_evenly() {
        assert_eq!(
            calls(2, count("a").delay(Duration::from_millis(4)).limit(4)),
            ["0ms 0 a 1", "4ms 1 a 2", "10ms 0 a 3", "14ms 1 a 4"]
        );
    }

    #[test]
    fn delay_does_not_drift_in_ten_minutes_of_late_asks() {
        let trace = ten_minutes(count("a").delay(per_second(1_000.0)).time_limit(TEN_MINUTES));
        assert_eq!(trace.invocations().count(), 600_000);
    }

    #[test]
    fn stagger_keeps_its_rate_over_ten_minutes_of_late_asks() {
        let trace = ten_minutes(count("a").stagger(per_second(1_000.0)).time_limit(TEN_MINUTES));
        let operations = trace.invocations().count();
        // The sum of 600,000 uniform gaps has a standard deviation of 447 gaps.
        assert!((598_600..601_400).contains(&operations), "{operations} in ten minutes");
    }

    #[test]
    fn stagger_is_irregular_within_twice_the_mean() {
        let mut generator = count("a").stagger(Duration::from_millis(10)).limit(2_000);
        let trace = Simulation::with_clients(5).run(&mut generator, |_, _| Response::ok_after_ms(1));
        let times: Vec<u64> = trace.invocations().map(|event| event.time).collect();
        let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
        assert!(*least < 100_000 && *most > 19_900_000 && *most <= 20_000_000, "{least} to {most} ns");
    }

    #[test]
    fn after_an_outage_no_more_comes_at_once_than_was_due_in_the_last_tenth_of_a_second() {
        let mut generator = count("a").delay(Duration::from_millis(10)).time_limit(Duration::from_secs(20));
        // All 50 threads hang from the fifth second to the tenth.
        let trace = Simulation::with_clients(50).run(&mut generator, |call, _| {
            let (from, to) = (5_000_000_000, 10_000_000_000);
            let hangs = (from..to).contains(&call.time);
            let latency = if hangs { to - call.time } else { 1_000_000 };
            Response::new(Duration::from_nanos(latency), crate::Outcome::Ok(checkers::Value::Nil))
        });
        let between = |from: u64, to: u64| {
            trace.invocations().filter(|e| (from..to).contains(&(e.time / 1_000_000))).count()
        };
        assert_eq!(between(0, 5_000), 500);
        assert_eq!(between(5_000, 10_000), 50, "as many as there are threads");
        assert_eq!(between(10_000, 10_001), 11, "ten to catch up with, and the one that is due");
        assert_eq!(between(10_001, 20_000), 999);
    }

    #[test]
    fn the_end_does_not_wait_for_an_operation_that_will_never_be() {
        let generator = ops([crate::Op::new("a", 1)]).delay(Duration::from_secs(60)).then(count("b").once());
        assert_eq!(calls(2, generator), ["0ms 0 a 1", "0ms 1 b 1"]);
        let limited =
            sleep(Duration::from_millis(5)).stagger(Duration::from_secs(60)).then(count("b").once());
        assert_eq!(calls(1, limited), ["5ms 0 b 1"]);
    }

    #[test]
    fn a_rate_of_nothing_never_comes_to_its_second_operation() {
        assert_eq!(per_second(0.0), Duration::MAX);
        assert_eq!(per_second(-1.0), Duration::MAX);
        let generator = count("a").delay(per_second(0.0)).time_limit(TEN_MINUTES);
        assert_eq!(calls(1, generator), ["0ms 0 a 1"]);
    }
}
