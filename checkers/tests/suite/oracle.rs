//! The checker against a brute force that is too simple to be wrong: all orders, all subsets of
//! the operations that may not have happened.

use checkers::linearizability::{Answer, check_operations, fails_from};
use checkers::model::Model;
use checkers::models::{CasRegister, FailedCas, PerKey, Register};
use checkers::{Budget, Checker, Event, EventType, Fate, History, Linearizability, Process, Value, Verdict};
use proptest::prelude::*;

use crate::simulate::Random;
use crate::text::lines;

#[derive(Clone)]
struct Op {
    call: usize,
    ret: Option<usize>,
    fate: Fate,
    f: String,
    argument: Value,
    result: Value,
}

/// Whether some order of some of `left` is possible from `state` and keeps real time.
fn possible(state: &Value, left: &[Op]) -> bool {
    if left.iter().all(|op| op.fate == Fate::Info) {
        return true;
    }
    (0..left.len()).any(|at| {
        let op = &left[at];
        let overtakes = left.iter().any(|other| other.ret.is_some_and(|ret| ret < op.call));
        let after = match (op.f.as_str(), op.fate) {
            ("read", Fate::Ok) => (op.result == *state).then(|| state.clone()),
            ("write", _) => Some(op.argument.clone()),
            ("cas", Fate::Fail) => (op.argument.as_pair().unwrap().0 != state).then(|| state.clone()),
            ("cas", _) => {
                let (from, to) = op.argument.as_pair().unwrap();
                (from == state).then(|| to.clone())
            }
            _ => None,
        };
        let Some(after) = after.filter(|_| !overtakes) else { return false };
        let mut rest = left.to_vec();
        rest.remove(at);
        possible(&after, &rest)
    })
}

/// The operations that count, of one key or of all.
fn ops(history: &History, key: Option<&Value>, failed_cas: FailedCas) -> Vec<Op> {
    let inner = |value: &Value| match (key, value.as_pair()) {
        (Some(_), Some((_, inner))) => inner.clone(),
        _ => value.clone(),
    };
    history
        .operations()
        .filter(|op| key.is_none_or(|key| op.invocation.value.as_pair().unwrap().0 == *key))
        .map(|op| Op {
            call: op.call,
            ret: op.ret(),
            fate: op.fate(),
            f: op.invocation.f.to_string(),
            argument: inner(&op.invocation.value.to_value()),
            result: op.completion_event().map(|event| inner(&event.value.to_value())).unwrap_or_default(),
        })
        .filter(|op| op.fate != Fate::Fail || op.f == "cas" && failed_cas == FailedCas::SawOtherValue)
        .filter(|op| op.fate != Fate::Info || op.f != "read")
        .collect()
}

/// What small histories are made of.
#[derive(Clone, Copy)]
struct Shape {
    cas: bool,
    keyed: bool,
    /// Values are 0 to this; 0: each is used once, and reads choose among them.
    values: u64,
}

/// Where small histories get their choices from: numbers below a bound.
trait Choices {
    fn below(&mut self, n: u64) -> u64;
    fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}

impl Choices for Random {
    fn below(&mut self, n: u64) -> u64 {
        Random::below(self, n)
    }
}

/// Choices that proptest can shrink: a shorter tape with smaller numbers is a simpler history.
struct Tape(std::vec::IntoIter<u8>);

impl Choices for Tape {
    fn below(&mut self, n: u64) -> u64 {
        self.0.next().map_or(0, |byte| u64::from(byte) % n)
    }
}

/// A history of up to `most` operations, whose reads often, not always, make sense.
fn small<R: Choices>(random: &mut R, shape: Shape, most: u64) -> History {
    let count = 1 + random.below(most);
    let mut events: Vec<Event> = Vec::new();
    let mut free: Vec<u64> = (0..1 + random.below(4)).collect();
    let mut next_process = 10;
    let mut busy: Vec<(u64, &'static str, Value)> = Vec::new();
    let mut recent = Value::Nil;
    let mut unique = 0;
    let mut begun = 0;
    while begun < count || !busy.is_empty() {
        let time = events.len() as u64;
        let begin = begun < count && !free.is_empty() && (busy.is_empty() || random.percent(55));
        if begin {
            let process = free.swap_remove(random.below(free.len() as u64) as usize);
            begun += 1;
            let mut value = |random: &mut R| match shape.values {
                0 => {
                    unique += 1;
                    Value::Int(unique)
                }
                n => Value::Int(random.below(n) as i64),
            };
            let (f, argument) = match random.below(if shape.cas { 10 } else { 7 }) {
                0..=3 => ("read", Value::Nil),
                4..=6 => ("write", value(random)),
                _ => {
                    let from = if random.percent(70) { recent.clone() } else { value(random) };
                    ("cas", Value::pair(from, value(random)))
                }
            };
            let argument = if shape.keyed { Value::pair(random.below(2) as i64, argument) } else { argument };
            events.push(Event::new(
                time,
                Process::client(process).unwrap(),
                EventType::Invoke,
                f,
                argument.clone(),
            ));
            busy.push((process, f, argument));
        } else if busy.is_empty() {
            break;
        } else {
            let (process, f, argument) = busy.swap_remove(random.below(busy.len() as u64) as usize);
            let (kind, dies) = match random.below(10) {
                0 => (EventType::Fail, false),
                1..=2 => (EventType::Info, true),
                3 if random.percent(40) => {
                    // Never answered at all.
                    free.push(next_process);
                    next_process += 1;
                    continue;
                }
                _ => (EventType::Ok, false),
            };
            let key = argument.as_pair().map(|(key, _)| key.clone()).filter(|_| shape.keyed);
            let inner = if shape.keyed { argument.as_pair().unwrap().1.clone() } else { argument.clone() };
            match (f, kind) {
                ("write", EventType::Ok | EventType::Info) => recent = inner,
                ("cas", EventType::Ok | EventType::Info) => recent = inner.as_pair().unwrap().1.clone(),
                _ => {}
            }
            let answer = if f == "read" && kind == EventType::Ok {
                let value = match random.below(10) {
                    0..=6 => recent.clone(),
                    7 => Value::Nil,
                    _ if shape.values == 0 => Value::Int(1 + random.below(count) as i64),
                    _ => Value::Int(random.below(shape.values) as i64),
                };
                key.map_or(value.clone(), |key| Value::pair(key, value))
            } else {
                argument
            };
            events.push(Event::new(time, Process::client(process).unwrap(), kind, f, answer));
            free.push(if dies { next_process } else { process });
            next_process += u64::from(dies);
        }
    }
    History::new(events).unwrap()
}

/// Compares one history; the number of verdicts of each kind.
fn compare<M: Model<State = Value> + Clone>(
    model: M,
    history: &History,
    keyed: bool,
    failed_cas: FailedCas,
    tally: &mut [usize; 3],
) {
    let truth = if keyed {
        (0..2).all(|key| possible(&Value::Nil, &ops(history, Some(&Value::Int(key)), failed_cas)))
    } else {
        possible(&Value::Nil, &ops(history, None, failed_cas))
    };
    let observes = |op: &checkers::Operation<'_>| match op.invocation.f.as_str() {
        "write" => false,
        "cas" if failed_cas == FailedCas::SawOtherValue => op.fate() != Fate::Info,
        _ => op.fate() == Fate::Ok,
    };
    let expected = match (history.operations().any(|op| observes(&op)), truth) {
        (false, _) => Verdict::Unknown,
        (true, true) => Verdict::Valid,
        (true, false) => Verdict::Invalid,
    };
    let checker = Linearizability::new(model.clone());
    let judgement = checker.check(history, &Budget::default());
    assert_eq!(judgement.verdict, expected, "{}\n{}", judgement.reason, lines(history));
    let searched = checker.clone().general_only().check(history, &Budget::default());
    assert_eq!(searched.verdict, expected, "{}\n{}", searched.reason, lines(history));
    tally[expected as usize] += 1;
    if expected == Verdict::Invalid {
        // The search without the model's simplifications agrees, and the evidence holds.
        for object in checker.objects(history).unwrap() {
            let raw = object.calls.clone();
            let fails = fails_from(&model, &raw, &[model.initial()], u64::MAX).unwrap();
            match check_operations(&model, object.calls, &Budget::default()) {
                Answer::NotLinearizable(refutation) => {
                    assert!(fails, "{}", lines(history));
                    breaks_at(history, object.key.as_ref(), failed_cas, refutation.blocked);
                    let states = &refutation.window_start_states;
                    assert!(!refutation.window.is_empty() && !states.is_empty(), "{}", lines(history));
                    window_is_refuted(states, &refutation.window, history, object.key.as_ref(), failed_cas);
                    assert!(
                        refutation.window.iter().any(|call| call.call == refutation.blocked),
                        "{}",
                        lines(history)
                    );
                }
                Answer::Linearizable => assert!(!fails, "{}", lines(history)),
                Answer::Unknown { reason, .. } => panic!("{reason}"),
            }
        }
    } else if expected == Verdict::Valid {
        for object in checker.objects(history).unwrap() {
            let fails = fails_from(&model, &object.calls, &[model.initial()], u64::MAX).unwrap();
            assert!(!fails, "{}", lines(history));
        }
    }
}

/// Everything up to the return of `blocked` is impossible, and everything before it is not.
fn breaks_at(history: &History, key: Option<&Value>, failed_cas: FailedCas, blocked: usize) {
    let ret = history.partner(blocked).unwrap();
    let prefix = |end: usize| -> Vec<Op> {
        let mut prefix = ops(history, key, failed_cas);
        // A failed cas that returns later has seen nothing yet.
        prefix.retain(|op| op.call < end && (op.fate != Fate::Fail || op.ret.is_some_and(|ret| ret < end)));
        for op in prefix.iter_mut().filter(|op| op.ret.is_some_and(|ret| ret >= end)) {
            (op.ret, op.fate) = (None, Fate::Info);
        }
        prefix.retain(|op| op.fate != Fate::Info || op.f != "read");
        prefix
    };
    assert!(possible(&Value::Nil, &prefix(ret)), "event {blocked} is not the first\n{}", lines(history));
    assert!(!possible(&Value::Nil, &prefix(ret + 1)), "event {blocked} is possible\n{}", lines(history));
}

/// The brute force says of the window what the refutation says.
fn window_is_refuted<I: std::fmt::Debug, O: std::fmt::Debug>(
    states: &[Value],
    window: &[checkers::model::Call<I, O>],
    history: &History,
    key: Option<&Value>,
    failed_cas: FailedCas,
) {
    // Back from typed calls to operations, by the positions that name them.
    let all = ops(history, key, failed_cas);
    let mut chosen: Vec<Op> = Vec::new();
    for call in window {
        let mut op = all.iter().find(|op| op.call == call.call).unwrap().clone();
        if call.ret.is_none() {
            op.ret = None;
            op.fate = Fate::Info;
        }
        chosen.push(op);
    }
    for state in states {
        assert!(!possible(state, &chosen), "from {state}, {window:?} in\n{}", lines(history));
    }
}

fn agree<M: Model<State = Value> + Clone>(model: M, shapes: &[Shape], failed_cas: FailedCas, cases: u64) {
    let mut tally = [0; 3];
    for seed in 0..cases {
        let shape = shapes[seed as usize % shapes.len()];
        let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
        let history = small(&mut random, shape, 8);
        compare(model.clone(), &history, shape.keyed, failed_cas, &mut tally);
    }
    println!("valid, unknown, invalid: {tally:?}");
    // The comparison is worth nothing if one verdict hardly occurs.
    assert!(tally[0] > cases as usize / 10 && tally[2] > cases as usize / 10, "{tally:?}");
}

fn shapes(cas: bool, keyed: bool) -> Vec<Shape> {
    [2, 0, 3].map(|values| Shape { cas, keyed, values }).to_vec()
}

#[test]
fn registers_agree_with_brute_force() {
    agree(Register, &shapes(false, false), FailedCas::SaysNothing, 10_000);
}

#[test]
fn cas_registers_agree_with_brute_force() {
    agree(CasRegister::default(), &shapes(true, false), FailedCas::SaysNothing, 15_000);
}

#[test]
fn cas_registers_whose_failures_tell_agree_with_brute_force() {
    let failed_cas = FailedCas::SawOtherValue;
    agree(CasRegister { failed_cas }, &shapes(true, false), failed_cas, 10_000);
}

#[test]
fn registers_per_key_agree_with_brute_force() {
    agree(PerKey::new(CasRegister::default()), &shapes(true, true), FailedCas::SaysNothing, 10_000);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Other histories on every run, made smaller if they fail.
    #[test]
    fn any_small_history_agrees_with_brute_force(
        tape in proptest::collection::vec(any::<u8>(), 0..80),
        values in 0_u64..4,
        cas in any::<bool>(),
        keyed in any::<bool>(),
    ) {
        let history = small(&mut Tape(tape.into_iter()), Shape { cas, keyed, values }, 8);
        let mut tally = [0; 3];
        if keyed {
            compare(PerKey::new(CasRegister::default()), &history, true, FailedCas::SaysNothing, &mut tally);
        } else {
            compare(CasRegister::default(), &history, false, FailedCas::SaysNothing, &mut tally);
        }
    }
}
