//! Write a checker: no answer may take longer than a second.
//!
//! `cargo run -p checkers --example write_a_checker`

use checkers::evidence::Finding;
use checkers::{
    Budget, Checker, Event, EventType, Evidence, Fate, History, Judgement, Process, check_guarded,
};

/// Every answered operation was answered in time.
struct Prompt {
    limit_ns: u64,
}

impl Checker for Prompt {
    fn name(&self) -> &str {
        "prompt"
    }

    fn check(&self, history: &History, _: &Budget<'_>) -> Judgement {
        let algorithm = "latencies";
        let mut answered = 0_u64;
        let mut late = Vec::new();
        for operation in history.operations().filter(|operation| operation.fate() == Fate::Ok) {
            answered += 1;
            let Some(completion) = operation.completion_event() else { continue };
            let took = completion.time.saturating_sub(operation.invocation.time);
            if took > self.limit_ns {
                let sentence = format!("the operation took {} ms", took / 1_000_000);
                late.push(Finding::new(history, "late", sentence, &[operation.call]));
            }
        }
        // Nothing to judge is never `valid`.
        let judgement = match (answered, late.is_empty()) {
            (0, _) => Judgement::unknown(algorithm, "no operation was answered"),
            (_, true) => Judgement::valid(algorithm),
            (_, false) => Judgement::invalid(algorithm, late.into_iter().map(Evidence::Finding).collect()),
        };
        judgement.with("answered", answered)
    }
}

fn main() -> Result<(), checkers::HistoryError> {
    let process = Process::client(0).expect("a small number");
    let history = History::new([
        Event::new(0, process, EventType::Invoke, "read", ()),
        Event::new(1_500_000_000, process, EventType::Ok, "read", 7),
    ])?;
    // Guarded: were it to panic, that would be `unknown`.
    let judgement = check_guarded(&Prompt { limit_ns: 1_000_000_000 }, &history, &Budget::default());
    println!("{}: {}", judgement.verdict, judgement.reason);
    Ok(())
}
