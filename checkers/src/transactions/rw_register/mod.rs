//! Registers that transactions read and write, every value written to a key at most once.
//!
//! After Elle (Kingsbury and Alvaro, VLDB 2020). Micro-operations are `["r", key, value]` and `["w", key, value]`.
//! A read tells which write it saw, and little of the order of writes; options say from what else that may be
//! inferred. Beyond Elle: a write without an answer takes part once somebody read it; reads of what nobody
//! wrote (`garbage-read`) and values written twice (`duplicate-writes`) are anomalies; a circle of versions
//! (`cyclic-versions`) loses the source that made it for that key alone.

use super::history::{Holds, TxnHistory};
use super::judge::{Inferred, Promise, judge};
use super::notes::Notes;
use crate::checker::{Budget, Checker};
use crate::history::History;
use crate::model::DecodeError;
use crate::verdict::Judgement;

mod accesses;
mod anomalies;
mod edges;
mod versions;

use accesses::Accesses;
use anomalies::Scene;
use edges::Dependencies;

/// Which algorithm answers.
const ALGORITHM: &str = "rw-register";

/// Judges transactions that read and write registers.
#[derive(Clone, Debug, Default)]
pub struct RwRegister {
    /// What should hold.
    pub promise: Promise,
    /// A transaction that reads a version of a key and then writes the key has overwritten that version.
    pub wfr_keys: bool,
    /// Each key is sequentially consistent: a process never sees it go back.
    pub sequential_keys: bool,
    /// Each key is linearizable: what began later never sees it go back.
    pub linearizable_keys: bool,
    /// An order of transactions that the database itself has told: position of the completion, and rank.
    pub transaction_order: Vec<(usize, i64)>,
}

impl Checker for RwRegister {
    fn name(&self) -> &str {
        "rw-register"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        TxnHistory::understands(history, Holds::Registers)
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        let txns = match TxnHistory::new(history, Holds::Registers) {
            Ok(txns) => txns,
            Err(error) => return Judgement::unknown(ALGORITHM, error.to_string()),
        };
        let accesses = Accesses::new(&txns);
        let mut notes = Notes::new(history);
        Scene { history: &txns, accesses: &accesses }.all(&mut notes);
        let versions = versions::version_graph(self, &txns, &accesses, &mut notes);
        let dependencies = Dependencies { history: &txns, accesses: &accesses, versions: &versions };
        let graph = dependencies.graph();
        let inferred = Inferred {
            algorithm: ALGORITHM,
            history,
            txns: &txns.txns,
            notes,
            graph,
            explain: &dependencies,
        };
        judge(inferred, &self.promise, budget)
    }
}
