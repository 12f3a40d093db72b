//! How fast histories are read, and how long hostile files last.
//!
//! `cargo bench -p checkers --bench formats [-- WORDS]`: only rows that contain all words; with the variable `FILE` the
//! time of that file. The histories are generated here, the same ones every time: a million operations and
//! a million transactions. Throughput is in MB a second.

use std::fmt::Write as _;
use std::io::BufReader;

use checkers::formats::{self, Format};

mod measure;

use measure::Bench;

/// Of each history.
const EVENTS: usize = 2_000_000;
/// Of each hostile file.
const HOSTILE_BYTES: usize = 10 << 20;

fn main() {
    let bench = Bench::from_args();
    if let Ok(path) = std::env::var("FILE") {
        return file(&bench, &path);
    }
    for (name, format, make) in HISTORIES {
        row(&bench, name, *format, make);
    }
    for (name, format, text) in hostile() {
        row(&bench, &format!("hostile, {:.0} MB, {name}", text.len() as f64 / 1e6), format, || text);
    }
}

fn file(bench: &Bench, path: &str) {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return println!("{path}: {error}"),
    };
    match formats::detect(&bytes, path) {
        Some(format) => row(bench, &format!("{path} ({format})"), format, || bytes),
        None => println!("{path}: no format fits"),
    }
}

/// Counts thousands of bytes, so that throughput is in MB a second.
fn row(bench: &Bench, name: &str, format: Format, make: impl FnOnce() -> Vec<u8>) {
    if !bench.wants(name) {
        return;
    }
    let text = make();
    bench.row(name, text.len() / 1000, || {
        || match formats::read(format, BufReader::with_capacity(1 << 16, &text[..])) {
            Ok(history) => format!("{} events of {:.0} MB", history.len(), text.len() as f64 / 1e6),
            Err(error) => format!("{:.70}", error.to_string()),
        }
    });
}

/// What a row is made of.
type Made = (&'static str, Format, fn() -> Vec<u8>);

const HISTORIES: &[Made] = &[
    ("jsonl, 1M operations on 1,000 keys", Format::Jsonl, || registers(Layout::Ours)),
    ("edn, 1M transactions, list-append", Format::Edn, transactions),
    ("edn, 1M operations on 1,000 keys", Format::Edn, || registers(Layout::Edn)),
    ("json, 1M operations on 1,000 keys", Format::Json, || registers(Layout::Json)),
    ("porcupine-kv, 1M operations", Format::Kv, || registers(Layout::Kv)),
    ("histgen, 1M operations", Format::Histgen, || registers(Layout::Histgen)),
    ("jepsen-log, 1M operations", Format::JepsenLog, || registers(Layout::Log)),
    ("csv, 1M operations as events", Format::Csv, || registers(Layout::Csv)),
    ("awdit, 2M accesses", Format::Awdit, || sessions(Layout::Awdit)),
    ("plume, 2M accesses", Format::Plume, || sessions(Layout::Plume)),
    ("dbcop-json, 2M accesses", Format::DbcopJson, || sessions(Layout::Json)),
];

#[derive(Clone, Copy)]
enum Layout {
    Ours,
    Edn,
    Json,
    Kv,
    Histgen,
    Log,
    Csv,
    Awdit,
    Plume,
}

/// Numbers that look random and are the same every time: SplitMix64.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }
}

/// 50 clients, half of whose operations are reads.
fn registers(layout: Layout) -> Vec<u8> {
    let mut numbers = Numbers(1);
    let mut out = match layout {
        Layout::Csv => "process,type,f,key,value,time\n".to_owned(),
        _ => String::new(),
    };
    let mut doing: Vec<Option<(bool, u64, u64)>> = vec![None; 50];
    for index in 0..EVENTS {
        let process = numbers.below(50);
        let slot = &mut doing[process as usize];
        let (kind, (write, key, value)) = match slot.take() {
            Some(operation) => ("ok", operation),
            None => ("invoke", *slot.insert((numbers.below(2) == 0, numbers.below(1_000), index as u64))),
        };
        let f = if write { "write" } else { "read" };
        let time = index as u64 * 1_543;
        let told = write || kind == "ok";
        let (json, edn) = match told {
            true => (value.to_string(), value.to_string()),
            false => ("null".to_owned(), "nil".to_owned()),
        };
        let done = match layout {
            Layout::Ours => writeln!(
                out,
                r#"{{"index":{index},"time":{time},"process":{process},"type":"{kind}","f":"{f}","value":["k{key}",{json}]}}"#
            ),
            Layout::Json => writeln!(
                out,
                r#"{{"process":{process},"type":"{kind}","f":"{f}","value":["k{key}",{json}],"time":{time},"index":{index}}}"#
            ),
            Layout::Edn => writeln!(
                out,
                "{{:type :{kind}, :f :{f}, :value [{key} {edn}], :time {time}, :process {process}, :index {index}}}"
            ),
            Layout::Kv => {
                writeln!(out, "{{:process {process}, :type :{kind}, :f :{f}, :key \"{key}\", :value {edn}}}")
            }
            Layout::Histgen => {
                let f = if write { "w" } else { "r" };
                writeln!(
                    out,
                    r#"{{"i":{index},"t":{time},"p":{process},"type":"{kind}","f":"{f}","k":{key},"v":{json}}}"#
                )
            }
            Layout::Log => writeln!(out, "INFO  jepsen.util - {process}\t:{kind}\t:{f}\t{edn}"),
            Layout::Csv => writeln!(out, "{process},{kind},{f},k{key},{},{time}", edn.replace("nil", "")),
            Layout::Awdit | Layout::Plume => Ok(()),
        };
        done.expect("a string takes all");
    }
    out.into_bytes()
}

/// Transactions of up to four micro-operations at 20 clients; reads see the last elements of a list.
fn transactions() -> Vec<u8> {
    let mut numbers = Numbers(2);
    let mut out = String::new();
    let mut doing: Vec<Option<Vec<(bool, u64)>>> = vec![None; 20];
    let mut lists = [(0_u64, 0_u64); 10];
    for index in 0..EVENTS {
        let process = numbers.below(20) as usize;
        let completes = doing[process].is_some();
        let operations = doing[process].take().unwrap_or_else(|| {
            (0..1 + numbers.below(4)).map(|_| (numbers.below(2) == 0, numbers.below(10))).collect()
        });
        let kind = if completes { "ok" } else { "invoke" };
        write!(out, "{{:index {index}, :type :{kind}, :process {process}, :f :txn, :value [")
            .expect("a string");
        for (at, (append, list)) in operations.iter().enumerate() {
            let (key, length) = &mut lists[*list as usize];
            if at > 0 {
                out.push(' ');
            }
            match (append, completes) {
                (true, _) => write!(out, "[:append {key} {}]", *length + 1),
                (false, false) => write!(out, "[:r {key} nil]"),
                (false, true) => {
                    let elements: Vec<String> = (1..=*length).map(|element| element.to_string()).collect();
                    write!(out, "[:r {key} [{}]]", elements.join(" "))
                }
            }
            .expect("a string");
            if *append && completes {
                *length += 1;
                if *length == 32 {
                    (*key, *length) = (*key + 10, 0);
                }
            }
        }
        writeln!(out, "], :time {}}}", index * 1_000_000).expect("a string");
        if !completes {
            doing[process] = Some(operations);
        }
    }
    out.into_bytes()
}

/// 50 sessions of transactions of four accesses.
fn sessions(layout: Layout) -> Vec<u8> {
    let mut numbers = Numbers(3);
    let mut out = String::new();
    let transactions = EVENTS as u64 / 4;
    if matches!(layout, Layout::Json) {
        out.push_str("[[");
    }
    for transaction in 0..transactions {
        let session = transaction * 50 / transactions;
        let next = (transaction + 1) * 50 / transactions != session;
        let accesses: Vec<(char, u64, u64)> = (0..4)
            .map(|at| {
                (if numbers.below(2) == 0 { 'r' } else { 'w' }, numbers.below(1_000), transaction * 4 + at)
            })
            .collect();
        match layout {
            Layout::Plume => {
                for (kind, key, value) in accesses {
                    writeln!(out, "{kind}({key},{value},{session},{transaction})").expect("a string");
                }
            }
            Layout::Awdit => {
                for (kind, key, value) in accesses {
                    writeln!(out, "{kind} {key} {value}").expect("a string");
                }
                out.push_str(if next { "=====\n" } else { "-----\n" });
            }
            _ => {
                let events: Vec<String> = accesses
                    .iter()
                    .map(|(kind, key, value)| format!(r#"["{kind}",{key},{value}]"#))
                    .collect();
                write!(out, r#"{{"events":[{}],"committed":true}}"#, events.join(",")).expect("a string");
                out.push_str(match (next, transaction + 1 == transactions) {
                    (_, true) => "]]",
                    (true, false) => "],[",
                    (false, false) => ",",
                });
            }
        }
    }
    out.into_bytes()
}

/// Files that somebody wrote to hold us up.
fn hostile() -> Vec<(&'static str, Format, Vec<u8>)> {
    let many = |text: &str| text.repeat(HOSTILE_BYTES / text.len());
    let edn = |value: &str| format!("{{:type :invoke :process 0 :f :w :value {value}}}");
    let json = |value: &str| format!("{{\"type\":\"invoke\",\"process\":0,\"f\":\"w\",\"value\":{value}}}");
    let ours = |value: &str| {
        format!(
            "{{\"index\":0,\"time\":1,\"process\":0,\"type\":\"invoke\",\"f\":\"w\",\"value\":{value}}}\n"
        )
    };
    let mut numbers = Numbers(4);
    let shuffled: Vec<u64> = (0..900_000).map(|_| numbers.below(u64::MAX >> 1)).collect();
    let joined =
        |each: fn(&u64) -> String, between: &str| shuffled.iter().map(each).collect::<Vec<_>>().join(between);
    let integers = joined(|n| (n >> 24).to_string(), " ");
    let edn_keys = joined(|n| format!(":k{n} 1"), " ");
    let json_keys = joined(|n| format!("\"k{n}\":1"), ",");
    let lines = |each: fn(usize) -> String, count| (0..count).map(each).collect::<String>();
    let nest = |open: &str, inner: &str, close: &str| open.repeat(120) + inner + &close.repeat(120);
    let rows: Vec<(&'static str, Format, String)> = vec![
        ("edn: only opening brackets", Format::Edn, edn(&many("["))),
        ("edn: a string without an end", Format::Edn, edn(&("\"".to_owned() + &many("abc")))),
        ("edn: only escapes", Format::Edn, edn(&format!("\"{}\"", many("\\n")))),
        ("edn: only NUL", Format::Edn, many("\0")),
        ("edn: a number of 10 MB", Format::Edn, edn(&many("9"))),
        ("edn: #_ and nothing else", Format::Edn, many("#_")),
        ("edn: a million discarded forms", Format::Edn, edn(&format!("[{}]", many("#_ [1] ")))),
        ("edn: a million tags", Format::Edn, edn(&format!("{} 1", many("#a ")))),
        ("edn: a map of 900,000 keys, not sorted", Format::Edn, edn(&format!("{{{edn_keys}}}"))),
        ("edn: an operation of 900,000 keys", Format::Edn, format!("{{:type :invoke {edn_keys}}}")),
        ("edn: 120 sets around 900,000 numbers", Format::Edn, edn(&nest("#{2 ", &integers, " 1}"))),
        ("edn: 120 maps around 900,000 numbers", Format::Edn, edn(&nest("{2 1 1 [", &integers, "]}"))),
        ("edn: maps as keys of maps", Format::Edn, edn(&nest("{{1 1} 1 ", "1", " {1 1}}"))),
        (
            "edn: outstanding operations without a process",
            Format::Edn,
            lines(|n| format!("{{:type :invoke :f :w :value {n}}}\n"), 290_000),
        ),
        (
            "edn: one process, never answered",
            Format::Edn,
            lines(|n| format!("{{:type :invoke :process 0 :f :w :value {n}}}\n"), 230_000),
        ),
        ("json: a map of 900,000 keys, not sorted", Format::Json, json(&format!("{{{json_keys}}}"))),
        ("json: only escapes", Format::Json, json(&format!("\"{}\"", many("\\u00e4")))),
        ("jsonl: a map of 900,000 keys, not sorted", Format::Jsonl, ours(&format!("{{{json_keys}}}"))),
        ("jsonl: a string without an end", Format::Jsonl, ours(&many("\"a"))),
        ("jepsen-log: chatter", Format::JepsenLog, many("a b c\n")),
        ("jepsen-log: one line", Format::JepsenLog, many("1 :invoke ")),
        ("plume: every access aborted", Format::Plume, many("w(1,2,3,-1)\n")),
        ("dbcop-text: a million names", Format::DbcopText, lines(|n| format!("[x{n}:=1]\n"), 800_000)),
        ("csv: a million columns", Format::Csv, "op,type,".to_owned() + &many("a,")),
        ("csv: a million rows", Format::Csv, "op,type\n".to_owned() + &many("a,ok\n")),
    ];
    rows.into_iter().map(|(name, format, text)| (name, format, text.into_bytes())).collect()
}
