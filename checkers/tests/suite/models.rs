//! Every model against a brute force over its plain double: all orders, all subsets of the
//! operations that may not have happened, all ways in which an operation can go.

use checkers::registry::linearizable_by_name;
use checkers::{Budget, Event, EventType, Fate, History, Process, Value, Verdict};

use crate::model_evidence::evidence_holds;
use crate::plain::*;
use crate::plain_stores::*;
use crate::simulate::Random;
use crate::text::lines;

/// How many random cases a test tries: many more in a nightly run.
pub fn cases(ordinary: u64) -> u64 {
    if std::env::var_os("STORMGLASS_NIGHTLY").is_some() { ordinary.max(100_000) } else { ordinary }
}

struct Running {
    process: u64,
    f: &'static str,
    argument: Value,
    answer: Option<Value>,
}

/// A history of up to `most` operations on an object that works, whose answers are sometimes
/// replaced by what another state would have answered.
pub fn small(random: &mut Random, plain: &Plain, most: u64) -> History {
    let count = 1 + random.below(most);
    let mut states: Vec<State> =
        vec![(plain.initial)().swap_remove(random.below(4) as usize % (plain.initial)().len())];
    let mut events: Vec<Event> = Vec::new();
    let mut free: Vec<u64> = (0..1 + random.below(4)).collect();
    let mut next_process = 10;
    let mut busy: Vec<Running> = Vec::new();
    let mut gone: Vec<Running> = Vec::new();
    let lies = if random.percent(50) { 40 } else { 0 };
    let mut begun = 0;
    while begun < count || !busy.is_empty() {
        let time = events.len() as u64;
        // Somebody whose answer nobody waits for may take effect late.
        if !gone.is_empty() && random.percent(20) {
            let late = gone.swap_remove(random.below(gone.len() as u64) as usize);
            act(random, plain, &mut states, &late);
        }
        if begun < count && !free.is_empty() && (busy.is_empty() || random.percent(50)) {
            let process = free.swap_remove(random.below(free.len() as u64) as usize);
            begun += 1;
            let (f, argument) = (plain.propose)(random);
            let who = Process::client(process).unwrap();
            events.push(Event::new(time, who, EventType::Invoke, f, argument.clone()));
            busy.push(Running { process, f, argument, answer: None });
            continue;
        }
        if busy.is_empty() {
            break;
        }
        let at = random.below(busy.len() as u64) as usize;
        if busy[at].answer.is_none() && random.percent(50) {
            busy[at].answer = act(random, plain, &mut states, &busy[at]);
            continue;
        }
        let mut running = busy.swap_remove(at);
        let process = running.process;
        let lost = random.percent(20);
        if running.answer.is_none() && !lost {
            running.answer = act(random, plain, &mut states, &running);
        }
        let (kind, value) = match &running.answer {
            _ if lost && random.percent(30) => {
                // Never answered at all.
                free.push(next_process);
                next_process += 1;
                gone.push(running);
                continue;
            }
            _ if lost => (EventType::Info, running.argument.clone()),
            None => (EventType::Fail, running.argument.clone()),
            Some(answer) => {
                let silent = plain.silent.contains(&running.f);
                let mut answer = if silent && random.percent(40) { NIL } else { answer.clone() };
                if random.percent(lies) && !answer.is_nil() {
                    answer = another_answer(random, plain, &states, &running, answer);
                }
                (EventType::Ok, answer)
            }
        };
        events.push(Event::new(time, Process::client(process).unwrap(), kind, running.f, value));
        free.push(if lost { next_process } else { process });
        next_process += u64::from(lost);
        if lost && running.answer.is_none() && random.percent(50) {
            gone.push(running);
        }
    }
    // A function that has no answer can only lie by having been impossible.
    if lies > 0 && random.percent(50) {
        return fails_turned_ok(random, plain, events);
    }
    History::new(events).unwrap()
}

/// What another state would have answered; a different answer if one is found soon.
fn another_answer(
    random: &mut Random,
    plain: &Plain,
    states: &[State],
    running: &Running,
    truth: Value,
) -> Value {
    for _ in 0..4 {
        let state = &states[random.below(states.len() as u64) as usize];
        let others = (plain.apply)(state, running.process, running.f, &running.argument);
        if !others.is_empty() {
            let other = others[random.below(others.len() as u64) as usize].1.clone();
            // The range that stands for all tokens must not end near those that are seen.
            if other != truth && other.as_int().is_none_or(|n| n > -5) {
                return other;
            }
        }
    }
    truth
}

/// One `fail` of an operation without an answer is turned to `ok`.
fn fails_turned_ok(random: &mut Random, plain: &Plain, mut events: Vec<Event>) -> History {
    let failed: Vec<usize> =
        (0..events.len()).filter(|&at| events[at].event_type == EventType::Fail).collect();
    if !failed.is_empty() {
        let event = &mut events[failed[random.below(failed.len() as u64) as usize]];
        if ["acquire", "release", "cas"].contains(&event.f.as_str()) && plain.model != "fenced-lock" {
            event.event_type = EventType::Ok;
            event.value = NIL;
        }
    }
    History::new(events).unwrap()
}

fn act(random: &mut Random, plain: &Plain, states: &mut Vec<State>, doing: &Running) -> Option<Value> {
    let outcomes = (plain.apply)(states.last()?, doing.process, doing.f, &doing.argument);
    if outcomes.is_empty() {
        return None;
    }
    // The first ones, where there are many, so that numbers stay small.
    let (state, answer) = outcomes[random.below(outcomes.len().min(3) as u64) as usize].clone();
    let hidden = plain.model == "fenced-lock" && doing.f == "acquire";
    let (state, answer) = if hidden && states.len() == 1 {
        outcomes[20 + random.below(3) as usize].clone()
    } else {
        (state, answer)
    };
    states.push(state);
    Some(answer)
}

#[derive(Clone)]
pub struct Op {
    pub call: usize,
    pub ret: Option<usize>,
    pub process: u64,
    pub f: String,
    pub argument: Value,
    /// What was answered; of an `info` nothing.
    pub answer: Option<Value>,
}

/// The operations that may have taken effect.
pub fn ops(history: &History) -> Vec<Op> {
    let counts = history.operations().filter(|op| op.fate() != Fate::Fail);
    counts
        .map(|op| Op {
            call: op.call,
            ret: op.ret(),
            process: u64::from(op.process().number().unwrap()),
            f: op.invocation.f.to_string(),
            argument: op.invocation.value.to_value(),
            answer: op.completion_event().filter(|_| op.fate() == Fate::Ok).map(|e| e.value.to_value()),
        })
        .collect()
}

/// Whether some order of some of `left` is possible from `state` and keeps the order of `before`.
fn possible(plain: &Plain, state: &State, left: &[Op], before: &dyn Fn(&Op, &Op) -> bool) -> bool {
    if left.iter().all(|op| op.answer.is_none()) {
        return true;
    }
    (0..left.len()).any(|at| {
        let op = &left[at];
        if left.iter().any(|other| before(other, op)) {
            return false;
        }
        let mut rest = left.to_vec();
        rest.remove(at);
        let outcomes = (plain.apply)(state, op.process, &op.f, &op.argument);
        outcomes.iter().any(|(after, truth)| {
            let told = match &op.answer {
                None => true,
                Some(Value::Nil) if plain.silent.contains(&op.f.as_str()) => true,
                Some(answer) => alike(&op.f, answer, truth),
            };
            told && possible(plain, after, &rest, before)
        })
    })
}

/// A list of what a bag holds is the same in any order.
fn alike(f: &str, answer: &Value, truth: &Value) -> bool {
    let bag = |value: &Value| {
        value.as_list().map(|list| {
            let mut list = list.to_vec();
            list.sort();
            list
        })
    };
    answer == truth || f == "read" && answer.as_list().is_some() && bag(answer) == bag(truth)
}

/// Whether the history is linearizable.
pub fn linearizable(plain: &Plain, history: &History) -> bool {
    let ops = ops(history);
    let before = |one: &Op, other: &Op| one.ret.is_some_and(|ret| ret < other.call);
    (plain.initial)().iter().any(|state| possible(plain, state, &ops, &before))
}

/// Whether the history is sequentially consistent: what a process did keeps its order.
pub fn sequential(plain: &Plain, history: &History) -> bool {
    let ops = ops(history);
    // An operation that may not have happened keeps nobody waiting; it is its process' last anyway.
    let before =
        |one: &Op, other: &Op| one.answer.is_some() && one.process == other.process && one.call < other.call;
    (plain.initial)().iter().any(|state| possible(plain, state, &ops, &before))
}

fn agrees(plain: &Plain) {
    let checker = linearizable_by_name(plain.model).unwrap();
    let lifted = linearizable_by_name(&format!("per-key-{}", plain.model)).unwrap();
    let mut tally = [0; 3];
    let cases = cases(5_000);
    for seed in 0..cases {
        let mut random = Random(seed.wrapping_mul(0x5851_f42d_4c95_7f2d) + 1);
        let history = small(&mut random, plain, 7);
        let truth = linearizable(plain, &history);
        let judgement = checker.check(&history, &Budget::default());
        let expected = match (&judgement.verdict, truth) {
            (Verdict::Unknown, _) => {
                let nothing = ["nothing was observed", "no client operation was answered"];
                let nothing = nothing.iter().any(|reason| judgement.reason.starts_with(reason));
                assert!(nothing && truth, "{}\n{}", judgement.reason, lines(&history));
                Verdict::Unknown
            }
            (_, true) => Verdict::Valid,
            (_, false) => Verdict::Invalid,
        };
        assert_eq!(judgement.verdict, expected, "{seed}: {}\n{}", judgement.reason, lines(&history));
        tally[expected as usize] += 1;
        if expected == Verdict::Invalid {
            evidence_holds(plain, &history, &judgement);
        }
        if seed % 8 == 0 {
            let judgement = lifted.check(&with_key(&history), &Budget::default());
            assert_eq!(judgement.verdict, expected, "{}\n{}", judgement.reason, lines(&history));
        }
    }
    println!("{}: valid, unknown, invalid: {tally:?}", plain.model);
    // The comparison is worth nothing if one verdict hardly occurs.
    assert!(tally[0] > cases as usize / 10 && tally[2] > cases as usize / 50, "{tally:?}");
}

/// The history with every value as that of one key.
fn with_key(history: &History) -> History {
    let events = history.events().map(|event| {
        let mut event = event.to_event();
        event.value = Value::pair("key", event.value);
        event
    });
    History::new(events.collect::<Vec<_>>()).unwrap()
}

macro_rules! agree_with_brute_force {
    ($($name:ident: $plain:ident,)*) => {
        $(#[test]
        fn $name() {
            agrees(&$plain);
        })*
    };
}

agree_with_brute_force! {
    counters_agree_with_brute_force: COUNTER,
    mutexes_agree_with_brute_force: MUTEX,
    owned_mutexes_agree_with_brute_force: OWNED_MUTEX,
    semaphores_agree_with_brute_force: SEMAPHORE,
    fenced_locks_agree_with_brute_force: FENCED_LOCK,
    sets_agree_with_brute_force: SET,
    multisets_agree_with_brute_force: MULTISET,
    fifo_queues_agree_with_brute_force: FIFO_QUEUE,
    stacks_agree_with_brute_force: STACK,
    unordered_queues_agree_with_brute_force: UNORDERED_QUEUE,
    priority_queues_agree_with_brute_force: PRIORITY_QUEUE,
    logs_agree_with_brute_force: LOG,
    kvs_agree_with_brute_force: KV,
    kvs_of_unique_words_agree_with_brute_force: UNIQUE_KV,
    kvs_of_unique_appends_agree_with_brute_force: UNIQUE_APPENDS,
    multi_registers_agree_with_brute_force: MULTI_REGISTER,
    versioned_kvs_agree_with_brute_force: VERSIONED_KV,
    registers_of_unique_values_agree_with_brute_force: UNIQUE_REGISTER,
    semaphores_of_one_permit_agree_with_brute_force: SEMAPHORE_1,
}
