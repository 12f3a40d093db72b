//! When, and where, the system answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::history::{Fate, History};

/// How available a system was to its clients.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Availability {
    /// Operations completed in each second of the run; seconds without any are left out.
    pub seconds: Vec<Second>,
    /// Operations by the node named in their completion, in the order of names. Those whose
    /// completion names none, or that have none, are left out.
    pub nodes: Vec<Node>,
    /// In how much of the time something succeeded, between the first and the last event of a
    /// client. Absent if no time passed.
    pub served: Option<Served>,
    /// The longest time without an `ok`, between the first and the last event of a client.
    /// Absent if no client did anything.
    pub longest_gap: Option<Gap>,
    /// Invocations that were never completed, not even with `info`.
    pub unanswered: usize,
}

/// One second of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Which: 0 is the first of the run.
    pub second: u64,
    /// Completions with `ok`.
    pub ok: usize,
    /// Completions of any kind.
    pub completed: usize,
    /// `ok / completed`, from 0 to 1.
    pub share: f64,
}

/// One node, as clients saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub node: String,
    /// Completions with `ok`.
    pub ok: usize,
    /// Completions of any kind.
    pub completed: usize,
    /// `ok / completed`, from 0 to 1.
    pub share: f64,
}

/// How much of the time a system served.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// Length of the intervals looked at: a second, or a tenth of one if all lasted less than ten.
    pub interval_ms: u64,
    /// Share of the intervals in which something completed with `ok`, from 0 to 1.
    pub share: f64,
}

/// A time in which no operation completed with `ok`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The `ok` before it, or the first event of a client; ns since the run began.
    pub start_time: u64,
    /// The `ok` after it, or the last event of a client; ns.
    pub end_time: u64,
    /// Its length in milliseconds.
    pub length_ms: f64,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    ok: usize,
    completed: usize,
}

impl Tally {
    fn add(&mut self, ok: bool) {
        self.ok += usize::from(ok);
        self.completed += 1;
    }
    fn share(self) -> f64 {
        self.ok as f64 / self.completed.max(1) as f64
    }
}

impl Availability {
    /// Measures a history.
    pub fn of(history: &History) -> Self {
        let mut seconds: BTreeMap<u64, Tally> = BTreeMap::new();
        let mut nodes: BTreeMap<&str, Tally> = BTreeMap::new();
        let mut unanswered = 0;
        let mut oks: Vec<u64> = Vec::new();
        for operation in history.operations() {
            let Some(completion) = operation.completion_event() else {
                unanswered += 1;
                continue;
            };
            let ok = operation.fate() == Fate::Ok;
            seconds.entry(completion.time / 1_000_000_000).or_default().add(ok);
            if let Some(node) = &completion.node {
                nodes.entry(node).or_default().add(ok);
            }
            if ok {
                oks.push(completion.time);
            }
        }
        oks.sort_unstable();
        let seconds = seconds.into_iter().map(|(second, tally)| Second {
            second,
            ok: tally.ok,
            completed: tally.completed,
            share: tally.share(),
        });
        let nodes = nodes.into_iter().map(|(node, tally)| Node {
            node: node.to_owned(),
            ok: tally.ok,
            completed: tally.completed,
            share: tally.share(),
        });
        let span = client_span(history);
        Availability {
            seconds: seconds.collect(),
            nodes: nodes.collect(),
            served: span.and_then(|span| served(span, &oks)),
            longest_gap: span.map(|span| longest_gap(span, &oks)),
            unanswered,
        }
    }
}

/// Times of the first and of the last event of a client.
fn client_span(history: &History) -> Option<(u64, u64)> {
    let mut clients = history.events().filter(|event| !event.process.is_nemesis());
    let first = clients.next()?.time;
    Some((first, clients.next_back().map_or(first, |event| event.time)))
}

/// `oks` are the times of `ok` completions, in order.
fn served((first, last): (u64, u64), oks: &[u64]) -> Option<Served> {
    let length = last - first;
    // A short run is looked at more closely, so that there is something to count.
    let interval_ms = if length >= 10_000_000_000 { 1000 } else { 100 };
    let interval = interval_ms * 1_000_000;
    let intervals = length.div_ceil(interval);
    let final_interval = intervals.checked_sub(1)?;
    let mut with_ok: Vec<u64> = oks.iter().map(|ok| ((ok - first) / interval).min(final_interval)).collect();
    with_ok.dedup();
    Some(Served { interval_ms, share: with_ok.len() as f64 / intervals as f64 })
}

/// `oks` are the times of `ok` completions, in order.
fn longest_gap((first, last): (u64, u64), oks: &[u64]) -> Gap {
    let ends = oks.iter().copied().chain([last]);
    let mut start_time = first;
    let mut longest = Gap { start_time: first, end_time: first, length_ms: 0.0 };
    for end_time in ends {
        let length_ms = end_time.saturating_sub(start_time) as f64 / 1e6;
        if length_ms > longest.length_ms {
            longest = Gap { start_time, end_time, length_ms };
        }
        start_time = end_time;
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventType, Process};
    use crate::value::Value;

    #[test]
    fn shares_and_gaps() {
        let at = |ms: u64, kind, node: Option<&str>| {
            let event = Event::new(ms * 1_000_000, Process::client(0).unwrap(), kind, "read", Value::Nil);
            Event { node: node.map(Into::into), ..event }
        };
        let events = vec![
            at(100, EventType::Invoke, None),
            at(200, EventType::Ok, Some("n1")),
            at(300, EventType::Invoke, None),
            at(2_500, EventType::Fail, Some("n2")),
            at(2_600, EventType::Invoke, None),
            at(2_700, EventType::Ok, Some("n2")),
            at(2_800, EventType::Invoke, None),
        ];
        let availability = Availability::of(&History::new(events).unwrap());
        let seconds: Vec<_> = availability.seconds.iter().map(|s| (s.second, s.ok, s.completed)).collect();
        assert_eq!(seconds, [(0, 1, 1), (2, 1, 2)]);
        let nodes: Vec<_> = availability.nodes.iter().map(|n| (n.node.as_str(), n.share)).collect();
        assert_eq!(nodes, [("n1", 1.0), ("n2", 0.5)]);
        let gap = availability.longest_gap.unwrap();
        assert_eq!((gap.start_time, gap.end_time, gap.length_ms), (200_000_000, 2_700_000_000, 2_500.0));
        assert_eq!(availability.unanswered, 1);
        // From 100 ms to 2800 ms there are 27 intervals; the last ok falls on the end of the 26th.
        assert_eq!(availability.served, Some(Served { interval_ms: 100, share: 2.0 / 27.0 }));
        assert_eq!(Availability::of(&History::default()), Availability::default());
    }
}
