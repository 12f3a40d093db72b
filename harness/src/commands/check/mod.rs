//! `stormglass check`: judges a stored run, or somebody else's history, again.

use std::path::Path;
use std::process::ExitCode;

use checkers::History;
use results::compose::Trouble;
use results::coverage::Demands;
use results::report::ReportInput;
use results::run_results::RunResults;
use results::store::RunDir;
use serde_json::Value as Json;

use crate::cli::args::CheckArgs;
use crate::commands::complain;
use crate::commands::run::{say_results, write_results};
use crate::exit::Exit;
use crate::judge::{Case, judge};
use crate::say;

mod choice;
mod decided;
pub(super) mod file;

use choice::choose;
use file::Found;

type AnyError = Box<dyn std::error::Error>;

/// Judges.
pub fn check(args: &CheckArgs) -> ExitCode {
    let judged = match file::find(&args.path) {
        Ok(Found::Run) => check_run(args),
        Ok(Found::File(path)) => check_file(args, &path),
        Err(error) => Err(error),
    };
    match judged {
        Ok((results, report)) => {
            say_results(&results, report.as_deref(), Some(&args.path.display().to_string()), args.json);
            ExitCode::from(results.exit_code)
        }
        Err(error) => complain(Exit::BadInput, &error).into(),
    }
}

/// A run of ours: its own workload, its own demands; the results are written again.
fn check_run(args: &CheckArgs) -> Result<(RunResults, Option<String>), AnyError> {
    let dir = RunDir::open(&args.path)?;
    let stored = dir.load()?;
    if let Some(sentence) = stored.incomplete() {
        say::err(format_args!("note: {sentence}"));
    }
    let history = stored.history.ok_or("there is no history.jsonl in this run, so nothing can be judged")?;
    let plan = stored.plan.unwrap_or(Json::Null);
    let checkers = choose(&history, args, plan["workload"].as_str())?;
    let classes = plan["faults"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let results = judge(Case {
        history: &history,
        checkers,
        demands: Demands::of_run(classes),
        is_run: true,
        // What went wrong with us then is not in the history. An interrupted or killed run is a
        // prefix of a run, and judged for what it shows.
        trouble: match &stored.results {
            Some(results) if results.exit_code == Exit::HarnessFailure.code() => {
                Trouble::Failed(results.reason.trim_start_matches("The harness failed: ").to_owned())
            }
            _ => Trouble::None,
        },
        limit: args.check_limit,
        seed: plan["seed"].as_u64(),
        plan,
    });
    write_results(&dir, &results, &history)?;
    let report = dir.join(results::store::file::REPORT).display().to_string();
    Ok((results, Some(report)))
}

/// A file: whatever checkers the user names.
fn check_file(args: &CheckArgs, path: &Path) -> Result<(RunResults, Option<String>), AnyError> {
    let history = file::read(path, args.format)?;
    let checkers = choose(&history, args, None)?;
    if let Some(page) = args.report.as_deref() {
        // Asked before the verdict, which may take minutes and would be lost.
        let opened = std::fs::OpenOptions::new().create(true).append(true).open(page);
        opened.map_err(|error| format!("cannot write {}: {error}", page.display()))?;
    }
    let results = judge(Case {
        history: &history,
        checkers,
        demands: Demands::of_file(),
        is_run: false,
        trouble: Trouble::None,
        limit: args.check_limit,
        plan: Json::Null,
        seed: None,
    });
    let report = args.report.as_deref().map(|page| write_report(page, &results, &history)).transpose()?;
    Ok((results, report))
}

fn write_report(page: &Path, results: &RunResults, history: &History) -> Result<String, AnyError> {
    let text = results::report::render(&ReportInput::of_history(results, history));
    std::fs::write(page, text).map_err(|error| format!("cannot write {}: {error}", page.display()))?;
    Ok(page.display().to_string())
}
