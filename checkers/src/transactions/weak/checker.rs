//! The checker of a level.

use super::super::history::{Holds, TxnHistory};
use super::super::judge::{NOTHING_READ, somebody_read};
use super::build::{Built, build};
use super::committed::Committed;
use super::faults;
use super::level::Level;
use super::meter::Meter;
use super::serial::{Keeps, Kind};
use super::words::Words;
use super::{Decision, observers, saturated, serial, sessions, views};
use crate::checker::{Budget, Checker};
use crate::evidence::Evidence;
use crate::history::History;
use crate::model::DecodeError;
use crate::verdict::Judgement;

/// Whether a history of transactions keeps a [`Level`].
///
/// Every value should be written once per key. Where a read may have come from several writes, it
/// is left out: a violation without it stands, and otherwise the verdict is `unknown`.
///
/// ```
/// use checkers::transactions::history::Holds;
/// use checkers::transactions::weak::{Isolation, Level};
/// use checkers::{Budget, Checker, Event, EventType, History, Process, Value, Verdict};
///
/// let mut events = Vec::new();
/// let mut transaction = |process, asked: &str, answered: &str| {
///     for (event_type, text) in [(EventType::Invoke, asked), (EventType::Ok, answered)] {
///         let value: Value = serde_json::from_str(text).unwrap();
///         let process = Process::client(process).unwrap();
///         events.push(Event::new(events.len() as u64, process, event_type, "txn", value));
///     }
/// };
/// transaction(0, r#"[["w", "x", 1], ["w", "y", 1]]"#, r#"[["w", "x", 1], ["w", "y", 1]]"#);
/// transaction(1, r#"[["r", "x", null], ["r", "y", null]]"#, r#"[["r", "x", 1], ["r", "y", null]]"#);
/// let history = History::new(events)?;
/// let read_atomic = Isolation::new(Level::ReadAtomic, Holds::Registers);
/// assert_eq!(read_atomic.check(&history, &Budget::default()).verdict, Verdict::Invalid);
/// # Ok::<(), checkers::HistoryError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isolation {
    /// What is promised.
    pub level: Level,
    /// What the keys hold.
    pub holds: Holds,
}

/// How many doubtful reads a reason names.
const NAMED: usize = 3;

impl Isolation {
    /// The checker of a level.
    pub fn new(level: Level, holds: Holds) -> Self {
        Isolation { level, holds }
    }

    /// The judgement of a history that was read already; `history` is quoted from.
    pub fn check_transactions(&self, history: &History, txns: &TxnHistory, budget: &Budget<'_>) -> Judgement {
        let words = Words { history, txns };
        let Built { committed, faults, doubtful } = build(txns);
        let algorithm = self::algorithm(self.level);
        if faults.count > 0 {
            let evidence =
                faults.first.iter().map(|fault| Evidence::Finding(faults::finding(&words, fault))).collect();
            return Judgement::invalid("read-consistency", evidence).with("faulty-reads", faults.count);
        }
        if committed.len() == 0 {
            return Judgement::unknown(algorithm, "no transaction is known to have happened");
        }
        let mut meter = Meter::new(budget);
        let mut established = Vec::new();
        let decision = decide(&words, &committed, self.level, &mut meter, &mut established);
        let (decision, shown_by) = simplest(&words, &committed, self.level, decision, budget);
        let algorithm = self::algorithm(shown_by);
        let judgement = match decision {
            Decision::Broken(finding) => Judgement::invalid(algorithm, vec![Evidence::Finding(finding)]),
            Decision::Unknown(reason) => Judgement::unknown(algorithm, reason),
            Decision::Holds if !somebody_read(history) => Judgement::unknown(algorithm, NOTHING_READ),
            Decision::Holds if doubtful.is_empty() => Judgement::valid(algorithm),
            Decision::Holds => {
                let named: Vec<String> = doubtful
                    .iter()
                    .take(NAMED)
                    .map(|(txn, version)| {
                        let key = txns.versions[*version as usize].key;
                        format!("{} of {}", words.txn(*txn), words.version(key, *version))
                    })
                    .collect();
                Judgement::unknown(
                    algorithm,
                    format!(
                        "{} reads may be of more than one write, because a value was written more than once \
                         ({}); without them nothing is wrong. Write every value once per key",
                        doubtful.len(),
                        named.join("; ")
                    ),
                )
            }
        };
        established
            .into_iter()
            .fold(judgement, |judgement, (name, count)| judgement.with(name, count))
            .with("level", self.level.name())
            .with("transactions", committed.len())
    }
}

/// What breaks a weaker level breaks this one too, and is often easier to see; and where a search
/// ended without an answer, it is one. The levels that need no search are tried.
fn simplest(
    words: &Words<'_>,
    committed: &Committed<'_>,
    level: Level,
    decision: Decision,
    budget: &Budget<'_>,
) -> (Decision, Level) {
    let size = |decision: &Decision| match decision {
        Decision::Holds => 0,
        Decision::Broken(finding) => finding.operations.len(),
        Decision::Unknown(_) => usize::MAX,
    };
    let (mut best, mut shown_by) = (decision, level);
    if size(&best) <= 3 {
        return (best, shown_by);
    }
    for weaker in level.all_weaker() {
        if algorithm(weaker) == SEARCH {
            continue;
        }
        let mut meter = Meter::new(budget);
        let other = decide(words, committed, weaker, &mut meter, &mut Vec::new());
        if matches!(other, Decision::Broken(_)) && size(&other) < size(&best) {
            (best, shown_by) = (other, weaker);
        }
    }
    (best, shown_by)
}

const SEARCH: &str = "polygraph-search";

fn algorithm(level: Level) -> &'static str {
    match level {
        Level::ReadYourWrites | Level::MonotonicReads | Level::MonotonicWrites | Level::WritesFollowReads => {
            "session-patterns"
        }
        Level::Pram | Level::CausalMemory => "session-views",
        Level::ReadCommitted | Level::ReadAtomic | Level::WeakCausal | Level::Causal => "saturation",
        _ => SEARCH,
    }
}

fn decide(
    words: &Words<'_>,
    committed: &Committed<'_>,
    level: Level,
    meter: &mut Meter<'_>,
    established: &mut Vec<(&'static str, u64)>,
) -> Decision {
    let (kind, keeps) = match level {
        Level::ReadCommitted | Level::ReadAtomic | Level::Causal => {
            return saturated::decide(words, committed, level, meter);
        }
        Level::SnapshotIsolation => (Kind::Snapshot, Keeps::Nothing),
        Level::StrongSessionSnapshotIsolation => (Kind::Snapshot, Keeps::Sessions),
        Level::StrongSnapshotIsolation => (Kind::Snapshot, Keeps::Time),
        Level::Serializable => (Kind::Serial, Keeps::Nothing),
        Level::StrongSessionSerializable => (Kind::Serial, Keeps::Sessions),
        Level::StrictSerializable => (Kind::Serial, Keeps::Time),
        Level::ReadYourWrites => return sessions::read_your_writes(words, committed),
        Level::MonotonicReads => return sessions::monotonic_reads(words, committed, meter),
        Level::MonotonicWrites | Level::WritesFollowReads => {
            return observers::decide(words, committed, level, meter);
        }
        Level::Pram | Level::CausalMemory => return views::decide(words, committed, level, meter),
        Level::WeakCausal => return views::weak_causal(words, committed, meter),
    };
    let timeless = keeps == Keeps::Time && committed.history.completions_only;
    let keeps = if timeless { Keeps::Sessions } else { keeps };
    let (decision, found) = serial::decide(words, committed, level, kind, keeps, meter);
    let counts = [("forced", found.forced), ("chosen", found.choices), ("dead-ends", found.conflicts)];
    established.extend(counts);
    match decision {
        Decision::Holds if timeless => Decision::Unknown(
            "the history says nothing of when; without the order of time nothing is wrong".to_owned(),
        ),
        decision => decision,
    }
}

impl Checker for Isolation {
    fn name(&self) -> &str {
        self.level.name()
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        TxnHistory::understands(history, self.holds)
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        match TxnHistory::new(history, self.holds) {
            Ok(txns) => self.check_transactions(history, &txns, budget),
            Err(error) => Judgement::unknown(
                "none",
                format!("the event at position {} is not understood: {}", error.position, error.problem),
            ),
        }
    }
}
