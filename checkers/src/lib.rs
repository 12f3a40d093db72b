//! Histories of concurrent operations, and the checkers that judge them.
//!
//! Pure: no threads but those of a check, no clock, no files. A reader takes any
//! [`BufRead`](std::io::BufRead), a check takes a [`History`] and a [`Budget`].
//!
//! Start at [`History`], then [`Checker`] and [`Judgement`].
//!
//! | module | what lives there |
//! |---|---|
//! | [`event`], [`value`] | one line of a history |
//! | [`tape`] | how a history stores values |
//! | [`history`] | events, validated and paired |
//! | [`jsonl`] | the `history.jsonl` format |
//! | [`formats`] | other people's histories, read and written |
//! | [`checker`] | the trait, and what bounds a check |
//! | [`verdict`], [`evidence`] | what a checker answers |
//! | [`model`], [`models`] | what a register should do |
//! | [`linearizability`] | whether there is an order that explains everything |
//! | [`sequential`] | whether there is one that keeps what each process did |
//! | [`staleness`] | by how many writes and milliseconds reads are behind |
//! | [`promises`] | sets, banks, queues, counters, logs, locks, elections: a checker for each |
//! | [`stats`], [`availability`] | how much was answered, how fast, when and where |
//! | [`registry`] | checkers, models, consistency levels and formats by name |
//!
//! ```
//! use checkers::jsonl::{self, TornTail};
//!
//! let lines = br#"{"index":0,"time":10,"process":0,"type":"invoke","f":"write","value":["k",1]}
//! {"index":1,"time":20,"process":0,"type":"ok","f":"write","value":["k",1]}
//! "#;
//! let reading = jsonl::read(&lines[..], TornTail::Refuse)?;
//! assert_eq!(reading.history.operations().count(), 1);
//! # Ok::<(), checkers::jsonl::ReadError>(())
//! ```

pub mod availability;
pub mod checker;
pub mod event;
pub mod evidence;
pub mod formats;
mod hash;
pub mod history;
#[cfg(feature = "jsonl")]
pub mod jsonl;
pub mod linearizability;
pub mod model;
pub mod models;
pub mod promises;
pub mod registry;
pub mod sequential;
pub mod staleness;
pub mod stats;
pub mod tape;
pub mod transactions;
pub mod value;
pub mod verdict;

pub use checker::{Budget, Checker, check_guarded};
pub use event::{Event, EventRef, EventType, Extra, Name, Process};
pub use evidence::Evidence;
pub use history::{Fate, History, HistoryError, HistoryProblem, Operation};
pub use linearizability::Linearizability;
pub use promises::SetFull;
pub use sequential::Sequential;
pub use staleness::Staleness;
pub use stats::StatsChecker;
pub use tape::ValueRef;
pub use value::Value;
pub use verdict::{Judgement, Verdict};
