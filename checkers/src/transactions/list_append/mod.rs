//! Lists to which transactions append: each read tells the whole order of versions before it.
//!
//! After Elle (Kingsbury and Alvaro, VLDB 2020). Micro-operations are `["r", key, list]` and `["append", key,
//! element]`; every element is appended to a key at most once. Beyond Elle: reads of what nobody appended
//! (`garbage-read`), appends that are acknowledged and gone (`lost-append`), elements that were appended twice
//! (`duplicate-appends`) are anomalies, and not errors. What a transaction without an answer says it read is
//! ignored: it may have been rolled back.

use super::judge::{Inferred, Promise, judge};
use super::notes::Notes;
use crate::checker::{Budget, Checker};
use crate::history::History;
use crate::model::DecodeError;
use crate::verdict::Judgement;

mod anomalies;
mod columns;
mod edges;
mod versions;

use anomalies::Scene;
use columns::Columns;
use edges::Dependencies;

/// Which algorithm answers.
const ALGORITHM: &str = "list-append";

/// Judges transactions that read lists and append to them.
///
/// ```
/// use checkers::jsonl::{self, TornTail};
/// use checkers::transactions::ListAppend;
/// use checkers::{Budget, Checker, Verdict};
///
/// let lines = br#"{"index":0,"time":10,"process":0,"type":"invoke","f":"txn","value":[["append","x",1]]}
/// {"index":1,"time":20,"process":0,"type":"ok","f":"txn","value":[["append","x",1]]}
/// {"index":2,"time":30,"process":1,"type":"invoke","f":"txn","value":[["r","x",null]]}
/// {"index":3,"time":40,"process":1,"type":"ok","f":"txn","value":[["r","x",[]]]}
/// "#;
/// let history = jsonl::read(&lines[..], TornTail::Refuse)?.history;
/// let judgement = ListAppend::default().check(&history, &Budget::default());
/// assert_eq!(judgement.verdict, Verdict::Invalid);
/// assert!(judgement.reason.starts_with("G-single-item-realtime"), "{}", judgement.reason);
/// # Ok::<(), checkers::jsonl::ReadError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ListAppend {
    /// What should hold.
    pub promise: Promise,
}

impl Checker for ListAppend {
    fn name(&self) -> &str {
        "list-append"
    }

    fn understands(&self, history: &History) -> Result<(), DecodeError> {
        Columns::new(history).map(|_| ())
    }

    fn check(&self, history: &History, budget: &Budget<'_>) -> Judgement {
        let mut columns = match Columns::new(history) {
            Ok(columns) => columns,
            Err(error) => return Judgement::unknown(ALGORITHM, error.to_string()),
        };
        let mut versions = versions::resolve(&mut columns);
        let strays = versions::resolve_strays(&mut columns, &mut versions);
        let mut notes = Notes::new(history);
        Scene::new(&columns, &versions, &strays).all(&mut notes);
        drop(strays);
        let dependencies = Dependencies { columns: &columns, versions: &versions };
        let graph = dependencies.graph();
        let txns = &columns.txns;
        let inferred = Inferred { algorithm: ALGORITHM, history, txns, notes, graph, explain: &dependencies };
        judge(inferred, &self.promise, budget)
    }
}
