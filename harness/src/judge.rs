//! From a history to a verdict: runs the checkers within their budget and composes the results.
//! Needs no cluster, so that a stored run can be judged again, by a later version, elsewhere.

use std::time::{Duration, Instant};

use checkers::{Budget, Checker, History, Judgement, check_guarded};
use results::compose::{Trouble, compose};
use results::coverage::{Coverage, Demands};
use results::nemesis::NemesisLog;
use results::run_results::{CheckerResult, CheckerResults, Recovery, RunFindings, RunResults};
use results::stats::Stats;
use serde_json::Value as Json;

/// The name under which it is filed that a server died by itself.
const SERVERS: &str = "servers";

/// Everything that a judgement is made of.
pub struct Case<'a> {
    /// What happened.
    pub history: &'a History,
    /// Who judges.
    pub checkers: Vec<Box<dyn Checker>>,
    /// What must have been tried for a `valid` to count.
    pub demands: Demands,
    /// What went wrong with us.
    pub trouble: Trouble,
    /// Longest time for all checkers together.
    pub limit: Duration,
    /// The plan, if there was one.
    pub plan: Json,
    /// The seed, if there was one.
    pub seed: Option<u64>,
}

/// Judges.
pub fn judge(case: Case<'_>) -> RunResults {
    let began = Instant::now();
    let limit = case.limit;
    let stop = move || {
        (began.elapsed() >= limit)
            .then(|| format!("the checkers' time limit of {} s is over", limit.as_secs()))
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let budget = Budget { threads, stop: Some(&stop), ..Budget::default() };

    let mut answers = CheckerResults::default();
    for checker in &case.checkers {
        let began = Instant::now();
        let judgement = check_guarded(checker.as_ref(), case.history, &budget);
        answers.0.push((checker.name().to_owned(), CheckerResult::new(judgement, began.elapsed())));
    }
    let log = NemesisLog::of(case.history);
    if let Some(judgement) = judge_servers(&log) {
        answers.0.push((SERVERS.to_owned(), CheckerResult::new(judgement, Duration::ZERO)));
    }
    let coverage = Coverage::of(case.history, &case.demands);
    let recovery = recovery(&log);
    let overall = compose(&answers, &coverage, &recovery, &case.trouble);
    RunFindings {
        overall,
        checkers: answers,
        coverage,
        stats: Stats::of(case.history),
        recovery,
        seed: case.seed,
        plan: case.plan,
    }
    .into()
}

/// A server that dies without our doing breaks no promise that the checkers know; but a run in
/// which one did is not `valid`.
fn judge_servers(log: &NemesisLog) -> Option<Judgement> {
    let first = log.crashes.first()?;
    let others = match log.crashes.len() {
        1 => String::new(),
        n => format!(", and {} more such ends", n - 1),
    };
    let reason = format!("the server of {} died by itself ({}){others}", first.node, first.status);
    let crashes: Vec<Json> = log
        .crashes
        .iter()
        .map(|crash| serde_json::json!({"node": crash.node, "status": crash.status, "log_tail": crash.log_tail}))
        .collect();
    Some(Judgement::unknown("exit status", reason).with("crashes", crashes))
}

/// What the run recorded of the recovery.
fn recovery(log: &NemesisLog) -> Recovery {
    let Some(mark) = log.marks.iter().rev().find(|mark| mark.f == "recovery") else {
        return Recovery::default();
    };
    // The value was made from JSON, and has this shape in every run of ours.
    serde_json::to_value(&mark.value).and_then(serde_json::from_value).unwrap_or_else(|_| Recovery {
        reason: "the record of the recovery is unreadable".to_owned(),
        ..Recovery::default()
    })
}
