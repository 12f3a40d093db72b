//! From a history to a verdict: runs the checkers within their budget and composes the results.
//! Needs no cluster, so that a stored run can be judged again, by a later version, elsewhere.

use std::time::{Duration, Instant};

use checkers::{Budget, Checker, History, Judgement, check_guarded};
use results::compose::{Trouble, compose};
use results::coverage::{Coverage, Demands};
use results::nemesis::{NemesisLog, Outcome};
use results::run_results::{CheckerResult, CheckerResults, Recovery, RunFindings, RunResults};
use results::stats::Stats;
use serde_json::Value as Json;

/// The name under which it is filed that a server died by itself.
const SERVERS: &str = "servers";
/// The name under which it is filed that a run did not do all that a run does.
const RUN: &str = "run";

/// Everything that a judgement is made of.
pub struct Case<'a> {
    /// What happened.
    pub history: &'a History,
    /// Who judges.
    pub checkers: Vec<Box<dyn Checker>>,
    /// What must have been tried for a `valid` to count.
    pub demands: Demands,
    /// Whether this is a run of ours, which must have come to its end for a `valid` to count.
    pub is_run: bool,
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
    if let Some(reason) = case.is_run.then(|| shortfall(case.history, &log, &case.plan)).flatten() {
        let judgement = Judgement::unknown("phases", reason);
        answers.0.push((RUN.to_owned(), CheckerResult::new(judgement, Duration::ZERO)));
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

/// What a run of ours lacks for its history to show that a promise was kept; `None` if nothing.
fn shortfall(history: &History, log: &NemesisLog, plan: &Json) -> Option<String> {
    if plan.is_null() {
        return Some("there is no plan.json, so it is unknown what the run was to try".to_owned());
    }
    if !log.phases.iter().any(|phase| phase.name == "done") {
        let last = log.phases.last().map_or("before its first phase", |phase| phase.name.as_str());
        return Some(format!("the run did not come to its end; it ended in the phase `{last}`"));
    }
    if recovery(log).recovered.is_none() {
        return Some("whether the system served again after the faults could not be established".to_owned());
    }
    let took_effect = |wanted: &str| {
        let installed = log.attempts.iter().filter(|attempt| attempt.outcome == Outcome::Installed);
        installed
            .into_iter()
            .any(|a| wanted == format!("{}:{}", a.class, a.kind.as_deref().unwrap_or_default()))
    };
    let kinds = plan["fault_kinds"].as_array().into_iter().flatten().filter_map(Json::as_str);
    if let Some(kind) = kinds.into_iter().find(|kind| !took_effect(kind)) {
        return Some(format!("the fault `{kind}` was requested but never took effect"));
    }
    let finals = log.phases.iter().find(|phase| phase.name == "final-reads")?;
    let read = history
        .events()
        .skip(finals.position)
        .any(|event| !event.process.is_nemesis() && event.event_type == checkers::EventType::Ok);
    (!read).then(|| "none of the final reads succeeded, so what became of the writes is unknown".to_owned())
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

#[cfg(test)]
mod tests {
    use checkers::jsonl::{self, TornTail};
    use checkers::{SetFull, Verdict};

    use super::*;

    const WHOLE: &str = r#"{"time":0,"process":"nemesis","type":"info","f":"phase","value":{"phase":"load"}}
{"time":1,"process":0,"type":"invoke","f":"add","value":1}
{"time":2,"process":0,"type":"ok","f":"add","value":1}
{"time":3,"process":"nemesis","type":"info","f":"kill","value":{"id":1,"action":"install","kind":"one","nodes":["n1"]},"outcome":"installed"}
{"time":4,"process":"nemesis","type":"info","f":"recovery","value":{"recovered":true,"millis":5.0,"reason":"served again"}}
{"time":5,"process":"nemesis","type":"info","f":"phase","value":{"phase":"final-reads"}}
{"time":6,"process":0,"type":"invoke","f":"read","value":null}
{"time":7,"process":0,"type":"ok","f":"read","value":[1]}
{"time":8,"process":"nemesis","type":"info","f":"phase","value":{"phase":"done"}}
"#;

    fn judged(lines: &str) -> RunResults {
        let history = jsonl::read(lines.as_bytes(), TornTail::Refuse).unwrap().history;
        judge(Case {
            history: &history,
            checkers: vec![Box::new(SetFull::default())],
            demands: Demands::of_file(),
            is_run: true,
            trouble: Trouble::None,
            limit: Duration::from_secs(60),
            plan: serde_json::json!({"faults": ["kill"], "fault_kinds": ["kill:one"]}),
            seed: None,
        })
    }

    /// The lines of a run without those that have `what`.
    fn without(what: &str) -> String {
        WHOLE.lines().filter(|line| !line.contains(what)).fold(String::new(), |text, line| text + line + "\n")
    }

    #[test]
    fn a_run_that_lacks_a_part_is_unknown_and_says_which() {
        assert_eq!(judged(WHOLE).verdict, Verdict::Valid, "{}", judged(WHOLE).reason);
        for (lines, reason) in [
            (without("done"), "the run did not come to its end; it ended in the phase `final-reads`"),
            (
                without("\"recovery\""),
                "whether the system served again after the faults could not be established",
            ),
            (without("\"install\""), "the fault `kill:one` was requested but never took effect"),
            (
                WHOLE.replace(r#""ok","f":"read""#, r#""fail","f":"read""#),
                "none of the final reads succeeded",
            ),
        ] {
            let results = judged(&lines);
            assert_eq!(results.verdict, Verdict::Unknown, "{reason}");
            let run =
                results.checkers.0.iter().find(|(name, _)| name == RUN).map(|(_, result)| &result.reason);
            assert!(run.is_some_and(|said| said.contains(reason)), "{run:?}\nshould say\n{reason}");
        }
    }
}
