//! The replicated state machine: keys, values and client sessions.
//!
//! Deterministic: the same entries give the same state on every server. `value` says what a key
//! holds, `command` what can be asked, `sessions` how a retry stays harmless.

mod command;
mod sessions;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use command::{Applied, Command, NO_SESSION, Rejection, SessionCommand, SessionId};
pub use sessions::{Admission, MAX_SESSIONS, Sessions};
pub use value::Value;

use crate::bugs::{Bug, Bugs};
use crate::types::{Entry, Payload};
use crate::wire::codec::{self, Reader, Wire, WireError};

/// The state that the log builds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Machine {
    keys: BTreeMap<String, Value>,
    sessions: Sessions,
}

impl Machine {
    /// Executes an entry. Entries come in log order, each once.
    pub fn apply(&mut self, entry: &Entry, bugs: Bugs) -> Applied {
        match &entry.payload {
            Payload::Noop | Payload::Members(_) => Applied::Value(Value::Nil),
            Payload::Register => Applied::Registered(self.sessions.open(entry.index)),
            Payload::Command(command) => self.execute(command, entry.index, bugs),
        }
    }

    /// The value of a key, `Nil` if it has none.
    pub fn get(&self, key: &str) -> Value {
        self.keys.get(key).cloned().unwrap_or_default()
    }

    /// The answer `command` would get now, changing nothing.
    ///
    /// For [`Bug::ReplyBeforeCommit`] only: a right server answers what it applied.
    pub fn preview(&self, command: &Command) -> Result<Value, Rejection> {
        let key = command.key();
        let mut scratch = BTreeMap::new();
        if let Some(value) = self.keys.get(key) {
            scratch.insert(key.to_owned(), value.clone());
        }
        run(&mut scratch, command)
    }

    /// The whole state as bytes, for a snapshot.
    pub fn encode(&self) -> Vec<u8> {
        codec::encode(self)
    }

    /// The state that [`Machine::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are not an encoded state machine.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        codec::decode(bytes)
    }

    fn execute(&mut self, command: &SessionCommand, index: u64, bugs: Bugs) -> Applied {
        // BUG raft.retry-executes-twice: the session is not asked whether it knows the command.
        let dedup = command.session != NO_SESSION && !bugs.has(Bug::RetryExecutesTwice);
        if dedup && let Admission::Answered(answer) = self.sessions.admit(command.session, command.seq, index)
        {
            return answer;
        }
        let answer = run(&mut self.keys, &command.command);
        if dedup {
            self.sessions.remember(command.session, command.seq, &answer);
        }
        match answer {
            Ok(value) => Applied::Value(value),
            Err(rejection) => Applied::Rejected(rejection),
        }
    }
}

impl Command {
    /// The key that the command is about.
    pub fn key(&self) -> &str {
        match self {
            Command::Put { key, .. }
            | Command::Cas { key, .. }
            | Command::Append { key, .. }
            | Command::Delete { key }
            | Command::Incr { key, .. } => key,
        }
    }

    /// About how many bytes the command takes when encoded.
    pub(crate) fn approximate_size(&self) -> usize {
        let value = match self {
            Command::Put { value, .. } | Command::Append { value, .. } => value.approximate_size(),
            Command::Cas { from, to, .. } => from.approximate_size() + to.approximate_size(),
            Command::Delete { .. } | Command::Incr { .. } => 8,
        };
        self.key().len() + value
    }
}

fn run(keys: &mut BTreeMap<String, Value>, command: &Command) -> Result<Value, Rejection> {
    match command {
        Command::Put { key, value } => {
            set(keys, key, value.clone());
            Ok(Value::Nil)
        }
        Command::Cas { key, from, to } => {
            let actual = keys.get(key).unwrap_or(&Value::Nil);
            if actual != from {
                let actual = actual.clone();
                return Err(Rejection::CasMismatch { actual });
            }
            set(keys, key, to.clone());
            Ok(Value::Nil)
        }
        Command::Append { key, value } => append(keys, key, value),
        Command::Delete { key } => match keys.remove(key) {
            Some(_) => Ok(Value::Nil),
            None => Err(Rejection::NoSuchKey),
        },
        Command::Incr { key, delta } => {
            let old = match keys.get(key) {
                None => 0,
                Some(Value::Int(n)) => *n,
                Some(_) => return Err(Rejection::WrongType),
            };
            let new = old.checked_add(*delta).ok_or(Rejection::Overflow)?;
            set(keys, key, Value::Int(new));
            Ok(Value::Int(new))
        }
    }
}

fn append(keys: &mut BTreeMap<String, Value>, key: &str, value: &Value) -> Result<Value, Rejection> {
    match keys.get_mut(key) {
        None => {
            set(keys, key, Value::list([value.clone()]));
            Ok(Value::Int(1))
        }
        Some(Value::List(items)) => {
            // Copies the list only while an answer that holds it is on its way out.
            let items = Arc::make_mut(items);
            items.push(value.clone());
            Ok(Value::Int(items.len() as i64))
        }
        Some(_) => Err(Rejection::WrongType),
    }
}

fn set(keys: &mut BTreeMap<String, Value>, key: &str, value: Value) {
    match (keys.get_mut(key), value) {
        (_, Value::Nil) => drop(keys.remove(key)),
        (Some(slot), value) => *slot = value,
        (None, value) => drop(keys.insert(key.to_owned(), value)),
    }
}

impl Wire for Machine {
    fn put(&self, out: &mut Vec<u8>) {
        self.keys.put(out);
        self.sessions.put(out);
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Machine { keys: Wire::take(reader)?, sessions: Wire::take(reader)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(machine: &mut Machine, command: Command) -> Applied {
        let command = SessionCommand { session: NO_SESSION, seq: 0, command };
        let payload = Payload::Command(Arc::new(command));
        let entry = Entry { index: 1, term: 1, payload };
        machine.apply(&entry, Bugs::default())
    }

    #[test]
    fn commands_do_what_they_say() {
        let mut machine = Machine::default();
        let key = || "k".to_owned();
        let ok = |n: i64| Applied::Value(Value::Int(n));
        let cas = |from: Value, to: i64| Command::Cas { key: key(), from, to: to.into() };
        assert_eq!(ask(&mut machine, cas(Value::Nil, 5)), Applied::Value(Value::Nil));
        let actual = Value::Int(5);
        let mismatch = Applied::Rejected(Rejection::CasMismatch { actual });
        assert_eq!(ask(&mut machine, cas(Value::Int(4), 6)), mismatch);
        let incr = Command::Incr { key: key(), delta: 2 };
        assert_eq!(ask(&mut machine, incr), ok(7));
        let append = |value: i64| Command::Append { key: key(), value: value.into() };
        let wrong = Applied::Rejected(Rejection::WrongType);
        assert_eq!(ask(&mut machine, append(1)), wrong);
        let delete = || Command::Delete { key: key() };
        assert_eq!(ask(&mut machine, delete()), Applied::Value(Value::Nil));
        let missing = Applied::Rejected(Rejection::NoSuchKey);
        assert_eq!(ask(&mut machine, delete()), missing);
        assert_eq!(ask(&mut machine, append(1)), ok(1));
        assert_eq!(ask(&mut machine, append(2)), ok(2));
        assert_eq!(machine.get("k"), Value::list([1.into(), 2.into()]));
        let copy = Machine::decode(&machine.encode()).expect("own encoding");
        assert_eq!(copy, machine);
    }
}
