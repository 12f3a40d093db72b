//! What is typed wrong is explained, and nothing is begun.

use crate::program::{Home, finish, schedule};
use serde_json::json;

/// Types this after `run`; the first line on standard error must say all of that.
#[track_caller]
fn refused(args: &[&str], said: &[&str]) {
    let home = Home::new();
    let mut command = crate::program::stormglass(["run"]);
    command.args(args).arg("--out").arg(home.out());
    let ended = finish(command).with_code(254);
    let sentence = ended.stderr.lines().next().unwrap_or_default();
    for part in said {
        assert!(sentence.contains(part), "{args:?}: `{part}` is missing in\n{}", ended.stderr);
    }
    assert_eq!(ended.stdout, "", "{args:?}");
    assert!(!home.out().exists(), "{args:?} began something");
}

#[test]
fn an_unknown_name_is_answered_with_the_names_there_are_and_the_nearest() {
    refused(&["raft-kw"], &["target `raft-kw`", "did you mean `raft-kv`?", "there are: raft-kv"]);
    refused(
        &["raft-kv", "--workload", "regster"],
        &["workload `regster`", "did you mean `register`?", "there are: register, set"],
    );
    refused(
        &["raft-kv", "--faults", "kill,partion"],
        &["--faults", "fault `partion`", "did you mean `partition`?", "there are: partition, kill, pause"],
    );
    refused(
        &["raft-kv", "--faults", "kill:primries"],
        &["aim of kill `primries`", "did you mean `primaries`?", "there are: one, minority, majority"],
    );
    refused(
        &["raft-kv", "--faults", "partition:halvs"],
        &["shape of partition `halvs`", "did you mean `halves`?", "there are: one, halves, majority"],
    );
    refused(
        &["raft-kv", "--bug", "raft.vote"],
        &["bug `raft.vote`", "did you mean `raft.vote-not-persisted`?", "raft.leader-reads-locally"],
    );
    refused(
        &["raft-kv", "--opt", "rad-mode=any-node"],
        &["option of this target `rad-mode`", "did you mean `read-mode`?", "there are: read-mode"],
    );
}

#[test]
fn a_name_that_resembles_nothing_gets_no_guess() {
    refused(&["zookeeper"], &["unknown target `zookeeper`; there are: raft-kv"]);
}

#[test]
fn a_value_that_makes_no_sense_is_answered_with_its_option_and_what_would() {
    let cases: [(&[&str], &[&str]); 16] = [
        (&["--time-limit", "5x"], &["--time-limit", "`5x`", "`30s`"]),
        (&["--time-limit", "0s"], &["--time-limit", "`0s`", "out of range"]),
        (&["--time-limit", "1s", "--fault-interval", "1m"], &["--time-limit", "--fault-interval"]),
        (&["--nodes", "0"], &["--nodes 0", "at least one"]),
        (&["--nodes", "65"], &["--nodes 65", "at most 64"]),
        (&["--nodes", "few"], &["--nodes", "'few'"]),
        (&["--concurrency", "0"], &["--concurrency", "at least one client"]),
        (&["--concurrency", "99999"], &["--concurrency", "at most 10000"]),
        (&["--rate", "-1"], &["--rate -1", "operations per second"]),
        (&["--faults", ","], &["--faults", "`none`"]),
        (&["--faults", "kill,none"], &["--faults", "`none` cannot be one of several"]),
        (&["--faults", "partition:bridge", "--nodes", "2"], &["--faults", "(bridge) needs at least 3 nodes"]),
        (&["--grudge", "n1:n9"], &["--grudge", "`n9`", "n1, n2, n3, n4, n5 and `clients`"]),
        (&["--grudge", "n1"], &["--grudge", "`n1` is no grudge", "`n1:n2,n3"]),
        (&["--opt", "read-mode"], &["--opt read-mode", "name=value"]),
        (&["--opt", "read-mode=wrong"], &["--opt", "read-mode", "wrong", "leader-local"]),
    ];
    for (args, said) in cases {
        refused(&[&["raft-kv"], args].concat(), said);
    }
    // A value is never taken for a flag of the server.
    refused(&["raft-kv", "--opt", "election-timeout=--join"], &["--opt", "'--election-timeout"]);
}

#[test]
fn a_schedule_that_cannot_be_carried_out_is_answered_with_file_and_reason() {
    let home = Home::new();
    let step = |fault| schedule(&[json!({"id": 4, "at_ms": 1, "for_ms": 1, "fault": fault})]);
    let cases = [
        ("cut-off.json", r#"{"format":1,"#.to_owned(), "line 1 column"),
        ("newer.json", r#"{"format":9,"steps":[]}"#.to_owned(), "format 9 is newer than 1"),
        ("melt.json", step(json!({"class": "melt"})), "unknown variant `melt`"),
        (
            "node.json",
            step(json!({"class": "kill", "aim": "one", "nodes": ["n9"]})),
            "step 4: the node `n9` does not exist",
        ),
        (
            "grudge.json",
            step(json!({"class": "partition", "kind": "custom", "grudge": {"n1": ["n7"]}})),
            "step 4: the grudge names the node `n7`",
        ),
    ];
    for (name, text, reason) in cases {
        let path = home.file(name, &text);
        refused(&["raft-kv", "--schedule", &path], &["--schedule", name, reason]);
    }
    refused(&["raft-kv", "--schedule", "/nowhere.json"], &["--schedule", "/nowhere.json", "No such file"]);
}
