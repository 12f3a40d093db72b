use std::time::Duration;

use checkers::Judgement;
use checkers::evidence::{Evidence, SetElementEvidence};
use serde_json::json;

use super::*;
use crate::compose::{Trouble, compose};
use crate::coverage::{Coverage, Demands};
use crate::run_results::{CheckerResult, CheckerResults, Recovery, RunFindings};
use crate::stats::Stats;
use crate::testing::{history, writes};

fn results(sentence: &str, plan: serde_json::Value, faults: &[&str]) -> RunResults {
    let evidence = SetElementEvidence {
        element: 7.into(),
        problem: "lost".to_owned(),
        sentence: sentence.to_owned(),
        operations: Vec::new(),
    };
    let history = history(&writes(30, 2, 1));
    let judgement = Judgement::invalid("set-full", vec![Evidence::SetElement(evidence)]);
    let checkers: CheckerResults =
        [("set".to_owned(), CheckerResult::new(judgement, Duration::from_millis(1234)))]
            .into_iter()
            .collect();
    let coverage = Coverage::of(&history, &Demands::of_run(faults.iter().copied()));
    let recovery = Recovery { recovered: Some(true), seconds: Some(1.25), reason: String::new() };
    RunResults::from(RunFindings {
        overall: compose(&checkers, &coverage, &recovery, &Trouble::None),
        checkers,
        coverage,
        stats: Stats::of(&history),
        recovery,
        seed: Some(7),
        plan,
    })
}

#[test]
fn a_person_reads_this() {
    let plan = json!({"target": "raft-kv", "workload": "set", "rerun": "stormglass run raft-kv --seed 7"});
    let results = results("element 7 was acknowledged and never seen again", plan, &["kill"]);
    let summary = Summary { results: &results, report: Some("runs/latest/report.html") };
    let expected = "\
✕ INVALID  raft-kv · set  (exit code 1)
  set: element 7 was acknowledged and never seen again.

  checkers   ✕ set: invalid (set-full, 1.2 s)
  coverage   thin: The fault `kill` was requested but never tried.
             kill: 0 installed, 0 healed
  operations 33: 90.9 % ok, 6.1 % fail, 3.0 % info in 0.0 s; write p50 1.0 ms, p99 1.0 ms
  recovery   served again after 1.2 s
  report     runs/latest/report.html
  run again  stormglass run raft-kv --seed 7
";
    assert_eq!(summary.terminal(Color::Off), expected);
    let colored = summary.terminal(Color::On);
    assert_eq!(colored.replace("\x1b[1;31m", "").replace("\x1b[0m", ""), expected);
}

#[test]
fn hostile_text_stays_inside_the_screen() {
    let evil = format!("\x1b[2J<script>|`a`\0\r\n@everyone {}", "x".repeat(1 << 20));
    let rerun = format!("stormglass run {}", "--faults partition,kill ".repeat(12).trim_end());
    let classes: Vec<String> = (0..40).map(|n| format!("{n}{evil}")).collect();
    let classes: Vec<&str> = classes.iter().map(String::as_str).collect();
    let results = results(&evil, json!({"target": evil, "rerun": rerun}), &classes);
    let summary = Summary { results: &results, report: Some("r.html") };
    let text = summary.terminal(Color::Off);
    assert!(text.lines().count() <= 25, "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= WIDTH, "{line}");
        assert!(!line.contains(|c: char| c.is_control()), "{line:?}");
    }
    let markdown = summary.markdown();
    assert!(!markdown.contains("<script>") && !markdown.contains(" @everyone") && !markdown.contains('\x1b'));
    assert!(markdown.contains("\\`a\\`") && markdown.len() < 100_000);
}

#[test]
fn a_long_command_is_broken_as_a_shell_allows() {
    let command = format!("stormglass run {}", ["--faults partition,kill"; 6].join(" "));
    let lines = wrap_command(&command);
    assert_eq!(lines.len(), 3);
    assert!(lines.iter().all(|line| line.chars().count() <= WIDTH - INDENT));
    let joined = lines.join("\n").replace(" \\\n  ", " ");
    assert_eq!(joined, command);
    assert_eq!(fenced("a ```` b"), "`````sh\na ```` b\n`````\n");
}
