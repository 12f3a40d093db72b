//! `stormglass run`: the main job.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use checkers::History;
use results::compose::Trouble;
use results::coverage::Demands;
use results::run_results::RunResults;
use results::store::{RunDir, RunName};
use results::summary::{Color, Summary};
use serde_json::{Value as Json, json};

use crate::cli::args::RunArgs;
use crate::commands::{complain, print_json};
use crate::exit::Exit;
use crate::judge::{Case, judge};
use crate::net::{Network, PortBackend};
use crate::plan::Plan;
use crate::recorder::Recorder;
use crate::run::{Interrupt, Progress, Voice, execute};
use crate::{sandbox, say};

/// What is said at the first Ctrl-C.
const INTERRUPTED: &str =
    "interrupted: healing, then judging what was recorded; once more to leave at once, unjudged";

/// Plans, enters the sandbox, runs, judges, reports.
///
/// Must be called before the program has a second thread: the sandbox's user namespace can only
/// be entered by a single-threaded process.
pub fn run(args: &RunArgs) -> ExitCode {
    // 32 bits are seed enough, and short enough to be typed.
    let drawn_seed = u64::from(rand::random::<u32>());
    let plan = match Plan::new(args, &program(), drawn_seed) {
        Ok(plan) => plan,
        Err(error) => return complain(Exit::BadInput, &error).into(),
    };
    let sandbox = match sandbox::enter(&sandbox::Options { keep_visible: vec![plan.out.clone()] }) {
        Ok(sandbox) => json!(sandbox),
        Err(error) => return complain(Exit::HarnessFailure, &error).into(),
    };
    match in_sandbox(args, &plan, &sandbox) {
        Ok((dir, results)) => announce(args, &dir, &results),
        Err(error) => complain(Exit::HarnessFailure, &error).into(),
    }
}

/// How the user calls us, so that the rerun command can be pasted.
fn program() -> String {
    std::env::args().next().filter(|name| !name.is_empty()).unwrap_or_else(|| "stormglass".to_owned())
}

type AnyError = Box<dyn std::error::Error>;

fn in_sandbox(args: &RunArgs, plan: &Plan, sandbox: &Json) -> Result<(RunDir, RunResults), AnyError> {
    let name = RunName {
        target: plan.target.name(),
        workload: plan.workload.name(),
        seed: plan.seed,
        began: SystemTime::now(),
    };
    let dir = RunDir::create(&plan.out, name)?;
    start_log(&dir, args.verbose)?;
    let mut progress = Progress::start(if args.quiet { Voice::Quiet } else { Voice::Normal });
    let interrupt = Interrupt::default();
    interrupt.listen(progress.saying(INTERRUPTED))?;
    progress.say(&format!(
        "stormglass: {} · {} · seed {}",
        plan.target.name(),
        plan.workload.name(),
        plan.seed
    ));

    let recorder = Arc::new(Recorder::create(&dir.join(results::store::file::HISTORY))?);
    let network = Network::create(plan.nodes.len(), PortBackend::Auto);
    let record = plan.record(network.as_ref().map_or("", Network::backend), sandbox);
    // The plan is there even of a run that fails at once.
    let ran = write_plan(&dir, plan, &record).and_then(|()| {
        execute(plan, &dir, Arc::new(network?), &recorder, &progress, &interrupt)?;
        Ok(())
    });
    let closed = recorder.close();

    let trouble = match (ran, closed) {
        (Err(error), _) => Trouble::Failed(error.to_string()),
        (Ok(()), Err(error)) => Trouble::Failed(error.to_string()),
        (Ok(()), Ok(())) if interrupt.is_raised() => Trouble::Interrupted,
        (Ok(()), Ok(())) => Trouble::None,
    };
    if let Trouble::Failed(reason) = &trouble {
        tracing::error!(reason, "the harness failed");
    }
    progress.phase("judging");
    let history = dir.read_history()?.map(|(history, _)| history).unwrap_or_default();
    let results = judge(Case {
        history: &history,
        checkers: plan.workload.checkers(),
        is_run: true,
        demands: Demands::of_run(plan.fault_classes.iter().map(|class| class.name())),
        trouble,
        limit: plan.check_limit,
        plan: record,
        seed: Some(plan.seed),
    });
    write_results(&dir, &results, &history).map_err(|error| unwritten(&results, &error))?;
    discard_data(plan, &dir, &results);
    progress.stop();
    Ok((dir, results))
}

fn write_plan(dir: &RunDir, plan: &Plan, record: &Json) -> Result<(), AnyError> {
    dir.write_plan(record)?;
    dir.write_schedule(&serde_json::to_value(&plan.schedule)?)?;
    Ok(())
}

/// The results cannot be written; what they would have said is said here, since it is known.
fn unwritten(results: &RunResults, error: &AnyError) -> AnyError {
    format!("the results are lost: {error}\nthey would have been: {}: {}", results.verdict, results.reason)
        .into()
}

/// Writes what was found, for programs and for people.
pub(crate) fn write_results(dir: &RunDir, results: &RunResults, history: &History) -> Result<(), AnyError> {
    dir.write_results(results)?;
    write_pages(dir, results, history)
}

/// Writes what was found for people alone.
pub(crate) fn write_pages(dir: &RunDir, results: &RunResults, history: &History) -> Result<(), AnyError> {
    results::report::write(dir, results, history)?;
    let summary = Summary { results, report: Some(results::store::file::REPORT) };
    dir.write_file(results::store::file::SUMMARY, summary.markdown().as_bytes())?;
    Ok(())
}

/// Data directories are evidence after a failure, and dead weight after a success.
fn discard_data(plan: &Plan, dir: &RunDir, results: &RunResults) {
    if results.exit_code != Exit::Valid.code() {
        return;
    }
    for node in &plan.nodes {
        if let Ok(node) = dir.node_dir(node)
            && let Err(error) = std::fs::remove_dir_all(node.join("data"))
        {
            tracing::warn!(%error, "cannot remove a data directory");
        }
    }
}

fn start_log(dir: &RunDir, verbose: bool) -> Result<(), AnyError> {
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;
    use tracing_subscriber::{Layer, filter::LevelFilter, fmt};
    let file = dir.create_log()?;
    let to_file = fmt::layer().with_ansi(false).with_writer(Arc::new(file)).with_filter(LevelFilter::INFO);
    let to_stderr = verbose
        .then(|| fmt::layer().with_target(false).with_writer(std::io::stderr).with_filter(LevelFilter::INFO));
    tracing_subscriber::registry().with(to_file).with(to_stderr).try_init()?;
    Ok(())
}

fn announce(args: &RunArgs, dir: &RunDir, results: &RunResults) -> ExitCode {
    let report = shown(&dir.join(results::store::file::REPORT));
    if args.quiet && !args.json {
        say::out(format_args!("{}: {}", results.verdict, results.reason));
    } else {
        say_results(results, Some(&report), Some(&shown(dir.path())), args.json);
    }
    ExitCode::from(results.exit_code)
}

/// Prints the summary; with `json` the whole result as one object on standard output, and the
/// summary on standard error.
pub(crate) fn say_results(results: &RunResults, report: Option<&str>, run: Option<&str>, json: bool) {
    let summary = Summary { results, report };
    if json {
        let mut object = serde_json::json!(results);
        object["run"] = serde_json::json!(run);
        object["report"] = serde_json::json!(report);
        print_json(&object);
        say::err(summary.terminal(Color::Off).trim_end());
    } else {
        let plain = !std::io::stdout().is_terminal() || std::env::var_os("NO_COLOR").is_some();
        say::out(summary.terminal(if plain { Color::Off } else { Color::On }).trim_end());
    }
}

/// The path as seen from here, if it is below.
fn shown(path: &std::path::Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    relative.unwrap_or(path).display().to_string()
}
