//! What the models should do, said once more and as plainly as possible, for a brute force: the
//! whole object is a list of values, and an operation gives all ways in which it can go.

use checkers::Value;

use crate::simulate::Random;

/// A state: what it means is the object's affair.
pub type State = Vec<Value>;
/// A state after an operation, and what was answered.
pub type Outcome = (State, Value);

/// An object.
#[derive(Clone, Copy)]
pub struct Plain {
    pub model: &'static str,
    /// The states in which it can be at first.
    pub initial: fn() -> Vec<State>,
    /// An operation that makes some sense.
    pub propose: fn(&mut Random) -> (&'static str, Value),
    /// All ways in which an operation of a process can go.
    pub apply: fn(&State, u64, &str, &Value) -> Vec<Outcome>,
    /// Functions whose answer a client may not have recorded.
    pub silent: &'static [&'static str],
}

pub const NIL: Value = Value::Nil;

pub fn int(n: i64) -> Value {
    Value::Int(n)
}
fn one_empty() -> Vec<State> {
    vec![Vec::new()]
}
fn small(random: &mut Random) -> Value {
    int(random.below(3) as i64)
}
fn pick<T: Copy>(random: &mut Random, from: &[T]) -> T {
    from[random.below(from.len() as u64) as usize]
}
fn without(state: &State, at: usize) -> State {
    let mut state = state.clone();
    state.remove(at);
    state
}
fn with(state: &State, value: &Value) -> State {
    let mut state = state.clone();
    state.push(value.clone());
    state
}
fn sorted(mut state: State) -> State {
    state.sort();
    state
}
fn same(state: &State, answer: Value) -> Vec<Outcome> {
    vec![(state.clone(), answer)]
}

/// The numbers that a counter, a semaphore or a lock consists of.
fn number(state: &State, at: usize) -> i64 {
    state.get(at).and_then(Value::as_int).unwrap_or(0)
}

pub const COUNTER: Plain = Plain {
    model: "counter",
    initial: one_empty,
    propose: |random| match random.below(8) {
        0..=3 => ("read", NIL),
        4 => ("add", int(random.below(4) as i64 - 1)),
        5 => ("decrement", int(1)),
        6 => ("fetch-and-add", int(1 + random.below(2) as i64)),
        _ => ("add-and-fetch", int(1 + random.below(2) as i64)),
    },
    apply: |state, _, f, argument| {
        let (was, n) = (number(state, 0), argument.as_int().unwrap_or(0));
        match f {
            "read" => same(state, int(was)),
            "add" => vec![(vec![int(was + n)], NIL)],
            "decrement" => vec![(vec![int(was - n)], NIL)],
            "fetch-and-add" => vec![(vec![int(was + n)], int(was))],
            _ => vec![(vec![int(was + n)], int(was + n))],
        }
    },
    silent: &[],
};

fn lock_or_unlock(random: &mut Random) -> (&'static str, Value) {
    (pick(random, &["acquire", "release"]), NIL)
}

pub const MUTEX: Plain = Plain {
    model: "mutex",
    initial: one_empty,
    propose: lock_or_unlock,
    apply: |state, _, f, _| match (f, state.is_empty()) {
        ("acquire", true) => vec![(vec![NIL], NIL)],
        ("release", false) => vec![(vec![], NIL)],
        _ => vec![],
    },
    silent: &[],
};

pub const OWNED_MUTEX: Plain = Plain {
    model: "owned-mutex",
    initial: one_empty,
    propose: lock_or_unlock,
    apply: |state, process, f, _| match (f, state.is_empty()) {
        ("acquire", true) => vec![(vec![int(process as i64)], NIL)],
        ("release", false) if state[0] == int(process as i64) => vec![(vec![], NIL)],
        _ => vec![],
    },
    silent: &[],
};

pub const SEMAPHORE: Plain = Plain {
    model: "semaphore-2",
    initial: one_empty,
    propose: |random| match random.below(5) {
        0..=1 => ("acquire", NIL),
        2 => ("acquire", int(2)),
        _ => ("release", int(1)),
    },
    apply: |state, _, f, argument| {
        let (taken, n) = (number(state, 0), argument.as_int().unwrap_or(1));
        let after = if f == "acquire" { taken + n } else { taken - n };
        if (0..=2).contains(&after) { vec![(vec![int(after)], NIL)] } else { vec![] }
    },
    silent: &[],
};

/// A token nobody saw can be any; a range around those that are seen stands for all.
pub const FENCED_LOCK: Plain = Plain {
    model: "fenced-lock",
    initial: || vec![vec![int(-20), int(0)]],
    propose: |random| match random.below(7) {
        0..=3 => ("acquire", NIL),
        4..=5 => ("release", NIL),
        _ => ("release", int(1 + random.below(3) as i64)),
    },
    apply: |state, _, f, argument| {
        let (last, held) = (number(state, 0), number(state, 1));
        match (f, held) {
            ("acquire", 0) => (last + 1..=20).map(|token| (vec![int(token), int(1)], int(token))).collect(),
            ("release", 1) if argument.is_nil() || *argument == int(last) => {
                vec![(vec![int(last), int(0)], NIL)]
            }
            _ => vec![],
        }
    },
    silent: &[],
};

pub const SET: Plain = Plain {
    model: "set",
    initial: one_empty,
    propose: |random| match random.below(7) {
        0..=1 => ("add", small(random)),
        2 => ("remove", small(random)),
        3..=4 => ("contains", small(random)),
        _ => ("read", NIL),
    },
    apply: |state, _, f, argument| {
        let at = state.iter().position(|element| element == argument);
        let beside = |yes: bool| Value::pair(argument.clone(), yes);
        match (f, at) {
            ("add", None) => vec![(sorted(with(state, argument)), beside(true))],
            ("remove", Some(at)) => vec![(without(state, at), beside(true))],
            ("add" | "remove", _) => same(state, beside(false)),
            ("contains", at) => same(state, Value::Bool(at.is_some())),
            _ => same(state, Value::list(state.clone())),
        }
    },
    silent: &["add", "remove"],
};

pub const MULTISET: Plain = Plain {
    model: "multiset",
    initial: one_empty,
    propose: |random| match random.below(8) {
        0..=2 => ("add", small(random)),
        3 => ("remove", small(random)),
        4 => ("contains", small(random)),
        5 => ("count", small(random)),
        _ => ("read", NIL),
    },
    apply: |state, _, f, argument| {
        let at = state.iter().position(|element| element == argument);
        let times = state.iter().filter(|element| *element == argument).count();
        match (f, at) {
            ("add", _) => vec![(sorted(with(state, argument)), NIL)],
            ("remove", Some(at)) => vec![(without(state, at), Value::Bool(true))],
            ("remove", None) => same(state, Value::Bool(false)),
            ("contains", at) => same(state, Value::Bool(at.is_some())),
            ("count", _) => same(state, Value::pair(argument.clone(), times as i64)),
            // In another order than they are kept.
            _ => same(state, Value::list(state.iter().rev().cloned())),
        }
    },
    silent: &["remove"],
};

fn empty() -> Value {
    Value::from("empty")
}

pub const FIFO_QUEUE: Plain = Plain {
    model: "fifo-queue",
    initial: one_empty,
    propose: |random| if random.percent(50) { ("enqueue", small(random)) } else { ("dequeue", NIL) },
    apply: |state, _, f, argument| match f {
        "enqueue" => vec![(with(state, argument), NIL)],
        _ if state.is_empty() => same(state, empty()),
        _ => vec![(without(state, 0), state[0].clone())],
    },
    silent: &[],
};

pub const STACK: Plain = Plain {
    model: "stack",
    initial: one_empty,
    propose: |random| if random.percent(50) { ("push", small(random)) } else { ("pop", NIL) },
    apply: |state, _, f, argument| match f {
        "push" => vec![(with(state, argument), NIL)],
        _ => match state.split_last() {
            None => same(state, NIL),
            Some((top, rest)) => vec![(rest.to_vec(), top.clone())],
        },
    },
    silent: &[],
};

pub const UNORDERED_QUEUE: Plain = Plain {
    model: "unordered-queue",
    apply: |state, _, f, argument| match f {
        "enqueue" => vec![(sorted(with(state, argument)), NIL)],
        _ if state.is_empty() => same(state, empty()),
        _ => (0..state.len()).map(|at| (without(state, at), state[at].clone())).collect(),
    },
    ..FIFO_QUEUE
};

/// Elements are [priority, name], with few priorities.
pub const PRIORITY_QUEUE: Plain = Plain {
    model: "priority-queue",
    initial: one_empty,
    propose: |random| match random.below(6) {
        0..=2 => ("insert", Value::pair(random.below(2) as i64, random.below(2) as i64)),
        3 => ("dequeue-max", NIL),
        _ => (pick(random, &["dequeue", "dequeue-min"]), NIL),
    },
    apply: |state, _, f, argument| {
        let priority = |value: &Value| value.as_pair().unwrap().0.clone();
        if f == "insert" {
            return vec![(sorted(with(state, argument)), NIL)];
        }
        let all = state.iter().map(priority);
        let Some(best) = (if f == "dequeue-max" { all.max() } else { all.min() }) else {
            return same(state, NIL);
        };
        let best = (0..state.len()).filter(|&at| priority(&state[at]) == best);
        best.map(|at| (without(state, at), state[at].clone())).collect()
    },
    silent: &[],
};

pub const LOG: Plain = Plain {
    model: "log",
    initial: one_empty,
    propose: |random| match random.below(9) {
        0..=3 => ("append", small(random)),
        4..=5 => ("read", small(random)),
        6 => ("range", Value::pair(random.below(2) as i64, 1 + random.below(3) as i64)),
        7 => ("poll", int(random.below(2) as i64)),
        _ => ("size", NIL),
    },
    apply: |state, _, f, argument| {
        let from = argument.as_int().unwrap_or(0) as usize;
        match f {
            "append" => vec![(with(state, argument), Value::pair(argument.clone(), state.len() as i64))],
            "size" => same(state, int(state.len() as i64)),
            "read" => {
                same(state, Value::pair(argument.clone(), state.get(from).cloned().unwrap_or_default()))
            }
            "range" => {
                let (from, to) = argument.as_pair().unwrap();
                let (from, to) = (from.as_int().unwrap() as usize, to.as_int().unwrap() as usize);
                let entries = state.iter().take(to).skip(from).cloned();
                same(state, Value::list(entries))
            }
            _ => (from..=state.len().max(from))
                .map(|to| {
                    let entries = (from..to).map(|at| Value::pair(at as i64, state[at].clone()));
                    (state.clone(), Value::list(entries))
                })
                .collect(),
        }
    },
    silent: &["append"],
};

/// Two keys; the value is text or a number, and the state a list of `[key, value]`.
pub const KV: Plain = Plain {
    model: "kv",
    initial: one_empty,
    propose: |random| {
        let word = |random: &mut Random| Value::from(pick(random, &["a", "b", "ab", ""]));
        let (f, argument) = match random.below(20) {
            0..=7 => ("get", NIL),
            8..=10 => ("put", word(random)),
            11..=14 => ("append", word(random)),
            15 => ("delete", NIL),
            16 => ("cas", Value::pair(word(random), word(random))),
            17 => ("put", int(random.below(2) as i64)),
            18 => ("increment", int(random.below(2) as i64)),
            _ => ("increment-and-get", int(1)),
        };
        (f, Value::pair(i64::from(random.percent(30)), argument))
    },
    apply: |state, _, f, argument| {
        let (key, argument) = argument.as_pair().unwrap();
        let held = state.iter().find_map(|entry| {
            let (name, value) = entry.as_pair()?;
            (name == key).then(|| value.clone())
        });
        let holds = |value: Option<Value>| {
            let others = state.iter().filter(|entry| entry.as_pair().unwrap().0 != key).cloned();
            sorted(others.chain(value.map(|value| Value::pair(key.clone(), value))).collect())
        };
        let answer = |value: Value| Value::pair(key.clone(), value);
        let text = held.as_ref().map_or(Some(""), Value::as_str);
        let n = held.as_ref().map_or(Some(0), Value::as_int);
        match f {
            "get" => match &held {
                None => vec![(state.clone(), answer(NIL)), (state.clone(), answer("".into()))],
                Some(value) => same(state, answer(value.clone())),
            },
            "put" => vec![(holds(Some(argument.clone())), NIL)],
            "append" => match text {
                Some(text) => {
                    vec![(holds(Some(format!("{text}{}", argument.as_str().unwrap()).into())), NIL)]
                }
                None => vec![],
            },
            "delete" => vec![(holds(None), answer(held.is_some().into()))],
            "cas" => {
                let (from, to) = argument.as_pair().unwrap();
                if held.as_ref() == Some(from) { vec![(holds(Some(to.clone())), NIL)] } else { vec![] }
            }
            _ => match n {
                None => vec![],
                Some(n) => {
                    let n = n + argument.as_int().unwrap();
                    let told = if f == "increment" { NIL } else { answer(int(n)) };
                    vec![(holds(Some(int(n))), told)]
                }
            },
        }
    },
    silent: &["delete"],
};

/// Registers x and y; the state has `[name, value]`.
pub const MULTI_REGISTER: Plain = Plain {
    model: "multi-register",
    initial: one_empty,
    propose: |random| {
        let name = |random: &mut Random| Value::from(pick(random, &["x", "y"]));
        match random.below(6) {
            0 => ("write", Value::Map([(name(random), small(random))].into())),
            1 => ("read", Value::list(["x".into(), "y".into()])),
            _ => {
                let access = |random: &mut Random| {
                    if random.percent(60) {
                        Value::list(["r".into(), name(random), NIL])
                    } else {
                        Value::list(["w".into(), name(random), small(random)])
                    }
                };
                let count = 1 + random.below(3);
                ("txn", Value::list((0..count).map(|_| access(random))))
            }
        }
    },
    apply: |state, _, f, argument| {
        let get = |state: &State, name: &Value| {
            state
                .iter()
                .find(|entry| entry.as_pair().unwrap().0 == name)
                .map_or(NIL, |entry| entry.as_pair().unwrap().1.clone())
        };
        let set = |state: &State, name: &Value, value: &Value| {
            let mut state = state.clone();
            state.retain(|entry| entry.as_pair().unwrap().0 != name);
            sorted(with(&state, &Value::pair(name.clone(), value.clone())))
        };
        match (f, argument) {
            ("write", Value::Map(entries)) => {
                vec![(
                    entries.iter().fold(state.clone(), |state, (name, value)| set(&state, name, value)),
                    NIL,
                )]
            }
            ("read", _) => {
                let names = argument.as_list().unwrap();
                same(state, Value::Map(names.iter().map(|name| (name.clone(), get(state, name))).collect()))
            }
            _ => {
                let mut state = state.clone();
                let mut told = Vec::new();
                for access in argument.as_list().unwrap() {
                    let [f, name, value] = access.as_list().unwrap() else { unreachable!() };
                    if *f == Value::from("r") {
                        told.push(Value::list([f.clone(), name.clone(), get(&state, name)]));
                    } else {
                        state = set(&state, name, value);
                        told.push(access.clone());
                    }
                }
                vec![(state, Value::list(told))]
            }
        }
    },
    silent: &["write"],
};

fn map<const N: usize>(entries: [(&str, Value); N]) -> Value {
    let mut entries = entries.map(|(name, value)| (Value::from(name), value)).to_vec();
    entries.sort();
    Value::Map(entries.into())
}

fn field(value: &Value, name: &str) -> Option<Value> {
    let Value::Map(entries) = value else { return None };
    entries.iter().find(|(key, _)| *key == Value::from(name)).map(|(_, value)| value.clone())
}

/// Keys a and b. The state is the revision, and `[key, value, created, modified, version]` for each
/// key that is there.
pub const VERSIONED_KV: Plain = Plain {
    model: "versioned-kv",
    initial: || (0..16).map(|revision| vec![int(revision)]).collect(),
    propose: |random| {
        let key = Value::from(pick(random, &["a", "a", "b"]));
        match random.below(8) {
            0..=2 => ("get", key),
            3 => ("put", Value::pair(key, small(random))),
            4 => ("delete", key),
            5 => {
                let from = if random.percent(30) { NIL } else { small(random) };
                ("cas", Value::pair(key, Value::pair(from, small(random))))
            }
            _ => {
                let condition = |random: &mut Random| {
                    let (target, with) = match random.below(4) {
                        0 => ("value", random.below(3)),
                        1 => ("version", random.below(3)),
                        2 => ("create-revision", random.below(5)),
                        _ => ("mod-revision", random.below(6)),
                    };
                    let op = pick(random, &["=", "!=", "<", ">"]);
                    Value::list([
                        target.into(),
                        pick(random, &["a", "b"]).into(),
                        op.into(),
                        int(with as i64),
                    ])
                };
                let compare =
                    Value::list((0..random.below(3)).map(|_| condition(random)).collect::<Vec<_>>());
                let put = |random: &mut Random| {
                    Value::list(["put".into(), pick(random, &["a", "b"]).into(), small(random)])
                };
                let get = Value::list(["get".into(), key.clone()]);
                let delete = Value::list(["delete".into(), key]);
                let then = Value::list([put(random), get.clone()]);
                let otherwise = if random.percent(50) { Value::list([delete]) } else { Value::list([get]) };
                ("txn", map([("compare", compare), ("then", then), ("else", otherwise)]))
            }
        }
    },
    apply: |state, _, f, argument| {
        let acts_on = |f: &str, key: &Value| Value::list([f.into(), key.clone()]);
        let list = |name| field(argument, name).map_or(vec![], |list| list.as_list().unwrap().to_vec());
        let get = |state: &State, key: &Value| {
            state[1..]
                .iter()
                .find(|entry| entry.as_list().unwrap()[0] == *key)
                .map(|entry| entry.as_list().unwrap()[1..].to_vec())
        };
        let (compare, then, otherwise) = match f {
            "get" | "delete" => (vec![], vec![acts_on(f, argument)], vec![]),
            "put" => {
                let (key, value) = argument.as_pair().unwrap();
                (vec![], vec![Value::list(["put".into(), key.clone(), value.clone()])], vec![])
            }
            "cas" => {
                let (key, change) = argument.as_pair().unwrap();
                let (from, to) = change.as_pair().unwrap();
                let held = get(state, key).map_or(NIL, |entry| entry[0].clone());
                if held != *from {
                    return vec![];
                }
                (vec![], vec![Value::list(["put".into(), key.clone(), to.clone()])], vec![])
            }
            _ => (list("compare"), list("then"), list("else")),
        };
        let holds = compare.iter().all(|condition| {
            let [target, key, op, with] = condition.as_list().unwrap() else { unreachable!() };
            let entry = get(state, key);
            let at = match target.as_str().unwrap() {
                "value" => 0,
                "create-revision" => 1,
                "mod-revision" => 2,
                _ => 3,
            };
            let found = match entry {
                None if at == 0 => return false,
                None => int(0),
                Some(entry) => entry[at].clone(),
            };
            match op.as_str().unwrap() {
                "=" => found == *with,
                "!=" => found != *with,
                "<" => found < *with,
                _ => found > *with,
            }
        });
        let mut after = state.clone();
        let now = number(state, 0) + 1;
        let mut results = Vec::new();
        for act in if holds { then } else { otherwise } {
            let act = act.as_list().unwrap().to_vec();
            let entry = get(&after, &act[1]);
            match act[0].as_str().unwrap() {
                "get" => results.push(entry.map_or(NIL, |entry| {
                    map([
                        ("value", entry[0].clone()),
                        ("create-revision", entry[1].clone()),
                        ("mod-revision", entry[2].clone()),
                        ("version", entry[3].clone()),
                    ])
                })),
                f => {
                    let there = entry.is_some();
                    after.retain(|entry| entry.as_list().is_none_or(|entry| entry[0] != act[1]));
                    if f == "put" {
                        let created = entry.as_ref().map_or(int(now), |entry| entry[1].clone());
                        let version = entry.map_or(0, |entry| entry[3].as_int().unwrap()) + 1;
                        let entry = [act[1].clone(), act[2].clone(), created, int(now), int(version)];
                        after.push(Value::list(entry));
                        after[1..].sort();
                    }
                    if f == "put" || there {
                        after[0] = int(now);
                    }
                    results.push(if f == "put" { NIL } else { int(i64::from(there)) });
                }
            }
        }
        let revision = after[0].clone();
        let answer = match f {
            "get" => Value::pair(argument.clone(), results.remove(0)),
            "put" | "cas" => map([("revision", revision)]),
            "delete" => map([("revision", revision), ("deleted", results.remove(0))]),
            _ => {
                let results = Value::list(results);
                map([("succeeded", holds.into()), ("revision", revision), ("results", results)])
            }
        };
        vec![(after, answer)]
    },
    silent: &["put", "delete", "cas", "txn"],
};

fn register_operation(random: &mut Random, value: Value, from: Value) -> (&'static str, Value) {
    let (f, argument) = match random.below(10) {
        0..=4 => ("read", NIL),
        5..=8 => ("write", value),
        _ => ("cas", Value::pair(from, value)),
    };
    (f, Value::pair(random.below(2) as i64, argument))
}

/// Two registers; the state is what each holds.
pub const REGISTERS: Plain = Plain {
    model: "per-key-cas-register",
    initial: || vec![vec![NIL, NIL]],
    propose: |random| {
        let (value, from) = (small(random), small(random));
        register_operation(random, value, from)
    },
    apply: |state, _, f, argument| {
        let (key, argument) = argument.as_pair().unwrap();
        let at = key.as_int().unwrap() as usize;
        let holds = |value: &Value| {
            let mut state = state.clone();
            state[at] = value.clone();
            state
        };
        match f {
            "read" => same(state, Value::pair(key.clone(), state[at].clone())),
            "write" => vec![(holds(argument), NIL)],
            _ => {
                let (from, to) = argument.as_pair().unwrap();
                if state[at] == *from { vec![(holds(to), NIL)] } else { vec![] }
            }
        }
    },
    silent: &[],
};

/// The same with values that hardly ever repeat.
pub const UNIQUE_REGISTERS: Plain = Plain {
    propose: |random| {
        let value = int(random.below(1 << 40) as i64);
        register_operation(random, value, NIL)
    },
    ..REGISTERS
};

/// One register, only read and written, with values that hardly ever repeat.
pub const UNIQUE_REGISTER: Plain = Plain {
    model: "register",
    initial: || vec![vec![NIL]],
    propose: |random| {
        let value = int(random.below(1 << 40) as i64);
        if random.percent(55) { ("read", NIL) } else { ("write", value) }
    },
    apply: |state, _, f, argument| match f {
        "read" => same(state, state[0].clone()),
        _ => vec![(vec![argument.clone()], NIL)],
    },
    silent: &[],
};

/// A store as [`KV`], with words of which hardly ever two are the same and none begins another one.
pub const UNIQUE_KV: Plain = Plain {
    propose: |random| {
        let word = Value::from(format!("x{}y", random.below(1 << 40)));
        let (f, argument) = match random.below(20) {
            0..=8 => ("get", NIL),
            9..=10 => ("put", word),
            11..=18 => ("append", word),
            _ => ("delete", NIL),
        };
        (f, Value::pair(i64::from(random.percent(10)), argument))
    },
    ..KV
};

/// The same without deletes, whose answers keep a search from knowing more.
pub const UNIQUE_APPENDS: Plain = Plain {
    propose: |random| {
        let word = Value::from(format!("x{}y", random.below(1 << 40)));
        let (f, argument) = match random.below(20) {
            0..=7 => ("get", NIL),
            8..=10 => ("put", word),
            _ => ("append", word),
        };
        (f, Value::pair(0_i64, argument))
    },
    ..KV
};
