//! Reads by predicate against brute force: every order of all that happened, every subset of what may have.
//!
//! From the definitions alone. Serial: one transaction after the other on a map. Snapshots: each reads the state
//! after some prefix of the commits before its own, and of what it writes nobody wrote since. Read
//! committed and uncommitted after Adya (thesis, 4.2.1 and 4.4): some order of the versions of each key, and
//! for each predicate read some version of each key that explains what it found, so that write dependencies,
//! with those of reads for the former, have no cycle.

use std::collections::BTreeMap;

use checkers::transactions::{ClosedPredicate, Promise};
use checkers::{Budget, Checker, Event, EventType, Fate, History, Process, Value, Verdict};

use crate::simulate::Random;

fn cases() -> u64 {
    if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { 100_000 } else { 5_000 }
}

#[derive(Clone, Copy, Debug)]
enum Predicate {
    True,
    Equals(i64),
    Odd,
}

impl Predicate {
    fn matches(self, held: Option<i64>) -> bool {
        held.is_some_and(|held| match self {
            Predicate::True => true,
            Predicate::Equals(value) => held == value,
            Predicate::Odd => held % 2 == 1,
        })
    }

    fn value(self) -> Value {
        match self {
            Predicate::True => "true".into(),
            Predicate::Equals(value) => Value::list(["=".into(), Value::Int(value)]),
            Predicate::Odd => Value::list(["mod".into(), Value::Int(2), Value::Int(1)]),
        }
    }
}

type State = BTreeMap<i64, i64>;

#[derive(Clone, Debug)]
enum Mop {
    Set(i64, Option<i64>),
    Read(i64, Option<i64>),
    Where(Predicate, State),
}

#[derive(Clone, Debug)]
struct Txn {
    mops: Vec<Mop>,
    fate: Fate,
    call: usize,
    ret: usize,
}

impl Txn {
    fn writes(&self, key: i64) -> bool {
        self.left(key).is_some()
    }

    /// What it leaves the key at, if it writes it.
    fn left(&self, key: i64) -> Option<Option<i64>> {
        let set = |mop: &Mop| match mop {
            Mop::Set(k, state) if *k == key => Some(*state),
            _ => None,
        };
        self.mops.iter().rev().find_map(set)
    }

    /// Executes it; whether what it answered is what it would have seen. Of what was not answered nobody knows.
    fn execute(&self, state: &mut State) -> bool {
        let known = self.fate == Fate::Ok;
        self.mops.iter().all(|mop| match mop {
            Mop::Set(key, Some(value)) => {
                state.insert(*key, *value);
                true
            }
            Mop::Set(key, None) => {
                state.remove(key);
                true
            }
            Mop::Read(key, seen) => !known || state.get(key) == seen.as_ref(),
            Mop::Where(predicate, found) => {
                let all = state.iter().filter(|(_, value)| predicate.matches(Some(**value)));
                !known || all.map(|(key, value)| (*key, *value)).collect::<State>() == *found
            }
        })
    }
}

/// The transactions of a database that is sometimes wrong, and what it held at first.
fn simulate(random: &mut Random) -> (State, Vec<Txn>, History) {
    let keys = 1 + random.below(3) as i64;
    let initial: State =
        (0..keys).map(|key| (key, random.below(4) as i64)).filter(|(_, value)| *value < 3).collect();
    let initial = if initial.is_empty() { State::from([(0, 0)]) } else { initial };
    let mut held = initial.clone();
    let mut past = vec![held.clone()];
    let wrong = 2 + random.below(10);
    let (count, processes) = (2 + random.below(3) as usize, 1 + random.below(3) as usize);
    let mut txns: Vec<Txn> = Vec::new();
    let mut doing: Vec<Option<usize>> = vec![None; processes];
    let mut names: Vec<u64> = (1..=processes as u64).collect();
    let mut events: Vec<(usize, u64, bool)> = Vec::new();
    while doing.iter().any(Option::is_some) || txns.len() < count {
        let process = random.below(processes as u64) as usize;
        let Some(at) = doing[process] else {
            if txns.len() < count {
                let mops = (0..1 + random.below(3))
                    .map(|_| {
                        let key = random.below(keys as u64) as i64;
                        match random.below(6) {
                            0 => Mop::Set(key, None),
                            1 | 2 => Mop::Set(key, Some(random.below(6) as i64)),
                            3 => Mop::Read(key, None),
                            _ => {
                                let which = random.below(5) as i64;
                                let equals = Predicate::Equals(which);
                                Mop::Where(
                                    [Predicate::True, Predicate::Odd, equals][which as usize % 3],
                                    State::new(),
                                )
                            }
                        }
                    })
                    .collect();
                doing[process] = Some(txns.len());
                txns.push(Txn { mops, fate: Fate::Ok, call: events.len(), ret: usize::MAX });
                events.push((txns.len() - 1, names[process], true));
            }
            continue;
        };
        let fate = [Fate::Ok, Fate::Ok, Fate::Ok, Fate::Ok, Fate::Ok, Fate::Fail, Fate::Info]
            [random.below(7) as usize];
        let happens = fate == Fate::Ok || fate == Fate::Info && random.below(2) == 0;
        let mut view = if random.below(wrong) == 0 {
            past[random.below(past.len() as u64) as usize].clone()
        } else {
            held.clone()
        };
        let txn = &mut txns[at];
        for mop in &mut txn.mops {
            match mop {
                Mop::Set(key, state) => {
                    for all in [Some(&mut view), happens.then_some(&mut held)].into_iter().flatten() {
                        match state {
                            Some(value) => all.insert(*key, *value),
                            None => all.remove(key),
                        };
                    }
                }
                Mop::Read(key, seen) => *seen = view.get(key).copied(),
                Mop::Where(predicate, found) => {
                    *found = view.clone();
                    found.retain(|_, value| predicate.matches(Some(*value)));
                    if random.below(wrong * 3) == 0 {
                        found.pop_first();
                    }
                }
            }
        }
        past.push(held.clone());
        (txn.fate, txn.ret) = (fate, events.len());
        doing[process] = None;
        events.push((at, names[process], false));
        if fate == Fate::Info {
            names[process] += 100;
        }
    }
    let history = record(&initial, &txns, &events);
    (initial, txns, history)
}

fn map(state: &State) -> Value {
    Value::Map(state.iter().map(|(key, value)| (Value::Int(*key), Value::Int(*value))).collect())
}

fn record(initial: &State, txns: &[Txn], events: &[(usize, u64, bool)]) -> History {
    let process = |number| Process::client(number).unwrap();
    let begin = [EventType::Invoke, EventType::Ok];
    let begin = begin.map(|kind| Event::new(0, process(0), kind, "init", map(initial)));
    let events = events.iter().map(|(at, number, invoked)| {
        let txn = &txns[*at];
        let kind = match txn.fate {
            _ if *invoked => EventType::Invoke,
            Fate::Ok => EventType::Ok,
            Fate::Fail => EventType::Fail,
            Fate::Info => EventType::Info,
        };
        let answered = kind == EventType::Ok;
        let mops = txn.mops.iter().map(|mop| match mop {
            Mop::Set(key, None) => Value::list(["delete".into(), Value::Int(*key)]),
            Mop::Set(key, Some(value)) => Value::list(["w".into(), Value::Int(*key), Value::Int(*value)]),
            Mop::Read(key, seen) => {
                let seen = seen.filter(|_| answered).map_or(Value::Nil, Value::Int);
                Value::list(["r".into(), Value::Int(*key), seen])
            }
            Mop::Where(predicate, found) => {
                let found = if answered { map(found) } else { Value::Nil };
                Value::list(["rp".into(), predicate.value(), found])
            }
        });
        Event::new(0, process(*number), kind, "txn", Value::list(mops))
    });
    History::new(begin.into_iter().chain(events)).unwrap()
}

/// Whether some order of `items` passes.
fn some_order(items: &[usize], test: &mut dyn FnMut(&[usize]) -> bool) -> bool {
    fn go(items: &mut Vec<usize>, from: usize, test: &mut dyn FnMut(&[usize]) -> bool) -> bool {
        if from == items.len() {
            return test(items);
        }
        (from..items.len()).any(|at| {
            items.swap(from, at);
            let found = go(items, from + 1, test);
            items.swap(from, at);
            found
        })
    }
    go(&mut items.to_vec(), 0, test)
}

fn some_subset(txns: &[Txn], test: &mut dyn FnMut(&[usize]) -> bool) -> bool {
    let unanswered: Vec<usize> = (0..txns.len()).filter(|at| txns[*at].fate == Fate::Info).collect();
    (0..1u32 << unanswered.len()).any(|chosen| {
        let happened = |at: &usize| match unanswered.iter().position(|other| other == at) {
            Some(bit) => chosen >> bit & 1 == 1,
            None => txns[*at].fate == Fate::Ok,
        };
        test(&(0..txns.len()).filter(happened).collect::<Vec<_>>())
    })
}

fn serializable(initial: &State, txns: &[Txn], in_time: bool) -> bool {
    some_subset(txns, &mut |happened| {
        some_order(happened, &mut |order| {
            let mut state = initial.clone();
            let timely = |(at, one): (usize, &usize)| {
                let late =
                    |other: &usize| txns[*other].fate == Fate::Ok && txns[*other].ret < txns[*one].call;
                !in_time || !order[at + 1..].iter().any(late)
            };
            order.iter().enumerate().all(timely) && order.iter().all(|at| txns[*at].execute(&mut state))
        })
    })
}

fn snapshots(initial: &State, txns: &[Txn]) -> bool {
    some_subset(txns, &mut |happened| {
        some_order(happened, &mut |order| {
            let mut states = vec![initial.clone()];
            for at in order {
                let mut state = states.last().unwrap().clone();
                for mop in &txns[*at].mops {
                    match mop {
                        Mop::Set(key, Some(value)) => {
                            state.insert(*key, *value);
                        }
                        Mop::Set(key, None) => {
                            state.remove(key);
                        }
                        _ => {}
                    }
                }
                states.push(state);
            }
            order.iter().enumerate().all(|(committed, at)| {
                (0..=committed).any(|snapshot| {
                    let clash =
                        |other: &usize| (0..3).any(|key| txns[*other].writes(key) && txns[*at].writes(key));
                    !order[snapshot..committed].iter().any(clash)
                        && txns[*at].execute(&mut states[snapshot].clone())
                })
            })
        })
    })
}

/// A version of a key: who left it there (`None`: it was there at first), and what it is.
type Version = (Option<usize>, Option<i64>);

/// The versions of each key in order.
type Versions = BTreeMap<i64, Vec<Version>>;

/// Adya's PL-1 or PL-2: dependencies by versions, under some order of them.
fn adya(initial: &State, txns: &[Txn], reads_count: bool) -> bool {
    some_subset(txns, &mut |happened| {
        let mut chosen: Versions = BTreeMap::new();
        orders(initial, txns, happened, 0, &mut chosen, &mut |versions| {
            let mut edges: Vec<(usize, usize)> = Vec::new();
            for order in versions.values() {
                let writers: Vec<usize> = order.iter().filter_map(|(writer, _)| *writer).collect();
                edges.extend(writers.windows(2).map(|two| (two[0], two[1])));
            }
            if !reads_count {
                return acyclic(txns.len(), &edges);
            }
            // Each read may choose among several versions.
            let mut choices: Vec<Vec<Vec<(usize, usize)>>> = Vec::new();
            for at in happened.iter().filter(|at| txns[**at].fate == Fate::Ok) {
                let mut own: Vec<i64> = Vec::new();
                for mop in &txns[*at].mops {
                    match mop {
                        Mop::Set(key, _) => own.push(*key),
                        Mop::Read(key, _) if own.contains(key) => {}
                        Mop::Read(key, seen) => choices.push(
                            versions[key]
                                .iter()
                                .filter(|(_, state)| state == seen)
                                .map(|(writer, _)| {
                                    writer.iter().filter(|w| *w != at).map(|w| (*w, *at)).collect()
                                })
                                .collect(),
                        ),
                        Mop::Where(predicate, found) => {
                            for (key, order) in versions.iter().filter(|(key, _)| !own.contains(key)) {
                                choices.push(seen_by(*predicate, found.get(key).copied(), order, *at));
                            }
                        }
                    }
                }
            }
            some_choice(&choices, txns.len(), &mut edges)
        })
    })
}

/// For each version that a predicate read may have seen of a key, on whom it then depends: whoever wrote what
/// it found, and whoever last changed, up to that version, whether the key meets the predicate.
fn seen_by(
    predicate: Predicate,
    found: Option<i64>,
    order: &[Version],
    reader: usize,
) -> Vec<Vec<(usize, usize)>> {
    let mut all = Vec::new();
    for (place, (writer, state)) in order.iter().enumerate() {
        let fits = if found.is_some() { *state == found } else { !predicate.matches(*state) };
        if !fits {
            continue;
        }
        let mut edges: Vec<(usize, usize)> = Vec::new();
        let changed = (1..=place)
            .rev()
            .find(|at| predicate.matches(order[*at].1) != predicate.matches(order[*at - 1].1));
        let on = [changed.and_then(|at| order[at].0), writer.filter(|_| found.is_some())];
        edges.extend(on.into_iter().flatten().filter(|on| *on != reader).map(|on| (on, reader)));
        all.push(edges);
    }
    all
}

fn orders(
    initial: &State,
    txns: &[Txn],
    happened: &[usize],
    key: i64,
    chosen: &mut Versions,
    test: &mut dyn FnMut(&Versions) -> bool,
) -> bool {
    if key == 3 {
        return test(chosen);
    }
    let writers: Vec<usize> = happened.iter().copied().filter(|at| txns[*at].writes(key)).collect();
    some_order(&writers, &mut |order| {
        let mut versions: Vec<Version> = vec![(None, initial.get(&key).copied())];
        versions.extend(order.iter().map(|at| (Some(*at), txns[*at].left(key).unwrap())));
        chosen.insert(key, versions);
        orders(initial, txns, happened, key + 1, chosen, test)
    })
}

fn some_choice(choices: &[Vec<Vec<(usize, usize)>>], nodes: usize, edges: &mut Vec<(usize, usize)>) -> bool {
    if !acyclic(nodes, edges) {
        return false;
    }
    let Some((first, rest)) = choices.split_first() else { return true };
    first.iter().any(|more| {
        let before = edges.len();
        edges.extend(more);
        let found = some_choice(rest, nodes, edges);
        edges.truncate(before);
        found
    })
}

fn acyclic(nodes: usize, edges: &[(usize, usize)]) -> bool {
    let mut left: Vec<usize> = (0..nodes).collect();
    while !left.is_empty() {
        let free = left.iter().position(|at| !edges.iter().any(|(from, to)| to == at && left.contains(from)));
        match free {
            Some(free) => {
                left.remove(free);
            }
            None => return false,
        }
    }
    true
}

#[test]
fn what_is_refuted_no_order_explains() {
    let mut random = Random(21);
    let models =
        ["read-uncommitted", "read-committed", "snapshot-isolation", "serializable", "strict-serializable"];
    let (mut caught, mut wrong) = ([0u64; 5], [0u64; 5]);
    for case in 0..cases() {
        let (initial, txns, history) = simulate(&mut random);
        for (at, model) in models.into_iter().enumerate() {
            let promise = Promise::models(&[model]).unwrap();
            let judgement = ClosedPredicate { promise }.check(&history, &Budget::default());
            let right = match model {
                "read-uncommitted" => adya(&initial, &txns, false),
                "read-committed" => adya(&initial, &txns, true),
                "snapshot-isolation" => snapshots(&initial, &txns),
                _ => serializable(&initial, &txns, model == "strict-serializable"),
            };
            let found = judgement.verdict == Verdict::Invalid;
            assert!(!found || !right, "case {case}, {model}: {initial:?} {txns:#?}\n{judgement:#?}");
            wrong[at] += u64::from(!right);
            caught[at] += u64::from(found);
        }
    }
    // How much is found of what is wrong, so that nobody weakens it unseen.
    assert!(caught[4] * 100 > wrong[4] * 50 && caught[3] * 100 > wrong[3] * 40, "{caught:?} of {wrong:?}");
}

/// A value that failed transactions wrote as well.
#[test]
fn a_transaction_may_see_what_it_has_written_itself() {
    let initial = State::from([(0, 2)]);
    let txn = |mops, fate, call| Txn { mops, fate, call, ret: call + 1 };
    let seen = Mop::Where(Predicate::True, State::from([(0, 4)]));
    let txns = [
        txn(vec![Mop::Set(0, Some(4))], Fate::Fail, 0),
        txn(vec![Mop::Set(0, Some(4)), seen, Mop::Read(0, Some(4)), Mop::Set(0, Some(2))], Fate::Ok, 2),
    ];
    let history = record(&initial, &txns, &[(0, 1, true), (0, 1, false), (1, 2, true), (1, 2, false)]);
    let judgement = ClosedPredicate::default().check(&history, &Budget::default());
    assert_ne!(judgement.verdict, Verdict::Invalid, "{}", judgement.reason);
}

#[test]
fn what_a_predicate_read_finds_it_has_read() {
    // Write skew: each finds both keys as they were, and changes one; the predicate is met before and after.
    let whole = || Mop::Where(Predicate::True, State::from([(0, 0), (1, 0)]));
    let txn =
        |key, call| Txn { mops: vec![whole(), Mop::Set(key, Some(1))], fate: Fate::Ok, call, ret: call + 2 };
    let txns = [txn(0, 0), txn(1, 1)];
    let initial = State::from([(0, 0), (1, 0)]);
    let history = record(&initial, &txns, &[(0, 1, true), (1, 2, true), (0, 1, false), (1, 2, false)]);
    assert!(!serializable(&initial, &txns, false) && snapshots(&initial, &txns));
    let judge = |model| {
        ClosedPredicate { promise: Promise::models(&[model]).unwrap() }.check(&history, &Budget::default())
    };
    assert_eq!(judge("serializable").verdict, Verdict::Invalid);
    assert_eq!(judge("snapshot-isolation").verdict, Verdict::Valid);
}
