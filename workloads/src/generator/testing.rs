//! Short ways to say what nearly every test of a combinator says.

use super::simulate::{Response, Simulation, Trace};
use super::{Generator, GeneratorExt, source};
use crate::client::Op;

/// Runs on so many clients; each operation is ok after 10 ms.
pub(super) fn run(clients: u32, mut generator: impl Generator) -> Trace {
    Simulation::with_clients(clients).run(&mut generator, |_, _| Response::ok_after_ms(10))
}

/// The invocations of such a run.
pub(super) fn calls(clients: u32, generator: impl Generator) -> Vec<String> {
    run(clients, generator).calls()
}

/// `name 1`, `name 2`, …, without end.
pub(super) fn count(name: &'static str) -> impl Generator {
    let mut n = 0;
    source::from_fn(move |_| {
        n += 1;
        Op::new(name, n)
    })
}

/// `name 1` to `name n`.
pub(super) fn count_to(name: &'static str, n: u64) -> Box<dyn Generator> {
    count(name).limit(n).boxed()
}

/// How many invocations of `f` there are.
pub(super) fn number_of(trace: &Trace, f: &str) -> usize {
    trace.invocations().filter(|event| event.f == *f).count()
}
