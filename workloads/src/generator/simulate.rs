//! Runs a generator in virtual time: no threads, no I/O, and the same events for the same seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use checkers::{Event, EventType, Extra, History, HistoryError, Process, Value};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::by_thread::ByThread;
use super::{Generator, Next, Roster, Thread, nanoseconds};
use crate::client::{Op, Outcome};

/// A run in virtual time, with its bounds.
///
/// ```
/// use std::time::Duration;
/// use workloads::generator::simulate::{Response, Simulation};
/// use workloads::generator::{GeneratorExt, repeat};
/// use workloads::Op;
///
/// let mut writes = repeat(Op::new("write", 1)).delay(Duration::from_millis(5)).limit(2);
/// let trace = Simulation::with_clients(3).run(&mut writes, |_, _| Response::ok_after_ms(2));
/// assert_eq!(
///     trace.timeline(),
///     ["0ms 0 invoke write 1", "2ms 0 ok write 1", "5ms 1 invoke write 1", "7ms 1 ok write 1"]
/// );
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Simulation {
    /// Number of client threads.
    pub clients: u32,
    /// Whether there is a thread of the nemesis.
    pub nemesis: bool,
    /// Seeds the generator's chance and, apart from it, that of the responses.
    pub seed: u64,
    /// No more operations than this.
    pub max_operations: u64,
    /// Stops here, and leaves open what is outstanding.
    pub time_limit: Duration,
    /// A runner does not wake on the dot: a wait ends up to this much too late, at random.
    pub wakes_late_by: Duration,
}

impl Simulation {
    /// This many clients and no nemesis; at most 10,000 operations and an hour.
    pub fn with_clients(clients: u32) -> Self {
        Simulation {
            clients,
            nemesis: false,
            seed: 0,
            max_operations: 10_000,
            time_limit: Duration::from_secs(3_600),
            wakes_late_by: Duration::ZERO,
        }
    }

    /// Runs `generator` until it is done or a bound is met. `respond` says of each operation, when
    /// it is invoked, how it ends and when; its rng is not the generator's.
    ///
    /// # Panics
    /// When the generator breaks its contract: chooses a thread that is not free, or asks to be
    /// asked again at a time that is not later.
    pub fn run(
        &self,
        generator: &mut (impl Generator + ?Sized),
        respond: impl FnMut(&Call<'_>, &mut ChaCha8Rng) -> Response,
    ) -> Trace {
        let mut responses = ChaCha8Rng::seed_from_u64(self.seed);
        responses.set_stream(1);
        let run = Run {
            simulation: *self,
            generator,
            respond,
            roster: Roster::new(self.clients, self.nemesis),
            chance: ChaCha8Rng::seed_from_u64(self.seed),
            responses,
            time: 0,
            due: BinaryHeap::new(),
            open: ByThread::default(),
            events: Vec::new(),
            operations: 0,
            asks: 0,
        };
        run.finish()
    }
}

/// An operation to respond to.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// Nanoseconds since the run began.
    pub time: u64,
    /// On which thread.
    pub thread: Thread,
    /// By which process.
    pub process: Process,
    /// What.
    pub op: &'a Op,
}

/// How an operation ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// How long it takes.
    pub latency: Duration,
    /// What becomes of it.
    pub outcome: Outcome,
    /// An `ok` whose result is the argument, as of a write.
    echo: bool,
}

impl Response {
    /// This outcome after this time.
    pub fn new(latency: Duration, outcome: Outcome) -> Self {
        Response { latency, outcome, echo: false }
    }

    /// `ok`, with the argument as result, after so many milliseconds.
    pub fn ok_after_ms(milliseconds: u64) -> Self {
        Response {
            latency: Duration::from_millis(milliseconds),
            outcome: Outcome::Ok(Value::Nil),
            echo: true,
        }
    }

    /// `fail` after so many milliseconds.
    pub fn fail_after_ms(milliseconds: u64) -> Self {
        Self::new(Duration::from_millis(milliseconds), Outcome::Fail(Value::from("refused")))
    }

    /// `info` after so many milliseconds.
    pub fn info_after_ms(milliseconds: u64) -> Self {
        Self::new(Duration::from_millis(milliseconds), Outcome::Info(Value::from("timeout")))
    }
}

/// Why a run in virtual time ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The generator was done, and everything completed.
    Done,
    /// The largest number of operations was reached, and everything completed.
    OperationLimit,
    /// The time was up.
    TimeLimit,
    /// The generator waits for an event, and there is none to come: it would wait for ever.
    Stuck,
}

/// What happened in virtual time.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Every event. Those of the nemesis are `info` at both ends, as Jepsen's.
    pub events: Vec<Event>,
    /// Why it ended.
    pub end: End,
    /// How often the generator was asked.
    pub asks: u64,
    /// The virtual time at the end, in nanoseconds.
    pub time: u64,
}

impl Trace {
    /// As a history.
    ///
    /// # Errors
    /// What makes it none; a simulation records none such.
    pub fn history(&self) -> Result<History, HistoryError> {
        History::new(self.events.clone())
    }

    /// The invocations of clients.
    pub fn invocations(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| event.is_invoke())
    }

    /// Every event in a line: `5ms 1 invoke write 7`.
    pub fn timeline(&self) -> Vec<String> {
        self.events.iter().map(line).collect()
    }

    /// Every invocation in a line: `5ms 1 write 7`.
    pub fn calls(&self) -> Vec<String> {
        self.invocations().map(|e| format!("{}ms {} {} {}", ms(e.time), e.process, &*e.f, e.value)).collect()
    }
}

fn ms(time: u64) -> f64 {
    time as f64 / 1e6
}

fn line(event: &Event) -> String {
    let event_type = match event.event_type {
        EventType::Invoke => "invoke",
        EventType::Ok => "ok",
        EventType::Fail => "fail",
        EventType::Info => "info",
    };
    format!("{}ms {} {event_type} {} {}", ms(event.time), event.process, &*event.f, event.value)
}

struct Run<'g, G: ?Sized, R> {
    simulation: Simulation,
    generator: &'g mut G,
    respond: R,
    roster: Roster,
    chance: ChaCha8Rng,
    responses: ChaCha8Rng,
    time: u64,
    /// When, in which order of invocation, and who completes.
    due: BinaryHeap<Reverse<(u64, u64, Thread)>>,
    open: ByThread<Option<(Op, Outcome)>>,
    events: Vec<Event>,
    operations: u64,
    asks: u64,
}

impl<G, R> Run<'_, G, R>
where
    G: Generator + ?Sized,
    R: FnMut(&Call<'_>, &mut ChaCha8Rng) -> Response,
{
    fn finish(mut self) -> Trace {
        let end = loop {
            self.complete_due();
            if self.operations >= self.simulation.max_operations {
                break self.drain(End::OperationLimit);
            }
            self.asks += 1;
            match self.roster.ask(self.generator, self.time, &mut self.chance) {
                Next::Invoke(thread, op) => self.invoke(thread, op),
                Next::Done => break self.drain(End::Done),
                Next::Pending(at) => {
                    if let Some(end) = self.wait(at) {
                        break end;
                    }
                }
            }
        };
        Trace { events: self.events, end, asks: self.asks, time: self.time }
    }

    fn record(&mut self, thread: Thread, event: Event) {
        self.generator.update(thread, &event);
        self.events.push(event);
    }

    fn invoke(&mut self, thread: Thread, op: Op) {
        assert!(self.roster.begin(thread), "the generator chose {thread:?} for {op:?}, which is not free");
        let process = self.roster.process_of(thread);
        let call = Call { time: self.time, thread, process, op: &op };
        let Response { latency, mut outcome, echo } = (self.respond)(&call, &mut self.responses);
        if echo {
            outcome = Outcome::Ok(op.value.clone());
        }
        let event_type = if thread == Thread::Nemesis { EventType::Info } else { EventType::Invoke };
        self.record(thread, Event::new(self.time, process, event_type, op.f.clone(), op.value.clone()));
        let at = self.time.saturating_add(nanoseconds(latency));
        self.due.push(Reverse((at, self.operations, thread)));
        *self.open.entry(thread) = Some((op, outcome));
        self.operations += 1;
    }

    fn complete_due(&mut self) {
        while let Some(&Reverse((at, _, thread))) = self.due.peek() {
            if at > self.time {
                break;
            }
            self.due.pop();
            self.complete(thread);
        }
    }

    fn complete(&mut self, thread: Thread) {
        let Some((op, outcome)) = self.open.entry(thread).take() else { return };
        let (event_type, value, error) = match outcome {
            Outcome::Ok(value) => (EventType::Ok, value, None),
            Outcome::Fail(error) => (EventType::Fail, op.value, Some(error)),
            Outcome::Info(error) => (EventType::Info, op.value, Some(error)),
        };
        let event_type = if thread == Thread::Nemesis { EventType::Info } else { event_type };
        let mut event = Event::new(self.time, self.roster.process_of(thread), event_type, op.f, value);
        event.extra = error.map(|error| Box::new(Extra { error: Some(error), ..Extra::default() }));
        match event_type {
            EventType::Info => self.roster.end_crashed(thread),
            _ => self.roster.end(thread),
        }
        self.record(thread, event);
    }

    /// Lets time pass until something can change.
    fn wait(&mut self, at: Option<u64>) -> Option<End> {
        if let Some(at) = at {
            assert!(at > self.time, "asked at {}, the generator wants to be asked again at {at}", self.time);
        }
        let late = nanoseconds(self.simulation.wakes_late_by);
        let wake = at.map(|at| at.saturating_add(self.responses.random_range(0..=late)));
        let completion = self.due.peek().map(|Reverse((at, ..))| *at);
        let Some(next) = super::earlier(wake, completion) else { return Some(End::Stuck) };
        let limit = nanoseconds(self.simulation.time_limit);
        self.time = next.min(limit);
        (next > limit).then_some(End::TimeLimit)
    }

    /// Everything outstanding completes, as far as there is time.
    fn drain(&mut self, end: End) -> End {
        let limit = nanoseconds(self.simulation.time_limit);
        while let Some(&Reverse((at, _, thread))) = self.due.peek() {
            if at > limit {
                self.time = limit;
                return End::TimeLimit;
            }
            self.due.pop();
            self.time = at;
            self.complete(thread);
        }
        end
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{count, run};
    use super::super::{Context, GeneratorExt, sleep};
    use super::*;

    #[test]
    fn a_seed_fixes_everything() {
        let trace = |seed| {
            let simulation = Simulation { seed, ..Simulation::with_clients(3) };
            let mut generator = count("a").stagger(Duration::from_millis(1)).limit(500);
            simulation.run(&mut generator, |_, rng| Response::ok_after_ms(rng.random_range(1..20))).events
        };
        assert_eq!(trace(7), trace(7));
        assert_ne!(trace(7), trace(8));
    }

    #[test]
    fn operations_and_time_are_bounded() {
        let few = Simulation { max_operations: 5, ..Simulation::with_clients(2) };
        let trace = few.run(&mut count("a"), |_, _| Response::ok_after_ms(1));
        assert_eq!((trace.events.len(), trace.end), (10, End::OperationLimit));

        let short = Simulation { time_limit: Duration::from_millis(25), ..Simulation::with_clients(1) };
        let trace = short.run(&mut count("a"), |_, _| Response::ok_after_ms(10));
        assert_eq!((trace.events.len(), trace.end, trace.time), (5, End::TimeLimit, 25_000_000));
        let trace = short.run(&mut sleep(Duration::MAX), |_, _| Response::ok_after_ms(10));
        assert_eq!((trace.asks, trace.end), (1, End::TimeLimit));
    }

    #[test]
    fn a_generator_that_waits_for_nothing_is_found_out() {
        struct Waits;
        impl Generator for Waits {
            fn next(&mut self, _ctx: &mut Context<'_>) -> Next {
                Next::Pending(None)
            }
        }
        assert_eq!(run(1, Waits).end, End::Stuck);
    }

    #[test]
    #[should_panic(expected = "which is not free")]
    fn a_generator_that_takes_a_busy_thread_is_found_out() {
        struct Greedy;
        impl Generator for Greedy {
            fn next(&mut self, _ctx: &mut Context<'_>) -> Next {
                Next::Invoke(Thread::Client(0), Op::new("a", 1))
            }
        }
        run(2, Greedy);
    }

    #[test]
    #[should_panic(expected = "wants to be asked again at 0")]
    fn a_generator_that_would_spin_is_found_out() {
        struct Spins;
        impl Generator for Spins {
            fn next(&mut self, ctx: &mut Context<'_>) -> Next {
                Next::Pending(Some(ctx.time))
            }
        }
        run(1, Spins);
    }

    #[test]
    fn outcomes_become_events_with_their_errors() {
        let mut generator = count("a").limit(2);
        let trace = Simulation::with_clients(1).run(&mut generator, |call, _| match call.op.value.as_int() {
            Some(1) => Response::fail_after_ms(1),
            _ => Response::info_after_ms(1),
        });
        assert_eq!(
            trace.timeline(),
            ["0ms 0 invoke a 1", "1ms 0 fail a 1", "1ms 0 invoke a 2", "2ms 0 info a 2"]
        );
        assert_eq!(trace.events[3].error(), Some(&Value::from("timeout")));
    }
}
