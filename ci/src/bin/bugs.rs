//! Measures how often each seeded bug is caught, and how soon: the table in BUGS.md.
//!
//! `cargo run --release -p ci --bin bugs -- [RUNS [CONTROLS [BUG…]]]`; the `stormglass` binary of
//! the same build must exist. Each bug is run RUNS times as the catalogue says, with the seeds 1 to
//! RUNS, and the first CONTROLS of those seeds again without the bug.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use serde_json::Value as Json;

/// A bug's name, and the options of a run that brings it out.
type Entry = (String, Vec<String>);

/// What one run came to.
struct Run {
    exit_code: i32,
    /// Seconds from the beginning of the run until the violation was there to be seen.
    seen_after: Option<f64>,
    reason: String,
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let runs: u64 = args.next().and_then(|n| n.parse().ok()).unwrap_or(10);
    let controls: u64 = args.next().and_then(|n| n.parse().ok()).unwrap_or(3);
    let only: Vec<String> = args.collect();
    match measure(runs, controls, &only) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(runs: u64, controls: u64, only: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let program = std::env::current_exe()?.with_file_name("stormglass");
    let out = std::env::temp_dir().join(format!("stormglass-bugs-{}", std::process::id()));
    println!("| bug | caught | seconds to detection: median (all) | without the bug | first reason |");
    println!("|---|---|---|---|---|");
    for (bug, options) in catalogue(&program)? {
        if !only.is_empty() && !only.contains(&bug) {
            continue;
        }
        let with_bug = [&options[..], &["--bug".to_owned(), bug.clone()]].concat();
        let results: Vec<Run> =
            (1..=runs).map(|seed| run(&program, &with_bug, seed, &out)).collect::<Result<_, _>>()?;
        let caught: Vec<&Run> = results.iter().filter(|run| run.exit_code == 1).collect();
        let mut seconds: Vec<f64> = caught.iter().filter_map(|run| run.seen_after).collect();
        seconds.sort_by(f64::total_cmp);
        let median = seconds.get(seconds.len() / 2).map_or("–".to_owned(), |s| format!("{s:.1}"));
        let all: Vec<String> = seconds.iter().map(|s| format!("{s:.0}")).collect();
        let others: Vec<String> = results
            .iter()
            .filter(|run| !matches!(run.exit_code, 0 | 1))
            .map(|run| format!("{} ({})", run.exit_code, run.reason))
            .collect();
        let mut clean = 0;
        for seed in 1..=controls {
            clean += u64::from(run(&program, &options, seed, &out)?.exit_code == 0);
        }
        println!(
            "| `{bug}` | {} of {runs}{} | {median} ({}) | valid {clean} of {controls} | {} |",
            caught.len(),
            if others.is_empty() { String::new() } else { format!("; also {}", others.join(", ")) },
            all.join(", "),
            caught.first().map_or("–", |run| run.reason.as_str()),
        );
    }
    std::fs::remove_dir_all(&out).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    Ok(())
}

/// Each bug's name with the options that its catalogue entry gives.
fn catalogue(program: &Path) -> Result<Vec<Entry>, Box<dyn std::error::Error>> {
    let listed = Command::new(program).args(["list", "bugs", "--json"]).output()?;
    let listed: Json = serde_json::from_slice(&listed.stdout)?;
    let mut catalogue = Vec::new();
    for bug in listed["bugs"].as_array().into_iter().flatten() {
        let name = bug["name"].as_str().ok_or("a bug without a name")?;
        let line = bug["more"].as_array().into_iter().flatten().find_map(|more| more["run"].as_str());
        let words = line.ok_or("a bug without a run")?.split_whitespace().map(str::to_owned);
        // `stormglass run TARGET --bug NAME OPTIONS…`
        let mut words = words.skip(2);
        let target = words.next().ok_or("a run without a target")?;
        catalogue.push((name.to_owned(), std::iter::once(target).chain(words.skip(2)).collect()));
    }
    Ok(catalogue)
}

fn run(program: &Path, options: &[String], seed: u64, out: &PathBuf) -> Result<Run, std::io::Error> {
    let output = Command::new(program)
        .arg("run")
        .args(options)
        .args(["--seed", &seed.to_string(), "--json", "--quiet", "--out"])
        .arg(out)
        .output()?;
    let results: Json = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let run = Run {
        exit_code: output.status.code().unwrap_or(-1),
        seen_after: seen_after(&results),
        reason: results["reason"].as_str().unwrap_or("no result").to_owned(),
    };
    eprintln!("{} seed {seed}: {} {}", options.join(" "), run.exit_code, run.reason);
    Ok(run)
}

/// When the earliest violation was complete: the end of the last operation that it quotes.
fn seen_after(results: &Json) -> Option<f64> {
    let evidence =
        results["checkers"].as_object()?.values().filter_map(|c| c["evidence"].as_array()).flatten();
    let ends = evidence.filter_map(|one| {
        let quoted = one["window"].as_array().or_else(|| one["operations"].as_array())?;
        let last = quoted
            .iter()
            .filter_map(|op| op["ret_time"].as_u64().or_else(|| op["call_time"].as_u64()))
            .max()?;
        Some(last as f64 / 1e9)
    });
    ends.min_by(f64::total_cmp)
}
