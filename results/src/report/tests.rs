use std::time::Duration;

use checkers::{Event, EventType, Evidence, Judgement, Process, Value};
use serde_json::json;

use super::*;
use crate::compose::{Trouble, compose};
use crate::coverage::{Coverage, Demands};
use crate::run_results::{CheckerResult, CheckerResults, Recovery, RunFindings};
use crate::stats::Stats;
use crate::testing::{history, writes};

fn results(history: &History, judgement: Judgement, plan: serde_json::Value) -> RunResults {
    let checkers: CheckerResults =
        [("linearizable".to_owned(), CheckerResult::new(judgement, Duration::from_millis(5)))]
            .into_iter()
            .collect();
    let coverage = Coverage::of(history, &Demands::of_file());
    let recovery = Recovery::default();
    RunResults::from(RunFindings {
        overall: compose(&checkers, &coverage, &recovery, &Trouble::None),
        checkers,
        coverage,
        stats: Stats::of(history),
        recovery,
        seed: Some(u64::MAX),
        plan,
    })
}

/// The data that a page carries.
fn data_of(page: &str) -> serde_json::Value {
    let (_, rest) = page.split_once("id=\"data\">").expect("the page has data");
    let (data, _) = rest.split_once("</script>").expect("the data has an end");
    serde_json::from_str(data).expect("the data is JSON")
}

/// Evidence as a file has it, so that the tests hold when it gains fields.
fn linearizability(call: usize, prefix: Vec<usize>) -> Evidence {
    let operation = json!({
        "call": call, "ret": null, "process": 0, "f": "write", "input": null, "output": null,
        "fate": "info", "call_time": 0, "ret_time": null, "text": "",
    });
    serde_json::from_value(json!({
        "kind": "linearizability", "key": null, "sentence": "it cannot be", "blocked": call,
        "prefix": prefix, "final_states": [], "steps": [], "window": [operation],
        "window_start_states": [],
    }))
    .expect("this is evidence")
}

#[test]
fn placeholders_are_filled_once() {
    let parts = [("a", "{{b}}"), ("b", "x")];
    assert_eq!(fill("<{{a}}|{{b}}|{{c}}>", &parts), "<{{b}}|x|>");
}

#[test]
fn no_string_of_a_run_becomes_markup() {
    let evil = "</script><script>alert(1)</script><!--\u{2028}{{scripts}}\0\x1b[31m";
    let operation = |time, event_type| {
        let mut event = Event::new(time, Process::client(0).unwrap(), event_type, evil, evil);
        event.node = Some(evil.into());
        event.extra.get_or_insert_default().error = Some(evil.into());
        event
    };
    let history = History::new(vec![operation(1, EventType::Invoke), operation(2, EventType::Fail)]).unwrap();
    let plan = json!({"target": evil, "rerun": evil, evil: evil});
    let results = results(&history, Judgement::unknown("a", evil), plan);
    let page = render(&ReportInput::of_history(&results, &history));
    // The data and the page's own script, none of theirs.
    assert_eq!((page.matches("<script").count(), page.matches("</script").count()), (2, 2));
    for needle in ["<!--", "\u{2028}", "\0", "\x1b"] {
        assert!(!page.contains(needle), "{needle:?}");
    }
    assert_eq!(page.matches("function loadRun()").count(), 1, "a placeholder in a string was filled");
    assert_eq!(data_of(&page)["seed"], u64::MAX.to_string());
}

#[test]
fn a_huge_value_is_cut_for_display() {
    let huge =
        format!(r#"{{"time":1,"process":0,"type":"invoke","f":"write","value":"{}"}}"#, "x".repeat(1 << 20));
    let history = history(&huge);
    let results = results(&history, Judgement::valid("a"), json!({"note": "y".repeat(1 << 20)}));
    let page = render(&ReportInput::of_history(&results, &history));
    assert!(page.len() < 200_000, "{}", page.len());
    assert!(page.contains("x… (1048576 characters)"));
}

#[test]
fn long_lists_of_numbers_stay_lists_of_rows() {
    let completed = |n: u64, f: &str, node: &str| {
        let process = Process::client(0).unwrap();
        let completion = Event::new(n, process, EventType::Ok, f, Value::Nil);
        [
            Event::new(n, process, EventType::Invoke, f, Value::Nil),
            Event { node: Some(node.into()), ..completion },
        ]
    };
    let events: Vec<Event> =
        (0..100).flat_map(|n| completed(n, &format!("f{n}"), &format!("n{n}"))).collect();
    let history = History::new(events).unwrap();
    let results = results(&history, Judgement::valid("a"), json!(null));
    let stats = &data_of(&render(&ReportInput::of_history(&results, &history)))["stats"];
    for (list, omitted) in [
        (&stats["by_f"], &stats["functions_omitted"]),
        (&stats["availability"]["nodes"], &stats["availability"]["nodes_omitted"]),
    ] {
        let rows = list.as_array().unwrap();
        assert!(rows.len() == 60 && rows.iter().all(serde_json::Value::is_object), "{list}");
        assert_eq!(*omitted, 40);
    }
    assert_eq!(stats["all"]["ok"]["count"], 100);
}

#[test]
fn of_a_long_prefix_only_the_window_and_what_precedes_it_is_kept() {
    let history = history(&writes(1000, 0, 1));
    let evidence = linearizability(2000, (0..=2000).step_by(2).collect());
    let results = results(&history, Judgement::invalid("wgl", vec![evidence]), json!(null));
    let data = data_of(&render(&ReportInput::of_history(&results, &history)));
    let shown = &data["checkers"][0]["evidence"][0];
    let calls: Vec<usize> = (1984..=2000).step_by(2).collect();
    assert_eq!((&shown["prefix"], &shown["prefix_length"]), (&json!(calls), &json!(1001)));
    let context = shown["context"].as_array().unwrap();
    assert_eq!((context.len(), &context[7]["text"]), (8, &json!("process 0: write [\"k\",1]")));
}

#[test]
fn above_the_limit_a_sample_is_drawn_and_what_is_quoted_stays() {
    let total = operations::DRAWN * 4 / 3;
    let process = Process::client(0).unwrap();
    let mut events = Vec::with_capacity(2 * total);
    for n in 0..total as u64 {
        events.push(Event::new(2 * n, process, EventType::Invoke, "write", Value::Int(1)));
        events.push(Event::new(2 * n + 1, process, EventType::Ok, "write", Value::Int(1)));
    }
    let history = History::new(events).unwrap();
    let table = |evidence: &[&Evidence]| {
        operations::table(&history, evidence, operations::Clock { tick_ns: 1, timed: true })
    };
    let plain = table(&[]);
    assert_eq!((&plain["sampled"], &plain["total"]), (&json!(true), &json!(total)));
    assert_eq!(plain["count"], json!(operations::DRAWN));
    // Every fourth is left out; of four neighbours exactly one is brought back.
    let quoted: Vec<Evidence> = (0..4).map(|n| linearizability(2000 + 2 * n, vec![])).collect();
    let quoted: Vec<&Evidence> = quoted.iter().collect();
    assert_eq!(table(&quoted)["count"], json!(operations::DRAWN + 1));
}

#[test]
fn the_files_of_a_run_are_found() {
    let root = tempfile::tempdir().unwrap();
    let name = crate::store::RunName {
        target: "t",
        workload: "w",
        seed: 1,
        began: std::time::SystemTime::UNIX_EPOCH,
    };
    let run = RunDir::create(root.path(), name).unwrap();
    run.write_plan(&json!({})).unwrap();
    let long = format!("{}\nlast \x1b[31mline\n", "a line\n".repeat(10_000));
    fs::write(run.node_dir("n1").unwrap().join("server.log"), long).unwrap();
    fs::write(run.node_dir("n2").unwrap().join("data.bin"), [0, 1, 2]).unwrap();
    let history = history(&writes(1, 0, 0));
    write(&run, &results(&history, Judgement::valid("a"), json!(null)), &history).unwrap();
    let data = data_of(&fs::read_to_string(run.join(file::REPORT)).unwrap());
    assert_eq!(data["files"], json!(["plan.json", "summary.md", "nodes/n1/server.log", "nodes/n2/data.bin"]));
    let log = &data["logs"][0];
    assert_eq!((&log["node"], &log["cut"]), (&json!("n1"), &json!(true)));
    let text = log["text"].as_str().unwrap();
    assert!(text.starts_with("a line\n") && text.ends_with("last \\x1b[31mline\n"));
    assert_eq!(data["logs"].as_array().unwrap().len(), 1);
}
