//! `stormglass check FILE`.

use std::path::Path;

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
    assert_eq!(evidence["operations"][0]["call"], 2, "{evidence}");
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
    assert!(ended.stderr.contains("--workload NAME, --model NAME or --checker NAME"), "{}", ended.stderr);
    let ended = check(VALID, &["--model", "regist"]).with_code(254);
    assert!(ended.stderr.contains("did you mean `register`?"), "{}", ended.stderr);
    let ended = finish(stormglass(["check", "--model", "register", "/nowhere"])).with_code(254);
    assert!(ended.stderr.contains("/nowhere: No such file"), "{}", ended.stderr);
    let home = Home::new();
    let ended = finish(stormglass(["check", home.path().to_str().unwrap()])).with_code(254);
    assert!(ended.stderr.contains("is a directory with neither history.jsonl"), "{}", ended.stderr);
}

/// Jepsen's EDN: a transaction that does not see what had been answered.
const STALE_EDN: &str = "
{:index 0 :time 10 :type :invoke :process 0 :f :txn :value [[:append :x 1]]}
{:index 1 :time 20 :type :ok :process 0 :f :txn :value [[:append :x 1]]}
{:index 2 :time 30 :type :invoke :process 1 :f :txn :value [[:r :x nil]]}
{:index 3 :time 40 :type :ok :process 1 :f :txn :value [[:r :x []]]}
";

#[test]
fn other_peoples_histories_are_recognized_and_judged_by_what_was_promised() {
    for (consistency, code) in [("strict-serializable", 1), ("serializable", 0), ("read-atomic,pram", 0)] {
        let ended = check(STALE_EDN, &["--workload", "list-append", "-c", consistency, "--json"]);
        let result = ended.with_code(code).json();
        let (name, answer) = result["checkers"].as_object().unwrap().iter().next().unwrap();
        if code == 1 {
            let anomaly = &answer["evidence"][0]["anomaly"];
            assert_eq!((name.as_str(), anomaly.as_str()), ("list-append", Some("G-single-item-realtime")));
            assert_eq!(answer["details"]["not"], serde_json::json!(["strong-snapshot-isolation"]));
        }
    }
    let proved = check(STALE_EDN, &["--workload", "list-append", "--prove", "--json"]).with_code(1).json();
    assert_eq!(proved["checkers"]["strict-serializable"]["verdict"], "invalid");
}

#[test]
fn a_model_may_be_promised_less_than_linearizability() {
    let stale = VALID.replace(r#""f":"read","value":1"#, r#""f":"read","value":null"#);
    let with = |args: &[&str]| check(&stale, &[&["--model", "register"], args].concat());
    let _ = with(&[]).with_code(1);
    let _ = with(&["-c", "sequential"]).with_code(0);
    let _ = with(&["-c", "staleness"]).with_code(0);
    let _ = with(&["-c", "staleness", "--max-k", "1"]).with_code(1);
    let ended = with(&["-c", "serializable"]).with_code(254);
    assert!(ended.stderr.contains("there are: linearizable, sequential"), "{}", ended.stderr);
}

#[test]
fn what_is_asked_for_and_does_not_exist_is_refused_with_what_does() {
    for (args, said) in [
        (&["--model", "regster"][..], "did you mean `register`?"),
        (&["--checker", "bnak"], "did you mean `bank`?"),
        (&["--workload", "list-apend"], "unknown workload"),
        (&["--workload", "list-append", "-c", "serialisable"], "did you mean `serializable`?"),
        (&["--workload", "list-append", "--anomalies", "G3"], "unknown anomaly `G3`"),
        (&["--checker", "bank", "-c", "serializable"], "is one promise of its own"),
        (&["--workload", "list-append", "-c", "linearizable"], "no anomaly of transactions is known"),
        (&["--model", "register", "--format", "eden"], "there is no format `eden`"),
    ] {
        let ended = check(STALE_EDN, args).with_code(254);
        assert!(ended.stderr.contains(said), "{}\nshould say\n{said}", ended.stderr);
    }
}

#[test]
fn a_store_of_jepsens_is_checked_and_a_directory_of_neither_is_refused() {
    let home = Home::new();
    let file = home.file("history.edn", STALE_EDN);
    let mut command = stormglass(["check", "--workload", "list-append", "-c", "serializable"]);
    command.arg(Path::new(&file).parent().unwrap());
    let _ = finish(command).with_code(0);
    let empty = Home::new();
    let mut command = stormglass(["check", "--workload", "list-append"]);
    command.arg(Path::new(&empty.file("other.txt", "")).parent().unwrap());
    let ended = finish(command).with_code(254);
    assert!(ended.stderr.contains("neither history.jsonl"), "{}", ended.stderr);
}

#[test]
fn a_report_of_a_file_is_written_where_it_is_asked_for() {
    let home = Home::new();
    let page = home.file("page.html", "");
    let ended = check(STALE_EDN, &["--workload", "list-append", "--report", &page]).with_code(1);
    assert!(ended.stdout.contains("page.html"), "{}", ended.stdout);
    let text = std::fs::read_to_string(page).unwrap();
    assert!(
        text.contains("G-single-item-realtime") && text.contains("observed the initial (nil) state"),
        "no evidence in the page"
    );
}

#[test]
fn a_history_is_converted_there_and_back() {
    let home = Home::new();
    let edn = home.file("history.edn", STALE_EDN);
    let jsonl = home.file("history.jsonl", "");
    let mut command = stormglass(["convert", "--to", "jsonl", "--out"]);
    command.arg(&jsonl).arg(edn);
    let _ = finish(command).with_code(0);
    let mut command = stormglass(["convert", "--to", "edn"]);
    command.arg(jsonl);
    let back = finish(command).with_code(0).stdout;
    assert!(back.contains(":f :txn, :value [[:append \"x\" 1]]"), "{back}");
}

/// Two appends that nobody saw have no place in any order that could be inferred; that this is no snapshot isolation
/// shows only a search.
#[test]
fn a_small_history_that_an_inference_lets_pass_is_looked_at_twice() {
    let history = r#"{"index":0,"time":0,"process":1,"type":"invoke","f":"txn","value":[["append",1,1]]}
{"index":1,"time":1,"process":0,"type":"invoke","f":"txn","value":[["r",0,null],["append",0,2],["append",1,3]]}
{"index":2,"time":2,"process":2,"type":"invoke","f":"txn","value":[["append",0,4],["append",1,5],["r",1,null]]}
{"index":3,"time":3,"process":1,"type":"ok","f":"txn","value":[["append",1,1]]}
{"index":4,"time":4,"process":0,"type":"ok","f":"txn","value":[["r",0,[]],["append",0,2],["append",1,3]]}
{"index":5,"time":5,"process":2,"type":"ok","f":"txn","value":[["append",0,4],["append",1,5],["r",1,[5]]]}
"#;
    let args = ["--workload", "list-append", "--consistency", "snapshot-isolation", "--json"];
    let judged = check(history, &args).with_code(1).json();
    assert_eq!(judged["checkers"]["list-append"]["algorithm"], "polygraph-search");
    // What passes is proved, or says that it is not.
    let passes = check(STALE_EDN, &["--workload", "list-append", "-c", "serializable", "--json"]);
    assert_eq!(passes.with_code(0).json()["checkers"]["list-append"]["details"]["proved"], true);
    let many: String = (0..20_001)
        .flat_map(|at| ["invoke", "ok"].map(|kind| (at, kind)))
        .map(|(at, kind)| {
            let seen = match (kind, at) {
                ("ok", 0) => "[]",
                ("ok", _) => "[1]",
                _ => "nil",
            };
            let mops = format!("[[:r {} {seen}] [:append {at} 1]]", at - 1);
            format!("{{:type :{kind} :process {at} :f :txn :value {mops}}}\n")
        })
        .collect();
    let large = check(&many, &["--workload", "list-append", "-c", "snapshot-isolation", "--json"]);
    let answer = &large.with_code(0).json()["checkers"]["list-append"];
    assert_eq!(answer["details"]["proved"], false);
    assert!(answer["reason"].as_str().is_some_and(|reason| reason.contains("--prove")), "{answer}");
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_anything_is_judged() {
    let ended = check(VALID, &["--model", "register", "--report", "/nowhere/x.html"]).with_code(254);
    assert!(ended.stderr.contains("cannot write /nowhere/x.html"), "{}", ended.stderr);
}
