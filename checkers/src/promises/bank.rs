//! A bank: money moves between accounts, and no read sees it made, lost or half moved.
//!
//! After Jepsen's `tests/bank`. Operations are `transfer {from, to, amount}` and `read`, answered
//! with a map from accounts to balances (or a list of pairs). In JSON the accounts are text where
//! the transfers have integers; text that is an integer's is that integer.
//!
//! | problem | a read |
//! |---|---|
//! | `unexpected-key` | has an account that does not exist |
//! | `nil-balance` | has an account without a balance |
//! | `wrong-total` | has balances whose sum is not the total |
//! | `negative-value` | has a balance below zero, unless that is allowed |
//! | `unexplained-balance` | has a balance above what all transfers into the account that were begun so far can make, or below what all out of it can |
//!
//! As in Jepsen a read counts once, by the first that applies; the last is ours. It needs initial
//! balances, which a read gives that was answered before any transfer began, and it holds under
//! snapshot isolation too, which may show an old state: of a balance only those transfers are
//! demanded that may have happened, never those that must.
//!
//! What is not given is inferred. The **total** is the one that most reads have, the first of them
//! if several are as frequent: reads with different totals are wrong whichever is right, so the
//! verdict does not depend on it, only which reads are named. The **accounts** are those of the
//! read that was answered first, and all that a transfer names: no other can come to be.

use std::collections::HashMap;

use super::findings::{Findings, valid_unless};
use super::shape::{Key, Pace, Undecided, entries, field, judged, misshapen, only};
use crate::checker::{Budget, Checker};
use crate::hash::FastHash;
use crate::history::{Fate, History};
use crate::model::DecodeError;
use crate::tape::{ValueRef, ValueWriter};
use crate::value::Value;
use crate::verdict::Judgement;

const ALGORITHM: &str = "bank";

/// Judges a bank.
#[derive(Clone, Debug, Default)]
pub struct Bank {
    /// The accounts; inferred if absent.
    pub accounts: Option<Vec<Value>>,
    /// The sum of all balances; inferred if absent.
    pub total: Option<i64>,
    /// Whether a balance may be below zero.
    pub negative_balances: bool,
}

type Table<'h, V> = HashMap<Key<'h>, V, FastHash>;

/// An answered read.
struct Read<'h> {
    call: usize,
    ret: usize,
    balances: Vec<(Key<'h>, Option<i64>)>,
    total: i128,
}

impl Checker for Bank {
    fn name(&self) -> &str {
        "bank"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        only(history, "a bank", &["read", "transfer"])
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        judged(ALGORITHM, self.judge(history, budget))
    }
}

/// The two accounts and the amount of the transfer invoked at `call`.
fn transfer(history: &History, call: usize) -> Result<(Key<'_>, Key<'_>, i64), DecodeError> {
    let value = history.event(call).value;
    let part = |name| field(value, name);
    match (part("from"), part("to"), part("amount").and_then(|amount| amount.as_int())) {
        (Some(from), Some(to), Some(amount)) => Ok((Key::of(from), Key::of(to), amount)),
        _ => Err(misshapen(history, call, "a map with `from`, `to` and an integer `amount`")),
    }
}

fn take_read(history: &History, call: usize, ret: usize) -> Result<Read<'_>, DecodeError> {
    let needed = "a map from accounts to integer balances as its answer";
    let bad = || misshapen(history, ret, needed);
    let mut balances = Vec::new();
    let mut total = 0;
    for (key, balance) in entries(history.event(ret).value).ok_or_else(bad)? {
        let balance = match balance.as_int() {
            None if balance.is_nil() => None,
            None => return Err(bad()),
            known => known,
        };
        total += i128::from(balance.unwrap_or(0));
        balances.push((Key::of(key), balance));
    }
    Ok(Read { call, ret, balances, total })
}

impl Bank {
    fn judge(&self, history: &History, budget: &Budget<'_>) -> Result<Judgement, Undecided> {
        self.understands(history)?;
        let mut pace = Pace::new(budget);
        let mut reads = Vec::new();
        // Transfers that did not certainly fail, in the order of their beginnings.
        let mut transfers = Vec::new();
        let mut acknowledged = 0_usize;
        for operation in history.operations() {
            match (operation.invocation.f.as_str(), operation.fate(), operation.ret()) {
                ("read", Fate::Ok, Some(ret)) => {
                    let read = take_read(history, operation.call, ret)?;
                    pace.did(read.balances.len() + 1)?;
                    // The balances are read again when it is their turn, or they would take more
                    // memory than the history.
                    let complete = read.balances.iter().all(|(_, balance)| balance.is_some());
                    reads.push((ret, operation.call, complete.then_some(read.total)));
                }
                ("transfer", fate, _) if fate != Fate::Fail => {
                    transfers.push((operation.call, transfer(history, operation.call)?));
                    acknowledged += usize::from(fate == Fate::Ok);
                }
                _ => {}
            }
        }
        // In the order of answers, in which the reads learn of transfers.
        reads.sort_unstable();
        let first = reads.first().map(|(ret, call, _)| take_read(history, *call, *ret)).transpose()?;
        let total = self
            .total
            .map(i128::from)
            .or_else(|| most_frequent_total(reads.iter().map(|(.., total)| *total)));
        // As on a tape, so that they can be compared.
        let mut tapes = Vec::new();
        for account in self.accounts.iter().flatten() {
            let mut tape = Vec::new();
            if ValueWriter::new(&mut tape).value(account).is_ok() {
                tapes.push(tape);
            }
        }
        let given: Vec<Key<'_>> = tapes.iter().map(|tape| Key::of(ValueRef::new(tape))).collect();
        let mut accounts: Table<'_, Account> = Table::default();
        match &self.accounts {
            Some(_) => accounts.extend(given.iter().map(|key| (*key, Account::default()))),
            None => {
                let first = first.as_ref().map(|read| &read.balances[..]).unwrap_or_default();
                let named = transfers.iter().flat_map(|(_, (from, to, _))| [*from, *to]);
                let all = first.iter().map(|(key, _)| *key).chain(named);
                accounts.extend(all.map(|key| (key, Account::default())));
            }
        }
        let initial = first
            .as_ref()
            .filter(|read| transfers.first().is_none_or(|(call, _)| read.ret < *call))
            .filter(|_| !history.completions_only());
        for (key, balance) in initial.map(|read| &read.balances[..]).unwrap_or_default() {
            if let (Some(account), Some(balance)) = (accounts.get_mut(key), balance) {
                account.initial = Some(i128::from(*balance));
            }
        }
        let mut findings = Findings::new(history);
        let mut begun = transfers.iter().peekable();
        for (ret, call, _) in &reads {
            let read = &take_read(history, *call, *ret)?;
            while let Some((_, (from, to, amount))) = begun.next_if(|(call, _)| *call < read.ret) {
                if from != to {
                    let mut moved = |key, amount: i128| {
                        if let Some(account) = accounts.get_mut(key) {
                            if amount > 0 { account.most_in += amount } else { account.most_out -= amount }
                        }
                    };
                    moved(from, -i128::from(*amount));
                    moved(to, i128::from(*amount));
                }
            }
            pace.did(read.balances.len())?;
            self.judge_read(history, read, &accounts, total, &mut findings);
        }
        let judgement = findings.conclude(ALGORITHM, || {
            let reason =
                reads.is_empty().then_some("no read was answered with ok; nobody looked at the balances");
            valid_unless(ALGORITHM, reason.map(str::to_owned))
        });
        let total = total.and_then(|total| i64::try_from(total).ok());
        let judgement = judgement.with("read_count", reads.len()).with("transfer_count", acknowledged);
        Ok(judgement.with("account_count", accounts.len()).with("total", total))
    }

    /// The first rule that the read breaks.
    fn judge_read(
        &self,
        history: &History,
        read: &Read<'_>,
        accounts: &Table<'_, Account>,
        total: Option<i128>,
        findings: &mut Findings<'_>,
    ) {
        let at = history.origin(read.ret);
        let calls = [read.call];
        if let Some((key, _)) = read.balances.iter().find(|(key, _)| !accounts.contains_key(key)) {
            findings.add("unexpected-key", &calls, || {
                format!("the read answered at event {at} has the account {key}, which does not exist")
            });
        } else if let Some((key, _)) = read.balances.iter().find(|(_, balance)| balance.is_none()) {
            findings.add("nil-balance", &calls, || {
                format!("the read answered at event {at} has no balance for the account {key}")
            });
        } else if let Some(total) = total.filter(|total| *total != read.total) {
            findings.add("wrong-total", &calls, || {
                let (sum, inferred) = (read.total, if self.total.is_none() { ", as in most reads" } else { "" });
                format!("the balances in the read answered at event {at} make {sum}, but there are {total} in all{inferred}")
            });
        } else if let Some((key, balance)) = read
            .balances
            .iter()
            .find(|(_, balance)| !self.negative_balances && balance.is_some_and(|balance| balance < 0))
        {
            findings.add("negative-value", &calls, || {
                let balance = balance.unwrap_or_default();
                format!("the read answered at event {at} has the balance {balance} for the account {key}")
            });
        } else if let Some((key, balance, range)) = read.balances.iter().find_map(|(key, balance)| {
            let balance = i128::from((*balance)?);
            let account = accounts.get(key)?;
            let initial = account.initial?;
            let range = initial - account.most_out..=initial + account.most_in;
            (!range.contains(&balance)).then_some((key, balance, range))
        }) {
            findings.add("unexplained-balance", &calls, || {
                let (least, most) = (range.start(), range.end());
                format!("the read answered at event {at} has {balance} for the account {key}, but the transfers begun so far can make it {least} to {most}")
            });
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Account {
    initial: Option<i128>,
    /// At most so much came in and went out.
    most_in: i128,
    most_out: i128,
}

/// The first of the totals that most reads have. A read without some balance has none.
fn most_frequent_total(totals: impl Iterator<Item = Option<i128>>) -> Option<i128> {
    let mut counts: HashMap<i128, (usize, usize), FastHash> = HashMap::default();
    for (index, total) in totals.enumerate() {
        if let Some(total) = total {
            counts.entry(total).or_insert((0, usize::MAX - index)).0 += 1;
        }
    }
    counts.into_iter().max_by_key(|(_, frequency)| *frequency).map(|(total, _)| total)
}
