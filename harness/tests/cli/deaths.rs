//! SIGKILL and Ctrl-C in mid-run: nothing is left, and what was recorded is kept and judged.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::{Value as Json, json};

use crate::program::{
    AFTERLIFE, Home, LIMIT, Running, finish, is_installed, is_ok, schedule, send, stormglass,
};

/// A schedule of one fault that outlasts every run here.
fn lasting(home: &Home, fault: &Json) -> String {
    let step = json!({"id": 0, "at_ms": 300, "for_ms": 600_000, "fault": fault});
    home.file("schedule.json", &schedule(&[step]))
}

/// A run under a partition, with clients served on both sides of its beginning.
fn in_mid_run(home: &Home) -> Running {
    let cut = json!({"class": "partition", "kind": "custom", "grudge": {"n3": ["n1", "n2"], "n1": ["n3"]}});
    let schedule = lasting(home, &cut);
    let mut running =
        Running::start(home.raft(&["--nodes", "3", "--time-limit", "10m", "--schedule", &schedule]));
    running.await_some("service under a partition", |_| {
        let history = home.history();
        let cut = history.iter().position(|event| is_installed(event, "partition"))?;
        (history[cut..].iter().filter(|event| is_ok(event)).count() > 30).then_some(())
    });
    running
}

/// What a killed run leaves is a run that can be judged.
fn judged_as_far_as_recorded(home: &Home) {
    assert!(!home.latest().join("results.json").exists(), "nobody was left to judge");
    let run = home.latest().to_str().unwrap().to_owned();
    // As if the kernel had taken the controller in the middle of a line.
    let history = OpenOptions::new().append(true).open(home.latest().join("history.jsonl"));
    history.unwrap().write_all(br#"{"index":99"#).unwrap();
    let ended = finish(stormglass(["check", &run, "--json"])).with_code(2);
    let result = ended.json();
    // Nothing was violated, and a run that did not come to its end shows no more than that.
    assert_eq!(result["checkers"]["linearizable"]["verdict"], "valid");
    assert_eq!((&result["verdict"], &result["exit_code"]), (&"unknown".into(), &2.into()));
    let reason = result["reason"].as_str().unwrap();
    assert!(reason.contains("it ended in the phase `load`"), "{reason}");
    assert!(ended.stderr.contains("results.json is missing"), "{}", ended.stderr);
    assert!(ended.stderr.contains("was never finished"), "{}", ended.stderr);
    let _ = finish(stormglass(["report", &run])).with_code(0);
}

#[test]
fn nothing_survives_the_stub_and_the_run_can_be_judged() {
    let home = Home::new();
    let running = in_mid_run(&home);
    running.signal(Signal::SIGKILL);
    let ended = running.end_within(AFTERLIFE);
    assert_eq!(ended.status.signal(), Some(Signal::SIGKILL as i32));
    home.assert_nothing_is_left();
    judged_as_far_as_recorded(&home);
}

#[test]
fn nothing_survives_the_controller_and_the_run_can_be_judged() {
    let home = Home::new();
    let running = in_mid_run(&home);
    send(running.controller(), Signal::SIGKILL);
    let ended = running.end_within(AFTERLIFE).with_code(255);
    assert!(ended.stderr.contains("the controller was killed by signal 9"), "{}", ended.stderr);
    home.assert_nothing_is_left();
    judged_as_far_as_recorded(&home);
}

#[test]
fn an_interrupt_heals_tears_down_and_judges() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let home = Home::new();
        let running = in_mid_run(&home);
        running.signal(signal);
        let ended = running.end_within(Duration::from_secs(20)).with_code(130);
        home.assert_nothing_is_left();
        assert!(ended.stderr.contains("interrupted: healing"), "{}", ended.stderr);
        assert!(ended.stdout.contains("The run was interrupted"), "{}", ended.stdout);
        let healed = |event: &Json| event["value"]["action"] == "heal" && event["outcome"] == "healed";
        let history = home.history();
        assert_eq!(history.iter().filter(|event| healed(event)).count(), 2, "the partition, and everything");
        let results = home.json("results.json");
        assert_eq!((&results["verdict"], &results["exit_code"]), (&"unknown".into(), &130.into()));
        assert_eq!(results["checkers"]["linearizable"]["verdict"], "valid");
        let run = home.latest().to_str().unwrap().to_owned();
        let again = finish(stormglass(["check", &run])).with_code(2).stdout;
        assert!(again.contains("it ended in the phase `heal`"), "{again}");
    }
}

#[test]
fn a_second_interrupt_ends_at_once() {
    let home = Home::new();
    // Calls to stopped servers keep the first interrupt waiting for half a minute.
    let all = json!({"class": "pause", "aim": "all", "nodes": ["n1", "n2", "n3"]});
    let schedule = lasting(&home, &all);
    let mut running = Running::start(home.raft(&[
        "--nodes",
        "3",
        "--time-limit",
        "10m",
        "--op-timeout",
        "40s",
        "--schedule",
        &schedule,
    ]));
    running.await_some("calls to stopped servers", |_| {
        let history = home.history();
        let pause = history.iter().position(|event| is_installed(event, "pause"))?;
        history[pause..].iter().find(|event| event["type"] == "invoke").map(drop)
    });
    running.signal(Signal::SIGINT);
    running.await_stderr("once more to leave at once");
    running.signal(Signal::SIGINT);
    let _ = running.end_within(AFTERLIFE).with_code(130);
    home.assert_nothing_is_left();
    assert!(!home.latest().join("results.json").exists(), "it was judged after all");
}

#[test]
fn an_interrupt_while_deploying_ends_the_run() {
    let home = Home::new();
    // Nobody is elected for an hour.
    let mut running = Running::start(home.raft(&["--nodes", "3", "--opt", "election-timeout=3600s"]));
    running.await_some("servers", |_| {
        ["n1", "n2", "n3"].map(|node| home.server(node)).iter().all(Option::is_some).then_some(())
    });
    running.signal(Signal::SIGINT);
    let _ = running.end_within(LIMIT / 6).with_code(130);
    home.assert_nothing_is_left();
}
