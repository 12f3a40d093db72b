//! Read committed, read atomic and causal consistency, decided: forced pairs, then a cycle or none.

use super::causal::{self, Stop};
use super::committed::Committed;
use super::cycle::{components, shortest};
use super::explain::Explain;
use super::level::Level;
use super::meter::Meter;
use super::order::{Order, Pairs, Reasons, Sink};
use super::words::Words;
use super::{Decision, read_atomic, read_committed};

/// Decides one of the three.
pub(crate) fn decide(
    words: &Words<'_>,
    committed: &Committed<'_>,
    level: Level,
    meter: &mut Meter<'_>,
) -> Decision {
    let mut pairs = Pairs::default();
    let mut cyclic = false;
    match force(committed, level, &mut pairs, meter) {
        Ok(()) => {}
        Err(Stop::Budget(reason)) => return Decision::Unknown(reason),
        Err(Stop::Cycle) => {
            pairs = Pairs::default();
            cyclic = true;
        }
    }
    let explain = Explain { words, committed, level };
    if let Some(forced) = &pairs.before_all {
        let problem = if level == Level::Causal { "write-co-init-read" } else { "stale-initial-read" };
        return Decision::Broken(explain.before_all(problem, forced));
    }
    let count = pairs.pairs.len();
    if let Err(reason) = meter.take((committed.len() + count) as u64 / 16) {
        return Decision::Unknown(reason);
    }
    let order = Order::new(committed, &pairs.pairs);
    drop(pairs);
    let cycles = components(&order);
    let Some(smallest) = cycles.iter().min_by_key(|component| component.len()) else {
        return Decision::Holds;
    };
    let cycle = shortest(&order, smallest);
    Decision::Broken(in_words(&explain, &cycle, if cyclic { "cyclic-co" } else { problem(level) }, meter))
}

fn problem(level: Level) -> &'static str {
    match level {
        Level::ReadCommitted => "non-monotonic-read",
        Level::ReadAtomic => "fractured-read",
        _ => "cyclic-cf",
    }
}

fn force(
    committed: &Committed<'_>,
    level: Level,
    sink: &mut impl Sink,
    meter: &mut Meter<'_>,
) -> Result<(), Stop> {
    match level {
        Level::ReadCommitted => read_committed::force(committed, sink, meter).map_err(Stop::Budget),
        Level::ReadAtomic => read_atomic::force(committed, sink, meter).map_err(Stop::Budget),
        _ => causal::force(committed, sink, meter),
    }
}

/// The cycle with the reasons of its pairs, which are found by forcing all of them once more.
fn in_words(
    explain: &Explain<'_, '_>,
    cycle: &[u32],
    problem: &str,
    meter: &mut Meter<'_>,
) -> crate::evidence::Finding {
    let committed = explain.committed;
    let wanted = (0..cycle.len())
        .map(|at| (cycle[at], cycle[(at + 1) % cycle.len()]))
        .filter(|(first, second)| explain.cause(*first, *second).is_none())
        .collect();
    let mut reasons = Reasons::of(wanted);
    // Without a reason a step still says what it claims.
    let _ = force(committed, explain.level, &mut reasons, meter);
    // A cycle of sessions and reads alone is the worst there is.
    let problem = if reasons.wanted.is_empty() { "cyclic-co" } else { problem };
    explain.cycle(problem, cycle, |first, second, about| {
        if let Some(why) = explain.cause(first, second).or_else(|| explain.known(first, second)) {
            return why;
        }
        let at = reasons.wanted.iter().position(|pair| *pair == (first, second));
        match at.and_then(|at| reasons.found[at]) {
            Some(forced) => explain.forced(&forced, about),
            None => format!("{} is before {}", explain.name(first), explain.name(second)),
        }
    })
}
