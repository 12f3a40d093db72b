//! Histories that say nothing of time: transactions in sessions, each one behind the other.
//!
//! They become completions without invocations, a process for each session, so that nothing is
//! claimed but the order in a session ([`History::completions_only`]).

use std::collections::HashSet;

use super::FormatError;
use crate::event::{EventType, Process};
use crate::hash::FastHash;
use crate::history::{EventHead, History, HistoryBuilder, Rules};
use crate::tape::ValueWriter;

/// Whether reading 0 is reading what nobody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zero {
    /// It is a value like any other.
    IsAValue,
    /// It is, unless the history writes 0 to that key.
    IsInitial,
}

/// A read or a write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Access {
    pub(super) write: bool,
    /// The key, or its position among [`Sessions::names`].
    pub(super) key: i64,
    /// `None` for a read of what nobody wrote.
    pub(super) value: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Transaction {
    session: u32,
    committed: bool,
    /// Where it stands in the file.
    line: usize,
}

/// Sessions being read.
#[derive(Default)]
pub(super) struct Sessions {
    transactions: Vec<Transaction>,
    /// Each with the position of its transaction.
    accesses: Vec<(u32, Access)>,
    /// The keys, where they are names.
    names: Vec<Box<str>>,
}

/// A transaction of [`Sessions`].
#[derive(Clone, Copy, Debug)]
pub(super) struct TransactionId(u32);

impl Sessions {
    /// Begins a transaction, which is the last one of its session so far.
    pub(super) fn begin(&mut self, session: u32, line: usize) -> Result<TransactionId, FormatError> {
        let Ok(id) = u32::try_from(self.transactions.len()) else {
            return Err(FormatError::Syntax { line, column: 1, reason: "too many transactions".into() });
        };
        self.transactions.push(Transaction { session, committed: true, line });
        Ok(TransactionId(id))
    }

    /// The transaction did not commit.
    pub(super) fn abort(&mut self, transaction: TransactionId) {
        self.transactions[transaction.0 as usize].committed = false;
    }

    /// The next thing that the transaction did.
    pub(super) fn access(&mut self, transaction: TransactionId, access: Access) {
        self.accesses.push((transaction.0, access));
    }

    /// How many names there are; a key that is a name is added with [`name`](Self::name).
    pub(super) fn names(&self) -> usize {
        self.names.len()
    }

    /// Adds a key that is a name.
    pub(super) fn name(&mut self, name: &str) {
        self.names.push(name.into());
    }

    /// The history.
    pub(super) fn finish(mut self, zero: Zero) -> Result<History, FormatError> {
        let mut zeros: HashSet<i64, FastHash> = HashSet::default();
        if zero == Zero::IsInitial {
            let written = self.accesses.iter().filter(|(_, access)| access.write && access.value == Some(0));
            zeros.extend(written.map(|(_, access)| access.key));
        }
        // Most files have the accesses of a transaction together, and then this only looks.
        self.accesses.sort_by_key(|(transaction, _)| *transaction);
        let mut builder = HistoryBuilder::new(Rules::LENIENT);
        let mut rest = &self.accesses[..];
        for (position, transaction) in self.transactions.iter().enumerate() {
            let count = rest.iter().take_while(|(of, _)| *of as usize == position).count();
            let (accesses, others) = rest.split_at(count);
            rest = others;
            if accesses.is_empty() {
                continue;
            }
            let history = |error| FormatError::History { line: transaction.line, error };
            let f = builder.name("txn").map_err(history)?;
            let mut writer = builder.value();
            let list = writer.begin();
            for (_, access) in accesses {
                let initial =
                    zero == Zero::IsInitial && access.value == Some(0) && !zeros.contains(&access.key);
                let value = if initial && !access.write { None } else { access.value };
                self.write(&mut writer, access, value).map_err(|reason| syntax(transaction, reason))?;
            }
            writer.end_list(list, count).map_err(|error| syntax(transaction, error.to_string()))?;
            let event_type = if transaction.committed { EventType::Ok } else { EventType::Fail };
            let process = Process::client(transaction.session.into());
            let process = process.ok_or_else(|| syntax(transaction, "too many sessions".into()))?;
            let head = EventHead { time: 0, process, event_type, f, node: None, extra: None };
            builder.push(head).map_err(history)?;
        }
        Ok(builder.finish())
    }

    fn write(&self, writer: &mut ValueWriter<'_>, access: &Access, value: Option<i64>) -> Result<(), String> {
        let list = writer.begin();
        let text = |error: crate::tape::EncodeError| error.to_string();
        writer.str(if access.write { "w" } else { "r" }).map_err(text)?;
        match self.names.get(access.key as usize).filter(|_| access.key >= 0) {
            Some(name) => writer.str(name).map_err(text)?,
            None => writer.int(access.key),
        }
        match value {
            Some(value) => writer.int(value),
            None => writer.nil(),
        }
        writer.end_list(list, 3).map_err(text)
    }
}

fn syntax(transaction: &Transaction, reason: String) -> FormatError {
    FormatError::Syntax { line: transaction.line, column: 1, reason }
}

/// A number of a key or a value.
pub(super) fn number(text: &str, what: &str) -> Result<i64, String> {
    let plain = text.strip_prefix('-').unwrap_or(text);
    if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("expected {what}, a number, not `{}`", super::source::shortened(text)));
    }
    text.parse().map_err(|_| super::source::too_large(text))
}
