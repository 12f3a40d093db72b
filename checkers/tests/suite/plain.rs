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
pub fn one_empty() -> Vec<State> {
    vec![Vec::new()]
}
pub fn small(random: &mut Random) -> Value {
    int(random.below(3) as i64)
}
pub fn pick<T: Copy>(random: &mut Random, from: &[T]) -> T {
    from[random.below(from.len() as u64) as usize]
}
fn without(state: &State, at: usize) -> State {
    let mut state = state.clone();
    state.remove(at);
    state
}
pub fn with(state: &State, value: &Value) -> State {
    let mut state = state.clone();
    state.push(value.clone());
    state
}
pub fn sorted(mut state: State) -> State {
    state.sort();
    state
}
pub fn same(state: &State, answer: Value) -> Vec<Outcome> {
    vec![(state.clone(), answer)]
}

/// The numbers that a counter, a semaphore or a lock consists of.
pub fn number(state: &State, at: usize) -> i64 {
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

/// A mutex by another name; two permits can never be had.
pub const SEMAPHORE_1: Plain = Plain {
    model: "semaphore-1",
    apply: |state, _, f, argument| {
        let (taken, n) = (number(state, 0), argument.as_int().unwrap_or(1));
        let after = if f == "acquire" { taken + n } else { taken - n };
        if (0..=1).contains(&after) { vec![(vec![int(after)], NIL)] } else { vec![] }
    },
    ..SEMAPHORE
};

/// A token nobody saw can be any; a range around those that are seen, and beyond the last, stands for all.
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
            ("acquire", 0) => {
                (last + 1..=20.max(last + 8)).map(|token| (vec![int(token), int(1)], int(token))).collect()
            }
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

/// Elements are [priority, name], with few priorities, or a priority that is its own name.
pub const PRIORITY_QUEUE: Plain = Plain {
    model: "priority-queue",
    initial: one_empty,
    propose: |random| match random.below(6) {
        0..=1 => ("insert", Value::pair(random.below(2) as i64, random.below(2) as i64)),
        2 => (pick(random, &["insert", "enqueue"]), int(random.below(2) as i64)),
        3 => ("dequeue-max", NIL),
        _ => (pick(random, &["dequeue", "dequeue-min"]), NIL),
    },
    apply: |state, _, f, argument| {
        let priority =
            |value: &Value| value.as_pair().map_or(value.clone(), |(priority, _)| priority.clone());
        if f == "insert" || f == "enqueue" {
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
        6 => ("range", Value::pair(random.below(3) as i64, random.below(4) as i64)),
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
