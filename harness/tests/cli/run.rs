//! Runs that come to their end, and what they store.

use std::fs;

use serde_json::{Value as Json, json};

use crate::program::{Home, finish, is_installed, schedule, stormglass};

/// Three nodes under every class of faults for five seconds. The seed draws at least two faults of
/// each class that do not depend on who is primary, so that each class is sure to be installed.
const STORM: [&str; 8] = ["--nodes", "3", "--time-limit", "5s", "--fault-interval", "1s", "--seed", "30"];

#[test]
fn a_storm_over_registers_is_weathered_and_stored() {
    let home = Home::new();
    let ended = finish(home.raft(&[&STORM[..], &["--json"]].concat())).with_code(0);
    home.assert_nothing_is_left();

    let result = ended.json();
    for field in
        "format verdict exit_code reason checkers coverage stats recovery seed plan run report".split(' ')
    {
        assert!(!result[field].is_null(), "{field} is missing");
    }
    assert_eq!((&result["verdict"], &result["seed"]), (&"valid".into(), &30.into()));
    assert_eq!(result["recovery"]["recovered"], true);
    for class in ["partition", "kill", "pause"] {
        assert!(home.history().iter().any(|event| is_installed(event, class)), "no {class}");
    }

    let run = home.latest();
    for name in [
        "plan.json",
        "schedule.json",
        "history.jsonl",
        "results.json",
        "report.html",
        "summary.md",
        "stormglass.log",
        "nodes/n1/server.log",
    ] {
        assert!(run.join(name).metadata().is_ok_and(|file| file.len() > 0), "{name}");
    }
    let kind = home.out().join("raft-kv-register");
    assert_eq!(run.canonicalize().unwrap(), kind.join("latest").canonicalize().unwrap());
    assert_eq!(home.json("results.json")["plan"], home.json("plan.json"), "one plan, told twice");

    judged_again(&home);
}

/// `check` and `report` on a run that is stored.
fn judged_again(home: &Home) {
    let run = home.latest().to_str().unwrap().to_owned();
    let summary = finish(stormglass(["check", &run])).with_code(0).stdout;
    assert!(summary.contains("VALID") && summary.contains("run again"), "{summary}");
    assert!(summary.lines().count() <= 25, "{summary}");
    let before = home.json("results.json");
    let again = finish(stormglass(["check", &run, "--json"])).with_code(0).json();
    for field in ["verdict", "reason", "coverage", "stats", "recovery", "plan", "seed"] {
        assert_eq!(again[field], before[field], "{field}");
    }

    let report = home.latest().join("report.html");
    fs::remove_file(&report).unwrap();
    let ended = finish(stormglass(["report", &run])).with_code(0);
    assert!(ended.stdout.trim_end().ends_with("report.html"), "{}", ended.stdout);
    assert!(fs::read_to_string(report).unwrap().contains("<html"));

    let ended = finish(stormglass(["check", &run, "--workload", "regster"])).with_code(254);
    assert!(ended.stderr.contains("did you mean `register`?"), "{}", ended.stderr);
}

#[test]
fn a_storm_over_a_set_is_weathered() {
    let home = Home::new();
    let ended = finish(home.raft(&[&STORM[..], &["--workload", "set"]].concat())).with_code(0);
    assert!(ended.stdout.contains("VALID") && ended.stdout.contains("set-full"), "{}", ended.stdout);
    assert!(ended.stdout.lines().count() <= 25, "{}", ended.stdout);
    let phases = home.history();
    assert!(phases.iter().any(|event| event["value"]["phase"] == "final-reads"), "a set is read at the end");
    home.assert_nothing_is_left();
}

#[test]
fn one_node_is_a_cluster() {
    let home = Home::new();
    let calm = ["--nodes", "1", "--faults", "none", "--time-limit", "1s", "--quiet"];
    let ended = finish(home.raft(&calm)).with_code(0);
    assert_eq!(ended.stdout.lines().count(), 1, "nothing but the verdict: {}", ended.stdout);
    assert!(ended.stdout.starts_with("valid: "), "{}", ended.stdout);
    assert_eq!(ended.stderr, "");
    // One after the other: drawn ones may overlap, and who is dead cannot be paused.
    let step = |id: u64, at_ms: u64, class: &str| {
        json!({"id": id, "at_ms": at_ms, "for_ms": 500,
               "fault": {"class": class, "aim": "one", "nodes": ["n1"]}})
    };
    let steps = home.file("steps.json", &schedule(&[step(0, 300, "kill"), step(1, 1500, "pause")]));
    let storm = ["--nodes", "1", "--time-limit", "3s", "--schedule", &steps];
    let ended = finish(home.raft(&storm)).with_code(0);
    assert!(ended.stdout.contains("kill") && ended.stdout.contains("pause"), "{}", ended.stdout);
    let drawn = ["--nodes", "1", "--time-limit", "3s", "--fault-interval", "600ms", "--quiet"];
    let _ = finish(home.raft(&drawn));
    assert_eq!(home.json("plan.json")["faults"], json!(["kill", "pause"]), "one node cannot be parted");
    home.assert_nothing_is_left();
}

#[test]
fn the_seed_fixes_the_schedule_and_a_stored_schedule_is_replayed() {
    let home = Home::new();
    let storm = |seed: &str| -> Json {
        let brief =
            ["--nodes", "3", "--time-limit", "1s", "--fault-interval", "300ms", "--quiet", "--seed", seed];
        finish(home.raft(&brief));
        home.json("schedule.json")
    };
    let first = storm("30");
    assert_eq!(first, storm("30"));
    assert_ne!(first, storm("31"));

    let stored = home.file("stored.json", &first.to_string());
    let ended = finish(home.raft(&["--nodes", "3", "--time-limit", "1s", "--schedule", &stored, "--json"]));
    assert_eq!(home.json("schedule.json"), first);
    let steps = first["steps"].as_array().unwrap().len();
    let carried_out = home.history();
    let carried_out = carried_out.iter().filter(|event| event["value"]["action"] == "install").count();
    assert_eq!(carried_out, steps, "{}", ended.stderr);
    let again = ended.json()["plan"]["rerun"].as_str().unwrap().to_owned();
    assert!(again.contains("--schedule") && again.contains("stored.json"), "{again}");
}

#[test]
fn a_run_whose_fault_never_took_effect_is_unknown() {
    let home = Home::new();
    // The server that is to be paused is dead all the while.
    let steps = [
        json!({"id": 0, "at_ms": 100, "for_ms": 5000, "fault": {"class": "kill", "aim": "one", "nodes": ["n1"]}}),
        json!({"id": 1, "at_ms": 900, "for_ms": 100, "fault": {"class": "pause", "aim": "one", "nodes": ["n1"]}}),
    ];
    let path = home.file("schedule.json", &schedule(&steps));
    let ended = finish(home.raft(&["--nodes", "3", "--time-limit", "2s", "--schedule", &path, "--json"]))
        .with_code(2);
    let result = ended.json();
    assert_eq!((&result["verdict"], &result["coverage"]["verdict"]), (&"unknown".into(), &"thin".into()));
    let reason = result["reason"].as_str().unwrap();
    assert!(reason.contains("`pause` was requested but never took effect"), "{reason}");
    assert!(reason.contains("none of the nodes has a running server"), "{reason}");
    assert_eq!(result["checkers"]["linearizable"]["verdict"], "valid");
}
