//! Statistics of a history: counts, latencies, errors, availability.

use std::collections::HashMap;

use checkers::{Fate, History, Operation, Value};
use serde::{Deserialize, Serialize};

use crate::coverage::OperationCounts;
use crate::nemesis::plain;
use crate::text;

/// Kinds of error that are told apart; more are counted together.
const ERRORS_KEPT: usize = 40;
/// Length at which an error's text is cut before errors are compared.
const ERROR_LENGTH: usize = 160;

/// The numbers of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// From the first event to the last, seconds.
    pub duration_seconds: f64,
    /// Client operations.
    pub operations: OperationCounts,
    /// By function and outcome: functions by name, outcomes `ok`, `fail`, `info`.
    pub groups: Vec<Group>,
    /// Errors, the most frequent first.
    pub errors: Vec<ErrorGroup>,
    /// Operations with errors beyond those told apart.
    pub other_errors: u64,
    /// When the system served.
    pub availability: Availability,
}

/// Operations of one function with one outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The function.
    pub f: String,
    /// `ok`, `fail` or `info`.
    pub outcome: String,
    /// How many.
    pub count: u64,
    /// Latencies of those that completed; absent if none did.
    pub latency: Option<Latency>,
}

/// Quantiles of latency, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Half are at most this.
    pub ms_p50: f64,
    /// 95 % are at most this.
    pub ms_p95: f64,
    /// 99 % are at most this.
    pub ms_p99: f64,
    /// The slowest.
    pub ms_max: f64,
}

/// Operations that ended with the same error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorGroup {
    /// The error's text, cut if long.
    pub error: String,
    /// The function.
    pub f: String,
    /// `fail` or `info`.
    pub outcome: String,
    /// How many.
    pub count: u64,
    /// Position of the first one's invocation.
    pub first: usize,
}

/// When clients were served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Availability {
    /// Length of the intervals looked at, seconds.
    pub interval_seconds: f64,
    /// Share of intervals, first invocation to last completion, in which something succeeded.
    pub served_share: f64,
    /// Longest time without a success, seconds.
    pub longest_gap_seconds: f64,
    /// When that time began, seconds since the run began.
    pub longest_gap_from_seconds: f64,
}

impl Stats {
    /// Computes them.
    pub fn of(history: &History) -> Self {
        let mut latencies: HashMap<(&str, Fate), (u64, Vec<u64>)> = HashMap::new();
        let mut errors = Errors::default();
        let mut operations = OperationCounts::default();
        for operation in history.operations() {
            let fate = operation.fate();
            operations.add(fate);
            let (count, times) = latencies.entry((operation.invocation.f.as_str(), fate)).or_default();
            *count += 1;
            if let Some(end) = operation.completion_event() {
                times.push(end.time - operation.invocation.time);
            }
            errors.take(&operation);
        }
        let mut groups: Vec<_> = latencies.into_iter().collect();
        groups.sort_unstable_by_key(|(key, _)| *key);
        let groups = groups
            .into_iter()
            .map(|((f, fate), (count, times))| Group {
                f: f.to_owned(),
                outcome: fate_word(fate).to_owned(),
                count,
                latency: Latency::of(times),
            })
            .collect();
        let events = history.events();
        let span = events.last().map_or(0, |last| last.time) - events.first().map_or(0, |first| first.time);
        let (errors, other_errors) = errors.finish();
        Stats {
            duration_seconds: seconds(span),
            operations,
            groups,
            errors,
            other_errors,
            availability: Availability::of(history),
        }
    }

    /// Latency of all that succeeded, whichever function: the largest group's.
    pub fn ok_latency(&self) -> Option<(&str, Latency)> {
        let ok = self.groups.iter().filter(|group| group.outcome == "ok");
        ok.max_by_key(|group| group.count).and_then(|group| Some((group.f.as_str(), group.latency?)))
    }
}

/// `ok`, `fail` or `info`.
pub(crate) fn fate_word(fate: Fate) -> &'static str {
    match fate {
        Fate::Ok => "ok",
        Fate::Fail => "fail",
        Fate::Info => "info",
    }
}

pub(crate) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

impl Latency {
    fn of(mut times: Vec<u64>) -> Option<Self> {
        times.sort_unstable();
        let last = times.len().checked_sub(1)?;
        // The nearest rank: the smallest value that this share does not exceed.
        let quantile = |share: f64| {
            let rank = (share * times.len() as f64).ceil() as usize;
            times[rank.saturating_sub(1).min(last)] as f64 / 1e6
        };
        Some(Latency {
            ms_p50: quantile(0.50),
            ms_p95: quantile(0.95),
            ms_p99: quantile(0.99),
            ms_max: times[last] as f64 / 1e6,
        })
    }
}

#[derive(Default)]
struct Errors<'h> {
    known: HashMap<(&'h str, Fate, String), (u64, usize)>,
    other: u64,
}

impl<'h> Errors<'h> {
    fn take(&mut self, operation: &Operation<'h>) {
        let Some(error) = operation.completion_event().and_then(|end| end.error()) else { return };
        let key = (operation.invocation.f.as_str(), operation.fate(), error_text(error));
        // Errors with a number in them would otherwise fill the memory.
        if self.known.len() < 16 * ERRORS_KEPT || self.known.contains_key(&key) {
            self.known.entry(key).or_insert((0, operation.call)).0 += 1;
        } else {
            self.other += 1;
        }
    }

    fn finish(self) -> (Vec<ErrorGroup>, u64) {
        let mut groups: Vec<_> = self.known.into_iter().collect();
        groups.sort_unstable_by_key(|(_, (count, first))| (std::cmp::Reverse(*count), *first));
        let rest = groups.split_off(groups.len().min(ERRORS_KEPT));
        let other = self.other + rest.iter().map(|(_, (count, _))| count).sum::<u64>();
        let groups = groups
            .into_iter()
            .map(|((f, fate, error), (count, first))| ErrorGroup {
                error,
                f: f.to_owned(),
                outcome: fate_word(fate).to_owned(),
                count,
                first,
            })
            .collect();
        (groups, other)
    }
}

fn error_text(error: &Value) -> String {
    text::shorten(&plain(error), ERROR_LENGTH)
}

impl Availability {
    fn of(history: &History) -> Self {
        let mut span: Option<(u64, u64)> = None;
        let mut successes = Vec::new();
        for operation in history.operations() {
            let begin = operation.invocation.time;
            let end = operation.completion_event().map_or(begin, |event| event.time);
            let (first, last) = span.unwrap_or((begin, end));
            span = Some((first.min(begin), last.max(end)));
            if operation.fate() == Fate::Ok {
                successes.push(end);
            }
        }
        let Some((first, last)) = span.filter(|(first, last)| first < last) else { return Self::default() };
        successes.sort_unstable();
        // A short run is looked at more closely, so that there is something to count.
        let interval: u64 = if last - first >= 10_000_000_000 { 1_000_000_000 } else { 100_000_000 };
        let intervals = (last - first).div_ceil(interval);
        let mut served: Vec<u64> =
            successes.iter().map(|time| ((time - first) / interval).min(intervals - 1)).collect();
        served.dedup();
        let (mut gap, mut gap_from, mut previous) = (0, first, first);
        for time in successes.into_iter().chain([last]) {
            if time - previous > gap {
                (gap, gap_from) = (time - previous, previous);
            }
            previous = time;
        }
        Availability {
            interval_seconds: seconds(interval),
            served_share: served.len() as f64 / intervals as f64,
            longest_gap_seconds: seconds(gap),
            longest_gap_from_seconds: seconds(gap_from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{history, writes};

    #[test]
    fn quantiles_are_nearest_ranks() {
        let ms = |n: u64| n * 1_000_000;
        let latency = Latency::of((1..=100).rev().map(ms).collect()).unwrap();
        assert_eq!(latency, Latency { ms_p50: 50.0, ms_p95: 95.0, ms_p99: 99.0, ms_max: 100.0 });
        assert_eq!(Latency::of(vec![ms(3)]).unwrap().ms_p50, 3.0);
        assert_eq!(Latency::of(vec![]), None);
    }

    #[test]
    fn groups_errors_and_gaps_are_counted() {
        let lines = writes(3, 1, 0)
            + r#"
{"time":1000000000,"process":7,"type":"invoke","f":"read","value":null}
{"time":1500000000,"process":7,"type":"info","f":"read","value":null,"error":["timeout",5]}
{"time":1500000000,"process":8,"type":"invoke","f":"read","value":null}
"#;
        let stats = Stats::of(&history(&lines));
        assert_eq!(stats.operations, OperationCounts { ok: 3, fail: 1, info: 2 });
        let groups: Vec<_> =
            stats.groups.iter().map(|g| (g.f.as_str(), g.outcome.as_str(), g.count)).collect();
        assert_eq!(groups, [("read", "info", 2), ("write", "ok", 3), ("write", "fail", 1)]);
        assert_eq!(stats.errors.len(), 1);
        assert_eq!((stats.errors[0].error.as_str(), stats.errors[0].first), (r#"["timeout",5]"#, 8));
        let gap = stats.availability;
        assert_eq!((gap.longest_gap_seconds, gap.longest_gap_from_seconds), (1.497, 0.003));
        assert!((gap.served_share - 1.0 / 15.0).abs() < 1e-9);
        assert_eq!(Stats::of(&History::default()), Stats::default());
    }
}
