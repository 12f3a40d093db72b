//! The order of sessions and of time.

use std::collections::HashMap;

use super::graph::NONE;
use super::history::Txn;
use crate::event::Process;
use crate::hash::FastHash;
use crate::history::Fate;

/// For each transaction the first that was invoked after it had completed, or [`NONE`]; nothing follows
/// one that was not answered, nor matters what follows one that failed. Positions are below `events`.
pub(super) fn invoked_after(txns: &[Txn], events: usize) -> Vec<u32> {
    // For each position, how many transactions were invoked before it.
    let mut before = vec![0u32; events + 1];
    let mut next = 0;
    for (position, count) in before.iter_mut().enumerate() {
        while txns.get(next).is_some_and(|txn| (txn.call as usize) < position) {
            next += 1;
        }
        *count = next as u32;
    }
    let count = txns.len() as u32;
    txns.iter()
        .map(|txn| match txn.fate {
            Fate::Ok if txn.ret != NONE => {
                Some(before[txn.ret as usize]).filter(|first| *first < count).unwrap_or(NONE)
            }
            _ => NONE,
        })
        .collect()
}

/// For each answered transaction the next answered one of its process, or if there is none the first that
/// was never answered, since that took effect after it if it did; or [`NONE`].
pub(super) fn next_of_process(txns: &[Txn]) -> Vec<u32> {
    let mut next = vec![NONE; txns.len()];
    let mut last: HashMap<Process, u32, FastHash> = HashMap::default();
    for (number, txn) in (0u32..).zip(txns) {
        match txn.fate {
            Fate::Fail => {}
            Fate::Info => {
                if let Some(before) = last.get(&txn.process)
                    && next[*before as usize] == NONE
                {
                    next[*before as usize] = number;
                }
            }
            Fate::Ok => {
                if let Some(before) = last.insert(txn.process, number) {
                    next[before as usize] = number;
                }
            }
        }
    }
    next
}

/// The orders that a check needs: of processes, and of time. Either may be empty.
pub(super) struct Orders {
    pub(super) process_next: Vec<u32>,
    pub(super) after: Vec<u32>,
}

impl Orders {
    /// Those of transactions in a history of so many events. One of completions alone says nothing of
    /// time, and its processes count only where nothing but sessions was asked for: excerpts are often
    /// written with one process for all.
    pub(super) fn new(
        txns: &[Txn],
        events: usize,
        completions_only: bool,
        sessions: bool,
        realtime: bool,
    ) -> Self {
        let after = if realtime && !completions_only { invoked_after(txns, events) } else { Vec::new() };
        let process = sessions && !(completions_only && realtime);
        Orders { process_next: if process { next_of_process(txns) } else { Vec::new() }, after }
    }

    /// Whether no transaction precedes another.
    pub(super) fn is_empty(&self) -> bool {
        self.process_next.iter().chain(&self.after).all(|next| *next == NONE)
    }
}
