//! What a run leaves behind: files, a verdict, a report.
pub mod compose;
pub mod coverage;
pub mod nemesis;
pub mod report;
pub mod run_results;
pub mod stats;
pub mod store;
pub mod summary;
#[cfg(test)]
mod testing;
pub mod text;
