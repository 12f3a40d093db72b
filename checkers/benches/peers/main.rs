//! The same files judged by us and by peers, one after the other, each in a process of its own.
//!
//! `ci/peers` builds the peers from checkouts and runs this; by hand: `cargo bench -p checkers --bench peers [-- WORDS]`, with
//! the programs in the variables `PORCUPINE` (see `porcupine.go` beside this) and `AWDIT`. A peer that
//! is not named is left out. What is measured is the whole process, reading included: CPU time of all its threads, and its
//! largest resident set. Porcupine gets 10 seconds a file, AWDIT 20
//! (60 with a million transactions).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use checkers::formats::{self, Format};
use checkers::models::{CasRegister, PerKey};
use checkers::transactions::history::Holds;
use checkers::transactions::weak::{Isolation, Level};
use checkers::{Budget, Checker, EventType, History, Linearizability};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

#[path = "../../tests/suite/corpus_path.rs"]
mod corpus_path;
#[path = "../../tests/suite/isolation_database.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod isolation_database;
#[path = "../../tests/suite/simulate.rs"]
mod simulate;

use isolation_database::Load;
use simulate::{Plan, make_stale, simulate};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--bench")).collect();
    match &words[..] {
        [mode, what, file] if mode == "judge" => judge(what, Path::new(file)),
        [mode, command @ ..] if mode == "measure" => measure(command),
        _ => rows(&words),
    }
}

/// The child that is us.
fn judge(what: &str, file: &Path) {
    let text = std::fs::File::open(file).expect("the file that the bench wrote");
    let text = std::io::BufReader::with_capacity(1 << 16, text);
    let (format, checker): (Format, Box<dyn Checker>) = match Level::by_name(what) {
        Some(level) => (Format::Plume, Box::new(Isolation::new(level, Holds::Registers))),
        None => (Format::Histgen, Box::new(Linearizability::new(PerKey::new(CasRegister::default())))),
    };
    let history = formats::read(format, text).expect("a history of this format");
    println!("{}", checker.check(&history, &Budget::default()).verdict);
}

/// The child that runs another one, and says what it used.
fn measure(command: &[String]) {
    let output = Command::new(&command[0]).args(&command[1..]).output().expect("a program that can be run");
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).expect("every Linux counts");
    let cpu = used.user_time().num_microseconds() + used.system_time().num_microseconds();
    let said = String::from_utf8_lossy(&output.stdout);
    let says = |words: [&str; 3]| said.lines().any(|line| words.contains(&line.trim()));
    let verdict = match output.status.code() {
        Some(124) => "too long",
        Some(_) if says(["valid", "Ok", "Consistent."]) => "valid",
        Some(_) if says(["invalid", "Illegal", "Inconsistent."]) => "invalid",
        _ => "no answer",
    };
    println!("{cpu} {} {verdict}", used.max_rss());
}

/// What a child used.
struct Used {
    millis: f64,
    megabytes: f64,
    verdict: String,
}

fn run(seconds: u32, program: &Path, arguments: &[&str]) -> Used {
    let own = std::env::current_exe().expect("this program");
    let mut command = Command::new(own);
    command.arg("measure").args(["prlimit", "--as=8589934592", "timeout", &seconds.to_string()]);
    let output = command.arg(program).args(arguments).env("GOMEMLIMIT", "4GiB").output().expect("ourselves");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut fields = text.trim().splitn(3, ' ');
    let mut number = || fields.next().and_then(|word| word.parse::<f64>().ok()).unwrap_or(f64::NAN);
    let (millis, megabytes) = (number() / 1e3, number() / 1e3);
    Used { millis, megabytes, verdict: fields.next().unwrap_or("no answer").to_owned() }
}

struct Peers {
    words: Vec<String>,
    scratch: PathBuf,
    /// How often a peer was compared, and how often it was faster.
    rows: std::cell::Cell<(u32, u32)>,
}

impl Peers {
    /// One file, judged by both.
    fn row(
        &self,
        name: &str,
        what: &str,
        peer: &str,
        arguments: &[&str],
        seconds: u32,
        write: impl FnOnce() -> String,
    ) {
        let Some(program) = std::env::var_os(peer).map(PathBuf::from) else { return };
        if !self.words.iter().all(|word| name.contains(word.as_str())) {
            return;
        }
        let path = self.scratch.join("history.txt");
        std::fs::write(&path, write()).expect("a place to write to");
        let file = path.to_string_lossy();
        let own = std::env::current_exe().expect("this program");
        // One after the other, more than once where it is short.
        let mut ours: Vec<Used> = Vec::new();
        let mut theirs: Vec<Used> = Vec::new();
        for round in 0..3 {
            ours.push(run(60, &own, &["judge", what, &file]));
            if round == 0 || theirs[0].millis < 1_000.0 {
                let mut all = arguments.to_vec();
                all.push(&file);
                theirs.push(run(seconds, &program, &all));
            }
        }
        let best =
            |used: Vec<Used>| used.into_iter().min_by(|a, b| a.millis.total_cmp(&b.millis)).expect("one");
        let (ours, theirs) = (best(ours), best(theirs));
        let (rows, slower) = self.rows.get();
        self.rows.set((rows + 1, slower + u32::from(ours.millis > theirs.millis)));
        println!(
            "{:>9.1} {:>8.1} {:>9.1} {:>8.1} {:>7.1}  {name}: {} and {}",
            ours.millis,
            ours.megabytes,
            theirs.millis,
            theirs.megabytes,
            theirs.millis / ours.millis,
            ours.verdict,
            theirs.verdict,
        );
    }
}

fn rows(words: &[String]) {
    let scratch = std::env::temp_dir().join(format!("stormglass-peers-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).expect("a place to write to");
    let peers = Peers { words: words.to_vec(), scratch, rows: std::cell::Cell::new((0, 0)) };
    println!(
        "{:>9} {:>8} {:>9} {:>8} {:>7}  row: our verdict and theirs",
        "our ms", "MB", "their ms", "MB", "ratio"
    );
    registers(&peers);
    etcd(&peers);
    isolation(&peers);
    let (rows, slower) = peers.rows.get();
    println!("{rows} rows; we took longer in {slower}");
    let _ = std::fs::remove_dir_all(&peers.scratch);
}

fn registers(peers: &Peers) {
    for operations in [1_000, 10_000] {
        for cas in [false, true] {
            // Of a thousand keys a small history has too few operations each to go wrong.
            for keys in [1, 10, 1_000].into_iter().filter(|keys| keys * 10 <= operations as u64) {
                for clients in [5, 25, 100] {
                    for info in [0, 1, 5] {
                        for bad in [false, true] {
                            let what = if cas { "cas" } else { "rw" };
                            let kind = if bad { "invalid" } else { "valid" };
                            let name = format!(
                                "porcupine, {operations} operations, {what}, {keys} keys, {clients} clients, {info} % unanswered, {kind}"
                            );
                            peers.row(&name, "linearizable", "PORCUPINE", &[], 10, || {
                                let plan = Plan { keys, clients, info, cas, ..Plan::register(operations) };
                                let history = simulate(plan);
                                match bad {
                                    true => histgen(&make_stale(&history, 90).0),
                                    false => histgen(&history),
                                }
                            });
                        }
                    }
                }
            }
        }
    }
}

fn etcd(peers: &Peers) {
    let Some(corpus) = corpus_path::corpus() else { return println!("etcd logs: not here") };
    let index = std::fs::read_to_string(corpus.join("INDEX.tsv")).unwrap_or_default();
    let names =
        index.lines().filter(|row| row.contains("\tjepsen-log\t")).filter_map(|row| row.split('\t').next());
    for name in names {
        let Ok(log) = std::fs::File::open(corpus.join(name)) else { continue };
        let history = formats::read(Format::JepsenLog, std::io::BufReader::new(log));
        let history = history.expect("the corpus can be read");
        let row = format!("porcupine, {name}");
        peers.row(&row, "linearizable", "PORCUPINE", &[], 20, || histgen(&history));
    }
}

fn isolation(peers: &Peers) {
    for txns in [10_000, 100_000, 1_000_000] {
        let history = std::cell::OnceCell::new();
        for level in ["read-committed", "read-atomic", "causal"] {
            let name = format!("awdit, {txns} transactions, {level}");
            let seconds = if txns == 1_000_000 { 60 } else { 20 };
            peers.row(&name, level, "AWDIT", &["check", "-i", level], seconds, || {
                plume(history.get_or_init(|| isolation_database::run(Load::registers(txns))))
            });
        }
    }
}

/// In the format of our generator of register histories.
fn histgen(history: &History) -> String {
    let mut text = String::new();
    for (index, event) in history.events().enumerate().filter(|(_, event)| !event.process.is_nemesis()) {
        let (key, value) = match event.value.as_pair() {
            Some((key, value)) if event.f != "cas" || value.as_list().is_some() => {
                (key.as_int().unwrap_or(0), value)
            }
            _ => (0, event.value),
        };
        let kind = match event.event_type {
            EventType::Invoke => "invoke",
            EventType::Ok => "ok",
            EventType::Fail => "fail",
            EventType::Info => "info",
        };
        let f = match event.f.as_str() {
            "read" => "r",
            "write" => "w",
            other => other,
        };
        let value = value.to_value().to_string().replace("nil", "null");
        writeln!(
            text,
            r#"{{"i":{index},"t":{},"p":{},"type":"{kind}","f":"{f}","k":{key},"v":{value}}}"#,
            event.time,
            event.process.number().unwrap_or(0)
        )
        .expect("a string takes all");
    }
    text
}

/// As accesses of sessions; what was read before anybody wrote it is left out.
fn plume(history: &History) -> String {
    let mut text = String::new();
    for (number, operation) in history.operations().enumerate() {
        let Some(done) = operation.completion_event().filter(|event| event.event_type == EventType::Ok)
        else {
            continue;
        };
        for mop in done.value.as_list().into_iter().flatten() {
            let Some((f, key, value)) = mop.as_triple() else { continue };
            if let (Some(f), Some(key), Some(value)) = (f.as_str(), key.as_int(), value.as_int()) {
                let session = operation.process().number().unwrap_or(0);
                writeln!(text, "{f}({key},{value},{session},{number})").expect("a string takes all");
            }
        }
    }
    text
}
