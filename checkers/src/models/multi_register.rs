//! Several registers that are read and written together.

use crate::history::Fate;
use crate::model::{DecodeError, Decoded, Model, Recorded};
use crate::models::shape::{self, decoded};
use crate::models::sharing::Shared;
use crate::tape::ValueRef;
use crate::value::Value;

/// Registers by name, each null until it is written; an operation reads and writes several of them
/// at once. Not local: the registers cannot be judged one by one.
///
/// | function | value | answer |
/// |---|---|---|
/// | `txn` | `[["r", k, null], ["w", k, v], …]`, one after the other | the same, with the values read |
/// | `read` | a list of names, or a map with names for keys | a map from names to values |
/// | `write` | a map from names to values | null or the map |
#[derive(Clone, Copy, Debug, Default)]
pub struct MultiRegister;

/// One of the things that an operation does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// What does this register hold?
    Read(Value),
    /// Hold this.
    Write(Value, Value),
}

/// The values read, in the order of the reads.
pub type ValuesRead = Vec<Value>;

impl Model for MultiRegister {
    /// What the registers hold that hold something.
    type State = Shared<Value, Value>;
    type Input = Vec<Access>;
    type Output = ValuesRead;
    type Next = Option<Shared<Value, Value>>;

    fn name(&self) -> &str {
        "multi-register"
    }

    fn initial(&self) -> Self::State {
        Shared::default()
    }

    fn step(&self, state: &Self::State, input: &Vec<Access>, output: Option<&ValuesRead>) -> Self::Next {
        let mut state = state.clone();
        let mut read = output.map(|values| values.iter());
        for access in input {
            match access {
                Access::Read(name) => {
                    if let Some(value) = read.as_mut().and_then(Iterator::next)
                        && state.get(name).unwrap_or(&Value::Nil) != value
                    {
                        return None;
                    }
                }
                Access::Write(name, Value::Nil) => state = state.without(name),
                Access::Write(name, value) => state = state.with(name.clone(), value.clone()),
            }
        }
        Some(state)
    }

    fn is_read_only(&self, input: &Vec<Access>, _output: Option<&ValuesRead>) -> bool {
        input.iter().all(|access| matches!(access, Access::Read(_)))
    }

    fn decode(&self, operation: &Recorded<'_>) -> Result<Option<Decoded<Self>>, DecodeError> {
        let (input, output) = match operation.f {
            "txn" => txn(operation)?,
            "read" => {
                let names = names(operation)?;
                let values = match shape::answer(operation)? {
                    None => return Ok(None),
                    Some(answer) => values_of(operation, &names, answer)?,
                };
                (names.into_iter().map(Access::Read).collect(), Some(values))
            }
            "write" => {
                let Some(entries) = operation.argument.as_map() else {
                    return Err(operation.bad_call(format!(
                        "`write` of several registers needs a map from names to values, not {}",
                        operation.argument
                    )));
                };
                if shape::answer_or_nothing(operation, true)?.is_some() {
                    return Err(shape::bad_answer(operation, "null or its value"));
                }
                let writes = entries.map(|(name, value)| Access::Write(name.to_value(), value.to_value()));
                (writes.collect(), shape::is_ok(operation).then(Vec::new))
            }
            _ => return Err(shape::unknown_function(operation, self.name(), "`txn`, `read` and `write`")),
        };
        Ok(if operation.fate == Fate::Fail { None } else { decoded(input, output) })
    }

    fn heap_bytes(&self, state: &Self::State) -> usize {
        state.heap_bytes()
    }

    fn describe(&self, input: &Vec<Access>, output: Option<&ValuesRead>) -> String {
        let mut read = output.into_iter().flatten();
        let mut words: Vec<String> = Vec::new();
        for access in input {
            words.push(match access {
                Access::Write(name, value) => format!("write {name} = {value}"),
                Access::Read(name) => match read.next() {
                    Some(value) => format!("read {name} = {value}"),
                    None => format!("read {name}"),
                },
            });
        }
        words.join(", ")
    }

    fn describe_state(&self, state: &Self::State) -> String {
        shape::braces(state.iter().map(|(name, value)| format!("{name}={value}")))
    }

    fn object(&self) -> &str {
        "the registers"
    }

    fn requirement(&self, input: &Vec<Access>, output: Option<&ValuesRead>) -> Option<String> {
        let mut read = output?.iter();
        let mut written: Vec<(&Value, &Value)> = Vec::new();
        let mut needs = Vec::new();
        for access in input {
            match access {
                Access::Write(name, value) => written.push((name, value)),
                Access::Read(name) => {
                    let value = read.next()?;
                    match written.iter().rev().find(|(own, _)| *own == name) {
                        None => needs.push(format!("{name} = {value}")),
                        Some((_, own)) if *own != value => {
                            return Some(format!(
                                "it read {name} = {value} after its own write of {own}, which is impossible"
                            ));
                        }
                        Some(_) => {}
                    }
                }
            }
        }
        // What it wrote itself says nothing of what was there.
        (!needs.is_empty()).then(|| format!("this needs the registers to have {}", needs.join(", ")))
    }
}

/// What a transaction asked and, if it was answered, read.
type Asked = (Vec<Access>, Option<ValuesRead>);

fn txn(operation: &Recorded<'_>) -> Result<Asked, DecodeError> {
    let bad = || {
        operation.bad_call(format!(
            "`txn` needs a list of [\"r\", register, null] and [\"w\", register, value], not {}",
            operation.argument
        ))
    };
    let parts = |value: ValueRef<'_>| -> Option<Vec<(bool, Value, Value)>> {
        let parts = value.as_list()?.map(|part| {
            let (f, name, value) = part.as_triple()?;
            let reads = match f.as_str()? {
                "r" | "read" | ":r" | ":read" => true,
                "w" | "write" | ":w" | ":write" => false,
                _ => return None,
            };
            Some((reads, name.to_value(), value.to_value()))
        });
        parts.collect()
    };
    let asked = parts(operation.argument).ok_or_else(bad)?;
    let input = asked.iter().map(|(reads, name, value)| {
        if *reads { Access::Read(name.clone()) } else { Access::Write(name.clone(), value.clone()) }
    });
    let input: Vec<Access> = input.collect();
    let Some(answer) = shape::answer(operation)? else { return Ok((input, None)) };
    let told = parts(answer).filter(|told| {
        told.len() == asked.len()
            && told
                .iter()
                .zip(&asked)
                .all(|(told, asked)| told.0 == asked.0 && told.1 == asked.1 && (told.0 || told.2 == asked.2))
    });
    let told = told.ok_or_else(|| shape::bad_answer(operation, "the same, with the values read"))?;
    let values = told.into_iter().filter(|(reads, ..)| *reads).map(|(_, _, value)| value).collect();
    Ok((input, Some(values)))
}

fn names(operation: &Recorded<'_>) -> Result<Vec<Value>, DecodeError> {
    if let Some(names) = operation.argument.as_list() {
        return Ok(names.map(ValueRef::to_value).collect());
    }
    if let Some(entries) = operation.argument.as_map() {
        return Ok(entries.map(|(name, _)| name.to_value()).collect());
    }
    Err(operation.bad_call(format!(
        "`read` of several registers needs a list of names, or a map, not {}",
        operation.argument
    )))
}

fn values_of(
    operation: &Recorded<'_>,
    names: &[Value],
    answer: ValueRef<'_>,
) -> Result<ValuesRead, DecodeError> {
    let bad = || shape::bad_answer(operation, "a map with the value of each register asked for");
    let told: Vec<(Value, Value)> =
        answer.as_map().ok_or_else(bad)?.map(|(name, value)| (name.to_value(), value.to_value())).collect();
    if told.len() != names.iter().collect::<std::collections::BTreeSet<_>>().len() {
        return Err(bad());
    }
    let value = |name: &Value| told.iter().find(|(told, _)| told == name).map(|(_, value)| value.clone());
    names.iter().map(|name| value(name).ok_or_else(bad)).collect()
}
