//! Small random histories of transactions against every order in which they could have happened.

use std::collections::BTreeMap;

use checkers::transactions::{ListAppend, Promise, RwRegister};
use checkers::{Budget, Checker, Event, EventType, History, Process, Value, Verdict};

fn cases() -> u64 {
    if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { 100_000 } else { 5_000 }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

#[derive(Clone, Debug)]
enum Mop {
    Write(i64, i64),
    /// With the answer: for a register its value, if any.
    Read(i64, Vec<i64>),
}

#[derive(Clone, Debug)]
struct Txn {
    mops: Vec<Mop>,
    fate: EventType,
    /// Positions of invocation and completion.
    call: usize,
    ret: usize,
}

/// How histories are made.
#[derive(Clone, Copy)]
struct Shape {
    lists: bool,
    /// Values may be written twice.
    repeats: bool,
}

/// A history that some database produced that is sometimes wrong.
fn simulate(random: &mut Random, shape: Shape) -> (Vec<Txn>, History) {
    let count = 2 + random.below(4) as usize;
    let processes = 1 + random.below(3) as usize;
    let keys = 1 + random.below(2) as i64;
    let mut held: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    let mut past: Vec<BTreeMap<i64, Vec<i64>>> = vec![held.clone()];
    let mut txns: Vec<Txn> = Vec::new();
    let mut events: Vec<(usize, usize, bool)> = Vec::new();
    let mut doing: Vec<Option<usize>> = vec![None; processes];
    let mut names: Vec<u64> = (0..processes as u64).collect();
    let mut next_value = 1;
    let wrong = 2 + random.below(12);
    while doing.iter().any(Option::is_some) || txns.len() < count {
        let process = random.below(processes as u64) as usize;
        let Some(at) = doing[process] else {
            if txns.len() < count {
                let mops = (0..1 + random.below(3))
                    .map(|_| {
                        let key = random.below(keys as u64) as i64;
                        if random.one_in(2) {
                            return Mop::Read(key, Vec::new());
                        }
                        let value = if shape.repeats && random.one_in(4) { 1 } else { next_value };
                        next_value += 1;
                        Mop::Write(key, value)
                    })
                    .collect();
                doing[process] = Some(txns.len());
                events.push((txns.len(), names[process] as usize, true));
                txns.push(Txn { mops, fate: EventType::Ok, call: events.len() - 1, ret: usize::MAX });
            }
            continue;
        };
        // Executed at one instant, the completion, or by mistake on an old state.
        let fate =
            [EventType::Ok, EventType::Ok, EventType::Ok, EventType::Ok, EventType::Fail, EventType::Info]
                [random.below(6) as usize];
        let mut view = if random.one_in(wrong) {
            past[random.below(past.len() as u64) as usize].clone()
        } else {
            held.clone()
        };
        let happens = fate == EventType::Ok
            || (fate == EventType::Info && random.one_in(2))
            || (fate == EventType::Fail && random.one_in(wrong * 2));
        for mop in &mut txns[at].mops {
            match mop {
                Mop::Write(key, value) => {
                    for state in [Some(&mut view), happens.then_some(&mut held)].into_iter().flatten() {
                        let state = state.entry(*key).or_default();
                        if !shape.lists {
                            state.clear();
                        }
                        state.push(*value);
                    }
                    if happens && shape.lists && random.one_in(wrong * 3) {
                        held.entry(*key).or_default().pop();
                    }
                }
                Mop::Read(key, answer) => {
                    *answer = view.get(key).cloned().unwrap_or_default();
                    if random.one_in(wrong * 3) {
                        match random.below(3) {
                            0 => drop(answer.pop()),
                            1 if shape.lists => answer.push(90 + random.below(2) as i64),
                            _ => answer.reverse(),
                        }
                    }
                }
            }
        }
        past.push(held.clone());
        doing[process] = None;
        txns[at].fate = fate;
        txns[at].ret = events.len();
        events.push((at, names[process] as usize, false));
        if fate == EventType::Info {
            names[process] += 100;
        }
    }
    let history = record(&txns, &events, shape);
    (txns, history)
}

fn record(txns: &[Txn], events: &[(usize, usize, bool)], shape: Shape) -> History {
    let events = events.iter().enumerate().map(|(time, (at, process, invoked))| {
        let txn = &txns[*at];
        let event_type = if *invoked { EventType::Invoke } else { txn.fate };
        let answered = event_type == EventType::Ok;
        let mops = txn.mops.iter().map(|mop| match mop {
            Mop::Write(key, value) => {
                let f = if shape.lists { "append" } else { "w" };
                Value::list([f.into(), Value::Int(*key), Value::Int(*value)])
            }
            Mop::Read(key, answer) => {
                let answer = match (answered, shape.lists) {
                    (false, _) => Value::Nil,
                    (true, true) => Value::list(answer.iter().map(|n| Value::Int(*n))),
                    (true, false) => answer.last().map_or(Value::Nil, |n| Value::Int(*n)),
                };
                Value::list(["r".into(), Value::Int(*key), answer])
            }
        });
        let process = Process::client(*process as u64).unwrap();
        Event::new(time as u64, process, event_type, "txn", Value::list(mops))
    });
    History::new(events).unwrap()
}

/// Whether some serial order of all that was answered, and of some of what was not, explains what was read.
fn serializable(txns: &[Txn], shape: Shape, in_time: bool) -> bool {
    fn go(txns: &[Txn], shape: Shape, in_time: bool, placed: u32, held: &BTreeMap<i64, Vec<i64>>) -> bool {
        let ok = |at: usize| txns[at].fate == EventType::Ok;
        if (0..txns.len()).all(|at| placed >> at & 1 == 1 || !ok(at)) {
            return true;
        }
        (0..txns.len()).any(|at| {
            let early = in_time
                && (0..txns.len())
                    .any(|b| ok(b) && placed >> b & 1 == 0 && b != at && txns[b].ret < txns[at].call);
            if placed >> at & 1 == 1 || txns[at].fate == EventType::Fail || early {
                return false;
            }
            let mut held = held.clone();
            let fits = txns[at].mops.iter().all(|mop| match mop {
                Mop::Write(key, value) => {
                    let state = held.entry(*key).or_default();
                    if !shape.lists {
                        state.clear();
                    }
                    state.push(*value);
                    true
                }
                Mop::Read(key, answer) => {
                    let state = held.get(key).cloned().unwrap_or_default();
                    let same = if shape.lists { state == *answer } else { state.last() == answer.last() };
                    same || !ok(at)
                }
            });
            fits && go(txns, shape, in_time, placed | 1 << at, &held)
        })
    }
    go(txns, shape, in_time, 0, &BTreeMap::new())
}

fn promise(in_time: bool) -> Promise {
    Promise::models(&[if in_time { "strict-serializable" } else { "serializable" }]).unwrap()
}

#[test]
fn list_append_is_right_about_serializability() {
    let shape = Shape { lists: true, repeats: false };
    let mut random = Random(11);
    let (mut valid, mut invalid, mut unknown) = (0, 0, 0);
    for case in 0..cases() {
        let (txns, history) = simulate(&mut random, shape);
        for in_time in [false, true] {
            let judgement = ListAppend { promise: promise(in_time) }.check(&history, &Budget::default());
            let right = serializable(&txns, shape, in_time);
            let told = format!("case {case}, in time {in_time}: {txns:#?}\n{judgement:#?}");
            match judgement.verdict {
                Verdict::Valid => assert!(right, "{told}"),
                Verdict::Invalid => assert!(!right && !judgement.evidence.is_empty(), "{told}"),
                Verdict::Unknown => unknown += 1,
            }
            valid += u64::from(judgement.verdict == Verdict::Valid);
            invalid += u64::from(judgement.verdict == Verdict::Invalid);
        }
    }
    assert!(valid > cases() / 4 && invalid > cases() / 4 && unknown < cases(), "{valid} {invalid} {unknown}");
}

#[test]
fn what_list_append_says_of_elements_written_twice_is_no_less_true() {
    let shape = Shape { lists: true, repeats: true };
    let mut random = Random(12);
    let mut invalid = 0;
    for case in 0..cases() {
        let (txns, history) = simulate(&mut random, shape);
        let judgement = ListAppend::default().check(&history, &Budget::default());
        let right = serializable(&txns, shape, true);
        let told = format!("case {case}: {txns:#?}\n{judgement:#?}");
        match judgement.verdict {
            Verdict::Valid => assert!(right, "{told}"),
            Verdict::Invalid => assert!(!right, "{told}"),
            Verdict::Unknown => {}
        }
        invalid += u64::from(judgement.verdict == Verdict::Invalid);
    }
    assert!(invalid > cases() / 10, "{invalid}");
}

#[test]
fn what_rw_register_refutes_no_order_explains() {
    for repeats in [false, true] {
        let shape = Shape { lists: false, repeats };
        let mut random = Random(13);
        let (mut caught, mut wrong) = (0, 0);
        for case in 0..cases() {
            let (txns, history) = simulate(&mut random, shape);
            for in_time in [false, true] {
                let checker = RwRegister {
                    promise: promise(in_time),
                    wfr_keys: case % 2 == 0,
                    // What each key promises follows from strict serializability, and not from less.
                    sequential_keys: in_time && case % 3 == 0,
                    linearizable_keys: in_time && case % 5 > 0,
                    ..RwRegister::default()
                };
                let judgement = checker.check(&history, &Budget::default());
                let right = serializable(&txns, shape, in_time);
                let told = format!("case {case}, in time {in_time}: {txns:#?}\n{judgement:#?}");
                assert!(judgement.verdict != Verdict::Invalid || !right, "{told}");
                wrong += u64::from(!right);
                caught += u64::from(judgement.verdict == Verdict::Invalid);
            }
        }
        // How much is found of what is wrong, so that nobody weakens it unseen.
        assert!(repeats || caught * 10 > wrong * 7, "{caught} of {wrong}");
    }
}
