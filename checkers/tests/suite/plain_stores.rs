//! The stores among the plain doubles: several keys, whose state is a list of entries.

use checkers::Value;

use crate::plain::{NIL, Plain, State, int, number, one_empty, pick, same, small, sorted, with};
use crate::simulate::Random;

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
            15 => (pick(random, &["delete", "put"]), NIL),
            16 => {
                let from = if random.percent(20) { NIL } else { word(random) };
                let to = if random.percent(20) { NIL } else { word(random) };
                ("cas", Value::pair(from, to))
            }
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
            // Holding null is not being there.
            let value = value.filter(|value| !value.is_nil());
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
                if held.unwrap_or(NIL) == *from { vec![(holds(Some(to.clone())), NIL)] } else { vec![] }
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
            1 => {
                let names = [&["x", "y"][..], &["x"], &["y"], &["y", "y"]][random.below(4) as usize];
                ("read", Value::list(names.iter().map(|&name| Value::from(name))))
            }
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
                let mut names = argument.as_list().unwrap().to_vec();
                names.dedup();
                same(state, Value::Map(names.iter().map(|name| (name.clone(), get(state, name))).collect()))
            }
            _ => {
                let mut state = state.clone();
                let mut told = Vec::new();
                for access in argument.as_list().unwrap() {
                    let [f, name, value] = access.as_list().unwrap() else { unreachable!() };
                    if f.as_str() == Some("r") {
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
    entries.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value.clone())
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
                // No key is changed twice, which etcd refuses; one of them may be read before or after.
                let act = |random: &mut Random, key: &str| match random.below(4) {
                    0 => Value::list(["get".into(), key.into()]),
                    1 => Value::list(["delete".into(), key.into()]),
                    _ => Value::list(["put".into(), key.into(), small(random)]),
                };
                let acts = |random: &mut Random| {
                    let mut acts: Vec<Value> = ["a", "b"]
                        .into_iter()
                        .filter(|_| random.percent(50))
                        .collect::<Vec<_>>()
                        .into_iter()
                        .map(|key| act(random, key))
                        .collect();
                    if random.percent(40) {
                        let at = random.below(acts.len() as u64 + 1) as usize;
                        acts.insert(at, Value::list(["get".into(), key.clone()]));
                    }
                    Value::list(acts)
                };
                let (then, otherwise) = (acts(random), acts(random));
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
            "get" => {
                // Half of them say at which revision it was.
                let found = results.remove(0);
                match &found {
                    Value::Map(entries) => {
                        let mut entries: Vec<_> = entries.to_vec();
                        entries.push((Value::from("revision"), revision.clone()));
                        entries.sort();
                        let told = Value::pair(argument.clone(), Value::Map(entries.into()));
                        return vec![(after.clone(), told), (after, Value::pair(argument.clone(), found))];
                    }
                    _ => Value::pair(argument.clone(), found),
                }
            }
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
