//! What became of each element of a set, against Jepsen's definition of `set-full` and ours; and of the
//! elements of several sets.

use std::collections::BTreeMap;

use checkers::registry::checker_by_name;
use checkers::{Budget, Checker, EventType, Evidence, Fate, History, SetFull, Value};

use super::oracle::{Op, fate, operations, random};
use super::{evidence, rounds};
use crate::simulate::Random;
use crate::text::lines;

/// Adds of five elements, some again, and reads of what is there, or nearly.
fn history(rng: &mut Random) -> History {
    let set: std::cell::RefCell<Vec<i64>> = Vec::new().into();
    let (wild, fast) = (rng.percent(40), rng.percent(50));
    let mut next = 0;
    let count = 4 + rng.below(7);
    random(
        rng,
        count,
        |rng| {
            if rng.percent(50) {
                return ("read", Value::Nil);
            }
            next += i64::from(rng.percent(85));
            ("add", element(next % 5))
        },
        |rng, f, asked| {
            let fate = fate(rng);
            let mut set = set.borrow_mut();
            if f == "add" {
                let element = asked.as_int().or_else(|| asked.as_list()?[0].as_int()).unwrap();
                let happens = if fate == EventType::Fail { rng.percent(10) } else { rng.percent(90) };
                if happens && !set.contains(&element) {
                    set.push(element);
                }
                return (fate, asked.clone());
            }
            let mut list: Vec<Value> = set
                .iter()
                .filter(|_| {
                    rng.percent(if wild {
                        75
                    } else if fast {
                        100
                    } else {
                        96
                    })
                })
                .map(|n| element(*n))
                .collect();
            if rng.percent(4) {
                list.extend(list.first().cloned());
            }
            if rng.percent(2) {
                list.push(Value::Int(7));
            }
            (fate, Value::from(list))
        },
    )
}

/// Elements are of more than one kind.
fn element(n: i64) -> Value {
    if n % 3 == 0 { Value::list([Value::Int(n)]) } else { Value::Int(n) }
}

#[derive(Debug, Default, PartialEq)]
struct Fates {
    stable: usize,
    lost: Vec<Value>,
    stale: Vec<Value>,
    never_read: Vec<Value>,
    duplicated: Vec<Value>,
    unexpected: Vec<Value>,
}

fn elements(ops: &[Op]) -> Vec<Value> {
    let added = ops.iter().filter(|op| op.f == "add" && op.fate != Fate::Fail).map(|op| op.input.clone());
    let read = ops.iter().filter(|op| op.ok("read")).flat_map(|op| op.list().to_vec());
    let mut all: Vec<Value> = added.chain(read).collect();
    all.sort();
    all.dedup();
    all
}

/// When it is known that `x` is in the set: the first answer of an add of it, or of a read that has it.
fn known(ops: &[Op], x: &Value) -> Option<usize> {
    let knows = |op: &&Op| op.ok("add") && op.input == *x || op.ok("read") && op.list().contains(x);
    ops.iter().filter(knows).map(|op| op.ret).min()
}

/// The words of `set_full.rs`, element by element.
fn by_our_words(ops: &[Op]) -> Fates {
    let mut fates = Fates::default();
    let reads = || ops.iter().filter(|op| op.ok("read"));
    for x in elements(ops) {
        let with = || reads().filter(|read| read.list().contains(&x));
        let without = || reads().filter(|read| !read.list().contains(&x));
        let known = known(ops, &x);
        let missed = |read: &&Op| known.is_some_and(|known| read.call > known);
        let lost = without().filter(missed).any(|read| with().all(|other| other.ret < read.call));
        let stale = !lost && without().any(|read| missed(&read));
        let tried = ops.iter().any(|op| op.may("add") && op.input == x);
        let seen = with().next().is_some();
        if lost {
            fates.lost.push(x.clone());
        }
        if stale {
            fates.stale.push(x.clone());
        }
        if tried && seen && !lost {
            fates.stable += 1;
        }
        if tried && !seen && !lost {
            fates.never_read.push(x.clone());
        }
        if reads().any(|read| read.list().iter().filter(|other| **other == x).count() > 1) {
            fates.duplicated.push(x.clone());
        }
        let first_try = ops.iter().filter(|op| op.may("add") && op.input == x).map(|op| op.call).min();
        if with().any(|read| first_try.is_none_or(|call| read.ret < call)) {
            fates.unexpected.push(x);
        }
    }
    fates
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Jepsen {
    Stable { stale: bool },
    Lost,
    NeverRead,
}

/// Jepsen's `set-full` of one element: the reads with it and without it that were invoked last
/// decide, among the reads that ended after its add was invoked.
fn as_jepsen(ops: &[Op], x: &Value) -> Option<Jepsen> {
    let added = ops.iter().filter(|op| op.f == "add" && op.input == *x).map(|op| op.call).min()?;
    let reads = || ops.iter().filter(|op| op.ok("read") && op.ret > added);
    let known = known(ops, x);
    let last_present = reads().filter(|read| read.list().contains(x)).map(|read| read.call).max();
    let last_absent = reads().filter(|read| !read.list().contains(x)).map(|read| read.call).max();
    Some(if last_present.is_some() && last_absent < last_present {
        // Time is counted in events, so that none takes no time.
        let stale = last_absent.zip(known).is_some_and(|(absent, known)| absent > known);
        Jepsen::Stable { stale }
    } else if known.is_some() && last_absent.is_some() && last_present < last_absent && known < last_absent {
        Jepsen::Lost
    } else {
        Jepsen::NeverRead
    })
}

#[test]
fn what_became_of_elements() {
    let mut random = Random(77);
    let mut tally: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..rounds() {
        let history = history(&mut random);
        let ops = operations(&history);
        for linearizable in [false, true] {
            let checker = SetFull { linearizable };
            let judgement = checker.check(&history, &Budget::default());
            evidence::is_true(&checker, &history, &judgement);
            let named = |name: &str| -> Vec<Value> {
                let mut values = judgement.details[name].as_list().unwrap().to_vec();
                values.sort();
                let count = &judgement.details[&format!("{name}_count")];
                assert_eq!(count.as_int(), Some(values.len() as i64), "{name}");
                values
            };
            let found = Fates {
                stable: judgement.details["stable_count"].as_int().unwrap() as usize,
                lost: named("lost"),
                stale: named("stale"),
                never_read: named("never_read"),
                duplicated: named("duplicated"),
                unexpected: named("unexpected"),
            };
            let expected = by_our_words(&ops);
            assert_eq!(found, expected, "round {round}: {}\n{}", judgement.reason, lines(&history));
        }
        let ours = by_our_words(&ops);
        for x in elements(&ops) {
            // A failed add did not happen for us; for Jepsen its element may be stable.
            let Some(jepsen) = as_jepsen(&ops, &x) else { continue };
            if !ops.iter().any(|op| op.may("add") && op.input == x) {
                continue;
            }
            let (lost, stale) = (ours.lost.contains(&x), ours.stale.contains(&x));
            let seen = !ours.never_read.contains(&x) && !lost;
            let same = match jepsen {
                Jepsen::Lost => lost,
                Jepsen::Stable { stale: late } => seen && late == stale,
                Jepsen::NeverRead => !seen && !lost,
            };
            let about = format!("{x} is {jepsen:?} in Jepsen, round {round}\n{}", lines(&history));
            // Jepsen knows the order of reads by their invocations alone: where two that disagree
            // overlap, or a read has what nobody had tried to add yet, it may say something else.
            let with: Vec<&Op> = ops.iter().filter(|op| op.ok("read") && op.list().contains(&x)).collect();
            let without = ops.iter().filter(|op| op.ok("read") && !op.list().contains(&x));
            let overlap =
                without.clone().any(|one| with.iter().any(|two| one.call < two.ret && two.call < one.ret));
            assert!(same || overlap || ours.unexpected.contains(&x), "{about}");
            *tally
                .entry(format!("{jepsen:?} {}", if same { "agreed" } else { "by overlap" }))
                .or_default() += 1;
        }
    }
    let seen = [
        "Stable { stale: false } agreed",
        "Stable { stale: true } agreed",
        "Lost agreed",
        "NeverRead agreed",
        "Lost by overlap",
    ];
    for kind in seen {
        assert!(tally.get(kind).is_some_and(|n| *n > 5), "{kind}: {tally:?}");
    }
}

/// The operations of one key, without it; and where each event stands in the whole.
fn of_key(history: &History, key: i64) -> (History, Vec<usize>) {
    let owner = |position: usize| {
        let event = history.event(position);
        let call = if event.is_invoke() { Some(position) } else { history.partner(position) };
        history.event(call?).value.as_pair()?.0.as_int()
    };
    let origins: Vec<usize> = (0..history.len()).filter(|at| owner(*at) == Some(key)).collect();
    let events = origins.iter().map(|at| {
        let mut event = history.event(*at).to_event();
        event.value = event.value.as_pair().map_or(Value::Nil, |(_, inner)| inner.clone());
        event
    });
    (History::new(events.collect::<Vec<_>>()).unwrap(), origins)
}

#[test]
fn a_lifted_checker_judges_each_key_as_the_checker_would() {
    let mut random = Random(79);
    let mut tally = [0; 3];
    for round in 0..rounds() {
        let set: std::cell::RefCell<Vec<(i64, i64)>> = Vec::new().into();
        let wild = random.percent(30);
        let mut next = 0;
        let history = super::oracle::random(
            &mut random,
            9,
            |rng| {
                let key = rng.below(3) as i64;
                if rng.percent(50) {
                    return ("read", Value::pair(key, Value::Nil));
                }
                next += 1;
                ("add", Value::pair(key, next))
            },
            |rng, f, asked| {
                let (key, value) = asked.as_pair().unwrap();
                let key = key.as_int().unwrap();
                let mut set = set.borrow_mut();
                match (fate(rng), f) {
                    (EventType::Ok, "read") => {
                        let lost = if wild { 15 } else { 0 };
                        let seen = set.iter().filter(|(of, _)| *of == key && !rng.percent(lost));
                        (
                            EventType::Ok,
                            Value::pair(
                                key,
                                Value::list(seen.map(|(_, x)| Value::Int(*x)).collect::<Vec<_>>()),
                            ),
                        )
                    }
                    (fate, "add") => {
                        if fate != EventType::Fail {
                            set.push((key, value.as_int().unwrap()));
                        }
                        // An answer may say nothing.
                        (fate, if rng.percent(50) { asked.clone() } else { Value::Nil })
                    }
                    (fate, _) => (fate, asked.clone()),
                }
            },
        );
        for name in ["set", "set-full", "set-full-linearizable"] {
            let inner = checker_by_name(name).unwrap();
            let lifted = checker_by_name(&format!("per-key-{name}")).unwrap();
            let judgement =
                lifted.check(&history, &Budget { threads: 1 + round as usize % 2, ..Budget::default() });
            evidence::is_true(lifted.as_ref(), &history, &judgement);
            let mut worst = None;
            let mut told: Vec<Vec<usize>> = Vec::new();
            for key in 0..3 {
                let (part, origins) = of_key(&history, key);
                if part.is_empty() {
                    continue;
                }
                let alone = inner.check(&part, &Budget::default());
                let at = |evidence: &Evidence| evidence.positions().iter().map(|at| origins[*at]).collect();
                told.extend(alone.evidence.iter().map(at));
                worst = worst.max(Some(alone.verdict));
            }
            let found: Vec<Vec<usize>> = judgement.evidence.iter().map(Evidence::positions).collect();
            told.sort();
            let sorted = |mut found: Vec<Vec<usize>>| {
                found.sort();
                found
            };
            assert_eq!(
                Some(judgement.verdict),
                worst,
                "round {round}: {}\n{}",
                judgement.reason,
                lines(&history)
            );
            assert_eq!(sorted(found), told, "round {round}\n{}", lines(&history));
            tally[judgement.verdict as usize] += 1;
        }
    }
    assert!(tally.iter().all(|n| *n > 20), "{tally:?}");
}
