//! `stormglass check FILE`.

use crate::program::{Ended, Home, finish, stormglass};

const VALID: &str = r#"{"index":0,"time":1,"process":0,"type":"invoke","f":"write","value":1}
{"index":1,"time":2,"process":0,"type":"ok","f":"write","value":1}
{"index":2,"time":3,"process":1,"type":"invoke","f":"read","value":null}
{"index":3,"time":4,"process":1,"type":"ok","f":"read","value":1}
"#;

fn check(history: &str, args: &[&str]) -> Ended {
    let home = Home::new();
    let path = home.file("history.jsonl", history);
    let mut command = stormglass(["check"]);
    command.args(args).arg(path);
    finish(command)
}

#[track_caller]
fn refused(history: &str, said: &[&str]) {
    let ended = check(history, &["--model", "register"]).with_code(254);
    for part in [&["history.jsonl"], said].concat() {
        assert!(ended.stderr.contains(part), "`{part}` is missing in\n{}", ended.stderr);
    }
    assert_eq!(ended.stdout, "");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

#[test]
fn a_history_that_keeps_the_promise_is_valid() {
    let ended = check(VALID, &["--model", "register", "--json"]).with_code(0);
    let result = ended.json();
    assert_eq!(result["verdict"], "valid");
    assert_eq!(result["checkers"]["linearizable"]["verdict"], "valid");
}

#[test]
fn a_history_that_breaks_the_promise_is_invalid_with_evidence() {
    let stale = VALID.replace(r#""f":"read","value":1"#, r#""f":"read","value":2"#);
    let ended = check(&stale, &["--model", "register", "--json"]).with_code(1);
    let result = ended.json();
    assert_eq!((&result["verdict"], &result["exit_code"]), (&"invalid".into(), &1.into()));
    let evidence = &result["checkers"]["linearizable"]["evidence"][0];
    assert_eq!(evidence["blocked"], 2, "{evidence}");
    assert!(evidence["sentence"].as_str().unwrap().contains("read 2"), "{evidence}");
    let spoken = check(&stale, &["--model", "register"]).with_code(1).stdout;
    assert!(spoken.contains("INVALID") && spoken.contains("read 2"), "{spoken}");
}

#[test]
fn a_broken_history_is_refused_with_file_line_and_reason() {
    let line = |n: usize| VALID.lines().nth(n).unwrap().to_owned() + "\n";
    refused("hello\n", &["line 1, column 1", "expected value"]);
    refused(&VALID.replace(r#""type":"ok","f":"read""#, r#""type":"yes","f":"read""#), &["line 4", "yes"]);
    refused(VALID.trim_end(), &["line 4", "without a line end"]);
    refused(&VALID[..VALID.len() - 20], &["line 4", "cut off"]);
    refused(&VALID.replace(r#""index":2"#, r#""index":7"#), &["line 3", "index 7 where 2 was expected"]);
    refused(&VALID.replace(r#""time":3"#, r#""time":0"#), &["line 3", "time 0 is before"]);
    let completion = line(3).replace(r#""index":3"#, r#""index":0"#);
    refused(&completion, &["line 1", "process 1 completes an operation that it has not invoked"]);
    let twice = line(0) + &line(0).replace(r#""index":0"#, r#""index":1"#);
    refused(&twice, &["line 2", "process 0 invokes again"]);
}

#[test]
fn nothing_to_judge_is_unknown() {
    for args in [["--model", "register"], ["--workload", "register"], ["--workload", "set"]] {
        let ended = check("", &args).with_code(2);
        assert!(ended.stdout.contains("UNKNOWN"), "{}", ended.stdout);
    }
    // Something was asked, nothing was answered.
    let asked = VALID.lines().next().unwrap().to_owned() + "\n";
    let _ = check(&asked, &["--model", "register"]).with_code(2);
}

#[test]
fn a_history_that_the_model_does_not_understand_is_refused() {
    let frob = VALID.replace(r#""f":"read""#, r#""f":"frob""#);
    let ended = check(&frob, &["--model", "register"]).with_code(254);
    assert!(ended.stderr.contains("event 2") && ended.stderr.contains("`frob`"), "{}", ended.stderr);
    for args in [["--model", "per-key-register"], ["--workload", "register"]] {
        let ended = check(VALID, &args).with_code(254);
        assert!(ended.stderr.contains("needs the value [key, value], not 1"), "{}", ended.stderr);
    }
    let ended = check(VALID, &["--workload", "set"]).with_code(254);
    assert!(ended.stderr.contains("a set has no `write`"), "{}", ended.stderr);
}

#[test]
fn what_to_judge_and_by_whom_must_be_known() {
    let ended = check(VALID, &[]).with_code(254);
    assert!(ended.stderr.contains("--workload NAME or --model NAME"), "{}", ended.stderr);
    let ended = check(VALID, &["--model", "regist"]).with_code(254);
    assert!(ended.stderr.contains("did you mean `register`?"), "{}", ended.stderr);
    let ended = finish(stormglass(["check", "--model", "register", "/nowhere"])).with_code(254);
    assert!(ended.stderr.contains("/nowhere: No such file"), "{}", ended.stderr);
    let home = Home::new();
    let ended = finish(stormglass(["check", home.path().to_str().unwrap()])).with_code(254);
    assert!(ended.stderr.contains("is not the folder of a run"), "{}", ended.stderr);
}
