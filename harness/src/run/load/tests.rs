use std::collections::BTreeMap;
use std::path::Path;

use checkers::jsonl::{self, TornTail};
use checkers::{Budget, Fate, History};
use rand::SeedableRng;
use tokio::task::LocalSet;
use workloads::generator::per_second;
use workloads::memory_kv::MemoryKv;
use workloads::{GeneratorExt, Workload, WorkloadOptions};

use super::*;

const OP_TIMEOUT: Duration = Duration::from_millis(100);
const CLIENTS: u32 = 4;
/// How long the load lasts, ns.
const LOAD_NS: u64 = 1_000_000_000;
/// Nothing here takes longer, unless it hangs.
const LIMIT: Duration = Duration::from_secs(30);

/// A store in memory, for all but the client whose home is the first node.
struct Memory {
    store: MemoryKv,
    first: First,
    /// Raised when the first client is opened.
    at_open: Option<Interrupt>,
}

/// What the first client meets.
#[derive(Clone, Copy, PartialEq)]
enum First {
    NoAnswer,
    NoConnection,
    Refusal,
}

/// A client whose calls never end.
struct Silent;

#[async_trait]
impl Client for Silent {
    async fn invoke(&mut self, _: &Op) -> Outcome {
        std::future::pending().await
    }
}

#[async_trait]
impl OpenClient for Memory {
    async fn open(&self, home: usize, _: Process) -> Result<Box<dyn Client>, String> {
        if home == 0
            && let Some(interrupt) = &self.at_open
        {
            interrupt.raise();
        }
        match self.first {
            _ if home != 0 => Ok(Box::new(self.store.client())),
            First::NoAnswer => Ok(Box::new(Silent)),
            First::NoConnection => std::future::pending().await,
            First::Refusal => Err("refused".to_owned()),
        }
    }
}

/// A second of load with a first client of this kind, which raises `raised` when it is opened.
/// It must end in time, and leave a history that is one and that breaks no promise.
fn history_with(first: First, raised: Option<&Interrupt>) -> History {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("history.jsonl");
    let recorder = Arc::new(Recorder::create(&path).unwrap());
    let workload = workloads::register::Register::default();
    let workload_options = WorkloadOptions { concurrency: CLIENTS, nodes: CLIENTS };
    let mut generator = workload.generator(&workload_options).stagger(per_second(400.0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let options = LoadOptions {
            concurrency: CLIENTS,
            nodes: (1..=CLIENTS).map(|n| format!("n{n}").as_str().into()).collect(),
            op_timeout: OP_TIMEOUT,
        };
        let interrupt = raised.cloned().unwrap_or_default();
        let at_open = raised.cloned();
        let opener = Arc::new(Memory { store: MemoryKv::new(), first, at_open });
        let mut load = Load::start(options, Arc::clone(&recorder), opener, ChaCha8Rng::seed_from_u64(1));
        let end = recorder.now() + LOAD_NS;
        let loaded = tokio::time::timeout(LIMIT, load.run(&mut generator, Some(end), &interrupt)).await;
        loaded.expect("the load ends").expect("without trouble of ours");
        assert_eq!(load.outstanding, 0);
    });
    recorder.close().unwrap();
    let history = read(&path);
    for checker in workload.checkers() {
        let judgement = checker.check(&history, &Budget::default());
        assert_ne!(judgement.verdict, checkers::Verdict::Invalid, "{}: {}", checker.name(), judgement.reason);
    }
    history
}

fn read(path: &Path) -> History {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    jsonl::read(file, TornTail::Refuse).unwrap().history
}

/// Operations of the first client's thread: process, fate, error.
fn of_the_first(history: &History) -> Vec<(u32, Fate, String)> {
    let operations = history.operations().filter_map(|operation| {
        let number = operation.process().number()?;
        let error = operation.completion_event().and_then(|event| event.error());
        let error = error.map_or(String::new(), |error| error.as_str().unwrap_or_default().to_owned());
        (number % CLIENTS == 0).then(|| (number, operation.fate(), error))
    });
    operations.collect()
}

#[test]
fn a_client_that_never_answers_dies_of_each_call_and_holds_up_nobody() {
    let history = history_with(First::NoAnswer, None);
    let first = of_the_first(&history);
    assert!(first.len() >= 3, "{first:?}");
    for (nth, (process, fate, error)) in first.iter().enumerate() {
        // A dead process does not speak again: each call is another one's.
        assert_eq!(*process, nth as u32 * CLIENTS, "{first:?}");
        assert_eq!((*fate, error.as_str()), (Fate::Info, "timeout"));
    }
    let mut calls = BTreeMap::new();
    for event in history.operations() {
        *calls.entry(event.process()).or_insert(0) += 1;
    }
    let others: Vec<_> = (1..CLIENTS).map(|n| calls[&Process::client(n.into()).unwrap()]).collect();
    assert!(others.iter().all(|&count| count > 4 * first.len()), "{others:?} against {first:?}");
}

#[test]
fn an_operation_without_a_connection_failed_for_certain() {
    for (kind, expected) in [
        (First::NoConnection, "no connection within the time limit of an operation"),
        (First::Refusal, "refused"),
    ] {
        let first = of_the_first(&history_with(kind, None));
        assert!(first.len() >= 2, "{first:?}");
        for (process, fate, error) in &first {
            assert_eq!((*process, *fate, error.as_str()), (0, Fate::Fail, expected));
        }
    }
}

#[test]
fn an_interrupt_ends_the_load_once_the_calls_in_flight_have_ended() {
    // Each first client raises it when it is opened, with its call on the way.
    let interrupt = Interrupt::default();
    let history = history_with(First::NoAnswer, Some(&interrupt));
    assert!(interrupt.is_raised());
    let first = of_the_first(&history);
    assert_eq!(first, [(0, Fate::Info, "timeout".to_owned())], "no call after the interrupt");
    let last = history.events().last().expect("events").time;
    assert!(last < LOAD_NS, "the load went on for {last} ns");
}
