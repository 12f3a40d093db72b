//! From recorded operations to transactions.

use super::{Act, Answered, Compare, Relation, Seen, Target, Told, Transaction, VersionedKv};
use crate::history::Fate;
use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::shape::{self, decoded};
use crate::tape::ValueRef;
use crate::value::Value;

pub(super) fn decode(operation: &Recorded<'_>) -> Result<Option<Decoded<VersionedKv>>, DecodeError> {
    let argument = operation.argument;
    let input = match operation.f {
        "get" | "read" => Transaction { then: vec![Act::Get(key(argument))], ..Transaction::default() },
        "delete" => Transaction { then: vec![Act::Delete(key(argument))], ..Transaction::default() },
        "put" | "write" => {
            let (key, value) = pair(operation, "[key, value]")?;
            Transaction { then: vec![Act::Put(key.to_value(), value.to_value())], ..Transaction::default() }
        }
        "cas" => {
            let (key, change) = pair(operation, "[key, [from, to]]")?;
            let Some((from, to)) = change.as_pair() else {
                return Err(
                    operation.bad_call(format!("`cas` needs the value [key, [from, to]], not {argument}"))
                );
            };
            let (target, with) = if from.is_nil() {
                (Target::Version, Value::Int(0))
            } else {
                (Target::Value, from.to_value())
            };
            let key = key.to_value();
            Transaction {
                compare: vec![Compare { key: key.clone(), target, relation: Relation::Is, with }],
                then: vec![Act::Put(key, to.to_value())],
                otherwise: Vec::new(),
            }
        }
        "txn" => transaction(argument).map_err(|problem| {
            operation.bad_call(format!("`txn` with {argument}: {problem}; see the model `versioned-kv`"))
        })?,
        _ => {
            return Err(shape::unknown_function(
                operation,
                VersionedKv.name(),
                "`get`, `put`, `delete`, `cas` and `txn`",
            ));
        }
    };
    let puts = input.then.iter().chain(&input.otherwise);
    if puts.into_iter().any(|act| matches!(act, Act::Put(_, Value::Nil))) {
        return Err(operation.bad_call("a key that holds null reads as if it were absent; put another value"));
    }
    if operation.fate == Fate::Fail {
        return Ok(None);
    }
    let output = match shape::answer(operation)? {
        None => None,
        Some(answer) => Some(answered(operation, &input, answer)?),
    };
    Ok(decoded(input, output))
}

/// `k`, or `[k, null]`.
fn key(argument: ValueRef<'_>) -> Value {
    match argument.as_pair() {
        Some((key, nothing)) if nothing.is_nil() => key.to_value(),
        _ => argument.to_value(),
    }
}

fn pair<'h>(operation: &Recorded<'h>, shape: &str) -> Result<(ValueRef<'h>, ValueRef<'h>), DecodeError> {
    operation.argument.as_pair().ok_or_else(|| {
        operation.bad_call(format!("`{}` needs the value {shape}, not {}", operation.f, operation.argument))
    })
}

fn transaction(value: ValueRef<'_>) -> Result<Transaction, &'static str> {
    if value.as_map().is_none() {
        return Err("it must be a map with `compare`, `then` and `else`");
    }
    let list = |names: [&str; 2]| names.iter().find_map(|name| value.get(name)).filter(|list| !list.is_nil());
    let mut transaction = Transaction::default();
    if let Some(list) = list(["compare", "if"]) {
        for condition in list.as_list().ok_or("`compare` must be a list")? {
            transaction.compare.push(compare(condition).ok_or("a comparison must be [target, key, op, x]")?);
        }
    }
    for (names, acts) in
        [(["then", "success"], &mut transaction.then), (["else", "failure"], &mut transaction.otherwise)]
    {
        let Some(list) = list(names) else { continue };
        for part in list.as_list().ok_or("`then` and `else` must be lists")? {
            acts.push(
                act(part)
                    .ok_or("an act must be [\"get\", key], [\"put\", key, value] or [\"delete\", key]")?,
            );
        }
    }
    Ok(transaction)
}

fn compare(condition: ValueRef<'_>) -> Option<Compare> {
    let parts: Vec<ValueRef<'_>> = condition.as_list()?.collect();
    let [target, key, op, with] = parts[..] else { return None };
    let target = match target.as_str()? {
        "value" => Target::Value,
        "version" => Target::Version,
        "mod-revision" | "mod_revision" => Target::Modified,
        "create-revision" | "create_revision" => Target::Created,
        _ => return None,
    };
    if target != Target::Value && with.as_int().is_none() {
        return None;
    }
    let relation = match op.as_str()? {
        "=" | "==" => Relation::Is,
        "!=" => Relation::IsNot,
        "<" => Relation::Below,
        ">" => Relation::Above,
        _ => return None,
    };
    Some(Compare { key: key.to_value(), target, relation, with: with.to_value() })
}

fn act(part: ValueRef<'_>) -> Option<Act> {
    let parts: Vec<ValueRef<'_>> = part.as_list()?.collect();
    let key = parts.get(1)?.to_value();
    match (parts[0].as_str()?, parts.len()) {
        ("get" | "read" | "r", 2 | 3) => Some(Act::Get(key)),
        ("put" | "write" | "w", 3) => Some(Act::Put(key, parts[2].to_value())),
        ("delete", 2 | 3) => Some(Act::Delete(key)),
        _ => None,
    }
}

fn answered(
    operation: &Recorded<'_>,
    input: &Transaction,
    answer: ValueRef<'_>,
) -> Result<Answered, DecodeError> {
    // An ok of anything but a transaction of its own says that it succeeded.
    let mut answered = Answered { succeeded: (operation.f != "txn").then_some(true), ..Answered::default() };
    let told_nothing = answer.is_nil() || answer == operation.argument;
    match operation.f {
        "get" | "read" => {
            let Act::Get(key) = &input.then[0] else { return Ok(answered) };
            // A read without an argument's key in it cannot be told from one of a value that is a pair.
            let Some((_, told)) = answer.as_pair().filter(|(told, _)| *told == *key) else {
                return Err(shape::bad_answer(operation, "[key, value], or [key, null] if it is absent"));
            };
            answered.revision = told.as_map().and_then(|_| told.get("revision")?.as_int());
            answered.results = vec![holds(told)];
        }
        _ if told_nothing => {}
        _ if answer.as_map().is_none() => {
            return Err(shape::bad_answer(operation, "null, its value, or a map with `revision`"));
        }
        _ => {
            answered.revision = answer.get("revision").and_then(ValueRef::as_int);
            answered.succeeded = answer.get("succeeded").and_then(ValueRef::as_bool).or(answered.succeeded);
            if let Some(deleted) = answer.get("deleted").and_then(ValueRef::as_int) {
                answered.results = vec![Told::Deleted(deleted)];
            }
            if let Some(results) = answer.get("results").and_then(ValueRef::as_list) {
                answered.results = told(operation, input, answered.succeeded, results.collect())?;
            }
        }
    }
    Ok(answered)
}

fn told(
    operation: &Recorded<'_>,
    input: &Transaction,
    succeeded: Option<bool>,
    results: Vec<ValueRef<'_>>,
) -> Result<Vec<Told>, DecodeError> {
    let acts = match succeeded {
        Some(true) => &input.then,
        Some(false) => &input.otherwise,
        None => return Err(shape::bad_answer(operation, "`succeeded` beside `results`")),
    };
    if acts.len() != results.len() {
        return Err(shape::bad_answer(operation, "a result for each act of its branch"));
    }
    let told = acts.iter().zip(results).map(|(act, result)| match act {
        Act::Get(_) => holds(result),
        Act::Put(..) => Told::Nothing,
        Act::Delete(_) => result.as_int().map_or(Told::Nothing, Told::Deleted),
    });
    Ok(told.collect())
}

/// What a get says: null, a value, or a map with `value` and the numbers.
fn holds(told: ValueRef<'_>) -> Told {
    if told.is_nil() {
        return Told::Absent;
    }
    let Some(value) = told.as_map().and_then(|_| told.get("value")) else {
        return Told::Holds(Box::new(Seen { value: Some(told.to_value()), ..Seen::default() }));
    };
    if value.is_nil() {
        return Told::Absent;
    }
    let number = |names: [&str; 2]| names.iter().find_map(|name| told.get(name)?.as_int());
    Told::Holds(Box::new(Seen {
        value: Some(value.to_value()),
        created: number(["create-revision", "create_revision"]),
        modified: number(["mod-revision", "mod_revision"]),
        version: told.get("version").and_then(ValueRef::as_int),
    }))
}
