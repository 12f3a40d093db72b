//! Check whatever a user names: `check_by_name FILE (model NAME | checker NAME)`.
//!
//! `cargo run -p checkers --example check_by_name -- history.edn model cas-register`

use std::fs::File;
use std::io::{BufReader, Read};

use checkers::formats::{self, DETECT_BYTES};
use checkers::{Budget, check_guarded, registry};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, kind, name] = &args[..] else {
        println!("usage: check_by_name FILE (model NAME | checker NAME)");
        return Ok(());
    };
    let checker = match kind.as_str() {
        "model" => registry::linearizable_by_name(name),
        _ => registry::checker_by_name(name),
    };
    let checker = checker.ok_or_else(|| format!("there is no {kind} `{name}`"))?;

    let mut head = Vec::new();
    File::open(path)?.take(DETECT_BYTES as u64).read_to_end(&mut head)?;
    let format = formats::detect(&head, path).ok_or("a format that nobody knows")?;
    let history = formats::read(format, BufReader::new(File::open(path)?))?;
    checker.understands(&history)?;

    // As many threads as there are, and an end to everything.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let budget = Budget { max_steps: 100_000_000, threads, ..Budget::default() };
    let judgement = check_guarded(checker.as_ref(), &history, &budget);
    println!("{format}: {} ({}) {}", judgement.verdict, judgement.algorithm, judgement.reason);
    Ok(())
}
