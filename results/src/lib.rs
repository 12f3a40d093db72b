//! What a run leaves behind: its files, its verdict, its report.
//!
//! From a history and the checkers' judgements follow [coverage](coverage::Coverage), the
//! [statistics](stats::Stats) and the [verdict of the whole](compose::compose); together they are
//! the [`RunResults`](run_results::RunResults) of `results.json`, and the report and the summary
//! show them. Start at [`run_results`].
//!
//! | module | what lives there |
//! |---|---|
//! | [`run_results`] | `results.json`, the whole of it |
//! | [`compose`] | verdict and exit code of a run, one table |
//! | [`coverage`] | whether the run tried enough |
//! | [`stats`] | counts, latencies, errors, availability, as `checkers` computes them |
//! | [`nemesis`] | faults, phases and crashes, read from the history |
//! | [`store`] | the folder of a run, written and read back |
//! | [`report`] | `report.html` |
//! | [`summary`] | the same in short, for a terminal and as Markdown |
//! | [`text`] | text from outside, made fit to be shown |
//!
//! ```
//! use std::time::Duration;
//!
//! use checkers::{Judgement, jsonl::{self, TornTail}};
//! use results::compose::{Trouble, compose};
//! use results::coverage::{Coverage, Demands};
//! use results::report::{ReportInput, render};
//! use results::run_results::{CheckerResult, CheckerResults, Recovery, RunFindings, RunResults};
//! use results::stats::Stats;
//! use results::summary::{Color, Summary};
//!
//! let lines = br#"{"time":10,"process":0,"type":"invoke","f":"write","value":["k",1]}
//! {"time":20,"process":0,"type":"ok","f":"write","value":["k",1]}
//! "#;
//! let history = jsonl::read(&lines[..], TornTail::Refuse)?.history;
//!
//! let judgement = CheckerResult::new(Judgement::valid("wgl"), Duration::from_millis(3));
//! let checkers = CheckerResults(vec![("linearizable".to_owned(), judgement)]);
//! let coverage = Coverage::of(&history, &Demands::of_file());
//! let recovery = Recovery::default();
//! let results = RunResults::from(RunFindings {
//!     overall: compose(&checkers, &coverage, &recovery, &Trouble::None),
//!     stats: Stats::of(&history),
//!     seed: None,
//!     plan: serde_json::Value::Null,
//!     checkers,
//!     coverage,
//!     recovery,
//! });
//! assert_eq!(results.exit_code, 0);
//!
//! let page = render(&ReportInput::of_history(&results, &history));
//! assert!(page.starts_with("<!DOCTYPE html>"));
//! let summary = Summary { results: &results, report: None }.terminal(Color::Off);
//! assert!(summary.starts_with("✓ VALID"));
//! # Ok::<(), checkers::jsonl::ReadError>(())
//! ```

pub mod compose;
pub mod coverage;
pub mod nemesis;
pub mod report;
pub mod run_results;
pub mod stats;
pub mod store;
pub mod summary;
pub mod text;

#[cfg(test)]
mod testing;
