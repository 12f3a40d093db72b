//! How evidence of this room names transactions, keys and versions.

use super::super::history::{NONE, TxnHistory};
use crate::evidence::Finding;
use crate::history::History;
use crate::value::Value;

/// Both forms of a history, to quote from.
pub(crate) struct Words<'a> {
    pub history: &'a History,
    pub txns: &'a TxnHistory,
}

impl Words<'_> {
    /// `T12`: the transaction invoked at event 12, as the quoted operations have it.
    pub fn txn(&self, txn: u32) -> String {
        match self.txns.txns.get(txn as usize) {
            Some(known) => format!("T{} (process {})", known.call, known.process),
            None => "the initial state".to_owned(),
        }
    }

    /// A key as the history writes it.
    pub fn key(&self, key: u32) -> String {
        self.txns.keys.get(key as usize).map_or_else(|| "?".to_owned(), short)
    }

    /// `x = 3`.
    pub fn version(&self, key: u32, version: u32) -> String {
        let value = match self.txns.value(version) {
            Some(value) => short(&value),
            None if version == NONE => "nil".to_owned(),
            None => "?".to_owned(),
        };
        format!("{} = {value}", self.key(key))
    }

    /// A finding about some transactions.
    pub fn finding(
        &self,
        problem: &str,
        sentence: String,
        txns: &[u32],
        key: Option<u32>,
        steps: Vec<String>,
    ) -> Finding {
        let calls: Vec<usize> = txns
            .iter()
            .filter_map(|txn| self.txns.txns.get(*txn as usize))
            .map(|txn| txn.call as usize)
            .collect();
        let mut finding = Finding::new(self.history, problem, sentence, &calls).because(steps);
        finding.key = key.and_then(|key| self.txns.keys.get(key as usize)).cloned();
        finding
    }
}

/// A value may be a text of a million letters.
fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
