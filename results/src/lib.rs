//! What a run leaves behind: files, a verdict, a report.
#[cfg(test)]
mod testing;
pub mod compose;
pub mod coverage;
pub mod nemesis;
pub mod run_results;
pub mod stats;
pub mod text;
pub mod store;
