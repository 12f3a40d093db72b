//! `stormglass check`: judges a stored run, or somebody else's history, again.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

use checkers::jsonl::{self, TornTail};
use checkers::{Checker, History, registry};
use results::compose::Trouble;
use results::coverage::Demands;
use results::run_results::RunResults;
use results::store::RunDir;
use serde_json::Value as Json;

use crate::cli::args::CheckArgs;
use crate::commands::complain;
use crate::commands::run::{say_results, write_results};
use crate::exit::Exit;
use crate::judge::{Case, judge};
use crate::plan::{PlanError, workload_by_name};
use crate::say;

type AnyError = Box<dyn std::error::Error>;

/// Judges.
pub fn check(args: &CheckArgs) -> ExitCode {
    let judged = if args.path.is_dir() { check_run(args) } else { check_file(args) };
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
    let workload = args.workload.clone().or_else(|| plan["workload"].as_str().map(str::to_owned));
    let checkers = choose(&history, args.model.as_deref(), workload.as_deref())?;
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
fn check_file(args: &CheckArgs) -> Result<(RunResults, Option<String>), AnyError> {
    let history = read_file(&args.path)?;
    let checkers = choose(&history, args.model.as_deref(), args.workload.as_deref())?;
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
    Ok((results, None))
}

fn read_file(path: &Path) -> Result<History, AnyError> {
    let file = File::open(path).map_err(|error| format!("cannot open {}: {error}", path.display()))?;
    let reading = jsonl::read(BufReader::with_capacity(1 << 20, file), TornTail::Refuse)
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(reading.history)
}

fn choose(
    history: &History,
    model: Option<&str>,
    workload: Option<&str>,
) -> Result<Vec<Box<dyn Checker>>, AnyError> {
    let (chosen, checkers) = match (model, workload) {
        (Some(model), _) => {
            let known: Vec<&str> = registry::MODELS.iter().map(|m| m.name).collect();
            let unknown = || PlanError::unknown("model", model, &known);
            (format!("model `{model}`"), vec![registry::linearizable_by_name(model).ok_or_else(unknown)?])
        }
        (None, Some(workload)) => (format!("workload `{workload}`"), workload_by_name(workload)?.checkers()),
        (None, None) => {
            return Err("say which promise to check: --workload NAME or --model NAME \
                        (see `stormglass list workloads` and `stormglass list models`)"
                .into());
        }
    };
    // What nobody understands is bad input, not a matter of doubt.
    for checker in &checkers {
        checker
            .understands(history)
            .map_err(|error| format!("the {chosen} does not understand this history: {error}"))?;
    }
    Ok(checkers)
}
