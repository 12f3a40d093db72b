//! Writes the folder of a run that never was, to look at: `sample_report [FOLDER [OPERATIONS]]`.

mod run;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use checkers::{Judgement, jsonl};
use results::compose::{Trouble, compose};
use results::coverage::{Coverage, Demands};
use results::report;
use results::run_results::{CheckerResult, CheckerResults, Recovery, RunFindings, RunResults};
use results::stats::Stats;
use results::store::{RunDir, RunName, file};
use results::summary::{Color, Summary};
use serde_json::json;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().unwrap_or_else(|| "runs".to_owned());
    let operations = arguments.next().map_or(Ok(20_000), |text| text.parse())?;

    let sample = run::sample(operations, 7);
    let began = SystemTime::now();
    let run =
        RunDir::create(Path::new(&root), RunName { target: "sample", workload: "register", seed: 7, began })?;
    let plan = json!({
        "format": 1, "target": "sample", "workload": "register", "seed": 7,
        "rerun": "stormglass run raft-kv --workload register --faults partition,kill,pause,clock \
                  --nodes 5 --workers 10 --time-limit 60s --bug raft.stale-read --seed 7",
        "versions": {"stormglass": "0.1.0", "raft-kv": "0.1.0"},
        "kernel": "Linux 6.12.8 x86_64",
        "git": {"commit": "ace80cd", "dirty": false},
        "nodes": ["n1", "n2", "n3", "n4", "n5"],
        "faults": ["partition", "kill", "pause", "clock"],
        "time_limit": "60s", "workers": 10,
    });
    run.write_plan(&plan)?;
    run.write_schedule(&json!({"format": 1, "seed": 7, "faults": 8}))?;
    let mut lines = Vec::new();
    for (index, event) in sample.history.events().enumerate() {
        jsonl::write_event(&mut lines, index as u64, &event.to_event())?;
    }
    std::io::Write::write_all(&mut run.create_history()?, &lines)?;
    for node in ["n1", "n2", "n3", "n4", "n5"] {
        let log = format!("2026-11-21T00:56:08Z INFO  {node} listens on 10.0.0.1:4000\n").repeat(40);
        std::fs::write(run.node_dir(node)?.join("server.log"), log)?;
    }

    let checkers: CheckerResults = [
        (
            "linearizable",
            Judgement::invalid("wgl", vec![sample.evidence]).with("states_visited", 18_211),
            1840,
        ),
        ("no-crash", Judgement::valid("scan"), 3),
    ]
    .map(|(name, judgement, ms)| (name.to_owned(), CheckerResult::new(judgement, Duration::from_millis(ms))))
    .into_iter()
    .collect();
    let coverage = Coverage::of(&sample.history, &Demands::of_run(["partition", "kill", "pause", "clock"]));
    let recovery = Recovery {
        recovered: Some(true),
        seconds: Some(1.24),
        reason: "Every key was read and written by every node.".to_owned(),
    };
    let results = RunResults::from(RunFindings {
        overall: compose(&checkers, &coverage, &recovery, &Trouble::None),
        checkers,
        coverage,
        stats: Stats::of(&sample.history),
        recovery,
        seed: Some(7),
        plan,
    });
    run.write_results(&results)?;
    let clock = Instant::now();
    report::write(&run, &results, &sample.history)?;
    let took = clock.elapsed();
    let path = run.join(file::REPORT);
    let shown = path.display().to_string();
    let summary = Summary { results: &results, report: Some(&shown) };
    run.write_file(file::SUMMARY, summary.markdown().as_bytes())?;
    print!("{}", summary.terminal(Color::Off));
    println!("{} operations, report {} KiB in {took:?}", operations, std::fs::metadata(&path)?.len() >> 10);
    Ok(())
}
