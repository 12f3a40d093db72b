//! What was done, how it ended, how long it took, and what went wrong.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};

use crate::checker::{Budget, Checker};
use crate::event::EventRef;
use crate::history::{Fate, History, Operation};
use crate::value::Value;
use crate::verdict::Judgement;

/// Which algorithm answers.
const ALGORITHM: &str = "counting";
/// How many kinds of errors are told, the most frequent first.
const MAX_ERRORS: usize = 64;
/// How many kinds are told apart while counting: errors with a number in them would otherwise
/// fill the memory.
const MAX_KINDS: usize = 1024;
/// How many characters of an error are kept, and compared.
const MAX_ERROR_CHARS: usize = 200;

/// Numbers over all client operations of a history.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// From the first event to the last, the nemesis' among them; milliseconds.
    pub duration_ms: f64,
    /// Over all functions.
    pub all: Outcomes,
    /// By function, in the order of names.
    pub by_f: BTreeMap<String, Outcomes>,
    /// Errors by function, outcome and text, the most frequent first; at most 64.
    pub errors: Vec<ErrorGroup>,
    /// Operations whose errors are of further kinds.
    pub errors_omitted: usize,
}

/// How operations ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcomes {
    /// How many there were.
    pub count: usize,
    /// Answered: they happened.
    pub ok: Outcome,
    /// Refused: they did not happen.
    pub fail: Outcome,
    /// Indefinite, or never answered.
    pub info: Outcome,
}

/// How many operations ended in one way, and how long they took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How many.
    pub count: usize,
    /// Time from invocation to completion; absent if none was completed.
    pub latency: Option<Latency>,
}

/// Quantiles of latency in milliseconds: the smallest value that at least this share of the
/// operations does not exceed (nearest rank).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Half of them.
    pub p50_ms: f64,
    /// 95 %.
    pub p95_ms: f64,
    /// 99 %.
    pub p99_ms: f64,
    /// 99.9 %.
    pub p99_9_ms: f64,
    /// All.
    pub max_ms: f64,
}

/// Operations that ended with the same error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorGroup {
    /// Which function.
    pub f: String,
    /// `fail` or `info`.
    pub fate: String,
    /// The error: text as it is, anything else as JSON. Cut after 200 characters, with an
    /// ellipsis to say so.
    pub error: String,
    /// How often.
    pub count: usize,
    /// Position of the first completion with it.
    pub first: usize,
    /// Position of the last.
    pub last: usize,
    /// Time of the first, ns since the run began.
    pub first_time: u64,
    /// Time of the last, ns.
    pub last_time: u64,
}

impl Latency {
    /// The quantiles of `nanoseconds`, which are sorted by it; `None` if there are none.
    pub fn of(nanoseconds: &mut [u64]) -> Option<Self> {
        nanoseconds.sort_unstable();
        let last = nanoseconds.len().checked_sub(1)?;
        // In thousandths, so that no rounding of floats decides on a rank.
        let at = |per_mille: usize| {
            let rank = (nanoseconds.len() * per_mille).div_ceil(1000);
            nanoseconds[rank.saturating_sub(1).min(last)] as f64 / 1e6
        };
        Some(Latency {
            p50_ms: at(500),
            p95_ms: at(950),
            p99_ms: at(990),
            p99_9_ms: at(999),
            max_ms: at(1000),
        })
    }
}

#[derive(Default)]
struct Tally {
    counts: [usize; 3],
    latencies: [Vec<u64>; 3],
}

impl Tally {
    fn add(&mut self, operation: &Operation<'_>) {
        let fate = operation.fate() as usize;
        self.counts[fate] += 1;
        if let Some(completion) = operation.completion_event() {
            self.latencies[fate].push(completion.time.saturating_sub(operation.invocation.time));
        }
    }

    fn outcomes(mut self) -> Outcomes {
        let mut of = |fate: Fate| Outcome {
            count: self.counts[fate as usize],
            latency: Latency::of(&mut self.latencies[fate as usize]),
        };
        let (ok, fail, info) = (of(Fate::Ok), of(Fate::Fail), of(Fate::Info));
        Outcomes { count: ok.count + fail.count + info.count, ok, fail, info }
    }
}

/// Errors by function, fate and text.
#[derive(Default)]
struct Errors<'h> {
    groups: BTreeMap<(&'h str, Fate, String), ErrorGroup>,
    omitted: usize,
}

impl<'h> Errors<'h> {
    fn add(&mut self, operation: &Operation<'h>, at: usize, completion: EventRef<'_>, error: &Value) {
        let (f, fate) = (operation.invocation.f.as_str(), operation.fate());
        let full = self.groups.len() >= MAX_KINDS;
        let group = match self.groups.entry((f, fate, cut(error))) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if full => {
                self.omitted += 1;
                return;
            }
            Entry::Vacant(new) => {
                let group = ErrorGroup {
                    f: f.to_owned(),
                    fate: fate.as_str().to_owned(),
                    error: new.key().2.clone(),
                    count: 0,
                    first: at,
                    last: at,
                    first_time: completion.time,
                    last_time: completion.time,
                };
                new.insert(group)
            }
        };
        group.count += 1;
        // Operations come in the order of invocation, errors in that of completion.
        if at < group.first {
            (group.first, group.first_time) = (at, completion.time);
        }
        if at > group.last {
            (group.last, group.last_time) = (at, completion.time);
        }
    }

    /// The most frequent, and how many operations had others.
    fn most_frequent(self) -> (Vec<ErrorGroup>, usize) {
        let mut groups: Vec<ErrorGroup> = self.groups.into_values().collect();
        groups.sort_by(|a, b| b.count.cmp(&a.count).then(a.first.cmp(&b.first)));
        let rest = groups.split_off(groups.len().min(MAX_ERRORS));
        (groups, self.omitted + rest.iter().map(|group| group.count).sum::<usize>())
    }
}

fn cut(error: &Value) -> String {
    let text = error.as_str().map_or_else(|| Cow::Owned(error.to_string()), Cow::Borrowed);
    match text.char_indices().nth(MAX_ERROR_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.into_owned(),
    }
}

impl Stats {
    /// Counts a history.
    pub fn of(history: &History) -> Self {
        let mut all = Tally::default();
        let mut by_f: BTreeMap<&str, Tally> = BTreeMap::new();
        let mut errors = Errors::default();
        for operation in history.operations() {
            all.add(&operation);
            by_f.entry(operation.invocation.f.as_str()).or_default().add(&operation);
            if let Some((at, completion)) = operation.completion
                && let Some(error) = completion.error()
            {
                errors.add(&operation, at, completion, error);
            }
        }
        let (errors, errors_omitted) = errors.most_frequent();
        let time = |event: Option<EventRef<'_>>| event.map_or(0, |event| event.time);
        // In other people's histories time may run backwards.
        let duration = time(history.events().last()).saturating_sub(time(history.events().next()));
        Stats {
            duration_ms: duration as f64 / 1e6,
            all: all.outcomes(),
            by_f: by_f.into_iter().map(|(f, tally)| (f.to_owned(), tally.outcomes())).collect(),
            errors,
            errors_omitted,
        }
    }
}

/// Counts, and asks that every function got something through. After Jepsen's `checker/stats`,
/// which calls a function without any `ok` invalid; here it is a doubt, because such a history
/// shows no broken promise. The numbers themselves are [`Stats::of`].
#[derive(Clone, Copy, Debug, Default)]
pub struct StatsChecker;

impl Checker for StatsChecker {
    fn name(&self) -> &str {
        "stats"
    }

    fn check(&self, history: &History, _budget: &Budget<'_>) -> Judgement {
        let stats = Stats::of(history);
        let without: Vec<String> = stats
            .by_f
            .iter()
            .filter(|(_, outcomes)| outcomes.ok.count == 0)
            .map(|(f, outcomes)| format!("none of {} operations `{f}`", outcomes.count))
            .collect();
        if stats.all.count == 0 {
            Judgement::unknown(ALGORITHM, "no client invoked anything")
        } else if without.is_empty() {
            Judgement::valid(ALGORITHM)
        } else {
            Judgement::unknown(ALGORITHM, format!("{} was answered with ok", without.join(", and ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, EventType, Extra, Process};
    use crate::value::Value;

    fn event(time: u64, process: u64, kind: EventType, f: &str, error: Option<&str>) -> Event {
        let process = Process::client(process).unwrap();
        let extra = error.map(|error| Box::new(Extra { error: Some(error.into()), ..Extra::default() }));
        Event { extra, ..Event::new(time, process, kind, f, Value::Nil) }
    }

    #[test]
    fn quantiles_are_nearest_ranks() {
        let mut thousand: Vec<u64> = (1..=1000).rev().map(|ms| ms * 1_000_000).collect();
        let latency = Latency::of(&mut thousand).unwrap();
        assert_eq!(
            [latency.p50_ms, latency.p95_ms, latency.p99_ms, latency.p99_9_ms, latency.max_ms],
            [500.0, 950.0, 990.0, 999.0, 1000.0]
        );
        assert_eq!(Latency::of(&mut [7_000_000]).unwrap().p50_ms, 7.0);
        assert_eq!(Latency::of(&mut []), None);
    }

    #[test]
    fn a_function_without_ok_is_a_doubt() {
        let events = vec![
            event(0, 0, EventType::Invoke, "read", None),
            event(3_000_000, 0, EventType::Ok, "read", None),
            event(3_000_000, 0, EventType::Invoke, "write", None),
            event(4_000_000, 1, EventType::Invoke, "write", None),
            event(5_000_000, 1, EventType::Fail, "write", Some("no leader")),
            event(6_000_000, 0, EventType::Fail, "write", Some("no leader")),
            event(7_000_000, 0, EventType::Invoke, "read", None),
        ];
        let history = History::new(events).unwrap();
        let judgement = StatsChecker.check(&history, &Budget::default());
        assert_eq!(judgement.reason, "none of 2 operations `write` was answered with ok");
        let stats = Stats::of(&history);
        assert_eq!((stats.all.count, stats.all.ok.count, stats.all.info.count), (4, 1, 1));
        assert_eq!(stats.by_f["read"].ok.latency.unwrap().max_ms, 3.0);
        assert_eq!(stats.by_f["read"].info.latency, None);
        let [group] = &stats.errors[..] else { panic!("{:?}", stats.errors) };
        assert_eq!((group.count, group.first, group.last, group.last_time), (2, 4, 5, 6_000_000));
        assert_eq!(stats.by_f["write"].fail.count, 2);
        assert_eq!((stats.duration_ms, stats.errors_omitted), (7.0, 0));
        assert_eq!(Stats::of(&History::default()), Stats::default());
    }

    #[test]
    fn long_errors_are_cut_and_rare_ones_counted_together() {
        let failures = |errors: Vec<String>| {
            let failure = |error: &String| {
                let invocation = event(0, 0, EventType::Invoke, "read", None);
                [invocation, event(0, 0, EventType::Fail, "read", Some(error))]
            };
            Stats::of(&History::new(errors.iter().flat_map(failure)).unwrap())
        };
        let stats = failures(vec!["ä".repeat(201), "ä".repeat(200), "ä".repeat(1 << 20)]);
        let groups: Vec<_> = stats.errors.iter().map(|group| (group.error.as_str(), group.count)).collect();
        let whole = "ä".repeat(200);
        assert_eq!(groups, [(format!("{whole}…").as_str(), 2), (whole.as_str(), 1)]);

        let distinct = failures((0..2 * MAX_KINDS).map(|n| format!("port {n}")).collect());
        assert_eq!(
            (distinct.errors.len(), distinct.errors_omitted),
            (MAX_ERRORS, 2 * MAX_KINDS - MAX_ERRORS)
        );
    }
}
