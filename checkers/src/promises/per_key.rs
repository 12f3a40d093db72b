//! Any checker, for each of several independent objects.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::findings::shorten;
use super::shape::{Numbering, Pace, Undecided, judged, refuse};
use crate::checker::{Budget, Checker, check_guarded};
use crate::event::EventRef;
use crate::history::{EventHead, Fate, History, HistoryBuilder, Rules};
use crate::model::DecodeError;
use crate::tape::ValueRef;
use crate::value::Value;
use crate::verdict::{Judgement, Verdict};

const ALGORITHM: &str = "per-key";
/// How many keys of one verdict are named, and how many pieces of evidence are told.
const MAX_TOLD: usize = 16;

/// Judges the operations on each key apart; every value is `[key, value]`, as in Jepsen's
/// `independent`. The worst verdict wins, and evidence names its key.
///
/// Keys are judged on as many threads as the budget has; steps and bytes are shared out among
/// them by the number of their events. An `ok` answers `[key, value]` too, or nil unless it is to say
/// what there is; another answer is refused. Without any operation on a key: `unknown`.
///
/// A history of which the checker would refuse the part of one key is refused as a whole, as the
/// checker refuses one with a single operation that it does not know: `unknown`, with the event.
///
/// Other than in Jepsen, client operations without a key do not go to every key, which costs as
/// many copies as there are keys; they are refused. The nemesis' events are left out.
pub struct PerKey {
    name: String,
    inner: Box<dyn Checker>,
}

impl PerKey {
    /// This checker, for each key.
    pub fn new(inner: Box<dyn Checker>) -> Self {
        PerKey { name: format!("per-key-{}", inner.name()), inner }
    }
}

/// Functions whose answer is what there is: where it names no key, nobody knows what they were told.
const LOOKS: [&str; 4] = ["read", "read-init", "final-read", "dequeue"];

/// Which events belong to which key.
struct Split<'h> {
    keys: Numbering<'h>,
    /// Positions of events, those of one key together, in their order.
    events: Vec<u32>,
    /// Where the events of each key begin, and the end of the last.
    starts: Vec<usize>,
}

fn split<'h>(history: &'h History, budget: &Budget<'_>) -> Result<Split<'h>, Undecided> {
    let mut pace = Pace::new(budget);
    let mut keys = Numbering::of(history);
    let mut owners: Vec<(u32, u32)> = Vec::new();
    for operation in history.operations() {
        pace.did(1)?;
        let Some((key, _)) = operation.invocation.value.as_pair() else {
            if operation.fate() == Fate::Fail {
                continue;
            }
            let shown = shorten(&operation.invocation.value);
            let f = operation.invocation.f;
            let problem = format!(
                "`{f}` needs the value [key, value], not {shown}; with one object, take the checker without `per-key-`"
            );
            return Err(refuse(history, operation.call, problem).into());
        };
        let number = keys.number(key) as u32;
        owners.push((operation.call as u32, number));
        if let Some((at, completion)) = operation.completion.filter(|(at, _)| *at != operation.call) {
            let answer = completion.value;
            let same = answer.as_pair().is_some_and(|(other, _)| other == key)
                || answer.is_nil() && !LOOKS.contains(&operation.invocation.f.as_str());
            if operation.fate() == Fate::Ok && !same {
                let (f, key) = (operation.invocation.f, shorten(&key));
                let shown = shorten(&answer);
                let problem = format!("`{f}` of the key {key} must answer [{key}, value], not {shown}");
                return Err(refuse(history, at, problem).into());
            }
            owners.push((at as u32, number));
        }
    }
    owners.sort_unstable();
    let mut starts = vec![0; keys.len() + 1];
    for (_, number) in &owners {
        starts[*number as usize + 1] += 1;
    }
    for at in 1..starts.len() {
        starts[at] += starts[at - 1];
    }
    let mut ends = starts.clone();
    let mut events = vec![0; owners.len()];
    for (position, number) in owners {
        let end = &mut ends[number as usize];
        events[*end] = position;
        *end += 1;
    }
    Ok(Split { keys, events, starts })
}

impl Split<'_> {
    /// What of the budget is for the key with this number.
    fn share<'b>(&self, number: usize, budget: &Budget<'b>) -> Budget<'b> {
        let size = (self.starts[number + 1] - self.starts[number]) as u128;
        let steps = u128::from(budget.max_steps) * size / self.events.len().max(1) as u128;
        Budget {
            max_steps: u64::try_from(steps).unwrap_or(u64::MAX).max(1),
            max_bytes: budget.max_bytes / budget.threads.max(1),
            threads: 1,
            stop: budget.stop,
        }
    }
}

/// What came of one key.
type OfKey = Result<(Verdict, Option<Box<Judgement>>), Box<DecodeError>>;

/// The history of the key with this number, its values without the key.
fn part(history: &History, split: &Split<'_>, number: usize) -> Result<History, DecodeError> {
    let key = split.keys.value(number);
    let positions = &split.events[split.starts[number]..split.starts[number + 1]];
    let mut builder = HistoryBuilder::new(Rules::LENIENT);
    for position in positions {
        let position = *position as usize;
        let event = history.event(position);
        let inner = match event.value.as_pair() {
            Some((same, inner)) if same == key => inner,
            _ => ValueRef::NIL,
        };
        builder.value().copy(inner);
        let pushed = builder.name(event.f).and_then(|f| {
            let node = event.node.map(|node| builder.name(node)).transpose()?;
            let extra = event.extra.map(|extra| Box::new(extra.clone()));
            let EventRef { time, process, event_type, .. } = event;
            builder.push(EventHead { time, process, event_type, f, node, extra })
        });
        // A part of a history is one: this would be a mistake of ours, and is told as such.
        pushed.map_err(|error| refuse(history, position, error.to_string()))?;
    }
    Ok(builder.finish().part_from(positions.iter().map(|at| history.origin(*at as usize) as u32).collect()))
}

impl Checker for PerKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        let whole = Budget::default();
        let parts = match split(history, &whole) {
            Ok(parts) => parts,
            Err(Undecided::Shape(error)) => return Err(error),
            Err(Undecided::Stopped(_)) => return Ok(()),
        };
        (0..parts.keys.len()).try_for_each(|number| self.inner.understands(&part(history, &parts, number)?))
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

impl PerKey {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        let split = split(history, budget)?;
        let count = split.keys.len();
        let mut evidence = Vec::new();
        let mut told: [Vec<Value>; 2] = [Vec::new(), Vec::new()];
        let mut counts = [0_usize; 3];
        let mut first_doubt = None;
        let mut refused: Option<DecodeError> = None;
        for (number, judged) in self.judge_all(history, &split, budget) {
            let (verdict, kept) = match judged {
                Ok(judged) => judged,
                Err(error) => {
                    let first = refused.take().filter(|first| first.position <= error.position);
                    refused = Some(first.unwrap_or(*error));
                    continue;
                }
            };
            counts[verdict as usize] += 1;
            let is_told = match verdict {
                Verdict::Valid => continue,
                Verdict::Unknown => first_doubt.is_none() || told[0].len() < MAX_TOLD,
                Verdict::Invalid => evidence.len() < MAX_TOLD || told[1].len() < MAX_TOLD,
            };
            if !is_told {
                continue;
            }
            let key = split.keys.value(number).to_value();
            // What was not kept is found again: a check is deterministic.
            let judgement = match kept {
                Some(kept) => *kept,
                None => self.judge_one(history, &split, number, &split.share(number, budget))?,
            };
            let named = if verdict == Verdict::Unknown {
                first_doubt.get_or_insert_with(|| format!("key {key}: {}", judgement.reason));
                &mut told[0]
            } else {
                let left = MAX_TOLD.saturating_sub(evidence.len());
                evidence.extend(judgement.evidence.into_iter().take(left));
                &mut told[1]
            };
            if named.len() < MAX_TOLD {
                named.push(key);
            }
        }
        if let Some(error) = refused {
            return Err(error.into());
        }
        let [valid, unknown, invalid] = counts;
        let judgement = if invalid > 0 {
            Judgement::invalid(ALGORITHM, evidence)
        } else if let Some(doubt) = first_doubt {
            Judgement::unknown(ALGORITHM, format!("{unknown} of {count} keys cannot be judged; {doubt}"))
        } else if count == 0 {
            Judgement::unknown(ALGORITHM, "there is no operation on any key")
        } else {
            Judgement::valid(ALGORITHM)
        };
        let judgement = judgement.with("checker", self.inner.name()).with("key_count", count);
        let judgement = judgement.with("valid_count", valid).with("unknown_count", unknown);
        let judgement = judgement.with("invalid_count", invalid);
        let [unknown, failures] = told;
        Ok(judgement.with("unknown_keys", unknown).with("failures", failures))
    }

    /// The verdicts by key and the first judgements that are not plainly valid, or why the checker
    /// refuses the key.
    fn judge_all(&self, history: &History, split: &Split<'_>, budget: &Budget<'_>) -> Vec<(usize, OfKey)> {
        let count = split.keys.len();
        let threads = budget.threads.clamp(1, count.max(1));
        let (next, kept) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let done = Mutex::new(Vec::with_capacity(count));
        let work = || {
            let mut own = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                let judged = self.judge_one(history, split, number, &split.share(number, budget));
                let judged = judged.map(|judgement| {
                    let verdict = judgement.verdict;
                    // A million keys need not keep a million pieces of evidence.
                    let keep =
                        verdict != Verdict::Valid && kept.fetch_add(1, Ordering::Relaxed) < 4 * MAX_TOLD;
                    (verdict, keep.then(|| Box::new(judgement)))
                });
                own.push((number, judged.map_err(Box::new)));
            }
            if let Ok(mut done) = done.lock() {
                done.append(&mut own);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_unstable_by_key(|(number, ..)| *number);
        done
    }

    fn judge_one(
        &self,
        history: &History,
        split: &Split<'_>,
        number: usize,
        budget: &Budget<'_>,
    ) -> Result<Judgement, DecodeError> {
        if let Some(reason) = budget.stop.and_then(|stop| stop()) {
            return Ok(Judgement::unknown(ALGORITHM, reason));
        }
        let part = part(history, split, number)?;
        self.inner.understands(&part)?;
        let mut judgement = check_guarded(self.inner.as_ref(), &part, budget);
        let key = split.keys.value(number).to_value();
        let evidence = std::mem::take(&mut judgement.evidence);
        judgement.evidence =
            evidence.into_iter().map(|evidence| evidence.lifted(&key, |at| part.origin(at))).collect();
        Ok(judgement)
    }
}
