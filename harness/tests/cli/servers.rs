//! Servers that die without our doing.

use nix::sys::signal::Signal;

use crate::program::{Home, Running, is_ok, send};

#[test]
fn a_server_that_dies_while_the_cluster_comes_up_is_a_failure_of_the_harness() {
    let home = Home::new();
    // Time enough before there is a primary.
    let mut running = Running::start(home.raft(&["--nodes", "3", "--opt", "election-timeout=15s", "--json"]));
    let log = home.latest().join("nodes/n2/server.log");
    let victim = running.await_some("the server of n2", |_| {
        let serving = std::fs::read_to_string(&log).is_ok_and(|log| log.contains("serving"));
        serving.then(|| home.server("n2")).flatten()
    });
    send(victim, Signal::SIGABRT);
    let ended = running.end_within(crate::program::LIMIT).with_code(255);
    home.assert_nothing_is_left();
    let result = ended.json();
    let reason = result["reason"].as_str().unwrap();
    for part in ["deploying raft-kv failed", "node n2", "killed by SIGABRT", "nodes/n2/server.log", "serving"]
    {
        assert!(reason.contains(part), "`{part}` is missing in {reason}");
    }
    assert_eq!(result["verdict"], "unknown", "our failure says nothing of the system");
    assert!(home.latest().join("plan.json").exists());
}

#[test]
fn a_server_that_dies_in_mid_run_makes_the_run_unknown_and_is_started_again() {
    let home = Home::new();
    let mut running =
        Running::start(home.raft(&["--nodes", "3", "--faults", "none", "--time-limit", "3s", "--json"]));
    let victim = running.await_some("a load", |_| {
        (home.history().iter().filter(|event| is_ok(event)).count() > 30).then(|| home.server("n2")).flatten()
    });
    send(victim, Signal::SIGABRT);
    let ended = running.end_within(crate::program::LIMIT).with_code(2);
    home.assert_nothing_is_left();

    let history = home.history();
    let crashes: Vec<_> = history.iter().filter(|event| event["f"] == "crash").collect();
    let [crash] = crashes[..] else { panic!("one crash: {crashes:?}") };
    assert_eq!(crash["value"]["node"], "n2");
    assert_eq!(crash["value"]["status"], "killed by SIGABRT");
    assert!(crash["value"]["log_tail"].as_str().unwrap().contains("serving"), "{crash}");

    for result in [ended.json(), home.json("results.json")] {
        let servers = &result["checkers"]["servers"];
        assert_eq!((&servers["verdict"], &result["verdict"]), (&"unknown".into(), &"unknown".into()));
        for reason in [&servers["reason"], &result["reason"]] {
            let reason = reason.as_str().unwrap();
            assert!(reason.contains("the server of n2 died by itself (killed by SIGABRT)"), "{reason}");
        }
        assert_eq!(result["checkers"]["linearizable"]["verdict"], "valid");
        assert_eq!(result["recovery"]["recovered"], true, "clients of n2 were served again");
    }

    let heal = history.iter().find(|event| event["f"] == "heal").expect("a heal");
    let processes = heal["evidence"]["processes"].as_array().unwrap();
    let started: Vec<_> = processes.iter().filter(|one| one["already_running"] != true).collect();
    let [started] = started[..] else { panic!("n2 alone: {processes:?}") };
    assert_eq!(started["node"], "n2");
}
